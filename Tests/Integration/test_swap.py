# SPDX-License-Identifier: Apache-2.0
"""Plugins exchanged while the gateway serves: no call fails, and what cannot be used changes nothing."""

import hashlib
import json
import os
import shutil
import signal
import socket
import stat

import pytest
import yaml

from rig.builds import Load, ask, begin_swap, build, generations, percentile, shipped, swap
from rig.gateway import Gateway, command_line, native, serving, stdio, write
from rig.peers import HttpServer, server_command
from rig.processes import await_gone, eventually
from rig.raw_websocket import RawWebSocketClient
from rig.wire_http import Connection, modern

TRIAL = "400ms"


def configuration(tmp_path, servers, *plugins, **runtime):
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    blocks = {"runtime": {"drain_timeout": "3s", "state_dir": str(state), "swap_trial": TRIAL, **runtime}}
    if plugins:
        blocks["plugins"] = [p if isinstance(p, dict) else in_process(file=str(p)) for p in plugins]
    return write(tmp_path / "c.yaml", native(servers, **blocks)), state


def in_process(**which):
    """Builds from elsewhere would run in a cell; here it is images in the gateway's process that count."""
    return {**which, "placement": "inproc"}


def toolset(tmp_path, **more):
    """A gateway with one server of the plugin that the tests exchange, in version 1.0.0."""
    first = build(tmp_path / "first.so")
    config, state = configuration(tmp_path, {"s": {"plugin": "swappable"}}, first, **more)
    return config, state


def steps(found):
    return [step["step"] for step in found]


def state_of(gateway, state, plugin="swappable"):
    return [(g["generation"], g["state"]) for g in generations(gateway, state, plugin)]


def settles(gateway, state, wanted, plugin="swappable"):
    def look():
        assert state_of(gateway, state, plugin) == wanted

    eventually(look)


# ---- under load ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", ["per-loop", "serial", "concurrent"])
@pytest.mark.parametrize("fresh", [False, True], ids=["kept", "fresh"])
def test_toolset_under_load(tmp_path, threads, fresh):
    first = build(tmp_path / "first.so", threads=threads)
    second = build(tmp_path / "second.so", "1.0.1", threads=threads)
    config, state = configuration(tmp_path, {"s": {"plugin": "swappable"}}, first)
    with serving(config) as gateway:
        gateway.listed("s")
        with Load(gateway.port, "s__version", fresh=fresh, good=("1.0.0", "1.0.1")) as load:
            status, found, _ = swap(gateway, state, "swappable", second)
            load.past(50)
        assert status == 0 and steps(found) == ["loaded", "probed", "trial", "done"]
        assert not load.wrong, load.wrong[:5]
        assert load.texts[0] == "1.0.0" and load.texts[-1] == "1.0.1"
        settles(gateway, state, [(1, "retired"), (2, "current")])


def test_swaps_there_and_back_under_load(tmp_path):
    """Builds that are in memory already can come back any number of times: only images count."""
    config, state = toolset(tmp_path, swap_trial="0s", plugin_generations=2)
    builds = [tmp_path / "first.so", build(tmp_path / "second.so", "1.0.1")]
    with serving(config) as gateway:
        gateway.listed("s")
        with Load(gateway.port, "s__version", good=("1.0.0", "1.0.1")) as load:
            for number in range(1, 9):
                status, found, error = swap(gateway, state, "swappable", builds[number % 2])
                assert status == 0, (found, error)
                load.past(10)
        assert not load.wrong, load.wrong[:5]
        settles(gateway, state, [(n, "retired") for n in range(1, 9)] + [(9, "current")])


def test_call_under_way_ends_with_the_generation_that_took_it(tmp_path):
    """The old build answers what it was asked, after the new one has taken over."""
    config, state = toolset(tmp_path, swap_trial="100ms")
    second = build(tmp_path / "second.so", "1.0.1")
    with serving(config) as gateway:
        gateway.listed("s")
        with Connection(gateway.port) as connection:
            connection.send(modern("tools/call", {"name": "s__wait", "arguments": {}}))
            eventually(lambda: has_open_call(gateway, state, 1))
            status, found, _ = swap(gateway, state, "swappable", second)
            assert status == 0, found
            assert ask(gateway, "s__version") == "1.0.1"
            assert state_of(gateway, state) == [(1, "draining"), (2, "current")]
            assert connection.answer().json["result"]["content"][0]["text"] == "1.0.0"
        settles(gateway, state, [(1, "retired"), (2, "current")])


