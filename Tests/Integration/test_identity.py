# SPDX-License-Identifier: Apache-2.0
"""Who may come in: providers, challenges, and what belongs to whom."""

import datetime
import hashlib
import json

import pytest

from rig.gateway import command_line, native, serving, write
from rig.peers import HttpServer
from rig.places import JACKFIELD
from rig.processes import eventually
from rig.raw_client import RawStdioClient
from rig.wire_http import Connection, exchange, legacy, modern, request_bytes

KEYS = {"alice": "jf_alice-0123456789abcdef", "bob": "jf_bob-0123456789abcdef"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}
LISTEN = {"notifications": {"toolsListChanged": True}}


def key(name, **more):
    digest = hashlib.sha256(KEYS[name].encode()).hexdigest()
    return {"id": f"key-{name}", "hash": f"sha256:{digest}", "subject": name, **more}


def provider(*keys, **more):
    return {"provider": "api-key", "keys": list(keys), **more}


def auth(*providers, **more):
    return {"providers": list(providers), **more}


def bearer(name):
    return {"Authorization": f"Bearer {KEYS.get(name, name)}"}


DEMO = {"demo": {"plugin": "tools-demo"}}
BOTH = auth(provider(key("alice", scopes=["mcp", "demo"]), key("bob", scopes=["mcp"])))


def config(tmp_path, servers=DEMO, **blocks):
    return write(tmp_path / "c.yaml", native(servers, **{"auth": BOTH, **blocks}))


@pytest.fixture
def gateway(tmp_path):
    with serving(config(tmp_path)) as made:
        yield made


def tools(gateway, headers, path="/mcp"):
    return exchange(gateway.port, modern("tools/list", headers=headers, path=path))


def test_a_stranger_hears_how_to_get_in(gateway):
    answer = tools(gateway, {})
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "error" not in answer.headers["www-authenticate"]
    assert answer.json["error"]["data"]["reason"] == "unauthorized"


@pytest.mark.parametrize(
    "value",
    ["Bearer jf_unknown-0123456789", "Bearer ", "Bearer", "bearer  x", "Basic YWxpY2U6", "Bearer a b"],
)
def test_credentials_that_nobody_knows_are_no_credentials(gateway, value):
    answer = tools(gateway, {"Authorization": value})
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_key_opens(gateway):
    for name in KEYS:
        answer = tools(gateway, bearer(name))
        assert answer.status == 200
        assert answer.json["result"]["cacheScope"] == "private"
    assert tools(gateway, {"X-API-Key": KEYS["alice"]}).status == 200


def test_a_key_that_the_command_made(tmp_path):
    done = command_line("key", "new", "carol", "--role", "reader", "--scope", "mcp", "--json")
    made = json.loads(done.stdout)
    assert made["key"] not in json.dumps(made["entry"]) and made["entry"]["roles"] == ["reader"]
    other = json.loads(command_line("key", "new", "carol", "--json").stdout)
    assert other["key"] != made["key"] and other["entry"]["id"] != made["entry"]["id"]
    with serving(config(tmp_path, auth=auth(provider(made["entry"]), scopes=["mcp"]))) as gateway:
        assert tools(gateway, bearer(made["key"])).status == 200
        assert tools(gateway, bearer(other["key"])).status == 401


def test_two_keys_are_one_too_many(gateway):
    both = [f"Bearer {KEYS['alice']}", f"Bearer {KEYS['bob']}"]
    assert tools(gateway, {"Authorization": both}).status == 401
    assert tools(gateway, {"Authorization": both[::-1]}).status == 401


def test_a_key_in_the_query_is_none(gateway):
    path = f"/mcp?access_token={KEYS['alice']}"
    assert exchange(gateway.port, modern("tools/list", path=path)).status == 401


def test_strangers_do_not_learn_which_endpoints_exist(gateway):
    for path in ["/mcp/servers/demo", "/mcp/servers/nothing", "/mcp/bundles/nothing"]:
        assert tools(gateway, {}, path).status == 401
    assert tools(gateway, bearer("alice"), "/mcp/servers/nothing").status == 404


def test_health_is_for_everybody(gateway):
    def is_ready():
        assert gateway.get("/readyz")[0] == 200

    assert gateway.get("/healthz")[0] == 200
    # It is not before its servers had their chance to list.
    eventually(is_ready)


def test_a_session_is_its_openers(gateway):
    opened = exchange(gateway.port, legacy(INITIALIZE, headers=bearer("alice")))
    session = opened.headers["mcp-session-id"]
    ask = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}

    def status(name, path="/mcp"):
        return exchange(gateway.port, legacy(ask, session, headers=bearer(name), path=path)).status

    assert status("alice") == 200
    assert status("bob") == 404
    assert status("alice", "/mcp/servers/demo") == 404
    for verb in ["GET", "DELETE"]:
        headers = {"Mcp-Session-Id": session, "Accept": "text/event-stream", **bearer("bob")}
        answer = exchange(gateway.port, request_bytes(headers=headers, verb=verb))
        assert answer.status == 404
    assert exchange(gateway.port, legacy(ask, session)).status == 401
    assert status("alice") == 200


