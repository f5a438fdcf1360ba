# SPDX-License-Identifier: Apache-2.0
"""A server of either era, over HTTP or stdio, that takes its time. How is read from the file `--mood`.

Moods of calls: `well` (answers with its label); `hang` (until the mood is another one, which it then follows);
`slow:MS`; `serial:MS` (one after the other); `twice` (the same answer again); `cut` (breaks the connection, or ends
its process); `error`; `progress:N:MS` (so many notifications, so far apart, then the answer); until it is cancelled
`forever:MS`, `flat:MS` (never growing) and `odd:MS` (not valid). Moods of lists: `no-list` (an error), `page` (HTTP
503 with HTML), `list-cut` (breaks the connection), `empty`. Tools: `look` (read-only), `put` (idempotent), `charge`
(neither).
"""

import asyncio
import itertools
import json
import os
import pathlib

from raw_faults import text_result
from raw_server import RawServer, parser, run
from raw_wires import HttpOut

TOOLS = [
    {"name": "look", "annotations": {"readOnlyHint": True}},
    {"name": "put", "annotations": {"idempotentHint": True}},
    {"name": "charge"},
]


class LateServer(RawServer):
    turn = asyncio.Lock()

    @property
    def mood(self):
        return pathlib.Path(self.o.mood).read_text() or "well"

    async def on_tools_list(self, message, params, out):
        self.events.emit("listed", label=self.o.label, mood=self.mood)
        if self.mood == "no-list":
            await out.send(self.error(message, -32603, "the tools are in the other drawer"))
        elif self.mood == "list-cut":
            out.writer.transport.abort()
            raise ConnectionResetError
        elif self.mood == "page":
            await out.raw(b"<h1>Down for maintenance</h1>", 503, "text/html")
        else:
            tools = [] if self.mood == "empty" else TOOLS
            tools = [{**tool, "inputSchema": {"type": "object"}} for tool in tools]
            await out.send(self.result(message, {"tools": tools}, listing=True))

    async def on_tools_call(self, message, params, out):
        token = params.get("_meta", {}).get("progressToken")
        self.events.emit("begun", label=self.o.label, tool=params["name"], id=message["id"], token=token)
        while self.mood == "hang":
            await asyncio.sleep(0.01)
        kind, *numbers = self.mood.split(":")
        numbers = [int(n) for n in numbers]
        if kind == "cut":
            if isinstance(out, HttpOut):
                out.writer.transport.abort()
                raise ConnectionResetError
            os._exit(3)
        if kind == "error":
            await out.send(self.error(message, -32603, f"{self.o.label} is out of order"))
            return
        if kind == "slow":
            await asyncio.sleep(numbers[0] / 1000)
        if kind == "serial":
            async with self.turn:
                await asyncio.sleep(numbers[0] / 1000)
        if kind in ("progress", "forever", "flat", "odd"):
            await self.tell(kind, numbers, token, out)
        answer = json.dumps(self.result(message, text_result(self.o.label))).encode()
        if kind == "twice":
            await out.stream([answer, answer])
        elif isinstance(out, HttpOut) and not out.keep:
            await out.write(b"data: " + answer + b"\n\n")
        else:
            await out.raw(answer)
        self.events.emit("answered", label=self.o.label)

    async def tell(self, kind, numbers, token, out):
        if isinstance(out, HttpOut):
            await out.open_stream()
        rounds = range(numbers[0]) if kind == "progress" else itertools.count()
        for number in rounds:
            await asyncio.sleep(numbers[-1] / 1000)
            params = {"progressToken": token, "progress": 1 if kind == "flat" else number + 1}
            if kind == "odd":
                params = [
                    {**params, "progress": "far"},
                    {**params, "progress": None},
                    {"progressToken": token},
                    {**params, "progressToken": 987654321},
                    {**params, "progressToken": [token]},
                    {**params, "progress": -number},
                ][number % 6]
            note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}
            line = json.dumps(note).encode()
            await out.write(b"data: " + line + b"\n\n" if isinstance(out, HttpOut) else line + b"\n")


if __name__ == "__main__":
    options = parser()
    options.add_argument("--mood", required=True)
    asyncio.run(run(LateServer(options.parse_args())))
