# SPDX-License-Identifier: Apache-2.0
"""Answers that are kept and calls that are shared: clients of both eras, a server that counts its calls."""

import contextlib
import json
import random
import urllib.request

import pytest

from rig.builds import ask, build, swap
from rig.gateway import command_line, native, serving, stdio, write
from rig.peers import HttpServer, server_command
from rig.processes import eventually
from rig.rpc import META, MODERN, RpcError
from rig.tasks import KNOWS
from rig.workers import Cancelled

RAW = "raw-" + MODERN
ALL = ["sdk2-modern", "sdk2-legacy", "sdk1", "sdkold", RAW, "raw-2025-06-18"]
LOOK = {"tools": ["look"], "ttl": "60s"}
HOLD = {"hold": True}


def until(holds):
    """Waits until something holds that is found out anew each time."""

    def check():
        assert holds()

    eventually(check)


class Counting(HttpServer):
    def __init__(self, *switches):
        super().__init__("counting", *switches)

    def ask(self, what):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ctl/{what}", timeout=10) as answer:
            return json.load(answer)

    def status(self):
        return self.ask("status")

    @property
    def seen(self):
        return len(self.status()["seen"])


@pytest.fixture(params=["modern", "legacy"])
def each(request):
    with Counting("--era", request.param) as server:
        yield server


@pytest.fixture
def one():
    with Counting() as server:
        yield server


class Rig:
    def __init__(self, gateway, clients, stack):
        self.gateway, self.clients, self.stack = gateway, clients, stack

    def open(self, kind, **more):
        return self.stack.enter_context(self.clients.open(kind, url=self.gateway.url, **more))

    def detail(self, server="s"):
        return json.loads(self.gateway.get("/healthz?servers=1")[1])["servers_detail"][server]

    def facts(self, server="s"):
        return self.detail(server)["response_cache"]

    def counters(self):
        return json.loads(self.gateway.get("/healthz")[1])["counters"]

    def until(self, **wanted):
        """Waits until the server's numbers are these."""

        def check():
            facts = self.facts()
            assert facts | wanted == facts, facts

        eventually(check)


@pytest.fixture
def run(tmp_path, clients):
    """Starts a gateway with the server `s`."""

    @contextlib.contextmanager
    def start(server, **options):
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        config = native({"s": {"url": server.url, **options}})
        config["runtime"] |= {"loops": 2, "state_dir": str(state)}
        with serving(write(tmp_path / "c.yaml", config)) as gateway, contextlib.ExitStack() as stack:
            gateway.listed("s")
            yield Rig(gateway, clients, stack)

    return start


# ---- Answers that are kept ----


def test_one_answer_serves_clients_of_every_era(run, each):
    with run(each, response_cache=LOOK) as rig:
        links = [rig.open(kind) for kind in ALL]
        assert {link.text("s__look", {"q": 1, "r": [2.0]}) for link in links} == {"look 1"}
        assert links[0].text("s__look", {"r": [2], "q": 1.0}) == "look 1"
        assert each.seen == 1
        facts = rig.facts()
        assert (facts["hits"], facts["misses"], facts["entries"]) == (len(links), 1, 1)
        assert rig.counters()["response_cache_hits"] == len(links)


def test_other_arguments_are_other_calls(run, one):
    with run(one, response_cache=LOOK) as rig:
        link = rig.open(RAW)
        for arguments in ({}, {"q": 1}, {"q": "1"}, {"q": [1]}, {"q": None}, {"q": 2**53}, {"q": 2**53 + 1}):
            for _ in range(2):
                link.text("s__look", arguments)
        assert one.seen == 7


def test_it_ends_with_its_time(run, one):
    with run(one, response_cache={"tools": ["look"], "ttl": "50ms"}) as rig:
        link = rig.open(RAW)
        assert link.text("s__look") == "look 1"
        until(lambda: link.text("s__look") != "look 1")


def test_only_what_is_named_and_reads(run, one):
    with run(one, response_cache={"tools": ["look", "put", "wipe"]}) as rig:
        link = rig.open(RAW)
        for tool in ("put", "plain", "wipe"):
            assert link.text(f"s__{tool}") != link.text(f"s__{tool}")
        assert rig.facts()["misses"] == 0


