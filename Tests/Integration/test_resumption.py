# SPDX-License-Identifier: Apache-2.0
"""Streams of legacy clients that break, are left, and are taken up again with `Last-Event-ID`."""

import itertools
import json
import subprocess

import pytest

from rig.dialogues import SAMPLED, SAMPLING, Stage, ask, entry, heard, one_round
from rig.places import HERE, python
from rig.processes import Process
from rig.resuming import Relay, Session, Stream
from rig.wire_http import modern

REVISIONS = ["2025-03-26", "2025-06-18", "2025-11-25"]
PROGRESS = "notifications/progress"
KINDS = [(era, loops) for era in ("legacy", "modern") for loops in (1, 2)]


def progress(number):
    return {"note": PROGRESS, "params": {"progressToken": "@", "progress": number}}


def log(text):
    return {"note": "notifications/message", "params": {"level": "error", "data": text}}


def question(era):
    """A step that asks, for a server of either era."""
    return ask(SAMPLING) if era == "legacy" else one_round(k=entry(SAMPLING))


def told(event):
    """What the scripted server says at the end of a call."""
    assert event is not None, "the stream ended without the answer"
    return heard(event.message["result"])


def check_ids(events):
    """One stream, numbered without gaps."""
    assert len({e.stream for e in events}) == 1, events
    first = events[0].number
    assert [e.number for e in events] == list(range(first, first + len(events))), events


@pytest.fixture(scope="module", params=KINDS, ids=[f"{era} server, {n} loop{'s' * (n > 1)}" for era, n in KINDS])
def stage(request, events, tmp_path_factory):
    era, loops = request.param
    with Stage(tmp_path_factory.mktemp("stage"), events, era=era, loops=loops, bad_client=True) as made:
        made.era, made.loops = era, loops
        yield made


@pytest.fixture(params=REVISIONS)
def session(request, stage):
    made = Session(stage.gateway.port, request.param)
    yield made
    made.end()


TAGS = itertools.count()


@pytest.fixture
def tag():
    """A name for a call, of one test only."""
    return f"t{next(TAGS)}-"


# ---- Coming back


def test_a_client_that_left_gets_the_rest(stage, session, tag):
    stream = session.call(progress(1), {"wait": tag + "a"}, progress(2), {"wait": tag + "b"}, progress(3), tag=tag)
    events = [stream.next()]
    stream.drop()
    stage.server.release(tag + "a")
    with session.get(events[-1].id) as stream:
        events.append(stream.next())
    stage.server.release(tag + "b")
    with session.get(events[-1].id) as stream:
        events += stream.rest()
    check_ids(events)
    assert [e.progress for e in events[:3]] == [1, 2, 3] and len(events) == 4
    told(events[3])
    assert stage.executions(tag) == 1, "resuming repeats no request"
    # What was kept is kept: from the beginning, as often as it is asked for.
    for start in (0, 2, 0):
        with session.get(events[start].id) as stream:
            assert [(e.id, e.message) for e in stream.rest()] == [(e.id, e.message) for e in events[start + 1 :]]


def test_a_stream_that_is_followed_from_connection_to_connection(stage, session, tag):
    """Many hops, so that each loop has its turn, and every event comes once."""
    hops = 16
    script = [step for n in range(hops) for step in (progress(n), {"wait": f"{tag}{n}"})]
    stream = session.call(*script, tag=tag)
    events = [stream.next()]
    for n in range(hops):
        follower = session.get(events[-1].id)
        if n % 2:
            stream.drop()
        stage.server.release(f"{tag}{n}")
        events.append(follower.next())
        if not n % 2:
            stream.drop()
        stream = follower
    assert stream.next() is None
    check_ids(events)
    assert [e.progress for e in events[:-1]] == list(range(hops))
    told(events[-1])


def test_a_stream_that_others_take_over_ends(stage, session, tag):
    """Two come for one stream: the later one gets it, the earlier ones are not left hanging."""
    with session.call(progress(1), {"wait": tag}, progress(2), tag=tag) as first:
        event = first.next()
        with session.get(event.id) as second:
            assert first.next() is None, "the connection of the call goes on without its stream"
            with session.get(event.id) as third:
                assert second.next() is None
                stage.server.release(tag)
                events = [event, *third.rest()]
    check_ids(events)
    assert events[1].progress == 2
    told(events[2])


