# SPDX-License-Identifier: Apache-2.0
"""Many servers behind one endpoint: names, routing, selection, bundles, pages."""

import json
import re

import pytest

from rig.gateway import Gateway, native, serving, stdio, write
from rig.peers import HttpServer, server_command
from rig.processes import eventually
from rig.rpc import MODERN, RpcError
from rig.wire_http import exchange, legacy, modern
from servers.catalogue import TOOLS

NAMES = [t["name"] for t in TOOLS]
ODD = ["with space", "with.dot", "with/slash", "ünïcode", "x" * 100, "x" * 100 + "y", "a b", "a.b"]
FRONTS = ["raw-" + MODERN, "raw-2025-11-25"]


@pytest.fixture(scope="module")
def farm():
    """Two everything servers and one with odd names, over HTTP."""
    with (
        HttpServer("sdk2", "--label", "alpha") as alpha,
        HttpServer("sdk1", "--label", "beta") as beta,
        HttpServer("raw", "--odd-names", json.dumps(ODD)) as odd,
    ):
        yield {"alpha": alpha.url, "beta": beta.url, "odd": odd.url}


@pytest.fixture(scope="module")
def gateway(farm, tmp_path_factory):
    config = native(
        {
            "alpha": {"url": farm["alpha"]},
            "beta": {"url": farm["beta"]},
            "odd": {"url": farm["odd"]},
            "picked": {
                "url": farm["alpha"],
                "aliases": {"say": "echo"},
                "tools": {"allow": ["e*", "add", "media"], "deny": ["med?a"], "rename": {"add": "plus"}},
                "prompts": {"deny": ["*"]},
                "resources": {"deny": ["*"]},
            },
            "short": {
                "url": farm["beta"],
                "prefix": "s",
                "tools": {"allow": ["echo"]},
                "prompts": {"deny": ["*"]},
                "resources": {"deny": ["*"]},
            },
        },
        bundles={
            "small": {
                "include": ["alpha__echo", "beta__a*"],
                "exclude": ["beta__ask"],
                "rename": {"alpha__echo": "parrot"},
            },
            "whole": {"servers": ["odd"]},
        },
    )
    running = Gateway(write(tmp_path_factory.mktemp("farm") / "farm.yaml", config))
    yield running
    running.stop()


@pytest.fixture(params=FRONTS)
def link(request, gateway, clients):
    with clients.open(request.param, url=gateway.url) as opened:
        yield opened


def test_every_tool_is_prefixed_with_its_server(link):
    tools = link.tools()
    for server in ("alpha", "beta"):
        assert [n for n in tools if n.startswith(server)] == [f"{server}__{n}" for n in NAMES]
        assert json.loads(link.text(f"{server}__whoami"))["label"] == server
    assert link.text("alpha__echo", {"text": "x"}) == "x"


def test_unprefixed_name_is_unknown(link):
    with pytest.raises(RpcError) as caught:
        link.call("echo", {"text": "x"})
    assert caught.value.code == -32602


def test_names_fit_every_model_interface(link):
    tools = link.tools()
    odd = [n for n in tools if n.startswith("odd")]
    assert len(odd) == len(ODD) + 2 and len(set(tools)) == len(tools)
    for name in tools:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name), name
    said = sorted(link.text(n) for n in odd if n not in ("odd__echo", "odd__fault"))
    assert said == sorted("called " + n for n in ODD)


def test_names_are_stable(link, gateway, clients, farm, tmp_path):
    config = native({"odd": {"url": farm["odd"]}, "other": {"url": farm["alpha"]}})
    with (
        serving(write(tmp_path / "again.json", config)) as again,
        clients.open(FRONTS[0], url=again.url) as second,
    ):
        here = {n for n in link.tools() if n.startswith("odd")}
        assert here == {n for n in second.tools() if n.startswith("odd")}


