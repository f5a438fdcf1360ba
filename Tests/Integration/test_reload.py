# SPDX-License-Identifier: Apache-2.0
"""Signals: HUP changes the configuration under running calls, TERM lets them end."""

import signal
import threading

import pytest

from rig.gateway import Gateway, native, serving, stdio, write
from rig.peers import HttpServer, server_command
from rig.processes import await_gone
from rig.rpc import MODERN, RpcError
from rig.wire_http import Connection, modern

FRONTS = ["raw-" + MODERN, "raw-2025-11-25"]


@pytest.fixture(scope="module")
def pair():
    with HttpServer("sdk2", "--label", "a") as a, HttpServer("sdk1", "--label", "b") as b:
        yield {"a": {"url": a.url}, "b": {"url": b.url}}


def reload_with(gateway, servers, **blocks):
    """Writes a new configuration, sends HUP, waits until the gateway says that it is in force."""
    write(gateway.config, native(servers, **blocks))
    said = len(gateway.log.lines)
    gateway.reload()
    gateway.log.wait(lambda line: "reload" in line.lower() or "configuration" in line.lower(), 15, start=said)


@pytest.mark.parametrize("kind", FRONTS)
def test_servers_are_added_changed_and_removed(clients, pair, tmp_path, kind):
    with serving(write(tmp_path / "c.yaml", native({"a": pair["a"]}))) as gateway:
        with clients.open(kind, url=gateway.url) as link:
            link.listen("tools")
            assert "a__echo" in link.tools() and "b__echo" not in link.tools()
            reload_with(gateway, pair)
            link.notes.wait("notifications/tools/list_changed", 20)
            assert link.text("b__echo", {"text": "new"}) == "new"
            reload_with(gateway, {"a": {**pair["a"], "tools": {"allow": ["add"]}}, "b": pair["b"]})
            link.notes.wait("notifications/tools/list_changed", 20)
            assert [n for n in link.tools() if n.startswith("a__")] == ["a__add"]
            reload_with(gateway, {"a": pair["a"]})
            link.notes.wait("notifications/tools/list_changed", 20)
            with pytest.raises(RpcError) as caught:
                link.call("b__echo", {"text": "gone"})
            assert caught.value.code == -32602


def test_no_call_is_lost_to_reloads(clients, pair, events, tmp_path):
    """Calls in flight, and a stream of short ones, while servers come and go around them."""
    command = server_command("sdk2", "--stdio", "--label", "child", events=events)
    servers = {**pair, "child": stdio(command)}
    with serving(write(tmp_path / "c.yaml", native(servers))) as gateway:
        links = [clients.open(kind, url=gateway.url) for kind in FRONTS]
        mark = events.mark()
        long = [link.start_call("child__slow", {"ms": 4000, "tag": f"r{n}"}) for n, link in enumerate(links)]
        for n in range(len(links)):
            events.wait("started", mark, tag=f"r{n}")
        stop, wrong, done = threading.Event(), [], []

        def hammer(link):
            while not stop.is_set():
                try:
                    assert link.text("a__echo", {"text": "x"}) == "x"
                    done.append(1)
                except Exception as e:
                    wrong.append(repr(e))

        threads = [threading.Thread(target=hammer, args=(link,)) for link in links]
        for thread in threads:
            thread.start()
        rounds = 0
        while rounds < 10 or len(done) < 200 and not wrong:
            rounds += 1
            some = {"a": servers["a"], "child": servers["child"]}
            reload_with(gateway, servers if rounds % 2 else some)
        stop.set()
        for thread in threads:
            thread.join(20)
        assert not wrong, wrong[:5]
        assert [c.result()["content"][0]["text"] for c in long] == ["slept", "slept"]
        for link in links:
            link.close()


