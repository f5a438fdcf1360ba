# SPDX-License-Identifier: Apache-2.0
"""Processes of stdio servers: limits, recycling, sleep, sandbox, and nothing that is left behind."""

import json
import os
import shutil
import signal
import sys
import threading
import time

import pytest

from rig import crowd, processes
from rig.gateway import QUICK, Gateway, command_line, native, serving, stdio, write
from rig.places import SERVERS
from rig.processes import eventually
from rig.wire_http import exchange, modern

BWRAP = shutil.which("bwrap")
ERAS = ["legacy", "modern"]


def server(*switches, era="legacy", **more):
    """An entry for the fixture server."""
    argv = [sys.executable, "-S", str(SERVERS / "process_server.py"), "--mark", "process-fixture", *switches]
    more.setdefault("restart", QUICK)
    more.setdefault("timeout", "20s")
    return stdio(argv + (["--modern"] if era == "modern" else []), **more)


@pytest.fixture
def run(tmp_path):
    """Starts a gateway with these servers, for the body of a `with`."""

    def start(**servers):
        return serving(write(tmp_path / "config.yaml", native(servers)))

    return start


def call(gateway, name, arguments=None, timeout=25):
    """The text of a tool's answer; the whole message where it is an error."""
    params = {"name": name, "arguments": arguments or {}}
    message = exchange(gateway.port, modern("tools/call", params), timeout).json
    if "error" in message:
        return message
    return message["result"]["content"][0]["text"]


def pid_of(gateway, name="it"):
    return int(call(gateway, f"{name}__pid"))


def gone(*pids):
    def check():
        left = {pid: processes.stat(pid) for pid in pids if processes.stat(pid)}
        assert not left, left

    eventually(check)


class Load:
    """Calls from several threads until it is stopped; every answer must be the one that was asked for."""

    def __init__(self, gateway, threads=4, name="it__work", seconds=0.02):
        self.gateway, self.name, self.seconds = gateway, name, seconds
        self.calls, self.failures, self.ending = 0, [], False
        self.threads = [threading.Thread(target=self.go, args=(n,)) for n in range(threads)]
        for thread in self.threads:
            thread.start()

    def go(self, number):
        at = 0
        while not self.ending:
            at += 1
            text = f"{number}-{at}"
            try:
                found = call(self.gateway, self.name, {"seconds": self.seconds, "text": text})
            except Exception as e:  # noqa: BLE001 - whatever it is, it is a failed call
                found = repr(e)
            self.calls += 1
            if found != text:
                self.failures.append((text, found))

    def reach(self, calls):
        """Waits until so many calls were made, from now on."""
        aim = self.calls + calls
        eventually(lambda: self.at_least(aim), 60)

    def at_least(self, aim):
        assert self.calls >= aim

    def stop(self):
        self.ending = True
        for thread in self.threads:
            thread.join()
        assert not self.failures, f"{len(self.failures)} of {self.calls} calls failed: {self.failures[:3]}"


# ---- nothing is left ----

WAYS = ["background", "session", "double", "daemon", "deaf"]


def spread(gateway):
    """Leaves descendants of every kind behind; their pids and the server's."""
    gateway.listed("it")
    child = pid_of(gateway)
    left = json.loads(call(gateway, "it__leave", {"how": WAYS}))
    assert all(processes.stat(pid) for pid in left)
    return child, left


def test_descendants_end_with_their_server(run):
    with run(it=server(shutdown={"close_stdin_ms": 200, "terminate_ms": 200})) as gateway:
        child, left = spread(gateway)
        os.kill(child, signal.SIGKILL)
        gone(child, *left)
        assert eventually(lambda: pid_of(gateway)) != child
        _, left = spread(gateway)
    assert not any(processes.stat(pid) for pid in left), "the gateway ended before they did"


def test_descendants_end_with_a_gateway_that_is_killed(tmp_path):
    gateway = Gateway(write(tmp_path / "config.yaml", native({"it": server()})))
    try:
        child, left = spread(gateway)
        gateway.process.signal(signal.SIGKILL)
        gateway.process.popen.wait(20)
        # They come to us then, as this process is a subreaper; nobody but the watcher ends them.
        eventually(lambda: all_ended([child, *left]))
        assert not processes.lasting(set(processes.orphans()) - gateway.before)
    finally:
        gateway.kill()


