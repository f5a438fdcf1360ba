/* SPDX-License-Identifier: Apache-2.0
 * auth-api-key: the manifest, with the JSON Schema of its options. */
#include "principal.h"

// clang-format off
#define TIME(name, text) \
    "\"" name "\":{\"type\":\"string\",\"minLength\":10,\"description\":\"" text "\"}"

#define KEY \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"id\",\"hash\",\"subject\"],\"properties\":{" \
    "\"id\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":128,\"description\":\"Names the key in logs\"}," \
    "\"hash\":{\"type\":\"string\",\"pattern\":\"^sha256:[0-9a-fA-F]{64}$\",\"description\":\"SHA-256 of the key\"}," \
    "\"subject\":{\"type\":\"string\",\"minLength\":1,\"description\":\"Whose key it is; one may have several\"}," \
    AU_SCHEMA_FIXED "," \
    TIME("not_before", "When it begins to be valid: 2027-01-31 or 2027-01-31T12:00:00Z") "," \
    TIME("expires", "When it ends") "}}"

JF_MANIFEST("{\"id\":\"auth-api-key\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
            "\"summary\":\"Keys that clients show, of which the gateway knows the hashes\","
            "\"facets\":[\"jf.auth/1\"],"
            "\"requires\":[\"jf.clock/1\",\"jf.loop/1\",\"jf.ops/1\"],"
            "\"optional\":[\"jf.log/1\",\"jf.identity/1\"],"
            "\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}},"
            "\"auth\":{\"provider\":\"api-key\",\"fields\":[\"authorization\",\"x-api-key\",\"api-key\","
            "\"x-auth-token\"],\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
            "\"keys\":{\"type\":\"array\",\"maxItems\":65536,\"description\":\"The keys\",\"items\":" KEY "},"
            "\"file\":{\"type\":\"string\",\"minLength\":1,\"format\":\"path\",\"description\":\"JSON file with more "
            "keys, {\\\"keys\\\": [...]}; it is read again when it changes\"},"
            "\"headers\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"string\",\"enum\":[\"authorization\","
            "\"x-api-key\",\"api-key\",\"x-auth-token\"]},\"default\":[\"authorization\",\"x-api-key\"],"
            "\"description\":\"Where a key may stand\"},"
            "\"prefix\":{\"type\":\"string\",\"maxLength\":32,\"default\":\"jf_\",\"description\":\"How a bearer token "
            "begins that is a key; others are left to other providers\"}"
            "}}}}");
// clang-format on
