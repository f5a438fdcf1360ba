# SPDX-License-Identifier: Apache-2.0
"""Questions of servers to clients: the official SDKs of both eras through the gateway, over HTTP and stdio."""

import json

import pytest

from rig import processes
from rig.dialogues import ACCEPT, ANSWERS, ELICITATION, FORM, ROOTED, ROOTS, SAMPLED, SAMPLING
from rig.fleet import SERVERS, Fleet
from rig.gateway import native, stdio, write
from rig.peers import HttpServer, server_command
from rig.places import JACKFIELD
from rig.rpc import RpcError
from rig.tee import Tee

SDKS = ["sdk1", "sdk2-legacy", "sdk2-auto", "sdk2-modern"]
URL = "https://example.com/in"
# What is asked: (kind of the tool `ask`, method, answer).
KINDS = {
    "form": ("elicitation", ELICITATION, ACCEPT),
    "form declined": ("elicitation", ELICITATION, {"action": "decline"}),
    "form cancelled": ("elicitation", ELICITATION, {"action": "cancel"}),
    "url": ("url", ELICITATION, {"action": "accept"}),
    "url declined": ("url", ELICITATION, {"action": "decline"}),
    "url cancelled": ("url", ELICITATION, {"action": "cancel"}),
    "sampling": ("sampling", SAMPLING, SAMPLED),
    "roots": ("roots", ROOTS, ROOTED),
}
# How a legacy server is told that nobody can be asked.
REFUSALS = {"elicitation": ["decline", "cancel"], "sampling": ["-1"], "roots": ["-32601"]}


@pytest.fixture(scope="module", params=[1, 2], ids=["1 loop", "2 loops"])
def asking(request, clients, events, tmp_path_factory):
    """The four SDK servers behind one gateway, every wire recorded."""
    runtime = {"loops": request.param, "drain_timeout": "3s"}
    fleet = Fleet(clients, events, tmp_path_factory.mktemp("asking"), runtime=runtime)
    fleet.gateway.listed(*SERVERS)
    yield fleet
    fleet.close()


def put(link, name, kind):
    """Has a server ask; checks what the client was asked and what the server got to know."""
    question, method, answer = KINDS[kind]
    link.answer_with({method: answer})
    link.notes.clear()
    said = json.loads(link.text(name, {"kind": question}))
    asked = link.notes.wait("asked/" + method)["params"]
    if question == "elicitation":
        assert asked["message"].endswith("Which colour?") and asked["requestedSchema"] == FORM
    elif question == "url":
        assert (asked["mode"], asked["url"]) == ("url", URL) and asked["message"].endswith("Sign in")
    elif question == "sampling":
        assert asked["messages"][0]["content"]["text"] == "one word" and asked["maxTokens"] == 5
    assert {k: v for k, v in said.items() if k in answer} == answer
    return asked


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("client", SDKS)
def test_the_sdks_over_http(asking, client, server, kind):
    link = asking.open(client, server, answers=ANSWERS)
    asking.check()
    asked = put(link, "ask", kind)
    if KINDS[kind][0] != "roots":
        assert not str(asked.get("message", "")).startswith("["), (
            "one server needs no name before its message"
        )
    problems = asking.check()
    assert not problems, "\n".join(problems[:6])


@pytest.fixture(scope="module")
def behind(events, tmp_path_factory):
    """A configuration of the four servers for gateways that are children of their clients."""
    with HttpServer("sdk2", events=events) as modern, HttpServer("sdk1", events=events) as legacy:
        servers = {"sdk2-http": {"url": modern.url}, "sdk1-http": {"url": legacy.url}}
        for kind in ("sdk2", "sdk1"):
            servers[kind + "-stdio"] = stdio(server_command(kind, "--stdio", events=events))
        yield write(tmp_path_factory.mktemp("behind") / "c.yaml", native(servers))


@pytest.mark.parametrize("client", SDKS)
def test_the_sdks_over_stdio(clients, behind, tmp_path, client):
    tee = Tee(
        [str(JACKFIELD), "serve", "--stdio", "--config", str(behind)], tmp_path / "log", "client to gateway"
    )
    with clients.open(client, command=tee.command, answers=ANSWERS) as link:
        processes.eventually(lambda: [link.call(f"{s}__echo", {"text": "up"}) for s in SERVERS])
        for server in SERVERS:
            for kind in KINDS:
                asked = put(link, f"{server}__ask", kind)
                if KINDS[kind][1] == ELICITATION:
                    assert asked["message"].startswith(f"[{server}] "), "the user must see who asks"
    tee.wire().check()


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("client", ["sdk1", "sdk2-legacy"])
def test_errors_of_legacy_clients(asking, client, server):
    """A legacy server hears its client's error; a modern one has no word for it, so the call ends."""
    link = asking.open(client, server, answers=ANSWERS)
    for kind, method in (("elicitation", ELICITATION), ("sampling", SAMPLING), ("roots", ROOTS)):
        link.answer_with({method: {"error": {"code": -1, "message": "the user said no"}}})
        if server.startswith("sdk1"):
            assert link.text("ask", {"kind": kind}) == "client answered -1"
        else:
            with pytest.raises(RpcError) as caught:
                link.call("ask", {"kind": kind})
            assert (caught.value.code, caught.value.message) == (-1, "the user said no")
        link.answer_with({method: ANSWERS[method]})
    assert not asking.check()


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("client", ["sdk2-modern", "sdk1", "sdkold"])
def test_clients_that_can_be_asked_nothing(asking, clients, client, server):
    """A legacy server hears a refusal; a modern one is not told that the client could be asked."""
    with clients.open(client, url=f"{asking.front.base}/mcp/servers/{server}") as link:
        for kind, refusals in REFUSALS.items():
            if server.startswith("sdk1"):
                said = link.text("ask", {"kind": kind})
                assert any(refusal in said for refusal in refusals), said
            elif client != "sdk2-modern":
                # The fixture asks without looking at what the client declared.
                with pytest.raises(RpcError) as caught:
                    link.call("ask", {"kind": kind})
                assert caught.value.code in (-32603, -32021) and server in caught.value.message
        assert link.text("echo", {"text": "on"}) == "on"
    asking.check()


def test_many_conversations_at_once(asking, clients):
    """Each client's answers reach its own call."""
    links = []
    try:
        for n in range(6):
            answer = {"action": "accept", "content": {"colour": f"colour {n}"}}
            kind = SDKS[n % len(SDKS)]
            server = ["sdk1-http", "sdk2-http", "sdk1-stdio"][n % 3]
            url = f"{asking.front.base}/mcp/servers/{server}"
            links.append(clients.open(kind, url=url, answers={ELICITATION: answer}))
        for _ in range(3):
            calls = [link.start_call("ask", {"kind": "elicitation"}) for link in links for _ in range(2)]
            for n, call in enumerate(calls):
                text = call.result(30)["content"][0]["text"]
                assert json.loads(text)["content"] == {"colour": f"colour {n // 2}"}
    finally:
        for link in links:
            link.close()
    assert not asking.check()