def all_ended(pids):
    left = {p: processes.stat(p) for p in pids if processes.stat(p) and processes.stat(p)[0] != "Z"}
    assert not left, left


def test_a_shell_wrapper_leaves_nothing(run):
    inner = [sys.executable, "-S", str(SERVERS / "process_server.py")]
    script = "sleep 1001 & setsid sleep 1002 & " + " ".join(inner) + "; true"
    with run(it=stdio(["sh", "-c", script], restart=QUICK)) as gateway:
        gateway.listed("it")
        family = eventually(lambda: sleepers(gateway, 2))
        os.kill(gateway.child("sleep 1001 &"), signal.SIGKILL)
        gone(*family)
        eventually(lambda: pid_of(gateway))


INNER = f"{sys.executable} -S {SERVERS / 'process_server.py'}"
# How people start servers, and what those do when they should end.
WRAPPERS = {
    "wait": ["sh", "-c", f"exec 3<&0; {INNER} <&3 3<&- & wait"],
    # uvx, npx and their like: a program that starts the server and waits for it
    "runner": [sys.executable, "-S", "-c", f"import subprocess, sys; sys.exit(subprocess.call({INNER.split()!r}))"],
    "session": ["sh", "-c", f"setsid -w {INNER}; true"],
    "deaf": ["sh", "-c", f"trap '' TERM HUP INT; {INNER}; while :; do sleep 1000; done"],
}


@pytest.mark.parametrize("cgroup", ["auto", "off"])
@pytest.mark.parametrize("how", ["wrapper", "server", "stop", "kill"])
def test_wrappers_leave_nothing(tmp_path, how, cgroup):
    """Whoever is killed: the wrapper, the server in it, or the gateway, which may also end in peace."""
    quick = {"shutdown": {"close_stdin_ms": 200, "terminate_ms": 200}, "limits": {"cgroup": cgroup}}
    servers = {name: stdio(argv, restart=QUICK, **quick) for name, argv in WRAPPERS.items()}
    gateway = Gateway(write(tmp_path / "config.yaml", native(servers)))
    try:
        gateway.listed(*servers)
        inner = {name: pid_of(gateway, name) for name in servers}
        outer = {name: processes.stat(inner[name])[1] for name in servers}
        assert all(parent != gateway.pid for parent in outer.values()), "that is no wrapper"
        for name in servers:
            json.loads(call(gateway, f"{name}__leave", {"how": WAYS}))
        family = crowd.marked(gateway.pid)
        assert len(family) >= len(servers) * (2 + len(WAYS))
        if how in ("wrapper", "server"):
            for name in servers:
                os.kill({"wrapper": outer, "server": inner}[how][name], signal.SIGKILL)
            if how == "server":  # whoever waits for it ends too, but for the one that does not care
                del servers["deaf"]
                family = {p: w for p, w in family.items() if not descends(p, outer["deaf"], inner["deaf"])}
            for name in servers:
                # Until its end is noticed, the old one is told.
                eventually(lambda name=name: replaced(gateway, name, inner[name]))
            gone(*family)
            gateway.stop()
        elif how == "stop":
            gateway.stop()
        else:
            gateway.process.signal(signal.SIGKILL)
            gateway.process.popen.wait(20)
        eventually(lambda: nothing_of(gateway.pid))
    finally:
        gateway.kill()


def replaced(gateway, name, old):
    assert pid_of(gateway, name) not in (None, old)


def descends(pid, *heads):
    """Whether a process is of the tree of one of these, or was started by it, as its marker tells."""
    marks = {crowd.marker(head) for head in heads}
    return crowd.marker(pid) in marks


def nothing_of(pid):
    left = {p: what for p, what in crowd.marked(pid).items() if what[0] != "Z"}
    assert not left and not crowd.control_groups(pid), (left, crowd.control_groups(pid))


def sleepers(gateway, count):
    family = processes.descendants(gateway.pid).items()
    found = [pid for pid, what in family if what[1].startswith("sleep 100")]
    assert len(found) == count, found
    return found


def test_the_watcher_is_replaced_when_it_is_killed(run):
    def watcher():
        found = [p for p, w in processes.children(gateway.pid).items() if w[1].startswith("jackfield-watch")]
        assert len(found) == 1
        return found[0]

    with run(it=server()) as gateway:
        gateway.listed("it")
        first = eventually(watcher)
        os.kill(first, signal.SIGKILL)
        gateway.log.wait("another one is started")
        assert eventually(watcher) != first
        assert processes.resources(watcher())["fds"] <= 4