def has_open_call(gateway, state, generation):
    found = [g for g in generations(gateway, state, "swappable") if g["generation"] == generation]
    assert found[0]["open_calls"] == 1, found


def test_routing_state_goes_along(tmp_path):
    """Replicas in turn; the swap comes in the middle of a round, and the round goes on."""
    first = build(tmp_path / "first.so")
    second = build(tmp_path / "second.so", "1.0.1")
    with HttpServer("sdk2", "--label", "a") as a, HttpServer("sdk2", "--label", "b") as b:
        with HttpServer("sdk2", "--label", "c") as c:
            entry = {"replicas": [{"url": s.url} for s in (a, b, c)], "routing": "counting"}
            config, state = configuration(tmp_path, {"r": entry}, first, loops=1)
            with serving(config) as gateway:
                gateway.listed("r")
                eventually(lambda: each_up(gateway))
                turn = [label(gateway) for _ in range(3)]
                assert len(set(turn)) == 3
                head = [label(gateway) for _ in range(4)]
                assert head == [turn[0], turn[1], turn[2], turn[0]]
                status, found, _ = swap(gateway, state, "swappable", second)
                assert status == 0, found
                assert [label(gateway) for _ in range(3)] == [turn[1], turn[2], turn[0]]


def label(gateway):
    return json.loads(ask(gateway, "r__whoami"))["label"]


def each_up(gateway):
    """Three replicas answer: as long as one is still starting, the turn is not known."""
    assert len({label(gateway) for _ in range(6)}) == 3


def test_state_that_the_new_build_cannot_read_is_left_behind(tmp_path):
    first = build(tmp_path / "first.so")
    second = build(tmp_path / "second.so", "1.0.1", faults=["IMPORT"])
    with HttpServer("raw") as a, HttpServer("raw") as b:
        entry = {"replicas": [{"url": a.url}, {"url": b.url}], "routing": "counting"}
        config, state = configuration(tmp_path, {"r": entry}, first)
        with serving(config) as gateway:
            gateway.listed("r")
            status, found, _ = swap(gateway, state, "swappable", second)
            assert status == 0, found
            assert gateway.log.wait("starts without the old state", 5)
            assert ask(gateway, "r__echo", {"text": "x"}) == "x"


def test_routing_under_load(tmp_path):
    """The shipped strategy, while calls go through it."""
    with HttpServer("raw") as a, HttpServer("raw") as b:
        entry = {"replicas": [{"url": a.url}, {"url": b.url}], "routing": "round-robin"}
        config, state = configuration(tmp_path, {"r": entry}, in_process(id="routing-round-robin"))
        other = shipped("routing-round-robin", tmp_path / "other.so", 7)
        with serving(config) as gateway:
            gateway.listed("r")
            with Load(gateway.port, "r__echo", arguments={"text": "x"}, good=("x",)) as load:
                status, found, _ = swap(gateway, state, "routing-round-robin", other)
                load.past(50)
            assert status == 0 and not load.wrong, (found, load.wrong[:5])
            settles(gateway, state, [(1, "retired"), (2, "current")], "routing-round-robin")


def test_http_connector_and_listener_under_load(tmp_path):
    """One plugin carries the calls in and out: both sides change hands, twice, with new and with kept connections."""
    with HttpServer("raw") as server:
        entry = in_process(id="transport-http")
        config, state = configuration(tmp_path, {"r": {"url": server.url}}, entry)
        files = [shipped("transport-http", tmp_path / f"{n}.so", n) for n in (7, 8)]
        with serving(config) as gateway:
            gateway.listed("r")
            arguments = {"text": "x"}
            with (
                Load(gateway.port, "r__echo", 2, arguments=arguments, good=("x",)) as kept,
                Load(gateway.port, "r__echo", 2, fresh=True, arguments=arguments, good=("x",)) as fresh,
            ):
                for file in files:
                    status, found, error = swap(gateway, state, "transport-http", file)
                    assert status == 0, (found, error)
                    kept.past(50), fresh.past(50)
            assert not kept.wrong and not fresh.wrong, (kept.wrong[:5], fresh.wrong[:5])
            settles(
                gateway, state, [(1, "retired"), (2, "retired"), (3, "current")], "transport-http"
            )
            assert gateway.get("/healthz")[0] == 200


