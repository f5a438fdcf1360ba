# SPDX-License-Identifier: Apache-2.0
"""Questions on other transports and in odd places: batches, slow readers, reloads, lost streams."""

import contextlib
import json
import signal
import socket
import time

import pytest

from rig import processes
from rig.dialogues import (
    ACCEPT,
    ANSWERS,
    DECLARED,
    ELICIT,
    ELICITATION,
    ROOTED,
    ROOTS,
    SAMPLED,
    SAMPLING,
    Answering,
    Stage,
    ask,
    entry,
    heard,
    one_round,
)
from rig.gateway import native, serving, write
from rig.peers import HttpServer
from rig.raw_websocket import RawWebSocketClient
from rig.rpc import MODERN, RpcError
from rig.wire_http import Connection, exchange, legacy, modern
from test_parked import answers_to, parked
from test_streams import SseClient

FRONTS = [
    {"transport": "http", "address": "127.0.0.1:0", "sse": True},
    {"transport": "websocket", "address": "127.0.0.1:0"},
]
SCRIPTS = {
    "legacy": lambda method: [ask(method)],
    "modern": lambda method: [one_round(k=entry(method))],
}


class AnsweringSse(Answering, SseClient):
    """A client of 2024-11-05 that declares what that revision has."""

    def handshake(self):
        self.client_capabilities = DECLARED["2024-11-05"]
        super().handshake()


class AnsweringSocket(Answering, RawWebSocketClient):
    """A client on a WebSocket."""


def first(result):
    """The server's first answer, whichever its era."""
    got = heard(result)
    return got["answers"][0]["result"] if got["answers"] else got["given"]["k"]


@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_clients_over_http_with_sse(tmp_path, events, era, loops):
    with Stage(tmp_path, events, era=era, listeners=FRONTS[:1], loops=loops) as stage:
        for turn in range(3 * loops):
            with AnsweringSse(stage.gateway.base + "/sse/servers/s") as link:
                link.answers = dict(ANSWERS)
                for method, answer in ((SAMPLING, SAMPLED), (ROOTS, ROOTED)):
                    assert first(link.play(*SCRIPTS[era](method), tag=f"{turn} {method}").result()) == answer


@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25", MODERN])
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_clients_over_websocket(tmp_path, events, era, version, loops):
    with Stage(tmp_path, events, era=era, listeners=FRONTS, loops=loops) as stage:
        line = stage.gateway.log.wait("listening on ws://", 10)
        url = "ws://" + line.partition("ws://")[2].split()[0] + "/servers/s"
        for turn in range(3 * loops):
            link = AnsweringSocket(url, version, DECLARED[version])
            with contextlib.closing(link):
                link.answers = dict(ANSWERS)
                for method in (ELICITATION, SAMPLING, ROOTS):
                    call = link.play(*SCRIPTS[era](method), tag=f"{turn} {method}")
                    result = call.result()
                    if version == MODERN:
                        result = link.again(result, answers_to(result), call.params).result()
                    assert first(result) == ANSWERS[method]


