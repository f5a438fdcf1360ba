# SPDX-License-Identifier: Apache-2.0
"""Servers that break the protocol: their own call fails in time and clearly, everybody else is served."""

import json

import pytest

from rig.gateway import QUICK, Gateway, native, serving, stdio, write
from rig.peers import HttpServer, server_command
from rig.processes import eventually
from rig.rpc import MODERN, RpcError

TIMEOUT = 1.5  # the configured timeout of the bad servers, in seconds
BAD = ["http-modern", "http-legacy", "stdio-modern", "stdio-legacy"]
FAULTS = [
    "garbage",
    "not_object",
    "wrong_id",
    "null_id",
    "neither",
    "torn",
    "silence",
    "die",
    "bad_utf8",
    "deep",
]
HTTP_FAULTS = ["slow_headers", "html", "empty", "stream_end"]


class Farm:
    """A gateway with one good server and the same bad one in four forms."""

    def __init__(self, folder, events):
        self.servers = {"good": HttpServer("sdk2", "--label", "good")}
        servers = {"good": {"url": self.servers["good"].url}}
        for name in BAD:
            over, era = name.split("-")
            if over == "http":
                self.servers[name] = HttpServer("raw", "--era", era, "--label", name, events=events)
                servers[name] = {"url": self.servers[name].url, "timeout": f"{TIMEOUT * 1000:.0f}ms"}
            else:
                servers[name] = stdio(
                    server_command("raw", "--stdio", "--era", era, "--label", name, events=events),
                    timeout=f"{TIMEOUT * 1000:.0f}ms",
                    restart=QUICK,
                )
        self.gateway = Gateway(write(folder / "bad.yaml", native(servers)))

    def revive(self, name, died=False):
        """Starts a bad HTTP server again if it died; `died`: it does, though it may take it a moment."""
        server = self.servers.get(name)
        if server and died:
            server.process.wait(10)
        if server and not server.process.running():
            server.again()

    def close(self):
        self.gateway.stop()
        for server in self.servers.values():
            server.kill()


@pytest.fixture(scope="module")
def farm(events, tmp_path_factory):
    made = Farm(tmp_path_factory.mktemp("bad"), events)
    yield made
    made.close()


@pytest.fixture(scope="module")
def links(farm, clients):
    """A modern and a handshake-era client of the aggregate."""
    opened = [
        clients.open("raw-" + MODERN, url=farm.gateway.url),
        clients.open("raw-2025-11-25", url=farm.gateway.url),
    ]
    for name in BAD:
        eventually(lambda: opened[0].text(f"{name}__echo", {"text": "up"}))
    yield opened
    for link in opened:
        link.close()


def own_code(code):
    """A code that a gateway may give to a failure of infrastructure: internal error, or one of its own."""
    return code == -32603 or not -32768 <= code <= -32000


@pytest.mark.parametrize("server", BAD)
@pytest.mark.parametrize("kind", FAULTS + HTTP_FAULTS)
def test_fault_costs_its_own_call_only(farm, links, events, server, kind):
    if kind in HTTP_FAULTS and server.startswith("stdio"):
        kind = "torn"  # the nearest thing that a pipe can do
    for link in links:
        mark = events.mark()
        call = link.start_call(f"{server}__fault", {"kind": kind})
        events.wait("fault", mark, kind=kind)
        for other in links:
            assert other.text("good__echo", {"text": "undisturbed"}, timeout=1.5) == "undisturbed"
        with pytest.raises(RpcError) as caught:
            call.result(TIMEOUT + 2)
        assert own_code(caught.value.code), caught.value
        if kind != "null_id":  # over HTTP that is the server's own error, paired by its exchange
            assert server in json.dumps([caught.value.message, caught.value.data]), caught.value
        farm.revive(server, died=kind == "die")
        assert eventually(lambda: link.text(f"{server}__echo", {"text": "again"}, timeout=10)) == "again"


