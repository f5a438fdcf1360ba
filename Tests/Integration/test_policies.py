# SPDX-License-Identifier: Apache-2.0
"""Policies: who may do what, in calls, lists and subscriptions, in both eras; rules that change, plugins that are
swapped, engines that fail."""

import contextlib
import http.client
import json
import urllib.request

import pytest

from rig.builds import Load, build, shipped, swap
from rig.gateway import command_line, native, serving, write
from rig.opa import Opa
from rig.peers import HttpServer
from rig.processes import eventually
from rig.raw_client import sse_events
from rig.wire_http import Connection, exchange, legacy, modern, open_session, request_bytes

DENIED = -31403
ROLES = {
    "reader": {"allow": ["tools:e/echo", "tools:c/look", "resources:e/*", "prompts:e/plain"]},
    "writer": {"inherits": ["reader"], "allow": ["tools:*/*", "resources:c/*"], "deny": ["tools:c/wipe"]},
}
RBAC = {
    "policy": "rbac",
    "roles": ROLES,
    "assignments": {"subjects": {"alice": ["writer"]}, "groups": {"staff": ["reader"]}},
}


def who(subject, **more):
    return {"X-Principal": json.dumps({"subject": subject, "keep_ms": 0, **more})}


ALICE, BOB, CAROL = who("alice"), who("bob", roles=["reader"]), who("carol", attributes={"groups": ["staff"]})
EVE = who("eve")


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    return build(tmp_path_factory.mktemp("provider") / "trusting.so", source="trusting")


@pytest.fixture(scope="module")
def servers():
    with HttpServer("sdk2") as e, HttpServer("counting") as c, HttpServer("watched-raw") as w:
        yield {name: {"url": s.url} for name, s in (("e", e), ("c", c), ("w", w))}


class Rig:
    def __init__(self, folder, provider, servers):
        self.folder, self.provider, self.servers = folder, provider, servers
        (folder / "state").mkdir()

    def write(self, *policies, **blocks):
        plugins = [{"file": str(self.provider), "placement": "inproc"}, *blocks.pop("plugins", [])]
        runtime = {
            "loops": 2, "drain_timeout": "3s", "swap_trial": "100ms", "state_dir": str(self.folder / "state")
        }
        auth = {"providers": [{"provider": "trusting"}], "required": False}
        return write(
            self.folder / "c.yaml",
            native(
                self.servers, policies=list(policies), auth=auth, plugins=plugins, runtime=runtime, **blocks
            ),
        )

    @contextlib.contextmanager
    def run(self, *policies, **blocks):
        with serving(self.write(*policies, **blocks)) as gateway:
            self.gateway = gateway

            def listed():
                found = self.explain("list")
                assert {i["server"] for i in found} >= set(self.servers), found

            eventually(listed)
            yield gateway

    def explain(self, *words):
        done = command_line("explain", "--state-dir", self.folder / "state", "--json", *words)
        assert done.returncode in (0, 1) and not done.stderr, done.stderr
        return json.loads(done.stdout)

    def ask(self, method, params=None, as_=None, path="/mcp"):
        return exchange(self.gateway.port, modern(method, params, headers=as_, path=path))

    def call(self, tool, as_=None, **arguments):
        return self.ask("tools/call", {"name": tool, "arguments": arguments}, as_)

    def names(self, method, member, as_=None):
        answer = self.ask(method, None, as_)
        assert answer.status == 200, answer
        key = {"resources": "uri", "resourceTemplates": "uriTemplate"}.get(member, "name")
        return sorted(item[key] for item in answer.json["result"][member])

    def tools(self, as_=None):
        return self.names("tools/list", "tools", as_)

    def counters(self):
        return json.loads(self.gateway.get("/healthz")[1])["counters"]


@pytest.fixture
def rig(tmp_path, provider, servers):
    return Rig(tmp_path, provider, servers)


class Old:
    """A session of 2025-11-25."""

    def __init__(self, rig, as_):
        self.port, self.as_, self.number = rig.gateway.port, as_, 0
        hello = {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "h", "version": "1"}
        }
        message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}
        found = exchange(self.port, legacy(message, version=None, headers=as_))
        self.hello, self.session = found.json["result"], found.headers["mcp-session-id"]

    def ask(self, method, params=None):
        self.number += 1
        message = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params or {}}
        return exchange(self.port, legacy(message, self.session, "2025-11-25", self.as_))

    def names(self, method, member):
        key = {"resources": "uri", "resourceTemplates": "uriTemplate"}.get(member, "name")
        return sorted(item[key] for item in self.ask(method).json["result"][member])


