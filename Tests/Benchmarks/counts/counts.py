#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Counts system calls and heap allocations per MCP call and compares them with thresholds.json.
"""Counts system calls and heap allocations per MCP call: figures that do not depend on the machine's speed.

Each count is the difference of two run lengths on a warm gateway, so that start, handshake and shutdown drop
out. One connection, one call at a time: batching, which depends on timing, cannot hide a call's cost."""

import argparse
import contextlib
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from rig.peers import ASKED, BLOB, ECHO, Backends, Peers  # noqa: E402
from rig.places import Cores, Places, Skip  # noqa: E402
from rig.processes import Failure, tree  # noqa: E402

THRESHOLDS = HERE / "thresholds.json"
SHORT, LONG = 500, 2500
WARM = 300
COUNTERS = ("malloc", "calloc", "realloc", "aligned", "free", "bytes")

# What is counted: the era of the client, the tool, which gateway it meets. `server`: a backend that speaks only
# one era and is strict about it. `asked`: the client declares that it answers questions.
CASES = {
    "http-modern": dict(era="modern", tool=ECHO),
    "http-legacy": dict(era="legacy", tool=ECHO),
    "http-modern-100k": dict(era="modern", tool=BLOB),
    "stdio-modern": dict(era="modern", tool=ECHO, variant="stdio"),
    "toolset-modern": dict(era="modern", tool=ECHO, variant="toolset"),
    "http-modern-to-legacy": dict(era="modern", tool=ECHO, server="legacy"),
    "http-legacy-to-modern": dict(era="legacy", tool=ECHO, server="modern"),
    "http-legacy-to-legacy": dict(era="legacy", tool=ECHO, server="legacy"),
    "http-modern-to-legacy-asked": dict(era="modern", tool=ECHO, server="legacy", asked=True),
    "http-legacy-to-modern-asked": dict(era="legacy", tool=ECHO, server="modern", asked=True),
    "http-legacy-to-legacy-asked": dict(era="legacy", tool=ECHO, server="legacy", asked=True),
}


class Counting:
    """Starts gateways and counts what they do."""

    def __init__(self, places, peers, backends, peer):
        self.places, self.peers, self.backends, self.peer = places, peers, backends, peer

    def gateway(self, case, env=None):
        if self.peer != "jackfield":
            return getattr(self.peers, self.peer.replace("-", "_"))(env)
        variant, server = case.get("variant"), case.get("server")
        options = {}
        if server:
            options["servers"] = {"b0": {"url": self.backends.url(server)}}
        if variant == "stdio":
            options["servers"] = {"b0": {"command": str(self.places.backend), "args": ["--stdio"]}}
        elif variant == "toolset":
            options["servers"] = {"b0": {"plugin": "bench-toolset"}}
            toolset = {"file": str(self.places.bin / "bench_toolset.so"), "placement": "inproc"}
            options["plugins"] = [toolset]
        return self.peers.jackfield(f"counts-{variant or server or 'http'}", env=env, **options)

    def drive(self, gateway, case, calls):
        """Exactly `calls` tool calls; anything but as many right answers is a failure."""
        tool = gateway.tool(case["tool"])
        kind = ["--blob", "100000"] if case["tool"] == BLOB else ["--size", "300"]
        command = [self.places.load, "--url", gateway.url, "--era", case["era"], "--tool", tool, *kind]
        command += ["--capabilities", ASKED] if case.get("asked") else []
        done = subprocess.run(
            [*command, "--requests", str(calls)], capture_output=True, text=True, timeout=120
        )
        record = json.loads(done.stdout) if done.stdout else {}
        if done.returncode or record.get("calls") != calls:
            said = record.get("error_sample") or done.stderr.strip()[-200:]
            raise Failure(f"{calls} calls were sent, not all were answered: {said}")

    def traced(self, gateway, case, calls):
        """System calls by name during `calls` calls, by the gateway's threads that were there before."""
        summary = self.places.run / "strace.txt"
        pids = [str(p) for p in tree(gateway.process.pid) if not is_backend(p)]
        command = ["strace", "-f", "-c", "-U", "name,calls", "-o", summary]
        tracer = subprocess.Popen(
            [*command, *(w for p in pids for w in ("-p", p))], stderr=subprocess.PIPE, text=True
        )
        try:
            said = []
            for line in tracer.stderr:
                said.append(line)
                if "attached" in line:
                    break
            else:
                raise Skip(f"strace cannot attach ({''.join(said).strip()}): ptrace is not permitted here")
            wait_traced(pids)
            self.drive(gateway, case, calls)
        finally:
            tracer.terminate()
            tracer.wait()
        return read_summary(summary.read_text())

    def system_calls(self, case):
        """(per call in all, by name)."""
        if not shutil.which("strace"):
            raise Skip("strace is not installed; `apt-get install strace` brings it")
        gateway = self.gateway(case)
        try:
            self.drive(gateway, case, WARM)
            short, long = (self.traced(gateway, case, n) for n in (SHORT, LONG))
        finally:
            gateway.stop()
        names = {n: (long.get(n, 0) - short.get(n, 0)) / (LONG - SHORT) for n in {*short, *long}}
        return sum(names.values()), names

    def allocations(self, case):
        """(per call, not freed per call, bytes per call)."""
        counters = self.places.run / "allocations.bin"
        counters.unlink(missing_ok=True)
        env = {
            "LD_PRELOAD": str(self.places.bin / "allocation_counter.so"),
            "BENCH_ALLOCATIONS": str(counters),
        }
        gateway = self.gateway(case, env)
        try:
            if not counters.exists() or not any(counters.read_bytes()):
                raise Failure("the gateway did not load the allocation counter: is it linked statically?")
            readings = []
            for calls in (WARM, SHORT, LONG):
                self.drive(gateway, case, calls)
                time.sleep(0.05)  # the end of the last session is handled after its answer
                readings.append(struct.unpack("<6Q", counters.read_bytes()))
        finally:
            gateway.stop()
        short, long = ([b - a for a, b in zip(*pair)] for pair in (readings[0:2], readings[1:3]))
        per = {n: (b - a) / (LONG - SHORT) for n, a, b in zip(COUNTERS, short, long)}
        made = per["malloc"] + per["calloc"] + per["aligned"]
        return made + per["realloc"], made - per["free"], per["bytes"]


