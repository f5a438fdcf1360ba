# SPDX-License-Identifier: Apache-2.0
"""A server changes its version: shares that climb or go back, and replicas that are drained by command."""

import contextlib
import json
import socket
import threading

import pytest

from rig.gateway import Gateway, command_line, native, serving, write
from rig.processes import eventually
from rig.rpc import MODERN, RpcError
from rig.wire_http import exchange, modern
from test_resilience import Replica, counters, detail, refused


@pytest.fixture
def two():
    with Replica("old") as first, Replica("new") as second:
        yield first, second


class Rig:
    """A gateway with one server `s`, whose replicas have versions 1, 2, …, and its command line."""

    def __init__(self, folder, replicas, **options):
        self.config, self.state, self.options = folder / "c.yaml", folder / "state", options
        self.replicas = [
            {"url": replica.url, "version": str(at + 1)} for at, replica in enumerate(replicas)
        ]
        self.write()

    def write(self, more=(), **changes):
        self.options.update(changes)
        servers = {"s": {"replicas": self.replicas, **self.options}, **dict(more)}
        runtime = {"drain_timeout": "3s", "state_dir": str(self.state)}
        write(self.config, native(servers, runtime=runtime))

    def run(self, *arguments, status=0):
        done = command_line(*arguments, "--state-dir", self.state)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def rollout(self):
        return json.loads(self.run("rollout", "s", "--json", status=self.status))

    # What `rollout s` ends with; 1 after a rollback.
    status = 0

    def reload(self, gateway):
        said = len(gateway.log.lines)
        gateway.reload()
        gateway.log.wait("configuration reloaded", start=said)


@pytest.fixture
def run(tmp_path, clients):
    @contextlib.contextmanager
    def start(*replicas, **options):
        rig = Rig(tmp_path, replicas, **options)
        with serving(rig.config) as gateway:
            with clients.open("raw-" + MODERN, url=gateway.url) as link:
                eventually(lambda: all_up(gateway))
                yield rig, gateway, link

    return start


def all_up(gateway):
    assert {e["state"] for e in detail(gateway)["endpoints"]} == {"up"}


def rollout(**more):
    return {"version": "2", "sticky": "none", "every": "1h", "minimum_calls": 20, **more}


# ---- Rollouts ----


@pytest.mark.parametrize("mood", ["cut", "sick"])
def test_a_canary_that_goes_bad_is_rolled_back(run, two, mood):
    """The number of failed calls is in the log, and is what clients saw."""
    options = rollout(steps=["40%", "100%"], error_rate="5%")
    with run(*two, rollout=options, retry=False) as (rig, gateway, link):
        two[1].mood(mood)
        failed = calls = 0
        while "a rollout was rolled back" not in gateway.log.text() and calls < 500:
            calls += 1
            try:
                failed += link.call("s__look", {}).get("isError", False)
            except RpcError:
                failed += 1
        line = gateway.log.wait("a rollout was rolled back")
        print(f"{failed} of {calls} calls failed, then: {line}")
        assert 'failed_calls="2"' in line or "failed_calls=2" in line
        assert failed == 2
        seen = two[1].seen
        assert [link.text("s__look") for _ in range(40)] == ["old"] * 40
        assert two[1].seen == seen, "a version that was rolled back got a call"
        assert counters(gateway)["rollbacks"] == 1
        told = detail(gateway)["rollout"]
        assert told["state"] == "rolled_back" and told["share"] == 0 and told["failed_calls"] == 2
        assert "calls failed" in told["reason"]
        assert "rolled back" in rig.run("rollout", "s", status=1)


def test_a_rollback_is_for_good(run, two):
    """Not even where nobody else is left; a command begins anew."""
    with run(*two, rollout=rollout(steps=["50%", "100%"]), retry=False) as (rig, gateway, link):
        assert "by command" in rig.run("rollout", "s", "rollback")
        two[0].kill()
        error = eventually(lambda: told_of_rollback(link))
        assert error.data["reason"] == "rolled_back"
        rig.run("rollout", "s", "resume")
        assert link.text("s__look") == "new"


def told_of_rollback(link):
    error = refused(link)
    assert "was rolled back" in error.message
    return error