@pytest.mark.parametrize("server", BAD)
def test_harmless_oddities_do_not_fail_the_call(links, server):
    for link in links:
        assert link.text(f"{server}__fault", {"kind": "twice"}) == "once"
        # Programs that print to stdout are common; an SSE stream with anything but messages is broken.
        noise = {"kind": "stream_noise", "words": server.startswith("stdio")}
        assert link.text(f"{server}__fault", noise) == "after noise"
        assert link.text(f"{server}__fault", {"kind": "huge", "bytes": 3 << 20}) == "x" * (3 << 20)
        assert link.text(f"{server}__echo", {"text": "fine"}) == "fine"


@pytest.mark.parametrize("server", BAD)
def test_message_over_the_limit(links, server):
    for link in links:
        with pytest.raises(RpcError) as caught:
            link.call(f"{server}__fault", {"kind": "huge", "bytes": 5 << 20})
        assert own_code(caught.value.code)
        assert eventually(lambda: link.text(f"{server}__echo", {"text": "after"})) == "after"


@pytest.mark.parametrize("server", ["http-modern", "stdio-modern"])
def test_unknown_result_type_is_invalid(links, server):
    """A handshake-era client gets an error; a modern one may judge for itself."""
    modern, old = links
    with pytest.raises(RpcError) as caught:
        old.call(f"{server}__fault", {"kind": "unknown_result_type"})
    assert own_code(caught.value.code)
    try:
        result = modern.call(f"{server}__fault", {"kind": "unknown_result_type"})
    except RpcError as e:
        assert own_code(e.code)
    else:
        assert result["resultType"] == "com.example/unheard"


@pytest.mark.parametrize("server", ["stdio-modern", "stdio-legacy"])
def test_stderr_flood_does_not_block_the_server(farm, links, server):
    before = farm.gateway.resources()["rss"]
    for link in links:
        assert (
            link.text(f"{server}__fault", {"kind": "stderr_flood", "lines": 8000}, timeout=10) == "still here"
        )
    assert farm.gateway.resources()["rss"] < before + (6 << 20), "8 MB of stderr were kept"


@pytest.mark.parametrize(
    "server,kinds",
    [
        ("http-modern", ["garbage", "torn", "html", "empty", "stream_end", "wrong_id", "deep", "twice"]),
        ("http-legacy", ["garbage", "torn", "html", "empty", "stream_end", "wrong_id", "bad_utf8"]),
        ("stdio-modern", ["die", "torn"]),
        ("stdio-legacy", ["die", "torn"]),
    ],
)
def test_nothing_grows(farm, links, server, kinds):
    """Memory, descriptors, threads and children after many repeats are those of after few."""

    def rounds(n):
        for _ in range(n):
            for kind in kinds:
                try:
                    links[0].call(f"{server}__fault", {"kind": kind}, timeout=TIMEOUT + 3)
                except RpcError:
                    pass
                eventually(lambda: links[0].text(f"{server}__echo", {"text": "x"}))

    repeats = 3 if server.startswith("stdio") else 25
    rounds(2)
    before = farm.gateway.resources()
    rounds(repeats)
    after = farm.gateway.resources()
    assert after["fds"] <= before["fds"] + 3 and after["threads"] <= before["threads"], (before, after)
    assert after["children"] == before["children"], (before, after)
    assert after["rss"] < before["rss"] + (8 << 20), (before, after)


@pytest.mark.parametrize(
    "over,answer",
    [(o, a) for o in ("http", "stdio") for a in ("-32601", "-32602", "-32600")] + [("stdio", "silence")],
)
def test_legacy_servers_are_recognised(clients, tmp_path, over, answer):
    """Whatever a handshake-era server says to server/discover, initialize follows."""
    switches = [f"--discover={answer}", "--version", "2025-06-18"]
    with HttpServer("raw", *switches) as server:
        entry = {"url": server.url} if over == "http" else stdio(server_command("raw", "--stdio", *switches))
        with serving(write(tmp_path / "c.yaml", native({"old": entry}))) as gateway:
            with clients.open("raw-" + MODERN, url=gateway.url) as link:
                assert eventually(lambda: link.text("old__echo", {"text": "found"}), 30) == "found"


