# SPDX-License-Identifier: Apache-2.0
"""Long calls that become tasks of the gateway's own, for clients that know tasks; their servers need not."""

import pytest

from rig import processes
from rig.dialogues import ACCEPT, ELICITATION, FORM, SAMPLED, SAMPLING, ask, entry
from rig.tasks import EXTENSION, KNOWS, LEGACY, OVER, Peer, TaskStage, refused, task, text_of

SERVERS = {
    "modern-http": Peer("modern", bare=True),
    "modern-stdio": Peer("modern", True, bare=True),
    "legacy-http": Peer("legacy", bare=True),
    "legacy-stdio": Peer("legacy", True, bare=True),
}
SOON = {"promote_after": "100ms"}
# For what has to happen before.
LATER = {"promote_after": "1s"}
PLACES = {"params": [(name, loops) for name in SERVERS for loops in (1, 2)], "ids": lambda p: f"{p[0]}-{p[1]}"}


@pytest.fixture(**PLACES)
def stage(request, tmp_path, events):
    yield from staged(request, tmp_path, events, SOON)


@pytest.fixture(**PLACES)
def patient(request, tmp_path, events):
    yield from staged(request, tmp_path, events, LATER)


def staged(request, tmp_path, events, tasks):
    name, loops = request.param
    with TaskStage(tmp_path, events, loops=loops, tasks=tasks, s=SERVERS[name]) as made:
        made.era = name.split("-")[0]
        yield made


def test_a_slow_call(stage):
    """The client that knows tasks has one, and others wait; both have the same result."""
    plain = stage.open(capabilities={}).play({"wait": "go"}, tag="plain")
    legacy = stage.open(LEGACY).play({"wait": "go"}, tag="legacy")
    stage.heard("executed", tag="plain")
    link = stage.open()
    made = link.task({"wait": "go"}, tag="known")
    number = made["taskId"]
    assert made["status"] == "working" and made["ttlMs"] == 3_600_000 and made["pollIntervalMs"] == 1000
    found = link.get(number)
    assert found["resultType"] == "complete" and found["status"] == "working" and found["taskId"] == number
    assert not plain.future.done() and not legacy.future.done()
    stage.release("go")
    outcome = link.outcome(number)
    assert plain.result()["content"] and legacy.result()["content"]
    assert text_of(outcome)["executions"] >= 1
    assert stage.open().get(number)["result"] == outcome, "as often as asked for, by whoever has the id"
    assert len(stage.seen("executed", tag="known")) == 1


def test_a_quick_call(patient):
    patient.ready()
    link = patient.open()
    result = link.play(tag="q").result()
    assert result["resultType"] == "complete" and text_of(result)
    assert len(patient.seen("executed", tag="q")) == 1


def test_how_it_ends(stage):
    link = stage.open()
    number = link.task({"wait": "e"}, {"error": {"code": -32050, "message": "no", "data": {"x": 1}}}, tag="e")["taskId"]
    stage.release("e")
    found = _settled(link, number)
    assert found["status"] == "failed"
    assert found["error"] == {"code": -32050, "message": "no", "data": {"x": 1}}
    bad = {"content": [{"type": "text", "text": "bad"}], "isError": True}
    script = {"result": {**bad, "resultType": "complete"} if stage.era == "modern" else bad}
    number = link.task({"wait": "b"}, script, tag="b")["taskId"]
    stage.release("b")
    found = _settled(link, number)
    assert found["status"] == "completed" and found["result"]["isError"] is True


def _settled(link, number):
    def look():
        found = link.get(number)
        assert found["status"] in OVER, found
        return found

    return processes.eventually(look, 15, AssertionError)


def test_cancel(stage):
    """The server hears that nobody wants it any more; the task stays cancelled."""
    link = stage.open()
    number = link.task({"wait": "never"}, tag="c")["taskId"]
    stage.heard("executed", tag="c")
    ack = link.give_up(number)
    assert set(ack) <= {"resultType", "_meta"}
    stage.heard("cancelled", tag="c")
    found = link.get(number)
    assert found["status"] == "cancelled" and "result" not in found and "error" not in found
    link.give_up(number)
    link.update(number, q1=ACCEPT)
    stage.release("never")
    assert link.get(number)["status"] == "cancelled"


