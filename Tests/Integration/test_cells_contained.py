# SPDX-License-Identifier: Apache-2.0
"""What a plugin in a cell can do to others: nothing. Crashes, hangs, leaks, floods, and what it may not open."""

import ctypes
import json
import os
import re
import signal

import pytest

from rig.builds import Load, build
from rig.cells import ROGUE, attempt, become, cells, configuration, health, in_cell, killed, rogue, said
from rig.dialogues import Crowd
from rig.gateway import Gateway, serving
from rig.processes import await_gone, descendants, eventually
from rig.wire_http import Connection, modern

GOOD = {"text": "x"}


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    return rogue(tmp_path_factory.mktemp("rogue"))


def gateway_of(folder, plugin, cell=None, **runtime):
    """A rogue in cells beside a toolset in the gateway's process and one in cells of its own."""
    servers = {"bad": {"plugin": ROGUE}, "good": {"plugin": "tools-demo"}, "also": {"plugin": "swappable"}}
    other = build(folder / "other.so")
    config, state = configuration(
        folder, servers, in_cell(plugin, **(cell or {})), in_cell(other), **{"loops": 1, **runtime})
    return config, state


@pytest.fixture(scope="module")
def bad(plugin, tmp_path_factory):
    """For tools that misbehave without ending their cell."""
    config, _ = gateway_of(tmp_path_factory.mktemp("bad"), plugin, {"memory": "64MiB"})
    with serving(config) as gateway:
        gateway.listed("bad", "good", "also")
        yield gateway


def landlock():
    """The kernel's Landlock ABI; 0 without."""
    return max(0, ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1))


def goes_on(load):
    """The other servers' calls go on, and none of them failed."""
    load.past(20)
    assert not load.wrong, load.wrong[:3]


# ---- ends ------------------------------------------------------------------------------------------------

ENDS = {
    "abort": "ended by signal 6",
    "crash": "ended by signal 11",
    "exit": "exited with status 7",
    "garbage": "it sent",
}


@pytest.mark.parametrize("tool", ENDS)
def test_an_end_fails_open_calls_only(plugin, tmp_path, tool):
    config, state = gateway_of(tmp_path, plugin)
    with serving(config) as gateway:
        gateway.listed("bad", "good", "also")
        with Load(gateway.port, "good__echo", 2, arguments=GOOD) as load, \
                Load(gateway.port, "also__version", 1) as beside, Connection(gateway.port, 30) as waiting:
            waiting.send(modern("tools/call", {"name": "bad__wait", "arguments": {}}))
            eventually(lambda: operations(gateway, 1))
            how, error = attempt(gateway, f"bad__{tool}")
            assert how == "error" and ROGUE in error["message"], error
            assert re.search(r"ended|started again", error["message"]), error
            other = waiting.answer().json["error"]
            assert ROGUE in other["message"] and ENDS[tool] in other["message"], other
            (cell,) = become(gateway, "up", ends=1)
            assert cell["restarts"] == 1 and ENDS[tool] in cell["reason"]
            assert said(gateway, "bad__later") == "later"
            goes_on(load)
            goes_on(beside)
        log = gateway.log.text()
        assert re.search(rf"cell ended: .*{ENDS[tool]}.*it starts again in 100 ms", log)
        if tool == "abort":
            assert "a rogue's last words" in cell["reason"] and "a rogue's last words" in log
        assert health(gateway)["cells"] == {
            "up": 2, "down": 0, "quarantined": 0, "ends": 1, "restarts": 1,
        }


def operations(gateway, wanted):
    assert sum(cell["operations"] for cell in cells(gateway)) == wanted


