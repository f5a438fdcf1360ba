# SPDX-License-Identifier: Apache-2.0
"""Plugins of every facet at work in cells: what clients see is what they see of plugins in the gateway's process."""

import base64
import os
import sys

import pytest

from rig.builds import Load
from rig.cells import ROGUE, attempt, become, cells, configuration, health, in_cell, killed, rogue, said
from rig.dialogues import ACCEPT, DECLARED, ELICITATION, Crowd, HttpClient, Scripted, ask, heard
from rig.gateway import Gateway, command_line, serving, stdio
from rig.peers import HttpServer, server_command
from rig.places import ROOT, SERVERS, VENVS
from rig.processes import eventually
from rig.raw_websocket import RawWebSocketClient
from rig.rpc import MODERN, RpcError

RAW = "raw-" + MODERN
# What a Python program behind transport-stdio reads beyond the system's own files.
PYTHON = [str(ROOT), str(VENVS), str(SERVERS), sys.base_prefix]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rogue")


@pytest.fixture(scope="module", params=["per-loop", "serial", "concurrent"])
def toolset(request, folder):
    """A gateway with the toolset in cells."""
    place = folder / request.param
    place.mkdir()
    config, _ = configuration(place, {"s": {"plugin": ROGUE}}, in_cell(rogue(place, threads=request.param)))
    with serving(config) as gateway:
        gateway.listed("s")
        yield gateway


# ---- toolsets --------------------------------------------------------------------------------------------


def test_a_toolset_in_a_cell_is_called(toolset, clients):
    pids = {cell["pid"] for cell in cells(toolset)}
    assert pids == set(toolset.children()), "one process for each instance"
    for kind in (RAW, "raw-2025-06-18"):
        with clients.open(kind, url=toolset.url) as link:
            assert int(link.text("s__pid")) in pids
            assert link.text("s__later") == "later"
            assert link.call("s__echo", {"a": [1, "ü", None]})["structuredContent"] == {"a": [1, "ü", None]}


def test_large_bodies_go_through_shared_memory(toolset, clients):
    """Above 64 KiB both ways: 1 MiB of arguments and their echo, 3 MiB of text."""
    with clients.open(RAW, url=toolset.url) as link:
        text = "0123456789abcdef" * (1 << 16)
        assert link.call("s__echo", {"text": text})["structuredContent"] == {"text": text}
        assert link.text("s__large") == "x" * (3 << 20)


def test_progress_reaches_the_client(toolset, clients):
    with clients.open(RAW, url=toolset.url) as link:
        call = link.start_call("s__progress", progress=True)
        assert call.result()["content"][0]["text"] == "later"
        assert [(p["progress"], p["total"]) for p in call.progress] == [(1, 3), (2, 3), (3, 3)]
        assert call.progress[0]["message"] == "on its way"


@pytest.mark.parametrize("kind", [RAW, "raw-2025-06-18"])
def test_cancellation_reaches_the_plugin(toolset, clients, kind):
    with clients.open(kind, url=toolset.url) as link:
        mark = len(toolset.log.lines)
        call = link.start_call("s__wait")
        eventually(lambda: operations(toolset, 1))
        call.cancel()
        toolset.log.wait("told that a call was canceled", 10, start=mark)
        eventually(lambda: operations(toolset, 0))


def operations(gateway, wanted):
    assert sum(cell["operations"] for cell in cells(gateway)) == wanted


def test_64_calls_at_once(toolset):
    """Each of 64 callers gets its own answers."""

    def caller(number):
        for turn in range(8):
            arguments = {"caller": number, "turn": turn, "filler": "x" * (turn * 4000)}
            how, found = attempt(toolset, "s__echo", arguments)
            assert how == "ok" and found["structuredContent"] == arguments, found
            assert said(toolset, "s__later") == "later"

    Crowd([lambda n=n: caller(n) for n in range(64)]).join()
    operations(toolset, 0)


def test_a_swift_toolset_in_a_cell(clients, tmp_path):
    config, _ = configuration(tmp_path, {"demo": {"plugin": "tools-demo"}}, in_cell("tools-demo"))
    with serving(config) as gateway:
        gateway.listed("demo")
        for kind in ("sdk2-modern", "sdk1"):
            with clients.open(kind, url=gateway.url) as link:
                assert link.text("demo__echo", {"text": kind}) == kind
                assert link.read("demo://welcome")["contents"][0]["text"]
                call = link.start_call("demo__wait", {"milliseconds": 200}, progress=True)
                call.result()
                assert len(call.progress) >= 5
        assert set(gateway.children()) == {cell["pid"] for cell in cells(gateway, "tools-demo")}


# ---- questions -------------------------------------------------------------------------------------------


