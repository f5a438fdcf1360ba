# SPDX-License-Identifier: Apache-2.0
"""tools-composite behind a gateway: tools that call tools of several real servers at once."""

import json
import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from rig.gateway import command_line, native, serving, stdio, write
from rig.peers import HttpServer, server_command
from rig.processes import eventually
from rig.raw_client import RawHttpClient
from rig.rpc import MODERN

LONG = 30000


def target(server, tool, **more):
    return {"server": server, "tool": tool, **more}


def adds(*offsets, **more):
    """Targets on a, b, c that add these to the argument `a`."""
    return [target(s, "add", constants={"b": n}, **more) for s, n in zip("abc", offsets)]


def slow(server, **more):
    """A target that sleeps longer than any test and says when it is cancelled."""
    return target(server, "slow", constants={"ms": LONG}, drop=["a"], label=f"slow {server}", **more)


COMPOSITES = {
    "every": {"mode": "all", "targets": adds(1, 2, 3)},
    "agreed": {"mode": "vote", "targets": adds(1, 1, 2), "compare": "/sum"},
    "split": {"mode": "vote", "targets": adds(1, 2, 3), "compare": "/sum"},
    "early": {"mode": "vote", "targets": [*adds(1, 1), slow("c")]},
    "one": {"mode": "first", "targets": [slow("a"), slow("b"), *adds(0, 0, 5)[2:]]},
    "partly": {
        "mode": "all",
        "timeout_ms": 700,
        "targets": [
            *adds(1)[:1],
            target("b", "fail", constants={"message": "out of order"}),
            slow("c"),
            target("gone", "add"),
            target("a", "refuse", label="refusing", constants={"code": -32011, "message": "not today"}),
        ],
    },
    "needs": {
        "mode": "all",
        "quorum": 2,
        "targets": [*adds(1)[:1], target("b", "fail"), target("c", "fail")],
    },
    "own": {"mode": "all", "targets": [slow("a", timeout_ms=300), *adds(0, 1)[1:]]},
    "waits": {"mode": "all", "targets": [slow("a"), slow("b"), slow("c")]},
    "merged": {"mode": "merge", "targets": [target(s, "whoami") for s in "abc"]},
    "quick": {"mode": "race", "targets": [target(s, "echo") for s in "abc"]},
    "unsafe": {"mode": "race", "targets": [target("a", "add"), target("b", "slow")]},
    "forced": {"mode": "race", "allow_unsafe": True, "targets": [slow("a"), *adds(0, 4)[1:]]},
    "hedged": {
        "mode": "hedge",
        "delay_ms": 150,
        "allow_unsafe": True,
        "targets": [slow("a"), *adds(0, 7)[1:]],
    },
    "asking": {"mode": "all", "targets": [target(s, "ask", constants={"kind": "elicitation"}) for s in "ac"]},
    "meta": {"mode": "all", "targets": [target("a", "meta")]},
    "loop": {"mode": "all", "targets": [{"endpoint": "/mcp", "tool": "many__loop"}]},
    "nested": {"mode": "all", "targets": [target("many", "agreed"), target("more", "again")]},
    "mapped": {
        "mode": "all",
        "targets": [target(s, "echo", rename={"words": "text"}) for s in "ab"],
    },
}


@pytest.fixture(scope="module", params=["inproc", "cell"])
def gateway(request, events, tmp_path_factory):
    """a and b are modern, over HTTP and stdio; c is a legacy server; `gone` refuses connections."""
    first = HttpServer("sdk2", "--label", "a", events=events)
    with first as a, HttpServer("sdk1", "--label", "c", events=events) as c:
        servers = {
            "a": {"url": a.url},
            "b": stdio(server_command("sdk2", "--stdio", "--label", "b", events=events)),
            "c": {"url": c.url},
            "gone": {"url": "http://127.0.0.1:9/mcp"},
            "many": {"plugin": "tools-composite", "composites": COMPOSITES},
            "more": {
                "plugin": "tools-composite",
                "composites": {"again": {"mode": "all", "targets": [target("many", "every")]}},
            },
        }
        placed = {"plugins": [{"id": "tools-composite", "placement": request.param}]}
        path = tmp_path_factory.mktemp("composite") / "c.yaml"
        with serving(write(path, native(servers, **placed))) as gateway:
            gateway.listed("a", "b", "c", "many", "more")
            yield gateway


@pytest.fixture(scope="module")
def client(gateway):
    with RawHttpClient(gateway.server_url("many"), MODERN) as client:
        yield client


def structured(result):
    return result["structuredContent"]


def statuses(result):
    report = result.get("structuredContent") or {}
    if "answers" not in report:
        report = result["_meta"]["jackfield/composite"]
    return {a["target"]: a["status"] for a in report["answers"]}


