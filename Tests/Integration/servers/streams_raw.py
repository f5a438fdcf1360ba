# SPDX-License-Identifier: Apache-2.0
"""A hand-written handshake-era server whose event streams break, or break the rules. Prints `port N`.

--mode torn      Streamable HTTP with sessions and event ids: calls are cut off in the middle of an event, and
                 the first try to take them up again finds no answer
--mode sse       HTTP+SSE, behaving
--mode foreign   HTTP+SSE, with an endpoint on another port
--mode split     HTTP+SSE, with a line break and a header in the endpoint
--mode endless   HTTP+SSE, whose first event never ends
--mode mute      HTTP+SSE, which never names an endpoint
"""

import asyncio
import json

from catalogue import Events, arguments_parser, tool

TOOLS = [
    tool("echo", "Answers with the same text", {"text": {"type": "string"}}),
    tool("big", "Answers with that many bytes", {"bytes": {"type": "integer"}}),
    tool("runs", "How many calls of echo began"),
]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"


def event(data, number=None, name=None):
    lines = ([f"event: {name}"] if name else []) + ([f"id: {number}"] if number is not None else [])
    return "\n".join(lines + [f"data: {data}", "", ""]).encode()


class Server:
    def __init__(self, mode, events):
        self.mode, self.events = mode, events
        self.runs, self.gets, self.stream, self.kept = 0, 0, None, []

    def answer(self, message):
        """The result of a request; None for a notification."""
        method, params = message["method"], message.get("params", {})
        if "id" not in message:
            return None
        head = {"jsonrpc": "2.0", "id": message["id"]}
        if method == "initialize":
            version = "2024-11-05" if self.mode != "torn" else "2025-11-25"
            info = {"name": self.mode, "version": "1"}
            result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
            return {**head, "result": result}
        if method == "tools/list":
            return {**head, "result": {"tools": TOOLS}}
        if method == "ping":
            return {**head, "result": {}}
        if method != "tools/call":
            return {**head, "error": {"code": -32601, "message": f"no method {method}"}}
        words = params.get("arguments", {})
        text = {
            "echo": lambda: words["text"],
            "big": lambda: "x" * words["bytes"],
            "runs": lambda: str(self.runs),
        }[params["name"]]()
        return {**head, "result": {"content": [{"type": "text", "text": text}]}}

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, path, _ = head[0].split(" ")
                fields = [line.partition(":") for line in head[1:] if line]
                headers = {name.lower(): value.strip() for name, _, value in fields}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.events.emit("request", method=method, path=path, headers=headers)
                take = self.do_torn if self.mode == "torn" else self.do_sse
                await take(method, headers, body, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def short(self, writer, status, body=b"", more=b""):
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), more) + body)

    def chunk(self, writer, data):
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))

    async def do_torn(self, method, headers, body, writer):
        if method == "GET":
            after = headers.get("last-event-id")
            if after is None:
                return self.short(writer, 405)
            self.gets += 1
            if self.gets == 1:
                raise ConnectionResetError
            writer.write(HEAD + b"\r\n")
            for number, data in enumerate(self.kept, 1):
                if number > int(after):
                    self.chunk(writer, event(data, number))
            return writer.write(b"0\r\n\r\n")
        if method == "DELETE":
            return self.short(writer, 200)
        message = json.loads(body)
        answer = self.answer(message) if "method" in message else None
        if answer is None:
            return self.short(writer, 202)
        if message.get("params", {}).get("name") != "echo":
            more = b"Content-Type: application/json\r\nMcp-Session-Id: torn-1\r\n"
            return self.short(writer, 200, json.dumps(answer).encode(), more)
        self.runs += 1
        token = message["params"].get("_meta", {}).get("progressToken")
        progress = {"progressToken": token, "progress": 1}
        self.kept = [json.dumps(answer)]
        if token is not None:
            note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": progress}
            self.kept.insert(0, json.dumps(note))
        self.kept.insert(0, "")
        writer.write(HEAD + b"\r\n")
        for number, data in enumerate(self.kept[:-1], 1):
            self.chunk(writer, event(data, number))
        # The answer itself, but for its end.
        self.chunk(writer, event(self.kept[-1], len(self.kept))[:-2])
        await writer.drain()
        raise ConnectionResetError

    async def do_sse(self, method, headers, body, writer):
        if method == "POST":
            message = json.loads(body)
            answer = self.answer(message) if "method" in message else None
            self.short(writer, 202, b"Accepted")
            if answer is not None and self.stream is not None:
                self.chunk(self.stream, event(json.dumps(answer), name="message"))
            return
        writer.write(HEAD + b"\r\n")
        where = {"foreign": "http://127.0.0.1:1/messages", "split": "/messages\ndata: X-Injected: 1"}
        if self.mode == "endless":
            self.chunk(writer, b"event: endpoint\ndata: /")
            while True:
                self.chunk(writer, b"x" * 65536)
                await writer.drain()
        if self.mode != "mute":
            self.chunk(writer, event(where.get(self.mode, "messages?session=1"), name="endpoint"))
            self.stream = writer


async def main():
    parser = arguments_parser(__doc__)
    parser.add_argument("--mode", required=True)
    options = parser.parse_args()
    server = Server(options.mode, Events(options.events))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", options.port, limit=1 << 20)
    print("port", listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


asyncio.run(main())