def test_questions_of_a_toolset(tmp_path):
    """It asks in a round, as in process; a client of an older revision cannot be asked by a toolset."""
    config, _ = configuration(tmp_path, {"s": {"plugin": ROGUE}}, in_cell(rogue(tmp_path)))
    with serving(config) as gateway:
        gateway.listed("s")
        with HttpClient(gateway.server_url("s"), MODERN, DECLARED[MODERN]) as link:
            call = link.start("tools/call", {"name": "ask", "arguments": {}})
            result = call.result()
            assert result["resultType"] == "input_required", result
            (key,) = result["inputRequests"]
            again = link.again(result, {key: ACCEPT}, params={"name": "ask", "arguments": {}})
            assert again.result()["content"][0]["text"] == "blue"
        with HttpClient(gateway.server_url("s"), "2025-11-25", DECLARED["2025-11-25"]) as link:
            with pytest.raises(RpcError, match="older revision"):
                link.call("ask")


def test_questions_of_a_legacy_server_are_sealed_in_a_cell(events, tmp_path):
    """A call that waits for its client is found again by a state that a cell sealed, and that no one forges."""
    with Scripted("--era", "legacy", "--version", "2025-11-25", "--label", "c", events=events) as server:
        key = base64.b64encode(os.urandom(32)).decode()
        sealer = {**in_cell("seal-openssl"), "config": {"keys": [key]}}
        config, _ = configuration(tmp_path, {"s": {"url": server.url}}, sealer, loops=2)
        with serving(config) as gateway:
            gateway.listed("s")
            with HttpClient(gateway.server_url("s"), MODERN, DECLARED[MODERN]) as link:
                for turn in range(8):
                    call = link.play(ask(), tag=f"t{turn}")
                    result = call.result()
                    forged = result["requestState"][:-3] + "AAA"
                    with pytest.raises(RpcError):
                        link.again(result, {}, call.params, requestState=forged).result()
                    (key,) = result["inputRequests"]
                    assert heard(link.again(result, {key: ACCEPT}, call.params).result())
            sealer = health(gateway)["plugins"]["seal-openssl"]
            assert sealer["placement"] == "cell" and sealer["slots"]["seal.seal"]["calls"] >= 4


def test_cells_without_keys_do_not_seal_for_each_other(tmp_path):
    """In one process the instances share the keys that they made up; cells do not, so more than one is refused."""
    servers = {"demo": {"plugin": "tools-demo"}}
    config, _ = configuration(tmp_path, servers, in_cell("seal-openssl"), loops=2)
    gateway = Gateway(config, wait=False)
    try:
        assert gateway.process.wait(15) == 1
        assert "do not open what one of them sealed; configure its keys" in gateway.log.text()
    finally:
        gateway.kill()
    config, _ = configuration(tmp_path, servers, in_cell("seal-openssl"), loops=1)
    with serving(config) as gateway:
        gateway.listed("demo")


# ---- connectors ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def connectors(clients, events, tmp_path_factory):
    """Servers over child processes and over HTTP, both connectors in cells."""
    with HttpServer("sdk2", "--label", "h", events=events) as modern:
        servers = {
            "pipe": stdio(server_command("sdk2", "--stdio", events=events)),
            "old": stdio(server_command("sdk1", "--stdio", events=events)),
            "asks": {
                **stdio(server_command("dialogue", "--stdio", "--era", "legacy", events=events)),
                "era": "legacy",
            },
        }
        config, _ = configuration(
            tmp_path_factory.mktemp("connectors"),
            {**servers, "far": {"url": modern.url}},
            in_cell("transport-stdio", processes=True, read=PYTHON, write=["/tmp"]),
            in_cell("transport-websocket"),
        )
        with serving(config) as gateway:
            gateway.listed("pipe", "old", "asks", "far")
            yield gateway


@pytest.mark.parametrize("server", ["pipe", "old", "far"])
def test_a_connector_in_a_cell(connectors, clients, server):
    text = "0123456789abcdef" * (1 << 16)
    for kind in (RAW, "raw-2025-06-18"):
        with clients.open(kind, url=connectors.url) as link:
            assert link.text(f"{server}__echo", {"text": kind}) == kind
            assert link.text(f"{server}__echo", {"text": text}) == text


def test_children_belong_to_the_cell(connectors):
    """The gateway starts cells, the cell starts servers."""
    stdio_pids = {cell["pid"] for cell in cells(connectors, "transport-stdio")}
    assert stdio_pids <= set(connectors.children())
    assert not any("--stdio" in command for command in connectors.children().values())


def test_questions_through_a_connector_in_a_cell(connectors):
    with HttpClient(connectors.server_url("asks"), "2025-11-25", DECLARED["2025-11-25"]) as link:
        link.answers = {ELICITATION: ACCEPT}
        call = link.play(ask(), tag="cell")
        assert link.question()["params"]["message"]
        assert heard(call.result())


