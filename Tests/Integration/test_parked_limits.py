# SPDX-License-Identifier: Apache-2.0
"""What parked calls may cost: time, places, bytes; and what becomes of them when the gateway stops."""

import os
import signal
import time

import pytest

from rig import processes
from rig.dialogues import ACCEPT, ELICIT, ROOTS, SAMPLING, Crowd, Stage, ask, heard
from rig.rpc import RpcError
from rig.wire_http import exchange, modern
from test_parked import WAYS, answers_to, parked, refused

KIB = 1024


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("loops", [1, 2])
def test_nobody_comes_back(tmp_path, events, way, loops):
    """At the end of parked_age the server hears of it in the words it has, and its call is cancelled."""
    limits = {"parked_age": "1s"}
    with Stage(tmp_path, events, pipe=WAYS[way], limits=limits, loops=loops) as stage:
        link = stage.open()
        script = [ask(go_on=True, id="e"), ask(SAMPLING, go_on=True, id=2), ask(ROOTS, go_on=True, id="r")]
        call, result = parked(link, *script, {"gather": True}, {"wait": "never"})
        stage.heard("cancelled", tag="t")
        for number in ("e", 2, "r"):
            stage.heard("reply", id=number)
        answers = {e["message"]["id"]: e["message"] for e in stage.events_of("answered")}
        assert answers["e"]["result"]["action"] == "cancel"
        assert answers[2]["error"]["code"] == -1 and answers["r"]["error"]["code"] == -32601
        refused(link.again(result, answers_to(result), call.params))
        assert stage.executions("t") == 1
        assert heard(link.play(tag="after").result())["answers"] == []


@pytest.mark.parametrize("loops", [1, 2])
def test_too_many_parked_calls(tmp_path, events, loops):
    """At the limit the client is told to come again, the server that nobody answers; places come back."""
    with Stage(tmp_path, events, limits={"parked_calls": 3}, loops=loops) as stage:
        link = stage.open()
        held = [parked(link, tag=f"{n}") for n in range(3)]
        params = {"name": "play", "arguments": {"tag": "over", "script": [ask(id="over")]}}
        answer = exchange(stage.gateway.port, modern_call(params))
        assert answer.status == 429 and int(answer.headers["retry-after"]) >= 1, answer
        assert answer.code == -32603 and answer.json["error"]["data"]["reason"] == "overload"
        assert stage.heard("answered")["message"]["result"]["action"] == "cancel"
        # A place that is given back can be taken again.
        call, result = held.pop()
        assert heard(link.again(result, answers_to(result), call.params).result())["answers"]
        held.append(parked(link, tag="next"))
        for call, result in held:
            assert heard(link.again(result, answers_to(result), call.params).result())["answers"] == [
                {"result": ACCEPT}
            ]
        assert all(stage.executions(tag) == 1 for tag in ("0", "1", "2", "over", "next"))


def modern_call(params):
    """The bytes of a tools/call of a client that can be asked for a form."""
    capabilities = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}}}
    return modern("tools/call", {**params, "_meta": capabilities}, path="/mcp/servers/s")


def test_too_many_bytes(tmp_path, events):
    with Stage(tmp_path, events, limits={"parked_bytes": "64KiB"}) as stage:
        link = stage.open()
        big = ask(params={**ELICIT, "message": "x" * 40_000})
        first, result = parked(link, big, tag="a")
        with pytest.raises(RpcError) as caught:
            link.play(big, tag="b").result()
        assert caught.value.code == -32603 and caught.value.data["reason"] == "overload"
        # Many retries that answer nothing cost no more than one.
        for _ in range(10):
            result = link.again(result, {}, first.params).result()
        assert heard(link.again(result, answers_to(result), first.params).result())["executions"] == 2
        second, result = parked(link, big, tag="c")
        assert heard(link.again(result, answers_to(result), second.params).result())["executions"] == 3


def test_a_result_that_cannot_be_kept(tmp_path, events):
    """The retry then gets an error: the result is gone, and the call is not executed again."""
    with Stage(tmp_path, events, limits={"parked_bytes": "64KiB"}) as stage:
        link = stage.open()
        text = {"content": [{"type": "text", "text": "x" * 100_000}]}
        call, result = parked(link, ask(go_on=True), {"wait": "on"}, {"result": text})
        stage.server.release("on")
        stage.heard("finished", tag="t")
        error = refused(link.again(result, answers_to(result), call.params), -32603)
        assert "keep" in error.message and stage.executions("t") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("way", WAYS)
def test_the_gateway_stops_with_parked_calls(tmp_path, events, way, number):
    with Stage(tmp_path, events, pipe=WAYS[way]) as stage:
        link = stage.open()
        for n in range(4):
            parked(link, ask(id=n), {"wait": "never"}, tag=f"{n}")
        link.close()
        began = time.monotonic()
        stage.gateway.stop(number)
        took = time.monotonic() - began
        assert took < 2.5, f"it waited {took:.1f} s for clients that cannot come back"
        answered = [e["message"]["result"]["action"] for e in stage.events_of("answered")]
        assert answered == ["cancel"] * 4, "a server was left without an answer"


@pytest.mark.timeout(180)
def test_a_thousand_parked_calls_in_memory(tmp_path, events, record_property):
    """Each costs at most 8 KiB of the gateway's resident memory, and all of it is used again."""
    calls, limits = 1000, {"parked_calls": 1100, "calls_per_client": 4096, "calls_per_server": 4096}
    # Each parked call keeps its connection to the server.
    server = {"max_connections": 1100}
    with Stage(tmp_path, events, bad_client=True, bad_server=True, limits=limits, server=server) as stage:
        link = stage.open()
        for turn in range(50):  # buffers and pools have their size
            call, result = parked(link, tag=f"warm {turn}")
            link.again(result, answers_to(result), call.params).result()
        before = resident(stage)

        def crowd(turn):
            held = []
            for part in range(0, calls, 20):
                tags = [f"{turn} {n}" for n in range(part, part + 20)]
                held += Crowd([lambda tag=tag: parked(link, tag=tag) for tag in tags]).join()
            cost = (resident(stage) - before) / calls
            for part in range(0, calls, 20):
                retries = [link.again(r, answers_to(r), c.params) for c, r in held[part : part + 20]]
                assert all(heard(r.result())["answers"] == [{"result": ACCEPT}] for r in retries)
            return cost

        costs = [crowd(turn) for turn in range(2)]
        record_property("bytes_per_parked_call", costs)
        print("bytes per parked call:", [round(c) for c in costs])
        assert max(costs) <= 8 * KIB, costs
        assert len(stage.events_of("executed")) == 50 + 2 * calls, "a call was executed again"


def resident(stage):
    return processes.resources(stage.gateway.pid)["rss"]


def test_parked_calls_are_nobodys_burden(tmp_path, events):
    """Other calls go on beside parked ones; the gateway's processor time stands still."""
    with Stage(tmp_path, events) as stage:
        link = stage.open()
        held = [parked(link, tag=f"{n}") for n in range(20)]
        ticks = os.sysconf("SC_CLK_TCK")

        def used():
            with open(f"/proc/{stage.gateway.pid}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / ticks

        before = used()
        stage.server.release("x")
        assert heard(link.play(tag="beside").result())["answers"] == []
        with pytest.raises(AssertionError):
            stage.heard("cancelled", timeout=1)  # nothing may happen meanwhile
        assert used() - before < 0.2
        for call, result in held:
            link.again(result, answers_to(result), call.params).result()
