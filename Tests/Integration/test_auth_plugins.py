# SPDX-License-Identifier: Apache-2.0
"""Providers of identities in the real gateway: keys, tokens of a real OpenID provider, tokens that are asked about, and
what clients outside are told."""

import base64
import contextlib
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from oidc_provider_mock import run_server_in_thread

from rig import processes
from rig.gateway import native, serving, write
from rig.wire_http import exchange, modern

DEMO = {"demo": {"plugin": "tools-demo"}}


def ask(gateway, headers=None, path="/mcp"):
    """One request; lists what there is."""
    return exchange(gateway.port, modern("tools/list", headers=headers or {}, path=path))


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@contextlib.contextmanager
def guarded(tmp_path, *providers, **more):
    config = write(tmp_path / "gateway.yaml", native(DEMO, auth={"providers": list(providers), **more}))
    with serving(config) as gateway:
        yield gateway


def until(status, gateway, headers):
    """Asks again until it is answered so: what changes is seen by the gateway in its own time."""

    def answered():
        assert ask(gateway, headers).status == status

    processes.eventually(answered)


class Issuer:
    """An authorization server of which the test says what it answers."""

    def __init__(self):
        self.keys = {}
        self.asked = []
        self.status = 200
        self.active = {}
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def answer(self, value):
                body = json.dumps(value).encode()
                self.send_response(issuer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                issuer.asked.append(self.path)
                if self.path == "/.well-known/oauth-authorization-server/realm":
                    self.answer({"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"})
                elif self.path == "/realm/keys":
                    self.answer({"keys": [issuer.public(kid) for kid in issuer.keys]})
                else:
                    self.send_error(404)

            def do_POST(self):
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                who = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
                assert who == "gateway:hush" and form["token_type_hint"] == ["access_token"]
                issuer.asked.append(form["token"][0])
                self.answer(issuer.active.get(form["token"][0], {"active": False}))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/realm"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def new_key(self, kid):
        self.keys[kid] = ec.generate_private_key(ec.SECP256R1())

    def public(self, kid):
        jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.keys[kid].public_key()))
        return {**jwk, "kid": kid, "use": "sig"}

    def token(self, kid, key=None, **claims):
        now = int(time.time())
        claims = {"iss": self.url, "sub": "alice", "iat": now, "exp": now + 300, **claims}
        return jwt.encode(
            {k: v for k, v in claims.items() if v is not None}, key or self.keys[kid], "ES256", {"kid": kid}
        )


@pytest.fixture
def issuer():
    it = Issuer()
    it.new_key("one")
    yield it
    it.close()


def refused(answer, status=401):
    assert answer.status == status, (answer.status, answer.body[:300])
    return answer.headers.get("www-authenticate", "")


def test_tokens_of_an_openid_provider(tmp_path):
    """Discovery, keys and a signature as a real provider has them: the id token, for which the client is the audience."""
    with run_server_in_thread() as provider, httpx.Client() as client:
        url = f"http://localhost:{provider.server_port}"
        back = "http://127.0.0.1:9/back"
        app = client.post(f"{url}/oauth2/clients", json={"redirect_uris": [back]}).json()
        query = {"client_id": app["client_id"], "redirect_uri": back, "response_type": "code", "scope": "openid"}
        to = client.post(f"{url}/oauth2/authorize", params=query, data={"sub": "alice"}).headers["location"]
        tokens = client.post(
            f"{url}/oauth2/token",
            auth=(app["client_id"], app["client_secret"]),
            data={
                "grant_type": "authorization_code",
                "code": parse_qs(urlsplit(to).query)["code"][0],
                "redirect_uri": back,
            },
        ).json()
        settings = {"provider": "jwt", "issuer": url, "audiences": [app["client_id"]], "strict": True}
        with guarded(tmp_path, settings) as gateway:
            assert ask(gateway, bearer(tokens["id_token"])).status == 200
            assert "invalid_token" in refused(ask(gateway, bearer(tokens["id_token"][:-8])))
            challenge = refused(ask(gateway))
            assert "error=" not in challenge and "resource_metadata=" in challenge
            where = challenge.split('resource_metadata="')[1].split('"')[0]
            document = client.get(f"http://127.0.0.1:{gateway.port}{urlsplit(where).path}").json()
            assert document["authorization_servers"] == [url]
            # An access token that is no JWT is nobody's here.
            refused(ask(gateway, bearer(tokens["access_token"])))


def test_tokens_for_this_endpoint_only(tmp_path, issuer):
    with guarded(tmp_path, {"provider": "jwt", "issuer": issuer.url}, resource="https://mcp.example") as gateway:
        token = issuer.token("one", aud="https://mcp.example/mcp")
        assert ask(gateway, bearer(token)).status == 200
        for aud in ("https://other.example", "https://mcp.example", ["https://mcp.example/mcp/x"], None):
            assert "invalid_token" in refused(ask(gateway, bearer(issuer.token("one", aud=aud))))
        assert "invalid_token" in refused(ask(gateway, bearer(token), path="/mcp/servers/demo"))
        twice = [f"Bearer {token}"] * 2
        assert ask(gateway, {"Authorization": twice}).status in (400, 401)


