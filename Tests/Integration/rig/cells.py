# SPDX-License-Identifier: Apache-2.0
"""Plugins in cells: configurations, the cells as the gateway shows them, and calls that may fail."""

import json
import os
import signal

from rig.builds import build
from rig.gateway import native, write
from rig.processes import await_gone, eventually
from rig.wire_http import exchange, modern

ROGUE = "cell-rogue"


def rogue(folder, name="rogue.so", **more):
    """A build of plugins/cell_rogue.c."""
    return build(folder / name, plugin_id=ROGUE, source="cell_rogue", **more)


def in_cell(plugin, **cell):
    """The entry of a plugin, an id or a file, that runs in a cell with these rights and bounds."""
    which = {"id": plugin} if isinstance(plugin, str) else {"file": str(plugin)}
    return {**which, "placement": "cell", **({"cell": cell} if cell else {})}


def configuration(folder, servers, *plugins, listeners=None, **runtime):
    """Writes it; the file and the state directory."""
    state = folder / "state"
    state.mkdir(exist_ok=True)
    blocks = {"runtime": {"drain_timeout": "3s", "state_dir": str(state), **runtime}}
    if listeners:
        blocks["listeners"] = listeners
    return write(folder / "c.yaml", native(servers, plugins=list(plugins), **blocks)), state


def health(gateway):
    status, body = gateway.get("/healthz?plugins=1")
    assert status == 200, body
    return json.loads(body)


def cells(gateway, plugin=ROGUE):
    """The cells of a plugin, one for each event loop that has an instance of it."""
    shown = health(gateway)["plugins"][plugin]
    assert shown["placement"] == "cell"
    return shown["cells"]


def become(gateway, state, plugin=ROGUE, ends=0):
    """Waits until every cell of a plugin is in that state and they ended so often in all; the cells."""

    def look():
        found = cells(gateway, plugin)
        assert {cell["state"] for cell in found} == {state}, found
        assert sum(cell["ends"] for cell in found) >= ends, found
        return found

    return eventually(look)


def attempt(gateway, tool, arguments=None, timeout=30):
    """One call; ("ok", its result) or ("error", the whole error object)."""
    answer = exchange(gateway.port, modern("tools/call", {"name": tool, "arguments": arguments or {}}), timeout)
    message = answer.json
    return ("error", message["error"]) if "error" in message else ("ok", message["result"])


def said(gateway, tool, arguments=None, timeout=30):
    """The text of a call that must succeed."""
    how, found = attempt(gateway, tool, arguments, timeout)
    assert how == "ok", found
    return found["content"][0]["text"]


def killed(pid):
    """Ends a process by force and waits until it is gone."""
    os.kill(pid, signal.SIGKILL)
    await_gone(pid)
