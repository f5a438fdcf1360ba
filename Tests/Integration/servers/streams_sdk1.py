# SPDX-License-Identifier: Apache-2.0
"""Servers of the official Python SDK 1.x: HTTP+SSE (`--mode sse`), or calls polled (`--mode polling`).

Polling is that of 2025-11-25: an event store, streams closed before the answer. Prints `port N`."""

import asyncio
import os

from catalogue import Events, arguments_parser, serve_http
from mcp.server.fastmcp import Context, FastMCP
from mcp.server.streamable_http import EventMessage, EventStore


class Store(EventStore):
    """Keeps every event of every stream, numbered; says when somebody asked for the rest of one."""

    def __init__(self, events):
        self.kept, self.asked, self.events = [], asyncio.Event(), events

    async def store_event(self, stream_id, message):
        self.kept.append((stream_id, message))
        return str(len(self.kept))

    async def replay_events_after(self, last_event_id, send_callback):
        after = int(last_event_id)
        stream = self.kept[after - 1][0]
        self.events.emit("replay", stream=stream, after=after)
        for number, (name, message) in enumerate(self.kept[after:], after + 1):
            if name == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        self.asked.set()
        return stream


def main():
    parser = arguments_parser(__doc__)
    parser.add_argument("--mode", choices=["sse", "polling"], required=True)
    options = parser.parse_args()
    events = Events(options.events)
    store = Store(events) if options.mode == "polling" else None
    server = FastMCP(options.label, event_store=store, retry_interval=150 if store else None)
    runs = 0

    @server.tool()
    def echo(text: str) -> str:
        return text

    @server.tool()
    def whoami() -> str:
        return str(os.getpid())

    @server.tool()
    async def work(polls: int, ctx: Context) -> str:
        """Hangs up so many times before it answers; each time the client has to come back."""
        nonlocal runs
        runs += 1
        for step in range(polls):
            await ctx.report_progress(step + 1, polls)
            store.asked.clear()
            await ctx.close_sse_stream()
            await store.asked.wait()
            # The SDK opens the stream for what follows only after it has replayed what was.
            await asyncio.sleep(0.05)
        return f"run {runs}"

    app = server.sse_app() if options.mode == "sse" else server.streamable_http_app()
    serve_http(app, options.port)


main()
