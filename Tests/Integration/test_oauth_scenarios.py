# SPDX-License-Identifier: Apache-2.0
"""The OAuth scenarios of the MCP conformance suite, ported: the gateway as a client of servers, and as a resource.

| scenario (`auth/…`) | where |
|---|---|
| metadata-default, metadata-var1..3, basic-cimd, pre-registration, scope-from-*, scope-omitted-when-undefined | `CONNECTS` |
| token-endpoint-auth-*, offline-access-*, iss-supported, iss-not-advertised | `CONNECTS` |
| iss-supported-missing, iss-wrong-issuer, iss-unexpected, iss-normalized | `CALLBACKS` |
| metadata-issuer-mismatch, resource-mismatch, and what leads inside the network | `LIES`; more in `test_oauth_upstream.py` |
| scope-step-up, scope-retry-limit, authorization-server-migration | tests of these names |
| client-credentials-basic, client-credentials-jwt, enterprise-managed-authorization | `test_oauth_upstream.py` |
| 2025-03-26-oauth-metadata-backcompat | `CONNECTS` |
| a user's way: refresh, another browser, another user | `test_oauth_users.py` |
| server side: challenges, metadata, audience, scopes | `test_oauth_resource.py`, `test_oauth_sdk.py` |

Left out: DPoP and workload identity federation (drafts), 2025-03-26-oauth-endpoint-fallback (endpoints that no metadata
name: `issuer`, `token_endpoint` and `authorization_endpoint` say where they are)."""

import contextlib
import json
import socket
from dataclasses import dataclass, field
from urllib.parse import urljoin

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rig.authorization import AuthorizationServer
from rig.browser import Browser
from rig.gateway import native, serving, write
from rig.peers import HttpServer
from rig.places import free_port
from rig.processes import eventually
from rig.wire_http import exchange, modern
from test_identity import BOTH, KEYS, bearer, check

ECHO = {"name": "up__echo", "arguments": {"text": "x"}}
META = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}}}
SECRET = {"client_id": "gw", "client_secret": "s:e c+ret"}
WELL_KNOWN = "/.well-known/oauth-protected-resource"
METHODS = "token_endpoint_auth_methods_supported"


class Site:
    """A server that demands tokens for calls, the gateway before it, and a user's browser."""

    def __init__(self, gateway, upstream, label, public):
        self.gateway, self.upstream, self.label, self.public = gateway, upstream, label, public
        self.base = f"http://127.0.0.1:{gateway.port}"

    def call(self, name="alice", **more):
        headers = bearer(name)
        return exchange(self.gateway.port, modern("tools/call", {**ECHO, "_meta": META, **more}, headers=headers))

    def question(self, **more):
        """The URL that the user is sent to, and what the client sends when that is done."""
        answer = self.call(**more)
        result = answer.json.get("result", {})
        assert result.get("resultType") == "input_required", (answer.status, answer.body)
        ((key, asked),) = result["inputRequests"].items()
        again = {"requestState": result["requestState"], "inputResponses": {key: {"action": "accept"}}}
        return asked["params"]["url"], again

    def here(self, url):
        """Where a public URL of the gateway is in this test."""
        return url.replace(self.public, self.base) if url.startswith(self.public) else url

    def agree(self, url):
        """The user's way through his browser; the last page."""
        browser = Browser()
        page = browser.open(self.here(url))
        page = browser.open(urljoin(self.here(page.url), page.action), page.fields)
        for _ in range(6):
            onward = page.headers.get("Location") or page.onward
            if not onward:
                return page
            page = browser.open(self.here(urljoin(page.url, onward)))
        raise AssertionError("it goes round and round")

    def connect(self):
        url, again = self.question()
        page = self.agree(url)
        assert "Connected" in page.text, page.text
        return again


