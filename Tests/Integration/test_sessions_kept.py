# SPDX-License-Identifier: Apache-2.0
"""Sessions of older clients in the store: they outlive their gateway, and every gateway with that store knows them."""

import contextlib
import itertools
import json
import signal
import sqlite3
import subprocess
import threading

import pytest

from rig.builds import build
from rig.gateway import Gateway, command_line, native, serving, write
from rig.peers import HttpServer
from rig.processes import eventually
from rig.resuming import Relay, Stream
from rig.wire_http import Connection, exchange, legacy, open_session, request_bytes
from test_levels import ALL, LEVELS
from test_policies import who
from test_store import Postgres, Redis, running

UPDATED = "notifications/resources/updated"
DEMO = {"demo": {"plugin": "tools-demo"}}
ONE, TWO = "watch://one", "watch://two"
ALICE = who("alice", tenant="acme", credential="key-of-alice")
OTHERS = {
    "another": who("bob", tenant="acme"),
    "other tenant": who("alice", tenant="globex"),
    "nobody": {},
}
numbers = itertools.count(100)


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    return build(tmp_path_factory.mktemp("provider") / "trusting.so", source="trusting")


@pytest.fixture(scope="module")
def servers(events):
    with HttpServer("watched-raw", "--label", "kept", events=events) as w:
        with HttpServer("dialogue", "--era", "modern", "--label", "kept", events=events) as s:
            yield {"w": {"url": w.url}, "s": {"url": s.url}}


@pytest.fixture
def redis(tmp_path):
    with running(Redis, tmp_path) as server:
        yield server


class Rig:
    """Gateways with one store."""

    def __init__(self, folder, servers, store, provider=None, loops=2):
        self.folder, self.servers, self.store, self.provider, self.loops = folder, servers, store, provider, loops
        self.stack, self.names = contextlib.ExitStack(), itertools.count()

    def start(self, policies=(), **store):
        blocks = {"runtime": {"drain_timeout": "3s", "loops": self.loops}, "store": {**self.store, **store}}
        blocks["policies"] = list(policies)
        blocks["plugins"] = [{"id": f"store-{self.store['kind']}", "placement": "inproc"}]
        blocks["plugins"] += [{"id": f"policy-{p['policy']}", "placement": "inproc"} for p in policies]
        if self.provider:
            blocks["auth"] = {"providers": [{"provider": "trusting"}], "required": False}
            blocks["plugins"].append({"file": str(self.provider), "placement": "inproc"})
        gateway = Gateway(write(self.folder / f"g{next(self.names)}.yaml", native(self.servers, **blocks)))
        self.stack.callback(gateway.kill)
        gateway.listed(*self.servers)
        eventually(lambda: up(gateway))
        return gateway

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.stack.close()


def health(gateway):
    return json.loads(gateway.get("/healthz")[1])


def up(gateway):
    assert health(gateway)["store"]["status"] == "up"


def count(gateway, counter):
    return health(gateway)["counters"][counter]


def ask(gateway, session, method="ping", params=None, as_=None, path="/mcp", version="2025-06-18"):
    message = {"jsonrpc": "2.0", "id": next(numbers), "method": method}
    if params is not None:
        message["params"] = params
    return exchange(gateway.port, legacy(message, session, version, headers=as_, path=path))


def fine(answer):
    assert answer.status == 200 and "result" in answer.json, answer
    return answer.json["result"]


def hello(gateway, as_=None, version="2025-06-18"):
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "hand", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    answer = exchange(gateway.port, legacy(message, version=None, headers=as_))
    fine(answer)
    return answer.headers["mcp-session-id"]


def end(gateway, session, as_=None):
    return exchange(gateway.port, request_bytes(headers={"Mcp-Session-Id": session, **(as_ or {})}, verb="DELETE"))


def stream(gateway, session, **headers):
    fields = {"Mcp-Session-Id": session, "Accept": "text/event-stream", "Content-Type": None, **headers}
    return Stream(gateway.port, request_bytes(headers=fields, verb="GET"))


def update(standing):
    """The resource that the next update is about. Lists may change meanwhile: servers list one after the other."""
    while event := standing.next():
        if event.message["method"] == UPDATED:
            return event.message["params"]["uri"]


class Switch(Relay):
    """Leads to one gateway, then to another. In between, connections wait."""

    def __init__(self, port):
        self.there = threading.Event()
        super().__init__(port)

    @property
    def target(self):
        self.there.wait(30)
        return self.port_there

    @target.setter
    def target(self, port):
        self.port_there = port
        self.there.set()

    def hold(self):
        self.there.clear()


