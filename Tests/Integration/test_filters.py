# SPDX-License-Identifier: Apache-2.0
"""Filters between clients and servers: what they change, refuse and answer, however long it takes."""

import contextlib
import json
import re
import threading

import pytest

from rig.builds import build, swap
from rig.dialogues import ANSWERS, Stage, ask
from rig.gateway import native, serving, stdio, write
from rig.peers import HttpServer, server_command
from rig.processes import eventually
from rig.rpc import MODERN, RpcError
from rig.tasks import Peer, TaskStage, task
from rig.wire_http import Connection, exchange, modern
from test_response_cache import Counting

RAW = "raw-" + MODERN
ERAS = ["sdk2-modern", "sdk2-legacy", "sdk1", RAW, "raw-2025-06-18"]
CARD = "4111 1111 1111 1111"


@pytest.fixture(scope="module")
def peer():
    with HttpServer("sdk2") as server:
        yield server


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    target = tmp_path_factory.mktemp("p") / "probe.so"
    return build(target, plugin_id="filter-probe", source="probe", abi="1.1")


class Rig:
    def __init__(self, folder, gateway, clients, stack, config):
        self.folder, self.gateway, self.clients, self.stack = folder, gateway, clients, stack
        self.config, self.log = config, folder / "heard"

    def open(self, kind=RAW, **more):
        return self.stack.enter_context(self.clients.open(kind, url=self.gateway.url, **more))

    def heard(self):
        return self.log.read_text().split("\n")[:-1] if self.log.exists() else []

    def until(self, *lines):
        eventually(lambda: self.expect(*lines))

    def expect(self, *lines):
        heard = self.heard()
        assert sorted(heard) == sorted(lines), heard

    def call(self, tool, arguments):
        """The bare HTTP answer."""
        return exchange(self.gateway.port, modern("tools/call", {"name": tool, "arguments": arguments}))


@pytest.fixture
def run(tmp_path, clients, file):
    """Starts a gateway with the server `s` and filters."""

    @contextlib.contextmanager
    def start(server, *filters, loops=2, **options):
        log = str(tmp_path / "heard")
        filters = [{**f, "log": log} if f["filter"] == "probe" else f for f in filters]
        config = native(
            servers_of(server, options), filters=filters, plugins=[{"file": str(file), "placement": "inproc"}]
        )
        config["runtime"] |= {"loops": loops, "state_dir": str(tmp_path / "state"), "swap_trial": "0s"}
        (tmp_path / "state").mkdir(exist_ok=True)
        with serving(write(tmp_path / "c.yaml", config)) as gateway, contextlib.ExitStack() as stack:
            gateway.listed(*config["servers"])
            yield Rig(tmp_path, gateway, clients, stack, config)

    return start


def servers_of(server, options):
    return server if isinstance(server, dict) else {"s": {"url": server.url, **options}}


def probe(**options):
    return {"filter": "probe", **options}


# ---- Verdicts ----


@pytest.mark.parametrize("how", ["splice", "pend"])
def test_requests_and_results_are_changed(run, peer, how):
    with run(peer, probe(request=how, result=how, tag="+")) as rig:
        for kind in ERAS:
            assert rig.open(kind).text("s__echo", {"text": "x"}) == "++x"
        rig.until(*["request", "result", "ended 0 bytes"] * len(ERAS))


def test_they_see_requests_in_order_and_results_the_other_way_round(run, peer):
    first = probe(name="a", request="splice", result="splice", tag="a")
    second = probe(name="b", request="pend", result="pend", tag="b")
    third = probe(name="c", request="splice", result="splice", tag="c")
    with run(peer, first, second, third) as rig:
        # Each puts its letter first: of requests the last one's is in front, of results the first one's.
        assert rig.open().text("s__echo", {"text": "x"}) == "abccbax"


def test_an_answer_takes_the_servers_place(run, peer):
    outer = probe(name="a", result="splice", tag="outer ")
    with run(peer, outer, probe(name="b", request="answer", result="splice", tag="mine")) as rig:
        for kind in ERAS:
            assert rig.open(kind).text("s__echo", {"text": "x"}) == "outer mine"
        rig.until(*["request", "result", "ended 0 bytes"] * len(ERAS))


def test_an_answer_replaces_a_result(run, peer):
    with run(peer, probe(result="answer", tag="mine")) as rig:
        for kind in ERAS:
            assert rig.open(kind).text("s__echo", {"text": "x"}) == "mine"


