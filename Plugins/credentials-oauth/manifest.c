/* SPDX-License-Identifier: Apache-2.0
 * credentials-oauth: the manifest, with the JSON Schema of its options. */
#include <jackfield/base.h>

#pragma GCC diagnostic ignored "-Woverlength-strings" // C99 promises 4095 bytes; both compilers take any

// clang-format off
#define TEXT(name, text) "\"" name "\":{\"type\":\"string\",\"minLength\":1,\"description\":\"" text "\"}"
#define PATH(name, text) \
    "\"" name "\":{\"type\":\"string\",\"minLength\":1,\"format\":\"path\",\"description\":\"" text "\"}"
#define CLIENT(for_what) \
    TEXT("client_id", "Who the gateway is" for_what) "," \
    TEXT("client_secret", "How it shows that; ${env:NAME} and ${file:PATH} keep it apart") "," \
    "\"client_auth\":{\"type\":\"string\",\"enum\":[\"auto\",\"basic\",\"post\",\"private_key_jwt\",\"none\"]," \
    "\"default\":\"auto\",\"description\":\"Where: in the Authorization header, in the body, or with a signature\"}," \
    PATH("key_file", "A private key in PEM for private_key_jwt: RSA (RS256) or EC on P-256 (ES256)") "," \
    TEXT("key_id", "Its kid")

JF_MANIFEST("{\"id\":\"credentials-oauth\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
            "\"summary\":\"Access tokens for servers, from OAuth 2.1 authorization servers\","
            "\"facets\":[\"jf.credentials/1\"],"
            "\"requires\":[\"jf.clock/1\",\"jf.loop/1\",\"jf.ops/1\",\"jf.http/1\"],"
            "\"optional\":[\"jf.log/1\",\"jf.connected/1\",\"jf.state/1\",\"jf.seal/1\"],"
            "\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}},"
            "\"credentials\":{\"source\":\"oauth\",\"exchange\":true,\"config\":{\"type\":\"object\","
            "\"additionalProperties\":false,\"required\":[\"grant\"],"
            "\"properties\":{"
            "\"grant\":{\"type\":\"string\",\"enum\":[\"client_credentials\",\"token_exchange\",\"id_jag\","
            "\"authorization_code\"],\"description\":\"How tokens are got: as the gateway, in exchange for the client's "
            "token (RFC 8693), through the identity provider (enterprise-managed authorization), or by each user in a "
            "browser\"},"
            "\"gateway_grant\":{\"type\":\"string\",\"enum\":[\"client_credentials\",\"none\"],\"default\":\"none\","
            "\"description\":\"How the gateway itself is let in, for lists and health checks, where the grant is users'\"},"
            TEXT("issuer", "The authorization server; left out: the server's metadata name it (RFC 9728)") ","
            TEXT("token_endpoint", "Its token endpoint; left out: its metadata name it (RFC 8414)") ","
            TEXT("authorization_endpoint", "Its authorization endpoint, beside token_endpoint") ","
            TEXT("resource", "What tokens are for (RFC 8707); left out: the server's URL") ","
            TEXT("audience", "For authorization servers that want it beside the resource, and of an ID-JAG") ","
            "\"scopes\":{\"type\":\"array\",\"maxItems\":64,\"items\":{\"type\":\"string\",\"minLength\":1},"
            "\"description\":\"Left out: what the server asks for, else all that it knows\"},"
            CLIENT(" there") ","
            TEXT("client_name", "What users read where the gateway registers itself") ","
            TEXT("subject_token_type", "Of what the client showed, as RFC 8693 section 3 has it") ","
            "\"idp\":{\"type\":\"object\",\"additionalProperties\":false,\"description\":\"The identity provider of "
            "grant id_jag\",\"properties\":{"
            TEXT("issuer", "Where its metadata are") ","
            TEXT("token_endpoint", "Its token endpoint") ","
            CLIENT(" at the identity provider") "}},"
            TEXT("public_url", "Where browsers reach the gateway: https://mcp.example") ","
            "\"login\":{\"type\":[\"object\",\"string\"],\"additionalProperties\":false,\"description\":\"How the user in "
            "the browser shows that it is the client's user: an OpenID Connect provider, the one that the client's "
            "credentials are of. The word none: nobody checks it, for a gateway with one user on this machine\","
            "\"properties\":{"
            TEXT("issuer", "The provider") ","
            CLIENT(" at the provider") "}},"
            "\"wait_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":29000,\"default\":25000,"
            "\"description\":\"How long a call that comes again waits for its user to be done\"},"
            "\"keep_days\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":3650,\"default\":90,"
            "\"description\":\"How long a user's connection is kept in the store after its last use, where the authorization "
            "server does not say when it ends\"},"
            "\"timeout_ms\":{\"type\":\"integer\",\"minimum\":100,\"maximum\":30000,\"default\":10000,"
            "\"description\":\"How long an authorization server may take for an answer\"},"
            "\"allow_private\":{\"type\":\"boolean\",\"default\":false,\"description\":\"The server may name authorization "
            "servers with addresses of private networks or of this machine\"}"
            "}}}}");
// clang-format on
