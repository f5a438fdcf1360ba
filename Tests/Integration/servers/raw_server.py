# SPDX-License-Identifier: Apache-2.0
"""An MCP server written by hand that can misbehave in every way a test asks for, over HTTP or stdio.

Its tools: `echo` behaves; `fault {kind, …}` does what its kind says. Switches decide the era.
"""

import argparse
import asyncio
import base64
import functools
import json
import sys
import uuid

import inbound
from catalogue import Events
from raw_faults import Faults, text_result
from raw_wires import HttpOut, StdioOut, answered

MODERN = "2026-07-28"
LEGACY = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
META = "io.modelcontextprotocol/"
CURSORS = ["", 'två/+=&?#"\\ %20', "3"]
REGIONAL = [
    {
        "name": name,
        "inputSchema": {"type": "object", "properties": {"region": {"type": kind, "x-mcp-header": header}}},
    }
    for name, kind, header in [
        ("regional", "string", "Region"),
        ("bad_type", "number", "Region"),
        ("bad_token", "string", "a b"),
        ("bad_empty", "string", ""),
    ]
]
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


def decoded(value):
    """The text behind a header value that may be in the sentinel form."""
    if value and value.startswith("=?base64?") and value.endswith("?="):
        return base64.b64decode(value[9:-2]).decode()
    return value


