# SPDX-License-Identifier: Apache-2.0
"""The client's leg over HTTP: headers that repeat what a body says, and annotations that are wrong."""

import base64

from clients.driver import Json
from rig.raw_client import NAMED
from rig.rpc import MODERN
from scenarios.client_leg import requests
from stage import Place

CUSTOM: Json = {
    "region": "us-west1",
    "priority": 42,
    "verbose": False,
    "debug": True,
    "empty_val": "",
    "method_val": "test-method",
    "float_val": 3.14159,
    "non_ascii_val": "Hello, 世界",
    "whitespace_val": " padded ",
    "leading_space_val": " us-west1",
    "trailing_space_val": "us-west1 ",
    "internal_space_val": "us west 1",
    "control_char_val": "line1\nline2",
    "crlf_val": "line1\r\nline2",
    "tab_val": "\tindented",
    "query": "not mirrored",
}
PLAIN = {
    "region": "us-west1",
    "priority": "42",
    "verbose": "false",
    "debug": "true",
    "empty": "",
    "method": "test-method",
    "internalspace": "us west 1",
}
ENCODED = ("nonascii", "whitespace", "leadingspace", "trailingspace", "controlchar", "crlf", "tab")
HEADER_NAMES = {
    "region": "Region",
    "priority": "Priority",
    "verbose": "Verbose",
    "debug": "Debug",
    "empty_val": "Empty",
    "method_val": "Method",
    "non_ascii_val": "NonAscii",
    "whitespace_val": "Whitespace",
    "leading_space_val": "LeadingSpace",
    "trailing_space_val": "TrailingSpace",
    "internal_space_val": "InternalSpace",
    "control_char_val": "ControlChar",
    "crlf_val": "Crlf",
    "tab_val": "Tab",
}
SPOKEN = {"non_ascii_val", "whitespace_val", "leading_space_val", "trailing_space_val"} | {
    "control_char_val",
    "crlf_val",
    "tab_val",
}
ODD_URIS = ["test://path/file%20name.txt", "test://resource?id=123&x=a%2Fb", "test://städte/münchen"]


def decoded(value: str) -> str:
    assert value.startswith("=?base64?") and value.endswith("?="), f"not in the sentinel form: {value!r}"
    return base64.b64decode(value[9:-2], validate=True).decode()


def standard_headers(place: Place) -> None:
    """`Mcp-Method` always, `Mcp-Name` where there is a name, in the sentinel form where it must be."""
    client, mark = place.client(), place.mark()
    for name in ("my-hyphenated-tool", "test_headers"):
        assert client.call(name).text
    for uri in ODD_URIS:
        assert client.request("resources/read", {"uri": uri}).ok["contents"][0]["text"] == f"read {uri}"
    for name in ("tést prömpt", "test_simple_prompt"):
        assert client.request("prompts/get", {"name": name}).ok["messages"]
    for method in ("tools/list", "resources/list", "prompts/list"):
        assert client.request(method).ok
    for message, headers in requests(place, mark):
        method = message["method"]
        assert headers.get("mcp-method") == method, headers
        assert headers.get("mcp-protocol-version") == MODERN, headers
        if method not in NAMED:
            continue
        name, header = message["params"][NAMED[method]], headers.get("mcp-name")
        assert header is not None, f"{method} without Mcp-Name"
        assert (decoded(header) if header.startswith("=?") else header) == name, (header, name)
        assert header == name or not name.isascii(), f"{name!r} was encoded without need: {header!r}"


def legacy_headers(place: Place) -> None:
    """A legacy server is sent the headers of its own era only."""
    client, mark = place.client(), place.mark()
    for name in ("my-hyphenated-tool", "test_headers"):
        assert client.call(name).text
    for uri in ODD_URIS:
        assert client.request("resources/read", {"uri": uri}).ok["contents"][0]["text"] == f"read {uri}"
    assert client.request("prompts/get", {"name": "tést prömpt"}).ok["messages"]
    for _, headers in requests(place, mark):
        assert headers.get("mcp-session-id"), headers
        assert headers.get("mcp-protocol-version") == "2025-11-25", headers
        assert not [h for h in headers if h in ("mcp-method", "mcp-name") or h.startswith("mcp-param-")], (
            headers
        )


def mirrored(arguments: Json) -> dict[str, str]:
    """The headers that a modern client sends for these arguments."""
    found = {}
    for name, header in HEADER_NAMES.items():
        value = arguments.get(name)
        if value is None:
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if name in SPOKEN:
            text = "=?base64?" + base64.b64encode(text.encode()).decode() + "?="
        found["Mcp-Param-" + header] = text
    return found


def call_custom(place: Place, name: str, arguments: Json) -> None:
    client = place.client()
    extra = {"headers": mirrored(arguments)} if place.modern else {}
    assert client.call(name, arguments, **extra).text.startswith(name)


def custom_headers(place: Place) -> None:
    """Marked parameters are mirrored and encoded as needed; others, null ones and absent ones are not."""
    mark = place.mark()
    call_custom(place, "test_custom_headers", CUSTOM)
    call_custom(place, "test_custom_headers_null", {"region": "eu", "verbose": None, "query": "x"})
    full, sparse = (h for _, h in place.sent(mark, "tools/call"))
    have = {k.removeprefix("mcp-param-"): v for k, v in full.items() if k.startswith("mcp-param-")}
    assert {k: have.get(k) for k in PLAIN} == PLAIN, have
    values = {HEADER_NAMES[n].lower(): CUSTOM[n] for n in HEADER_NAMES}
    assert {k: decoded(have[k]) for k in ENCODED} == {k: values[k] for k in ENCODED}, have
    assert set(have) == set(PLAIN) | set(ENCODED), f"mirrored without a mark: {sorted(have)}"
    assert [k for k in sparse if k.startswith("mcp-param-")] == ["mcp-param-region"], sparse


def custom_headers_end_here(place: Place) -> None:
    """They end at the gateway, which compares a modern client's with the body and sends none on."""
    mark = place.mark()
    call_custom(place, "test_custom_headers", CUSTOM)
    for message, headers in place.sent(mark, "tools/call"):
        assert not [h for h in headers if h.startswith("mcp-param-")], headers
        assert message["params"]["arguments"] == CUSTOM, message
    if place.modern and place.through:
        wrong = {**mirrored(CUSTOM), "Mcp-Param-Region": "elsewhere"}
        outcome = place.client(bare=True).call("test_custom_headers", CUSTOM, headers=wrong)
        assert (outcome.status, outcome.code) == (400, -32020), outcome


def invalid_headers(place: Place) -> None:
    """A tool with an annotation that is against the rules is left out; the others stay and work."""
    client = place.client()
    names = [t["name"] for t in client.request("tools/list").ok["tools"]]
    assert "valid_tool" in names, names
    if place.through and (place.modern or place.server.era == "modern"):
        left = [n for n in names if n.startswith("invalid_")]
        assert not left, f"not left out: {left}"
    headers = {"headers": {"Mcp-Param-Region": "here"}} if place.modern else {}
    assert client.call("valid_tool", {"value": "here"}, **headers).text.startswith("valid_tool")