def test_an_old_connection_that_ends_late_takes_nothing_along(stage, tag):
    """Its successor stays, also where both have the same number on different loops."""
    for turn in range(12):
        session = Session(stage.gateway.port, "2025-06-18")
        old = session.call(progress(1), {"wait": f"{tag}{turn}"}, progress(2), tag=f"{tag}{turn}")
        event = old.next()
        with session.get(event.id) as new:
            old.drop()
            # Another exchange after the end of the old one, so that the gateway has most likely noticed it.
            for _ in range(4):
                session.post({"jsonrpc": "2.0", "id": 900, "method": "ping"})
            stage.server.release(f"{tag}{turn}")
            events = [event, *new.rest()]
        check_ids(events)
        assert events[1].progress == 2
        told(events[2])
        session.end()


def test_streams_of_one_session_are_told_apart(stage, session, tag):
    tags = [tag + "x", tag + "y"]
    streams = [session.call(progress(0), {"wait": t}, progress(1), tag=t) for t in tags]
    firsts = [stream.next() for stream in streams]
    assert firsts[0].stream != firsts[1].stream
    for t, stream in zip(tags, streams, strict=True):
        stream.drop()
        stage.server.release(t)
    for t, first in zip(tags, firsts, strict=True):
        with session.get(first.id) as stream:
            events = [first, *stream.rest()]
        check_ids(events)
        assert [e.message["params"]["progressToken"] for e in events[:2]] == [t, t]
        told(events[2])


def test_a_finished_stream_has_an_end(stage, session, tag):
    with session.call(progress(1), tag=tag) as stream:
        events = stream.rest()
    check_ids(events)
    for _ in range(2):
        with session.get(events[-1].id) as stream:
            assert stream.status == 200 and stream.next() is None, "there is nothing to wait for"
    with session.get(events[0].id) as stream:
        assert [e.id for e in stream.rest()] == [events[1].id]


def test_a_call_that_is_cancelled_while_its_client_is_away(stage, session, tag):
    message = session.play(progress(1), {"wait": tag}, tag=tag)
    stream = session.send(message)
    event = stream.next()
    stream.drop()
    params = {"requestId": message["id"], "reason": "given up"}
    said = session.post({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})
    assert said.status == 202
    stage.heard("cancelled", tag=tag)
    with session.get(event.id) as stream:
        assert stream.rest()[-1].message["error"], "the stream ends"


# ---- Questions


def test_a_question_waits_for_its_client(stage, session, tag):
    stream = session.call(question(stage.era), tag=tag)
    asked = stream.next()
    assert asked.message["method"] == SAMPLING and asked.id
    stream.drop()
    session.answer(asked, SAMPLED)
    with session.get(asked.id) as stream:
        said = told(stream.rest()[-1])
    assert (said["answers"] or said["given"]) and stage.executions(tag) == (1 if stage.era == "legacy" else 2)


def test_a_question_that_came_up_while_the_client_was_away(stage, session, tag):
    stream = session.call(progress(1), {"wait": tag}, question(stage.era), tag=tag)
    event = stream.next()
    stream.drop()
    stage.server.release(tag)
    stage.heard("asked", tag=tag)
    with session.get(event.id) as stream:
        asked = stream.next()
        session.answer(asked, SAMPLED)
        events = [event, asked, *stream.rest()]
    check_ids(events)
    said = told(events[-1])
    assert said["answers"] or said["given"]


def test_a_session_that_ends_with_streams_kept(stage, session, tag):
    stream = session.call(question(stage.era), tag=tag)
    asked = stream.next()
    stream.drop()
    with session.call(progress(1), tag=tag + "done") as other:
        done = other.rest()
    assert session.end() == 200
    if stage.era == "legacy":
        refused = stage.heard("reply", timeout=10)
        assert "error" in refused["message"] or refused["message"].get("result")
    for last in (asked.id, done[0].id):
        with session.get(last) as stream:
            assert stream.status == 404
    with Stream(stage.gateway.port, session.bytes(session.play(tag=tag))) as stream:
        assert stream.status == 404


