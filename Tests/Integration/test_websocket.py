# SPDX-License-Identifier: Apache-2.0
"""WebSocket, both ways: other people's clients on the gateway's listener, other people's servers behind it."""

import contextlib
import json
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from rig.gateway import native, serving, stdio, write
from rig.peers import HttpServer, server_command
from rig.processes import eventually
from rig.raw_client import modern_params
from rig.raw_websocket import RawWebSocketClient
from rig.rpc import MODERN, VERSIONS, RpcError
from rig.tls_front import TlsFront
from servers.catalogue import TOOLS

LISTENING = "listening on ws://"
NAMES = [t["name"] for t in TOOLS]
FRONTS = ["sdk1"] + [f"raw-{v}" for v in [*VERSIONS, MODERN]]


@contextlib.contextmanager
def websocket_gateway(path, servers, options=None, **blocks):
    """A gateway with a WebSocket listener beside the usual one; `ws` is its URL."""
    listeners = [
        {"transport": "http", "address": "127.0.0.1:0"},
        {"transport": "websocket", "address": "127.0.0.1:0", **(options or {})},
    ]
    with serving(write(path, native(servers, listeners=listeners, **blocks))) as gateway:
        line = gateway.log.wait(LISTENING, 30)
        gateway.ws = "ws://" + line.partition(LISTENING)[2].split()[0]
        gateway.port_of_ws = urlsplit(gateway.ws).port
        yield gateway


@contextlib.contextmanager
def opened(clients, kind, url):
    """A client by name, connected over WebSocket."""
    if kind == "sdk1":
        with clients.open(kind, url=url) as link:
            yield link
        return
    link = RawWebSocketClient(url, kind.removeprefix("raw-"))
    try:
        yield link
    finally:
        link.close()


@pytest.fixture(scope="module")
def gateway(events, tmp_path_factory):
    with HttpServer("sdk2", "--label", "web", events=events) as web:
        child = stdio(server_command("sdk1", "--stdio", "--label", "child", events=events))
        servers = {"web": {"url": web.url}, "child": child}
        bundles = {"pick": {"include": ["web__echo"]}}
        folder = tmp_path_factory.mktemp("ws")
        with websocket_gateway(folder / "c.yaml", servers, bundles=bundles) as running:
            running.listed("web", "child")
            yield running


@pytest.mark.parametrize("kind", FRONTS)
def test_every_client_over_websocket(clients, gateway, events, kind):
    with opened(clients, kind, gateway.ws) as link:
        assert len(link.tools()) == 2 * len(NAMES)
        for server in ("web", "child"):
            text = 'ünï\n"x"' + "y" * 100_000
            assert link.text(f"{server}__echo", {"text": text}) == text
            assert json.loads(link.call(f"{server}__add", {"a": 1, "b": 2})["content"][0]["text"])["sum"] == 3
            assert link.prompt(f"{server}__plain")["messages"]
            call = link.start_call(f"{server}__progress", {"steps": 3}, progress=True)
            call.result()
            assert [p["progress"] for p in call.progress] == [1, 2, 3]
            mark, tag = events.mark(), f"ws {kind} {server}"
            call = link.start_call(f"{server}__slow", {"ms": 60000, "tag": tag})
            events.wait("started", mark, tag=tag)
            call.cancel()
            events.wait("cancelled", mark, tag=tag)


@pytest.mark.parametrize("kind", FRONTS)
def test_endpoints_by_path(clients, gateway, kind):
    with opened(clients, kind, gateway.ws + "/servers/web") as link:
        assert list(link.tools()) == NAMES
        assert link.text("echo", {"text": "own"}) == "own"
    with opened(clients, kind, gateway.ws + "/bundles/pick") as link:
        assert list(link.tools()) == ["web__echo"]


def test_unknown_endpoint_is_an_error_answer(gateway):
    link = RawWebSocketClient(gateway.ws + "/servers/nobody", MODERN, handshake=False)
    with pytest.raises(RpcError):
        link.request("tools/list")
    link.close()


