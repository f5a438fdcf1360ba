# SPDX-License-Identifier: Apache-2.0
"""Servers that people run, behind a configuration file that was written for a desktop client."""

import json
import os
import signal
import subprocess

import pytest

from rig import processes
from rig.gateway import Gateway, native, serving, stdio, write
from rig.peers import HttpServer, server_command
from rig.places import python
from rig.processes import eventually
from rig.rpc import MODERN, RpcError

KINDS = ["sdk2-modern", "sdk2-legacy", "sdk1", "sdkold", "raw-2024-11-05", "raw-" + MODERN]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    (folder / "file.txt").write_text("one\n")
    who = {
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@b",
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "HOME": str(folder),
    }
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "first words"]):
        subprocess.run(["git", *command], cwd=folder, env=who, check=True)
    (folder / "file.txt").write_text("two\n")
    return folder


def desktop_file(folder, repository):
    """The `mcpServers` form, exactly as a desktop client has it."""
    interpreter = str(python("servers"))
    return write(
        folder / "mcp.json",
        {
            "mcpServers": {
                "time": {
                    "command": interpreter,
                    "args": ["-m", "mcp_server_time", "--local-timezone", "UTC"],
                },
                "git": {
                    "command": interpreter,
                    "args": ["-m", "mcp_server_git", "--repository", str(repository)],
                    "env": {"GIT_CONFIG_GLOBAL": "/dev/null"},
                },
                "fetch": {"command": interpreter, "args": ["-m", "mcp_server_fetch"], "disabled": False},
            }
        },
    )


@pytest.fixture(scope="module")
def gateway(repository, tmp_path_factory):
    running = Gateway(desktop_file(tmp_path_factory.mktemp("desktop"), repository))
    running.listed("time", "git", "fetch")
    yield running
    running.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_one_endpoint_for_three_servers(gateway, clients, repository, kind):
    with clients.open(kind, url=gateway.url) as link:
        names = set(link.tools())
        assert {"time__get_current_time", "time__convert_time", "git__git_status", "fetch__fetch"} <= names
        now = json.loads(link.text("time__get_current_time", {"timezone": "Europe/Berlin"}))
        assert now["timezone"] == "Europe/Berlin"
        status = link.text("git__git_status", {"repo_path": str(repository)})
        assert "file.txt" in status and "modified" in status
        assert "first words" in link.text("git__git_log", {"repo_path": str(repository)})


@pytest.mark.direct
@pytest.mark.parametrize("kind", ["sdk2-auto", "sdk1"])
def test_the_servers_work_by_themselves(clients, repository, kind):
    command = [python("servers"), "-m", "mcp_server_git", "--repository", repository]
    with clients.open(kind, command=command) as link:
        assert "file.txt" in link.text("git_status", {"repo_path": str(repository)})


def test_one_process_for_each_server(gateway, clients):
    with clients.open("raw-" + MODERN, url=gateway.url) as link:
        link.text("time__get_current_time", {"timezone": "UTC"})
        before = gateway.children()
        for _ in range(20):
            link.text("time__get_current_time", {"timezone": "UTC"})
        assert gateway.children() == before and len(before) == 3


def test_killed_server_costs_its_own_call_only(clients, repository, events, tmp_path):
    """kill -9 in the middle of a call: that call fails clearly, others go on, the server comes back."""
    config = json.loads(desktop_file(tmp_path, repository).read_text())
    command = server_command("sdk2", "--stdio", "--label", "victim", events=events)
    config["mcpServers"]["victim"] = {"command": command[0], "args": command[1:]}
    with serving(write(tmp_path / "four.json", config)) as gateway:
        gateway.listed("time", "git", "fetch", "victim")
        with (
            clients.open("raw-" + MODERN, url=gateway.url) as link,
            clients.open("raw-2025-11-25", url=gateway.url) as old,
        ):
            mark = events.mark()
            calls = [
                c.start_call("victim__slow", {"ms": 60000, "tag": t})
                for c, t in ((link, "new"), (old, "old"))
            ]
            pid = [events.wait("started", mark, tag=t)["pid"] for t in ("new", "old")][0]
            others = set(gateway.children()) - {pid}
            up = events.mark()
            os.kill(pid, signal.SIGKILL)
            for call in calls:
                with pytest.raises(RpcError) as caught:
                    call.result(10)
                assert "victim" in str(caught.value) and caught.value.code not in (-32700, -32600, -32601)
            assert json.loads(link.text("time__get_current_time", {"timezone": "UTC"}))
            assert "file.txt" in old.text("git__git_status", {"repo_path": str(repository)})
            assert events.wait("up", up, label="victim", timeout=20)["pid"] != pid
            assert eventually(lambda: link.text("victim__echo", {"text": "back"})) == "back"
            assert old.text("victim__echo", {"text": "back"}) == "back"
            assert others <= set(gateway.children()), "a neighbour was restarted too"
            processes.await_gone(pid)
            assert pid not in processes.children(gateway.pid), "the dead server was never reaped"


