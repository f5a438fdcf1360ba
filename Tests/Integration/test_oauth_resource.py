# SPDX-License-Identifier: Apache-2.0
"""The gateway as a protected resource: what clients without a token are told, at each endpoint and for each kind of
request, where its metadata are, and for which of them a token is good (RFC 9728, RFC 6750, MCP "Authorization")."""

import json

import pytest

from rig.gateway import native, serving, write
from rig.wire_http import Connection, exchange, legacy, modern, request_bytes
from test_auth_plugins import Issuer, bearer
from test_identity import INITIALIZE, LISTEN

WELL_KNOWN = "/.well-known/oauth-protected-resource"
ENDPOINTS = ["/mcp", "/mcp/servers/closed", "/mcp/bundles/both"]
SERVERS = {"open": {"plugin": "tools-demo"}, "closed": {"plugin": "tools-demo", "scopes": ["closed", "more"]}}
BUNDLES = {"both": {"servers": ["open", "closed"]}}
ORIGIN = "https://app.example"


def config(tmp_path, issuer, **auth):
    providers = [{"provider": "jwt", "issuer": issuer.url}]
    listeners = [{"transport": "http", "address": "127.0.0.1:0", "allowed_origins": [ORIGIN]}]
    blocks = {"bundles": BUNDLES, "listeners": listeners, "auth": {"providers": providers, "scopes": ["mcp"], **auth}}
    return write(tmp_path / "c.yaml", native(SERVERS, **blocks))


@pytest.fixture(scope="module")
def issuer():
    it = Issuer()
    it.new_key("one")
    yield it
    it.close()


@pytest.fixture(scope="module")
def gateway(issuer, tmp_path_factory):
    with serving(config(tmp_path_factory.mktemp("g"), issuer), listen=None) as running:
        yield running


def host(gateway):
    return {"Host": f"127.0.0.1:{gateway.port}"}


def parameters(challenge):
    """What a Bearer challenge says."""
    scheme, _, rest = challenge.partition(" ")
    assert scheme == "Bearer"
    return {k: v.strip('"') for k, _, v in (part.partition("=") for part in rest.split(", "))}


def get(gateway, path, verb="GET", **headers):
    headers = {"Accept": "application/json", "Content-Type": None, **host(gateway), **headers}
    return exchange(gateway.port, request_bytes(verb=verb, path=path, headers=headers, length=False))


REQUESTS = {
    "tools/list": lambda **more: modern("tools/list", **more),
    "server/discover": lambda **more: modern("server/discover", **more),
    "a stream": lambda **more: modern("subscriptions/listen", LISTEN, **more),
    "an unknown method": lambda **more: modern("no/such", **more),
    "initialize": lambda **more: legacy(INITIALIZE, **more),
    "a notification": lambda **more: legacy({"jsonrpc": "2.0", "method": "notifications/initialized"}, **more),
    "no JSON": lambda headers, **more: request_bytes(b"{", headers=headers, **more),
    "GET": lambda headers, **more: request_bytes(
        verb="GET", headers={**headers, "Accept": "text/event-stream"}, length=False, **more
    ),
    "DELETE": lambda headers, **more: request_bytes(
        verb="DELETE", headers={**headers, "Mcp-Session-Id": "x" * 40}, length=False, **more
    ),
}


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("kind", REQUESTS)
def test_every_request_is_challenged(gateway, kind, path):
    answer = exchange(gateway.port, REQUESTS[kind](headers=host(gateway), path=path))
    assert answer.status == 401, answer
    said = parameters(answer.headers["www-authenticate"])
    # Nothing was shown, so nothing is wrong with it.
    assert said == {
        "resource_metadata": f"http://127.0.0.1:{gateway.port}{WELL_KNOWN}{path}", "scope": "mcp"
    }
    assert b"demo" not in answer.body and "mcp-session-id" not in answer.headers


@pytest.mark.parametrize("path", ENDPOINTS)
def test_metadata_of_each_endpoint(gateway, issuer, path):
    basic = {"/mcp/servers/closed": ["mcp", "closed", "more"]}.get(path, ["mcp"])
    answer = get(gateway, WELL_KNOWN + path)
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "resource": f"http://127.0.0.1:{gateway.port}{path}",
        "authorization_servers": [issuer.url],
        "scopes_supported": basic,
        "bearer_methods_supported": ["header"],
        "resource_name": "Jackfield",
    }
    assert get(gateway, f"{WELL_KNOWN}{path}?x=1").json == answer.json


