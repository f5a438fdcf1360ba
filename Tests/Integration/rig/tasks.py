# SPDX-License-Identifier: Apache-2.0
"""Tasks under test: scripted servers of both eras behind one gateway, and clients that know tasks."""

import contextlib
import itertools
import json
import socket
from pathlib import Path

import pytest

from rig import processes
from rig.dialogues import ANSWERS, DECLARED, Ending, HttpClient, PipeClient, ask, entry, heard
from rig.gateway import Gateway, native, stdio, write
from rig.peers import HttpServer, server_command
from rig.rpc import MODERN, RpcError
from rig.task_schema import EXTENSION
from rig.tee import Tee
from rig.wire_proxy import RecordingProxy

KNOWS = {"extensions": {EXTENSION: {}}}
ABLE = {**DECLARED[MODERN], **KNOWS}
LAX = "'ttl' is a required property"
LEGACY, RELATED = "2025-11-25", "io.modelcontextprotocol/related-task"
OVER = ("completed", "failed", "cancelled")


def task(*script, **more):
    """A step that makes a modern server answer with a task."""
    return {"task": {"script": list(script), **more}}


def refused(action, code):
    """The error that an action ends in."""
    with pytest.raises(RpcError) as caught:
        action()
    assert caught.value.code == code, caught.value
    return caught.value


class TaskMethods:
    """What a client can do with tasks, in the words of its era."""

    def task(self, *script, tag, name="play", **more):
        """Calls a tool that becomes a task; the task."""
        wish = {} if self.modern or "task" in more else {"task": {}}
        result = self.play(*script, tag=tag, name=name, **wish, **more).result()
        if self.modern:
            assert result["resultType"] == "task", result
            return result
        assert set(result) - {"_meta"} == {"task"}, result
        return result["task"]

    def get(self, number):
        return self.request("tasks/get", {"taskId": number})

    def update(self, number, **answers):
        return self.request("tasks/update", {"taskId": number, "inputResponses": answers})

    def give_up(self, number):
        return self.request("tasks/cancel", {"taskId": number})

    def await_result(self, number):
        return self.start("tasks/result", {"taskId": number})

    def until(self, number, *statuses):
        """The task once it is in one of these states; any other end fails at once."""

        def look():
            found = self.get(number)
            assert found["status"] in statuses, found
            return found

        return processes.eventually(look, 15, AssertionError)

    def outcome(self, number):
        """What a modern task completed with."""
        return self.until(number, "completed")["result"]

    def listen_for(self, *numbers):
        """(the call, the ids that were accepted)"""
        call = self.start("subscriptions/listen", {"notifications": {"taskIds": list(numbers)}})
        accepted = self.notes.wait("notifications/subscriptions/acknowledged")
        return call, accepted["notifications"].get("taskIds", [])

    def news(self, status, timeout=15):
        """The next news of that state; none may be of a later one."""
        while (params := self.notes.wait("notifications/tasks", timeout))["status"] != status:
            assert params["status"] not in OVER, params
        return params


class TaskClient(TaskMethods, HttpClient):
    pass


class TaskPipe(TaskMethods, PipeClient):
    pass


class Peer:
    """One scripted server: `era` is modern or legacy, `pipe` is stdio, `bare` has no tasks."""

    def __init__(self, era, pipe=False, bare=False, copies=1, **block):
        self.era, self.pipe, self.bare, self.copies, self.block = era, pipe, bare, copies, block


