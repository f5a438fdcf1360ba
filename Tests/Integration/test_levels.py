# SPDX-License-Identifier: Apache-2.0
"""Log levels: `logging/setLevel` of one era is `logLevel` of the other; everybody gets what they want."""

import pytest

from rig.dialogues import ANSWERS, ELICITATION, ROOTS, Stage, ask, entry, heard, one_round
from rig.rpc import META, MODERN, RpcError
from test_parked import WAYS, answers_to

LEVELS = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]


def say(level, data=None):
    """A step: the server logs."""
    return {"note": "notifications/message", "params": {"level": level, "logger": "l", "data": data or level}}


ALL = [say(level) for level in LEVELS]


def logged(link):
    """What a client was told so far, and forgets it."""
    told = [p["data"] for m, p in link.notes.all if m == "notifications/message"]
    link.notes.all.clear()
    return told


def at(level):
    """Further params of a modern call."""
    return {"meta": {META + "logLevel": level}} if level else {}


def set_levels(stage):
    """The levels that the server was asked for, by session."""
    found = {}
    for e in stage.events_of("message", method="logging/setLevel"):
        found.setdefault((e["pid"], e["session"]), []).append(e["message"]["params"]["level"])
    return found


@pytest.mark.parametrize("version", ["2024-11-05", "2025-06-18", "2025-11-25"])
@pytest.mark.parametrize("way", WAYS)
def test_legacy_clients_of_a_modern_server(tmp_path, events, way, version):
    with Stage(tmp_path, events, era="modern", pipe=WAYS[way]) as stage:
        link, other = stage.open(version), stage.open(version)
        assert heard(link.play(*ALL, tag="before").result())["logLevel"] is None
        assert logged(link) == [], "before the client has named a level, a modern server is asked for none"
        for n, level in enumerate(LEVELS):
            assert link.request("logging/setLevel", {"level": level}) == {}
            assert heard(link.play(*ALL, tag=level).result())["logLevel"] == level
            assert logged(link) == LEVELS[n:]
        assert heard(other.play(*ALL, tag="other").result())["logLevel"] is None
        assert logged(other) == []


def test_levels_that_there_are_not(tmp_path, events):
    with Stage(tmp_path, events, era="modern", bad_client=True) as stage:
        link = stage.open("2025-11-25")
        for bad in ("verbose", "", 3, None, ["info"], "INFO"):
            with pytest.raises(RpcError) as caught:
                link.request("logging/setLevel", {"level": bad})
            assert caught.value.code == -32602
        assert heard(link.play(tag="t").result())["logLevel"] is None


@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize(
    "declares", [{}, {"elicitation": {"form": {}}}], ids=["first session", "further session"]
)
@pytest.mark.parametrize("way", WAYS)
def test_modern_clients_of_a_legacy_server(tmp_path, events, way, declares, loops):
    """The server is asked for the most verbose level needed, once; each call is told what it asked for."""
    with Stage(tmp_path, events, pipe=WAYS[way], loops=loops) as stage:
        link = stage.open(MODERN, declares)
        link.play(*ALL, tag="silent").result()
        assert logged(link) == [] and not set_levels(stage)
        for level in ("error", "error", "info", "emergency", "error", "debug", "info"):
            link.play(*ALL, tag=level, **at(level)).result()
            assert logged(link) == LEVELS[LEVELS.index(level) :], level
        link.play(*ALL, tag="silent again").result()
        assert logged(link) == []
        (asked,) = set_levels(stage).values()
        assert asked == ["error", "info", "debug"], "each level is asked for once, and never a graver one"


@pytest.mark.parametrize("way", WAYS)
def test_legacy_clients_of_a_legacy_server(tmp_path, events, way):
    """Before it names a level the server chooses; then the server hears it with the next call."""
    with Stage(tmp_path, events, pipe=WAYS[way]) as stage:
        link, other = stage.open("2025-11-25", {}), stage.open("2025-06-18", {})
        link.play(*ALL, tag="a").result()
        assert logged(link) == LEVELS
        link.request("logging/setLevel", {"level": "error"})
        link.play(*ALL, tag="b").result()
        assert logged(link) == LEVELS[LEVELS.index("error") :]
        other.request("logging/setLevel", {"level": "notice"})
        other.play(*ALL, tag="c").result()
        link.play(*ALL, tag="d").result()
        assert logged(other) == LEVELS[LEVELS.index("notice") :]
        assert logged(link) == LEVELS[LEVELS.index("error") :]
        (asked,) = set_levels(stage).values()
        assert asked == ["error", "notice"]


def test_calls_of_several_levels_at_once(tmp_path, events):
    """Messages of one call are never another's."""
    with Stage(tmp_path, events) as stage:
        links = {level: stage.open(MODERN, {"roots": {}}) for level in ("debug", "warning", "alert")}
        calls = {
            level: link.play(
                {"wait": level}, *[say(one, f"{level} {one}") for one in LEVELS], tag=level, **at(level)
            )
            for level, link in links.items()
        }
        for level in calls:
            stage.heard("waiting", tag=level)
        for level in calls:
            stage.server.release(level)
        for level, call in calls.items():
            call.result()
            assert logged(links[level]) == [f"{level} {one}" for one in LEVELS[LEVELS.index(level) :]]


def test_a_further_session_is_asked_by_itself(tmp_path, events):
    """The level is the session's: one asked of the first says nothing about another."""
    with Stage(tmp_path, events) as stage:
        for declares in ({}, {"roots": {}}, {"sampling": {}}):
            link = stage.open(MODERN, declares)
            for _ in range(2):
                link.play(*ALL, tag="t", **at("info")).result()
                assert logged(link) == LEVELS[1:]
        assert list(set_levels(stage).values()) == [["info"]] * 3


def test_a_replaced_session_is_asked_again(tmp_path, events):
    with Stage(tmp_path, events) as stage:
        for declares in ({"roots": {}}, {}):
            link = stage.open(MODERN, declares)
            link.play(*ALL, tag="t", **at("info")).result()
            stage.server.forget()
            link.play(*ALL, tag="t", **at("info")).result()
            assert logged(link) == LEVELS[1:] * 2
            assert [v for v in set_levels(stage).values()][-2:] == [["info"], ["info"]]


def test_levels_in_the_rounds_of_a_question(tmp_path, events):
    """Every request of a conversation says its level: each round to a modern server, and each retry."""
    (tmp_path / "m").mkdir(), (tmp_path / "l").mkdir()
    with Stage(tmp_path / "m", events, era="modern") as stage:
        link = stage.open("2025-11-25")
        link.answers = dict(ANSWERS)
        link.request("logging/setLevel", {"level": "alert"})
        link.play(*ALL, one_round(k=entry(ROOTS)), tag="t").result()
        sent = [e["message"]["params"]["_meta"] for e in stage.events_of("message", method="tools/call")]
        assert [m[META + "logLevel"] for m in sent] == ["alert", "alert"]
        assert logged(link) == ["alert", "emergency"] * 2
    with Stage(tmp_path / "l", events) as stage:
        link = stage.open(MODERN)
        call = link.play(*ALL, ask(), *ALL, ask(ROOTS), *ALL, tag="t", **at("alert"))
        result = call.result()
        assert logged(link) == ["alert", "emergency"] and ELICITATION in str(result["inputRequests"])
        result = link.again(
            result, answers_to(result), call.params, _meta={META + "logLevel": "emergency"}
        ).result()
        assert logged(link) == ["emergency"]
        result = link.again(result, answers_to(result), call.params, _meta={}).result()
        assert logged(link) == [] and len(heard(result)["answers"]) == 2
