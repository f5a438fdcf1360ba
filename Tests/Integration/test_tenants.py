# SPDX-License-Identifier: Apache-2.0
"""Tenants: how a request says whose it is, what is whose own, and what of one tenant another can reach: nothing."""

import json

import pytest

from rig.builds import build
from rig.gateway import command_line, native, serving, write
from rig.peers import HttpServer
from rig.processes import eventually
from rig.wire_http import Connection, exchange, legacy, modern, request_bytes
from test_identity import INITIALIZE, check
from test_policies import who
from test_response_cache import Counting

DENIED = -31403
ACME, GLOBEX, PLAIN = who("alice", tenant="acme"), who("alice", tenant="globex"), who("alice")


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    return build(tmp_path_factory.mktemp("provider") / "trusting.so", source="trusting")


class Stage:
    """A gateway with a server for all (`pool`) and one of acme alone (`silo`)."""

    def __init__(self, gateway, state=None):
        self.gateway, self.port, self.state = gateway, gateway.port, state

    def ask(self, method, params=None, as_=ACME, path="/mcp", **more):
        return exchange(self.port, modern(method, params, headers=as_, path=path, **more))

    def tools(self, as_=ACME, path="/mcp"):
        answer = self.ask("tools/list", None, as_, path)
        assert answer.status == 200, answer
        return {tool["name"].split("__")[0] for tool in answer.json["result"]["tools"]}

    def old(self, as_=ACME, path="/mcp"):
        answer = exchange(self.port, legacy(INITIALIZE, headers=as_, path=path))
        assert answer.status == 200, answer
        return answer.headers["mcp-session-id"]

    def in_session(self, session, as_, method, params=None, path="/mcp"):
        message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}}
        return exchange(self.port, legacy(message, session, headers=as_, path=path))


def configuration(folder, provider, servers, tenants, **blocks):
    blocks.setdefault("auth", {"providers": [{"provider": "trusting"}], "required": False})
    blocks.setdefault("listeners", [{"transport": "http", "address": "127.0.0.1:0", "allowed_hosts": ["*"]}])
    runtime = {"drain_timeout": "3s", "state_dir": str(folder / "state"), **blocks.pop("runtime", {})}
    (folder / "state").mkdir(exist_ok=True)
    plugins = [{"file": str(provider), "placement": "inproc"}]
    return write(
        folder / "c.yaml", native(servers, tenants=tenants, plugins=plugins, runtime=runtime, **blocks)
    )


@pytest.fixture(scope="module")
def peers():
    with Counting() as silo, HttpServer("sdk2") as pool, HttpServer("watched-raw") as watched:
        yield {"silo": silo, "pool": pool, "watched": watched}


@pytest.fixture(scope="module")
def stage(tmp_path_factory, provider, peers):
    folder = tmp_path_factory.mktemp("tenants")
    cached = {"tools": ["look"], "resources": ["res://*"], "ttl": "60s"}
    servers = {
        "silo": {"url": peers["silo"].url, "tenants": ["acme"], "response_cache": cached},
        "pool": {"url": peers["pool"].url},
        "watched": {"url": peers["watched"].url, "tenants": ["acme"]},
    }
    bundles = {
        "ours": {"servers": ["silo", "pool"], "tenants": ["acme"]},
        "all": {"servers": ["silo", "pool"]},
    }
    tenants = {"known": {"acme": {}, "globex": {}, "initech": {}}}
    config = configuration(
        folder, provider, servers, tenants, bundles=bundles, tasks={"promote_after": "100ms"}
    )
    with serving(config, listen=None) as gateway:
        stage = Stage(gateway, folder / "state")
        eventually(lambda: check(stage.tools() == {"silo", "pool", "watched"}))
        yield stage


# ---- What is whose own ----


def test_lists_hold_what_is_ones_own_and_what_all_share(stage):
    assert stage.tools(ACME) == {"silo", "pool", "watched"}
    assert stage.tools(GLOBEX) == {"pool"}
    assert stage.tools(ACME, "/mcp/bundles/all") == {"silo", "pool"}
    assert stage.tools(GLOBEX, "/mcp/bundles/all") == {"pool"}
    for who_, found in ((ACME, True), (GLOBEX, False)):
        session = stage.old(who_)
        tools = stage.in_session(session, who_, "tools/list").json["result"]["tools"]
        assert any(tool["name"].startswith("silo__") for tool in tools) == found


REACHES = {
    "a tool": ("tools/call", {"name": "silo__look", "arguments": {}}),
    "a resource": ("resources/read", {"uri": "res://a"}),
    "a completion": (
        "completion/complete",
        {"ref": {"type": "ref/resource", "uri": "res://a"}, "argument": {"name": "x", "value": "y"}},
    ),
    "a watched resource": ("resources/read", {"uri": "watch://a"}),
}


