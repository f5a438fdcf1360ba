# SPDX-License-Identifier: Apache-2.0
"""What the fixture servers offer and how it behaves, written without any SDK so that all of them share it."""

import asyncio
import base64
import json
import os
import socket

PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
    )
).decode()
SOUND = base64.b64encode(b"RIFF\x24\x00\x00\x00WAVEfmt ").decode()
BINARY = base64.b64encode(bytes(range(256))).decode()

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}


def tool(name, description, properties=None, required=(), **more):
    schema = {"type": "object", "properties": properties or {}}
    if required:
        schema["required"] = list(required)
    return {"name": name, "description": description, "inputSchema": schema, **more}


TOOLS = [
    tool("echo", "Answers with the same text", {"text": TEXT}, ["text"], annotations={"readOnlyHint": True}),
    tool(
        "add",
        "Adds two numbers",
        {"a": WHOLE, "b": WHOLE},
        ["a", "b"],
        outputSchema={"type": "object", "properties": {"sum": WHOLE}, "required": ["sum"]},
    ),
    tool("meta", "Shows the _meta that reached the server"),
    tool("slow", "Sleeps and can be cancelled", {"ms": WHOLE, "tag": TEXT}, ["ms"]),
    tool("progress", "Reports progress step by step", {"steps": WHOLE}, ["steps"]),
    tool("fail", "Fails in a way that a model can act on", {"message": TEXT}),
    tool("refuse", "Fails with a protocol error", {"code": WHOLE, "message": TEXT}, ["code"]),
    tool("media", "One block of every content type"),
    tool("big", "Answers with that many bytes of text", {"bytes": WHOLE}, ["bytes"]),
    tool(
        "change",
        "Changes a list and says so",
        {"kind": {"enum": ["tools", "prompts", "resources"]}},
        ["kind"],
    ),
    tool(
        "ask",
        "Asks the client for something",
        {"kind": {"enum": ["sampling", "elicitation", "url", "roots"]}},
        ["kind"],
    ),
    tool("whoami", "Names the server and its process"),
]
BATCH_TOOLS = [
    tool(
        "lookup_many",
        "Looks several items up",
        {"ids": {"type": "array", "items": WHOLE}, "lang": TEXT, "ms": WHOLE, "fail": TEXT},
        ["ids"],
    ),
    tool("lookup", "Looks one item up", {"id": WHOLE}, ["id"]),
]
RESOURCES = [
    {"uri": "test://static/text", "name": "text", "mimeType": "text/plain", "description": "A fixed text"},
    {"uri": "test://static/binary", "name": "binary", "mimeType": "application/octet-stream"},
]
TEMPLATES = [{"uriTemplate": "test://item/{id}", "name": "item", "mimeType": "text/plain"}]
PROMPTS = [
    {"name": "plain", "description": "A prompt without arguments"},
    {
        "name": "greet",
        "description": "A greeting",
        "arguments": [{"name": "name", "description": "Who is greeted", "required": True}, {"name": "style"}],
    },
]
STYLES = ["warm", "wry", "formal"]


class Refusal(Exception):
    """A protocol error that the server wants on the wire."""

    def __init__(self, code, message, data=None):
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


class Events:
    """One line per event to the test process, over a unix socket; nothing when no path is given."""

    def __init__(self, path):
        self.socket = None
        if path:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.connect(path)

    def emit(self, event, **fields):
        if self.socket:
            self.socket.sendall((json.dumps({"event": event, "pid": os.getpid(), **fields}) + "\n").encode())


def text(value):
    return {"type": "text", "text": value}


def vendor(meta):
    """The keys of a _meta that belong neither to the protocol nor to the transport."""
    return {k: v for k, v in meta.items() if "/" in k and not k.startswith("io.modelcontextprotocol/")}


