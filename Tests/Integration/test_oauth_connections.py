# SPDX-License-Identifier: Apache-2.0
"""Connections of users in the store: shared by gateways, unreadable in it, refreshed once, given back."""

import base64
import contextlib
import json
import os
import threading
from urllib.parse import urlsplit

from rig.authorization import AuthorizationServer
from rig.browser import Browser
from rig.gateway import native, serving, write
from rig.peers import HttpServer
from rig.places import free_port
from rig.processes import eventually
from rig.wire_http import exchange, modern
from test_identity import check
from test_oauth_users import CLIENT, Site, provider, tokens  # noqa: F401
from test_store import Redis, running

KEY = base64.b64encode(os.urandom(32)).decode()


class Gateways:
    """Gateways with one store, one key and one public URL, before one server."""

    def __init__(self, folder, provider, tokens, upstream, store, **options):
        self.folder, self.tokens, self.store = folder, tokens, store
        self.port = free_port()
        login = {"issuer": provider, "client_id": "login", "client_secret": "y"}
        oauth = {
            "source": "oauth", "grant": "authorization_code", "login": login, **CLIENT, **options,
            "public_url": f"http://127.0.0.1:{self.port}", "gateway_grant": "client_credentials",
        }
        self.servers = {"up": {"url": upstream.url, "credentials": oauth}}
        self.auth = {"providers": [{"provider": "jwt", "issuer": provider, "audiences": ["client"]}]}

    @contextlib.contextmanager
    def serving(self, name, port=0):
        plugins = [{"id": "seal-openssl", "config": {"keys": [KEY]}}]
        config = native(self.servers, auth=self.auth, store=self.store, plugins=plugins)
        file = write(self.folder / f"{name}.yaml", config)
        with serving(file, listen=f"127.0.0.1:{port}") as gateway:
            site = Site(gateway, self.tokens, name)

            def is_listed():
                headers = {"Authorization": f"Bearer {self.tokens['bob']}"}
                listed = exchange(gateway.port, modern("tools/list", headers=headers)).json
                check("up__echo" in json.dumps(listed))

            eventually(is_listed)
            yield site


@contextlib.contextmanager
def upstream(server, events, label):
    switches = ["--era", "modern", "--demand", 1000, "--label", label, "--issuer", server.url]
    with HttpServer("raw", *switches, events=events) as found:
        yield found


def works(site, name="alice"):
    assert site.call(name).json["result"].get("content"), site.call(name).text


def asks(site, name="alice"):
    assert site.call(name).json["result"].get("inputRequests")


def at(site, url):
    """The same page at another gateway, as a load balancer would have it."""
    return urlsplit(url)._replace(netloc=f"127.0.0.1:{site.gateway.port}").geturl()


def test_connected_at_one_gateway(tmp_path, events, provider, tokens):  # noqa: F811
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(running(Redis, tmp_path))
        server = stack.enter_context(AuthorizationServer(revokes=True))
        up = stack.enter_context(upstream(server, events, tmp_path.name))
        gateways = Gateways(tmp_path, provider, tokens, up, redis.block())
        first = gateways.serving("a", gateways.port)
        a = first.__enter__()
        b = stack.enter_context(gateways.serving("b"))
        url, _ = a.asked("alice")
        # The page at one, the button at the other, and back at the first.
        browser = Browser()
        page = browser.open(url)
        browser.jar[f"127.0.0.1:{b.gateway.port}"] = browser.jar[f"127.0.0.1:{gateways.port}"]
        onward = browser.open(at(b, "http://x/connect/up/begin"), page.fields).onward
        login = browser.open(onward)
        assert "Connected" in browser.submit(login, sub="alice").text
        works(a)
        a.gateway.kill()
        works(b)
        # Nothing that opens a door is in what Redis was ever told.
        told = b"".join(file.read_bytes() for file in tmp_path.glob("appendonlydir/*"))
        assert len(told) > 1000
        secrets = [*server.refreshes, *(form[key] for form in server.forms for key in ("code", "code_verifier") if key in form)]
        secrets += ["alice", "gw.", CLIENT["client_secret"], url.partition("id=")[2], provider]
        assert not [text for text in secrets if text.encode() in told]
        # And out again, at the only gateway that is left, by way of the login.
        public = f"127.0.0.1:{gateways.port}"
        page = browser.open(f"http://127.0.0.1:{b.gateway.port}/connect/up/disconnect")
        login = browser.open(browser.open(at(b, "http://x/connect/up/disconnect"), page.fields).onward)
        back = browser.open(login.url, {**login.fields, "sub": "alice"}).headers["Location"]
        assert public in back
        done = browser.open(at(b, back))
        assert "Disconnected" in done.text and "was told, too" in done.text, done.text
        assert server.refreshes == {} and server.revoked == 1
        asks(b)
        with contextlib.suppress(BaseException):
            first.__exit__(None, None, None)


def test_a_restart_with_sqlite(tmp_path, events, provider, tokens):  # noqa: F811
    with AuthorizationServer() as server, upstream(server, events, tmp_path.name) as up:
        store = {"kind": "sqlite", "path": str(tmp_path / "state.db")}
        gateways = Gateways(tmp_path, provider, tokens, up, store)
        with gateways.serving("a", gateways.port) as a:
            url, _ = a.asked("alice")
            assert "Connected" in a.signed_in(Browser(), url, "alice").text
            works(a)
        with gateways.serving("a", gateways.port) as a:
            works(a)
            asks(a, "bob")
        kept = b"".join(file.read_bytes() for file in tmp_path.glob("state.db*"))
        assert b"t/" in kept and b"alice" not in kept


def test_two_gateways_refresh(tmp_path, events, provider, tokens):  # noqa: F811
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(running(Redis, tmp_path))
        server = stack.enter_context(AuthorizationServer(expires=1, detects=True))
        up = stack.enter_context(upstream(server, events, tmp_path.name))
        gateways = Gateways(tmp_path, provider, tokens, up, redis.block())
        a = stack.enter_context(gateways.serving("a", gateways.port))
        b = stack.enter_context(gateways.serving("b"))
        url, _ = a.asked("alice")
        assert "Connected" in a.signed_in(Browser(), url, "alice").text
        wrong = []

        def calls(site):
            while len(server.used) < 4 and not wrong:
                result = site.call("alice").json["result"]
                if "content" not in result:
                    wrong.append(result)

        threads = [threading.Thread(target=calls, args=(site,)) for site in (a, b) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        # No refresh token was used twice, and nobody was asked to connect again.
        assert server.reused == 0 and wrong == [] and len(server.used) >= 4


def test_a_store_that_is_away(tmp_path, events, provider, tokens):  # noqa: F811
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(running(Redis, tmp_path))
        server = stack.enter_context(AuthorizationServer())
        up = stack.enter_context(upstream(server, events, tmp_path.name))
        gateways = Gateways(tmp_path, provider, tokens, up, redis.block())
        a = stack.enter_context(gateways.serving("a", gateways.port))
        url, _ = a.asked("alice")
        browser = Browser()
        page = browser.open(url)
        assert "Connected" in a.signed_in(Browser(), url, "alice").text
        works(a)
        redis.crash()
        works(a)
        answer = a.call("bob")
        assert answer.status == 503 and "Retry-After" in {name.title() for name in answer.headers}
        assert browser.submit(page).status == 503
        eventually(lambda: check('"status":"down"' in a.gateway.get("/healthz")[1].replace(" ", "")))
        redis.start()
        eventually(lambda: asks(a, "bob"))
