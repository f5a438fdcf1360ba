# SPDX-License-Identifier: Apache-2.0
"""The hand-written legacy client: sessions over HTTP, answers to questions, resumption of dropped streams."""

import json
import threading
from typing import Any

from clients.driver import TIMEOUT, Answer, Driver, Json, Outcome, Question, Stream, events, refuse, settle
from rig.raw_client import INFO
from rig.rpc import RpcError

VERSION = "2025-11-25"


class LegacyClient(Driver):
    era = "legacy"

    def __init__(self, url: str, capabilities: Json | None = None, version: str = VERSION) -> None:
        super().__init__(url, capabilities)
        self.session: str | None = None
        self.version = version
        self.standing: Stream | None = None
        hello = self.request(
            "initialize",
            {"protocolVersion": version, "capabilities": self.capabilities, "clientInfo": INFO},
        )
        self.hello, self.version = hello.ok, hello.ok["protocolVersion"]
        self.session = hello.headers.get("mcp-session-id")
        assert self.notify("notifications/initialized") == 202

    def fields(self) -> dict[str, str | None]:
        """The headers of every message after initialize."""
        if self.session is None and not hasattr(self, "hello"):
            return {}
        return {"Mcp-Session-Id": self.session, "MCP-Protocol-Version": self.version}

    def notify(self, method: str, params: Json | None = None) -> int:
        return self.post({"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})})

    def post(self, message: Json) -> int:
        """Sends what has no answer; the HTTP status."""
        connection, response = self.send("POST", message, self.fields())
        response.read()
        connection.close()
        return int(response.status)

    def request(
        self,
        method: str,
        params: Json | None = None,
        *,
        answer: Answer = refuse,
        progress: str | None = None,
        headers: dict[str, str | None] | None = None,
    ) -> Outcome:
        body = dict(params or {})
        if progress:
            body["_meta"] = {**body.get("_meta", {}), "progressToken": progress}
        message: Json = {"jsonrpc": "2.0", "id": next(self.ids), "method": method}
        if body:
            message["params"] = body
        connection, response = self.send("POST", message, {**self.fields(), **(headers or {})})
        outcome = Outcome(response.status, headers={k.lower(): v for k, v in response.getheaders()})
        try:
            if response.headers.get("Content-Type", "").startswith("text/event-stream"):
                return self.follow(response, message, outcome, answer)
            body = response.read()
            return self.mine(outcome, json.loads(body), message) if body else outcome
        finally:
            connection.close()

    def follow(self, response: Any, message: Json, outcome: Outcome, answer: Answer) -> Outcome:
        """Reads a call's stream to its answer; when the server closes it before, resumes it."""
        last, wait = None, 0.0
        for event in events(response):
            last, wait = event.id or last, event.retry / 1000 if event.retry is not None else wait
            if not event.data:
                continue
            found = json.loads(event.data)
            if "method" not in found:
                return self.mine(outcome, found, message)
            if "id" in found:
                self.answer(found, outcome, answer)
            else:
                outcome.notes.append((found["method"], found.get("params") or {}))
        assert last is not None, "the stream ended without the answer and cannot be resumed"
        threading.Event().wait(wait)
        connection, resumed = self.send("GET", None, {**self.fields(), "Last-Event-ID": last})
        try:
            assert resumed.status == 200, f"resuming was answered with {resumed.status}"
            return self.follow(resumed, message, outcome, answer)
        finally:
            connection.close()

    def answer(self, asked: Json, outcome: Outcome, answer: Answer) -> None:
        """Answers one question of the server on a POST of its own."""
        params = asked.get("params") or {}
        outcome.questions.append(Question(asked["method"], params))
        reply: Json
        try:
            reply = {"result": answer(asked["method"], params)}
        except RpcError as e:
            reply = {"error": {"code": e.code, "message": e.message}}
        status = self.post({"jsonrpc": "2.0", "id": asked["id"], **reply})
        assert status == 202, f"an answer was met with status {status}"

    @staticmethod
    def mine(outcome: Outcome, found: Json, message: Json) -> Outcome:
        assert found.get("id") == message["id"] or outcome.status >= 400, (
            f"the answer has another id: {found}"
        )
        return settle(outcome, found)

    def logged(self, level: str, method: str, params: Json) -> Outcome:
        assert self.request("logging/setLevel", {"level": level}).ok == {}
        outcome = self.request(method, params)
        if not outcome.heard("notifications/message") and self.standing:
            self.standing.note("notifications/message")
            outcome.notes += [(m["method"], m["params"]) for m in self.standing.messages if "method" in m]
        return outcome

    def stand(self) -> Stream:
        """The standing stream of the session."""
        if self.standing is None:
            self.standing = self.stream("GET", None, {**self.fields(), "Accept": "text/event-stream"})
            assert self.standing.status == 200, f"GET was answered with {self.standing.status}"
        return self.standing

    def watch(self, uri: str | None = None, *kinds: str) -> Stream:
        opened = self.stand()
        if uri:
            assert self.request("resources/subscribe", {"uri": uri}).ok == {}
        return opened

    def close(self) -> None:
        super().close()
        if self.session:
            connection, response = self.send("DELETE", None, self.fields())
            response.read()
            connection.close()
            self.session = None


__all__ = ["TIMEOUT", "LegacyClient"]
