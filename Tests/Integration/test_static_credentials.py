# SPDX-License-Identifier: Apache-2.0
"""Header fields for servers from the configuration, files and a vault, none of which a client sees."""

import contextlib
import http.server
import json
import threading

import pytest

from rig.gateway import native, serving, write
from rig.peers import HttpServer
from rig.processes import eventually
from rig.wire_http import exchange, modern
from test_identity import check

ECHO = {"name": "up__echo", "arguments": {"text": "x"}}


class Vault:
    """As much of HashiCorp Vault's HTTP API as is asked for."""

    def __init__(self, accepted, **values):
        self.accepted, self.values, self.paths, self.lease = accepted, values, [], 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                outer.paths.append(self.path)
                if self.headers.get("x-vault-token") != outer.accepted:
                    return self.reply(403, {"errors": ["permission denied"]})
                if self.path != "/v1/secret/data/app":
                    return self.reply(404, {"errors": []})
                data = {"data": outer.values, "metadata": {"version": 1}}
                self.reply(200, {"data": data, "lease_duration": outer.lease})

            def reply(self, status, value):
                text = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextlib.contextmanager
def running(tmp_path, events, *switches, listed=True, **options):
    label = tmp_path.name
    with HttpServer("raw", "--era", "modern", "--label", label, *switches, events=events) as upstream:
        servers = {"up": {"url": upstream.url, "credentials": {"source": "static", **options}}}
        config = native(servers, runtime={"loops": 1, "drain_timeout": "3s"})
        with serving(write(tmp_path / "c.yaml", config)) as gateway:
            gateway.label = label

            def is_listed():
                check("up__echo" in json.dumps(exchange(gateway.port, modern("tools/list")).json))

            if listed:
                eventually(is_listed)
            yield gateway


def shown(gateway, events):
    mark = events.mark()
    headers = {"Authorization": "Bearer the-clients-own"}
    assert "result" in exchange(gateway.port, modern("tools/call", ECHO, headers=headers)).json
    return events.wait("message", mark, label=gateway.label, method="tools/call")["headers"]


def test_fields_of_the_configuration(tmp_path, events):
    options = {"headers": {"X-Key": "a{{b}-{key}", "Authorization": "Basic {key}"}}
    with running(tmp_path, events, **options, values={"key": {"text": "k1"}}) as gateway:
        headers = shown(gateway, events)
        assert headers["x-key"] == "a{b}-k1"
        assert headers["authorization"] == "Basic k1"


def test_a_file_that_changes(tmp_path, events):
    (tmp_path / "token").write_text("first\n")
    options = {"headers": {"Authorization": "Bearer {t}"}, "values": {"t": {"file": str(tmp_path / "token")}}}
    with running(tmp_path, events, **options) as gateway:
        assert shown(gateway, events)["authorization"] == "Bearer first"
        (tmp_path / "next").write_text("second\n")
        (tmp_path / "next").replace(tmp_path / "token")
        eventually(lambda: check(shown(gateway, events)["authorization"] == "Bearer second"))


def vaulted(vault, path, **more):
    return {
        "headers": {"Authorization": "Bearer {t}"},
        "values": {"t": {"vault": {"path": "secret/data/app", "field": "token"}}},
        "vault": {"address": vault.url, "token_file": str(path), **more},
    }


def test_a_vault(tmp_path, events):
    (tmp_path / "vault-token").write_text("hvs.root\n")
    with Vault("hvs.root", token="one") as vault:
        options = vaulted(vault, tmp_path / "vault-token", renew_ms=1000)
        with running(tmp_path, events, **options) as gateway:
            assert shown(gateway, events)["authorization"] == "Bearer one"
            vault.values = {"token": "two"}
            eventually(lambda: check(shown(gateway, events)["authorization"] == "Bearer two"))
            # What it says is no header field: the last good one stays.
            vault.values = {"token": "evil\r\nX-Admin: 1"}
            gateway.log.wait("it has no text of use in the field token")
            assert shown(gateway, events)["authorization"] == "Bearer two"


def test_a_vault_whose_value_was_replaced(tmp_path, events):
    (tmp_path / "vault-token").write_text("hvs.root")
    with Vault("hvs.root", token="one") as vault:
        options = vaulted(vault, tmp_path / "vault-token")
        with running(tmp_path, events, "--demand", 6, **options) as gateway:
            vault.values = {"token": "two"}
            for _ in range(8):
                headers = shown(gateway, events)
            assert headers["authorization"] == "Bearer two"


def test_a_vault_that_refuses(tmp_path, events):
    (tmp_path / "vault-token").write_text("hvs.wrong-one")
    with Vault("hvs.root", token="one") as vault:
        options = vaulted(vault, tmp_path / "vault-token")
        with running(tmp_path, events, listed=False, **options) as gateway:
            line = gateway.log.wait("it refuses us (403)")
            assert "wrong-one" not in line
            (tmp_path / "vault-token").write_text("hvs.root")
            eventually(lambda: shown(gateway, events))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"headers": {"A": "{b}"}}, "headers.A names a value that is not among values"),
        ({"headers": {"A": "{b}"}, "values": {"b": {"text": "x\ny"}}}, "cannot stand in a header field"),
        ({"headers": {"A b": "c"}}, "a field that cannot be one"),
        ({"headers": {}, "values": {"b": {"text": "x", "file": "/y"}}}, "must come from one place"),
        ({"headers": {}, "values": {"b": {"vault": {"path": "p", "field": "f"}}}}, "vault is missing"),
        ({"headers": {}, "values": {"b": {"file": "/nowhere/at/all"}}}, "No such file"),
    ],
)
def test_options_that_cannot_be(tmp_path, events, options, why):
    with running(tmp_path, events, listed=False, **options) as gateway:
        gateway.log.wait(why)
