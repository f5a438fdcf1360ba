# SPDX-License-Identifier: Apache-2.0
# What the plugin contract costs: an empty slot, a native tool, a cell, a swap under load.
"""Figures of the plugin contract.

The first three need no gateway: small programs hold the plugin's own tables, the metered ones, a mock host or
a cell, and measure both sides of their ratio in one run. The fourth swaps a toolset's build again and again
while the driver calls it."""

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import time

from .peers import ECHO, Gateway, wait_tool
from .places import HERE, ROOT, Skip
from .processes import Failure, Process

CODE = HERE / "contract"
MOCK, CELL, METER = ROOT / "plugin-sdk/testing/c", ROOT / "Sources/CCell", ROOT / "Sources/CMeter"
HEADERS = [ROOT / "plugin-sdk/include", MOCK, CELL / "include", METER / "include", METER]
CONNECTIONS, SIZE = 8, 300
# A gateway keeps at most 64 builds of a plugin in memory: each round has one of its own, and so many swaps.
SWAPS, WINDOW = 60, 0.5


def rows(facts):
    """The promises, as (text, value, limit, unit); a value of None was not measured."""
    found = facts.get("contract", {})
    slot, native = found.get("slot", {}), found.get("native", {})
    above = native.get("tool_ns") and (native["tool_ns"] - native["function_ns"]) / 1000
    return [
        ("plugin: an empty slot in process, metered", slot.get("observe_ns"), 10, " ns"),
        ("plugin: a native tool's call above the C function's", above, 1, " us"),
        ("plugin: round trip of 1 KiB to a cell: to a bare socket pair's", found.get("cell_ratio"), 2, "x"),
        ("plugin: failed calls while builds are swapped", found.get("swap_failed"), 0, ""),
        ("plugin: p99 while builds are swapped: to the steady one", found.get("swap_ratio"), 5, "x"),
    ]


NOTES = """\
- An empty slot is `observe` of a strategy that does nothing, called through the metered table as the gateway
  calls it; the figure is the whole call. A native tool adds two integers: the figure is the time from its
  arguments as JSON to its result as JSON, less that of the C function through a pointer. Both are the least
  of nine rounds.
- A cell answers `tools/call` with 1 KiB each way, through seccomp and Landlock; the bare round trip is 1 KiB
  each way between two processes over a socket pair of the same kind, in the same run. Medians of 20,000 round
  trips, and the median of the rounds.
- Builds are swapped one after the other, each with new bytes, so that the whole window is spent in swaps; the
  steady window is the same without. The gateway, its probes and its swaps share one processor. The median of
  the rounds.
"""


def measure(bench, progress=lambda text: None):
    """Adds `contract` to the facts of a run; what cannot be measured is skipped or fails with its reason."""
    found = bench.results.facts.setdefault("contract", {})
    for name, part in (("slot", slot), ("native", native), ("cell", cell), ("swap", swap)):
        began = time.monotonic()
        try:
            part(bench, found)
            progress(f"plugin contract, {name}: {time.monotonic() - began:.0f} s")
        except Skip as why:
            bench.results.skip(f"jackfield-contract-{name}", why)
        except (Failure, OSError, ValueError, subprocess.SubprocessError) as why:
            bench.results.fail(f"jackfield-contract-{name}", said(why))


def said(why):
    """What a program that failed wrote, or the exception itself."""
    return (getattr(why, "stderr", None) or str(why)).strip()[-300:]


# ---- programs --------------------------------------------------------------------------------------------


def build(bench, name, sources, *options):
    """A program or plugin from C sources; again only where one of them is newer."""
    target = bench.places.bin / name
    headers = [*CODE.glob("*.h"), *CELL.rglob("*.h"), *METER.rglob("*.h"), *MOCK.glob("*.h")]
    newest = max(f.stat().st_mtime for f in [*sources, *headers])
    if not target.exists() or target.stat().st_mtime < newest:
        compiler = os.environ.get("CC") or shutil.which("clang") or shutil.which("gcc") or "cc"
        flags = ["-std=c11", "-O2", "-g", "-D_GNU_SOURCE", *(f"-I{folder}" for folder in HEADERS)]
        command = [compiler, *flags, *options, "-o", target, *sources, "-lm", "-pthread", "-ldl"]
        subprocess.run(command, check=True, capture_output=True, text=True)
    return target


SHARED = ["-fPIC", "-fvisibility=hidden", "-shared", "-Wl,-z,relro,-z,now"]


def run(bench, *command, cores=None):
    with bench.turns.timing():
        done = subprocess.run(
            [str(c) for c in command],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores or bench.cores.gateway),
        )
    return done.stdout


def slot(bench, found):
    sources = [CODE / "slot.c", *sorted(METER.glob("*.c")), *sorted((METER / "stubs").glob("*.c"))]
    program = build(bench, "bench-slot", sources)
    found["slot"] = json.loads(run(bench, program, bench.places.bin / "bench_empty.so"))


def native(bench, found):
    plugin = shipped(bench, "tools-native")
    program = build(bench, "bench-native", [CODE / "native.c", *sorted(MOCK.glob("*.c"))])
    build(bench, "bench_library.so", [CODE / "library.c"], *SHARED)
    shutil.copy(CODE / "library.toml", bench.places.bin)
    found["native"] = json.loads(run(bench, program, plugin, bench.places.bin))


def shipped(bench, plugin):
    """A plugin that is installed beside the gateway."""
    file = bench.places.gateway.parent.parent / "lib/jackfield/plugins" / f"{plugin}.so"
    if not file.exists():
        raise Skip(f"{file} is not there; `make build` makes it")
    return file


# ---- cell ------------------------------------------------------------------------------------------------


