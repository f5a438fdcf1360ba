# SPDX-License-Identifier: Apache-2.0
"""Calls and their servers when servers fail: breakers, retries that are safe, room, and how each of them says so."""

import contextlib
import json
import threading
import urllib.request

import pytest

from rig.gateway import native, serving, write
from rig.peers import HttpServer
from rig.processes import eventually
from rig.rpc import MODERN, RpcError
from rig.wire_http import exchange, modern


class Replica(HttpServer):
    def __init__(self, label):
        super().__init__("moody", "--label", label)

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)

    def mood(self, mood):
        self.ask(f"/mood/{mood}")

    @property
    def seen(self):
        return self.ask("/seen")["seen"]


@pytest.fixture
def one():
    with Replica("one") as replica:
        yield replica


@pytest.fixture
def two():
    with Replica("one") as first, Replica("two") as second:
        yield first, second


@pytest.fixture
def run(tmp_path, clients):
    """Starts a gateway with one server `s` and gives it with a client."""

    @contextlib.contextmanager
    def start(*replicas, **options):
        places = [{"url": replica.url} for replica in replicas]
        server = {"replicas": places, **options} if len(places) > 1 else {**places[0], **options}
        with serving(write(tmp_path / "c.yaml", native({"s": server}))) as gateway:
            with clients.open("raw-" + MODERN, url=gateway.url) as link:
                eventually(lambda: link.text("s__look"))
                yield gateway, link

    return start


def counters(gateway):
    return json.loads(gateway.get("/healthz")[1])["counters"]


def refused(link, tool="s__look"):
    with pytest.raises(RpcError) as caught:
        link.call(tool, {})
    return caught.value


# ---- Retries ----


@pytest.mark.parametrize("mood", ["busy", "cut"])
@pytest.mark.parametrize("tool", ["look", "put"])
def test_what_may_be_repeated_goes_to_another_replica(run, two, mood, tool):
    with run(*two) as (gateway, link):
        two[0].mood(mood)
        assert {link.text(f"s__{tool}") for _ in range(8)} == {"two"}
        assert counters(gateway)["retries"] > 0


def test_what_a_server_has_begun_is_not_repeated(run, two):
    """`charge` says nothing of itself: after a cut nobody knows whether it was done."""
    with run(*two) as (gateway, link):
        for replica in two:
            replica.mood("cut")
        before = two[0].seen + two[1].seen
        refused(link, "s__charge")
        assert two[0].seen + two[1].seen == before + 1
        assert counters(gateway)["retries"] == 0


def test_what_a_server_refused_is_repeated_whatever_it_is(run, two):
    with run(*two) as (_, link):
        two[0].mood("busy")
        before = two[1].seen
        assert [link.text("s__charge") for _ in range(6)] == ["two"] * 6
        assert two[1].seen == before + 6


def test_tries_are_bounded(run, one):
    with run(one, retry={"attempts": 4, "back_off": "1ms"}, breaker=False) as (gateway, link):
        one.mood("cut")
        before = one.seen
        refused(link)
        assert one.seen == before + 4
        assert counters(gateway)["retries"] == 3


def test_retries_have_a_budget(run, one):
    """Ten are there from the beginning, and failures earn none."""
    with run(one, retry={"back_off": "1ms", "budget": 1}, breaker=False) as (gateway, link):
        one.mood("busy")
        for _ in range(30):
            refused(link)
        assert counters(gateway)["retries"] == 10


def test_switched_off(run, one):
    with run(one, retry=False, breaker=False) as (gateway, link):
        one.mood("busy")
        for _ in range(20):
            assert "503" in refused(link).message
        assert counters(gateway)["retries"] == 0 and counters(gateway)["breakers_opened"] == 0


def test_no_try_outlives_its_call(run, one):
    """A pause that would end after the deadline is not begun."""
    with run(one, timeout="300ms", retry={"attempts": 10, "back_off": "200ms"}, breaker=False) as (_, link):
        one.mood("busy")
        error = refused(link)
        assert "503" in error.message or "within" in error.message


