# SPDX-License-Identifier: Apache-2.0
"""Subscriptions to resources, in every pair of eras: confirmed, told, ended, found again after a loss."""

import contextlib
import itertools
import signal
import socket

import pytest
from rig.gateway import native, serving, stdio, write
from rig.peers import HttpServer, server_command
from rig.processes import eventually
from rig.rpc import MODERN, RpcError
from rig.wire_http import exchange, modern

UPDATED = "notifications/resources/updated"
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
ONE, TWO, TREE = "watch://one", "watch://two", "watch://tree"
labels = (f"w{n}" for n in itertools.count(1))


def listen(client, *uris, **kinds):
    """Opens a listen request; (the call, what was acknowledged)."""
    filter = {**({"resourceSubscriptions": list(uris)} if uris else {}), **kinds}
    call = client.start("subscriptions/listen", {"notifications": filter})
    return call, client.notes.wait(ACKNOWLEDGED)["notifications"]


@contextlib.contextmanager
def gateway_of(folder, **servers):
    with serving(write(folder / "g.yaml", native({n: {"url": s.url} for n, s in servers.items()}))) as g:
        yield g


@contextlib.contextmanager
def raw(folder, events, *switches, loops=None):
    """A hand-written server called `w` behind a gateway: (gateway, server, label)."""
    label = next(labels)
    blocks = {"runtime": {"drain_timeout": "3s", "loops": loops}} if loops else {}
    with HttpServer("watched-raw", "--label", label, *switches, events=events) as server:
        config = write(folder / "g.yaml", {**native({"w": {"url": server.url}}), **blocks})
        with serving(config) as gateway:
            yield gateway, server, label


def told(client, since=0):
    return [p["uri"] for m, p in client.notes.all[since:] if m == UPDATED]


# --- every pair of eras ---


@pytest.mark.parametrize("wire", ["http", "stdio"])
@pytest.mark.parametrize("server", ["watched-sdk2", "watched-sdk1"])
@pytest.mark.parametrize("client", ["sdk2-modern", "sdk1"])
def test_update_reaches_a_subscriber(client, server, wire, clients, events, tmp_path):
    label = next(labels)
    with contextlib.ExitStack() as stack:
        if wire == "http":
            entry = {"url": stack.enter_context(HttpServer(server, "--label", label, events=events)).url}
        else:
            entry = stdio(server_command(server, "--stdio", "--label", label, events=events))
        gateway = stack.enter_context(serving(write(tmp_path / "g.yaml", native({"w": entry}))))
        link = stack.enter_context(clients.open(client, url=gateway.server_url("w")))
        assert link.capabilities["resources"]["subscribe"] is True
        if link.modern:
            assert link.listen(ONE, TWO)["resourceSubscriptions"] == [ONE, TWO]
        else:
            link.request("resources/subscribe", {"uri": ONE})
            link.request("resources/subscribe", {"uri": TWO})
        link.call("touch", {"uri": ONE})
        assert link.notes.wait(UPDATED)["uri"] == ONE
        if link.modern:
            return
        link.request("resources/unsubscribe", {"uri": ONE})
        link.call("touch", {"uri": ONE})
        link.call("touch", {"uri": TWO})
        assert link.notes.wait(UPDATED)["uri"] == TWO
        assert told(link).count(ONE) == 1


@pytest.mark.parametrize("server", ["watched-sdk2", "watched-sdk1"])
@pytest.mark.parametrize("client", [f"raw-{MODERN}", "raw-2025-11-25"])
def test_everything_is_subscribed_anew_after_a_restart(client, server, clients, events, tmp_path):
    label = next(labels)
    with HttpServer(server, "--label", label, events=events) as upstream:
        with gateway_of(tmp_path, w=upstream) as gateway:
            with clients.open(client, url=gateway.server_url("w")) as link:
                if link.modern:
                    assert listen(link, ONE, TWO)[1] == {"resourceSubscriptions": [ONE, TWO]}
                else:
                    link.request("resources/subscribe", {"uri": ONE})
                    link.request("resources/subscribe", {"uri": TWO})
                upstream.kill()
                upstream.again()
                # Something may have changed while nobody could tell: one update each.
                first, second = (link.notes.wait(UPDATED, 30)["uri"] for _ in range(2))
                assert {first, second} == {ONE, TWO}
                link.call("touch", {"uri": TWO})
                assert link.notes.wait(UPDATED)["uri"] == TWO
            upstream.kill()


# --- what is honoured ---