def test_the_operator_may_vouch_for_a_tool(run, one):
    with run(one, response_cache={"tools": ["*"], "allow_unannotated": True}) as rig:
        link = rig.open(RAW)
        assert link.text("s__plain") == link.text("s__plain")
        assert link.text("s__wipe") != link.text("s__wipe"), "it says that it destroys"


@pytest.mark.parametrize("how", ["fail", "refuse"])
def test_errors_are_never_kept(run, one, how):
    with run(one, response_cache=LOOK) as rig:
        link = rig.open(RAW)
        for _ in range(3):
            if how == "fail":
                assert link.call("s__look", {"fail": True})["isError"]
            else:
                with pytest.raises(RpcError) as caught:
                    link.call("s__look", {"refuse": True})
                assert caught.value.code == -32050
        assert one.seen == 3 and rig.facts()["entries"] == 0


def test_questions_to_the_user_are_each_ones_own(run, one):
    asks = {"capabilities": {"elicitation": {"form": {}}}}
    with run(one, response_cache=LOOK) as rig:
        able, plain = rig.open(RAW, **asks), rig.open(RAW)
        for _ in range(2):
            assert able.call("s__look", {"ask": True})["resultType"] == "input_required"
        params = {"name": "s__look", "arguments": {"ask": True}}
        params |= {"requestState": "s", "inputResponses": {"q": {}}}
        answers = [able.request("tools/call", params)["content"][0]["text"] for _ in range(2)]
        assert answers[0] != answers[1], "an answer to answers was kept"
        with pytest.raises(RpcError) as caught:
            plain.call("s__look", {"ask": True})
        assert caught.value.code == -32021
        assert rig.facts()["entries"] == 0


def test_what_the_server_sees_is_the_key_alone(run, one):
    """Whatever the first caller could do or said of itself: others get the same answer."""
    with run(one, response_cache=LOOK) as rig:
        able = rig.open(RAW, capabilities={"elicitation": {}, "extensions": {"com.example/x": {}}})
        trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
        able.call("s__look", {}, meta={"traceparent": trace})
        meta = one.status()["seen"][0]["_meta"]
        assert meta[META + "clientCapabilities"] == {}
        assert meta["traceparent"].startswith("00-" + "a" * 32)
        able.call("s__look", {}, meta={"com.example/tenant": "t"})
        assert one.seen == 2, "unknown _meta was ignored"
        assert one.status()["seen"][1]["_meta"]["com.example/tenant"] == "t"


def test_memory_is_bounded(run, one):
    with run(one, response_cache={"tools": ["look"], "max_bytes": "256KiB", "max_entry": "32KiB"}) as rig:
        link = rig.open(RAW)
        for number in range(60):
            link.call("s__look", {"bytes": 20_000, "n": number})
            assert rig.facts()["bytes"] <= 256 << 10
        assert 10 <= rig.facts()["entries"] <= 13
        link.call("s__look", {"bytes": 20_000, "n": 59})
        assert one.seen == 60, "the newest was given up"
        link.call("s__look", {"bytes": 40_000, "n": 0})
        link.call("s__look", {"bytes": 40_000, "n": 0})
        assert one.seen == 62, "larger than max_entry, and kept"


def test_bundles_and_single_servers_share_and_see_their_own_names(run, one):
    with run(one, response_cache={"tools": ["look"], "resources": ["res://*"]}, cache_ttl="60s") as rig:
        link = rig.open(RAW)
        own = rig.stack.enter_context(rig.clients.open(RAW, url=rig.gateway.server_url("s")))
        assert link.text("s__look") == own.text("look") == "look 1"
        assert own.read("res://a")["contents"][0]["uri"] == "res://a"
        assert link.read("res://a")["contents"][0]["text"] == "res://a 2"


# ---- Resources ----


@pytest.mark.parametrize("ttl,scope,reads", [(60_000, "public", 1), (60_000, "private", 1), (0, "public", 3)])
def test_what_a_server_says_of_a_resource_counts(run, one, ttl, scope, reads):
    one.ask(f"set?ttl={ttl}&scope={scope}")
    with run(one, response_cache={"resources": ["res://a"]}) as rig:
        links = [rig.open("sdk2-modern"), rig.open("sdk1"), rig.open(RAW)]
        results = [link.read("res://a") for link in links]
        assert one.seen == reads
        assert results[2]["cacheScope"] == scope
        assert results[2]["ttlMs"] < ttl if reads == 1 else results[2]["ttlMs"] == ttl
        links[0].read("res://b")
        links[0].read("res://b")
        assert one.seen == reads + 2, "not named, and kept"


