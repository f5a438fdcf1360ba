# SPDX-License-Identifier: Apache-2.0
"""A server of 2026-07-28 with the extension io.modelcontextprotocol/tasks, written by hand, over HTTP or stdio.

Its tool `play {tag, script}` knows one step more than the asking server's: {"task": {"script": […], "id", "ttl",
"poll"}} answers with a task that plays that script. Steps inside a task: {"wait": TAG}, {"say": TEXT}, {"error": …},
{"result": …}, {"cancelled": true}, {"vanish": true} (forgets itself), {"ask": {KEY: {"method", "params"}}} (waits for all
answers). A client without the extension gets the outcome of the same script as its result. With `--without` the server
has no tasks.
"""

import asyncio
import json
import os

from dialogue_raw import META, Conversation, DialogueServer
from dialogue_steps import PlayModern, listing, shaped
from tasks_raw import Gates, Task, serve

EXTENSION = "io.modelcontextprotocol/tasks"
MISSING = {
    "code": -32021,
    "message": "Missing required client capability",
    "data": {"requiredCapabilities": {"extensions": {EXTENSION: {}}}},
}


def declares(message):
    capabilities = message["params"]["_meta"][META + "clientCapabilities"]
    return EXTENSION in capabilities.get("extensions", {})


class PlayTask(PlayModern):
    """A call that may become a task."""

    async def own_step(self, step):
        if "task" not in step:
            return await super().own_step(step)
        task = Task(self.server, step["task"], self.tag)
        if not declares(self.message):
            return await self.script_of(task)
        task.start(lambda: self.script_of(task))
        body = {"resultType": "task", **task.fields("ttlMs", "pollIntervalMs")}
        return {"result": {**body, "_meta": {META + "serverInfo": {"name": self.server.o.label, "version": "0"}}}}

    async def script_of(self, task):
        for step in task.plan.get("script", []):
            if "say" in step:
                await task.become("working", step["say"])
            elif "ask" in step:
                task.questions = dict(step["ask"])
                await task.become("input_required")
                while task.questions:
                    task.changed = asyncio.get_running_loop().create_future()
                    await task.changed
                await task.become("working")
            elif "wait" in step:
                self.server.emit("waiting", tag=step["wait"])
                await self.server.gate(step["wait"]).wait()
            elif "die" in step:
                os._exit(7)
            else:
                return step
        return {"text": json.dumps({"answers": task.answers, "executions": self.server.executions, **self.extra()})}


class ModernTasks(Gates, DialogueServer):
    """The protocol, without transport."""

    def __init__(self, options):
        super().__init__(options)
        self.tasks, self.listens = {}, []

    # Each request over HTTP stands alone: what one connection's end cancels is its own call.
    @property
    def pipe(self):
        return self.only if self.o.stdio else Conversation(None)

    @pipe.setter
    def pipe(self, only):
        self.only = only

    async def play(self, message, conversation, way):
        try:
            play = PlayTask(self, message, conversation, way)
            self.executions += 1
            turn = self.turns[play.tag] = self.turns.get(play.tag, 0) + 1
            self.emit("executed", tag=play.tag, turn=turn)
            answer = await play.run()
        except asyncio.CancelledError:
            self.emit("cancelled", tag=play.tag)
            raise
        if "text" in answer:
            answer = {"result": shaped(message, answer["text"])}
        if "result" in answer:
            answer = self.result(message, answer["result"])
        await way.send({"jsonrpc": "2.0", "id": message["id"], **answer})

    async def handle(self, message, conversation, way):
        method, number = message.get("method"), message.get("id")
        own = {"tasks/get": self.get, "tasks/update": self.update, "tasks/cancel": self.cancel}.get(method)
        if method == "server/discover":
            capabilities = {"tools": {}, "prompts": {}, "resources": {}}
            if not self.o.without:
                capabilities["extensions"] = {EXTENSION: {}}
            body = {**listing(method, "modern"), "capabilities": capabilities}
            return await way.send(self.result(message, body, listed=True))
        if method == "subscriptions/listen" and not self.o.without:
            self.emit("message", method=method, message=message, session=None)
            return await self.listen(message, conversation, way)
        if own is None or self.o.without:
            return await super().handle(message, conversation, way)
        self.emit("message", method=method, message=message, session=None)
        task = self.tasks.get(message["params"]["taskId"])
        if not declares(message):
            return await way.send({"jsonrpc": "2.0", "id": number, "error": MISSING}, 400)
        if task is None:
            error = {"code": -32602, "message": f"Task not found: {message['params']['taskId']}"}
            return await way.send({"jsonrpc": "2.0", "id": number, "error": error}, 400)
        await way.send(self.result(message, await own(message, task)))

    def shown(self, task):
        more = {"inputRequests": task.questions} if task.status == "input_required" else task.outcome or {}
        return {**task.fields("ttlMs", "pollIntervalMs"), **more}

    async def get(self, message, task):
        self.emit("get", id=task.id, tag=task.tag, status=task.status)
        return self.shown(task)

    async def update(self, message, task):
        responses = message["params"]["inputResponses"]
        self.emit("update", id=task.id, tag=task.tag, responses=responses)
        for key in list(task.questions):
            if key in responses:
                task.answers[key] = responses[key]
                del task.questions[key]
        if not task.questions and getattr(task, "changed", None) and not task.changed.done():
            task.changed.set_result(None)
        return {}

    async def cancel(self, message, task):
        task.cancel()
        return {}

    # MARK: News

    async def listen(self, message, conversation, way):
        wanted = [i for i in message["params"]["notifications"].get("taskIds", []) if i in self.tasks]
        entry = (message["id"], wanted, way)
        self.listens.append(entry)
        conversation.running[json.dumps(message["id"])] = asyncio.current_task()
        accepted = {"notifications": {"taskIds": wanted} if wanted else {}}
        await self.tell(way, message["id"], "notifications/subscriptions/acknowledged", accepted)
        self.emit("listening", ids=wanted)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.listens.remove(entry)
            self.emit("unheard", ids=wanted)

    async def tell(self, way, number, method, params):
        params = {**params, "_meta": {META + "subscriptionId": number}}
        await way.note({"jsonrpc": "2.0", "method": method, "params": params})

    async def changed(self, task):
        for number, wanted, way in self.listens:
            if task.id in wanted:
                await self.tell(way, number, "notifications/tasks", self.shown(task))


if __name__ == "__main__":
    asyncio.run(serve(ModernTasks, era="modern", version=None))
