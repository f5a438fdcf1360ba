# SPDX-License-Identifier: Apache-2.0
"""`serve --stdio`: the gateway as the child of a client."""

import json
import subprocess

import pytest

from rig import processes
from rig.gateway import ENVIRONMENT, native, stdio, write
from rig.peers import CLIENTS, HttpServer, server_command
from rig.places import JACKFIELD
from rig.processes import Process
from rig.raw_client import modern_params
from rig.rpc import MODERN, VERSIONS, RpcError
from rig.tee import Tee
from servers.catalogue import TOOLS

HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "pipe", "version": "1"},
    },
}


@pytest.fixture(scope="module")
def config(events, tmp_path_factory):
    with HttpServer("sdk2", "--label", "web", events=events) as web:
        child = stdio(server_command("sdk1", "--stdio", "--label", "child", events=events))
        yield write(
            tmp_path_factory.mktemp("front") / "c.yaml", native({"web": {"url": web.url}, "child": child})
        )


def command(config):
    """The gateway's command line as a client would spell it."""
    return [str(JACKFIELD), "serve", "--stdio", "--config", str(config)]


@pytest.mark.parametrize("kind", CLIENTS)
def test_every_client_over_stdio(clients, config, events, tmp_path, kind):
    tee = Tee(command(config), tmp_path / "log", "client to gateway")
    with clients.open(kind, command=tee.command) as link:
        names = processes.eventually(lambda: has_both(link))
        assert len(names) == 2 * len(TOOLS)
        for server in ("web", "child"):
            assert link.text(f"{server}__echo", {"text": 'ünï\n"x"'}) == 'ünï\n"x"'
            assert json.loads(link.call(f"{server}__add", {"a": 1, "b": 2})["content"][0]["text"])["sum"] == 3
            assert link.prompt(f"{server}__plain")["messages"]
            call = link.start_call(f"{server}__progress", {"steps": 3}, progress=True)
            call.result()
            assert [p["progress"] for p in call.progress] == [1, 2, 3]
            mark, tag = events.mark(), f"{kind} {server}"
            call = link.start_call(f"{server}__slow", {"ms": 60000, "tag": tag})
            events.wait("started", mark, tag=tag)
            call.cancel()
            events.wait("cancelled", mark, tag=tag)
        with pytest.raises(RpcError) as caught:
            link.call("web__nothing")
        assert caught.value.code == -32602
        if link.modern:
            assert link.listen("tools").get("toolsListChanged")
        link.call("web__change", {"kind": "tools"})
        link.notes.wait("notifications/tools/list_changed")
        if not link.modern:
            assert link.request("ping") == {}
    tee.wire().check()


def has_both(link):
    names = [n for n in link.tools() if "__new_" not in n]
    assert any(n.startswith("web__") for n in names) and any(n.startswith("child__") for n in names), names
    return names


class Pipe:
    """The gateway on raw pipes."""

    def __init__(self, config):
        self.process = Process(command(config), "jackfield --stdio", env=ENVIRONMENT, stdin=subprocess.PIPE)

    def send(self, *messages):
        for m in messages:
            line = m if isinstance(m, bytes) else json.dumps(m).encode()
            self.process.popen.stdin.write(line + b"\n")
        self.process.popen.stdin.flush()

    def answer(self, number, timeout=10):
        """The answer with that id."""
        return json.loads(
            self.process.stdout.wait(
                lambda line: (m := json.loads(line)).get("id") == number and "method" not in m, timeout
            )
        )

    def end(self):
        self.process.popen.stdin.close()
        return self.process.wait(10)


@pytest.fixture
def pipe(config):
    opened = Pipe(config)
    yield opened
    try:
        assert opened.end() == 0
    finally:
        opened.process.kill()


def test_end_of_input_ends_the_gateway_and_its_children(pipe):
    pipe.send(HELLO)
    assert pipe.answer(0)["result"]["protocolVersion"] == "2025-06-18"
    family = processes.descendants(pipe.process.pid)
    assert family, "the stdio server is not running"
    assert pipe.end() == 0
    for pid in family:
        processes.await_gone(pid)
    for line in pipe.process.stdout.lines:
        assert json.loads(line)["jsonrpc"] == "2.0", "stdout carries protocol messages only"


def test_end_of_input_before_any_message(pipe):
    assert pipe.end() == 0


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"",
        b"{",
        b"[]",
        b"[1]",
        b"\xff\xfe",
        b'"x"',
        b'{"jsonrpc":"2.0"}',
        b"[" * 100_000,
        b'{"jsonrpc":"2.0","id":9,"result":{}}',
    ],
)
def test_bad_lines_do_not_end_the_connection(pipe, line):
    pipe.send(HELLO, line, {"jsonrpc": "2.0", "id": 5, "method": "ping"})
    assert pipe.answer(5)["result"] == {}
    said = [json.loads(text) for text in pipe.process.stdout.lines]
    errors = [m for m in said if "error" in m]
    if line not in (b"", b'{"jsonrpc":"2.0","id":9,"result":{}}'):
        assert [e["error"]["code"] for e in errors] in ([-32700], [-32600]), said
        assert errors[0].get("id") is None
    else:
        assert not errors


def test_oversized_line_is_refused_and_passed_over(pipe):
    big = {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "tools/call",
        "params": {"name": "web__echo", "arguments": {"text": "x" * (5 << 20)}},
    }
    pipe.send(HELLO, big, {"jsonrpc": "2.0", "id": 8, "method": "ping"})
    assert pipe.answer(8)["result"] == {}
    errors = [m for m in map(json.loads, pipe.process.stdout.lines) if "error" in m]
    assert len(errors) == 1 and errors[0].get("id") in (None, 7)


def test_split_and_joined_lines(pipe):
    data = (
        json.dumps(HELLO) + "\n" + json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}) + "\r\n"
    ).encode()
    for n in range(0, len(data), 3):
        pipe.process.popen.stdin.write(data[n : n + 3])
        pipe.process.popen.stdin.flush()
    assert pipe.answer(1)["result"] == {}


def test_both_eras_on_one_connection(pipe):
    pipe.send(
        HELLO,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": modern_params({})},
    )
    assert pipe.answer(0)["result"]["protocolVersion"] == "2025-06-18"
    assert pipe.answer(1)["result"]["supportedVersions"] == [MODERN]


@pytest.mark.parametrize("version", VERSIONS)
def test_versions(pipe, version):
    pipe.send({**HELLO, "params": {**HELLO["params"], "protocolVersion": version}})
    assert pipe.answer(0)["result"]["protocolVersion"] == version


def test_modern_request_without_meta(pipe):
    pipe.send(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/list",
            "params": {
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2099-01-01",
                    "io.modelcontextprotocol/clientCapabilities": {},
                }
            },
        }
    )
    error = pipe.answer(1)["error"]
    assert error["code"] == -32022
    assert error["data"] == {"supported": [MODERN], "requested": "2099-01-01"}


def test_many_calls_at_once(clients, config):
    with clients.open("raw-" + MODERN, command=command(config)) as link:
        processes.eventually(lambda: has_both(link))
        calls = [link.start_call(f"{('web', 'child')[n % 2]}__echo", {"text": str(n)}) for n in range(200)]
        assert [c.result()["content"][0]["text"] for c in calls] == [str(n) for n in range(200)]