@contextlib.contextmanager
def site(tmp_path, events, server, *switches, issuer=None, public=None, **options):
    label, port = tmp_path.name, free_port()
    names = ["--issuer", issuer or server.url] if server else []
    switches = ["--era", "modern", "--demand", 1000, "--label", label, "--open-lists", *names, *switches]
    public = public or f"http://127.0.0.1:{port}"
    oauth = {"source": "oauth", "grant": "authorization_code", "public_url": public, "login": "none", **options}
    oauth = {key: value for key, value in oauth.items() if value is not None}
    with HttpServer("raw", *switches, events=events) as upstream:
        config = native({"up": {"url": upstream.url, "credentials": oauth}}, auth=BOTH)
        config["runtime"]["loops"] = 1
        with serving(write(tmp_path / "c.yaml", config), listen=f"127.0.0.1:{port}") as gateway:

            def is_listed():
                found = exchange(port, modern("tools/list", headers=bearer("bob"))).json
                check("up__echo" in json.dumps(found))

            eventually(is_listed)
            yield Site(gateway, upstream, label, public)


@dataclass
class Connects:
    """A scenario in which the user is connected."""

    server: dict = field(default_factory=dict)  # the authorization server
    upstream: tuple = ()  # switches of the server
    options: dict = field(default_factory=dict)
    scope: str | None = "mcp"  # what the user is asked for
    way: str = "basic"  # how the gateway shows who it is
    client: str = "gw"
    looked: list | None = None  # where the resource's metadata were looked for
    asked: list | None = None  # where the authorization server's were
    callback: dict = field(default_factory=dict)
    public: str | None = None


AS, OPENID = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
HINT = ("--challenge", f', resource_metadata="http://HOST{WELL_KNOWN}/mcp"')
CUSTOM = ("--challenge", ', resource_metadata="http://HOST/custom/metadata/location.json"')
NAMED = {"authorization_response_iss_parameter_supported": True}
OFFLINE = {"scopes_supported": ["mcp", "offline_access"]}
REGISTERS = {"registration_endpoint": None}
DOCUMENT = "https://mcp.example/connect/up/client.json"

CONNECTS = {
    "metadata-default": Connects(
        upstream=("--prm", f"{WELL_KNOWN}/mcp", *HINT), looked=[f"{WELL_KNOWN}/mcp"], asked=[AS]
    ),
    "metadata-var1": Connects(
        server={"place": OPENID}, upstream=("--prm", f"{WELL_KNOWN}/mcp"),
        looked=[f"{WELL_KNOWN}/mcp"], asked=[AS, OPENID],
    ),
    "metadata-var2": Connects(
        server={"path": "/tenant1"}, upstream=("--prm", WELL_KNOWN),
        looked=[f"{WELL_KNOWN}/mcp", WELL_KNOWN], asked=[f"{AS}/tenant1"],
    ),
    "metadata-var3": Connects(
        server={"path": "/tenant1", "place": f"/tenant1{OPENID}"},
        upstream=("--prm", "/custom/metadata/location.json", *CUSTOM),
        asked=[f"{AS}/tenant1", f"{OPENID}/tenant1", f"/tenant1{OPENID}"],
    ),
    "basic-cimd": Connects(
        server={"public": True, "client_id_metadata_document_supported": True, METHODS: ["none"]},
        options={"client_id": None, "client_secret": None}, public="https://mcp.example", way="none", client=DOCUMENT,
    ),
    "basic-dcr": Connects(
        server=REGISTERS, options={"client_id": None, "client_secret": None}, client="registered"
    ),
    # Metadata that are at a well-known place are found before there is a challenge.
    "scope-from-www-authenticate": Connects(
        upstream=("--prm", "/custom/metadata/location.json", "--challenge", f'{CUSTOM[1]}, scope="files:read"'),
        scope="files:read",
    ),
    "scope-from-scopes-supported": Connects(upstream=("--scopes", "one two three"), scope="one two three"),
    "scope-omitted-when-undefined": Connects(upstream=("--scopes", ""), scope=None),
    "token-endpoint-auth-basic": Connects(server={METHODS: ["client_secret_basic"]}),
    "token-endpoint-auth-post": Connects(server={METHODS: ["client_secret_post"]}, way="post"),
    "token-endpoint-auth-none": Connects(
        server={"public": True, METHODS: ["none"]}, options={"client_secret": None}, way="none"
    ),
    "token-endpoint-auth-none, registered": Connects(
        server={"public": True, METHODS: ["none"], **REGISTERS},
        options={"client_id": None, "client_secret": None}, way="none", client="registered",
    ),
    "token-endpoint-auth-jwt": Connects(options={"client_secret": None, "key_file": "key.pem"}, way="private_key_jwt"),
    "pre-registration": Connects(
        server={**REGISTERS, "client_id_metadata_document_supported": True}, client="gw"
    ),
    "offline-access-scope": Connects(server=OFFLINE, scope="mcp offline_access"),
    "offline-access-not-supported": Connects(server={"scopes_supported": ["mcp"]}, scope="mcp"),
    "iss-supported": Connects(server=NAMED),
    "iss-not-advertised": Connects(callback={"iss": None}),
    "2025-03-26-oauth-metadata-backcompat": Connects(
        upstream=("--own-issuer", "SERVER"), scope=None, callback={"iss": None}
    ),
}


