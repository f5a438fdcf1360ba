# SPDX-License-Identifier: Apache-2.0
"""Tasks of legacy servers: for modern clients as tasks of the extension, for clients without tasks as plain results."""

import pytest

from rig import processes
from rig.dialogues import ACCEPT, ELICITATION, ROOTED, ROOTS, SAMPLED, SAMPLING, ask
from rig.rpc import VERSIONS, RpcError
from rig.tasks import ANSWERS, KNOWS, LEGACY, OVER, RELATED, Peer, TaskStage, leaks, refused, text_of

WAYS = {"http": False, "stdio": True}
NOTE = {"note": "notifications/progress", "params": {"progressToken": "@", "progress": 1}}


@pytest.fixture(params=[(way, loops) for way in WAYS for loops in (1, 2)], ids=lambda p: f"{p[0]}-{p[1]}")
def stage(request, tmp_path, events):
    way, loops = request.param
    with TaskStage(tmp_path, events, loops=loops, s=Peer("legacy", WAYS[way])) as made:
        yield made


def settled(link, number):
    def look():
        found = link.get(number)
        assert found["status"] in OVER, found
        return found

    return processes.eventually(look, 15, AssertionError)


@pytest.mark.parametrize("name", ["may", "must"])
def test_life_of_a_task(stage, name):
    """An optional and a required tool: the server's task is followed to its end, its result stands in ours."""
    link = stage.open()
    made = link.task({"wait": "go"}, tag="t", name=name)
    own, number = stage.own_id("t"), made["taskId"]
    assert made["status"] == "working" and number != own and own not in number
    assert made["ttlMs"] == 3_600_000 and made["pollIntervalMs"] == 1000
    found = link.get(number)
    assert found["resultType"] == "complete" and found["status"] == "working"
    stage.release("go")
    found = settled(link, number)
    assert found["status"] == "completed" and text_of(found["result"])["executions"] == 1
    assert RELATED not in found["result"].get("_meta", {}), "the server's own id"
    assert not leaks(stage, own)
    assert [e["task"] for e in stage.seen("executed", tag="t")] == [{}]


def test_a_forbidden_tool(stage):
    result = stage.open().play(tag="p").result()
    assert result["resultType"] == "complete" and text_of(result)["executions"] == 1
    assert not stage.seen("created")


def test_how_it_ends(stage):
    link = stage.open()
    number = link.task({"error": {"code": -32050, "message": "no", "data": 1}}, tag="e", name="must")["taskId"]
    found = settled(link, number)
    assert found["status"] == "failed" and found["error"] == {"code": -32050, "message": "no", "data": 1}
    bad = {"content": [{"type": "text", "text": "bad"}], "isError": True}
    number = link.task({"result": bad}, tag="b", name="must")["taskId"]
    found = settled(link, number)
    assert found["status"] == "completed" and found["result"]["isError"] is True
    number = link.task({"wait": "c"}, {"cancelled": True}, tag="c", name="may")["taskId"]
    stage.release("c")
    assert settled(link, number)["status"] in ("cancelled", "failed")


def test_questions(stage):
    """What the server asks stands in tasks/get; tasks/update answers it; keys are never used twice."""
    link = stage.open()
    number = link.task(ask(), ask(SAMPLING), ask(ROOTS), {"wait": "end"}, tag="q", name="must")["taskId"]
    own, seen = stage.own_id("q"), []
    for method, answer in ((ELICITATION, ACCEPT), (SAMPLING, SAMPLED), (ROOTS, ROOTED)):

        def next_question():
            found = link.get(number)
            assert found["status"] == "input_required" and not set(found["inputRequests"]) & set(seen), found
            return found["inputRequests"]

        [(key, question)] = processes.eventually(next_question, 15, AssertionError).items()
        assert question["method"] == method
        assert RELATED not in (question.get("params") or {}).get("_meta", {}), "the server's own id"
        seen.append(key)
        link.update(number, **{key: answer})
        link.update(number, **{key: answer})
    stage.heard("waiting", tag="end")
    assert link.get(number)["status"] == "working"
    stage.release("end")
    answers = text_of(settled(link, number)["result"])["answers"]
    assert [a["result"] for a in answers] == [ACCEPT, SAMPLED, ROOTED]
    assert not leaks(stage, own)


def test_questions_that_come_together(stage):
    link = stage.open()
    script = [ask(go_on=True), ask(SAMPLING, go_on=True), {"gather": True}]
    number = link.task(*script, tag="q", name="must")["taskId"]

    def both():
        found = link.get(number)
        assert len(found.get("inputRequests", {})) == 2, found
        return found["inputRequests"]

    questions = processes.eventually(both, 15, AssertionError)
    link.update(number, **{key: ANSWERS[q["method"]] for key, q in questions.items()})
    answers = text_of(settled(link, number)["result"])["answers"]
    assert sorted(map(str, (a["result"] for a in answers))) == sorted(map(str, (ACCEPT, SAMPLED)))