# ---- Roles ----


def test_calls_go_by_roles(rig):
    with rig.run(RBAC):
        assert rig.call("e__echo", BOB, text="x").json["result"]["content"]
        assert rig.call("e__echo", CAROL, text="x").status == 200
        assert rig.call("c__plain", ALICE).status == 200
        for tool, caller in (("c__plain", BOB), ("c__wipe", ALICE), ("e__echo", EVE), ("e__echo", None)):
            refused = rig.call(tool, caller)
            assert (refused.status, refused.code) == (403, DENIED), (tool, refused)
            assert refused.json["error"]["message"] == "this needs a role that you do not have"
        assert refused.json["error"]["data"]["reason"] == "denied"
        assert rig.call("c__wipe", ALICE).json["error"]["data"]["rule"] == "role writer denies tools:c/wipe"
        assert rig.ask("prompts/get", {"name": "e__plain"}, BOB).status == 200
        greet = {"name": "e__greet", "arguments": {"name": "x"}}
        assert rig.ask("prompts/get", greet, BOB).code == DENIED
        assert rig.ask("resources/read", {"uri": "test://static/text"}, BOB).status == 200
        assert rig.ask("resources/read", {"uri": "test://item/7"}, BOB).status == 200
        assert rig.ask("resources/read", {"uri": "test://item/7"}, EVE).code == DENIED
        reference = {"ref": {"type": "ref/prompt", "name": "e__greet"}}
        reference["argument"] = {"name": "style", "value": ""}
        assert rig.ask("completion/complete", reference, EVE).code == DENIED
        assert rig.ask("completion/complete", reference, BOB).code == DENIED
        stencil = {"ref": {"type": "ref/resource", "uri": "test://item/{id}"}}
        stencil["argument"] = {"name": "id", "value": ""}
        assert rig.ask("completion/complete", stencil, BOB).status == 200
        assert rig.counters()["denials"] >= 8


def test_lists_show_what_may_be_used(rig):
    with rig.run(RBAC):
        everything = rig.tools(ALICE)
        assert "c__plain" in everything and "c__wipe" not in everything
        for caller in (BOB, CAROL):
            assert rig.tools(caller) == ["c__look", "e__echo"]
        assert rig.tools(EVE) == [] and rig.tools() == []
        assert rig.names("prompts/list", "prompts", BOB) == ["e__plain"]
        assert rig.names("resources/list", "resources", BOB) == ["test://static/binary", "test://static/text"]
        assert rig.names("resources/templates/list", "resourceTemplates", BOB) == ["test://item/{id}"]
        assert rig.names("resources/list", "resources", EVE) == []
        answer = rig.ask("tools/list", None, BOB).json["result"]
        assert answer["cacheScope"] == "private"
        bob, eve = Old(rig, BOB), Old(rig, EVE)
        assert bob.names("tools/list", "tools") == ["c__look", "e__echo"]
        assert bob.names("resources/list", "resources") == ["test://static/binary", "test://static/text"]
        assert eve.names("tools/list", "tools") == eve.names("prompts/list", "prompts") == []
        assert bob.ask("tools/call", {"name": "c__plain"}).code == DENIED
        assert bob.ask("tools/call", {"name": "e__echo", "arguments": {"text": "x"}}).status == 200
        # Instructions are those of servers of which something is seen.
        discovered = rig.ask("server/discover", None, EVE).json["result"]
        assert "instructions" not in discovered and "instructions" not in eve.hello


def test_pages_are_their_principals_own(rig):
    with rig.run(RBAC, limits={"page_size": 1}):
        def page(as_, cursor=None):
            return rig.ask("tools/list", {"cursor": cursor} if cursor else None, as_)

        first = page(BOB).json["result"]
        assert len(first["tools"]) == 1
        second = page(BOB, first["nextCursor"]).json["result"]
        names = {t["name"] for t in first["tools"] + second["tools"]}
        assert names == {"c__look", "e__echo"} and "nextCursor" not in second
        alices = page(ALICE).json["result"]["nextCursor"]
        for caller, cursor in ((BOB, alices), (EVE, alices), (ALICE, first["nextCursor"])):
            refused = page(caller, cursor)
            assert refused.code == -32602 and "cursor" in refused.json["error"]["message"]


# ---- Conditions ----


