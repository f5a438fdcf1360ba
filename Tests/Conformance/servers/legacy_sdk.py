# SPDX-License-Identifier: Apache-2.0
"""The legacy fixture server on the official Python SDK 1.x: sessions over Streamable HTTP, or stdio."""

import asyncio
import contextlib
from typing import Any

import anyio
import mcp.types as types
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import McpError
from mcp.shared.message import ServerMessageMetadata
from starlette.applications import Starlette
from starlette.routing import Route

from fixtures import Json, Refusal, complete, read
from service import Events, Refused, Service, options, serve_http

QUESTIONS: dict[str, tuple[Any, Any]] = {
    "elicitation/create": (types.ElicitRequest, types.ElicitResult),
    "sampling/createMessage": (types.CreateMessageRequest, types.CreateMessageResult),
    "roots/list": (types.ListRootsRequest, types.ListRootsResult),
}
SEVERITY = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]


class Session:
    """What the server knows about one session of a client."""

    def __init__(self, session: Any) -> None:
        self.session, self.watched, self.level = session, set[str](), "info"


class SdkPeer:
    """The client behind one request."""

    def __init__(self, context: Any, own: Session, sessions: dict[int, Session]) -> None:
        self.context, self.own, self.sessions = context, own, sessions
        self.related = context.request_id

    async def progress(self, done: float, total: float) -> None:
        token = self.context.meta.progressToken if self.context.meta else None
        if token is not None:
            await self.own.session.send_progress_notification(
                token, done, total, related_request_id=str(self.related)
            )

    async def log(self, level: str, words: str) -> None:
        if SEVERITY.index(level) >= SEVERITY.index(self.own.level):
            await self.own.session.send_log_message(level, words, related_request_id=self.related)

    async def changed(self, kind: str) -> None:
        await self.tell(lambda s: getattr(s.session, f"send_{kind[:-1]}_list_changed")())

    async def updated(self, uri: str) -> None:
        await self.tell(lambda s: s.session.send_resource_updated(uri) if uri in s.watched else None)

    async def tell(self, send: Any) -> None:
        """Something for the standing stream of every session."""
        for key, known in list(self.sessions.items()):
            try:
                if sending := send(known):
                    await sending
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                self.sessions.pop(key, None)

    async def ask(self, method: str, params: Json) -> Json:
        """A request on the stream of the call that it belongs to."""
        request, result = QUESTIONS[method]
        body = {"method": method, "params": params} if params else {"method": method}
        try:
            answer = await self.own.session.send_request(
                types.ServerRequest(request.model_validate(body)),
                result,
                metadata=ServerMessageMetadata(related_request_id=self.related),
            )
        except McpError as e:
            raise Refused(str(e.error.code)) from None
        except ValueError:
            return {}
        found: Json = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
        return found


def build(service: Service) -> Server:
    server: Server = Server(service.name, version="1")
    sessions: dict[int, Session] = {}

    def peer() -> SdkPeer:
        session = server.request_context.session
        own = sessions.setdefault(id(session), Session(session))
        return SdkPeer(server.request_context, own, sessions)

    def register(request_type: Any, handler: Any) -> None:
        async def wrapped(request: Any) -> Any:
            peer()
            try:
                return types.ServerResult(await handler(request.params))
            except Refusal as e:
                raise McpError(types.ErrorData(code=e.code, message=e.message, data=e.data)) from None

        server.request_handlers[request_type] = wrapped

    def listed(member: str, result: Any) -> Any:
        async def handler(params: Any) -> Any:
            return result.model_validate({member: service.lists[member]})

        return handler

    async def converse(method: str, params: Any) -> Json:
        """The result of something that asks."""
        known = server.request_context.session.client_params
        capabilities = known.capabilities.model_dump(exclude_none=True) if known else {}
        return await service.legacy(method, params.model_dump(), capabilities, peer().ask)

    async def call(params: Any) -> Any:
        if service.step("tools/call", params.model_dump()):
            return types.CallToolResult.model_validate(await converse("tools/call", params))
        result = await service.call(params.name, params.arguments or {}, peer())
        return types.CallToolResult.model_validate(result)

    async def prompt(params: Any) -> Any:
        if service.step("prompts/get", params.model_dump()):
            return types.GetPromptResult.model_validate(await converse("prompts/get", params))
        return types.GetPromptResult.model_validate(service.prompt(params.model_dump()))

    async def reading(params: Any) -> Any:
        return types.ReadResourceResult.model_validate({"contents": read(str(params.uri), -32002)})

    async def completing(params: Any) -> Any:
        ref = params.ref.model_dump(mode="json")
        return types.CompleteResult.model_validate(complete(ref, params.argument.model_dump()))

    async def subscribe(params: Any) -> Any:
        peer().own.watched.add(str(params.uri))
        service.events.emit("subscribed", label=service.name, uri=str(params.uri))
        return types.EmptyResult()

    async def unsubscribe(params: Any) -> Any:
        peer().own.watched.discard(str(params.uri))
        service.events.emit("unsubscribed", label=service.name, uri=str(params.uri))
        return types.EmptyResult()

    async def set_level(params: Any) -> Any:
        peer().own.level = params.level
        return types.EmptyResult()

    register(types.ListToolsRequest, listed("tools", types.ListToolsResult))
    register(types.ListResourcesRequest, listed("resources", types.ListResourcesResult))
    register(
        types.ListResourceTemplatesRequest, listed("resourceTemplates", types.ListResourceTemplatesResult)
    )
    register(types.ListPromptsRequest, listed("prompts", types.ListPromptsResult))
    register(types.CallToolRequest, call)
    register(types.GetPromptRequest, prompt)
    register(types.ReadResourceRequest, reading)
    register(types.CompleteRequest, completing)
    register(types.SubscribeRequest, subscribe)
    register(types.UnsubscribeRequest, unsubscribe)
    register(types.SetLevelRequest, set_level)
    return server


def main() -> None:
    chosen = options(__doc__)
    server = build(Service(chosen.label, Events(chosen.events)))
    changed = NotificationOptions(prompts_changed=True, resources_changed=True, tools_changed=True)
    plain: Any = server.get_capabilities

    def capabilities(_: Any, experimental: Any) -> Any:
        found = plain(changed, experimental)
        found.resources.subscribe = True
        return found

    server.get_capabilities = capabilities  # type: ignore[method-assign, assignment]
    if chosen.stdio:

        async def run() -> None:
            async with stdio_server() as (reader, writer):
                await server.run(reader, writer, server.create_initialization_options())

        asyncio.run(run())
        return

    names = ["127.0.0.1:*", "localhost:*", "[::1]:*"]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=names,
        allowed_origins=["http://" + n for n in names],
    )
    manager = StreamableHTTPSessionManager(server, security_settings=security)

    class Endpoint:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await manager.handle_request(scope, receive, send)

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> Any:
        async with manager.run():
            yield

    serve_http(Starlette(routes=[Route("/mcp", endpoint=Endpoint())], lifespan=lifespan))


main()
