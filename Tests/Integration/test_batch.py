# SPDX-License-Identifier: Apache-2.0
"""tools-composite, mode batch: calls of many real SDK clients become few calls of a server's batch tool."""

import contextlib
import json

import pytest

from rig.gateway import command_line, native, serving, stdio, write
from rig.peers import HttpServer, server_command
from rig.processes import eventually
from rig.raw_client import RawHttpClient
from rig.rpc import MODERN

KINDS = ["sdk2-modern", "sdk2-legacy", "sdk1", "sdkold"]
LONG = 60000


def batch(server="many", constants=None, **more):
    """Batches that are sent when they are full, never because of the time, unless `more` says otherwise."""
    composite = {
        "mode": "batch",
        "targets": [{"server": server, "tool": "lookup_many", "constants": constants or {}}],
        "argument": "ids",
        "item": "/id",
        "by": "key",
        "key": "/id",
        "results": "/found",
        "window_ms": LONG,
        "timeout_ms": LONG,
    }
    return {**composite, **more}


COMPOSITES = {
    "full": batch(max=25),
    "soon": batch(window_ms=20),
    "old": batch("older", max=5),
    "alone": batch(window_ms=1, single={"server": "many", "tool": "lookup"}),
    "failing": batch(constants={"fail": "the index is being rebuilt"}, max=3),
    "sleeping": batch(constants={"ms": LONG}, max=2),
    "slow": batch(constants={"ms": 1000}, max=2),
    "hasty": batch(constants={"ms": LONG}, max=2, timeout_ms=500),
    "nowhere": batch("gone", max=2),
    "ordered": {k: v for k, v in batch(by="order", max=2).items() if k != "key"},
}


@pytest.fixture(scope="module", params=["inproc", "cell"])
def gateway(request, events, tmp_path_factory):
    """`many` is modern over HTTP, `older` a legacy server over stdio. One loop: batches are per loop."""
    with HttpServer("sdk2", "--batches", "--label", "many", events=events) as many:
        servers = {
            "many": {"url": many.url},
            "older": stdio(server_command("sdk1", "--stdio", "--batches", "--label", "older", events=events)),
            "gone": {"url": "http://127.0.0.1:9/mcp"},
            "batches": {"plugin": "tools-composite", "composites": COMPOSITES},
        }
        config = native(servers, plugins=[{"id": "tools-composite", "placement": request.param}])
        config["runtime"]["loops"] = 1
        with serving(write(tmp_path_factory.mktemp("batch") / "c.yaml", config)) as gateway:
            gateway.listed("many", "older", "batches")
            yield gateway


@pytest.fixture
def raw(gateway):
    with RawHttpClient(gateway.server_url("batches"), MODERN) as client:
        yield client


@contextlib.contextmanager
def opened(clients, gateway):
    """A client of each SDK and era."""
    with contextlib.ExitStack() as stack:
        found = [clients.open(kind, gateway.server_url("batches")) for kind in KINDS]
        for client in found:
            stack.callback(client.close)
        yield found


def name_of(result):
    return json.loads(result["content"][0]["text"])["name"]


def batches(events, mark):
    events.settled()
    return [event["ids"] for event in events.since(mark, "batch")]


def test_a_hundred_calls_are_four(gateway, clients, events):
    mark = events.mark()
    with opened(clients, gateway) as peers:
        calls = [
            (n, peers[n % len(peers)].start_call("full", {"id": n, "lang": "de"})) for n in range(100)
        ]
        names = {n: name_of(call.result(60)) for n, call in calls}
    assert names == {n: f"de {n}" for n in range(100)}
    sent = batches(events, mark)
    assert [len(ids) for ids in sent] == [25, 25, 25, 25]
    assert sorted(sum(sent, [])) == list(range(100))


def test_structured_results_reach_every_client(gateway, clients):
    with opened(clients, gateway) as peers:
        # The oldest SDK knows no structured results.
        calls = [peer.start_call("soon", {"id": n}) for n, peer in enumerate(peers[:3])]
        found = [call.result(30)["structuredContent"] for call in calls]
    assert found == [{"id": n, "name": f"en {n}"} for n in range(3)]


def test_equal_items_are_one(raw, events):
    mark = events.mark()
    calls = [(n % 4, raw.start_call("soon", {"id": n % 4})) for n in range(60)]
    assert all(name_of(call.result(30)) == f"en {n}" for n, call in calls)
    sent = batches(events, mark)
    assert sent and all(len(ids) == len(set(ids)) for ids in sent), sent


def test_legacy_server(raw, events):
    mark = events.mark()
    calls = [(n, raw.start_call("old", {"id": n})) for n in range(10)]
    assert all(name_of(call.result(30)) == f"en {n}" for n, call in calls)
    assert [len(ids) for ids in batches(events, mark)] == [5, 5]


