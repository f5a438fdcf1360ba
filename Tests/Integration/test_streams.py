# SPDX-License-Identifier: Apache-2.0
"""Streams that live long: HTTP+SSE of 2024-11-05 for old clients, and comments that keep silent streams open."""

import contextlib
import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin, urlsplit

import pytest

from rig import processes
from rig.gateway import native, serving, write
from rig.peers import HttpServer
from rig.raw_client import RawClient
from rig.rpc import RpcError
from rig.wire_http import Connection, exchange, legacy, modern, open_session, request_bytes
from servers.catalogue import TOOLS

PATHS = {"/sse": "one__", "/sse/servers/one": "", "/sse/bundles/both": "one__"}
COMMENT = b": keep-alive\n"


class SseClient(RawClient):
    """HTTP+SSE: one GET stream for what the server says, a POST on a new connection for every message."""

    def __init__(self, url, version="2024-11-05"):
        super().__init__(version)
        self.url = url
        self.ready, self.ended = threading.Event(), threading.Event()
        self.target = None
        where = urlsplit(url)
        self.stream = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        self.stream.request("GET", where.path, headers={"Accept": "text/event-stream"})
        self.socket = self.stream.sock
        response = self.stream.getresponse()
        assert response.status == 200, (response.status, response.read())
        threading.Thread(target=self.hear, args=(response,), daemon=True).start()
        assert self.ready.wait(10), "no endpoint event"
        self.handshake()

    def hear(self, response):
        event, data = "message", []
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            while raw := response.readline():
                line = raw.decode().rstrip("\r\n")
                if not line and data:
                    self.event(event, "\n".join(data))
                    event, data = "message", []
                elif line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:"):
                    data.append(line[5:].removeprefix(" "))
        self.ended.set()
        for number in list(self.calls):
            self.fail(number, ConnectionError("the stream ended"))

    def event(self, kind, data):
        if kind == "endpoint":
            assert self.target is None and not urlsplit(data).netloc, data
            self.target = urljoin(self.url, data)
            self.ready.set()
        else:
            assert kind == "message", kind
            self.received(json.loads(data))

    def transmit(self, message, call):
        status = post(self.target, message)
        if status != 202:
            error = ConnectionError(f"status {status}")
            if call is None:
                raise error
            self.fail(message["id"], error)

    def cancel(self, number):
        self.notify("notifications/cancelled", {"requestId": number, "reason": "given up"})

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(2)
        self.stream.close()


