# SPDX-License-Identifier: Apache-2.0
"""A session of the official Python SDK 1.x as the client, which answers what the server asks."""

import asyncio
import contextlib
from typing import Any

import mcp.types as types
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client

from script import Script


async def main() -> None:
    script = Script()

    async def elicit(context: Any, params: Any) -> Any:
        return types.ElicitResult(action="accept", content=script.form(params.requestedSchema))

    async def sample(context: Any, params: Any) -> Any:
        content = types.TextContent(type="text", text=script.sample())
        return types.CreateMessageResult(role="assistant", content=content, model="test-model")

    async def roots(context: Any) -> Any:
        return types.ListRootsResult(roots=[types.Root.model_validate(r) for r in script.roots()])

    async with contextlib.AsyncExitStack() as stack:
        if url := script.target.get("url"):
            streams = await stack.enter_async_context(streamablehttp_client(url))
        else:
            command, *arguments = script.target["command"]
            parameters = StdioServerParameters(command=command, args=arguments, env=script.target["env"])
            streams = await stack.enter_async_context(stdio_client(parameters))
        session = await stack.enter_async_context(
            ClientSession(
                streams[0],
                streams[1],
                elicitation_callback=elicit,
                sampling_callback=sample,
                list_roots_callback=roots,
            )
        )
        hello = await session.initialize()
        await script.run(str(hello.protocolVersion), session.call_tool, session.get_prompt)
        script.done()


asyncio.run(main())
