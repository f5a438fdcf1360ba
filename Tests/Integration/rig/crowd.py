# SPDX-License-Identifier: Apache-2.0
"""Hundreds of small stdio servers behind one gateway: started, called at a steady pace, and killed at random."""

import glob
import json
import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

from rig import processes
from rig.builds import COMPILER
from rig.gateway import QUICK, stdio
from rig.places import SERVERS
from rig.wire_http import Connection, legacy, modern, open_session

FAULTS = ["killed", "stopped", "rubbish", "exited"]


def build(folder):
    """The program servers/tiny.c."""
    target = folder / "tiny"
    argv = [COMPILER, "-std=c11", "-Os", "-Wall", "-Wextra", "-Werror", "-o", str(target), str(SERVERS / "tiny.c")]
    subprocess.run(argv, check=True, capture_output=True)
    return target


def entry(program, name, modern_era, **more):
    """A server of the configuration."""
    return stdio([program, "modern" if modern_era else "legacy", f"--name={name}."], restart=QUICK, **more)


class Callers:
    """Threads that call tools of `names` in random order, each with a pause between its calls.

    Every answer must be the one that was asked for, unless `mercy`: then any answer will do, but there must be one.
    """

    def __init__(self, port, names, era, threads, pause, seed, mercy=False):
        self.port, self.names, self.era, self.pause, self.mercy = port, names, era, pause, mercy
        self.good, self.refused, self.failures, self.slowest = 0, 0, [], 0
        self.lock, self.over = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n, seed)) for n in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self, number, seed):
        dice, at, connection, session = random.Random(f"{seed}-{self.era}-{number}"), 0, None, None
        while not self.over.wait(self.pause * dice.uniform(0.5, 1.5)):
            at += 1
            name, text, began = dice.choice(self.names), f"{self.era}-{number}-{at}", time.monotonic()
            try:
                if self.era == "legacy" and session is None:
                    session = open_session(self.port)
                connection = connection or Connection(self.port, 30)
                connection.send(self.request(name, text, at, session))
                self.judge(connection.answer().json, name, text, at, time.monotonic() - began)
            except Exception as e:  # noqa: BLE001 - whatever it is, it is a failed call
                connection = connection and connection.close()
                with self.lock:
                    self.failures.append((name, text, repr(e)))
        if connection:
            connection.close()

    def request(self, name, text, number, session):
        params = {"name": f"{name}__echo", "arguments": {"text": text}}
        if self.era == "modern":
            return modern("tools/call", params, number=number)
        return legacy({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}, session)

    def judge(self, message, name, text, number, seconds):
        found = message.get("result", {}).get("content", [{}])[0].get("text")
        with self.lock:
            self.slowest = max(self.slowest, seconds)
            if message.get("id") == number and found == text:
                self.good += 1
            elif self.mercy and message.get("id") == number and "error" in message:
                self.refused += 1
            else:
                self.failures.append((name, text, json.dumps(message)[:300]))

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


class Reaper:
    """Does something bad to one of the servers `names` every `pause` seconds, until it is stopped."""

    def __init__(self, gateway, names, pause, seed):
        self.gateway, self.names, self.pause, self.dice = gateway, names, pause, random.Random(seed)
        self.done, self.hit, self.halted, self.error = dict.fromkeys(FAULTS, 0), set(), set(), None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while not self.over.wait(self.pause):
                self.strike()
        except Exception as e:  # noqa: BLE001 - for stop() to say
            self.error = e

    def children(self):
        """{name: pid} of the servers that are to suffer and run."""
        found = {}
        for pid, command in self.gateway.children().items():
            name = command.rpartition("--name=")[2].rstrip(".")
            if name in self.names:
                found[name] = pid
        return found

    def strike(self):
        running, number = self.children(), signal.SIGKILL
        for pid in list(self.halted):
            if self.dice.random() < 0.2:
                self.halted.discard(pid)
                send(pid, self.dice.choice([signal.SIGCONT, signal.SIGKILL]))
        victims = [name for name, pid in running.items() if pid not in self.halted]
        if not victims:
            return
        name, what = self.dice.choice(victims), self.dice.choice(FAULTS)
        number = {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP, "rubbish": signal.SIGUSR1}.get(
            what, signal.SIGUSR2
        )
        if what == "stopped":
            self.halted.add(running[name])
        if send(running[name], number):
            self.done[what] += 1
            self.hit.add(name)

    def stop(self):
        self.over.set()
        self.thread.join()
        for pid in self.halted:
            send(pid, signal.SIGCONT)
        assert self.error is None, repr(self.error)


def send(pid, number):
    """False: it is gone already."""
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def marked(pid):
    """{pid: (state, command line)} of all processes that stdio servers of a gateway descend from or are, wherever they
    are now: their environment tells."""
    mark, found = f"JACKFIELD_CHILD={pid}-".encode(), {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and mark in environment(entry) and (seen := processes.stat(int(entry))):
            found[int(entry)] = (seen[0], seen[2])
    return found


def marker(pid):
    """The mark that a child of the gateway has in common with all that it starts; None: it is gone."""
    for variable in environment(pid).split(b"\0"):
        if variable.startswith(b"JACKFIELD_CHILD="):
            return variable
    return None


def environment(pid):
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def control_groups(pid):
    """Control groups that a gateway made, one for each process that has one."""
    return glob.glob(f"/sys/fs/cgroup/**/jackfield-{pid}-*/server-*", recursive=True)