# ---- Ids


def test_ids_that_are_none_of_the_session(stage, session, tag):
    """Each is refused: a stand-alone stream instead would wait for ever, and end the session's real one."""
    other = Session(stage.gateway.port, session.version)
    with other.call(progress(1), {"wait": tag}, tag=tag) as held:
        foreign = held.next().id
        with session.get() as standing:
            assert standing.status == 200
            ids = ["garbage", "1", "-", "1-", "-1", "4294967296-1", "99999-1", "1-99999", "x" * 256, "１-１", foreign]
            for last in ids:
                with session.get(last) as refused:
                    assert refused.status == 400, last
                    assert not refused.streams
            assert standing.silent()
        with session.get("x" * 257) as refused:
            assert refused.status == 400
        with session.get("x" * 70000) as refused:
            assert refused.status == 431
        stage.server.release(tag)
        told(held.rest()[-1])
    other.end()


def test_a_number_that_has_not_been_yet(stage, session, tag):
    with session.call(progress(1), {"wait": tag}, tag=tag) as stream:
        event = stream.next()
        with session.get(f"{event.stream}-{event.number + 1}") as refused:
            assert refused.status == 400
        stage.server.release(tag)
        told(stream.rest()[-1])


def test_what_has_no_ids(stage, tag):
    """Modern streams, batches, plain answers."""
    params = {"name": "play", "arguments": {"tag": tag, "script": [progress(1)]}, "_meta": {"progressToken": "p"}}
    request = modern("tools/call", params, path="/mcp/servers/s")
    with Stream(stage.gateway.port, request) as stream:
        events = stream.rest()
        assert [e.id for e in events] == [None, None] and events[0].progress == 1
    session = Session(stage.gateway.port, "2025-03-26")
    batch = [session.play(progress(n), tag=f"{tag}{n}") for n in (1, 2)]
    with session.send(batch) as stream:
        events = stream.rest()
        assert {e.id for e in events} == {None} and len(events) == 4
        assert {e.message["id"] for e in events if "result" in e.message} == {m["id"] for m in batch}
    plain = session.post(session.play(tag=tag, name="echo"))
    assert plain.status == 200 and plain.headers["content-type"] == "application/json"
    assert "result" in json.loads(plain.body)
    session.end()


# ---- Bounds


@pytest.fixture(scope="module", params=[1, 2], ids=["1 loop", "2 loops"])
def small(request, events, tmp_path_factory):
    """A gateway that keeps 64 KiB of each session."""
    folder, limits = tmp_path_factory.mktemp("small"), {"replay": 65536}
    with Stage(folder, events, loops=request.param, bad_client=True, bad_server=True, limits=limits) as made:
        yield made


@pytest.mark.parametrize("version", REVISIONS)
def test_a_flood_while_the_client_is_away_costs_notifications_only(small, version, tag):
    session = Session(small.gateway.port, version)
    stream = session.call(progress(0), {"wait": tag}, {"flood": 2000, "bytes": 500}, progress(1), tag=tag)
    event = stream.next()
    stream.drop()
    small.server.release(tag)
    small.heard("finished", timeout=30, tag=tag)
    with session.get(event.id) as stream:
        assert stream.status == 200
        events = stream.rest()
    numbers = [e.number for e in events]
    assert numbers == sorted(set(numbers)) and events[0].number > event.number
    told(events[-1])
    session.end()


@pytest.mark.parametrize("version", REVISIONS)
def test_a_slow_reader_is_spared_notifications_and_keeps_its_answer(small, version, tag):
    session = Session(small.gateway.port, version)
    with session.call(progress(0), {"flood": 40000, "bytes": 500}, tag=tag) as stream:
        small.heard("finished", timeout=60, tag=tag)
        events = stream.rest()
    numbers = [e.number for e in events]
    assert numbers == sorted(set(numbers))
    told(events[-1])
    session.end()


