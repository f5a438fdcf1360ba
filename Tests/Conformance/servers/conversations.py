# SPDX-License-Identifier: Apache-2.0
"""The tools and the prompt that ask the client something: each is a function from a Turn to the next step.

They know no era. A modern server writes an Ask as `input_required` and runs the function again on the retry;
a legacy server sends its requests to the client and runs the function again with the answers.
"""

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable
from typing import Any

from fixtures import STRING, Ask, Json, Refusal, Turn, said, text, tool, user

Step = Callable[[Turn], Ask | Json]
_KEY = os.urandom(32)


def form(message: str, properties: Json, required: list[str]) -> tuple[str, Json]:
    """A form-mode elicitation."""
    schema = {"type": "object", "properties": properties, "required": required}
    return "elicitation/create", {"message": message, "requestedSchema": schema}


def sample(words: str, limit: int = 100) -> tuple[str, Json]:
    return "sampling/createMessage", {"messages": [user(text(words))], "maxTokens": limit}


NAME = form("What is your name?", {"name": STRING}, ["name"])
ROOTS: tuple[str, Json] = ("roots/list", {})
CONFIRM = form("Please confirm", {"ok": {"type": "boolean"}}, ["ok"])


def elicited(turn: Turn, key: str, *fields: str) -> Json | None:
    """A usable answer: declined, or accepted with these fields. None when it has to be asked again."""
    answer = turn.answers.get(key)
    if not isinstance(answer, dict) or answer.get("action") not in ("accept", "decline", "cancel"):
        return None
    if answer["action"] == "accept" and any(f not in (answer.get("content") or {}) for f in fields):
        return None
    return answer


def sampled(turn: Turn, key: str) -> str | None:
    answer = turn.answers.get(key)
    content = answer.get("content") if isinstance(answer, dict) else None
    content = content[0] if isinstance(content, list) and content else content
    return content.get("text") if isinstance(content, dict) else None


def rooted(turn: Turn, key: str) -> list[str] | None:
    answer = turn.answers.get(key)
    if not isinstance(answer, dict) or not isinstance(answer.get("roots"), list):
        return None
    return [root["uri"] for root in answer["roots"]]


def ask_name(turn: Turn) -> Ask | Json:
    answer = elicited(turn, "user_name", "name")
    if answer is None:
        return Ask({"user_name": NAME})
    if answer["action"] != "accept":
        return said(f"No name: {answer['action']}")
    return said(f"Hello, {answer['content']['name']}!")


def ask_capital(turn: Turn) -> Ask | Json:
    words = sampled(turn, "capital_question")
    return said(words) if words else Ask({"capital_question": sample("What is the capital of France?")})


def ask_roots(turn: Turn) -> Ask | Json:
    found = rooted(turn, "client_roots")
    return Ask({"client_roots": ROOTS}) if found is None else said("Roots: " + ", ".join(found))


def ask_with_state(turn: Turn) -> Ask | Json:
    answer = elicited(turn, "confirm", "ok")
    if answer is None or turn.state is None:
        return Ask({"confirm": CONFIRM}, {"step": "confirm"})
    return said(f"state-ok {turn.state['step']} {json.dumps(answer.get('content'))}")


def ask_three(turn: Turn) -> Ask | Json:
    asked = {"user_name": NAME, "greeting": sample("Generate a greeting", 50), "client_roots": ROOTS}
    name, words = elicited(turn, "user_name", "name"), sampled(turn, "greeting")
    roots = rooted(turn, "client_roots")
    if name is None or words is None or roots is None:
        return Ask(asked, {"step": "three"})
    return said(f"{words} {name['content']['name']} at {', '.join(roots)}")


def ask_twice(turn: Turn) -> Ask | Json:
    state = turn.state or {}
    if "name" not in state:
        first = elicited(turn, "step1", "name")
        if first is None:
            question = form("Step 1: What is your name?", {"name": STRING}, ["name"])
            return Ask({"step1": question}, {"round": 1})
        state = {"round": 2, "name": first["content"]["name"]}
    second = elicited(turn, "step2", "color")
    if second is None:
        question = form("Step 2: What is your favorite color?", {"color": STRING}, ["color"])
        return Ask({"step2": question}, state)
    return said(f"{state['name']} likes {second['content']['color']}")


def ask_able(turn: Turn) -> Ask | Json:
    """Asks only what the client says that it can answer."""
    questions = {
        "elicitation": ("user_name", NAME),
        "sampling": ("greeting", sample("Generate a greeting", 50)),
        "roots": ("client_roots", ROOTS),
    }
    able = {key: question for name, (key, question) in questions.items() if name in turn.capabilities}
    if not able:
        return said("Nothing can be asked")
    if any(key not in turn.answers for key in able):
        return Ask(able)
    return said("Asked: " + ", ".join(sorted(able)))


