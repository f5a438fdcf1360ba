# SPDX-License-Identifier: Apache-2.0
# Parked calls: a legacy server that asks a form in every call, and a modern client that takes its time.
"""What a parked call weighs."""

import asyncio
import http.client
import json
import resource
import threading
import urllib.parse

from .peers import META, wait_tool
from .processes import Failure, resident_kib

TOOL, WARM = "ask", 50
CAPABILITIES = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}}}
FORM = {
    "message": "Which colour should it be?",
    "requestedSchema": {
        "type": "object",
        "properties": {"colour": {"type": "string", "description": "The name of a colour"}},
        "required": ["colour"],
    },
}


class AskingServer:
    """A 2025-11-25 server over HTTP on a thread of its own. Its tool asks a form and returns the answer."""

    def __init__(self):
        self.questions, self.executed, self.port = {}, 0, None
        self.loop = self.stopping = None
        started = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run(started)), daemon=True)
        self.thread.start()
        if not started.wait(10) or not self.port:
            raise Failure("the asking server cannot listen")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/mcp"

    def stop(self):
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join(10)

    async def _run(self, started):
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            listener = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
            self.port = listener.sockets[0].getsockname()[1]
        finally:
            started.set()
        await self.stopping.wait()
        listener.close()

    async def _serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                if lines[0].startswith("POST "):
                    await self._take(json.loads(body), writer)
                else:
                    write(writer, "200 OK" if lines[0].startswith("DELETE ") else "405 Method Not Allowed")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _take(self, message, writer):
        method, number = message.get("method"), message.get("id")
        if not method:  # the answer to a question
            self.questions.pop(number).set_result(message)
            write(writer, "202 Accepted")
        elif number is None:
            write(writer, "202 Accepted")
        elif method == "server/discover":
            text = "Bad Request: initialize first"
            write(writer, "400 Bad Request", {"id": number, "error": {"code": -32600, "message": text}})
        elif method == "tools/call":
            await self._ask(message, writer)
        else:
            write(writer, "200 OK", {"id": number, "result": self._result(method)})

    @staticmethod
    def _result(method):
        if method == "initialize":
            about = {"name": "asking", "version": "1.0"}
            return {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": about}
        tool = {"name": TOOL, "description": "Asks a form.", "inputSchema": {"type": "object"}}
        return {"tools": [tool]} if method == "tools/list" else {}

    async def _ask(self, message, writer):
        """A call's event stream: the question, and when that is answered the result."""
        self.executed += 1
        number = f"q{self.executed}"
        answer = self.questions[number] = self.loop.create_future()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        write_event(writer, {"id": number, "method": "elicitation/create", "params": FORM})
        entered = json.dumps((await answer).get("result"))
        content = [{"type": "text", "text": entered}]
        write_event(writer, {"id": message["id"], "result": {"content": content}})
        writer.write(b"0\r\n\r\n")


def write(writer, status, message=None):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode() if message else b""
    kind = "Content-Type: application/json\r\n" if message else ""
    writer.write(f"HTTP/1.1 {status}\r\n{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def write_event(writer, message):
    event = b"event: message\ndata: " + json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n\n"
    writer.write(b"%x\r\n%b\r\n" % (len(event), event))


class PatientClient:
    """A 2026-07-28 client that answers forms. One connection, one request at a time."""

    def __init__(self, url, tool):
        self.at, self.tool = urllib.parse.urlsplit(url), tool
        self.connection = http.client.HTTPConnection(self.at.hostname, self.at.port, timeout=30)
        self.number = 0

    def call(self, mark, **more):
        """The result of a call, or of its retry; `mark` goes with both."""
        self.number += 1
        params = {"name": self.tool, "arguments": {"mark": mark}, "_meta": {**META, **CAPABILITIES}, **more}
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": META["io.modelcontextprotocol/protocolVersion"],
            "Mcp-Method": "tools/call",
            "Mcp-Name": self.tool,
        }
        body = {"jsonrpc": "2.0", "id": self.number, "method": "tools/call", "params": params}
        self.connection.request("POST", self.at.path, json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.getheader("Content-Type", "").startswith("text/event-stream"):
            text = [line[5:] for line in text.splitlines() if line.startswith("data:")][-1]
        message = json.loads(text)
        if message.get("id") != self.number or "result" not in message:
            raise Failure(f"call {self.number} got status {answer.status}: {text[:200]}")
        return message["result"]

    def park(self, mark):
        result = self.call(mark)
        if result.get("resultType") != "input_required" or len(result.get("inputRequests", {})) != 1:
            raise Failure(f"the call was not parked: {json.dumps(result)[:200]}")
        return result

    def finish(self, mark, parked):
        """Answers what was asked; the server must have got this very answer."""
        entered = {"action": "accept", "content": {"colour": mark}}
        answers = {key: entered for key in parked["inputRequests"]}
        result = self.call(mark, requestState=parked["requestState"], inputResponses=answers)
        if result.get("resultType") != "complete" or json.loads(result["content"][0]["text"]) != entered:
            raise Failure(f"a parked call ended in {json.dumps(result)[:200]}")

    def close(self):
        self.connection.close()


def allow_files(count):
    """Both this process and the gateway that it starts need a descriptor for each parked call."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def parked_kib(start, calls, turns=2):
    """Resident KiB of one parked call: the most that any of the turns found.

    `start(servers, limits)` starts the gateway. The calls are parked on warm buffers, each with a connection
    to the server; at the end of a turn all are answered, and the server must have executed each just once."""
    allow_files(2 * calls + 1000)
    limits = {"parked_calls": calls + WARM, "calls_per_client": 4 * calls, "calls_per_server": 4 * calls}
    server, gateway, client = AskingServer(), None, None
    try:
        gateway = start({"b0": {"url": server.url, "max_connections": calls + WARM}}, limits)
        if not gateway:
            return None
        wait_tool(gateway, gateway.tool(TOOL))
        client = PatientClient(gateway.url, gateway.tool(TOOL))
        for turn in range(WARM):
            client.finish(f"warm {turn}", client.park(f"warm {turn}"))
        before, found = resident_kib(gateway.process.pid), []
        for turn in range(turns):
            parked = {mark: client.park(mark) for mark in (f"{turn}-{n}" for n in range(calls))}
            if len(server.questions) != calls:
                raise Failure(f"{len(server.questions)} questions are open, not {calls}")
            found.append((resident_kib(gateway.process.pid) - before) / calls)
            for mark, result in parked.items():
                client.finish(mark, result)
        if server.executed != WARM + turns * calls:
            raise Failure(f"{server.executed} executions of {WARM + turns * calls} calls")
        return max(found)
    finally:
        if client:
            client.close()
        if gateway:
            gateway.stop()
        server.stop()
