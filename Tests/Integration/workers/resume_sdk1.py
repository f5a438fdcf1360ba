# SPDX-License-Identifier: Apache-2.0
"""A client of the official Python SDK 1.x whose call goes on although its connection does not.

resume_sdk1.py leave URL SCRIPT: calls `play`, leaves after the first notification, prints a line, waits for a line, comes back
as a new client with the token that it kept, and prints the result. resume_sdk1.py stay URL SCRIPT: calls, prints a line after
the first notification, and the result, whatever happens to its connections.
"""

import json
import sys

import anyio
from mcp import ClientSession, types
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.message import ClientMessageMetadata


def say(**fact):
    print(json.dumps(fact), flush=True)


def request(script):
    params = types.CallToolRequestParams(name="play", arguments={"tag": "sdk", "script": script})
    return types.ClientRequest(types.CallToolRequest(method="tools/call", params=params))


class Caller:
    def __init__(self):
        self.tokens, self.notes, self.first = [], [], anyio.Event()

    async def token(self, token):
        self.tokens.append(token)

    async def message(self, message):
        if isinstance(message, types.ServerNotification) and isinstance(
            message.root, types.LoggingMessageNotification
        ):
            self.notes.append(message.root.params.data)
            self.first.set()

    async def call(self, session, script, token=None):
        return await session.send_request(
            request(script),
            types.CallToolResult,
            metadata=ClientMessageMetadata(resumption_token=token, on_resumption_token_update=self.token),
        )


async def stay(url, script):
    caller = Caller()
    async with streamablehttp_client(url) as (read, write, _):
        async with ClientSession(read, write, message_handler=caller.message) as session:
            await session.initialize()
            async with anyio.create_task_group() as group:

                async def tell():
                    await caller.first.wait()
                    say(notes=caller.notes)

                group.start_soon(tell)
                result = await caller.call(session, script)
            say(notes=caller.notes, tokens=caller.tokens, text=result.content[0].text)


async def leave(url, script):
    caller = Caller()
    async with streamablehttp_client(url, terminate_on_close=False) as (read, write, session_id):
        async with ClientSession(read, write, message_handler=caller.message) as session:
            version = (await session.initialize()).protocolVersion
            headers = {"mcp-session-id": session_id(), "mcp-protocol-version": str(version)}
            async with anyio.create_task_group() as group:
                group.start_soon(caller.call, session, script)
                await caller.first.wait()
                group.cancel_scope.cancel()
    say(notes=caller.notes, tokens=caller.tokens)
    await anyio.to_thread.run_sync(sys.stdin.readline)
    again = Caller()
    async with streamablehttp_client(url, headers=headers) as (read, write, _):
        async with ClientSession(read, write, message_handler=again.message) as session:
            result = await again.call(session, script, caller.tokens[-1])
            say(notes=again.notes, tokens=again.tokens, text=result.content[0].text)


anyio.run({"leave": leave, "stay": stay}[sys.argv[1]], sys.argv[2], json.loads(sys.argv[3]))
