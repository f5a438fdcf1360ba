# SPDX-License-Identifier: Apache-2.0
"""The client's leg: what the gateway sends to a server; directly, what our own clients send."""

from typing import Any

from clients.driver import Json
from rig.rpc import META, MODERN
from scenarios.asking import ABLE, accept, answers
from stage import Place


def requests(place: Place, mark: int) -> list[tuple[Json, dict[str, str]]]:
    """What reached the server since a mark, answers and notifications apart."""
    found = [(m, h) for m, h in place.sent(mark) if "method" in m and "id" in m]
    assert found, "nothing reached the server"
    return found


def say_everything(place: Place) -> None:
    """One request of every kind."""
    client = place.client()
    assert client.call("test_simple_text").text
    assert client.request("resources/read", {"uri": "test://static-text"}).ok["contents"]
    assert client.request("prompts/get", {"name": "test_simple_prompt"}).ok["messages"]
    ref = {"type": "ref/prompt", "name": "test_prompt_with_arguments"}
    params = {"ref": ref, "argument": {"name": "arg1", "value": "p"}}
    assert client.request("completion/complete", params).ok["completion"]


def request_metadata(place: Place) -> None:
    """Every request says its revision, in the body and in the header, who is asking, and what it can do."""
    mark = place.mark()
    say_everything(place)
    for message, headers in requests(place, mark):
        meta = message["params"]["_meta"]
        assert meta[META + "protocolVersion"] == MODERN, meta
        assert isinstance(meta[META + "clientCapabilities"], dict), meta
        info = meta[META + "clientInfo"]
        assert info["name"] and info["version"], meta
        if place.server.transport == "http":
            assert headers.get("mcp-protocol-version") == MODERN, headers


def picky_server(place: Place) -> None:
    """A server that first refuses the revision, and lists its own, is asked again in one of those."""
    assert place.client().call("test_simple_text").text
    place.events.wait("rejected", 0, label="picky-http")
    retried = [m for m, _ in place.sent(0) if m.get("method") == "server/discover"]
    assert len(retried) >= 2, "discovery was not tried again"
    assert all(m["params"]["_meta"][META + "protocolVersion"] == MODERN for m in retried)


def request_metadata_whole(place: Place) -> None:
    request_metadata(place)
    if place.server.kind == "picky" and place.through:
        picky_server(place)


def handshake_reaches_server(place: Place) -> None:
    """A legacy server is told the same once, in `initialize`, and no modern key reaches it afterwards."""
    mark = place.mark()
    say_everything(place)
    for message, headers in requests(place, mark):
        meta = (message.get("params") or {}).get("_meta") or {}
        assert not any(key.startswith(META) for key in meta), meta
        assert not {"mcp-method", "mcp-name"} & set(headers), sorted(headers)


def initialize(place: Place) -> None:
    """The gateway's handshake: revision, name, `initialized` after the answer, headers from then on."""
    mark = 0 if place.through else place.mark()
    say_everything(place)
    first = next(m for m, _ in place.sent(mark) if m.get("method") == "initialize")
    assert first["params"]["protocolVersion"] == "2025-11-25", first
    assert first["params"]["clientInfo"]["name"] and first["params"]["clientInfo"]["version"], first
    assert isinstance(first["params"]["capabilities"], dict), first
    assert place.sent(mark, "notifications/initialized"), "never said that it is initialized"
    if place.server.transport == "http":
        for _, headers in place.sent(mark, "tools/call"):
            assert headers.get("mcp-session-id"), headers
            assert headers.get("mcp-protocol-version") == "2025-11-25", headers


def no_handshake(place: Place) -> None:
    """A modern server never sees a handshake or a session."""
    mark = place.mark()
    say_everything(place)
    for message, headers in requests(place, mark):
        assert message["method"] != "initialize" and "mcp-session-id" not in headers, (message, headers)


def client_request_state(place: Place) -> None:
    """State comes back as it was, is not invented, does not leak into other calls, and ids are new."""
    client, mark = place.client(ABLE), place.mark()
    if not place.through or place.server.era == "modern":
        place.tolerate("no resultType")
    given = answers(form=accept(confirmed=True))
    seen: list[str] = []

    def meanwhile(method: str, params: Json) -> Any:
        seen.append(client.call("test_mrtr_unrelated").text)
        return given(method, params)

    for name in ("test_mrtr_echo_state", "test_mrtr_no_state"):
        outcome = client.call(name, answer=meanwhile)
        assert outcome.text == f"{name} kept", outcome.text
        assert outcome.methods == ["elicitation/create"], outcome.methods
    assert seen == ["unrelated clean", "unrelated clean"], seen
    assert client.call("test_mrtr_no_result_type").text == "no resultType"
    for name in ("test_mrtr_echo_state", "test_mrtr_no_state"):
        rounds = [m for m, _ in place.sent(mark, "tools/call") if m["params"]["name"] == name]
        assert len(rounds) == 2 and rounds[0]["id"] != rounds[1]["id"], [m["id"] for m in rounds]
        assert rounds[0]["params"]["arguments"] == rounds[1]["params"]["arguments"], rounds


def no_state_for_legacy(place: Place) -> None:
    """A legacy server asks by requests of its own: neither state nor a map of answers ever reaches it."""
    mark = place.mark()
    outcome = place.client(ABLE).call(
        "test_input_required_result_request_state", answer=answers(form=accept(ok=True))
    )
    assert outcome.text == 'state-ok confirm {"ok": true}'
    sent = [m for m, _ in place.sent(mark)]
    for message in sent:
        assert not {"requestState", "inputResponses"} & set(message.get("params") or {}), message
    assert any("result" in m and m["result"].get("content") == {"ok": True} for m in sent), (
        "no answer reached it"
    )


def no_dereference(place: Place) -> None:
    """Nobody fetches what a schema refers to; the tool can be called all the same."""
    client = place.client()
    tools = {t["name"]: t for t in client.request("tools/list").ok["tools"]}
    reference = tools["lookup_profile"]["inputSchema"]["properties"]["user"]
    assert reference == {"$ref": place.canary.url + "/schemas/user.json"}, reference
    assert client.call("lookup_profile", {"user": {"id": 1}}).text.startswith("lookup_profile")
    assert not place.canary.fetched, f"fetched: {place.canary.fetched}"


def sse_retry(place: Place) -> None:
    """A dropped stream is taken up again with `Last-Event-ID`, not before the server's retry time."""
    mark = place.events.mark()
    place.tolerate('"resumed"')
    assert place.client().call("test_reconnection").text == "resumed"
    if place.server.transport == "stdio":
        return
    dropped = place.events.wait("dropped", mark, label=place.label)
    resumed = place.events.wait("resumed", mark, label=place.label)
    assert resumed["id"] == dropped["id"], (dropped, resumed)
    waited = (resumed["at"] - dropped["at"]) * 1000
    assert dropped["retry"] <= waited <= dropped["retry"] + 2000, f"resumed after {waited:.0f} ms"
    assert len(place.events.since(mark, "resumed", label=place.label)) == 1


def nothing_to_resume(place: Place) -> None:
    """Modern streams are not resumed: a call whose stream breaks fails once, and is not run again."""
    client, mark = place.client(), place.mark()
    try:
        outcome = client.call("test_broken_stream")
    except AssertionError:
        assert not place.through, "the client's own stream broke as well"
        return
    assert outcome.error is not None, f"a result out of nothing: {outcome.result}"
    assert len(place.sent(mark, "tools/call")) == 1, "the call was run again"
