# SPDX-License-Identifier: Apache-2.0
"""Legacy servers as the ones who ask: too often, at the wrong time, in the wrong place, malformed."""

import pytest

from rig.dialogues import (
    ACCEPT,
    ANSWERS,
    ELICIT,
    ELICITATION,
    ROOTED,
    ROOTS,
    SAMPLE,
    SAMPLED,
    SAMPLING,
    URL,
    Stage,
    ask,
    heard,
)
from rig.rpc import MODERN, RpcError
from test_parked import answers_to

WAYS = {"http": False, "stdio": True}
BOTH = ["2025-11-25", MODERN]


def finish(link, call):
    """Answers every question of a call until it is over; its result."""
    result = call.result()
    while result.get("resultType") == "input_required":
        result = link.again(result, answers_to(result), call.params).result()
    return result


def client(stage, version, **more):
    link = stage.open(version, **more)
    link.answers = dict(ANSWERS)
    return link


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_asks_for_ever(tmp_path, events, way, version):
    """The call ends with an error that says why; the gateway is not kept busy."""
    with Stage(
        tmp_path, events, pipe=WAYS[way], limits={"questions_per_call": 5}, server={"timeout": "3s"}
    ) as stage:
        link = client(stage, version)
        with pytest.raises(RpcError) as caught:
            finish(link, link.play({"forever": ask(ROOTS)}, tag="ever"))
        assert caught.value.code == -32603 and "5" in caught.value.message, caught.value
        stage.heard("cancelled", tag="ever")
        assert heard(finish(link, link.play(ask(), tag="on")))["answers"] == [{"result": ACCEPT}]
        assert len(stage.events_of("answered")) <= 8


def test_the_number_of_questions_that_are_allowed(tmp_path, events):
    with Stage(tmp_path, events, limits={"questions_per_call": 5}) as stage:
        link = client(stage, "2025-11-25")
        assert len(heard(link.play(*[ask(ROOTS)] * 5, tag="5").result())["answers"]) == 5


def test_questions_outside_of_calls(tmp_path, events):
    """On any stream, of any session: refused in the words that the method has, at once."""
    with Stage(tmp_path, events, bad_server=True) as stage:
        link = client(stage, "2025-11-25")
        assert heard(link.play(ask(), tag="t").result())["answers"]
        link.asked.clear()
        sessions = {e["session"]: e["params"]["capabilities"] for e in stage.events_of("opened")}
        assert len(sessions) == 2 and {} in sessions.values()
        for session in sessions:
            for number, method in enumerate((ELICITATION, SAMPLING, ROOTS, "ping", "tools/list")):
                params = {ELICITATION: ELICIT, SAMPLING: SAMPLE}.get(method, {})
                name = f"{session} {number}"
                stage.server.say(session, {"jsonrpc": "2.0", "id": name, "method": method, "params": params})
        for session in sessions:
            got = [stage.heard("reply", id=f"{session} {number}")["message"] for number in range(5)]
            assert got[0]["result"]["action"] in ("cancel", "decline")
            assert got[1]["error"]["code"] == -1
            assert got[2]["error"]["code"] == -32601 and got[4]["error"]["code"] == -32601
            assert got[3]["result"] == {}
        assert not link.asked


@pytest.mark.parametrize("version", BOTH)
def test_questions_on_the_standing_stream(tmp_path, events, version):
    """With one call that may be asked there is no doubt whose question it is; with two there is."""
    with Stage(tmp_path, events) as stage:
        link = client(stage, version)
        said = heard(finish(link, link.play(ask(via="get"), ask(ROOTS, via="get"), tag="one")))
        assert said["answers"] == [{"result": ACCEPT}, {"result": ROOTED}]
        first = link.play({"wait": "first"}, tag="first")
        stage.heard("waiting", tag="first")
        said = heard(finish(link, link.play(ask(via="get"), ask(ROOTS, via="get"), ask(), tag="two")))
        if len({e["session"] for e in stage.events_of("executed")}) == 1:
            assert said["answers"][0]["result"]["action"] in ("cancel", "decline")
            assert said["answers"][1]["error"]["code"] == -32601
        assert said["answers"][2] == {"result": ACCEPT}, "the call's own stream leaves no doubt"
        stage.server.release("first")
        assert heard(first.result())["answers"] == []


@pytest.mark.parametrize("way", WAYS)
def test_a_question_after_the_answer(tmp_path, events, way):
    """Nobody is asked in the name of a call that is over."""
    question = {"jsonrpc": "2.0", "id": "after", "method": ELICITATION, "params": ELICIT}
    with Stage(tmp_path, events, pipe=WAYS[way], bad_server=True) as stage:
        for version in BOTH:
            link = client(stage, version)
            assert heard(link.play({"after": question}, tag=version).result())["answers"] == []
            if WAYS[way]:
                assert stage.heard("answered")["message"]["result"]["action"] in ("cancel", "decline")
            assert heard(link.play(tag="on" + version).result())["answers"] == []
            assert not link.asked