class Catalogue:
    """The state of one fixture server. `label` tells several apart; `page` is the page size of lists."""

    def __init__(
        self, label="everything", page=0, events=None, extra_tools=0, prefix="test://", batches=False
    ):
        self.label, self.page, self.events = label, page, Events(events)
        self.tools = TOOLS + [tool(f"extra_{i}", "Padding") for i in range(extra_tools)]
        self.tools += BATCH_TOOLS if batches else []
        self.resources = [dict(r, uri=r["uri"].replace("test://", prefix)) for r in RESOURCES]
        self.templates = [dict(t, uriTemplate=t["uriTemplate"].replace("test://", prefix)) for t in TEMPLATES]
        self.prompts = list(PROMPTS)
        self.prefix, self.changes = prefix, 0
        self.events.emit("up", label=label)

    def listing(self, kind, cursor):
        """One page of tools, resources, templates or prompts: (entries, next cursor or None)."""
        entries = getattr(self, kind)
        if not self.page:
            return entries, None
        try:
            start = int(base64.b64decode(cursor or "MA==", validate=True))
        except ValueError:
            raise Refusal(-32602, f"Invalid cursor: {cursor}") from None
        end = start + self.page
        following = base64.b64encode(str(end).encode()).decode() if end < len(entries) else None
        return entries[start:end], following

    async def call(self, name, arguments, peer):
        """A tools/call. `peer` offers meta (dict), progress(), changed(kind) and ask(kind)."""
        known = {t["name"] for t in self.tools}
        if name not in known:
            raise Refusal(-32602, f"Unknown tool: {name}")
        handler = getattr(self, "tool_" + name, None)
        if handler is None:
            return {"content": [text(name)]}
        return await handler(arguments or {}, peer)

    async def tool_echo(self, a, peer):
        result = {"content": [text(a["text"])]}
        seen = vendor(peer.meta)
        return {**result, "_meta": seen} if seen else result

    async def tool_add(self, a, peer):
        total = a["a"] + a["b"]
        return {"content": [text(json.dumps({"sum": total}))], "structuredContent": {"sum": total}}

    async def tool_meta(self, a, peer):
        return {
            "content": [text(json.dumps(peer.meta))],
            "_meta": {"com.example/answer": {"deep": [1, 2.50, None]}},
        }

    async def tool_slow(self, a, peer):
        tag = a.get("tag", "")
        self.events.emit("started", tag=tag)
        try:
            await asyncio.sleep(a["ms"] / 1000)
        except asyncio.CancelledError:
            self.events.emit("cancelled", tag=tag)
            raise
        self.events.emit("finished", tag=tag)
        return {"content": [text("slept")]}

    async def tool_progress(self, a, peer):
        for step in range(1, a["steps"] + 1):
            await peer.progress(step, a["steps"], f"step {step}")
        return {"content": [text(f"{a['steps']} steps")]}

    async def tool_fail(self, a, peer):
        return {"content": [text(a.get("message", "it failed"))], "isError": True}

    async def tool_refuse(self, a, peer):
        raise Refusal(a["code"], a.get("message", "refused"), {"why": "asked for"})

    async def tool_media(self, a, peer):
        uri = self.prefix + "static/text"
        return {
            "content": [
                text("words"),
                {"type": "image", "data": PIXEL, "mimeType": "image/png"},
                {"type": "audio", "data": SOUND, "mimeType": "audio/wav"},
                {"type": "resource_link", "uri": uri, "name": "text", "mimeType": "text/plain"},
                {"type": "resource", "resource": {"uri": uri, "mimeType": "text/plain", "text": "embedded"}},
            ]
        }

    async def tool_big(self, a, peer):
        return {"content": [text("x" * a["bytes"])]}

    async def tool_change(self, a, peer):
        self.changes += 1
        n, kind = self.changes, a["kind"]
        if kind == "tools":
            self.tools = self.tools + [tool(f"new_{n}", "Appeared later")]
        elif kind == "prompts":
            self.prompts = self.prompts + [{"name": f"new_{n}"}]
        else:
            self.resources = self.resources + [{"uri": f"{self.prefix}new/{n}", "name": f"new {n}"}]
        await peer.changed(kind)
        return {"content": [text(f"new_{n}")]}

    async def tool_ask(self, a, peer):
        return await peer.ask(a["kind"])

    async def tool_lookup_many(self, a, peer):
        """Backwards, and without the negative ones; `ms` sleeps, `fail` fails."""
        self.events.emit("batch", ids=a["ids"], label=self.label, lang=a.get("lang"))
        if "fail" in a:
            return {"content": [text(a["fail"])], "isError": True}
        try:
            await asyncio.sleep(a.get("ms", 0) / 1000)
        except asyncio.CancelledError:
            self.events.emit("batch cancelled", ids=a["ids"])
            raise
        found = [{"id": i, "name": f"{a.get('lang', 'en')} {i}"} for i in reversed(a["ids"]) if i >= 0]
        return {"content": [text(json.dumps({"found": found}))], "structuredContent": {"found": found}}

    async def tool_lookup(self, a, peer):
        self.events.emit("single", id=a["id"])
        return {"content": [text(f"only {a['id']}")]}

    async def tool_whoami(self, a, peer):
        return {"content": [text(json.dumps({"label": self.label, "pid": os.getpid()}))]}

    def read(self, uri, missing_code):
        """The contents of one resource; `missing_code` is the era's code for an unknown one."""
        if uri == self.prefix + "static/text":
            return [{"uri": uri, "mimeType": "text/plain", "text": f"text of {self.label}"}]
        if uri == self.prefix + "static/binary":
            return [{"uri": uri, "mimeType": "application/octet-stream", "blob": BINARY}]
        stem = self.prefix + "item/"
        if uri.startswith(stem) and uri != stem:
            return [{"uri": uri, "mimeType": "text/plain", "text": "item " + uri[len(stem) :]}]
        raise Refusal(missing_code, f"Resource not found: {uri}", {"uri": uri})

    def prompt(self, name, arguments):
        arguments = arguments or {}
        if name == "plain":
            return {"messages": [{"role": "user", "content": text("plain words")}]}
        if name == "greet":
            if "name" not in arguments:
                raise Refusal(-32602, "Missing required argument: name")
            said = f"Greet {arguments['name']} in a {arguments.get('style', 'warm')} way"
            embedded = {"uri": self.prefix + "static/text", "mimeType": "text/plain", "text": "embedded"}
            return {
                "description": "A greeting",
                "messages": [
                    {"role": "user", "content": text(said)},
                    {
                        "role": "assistant",
                        "content": {"type": "image", "data": PIXEL, "mimeType": "image/png"},
                    },
                    {"role": "user", "content": {"type": "resource", "resource": embedded}},
                ],
            }
        if name.startswith("new_"):
            return {"messages": [{"role": "user", "content": text(name)}]}
        raise Refusal(-32602, f"Unknown prompt: {name}")

    def complete(self, ref, argument):
        """Completion values: styles of the prompt `greet`, or ids of the item template."""
        if ref.get("type") == "ref/prompt" and ref.get("name") == "greet" and argument["name"] == "style":
            values = [s for s in STYLES if s.startswith(argument["value"])]
        elif ref.get("type") == "ref/resource" and argument["name"] == "id":
            values = [argument["value"] + d for d in "012"]
        else:
            values = []
        return {"completion": {"values": values, "total": len(values), "hasMore": False}}


