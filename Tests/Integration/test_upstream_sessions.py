# SPDX-License-Identifier: Apache-2.0
"""Further sessions with legacy servers: one for each set of abilities, replaced, closed, bounded."""

from pathlib import Path

import pytest

from rig import processes
from rig.dialogues import (
    ACCEPT,
    ANSWERS,
    ELICITATION,
    ROOTED,
    ROOTS,
    SAMPLING,
    Crowd,
    PipeClient,
    Stage,
    ask,
    heard,
)
from rig.gateway import ENVIRONMENT
from rig.places import JACKFIELD
from rig.rpc import MODERN, RpcError
from test_parked import WAYS, answers_to, parked

SETS = [
    {},
    {"roots": {}},
    {"elicitation": {"form": {}}},
    {"elicitation": {"form": {}}, "roots": {}},
    {"sampling": {}},
]


def client(stage, version="2025-11-25", capabilities=None, **more):
    link = stage.open(version, capabilities, **more)
    link.answers = dict(ANSWERS)
    return link


def declared(stage):
    return [e["params"]["capabilities"] for e in stage.events_of("opened")]


def test_one_session_for_each_set_of_abilities(tmp_path, events):
    """Whoever can be asked the same shares one, whichever the era; the others use the first."""
    with Stage(tmp_path, events) as stage:
        for _ in range(2):
            for capabilities in SETS:
                for version in ("2025-11-25", MODERN):
                    link = client(stage, version, capabilities)
                    for _ in range(2):
                        assert heard(link.play(tag="t").result())["answers"] == []
                    link.close()
        opened = declared(stage)
        assert len(opened) == len(SETS), opened
        assert all(capabilities in opened for capabilities in SETS)


@pytest.mark.parametrize("declares", [{}, {"roots": {}}], ids=["first session", "further session"])
def test_ids_are_used_once_in_a_session(tmp_path, events, declares):
    """Whichever loop a call came in on (2025-11-25, Requests: an id must not have been used before)."""
    with Stage(tmp_path, events, loops=4) as stage:
        links = [client(stage, version, declares) for version in ("2025-11-25", MODERN) * 3]
        for _ in range(4):
            calls = [link.play(tag="t", progress=True) for link in links for _ in range(5)]
            assert all(heard(c.result())["answers"] == [] for c in calls)
        used = {}
        for e in stage.events_of("message"):
            if "id" in e["message"] and e["method"] != "initialize":
                used.setdefault(e["session"], []).append(e["message"]["id"])
        for session, numbers in used.items():
            assert len(set(numbers)) == len(numbers), f"ids were used again in {session}"


def test_lists_and_other_requests_use_the_first_session(tmp_path, events):
    with Stage(tmp_path, events) as stage:
        link = client(stage)
        assert link.tools() and link.resources() and link.prompts()
        assert declared(stage) == [{}]
        assert link.text("echo", {"text": "x"}) == "x"
        assert len(declared(stage)) == 2


@pytest.mark.parametrize("version", ["2025-11-25", MODERN])
@pytest.mark.parametrize("loops", [1, 2])
def test_a_lost_session_is_replaced(tmp_path, events, version, loops):
    """404: a new handshake, and the call is sent once more; it was not processed before."""
    with Stage(tmp_path, events, loops=loops) as stage:
        link = client(stage, version)
        for turn in range(3):
            assert (
                heard(
                    link.play(
                        {"note": "notifications/message", "params": {"level": "info", "data": 1}},
                        tag=f"{turn}",
                    ).result()
                )["answers"]
                == []
            )
            stage.server.forget()
        # Calls at the same time find it lost together.
        calls = [link.play(tag=f"crowd {n}") for n in range(6)]
        assert all(heard(c.result())["answers"] == [] for c in calls)
        for n in range(6):
            assert stage.executions(f"crowd {n}") == 1
        assert [c for c in declared(stage) if c], "no further session was opened"


def test_a_session_that_is_lost_under_a_parked_call(tmp_path, events):
    """The answer finds nobody: the call ends with an error and is not executed again."""
    with Stage(tmp_path, events, server={"timeout": "2s"}, bad_server=True) as stage:
        link = client(stage, MODERN)
        call, result = parked(link, tag="p")
        stage.server.forget()
        with pytest.raises(RpcError) as caught:
            link.again(result, answers_to(result), call.params).result()
        assert caught.value.code == -32603
        assert stage.executions("p") == 1
        assert heard(link.play(tag="on").result())["answers"] == []


