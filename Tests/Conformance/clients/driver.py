# SPDX-License-Identifier: Apache-2.0
"""What a scenario sees of a hand-written HTTP client: requests, questions, and how it all ended."""

import contextlib
import http.client
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from rig.raw_client import ACCEPT
from rig.rpc import RpcError

Json = dict[str, Any]
TIMEOUT = 6.0


class Answer(Protocol):
    """Answers a question of the server: the result, or an RpcError raised to refuse it."""

    def __call__(self, method: str, params: Json) -> Any: ...


@dataclass
class Event:
    """One event of a stream: its id, its retry time, its data."""

    data: str = ""
    id: str | None = None
    retry: int | None = None


@dataclass
class Question:
    """What a server asked: in round `round` of the call, under this key (modern only)."""

    method: str
    params: Json
    round: int = 1
    key: str | None = None


@dataclass
class Outcome:
    """How a request ended, and what came before."""

    status: int = 0
    result: Json | None = None
    error: Json | None = None
    questions: list[Question] = field(default_factory=list)
    rounds: list[Json] = field(default_factory=list)
    notes: list[tuple[str, Json]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> Json:
        """The result; an error fails the scenario."""
        assert self.error is None, f"an error instead of a result: {self.error}"
        assert self.result is not None
        return self.result

    @property
    def text(self) -> str:
        """The text of the only block of a successful call."""
        content = self.ok["content"]
        assert not self.ok.get("isError"), f"the call failed: {self.ok}"
        assert len(content) == 1 and content[0]["type"] == "text", f"not one text: {content}"
        return str(content[0]["text"])

    @property
    def code(self) -> int | None:
        return self.error["code"] if self.error else None

    def heard(self, method: str) -> list[Json]:
        """The params of the notifications of one method that came with the answer."""
        return [params for name, params in self.notes if name == method]

    @property
    def methods(self) -> list[str]:
        """The methods of the questions, in order."""
        return [q.method for q in self.questions]


def settle(outcome: Outcome, message: Json) -> Outcome:
    outcome.result, outcome.error = message.get("result"), message.get("error")
    return outcome


def refuse(method: str, params: Json) -> Any:
    """The answer of a client that expects no question."""
    raise RpcError(-32601, f"nobody expected {method}")


def events(response: Any) -> Iterator[Event]:
    """The events of an open stream as they come; comments are passed over."""
    event, data, seen = Event(), list[str](), False
    while raw := response.readline():
        line = raw.decode().rstrip("\r\n")
        if not line:
            if seen:
                event.data = "\n".join(data)
                yield event
            event, data, seen = Event(), [], False
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        seen = seen or bool(name)
        if name == "data":
            data.append(value)
        elif name == "id":
            event.id = value
        elif name == "retry":
            event.retry = int(value)


class Connection(http.client.HTTPConnection):
    """A connection whose socket can be shut down even after a response has taken it over."""

    def connect(self) -> None:
        super().connect()
        self.own: socket.socket = self.sock
        self.own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Stream:
    """A stream that stays open: notifications can be waited for. Used for listening and for standing GETs."""

    def __init__(self, connection: Connection, response: Any) -> None:
        self.connection, self.response = connection, response
        self.status = response.status
        self.messages: list[Json] = []
        self.changed, self.ended = threading.Condition(), False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            if self.response.headers.get("Content-Type", "").startswith("text/event-stream"):
                for event in events(self.response):
                    if event.data:
                        self._put(json.loads(event.data))
            else:
                self._put(json.loads(self.response.read() or b"{}"))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def _put(self, message: Json) -> None:
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()

    def wait(self, wanted: Callable[[Json], bool], what: str, timeout: float = TIMEOUT) -> Json:
        """The first message for which `wanted` holds, as soon as it is there."""

        def found() -> Json | None:
            return next((m for m in self.messages if wanted(m)), None)

        with self.changed:
            self.changed.wait_for(lambda: found() or self.ended, timeout)
            message = found()
            assert message, f"{what} did not come; came: {self.messages}"
            return message

    def note(self, method: str, **params: Any) -> Json:
        """The params of the first notification of that method with these params."""

        def fits(message: Json) -> bool:
            have = message.get("params") or {}
            return message.get("method") == method and all(have.get(k) == v for k, v in params.items())

        return self.wait(fits, method).get("params") or {}

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.own.shutdown(socket.SHUT_RDWR)
        with self.changed:
            self.changed.wait_for(lambda: self.ended, TIMEOUT)


class Driver:
    """A client of one era. Each request has a connection of its own; questions are answered as they come."""

    era = ""

    def __init__(self, url: str, capabilities: Json | None = None) -> None:
        self.target, self.capabilities = urlsplit(url), capabilities or {}
        self.ids = itertools.count(1)
        self.streams: list[Stream] = []

    def request(
        self,
        method: str,
        params: Json | None = None,
        *,
        answer: Answer = refuse,
        progress: str | None = None,
        headers: dict[str, str | None] | None = None,
    ) -> Outcome:
        """Sends a request and sees it through: every round of it, and every question."""
        raise NotImplementedError

    def logged(self, level: str, method: str, params: Json) -> Outcome:
        """A request that wants log messages from this level on, in the way of its era."""
        raise NotImplementedError

    def call(self, name: str, arguments: Json | None = None, **more: Any) -> Outcome:
        return self.request("tools/call", {"name": name, "arguments": arguments or {}}, **more)

    def watch(self, uri: str | None = None, *kinds: str) -> Stream:
        """A stream with the updates of a resource and the changes of these lists."""
        raise NotImplementedError

    def send(self, verb: str, message: Json | None, headers: dict[str, str | None]) -> tuple[Connection, Any]:
        """Sends one HTTP request: (connection, response with its body unread). Headers of None stay out."""
        fields = {"Accept": ACCEPT, **({"Content-Type": "application/json"} if message else {}), **headers}
        connection = Connection(self.target.netloc, timeout=TIMEOUT)
        body = json.dumps(message).encode() if message else None
        sent = {k: v.encode() for k, v in fields.items() if v is not None}
        connection.request(verb, self.target.path, body, sent)
        return connection, connection.getresponse()

    def stream(self, verb: str, message: Json | None, headers: dict[str, str | None]) -> Stream:
        connection, response = self.send(verb, message, headers)
        opened = Stream(connection, response)
        self.streams.append(opened)
        return opened

    def close(self) -> None:
        for stream in self.streams:
            stream.close()

    def __enter__(self) -> "Driver":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
