# SPDX-License-Identifier: Apache-2.0
"""Legacy clients as the ones asked: what they answer, asked or not, and when they vanish."""

import json

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
    Crowd,
    Stage,
    ask,
    entry,
    heard,
    one_round,
)
from rig.rpc import RpcError
from rig.wire_http import exchange, legacy

WAYS = {"http": False, "stdio": True}
LEGACY = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]


@pytest.fixture(params=WAYS)
def stage(request, tmp_path, events):
    with Stage(tmp_path, events, pipe=WAYS[request.param]) as made:
        yield made


@pytest.fixture(params=["legacy", "modern"])
def hostile(request, tmp_path, events):
    """A server of either era whose clients misbehave."""
    with Stage(tmp_path, events, era=request.param, bad_client=True) as made:
        made.question = [ask()] if request.param == "legacy" else [one_round(k=entry())]
        made.roots = [ask(ROOTS)] if request.param == "legacy" else [one_round(k=entry(ROOTS))]
        made.era = request.param
        yield made


def said(result):
    """The server's first answer, whichever its era."""
    got = heard(result)
    return got["answers"][0]["result"] if got["answers"] else got["given"]["k"]


def silent(stage, version="2025-11-25", **more):
    """A client that the test answers for."""
    link = stage.open(version, **more)
    link.answers = {ELICITATION: None, SAMPLING: None, ROOTS: None}
    return link


@pytest.mark.parametrize("version", LEGACY)
@pytest.mark.parametrize("server", ["2025-11-25", "2025-06-18", "2025-03-26"])
def test_revisions_of_clients_and_servers(tmp_path, events, version, server):
    """A server is refused what its client, or its own revision, does not have."""
    with Stage(tmp_path, events, version=server) as stage:
        link = stage.open(version)
        link.answers = dict(ANSWERS)
        script = [ask(SAMPLING, id=41), ask(ROOTS, id="41")]
        if server >= "2025-06-18":
            script.append(ask(id="e"))
        answers = heard(link.play(*script, tag="v").result())["answers"]
        assert answers[:2] == [{"result": SAMPLED}, {"result": ROOTED}]
        if server >= "2025-06-18":
            expected = ACCEPT if version >= "2025-06-18" else {"action": "decline"}
            assert answers[2]["result"] == expected
        ids = [e["message"]["id"] for e in stage.events_of("answered")]
        assert ids[:2] == [41, "41"], "the server's ids come back unchanged"
        opened = [e["params"]["capabilities"] for e in stage.events_of("opened")]
        assert {} in opened, "the first session declares nothing"
        assert all("elicitation" not in c for c in opened) or version >= "2025-06-18" <= server


@pytest.mark.parametrize("number", [0, -7, 2**53, "", 'ü\n"', "x" * 200, 1])
def test_ids_of_servers(stage, number):
    link = stage.open("2025-11-25")
    link.answers = dict(ANSWERS)
    assert heard(link.play(ask(id=number), tag="i").result())["answers"] == [{"result": ACCEPT}]
    assert stage.heard("answered")["message"]["id"] == number


def test_one_id_twice(tmp_path, events):
    """A server that uses an id twice at once gets two answers."""
    with Stage(tmp_path, events, bad_server=True) as stage:
        link = stage.open("2025-11-25")
        link.answers = dict(ANSWERS)
        call = link.play(ask(ROOTS, id=5, go_on=True), ask(id=5), {"wait": "on"}, tag="d")
        stage.heard("waiting", tag="on")
        answered = [stage.heard("answered", stray=stray)["message"] for stray in (False, True)]
        assert [a["id"] for a in answered] == [5, 5] and len(link.asked) == 2
        assert len({q["id"] for q in link.asked}) == 2
        stage.server.release("on")
        call.result()