def test_questions(stage):
    """Asked while it is a task: tasks/get shows the question, tasks/update answers it."""
    link = stage.open()
    if stage.era == "modern":
        script = [{"wait": "a"}, {"round": {"inputRequests": {"k": entry()}, "requestState": "r1"}},
                  {"round": {"inputRequests": {"m": entry(SAMPLING)}, "requestState": "r2"}}]  # fmt: skip
    else:
        script = [{"wait": "a"}, ask(), ask(SAMPLING)]
    number = link.task(*script, tag="q")["taskId"]
    stage.release("a")
    found = link.until(number, "input_required")
    [(key, question)] = found["inputRequests"].items()
    assert question["method"] == ELICITATION and question["params"]["requestedSchema"] == FORM
    link.update(number, other=ACCEPT)
    assert link.get(number)["inputRequests"] == found["inputRequests"]
    refused(lambda: link.update(number, **{key: {"action": "maybe"}}), -32602)
    stage.front.wire.violations[:] = [v for v in stage.front.wire.violations if "maybe" not in v]
    link.update(number, **{key: ACCEPT})

    def second():
        found = link.get(number)
        assert found["status"] == "input_required" and key not in found["inputRequests"], found
        return found

    found = processes.eventually(second, 15, AssertionError)
    [(later, question)] = found["inputRequests"].items()
    assert question["method"] == SAMPLING and later != key
    link.update(number, **{key: {"action": "cancel"}, later: SAMPLED})
    outcome = text_of(link.outcome(number))
    if stage.era == "modern":
        assert outcome["given"] == {"m": SAMPLED} and outcome["state"] == "r2"
    else:
        assert [a["result"] for a in outcome["answers"]] == [ACCEPT, SAMPLED]
        assert outcome["executions"] == 1


def test_cancel_with_an_open_question(stage):
    link = stage.open()
    if stage.era == "modern":
        script = [{"wait": "a"}, {"round": {"inputRequests": {"k": entry()}, "requestState": "r1"}}]
    else:
        script = [{"wait": "a"}, ask()]
    number = link.task(*script, tag="q")["taskId"]
    stage.release("a")
    link.until(number, "input_required")
    link.give_up(number)
    assert link.get(number)["status"] == "cancelled"
    if stage.era == "legacy":
        stage.heard("reply")


def test_a_client_that_leaves(stage):
    """After the task was handed out the connection means nothing."""
    first = stage.open()
    number = first.task({"wait": "go"}, tag="l")["taskId"]
    first.close()
    link = stage.open()
    assert link.get(number)["status"] == "working"
    stage.release("go")
    assert link.outcome(number)["content"]
    assert not stage.seen("cancelled")


def test_progress(patient):
    """Up to the moment when it becomes a task, on its stream; none for tasks."""
    stage, link = patient, patient.open()
    stage.ready()
    note = {"note": "notifications/progress", "params": {"progressToken": "@", "progress": 1}}
    later = {"note": "notifications/progress", "params": {"progressToken": "@", "progress": 2}}
    call = link.play(note, {"wait": "go"}, later, tag="p", progress=True)
    number = call.result()["taskId"]
    assert [p["progress"] for p in call.progress] == [1]
    stage.release("go")
    assert link.outcome(number)["content"]
    assert [p["progress"] for p in call.progress] == [1]
    assert not [m for m, _ in link.notes.all if m == "notifications/progress"]


@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize("name", SERVERS)
def test_the_time_of_a_task(tmp_path, events, name, loops):
    """A task may take its ttl; what is no task ends with the server's timeout."""
    peer = SERVERS[name]
    peer = Peer(peer.era, peer.pipe, bare=True, timeout="1s")
    with TaskStage(tmp_path, events, loops=loops, tasks=SOON, s=peer) as stage:
        stage.ready(3)
        links = [stage.open() for _ in range(3)]
        made = [link.task({"wait": "go"}, tag=f"t{n}")["taskId"] for n, link in enumerate(links)]
        clock = stage.open(capabilities={})
        refused(lambda: clock.play({"wait": "go"}, tag="clock").result(), -32603)
        assert [link.get(n)["status"] for link, n in zip(links, made, strict=True)] == ["working"] * 3
        stage.release("go")
        for link, number in zip(links, made, strict=True):
            assert link.outcome(number)["content"]
        assert not [e for e in stage.seen("cancelled") if e["tag"] != "clock"]