@pytest.mark.parametrize("scenario", CONNECTS)
def test_connects(tmp_path, events, scenario):
    it = CONNECTS[scenario]
    lies, key = dict(it.server), ec.generate_private_key(ec.SECP256R1())
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    with AuthorizationServer(key=key.public_key(), **lies) as server:
        if "registration_endpoint" in lies:
            server.lies["registration_endpoint"] = f"{server.url}/register"
        server.callback = it.callback
        options = {k: v for k, v in {**SECRET, **it.options}.items() if v is not None}
        switches = [text.replace("SERVER", server.url) for text in it.upstream]
        names = None if "--own-issuer" in switches else server
        with site(tmp_path, events, names, *switches, public=it.public, **options) as site_:
            mark = events.mark()
            url, again = site_.question()
            assert "Connected" in site_.agree(url).text
            answer = site_.call(**again).json
            assert answer["result"]["content"], answer
            shown = events.wait("message", mark, label=site_.label, method="tools/call")["headers"]
            assert shown["authorization"].startswith("Bearer ") and KEYS["alice"] not in shown["authorization"]
            (sent,) = server.authorized
            assert sent.get("scope") == it.scope and sent["client_id"] == it.client
            assert sent["code_challenge_method"] == "S256" and sent["resource"] and sent["state"]
            assert server.ways == [it.way]
            assert server.forms[-1]["resource"] == sent["resource"]
            if it.asked is not None:
                assert server.asked[: len(it.asked)] == it.asked
            if it.client == "registered":
                (asked,) = server.registrations
                assert asked["application_type"] == "native" and "refresh_token" in asked["grant_types"]
                assert asked["token_endpoint_auth_method"] == ("none" if it.way == "none" else "client_secret_basic")
            else:
                assert server.registrations == []
            if it.client == DOCUMENT:
                described = json.loads(httpx.get(site_.here(DOCUMENT)).text)
                assert described["client_id"] == DOCUMENT and sent["redirect_uri"] in described["redirect_uris"]
                assert described["client_name"] and described["token_endpoint_auth_method"] == "none"
            if it.looked is not None:
                seen = [e["path"] for e in events.since(mark) if e["event"] == "looked" and e["label"] == site_.label]
                assert seen == it.looked


# What comes back to the gateway, or what the authorization server says of it; why the user is not connected.
CALLBACKS = {
    "iss-supported-missing": (NAMED, {"iss": None}),
    "iss-wrong-issuer": (NAMED, {"iss": "https://evil.example"}),
    "iss-unexpected": ({}, {"iss": "https://evil.example"}),
    "iss-normalized": (NAMED, {"iss": "SERVER/"}),
    "iss-normalized, capitals": (NAMED, {"iss": "HTTP://127.0.0.1:PORT"}),
    "iss-wrong-issuer, with an error": (NAMED, {"iss": "https://evil.example", "error": "<b>pay</b>", "code": None}),
}


@pytest.mark.parametrize("scenario", CALLBACKS)
def test_who_answers(tmp_path, events, scenario):
    lies, callback = CALLBACKS[scenario]
    with AuthorizationServer(**lies) as server, site(tmp_path, events, server, **SECRET) as it:
        port = server.url.rpartition(":")[2]
        swap = {"SERVER": server.url, "PORT": port}
        for old, new in swap.items():
            callback = {k: v and v.replace(old, new) for k, v in callback.items()}
        server.callback = callback
        page = it.agree(it.question()[0])
        assert page.status == 400 and "another authorization server" in page.text
        assert "pay" not in page.text and server.forms == []
        it.question()


