# SPDX-License-Identifier: Apache-2.0
"""What passes a gateway and what must not: bytes, headers, environment, credentials, disconnects."""

import json
import sys
import threading

import pytest

from rig.gateway import ENVIRONMENT, Gateway, native, serving, stdio, write
from rig.peers import HttpServer, server_command
from rig.processes import eventually
from rig.rpc import META, MODERN
from rig.wire_http import Connection, exchange, legacy, modern, open_session
from servers.raw_faults import EXACT

ARGUMENTS = (
    '{"kind":"exact","n":2.50,"big":98765432109876543210,"esc":"\\u00fc\\/","nested":{"z":[1, 2],"a":1e3}}'
)
KINDS = ["http-modern", "http-legacy", "stdio-modern", "stdio-legacy"]


@pytest.fixture(scope="module")
def gateway(events, tmp_path_factory):
    with (
        HttpServer("raw", "--era", "modern", "--label", "hm", events=events) as hm,
        HttpServer("raw", "--label", "hl", events=events) as hl,
        HttpServer("sdk2", "--label", "slow", events=events) as slow,
    ):
        running = Gateway(
            write(
                tmp_path_factory.mktemp("pass") / "c.yaml",
                native(
                    {
                        "http-modern": {
                            "url": hm.url,
                            "headers": {"X-Team": "core", "X-Key": "${env:UPSTREAM_KEY}"},
                        },
                        "http-legacy": {"url": hl.url, "headers": {"X-Team": "old"}},
                        "stdio-modern": stdio(
                            server_command("raw", "--stdio", "--era", "modern", events=events)
                        ),
                        "stdio-legacy": stdio(server_command("raw", "--stdio", events=events)),
                        "slow": {"url": slow.url},
                    }
                ),
            ),
            env={"UPSTREAM_KEY": "s3cret-of-the-test"},
        )
        for name in KINDS:
            data = modern("tools/call", {"name": f"{name}__echo", "arguments": {"text": "up"}})
            eventually(lambda data=data: exchange(running.port, data).json["result"])
        yield running
        assert "s3cret-of-the-test" not in running.log.text(), "a secret was printed"
        running.stop()


