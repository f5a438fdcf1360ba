# SPDX-License-Identifier: Apache-2.0
"""Clients written by hand from the specification, one for every protocol revision, over HTTP and stdio."""

import base64
import contextlib
import http.client
import itertools
import json
import socket
import subprocess
import threading
from concurrent.futures import Future
from urllib.parse import urlsplit

from rig.processes import Process
from rig.rpc import META, MODERN, Call, Client, Notes, RpcError

ACCEPT = "application/json, text/event-stream"
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
NAMED |= {"tasks/get": "taskId", "tasks/update": "taskId", "tasks/cancel": "taskId"}
INFO = {"name": "raw", "version": "1"}


def header_text(value):
    """A value of Mcp-Name or Mcp-Param-*, in the sentinel form where plain text will not do."""
    plain = value.isascii() and value.isprintable() and value == value.strip()
    if plain and not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    return "=?base64?" + base64.b64encode(value.encode()).decode() + "?="


def modern_params(params, capabilities=None):
    """Params with the `_meta` keys that every modern request carries."""
    meta = {
        META + "protocolVersion": MODERN,
        META + "clientCapabilities": capabilities or {},
        META + "clientInfo": INFO,
    }
    return {**(params or {}), "_meta": {**meta, **((params or {}).get("_meta") or {})}}


def modern_headers(method, params):
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    if method in NAMED and NAMED[method] in (params or {}):
        headers["Mcp-Name"] = header_text(params[NAMED[method]])
    return headers


def sse_events(response):
    """The data of each event of an open stream, as it comes."""
    data = []
    while raw := response.readline():
        line = raw.decode("utf-8").rstrip("\r\n")
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))


