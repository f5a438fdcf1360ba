# SPDX-License-Identifier: Apache-2.0
"""Listeners with TLS: official and hand-written clients, client certificates, renewal, bad handshakes."""

import contextlib
import http.client
import json
import shutil
import socket
import ssl
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import WebSocketException

from rig.authority import Authority
from rig.gateway import Gateway, command_line, native, serving, stdio, write
from rig.peers import server_command
from rig.processes import eventually
from rig.raw_client import ACCEPT, modern_headers, modern_params
from rig.raw_websocket import RawWebSocketClient
from rig.rpc import MODERN
from rig.workers import WorkerFailure

DEMO = {"demo": {"plugin": "tools-demo"}}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.server, made.client = made.issue("server"), made.issue("client")
    made.expired = made.issue("expired", days=-1)
    return made


def option(pair, **more):
    return {"certificate": str(pair[0]), "key": str(pair[1]), **{k: str(v) for k, v in more.items()}}


@contextlib.contextmanager
def tls_gateway(path, tls, servers=None, transport="http", runtime=None, **options):
    """A gateway with a plain listener for the rig and one with TLS; `secure` is the latter's URL."""
    listeners = [
        {"transport": "http", "address": "127.0.0.1:0"},
        {"transport": transport, "address": "127.0.0.1:0", "tls": tls, **options},
    ]
    blocks = {"runtime": runtime} if runtime else {}
    config = write(path, native(servers or DEMO, listeners=listeners, **blocks))
    scheme = "https://" if transport == "http" else "wss://"
    with serving(config, listen=None) as gateway:
        line = gateway.log.wait("listening on " + scheme, 30)
        gateway.secure = scheme + line.partition(scheme)[2].split()[0]
        gateway.secure_port = urlsplit(gateway.secure).port
        gateway.listed(*(servers or DEMO))
        yield gateway


def connected(gateway, context, host="localhost"):
    """A TLS connection of the test's own."""
    plain = socket.create_connection(("127.0.0.1", gateway.secure_port), 10)
    return context.wrap_socket(plain, server_hostname=host)


def asks(connection, text="hello", tool="demo__echo"):
    """Calls a tool that echoes on an open connection and returns what it said."""
    params = modern_params({"name": tool, "arguments": {"text": text}})
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    client = http.client.HTTPConnection("localhost")
    client.sock = connection
    headers = {"Content-Type": "application/json", "Accept": ACCEPT, **modern_headers("tools/call", params)}
    client.request("POST", "/mcp", body, headers)
    return json.loads(client.getresponse().read())["result"]["content"][0]["text"]


@pytest.fixture(scope="module")
def gateway(authority, events, tmp_path_factory):
    child = stdio(server_command("sdk1", "--stdio", "--label", "child", events=events))
    tls = option(authority.server, client_ca=authority.pem)
    with tls_gateway(tmp_path_factory.mktemp("g") / "c.yaml", tls, {**DEMO, "child": child}) as running:
        yield running


@pytest.mark.parametrize("shown", [False, True], ids=["anonymous", "certificate"])
@pytest.mark.parametrize("kind", ["sdk2-modern", "sdk2-legacy", "sdk2-auto"])
def test_official_client_over_https(clients, gateway, authority, kind, shown):
    tls = authority.worker(authority.client if shown else None)
    url = gateway.secure.replace("127.0.0.1", "localhost")
    with clients.open(kind, url=url, tls=tls) as link:
        assert {"demo__echo", "child__echo"} <= set(link.tools())
        big = 'ünï\n"x"' + "y" * 2_000_000
        assert link.text("demo__echo", {"text": big}) == big
        calls = [link.start_call("demo__echo", {"text": str(n) * 9000}) for n in range(20)]
        assert [c.result()["content"][0]["text"] for c in calls] == [str(n) * 9000 for n in range(20)]
        call = link.start_call("child__progress", {"steps": 3}, progress=True)
        call.result()
        assert [p["progress"] for p in call.progress] == [1, 2, 3]


def test_certificate_that_is_required(clients, authority, tmp_path):
    stranger = Authority(tmp_path / "stranger").issue("client")
    tls = option(authority.server, client_ca=authority.pem, client_certificates="required")
    with tls_gateway(tmp_path / "c.yaml", tls) as gateway:
        with clients.open("sdk2-modern", url=gateway.secure, tls=authority.worker(authority.client)) as link:
            assert link.text("demo__echo", {"text": "me"}) == "me"
        with pytest.raises(WorkerFailure):
            clients.open("sdk2-modern", url=gateway.secure, tls=authority.worker())
        for shown in (None, authority.expired, stranger):
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
                asks(connected(gateway, authority.context(shown)))
        gateway.log.wait("no TLS with 127.0.0.1:")
        assert asks(connected(gateway, authority.context(authority.client))) == "hello"


