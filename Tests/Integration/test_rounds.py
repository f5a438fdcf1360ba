# SPDX-License-Identifier: Apache-2.0
"""Rounds: a modern server answers a legacy client's call with questions, and gets it again with answers."""

import time

import pytest

from rig.dialogues import (
    ACCEPT,
    ANSWERS,
    ELICIT,
    ELICITATION,
    ROOTED,
    ROOTS,
    SAMPLED,
    SAMPLING,
    URL,
    Stage,
    entry,
    heard,
    one_round,
)
from rig.rpc import RpcError

WAYS = {"http": False, "stdio": True}
LEGACY = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]


@pytest.fixture(params=WAYS)
def stage(request, tmp_path, events):
    with Stage(tmp_path, events, era="modern", pipe=WAYS[request.param]) as made:
        yield made


def asked_of(stage, version="2025-11-25", capabilities=None, **more):
    link = stage.open(version, capabilities, **more)
    link.answers = dict(ANSWERS)
    return link


def failed(call, *words, code=-32603):
    with pytest.raises(RpcError) as caught:
        call.result()
    assert caught.value.code == code, caught.value
    for word in words:
        assert word in caught.value.message
    return caught.value


@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_all_kinds_in_one_round_and_in_several(tmp_path, events, way, loops):
    with Stage(tmp_path, events, era="modern", pipe=WAYS[way], loops=loops) as stage:
        link = asked_of(stage)
        for turn in range(4 * loops):
            tag = f"t{turn}"
            rounds = [
                one_round("first", **{"a": entry(), 'b/ü "': entry(SAMPLING), "": entry(ROOTS)}),
                one_round("second \u00e9\n", again=entry()),
                one_round(None, roots=entry(ROOTS)),
            ]
            said = heard(link.play(*rounds, tag=tag).result())
            assert said["given"] == {"roots": ROOTED} and said["state"] is None and said["turn"] == 3
            stage.heard("finished", tag=tag)
            sent = [e["message"]["params"] for e in stage.events_of("message", method="tools/call")][-4:]
            assert sent[0].get("inputResponses") is None and sent[0].get("requestState") is None
            assert sent[1]["inputResponses"] == {"a": ACCEPT, 'b/ü "': SAMPLED, "": ROOTED}
            assert [p.get("requestState") for p in sent] == [None, "first", "second \u00e9\n", None]
            assert all(p["arguments"] == sent[0]["arguments"] for p in sent)


@pytest.mark.parametrize("version", LEGACY)
def test_every_revision_of_client(stage, version):
    """What a client of a revision can be asked is what the server is told that it can be asked."""
    link = asked_of(stage, version)
    said = heard(link.play(tag="who").result())
    declared = {"sampling": {}, "roots": {}}
    if version == "2025-06-18":
        declared["elicitation"] = {"form": {}}
    if version == "2025-11-25":
        declared["elicitation"] = {"form": {}, "url": {}}
    assert said["capabilities"] == declared
    assert heard(link.play(one_round(x=entry(SAMPLING)), tag="s").result())["given"] == {"x": SAMPLED}
    assert heard(link.play(one_round(x=entry(ROOTS)), tag="r").result())["given"] == {"x": ROOTED}
    if "elicitation" in declared:
        assert heard(link.play(one_round(x=entry()), tag="e").result())["given"] == {"x": ACCEPT}


@pytest.mark.parametrize("method", ["prompts/get", "resources/read"])
def test_other_methods(stage, method):
    link = asked_of(stage)
    if method == "prompts/get":
        script = '[{"round": {"requestState": "p", "inputRequests": {"k": {"method": "roots/list"}}}}]'
        params = {"name": "play", "arguments": {"tag": "p", "script": script}}
        assert heard(link.request(method, params))["given"] == {"k": ROOTED}
    else:
        assert heard(link.request(method, {"uri": "play:///ask"}))["given"] == {"k": ACCEPT}


@pytest.mark.parametrize("action", ["decline", "cancel"])
def test_the_user_says_no(stage, action):
    link = asked_of(stage)
    link.answers[ELICITATION] = {"action": action, "content": {"colour": "secret"}}
    assert heard(link.play(one_round(k=entry()), tag=action).result())["given"] == {"k": {"action": action}}


