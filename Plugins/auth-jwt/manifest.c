/* SPDX-License-Identifier: Apache-2.0
 * auth-jwt: the manifest, with the JSON Schema of its options. */
#include "claims.h"

#pragma GCC diagnostic ignored "-Woverlength-strings" // C99 promises 4095 bytes; both compilers take any

// clang-format off
#define TEXT(name, text) "\"" name "\":{\"type\":\"string\",\"minLength\":1,\"description\":\"" text "\"}"
#define NUMBER(name, least, most, preset, text) \
    "\"" name "\":{\"type\":\"integer\",\"minimum\":" least ",\"maximum\":" most ",\"default\":" preset "," \
    "\"description\":\"" text "\"}"
#define FLAG(name, text) "\"" name "\":{\"type\":\"boolean\",\"default\":false,\"description\":\"" text "\"}"

// What says whose tokens are accepted, and with which keys.
#define ISSUER \
    TEXT("issuer", "Who makes the tokens, exactly as their iss has it") "," \
    TEXT("jwks_uri", "Where the keys are; left out: where the issuer's metadata say") "," \
    TEXT("metadata", "Where the metadata are; left out: where RFC 8414 and OpenID Connect Discovery put them") "," \
    "\"jwks\":{\"type\":\"object\",\"description\":\"The keys themselves, instead: {\\\"keys\\\": [...]}\"}," \
    "\"jwks_file\":{\"type\":\"string\",\"minLength\":1,\"format\":\"path\",\"description\":\"A file with them, " \
    "instead; it is read again when it changes\"}," \
    "\"secret\":{\"type\":\"string\",\"minLength\":1,\"description\":\"A shared secret of at least 32 bytes, instead: " \
    "tokens are signed with HS256, HS384 or HS512\"}"

JF_MANIFEST("{\"id\":\"auth-jwt\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
            "\"summary\":\"JSON Web Tokens of OAuth and OpenID Connect servers\","
            "\"facets\":[\"jf.auth/1\"],"
            "\"requires\":[\"jf.clock/1\",\"jf.loop/1\",\"jf.ops/1\"],"
            "\"optional\":[\"jf.http/1\",\"jf.log/1\",\"jf.identity/1\"],"
            "\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}},"
            "\"auth\":{\"provider\":\"jwt\",\"fields\":[\"authorization\"],\"config\":{\"type\":\"object\","
            "\"additionalProperties\":false,\"properties\":{"
            ISSUER ","
            "\"issuers\":{\"type\":\"array\",\"maxItems\":16,\"description\":\"Further issuers\",\"items\":{\"type\":"
            "\"object\",\"additionalProperties\":false,\"required\":[\"issuer\"],\"properties\":{" ISSUER "}}},"
            AU_SCHEMA_MAPPING("[\"sub\"]") ","
            "\"algorithms\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"string\",\"enum\":[\"RS256\","
            "\"RS384\",\"RS512\",\"PS256\",\"PS384\",\"PS512\",\"ES256\",\"ES384\",\"ES512\",\"EdDSA\",\"Ed25519\","
            "\"HS256\",\"HS384\",\"HS512\"]},\"description\":\"What tokens may be signed with; left out: all of "
            "these, HS* only with the tokens of an issuer that has a secret\"},"
            "\"types\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":16,\"items\":{\"type\":\"string\"},"
            "\"default\":[\"at+jwt\",\"JWT\"],\"description\":\"What typ may say\"},"
            FLAG("require_type", "Tokens must have a typ") ","
            FLAG("strict", "Tokens of other issuers are refused instead of being left to other providers") ","
            "\"scopes_supported\":{\"type\":\"array\",\"maxItems\":256,\"items\":{\"type\":\"string\"},"
            "\"description\":\"What clients are told that they can ask for\"},"
            NUMBER("max_token", "256", "65536", "16384", "Bytes of a token") ","
            NUMBER("max_waiting", "1", "65536", "1024", "Requests that may wait for keys on each loop") ","
            NUMBER("refresh_ms", "60000", "86400000", "3600000",
                   "How often keys are fetched where Cache-Control does not say") ","
            NUMBER("refetch_ms", "1000", "3600000", "30000",
                   "A token with an unknown key makes us fetch the keys again, at most so often") ","
            NUMBER("stale_ms", "0", "604800000", "86400000",
                   "How long keys stay in use that were to be fetched again and could not") ","
            NUMBER("timeout_ms", "100", "60000", "10000", "How long a fetch may take") ","
            FLAG("allow_http", "URLs may be http beyond this machine, too: for tests")
            "}}}}");
// clang-format on
