# SPDX-License-Identifier: Apache-2.0
"""What every fixture server offers: the names, texts and shapes that the official suite expects."""

import base64
import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

TEXT_URI, BINARY_URI, WATCHED_URI = "test://static-text", "test://static-binary", "test://watched-resource"
TEMPLATE_URI = "test://template/{id}/data"


def _png() -> str:
    """A red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff\0\0")
    whole = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return base64.b64encode(whole).decode()


PNG = _png()
WAV = base64.b64encode(
    b"RIFF"
    + struct.pack("<I", 40)
    + b"WAVEfmt "
    + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    + b"data"
    + struct.pack("<I", 4)
    + b"\x80\x80\x80\x80"
).decode()


class Refusal(Exception):
    """A JSON-RPC error that the server wants on the wire."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


@dataclass
class Turn:
    """One round of a request: what it asks for, and what the client has answered so far."""

    arguments: Json
    capabilities: Json = field(default_factory=dict)
    answers: Json = field(default_factory=dict)
    state: Any = None


@dataclass
class Ask:
    """The server needs answers before it can go on: key to (method, params), and what it has to remember."""

    requests: dict[str, tuple[str, Json]]
    state: Any = None


def text(value: str) -> Json:
    return {"type": "text", "text": value}


def said(value: str) -> Json:
    """The result of a tool that answers with one text."""
    return {"content": [text(value)]}


def user(content: Json) -> Json:
    return {"role": "user", "content": content}


def tool(name: str, description: str, properties: Json | None = None, required: tuple[str, ...] = ()) -> Json:
    schema: Json = {"type": "object", "properties": properties or {}}
    if required:
        schema["required"] = list(required)
    return {"name": name, "description": description, "inputSchema": schema}


STRING = {"type": "string"}
NUMBER = {"type": "number"}
IMAGE = {"type": "image", "data": PNG, "mimeType": "image/png"}
CONTENT: dict[str, list[Json]] = {
    "test_simple_text": [text("This is a simple text response for testing.")],
    "test_image_content": [IMAGE],
    "test_audio_content": [{"type": "audio", "data": WAV, "mimeType": "audio/wav"}],
    "test_embedded_resource": [
        {
            "type": "resource",
            "resource": {
                "uri": "test://embedded-resource",
                "mimeType": "text/plain",
                "text": "This is an embedded resource content.",
            },
        }
    ],
    "test_multiple_content_types": [
        text("Multiple content types test:"),
        IMAGE,
        {
            "type": "resource",
            "resource": {
                "uri": "test://mixed-content-resource",
                "mimeType": "application/json",
                "text": json.dumps({"test": "data", "value": 123}),
            },
        },
    ],
}
PLAIN_TOOLS = [tool(name, f"Answers with fixed content: {name}") for name in CONTENT] + [
    tool("test_error_handling", "Always fails in a way that a model can act on"),
    tool("test_tool_with_progress", "Reports progress 0, 50 and 100 of 100"),
    tool("test_tool_with_logging", "Writes three log messages"),
    tool("test_logging_tool", "Writes one log message"),
    tool("test_trigger_tool_change", "Changes the list of tools and says so"),
    tool("test_trigger_prompt_change", "Changes the list of prompts and says so"),
    tool("test_trigger_resource_update", "Says that a resource changed", {"uri": STRING}, ("uri",)),
    tool("add_numbers", "Adds two numbers", {"a": NUMBER, "b": NUMBER}, ("a", "b")),
]
RESOURCES: list[Json] = [
    {"uri": TEXT_URI, "name": "static text", "description": "A fixed text", "mimeType": "text/plain"},
    {"uri": BINARY_URI, "name": "static binary", "description": "A fixed image", "mimeType": "image/png"},
    {"uri": WATCHED_URI, "name": "watched", "description": "To subscribe to", "mimeType": "text/plain"},
]
TEMPLATES: list[Json] = [
    {
        "uriTemplate": TEMPLATE_URI,
        "name": "template",
        "description": "Data for an id",
        "mimeType": "application/json",
    }
]


def _argument(name: str, description: str) -> Json:
    return {"name": name, "description": description, "required": True}


PROMPTS: list[Json] = [
    {"name": "test_simple_prompt", "description": "A prompt without arguments"},
    {
        "name": "test_prompt_with_arguments",
        "description": "A prompt with two arguments",
        "arguments": [_argument("arg1", "The first"), _argument("arg2", "The second")],
    },
    {
        "name": "test_prompt_with_embedded_resource",
        "description": "A prompt that embeds a resource",
        "arguments": [_argument("resourceUri", "What to embed")],
    },
    {"name": "test_prompt_with_image", "description": "A prompt with an image"},
    {"name": "test_input_required_result_prompt", "description": "A prompt that asks first"},
]


def prompt(name: str, arguments: Json) -> Json:
    """The result of prompts/get for the prompts that ask nothing."""
    if name == "test_simple_prompt":
        return {"messages": [user(text("This is a simple prompt for testing."))]}
    if name == "test_prompt_with_arguments":
        one, two = arguments.get("arg1"), arguments.get("arg2")
        if one is None or two is None:
            raise Refusal(-32602, "arg1 and arg2 are required")
        return {"messages": [user(text(f"Prompt with arguments: arg1='{one}', arg2='{two}'"))]}
    if name == "test_prompt_with_embedded_resource":
        resource = {
            "uri": arguments.get("resourceUri", ""),
            "mimeType": "text/plain",
            "text": "Embedded resource content for testing.",
        }
        last = user(text("Please process the embedded resource above."))
        return {"messages": [user({"type": "resource", "resource": resource}), last]}
    if name == "test_prompt_with_image":
        return {"messages": [user(IMAGE), user(text("Please analyze the image above."))]}
    if name.startswith("new_prompt_"):
        return {"messages": [user(text(name))]}
    raise Refusal(-32602, f"Unknown prompt: {name}")


def read(uri: str, missing_code: int) -> list[Json]:
    """The contents of a resource; `missing_code` is the era's code for one that does not exist."""
    if uri == TEXT_URI:
        words = "This is the content of the static text resource."
        return [{"uri": uri, "mimeType": "text/plain", "text": words}]
    if uri == BINARY_URI:
        return [{"uri": uri, "mimeType": "image/png", "blob": PNG}]
    if uri == WATCHED_URI:
        return [{"uri": uri, "mimeType": "text/plain", "text": "watched"}]
    head, tail = TEMPLATE_URI.split("{id}")
    if uri.startswith(head) and uri.endswith(tail) and len(uri) > len(head) + len(tail):
        number = uri[len(head) : -len(tail)]
        data = {"id": number, "templateTest": True, "data": f"Data for ID: {number}"}
        return [{"uri": uri, "mimeType": "application/json", "text": json.dumps(data)}]
    raise Refusal(missing_code, "Resource not found", {"uri": uri})


def complete(ref: Json, argument: Json) -> Json:
    """Values for the first argument of the prompt with arguments, and ids for the template."""
    values: list[str] = []
    if ref.get("name") == "test_prompt_with_arguments":
        known = ["paris", "park", "party", "quay"]
        values = [word for word in known if word.startswith(argument["value"])]
    elif ref.get("uri") == TEMPLATE_URI:
        values = [argument["value"] + digit for digit in "12"]
    return {"completion": {"values": values, "total": len(values), "hasMore": False}}