def test_many_answers_of_one_session_are_bounded_and_the_latest_are_there(small, tag):
    session = Session(small.gateway.port, "2025-11-25")
    firsts = []
    for n in range(300):
        with session.call(log("x" * 500), progress(n), tag=f"{tag}{n}") as stream:
            firsts.append(stream.rest()[0])
    with session.get(firsts[-1].id) as stream:
        told(stream.rest()[-1])
    with session.get(firsts[0].id) as stream:
        assert stream.status == 400, "the oldest gave way"
    session.end()


def test_what_is_kept_for_coming_back_is_no_reason_to_refuse_questions(events, tmp_path):
    """Finished streams of legacy sessions do not use up what calls of modern clients may be parked with."""
    limits = {"replay": 65536, "parked_bytes": 65536}
    with Stage(tmp_path, events, bad_client=True, bad_server=True, limits=limits) as stage:
        for size in (4000, 1000, 200):
            session = Session(stage.gateway.port, "2025-11-25")
            for n in range(20):
                with session.call(log("x" * size), tag=f"{size} {n}") as stream:
                    told(stream.rest()[-1])
        link = stage.open(direct=True)
        result = link.play(ask(SAMPLING), tag="asks").result()
        assert result["resultType"] == "input_required", result


def test_nothing_is_kept_where_that_is_turned_off(events, tmp_path):
    with Stage(tmp_path, events, bad_client=True, limits={"replay": 0}) as stage:
        for version in REVISIONS:
            session = Session(stage.gateway.port, version)
            with session.call(progress(1), ask(SAMPLING), tag=version) as stream:
                assert stream.next().id is None
                asked = stream.next()
                assert asked.id is None
                session.answer(asked, SAMPLED)
                assert [e.id for e in stream.rest()] == [None]
            session.end()


# ---- The official SDK


class Sdk:
    """resume_sdk1.py under way."""

    def __init__(self, mode, port, script):
        url = f"http://127.0.0.1:{port}/mcp/servers/s"
        command = [python("sdk1"), "-W", "ignore", HERE / "workers/resume_sdk1.py", mode, url, json.dumps(script)]
        self.process = Process([str(part) for part in command], "sdk1 client", stdin=subprocess.PIPE)

    def said(self, member):
        return json.loads(self.process.stdout.wait(lambda line: f'"{member}":' in line, 30))

    def go_on(self):
        self.process.popen.stdin.write(b"\n")
        self.process.popen.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()


@pytest.mark.parametrize("loops", [1, 2])
def test_the_sdk_comes_back_as_a_new_client(events, tmp_path, loops):
    with Stage(tmp_path, events, loops=loops, bad_client=True) as stage:
        script = [log("before"), {"wait": "go"}, log("after")]
        with Sdk("leave", stage.gateway.port, script) as sdk:
            first = sdk.said("tokens")
            assert first["notes"] == ["before"] and len(first["tokens"]) == 1
            stage.server.release("go")
            stage.heard("finished", tag="sdk")
            sdk.go_on()
            last = sdk.said("text")
            assert last["notes"] == ["after"] and "executions" in json.loads(last["text"])
            assert sdk.process.wait(20) == 0
        assert stage.executions("sdk") == 1


@pytest.mark.parametrize("loops", [1, 2])
def test_the_sdk_stays_through_broken_connections(events, tmp_path, loops):
    with Stage(tmp_path, events, loops=loops, bad_client=True) as stage, Relay(stage.gateway.port) as relay:
        script = [log("before"), {"wait": "go"}, log("after"), question("legacy")]
        with Sdk("stay", relay.port, script) as sdk:
            assert sdk.said("notes")["notes"] == ["before"]
            relay.cut()
            stage.server.release("go")
            last = sdk.said("text")
            # It declares no sampling; a question to it is refused by the gateway.
            assert last["notes"] == ["before", "after"] and len(last["tokens"]) >= 3
            assert sdk.process.wait(20) == 0
        assert stage.executions("sdk") == 1