def test_allow_deny_rename_alias(link):
    names = [n for n in link.tools() if n.startswith("picked") or n == "say"]
    assert sorted(names) == ["picked__echo", "picked__plus", "say"]
    assert link.text("say", {"text": "hi"}) == "hi"
    assert json.loads(link.text("picked__plus", {"a": 1, "b": 2}))["sum"] == 3
    for hidden in ("picked__media", "picked__add", "picked__slow"):
        with pytest.raises(RpcError) as caught:
            link.call(hidden)
        assert caught.value.code == -32602


def test_prefix_replaces_the_servers_name(link):
    assert link.text("s__echo", {"text": "p"}) == "p"
    assert not any(n.startswith("short") for n in link.tools())


@pytest.mark.parametrize(
    "mode,kept,shared", [("never", NAMES, None), ("on-conflict", ["fault"], NAMES), ("always", None, NAMES)]
)
def test_conflict_modes(clients, farm, tmp_path, mode, kept, shared):
    servers = {
        "alpha": {"url": farm["alpha"]},
        "odd": {"url": farm["odd"], "tools": {"allow": ["echo", "fault"]}},
        "beta": {"url": farm["beta"]},
    }
    config = write(tmp_path / "c.yaml", native(servers, naming={"prefix": mode, "separator": "-"}))
    with serving(config) as gateway, clients.open(FRONTS[0], url=gateway.url) as link:
        names = set(link.tools())
        assert len(names) == 2 * len(NAMES) + 2, "a tool is lost to a conflict"
        if kept:
            assert set(kept) <= names
        if shared:
            assert {f"{s}-{n}" for s in ("alpha", "beta") for n in shared} <= names
        said = {json.loads(link.text(n))["label"] for n in names if "whoami" in n}
        assert said == {"alpha", "beta"}


@pytest.mark.parametrize("kind", FRONTS)
def test_one_servers_endpoint_keeps_its_names(gateway, clients, kind):
    with clients.open(kind, url=gateway.server_url("odd")) as link:
        assert list(link.tools()) == ["echo", "fault"] + ODD
        assert link.text("ünïcode") == "called ünïcode"
    with clients.open(kind, url=gateway.server_url("alpha")) as link:
        assert list(link.tools()) == NAMES
        assert link.text("echo", {"text": "own"}) == "own"
        with pytest.raises(RpcError):
            link.call("alpha__echo", {"text": "x"})


@pytest.mark.parametrize("kind", FRONTS)
def test_bundles(gateway, clients, kind):
    with clients.open(kind, url=gateway.bundle_url("small")) as link:
        assert sorted(link.tools()) == ["beta__add", "parrot"]
        assert link.text("parrot", {"text": "b"}) == "b"
        with pytest.raises(RpcError):
            link.call("alpha__add", {"a": 1, "b": 1})
    with clients.open(kind, url=gateway.bundle_url("whole")) as link:
        assert len(link.tools()) == len(ODD) + 2


@pytest.mark.parametrize("path", ["/mcp/servers/nobody", "/mcp/bundles/nobody", "/mcp/else", "/other"])
def test_unknown_endpoint_is_404(gateway, path):
    assert exchange(gateway.port, modern("tools/list", path=path)).status == 404
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
    assert exchange(gateway.port, legacy(hello, version=None, path=path)).status == 404


def test_health(gateway):
    assert gateway.get("/healthz")[0] == 200
    assert gateway.get("/readyz")[0] == 200


def test_prompts_of_many_servers(link):
    names = list(link.prompts())
    assert sorted(names) == ["alpha__greet", "alpha__plain", "beta__greet", "beta__plain"]
    said = link.prompt("beta__greet", {"name": "Bo"})["messages"][0]["content"]["text"]
    assert said == "Greet Bo in a warm way"
    found = link.complete({"type": "ref/prompt", "name": "beta__greet"}, "style", "f")
    assert found["values"] == ["formal"]


def test_same_resource_uri_on_two_servers(link):
    """Both servers offer test://static/text; each stays reachable and answers for itself."""
    texts = [u for u, r in link.resources().items() if r["name"].endswith("text")]
    assert len(texts) == 2, f"two servers, one URI: {texts}"
    said = {link.read(u)["contents"][0]["text"] for u in texts}
    assert said == {"text of alpha", "text of beta"}


