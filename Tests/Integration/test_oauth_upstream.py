# SPDX-License-Identifier: Apache-2.0
"""Tokens that the gateway shows to servers: for itself, in exchange, and those it must not ask for."""

import contextlib
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rig.authorization import GRANT, TOKEN, AuthorizationServer
from rig.gateway import native, serving, write
from rig.peers import HttpServer
from rig.processes import eventually
from rig.wire_http import exchange, modern
from test_identity import BOTH, KEYS, bearer, check

ECHO = {"name": "up__echo", "arguments": {"text": "x"}}
CLIENT = {"client_id": "gate way", "client_secret": "s:e c+ret"}


@contextlib.contextmanager
def running(tmp_path, events, server, *switches, listed=True, demand=1000, blocks=None, **options):
    """A server that names `server` as where its tokens come from, and the gateway in front of it."""
    label = tmp_path.name
    switches = ["--era", "modern", "--demand", demand, "--label", label, *switches]
    if server:
        switches += ["--issuer", server.url]
    with HttpServer("raw", *switches, events=events) as upstream:
        servers = {"up": {"url": upstream.url, "credentials": {"source": "oauth", **options}}}
        config = native(servers, auth=BOTH, **(blocks or {}))
        config["runtime"]["loops"] = 1
        with serving(write(tmp_path / "c.yaml", config)) as gateway:
            gateway.upstream, gateway.label = upstream, label

            def is_listed():
                found = exchange(gateway.port, modern("tools/list", headers=bearer("bob"))).json
                check("up__echo" in json.dumps(found))

            if listed:
                eventually(is_listed)
            yield gateway


def call(gateway, name="alice", **more):
    return exchange(gateway.port, modern("tools/call", ECHO, headers=bearer(name), **more))


def shown(events, mark, gateway):
    """What the next call showed."""
    found = events.wait("message", mark, label=gateway.label, method="tools/call")
    return found["headers"]["authorization"]


@pytest.mark.parametrize("way", ["basic", "post"])
def test_the_gateway_as_itself(tmp_path, events, way):
    with AuthorizationServer() as server:
        options = {"grant": "client_credentials", **CLIENT, "client_auth": way}
        with running(tmp_path, events, server, **options) as gateway:
            for name in ["alice", "bob"]:
                mark = events.mark()
                assert "result" in call(gateway, name).json
                assert shown(events, mark, gateway) == "Bearer gate-way.1"
            (form,) = server.forms
            assert form["grant_type"] == "client_credentials"
            assert form["resource"] == gateway.upstream.url
            assert form["scope"] == "mcp"
            assert KEYS["alice"] not in json.dumps(server.forms)


def test_a_refused_token_is_replaced(tmp_path, events):
    with AuthorizationServer() as server:
        options = {"grant": "client_credentials", **CLIENT}
        with running(tmp_path, events, server, demand=8, **options) as gateway:
            for _ in range(12):
                assert "result" in call(gateway).json
            assert 2 <= len(server.forms) <= 4


@pytest.mark.parametrize("kind", ["ES256", "RS256"])
def test_a_signature_instead_of_a_secret(tmp_path, events, kind):
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ES256" else rsa.generate_private_key(65537, 2048)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    with AuthorizationServer(key=key.public_key()) as server:
        options = {"grant": "client_credentials", "client_id": "gw", "key_file": "key.pem"}
        with running(tmp_path, events, server, **options) as gateway:
            assert "result" in call(gateway).json
            assert "client_secret" not in server.forms[0]


def test_scopes_that_the_challenge_wants(tmp_path, events):
    with AuthorizationServer() as server:
        options = {"grant": "client_credentials", **CLIENT, "issuer": server.url, "scopes": ["own"]}
        switches = ["--challenge", ', scope="mcp files"']
        with running(tmp_path, events, None, *switches, demand=6, **options) as gateway:
            for _ in range(8):
                assert "result" in call(gateway).json
            assert server.forms[0]["scope"] == "own"
            assert server.forms[-1]["scope"] == "own mcp files"


