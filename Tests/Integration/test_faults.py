# SPDX-License-Identifier: Apache-2.0
"""Faults of servers, with real processes: a fault costs the calls of the server that has it, and no others.

Where each one is tested:

- kill -9: test_stdio_processes (in the middle of a call; at random under load), test_real_servers, and the crowd here
- SIGSTOP, SIGCONT: test_stdio_processes, and the crowd here
- slow start: here (a new server, next to others), test_stdio_processes (a replacement, a spare)
- slow answers, silence: here (next to others), test_resilience (deadlines, health checks), test_bad_servers
- garbage: test_bad_servers (each kind, over stdio and HTTP, from servers of both eras), and the crowd here
- half-closed pipes: test_stdio_processes; half-closed sockets: here
- refused connections, connections that nobody accepts: here; servers that come back: test_real_servers
- disk full: test_stdio_processes (a server's standard error on /dev/full), here (the gateway's own; a file that may
  grow no more, RLIMIT_FSIZE). /dev/full gives ENOSPC to every user; a file system that is really full would want root
- fork bombs under a limit: test_stdio_processes (children), here (generations that leave the tree, and in the sandbox)
- wrappers that leave processes behind, and kill -9 of the gateway: test_stdio_processes, here (of one with many)
- hundreds of servers of which some die at random, for two minutes under load: the crowd here
"""

import contextlib
import glob
import json
import os
import random
import shutil
import signal
import socket
import sys
import threading

import pytest

from rig import crowd, processes
from rig.cells import configuration, in_cell
from rig.dialogues import ANSWERS, ROOTED, ROOTS, Stage, ask, heard
from rig.gateway import QUICK, Gateway, native, serving, stdio, write
from rig.peers import HttpServer
from rig.places import JACKFIELD, ROOT, SERVERS, VENVS
from rig.processes import eventually
from rig.raw_client import RawStdioClient
from rig.rpc import MODERN
from rig.wire_http import Connection, exchange, legacy, modern, open_session

SECONDS = float(os.environ.get("JACKFIELD_FAULT_SECONDS", "120"))

# ---- the crowd ----

CROWD, DOOMED = 200, 20
# What the gateway may have grown by once everything has settled: its own memory, and descriptors.
RSS_GROWTH, FDS_GROWTH = 8 << 20, 4


class Crowd:
    """A gateway with two hundred small servers, every other one of the older era."""

    def __init__(self, folder):
        self.program = crowd.build(folder)
        self.names = [f"s{n}" for n in range(CROWD)]
        servers = {}
        for k, name in enumerate(self.names):  # of both eras, with and without control groups
            limits = {"cgroup": "auto" if k % 3 else "off"}
            servers[name] = crowd.entry(self.program, name, k % 2 == 0, timeout="2s", limits=limits)
        self.config = write(folder / "crowd.yaml", native(servers))

    def census(self, gateway):
        """What there is, counted."""
        family = processes.descendants(gateway.pid)
        inside = [pid for pid, (_, command) in family.items() if command.startswith(str(self.program))]
        tiny = [processes.resources(pid) for pid in inside]
        return {
            **gateway.resources(),
            "servers": len(inside),
            "others": len(family) - len(inside),
            "zombies": sum(state == "Z" for state, _ in family.values()),
            "marked": len(crowd.marked(gateway.pid)),
            "groups": len(crowd.control_groups(gateway.pid)),
            "servers_rss": sum(each["rss"] for each in tiny),
            "servers_fds": sum(each["fds"] for each in tiny),
        }

    def all_answer(self, gateway):
        """One call to each server, by a client of either era."""
        session = open_session(gateway.port)
        for number, name in enumerate(self.names):
            params = {"name": f"{name}__echo", "arguments": {"text": name}}
            message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            asked = modern("tools/call", params) if number % 3 else legacy(message, session)
            found = exchange(gateway.port, asked, 30).json
            assert found.get("result", {}).get("content", [{}])[0].get("text") == name, (name, found)