def test_distinct_resource_uris_stay_as_they_are(clients, tmp_path):
    with (
        HttpServer("sdk2", "--label", "one", "--prefix", "one://") as one,
        HttpServer("sdk1", "--label", "two", "--prefix", "two://") as two,
    ):
        config = write(tmp_path / "c.yaml", native({"one": {"url": one.url}, "two": {"url": two.url}}))
        with serving(config) as gateway, clients.open(FRONTS[0], url=gateway.url) as link:
            assert set(link.resources()) == {
                f"{s}://static/{k}" for s in ("one", "two") for k in ("text", "binary")
            }
            assert link.read("two://static/text")["contents"][0] == {
                "uri": "two://static/text",
                "mimeType": "text/plain",
                "text": "text of two",
            }
            assert link.read("one://item/7")["contents"][0]["text"] == "item 7"
            assert link.read("two://item/7")["contents"][0]["text"] == "item 7"
            with pytest.raises(RpcError) as caught:
                link.read("three://item/7")
            assert caught.value.code == -32602
            linked = link.call("two__media")["content"][3]["uri"]
            assert link.read(linked)["contents"][0]["text"] == "text of two"


@pytest.mark.parametrize("kind", FRONTS + ["sdk2-modern", "sdk1"])
def test_pages_of_servers_and_of_the_gateway(clients, tmp_path, kind):
    """Servers that list in pages (unusual cursors among them) show whole lists in any client."""
    with (
        HttpServer("raw", "--cursors", "--era", "modern", "--label", "m") as m,
        HttpServer("raw", "--cursors", "--label", "l") as old,
        HttpServer("sdk2", "--page", "5", "--extra-tools", "30") as big,
    ):
        command = server_command("sdk1", "--stdio", "--page", "1", "--extra-tools", "3")
        config = write(
            tmp_path / "c.yaml",
            native(
                {"m": {"url": m.url}, "l": {"url": old.url}, "big": {"url": big.url}, "lone": stdio(command)}
            ),
        )
        with serving(config) as gateway, clients.open(kind, url=gateway.url) as link:
            tools = link.entries("tools/list", "tools")
            names = [t["name"] for t in tools]
            assert len(names) == len(set(names)) == 6 + 6 + len(NAMES) + 30 + len(NAMES) + 3
            for server in ("m", "l"):
                assert {f"{server}__page_{n}" for n in range(4)} <= set(names)
            assert "big__extra_29" in names and "lone__extra_2" in names
            assert (
                len(link.prompts()) == 4
                and len(link.entries("resources/templates/list", "resourceTemplates")) == 2
            )


@pytest.mark.parametrize("kind", FRONTS)
def test_bad_cursor_is_invalid_params(gateway, clients, kind):
    with clients.open(kind, url=gateway.url) as link:
        with pytest.raises(RpcError) as caught:
            link.request("tools/list", {"cursor": "made up by the client"})
        assert caught.value.code == -32602


def test_replicas_share_the_calls_and_stand_in_for_each_other(clients, tmp_path):
    with HttpServer("sdk2", "--label", "one") as one, HttpServer("sdk2", "--label", "two") as two:
        entry = {"replicas": [{"url": one.url}, {"url": two.url}], "routing": "round-robin"}
        with serving(write(tmp_path / "c.yaml", native({"r": entry}))) as gateway:
            with clients.open(FRONTS[0], url=gateway.url) as link:
                assert len(link.tools()) == len(NAMES)

                def labels(n):
                    return [json.loads(link.text("r__whoami"))["label"] for _ in range(n)]

                assert set(labels(20)) == {"one", "two"}
                one.kill()
                assert eventually(lambda: set(labels(10))) == {"two"}
                one.again()
                assert eventually(lambda: both(labels(10)))


def both(seen):
    assert set(seen) == {"one", "two"}
    return seen
