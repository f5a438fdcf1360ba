# SPDX-License-Identifier: Apache-2.0
"""An authorization server as clients of the gateway meet one: Authlib's, with what MCP asks for around it.

Metadata at any well-known place, registration (RFC 7591), client ids that are documents, PKCE with S256, `resource`
(RFC 8707) as the audience of JWT access tokens (RFC 9068), rotated refresh tokens, `iss` in its answers (RFC 9207).
Every user agrees at once. `grants` has every token that was given, `tried` every request that was made."""

import secrets
import threading
import time
import types

import flask
import werkzeug.serving
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Error, grants
from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oauth2.rfc6749.models import AuthorizationCodeMixin, TokenMixin
from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oauth2.rfc9207 import IssuerParameter
from joserfc.jwk import ECKey, KeySet

PLACES = {
    "oauth": "/.well-known/oauth-authorization-server{path}",
    "openid": "/.well-known/openid-configuration{path}",
    "openid-behind": "{path}/.well-known/openid-configuration",
}
WAYS = ["client_secret_basic", "client_secret_post", "none"]


class Client(ClientMixin):
    """One that is registered, or that a document describes."""

    def __init__(self, client_id, secret=None, **metadata):
        self.client_id, self.secret, self.metadata = client_id, secret, metadata

    def get_client_id(self):
        return self.client_id

    def get_allowed_scope(self, scope):
        return scope or ""

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri in self.metadata["redirect_uris"]

    def check_client_secret(self, client_secret):
        return self.secret is not None and client_secret == self.secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method == (self.metadata.get("token_endpoint_auth_method") or "client_secret_basic")

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type in self.metadata.get("grant_types", ["authorization_code", "refresh_token"])


class Code(types.SimpleNamespace, AuthorizationCodeMixin):
    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope


class Refresh(types.SimpleNamespace, TokenMixin):
    def check_client(self, client):
        return self.client_id == client.client_id

    def get_scope(self):
        return self.scope


class S256(CodeChallenge):
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]


