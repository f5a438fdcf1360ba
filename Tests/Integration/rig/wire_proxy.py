# SPDX-License-Identifier: Apache-2.0
"""A recording reverse proxy for one HTTP server: bytes pass unchanged, messages are handed to a Wire."""

import asyncio
import json
import threading
from urllib.parse import urlsplit

from rig.wire import Wire
from servers.inbound import Inbound


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    return lines[0], {
        k.strip().lower(): v.strip() for k, v in (h.split(":", 1) for h in lines[1:] if ":" in h)
    }


async def body_pieces(inbound, headers, until_close):
    """(raw bytes, decoded bytes) of a body, piece by piece."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while True:
            line = await inbound.until(b"\r\n")
            size = int(line.split(b";")[0], 16)
            data = await inbound.exactly(size + 2)
            yield line + b"\r\n" + data, data[:-2]
            if size == 0:
                return
    elif "content-length" in headers:
        left = int(headers["content-length"])
        while left:
            if not inbound.buffer:
                await inbound.fill()
            data = await inbound.exactly(min(left, len(inbound.buffer)))
            left -= len(data)
            yield data, data
    elif until_close:
        try:
            while True:
                if not inbound.buffer:
                    await inbound.fill()
                data = await inbound.exactly(len(inbound.buffer))
                yield data, data
        except EOFError:
            return


class Events:
    """Cuts decoded SSE bytes into the data of events."""

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        self.rest = (self.rest + data).replace(b"\r\n", b"\n")
        *events, self.rest = self.rest.split(b"\n\n")
        for event in events:
            text = "\n".join(
                line[5:].removeprefix(b" ").decode()
                for line in event.split(b"\n")
                if line.startswith(b"data:")
            )
            if text:
                yield text


class RecordingProxy:
    """Listens on a loopback port, forwards to the server at `url`, records on `wire`."""

    def __init__(self, url, name):
        self.target, self.wire = urlsplit(url), Wire(name)
        self.loop = asyncio.new_event_loop()
        self.tasks = set()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        listen = asyncio.start_server(self.connection, "127.0.0.1", 0)
        self.listener = asyncio.run_coroutine_threadsafe(listen, self.loop).result(10)
        self.port = self.listener.sockets[0].getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.url = self.base + self.target.path

    async def connection(self, reader, writer):
        """One client connection. Each exchange has an upstream connection of its own: none is ever stale."""
        self.tasks.add(asyncio.current_task())
        client = Inbound(reader)
        try:
            while await self.exchange(client, writer, await client.until(b"\r\n\r\n")):
                pass
        except (EOFError, OSError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(asyncio.current_task())
            writer.close()

    async def exchange(self, client, writer, head):
        up_reader, back = await asyncio.open_connection(self.target.hostname, self.target.port)
        try:
            return await self.forward(client, writer, head, Inbound(up_reader), back)
        finally:
            back.close()

    async def forward(self, client, writer, head, server, back):
        line, headers = parse_head(head)
        lines = [
            f"Host: {self.target.netloc}".encode() if h[:5].lower() == b"host:" else h
            for h in head.split(b"\r\n")
        ]
        back.write(b"\r\n".join(lines) + b"\r\n\r\n")
        body, pending = b"", {}
        async for raw, decoded in body_pieces(client, headers, False):
            back.write(raw)
            body += decoded
        if line.startswith("POST"):
            message = json.loads(body)
            self.wire.sent(message, headers, pending)
            if isinstance(message, dict):
                pending["version"] = self.wire.version_of(message, headers, pending)
        elif session := headers.get("mcp-session-id"):
            pending["version"] = self.wire.sessions.get(session)
        relay = asyncio.ensure_future(self.relay(server, writer, pending))
        end = asyncio.ensure_future(client.end())
        await asyncio.wait([relay, end], return_when=asyncio.FIRST_COMPLETED)
        if end.done():
            relay.cancel()
            return False
        end.cancel()
        await asyncio.gather(end, return_exceptions=True)
        return relay.result()

    async def relay(self, server, writer, pending):
        head = await server.until(b"\r\n\r\n")
        line, headers = parse_head(head)
        status = int(line.split(" ")[1])
        writer.write(head + b"\r\n\r\n")
        kind = headers.get("content-type", "").split(";")[0]
        bodiless = status in (204, 304) or 100 <= status < 200
        until_close = not bodiless and "content-length" not in headers and "transfer-encoding" not in headers
        is_stream = kind == "text/event-stream"
        events, body, held = Events(), b"", b""
        if not bodiless:
            async for raw, decoded in body_pieces(server, headers, until_close):
                if is_stream:
                    for event in events.feed(decoded):
                        self.record(event, headers, pending)
                    writer.write(raw)
                    await writer.drain()
                else:
                    body, held = body + decoded, held + raw
        if kind == "application/json" and body:
            self.record(body, headers, pending)
        writer.write(held)
        await writer.drain()
        return not until_close and headers.get("connection", "").lower() != "close"

    def record(self, text, headers, pending):
        try:
            message = json.loads(text)
        except ValueError:
            self.wire.complain(str(text)[:200], ["not JSON"])
            return
        self.wire.received(message, headers, pending)

    def close(self):
        async def end():
            self.listener.close()
            for task in list(self.tasks):
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
