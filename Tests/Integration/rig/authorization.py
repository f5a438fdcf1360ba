# SPDX-License-Identifier: Apache-2.0
"""An OAuth authorization server for tests: the grants that oidc-provider-mock has not, and metadata that lie."""

import base64
import hashlib
import http.server
import json
import secrets
import threading
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import jwt

GRANT = "urn:ietf:params:oauth:grant-type:"
TOKEN = "urn:ietf:params:oauth:token-type:"


class AuthorizationServer:
    """Answers in a thread of its own. `forms` has what token requests said, `ways` how clients showed who they are;
    `lies` go over its metadata. `path` is the issuer's, `place` where its metadata are; `public` clients have no
    secret; `tells`: tokens end with their scopes; `elsewhere` answers requests of other paths.

    With `detects`, a refresh token that is used twice takes all others along (RFC 9700 section 4.14.2); with
    `revokes` it has a revocation endpoint (RFC 7009)."""

    def __init__(
        self, secret="s:e c+ret", key=None, expires=3600, path="", place=None, public=False, tells=False,
        detects=False, revokes=False, **lies
    ):
        self.secret, self.key, self.expires, self.lies = secret, key, expires, lies
        self.path, self.public, self.tells = path, public, tells
        self.place = place or f"/.well-known/oauth-authorization-server{path}"
        self.forms, self.asked, self.ways, self.count = [], [], [], 0
        self.answer = self.elsewhere = None
        self.codes, self.refreshes, self.registrations, self.authorized = {}, {}, [], []
        self.callback = {}
        self.detects, self.used, self.reused, self.revoked = detects, set(), 0, 0
        self.revokes = revokes
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                outer.asked.append(self.path)
                if self.path == outer.place and outer.elsewhere is None:
                    self.reply(200, outer.metadata())
                elif self.path.startswith(f"{outer.path}/authorize?"):
                    self.send_response(302)
                    self.send_header("Location", outer.authorize(dict(parse_qsl(urlsplit(self.path).query))))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                elif outer.elsewhere:
                    self.send_response(302)
                    self.send_header("Location", outer.elsewhere)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self.reply(404, {})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                if outer.elsewhere:
                    self.send_response(307)
                    self.send_header("Location", outer.elsewhere)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if self.path == f"{outer.path}/register":
                    outer.registrations.append(json.loads(body))
                    secret = {} if outer.public else {"client_secret": outer.secret}
                    self.reply(201, {"client_id": "registered", **secret})
                    return
                form = dict(parse_qsl(body, keep_blank_values=True, strict_parsing=True))
                with outer.lock:
                    answer = outer.revoke if self.path == f"{outer.path}/revoke" else outer.token
                    self.reply(*answer(form, self.headers.get("authorization")))

            def reply(self, status, value):
                text = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}{path}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def metadata(self):
        more = {"revocation_endpoint": f"{self.url}/revoke"} if self.revokes else {}
        return {
            "issuer": self.url,
            "token_endpoint": f"{self.url}/token",
            "authorization_endpoint": f"{self.url}/authorize",
            "code_challenge_methods_supported": ["S256"],
            **more,
            **self.lies,
        }

    def client(self, form, authorization):
        """Who asks; None: it did not show that."""
        if authorization:
            self.ways.append("basic")
            name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            return unquote(name) if unquote(secret) == self.secret else None
        if "client_assertion" in form:
            self.ways.append("private_key_jwt")
            claims = jwt.decode(
                form["client_assertion"], self.key, algorithms=["ES256", "RS256"], audience=self.url
            )
            assert claims["iss"] == claims["sub"] and claims["jti"]
            return claims["sub"]
        self.ways.append("post" if "client_secret" in form else "none")
        shown = self.public if "client_secret" not in form else form["client_secret"] == self.secret
        return form.get("client_id") if shown else None

    def authorize(self, query):
        """Where the browser goes: everybody agrees at once."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        self.authorized.append(query)
        answer = {"code": code, "state": query["state"], "iss": self.url, **self.callback}
        answer = {key: value for key, value in answer.items() if value is not None}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def granted(self, form):
        """Whether a code or refresh token is good, and was not used before."""
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] in self.used:
                self.reused += 1
                if self.detects:
                    self.refreshes.clear()
            self.used.add(form["refresh_token"])
            return self.refreshes.pop(form["refresh_token"], None)
        asked = self.codes.pop(form["code"], None)
        if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
            return None
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        proven = base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
        return asked if proven and asked["resource"] == form["resource"] else None

    def revoke(self, form, authorization):
        if self.client(form, authorization) is None:
            return 401, {"error": "invalid_client"}
        self.revoked += self.refreshes.pop(form["token"], None) is not None
        return 200, {}

    def token(self, form, authorization):
        self.forms.append(form)
        name = self.client(form, authorization)
        if name is None:
            return 401, {"error": "invalid_client"}
        if self.answer:
            return self.answer
        more = {}
        if form["grant_type"] in ("authorization_code", "refresh_token"):
            grant = self.granted(form)
            if grant is None:
                return 400, {"error": "invalid_grant"}
            more["refresh_token"] = secrets.token_urlsafe(16)
            self.refreshes[more["refresh_token"]] = grant
            more["scope"] = grant.get("scope", "")
        self.count += 1
        if form.get("requested_token_type") == TOKEN + "id-jag":
            return 200, {
                "access_token": f"jag-{form['subject_token']}",
                "issued_token_type": TOKEN + "id-jag",
                "token_type": "N_A",
                "expires_in": 60,
            }
        who = form.get("subject_token") or form.get("assertion") or name.rpartition("/")[2]
        scopes = more.pop("scope", None) or form.get("scope", "")
        told = "~" + scopes.replace(" ", "+") if self.tells else ""
        return 200, {
            "access_token": f"{who}.{self.count}{told}".replace(" ", "-"),
            "token_type": "Bearer",
            "expires_in": self.expires,
            **more,
        }

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


__all__ = ["AuthorizationServer", "GRANT", "TOKEN"]