def test_acknowledgement_holds_what_is_honoured(clients, events, tmp_path):
    with raw(tmp_path, events, "--refuse", TWO) as (gateway, _, label):
        with clients.open(f"raw-{MODERN}", url=gateway.server_url("w")) as link:
            _, honoured = listen(
                link,
                *(ONE, TWO, ONE),
                toolsListChanged=True,
                promptsListChanged=True,
                resourcesListChanged=False,
            )
            # The server refuses one resource and has no prompts.
            assert honoured == {"toolsListChanged": True, "resourceSubscriptions": [ONE]}
            assert link.notes.all[0][0] == ACKNOWLEDGED
            link.call("touch", {"uri": ONE})
            update = link.notes.wait(UPDATED)
            assert update["uri"] == ONE
            assert update["_meta"]["io.modelcontextprotocol/subscriptionId"] is not None
        asked = [e["uris"] for e in events.since(0, "listen", label=label)]
        assert [ONE, TWO] in asked


def test_one_bad_resource_does_not_spoil_the_others(clients, events, tmp_path):
    more = [f"watch://more/{n}" for n in range(6)]
    switches = [s for uri in more for s in ("--more", uri)]
    with raw(tmp_path, events, "--strict", "--refuse", more[3], *switches) as (gateway, _, _):
        with clients.open(f"raw-{MODERN}", url=gateway.server_url("w")) as link:
            _, honoured = listen(link, *more)
            assert sorted(honoured["resourceSubscriptions"]) == more[:3] + more[4:]


def test_a_silent_server_is_not_waited_for(clients, events, tmp_path):
    with raw(tmp_path, events, "--silent") as (gateway, _, _):
        with clients.open(f"raw-{MODERN}", url=gateway.server_url("w")) as link:
            _, honoured = listen(link, ONE, toolsListChanged=True)
            assert honoured == {"toolsListChanged": True}


@pytest.mark.parametrize("filter", [None, [], {"resourceSubscriptions": "x"}, {"resourceSubscriptions": [1]}])
def test_wrong_filters_are_refused(filter, clients, events, tmp_path, lone_gateway):
    with clients.open(f"raw-{MODERN}", url=lone_gateway.url) as link:
        with pytest.raises(RpcError) as e:
            link.request("subscriptions/listen", {} if filter is None else {"notifications": filter})
        assert e.value.code == -32602


def test_too_many_resources_are_refused(clients, lone_gateway):
    with clients.open(f"raw-{MODERN}", url=lone_gateway.url) as link:
        with pytest.raises(RpcError) as e:
            listen_to = {"resourceSubscriptions": [f"watch://{n}" for n in range(1001)]}
            link.request("subscriptions/listen", {"notifications": listen_to})
        assert e.value.code == -32602 and "1000" in e.value.message


@pytest.fixture(scope="module")
def lone_gateway(events, tmp_path_factory):
    with raw(tmp_path_factory.mktemp("lone"), events) as (gateway, _, _):
        yield gateway


def test_legacy_errors(clients, events, tmp_path):
    with HttpServer("watched-raw", "--plain", "--label", next(labels)) as plain:
        with HttpServer("watched-raw", "--label", next(labels), "--refuse", TWO) as watched:
            with gateway_of(tmp_path, plain=plain, watched=watched) as gateway:
                for name, uri, code in [
                    ("plain", ONE, -32601),
                    ("watched", TWO, -32602),
                    ("watched", None, -32602),
                ]:
                    with clients.open("raw-2025-11-25", url=gateway.server_url(name)) as link:
                        with pytest.raises(RpcError) as e:
                            link.request("resources/subscribe", {"uri": uri} if uri else {})
                        assert e.value.code == code, e.value
                with clients.open("raw-2025-11-25", url=gateway.url) as link:
                    for method in ("resources/subscribe", "resources/unsubscribe"):
                        with pytest.raises(RpcError) as e:
                            link.request(method, {"uri": "nothing://here"})
                        assert e.value.code == -32002


def test_refusal_of_a_legacy_server_reaches_the_client(clients, events, tmp_path):
    with raw(tmp_path, events, "--era", "legacy", "--refuse", TWO) as (gateway, _, _):
        with clients.open("raw-2025-11-25", url=gateway.server_url("w")) as link:
            with pytest.raises(RpcError) as e:
                link.request("resources/subscribe", {"uri": TWO})
            assert e.value.code == -32002 and "not this one" in e.value.message


def test_a_server_without_a_stream_cannot_be_subscribed_to(clients, events, tmp_path):
    with raw(tmp_path, events, "--era", "legacy", "--deaf") as (gateway, _, _):
        with clients.open("raw-2025-11-25", url=gateway.server_url("w")) as link:
            with pytest.raises(RpcError) as e:
                link.request("resources/subscribe", {"uri": ONE})
            assert e.value.code == -32601 and "stream" in e.value.message