def test_other_arguments_are_not_mixed(raw, events):
    mark = events.mark()
    calls = [(n, lang, raw.start_call("soon", {"id": n, "lang": lang})) for n in range(5) for lang in "ab"]
    assert all(name_of(call.result(30)) == f"{lang} {n}" for n, lang, call in calls)
    events.settled()
    assert {event["lang"] for event in events.since(mark, "batch")} == {"a", "b"}


def test_item_without_result(raw):
    calls = [raw.start_call("soon", {"id": n}) for n in (1, -1)]
    assert name_of(calls[0].result(30)) == "en 1"
    missing = calls[1].result(30)
    assert missing["isError"] and missing["structuredContent"]["status"] == "missing"
    assert "no result for this item" in missing["content"][0]["text"]


def test_call_that_is_alone(raw, events):
    mark = events.mark()
    assert raw.call("alone", {"id": 7})["content"][0]["text"] == "only 7"
    events.settled()
    assert [event["id"] for event in events.since(mark, "single")] == [7]
    assert not events.since(mark, "batch")


@pytest.mark.parametrize(
    "tool, status, part",
    [
        ("failing", "error", "lookup_many of many: error (the index is being rebuilt)"),
        ("nowhere", "refused", "lookup_many of gone: refused"),
    ],
)
def test_failed_batch_fails_every_caller(raw, tool, status, part):
    for result in [c.result(30) for c in [raw.start_call(tool, {"id": n}) for n in range(6)]]:
        assert result["isError"] and result["structuredContent"]["status"] == status
        assert part in result["content"][0]["text"], result


def test_results_that_do_not_fit_the_items(raw):
    """In order, but one is left out: nobody gets somebody else's."""
    calls = [raw.start_call("ordered", {"id": n}) for n in (-1, 5)]
    for result in [call.result(30) for call in calls]:
        assert result["isError"] and result["structuredContent"]["status"] == "mismatch"
        assert "1 results for 2 items" in result["content"][0]["text"]


@pytest.mark.parametrize("version", [MODERN, "2025-06-18"])
def test_cancelled_caller_leaves_the_other(gateway, events, version):
    mark = events.mark()
    with RawHttpClient(gateway.server_url("batches"), version) as client:
        first = client.start_call("slow", {"id": 1})
        second = client.start_call("slow", {"id": 2})
        events.wait("batch", mark)
        first.cancel()
        assert name_of(second.result(30)) == "en 2"
    assert not events.since(mark, "batch cancelled")


def test_last_caller_cancels_at_the_server(raw, events):
    mark = events.mark()
    calls = [raw.start_call("sleeping", {"id": n}) for n in range(2)]
    events.wait("batch", mark)
    for call in calls:
        call.cancel()
    events.wait("batch cancelled", mark)


def test_time_is_over(raw, events):
    mark = events.mark()
    for result in [c.result(30) for c in [raw.start_call("hasty", {"id": n}) for n in range(2)]]:
        assert result["isError"] and result["structuredContent"]["status"] == "timeout"
    events.wait("batch cancelled", mark)


def test_schema_is_that_of_one_item(raw):
    def listed():
        tools = {t["name"]: t["inputSchema"] for t in raw.request("tools/list")["tools"]}
        assert set(tools) == set(COMPOSITES)
        assert tools["full"]["properties"]["id"] == {"type": "integer"}
        assert "ids" not in tools["full"]["properties"] and "lang" in tools["full"]["properties"]
        assert tools["full"]["required"] == ["id"]
        assert tools["alone"]["properties"] == {"id": {"type": "integer"}}

    eventually(listed)


@pytest.mark.parametrize(
    "change, part",
    [
        ({"max": 1}, "2"),
        ({"by": "luck"}, 'expected one of "order"'),
        ({"item": "/a/b"}, 'found "/a/b"'),
        ({"windows_ms": 5}, 'unknown property "windows_ms"'),
    ],
)
def test_declarations_are_checked(tmp_path, change, part):
    servers = {"s": {"plugin": "tools-composite", "composites": {"c": batch(**change)}}}
    config = write(tmp_path / "c.yaml", native(servers))
    done = command_line("check", "--config", config)
    assert done.returncode == 2 and part in done.stderr, (done.stdout, done.stderr)
    assert f"{config}:" in done.stderr


def test_declarations_that_contradict_themselves_are_refused(tmp_path):
    servers = {
        "s": {"plugin": "tools-composite", "composites": {"c": batch(by="order")}},
        "d": {"plugin": "tools-demo"},
    }
    with serving(write(tmp_path / "c.yaml", native(servers))) as gateway:
        gateway.log.wait("composites.c: 'by: key' and 'key' need each other", 20)
        gateway.listed("d")