def test_a_slow_version_is_rolled_back(run, two):
    options = rollout(steps=["60%", "100%"], minimum_calls=4, latency=3)
    with run(*two, rollout=options) as (_, gateway, link):
        two[1].mood("slow")
        for _ in range(200):
            link.text("s__look")
            if "a rollout was rolled back" in gateway.log.text():
                break
        assert "95 % of its calls" in gateway.log.wait("a rollout was rolled back")


def test_a_healthy_version_climbs_its_steps(run, two):
    options = rollout(steps=["20%", "60%", "100%"], every="0s", minimum_calls=10)
    with run(*two, rollout=options) as (rig, gateway, link):
        for _ in range(1000):
            link.text("s__look")
            if "a rollout is complete" in gateway.log.text():
                break
        gateway.log.wait("a rollout is complete")
        climbs = [line for line in gateway.log.text().splitlines() if "a rollout goes on" in line]
        assert len(climbs) == 2 and "60 %" in climbs[0] and "100 %" in climbs[1]
        assert [link.text("s__look") for _ in range(20)] == ["new"] * 20
        assert rig.rollout()["state"] == "complete" and counters(gateway)["rollbacks"] == 0


def test_shares_are_what_they_say(run, two):
    """400 draws of 30 %: within four standard deviations, whatever the strategy does with its part."""
    options = {"rollout": rollout(steps=["30%", "100%"], latency="off"), "routing": "least-request"}
    with run(*two, **options) as (rig, _, link):
        taken = sum(link.text("s__look") == "new" for _ in range(400))
        assert abs(taken - 120) < 37
        told = rig.rollout()
        assert (told["new"]["calls"], told["calls"]) == (taken, taken)
        assert told["old"]["calls"] == 400 - taken


def test_a_session_keeps_its_version(run, two, clients):
    options = rollout(steps=["50%", "100%"], sticky="session", latency="off")
    with run(*two, rollout=options) as (_, gateway, _link):
        groups = set()
        for _ in range(24):
            with clients.open("raw-2025-11-25", url=gateway.url) as link:
                answers = {link.text("s__look") for _ in range(3)}
                assert len(answers) == 1
                groups |= answers
        assert groups == {"old", "new"}


def test_no_group_without_replicas_loses_calls(run, two):
    """Blue-green: everything is with the new version, and the old one takes over while that is gone."""
    options = {"rollout": rollout(steps=["100%"]), "breaker": {"failures": 1, "open_for": "60s"}}
    with run(*two, **options) as (_, _gateway, link):
        assert [link.text("s__look") for _ in range(10)] == ["new"] * 10
        two[1].kill()
        assert [link.text("s__look") for _ in range(10)] == ["old"] * 10


def test_progress_is_kept_by_a_reload(run, two):
    options = rollout(steps=["10%", "100%"])
    with run(*two, rollout=options) as (rig, gateway, _):
        rig.run("rollout", "s", "pause")
        rig.write(more={"other": {"url": two[0].url}})
        rig.reload(gateway)
        assert rig.rollout()["state"] == "paused"
        # Another setting of the server: its rollout is the same.
        rig.write(timeout="50s")
        rig.reload(gateway)
        eventually(lambda: all_up(gateway))
        assert rig.rollout()["state"] == "paused"
        # Another rollout begins with its first step.
        rig.write(rollout={**options, "steps": ["20%", "100%"]})
        rig.reload(gateway)

        def anew():
            told = rig.rollout()
            assert (told["state"], told["share"]) == ("running", 0.2)

        eventually(anew)


def test_a_rollback_gives_up_kept_answers(run, two):
    """What the new version said is not handed out once it is gone."""
    cache = {"tools": ["look"], "ttl": "1h"}
    with run(*two, rollout=rollout(steps=["100%"]), response_cache=cache) as (rig, _, link):
        assert "both versions of the rollout" in command_line("check", "--config", rig.config).stderr
        assert link.text("s__look") == "new" and link.text("s__look") == "new"
        assert two[1].seen == 1, "the second answer was kept"
        rig.run("rollout", "s", "rollback")
        assert link.text("s__look") == "old"


