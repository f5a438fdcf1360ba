# SPDX-License-Identifier: Apache-2.0
"""Clients of 2025-11-25 that ask for tasks (`params.task`), on servers of both eras."""

import pytest

from rig import processes
from rig.dialogues import ACCEPT, ELICITATION, SAMPLED, SAMPLING, Crowd, ask, entry
from rig.rpc import VERSIONS, RpcError
from rig.tasks import ANSWERS, LEGACY, OVER, RELATED, Peer, TaskStage, leaks, refused, task, text_of

SERVERS = {
    "legacy-http": Peer("legacy"),
    "legacy-stdio": Peer("legacy", True),
    "modern-http": Peer("modern"),
    "modern-stdio": Peer("modern", True),
}


@pytest.fixture(params=SERVERS)
def stage(request, tmp_path, events):
    with TaskStage(tmp_path, events, s=SERVERS[request.param]) as made:
        made.era = request.param.split("-")[0]
        yield made


def begin(stage, link, *script, tag, **more):
    """A task that plays a script, whichever the server's era."""
    if stage.era == "modern":
        return link.task(task(*script), tag=tag, **more)
    return link.task(*script, tag=tag, name="may", **more)


def question(stage, method=ELICITATION):
    return {"ask": {method[:1]: entry(method)}} if stage.era == "modern" else ask(method)


def related(message):
    return ((message.get("params") or message).get("_meta") or {}).get(RELATED)


def test_life_of_a_task(stage):
    link = stage.open(LEGACY)
    made = begin(stage, link, {"wait": "go"}, tag="t")
    own, number = stage.own_id("t"), made["taskId"]
    assert made["status"] == "working" and own not in number and number != own
    assert isinstance(made["ttl"], int) and isinstance(made["pollInterval"], int)
    assert {"createdAt", "lastUpdatedAt"} <= set(made)
    stage.heard("waiting", tag="go")
    found = link.get(number)
    assert found["taskId"] == number and found["status"] == "working" and "result" not in found
    waiting = link.await_result(number)
    stage.release("go")
    result = waiting.result()
    assert text_of(result)["executions"] == 1
    assert related(result) == {"taskId": number}
    assert link.get(number)["status"] == "completed"
    again = link.await_result(number).result()
    assert again == result, "the result stays, and is there at once"
    assert not leaks(stage, own)


def test_how_long_it_is_kept(stage):
    """The client's wish counts up to the gateway's own limit."""
    link = stage.open(LEGACY)
    assert begin(stage, link, tag="a", task={"ttl": 5000})["ttl"] == 5000
    assert begin(stage, link, tag="b", task={})["ttl"] == 3_600_000
    assert begin(stage, link, tag="c", task={"ttl": 10**12})["ttl"] == 3_600_000


def test_failed_tasks(stage):
    link = stage.open(LEGACY)
    number = begin(stage, link, {"error": {"code": -32050, "message": "no luck", "data": [1]}}, tag="f")["taskId"]
    error = refused(lambda: link.await_result(number).result(), -32050)
    assert error.message == "no luck" and error.data == [1]
    assert link.get(number)["status"] == "failed"
    refused(lambda: link.await_result(number).result(), -32050)
    bad = {"content": [{"type": "text", "text": "no"}], "isError": True}
    number = begin(stage, link, {"result": {**bad, "resultType": "complete"} if stage.era == "modern" else bad},
                   tag="e")["taskId"]  # fmt: skip
    result = link.await_result(number).result()
    assert result["isError"] is True and related(result) == {"taskId": number}
    assert link.get(number)["status"] == "failed", "2025-11-25: a tool's own error is a failed task"


def test_cancel(stage):
    """tasks/cancel returns the task; whoever waits gets an error; a task that is over cannot be cancelled."""
    link = stage.open(LEGACY)
    number = begin(stage, link, {"wait": "never"}, tag="c")["taskId"]
    waiting = link.await_result(number)
    stage.heard("waiting", tag="never")
    found = link.give_up(number)
    assert found["taskId"] == number and found["status"] == "cancelled"
    assert stage.heard("task cancelled")["id"] == stage.own_id("c")
    with pytest.raises(RpcError):
        waiting.result()
    assert link.get(number)["status"] == "cancelled"
    refused(lambda: link.give_up(number), -32602)
    with pytest.raises(RpcError):
        link.await_result(number).result(5)
    number = begin(stage, link, tag="d")["taskId"]
    link.await_result(number).result()
    refused(lambda: link.give_up(number), -32602)
    assert link.get(number)["status"] == "completed"
    assert len(stage.seen("task cancelled")) == 1


def test_a_server_that_cancels(stage):
    link = stage.open(LEGACY)
    number = begin(stage, link, {"wait": "go"}, {"cancelled": True}, tag="c")["taskId"]
    waiting = link.await_result(number)
    stage.release("go")
    with pytest.raises(RpcError):
        waiting.result()
    assert link.get(number)["status"] in ("cancelled", "failed")


