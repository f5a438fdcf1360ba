# SPDX-License-Identifier: Apache-2.0
"""How the gateway is let in at its servers: for itself, for each principal, again, and not at all."""

import contextlib
import json

import pytest

from rig.builds import build
from rig.gateway import native, serving, write
from rig.peers import HttpServer
from rig.processes import eventually
from rig.wire_http import exchange, legacy, modern
from test_identity import BOTH, INITIALIZE, bearer, check

ECHO = {"name": "up__echo", "arguments": {"text": "x"}}


@pytest.fixture(scope="module")
def vault(tmp_path_factory):
    return build(tmp_path_factory.mktemp("vault") / "vault.so", source="vault")


@contextlib.contextmanager
def running(tmp_path, vault, events, era="modern", demand=1000, **options):
    label = f"{tmp_path.name}-{era}"
    switches = ["--era", "modern"] if era == "modern" else []
    with HttpServer("raw", *switches, "--demand", demand, "--label", label, events=events) as upstream:
        credentials = {"source": "vault", **options}
        servers = {"up": {"url": upstream.url, "credentials": credentials}}
        plugins = [{"file": str(vault), "placement": "inproc"}]
        # What is supplied is kept by each loop.
        config = native(servers, auth=BOTH, plugins=plugins, runtime={"loops": 1, "drain_timeout": "3s"})
        with serving(write(tmp_path / "c.yaml", config)) as gateway:

            def listed():
                found = exchange(gateway.port, modern("tools/list", headers=bearer("bob"))).json
                check("up__echo" in json.dumps(found))

            eventually(listed)
            yield gateway, label


def call(gateway, name, **more):
    return exchange(gateway.port, modern("tools/call", ECHO, headers=bearer(name), **more))


def shown(events, mark, label):
    """What the next call showed."""
    return events.wait("message", mark, label=label, method="tools/call")["headers"]["authorization"]


@pytest.mark.parametrize("mode", ["each", "late"])
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_each_principal_shows_its_own(tmp_path, vault, events, era, mode):
    with running(tmp_path, vault, events, era, mode=mode) as (gateway, label):
        seen = {}
        for name in ["alice", "bob", "alice", "bob"]:
            mark = events.mark()
            answer = call(gateway, name)
            assert "result" in answer.json, answer
            token = shown(events, mark, label)
            assert token.startswith(f"Bearer {name}-")
            assert seen.setdefault(name, token) == token, "it was asked for again"


def test_a_common_token_is_for_all(tmp_path, vault, events):
    with running(tmp_path, vault, events, mode="shared") as (gateway, label):
        tokens = set()
        for name in ["alice", "bob"]:
            mark = events.mark()
            assert "result" in call(gateway, name).json
            tokens.add(shown(events, mark, label))
        assert len(tokens) == 1 and tokens.pop().startswith("Bearer everybody-")


@pytest.mark.parametrize("mode", ["each", "late"])
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_a_refused_token_is_replaced(tmp_path, vault, events, era, mode):
    with running(tmp_path, vault, events, era, demand=8, mode=mode) as (gateway, label):
        tokens = set()
        for _ in range(12):
            mark = events.mark()
            assert "result" in call(gateway, "alice").json
            tokens.add(shown(events, mark, label))
        assert len(tokens) >= 2
        assert any("-again" in token for token in tokens)


def test_a_server_that_never_accepts(tmp_path, vault, events):
    with HttpServer("raw", "--demand", 0, "--era", "modern", "--label", "closed", events=events) as upstream:
        servers = {"up": {"url": upstream.url, "credentials": {"source": "vault", "mode": "each"}}}
        plugins = [{"file": str(vault), "placement": "inproc"}]
        config = write(tmp_path / "c.yaml", native(servers, auth=BOTH, plugins=plugins))
        with serving(config) as gateway:
            mark = events.mark()
            for _ in range(3):
                events.wait("refused", mark, label="closed")
            gateway.log.wait("it asks for authorization (HTTP 401)")


def test_who_gets_none_hears_why(tmp_path, vault, events):
    with running(tmp_path, vault, events, mode="each", deny="bob") as (gateway, label):
        assert "result" in call(gateway, "alice").json
        answer = call(gateway, "bob")
        assert answer.status == 403
        assert answer.json["error"]["message"] == "server up: no tokens for bob"


def test_a_modern_client_is_sent_to_the_url(tmp_path, vault, events):
    with running(tmp_path, vault, events, mode="connect") as (gateway, label):
        abilities = {"elicitation": {"url": {}}}
        meta = {"io.modelcontextprotocol/clientCapabilities": abilities}
        first = exchange(gateway.port, modern("tools/call", {**ECHO, "_meta": meta}, headers=bearer("alice"))).json
        result = first["result"]
        assert result["resultType"] == "input_required"
        (name, question), = result["inputRequests"].items()
        assert question["params"]["url"] == "https://connect.example/alice"
        again = {
            **ECHO, "_meta": meta, "requestState": result["requestState"],
            "inputResponses": {name: {"action": "accept"}},
        }
        mark = events.mark()
        # Nobody else can take up what alice was asked.
        assert "result" not in exchange(gateway.port, modern("tools/call", again, headers=bearer("bob"))).json
        second = exchange(gateway.port, modern("tools/call", again, headers=bearer("alice"))).json
        assert second["result"]["content"]
        assert shown(events, mark, label).startswith("Bearer alice-")
        # One that cannot be sent anywhere is told so.
        answer = exchange(gateway.port, modern("tools/call", ECHO, headers=bearer("bob")))
        assert "error" in answer.json


def test_a_legacy_client_is_sent_to_the_url(tmp_path, vault, events):
    with running(tmp_path, vault, events, mode="connect") as (gateway, label):
        hello = {**INITIALIZE, "params": {**INITIALIZE["params"], "protocolVersion": "2025-11-25"}}
        opened = exchange(gateway.port, legacy(hello, version="2025-11-25", headers=bearer("alice")))
        session = opened.headers["mcp-session-id"]
        ask = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": ECHO}
        answer = exchange(
            gateway.port, legacy(ask, session, version="2025-11-25", headers=bearer("alice"))
        ).json["error"]
        assert answer["code"] == -32042
        (wanted,) = answer["data"]["elicitations"]
        assert wanted["mode"] == "url" and wanted["url"] == "https://connect.example/alice"