# ---- Breakers ----


def test_a_breaker_opens_says_so_and_closes(run, one):
    with run(one, retry=False, breaker={"failures": 3, "open_for": "500ms"}) as (gateway, link):
        one.mood("cut")
        for _ in range(3):
            refused(link)
        seen = one.seen
        error = refused(link)
        assert "circuit breaker" in error.message and error.data["reason"] == "breaker_open"
        assert one.seen == seen, "an open breaker let a call through"
        one.mood("well")
        eventually(lambda: link.text("s__look"))
        gateway.log.wait("circuit breaker closed", 10)
        assert counters(gateway)["breakers_opened"] == 1


def test_an_open_breaker_is_503_with_a_time(run, one):
    with run(one, retry=False, breaker={"failures": 1, "open_for": "30s"}) as (gateway, link):
        one.mood("cut")
        refused(link)
        answer = exchange(gateway.port, modern("tools/call", {"name": "s__look", "arguments": {}}))
        assert answer.status == 503
        assert 1 <= int(answer.headers["retry-after"]) <= 30


def test_a_failed_trial_keeps_it_open(run, one):
    with run(one, retry=False, breaker={"failures": 1, "open_for": "100ms"}) as (gateway, link):
        one.mood("cut")
        refused(link)

        def opened():
            with pytest.raises(RpcError):
                link.call("s__look", {})
            assert counters(gateway)["breakers_opened"] >= 3

        eventually(opened)


def test_a_bad_replica_loses_its_calls_to_the_good_one(run, two):
    with run(*two, breaker={"failures": 3, "open_for": "30s"}) as (gateway, link):
        two[0].mood("cut")
        for _ in range(40):
            assert link.text("s__look") == "two"
        assert two[0].seen <= 8
        assert counters(gateway)["breakers_opened"] == 1


def test_a_slow_replica_loses_its_calls_to_the_quick_one(run, two):
    options = {"failures": 1000, "latency": "100ms", "error_rate": 80, "minimum_calls": 5, "open_for": "30s"}
    with run(*two, breaker=options) as (gateway, link):
        two[0].mood("slow")
        while not counters(gateway)["breakers_opened"]:
            link.call("s__look", {})
        gateway.log.wait("too slow", 10)
        assert {link.text("s__look") for _ in range(10)} == {"two"}


def test_cancelled_calls_say_nothing_of_the_server(run, one):
    with run(one, breaker={"failures": 2}) as (gateway, link):
        one.mood("hang")
        for _ in range(6):
            link.start_call("s__look", {}).cancel()
        one.mood("well")
        assert link.text("s__look") == "one"
        assert counters(gateway)["breakers_opened"] == 0


# ---- Room ----


def crowd(link, count, tool="s__look"):
    """So many calls at once; how many were served, and the errors of the others."""
    served, errors = [], []

    def call():
        try:
            served.append(link.text(tool))
        except RpcError as e:
            errors.append(e)

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return served, errors


def test_a_full_server_refuses(run, one):
    with run(one, bulkhead={"calls": 2}, retry=False) as (gateway, link):
        one.mood("slow")
        served, errors = crowd(link, 8)
        assert one.ask("/seen")["most"] <= 2
        assert len(served) >= 2 and len(errors) == 8 - len(served) > 0
        assert all(e.data["reason"] == "overload" for e in errors)
        assert counters(gateway)["overloads"] == len(errors)


def test_a_queue_makes_them_wait(run, one):
    with run(one, bulkhead={"calls": 2, "queue": 100, "wait": "20s"}) as (_, link):
        one.mood("slow")
        served, errors = crowd(link, 12)
        assert len(served) == 12 and not errors
        assert one.ask("/seen")["most"] <= 2