def cell(bench, found):
    tests = ROOT / "Tests/Plugins/cell"
    sources = [tests / "bench.c", *sorted(CELL.glob("*.c")), *sorted(MOCK.glob("*.c"))]
    program = build(bench, "bench-cell", sources)
    plugin = build(bench, "bench_cell.so", [tests / "bad_plugin.c"], *SHARED)
    ratios = []
    for _ in range(bench.plan.rounds):
        text = run(bench, program, plugin, cores=bench.cores.gateway | bench.cores.load)
        medians = re.findall(r"median +([\d.]+) us", text)
        if len(medians) < 2:
            raise Failure(f"bench-cell says {text[:200]!r}")
        found.setdefault("cell_us", []).append([float(m) for m in medians[:2]])
        ratios.append(float(medians[1]) / float(medians[0]))
    found["cell_ratio"] = statistics.median(ratios)


# ---- swap ------------------------------------------------------------------------------------------------


class Builds:
    """Builds of the echo toolset that differ in their version, made when they are asked for."""

    MARK = b'"version":"1.0.0"'

    def __init__(self, folder, original):
        self.folder, self.bytes, self.count = folder, original.read_bytes(), 0
        if self.bytes.count(self.MARK) != 1:
            raise Failure(f"{original} has no version 1.0.0 in its manifest")

    def next(self):
        self.count += 1
        # As many bytes as before: the first file is 0.0.0, the next 0.0.1, ... 9.9.9.
        version = ".".join(f"{self.count % 1000:03d}").encode()
        file = self.folder / f"build-{self.count}.so"
        file.write_bytes(self.bytes.replace(self.MARK, b'"version":"' + version + b'"'))
        file.chmod(0o755)
        return file


class Door:
    """The gateway's control socket, for one swap after the other."""

    def __init__(self, state, pid):
        self.state, self.pid = state, pid

    def swap(self, file):
        """Swaps, and waits until it is over; a Failure unless it is done."""
        folder = os.open(self.state / "run", os.O_PATH)
        try:
            with socket.socket(socket.AF_UNIX) as door:
                door.settimeout(30)
                # Socket addresses are short; this way the folder's path may be long.
                door.connect(f"/proc/self/fd/{folder}/{self.pid}.sock")
                key = (self.state / "run" / f"{self.pid}.key").read_text()
                request = {"do": "swap", "plugin": "bench-toolset", "file": str(file), "key": key}
                door.sendall(json.dumps(request).encode() + b"\n")
                answers = door.makefile("r")
                last = {}
                for line in answers:
                    last = json.loads(line)
                    if last.get("final") or "error" in last:
                        break
        finally:
            os.close(folder)
        if last.get("step") != "done":
            raise Failure(f"a swap ended with {last}")


def swap(bench, found):
    rounds = [swap_round(bench, number) for number in range(bench.plan.rounds)]
    found["swap_rounds"] = rounds
    found["swap_failed"] = sum(r["failed"] for r in rounds)
    found["swap_ratio"] = statistics.median(r["p99_us"] / r["steady_p99_us"] for r in rounds)


def swap_round(bench, number):
    """A gateway of its own: a steady window, then one in which swaps follow each other."""
    folder = bench.places.run / f"swap-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    state = folder / "state"
    state.mkdir(parents=True)
    builds = Builds(folder, bench.places.bin / "bench_toolset.so")
    conf = folder / "swap.yaml"
    runtime = {"loops": 1, "state_dir": str(state), "swap_trial": "0s", "plugin_generations": SWAPS + 4}
    conf.write_text(
        f"version: 1\nruntime: {json.dumps(runtime)}\nservers:\n  b0: {{ plugin: bench-toolset }}\n"
        f"plugins:\n  - {{ file: {json.dumps(str(builds.next()))} }}\n"
    )
    command = [bench.places.find_gateway(), "serve", "--listen", "127.0.0.1:0", "--config", conf]
    log = bench.places.run / f"jackfield-swap-{number}.log"
    process = Process(command, bench.cores.gateway, log, line=r"listening on (http://\S+)")
    gateway = Gateway("jackfield-swap", process.match.group(1), process, "b0__")
    door = Door(state, process.pid)
    try:
        wait_tool(gateway.settle(), gateway.tool(ECHO))
        load(bench, gateway)  # warm
        steady, _ = load(bench, gateway)
        record, spent = load(bench, gateway, lambda: door.swap(builds.next()), SWAPS)
    finally:
        process.stop()
    swaps = builds.count - 1
    return {
        "swaps": swaps,
        "swap_ms": round(spent * 1000 / max(1, swaps), 1),
        "failed": sum(r["errors"] + r["lost"] for r in (steady, record)),
        "calls": record["calls"],
        "p99_us": record["p99_us"],
        "steady_p99_us": steady["p99_us"],
        "max_us": record["max_us"],
    }


def load(bench, gateway, meanwhile=None, most=0):
    """One window of the driver; `meanwhile` is called again and again until it ends, at most so often. Its
    record, and the time that `meanwhile` took."""
    command = [bench.places.load, "--url", gateway.url, "--tool", gateway.tool(ECHO)]
    command += ["--connections", CONNECTIONS, "--size", SIZE]
    command += ["--seconds", WINDOW, "--warmup", 0]
    with bench.turns.timing():
        driver = subprocess.Popen(
            [str(c) for c in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, bench.cores.load),
        )
        began = time.monotonic()
        try:
            while most > 0 and driver.poll() is None:
                meanwhile()
                most -= 1
            spent = time.monotonic() - began
            out, err = driver.communicate(timeout=60)
        except BaseException:
            driver.kill()
            driver.wait()
            raise
    if not out:
        raise Failure(err.strip()[-200:] or "the driver said nothing")
    return json.loads(out), spent
