# SPDX-License-Identifier: Apache-2.0
"""Elicitation in URL mode: rounds of input, requests with an `elicitationId`, and the error -32042."""

import uuid

from clients.driver import Json, Outcome
from scenarios.asking import FORM, asked, says
from stage import Place

ABLE: Json = {"elicitation": {"form": {}, "url": {}}}
TOOL = "test_url_elicitation"


def call(place: Place, capabilities: Json) -> tuple[Outcome, Outcome]:
    """The call, and the same call again."""
    client, arguments = place.client(capabilities), {"key": uuid.uuid4().hex}

    def visit(method: str, params: Json) -> Json:
        return {"action": "accept"}

    first = client.call(TOOL, arguments, answer=visit)
    return first, client.call(TOOL, arguments, answer=visit)


def url_elicitation(place: Place) -> None:
    """The user is sent to an address, once, and the call then succeeds."""
    outcome, again = call(place, ABLE)
    if place.pair == ("legacy", "legacy"):
        assert outcome.error and outcome.code == -32042, outcome.error or outcome.result
        (found,) = outcome.error["data"]["elicitations"]
        assert found["mode"] == "url" and found["url"].startswith("https://example.com/"), found
        assert found["elicitationId"] and "Please connect" in found["message"], found
        assert again.text == "visited"
        return
    question = asked(outcome, FORM)[0]
    assert question.params["mode"] == "url", question.params
    assert question.params["url"].startswith("https://example.com/connect/"), question.params
    says(question, "Please connect")
    assert ("elicitationId" in question.params) != place.modern, question.params
    assert outcome.text == "visited", outcome.text


def url_undeclared(place: Place) -> None:
    """A client that did not declare the mode is not asked, and is told what it lacks."""
    outcome, _ = call(place, {"elicitation": {"form": {}}})
    assert not outcome.questions, outcome.questions
    if place.pair == ("legacy", "legacy"):
        assert outcome.code in (-32042, -32021), outcome.error or outcome.result
        return
    assert outcome.error and outcome.code == -32021, outcome.error or outcome.result
    assert "url" in outcome.error["data"]["requiredCapabilities"]["elicitation"], outcome.error