MALFORMED = {
    "no params": {"ask": ELICITATION},
    "no message": ask(params={"requestedSchema": {"type": "object", "properties": {}}}),
    "no schema": ask(params={"message": "m"}),
    "schema": ask(params={"message": "m", "requestedSchema": []}),
    "mode": ask(params={**ELICIT, "mode": "smoke signals"}),
    "url": ask(params={"mode": "url", "message": "m", "url": 7, "elicitationId": "e"}),
    "messages": ask(SAMPLING, {"messages": {}, "maxTokens": 1}),
    "tokens": ask(SAMPLING, {**SAMPLE, "maxTokens": "many"}),
    "role": ask(
        SAMPLING, {"messages": [{"role": "system", "content": {"type": "text", "text": ""}}], "maxTokens": 1}
    ),
    "other": {"ask": "tools/call", "params": {"name": "rm", "arguments": {}}},
    "unheard": {"ask": "com.example/ask", "params": {}},
}


@pytest.mark.parametrize("kind", MALFORMED)
@pytest.mark.parametrize("version", BOTH)
def test_malformed_questions(tmp_path, events, version, kind):
    """The server hears an error; the client hears nothing; the call goes on."""
    with Stage(tmp_path, events, bad_server=True) as stage:
        link = client(stage, version)
        first, second = heard(finish(link, link.play(MALFORMED[kind], ask(), tag="m")))["answers"]
        if kind in ("mode", "no params") and "result" in first:
            assert first["result"]["action"] == "decline"
        else:
            assert first["error"]["code"] in (-32602, -32601)
        assert second == {"result": ACCEPT} and len(link.asked) == (version != MODERN)


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("way", WAYS)
def test_a_huge_question(tmp_path, events, way, version):
    big = ask(params={**ELICIT, "message": "x" * 3_000_000})
    with Stage(tmp_path, events, pipe=WAYS[way]) as stage:
        link = client(stage, version)
        assert heard(finish(link, link.play(big, tag="h")))["answers"] == [{"result": ACCEPT}]


def test_unknown_members_survive(tmp_path, events):
    """Objects are open: what the protocol does not know passes in both directions."""
    extra = {
        "x-int": 12345678901234567890,
        "x-deep": {"a": [1, {"b": None}]},
        "_meta": {"com.example/k": [1.5]},
    }
    with Stage(tmp_path, events) as stage:
        for version in BOTH:
            link = client(stage, version)
            answer = {**SAMPLED, **extra, "stopReason": "endTurn"}
            link.answers[SAMPLING] = answer
            call = link.play(ask(SAMPLING, {**SAMPLE, **extra}), tag="x")
            result = call.result()
            if version == MODERN:
                ((key, shown),) = result["inputRequests"].items()
                shown = shown["params"]
                result = link.again(result, {key: answer}, call.params).result()
            else:
                shown = link.asked[-1]["params"]
            assert {k: shown[k] for k in extra} == extra
            got = heard(result)["answers"][0]["result"]
            assert {k: got[k] for k in answer} == answer


ELICITATIONS = [
    {"mode": "url", "elicitationId": f"el-{n}", "url": f"https://example.com/{n}", "message": f"Step {n}"}
    for n in (1, 2)
]
REQUIRED = {"error": {"code": -32042, "message": "sign in first", "data": {"elicitations": ELICITATIONS}}}


@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_required_urls_for_a_modern_client(tmp_path, events, way, loops):
    """Error -32042 becomes input_required with one question each; the retry makes the call again, once."""
    with Stage(tmp_path, events, pipe=WAYS[way], loops=loops) as stage:
        link = stage.open()
        call = link.play(REQUIRED, tag="u")
        result = call.result()
        assert result["resultType"] == "input_required"
        questions = result["inputRequests"]
        assert [q["params"]["url"] for q in questions.values()] == [e["url"] for e in ELICITATIONS]
        assert not any("elicitationId" in q["params"] for q in questions.values())
        assert stage.executions("u") == 1
        answers = {key: {"action": "accept"} for key in questions}
        again = link.again(result, answers, call.params).result()
        assert again["resultType"] == "input_required", "the call was made again, and asks again"
        assert stage.executions("u", 2) == 2


@pytest.mark.parametrize("action", ["decline", "cancel"])
def test_required_urls_that_the_user_refuses(tmp_path, events, action):
    with Stage(tmp_path, events) as stage:
        link = stage.open()
        call = link.play(REQUIRED, tag="u")
        result = call.result()
        one, two = result["inputRequests"]
        with pytest.raises(RpcError):
            link.again(result, {one: {"action": "accept"}, two: {"action": action}}, call.params).result()
        assert stage.executions("u") == 1, "the call is not made again against the user's will"


