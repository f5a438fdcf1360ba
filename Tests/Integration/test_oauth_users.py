# SPDX-License-Identifier: Apache-2.0
"""Users who connect an account of theirs to a server, in a browser that proves to be theirs."""

import contextlib
import json
import threading
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import oidc_provider_mock
import pytest

from rig.authorization import AuthorizationServer
from rig.browser import Browser
from rig.gateway import native, serving, write
from rig.peers import HttpServer
from rig.places import free_port
from rig.processes import eventually
from rig.wire_http import exchange, modern
from test_identity import check

ECHO = {"name": "up__echo", "arguments": {"text": "x"}}
META = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}}}
CLIENT = {"client_id": "gw", "client_secret": "s:e c+ret"}


@pytest.fixture(scope="module")
def provider():
    """Who the users are: a real OpenID Connect provider."""
    with oidc_provider_mock.run_server_in_thread() as server:
        yield f"http://127.0.0.1:{server.server_port}" if hasattr(server, "server_port") else server.url


def id_token(provider, name):
    """What the user's client shows to the gateway."""
    redirect = "http://127.0.0.1:9/done"
    query = {"response_type": "code", "client_id": "client", "redirect_uri": redirect, "scope": "openid"}
    browser = Browser()
    page = browser.open(f"{provider}/oauth2/authorize?{urlencode(query)}")
    done = browser.open(page.url, {**page.fields, "sub": name}).headers["Location"]
    form = {
        "grant_type": "authorization_code", "redirect_uri": redirect,
        "code": parse_qs(urlsplit(done).query)["code"][0], "client_id": "client", "client_secret": "x",
    }
    return json.loads(browser.open(f"{provider}/oauth2/token", form).text)["id_token"]


@pytest.fixture(scope="module")
def tokens(provider):
    return {name: id_token(provider, name) for name in ["alice", "bob"]}


class Site:
    """The gateway, and the browsers before it."""

    def __init__(self, gateway, tokens, label):
        self.gateway, self.tokens, self.label = gateway, tokens, label

    def call(self, name, **more):
        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
        return exchange(self.gateway.port, modern("tools/call", {**ECHO, "_meta": META, **more}, headers=headers))

    def asked(self, name):
        """The URL that the client is to open, and what it then sends."""
        result = self.call(name).json["result"]
        assert result["resultType"] == "input_required", result
        (key, question), = result["inputRequests"].items()
        again = {"requestState": result["requestState"], "inputResponses": {key: {"action": "accept"}}}
        return question["params"]["url"], again

    def signed_in(self, browser, url, name):
        """From the connect page on, as this user of the provider."""
        page = browser.submit(browser.open(url))
        return browser.submit(page, sub=name)


@contextlib.contextmanager
def site(tmp_path, events, provider, tokens, server, loops=1, **options):
    label, port = tmp_path.name, free_port()
    switches = ["--era", "modern", "--demand", 1000, "--label", label, "--issuer", server.url]
    login = {"issuer": provider, "client_id": "login", "client_secret": "y"}
    oauth = {
        "source": "oauth", "grant": "authorization_code", "gateway_grant": "client_credentials",
        "public_url": f"http://127.0.0.1:{port}", "login": login, **CLIENT, **options,
    }
    oauth = {key: value for key, value in oauth.items() if value is not None}
    auth = {"providers": [{"provider": "jwt", "issuer": provider, "audiences": ["client"]}]}
    with HttpServer("raw", *switches, events=events) as upstream:
        config = native({"up": {"url": upstream.url, "credentials": oauth}}, auth=auth)
        config["runtime"]["loops"] = loops
        file = write(tmp_path / "c.yaml", config)
        with serving(file, listen=f"127.0.0.1:{port}") as gateway:
            made = Site(gateway, tokens, label)

            def is_listed():
                headers = {"Authorization": f"Bearer {tokens['bob']}"}
                check("up__echo" in json.dumps(exchange(port, modern("tools/list", headers=headers)).json))

            eventually(is_listed)
            yield made


