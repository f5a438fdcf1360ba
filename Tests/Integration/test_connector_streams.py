# SPDX-License-Identifier: Apache-2.0
"""HTTP+SSE of 2024-11-05 as a server speaks it, streams that break or are polled, and hostile ones."""

import pytest

from rig.gateway import native, serving, write
from rig.places import SERVERS, python
from rig.processes import Process, eventually
from rig.rpc import MODERN, RpcError

CLIENTS = [f"raw-{MODERN}", "raw-2025-11-25", "sdk2-modern", "sdk1"]


class Streams:
    """One fixture server of streams_sdk1.py or streams_raw.py."""

    def __init__(self, kind, mode, events, port=0):
        venv = {"sdk1": "sdk1", "raw": "tests"}[kind]
        self.command = [python(venv), "-W", "ignore", SERVERS / f"streams_{kind}.py", "--mode", mode]
        self.command = [str(a) for a in self.command + ["--events", events.path]]
        self.process, self.mode = None, mode
        self.start(port)

    def start(self, port=0):
        self.process = Process(self.command + ["--port", str(port)], f"{self.mode} server")
        line = self.process.stdout.wait(lambda line: line.startswith("port "), 30)
        self.port = int(line.split()[1])

    def entry(self, path="/sse", **more):
        """What the configuration says of it."""
        return {"url": f"http://127.0.0.1:{self.port}{path}", **more}

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()


@pytest.mark.parametrize("kind", ["sdk1", "raw"])
def test_http_sse_server_is_listed_and_called(kind, clients, events, tmp_path):
    with (
        Streams(kind, "sse", events) as server,
        serving(write(tmp_path / "a.yaml", native({"old": server.entry(sse=True)}))) as gateway,
    ):
        gateway.listed("old")
        for name in CLIENTS:
            link = clients.open(name, url=gateway.url)
            assert "old__echo" in link.tools()
            for i in range(5):
                assert link.text("old__echo", {"text": f"{name} {i}"}) == f"{name} {i}"
            link.close()


def test_many_calls_at_once_share_the_stream(clients, events, tmp_path):
    with (
        Streams("sdk1", "sse", events) as server,
        serving(write(tmp_path / "a.yaml", native({"old": server.entry(sse=True)}))) as gateway,
    ):
        gateway.listed("old")
        link = clients.open(f"raw-{MODERN}", url=gateway.url)
        calls = [link.start_call("old__echo", {"text": str(i)}) for i in range(50)]
        assert [c.result()["content"][0]["text"] for c in calls] == [str(i) for i in range(50)]
        link.close()


def test_http_sse_server_that_is_restarted(clients, events, tmp_path):
    with (
        Streams("sdk1", "sse", events) as server,
        serving(write(tmp_path / "a.yaml", native({"old": server.entry(sse=True)}))) as gateway,
    ):
        gateway.listed("old")
        link = clients.open("raw-2025-11-25", url=gateway.url)
        first = link.text("old__whoami")
        server.process.kill()
        with pytest.raises(RpcError) as caught:
            link.text("old__whoami")
        assert "old" in f"{caught.value.message} {caught.value.data}"
        server.start(server.port)
        # A new stream, and with it another endpoint.
        again = eventually(lambda: link.text("old__whoami"))
        assert again != first
        link.close()


def test_http_sse_server_that_comes_late(events, tmp_path):
    with Streams("raw", "sse", events) as server:
        port = server.port
        server.process.kill()
        with serving(write(tmp_path / "a.yaml", native({"old": server.entry(sse=True)}))) as gateway:
            gateway.log.wait("Connection refused")
            server.start(port)
            gateway.listed("old")


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("foreign", "http://127.0.0.1:1/messages"),
        ("split", "no URI of its own scheme, host and port"),
        ("endless", "16384 bytes before its endpoint event"),
        ("mute", "no endpoint event within 10 s"),
    ],
)
def test_hostile_http_sse_server_harms_nobody(mode, why, clients, events, tmp_path):
    with Streams("raw", mode, events) as bad, Streams("raw", "sse", events) as good:
        servers = {"bad": bad.entry(sse=True), "good": good.entry(sse=True)}
        mark = events.mark()
        with serving(write(tmp_path / "a.yaml", native(servers))) as gateway:
            gateway.listed("good")
            assert "bad" in gateway.log.wait(why, 20)
            link = clients.open(f"raw-{MODERN}", url=gateway.url)
            assert link.text("good__echo", {"text": "undisturbed"}) == "undisturbed"
            link.close()
            assert gateway.resources()["rss"] < 200 << 20
        events.settled()
        posts = events.since(mark, "request", method="POST")
        assert {e["path"] for e in posts} == {"/messages?session=1"}
        assert all("x-injected" not in e["headers"] for e in posts)