class RawServer(Faults):
    """Protocol behaviour without transport. `out` is the way back for one message (HttpOut or StdioOut)."""

    def __init__(self, options):
        self.o = options
        self.events = Events(options.events)
        self.lists_to_fail, self.expire = options.fail_lists, options.expire_once
        self.sessions, self.shown = set(), {}
        self.events.emit("up", label=options.label)

    def accepts(self, shown, message):
        """Each token is good for so many requests."""
        if self.o.open_lists and message.get("method") != "tools/call":
            return True
        scheme, _, token = shown.partition(" ")
        self.shown[token] = self.shown.get(token, 0) + 1
        return scheme == "Bearer" and token and self.shown[token] <= self.o.demand

    def lacks(self, shown, message):
        """The scopes that a token lacks; tokens of the rig's authorization server say what they have."""
        if self.o.step_up is None or message.get("method") != "tools/call":
            return None
        granted = shown.rpartition("~")[2].split("+") if "~" in shown else []
        wanted = self.o.step_up.replace("NEW", f"more{len(granted)}").split()
        return None if set(wanted) <= set(granted) else " ".join(wanted)

    def metadata(self, headers):
        """What RFC 9728 has a server say of itself."""
        return {
            "resource": self.o.resource or f"http://{headers['host']}/mcp",
            "authorization_servers": [self.issuer()],
            **({"scopes_supported": self.o.scopes.split()} if self.o.scopes else {}),
        }

    def own_metadata(self, headers):
        """Those of an authorization server, as revision 2025-03-26 has them at the server's own origin."""
        url = self.o.own_issuer
        endpoints = {"token_endpoint": f"{url}/token", "authorization_endpoint": f"{url}/authorize"}
        return {"issuer": f"http://{headers['host']}", "code_challenge_methods_supported": ["S256"], **endpoints}

    def issuer(self):
        """What it names as its authorization server, which a file may change."""
        return open(self.o.issuer[1:]).read() if self.o.issuer.startswith("@") else self.o.issuer

    def result(self, message, body, listing=False):
        if self.o.era == "modern":
            body = {"resultType": "complete", **body}
            if listing:
                body = {**body, "ttlMs": 0, "cacheScope": "private"}
            body.setdefault("_meta", {})[META + "serverInfo"] = {"name": self.o.label, "version": "0"}
        return {"jsonrpc": "2.0", "id": message["id"], "result": body}

    @staticmethod
    def error(message, code, text, data=None):
        error = {"code": code, "message": text}
        if data is not None:
            error["data"] = data
        return {"jsonrpc": "2.0", "id": message.get("id"), "error": error}

    def violation(self, message, headers):
        """What a strict modern server objects to: (code, text, data) or None."""
        meta = (message.get("params") or {}).get("_meta") or {}
        version = meta.get(META + "protocolVersion")
        for key in ("protocolVersion", "clientCapabilities"):
            if META + key not in meta:
                return -32602, f"_meta lacks {META}{key}", None
        if headers is not None:
            expected = {"mcp-protocol-version": version, "mcp-method": message["method"]}
            if message["method"] in NAMED:
                expected["mcp-name"] = message["params"][NAMED[message["method"]]]
            if self.o.regional and (message["params"].get("name") == "regional"):
                region = message["params"].get("arguments", {}).get("region")
                expected["mcp-param-region"] = None if region is None else str(region)
            for name, value in expected.items():
                if decoded(headers.get(name)) != value:
                    return -32020, f"header {name} is {headers.get(name)!r}, the body says {value!r}", None
            accept = headers.get("accept", "")
            if "application/json" not in accept or "text/event-stream" not in accept:
                return -32600, f"Accept is {accept!r}", None
            if "mcp-session-id" in headers:
                return -32600, "a modern request with a session id", None
        if version != MODERN:
            return -32022, "Unsupported protocol version", {"supported": [MODERN], "requested": version}
        return None

    async def handle(self, message, headers, out):
        """Answers one message. `headers` is None on stdio."""
        method = message.get("method")
        self.events.emit("message", label=self.o.label, method=method, message=message, headers=headers)
        if method is None or "id" not in message:
            await out.nothing()
            return
        if self.o.era == "modern":
            if method == "initialize" or method == "ping":
                await out.send(self.error(message, -32601, "Method not found"), status=404)
                return
            wrong = self.violation(message, headers)
            if wrong:
                self.events.emit("violation", code=wrong[0], text=wrong[1])
                await out.send(self.error(message, *wrong), status=400)
                return
        elif not await self.legacy_gate(message, method, headers, out):
            return
        handler = getattr(self, "on_" + method.replace("/", "_"), None)
        if handler is None:
            await out.send(
                self.error(message, -32601, f"Method not found: {method}"),
                status=404 if self.o.era == "modern" else 200,
            )
        else:
            await handler(message, message.get("params") or {}, out)

    async def legacy_gate(self, message, method, headers, out):
        if method == "server/discover":
            if self.o.discover == "silence":
                return False
            await out.send(self.error(message, int(self.o.discover), "what?"), status=400)
            return False
        if headers is None or method == "initialize":
            return True
        session = headers.get("mcp-session-id")
        if session is None:
            await out.send(self.error(message, -32600, "Missing session ID"), status=400)
            return False
        if self.expire and method == "tools/call":
            self.expire = False
            self.sessions.discard(session)
        if session not in self.sessions:
            await out.send(self.error(message, -32600, "Session not found"), status=404)
            return False
        return True

    async def on_initialize(self, message, params, out):
        if self.o.hang == "initialize":
            return
        asked = params.get("protocolVersion")
        version = asked if asked in LEGACY and asked <= self.o.version else self.o.version
        session = uuid.uuid4().hex
        self.sessions.add(session)
        await out.send(
            self.result(
                message,
                {
                    "protocolVersion": version,
                    "capabilities": {"tools": {"listChanged": True}},
                    "serverInfo": {"name": self.o.label, "version": "0"},
                },
            ),
            session=session,
        )

    async def on_ping(self, message, params, out):
        await out.send(self.result(message, {}))

    async def on_server_discover(self, message, params, out):
        await out.send(
            self.result(message, {"supportedVersions": [MODERN], "capabilities": {"tools": {}}}, listing=True)
        )

    async def on_tools_list(self, message, params, out):
        if self.o.hang == "lists":
            return
        if self.lists_to_fail > 0:
            self.lists_to_fail -= 1
            await out.send(self.error(message, -32603, "not ready yet"))
            return
        tools = [{"name": n, "description": n, "inputSchema": {"type": "object"}} for n in ("echo", "fault")]
        if self.o.odd_names:
            tools += [{"name": n, "inputSchema": {"type": "object"}} for n in json.loads(self.o.odd_names)]
        if self.o.regional:
            tools += REGIONAL
        if not self.o.cursors:
            await out.send(self.result(message, {"tools": tools}, listing=True))
            return
        page = CURSORS.index(params["cursor"]) + 1 if "cursor" in params else 0
        body = {
            "tools": [{"name": f"page_{page}", "inputSchema": {"type": "object"}}]
            + (tools if page == 0 else [])
        }
        if page < len(CURSORS):
            body["nextCursor"] = CURSORS[page]
        await out.send(self.result(message, body, listing=True))

    async def on_tools_call(self, message, params, out):
        arguments = params.get("arguments") or {}
        if params.get("name") == "fault":
            self.events.emit("fault", kind=arguments["kind"])
            await getattr(self, "fault_" + arguments["kind"])(message, arguments, out)
        elif params.get("name") == "regional" and self.o.regional:
            await out.send(self.result(message, text_result("region " + str(arguments.get("region")))))
        elif params.get("name") == "echo":
            await out.send(self.result(message, text_result(arguments.get("text", ""))))
        elif params.get("name") in json.loads(self.o.odd_names or "[]") or params.get("name", "").startswith(
            "page_"
        ):
            await out.send(self.result(message, text_result("called " + params["name"])))
        else:
            await out.send(self.error(message, -32602, f"Unknown tool: {params.get('name')}"))