def rule(when, then, **more):
    return {"when": when, "then": then, **more}


def test_conditions_and_hidden_items(rig):
    policy = {
        "policy": "abac",
        "default": "allow",
        "rules": [
            rule("principal.subject == 'root'", "allow", name="root"),
            rule("item.name matches 'wi*'", "hide", name="no wiping"),
            rule("arguments.text in ['secret', \"hush\"] and not ('spy' in principal.roles)", "deny", name="secrets",
                 text="not that word", scopes="words:secret"),
            rule("tool.annotations.readOnlyHint and not principal.known", "deny", name="strangers"),
            rule("address in ['10.0.0.0/8', '::2']", "deny"),
            rule("item.kind == 'resource' and server.name == 'c'", "hide"),
        ],
    }
    with rig.run(policy):
        hidden, unknown = rig.call("c__wipe", BOB), rig.call("c__nowt", BOB)
        assert (hidden.status, hidden.code) == (unknown.status, unknown.code)
        assert hidden.json["error"]["message"] == unknown.json["error"]["message"].replace("nowt", "wipe")
        assert hidden.json["error"].get("data") == unknown.json["error"].get("data")
        gone = rig.ask("resources/read", {"uri": "res://a"}, BOB)
        assert gone.json["error"] == {
            "code": -32602, "message": "no server here has the resource res://a", "data": {"uri": "res://a"}
        }
        old = Old(rig, BOB)
        assert old.ask("resources/read", {"uri": "res://a"}).code == -32002
        assert old.ask("tools/call", {"name": "c__wipe"}).json["error"]["message"] == "no tool c__wipe is served here"
        assert rig.call("c__wipe", who("root")).status == 200
        refused = rig.call("e__echo", BOB, text="secret")
        assert refused.status == 403 and refused.json["error"]["message"] == "not that word"
        assert refused.json["error"]["data"] == {"reason": "denied", "rule": "secrets", "scopes": "words:secret"}
        assert 'scope="words:secret"' in refused.headers["www-authenticate"]
        assert rig.call("e__echo", BOB, text="open").status == 200
        assert rig.call("e__echo", who("x", roles=["spy"]), text="hush").status == 200
        assert rig.call("c__look").code == DENIED and rig.call("c__look", BOB).status == 200
        shown = rig.tools(BOB)
        assert "c__wipe" not in shown and "e__echo" in shown
        # What a server might read otherwise is no decision: a member that stands there twice.
        twice = b'{"text":"open","text":"secret"}'
        body = modern("tools/call", {"name": "e__echo", "arguments": {"text": "?"}}, headers=BOB)
        head, _, text = body.partition(b"\r\n\r\n")
        text = text.replace(b'{"text": "?"}', twice)
        fields = {k: v for k, v in (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])}
        fields.pop("Content-Length")
        answer = exchange(rig.gateway.port, request_bytes(text, fields))
        assert answer.code == DENIED and answer.json["error"]["data"]["rule"] == "on_error"


def test_a_dry_run_is_told_and_lets_pass(rig):
    policy = {"policy": "abac", "mode": "dry-run", "rules": [rule("principal.known", "deny", name="nobody")]}
    with rig.run(policy) as gateway:
        assert rig.call("e__echo", BOB, text="x").status == 200
        line = gateway.log.wait(lambda line: "would refuse" in line)
        assert "bob" in line and "nobody" in line and "echo" in line
        assert "e__echo" in rig.tools(BOB)
        assert rig.counters()["denials_dry"] == 1 and rig.counters()["denials"] == 0


@pytest.mark.parametrize(
    "when, where, what",
    [
        ("principal.rolez == 'x'", "character 1", "there is no 'principal.rolez'"),
        ("action == 'a' action", "character 15", "'and' or 'or' is missing"),
        ("principal.subject in 'x'", "character 22", "behind 'in' stands a list"),
        ("address == 'home'", "character 12", "networks"),
        ("item.name == 'x", "character 14", "does not end"),
        ("not " * 40 + "listing", "character", "deeper"),
    ],
)
def test_a_wrong_condition_is_refused_with_its_place(rig, when, where, what):
    config = rig.write({"policy": "abac", "rules": [rule("listing", "allow"), rule(when, "deny")]})
    done = command_line("serve", "--config", config, "--listen", "127.0.0.1:0")
    assert done.returncode != 0
    assert "rules[1].when" in done.stderr and where in done.stderr and what in done.stderr


# ---- Subscriptions and kept answers ----


