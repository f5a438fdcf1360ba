# SPDX-License-Identifier: Apache-2.0
"""Tasks of modern servers, handed to modern clients under ids of the gateway's own; the server keeps the task."""

import base64
import itertools
import json

import pytest

from rig import processes
from rig.dialogues import ACCEPT, ELICITATION, PARAMS, SAMPLED, SAMPLING
from rig.raw_client import header_text, modern_params
from rig.rpc import MODERN, RpcError
from rig.tasks import ABLE, ANSWERS, EXTENSION, KNOWS, Peer, TaskStage, entry, leaks, refused, task, text_of
from rig.wire_http import exchange, modern, request_bytes

WAYS = {"http": False, "stdio": True}
ASK = {"ask": {"one": entry(), "two": entry(SAMPLING)}}


@pytest.fixture(params=WAYS)
def stage(request, tmp_path, events):
    with TaskStage(tmp_path, events, s=Peer("modern", WAYS[request.param])) as made:
        yield made


def test_life_of_a_task(stage):
    """working, input_required, working, completed: each state as the server says it, under our id throughout."""
    link = stage.open()
    made = link.task(task({"say": "begun"}, {"wait": "a"}, ASK, {"wait": "b"}, ttl=60000, poll=200), tag="t")
    own = stage.own_id("t")
    assert made["status"] == "working" and made["ttlMs"] == 60000 and made["pollIntervalMs"] == 200
    assert made["createdAt"] == "2026-02-03T04:05:06.789Z"
    number = made["taskId"]
    assert number != own and own not in number
    stage.heard("waiting", tag="a")
    found = link.get(number)
    assert (found["resultType"], found["taskId"], found["status"]) == ("complete", number, "working")
    assert found["statusMessage"] == "begun" and found["ttlMs"] == 60000
    stage.release("a")
    stage.heard("became", status="input_required")
    found = link.get(number)
    assert found["status"] == "input_required" and set(found["inputRequests"]) == {"one", "two"}
    assert found["inputRequests"]["one"]["params"]["message"] == PARAMS[ELICITATION]["message"]
    assert link.get(number) == found, "shown as often as asked for"
    ack = link.update(number, one=ACCEPT)
    assert set(ack) <= {"resultType", "_meta"}
    found = link.get(number)
    assert set(found["inputRequests"]) == {"two"}, "partial answers are taken"
    link.update(number, two=SAMPLED, one={"action": "cancel"}, nine={"action": "cancel"})
    stage.heard("waiting", tag="b")
    assert link.get(number)["status"] == "working"
    stage.release("b")
    stage.heard("became", status="completed")
    found = link.get(number)
    assert found["status"] == "completed" and "inputRequests" not in found
    answers = text_of(found["result"])["answers"]
    assert answers["one"] == ACCEPT and answers["two"] == SAMPLED
    assert link.get(number)["result"] == found["result"], "the result stays"
    assert not leaks(stage, own)
    assert {m["params"]["taskId"] for m in stage.messages("tasks/get")} == {own}


def test_failed_and_tool_errors(stage):
    link = stage.open()
    made = link.task(task({"error": {"code": -32050, "message": "no luck", "data": {"x": [1]}}}), tag="f")
    stage.heard("became", status="failed")
    found = link.get(made["taskId"])
    assert found["status"] == "failed" and found["statusMessage"] == "no luck"
    assert found["error"] == {"code": -32050, "message": "no luck", "data": {"x": [1]}}
    bad = {"content": [{"type": "text", "text": "no"}], "isError": True, "resultType": "complete"}
    made = link.task(task({"result": bad}), tag="e")
    stage.heard("became", tag="e", status="completed")
    found = link.get(made["taskId"])
    assert found["status"] == "completed" and found["result"]["isError"] is True


def test_cancelled_by_the_client(stage):
    link = stage.open()
    made = link.task(task({"wait": "never"}), tag="c")
    own = stage.own_id("c")
    ack = link.give_up(made["taskId"])
    assert set(ack) <= {"resultType", "_meta"}
    assert stage.heard("task cancelled")["id"] == own
    stage.heard("became", status="cancelled")
    found = link.get(made["taskId"])
    assert found["status"] == "cancelled" and "result" not in found and "error" not in found
    link.give_up(made["taskId"])
    assert len(stage.seen("task cancelled")) == 2, "the server decides what a second one means"


