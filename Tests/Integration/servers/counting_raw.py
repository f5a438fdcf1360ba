# SPDX-License-Identifier: Apache-2.0
"""An HTTP server of either era that counts what reaches it, steered by `GET /ctl/…`: `hold` and `release`
keep calls waiting, `set?ttl=…&scope=…` chooses the cache fields of what is read, `relist` and `update?uri=…`
notify; each answers with what was seen.

`look` (read-only), `put` (idempotent), `plain` (says nothing of itself) and `wipe` (destructive) do what
arguments say: `hold` waits for the release, `fail` and `refuse` are errors, `cut` breaks the connection,
`bytes` makes the answer large, `mark` begins it, `steps` reports progress, `ask` wants an answer of the user.
"""

import argparse
import asyncio
import json
import uuid
from urllib.parse import parse_qsl, urlsplit

from inbound import Inbound

MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"
TOOLS = {
    "look": {"readOnlyHint": True},
    "put": {"idempotentHint": True},
    "plain": None,
    "wipe": {"destructiveHint": True},
}
FORM = {"type": "object", "properties": {"colour": {"type": "string"}}}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def event(message):
    return b"data: " + json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n\n"


class Counting:
    def __init__(self, options):
        self.modern, self.label, self.version = options.era == "modern", options.label, options.version
        self.seen, self.abandoned, self.held = [], 0, 0
        self.fields = {"ttl": 0, "scope": "private"}
        self.open, self.streams, self.more = asyncio.Event(), [], 0
        self.open.set()

    # ---- Steering ----

    async def steer(self, what, query):
        if what == "hold":
            self.open.clear()
        elif what == "release":
            self.open.set()
        elif what == "set":
            self.fields |= query
        elif what == "relist":
            self.more += 1
            await self.tell("notifications/tools/list_changed")
        elif what == "update":
            await self.tell("notifications/resources/updated", query)
        return {
            "seen": self.seen,
            "held": self.held,
            "abandoned": self.abandoned,
            "streams": len(self.streams),
        }

    async def tell(self, method, params=None):
        for number, writer in list(self.streams):
            tag = {"_meta": {META + "subscriptionId": number}} if number is not None else {}
            writer.write(event({"method": method, "params": {**(params or {}), **tag}}))
            await writer.drain()

    # ---- Methods ----

    def result(self, body, fields=None):
        if self.modern:
            body = {"resultType": "complete", **body, **(fields or {})}
        return 200, {"result": body}, {}

    async def handle(self, message, writer):
        method, params = message.get("method"), message.get("params") or {}
        if "id" not in message:
            return 202, None, {}
        listing = {"ttlMs": 0, "cacheScope": "private"}
        capabilities = {"tools": {"listChanged": True}, "resources": {"subscribe": True, "listChanged": True}}
        if method == "initialize" and not self.modern:
            info = {"name": self.label, "version": self.version}
            body = {"protocolVersion": "2025-11-25", "serverInfo": info, "capabilities": capabilities}
            return 200, {"result": body}, {"Mcp-Session-Id": uuid.uuid4().hex}
        if method == "server/discover" and self.modern:
            info = {META + "serverInfo": {"name": self.label, "version": self.version}}
            body = {"supportedVersions": [MODERN], "capabilities": capabilities, "_meta": info}
            return self.result(body, listing)
        if method == "tools/list":
            named = [
                {"name": name, "inputSchema": {"type": "object"}, **({"annotations": says} if says else {})}
                for name, says in TOOLS.items()
            ]
            named += [{"name": f"more_{n}", "inputSchema": {"type": "object"}} for n in range(self.more)]
            return self.result({"tools": named}, listing)
        if method == "resources/list":
            resources = [{"uri": u, "name": u} for u in ("res://a", "res://b")]
            return self.result({"resources": resources}, listing)
        if method == "resources/templates/list":
            return self.result({"resourceTemplates": []}, listing)
        if method in ("resources/subscribe", "resources/unsubscribe", "ping", "logging/setLevel"):
            return self.result({})
        if method == "subscriptions/listen" and self.modern:
            return await self.listen(message, params, writer)
        if method == "resources/read":
            self.note(params)
            contents = [{"uri": params["uri"], "text": f"{params['uri']} {len(self.seen)}"}]
            fields = {"ttlMs": int(self.fields["ttl"]), "cacheScope": self.fields["scope"]}
            return self.result({"contents": contents}, fields)
        if method == "tools/call":
            return await self.call(message, params, writer)
        return 404 if self.modern else 200, {"error": {"code": -32601, "message": f"no {method}"}}, {}

    def note(self, params):
        self.seen.append(params)

    async def listen(self, message, params, writer):
        writer.write(HEAD)
        tag = {"_meta": {META + "subscriptionId": message["id"]}}
        granted = {"notifications": params["notifications"], **tag}
        writer.write(event({"method": "notifications/subscriptions/acknowledged", "params": granted}))
        return await self.stand(message["id"], writer)

    async def stand(self, number, writer):
        await writer.drain()
        stream = (number, writer)
        self.streams.append(stream)
        try:
            await asyncio.Event().wait()
        finally:
            self.streams.remove(stream)

    async def call(self, message, params, writer):
        a = params.get("arguments") or {}
        self.note(params)
        number = len(self.seen)
        if a.get("hold"):
            self.held += 1
            try:
                await self.open.wait()
            except asyncio.CancelledError:
                self.abandoned += 1
                raise
            finally:
                self.held -= 1
        if a.get("cut"):
            writer.transport.abort()
            raise ConnectionResetError
        if a.get("refuse"):
            return 200, {"error": {"code": -32050, "message": "refused", "data": {"number": number}}}, {}
        if a.get("ask") and self.modern and "inputResponses" not in params:
            asked = {"method": "elicitation/create", "params": {"message": "?", "requestedSchema": FORM}}
            if "elicitation" not in params["_meta"][META + "clientCapabilities"]:
                return 400, {"error": {"code": -32021, "message": "cannot ask", "data": {}}}, {}
            body = {"resultType": "input_required", "requestState": "s", "inputRequests": {"q": asked}}
            return 200, {"result": body}, {}
        text = "x" * a["bytes"] if "bytes" in a else f"{a.get('mark', params['name'])} {number}"
        body = {"content": [{"type": "text", "text": text}], **({"isError": True} if a.get("fail") else {})}
        if not a.get("steps"):
            return self.result(body)
        writer.write(HEAD)
        token = (params.get("_meta") or {}).get("progressToken")
        for step in range(1, a["steps"] + 1 if token is not None else 0):
            told = {"progressToken": token, "progress": step, "total": a["steps"]}
            writer.write(event({"method": "notifications/progress", "params": told}))
        writer.write(event({"id": message["id"], "result": self.result(body)[1]["result"]}))
        await writer.drain()
        return None