def test_a_private_resource_is_not_for_the_public(run, one):
    one.ask("set?ttl=60000&scope=private")
    with run(one, response_cache={"resources": ["*"], "scope": "public"}) as rig:
        link = rig.open(RAW)
        link.read("res://a")
        assert rig.facts()["entries"] == 0
        one.ask("set?scope=public")
        link.read("res://a")
        assert rig.facts()["entries"] == 1


def test_an_updated_resource_is_read_anew(run, one):
    one.ask("set?ttl=60000&scope=private")
    with run(one, response_cache={"resources": ["*"]}) as rig:
        link = rig.open("raw-2025-06-18")
        link.request("resources/subscribe", {"uri": "res://a"})
        first = [link.read(uri)["contents"][0]["text"] for uri in ("res://a", "res://b")]
        one.ask("update?uri=res://a")
        link.notes.wait("notifications/resources/updated")
        assert link.read("res://a")["contents"][0]["text"] != first[0]
        assert link.read("res://b")["contents"][0]["text"] == first[1]


# ---- What ends it ----


def test_changed_lists_end_it(run, each):
    with run(each, response_cache=LOOK) as rig:
        link = rig.open(RAW)
        until(lambda: each.status()["streams"] > 0)
        assert link.text("s__look") == link.text("s__look")
        before = link.text("s__look")
        each.ask("relist")
        until(lambda: link.text("s__look") != before)


def test_another_version_ends_it(run, each):
    """The program behind the address is replaced; what the old one said is not handed out for it."""
    with run(each, response_cache=LOOK, health={"interval": "100ms", "failures": 1}, breaker=False) as rig:
        link = rig.open(RAW)
        assert link.text("s__look") == "look 1"
        each.kill()
        assert link.text("s__look") == "look 1", "what is kept does not need its server"
        until(lambda: rig.detail()["endpoints"][0]["state"] == "down")
        each.command += ["--version", "2"]
        each.again()
        until(lambda: link.text("s__look") and each.seen > 0)


def test_commands_and_reloads_end_it(run, one, tmp_path):
    with run(one, response_cache=LOOK) as rig:
        link = rig.open(RAW)
        assert link.text("s__look") == "look 1"
        state = tmp_path / "state"
        done = command_line("cache", "clear", "s", "--state-dir", state)
        assert (done.returncode, done.stdout) == (0, "cleared 1 answers of 1 server\n"), done.stderr
        assert link.text("s__look") == "look 2"
        assert command_line("cache", "clear", "--state-dir", state).returncode == 0
        assert link.text("s__look") == "look 3"
        wrong = command_line("cache", "clear", "x", "--state-dir", state)
        assert wrong.returncode == 1 and "there is no server x" in wrong.stderr
        config = native({"s": {"url": one.url, "response_cache": {"tools": ["loo*"]}}})
        config["runtime"] |= {"loops": 2, "state_dir": str(state)}
        write(tmp_path / "c.yaml", config)
        rig.gateway.reload()
        until(lambda: link.text("s__look") != "look 3")


def test_who_writes_reads_what_was_written(run, one):
    """A call that changes things gives up what is kept, at its beginning and at its end."""
    with run(one, response_cache={**LOOK, "cleared_by": ["put"]}) as rig:
        link = rig.open(RAW)
        assert link.text("s__look") == link.text("s__look") == "look 1"
        one.ask("hold")
        writing = link.start_call("s__put", HOLD)
        until(lambda: one.status()["held"] == 1)
        assert link.text("s__look") == link.text("s__look") == "look 3"
        one.ask("release")
        assert writing.result()["content"][0]["text"] == "put 2"
        assert link.text("s__look") == link.text("s__look") == "look 4"
        link.text("s__plain")
        assert link.text("s__look") == "look 4"


def test_what_changed_under_way_is_not_kept(run, one, tmp_path):
    """An answer that set out before the change says how it was before."""
    with run(one, response_cache=LOOK) as rig:
        link = rig.open(RAW)
        one.ask("hold")
        call = link.start_call("s__look", HOLD)
        rig.until(in_flight=1)
        assert command_line("cache", "clear", "--state-dir", tmp_path / "state").returncode == 0
        later = link.start_call("s__look", HOLD)
        until(lambda: one.seen == 2)
        one.ask("release")
        texts = [c.result()["content"][0]["text"] for c in (call, later)]
        assert texts == ["look 1", "look 2"]
        assert link.text("s__look", HOLD) == "look 2"