def test_certificate_that_is_optional(gateway, authority, tmp_path):
    """Without one a client is let in; one that does not hold is never let in."""
    assert asks(connected(gateway, authority.context())) == "hello"
    for shown in (authority.expired, Authority(tmp_path / "stranger").issue("client")):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            asks(connected(gateway, authority.context(shown)))


def test_versions_and_protocols(authority, gateway):
    with connected(gateway, authority.context()) as newest:
        assert newest.version() == "TLSv1.3"
    context = authority.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connected(gateway, context) as older:
        assert (older.version(), older.selected_alpn_protocol()) == ("TLSv1.2", "http/1.1")
        assert asks(older) == "hello"
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError):
        connected(gateway, context)


def test_plain_http_on_the_tls_port(gateway):
    client = http.client.HTTPConnection("127.0.0.1", gateway.secure_port, timeout=10)
    client.request("GET", "/healthz")
    answer = client.getresponse()
    assert answer.status == 400 and b"use https" in answer.read()
    client.close()
    with socket.create_connection(("127.0.0.1", gateway.secure_port), 10) as other:
        other.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
        assert b"use https" in other.makefile("rb").read()
    with socket.create_connection(("127.0.0.1", gateway.secure_port), 10) as other:
        other.sendall(bytes(range(1, 9)))
        assert not other.makefile("rb").read().startswith(b"HTTP/")


def test_handshakes_that_do_not_end(authority, tmp_path):
    tls = option(authority.server)
    with tls_gateway(tmp_path / "c.yaml", tls, limits={"header_timeout_ms": 1000}) as gateway:
        before = gateway.resources()
        hello = ssl.MemoryBIO()
        half = authority.context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            half.do_handshake()
        said = hello.read()
        stuck = [socket.create_connection(("127.0.0.1", gateway.secure_port), 20) for _ in range(50)]
        for number, one in enumerate(stuck):
            one.sendall(said[: number * 4])
        assert asks(connected(gateway, authority.context())) == "hello"
        for one in stuck:
            assert one.recv(100) == b""
            one.close()

        def all_gone():
            assert gateway.resources()["fds"] <= before["fds"]

        eventually(all_gone)


