# SPDX-License-Identifier: Apache-2.0
"""Conversations of every kind at once, many broken off: none is mixed up, made twice or left behind."""

import random
import socket

import pytest

from rig import processes
from rig.dialogues import (
    ACCEPT,
    ELICIT,
    ELICITATION,
    ROOTED,
    ROOTS,
    Crowd,
    Stage,
    ask,
    entry,
    heard,
    one_round,
)
from rig.rpc import MODERN, RpcError

KINDS = ["finish", "finish", "finish", "decline", "cancel", "vanish", "silent", "twice"]


class Storm:
    """Many clients of both eras; what each does is drawn from a seed."""

    def __init__(self, stage, era, seed):
        self.stage, self.era, self.seed = stage, era, seed

    def script(self, tag):
        form = {**ELICIT, "message": tag}
        if self.era == "legacy":
            return [ask(params=form), ask(ROOTS)]
        return [one_round(tag, k=entry(params=form)), one_round(tag + "!", k=entry(ROOTS))]

    def run(self, number):
        """One client and its calls, one after the other."""
        draw = random.Random(f"{self.seed} {number}")
        version = draw.choice(["2025-06-18", "2025-11-25", MODERN])
        link = self.stage.open(version, {"elicitation": {}, "roots": {}}, direct=True)
        for turn in range(6):
            kind, tag = draw.choice(KINDS), f"{number}.{turn}"
            if version == MODERN:
                self.modern(link, kind, tag)
            else:
                self.legacy(link, kind, tag)
        link.close()

    def verdict(self, result, tag, declined=False):
        got = heard(result)
        if self.era == "legacy":
            form = {"action": "decline"} if declined else said(tag)
            assert [a["result"] for a in got["answers"]] == [form, ROOTED], (tag, got)
        else:
            assert got["given"] == {"k": ROOTED} and got["state"] == tag + "!", (tag, got)

    def modern(self, link, kind, tag):
        call = link.play(*self.script(tag), tag=tag)
        if kind == "cancel":
            call.cancel()
            call.future.exception(30)
            return
        result = call.result(30)
        for _ in range(2):
            answers = {}
            for key, question in result["inputRequests"].items():
                if question["method"] == ELICITATION:
                    assert question["params"]["message"] == tag
                    answers[key] = {"action": "decline"} if kind == "decline" else said(tag)
                else:
                    answers[key] = ROOTED
            if kind == "silent":
                return  # never comes back
            retry = link.again(result, answers, call.params)
            if kind == "vanish":
                retry.cancel()
                retry.future.exception(30)
                return
            if kind == "twice" and self.era == "legacy":
                second = link.again(result, answers, call.params)
                outcomes = [c.future.exception(30) for c in (retry, second)]
                assert sum(isinstance(o, RpcError) and o.code == -32602 for o in outcomes) == 1, outcomes
                retry = second if outcomes[0] else retry
            result = retry.result(30)
        self.verdict(result, tag, kind == "decline")

    def legacy(self, link, kind, tag):
        def answer(question):
            if kind in ("silent", "cancel", "vanish"):
                return None
            body = {"action": "decline"} if kind == "decline" else said(question["params"]["message"])
            if kind == "twice":
                link.answer(question["id"], body)
            return body

        link.answers = {ELICITATION: answer, ROOTS: ROOTED}
        call = link.play(*self.script(tag), tag=tag)
        if kind in ("silent", "cancel", "vanish"):
            link.question(timeout=30)
            if kind == "vanish":
                for key, connection in list(link.open.items()):
                    if key != "get" and connection.sock:
                        connection.sock.shutdown(socket.SHUT_RDWR)
            elif kind == "cancel":
                call.cancel()
            else:
                with pytest.raises(RpcError):
                    call.result(30)
            return
        self.verdict(call.result(30), tag, kind == "decline")


def said(tag):
    return {**ACCEPT, "content": {"colour": tag}}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("loops", [1, 3])
@pytest.mark.parametrize("pipe", [False, True], ids=["http", "stdio"])
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_storm(tmp_path, events, era, pipe, loops, seed):
    limits = {
        "parked_age": "3s",
        "upstream_sessions": 4,
        "upstream_idle": "2s",
        "replay": 0 if seed == 1 else "256KiB",
    }
    server = {"timeout": "30s"}
    with Stage(
        tmp_path, events, era=era, pipe=pipe, loops=loops, limits=limits, server=server, bad_server=True
    ) as stage:
        storm = Storm(stage, era, seed)
        for part in range(2):
            Crowd([lambda n=n: storm.run(n) for n in range(part * 10, part * 10 + 10)]).join(200)
        # All is over: nothing runs, nothing is held, and the next conversation is like the first.
        storm.run("last")
        if era == "legacy":
            turns = [e["turn"] for e in stage.events_of("executed")]
            assert set(turns) == {1}, "a call was executed twice"
        if pipe:
            processes.eventually(lambda: few(stage))
        stage.gateway.stop(timeout=8)


def few(stage):
    """Of the children only the first session's is left."""
    assert len(stage.gateway.children()) == 1, stage.gateway.children()
