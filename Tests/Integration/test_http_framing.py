# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 itself on the listener: sizes, framing, slow peers, foreign origins."""

import json

import pytest

from rig.gateway import Gateway, native, write
from rig.peers import HttpServer
from rig.rpc import MODERN
from rig.wire_http import Connection, exchange, legacy, modern, open_session, request_bytes

ECHO = {"name": "a__echo", "arguments": {"text": "hi"}}
MESSAGE_LIMIT = 4 << 20


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with HttpServer("sdk2", "--label", "a") as server:
        folder = tmp_path_factory.mktemp("framing")
        running = Gateway(write(folder / "c.yaml", native({"a": {"url": server.url}})))
        yield running
        running.stop()


@pytest.fixture
def port(gateway):
    """The listener; whatever a test sent, a good call must still be answered afterwards."""
    yield gateway.port
    found = exchange(gateway.port, modern("tools/call", ECHO), timeout=5)
    assert found.status == 200 and found.json["result"]["content"][0]["text"] == "hi"


@pytest.mark.parametrize(
    "origin,status",
    [
        (None, 200),
        ("http://127.0.0.1:1234", 200),
        ("http://localhost", 200),
        ("http://evil.example", 403),
        ("https://127.0.0.1.evil.example", 403),
        ("null", 403),
    ],
)
def test_origin(port, origin, status):
    found = exchange(port, modern("tools/list", headers={"Origin": origin}))
    assert found.status == status
    if status == 403:
        assert "evil" not in found.headers.get("access-control-allow-origin", "")