def test_cancel(stage):
    link = stage.open()
    number = link.task({"wait": "never"}, tag="c", name="must")["taskId"]
    stage.heard("awaited", tag="c")
    link.give_up(number)
    assert stage.heard("task cancelled")["id"] == stage.own_id("c")
    assert link.get(number)["status"] == "cancelled"
    number = link.task(ask(), tag="d", name="may")["taskId"]
    link.until(number, "working", "input_required")
    processes.eventually(lambda: _asking(link.get(number)), 15, AssertionError)
    mark = stage.events.mark()
    link.give_up(number)
    # Its question is answered as well, so it may be over before the server reads this.
    told = stage.heard("message", since=mark, method="tasks/cancel")["message"]
    assert told["params"]["taskId"] == stage.own_id("d")
    found = link.get(number)
    assert found["status"] == "cancelled" and "inputRequests" not in found


def _asking(found):
    assert found["status"] == "input_required", found


def test_a_modern_client_without_tasks(stage):
    """Its call simply takes as long as the task."""
    link = stage.open(capabilities={})
    call = link.play({"wait": "go"}, tag="w", name="must")
    stage.heard("awaited", tag="w")
    assert not call.future.done()
    stage.release("go")
    result = call.result()
    assert result["resultType"] == "complete" and text_of(result)["executions"] == 1
    assert RELATED not in result.get("_meta", {}) and not leaks(stage, stage.own_id("w"))
    refused(lambda: link.play({"error": {"code": -32050, "message": "no"}}, tag="e", name="must").result(), -32050)
    assert link.play(tag="o", name="may").result()["content"]
    assert not stage.seen("created", tag="o"), "an optional tool needs no task"


@pytest.mark.parametrize("version", VERSIONS)
def test_legacy_clients_without_tasks(stage, version):
    link = stage.open(version)
    link.answers = dict(ANSWERS)
    result = link.play(ask(ROOTS), tag="w", name="must").result()
    assert text_of(result)["answers"][0]["result"]["roots"]
    assert [m["method"] for m in link.asked] == [ROOTS]
    assert RELATED not in str(link.asked) and RELATED not in str(result)
    assert not leaks(stage, stage.own_id("w"))


def test_questions_without_tasks(stage):
    """A modern client without tasks gets input_required and comes again; the task is the gateway's affair."""
    link = stage.open(capabilities={k: v for k, v in ANSWERABLE.items()})
    call = link.play(ask(), ask(SAMPLING), tag="q", name="must")
    result = call.result()
    for _ in range(2):
        assert result["resultType"] == "input_required"
        answers = {key: ANSWERS[q["method"]] for key, q in result["inputRequests"].items()}
        result = link.again(result, answers, params=call.params).result()
    assert [a["result"] for a in text_of(result)["answers"]] == [ACCEPT, SAMPLED]
    assert len(stage.seen("created")) == 1


ANSWERABLE = {"elicitation": {"form": {}}, "sampling": {}}


def test_cancel_without_tasks(stage):
    """The end of the call is the end of the task: tasks/cancel, not notifications/cancelled."""
    for link in (stage.open(capabilities={}), stage.open(LEGACY)):
        tag = link.kind
        call = link.play({"wait": "never"}, tag=tag, name="must")
        stage.heard("awaited", tag=tag)
        call.cancel()
        assert stage.heard("task cancelled", tag=tag)["status"] == "working"
        stage.heard("became", tag=tag, status="cancelled")


def test_time_without_tasks(tmp_path, events):
    """The server's timeout holds for the whole of it; then the task is cancelled."""
    with TaskStage(tmp_path, events, s=Peer("legacy", timeout="1s")) as stage:
        link = stage.open(capabilities={})
        refused(lambda: link.play({"wait": "never"}, tag="t", name="must").result(), -32603)
        stage.heard("task cancelled", tag="t")


@pytest.mark.parametrize("way", WAYS)
def test_a_slow_answer(tmp_path, events, way):
    """A question may take longer than the server's timeout; the stream on which it came stays."""
    with TaskStage(tmp_path, events, s=Peer("legacy", WAYS[way], timeout="1s")) as stage:
        link, clock = stage.open(capabilities=ANSWERABLE), stage.open(capabilities={})
        call = link.play(ask(), tag="q", name="must")
        result = call.result()
        assert result["resultType"] == "input_required"
        refused(lambda: clock.play({"wait": "never"}, tag="clock").result(), -32603)
        [key] = result["inputRequests"]
        result = link.again(result, {key: ACCEPT}, params=call.params).result()
        assert text_of(result)["answers"] == [{"result": ACCEPT}]


