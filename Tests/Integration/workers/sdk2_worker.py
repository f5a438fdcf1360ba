# SPDX-License-Identifier: Apache-2.0
"""Clients of the official Python SDK 2.x (modes modern, legacy, auto) for the test process."""

import asyncio
import contextlib
import ssl

import httpx2
import mcp_types as types
from answers import callbacks
from lines import Fault, Worker
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

MODERN = "2026-07-28"


def plain(result):
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


class Link:
    """One open client: requests through the SDK's own public methods."""

    def __init__(self, client, found):
        self.client = client
        session = client.session
        modern, info = session.protocol_version == MODERN, session.server_info
        capabilities = found.capabilities if found else session.server_capabilities
        self.facts = {
            "era": "modern" if modern else "legacy",
            "version": session.protocol_version,
            "server_info": plain(info) if info else None,
            "capabilities": plain(capabilities),
            "instructions": found.instructions if found else session.instructions,
        }

    async def request(self, method, params, on_progress):
        try:
            return plain(await self.dispatch(method, dict(params), on_progress))
        except MCPError as e:
            raise Fault(e.code, e.message, e.data) from None

    async def dispatch(self, method, p, on_progress):
        c, meta = self.client, p.pop("_meta", None)
        if method == "tools/call":

            async def progress(done, total, message):
                on_progress({"progress": done, "total": total, "message": message})

            return await c.call_tool(
                p["name"], p.get("arguments"), meta=meta, progress_callback=progress if on_progress else None
            )
        lists = {
            "tools/list": c.list_tools,
            "prompts/list": c.list_prompts,
            "resources/list": c.list_resources,
            "resources/templates/list": c.list_resource_templates,
        }
        if method in lists:
            return await lists[method](cursor=p.get("cursor"), meta=meta)
        if method == "resources/read":
            return await c.read_resource(p["uri"], meta=meta)
        if method == "resources/subscribe":
            return await c.subscribe_resource(p["uri"])
        if method == "resources/unsubscribe":
            return await c.unsubscribe_resource(p["uri"])
        if method == "prompts/get":
            return await c.get_prompt(p["name"], p.get("arguments"), meta=meta)
        if method == "completion/complete":
            kind = (
                types.PromptReference if p["ref"]["type"] == "ref/prompt" else types.ResourceTemplateReference
            )
            return await c.complete(kind.model_validate(p["ref"]), p["argument"])
        if method == "logging/setLevel":
            return await c.session.set_logging_level(p["level"])
        if method == "ping":
            return await c.session.send_ping()
        if method == "server/discover":
            return types.DiscoverResult.model_validate(await c.session.send_discover(MODERN))
        raise ValueError(f"no SDK method for {method}")

    async def listen(self, kinds, note, ready):
        names = {
            "tools": "tools_list_changed",
            "prompts": "prompts_list_changed",
            "resources": "resources_list_changed",
        }
        spelt = {
            "ToolsListChanged": "notifications/tools/list_changed",
            "PromptsListChanged": "notifications/prompts/list_changed",
            "ResourcesListChanged": "notifications/resources/list_changed",
            "ResourceUpdated": "notifications/resources/updated",
        }
        uris = [k for k in kinds if k not in names]
        flags = {names[k]: True for k in kinds if k in names}
        try:
            async with self.client.listen(**flags, resource_subscriptions=uris) as subscription:
                ready.set_result(plain(subscription.honored))
                async for event in subscription:
                    uri = getattr(event, "uri", None)
                    note(spelt[type(event).__name__], {"uri": str(uri)} if uri else {})
                note("worker/listen-ended")
        except MCPError as e:
            raise Fault(e.code, e.message, e.data) from None


@contextlib.asynccontextmanager
async def secured(url, tls):
    """A transport that trusts the authority `ca` only, and shows `certificate` where it has one."""
    context = ssl.create_default_context(cafile=tls["ca"])
    if "certificate" in tls:
        context.load_cert_chain(tls["certificate"], tls["key"])
    async with (
        httpx2.AsyncClient(verify=context, timeout=60) as http,
        streamable_http_client(url, http_client=http) as streams,
    ):
        yield streams


@contextlib.asynccontextmanager
async def authorized(url, wanted, note):
    """A transport whose credentials the SDK gets by itself."""
    import oauth

    async with (
        httpx2.AsyncClient(auth=oauth.provider(url, wanted, note), timeout=60) as http,
        streamable_http_client(url, http_client=http) as streams,
    ):
        yield streams


@contextlib.asynccontextmanager
async def connect(command, note):
    async def on_message(message):
        if isinstance(message, Exception):
            note("worker/stray", {"why": str(message)})
        else:
            data = plain(message)
            if "method" in data and "id" not in data:
                note(data["method"], data.get("params"))

    async def on_log(params):
        note("notifications/message", plain(params))

    target = command.get("url")
    if target is None:
        argv = command["command"]
        target = StdioServerParameters(command=argv[0], args=argv[1:], env=command.get("env"))
    elif tls := command.get("tls"):
        target = secured(target, tls)
    elif "oauth" in command:
        target = authorized(target, command["oauth"], note)
    mode = {"modern": MODERN}.get(command["mode"], command["mode"])
    try:
        async with Client(
            target,
            mode=mode,
            cache=None,
            message_handler=on_message,
            logging_callback=on_log,
            log_level=command.get("log_level"),
            **callbacks(types, command.get("answers"), note),
            client_info=types.Implementation(name="sdk2", version="1"),
        ) as client:
            found = None
            if mode == MODERN:
                found = types.DiscoverResult.model_validate(await client.session.send_discover(MODERN))
            yield Link(client, found)
    except MCPError as e:
        raise Fault(e.code, e.message, e.data) from None


asyncio.run(Worker(connect).run())