def test_scopes_are_stepped_up(tmp_path):
    servers = {"demo": {"plugin": "tools-demo", "scopes": ["demo"]}}
    with serving(config(tmp_path, servers, auth={**BOTH, "scopes": ["mcp"]})) as gateway:
        call = {"name": "demo__echo", "arguments": {"text": "x"}}
        answer = exchange(gateway.port, modern("tools/call", call, headers=bearer("bob")))
        assert answer.status == 403
        challenge = answer.headers["www-authenticate"]
        assert 'error="insufficient_scope"' in challenge and 'scope="mcp demo"' in challenge
        # Who could step up must see for what.
        assert "demo__echo" in tools(gateway, bearer("bob")).body.decode()
        assert exchange(gateway.port, modern("tools/call", call, headers=bearer("alice"))).status == 200


def test_everybody_needs_the_common_scopes(tmp_path):
    strict = auth(provider(key("alice", scopes=["mcp"]), key("bob")), scopes=["mcp"])
    with serving(config(tmp_path, auth=strict)) as gateway:
        assert tools(gateway, bearer("alice")).status == 200
        answer = tools(gateway, bearer("bob"))
        assert answer.status == 403
        assert 'scope="mcp"' in answer.headers["www-authenticate"]


def test_nobody_is_let_in_where_that_is_allowed(tmp_path):
    with serving(config(tmp_path, auth={**BOTH, "required": False})) as gateway:
        assert tools(gateway, {}).status == 200
        assert tools(gateway, bearer("jf_unknown-0123456789")).status == 401


def test_a_key_that_was_withdrawn_closes_streams(tmp_path):
    keys = tmp_path / "keys.json"
    write(keys, {"keys": [key("alice"), key("bob")]})
    source = {"provider": "api-key", "file": "keys.json"}
    with serving(config(tmp_path, auth=auth(source))) as gateway, Connection(gateway.port) as stream:
        stream.send(modern("subscriptions/listen", LISTEN, headers=bearer("alice")))
        assert stream.head()[0] == 200
        stream.until(b"acknowledged")
        write(keys, {"keys": [key("bob")]})
        # The stream ends by itself, and its key opens nothing any more.
        while b"complete" not in stream.buffer:
            stream.fill()
        eventually(lambda: check(tools(gateway, bearer("alice")).status == 401))
        assert tools(gateway, bearer("bob")).status == 200


def check(holds):
    assert holds


def test_an_expiring_key_ends(tmp_path):
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
    ending = key("alice", expires=soon.strftime("%Y-%m-%dT%H:%M:%SZ"))
    with serving(config(tmp_path, auth=auth(provider(ending, key("bob"))))) as gateway:
        with Connection(gateway.port, timeout=20) as stream:
            stream.send(modern("subscriptions/listen", LISTEN, headers=bearer("alice")))
            assert stream.head()[0] == 200
            while b"complete" not in stream.buffer:
                stream.fill()
        answer = tools(gateway, bearer("alice"))
        assert answer.status == 401
        assert tools(gateway, bearer("bob")).status == 200


def test_a_reload_changes_who_comes_in(tmp_path):
    path = write(tmp_path / "c.yaml", native(DEMO, auth=auth(provider(key("alice")))))
    with serving(path) as gateway:
        assert tools(gateway, bearer("bob")).status == 401
        write(path, native(DEMO, auth=auth(provider(key("bob")))))
        gateway.reload()
        eventually(lambda: check(tools(gateway, bearer("bob")).status == 200))
        assert tools(gateway, bearer("alice")).status == 401
        write(path, native(DEMO, auth=auth(provider({"id": "x", "hash": "sha256:00", "subject": "x"}))))
        gateway.reload()
        gateway.log.wait("reload changed nothing")
        assert tools(gateway, bearer("bob")).status == 200


def test_whoever_started_the_gateway_is_in(tmp_path):
    command = [JACKFIELD, "serve", "--stdio", "--config", config(tmp_path)]
    with RawStdioClient(command, "2026-07-28") as client:
        assert any(tool["name"] == "demo__echo" for tool in client.request("tools/list")["tools"])


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_what_the_client_showed_stays_here(tmp_path, events, era):
    switches = ["--era", "modern"] if era == "modern" else []
    with HttpServer("raw", *switches, "--label", f"id-{era}", events=events) as upstream:
        with serving(config(tmp_path, {"up": {"url": upstream.url}})) as gateway:
            call = {"name": "up__echo", "arguments": {"text": "x"}}
            shown = {"Cookie": "session=hidden", "Proxy-Authorization": "Basic hidden", **bearer("alice")}
            mark = events.mark()

            def answered():
                assert "result" in exchange(gateway.port, modern("tools/call", call, headers=shown)).json

            eventually(answered)
            seen = events.wait("message", mark, label=f"id-{era}", method="tools/call")
            text = json.dumps(seen).lower()
            assert KEYS["alice"] not in text and "hidden" not in text and "authorization" not in text


def test_endpoints_say_where_credentials_come_from(tmp_path):
    # Without an authorization server there is nothing to say.
    with serving(config(tmp_path)) as gateway:
        assert gateway.get("/.well-known/oauth-protected-resource/mcp")[0] == 404
        assert gateway.get("/.well-known/oauth-protected-resource")[0] == 404
