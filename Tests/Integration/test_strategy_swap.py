# SPDX-License-Identifier: Apache-2.0
"""Routing strategies that change under load, replicas that come back to each of them, and what a slow one costs."""

import contextlib
import time

import pytest

from rig.builds import Load, build, generations, percentile, shipped, swap
from rig.gateway import native, serving, write
from rig.late import Late, all_up, detail
from rig.processes import eventually
from rig.wire_http import legacy, open_session

LOOK = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "s__look", "arguments": {}}}


class LegacyLoad(Load):
    """The same from clients of 2025-06-18, each connection with a session of its own."""

    def once(self, connection):
        if not hasattr(connection, "session"):
            connection.session = open_session(self.port)
        connection.send(legacy(LOOK, connection.session))
        answer = connection.answer()
        return answer, answer.json["result"]["content"][0]["text"]


@pytest.fixture
def replicas(tmp_path, events):
    @contextlib.contextmanager
    def start(labels):
        with contextlib.ExitStack() as stack:
            lates = [Late(label, tmp_path, events) for label in labels]
            yield lates, [late.place(stack) for late in lates]

    return start


@contextlib.contextmanager
def both_eras(gateway, tool="s__look"):
    with Load(gateway.port, tool, threads=3) as modern_load, LegacyLoad(gateway.port, tool, threads=3) as older:
        yield modern_load, older
    for load in (modern_load, older):
        assert not load.wrong, load.wrong[:5]


def test_a_reload_with_another_strategy_loses_no_call(tmp_path, replicas):
    with replicas("abc") as (_, places):
        path = tmp_path / "c.yaml"

        def configure(routing):
            config = native({"s": {"replicas": places, "routing": routing}})
            config["runtime"]["loops"] = 2
            # A reload does not load plugins: what it may choose from runs from the start.
            config["plugins"] = [{"id": f"routing-{name}"} for name in ("least-request", "affinity", "peak-ewma")]
            return write(path, config)

        with serving(configure("round-robin")) as gateway:
            gateway.listed("s")
            eventually(lambda: all_up(gateway, 3))
            with both_eras(gateway) as loads:
                affinity = {"strategy": "affinity", "key": ["session", "client"]}
                for number, routing in enumerate(("least-request", affinity, "peak-ewma", "round-robin")):
                    configure(routing)
                    gateway.reload()
                    gateway.log.wait("configuration reloaded", 10)
                    # The new version of the server has taken over once its own counts have begun.
                    eventually(lambda: counted(gateway))
                    for load in loads:
                        load.past(30)
            assert set(loads[0].texts) == {"a", "b", "c"}


def counted(gateway):
    assert sum(e["calls_10s"] for e in detail(gateway)["endpoints"]) > 0


@pytest.mark.parametrize("strategy", ["least-request", "peak-ewma"])
def test_a_swapped_strategy_loses_no_call(tmp_path, replicas, strategy):
    """What the old build has learnt goes along."""
    plugin, state = f"routing-{strategy}", tmp_path / "state"
    state.mkdir()
    with replicas("abc") as (_, places):
        config = native({"s": {"replicas": places, "routing": strategy}})
        config["runtime"].update(loops=2, state_dir=str(state), swap_trial="100ms")
        config["plugins"] = [{"id": plugin, "placement": "inproc"}]
        with serving(write(tmp_path / "c.yaml", config)) as gateway:
            gateway.listed("s")
            eventually(lambda: all_up(gateway, 3))
            with both_eras(gateway) as loads:
                for number in (1, 2):
                    other = shipped(plugin, tmp_path / f"other{number}.so", number)
                    status, found, error = swap(gateway, state, plugin, other)
                    assert status == 0, (found, error)
                    for load in loads:
                        load.past(30)
            assert [g["state"] for g in generations(gateway, state, plugin)][-1] == "current"
            assert "starts without the old state" not in gateway.log.text()


@pytest.mark.parametrize("strategy", ["round-robin", "least-request", "counting"])
def test_who_comes_back_gets_its_calls_bit_by_bit(tmp_path, replicas, strategy):
    """For strategies that look at readiness and for those that do not (`counting` takes turns and knows nothing of it)."""
    with replicas("ab") as (lates, places):
        config = native({"s": {"replicas": places, "routing": strategy, "breaker": {"slow_start": "2m"}}})
        config["runtime"]["loops"] = 1
        if strategy == "counting":
            config["plugins"] = [{"file": str(build(tmp_path / "first.so")), "placement": "inproc"}]
        with serving(write(tmp_path / "c.yaml", config)) as gateway:
            gateway.listed("s")
            eventually(lambda: all_up(gateway, 2))
            with Load(gateway.port, "s__look", threads=1, good=("a", "b")) as load:
                load.past(60)
            assert 20 < load.texts.count("b") < len(load.texts) - 20, load.texts
            lates[1].http.kill()
            with Load(gateway.port, "s__look", threads=1, good=("a",)) as load:
                gateway.log.wait("server is down", 20)
            assert not load.wrong, load.wrong
            lates[1].http.again()
            eventually(lambda: all_up(gateway, 2))
            assert detail(gateway)["endpoints"][1]["share"] < 0.3
            with Load(gateway.port, "s__look", threads=1, good=("a", "b")) as load:
                load.past(300)
            assert not load.wrong, load.wrong
            # Half of them without a slow start; about a tenth with it.
            assert 0 < load.texts.count("b") < len(load.texts) // 4, load.texts.count("b")


def test_one_slow_replica_of_four(tmp_path, replicas, record_property):
    """The slow one does one call at a time. Round-robin queues for it; who looks at load or latency goes elsewhere."""
    strategies = ["round-robin", "least-request", "peak-ewma"]
    with replicas("abcd") as (lates, places):
        lates[3].mood("serial:20")
        config = native({name: {"replicas": places, "routing": name, "health": False} for name in strategies})
        config["runtime"]["loops"] = 1
        slowest = {}
        with serving(write(tmp_path / "c.yaml", config)) as gateway:
            gateway.listed(*strategies)
            for name in strategies:
                eventually(lambda name=name: four_up(gateway, name))
                with Load(gateway.port, f"{name}__look", threads=12) as load:
                    # What begins while nothing is known of anybody says nothing about the strategy.
                    load.past(150)
                    mark = time.monotonic()
                    load.past(300)
                times = [took for began, took in load.times if began > mark]
                assert not load.wrong, load.wrong[:5]
                slowest[name] = percentile(times, 0.99)
                record_property(f"p99 of {name} in ms", round(slowest[name] * 1000, 1))
        assert slowest["least-request"] < slowest["round-robin"], slowest
        assert slowest["peak-ewma"] < slowest["round-robin"], slowest


def four_up(gateway, name):
    assert [e["state"] for e in detail(gateway, name)["endpoints"]] == ["up"] * 4
