# SPDX-License-Identifier: Apache-2.0
"""Credentials that are wrong in every way that we could think of: the status, what the challenge says, and that nothing
of them is in the log.

| what is tried | where |
|---|---|
| expired, not yet valid, wrong audience, wrong issuer, `alg: none`, algorithm confusion | `TOKENS` |
| unknown kid, oversized | `TOKENS` |
| keys of the attacker named in the token itself | `TOKENS`, `test_keys_that_a_token_brings` |
| JWKS down, or of somebody else | `test_keys_that_cannot_be_had` |
| header smuggling: twice, folded, joined, in trailers, in the query | `FIELDS`, `test_a_trailer_is_no_header` |
| sessions of another principal or another route | `test_sessions_of_others`, `test_identity.py`, `test_mtls.py` |
| what else of one principal is tried by others | `test_apart.py` |
| a server's challenge or metadata that point inside the network, redirect tricks | `test_oauth_scenarios.py` |
| `javascript:` authorization URLs | `test_oauth_scenarios.py` |
"""

import base64
import contextlib
import hashlib
import hmac
import json
import socket
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rig.gateway import native, serving, write
from rig.wire_http import Connection, exchange, legacy, modern
from test_auth_plugins import Issuer, ask, bearer
from test_identity import INITIALIZE

DEMO = {"demo": {"plugin": "tools-demo"}}
RESOURCE = "https://mcp.example"
AUD = f"{RESOURCE}/mcp"


class TwoKinds(Issuer):
    """An issuer with an EC key `one` and an RSA key `wide`."""

    def new_rsa(self, kid):
        self.keys[kid] = rsa.generate_private_key(65537, 2048)

    def public(self, kid):
        if not isinstance(self.keys[kid], rsa.RSAPrivateKey):
            return super().public(kid)
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.keys[kid].public_key()))
        return {**jwk, "kid": kid, "use": "sig"}


@contextlib.contextmanager
def guarded(path, *providers, **more):
    auth = {"providers": list(providers), "resource": RESOURCE, "scopes": ["mcp"], **more}
    with serving(write(path / "c.yaml", native(DEMO, auth=auth))) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def issuer():
    it = TwoKinds()
    it.new_key("one")
    it.new_rsa("wide")
    yield it
    it.close()


@pytest.fixture(scope="module")
def gateway(issuer, tmp_path_factory):
    with guarded(tmp_path_factory.mktemp("g"), {"provider": "jwt", "issuer": issuer.url}) as running:
        yield running


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(issuer, **more):
    now = int(time.time())
    basic = {"iss": issuer.url, "sub": "alice", "aud": AUD, "scope": "mcp", "iat": now, "exp": now + 300}
    return {k: v for k, v in {**basic, **more}.items() if v is not None}


def signed(issuer, kid="one", key=None, alg="ES256", header=None, **more):
    return jwt.encode(claims(issuer, **more), key or issuer.keys[kid], alg, {"kid": kid, **(header or {})})


def by_hand(header, body, sign=lambda text: b""):
    """A token that no library would make; texts are taken as they are."""
    parts = [p if isinstance(p, bytes) else json.dumps(p).encode() for p in (header, body)]
    text = ".".join(map(url64, parts))
    return f"{text}.{url64(sign(text.encode()))}"


def confused(issuer, form):
    """HS256 with what everybody knows of the RSA key as the secret."""
    public = issuer.keys["wide"].public_key()
    secret = {
        "pem": public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "der": public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "modulus": public.public_numbers().n.to_bytes(256, "big"),
        "empty": b"",
    }[form]
    header = {"alg": "HS256", "kid": "wide", "typ": "at+jwt"}
    return by_hand(header, claims(issuer), lambda text: hmac.digest(secret, text, hashlib.sha256))


def flipped(token):
    """One bit of the signature is another."""
    head, _, signature = token.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[10] ^= 1
    return f"{head}.{url64(bytes(raw))}"


def soon():
    return int(time.time()) + 3600


STRANGER = ec.generate_private_key(ec.SECP256R1())
KNOWN = 'error="invalid_token"'

