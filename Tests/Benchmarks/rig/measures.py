# SPDX-License-Identifier: Apache-2.0
# The cases of the benchmark: what is measured, on which gateway, round by round.
"""Cases and rounds."""

import http.client
import json
import os
import statistics
import subprocess
import sys
import time

from .parked import parked_kib
from .peers import ASKED, BLOB, DEMO, ECHO, LIST_ID, wait_tool
from .places import Skip
from .processes import Failure, resident_kib

SMALL, LARGE = 300, 100_000
PROXIES = ["direct", "nginx", "haproxy", "envoy-router", "envoy-mcp", "jackfield"]


# Client era x server era, in the order of measuring.
PAIRS = [(client, server) for client in ("modern", "legacy") for server in ("modern", "legacy")]


def case_name(kind, era, connections):
    return f"{kind}/{era}/{connections}"


def stored_list():
    """A tools/list answer of the usual weight, for runs without our gateway."""
    text = {"type": "string", "description": "The text that the tool returns unchanged"}
    schema = {"type": "object", "properties": {"text": text}, "required": ["text"]}
    about = "It exists to give the list a realistic weight and to be called."
    tools = [
        {
            "name": f"s{i // 100:02d}__tool_{i % 100:03d}",
            "description": f"Bench tool {i}. {about}",
            "inputSchema": schema,
        }
        for i in range(5000)
    ]
    result = {"resultType": "complete", "tools": tools, "ttlMs": 0, "cacheScope": "public"}
    return json.dumps({"jsonrpc": "2.0", "id": LIST_ID, "result": result}, separators=(",", ":")).encode()


class Plan:
    """How much is measured."""

    def __init__(self, quick=False, rounds=3, peers=None):
        self.quick, self.rounds = quick, rounds
        self.seconds, self.warmup = (0.5, 0.15) if quick else (1.0, 0.25)
        self.peers = peers or (["direct", "nginx", "envoy-mcp", "jackfield"] if quick else PROXIES)
        self.eras = ["modern"] if quick else ["modern", "legacy"]
        self.small = [32, 256] if quick else [1, 32, 256]
        self.large = [32]
        self.pairs = ["echo"] if quick else ["echo", "asked"]
        self.parked = 200 if quick else 1000
        self.soak = 200_000 if quick else 1_000_000
        self.starts = 3 if quick else 5


class Results:
    """All records: (gateway, case) -> one record a round; what was skipped; single figures."""

    def __init__(self):
        self.records, self.skipped, self.failed, self.facts = {}, {}, {}, {}

    def add(self, gateway, case, record):
        self.records.setdefault((gateway, case), []).append(record)

    def note(self, fact, gateway, value):
        """One of a fact's values for a gateway, say its start time in this round."""
        self.facts.setdefault(fact, {}).setdefault(gateway, []).append(value)

    def skip(self, name, why):
        if name not in self.skipped:
            print(f"bench: {name} skipped: {why}", file=sys.stderr)
        self.skipped[name] = str(why)

    def fail(self, name, why):
        print(f"bench: {name} FAILED: {why}", file=sys.stderr)
        self.failed[name] = str(why)

    def best(self, gateway, case):
        """The round with the fewest errors and the least CPU per call; without a gateway, the most calls."""
        rounds = [r for r in self.records.get((gateway, case), []) if r.get("calls")]

        def rank(r):
            return r["errors"] + r["lost"], r["cpu_us_per_call"] or 1e9 / r["calls_per_s"]

        return min(rounds, key=rank) if rounds else None

    def wrong(self):
        """Records with wrong or lost answers, over all rounds."""
        for (gateway, case), rounds in self.records.items():
            for r in rounds:
                if r.get("failed") or r.get("errors") or r.get("lost"):
                    yield gateway, case, r

    def as_json(self):
        records = [{"gateway": g, "case": c, "rounds": r} for (g, c), r in self.records.items()]
        return {"records": records, "skipped": self.skipped, "failed": self.failed, "facts": self.facts}


