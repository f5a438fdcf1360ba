# SPDX-License-Identifier: Apache-2.0
"""Cells as operators see and steer them: states, restarts, reloads, swaps."""

import json

import yaml

from rig.builds import Load, generations, swap
from rig.cells import ROGUE, attempt, become, cells, configuration, health, in_cell, killed, rogue, said
from rig.gateway import command_line, serving, write
from rig.processes import eventually, stat

SERVERS = {"s": {"plugin": ROGUE}, "good": {"plugin": "tools-demo"}}


def restart(gateway, state, plugin=ROGUE):
    return command_line("plugin", "restart", plugin, "--state-dir", state, "--pid", gateway.pid)


def listing(gateway, state):
    done = command_line("plugin", "generations", "--state-dir", state, "--pid", gateway.pid)
    assert done.returncode == 0, done.stderr
    return done.stdout


def quarantined(gateway):
    """Has the only cell end as often as it takes."""
    while True:
        (cell,) = cells(gateway)
        if cell["state"] == "quarantined":
            return cell
        if cell["state"] == "up":
            killed(cell["pid"])
            eventually(lambda n=cell["ends"]: ended(gateway, n))
        else:
            eventually(lambda: settled(gateway))


def ended(gateway, before):
    (cell,) = cells(gateway)
    assert cell["ends"] > before, cell


def settled(gateway):
    (cell,) = cells(gateway)
    assert cell["state"] in ("up", "quarantined"), cell


def test_what_is_shown(tmp_path):
    config, state = configuration(tmp_path, SERVERS, in_cell(rogue(tmp_path)), loops=2)
    with serving(config) as gateway:
        gateway.listed("s", "good")
        found = cells(gateway)
        assert [cell["loop"] for cell in found] == [0, 1]
        for cell in found:
            assert stat(cell["pid"])[1] == gateway.pid
            assert cell["state"] == "up" and cell["reason"] == "" and cell["restart_ms"] == 0
            assert (cell["ends"], cell["restarts"], cell["operations"]) == (0, 0, 0)
            assert cell["resident"] > 1 << 20
        whole = health(gateway)
        assert whole["plugins"]["tools-demo"]["placement"] == "inproc"
        assert "cells" not in whole["plugins"]["tools-demo"]
        assert whole["cells"] == {"up": 2, "down": 0, "quarantined": 0, "ends": 0, "restarts": 0}
        assert "cell: 2 up" in listing(gateway, state) and "inproc" in listing(gateway, state)
        (shown,) = generations(gateway, state, ROGUE)
        assert [cell["pid"] for cell in shown["cells"]] == [cell["pid"] for cell in found]


def test_the_last_heartbeat_is_shown(tmp_path):
    config, _ = configuration(tmp_path, SERVERS, in_cell(rogue(tmp_path)), loops=1)
    with serving(config) as gateway:
        gateway.listed("s")

        def beats():
            assert cells(gateway)[0]["heartbeat_ns"] > 0

        eventually(beats)


def test_restart_lifts_a_quarantine(tmp_path):
    config, state = configuration(tmp_path, SERVERS, in_cell(rogue(tmp_path)), loops=1)
    with serving(config) as gateway:
        gateway.listed("s", "good")
        ends = quarantined(gateway)["ends"]
        assert "cell: 1 quarantined" in listing(gateway, state)
        assert "signal 9" in listing(gateway, state)
        done = restart(gateway, state)
        assert done.returncode == 0 and f"1 of 1 cells of {ROGUE} are started again" in done.stdout, done
        (cell,) = become(gateway, "up")
        # What was counted stays; the window for the next quarantine begins anew.
        assert cell["ends"] == ends
        eventually(lambda: said(gateway, "s__later"))
        killed(cell["pid"])
        become(gateway, "up", ends=ends + 1)
        done = restart(gateway, state)
        assert done.returncode == 0 and "nothing was to be done" in done.stdout, done