# What is shown, and what the challenge says of it. All are 401.
TOKENS = {
    "expired": (lambda i: signed(i, exp=int(time.time()) - 3600), "expired"),
    "without an end": (lambda i: signed(i, exp=None), "exp"),
    "not yet valid": (lambda i: signed(i, nbf=soon()), "not valid yet"),
    "issued in the future": (lambda i: signed(i, iat=soon(), exp=soon() + 60), ""),
    "ends beyond all times": (lambda i: signed(i, exp=10**15), ""),
    "ends at a text": (lambda i: by_hand({"alg": "ES256", "kid": "one"}, claims(i, exp="tomorrow")), ""),
    "wrong audience": (lambda i: signed(i, aud="https://other.example/mcp"), "another audience"),
    "no audience": (lambda i: signed(i, aud=None), "audience"),
    "audience of the host": (lambda i: signed(i, aud=RESOURCE), "another audience"),
    "audience with two slashes more": (lambda i: signed(i, aud=AUD + "//"), "another audience"),
    "audience of another route": (lambda i: signed(i, aud=AUD + "/servers/demo"), "another audience"),
    "wrong issuer": (lambda i: signed(i, iss="https://evil.example"), "no provider here knows"),
    "issuer with a slash more": (lambda i: signed(i, iss=i.url + "/"), "no provider here knows"),
    "issuer in capitals": (lambda i: signed(i, iss=i.url.upper()), "no provider here knows"),
    "no issuer": (lambda i: signed(i, iss=None), "no provider here knows"),
    "alg none": (lambda i: by_hand({"alg": "none"}, claims(i)), ""),
    "alg NONE, with a kid": (lambda i: by_hand({"alg": "NONE", "kid": "one"}, claims(i)), ""),
    "alg none, signed": (lambda i: by_hand({"alg": "none"}, claims(i), lambda _: b"x" * 64), ""),
    "no alg": (lambda i: by_hand({"typ": "at+jwt"}, claims(i)), ""),
    "alg is a list": (lambda i: by_hand({"alg": ["none", "ES256"], "kid": "one"}, claims(i)), ""),
    **{
        f"confusion, the {form} as secret": (lambda i, form=form: confused(i, form), "")
        for form in ("pem", "der", "modulus", "empty")
    },
    "the other key's algorithm": (lambda i: signed(i, "wide", i.keys["one"]), ""),
    "the other key's kid": (lambda i: signed(i, "one", i.keys["wide"], "RS256"), ""),
    "unknown kid": (lambda i: signed(i, "three", STRANGER), "key"),
    "kid of nine kilobytes": (lambda i: signed(i, "k" * 9000, STRANGER), ""),
    "kid is a path": (lambda i: signed(i, "../../dev/null", STRANGER), "key"),
    "signed by somebody else": (lambda i: signed(i, "one", STRANGER), "signature"),
    "a bit is another": (lambda i: flipped(signed(i)), "signature"),
    "no signature": (lambda i: signed(i).rpartition(".")[0] + ".", ""),
    "half a signature": (lambda i: signed(i)[:-43], ""),
    "a padded signature": (lambda i: signed(i) + "==", ""),
    "something behind it": (lambda i: signed(i) + ".x", ""),
    "a critical extension": (lambda i: signed(i, header={"crit": ["b64"], "b64": True}), ""),
    "an id token": (lambda i: signed(i, header={"typ": "dpop+jwt"}), ""),
    "members twice": (
        lambda i: by_hand(
            {"alg": "ES256", "kid": "one"}, json.dumps(claims(i)).encode()[:-1] + b',"sub":"root"}'
        ),
        "",
    ),
    "no subject": (lambda i: signed(i, sub=None), ""),
    "claims are a list": (lambda i: by_hand({"alg": "ES256", "kid": "one"}, ["alice"]), ""),
    "claims are deep": (lambda i: by_hand({"alg": "ES256", "kid": "one"}, b"[" * 5000 + b"]" * 5000), ""),
    "no JSON": (lambda i: by_hand(b"{", b"\xff\xfe"), ""),
    "oversized": (lambda i: signed(i, padding="x" * 20000), ""),
}


