# SPDX-License-Identifier: Apache-2.0
"""The official SDKs' own OAuth client against the gateway: it finds the authorization server, registers, sends the user
there, shows the token, steps up when a call needs more, and refreshes."""

import contextlib

import pytest

from rig.gateway import native, serving, write
from rig.oauth_provider import PLACES, OAuthProvider
from rig.processes import eventually
from rig.workers import WorkerFailure

SERVERS = {
    "open": {"plugin": "tools-demo"},
    "closed": {"plugin": "tools-demo", "scopes": ["closed"]},
    "vault": {"plugin": "tools-demo", "scopes": ["vault"]},
}
BUNDLES = {"both": {"servers": ["open", "closed"]}}
NEEDS = "item.name == 'add' and not ('sums' in principal.scopes)"
RULES = [{"name": "sums", "when": NEEDS, "then": "deny", "text": "sums are sensitive", "scopes": "sums"}]
KINDS = ["sdk2-modern", "sdk2-legacy", "sdk1"]
DOCUMENT = "https://client.example/oauth/metadata.json"
REDIRECT = "http://127.0.0.1:33418/callback"


@contextlib.contextmanager
def guarded(tmp_path, provider, **blocks):
    entry = {"provider": "jwt", "issuer": provider.url, "skew_ms": 0, **blocks.pop("entry", {})}
    auth = {"providers": [entry], "scopes": ["mcp"], **blocks.pop("auth", {})}
    config = native(SERVERS, bundles=BUNDLES, auth=auth, **blocks)
    with serving(write(tmp_path / "c.yaml", config)) as gateway:
        yield gateway


def say(link, server="open"):
    return link.text(f"{server}__echo", {"text": server})


def asked(provider):
    """The scopes that the user was asked for, each time."""
    return [sent.get("scope") for sent in provider.authorized]


WAYS = {
    "registration": {},
    "pre-registered, basic": {"id": "known", "secret": "s:e c+ret", "way": "client_secret_basic"},
    "pre-registered, post": {"id": "known", "secret": "s:e c+ret", "way": "client_secret_post"},
    "pre-registered, public": {"id": "known", "way": "none"},
    "document": {"document": DOCUMENT},
}


def known(provider, way):
    """Makes the provider know what the client will say that it is."""
    if "id" in way:
        provider.add("known", way.get("secret"), redirect_uris=[REDIRECT], token_endpoint_auth_method=way["way"])
    if "document" in way:
        provider.documents = {
            DOCUMENT: {"client_id": DOCUMENT, "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"}
        }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_client_finds_its_way(clients, tmp_path, kind, way):
    with OAuthProvider() as provider:
        known(provider, WAYS[way])
        with guarded(tmp_path, provider) as gateway:
            with clients.open(kind, url=gateway.url, oauth=WAYS[way]) as link:
                assert say(link) == "open"
            (granted,) = provider.grants
            assert granted["resource"] == gateway.url and granted["scope"] == "mcp"
            (sent,) = provider.authorized
            assert sent["code_challenge_method"] == "S256" and sent["resource"] == gateway.url
            registered = [form for form in provider.tried if "register" in form]
            assert len(registered) == (1 if way == "registration" else 0)
            if way == "document":
                assert granted["client_id"] == DOCUMENT


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_issuer_with_a_path(clients, tmp_path, kind, place):
    """The gateway and the client both find its metadata, wherever they are."""
    with OAuthProvider(path="/realms/main", place=place) as provider, guarded(tmp_path, provider) as gateway:
        with clients.open(kind, url=gateway.bundle_url("both"), oauth={}) as link:
            assert link.text("open__echo", {"text": "x"}) == "x"
        (granted,) = provider.grants
        assert granted["resource"] == gateway.bundle_url("both")


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_needs_more(clients, tmp_path, kind):
    """Step-up: the user is asked for more once for each server, and nothing that was granted is lost."""
    with OAuthProvider() as provider, guarded(tmp_path, provider) as gateway:
        with clients.open(kind, url=gateway.url, oauth={}) as link:
            assert say(link) == "open" and asked(provider) == ["mcp"]
            assert say(link, "closed") == "closed"
            assert [set(scope.split()) for scope in asked(provider)] == [{"mcp"}, {"mcp", "closed"}]
            assert say(link, "vault") == "vault"
            for server in ("open", "closed", "vault", "closed"):
                assert say(link, server) == server
            assert len(asked(provider)) == 3
            assert set(asked(provider)[-1].split()) == {"mcp", "closed", "vault"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_that_needs_more(clients, tmp_path, kind):
    with OAuthProvider() as provider:
        policies = [{"policy": "abac", "rules": RULES, "default": "allow"}]
        with guarded(tmp_path, provider, policies=policies) as gateway:
            with clients.open(kind, url=gateway.url, oauth={}) as link:
                assert say(link, "closed") == "closed"
                sum_ = link.request("tools/call", {"name": "closed__add", "arguments": {"a": 1, "b": 2}})
                assert not sum_.get("isError")
                assert set(asked(provider)[-1].split()) == {"mcp", "closed", "sums"}
                assert say(link, "closed") == "closed" and len(asked(provider)) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_basic_is_asked_for_first(clients, tmp_path, kind):
    """Without scopes that everybody needs clients take those of the metadata, without what only some servers need."""
    with OAuthProvider() as provider, guarded(tmp_path, provider, auth={"scopes": []}) as gateway:
        with clients.open(kind, url=gateway.url, oauth={}) as link:
            assert say(link) == "open" and asked(provider) == [None]
            assert say(link, "closed") == "closed"
        with clients.open(kind, url=gateway.server_url("closed"), oauth={}) as link:
            assert link.text("echo", {"text": "x"}) == "x"
        assert asked(provider) == [None, "closed", "closed"]


@pytest.mark.parametrize("kind", KINDS)
def test_refreshing(clients, tmp_path, kind):
    """Tokens that end are replaced without the user, in the same session."""
    with OAuthProvider(expires=1) as provider, guarded(tmp_path, provider) as gateway:
        with clients.open(kind, url=gateway.url, oauth={}) as link:

            def is_refreshed():
                assert say(link) == "open"
                assert provider.times("refresh_token") >= 1

            eventually(is_refreshed)
            assert {grant["resource"] for grant in provider.grants} == {gateway.url}
            assert len(provider.authorized) == 1, "the user was asked once"


@pytest.mark.parametrize("kind", ["sdk2-modern", "sdk1"])
def test_a_program_without_a_user(clients, tmp_path, kind):
    with OAuthProvider() as provider, guarded(tmp_path, provider) as gateway:
        provider.add("robot", "s:e c+ret", redirect_uris=[], grant_types=["client_credentials"])
        wanted = {"grant": "client_credentials", "id": "robot", "secret": "s:e c+ret", "scope": "mcp"}
        with clients.open(kind, url=gateway.url, oauth=wanted) as link:
            assert say(link) == "open"
        assert provider.grants[-1]["resource"] == gateway.url and provider.authorized == []


@pytest.mark.parametrize("kind", ["sdk2-modern", "sdk1"])
def test_a_resource_that_is_another(clients, tmp_path, kind):
    """A client that reaches the gateway under another name than it calls itself asks nobody for a token."""
    with OAuthProvider() as provider:
        with guarded(tmp_path, provider, auth={"resource": "https://mcp.example"}) as gateway:
            with pytest.raises(WorkerFailure):
                clients.open(kind, url=gateway.url, oauth={})
            assert provider.authorized == [] and provider.tried == []
