# SPDX-License-Identifier: Apache-2.0
"""Buffered reading of one HTTP connection, shared by the hand-written server and the recording proxy."""


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

    async def end(self):
        try:
            while True:
                await self.fill()
        except (EOFError, ConnectionError):
            pass