def test_tools_are_listed_with_schemas(client):
    def listed():
        tools = {t["name"]: t for t in client.request("tools/list")["tools"]}
        assert set(tools) == set(COMPOSITES)
        # That of `add`, without the constant; that of `echo`, renamed.
        assert tools["every"]["inputSchema"]["properties"] == {"a": {"type": "integer"}}
        assert tools["every"]["inputSchema"]["required"] == ["a"]
        assert tools["mapped"]["inputSchema"]["properties"] == {"words": {"type": "string"}}
        assert tools["quick"]["annotations"]["idempotentHint"] is True

    eventually(listed)


def test_all_labels_every_answer(client):
    result = client.call("every", {"a": 10})
    found = {a["target"]: a["structuredContent"]["sum"] for a in structured(result)["answers"]}
    assert found == {"a": 11, "b": 12, "c": 13}
    assert result["content"][0]["text"] == "every: 3 of 3 targets gave a good answer"


def test_vote_with_one_who_disagrees(client):
    result = client.call("agreed", {"a": 10})
    assert not result.get("isError")
    assert structured(result)["winner"] == 11
    assert structured(result)["votes"][0] == {"value": 11, "weight": 2, "targets": ["a", "b"]}
    lost = client.call("split", {"a": 10})
    assert lost["isError"] and structured(lost)["winner"] is None
    assert [v["targets"] for v in structured(lost)["votes"]] == [["a"], ["b"], ["c"]]


def test_early_decision_cancels_at_the_server(client, events):
    mark, tag = events.mark(), str(uuid.uuid4())
    result = client.call("early", {"a": 1, "tag": tag})
    assert structured(result)["winner"] == {"sum": 2}
    assert statuses(result)["slow c"] == "cancelled"
    if events.since(mark, "started", tag=tag):
        events.wait("cancelled", mark, tag=tag)


def test_first_answer_wins_and_others_are_cancelled(client, events):
    mark, tag = events.mark(), str(uuid.uuid4())
    result = client.call("one", {"a": 1, "tag": tag})
    assert result["structuredContent"] == {"sum": 6}
    assert result["_meta"]["jackfield/composite"]["winner"] == "c"
    assert statuses(result) == {"slow a": "cancelled", "slow b": "cancelled", "c": "good"}
    for event in events.since(mark, "started", tag=tag):
        events.wait("cancelled", mark, tag=tag, pid=event["pid"])


def test_partial_failures_are_told_apart(client):
    result = client.call("partly", {"a": 1})
    assert not result.get("isError")
    assert statuses(result) == {
        "a": "good",
        "b": "error",
        "slow c": "timeout",
        "gone": "refused",
        "refusing": "refused",
    }
    why = {a["target"]: a.get("error") for a in structured(result)["answers"]}
    assert why["b"] == "out of order" and why["refusing"] == "not today"
    for part in ("b: error (out of order)", "slow c: timeout", "gone: refused"):
        assert part in result["content"][0]["text"]


def test_rule_that_fails(client):
    result = client.call("needs", {"a": 1})
    # As soon as two have failed, whether or not the third has answered.
    assert result["isError"]
    assert structured(result)["outcome"].endswith("of 3 targets gave a good answer, 2 are needed")
    assert [statuses(result)[t] for t in "bc"] == ["error", "error"]


def test_time_of_one_target(client, events):
    mark, tag = events.mark(), str(uuid.uuid4())
    result = client.call("own", {"a": 1, "tag": tag})
    assert statuses(result) == {"slow a": "timeout", "b": "good"}
    events.wait("cancelled", mark, tag=tag)


@pytest.mark.parametrize("version", [MODERN, "2025-06-18"])
def test_cancellation_reaches_every_server(gateway, events, version):
    mark, tag = events.mark(), str(uuid.uuid4())
    with RawHttpClient(gateway.server_url("many"), version) as client:
        call = client.start_call("waits", {"tag": tag})

        def started():
            pids = {e["pid"] for e in events.since(mark, "started", tag=tag)}
            assert len(pids) == 3
            return pids

        begun = eventually(started)
        call.cancel()
        for pid in begun:
            events.wait("cancelled", mark, tag=tag, pid=pid)


def test_progress_tells_how_many_answered(gateway):
    with RawHttpClient(gateway.server_url("many"), MODERN) as client:
        call = client.start_call("own", {"a": 1}, progress=True)
        call.result()
        assert [p["progress"] for p in call.progress] == sorted(p["progress"] for p in call.progress)
        assert call.progress[0]["total"] == 2 and "(1 of 2 answered)" in call.progress[0]["message"]


def test_merge_of_texts(client):
    result = client.call("merged")
    labels = [json.loads(c["text"])["label"] for c in result["content"][1:]]
    assert labels == ["a", "b", "c"]