def test_a_killed_cell_loses_its_open_calls_and_no_other(plugin, tmp_path, record_property):
    """64 calls open in the cell, others under way elsewhere: kill -9. Exactly the 64 fail."""
    config, _ = gateway_of(tmp_path, plugin)
    with serving(config) as gateway:
        gateway.listed("bad", "good", "also")
        with Load(gateway.port, "good__echo", 4, arguments=GOOD) as load, \
                Load(gateway.port, "also__version", 2) as beside:
            crowd = Crowd([lambda: attempt(gateway, "bad__wait") for _ in range(64)])
            eventually(lambda: operations(gateway, 64))
            before = len(load.texts) + len(beside.texts)
            (cell,) = cells(gateway)
            killed(cell["pid"])
            answers = crowd.join()
            become(gateway, "up", ends=1)
            assert said(gateway, "bad__later") == "later"
            goes_on(load)
            goes_on(beside)
            calls = len(load.texts) + len(beside.texts) - before
        failed = [found for how, found in answers if how == "error"]
        assert len(failed) == 64 and all("ended by signal 9" in error["message"] for error in failed)
        text = f"{len(failed)} calls were open in the cell and failed; 0 of {calls} others did"
        record_property("killed_cell", text)
        print(text)


def test_a_cell_killed_under_load(plugin, tmp_path, record_property):
    """Short calls in closed loops. A call fails because it was open, or is refused before it was begun."""
    config, _ = gateway_of(tmp_path, plugin)
    with serving(config) as gateway:
        gateway.listed("bad", "good", "also")
        with Load(gateway.port, "good__echo", 2, arguments=GOOD) as others, \
                Load(gateway.port, "bad__later", 8) as load:
            for number in range(1, 4):
                (cell,) = become(gateway, "up", ends=number - 1)
                load.past(20)
                killed(cell["pid"])
            become(gateway, "up", ends=3)
            eventually(lambda: said(gateway, "bad__later"))
            load.past(20)
            goes_on(others)
        opened = [w for w in load.wrong if "ended during this" in w]
        refused = [w for w in load.wrong if "try again in" in w]
        assert len(opened) + len(refused) == len(load.wrong), load.wrong[:3]
        assert len(opened) <= 3 * 8
        text = f"3 kills, 8 callers: {len(opened)} open calls failed, {len(refused)} were refused before they began"
        record_property("killed_under_load", text)
        print(text)


def test_a_hang_is_ended(plugin, tmp_path):
    config, _ = gateway_of(tmp_path, plugin)
    with serving(config) as gateway:
        gateway.listed("bad", "good", "also")
        with Load(gateway.port, "good__echo", 1, arguments=GOOD) as load:
            how, error = attempt(gateway, "bad__hang", timeout=40)
            assert how == "error" and "it hangs" in error["message"], error
            become(gateway, "up", ends=1)
            assert said(gateway, "bad__later") == "later"
            goes_on(load)


@pytest.mark.parametrize("tool", ["flood", "flood-frames"])
def test_a_flood_is_slowed_down_then_ended(plugin, tmp_path, tool):
    config, _ = gateway_of(tmp_path, plugin)
    with serving(config) as gateway:
        gateway.listed("bad", "good", "also")
        with Load(gateway.port, "good__echo", 1, arguments=GOOD) as load:
            how, error = attempt(gateway, f"bad__{tool}", timeout=60)
            assert how == "error", error
            (cell,) = become(gateway, "up", ends=1)
            # What is too much for too long, or keeps it from everything else.
            assert "it sent" in cell["reason"] or "it hangs" in cell["reason"], cell
            goes_on(load)


def test_chatter_on_standard_error_is_bounded(bad):
    assert said(bad, "bad__chatter") == "said"
    lines = [line for line in bad.log.text().splitlines() if "chatter " in line]
    assert 1 <= len(lines) <= 2000, len(lines)
    assert said(bad, "good__echo", GOOD) == "x"


def test_a_second_answer_is_dropped(bad):
    assert said(bad, "bad__finish-twice") == "once"
    assert said(bad, "bad__later") == "later"


# ---- memory ----------------------------------------------------------------------------------------------


