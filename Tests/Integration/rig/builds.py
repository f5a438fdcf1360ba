# SPDX-License-Identifier: Apache-2.0
"""Builds of plugins for hot swaps: compiled with faults, or the shipped ones under another version."""

import contextlib
import json
import shutil
import subprocess
import threading
import time

from rig.gateway import command_line
from rig.places import DIST, HERE, ROOT
from rig.processes import Process
from rig.wire_http import Connection, exchange, modern

JACKFIELD = DIST / "bin/jackfield"
COMPILER = shutil.which("clang") or "cc"


def build(
    target, version="1.0.0", plugin_id="swappable", abi="1.0", threads="per-loop", faults=(), source="swappable"
):
    """A build of plugins/swappable.c, or of another source there; `faults` are its FAULT_… switches."""
    texts = {"VERSION": version, "ID": plugin_id, "ABI": abi, "THREADS": threads}
    subprocess.run(
        [COMPILER, "-std=c11", "-O1", "-fPIC", "-fvisibility=hidden", "-shared", "-Wl,-z,relro,-z,now"]
        + [f'-D{name}="{text}"' for name, text in texts.items()]
        + [f"-DFAULT_{fault}" for fault in faults]
        + [f"-I{ROOT}/plugin-sdk/include", "-o", str(target), str(HERE / f"plugins/{source}.c")],
        check=True,
        capture_output=True,
    )
    return target


def shipped(plugin_id, target, number):
    """A shipped plugin as another build: the third number of its version is changed in the manifest's bytes."""
    data = (DIST / f"lib/jackfield/plugins/{plugin_id}.so").read_bytes()
    mark = b'"version":"'
    at = data.index(mark) + len(mark)
    end = data.index(b'"', at)
    changed = data[at:end].rsplit(b".", 1)[0] + b"." + str(number).encode()
    assert len(changed) == end - at, f"version {data[at:end]!r} cannot become {changed!r} in place"
    target.write_bytes(data[:at] + changed + data[end:])
    target.chmod(0o755)
    return target


def swap(gateway, state, plugin_id, file, *switches, timeout=60):
    """Runs `plugin swap` to its end; (exit status, [steps], stderr)."""
    done = command_line(
        "plugin", "swap", plugin_id, file, "--state-dir", state, "--pid", gateway.pid, "--json", *switches,
        timeout=timeout,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def begin_swap(gateway, state, plugin_id, file):
    """Starts `plugin swap` and leaves it running."""
    argv = [JACKFIELD, "plugin", "swap", plugin_id, file, "--state-dir", state, "--pid", gateway.pid, "--json"]
    return Process(argv, "swap")


def generations(gateway, state, plugin_id):
    """What `plugin generations` lists for one plugin, oldest first."""
    done = command_line("plugin", "generations", "--state-dir", state, "--pid", gateway.pid, "--json")
    assert done.returncode == 0, done.stderr
    return [g for g in json.loads(done.stdout)["generations"] if g["plugin"] == plugin_id]


class Load:
    """Callers in closed loops, on connections that are kept or on one for each call. Every failure is kept."""

    def __init__(self, port, tool, threads=4, fresh=False, arguments=None, good=None):
        self.port, self.fresh, self.good = port, fresh, good
        self.request = ("tools/call", {"name": tool, "arguments": arguments or {}})
        self.wrong, self.times, self.texts = [], [], []
        self.over, self.more = threading.Event(), threading.Condition()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]

    def once(self, connection):
        connection.send(modern(*self.request))
        answer = connection.answer()
        message = answer.json
        if "error" in message or message["result"].get("isError"):
            raise AssertionError(f"{answer.status}: {message}")
        text = message["result"]["content"][0]["text"]
        if self.good is not None and text not in self.good:
            raise AssertionError(f"unexpected {text!r}")
        return answer, text

    def run(self):
        connection = None
        while not self.over.is_set():
            began = time.monotonic()
            try:
                if connection is None:
                    connection = Connection(self.port, 20)
                answer, text = self.once(connection)
                # A server that says so closes after its answer; the next call takes another connection.
                if self.fresh or answer.headers.get("connection", "").lower() == "close":
                    connection.close()
                    connection = None
            except Exception as e:
                self.wrong.append(repr(e))
                with contextlib.suppress(Exception):
                    connection.close()
                connection = None
                text = None
            with self.more:
                self.times.append((began, time.monotonic() - began))
                self.texts.append(text)
                self.more.notify_all()
        if connection is not None:
            connection.close()

    def past(self, count, timeout=30):
        """Waits for so many calls more."""
        with self.more:
            wanted = len(self.texts) + count
            assert self.more.wait_for(lambda: len(self.texts) >= wanted, timeout), "the load does not get on"

    def until(self, text, timeout=30):
        """Waits until an answer is this text."""
        with self.more:
            seen = len(self.texts)
            assert self.more.wait_for(lambda: text in self.texts[seen:], timeout), f"never {text!r}"

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.past(20)
        return self

    def __exit__(self, *exc):
        self.over.set()
        for thread in self.threads:
            thread.join(30)


def percentile(times, part):
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def ask(gateway, tool, arguments=None):
    """One call; the text of its answer."""
    answer = exchange(gateway.port, modern("tools/call", {"name": tool, "arguments": arguments or {}}))
    return answer.json["result"]["content"][0]["text"]
