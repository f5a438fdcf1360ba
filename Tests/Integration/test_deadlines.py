# SPDX-License-Identifier: Apache-2.0
"""Progress that extends a call's deadline, as far as its server's `max_timeout` lets it."""

import pytest

from rig.gateway import command_line, native, serving, write
from rig.late import KINDS, Late, Lates, counters, detail
from rig.peers import HttpServer
from rig.processes import eventually
from rig.rpc import MODERN, RpcError
from rig.wire_http import exchange, legacy

# A call may be quiet for 250 ms.
QUIET = {"timeout": "250ms", "max_timeout": "20s", "retry": False, "breaker": False, "health": False}


@pytest.fixture
def lates(tmp_path, clients, events):
    return Lates(tmp_path, clients, events)


def late(link, **more):
    with pytest.raises(RpcError) as caught:
        link.call("s__look", **more)
    assert "gave no answer within" in caught.value.message
    return caught.value


@pytest.mark.parametrize("era, wire", KINDS)
def test_progress_keeps_a_call_alive(lates, era, wire):
    """The client asked for none, and sees none: the gateway asks for itself."""
    with lates.run("a", era=era, wire=wire, runtime={"loops": 2}, **QUIET) as (_, link, a):
        a.mood("progress:8:100")
        calls = [link.start_call("s__look") for _ in range(4)]
        assert [call.result()["content"][0]["text"] for call in calls] == ["a"] * 4
        assert a.begun()["token"] is not None
        assert not [note for note in link.notes.all if note[0] == "notifications/progress"]


@pytest.mark.parametrize("client, wire", [(MODERN, "http"), (MODERN, "stdio"), ("2025-11-25", "http")])
def test_who_asked_for_progress_sees_it(lates, client, wire):
    with lates.run("a", wire=wire, client=client, runtime={"loops": 2}, **QUIET) as (_, link, a):
        a.mood("progress:6:100")
        call = link.start_call("s__look", progress=True)
        assert call.result()["content"][0]["text"] == "a"
        assert [note["progress"] for note in call.progress] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("era, wire", [("modern", "http"), ("legacy", "stdio")])
def test_there_is_an_end_to_it(lates, era, wire):
    with lates.run("a", era=era, wire=wire, **{**QUIET, "max_timeout": "700ms"}) as (_, link, a):
        a.mood("forever:50")
        late(link)
        a.cancelled()


@pytest.mark.parametrize("mood, wire", [("flat:50", "http"), ("odd:20", "http"), ("odd:20", "stdio"), ("hang", "http")])
def test_what_does_not_grow_is_no_progress(lates, mood, wire):
    """The same value again, none, no number, somebody else's token: the call is over when its quiet time is."""
    with lates.run("a", wire=wire, **QUIET) as (_, link, a):
        a.mood(mood)
        late(link)
        a.cancelled()
        a.mood("well")
        assert link.text("s__look") == "a"


def test_without_it_all_is_as_before(lates):
    with lates.run("a", timeout="300ms", retry=False, health=False) as (_, link, a):
        a.mood("forever:50")
        late(link)
        assert a.begun()["token"] is None
        a.cancelled()


def test_calls_by_plugins(lates):
    tool = {"mode": "all", "targets": [{"server": "s", "tool": "look"}]}
    more = {"x": {"plugin": "tools-composite", "composites": {"all": tool}}}
    with lates.run("a", more=more, **QUIET) as (gateway, link, a):
        gateway.listed("x")
        a.mood("progress:8:100")
        assert "a" in str(link.call("x__all")["structuredContent"])


def test_each_try_counts_anew(lates):
    """A second try begins at 1 again, and that is progress."""
    options = {**QUIET, "retry": {"back_off": "1ms"}, "routing": {"strategy": "failover"}}
    with lates.run("ab", **options) as (_, link, a, b):
        a.mood("hang")
        b.mood("progress:8:100")
        call = link.start_call("s__look")
        a.begun()
        a.mood("cut")
        assert call.result()["content"][0]["text"] == "b"