@pytest.mark.parametrize("loops", [1, 2])
def test_a_user_connects(tmp_path, events, provider, tokens, loops):
    with AuthorizationServer() as server, site(tmp_path, events, provider, tokens, server, loops) as it:
        url, again = it.asked("alice")
        page = Browser().open(url)
        assert page.status == 200 and "up" in page.text and "mcp" in page.text
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        done = it.signed_in(Browser(), url, "alice")
        assert "Connected" in done.text, done.text
        mark = events.mark()
        assert it.call("alice", **again).json["result"]["content"]
        shown = events.wait("message", mark, label=it.label, method="tools/call")["headers"]["authorization"]
        assert shown.startswith("Bearer gw.")
        assert server.forms[-1]["resource"].endswith("/mcp")
        # Bob has not.
        assert it.call("bob").json["result"]["resultType"] == "input_required"
        # The page was good once.
        assert Browser().open(url).status == 404


def test_a_call_waits_for_its_user(tmp_path, events, provider, tokens):
    with AuthorizationServer() as server, site(tmp_path, events, provider, tokens, server) as it:
        url, again = it.asked("alice")
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(it.call("alice", **again).json))
        waiting.start()
        assert "Connected" in it.signed_in(Browser(), url, "alice").text
        waiting.join(20)
        assert answers[0]["result"]["content"]


def test_another_user_in_the_browser(tmp_path, events, provider, tokens):
    with AuthorizationServer() as server, site(tmp_path, events, provider, tokens, server) as it:
        url, _ = it.asked("alice")
        page = it.signed_in(Browser(), url, "bob")
        assert page.status == 400 and "another user" in page.text
        assert server.codes == {} and "code" not in json.dumps(server.forms)
        assert it.call("alice").json["result"]["resultType"] == "input_required"


def test_another_browser(tmp_path, events, provider, tokens):
    with AuthorizationServer() as server, site(tmp_path, events, provider, tokens, server, login="none") as it:
        url, _ = it.asked("alice")
        mine, other = Browser(), Browser()
        onward = mine.open(urljoin(url, "begin"), mine.open(url).fields).onward
        back = mine.open(onward).headers["Location"]
        page = other.open(back)
        assert page.status == 400 and "not the browser" in page.text
        # Its state is gone with that.
        assert mine.open(back).status == 400
        # A form from elsewhere has no token of ours.
        url, _ = it.asked("alice")
        fields = mine.open(url).fields
        assert mine.open(urljoin(url, "begin"), {**fields, "token": "A" * 43}).status == 403
        assert other.open(urljoin(url, "begin"), fields).status == 403
        assert mine.open(urljoin(url, "begin"), fields, {"Sec-Fetch-Site": "cross-site"}).status == 403


@pytest.mark.parametrize(
    ("callback", "why"),
    [
        ({"iss": "http://evil.example"}, "another authorization server"),
        ({"iss": None}, "another authorization server"),
        ({"error": "access_denied", "error_description": "<b>x", "code": None}, "not granted"),
        ({"state": "A" * 43}, "too old"),
        ({"code": "wrong"}, "did not give a token"),
    ],
)
def test_answers_that_do_not_fit(tmp_path, events, provider, tokens, callback, why):
    lies = {"authorization_response_iss_parameter_supported": True}
    with AuthorizationServer(**lies) as server:
        with site(tmp_path, events, provider, tokens, server, login="none") as it:
            server.callback = callback
            url, _ = it.asked("alice")
            browser = Browser()
            page = browser.submit(browser.open(url))
            assert page.status == 400 and why in page.text, page.text
            assert "<b>x" not in page.text
            assert it.call("alice").json["result"]["resultType"] == "input_required"


def test_refreshing(tmp_path, events, provider, tokens):
    with AuthorizationServer(expires=2) as server:
        with site(tmp_path, events, provider, tokens, server, login="none") as it:
            url, again = it.asked("alice")
            browser = Browser()
            assert "Connected" in browser.submit(browser.open(url)).text
            assert it.call("alice", **again).json["result"]["content"]

            def is_refreshed():
                assert it.call("alice").json["result"]["content"]
                check(any(form["grant_type"] == "refresh_token" for form in server.forms))

            eventually(is_refreshed)
            # What was refreshed once is not good any more; when none is, the user is asked anew.
            server.refreshes.clear()
            eventually(lambda: check("inputRequests" in it.call("alice").json["result"]))

