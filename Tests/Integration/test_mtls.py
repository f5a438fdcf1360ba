# SPDX-License-Identifier: Apache-2.0
"""Client certificates as identities, through real handshakes, on HTTP and WebSocket listeners."""

import contextlib
import json
import socket
import ssl

import pytest
from websockets.exceptions import WebSocketException

from rig.authority import Authority
from rig.gateway import native, serving, write
from rig.processes import eventually
from rig.raw_websocket import RawWebSocketClient
from rig.rpc import MODERN, RpcError
from rig.wire_http import Connection, legacy, modern, request_bytes
from test_identity import INITIALIZE, LISTEN, check

SERVERS = {"demo": {"plugin": "tools-demo", "scopes": ["demo"]}}
ECHO = {"name": "demo__echo", "arguments": {"text": "x"}}
MESH = "spiffe://prod.example/ns"
ENDED = (ssl.SSLError, ConnectionError, EOFError, WebSocketException)

NAMES = {
    "web": f"URI:{MESH}/web/sa/front",
    "other": f"URI:{MESH}/web/sa/back",
    "batch": f"URI:{MESH}/batch/sa/night",
    "unmatched": f"URI:{MESH}/lab/sa/mouse",
    "foreign": "URI:spiffe://test.example/ns/web/sa/front",
    "twice": f"URI:{MESH}/web/sa/front,URI:{MESH}/web/sa/back",
    "odd": f"URI:{MESH}//web/../web/sa/front",
    "nobody": "DNS:web.prod.example",
    "revoked": f"URI:{MESH}/web/sa/old",
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.server = made.issue("server")
    made.pairs = {name: made.issue(name, names=names) for name, names in NAMES.items()}
    made.pairs["expired"] = made.issue("expired", days=-1, names=NAMES["web"])
    # The same name, said by somebody else.
    made.pairs["stranger"] = Authority(tmp_path_factory.mktemp("stranger")).issue("web", names=NAMES["web"])
    # The same names of issuer and subject, too.
    twin = Authority(tmp_path_factory.mktemp("twin"))
    made.pairs["twin"] = twin.issue("web", names=NAMES["web"])
    made.pairs["itself"] = twin.pem, twin.key
    made.pairs[None] = None
    return made


@contextlib.contextmanager
def guarded(path, authority, certificates="optional", **more):
    """A gateway that listens with TLS for HTTP and for WebSocket; the plain listener is for the rig."""
    tls = {"certificate": str(authority.server[0]), "key": str(authority.server[1])}
    tls |= {"client_ca": str(authority.pem), "client_certificates": certificates}
    listeners = [{"transport": "http", "address": "127.0.0.1:0"}]
    listeners += [{"transport": kind, "address": "127.0.0.1:0", "tls": tls} for kind in ("http", "websocket")]
    entry = {
        "provider": "mtls",
        "trust_domains": ["prod.example"],
        "unmatched": "deny",
        "rules": [
            {"subject": f"{MESH}/web/*", "tenant": "web", "scopes": ["demo"]},
            {"subject": f"{MESH}/batch/*", "tenant": "batch"},
        ],
        "denied": [authority.serial(authority.pairs["revoked"])],
        **more,
    }
    config = write(path / "c.yaml", native(SERVERS, listeners=listeners, auth={"providers": [entry]}))
    with serving(config, listen=None) as gateway:
        gateway.ports = {}
        for scheme in ("https", "wss"):
            line = gateway.log.wait(f"listening on {scheme}://", 30)
            gateway.ports[scheme] = int(line.partition(f"{scheme}://")[2].split("/")[0].rpartition(":")[2])
        yield gateway


@pytest.fixture(scope="module")
def gateway(authority, tmp_path_factory):
    with guarded(tmp_path_factory.mktemp("g"), authority) as running:
        yield running


class Secure(Connection):
    def __init__(self, port, context):
        plain = socket.create_connection(("127.0.0.1", port), 10)
        self.buffer = b""
        try:
            self.socket = context.wrap_socket(plain, server_hostname="localhost")
        except BaseException:
            plain.close()
            raise


def asks(gateway, authority, who, data=None):
    """One request on a connection of its own."""
    with Secure(gateway.ports["https"], authority.context(authority.pairs[who])) as connection:
        connection.send(data or modern("tools/call", ECHO))
        return connection.answer()


def linked(gateway, authority, who):
    context = authority.context(authority.pairs[who])
    return RawWebSocketClient(f"wss://localhost:{gateway.ports['wss']}/mcp", MODERN, ssl=context)


# Who shows what, the status, and what the challenge says. No status: no handshake, nothing is answered.
TABLE = [
    ("web", 200, None),
    ("batch", 403, 'error="insufficient_scope"'),
    (None, 401, None),
    ("unmatched", 401, "is not known here"),
    ("foreign", 401, "trust domain"),
    ("twice", 401, "SPIFFE id"),
    ("odd", 401, "SPIFFE id"),
    ("nobody", 401, "is not known here"),
    ("revoked", 401, "revoked"),
    ("expired", None, None),
    ("stranger", None, None),
    ("twin", None, None),
    ("itself", None, None),
]


@pytest.mark.parametrize(("who", "status", "why"), TABLE)
def test_who_comes_in(gateway, authority, who, status, why):
    if status is None:
        with pytest.raises(ENDED):
            asks(gateway, authority, who)
        return
    answer = asks(gateway, authority, who)
    assert answer.status == status, answer.body
    challenge = answer.headers.get("www-authenticate", "")
    assert challenge.startswith("Bearer") == (status != 200)
    assert (why or "") in challenge
    assert ('error="invalid_token"' in challenge) == (status == 401 and who is not None)


@pytest.mark.parametrize(("who", "status", "why"), TABLE)
def test_who_comes_in_by_websocket(gateway, authority, who, status, why):
    if status is None:
        with pytest.raises(ENDED):
            linked(gateway, authority, who)
    elif status == 200:
        link = linked(gateway, authority, who)
        assert link.text(ECHO["name"], ECHO["arguments"]) == "x"
        link.close()
    else:
        with pytest.raises(RpcError) as refused:
            link = linked(gateway, authority, who)
            try:
                link.text(ECHO["name"], ECHO["arguments"])
            finally:
                link.close()
        assert refused.value.data["reason"] == ("denied" if status == 403 else "unauthorized")
        assert status == 403 or (why or "credentials are needed") in refused.value.message


@pytest.mark.parametrize("scheme", ["https", "wss"])
@pytest.mark.parametrize("who", [None, "expired", "stranger"])
def test_certificates_that_are_required(authority, tmp_path, who, scheme):
    with guarded(tmp_path, authority, "required") as gateway:
        with pytest.raises(ENDED):
            asks(gateway, authority, who) if scheme == "https" else linked(gateway, authority, who)
        assert asks(gateway, authority, "web").status == 200
        link = linked(gateway, authority, "web")
        assert link.text(ECHO["name"], ECHO["arguments"]) == "x"
        link.close()


def test_a_session_is_its_certificates(gateway, authority):
    """Its id opens nothing for another certificate, of the same tenant or of another, nor without one."""
    opened = asks(gateway, authority, "web", legacy(INITIALIZE))
    session = opened.headers["mcp-session-id"]
    ask = legacy({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}, session)
    assert asks(gateway, authority, "web", ask).status == 200
    for who, status in (("other", 404), ("batch", 404), (None, 401), ("revoked", 401)):
        assert asks(gateway, authority, who, ask).status == status, who
        for verb in ("GET", "DELETE"):
            headers = {"Mcp-Session-Id": session, "Accept": "text/event-stream"}
            assert asks(gateway, authority, who, request_bytes(headers=headers, verb=verb)).status == status
    # Nor on the listener without TLS, whatever its header fields say.
    pem = authority.pairs["web"][0].read_text().replace("\n", " ")
    for name in ("X-Client-Cert", "X-SSL-Client-Cert", "X-Forwarded-Client-Cert", "Client-Cert"):
        with Connection(gateway.port) as plain:
            plain.send(legacy({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}, session, headers={name: pem}))
            assert plain.answer().status == 401
    assert asks(gateway, authority, "web", ask).status == 200


def test_a_certificate_that_is_revoked(authority, tmp_path):
    """Its open streams end, on connections that stay, and others keep theirs."""
    file = tmp_path / "revoked.txt"
    file.write_text("# none yet\n")
    with guarded(tmp_path, authority, denied_file=str(file)) as gateway:
        held = {}
        for who in ("web", "other"):
            held[who] = Secure(gateway.ports["https"], authority.context(authority.pairs[who]))
            held[who].send(modern("subscriptions/listen", LISTEN))
            assert held[who].head()[0] == 200
            held[who].until(b"acknowledged")
        link = linked(gateway, authority, "web")
        assert link.text(ECHO["name"], ECHO["arguments"]) == "x"
        draft = tmp_path / "draft"
        draft.write_text(authority.serial(authority.pairs["web"]).lower() + "  # left us\n")
        draft.replace(file)
        while b"complete" not in held["web"].buffer:
            held["web"].fill()
        eventually(lambda: check(asks(gateway, authority, "web").status == 401))
        with pytest.raises(RpcError, match="revoked"):
            link.text(ECHO["name"], ECHO["arguments"])
        link.close()
        assert asks(gateway, authority, "other").status == 200
        assert json.dumps("complete").encode() not in held["other"].buffer
        for stream in held.values():
            stream.close()