class Bench:
    """One run: backends stay up, gateways are started anew each round."""

    def __init__(self, places, cores, turns, plan, peers, backends):
        self.places, self.cores, self.turns, self.plan = places, cores, turns, plan
        self.peers, self.backends = peers, backends
        self.results = Results()

    def load(self, gateway, case, arguments, other="plain"):
        """One measurement. Its record is kept, whatever came out."""
        command = [self.places.load, "--url", gateway.url, *map(str, arguments)]
        if "--requests" not in arguments:
            command += ["--seconds", str(self.plan.seconds), "--warmup", str(self.plan.warmup)]
        if gateway.process:
            command += ["--pid", str(gateway.process.pid)]
        command += ["--other", str(self.backends.pid(other))]
        with self.turns.timing():
            try:
                done = subprocess.run(
                    command,
                    capture_output=True,
                    text=True,
                    timeout=120,
                    preexec_fn=lambda: os.sched_setaffinity(0, self.cores.load),
                )
                record = json.loads(done.stdout) if done.stdout else {"failed": done.stderr.strip()[-200:]}
            except subprocess.TimeoutExpired:
                record = {"failed": "no result in 120 s"}
        if gateway.process and not gateway.process.alive:
            record["failed"] = f"{gateway.name} ended with status {gateway.process.popen.returncode}"
        self.results.add(gateway.name, case, record)
        return record

    def call(self, gateway, kind, era, connections, server="b0", other="plain"):
        """tools/call of echo (300 B) or blob (100 KB); `asked`: echo by a client that can be asked."""
        large = kind.endswith("blob")
        arguments = ["--era", era, "--connections", connections]
        arguments += ["--tool", gateway.tool(BLOB if large else ECHO, server)]
        arguments += ["--blob", LARGE] if large else ["--size", SMALL]
        arguments += ["--capabilities", ASKED] if kind.endswith("asked") else []
        return self.load(gateway, case_name(kind, era, connections), arguments, other)

    def start(self, name, starter):
        """A started gateway, or None when it cannot run here; what it costs to start is kept."""
        try:
            with self.turns.timing():
                gateway = starter()
        except Skip as skip:
            self.results.skip(name, skip)
            return None
        except (Failure, OSError) as failure:
            self.results.fail(name, failure)
            return None
        if gateway.process:
            self.results.note("start_ms", name, round(gateway.start_ms, 1))
            self.results.note("idle_kib", name, gateway.idle_kib)
        return gateway

    def main_round(self):
        """Every peer on the same calls, one case after the other."""
        starters = {
            "direct": self.peers.direct,
            "nginx": self.peers.nginx,
            "haproxy": self.peers.haproxy,
            "envoy-router": self.peers.envoy_router,
            "envoy-mcp": self.peers.envoy_mcp,
            "jackfield": self.peers.jackfield,
        }
        running = [self.start(name, starters[name]) for name in self.plan.peers]
        running = [gateway for gateway in running if gateway]
        try:
            for kind, counts in (("echo", self.plan.small), ("blob", self.plan.large)):
                for era in self.plan.eras:
                    for connections in counts:
                        for gateway in running:
                            self.call(gateway, kind, era, connections)
        finally:
            for gateway in running:
                if gateway.process:
                    self.results.note("loaded_kib", gateway.name, resident_kib(gateway.process.pid))
                gateway.stop()

    def variant(self, name, cases, **options):
        """Our gateway in another set-up: cases are the arguments of `call`."""
        gateway = self.start(name, lambda: self.peers.jackfield(name, **options))
        if not gateway:
            return
        try:
            for case in cases:
                self.call(gateway, **case)
        finally:
            gateway.stop()

    def variants_round(self):
        eras = self.plan.eras
        core = str(next(iter(self.cores.load)))
        child = {"command": str(self.places.backend), "args": ["--stdio", "--core", core]}
        echo = [dict(kind="echo", era=era, connections=32) for era in eras]
        large = [] if self.plan.quick else [dict(kind="blob", era="modern", connections=32)]
        self.variant("jackfield-stdio", [*echo, *large], servers={"b0": child})
        if "legacy" in eras:
            self.bridge()
        toolset = str(self.places.bin / "bench_toolset.so")
        self.variant(
            "jackfield-toolset",
            echo,
            servers={"b0": {"plugin": "bench-toolset"}},
            plugins=[{"file": toolset, "placement": "inproc"}],
        )
        self.pairs()
        routing = str(self.places.bin / "bench_routing.so")
        replicas = [{"url": self.backends.url("plain", i)} for i in range(2)]
        self.variant(
            "jackfield-1-plugin",
            echo,
            servers={"b0": {"routing": "bench-turns", "replicas": replicas}},
            plugins=[{"file": routing, "placement": "inproc"}],
        )
        counts = [32] if self.plan.quick else [32, 256]
        loops = [dict(kind="echo", era="modern", connections=n) for n in counts]
        self.variant("jackfield-2-loops", loops, loops=2)
        self.lists()

    def bridge(self):
        """Another bridge to a stdio child, which speaks to clients with sessions only."""
        gateway = self.start("contextforge-stdio", self.peers.bridge)
        if gateway:
            try:
                self.call(gateway, "echo", "legacy", 32)
            finally:
                gateway.stop()

    def pairs(self):
        """Client era x server era; the servers speak one era each and are strict about it.

        Small differences are looked for: a round measures all pairs forwards and backwards, so that what the
        machine does meanwhile meets all of them."""
        servers = {era: {"url": self.backends.url(era)} for era in ("modern", "legacy")}
        cases = [
            dict(kind=f"to-{server}-{kind}", era=client, connections=32, server=server, other=server)
            for kind in self.plan.pairs
            for client, server in PAIRS
        ]
        if "asked" in self.plan.pairs:
            crowd = dict(kind="to-legacy-asked", era="modern", connections=256)
            cases.append(dict(crowd, server="legacy", other="legacy"))
        ready = [f"{name}__{ECHO}" for name in servers]
        self.variant("jackfield-pairs", [*cases, *reversed(cases)], servers=servers, ready=ready)

    def lists(self):
        """tools/list over 50 servers of 100 tools, beside nginx serving the very same bytes."""
        servers = {f"s{i:02d}": {"url": self.backends.url("fifty", i)} for i in range(50)}
        gateway = self.start(
            "jackfield-50", lambda: self.peers.jackfield("jackfield-50", servers=servers, ready=())
        )
        if gateway:
            try:
                body = wait_tool(gateway, "s49__tool_099", count=5000)
                self.list_cases(gateway)
            except Failure as failure:
                self.results.fail("jackfield-50", failure)
                body = stored_list()
            finally:
                gateway.stop()
        else:
            body = stored_list()
        self.results.facts["list_bytes"] = len(body)
        for sendfile in ("on", "off"):
            name = f"nginx-static-{sendfile}"
            static = self.start(name, lambda sendfile=sendfile: self.peers.static(body, sendfile))
            if not static:
                continue
            try:
                arguments = ["--method", "tools/list", "--era", "modern", "--connections", "4"]
                arguments += ["--fixed-id", str(LIST_ID)]
                self.load(static, case_name("list", "modern", 4), arguments, "fifty")
            finally:
                static.stop()

    def list_cases(self, gateway):
        for era in self.plan.eras:
            before = self.backends.lists("fifty")
            arguments = ["--method", "tools/list", "--era", era, "--connections", "4"]
            record = self.load(gateway, case_name("list", era, 4), arguments, "fifty")
            record["upstream_lists"] = self.backends.lists("fifty") - before
        case = case_name("50-servers-echo", "modern", 32)
        arguments = ["--era", "modern", "--connections", 32, "--tool", "s49__echo", "--size", SMALL]
        self.load(gateway, case, arguments, "fifty")

    def once(self):
        """What needs no rounds: the demo configuration's start and weight, and memory over many calls."""
        facts = self.results.facts
        starts, weights = [], []
        for _ in range(self.plan.starts):
            gateway = self.start(
                "jackfield-demo", lambda: self.peers.jackfield("jackfield-demo", DEMO, ready=())
            )
            if not gateway:
                break
            time.sleep(0.3)
            starts.append(gateway.start_ms)
            weights.append(resident_kib(gateway.process.pid))
            gateway.stop()
        if starts:
            facts["demo_start_ms"] = round(statistics.median(starts), 1)
            facts["demo_idle_kib"] = max(weights)
        self.parked()
        gateway = self.start("jackfield", self.peers.jackfield)
        if not gateway:
            return
        try:
            arguments = ["--connections", 32, "--tool", gateway.tool(ECHO), "--size", SMALL, "--requests"]
            self.load(gateway, "settle/modern/32", [*arguments, self.plan.soak // 5])
            before = resident_kib(gateway.process.pid)
            for _ in range(5):
                self.load(gateway, "soak/modern/32", [*arguments, self.plan.soak // 5])
            facts["growth_kib"] = resident_kib(gateway.process.pid) - before
            facts["growth_calls"] = self.plan.soak
        finally:
            gateway.stop()

    def parked(self):
        """Memory of a call that waits for its client's answer."""

        def start(servers, limits):
            return self.start(
                "jackfield-parked",
                lambda: self.peers.jackfield("jackfield-parked", servers, limits=limits, ready=()),
            )

        try:
            self.results.facts["parked_kib"] = parked_kib(start, self.plan.parked)
            self.results.facts["parked_calls"] = self.plan.parked
        except (Failure, OSError, ValueError, http.client.HTTPException) as failure:
            self.results.fail("jackfield-parked", failure)

    def run(self, progress):
        ours = "jackfield" in self.plan.peers
        for number in range(self.plan.rounds):
            began = time.monotonic()
            self.main_round()
            if ours:
                self.variants_round()
            progress(f"round {number + 1} of {self.plan.rounds}: {time.monotonic() - began:.0f} s")
        if ours:
            self.once()
        self.turns.release()
        return self.results