def test_subscriptions_ask_policies(rig):
    policy = {
        "policy": "abac",
        "default": "allow",
        "rules": [
            rule("item.name == 'watch://one' and not ('one' in principal.roles)", "deny", text="not for you"),
            rule("item.name == 'watch://two'", "hide"),
        ],
    }
    with rig.run(policy) as gateway:
        old = Old(rig, BOB)
        refused = old.ask("resources/subscribe", {"uri": "watch://one"})
        assert (refused.code, refused.json["error"]["message"]) == (DENIED, "not for you")
        hidden = old.ask("resources/subscribe", {"uri": "watch://two"})
        unknown = old.ask("resources/subscribe", {"uri": "nowhere://two"})
        assert (hidden.code, unknown.code) == (-32002, -32002)
        assert hidden.json["error"]["message"] == "no server here has the resource watch://two"
        assert old.ask("resources/unsubscribe", {"uri": "watch://two"}).code == -32002
        assert old.ask("resources/subscribe", {"uri": "watch://tree"}).json["result"] == {}
        assert old.ask("resources/unsubscribe", {"uri": "watch://tree"}).json["result"] == {}
        for caller, honoured in ((BOB, ["watch://tree"]), (who("o", roles=["one"]), ["watch://one", "watch://tree"])):
            wanted = {"resourceSubscriptions": ["watch://one", "watch://two", "watch://tree"]}
            data = modern("subscriptions/listen", {"notifications": wanted}, headers=caller)
            connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
            head, _, body = data.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
            connection.request("POST", "/mcp", body, fields)
            first = json.loads(next(sse_events(connection.getresponse())))
            assert sorted(first["params"]["notifications"]["resourceSubscriptions"]) == honoured
            connection.close()


def test_a_kept_answer_is_for_those_who_may_ask(rig):
    cache = {"tools": ["look"], "ttl": "60s", "scope": "public"}
    rig.servers = {**rig.servers, "c": {**rig.servers["c"], "response_cache": cache}}
    with rig.run(RBAC):
        for _ in range(2):
            assert rig.call("c__look", BOB).status == 200
            assert rig.call("c__look", EVE).code == DENIED
            assert rig.call("c__look").code == DENIED
        assert rig.counters()["response_cache_hits"] >= 1
        # Caches on the way to clients ask nobody.
        steer = rig.servers["c"]["url"].replace("/mcp", "/ctl/set?scope=public&ttl=9000")
        urllib.request.urlopen(steer, timeout=10).close()
        reader = who("r", roles=["writer"])
        read = rig.ask("resources/read", {"uri": "res://a"}, reader).json
        assert read["result"]["cacheScope"] == "private" and read["result"]["ttlMs"] > 0


# ---- Changes ----


def test_rules_change_under_load(rig):
    with rig.run(RBAC) as gateway:
        old = Old(rig, BOB)
        data = request_bytes(
            b"", {"Accept": "text/event-stream", "Mcp-Session-Id": old.session, **BOB}, verb="GET", length=False
        )
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
        fields = dict(line.split(": ", 1) for line in data.decode().strip().split("\r\n")[1:])
        connection.request("GET", "/mcp", headers={**fields, "MCP-Protocol-Version": "2025-11-25"})
        stream = sse_events(connection.getresponse())
        assert rig.tools(BOB) == ["c__look", "e__echo"]
        changed = {**RBAC, "roles": {**ROLES, "reader": {"allow": ["tools:c/plain"]}}}
        rig.write(changed)
        gateway.reload()
        heard = {json.loads(next(stream))["method"] for _ in range(3)}
        assert heard == {f"notifications/{kind}/list_changed" for kind in ("tools", "resources", "prompts")}
        connection.close()

        def settled():
            assert rig.tools(BOB) == ["c__plain"] and rig.call("e__echo", BOB).code == DENIED
            assert rig.call("c__plain", BOB).status == 200

        eventually(settled)
        # And back: the first rules again.
        rig.write(RBAC)
        gateway.reload()

        def back():
            assert rig.tools(BOB) == ["c__look", "e__echo"] and rig.call("c__plain", BOB).code == DENIED

        eventually(back)
        # Options that a policy refuses change nothing.
        rig.write({**RBAC, "assignments": {"subjects": {"bob": ["nobody"]}}})
        gateway.reload()
        gateway.log.wait(lambda line: "there is no role 'nobody'" in line)
        back()