def test_commands_that_cannot_be_followed_say_why(run, two):
    with run(*two, rollout=rollout()) as (rig, gateway, _):
        assert "there is no server 'x'; there are: s" in rig.run("rollout", "x", status=1)
        assert "it runs" in rig.run("rollout", "s", "resume", status=1)
        assert "promote" in rig.run("rollout", "s", "fly", status=2)
        rig.run("rollout", "s", "promote")
        assert "already" in rig.run("rollout", "s", "promote", status=1)
        gateway.log.wait("a rollout was changed by command")


def test_a_server_without_a_rollout(run, two):
    with run(*two) as (rig, gateway, _):
        assert "has no rollout" in rig.run("rollout", "s", status=1)
        assert "rollout" not in detail(gateway)


# ---- Draining ----


class Load:
    """Threads that call without a pause, each over connections of its own, until the body of the `with` is over."""

    def __init__(self, clients, gateway, threads=4):
        self.answers, self.errors, self.over = [], [], threading.Event()
        self.clients, self.gateway = clients, gateway
        self.threads = [threading.Thread(target=self.call) for _ in range(threads)]

    def call(self):
        with self.clients.open("raw-" + MODERN, url=self.gateway.url) as link:
            while not self.over.is_set():
                try:
                    self.answers.append(link.text("s__charge"))
                except RpcError as e:
                    self.errors.append(e)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def some(load, count):
    """Waits for so many further answers."""
    start = len(load.answers)

    def there():
        assert len(load.answers) >= start + count

    eventually(there)


def test_draining_under_load_loses_nothing(run, two, clients):
    """`charge` is never repeated: each lost call would be seen."""
    with run(*two, breaker=False) as (rig, gateway, _), Load(clients, gateway) as load:
        some(load, 50)
        for turn in range(3):
            for at, label in enumerate(["old", "new"]):
                told = rig.run("drain", f"s/{at}", "--wait")
                assert "is drained: no calls are under way" in told
                seen, start = two[at].seen, len(load.answers)
                some(load, 30)
                assert two[at].seen == seen, "a drained replica got a call"
                # The first ones may have been under way.
                assert label not in load.answers[start + 4 :]
                assert detail(gateway)["endpoints"][at]["state"] == "draining"
                assert "gets calls again" in rig.run("undrain", f"s/{at}")
        some(load, 50)
        assert not load.errors
        assert set(load.answers[-40:]) == {"old", "new"}


def test_a_drained_server_says_so(run, two):
    with run(*two) as (rig, gateway, link):
        assert rig.run("drain", "s") == "s is drained: no calls are under way\n"
        assert "s__look" in {tool["name"] for tool in link.request("tools/list")["tools"]}
        error = refused(link)
        assert "is being drained" in error.message and error.data["reason"] == "draining"
        answer = exchange(gateway.port, modern("tools/call", {"name": "s__look", "arguments": {}}))
        assert answer.status == 503 and int(answer.headers["retry-after"]) >= 1
        told = detail(gateway)["endpoints"]
        assert [e["state"] for e in told] == ["draining"] * 2
        assert "jackfield undrain" in told[0]["reason"]
        assert "draining" in command_line("servers", "--url", gateway.url).stdout
        assert "s/2 gets calls again" in rig.run("undrain", "s/2"), "by version: the second replica is 2"


def test_a_drain_outlasts_the_gateway(tmp_path, two):
    """Killed or stopped: what was taken out of service stays out, as long as its replicas are where they were."""
    rig = Rig(tmp_path, two)

    def began(*states):
        assert [e["state"] for e in detail(gateway)["endpoints"]] == list(states)

    gateway = Gateway(rig.config)
    try:
        eventually(lambda: began("up", "up"))
        rig.run("drain", "s/1")
    finally:
        gateway.kill()
    # Another secret is no other replica.
    rig.replicas[1]["headers"] = {"X-Key": "new"}
    rig.write()
    with serving(rig.config) as gateway:
        eventually(lambda: began("up", "draining"))
        gateway.log.wait("drained since before the restart")
        rig.run("undrain", "s/1")
    with serving(rig.config) as gateway:
        eventually(lambda: began("up", "up"))
        rig.run("drain", "s/1")
    rig.replicas.reverse()
    rig.write()
    with serving(rig.config) as gateway:
        eventually(lambda: began("up", "up"))
        gateway.log.wait("a drain is over: the configuration has other replicas")


