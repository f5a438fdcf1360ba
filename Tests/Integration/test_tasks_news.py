# SPDX-License-Identifier: Apache-2.0
"""`notifications/tasks` on a `subscriptions/listen` with taskIds: of kept tasks and of tasks that a server keeps."""

import pytest

from rig.dialogues import ACCEPT, ask, entry
from rig.tasks import EXTENSION, Peer, TaskStage, leaks, refused, task, text_of

SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
KINDS = {
    "modern-http": Peer("modern"),
    "modern-stdio": Peer("modern", True),
    "legacy-http": Peer("legacy"),
    "legacy-stdio": Peer("legacy", True),
}


@pytest.fixture(params=[(name, loops) for name in KINDS for loops in (1, 2)], ids=lambda p: f"{p[0]}-{p[1]}")
def stage(request, tmp_path, events):
    name, loops = request.param
    with TaskStage(tmp_path, events, loops=loops, s=KINDS[name]) as made:
        made.era = name.split("-")[0]
        yield made


def begin(stage, link, *script, tag, **more):
    if stage.era == "modern":
        return link.task(task(*script), tag=tag, **more)["taskId"]
    return link.task(*script, tag=tag, name="must", **more)["taskId"]


def question(stage):
    return {"ask": {"k": entry()}} if stage.era == "modern" else ask()


def listen(stage, link, *numbers):
    call, accepted = link.listen_for(*numbers)
    if stage.era == "modern" and accepted:
        stage.heard("listening")
    return call, accepted


def test_every_state(stage):
    """Each change tells all that tasks/get would tell, under our id."""
    link = stage.open()
    number = begin(stage, link, {"wait": "a"}, question(stage), {"wait": "b"}, tag="t")
    _, accepted = listen(stage, link, number)
    assert accepted == [number]
    stage.release("a")
    news = link.news("input_required")
    assert news["taskId"] == number and news["_meta"][SUBSCRIPTION]
    shown = link.get(number)
    assert news["inputRequests"] == shown["inputRequests"] and news["lastUpdatedAt"] == shown["lastUpdatedAt"]
    [key] = news["inputRequests"]
    link.update(number, **{key: ACCEPT})
    assert "inputRequests" not in link.news("working")
    stage.release("b")
    news = link.news("completed")
    assert text_of(news["result"])["answers"]
    assert news["result"] == link.get(number)["result"]
    assert not leaks(stage, stage.own_id("t"))


def test_failed_and_cancelled(stage):
    link = stage.open()
    number = begin(stage, link, {"wait": "a"}, {"error": {"code": -32050, "message": "no"}}, tag="f")
    listen(stage, link, number)
    stage.release("a")
    assert link.news("failed")["error"] == {"code": -32050, "message": "no"}
    other = stage.open()
    number = begin(stage, other, {"wait": "never"}, tag="c")
    mark = stage.events.mark()
    _, accepted = other.listen_for(number)
    assert accepted == [number]
    if stage.era == "modern":
        stage.heard("listening", since=mark)
    other.give_up(number)
    assert other.news("cancelled")["taskId"] == number
    assert [p["status"] for m, p in other.notes.all if m == "notifications/tasks"] == ["cancelled"], "told once"


