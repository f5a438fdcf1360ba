# SPDX-License-Identifier: Apache-2.0
"""Parked calls: a legacy server asks in the middle of a modern client's call, which then has no client."""

import base64

import pytest

from rig import processes
from rig.dialogues import (
    ACCEPT,
    ANSWERS,
    ELICITATION,
    ROOTED,
    ROOTS,
    SAMPLED,
    SAMPLING,
    Crowd,
    Stage,
    ask,
    heard,
)
from rig.rpc import MODERN, RpcError

WAYS = {"http": False, "stdio": True}


@pytest.fixture(params=WAYS)
def stage(request, tmp_path, events):
    with Stage(tmp_path, events, pipe=WAYS[request.param]) as made:
        yield made


def parked(link, *script, tag="t", **more):
    """A call that waits for its client: (call, input_required result)."""
    call = link.play(*(script or [ask()]), tag=tag, **more)
    result = call.result()
    assert result["resultType"] == "input_required" and result["inputRequests"] and result["requestState"]
    return call, result


def answers_to(result):
    return {key: ANSWERS[question["method"]] for key, question in result["inputRequests"].items()}


def refused(call, code=-32602):
    with pytest.raises(RpcError) as caught:
        call.result()
    assert caught.value.code == code, caught.value
    return caught.value


@pytest.mark.parametrize("method", ["tools/call", "prompts/get", "resources/read"])
@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_every_method_on_any_loop(tmp_path, events, method, loops, way):
    """Each POST has a connection of its own, so retries come in on any loop."""
    params = {
        "tools/call": {
            "name": "play",
            "arguments": {"tag": "m", "script": [ask(), ask(SAMPLING), ask(ROOTS)]},
        },
        "prompts/get": {"name": "play", "arguments": {"tag": "m", "script": '[{"ask":"roots/list","id":7}]'}},
        "resources/read": {"uri": "play:///ask"},
    }[method]
    with Stage(tmp_path, events, pipe=WAYS[way], loops=loops) as stage:
        link, times = stage.open(), 8 * loops
        for _ in range(times):
            call = link.start(method, params)
            while (result := call.result(10))["resultType"] == "input_required":
                more = {"inputResponses": answers_to(result), "requestState": result["requestState"]}
                call = link.start(method, {**params, **more})
            assert all("result" in a for a in heard(result)["answers"])
        assert len(stage.events_of("executed")) == times, "a call was executed again"


def test_questions_that_come_together_travel_together(stage):
    link = stage.open()
    script = [ask(go_on=True), ask(SAMPLING, go_on=True), ask(ROOTS, go_on=True), {"gather": True}]
    call, result = parked(link, *script)
    answers = {}
    while True:
        answers |= answers_to(result)
        call = link.again(result, answers_to(result), call.params)
        result = call.result()
        if result["resultType"] == "complete":
            break
    assert len(answers) == 3, "each question has a key of its own"
    assert [a["result"] for a in heard(result)["answers"]] == [ACCEPT, SAMPLED, ROOTED]
    assert stage.executions("t") == 1


def test_partial_answers_and_none(stage):
    """What was left out is asked again, unknown keys are ignored; nothing is executed twice."""
    link = stage.open()
    call, result = parked(link, ask(go_on=True, id=1), ask(ROOTS, go_on=True, id="1"), {"gather": True})
    while len(result["inputRequests"]) < 2:
        result = link.again(result, None, call.params).result()
    first, second = result["inputRequests"]
    again = link.again(result, None, call.params).result()
    assert set(again["inputRequests"]) == {first, second} and again["requestState"] != result["requestState"]
    again = link.again(again, {}, call.params).result()
    assert set(again["inputRequests"]) == {first, second}
    again = link.again(again, {"unknown": ACCEPT, second: ROOTED}, call.params).result()
    assert list(again["inputRequests"]) == [first]
    again = link.again(again, {second: ROOTED, "": ROOTED}, call.params).result()
    assert list(again["inputRequests"]) == [first]
    done = link.again(again, {first: ACCEPT}, call.params).result()
    assert [a["result"] for a in heard(done)["answers"]] == [ACCEPT, ROOTED]
    stage.heard("finished", tag="t")
    answered = {repr(e["message"]["id"]) for e in stage.events_of("answered")}
    assert answered == {"1", "'1'"}, "the server's ids come back unchanged"
    assert stage.executions("t") == 1


MALFORMED = {
    "action": {"action": "maybe"},
    "no action": {},
    "content": {"action": "accept", "content": "blue"},
    "list": [ACCEPT],
    "text": "accept",
    "null": None,
    "sampling": SAMPLED,
}


@pytest.mark.parametrize("bad", MALFORMED)
def test_malformed_answers_are_refused_and_may_be_mended(tmp_path, events, bad):
    with Stage(tmp_path, events, bad_client=True) as stage:
        link = stage.open()
        call, result = parked(link)
        (key,) = result["inputRequests"]
        error = refused(link.again(result, {key: MALFORMED[bad]}, call.params))
        assert key in error.message
        done = link.again(result, {key: ACCEPT}, call.params).result()
        assert heard(done)["answers"] == [{"result": ACCEPT}] and stage.executions("t") == 1