def test_stdio_connector_under_load(tmp_path):
    """A server that is a child process gets a second child, and the first one ends when its calls are over."""
    command = server_command("raw", "--stdio")
    config, state = configuration(tmp_path, {"c": stdio(command)}, in_process(id="transport-stdio"))
    other = shipped("transport-stdio", tmp_path / "other.so", 7)
    with serving(config) as gateway:
        gateway.listed("c")
        first = set(gateway.children())
        with Load(gateway.port, "c__echo", arguments={"text": "x"}, good=("x",)) as load:
            status, found, _ = swap(gateway, state, "transport-stdio", other)
            load.past(50)
        assert status == 0 and not load.wrong, (found, load.wrong[:5])
        for pid in first:
            await_gone(pid)
        assert len(gateway.children()) == 1


@pytest.mark.parametrize("kind", ["raw-2026-07-28", "raw-2025-11-25"])
def test_clients_and_their_sessions_stay(clients, tmp_path, kind):
    """The listener changes under a client that stays: its session lives in the core."""
    with HttpServer("sdk1") as server:
        entry = in_process(id="transport-http")
        config, state = configuration(tmp_path, {"r": {"url": server.url}}, entry)
        other = shipped("transport-http", tmp_path / "other.so", 7)
        with serving(config) as gateway:
            gateway.listed("r")
            with clients.open(kind, url=gateway.url) as link:
                link.listen("tools")
                assert link.text("r__echo", {"text": "before"}) == "before"
                status, found, _ = swap(gateway, state, "transport-http", other)
                assert status == 0, found
                assert link.text("r__echo", {"text": "after"}) == "after"
                # Standing streams do not hold the old build.
                settles(gateway, state, [(1, "retired"), (2, "current")], "transport-http")
                assert link.text("r__echo", {"text": "still"}) == "still"


def test_websocket_listener(tmp_path):
    """New connections meet the new build; those of the old one are served until they end."""
    with HttpServer("raw") as server:
        config, state = configuration(tmp_path, {"r": {"url": server.url}})
        other = shipped("transport-websocket", tmp_path / "other.so", 7)
        value = yaml.safe_load(config.read_text())
        value["listeners"] = [
            {"transport": "http", "address": "127.0.0.1:0"},
            {"transport": "websocket", "address": "127.0.0.1:0"},
        ]
        with serving(write(config, value)) as gateway:
            gateway.listed("r")
            line = gateway.log.wait("listening on ws://", 10)
            url = "ws://" + line.partition("ws://")[2].split()[0]
            with RawWebSocketClient(url, "2025-11-25") as before:
                assert before.text("r__echo", {"text": "a"}) == "a"
                swapping = begin_swap(gateway, state, "transport-websocket", other)
                swapping.stdout.wait('"trial"', 20)
                assert before.text("r__echo", {"text": "b"}) == "b"
                with RawWebSocketClient(url, "2025-11-25") as after:
                    assert after.text("r__echo", {"text": "c"}) == "c"
                    assert swapping.wait(20) == 0
                    assert after.text("r__echo", {"text": "d"}) == "d"
                    assert before.text("r__echo", {"text": "e"}) == "e"
            settles(gateway, state, [(1, "retired"), (2, "current")], "transport-websocket")


def test_sealed_states_open_after_a_swap(clients, tmp_path):
    """Random keys stay with the build that made them, which stays to open what it sealed."""
    config, state = toolset(tmp_path)
    other = shipped("seal-openssl", tmp_path / "other.so", 7)
    with serving(config) as gateway:
        status, found, _ = swap(gateway, state, "seal-openssl", other)
        assert status == 0, found
        settles(gateway, state, [(1, "draining"), (2, "current")], "seal-openssl")


# ---- what cannot be used ---------------------------------------------------------------------------------

