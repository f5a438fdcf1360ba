# SPDX-License-Identifier: Apache-2.0
"""Legacy clients by hand that leave streams and come back for them with `Last-Event-ID`; a relay that cuts connections."""

import itertools
import json
import select
import socket
import threading
from dataclasses import dataclass

from rig.dialogues import DECLARED
from rig.wire_http import Connection, exchange, request_bytes


@dataclass
class Event:
    """One event of a stream; `message` is None for an event that only carries an id."""

    id: str | None
    message: dict | None

    @property
    def stream(self):
        return self.id.partition("-")[0]

    @property
    def number(self):
        return int(self.id.partition("-")[2])

    @property
    def progress(self):
        return self.message["params"]["progress"]


class Stream:
    """One exchange on a connection of its own: its head was read, its events come one by one."""

    def __init__(self, port, data, timeout=10):
        self.connection = Connection(port, timeout)
        self.connection.send(data)
        self.status, self.headers = self.connection.head()
        self.streams = self.headers.get("content-type", "").startswith("text/event-stream")
        self.text, self.over = b"", False

    def next(self):
        """The next event; None at the orderly end. EOFError: the connection broke."""
        assert self.streams, f"no stream but {self.status}: {self.headers}"
        while True:
            while b"\n\n" not in self.text:
                if self.over:
                    return None
                size = int(self.connection.until(b"\r\n"), 16)
                self.text += self.connection.exactly(size)
                self.connection.exactly(2)
                self.over = size == 0
            block, _, self.text = self.text.partition(b"\n\n")
            fields = dict(
                line.split(":", 1) for line in block.decode().split("\n") if not line.startswith(":")
            )
            fields = {k: v.removeprefix(" ") for k, v in fields.items()}
            if fields:
                data = fields.get("data")
                return Event(fields.get("id"), json.loads(data) if data else None)

    def rest(self):
        """Everything up to the orderly end."""
        return list(iter(self.next, None))

    def silent(self):
        """Whether nothing has come that was not read, not even the end."""
        readable, _, _ = select.select([self.connection.socket], [], [], 0)
        return not readable and not self.text and not self.connection.buffer

    def drop(self):
        """Goes away in the middle."""
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.connection.close()


class Session:
    """A session of a legacy revision. Nothing is kept open between its requests."""

    def __init__(self, port, version, path="/mcp/servers/s"):
        self.port, self.version, self.path, self.id = port, version, path, None
        self.numbers = itertools.count(1)
        hello = {"protocolVersion": version, "capabilities": DECLARED[version]}
        hello["clientInfo"] = {"name": "returning", "version": "1"}
        answer = exchange(port, self.bytes(self.message("initialize", hello)))
        assert answer.json["result"]["protocolVersion"] == version, answer
        self.id = answer.headers["mcp-session-id"]
        self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def message(self, method, params):
        return {"jsonrpc": "2.0", "id": next(self.numbers), "method": method, "params": params}

    def bytes(self, body=b"", verb="POST", **headers):
        fields = {"Mcp-Session-Id": self.id}
        # 2025-03-26 has no such header.
        fields["MCP-Protocol-Version"] = self.version if self.id and self.version > "2025-03-26" else None
        return request_bytes(body, {**fields, **headers}, self.path, verb)

    def play(self, *script, tag, name="play"):
        """The message that calls the scripted tool, and asks for progress."""
        params = {"name": name, "arguments": {"tag": tag, "script": list(script)}, "_meta": {"progressToken": tag}}
        return self.message("tools/call", params)

    def call(self, *script, tag):
        """Begins a call that is going to be answered with a stream."""
        return Stream(self.port, self.bytes(self.play(*script, tag=tag)))

    def send(self, body):
        """Any message, its answer a stream."""
        return Stream(self.port, self.bytes(body))

    def post(self, body):
        """Any message, its answer whole."""
        return exchange(self.port, self.bytes(body))

    def answer(self, question, result):
        """Answers a question of the server, on a connection of its own."""
        said = self.post({"jsonrpc": "2.0", "id": question.message["id"], "result": result})
        assert said.status == 202, said

    def get(self, last=None):
        """GET: the rest of a stream, or the stand-alone one."""
        return Stream(
            self.port,
            self.bytes(verb="GET", Accept="text/event-stream", **{"Content-Type": None, "Last-Event-ID": last}),
        )

    def end(self):
        return exchange(self.port, self.bytes(verb="DELETE")).status


class Relay:
    """A TCP relay in front of the gateway. `cut()` breaks every connection that stands."""

    def __init__(self, port):
        self.target, self.open, self.lock = port, [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.target))
            with self.lock:
                self.open += [near, far]
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=ends, daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            gone, self.open = self.open, []
        for end in gone:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        self.cut()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