@pytest.mark.parametrize("kind", TOKENS)
def test_tokens(gateway, issuer, kind):
    make, why = TOKENS[kind]
    token = make(issuer)
    answer = ask(gateway, bearer(token))
    assert answer.status == 401, answer.body
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith("Bearer ") and KNOWN in challenge and why in challenge, challenge
    assert f'resource_metadata="{RESOURCE}/.well-known/oauth-protected-resource/mcp"' in challenge
    assert 'scope="mcp"' in challenge
    data = answer.json["error"]
    assert data["data"]["reason"] == "unauthorized" and "result" not in answer.json
    assert token.rpartition(".")[2][:30] not in gateway.log.text() or len(token.rpartition(".")[2]) < 30
    # The door still opens for others.
    assert ask(gateway, bearer(signed(issuer))).status == 200


def test_one_resource_with_and_without_a_slash(gateway, issuer):
    assert ask(gateway, bearer(signed(issuer, aud=AUD + "/"))).status == 200


def test_a_head_that_is_too_large(gateway, issuer):
    answer = ask(gateway, bearer("x" * 200_000))
    assert answer.status == 431
    assert ask(gateway, bearer(signed(issuer))).status == 200


def test_keys_that_a_token_brings(gateway, issuer):
    """`jwk`, `jku`, `x5u` and `x5c` say whose key to take: nobody asks there, and nobody takes it."""
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(STRANGER.public_key()))
    with socket.create_server(("127.0.0.1", 0)) as trap:
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/keys"
        for header in ({"jwk": jwk}, {"jku": url}, {"x5u": url}, {"x5c": ["AAAA"]}):
            for kid in ("one", "new"):
                answer = ask(gateway, bearer(signed(issuer, kid, STRANGER, header=header)))
                assert answer.status == 401 and KNOWN in answer.headers["www-authenticate"]
        trap.settimeout(0)
        with pytest.raises(BlockingIOError):
            trap.accept()


LIES = {
    "down": lambda it: setattr(it, "status", 503),
    "a redirect": lambda it: setattr(it, "status", 302),
    "metadata of another": lambda it: setattr(it, "url", it.url.replace("/realm", "/realm/")),
    "no keys": lambda it: it.keys.clear(),
}


@pytest.mark.parametrize("lie", LIES)
def test_keys_that_cannot_be_had(tmp_path, lie):
    """Nobody is let in, and nobody is told that his token is bad before that is known."""
    it = TwoKinds()
    it.new_key("one")
    with contextlib.closing(it), guarded(tmp_path, {"provider": "jwt", "issuer": it.url}) as gateway:
        token = signed(it)
        LIES[lie](it)
        answer = ask(gateway, bearer(token))
        assert answer.status == 503 and int(answer.headers["retry-after"]) >= 1
        assert "www-authenticate" not in answer.headers
        assert answer.json["error"]["data"]["reason"] == "unavailable"


# Header fields as they are written, with T for a good token and B for a bad one; the status.
FIELDS = {
    "as it should be": ("Authorization: Bearer T", 200),
    "another case": ("aUTHORIZATION: bEARER T", 200),
    "blanks around": ("Authorization: \t Bearer T \t", 200),
    "no blank": ("Authorization:Bearer T", 200),
    "twice, good first": ("Authorization: Bearer T\r\nAuthorization: Bearer B", 401),
    "twice, bad first": ("Authorization: Bearer B\r\nAuthorization: Bearer T", 401),
    "twice, the same": ("Authorization: Bearer T\r\nAuthorization: Bearer T", 401),
    "twice, cases differ": ("Authorization: Bearer T\r\nauthorization: Bearer T", 401),
    "twice, another scheme": ("Authorization: Basic YTpi\r\nAuthorization: Bearer T", 401),
    "twice, one empty": ("Authorization:\r\nAuthorization: Bearer T", 401),
    "joined by a comma": ("Authorization: Bearer T, Bearer T", 401),
    "joined, bad first": ("Authorization: Bearer B, Bearer T", 401),
    "a blank within": ("Authorization: Bearer T T", 401),
    "a parameter behind": ("Authorization: Bearer T;x=y", 401),
    "quoted": ('Authorization: Bearer "T"', 401),
    "two schemes": ("Authorization: Basic Bearer T", 401),
    "no scheme": ("Authorization: T", 401),
    "no token": ("Authorization: Bearer", 401),
    "folded": ("Authorization: Bearer\r\n T", 400),
    "folded by a tab": ("Authorization:\r\n\tBearer T", 400),
    "a blank before the colon": ("Authorization : Bearer T", 400),
    "a line feed alone": ("X: y\nAuthorization: Bearer T", 400),
    "a carriage return within": ("X: y\rAuthorization: Bearer T", 400),
    "a NUL within": ("Authorization: Bearer \0T", 400),
    "a name with a blank": ("X Authorization: Bearer T", 400),
    "other names": ("Proxy-Authorization: Bearer T\r\nX-Authorization: Bearer T\r\nAuthorization_: Bearer T", 401),
    "a cookie": ("Cookie: access_token=T", 401),
}