class OAuthProvider:
    """Answers in threads of its own while it is entered. `documents`: what https client ids lead to."""

    def __init__(self, path="", place="oauth", expires=3600, documents=None, registers=True, user="alice", scopes=None):
        self.path, self.place, self.expires, self.documents = path, place, expires, documents
        self.registers, self.user, self.scopes = registers, user, scopes
        self.key = ECKey.generate_key("P-256", {"use": "sig", "kid": "one"})
        self.clients, self.codes, self.refreshes = {}, {}, {}
        self.grants, self.tried, self.authorized = [], [], []
        self.app = flask.Flask("provider")
        self.server = werkzeug.serving.make_server("127.0.0.1", 0, self.app, threaded=True)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        self.url = self.origin + path
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self._serve()

    def add(self, client_id, secret=None, **metadata):
        """A client that was registered by hand."""
        self.clients[client_id] = Client(client_id, secret, **metadata)

    def times(self, grant):
        return sum(1 for form in self.tried if form.get("grant_type") == grant)

    def metadata(self):
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": WAYS,
            "authorization_response_iss_parameter_supported": True,
            **({"registration_endpoint": f"{self.url}/register"} if self.registers else {}),
            **({"client_id_metadata_document_supported": True} if self.documents else {}),
            **({"scopes_supported": self.scopes} if self.scopes else {}),
        }

    def _client(self, client_id):
        if client_id in self.clients:
            return self.clients[client_id]
        document = (self.documents or {}).get(client_id)
        # What a document says of itself must be what it was asked for.
        if document and document.get("client_id") == client_id:
            return Client(**document)
        return None

    def _serve(self):
        it, app = self, self.app

        class Tokens(JWTBearerTokenGenerator):
            def get_jwks(self):
                return it.key

            def get_audiences(self, client, user, scope):
                return flask.g.resource

            def get_extra_claims(self, client, grant_type, user, scope):
                # A little longer than clients are told: none ends on its way.
                return {"exp": int(time.time()) + it.expires + 3}

        class CodeGrant(grants.AuthorizationCodeGrant):
            TOKEN_ENDPOINT_AUTH_METHODS = WAYS

            def save_authorization_code(self, code, request):
                data = request.payload.data
                it.authorized.append(data.to_dict())
                it.codes[code] = Code(
                    client_id=request.client.client_id,
                    redirect_uri=request.payload.redirect_uri,
                    scope=request.scope,
                    code_challenge=data.get("code_challenge"),
                    code_challenge_method=data.get("code_challenge_method"),
                    resource=data.get("resource"),
                )

            def query_authorization_code(self, code, client):
                found = it.codes.get(code)
                asked = self.request.form.get("resource")
                if found is None or found.client_id != client.client_id or found.resource != asked or not asked:
                    return None
                flask.g.resource = asked
                return found

            def delete_authorization_code(self, authorization_code):
                it.codes = {k: v for k, v in it.codes.items() if v is not authorization_code}

            def authenticate_user(self, authorization_code):
                return types.SimpleNamespace(get_user_id=lambda: it.user)

        class RefreshGrant(grants.RefreshTokenGrant):
            TOKEN_ENDPOINT_AUTH_METHODS = WAYS
            INCLUDE_NEW_REFRESH_TOKEN = True

            def authenticate_refresh_token(self, refresh_token):
                found = it.refreshes.get(refresh_token)
                if found is None or found.resource != self.request.form.get("resource"):
                    raise InvalidGrantError()
                flask.g.resource = found.resource
                return found

            def authenticate_user(self, refresh_token):
                return types.SimpleNamespace(get_user_id=lambda: it.user)

            def revoke_old_credential(self, refresh_token):
                it.refreshes = {k: v for k, v in it.refreshes.items() if v is not refresh_token}

        class OwnGrant(grants.ClientCredentialsGrant):
            TOKEN_ENDPOINT_AUTH_METHODS = WAYS[:2]

            def validate_token_request(self):
                super().validate_token_request()
                flask.g.resource = self.request.form.get("resource")

        class Registration(ClientRegistrationEndpoint):
            def authenticate_token(self, request):
                return it.registers

            def get_server_metadata(self):
                return it.metadata()

            def save_client(self, client_info, client_metadata, request):
                known = {**client_metadata, "token_endpoint_auth_method": it._way(client_metadata)}
                made = Client(client_info["client_id"], client_info["client_secret"], **known)
                it.clients[made.client_id] = made
                return made

        class Named(IssuerParameter):
            def get_issuer(self):
                return it.url

        def save_token(token, request):
            it.grants.append({**token, "client_id": request.client.client_id, "resource": flask.g.resource})
            if "refresh_token" in token:
                it.refreshes[token["refresh_token"]] = Refresh(
                    client_id=request.client.client_id, scope=token.get("scope"), resource=flask.g.resource
                )

        server = AuthorizationServer(app, self._client, save_token)
        server.register_token_generator(
            "default",
            Tokens(
                self.url,
                alg="ES256",
                refresh_token_generator=lambda **_: secrets.token_urlsafe(16),
                expires_generator=lambda *_: self.expires,
            ),
        )
        server.register_grant(CodeGrant, [S256(required=True)])
        server.register_grant(RefreshGrant)
        server.register_grant(OwnGrant)
        server.register_endpoint(Registration)
        server.register_extension(Named())

        @app.get(PLACES[self.place].format(path=self.path))
        def metadata():
            return it.metadata()

        @app.get(f"{self.path}/keys")
        def keys():
            return KeySet([it.key]).as_dict(private=False)

        @app.get(f"{self.path}/authorize")
        def authorize():
            try:
                grant = server.get_consent_grant(end_user=it.user)
            except OAuth2Error as e:
                return server.handle_error_response(None, e)
            return server.create_authorization_response(grant_user=it.user, grant=grant)

        @app.post(f"{self.path}/token")
        def token():
            it.tried.append(flask.request.form.to_dict())
            return server.create_token_response()

        @app.post(f"{self.path}/register")
        def register():
            it.tried.append({"register": flask.request.get_json()})
            return server.create_endpoint_response(Registration.ENDPOINT_NAME)

    @staticmethod
    def _way(metadata):
        return metadata.get("token_endpoint_auth_method") or "client_secret_basic"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


__all__ = ["OAuthProvider", "PLACES"]
