# SPDX-License-Identifier: Apache-2.0
"""Whatever an operator changes through the control socket is on record: who, what, and what came of it. A request that
is new has to be entered here."""

import contextlib
import hashlib
import json
import os
import socket

import pytest
from test_config_history import Site
from test_resilience import Replica
from test_rollouts import rollout

from rig.builds import build, swap
from rig.gateway import command_line, native, serving, write
from rig.processes import eventually
from rig.rpc import MODERN, RpcError

DIGEST = "0" * 64
ME = f"({os.getuid()})"


def door(site, gateway, key=True, **request):
    """Every answer to one request."""
    place = site.state / "run"
    if key:
        request["key"] = (place / f"{gateway.pid}.key").read_text()
    with socket.socket(socket.AF_UNIX) as link, link.makefile("rwb") as file:
        link.settimeout(20)
        link.connect(str(place / f"{gateway.pid}.sock"))
        file.write(json.dumps(request).encode() + b"\n")
        file.flush()
        return [json.loads(line) for line in file]


# What each may be asked, and how that ends; None: it changes nothing, and there is no record.
VERBS = {
    "clear": [({}, "ok"), ({"server": "none"}, "failed")],
    "config": [
        ({"action": "rollback", "number": 1}, "ok"),
        ({"action": "rollback", "number": 77}, "failed"),
        ({"action": "approve", "number": 77}, "failed"),
        ({"action": "explode"}, "failed"),
        ({"action": "history"}, None),
        ({"action": "text", "number": 1}, None),
    ],
    "drain": [({"server": "one"}, "ok"), ({"server": "none"}, "failed")],
    "undrain": [({"server": "one"}, "ok"), ({"server": "none"}, "failed")],
    "explain": [({"what": "list"}, None)],
    "flush": [({}, None)],
    "generations": [({}, None)],
    "lock": [({"file": "/somewhere/jackfield.lock", "sha256": DIGEST, "changes": ["one: echo: added"]}, "ok")],
    "restart": [({"plugin": "tools-demo"}, "failed")],
    "rollout": [
        ({"server": "s", "action": "status"}, None),
        ({"server": "s", "action": "pause"}, "ok"),
        ({"server": "s", "action": "rollback"}, "ok"),
        ({"server": "s", "action": "rollback"}, "failed"),
    ],
    "swap": [({"plugin": "tools-demo", "file": "/does/not/exist.so"}, "failed")],
}


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_the_table_is_whole(site):
    with serving(site.config) as gateway:
        [answer] = door(site, gateway, do="explode")
        known = answer["error"].partition("there are: ")[2].split(", ")
        assert sorted(VERBS) == sorted(known), "enter what a request leaves on record"


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"rollout"}))
def test_each_request_is_on_record_with_its_outcome(site, verb):
    with serving(site.config) as gateway:
        check(site, gateway, verb)


def test_what_is_asked_of_a_rollout(rolling):
    site, gateway, _ = rolling
    check(site, gateway, "rollout")


def check(site, gateway, verb):
    for request, outcome in VERBS[verb]:
        before = len(site.changes(gateway))
        answers = door(site, gateway, do=verb, **request)
        assert answers, request
        told = [r for r in site.changes(gateway)[before:] if r["action"] == verb]
        if outcome is None:
            assert not told and "error" not in answers[-1], (request, answers, told)
            continue
        asked = [r for r in told if r["user"].endswith(ME)]
        over = [r for r in asked if r.get("details", {}).get("step") != "asked"]
        assert [r["outcome"] for r in over] == [outcome], (answers, told)
        assert over[0].get("details", {}) == request, "and no key"
        assert ("text" in over[0]) == (outcome == "failed"), over
    changing = [request for request, outcome in VERBS[verb] if outcome]
    if changing:
        before = len(site.changes(gateway))
        assert "needs its key" in door(site, gateway, key=False, do=verb, **changing[0])[-1]["error"]
        [denied] = site.changes(gateway)[before:]
        assert (denied["action"], denied["outcome"], denied["reason"]) == (verb, "denied", "identity")
        assert denied["user"].endswith(ME)