@pytest.mark.parametrize("kind", FIELDS)
def test_header_fields(gateway, issuer, kind):
    text, status = FIELDS[kind]
    good = signed(issuer)
    # T and B stand alone.
    marked = text.replace("Bearer B", "Bearer " + flipped(good))
    for before in ("Bearer ", "bEARER ", "token=", "\0", '"', "\n ", ": "):
        marked = marked.replace(before + "T", before + good)
    marked = marked.replace(" T", " " + good)
    head, _, body = modern("tools/list").partition(b"\r\n\r\n")
    answer = exchange(gateway.port, head + b"\r\n" + marked.encode() + b"\r\n\r\n" + body)
    assert answer.status == status, answer.body
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("query", ["access_token=", "Authorization=Bearer%20", "x=%0d%0aAuthorization:%20Bearer%20"])
def test_a_token_in_the_query(gateway, issuer, query):
    answer = ask(gateway, path=f"/mcp?{query}{signed(issuer)}")
    assert answer.status == 401 and "error=" not in answer.headers["www-authenticate"]


def test_a_trailer_is_no_header(gateway, issuer):
    head, _, body = modern("tools/list").partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    head = b"\r\n".join(lines) + b"\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n"
    trailer = f"Authorization: Bearer {signed(issuer)}\r\n\r\n".encode()
    with Connection(gateway.port) as connection:
        connection.send(head + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n" + trailer)
        assert connection.answer().status in (400, 401)


def test_the_next_request_shows_for_itself(gateway, issuer):
    """What one request of a connection showed says nothing of the next."""
    with Connection(gateway.port) as connection:
        connection.send(modern("tools/list", headers=bearer(signed(issuer))) + modern("tools/list"))
        assert [connection.answer().status, connection.answer().status] == [200, 401]


def test_sessions_of_others(tmp_path, issuer):
    other = TwoKinds()
    other.new_key("one")
    entry = {"provider": "jwt", "issuers": [{"issuer": issuer.url}, {"issuer": other.url}], "tenant": ["org"]}
    with contextlib.closing(other), guarded(tmp_path, entry) as gateway:
        opened = exchange(gateway.port, legacy(INITIALIZE, headers=bearer(signed(issuer, org="acme"))))
        session = opened.headers["mcp-session-id"]
        ask = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}

        def status(token, path="/mcp"):
            return exchange(gateway.port, legacy(ask, session, headers=bearer(token), path=path)).status

        assert status(signed(issuer, org="acme", jti="renewed")) == 200
        assert status(signed(issuer, org="acme", sub="bob")) == 404
        assert status(signed(issuer, org="evil")) == 404
        assert status(signed(other, org="acme")) == 404
        assert status(signed(issuer, org="acme", aud=AUD + "/servers/demo"), "/mcp/servers/demo") == 404
        assert status(signed(issuer, org="acme"), "/mcp/servers/demo") == 401
        assert status(signed(issuer, org="acme", exp=int(time.time()) - 3600)) == 401
        assert exchange(gateway.port, legacy(ask, session)).status == 401
        assert status(signed(issuer, org="acme")) == 200
