# SPDX-License-Identifier: Apache-2.0
"""All guards together: who asks, whether it may, how often, what passes, and what is on record of it."""

import json

import pytest

from rig.gateway import command_line, native, serving, write
from rig.processes import eventually
from rig.wire_http import exchange, modern
from test_identity import auth, bearer, check, key, provider

RBAC = {
    "policy": "rbac",
    "roles": {"user": {"allow": ["tools:demo/echo", "tools:demo/add"]}},
    "assignments": {"subjects": {"alice": ["user"], "bob": ["user"]}},
}
LIMIT = {"filter": "rate-limit", "tools": ["add"], "limits": [{"per": ["principal"], "rate": "2/h", "burst": 2}]}
MASK = {"filter": "redact", "patterns": [{"name": "code", "pattern": "A[0-9]{4}"}], "direction": "both"}


@pytest.fixture
def gateway(tmp_path):
    blocks = {
        "auth": auth(provider(key("alice", tenant="acme"), key("bob", tenant="globex"))),
        "policies": [RBAC],
        "filters": [LIMIT, MASK],
        "audit": {"path": str(tmp_path / "audit"), "arguments": "full", "sync": "batch"},
        "runtime": {"drain_timeout": "3s", "state_dir": str(tmp_path / "state")},
    }
    with serving(write(tmp_path / "c.yaml", native({"demo": {"plugin": "tools-demo"}}, **blocks))) as made:
        made.audit = tmp_path / "audit"
        made.state = tmp_path / "state"
        yield made


def call(gateway, name, tool, **arguments):
    params = {"name": f"demo__{tool}", "arguments": arguments}
    return exchange(gateway.port, modern("tools/call", params, headers=bearer(name) if name else {}))


def records(gateway, **wanted):
    found = [json.loads(line) for file in sorted(gateway.audit.glob("audit-*.jsonl")) for line in file.open()]
    return [r for r in found if all(r.get(k) == v for k, v in wanted.items())]


def test_a_call_passes_them_all_and_is_on_record(gateway):
    answer = call(gateway, "alice", "echo", text="order A1234 please")
    text = answer.json["result"]["content"][0]["text"]
    assert "A1234" not in text and "order" in text
    eventually(lambda: check(records(gateway, kind="call")))
    (record,) = records(gateway, kind="call")
    assert record["principal"]["subject"] == "alice" and record["principal"]["tenant"] == "acme"
    assert record["decision"] == "allowed" and record["outcome"] == "ok"
    assert record["rule"].startswith("rbac: ") and record["server"] == "demo"


def test_who_is_turned_away_is_on_record(gateway):
    assert call(gateway, None, "echo", text="x").status == 401
    assert call(gateway, "jf_unknown-0123456789", "echo", text="x").status == 401
    eventually(lambda: check(len(records(gateway, kind="denial", reason="identity")) == 2))
    found = records(gateway, kind="denial", reason="identity")
    assert all(r["tool"] == "demo__echo" and "principal" not in r for r in found)
    assert {r.get("rule") for r in found} == {None, "invalid_token"}
    assert "jf_unknown" not in json.dumps(records(gateway)), "credentials are in the log"


def test_what_is_not_allowed_is_on_record(gateway):
    assert call(gateway, "bob", "fail", message="x").status in (403, 400)
    eventually(lambda: check(records(gateway, decision="denied")))
    (record,) = records(gateway, decision="denied")
    assert record["reason"] == "policy" and record["outcome"] == "denied"
    assert record["principal"]["subject"] == "bob"


def test_limits_are_each_ones_own_and_on_record(gateway):
    for _ in range(2):
        assert call(gateway, "alice", "add", a=1, b=2).status == 200
    refused = call(gateway, "alice", "add", a=1, b=2)
    assert refused.status == 429 and int(refused.headers["retry-after"]) > 0
    assert refused.json["error"]["code"] == -31429
    assert call(gateway, "bob", "add", a=1, b=2).status == 200
    assert call(gateway, "alice", "echo", text="x").status == 200
    eventually(lambda: check(records(gateway, reason="limit")))
    (record,) = records(gateway, reason="limit")
    assert record["rule"] == "rate-limit" and record["decision"] == "denied"


def test_the_record_holds(gateway):
    for name in ["alice", "bob"]:
        call(gateway, name, "echo", text="x")
    eventually(lambda: check(len(records(gateway, kind="call")) == 2))
    done = command_line("audit", "verify", gateway.audit)
    assert done.returncode == 0, done.stdout + done.stderr


def test_lists_show_what_may_be_used(gateway):
    names = {
        tool["name"]
        for tool in exchange(gateway.port, modern("tools/list", headers=bearer("alice"))).json["result"]["tools"]
    }
    assert names == {"demo__echo", "demo__add"}