def used(gateway):
    """{server: what its processes use}, as the gateway reports it."""
    report = json.loads(gateway.get("/healthz?servers=1", 30)[1])["servers_detail"]
    return {name: server["endpoints"][0].get("processes") for name, server in report.items()}


@pytest.mark.timeout(SECONDS + 100)
def test_a_crowd_of_which_some_die_at_random(tmp_path, capsys):
    seed = random.randrange(1 << 32)
    many = Crowd(tmp_path)
    doomed = random.Random(seed).sample(many.names, DOOMED)
    healthy = [name for name in many.names if name not in doomed]
    with serving(many.config) as gateway:
        gateway.listed(*many.names)
        for _ in range(3):
            eventually(lambda: many.all_answer(gateway), 60)
        used(gateway)
        before = many.census(gateway)
        load = [crowd.Callers(gateway.port, healthy, era, 3, 0.04, seed) for era in ("modern", "legacy")]
        prey = [crowd.Callers(gateway.port, doomed, era, 2, 0.1, seed, mercy=True) for era in ("modern", "legacy")]
        reaper = crowd.Reaper(gateway, doomed, 0.4, seed)
        reaper.over.wait(SECONDS)
        reaper.stop()
        for callers in load + prey:
            callers.stop()
        eventually(lambda: many.all_answer(gateway), 60)

        def settled():
            now = many.census(gateway)
            assert now["servers"] == now["marked"] == CROWD and now["zombies"] == 0, now
            assert all(now[k] == before[k] for k in ("children", "others", "threads", "groups")), (before, now)
            assert now["fds"] <= before["fds"] + FDS_GROWTH, (before, now)
            return now

        after = eventually(settled, 20)
        report = used(gateway)
        told = {
            "seed": seed,
            "healthy": [(c.era, c.good, len(c.failures), f"{c.slowest:.3f} s") for c in load],
            "doomed": [(c.era, c.good, c.refused, len(c.failures), f"{c.slowest:.3f} s") for c in prey],
            "faults": reaper.done,
            "before": before,
            "after": after,
            "restarts": sum(each["failures"] for each in report.values()),
        }
        with capsys.disabled():
            print("\n" + "\n".join(f"  {name}: {value}" for name, value in told.items()))
        for callers in load + prey:
            assert not callers.failures, (callers.era, len(callers.failures), callers.failures[:5], told)
            assert callers.good > 0
        if SECONDS >= 30:
            assert all(reaper.done.values()) and len(reaper.hit) > DOOMED // 2, told
        assert after["rss"] <= before["rss"] + RSS_GROWTH, told
        assert all(report[name]["count"] == 1 for name in many.names), report
        assert all(report[name]["failures"] == 0 and report[name]["started"] == 1 for name in healthy)
        assert told["restarts"] >= reaper.done["killed"] + reaper.done["exited"] - DOOMED
        pid = gateway.pid
    assert not crowd.marked(pid) and not crowd.control_groups(pid)


@pytest.mark.timeout(90)
def test_a_crowd_ends_with_a_gateway_that_is_killed(tmp_path):
    many = Crowd(tmp_path)
    gateway = Gateway(many.config)
    try:
        gateway.listed(*many.names)
        assert many.census(gateway)["servers"] == CROWD
        gateway.process.signal(signal.SIGKILL)
        gateway.process.popen.wait(20)
        eventually(lambda: nothing_of(gateway.pid))
        assert not processes.lasting(set(processes.orphans()) - gateway.before)
        eventually(lambda: no_group(gateway.pid))
    finally:
        gateway.kill()


def no_group(pid):
    left = glob.glob(f"/sys/fs/cgroup/**/jackfield-{pid}-*", recursive=True)
    assert not left, left


