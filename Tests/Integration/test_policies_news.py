# SPDX-License-Identifier: Apache-2.0
"""`list_changed` reaches those whose own list is another, and nobody else: a change that policies hide stays hidden."""

import contextlib
import http.client
import json
import queue
import signal
import subprocess
import threading

import pytest

from rig.builds import build
from rig.gateway import native, serving, write
from rig.opa import Opa
from rig.peers import HttpServer
from rig.places import JACKFIELD
from rig.processes import eventually
from rig.raw_client import sse_events
from rig.wire_http import exchange, legacy, modern

TOOLS, PROMPTS, RESOURCES = (f"notifications/{kind}/list_changed" for kind in ("tools", "prompts", "resources"))
READER = ["tools:e/echo", "prompts:e/plain"]
BOSS = ["tools:*/*", "resources:*/*", "prompts:*/*"]
DEMO = {"demo": {"plugin": "tools-demo"}}
ERAS = ["modern", "legacy"]


def rbac(reader=READER, boss=BOSS):
    roles = {"reader": {"allow": reader}, "boss": {"allow": boss}}
    return {"policy": "rbac", "roles": roles, "assignments": {"subjects": {"bob": ["reader"], "ann": ["boss"]}}}


def who(subject):
    return {"X-Principal": json.dumps({"subject": subject, "keep_ms": 0})}


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    return build(tmp_path_factory.mktemp("provider") / "trusting.so", source="trusting")


@pytest.fixture(scope="module")
def server():
    with HttpServer("sdk2") as running:
        yield {"e": {"url": running.url}}


class Site:
    def __init__(self, folder, provider, server):
        self.folder, self.provider, self.servers = folder, provider, server

    def write(self, *policies, **more):
        blocks = {
            "auth": {"providers": [{"provider": "trusting"}], "required": False},
            "plugins": [
                {"file": str(self.provider), "placement": "inproc"},
                {"id": "policy-rbac"},
                {"id": "tools-demo"},
            ],
            "runtime": {"loops": 2, "drain_timeout": "3s"},
            "policies": list(policies),
        }
        return write(self.folder / "c.yaml", native({**self.servers, **more}, **blocks))

    @contextlib.contextmanager
    def run(self, *policies, **more):
        with serving(self.write(*policies, **more)) as self.gateway, contextlib.ExitStack() as self.streams:
            self.gateway.log.wait("server is up server=e")
            yield self

    def change(self, *policies, **more):
        said = len(self.gateway.log.lines)
        self.write(*policies, **more)
        self.gateway.reload()
        self.gateway.log.wait("configuration reloaded", start=said)

    def tools(self, subject):
        answer = exchange(self.gateway.port, modern("tools/list", headers=who(subject)))
        return [t["name"] for t in answer.json["result"]["tools"]]

    def listen(self, era, subject, session=None):
        stream = Stream(self.gateway.port, era, subject, session)
        self.streams.callback(stream.close)
        return stream


class Stream:
    """What one client hears on its standing stream."""

    def __init__(self, port, era, subject, session=None):
        self.heard, self.session = queue.Queue(), session
        if era == "modern":
            kinds = {"toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True}
            data = modern("subscriptions/listen", {"notifications": kinds}, headers=who(subject))
            head, _, body = data.partition(b"\r\n\r\n")
            fields, verb = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:]), "POST"
        else:
            if not session:
                hello = {
                    "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "h", "version": "1"}
                }
                message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}
                found = exchange(port, legacy(message, version=None, headers=who(subject)))
                self.session = found.headers["mcp-session-id"]
            fields, body, verb = {"Accept": "text/event-stream", "Mcp-Session-Id": self.session}, None, "GET"
            fields |= {"MCP-Protocol-Version": "2025-11-25", **who(subject)}
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.connection.request(verb, "/mcp", body, fields)
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        if era == "modern":
            assert self.next() == "notifications/subscriptions/acknowledged"

    def _read(self):
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            for data in sse_events(self.response):
                if data.strip():
                    self.heard.put(json.loads(data)["method"])

    def next(self):
        return self.heard.get(timeout=15)

    def kinds(self, count):
        return {self.next() for _ in range(count)}

    def close(self):
        with contextlib.suppress(OSError):
            self.connection.sock and self.connection.sock.shutdown(2)
        self.connection.close()
        self.thread.join(10)


@pytest.fixture
def site(tmp_path, provider, server):
    return Site(tmp_path, provider, server)


@pytest.mark.parametrize("era", ERAS)
def test_a_hidden_change_is_not_told(site, era):
    with site.run(rbac()):
        ann, bob, eve = (site.listen(era, name) for name in ("ann", "bob", "eve"))
        site.change(rbac(), **DEMO)
        assert ann.kinds(3) == {TOOLS, PROMPTS, RESOURCES}
        # The next that Bob hears is of the next change, which is of his own prompts; Eve never sees anything.
        site.change(rbac(["tools:e/echo"]), **DEMO)
        assert bob.next() == PROMPTS
        site.change(rbac(["tools:e/echo", "tools:demo/echo"]), **DEMO)
        assert bob.next() == TOOLS and ann.heard.empty() and eve.heard.empty()
        assert sorted(site.tools("bob")) == ["demo__echo", "e__echo"]


