# SPDX-License-Identifier: Apache-2.0
"""A session of the official Python SDK 2.x as a modern client, which answers what the server asks."""

import asyncio
from typing import Any

import mcp_types as types
from mcp import Client, StdioServerParameters

from script import Script

MODERN = "2026-07-28"


async def main() -> None:
    script = Script()

    async def elicit(context: Any, params: Any) -> Any:
        content = script.form(params.model_dump(by_alias=True)["requestedSchema"])
        return types.ElicitResult(action="accept", content=content)

    async def sample(context: Any, params: Any) -> Any:
        content = types.TextContent(type="text", text=script.sample())
        return types.CreateMessageResult(role="assistant", content=content, model="test-model")

    async def roots(context: Any) -> Any:
        return types.ListRootsResult(roots=[types.Root.model_validate(r) for r in script.roots()])

    target = script.target.get("url")
    if target is None:
        command, *arguments = script.target["command"]
        target = StdioServerParameters(command=command, args=arguments, env=script.target["env"])
    async with Client(
        target,
        mode=MODERN,
        cache=None,
        elicitation_callback=elicit,
        sampling_callback=sample,
        list_roots_callback=roots,
    ) as client:
        await script.run(str(client.session.protocol_version), client.call_tool, client.get_prompt)
        script.done()


asyncio.run(main())