def test_who_waits_too_long_is_told(run, one):
    with run(one, bulkhead={"calls": 1, "queue": 100, "wait": "100ms"}, retry=False) as (_, link):
        one.mood("slow")
        served, errors = crowd(link, 6)
        assert served and errors
        assert all("no room" in e.message for e in errors)


def test_one_tool_does_not_fill_its_server(run, one):
    with run(one, bulkhead={"per_tool": 1, "queue": 100, "wait": "20s"}) as (_, link):
        one.mood("slow")
        results = []
        both = [
            threading.Thread(target=lambda t=tool: results.append(crowd(link, 4, f"s__{t}"))) for tool in ("look", "put")
        ]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert [len(errors) for _, errors in results] == [0, 0]
        assert one.ask("/seen")["most"] <= 2


# ---- Health ----


def detail(gateway):
    return json.loads(gateway.get("/healthz?servers=1")[1])["servers_detail"]["s"]


def is_down(gateway):
    assert detail(gateway)["endpoints"][0]["state"] == "down"


def test_a_silent_server_is_taken_down_and_comes_back(run, one):
    with run(one, health={"interval": "100ms", "timeout": "200ms", "failures": 2, "tool": "look"}) as (gateway, link):
        one.mood("hang")
        gateway.log.wait("2 health checks in a row failed", 15)
        # The log is ahead of what the loops know.
        eventually(lambda: is_down(gateway))
        assert "not available" in refused(link).message
        gateway.log.wait("it still fails its health check", 15)
        assert "not available" in refused(link).message
        assert detail(gateway)["endpoints"][0]["state"] == "down"
        one.mood("well")
        eventually(lambda: link.text("s__look"))


def test_a_healthy_server_is_left_alone(run, one):
    with run(one, health={"interval": "100ms", "tool": "look", "expect": "one"}) as (gateway, _):
        seen = one.seen

        def asked():
            assert one.seen >= seen + 5

        eventually(asked)
        assert counters(gateway)["health_failures"] == 0
        assert detail(gateway)["endpoints"][0]["state"] == "up"


def test_a_wrong_answer_is_a_failure(run, one):
    with run(one, health={"interval": "100ms", "tool": "look", "expect": "two", "failures": 1}) as (gateway, _):
        gateway.log.wait("does not contain what is expected", 15)


def test_a_server_without_its_tools_is_down(tmp_path, one):
    server = {"url": one.url, "health": {"expect_tools": ["look", "mend"]}}
    with serving(write(tmp_path / "c.yaml", native({"s": server}))) as gateway:
        gateway.log.wait("it does not list what is expected of it: mend", 15)


def test_states_come_with_reasons(run, two):
    with run(*two, breaker={"failures": 1, "open_for": "60s"}, objective={"availability": 99, "latency": "1s"}) as (
        gateway,
        link,
    ):
        two[0].mood("cut")
        for _ in range(10):
            link.text("s__look")
        told = detail(gateway)
        assert [e["breaker"] for e in told["endpoints"]] == ["open", "closed"]
        assert 0 < told["endpoints"][0]["open_for_ms"] <= 60_000
        assert told["objective"]["calls_1h"] >= 10
        assert told["objective"]["burn_rate_5m"] > 0


def test_servers_in_the_gateway_are_not_asked(tmp_path, clients, one):
    """While another one is asked five times, at the same interval."""
    often = {"interval": "100ms", "failures": 1}
    servers = {
        "demo": {"plugin": "tools-demo", "health": {**often, "tool": "nothing"}},
        "s": {"url": one.url, "health": {**often, "tool": "look"}},
    }
    with serving(write(tmp_path / "c.yaml", native(servers))) as gateway:

        def asked():
            assert one.seen >= 5

        eventually(asked)
        with clients.open("raw-" + MODERN, url=gateway.url) as link:
            assert link.text("demo__echo", {"text": "x"}) == "x"
        assert counters(gateway)["health_failures"] == 0
