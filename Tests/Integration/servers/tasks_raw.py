# SPDX-License-Identifier: Apache-2.0
"""What the servers with tasks share: the state of a task, the way in for a test, start and end.

A test steps in over a unix socket that each process names in its event `control`: {"release": TAG} ends a step `wait`,
{"forget": true} drops all sessions. A file EVENTS.LABEL.TAG says the same to processes that start later.
"""

import argparse
import asyncio
import functools
import itertools
import json
import os
import uuid

import inbound
from dialogue_raw import http_request, serve_stdio
from dialogue_steps import shaped

CREATED = "2026-02-03T04:05:06.789Z"


class Task:
    """One task. `plan` is what the test wants of it: id, ttl, poll, script."""

    def __init__(self, server, plan, tag):
        self.server, self.plan, self.tag = server, plan, tag
        self.id = plan.get("id") or f"own-{server.o.label}-{uuid.uuid4().hex}"
        self.status, self.message, self.outcome = plan.get("status", "working"), None, None
        self.questions, self.answers, self.changes = {}, {}, itertools.count()
        self.updated, self.over, self.running = CREATED, asyncio.Event(), None

    async def become(self, status, message=None, **outcome):
        """A step that the state allows; a task that is over does not change."""
        if self.status in ("completed", "failed", "cancelled"):
            return
        self.status, self.outcome = status, outcome
        self.message = message or self.message
        self.updated = f"2026-02-03T04:05:07.{next(self.changes):03}Z"
        if status in ("completed", "failed", "cancelled"):
            self.over.set()
        self.server.emit("became", id=self.id, status=status, tag=self.tag)
        await self.server.changed(self)

    def fields(self, ttl, poll):
        found = {"taskId": self.id, "status": self.status, "createdAt": CREATED, "lastUpdatedAt": self.updated}
        found[ttl] = self.plan.get("ttl")
        if (interval := self.plan.get("poll", 100)) is not None:
            found[poll] = interval
        return found | ({"statusMessage": self.message} if self.message else {})

    async def run(self, play):
        """Plays a script to the task's end."""
        try:
            answer = await play()
        except asyncio.CancelledError:
            await self.become("cancelled")
            return
        if answer.get("vanish"):
            self.server.tasks.pop(self.id, None)
        elif answer.get("cancelled"):
            await self.become("cancelled", "the server gave up")
        elif "error" in answer:
            await self.become("failed", answer["error"]["message"], error=answer["error"])
        else:
            body = answer.get("result") or shaped({"method": "tools/call"}, answer["text"])
            await self.become("completed", result=body)

    def start(self, play):
        self.server.tasks[self.id] = self
        self.running = asyncio.ensure_future(self.run(play))
        self.server.emit("created", id=self.id, tag=self.tag)

    def cancel(self):
        self.server.emit("task cancelled", id=self.id, tag=self.tag, status=self.status)
        if self.running:
            self.running.cancel()


class Gates:
    """Part of a server: the gates of steps `wait`, open for good once released."""

    def gate(self, tag):
        gate = super().gate(tag)
        if os.path.exists(f"{self.o.events}.{self.o.label}.{tag}"):
            gate.set()
        return gate


async def control(server, reader, writer):
    while line := await reader.readline():
        wish = json.loads(line)
        if "release" in wish:
            server.gate(wish["release"]).set()
        elif "forget" in wish:
            server.sessions.clear()
        writer.write(b"\n")
    writer.close()


async def serve(make, **switches):
    """Reads the command line and serves until the end of stdin, or for ever."""
    p = argparse.ArgumentParser()
    p.add_argument("--stdio", action="store_true")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--label", default="tasks")
    p.add_argument("--events")
    p.add_argument("--without", action="store_true", help="no tasks at all")
    p.set_defaults(**switches)
    options = p.parse_args()
    server = make(options)
    path = f"{options.events}.{os.getpid()}"
    listener = await asyncio.start_unix_server(lambda r, w: control(server, r, w), path)
    server.emit("control", path=path)
    try:
        if options.stdio:
            return await serve_stdio(server)
        await inbound.serve(functools.partial(http_request, server), options.port, limit=1 << 26)
    finally:
        listener.close()
        os.unlink(path)
