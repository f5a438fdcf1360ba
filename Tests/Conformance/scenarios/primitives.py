# SPDX-License-Identifier: Apache-2.0
"""Tools, resources, prompts and completion: scenarios that are the same for both revisions."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from stage import Place

NAME = re.compile(r"[A-Za-z0-9_./-]{1,64}")
MISSING = "test://nonexistent-resource-for-conformance-testing"


def tools_list(place: Place) -> None:
    tools = place.client().request("tools/list").ok["tools"]
    assert tools, "no tools"
    for tool in tools:
        assert NAME.fullmatch(tool["name"]), f"a name that is none: {tool['name']!r}"
        assert tool.get("description"), f"{tool['name']} has no description"
        assert tool["inputSchema"].get("type") == "object", tool["inputSchema"]
    names = [tool["name"] for tool in tools]
    assert len(names) == len(set(names)), "a name is listed twice"
    assert {"test_simple_text", "test_sampling", "test_elicitation"} <= set(names)


def tools_call_simple_text(place: Place) -> None:
    assert place.client().call("test_simple_text").text == "This is a simple text response for testing."


def decoded(block: dict[str, Any], kind: str, mime: str, magic: bytes) -> None:
    assert (block["type"], block["mimeType"]) == (kind, mime), block
    assert base64.b64decode(block["data"], validate=True).startswith(magic)


def tools_call_image(place: Place) -> None:
    content = place.client().call("test_image_content").ok["content"]
    assert len(content) == 1
    decoded(content[0], "image", "image/png", b"\x89PNG")


def tools_call_audio(place: Place) -> None:
    content = place.client().call("test_audio_content").ok["content"]
    assert len(content) == 1
    decoded(content[0], "audio", "audio/wav", b"RIFF")


def tools_call_embedded_resource(place: Place) -> None:
    content = place.client().call("test_embedded_resource").ok["content"]
    assert content == [
        {
            "type": "resource",
            "resource": {
                "uri": "test://embedded-resource",
                "mimeType": "text/plain",
                "text": "This is an embedded resource content.",
            },
        }
    ], content


def tools_call_mixed_content(place: Place) -> None:
    content = place.client().call("test_multiple_content_types").ok["content"]
    assert [c["type"] for c in content] == ["text", "image", "resource"], content
    assert content[0]["text"] == "Multiple content types test:"
    decoded(content[1], "image", "image/png", b"\x89PNG")
    resource = content[2]["resource"]
    assert (resource["uri"], resource["mimeType"]) == ("test://mixed-content-resource", "application/json")
    assert json.loads(resource["text"]) == {"test": "data", "value": 123}


def tools_call_error(place: Place) -> None:
    result = place.client().call("test_error_handling").ok
    assert result.get("isError") is True, f"not marked as an error: {result}"
    assert result["content"][0]["text"] == "This tool intentionally returns an error for testing"


def tools_call_with_progress(place: Place) -> None:
    outcome = place.client().call("test_tool_with_progress", progress="progress-test-1")
    assert outcome.text
    came = outcome.heard("notifications/progress")
    assert [p["progressToken"] for p in came] == ["progress-test-1"] * 3, came
    assert [(p["progress"], p["total"]) for p in came] == [(0, 100), (50, 100), (100, 100)], came
    assert not place.client().call("test_tool_with_progress").heard("notifications/progress")


def resources_list(place: Place) -> None:
    resources = place.client().request("resources/list").ok["resources"]
    for resource in resources:
        assert resource["uri"] and resource["name"], resource
    uris = {resource["uri"] for resource in resources}
    assert {"test://static-text", "test://static-binary"} <= uris, uris
    assert not any("{" in uri for uri in uris), "a template among the resources"


def contents(place: Place, uri: str, mime: str) -> dict[str, Any]:
    found = place.client().request("resources/read", {"uri": uri}).ok["contents"]
    assert len(found) == 1 and (found[0]["uri"], found[0]["mimeType"]) == (uri, mime), found
    one: dict[str, Any] = found[0]
    return one


def resources_read_text(place: Place) -> None:
    found = contents(place, "test://static-text", "text/plain")
    assert found["text"] == "This is the content of the static text resource."


def resources_read_binary(place: Place) -> None:
    found = contents(place, "test://static-binary", "image/png")
    assert base64.b64decode(found["blob"], validate=True).startswith(b"\x89PNG")


def resources_templates_read(place: Place) -> None:
    listed = place.client().request("resources/templates/list").ok["resourceTemplates"]
    assert [t["uriTemplate"] for t in listed] == ["test://template/{id}/data"], listed
    found = contents(place, "test://template/123/data", "application/json")
    assert json.loads(found["text"]) == {"id": "123", "templateTest": True, "data": "Data for ID: 123"}


def resource_not_found(place: Place) -> None:
    """SEP-2164; a legacy client gets the code of its era for the same thing."""
    outcome = place.client().request("resources/read", {"uri": MISSING})
    assert outcome.result is None, f"a result for a resource that does not exist: {outcome.result}"
    assert outcome.error and outcome.code == (-32602 if place.modern else -32002), outcome.error
    assert outcome.error.get("data", {}).get("uri") == MISSING, outcome.error


def prompts_list(place: Place) -> None:
    prompts = {p["name"]: p for p in place.client().request("prompts/list").ok["prompts"]}
    assert all(p.get("description") for p in prompts.values()), prompts
    assert {"test_simple_prompt", "test_prompt_with_arguments", "test_prompt_with_image"} <= set(prompts)
    arguments = prompts["test_prompt_with_arguments"]["arguments"]
    assert [(a["name"], a["required"]) for a in arguments] == [("arg1", True), ("arg2", True)], arguments


def messages(place: Place, name: str, arguments: dict[str, str] | None = None) -> list[Any]:
    params: dict[str, Any] = {"name": name, **({"arguments": arguments} if arguments else {})}
    found: list[Any] = place.client().request("prompts/get", params).ok["messages"]
    return found


def spoken(text: str) -> dict[str, Any]:
    return {"role": "user", "content": {"type": "text", "text": text}}


def prompts_get_simple(place: Place) -> None:
    assert messages(place, "test_simple_prompt") == [spoken("This is a simple prompt for testing.")]


def prompts_get_with_args(place: Place) -> None:
    found = messages(place, "test_prompt_with_arguments", {"arg1": "hello", "arg2": "world"})
    assert found == [spoken("Prompt with arguments: arg1='hello', arg2='world'")], found


def prompts_get_embedded_resource(place: Place) -> None:
    found = messages(place, "test_prompt_with_embedded_resource", {"resourceUri": "test://example-resource"})
    resource = found[0]["content"]["resource"]
    assert resource["uri"] == "test://example-resource" and resource["mimeType"] == "text/plain", resource
    assert resource["text"] == "Embedded resource content for testing."
    assert found[1:] == [spoken("Please process the embedded resource above.")], found


def prompts_get_with_image(place: Place) -> None:
    found = messages(place, "test_prompt_with_image")
    decoded(found[0]["content"], "image", "image/png", b"\x89PNG")
    assert found[1:] == [spoken("Please analyze the image above.")], found


def completion_complete(place: Place) -> None:
    params = {
        "ref": {"type": "ref/prompt", "name": "test_prompt_with_arguments"},
        "argument": {"name": "arg1", "value": "par"},
    }
    found = place.client().request("completion/complete", params).ok["completion"]
    assert found["values"] == ["paris", "park", "party"] and len(found["values"]) <= 100, found
    params["ref"] = {"type": "ref/resource", "uri": "test://template/{id}/data"}
    params["argument"] = {"name": "id", "value": "4"}
    assert place.client().request("completion/complete", params).ok["completion"]["values"] == ["41", "42"]


def tools_call(place: Place) -> None:
    """The client's leg: two numbers reach the server's tool, and its sum comes back."""
    mark = place.mark()
    assert place.client().call("add_numbers", {"a": 5, "b": 3}).text == "5 + 3 = 8"
    reached = [m["params"]["arguments"] for m, _ in place.sent(mark, "tools/call")]
    assert reached == [{"a": 5, "b": 3}], f"the server heard {reached}"


SCENARIOS: dict[str, Callable[[Place], None]] = {
    "completion-complete": completion_complete,
    "tools-list": tools_list,
    "tools-call-simple-text": tools_call_simple_text,
    "tools-call-image": tools_call_image,
    "tools-call-audio": tools_call_audio,
    "tools-call-embedded-resource": tools_call_embedded_resource,
    "tools-call-mixed-content": tools_call_mixed_content,
    "tools-call-error": tools_call_error,
    "tools-call-with-progress": tools_call_with_progress,
    "resources-list": resources_list,
    "resources-read-text": resources_read_text,
    "resources-read-binary": resources_read_binary,
    "resources-templates-read": resources_templates_read,
    "prompts-list": prompts_list,
    "prompts-get-simple": prompts_get_simple,
    "prompts-get-with-args": prompts_get_with_args,
    "prompts-get-embedded-resource": prompts_get_embedded_resource,
    "prompts-get-with-image": prompts_get_with_image,
}