def test_clients_come_and_go(clients, gateway):
    """One client's end is nobody else's business; ids are each client's own."""
    stays = RawWebSocketClient(gateway.ws, MODERN)
    for kind in FRONTS:
        with opened(clients, kind, gateway.ws) as link:
            assert link.text("web__echo", {"text": kind}) == kind
    leaves = RawWebSocketClient(gateway.ws, "2025-11-25")
    leaves.socket.socket.close()
    assert stays.text("web__echo", {"text": "still here"}) == "still here"
    assert stays.close() == 1000
    assert gateway.process.running()


def test_leaving_cancels_the_calls(gateway, events):
    link = RawWebSocketClient(gateway.ws, MODERN)
    mark = events.mark()
    link.start_call("web__slow", {"ms": 60000, "tag": "left"})
    events.wait("started", mark, tag="left")
    link.close()
    events.wait("cancelled", mark, tag="left")


@pytest.mark.parametrize("version", [VERSIONS[-1], MODERN])
def test_many_calls_at_once_on_one_connection(gateway, version):
    link = RawWebSocketClient(gateway.ws, version)
    calls = {n: link.start_call("web__echo", {"text": str(n)}) for n in range(100)}
    assert all(call.result()["content"][0]["text"] == str(n) for n, call in calls.items())
    assert link.close() == 1000


def test_both_eras_on_one_connection(gateway):
    """The first message does not bind the connection: a modern request says itself what it is."""
    link = RawWebSocketClient(gateway.ws, "2025-11-25")
    link.version, link.era = MODERN, "modern"
    found = link.request("tools/list")
    assert found["resultType"] == "complete" and len(found["tools"]) == 2 * len(NAMES)
    link.close()


def test_garbage_is_answered_and_the_connection_stays(gateway):
    with connect(gateway.ws, proxy=None, compression=None) as socket:
        socket.send("{")
        assert json.loads(socket.recv(10))["error"]["code"] == -32700
        message = {"jsonrpc": "2.0", "id": "a", "method": "tools/list", "params": modern_params({})}
        socket.send([json.dumps(message)[:20], json.dumps(message)[20:]])
        assert json.loads(socket.recv(10))["id"] == "a"


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_foreign_pages_are_refused(gateway, origin):
    with pytest.raises(InvalidStatus) as caught, connect(gateway.ws, origin=origin, proxy=None):
        pass
    assert caught.value.response.status_code == 403
    with connect(gateway.ws, origin="http://localhost:5173", proxy=None) as socket:
        assert socket.subprotocol is None


def test_limits_of_the_listener(tmp_path):
    options = {"limits": {"max_message": 2000, "max_connections": 1}}
    # One loop: connections are counted for each.
    with websocket_gateway(
        tmp_path / "c.yaml", {"demo": {"plugin": "tools-demo"}}, options, runtime={"loops": 1}
    ) as gateway:
        link = RawWebSocketClient(gateway.ws, MODERN)
        with pytest.raises(InvalidStatus) as caught, connect(gateway.ws, proxy=None):
            pass
        assert caught.value.response.status_code == 503
        with pytest.raises(ConnectionError, match="1009"):
            link.request("tools/list", {"cursor": "x" * 3000})


def websocket_server(**more):
    """The SDK 1.x everything server; its WebSocket is beside its HTTP endpoint."""
    return HttpServer("sdk1", "--label", "far", **more)


def websocket_url(server):
    return f"ws://127.0.0.1:{server.port}/ws"


QUICK = {"initial_ms": 50, "max_ms": 200}


