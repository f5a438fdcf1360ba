# SPDX-License-Identifier: Apache-2.0
"""What the HTTP listener does with wrong input: status, JSON-RPC code, and nobody else affected.

The order of checks is that of the specification's SDK: Host and Origin, verb, Accept, parse, single object,
repeated headers, required `_meta`, header = body, version, method, parameters.
"""

import json

import pytest

from rig.gateway import Gateway, native, write
from rig.peers import HttpServer
from rig.rpc import META, MODERN
from rig.wire_http import Connection, exchange, legacy, modern, open_session, request_bytes

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
AS_MODERN = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"}
ECHO = {"name": "a__echo", "arguments": {"text": "hi"}}


@pytest.fixture(scope="module")
def gateway(events, tmp_path_factory):
    with HttpServer("sdk2", "--label", "a", events=events) as server:
        folder = tmp_path_factory.mktemp("input")
        running = Gateway(write(folder / "c.yaml", native({"a": {"url": server.url}})))
        yield running
        running.stop()


@pytest.fixture
def port(gateway):
    """The listener; whatever a test sent, a good call must still be answered afterwards."""
    yield gateway.port
    found = exchange(gateway.port, modern("tools/call", ECHO), timeout=5)
    assert found.status == 200 and found.json["result"]["content"][0]["text"] == "hi"


def test_good_requests(port):
    found = exchange(port, modern("tools/list"))
    assert found.status == 200 and found.json["result"]["resultType"] == "complete"
    assert "mcp-session-id" not in found.headers
    session = open_session(port)
    assert exchange(port, legacy(PING, session)).json == {"jsonrpc": "2.0", "id": 1, "result": {}}