@pytest.mark.parametrize("server", KINDS)
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_bytes_pass_as_they_were_spelt(gateway, events, server, era):
    """Numbers, escapes, order and unknown members of arguments and results survive."""
    params = {"name": f"{server}__fault", "arguments": "PLACE"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    plain = modern("tools/call", params) if era == "modern" else legacy(message, open_session(gateway.port))
    head, _, body = plain.partition(b"\r\n\r\n")
    body = body.replace(b'"PLACE"', ARGUMENTS.encode())
    lines = [
        b"Content-Length: %d" % len(body) if h.startswith(b"Content-Length") else h
        for h in head.split(b"\r\n")
    ]
    mark = events.mark()
    found = exchange(gateway.port, b"\r\n".join(lines) + b"\r\n\r\n" + body)
    assert EXACT.encode() in found.body, found.body
    assert ARGUMENTS in events.wait("exact", mark)["raw"]


def upstream_headers(events, mark, label):
    return events.wait("message", mark, label=label, method="tools/call")["headers"]


@pytest.mark.parametrize("server,label", [("http-modern", "hm"), ("http-legacy", "hl")])
def test_configured_headers_reach_the_server_and_credentials_do_not(gateway, events, server, label):
    mark = events.mark()
    mine = {"Authorization": "Bearer clients-own-token", "Cookie": "id=7", "X-Forwarded-For": "1.2.3.4"}
    data = modern("tools/call", {"name": f"{server}__echo", "arguments": {"text": "x"}}, headers=mine)
    assert exchange(gateway.port, data).status == 200
    headers = upstream_headers(events, mark, label)
    assert headers["x-team"] == ("core" if label == "hm" else "old")
    assert "clients-own-token" not in json.dumps(headers), "the client's token was passed on"
    assert "cookie" not in headers
    if label == "hm":
        assert headers["x-key"] == "s3cret-of-the-test"


def test_the_gateway_names_itself_upstream(gateway, events):
    mark = events.mark()
    exchange(gateway.port, modern("tools/call", {"name": "http-modern__echo", "arguments": {"text": "x"}}))
    sent = events.wait("message", mark, label="hm", method="tools/call")["message"]
    meta = sent["params"]["_meta"]
    assert meta[META + "clientInfo"]["name"] != "raw", "the client's identity was passed on as ours"
    assert meta[META + "protocolVersion"] == MODERN


def test_environment_and_folder_of_a_child(clients, tmp_path):
    script = (
        "import json,os,sys\n"
        "for line in sys.stdin:\n"
        "    m = json.loads(line)\n"
        "    if 'id' not in m: continue\n"
        "    r = {'protocolVersion': '2025-06-18', 'capabilities': {'tools': {}},\n"
        "         'serverInfo': {'name': 'env', 'version': '1'}}\n"
        "    if m['method'] == 'tools/list':\n"
        "        r = {'tools': [{'name': 'env', 'inputSchema': {'type': 'object'}}]}\n"
        "    if m['method'] == 'tools/call':\n"
        "        r = {'content': [{'type': 'text', 'text': json.dumps([dict(os.environ), os.getcwd()])}]}\n"
        "    a = {'result': r}\n"
        "    if m['method'] == 'server/discover': a = {'error': {'code': -32601, 'message': 'no'}}\n"
        "    print(json.dumps({'jsonrpc': '2.0', 'id': m['id'], **a}), flush=True)\n"
    )
    (tmp_path / "env.py").write_text(script)
    (tmp_path / "here").mkdir()
    (tmp_path / "token").write_text("from-a-file\n")
    entry = stdio([sys.executable, tmp_path / "env.py"], cwd=str(tmp_path / "here"))
    entry["env"] = {"PLAIN": "1", "FROM_ENV": "${env:OUTSIDE}", "FROM_FILE": "${file:token}"}
    config = write(tmp_path / "c.yaml", native({"e": entry}))
    outside = {"OUTSIDE": "o-u-t", "UNRELATED_SECRET": "never"}
    with serving(config, env=outside) as gateway, clients.open("raw-" + MODERN, url=gateway.url) as link:
        env, folder = json.loads(eventually(lambda: link.text("e__env")))
    assert (env["PLAIN"], env["FROM_ENV"], env["FROM_FILE"]) == ("1", "o-u-t", "from-a-file")
    assert env["PATH"] == ENVIRONMENT["PATH"]
    assert folder == str(tmp_path / "here")


# --- whose disconnect cancels ----------------------------------------------------------------------------


def test_modern_disconnect_cancels(gateway, events):
    mark = events.mark()
    with Connection(gateway.port) as connection:
        params = {"name": "slow__slow", "arguments": {"ms": 60000, "tag": "modern gone"}}
        connection.send(modern("tools/call", params))
        events.wait("started", mark, tag="modern gone")
    events.wait("cancelled", mark, tag="modern gone")


def test_handshake_era_disconnect_does_not_cancel(gateway, events):
    mark, session = events.mark(), open_session(gateway.port)
    params = {"name": "slow__slow", "arguments": {"ms": 700, "tag": "legacy gone"}}
    with Connection(gateway.port) as connection:
        connection.send(
            legacy({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, session)
        )
        events.wait("started", mark, tag="legacy gone")
    events.wait("finished", mark, tag="legacy gone")
    assert not events.since(mark, "cancelled", tag="legacy gone")


def test_modern_clients_may_use_the_same_ids_at_once(gateway):
    """Without sessions nothing says whose id it is: each POST is answered for itself."""
    answers = [None] * 20

    def one(n):
        params = {"name": "http-modern__echo", "arguments": {"text": f"mine {n}"}}
        answers[n] = exchange(gateway.port, modern("tools/call", params, number="same")).json

    threads = [threading.Thread(target=one, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a["result"]["content"][0]["text"] for a in answers] == [f"mine {n}" for n in range(20)]
    assert {a["id"] for a in answers} == {"same"}


def test_progress_tokens_of_two_clients_do_not_mix(clients, gateway):
    links = [clients.open(kind, url=gateway.url) for kind in ("raw-" + MODERN, "raw-2025-11-25", "sdk1")]
    calls = [
        link.start_call("slow__progress", {"steps": 20}, progress=True) for link in links for _ in range(2)
    ]
    for call in calls:
        call.result()
        assert [p["progress"] for p in call.progress] == list(range(1, 21))
    for link in links:
        link.close()


# --- parameters mirrored in headers ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def regional(events, tmp_path_factory):
    with HttpServer("raw", "--era", "modern", "--regional", "--label", "r", events=events) as server:
        running = Gateway(write(tmp_path_factory.mktemp("r") / "c.yaml", native({"r": {"url": server.url}})))
        eventually(lambda: exchange(running.port, modern("tools/call", {"name": "r__echo"})).json["result"])
        yield running
        running.stop()


def test_tools_with_invalid_annotations_are_dropped(clients, regional):
    with clients.open("raw-" + MODERN, url=regional.url) as link:
        names = set(link.tools())
    assert "r__regional" in names and not names & {"r__bad_type", "r__bad_token", "r__bad_empty"}


@pytest.mark.parametrize("kind", ["sdk2-modern", "sdk1", "raw-2024-11-05"])
def test_mirrored_parameters_are_sent_upstream(clients, events, regional, kind):
    mark = events.mark()
    with clients.open(kind, url=regional.url) as link:
        link.tools()
        for region in ("eu-west", "süd", " padded "):
            assert link.text("r__regional", {"region": region}) == "region " + region
        assert link.text("r__regional", {}) == "region None"
    assert not events.since(mark, "violation")


@pytest.mark.parametrize("header", [None, "other", "=?base64?@@?="])
def test_mirrored_parameter_must_match_the_body(regional, header):
    params = {"name": "r__regional", "arguments": {"region": "eu"}}
    found = exchange(regional.port, modern("tools/call", params, headers={"Mcp-Param-Region": header}))
    assert (found.status, found.code) == (400, -32020)
    right = exchange(regional.port, modern("tools/call", params, headers={"Mcp-Param-Region": "eu"}))
    assert right.json["result"]["content"][0]["text"] == "region eu"