@pytest.mark.parametrize("kind", FRONTS)
def test_sdk_server_behind_the_gateway(clients, events, tmp_path, kind):
    with websocket_server(events=events) as server:
        with websocket_gateway(tmp_path / "c.yaml", {"far": {"url": websocket_url(server)}}) as gateway:
            gateway.listed("far")
            with opened(clients, kind, gateway.ws + "/servers/far") as link:
                assert list(link.tools()) == NAMES
                assert [link.text("echo", {"text": str(n)}) for n in range(3)] == ["0", "1", "2"]
                assert link.text("echo", {"text": "z" * 1_000_000}) == "z" * 1_000_000
                assert link.read("test://static/text")["contents"][0]["text"] == "text of far"
                call = link.start_call("progress", {"steps": 4}, progress=True)
                call.result()
                assert [p["progress"] for p in call.progress] == [1, 2, 3, 4]
                mark = events.mark()
                call = link.start_call("slow", {"ms": 60000, "tag": kind})
                events.wait("started", mark, tag=kind)
                call.cancel()
                events.wait("cancelled", mark, tag=kind)


def test_lost_server_comes_back(tmp_path):
    with websocket_server() as server:
        entry = {"url": websocket_url(server), "reconnect": QUICK}
        with websocket_gateway(tmp_path / "c.yaml", {"far": entry}) as gateway:
            gateway.listed("far")
            link = RawWebSocketClient(gateway.ws, MODERN)
            call = link.start_call("far__slow", {"ms": 60000, "tag": "lost"})
            gateway.log.wait("server is up", 30)
            server.kill()
            with pytest.raises(RpcError):
                call.result()
            server.again()
            eventually(lambda: link.text("far__echo", {"text": "back"}))
            link.close()


@pytest.mark.parametrize("kind", FRONTS)
def test_gateway_behind_gateway(clients, gateway, tmp_path, kind):
    servers = {"inner": {"url": gateway.ws + "/servers/web"}, "all": {"url": gateway.ws}}
    with websocket_gateway(tmp_path / "c.yaml", servers) as outer:
        outer.listed("inner", "all")
        with opened(clients, kind, outer.ws) as link:
            assert len(link.tools()) == 3 * len(NAMES)
            assert link.text("inner__echo", {"text": "through two"}) == "through two"
            assert link.text("all__child__echo", {"text": "through two"}) == "through two"
            call = link.start_call("inner__progress", {"steps": 3}, progress=True)
            call.result()
            assert [p["progress"] for p in call.progress] == [1, 2, 3]


def test_refused_upgrade_is_told(gateway, tmp_path):
    """A server that refuses the upgrade is down with its reason, and does not hold up the others."""
    port = gateway.port
    servers = {"no": {"url": f"ws://127.0.0.1:{port}/nowhere"}, "demo": {"plugin": "tools-demo"}}
    with websocket_gateway(tmp_path / "c.yaml", servers) as outer:
        outer.log.wait('server "no" answers the WebSocket upgrade with HTTP 404', 30)
        link = RawWebSocketClient(outer.ws, MODERN)
        assert all(name.startswith("demo__") for name in link.tools())
        link.close()


def test_wss_through_a_tls_front(gateway, tmp_path):
    """wss:// is checked against the system's certificates, or those of `ca_file`."""
    front = TlsFront(gateway.port_of_ws, tmp_path)
    url = f"wss://127.0.0.1:{front.port}/mcp/servers/web"
    servers = {
        "known": {"url": url, "ca_file": str(front.certificate)},
        "unknown": {"url": url},
        "plain": {"url": gateway.ws.replace("ws://", "wss://")},
    }
    with websocket_gateway(tmp_path / "c.yaml", servers) as outer:
        outer.log.wait('no TLS with server "unknown" at 127.0.0.1', 30)
        outer.log.wait('no TLS with server "plain" at 127.0.0.1', 30)
        outer.listed("known")
        link = RawWebSocketClient(outer.ws, MODERN)
        assert link.text("known__echo", {"text": "s" * 1_000_000}) == "s" * 1_000_000
        calls = [link.start_call("known__echo", {"text": str(n) * 5000}) for n in range(20)]
        assert [c.result()["content"][0]["text"] for c in calls] == [str(n) * 5000 for n in range(20)]
        assert all(name.startswith("known__") for name in link.tools())
        link.close()
    front.close()
