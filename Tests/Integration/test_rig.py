# SPDX-License-Identifier: Apache-2.0
"""The rig itself: the validator accepts real traffic and catches mistakes; faults are really faulty."""

import json

import pytest

from rig.peers import CLIENTS, HttpServer, server_command
from rig.rpc import MODERN, RpcError
from rig.schema import answer_problems, call_problems
from rig.tee import Tee
from rig.wire import Wire
from rig.wire_proxy import RecordingProxy

pytestmark = pytest.mark.direct
TOOL = {"name": "t", "inputSchema": {"type": "object"}}


@pytest.mark.parametrize(
    "client", [c for c in CLIENTS if c.startswith(("sdk2-modern", "raw-2026", "raw-2025-06", "sdk1"))]
)
def test_recorded_http_traffic_is_valid(clients, client):
    with HttpServer("sdk2") as server:
        proxy = RecordingProxy(server.url, "wire")
        with clients.open(client, url=proxy.url) as link:
            link.call("media")
            link.start_call("progress", {"steps": 2}, progress=True).result()
            with pytest.raises(RpcError):
                link.prompt("nothing")
            link.listen("tools")
            link.call("change", {"kind": "tools"})
            link.notes.wait("notifications/tools/list_changed")
        proxy.close()
        proxy.wire.check()
        methods = {m.get("method") for m in proxy.wire.since(0, "sent")}
        assert {"tools/call", "prompts/get"} <= methods
        assert len(proxy.wire.since(0, "received", "notifications/progress")) == 2
        assert proxy.wire.since(0, "received", "notifications/tools/list_changed")


@pytest.mark.parametrize("client", ["sdk2-modern", "sdk1"])
def test_recorded_stdio_traffic_is_valid(clients, tmp_path, client):
    tee = Tee(server_command("sdk2", "--stdio"), tmp_path / "log", "tee")
    with clients.open(client, command=tee.command) as link:
        assert link.text("echo", {"text": "hi"}) == "hi"
        link.call("add", {"a": 1, "b": 2})
    tee.wire().check()
    assert len(tee.wire().since(0, "sent", "tools/call")) == 2


@pytest.mark.parametrize(
    "version,side,message",
    [
        (
            "2025-06-18",
            "Client",
            {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"arguments": {}}},
        ),
        ("2025-06-18", "Client", {"jsonrpc": "2.0", "id": None, "method": "tools/list"}),
        ("2025-06-18", "Client", {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {}}),
        (
            "2025-06-18",
            "Client",
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/list",
                "params": {"_meta": {"io.modelcontextprotocol/protocolVersion": MODERN}},
            },
        ),
        ("2025-03-26", "Server", {"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {}}),
        (MODERN, "Client", {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}),
        (MODERN, "Client", {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}),
        (MODERN, "Server", {"jsonrpc": "2.0", "id": 1, "method": "roots/list", "params": {}}),
        (MODERN, "Server", {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}}),
        ("2099-01-01", "Client", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
    ],
)
def test_validator_catches_bad_calls(version, side, message):
    assert call_problems(message, version, side)


@pytest.mark.parametrize(
    "version,method,result",
    [
        ("2025-11-25", "tools/list", {"tools": [{"name": "t"}]}),
        ("2025-11-25", "tools/list", {"tools": [TOOL], "ttlMs": 0}),
        ("2025-11-25", "tools/call", {"content": [], "resultType": "complete"}),
        ("2024-11-05", "tools/call", {"content": [{"type": "audio", "data": "", "mimeType": "audio/wav"}]}),
        ("2025-03-26", "tools/call", {"content": [{"type": "resource_link", "uri": "a:b", "name": "n"}]}),
        (MODERN, "tools/call", {"content": []}),
        (MODERN, "tools/list", {"tools": [TOOL], "resultType": "complete"}),
        (MODERN, "ping", {}),
        ("2025-06-18", "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}}),
    ],
)
def test_validator_catches_bad_results(version, method, result):
    assert answer_problems({"jsonrpc": "2.0", "id": 1, "result": result}, method, version)


def test_validator_accepts_good_results():
    assert not answer_problems(
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": [TOOL]}}, "tools/list", "2024-11-05"
    )
    assert not answer_problems({"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": ""}}, "x", MODERN)


def test_wire_catches_what_no_schema_knows():
    wire = Wire("w")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    pending = {}
    wire.sent(call, None, pending)
    wire.sent(call, None, pending)
    assert "still in use" in wire.violations[0]
    wire.received({"jsonrpc": "2.0", "id": 9, "result": {}}, None, pending)
    assert "nothing that was asked" in wire.violations[1]
    with pytest.raises(AssertionError):
        wire.check()


HTTP_FAULTS = {
    "garbage": "body",
    "torn": "IncompleteRead",
    "die": ".",
    "html": "502",
    "empty": "body",
    "stream_end": "stream ended",
    "wrong_id": "another id",
    "bad_utf8": ".",
}


@pytest.mark.parametrize("kind", HTTP_FAULTS)
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_faults_over_http_are_faulty(clients, era, kind):
    version = MODERN if era == "modern" else "2025-06-18"
    with HttpServer("raw", "--era", era) as server, clients.open("raw-" + version, url=server.url) as link:
        assert link.text("echo", {"text": "hi"}) == "hi"
        with pytest.raises(Exception, match=HTTP_FAULTS[kind]):
            link.call("fault", {"kind": kind})
        if kind == "die":
            link.session = None
            assert server.process.wait() == 7


@pytest.mark.parametrize(
    "kind,sign",
    [
        ("garbage", "raw/garbage"),
        ("wrong_id", "raw/stray"),
        ("null_id", "raw/stray"),
        ("not_object", "raw/garbage"),
        ("torn", "raw/garbage"),
    ],
)
def test_faults_over_stdio_are_faulty(clients, kind, sign):
    link = clients.open("raw-2025-11-25", command=server_command("raw", "--stdio"))
    call = link.start_call("fault", {"kind": kind})
    link.notes.wait(sign)
    if kind == "torn":
        with pytest.raises(ConnectionError):
            call.result()
    else:
        assert not call.future.done()
    link.process.kill()


def test_strict_modern_server_refuses_bad_headers(clients, events):
    import http.client

    with HttpServer("raw", "--era", "modern", events=events) as server:
        with clients.open("raw-" + MODERN, url=server.url) as link:
            assert link.text("echo", {"text": "hi"}) == "hi"
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request(
            "POST",
            "/mcp",
            json.dumps(
                {
                    "jsonrpc": "2.0",
                    "id": 1,
                    "method": "tools/list",
                    "params": {
                        "_meta": {
                            "io.modelcontextprotocol/protocolVersion": MODERN,
                            "io.modelcontextprotocol/clientCapabilities": {},
                        }
                    },
                }
            ),
            {"Mcp-Method": "tools/list"},
        )
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["error"]["code"]) == (400, -32020)
        connection.close()


def test_unusual_cursors_and_session_expiry(clients):
    with HttpServer("raw", "--cursors", "--expire-once", "--fail-lists", "1") as server:
        with clients.open("raw-2025-11-25", url=server.url) as link:
            with pytest.raises(RpcError, match="not ready"):
                link.tools()
            assert sorted(link.tools()) == ["echo", "fault", "page_0", "page_1", "page_2", "page_3"]
            with pytest.raises(RpcError, match="Session not found"):
                link.call("echo")
            link.session = None
