# SPDX-License-Identifier: Apache-2.0
"""A server on the official Python SDK 1.30 with its experimental tasks.

Tools: `ask {tag}` (required) asks for a colour, `slow {tag}` (optional) waits until a test releases the tag (see
tasks_raw.py), `fail {tag}` (required) raises, `quick` (forbidden).
"""

import asyncio
import contextlib
import os

import mcp.types as types
from catalogue import Events, arguments_parser, serve_http
from dialogue_steps import FORM
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.routing import Route
from tasks_raw import Gates, control

SUPPORT = {"ask": "required", "slow": "optional", "fail": "required", "quick": None}


class Plain:
    """What the way in for a test needs of a server."""

    def __init__(self, options):
        self.o, self.events, self.sessions, self.gates = options, Events(options.events), {}, {}

    def gate(self, tag):
        return self.gates.setdefault(tag, asyncio.Event())

    def emit(self, event, **more):
        self.events.emit(event, label=self.o.label, **more)


class Desk(Gates, Plain):
    pass


def said(text):
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)])


def build(desk):
    server = Server(desk.o.label, version="1")
    server.experimental.enable_tasks()

    @server.list_tools()
    async def tools():
        made = []
        for name, support in SUPPORT.items():
            more = {"execution": {"taskSupport": support}} if support else {}
            made.append(types.Tool.model_validate({"name": name, "inputSchema": {"type": "object"}, **more}))
        return made

    @server.call_tool(validate_input=False)
    async def call(name, arguments):
        tag, context = arguments.get("tag", ""), server.request_context
        context.experimental.validate_task_mode(SUPPORT[name])
        desk.emit("executed", tag=tag, task=context.experimental.is_task)

        async def work(task):
            desk.emit("created", tag=tag, id=task.task_id if task else None)
            if name == "ask":
                answer = await task.elicit("Which colour?", FORM)
                return said(f"{answer.action} {answer.content}")
            if name == "slow":
                await desk.gate(tag).wait()
            if name == "fail":
                raise ValueError("it broke")
            return said("done " + tag)

        if context.experimental.is_task:
            return await context.experimental.run_task(work)
        return await work(None)

    return server


@contextlib.asynccontextmanager
async def way_in(desk):
    path = f"{desk.o.events}.{os.getpid()}"
    listener = await asyncio.start_unix_server(lambda r, w: control(desk, r, w), path)
    desk.emit("control", path=path)
    try:
        yield
    finally:
        listener.close()
        os.unlink(path)


def main():
    desk = Desk(arguments_parser(__doc__).parse_args())
    server = build(desk)
    if desk.o.stdio:

        async def run():
            async with way_in(desk), stdio_server() as (read, write):
                await server.run(read, write, server.create_initialization_options())

        asyncio.run(run())
        return
    sessions = StreamableHTTPSessionManager(server)

    class Endpoint:
        async def __call__(self, scope, receive, send):
            await sessions.handle_request(scope, receive, send)

    @contextlib.asynccontextmanager
    async def lifespan(app):
        async with way_in(desk), sessions.run():
            yield

    serve_http(Starlette(routes=[Route("/mcp", endpoint=Endpoint())], lifespan=lifespan), desk.o.port)


main()