# ---- Room for single clients ----


def open_calls(gateway, count):
    assert detail(gateway)["in_flight"] == count


@pytest.mark.parametrize("client", [MODERN, "2025-11-25"])
def test_one_client_does_not_fill_its_server(lates, clients, client):
    """The second call of a client is refused, and another client's is not."""
    with lates.run("a", client="2025-11-25", bulkhead={"per_client": 1}, health=False) as (gateway, link, a):
        a.mood("hang")
        first = link.start_call("s__look")
        eventually(lambda: open_calls(gateway, 1))
        with pytest.raises(RpcError) as caught:
            link.call("s__look")
        assert caught.value.data["reason"] == "overload" and "this client has 1 calls" in caught.value.message
        with clients.open("raw-" + client, url=gateway.url) as other:
            second = other.start_call("s__look")
            eventually(lambda: open_calls(gateway, 2))
            a.mood("well")
            assert [c.result()["content"][0]["text"] for c in (first, second)] == ["a", "a"]
        assert link.text("s__look") == "a"
        assert counters(gateway)["overloads"] == 1


def test_who_waits_at_his_own_bound_is_passed(lates, clients):
    room = {"per_client": 1, "queue": 10, "wait": "20s"}
    with lates.run("a", client="2025-11-25", bulkhead=room, health=False) as (gateway, link, a):
        a.mood("hang")
        mine = [link.start_call("s__look") for _ in range(3)]
        eventually(lambda: waiting(gateway, 2))
        with clients.open("raw-" + MODERN, url=gateway.url) as other:
            theirs = other.start_call("s__look")
            eventually(lambda: open_calls(gateway, 2))
            a.mood("well")
            assert [c.result()["content"][0]["text"] for c in (*mine, theirs)] == ["a"] * 4
        eventually(lambda: open_calls(gateway, 0))


def waiting(gateway, count):
    assert detail(gateway)["waiting"] == count


@pytest.mark.parametrize(
    "limits, sentence",
    [({"calls_per_client": 1}, "this client has 1 calls"), ({"calls": 1}, "the gateway has 1 calls")],
)
def test_the_gateways_own_bounds_answer_alike(tmp_path, clients, events, limits, sentence):
    late = Late("a", tmp_path, events)
    with HttpServer("late", *late.switches, events=events) as server:
        config = native({"s": {"url": server.url, "health": False}}, limits=limits)
        config["runtime"]["loops"] = 1
        with serving(write(tmp_path / "c.yaml", config)) as gateway:
            gateway.listed("s")
            late.mood("hang")
            with clients.open("raw-2025-06-18", url=gateway.url) as link:
                first = link.start_call("s__look")
                late.begun()
                call = {"jsonrpc": "2.0", "id": "x", "method": "tools/call", "params": {"name": "s__look"}}
                answer = exchange(gateway.port, legacy(call, link.session))
                assert answer.status == 429 and int(answer.headers["retry-after"]) >= 1
                error = answer.json["error"]
                assert sentence in error["message"] and error["data"]["reason"] == "overload"
                assert counters(gateway)["overloads"] == 1
                late.mood("well")
                assert first.result()["content"][0]["text"] == "a"


def test_bad_settings(tmp_path):
    url = {"url": "http://127.0.0.1:1/mcp"}
    servers = {
        "one": {**url, "timeout": "10s", "max_timeout": "5s"},
        "two": {**url, "max_timeout": "soon"},
        "three": {**url, "bulkhead": {"per_client": 0}},
        "four": {**url, "bulkhead": {"per_clent": 1}},
    }
    done = command_line("check", "--config", write(tmp_path / "c.yaml", native(servers)))
    assert done.returncode == 2
    told = done.stdout + done.stderr
    for sentence in (
        'servers.one.max_timeout is less than "timeout"',
        "servers.two.max_timeout",
        "servers.three.bulkhead.per_client",
        'did you mean "per_client"',
    ):
        assert sentence in told, f"{sentence!r} not in {told}"