# ---- Calls that are shared ----


@pytest.mark.parametrize("block", [{"response_cache": LOOK}, {"coalesce": True}], ids=["kept", "coalesced"])
def test_two_hundred_at_once_are_one(run, each, block):
    with run(each, **block) as rig:
        links = [rig.open(kind) for kind in ("sdk2-modern", "sdk2-legacy", "sdk1", RAW, "raw-2025-06-18")]
        each.ask("hold")
        calls = [link.start_call("s__look", HOLD) for _ in range(40) for link in links]
        rig.until(coalesced=199, in_flight=1)
        each.ask("release")
        assert {call.result()["content"][0]["text"] for call in calls} == {"look 1"}
        assert each.seen == 1
        assert rig.counters()["calls_coalesced"] == 199
        assert rig.facts()["in_flight"] == 0
        links[0].text("s__look", HOLD)
        assert each.seen == (1 if "response_cache" in block else 2)


def test_who_gives_up_harms_nobody(run, each):
    """The first caller leaves, then one more: those who are left get the answer of the one call."""
    with run(each, response_cache=LOOK) as rig:
        links = [rig.open(kind) for kind in ("sdk2-modern", "sdk1", RAW, "sdk2-modern")]
        each.ask("hold")
        calls = []
        for at, link in enumerate(links):
            calls.append(link.start_call("s__look", HOLD))
            rig.until(coalesced=at, in_flight=1)
        for call in calls[:2]:
            call.cancel()
            with pytest.raises((Cancelled, RpcError)):
                call.result()
        each.ask("release")
        assert {call.result()["content"][0]["text"] for call in calls[2:]} == {"look 1"}
        assert each.seen == 1 and each.status()["abandoned"] == 0


def test_when_all_give_up_the_server_hears(run, one):
    with run(one, response_cache=LOOK) as rig:
        links = [rig.open("sdk2-modern"), rig.open(RAW)]
        one.ask("hold")
        calls = []
        for at, link in enumerate(links):
            calls.append(link.start_call("s__look", HOLD))
            rig.until(coalesced=at, in_flight=1)
        for call in calls:
            call.cancel()
        until(lambda: one.status()["abandoned"] == 1)
        rig.until(in_flight=0, entries=0)
        one.ask("release")
        assert links[1].text("s__look", HOLD) == "look 2"


def test_a_failure_is_everybodys_and_nobody_storms(run, one):
    with run(one, coalesce={"tools": ["look"]}, retry=False) as rig:
        link = rig.open(RAW)
        one.ask("hold")
        calls = [link.start_call("s__look", {**HOLD, "cut": True}) for _ in range(30)]
        rig.until(coalesced=29)
        one.ask("release")
        errors = []
        for call in calls:
            with pytest.raises(RpcError) as caught:
                call.result()
            errors.append(caught.value.message)
        assert one.seen == 1 and len(set(errors)) == 1


def test_a_shared_call_is_retried_as_one(run, one):
    with run(one, coalesce=True, retry={"attempts": 3, "back_off": "1ms"}, breaker=False) as rig:
        link = rig.open(RAW)
        one.ask("hold")
        calls = [link.start_call("s__look", {**HOLD, "cut": True}) for _ in range(30)]
        rig.until(coalesced=29)
        one.ask("release")
        for call in calls:
            with pytest.raises(RpcError):
                call.result()
        assert one.seen == 3


def test_a_timeout_counts_once(run, one):
    with run(one, coalesce=True, timeout="300ms", retry=False, breaker={"failures": 2}) as rig:
        link = rig.open(RAW)
        one.ask("hold")
        calls = [link.start_call("s__look", HOLD) for _ in range(10)]
        for call in calls:
            with pytest.raises(RpcError) as caught:
                call.result()
            assert "within" in caught.value.message
        one.ask("release")
        assert one.seen <= 2 and rig.counters()["breakers_opened"] == 0
        assert link.text("s__look", HOLD).startswith("look")


