# SPDX-License-Identifier: Apache-2.0
"""What belongs to one principal is out of every other's reach: the same subject of another tenant, another subject of the
same tenant, and nobody. A table: what somebody has, and what becomes of another's try."""

import contextlib
import json

import pytest

from rig.builds import build
from rig.gateway import native, serving, write
from rig.peers import HttpServer
from rig.processes import eventually
from rig.tasks import KNOWS
from rig.wire_http import Connection, exchange, legacy, modern, request_bytes
from test_identity import INITIALIZE, LISTEN, check
from test_policies import who
from test_response_cache import Counting

OWNER = who("alice", tenant="acme")
OTHERS = {
    "same subject, other tenant": who("alice", tenant="globex"),
    "same subject, no tenant": who("alice"),
    "same tenant, other subject": who("bob", tenant="acme"),
    "tenant and subject run together": who("ealice", tenant="acm"),
    "other issuer": who("alice", tenant="acme", issuer="https://elsewhere.example"),
    "nobody": {},
}
META = {"io.modelcontextprotocol/clientCapabilities": KNOWS}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("apart")
    provider = build(folder / "trusting.so", source="trusting")
    with Counting() as counting, HttpServer("sdk2") as everything:
        cached = {"tools": ["look"], "resources": ["res://*"], "ttl": "60s"}
        config = native(
            {"c": {"url": counting.url, "response_cache": cached}, "e": {"url": everything.url}},
            auth={"providers": [{"provider": "trusting"}], "required": False},
            plugins=[{"file": str(provider), "placement": "inproc"}],
            tasks={"promote_after": "100ms"},
        )
        with serving(write(folder / "c.yaml", config)) as gateway:

            def listed():
                found = exchange(gateway.port, modern("tools/list")).body
                check(b"c__look" in found and b"e__echo" in found)

            eventually(listed)
            yield Stage(gateway, counting)


class Stage:
    def __init__(self, gateway, counting):
        self.port, self.counting = gateway.port, counting

    def ask(self, method, params=None, as_=OWNER, **more):
        return exchange(self.port, modern(method, params, headers=as_, **more))

    def session(self, as_=OWNER):
        answer = exchange(self.port, legacy(INITIALIZE, headers=as_))
        assert answer.status == 200
        return answer.headers["mcp-session-id"]

    def in_session(self, session, as_, method="tools/list", params=None):
        message = {"jsonrpc": "2.0", "id": 7, "method": method, **({"params": params} if params else {})}
        return exchange(self.port, legacy(message, session, headers=as_))


def look(stage, as_):
    return stage.ask("tools/call", {"name": "c__look", "arguments": {"by": "apart"}}, as_)


@pytest.mark.parametrize("other", OTHERS)
class TestApart:
    @pytest.mark.parametrize("method", ["tools/list", "tools/call", "resources/subscribe", "logging/setLevel", "ping"])
    def test_requests_of_a_session(self, stage, other, method):
        session = stage.session()
        params = {
            "tools/call": {"name": "c__look", "arguments": {}},
            "resources/subscribe": {"uri": "res://a"},
            "logging/setLevel": {"level": "debug"},
        }.get(method)
        assert stage.in_session(session, OTHERS[other], method, params).status == 404
        assert stage.in_session(session, OWNER).status == 200

    @pytest.mark.parametrize("verb", ["GET", "DELETE"])
    def test_the_stream_and_the_end_of_a_session(self, stage, other, verb):
        session = stage.session()
        headers = {"Mcp-Session-Id": session, "Accept": "text/event-stream", **OTHERS[other]}
        assert exchange(stage.port, request_bytes(headers=headers, verb=verb)).status == 404
        assert stage.in_session(session, OWNER).status == 200

    def test_notifications_and_answers_of_a_session(self, stage, other):
        session = stage.session()
        for message in (
            {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}},
            {"jsonrpc": "2.0", "id": 1, "result": {}},
        ):
            assert exchange(stage.port, legacy(message, session, headers=OTHERS[other])).status == 404

    @pytest.mark.parametrize("method", ["tasks/get", "tasks/cancel", "tasks/update"])
    def test_a_task(self, stage, other, method):
        stage.counting.ask("hold")
        try:
            params = {"name": "c__plain", "arguments": {"hold": True}, "_meta": META}
            made = stage.ask("tools/call", params).json["result"]
            assert made["resultType"] == "task", made
            about = {"taskId": made["taskId"], "_meta": META}
            if method == "tasks/update":
                about["inputResponses"] = {}
            stolen = stage.ask(method, about, OTHERS[other])
            assert stolen.json["error"]["code"] == -32602, stolen
            mine = stage.ask("tasks/get", {"taskId": made["taskId"], "_meta": META}).json["result"]
            assert mine["status"] == "working"
        finally:
            stage.counting.ask("release")

    def test_a_kept_answer(self, stage, other):
        mine = look(stage, OWNER).json["result"]
        assert look(stage, OWNER).json["result"]["content"] == mine["content"]
        before = stage.counting.seen
        theirs = look(stage, OTHERS[other]).json["result"]
        # Whoever asks first is answered by the server, and then by what was kept for him alone.
        assert theirs["content"] != mine["content"]
        assert stage.counting.seen <= before + 1
        assert look(stage, OTHERS[other]).json["result"]["content"] == theirs["content"]

    def test_a_subscription_to_a_task(self, stage, other):
        stage.counting.ask("hold")
        try:
            params = {"name": "c__plain", "arguments": {"hold": True}, "_meta": META}
            task = stage.ask("tools/call", params).json["result"]["taskId"]
            wanted = {"notifications": {"taskIds": [task], **LISTEN["notifications"]}, "_meta": META}
            with Connection(stage.port) as stream:
                stream.send(modern("subscriptions/listen", wanted, headers=OTHERS[other]))
                assert stream.head()[0] == 200
                granted = stream.until(b"acknowledged") + stream.until(b"}}}")
                assert task.encode() not in granted
        finally:
            stage.counting.ask("release")

    def test_cancelling_a_call(self, stage, other):
        """Two clients may use one id; what one cancels is its own."""
        with contextlib.ExitStack() as stack:
            session = stage.session()
            theirs = stage.session(OTHERS[other])
            stage.counting.ask("hold")
            stack.callback(stage.counting.ask, "release")
            connection = stack.enter_context(Connection(stage.port))
            call = {"name": "c__plain", "arguments": {"hold": True}}
            message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": call}
            held = stage.counting.status()["held"]
            connection.send(legacy(message, session, headers=OWNER))
            eventually(lambda: check(stage.counting.status()["held"] > held))
            abandoned = stage.counting.status()["abandoned"]
            note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
            assert exchange(stage.port, legacy(note, theirs, headers=OTHERS[other])).status == 202
            stage.counting.ask("release")
            assert "result" in connection.answer().json
            assert stage.counting.status()["abandoned"] == abandoned


def test_the_table_is_not_empty(stage):
    """The owner's own tries succeed, so that the others' failures mean something."""
    session = stage.session()
    assert stage.in_session(session, OWNER, "tools/call", {"name": "c__look", "arguments": {}}).status == 200
    headers = {"Mcp-Session-Id": session, **OWNER}
    assert exchange(stage.port, request_bytes(headers=headers, verb="DELETE")).status == 200
    assert stage.in_session(session, OWNER).status == 404
    assert json.loads(look(stage, OWNER).body)["result"]["content"]