INSIDE = "https://169.254.169.254/latest"
# What the authorization server lies, what the server says, and what the operator reads.
NOWHERE = ("--prm", "/nowhere", "--challenge")


def named(url):
    """A challenge with this place of the metadata."""
    return *NOWHERE, f', resource_metadata="{url}"'


def leads(url):
    return {"authorization_endpoint": url}


LIES = {
    "metadata-issuer-mismatch": ({"issuer": "https://other.example"}, (), "of another issuer"),
    "metadata-issuer-mismatch, a slash": ({"issuer": "SERVER/"}, (), "of another issuer"),
    "resource-mismatch": ({}, ("--resource", "https://bank.example/mcp"), "are of another resource"),
    "resource-mismatch, another port": ({}, ("--resource", "http://127.0.0.1:1/mcp"), "are of another resource"),
    "no PKCE": ({"code_challenge_methods_supported": ["plain"]}, (), "PKCE with S256"),
    "no registration": ({}, (), "client_id is missing"),
    "a challenge that leads inside": ({}, named(INSIDE), "private network"),
    "a challenge that leads to a file": ({}, named("file:///etc/passwd"), "no http"),
    "a challenge, inside by another name": ({}, named("https://[::ffff:10.0.0.1]/x"), "private network"),
    "a challenge, a name before the host": ({}, named("https://mcp.example@10.0.0.1/x"), "the resource_metadata that"),
    "an authorization server inside": ({}, ("--issuer", "https://10.1.2.3"), "private network"),
    "an authorization server without TLS": ({}, ("--issuer", "http://id.example"), "is not https"),
    "javascript: as authorization URL": (leads("javascript:alert(1)"), (), "is no http or https"),
    "JavaScript: in disguise": (leads("JavaScript://x%0aalert(1)"), (), "is no http or https"),
    "data: as authorization URL": (leads("data:text/html,x"), (), "is no http or https"),
    "authorization URL with a line break": (leads("https://id.example/\r\nX: y"), (), "authorization_endpoint"),
    "authorization URL with markup": (leads('https://id.example"><script>/'), (), "authorization_endpoint"),
    "token endpoint inside": ({"token_endpoint": INSIDE}, (), "private network"),
    "token endpoint inside, by a number": ({"token_endpoint": "https://2130706433/t"}, (), "private network"),
    "registration endpoint inside": ({"registration_endpoint": INSIDE}, (), "private network"),
}


@pytest.mark.parametrize("scenario", LIES)
def test_lies(tmp_path, events, scenario):
    """The user is not sent anywhere, nothing is asked there, and the operator reads why."""
    lies, switches, why = LIES[scenario]
    options = {} if scenario == "no registration" else SECRET
    with AuthorizationServer() as server:
        server.lies = {k: v.replace("SERVER", server.url) if isinstance(v, str) else v for k, v in lies.items()}
        with site(tmp_path, events, server, *switches, **options) as it:
            # A server's own word is heard when it refuses.
            answers = [it.call(), it.call()]
            it.gateway.log.wait(why)
            for answer in answers:
                assert answer.status >= 400 and "result" not in answer.json, answer.body
                assert "169.254" not in answer.body.decode() and "javascript" not in answer.body.decode().lower()
            assert server.forms == [] and server.authorized == [] and server.registrations == []


@contextlib.contextmanager
def trap():
    """A listener that nobody should come to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_redirects_of_metadata_are_not_followed(tmp_path, events):
    with AuthorizationServer() as server, trap() as elsewhere, site(tmp_path, events, server, **SECRET) as it:
        server.elsewhere = elsewhere
        assert it.call().status >= 400
        it.gateway.log.wait("no metadata of the authorization server")


def test_redirects_of_the_token_endpoint_are_not_followed(tmp_path, events):
    """Neither a code nor a refresh token nor the gateway's secret goes where the answer points."""
    with AuthorizationServer() as server, trap() as elsewhere, site(tmp_path, events, server, **SECRET) as it:
        url, _ = it.question()
        browser = Browser()
        page = browser.open(url)
        page = browser.open(urljoin(page.url, page.action), page.fields)
        back = browser.open(page.onward).headers["Location"]
        server.elsewhere = elsewhere
        page = browser.open(back)
        assert page.status == 400 and "did not give a token" in page.text
        assert "Location" not in page.headers and server.forms == []