def test_cancelled_by_the_server(stage):
    link = stage.open()
    made = link.task(task({"cancelled": True}), tag="c")
    stage.heard("became", status="cancelled")
    assert link.get(made["taskId"])["statusMessage"] == "the server gave up"


def test_a_task_that_its_server_forgot(stage):
    link = stage.open()
    made = link.task(task({"wait": "go"}, {"vanish": True}), tag="v")
    number = made["taskId"]
    assert link.get(number)["status"] == "working"
    stage.release("go")

    def gone():
        error = refused(lambda: link.get(number), -32602)
        assert stage.own_id("v") not in str(error), "the server's id is nobody's business"

    processes.eventually(gone, 10, BaseException)
    refused(lambda: link.update(number, one=ACCEPT), -32602)
    refused(lambda: link.give_up(number), -32602)


def test_who_declares_it(stage):
    """The extension is declared upstream exactly where the client declared it."""
    link = stage.open(capabilities={})
    result = link.play(task(), tag="n").result()
    assert result["resultType"] == "complete"
    assert EXTENSION not in text_of(result)["capabilities"].get("extensions", {})
    assert not stage.seen("created")
    for version in ("2025-06-18", "2025-11-25"):
        result = stage.open(version).play(task(), tag="l").result()
        assert "extensions" not in text_of(result)["capabilities"]
    link = stage.open(capabilities=KNOWS)
    link.task(task({"wait": "x"}), tag="y")
    stage.heard("created", tag="y")
    [sent] = [m for m in stage.messages("tools/call") if m["params"]["arguments"]["tag"] == "y"]
    declared = sent["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"]
    assert declared == KNOWS


