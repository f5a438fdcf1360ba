# SPDX-License-Identifier: Apache-2.0
"""Results that are too large, kept by the gateway: the link, who reads it, for how long, and what stands in its place
where it cannot be kept."""

import contextlib
import json
import signal

import pytest

from rig.builds import build
from rig.gateway import Gateway, native, serving, write
from rig.late import counters
from rig.peers import HttpServer
from rig.processes import eventually
from rig.rpc import MODERN, RpcError
from rig.schema import revision
from rig.tasks import KNOWS
from rig.wire_http import exchange, modern
from servers.catalogue import PIXEL, SOUND
from test_policies import who
from test_response_cache import Counting
from test_store import Redis, running

RAW = "raw-" + MODERN
LINKING = ["sdk2-modern", "sdk2-legacy", "sdk1", RAW, "raw-2025-06-18"]
SIZE = {"filter": "size", "action": "spill", "max_bytes": 2000, "preview_bytes": 100, "keep_minutes": 5}
META = {"io.modelcontextprotocol/clientCapabilities": KNOWS}
UNKNOWN = "jackfield-result://" + "0" * 32


@pytest.fixture(scope="module")
def peer():
    with HttpServer("sdk2") as server:
        yield server


@pytest.fixture(scope="module")
def held():
    with Counting() as server:
        yield server


@pytest.fixture(scope="module")
def bare():
    """A server that has tools only."""
    with HttpServer("raw") as server:
        yield server


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return build(tmp_path_factory.mktemp("p") / "probe.so", plugin_id="filter-probe", source="probe", abi="1.1")


