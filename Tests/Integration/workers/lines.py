# SPDX-License-Identifier: Apache-2.0
"""The JSON-lines frame that all SDK workers share: requests on stdin, answers and events on stdout.

{"id":1,"op":"open","client":"c1","mode":"auto","url":URL | "command":[…]}   opens a client
{"id":2,"op":"request","client":"c1","method":M,"params":{…},"progress":bool}
{"id":3,"op":"listen","client":"c1","kinds":[…]}                             modern subscription
{"op":"cancel","target":2}        {"id":4,"op":"close","client":"c1"}
{"id":5,"op":"answers","client":"c1","answers":{METHOD: RESULT | {"error":…}}}   what its callbacks say from now on;
`open` takes `answers` too, and declares what it can answer; each question is reported as the note `asked/METHOD`
"""

import asyncio
import json
import sys
import traceback


class Fault(Exception):
    """A JSON-RPC error, however the SDK spells it."""

    def __init__(self, code, message, data):
        self.error = {"code": code, "message": message, "data": data}


def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def flat(error):
    """The leaves of nested exception groups, as text."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(flat(e) for e in error.exceptions)
    return f"{type(error).__name__}: {error}"


class Worker:
    """`connect(command, note)` is an async context manager that yields an object with `facts` (dict),
    `async request(method, params, on_progress)` and optionally `async listen(kinds, note, ready)`."""

    def __init__(self, connect):
        self.connect, self.clients, self.tasks = connect, {}, {}

    async def run(self):
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=1 << 27)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            command = json.loads(line)
            if command["op"] == "cancel":
                if task := self.tasks.get(command["target"]):
                    task.cancel()
                continue
            task = loop.create_task(self.answer(command))
            self.tasks[command["id"]] = task
            task.add_done_callback(lambda _, i=command["id"]: self.tasks.pop(i, None))
        for client in list(self.clients.values()):
            client["closing"].set()
        await asyncio.wait([c["task"] for c in self.clients.values()] or [asyncio.sleep(0)], timeout=5)

    async def answer(self, command):
        try:
            say(id=command["id"], ok=await getattr(self, "op_" + command["op"])(command))
        except Fault as e:
            say(id=command["id"], error=e.error)
        except asyncio.CancelledError:
            say(id=command["id"], cancelled=True)
        except BaseException as e:
            say(id=command["id"], failed=flat(e), trace=traceback.format_exc()[-1500:])

    async def op_open(self, command):
        opened = asyncio.get_running_loop().create_future()
        client = {"closing": asyncio.Event(), "link": None, "answers": command.get("answers")}

        async def live():
            try:
                async with self.connect(
                    command, lambda m, p: say(event="note", client=command["client"], method=m, params=p)
                ) as link:
                    client["link"] = link
                    opened.set_result(link.facts)
                    await client["closing"].wait()
            except BaseException as e:
                if not opened.done():
                    opened.set_exception(e if isinstance(e, Fault) else RuntimeError(flat(e)))
                elif not client["closing"].is_set():
                    say(event="note", client=command["client"], method="worker/lost", params={"why": flat(e)})

        client["task"] = asyncio.get_running_loop().create_task(live())
        self.clients[command["client"]] = client
        return await opened

    async def op_answers(self, command):
        self.clients[command["client"]]["answers"].update(command["answers"])
        return {}

    async def op_request(self, command):
        def on_progress(params):
            say(event="progress", target=command["id"], params=params)

        link = self.clients[command["client"]]["link"]
        return await link.request(
            command["method"], command.get("params") or {}, on_progress if command.get("progress") else None
        )

    async def op_listen(self, command):
        link, ready = self.clients[command["client"]]["link"], asyncio.get_running_loop().create_future()

        def note(method, params=None):
            say(event="note", client=command["client"], method=method, params=params or {})

        task = asyncio.get_running_loop().create_task(link.listen(command["kinds"], note, ready))
        self.clients[command["client"]].setdefault("listens", []).append(task)
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            task.result()
        return ready.result()

    async def op_close(self, command):
        client = self.clients.pop(command["client"])
        for task in client.get("listens", []):
            task.cancel()
        client["closing"].set()
        await asyncio.wait([client["task"]], timeout=15)
        return {}