@pytest.mark.parametrize("client", ["sdk1", "sdk2-auto", "sdk2-legacy"])
@pytest.mark.parametrize("way", ["sse", "websocket"])
def test_legacy_servers_on_other_transports(clients, events, tmp_path, way, client):
    with HttpServer("sdk1", events=events) as server:
        url = {"sse": f"http://127.0.0.1:{server.port}/sse", "websocket": f"ws://127.0.0.1:{server.port}/ws"}[
            way
        ]
        entry_of = {"url": url, **({"sse": True} if way == "sse" else {})}
        limits = {"upstream_sessions": 2}
        with serving(write(tmp_path / "c.yaml", native({"s": entry_of}, limits=limits))) as gateway:
            gateway.listed("s")
            with clients.open(client, url=gateway.server_url("s"), answers=ANSWERS) as link:
                for kind, method in (("elicitation", ELICITATION), ("sampling", SAMPLING), ("roots", ROOTS)):
                    said = json.loads(link.text("ask", {"kind": kind}))
                    assert {k: said[k] for k in ANSWERS[method]} == ANSWERS[method]
                calls = [link.start_call("ask", {"kind": "elicitation"}) for _ in range(6)]
                assert all(json.loads(c.result()["content"][0]["text"])["action"] == "accept" for c in calls)


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_calls_in_a_batch_may_ask(tmp_path, events, era):
    """2025-03-26: the questions come on the stream of the batch's POST."""
    with Stage(tmp_path, events, era=era, bad_client=True) as stage:
        link = stage.open("2025-03-26")
        link.answers = dict(ANSWERS)
        calls = [
            {
                "jsonrpc": "2.0",
                "id": f"b{n}",
                "method": "tools/call",
                "params": {"name": "play", "arguments": {"tag": f"b{n}", "script": script}},
            }
            for n, script in enumerate([SCRIPTS[era](SAMPLING), [], SCRIPTS[era](ROOTS)])
        ]
        with Connection(stage.gateway.port) as connection:
            connection.send(legacy(calls, link.session, None, path="/mcp/servers/s"))
            answer = read_stream(connection, link)
        assert {m["id"] for m in answer} == {"b0", "b1", "b2"}
        by_id = {m["id"]: m["result"] for m in answer}
        assert first(by_id["b0"]) == SAMPLED and first(by_id["b2"]) == ROOTED


def read_stream(connection, link):
    """The answers on a stream; its questions go to the client."""
    status, headers = connection.head()
    assert status == 200 and headers["content-type"].startswith("text/event-stream")
    answers, rest = [], b""
    while True:
        size = int(connection.until(b"\r\n").split(b";")[0], 16)
        rest += connection.exactly(size)
        connection.exactly(2)
        *events, rest = rest.split(b"\n\n")
        for event in events:
            text = b"".join(line[5:] for line in event.split(b"\n") if line.startswith(b"data:"))
            if text.strip():
                message = json.loads(text)
                if "method" in message:
                    link.received(message)
                else:
                    answers.append(message)
        if size == 0:
            return answers


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_client_that_takes_no_streams(tmp_path, events, era):
    """It cannot be asked: the server hears so at once (legacy), or was never told that it could (modern)."""
    with Stage(tmp_path, events, era=era, bad_client=True) as stage:
        link = stage.open("2025-11-25", stream=False)
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "play", "arguments": {"tag": "n", "script": SCRIPTS[era](ELICITATION)}},
        }
        data = legacy(call, link.session, "2025-11-25", {"Accept": "application/json"}, path="/mcp/servers/s")
        answer = exchange(stage.gateway.port, data)
        if answer.status == 200 and "result" in answer.json:
            assert first(answer.json["result"])["action"] in ("cancel", "decline")
        else:
            assert answer.status in (200, 406) and "error" in answer.json


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_stream_that_its_client_closed(tmp_path, events, era):
    """A disconnect is no cancellation (2025-11-25, Transports): the answer still counts."""
    with Stage(tmp_path, events, era=era, limits={"parked_age": "3s"}) as stage:
        link = stage.open("2025-11-25")
        link.answers = {ELICITATION: None}
        call = link.play(*SCRIPTS[era](ELICITATION), tag="t")
        number = link.question()["id"]
        (post,) = [c for k, c in link.open.items() if k != "get"]
        post.sock.shutdown(socket.SHUT_RDWR)
        assert isinstance(call.future.exception(10), Exception)
        link.answer(number, ACCEPT)
        stage.heard("finished", tag="t", timeout=8)
        assert heard(link.play(tag="on").result())["answers"] == []