@pytest.mark.parametrize("way", ["as itself", "for its user"])
def test_scope_step_up(tmp_path, events, way):
    """403 insufficient_scope: the union is asked for once, and the call goes through."""
    with AuthorizationServer(tells=True) as server:
        options = {"grant": "client_credentials", "public_url": None, "login": None} if way == "as itself" else {}
        switches = ["--step-up", "mcp files:write"]
        with site(tmp_path, events, server, *switches, **SECRET, **options) as it:
            if way == "as itself":
                assert it.call().json["result"]["content"]
                assert [form["scope"] for form in server.forms] == ["mcp", "mcp files:write"]
                return
            again = it.connect()
            # The call with the old token is refused; the user is asked for more, and for what there was.
            url, again = it.question(**again)
            assert "files:write" in Browser().open(url).text
            assert "Connected" in it.agree(url).text
            assert it.call(**again).json["result"]["content"]
            assert [sent["scope"] for sent in server.authorized] == ["mcp", "mcp files:write"]


@pytest.mark.parametrize("kind", ["the same", "one more each time"])
def test_scope_retry_limit(tmp_path, events, kind):
    """A server that is never content: few tries, then the call fails."""
    scopes = {"the same": "never:granted", "one more each time": "NEW"}[kind]
    with AuthorizationServer() as server:
        options = {"grant": "client_credentials", "public_url": None, "login": None}
        with site(tmp_path, events, server, "--step-up", scopes, **SECRET, **options) as it:
            answer = it.call()
            assert answer.status in (403, 503) and "result" not in answer.json
            assert 1 <= len(server.forms) <= 4, [form["scope"] for form in server.forms]
            for _ in range(4):
                assert "result" not in it.call().json
            assert len(server.forms) <= 10


@pytest.mark.parametrize("way", ["registered", "pre-registered"])
def test_authorization_server_migration(tmp_path, events, way):
    """The server names another authorization server: nothing of the old one is shown there. A client that registers
    itself does so again; one that was registered by hand belongs to the server where it was."""
    with AuthorizationServer() as old, AuthorizationServer(secret="new") as new:
        for server in (old, new):
            server.lies = {"registration_endpoint": f"{server.url}/register"}
        new.count = 100
        file = tmp_path / "issuer"
        file.write_text(old.url)
        switches = ["--demand", "2"]
        options = SECRET if way == "pre-registered" else {}
        with site(tmp_path, events, old, *switches, issuer=f"@{file}", **options) as it:
            again = it.connect()
            assert it.call(**again).json["result"]["content"]
            file.write_text(new.url)
            old.refreshes.clear()
            if way == "pre-registered":

                def is_refused():
                    it.call()
                    check("has moved to authorization server" in it.gateway.log.text())

                eventually(is_refused)
                assert it.call().status == 503 and new.forms == [] and new.authorized == []
                return

            def is_asked_anew():
                url = it.question()[0]
                check(new.url.rpartition("/")[2] in Browser().open(url).text)

            eventually(is_asked_anew)
            again = it.connect()
            assert it.call(**again).json["result"]["content"]
            assert len(new.registrations) == 1 and len(new.forms) == 1
            assert new.forms[0]["grant_type"] == "authorization_code"


def test_users_tokens_go_where_the_operator_says(tmp_path):
    """Token exchange shows users' tokens: a server may not say to whom."""
    oauth = {"source": "oauth", "grant": "token_exchange", **SECRET}
    servers = {"up": {"url": "https://tickets.invalid/mcp", "credentials": oauth}}
    with serving(write(tmp_path / "c.yaml", native(servers, auth=BOTH))) as gateway:
        gateway.log.wait("issuer or token_endpoint is missing")
