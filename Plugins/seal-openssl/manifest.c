/* SPDX-License-Identifier: Apache-2.0
 * seal-openssl: the manifest, with the JSON Schema of its configuration. */
#include <jackfield/base.h>

// clang-format off
// No pattern for keys: a message about it could quote the key.
#define KEYS \
    "\"keys\":{\"type\":\"array\",\"maxItems\":16,\"default\":[],\"items\":{\"type\":\"string\"}," \
    "\"description\":\"Keys of 32 random bytes in base64 (openssl rand -base64 32): the first one seals, all of " \
    "them open. Gateways that share them open each other's tokens, also after a restart. Empty: a random key " \
    "in memory, renewed every rotate_ms\"}"

#define ROTATE \
    "\"rotate_ms\":{\"type\":\"integer\",\"minimum\":60000,\"maximum\":2592000000,\"default\":3600000," \
    "\"description\":\"How long a random key seals before a new one takes its place; unused with keys\"}"

#define KEEP \
    "\"keep_ms\":{\"type\":\"integer\",\"minimum\":60000,\"maximum\":2592000000,\"default\":172800000," \
    "\"description\":\"How long a random key still opens tokens after its last one was sealed, at most 1000 " \
    "times rotate_ms; unused with keys\"}"

JF_MANIFEST("{\"id\":\"seal-openssl\",\"version\":\"0.1.0\",\"abi\":\"1.0\","
            "\"summary\":\"Seals state that clients keep for the gateway, with AES-256-GCM of OpenSSL\","
            "\"facets\":[],\"provides\":[\"jf.seal/1\"],"
            "\"requires\":[\"jf.config/1\",\"jf.clock/1\"],"
            "\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
            KEYS "," ROTATE "," KEEP "}}}");
// clang-format on
