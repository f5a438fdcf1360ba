# SPDX-License-Identifier: Apache-2.0
"""A server written by hand whose resources can be subscribed to, over HTTP. It reports every subscription;
a test decides what it agrees to, what it says, and when its streams end.

Its tool `touch {uri}` sends an update; `end` ends every stream as its era does, `drop` cuts them.
"""

import argparse
import asyncio
import functools
import json
import uuid

from catalogue import Events
from inbound import serve
from watched import RESOURCES, TOOLS

MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"
UPDATED = "notifications/resources/updated"


class Stream:
    """A standing stream: a listen request with its filter, or a session's GET."""

    def __init__(self, writer, number=None, wanted=None):
        self.writer, self.number, self.wanted = writer, number, wanted
        self.uris, self.over = set(), asyncio.Event()

    async def head(self):
        self.writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        await self.writer.drain()

    async def say(self, message):
        self.writer.write(b"data: " + json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n\n")
        await self.writer.drain()

    async def note(self, method, params=None):
        params = dict(params or {})
        if self.number is not None:
            params["_meta"] = {META + "subscriptionId": self.number}
        await self.say({"method": method, "params": params})


class Watched:
    def __init__(self, options):
        self.o, self.events = options, Events(options.events)
        self.streams, self.held, self.sessions = [], set(), set()
        self.resources = RESOURCES + [{"uri": u, "name": u} for u in options.more]

    def emit(self, event, **more):
        self.events.emit(event, label=self.o.label, **more)

    def agrees(self, uri):
        return uri not in self.o.refuse

    async def handle(self, message, headers, writer):
        """One POST: its answer as a value, or None when a stream was the answer."""
        method, params = message.get("method"), message.get("params") or {}
        if "id" not in message:
            return 202, None, {}
        if method == "server/discover" and self.o.era == "legacy" or method == "initialize" and self.modern:
            return 404, {"error": {"code": -32601, "message": "no such method"}}, {}
        if method == "initialize":
            session = uuid.uuid4().hex
            self.sessions.add(session)
            self.held = set()
            body = {"protocolVersion": "2025-11-25", "serverInfo": {"name": "raw", "version": "0"}}
            return 200, {"result": {**body, "capabilities": self.capabilities()}}, {"Mcp-Session-Id": session}
        if not self.modern and headers.get("mcp-session-id") not in self.sessions:
            return 404, {"error": {"code": -32001, "message": "Session not found"}}, {}
        handler = getattr(self, "on_" + method.replace("/", "_"), None)
        if handler is None:
            return 404, {"error": {"code": -32601, "message": f"no {method}"}}, {}
        return await handler(message, params, writer)

    @property
    def modern(self):
        return self.o.era == "modern"

    def capabilities(self):
        return {
            "tools": {"listChanged": not self.o.plain},
            "resources": {"subscribe": not self.o.plain, "listChanged": not self.o.plain},
        }

    def result(self, body, listing=False):
        if self.modern:
            body = {"resultType": "complete", **body}
            if listing:
                body.update(ttlMs=0, cacheScope="private")
        return 200, {"result": body}, {}

    async def on_server_discover(self, message, params, writer):
        return self.result({"supportedVersions": [MODERN], "capabilities": self.capabilities()}, True)

    async def on_tools_list(self, message, params, writer):
        more = [{"name": n, "inputSchema": {"type": "object"}} for n in ("end", "drop")]
        return self.result({"tools": TOOLS + more}, True)

    async def on_resources_list(self, message, params, writer):
        return self.result({"resources": self.resources}, True)

    async def on_resources_templates_list(self, message, params, writer):
        return self.result({"resourceTemplates": []}, True)

    async def on_resources_subscribe(self, message, params, writer):
        self.emit("subscribe", uri=params["uri"])
        if not self.agrees(params["uri"]):
            return 200, {"error": {"code": -32002, "message": "not this one"}}, {}
        self.held.add(params["uri"])
        return self.result({})

    async def on_resources_unsubscribe(self, message, params, writer):
        self.emit("unsubscribe", uri=params["uri"])
        self.held.discard(params["uri"])
        return self.result({})

    async def on_subscriptions_listen(self, message, params, writer):
        wanted = params["notifications"]
        uris = wanted.get("resourceSubscriptions", [])
        self.emit("listen", number=message["id"], uris=uris, open=len(self.streams))
        if self.o.strict and not all(self.agrees(u) for u in uris):
            return 400, {"error": {"code": -32602, "message": "a resource of these is unknown"}}, {}
        if self.o.tease:
            # Said on the older streams while the newer one is not acknowledged yet: nobody may miss it.
            for stream in self.streams:
                for uri in stream.uris:
                    await stream.note(UPDATED, {"uri": uri})
        stream = Stream(writer, message["id"], wanted)
        await stream.head()
        stream.uris = {u for u in uris if self.agrees(u)}
        honoured = dict(wanted)
        honoured.pop("resourceSubscriptions", None)
        if stream.uris:
            honoured["resourceSubscriptions"] = sorted(stream.uris)
        if not self.o.silent:
            await stream.note("notifications/subscriptions/acknowledged", {"notifications": honoured})
        self.streams.append(stream)
        try:
            await stream.over.wait()
        finally:
            self.streams.remove(stream)
            self.emit("listen over", number=message["id"], open=len(self.streams))
        return None

    async def on_tools_call(self, message, params, writer):
        name, uri = params["name"], (params.get("arguments") or {}).get("uri")
        if name == "touch":
            for stream in list(self.streams) * (params["arguments"].get("times") or 1):
                covers = any(uri == u or uri.startswith(u + "/") for u in stream.uris)
                if covers or self.o.chatty or not self.modern:
                    await stream.note(UPDATED, {"uri": uri})
        for stream in list(self.streams) if name in ("end", "drop") else []:
            if name == "end" and stream.number is not None:
                tag = {META + "subscriptionId": stream.number}
                await stream.say({"id": stream.number, "result": {"resultType": "complete", "_meta": tag}})
            stream.over.set()
        return self.result({"content": [{"type": "text", "text": "done"}]})

    async def get(self, headers, writer):
        """The stream of a legacy session."""
        stream = Stream(writer)
        await stream.head()
        self.streams.append(stream)
        self.emit("stream", open=len(self.streams))
        try:
            await stream.over.wait()
        finally:
            self.streams.remove(stream)


async def answer(writer, status, body, more):
    data = json.dumps(body).encode() if body is not None else b""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    writer.write((head + "".join(f"{k}: {v}\r\n" for k, v in more.items()) + "\r\n").encode() + data)
    await writer.drain()


async def one(server, inbound, writer):
    """Serves one request; false when the connection is over."""
    verb, _, headers, body = await inbound.request()
    if verb == "DELETE" or verb == "GET" and (server.modern or server.o.deaf):
        await answer(writer, 200 if verb == "DELETE" else 405, None, {})
        return True
    message = json.loads(body) if verb == "POST" else None
    made = server.handle(message, headers, writer) if message else server.get(headers, writer)
    work = asyncio.ensure_future(made)
    if not await inbound.outlives(work) and not work.done():
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        return False
    if work.result() is None:
        return False
    status, body, more = work.result()
    if body is not None:
        body = {"jsonrpc": "2.0", "id": message["id"], **body}
    await answer(writer, status, body, more)
    return True


async def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--label", default="raw")
    p.add_argument("--era", choices=["modern", "legacy"], default="modern")
    p.add_argument("--refuse", action="append", default=[], help="resources that it does not agree to")
    p.add_argument("--more", action="append", default=[], help="further resources")
    p.add_argument("--strict", action="store_true", help="one refused resource spoils the whole listen")
    p.add_argument("--silent", action="store_true", help="acknowledges nothing")
    p.add_argument("--tease", action="store_true", help="updates on older streams before an acknowledgement")
    p.add_argument("--chatty", action="store_true", help="updates that nobody subscribed to")
    p.add_argument("--plain", action="store_true", help="offers no subscriptions")
    p.add_argument("--deaf", action="store_true", help="legacy without a GET stream")
    p.add_argument("--events")
    server = Watched(p.parse_args())
    await serve(functools.partial(one, server), server.o.port)


asyncio.run(main())