def invented():
    return f"{next(numbers):032x}"


# --- the official SDK ---


@pytest.mark.parametrize("kind", ["redis", "sqlite"])
def test_an_sdk_client_goes_on_when_its_gateway_is_killed(kind, tmp_path, servers, clients):
    with contextlib.ExitStack() as stack:
        if kind == "redis":
            store = stack.enter_context(running(Redis, tmp_path)).block()
        else:
            store = {"kind": "sqlite", "path": "state.db"}
        rig = stack.enter_context(Rig(tmp_path, servers, store))
        first = rig.start()
        # Two gateways at once, or one that is started again.
        second = rig.start() if kind == "redis" else None
        relay = stack.enter_context(Switch(first.port))
        link = stack.enter_context(clients.open("sdk1", url=f"http://127.0.0.1:{relay.port}/mcp"))
        link.request("resources/subscribe", {"uri": ONE})
        link.request("resources/subscribe", {"uri": TWO})
        link.request("resources/unsubscribe", {"uri": TWO})
        link.request("logging/setLevel", {"level": "error"})
        link.call("w__touch", {"uri": ONE})
        assert link.notes.wait(UPDATED)["uri"] == ONE
        relay.hold()
        first.kill()
        second = second or rig.start()
        relay.target = second.port
        # The same session, by the same object.
        assert "w__touch" in {t["name"] for t in link.request("tools/list")["tools"]}
        assert count(second, "sessions_restored") == 1 and health(second)["sessions"] == 1
        # Once because it may have changed meanwhile, and then whenever it changes.
        assert link.notes.wait(UPDATED)["uri"] == ONE
        link.call("w__touch", {"uri": TWO})
        link.call("w__touch", {"uri": ONE})
        assert link.notes.wait(UPDATED)["uri"] == ONE
        link.call("s__play", {"tag": "t", "script": ALL})
        told = [p["data"] for m, p in link.notes.all if m == "notifications/message"]
        assert told == LEVELS[LEVELS.index("error") :]


# --- whose it is ---


def test_a_session_is_its_principals_alone(tmp_path, redis, provider):
    with Rig(tmp_path, DEMO, redis.block(), provider) as rig:
        first, second = rig.start(), rig.start()
        session = hello(first, ALICE)
        for other in OTHERS.values():
            assert ask(second, session, as_=other).status == 404
            assert end(second, session, other).status == 404
            with stream(second, session, **other) as refused:
                assert refused.status == 404
        fine(ask(second, session, as_=ALICE))
        for other in OTHERS.values():
            assert ask(second, session, as_=other).status == 404
        assert ask(second, session, as_=ALICE, path="/mcp/servers/demo").status == 404
        fine(ask(first, session, as_=ALICE))
        assert count(second, "sessions_restored") == 1


@pytest.mark.parametrize("kind", ["redis", "postgres", "sqlite"])
def test_the_end_is_heard_everywhere(kind, tmp_path):
    with contextlib.ExitStack() as stack:
        if kind == "sqlite":
            store = {"kind": "sqlite", "path": "state.db", "poll_ms": 20}
        else:
            server = {"redis": Redis, "postgres": Postgres}[kind]
            store = stack.enter_context(running(server, tmp_path)).block()
        rig = stack.enter_context(Rig(tmp_path, DEMO, store))
        first, second = rig.start(), rig.start()
        session, other = hello(first), hello(first)
        with stream(first, session) as standing:
            assert standing.status == 200
            assert end(second, session).status == 200
            # Its stream at the other gateway ends, too.
            assert standing.next() is None
        assert ask(first, session).status == 404 and ask(second, session).status == 404
        assert end(first, session).status == 404
        fine(ask(second, other))
        third = rig.start()
        assert ask(third, session).status == 404
        fine(ask(third, other))


def test_what_the_store_holds(tmp_path, redis, provider, servers):
    with Rig(tmp_path, servers, redis.block(), provider) as rig:
        gateway = rig.start()
        session = hello(gateway, ALICE)
        fine(ask(gateway, session, "resources/subscribe", {"uri": ONE}, ALICE))
        found = entries(redis)
        assert b"/sessions/" in found and ONE.encode() in found and b"2025-06-18" in found
        for secret in (session, "key-of-alice", "alice", "acme"):
            assert secret.encode() not in found, secret
        assert end(gateway, session, ALICE).status == 200
        found = entries(redis)
        assert ONE.encode() not in found and b'"ended":true' in found