# --- counted ---


@pytest.mark.parametrize("client", [f"raw-{MODERN}", "raw-2025-11-25"])
def test_a_server_hears_of_the_first_and_the_last(client, clients, events, tmp_path):
    with raw(tmp_path, events, "--era", "legacy") as (gateway, _, label):
        links = [clients.open(client, url=gateway.server_url("w")) for _ in range(3)]
        for link in links:
            if link.modern:
                link.standing, _ = listen(link, ONE)
            else:
                for _ in range(2):
                    link.request("resources/subscribe", {"uri": ONE})
        links[0].call("touch", {"uri": ONE})
        for link in links:
            assert link.notes.wait(UPDATED)["uri"] == ONE
        links[0].close()
        links[1].call("touch", {"uri": ONE})
        for link in links[1:]:
            assert link.notes.wait(UPDATED)["uri"] == ONE
        assert len(events.since(0, "subscribe", label=label)) == 1
        assert not events.since(0, "unsubscribe", label=label)
        for link in links[1:]:
            link.close()
        events.wait("unsubscribe", label=label, uri=ONE)


def test_the_union_changes_without_a_gap(clients, events, tmp_path):
    with raw(tmp_path, events, "--tease") as (gateway, _, label):
        with clients.open(f"raw-{MODERN}", url=gateway.server_url("w")) as link:
            listen(link, ONE)
            mark = events.mark()
            with clients.open(f"raw-{MODERN}", url=gateway.server_url("w")) as other:
                listen(other, TWO)
                # Said on the old stream before the new one was acknowledged.
                assert link.notes.wait(UPDATED)["uri"] == ONE
                newer = events.wait("listen", mark, label=label, uris=[ONE, TWO])
                assert newer["open"] >= 1, "the older listen was gone already"
                events.wait("listen over", mark, label=label)
                for uri, who in ((ONE, link), (TWO, other)):
                    link.call("touch", {"uri": uri})
                    assert who.notes.wait(UPDATED)["uri"] == uri
                assert told(other) == [TWO]
            events.wait("listen", mark, label=label, uris=[ONE])


def test_a_burst_is_one_change(clients, events, tmp_path):
    more = [f"watch://more/{n}" for n in range(40)]
    switches = [s for uri in more for s in ("--more", uri)]
    with raw(tmp_path, events, *switches) as (gateway, _, label):
        with clients.open(f"raw-{MODERN}", url=gateway.server_url("w")) as link:
            for uri in more:
                link.start("subscriptions/listen", {"notifications": {"resourceSubscriptions": [uri]}})
            for _ in more:
                assert len(link.notes.wait(ACKNOWLEDGED)["notifications"]["resourceSubscriptions"]) == 1
            assert len(events.since(0, "listen", label=label)) < 20
            link.call("touch", {"uri": more[7]})
            assert link.notes.wait(UPDATED)["uri"] == more[7]


@pytest.mark.parametrize("how", ["end", "drop"])
def test_a_listen_that_the_server_ends_is_opened_again(how, clients, events, tmp_path):
    with raw(tmp_path, events) as (gateway, _, label):
        with clients.open(f"raw-{MODERN}", url=gateway.server_url("w")) as link:
            listen(link, ONE)
            mark = events.mark()
            link.call(how)
            events.wait("listen", mark, label=label, uris=[ONE])
            assert link.notes.wait(UPDATED)["uri"] == ONE
            link.call("touch", {"uri": ONE})
            assert link.notes.wait(UPDATED)["uri"] == ONE


# --- who is told ---


@pytest.mark.parametrize("client", [f"raw-{MODERN}", "raw-2025-11-25"])
def test_parts_of_a_resource(client, clients, events, tmp_path):
    with raw(tmp_path, events, "--chatty") as (gateway, _, _):
        links = {}
        for uri in (ONE, TREE):
            link = links[uri] = clients.open(client, url=gateway.server_url("w"))
            if link.modern:
                listen(link, uri)
            else:
                link.request("resources/subscribe", {"uri": uri})
        links[ONE].call("touch", {"uri": TREE + "/leaf?x"})
        links[ONE].call("touch", {"uri": ONE})
        # Nothing subscribed covers this one: everybody who subscribed to anything of the server hears of it.
        links[ONE].call("touch", {"uri": TREE + "top"})
        assert [links[TREE].notes.wait(UPDATED)["uri"] for _ in range(2)] == [TREE + "/leaf?x", TREE + "top"]
        assert [links[ONE].notes.wait(UPDATED)["uri"] for _ in range(2)] == [ONE, TREE + "top"]
        for link in links.values():
            link.close()


