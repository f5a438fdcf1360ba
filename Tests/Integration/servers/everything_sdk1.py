# SPDX-License-Identifier: Apache-2.0
"""The fixture server on the official Python SDK 1.x: the handshake era only, with or without sessions."""

import asyncio
import contextlib

import anyio
import mcp.types as types
from catalogue import Refusal, arguments_parser, catalogue_of, serve_http
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.sse import SseServerTransport
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.websocket import websocket_server
from mcp.shared.exceptions import McpError
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute

FORM = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}


class Peer:
    """The client behind one call, as the catalogue sees it."""

    def __init__(self, server, sessions):
        self.context, self.sessions = server.request_context, sessions
        meta = self.context.meta
        self.meta = meta.model_dump(by_alias=True, exclude_none=True) if meta else {}

    async def progress(self, done, total, message):
        token = self.meta.get("progressToken")
        if token is not None:
            await self.context.session.send_progress_notification(
                token, done, total, message=message, related_request_id=str(self.context.request_id)
            )

    async def changed(self, kind):
        for session in list(self.sessions):
            send = {
                "tools": session.send_tool_list_changed,
                "prompts": session.send_prompt_list_changed,
                "resources": session.send_resource_list_changed,
            }[kind]
            try:
                await send()
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                self.sessions.remove(session)

    async def ask(self, kind):
        session, related = self.context.session, self.context.request_id
        try:
            if kind == "sampling":
                content = types.TextContent(type="text", text="one word")
                answer = await session.create_message(
                    [types.SamplingMessage(role="user", content=content)],
                    max_tokens=5,
                    related_request_id=related,
                )
            elif kind == "elicitation":
                answer = await session.elicit("Which colour?", FORM, related_request_id=related)
            elif kind == "url":
                answer = await session.elicit_url(
                    "Sign in", "https://example.com/in", "e-1", related_request_id=related
                )
            else:
                answer = await session.list_roots()
        except McpError as e:
            return {"content": [{"type": "text", "text": f"client answered {e.error.code}"}]}
        return {
            "content": [{"type": "text", "text": answer.model_dump_json(by_alias=True, exclude_none=True)}]
        }


def build(catalogue):
    server = Server(catalogue.label, version="1", instructions=f"instructions of {catalogue.label}")
    sessions = []

    def register(request_type, handler):
        async def wrapped(request):
            session = server.request_context.session
            if session not in sessions:
                sessions.append(session)
            try:
                return types.ServerResult(await handler(request.params))
            except Refusal as e:
                raise McpError(types.ErrorData(code=e.code, message=e.message, data=e.data)) from None

        server.request_handlers[request_type] = wrapped

    def lister(kind, result_type, member):
        async def handler(params):
            entries, cursor = catalogue.listing(kind, params.cursor if params else None)
            return result_type.model_validate({member: entries, "nextCursor": cursor})

        return handler

    async def call(params):
        result = await catalogue.call(params.name, params.arguments, Peer(server, sessions))
        return types.CallToolResult.model_validate(result)

    async def read(params):
        return types.ReadResourceResult.model_validate({"contents": catalogue.read(str(params.uri), -32002)})

    async def prompt(params):
        return types.GetPromptResult.model_validate(catalogue.prompt(params.name, params.arguments))

    async def complete(params):
        answer = catalogue.complete(params.ref.model_dump(mode="json"), params.argument.model_dump())
        return types.CompleteResult.model_validate(answer)

    register(types.ListToolsRequest, lister("tools", types.ListToolsResult, "tools"))
    register(types.ListResourcesRequest, lister("resources", types.ListResourcesResult, "resources"))
    register(
        types.ListResourceTemplatesRequest,
        lister("templates", types.ListResourceTemplatesResult, "resourceTemplates"),
    )
    register(types.ListPromptsRequest, lister("prompts", types.ListPromptsResult, "prompts"))
    register(types.CallToolRequest, call)
    register(types.ReadResourceRequest, read)
    register(types.GetPromptRequest, prompt)
    register(types.CompleteRequest, complete)
    return server


def main():
    options = arguments_parser(__doc__).parse_args()
    server = build(catalogue_of(options))
    changed = NotificationOptions(prompts_changed=True, resources_changed=True, tools_changed=True)
    plain = server.create_initialization_options
    server.create_initialization_options = lambda *a, **k: plain(changed)
    if options.stdio:

        async def run():
            async with stdio_server() as (read, write):
                await server.run(read, write, server.create_initialization_options())

        asyncio.run(run())
        return

    sessions = StreamableHTTPSessionManager(server, json_response=options.json, stateless=options.stateless)

    class Endpoint:
        async def __call__(self, scope, receive, send):
            await sessions.handle_request(scope, receive, send)

    class Socket:
        async def __call__(self, scope, receive, send):
            async with websocket_server(scope, receive, send) as (read, write):
                await server.run(read, write, server.create_initialization_options())

    @contextlib.asynccontextmanager
    async def lifespan(app):
        async with sessions.run():
            yield

    sse = SseServerTransport("/messages/")

    class Stream:
        async def __call__(self, scope, receive, send):
            async with sse.connect_sse(scope, receive, send) as (read, write):
                await server.run(read, write, server.create_initialization_options())

    routes = [
        Route("/mcp", endpoint=Endpoint()),
        Route("/sse", endpoint=Stream()),
        Mount("/messages/", app=sse.handle_post_message),
        WebSocketRoute("/ws", endpoint=Socket()),
    ]
    serve_http(Starlette(routes=routes, lifespan=lifespan), options.port)


main()