@pytest.mark.parametrize("what", REACHES)
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_what_is_anothers_is_not_there(stage, what, era):
    """The answer is the one for a name that no server has, to the last byte but the name."""
    method, params = REACHES[what]
    nothing = json.loads(json.dumps(params).replace("silo__look", "zilo__look").replace("res://", "rez://"))
    nothing = json.loads(json.dumps(nothing).replace("watch://", "wotch://"))
    if era == "modern":
        theirs, none = stage.ask(method, params, GLOBEX), stage.ask(method, nothing, GLOBEX)
    else:
        session = stage.old(GLOBEX)
        theirs = stage.in_session(session, GLOBEX, method, params)
        none = stage.in_session(session, GLOBEX, method, nothing)
    assert "error" in theirs.json and theirs.status == none.status
    body = theirs.body.decode()
    for real, fake in (("silo__", "zilo__"), ("res://", "rez://"), ("watch://", "wotch://")):
        body = body.replace(real, fake)
    assert body == none.body.decode()


def test_subscriptions_to_anothers_resources(stage):
    session = stage.old(GLOBEX)
    for method in ("resources/subscribe", "resources/unsubscribe"):
        answer = stage.in_session(session, GLOBEX, method, {"uri": "res://a"})
        assert "error" in answer.json, answer
    wanted = {"notifications": {"resourceSubscriptions": ["res://a"]}}
    with Connection(stage.port) as stream:
        stream.send(modern("subscriptions/listen", wanted, headers=GLOBEX))
        assert stream.head()[0] == 200
        granted = stream.until(b"acknowledged") + stream.until(b"}}}")
        assert b"res://a" not in granted


@pytest.mark.parametrize("path", ["/mcp/servers/silo", "/mcp/bundles/ours"])
def test_an_endpoint_of_anothers_is_not_there(stage, path):
    assert stage.tools(ACME, path)
    theirs = stage.ask("tools/list", None, GLOBEX, path)
    none = stage.ask("tools/list", None, GLOBEX, path + "x")
    assert theirs.status == none.status == 404
    assert theirs.json["error"]["code"] == none.json["error"]["code"]
    assert theirs.json["error"]["message"] == none.json["error"]["message"].replace(path + "x", path)
    assert exchange(stage.port, legacy(INITIALIZE, headers=GLOBEX, path=path)).status == 404


def test_what_is_kept_for_one_tenant_is_not_anothers(stage):
    """The tenant is a part of the principal, to which sessions, streams, tasks and answers belong (see test_apart.py)."""
    session = stage.old(ACME)
    assert stage.in_session(session, GLOBEX, "tools/list").status == 404
    headers = {"Mcp-Session-Id": session, "Accept": "text/event-stream", **GLOBEX}
    assert exchange(stage.port, request_bytes(headers=headers, verb="GET")).status == 404
    assert stage.in_session(session, ACME, "tools/list").status == 200
    mine = [stage.ask("tools/call", {"name": "silo__look", "arguments": {"by": "me"}}) for _ in range(2)]
    assert mine[0].json["result"]["content"] == mine[1].json["result"]["content"]


def test_a_cursor_is_good_in_its_own_list_only(tmp_path, provider, peers):
    servers = {
        "silo": {"url": peers["silo"].url, "tenants": ["acme"]}, "pool": {"url": peers["pool"].url}
    }
    tenants = {"known": {"acme": {}, "globex": {}}}
    config = configuration(tmp_path, provider, servers, tenants, limits={"page_size": 2})
    with serving(config, listen=None) as gateway:
        stage = Stage(gateway)

        def cursor(as_):
            return stage.ask("tools/list", None, as_).json["result"]["nextCursor"]

        def status(as_, cursor):
            return stage.ask("tools/list", {"cursor": cursor}, as_).status

        eventually(lambda: check(stage.tools(ACME) == {"silo"} and cursor(ACME) != cursor(GLOBEX)))
        assert status(ACME, cursor(ACME)) == status(GLOBEX, cursor(GLOBEX)) == 200
        assert status(GLOBEX, cursor(ACME)) == status(ACME, cursor(GLOBEX)) == 400


