# SPDX-License-Identifier: Apache-2.0
"""Late calls that are made at a second replica as well: one answer, the other try cancelled, within a budget."""

import threading

import pytest

from rig.builds import Load, build
from rig.gateway import command_line, native, write
from rig.late import KINDS, Lates, counters, detail
from rig.processes import eventually
from rig.rpc import RpcError

# The first replica gets every call, so a hedge goes to the second.
FIRST = {"routing": {"strategy": "failover"}, "health": False}
SOON = {**FIRST, "hedge": {"after": "20ms", "budget": 100}}


@pytest.fixture
def lates(tmp_path, clients, events):
    return Lates(tmp_path, clients, events)


def idle(gateway):
    """Nothing is left open, whoever won."""

    def look():
        told = detail(gateway)
        assert told["in_flight"] == 0 and [e["in_flight"] for e in told["endpoints"]] == [0, 0], told

    eventually(look)
    return detail(gateway)


@pytest.mark.parametrize("era, wire", KINDS)
def test_the_other_replica_answers(lates, era, wire):
    with lates.run(era=era, wire=wire, runtime={"loops": 2}, **SOON) as (gateway, link, a, b):
        a.mood("hang")
        # Each on a connection of its own, so that every loop has its turn.
        assert [link.text("s__look") for _ in range(6)] == ["b"] * 6
        a.cancelled()
        told = idle(gateway)
        assert counters(gateway)["hedges"] == counters(gateway)["hedges_won"] == 6
        assert a.calls == b.calls == 6
        # To be slower than another replica is no failure.
        assert told["endpoints"][0]["failures_10s"] == 0 and told["endpoints"][0]["breaker"] == "closed"
        # What the loser still says finds nobody.
        a.mood("well")
        assert link.text("s__look") == "a"


@pytest.mark.parametrize("era, wire", KINDS)
def test_the_first_replica_answers_after_all(lates, era, wire):
    with lates.run(era=era, wire=wire, **SOON) as (gateway, link, a, b):
        a.mood("hang")
        b.mood("hang")
        call = link.start_call("s__look")
        b.begun()
        a.mood("well")
        assert call.result()["content"][0]["text"] == "a"
        b.cancelled()
        assert idle(gateway)["endpoints"][1]["failures_10s"] == 0
        assert counters(gateway)["hedges"] == 1 and counters(gateway)["hedges_won"] == 0


def test_clients_of_older_revisions(lates):
    with lates.run(client="2025-11-25", runtime={"loops": 2}, **SOON) as (gateway, link, a, _):
        a.mood("hang")
        assert link.text("s__look") == "b"
        a.cancelled()
        idle(gateway)


@pytest.mark.parametrize("era, wire", [("modern", "http"), ("legacy", "stdio")])
def test_servers_that_answer_twice(lates, era, wire):
    with lates.run(era=era, wire=wire, **SOON) as (gateway, link, a, b):
        a.mood("hang")
        b.mood("twice")
        assert [link.text("s__look") for _ in range(3)] == ["b"] * 3
        a.mood("twice")
        assert [link.text("s__look") for _ in range(3)] == ["a"] * 3
        idle(gateway)


def test_what_must_not_be_repeated_is_not(lates):
    with lates.run(**SOON) as (gateway, link, a, b):
        a.mood("hang")
        call = link.start_call("s__charge")
        a.begun()
        # Others are hedged meanwhile, so its own time is over, too.
        assert [link.text(f"s__{tool}") for tool in ("look", "put", "look")] == ["b"] * 3
        a.mood("well")
        assert call.result()["content"][0]["text"] == "a"
        assert b.calls == 3


@pytest.mark.parametrize("failing", ["cut", "error"])
def test_while_one_is_left_nothing_failed(lates, failing):
    with lates.run(retry=False, **SOON) as (gateway, link, a, b):
        # The hedge fails first, then the call's own try is answered.
        a.mood("hang")
        b.mood(failing)
        call = link.start_call("s__look")
        b.begun()
        eventually(lambda: one_left(gateway, 1))
        a.mood("well")
        assert call.result()["content"][0]["text"] == "a"
        # The other way round.
        a.mood("hang")
        b.mood("hang")
        mark = b.events.mark()
        call = link.start_call("s__look")
        b.begun(mark)
        a.mood(failing)
        eventually(lambda: one_left(gateway, 0))
        b.mood("well")
        assert call.result()["content"][0]["text"] == "b"
        idle(gateway)
        assert counters(gateway)["retries"] == 0


def one_left(gateway, which):
    assert detail(gateway)["endpoints"][which]["in_flight"] == 0


def test_both_fail(lates):
    with lates.run(retry=False, breaker=False, **SOON) as (gateway, link, a, b):
        for moods in (("cut", "cut"), ("cut", "error"), ("error", "cut"), ("error", "error")):
            a.mood("hang")
            b.mood("hang")
            mark = b.events.mark()
            call = link.start_call("s__look")
            b.begun(mark)
            a.mood(moods[0])
            eventually(lambda: one_left(gateway, 0))
            b.mood(moods[1])
            with pytest.raises(RpcError) as caught:
                call.result()
            # An error says more than a broken connection; of two, the first.
            if "error" in moods:
                assert "ab"[moods.index("error")] + " is out of order" in caught.value.message
            idle(gateway)


def test_who_cancels_cancels_both(lates):
    with lates.run(**SOON) as (gateway, link, a, b):
        a.mood("hang")
        b.mood("hang")
        call = link.start_call("s__look")
        b.begun()
        call.cancel()
        a.cancelled()
        b.cancelled()
        told = idle(gateway)
        assert [e["failures_10s"] for e in told["endpoints"]] == [0, 0]