class TaskStage(Ending):
    """Servers by name and a gateway; every message of both sides of the gateway is checked at the end."""

    numbers = itertools.count(1)

    def __init__(
        self, folder, events, loops=1, limits=None, tasks=None, bad_client=False, bad_server=False, demo=False,
        sole=False, blocks=None, **servers
    ):  # fmt: skip
        self.events, self.mark, self.run = events, events.mark(), next(self.numbers)
        self.stack, self.clients = contextlib.ExitStack(), contextlib.ExitStack()
        self.wires, self.tees, self.labels, self.lax, self.front = [], [], [], [], None
        try:
            more, blocks = {"limits": limits or {}, **(blocks or {})}, {}
            for name, peer in servers.items():
                made = [self.endpoint(folder, name, n, peer, bad_server) for n in range(peer.copies)]
                blocks[name] = {**(made[0] if peer.copies == 1 else {"replicas": made}), **peer.block}
            if demo:
                blocks["demo"] = {"plugin": "tools-demo"}
            runtime = {"drain_timeout": "3s", "loops": loops}
            more |= {"tasks": tasks} if tasks else {}
            self.value = native(blocks, runtime=runtime, **more)
            self.config = write(folder / "tasks.yaml", self.value)
            if sole:
                return
            self.gateway = Gateway(self.config)
            self.stack.callback(self.gateway.kill)
            self.gateway.listed(*blocks)
            self.base = self.gateway.base
            if not bad_client:
                self.front = RecordingProxy(self.gateway.url, "client to gateway")
                self.stack.callback(self.front.close)
                self.base = self.front.base
                self.wires.append(self.front.wire)
        except BaseException:
            self.stack.close()
            raise

    def reconfigure(self, **blocks):
        """Other blocks, by HUP."""
        said = len(self.gateway.log.lines)
        write(self.config, self.value | blocks)
        self.gateway.reload()
        self.gateway.log.wait("configuration reloaded", start=said)

    def label(self, name, copy=0):
        return f"{name}{copy}-{self.run}"

    def endpoint(self, folder, name, copy, peer, unchecked):
        kind, label = "tasks-" + peer.era, self.label(name, copy)
        self.labels.append(label)
        if peer.era == "sdk1":
            self.lax.append(f"gateway to {label}")
        switches = ["--label", label, *(["--without"] if peer.bare else [])]
        if peer.pipe:
            command = server_command(kind, "--stdio", *switches, events=self.events)
            if not unchecked:
                tee = Tee(command, folder / f"{label}.log", f"gateway to {label}")
                self.tees.append(tee)
                command = tee.command
            return {**stdio(command), **({} if peer.era == "modern" else {"era": "legacy"})}
        server = self.stack.enter_context(HttpServer(kind, *switches, events=self.events))
        if unchecked:
            return {"url": server.url}
        proxy = RecordingProxy(server.url, f"gateway to {label}")
        self.stack.callback(proxy.close)
        self.wires.append(proxy.wire)
        return {"url": proxy.url}

    def open(self, version=MODERN, capabilities=ABLE, view="/mcp/servers/s"):
        """A client of a revision; a modern one knows tasks and can be asked anything unless told otherwise."""
        declared = DECLARED[version] if version != MODERN and capabilities is ABLE else capabilities
        return self.clients.enter_context(TaskClient(self.base + view, version, declared))

    def control(self, **wish):
        """Steps in at every server."""
        for path in {e["path"] for e in self.events.since(self.mark, "control")}:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.settimeout(10)
                link.connect(path)
                link.sendall(json.dumps(wish).encode() + b"\n")
                link.recv(1)

    def release(self, tag):
        """Ends the steps `wait` of that tag, in processes that are yet to start, too."""
        for label in self.labels:
            Path(f"{self.events.path}.{label}.{tag}").touch()
        self.control(release=tag)

    def heard(self, event, name="s", timeout=10, copy=0, since=None, **fields):
        """The first event of a server."""
        mark = self.mark if since is None else since
        return self.events.wait(event, mark, timeout, label=self.label(name, copy), **fields)

    def seen(self, event, name="s", copy=0, **fields):
        return self.events.since(self.mark, event, label=self.label(name, copy), **fields)

    def polled(self, times, **fields):
        """Waits until a server has been polled that often from now on."""
        for _ in range(times):
            mark = self.events.mark()
            self.heard("get", since=mark, **fields)

    def waits(self, tag, times=1):
        """Waits until so many steps wait for a tag, in whichever process."""
        processes.eventually(lambda: self._count("waiting", tag, times), 15, AssertionError)

    def ready(self, calls=1):
        """Sessions for so many calls at once are there: one of its own may be a process that has yet to start."""

        def look():
            tag = f"ready{next(self.numbers)}"
            link = self.open()
            played = [link.play({"wait": tag}, tag=tag) for _ in range(calls)]
            processes.eventually(lambda: self._hold(tag, played), 30, AssertionError)
            self.release(tag)
            for made in [call.result() for call in played]:
                if made.get("resultType") == "task":
                    link.outcome(made["taskId"])

        # A call may have ended before its process was there; the process stays.
        processes.eventually(look, 60, RpcError)

    def _hold(self, tag, played):
        if not any(call.future.done() and call.future.exception() for call in played):
            self._count("waiting", tag, len(played))

    def _count(self, event, tag, times):
        found = len(self.events.since(self.mark, event, tag=tag))
        assert found >= times, f"{found} of {times} steps wait for {tag}"

    def own_id(self, tag, name="s"):
        """The id under which the server knows a task."""
        return self.heard("created", name, tag=tag)["id"]

    def messages(self, method, name="s"):
        return [e["message"] for e in self.seen("message", name, method=method)]

    def check(self):
        for wire in self.wires + [tee.wire() for tee in self.tees]:
            # SDK 1.30 leaves out the ttl that is null.
            wire.violations[:] = [v for v in wire.violations if not (wire.name in self.lax and LAX in v)]
            wire.check()


def text_of(result):
    """The JSON that a scripted tool answered."""
    return heard(result)


def leaks(stage, number, *names):
    """Every message to clients that holds a server's own id."""
    return [m for m in stage.front.wire.since(0, "received") if number in json.dumps(m)]


__all__ = [
    "ABLE", "ANSWERS", "EXTENSION", "KNOWS", "LEGACY", "OVER", "Peer", "RELATED", "TaskClient", "TaskPipe", "TaskStage",
    "ask", "entry", "leaks", "refused", "task", "text_of",
]  # fmt: skip
