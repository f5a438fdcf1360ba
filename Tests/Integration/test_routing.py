# SPDX-License-Identifier: Apache-2.0
"""Every routing strategy through the real gateway, in its process and in a cell: what it goes by reaches it, and counts."""

import contextlib
from collections import Counter

import pytest

from rig.gateway import native, serving, write
from rig.peers import HttpServer
from rig.processes import eventually
from rig.rpc import MODERN, RpcError

PLACES = ["inproc", "cell"]


@pytest.fixture(scope="module")
def three():
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(HttpServer("moody", "--label", label)) for label in ("a", "b", "c")]


@pytest.fixture(params=PLACES)
def run(request, tmp_path, clients, three):
    """Starts a gateway with three replicas `a`, `b`, `c`, which say this of themselves."""

    @contextlib.contextmanager
    def start(routing, *said, runtime=None, era=MODERN):
        replicas = [{"url": server.url, **more} for server, more in zip(three, said or ({}, {}, {}))]
        name = routing if isinstance(routing, str) else routing["strategy"]
        config = native({"s": {"routing": routing, "replicas": replicas}})
        config["plugins"] = [{"id": f"routing-{name}", "placement": request.param}]
        config["runtime"].update(runtime or {})
        with serving(write(tmp_path / "c.yaml", config)) as gateway:
            with clients.open("raw-" + era, url=gateway.url) as link:

                def all_up():
                    status, told = gateway.get("/healthz?servers=1")
                    assert status == 200 and told.count('"state":"up"') == 3, told

                eventually(all_up)
                yield gateway, link

    return start


def shares(link, count, tool="s__look", arguments=None):
    return Counter(link.text(tool, arguments) for _ in range(count))


@pytest.mark.parametrize("strategy", ["round-robin", "weighted", "least-request", "peak-ewma"])
def test_spreading(run, strategy):
    with run(strategy) as (_, link):
        assert set(shares(link, 90)) == {"a", "b", "c"}


def test_weights(run):
    with run("weighted", {"weight": 8}, {"weight": 1}, {"weight": 1}) as (_, link):
        assert shares(link, 200)["a"] > 100


def test_affinity_by_argument(run):
    with run({"strategy": "affinity", "key": ["argument:/doc/id"], "bound_percent": 0}) as (_, link):
        homes = [shares(link, 5, arguments={"doc": {"id": f"d{n}"}}) for n in range(12)]
        assert all(len(home) == 1 for home in homes)
        assert len({label for home in homes for label in home}) > 1


def test_affinity_by_session(run, clients):
    with run({"strategy": "affinity", "key": ["session"], "bound_percent": 0}, era="2025-11-25") as (gateway, link):
        assert len(shares(link, 8)) == 1
        homes = set(shares(link, 1))
        for _ in range(12):
            with clients.open("raw-2025-11-25", url=gateway.url) as other:
                homes |= set(shares(other, 1))
        assert len(homes) > 1


def test_capability_by_tags_and_annotations(run):
    rules = [
        {"tools": ["look"], "tags": ["gpu"], "version": ">=2 <3"},
        {"read_only": False, "labels": {"role": "primary"}},
    ]
    with run(
        {"strategy": "capability", "rules": rules},
        {"tags": ["gpu"], "version": "2.4.0"},
        {"tags": ["gpu"], "version": "1.9.2"},
        {"labels": {"role": "primary"}},
    ) as (_, link):
        assert set(shares(link, 12)) == {"a"}
        assert set(shares(link, 12, "s__charge")) == {"c"}


def test_what_nobody_can_do_is_refused(run):
    with run({"strategy": "capability", "rules": [{"tools": ["look"], "tags": ["gpu"]}]}) as (_, link):
        with pytest.raises(RpcError):
            link.call("s__look", {})


def test_locality(run):
    with run(
        "locality",
        {"zone": "b", "region": "eu"},
        {"zone": "a", "region": "eu"},
        {"priority": 1},
        runtime={"zone": "a", "region": "eu"},
    ) as (_, link):
        assert set(shares(link, 20)) == {"b"}


def test_canary(run):
    arms = [{"name": "new", "percent": 100, "version": ">=2"}, {"name": "old", "version": "<2"}]
    with run(
        {"strategy": "canary", "arms": arms}, {"version": "2.0.0"}, {"version": "1.9.2"}, {"version": "1.9.2"}
    ) as (_, link):
        assert set(shares(link, 12)) == {"a"}


def test_failover(run, three):
    with run({"strategy": "failover", "failures": 1}) as (_, link):
        assert set(shares(link, 10)) == {"a"}
        three[0].kill()
        try:
            assert set(shares(link, 10)) == {"b"}
        finally:
            three[0].again()


def test_cost(run):
    with run("cost", {"cost": 3}, {"cost": 0.002}, {"cost": 1}) as (_, link):
        assert shares(link, 20)["b"] >= 18