def test_what_a_gateway_left_that_was_killed_with_its_watchers_is_cleared_away(tmp_path):
    config = write(tmp_path / "config.yaml", native({"it": child()}))
    gateway = Gateway(config)
    gateway.listed("it")
    gateway.kill()  # and everything that comes to us with its end
    with serving(config) as another:
        another.listed("it")
        no_group(gateway.pid)


def nothing_of(pid):
    left = {p: what for p, what in crowd.marked(pid).items() if what[0] != "Z"}
    assert not left and not crowd.control_groups(pid), (left, crowd.control_groups(pid))


# ---- time ----


@pytest.fixture
def run(tmp_path):
    """Starts a gateway with these servers, for the body of a `with`."""

    def start(**servers):
        return serving(write(tmp_path / "config.yaml", native(servers)))

    return start


def child(*switches, **more):
    """An entry for the server whose tools do things to their own process."""
    argv = [sys.executable, "-S", str(SERVERS / "process_server.py"), *switches]
    return stdio(argv, restart=QUICK, **more)


def call(gateway, name, arguments=None, timeout=25):
    """The text of a tool's answer; the whole message where it is an error."""
    message = exchange(gateway.port, modern("tools/call", {"name": name, "arguments": arguments or {}}), timeout).json
    return message if "error" in message else message["result"]["content"][0]["text"]


@pytest.mark.parametrize("switch", ["--sleepy", "--slow"])
def test_a_slow_start_holds_nobody_up(run, switch):
    with run(late=child(switch, "2"), good=child()) as gateway:
        eventually(lambda: state(gateway, "good", "up"))
        assert call(gateway, "good__work", {"text": "early"}) == "early"
        state(gateway, "late", "connecting")
        gateway.listed("late")
        assert call(gateway, "late__work", {"text": "there"}) == "there"


def state(gateway, name, wanted):
    (endpoint,) = json.loads(gateway.get("/healthz?servers=1")[1])["servers_detail"][name]["endpoints"]
    assert endpoint["state"] == wanted, endpoint


def test_slow_answers_hold_nobody_up(run):
    with run(slow=child(timeout="1s"), good=child()) as gateway:
        gateway.listed("slow", "good")
        found, waits = [], []
        for seconds in [0.7] * 5 + [30] * 5:
            work = {"seconds": seconds}
            wait = threading.Thread(target=lambda work=work: found.append(call(gateway, "slow__work", work)))
            waits.append(wait)
            wait.start()
        for number in range(50):
            assert call(gateway, "good__work", {"text": f"n{number}"}) == f"n{number}"
        for wait in waits:
            wait.join()
        assert found.count("done") == 5, found
        late = [answer for answer in found if answer != "done"]
        assert len(late) == 5 and all("error" in answer for answer in late), found


# ---- sockets ----


