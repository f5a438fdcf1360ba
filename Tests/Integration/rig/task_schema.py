# SPDX-License-Identifier: Apache-2.0
"""Messages about tasks: the extension of 2026-07-28 in words of our own (its schema is no part of the core's), and
what the schema of 2025-11-25 leaves open. Revision calls extend() for each revision."""

EXTENSION = "io.modelcontextprotocol/tasks"
TEXT, COUNT, ANY_OBJECT = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "object"}


def ref(name):
    return {"$ref": "#/$defs/" + name}


def obj(properties, **more):
    return {"type": "object", "properties": properties, "required": list(properties), **more}


def detailed():
    """A task with what its state must and must not hold."""
    payloads = {
        "working": {},
        "input_required": {"inputRequests": {**ref("InputRequests"), "minProperties": 1}},
        "completed": {"result": {**ANY_OBJECT, "required": ["content"]}},
        "failed": {"error": obj({"code": {"type": "integer"}, "message": TEXT})},
        "cancelled": {},
    }
    kinds = []
    for status, payload in payloads.items():
        others = [{"required": [m]} for m in ("inputRequests", "result", "error") if m not in payload]
        kinds.append({**obj({"status": {"const": status}, **payload}), "not": {"anyOf": others}})
    return {"allOf": [ref("Task"), {"oneOf": kinds}]}


def request(method, **params):
    fields = obj({**params, "_meta": ref("RequestMetaObject")})
    return obj({"jsonrpc": {"const": "2.0"}, "id": ref("RequestId"), "method": {"const": method}, "params": fields})


def result(kind, *more):
    return {"allOf": [ref("Result"), obj({"resultType": {"const": kind}}), *more]}


def extend_modern(revision):
    task = obj({"taskId": {**TEXT, "minLength": 1}, "createdAt": TEXT, "lastUpdatedAt": TEXT})
    task["properties"] |= {
        "status": {"enum": ["working", "input_required", "completed", "failed", "cancelled"]},
        "ttlMs": {"anyOf": [COUNT, {"type": "null"}]},
        "pollIntervalMs": COUNT,
        "statusMessage": TEXT,
    }
    task["required"] += ["status", "ttlMs"]
    notice = {"allOf": [ref("DetailedTask"), obj({"_meta": obj({"io.modelcontextprotocol/subscriptionId": {}})})]}
    defs = {
        "Task": task,
        "DetailedTask": detailed(),
        "CreateTaskResult": result("task", ref("Task")),
        "GetTaskRequest": request("tasks/get", taskId=TEXT),
        "GetTaskResult": result("complete", ref("DetailedTask")),
        "UpdateTaskRequest": request("tasks/update", taskId=TEXT, inputResponses=ref("InputResponses")),
        "UpdateTaskResult": result("complete"),
        "CancelTaskRequest": request("tasks/cancel", taskId=TEXT),
        "CancelTaskResult": result("complete"),
        "TaskNotification": obj(
            {"jsonrpc": {"const": "2.0"}, "method": {"const": "notifications/tasks"}, "params": notice}
        ),
    }
    assert not set(defs) & set(revision.defs)
    revision.defs |= defs
    answer = revision.defs["CallToolResultResponse"]["properties"]
    is_task = {"properties": {"resultType": {"const": "task"}}}
    answer["result"] = {"if": is_task, "then": ref("CreateTaskResult"), "else": answer["result"]}
    revision.defs["SubscriptionFilter"]["properties"]["taskIds"] = {"type": "array", "items": TEXT}
    requests = {"tasks/get": "GetTask", "tasks/update": "UpdateTask", "tasks/cancel": "CancelTask"}
    revision.by_method |= {method: stem + "Request" for method, stem in requests.items()}
    revision.by_method["notifications/tasks"] = "TaskNotification"
    revision.senders["Client"] |= set(requests)
    revision.senders["Server"].add("notifications/tasks")


def extend(revision):
    if revision.version == "2026-07-28":
        extend_modern(revision)
    elif revision.version == "2025-11-25":
        # A call with `params.task` is answered by a task; the schema knows no answer that depends on the request.
        revision.defs["CallToolOwnResult"] = revision.defs["CallToolResult"]
        revision.defs["CallToolResult"] = {"anyOf": [ref("CallToolOwnResult"), ref("CreateTaskResult")]}