def test_renamed_resources_keep_their_shown_names(clients, events, tmp_path):
    with HttpServer("watched-raw", "--label", "a") as a, HttpServer("watched-raw", "--label", "b") as b:
        with gateway_of(tmp_path, a=a, b=b) as gateway:
            with clients.open(f"raw-{MODERN}", url=gateway.url) as link:
                shown = "b+" + ONE
                assert {ONE, shown} <= set(link.resources())
                _, honoured = listen(link, ONE, shown)
                assert sorted(honoured["resourceSubscriptions"]) == [shown, ONE]
                link.call("b__touch", {"uri": ONE})
                assert link.notes.wait(UPDATED)["uri"] == shown
                link.call("b__touch", {"uri": ONE + "/part"})
                assert link.notes.wait(UPDATED)["uri"] == shown + "/part"
                link.call("a__touch", {"uri": ONE})
                assert link.notes.wait(UPDATED)["uri"] == ONE
            with clients.open("raw-2025-11-25", url=gateway.url) as link:
                link.request("resources/subscribe", {"uri": shown})
                link.call("b__touch", {"uri": ONE})
                update = link.notes.wait(UPDATED)
                assert update == {"uri": shown}


def test_legacy_subscriptions_outlive_their_stream(clients, events, tmp_path):
    with raw(tmp_path, events) as (gateway, _, _):
        url = gateway.server_url("w")
        with clients.open("raw-2025-11-25", url=url, stream=False) as link:
            for uri in (ONE, TWO):
                link.request("resources/subscribe", {"uri": uri})
            for uri in (ONE, ONE, TWO):
                link.call("touch", {"uri": uri})
            link.request("resources/unsubscribe", {"uri": TWO})
            with clients.open("raw-2025-11-25", url=url) as witness:
                # The update has reached the gateway once somebody else, later in the same order, has it.
                witness.request("resources/subscribe", {"uri": TREE})
                witness.call("touch", {"uri": TREE})
                witness.notes.wait(UPDATED)
            link.listen_again()
            assert link.notes.wait(UPDATED)["uri"] == ONE
            link.call("touch", {"uri": ONE})
            assert link.notes.wait(UPDATED)["uri"] == ONE
            assert told(link) == [ONE, ONE]


def test_the_end_of_a_session_ends_its_subscriptions(clients, events, tmp_path):
    with raw(tmp_path, events, "--era", "legacy") as (gateway, _, label):
        link = clients.open("raw-2025-11-25", url=gateway.server_url("w"))
        link.request("resources/subscribe", {"uri": ONE})
        assert not events.since(0, "unsubscribe", label=label)
        link.close()
        events.wait("unsubscribe", label=label, uri=ONE)


def test_lists_that_changed_without_a_stream_are_told_on_the_next(clients, events, tmp_path):
    with HttpServer("sdk2", "--label", next(labels), events=events) as upstream:
        with gateway_of(tmp_path, w=upstream) as gateway:
            with clients.open("raw-2025-11-25", url=gateway.server_url("w"), stream=False) as link:
                new = link.text("change", {"kind": "tools"})
                eventually(lambda: link.tools()[new])
                link.listen_again()
                link.notes.wait("notifications/tools/list_changed")
                new = link.text("change", {"kind": "tools"})
                link.notes.wait("notifications/tools/list_changed")
                assert [m for m, _ in link.notes.all] == ["notifications/tools/list_changed"] * 2


def test_a_changed_server_is_subscribed_to_again(clients, events, tmp_path):
    with HttpServer("watched-raw") as old, HttpServer("watched-raw") as new:
        with gateway_of(tmp_path, w=old) as gateway:
            with clients.open(f"raw-{MODERN}", url=gateway.server_url("w")) as link:
                listen(link, ONE)
                write(gateway.config, native({"w": {"url": new.url}}))
                gateway.process.popen.send_signal(signal.SIGHUP)
                assert link.notes.wait(UPDATED)["uri"] == ONE
                link.call("touch", {"uri": ONE})
                assert link.notes.wait(UPDATED)["uri"] == ONE