def test_idle_sessions_end(tmp_path, events):
    """Over HTTP the server sees a DELETE; the next call opens another session."""
    with Stage(tmp_path, events, limits={"upstream_idle": "1s"}) as stage:
        link = client(stage)
        for turn in range(2):
            mark = events.mark()
            assert heard(link.play(ask(), tag=f"{turn}").result())["answers"] == [{"result": ACCEPT}]
            session = stage.heard("executed", tag=f"{turn}")["session"]
            events.wait("ended", mark, session=session)
        assert len(declared(stage)) == 3
        assert link.tools(), "the first session stays"
        assert len(stage.events_of("ended")) == 2


def test_a_session_in_use_is_not_idle(tmp_path, events):
    with Stage(tmp_path, events, limits={"upstream_idle": "1s"}) as stage:
        link = client(stage, MODERN)
        call, result = parked(link, tag="p")
        with pytest.raises(AssertionError):
            stage.heard("ended", timeout=2)  # it must not come
        assert heard(link.again(result, answers_to(result), call.params).result())["answers"] == [
            {"result": ACCEPT}
        ]
        stage.heard("ended")


def test_idle_children_end(tmp_path, events):
    with Stage(tmp_path, events, pipe=True, limits={"upstream_idle": "1s"}) as stage:
        link = client(stage)
        before = set(stage.gateway.children())
        assert heard(link.play(ask(), tag="t").result())["answers"] == [{"result": ACCEPT}]
        (child,) = set(stage.gateway.children()) - before
        processes.await_gone(child)
        assert heard(link.play(ask(), tag="u").result())["answers"] == [{"result": ACCEPT}]


def test_children_are_bounded_and_calls_queue(tmp_path, events):
    """Two at most; eight conversations share them one after the other."""
    with Stage(tmp_path, events, pipe=True, limits={"upstream_sessions": 2}) as stage:
        links = [
            client(stage, capabilities=c) for c in (None, {"roots": {}}, {"elicitation": {}, "roots": {}})
        ]
        seen = set()

        def converse(n):
            call = links[n % 3].play(ask(ROOTS), ask(ROOTS), tag=f"{n}")
            seen.add(len(stage.gateway.children()))
            assert heard(call.result(40))["answers"] == [{"result": ROOTED}] * 2

        Crowd([lambda n=n: converse(n) for n in range(9)]).join()
        assert max(seen) <= 4, "the first session and two more, one of them perhaps ending"
        for n in range(9):
            assert stage.executions(f"{n}") == 1
        mine = {e["pid"] for e in stage.events_of("executed")}
        assert len(stage.events_of("opened")) >= len(mine)


def test_parked_calls_fill_the_children(tmp_path, events):
    """A call that finds no free child waits; a retry frees one."""
    with Stage(tmp_path, events, pipe=True, limits={"upstream_sessions": 2}) as stage:
        link = client(stage, MODERN)
        held = [parked(link, tag=f"{n}") for n in range(2)]
        waiting = link.play(ask(), tag="waits")
        call, result = held.pop()
        assert heard(link.again(result, answers_to(result), call.params).result())["executions"] == 1
        result = waiting.result()
        assert result["resultType"] == "input_required"
        assert heard(link.again(result, answers_to(result), waiting.params).result())["answers"] == [
            {"result": ACCEPT}
        ]
        assert all(stage.executions(tag) == 1 for tag in ("0", "1", "waits"))


def test_a_child_that_dies_is_replaced(tmp_path, events):
    """Its own call fails; those that waited for it, and later ones, do not."""
    with Stage(tmp_path, events, pipe=True, bad_server=True, limits={"upstream_sessions": 1}) as stage:
        link = client(stage)
        first = link.play(ask(), {"die": True}, tag="dies")
        others = [link.play(ask(), tag=f"other {n}") for n in range(3)]
        with pytest.raises(RpcError) as caught:
            first.result()
        assert caught.value.code == -32603
        for other in others:
            assert heard(other.result())["answers"] == [{"result": ACCEPT}]
        assert stage.executions("dies") == 1
        assert heard(link.play(ask(), tag="later").result())["answers"] == [{"result": ACCEPT}]


