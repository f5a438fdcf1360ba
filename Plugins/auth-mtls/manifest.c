/* SPDX-License-Identifier: Apache-2.0
 * auth-mtls: the manifest, with the JSON Schema of its options. */
#include "principal.h"

// clang-format off
#define RULE \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" \
    "\"subject\":{\"type\":\"string\",\"description\":\"Pattern of subjects, * stands for any text; left out: all\"}," \
    "\"issuer\":{\"type\":\"string\",\"description\":\"Pattern of the issuing CA's distinguished name\"}," \
    "\"tenant\":{\"type\":\"string\",\"minLength\":1,\"description\":\"Whom they belong to; the first rule counts\"}," \
    "\"roles\":{\"type\":\"array\",\"maxItems\":256,\"items\":{\"type\":\"string\",\"minLength\":1}," \
    "\"description\":\"Roles of all rules that match are joined\"}," \
    "\"scopes\":{\"type\":\"array\",\"maxItems\":256,\"items\":{\"type\":\"string\",\"minLength\":1}," \
    "\"description\":\"Scopes likewise\"}}}"

JF_MANIFEST("{\"id\":\"auth-mtls\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
            "\"summary\":\"Clients are whom their certificates name: SPIFFE ids, other names, subjects\","
            "\"facets\":[\"jf.auth/1\"],"
            "\"requires\":[\"jf.clock/1\",\"jf.loop/1\",\"jf.ops/1\"],"
            "\"optional\":[\"jf.log/1\",\"jf.identity/1\"],"
            "\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}},"
            "\"auth\":{\"provider\":\"mtls\",\"fields\":[],\"config\":{\"type\":\"object\","
            "\"additionalProperties\":false,\"properties\":{"
            "\"subject\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":5,\"items\":{\"type\":\"string\",\"enum\":"
            "[\"spiffe\",\"uri\",\"email\",\"dns\",\"dn\"]},\"default\":[\"spiffe\",\"uri\",\"email\",\"dns\",\"dn\"],"
            "\"description\":\"What names the subject; the first that the certificate has counts\"},"
            "\"trust_domains\":{\"type\":\"array\",\"maxItems\":256,\"items\":{\"type\":\"string\",\"minLength\":1},"
            "\"default\":[],\"description\":\"SPIFFE trust domains that are let in; empty: all that the listener's "
            "CA vouches for\"},"
            "\"rules\":{\"type\":\"array\",\"maxItems\":1024,\"items\":" RULE ",\"description\":\"What certificates "
            "are granted\"},"
            "\"unmatched\":{\"type\":\"string\",\"enum\":[\"accept\",\"deny\"],\"default\":\"accept\","
            "\"description\":\"What becomes of certificates that no rule matches\"},"
            "\"denied\":{\"type\":\"array\",\"maxItems\":65536,\"items\":{\"type\":\"string\","
            "\"pattern\":\"^[0-9a-fA-F:]+$\"},\"description\":\"Serial numbers of revoked certificates\"},"
            "\"denied_file\":{\"type\":\"string\",\"minLength\":1,\"format\":\"path\",\"description\":\"File with "
            "further ones, one a line; it is read again when it changes\"}"
            "}}}}");
// clang-format on