# ---- failures ----


def test_kill_9_in_the_middle_of_a_call(run):
    with run(it=server()) as gateway:
        gateway.listed("it")
        for _ in range(3):
            child = eventually(lambda: pid_of(gateway))
            answers = []
            work = threading.Thread(target=lambda: answers.append(call(gateway, "it__work", {"seconds": 30})))
            work.start()
            eventually(lambda: call(gateway, "it__pid"))
            os.kill(child, signal.SIGKILL)
            work.join(10)
            assert "error" in answers[0], answers
            assert gateway.log.wait("was ended by signal 9 (Killed)")
        assert eventually(lambda: pid_of(gateway))


def test_sigstop_costs_the_call_and_no_more(run):
    with run(
        it=server(timeout="700ms", shutdown={"close_stdin_ms": 100, "terminate_ms": 100}), other=server()
    ) as gateway:
        gateway.listed("it", "other")
        child = pid_of(gateway)
        os.kill(child, signal.SIGSTOP)
        assert "error" in call(gateway, "it__work")
        assert call(gateway, "other__work", {"text": "fine"}) == "fine"
        os.kill(child, signal.SIGCONT)
        assert eventually(lambda: pid_of(gateway)) == child
        os.kill(child, signal.SIGSTOP)  # and so it is when the gateway ends


@pytest.mark.parametrize("side", ["in", "out"])
def test_half_closed_pipes(run, side):
    with run(it=server(timeout="3s")) as gateway:
        gateway.listed("it")
        child = pid_of(gateway)
        call(gateway, "it__shut", {"side": side}, timeout=10)
        gone(child) if side == "out" else eventually(lambda: provoke(gateway, child))
        assert eventually(lambda: pid_of(gateway)) != child


def provoke(gateway, child):
    call(gateway, "it__work", timeout=10)
    assert not processes.stat(child)


def test_last_words_of_a_flood_are_told(run):
    with run(it=server(stderr_rate=5, stderr_tail=256)) as gateway:
        gateway.listed("it")
        assert call(gateway, "it__flood", {"lines": 20000}) == "flooded"
        call(gateway, "it__die", {"lines": 100})
        assert gateway.log.wait("last on its standard error")
        gateway.log.wait("the end of its standard error, of which lines were left out")
        gateway.log.wait("| last words 99")
        told = [line for line in gateway.log.lines if "| last words" in line]
        assert 5 < len(told) < 30
        assert sum("flood flood" in line for line in gateway.log.lines) < 200


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_standard_error_on_a_full_disk(run):
    inner = " ".join([sys.executable, "-S", str(SERVERS / "process_server.py")])
    with run(it=stdio(["sh", "-c", f"exec {inner} 2>/dev/full"], restart=QUICK)) as gateway:
        gateway.listed("it")
        assert "No space left" in call(gateway, "it__flood", {"lines": 10})
        assert call(gateway, "it__work", {"text": "on"}) == "on"


# ---- limits ----


def test_memory_of_one_process(run):
    with run(it=server(limits={"memory": 300 << 20, "cgroup": "off"}, sample_ms=3600000)) as gateway:
        gateway.listed("it")
        child = pid_of(gateway)
        assert "MemoryError" in call(gateway, "it__grow", {"mib": 400})
        assert call(gateway, "it__grow", {"mib": 50}) == "grown"
        assert pid_of(gateway) == child


def test_memory_of_the_whole_tree(run):
    script = "bytearray(b'x') * (60 << 20); import time; time.sleep(1000)"
    hungry = f'{sys.executable} -S -c "a = {script}" & ' * 4
    inner = " ".join([sys.executable, "-S", str(SERVERS / "process_server.py")])
    entry = stdio(
        ["sh", "-c", f"{hungry} exec {inner}"],
        limits={"memory": 160 << 20, "cgroup": "off"},
        sample_ms=50,
        restart={"initial_ms": 60000},
    )
    with run(it=entry) as gateway:
        gateway.log.wait("over its limits.memory of 160 MiB")
        eventually(lambda: nobody(gateway))


def nobody(gateway):
    left = [w for w in processes.descendants(gateway.pid).values() if "process_server" in w[1]]
    assert not left