@pytest.mark.parametrize("phase", ["request", "result"])
@pytest.mark.parametrize(
    "how,code,status,reason,ended",
    [
        ("deny", -31403, 403, "denied", -5),
        ("invalid", -32602, 400, "filter", -1),
        ("busy", -31429, 429, "limit", -4),
    ],
)
def test_refusals(run, peer, phase, how, code, status, reason, ended):
    with run(peer, probe(name="before", request="remember"), probe(name="it", **{phase: how})) as rig:
        answer = rig.call("s__echo", {"text": "x"})
        assert answer.status == status
        error = answer.json["error"]
        assert error["code"] == code and error["message"].startswith("not ")
        assert error["data"]["reason"] == reason
        if how == "busy":
            assert error["data"]["retryAfterMs"] == 1500 and answer.headers["retry-after"] == "2"
        size = "bytes" if phase == "result" else "nothing"
        rig.until("request", phase, f"ended {ended} {size}")


@pytest.mark.parametrize("phase", ["request", "result"])
@pytest.mark.parametrize("how", ["fault", "garbage", "break"])
def test_a_filter_that_fails(run, peer, phase, how):
    with run(peer, probe(on_error="deny", **{phase: how})) as rig:
        with pytest.raises(RpcError) as caught:
            rig.open().call("s__echo", {"text": "x"})
        assert caught.value.code == -32603 and "secret" not in str(caught.value)
        assert "probe" in caught.value.message
    with run(peer, probe(on_error="allow", **{phase: how})) as rig:
        assert rig.open().text("s__echo", {"text": "x"}) == "x"


def test_what_is_asked_for_stays(run, peer):
    with run(peer, probe(request="rename")) as rig:
        with pytest.raises(RpcError) as caught:
            rig.open().call("s__echo", {"text": "x"})
        assert caught.value.code == -32603


# ---- Which calls ----


def test_servers_tools_and_other_items(run, peer):
    filters = [
        probe(name="no", servers=["t*"], request="deny"),
        probe(name="none", tools=["add"], request="deny"),
        probe(name="some", servers=["s"], tools=["e*"], request="splice", tag="+"),
    ]
    with run(peer, *filters) as rig:
        link = rig.open()
        assert link.text("s__echo", {"text": "x"}) == "+x"
        assert link.text("s__big", {"bytes": 3}) == "xxx"
        with pytest.raises(RpcError):
            link.call("s__add", {"a": 1, "b": 2})


def test_resources_and_prompts_too(run, peer):
    with run(peer, probe(result="splice", tag="+")) as rig:
        for kind in ("sdk2-modern", "sdk1"):
            link = rig.open(kind)
            assert link.read("test://static/text")["contents"][0]["text"].startswith("+")
            assert json.dumps(link.prompt("s__plain", {})).count("+") == 1


# ---- Waiting ----


@pytest.mark.parametrize("phase", ["request", "result"])
def test_cancelled_while_a_filter_takes_its_time(run, peer, phase):
    with run(peer, probe(name="first", request="remember"), probe(name="it", **{phase: "hang"})) as rig:
        connection = None
        try:
            connection = Connection(rig.gateway.port, 20)
            connection.send(modern("tools/call", {"name": "s__echo", "arguments": {"text": "x"}}))
            wanted = ["request", "request"] if phase == "request" else ["request", "result"]
            rig.until(*wanted)
        finally:
            connection.close()
        rig.until(*wanted, "ended -7 " + ("nothing" if phase == "request" else "bytes"))


@pytest.mark.parametrize("phase", ["request", "result"])
def test_a_filter_has_no_more_time_than_the_call(run, peer, phase):
    with run(
        peer, probe(name="first", request="remember"), probe(name="it", **{phase: "hang"}), timeout="1s"
    ) as rig:
        with pytest.raises(RpcError) as caught:
            rig.open().call("s__echo", {"text": "x"})
        assert caught.value.data["reason"] == "timeout"
        wanted = ["request", "request"] if phase == "request" else ["request", "result"]
        rig.until(*wanted, "ended -6 " + ("nothing" if phase == "request" else "bytes"))


def test_the_end_of_the_gateway(run, peer):
    with run(
        peer, probe(name="first", request="remember"), probe(name="it", result="hang"), timeout="30s"
    ) as rig:
        connection = Connection(rig.gateway.port, 20)
        connection.send(modern("tools/call", {"name": "s__echo", "arguments": {"text": "x"}}))
        rig.until("request", "result")
    rig.until("request", "result", "ended -7 bytes")
    connection.close()


# ---- Others' answers ----


def test_kept_answers_are_filtered_for_each_caller(run):
    with Counting() as server, run(
        server,
        probe(request="remember", result="splice", tag="+"),
        response_cache={"tools": ["look"], "ttl": "60s"},
    ) as rig:
        for kind in ERAS:
            assert rig.open(kind).text("s__look") == "+look 1"
        assert server.seen == 1
        heard = [*["request", "result", "ended 0 bytes"] * len(ERAS)]
        rig.until(*heard)


