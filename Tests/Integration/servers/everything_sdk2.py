# SPDX-License-Identifier: Apache-2.0
"""The fixture server on the official Python SDK 2.x: modern and handshake eras on one endpoint."""

import asyncio

import mcp_types as types
from catalogue import Refusal, arguments_parser, catalogue_of, serve_http
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourcesListChanged,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError

MODERN = "2026-07-28"
EVENTS = {"tools": ToolsListChanged, "prompts": PromptsListChanged, "resources": ResourcesListChanged}
FORM = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}
SAMPLE = {"messages": [{"role": "user", "content": {"type": "text", "text": "one word"}}], "maxTokens": 5}


class Peer:
    """The client behind one call, as the catalogue sees it."""

    def __init__(self, ctx, bus, params):
        self.ctx, self.bus, self.params = ctx, bus, params
        self.meta = dict(ctx.meta or {})

    async def progress(self, done, total, message):
        await self.ctx.session.report_progress(done, total, message)

    async def changed(self, kind):
        await self.bus.publish(EVENTS[kind]())

    async def ask(self, kind):
        session, related = self.ctx.session, self.ctx.request_id
        if self.ctx.protocol_version == MODERN:
            if answers := self.params.input_responses:
                if self.params.request_state != "s1":
                    raise MCPError(-32602, "requestState was not handed back")
                text = answers["q1"].model_dump_json(by_alias=True, exclude_none=True)
                return {"content": [{"type": "text", "text": text}]}
            method = {
                "sampling": "sampling/createMessage",
                "elicitation": "elicitation/create",
                "url": "elicitation/create",
                "roots": "roots/list",
            }[kind]
            params = {
                "sampling": SAMPLE,
                "elicitation": {"message": "Which colour?", "requestedSchema": FORM},
                "url": {"mode": "url", "message": "Sign in", "url": "https://example.com/in"},
                "roots": {},
            }[kind]
            return {
                "resultType": "input_required",
                "requestState": "s1",
                "inputRequests": {"q1": {"method": method, "params": params}},
            }
        try:
            if kind == "sampling":
                answer = await session.create_message(
                    [types.SamplingMessage.model_validate(SAMPLE["messages"][0])],
                    max_tokens=5,
                    related_request_id=related,
                )
            elif kind == "elicitation":
                answer = await session.elicit_form("Which colour?", FORM, related_request_id=related)
            elif kind == "url":
                answer = await session.elicit_url(
                    "Sign in", "https://example.com/in", "e-1", related_request_id=related
                )
            else:
                answer = await session.list_roots()
        except MCPError as e:
            return {"content": [{"type": "text", "text": f"client answered {e.code}"}]}
        return {
            "content": [{"type": "text", "text": answer.model_dump_json(by_alias=True, exclude_none=True)}]
        }


def build(catalogue):
    bus = InMemorySubscriptionBus()
    sessions = {}

    def refusing(handler):
        async def wrapped(ctx, params):
            try:
                return await handler(ctx, params)
            except Refusal as e:
                raise MCPError(e.code, e.message, e.data) from None

        return wrapped

    def lister(kind, result_type, member):
        async def handler(ctx, params):
            entries, cursor = catalogue.listing(kind, params.cursor if params else None)
            return result_type.model_validate(
                {member: entries, "nextCursor": cursor, "ttlMs": 0, "cacheScope": "private"}
            )

        return refusing(handler)

    async def call(ctx, params):
        if ctx.protocol_version != MODERN:
            sessions[id(ctx.session._connection)] = ctx.session._connection
        result = await catalogue.call(params.name, params.arguments, Peer(ctx, bus, params))
        kind = (
            types.InputRequiredResult
            if result.get("resultType") == "input_required"
            else types.CallToolResult
        )
        return kind.model_validate(result)

    async def read(ctx, params):
        code = -32602 if ctx.protocol_version == MODERN else -32002
        return types.ReadResourceResult.model_validate({"contents": catalogue.read(str(params.uri), code)})

    async def prompt(ctx, params):
        return types.GetPromptResult.model_validate(catalogue.prompt(params.name, params.arguments))

    async def complete(ctx, params):
        answer = catalogue.complete(
            params.ref.model_dump(by_alias=True, mode="json"), params.argument.model_dump()
        )
        return types.CompleteResult.model_validate(answer)

    server = Server(
        catalogue.label,
        version="2",
        instructions=f"instructions of {catalogue.label}",
        on_list_tools=lister("tools", types.ListToolsResult, "tools"),
        on_list_resources=lister("resources", types.ListResourcesResult, "resources"),
        on_list_resource_templates=lister(
            "templates", types.ListResourceTemplatesResult, "resourceTemplates"
        ),
        on_list_prompts=lister("prompts", types.ListPromptsResult, "prompts"),
        on_call_tool=refusing(call),
        on_read_resource=refusing(read),
        on_get_prompt=refusing(prompt),
        on_completion=refusing(complete),
        on_subscriptions_listen=ListenHandler(bus),
    )

    loop_tasks = set()

    def forward(event):
        """List changes also go to every handshake-era session that ever called."""
        for connection in list(sessions.values()):
            send = {
                ToolsListChanged: connection.send_tool_list_changed,
                PromptsListChanged: connection.send_prompt_list_changed,
                ResourcesListChanged: connection.send_resource_list_changed,
            }[type(event)]
            task = asyncio.get_running_loop().create_task(send())
            loop_tasks.add(task)
            task.add_done_callback(loop_tasks.discard)

    bus.subscribe(forward)
    return server


def main():
    options = arguments_parser(__doc__).parse_args()
    server = build(catalogue_of(options))
    changed = NotificationOptions(prompts_changed=True, resources_changed=True, tools_changed=True)
    plain = server.create_initialization_options
    server.create_initialization_options = lambda *a, **k: plain(changed)
    if not options.stdio:
        serve_http(
            server.streamable_http_app(json_response=options.json, stateless_http=options.stateless),
            options.port,
        )
        return

    async def run():
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    asyncio.run(run())


main()
