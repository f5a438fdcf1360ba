# SPDX-License-Identifier: Apache-2.0
"""HTTP by hand: requests as bytes, so that they can be wrong in every way, and answers taken apart."""

import json
import socket
from dataclasses import dataclass

from rig.raw_client import ACCEPT, modern_headers, modern_params


@dataclass
class Answer:
    """One HTTP response."""

    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            data = [
                line[5:] for line in self.body.split(b"\n") if line.startswith(b"data:") and line[5:].strip()
            ]
            return json.loads(data[-1])
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["error"]["code"] if self.body else None


class Connection:
    """One TCP connection to a listener."""

    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def fill(self):
        chunk = self.socket.recv(1 << 16)
        if not chunk:
            raise EOFError(f"the connection ended after {self.buffer[:200]!r}")
        self.buffer += chunk

    def until(self, mark):
        while mark not in self.buffer:
            self.fill()
        head, _, self.buffer = self.buffer.partition(mark)
        return head

    def exactly(self, n):
        while len(self.buffer) < n:
            self.fill()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def head(self):
        """Status and headers of the next response; informational ones are returned like any other."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(lines[0].split(" ")[1]), headers

    def answer(self, bodiless=False):
        status, headers = self.head()
        body = b""
        if bodiless or status in (204, 304) or 100 <= status < 200:
            pass
        elif headers.get("transfer-encoding") == "chunked":
            while size := int(self.until(b"\r\n").split(b";")[0], 16):
                body += self.exactly(size)
                self.exactly(2)
            self.until(b"\r\n")
        elif "content-length" in headers:
            body = self.exactly(int(headers["content-length"]))
        else:
            try:
                while True:
                    self.fill()
            except EOFError:
                body, self.buffer = self.buffer, b""
        return Answer(status, headers, body)

    def ended(self):
        """Whether the other side closes without saying more."""
        try:
            self.fill()
        except (EOFError, ConnectionError):
            return True
        return False

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def request_bytes(body=b"", headers=None, path="/mcp", verb="POST", host="127.0.0.1:8808", length=True):
    """A request; headers given as None are left out, lists are repeated."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    fields = {"Host": host, "Accept": ACCEPT, "Content-Type": "application/json"}
    if length:
        fields["Content-Length"] = str(len(body))
    fields.update(headers or {})
    lines = [f"{verb} {path} HTTP/1.1"]
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                lines.append(f"{name}: {one}")
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body


def exchange(port, data, timeout=10):
    """Sends bytes on a connection of its own and takes one answer."""
    with Connection(port, timeout) as connection:
        connection.send(data)
        return connection.answer(bodiless=data.startswith(b"HEAD "))


def modern(method, params=None, headers=None, number=1, path="/mcp", **changes):
    """A correct modern request, then changed: headers override, `changes` replace members of the message."""
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": modern_params(params)}
    message.update(changes)
    message = {k: v for k, v in message.items() if v is not ...}
    return request_bytes(message, {**modern_headers(method, params), **(headers or {})}, path)


def legacy(message, session=None, version="2025-06-18", headers=None, path="/mcp"):
    fields = {"Mcp-Session-Id": session, "MCP-Protocol-Version": version}
    return request_bytes(message, {**fields, **(headers or {})}, path)


def open_session(port, version="2025-06-18", path="/mcp"):
    """Runs the handshake by hand; the session id."""
    hello = {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": {"name": "hand", "version": "1"},
        },
    }
    found = exchange(port, legacy(hello, version=None, path=path))
    assert found.status == 200 and found.json["result"]["protocolVersion"] == version, found
    session = found.headers["mcp-session-id"]
    assert all(0x21 <= ord(c) <= 0x7E for c in session) and len(session) >= 16
    noted = exchange(
        port, legacy({"jsonrpc": "2.0", "method": "notifications/initialized"}, session, path=path)
    )
    assert (noted.status, noted.body) == (202, b"")
    return session
