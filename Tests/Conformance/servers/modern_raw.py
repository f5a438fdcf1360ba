# SPDX-License-Identifier: Apache-2.0
"""The modern fixture server written by hand: strict about every header and key that 2026-07-28 asks for."""

import asyncio
import base64
import json
from typing import Any

import extras
from exchange import HttpOut, Out, Request, serve_http, serve_stdio
from fixtures import Json, Refusal, complete, said, tool
from service import INTERACTIVE, LISTS, META, MODERN, Events, Service, options

SUBSCRIPTION = META + "subscriptionId"
FRESH = {"ttlMs": 1000, "cacheScope": "public"}
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
SEVERITY = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
KINDS = {
    "tools": ("toolsListChanged", "notifications/tools/list_changed"),
    "prompts": ("promptsListChanged", "notifications/prompts/list_changed"),
}
MRTR = ["test_mrtr_echo_state", "test_mrtr_no_state", "test_mrtr_unrelated", "test_mrtr_no_result_type"]
BROKEN = tool("test_broken_stream", "Closes its stream without an answer")
STATE = 'opaque "state" with ünï and \\ and \n'
STATUS = {-32601: 404, -32603: 200}


def decoded(value: str | None) -> str | None:
    if value and value.startswith("=?base64?") and value.endswith("?="):
        return base64.b64decode(value[9:-2]).decode()
    return value