@pytest.mark.parametrize(
    "host,status",
    [
        ("127.0.0.1:8808", 200),
        ("localhost", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
    ],
)
def test_host_guards_against_rebinding(port, host, status):
    assert exchange(port, modern("tools/list", headers={"Host": host})).status == status


def test_missing_host(port):
    assert exchange(port, modern("tools/list", headers={"Host": None})).status in (400, 403)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_wrong_content_type(port, kind):
    assert exchange(port, modern("tools/list", headers={"Content-Type": kind})).status in (400, 415)


def test_declared_size_over_the_limit(port):
    with Connection(port) as connection:
        connection.send(request_bytes(b"", {"Content-Length": str(MESSAGE_LIMIT + 1)}))
        assert connection.answer().status == 413


def test_chunked_size_over_the_limit(port):
    with Connection(port) as connection:
        connection.send(request_bytes(b"", {"Transfer-Encoding": "chunked"}, length=False))
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        try:
            for _ in range(MESSAGE_LIMIT // 65536 + 2):
                connection.send(chunk)
        except ConnectionError:
            pass
        assert connection.answer().status == 413


def test_message_just_below_the_limit(port):
    text = "x" * (MESSAGE_LIMIT - 4096)
    found = exchange(port, modern("tools/call", {"name": "a__echo", "arguments": {"text": text}}), timeout=30)
    assert found.status == 200 and found.json["result"]["content"][0]["text"] == text


def test_headers_over_the_limit(port):
    found = exchange(port, modern("tools/list", headers={"X-Big": "x" * 70_000}))
    assert found.status == 431


@pytest.mark.parametrize("depth", [129, 10_000, 500_000])
def test_deep_nesting(port, depth):
    deep = b"[" * depth + b"]" * depth
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"x": "DEEP"}}).encode()
    found = exchange(
        port,
        request_bytes(
            body.replace(b'"DEEP"', deep), {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list"}
        ),
    )
    assert found.status == 400 and found.code in (-32700, -32600)


def test_chunked_body(port):
    plain = modern("tools/call", ECHO, headers={"Content-Length": None, "Transfer-Encoding": "chunked"})
    head, _, body = plain.partition(b"\r\n\r\n")
    for size in (1, 7, 4096):
        pieces = [body[i : i + size] for i in range(0, len(body), size)]
        chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
        found = exchange(port, head + b"\r\n\r\n" + chunks)
        assert found.status == 200 and found.json["result"]["content"][0]["text"] == "hi"


def test_byte_by_byte(port):
    with Connection(port) as connection:
        for byte in modern("tools/call", ECHO):
            connection.send(bytes([byte]))
        assert connection.answer().json["result"]["content"][0]["text"] == "hi"


def test_expect_continue(port):
    head, _, body = modern("tools/call", ECHO, headers={"Expect": "100-continue"}).partition(b"\r\n\r\n")
    with Connection(port) as connection:
        connection.send(head + b"\r\n\r\n")
        assert connection.answer().status == 100
        connection.send(body)
        assert connection.answer().json["result"]["content"][0]["text"] == "hi"


def test_pipelined_requests_are_answered_in_order(port):
    with Connection(port) as connection:
        connection.send(b"".join(modern("tools/call", ECHO, number=n) for n in range(20)))
        assert [connection.answer().json["id"] for _ in range(20)] == list(range(20))


def test_one_connection_many_clients(port):
    """A shared keep-alive connection: the sessions on it do not leak into each other."""
    first, second = open_session(port), open_session(port, "2025-11-25")
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    with Connection(port) as connection:
        for session, version in ((first, "2025-06-18"), (second, "2025-11-25"), (first, "2025-06-18")):
            connection.send(legacy(ping, session, version))
            assert connection.answer().status == 200
        connection.send(legacy(ping, None))
        assert connection.answer().status == 400
        connection.send(modern("tools/list"))
        assert connection.answer().status == 200


SMUGGLING = {
    "length and chunked": {"Transfer-Encoding": "chunked"},
    "two lengths": {"Content-Length": ["5", "6"]},
    "negative length": {"Content-Length": "-1"},
    "length with plus": {"Content-Length": "+5"},
    "hexadecimal length": {"Content-Length": "0x10"},
    "huge length": {"Content-Length": "99999999999999999999999"},
    "unknown coding": {"Transfer-Encoding": "gzip", "Content-Length": None},
    "chunked not last": {"Transfer-Encoding": "chunked, identity", "Content-Length": None},
    "space before colon": {"X-Bad ": "1"},
    "bare newline in value": {"X-Bad": "a\nTransfer-Encoding: chunked"},
    "nul in value": {"X-Bad": "a\0b"},
}


@pytest.mark.parametrize("headers", SMUGGLING.values(), ids=SMUGGLING)
def test_ambiguous_framing_is_refused(port, headers):
    with Connection(port) as connection:
        connection.send(modern("tools/list", headers=headers))
        found = connection.answer()
        assert found.status in (400, 413, 501), found
        assert connection.ended(), "a connection with ambiguous framing must not be used again"


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
        b"GET\r\n\r\n",
        b"\0" * 100,
        b"POST /mcp HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_not_http(port, data):
    with Connection(port) as connection:
        connection.send(data)
        try:
            assert connection.answer().status in (400, 403, 505)
        except (EOFError, ConnectionError):
            return
        assert connection.ended()


def test_abandoned_requests_leave_nothing(gateway, port):
    exchange(port, modern("tools/list"))
    before = gateway.resources()["fds"]
    for cut in (1, 20, 200, -1):
        with Connection(port) as connection:
            connection.send(modern("tools/call", ECHO)[:cut])
    for _ in range(50):
        with Connection(port):
            pass
    exchange(port, modern("tools/list"))
    assert gateway.resources()["fds"] <= before + 2


def test_slow_peers_do_not_block_others(gateway, port):
    """Two hundred peers that never finish their request cost the others nothing."""
    partial = modern("tools/call", ECHO)
    slow = [Connection(port) for _ in range(200)]
    try:
        for n, connection in enumerate(slow):
            connection.send(partial[: 1 + n % (len(partial) - 2)])
        for n in range(50):
            assert exchange(port, modern("tools/call", ECHO, number=n), timeout=2).json["id"] == n
    finally:
        for connection in slow:
            connection.close()


def test_reader_that_never_reads(gateway, port):
    """A client that takes no answer holds its own memory only, and a bounded amount."""
    big = modern("tools/call", {"name": "a__big", "arguments": {"bytes": 2_000_000}})
    with Connection(port) as deaf:
        for _ in range(20):
            deaf.send(big)
        for n in range(20):
            assert exchange(port, modern("tools/call", ECHO, number=n), timeout=5).json["id"] == n
        assert gateway.resources()["rss"] < 400 << 20
