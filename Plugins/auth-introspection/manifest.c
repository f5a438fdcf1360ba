/* SPDX-License-Identifier: Apache-2.0
 * auth-introspection: the manifest, with the JSON Schema of its options. */
#include "claims.h"

#pragma GCC diagnostic ignored "-Woverlength-strings" // C99 promises 4095 bytes; both compilers take any

// clang-format off
#define TEXT(name, text) "\"" name "\":{\"type\":\"string\",\"minLength\":1,\"description\":\"" text "\"}"
#define NUMBER(name, least, most, preset, text) \
    "\"" name "\":{\"type\":\"integer\",\"minimum\":" least ",\"maximum\":" most ",\"default\":" preset "," \
    "\"description\":\"" text "\"}"
#define FLAG(name, text) "\"" name "\":{\"type\":\"boolean\",\"default\":false,\"description\":\"" text "\"}"

JF_MANIFEST("{\"id\":\"auth-introspection\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
            "\"summary\":\"Tokens about which the authorization server is asked (RFC 7662)\","
            "\"facets\":[\"jf.auth/1\"],"
            "\"requires\":[\"jf.clock/1\",\"jf.loop/1\",\"jf.ops/1\",\"jf.http/1\"],"
            "\"optional\":[\"jf.log/1\",\"jf.identity/1\"],"
            "\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}},"
            "\"auth\":{\"provider\":\"introspection\",\"fields\":[\"authorization\"],\"config\":{\"type\":\"object\","
            "\"additionalProperties\":false,\"required\":[\"endpoint\",\"client_id\",\"client_secret\"],"
            "\"properties\":{"
            TEXT("endpoint", "The introspection endpoint, an https URL") ","
            TEXT("issuer", "The authorization server, as iss has it; clients are sent there") ","
            TEXT("client_id", "Who asks, as the server knows the gateway") ","
            TEXT("client_secret", "How it shows that") ","
            "\"client_auth\":{\"type\":\"string\",\"enum\":[\"basic\",\"post\"],\"default\":\"basic\","
            "\"description\":\"Where: in the Authorization header, or in the body\"},"
            AU_SCHEMA_MAPPING("[\"sub\",\"username\",\"client_id\"]") ","
            FLAG("require_audience", "Answers must have an aud, which many servers leave out") ","
            "\"scopes_supported\":{\"type\":\"array\",\"maxItems\":256,\"items\":{\"type\":\"string\"},"
            "\"description\":\"What clients are told that they can ask for\"},"
            NUMBER("keep_ms", "0", "3600000", "30000",
                   "How long an answer holds: so long a revoked token may still be accepted") ","
            NUMBER("keep_refused_ms", "0", "600000", "5000", "How long a refusal holds") ","
            NUMBER("timeout_ms", "100", "60000", "5000", "How long the server may take") ","
            NUMBER("max_entries", "16", "1048576", "4096", "Tokens that are kept in mind on each loop") ","
            NUMBER("max_asking", "1", "4096", "256", "Tokens that are asked about at once on each loop") ","
            NUMBER("max_waiting", "1", "65536", "1024", "Requests that may wait for answers on each loop") ","
            NUMBER("max_token", "256", "65536", "16384", "Bytes of a token") ","
            FLAG("allow_http", "The endpoint may be http beyond this machine, too: for tests")
            "}}}}");
// clang-format on
