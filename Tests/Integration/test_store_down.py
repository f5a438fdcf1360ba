# SPDX-License-Identifier: Apache-2.0
"""The store goes and comes back: what limits make of it, as each was told, and what /readyz says meanwhile."""

import contextlib
import json
import re

import pytest

from rig.gateway import native, serving, write
from rig.processes import eventually
from rig.wire_http import exchange, modern
from test_store import Redis, running

SHARED = {"name": "shared", "per": ["tool"], "quota": "100000/day", "store": "shared"}
LOCAL = {"name": "local", "per": ["tool"], "quota": "100000/day"}

# limits, what else the filter says, whether the store is required; whether calls pass while it is away
ROWS = {
    "closed": ([SHARED], {}, False, False),
    "open": ([{**SHARED, "on_store_error": "allow"}], {}, False, True),
    "closed, required": ([SHARED], {}, True, False),
    "open, required": ([{**SHARED, "on_store_error": "allow"}], {}, True, True),
    # It is the limit that decides: a refusal is an answer of the filter, not its failure.
    "closed in an open filter": ([SHARED], {"on_error": "allow"}, False, False),
    "open in a closed filter": ([{**SHARED, "on_store_error": "allow"}], {"on_error": "deny"}, False, True),
    "one of each": ([{**SHARED, "on_store_error": "allow"}, {**SHARED, "name": "other"}], {}, False, False),
    "local": ([LOCAL], {}, False, True),
}


def configured(folder, number, redis, limits, more, required):
    blocks = {
        "runtime": {"drain_timeout": "3s", "loops": 2},
        "filters": [{"filter": "rate-limit", "limits": limits, **more}],
        "store": {**redis.block(), "probe": "100ms", "required": required},
    }
    return write(folder / f"{number}.yaml", native({"demo": {"plugin": "tools-demo"}}, **blocks))


def call(gateway):
    params = {"name": "demo__echo", "arguments": {"text": "x"}}
    return exchange(gateway.port, modern("tools/call", params), 20)


def readiness(gateway):
    status, body = gateway.get("/readyz")
    return status, json.loads(body)


def works(gateway):
    assert "result" in call(gateway).json
    status, body = readiness(gateway)
    assert (status, body["status"], body["store"]) == (200, "ok", {"kind": "redis", "status": "up"})
    assert "reasons" not in body


def fares(gateway, required, passes):
    """As the row says, on whichever loop."""
    status, body = readiness(gateway)
    assert (status, body["status"]) == ((503, "store down") if required else (200, "degraded"))
    store = body["store"]
    assert (store["kind"], store["status"], store["used_by"]) == ("redis", "down", ["filter-rate-limit"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", store["since"]) and store["why"]
    [reason] = body["reasons"]
    assert reason.startswith(f"the store redis has not answered since {store['since']}: ")
    assert reason.endswith("; used by filter-rate-limit")
    status, body = gateway.get("/healthz")
    assert (status, json.loads(body)["status"], json.loads(body)["store"]["since"]) == (200, "ok", store["since"])
    for _ in range(4):
        answer = call(gateway)
        if passes:
            assert answer.status == 200 and "result" in answer.json
        else:
            assert answer.status == 429 and "cannot be counted" in answer.json["error"]["message"]
    # What needs no limit goes on.
    assert exchange(gateway.port, modern("tools/list", {}), 20).json["result"]["tools"]


def test_closed_or_open_as_configured(tmp_path):
    with running(Redis, tmp_path) as redis, contextlib.ExitStack() as stack:
        gateways = {}
        for number, (name, (limits, more, required, _)) in enumerate(ROWS.items()):
            file = configured(tmp_path, number, redis, limits, more, required)
            gateways[name] = stack.enter_context(serving(file))
        for _ in range(2):  # as often as it goes
            for gateway in gateways.values():
                eventually(lambda gateway=gateway: works(gateway))
            redis.crash()
            for name, gateway in gateways.items():
                _, _, required, passes = ROWS[name]
                eventually(lambda gateway=gateway, r=required, p=passes: fares(gateway, r, p))
            redis.start()
        for gateway in gateways.values():
            eventually(lambda gateway=gateway: works(gateway))


@pytest.mark.parametrize("required", [False, True])
def test_a_store_that_comes_later(tmp_path, required):
    with running(Redis, tmp_path) as redis:
        redis.crash()
        with serving(configured(tmp_path, 0, redis, [SHARED], {}, required)) as gateway:
            eventually(lambda: fares(gateway, required, False))
            redis.start()
            eventually(lambda: works(gateway))