def is_backend(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as comm:
        return comm.read().startswith("bench-backend")
    return False


def wait_traced(pids, limit=5.0):
    """Until every thread of these processes has its tracer."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        states = [s.read_text() for p in pids for s in pathlib.Path(f"/proc/{p}/task").glob("*/status")]
        if all("TracerPid:\t0\n" not in s for s in states):
            return
        time.sleep(0.005)
    raise Failure(f"strace had not attached to every thread after {limit:.0f} s")


def read_summary(text):
    """`strace -c -U name,calls`: rows of a name and a count between two rules."""
    counts = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[1].isdigit() and words[0] != "total":
            counts[words[0]] = int(words[1])
    return counts


class Verdicts:
    def __init__(self, limits):
        self.limits, self.passed, self.failed, self.skipped = limits, 0, 0, 0

    def judge(self, case, name, value, detail=""):
        limit = self.limits.get(case, {}).get(name)
        if limit is None:
            self.failed += 1
            print(f"FAIL  {case}: {name} {value:.2f}, no limit in thresholds.json; --write adds one{detail}")
        elif value > limit:
            self.failed += 1
            print(f"FAIL  {case}: {name} {value:.2f}, at most {limit} allowed{detail}")
        else:
            self.passed += 1
            print(f"ok    {case}: {name} {value:.2f} (at most {limit}){detail}")

    def skip(self, case, name, why):
        self.skipped += 1
        print(f"skip  {case}: {name}: {why}")

    def fail(self, case, name, why):
        self.failed += 1
        print(f"FAIL  {case}: {name}: {why}")


def measure(counting, case):
    """The counts of one case: name -> (value, detail), or the reason why there is none."""
    found = {}
    try:
        total, names = counting.system_calls(case)
        detail = "".join(
            f", {n} {v:.2f}" for n, v in sorted(names.items(), key=lambda i: -i[1]) if v >= 0.005
        )
        found["system calls"] = (max(total, 0), f":{detail[1:]}" if detail else "")
    except (Skip, Failure, OSError) as why:
        found["system calls"] = why
    try:
        made, kept, size = counting.allocations(case)
        found["allocations"] = (max(made, 0), f": {size:.0f} bytes")
        found["not freed"] = (max(kept, 0), "")
    except (Skip, Failure, OSError) as why:
        found["allocations"] = why
    return found


def rounded_limit(name, value):
    """A limit with room for timers, not for one more call."""
    return round(
        value + {"system calls": 0.4, "allocations": 0.3, "not freed": 0.05}[name], 1 if value >= 1 else 2
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", default="jackfield", choices=["jackfield", "nginx", "haproxy", "envoy-mcp"])
    parser.add_argument("--cases", default=",".join(CASES), help="a list with commas between")
    parser.add_argument(
        "--write", action="store_true", help="write the counts found, with room, to thresholds.json"
    )
    parser.add_argument("--gateway", metavar="FILE", help="the gateway (default dist/bin/jackfield)")
    parser.add_argument("--build", metavar="DIR", help="where to build (default .build)")
    arguments = parser.parse_args()

    places = Places(arguments.build, arguments.gateway)
    places.build_programs()
    cores = Cores()
    if arguments.peer == "jackfield":
        try:
            places.find_gateway()
        except Skip as missing:
            print(f"FAIL  {missing}\n0 passed, 1 failed")
            return 1
    limits = json.loads(THRESHOLDS.read_text()) if THRESHOLDS.exists() else {}
    verdicts = Verdicts(limits)
    backends = Backends(places, cores, ["plain", "modern", "legacy"])
    try:
        counting = Counting(places, Peers(places, cores, backends), backends, arguments.peer)
        for name in arguments.cases.split(","):
            if arguments.peer != "jackfield" and {"variant", "server"} & CASES[name].keys():
                continue
            for what, found in measure(counting, CASES[name]).items():
                if isinstance(found, Skip):
                    verdicts.skip(name, what, found)
                elif isinstance(found, Exception):
                    verdicts.fail(name, what, found)
                elif arguments.peer != "jackfield":
                    print(f"{arguments.peer} {name}: {what} {found[0]:.2f}{found[1]}")
                else:
                    if arguments.write:
                        limits.setdefault(name, {})[what] = rounded_limit(what, found[0])
                    verdicts.judge(name, what, *found)
    finally:
        backends.stop()
    if arguments.write:
        THRESHOLDS.write_text(json.dumps(limits, indent=4) + "\n")
    if arguments.peer == "jackfield":
        skipped = f", {verdicts.skipped} skipped" if verdicts.skipped else ""
        print(f"{verdicts.passed} passed, {verdicts.failed} failed{skipped}")
    return 1 if verdicts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