def test_memory_is_bounded(bad):
    """A leak meets the bound of its own cell; what it was refused, it can say."""
    (before,) = cells(bad)
    had = int(said(bad, "bad__leak").split()[0])
    assert 8 <= had < 64
    (after,) = cells(bad)
    assert after["resident"] <= 200 << 20
    assert said(bad, "good__echo", GOOD) == "x"
    # It has nothing left to work with; whatever becomes of it, it ends or answers.
    how, found = attempt(bad, "bad__large")
    assert how == "error" or found["content"], found
    killed(cells(bad)[0]["pid"] or before["pid"])
    become(bad, "up", ends=1)
    assert said(bad, "bad__later") == "later"


# ---- rights ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["exec", "socket"])
def test_system_calls_are_refused(bad, tool):
    assert said(bad, f"bad__{tool}") == "EPERM"


def test_no_processes(bad):
    assert said(bad, "bad__fork-bomb") == "0 children, EPERM"


@pytest.mark.skipif(landlock() < 1, reason="this kernel has no Landlock")
def test_files_are_closed(bad, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    for path in (secret, bad.config, "/etc/shadow", f"/proc/{bad.pid}/environ", f"/proc/{bad.pid}/mem", "/root"):
        assert said(bad, "bad__open", {"path": str(path)}) in ("EACCES", "ENOENT"), path
    assert said(bad, "bad__open", {"path": str(tmp_path / "new"), "mode": "write"}) == "EACCES"
    assert said(bad, "bad__open", {"path": "/usr"}) == "done"


def test_files_that_were_given_are_open(plugin, tmp_path):
    given, other = tmp_path / "given", tmp_path / "other"
    given.mkdir()
    other.mkdir()
    (other / "file").write_text("x")
    config, state = gateway_of(tmp_path, plugin, {"read": [str(other)], "write": ["given"]})
    with serving(config) as gateway:
        gateway.listed("bad")
        assert said(gateway, "bad__open", {"path": str(given / "new"), "mode": "write"}) == "done"
        assert said(gateway, "bad__open", {"path": str(other / "file")}) == "done"
        # A folder of its own, and none of the gateway's.
        own = state / "cells" / ROGUE / "file"
        assert said(gateway, "bad__open", {"path": str(own), "mode": "write"}) == "done"
        if landlock() >= 1:
            wanted = {"path": str(other / "new"), "mode": "write"}
            assert said(gateway, "bad__open", wanted) == "EACCES"


@pytest.mark.skipif(landlock() < 6, reason="this kernel's Landlock does not know signals")
def test_the_gateway_gets_no_signals(bad):
    assert said(bad, "bad__kill-gateway") == "EPERM"


@pytest.mark.skipif(landlock() < 1, reason="this kernel has no Landlock")
def test_the_control_socket_takes_no_orders_from_a_cell(plugin, tmp_path):
    """It is the gateway's own user who asks, but one who cannot read the key."""
    config, state = gateway_of(tmp_path, plugin)
    with serving(config) as gateway:
        gateway.listed("bad")
        door = state / "run" / f"{gateway.pid}.sock"
        answer = said(gateway, "bad__unix", {"path": str(door), "file": str(plugin)})
        assert "needs its key" in answer, answer
        key = state / "run" / f"{gateway.pid}.key"
        assert key.stat().st_mode & 0o777 == 0o600
        assert said(gateway, "bad__open", {"path": str(key)}) == "EACCES"


def test_what_it_starts_ends_with_its_group(plugin, tmp_path):
    """Where it may start programs, its children end when it is ended."""
    config, _ = gateway_of(tmp_path, plugin, {"processes": True})
    with serving(config) as gateway:
        gateway.listed("bad")
        assert said(gateway, "bad__fork-bomb").startswith("64 children")
        (cell,) = cells(gateway)
        children = list(descendants(cell["pid"]))
        assert len(children) == 64
        killed(cell["pid"])
        for child in children:
            await_gone(child)
        become(gateway, "up", ends=1)


# ---- quarantine ------------------------------------------------------------------------------------------


def end_it(gateway, times):
    """Ends the only cell so often, each time when it is up again."""
    for number in range(times):
        (cell,) = become(gateway, "up")
        killed(cell["pid"])
        eventually(lambda n=cell["ends"]: ended(gateway, n + 1))


def ended(gateway, wanted):
    (cell,) = cells(gateway)
    assert cell["ends"] >= wanted, cell


def test_pauses_grow_until_the_quarantine(plugin, tmp_path):
    config, state = gateway_of(tmp_path, plugin)
    with serving(config) as gateway:
        gateway.listed("bad", "good")
        end_it(gateway, 5)
        (cell,) = become(gateway, "quarantined")
        assert cell["pid"] == 0 and cell["ends"] == 5 and cell["restarts"] == 4
        log = gateway.log.text()
        assert [n for n in (100, 200, 400, 800) if f"it starts again in {n} ms" in log] == [100, 200, 400, 800]
        assert f"'jackfield plugin restart {ROGUE}'" in log
        how, error = attempt(gateway, "bad__later")
        assert how == "error", error

        def told():
            """The caller, or, where its server went down meanwhile, the operator."""
            servers = json.loads(gateway.get("/healthz?servers=1")[1])["servers_detail"]
            assert "quarantine" in json.dumps([error, servers["bad"]]), servers["bad"]

        eventually(told)
        assert said(gateway, "good__echo", GOOD) == "x"
        assert health(gateway)["cells"]["quarantined"] == 1


# ---- starts ----------------------------------------------------------------------------------------------


def test_a_plugin_that_cannot_be_created_says_its_last_words(plugin, tmp_path):
    entry = {**in_cell(plugin), "config": {"how": "crash-create"}}
    config, _ = configuration(tmp_path, {"bad": {"plugin": ROGUE}}, entry)
    gateway = Gateway(config, wait=False)
    try:
        assert gateway.process.wait(20) == 1
        assert "it will not even be created" in gateway.log.text()
    finally:
        gateway.kill()


def test_a_server_that_crashes_its_cell_as_it_opens(plugin, tmp_path):
    """It stays down and says why; the others are served."""
    config, _ = configuration(
        tmp_path, {"bad": {"plugin": ROGUE, "how": "crash-open"}, "good": {"plugin": "tools-demo"}},
        in_cell(plugin), loops=1)
    with serving(config) as gateway:
        gateway.listed("good")
        become(gateway, "quarantined", ends=5)
        assert said(gateway, "good__echo", GOOD) == "x"


# ---- the gateway's end -----------------------------------------------------------------------------------


@pytest.mark.parametrize("busy", ["idle", "hanging"])
def test_nothing_survives_a_killed_gateway(plugin, tmp_path, busy):
    config, _ = gateway_of(tmp_path, plugin, loops=2)
    gateway = Gateway(config)
    try:
        gateway.listed("bad", "good", "also")
        pids = list(gateway.children())
        assert len(pids) == 4
        if busy == "hanging":
            connection = Connection(gateway.port)
            connection.send(modern("tools/call", {"name": "bad__hang", "arguments": {}}))
            eventually(lambda: operations(gateway, 1))
        os.kill(gateway.pid, signal.SIGKILL)
        gateway.process.wait(10)
        for pid in pids:
            await_gone(pid)
    finally:
        gateway.kill()


def test_term_with_calls_in_cells(plugin, tmp_path):
    """The call under way ends at the drain's deadline or before; nothing is left, the exit status is 0."""
    config, _ = gateway_of(tmp_path, plugin, drain_timeout="500ms")
    with serving(config) as gateway:
        gateway.listed("bad", "good")
        with Connection(gateway.port, 30) as waiting:
            waiting.send(modern("tools/call", {"name": "bad__wait", "arguments": {}}))
            eventually(lambda: operations(gateway, 1))
            gateway.stop()
        gateway.stop = lambda: None


def test_term_while_a_cell_is_down(plugin, tmp_path):
    config, _ = gateway_of(tmp_path, plugin)
    with serving(config) as gateway:
        gateway.listed("bad")
        end_it(gateway, 3)
        gateway.stop()
        gateway.stop = lambda: None
