# SPDX-License-Identifier: Apache-2.0
"""The gateway under test: started from a configuration, watched, stopped without leaving anything behind."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
from urllib.parse import urlsplit

import yaml

from rig import processes
from rig.places import JACKFIELD
from rig.processes import Process
from rig.wire_http import exchange, modern

LISTENING = "listening on http://"
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}


# Restarts of a child that keeps dying: soon, so that tests of many deaths stay short.
QUICK = {"initial_ms": 50, "max_ms": 200}


def stdio(command, **more):
    """A server of the native form that is a child process."""
    return {"command": str(command[0]), "args": [str(a) for a in command[1:]], **more}


def native(servers, **blocks):
    """A native configuration as a value. Draining is short: a failed test does not hold up the next."""
    return {"version": 1, "runtime": {"drain_timeout": "3s"}, **blocks, "servers": servers}


def write(path, value):
    """Writes a configuration: YAML for .yaml, JSON otherwise. Replaces the file whole."""
    text = yaml.safe_dump(value, sort_keys=False) if path.suffix == ".yaml" else json.dumps(value, indent=2)
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)
    return path


def command_line(*arguments, timeout=30, stdin=None, env=None, cwd=None):
    """Runs `jackfield …` to its end; the CompletedProcess has text in stdout and stderr."""
    return subprocess.run(
        [JACKFIELD, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        input=stdin if stdin is not None else "",
        env=env or ENVIRONMENT,
        cwd=cwd,
    )


class Gateway:
    """One `jackfield serve` on a port that the system chose; `listen=None`: where the configuration says."""

    def __init__(self, config, *switches, env=None, wait=True, listen="127.0.0.1:0"):
        self.config = config
        self.before = set(processes.orphans())
        where = ["--listen", listen] if listen else []
        argv = [JACKFIELD, "serve", "--config", config, *where, *switches]
        self.process = Process(argv, "jackfield", env={**ENVIRONMENT, **(env or {})})
        self.pid, self.log = self.process.pid, self.process.stderr
        if wait:
            try:
                self.ready()
            except BaseException:
                self.process.kill()
                processes.bury(set(processes.orphans()) - self.before)
                raise

    def ready(self, timeout=30):
        line = self.log.wait(LISTENING, timeout)
        self.url = "http://" + line.partition(LISTENING)[2].split()[0]
        self.base = self.url.removesuffix("/mcp")
        self.port = urlsplit(self.url).port

    def server_url(self, name):
        return f"{self.base}/mcp/servers/{name}"

    def bundle_url(self, name):
        return f"{self.base}/mcp/bundles/{name}"

    def get(self, path, timeout=10):
        """(status, body) of a plain GET, e.g. /readyz."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def resources(self):
        return processes.resources(self.pid)

    def listed(self, *servers):
        """Waits until the tools of these servers are listed: programs take a while to start."""

        def names():
            found = exchange(self.port, modern("tools/list")).json["result"]["tools"]
            missing = [s for s in servers if not any(t["name"].startswith(s + "__") for t in found)]
            assert not missing, f"not listed yet: {missing}"

        processes.eventually(names)

    def children(self):
        """{pid: command line} of the running children: the stdio servers."""
        return {
            pid: command
            for pid, (state, command) in processes.children(self.pid).items()
            if state != "Z" and not command.startswith("jackfield-watch")
        }

    def child(self, mark):
        """The one child whose command line holds `mark`."""
        found = [pid for pid, command in self.children().items() if mark in command]
        assert len(found) == 1, f"children with {mark!r}: {found} of {self.children()}"
        return found[0]

    def zombies(self):
        family = processes.descendants(self.pid)
        return {pid: what for pid, what in family.items() if what[0] == "Z"}

    def no_zombies(self):
        assert not self.zombies()

    def reload(self):
        self.process.signal(signal.SIGHUP)

    def stop(self, number=signal.SIGTERM, timeout=15):
        """Ends the gateway as an operator would and insists that nothing of it remains."""
        try:
            assert self.process.running(), (
                f"the gateway died with {self.process.popen.returncode}:\n" + self.tail()
            )
            zombies = self.zombies()
            if zombies:
                # One may be ending at this very moment.
                with contextlib.suppress(AssertionError):
                    processes.eventually(self.no_zombies, 0.5)
                zombies = self.zombies()
            self.process.signal(number)
            status = self.process.wait(timeout)
            assert status == 0, f"exit status {status} after signal {number}:\n" + self.tail()
            left = processes.lasting({pid for pid in processes.orphans() if pid not in self.before}, 0.5)
            assert not left, f"processes that outlived the gateway: {left}"
            assert not zombies, f"children that were never reaped: {zombies}"
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", self.port), 2).close()
                raise AssertionError(f"port {self.port} is still open")
        finally:
            self.kill()

    def kill(self):
        self.process.kill()
        processes.bury(set(processes.orphans()) - self.before)

    def tail(self, lines=40):
        return "\n".join(self.log.text().splitlines()[-lines:])


@contextlib.contextmanager
def serving(config, *switches, **more):
    """A gateway for the body of a `with`; stopped cleanly when the body succeeded, killed when it did not."""
    gateway = Gateway(config, *switches, **more)
    try:
        yield gateway
    except BaseException as e:
        e.add_note("the gateway's log ends:\n" + gateway.tail())
        gateway.kill()
        raise
    gateway.stop()
