# SPDX-License-Identifier: Apache-2.0
"""A server written by hand that asks its client whatever a test scripts, in either era, over HTTP or stdio.

Its tool `play {tag, script}` runs the script, a list of steps (see dialogue_steps.py); `echo` does not ask.
Over HTTP a test can also step in: POST /release/TAG ends a step `wait`, POST /say {session, message} writes
to a GET stream, POST /forget drops all sessions, POST /mark is reported as an event.
"""

import argparse
import asyncio
import functools
import json
import sys
import uuid

from catalogue import Events
from dialogue_steps import PlayLegacy, PlayModern, listing, shaped
from inbound import serve

MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"
HEAD = "HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n"


class Conversation:
    """What a session (HTTP) or the process (stdio) remembers."""

    def __init__(self, name):
        self.name, self.waiting, self.running = name, {}, {}
        self.stream, self.streaming = None, asyncio.Event()
        self.version, self.gone = None, False


class PipeWay:
    """The way back on stdio."""

    async def send(self, message, status=200, session=None):
        sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
        sys.stdout.buffer.flush()

    note = send

    async def accepted(self):
        pass

    async def close(self):
        pass


class PostWay:
    """The way back of one POST: JSON, or a stream once something comes before the answer."""

    def __init__(self, writer):
        self.writer, self.keep, self.streams, self.over = writer, True, False, False

    async def write(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def note(self, message):
        if not self.streams:
            self.streams, self.keep = True, False
            await self.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
            )
        await self.write(b"data: " + json.dumps(message).encode() + b"\n\n")

    async def send(self, message, status=200, session=None):
        self.over = True
        if self.streams:
            return await self.note(message)
        body = json.dumps(message).encode()
        extra = f"Mcp-Session-Id: {session}\r\n" if session else ""
        await self.write(HEAD.format(status, "application/json", len(body), extra).encode() + body)

    async def accepted(self, status=202):
        self.over = True
        await self.write(HEAD.format(status, "text/plain", 0, "").encode())

    async def close(self):
        """Ends the exchange without an answer."""
        if not self.over:
            self.keep = False


class DialogueServer:
    """The protocol, without transport."""

    def __init__(self, options):
        self.o, self.events = options, Events(options.events)
        self.sessions, self.released, self.executions = {}, {}, 0
        self.calls, self.turns = {}, {}
        self.pipe = Conversation(None)
        self.emit("up")

    def emit(self, event, **fields):
        self.events.emit(event, label=self.o.label, **fields)

    def gate(self, tag):
        return self.released.setdefault(tag, asyncio.Event())

    def result(self, message, body, listed=False):
        if self.o.era == "modern":
            body = {
                "resultType": "complete",
                **body,
                **({"ttlMs": 0, "cacheScope": "private"} if listed else {}),
            }
            body.setdefault("_meta", {})[META + "serverInfo"] = {"name": self.o.label, "version": "0"}
        return {"jsonrpc": "2.0", "id": message["id"], "result": body}

    async def handle(self, message, conversation, way):
        """One message of the client."""
        method, number = message.get("method"), message.get("id")
        self.emit("message", method=method, message=message, session=conversation.name)
        if method is None:
            found = conversation.waiting.pop(json.dumps(number), None)
            self.emit("reply", id=number, message=message)
            self.emit("answered", message=message, session=conversation.name, stray=found is None)
            await way.accepted()
            if found and not found.done():
                found.set_result({k: message[k] for k in ("result", "error") if k in message})
            return
        if number is None:
            if method == "notifications/cancelled":
                task = conversation.running.get(json.dumps(message["params"]["requestId"]))
                if task:
                    task.cancel()
            return await way.accepted()
        if method in ("tools/call", "prompts/get", "resources/read"):
            task = asyncio.ensure_future(self.play(message, conversation, way))
            conversation.running[json.dumps(number)] = task
            await asyncio.wait([task])
            conversation.running.pop(json.dumps(number), None)
            if not task.cancelled():
                task.result()
            return await way.close()
        if method == "initialize":
            return await self.initialize(message, conversation, way)
        body = {"ping": {}, "logging/setLevel": {}}.get(method) if self.o.era == "legacy" else None
        if body is None and (listed := listing(method, self.o.era)) is not None:
            return await way.send(self.result(message, listed, listed=True))
        if body is None:
            error = {"code": -32601, "message": f"Method not found: {method}"}
            status = 404 if self.o.era == "modern" else 200
            return await way.send({"jsonrpc": "2.0", "id": number, "error": error}, status)
        await way.send(self.result(message, body))

    async def initialize(self, message, conversation, way):
        asked = message["params"]["protocolVersion"]
        version = min(asked, self.o.version)
        if conversation is not self.pipe:
            conversation = Conversation(uuid.uuid4().hex)
            self.sessions[conversation.name] = conversation
        conversation.version = version
        self.emit("opened", session=conversation.name, params=message["params"], version=version)
        capabilities = {"tools": {}, "prompts": {}, "resources": {}, "logging": {}}
        body = {
            "protocolVersion": version,
            "capabilities": capabilities,
            "serverInfo": {"name": self.o.label, "version": "0"},
        }
        await way.send(self.result(message, body), session=conversation.name)

    async def play(self, message, conversation, way):
        kind = PlayModern if self.o.era == "modern" else PlayLegacy
        try:
            play = kind(self, message, conversation, way)
            self.executions += 1
            turn = self.turns[play.tag] = self.turns.get(play.tag, 0) + 1
            self.emit("executed", tag=play.tag, turn=turn, session=conversation.name)
            answer = await play.run()
        except asyncio.CancelledError:
            self.emit("cancelled", tag=play.tag, session=conversation.name)
            raise
        if "error" in answer or "result" in answer:
            await way.send({"jsonrpc": "2.0", "id": message["id"], **answer})
        else:
            await way.send(self.result(message, shaped(message, answer["text"])))
        self.emit("finished", tag=play.tag)
        await play.afterwards()


