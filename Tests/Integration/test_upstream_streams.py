# SPDX-License-Identifier: Apache-2.0
"""Calls that wait for people keep a stream of their server open, and nobody else from it."""

import pytest

from rig.dialogues import SAMPLED, SAMPLING, Stage, ask, heard
from rig.rpc import MODERN, RpcError

PROGRESS = {"note": "notifications/progress", "params": {"progressToken": "@", "progress": 1}}


def echo(link, text):
    return link.text("echo", {"text": text})


def answered(link, call, result):
    """The end of a parked call."""
    return heard(link.again(result, {key: SAMPLED for key in result["inputRequests"]}, call.params).result())


@pytest.mark.parametrize("loops", [1, 2])
def test_parked_calls_leave_the_connections_to_others(events, tmp_path, loops):
    with Stage(tmp_path, events, loops=loops, server={"max_connections": 2}) as stage:
        link = stage.open()
        parked = []
        for n in range(12):
            call = link.play(ask(SAMPLING), tag=f"p{n}")
            parked.append((call, call.result()))
            assert parked[-1][1]["resultType"] == "input_required"
        for n in range(6):
            assert echo(link, f"beside {n}") == f"beside {n}"
        for call, result in parked:
            assert answered(link, call, result)["answers"]


def test_one_stream_too_many_fails_at_once_and_says_why(events, tmp_path):
    with Stage(tmp_path, events, server={"max_connections": 2, "max_streams": 3}) as stage:
        link, old = stage.open(), stage.open("2025-11-25")
        parked = []
        # One is the stand-alone stream of the session that asks.
        while len(parked) < 4:
            call = link.play(ask(SAMPLING), tag=f"p{len(parked)}")
            try:
                parked.append((call, call.result()))
            except RpcError as refused:
                first = refused
                break
        assert 1 <= len(parked) <= 3
        assert "all 3 event streams that it may hold open at once are in use" in first.message, first.message
        assert "max_streams" in first.message and "see the gateway's log" not in first.message
        with pytest.raises(RpcError, match="max_streams"):
            old.play(PROGRESS, tag="progress", progress=True).result()
        for caller in (link, old):
            assert echo(caller, "beside") == "beside"
            assert heard(caller.play(tag=f"silent {caller.version}").result())["answers"] == []
        call, result = parked.pop()
        assert answered(link, call, result)["answers"]
        # Its place is free.
        call = link.play(ask(SAMPLING), tag="again")
        assert call.result()["resultType"] == "input_required"
        assert link.version == MODERN