def entries(redis):
    """Everything in a Redis: keys, and values of whatever type."""

    def cli(*words):
        return subprocess.run(
            ["redis-cli", "-p", str(redis.port), *words], check=True, capture_output=True, timeout=10
        ).stdout

    found = b""
    for key in cli("--raw", "KEYS", "*").split(b"\n"):
        kind = cli("TYPE", key).strip()
        read = {b"hash": ["HGETALL"], b"string": ["GET"], b"zset": ["ZRANGE"]}.get(kind)
        if read:
            found += key + b"\n" + cli("--raw", *read, key, *(["0", "-1"] if kind == b"zset" else []))
    return found


# --- two gateways at once ---


def test_what_one_gateway_is_told_others_know(tmp_path, redis, servers):
    with Rig(tmp_path, servers, redis.block()) as rig:
        first, second = rig.start(), rig.start()
        session = hello(first)
        fine(ask(second, session))
        fine(ask(first, session, "resources/subscribe", {"uri": ONE}))
        fine(ask(second, session, "logging/setLevel", {"level": "critical"}))
        with stream(second, session) as standing:
            assert update(standing) == ONE
            fine(ask(first, session, "tools/call", {"name": "w__touch", "arguments": {"uri": ONE}}))
            assert update(standing) == ONE
        third = rig.start()
        # Both changes are in what a third one finds.
        fine(ask(third, session))
        script = {"name": "s__play", "arguments": {"tag": "u", "script": ALL}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": script}
        with Stream(third.port, legacy(body, session)) as events:
            told = [e.message["params"]["data"] for e in events.rest() if "method" in e.message]
        assert told == LEVELS[LEVELS.index("critical") :]
        fine(ask(third, session, "resources/unsubscribe", {"uri": ONE}))
        assert ONE.encode() not in entries(redis)


def test_batches_and_answers_and_event_ids(tmp_path, redis):
    with Rig(tmp_path, DEMO, redis.block()) as rig:
        first, second, third = rig.start(), rig.start(), rig.start()
        old = hello(first, version="2025-03-26")
        batch = [{"jsonrpc": "2.0", "id": n, "method": "ping"} for n in (1, 2)]
        with Stream(second.port, legacy(batch, old, version=None)) as answers:
            assert sorted(e.message["id"] for e in answers.rest()) == [1, 2]
        session = hello(first)
        note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
        assert exchange(second.port, legacy(note, session)).status == 202
        # Events of another gateway are lost; what begins is a new stream.
        with stream(third, session, **{"Last-Event-ID": "1-1"}) as fresh:
            assert fresh.status == 200 and fresh.silent()


def test_policies_are_asked_again(tmp_path, redis, servers):
    policy = {
        "policy": "rbac", "roles": {"guest": {"allow": ["tools:*/*"]}},
        "assignments": {"everyone": ["guest"], "anonymous": ["guest"]},
    }
    with Rig(tmp_path, servers, redis.block()) as rig:
        first, second = rig.start(), rig.start([policy])
        session = hello(first)
        fine(ask(first, session, "resources/subscribe", {"uri": ONE}))
        first.kill()
        fine(ask(second, session))
        second.log.wait("a session's subscription did not go on")
        eventually(lambda: gone(redis, ONE))


def gone(redis, text):
    assert text.encode() not in entries(redis)


# --- a store that is away ---


def test_a_store_that_is_away(tmp_path, redis):
    with Rig(tmp_path, DEMO, {**redis.block(), "probe": "100ms"}) as rig:
        first, second = rig.start(), rig.start()
        session = hello(first)
        redis.crash()
        refused = ask(second, session)
        assert refused.status == 503 and int(refused.headers["retry-after"]) >= 1, refused
        assert refused.json["error"]["data"]["reason"] == "unavailable"
        with stream(second, session) as nothing:
            assert nothing.status == 503
        assert end(second, session).status == 503
        # Who is known goes on, and who comes anew is let in.
        fine(ask(first, session))
        fresh = [hello(second), hello(second)]
        for one in fresh:
            fine(ask(second, one))
        assert count(second, "sessions_unkept") == 2
        second.log.wait("sessions are not kept")
        redis.start()
        eventually(lambda: up(second))
        fine(ask(second, session))
        hello(second)
        second.log.wait("sessions are kept again")
        assert second.log.text().count("sessions are not kept") == 1


def test_a_store_that_forgot(tmp_path, redis):
    """A session in use outlives what the store lost: only an end that is written there ends it."""
    with Rig(tmp_path, DEMO, redis.block()) as rig:
        first, second = rig.start(), rig.start()
        session = hello(first)
        fine(ask(second, session))
        subprocess.run(["redis-cli", "-p", str(redis.port), "FLUSHALL"], check=True, capture_output=True, timeout=10)
        fine(ask(first, session, "logging/setLevel", {"level": "error"}))
        first.kill()
        fine(ask(second, session))
        fine(ask(rig.start(), session))
        assert end(second, session).status == 200


def test_a_store_that_hangs(tmp_path, redis):
    """Clients do not wait long for it, and requests that wait for it are bounded."""
    with Rig(tmp_path, DEMO, {**redis.block(), "timeout": "1500ms"}, loops=1) as rig:
        gateway = rig.start()
        redis.process.signal(signal.SIGSTOP)
        try:
            fine(ask(gateway, hello(gateway)))
            before = count(gateway, "sessions_sought")
            ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            with contextlib.ExitStack() as stack:
                seekers = [stack.enter_context(Connection(gateway.port)) for _ in range(300)]
                for seeker in seekers:
                    seeker.send(legacy(ping, invented()))
                assert {seeker.answer().status for seeker in seekers} == {503}
            assert count(gateway, "sessions_sought") - before <= 256
        finally:
            redis.process.signal(signal.SIGCONT)


def test_invented_ids(tmp_path, redis):
    with Rig(tmp_path, DEMO, redis.block()) as rig:
        gateway = rig.start()
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        same = invented()
        for _ in range(100):
            assert exchange(gateway.port, legacy(ping, same)).status == 404
        # Once for each loop at most.
        assert 1 <= count(gateway, "sessions_sought") <= 2
        before = count(gateway, "sessions_sought")
        for wrong in ("x", "0" * 31, "0" * 33, "G" * 32, "A" * 32, "/sessions/" + "0" * 22, "é" * 16):
            assert exchange(gateway.port, legacy(ping, wrong)).status == 404
        assert count(gateway, "sessions_sought") == before
        with Connection(gateway.port) as connection:
            for _ in range(200):
                connection.send(legacy(ping, invented()))
                assert connection.answer().status == 404
        assert count(gateway, "sessions_sought") <= before + 200
        assert health(gateway)["sessions"] == 0


# --- records that no gateway wrote ---


@pytest.mark.parametrize("record", [b"", b"{", b'{"v":2}', b'{"v":1}', b"\xff" * 4])
def test_records_that_are_none(tmp_path, record):
    """Another version's, or somebody's nonsense: an unknown session, and a line in the log."""
    file = tmp_path / "state.db"
    with Rig(tmp_path, DEMO, {"kind": "sqlite", "path": str(file)}, loops=1) as rig:
        first = rig.start()
        session = hello(first)
        first.stop()
        with contextlib.closing(sqlite3.connect(file)) as database, database:
            assert database.execute("UPDATE entries SET value = ?", (record,)).rowcount == 1
        second = rig.start()
        assert ask(second, session).status == 404
        second.log.wait("a session in the store cannot be read")


# --- configuration ---


def test_where_sessions_are_not_kept(tmp_path, redis):
    with Rig(tmp_path, DEMO, redis.block()) as rig:
        first, second = rig.start(sessions=False), rig.start()
        session = hello(first)
        assert ask(second, session).status == 404
        assert ask(first, hello(second)).status == 404
        assert count(first, "sessions_sought") == 0 and b"/sessions/" in entries(redis)


def test_what_is_wrong_in_a_configuration(tmp_path):
    for store, part in [
        ({"kind": "memory", "sessions": True}, "store.sessions"),
        ({"kind": "sqlite", "path": "s.db", "sessions": "sometimes"}, "store.sessions"),
    ]:
        done = command_line("check", "--config", write(tmp_path / "c.yaml", native({}, store=store)))
        assert done.returncode != 0 and part in done.stdout + done.stderr
    fine_ = native({}, store={"kind": "memory", "sessions": False})
    assert command_line("check", "--config", write(tmp_path / "c.yaml", fine_)).returncode == 0


def test_in_memory_nothing_is_kept(tmp_path):
    plugins = [{"id": "store-memory", "placement": "inproc"}]
    config = native(DEMO, store={"kind": "memory"}, plugins=plugins)
    with serving(write(tmp_path / "c.yaml", config)) as gateway:
        fine(ask(gateway, open_session(gateway.port)))
        assert ask(gateway, invented()).status == 404
        assert count(gateway, "sessions_sought") == 0