def arguments_parser(description):
    """The switches that all fixture servers share."""
    import argparse

    p = argparse.ArgumentParser(description=description)
    p.add_argument("--stdio", action="store_true", help="serve on stdin and stdout instead of HTTP")
    p.add_argument("--port", type=int, default=0, help="HTTP port; 0 picks one, printed on stdout")
    p.add_argument("--label", default="everything")
    p.add_argument("--page", type=int, default=0, help="entries on a page of a list; 0 is all")
    p.add_argument("--extra-tools", type=int, default=0)
    p.add_argument("--batches", action="store_true", help="also tools that look up several items")
    p.add_argument("--prefix", default="test://", help="what the resource URIs begin with")
    p.add_argument("--events", help="unix socket that hears what happens")
    p.add_argument("--stateless", action="store_true", help="HTTP without sessions")
    p.add_argument("--json", action="store_true", help="answer with JSON instead of SSE")
    return p


def catalogue_of(options):
    return Catalogue(
        options.label, options.page, options.events, options.extra_tools, options.prefix, options.batches
    )


def serve_http(app, port):
    """Runs an ASGI application on a loopback port and prints `port N` when it accepts."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets=sockets)
            print("port", self.servers[0].sockets[0].getsockname()[1], flush=True)

    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1
    )
    Server(config).run()