def test_who_hears_it(stage):
    """Those who named the task, on any connection, once for each subscription; nobody else."""
    first, second, third = (stage.open() for _ in range(3))
    one = begin(stage, first, {"wait": "one"}, tag="one")
    two = begin(stage, first, {"wait": "two"}, tag="two")
    assert first.listen_for(one, two)[1] == [one, two]
    assert second.listen_for(two, two)[1] == [two], "each once"
    call = third.start("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    third.notes.wait("notifications/subscriptions/acknowledged")
    if stage.era == "modern":
        for tag in ("one", "two"):
            stage.heard("listening", ids=[stage.own_id(tag)])
    stage.release("one")
    assert first.news("completed")["taskId"] == one
    stage.release("two")
    assert first.news("completed")["taskId"] == two
    assert second.news("completed")["taskId"] == two
    assert [p["taskId"] for m, p in second.notes.all if m == "notifications/tasks"] == [two]
    assert not [m for m, _ in third.notes.all if m == "notifications/tasks"]
    call.cancel()


def test_ids_that_are_none(stage):
    """The acknowledgement lists what is honoured."""
    link = stage.open()
    number = begin(stage, link, {"wait": "x"}, tag="t")
    call, accepted = listen(stage, link, "nonsense", number, stage.own_id("t"), number[:-2])
    assert accepted == [number]
    call.cancel()
    assert stage.open().listen_for("nonsense")[1] == []


def test_undeclared(stage):
    link = stage.open(capabilities={})
    error = refused(lambda: link.request("subscriptions/listen", {"notifications": {"taskIds": ["x"]}}), -32021)
    assert error.data == {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
    call = link.start("subscriptions/listen", {"notifications": {"taskIds": []}})
    assert "taskIds" not in link.notes.wait("notifications/subscriptions/acknowledged")["notifications"]
    call.cancel()


def test_who_stops_listening(tmp_path, events):
    """The server is listened to while somebody listens here, once for all of them."""
    with TaskStage(tmp_path, events, loops=2, s=Peer("modern")) as stage:
        links = [stage.open() for _ in range(3)]
        number = links[0].task(task({"wait": "a"}, {"say": "x"}, {"wait": "b"}), tag="t")["taskId"]
        calls = [link.listen_for(number)[0] for link in links]
        stage.heard("listening")
        stage.release("a")
        for link in links:
            assert link.news("working")["statusMessage"] == "x"
        assert len(stage.seen("listening")) == 1
        for call in calls[:2]:
            call.cancel()
        stage.release("b")
        assert links[2].news("completed")
        stage.heard("unheard")
        mark = stage.events.mark()
        other = links[0].task(task({"wait": "c"}), tag="u")["taskId"]
        call, _ = links[0].listen_for(other)
        stage.heard("listening", since=mark)
        call.cancel()
        stage.heard("unheard", since=mark)


def test_promoted_calls(tmp_path, events):
    for loops in (1, 2):
        folder = tmp_path / str(loops)
        folder.mkdir()
        tasks = {"promote_after": "100ms"}
        with TaskStage(folder, events, loops=loops, tasks=tasks, s=Peer("modern", bare=True), demo=True) as stage:
            link = stage.open(view="/mcp")
            number = link.task({"wait": "go"}, tag="t", name="s__play")["taskId"]
            wait = {"name": "demo__wait", "arguments": {"milliseconds": 500}}
            demo = link.request("tools/call", wait)["taskId"]
            assert link.listen_for(number, demo)[1] == [number, demo]
            stage.release("go")
            results = {}
            while len(results) < 2:
                news = link.news("completed")
                results[news["taskId"]] = news["result"]
            assert set(results) == {number, demo} and all(r["content"] for r in results.values())


def test_many_tasks(stage):
    link = stage.open()
    numbers = [begin(stage, link, {"wait": "all"}, tag=f"m{n}") for n in range(8)]
    assert link.listen_for(*numbers)[1] == numbers
    if stage.era == "modern":
        for n in range(8):
            stage.heard("listening", ids=[stage.own_id(f"m{n}")])
    stage.waits("all", 8)
    stage.release("all")
    left = set(numbers)
    while left:
        left.discard(link.news("completed")["taskId"])


def test_no_other_messages(stage):
    """No progress and no log messages on such a stream; nothing after the end of a task."""
    link = stage.open()
    note = {"note": "notifications/progress", "params": {"progressToken": "@", "progress": 1}}
    script = [{"wait": "a"}] + ([note] if stage.era == "legacy" else [])
    number = begin(stage, link, *script, tag="p", progress=True)
    listen(stage, link, number)
    stage.release("a")
    link.news("completed")
    assert link.get(number)["status"] == "completed"
    kinds = {m for m, _ in link.notes.all}
    assert kinds == {"notifications/subscriptions/acknowledged", "notifications/tasks"}