@pytest.fixture
def moody():
    with HttpServer("moody") as server:
        server.mood = lambda mood: exchange(server.port, f"GET /mood/{mood} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        server.entry = {"url": server.url, "timeout": "60s", "retry": False, "breaker": False}
        yield server


@pytest.mark.parametrize("mood", ["fin", "torn"])
def test_a_half_closed_connection_ends_its_call_at_once(run, moody, mood):
    with run(it=moody.entry, good=child()) as gateway:
        gateway.listed("it", "good")
        before = gateway.resources()["fds"]
        moody.mood(mood)
        for _ in range(10):
            assert "error" in call(gateway, "it__charge"), "it waits for the rest of an answer that cannot come"
        assert call(gateway, "good__work", {"text": "fine"}) == "fine"
        moody.mood("well")
        assert call(gateway, "it__charge") == "moody"
        eventually(lambda: at_most(gateway, before + 2))


def at_most(gateway, fds):
    assert gateway.resources()["fds"] <= fds, gateway.resources()


def test_a_connection_that_is_half_closed_after_an_answer_is_not_used_again(run, moody):
    """Not even by a call that must not be made twice."""
    with run(it=moody.entry) as gateway:
        gateway.listed("it")
        for _ in range(50):
            moody.mood("parting")  # answered when the connection of the last call was half-closed already
            assert call(gateway, "it__charge") == "moody"


def test_clients_that_close_their_half(run):
    """They said all that they had to say: each is answered or let go, and costs nothing afterwards."""
    with run(it=child()) as gateway:
        gateway.listed("it")
        before = gateway.resources()["fds"]
        for number in range(50):
            with Connection(gateway.port) as connection:
                params = {"name": "it__work", "arguments": {"text": "last", "seconds": 0.05 * (number % 2)}}
                connection.send(modern("tools/call", params))
                connection.socket.shutdown(socket.SHUT_WR)
                with contextlib.suppress(EOFError, ConnectionError):
                    assert connection.answer().json["result"]["content"][0]["text"] == "last"
        assert call(gateway, "it__work", {"text": "fine"}) == "fine"
        eventually(lambda: at_most(gateway, before))


def test_refused_and_unaccepted_connections(run):
    with contextlib.ExitStack() as open_sockets:
        full = open_sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1))
        for _ in range(8):  # whoever comes now hears nothing at all
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with socket.create_server(("127.0.0.1", 0)) as taken:
            shut = taken.getsockname()[1]
        bad = {"shut": shut, "full": full.getsockname()[1]}
        servers = {n: {"url": f"http://127.0.0.1:{p}/mcp", "timeout": "1s", "breaker": False} for n, p in bad.items()}
        with run(**servers, good=child()) as gateway:
            gateway.listed("good")
            before = gateway.resources()["fds"]
            for number in range(20):
                assert call(gateway, "good__work", {"text": f"n{number}"}, 3) == f"n{number}"
                for name in bad:
                    exchange(gateway.port, modern("tools/list", path=f"/mcp/servers/{name}"), 5)
            report = json.loads(gateway.get("/healthz?servers=1")[1])["servers_detail"]
            assert all(report[name]["endpoints"][0]["state"] != "up" for name in bad), report
            eventually(lambda: at_most(gateway, before + 4))


# ---- disks ----


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_gateway_that_cannot_write_its_log_serves(tmp_path):
    """Whatever it says, and whatever its servers say, is lost, and nothing else."""
    config = write(tmp_path / "config.yaml", native({"it": child(stderr_rate=100000)}))
    inner = f"exec {JACKFIELD} serve --stdio --log-level debug --config {config} 2>/dev/full"
    with RawStdioClient(["sh", "-c", inner], MODERN) as link:
        eventually(lambda: link.text("it__work", {"text": "up"}))
        assert link.text("it__flood", {"lines": 2000}) == "flooded"
        assert [link.text("it__work", {"text": str(n)}) for n in range(20)] == [str(n) for n in range(20)]


def test_a_file_that_may_not_grow(run, tmp_path):
    """Its own log reaches limits.file_size: writing fails, the server goes on."""
    inner = f"exec {sys.executable} -S {SERVERS / 'process_server.py'} 2>{tmp_path / 'log'}"
    with run(it=stdio(["sh", "-c", inner], limits={"file_size": 8192}, restart=QUICK)) as gateway:
        gateway.listed("it")
        pid = call(gateway, "it__pid")
        assert "File too large" in call(gateway, "it__flood", {"lines": 100})
        assert (tmp_path / "log").stat().st_size == 8192
        assert call(gateway, "it__work", {"text": "on"}) == "on" and call(gateway, "it__pid") == pid


# ---- processes that multiply ----