def test_progress_comes_to_all_who_asked(run, one):
    with run(one, coalesce=True) as rig:
        links = [rig.open("sdk2-modern"), rig.open("sdk1"), rig.open(RAW)]
        one.ask("hold")
        calls = []
        for at, link in enumerate(links):
            calls.append(link.start_call("s__look", {**HOLD, "steps": 3}, progress=at != 1))
            rig.until(coalesced=at, in_flight=1)
        one.ask("release")
        assert {call.result()["content"][0]["text"] for call in calls} == {"look 1"}
        until(lambda: len(calls[0].progress) == 3)
        assert [p["progress"] for p in calls[2].progress] == [1, 2, 3]
        assert calls[1].progress == []


def test_nothing_is_mixed_up(run, one):
    """Many callers of few things, some of whom give up, while answers run out of time and lists change."""
    cache = {"tools": ["look"], "ttl": "2ms", "max_bytes": "4KiB", "max_entry": "2KiB"}
    with run(one, response_cache=cache, breaker=False) as rig:
        links = [rig.open(kind) for kind in ("sdk2-modern", RAW, "sdk1", "raw-2025-06-18")]
        dice = random.Random(4711)
        for turn in range(16):
            marks = [f"m{dice.randrange(4)}" for _ in range(6 * len(links))]
            calls = []
            for mark, link in zip(marks, links * 6):
                arguments = {"mark": mark, "pad": [{"n": turn % 3}]}
                calls.append((mark, link.start_call("s__look", arguments, progress=mark == "m0")))
            if turn % 4 == 0:
                one.ask("relist")
            # Not those of SDK 1.x: it ends its session when an answer meets a cancellation.
            given_up = dice.sample([at for at in range(len(calls)) if at % len(links) != 2], 5)
            for at in given_up:
                calls[at][1].cancel()
            for at, (mark, call) in enumerate(calls):
                if at not in given_up:
                    assert call.result()["content"][0]["text"].split()[0] == mark
        rig.until(in_flight=0)
        facts = rig.facts()
        assert facts["bytes"] <= 4096 and facts["hits"] + facts["coalesced"] > 0


def test_a_shared_call_takes_one_place(run, one):
    with run(one, coalesce=True, bulkhead={"calls": 1}) as rig:
        link = rig.open(RAW)
        one.ask("hold")
        calls = [link.start_call("s__look", HOLD) for _ in range(20)]
        rig.until(coalesced=19)
        one.ask("release")
        assert {call.result()["content"][0]["text"] for call in calls} == {"look 1"}


def test_nothing_is_shared_unasked(run, one):
    with run(one) as rig:
        link = rig.open(RAW)
        one.ask("hold")
        calls = [link.start_call("s__look", HOLD) for _ in range(5)]
        until(lambda: one.status()["held"] == 5)
        one.ask("release")
        assert len({call.result()["content"][0]["text"] for call in calls}) == 5
        detail = json.loads(rig.gateway.get("/healthz?servers=1")[1])["servers_detail"]["s"]
        assert "response_cache" not in detail


# ---- Elsewhere ----


def test_arguments_are_not_logged(run, one):
    with run(one, response_cache=LOOK) as rig:
        link = rig.open(RAW)
        for _ in range(2):
            link.text("s__look", {"q": "sesame-4711"})
        assert "sesame" not in rig.gateway.log.text()
        assert "sesame" not in rig.gateway.get("/healthz?servers=1")[1]


def test_children_too(tmp_path, clients):
    """A child process lives on one loop; callers of both share its answers."""
    child = stdio(server_command("sdk1", "--stdio"), response_cache={"tools": ["echo"]})
    config = native({"s": child})
    config["runtime"] |= {"loops": 2}
    with serving(write(tmp_path / "c.yaml", config)) as gateway, contextlib.ExitStack() as stack:
        gateway.listed("s")
        rig = Rig(gateway, clients, stack)
        links = [rig.open(kind) for kind in ALL]
        assert {link.text("s__echo", {"text": "hi"}) for link in links} == {"hi"}
        assert rig.facts()["hits"] == len(links) - 1