def test_the_deadline_ends_both(lates):
    with lates.run(timeout="300ms", retry=False, **SOON) as (gateway, link, a, b):
        a.mood("hang")
        b.mood("hang")
        with pytest.raises(RpcError) as caught:
            link.call("s__look")
        assert "within" in caught.value.message
        a.cancelled()
        b.cancelled()
        idle(gateway)


def test_hedges_have_a_budget(lates):
    """Ten are there from the beginning; a hundred calls earn one more."""
    with lates.run(**FIRST, hedge={"after": "1ms", "budget": 1}) as (gateway, link, a, _):
        a.mood("slow:100")
        answers = [link.text("s__look") for _ in range(13)]
        assert answers == ["b"] * 10 + ["a"] * 3
        assert counters(gateway)["hedges"] == 10 and detail(gateway)["hedges_left"] == 0


def test_only_tools_that_are_named(lates):
    with lates.run(**FIRST, hedge={"after": "1ms", "tools": ["pu*"]}) as (gateway, link, a, b):
        a.mood("slow:100")
        assert link.text("s__look") == "a"
        assert link.text("s__put") == "b"
        assert b.calls == 1


def test_a_percentile_is_learnt(lates):
    with lates.run(**FIRST, hedge={"percentile": 95, "at_least": "30ms"}) as (gateway, link, a, _):
        assert "hedge_after_ms" not in detail(gateway)
        for _ in range(25):
            assert link.text("s__look") == "a"
        assert detail(gateway)["hedge_after_ms"] >= 30
        a.mood("hang")
        assert link.text("s__look") == "b"


def test_a_hedge_takes_room_or_is_not_made(lates):
    with lates.run(bulkhead={"calls": 1}, **SOON) as (gateway, link, a, b):
        a.mood("slow:200")
        assert link.text("s__look") == "a"
        assert b.calls == 0 and counters(gateway)["overloads"] == 0


def test_clients_that_can_be_asked_keep_their_session(lates, clients):
    """An older server meets such a client in a session of its own: nobody else can answer for it."""
    with lates.run(era="legacy", **SOON) as (gateway, link, a, b):
        a.mood("slow:200")
        with clients.open("raw-2025-11-25", url=gateway.url, capabilities={"elicitation": {}}) as asked:
            assert asked.text("s__look") == "a"
        assert b.calls == 0
        assert link.text("s__look") == "b"


def test_calls_by_plugins(lates):
    tool = {"mode": "all", "targets": [{"server": "s", "tool": "look"}]}
    more = {"x": {"plugin": "tools-composite", "composites": {"both": tool}}}
    with lates.run(more=more, **SOON) as (gateway, link, a, _):
        gateway.listed("x")
        a.mood("hang")
        assert "b" in str(link.call("x__both")["structuredContent"])
        a.cancelled()
        idle(gateway)


def test_under_load(lates):
    """Many at once, most of them late: each is answered once, and nothing stays open."""
    with lates.run(runtime={"loops": 2}, **FIRST, hedge={"after": "5ms", "budget": 50}) as (gateway, _, a, b):
        a.mood("slow:10")
        with Load(gateway.port, "s__look", threads=8, good=("a", "b")) as load:
            load.past(400)
        assert not load.wrong, load.wrong[:5]
        assert {"a", "b"} == set(load.texts)
        idle(gateway)
        counted = counters(gateway)
        assert counted["hedges"] >= counted["hedges_won"] > 20
        assert counted["hedges"] <= 10 + len(load.texts) // 2 + 1


def test_what_strategies_are_told(lates, tmp_path):
    """That it is a hedge, who was tried, and that the loser was given up."""
    file = build(tmp_path / "w.so", plugin_id="watching", source="watching")
    plugins = [{"file": str(file), "placement": "inproc"}]
    options = {**SOON, "routing": "watching"}
    with lates.run("abc", runtime={"loops": 1}, blocks={"plugins": plugins}, **options) as (gateway, link, a, b, c):
        a.mood("hang")
        assert link.text("s__look") == "b"
        a.cancelled()
        for line in (
            "pick traits=3 attempt=0 eligible=3 tried=0 first=0",
            "pick traits=19 attempt=1 eligible=2 tried=1 first=1",
            "outcome endpoint=0 ok=0 flags=2 attempt=0",
            "outcome endpoint=1 ok=1 flags=0 attempt=1",
        ):
            gateway.log.wait("watching: " + line, 5)
        assert c.calls == 0


def test_a_replica_that_dies_while_it_is_late(lates):
    with lates.run(**SOON) as (gateway, link, a, b):
        a.mood("hang")
        b.mood("hang")
        call = link.start_call("s__look")
        b.begun()
        threading.Thread(target=a.http.kill).start()
        eventually(lambda: one_left(gateway, 0))
        b.mood("well")
        assert call.result()["content"][0]["text"] == "b"


def test_bad_settings(tmp_path):
    wrong = {
        "one": {"after": "1ms", "percentile": 95},
        "two": {"budget": 5},
        "three": {"after": "1ms", "at_least": "1ms"},
        "four": {"percentile": 100},
        "five": {"afer": "1ms"},
        "six": True,
    }
    servers = {name: {"url": "http://127.0.0.1:1/mcp", "hedge": hedge} for name, hedge in wrong.items()}
    done = command_line("check", "--config", write(tmp_path / "c.yaml", native(servers)))
    assert done.returncode == 2
    told = done.stdout + done.stderr
    for sentence in (
        '"after" and "percentile" exclude each other',
        "say when a second try is due",
        '"at_least" belongs to a "percentile"',
        "servers.four.hedge.percentile",
        'did you mean "after"',
        "servers.six.hedge",
        "does nothing without a second replica",
    ):
        assert sentence in told, f"{sentence!r} not in {told}"
