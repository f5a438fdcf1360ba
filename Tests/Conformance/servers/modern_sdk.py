# SPDX-License-Identifier: Apache-2.0
"""The modern fixture server on the official Python SDK 2.x: 2026-07-28 over Streamable HTTP or stdio."""

import asyncio
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourceUpdated,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError

from fixtures import Json, Refusal, complete, read
from service import LISTS, META, Events, Service, options, serve_http

LIST_TYPES: dict[str, Any] = {
    "tools": types.ListToolsResult,
    "resources": types.ListResourcesResult,
    "resourceTemplates": types.ListResourceTemplatesResult,
    "prompts": types.ListPromptsResult,
}
FRESH = {"ttlMs": 1000, "cacheScope": "public"}


class SdkPeer:
    """The client behind one request."""

    def __init__(self, ctx: Any, bus: InMemorySubscriptionBus) -> None:
        self.ctx, self.bus = ctx, bus

    async def progress(self, done: float, total: float) -> None:
        await self.ctx.session.report_progress(done, total)

    async def log(self, level: str, words: str) -> None:
        await self.ctx.session.send_log_message(level, words, related_request_id=self.ctx.request_id)

    async def changed(self, kind: str) -> None:
        await self.bus.publish(ToolsListChanged() if kind == "tools" else PromptsListChanged())

    async def updated(self, uri: str) -> None:
        await self.bus.publish(ResourceUpdated(uri=uri))


def build(service: Service) -> Server:
    bus = InMemorySubscriptionBus()

    def refusing(handler: Any) -> Any:
        async def wrapped(ctx: Any, params: Any) -> Any:
            try:
                return await handler(ctx, params)
            except Refusal as e:
                raise MCPError(e.code, e.message, e.data) from None

        return wrapped

    def lister(member: str) -> Any:
        async def listed(ctx: Any, params: Any) -> Any:
            return LIST_TYPES[member].model_validate({member: service.lists[member], **FRESH})

        return listed

    def conversation(method: str, ctx: Any, params: Any, complete_type: Any) -> Any:
        """One round of something that asks, or None when it asks nothing."""
        plain: Json = params.model_dump(by_alias=True, mode="json", exclude_none=True)
        if service.step(method, plain) is None:
            return None
        capabilities = dict(ctx.meta or {}).get(META + "clientCapabilities") or {}
        result = service.modern(method, plain, capabilities)
        asks = result["resultType"] == "input_required"
        return (types.InputRequiredResult if asks else complete_type).model_validate(result)

    async def call(ctx: Any, params: Any) -> Any:
        if found := conversation("tools/call", ctx, params, types.CallToolResult):
            return found
        result = await service.call(params.name, params.arguments or {}, SdkPeer(ctx, bus))
        return types.CallToolResult.model_validate(result)

    async def prompt(ctx: Any, params: Any) -> Any:
        if found := conversation("prompts/get", ctx, params, types.GetPromptResult):
            return found
        return types.GetPromptResult.model_validate(service.prompt(params.model_dump()))

    async def reading(ctx: Any, params: Any) -> Any:
        return types.ReadResourceResult.model_validate({"contents": read(str(params.uri), -32602), **FRESH})

    async def completing(ctx: Any, params: Any) -> Any:
        ref = params.ref.model_dump(by_alias=True, mode="json")
        return types.CompleteResult.model_validate(complete(ref, params.argument.model_dump()))

    async def subscribed(ctx: Any, params: Any) -> Any:
        """Only here so that discovery says `resources.subscribe`; listening is what delivers."""
        return types.EmptyResult()

    listers = {name: lister(member) for name, member in LISTS.items()}
    return Server(
        service.name,
        version="2",
        on_list_tools=listers["tools/list"],
        on_list_resources=listers["resources/list"],
        on_list_resource_templates=listers["resources/templates/list"],
        on_list_prompts=listers["prompts/list"],
        on_call_tool=refusing(call),
        on_get_prompt=refusing(prompt),
        on_read_resource=refusing(reading),
        on_completion=refusing(completing),
        on_subscribe_resource=subscribed,
        on_subscriptions_listen=ListenHandler(bus),
    )


def main() -> None:
    chosen = options(__doc__)
    server = build(Service(chosen.label, Events(chosen.events)))
    changed = NotificationOptions(prompts_changed=True, resources_changed=True, tools_changed=True)
    plain = server.create_initialization_options
    server.create_initialization_options = lambda *a, **k: plain(changed)  # type: ignore[method-assign]
    if not chosen.stdio:
        serve_http(server.streamable_http_app())
        return

    async def run() -> None:
        async with stdio_server() as (reader, writer):
            await server.run(reader, writer, server.create_initialization_options())

    asyncio.run(run())


main()