def ask_context(turn: Turn) -> Ask | Json:
    answer = elicited(turn, "user_context", "context")
    if answer is None:
        return Ask(
            {"user_context": form("What context should the prompt use?", {"context": STRING}, ["context"])}
        )
    return {"messages": [user(text(f"Context: {(answer.get('content') or {}).get('context')}"))]}


def ask_model(turn: Turn) -> Ask | Json:
    words = sampled(turn, "answer")
    if words is None:
        return Ask({"answer": sample(turn.arguments.get("prompt", ""))})
    return said(f"LLM response: {words}")


def _ask_form(message: str, properties: Json, required: list[str], label: str) -> Step:
    """A tool that shows one form and tells what came back."""

    def step(turn: Turn) -> Ask | Json:
        answer = elicited(turn, "form")
        if answer is None:
            return Ask({"form": form(turn.arguments.get("message", message), properties, required)})
        content = json.dumps(answer.get("content", {}), sort_keys=True)
        return said(f"{label}: action={answer['action']}, content={content}")

    return step


def choices(stem: str, word: str) -> list[Json]:
    return [
        {"const": f"{stem}{n}", "title": f"{nth} {word}"}
        for n, nth in enumerate(("First", "Second", "Third"), 1)
    ]


USER = {
    "username": {"type": "string", "description": "User's response"},
    "email": {"type": "string", "description": "User's email address"},
}
DEFAULTS: Json = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
OPTIONS = ["option1", "option2", "option3"]
ENUMS: Json = {
    "untitledSingle": {"type": "string", "enum": OPTIONS},
    "titledSingle": {"type": "string", "oneOf": choices("value", "Option")},
    "legacyEnum": {
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
    "titledMulti": {"type": "array", "items": {"anyOf": choices("value", "Choice")}},
}

ASKING: dict[str, Step] = {
    "test_input_required_result_elicitation": ask_name,
    "test_input_required_result_sampling": ask_capital,
    "test_input_required_result_list_roots": ask_roots,
    "test_input_required_result_request_state": ask_with_state,
    "test_input_required_result_multiple_inputs": ask_three,
    "test_input_required_result_multi_round": ask_twice,
    "test_input_required_result_tampered_state": ask_with_state,
    "test_input_required_result_capabilities": ask_able,
    "test_streaming_elicitation": ask_name,
    "test_missing_capability": ask_capital,
    "test_sampling": ask_model,
    "test_elicitation": _ask_form("?", USER, ["username", "email"], "User response"),
    "test_elicitation_sep1034_defaults": _ask_form("Defaults", DEFAULTS, [], "Elicitation completed"),
    "test_client_elicitation_defaults": _ask_form("Defaults", DEFAULTS, [], "Elicitation completed"),
    "test_elicitation_sep1330_enums": _ask_form("Enums", ENUMS, [], "Elicitation completed"),
}
ASKING_TOOLS = [
    tool("test_sampling", "Asks the model of the client", {"prompt": STRING}, ("prompt",)),
    tool("test_elicitation", "Asks the user for a name and an address", {"message": STRING}, ("message",)),
] + [
    tool(name, f"Asks the client: {name}")
    for name in ASKING
    if name not in ("test_sampling", "test_elicitation")
]


def sealed(name: str, state: Any) -> str | None:
    """The requestState of a modern server: its state under a signature that covers the tool's name."""
    if state is None:
        return None
    body = json.dumps({"name": name, "state": state}, sort_keys=True).encode()
    return base64.b64encode(hmac.digest(_KEY, body, hashlib.sha256) + body).decode()


def unsealed(name: str, value: str | None) -> Any:
    """The state behind a requestState; a Refusal when anything about it is not ours."""
    if value is None:
        return None
    try:
        raw = base64.b64decode(value, validate=True)
    except ValueError:
        raise Refusal(-32602, "requestState is not intact") from None
    signature, body = raw[:32], raw[32:]
    if not hmac.compare_digest(signature, hmac.digest(_KEY, body, hashlib.sha256)):
        raise Refusal(-32602, "requestState is not intact")
    found = json.loads(body)
    if found["name"] != name:
        raise Refusal(-32602, "requestState belongs to another request")
    return found["state"]


NEEDS = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}


def require(ask: Ask, capabilities: Json) -> None:
    """A modern server may not ask what the client cannot answer: -32021 names all that is missing."""
    missing = {NEEDS[method]: {} for method, _ in ask.requests.values() if NEEDS[method] not in capabilities}
    if missing:
        data = {"requiredCapabilities": missing}
        raise Refusal(-32021, "The client lacks: " + ", ".join(sorted(missing)), data)