@pytest.mark.parametrize("way", WAYS)
def test_the_time_of_a_task(tmp_path, events, way):
    """With a task there is more time than the server's timeout: the gateway's ttl."""
    with TaskStage(tmp_path, events, s=Peer("legacy", WAYS[way], timeout="1s")) as stage:
        link, clock = stage.open(), stage.open(capabilities={})
        made = link.task({"wait": "go"}, tag="t", name="must")["taskId"]
        refused(lambda: clock.play({"wait": "never"}, tag="clock").result(), -32603)
        assert link.get(made)["status"] == "working"
        stage.release("go")
        assert settled(link, made)["status"] == "completed"


def test_progress_without_tasks(stage):
    """The token is good for the life of the task (2025-11-25, Tasks: Progress)."""
    link = stage.open(capabilities={})
    call = link.play(NOTE, {"wait": "go"}, tag="p", name="must", progress=True)
    processes.eventually(lambda: _some(call.progress), 10, AssertionError)
    stage.release("go")
    assert call.result()["content"] and [p["progress"] for p in call.progress] == [1]


def _some(found):
    assert found


def test_a_session_that_is_gone(tmp_path, events):
    """The server made the task and forgot the session: nothing is executed a second time."""
    with TaskStage(tmp_path, events, loops=2, s=Peer("legacy")) as stage:
        for link in (stage.open(capabilities={}), stage.open(), stage.open(LEGACY)):
            tag = link.kind + str(len(link.client_capabilities))
            call = link.play({"forget": True}, {"wait": "never"}, tag=tag, name="must")
            if "extensions" in link.client_capabilities:
                assert settled(link, call.result()["taskId"])["status"] == "failed"
            else:
                with pytest.raises(RpcError):
                    call.result()
            assert len(stage.seen("executed", tag=tag)) == 1
            # The server is met again.
            processes.eventually(lambda n=link: n.play(tag="again").result(), 10, RpcError)


def test_a_server_that_dies(tmp_path, events):
    with TaskStage(tmp_path, events, s=Peer("legacy", True)) as stage:
        link = stage.open()
        number = link.task({"wait": "go"}, {"die": True}, tag="d", name="must")["taskId"]
        stage.release("go")
        assert settled(link, number)["status"] == "failed"
        call = stage.open(capabilities={}).play({"die": True}, tag="e", name="must")
        refused(lambda: call.result(), -32603)


def test_its_time_is_over(tmp_path, events):
    with TaskStage(tmp_path, events, tasks={"ttl": "1s"}, s=Peer("legacy")) as stage:
        link = stage.open()
        number = link.task({"wait": "never"}, tag="t", name="must")["taskId"]
        stage.heard("task cancelled", tag="t")
        processes.eventually(lambda: refused(lambda: link.get(number), -32602), 10, BaseException)
        legacy = stage.open(LEGACY)
        number = legacy.task({"wait": "never"}, tag="u", name="may")["taskId"]
        with pytest.raises(RpcError):
            legacy.await_result(number).result()
        processes.eventually(lambda: refused(lambda: legacy.get(number), -32602), 10, BaseException)


def test_a_wish_for_less_time(tmp_path, events):
    """The ttl that a legacy client names is kept to."""
    with TaskStage(tmp_path, events, s=Peer("legacy")) as stage:
        link = stage.open(LEGACY)
        made = link.task({"wait": "never"}, tag="t", name="may", task={"ttl": 500})
        assert made["ttl"] == 500
        stage.heard("task cancelled", tag="t")
        processes.eventually(lambda: refused(lambda: link.get(made["taskId"]), -32602), 10, BaseException)


def test_tasks_on_any_loop(tmp_path, events):
    for way in WAYS.values():
        folder = tmp_path / str(way)
        folder.mkdir()
        with TaskStage(folder, events, loops=2, s=Peer("legacy", way)) as stage:
            links = [stage.open() for _ in range(4)]
            for n in range(8):
                number = links[n % 4].task(ask(), tag=f"l{n}", name="must")["taskId"]
                other, third = links[(n + 1) % 4], links[(n + 2) % 4]

                def look(number=number, other=other):
                    found = other.get(number)
                    assert found["status"] == "input_required", found
                    return found["inputRequests"]

                [key] = processes.eventually(look, 15, AssertionError)
                third.update(number, **{key: ACCEPT})
                assert text_of(settled(other, number)["result"])["answers"] == [{"result": ACCEPT}]


def test_only_where_it_is_declared(stage):
    """A task for the client that knows them; nothing changes for others of the same server."""
    link = stage.open(capabilities=KNOWS)
    assert link.task(tag="k", name="may")["taskId"]
    assert stage.open(capabilities={}).play(tag="n", name="may").result()["resultType"] == "complete"
    assert stage.open(LEGACY).play(tag="l", name="may").result()["content"]
    assert [e["tag"] for e in stage.seen("created")] == ["k"]
