# SPDX-License-Identifier: Apache-2.0
"""Whoever may not use a tool any more sees nothing of its tasks, whoever keeps them; they may still end them."""

import pytest

from rig.dialogues import ACCEPT, ask, entry
from rig.processes import eventually
from rig.rpc import RpcError
from rig.tasks import LEGACY, Peer, TaskStage, refused, task, text_of

# Who keeps the task: the gateway for a legacy server, a modern server its own.
KEEPERS = {"kept": Peer("legacy"), "server's": Peer("modern")}
NONE = "there is no such task, or its time is over"


def rules(*allowed, **more):
    roles = {"guest": {"allow": ["tools:s/echo", *allowed]}}
    return {"policies": [{"policy": "rbac", "roles": roles, "assignments": {"anonymous": ["guest"]}, **more}]}


@pytest.fixture(params=KEEPERS)
def stage(request, tmp_path, events):
    with TaskStage(tmp_path, events, loops=2, blocks=rules("tools:s/*"), s=KEEPERS[request.param]) as made:
        made.era = KEEPERS[request.param].era
        yield made


def begin(stage, link, *script, tag, **more):
    if stage.era == "modern":
        return link.task(task(*script), tag=tag, **more)["taskId"]
    return link.task(*script, tag=tag, name="must", **more)["taskId"]


def question(stage):
    return {"ask": {"k": entry()}} if stage.era == "modern" else ask()


def nothing(action):
    assert NONE in str(refused(action, -32602))


def forbidden(link, number):
    """Until the new rules hold on the client's lane: the log is quicker."""
    eventually(lambda: nothing(lambda: link.get(number)), 15, (AssertionError, pytest.fail.Exception))


def permitted(link, number):
    return eventually(lambda: link.get(number), 15, RpcError)


def asked(link, number):
    """The key of what a task asks."""

    def look():
        found = link.get(number)
        assert found["status"] == "input_required", found
        return list(found["inputRequests"])

    [key] = eventually(look, 15, (AssertionError, RpcError))
    return key


def test_a_task_is_decided_about_when_it_is_asked_for(stage):
    link = stage.open()
    number = begin(stage, link, question(stage), {"wait": "go"}, tag="t")
    key = asked(link, number)
    stage.reconfigure(**rules())
    forbidden(link, number)
    nothing(lambda: link.update(number, **{key: ACCEPT}))
    assert link.listen_for(number)[1] == [], "it is not listened for either"
    # With the rule it comes back, as it was.
    stage.reconfigure(**rules("tools:s/*"))
    assert permitted(link, number)["status"] == "input_required"
    link.update(number, **{key: ACCEPT})
    stage.release("go")
    assert link.until(number, "working", "completed")

    def over():
        assert link.get(number)["status"] == "completed"

    eventually(over, 15, AssertionError)


def test_it_can_be_cancelled_all_the_same(stage):
    link = stage.open()
    number = begin(stage, link, {"wait": "never"}, tag="t")
    stage.reconfigure(**rules())
    forbidden(link, number)
    link.give_up(number)
    stage.reconfigure(**rules("tools:s/*"))

    permitted(link, number)

    def over():
        assert link.get(number)["status"] == "cancelled"

    eventually(over, 15, AssertionError)


def test_news_stop_with_the_permission(stage):
    link = stage.open()
    number = begin(stage, link, {"wait": "a"}, question(stage), {"wait": "b"}, tag="t")
    mark = stage.events.mark()
    assert link.listen_for(number)[1] == [number]
    if stage.era == "modern":
        stage.heard("listening", since=mark)
    stage.reconfigure(**rules())
    forbidden(link, number)
    stage.release("a")
    stage.heard("became", since=mark, status="input_required")
    nothing(lambda: link.get(number))
    stage.reconfigure(**rules("tools:s/*"))
    link.update(number, **{asked(link, number): ACCEPT})
    stage.release("b")
    assert link.news("completed")["taskId"] == number
    told = [p["status"] for m, p in link.notes.all if m == "notifications/tasks"]
    assert "input_required" not in told, told


def test_a_rule_that_hides_is_like_one_that_denies(tmp_path, events):
    rule = {"when": "item.name == 'play'", "then": "hide"}
    hides = {"policies": [{"policy": "abac", "default": "allow", "rules": [rule]}]}
    loaded = {"plugins": [{"id": "policy-abac"}]}
    with TaskStage(tmp_path, events, blocks=loaded, s=Peer("modern")) as stage:
        link = stage.open()
        number = link.task(task({"wait": "go"}), tag="t")["taskId"]
        assert link.get(number)["status"] == "working"
        # It began before there were any rules.
        stage.reconfigure(**hides)
        forbidden(link, number)
        stage.reconfigure(policies=[])
        assert permitted(link, number)["status"] == "working"
        stage.release("go")
        assert link.outcome(number)["content"]


@pytest.mark.parametrize("keeper", ["modern", "legacy"])
def test_older_clients_wait_in_vain(tmp_path, events, keeper):
    """2025-11-25: `tasks/get` is refused at once, a `tasks/result` that waits when the task is over."""
    with TaskStage(tmp_path, events, loops=2, blocks=rules("tools:s/*"), s=Peer(keeper)) as stage:
        link = stage.open(LEGACY)
        script = {"wait": "go"}
        made = link.task(task(script), tag="t") if keeper == "modern" else link.task(script, tag="t", name="may")
        number = made["taskId"]
        stage.heard("waiting", tag="go")
        waiting = link.await_result(number)
        stage.reconfigure(**rules())
        forbidden(link, number)
        stage.release("go")
        nothing(waiting.result)
        nothing(link.await_result(number).result)
        stage.reconfigure(**rules("tools:s/*"))
        permitted(link, number)
        assert text_of(link.await_result(number).result())["executions"] == 1