class RawClient(Client):
    """What both transports share: ids, answers, notifications, refusal of whatever a server asks."""

    def __init__(self, version, capabilities=None):
        self.kind, self.version = f"raw-{version}", version
        self.era = "modern" if version == MODERN else "legacy"
        self.client_capabilities = capabilities or {}
        self.notes, self.asked, self.calls, self.tokens = Notes(), [], {}, {}
        self.ids = itertools.count(1)

    def handshake(self):
        if self.modern:
            found = self.request("server/discover")
            self.capabilities, self.instructions = found["capabilities"], found.get("instructions")
            self.server_info = found.get("_meta", {}).get(META + "serverInfo")
            return
        found = self.request(
            "initialize",
            {"protocolVersion": self.version, "clientInfo": INFO, "capabilities": self.client_capabilities},
        )
        self.asked_version, self.version = self.version, found["protocolVersion"]
        self.capabilities, self.instructions = found["capabilities"], found.get("instructions")
        self.server_info = found["serverInfo"]
        self.notify("notifications/initialized")

    def start(self, method, params=None, progress=False):
        number = next(self.ids)
        params = dict(params or {})
        if progress:
            params["_meta"] = {**params.get("_meta", {}), "progressToken": f"p{number}"}
        if self.modern:
            params = modern_params(params, self.client_capabilities)
        message = {"jsonrpc": "2.0", "id": number, "method": method}
        if params:
            message["params"] = params
        call = self.calls[number] = Call(Future(), lambda: self.cancel(number))
        if progress:
            self.tokens[f"p{number}"] = call
        self.transmit(message, call)
        return call

    def notify(self, method, params=None):
        self.transmit({"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})}, None)

    def received(self, message):
        """Sorts one message of the server."""
        if not isinstance(message, dict):
            self.notes.put("raw/garbage", {"line": str(message)})
        elif "method" not in message:
            call = self.calls.pop(message.get("id"), None)
            if call is None:
                self.notes.put("raw/stray", message)
            elif "error" in message:
                e = message["error"]
                call.future.set_exception(RpcError(e["code"], e["message"], e.get("data")))
            else:
                call.raw = message
                call.future.set_result(message["result"])
        elif "id" in message:
            self.asked.append(message)
            if message["method"] == "ping":
                answer = {"result": {}}
            else:
                answer = {"error": {"code": -32601, "message": "this client has no such thing"}}
            self.transmit({"jsonrpc": "2.0", "id": message["id"], **answer}, None)
        else:
            params = message.get("params") or {}
            if message["method"] == "notifications/progress" and params.get("progressToken") in self.tokens:
                self.tokens[params["progressToken"]].progress.append(params)
            else:
                self.notes.put(message["method"], params)

    def fail(self, number, error):
        if number in self.calls:
            self.calls.pop(number).future.set_exception(error)

    def listen(self, *kinds):
        """Subscribes to list changes; the acknowledgement is the first notification."""
        if not self.modern:
            return {}
        self.start("subscriptions/listen", {"notifications": {k + "ListChanged": True for k in kinds}})
        return self.notes.wait("notifications/subscriptions/acknowledged")["notifications"]


class RawHttpClient(RawClient):
    """Streamable HTTP: one connection for each POST, a standing GET where the era has one."""

    def __init__(self, url, version, capabilities=None, stream=True):
        super().__init__(version, capabilities)
        self.url, self.session, self.closed = urlsplit(url), None, False
        self.open = {}
        self.handshake()
        if not self.modern and stream and self.session:
            self.listen_again()

    def listen_again(self):
        """Opens the standing stream of the session."""
        ready = threading.Event()
        threading.Thread(target=self.hear, args=(ready,), daemon=True).start()
        ready.wait(10)

    def headers(self, method=None, params=None):
        headers = {"Accept": ACCEPT, "Content-Type": "application/json"}
        if self.modern:
            return {**headers, **modern_headers(method, params)}
        if self.session:
            headers["Mcp-Session-Id"] = self.session
        if method != "initialize" and self.version >= "2025-06-18":
            headers["MCP-Protocol-Version"] = self.version
        return headers

    def connection(self):
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=60)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def transmit(self, message, call):
        if call is None:
            self.post(message)
        else:
            threading.Thread(target=self.post, args=(message,), daemon=True).start()

    def post(self, message):
        number = message.get("id") if "method" in message else None
        connection = self.connection()
        if number is not None:
            self.open[number] = connection
        try:
            headers = self.headers(message.get("method"), message.get("params"))
            connection.request("POST", self.url.path, json.dumps(message).encode(), headers)
            response = connection.getresponse()
            if message.get("method") == "initialize":
                self.session = response.headers.get("Mcp-Session-Id")
            self.consume(response, number)
        except Exception as e:
            self.fail(number, e)
        finally:
            self.open.pop(number, None)
            connection.close()

    def consume(self, response, number):
        kind = response.headers.get("Content-Type", "")
        if kind.startswith("text/event-stream"):
            for event in sse_events(response):
                self.received(json.loads(event))
            self.fail(number, ConnectionError("the stream ended without the answer"))
            return
        body = response.read()
        if number is None:
            if response.status != 202:
                self.notes.put(
                    "raw/refused", {"status": response.status, "body": body.decode(errors="replace")}
                )
            return
        try:
            answer = json.loads(body)
        except ValueError:
            self.fail(number, ConnectionError(f"status {response.status}, body {body[:200]!r}"))
            return
        if answer.get("id") is None:
            answer["id"] = number
        self.received(answer)
        self.fail(number, ConnectionError(f"the answer has another id: {body[:300]!r}"))

    def hear(self, ready):
        """The standing GET stream of a session."""
        connection = self.connection()
        self.open["get"] = connection
        try:
            headers = self.headers()
            headers["Accept"] = "text/event-stream"
            connection.request("GET", self.url.path, headers=headers)
            response = connection.getresponse()
            ready.set()
            if response.status == 200:
                for event in sse_events(response):
                    if event:
                        self.received(json.loads(event))
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass
        finally:
            ready.set()
            connection.close()

    def cancel(self, number):
        if not self.modern:
            self.notify("notifications/cancelled", {"requestId": number, "reason": "given up"})
        elif connection := self.open.get(number):
            # The answer may be there already, and its connection closed by the thread that reads it.
            with contextlib.suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.closed = True
        if self.session:
            connection = self.connection()
            connection.request("DELETE", self.url.path, headers=self.headers())
            self.end_status = connection.getresponse().status
            connection.close()
        for connection in list(self.open.values()):
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except (OSError, AttributeError):
                pass


class RawStdioClient(RawClient):
    """Newline-delimited JSON with a child process."""

    def __init__(self, argv, version, env=None, capabilities=None):
        super().__init__(version, capabilities)
        self.process = Process(argv, "stdio peer", env=env, stdin=subprocess.PIPE, collect=False)
        self.lock = threading.Lock()
        threading.Thread(target=self.read_lines, daemon=True).start()
        self.handshake()

    def read_lines(self):
        for line in self.process.popen.stdout:
            try:
                self.received(json.loads(line))
            except ValueError:
                self.notes.put("raw/garbage", {"line": line.decode(errors="replace")})
        for number in list(self.calls):
            self.fail(number, ConnectionError("stdout ended: " + self.process.stderr.text()[-1000:]))

    def transmit(self, message, call):
        with self.lock:
            self.process.popen.stdin.write((json.dumps(message) + "\n").encode())
            self.process.popen.stdin.flush()

    def cancel(self, number):
        self.notify("notifications/cancelled", {"requestId": number, "reason": "given up"})

    def close(self, timeout=15):
        """Ends stdin and returns the exit status of the peer."""
        self.process.popen.stdin.close()
        try:
            return self.process.wait(timeout)
        finally:
            self.process.kill()