def test_public_answers_are_public_within_a_tenant(tmp_path, provider):
    with Counting() as counting:
        cached = {"tools": ["look"], "ttl": "60s", "scope": "public"}
        servers = {"c": {"url": counting.url, "response_cache": cached}}
        config = configuration(tmp_path, provider, servers, {"known": {"acme": {}, "globex": {}}})
        with serving(config, listen=None) as gateway:
            stage = Stage(gateway)
            eventually(lambda: check(stage.tools() == {"c"}))

            def look(as_):
                answer = stage.ask("tools/call", {"name": "c__look", "arguments": {}}, as_)
                return answer.json["result"]["content"]

            mine = look(ACME)
            assert look(who("bob", tenant="acme")) == mine
            theirs = look(GLOBEX)
            assert theirs != mine and look(who("carol", tenant="globex")) == theirs


def test_who_is_of_no_known_tenant_is_refused(stage):
    for caller in (PLAIN, {}, who("alice", tenant="umbrella"), who("alice", tenant="ACME")):
        answer = stage.ask("tools/list", None, caller)
        assert answer.status == 403, answer
        assert answer.json["error"]["code"] == DENIED and "www-authenticate" not in answer.headers
        assert exchange(stage.port, legacy(INITIALIZE, headers=caller)).status == 403


def test_explain_says_so(stage):
    def explain(*words):
        done = command_line("explain", "--state-dir", stage.state, "--json", *words)
        assert done.returncode in (0, 1) and not done.stderr, done.stderr
        return json.loads(done.stdout)

    found = explain("--as", "alice", "--tenant", "globex", "call", "silo__look")
    assert found["outcome"] == "hide" and "silo is of acme only" in found["policies"][0]["rule"]
    assert explain("--as", "alice", "--tenant", "acme", "call", "silo__look")["outcome"] == "allow"
    assert explain("--as", "alice", "--tenant", "umbrella", "call", "pool__echo")["outcome"] == "deny"
    assert explain("--as", "alice", "call", "pool__echo")["outcome"] == "deny"


# ---- Whose a request is ----

CLAIMS = {
    # What is asked with: what becomes of it (the tenant, or a refusal).
    "host alone": ({"Host": "acme.mcp.example"}, "acme"),
    "host with a port and a dot": ({"Host": "ACME.mcp.example.:443"}, "acme"),
    "a tenant's own host": ({"Host": "tools.acme.example"}, "acme"),
    "host and field agree": ({"Host": "acme.mcp.example", "X-Tenant": "acme"}, "acme"),
    "host and credentials agree": ({"Host": "acme.mcp.example", **ACME}, "acme"),
    "field alone": ({"X-Tenant": "globex"}, "globex"),
    "the same field twice": ({"X-Tenant": ["globex", "globex"]}, "globex"),
    "credentials alone": (GLOBEX, "globex"),
    "credentials without a tenant, and a field": ({"X-Tenant": "globex", **PLAIN}, "globex"),
    "host and field differ": ({"Host": "acme.mcp.example", "X-Tenant": "globex"}, None),
    "host and credentials differ": ({"Host": "acme.mcp.example", **GLOBEX}, None),
    "own host and credentials differ": ({"Host": "tools.acme.example", **GLOBEX}, None),
    "field and credentials differ": ({"X-Tenant": "acme", **GLOBEX}, None),
    "two fields": ({"X-Tenant": ["acme", "globex"]}, None),
    "two fields, one right": ({"X-Tenant": ["globex", "acme"], **GLOBEX}, None),
    "a list in a field": ({"X-Tenant": "acme, globex"}, None),
    "an empty field": ({"X-Tenant": ""}, None),
    "a field in another case": ({"x-tenant": "ACME"}, None),
    "an unknown host's tenant": ({"Host": "umbrella.mcp.example"}, None),
    "a deeper name": ({"Host": "a.acme.mcp.example"}, None),
    "no name before the suffix": ({"Host": ".mcp.example"}, None),
    "the suffix in another name": ({"Host": "acme.mcp.example.evil.example"}, None),
    "nothing": ({}, None),
}


@pytest.fixture(scope="module")
def named(tmp_path_factory, provider, peers):
    folder = tmp_path_factory.mktemp("named")
    servers = {
        name: {"url": peers["pool"].url, "tenants": [name]} for name in ("acme", "globex")
    }
    bundles = {"inside": {"servers": ["globex"], "tenants": ["globex"]}, "both": {"servers": ["acme", "globex"]}}
    tenants = {
        "from": ["host", "path", "header"],
        "host": "{tenant}.mcp.example",
        "header": "X-Tenant",
        "known": {"acme": {"hosts": ["tools.acme.example"]}, "globex": {}},
    }
    config = configuration(folder, provider, servers, tenants, bundles=bundles)
    with serving(config, listen=None) as gateway:
        stage = Stage(gateway)
        eventually(lambda: check(stage.tools(ACME) == {"acme"} and stage.tools(GLOBEX) == {"globex"}))
        yield stage