def test_a_token_in_exchange(tmp_path, events):
    with AuthorizationServer() as server:
        options = {"grant": "token_exchange", "gateway_grant": "client_credentials", "issuer": server.url, **CLIENT}
        with running(tmp_path, events, server, **options) as gateway:
            for name in ["alice", "bob"]:
                mark = events.mark()
                assert "result" in call(gateway, name).json
                # This server's tokens tell what they were given for.
                assert shown(events, mark, gateway).startswith(f"Bearer {KEYS[name]}.")
                form = server.forms[-1]
                assert form["grant_type"] == GRANT + "token-exchange"
                assert form["subject_token_type"] == TOKEN + "access_token"
            count = len(server.forms)
            assert "result" in call(gateway, "alice").json
            assert len(server.forms) == count


def test_a_user_whom_the_authorization_server_refuses(tmp_path, events):
    with AuthorizationServer() as server:
        options = {"grant": "token_exchange", "gateway_grant": "client_credentials", "issuer": server.url, **CLIENT}
        with running(tmp_path, events, server, **options) as gateway:
            server.answer = 400, {"error": "invalid_grant", "error_description": "<script>"}
            answer = call(gateway)
            assert answer.status == 403
            assert "no access for this user" in answer.json["error"]["message"]
            assert "script" not in json.dumps(answer.json)


def test_enterprise_managed_authorization(tmp_path, events):
    with AuthorizationServer() as server, AuthorizationServer(secret="idp") as idp:
        options = {"grant": "id_jag", "gateway_grant": "client_credentials", **CLIENT}
        options["idp"] = {"issuer": idp.url, "client_id": "gw", "client_secret": "idp"}
        with running(tmp_path, events, server, **options) as gateway:
            mark = events.mark()
            assert "result" in call(gateway).json
            assert shown(events, mark, gateway).startswith(f"Bearer jag-{KEYS['alice']}.")
            (asked,) = idp.forms
            assert asked["audience"] == server.url
            assert asked["resource"] == gateway.upstream.url
            assert asked["subject_token_type"] == TOKEN + "id_token"
            assert server.forms[-1]["grant_type"] == GRANT + "jwt-bearer"


LIES = {
    "issuer": ({"issuer": "https://other.example"}, "of another issuer"),
    "metadata": ({"token_endpoint": "http://10.0.0.1/token"}, "is not https"),
    "cloud": ({"token_endpoint": "https://169.254.169.254/token"}, "is in a private network"),
    "short": ({"token_endpoint": "https://127.1/token"}, "has a name of a private network"),
    "script": ({"authorization_endpoint": "javascript:alert(1)"}, "is no http or https URL"),
}


@pytest.mark.parametrize("lie", LIES)
def test_metadata_that_lie(tmp_path, events, lie):
    lies, why = LIES[lie]
    with AuthorizationServer(**lies) as server:
        options = {"grant": "client_credentials", **CLIENT}
        with running(tmp_path, events, server, listed=False, **options) as gateway:
            gateway.log.wait(why)
            assert server.forms == []


def test_a_server_that_calls_itself_another(tmp_path, events):
    with AuthorizationServer() as server:
        options = {"grant": "client_credentials", **CLIENT}
        switches = ["--resource", "https://bank.example/mcp"]
        with running(tmp_path, events, server, *switches, listed=False, **options) as gateway:
            gateway.log.wait("are of another resource")
            assert server.asked == [] and server.forms == []


def test_a_challenge_that_points_inside_the_network(tmp_path, events):
    options = {"grant": "client_credentials", **CLIENT}
    switches = ["--challenge", ', resource_metadata="http://192.168.0.1/x"']
    with running(tmp_path, events, None, *switches, listed=False, **options) as gateway:
        gateway.log.wait("the resource_metadata that")
        gateway.log.wait("is not https")


def test_a_wrong_secret_is_told_to_the_operator(tmp_path, events):
    with AuthorizationServer(secret="another") as server:
        options = {"grant": "client_credentials", **CLIENT}
        with running(tmp_path, events, server, listed=False, **options) as gateway:
            line = gateway.log.wait("invalid_client")
            assert "s:e" not in line
