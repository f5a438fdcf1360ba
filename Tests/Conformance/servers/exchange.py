# SPDX-License-Identifier: Apache-2.0
"""The wires of the hand-written fixture servers: one HTTP exchange, and a pipe. No SDK, no framework."""

import asyncio
import functools
import itertools
import json
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2] / "Integration/servers"))

from fixtures import Json
from inbound import serve
from service import Refused, on_stdin

LOCAL = re.compile(r"(http://)?(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
_numbers = itertools.count(1)
_waiting: dict[str, asyncio.Future[Json]] = {}


@dataclass
class Request:
    """One HTTP request."""

    verb: str
    headers: dict[str, str]
    body: bytes


class Out:
    """The way back for one message of the client. The base class writes lines to standard output."""

    async def notify(self, method: str, params: Json) -> None:
        await self.event({"jsonrpc": "2.0", "method": method, "params": params})

    async def ask(self, method: str, params: Json) -> Json:
        """Sends a request to the client and returns its result."""
        number = f"ask-{next(_numbers)}"
        answer = _waiting[number] = asyncio.get_running_loop().create_future()
        message: Json = {"jsonrpc": "2.0", "id": number, "method": method}
        await self.event({**message, "params": params} if params else message)
        reply = await answer
        if "error" in reply:
            raise Refused(str(reply["error"].get("code")))
        return reply.get("result") or {}

    async def event(self, message: Json) -> None:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    async def finish(self, message: Json, status: int = 200, headers: dict[str, str] | None = None) -> None:
        await self.event(message)

    async def nothing(self, status: int = 202) -> None:
        """There is nothing to say to a notification or an answer."""


def answered(message: Json) -> bool:
    """Hands an answer of the client to whoever asked; an answer to nothing is dropped."""
    if "method" in message:
        return False
    if waiting := _waiting.pop(str(message.get("id")), None):
        waiting.set_result(message)
    return True


class HttpOut(Out):
    """One HTTP response: a JSON body, or an event stream as soon as anything comes before the answer."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer, self.streaming, self.keep = writer, False, True

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def begin(self) -> None:
        self.streaming, self.keep = True, False
        await self.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"X-Accel-Buffering: no\r\nConnection: close\r\n\r\n"
        )

    async def event(self, message: Json) -> None:
        await self.lines("data: " + json.dumps(message))

    async def lines(self, *lines: str) -> None:
        if not self.streaming:
            await self.begin()
        await self.write("".join(line + "\n" for line in (*lines, "")).encode())

    async def finish(self, message: Json, status: int = 200, headers: dict[str, str] | None = None) -> None:
        if self.streaming:
            await self.event(message)
            return
        await self.body(json.dumps(message).encode(), status, headers)

    async def body(self, data: bytes, status: int, headers: dict[str, str] | None = None) -> None:
        fields = {"Content-Length": str(len(data)), **(headers or {})}
        if data:
            fields["Content-Type"] = "application/json"
        head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items())
        await self.write(head.encode() + b"\r\n" + data)

    async def nothing(self, status: int = 202) -> None:
        await self.body(b"", status)


Handler = Callable[[Request, HttpOut], Awaitable[None]]


async def _one(handler: Handler, cancels: bool, inbound: Any, writer: asyncio.StreamWriter) -> bool:
    """Serves one request; false when the connection is to be closed."""
    verb, _, headers, body = await inbound.request()
    out = HttpOut(writer)
    if not all(LOCAL.fullmatch(headers[name]) for name in ("host", "origin") if name in headers):
        await out.nothing(403)
        return True
    work = asyncio.ensure_future(handler(Request(verb, headers, body), out))
    if not await inbound.outlives(work) and not work.done():
        if cancels:
            work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        return False
    work.result()
    return out.keep


async def serve_http(handler: Handler, cancels: bool) -> None:
    """Serves on a port that the system chooses. `cancels`: a client that disconnects ends its request."""
    await serve(functools.partial(_one, handler, cancels), 0)


async def serve_stdio(handle: Callable[[Json, Out], Awaitable[None]]) -> None:
    """Serves one client on standard input and output until the input ends."""
    reader, tasks = await on_stdin(), set[asyncio.Task[None]]()
    while line := await reader.readline():
        message = json.loads(line)
        if not answered(message):
            task = asyncio.ensure_future(handle(message, Out()))
            tasks.add(task)  # type: ignore[arg-type]
            task.add_done_callback(tasks.discard)  # type: ignore[arg-type]