def test_call_of_a_removed_server_ends_in_order(clients, pair, events, tmp_path):
    """A server that a reload removes finishes what it was asked, then goes."""
    command = server_command("sdk2", "--stdio", "--label", "leaving", events=events)
    with serving(write(tmp_path / "c.yaml", native({**pair, "leaving": stdio(command)}))) as gateway:
        with clients.open(FRONTS[0], url=gateway.url) as link:
            mark = events.mark()
            call = link.start_call("leaving__slow", {"ms": 1500, "tag": "l"})
            pid = events.wait("started", mark, tag="l")["pid"]
            reload_with(gateway, pair)
            assert call.result()["content"][0]["text"] == "slept"
            await_gone(pid)


BAD_FILES = {
    "not yaml": ("version: 1\nservers: {a: [\n", "3:1"),
    "unknown key": ("version: 1\nservers:\n  a:\n    ulr: http://127.0.0.1:1/mcp\n", "4:5"),
    "wrong version": ("version: 2\nservers: {}\n", "1:10"),
    "empty": ("", None),
}


@pytest.mark.parametrize("text,place", BAD_FILES.values(), ids=BAD_FILES)
def test_bad_file_changes_nothing_and_says_why(clients, pair, tmp_path, text, place):
    path = write(tmp_path / "c.yaml", native(pair))
    with serving(path) as gateway, clients.open(FRONTS[0], url=gateway.url) as link:
        tools = link.tools()
        said = len(gateway.log.lines)
        path.write_text(text)
        gateway.reload()
        gateway.log.wait(f"c.yaml:{place}" if place and text.count("[") == 0 else "c.yaml", 15, start=said)
        assert link.tools() == tools
        assert link.text("b__echo", {"text": "same"}) == "same"


def test_vanished_file_changes_nothing(clients, pair, tmp_path):
    path = write(tmp_path / "c.yaml", native(pair))
    with serving(path) as gateway, clients.open(FRONTS[0], url=gateway.url) as link:
        path.unlink()
        said = len(gateway.log.lines)
        gateway.reload()
        gateway.log.wait("c.yaml", 15, start=said)
        assert link.text("a__echo", {"text": "same"}) == "same"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("kind", FRONTS)
def test_term_drains(clients, events, tmp_path, kind, number):
    """Open calls end, no new connection is accepted, children end, exit 0."""
    command = server_command("sdk2", "--stdio", "--label", "d", events=events)
    gateway = Gateway(write(tmp_path / "c.yaml", native({"d": stdio(command)})))
    try:
        link = clients.open(kind, url=gateway.url, **({"stream": False} if "2025" in kind else {}))
        mark = events.mark()
        call = link.start_call("d__slow", {"ms": 1200, "tag": "drain"})
        events.wait("started", mark, tag="drain")
        gateway.process.signal(number)
        assert call.result()["content"][0]["text"] == "slept"
        assert gateway.process.wait(10) == 0
        assert not events.since(mark, "cancelled", tag="drain")
    finally:
        gateway.kill()


def test_drain_ends_at_its_timeout(clients, events, tmp_path):
    command = server_command("sdk2", "--stdio", "--label", "d", events=events)
    config = native({"d": stdio(command)}, runtime={"drain_timeout": "1s"})
    gateway = Gateway(write(tmp_path / "c.yaml", config))
    link = clients.open(FRONTS[0], url=gateway.url)
    mark = events.mark()
    call = link.start_call("d__slow", {"ms": 60000, "tag": "stuck"})
    events.wait("started", mark, tag="stuck")
    gateway.stop(timeout=8)
    with pytest.raises(Exception):
        call.result(2)


def test_idle_connections_do_not_hold_up_the_end(clients, pair, tmp_path):
    gateway = Gateway(write(tmp_path / "c.yaml", native(pair)))
    old = clients.open(FRONTS[1], url=gateway.url)
    new = clients.open(FRONTS[0], url=gateway.url)
    new.listen("tools")
    with Connection(gateway.port) as idle, Connection(gateway.port) as half:
        idle.send(modern("tools/list"))
        idle.answer()
        half.send(b"POST /mcp HT")
        gateway.stop(timeout=8)
    assert old and new
