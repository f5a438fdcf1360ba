# SPDX-License-Identifier: Apache-2.0
"""Every client against every server through the gateway. Era pairs are rows of a table, not special cases."""

import base64
import json

import pytest

from rig import places
from rig.fleet import SERVERS, possible
from rig.peers import CLIENTS, HttpServer
from rig.rpc import META, MODERN, RpcError
from rig.workers import WorkerFailure
from servers.catalogue import BINARY, PIXEL, PROMPTS, RESOURCES, SOUND, TEMPLATES, TOOLS

pytestmark = pytest.mark.direct
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def pytest_generate_tests(metafunc):
    if "link" in metafunc.fixturenames:
        rows = [(c, s) for s in SERVERS for c in CLIENTS if possible(c, s)]
        metafunc.parametrize("link", rows, indirect=True, ids=[f"{c}>{s}" for c, s in rows])


@pytest.fixture
def link(request, fleet):
    """A client connected to a server; every message of the test must satisfy its revision's schema."""
    client = fleet.open(*request.param)
    client.server = request.param[1]
    fleet.check()
    yield client
    problems = fleet.check()
    assert not problems, f"{len(problems)} schema violations:\n" + "\n".join(problems[:6])


def since(link, revision):
    """Whether the client's revision is at least that."""
    return link.version >= revision or places.DIRECT


def test_tools_list_is_the_servers_own(link):
    tools = link.tools()
    assert [n for n in tools if not n.startswith("new_")] == [t["name"] for t in TOOLS]
    for wanted in TOOLS:
        got = tools[wanted["name"]]
        assert got["description"] == wanted["description"]
        assert got["inputSchema"] == wanted["inputSchema"]
    assert tools["echo"]["annotations"]["readOnlyHint"] is True
    if since(link, "2025-06-18"):
        assert tools["add"]["outputSchema"] == TOOLS[1]["outputSchema"]
    else:
        assert "outputSchema" not in tools["add"]


@pytest.mark.parametrize(
    "text", ["plain", "", 'ünïcödé 🜁 \u2028 "quoted" \\ back\nline\ttab\u0000nul', "x" * 100_000]
)
def test_call_repeats_text_exactly(link, text):
    assert link.text("echo", {"text": text}) == text


def test_structured_output(link):
    result = link.call("add", {"a": 2, "b": 40})
    assert json.loads(result["content"][0]["text"]) == {"sum": 42}
    if since(link, "2025-06-18"):
        assert result["structuredContent"] == {"sum": 42}
    else:
        assert "structuredContent" not in result
    assert not result.get("isError")


def test_failing_tool_is_a_result(link):
    result = link.call("fail", {"message": "no such branch"})
    assert result["isError"] is True
    assert result["content"] == [{"type": "text", "text": "no such branch"}]


def test_content_types(link):
    if places.DIRECT and link.kind == "sdkold":
        with pytest.raises(
            WorkerFailure, match="resource_link"
        ):  # newer servers do not care; the gateway must
            link.call("media")
        return
    blocks = link.call("media")["content"]
    kinds = [b["type"] for b in blocks]
    assert blocks[0] == {"type": "text", "text": "words"}
    assert (blocks[1]["data"], blocks[1]["mimeType"]) == (PIXEL, "image/png")
    assert blocks[4]["resource"]["text"] == "embedded"
    if since(link, "2025-03-26"):
        assert (kinds[2], blocks[2]["data"], blocks[2]["mimeType"]) == ("audio", SOUND, "audio/wav")
    else:
        assert (kinds[2], blocks[2]["resource"]["blob"]) == ("resource", SOUND)
    if since(link, "2025-06-18"):
        assert (kinds[3], blocks[3]["uri"]) == ("resource_link", "test://static/text")
    else:
        assert kinds[3] == "text" and "test://static/text" in blocks[3]["text"]


def test_resources(link):
    resources = link.resources()
    assert [u for u in resources if "/new/" not in u] == [r["uri"] for r in RESOURCES]
    assert resources["test://static/text"]["mimeType"] == "text/plain"
    assert list(link.templates()) == [t["uriTemplate"] for t in TEMPLATES]
    assert link.read("test://static/text")["contents"][0]["text"] == f"text of {link.server}"
    binary = link.read("test://static/binary")["contents"][0]
    assert base64.b64decode(binary["blob"]) == base64.b64decode(BINARY)
    item = link.read("test://item/4711")["contents"][0]
    assert (item["uri"], item["text"]) == ("test://item/4711", "item 4711")


def test_prompts(link):
    prompts = link.prompts()
    assert [n for n in prompts if not n.startswith("new_")] == [p["name"] for p in PROMPTS]
    assert prompts["greet"]["arguments"][0]["required"] is True
    plain = link.prompt("plain")
    assert plain["messages"] == [{"role": "user", "content": {"type": "text", "text": "plain words"}}]
    greet = link.prompt("greet", {"name": "Ada", "style": "wry"})
    assert greet["messages"][0]["content"]["text"] == "Greet Ada in a wry way"
    assert [m["content"]["type"] for m in greet["messages"]] == ["text", "image", "resource"]


