# SPDX-License-Identifier: Apache-2.0
# Starts and stops what is measured: pinned processes, their logs, their memory.
"""Processes of the benchmark."""

import os
import re
import signal
import socket
import subprocess
import threading
import time


class Failure(Exception):
    """A process did not do what it was started for."""


class Process:
    """A program in a process group of its own, on given processors, its output in a log file.

    With `line`, the start waits until standard error (or output, `stream`) has a line that matches.
    `start_ms` is the time from the spawn to that line and `match` its match."""

    def __init__(self, command, cores, log, line=None, stream="stderr", env=None, limit=20.0):
        self.command, self.log = [str(c) for c in command], log
        self.lines, self.found = [], threading.Event()
        self.match = self.start_ms = None
        self.pattern = re.compile(line) if line else None
        out = open(log, "wb")
        piped = subprocess.PIPE
        began = time.monotonic()
        self.popen = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=piped if line and stream == "stdout" else out,
            stderr=piped if line and stream == "stderr" else out,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        self.pid = self.popen.pid
        if not line:
            return
        source = self.popen.stdout if stream == "stdout" else self.popen.stderr
        threading.Thread(target=self._read, args=(source, out, began), daemon=True).start()
        if not self.found.wait(limit) or not self.match:
            self.stop()
            said = b"".join(self.lines[-5:]).decode(errors="replace").strip()
            raise Failure(f"{os.path.basename(self.command[0])} did not start: {said or 'it said nothing'}")

    def _read(self, source, out, began):
        for line in source:
            if not self.match:
                self.match = self.pattern.search(line.decode(errors="replace"))
                if self.match:
                    self.start_ms = (time.monotonic() - began) * 1000
                    self.found.set()
            if len(self.lines) < 200:
                self.lines.append(line)
            out.write(line)
            out.flush()
        self.found.set()

    @property
    def alive(self):
        return self.popen.poll() is None

    def stop(self, limit=10.0):
        """TERM, then KILL for what is left of the group. The exit status."""
        if self.alive:
            os.killpg(self.pid, signal.SIGTERM)
            try:
                self.popen.wait(limit)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self.popen.wait()
        return self.popen.returncode


def free_port():
    """A port that was free a moment ago, for programs that cannot say which one they chose."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(process, port, limit=20.0):
    """Milliseconds until the port takes connections."""
    began = time.monotonic()
    while time.monotonic() - began < limit:
        if not process.alive:
            with open(process.log, errors="replace") as log:
                raise Failure(f"{os.path.basename(process.command[0])} ended: {log.read()[-300:].strip()}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return (time.monotonic() - began) * 1000
        except OSError:
            time.sleep(0.001)
    raise Failure(f"{os.path.basename(process.command[0])}: port {port} did not open in {limit:.0f} s")


def tree(pid):
    """The process and everything it started that still runs."""
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as children:
                for child in children.read().split():
                    found += tree(int(child))
    except OSError:
        pass
    return found


def resident_kib(pid):
    """Resident memory of the tree, the benchmark's own servers left out."""
    total = 0
    for process in tree(pid):
        try:
            with open(f"/proc/{process}/comm") as comm:
                if comm.read().startswith("bench-backend"):
                    continue
            with open(f"/proc/{process}/smaps_rollup") as rollup:
                total += sum(int(line.split()[1]) for line in rollup if line.startswith("Rss:"))
        except OSError:
            pass
    return total