def test_fork_bomb(run):
    entry = server(limits={"processes": 20, "cgroup": "off"}, sample_ms=20, restart={"initial_ms": 50})
    with run(it=entry, other=server()) as gateway:
        gateway.listed("it", "other")
        child = pid_of(gateway)
        found = call(gateway, "it__bomb", {"count": 400})
        if found != "400":  # a limit of the kernel stopped it, or the gateway did
            assert "error" in found or "Error" in found, found
        gateway.log.wait("over its limits.processes of 20")
        gone(child)
        assert call(gateway, "other__work", {"text": "fine"}) == "fine"
        assert eventually(lambda: pid_of(gateway)) != child


def test_a_required_control_group_that_cannot_be_had_is_refused(run):
    with run(it=server(limits={"memory": 1 << 30, "cgroup": "require"}), other=server()) as gateway:
        gateway.listed("other")
        if "it" not in str(gateway.children()):
            line = gateway.log.wait('limits.cgroup is "require"')
            assert "control" in line or "cgroup" in line or "delegated" in line


def test_limits_of_files(run, tmp_path):
    with run(it=server(limits={"file_size": 3, "open_files": 64})) as gateway:
        gateway.listed("it")
        child = pid_of(gateway)
        limits = open(f"/proc/{child}/limits").read()
        assert "Max open files            64                   64" in limits
        assert "Max file size             3                    3" in limits


# ---- concurrency ----


def test_calls_beyond_the_concurrency_wait(run):
    with run(it=server(concurrency=2)) as gateway:
        gateway.listed("it")
        began = time.monotonic()
        load = [
            threading.Thread(target=call, args=(gateway, "it__work", {"seconds": 0.2})) for _ in range(8)
        ]
        for thread in load:
            thread.start()
        for thread in load:
            thread.join()
        assert time.monotonic() - began >= 0.8  # four rounds of two: a lower bound, however slow we are


# ---- recycling ----


@pytest.mark.parametrize("era", ERAS)
def test_recycling_under_load_loses_no_call(run, era):
    entry = server(era=era, recycle={"calls": 25}, sample_ms=20)
    with run(it=entry) as gateway:
        gateway.listed("it")
        before = gateway.resources()
        seen = {pid_of(gateway)}
        load = Load(gateway)
        for _ in range(8):
            load.reach(60)
            seen.add(pid_of(gateway))
        load.stop()
        assert len(seen) >= 5, seen
        assert load.calls >= 480
        eventually(lambda: only_one(gateway))
        assert processes.resources(gateway.pid)["fds"] <= before["fds"] + 12
        gateway.no_zombies()


def only_one(gateway):
    assert len(gateway.children()) == 1, gateway.children()


def test_recycling_by_age_and_memory(run):
    old = server(recycle={"age_ms": 300}, sample_ms=20)
    fat = server(recycle={"memory": 100 << 20}, sample_ms=20, restart={**QUICK, "healthy_ms": 10})
    with run(old=old, fat=fat) as gateway:
        gateway.listed("old", "fat")
        first, thin = pid_of(gateway, "old"), pid_of(gateway, "fat")
        load = Load(gateway, name="old__work")
        assert call(gateway, "fat__grow", {"mib": 150}) == "grown"
        gone(first, thin)
        load.stop()
        assert pid_of(gateway, "fat") != thin


@pytest.mark.parametrize("era", ERAS)
def test_an_idle_server_sleeps_and_wakes(run, era):
    with run(it=server(era=era, recycle={"idle_ms": 100}, sample_ms=20)) as gateway:
        gateway.listed("it")
        for _ in range(3):
            child = pid_of(gateway)
            gone(child)
            assert not gateway.children()
            # Many callers wake it together, and it is started once.
            answers = []

            def wake_up(text, answers=answers):
                answers.append(call(gateway, "it__work", {"text": text}))

            wake = [threading.Thread(target=wake_up, args=(str(n),)) for n in range(10)]
            for thread in wake:
                thread.start()
            for thread in wake:
                thread.join()
            assert sorted(answers) == [str(n) for n in range(10)]
        started = sum("server it: started" in line for line in gateway.log.lines)
        assert started <= 8, started


def test_a_replacement_that_is_slow_takes_over_when_it_is_ready(run):
    entry = server("--slow", "1", recycle={"calls": 5}, sample_ms=20)
    with run(it=entry) as gateway:
        gateway.listed("it")
        first = pid_of(gateway)
        load = Load(gateway, threads=2)
        gone(first)
        load.stop()