@pytest.fixture(scope="module")
def gateway(peer, held, bare, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spill")
    provider = build(folder / "trusting.so", source="trusting")
    config = native(
        {"s": {"url": peer.url}, "bare": {"url": bare.url}, "c": {"url": held.url}},
        filters=[SIZE], auth={"providers": [{"provider": "trusting"}], "required": False},
        plugins=[{"file": str(provider), "placement": "inproc"}], tasks={"promote_after": "100ms"},
    )
    config["runtime"] |= {"loops": 2}
    with serving(write(folder / "c.yaml", config)) as gateway:
        gateway.listed("s", "bare", "c")
        yield gateway


@contextlib.contextmanager
def started(folder, server, *filters, name="c.yaml", file=None, options=None, **blocks):
    """A gateway with the server `s` and its `options`."""
    plugins = [{"file": str(file), "placement": "inproc"}] if file else []
    config = native({"s": {"url": server.url, **(options or {})}}, filters=list(filters), plugins=plugins, **blocks)
    config["runtime"] |= {"loops": 2, "state_dir": str(folder / f"state-{name}")}
    (folder / f"state-{name}").mkdir(exist_ok=True)
    with serving(write(folder / name, config)) as gateway:
        gateway.listed("s")
        yield gateway


def ask(gateway, method, params, headers=None, path="/mcp"):
    return exchange(gateway.port, modern(method, params, headers=headers, path=path)).json


def big(gateway, count=5000, tool="s__big", **more):
    return ask(gateway, "tools/call", {"name": tool, "arguments": {"bytes": count}}, **more)["result"]


def read(gateway, uri, **more):
    return ask(gateway, "resources/read", {"uri": uri}, **more)


def link_of(result):
    link = result["content"][-1]
    assert link["type"] == "resource_link", result
    return link


def truncated(result):
    assert [c["type"] for c in result["content"]] == ["text", "text"], result
    assert result["content"][-1]["text"].startswith("[truncated: ")


@pytest.mark.parametrize("kind", LINKING)
def test_a_link_takes_the_place_of_a_large_result(gateway, clients, kind):
    with clients.open(kind, url=gateway.url) as client:
        small = client.call("s__big", {"bytes": 1000})
        assert [c["type"] for c in small["content"]] == ["text"]
        result = client.call("s__big", {"bytes": 5000})
        preview, note, link = result["content"]
        assert set(preview["text"]) == {"x"} and len(preview["text"]) < 100
        assert "the whole is in the resource" in note["text"]
        assert link["type"] == "resource_link" and link["name"] == "result of s__big"
        assert link["mimeType"] == "text/plain" and link["size"] == 5000
        assert link["description"] == "The whole result, kept for 5 minutes"
        for _ in range(2):
            read = client.read(link["uri"])["contents"]
            assert [(c["uri"], c["mimeType"], c["text"]) for c in read] == [(link["uri"], "text/plain", "x" * 5000)]


def test_what_is_on_the_wire_is_of_its_revision(gateway):
    answer = ask(gateway, "tools/call", {"name": "s__big", "arguments": {"bytes": 5000}})
    rules = revision(MODERN)
    assert not rules.problems("CallToolResult", answer["result"])
    got = read(gateway, link_of(answer["result"])["uri"])["result"]
    assert not rules.problems("ReadResourceResult", got)
    assert got["cacheScope"] == "private" and got["ttlMs"] == 0


def test_every_kind_of_content_is_kept(gateway, clients, tmp_path, peer):
    with started(tmp_path, peer, {**SIZE, "max_items": 1, "preview_bytes": 64}) as gateway:
        result = ask(gateway, "tools/call", {"name": "s__media", "arguments": {}})["result"]
        link = link_of(result)
        assert "mimeType" not in link
        parts = read(gateway, link["uri"])["result"]["contents"]
        own = [link["uri"]] * 4
        assert [p["uri"] for p in parts[:4]] == own and parts[4]["uri"].endswith("test://static/text")
        assert parts[0]["text"] == "words" and parts[4]["text"] == "embedded"
        assert (parts[1]["mimeType"], parts[1]["blob"]) == ("image/png", PIXEL)
        assert (parts[2]["mimeType"], parts[2]["blob"]) == ("audio/wav", SOUND)
        assert json.loads(parts[3]["text"])["type"] == "resource_link"


@pytest.mark.parametrize("kind", ["raw-2025-03-26", "raw-2024-11-05"])
def test_clients_that_know_no_links_get_a_part(gateway, clients, kind):
    with clients.open(kind, url=gateway.url) as client:
        truncated(client.call("s__big", {"bytes": 5000}))


def test_endpoints_without_resources_have_these(gateway, clients):
    url = gateway.server_url("bare")
    for kind in [RAW, "sdk1", "sdk2-modern"]:
        with clients.open(kind, url=url) as client:
            assert client.capabilities.get("resources") is not None
            assert client.resources() == {}
            uri = link_of(client.call("echo", {"text": "x" * 5000}))["uri"]
            assert len(client.read(uri)["contents"][0]["text"]) == 5000


ALICE = who("alice", tenant="acme")


@pytest.mark.parametrize(
    "other", [who("alice", tenant="globex"), who("alice"), who("bob", tenant="acme"), {}], ids=range(4)
)
def test_nobody_else_reads_it(gateway, other):
    uri = link_of(big(gateway, headers=ALICE))["uri"]
    assert read(gateway, uri, headers=ALICE)["result"]
    theirs, none = read(gateway, uri, headers=other)["error"], read(gateway, UNKNOWN, headers=other)["error"]
    assert json.dumps(theirs).replace(uri, UNKNOWN) == json.dumps(none)
    assert theirs["code"] == -32602 and theirs["message"].startswith("no result is kept as ")


def test_other_endpoints_do_not_have_it(gateway):
    uri = link_of(big(gateway))["uri"]
    assert "error" in read(gateway, uri, path="/mcp/servers/s")
    own = link_of(big(gateway, tool="big", path="/mcp/servers/s"))["uri"]
    assert "result" in read(gateway, own, path="/mcp/servers/s")
    assert "error" in read(gateway, own)


@pytest.mark.parametrize(
    "uri",
    [
        "jackfield-result:", "jackfield-result://", UNKNOWN[:-1], UNKNOWN + "0", UNKNOWN[:-1] + "G",
        "jackfield-result://../../../etc/passwd", UNKNOWN + "/0", "jackfield-result://" + "é" * 16,
        "jackfield-result://" + "\u0000" * 32, "jackfield-result://" + "a" * 30000,
    ],
    ids=range(10),
)
def test_hostile_names(gateway, clients, uri):
    error = read(gateway, uri)["error"]
    assert error["code"] == -32602 and len(error["message"]) < 500
    with clients.open("raw-2025-11-25", url=gateway.url) as client, pytest.raises(RpcError) as refused:
        client.read(uri)
    assert refused.value.code == -32002


def test_results_of_tasks(gateway, held):
    """The gateway's own task, which a long call became."""
    held.ask("hold")
    try:
        arguments = {"hold": True, "bytes": 5000}
        made = ask(gateway, "tools/call", {"name": "c__plain", "arguments": arguments, "_meta": META})["result"]
        assert made["resultType"] == "task", made
    finally:
        held.ask("release")

    def over():
        found = ask(gateway, "tasks/get", {"taskId": made["taskId"], "_meta": META})["result"]
        assert found["status"] == "completed", found
        return found["result"]

    for _ in range(2):
        uri = link_of(eventually(over))["uri"]
        assert read(gateway, uri)["result"]["contents"][0]["text"] == "x" * 5000


def test_only_for_its_time(tmp_path, peer, file):
    with started(tmp_path, peer, {"filter": "probe", "result": "spill"}, file=file) as gateway:
        uri = link_of(big(gateway))["uri"]

        def gone():
            error = read(gateway, uri)["error"]
            assert "its time is over" in error["message"] and error["data"] == {"uri": uri}

        eventually(gone, errors=(KeyError,))


def test_wrong_verdicts_are_the_filters_failure(tmp_path, peer, file):
    for options in [{"request": "spill"}, {"result": "spill", "tag": "{}"}, {"result": "spill", "tag": "no"}]:
        with started(tmp_path, peer, {"filter": "probe", **options}, file=file) as gateway:
            error = ask(gateway, "tools/call", {"name": "s__big", "arguments": {"bytes": 10}})["error"]
            assert "filter probe failed" in error["message"]


def test_what_is_kept_is_what_all_filters_made_of_it(tmp_path, peer, file):
    tag = {"filter": "probe", "result": "splice", "tag": "seen "}
    for order in [[tag, SIZE], [SIZE, tag]]:
        with started(tmp_path, peer, *order, file=file) as gateway:
            result = big(gateway)
            assert result["content"][0]["text"].startswith("seen x")
            parts = read(gateway, link_of(result)["uri"])["result"]["contents"]
            assert parts[0]["text"] == "seen " + "x" * 5000


def test_a_full_place_cuts(tmp_path, peer):
    with started(tmp_path, peer, {**SIZE, "keep_bytes": 65536}) as gateway:
        first = link_of(big(gateway, 60000))["uri"]
        truncated(big(gateway, 60000))
        assert "result" in read(gateway, first)
        found = counters(gateway)
        assert (found["results_kept"], found["results_not_kept"], found["results_read"]) == (1, 1, 1)


def test_a_full_store_cuts(tmp_path, peer):
    store = {"kind": "memory", "max_bytes": 1 << 20}
    with started(tmp_path, peer, SIZE, store=store) as gateway:
        truncated(big(gateway, 3 << 20))
        # What was written of it is gone again.
        assert "result" in read(gateway, link_of(big(gateway, 600000))["uri"])


def test_two_gateways_one_redis(tmp_path, peer):
    with running(Redis, tmp_path) as redis:
        store = {**redis.block(), "probe": "100ms"}
        with (
            started(tmp_path, peer, SIZE, store=store) as first,
            started(tmp_path, peer, SIZE, store=store, name="d.yaml") as second,
        ):
            # Three parts of at most a megabyte.
            uri = link_of(big(first, 2500000))["uri"]
            for gateway in (first, second):
                text = read(gateway, uri)["result"]["contents"][0]["text"]
                assert len(text) == 2500000 and set(text) == {"x"}
            redis.crash()
            # The one that finds out falls back, and then it is known.
            truncated(big(first))
            truncated(big(first))
            error = read(second, uri)["error"]
            assert error["data"]["reason"] == "store"
            redis.start()
            eventually(lambda: link_of(big(first)))


def test_a_store_that_is_slower_than_the_call(tmp_path, peer):
    with running(Redis, tmp_path) as redis:
        store = {**redis.block(), "probe": "60s", "timeout": "30s"}
        with started(tmp_path, peer, SIZE, store=store, options={"timeout": "1s"}) as gateway:
            uri = link_of(big(gateway))["uri"]
            redis.process.signal(signal.SIGSTOP)
            try:
                truncated(big(gateway))
            finally:
                redis.process.signal(signal.SIGCONT)
            assert "result" in read(gateway, uri)

            def undone():
                assert counters(gateway)["results_not_kept"] == 1

            eventually(undone)


def test_a_gateway_behind_a_gateway(tmp_path, peer):
    with started(tmp_path, peer, SIZE, name="inner.yaml") as inner:
        config = native({"in": {"url": inner.url}}, filters=[{**SIZE, "max_bytes": 100000}])
        outer = Gateway(write(tmp_path / "outer.yaml", config))
        try:
            outer.listed("in")
            uri = link_of(big(outer, tool="in__s__big"))["uri"]
            assert len(read(outer, uri)["result"]["contents"][0]["text"]) == 5000
            assert "error" in read(outer, UNKNOWN)
        finally:
            outer.stop()