async def answer(writer, status, body, more):
    data = json.dumps(body).encode() if body is not None else b""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    writer.write((head + "".join(f"{k}: {v}\r\n" for k, v in more.items()) + "\r\n").encode() + data)
    await writer.drain()


async def stream(writer, server):
    """The stand-alone stream of a legacy session."""
    writer.write(HEAD)
    return await server.stand(None, writer)


async def one(server, inbound, writer):
    """Serves one request; false when the connection is over."""
    head = (await inbound.until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {k.strip().lower(): v.strip() for k, v in (h.split(":", 1) for h in head[1:] if ":" in h)}
    body = await inbound.exactly(int(headers.get("content-length", 0)))
    verb, target = head[0].split()[:2]
    if "/ctl/" in target:
        place = urlsplit(target)
        told = await server.steer(place.path.rpartition("/")[2], dict(parse_qsl(place.query)))
        await answer(writer, 200, told, {})
        return True
    if verb == "DELETE" or verb == "GET" and server.modern:
        await answer(writer, 200 if verb == "DELETE" else 405, None, {})
        return True
    message = json.loads(body) if verb == "POST" else None
    work = asyncio.ensure_future(server.handle(message, writer) if message else stream(writer, server))
    end = asyncio.ensure_future(inbound.end())
    await asyncio.wait([work, end], return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        return False
    end.cancel()
    await asyncio.gather(end, return_exceptions=True)
    if work.result() is None:
        return False
    status, body, more = work.result()
    await answer(writer, status, body and {"jsonrpc": "2.0", "id": message["id"], **body}, more)
    return True


async def connection(server, reader, writer):
    try:
        inbound = Inbound(reader)
        while await one(server, inbound, writer):
            pass
    except (EOFError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    p = argparse.ArgumentParser()
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--label", default="counting")
    p.add_argument("--version", default="1")
    p.add_argument("--era", choices=["modern", "legacy"], default="modern")
    server = Counting(p.parse_args())
    listener = await asyncio.start_server(
        lambda r, w: connection(server, r, w), "127.0.0.1", p.parse_args().port
    )
    print("port", listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
