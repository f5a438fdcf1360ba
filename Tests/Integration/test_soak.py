# SPDX-License-Identifier: Apache-2.0
"""Bounded churn: calls, clients that come and go, servers that die; memory, fds, threads stay flat."""

import os
import signal
import threading
import time

import pytest

from rig.gateway import QUICK, Gateway, native, stdio, write
from rig.peers import HttpServer, server_command
from rig.processes import await_gone, eventually
from rig.rpc import MODERN
from rig.wire_http import Connection, exchange, legacy, modern, open_session, request_bytes

CALLS = int(os.environ.get("JACKFIELD_SOAK_CALLS", "20000"))
RSS_GROWTH = 12 << 20


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    config = native(
        {
            "web": {"url": "PLACE"},
            "child": stdio(server_command("raw", "--stdio", "--era", "modern"), restart=QUICK),
            "old": stdio(server_command("raw", "--stdio")),
        }
    )
    with HttpServer("raw", "--era", "modern") as web:
        config["servers"]["web"]["url"] = web.url
        running = Gateway(write(tmp_path_factory.mktemp("soak") / "c.yaml", config))
        yield running
        running.stop()


def call(name, number, **more):
    return modern("tools/call", {"name": name, "arguments": {"text": f"t{number}"}}, number=number, **more)


def check(answer, number):
    value = answer.json
    assert value["id"] == number and value["result"]["content"][0]["text"] == f"t{number}", value


def stream(port, count, names):
    """Calls one after another on one connection."""
    with Connection(port) as connection:
        for n in range(count):
            connection.send(call(names[n % len(names)], n))
            check(connection.answer(), n)


def sessions(port, count):
    """Handshake-era sessions that open, call, and end or are simply forgotten."""
    for n in range(count):
        session = open_session(port)
        message = {
            "jsonrpc": "2.0",
            "id": n,
            "method": "tools/call",
            "params": {"name": "old__echo", "arguments": {"text": f"t{n}"}},
        }
        check(exchange(port, legacy(message, session)), n)
        if n % 4:
            exchange(port, request_bytes(b"", {"Mcp-Session-Id": session}, verb="DELETE"))


def connections(port, count):
    """Connections that each make one call, or break off in the middle of one."""
    for n in range(count):
        if n % 3 == 0:
            with Connection(port) as connection:
                connection.send(call("child__echo", n)[:-10])
        else:
            check(exchange(port, call("child__echo", n)), n)


def all_of(*work):
    """Runs functions at once and fails with the first of their errors."""
    errors = []

    def guarded(function, arguments):
        try:
            function(*arguments)
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=guarded, args=(f, a)) for f, *a in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def round_of(port, calls):
    names = ["web__echo", "child__echo", "old__echo"]
    all_of(
        *[(stream, port, calls // 4, names)] * 4,
        (sessions, port, calls // 100),
        (connections, port, calls // 40),
    )


@pytest.mark.timeout(180)
def test_churn_leaves_nothing(gateway):
    for name in ("web", "child", "old"):
        eventually(lambda: check(exchange(gateway.port, call(f"{name}__echo", 1)), 1))
    round_of(gateway.port, CALLS // 10)
    before = gateway.resources()
    round_of(gateway.port, CALLS)
    exchange(gateway.port, modern("tools/list"))
    after = gateway.resources()
    assert after["threads"] == before["threads"] and after["children"] == before["children"], (before, after)
    assert after["fds"] <= before["fds"] + 4, (before, after)
    assert after["rss"] <= before["rss"] + RSS_GROWTH, (before, after)


@pytest.mark.timeout(120)
def test_server_restarts_leave_nothing(gateway):
    def die_and_return():
        pid = gateway.child("modern")
        os.kill(pid, signal.SIGKILL)
        await_gone(pid)
        eventually(lambda: check(exchange(gateway.port, call("child__echo", 3)), 3))

    die_and_return()
    before = gateway.resources()
    for _ in range(8):
        die_and_return()
    after = gateway.resources()
    assert after["fds"] <= before["fds"] + 2 and after["children"] == before["children"], (before, after)
    assert after["threads"] == before["threads"] and after["rss"] <= before["rss"] + RSS_GROWTH, (
        before,
        after,
    )


@pytest.mark.timeout(120)
def test_reload_storm_leaves_nothing(gateway):
    def storm(n):
        for _ in range(n):
            said = len(gateway.log.lines)
            gateway.reload()
            gateway.log.wait(
                lambda line: "reload" in line.lower() or "configuration" in line.lower(), 15, start=said
            )
            check(exchange(gateway.port, call("web__echo", 4)), 4)

    storm(5)
    before = gateway.resources()
    storm(50)
    after = gateway.resources()
    assert after["fds"] <= before["fds"] + 2 and after["children"] == before["children"], (before, after)
    assert after["threads"] == before["threads"] and after["rss"] <= before["rss"] + RSS_GROWTH, (
        before,
        after,
    )


@pytest.mark.timeout(60)
def test_two_thousand_sessions_at_once(gateway):
    """Sessions cost little, and their end gives it back to whoever comes next."""
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    before = gateway.resources()
    for _ in range(2):
        opened = [open_session(gateway.port) for _ in range(1000)]
        assert exchange(gateway.port, legacy(ping, opened[0])).status == 200
        for session in opened:
            exchange(gateway.port, request_bytes(b"", {"Mcp-Session-Id": session}, verb="DELETE"))
        assert exchange(gateway.port, legacy(ping, opened[0])).status == 404
    after = gateway.resources()
    assert after["rss"] <= before["rss"] + RSS_GROWTH and after["fds"] <= before["fds"] + 2, (before, after)
    assert MODERN in exchange(gateway.port, modern("server/discover")).json["result"]["supportedVersions"]


def test_a_deadline_is_of_its_own_call(tmp_path):
    """Calls go on working after the first one's timeout has passed: pooled calls keep nothing of their last use."""
    with HttpServer("raw", "--era", "modern") as web:
        config = native({"web": {"url": web.url, "timeout": "300ms"}})
        running = Gateway(write(tmp_path / "c.yaml", config))
        until = time.monotonic() + 1.2
        number = 0
        with Connection(running.port) as connection:
            while time.monotonic() < until:
                connection.send(call("web__echo", number))
                check(connection.answer(), number)
                number += 1
        assert number > 10
        running.stop()
