# SPDX-License-Identifier: Apache-2.0
"""A server of 2025-11-25 with its experimental tasks, written by hand, over HTTP or stdio.

The tools `play` (forbidden), `may` (optional) and `must` (required) play a script as the asking server does; as a task,
questions and progress travel on the stream of `tasks/result`. Further steps: {"forget": true} drops the sessions,
{"cancelled": true}. With `--without` the server has no tasks.
"""

import asyncio

from dialogue_raw import DialogueServer
from dialogue_steps import PlayLegacy, shaped
from tasks_raw import Gates, Task, serve

RELATED = "io.modelcontextprotocol/related-task"
SUPPORT = {"play": None, "may": "optional", "must": "required"}


class TaskWay:
    """The way of a task to its client: what is said waits for somebody who asks for the result."""

    def __init__(self, task):
        self.task, self.queue, self.way = task, [], None

    async def note(self, message):
        meta = {**(message["params"].get("_meta") or {}), RELATED: {"taskId": self.task.id}}
        message = {**message, "params": {**message["params"], "_meta": meta}}
        if "id" in message:
            await self.task.become("input_required")
        self.queue.append(message)
        await self.flush()

    async def attach(self, way):
        self.way = way
        await self.flush()

    async def flush(self):
        while self.way and self.queue:
            await self.way.note(self.queue.pop(0))


class PlayTask(PlayLegacy):
    async def own_step(self, step):
        if "forget" in step:
            self.server.sessions.clear()
        elif "cancelled" in step:
            return step
        else:
            await super().own_step(step)
            if isinstance(self.way, TaskWay) and not step.get("go_on"):
                await self.way.task.become("working")


class LegacyTasks(Gates, DialogueServer):
    def __init__(self, options):
        super().__init__(options)
        self.tasks = {}

    async def changed(self, task):
        pass

    def tools(self):
        found = []
        for name, support in SUPPORT.items():
            tool = {"name": name, "description": name, "inputSchema": {"type": "object"}}
            if support and not self.o.without:
                tool["execution"] = {"taskSupport": support}
            found.append(tool)
        return found

    async def handle(self, message, conversation, way):
        method = message.get("method")
        if method == "tools/list":
            return await way.send(self.result(message, {"tools": self.tools()}))
        own = {"tasks/get": self.get, "tasks/result": self.outcome, "tasks/cancel": self.cancel}.get(method)
        if own is None or self.o.without:
            return await super().handle(message, conversation, way)
        self.emit("message", method=method, message=message, session=conversation.name)
        task = self.tasks.get(message["params"]["taskId"])
        if task is None or task.session != conversation.name:
            return await self.refuse(way, message, -32602, f"Task not found: {message['params']['taskId']}")
        await own(message, task, way)

    async def refuse(self, way, message, code, text):
        await way.send({"jsonrpc": "2.0", "id": message["id"], "error": {"code": code, "message": text}})

    def result(self, message, body, listed=False):
        if message.get("method") == "initialize" and not self.o.without:
            tasks = {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}
            body["capabilities"]["tasks"] = tasks
        return super().result(message, body, listed)

    async def play(self, message, conversation, way):
        params = message["params"]
        support, wish = None if self.o.without else SUPPORT[params["name"]], params.get("task")
        if wish is not None and not self.o.without and support is None:
            return await self.refuse(way, message, -32601, "this tool does not support tasks")
        if wish is None and support == "required":
            return await self.refuse(way, message, -32601, "this tool requires a task")
        tag = params["arguments"].get("tag", "")
        self.executions += 1
        turn = self.turns[tag] = self.turns.get(tag, 0) + 1
        self.emit("executed", tag=tag, turn=turn, session=conversation.name, task=wish)
        if wish is None or support is None:
            return await self.play_now(message, conversation, way, tag)
        task = Task(self, {"ttl": wish.get("ttl"), **params["arguments"].get("plan", {})}, tag)
        task.session, task.way = conversation.name, TaskWay(task)
        play = PlayTask(self, message, conversation, task.way)
        task.start(play.run)
        await way.send(self.result(message, {"task": task.fields("ttl", "pollInterval")}))

    async def play_now(self, message, conversation, way, tag):
        try:
            answer = await PlayTask(self, message, conversation, way).run()
        except asyncio.CancelledError:
            self.emit("cancelled", tag=tag, session=conversation.name)
            raise
        body = answer if "error" in answer or "result" in answer else {"result": shaped(message, answer["text"])}
        await way.send({"jsonrpc": "2.0", "id": message["id"], **body})

    async def get(self, message, task, way):
        self.emit("get", id=task.id, tag=task.tag, status=task.status)
        await way.send(self.result(message, task.fields("ttl", "pollInterval")))

    async def outcome(self, message, task, way):
        self.emit("awaited", id=task.id, tag=task.tag)
        await task.way.attach(way)
        await task.over.wait()
        outcome = task.outcome or {}
        if "result" in outcome:
            meta = {**outcome["result"].get("_meta", {}), RELATED: {"taskId": task.id}}
            return await way.send(self.result(message, {**outcome["result"], "_meta": meta}))
        error = outcome.get("error") or {"code": -32000, "message": "the task was cancelled"}
        await way.send({"jsonrpc": "2.0", "id": message["id"], "error": error})

    async def cancel(self, message, task, way):
        if task.over.is_set():
            return await self.refuse(way, message, -32602, "the task is over")
        task.cancel()
        await task.over.wait()
        await way.send(self.result(message, task.fields("ttl", "pollInterval")))


if __name__ == "__main__":
    asyncio.run(serve(LegacyTasks, era="legacy", version="2025-11-25"))