# ---- What happens by itself ----


@pytest.fixture
def rolling(tmp_path, clients):
    """A server whose second version gets most calls."""
    site = Site(tmp_path)
    with Replica("old") as first, Replica("new") as second:
        replicas = [{"url": r.url, "version": str(at + 1)} for at, r in enumerate((first, second))]
        steps = rollout(steps=["60%", "100%"], error_rate="5%")
        value = native({"s": {"replicas": replicas, "rollout": steps, "retry": False}}, audit={"sign": False})
        value["runtime"] |= {"loops": 1, "state_dir": str(site.state)}
        with serving(write(site.config, value)) as gateway:
            gateway.listed("s")
            with clients.open("raw-" + MODERN, url=gateway.url) as link:
                site.link, site.second = link, second
                yield site, gateway, link


def test_a_rollout_that_goes_back_by_itself_is_on_record(rolling):
    site, gateway, link = rolling
    site.second.mood("sick")
    for _ in range(500):
        with contextlib.suppress(RpcError):
            link.call("s__look", {})
        if "a rollout was rolled back" in gateway.log.text():
            break

    def told():
        [record] = [r for r in site.changes(gateway) if r["action"] == "rollout"]
        assert (record["user"], record["outcome"]) == ("gateway", "failed")
        assert record["details"] == {"server": "s", "version": "2", "event": "rolled back"}
        assert "calls failed" in record["text"]

    eventually(told)


def test_a_swap_that_goes_back_is_on_record(tmp_path):
    """Who asked for it when it began, each step, and why it went back; nobody is named for what the gateway did."""
    site = Site(tmp_path)
    old = build(tmp_path / "old.so")
    new = build(tmp_path / "new.so", version="1.0.1", faults=["LIST"])
    value = native({"x": {"plugin": "swappable"}}, audit={"sign": False})
    value["plugins"] = [{"file": str(old), "placement": "inproc"}]
    value["runtime"] |= {"loops": 1, "state_dir": str(site.state)}
    with serving(write(site.config, value)) as gateway:
        gateway.listed("x")
        status, _, _ = swap(gateway, site.state, "swappable", new)
        assert status == 1
        told = [r for r in site.changes(gateway) if r["action"] == "swap"]
        first, last, back = told[0], told[-1], told[-2]
        assert first["details"]["step"] == "asked" and first["user"].endswith(ME) and first["outcome"] == "ok"
        assert last["outcome"] == "failed" and last["user"].endswith(ME) and last["text"] == back["text"]
        assert (back["details"]["step"], back["outcome"], back["user"]) == ("rolled-back", "failed", "gateway")


def test_an_approved_lock_is_on_record(site):
    """Who approved it, when `jackfield lock` wrote it; and what a reload then brought into force."""
    lock = site.folder / "jackfield.lock"
    value = native({"one": {"plugin": "tools-demo"}}, audit={"sign": False})
    value["runtime"] |= {"loops": 1, "state_dir": str(site.state)}
    write(site.config, value)
    with serving(site.config) as gateway:
        done = command_line("lock", "--config", site.config)
        assert done.returncode == 0, done.stderr
        digest = hashlib.sha256(lock.read_bytes()).hexdigest()
        [record] = [r for r in site.changes(gateway) if r["action"] == "lock"]
        assert record["user"].endswith(ME) and record["outcome"] == "ok"
        assert (record["details"]["file"], record["details"]["sha256"]) == (str(lock), digest)
        said = len(gateway.log.lines)
        write(site.config, value | {"lock": {"file": str(lock)}})
        gateway.reload()
        gateway.log.wait("configuration reloaded", start=said)
        [record] = [r for r in site.changes(gateway) if r["action"] == "lock in force"]
        assert record["details"]["servers"] == ["one"] and record["details"]["sha256"] == digest