def test_64_calls_at_once_over_one_pipe(connectors):
    def caller(number):
        for turn in range(4):
            text = f"{number} {turn} " + "y" * (turn * 3000)
            assert said(connectors, "pipe__echo", {"text": text}) == text

    Crowd([lambda n=n: caller(n) for n in range(64)]).join()


def test_a_killed_connector_comes_back(connectors):
    """Its servers are gone with it, and are started again; servers on other connectors do not notice."""
    (cell,) = [c for c in cells(connectors, "transport-stdio") if c["frames_in" if False else "pid"]][:1]
    with Load(connectors.port, "far__echo", 2, arguments={"text": "x"}, good=("x",)) as load:
        killed(cell["pid"])
        become(connectors, "up", "transport-stdio", ends=1)
        eventually(lambda: said(connectors, "pipe__echo", {"text": "again"}))
        load.past(20)
    assert not load.wrong, load.wrong[:3]


# ---- listeners -------------------------------------------------------------------------------------------


def test_listeners_in_cells(clients, tmp_path):
    """Every byte of every client is parsed outside of the gateway. Its own paths need the listener in process."""
    listeners = [
        {"transport": "http", "address": "127.0.0.1:0"},
        {"transport": "websocket", "address": "127.0.0.1:0"},
    ]
    config, _ = configuration(
        tmp_path, {"demo": {"plugin": "tools-demo"}}, in_cell("transport-http"),
        in_cell("transport-websocket"), listeners=listeners)
    with serving(config, listen=None) as gateway:
        gateway.log.wait("from where jf.http/1 is not offered")
        gateway.listed("demo")
        text = "0123456789abcdef" * (1 << 16)
        for kind in (RAW, "raw-2025-06-18", "sdk2-modern", "sdk1"):
            with clients.open(kind, url=gateway.url) as link:
                assert link.text("demo__echo", {"text": kind}) == kind
                assert link.text("demo__echo", {"text": text}) == text
                call = link.start_call("demo__wait", {"milliseconds": 100}, progress=True)
                call.result()
                assert call.progress
        line = gateway.log.wait("listening on ws://", 10)
        url = "ws://" + line.partition("ws://")[2].split()[0]
        for version in ("2025-11-25", MODERN):
            with RawWebSocketClient(url, version) as link:
                assert link.text("demo__echo", {"text": text}) == text

        def caller(number):
            for turn in range(4):
                assert said(gateway, "demo__echo", {"text": f"{number} {turn}"}) == f"{number} {turn}"

        Crowd([lambda n=n: caller(n) for n in range(64)]).join()


def test_a_killed_listener_listens_again_where_it_was(tmp_path):
    """Clients lose their connections and find the listener at its old address."""
    config, _ = configuration(tmp_path, {"demo": {"plugin": "tools-demo"}}, in_cell("transport-http"))
    with serving(config) as gateway:
        gateway.listed("demo")
        for pid in list(gateway.children()):
            killed(pid)
        eventually(lambda: said(gateway, "demo__echo", {"text": "again"}))
        assert gateway.log.text().count("cell runs again") >= 1


# ---- strategies ------------------------------------------------------------------------------------------


def test_a_strategy_in_a_cell(tmp_path):
    """Calls are spread as it says; while it is down the first endpoint takes them, and none fails."""
    with HttpServer("sdk2", "--label", "a") as a, HttpServer("sdk2", "--label", "b") as b:
        servers = {"r": {"replicas": [{"url": a.url}, {"url": b.url}], "routing": "rogue"}}
        config, _ = configuration(tmp_path, servers, in_cell(rogue(tmp_path)), loops=1)
        with serving(config) as gateway:
            gateway.listed("r")

            def spread():
                return [said(gateway, "r__whoami") for _ in range(8)]

            eventually(lambda: balanced(spread()))
            (cell,) = cells(gateway)
            with Load(gateway.port, "r__echo", 4, arguments={"text": "x"}, good=("x",)) as load:
                killed(cell["pid"])
                become(gateway, "up", ends=1)
                load.past(50)
            assert not load.wrong, load.wrong[:3]
            eventually(lambda: balanced(spread()))


def balanced(answers):
    assert len(set(answers)) == 2 and all(answers.count(a) == len(answers) / 2 for a in answers), answers


# ---- what no cell has ------------------------------------------------------------------------------------


def test_a_plugin_that_needs_http_is_refused(tmp_path):
    file = rogue(tmp_path, faults=["NEEDS_HTTP"])
    config, _ = configuration(tmp_path, {"s": {"plugin": ROGUE}}, in_cell(file))
    done = command_line("check", "--config", config)
    assert done.returncode != 0
    assert "requires jf.http/1, which is not offered in a cell; say placement: inproc" in done.stdout + done.stderr
    gateway = Gateway(config, wait=False)
    try:
        assert gateway.process.wait(15) == 2
        assert "placement: inproc" in gateway.log.text()
    finally:
        gateway.kill()
