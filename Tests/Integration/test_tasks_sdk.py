# SPDX-License-Identifier: Apache-2.0
"""The experimental tasks of the official Python SDK 1.30, as server and as client. (SDK 2.3 has no tasks.)"""

import pytest

from rig import processes
from rig.dialogues import ACCEPT, ELICITATION, entry
from rig.rpc import MODERN, RpcError
from rig.tasks import ANSWERS, KNOWS, LEGACY, OVER, RELATED, Peer, TaskStage, leaks, refused, task, text_of

WAYS = {"http": False, "stdio": True}
BLUE = "accept {'colour': 'blue'}"


@pytest.fixture(params=[(way, loops) for way in WAYS for loops in (1, 2)], ids=lambda p: f"{p[0]}-{p[1]}")
def stage(request, tmp_path, events):
    way, loops = request.param
    with TaskStage(tmp_path, events, loops=loops, s=Peer("sdk1", WAYS[way])) as made:
        yield made


def call(link, name, tag, **more):
    return link.start("tools/call", {"name": name, "arguments": {"tag": tag}, **more})


def said(result):
    return result["content"][0]["text"]


def settled(link, number):
    def look():
        found = link.get(number)
        assert found["status"] in OVER, found
        return found

    return processes.eventually(look, 15, AssertionError)


def test_a_modern_client(stage):
    link = stage.open()
    number = call(link, "slow", "a").result()["taskId"]
    stage.heard("created", tag="a")
    assert link.get(number)["status"] == "working"
    stage.release("a")
    found = settled(link, number)
    assert found["status"] == "completed" and said(found["result"]) == "done a"
    number = call(link, "ask", "b").result()["taskId"]
    own = stage.own_id("b")

    def asking():
        found = link.get(number)
        assert found["status"] == "input_required", found
        return found["inputRequests"]

    [(key, question)] = processes.eventually(asking, 15, AssertionError).items()
    assert question["params"]["message"] == "Which colour?"
    link.update(number, **{key: ACCEPT})
    found = settled(link, number)
    assert said(found["result"]) == BLUE and RELATED not in found["result"].get("_meta", {})
    assert not leaks(stage, own)
    assert call(link, "quick", "c").result()["resultType"] == "complete"
    number = call(link, "slow", "d").result()["taskId"]
    link.give_up(number)
    assert link.get(number)["status"] == "cancelled"


def test_a_modern_client_without_tasks(stage):
    link = stage.open(capabilities={"elicitation": {"form": {}}})
    first = call(link, "ask", "b")
    result = first.result()
    [key] = result["inputRequests"]
    params = {"name": "ask", "arguments": {"tag": "b"}}
    assert said(link.again(result, {key: ACCEPT}, params=params).result()) == BLUE
    assert [e["task"] for e in stage.seen("executed")] == [True]
    stage.release("s")
    assert said(call(link, "slow", "s").result()) == "done s"
    assert [e["task"] for e in stage.seen("executed", tag="s")] == [False]


def test_a_legacy_client(stage):
    link = stage.open(LEGACY)
    link.answers = dict(ANSWERS)
    number = call(link, "ask", "b", task={}).result()["task"]["taskId"]
    assert said(link.await_result(number).result()) == BLUE
    assert [m["params"]["_meta"][RELATED] for m in link.asked] == [{"taskId": number}]
    assert link.get(number)["status"] == "completed"
    refused(lambda: call(link, "quick", "q", task={}).result(), -32601)
    number = call(link, "slow", "s", task={}).result()["task"]["taskId"]
    waiting = link.await_result(number)
    assert link.give_up(number)["status"] == "cancelled"
    with pytest.raises(RpcError):
        waiting.result()
    assert not leaks(stage, stage.own_id("b"))


def test_a_tool_that_breaks(stage):
    """The SDK tells of a failed task and has no result for it: whatever it is, nobody waits for ever."""
    link = stage.open()
    number = call(link, "fail", "f").result()["taskId"]
    assert settled(link, number)["status"] in ("completed", "failed")
    stage.front.wire.check()


@pytest.mark.parametrize("kind", ["modern-http", "modern-stdio", "sdk1-http", "sdk1-stdio"])
@pytest.mark.parametrize("loops", [1, 2])
def test_the_client(tmp_path, events, clients, kind, loops):
    """The SDK's own client: call_tool_as_task, get_task, get_task_result, cancel_task."""
    era, way = kind.split("-")
    with TaskStage(tmp_path, events, loops=loops, s=Peer(era, WAYS[way])) as stage:
        link = clients.open("sdk1", url=stage.base + "/mcp/servers/s", answers={ELICITATION: ACCEPT})
        try:
            if era == "modern":
                params = {"name": "play", "arguments": {"tag": "t", "script": [task({"ask": {"k": entry()}})]}}
            else:
                params = {"name": "ask", "arguments": {"tag": "t"}}
            made = link.request("tools/call", {**params, "task": {"ttl": 30000}})["task"]
            number = made["taskId"]
            assert made["ttl"] == 30000 and made["status"] == "working"
            result = link.request("tasks/result", {"taskId": number})
            assert text_of(result)["answers"] == {"k": ACCEPT} if era == "modern" else said(result) == BLUE
            assert link.request("tasks/get", {"taskId": number})["status"] == "completed"
            refused(lambda: link.request("tasks/cancel", {"taskId": number}), -32602)
            refused(lambda: link.request("tasks/get", {"taskId": "x"}), -32602)
            slow = {"name": "slow", "arguments": {"tag": "s"}}
            if era == "modern":
                slow = {"name": "play", "arguments": {"tag": "s", "script": [task({"wait": "s"})]}}
            number = link.request("tools/call", {**slow, "task": {}})["task"]["taskId"]
            assert link.request("tasks/cancel", {"taskId": number})["status"] == "cancelled"
        finally:
            link.close()


def test_sdk_and_hand_written_side_by_side(tmp_path, events):
    """One view, three kinds of servers, one client."""
    servers = {"s": Peer("sdk1"), "l": Peer("legacy", True), "m": Peer("modern")}
    with TaskStage(tmp_path, events, loops=2, **servers) as stage:
        link = stage.open(MODERN, KNOWS, view="/mcp")
        made = [
            call(link, "s__slow", "s").result()["taskId"],
            link.task({"wait": "l"}, tag="l", name="l__must")["taskId"],
            link.task(task({"wait": "m"}), tag="m", name="m__play")["taskId"],
        ]
        assert [link.get(n)["status"] for n in made] == ["working"] * 3
        for tag in "slm":
            stage.release(tag)
        assert [settled(link, n)["status"] for n in made] == ["completed"] * 3
