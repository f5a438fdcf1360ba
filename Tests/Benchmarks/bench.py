#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Measures Jackfield beside nginx, HAProxy and Envoy in one interleaved run. See README.md.
"""Measures Jackfield beside nginx, HAProxy and Envoy in one interleaved run.

Every process listens on the loopback interface only and ends with the run."""

import argparse
import json
import os
import shlex
import signal
import sys
import time

from rig import contract, guards, report, routing
from rig.measures import PROXIES, Bench, Plan
from rig.peers import Backends, Peers
from rig.places import ROOT, Cores, Places, Skip, Turns, describe_machine


def options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer cases and shorter windows (under 2 minutes)"
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds, interleaved (default 3)")
    parser.add_argument("--peers", metavar="A,B", help=f"only these of {', '.join(PROXIES)}")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--gateway", metavar="FILE", help="the gateway (default dist/bin/jackfield)")
    parser.add_argument("--build", metavar="DIR", help="where to build and write results (default .build)")
    parser.add_argument(
        "--lock",
        metavar="FILE",
        default=os.environ.get("BENCH_LOCK"),
        help="hold this advisory lock while timing, so that runs take turns (default: $BENCH_LOCK)",
    )
    return parser.parse_args()


def chosen_peers(text):
    if not text:
        return None
    names = text.split(",")
    unknown = [name for name in names if name not in PROXIES]
    if unknown:
        sys.exit(f"bench: no peer is called {unknown[0]}; there are {', '.join(PROXIES)}")
    return names


def main():
    arguments = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` stops what was started
    places, cores = Places(arguments.build, arguments.gateway), Cores()
    plan = Plan(arguments.quick, max(1, arguments.rounds), chosen_peers(arguments.peers))
    if "jackfield" in plan.peers:
        try:
            places.find_gateway()
        except Skip as missing:
            sys.exit(f"bench: {missing}, or leave it out: --peers nginx,haproxy,envoy-mcp")
    places.build_programs()
    began = time.monotonic()
    backends = Backends(places, cores, ["plain", "modern", "legacy", "fifty", "four", "lame"])
    try:
        bench = Bench(places, cores, Turns(arguments.lock), plan, Peers(places, cores, backends), backends)
        results = bench.run(lambda text: print(f"bench: {text}", file=sys.stderr))
        if "jackfield" in plan.peers:
            contract.measure(bench, lambda text: print(f"bench: {text}", file=sys.stderr))
            routing.measure(bench, lambda text: print(f"bench: {text}", file=sys.stderr))
            guards.measure(bench, lambda text: print(f"bench: {text}", file=sys.stderr))
            bench.turns.release()
    finally:
        backends.stop()

    machine = describe_machine(places, ["nginx", "haproxy", "envoy", "jackfield"])
    for title, table in report.case_tables(results):
        print(f"\n{title}\n{table}")
    pairs = report.pair_table(results)
    if pairs:
        print(f"\n{report.PAIRS_TITLE}\n{pairs}")
    picks = routing.pick_table(results.facts)
    if picks:
        print(f"\n{routing.PICKS_TITLE}\n{picks}")
    print(f"\nstart and memory\n{report.weight_table(results)}")
    print(f"\ntargets\n{report.target_table(results, plan.eras)}")
    wrong = list(results.wrong())
    for gateway, case, record in wrong:
        said = (
            record.get("failed")
            or f"{record['errors']} wrong, {record['lost']} lost: {record['error_sample']}"
        )
        print(f"wrong: {gateway} {case}: {said}")
    for name, why in results.failed.items():
        print(f"failed: {name}: {why}")
    stamp = time.strftime("%Y%m%d-%H%M%S")
    path = places.bench / f"results-{stamp}.json"
    path.write_text(
        json.dumps({"machine": machine, "quick": plan.quick, **results.as_json()}, indent=1) + "\n"
    )
    print(f"\n{time.monotonic() - began:.0f} s; results in {path}")
    if arguments.write:
        command = (
            "make bench"
            if not plan.quick
            else shlex.join(["python3", "Tests/Benchmarks/bench.py", "--quick"])
        )
        (ROOT / "docs").mkdir(exist_ok=True)
        (ROOT / "docs" / "benchmarks.md").write_text(
            report.page(results, machine, plan, command, cores.shared)
        )
        print("written: docs/benchmarks.md")
    missed = [t.text for t in report.targets(results, plan.eras) if t.met is False]
    ours = [name for name in [*results.failed, *(g for g, _, _ in wrong)] if name.startswith("jackfield")]
    return 1 if ours or (arguments.check and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
