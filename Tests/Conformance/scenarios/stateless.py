# SPDX-License-Identifier: Apache-2.0
"""`server-stateless` and `caching`: what 2026-07-28 asks of every request by itself."""

from typing import Any

from clients.driver import Json, Outcome, Stream
from clients.modern import ModernClient
from rig.raw_client import INFO, modern_headers
from rig.rpc import META, MODERN
from scenarios.asking import ABLE, accept, answers
from stage import Place

REMOVED = ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"]
CACHED = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]
UNKNOWN = "v999.0.0"


def meta(**changes: Any) -> Json:
    """The keys of a correct request, with some of them changed or (None) left out."""
    keys: Json = {"protocolVersion": MODERN, "clientInfo": INFO, "clientCapabilities": {}, **changes}
    return {META + name: value for name, value in keys.items() if value is not None}


def probe(client: ModernClient, method: str, params: Json, **headers: str | None) -> Outcome:
    """A request that may be wrong: nothing is added to its params."""
    message = {"jsonrpc": "2.0", "id": f"probe {next(client.ids)}", "method": method, "params": params}
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.exchange(message, {**modern_headers(method, params), **changed})


def refused(outcome: Outcome, status: int, code: int) -> Json:
    assert (outcome.status, outcome.code) == (status, code), (
        f"{outcome.status} {outcome.error or outcome.result}, not {status} {code}"
    )
    return (outcome.error or {}).get("data") or {}


def metadata(client: ModernClient) -> None:
    for params in ({}, {"_meta": meta(protocolVersion=None)}, {"_meta": meta(clientCapabilities=None)}):
        refused(probe(client, "server/discover", params), 400, -32602)
    assert probe(client, "server/discover", {"_meta": meta(clientInfo=None)}).ok["supportedVersions"]


def discovery(client: ModernClient) -> Json:
    found = probe(client, "server/discover", {"_meta": meta()}).ok
    assert MODERN in found["supportedVersions"], found
    info = found["_meta"][META + "serverInfo"]
    assert info["name"] and info["version"], found
    capabilities: Json = found["capabilities"]
    for kind, method in (
        ("tools", "tools/list"),
        ("prompts", "prompts/list"),
        ("resources", "resources/list"),
    ):
        assert kind in capabilities, f"{kind} is served and not declared: {capabilities}"
        assert isinstance(client.request(method).ok[kind], list)
    return found


def versions(place: Place, client: ModernClient, supported: list[str]) -> None:
    unknown = {"_meta": meta(protocolVersion=UNKNOWN)}
    data = refused(probe(client, "server/discover", unknown, MCP_Protocol_Version=UNKNOWN), 400, -32022)
    assert data["requested"] == UNKNOWN, data
    assert data["supported"] and set(data["supported"]) <= set(supported), (data, supported)
    refused(probe(client, "server/discover", unknown), 400, -32020)
    if place.through or place.server.kind == "raw":  # the SDK takes this for its legacy era
        refused(probe(client, "server/discover", {"_meta": meta()}, MCP_Protocol_Version=None), 400, -32020)
    refused(probe(client, "tools/list", {"_meta": meta()}, Mcp_Method="prompts/list"), 400, -32020)
    called = {"name": "test_simple_text", "arguments": {}, "_meta": meta()}
    refused(probe(client, "tools/call", called, Mcp_Name="test_image_content"), 400, -32020)


def capabilities(client: ModernClient) -> None:
    called = {"name": "test_missing_capability", "arguments": {}, "_meta": meta()}
    data = refused(probe(client, "tools/call", called), 400, -32021)
    assert isinstance(data["requiredCapabilities"]["sampling"], dict), data


def routing(place: Place, client: ModernClient) -> None:
    for method in (*REMOVED, "unknown/method"):
        refused(probe(client, method, {"_meta": meta()}), 404, -32601)
    for verb in ("GET", "DELETE") if place.through or place.server.kind == "raw" else ():  # SDK: as above
        connection, response = client.send(verb, None, {})
        assert response.status == 405, f"{verb} was answered with {response.status}"
        connection.close()


def streams(place: Place) -> None:
    client = place.client(ABLE)
    outcome = client.call("test_streaming_elicitation", answer=answers(form=accept(name="Alice")))
    assert outcome.text == "Hello, Alice!" and "mcp-session-id" not in outcome.headers
    assert not client.call("test_logging_tool").heard("notifications/message"), "a log that nobody asked for"


def tagged(stream: Stream) -> None:
    for message in stream.messages:
        assert (message.get("params") or {}).get("_meta", {}).get(META + "subscriptionId"), message


def subscriptions(place: Place) -> None:
    """First the acknowledgement, every message tagged, nothing that was not asked for."""
    client = place.client()
    tools, honoured = client.listen({"toolsListChanged": True})
    assert honoured == {"toolsListChanged": True}, honoured
    prompts, honoured = client.listen({"promptsListChanged": True})
    assert honoured == {"promptsListChanged": True}, honoured
    assert client.call("test_trigger_tool_change").text
    tools.note("notifications/tools/list_changed")
    assert client.call("test_trigger_prompt_change").text
    prompts.note("notifications/prompts/list_changed")
    assert not any(m.get("method") == "notifications/tools/list_changed" for m in prompts.messages)
    for stream in (tools, prompts):
        tagged(stream)


def server_stateless(place: Place) -> None:
    client = place.client(bare=True)
    metadata(client)
    found = discovery(client)
    versions(place, client, found["supportedVersions"])
    capabilities(client)
    routing(place, client)
    streams(place)
    subscriptions(place)


def stateless_is_unknown(place: Place) -> None:
    """A legacy client has a session instead: without it there is a refusal, within it no modern method."""
    client = place.client(bare=True)
    known = (-32601,) if place.through else (-32601, -32602)  # SDK 1.x says -32602
    for method in ("server/discover", "subscriptions/listen", "unknown/method"):
        assert client.request(method, {}).code in known, method
    session, client.session = client.session, None
    outcome = client.request("tools/list")
    client.session = session
    assert outcome.status == 400 and outcome.result is None, outcome


def caching(place: Place) -> None:
    client = place.client()
    results = {method: client.request(method).ok for method in (*CACHED, "server/discover")}
    results["resources/read"] = client.request("resources/read", {"uri": "test://static-text"}).ok
    for method, result in results.items():
        assert type(result.get("ttlMs")) is int and result["ttlMs"] >= 0, f"{method}: {result.get('ttlMs')}"
        assert result.get("cacheScope") in ("public", "private"), f"{method}: {result.get('cacheScope')}"


def caching_removed(place: Place) -> None:
    """A legacy client never sees the two members."""
    client = place.client()
    results = {method: client.request(method).ok for method in CACHED}
    results["resources/read"] = client.request("resources/read", {"uri": "test://static-text"}).ok
    for method, result in results.items():
        assert not {"ttlMs", "cacheScope"} & set(result), f"{method}: {sorted(result)}"
