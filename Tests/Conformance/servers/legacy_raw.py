# SPDX-License-Identifier: Apache-2.0
"""The legacy fixture server written by hand: sessions, resumption, -32042, questions anywhere."""

import asyncio
import itertools
import json
import time
import uuid
from typing import Any

import extras
from exchange import HttpOut, Out, Request, answered, serve_http, serve_stdio
from fixtures import Json, Refusal, complete, said, tool
from service import INTERACTIVE, LEGACY, LISTS, Events, Service, options

SEVERITY = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
RETRY_MS = 500
OWN = [tool("test_reconnection", "Drops its stream and answers on the one that resumes it")]


class Session:
    """One session of a client."""

    def __init__(self, capabilities: Json) -> None:
        self.id, self.capabilities = uuid.uuid4().hex, capabilities
        self.level, self.watched = "info", set[str]()
        self.standing: Out | None = None


class LegacyPeer:
    def __init__(self, server: "LegacyServer", session: Session, out: Out, meta: Json) -> None:
        self.server, self.session, self.out, self.meta = server, session, out, meta

    async def progress(self, done: float, total: float) -> None:
        if "progressToken" in self.meta:
            params = {"progressToken": self.meta["progressToken"], "progress": done, "total": total}
            await self.out.notify("notifications/progress", params)

    async def log(self, level: str, words: str) -> None:
        if SEVERITY.index(level) >= SEVERITY.index(self.session.level):
            await self.out.notify("notifications/message", {"level": level, "data": words})

    async def changed(self, kind: str) -> None:
        for session in self.server.sessions.values():
            if session.standing:
                await session.standing.notify(f"notifications/{kind}/list_changed", {})

    async def updated(self, uri: str) -> None:
        for session in self.server.sessions.values():
            if session.standing and uri in session.watched:
                await session.standing.notify("notifications/resources/updated", {"uri": uri})