def test_metadata_elsewhere(gateway):
    """The place without a path is that of /mcp; what is no endpoint has none; names of other hosts are not taken."""
    assert get(gateway, WELL_KNOWN).json == get(gateway, f"{WELL_KNOWN}/mcp").json
    for path in ("/other", "/mcpx", "/healthz", "/mcp/" + "x" * 300):
        assert get(gateway, WELL_KNOWN + path).status == 404
    assert get(gateway, f"{WELL_KNOWN}/mcp", verb="POST").status == 404
    assert get(gateway, f"{WELL_KNOWN}/mcp", Host="evil.example").status == 403
    strange = get(gateway, f'{WELL_KNOWN}/mcp/"}},"x":"')
    assert strange.status in (400, 404) or list(strange.json)[0] == "resource"
    head = exchange(gateway.port, request_bytes(verb="HEAD", path=f"{WELL_KNOWN}/mcp", headers=host(gateway), length=False))
    assert head.status == 200 and head.body == b""


def test_clients_in_browsers(gateway):
    """One Access-Control-Allow-Origin, for the origins of the listener, and a challenge that scripts may read."""
    wire = request_bytes(path=f"{WELL_KNOWN}/mcp", verb="GET", headers={**host(gateway), "Origin": ORIGIN}, length=False)
    for data in (wire, modern("tools/list", headers={**host(gateway), "Origin": ORIGIN})):
        with Connection(gateway.port) as connection:
            connection.send(data)
            head = connection.until(b"\r\n\r\n").decode().lower()
        assert head.count("access-control-allow-origin:") == 1 and ORIGIN in head
        assert "www-authenticate" in head.partition("access-control-expose-headers:")[2].partition("\r\n")[0]
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "mcp-protocol-version"}
    flown = get(gateway, f"{WELL_KNOWN}/mcp", verb="OPTIONS", Origin=ORIGIN, **asked)
    assert flown.status == 204 and "mcp-protocol-version" in flown.headers["access-control-allow-headers"]
    assert get(gateway, f"{WELL_KNOWN}/mcp", Origin="https://evil.example").status == 403


def test_a_token_is_for_one_endpoint(gateway, issuer):
    for aud in ENDPOINTS:
        token = issuer.token("one", aud=f"http://127.0.0.1:{gateway.port}{aud}", scope="mcp")
        for path in ENDPOINTS:
            answer = exchange(gateway.port, modern("tools/list", headers={**host(gateway), **bearer(token)}, path=path))
            assert answer.status == (200 if path == aud else 401)
            if path != aud:
                assert parameters(answer.headers["www-authenticate"])["error"] == "invalid_token"


def test_the_name_that_clients_use(tmp_path, issuer):
    """What the configuration says is the resource, whatever a request calls the gateway."""
    with serving(config(tmp_path, issuer, resource="https://mcp.example"), listen=None) as gateway:
        document = get(gateway, f"{WELL_KNOWN}/mcp", Host="localhost").json
        assert document["resource"] == "https://mcp.example/mcp"
        answer = exchange(gateway.port, modern("tools/list", headers=host(gateway)))
        said = parameters(answer.headers["www-authenticate"])
        assert said["resource_metadata"] == f"https://mcp.example{WELL_KNOWN}/mcp"
        for aud, status in (("https://mcp.example/mcp", 200), (f"http://127.0.0.1:{gateway.port}/mcp", 401)):
            token = issuer.token("one", aud=aud, scope="mcp")
            assert exchange(gateway.port, modern("tools/list", headers=bearer(token))).status == status


STEP_UP = {
    "nothing": ("", "mcp"),
    "what everybody needs": ("mcp", "mcp closed more"),
    "half of it": ("mcp closed", "mcp closed more"),
    "something else, too": ("mcp vault", "mcp closed more vault"),
    "something that cannot be said": ('mcp va"ult', "mcp closed more"),
    "very much": (" ".join(["mcp", *(f"s{n}" for n in range(100))]), "mcp closed more"),
}


@pytest.mark.parametrize("granted", STEP_UP)
def test_the_scopes_of_a_call(gateway, issuer, granted):
    """All that the call needs in one challenge, and what the token has, so that nothing is lost."""
    has, needs = STEP_UP[granted]
    token = issuer.token("one", aud=f"http://127.0.0.1:{gateway.port}/mcp", scope=has)
    call = {"name": "closed__echo", "arguments": {"text": "x"}}
    answer = exchange(gateway.port, modern("tools/call", call, headers={**host(gateway), **bearer(token)}))
    assert answer.status == 403
    said = parameters(answer.headers["www-authenticate"])
    assert said["error"] == "insufficient_scope" and said["scope"] == needs and said["error_description"]
    assert said["resource_metadata"].endswith(f"{WELL_KNOWN}/mcp")
    assert json.loads(answer.body)["error"]["data"]["scopes"] == needs
    good = issuer.token("one", aud=f"http://127.0.0.1:{gateway.port}/mcp", scope=needs)
    headers = {**host(gateway), **bearer(good)}
    if granted != "nothing":
        assert exchange(gateway.port, modern("tools/call", call, headers=headers)).status == 200
