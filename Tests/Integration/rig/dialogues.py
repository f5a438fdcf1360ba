# SPDX-License-Identifier: Apache-2.0
"""Conversations under test: the scripted server behind a gateway, and clients that answer its questions."""

import contextlib
import http.client
import itertools
import json
import threading

from rig.gateway import Gateway, native, stdio, write
from rig.peers import HttpServer, server_command
from rig.raw_client import RawHttpClient, RawStdioClient
from rig.rpc import MODERN
from rig.tee import Tee
from rig.wire_proxy import RecordingProxy
from servers.dialogue_steps import ELICIT, FORM, SAMPLE

ELICITATION, SAMPLING, ROOTS = "elicitation/create", "sampling/createMessage", "roots/list"
ACCEPT = {"action": "accept", "content": {"colour": "blue"}}
SAMPLED = {"role": "assistant", "content": {"type": "text", "text": "word"}, "model": "m"}
ROOTED = {"roots": [{"uri": "file:///x", "name": "x"}]}
ANSWERS = {ELICITATION: ACCEPT, SAMPLING: SAMPLED, ROOTS: ROOTED}
PARAMS = {ELICITATION: ELICIT, SAMPLING: SAMPLE, ROOTS: {}}
URL = {"mode": "url", "message": "Sign in", "url": "https://example.com/in"}
DECLARED = {
    "2024-11-05": {"sampling": {}, "roots": {}},
    "2025-03-26": {"sampling": {}, "roots": {}},
    "2025-06-18": {"elicitation": {}, "sampling": {}, "roots": {}},
    "2025-11-25": {"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}},
    MODERN: {"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}},
}


def ask(method=ELICITATION, params=None, **more):
    """A step of a legacy server's script."""
    return {"ask": method, "params": PARAMS[method] if params is None else params, **more}


def entry(method=ELICITATION, params=None):
    """One question of a modern server's round."""
    return {"method": method, "params": PARAMS[method] if params is None else params}


def one_round(state="r1", **entries):
    """A step of a modern server's script."""
    body = {"requestState": state} if state else {}
    return {"round": {**body, **({"inputRequests": entries} if entries else {})}}


def heard(result):
    """What the scripted server says it heard, out of the answer to any of the three methods."""
    for member in ("content", "contents"):
        if member in result:
            return json.loads(result[member][0]["text"])
    return json.loads(result["messages"][0]["content"]["text"])


class Answering:
    """Part of a raw client: `answers` maps methods to results, {"error": …}, None (silence) or callables."""

    answers = {}

    def received(self, message):
        if not isinstance(message, dict) or "method" not in message or "id" not in message:
            return super().received(message)
        self.asked.append(message)
        self.notes.put("asked/" + message["method"], message)
        answer = self.answers.get(
            message["method"], {"error": {"code": -32601, "message": "this client has no such thing"}}
        )
        if callable(answer):
            answer = answer(message)
        if answer is not None:
            self.answer(message["id"], answer)

    def answer(self, number, answer):
        """Answers a question (again, or one that nobody asked)."""
        body = answer if set(answer) <= {"error", "result"} and answer else {"result": answer}
        self.transmit({"jsonrpc": "2.0", "id": number, **body}, None)

    def question(self, method=ELICITATION, timeout=10):
        """The next question of that method: the whole request."""
        return self.notes.wait("asked/" + method, timeout)

    def play(self, *script, tag="", progress=False, name="play", **more):
        """Calls the scripted tool; `meta` and further params may follow."""
        meta = {"_meta": more.pop("meta")} if "meta" in more else {}
        params = {"name": name, "arguments": {"tag": tag, "script": list(script)}, **meta, **more}
        call = self.start("tools/call", params, progress)
        call.params = params
        return call

    def again(self, result, answers=None, params=None, **changes):
        """The retry of a call that ended in `result` (input_required)."""
        body = {**params, "requestState": result["requestState"], **changes}
        if answers is not None:
            body["inputResponses"] = answers
        call = self.start("tools/call", {k: v for k, v in body.items() if v is not ...})
        call.params = params
        return call


class HttpClient(Answering, RawHttpClient):
    """A client of any revision over HTTP."""

    def close(self):
        """May be called again, and after the gateway's end."""
        if not self.closed:
            with contextlib.suppress(OSError, http.client.HTTPException):
                super().close()


class PipeClient(Answering, RawStdioClient):
    """A client of any revision whose gateway is its child."""


class Scripted(HttpServer):
    """The scripted server over HTTP."""

    def __init__(self, *switches, events, port=0):
        super().__init__("dialogue", *switches, events=events, port=port)

    def post(self, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("POST", path, json.dumps(body or {}))
            assert connection.getresponse().status == 202

    def release(self, tag):
        self.post("/release/" + tag)

    def say(self, session, message):
        self.post("/say", {"session": session, "message": message})

    def forget(self):
        self.post("/forget")

    def mark(self, number):
        self.post("/mark", {"number": number})


class Ending:
    """How a stage ends: clients first, then the gateway, then what both sides said is checked."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            if hasattr(self, "gateway"):
                error.add_note("the gateway's log ends:\n" + self.gateway.tail())
            self.clients.close()
            self.stack.close()
            return
        with self.stack:
            self.clients.close()
            if hasattr(self, "gateway") and self.gateway.process.running():
                self.gateway.stop()
            self.check()


class Stage(Ending):
    """A scripted server `s` and a gateway behind a proxy each; the gateway's messages are checked at the end.

    `bad_client`, `bad_server`: that side sends something invalid on purpose, so its wire is not checked.
    `gateway=False`: only the configuration is written, for clients that start the gateway themselves.
    """

    def __init__(
        self,
        folder,
        events,
        era="legacy",
        pipe=False,
        version="2025-11-25",
        loops=1,
        limits=None,
        server=None,
        bad_client=False,
        bad_server=False,
        gateway=True,
        listeners=None,
    ):
        self.events, self.tee, self.back, self.front = events, None, None, None
        self.stack, self.clients = contextlib.ExitStack(), contextlib.ExitStack()
        self.mark, self.label, self.marks = events.mark(), f"{folder.name}-{era}", itertools.count()
        switches = ["--era", era, "--version", version, "--label", self.label]
        try:
            if pipe:
                command = server_command("dialogue", "--stdio", *switches, events=events)
                if not bad_server:
                    self.tee = Tee(command, folder / "tee.log", "gateway to server")
                    command = self.tee.command
                endpoint = {**stdio(command), **({"era": "legacy"} if era == "legacy" else {})}
            else:
                self.server = self.stack.enter_context(Scripted(*switches, events=events))
                url = self.server.url
                if not bad_server:
                    self.back = RecordingProxy(url, "gateway to server")
                    self.stack.callback(self.back.close)
                    url = self.back.url
                endpoint = {"url": url}
            runtime = {"drain_timeout": "3s", "loops": loops}
            blocks = {
                "runtime": runtime,
                "limits": limits or {},
                **({"listeners": listeners} if listeners else {}),
            }
            self.config = write(
                folder / "stage.yaml", native({"s": {**endpoint, **(server or {})}}, **blocks)
            )
            if gateway:
                self.gateway = Gateway(self.config, **({"listen": None} if listeners else {}))
                self.stack.callback(self.gateway.kill)
                self.gateway.listed("s")
                self.base = self.gateway.base
                if not bad_client:
                    self.front = RecordingProxy(self.gateway.url, "client to gateway")
                    self.stack.callback(self.front.close)
                    self.base = self.front.base
        except BaseException:
            self.stack.close()
            raise

    def open(self, version=MODERN, capabilities=None, view="/mcp/servers/s", direct=False, **more):
        """A client of a revision that declares all it can, or just these capabilities."""
        declared = DECLARED[version] if capabilities is None else capabilities
        base = self.gateway.base if direct else self.base
        return self.clients.enter_context(HttpClient(base + view, version, declared, **more))

    def heard(self, event, timeout=10, **fields):
        """The first event of this stage's server."""
        return self.events.wait(event, self.mark, timeout, label=self.label, **fields)

    def events_of(self, event, **fields):
        """All events of the server up to now, none of them still on its way."""
        if hasattr(self, "server") and self.server.process.running():
            number = next(self.marks)
            self.server.mark(number)
            self.heard("mark", number=number)
        self.events.settled()
        return self.events.since(self.mark, event, label=self.label, **fields)

    def executions(self, tag, least=1):
        """How often a call was executed; waits until it was as often as it must have been."""
        for number in range(least):
            self.heard("executed", tag=tag, turn=number + 1)
        return len(self.events_of("executed", tag=tag))

    def check(self):
        for wire in (
            self.front and self.front.wire,
            self.back and self.back.wire,
            self.tee and self.tee.wire(),
        ):
            if wire:
                wire.check()


class Crowd:
    """Runs a number of actions on threads of their own; join() raises the first failure."""

    def __init__(self, actions):
        self.results, self.errors = [None] * len(actions), []
        self.threads = [
            threading.Thread(target=self._run, args=(n, action), daemon=True)
            for n, action in enumerate(actions)
        ]
        for thread in self.threads:
            thread.start()

    def _run(self, number, action):
        try:
            self.results[number] = action()
        except BaseException as e:
            self.errors.append(e)

    def join(self, timeout=60):
        for thread in self.threads:
            thread.join(timeout)
            assert not thread.is_alive(), "an action does not end"
        if self.errors:
            raise self.errors[0]
        return self.results


__all__ = [
    "ACCEPT",
    "ANSWERS",
    "Answering",
    "Crowd",
    "DECLARED",
    "ELICIT",
    "ELICITATION",
    "FORM",
    "HttpClient",
    "PARAMS",
    "PipeClient",
    "ROOTED",
    "ROOTS",
    "SAMPLED",
    "SAMPLING",
    "Scripted",
    "Stage",
    "URL",
    "ask",
    "entry",
    "heard",
    "one_round",
]