def test_races_only_among_safe_tools(client):
    def raced():
        result = client.call("quick", {"text": "hello"})
        assert [c["text"] for c in result["content"]] == ["hello"]

    eventually(raced)
    refused = client.call("unsafe", {"a": 1, "b": 1})
    assert refused["isError"] and set(statuses(refused).values()) == {"unsafe"}
    forced = client.call("forced", {"a": 1})
    assert structured(forced) == {"sum": 5}


def test_hedge_asks_the_next_after_a_delay(client, events):
    mark, tag = events.mark(), str(uuid.uuid4())
    result = client.call("hedged", {"a": 1, "tag": tag})
    assert structured(result) == {"sum": 8}
    report = result["_meta"]["jackfield/composite"]
    assert report["winner"] == "b" and report["asked"] == 2
    events.wait("cancelled", mark, tag=tag)


def test_questions_are_not_passed_on(client):
    result = client.call("asking")
    assert statuses(result)["a"] == "question"
    # A legacy server hears that nobody answers, and goes on.
    assert statuses(result)["c"] == "good"
    assert json.loads(structured(result)["answers"][1]["content"][0]["text"]) == {"action": "decline"}


def test_trace_and_depth_are_passed_on(client):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    result = client.call("meta", meta={"traceparent": trace})
    seen = json.loads(structured(result)["answers"][0]["content"][0]["text"])
    # The same trace; servers may count themselves as a span of it.
    assert seen["traceparent"].split("-")[1] == trace.split("-")[1]
    assert seen["jackfield/composite-depth"] == 1


def test_composites_of_composites(client):
    result = client.call("nested", {"a": 1})
    assert statuses(result) == {"many": "good", "more": "good"}


def test_recursion_ends_with_a_clear_error(client):
    result = client.call("loop", {"a": 1})
    assert result["isError"]
    assert "composite tools call each other 3 deep" in json.dumps(result)


def test_cycle_in_one_declaration_is_refused(tmp_path):
    composites = {
        "x": {"mode": "all", "targets": [target("s", "y")]},
        "y": {"mode": "all", "targets": [target("s", "x")]},
    }
    servers = {"s": {"plugin": "tools-composite", "composites": composites}, "d": {"plugin": "tools-demo"}}
    with serving(write(tmp_path / "c.yaml", native(servers))) as gateway:
        gateway.log.wait("composites.y: targets[0] calls 'x', which leads back here", 20)
        gateway.listed("d")


@pytest.mark.parametrize(
    "composite, part",
    [
        ({"mode": "all", "targets": []}, "at least 1 elements"),
        ({"mode": "some", "targets": [target("a", "t")]}, "expected one of \"all\""),
        ({"mode": "all", "targets": [{"tool": "t"}]}, "server"),
        ({"mode": "all", "target": [target("a", "t")]}, "target"),
    ],
)
def test_declarations_are_checked(tmp_path, composite, part):
    servers = {"s": {"plugin": "tools-composite", "composites": {"c": composite}}}
    config = write(tmp_path / "c.yaml", native(servers))
    done = command_line("check", "--config", config)
    assert done.returncode == 2 and part in done.stderr, (done.stdout, done.stderr)
    assert f"{config}:" in done.stderr


def test_server_that_dies_during_the_call(tmp_path, events):
    """Its answer is missing, the others count."""
    mark, tag = events.mark(), str(uuid.uuid4())
    composite = {"mode": "all", "targets": [slow("a"), target("b", "add")]}
    with HttpServer("sdk2", "--label", "a", events=events) as a:
        servers = {
            "a": {"url": a.url},
            "b": stdio(server_command("sdk2", "--stdio", "--label", "b", events=events)),
            "s": {"plugin": "tools-composite", "composites": {"c": composite}},
        }
        with serving(write(tmp_path / "c.yaml", native(servers))) as gateway:
            gateway.listed("a", "b", "s")
            with RawHttpClient(gateway.server_url("s"), MODERN) as client:
                call = client.start_call("c", {"a": 1, "b": 2, "tag": tag})
                events.wait("started", mark, tag=tag)
                a.kill()
                result = call.result()
    assert statuses(result) == {"slow a": "gone", "b": "good"}
    assert not result.get("isError")


def test_two_hundred_at_once(gateway):
    def many(_):
        with RawHttpClient(gateway.server_url("many"), MODERN) as client:
            calls = [(n, client.start_call("agreed", {"a": n})) for n in range(10)]
            return [(n, call.result(60)) for n, call in calls]

    before = gateway.resources()
    with ThreadPoolExecutor(20) as pool:
        found = [answer for answers in pool.map(many, range(20)) for answer in answers]
    assert len(found) == 200
    wrong = [(n, r) for n, r in found if r.get("isError") or structured(r)["winner"] != n + 1]
    assert not wrong, wrong[:3]

    def back():
        assert gateway.resources()["fds"] <= before["fds"] + 8

    eventually(back)
