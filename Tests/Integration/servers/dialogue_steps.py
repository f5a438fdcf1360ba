# SPDX-License-Identifier: Apache-2.0
"""The steps that the asking server plays.

Legacy: {"ask": METHOD, "params": …, "id": …, "via": "get", "go_on": true} asks on the call's stream (or the
session's GET stream), and waits for the answer unless told to go on; {"gather": true} waits for all of them;
{"forever": ASK}. Modern: {"round": {"inputRequests": …, "requestState": …}} answers the n-th request of a tag
with the n-th round; {"forever": ROUND}. Both: {"note": METHOD, "params": …} ("@" is the progress token),
{"flood": messages, "bytes": each}, {"wait": TAG}, {"error": …}, {"result": …}, {"after": MESSAGE}, {"die": true}.
The answer's text is JSON: what was answered, and how often the server executed anything.
"""

import asyncio
import itertools
import json
import os

FORM = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}
ELICIT = {"message": "Which colour?", "requestedSchema": FORM}
SAMPLE = {"messages": [{"role": "user", "content": {"type": "text", "text": "one word"}}], "maxTokens": 5}
# What a resource can be asked to play.
NAMED = {
    "legacy": [{"ask": "elicitation/create", "params": ELICIT}],
    "modern": [
        {
            "round": {
                "inputRequests": {"k": {"method": "elicitation/create", "params": ELICIT}},
                "requestState": "r1",
            }
        }
    ],
}
numbers = itertools.count(1)


def listing(method, era):
    """The body of a list, or None."""
    tools = [{"name": n, "description": n, "inputSchema": {"type": "object"}} for n in ("play", "echo")]
    arguments = [{"name": "script"}, {"name": "tag"}]
    found = {
        "tools/list": {"tools": tools},
        "prompts/list": {"prompts": [{"name": "play", "arguments": arguments}]},
        "resources/list": {"resources": [{"uri": "play:///ask", "name": "ask"}]},
        "resources/templates/list": {"resourceTemplates": []},
    }
    if era == "modern":
        capabilities = {"tools": {}, "prompts": {}, "resources": {}, "logging": {}}
        found["server/discover"] = {"supportedVersions": ["2026-07-28"], "capabilities": capabilities}
    return found.get(method)


def shaped(message, text):
    """A text as the result of the method that was called."""
    block = {"type": "text", "text": text}
    if message["method"] == "tools/call":
        return {"content": [block]}
    if message["method"] == "prompts/get":
        return {"messages": [{"role": "user", "content": block}]}
    return {"contents": [{"uri": message["params"]["uri"], "text": text}]}


class Play:
    """One call under way."""

    def __init__(self, server, message, conversation, way):
        self.server, self.message, self.conversation, self.way = server, message, conversation, way
        params = message["params"]
        arguments = params.get("arguments") or {}
        if message["method"] == "resources/read":
            arguments = {"script": NAMED[server.o.era], "tag": params["uri"]}
        elif message["method"] == "prompts/get":
            arguments = {**arguments, "script": json.loads(arguments["script"])}
        self.is_echo = params.get("name") == "echo"
        self.arguments, self.tag = arguments, arguments.get("tag", "")
        self.script = arguments.get("script", [])
        self.answers, self.open = [], []

    async def run(self):
        if self.is_echo:
            return {"text": self.arguments.get("text", "")}
        for step in self.script:
            if (done := await self.step(step)) is not None:
                return done
        return {
            "text": json.dumps(
                {"answers": self.answers, "executions": self.server.executions, **self.extra()}
            )
        }

    async def step(self, step):
        """Plays one step; what it returns ends the call."""
        if "note" in step:
            await self.way.note(self.notification(step))
        elif "flood" in step:
            params = {"level": "error", "data": "x" * step["bytes"]}
            for _ in range(step["flood"]):
                await self.way.note({"jsonrpc": "2.0", "method": "notifications/message", "params": params})
        elif "wait" in step:
            self.server.emit("waiting", tag=step["wait"])
            await self.server.gate(step["wait"]).wait()
        elif "die" in step:
            os._exit(7)
        elif "error" in step or "result" in step:
            return step
        else:
            return await self.own_step(step)

    def notification(self, step):
        token = (self.message["params"].get("_meta") or {}).get("progressToken")
        params = {k: token if v == "@" else v for k, v in step["params"].items()}
        return {"jsonrpc": "2.0", "method": step["note"], "params": params}

    def extra(self):
        return {}

    async def afterwards(self):
        for step in self.script:
            if "after" in step:
                await self.way.note(step["after"])


class PlayLegacy(Play):
    """Questions are requests on the call's stream."""

    async def own_step(self, step):
        if "ask" in step:
            answer = await self.ask(step)
            if not step.get("go_on"):
                self.answers.append(await answer)
        elif "gather" in step:
            self.answers += await asyncio.gather(*self.open)
        elif "forever" in step:
            while True:
                self.answers.append(await (await self.ask(step["forever"])))

    async def ask(self, step):
        number = step.get("id", f"s{next(numbers)}")
        question = {"jsonrpc": "2.0", "id": number, "method": step["ask"]}
        if "params" in step:
            question["params"] = step["params"]
        answer = asyncio.get_running_loop().create_future()
        self.conversation.waiting[json.dumps(number)] = answer
        if step.get("go_on"):
            self.open.append(answer)
        self.server.emit("asked", tag=self.tag, id=number, session=self.conversation.name)
        if step.get("via") == "get":
            await asyncio.wait_for(self.conversation.streaming.wait(), 10)
            self.conversation.stream.write(b"data: " + json.dumps(question).encode() + b"\n\n")
        else:
            await self.way.note(question)
        return answer


class PlayModern(Play):
    """Questions are answers: the n-th request of a tag gets the n-th round."""

    def __init__(self, *how):
        super().__init__(*how)
        self.turn = self.server.calls[self.tag] = self.server.calls.get(self.tag, -1) + 1
        params = self.message["params"]
        self.given, self.state = params.get("inputResponses"), params.get("requestState")
        self.rounds = 0

    async def own_step(self, step):
        if "forever" in step:
            return self.asking(step["forever"])
        if "round" in step:
            self.rounds += 1
            if self.rounds > self.turn:
                return self.asking(step["round"])

    def asking(self, body):
        meta = {"io.modelcontextprotocol/serverInfo": {"name": self.server.o.label, "version": "0"}}
        self.server.emit("asked", tag=self.tag)
        return {"result": {"resultType": "input_required", "_meta": meta, **body}}

    def extra(self):
        meta = self.message["params"]["_meta"]
        return {
            "given": self.given,
            "state": self.state,
            "turn": self.turn,
            "capabilities": meta["io.modelcontextprotocol/clientCapabilities"],
            "logLevel": meta.get("io.modelcontextprotocol/logLevel"),
        }
