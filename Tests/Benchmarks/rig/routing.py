# SPDX-License-Identifier: Apache-2.0
# What routing costs and what it is good for: picks, its share in a call, and one slow replica of four.
"""Measurements of routing strategies."""

import json
import shutil
import signal
import statistics
import subprocess
import time

from .contract import CELL, MOCK, build, run, said
from .places import HERE, Skip
from .processes import Failure

ENDPOINTS = 100
SLOW = ["round-robin", "least-request", "peak-ewma"]
# The functions of the gateway that resolve a name, pick a replica and note how a call ended, as their symbols
# spell them. What a strategy's plugin does is told by its file.
FUNCTIONS = ["13JackfieldCore4LaneC6target", "10ServerLinkC4pick", "13JackfieldCore4LaneC7observe"]
STRATEGY, SAMPLES_PER_S = "peak-ewma", 4000
PICKS_TITLE = f"ns a pick, among {ENDPOINTS} endpoints"


def rows(facts):
    """The promises, as (text, value, limit, unit); a value of None was not measured."""
    found = facts.get("routing", {})
    picks = [ns for pick in found.get("picks", []) for ns in (pick["equal_ns"], pick["weighted_ns"])]
    text = "routing: p99 with one slow replica of four, {}: to round-robin"
    return [
        (f"routing: the slowest pick among {ENDPOINTS} endpoints", max(picks, default=None), 200, " ns"),
        ("routing: resolve, pick and observe in a call's CPU", found.get("share_percent"), 3, " %"),
        *((text.format(name), found.get("p99_ratio", {}).get(name), 1, "x") for name in SLOW[1:]),
    ]


NOTES = f"""\
- A pick is a strategy's `pick` alone, called through its table with {ENDPOINTS} endpoints of which all may
  take the call: the least of 200 runs of 2,000 picks. Callers, times and open calls differ from pick to pick
  and endpoint to endpoint; weights are equal, or 1 to 5.
- Resolve, pick and observe: from a tool's name to its server, from the server to a replica, and what is noted
  when the call has ended. The gateway, before four replicas with `{STRATEGY}`, is sampled {SAMPLES_PER_S}
  times a second of its CPU (`perf`, the whole stack, kernel included) under the usual load; the share is that
  of the samples that have one of these three functions on the stack, or end in the strategy's plugin, over
  all rounds.
- One slow replica of four: it answers after 50 ms, the others at once; 32 connections, 300 B. Each round
  measures all three strategies one after the other, each in a gateway of its own; the figure is the median of
  the rounds' ratios.
"""


def measure(bench, progress=lambda text: None):
    """Adds `routing` to the facts of a run; what cannot be measured is skipped or fails with its reason."""
    found = bench.results.facts.setdefault("routing", {})
    for name, part in (("picks", picks), ("share", share), ("slow", slow)):
        began = time.monotonic()
        try:
            part(bench, found)
            progress(f"routing, {name}: {time.monotonic() - began:.0f} s")
        except Skip as why:
            bench.results.skip(f"jackfield-routing-{name}", why)
        except (Failure, OSError, ValueError, subprocess.SubprocessError) as why:
            bench.results.fail(f"jackfield-routing-{name}", said(why))


def picks(bench, found):
    sources = [HERE / "routing" / "timing.c", *sorted(MOCK.glob("*.c")), *sorted(CELL.glob("*.c"))]
    program = build(bench, "bench-picks", sources)
    plugins = bench.places.gateway.parent.parent / "lib/jackfield/plugins"
    if not (plugins / "routing-weighted.so").exists():
        raise Skip(f"{plugins} has no strategies; `make build` makes them")
    found["picks"] = json.loads(run(bench, program, "--json", plugins, ENDPOINTS))


def pick_table(facts):
    """A line for each strategy; None without any."""
    lines = [
        f"| {p['strategy']} | {p['case']} | {p['equal_ns']:.0f} | {p['weighted_ns']:.0f} |"
        for p in facts.get("routing", {}).get("picks", [])
    ]
    head = ["| strategy | as set up | equal weights | weights 1 to 5 |", "|---|---|--:|--:|"]
    return "\n".join(head + lines) if lines else None


def routed(bench, strategy, kind):
    """A gateway before four replicas."""
    replicas = [{"url": bench.backends.url(kind, i)} for i in range(4)]
    servers = {"b0": {"routing": strategy, "replicas": replicas}}
    name = f"jackfield-{strategy}"
    gateway = bench.start(name, lambda: bench.peers.jackfield(name, servers=servers))
    if not gateway:
        raise Failure(f"no gateway with {strategy}: {bench.results.failed.get(name, 'it was skipped')}")
    return gateway


# ---- share -----------------------------------------------------------------------------------------------


def share(bench, found):
    perf = shutil.which("perf")
    if not perf:
        raise Skip("perf is not installed; `apt-get install linux-perf` brings it")
    for _ in range(bench.plan.rounds):
        gateway = routed(bench, STRATEGY, "four")
        try:
            bench.call(gateway, "sampled", "modern", 32, other="four")  # warm
            samples = sampled(bench, perf, gateway)
        finally:
            gateway.stop()
        found.setdefault("share_samples", []).append(samples)
    inside, whole = (sum(column) for column in zip(*found["share_samples"]))
    found["share_percent"] = 100 * inside / whole


def sampled(bench, perf, gateway):
    """Samples in routing, and all of them, over one window of load."""
    data = bench.places.run / "perf.data"
    command = [perf, "record", "-e", "cpu-clock", "-F", SAMPLES_PER_S, "--call-graph", "fp"]
    command += ["-o", data, "-p", gateway.process.pid]
    log = bench.places.run / "perf.log"
    with open(log, "w") as out:
        recorder = subprocess.Popen([str(c) for c in command], stdout=out, stderr=out)
    try:
        bench.call(gateway, "sampled", "modern", 32, other="four")
    finally:
        recorder.send_signal(signal.SIGINT)
        recorder.wait(30)
    command = [perf, "script", "-i", data, "-F", "ip,sym,dso"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120)
    stacks = [stack for stack in done.stdout.split("\n\n") if stack.strip()]
    if len(stacks) < 500:
        why = log.read_text().strip()[-150:]
        raise Skip(f"perf took {len(stacks)} samples; it may need more rights: {why}")
    named = sum(any(f in stack for f in FUNCTIONS) for stack in stacks)
    if named == 0:
        raise Failure("no sample names a function of routing: the symbols have other names")
    return [sum(is_routing(stack) for stack in stacks), len(stacks)]


def is_routing(stack):
    return "/routing-" in stack.lstrip().split("\n", 1)[0] or any(f in stack for f in FUNCTIONS)


# ---- one slow replica ------------------------------------------------------------------------------------


def slow(bench, found):
    rounds = found.setdefault("p99_us", [])
    for _ in range(bench.plan.rounds):
        p99 = {}
        for strategy in SLOW:
            gateway = routed(bench, strategy, "lame")
            try:
                record = bench.call(gateway, "one-slow", "modern", 32, other="lame")
            finally:
                gateway.stop()
            if not record.get("p99_us"):
                raise Failure(f"{strategy}: {record.get('failed', 'no answers')}")
            p99[strategy] = record["p99_us"]
        rounds.append(p99)
    found["p99_ratio"] = {
        name: statistics.median(r[name] / r["round-robin"] for r in rounds) for name in SLOW[1:]
    }
