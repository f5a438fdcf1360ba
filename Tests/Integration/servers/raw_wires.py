# SPDX-License-Identifier: Apache-2.0
"""The ways back of the hand-written server: a pipe, and one HTTP exchange. Both can break off anywhere."""

import asyncio
import json
import os
import sys


class StdioOut:
    """The way back on stdio: everything goes to one stdout."""

    waiting = {}

    async def write(self, data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    async def nothing(self):
        pass

    never = partial_head = nothing

    async def send(self, message, status=200, session=None):
        await self.write(json.dumps(message).encode() + b"\n")

    async def raw(self, data, status=200, kind=None):
        await self.write(data + b"\n")

    async def stream(self, lines):
        await self.write(b"".join(line + b"\n" for line in lines))

    async def torn(self, data):
        await self.write(data)
        os._exit(8)

    async def ask(self, question, then):
        StdioOut.waiting[question["id"]] = then
        await self.send(question)


class HttpOut:
    """The way back of one POST."""

    waiting = {}

    def __init__(self, writer):
        self.writer, self.keep = writer, True

    async def write(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def nothing(self):
        await self.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    async def send(self, message, status=200, session=None):
        await self.raw(json.dumps(message).encode(), status, session=session)

    async def raw(self, data, status=200, kind="application/json", session=None):
        extra = f"Mcp-Session-Id: {session}\r\n" if session else ""
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n{extra}\r\n"
        await self.write(head.encode() + data)

    async def open_stream(self):
        await self.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        self.keep = False

    async def stream(self, lines):
        await self.open_stream()
        await self.write(b"".join(b"event: message\ndata: " + line + b"\n\n" for line in lines))

    async def torn(self, data):
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data) * 3}\r\n\r\n"
        await self.write(head.encode() + data)
        self.keep = False

    async def never(self):
        await asyncio.Event().wait()

    async def partial_head(self):
        await self.write(b"HTTP/1.1 200 OK\r\nContent-Ty")
        await asyncio.Event().wait()

    async def ask(self, question, then):
        answered = asyncio.get_running_loop().create_future()
        HttpOut.waiting[question["id"]] = answered.set_result
        await self.open_stream()
        await self.write(b"data: " + json.dumps(question).encode() + b"\n\n")
        await self.write(b"data: " + json.dumps(then(await answered)).encode() + b"\n\n")


def answered(waiting, message):
    """Hands an answer of the client to whoever asked; true when it was one."""
    if "method" in message or message.get("id") not in waiting:
        return None
    return waiting.pop(message["id"])
