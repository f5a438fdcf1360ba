# SPDX-License-Identifier: Apache-2.0
"""Buffered reading of one HTTP connection, shared by the hand-written servers and the recording proxy."""

import asyncio


class Inbound:
    """The bytes of one connection, with a way to notice its end while a request is being worked on."""

    def __init__(self, reader):
        self.reader, self.buffer = reader, b""

    async def fill(self):
        chunk = await self.reader.read(1 << 16)
        if not chunk:
            raise EOFError
        self.buffer += chunk

    async def until(self, mark):
        while mark not in self.buffer:
            await self.fill()
        head, _, self.buffer = self.buffer.partition(mark)
        return head

    async def exactly(self, n):
        while len(self.buffer) < n:
            await self.fill()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    async def request(self):
        """The next one: its verb, path, headers by lower-case name, and body."""
        head = (await self.until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, v in (h.split(":", 1) for h in head[1:] if ":" in h)}
        verb, path = head[0].split(" ")[:2]
        return verb, path, headers, await self.exactly(int(headers.get("content-length", 0)))

    async def end(self):
        try:
            while True:
                await self.fill()
        except (EOFError, ConnectionError):
            pass

    async def outlives(self, work):
        """Waits for a task; false when the connection ended before it, which then goes on."""
        end = asyncio.ensure_future(self.end())
        await asyncio.wait([work, end], return_when=asyncio.FIRST_COMPLETED)
        if end.done():
            return False
        end.cancel()
        await asyncio.gather(end, return_exceptions=True)
        return True


async def serve(request, port, **options):
    """Serves connections by `request(inbound, writer)`, which answers whether there may be another one."""

    async def connection(reader, writer):
        try:
            inbound = Inbound(reader)
            while await request(inbound, writer):
                pass
        except (EOFError, ConnectionError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(connection, "127.0.0.1", port, **options)
    print("port", listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()