def test_choices_for_a_client_of_2025_06_18(stage):
    """Titles become enumNames, lists become check boxes, and the answer is put together again."""
    form = {
        "type": "object",
        "properties": {
            "size": {
                "type": "string",
                "oneOf": [{"const": "s", "title": "Small"}, {"const": "l", "title": "Large"}],
            },
            "tags": {"type": "array", "items": {"type": "string", "enum": ["x", "y", "z"]}},
        },
        "required": ["size", "tags"],
    }
    link = asked_of(stage, "2025-06-18")

    def answer(question):
        shown = question["params"]["requestedSchema"]["properties"]
        assert shown["size"]["enum"] == ["s", "l"] and shown["size"]["enumNames"] == ["Small", "Large"]
        boxes = [name for name, field in shown.items() if field["type"] == "boolean"]
        assert len(boxes) == 3 and "mode" not in question["params"]
        return {"action": "accept", "content": {"size": "l", boxes[0]: True, boxes[1]: False, boxes[2]: True}}

    link.answers[ELICITATION] = answer
    call = link.play(
        one_round(k=entry(params={"message": "Pick", "mode": "form", "requestedSchema": form})), tag="f"
    )
    assert heard(call.result())["given"] == {
        "k": {"action": "accept", "content": {"size": "l", "tags": ["x", "z"]}}
    }


def test_a_server_that_asks_for_ever(tmp_path, events):
    with Stage(tmp_path, events, era="modern", limits={"rounds": 4}) as stage:
        link = asked_of(stage)
        failed(link.play({"forever": one_round(k=entry())["round"]}, tag="ever"), "4", "limit")
        assert stage.executions("ever", 5) == 5 and len(link.asked) == 4
        assert heard(link.play(tag="on").result())["given"] is None


def test_the_limit_of_rounds_by_default(tmp_path, events):
    with Stage(tmp_path, events, era="modern") as stage:
        link = asked_of(stage)
        failed(link.play({"forever": one_round(k=entry())["round"]}, tag="ever"), "10")
        assert len(link.asked) == 10
        rounds = [one_round(f"{n}", k=entry()) for n in range(10)]
        assert heard(link.play(*rounds, tag="ten").result())["turn"] == 10


def test_too_many_questions_in_one_round(tmp_path, events):
    with Stage(tmp_path, events, era="modern", limits={"questions_per_call": 5}) as stage:
        link = asked_of(stage)
        six = one_round(**{f"k{n}": entry(ROOTS) for n in range(6)})
        failed(link.play(six, tag="six"), "5")
        five = one_round(**{f"k{n}": entry(ROOTS) for n in range(5)})
        assert len(heard(link.play(five, tag="five").result())["given"]) == 5


def test_rounds_without_questions(stage):
    """Only a state: the call goes out again after growing pauses, and nobody is asked."""
    link = asked_of(stage)
    began = time.monotonic()
    said = heard(link.play(one_round("w1"), one_round("w2"), one_round("q", k=entry()), tag="wait").result())
    took = time.monotonic() - began
    assert said["given"] == {"k": ACCEPT} and said["state"] == "q"
    assert 0.5 <= took < 5, f"the pauses took {took:.2f} s"
    assert len(link.asked) == 1 and stage.executions("wait", 4) == 4


def test_rounds_without_questions_end_too(tmp_path, events):
    with Stage(tmp_path, events, era="modern", limits={"rounds": 3}) as stage:
        link = asked_of(stage)
        failed(link.play({"forever": {"requestState": "w"}}, tag="wait"), "3")
        assert stage.executions("wait", 4) == 4 and not link.asked


def test_cancelled_between_rounds(stage):
    """The server is not asked again after the client gave up."""
    link = asked_of(stage)
    link.answers[ELICITATION] = None
    call = link.play(one_round(k=entry()), tag="c")
    question = link.question()
    call.cancel()
    if stage.tee is None:
        withdrawn = link.notes.wait("notifications/cancelled")
        assert withdrawn["requestId"] == question["id"], "the question is taken back"
    link.answer(question["id"], ACCEPT)
    assert heard(link.play(tag="d").result())["given"] is None
    assert stage.executions("c") == 1


UNDECLARED = {
    "form": (entry(), {"sampling": {}, "roots": {}}),
    "url": (entry(params=URL), {"elicitation": {"form": {}}}),
    "sampling": (entry(SAMPLING), {"elicitation": {}}),
    "roots": (entry(ROOTS), {"elicitation": {}}),
    "tools": (
        entry(
            SAMPLING,
            {**{"messages": [], "maxTokens": 1}, "tools": [{"name": "t", "inputSchema": {"type": "object"}}]},
        ),
        {"sampling": {}},
    ),
}