MALFORMED = {
    "nothing": b"",
    "half": b'{"jsonrpc":"2.0","id":1',
    "words": b"hello",
    "bad utf-8": b'{"jsonrpc":"2.0\xff"}',
    "trailing": b'{"jsonrpc":"2.0","id":1,"method":"ping"} x',
    "two": b'{"id":1}{"id":2}',
    "bare control": b'{"jsonrpc":"2.0","id":1,"method":"pi\x01ng"}',
    "lone surrogate": b'{"id":"\\ud800"}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_malformed_json(port, body, era):
    headers = (
        {"MCP-Protocol-Version": MODERN, "Mcp-Method": "ping"}
        if era == "modern"
        else {"Mcp-Session-Id": open_session(port), "MCP-Protocol-Version": "2025-06-18"}
    )
    found = exchange(port, request_bytes(body, headers))
    assert found.status == 400 and found.code in (-32700, -32600)
    if body in (MALFORMED["half"], MALFORMED["words"], MALFORMED["bad utf-8"], MALFORMED["nothing"]):
        assert found.code == -32700


WRONG_SHAPES = {
    "array": [],
    "string": "x",
    "number": 7,
    "null": None,
    "no jsonrpc": {"id": 1, "method": "tools/list"},
    "jsonrpc 1.0": {"jsonrpc": "1.0", "id": 1, "method": "tools/list"},
    "null id": {**LIST, "id": None},
    "object id": {**LIST, "id": {}},
    "number method": {**LIST, "method": 5},
    "array params": {**LIST, "params": []},
    "nothing": {"jsonrpc": "2.0", "id": 1},
    "a batch": [LIST],
}


@pytest.mark.parametrize("value", WRONG_SHAPES.values(), ids=WRONG_SHAPES)
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_valid_json_that_is_no_request(port, value, era):
    headers = (
        {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"}
        if era == "modern"
        else {"Mcp-Session-Id": open_session(port), "MCP-Protocol-Version": "2025-06-18"}
    )
    found = exchange(port, request_bytes(value, headers))
    assert found.status == 400 and found.code in (-32600, -32602, -32020), found


def meta_without(key):
    meta = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}
    del meta[META + key]
    return {"_meta": meta}


CHECKS = {  # what is wrong: (request, status, code)
    "accept lacks sse": (modern("tools/list", headers={"Accept": "application/json"}), 406, None),
    "accept lacks json": (modern("tools/list", headers={"Accept": "text/event-stream"}), 406, None),
    "repeated method header": (
        modern("tools/list", headers={"Mcp-Method": ["tools/list", "tools/list"]}),
        400,
        -32020,
    ),
    "no _meta": (request_bytes({**LIST, "params": {}}, AS_MODERN), 400, -32602),
    "no capabilities": (
        request_bytes({**LIST, "params": meta_without("clientCapabilities")}, AS_MODERN),
        400,
        -32602,
    ),
    "no version in _meta": (
        request_bytes({**LIST, "params": meta_without("protocolVersion")}, AS_MODERN),
        400,
        -32602,
    ),
    "no method header": (modern("tools/list", headers={"Mcp-Method": None}), 400, -32020),
    "other method header": (modern("tools/list", headers={"Mcp-Method": "tools/call"}), 400, -32020),
    "method header in capitals": (modern("tools/list", headers={"Mcp-Method": "Tools/List"}), 400, -32020),
    "no name header": (modern("tools/call", ECHO, headers={"Mcp-Name": None}), 400, -32020),
    "other name header": (modern("tools/call", ECHO, headers={"Mcp-Name": "a__add"}), 400, -32020),
    "undecodable name": (modern("tools/call", ECHO, headers={"Mcp-Name": "=?base64?%%%?="}), 400, -32020),
    "no uri header": (
        modern("resources/read", {"uri": "test://static/text"}, headers={"Mcp-Name": None}),
        400,
        -32020,
    ),
    "version header differs": (
        modern("tools/list", headers={"MCP-Protocol-Version": "2099-01-01"}),
        400,
        -32020,
    ),
    "no version header": (modern("tools/list", headers={"MCP-Protocol-Version": None}), 400, -32020),
    "unknown method": (modern("no/such"), 404, -32601),
    "unknown tool": (modern("tools/call", {"name": "nope", "arguments": {}}), None, -32602),
    "unknown resource": (modern("resources/read", {"uri": "no:where"}), None, -32602),
    "no tool name": (modern("tools/call", {"arguments": {}}), 400, None),
}


@pytest.mark.parametrize("request_,status,code", CHECKS.values(), ids=CHECKS)
def test_modern_checks(port, request_, status, code):
    found = exchange(port, request_)
    assert status in (found.status, None), found
    assert code in (found.code, None), found
    assert found.status != 200 or found.json.get("error"), found


@pytest.mark.parametrize(
    "method",
    [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "tasks/list",
        "tasks/result",
    ],
)
def test_removed_methods(port, method):
    found = exchange(port, modern(method, {"level": "info", "uri": "a:b", "protocolVersion": MODERN}))
    assert (found.status, found.code, found.json["id"]) == (404, -32601, 1)


def test_unsupported_version_names_the_supported_ones(port):
    meta = {META + "protocolVersion": "2099-01-01", META + "clientCapabilities": {}}
    headers = {"MCP-Protocol-Version": "2099-01-01", "Mcp-Method": "tools/list"}
    found = exchange(port, request_bytes({**LIST, "params": {"_meta": meta}}, headers))
    assert (found.status, found.code) == (400, -32022)
    data = found.json["error"]["data"]
    assert data["requested"] == "2099-01-01"
    discovered = exchange(port, modern("server/discover")).json["result"]["supportedVersions"]
    assert data["supported"] == discovered == [MODERN]


def test_mismatch_is_reported_before_an_unsupported_version(port):
    meta = {META + "protocolVersion": "2099-01-01", META + "clientCapabilities": {}}
    found = exchange(
        port,
        request_bytes(
            {**LIST, "params": {"_meta": meta}},
            {"MCP-Protocol-Version": "2098-01-01", "Mcp-Method": "tools/list"},
        ),
    )
    assert (found.status, found.code) == (400, -32020)


@pytest.mark.parametrize(
    "headers",
    [
        {"Mcp-Name": "=?base64?YV9fZWNobw==?="},
        {"Mcp-Name": "  a__echo\t"},
        {"mCP-mETHOD": "tools/call", "Mcp-Method": None},
        {"Mcp-Session-Id": "anything", "Last-Event-ID": "7"},
        {"Mcp-Param-Unheard": "of"},
        {"Accept": "*/*"},
        {"Content-Type": "application/json; charset=utf-8"},
        {"X-Unknown": "x" * 2000},
    ],
)
def test_tolerated_headers(port, headers):
    found = exchange(port, modern("tools/call", ECHO, headers=headers))
    assert found.status == 200 and found.json["result"]["content"][0]["text"] == "hi", found
    assert "mcp-session-id" not in found.headers


@pytest.mark.parametrize("number", [0, -1, 2**53 + 1, 2**63 - 1, "", "text", 'ünï"cöde'])
def test_ids_come_back_as_they_went(port, number):
    assert exchange(port, modern("tools/call", ECHO, number=number)).json["id"] == number
    session = open_session(port)
    assert exchange(port, legacy({**PING, "id": number}, session)).json["id"] == number


def test_modern_notification_is_accepted(port):
    message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}}
    found = exchange(
        port,
        request_bytes(message, {"MCP-Protocol-Version": MODERN, "Mcp-Method": "notifications/cancelled"}),
    )
    assert (found.status, found.body) == (202, b"")


