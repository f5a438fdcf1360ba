# SPDX-License-Identifier: Apache-2.0
"""A modern HTTP server whose mood is set from outside: `GET /mood/NAME`, `GET /seen` counts what reached its tools.

Moods: `well`; `busy` (503 before it begins); `cut` (begins, then closes the connection); `hang` (never answers); `slow`
(answers after 200 ms); `sick` (answers with an error of the tool); `fin` (says nothing more, and that it will not), `torn` (the
same after half of the answer), `parting` (the same after the whole of it). Only `tools/call` feels it. Tools: `look` (read-only),
`put` (idempotent), `charge` (neither), or those of `--offer FILE`, which is read for each list.
"""

import argparse
import asyncio
import contextlib
import json

MODERN = "2026-07-28"
TOOLS = [
    {"name": "look", "annotations": {"readOnlyHint": True}},
    {"name": "put", "annotations": {"idempotentHint": True}},
    {"name": "charge"},
]


class Moody:
    def __init__(self, label, offer=None):
        self.label, self.mood, self.seen, self.open, self.most = label, "well", 0, 0, 0
        self.offer = offer

    async def call(self, message, writer):
        if self.mood == "busy":
            return await answer(writer, b"", "503 Service Unavailable")
        self.seen += 1
        if self.mood == "cut":
            writer.transport.abort()
            raise ConnectionResetError
        if self.mood == "hang":
            await asyncio.sleep(3600)
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            if self.mood == "slow":
                await asyncio.sleep(0.2)
        finally:
            self.open -= 1
        text = {"content": [{"type": "text", "text": self.label}], "resultType": "complete"}
        if self.mood == "sick":
            text["isError"] = True
        if self.mood == "torn":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{")
        elif self.mood != "fin":
            await send(writer, message, text)
        if self.mood in ("fin", "torn", "parting") and writer.can_write_eof():
            writer.write_eof()  # half of the connection is closed; what comes on the other half is read

    async def handle(self, message, writer):
        method = message.get("method")
        if method == "server/discover":
            found = {"supportedVersions": [MODERN], "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private"}
            return await send(writer, message, {**found, "resultType": "complete"})
        if method == "tools/list":
            tools = [{**tool, "inputSchema": {"type": "object"}} for tool in TOOLS]
            if self.offer:
                with open(self.offer) as file:
                    tools = json.load(file)["tools"]
            listed = {"tools": tools, "ttlMs": 0, "cacheScope": "private", "resultType": "complete"}
            return await send(writer, message, listed)
        if method == "tools/call":
            return await self.call(message, writer)
        error = {"code": -32601, "message": "no such method"}
        body = {"jsonrpc": "2.0", "id": message.get("id"), "error": error}
        return await answer(writer, json.dumps(body).encode())

    async def connection(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                verb, path = head.split(" ", 2)[:2]
                if verb == "GET":
                    if path.startswith("/mood/"):
                        self.mood = path.removeprefix("/mood/")
                    told = {"seen": self.seen, "most": self.most, "mood": self.mood}
                    await answer(writer, json.dumps(told).encode())
                    continue
                fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                if verb != "POST":
                    await answer(writer, b"", "405 Method Not Allowed")
                    continue
                await self.handle(json.loads(body), writer)
        writer.close()


async def answer(writer, body, status="200 OK"):
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def send(writer, message, result):
    await answer(writer, json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode())


async def main():
    options = argparse.ArgumentParser()
    options.add_argument("--label", default="moody")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--offer")
    options = options.parse_args()
    moody = Moody(options.label, options.offer)
    server = await asyncio.start_server(moody.connection, "127.0.0.1", options.port)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
