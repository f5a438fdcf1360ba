# SPDX-License-Identifier: Apache-2.0
"""The finer points of asking: what is missing, too much, forged, malformed, undeclared or out of place."""

from typing import Any

from clients.driver import Json
from clients.modern import ModernClient
from scenarios.asking import ABLE, FORM, ROOTS, SAMPLE, accept, answers, asked, model
from stage import Place


def open_round(client: ModernClient, params: Json, method: str = "tools/call") -> Json:
    found = client.once(method, params).ok
    assert found["resultType"] == "input_required", f"nothing was asked: {found}"
    return found


def retry(params: Json, found: Json, *given: Any) -> Json:
    """The request again, with the state and an answer for each key in order."""
    responses = dict(zip(found.get("inputRequests") or {}, given, strict=False))
    state = {"requestState": found["requestState"]} if "requestState" in found else {}
    return {**params, **state, "inputResponses": responses}


def missing_response(place: Place) -> None:
    """A retry that lacks an answer is asked again; a legacy call waits for the answer that is missing."""
    if not place.modern:
        client = place.client(ABLE)
        given = answers(form=accept(name="Alice"), sample=model("Hello there!"), list=ROOTS)
        count = 0

        def answer(method: str, params: Json) -> Any:
            nonlocal count
            count += 1
            if count == 3:
                assert client.call("test_simple_text").text
            return given(method, params)

        outcome = client.call("test_input_required_result_multiple_inputs", answer=answer)
        assert count == 3 and outcome.text == "Hello there! Alice at file:///test/root"
        return
    client, params = place.client(ABLE), {"name": "test_input_required_result_elicitation", "arguments": {}}
    first = open_round(client, params)
    wrong = {**retry(params, first), "inputResponses": {"wrong_key": accept(data="wrong")}}
    again = client.once("tools/call", wrong)
    assert again.ok["resultType"] == "input_required", f"not asked again: {again.result}"
    assert [q["method"] for q in again.ok["inputRequests"].values()] == [FORM], again.result
    final = client.once("tools/call", retry(params, again.ok, accept(name="Alice")))
    assert final.text == "Hello, Alice!"


def result_type(place: Place) -> None:
    client, params = place.client(ABLE), {"name": "test_input_required_result_elicitation", "arguments": {}}
    found = open_round(client, params)
    assert client.once("tools/call", retry(params, found, accept(name="A"))).ok["resultType"] == "complete"
    assert client.request("tools/list").ok["resultType"] == "complete"


def result_type_removed(place: Place) -> None:
    """A legacy client never sees the member."""
    outcome = place.client(ABLE).call(
        "test_input_required_result_elicitation", answer=answers(form=accept(name="A"))
    )
    assert "resultType" not in outcome.ok and outcome.text == "Hello, A!", outcome.result
    assert "resultType" not in place.client().request("tools/list").ok


def unsupported_methods(place: Place) -> None:
    """Nothing but tools, prompts and resources may lead to a question, whatever the server would like."""
    client = place.client(ABLE)
    for method in ("tools/list", "prompts/list", "resources/list", "resources/templates/list"):
        outcome = client.request(method)
        assert outcome.error is None and not outcome.questions and not outcome.rounds, outcome
    if place.server.name.startswith("legacy-raw") and place.modern:
        ref = {"type": "ref/prompt", "name": "test_prompt_with_arguments"}
        params = {"ref": ref, "argument": {"name": "arg1", "value": "ask"}}
        found = client.request("completion/complete", params).ok
        assert found["resultType"] == "complete", found
        assert found["completion"]["values"][0].startswith(("cancel", "decline", "refused")), found


def tampered_state(place: Place) -> None:
    client, params = (
        place.client(ABLE),
        {"name": "test_input_required_result_tampered_state", "arguments": {}},
    )
    found = open_round(client, params)
    good = retry(params, found, accept(ok=True))
    state = good["requestState"]
    middle = len(state) // 2
    flipped = state[:middle] + ("A" if state[middle] != "A" else "B") + state[middle + 1 :]
    for bad in (state + "-TAMPERED", flipped, state[: len(state) // 2], "forged"):
        outcome = client.once("tools/call", {**good, "requestState": bad})
        assert outcome.code == -32602, (
            f"state {bad[:20]}… was answered with {outcome.error or outcome.result}"
        )
    assert client.once("tools/call", good).text.startswith("state-ok")


def forged_state_is_nothing(place: Place) -> None:
    """A state or answers that a legacy client hands in: the question comes all the same, or an error."""
    params = {
        "name": "test_input_required_result_tampered_state",
        "arguments": {},
        "requestState": "forged",
        "inputResponses": {"confirm": accept(ok=True)},
    }
    given = answers(form=accept(ok=True))
    outcome = place.client(ABLE).request("tools/call", params, answer=given)
    if outcome.error is None:
        asked(outcome, FORM)
        assert outcome.text.startswith("state-ok confirm")


def capability_check(place: Place) -> None:
    outcome = place.client({"sampling": {}}).call(
        "test_input_required_result_capabilities", answer=answers(sample=model("Hello"))
    )
    asked(outcome, SAMPLE)
    assert outcome.text == "Asked: greeting"


def ignore_extra(place: Place) -> None:
    """Answers to what nobody asked, and members that nobody knows, change nothing."""
    if not place.modern:
        client = place.client(ABLE)
        place.tolerate('"never-asked"')

        def answer(method: str, params: Json) -> Any:
            stray = {"jsonrpc": "2.0", "id": "never-asked", "result": accept(name="Mallory")}
            client.post(stray)
            return {**accept(name="Alice"), "com.example/extra": {"x": 1}}

        outcome = client.call("test_input_required_result_elicitation", answer=answer)
        assert outcome.text == "Hello, Alice!"
        return
    client, params = place.client(ABLE), {"name": "test_input_required_result_elicitation", "arguments": {}}
    good = retry(params, open_round(client, params), accept(name="Alice"))
    good["inputResponses"] |= {"unknown_key": accept(data="x"), "another": {"roots": []}}
    assert client.once("tools/call", good).text == "Hello, Alice!"


def validate_input(place: Place) -> None:
    """An answer that is none is never taken for one."""
    tool = "test_input_required_result_elicitation"
    if not place.modern:
        client, given = (
            place.client(ABLE, bare=True),
            iter([{"action": 7, "content": "x"}, accept(name="Alice")]),
        )
        outcome = client.call(tool, answer=lambda method, params: next(given))
        if outcome.error is None and not outcome.ok.get("isError"):
            asked_again = outcome.text == "Hello, Alice!" and len(outcome.questions) == 2
            assert asked_again or outcome.text in ("No name: cancel", "No name: decline"), outcome
        return
    client, params = place.client(ABLE, bare=True), {"name": tool, "arguments": {}}
    place.tolerate("12345")
    place.tolerate('"inputResponses": null')
    for bad in ({"user_name": 12345}, None):
        good = retry(params, open_round(client, params), accept(name="Alice"))
        if bad and "user_name" not in good["inputResponses"]:
            bad = dict.fromkeys(good["inputResponses"], 12345)
        outcome = client.once("tools/call", {**good, "inputResponses": bad})
        refused = outcome.error is not None or outcome.ok["resultType"] == "input_required"
        assert refused, f"taken for an answer: {outcome.result}"