def test_event_over_the_limit_costs_the_stream_not_the_server(clients, events, tmp_path):
    with (
        Streams("raw", "sse", events) as server,
        serving(write(tmp_path / "a.yaml", native({"old": server.entry(sse=True)}))) as gateway,
    ):
        gateway.listed("old")
        link = clients.open("raw-2025-11-25", url=gateway.url)
        assert len(link.text("old__big", {"bytes": 3 << 20})) == 3 << 20
        with pytest.raises(RpcError):
            link.text("old__big", {"bytes": 5 << 20})
        gateway.log.wait("raise max_message")
        assert eventually(lambda: link.text("old__echo", {"text": "after"})) == "after"
        link.close()


@pytest.mark.parametrize("name", CLIENTS)
def test_calls_that_a_server_has_polled(name, clients, events, tmp_path):
    with (
        Streams("sdk1", "polling", events) as server,
        serving(write(tmp_path / "a.yaml", native({"new": server.entry("/mcp")}))) as gateway,
    ):
        gateway.listed("new")
        link = clients.open(name, url=gateway.url)
        for run in (1, 2):
            mark = events.mark()
            # More often than a stream may break in a row.
            call = link.start_call("new__work", {"polls": 7}, progress=True)
            assert call.result()["content"][0]["text"] == f"run {run}"
            events.settled()
            replays = [e["after"] for e in events.since(mark, "replay")]
            assert len(replays) >= 7
            assert replays == sorted(set(replays)), "the same events were asked for again"
            seen = [step["progress"] if isinstance(step, dict) else step[0] for step in call.progress]
            assert seen == sorted(set(seen)), f"progress came twice: {seen}"
        assert link.text("new__echo", {"text": "fine"}) == "fine"
        link.close()


@pytest.mark.parametrize("name", CLIENTS)
def test_call_whose_stream_breaks_is_taken_up_again(name, clients, events, tmp_path):
    with (
        Streams("raw", "torn", events) as server,
        serving(write(tmp_path / "a.yaml", native({"torn": server.entry("/mcp")}))) as gateway,
    ):
        gateway.listed("torn")
        link = clients.open(name, url=gateway.url)
        mark = events.mark()
        call = link.start_call("torn__echo", {"text": "whole"}, progress=True)
        assert call.result()["content"][0]["text"] == "whole"
        events.settled()
        gets = [e["headers"] for e in events.since(mark, "request", method="GET")]
        asked = [h for h in gets if "last-event-id" in h]
        # The answer was cut off, so it was not received.
        assert [h["last-event-id"] for h in asked] == ["2", "2"]
        assert {h["mcp-session-id"] for h in asked} == {"torn-1"}
        assert {h["mcp-protocol-version"] for h in asked} == {"2025-11-25"}
        assert len(call.progress) <= 1
        assert link.text("torn__runs") == "1", "the call was executed again"
        link.close()


def test_server_that_goes_while_a_call_waits(clients, events, tmp_path):
    entry = {"resume_attempts": 2}
    with Streams("sdk1", "polling", events) as server:
        config = native({"new": server.entry("/mcp", **entry)})
        with serving(write(tmp_path / "a.yaml", config)) as gateway:
            gateway.listed("new")
            link = clients.open("raw-2025-11-25", url=gateway.url)
            mark = events.mark()
            call = link.start_call("new__work", {"polls": 1000000})
            events.wait("replay", mark)
            server.process.kill()
            with pytest.raises(RpcError) as caught:
                call.result()
            assert "new" in f"{caught.value.message} {caught.value.data}"
            gateway.log.wait("could not be resumed in 2 tries")
            link.close()
