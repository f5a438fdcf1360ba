# SPDX-License-Identifier: Apache-2.0
"""A server on the official Python SDK 1.x whose resources can be subscribed to."""

import asyncio
import contextlib

import anyio
import mcp.types as types
from catalogue import Events, arguments_parser, serve_http
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import AnyUrl
from starlette.applications import Starlette
from starlette.routing import Route
from watched import RESOURCES, TOOLS


def build(label, events):
    server = Server(label, version="1")
    holders = {}

    def register(request_type, handler):
        async def wrapped(request):
            return types.ServerResult(await handler(request.params))

        server.request_handlers[request_type] = wrapped

    async def tools(params):
        return types.ListToolsResult.model_validate({"tools": TOOLS})

    async def resources(params):
        return types.ListResourcesResult.model_validate({"resources": RESOURCES})

    async def read(params):
        return types.ReadResourceResult.model_validate({"contents": [{"uri": params.uri, "text": "now"}]})

    async def call(params):
        uri = params.arguments["uri"]
        for session in list(holders.get(uri, [])):
            with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                await session.send_resource_updated(AnyUrl(uri))
        return types.CallToolResult.model_validate({"content": [{"type": "text", "text": "touched"}]})

    async def subscribe(params):
        holders.setdefault(str(params.uri), []).append(server.request_context.session)
        events.emit("subscribed", label=label, uri=str(params.uri))
        return types.EmptyResult()

    async def unsubscribe(params):
        holders.pop(str(params.uri), None)
        events.emit("unsubscribed", label=label, uri=str(params.uri))
        return types.EmptyResult()

    register(types.ListToolsRequest, tools)
    register(types.ListResourcesRequest, resources)
    register(types.ReadResourceRequest, read)
    register(types.CallToolRequest, call)
    register(types.SubscribeRequest, subscribe)
    register(types.UnsubscribeRequest, unsubscribe)
    return server


def main():
    options = arguments_parser(__doc__).parse_args()
    server = build(options.label, Events(options.events))
    changed = NotificationOptions(resources_changed=True, tools_changed=True)
    plain = server.create_initialization_options

    def with_subscriptions(*a, **k):
        # The SDK serves them and never says so.
        made = plain(changed)
        made.capabilities.resources.subscribe = True
        return made

    server.create_initialization_options = with_subscriptions
    if options.stdio:

        async def run():
            async with stdio_server() as (read, write):
                await server.run(read, write, server.create_initialization_options())

        asyncio.run(run())
        return

    sessions = StreamableHTTPSessionManager(server)

    class Endpoint:
        async def __call__(self, scope, receive, send):
            await sessions.handle_request(scope, receive, send)

    @contextlib.asynccontextmanager
    async def lifespan(app):
        async with sessions.run():
            yield

    serve_http(Starlette(routes=[Route("/mcp", endpoint=Endpoint())], lifespan=lifespan), options.port)


main()