@pytest.mark.parametrize("era", ERAS)
def test_policies_come_and_go(site, era):
    with site.run():
        ann, bob = site.listen(era, "ann"), site.listen(era, "bob")
        site.change(rbac())
        assert bob.kinds(3) == {TOOLS, PROMPTS, RESOURCES}
        # Ann has seen everything before and after.
        site.change(rbac(boss=["tools:*/*", "resources:*/*"]))
        assert ann.next() == PROMPTS
        site.change()
        assert bob.kinds(3) == {TOOLS, PROMPTS, RESOURCES} and ann.next() == PROMPTS
        assert ann.heard.empty()


def test_what_a_session_missed_is_its_own(site):
    """Between two streams of a session: what was hidden from it did not happen."""
    with site.run(rbac()):
        first = site.listen("legacy", "bob")
        first.close()
        ann = site.listen("legacy", "ann")
        site.change(rbac(), **DEMO)
        assert ann.kinds(3) == {TOOLS, PROMPTS, RESOURCES}
        second = site.listen("legacy", "bob", first.session)
        site.change(rbac(["tools:e/echo"]), **DEMO)
        assert second.next() == PROMPTS and second.heard.empty()
        second.close()
        site.change(rbac(["tools:e/echo", "tools:demo/echo"]), **DEMO)
        third = site.listen("legacy", "bob", first.session)
        assert third.next() == TOOLS


REGO = """
package jackfield

sees := {"echo", "plain"}

decision := {"allow": shown(input)}

shown(item) if {
    item.server == "e"
    item.name in sees
}

review := [d | some item in input.items; d := count([1 | shown(item)]) == 1]

narrow := [d | some item in input.items; d := count([1 | shown(item); item.name == "echo"]) == 1]
"""


def opa(engine, review="review"):
    return {
        "policy": "opa", "url": engine.url, "path": "jackfield/decision", "review_path": f"jackfield/{review}",
        "timeout_ms": 4000,
    }


@pytest.mark.parametrize("era", ERAS)
def test_a_policy_that_takes_its_time(site, era):
    """Nothing is told before it has decided, and then only what it shows; nothing while it fails."""
    with Opa(jackfield=REGO) as engine:
        with site.run(opa(engine)):
            bob = site.listen(era, "bob")
            engine.asked.clear()
            site.change(opa(engine), **DEMO)

            def reviewed():
                assert [1 for path, _ in engine.asked if path.endswith("review")]

            eventually(reviewed)
            site.change(opa(engine, "narrow"), **DEMO)
            assert bob.next() == PROMPTS
            engine.broken = (500, b"{}")
            site.change(opa(engine), **DEMO)
            site.gateway.log.wait("a policy gave no decision about a list")
            assert bob.heard.empty()
            engine.broken = None
            assert bob.next() == PROMPTS, "as soon as it is known"


def test_many_streams_of_few_classes(site):
    """Many streams of two classes: each hears of its own changes once, however often others' rules change."""
    with site.run(rbac()):
        streams = [site.listen("modern", name) for name in ("bob", "ann") * 12]
        for _ in range(3):
            site.change(rbac(["tools:e/echo"]))
            for stream in streams[::2]:
                assert stream.next() == PROMPTS
            site.change(rbac())
            for stream in streams[::2]:
                assert stream.next() == PROMPTS
        assert all(stream.heard.empty() for stream in streams)


def test_the_client_of_standard_input(site):
    """Its one channel is its stream: it hears of its own lists only, too."""

    def rules(*allowed):
        roles = {"guest": {"allow": ["tools:e/echo", *allowed]}}
        return {"policy": "rbac", "roles": roles, "assignments": {"anonymous": ["guest"]}}

    config = site.write(rules("prompts:e/plain"))
    argv = [JACKFIELD, "serve", "--config", str(config), "--stdio"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        def ask(method, **params):
            line = json.dumps({"jsonrpc": "2.0", "id": method, "method": method, "params": params})
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        def change(*policies, **more):
            site.write(*policies, **more)
            process.send_signal(signal.SIGHUP)
            while b"configuration reloaded" not in process.stderr.readline():
                pass

        try:
            hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "h", "version": "1"}}
            assert ask("initialize", **hello)["result"]
            [tool] = ask("tools/list")["result"]["tools"]
            assert tool["name"] == "e__echo"
            change(rules("prompts:e/plain"), **DEMO)
            change(rules(), **DEMO)
            assert json.loads(process.stdout.readline())["method"] == PROMPTS
            change(rules("tools:demo/echo"), **DEMO)
            assert json.loads(process.stdout.readline())["method"] == TOOLS
        finally:
            process.stdin.close()
            process.wait(10)
