# SPDX-License-Identifier: Apache-2.0
"""What both SDK clients do in a session: the same calls, the same answers, one report.

The argument is JSON: {"url": …} or {"command": […]}. The report is JSON, too: the revision, what was asked,
and for each call its text or what went wrong.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

TIMEOUT = 8
NAME = "Alice"
FORM = {"name": "Alice", "username": "alice", "email": "alice@example.com", "color": "blue", "ok": True}
WORDS = "Words of the model"
ROOT = {"uri": "file:///test/root", "name": "Test Root"}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("test_simple_text", {}),
    "elicitation": ("test_elicitation", {"message": "Who are you?"}),
    "twice": ("test_input_required_result_multi_round", {}),
    "sampling": ("test_sampling", {"prompt": "Say something"}),
    "roots": ("test_input_required_result_list_roots", {}),
    "three": ("test_input_required_result_multiple_inputs", {}),
}
Call = Callable[[str, dict[str, Any]], Awaitable[Any]]


class Script:
    """One session's questions and answers."""

    def __init__(self) -> None:
        self.target = json.loads(sys.argv[1])
        self.asked: list[str] = []
        self.report: dict[str, Any] = {"asked": self.asked}

    def form(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The content of a form's answer."""
        self.asked.append("elicitation/create")
        return {name: FORM[name] for name in schema["properties"]}

    def sample(self) -> str:
        self.asked.append("sampling/createMessage")
        return WORDS

    def roots(self) -> list[dict[str, str]]:
        self.asked.append("roots/list")
        return [ROOT]

    async def run(self, version: str, call: Call, prompt: Call) -> None:
        """Every call, one after the other; a failing one does not keep the others from being made."""
        self.report["version"] = version
        calls = {key: call(name, arguments) for key, (name, arguments) in CALLS.items()}
        calls["prompt"] = prompt("test_input_required_result_prompt", {})
        for key, pending in calls.items():
            try:
                result = await asyncio.wait_for(pending, TIMEOUT)
                found = result.messages[0].content if key == "prompt" else result.content[0]
                self.report[key] = found.text
            except Exception as e:
                self.report[key] = f"{type(e).__name__}: {e}"

    def done(self) -> None:
        print(json.dumps(self.report), flush=True)


FORM["context"] = "a test"
