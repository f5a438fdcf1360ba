# SPDX-License-Identifier: Apache-2.0
"""Servers whose lists fail while they answer calls, or are suddenly empty: clients keep their tools, operators hear of it."""

import contextlib

import pytest

from rig.gateway import native, serving, write
from rig.late import Late, Lates, detail
from rig.processes import eventually
from rig.rpc import RpcError

TOOLS = {"s__look", "s__put", "s__charge"}
QUICK = {"breaker": False, "retry": False, "health": False}


@pytest.fixture
def lates(tmp_path, clients, events):
    return Lates(tmp_path, clients, events)


def restart(gateway, link, late, mood):
    """The server goes and comes back in another mood; the gateway has noticed."""
    late.http.kill()
    with pytest.raises(RpcError):
        link.call("s__look")
    gateway.log.wait("server is down", 10)
    late.mood(mood)
    mark = late.events.mark()
    late.http.again()
    late.events.wait("listed", mark, label=late.label, mood=mood)


def reason(gateway):
    endpoint = detail(gateway)["endpoints"][0]
    assert endpoint["state"] == "up", endpoint
    return endpoint.get("reason", "")


def has_reason(gateway, part):
    assert part in reason(gateway), reason(gateway)


@pytest.mark.parametrize(
    "era, mood, why",
    [
        ("modern", "no-list", "the tools are in the other drawer"),
        ("legacy", "page", "HTTP 503"),
        ("modern", "list-cut", "tools could not be listed"),
        ("modern", "empty", "it lists none, where it had 3 before"),
        ("legacy", "empty", "it lists none, where it had 3 before"),
    ],
)
def test_who_cannot_list_keeps_its_tools(lates, era, mood, why):
    with lates.run("a", era=era, **QUICK) as (gateway, link, a):
        assert set(link.tools()) == TOOLS
        restart(gateway, link, a, mood)
        eventually(lambda: has_reason(gateway, why))
        has_reason(gateway, "what it listed before is shown")
        assert set(link.tools()) == TOOLS
        assert link.text("s__look") == "a"
        a.mood("well")
        eventually(lambda: is_well(gateway))
        assert set(link.tools()) == TOOLS


def is_well(gateway):
    assert reason(gateway) == ""


def test_a_server_that_is_down_keeps_its_tools(lates):
    with lates.run("a", **QUICK) as (gateway, link, a):
        a.http.kill()
        with pytest.raises(RpcError):
            link.call("s__look")
        gateway.log.wait("server is down", 10)
        assert set(link.tools()) == TOOLS


def test_without_keep_stale_empty_is_empty(lates):
    with lates.run("a", keep_stale=False, **QUICK) as (gateway, link, a):
        restart(gateway, link, a, "empty")
        eventually(lambda: is_well(gateway))
        eventually(lambda: no_tools(link))


def no_tools(link):
    assert link.tools() == {}


def test_who_has_never_listed_says_why(tmp_path, events):
    """Connected, without tools, and the reason."""
    late = Late("a", tmp_path, events)
    late.mood("no-list")
    with contextlib.ExitStack() as stack:
        config = native({"s": {**late.place(stack), **QUICK}})
        gateway = stack.enter_context(serving(write(tmp_path / "c.yaml", config)))
        eventually(lambda: has_reason(gateway, "tools could not be listed: the tools are in the other drawer"))
        assert "is shown" not in reason(gateway)
        late.mood("well")
        gateway.listed("s")
        eventually(lambda: is_well(gateway))