@pytest.mark.parametrize("hang", ["initialize", "lists"])
@pytest.mark.parametrize("over", ["http", "stdio"])
def test_dead_server_never_delays_a_list(clients, tmp_path, hang, over):
    with HttpServer("sdk2", "--label", "good") as good, HttpServer("raw", "--hang", hang) as bad:
        entry = (
            {"url": bad.url} if over == "http" else stdio(server_command("raw", "--stdio", "--hang", hang))
        )
        config = write(
            tmp_path / "c.yaml",
            native(
                {
                    "good": {"url": good.url},
                    "bad": entry,
                    "gone": {"url": "http://127.0.0.1:9/mcp"},
                    "missing": {"command": "/nonexistent/server"},
                }
            ),
        )
        with serving(config) as gateway:
            for kind in ("raw-" + MODERN, "raw-2025-06-18"):
                with clients.open(kind, url=gateway.url) as link:
                    result = link.request("tools/list", timeout=3)
                    assert any(t["name"] == "good__echo" for t in result["tools"])
                    assert link.text("good__echo", {"text": "quick"}, timeout=3) == "quick"
                    with pytest.raises(RpcError):
                        link.call("gone__anything", timeout=5)


def test_failed_first_listing_is_retried(clients, events, tmp_path):
    with HttpServer("raw", "--fail-lists", "2", "--label", "late", events=events) as late:
        config = write(tmp_path / "c.yaml", native({"late": {"url": late.url}}))
        mark = events.mark()
        with serving(config) as gateway, clients.open("raw-" + MODERN, url=gateway.url) as link:
            link.listen("tools")
            if "late__echo" not in link.tools():
                link.notes.wait("notifications/tools/list_changed", 30)
            assert "late__echo" in link.tools()
            asked = [e for e in events.since(mark, "message") if e["message"].get("method") == "tools/list"]
            assert len(asked) >= 3


def test_server_that_comes_up_later_appears(clients, tmp_path):
    server = HttpServer("sdk2", "--label", "later")
    server.kill()
    config = write(tmp_path / "c.yaml", native({"later": {"url": server.url}}))
    try:
        with serving(config) as gateway, clients.open("raw-" + MODERN, url=gateway.url) as link:
            link.listen("tools")
            assert link.tools() == {}
            server.again()
            link.notes.wait("notifications/tools/list_changed", 30)
            assert link.text("later__echo", {"text": "hello"}) == "hello"
    finally:
        server.kill()


def test_unreachable_server_keeps_its_tools_and_fails_clearly(clients, tmp_path):
    with HttpServer("sdk2", "--label", "up") as up, HttpServer("sdk1", "--label", "down") as down:
        config = write(tmp_path / "c.yaml", native({"up": {"url": up.url}, "down": {"url": down.url}}))
        with serving(config) as gateway, clients.open("sdk2-modern", url=gateway.url) as link:
            assert "down__echo" in link.tools()
            down.kill()
            with pytest.raises(RpcError) as caught:
                link.call("down__echo", {"text": "x"})
            assert "down" in str(caught.value)
            assert "down__echo" in link.tools(), "a server that is down keeps its last known tools"
            assert link.text("up__echo", {"text": "x"}) == "x"
            down.again()
            assert eventually(lambda: link.text("down__echo", {"text": "again"})) == "again"