@pytest.mark.parametrize("case", CLAIMS)
def test_what_says_whose_a_request_is(named, case):
    headers, tenant = CLAIMS[case]
    answer = named.ask("tools/list", None, headers)
    if tenant is None:
        assert answer.status == 403, answer
        assert answer.json["error"]["code"] == DENIED
    else:
        assert answer.status == 200, answer
        assert {tool["name"].split("__")[0] for tool in answer.json["result"]["tools"]} == {tenant}


def test_a_path_says_it_too(named):
    assert named.tools({}, "/mcp/bundles/inside") == {"globex"}
    assert named.ask("tools/list", None, {"X-Tenant": "acme"}, "/mcp/bundles/inside").status == 403
    assert named.ask("tools/list", None, ACME, "/mcp/bundles/inside").status == 404
    assert named.ask("tools/list", None, {}, "/mcp/bundles/both").status == 403


def test_a_field_that_nothing_trusts_only_confirms(tmp_path, provider, peers):
    servers = {"pool": {"url": peers["pool"].url}}
    tenants = {"header": "X-Tenant", "known": {"acme": {}, "globex": {}}, "required": False}
    with serving(configuration(tmp_path, provider, servers, tenants), listen=None) as gateway:
        stage = Stage(gateway)
        eventually(lambda: check(stage.tools({}) == {"pool"}))
        assert stage.ask("tools/list", None, {"X-Tenant": "acme"}).status == 403
        assert stage.ask("tools/list", None, {"X-Tenant": "acme", **PLAIN}).status == 403
        assert stage.ask("tools/list", None, {"X-Tenant": "acme", **ACME}).status == 200
        assert stage.ask("tools/list", None, {"X-Tenant": "acme", **GLOBEX}).status == 403


def test_sessions_of_nobody_in_two_tenants_are_two(named):
    session = named.old({"X-Tenant": "acme"})
    assert named.in_session(session, {"X-Tenant": "acme"}, "tools/list").status == 200
    assert named.in_session(session, {"X-Tenant": "globex"}, "tools/list").status == 404
    assert named.in_session(session, ACME, "tools/list").status == 404


def test_nobody_of_a_tenant_is_nobody_to_policies(tmp_path, provider, peers):
    """A host names a tenant; it vouches for nobody."""
    servers = {"pool": {"url": peers["pool"].url}}
    rbac = {"policy": "rbac", "roles": {"r": {"allow": ["tools:*/*"]}}, "assignments": {"everyone": ["r"]}}
    tenants = {"from": ["header"], "header": "X-Tenant", "known": {"acme": {}}}
    config = configuration(tmp_path, provider, servers, tenants, policies=[rbac])
    with serving(config, listen=None) as gateway:
        stage = Stage(gateway)
        eventually(lambda: check(stage.tools(ACME) == {"pool"}))
        nobody = {"X-Tenant": "acme"}
        assert stage.tools(nobody) == set()
        echo = {"name": "pool__echo", "arguments": {"text": "x"}}
        assert stage.ask("tools/call", echo).status == 200
        assert stage.ask("tools/call", echo, nobody).status == 403


# ---- Residency ----


def test_calls_stay_in_their_tenants_region(tmp_path, provider):
    with Counting() as here, Counting() as there:
        servers = {
            "both": {"replicas": [{"url": here.url, "region": "eu"}, {"url": there.url, "region": "us"}]},
            "near": {"url": here.url, "region": "eu"},
            "far": {"url": there.url, "region": "us"},
            "nowhere": {"url": there.url},
        }
        tenants = {"known": {"acme": {"region": "eu"}, "globex": {"region": "us"}, "initech": {}}}
        with serving(configuration(tmp_path, provider, servers, tenants), listen=None) as gateway:
            stage = Stage(gateway)
            free = who("alice", tenant="initech")
            eventually(lambda: check(stage.tools(free) == {"both", "near", "far", "nowhere"}))
            assert stage.tools(ACME) == {"both", "near"}
            assert stage.tools(GLOBEX) == {"both", "far"}
            before = there.seen
            for turn in range(12):
                call = {"name": "both__plain", "arguments": {"turn": turn}}
                assert "result" in stage.ask("tools/call", call).json
            assert there.seen == before and here.seen >= 12
            assert "error" in stage.ask("tools/call", {"name": "far__plain", "arguments": {}}).json
            for turn in range(4):
                call = {"name": "both__plain", "arguments": {"turn": turn}}
                assert "result" in stage.ask("tools/call", call, GLOBEX).json
            assert there.seen == before + 4
            # A subscription is shared, and any endpoint may have it.
            answer = stage.in_session(stage.old(), ACME, "resources/subscribe", {"uri": "res://a"})
            assert "error" in answer.json