def test_completion(link):
    found = link.complete({"type": "ref/prompt", "name": "greet"}, "style", "w")
    assert found["values"] == ["warm", "wry"] and found["total"] == 2
    found = link.complete({"type": "ref/resource", "uri": "test://item/{id}"}, "id", "4")
    assert found["values"] == ["40", "41", "42"]


def test_hello(link):
    """Ping and initialize in the handshake era, server/discover in the modern one."""
    assert {"tools", "resources", "prompts"} <= set(link.capabilities)
    if link.version != "2024-11-05":
        assert "completions" in link.capabilities
    assert link.capabilities["tools"].get("listChanged") is True
    if not link.modern:
        assert link.request("ping") == {}
        return
    found = link.request("server/discover")
    assert found["supportedVersions"] == [MODERN]
    assert found["resultType"] == "complete" and found["ttlMs"] >= 0
    assert found["cacheScope"] in ("public", "private")
    assert found["_meta"][META + "serverInfo"]["name"]


def test_progress(link):
    call = link.start_call("progress", {"steps": 5}, progress=True)
    assert call.result()["content"][0]["text"] == "5 steps"
    assert [p["progress"] for p in call.progress] == [1, 2, 3, 4, 5]
    assert {p["total"] for p in call.progress} == {5}
    if link.version >= "2025-03-26":
        assert [p["message"] for p in call.progress] == [f"step {n}" for n in range(1, 6)]


def test_cancellation_reaches_the_server(link, fleet):
    tag, mark = f"{link.kind}>{link.server}", fleet.events.mark()
    call = link.start_call("slow", {"ms": 60000, "tag": tag})
    fleet.events.wait("started", mark, tag=tag)
    call.cancel()
    fleet.events.wait("cancelled", mark, tag=tag)
    assert not fleet.events.since(mark, "finished", tag=tag)
    assert link.text("echo", {"text": "still"}) == "still"


def test_unknown_tool(link):
    try:
        result = link.call("no_such_tool")
    except RpcError as e:
        assert e.code == -32602 and "no_such_tool" in e.message
    else:
        raise AssertionError(f"an unknown tool was called: {result}")


def test_unknown_resource_and_prompt(link):
    with pytest.raises(RpcError) as caught:
        link.read("test://nowhere/at/all")
    assert caught.value.code == (-32602 if link.modern else -32002)
    with pytest.raises(RpcError) as caught:
        link.prompt("no_such_prompt")
    assert caught.value.code == -32602


def test_servers_own_error_passes(link):
    with pytest.raises(RpcError) as caught:
        link.call("refuse", {"code": 4711, "message": "not today"})
    assert (caught.value.code, caught.value.message) == (4711, "not today")
    assert caught.value.data == {"why": "asked for"}


def test_vendor_meta_passes_both_ways(link):
    result = link.call("echo", {"text": "m"}, meta={"com.example/seen": {"n": [1, "two", None]}})
    assert result["_meta"]["com.example/seen"] == {"n": [1, "two", None]}
    assert link.call("meta")["_meta"]["com.example/answer"] == {"deep": [1, 2.5, None]}


def test_trace_is_continued(link):
    sent = f"00-{TRACE}-{SPAN}-01"
    meta = json.loads(
        link.text("meta", meta={"traceparent": sent, "tracestate": "vendor=1", "baggage": "k=v"})
    )
    version, trace, span, flags = meta["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    assert meta["tracestate"] == "vendor=1" and meta["baggage"] == "k=v"
    if not places.DIRECT:
        assert span != SPAN and len(span) == 16 and int(span, 16) != 0, "the gateway adds no span of its own"


@pytest.mark.parametrize("kind", ["tools", "prompts", "resources"])
def test_list_change_reaches_the_client(link, kind):
    if link.modern:
        assert link.listen(kind).get(kind + "ListChanged") is True
    link.notes.clear()
    name = link.text("change", {"kind": kind})
    link.notes.wait(f"notifications/{kind}/list_changed")
    while (
        name not in getattr(link, kind)()
        and f"test://new/{name.removeprefix('new_')}" not in link.resources()
    ):
        link.notes.wait(f"notifications/{kind}/list_changed")  # the one before was another test's change


@pytest.mark.parametrize(
    "server,switches",
    [
        ("sdk1", ["--stateless"]),
        ("sdk1", ["--json"]),
        ("sdk1", ["--stateless", "--json"]),
        ("sdk2", ["--json"]),
        ("sdk2", ["--stateless"]),
    ],
    ids=lambda v: v if isinstance(v, str) else " ".join(v),
)
@pytest.mark.parametrize("client", ["raw-" + MODERN, "sdk1"])
def test_http_answers_of_any_form(clients, tmp_path, client, server, switches):
    from rig.gateway import native, serving, write

    with HttpServer(server, *switches) as upstream:
        if places.DIRECT:
            if server == "sdk1" and client != "sdk1":
                return
            with clients.open(client, url=upstream.url) as link:
                assert link.text("echo", {"text": "hi"}) == "hi"
            return
        config = write(tmp_path / "c.yaml", native({"s": {"url": upstream.url}}))
        with serving(config) as gateway, clients.open(client, url=gateway.server_url("s")) as link:
            assert [link.text("echo", {"text": str(n)}) for n in range(3)] == ["0", "1", "2"]
            assert len(link.tools()) == len(TOOLS)
            assert link.read("test://static/text")["contents"]