def test_a_further_session_that_cannot_be_opened(tmp_path, events):
    """Calls that need it fail with the reason; others go on; it is tried again with the next call."""
    with Stage(tmp_path, events, server={"timeout": "5s"}) as stage:
        plain, link = client(stage, MODERN, {}), client(stage)
        stage.server.kill()
        for _ in range(2):
            with pytest.raises(RpcError) as caught:
                link.play(tag="x").result()
            assert caught.value.code == -32603
        stage.server.again()
        again = lambda: heard(link.play(ask(), tag="y").result())["answers"]  # noqa: E731
        assert processes.eventually(again) == [{"result": ACCEPT}]
        assert heard(plain.play(tag="z").result())["answers"] == []


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_nothing_is_left_behind(tmp_path, events, way):
    """Children of all sessions, busy or not, end with the gateway, however it ends."""
    with Stage(tmp_path, events, pipe=True) as stage:
        link = client(stage, MODERN)
        other = client(stage, capabilities={"roots": {}})
        assert heard(other.play(ask(ROOTS), tag="o").result())["answers"]
        for n in range(3):
            parked(link, tag=f"{n}")
        family = processes.descendants(stage.gateway.pid)
        assert len(stage.gateway.children()) == 5
        if way == "stop":
            stage.gateway.stop()
        else:
            stage.gateway.process.popen.kill()
            stage.gateway.process.popen.wait(10)
        for pid in family:
            processes.await_gone(pid)


@pytest.mark.parametrize("version", ["2025-11-25", MODERN])
@pytest.mark.parametrize("way", WAYS)
def test_the_front_ends_in_the_middle_of_a_question(tmp_path, events, way, version):
    """`serve --stdio`: the client's end of input ends the gateway, and every server is told or ended."""
    with Stage(tmp_path, events, pipe=WAYS[way], gateway=False) as stage:
        argv = [str(JACKFIELD), "serve", "--stdio", "--config", str(stage.config)]
        declares = {"elicitation": {"form": {}}, "sampling": {}, "roots": {}}
        link = PipeClient(argv, version, env=ENVIRONMENT, capabilities=declares)
        link.answers = {ELICITATION: None, SAMPLING: None, ROOTS: None}
        try:
            processes.eventually(lambda: link.text("s__echo", {"text": "up"}))
            call = link.play(ask(id="open"), tag="t", name="s__play")
            if version == MODERN:
                assert call.result()["resultType"] == "input_required"
            else:
                link.question()
            family = processes.descendants(link.process.pid)
            assert link.close() == 0
            for pid in family:
                processes.await_gone(pid)
            if not WAYS[way]:
                assert stage.heard("answered")["message"]["result"] == {"action": "cancel"}
            assert stage.executions("t") == 1
        finally:
            link.process.kill()


def test_a_further_child_has_the_environment_of_the_first(tmp_path, events):
    with Stage(tmp_path, events, pipe=True) as stage:
        link = client(stage)
        assert heard(link.play(ask(), tag="t").result())["answers"] == [{"result": ACCEPT}]
        pids = sorted({e["pid"] for e in stage.events_of("up")})[-2:]
        first, second = ({*Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")} for pid in pids)
        assert {name.split(b"=")[0] for name in first ^ second} <= {b"JACKFIELD_CHILD"}


def test_a_cancelled_call_asks_in_nobodys_name(tmp_path, events):
    """Its server may ask once more before it has heard: not the client whose call comes next."""
    with Stage(tmp_path, events, pipe=True, bad_server=True, limits={"upstream_sessions": 1}) as stage:
        link = client(stage)
        for turn in range(10):
            link.answers = {ELICITATION: None, ROOTS: ROOTED}
            call = link.play(ask(), ask(ROOTS), ask(ROOTS), tag=f"gone {turn}")
            link.question()
            link.asked.clear()
            call.cancel()
            assert heard(link.play(tag=f"next {turn}").result())["answers"] == []
            assert not link.asked, "the cancelled call's question was put to the next call's client"
