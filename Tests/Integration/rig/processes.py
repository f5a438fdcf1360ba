# SPDX-License-Identifier: Apache-2.0
"""Child processes: started with a deadline on every wait, watched through /proc, ended by pid."""

import ctypes
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
_started = {}


def adopt_orphans():
    """Makes this process the parent of orphans, so that whatever a gateway leaves behind is seen."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def stat(pid):
    """(state letter, parent pid, command line) of a process, or None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        command = (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        )
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[1]), command


def children(parent):
    """{pid: (state, command line)} of the direct children of a process."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (seen := stat(int(entry))) and seen[1] == parent:
            found[int(entry)] = (seen[0], seen[2])
    return found


def descendants(parent):
    """As children(), all generations; from one look through /proc, however many there are."""
    below, found, queue = {}, {}, [parent]
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (seen := stat(int(entry))):
            below.setdefault(seen[1], {})[int(entry)] = (seen[0], seen[2])
    while queue:
        deeper = below.get(queue.pop(), {})
        found.update(deeper)
        queue.extend(deeper)
    return found


def orphans():
    """Children of this process that it did not start: left behind by something it did start."""
    return {pid: what for pid, what in children(os.getpid()).items() if pid not in _started}


def lasting(pids, timeout=5):
    """Of adopted processes those that do not end by themselves; the others are reaped."""
    left = {}
    for pid in pids:
        try:
            await_gone(pid, timeout)
            os.waitpid(pid, 0)
        except TimeoutError:
            left[pid] = stat(pid)
        except ChildProcessError:
            pass
    return left


def survivors(timeout=5):
    """{pid: (state, parent, command line)} of all that descend from this process and do not end by themselves."""
    left = lasting(orphans(), timeout)
    for pid in descendants(os.getpid()):
        try:
            await_gone(pid, timeout)
        except TimeoutError:
            left[pid] = stat(pid)
    return left


def bury(pids):
    """Kills and reaps adopted processes."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass


def resources(pid):
    """Resident bytes, open descriptors, threads and living children of a process."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        "rss": int(status["VmRSS"].split()[0]) * 1024,
        "fds": len(os.listdir(f"/proc/{pid}/fd")),
        "threads": int(status["Threads"]),
        "children": len(children(pid)),
    }


def await_gone(pid, timeout=10):
    """Waits until a process that is not our child has ended (or is a zombie of its parent)."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        import select

        if not select.select([fd], [], [], timeout)[0]:
            raise TimeoutError(f"process {pid} still runs after {timeout} s: {stat(pid)}")
    finally:
        os.close(fd)


class Lines:
    """The lines of a pipe as they come, kept, with a way to wait for one."""

    def __init__(self, pipe, name):
        self.lines, self.changed, self.closed = [], threading.Condition(), False
        self.name = name
        threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def _read(self, pipe):
        for raw in pipe:
            with self.changed:
                self.lines.append(raw.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def wait(self, wanted, timeout=15, start=0):
        """The first line at or after index `start` for which `wanted` (a text or a predicate) holds."""
        test = wanted if callable(wanted) else (lambda line: wanted in line)
        deadline = time.monotonic() + timeout
        with self.changed:
            index = start
            while True:
                while index < len(self.lines):
                    if test(self.lines[index]):
                        return self.lines[index]
                    index += 1
                left = deadline - time.monotonic()
                if self.closed or left <= 0:
                    why = "ended" if self.closed else f"was silent for {timeout} s"
                    tail = "\n  ".join(self.lines[-15:])
                    raise AssertionError(
                        f"{self.name} {why} without the awaited line ({wanted}); it said:\n  {tail}"
                    )
                self.changed.wait(left)

    def text(self):
        with self.changed:
            return "\n".join(self.lines)


class Process:
    """A child with its stderr (and stdout unless taken) collected."""

    def __init__(
        self, argv, name, env=None, cwd=None, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, collect=True
    ):
        self.name = name
        self.popen = subprocess.Popen(
            [str(a) for a in argv], env=env, cwd=cwd, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE
        )
        _started[self.popen.pid] = name
        self.pid = self.popen.pid
        self.stderr = Lines(self.popen.stderr, f"{name} (stderr)")
        self.stdout = Lines(self.popen.stdout, f"{name} (stdout)") if collect else None

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout=15):
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.name} (pid {self.pid}) did not end within {timeout} s; it said:\n"
                + self.stderr.text()[-3000:]
            ) from None

    def kill(self):
        if self.running():
            self.popen.kill()
        self.popen.wait(10)


def eventually(action, timeout=20, errors=(Exception,)):
    """Repeats an action that blocks on its own (a call, a read) until it succeeds, or its last error."""
    deadline, pause = time.monotonic() + timeout, threading.Event()
    while True:
        try:
            return action()
        except errors:
            if time.monotonic() > deadline:
                raise
            pause.wait(0.05)  # a refusal comes at once; a tight loop would starve what is being waited for
