# SPDX-License-Identifier: Apache-2.0
"""What 2026-07-28 removed or replaced: handshake, ping, log level, subscriptions; HTTP rules of both."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from clients.driver import Outcome
from clients.legacy import VERSION
from rig.raw_client import INFO, modern_headers
from rig.rpc import META
from scenarios.stateless import meta, probe, refused
from stage import Place

WATCHED = "test://watched-resource"
STATIC = "test://static-text"
LOG = ["Tool execution started", "Tool processing data", "Tool execution completed"]


def server_initialize(place: Place) -> None:
    client = place.client()
    assert client.hello["protocolVersion"] == VERSION, client.hello
    assert client.hello["serverInfo"]["name"] and client.hello["serverInfo"]["version"], client.hello
    assert {"tools", "prompts", "resources"} <= set(client.hello["capabilities"]), client.hello
    assert client.session and all(0x21 <= ord(c) <= 0x7E for c in client.session), client.session
    other = place.client()
    assert other.session != client.session, "two sessions have one id"
    older = place.client(bare=True, version="1999-01-01")
    assert older.hello["protocolVersion"] != "1999-01-01", "an unknown revision was agreed on"


def gone(method: str, **params: object) -> Callable[[Place], None]:
    """The refusal of a method that 2026-07-28 removed: 404 and -32601."""

    def run(place: Place) -> None:
        refused(probe(place.client(bare=True), method, {**params, "_meta": meta()}), 404, -32601)

    return run


initialize_is_gone = gone("initialize", protocolVersion=VERSION, capabilities={}, clientInfo=INFO)
ping_is_gone = gone("ping")
set_level_is_gone = gone("logging/setLevel", level="info")


def ping(place: Place) -> None:
    assert place.client().request("ping").ok == {}


def logging_set_level(place: Place) -> None:
    client = place.client()
    for level in ("debug", "info", "emergency"):
        assert client.request("logging/setLevel", {"level": level}).ok == {}, level
    assert not client.call("test_tool_with_logging").heard("notifications/message"), "below the level"
    outcome = place.client(bare=True).request("logging/setLevel", {"level": "loud"})
    assert outcome.code == -32602, f"an unknown level was answered with {outcome.error or outcome.result}"


def tools_call_with_logging(place: Place) -> None:
    """Three messages, in order: after setLevel, or of a request that says its level by itself."""
    client = place.client()
    params = {"name": "test_tool_with_logging", "arguments": {}}
    outcome: Outcome = client.logged("info", "tools/call", params)
    assert outcome.text
    came = [(p["level"], p["data"]) for p in outcome.heard("notifications/message")]
    assert came == [("info", words) for words in LOG], came
    quiet = client.logged("error", "tools/call", params)
    assert not quiet.heard("notifications/message"), "messages below the level"


def updated(place: Place, uri: str) -> None:
    assert place.client().call("test_trigger_resource_update", {"uri": uri}).text == "updated"


def resources_subscribe(place: Place) -> None:
    stream = place.client().watch(WATCHED)
    updated(place, WATCHED)
    found = stream.note("notifications/resources/updated", uri=WATCHED)
    assert (META + "subscriptionId" in found.get("_meta", {})) == place.modern, found


def resources_unsubscribe(place: Place) -> None:
    """After the end of a subscription nothing more comes of it, and everything of the others."""
    client, mark = place.client(), place.events.mark()
    first = client.watch(WATCHED)
    updated(place, WATCHED)
    first.note("notifications/resources/updated", uri=WATCHED)
    if place.modern:
        first.close()
    else:
        assert client.request("resources/unsubscribe", {"uri": WATCHED}).ok == {}
    if place.server.era == "legacy":
        place.events.wait("unsubscribed", mark, label=place.label, uri=WATCHED)
    second = client.watch(STATIC)
    before = len(first.messages)
    updated(place, WATCHED)
    updated(place, STATIC)
    second.note("notifications/resources/updated", uri=STATIC)
    late = second.messages if place.modern else first.messages[before:]
    assert not any((m.get("params") or {}).get("uri") == WATCHED for m in late), late


def dns_rebinding_protection(place: Place) -> None:
    client = place.client(bare=True)
    port = client.target.port
    for foreign in ("evil.example.com", f"evil.example.com:{port}"):
        headers: dict[str, str | None] = {"Host": foreign, "Origin": f"http://{foreign}"}
        outcome = client_request(place, headers)
        assert 400 <= outcome.status < 500, f"Host {foreign} was answered with {outcome.status}"
        outcome = client_request(place, {"Origin": f"http://{foreign}"})
        assert outcome.status == 403, f"Origin {foreign} was answered with {outcome.status}"
    for local in (f"127.0.0.1:{port}", f"localhost:{port}"):
        outcome = client_request(place, {"Host": local, "Origin": f"http://{local}"})
        assert outcome.status == 200 and outcome.error is None, f"Host {local}: {outcome}"


def client_request(place: Place, headers: dict[str, str | None]) -> Outcome:
    """A request that opens nothing: discovery, or a list in a session."""
    client = place.client(bare=True)
    method = "server/discover" if place.modern else "ping"
    if place.modern:
        message = client.message(method, {})
        fields = {**modern_headers(method, {}), **headers}
    else:
        message = {"jsonrpc": "2.0", "id": 900, "method": method}
        fields = {**client.fields(), **headers}
    connection, response = client.send("POST", message, fields)
    body = response.read()
    connection.close()
    error = None
    if response.status == 200:
        text = body.decode()
        data = [line[5:] for line in text.splitlines() if line.startswith("data:") and line[5:].strip()]
        error = json.loads(data[-1] if data else text).get("error")
    return Outcome(response.status, error=error)


def sse_multiple_streams(place: Place) -> None:
    """Three requests at once in one session: each has its own answer."""
    client = place.client()
    with ThreadPoolExecutor(3) as pool:
        calls = [
            pool.submit(client.call, "test_tool_with_progress", progress=f"stream-{n}") for n in range(3)
        ]
        lists = [pool.submit(client.request, "tools/list") for _ in range(3)]
    for number, call in enumerate(calls):
        outcome: Outcome = call.result()
        assert outcome.status == 200 and outcome.text
        tokens = {p["progressToken"] for p in outcome.heard("notifications/progress")}
        assert tokens == {f"stream-{number}"}, f"stream {number} heard {tokens}"
    assert all(found.result().ok["tools"] for found in lists)