@pytest.mark.parametrize("loops", [1, 2])
def test_answers_to_what_nobody_asked(tmp_path, events, loops):
    """Bogus ids, another session's question, a second answer: acknowledged, and without effect."""
    with Stage(tmp_path, events, bad_client=True, loops=loops) as stage:
        one, two = silent(stage), silent(stage)
        call = one.play(ask(id="mine"), {"wait": "on"}, tag="a")
        number = one.question()["id"]
        forged = {"action": "accept", "content": {"colour": "forged"}}
        for bogus in (
            0,
            1,
            None,
            "",
            "q1",
            "jf-0-0",
            "jf-0-1",
            "jf-99-1",
            "jf--1-1",
            "jf-0-99999999999999999999999",
            number + "0",
            number.upper(),
            {"a": 1},
            [number],
            True,
            1.5,
        ):
            one.answer(bogus, forged)
        two.answer(number, forged)
        assert not stage.events_of("answered")
        one.answer(number, ACCEPT)
        one.answer(number, forged)
        one.answer(number, {"error": {"code": -1, "message": "no"}})
        stage.heard("waiting", tag="on")
        assert len(stage.events_of("answered")) == 1
        stage.server.release("on")
        assert heard(call.result())["answers"] == [{"result": ACCEPT}]
        one.answer(number, forged)
        assert len(stage.events_of("answered")) == 1
        assert two.request("ping") == {} and not two.asked


@pytest.mark.parametrize(
    "error",
    [
        {"code": -1, "message": "User rejected"},
        {"code": -32602, "message": "no such mode", "data": {"x": [1]}},
        {"code": -32601, "message": "what?"},
        {"code": 2**31, "message": ""},
    ],
)
def test_errors_of_clients(hostile, error):
    link = silent(hostile)
    for n, script in enumerate((hostile.question, hostile.roots)):
        call = link.play(*script, tag=f"{n}")
        question = link.question(ELICITATION if n == 0 else ROOTS)
        link.answer(question["id"], {"error": error})
        if hostile.era == "legacy":
            assert heard(call.result())["answers"] == [{"error": error}]
        else:
            with pytest.raises(RpcError) as caught:
                call.result()
            assert (caught.value.code, caught.value.message, caught.value.data) == (
                error["code"],
                error["message"],
                error.get("data"),
            )
            assert hostile.executions(f"{n}") == 1


RESULTS = [
    {},
    {"action": "maybe"},
    {"action": 1},
    {"action": "accept", "content": [1]},
    [],
    "accept",
    7,
    None,
    SAMPLED,
]


@pytest.mark.parametrize("result", RESULTS, ids=json.dumps)
def test_malformed_answers(hostile, result):
    """They become a cancelled elicitation; nothing malformed reaches the server."""
    link = silent(hostile)
    call = link.play(*hostile.question, tag="m")
    link.answer(link.question()["id"], {"result": result})
    assert said(call.result()) == {"action": "cancel"}


@pytest.mark.parametrize("result", [{}, {"roots": "x"}, {"roots": [{"name": "n"}]}, ACCEPT])
def test_malformed_roots(hostile, result):
    link = silent(hostile)
    call = link.play(*hostile.roots, tag="m")
    link.answer(link.question(ROOTS)["id"], {"result": result})
    if hostile.era == "legacy":
        assert heard(call.result())["answers"][0]["error"]["code"] == -32601
    else:
        with pytest.raises(RpcError) as caught:
            call.result()
        assert caught.value.code == -32603


def test_envelopes_that_are_no_answer(hostile):
    """Neither result nor error, both, other versions: the question stays open."""
    link = silent(hostile)
    call = link.play(*hostile.question, tag="m")
    number = link.question()["id"]
    for bad in (
        {"jsonrpc": "2.0", "id": number},
        {"jsonrpc": "2.0", "id": number, "result": ACCEPT, "error": {"code": 1, "message": "both"}},
        {"jsonrpc": "1.0", "id": number, "result": ACCEPT},
        {"id": number, "result": ACCEPT},
        {"jsonrpc": "2.0", "id": number, "error": "text"},
    ):
        answer = exchange(
            hostile.gateway.port, legacy(bad, link.session, "2025-11-25", path="/mcp/servers/s")
        )
        assert answer.status in (202, 400), answer
    if not call.future.done():
        link.answer(number, ACCEPT)
    assert said(call.result()) in (ACCEPT, {"action": "cancel"})