@pytest.mark.parametrize("transport", ["http", "websocket"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_reconnects_resume_on_any_loop(authority, tmp_path, version, transport):
    """A ticket of one loop is good on all others; what a client gets there is good again."""
    runtime = {"drain_timeout": "3s", "loops": 4}
    with tls_gateway(tmp_path / "c.yaml", option(authority.server), transport=transport, runtime=runtime) as gateway:
        context, session = authority.context(), None
        context.minimum_version = context.maximum_version = version
        for turn in range(12):
            plain = socket.create_connection(("127.0.0.1", gateway.secure_port), 10)
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
                assert connection.session_reused == (turn > 0), turn
                # With TLS 1.3 tickets come behind the handshake.
                connection.sendall(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert connection.recv(65536).startswith(b"HTTP/1.1 4")
                session = connection.session


@pytest.mark.parametrize("shown", ["optional", "required"])
def test_who_is_asked_for_a_certificate_does_not_resume(authority, tmp_path, shown):
    """Nor does a ticket of a listener that asks for none open one that does."""
    asks = option(authority.server, client_ca=authority.pem, client_certificates=shown)
    ways = [{"tls": option(authority.server)}, {"tls": asks}, {}]
    listeners = [{"transport": "http", "address": "127.0.0.1:0", **way} for way in ways]
    config = write(tmp_path / "c.yaml", native(DEMO, listeners=listeners, runtime={"drain_timeout": "3s", "loops": 1}))
    with serving(config, listen=None) as gateway:
        lines = [line for line in gateway.log.lines if "listening on https://" in line]
        ports = [urlsplit(line.split()[-1]).port for line in lines]
        context, session = authority.context(authority.client), None
        for port in [ports[0], ports[0], ports[1], ports[1]]:
            plain = socket.create_connection(("127.0.0.1", port), 10)
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
                assert connection.session_reused == (session is not None and port == ports[0])
                connection.sendall(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert connection.recv(65536).startswith(b"HTTP/1.1 4")
                session = connection.session


def test_renewal_without_a_restart(authority, tmp_path):
    """New connections get the new certificate; open ones stay; a pair that cannot be used changes nothing."""
    other = Authority(tmp_path / "other")
    following = other.issue("server")
    live = tmp_path / "live.pem", tmp_path / "live.key"
    for source, target in zip(authority.server, live, strict=True):
        shutil.copy(source, target)
    with tls_gateway(tmp_path / "c.yaml", option(live)) as gateway:
        first = connected(gateway, authority.context())
        assert asks(first) == "hello"
        live[1].write_text("no key at all")

        def told():
            assert asks(connected(gateway, authority.context())) == "hello"
            gateway.log.wait("stays in use", 0.1)

        eventually(told)
        assert asks(connected(gateway, authority.context())) == "hello"
        for source, target in zip(following, live, strict=True):
            draft = target.with_suffix(".new")
            shutil.copy(source, draft)
            draft.replace(target)
        renewed = eventually(lambda: connected(gateway, other.context()))
        assert asks(renewed) == "hello" and asks(first, "again") == "again"
        gateway.log.wait("has changed and was read again")

        def the_old_one_is_gone():
            # Each loop looks at the files for itself.
            with contextlib.suppress(ssl.SSLCertVerificationError):
                connected(gateway, authority.context()).close()
                raise AssertionError("the old certificate is still shown")

        eventually(the_old_one_is_gone)
        assert "PRIVATE KEY" not in gateway.log.text() and "no key at all" not in gateway.log.text()


def test_websocket_with_tls(authority, tmp_path):
    tls = option(authority.server, client_ca=authority.pem, client_certificates="required")
    with tls_gateway(tmp_path / "c.yaml", tls, transport="websocket") as gateway:
        context = authority.context(authority.client)
        link = RawWebSocketClient(gateway.secure, MODERN, ssl=context)
        assert link.text("demo__echo", {"text": "w" * 1_000_000}) == "w" * 1_000_000
        calls = [link.start_call("demo__echo", {"text": str(n)}) for n in range(50)]
        assert [c.result()["content"][0]["text"] for c in calls] == [str(n) for n in range(50)]
        link.close()
        with pytest.raises((OSError, EOFError, WebSocketException)):
            RawWebSocketClient(gateway.secure, MODERN, ssl=authority.context())
        client = http.client.HTTPConnection("127.0.0.1", gateway.secure_port, timeout=10)
        client.request("GET", "/mcp")
        answer = client.getresponse()
        assert answer.status == 400 and b"use wss" in answer.read()


def test_one_gateway_behind_another(authority, gateway, tmp_path):
    servers = {"inner": {"url": f"{gateway.secure}/servers/demo", "ca_file": str(authority.pem)}}
    with tls_gateway(tmp_path / "c.yaml", option(authority.server), servers) as outer:
        text = "x" * 500_000
        assert asks(connected(outer, authority.context()), text, "inner__echo") == text


@pytest.mark.parametrize(
    "change, said",
    [
        ({"key": "client.key"}, "tls.key: "),
        ({"certificate": "none.pem"}, "tls.certificate: cannot read "),
        ({"certificate": "server.key"}, "tls.certificate: "),
        ({"client_certificates": "required"}, "tls.client_ca"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_options_that_cannot_work(authority, change, said):
    """Relative paths count from the file's folder; mistakes are told before anything is served."""
    tls = {"certificate": "server.pem", "key": "server.key", **change}
    listeners = [{"transport": "http", "address": "127.0.0.1:0", "tls": tls}]
    config = write(authority.folder / "bad.json", native(DEMO, listeners=listeners))
    gateway = Gateway(config, wait=False, listen=None)
    try:
        assert gateway.process.wait(20) == 1 and said in gateway.log.text(), gateway.tail()
        assert "BEGIN" not in gateway.log.text()
    finally:
        gateway.kill()


def test_options_are_checked(tmp_path):
    listeners = [{"transport": "http", "tls": {"certificate": "a.pem", "min_version": 1.1, "protocols": []}}]
    result = command_line("check", "--config", write(tmp_path / "c.json", native(DEMO, listeners=listeners)))
    assert result.returncode != 0
    for text in ('missing the required property "key"', "at least 1.2", 'unknown property "protocols"'):
        assert text in result.stderr + result.stdout
