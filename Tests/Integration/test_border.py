# SPDX-License-Identifier: Apache-2.0
"""The border between the gateway and its plugins: counted, traced, and made to fail on request."""

import json

import pytest

from rig.gateway import command_line, native, serving, write
from rig.peers import HttpServer
from rig.processes import eventually
from rig.rpc import MODERN, RpcError

KIND = "raw-" + MODERN
CALLS = 20


@pytest.fixture(scope="module")
def replicas():
    """Two endpoints of one server, so that a strategy is asked for each call."""
    with HttpServer("sdk2", "--label", "a") as a, HttpServer("sdk2", "--label", "b") as b:
        yield {"r": {"replicas": [{"url": a.url}, {"url": b.url}]}}


def configuration(folder, servers, *plugins):
    return write(folder / "c.yaml", native(servers, **({"plugins": list(plugins)} if plugins else {})))


def strategy(*faults):
    return {"id": "routing-round-robin", "faults": list(faults)}


def plugins(gateway):
    """What was counted so far, by plugin."""
    status, body = gateway.get("/healthz?plugins=1")
    assert status == 200
    return json.loads(body)["plugins"]


def slots(gateway, plugin):
    return plugins(gateway)[plugin]["slots"]


def both_up(gateway, link):
    """Waits until calls have a choice: with one endpoint no strategy is asked."""

    def asked():
        link.text("r__echo", {"text": "x"})
        assert slots(gateway, "routing-round-robin").get("routing.pick", {}).get("calls", 0) >= 1

    eventually(asked)


def test_every_slot_is_counted_and_timed(clients, replicas, tmp_path):
    with serving(configuration(tmp_path, replicas)) as gateway:
        gateway.listed("r")
        with clients.open(KIND, url=gateway.url) as link:
            both_up(gateway, link)
            before = slots(gateway, "routing-round-robin")["routing.pick"]["calls"]
            for number in range(CALLS):
                assert link.text("r__echo", {"text": str(number)}) == str(number)
            pick = slots(gateway, "routing-round-robin")["routing.pick"]
            assert pick["calls"] == before + CALLS and pick["errors"] == 0
            assert sum(count for _, count in pick["histogram"]) == pick["timed"] >= 1
            assert 0 < pick["mean_ns"] <= pick["longest_ns"]
        http = plugins(gateway)["transport-http"]
        assert http["instances"] >= 1 and http["strikes"] == 0
        for slot in ("listener.reply", "connector.send", "inbound.deliver", "callback.ready"):
            assert http["slots"][slot]["calls"] >= CALLS, slot
        # Rare slots are timed each time; the host's own services only counted.
        assert http["slots"]["plugin.create"]["timed"] == http["instances"]
        assert "timed" not in http["slots"]["inbound.deliver"]
        assert "plugins" not in json.loads(gateway.get("/healthz")[1])


def test_a_trace_shows_both_directions_of_one_plugin(clients, replicas, tmp_path):
    secret = {"r": {"replicas": [{**r, "headers": {"X-Key": "hunter2"}} for r in replicas["r"]["replicas"]]}}
    with serving(configuration(tmp_path, secret), "--trace-abi", "transport-http") as gateway:
        gateway.listed("r")
        with clients.open(KIND, url=gateway.url) as link:
            assert link.text("r__echo", {"text": "seen by the trace"}) == "seen by the trace"
            gateway.log.wait(lambda line: "-> connector.send" in line and "= ok" in line)
            gateway.log.wait(lambda line: "<- inbound.deliver" in line and "tools/call" in line)
            gateway.log.wait(lambda line: "-> listener.reply" in line and "jsonrpc" in line)
        text = gateway.log.text()
        assert "-> plugin.create config=" in text and "<- offer.service id=jf.loop/1" in text
        assert "border routing-round-robin" not in text
        assert "hunter2" not in text


def test_a_slow_slot_is_reported_once(clients, replicas, tmp_path):
    slow = strategy({"slot": "pick", "delay": "5ms"})
    with serving(configuration(tmp_path, replicas, slow)) as gateway:
        gateway.listed("r")
        gateway.log.wait(lambda line: "faults are injected" in line and "routing-round-robin" in line)
        with clients.open(KIND, url=gateway.url) as link:
            both_up(gateway, link)
            for _ in range(CALLS):
                link.text("r__echo", {"text": "x"})

        def is_report(line):
            return "kept its lane for longer" in line and "slot=routing.pick" in line

        assert "plugin=routing-round-robin" in gateway.log.wait(is_report)
        pick = slots(gateway, "routing-round-robin")["routing.pick"]
        assert pick["overruns"] >= CALLS and pick["longest_ns"] >= 5_000_000
        # Each lane has an instance of its own.
        lanes = plugins(gateway)["routing-round-robin"]["instances"]
        assert 1 <= len([line for line in gateway.log.text().splitlines() if is_report(line)]) <= lanes


def test_an_injected_error_comes_every_so_often(clients, replicas, tmp_path):
    failing = strategy({"slot": "routing.pick", "error": "busy", "every": 2})
    path = write(
        tmp_path / "c.yaml",
        native(replicas, plugins=[failing], runtime={"drain_timeout": "3s", "loops": 1}),
    )
    with serving(path) as gateway:
        gateway.listed("r")
        with clients.open(KIND, url=gateway.url) as link:

            def attempt(_):
                try:
                    return link.text("r__echo", {"text": "x"}) == "x"
                except RpcError:
                    return False

            def alternating():
                outcomes = [attempt(n) for n in range(4)]
                assert outcomes in ([True, False] * 2, [False, True] * 2), outcomes

            eventually(alternating)
            pick = slots(gateway, "routing-round-robin")["routing.pick"]
            assert pick["errors"] >= 2


def test_a_plugin_without_a_service_that_it_needs(replicas, tmp_path):
    absent = {"id": "transport-http", "faults": [{"absent": "jf.loop/1"}]}
    config = configuration(tmp_path, replicas, absent)
    done = command_line("serve", "--config", config, "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert "plugin transport-http refused at 'create'" in done.stderr


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"slot": "pikc", "delay": "5ms"}, "no facet has a slot 'pikc'"),
        ({"slot": "observe", "error": "busy"}, "slot 'observe' cannot fail"),
        ({"slot": "pick", "error": "bussy"}, "busy"),
        ({"slot": "pick"}, 'say what happens, with "delay" or "error"'),
        ({"delay": "5ms"}, 'give either "slot" or "absent"'),
        ({"slot": "pick", "delay": "5ms", "evry": 2}, 'unknown key "evry"'),
    ],
)
def test_a_fault_that_cannot_be(replicas, tmp_path, fault, says):
    done = command_line("check", "--config", configuration(tmp_path, replicas, strategy(fault)))
    assert done.returncode == 2
    assert says in done.stdout + done.stderr


def test_a_trace_of_an_unknown_plugin(replicas, tmp_path):
    config = configuration(tmp_path, replicas)
    done = command_line("serve", "--config", config, "--trace-abi", "transport-htp")
    assert done.returncode == 2
    assert "no plugin 'transport-htp' was found" in done.stderr