@pytest.mark.parametrize(
    "sandboxed",
    [False, pytest.param(True, marks=pytest.mark.skipif(not shutil.which("bwrap"), reason="no bubblewrap"))],
)
def test_generations_of_processes_end_at_the_limit(run, sandboxed):
    """At most 128 processes, whatever the limits do: each forks twice, leaves its session, and loses its parent."""
    limits = {"processes": 24, "cgroup": "off"}
    bind = {"sandbox": {"bind_read_only": [str(SERVERS), sys.prefix]}} if sandboxed else {}
    with run(it=child(limits=limits, sample_ms=20, **bind), good=child()) as gateway:
        gateway.listed("it", "good")
        call(gateway, "it__swarm", {"generations": 7})
        gateway.log.wait("over its limits.processes of 24")
        assert call(gateway, "good__work", {"text": "fine"}) == "fine"
        eventually(lambda: call(gateway, "it__work", {"text": "back"}) == "back" or 1 / 0)
        eventually(lambda: no_sleepers(gateway))
        # Parents that ended before anybody saw whose they were are reaped as well.
        eventually(gateway.no_zombies)


def no_sleepers(gateway):
    left = [command for _, command in crowd.marked(gateway.pid).values() if command.startswith("sleep")]
    assert not left, left


# ---- what it all costs ----


def test_what_processes_use_is_told(run, moody):
    quick = {"limits": {"cgroup": "off"}, "shutdown": {"close_stdin_ms": 100, "terminate_ms": 100}}
    wrapped = f"sleep 1000 & exec {sys.executable} -S {SERVERS / 'process_server.py'}"
    it = stdio(["sh", "-c", wrapped], restart=QUICK, **quick)
    with run(it=it, far=moody.entry, fresh=child(recycle={"calls": 3}, **quick)) as gateway:
        gateway.listed("it", "far", "fresh")
        first = used(gateway)
        assert first["far"] is None, "a server that is reached over HTTP has no processes of ours"
        it = first["it"]
        assert (it["count"], it["threads"], it["started"], it["failures"]) == (2, 2, 1, 0), it
        assert 4 << 20 < it["memory_bytes"] < 60 << 20 and 6 <= it["descriptors"] < 20, it
        assert call(gateway, "it__burn", {"seconds": 0.3}) == "burnt"
        burnt = eventually(lambda: more(gateway, it["cpu_ms"] + 290))
        # What ended processes have used is not forgotten.
        os.kill(int(call(gateway, "it__pid")), signal.SIGKILL)

        def again():
            now = used(gateway)["it"]
            assert (now["started"], now["failures"], now["count"]) == (2, 1, 2), now
            assert now["cpu_ms"] >= burnt["cpu_ms"], (burnt, now)

        eventually(again)
        for _ in range(8):
            call(gateway, "fresh__work")
        eventually(lambda: used(gateway)["fresh"]["replaced"] >= 1 or 1 / 0)
        assert used(gateway)["fresh"]["failures"] == 0


def more(gateway, cpu_ms):
    now = used(gateway)["it"]
    assert now["cpu_ms"] >= cpu_ms, now
    return now


def test_what_processes_use_is_told_from_a_cell(tmp_path):
    read = [str(ROOT), str(VENVS), str(SERVERS), sys.base_prefix]
    config, _ = configuration(
        tmp_path, {"it": child()}, in_cell("transport-stdio", processes=True, read=read, write=["/tmp"])
    )
    with serving(config) as gateway:
        gateway.listed("it")
        found = eventually(lambda: used(gateway)["it"] or 1 / 0)
        assert found["count"] == 1 and found["memory_bytes"] > 4 << 20 and found["started"] == 1, found


def test_further_sessions_are_counted_with_their_server(tmp_path, events):
    """An older server is started again for clients that can be asked; what it used stays when the session ended."""
    with Stage(tmp_path, events, pipe=True, limits={"upstream_idle": "300ms"}) as stage:
        link = stage.open("2025-11-25", {"roots": {}})
        link.answers = dict(ANSWERS)
        assert heard(link.play(ask(ROOTS), tag="t").result())["answers"] == [{"result": ROOTED}]
        assert used(stage.gateway)["s"]["started"] == 2
        eventually(lambda: len(stage.gateway.children()) == 1 or 1 / 0)
        found = eventually(lambda: used(stage.gateway)["s"])
        assert (found["started"], found["failures"]) == (2, 0), found
        assert found["count"] == 1 or found["age_ms"] < 1000, found
