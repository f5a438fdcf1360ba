# SPDX-License-Identifier: Apache-2.0
"""SDK clients: each SDK lives in its own environment and process, and is driven by JSON lines."""

import itertools
import json
import subprocess
import threading
from concurrent.futures import Future

from rig.places import HERE, python
from rig.processes import Process
from rig.rpc import Call, Client, Notes, RpcError


class WorkerFailure(Exception):
    """The SDK raised something that is no JSON-RPC error."""


class Cancelled(Exception):
    """The request was given up by this client."""


class Worker:
    """A process that hosts any number of clients of one SDK."""

    def __init__(self, venv, script):
        self.process = Process(
            [python(venv), "-W", "ignore", HERE / "workers" / script],
            f"{venv} clients",
            stdin=subprocess.PIPE,
            collect=False,
        )
        self.ids, self.names = itertools.count(1), itertools.count(1)
        self.calls, self.notes, self.lock = {}, {}, threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.popen.stdout:
            message = json.loads(line)
            if message.get("event") == "note":
                if notes := self.notes.get(message["client"]):
                    notes.put(message["method"], message["params"])
            elif message.get("event") == "progress":
                if call := self.calls.get(message["target"]):
                    call.progress.append(message["params"])
            else:
                self._settle(self.calls.pop(message["id"]).future, message)
        for call in list(self.calls.values()):
            call.future.set_exception(
                WorkerFailure("the worker ended: " + self.process.stderr.text()[-2000:])
            )

    @staticmethod
    def _settle(future, message):
        if "ok" in message:
            future.set_result(message["ok"])
        elif "error" in message:
            e = message["error"]
            future.set_exception(RpcError(e["code"], e["message"], e["data"]))
        elif "cancelled" in message:
            future.set_exception(Cancelled())
        else:
            future.set_exception(WorkerFailure(message["failed"] + "\n" + message["trace"]))

    def send(self, **command):
        with self.lock:
            self.process.popen.stdin.write((json.dumps(command) + "\n").encode())
            self.process.popen.stdin.flush()

    def start(self, **command):
        number = next(self.ids)
        call = self.calls[number] = Call(Future(), lambda: self.send(op="cancel", target=number))
        self.send(id=number, **command)
        return call

    def open(self, kind, mode, url=None, command=None, env=None, timeout=30, **more):
        name = f"c{next(self.names)}"
        notes = self.notes[name] = Notes()
        target = {"url": url} if url else {"command": [str(c) for c in command], "env": env}
        facts = self.start(op="open", client=name, mode=mode, **target, **more).result(timeout)
        return SdkClient(self, name, kind, facts, notes)

    def stop(self):
        self.process.popen.stdin.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()


class SdkClient(Client):
    """One client inside a worker."""

    def __init__(self, worker, name, kind, facts, notes):
        self.worker, self.name, self.kind, self.notes = worker, name, kind, notes
        self.__dict__.update(facts)

    def start(self, method, params=None, progress=False):
        return self.worker.start(
            op="request", client=self.name, method=method, params=params or {}, progress=progress
        )

    def answer_with(self, answers):
        """Changes what the callbacks say, by method."""
        self.worker.start(op="answers", client=self.name, answers=answers).result(20)

    def listen(self, *kinds):
        """Subscribes to list changes (handshake-era clients hear them unasked); the honoured filter."""
        return (
            self.worker.start(op="listen", client=self.name, kinds=list(kinds)).result(20)
            if self.modern
            else {}
        )

    def close(self):
        self.worker.start(op="close", client=self.name).result(20)
