# SPDX-License-Identifier: Apache-2.0
"""The rig's own words for tasks: what is right passes, every mistake is caught."""

import pytest

from rig.raw_client import modern_headers, modern_params
from rig.rpc import MODERN
from rig.schema import answer_problems, call_problems
from rig.tasks import KNOWS, LEGACY

TASK = {"taskId": "x", "status": "working", "createdAt": "a", "lastUpdatedAt": "b", "ttlMs": None}
CONTENT = {"content": [{"type": "text", "text": "x"}]}
STATES = {
    "working": {},
    "input_required": {"inputRequests": {"k": {"method": "roots/list"}}},
    "completed": {"result": CONTENT},
    "failed": {"error": {"code": 1, "message": "x"}},
    "cancelled": {},
}


def answer(**result):
    return {"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete", **result}}


@pytest.mark.parametrize("status", STATES)
def test_states(status):
    good = {**TASK, "status": status, **STATES[status]}
    assert not answer_problems(answer(**good), "tasks/get", MODERN)
    for wrong in (
        {**good, "resultType": "task"}, {**good, "taskId": ""}, {**good, "status": "done"}, {**good, "ttlMs": "1"},
        {**good, "pollIntervalMs": 1.5}, {k: v for k, v in good.items() if k != "ttlMs"},
        {k: v for k, v in good.items() if k != "createdAt"},
    ):  # fmt: skip
        assert answer_problems(answer(**wrong), "tasks/get", MODERN), wrong
    for other, payload in STATES.items():
        if payload and other != status:
            assert answer_problems(answer(**good, **payload), "tasks/get", MODERN), (status, other)
    if STATES[status]:
        assert answer_problems(answer(**TASK | {"status": status}), "tasks/get", MODERN)


def test_created():
    made = {**answer(**TASK), "id": 1}
    made["result"]["resultType"] = "task"
    assert not answer_problems(made, "tools/call", MODERN)
    del made["result"]["taskId"]
    assert answer_problems(made, "tools/call", MODERN)
    legacy = {k: v for k, v in TASK.items() if k != "ttlMs"}
    good = {"jsonrpc": "2.0", "id": 1, "result": {"task": {**legacy, "ttl": 5}}}
    assert not answer_problems(good, "tools/call", LEGACY)
    assert answer_problems(good, "tools/call", "2025-06-18")
    assert answer_problems({**good, "result": {"task": legacy}}, "tools/call", LEGACY)


def test_requests():
    def request(method, **params):
        return {"jsonrpc": "2.0", "id": 1, "method": method, "params": modern_params(params, KNOWS)}

    for method in ("tasks/get", "tasks/cancel"):
        assert not call_problems(request(method, taskId="x"), MODERN, "Client")
        assert call_problems(request(method), MODERN, "Client")
        assert call_problems(request(method, taskId="x"), MODERN, "Server")
        assert call_problems(request(method, taskId="x"), "2025-06-18", "Client")
        assert modern_headers(method, {"taskId": "x"})["Mcp-Name"] == "x"
    accepted = {"k": {"action": "accept", "content": {}}}
    assert not call_problems(request("tasks/update", taskId="x", inputResponses=accepted), MODERN, "Client")
    assert call_problems(request("tasks/update", taskId="x"), MODERN, "Client")
    assert call_problems(request("tasks/update", taskId="x", inputResponses=[]), MODERN, "Client")
    for method in ("tasks/list", "tasks/result"):
        assert call_problems(request(method, taskId="x"), MODERN, "Client")


def test_news():
    meta = {"_meta": {"io.modelcontextprotocol/subscriptionId": 1}}
    good = {"jsonrpc": "2.0", "method": "notifications/tasks", "params": {**TASK, **meta}}
    assert not call_problems(good, MODERN, "Server")
    assert call_problems(good, MODERN, "Client") and call_problems(good, LEGACY, "Server")
    assert call_problems({**good, "params": TASK}, MODERN, "Server"), "nobody's"
    assert call_problems({**good, "params": {**TASK, **meta, "status": "completed"}}, MODERN, "Server")