def test_undeclared(stage):
    """Every method needs the extension declared with that very request."""
    able, bare = stage.open(), stage.open(capabilities={"elicitation": {}})
    number = able.task(task({"wait": "x"}), tag="u")["taskId"]
    for action in (bare.get, bare.give_up, lambda n: bare.update(n, one=ACCEPT)):
        error = refused(lambda act=action: act(number), -32021)
        assert error.data == {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
    refused(lambda: bare.get("nonsense"), -32021)
    error = refused(
        lambda: bare.request("subscriptions/listen", {"notifications": {"taskIds": [number]}}), -32021
    )
    assert error.data == {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
    assert not stage.seen("task cancelled") and not stage.seen("get")


@pytest.fixture
def bad(tmp_path, events):
    """Clients break rules here."""
    with TaskStage(tmp_path, events, bad_client=True, s=Peer("modern")) as made:
        yield made


def test_methods_that_are_gone(bad):
    link = bad.open()
    number = link.task(task({"wait": "x"}), tag="u")["taskId"]
    refused(lambda: link.request("tasks/list"), -32601)
    refused(lambda: link.request("tasks/result", {"taskId": number}), -32601)


def test_the_name_header(bad):
    """Mcp-Name repeats params.taskId (Tasks, Streamable HTTP: Routing Headers)."""
    link = bad.open()
    number = link.task(task({"wait": "x"}), tag="h")["taskId"]

    def send(method, name, **params):
        body = modern_params({"taskId": number, **params}, ABLE)
        data = modern(method, body, {"Mcp-Name": name}, path="/mcp/servers/s")
        return exchange(bad.gateway.port, data)

    for method in ("tasks/get", "tasks/cancel", "tasks/update"):
        more = {"inputResponses": {}} if method == "tasks/update" else {}
        for name in (None, "", "other", number + "x", number[:-1], number.swapcase(), header_text(number + "ä")):
            answer = send(method, name, **more)
            assert answer.status == 400 and answer.json["error"]["code"] == -32020, (method, name, answer)
    assert not bad.seen("task cancelled")
    sentinel = "=?base64?" + base64.b64encode(number.encode()).decode() + "?="
    for name in (number, sentinel):
        assert send("tasks/get", name).json["result"]["status"] == "working"


def test_wrong_ids(bad, tmp_path_factory, events):
    """What is not an id of ours is no task, whatever it looks like."""
    link = bad.open()
    number = link.task(task({"wait": "x"}), tag="w")["taskId"]
    own = bad.own_id("w")
    half = len(number) // 2
    tried = [own, "", " ", "x", number[:-1], number[:half], number + "A", number * 2, number[1:], number[::-1]]
    for at in range(0, len(number), 7):
        tried.append(number[:at] + ("A" if number[at] != "A" else "B") + number[at + 1 :])
    tried.append("A" * 60000)
    for wrong in tried:
        if wrong == number:
            continue
        for method in ("tasks/get", "tasks/cancel"):
            refused(lambda m=method, w=wrong: link.request(m, {"taskId": w}), -32602)
        refused(lambda w=wrong: link.update(w, one=ACCEPT), -32602)
    for wrong in (None, 7, {}, [number], True, ...):
        params = modern_params({} if wrong is ... else {"taskId": wrong}, ABLE)
        message = {"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": params}
        headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tasks/get", "Mcp-Name": "x"}
        answer = exchange(bad.gateway.port, request_bytes(message, headers, "/mcp/servers/s"))
        assert answer.status == 400 and answer.json["error"]["code"] in (-32602, -32020)
    assert not bad.seen("task cancelled") and not bad.seen("get") and not bad.seen("update")
    assert link.get(number)["status"] == "working"
    with TaskStage(tmp_path_factory.mktemp("other"), events, bad_client=True, s=Peer("modern")) as other:
        refused(lambda: other.open().get(number), -32602)


def test_ids_are_never_the_same(stage):
    """The same task of the server, handed out twice: nobody can tell from the id; nothing in it can be guessed."""
    link = stage.open()
    made = [link.task(task({"wait": "x"}, id=f"n{n}"), tag=f"n{n}")["taskId"] for n in range(20)]
    assert len(set(made)) == 20
    assert all(len(m) >= 32 and m.isascii() and m.isprintable() and m == m.strip() for m in made)
    for one, other in itertools.pairwise(made):
        assert sum(a != b for a, b in zip(one, other, strict=False)) > 20, "the next one could be guessed"


def test_equal_ids_of_several_servers(tmp_path, events):
    with TaskStage(tmp_path, events, a=Peer("modern"), b=Peer("modern", True), c=Peer("modern")) as stage:
        link = stage.open(view="/mcp")
        made = {}
        for name in "abc":
            text = {"content": [{"type": "text", "text": name}], "resultType": "complete"}
            step = task({"wait": name}, {"result": text}, id="job-1")
            made[name] = link.task(step, tag=name, name=f"{name}__play")["taskId"]
        assert len(set(made.values())) == 3
        for name in "cab":
            assert link.get(made[name])["status"] == "working"
            stage.release(name)
            assert link.outcome(made[name])["content"][0]["text"] == name
        for name in "ab":
            # Where the server is not shown, its tasks are not either.
            other = stage.open(view=f"/mcp/servers/{'b' if name == 'a' else 'a'}")
            refused(lambda n=name, o=other: o.get(made[n]), -32602)
            assert stage.open(view=f"/mcp/servers/{name}").get(made[name])["status"] == "completed"


def test_a_shared_view_says_who_asks(tmp_path, events):
    with TaskStage(tmp_path, events, a=Peer("modern"), b=Peer("modern")) as stage:
        link = stage.open(view="/mcp")
        made = link.task(task(ASK, {"wait": "end"}), tag="q", name="a__play")
        stage.heard("became", "a", status="input_required")
        found = link.get(made["taskId"])
        assert found["inputRequests"]["one"]["params"]["message"].startswith("[a]")
        _, accepted = link.listen_for(made["taskId"])
        assert accepted == [made["taskId"]]
        stage.heard("listening", "a")
        link.update(made["taskId"], one=ACCEPT, two=SAMPLED)
        stage.heard("waiting", "a", tag="end")
        assert link.get(made["taskId"])["status"] == "working"
        stage.release("end")
        assert link.news("completed")["result"]["content"]


def all_up(gateway, count):
    endpoints = json.loads(gateway.get("/healthz?servers=1")[1])["servers_detail"]["s"]["endpoints"]
    assert [endpoint["state"] for endpoint in endpoints] == ["up"] * count, endpoints


def test_the_endpoint_that_has_it(tmp_path, events):
    """Several endpoints of one server: what is said about a task goes where the task is."""
    routing = {"strategy": "round-robin"}
    with TaskStage(tmp_path, events, s=Peer("modern", copies=2, routing=routing)) as stage:
        link = stage.open()
        processes.eventually(lambda: all_up(stage.gateway, 2), 15, AssertionError)
        made = [link.task(task(ASK), tag=f"e{n}")["taskId"] for n in range(4)]
        places = [len(stage.events.since(stage.mark, "created", label=stage.label("s", copy))) for copy in (0, 1)]
        assert places == [2, 2], "both endpoints make tasks"
        for number in made:
            assert link.until(number, "input_required")["inputRequests"]
            link.update(number, one=ACCEPT, two=SAMPLED)
            assert text_of(link.outcome(number))["answers"]["one"] == ACCEPT
            link.give_up(number)


def test_questions_before_the_task(stage):
    """A round of questions first (MRTR), then the task."""
    link = stage.open()
    script = [{"round": {"inputRequests": {"k": entry()}, "requestState": "r"}}, task({"wait": "x"})]
    call = link.play(*script, tag="r")
    result = call.result()
    assert result["resultType"] == "input_required"
    made = link.again(result, {"k": ANSWERS[ELICITATION]}, params=call.params).result()
    assert made["resultType"] == "task"
    assert link.get(made["taskId"])["status"] == "working"


@pytest.mark.parametrize("way", WAYS)
def test_tasks_on_any_loop(tmp_path, events, way):
    """Made on one connection, asked about on others, whatever loop those come to."""
    with TaskStage(tmp_path, events, loops=2, s=Peer("modern", WAYS[way])) as stage:
        links = [stage.open() for _ in range(4)]
        for n in range(12):
            made = links[n % 4].task(task(ASK, {"wait": f"w{n}"}), tag=f"l{n}")["taskId"]
            assert links[(n + 1) % 4].until(made, "input_required")["inputRequests"]
            links[(n + 2) % 4].update(made, one=ACCEPT, two=SAMPLED)
            links[n % 4].until(made, "working")
            stage.release(f"w{n}")
            assert text_of(links[(n + 3) % 4].outcome(made))["answers"]["two"] == SAMPLED


def test_it_outlives_the_client(stage):
    """The task belongs to nobody's connection."""
    first = stage.open()
    number = first.task(task({"wait": "x"}), tag="o")["taskId"]
    first.close()
    stage.release("x")
    assert stage.open().outcome(number)["content"]


def test_it_outlives_a_reload(stage):
    link = stage.open()
    number = link.task(task({"wait": "x"}), tag="o")["taskId"]
    value = json.dumps(link.get(number))
    stage.gateway.config.write_text(stage.gateway.config.read_text() + "\n# touched\n")
    stage.gateway.reload()
    stage.gateway.log.wait("configuration", 10)
    assert json.dumps(link.get(number)) == value
    stage.release("x")
    assert link.outcome(number)["content"]


def test_a_server_that_answers_tasks_unasked(tmp_path, events):
    """A task for a client that did not declare the extension would be lost: it is an error of the server's."""
    with TaskStage(tmp_path, events, bad_server=True, bad_client=True, s=Peer("modern")) as stage:
        link = stage.open(capabilities={})
        body = {"resultType": "task", "taskId": "zzz", "status": "working", "createdAt": "x", "lastUpdatedAt": "x"}
        error = refused(lambda: link.play({"result": {**body, "ttlMs": None}}, tag="x").result(), -32603)
        assert "task" in str(error) and "zzz" not in str(error)
        link = stage.open()
        for broken in ({"taskId": 7}, {"taskId": ""}, {"status": "odd"}, {"taskId": "i" * 5000}, {"createdAt": 1}):
            step = {"result": {**body, "ttlMs": None, **broken}}
            with pytest.raises(RpcError):
                link.play(step, tag="x").result()
        number = link.play({"result": {**body, "ttlMs": 1.5, "pollIntervalMs": -3}}, tag="y").result()
        assert number["resultType"] == "task" and number["pollIntervalMs"] >= 0
