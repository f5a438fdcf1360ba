# SPDX-License-Identifier: Apache-2.0
"""The hand-written modern client: 2026-07-28 over HTTP, with rounds of input and subscriptions."""

import json
from typing import Any

from clients.driver import Answer, Driver, Json, Outcome, Question, Stream, events, refuse, settle
from rig.raw_client import header_text, modern_headers, modern_params
from rig.rpc import META, RpcError

ROUNDS = 10


class ModernClient(Driver):
    era = "modern"

    def request(
        self,
        method: str,
        params: Json | None = None,
        *,
        answer: Answer = refuse,
        progress: str | None = None,
        headers: dict[str, str | None] | None = None,
    ) -> Outcome:
        """A request with all its rounds; `rounds` of the outcome holds the results that asked for input."""
        outcome, extra = Outcome(), dict[str, Any]()
        for number in range(1, ROUNDS + 1):
            body = {**(params or {}), **extra}
            if progress:
                body["_meta"] = {**body.get("_meta", {}), "progressToken": progress}
            found = self.once(method, body, headers)
            outcome.notes += found.notes
            outcome.status, outcome.headers = found.status, found.headers
            outcome.result, outcome.error = found.result, found.error
            if (found.result or {}).get("resultType") != "input_required":
                return outcome
            assert found.result
            outcome.rounds.append(found.result)
            extra = self.answers(found.result, number, outcome.questions, answer)
        raise AssertionError(f"no end after {ROUNDS} rounds")

    def answers(self, asked: Json, number: int, questions: list[Question], answer: Answer) -> Json:
        """What a retry adds to the request: an answer for each key, and the state if there was one."""
        given = {}
        for key, question in (asked.get("inputRequests") or {}).items():
            params = question.get("params") or {}
            questions.append(Question(question["method"], params, number, key))
            try:
                given[key] = answer(question["method"], params)
            except RpcError as e:
                raise AssertionError(f"a question that nobody expected: {question}") from e
        extra: Json = {"inputResponses": given} if asked.get("inputRequests") else {}
        return {**extra, "requestState": asked["requestState"]} if "requestState" in asked else extra

    def once(self, method: str, params: Json, headers: dict[str, str | None] | None = None) -> Outcome:
        """One round: one POST and what it answers."""
        message = self.message(method, params)
        fields: dict[str, str | None] = {**modern_headers(method, params), **(headers or {})}
        return self.exchange(message, fields)

    def message(self, method: str, params: Json | None) -> Json:
        body = modern_params(params, self.capabilities)
        return {"jsonrpc": "2.0", "id": next(self.ids), "method": method, "params": body}

    def exchange(self, message: Json, headers: dict[str, str | None]) -> Outcome:
        """One POST with exactly these headers. A server that asks on this wire breaks the rules."""
        connection, response = self.send("POST", message, headers)
        outcome = Outcome(response.status, headers={k.lower(): v for k, v in response.getheaders()})
        try:
            if response.headers.get("Content-Type", "").startswith("text/event-stream"):
                for event in events(response):
                    found = json.loads(event.data)
                    if "method" not in found:
                        return self.mine(outcome, found, message)
                    assert "id" not in found, f"a request on a modern stream: {found}"
                    outcome.notes.append((found["method"], found.get("params") or {}))
                raise AssertionError("the stream ended without the answer")
            body = response.read()
            if not body:
                return outcome
            return self.mine(outcome, json.loads(body), message)
        finally:
            connection.close()

    @staticmethod
    def mine(outcome: Outcome, found: Json, message: Json) -> Outcome:
        assert found.get("id") == message.get("id"), f"the answer has another id: {found}"
        return settle(outcome, found)

    def logged(self, level: str, method: str, params: Json) -> Outcome:
        return self.request(method, {**params, "_meta": {META + "logLevel": level}})

    def listen(self, notifications: Json) -> tuple[Stream, Json]:
        """A subscription and what of it the server honours; the acknowledgement must be its first message."""
        params = {"notifications": notifications}
        message = self.message("subscriptions/listen", params)
        opened = self.stream("POST", message, {**modern_headers("subscriptions/listen", params)})
        first = opened.wait(lambda _: True, "the acknowledgement")
        assert first.get("method") == "notifications/subscriptions/acknowledged", f"first came {first}"
        assert first["params"]["_meta"][META + "subscriptionId"] == message["id"], first
        return opened, first["params"]["notifications"]

    def watch(self, uri: str | None = None, *kinds: str) -> Stream:
        wanted: Json = {kind + "ListChanged": True for kind in kinds}
        if uri:
            wanted["resourceSubscriptions"] = [uri]
        opened, honoured = self.listen(wanted)
        assert honoured == wanted, f"asked for {wanted}, honoured {honoured}"
        return opened


__all__ = ["ModernClient", "header_text"]