@pytest.mark.parametrize("verb", ["GET", "DELETE", "PUT", "PATCH", "HEAD"])
def test_verbs_of_the_modern_era(port, verb):
    found = exchange(
        port, request_bytes(b"", {"MCP-Protocol-Version": MODERN, "Content-Length": None}, verb=verb)
    )
    assert found.status == 405


# --- sessions of the handshake era --------------------------------------------------------------------------


def test_missing_and_unknown_session(port):
    found = exchange(port, legacy(LIST))
    assert found.status == 400 and found.code == -32600
    for verb in ("POST", "GET", "DELETE"):
        data = (
            legacy(LIST, "no-such-session")
            if verb == "POST"
            else request_bytes(
                b"", {"Mcp-Session-Id": "no-such-session", "Accept": "text/event-stream"}, verb=verb
            )
        )
        assert exchange(port, data).status == 404, verb
    assert exchange(port, request_bytes(b"", {"Accept": "text/event-stream"}, verb="GET")).status in (
        400,
        405,
    )


def test_session_ends_with_delete(port):
    session = open_session(port)
    assert exchange(port, legacy(PING, session)).status == 200
    gone = exchange(
        port,
        request_bytes(b"", {"Mcp-Session-Id": session, "MCP-Protocol-Version": "2025-06-18"}, verb="DELETE"),
    )
    assert gone.status in (200, 202, 204)
    assert exchange(port, legacy(PING, session)).status == 404


def test_sessions_are_not_guessable(port):
    assert len({open_session(port) for _ in range(20)}) == 20


def test_version_header_of_a_session(port):
    session = open_session(port)
    assert exchange(port, legacy(PING, session, version=None)).status == 200
    assert exchange(port, legacy(PING, session, version="1999-01-01")).status == 400


def test_initialize_with_an_unknown_version_offers_ours(port):
    hello = {
        **LIST,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-07-01",
            "capabilities": {},
            "clientInfo": {"name": "n", "version": "1"},
        },
    }
    found = exchange(port, legacy(hello, version=None))
    assert found.json["result"]["protocolVersion"] == "2025-11-25"


def test_batches_are_for_one_revision(port):
    session = open_session(port, "2025-03-26")
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 77}}
    call = {"jsonrpc": "2.0", "id": "c", "method": "tools/call", "params": ECHO}
    bad = {"jsonrpc": "2.0", "id": "b", "method": "no/such"}
    found = exchange(port, legacy([PING, note, call, bad], session, version="2025-03-26"))
    answers = {a["id"]: a for a in (found.json if isinstance(found.json, list) else [])}
    if not answers:  # a stream with one event for each answer is as good
        events = [json.loads(line[5:]) for line in found.body.split(b"\n") if line.startswith(b"data:")]
        answers = {a["id"]: a for e in events for a in (e if isinstance(e, list) else [e])}
    assert set(answers) == {1, "c", "b"}
    assert answers["c"]["result"]["content"][0]["text"] == "hi" and answers["b"]["error"]["code"] == -32601
    assert exchange(port, legacy([note, note], session, version="2025-03-26")).status == 202
    empty = exchange(port, legacy([], session, version="2025-03-26"))
    assert (empty.status, empty.code) == (400, -32600)
    hello = {
        **LIST,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-03-26",
            "capabilities": {},
            "clientInfo": {"name": "n", "version": "1"},
        },
    }
    wrong = exchange(port, legacy([hello], version=None))
    assert (wrong.status, wrong.code) == (400, -32600)
    for version in ("2024-11-05", "2025-06-18", "2025-11-25"):
        refused = exchange(port, legacy([PING], open_session(port, version), version=version))
        assert (refused.status, refused.code) == (400, -32600), version


def test_duplicate_id_in_flight(port, events):
    """The second request with an id that is still in use is refused; the first goes on."""
    session, mark = open_session(port), events.mark()
    call = {
        "jsonrpc": "2.0",
        "id": "same",
        "method": "tools/call",
        "params": {"name": "a__slow", "arguments": {"ms": 60000, "tag": "dup"}},
    }
    with Connection(port) as first:
        first.send(legacy(call, session))
        events.wait("started", mark, tag="dup")
        second = exchange(port, legacy({**PING, "id": "same"}, session))
        assert second.code == -32600
        stop = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "same"}}
        assert exchange(port, legacy(stop, session)).status == 202
        events.wait("cancelled", mark, tag="dup")
