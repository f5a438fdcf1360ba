# SPDX-License-Identifier: Apache-2.0
"""One fixture server's state and behaviour apart from any wire: lists, tools, conversations."""

import argparse
import asyncio
import json
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from conversations import ASKING, ASKING_TOOLS, Step, ask_context, require, sealed, unsealed
from fixtures import (
    CONTENT,
    PLAIN_TOOLS,
    PROMPTS,
    RESOURCES,
    TEMPLATES,
    Ask,
    Json,
    Refusal,
    Turn,
    prompt,
    said,
    text,
    tool,
)

MODERN, LEGACY = "2026-07-28", "2025-11-25"
META = "io.modelcontextprotocol/"
ROUNDS = 5
LOG = ["Tool execution started", "Tool processing data", "Tool execution completed"]
LISTS = {
    "tools/list": "tools",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
    "prompts/list": "prompts",
}
INTERACTIVE = ("tools/call", "prompts/get", "resources/read")


class Peer(Protocol):
    """The way to the client while a request is being worked on."""

    async def progress(self, done: float, total: float) -> None: ...
    async def log(self, level: str, words: str) -> None: ...
    async def changed(self, kind: str) -> None: ...
    async def updated(self, uri: str) -> None: ...


class Events:
    """One JSON line per event to the test process over a unix socket; nothing without a path."""

    def __init__(self, path: str | None) -> None:
        self.socket = None
        if path:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.connect(path)

    def emit(self, event: str, **fields: Any) -> None:
        if self.socket:
            line = json.dumps({"event": event, "pid": os.getpid(), **fields}) + "\n"
            self.socket.sendall(line.encode())


class Refused(Exception):
    """The client answered a question with a JSON-RPC error."""


class Service:
    """One fixture server. `more` adds tools of its own, as the hand-written servers do."""

    def __init__(self, name: str, events: Events, more: list[Json] | None = None) -> None:
        self.name, self.events, self.changes = name, events, 0
        self.lists: dict[str, list[Json]] = {
            "tools": PLAIN_TOOLS + ASKING_TOOLS + (more or []),
            "resources": RESOURCES,
            "resourceTemplates": TEMPLATES,
            "prompts": PROMPTS,
        }

    def step(self, method: str, params: Json) -> Step | None:
        """The conversation that a request starts, if it is one that asks."""
        if method == "tools/call":
            return ASKING.get(params["name"])
        if method == "prompts/get" and params["name"] == "test_input_required_result_prompt":
            return ask_context
        return None

    async def call(self, name: str, arguments: Json, peer: Peer) -> Json:
        """A tool that asks nothing."""
        if name in CONTENT:
            return {"content": CONTENT[name]}
        if name == "test_error_handling":
            words = "This tool intentionally returns an error for testing"
            return {"content": [text(words)], "isError": True}
        if name == "test_tool_with_progress":
            for done in (0, 50, 100):
                await peer.progress(done, 100)
            return said("Progress was reported")
        if name in ("test_tool_with_logging", "test_logging_tool"):
            for words in LOG if name == "test_tool_with_logging" else LOG[:1]:
                await peer.log("info", words)
            return said("The log was written")
        if name == "test_trigger_resource_update":
            await peer.updated(arguments["uri"])
            return said("updated")
        if name in ("test_trigger_tool_change", "test_trigger_prompt_change"):
            return await self.change("tools" if "tool" in name[13:] else "prompts", peer)
        if name == "add_numbers":
            return said(f"{arguments['a']} + {arguments['b']} = {arguments['a'] + arguments['b']}")
        if name.startswith("new_tool_"):
            return said(name)
        raise Refusal(-32602, f"Unknown tool: {name}")

    async def change(self, kind: str, peer: Peer) -> Json:
        self.changes += 1
        if kind == "tools":
            added = tool(f"new_tool_{self.changes}", "Appeared later")
        else:
            added = {"name": f"new_prompt_{self.changes}", "description": "Appeared later"}
        self.lists[kind] = [*self.lists[kind], added]
        await peer.changed(kind)
        return said(added["name"])

    def modern(self, method: str, params: Json, capabilities: Json) -> Json:
        """One round of a conversation on a modern wire: a complete result or an `input_required` one."""
        step, name = self.step(method, params), params["name"]
        assert step is not None
        answers = params.get("inputResponses")
        state = unsealed(name, params.get("requestState"))
        answers = answers if isinstance(answers, dict) else {}
        found = step(Turn(params.get("arguments") or {}, capabilities, answers, state))
        if not isinstance(found, Ask):
            return {"resultType": "complete", **found}
        require(found, capabilities)
        requests = {key: {"method": m, "params": p} for key, (m, p) in found.requests.items()}
        result: Json = {"resultType": "input_required", "inputRequests": requests}
        seal = sealed(name, found.state)
        return {**result, "requestState": seal} if seal else result

    async def legacy(
        self, method: str, params: Json, capabilities: Json, ask: Callable[[str, Json], Awaitable[Json]]
    ) -> Json:
        """A whole conversation on a legacy wire; `ask` sends one request to the client."""
        step, turn = self.step(method, params), Turn(params.get("arguments") or {}, capabilities)
        assert step is not None
        for _ in range(ROUNDS):
            found = step(turn)
            if not isinstance(found, Ask):
                return found
            try:
                answers = await asyncio.gather(*(ask(m, p) for m, p in found.requests.values()))
            except Refused as e:
                if params["name"] == "test_missing_capability":
                    raise Refusal(-32603, f"This cannot be done without an answer: {e}") from None
                return {**said(f"The client refused: {e}"), "isError": True}
            turn.answers, turn.state = dict(zip(found.requests, answers, strict=True)), found.state
        raise Refusal(-32603, f"No usable answer in {ROUNDS} rounds")

    def prompt(self, params: Json) -> Json:
        return prompt(params["name"], params.get("arguments") or {})


def options(description: str | None) -> argparse.Namespace:
    """The switches that all fixture servers share."""
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--stdio", action="store_true", help="serve on stdin and stdout instead of HTTP")
    p.add_argument("--label", default="fixture")
    p.add_argument("--events", help="unix socket that hears what happens")
    p.add_argument("--canary", default="http://127.0.0.1:9/never", help="where a schema's $ref points")
    return p.parse_args()


def serve_http(app: Any) -> None:
    """Runs an ASGI application on a port that the system chooses and prints `port N` when it accepts."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets=sockets)
            print("port", self.servers[0].sockets[0].getsockname()[1], flush=True)

    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=1)
    Server(config).run()


def on_stdin() -> Awaitable[asyncio.StreamReader]:
    """A reader of this process's standard input."""

    async def opened() -> asyncio.StreamReader:
        reader = asyncio.StreamReader(limit=1 << 24)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        return reader

    return opened()