class LegacyServer(Service):
    """Protocol behaviour without transport."""

    def __init__(self, name: str, events: Events, canary: str) -> None:
        super().__init__(name, events, extras.tools(canary) + OWN)
        self.lists["resources"] = [*self.lists["resources"], *extras.resources()]
        self.lists["prompts"] = [*self.lists["prompts"], extras.PROMPT]
        self.sessions: dict[str, Session] = {}
        self.streams: dict[str, Json] = {}
        self.visited = set[str]()
        self.numbers = itertools.count(1)

    def initialize(self, params: Json) -> tuple[Session, Json]:
        session = Session(params.get("capabilities") or {})
        self.sessions[session.id] = session
        self.events.emit("initialized", label=self.name, session=session.id, params=params)
        capabilities = {
            "tools": {"listChanged": True},
            "prompts": {"listChanged": True},
            "resources": {"subscribe": True},
            "completions": {},
            "logging": {},
        }
        info = {"name": self.name, "version": "0"}
        return session, {"protocolVersion": LEGACY, "capabilities": capabilities, "serverInfo": info}

    async def result(self, method: str, params: Json, session: Session, out: Out) -> Json:
        if method == "ping":
            return {}
        if method in LISTS:
            return {LISTS[method]: self.lists[LISTS[method]]}
        if method == "completion/complete":
            return await self.completing(params, out)
        if method == "resources/read":
            return {"contents": extras.reading(params["uri"], -32002)}
        if method == "logging/setLevel":
            if params["level"] not in SEVERITY:
                raise Refusal(-32602, f"No such level: {params['level']}")
            session.level = params["level"]
            self.events.emit("level", label=self.name, level=session.level)
            return {}
        if method in ("resources/subscribe", "resources/unsubscribe"):
            kind = method.partition("/")[2]
            (session.watched.add if kind == "subscribe" else session.watched.discard)(params["uri"])
            self.events.emit(kind + "d", label=self.name, uri=params["uri"])
            return {}
        if method not in INTERACTIVE:
            raise extras.unknown(method)
        name, arguments = params["name"], params.get("arguments") or {}
        if self.step(method, params):
            return await self.legacy(method, params, session.capabilities, out.ask)
        if method == "prompts/get":
            return extras.prompt(name) or self.prompt(params)
        if name == extras.URL_TOOL["name"]:
            return self.visit(arguments["key"])
        if name == "test_reconnection" and not isinstance(out, HttpOut):
            return said("resumed")
        peer = LegacyPeer(self, session, out, params.get("_meta") or {})
        return extras.call(name, arguments) or await self.call(name, arguments, peer)

    async def completing(self, params: Json, out: Out) -> Json:
        """A completion; for the value `ask`, the server asks where no modern request may be interrupted."""
        if params["argument"]["value"] != "ask":
            return complete(params["ref"], params["argument"])
        schema = {"type": "object", "properties": {"name": {"type": "string"}}}
        try:
            answer = await out.ask("elicitation/create", {"message": "Now?", "requestedSchema": schema})
            outcome = str(answer.get("action"))
        except Exception as e:
            outcome = f"refused {e}"
        return {"completion": {"values": [outcome], "total": 1, "hasMore": False}}

    def visit(self, key: str) -> Json:
        """Fails once for each key, and names an address to go to."""
        if key in self.visited:
            return said("visited")
        self.visited.add(key)
        question = {
            "mode": "url",
            "elicitationId": uuid.uuid4().hex,
            "url": extras.address(key),
            "message": "Please connect",
        }
        raise Refusal(-32042, "An address has to be visited first", {"elicitations": [question]})

    async def handle(self, message: Json, session: Session, out: Out) -> None:
        """Answers one message of an open session."""
        method, params = message["method"], message.get("params") or {}
        if "id" not in message:
            await out.nothing()
            return
        envelope: Json = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            await out.finish({**envelope, "result": await self.result(method, params, session, out)})
        except Refusal as e:
            data = {"data": e.data} if e.data is not None else {}
            await out.finish({**envelope, "error": {"code": e.code, "message": e.message, **data}})

    async def refuse(self, message: Json, out: HttpOut, status: int, words: str) -> None:
        error = {"code": -32600, "message": words}
        await out.finish({"jsonrpc": "2.0", "id": message.get("id"), "error": error}, status)

    async def serve(self, request: Request, out: HttpOut) -> None:
        session = self.sessions.get(request.headers.get("mcp-session-id", ""))
        if request.verb == "POST":
            await self.post(json.loads(request.body), session, request, out)
        elif session is None:
            await out.nothing(404 if "mcp-session-id" in request.headers else 400)
        elif request.verb == "DELETE":
            self.sessions.pop(session.id, None)
            await out.nothing(200)
        elif last := request.headers.get("last-event-id"):
            await self.resume(last, out)
        else:
            await out.begin()
            session.standing = out
            await asyncio.Event().wait()

    async def post(self, message: Json, session: Session | None, request: Request, out: HttpOut) -> None:
        if message.get("method") == "initialize":
            session, result = self.initialize(message["params"])
            answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
            await out.finish(answer, headers={"Mcp-Session-Id": session.id})
        elif session is None:
            known = "mcp-session-id" in request.headers
            status, words = (404, "Session not found") if known else (400, "Missing session ID")
            await self.refuse(message, out, status, words)
        elif request.headers.get("mcp-protocol-version", LEGACY) != LEGACY:
            await self.refuse(message, out, 400, "Another protocol version was agreed on")
        elif answered(message):
            self.events.emit("answer", label=self.name, message=message)
            await out.nothing()
        elif (message.get("params") or {}).get("name") == "test_reconnection":
            await self.drop(message, out)
        else:
            await self.handle(message, session, out)

    async def drop(self, message: Json, out: HttpOut) -> None:
        """Begins a stream with a priming event and a retry time, and closes it without the answer."""
        number = f"event-{next(self.numbers)}"
        self.streams[number] = {"jsonrpc": "2.0", "id": message["id"], "result": said("resumed")}
        await out.lines(f"id: {number}", f"retry: {RETRY_MS}", "data: ")
        self.events.emit("dropped", label=self.name, id=number, at=time.monotonic(), retry=RETRY_MS)

    async def resume(self, last: str, out: HttpOut) -> None:
        self.events.emit("resumed", label=self.name, id=last, at=time.monotonic())
        if answer := self.streams.pop(last, None):
            await out.lines(f"id: {last}-end", "data: " + json.dumps(answer))
        else:
            await out.nothing(404)

    async def line(self, message: Json, out: Out) -> None:
        """One message on standard input: there is one session, and its standing stream is the output."""
        if message.get("method") == "initialize":
            self.sessions.clear()
            session, result = self.initialize(message["params"])
            session.standing = out
            await out.finish({"jsonrpc": "2.0", "id": message["id"], "result": result})
        elif self.sessions:
            await self.handle(message, next(iter(self.sessions.values())), out)
        elif "id" in message:
            error = {"code": -32601, "message": "Initialize first"}
            await out.finish({"jsonrpc": "2.0", "id": message["id"], "error": error})


def main() -> None:
    chosen = options(__doc__)
    server: Any = LegacyServer(chosen.label, Events(chosen.events), chosen.canary)
    asyncio.run(serve_stdio(server.line) if chosen.stdio else serve_http(server.serve, cancels=False))


main()