def post(url, message):
    """The status of a POST on a connection of its own."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
    with contextlib.closing(connection):
        connection.request(
            "POST",
            f"{where.path}?{where.query}",
            json.dumps(message).encode(),
            {"Content-Type": "application/json"},
        )
        return connection.getresponse().status


def listening(tmp_path_factory, servers, drain="3s", **options):
    """A configuration of two loops with a listener of its own."""
    listener = {"transport": "http", "address": "127.0.0.1:0", **options}
    value = native(servers, listeners=[listener], bundles={"both": {"servers": list(servers)}})
    value["runtime"].update(loops=2, drain_timeout=drain)
    return write(tmp_path_factory.mktemp("streams") / "c.yaml", value)


@pytest.fixture(scope="module")
def gateway(events, tmp_path_factory):
    with HttpServer("sdk2", "--label", "one", events=events) as one, HttpServer("sdk1", events=events) as two:
        servers = {"one": {"url": one.url}, "two": {"url": two.url}}
        with serving(listening(tmp_path_factory, servers, sse=True, keep_alive="200ms"), listen=None) as up:
            up.listed("one", "two")
            yield up


@pytest.mark.parametrize("path", PATHS)
def test_http_with_sse(gateway, path):
    with SseClient(gateway.base + path) as link:
        assert link.version == "2024-11-05"
        prefix, count = PATHS[path], len(TOOLS) * (1 if path.endswith("one") else 2)
        assert len(link.tools()) == count
        assert link.text(f"{prefix}echo", {"text": 'ünï\n"x"'}) == 'ünï\n"x"'
        call = link.start_call(f"{prefix}progress", {"steps": 3}, progress=True)
        call.result()
        assert [p["progress"] for p in call.progress] == [1, 2, 3]
        with pytest.raises(RpcError) as caught:
            link.call(f"{prefix}nothing")
        assert caught.value.code == -32602


@pytest.mark.parametrize("kind", ["sdk1", "sdkold"])
@pytest.mark.parametrize("path", PATHS)
def test_sdk_clients(gateway, clients, events, kind, path):
    prefix = PATHS[path]
    with clients.open(kind, gateway.base + path) as link:
        assert len(link.tools()) >= len(TOOLS)
        assert link.text(f"{prefix}echo", {"text": "a" * 100000}) == "a" * 100000
        call = link.start_call(f"{prefix}progress", {"steps": 3}, progress=True)
        call.result()
        assert [p["progress"] for p in call.progress] == [1, 2, 3]
        mark, tag = events.mark(), f"sse {kind} {path}"
        call = link.start_call(f"{prefix}slow", {"ms": 60000, "tag": tag})
        events.wait("started", mark, tag=tag)
        call.cancel()
        events.wait("cancelled", mark, tag=tag)


def test_two_sdk_clients_at_once(gateway, clients):
    with (
        clients.open("sdk1", gateway.base + "/sse") as a,
        clients.open("sdkold", gateway.base + "/sse/servers/two") as b,
    ):
        calls = [
            (x.start_call(name, {"text": f"{x.kind} {i}"}), f"{x.kind} {i}")
            for i in range(20)
            for x, name in ((a, "one__echo"), (b, "echo"))
        ]
        for call, text in calls:
            assert call.result()["content"][0]["text"] == text


def test_many_clients_across_loops(gateway):
    """Messages come on whichever loop the kernel picks; each answer goes to the stream of who asked."""
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(12) as pool:
        links = [stack.enter_context(SseClient(gateway.base + "/sse")) for _ in range(6)]
        assert len({link.target for link in links}) == len(links)

        def ask(link, n):
            return link.text("one__echo", {"text": f"{id(link)} {n}"}) == f"{id(link)} {n}"

        asked = [pool.submit(ask, link, n) for n in range(20) for link in links]
        assert all(one.result(30) for one in asked)
        assert not any(link.notes.all for link in links), "a stray answer"


def test_a_stream_that_closes(gateway, events):
    """It ends its session and its calls, and nothing else."""
    with SseClient(gateway.base + "/sse") as stays:
        link = SseClient(gateway.base + "/sse")
        mark = events.mark()
        link.start_call("one__slow", {"ms": 60000, "tag": "closing"})
        events.wait("started", mark, tag="closing")
        link.close()
        events.wait("cancelled", mark, tag="closing")

        def gone():
            assert post(link.target, {"jsonrpc": "2.0", "id": 9, "method": "ping"}) == 404

        processes.eventually(gone)
        assert stays.text("one__echo", {"text": "still here"}) == "still here"


def test_wrong_input(gateway):
    def status(verb, path, **more):
        return exchange(gateway.port, request_bytes({}, {"Host": "localhost", **more}, path, verb)).status

    assert status("POST", "/sse") == 405
    assert status("GET", "/messages") == 405
    assert status("GET", "/sse/other") == 404
    assert status("GET", "/sse", Accept="application/json") == 406
    assert status("GET", "/sse", Origin="https://evil.example") == 403
    assert status("POST", "/messages") == 404
    assert status("POST", "/messages?session=" + 32 * "0") == 404
    assert status("POST", "/messages?session=" + 32 * "0", **{"Content-Type": "text/plain"}) == 415


def test_off_unless_asked_for(gateway, tmp_path_factory):
    with serving(listening(tmp_path_factory, {"one": {"plugin": "tools-demo"}}), listen=None) as plain:
        assert exchange(plain.port, request_bytes(verb="GET", path="/sse")).status == 404
        assert exchange(plain.port, request_bytes({}, path="/messages?session=0")).status == 404


def streams(gateway):
    """Requests that open a stream which then stays silent."""
    session = open_session(gateway.port)
    listen = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    get = request_bytes(
        verb="GET", headers={"Mcp-Session-Id": session, "Accept": "text/event-stream", "Content-Length": None}
    )
    return {"get": get, "listen": listen, "sse": request_bytes(verb="GET", path="/sse", length=False)}


@pytest.mark.parametrize("kind", ["get", "listen", "sse"])
def test_comments_on_silent_streams(gateway, kind):
    with Connection(gateway.port) as stream:
        stream.send(streams(gateway)[kind])
        status, headers = stream.head()
        assert status == 200 and headers["content-type"] == "text/event-stream"
        for _ in range(3):
            stream.until(COMMENT)


def test_stopping_ends_silent_streams(tmp_path_factory):
    """A stream on which nothing is under way holds nobody up, however long calls may take to end."""
    config = listening(tmp_path_factory, {"one": {"plugin": "tools-demo"}}, drain="60s", sse=True)
    with serving(config, listen=None) as gateway, contextlib.ExitStack() as stack:
        for opening in streams(gateway).values():
            stream = stack.enter_context(Connection(gateway.port))
            stream.send(opening)
            assert stream.head()[0] == 200


def test_last_event_id_has_a_limit(gateway):
    session = open_session(gateway.port)
    headers = {"Mcp-Session-Id": session, "Accept": "text/event-stream", "Last-Event-ID": "x" * 257}
    assert exchange(gateway.port, request_bytes(verb="GET", headers=headers)).status == 400
    ping = legacy({"jsonrpc": "2.0", "id": 1, "method": "ping"}, session)
    assert exchange(gateway.port, ping).status == 200