def test_batches_of_answers(tmp_path, events):
    """A client of 2025-03-26 may answer several questions in one message."""
    with Stage(tmp_path, events) as stage:
        link = silent(stage, "2025-03-26")
        call = link.play(ask(SAMPLING, go_on=True), ask(ROOTS, go_on=True), {"gather": True}, tag="b")
        questions = [link.question(SAMPLING), link.question(ROOTS)]
        answers = [{"jsonrpc": "2.0", "id": q["id"], "result": ANSWERS[q["method"]]} for q in questions]
        answer = exchange(stage.gateway.port, legacy(answers, link.session, None, path="/mcp/servers/s"))
        assert (answer.status, answer.body) == (202, b"")
        assert [a["result"] for a in heard(call.result())["answers"]] == [SAMPLED, ROOTED]


@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_client_that_never_answers(tmp_path, events, era, way, loops):
    with Stage(tmp_path, events, era=era, pipe=WAYS[way], limits={"parked_age": "1s"}, loops=loops) as stage:
        link = silent(stage)
        script = [ask(id="late"), {"wait": "never"}] if era == "legacy" else [one_round(k=entry())]
        call = link.play(*script, tag="n")
        number = link.question()["id"]
        with pytest.raises(RpcError) as caught:
            call.result()
        assert caught.value.code == -32603 and "not answered" in caught.value.message
        assert link.notes.wait("notifications/cancelled")["requestId"] == number, "the question is taken back"
        if era == "legacy":
            assert stage.heard("answered")["message"]["result"] == {"action": "cancel"}
            stage.heard("cancelled", tag="n")
        link.answer(number, ACCEPT)
        assert heard(link.play(tag="on").result())["answers"] == []
        assert stage.executions("n") == 1 and len(stage.events_of("answered")) == (era == "legacy")


@pytest.mark.parametrize("way", WAYS)
def test_a_client_that_cancels_its_call(tmp_path, events, way):
    with Stage(tmp_path, events, pipe=WAYS[way]) as stage:
        link = silent(stage)
        call = link.play(ask(id="c"), {"wait": "never"}, tag="c")
        number = link.question()["id"]
        call.cancel()
        assert stage.heard("answered")["message"]["result"] == {"action": "cancel"}
        stage.heard("cancelled", tag="c")
        link.answer(number, ACCEPT)
        assert heard(link.play(tag="on").result())["answers"] == []
        assert len(stage.events_of("answered")) == 1


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_client_that_ends_its_session(tmp_path, events, era):
    """Nobody can answer any more: the server hears that at once, not after parked_age."""
    with Stage(tmp_path, events, era=era, bad_client=True) as stage:
        link = silent(stage)
        link.play(*([ask(id="c")] if era == "legacy" else [one_round(k=entry())]), tag="c")
        link.question()
        link.close()
        if era == "legacy":
            assert stage.heard("answered")["message"]["result"] == {"action": "cancel"}
        else:
            gauge(stage)


def gauge(stage):
    """No call stays behind: the gateway stops without waiting for one."""
    stage.gateway.stop(timeout=2.5)


def test_many_questions_at_once(tmp_path, events):
    """Sixteen calls of four sessions, four questions each: every answer finds its question."""
    with Stage(tmp_path, events, loops=2) as stage:
        links = [stage.open("2025-11-25") for _ in range(4)]
        for n, link in enumerate(links):
            link.answers = {
                ELICITATION: lambda q, n=n: {
                    "action": "accept",
                    "content": {"colour": f"{n} {q['params']['message']}"},
                }
            }

        def converse(n, turn):
            script = [ask(params={**ELICIT, "message": f"{turn}.{k}"}, go_on=True) for k in range(4)]
            call = links[n].play(*script, {"gather": True}, tag=f"{n} {turn}")
            answers = [a["result"]["content"]["colour"] for a in heard(call.result())["answers"]]
            assert answers == [f"{n} {turn}.{k}" for k in range(4)]

        Crowd([lambda n=n, t=t: converse(n, t) for n in range(4) for t in range(4)]).join()
        assert len(stage.events_of("executed")) == 16
