# SPDX-License-Identifier: Apache-2.0
"""The SDK's own OAuth client, for both SDKs: what a program that uses it has to write, and a user who always agrees."""

import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

from mcp.client import auth
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.shared import auth as shared
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata

REDIRECT = "http://127.0.0.1:33418/callback"


class Memory:
    """Where the SDK keeps what it has."""

    def __init__(self, client=None):
        self.tokens, self.client = None, client

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


class Consent:
    """The user's browser: it goes to the authorization server, where everybody agrees at once, and comes back."""

    def __init__(self, note):
        self.note, self.back = note, None

    async def redirect(self, url):
        self.note("oauth/authorize", {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()})
        try:
            urllib.request.build_opener(NoRedirect).open(url, timeout=20)
        except urllib.error.HTTPError as e:
            self.back = e.headers["Location"]

    async def callback(self):
        said = {k: v[0] for k, v in parse_qs(urlsplit(self.back).query).items()}
        if result := getattr(shared, "AuthorizationCodeResult", None):
            return result(code=said["code"], state=said.get("state"), iss=said.get("iss"))
        # The older SDK takes a pair.
        return said["code"], said.get("state")


def provider(url, wanted, note):
    """`wanted`: the URL of its document, or a client that is registered already; empty: it registers itself."""
    if wanted.get("grant") == "client_credentials":
        return ClientCredentialsOAuthProvider(url, Memory(), wanted["id"], wanted["secret"])
    metadata = {"client_name": "a test", "redirect_uris": [REDIRECT]}
    known = None
    if "id" in wanted:
        known = OAuthClientInformationFull(
            client_id=wanted["id"],
            client_secret=wanted.get("secret"),
            token_endpoint_auth_method=wanted.get("way", "client_secret_basic"),
            **metadata,
        )
    more = {"client_metadata_url": wanted["document"]} if "document" in wanted else {}
    consent = Consent(note)
    return auth.OAuthClientProvider(
        url, OAuthClientMetadata(**metadata), Memory(known), consent.redirect, consent.callback, **more
    )
