# SPDX-License-Identifier: Apache-2.0
"""Every client a test can ask for by name, and every fixture server, started and ended for it."""

import contextlib

from rig.events import EventSink
from rig.places import SERVERS, python
from rig.processes import Process
from rig.raw_client import RawHttpClient, RawStdioClient
from rig.rpc import MODERN, VERSIONS
from rig.workers import Worker

SDK_MODES = {
    "sdk2-modern": ("sdk2", "modern"),
    "sdk2-legacy": ("sdk2", "legacy"),
    "sdk2-auto": ("sdk2", "auto"),
    "sdk1": ("sdk1", "legacy"),
    "sdkold": ("sdkold", "legacy"),
}
SCRIPTS = {"sdk2": "sdk2_worker.py", "sdk1": "sdk1_worker.py", "sdkold": "sdk1_worker.py"}
MODERN_CLIENTS = ["sdk2-modern", "sdk2-auto", f"raw-{MODERN}"]
LEGACY_CLIENTS = ["sdk2-legacy", "sdk1", "sdkold"] + [f"raw-{v}" for v in VERSIONS]
CLIENTS = MODERN_CLIENTS + LEGACY_CLIENTS


class Clients:
    """Opens clients by name; one worker process for each SDK, all closed with this object."""

    def __init__(self):
        self.workers, self.stack = {}, contextlib.ExitStack()

    def worker(self, venv):
        if venv not in self.workers:
            self.workers[venv] = Worker(venv, SCRIPTS[venv])
            self.stack.callback(self.workers[venv].stop)
        return self.workers[venv]

    def open(self, kind, url=None, command=None, env=None, **more):
        """A connected client: over HTTP with `url`, over stdio with `command`."""
        if kind in SDK_MODES:
            venv, mode = SDK_MODES[kind]
            return self.worker(venv).open(kind, mode, url, command, env, **more)
        version = kind.removeprefix("raw-")
        if url:
            return RawHttpClient(url, version, **more)
        return RawStdioClient(command, version, env=env, **more)

    def close(self):
        self.stack.close()


def server_command(kind, *switches, events=None):
    """The command line of a fixture server: kind is sdk2, sdk1, raw or dialogue."""
    venv, script = {
        "sdk2": ("sdk2", "everything_sdk2.py"),
        "sdk1": ("sdk1", "everything_sdk1.py"),
        "raw": ("tests", "raw_server.py"),
        "watched-sdk2": ("sdk2", "watched_sdk2.py"),
        "watched-sdk1": ("sdk1", "watched_sdk1.py"),
        "watched-raw": ("tests", "raw_watched.py"),
        "dialogue": ("tests", "dialogue_raw.py"),
        "moody": ("tests", "moody_raw.py"),
        "counting": ("tests", "counting_raw.py"),
        "late": ("tests", "late_raw.py"),
        "tasks-modern": ("tests", "tasks_raw_modern.py"),
        "tasks-legacy": ("tests", "tasks_raw_legacy.py"),
        "tasks-sdk1": ("sdk1", "tasks_sdk1.py"),
    }[kind]
    argv = [python(venv), "-W", "ignore", SERVERS / script, *switches]
    return [str(a) for a in argv + (["--events", events.path] if events else [])]


class HttpServer:
    """A fixture server on a loopback port."""

    def __init__(self, kind, *switches, events=None, port=0):
        self.command = server_command(kind, *switches, events=events)
        self.process = Process(self.command + ["--port", str(port)], f"{kind} server")
        try:
            self.port = int(self.process.stdout.wait(lambda line: line.startswith("port "), 30).split()[1])
        except BaseException:
            self.process.kill()
            raise
        self.url = f"http://127.0.0.1:{self.port}/mcp"

    def kill(self):
        self.process.kill()

    def again(self):
        """The same server anew on the same port."""
        self.process = Process(self.command + ["--port", str(self.port)], "server again")
        self.process.stdout.wait(lambda line: line.startswith("port "), 30)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.kill()


__all__ = [
    "CLIENTS",
    "Clients",
    "EventSink",
    "HttpServer",
    "LEGACY_CLIENTS",
    "MODERN_CLIENTS",
    "server_command",
]