def test_a_spare_takes_over_after_a_crash(run):
    entry = server("--sleepy", "1", prewarm=1, sample_ms=20, restart={"initial_ms": 30000})
    with run(it=entry) as gateway:
        gateway.listed("it")
        child = pid_of(gateway)
        eventually(lambda: at_least_two(gateway))
        os.kill(child, signal.SIGKILL)
        # Without it the restart came half a minute later.
        eventually(lambda: pid_of(gateway), 15)


def at_least_two(gateway):
    assert len(gateway.children()) == 2


def test_deaths_at_random_under_load_leave_nothing(run):
    servers = {f"s{n}": server(prewarm=n % 2, recycle={"calls": 40}, sample_ms=50) for n in range(8)}
    with run(**servers, good=server()) as gateway:
        gateway.listed(*servers, "good")
        before = gateway.resources()
        load = Load(gateway, threads=2, name="good__work")
        for number in range(24):
            name = f"s{number % 8}"
            child = eventually(lambda name=name: pid_of(gateway, name))
            call(gateway, f"{name}__leave", {"how": ["session"]})
            os.kill(child, signal.SIGKILL)
            gone(child)
        load.stop()
        for name in servers:
            eventually(lambda name=name: pid_of(gateway, name))
        eventually(lambda: settled(gateway, before))


def settled(gateway, before):
    now = gateway.resources()
    gateway.no_zombies()
    sleeping = [w for w in processes.descendants(gateway.pid).values() if w[1].startswith("sleep 1000")]
    assert not sleeping, sleeping
    assert now["fds"] <= before["fds"] + 40, (before, now)
    assert now["rss"] <= before["rss"] + (24 << 20), (before, now)


# ---- sandbox ----


def test_a_sandbox_without_bubblewrap_is_refused(run):
    entry = server(sandbox={"program": "/nowhere/bwrap"})
    with run(it=entry, other=server()) as gateway:
        gateway.listed("other")
        assert "install the package bubblewrap" in gateway.log.wait("needs bubblewrap")


@pytest.mark.skipif(not BWRAP, reason="bubblewrap is not installed")
def test_a_sandbox(run, tmp_path):
    shared, shown = tmp_path / "shared", tmp_path / "shown"
    shared.mkdir(), shown.mkdir()
    visible = [str(SERVERS), sys.prefix]  # which may lie below /tmp
    with run(
        tight=server(
            sandbox={"program": BWRAP, "bind": [str(shared)], "bind_read_only": [str(shown), *visible]}
        ),
        open=server(sandbox={"program": BWRAP, "network": True, "bind_read_only": visible}),
    ) as gateway:
        gateway.listed("tight", "open")
        assert "Error" in call(gateway, "tight__write", {"path": str(shown / "x")})
        assert "Error" in call(gateway, "tight__write", {"path": "/etc/jackfield-was-here"})
        assert call(gateway, "tight__write", {"path": str(shared / "x")}) == "written"
        assert (shared / "x").read_text() == "written"
        assert call(gateway, "tight__write", {"path": "/tmp/jackfield-was-here"}) == "written"
        assert not os.path.exists("/tmp/jackfield-was-here")
        assert "Error" in call(gateway, "tight__connect", {"port": gateway.port})
        assert call(gateway, "open__connect", {"port": gateway.port}) == "connected"
        json.loads(call(gateway, "tight__leave", {"how": WAYS}))
        family = processes.descendants(gateway.child("--unshare-net"))
        os.kill(gateway.child("--unshare-net"), signal.SIGKILL)
        gone(*family)
        assert eventually(lambda: pid_of(gateway, "tight"))


# ---- the configuration ----


@pytest.mark.parametrize(
    "wrong, why",
    [
        ({"concurrency": -1}, "at least 0, found -1"),
        ({"limits": {"memory": "much"}}, "expected an integer"),
        ({"limits": {"ram": 1}}, "ram"),
        ({"recycle": {"age_ms": -5}}, "at least 0, found -5"),
        ({"sandbox": {"root": "writable"}}, "writable"),
        ({"sandbox": {"bind": ["relative"]}}, "relative"),
        ({"prewarm": 9}, "at most 1, found 9"),
    ],
)
def test_wrong_options_are_refused(tmp_path, wrong, why):
    config = write(tmp_path / "config.yaml", native({"it": server(**wrong)}))
    done = command_line("check", "--config", config)
    assert done.returncode != 0
    assert f"{config}:" in done.stderr and why in done.stderr, done.stderr