def test_keys_rotate_and_fail(tmp_path, issuer):
    """Metadata and keys are fetched once for many; a new key is found; nobody comes in while keys cannot be had."""
    aud = "https://mcp.example/mcp"
    provider = {"provider": "jwt", "issuer": issuer.url, "audiences": [aud], "refetch_ms": 1000}
    issuer.status = 500
    with guarded(tmp_path, provider) as gateway:
        answer = ask(gateway, bearer(issuer.token("one", aud=aud)))
        refused(answer, 503)
        assert int(answer.headers["retry-after"]) >= 1
        issuer.status = 200
        until(200, gateway, bearer(issuer.token("one", aud=aud)))
        fetched = issuer.asked.count("/realm/keys")
        threads = [
            threading.Thread(target=lambda: ask(gateway, bearer(issuer.token("one", aud=aud, jti=str(n)))))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert issuer.asked.count("/realm/keys") == fetched, "keys that are there are not fetched"
        issuer.new_key("two")
        until(200, gateway, bearer(issuer.token("two", aud=aud)))
        forged = issuer.token("one", ec.generate_private_key(ec.SECP256R1()), aud=aud)
        assert "invalid_token" in refused(ask(gateway, bearer(forged)))


def test_tokens_that_are_asked_about(tmp_path, issuer):
    provider = {
        "provider": "introspection",
        "endpoint": f"{issuer.url}/introspect",
        "client_id": "gateway",
        "client_secret": "hush",
        "keep_ms": 0,
        "keep_refused_ms": 0,
    }
    with guarded(tmp_path, provider) as gateway:
        issuer.active["good"] = {"active": True, "sub": "alice", "exp": int(time.time()) + 60}
        issuer.active["other"] = {"active": True, "sub": "alice", "aud": "https://other.example"}
        assert ask(gateway, bearer("good")).status == 200
        assert "invalid_token" in refused(ask(gateway, bearer("bad")))
        assert "invalid_token" in refused(ask(gateway, bearer("other")))
        del issuer.active["good"]
        assert "invalid_token" in refused(ask(gateway, bearer("good"))), "revoked, and nothing was kept"
        issuer.status = 500
        refused(ask(gateway, bearer("fresh")), 503)


def key_entry(key, name, subject="ci", **more):
    return {
        "id": name,
        "hash": "sha256:" + hashlib.sha256(key.encode()).hexdigest(),
        "subject": subject,
        **more,
    }


def test_keys_of_a_file(tmp_path):
    file = tmp_path / "keys.json"
    write(file, {"keys": [key_entry("jf_first", "one")]})
    with guarded(tmp_path, {"provider": "api-key", "file": "keys.json"}) as gateway:
        assert ask(gateway, bearer("jf_first")).status == 200
        assert ask(gateway, {"X-API-Key": "jf_first"}).status == 200
        refused(ask(gateway, bearer("jf_second")))
        refused(ask(gateway))
        write(file, {"keys": [key_entry("jf_second", "two")]})
        until(200, gateway, bearer("jf_second"))
        until(401, gateway, bearer("jf_first"))


def test_the_order_of_providers(tmp_path, issuer):
    """Each kind of credentials finds its provider; without any, who is here is local."""
    aud = "https://mcp.example/mcp"
    providers = [
        {"provider": "api-key", "keys": [key_entry("jf_first", "one")]},
        {"provider": "jwt", "issuer": issuer.url, "audiences": [aud]},
        {
            "provider": "introspection",
            "endpoint": f"{issuer.url}/introspect",
            "client_id": "gateway",
            "client_secret": "hush",
        },
        {"provider": "none"},
    ]
    issuer.active["opaque"] = {"active": True, "sub": "alice"}
    with guarded(tmp_path, *providers) as gateway:
        for headers in (bearer("jf_first"), bearer(issuer.token("one", aud=aud)), bearer("opaque"), {}):
            assert ask(gateway, headers).status == 200, headers
        refused(ask(gateway, bearer("jf_unknown")))
        refused(ask(gateway, bearer(issuer.token("one", aud="x"))))
        refused(ask(gateway, bearer("unknown")))
        refused(ask(gateway, {"X-Forwarded-For": "192.0.2.1"}))
        refused(ask(gateway, {"Authorization": "Basic YWxpY2U6eA=="}))


def test_wrong_options_are_told_at_the_start(tmp_path):
    config = write(
        tmp_path / "gateway.yaml",
        native(DEMO, auth={"providers": [{"provider": "jwt", "issuer": "http://id.example"}]}),
    )
    with pytest.raises(Exception, match="not https"):
        with serving(config):
            pass
