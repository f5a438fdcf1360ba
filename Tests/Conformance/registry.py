# SPDX-License-Identifier: Apache-2.0
"""Every required scenario of the official suite that needs no OAuth, and what stands for it here.

A scenario runs at every pair of eras, (client, server), against every fixture server that can host it.
`impossible` names the pairs at which the client's or the server's revision has no such thing: a reason, which
points to the bridge's rules, and a function that asserts the documented refusal.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from scenarios import (
    addresses,
    asking,
    client_headers,
    client_leg,
    primitives,
    rounds,
    sdk_sessions,
    sessions,
    stateless,
)
from stage import Place

Run = Callable[[Place], None]
Pair = tuple[str, str]
MODERN, LEGACY = "2026-07-28", "2025-11-25"
BOTH = (LEGACY, MODERN)
PAIRS: list[Pair] = [(client, server) for client in ("modern", "legacy") for server in ("modern", "legacy")]


@dataclass(frozen=True)
class Scenario:
    """One scenario: its official id, the revisions that require it, and how it is run."""

    id: str
    revisions: tuple[str, ...]
    run: Run
    impossible: dict[Pair, tuple[str, Run]] = field(default_factory=dict)
    kinds: tuple[str, ...] = ("sdk", "raw")
    transports: tuple[str, ...] = ("http", "stdio")


def client_is(era: str, reason: str, run: Run) -> dict[Pair, tuple[str, Run]]:
    """Impossible for clients of an era."""
    return {pair: (reason, run) for pair in PAIRS if pair[0] == era}


def server_is(era: str, reason: str, run: Run) -> dict[Pair, tuple[str, Run]]:
    """Impossible with servers of an era."""
    return {pair: (reason, run) for pair in PAIRS if pair[1] == era}


def removed(method: str) -> str:
    return f"2026-07-28 removed `{method}`; asserted: 404 and -32601"


HTTP = ("http",)
RAW = ("raw",)
NO_PARTS = "legacy results have no {}; asserted: the gateway removes them"

SERVER = [
    Scenario(
        "server-stateless",
        (MODERN,),
        stateless.server_stateless,
        client_is(
            "legacy",
            "a legacy client has a handshake and a session instead; asserted: 400 without it, -32601 to the "
            "methods of 2026-07-28",
            stateless.stateless_is_unknown,
        ),
    ),
    Scenario(
        "server-initialize",
        (LEGACY,),
        sessions.server_initialize,
        client_is("modern", removed("initialize"), sessions.initialize_is_gone),
    ),
    Scenario(
        "logging-set-level",
        (LEGACY,),
        sessions.logging_set_level,
        client_is("modern", removed("logging/setLevel"), sessions.set_level_is_gone),
    ),
    Scenario("ping", (LEGACY,), sessions.ping, client_is("modern", removed("ping"), sessions.ping_is_gone)),
    *(Scenario(name, BOTH, run) for name, run in primitives.SCENARIOS.items()),
    Scenario("tools-call-with-logging", (LEGACY,), sessions.tools_call_with_logging),
    Scenario("tools-call-sampling", (LEGACY,), asking.tools_call_sampling),
    Scenario("tools-call-elicitation", (LEGACY,), asking.tools_call_elicitation),
    Scenario("elicitation-sep1034-defaults", (LEGACY,), asking.elicitation_defaults),
    Scenario("elicitation-sep1330-enums", (LEGACY,), asking.elicitation_enums),
    Scenario("server-sse-multiple-streams", BOTH, sessions.sse_multiple_streams),
    Scenario("resources-subscribe", (LEGACY,), sessions.resources_subscribe),
    Scenario("resources-unsubscribe", (LEGACY,), sessions.resources_unsubscribe),
    Scenario("sep-2164-resource-not-found", (MODERN,), primitives.resource_not_found),
    Scenario("dns-rebinding-protection", BOTH, sessions.dns_rebinding_protection, transports=HTTP),
    Scenario(
        "caching",
        (MODERN,),
        stateless.caching,
        client_is("legacy", NO_PARTS.format("`ttlMs` and `cacheScope`"), stateless.caching_removed),
    ),
    Scenario("input-required-result-basic-elicitation", (MODERN,), asking.basic_elicitation),
    Scenario("input-required-result-basic-sampling", (MODERN,), asking.basic_sampling),
    Scenario("input-required-result-basic-list-roots", (MODERN,), asking.basic_list_roots),
    Scenario("input-required-result-request-state", (MODERN,), asking.request_state),
    Scenario("input-required-result-multiple-input-requests", (MODERN,), asking.multiple_inputs),
    Scenario("input-required-result-multi-round", (MODERN,), asking.multi_round),
    Scenario("input-required-result-missing-input-response", (MODERN,), rounds.missing_response),
    Scenario("input-required-result-non-tool-request", (MODERN,), asking.non_tool_request),
    Scenario(
        "input-required-result-result-type",
        (MODERN,),
        rounds.result_type,
        client_is("legacy", NO_PARTS.format("`resultType`"), rounds.result_type_removed),
    ),
    Scenario("input-required-result-unsupported-methods", (MODERN,), rounds.unsupported_methods),
    Scenario(
        "input-required-result-tampered-state",
        (MODERN,),
        rounds.tampered_state,
        client_is(
            "legacy",
            "`requestState` never reaches a legacy client: the gateway keeps it; asserted: one that "
            "is handed in has no effect",
            rounds.forged_state_is_nothing,
        ),
    ),
    Scenario("input-required-result-capability-check", (MODERN,), rounds.capability_check),
    Scenario("input-required-result-ignore-extra-params", (MODERN,), rounds.ignore_extra),
    Scenario("input-required-result-validate-input", (MODERN,), rounds.validate_input),
]

CLIENT = [
    Scenario(
        "initialize",
        (LEGACY,),
        client_leg.initialize,
        server_is(
            "modern",
            "a modern server has no handshake; asserted: neither `initialize` nor a session id reaches it",
            client_leg.no_handshake,
        ),
    ),
    Scenario("tools_call", BOTH, primitives.tools_call),
    Scenario(
        "request-metadata",
        (MODERN,),
        client_leg.request_metadata_whole,
        server_is(
            "legacy",
            "a legacy server is told revision, name and abilities once, in `initialize`; asserted: no modern "
            "key or header reaches it",
            client_leg.handshake_reaches_server,
        ),
        kinds=("sdk", "raw", "picky"),
    ),
    Scenario(
        "sep-2322-client-request-state",
        (MODERN,),
        client_leg.client_request_state,
        server_is(
            "legacy",
            "a legacy server asks by requests of its own; asserted: no `requestState` and no "
            "`inputResponses` reaches it, the answer does",
            client_leg.no_state_for_legacy,
        ),
        kinds=RAW,
    ),
    Scenario(
        "http-standard-headers",
        (MODERN,),
        client_headers.standard_headers,
        server_is(
            "legacy",
            "2025-11-25 has no `Mcp-Method` and `Mcp-Name`; asserted: only its own headers reach the server",
            client_headers.legacy_headers,
        ),
        kinds=RAW,
        transports=HTTP,
    ),
    Scenario(
        "http-custom-headers",
        (MODERN,),
        client_headers.custom_headers,
        server_is(
            "legacy",
            "`Mcp-Param-*` ends at the gateway; asserted: a modern client's are compared with the body, "
            "none reaches the server",
            client_headers.custom_headers_end_here,
        ),
        kinds=RAW,
        transports=HTTP,
    ),
    Scenario(
        "http-invalid-tool-headers", (MODERN,), client_headers.invalid_headers, kinds=RAW, transports=HTTP
    ),
    Scenario("json-schema-ref-no-deref", (MODERN,), client_leg.no_dereference, kinds=RAW),
    Scenario("elicitation-sep1034-client-defaults", (LEGACY,), asking.client_defaults),
    Scenario(
        "sse-retry",
        (LEGACY,),
        client_leg.sse_retry,
        server_is(
            "modern",
            "2026-07-28 removed resumption; asserted: a call whose stream breaks fails and is not run again",
            client_leg.nothing_to_resume,
        ),
        kinds=RAW,
        transports=HTTP,
    ),
]
OWN = [
    Scenario("url-elicitation", (), addresses.url_elicitation, kinds=RAW),
    Scenario("url-elicitation-undeclared", (), addresses.url_undeclared, kinds=RAW),
]
SDK = [
    Scenario("sdk-elicitation", (), sdk_sessions.asks("elicitation", "twice")),
    Scenario("sdk-sampling", (), sdk_sessions.asks("sampling")),
    Scenario("sdk-roots", (), sdk_sessions.asks("roots")),
    Scenario("sdk-three-at-once", (), sdk_sessions.asks("three")),
    Scenario("sdk-prompt", (), sdk_sessions.asks("plain", "prompt")),
]
LEGS = {"server": SERVER, "client": CLIENT, "own": OWN, "sdk": SDK}