FAULTS = {
    "CREATE": "cannot be created",
    "START": "does not start",
    "OPEN": "opens no set",
    "LIST": "lists nothing",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_build_that_does_not_work_is_rolled_back(tmp_path, fault):
    config, state = toolset(tmp_path)
    bad = build(tmp_path / "bad.so", "1.0.1", faults=[fault])
    with serving(config) as gateway:
        gateway.listed("s")
        with Load(gateway.port, "s__version", good=("1.0.0",)) as load:
            status, found, _ = swap(gateway, state, "swappable", bad)
            load.past(50)
        assert status == 1 and steps(found)[-1] == "rolled-back", found
        assert FAULTS[fault] in found[-1]["text"]
        assert not load.wrong, load.wrong[:5]
        settles(gateway, state, [(1, "current"), (2, "retired")])


def test_strategy_that_refuses_a_server_is_rolled_back(tmp_path):
    first = build(tmp_path / "first.so")
    bad = build(tmp_path / "bad.so", "1.0.1", faults=["ATTACH"])
    with HttpServer("raw") as a, HttpServer("raw") as b:
        entry = {"replicas": [{"url": a.url}, {"url": b.url}], "routing": "counting"}
        config, state = configuration(tmp_path, {"r": entry}, first)
        with serving(config) as gateway:
            gateway.listed("r")
            with Load(gateway.port, "r__echo", arguments={"text": "x"}, good=("x",)) as load:
                status, found, _ = swap(gateway, state, "swappable", bad)
                load.past(20)
            assert status == 1 and "attaches to nothing" in found[-1]["text"], found
            assert not load.wrong, load.wrong[:5]


def test_error_budget(tmp_path):
    """A build that comes up and then fails its calls: they go back to the old one."""
    config, state = toolset(tmp_path, swap_trial="60s")
    bad = build(tmp_path / "bad.so", "1.0.1", faults=["CALL"])
    with serving(config) as gateway:
        gateway.listed("s")
        with Load(gateway.port, "s__version", good=("1.0.0",)) as load:
            status, found, _ = swap(gateway, state, "swappable", bad)
            wrong = len(load.wrong)
            load.past(50)
        assert status == 1 and steps(found) == ["loaded", "probed", "trial", "rolled-back"], found
        assert "error budget" in found[-1]["text"]
        # Calls that were on their way at the switch back may still have met it.
        assert wrong >= 10 and len(load.wrong) <= wrong + 4, (wrong, len(load.wrong))
        assert load.texts[-1] == "1.0.0"
        gateway.log.wait("error budget", 5)
        settles(gateway, state, [(1, "current"), (2, "retired")])


def test_strategy_that_cannot_pick_spends_its_budget(tmp_path):
    first = build(tmp_path / "first.so")
    bad = build(tmp_path / "bad.so", "1.0.1", faults=["PICK"])
    with HttpServer("raw") as a, HttpServer("raw") as b:
        entry = {"replicas": [{"url": a.url}, {"url": b.url}], "routing": "counting"}
        config, state = configuration(tmp_path, {"r": entry}, first, swap_trial="60s")
        with serving(config) as gateway:
            gateway.listed("r")
            with Load(gateway.port, "r__echo", arguments={"text": "x"}) as load:
                status, found, _ = swap(gateway, state, "swappable", bad)
            assert status == 1 and "error budget" in found[-1]["text"], found
            assert ask(gateway, "r__echo", {"text": "x"}) == "x"


REFUSED = {
    "corrupt": (lambda p: corrupt(p), "refused at"),
    "missing": (lambda p: p, "No such file"),
    "other id": (lambda p: build(p, plugin_id="another"), "holds plugin 'another', not 'swappable'"),
    "other ABI": (lambda p: build(p, "1.0.1", abi="0.9"), "built for ABI 0.9"),
    "same bytes": (lambda p: shutil.copy(p.parent / "first.so", p), "these very bytes"),
    "other threads": (lambda p: build(p, "1.0.1", threads="serial"), "threads 'serial'"),
}


def corrupt(path):
    data = bytearray(build(path, "1.0.1").read_bytes())
    path.write_bytes(data[: len(data) // 2])
    return path


@pytest.mark.parametrize("make,said", REFUSED.values(), ids=REFUSED)
def test_refused_files_change_nothing(tmp_path, make, said):
    config, state = toolset(tmp_path)
    file = make(tmp_path / "candidate.so")
    with serving(config) as gateway:
        gateway.listed("s")
        status, found, error = swap(gateway, state, "swappable", file)
        assert status == 1
        assert said in (found[-1]["text"] if found else error), (found, error)
        assert state_of(gateway, state) == [(1, "current")]
        assert ask(gateway, "s__version") == "1.0.0"


def test_pinned_plugin_takes_no_other_bytes(tmp_path):
    first = build(tmp_path / "first.so")
    second = build(tmp_path / "second.so", "1.0.1")
    config, state = configuration(tmp_path, {"s": {"plugin": "swappable"}})
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    value = native(
        {"s": {"plugin": "swappable"}},
        runtime={"state_dir": str(state), "swap_trial": TRIAL},
        plugins=[{"file": str(first), "sha256": digest}],
    )
    with serving(write(config, value)) as gateway:
        gateway.listed("s")
        status, found, _ = swap(gateway, state, "swappable", second)
        assert status == 1 and "pinned" in found[-1]["text"], found
        assert ask(gateway, "s__version") == "1.0.0"


def test_unknown_plugin(tmp_path):
    config, state = toolset(tmp_path)
    with serving(config) as gateway:
        status, found, _ = swap(gateway, state, "nobody", tmp_path / "first.so")
        assert status == 1 and "loaded are:" in found[-1]["text"]


def test_cap_on_generations(tmp_path):
    config, state = toolset(tmp_path, plugin_generations=2, swap_trial="0s")
    with serving(config) as gateway:
        gateway.listed("s")
        assert swap(gateway, state, "swappable", build(tmp_path / "2.so", "1.0.2"))[0] == 0
        status, found, _ = swap(gateway, state, "swappable", build(tmp_path / "3.so", "1.0.3"))
        assert status == 1 and "restart the gateways one after the other" in found[-1]["text"], found
        assert ask(gateway, "s__version") == "1.0.2"


def test_two_swaps_at_once(tmp_path):
    config, state = toolset(tmp_path, swap_trial="60s")
    with serving(config) as gateway:
        gateway.listed("s")
        first = begin_swap(gateway, state, "swappable", build(tmp_path / "2.so", "1.0.2"))
        try:
            first.stdout.wait('"trial"', 20)
            status, found, _ = swap(gateway, state, "swappable", build(tmp_path / "3.so", "1.0.3"))
            assert status == 1 and "one swap at a time" in found[-1]["text"], found
            assert ask(gateway, "s__version") == "1.0.2"
        finally:
            first.kill()
        # Whoever watches may leave: the trial goes on.
        assert (2, "trial") in state_of(gateway, state)


# ---- the end of a gateway --------------------------------------------------------------------------------


def test_kill_during_a_swap_leaves_a_socket_that_the_next_one_removes(tmp_path):
    config, state = toolset(tmp_path, swap_trial="60s")
    gateway = Gateway(config)
    watcher = None
    try:
        gateway.listed("s")
        watcher = begin_swap(gateway, state, "swappable", build(tmp_path / "2.so", "1.0.2"))
        watcher.stdout.wait('"trial"', 20)
        os.kill(gateway.pid, signal.SIGKILL)
        assert watcher.wait(10) == 1
        gateway.process.wait(10)
    finally:
        gateway.kill()
        if watcher:
            watcher.kill()
    left = state / "run" / f"{gateway.pid}.sock"
    assert left.exists()
    done = command_line("plugin", "generations", "--state-dir", state)
    assert done.returncode == 1 and "no gateway runs" in done.stderr
    with serving(config) as again:
        again.listed("s")
        assert not left.exists()
        # What was on trial is forgotten: the file of the configuration counts.
        assert ask(again, "s__version") == "1.0.0"


def test_term_during_a_trial(tmp_path):
    config, state = toolset(tmp_path, swap_trial="60s")
    with serving(config) as gateway:
        gateway.listed("s")
        watcher = begin_swap(gateway, state, "swappable", build(tmp_path / "2.so", "1.0.2"))
        watcher.stdout.wait('"trial"', 20)
        gateway.stop()
        assert watcher.wait(10) == 1
        watcher.stdout.wait("the gateway stops", 5)
        watcher.kill()
        assert not list((state / "run").iterdir())
        # `serving` ends it again, which must not matter.
        gateway.stop = lambda: None


# ---- HUP and the command ---------------------------------------------------------------------------------


def test_hup_swaps_changed_files(tmp_path):
    config, state = toolset(tmp_path)
    file = tmp_path / "first.so"
    with serving(config) as gateway:
        gateway.listed("s")
        with Load(gateway.port, "s__version", good=("1.0.0", "1.0.1")) as load:
            build(tmp_path / "new.so", "1.0.1").replace(file)
            gateway.reload()
            load.until("1.0.1")
            gateway.log.wait("plugin swap: done", 20)
        assert not load.wrong, load.wrong[:5]
        said = len(gateway.log.lines)
        corrupt(tmp_path / "broken.so").replace(file)
        gateway.reload()
        gateway.log.wait("cannot be used; the loaded build goes on", 20, start=said)
        assert ask(gateway, "s__version") == "1.0.1"
        settles(gateway, state, [(1, "retired"), (2, "current")])


def test_hup_does_not_undo_a_swap(tmp_path):
    """The file of the configuration did not change, so what an operator chose stays."""
    config, state = toolset(tmp_path, swap_trial="0s")
    with serving(config) as gateway:
        gateway.listed("s")
        assert swap(gateway, state, "swappable", build(tmp_path / "2.so", "1.0.2"))[0] == 0
        gateway.reload()
        gateway.log.wait("configuration reloaded", 10)
        assert swap(gateway, state, "swappable", tmp_path / "first.so")[0] == 0
        assert ask(gateway, "s__version") == "1.0.0"


def test_reload_during_a_trial_and_back(tmp_path):
    """A server that came during the trial goes back with the others."""
    config, state = toolset(tmp_path, swap_trial="60s")
    bad = build(tmp_path / "bad.so", "1.0.1", faults=["CALL"])
    first = tmp_path / "first.so"
    with serving(config) as gateway:
        gateway.listed("s")
        watcher = begin_swap(gateway, state, "swappable", bad)
        watcher.stdout.wait('"trial"', 20)
        both = {"s": {"plugin": "swappable"}, "t": {"plugin": "swappable"}}
        configuration(tmp_path, both, first, swap_trial="60s")
        gateway.reload()
        gateway.listed("s", "t")
        with Load(gateway.port, "t__version", 2):
            assert watcher.wait(20) == 1
        watcher.kill()
        eventually(lambda: answers(gateway, "t__version", "1.0.0"))
        assert ask(gateway, "s__version") == "1.0.0"


def answers(gateway, tool, text):
    assert ask(gateway, tool) == text


def test_socket_is_the_users_alone(tmp_path):
    config, state = toolset(tmp_path)
    with serving(config) as gateway:
        path = state / "run" / f"{gateway.pid}.sock"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        for said, wanted in [(b"nonsense\n", b"'do'"), (b'{"do":"dance"}\n', b"unknown request")]:
            with socket.socket(socket.AF_UNIX) as door:
                os.chdir(path.parent)
                door.connect(path.name)
                door.sendall(said)
                assert wanted in door.recv(4096)
    assert not path.exists()


def test_several_gateways_ask_for_a_pid(tmp_path):
    config, state = toolset(tmp_path)
    with serving(config) as one, serving(config) as two:
        done = command_line("plugin", "generations", "--state-dir", state)
        assert done.returncode == 1 and str(one.pid) in done.stderr and str(two.pid) in done.stderr
        assert "--pid" in done.stderr
        done = command_line("plugin", "generations", "--state-dir", state, "--pid", two.pid)
        assert done.returncode == 0 and "swappable" in done.stdout


def test_latency_under_swaps_is_shown(tmp_path, record_property):
    """Reported, never asserted: machines differ."""
    config, state = toolset(tmp_path, swap_trial="0s")
    builds = [tmp_path / "first.so", build(tmp_path / "second.so", "1.0.1")]
    with serving(config) as gateway:
        gateway.listed("s")
        with Load(gateway.port, "s__version") as load:
            load.past(2000)
            quiet = len(load.times)
            for number in range(1, 5):
                assert swap(gateway, state, "swappable", builds[number % 2])[0] == 0
        assert not load.wrong, load.wrong[:5]
        before = percentile([t for _, t in load.times[:quiet]], 0.99)
        during = percentile([t for _, t in load.times[quiet:]], 0.99)
        record_property("p99_ms", f"{before * 1000:.2f} quiet, {during * 1000:.2f} with swaps")
        print(f"p99: {before * 1000:.2f} ms quiet, {during * 1000:.2f} ms with swaps")
