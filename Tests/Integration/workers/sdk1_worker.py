# SPDX-License-Identifier: Apache-2.0
"""Clients of the official Python SDK 1.x (1.30 and the old 1.9) for the test process; handshake era only."""

import asyncio
import contextlib
from urllib.parse import urlsplit

import mcp.types as types
from answers import callbacks
from lines import Fault, Worker
from mcp import ClientSession, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.exceptions import McpError
from pydantic import AnyUrl

LISTS = {
    "tools/list": (types.ListToolsRequest, types.ListToolsResult),
    "prompts/list": (types.ListPromptsRequest, types.ListPromptsResult),
    "resources/list": (types.ListResourcesRequest, types.ListResourcesResult),
    "resources/templates/list": (types.ListResourceTemplatesRequest, types.ListResourceTemplatesResult),
}


def plain(result):
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


class Link:
    """One open session."""

    def __init__(self, session, init):
        self.session = session
        self.facts = {
            "era": "legacy",
            "version": init.protocolVersion,
            "server_info": plain(init.serverInfo),
            "capabilities": plain(init.capabilities),
            "instructions": init.instructions,
        }

    async def request(self, method, params, on_progress):
        number = self.session._request_id
        try:
            return plain(await self.dispatch(method, dict(params), on_progress))
        except McpError as e:
            raise Fault(e.error.code, e.error.message, e.error.data) from None
        except asyncio.CancelledError:
            await self.session.send_notification(
                types.ClientNotification(
                    types.CancelledNotification(
                        method="notifications/cancelled",
                        params=types.CancelledNotificationParams(requestId=number, reason="given up"),
                    )
                )
            )
            raise

    async def dispatch(self, method, p, on_progress):
        s = self.session
        if method.startswith("tasks/") or "task" in p:
            return await self.about_task(method, p)
        if method == "tools/call":

            async def progress(done, total, message):
                on_progress({"progress": done, "total": total, "message": message})

            request = types.CallToolRequest(
                method=method, params=types.CallToolRequestParams.model_validate(p)
            )
            extra = {"progress_callback": progress} if on_progress else {}
            return await s.send_request(types.ClientRequest(request), types.CallToolResult, **extra)
        if method in LISTS:
            request, result = LISTS[method]
            fields = request.model_fields["params"].annotation
            body = {"method": method, "params": p} if p or "None" not in str(fields) else {"method": method}
            return await s.send_request(types.ClientRequest(request.model_validate(body)), result)
        if method == "resources/read":
            return await s.read_resource(AnyUrl(p["uri"]))
        if method == "resources/subscribe":
            return await s.subscribe_resource(AnyUrl(p["uri"]))
        if method == "resources/unsubscribe":
            return await s.unsubscribe_resource(AnyUrl(p["uri"]))
        if method == "prompts/get":
            return await s.get_prompt(p["name"], p.get("arguments"))
        if method == "completion/complete":
            prompt = p["ref"]["type"] == "ref/prompt"
            kind = (
                types.PromptReference
                if prompt
                else getattr(types, "ResourceTemplateReference", None) or types.ResourceReference
            )
            return await s.complete(kind.model_validate(p["ref"]), p["argument"])
        if method == "logging/setLevel":
            return await s.set_logging_level(p["level"])
        if method == "ping":
            return await s.send_ping()
        raise ValueError(f"no SDK method for {method}")

    async def about_task(self, method, p):
        """The experimental tasks of the newest 1.x."""
        tasks = self.session.experimental
        if method == "tools/call":
            return await tasks.call_tool_as_task(
                p["name"], p.get("arguments"), ttl=p["task"].get("ttl", 60000)
            )
        if method == "tasks/result":
            return await tasks.get_task_result(p["taskId"], types.CallToolResult)
        return await {"tasks/get": tasks.get_task, "tasks/cancel": tasks.cancel_task}[method](p["taskId"])


@contextlib.asynccontextmanager
async def connect(command, note):
    async def on_message(message):
        if isinstance(message, Exception):
            note("worker/stray", {"why": str(message)})
        elif isinstance(message, types.ServerNotification):
            data = plain(message.root)
            note(data["method"], data.get("params"))

    async with contextlib.AsyncExitStack() as stack:
        if "url" in command:
            opens = sse_client if urlsplit(command["url"]).path.startswith("/sse") else streamablehttp_client
            if command["url"].startswith("ws://"):
                # Its library is only in the newest SDK's environment.
                from mcp.client.websocket import websocket_client as opens
            more = {}
            if "oauth" in command:
                import oauth

                more["auth"] = oauth.provider(command["url"], command["oauth"], note)
            streams = await stack.enter_async_context(opens(command["url"], **more))
        else:
            argv = command["command"]
            parameters = StdioServerParameters(command=argv[0], args=argv[1:], env=command.get("env"))
            streams = await stack.enter_async_context(stdio_client(parameters))
        session = await stack.enter_async_context(
            ClientSession(
                streams[0],
                streams[1],
                message_handler=on_message,
                **callbacks(types, command.get("answers"), note),
            )
        )
        try:
            init = await session.initialize()
        except McpError as e:
            raise Fault(e.error.code, e.error.message, e.error.data) from None
        yield Link(session, init)


asyncio.run(Worker(connect).run())
