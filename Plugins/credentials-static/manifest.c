/* SPDX-License-Identifier: Apache-2.0
 * credentials-static: the manifest, with the JSON Schema of its options. */
#include <jackfield/base.h>

#pragma GCC diagnostic ignored "-Woverlength-strings" // C99 promises 4095 bytes; both compilers take any

// clang-format off
#define TEXT(name, text) "\"" name "\":{\"type\":\"string\",\"minLength\":1,\"description\":\"" text "\"}"
#define PATH(name, text) \
    "\"" name "\":{\"type\":\"string\",\"minLength\":1,\"format\":\"path\",\"description\":\"" text "\"}"

JF_MANIFEST("{\"id\":\"credentials-static\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
            "\"summary\":\"The same header fields for everybody: from the configuration, files or a vault\","
            "\"facets\":[\"jf.credentials/1\"],"
            "\"requires\":[\"jf.clock/1\",\"jf.loop/1\",\"jf.ops/1\"],"
            "\"optional\":[\"jf.log/1\",\"jf.connected/1\",\"jf.http/1\"],"
            "\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}},"
            "\"credentials\":{\"source\":\"static\",\"exchange\":false,\"config\":{\"type\":\"object\","
            "\"additionalProperties\":false,\"required\":[\"headers\"],"
            "\"properties\":{"
            "\"headers\":{\"type\":\"object\",\"maxProperties\":16,\"additionalProperties\":{\"type\":\"string\"},"
            "\"description\":\"Header fields; {NAME} stands for a value, {{ for a brace\"},"
            "\"values\":{\"type\":\"object\",\"maxProperties\":16,\"additionalProperties\":{\"type\":\"object\","
            "\"additionalProperties\":false,\"properties\":{"
            TEXT("text", "The value itself; ${env:NAME} keeps it apart") ","
            PATH("file", "A file that holds it, read again when it changes") ","
            "\"vault\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"path\",\"field\"],"
            "\"properties\":{"
            TEXT("path", "As the API has it, for KV version 2 with data in it: secret/data/app") ","
            TEXT("field", "The member of its data") "}}}},"
            "\"description\":\"What the fields are made of, each from one place\"},"
            "\"vault\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"address\",\"token_file\"],"
            "\"description\":\"A server with HashiCorp Vault's HTTP API\",\"properties\":{"
            TEXT("address", "https://vault.example:8200") ","
            TEXT("namespace", "X-Vault-Namespace") ","
            PATH("token_file", "Holds the token, read again when it changes") ","
            "\"renew_ms\":{\"type\":\"integer\",\"minimum\":1000,\"maximum\":86400000,\"default\":300000,"
            "\"description\":\"How often a value is asked for again; a lease that ends earlier counts\"},"
            "\"timeout_ms\":{\"type\":\"integer\",\"minimum\":100,\"maximum\":30000,\"default\":5000,"
            "\"description\":\"How long it may take for an answer\"}}}"
            "}}}}");
// clang-format on