def test_an_endpoint_that_is_down_is_not_replaced_by_one_elsewhere(tmp_path, provider):
    with Counting() as there:
        with Counting() as here:
            servers = {
                "both": {"replicas": [{"url": here.url, "region": "eu"}, {"url": there.url, "region": "us"}]}
            }
            tenants = {"known": {"acme": {"region": "eu"}, "globex": {}}}
            config = configuration(tmp_path, provider, servers, tenants)
            gateway = serving(config, listen=None)
            running = gateway.__enter__()
            stage = Stage(running)
            eventually(lambda: check(stage.tools() == {"both"}))
        try:
            before = there.seen
            for turn in range(3):
                call = {"name": "both__plain", "arguments": {"turn": turn}}
                assert "error" in stage.ask("tools/call", call).json
            assert there.seen == before
            assert "result" in stage.ask("tools/call", {"name": "both__plain", "arguments": {}}, GLOBEX).json
        finally:
            gateway.__exit__(None, None, None)


# ---- Own policies and limits, and changes ----


def test_policies_and_filters_of_one_tenant(tmp_path, provider, peers):
    servers = {"pool": {"url": peers["pool"].url}}
    roles = {"r": {"allow": ["tools:pool/echo"]}}
    policies = [{"policy": "rbac", "tenants": ["acme"], "roles": roles, "assignments": {"subjects": {"alice": ["r"]}}}]
    limit = {"filter": "rate-limit", "tenants": ["globex"], "limits": [{"per": ["tenant"], "quota": "2/day"}]}
    tenants = {"known": {"acme": {}, "globex": {}}}
    config = configuration(tmp_path, provider, servers, tenants, policies=policies, filters=[limit])
    with serving(config, listen=None) as gateway:
        stage = Stage(gateway)
        eventually(lambda: check(stage.tools(GLOBEX) == {"pool"}))
        echo = {"name": "pool__echo", "arguments": {"text": "x"}}
        assert len(stage.ask("tools/list").json["result"]["tools"]) < len(
            stage.ask("tools/list", None, GLOBEX).json["result"]["tools"])
        assert [stage.ask("tools/call", echo).status for _ in range(4)] == [200] * 4
        assert [stage.ask("tools/call", echo, GLOBEX).status for _ in range(3)] == [200, 200, 429]


def test_a_reload_moves_a_server_to_another_tenant(tmp_path, provider, peers):
    def servers(owner):
        return {"silo": {"url": peers["silo"].url, "tenants": [owner]}, "pool": {"url": peers["pool"].url}}

    tenants = {"known": {"acme": {}, "globex": {}}}
    config = configuration(tmp_path, provider, servers("acme"), tenants)
    with serving(config, listen=None) as gateway:
        stage = Stage(gateway)
        eventually(lambda: check(stage.tools() == {"silo", "pool"} and stage.tools(GLOBEX) == {"pool"}))
        configuration(tmp_path, provider, servers("globex"), tenants)
        gateway.reload()
        eventually(lambda: check(stage.tools() == {"pool"} and stage.tools(GLOBEX) == {"silo", "pool"}))


@pytest.mark.parametrize(
    ("servers", "tenants", "says"),
    [
        ({"tenants": ["acmee"]}, {"known": {"acme": {}}}, "acmee"),
        ({}, {"known": {}}, "nobody could come in"),
        ({}, {"known": {"acme": {}}, "from": ["credentials"]}, "credentials always come first"),
        ({}, {"known": {"acme": {}}, "from": ["header"]}, "nothing says which"),
        ({}, {"known": {"acme": {}}, "header": "Authorization"}, "tenants.header"),
        ({}, {"known": {"acme": {}}, "host": "mcp.example"}, "tenants.host"),
        ({}, {"known": {"a": {"hosts": ["x.example"]}, "b": {"hosts": ["X.example"]}}}, "of tenant a already"),
        ({"tenants": ["acme"]}, None, 'no block "tenants"'),
        ({"tenants": []}, {"known": {"acme": {}}}, "is empty"),
    ],
)
def test_mistakes_are_found_before_anything_runs(tmp_path, servers, tenants, says):
    blocks = {} if tenants is None else {"tenants": tenants}
    config = write(tmp_path / "c.yaml", native({"s": {"url": "http://127.0.0.1:1/mcp", **servers}}, **blocks))
    done = command_line("check", "--config", config)
    assert done.returncode != 0 and says in done.stdout + done.stderr, done.stdout + done.stderr