def test_pinned_era_is_not_probed(clients, events, tmp_path):
    mark = events.mark()
    with HttpServer("raw", "--label", "pinned", events=events) as server:
        config = write(tmp_path / "c.yaml", native({"p": {"url": server.url, "era": "legacy"}}))
        with serving(config) as gateway, clients.open("raw-" + MODERN, url=gateway.url) as link:
            assert eventually(lambda: link.text("p__echo", {"text": "x"})) == "x"
    said = [e["message"].get("method") for e in events.since(mark, "message", label="pinned")]
    assert "server/discover" not in said and said[0] == "initialize"


def test_strict_modern_server_finds_nothing_to_object_to(clients, events, tmp_path):
    """Headers, `_meta` and encoded names of every modern request that the gateway makes."""
    odd = ["plain", "ünïcode", "a b", "=?base64?x?="]
    mark = events.mark()
    with HttpServer("raw", "--era", "modern", "--odd-names", json.dumps(odd), events=events) as server:
        with serving(write(tmp_path / "c.yaml", native({"strict": {"url": server.url}}))) as gateway:
            for kind in ("sdk2-modern", "sdk1", "raw-2024-11-05"):
                with clients.open(kind, url=gateway.server_url("strict")) as link:
                    for name in odd:
                        assert link.text(name) == "called " + name
    assert not events.since(mark, "violation")


@pytest.mark.parametrize("kind", ["raw-" + MODERN, "raw-2025-11-25"])
def test_expired_session_is_renewed_behind_the_clients_back(clients, events, tmp_path, kind):
    mark = events.mark()
    with HttpServer("raw", "--expire-once", "--label", "expiring", events=events) as server:
        with serving(write(tmp_path / "c.yaml", native({"e": {"url": server.url}}))) as gateway:
            with clients.open(kind, url=gateway.url) as link:
                assert [link.text("e__echo", {"text": str(n)}) for n in range(3)] == ["0", "1", "2"]
    said = [e["message"].get("method") for e in events.since(mark, "message", label="expiring")]
    assert said.count("initialize") == 2


@pytest.mark.parametrize("kind", ["raw-" + MODERN, "raw-2025-11-25"])
@pytest.mark.parametrize("over", ["http", "stdio"])
@pytest.mark.parametrize(
    "method,params",
    [
        ("sampling/createMessage", {"messages": [], "maxTokens": 1}),
        ("roots/list", {}),
        ("elicitation/create", {"message": "?", "requestedSchema": {"type": "object", "properties": {}}}),
        ("ping", {}),
        ("no/such", {}),
    ],
)
def test_request_of_a_server_is_answered_and_the_call_goes_on(farm, links, kind, over, method, params):
    link = links[0] if kind.endswith(MODERN) else links[1]
    answer = json.loads(
        link.text(f"{over}-legacy__fault", {"kind": "ask", "method": method, "params": params})
    )
    if method == "ping":
        assert answer == {"result": {}}
    elif method == "elicitation/create" and "result" in answer:
        assert answer["result"]["action"] in ("cancel", "decline")
    else:
        codes = {"sampling/createMessage": -1, "elicitation/create": -32602}
        assert answer["error"]["code"] == codes.get(method, -32601), answer


@pytest.mark.parametrize("kind", ["raw-2025-06-18", "sdk1"])
def test_input_required_cannot_reach_a_client_without_the_capability(farm, clients, kind):
    """A modern server asks for input; a client that declared nothing gets a clear error, at once."""
    with clients.open(kind, url=farm.gateway.url) as link:
        for what in ("elicitation", "sampling", "roots"):
            with pytest.raises(RpcError) as caught:
                link.call("good__ask", {"kind": what}, timeout=5)
            assert caught.value.code == -32021 or own_code(caught.value.code), caught.value
        assert link.text("good__echo", {"text": "on"}) == "on"