async def serve_stdio(server):
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        message = json.loads(line)
        server.last = line
        then = answered(StdioOut.waiting, message)
        if then:
            await StdioOut().send(then({k: message[k] for k in ("result", "error") if k in message}))
        else:
            loop.create_task(server.handle(message, None, StdioOut()))


async def http_request(server, inbound, writer):
    """Serves one request; false when the connection is to be closed."""
    verb, path, headers, body = await inbound.request()
    out = HttpOut(writer)
    if verb == "GET" and server.o.own_issuer and path == "/.well-known/oauth-authorization-server":
        await out.raw(json.dumps(server.own_metadata(headers)).encode())
        return True
    if verb == "GET" and server.o.issuer:
        server.events.emit("looked", label=server.o.label, path=path)
        there = path == server.o.prm if server.o.prm else path.startswith("/.well-known/oauth-protected-resource")
        await out.raw(json.dumps(server.metadata(headers)).encode() if there else b"", status=200 if there else 404)
        return True
    if verb != "POST":
        await out.raw(b"", status=405)
        return True
    message = json.loads(body)
    shown = headers.get("authorization", "")
    if server.o.demand is not None and not server.accepts(shown, message):
        server.events.emit("refused", label=server.o.label, shown=shown)
        challenge = f'Bearer error="invalid_token"{server.o.challenge.replace("HOST", headers["host"])}'
        await out.write(f"HTTP/1.1 401 X\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n".encode())
        return True
    if lacks := server.lacks(shown, message):
        server.events.emit("lacking", label=server.o.label, shown=shown, scope=lacks)
        challenge = f'Bearer error="insufficient_scope", scope="{lacks}"'
        await out.write(f"HTTP/1.1 403 X\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n".encode())
        return True
    server.last = body
    then = answered(HttpOut.waiting, message)
    if then:
        then({k: message[k] for k in ("result", "error") if k in message})
        await out.nothing()
        return True
    work = asyncio.ensure_future(server.handle(message, headers, out))
    if not await inbound.outlives(work):
        if not work.done():
            server.events.emit("disconnected", label=server.o.label, method=message.get("method"))
            work.cancel()
        return False
    work.result()
    return out.keep


def parser():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--stdio", action="store_true")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--label", default="raw")
    p.add_argument("--era", choices=["modern", "legacy"], default="legacy")
    p.add_argument("--version", default="2025-11-25", help="newest revision of the handshake era")
    p.add_argument("--discover", default="-32601", help="answer to server/discover: a code, or `silence`")
    p.add_argument("--hang", choices=["initialize", "lists"], help="what is never answered")
    p.add_argument("--fail-lists", type=int, default=0)
    p.add_argument("--cursors", action="store_true", help="lists in pages with unusual cursors")
    p.add_argument("--odd-names", help="JSON array of further tool names")
    p.add_argument("--regional", action="store_true", help="tools with x-mcp-header, good and bad")
    p.add_argument("--expire-once", action="store_true", help="the first tools/call finds its session gone")
    p.add_argument("--demand", type=int, help="a bearer token is needed, and good for that many requests")
    p.add_argument("--open-lists", action="store_true", help="only calls of tools need the token")
    p.add_argument("--step-up", help="scopes that calls of tools need; NEW: one more each time")
    p.add_argument("--issuer", help="the authorization server that its metadata name; @FILE: what the file says")
    p.add_argument("--own-issuer", help="it has no metadata, its origin those of an authorization server that is there")
    p.add_argument("--prm", help="the only path of its metadata; left out: everywhere below the well-known one")
    p.add_argument("--scopes", default="mcp", help="what its metadata say of scopes; empty: nothing")
    p.add_argument("--resource", help="what its metadata call it; left out: its URL")
    p.add_argument("--challenge", default="", help="further parameters of its challenge")
    p.add_argument("--events")
    return p


async def run(server):
    if server.o.stdio:
        await serve_stdio(server)
        return
    await inbound.serve(functools.partial(http_request, server), server.o.port)


if __name__ == "__main__":
    asyncio.run(run(RawServer(parser().parse_args())))