def test_shared_answers_that_a_filter_holds(run):
    with Counting() as server, run(
        server, probe(result="pend", tag="+"), response_cache={"tools": ["look"], "ttl": "60s"}
    ) as rig:
        links = [rig.open() for _ in range(8)]
        texts = []
        threads = [threading.Thread(target=lambda l=link: texts.append(l.text("s__look"))) for link in links]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert texts == ["+look 1"] * 8 and server.seen == 1


def test_public_resources_become_the_callers_own(run):
    with Counting() as server:
        server.ask("set?ttl=60000&scope=public")
        with run(server, probe(result="splice", tag="+")) as rig:
            result = rig.open().read("res://a")
            assert result["cacheScope"] == "private" and result["contents"][0]["text"].startswith("+")


@pytest.mark.parametrize("how", ["splice", "pend"])
def test_servers_that_another_loop_has(run, how):
    """A child process is on one loop; calls from the others are filtered there, once."""
    servers = {"s": stdio(server_command("sdk2", "--stdio"))}
    with run(servers, probe(request=how, result=how, tag="+"), loops=3) as rig:
        for kind in ["sdk1", *[RAW] * 6]:
            assert rig.open(kind).text("s__echo", {"text": "x"}) == "++x"


@pytest.mark.parametrize("how", ["splice", "pend"])
def test_calls_of_plugins_and_their_toolsets(run, peer, how):
    """A composite tool calls through the gateway: its own calls are filtered, and then its answer."""
    composites = {"c": {"mode": "first", "targets": [{"server": "s", "tool": "echo"}]}}
    servers = {"s": {"url": peer.url}, "m": {"plugin": "tools-composite", "composites": composites}}
    with run(servers, probe(request=how, result=how, tag="+")) as rig:
        assert rig.open().text("m__c", {"text": "x"}) == "++++x"


@pytest.mark.parametrize("how", ["splice", "pend"])
def test_tasks_of_servers(tmp_path, events, monkeypatch, file, how):
    """The gateway follows a task whose result filters want to see, and keeps what they make of it."""
    filtered(monkeypatch, "rig.tasks.native", file, how)
    with TaskStage(tmp_path, events, loops=2, s=Peer("modern")) as stage:
        link = stage.open()
        made = link.task(task({"wait": "a"}), tag="t")
        stage.release("a")
        assert link.outcome(made["taskId"])["content"][0]["text"].startswith("+")


@pytest.mark.parametrize("how", ["splice", "pend"])
def test_calls_that_become_tasks(tmp_path, events, monkeypatch, file, how):
    filtered(monkeypatch, "rig.tasks.native", file, how)
    with TaskStage(tmp_path, events, tasks={"promote_after": "1ms"}, s=Peer("legacy", bare=True)) as stage:
        link = stage.open()
        made = link.task({"wait": "a"}, tag="t")
        stage.release("a")
        assert link.outcome(made["taskId"])["content"][0]["text"].startswith("+")


@pytest.mark.parametrize("how", ["splice", "pend"])
def test_parked_calls_on_any_loop(tmp_path, events, monkeypatch, file, how):
    """A client comes back on another loop than its call is on."""
    filtered(monkeypatch, "rig.dialogues.native", file, how)
    with Stage(tmp_path, events, loops=2) as stage:
        link = stage.open()
        for _ in range(8):
            call = link.play(ask())
            result = call.result()
            assert result["resultType"] == "input_required"
            answers = {key: ANSWERS[asked["method"]] for key, asked in result["inputRequests"].items()}
            again = link.again(result, answers, params=call.params).result()
            assert again["content"][0]["text"].startswith("+{")


def filtered(monkeypatch, place, file, how):
    def more(servers, **blocks):
        filters = [probe(result=how, tag="+")]
        plugins = [{"file": str(file), "placement": "inproc"}]
        return native(servers, filters=filters, plugins=plugins, **blocks)

    monkeypatch.setattr(place, more)


# ---- Reload and swap ----


def test_reloads_and_swaps_under_load(run, peer, tmp_path):
    with run(peer, probe(request="pend", result="pend", tag="+")) as rig:
        over, wrong = threading.Event(), []

        def load():
            link = rig.clients.open(RAW, url=rig.gateway.url)
            with link as link:
                while not over.is_set():
                    text = link.text("s__echo", {"text": "x"})
                    if not re.fullmatch(r"[+-]*x", text):
                        wrong.append(text)

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        eventually(lambda: rig.heard().index("ended 0 bytes"))
        newer = build(tmp_path / "newer.so", "1.0.1", "filter-probe", source="probe", abi="1.1")
        done = swap(rig.gateway, tmp_path / "state", "filter-probe", newer)
        assert done[0] == 0, done
        said = len(rig.gateway.log.lines)
        rig.config["filters"][0]["tag"] = "-"
        write(tmp_path / "c.yaml", rig.config)
        rig.gateway.reload()
        rig.gateway.log.wait("configuration reloaded", start=said)
        assert rig.open().text("s__echo", {"text": "x"}) == "--x"
        over.set()
        for thread in threads:
            thread.join(20)
        assert not wrong
        # Every request has its end, under whichever build and options it began.
        eventually(lambda: check_balance(rig.heard()))


