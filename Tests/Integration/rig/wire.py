# SPDX-License-Identifier: Apache-2.0
"""Records of both directions of a wire, each message validated as it passes."""

import json
import threading

from rig.raw_client import modern_headers
from rig.rpc import META, MODERN
from rig.schema import answer_problems, call_problems


# What released SDK 1.x servers put where they refuse a request at the HTTP level.
RELEASED_SDK_ID = "server-error"


class Wire:
    """Everything that went over one wire (any number of connections), and what was wrong with it.

    `expected_bad` may be set by a test that sends something invalid on purpose.
    """

    def __init__(self, name):
        self.name, self.lock = name, threading.Lock()
        self.messages, self.violations = [], []
        self.sessions, self.last_version = {}, "2025-03-26"

    def complain(self, message, problems):
        for problem in problems:
            self.violations.append(f"{self.name}: {problem}\n    in {json.dumps(message)[:700]}")

    def version_of(self, message, headers, pending):
        meta = (message.get("params") or {}).get("_meta") or {}
        if META + "protocolVersion" in meta:
            return meta[META + "protocolVersion"]
        if message.get("method") == "initialize":
            return message["params"].get("protocolVersion")
        headers = headers or {}
        return (
            headers.get("mcp-protocol-version")
            or self.sessions.get(headers.get("mcp-session-id"))
            or pending.get("version")
            or self.last_version
        )

    def sent(self, message, headers, pending):
        """A message of the client. `pending` maps ids to (method, version) for this connection or stream."""
        with self.lock:
            if isinstance(message, list):
                for m in message:
                    self._sent(m, headers, pending)
            else:
                self._sent(message, headers, pending)

    def _sent(self, message, headers, pending):
        self.messages.append(("sent", message, headers))
        if "method" not in message:
            asked = pending.pop(("asked", message.get("id")), None) or self.sessions.get(
                ("asked", message.get("id"))
            )
            if asked:
                self.complain(message, answer_problems(message, *asked))
            else:
                self.complain(message, ["an answer to nothing that was asked"])
            return
        version = self.version_of(message, headers, pending)
        if "id" in message:
            if message["id"] in pending:
                self.complain(message, ["an id that is still in use"])
            pending[message["id"]] = (message["method"], version)
        problems = call_problems(message, version, "Client")
        if version == MODERN and headers is not None and "id" in message:
            for name, value in modern_headers(message["method"], message.get("params")).items():
                if headers.get(name.lower()) != value:
                    problems.append(f"header {name} is {headers.get(name.lower())!r}, not {value!r}")
        self.complain(message, problems)

    def received(self, message, headers, pending):
        """A message of the server; `headers` are those of the HTTP response, None on stdio."""
        with self.lock:
            for m in message if isinstance(message, list) else [message]:
                self._received(m, headers, pending)

    def _received(self, message, headers, pending):
        self.messages.append(("received", message, headers))
        if not isinstance(message, dict):
            self.complain(message, ["no JSON-RPC message"])
            return
        if "method" in message:
            version = pending.get("version") or self.last_version
            if "id" in message:
                pending[("asked", message["id"])] = self.sessions[("asked", message["id"])] = (
                    message["method"],
                    version,
                )
            self.complain(message, call_problems(message, version, "Server"))
            return
        request = pending.pop(message.get("id"), None)
        if request is None:
            if "error" not in message or message.get("id") not in (None, RELEASED_SDK_ID):
                self.complain(message, ["an answer to nothing that was asked"])
            return
        method, version = request
        if method == "initialize" and "result" in message:
            version = self.last_version = message["result"].get("protocolVersion")
            if headers and (session := headers.get("mcp-session-id")):
                self.sessions[session] = version
        self.complain(message, answer_problems(message, method, version))

    def mark(self):
        with self.lock:
            return len(self.messages)

    def since(self, mark, direction, method=None):
        """Messages after a mark, e.g. all requests of one method that were sent."""
        with self.lock:
            return [
                m
                for d, m, _ in self.messages[mark:]
                if d == direction and (method is None or (isinstance(m, dict) and m.get("method") == method))
            ]

    def check(self):
        with self.lock:
            assert not self.violations, f"{len(self.violations)} schema violations:\n" + "\n".join(
                self.violations[:10]
            )