def test_questions(stage):
    """Questions reach the client on the stream of tasks/result and name the task."""
    link = stage.open(LEGACY)
    link.answers = dict(ANSWERS)
    made = begin(stage, link, question(stage), question(stage, SAMPLING), tag="q")
    number = made["taskId"]
    processes.eventually(lambda: _is(link.get(number), "input_required"), 10)
    assert not link.asked, "nobody is asked before it asks for the result"
    result = link.await_result(number).result()
    answers = text_of(result)["answers"]
    given = list(answers.values()) if stage.era == "modern" else [a["result"] for a in answers]
    assert given[0] == ACCEPT and given[1] == SAMPLED
    assert [m["method"] for m in link.asked] == [ELICITATION, SAMPLING]
    assert all(related(m) == {"taskId": number} for m in link.asked), link.asked
    assert link.get(number)["status"] == "completed"
    assert not leaks(stage, stage.own_id("q"))


def _is(found, *statuses):
    assert found["status"] in statuses, found
    return found


def test_a_late_answer(stage):
    """The client takes its time; the task is looked at meanwhile."""
    link = stage.open(LEGACY)
    link.answers = {ELICITATION: None}
    number = begin(stage, link, question(stage), tag="q")["taskId"]
    waiting = link.await_result(number)
    asked = link.question()
    if stage.era == "modern":
        stage.polled(3)
    assert link.get(number)["status"] == "input_required"
    link.answer(asked["id"], ACCEPT)
    assert text_of(waiting.result())["answers"]
    assert len(link.asked) == 1


def test_an_answer_does_not_end_the_time(tmp_path, events):
    """parked_age is the time for answers; answered, the task goes on for as long as it likes."""
    with TaskStage(tmp_path, events, limits={"parked_age": "1s"}, s=Peer("modern")) as stage:
        link = stage.open(LEGACY)
        link.answers = dict(ANSWERS)
        number = link.task(task({"ask": {"k": entry()}}, {"wait": "end"}), tag="q")["taskId"]
        waiting = link.await_result(number)
        stage.heard("waiting", tag="end")
        # The server is polled every 100 ms.
        stage.polled(14)
        assert link.get(number)["status"] == "working"
        assert not waiting.future.done()
        stage.release("end")
        assert text_of(waiting.result())["answers"]


def test_nobody_answers(tmp_path, events):
    with TaskStage(tmp_path, events, limits={"parked_age": "1s"}, s=Peer("modern")) as stage:
        link = stage.open(LEGACY)
        link.answers = {ELICITATION: None}
        number = link.task(task({"ask": {"k": entry()}}), tag="q")["taskId"]
        with pytest.raises(RpcError):
            link.await_result(number).result()
        stage.heard("task cancelled")
        assert link.get(number)["status"] == "failed"


def test_refused_questions(stage):
    """An error of the client's is passed on where the server's era has a word for it."""
    link = stage.open(LEGACY)
    link.answers = {ELICITATION: {"error": {"code": -1, "message": "no"}}}
    number = begin(stage, link, question(stage), tag="q")["taskId"]
    result = link.await_result(number).result()
    answers = text_of(result)["answers"]
    if stage.era == "modern":
        assert list(answers.values()) == [{"action": "cancel"}]
    else:
        assert answers == [{"error": {"code": -1, "message": "no"}}]


def test_several_who_wait(stage):
    """Each gets the result; one of them is asked; when that one gives up, another is."""
    link = stage.open(LEGACY)
    link.answers = {ELICITATION: None}
    number = begin(stage, link, {"wait": "go"}, question(stage), tag="q")["taskId"]
    waiting = [link.await_result(number)]
    stage.release("go")
    link.question()
    waiting += [link.await_result(number), link.await_result(number)]
    assert link.get(number)["status"] == "input_required"
    waiting[0].cancel()
    asked = link.question()
    link.answer(asked["id"], ACCEPT)
    results = [w.result() for w in waiting[1:]]
    assert results[0] == results[1] and text_of(results[0])["answers"]


def test_who_gives_up_waiting(stage):
    """notifications/cancelled ends the wait, not the task."""
    link = stage.open(LEGACY)
    number = begin(stage, link, {"wait": "go"}, tag="w")["taskId"]
    waiting = link.await_result(number)
    stage.heard("waiting", tag="go")

    def given_up():
        waiting.cancel()
        assert waiting.future.done()

    processes.eventually(given_up, 10, AssertionError)
    with pytest.raises(RpcError):
        waiting.result()
    assert link.get(number)["status"] == "working" and not stage.seen("task cancelled")
    stage.release("go")
    assert link.await_result(number).result()["content"]