def test_a_policys_plugin_is_swapped(rig, tmp_path):
    policy = {**RBAC, "assignments": {"anonymous": ["reader"]}}
    with rig.run(policy, plugins=[{"id": "policy-rbac", "placement": "inproc"}]) as gateway:
        assert rig.tools(BOB) == ["c__look", "e__echo"]
        new = shipped("policy-rbac", tmp_path / "policy-rbac.so", 7)
        with Load(gateway.port, "e__echo", arguments={"text": "x"}) as load:
            status, steps, problem = swap(gateway, tmp_path / "state", "policy-rbac", new)
            assert status == 0, (steps, problem)
            load.past(20)
            rig.write({**policy, "text": "another"}, plugins=[{"id": "policy-rbac", "placement": "inproc"}])
            gateway.reload()
            gateway.log.wait("configuration reloaded")
            load.past(20)
        assert not load.wrong, load.wrong[:3]
        assert rig.tools(BOB) == ["c__look", "e__echo"]
        assert rig.call("c__plain", BOB).code == DENIED and rig.call("e__echo", BOB, text="x").status == 200


@pytest.mark.parametrize("applies", [False, True])
def test_plugins_call_for_whom_they_serve(rig, applies):
    """What they call for nobody is theirs, and asked about where the configuration says so."""
    targets = [{"server": "c", "tool": tool, "label": tool} for tool in ("look", "put")]
    both = {"mode": "all", "targets": targets}
    rig.servers = {**rig.servers, "many": {"plugin": "tools-composite", "composites": {"both": both}}}
    policy = {
        "policy": "rbac", "applies_to_plugins": applies,
        "roles": {"guest": {"allow": ["tools:many/*"]}}, "assignments": {"everyone": ["guest"], "anonymous": ["guest"]},
    }
    with rig.run(policy):
        for as_, is_refused in [(BOB, True), (None, applies)]:
            answer = rig.call("many__both", as_).json["result"]
            assert ("this needs a role" in json.dumps(answer)) == is_refused, answer
        assert rig.call("c__look", BOB).code == DENIED


# ---- Open Policy Agent ----

REGO = """
package jackfield

default decision := {"allow": false, "rule": "nothing allows it"}

decision := {"allow": true, "rule": "readers"} if {
    "reader" in input.principal.roles
    input.name == "echo"
    not bad
}

decision := {"allow": false, "rule": "bad word", "text": "mind your language", "scopes": ["rude"]} if bad

decision := {"decision": "hide", "rule": "invisible"} if input.name == "wipe"

bad if input.arguments.text == "bad"

review := [d | some item in input.items; d := item.name == "echo"]
"""


def opa(engine, **more):
    return {"policy": "opa", "url": engine.url, "path": "jackfield/decision", "timeout_ms": 4000, **more}


@pytest.mark.parametrize("batch", [False, True])
def test_decisions_of_open_policy_agent(rig, batch):
    rig.servers = {"e": rig.servers["e"], "c": rig.servers["c"]}
    with Opa(jackfield=REGO) as engine:
        extra = {"review_path": "jackfield/review"} if batch else {}
        with rig.run(opa(engine, **extra)):
            assert rig.call("e__echo", BOB, text="x").status == 200
            assert rig.call("e__echo", EVE, text="x").code == DENIED
            refused = rig.call("e__echo", BOB, text="bad").json["error"]
            assert refused["message"] == "mind your language"
            assert refused["data"] == {"reason": "denied", "rule": "bad word", "scopes": "rude"}
            hidden = rig.call("c__wipe", BOB)
            assert hidden.code == -32602 and hidden.json["error"]["message"] == "no tool c__wipe is served here"
            seen = [given for _, given in engine.asked if given.get("name") == "echo"][-1]
            assert seen["principal"]["subject"] == "bob" and seen["arguments"] == {"text": "bad"}
            assert seen["definition"]["name"] == "echo" and seen["server"] == "e"
            engine.asked.clear()
            assert rig.tools(BOB) == ["e__echo"]
            assert Old(rig, BOB).names("tools/list", "tools") == ["e__echo"]
            assert any(path.endswith("review") for path, _ in engine.asked) == batch
            found = rig.explain("--as", "bob", "--role", "reader", "call", "e__echo", "text=bad")
            assert found["outcome"] == "deny" and found["policies"][0]["rule"] == "bad word"