@pytest.mark.parametrize("name", SERVERS)
def test_its_time_is_over(tmp_path, events, name):
    """ttl: the server's call ends, and the task is unknown."""
    with TaskStage(tmp_path, events, tasks={**SOON, "ttl": "1s"}, s=SERVERS[name]) as stage:
        link = stage.open()
        made = link.task({"wait": "never"}, tag="slow")
        assert made["ttlMs"] == 1000
        quick = link.task({"wait": "go"}, tag="done")["taskId"]
        stage.release("go")
        assert link.outcome(quick)["content"]
        stage.heard("cancelled", tag="slow")

        def gone(number):
            refused(lambda: link.get(number), -32602)

        for number in (made["taskId"], quick):
            processes.eventually(lambda n=number: gone(n), 10, BaseException)
            refused(lambda n=number: link.update(n, q1=ACCEPT), -32602)
            refused(lambda n=number: link.give_up(n), -32602)


def test_the_toolset(tmp_path, events):
    """A server in process: its calls become tasks, too, and can be cancelled."""
    for loops in (1, 2):
        folder = tmp_path / str(loops)
        folder.mkdir()
        with TaskStage(folder, events, loops=loops, tasks=SOON, demo=True) as stage:
            link = stage.open(view="/mcp/servers/demo")
            wait = {"name": "wait", "arguments": {"milliseconds": 600}}
            made = link.request("tools/call", wait)
            assert made["resultType"] == "task"
            assert link.get(made["taskId"])["status"] == "working"
            assert _settled(link, made["taskId"])["result"]["content"]
            plain = stage.open(capabilities={}, view="/mcp/servers/demo")
            assert plain.request("tools/call", {"name": "wait", "arguments": {"milliseconds": 300}})["content"]
            assert stage.open(LEGACY, view="/mcp/servers/demo").request("tools/call", wait)["content"]
            number = link.request("tools/call", {"name": "wait", "arguments": {"milliseconds": 10000}})["taskId"]
            link.give_up(number)
            assert link.get(number)["status"] == "cancelled"
            assert link.text("echo", {"text": "x"}) == "x"


def test_no_more_tasks_than_allowed(stage_with):
    stage = stage_with(limits={"tasks": 1})
    link = stage.open()
    first = link.task({"wait": "one"}, tag="one")["taskId"]
    second = link.play({"wait": "two"}, tag="two")
    stage.heard("waiting", tag="two")
    # It has been there for longer than the first one when that became a task: asked again, nothing has changed.
    third = link.play({"wait": "three"}, tag="three")
    stage.heard("waiting", tag="three")
    stage.release("two")
    assert second.result()["resultType"] == "complete"
    stage.release("one")
    assert link.outcome(first)["content"]
    stage.release("three")
    assert third.result()["resultType"] == "complete", "a result that is kept counts"


def test_expired_tasks_make_room(stage_with):
    stage = stage_with(limits={"tasks": 1}, ttl="1s")
    link = stage.open()
    first = link.task({"wait": "never"}, tag="one")["taskId"]
    stage.heard("cancelled", tag="one")
    processes.eventually(lambda: refused(lambda: link.get(first), -32602), 10, BaseException)
    assert link.task({"wait": "go"}, tag="two")["status"] == "working"


def test_no_more_bytes_than_allowed(stage_with):
    stage = stage_with(limits={"task_bytes": "64KiB"})
    link = stage.open()
    big = {"content": [{"type": "text", "text": "x" * 50_000}], "resultType": "complete"}
    made = []
    for n in range(2):
        made.append(link.task({"wait": f"w{n}"}, {"result": big}, tag=f"b{n}")["taskId"])
        stage.release(f"w{n}")
    assert len(_settled(link, made[0])["result"]["content"][0]["text"]) == 50_000
    found = _settled(link, made[1])
    assert found["status"] == "failed" and found["error"]["code"] == -32603 and "65536" in found["error"]["message"]


@pytest.fixture
def stage_with(tmp_path, events):
    opened = []

    def make(limits=None, **tasks):
        stage = TaskStage(tmp_path, events, limits=limits, tasks={**SOON, **tasks}, s=Peer("modern", bare=True))
        opened.append(stage)
        return stage

    yield make
    for stage in opened:
        stage.__exit__(None, None, None)