async def serve_stdio(server):
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks = set()
    while line := await reader.readline():
        task = loop.create_task(server.handle(json.loads(line), server.pipe, PipeWay()))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    server.emit("gone")


async def control(server, path, body, way):
    """A test steps in."""
    if path.startswith("/release/"):
        server.gate(path.rpartition("/")[2]).set()
    elif path == "/say":
        wanted = json.loads(body)
        conversation = server.sessions[wanted["session"]]
        await asyncio.wait_for(conversation.streaming.wait(), 10)
        conversation.stream.write(b"data: " + json.dumps(wanted["message"]).encode() + b"\n\n")
    elif path == "/forget":
        server.sessions.clear()
    elif path == "/mark":
        server.emit("mark", number=json.loads(body)["number"])
    await way.accepted()


async def http_request(server, inbound, writer):
    """Serves one request; false when the connection is to be closed."""
    verb, path, headers, body = await inbound.request()
    way = PostWay(writer)
    if path != "/mcp":
        await control(server, path, body, way)
        return True
    message = json.loads(body) if verb == "POST" else {}
    conversation = (
        server.pipe if server.o.era == "modern" else server.sessions.get(headers.get("mcp-session-id"))
    )
    if message.get("method") == "initialize" and server.o.era == "legacy":
        conversation = Conversation("")
    if message.get("method") == "server/discover" and server.o.era == "legacy":
        error = {"code": -32601, "message": "Method not found"}
        await way.send({"jsonrpc": "2.0", "id": message["id"], "error": error}, 400)
        return True
    if conversation is None:
        server.emit("unknown session", verb=verb, method=message.get("method"))
        error = {"code": -32600, "message": "Session not found"}
        await way.send({"jsonrpc": "2.0", "id": message.get("id"), "error": error}, 404)
        return True
    if verb == "DELETE":
        server.sessions.pop(conversation.name, None)
        server.emit("ended", session=conversation.name)
        await way.accepted(200)
        return True
    if verb == "GET":
        if server.o.era == "modern":
            await way.accepted(405)
            return True
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        conversation.stream = writer
        conversation.streaming.set()
        server.emit("stream", session=conversation.name)
        await inbound.end()
        return False
    work = asyncio.ensure_future(server.handle(message, conversation, way))
    if not await inbound.outlives(work) and not work.done():
        server.emit("disconnected", method=message.get("method"), session=conversation.name)
        if server.o.era == "modern" and (task := conversation.running.get(json.dumps(message.get("id")))):
            task.cancel()
        return False
    work.result()
    return way.keep


async def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--stdio", action="store_true")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--label", default="dialogue")
    p.add_argument("--era", choices=["modern", "legacy"], default="legacy")
    p.add_argument("--version", default="2025-11-25", help="newest revision of the handshake era")
    p.add_argument("--events")
    server = DialogueServer(p.parse_args())
    if server.o.stdio:
        return await serve_stdio(server)
    await serve(functools.partial(http_request, server), server.o.port, limit=1 << 26, backlog=2048)


if __name__ == "__main__":
    asyncio.run(main())