@pytest.mark.parametrize("on_error", ["deny", "allow"])
def test_open_policy_agent_is_down(rig, on_error):
    rig.servers = {"e": rig.servers["e"]}
    with Opa(jackfield=REGO) as engine:
        with rig.run(opa(engine, on_error=on_error, review_path="jackfield/review")) as gateway:
            engine.broken = (500, b"{}")
            answer = rig.call("e__echo", EVE, text="x")
            listed = rig.ask("tools/list", None, EVE)
            gateway.log.wait(lambda line: "gave no decision" in line and "status 500" in line)
            if on_error == "deny":
                assert answer.code == DENIED and answer.json["error"]["data"]["rule"] == "on_error"
                assert listed.status == 503 and listed.json["error"]["data"] == {"reason": "policy"}
            else:
                assert answer.status == 200 and listed.json["result"]["tools"]
            engine.broken = (200, b'{"result": [1, 2]}')
            assert (rig.call("e__echo", BOB, text="x").status == 200) == (on_error == "allow")
            engine.broken = (200, b"nonsense")
            assert (rig.call("e__echo", BOB, text="x").status == 200) == (on_error == "allow")
            engine.broken = None
            assert rig.call("e__echo", BOB, text="x").status == 200
            assert rig.counters()["policy_failures"] >= 4
        # Nobody listens there any more.
    with rig.run({**RBAC, "name": "first"}, opa(engine, on_error=on_error)):
        answer = rig.call("e__echo", BOB, text="x")
        assert (answer.status == 200) == (on_error == "allow")
        assert rig.call("e__echo", EVE, text="x").json["error"]["data"]["rule"] == "no role allows it"


def test_decisions_are_remembered_for_the_same_question(rig):
    rig.servers = {"e": rig.servers["e"]}
    with Opa(jackfield=REGO) as engine:
        with rig.run(opa(engine, cache_ttl_ms=600000)):
            engine.asked.clear()
            for _ in range(12):
                assert rig.call("e__echo", BOB, text="x").status == 200
                assert rig.call("e__echo", EVE, text="x").code == DENIED
            # Two questions, each asked once on each loop at most.
            assert len(engine.asked) <= 4


def test_a_client_leaves_while_its_list_is_decided_about(rig):
    rig.servers = {"e": rig.servers["e"]}
    with Opa(jackfield=REGO) as engine:
        with rig.run(opa(engine, review_path="jackfield/review")):
            engine.asked.clear()
            engine.hanging = True
            with Connection(rig.gateway.port) as left, Connection(rig.gateway.port) as stays:
                left.send(modern("tools/list", headers=BOB))
                stays.send(modern("tools/call", {"name": "e__echo", "arguments": {"text": "x"}}, headers=BOB))

                def asked():
                    assert len(engine.asked) == 2

                eventually(asked)
                left.close()
                engine.hanging = False
                engine.release.set()
                assert stays.answer().status == 200
            assert rig.tools(BOB) == ["e__echo"]


# ---- explain ----


def test_explain(rig):
    dry = {"policy": "abac", "name": "trial", "mode": "dry-run", "rules": [rule("listing", "allow")]}
    with rig.run(dry, RBAC):
        def text(*words):
            done = command_line("explain", "--state-dir", rig.folder / "state", *words)
            return done.returncode, done.stdout

        status, said = text("--as", "alice", "call", "c__plain")
        assert status == 0 and "role writer allows tools:*/*" in said and "alice may tools/call c__plain" in said
        assert "trial: deny (dry run), default: this is not allowed" in said
        status, said = text("--as", "bob", "--role", "reader", "call", "c__plain", "a=1")
        assert status == 1 and "rbac: deny, no role allows it" in said and "bob may not" in said
        status, said = text("list", "--server", "c")
        assert status == 0 and "hidden tools c__look" in said and "shown" not in said
        shown = rig.explain("--as", "x", "--attribute", 'groups=["staff"]', "list", "--server", "e")
        assert [i["name"] for i in shown if i["kind"] == "tools" and i["outcome"] == "allow"] == ["e__echo"]
        assert rig.explain("--as", "bob", "--role", "reader", "read", "test://static/text")["outcome"] == "allow"
        assert rig.explain("prompt", "e__plain")["outcome"] == "deny"
        # Nothing happened, and nothing was counted.
        assert rig.counters()["denials"] == 0
        done = command_line("explain", "--state-dir", rig.folder / "state", "call", "nothing")
        assert done.returncode == 1 and "has the name nothing" in done.stderr
        done = command_line("explain", "--role", "x", "list")
        assert done.returncode == 2 and "--as" in done.stderr
