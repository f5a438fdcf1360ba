# SPDX-License-Identifier: Apache-2.0
"""Servers that ask the client: the same intent on both wires, rounds of input or requests on a stream."""

import json
from collections.abc import Callable
from typing import Any

from clients.driver import Json, Outcome, Question
from rig.rpc import RpcError
from stage import Place

ABLE: Json = {"elicitation": {"form": {}}, "sampling": {}, "roots": {}}
ROOTS: Json = {"roots": [{"uri": "file:///test/root", "name": "Test Root"}]}
FORM, SAMPLE, LIST = "elicitation/create", "sampling/createMessage", "roots/list"


def accept(**content: Any) -> Json:
    return {"action": "accept", "content": content}


def model(words: str) -> Json:
    content = {"type": "text", "text": words}
    return {"role": "assistant", "content": content, "model": "test-model", "stopReason": "endTurn"}


def answers(**given: Any) -> Callable[[str, Json], Any]:
    """Answers by kind: `form`, `sample`, `list`; anything else is refused."""
    by_method = {FORM: given.get("form"), SAMPLE: given.get("sample"), LIST: given.get("list")}

    def answer(method: str, params: Json) -> Any:
        if by_method.get(method) is None:
            raise RpcError(-32601, f"nobody expected {method}")
        return by_method[method]

    return answer


def asked(outcome: Outcome, *methods: str) -> list[Question]:
    """The questions, when they are exactly of these methods in any order."""
    assert sorted(outcome.methods) == sorted(methods), f"asked {outcome.methods}, not {list(methods)}"
    return outcome.questions


def shaped(place: Place, outcome: Outcome, rounds: int) -> None:
    """So many `input_required` results on a modern wire, each with something in it; on a legacy one, none."""
    assert len(outcome.rounds) == (rounds if place.modern else 0), outcome.rounds
    for found in outcome.rounds:
        assert found["resultType"] == "input_required", found
        assert found.get("inputRequests") or found.get("requestState"), found


def says(question: Question, words: str) -> None:
    """A gateway may put the server's name before the words of a question, but must keep them."""
    assert words in json.dumps(question.params, ensure_ascii=False), question.params


def basic_elicitation(place: Place) -> None:
    outcome = place.client(ABLE).call(
        "test_input_required_result_elicitation", answer=answers(form=accept(name="Alice"))
    )
    question = asked(outcome, FORM)[0]
    says(question, "What is your name?")
    assert question.params["requestedSchema"]["properties"] == {"name": {"type": "string"}}, question.params
    assert question.params["requestedSchema"]["required"] == ["name"], question.params
    shaped(place, outcome, 1)
    assert outcome.text == "Hello, Alice!"


def basic_sampling(place: Place) -> None:
    words = "The capital of France is Paris."
    outcome = place.client(ABLE).call(
        "test_input_required_result_sampling", answer=answers(sample=model(words))
    )
    question = asked(outcome, SAMPLE)[0]
    says(question, "What is the capital of France?")
    assert question.params["maxTokens"] == 100, question.params
    shaped(place, outcome, 1)
    assert outcome.text == words


def basic_list_roots(place: Place) -> None:
    outcome = place.client(ABLE).call("test_input_required_result_list_roots", answer=answers(list=ROOTS))
    asked(outcome, LIST)
    shaped(place, outcome, 1)
    assert outcome.text == "Roots: file:///test/root"


def request_state(place: Place) -> None:
    outcome = place.client(ABLE).call(
        "test_input_required_result_request_state", answer=answers(form=accept(ok=True))
    )
    asked(outcome, FORM)
    shaped(place, outcome, 1)
    for found in outcome.rounds:
        assert isinstance(found.get("requestState"), str) and found["requestState"], found
    assert outcome.text == 'state-ok confirm {"ok": true}'


def multiple_inputs(place: Place) -> None:
    given = answers(form=accept(name="Alice"), sample=model("Hello there!"), list=ROOTS)
    outcome = place.client(ABLE).call("test_input_required_result_multiple_inputs", answer=given)
    asked(outcome, FORM, SAMPLE, LIST)
    if place.server.era == "modern":
        shaped(place, outcome, 1)
    assert outcome.text == "Hello there! Alice at file:///test/root"


