# SPDX-License-Identifier: Apache-2.0
"""A server on the official Python SDK 2.x whose resources can be subscribed to, in both eras."""

import asyncio

import mcp_types as types
from catalogue import Events, arguments_parser, serve_http
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from watched import RESOURCES, TOOLS


def build(label, events):
    bus = InMemorySubscriptionBus()
    holders = {}

    async def tools(ctx, params):
        return types.ListToolsResult.model_validate({"tools": TOOLS, "ttlMs": 0, "cacheScope": "private"})

    async def resources(ctx, params):
        return types.ListResourcesResult.model_validate(
            {"resources": RESOURCES, "ttlMs": 0, "cacheScope": "private"}
        )

    async def read(ctx, params):
        return types.ReadResourceResult.model_validate(
            {"contents": [{"uri": str(params.uri), "text": "now"}], "ttlMs": 0, "cacheScope": "private"}
        )

    async def call(ctx, params):
        uri = params.arguments["uri"]
        await bus.publish(ResourceUpdated(uri=uri))
        for connection in list(holders.get(uri, [])):
            await connection.send_resource_updated(uri)
        return types.CallToolResult.model_validate({"content": [{"type": "text", "text": "touched"}]})

    async def subscribe(ctx, params):
        holders.setdefault(str(params.uri), []).append(ctx.session._connection)
        events.emit("subscribed", label=label, uri=str(params.uri))
        return types.EmptyResult()

    async def unsubscribe(ctx, params):
        holders.pop(str(params.uri), None)
        events.emit("unsubscribed", label=label, uri=str(params.uri))
        return types.EmptyResult()

    inner = ListenHandler(bus)

    async def listen(ctx, params):
        events.emit("listen", label=label, uris=list(params.notifications.resource_subscriptions or []))
        try:
            return await inner(ctx, params)
        finally:
            events.emit("listen ended", label=label)

    return Server(
        label,
        version="2",
        on_list_tools=tools,
        on_list_resources=resources,
        on_read_resource=read,
        on_call_tool=call,
        on_subscribe_resource=subscribe,
        on_unsubscribe_resource=unsubscribe,
        on_subscriptions_listen=listen,
    )


def main():
    options = arguments_parser(__doc__).parse_args()
    events = Events(options.events)
    server = build(options.label, events)
    changed = NotificationOptions(resources_changed=True, tools_changed=True)
    plain = server.create_initialization_options
    server.create_initialization_options = lambda *a, **k: plain(changed)
    if not options.stdio:
        serve_http(server.streamable_http_app(), options.port)
        return

    async def run():
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    asyncio.run(run())


main()