def test_restart_says_what_it_cannot(tmp_path):
    config, state = configuration(tmp_path, SERVERS, in_cell(rogue(tmp_path)), loops=1)
    with serving(config) as gateway:
        gateway.listed("s", "good")
        done = restart(gateway, state, "tools-demo")
        assert done.returncode == 1 and "gateway's own process" in done.stderr, done
        done = restart(gateway, state, "nobody")
        assert done.returncode == 1 and "loaded are:" in done.stderr, done


def test_hup_lifts_a_quarantine(tmp_path):
    config, _ = configuration(tmp_path, SERVERS, in_cell(rogue(tmp_path)), loops=1)
    with serving(config) as gateway:
        gateway.listed("s", "good")
        quarantined(gateway)
        gateway.reload()
        become(gateway, "up")
        eventually(lambda: said(gateway, "s__later"))


def test_a_reload_moves_a_plugin_into_cells(tmp_path):
    """The same build in another place takes over as another build would: no call fails."""
    plugin = rogue(tmp_path)
    here = {"file": str(plugin), "placement": "inproc"}
    config, _ = configuration(tmp_path, SERVERS, here, swap_trial="300ms")
    with serving(config) as gateway:
        gateway.listed("s", "good")
        assert health(gateway)["plugins"][ROGUE]["placement"] != "cell"
        value = yaml.safe_load(config.read_text())
        with Load(gateway.port, "s__later", 4, good=("later",)) as load:
            write(config, value | {"plugins": [in_cell(plugin)]})
            gateway.reload()
            assert ROGUE in gateway.log.wait("a plugin moves to a cell", 10)
            gateway.log.wait("plugin swap: done", 20)
            load.past(50)
            first = {cell["pid"] for cell in cells(gateway)}
            assert first
            # Other rights are other cells.
            mark = len(gateway.log.lines)
            write(config, value | {"plugins": [in_cell(plugin, memory="64MiB")]})
            gateway.reload()
            assert ROGUE in gateway.log.wait("gets new cells", 10, start=mark)
            gateway.log.wait("plugin swap: done", 20, start=mark)
            load.past(50)
        assert not load.wrong, load.wrong[:3]
        assert {cell["pid"] for cell in cells(gateway)} - first
        # What differs no more is not exchanged again.
        mark = len(gateway.log.lines)
        gateway.reload()
        gateway.log.wait("configuration reloaded", 10, start=mark)
        assert "plugin swap begins" not in "".join(gateway.log.lines[mark:])


def test_a_reload_takes_no_plugin_out_of_its_cells_and_says_so(tmp_path):
    plugin = rogue(tmp_path)
    config, _ = configuration(tmp_path, SERVERS, in_cell(plugin), loops=1)
    with serving(config) as gateway:
        gateway.listed("s", "good")
        value = yaml.safe_load(config.read_text())
        value["plugins"][0]["placement"] = "inproc"
        gateway.config = write(config, value)
        gateway.reload()
        line = gateway.log.wait("stays where it runs", 10)
        assert "restart the gateway" in line and ROGUE in line and "runs=cell" in line and "wanted=inproc" in line
        assert said(gateway, "s__later") == "later"


def test_swap_of_a_plugin_in_cells(tmp_path):
    """The new build runs in cells of its own beside the old one's; none of the calls fails."""
    first, second = rogue(tmp_path), rogue(tmp_path, "second.so", version="1.0.1")
    config, state = configuration(tmp_path, SERVERS, in_cell(first), swap_trial="300ms")
    with serving(config) as gateway:
        gateway.listed("s", "good")
        old = {cell["pid"] for cell in cells(gateway)}
        with Load(gateway.port, "s__later", 4, good=("later",)) as load:
            status, found, error = swap(gateway, state, ROGUE, second)
            assert status == 0, (found, error)
            load.past(50)
        assert not load.wrong, load.wrong[:3]

        def left():
            assert not old & set(gateway.children())
            assert [g["state"] for g in generations(gateway, state, ROGUE)] == ["retired", "current"]

        eventually(left)
        assert json.dumps(health(gateway)["cells"]) and attempt(gateway, "s__pid")[0] == "ok"