def multi_round(place: Place) -> None:
    given = {"name": "Alice", "color": "blue"}

    def answer(method: str, params: Json) -> Any:
        (name,) = params["requestedSchema"]["properties"]
        return accept(**{name: given[name]})

    outcome = place.client(ABLE).call("test_input_required_result_multi_round", answer=answer)
    first, second = asked(outcome, FORM, FORM)
    says(first, "Step 1: What is your name?")
    says(second, "Step 2: What is your favorite color?")
    shaped(place, outcome, 2)
    states = [found.get("requestState") for found in outcome.rounds]
    assert all(states) and len(set(states)) == len(states), f"the state did not change: {states}"
    assert outcome.text == "Alice likes blue"


def non_tool_request(place: Place) -> None:
    outcome = place.client(ABLE).request(
        "prompts/get",
        {"name": "test_input_required_result_prompt"},
        answer=answers(form=accept(context="test context")),
    )
    says(asked(outcome, FORM)[0], "What context should the prompt use?")
    shaped(place, outcome, 1)
    assert outcome.ok["messages"][0]["content"]["text"] == "Context: test context"


def tools_call_sampling(place: Place) -> None:
    outcome = place.client(ABLE).call(
        "test_sampling", {"prompt": "Test prompt for sampling"}, answer=answers(sample=model("as asked"))
    )
    question = asked(outcome, SAMPLE)[0]
    says(question, "Test prompt for sampling")
    assert question.params["maxTokens"] == 100, question.params
    assert outcome.text == "LLM response: as asked"


def tools_call_elicitation(place: Place) -> None:
    content = {"username": "testuser", "email": "test@example.com"}
    for given in (accept(**content), {"action": "decline"}, {"action": "cancel"}):
        outcome = place.client(ABLE).call(
            "test_elicitation", {"message": "Please provide your information"}, answer=answers(form=given)
        )
        question = asked(outcome, FORM)[0]
        says(question, "Please provide your information")
        assert question.params["requestedSchema"]["required"] == ["username", "email"], question.params
        told = json.dumps(given.get("content", {}), sort_keys=True)
        assert outcome.text == f"User response: action={given['action']}, content={told}", outcome.text


def form_kept(place: Place, tool: str, expected: Json, content: Json) -> None:
    """The form of a tool reaches the client as the server wrote it, and the answer reaches the server."""
    outcome = place.client(ABLE).call(tool, answer=answers(form=accept(**content)))
    found = asked(outcome, FORM)[0].params["requestedSchema"]["properties"]
    for name, schema in expected.items():
        assert found.get(name) == schema, f"{name} is {found.get(name)}, not {schema}"
    told = json.dumps(content, sort_keys=True)
    assert outcome.text == f"Elicitation completed: action=accept, content={told}", outcome.text


DEFAULTS: Json = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}


def elicitation_defaults(place: Place) -> None:
    content = {"name": "Jane", "age": 25, "score": 88.5, "status": "inactive", "verified": False}
    form_kept(place, "test_elicitation_sep1034_defaults", DEFAULTS, content)


def client_defaults(place: Place) -> None:
    """The client's leg: what the user leaves out is filled in from the schema, and reaches the server."""

    def fill(method: str, params: Json) -> Json:
        fields = params["requestedSchema"]["properties"]
        return accept(**{name: field["default"] for name, field in fields.items() if "default" in field})

    outcome = place.client(ABLE).call("test_client_elicitation_defaults", answer=fill)
    told = json.dumps({name: field["default"] for name, field in DEFAULTS.items()}, sort_keys=True)
    assert outcome.text == f"Elicitation completed: action=accept, content={told}", outcome.text


def titled(word: str) -> list[Json]:
    return [
        {"const": f"value{n}", "title": f"{t} {word}"} for n, t in ((1, "First"), (2, "Second"), (3, "Third"))
    ]


def elicitation_enums(place: Place) -> None:
    plain = ["option1", "option2", "option3"]
    expected: Json = {
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": titled("Option")},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled("Choice")}},
    }
    content = {
        "untitledSingle": "option1",
        "titledSingle": "value2",
        "legacyEnum": "opt3",
        "untitledMulti": ["option1", "option3"],
        "titledMulti": ["value1"],
    }
    form_kept(place, "test_elicitation_sep1330_enums", expected, content)