def test_a_slow_reader_hears_of_many_changes_once(clients, events, tmp_path):
    """Who does not read costs nobody else anything, and what piled up is one update."""
    long, times = "watch://" + "x" * 4000, 6000
    with raw(tmp_path, events, "--more", long) as (gateway, _, _):
        with clients.open(f"raw-{MODERN}", url=gateway.server_url("w")) as link:
            listen(link, ONE)
            before = gateway.resources()["rss"]
            slow = Storm(gateway.port, "/mcp/servers/w", long, window=4096)
            slow.more(1)
            link.call("touch", {"uri": long, "times": times}, timeout=60)
            link.call("touch", {"uri": ONE})
            assert link.notes.wait(UPDATED, 30)["uri"] == ONE
            assert gateway.resources()["rss"] - before < times * 4000
            heard = slow.count(b"notifications/resources/updated", times)
            assert 0 < heard < times / 2, heard
            slow.close()


# --- many ---


@pytest.mark.parametrize("client", [f"raw-{MODERN}", "raw-2025-11-25"])
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_two_loops(era, client, clients, events, tmp_path):
    """Connections land on either loop, the server is at home on one: everybody is told all the same."""
    with raw(tmp_path, events, "--era", era, loops=2) as (gateway, _, label):
        links = [clients.open(client, url=gateway.server_url("w")) for _ in range(12)]
        for at, link in enumerate(links):
            if link.modern:
                listen(link, ONE if at % 2 else TWO)
            else:
                link.request("resources/subscribe", {"uri": ONE if at % 2 else TWO})
        links[0].call("touch", {"uri": ONE})
        links[0].call("touch", {"uri": TWO})
        for at, link in enumerate(links):
            assert link.notes.wait(UPDATED)["uri"] == (ONE if at % 2 else TWO)
        if era == "legacy":
            assert len(events.since(0, "subscribe", label=label)) == 2
        for link in links:
            link.close()
        if era == "legacy":
            for uri in (ONE, TWO):
                events.wait("unsubscribe", label=label, uri=uri)


class Storm:
    """Thousands of listens, each on a connection of its own, without a thread each."""

    def __init__(self, port, path, uri, window=None):
        filter = {"toolsListChanged": True, "resourceSubscriptions": [uri]}
        self.port, self.open, self.window = port, [], window
        self.request = modern("subscriptions/listen", {"notifications": filter}, path=path)

    def more(self, count, wave=250):
        """Opens that many, some at a time, each acknowledged before this returns."""
        for start in range(0, count, wave):
            fresh = []
            for _ in range(min(wave, count - start)):
                one = socket.socket()
                if self.window:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.window)
                one.settimeout(20)
                one.connect(("127.0.0.1", self.port))
                one.sendall(self.request)
                fresh.append(one)
            for one in fresh:
                self.read(one, b"acknowledged")
            self.open += fresh

    @staticmethod
    def read(one, wanted):
        seen = b""
        while wanted not in seen:
            part = one.recv(65536)
            assert part, f"the stream ended after {seen!r}"
            seen += part
        return seen

    def count(self, wanted, most):
        """How often it comes on the first one, until nothing follows for a second."""
        seen = b""
        self.open[0].settimeout(1)
        with contextlib.suppress(TimeoutError):
            while seen.count(wanted) < most and (part := self.open[0].recv(1 << 20)):
                seen += part
        return seen.count(wanted)

    def close(self):
        for one in self.open:
            one.close()
        self.open = []


@pytest.mark.parametrize("loops, count", [(1, 8000), (2, 10_000)])
def test_thousands_of_listens(loops, count, clients, events, tmp_path):
    with raw(tmp_path, events, loops=loops) as (gateway, _, label):
        with clients.open(f"raw-{MODERN}", url=gateway.server_url("w")) as link:
            listen(link, ONE)
            storm = Storm(gateway.port, "/mcp/servers/w", TWO)
            storm.more(500)
            before = gateway.resources()["rss"]
            storm.more(count - 501)
            grown = (gateway.resources()["rss"] - before) / (count - 501)
            # Connection, stream and subscription together.
            assert grown < 6 * 1024, f"{grown:.0f} bytes for each listen"
            if count == 10_000:
                # The limit is a clear refusal, and nobody else notices.
                refused = exchange(gateway.port, storm.request)
                assert refused.status == 429
                assert "limit of 10000 streams" in refused.json["error"]["message"]
                assert int(refused.headers["retry-after"]) > 0
            link.call("touch", {"uri": ONE})
            assert link.notes.wait(UPDATED)["uri"] == ONE
            link.call("touch", {"uri": TWO})
            for one in storm.open:
                storm.read(one, b"notifications/resources/updated")
            mark = events.mark()
            storm.close()
            # The last one gone, the server hears of it; a place is free again.
            events.wait("listen", mark, timeout=30, label=label, uris=[ONE])
            storm.more(1)
            storm.close()
            link.call("touch", {"uri": ONE})
            assert link.notes.wait(UPDATED)["uri"] == ONE
            assert told(link) == [ONE, ONE]