def test_other_sessions_and_views(stage):
    """An id is good for whoever has it (nobody can guess one), in its own era only."""
    number = begin(stage, stage.open(LEGACY), {"wait": "go"}, tag="o")["taskId"]
    assert stage.open(LEGACY).get(number)["status"] == "working"
    refused(lambda: stage.open().get(number), -32602)
    stage.release("go")


def test_what_is_no_task(stage):
    link = stage.open(LEGACY)
    for wrong in ("x", "", stage.label("s"), "A" * 5000):
        for method in ("tasks/get", "tasks/result", "tasks/cancel"):
            refused(lambda m=method, w=wrong: link.request(m, {"taskId": w}), -32602)
    refused(lambda: link.request("tasks/list"), -32601)


def test_what_is_advertised(tmp_path, events):
    servers = {"a": Peer("modern"), "b": Peer("legacy"), "c": Peer("legacy", bare=True), "d": Peer("modern", bare=True)}
    with TaskStage(tmp_path, events, demo=True, **servers) as stage:
        for view, has in {"a": True, "b": True, "c": False, "d": False, "demo": False}.items():
            link = stage.open(LEGACY, view="/mcp/servers/" + view)
            expected = {"cancel": {}, "requests": {"tools": {"call": {}}}} if has else None
            assert link.capabilities.get("tasks") == expected, view
        link = stage.open(LEGACY, view="/mcp")
        assert "list" not in link.capabilities["tasks"]
        tools = link.tools()
        support = {name: tools[name].get("execution", {}).get("taskSupport", "forbidden") for name in tools}
        assert support["a__play"] == "optional" and support["d__play"] == "forbidden"
        assert (support["b__play"], support["b__may"], support["b__must"]) == ("forbidden", "optional", "required")
        assert support["c__may"] == "forbidden" and support["demo__echo"] == "forbidden"
        for version in VERSIONS[:-1]:
            link = stage.open(version, view="/mcp")
            assert "tasks" not in link.capabilities
            assert all("execution" not in tool for tool in link.tools().values())
        assert all("execution" not in tool for tool in stage.open(view="/mcp").tools().values())


def test_who_cannot_have_one(tmp_path, events):
    """-32601 where the server, or the tool, has no tasks; nothing is executed."""
    servers = {"b": Peer("legacy"), "c": Peer("legacy", bare=True), "d": Peer("modern", bare=True)}
    with TaskStage(tmp_path, events, demo=True, bad_client=True, **servers) as stage:
        link = stage.open(LEGACY, view="/mcp")
        for name in ("b__play", "c__may", "c__play", "d__play"):
            refused(lambda n=name: link.play(name=n, tag="n", task={}).result(), -32601)
        call = {"name": "demo__echo", "arguments": {"text": "x"}, "task": {}}
        refused(lambda: link.request("tools/call", call), -32601)
        assert not any(stage.seen("executed", name) for name in "bcd")
        for wrong in (7, "x", [], {"ttl": "long"}, {"ttl": -1}):
            with pytest.raises(RpcError) as caught:
                link.play(name="b__may", tag="n", task=wrong).result()
            assert caught.value.code == -32602


def test_a_required_tool_without_the_wish(tmp_path, events):
    """The gateway runs the task and the client gets the result."""
    with TaskStage(tmp_path, events, s=Peer("legacy")) as stage:
        link = stage.open(LEGACY)
        result = link.play(tag="r", name="must").result()
        assert text_of(result)["executions"] == 1 and related(result) is None
        assert not leaks(stage, stage.own_id("r"))
        result = link.play(tag="o", name="may").result()
        assert not stage.seen("created", tag="o"), "an optional one is called as it was asked for"
        number = link.task(tag="m", name="must", task={"ttl": 7777})["taskId"]
        assert link.await_result(number).result()["content"]
        [sent] = [m for m in stage.messages("tools/call") if m["params"]["arguments"]["tag"] == "m"]
        assert sent["params"]["task"] == {"ttl": 7777}


def test_a_modern_server_that_answers_at_once(tmp_path, events):
    """The answer becomes a task that is over already; the server was free to make one."""
    for pipe in (False, True):
        with TaskStage(tmp_path, events, s=Peer("modern", pipe)) as stage:
            link = stage.open(LEGACY)
            made = link.task(tag="d")
            assert made["status"] in ("working", "completed")
            result = link.await_result(made["taskId"]).result()
            assert "extensions" in text_of(result)["capabilities"] and related(result) == {"taskId": made["taskId"]}
            assert link.get(made["taskId"])["status"] == "completed"
            refused(lambda link=link, made=made: link.give_up(made["taskId"]), -32602)
            made = link.task({"error": {"code": -32055, "message": "not today"}}, tag="e")
            refused(lambda link=link, made=made: link.await_result(made["taskId"]).result(), -32055)
            assert link.get(made["taskId"])["status"] == "failed"
            link.answers = dict(ANSWERS)
            script = [{"round": {"inputRequests": {"k": entry()}, "requestState": "r"}}]
            made = link.task(*script, tag="r")
            result = link.await_result(made["taskId"]).result()
            assert text_of(result)["given"] == {"k": ACCEPT}