def check_balance(heard):
    assert heard.count("request") == heard.count("ended 0 bytes") > 3


# ---- Redaction ----


def test_redaction(run, peer):
    with run(peer, {"filter": "redact", "detect": ["credit-card", "github-token"]}) as rig:
        token = "ghp_" + "a1B2" * 9
        for kind in ERAS:
            text = rig.open(kind).text("s__echo", {"text": f"é pay {CARD} or {token}."})
            assert text == "é pay [redacted:credit-card] or [redacted:github-token]."


def test_redaction_of_requests_and_hashes(run, peer):
    redact = {"filter": "redact", "detect": ["email"], "direction": "request"}
    redact |= {"action": "hash", "salt": "salt and more"}
    with run(peer, redact) as rig:
        texts = [rig.open().text("s__echo", {"text": f"to {who}@example.com"}) for who in ("a", "b", "a")]
        assert texts[0] == texts[2] != texts[1] and re.fullmatch(r"to \[email:[0-9a-f]{16}\]", texts[0])


def test_what_may_not_pass(run, peer):
    redact = {"filter": "redact", "detect": ["us-ssn"], "action": "block", "direction": "both"}
    with run(peer, redact) as rig:
        answer = rig.call("s__echo", {"text": "123-45-6789"})
        assert answer.status == 403 and "us-ssn" in answer.json["error"]["message"]
        assert "6789" not in answer.body.decode()


# ---- Size ----


def test_results_are_cut(run, peer):
    with run(peer, {"filter": "size", "max_bytes": 2000}) as rig:
        for kind in ERAS:
            result = rig.open(kind).call("s__big", {"bytes": 5000})
            assert len(json.dumps(result)) < 2500 and "truncated" in result["content"][-1]["text"]


def test_results_come_in_pages(run, peer):
    with run(peer, {"filter": "size", "max_bytes": 2000, "action": "page"}) as rig:
        got, arguments = "", {"bytes": 5000}
        while True:
            content = rig.open().call("s__big", arguments)["content"]
            got += content[0]["text"]
            if len(content) == 1:
                break
            arguments = {"bytes": 1, "_page": re.search(r'"_page": "([0-9a-f]+)"', content[1]["text"])[1]}
        assert got == "x" * 5000
        gone = rig.open().call("s__big", {"bytes": 1, "_page": "0" * 32})
        assert gone["isError"]


# ---- Transformation ----


def test_arguments_results_and_meta(run, peer):
    transform = {
        "filter": "transform",
        "arguments": {"rename": {"words": "text"}, "defaults": {"text": "nothing"}, "remove": ["secret"]},
        "meta": {"gateway": "north"},
    }
    with run(peer, transform) as rig:
        link = rig.open()
        assert link.text("s__echo", {"words": "x", "secret": 1}) == "x"
        assert link.text("s__echo", {}) == "nothing"
        meta = json.loads(link.text("s__meta", {}))
        assert meta["jackfield/gateway"] == "north"


def test_members_of_results(run, peer):
    with run(peer, {"filter": "transform", "result": {"drop": ["/sum"]}}) as rig:
        result = rig.open().call("s__add", {"a": 1, "b": 2})
        assert result["structuredContent"] == {} and result["content"][0]["text"] == "{}"


# ---- Schemas ----


def test_arguments_must_fit(run, peer):
    with run(peer, {"filter": "schema"}) as rig:
        for kind in ERAS:
            link = rig.open(kind)
            assert link.call("s__add", {"a": 1, "b": 2})["structuredContent"] == {"sum": 3}
            result = link.call("s__add", {"a": "1"})
            assert result["isError"] and "/a must be integer" in result["content"][0]["text"]
            assert 'lacks "b"' in result["content"][0]["text"]


def test_arguments_that_are_refused_and_results_that_do_not_fit(run, peer):
    breaker = {"filter": "transform", "name": "breaker", "result": {"drop": ["/sum"]}}
    with run(peer, {"filter": "schema", "arguments": "error"}, breaker) as rig:
        assert rig.call("s__add", {"a": "1"}).status == 400
        result = rig.open().call("s__add", {"a": 1, "b": 2})
        assert result["isError"] and "structuredContent" not in result
    with run(peer, {"filter": "schema", "results": "log"}, breaker) as rig:
        assert rig.open().call("s__add", {"a": 1, "b": 2})["structuredContent"] == {}
        rig.gateway.log.wait("does not fit its output schema")