@pytest.mark.parametrize("kind", UNDECLARED)
def test_questions_that_the_client_did_not_declare(tmp_path, events, kind):
    question, capabilities = UNDECLARED[kind]
    with Stage(tmp_path, events, era="modern", bad_server=True) as stage:
        link = asked_of(stage, capabilities=capabilities)
        failed(link.play(one_round(k=question), tag="u"), "s", "declare")
        failed(link.play(one_round(k=question, ok=entry(ROOTS)), tag="v"))
        assert not link.asked and heard(link.play(tag="on").result())["turn"] == 0


MALFORMED = {
    "nothing": {},
    "empty": {"inputRequests": {}},
    "list": {"inputRequests": [entry()]},
    "text": {"inputRequests": "ask"},
    "entry text": {"inputRequests": {"k": "ask"}},
    "entry null": {"inputRequests": {"k": None}},
    "no method": {"inputRequests": {"k": {"params": {}}}},
    "other method": {"inputRequests": {"k": {"method": "tools/call", "params": {"name": "rm"}}}},
    "no params": {"inputRequests": {"k": {"method": ELICITATION}}},
    "no schema": {"inputRequests": {"k": {"method": ELICITATION, "params": {"message": "m"}}}},
    "schema text": {"inputRequests": {"k": entry(params={"message": "m", "requestedSchema": "s"})}},
    "mode": {"inputRequests": {"k": entry(params={**ELICIT, "mode": "fax"})}},
    "messages": {"inputRequests": {"k": entry(SAMPLING, {"messages": "m", "maxTokens": 1})}},
    "state number": {"requestState": 7, "inputRequests": {"k": entry()}},
    "state object": {"requestState": {"a": 1}},
    "many": {"inputRequests": {f"k{n}": entry(ROOTS) for n in range(5000)}},
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_rounds(tmp_path, events, kind):
    with Stage(tmp_path, events, era="modern", bad_server=True) as stage:
        link = asked_of(stage)
        failed(link.play({"forever": MALFORMED[kind]}, tag=kind), "s")
        assert len(link.asked) == 0 and heard(link.play(tag="on").result())["turn"] == 0


@pytest.mark.parametrize("size", [100_000, 3_000_000])
def test_a_huge_question(tmp_path, events, size):
    """It reaches the client whole, and the answer comes back; nobody waits for ever."""
    with Stage(tmp_path, events, era="modern") as stage:
        link = asked_of(stage)
        link.answers[ELICITATION] = lambda q: {
            "action": "accept",
            "content": {"colour": q["params"]["message"][-5:]},
        }
        call = link.play(one_round(k=entry(params={**ELICIT, "message": "x" * size + "black"})), tag="h")
        assert heard(call.result())["given"]["k"]["content"] == {"colour": "black"}


def test_url_elicitation(tmp_path, events):
    """The client gets an id of ours; after `accept` the URL is not shown again, and its end is announced."""
    with Stage(tmp_path, events, era="modern") as stage:
        link = asked_of(stage)
        link.answers[ELICITATION] = {"action": "accept"}
        rounds = [one_round("u1", k=entry(params=URL)), one_round("u2", other=entry(params=URL))]
        said = heard(link.play(*rounds, tag="u").result())
        assert said["given"] == {"other": {"action": "accept"}} and said["state"] == "u2"
        (question,) = link.asked
        assert question["params"]["url"] == URL["url"] and question["params"]["elicitationId"]
        done = link.notes.wait("notifications/elicitation/complete")
        assert done["elicitationId"] == question["params"]["elicitationId"]


@pytest.mark.parametrize("action", ["decline", "cancel"])
def test_a_url_that_the_user_refused_is_asked_again(tmp_path, events, action):
    """Nobody consents in the user's place."""
    with Stage(tmp_path, events, era="modern") as stage:
        link = asked_of(stage)
        link.answers[ELICITATION] = {"action": action}
        rounds = [one_round("u1", k=entry(params=URL)), one_round("u2", k=entry(params=URL))]
        said = heard(link.play(*rounds, tag="u").result())
        assert said["given"] == {"k": {"action": action}}
        assert len(link.asked) == 2
        assert not [m for m, _ in link.notes.all if m == "notifications/elicitation/complete"]


def test_progress_and_log_during_rounds(stage):
    """What the server says in any round reaches the client under its own token."""
    note = {"note": "notifications/progress", "params": {"progressToken": "@", "progress": 1}}
    log = {"note": "notifications/message", "params": {"level": "warning", "data": "here"}}
    link = asked_of(stage)
    link.request("logging/setLevel", {"level": "info"})
    call = link.play(note, log, one_round("n", k=entry()), tag="n", progress=True)
    assert heard(call.result())["given"] == {"k": ACCEPT}
    assert len(call.progress) == 2
    assert [link.notes.wait("notifications/message")["data"] for _ in range(2)] == ["here", "here"]