def test_older_clients(tmp_path, events):
    """Before 2025-11-25 there are no tasks: `params.task` means nothing, the methods do not exist."""
    with TaskStage(tmp_path, events, bad_client=True, s=Peer("modern"), l=Peer("legacy")) as stage:
        for version in VERSIONS[:-1]:
            link = stage.open(version, view="/mcp")
            for name in ("s__play", "l__play", "l__may"):
                assert text_of(link.play(tag=version, name=name, task={}).result())["executions"]
            for method in ("tasks/get", "tasks/result", "tasks/cancel"):
                refused(lambda m=method, c=link: c.request(m, {"taskId": "x"}), -32601)
        assert not stage.seen("created") and not stage.seen("created", "l")


@pytest.mark.parametrize("name", SERVERS)
def test_tasks_on_any_loop(tmp_path, events, name):
    with TaskStage(tmp_path, events, loops=2, s=SERVERS[name]) as stage:
        stage.era = name.split("-")[0]
        links = [stage.open(LEGACY) for _ in range(3)]
        for n in range(9):
            maker, waiter, other = links[n % 3], links[(n + 1) % 3], links[(n + 2) % 3]
            waiter.answers = dict(ANSWERS)
            number = begin(stage, maker, question(stage), tag=f"l{n}")["taskId"]
            waiting = waiter.await_result(number)
            assert other.get(number)["status"] in ("working", "input_required", "completed")
            assert text_of(waiting.result())["answers"]
            assert other.get(number)["status"] == "completed"
            assert other.await_result(number).result()["content"]


def test_many_at_once(stage):
    link = stage.open(LEGACY)
    numbers = [begin(stage, link, {"wait": "all"}, tag=f"m{n}")["taskId"] for n in range(6)]
    assert len(set(numbers)) == 6
    waiting = [link.await_result(number) for number in numbers]
    stage.waits("all", 6)
    stage.release("all")
    assert all(w.result()["content"] for w in waiting)
    assert all(link.get(number)["status"] in OVER for number in numbers)


def test_cancels_under_way(stage):
    """Cancelled between any two steps: the server hears of each."""
    link = stage.open(LEGACY)
    numbers = [begin(stage, link, {"wait": "never"}, tag=f"k{n}")["taskId"] for n in range(6)]
    Crowd([lambda n=number: link.give_up(n) for number in numbers]).join()
    for n in range(6):
        stage.heard("task cancelled", tag=f"k{n}")
    assert all(link.get(number)["status"] == "cancelled" for number in numbers)


def test_a_server_that_dies(tmp_path, events):
    for era in ("modern", "legacy"):
        with TaskStage(tmp_path, events, s=Peer(era, True)) as stage:
            stage.era = era
            link = stage.open(LEGACY)
            number = begin(stage, link, {"wait": "go"}, {"die": True}, tag="d")["taskId"]
            waiting = link.await_result(number)
            if era == "modern":
                # The next look at the task finds nobody.
                stage.release("go")
                with pytest.raises(RpcError):
                    waiting.result(30)
            else:
                stage.release("go")
                refused(lambda w=waiting: w.result(30), -32603)
            assert link.get(number)["status"] == "failed"


def test_a_shared_view_says_who_asks(tmp_path, events):
    with TaskStage(tmp_path, events, a=Peer("modern"), b=Peer("legacy")) as stage:
        link = stage.open(LEGACY, view="/mcp")
        link.answers = dict(ANSWERS)
        for name, tool, step in (("a", "play", task({"ask": {"k": entry()}})), ("b", "may", ask())):
            number = link.task(step, tag=name, name=f"{name}__{tool}")["taskId"]
            assert link.await_result(number).result()["content"]
            assert link.asked[-1]["params"]["message"].startswith(f"[{name}]")


def test_at_the_limit(tmp_path, events):
    """No room for another task: the server's own is not left behind."""
    with TaskStage(tmp_path, events, limits={"tasks": 1}, s=Peer("modern"), l=Peer("legacy")) as stage:
        link = stage.open(LEGACY, view="/mcp")
        link.task(task({"wait": "x"}), tag="one", name="s__play")
        call = link.play(task({"wait": "y"}), tag="two", name="s__play", task={})
        refused(lambda: call.result(), -32603)
        stage.heard("task cancelled", tag="two")
        call = link.play({"wait": "z"}, tag="three", name="l__may", task={})
        stage.heard("waiting", "l", tag="z")
        stage.release("z")
        assert text_of(call.result())["executions"], "at the limit it is answered when it ends"