@pytest.mark.parametrize("replay", [0, "256KiB"])
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_question_to_a_client_that_reads_slowly(tmp_path, events, era, replay):
    """Log messages may be left out, a question may not: it is there when the client gets round to reading."""
    with Stage(tmp_path, events, era=era, bad_client=True, limits={"replay": replay}) as stage:
        link = stage.open("2025-11-25")
        link.request("logging/setLevel", {"level": "debug"})
        link.answers = dict(ANSWERS)
        script = [{"flood": 200, "bytes": 100_000}, *SCRIPTS[era](ELICITATION)]
        call = {
            "jsonrpc": "2.0",
            "id": "slow",
            "method": "tools/call",
            "params": {"name": "play", "arguments": {"tag": "slow", "script": script}},
        }
        with Connection(stage.gateway.port, timeout=20) as connection:
            connection.send(legacy(call, link.session, "2025-11-25", path="/mcp/servers/s"))
            stage.heard("asked", tag="slow", timeout=30)
            (answer,) = read_stream(connection, link)
        assert first(answer["result"]) == ACCEPT


def test_a_reload_beside_a_parked_call(tmp_path, events):
    """What a reload does not touch goes on; a call of a server that is gone ends, and is not made again."""
    with Stage(tmp_path, events) as stage:
        link = stage.open()
        call, result = parked(link, ask(), ask(ROOTS), tag="p")
        value = native({"s": {"url": stage.back.url}, "more": {"url": stage.server.url}})
        write(stage.config, value)
        stage.gateway.reload()
        stage.gateway.listed("s", "more")
        result = link.again(result, answers_to(result), call.params).result()
        assert result["resultType"] == "input_required"
        write(stage.config, native({"more": {"url": stage.server.url}}))
        stage.gateway.reload()
        processes.eventually(lambda: gone(stage))
        outcome = link.again(result, answers_to(result), call.params).future.exception(20)
        assert outcome is None or isinstance(outcome, RpcError), outcome
        assert stage.executions("p") == 1


def gone(stage):
    tools = exchange(stage.gateway.port, modern("tools/list")).json["result"]["tools"]
    assert not [t for t in tools if t["name"].startswith("s__")]


def test_a_stop_beside_a_question_to_a_legacy_client(tmp_path, events):
    """The stop waits drain_timeout at most; the server is not left without an answer."""
    with Stage(tmp_path, events, bad_client=True) as stage:
        link = stage.open("2025-11-25")
        link.answers = {ELICITATION: None}
        link.play(ask(), {"wait": "never"}, tag="t")
        link.question()
        began = time.monotonic()
        stage.gateway.stop(signal.SIGTERM)
        assert time.monotonic() - began < 6
        assert stage.heard("answered")["message"]["result"]["action"] == "cancel"


def test_changed_roots_reach_the_servers_that_may_know(tmp_path, events):
    with Stage(tmp_path, events) as stage:
        some, other = (
            stage.open("2025-11-25", {"roots": {"listChanged": True}}),
            stage.open("2025-11-25", {"sampling": {}}),
        )
        for n, link in enumerate((some, other)):
            link.answers = dict(ANSWERS)
            link.play(tag=f"{n}").result()
        wanted = stage.heard("executed", tag="0")["session"]
        some.notify("notifications/roots/list_changed")
        assert stage.heard("message", method="notifications/roots/list_changed")["session"] == wanted
        assert len(stage.events_of("message", method="notifications/roots/list_changed")) == 1


def test_required_urls_too_long_for_a_state(tmp_path, events):
    """Whatever becomes of it, the client is never given a state that it cannot bring back."""
    long = {
        "mode": "url",
        "elicitationId": "e",
        "url": "https://example.com/" + "u" * 200_000,
        "message": "m",
    }
    end = {"error": {"code": -32042, "message": "first", "data": {"elicitations": [long]}}}
    with Stage(tmp_path, events) as stage:
        link = stage.open()
        call = link.play(end, tag="u")
        try:
            result = call.result()
        except RpcError as e:
            assert e.code == -32603
            return
        (key,) = result["inputRequests"]
        assert (
            link.again(result, {key: {"action": "accept"}}, call.params).result()["resultType"]
            == "input_required"
        )
        assert stage.executions("u", 2) == 2 and ELICIT