def mirrored(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


class ModernPeer:
    def __init__(self, server: "ModernServer", out: Out, meta: Json) -> None:
        self.server, self.out, self.meta = server, out, meta

    async def progress(self, done: float, total: float) -> None:
        if "progressToken" in self.meta:
            params = {"progressToken": self.meta["progressToken"], "progress": done, "total": total}
            await self.out.notify("notifications/progress", params)

    async def log(self, level: str, words: str) -> None:
        least = self.meta.get(META + "logLevel")
        if least and SEVERITY.index(level) >= SEVERITY.index(least):
            await self.out.notify("notifications/message", {"level": level, "data": words})

    async def changed(self, kind: str) -> None:
        flag, method = KINDS[kind]
        await self.server.publish(lambda wanted: wanted.get(flag), method, {})

    async def updated(self, uri: str) -> None:
        await self.server.publish(
            lambda wanted: uri in wanted.get("resourceSubscriptions", []),
            "notifications/resources/updated",
            {"uri": uri},
        )


class ModernServer(Service):
    """Protocol behaviour without transport."""

    def __init__(self, name: str, events: Events, canary: str, picky: bool) -> None:
        mrtr = [tool(n, f"For the client's side of several rounds: {n}") for n in MRTR]
        super().__init__(name, events, extras.tools(canary) + mrtr + [BROKEN])
        self.lists["resources"] = [*self.lists["resources"], *extras.resources()]
        self.lists["prompts"] = [*self.lists["prompts"], extras.PROMPT]
        self.listens: dict[object, tuple[Any, Json, Out, asyncio.Event]] = {}
        self.rejects = picky

    async def publish(self, wants: Any, method: str, params: Json) -> None:
        for number, wanted, out, _ in list(self.listens.values()):
            if wants(wanted):
                await out.notify(method, {**params, "_meta": {SUBSCRIPTION: number}})

    def check(self, message: Json, headers: dict[str, str] | None) -> None:
        """Raises what a strict server objects to, in the order that the specification recommends."""
        params = message.get("params") or {}
        meta = params.get("_meta") or {}
        for key in ("protocolVersion", "clientCapabilities"):
            if META + key not in meta:
                raise Refusal(-32602, f"_meta lacks {META}{key}")
        version, method = meta[META + "protocolVersion"], message["method"]
        if headers is not None:
            expected: dict[str, str | None] = {"mcp-protocol-version": version, "mcp-method": method}
            if method in NAMED:
                expected["mcp-name"] = params.get(NAMED[method])
            self.compare(expected, headers)
        if version != MODERN or self.rejects:
            self.rejects = False
            self.events.emit("rejected", label=self.name, requested=version)
            raise Refusal(
                -32022, "Unsupported protocol version", {"supported": [MODERN], "requested": version}
            )
        if headers is not None and params.get("name", "").startswith("test_custom_headers"):
            arguments = params.get("arguments") or {}
            wanted = {
                "mcp-param-" + header.lower(): None
                if arguments.get(name) is None
                else mirrored(arguments[name])
                for name, header in extras.MIRRORED.items()
            }
            self.compare(wanted, headers)

    @staticmethod
    def compare(expected: dict[str, str | None], headers: dict[str, str]) -> None:
        for name, value in expected.items():
            if decoded(headers.get(name)) != value:
                raise Refusal(-32020, f"{name} is {headers.get(name)!r}, the body says {value!r}")

    def mrtr(self, name: str, params: Json) -> Json:
        """Tools that look at how a client carries state between rounds."""
        if name == "test_mrtr_no_result_type":
            return {**said("no resultType"), "resultType": None}
        state, answers = params.get("requestState"), params.get("inputResponses")
        self.events.emit("mrtr", label=self.name, name=name, state=state, answers=answers)
        if name == "test_mrtr_unrelated":
            return said("unrelated " + ("clean" if state is None and answers is None else "dirty"))
        if answers:
            wanted = STATE if name == "test_mrtr_echo_state" else None
            return said(f"{name} " + ("kept" if state == wanted else f"changed: {state!r}"))
        schema = {
            "type": "object",
            "properties": {"confirmed": {"type": "boolean"}},
            "required": ["confirmed"],
        }
        question = {"method": "elicitation/create", "params": {"message": "Sure?", "requestedSchema": schema}}
        result: Json = {"resultType": "input_required", "inputRequests": {"confirm": question}}
        return {**result, "requestState": STATE} if name == "test_mrtr_echo_state" else result

    def visit(self, params: Json, capabilities: Json) -> Json:
        """Asks the user to go to an address, and believes the answer."""
        if "url" not in capabilities.get("elicitation", {}):
            missing = {"requiredCapabilities": {"elicitation": {"url": {}}}}
            raise Refusal(-32021, "The client cannot open addresses", missing)
        if answer := (params.get("inputResponses") or {}).get("connect"):
            return said("visited" if answer.get("action") == "accept" else "not visited")
        url = extras.address(params["arguments"]["key"])
        question = {"mode": "url", "url": url, "message": "Please connect"}
        asked = {"connect": {"method": "elicitation/create", "params": question}}
        return {"resultType": "input_required", "inputRequests": asked}

    async def result(self, message: Json, out: Out) -> Json:
        method, params = message["method"], message["params"]
        meta = params["_meta"]
        if method == "server/discover":
            capabilities = {
                "tools": {"listChanged": True},
                "prompts": {"listChanged": True},
                "resources": {"subscribe": True},
                "completions": {},
                "logging": {},
            }
            return {"supportedVersions": [MODERN], "capabilities": capabilities, **FRESH}
        if method in LISTS:
            return {LISTS[method]: self.lists[LISTS[method]], **FRESH}
        if method == "completion/complete":
            return complete(params["ref"], params["argument"])
        if method == "resources/read":
            return {"contents": extras.reading(params["uri"], -32602), **FRESH}
        if method == "subscriptions/listen":
            return await self.listen(message["id"], params["notifications"], out)
        if method not in INTERACTIVE:
            raise extras.unknown(method)
        name = params["name"]
        if self.step(method, params):
            return self.modern(method, params, meta[META + "clientCapabilities"])
        if method == "prompts/get":
            return extras.prompt(name) or self.prompt(params)
        if name == extras.URL_TOOL["name"]:
            return self.visit(params, meta[META + "clientCapabilities"])
        if name == BROKEN["name"] and isinstance(out, HttpOut):
            await out.begin()
            raise ConnectionAbortedError(name)
        if name in MRTR:
            return self.mrtr(name, params)
        arguments = params.get("arguments") or {}
        return extras.call(name, arguments) or await self.call(name, arguments, ModernPeer(self, out, meta))

    async def listen(self, number: Any, wanted: Json, out: Out) -> Json:
        """One subscription; it lasts until the client ends it."""
        honoured = {k: v for k, v in wanted.items() if k not in ("resourcesListChanged",)}
        ended, key = asyncio.Event(), object()
        params = {"notifications": honoured, "_meta": {SUBSCRIPTION: number}}
        self.listens[key] = number, honoured, out, ended
        try:
            await out.notify("notifications/subscriptions/acknowledged", params)
            await ended.wait()
        finally:
            self.listens.pop(key, None)
            self.events.emit("unlistened", label=self.name, wanted=wanted)
        return {"_meta": {SUBSCRIPTION: number}}

    async def handle(self, message: Json, headers: dict[str, str] | None, out: Out) -> None:
        if "id" not in message:
            given_up = (message.get("params") or {}).get("requestId")
            for number, _, _, ended in list(self.listens.values()):
                if message["method"] == "notifications/cancelled" and number == given_up:
                    ended.set()
            await out.nothing()
            return
        envelope: Json = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            self.check(message, headers)
            body = {"resultType": "complete", **await self.result(message, out)}
            if body["resultType"] is None:
                del body["resultType"]
            body["_meta"] = {
                **body.get("_meta", {}),
                META + "serverInfo": {"name": self.name, "version": "0"},
            }
            await out.finish({**envelope, "result": body})
        except Refusal as e:
            data = {"data": e.data} if e.data is not None else {}
            error = {"code": e.code, "message": e.message, **data}
            await out.finish({**envelope, "error": error}, STATUS.get(e.code, 400))

    async def serve(self, request: Request, out: HttpOut) -> None:
        if request.verb != "POST":
            await out.nothing(405)
            return
        await self.handle(json.loads(request.body), request.headers, out)


def main() -> None:
    chosen = options(__doc__)
    picky = chosen.label.startswith("picky")
    server = ModernServer(chosen.label, Events(chosen.events), chosen.canary, picky)
    if chosen.stdio:
        asyncio.run(serve_stdio(lambda message, out: server.handle(message, None, out)))
    else:
        asyncio.run(serve_http(server.serve, cancels=True))


main()