def test_calls_of_plugins_go_the_same_way(run, one, tmp_path, clients):
    """They get what is kept for their like and wait for each other, never for what may wait for them."""
    targets = [{"server": "s", "tool": "look", "label": label} for label in "abc"]
    many = {"plugin": "tools-composite", "composites": {"all": {"mode": "all", "targets": targets}}}
    config = native({"s": {"url": one.url, "response_cache": LOOK}, "many": many})
    config["runtime"] |= {"loops": 2}
    with serving(write(tmp_path / "c.yaml", config)) as gateway, contextlib.ExitStack() as stack:
        gateway.listed("s", "many")
        rig = Rig(gateway, clients, stack)
        link = rig.open(RAW)
        eventually(lambda: link.call("many__all", {"warm": True}))
        assert one.seen == 1
        one.ask("hold")
        calls = [link.start_call("many__all", HOLD) for _ in range(2)]
        rig.until(coalesced=2 + 5, in_flight=1)
        one.ask("release")
        for call in calls:
            answers = call.result()["structuredContent"]["answers"]
            assert json.dumps(answers).count("look 2") == 3
        link.call("many__all", HOLD)
        assert one.seen == 2


def test_who_waits_becomes_a_task_as_others_do(tmp_path, clients, one):
    """And has a task's time: longer than a call's, which those have who wait beside it."""
    server = {"url": one.url, "response_cache": LOOK, "timeout": "1s", "retry": False}
    config = native({"s": server}, tasks={"promote_after": "100ms"})
    config["runtime"] |= {"loops": 2}
    with serving(write(tmp_path / "c.yaml", config)) as gateway, contextlib.ExitStack() as stack:
        gateway.listed("s")
        rig = Rig(gateway, clients, stack)
        able, plain = rig.open(RAW, capabilities=KNOWS), rig.open("sdk1")
        one.ask("hold")
        waits = plain.start_call("s__look", HOLD)
        rig.until(in_flight=1)
        made = [able.call("s__look", HOLD) for _ in range(2)]
        assert [m["resultType"] for m in made] == ["task", "task"]
        able.request("tasks/cancel", {"taskId": made[0]["taskId"]})
        with pytest.raises(RpcError) as caught:
            waits.result()
        assert "within" in caught.value.message
        one.ask("release")
        until(lambda: able.request("tasks/get", {"taskId": made[1]["taskId"]})["status"] == "completed")
        found = able.request("tasks/get", {"taskId": made[1]["taskId"]})
        assert found["result"]["content"][0]["text"] == "look 1"
        assert one.seen == 1


def test_another_build_answers_anew(tmp_path):
    """What a plugin's old build answered is gone with it, and so it is on the way back."""
    first, second = build(tmp_path / "first.so"), build(tmp_path / "second.so", "1.0.1")
    state = tmp_path / "state"
    state.mkdir()
    cache = {"tools": ["version"], "allow_unannotated": True}
    blocks = {"plugins": [{"file": str(first), "placement": "inproc"}]}
    config = native({"s": {"plugin": "swappable", "response_cache": cache}}, **blocks)
    config["runtime"] |= {"state_dir": str(state), "swap_trial": "0s"}
    with serving(write(tmp_path / "c.yaml", config)) as gateway:
        gateway.listed("s")
        assert [ask(gateway, "s__version") for _ in range(2)] == ["1.0.0"] * 2
        facts = json.loads(gateway.get("/healthz?servers=1")[1])["servers_detail"]["s"]["response_cache"]
        assert facts["hits"] == 1
        assert swap(gateway, state, "swappable", second)[0] == 0
        assert [ask(gateway, "s__version") for _ in range(2)] == ["1.0.1"] * 2


@pytest.mark.parametrize(
    "block,finding",
    [
        ("response_cache: true", "response_cache: expected false, or a mapping such as"),
        ("response_cache: {}", 'response_cache names no "tools" and no "resources"'),
        ("response_cache: { tool: [a] }", 'did you mean "tools"?'),
        ("response_cache: { tools: look }", "response_cache.tools: expected a list of patterns"),
        ("response_cache: { tools: [a], scope: all }", "response_cache.scope: expected principal or public"),
        ("response_cache: { tools: [a], max_bytes: 8KiB, max_entry: 16KiB }", "cannot be larger than all"),
        ("coalesce: { ttl: 5s, tools: [a] }", 'unknown key "ttl" in servers.s.coalesce'),
        ("coalesce: yes", "coalesce: expected"),
    ],
)
def test_wrong_blocks_are_named(tmp_path, block, finding):
    path = tmp_path / "c.yaml"
    path.write_text(f"version: 1\nservers:\n  s:\n    url: http://127.0.0.1:9/mcp\n    {block}\n")
    checked = command_line("check", "--config", path)
    assert checked.returncode == 2
    assert finding in checked.stderr + checked.stdout
    assert f"{path}:5:" in checked.stderr + checked.stdout
