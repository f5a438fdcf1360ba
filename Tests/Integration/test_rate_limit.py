# SPDX-License-Identifier: Apache-2.0
"""Limits through the gateway: exact over loops and gateways, refusals that clients understand, a store that is away."""

import threading
from concurrent.futures import ThreadPoolExecutor

from rig.builds import build
from rig.gateway import Gateway, native, serving, write
from rig.processes import eventually
from rig.wire_http import exchange, modern
from test_store import Redis, running


def configured(folder, limits, servers=None, store=None, name="c.yaml"):
    blocks = {"runtime": {"drain_timeout": "3s", "loops": 2}, "filters": [{"filter": "rate-limit", "limits": limits}]}
    if store is not None:
        blocks["store"] = store
    return write(folder / name, native(servers or {"demo": {"plugin": "tools-demo"}}, **blocks))


def call(gateway, tool="demo__echo", arguments=None):
    """One call on a connection of its own, so that loops take turns."""
    params = {"name": tool, "arguments": {"text": "x"} if arguments is None else arguments}
    return exchange(gateway.port, modern("tools/call", params), 20)


def passed(answer):
    if answer.status == 200 and "result" in answer.json:
        return True
    assert answer.status == 429, (answer.status, answer.json)
    return False


def count(gateway, calls, **more):
    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(lambda _: passed(call(gateway, **more)), range(calls)))


def test_exact_over_loops(tmp_path):
    limits = [{"name": "hourly", "per": ["tool"], "rate": "25/hour"}]
    with serving(configured(tmp_path, limits)) as gateway:
        gateway.listed("demo")
        assert count(gateway, 60) == 25
        answer = call(gateway)
        assert answer.status == 429 and 0 < int(answer.headers["retry-after"]) <= 3600
        assert 'limit "hourly" is reached; try again in' in answer.json["error"]["message"]


def test_several_limits_are_one(tmp_path):
    limits = [
        {"name": "all", "per": ["gateway"], "quota": "10/day"},
        {"name": "one", "per": ["tool"], "rate": "4/hour", "cost": {"demo/echo": 2}},
    ]
    with serving(configured(tmp_path, limits)) as gateway:
        gateway.listed("demo")
        # What the second limit refuses takes nothing from the first.
        assert count(gateway, 20) == 2
        assert count(gateway, 20, tool="demo__now", arguments={}) == 4
        assert 'limit "one"' in call(gateway).json["error"]["message"]


def test_calls_under_way(tmp_path):
    library = build(tmp_path / "swappable.so")
    file = configured(tmp_path, [{"name": "two", "per": ["server"], "concurrency": 2}], {"s": {"plugin": "swappable"}})
    text = file.read_text() + f"plugins:\n  - {{ file: {library}, placement: inproc }}\n"
    file.write_text(text)
    with serving(file) as gateway:
        gateway.listed("s")
        for _ in range(2):  # the second time: everything was given back
            with ThreadPoolExecutor(5) as pool:
                results = list(pool.map(lambda _: passed(call(gateway, "s__wait", {})), range(5)))
            assert sum(results) == 2


def test_two_gateways_one_store_and_one_of_them_dies(tmp_path):
    limits = [{"name": "shared", "per": ["server"], "quota": "30/365d", "store": "shared"}]
    with running(Redis, tmp_path) as redis:
        block = {**redis.block(), "probe": "100ms"}
        with serving(configured(tmp_path, limits, store=block)) as first:
            first.listed("demo")
            second = Gateway(configured(tmp_path, limits, store=block, name="d.yaml"))
            try:
                second.listed("demo")
                sums = []
                threads = [
                    threading.Thread(target=lambda g=gateway: sums.append(count(g, 10))) for gateway in (first, second)
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                assert sum(sums) == 20
            finally:
                second.kill()
            assert count(first, 30) == 10


def test_a_store_that_is_away(tmp_path):
    limits = [{"name": "strict", "per": ["tool"], "quota": "1000/day", "store": "shared"}]
    lax = [{**limits[0], "name": "lax", "on_store_error": "allow"}]
    with running(Redis, tmp_path) as redis:
        block = {**redis.block(), "probe": "100ms"}
        with (
            serving(configured(tmp_path, limits, store=block)) as strict,
            serving(configured(tmp_path, lax, store=block, name="lax.yaml")) as allows,
        ):
            for gateway in (strict, allows):
                gateway.listed("demo")
                eventually(lambda gateway=gateway: counted(gateway))
            redis.crash()
            eventually(lambda: uncounted(strict))
            assert count(allows, 10) == 10
            redis.start()
            eventually(lambda: counted(strict))


def counted(gateway):
    assert passed(call(gateway))


def uncounted(gateway):
    answer = call(gateway)
    assert answer.status == 429 and "cannot be counted" in answer.json["error"]["message"]