@pytest.mark.parametrize("responses", [[], "x", 7, None, [ACCEPT]])
def test_input_responses_of_another_type(tmp_path, events, responses):
    with Stage(tmp_path, events, bad_client=True) as stage:
        link = stage.open()
        call, result = parked(link)
        refused(
            link.start(
                "tools/call",
                {**call.params, "requestState": result["requestState"], "inputResponses": responses},
            )
        )
        done = link.again(result, answers_to(result), call.params).result()
        assert heard(done)["executions"] == 1


def test_answers_without_state(stage):
    link = stage.open()
    call, result = parked(link)
    error = refused(link.start("tools/call", {**call.params, "inputResponses": answers_to(result)}))
    assert "requestState" in error.message
    assert stage.executions("t") == 1
    assert heard(link.again(result, answers_to(result), call.params).result())["executions"] == 1


def forgeries(state):
    """Texts that are not the state, each with a name."""
    raw = base64.urlsafe_b64decode(state + "=" * (-len(state) % 4))

    def spelt(data):
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    yield "empty", ""
    yield "words", "let me in"
    yield "other alphabet", state.replace(state[-2], "!")
    yield "padded", state + "="
    yield "longer", state + "AAAA"
    yield "twice", state + state
    yield "huge", "A" * 300_000
    yield "escapes", state[:-1] + "\u00e9"
    for cut in (1, 4, len(state) // 2, len(state) - 1):
        yield f"cut by {cut}", state[:-cut]
    for at in range(0, len(raw), 7):
        yield f"bit of byte {at}", spelt(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    yield "last bit", spelt(raw[:-1] + bytes([raw[-1] ^ 0x80]))


def test_forged_states(stage):
    link = stage.open()
    call, result = parked(link)
    for name, forged in forgeries(result["requestState"]):
        error = refused(link.again({"requestState": forged}, answers_to(result), call.params))
        assert "requestState" in error.message, name
    direct = stage.open(direct=True)  # the schema knows text only
    for odd in (7, None, ["x"], {"a": 1}, True):
        refused(direct.again({"requestState": odd}, answers_to(result), call.params))
    assert heard(link.again(result, answers_to(result), call.params).result())["executions"] == 1


def test_states_of_another_gateway(tmp_path, events):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    with Stage(tmp_path / "a", events) as one, Stage(tmp_path / "b", events) as two:
        first, second = one.open(), two.open()
        call, result = parked(first)
        other, held = parked(second)
        refused(second.again(result, answers_to(result), call.params))
        refused(first.again(held, answers_to(held), other.params))
        assert heard(first.again(result, answers_to(result), call.params).result())["executions"] == 1
        assert heard(second.again(held, answers_to(held), other.params).result())["executions"] == 1


def test_states_are_good_for_one_round(stage):
    link = stage.open()
    call, first = parked(link, ask(), ask(ROOTS))
    second = link.again(first, answers_to(first), call.params).result()
    refused(link.again(first, answers_to(first), call.params))
    refused(link.again(first, answers_to(second), call.params))
    done = link.again(second, answers_to(second), call.params).result()
    assert len(heard(done)["answers"]) == 2
    for state in (first, second):
        refused(link.again(state, answers_to(state), call.params))
    assert stage.executions("t") == 1
    assert len(stage.events_of("answered")) == 2, "an answer reached the server twice"


def test_one_retry_wins(stage):
    """The same retry from many connections at once: one is answered, no answer is lost or doubled."""
    link = stage.open()
    for turn in range(3):
        tag = f"race {turn}"
        call, result = parked(link, tag=tag)
        calls = [link.again(result, answers_to(result), call.params) for _ in range(12)]
        outcomes = Crowd([c.future.exception for c in calls]).join()
        assert sum(o is None for o in outcomes) == 1, outcomes
        assert {o.code for o in outcomes if o} == {-32602}
        assert stage.executions(tag) == 1 and len(stage.events_of("answered")) == turn + 1


def test_states_belong_to_their_request(stage):
    link = stage.open()
    call, result = parked(link)
    answers, params = answers_to(result), call.params
    others = [
        {**params, "name": "echo"},
        {**params, "arguments": {**params["arguments"], "tag": "other"}},
        {**params, "arguments": {**params["arguments"], "more": 1}},
        {**params, "more": 1},
        {k: v for k, v in params.items() if k != "arguments"},
    ]
    for other in others:
        refused(link.again(result, answers, other))
    more = {"requestState": result["requestState"], "inputResponses": answers}
    refused(link.start("prompts/get", {"name": "play", "arguments": {"tag": "t", "script": "[]"}, **more}))
    refused(link.start("resources/read", {"uri": "play:///ask", **more}))
    assert stage.executions("t") == 1 and not stage.events_of("executed", tag="other")
    # The order of members and `_meta` do not make another request.
    same = {"arguments": params["arguments"], "name": "play", "_meta": {"com.example/x": 1}}
    assert heard(link.again(result, answers, same).result())["executions"] == 1


def test_states_are_good_at_every_path_that_leads_there(stage):
    """The shared view names the tool otherwise: that is another request."""
    link, shared = stage.open(), stage.open(view="/mcp")
    call, result = parked(link)
    refused(shared.again(result, answers_to(result), {**call.params, "name": "s__play"}))
    assert heard(link.again(result, answers_to(result), call.params).result())["executions"] == 1


def test_another_connection_may_retry(stage):
    one, two = stage.open(), stage.open()
    call, result = parked(one)
    one.close()
    assert heard(two.again(result, answers_to(result), call.params).result())["executions"] == 1


def test_progress_and_log_of_a_retry(stage):
    """What the server says after an answer goes to the retry, under the retry's own token."""
    note = {"note": "notifications/progress", "params": {"progressToken": "@", "progress": 1}}
    log = {"note": "notifications/message", "params": {"level": "error", "data": "now"}}
    more = {"note": "notifications/progress", "params": {"progressToken": "@", "progress": 2}}
    level = {"io.modelcontextprotocol/logLevel": "info"}
    link = stage.open()
    call = link.play(note, log, ask(), more, log, tag="n", progress=True, meta=level)
    result = call.result()
    assert [p["progress"] for p in call.progress] == [1]
    assert link.notes.wait("notifications/message")["data"] == "now"
    body = {**call.params, "requestState": result["requestState"], "inputResponses": answers_to(result)}
    retry = link.start("tools/call", body, progress=True)
    assert heard(retry.result())["executions"] == 1
    assert [p["progress"] for p in retry.progress] == [2]
    assert link.notes.wait("notifications/message")["level"] == "error"


def test_a_client_that_leaves_while_its_question_is_open(tmp_path, events):
    """Before the retry is answered, closing its stream cancels the call (2026-07-28, Cancellation)."""
    with Stage(tmp_path, events) as stage:
        link = stage.open()
        call, result = parked(link, ask(), {"wait": "never"})
        retry = link.again(result, answers_to(result), call.params)
        stage.heard("waiting", tag="never")
        retry.cancel()
        stage.heard("cancelled", tag="t")
        refused(link.again(result, answers_to(result), call.params))
        assert stage.executions("t") == 1


@pytest.mark.parametrize("outcome", ["answer", "error"])
def test_a_server_that_goes_on_without_the_answer(tmp_path, events, outcome):
    with Stage(tmp_path, events) as stage:
        link = stage.open()
        end = [{"error": {"code": 4711, "message": "changed my mind"}}] if outcome == "error" else []
        call, result = parked(link, ask(go_on=True), {"wait": "on"}, *end)
        stage.server.release("on")
        stage.heard("finished", tag="t")
        retry = link.again(result, answers_to(result), call.params)
        if outcome == "error":
            assert refused(retry, 4711).message == "changed my mind"
        else:
            assert heard(retry.result()) == {"answers": [], "executions": 1}
        refused(link.again(result, answers_to(result), call.params))
        assert not stage.events_of("answered"), "the server has no open question any more"


def test_a_server_that_dies_while_a_call_is_parked(tmp_path, events):
    with Stage(tmp_path, events, pipe=True, bad_server=True) as stage:
        link = stage.open()
        pids = {e["pid"] for e in events.since(stage.mark, "up", label=stage.label)}
        call, result = parked(link)
        child = next(e["pid"] for e in stage.events_of("up") if e["pid"] not in pids)
        processes.bury({child})
        error = processes.eventually(
            lambda: refused(link.again(result, answers_to(result), call.params), -32603)
        )
        assert "s" in error.message
        refused(link.again(result, answers_to(result), call.params))
        assert heard(link.play(tag="after").result())["answers"] == []
        assert stage.executions("t") == 1


def test_a_client_of_two_questions_on_modern_and_capabilities(stage):
    """Abilities are declared per request: one that declares nothing is not asked."""
    nobody = stage.open(MODERN, {})
    result = nobody.play(ask(), ask(SAMPLING), ask(ROOTS), tag="n").result()
    assert result["resultType"] == "complete"
    first, second, third = heard(result)["answers"]
    assert first.get("result", {}).get("action") in ("decline", "cancel")
    assert second["error"]["code"] == -1 and third["error"]["code"] == -32601
    some = stage.open(MODERN, {"roots": {}})
    call, result = parked(some, ask(), ask(ROOTS), tag="s")
    assert [q["method"] for q in result["inputRequests"].values()] == [ROOTS]
    done = some.again(result, answers_to(result), call.params).result()
    assert heard(done)["answers"][0]["result"]["action"] == "decline"
    assert ELICITATION not in str(result["inputRequests"])
