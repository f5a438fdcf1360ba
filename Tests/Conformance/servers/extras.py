# SPDX-License-Identifier: Apache-2.0
"""What only the hand-written servers offer: mirrored parameters, odd names, schemas with references."""

from fixtures import Json, Refusal, read, said, text, tool, user

CUSTOM: list[tuple[str, Json, str]] = [
    ("region", {"type": "string"}, "Region"),
    ("priority", {"type": "integer"}, "Priority"),
    ("verbose", {"type": "boolean"}, "Verbose"),
    ("debug", {"type": "boolean"}, "Debug"),
    ("empty_val", {"type": "string"}, "Empty"),
    ("method_val", {"type": "string"}, "Method"),
    ("non_ascii_val", {"type": "string"}, "NonAscii"),
    ("whitespace_val", {"type": "string"}, "Whitespace"),
    ("leading_space_val", {"type": "string"}, "LeadingSpace"),
    ("trailing_space_val", {"type": "string"}, "TrailingSpace"),
    ("internal_space_val", {"type": "string"}, "InternalSpace"),
    ("control_char_val", {"type": "string"}, "ControlChar"),
    ("crlf_val", {"type": "string"}, "Crlf"),
    ("tab_val", {"type": "string"}, "Tab"),
]
MIRRORED = {name: header for name, _, header in CUSTOM}
ODD_URIS = ["test://path/file%20name.txt", "test://resource?id=123&x=a%2Fb", "test://städte/münchen"]
ODD_NAMES = ["my-hyphenated-tool", "test_headers"]


def custom_headers(name: str) -> Json:
    """A tool whose parameters are mirrored into headers, but for the last two."""
    marked = {n: {**schema, "x-mcp-header": header} for n, schema, header in CUSTOM}
    plain = {"float_val": {"type": "number"}, "query": {"type": "string"}}
    return tool(name, "Mirrors parameters into headers", {**marked, **plain})


def marked(name: str, properties: Json) -> Json:
    return tool(name, f"An annotation: {name}", properties)


def _one(header: object, schema: Json | None = None) -> Json:
    return {"value": {**(schema or {"type": "string"}), "x-mcp-header": header}}


INVALID = [
    marked("invalid_empty_header", _one("")),
    marked("invalid_object_header", _one("Data", {"type": "object"})),
    marked("invalid_array_header", _one("Items", {"type": "array", "items": {"type": "string"}})),
    marked("invalid_null_header", _one("Null", {"type": "null"})),
    marked("invalid_number_header", _one("Number", {"type": "number"})),
    marked("invalid_space_in_name", _one("My Region")),
    marked("invalid_colon_in_name", _one("Region:Primary")),
    marked("invalid_non_ascii_name", _one("Région")),
    marked("invalid_control_char_name", _one("Region\t1")),
    marked("invalid_duplicate_same_case", {"a": _one("Region")["value"], "b": _one("Region")["value"]}),
    marked("invalid_duplicate_diff_case", {"a": _one("MyField")["value"], "b": _one("myfield")["value"]}),
]
URL_TOOL = tool(
    "test_url_elicitation", "Needs the user to visit an address", {"key": {"type": "string"}}, ("key",)
)
VALID = marked("valid_tool", _one("Region"))


def tools(canary: str) -> list[Json]:
    """The further tools; `canary` is an address that nobody may ever fetch."""
    reference = tool(
        "lookup_profile", "Looks up a profile", {"user": {"$ref": canary + "/schemas/user.json"}}
    )
    odd = [tool(name, f"A name: {name}") for name in ODD_NAMES]
    headers = [custom_headers("test_custom_headers"), custom_headers("test_custom_headers_null")]
    return [reference, *odd, *headers, URL_TOOL, VALID, *INVALID]


def address(key: str) -> str:
    """Where the user has to go."""
    return f"https://example.com/connect/{key}"


def resources() -> list[Json]:
    return [{"uri": uri, "name": f"odd {n}", "description": "An odd URI"} for n, uri in enumerate(ODD_URIS)]


PROMPT: Json = {"name": "tést prömpt", "description": "A name that no header carries as it is"}


def call(name: str, arguments: Json) -> Json | None:
    """The answer of a further tool, or None when it is none of them."""
    if (
        name in ODD_NAMES
        or name in ("valid_tool", "lookup_profile")
        or name.startswith("test_custom_headers")
    ):
        return said(f"{name} {sorted(arguments)}")
    return None


def reading(uri: str, missing_code: int) -> list[Json]:
    if uri in ODD_URIS:
        return [{"uri": uri, "mimeType": "text/plain", "text": f"read {uri}"}]
    return read(uri, missing_code)


def prompt(name: str) -> Json | None:
    return {"messages": [user(text(name))]} if name == PROMPT["name"] else None


def unknown(method: str) -> Refusal:
    return Refusal(-32601, f"Method not found: {method}")