def test_required_urls_answered_in_part_or_badly(tmp_path, events):
    """Nothing is taken for consent that is none, and nothing for a refusal that is none."""
    with Stage(tmp_path, events, bad_client=True) as stage:
        link = stage.open()
        call = link.play(REQUIRED, tag="u")
        result = call.result()
        one, two = result["inputRequests"]
        yes = {"action": "accept"}
        for answers in (None, {}, {one: yes}, {"unknown": yes}, {"unknown": {"action": "decline"}, one: yes}):
            again = link.again(result, answers, call.params).result()
            assert again["resultType"] == "input_required" and again["inputRequests"], answers
        for bad in ({one: yes, two: {}}, {one: yes, two: "yes"}, {one: yes, two: {"action": "sure"}}):
            with pytest.raises(RpcError) as caught:
                link.again(result, bad, call.params).result()
            assert caught.value.code == -32602, caught.value
        with pytest.raises(RpcError):
            link.again(result, {one: yes, two: yes}, {**call.params, "name": "echo"}).result()
        assert stage.executions("u") == 1


def test_required_urls_for_others(tmp_path, events):
    """A legacy client of that revision gets the error as it is; a modern one without URLs gets -32021."""
    with Stage(tmp_path, events) as stage:
        with pytest.raises(RpcError) as caught:
            stage.open("2025-11-25").play(REQUIRED, tag="a").result()
        assert caught.value.code == -32042 and caught.value.data["elicitations"] == ELICITATIONS
        with pytest.raises(RpcError) as caught:
            stage.open(MODERN, {"elicitation": {"form": {}}}).play(REQUIRED, tag="b").result()
        assert caught.value.code == -32021
        assert caught.value.data["requiredCapabilities"] == {"elicitation": {"url": {}}}


@pytest.mark.parametrize("way", WAYS)
def test_the_end_of_a_url_elicitation_is_passed_on(tmp_path, events, way):
    """A client of 2025-11-25 gets the server's own id, and hears on which stream ever that it is complete."""
    done = {"note": "notifications/elicitation/complete", "params": {"elicitationId": "own-1"}}
    with Stage(tmp_path, events, pipe=WAYS[way]) as stage:
        link = client(stage, "2025-11-25")
        link.answers[ELICITATION] = {"action": "accept"}
        script = [ask(params={**URL, "elicitationId": "own-1"}), done]
        assert heard(link.play(*script, tag="u").result())["answers"] == [{"result": {"action": "accept"}}]
        assert link.asked[0]["params"]["elicitationId"] == "own-1"
        assert link.notes.wait("notifications/elicitation/complete") == {"elicitationId": "own-1"}


@pytest.mark.parametrize("way", WAYS)
def test_progress_and_log_between_questions(tmp_path, events, way):
    def note(n):
        return {"note": "notifications/progress", "params": {"progressToken": "@", "progress": n}}

    log = {"note": "notifications/message", "params": {"level": "error", "data": "between"}}
    with Stage(tmp_path, events, pipe=WAYS[way]) as stage:
        link = client(stage, "2025-11-25")
        call = link.play(note(1), ask(), log, note(2), ask(ROOTS), note(3), tag="p", progress=True)
        assert len(heard(call.result())["answers"]) == 2
        assert [p["progress"] for p in call.progress] == [1, 2, 3]
        assert link.notes.wait("notifications/message")["data"] == "between"


@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", [ELICITATION, SAMPLING, ROOTS])
def test_a_call_that_needs_what_the_client_cannot_do(tmp_path, events, method, way, loops):
    """A modern client hears what it lacks (-32021); a legacy one the server's own error."""
    end = {"error": {"code": 4711, "message": "cannot go on"}}
    needed = {ELICITATION: {"elicitation": {"form": {}}}, SAMPLING: {"sampling": {}}, ROOTS: {"roots": {}}}[
        method
    ]
    others = {k: {} for k in ("sampling", "roots") if k not in needed}
    with Stage(tmp_path, events, pipe=WAYS[way], loops=loops) as stage:
        for n in range(2 * loops):
            with pytest.raises(RpcError) as caught:
                stage.open(MODERN, others).play(ask(method), end, tag=f"m{n}").result()
            assert caught.value.code == -32021, caught.value
            assert caught.value.data["requiredCapabilities"] == needed
            with pytest.raises(RpcError) as caught:
                stage.open("2025-11-25", others).play(ask(method), end, tag=f"l{n}").result()
            assert (caught.value.code, caught.value.message) == (4711, "cannot go on")
        with pytest.raises(RpcError) as caught:
            stage.open(MODERN, others).play(end, tag="e").result()
        assert caught.value.code == 4711, "nothing was asked"