def test_a_drain_ends_with_its_replicas(run, two):
    with run(*two) as (rig, gateway, link):
        rig.run("drain", "s/0")
        rig.write(more={"other": {"url": two[0].url}})
        rig.reload(gateway)
        assert {link.text("s__look") for _ in range(8)} == {"new"}
        # Other settings of the same replicas.
        rig.write(timeout="50s")
        rig.reload(gateway)
        eventually(lambda: reloaded(gateway))
        assert {link.text("s__look") for _ in range(8)} == {"new"}
        rig.replicas[0]["weight"] = 2
        rig.write()
        rig.reload(gateway)
        gateway.log.wait("a drain is over")
        eventually(lambda: both(link))


def reloaded(gateway):
    """Both replicas of the changed server are up as well."""
    assert gateway.log.text().count("server is up server=s") >= 4


def arrived(replicas):
    assert sum(replica.seen for replica in replicas) == 1


def both(link):
    assert {link.text("s__look") for _ in range(8)} == {"old", "new"}


def test_waiting_has_an_end(run, two):
    with run(*two) as (rig, _gateway, link):
        two[0].mood("hang")
        two[1].mood("hang")
        call = link.start_call("s__charge", {})
        eventually(lambda: arrived(two))
        told = rig.run("drain", "s", "--wait", "--timeout", "300ms", status=1)
        assert "is being drained: 1 call is under way" in told
        assert "1 call is still under way" in told
        call.cancel()
        assert "is drained" in rig.run("drain", "s", "--wait")


def test_calls_from_before_a_reload_count(run, two):
    """Same replicas, another timeout: the server is another one inside, and its calls are still under way."""
    with run(*two) as (rig, gateway, link):
        two[0].mood("hang")
        two[1].mood("hang")
        call = link.start_call("s__charge", {})
        eventually(lambda: arrived(two))
        rig.write(timeout="50s")
        rig.reload(gateway)
        eventually(lambda: reloaded(gateway))
        assert "1 call is under way" in rig.run("drain", "s")
        call.cancel()
        assert "is drained" in rig.run("drain", "s", "--wait")


def test_wrong_names_show_what_there_is(run, two):
    with run(*two) as (rig, _gateway, _):
        assert "there is no server 'x'; there are: s" in rig.run("drain", "x", status=1)
        told = rig.run("drain", "s/9", status=1)
        assert "no replica '9'; there are: 0 (version 1), 1 (version 2)" in told
        assert "is not drained" in rig.run("undrain", "s")


def test_the_door_takes_no_nonsense(run, two):
    def ask(text):
        door = socket.socket(socket.AF_UNIX)
        door.connect(str(next((rig.state / "run").glob("*.sock"))))
        with door, door.makefile("rwb") as file:
            file.write(text.encode() + b"\n")
            file.flush()
            return file.readline().decode()

    with run(*two, rollout=rollout()) as (rig, _gateway, link):
        for request, why in [
            ({"do": "drain"}, "needs 'server'"),
            ({"do": "drain", "server": 7}, "needs 'server'"),
            ({"do": "drain", "server": "s"}, "key"),
            ({"do": "drain", "server": "s", "key": "wrong"}, "key"),
            ({"do": "undrain", "server": "s"}, "key"),
            ({"do": "drain", "server": "s", "wait_ms": -1}, "wait_ms"),
            ({"do": "drain", "server": "s", "wait_ms": 9e99}, "key"),
            ({"do": "rollout", "server": "s", "action": "promote"}, "key"),
            ({"do": "rollout", "server": "s", "action": "explode"}, "unknown action"),
            ({"do": "rollout", "server": "s", "action": ["status"]}, '"rollout"'),
            ({"do": "explode"}, "there are: clear, config, drain, explain, flush, generations, lock, restart, rollout, swap, undrain"),
        ]:
            assert why in ask(json.dumps(request)), request
        assert link.text("s__look") in ("old", "new")