@pytest.mark.parametrize("pipe", [False, True])
def test_a_server_with_tasks_of_its_own(tmp_path, events, pipe):
    """Slow to hand out its task: by then the client has ours, which follows the server's."""
    with TaskStage(tmp_path, events, tasks=SOON, s=Peer("modern", pipe)) as stage:
        link = stage.open()
        script = [{"wait": "a"}, task({"ask": {"k": entry()}}, {"wait": "b"})]
        number = link.task(*script, tag="t")["taskId"]
        stage.release("a")
        found = link.until(number, "working", "input_required")
        stage.heard("became", status="input_required")
        found = processes.eventually(lambda: _asking(link.get(number)), 15, AssertionError)
        [key] = found["inputRequests"]
        link.update(number, **{key: ACCEPT})
        stage.heard("waiting", tag="b")
        assert link.get(number)["status"] == "working"
        stage.release("b")
        assert text_of(link.outcome(number))["answers"] == {"k": ACCEPT}
        number = link.task({"wait": "c"}, task({"wait": "never"}), tag="c")["taskId"]
        stage.release("c")
        stage.heard("created", tag="c")
        stage.polled(1, tag="c")
        link.give_up(number)
        stage.heard("task cancelled", tag="c")
        assert link.get(number)["status"] == "cancelled"


def _asking(found):
    assert found["status"] == "input_required", found
    return found


def test_what_is_advertised(tmp_path, events):
    for tasks, expected in ((None, None), (SOON, {EXTENSION: {}})):
        folder = tmp_path / str(bool(tasks))
        folder.mkdir()
        with TaskStage(folder, events, tasks=tasks, s=Peer("modern", bare=True), t=Peer("modern")) as stage:
            assert stage.open().capabilities.get("extensions") == expected
            assert stage.open(view="/mcp/servers/t").capabilities["extensions"] == {EXTENSION: {}}
            assert stage.open(view="/mcp").capabilities["extensions"] == {EXTENSION: {}}
            assert "tasks" not in stage.open(LEGACY).capabilities


def test_another_process_does_not_know_it(tmp_path, events, tmp_path_factory):
    """The ids of kept tasks end with the gateway."""
    with TaskStage(tmp_path, events, tasks=SOON, s=Peer("modern", bare=True)) as stage:
        number = stage.open().task({"wait": "go"}, tag="x")["taskId"]
    with TaskStage(tmp_path_factory.mktemp("o"), events, tasks=SOON, s=Peer("modern", bare=True)) as stage:
        link = stage.open()
        link.task({"wait": "go"}, tag="x")
        refused(lambda: link.get(number), -32602)


def test_only_tool_calls(stage_with):
    """Nothing but tools/call can become a task."""
    stage = stage_with()
    link = stage.open()
    prompt = {"name": "play", "arguments": {"tag": "p", "script": '[{"wait":"p"}]'}}
    slow = link.start("prompts/get", prompt)
    stage.heard("waiting", tag="p")
    # A call that began later has become a task meanwhile.
    link.task({"wait": "t"}, tag="t")
    assert not slow.future.done()
    stage.release("p")
    assert slow.result()["messages"]


def test_a_parked_call(tmp_path, events):
    """A call that waits for answers is not promoted; taken up again, it may be."""
    with TaskStage(tmp_path, events, tasks=SOON, s=Peer("legacy", bare=True)) as stage:
        link = stage.open()
        call = link.play(ask(), {"wait": "go"}, tag="p")
        result = call.result()
        assert result["resultType"] == "input_required"
        [key] = result["inputRequests"]
        # Parked for longer than a call may take.
        other = stage.open(capabilities=KNOWS)
        other.task({"wait": "go"}, tag="o")
        made = link.again(result, {key: ACCEPT}, params=call.params).result()
        assert made["resultType"] == "task", made
        stage.release("go")
        assert text_of(link.outcome(made["taskId"]))["answers"][0]["result"] == ACCEPT


def test_many(stage):
    """On every connection and loop at once; each result reaches its own task."""
    links = [stage.open(capabilities=KNOWS) for _ in range(4)]
    calls = [links[n % 4].play({"wait": "all"}, {"result": _numbered(n, stage.era)}, tag=f"m{n}") for n in range(16)]
    made = [call.result()["taskId"] for call in calls]
    assert len(set(made)) == 16
    stage.release("all")
    for n, number in enumerate(made):
        assert links[(n + 1) % 4].outcome(number)["content"][0]["text"] == str(n)


def _numbered(n, era):
    body = {"content": [{"type": "text", "text": str(n)}]}
    return {**body, "resultType": "complete"} if era == "modern" else body

