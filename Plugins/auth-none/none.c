/* SPDX-License-Identifier: Apache-2.0
 * auth-none: whoever is on this machine is the one whom the configuration names. */
#include "principal.h"

struct none {
    struct au_provider provider;
    struct au_principal principal;
    bool sole; /**< only the client for which the gateway was started */
};

static void open(struct au_provider *provider, struct au_options *options) {
    static const char *const whom[] = {"local", "sole", NULL};
    struct none *it = (struct none *)provider;
    au_subject_read(options, &options->root, AU_LITERAL("local"), &it->principal);
    au_principal_read(options, &options->root, &it->principal);
    it->sole = au_option_word(options, &options->root, "clients", whom, 0) == 1;
}

static int32_t identify(struct au_provider *provider, jf_ref op, const jf_credentials *credentials,
                        jf_blob *principal, jf_fault *why) {
    struct none *it = (struct none *)provider;
    struct au_text text = {0};
    uint32_t wanted = it->sole ? JF_CREDENTIALS_SOLE : JF_CREDENTIALS_SOLE | JF_CREDENTIALS_LOCAL;
    (void)op;
    // Of the fields in the manifest none may be there: a proxy on this machine speaks for clients that are
    // not, and who shows credentials wants to be somebody else.
    if ((credentials->flags & wanted) == 0 || credentials->field_count != 0) return JF_ABSENT;
    au_principal_put(&text, &it->principal);
    return au_principal_end(&text, UINT64_MAX, principal, why) ? JF_OK : JF_E_FAULT;
}

const struct au_kind au_this = {
    .plugin = "auth-none", .record = sizeof(struct none), .open = open, .identify = identify};

// clang-format off
JF_MANIFEST("{\"id\":\"auth-none\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
            "\"summary\":\"Local clients are whom the configuration names; all others are nobody\","
            "\"facets\":[\"jf.auth/1\"],"
            "\"requires\":[\"jf.clock/1\",\"jf.loop/1\",\"jf.ops/1\"],"
            "\"optional\":[\"jf.log/1\",\"jf.identity/1\"],"
            "\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}},"
            "\"auth\":{\"provider\":\"none\",\"fields\":[\"authorization\",\"x-api-key\",\"forwarded\","
            "\"x-forwarded-for\",\"x-forwarded-host\",\"x-real-ip\",\"via\"],\"config\":{\"type\":\"object\","
            "\"additionalProperties\":false,\"properties\":{"
            "\"subject\":{\"type\":\"string\",\"minLength\":1,\"default\":\"local\",\"description\":\"Who they are\"},"
            "\"clients\":{\"type\":\"string\",\"enum\":[\"local\",\"sole\"],\"default\":\"local\",\"description\":"
            "\"local: all on this machine; sole: only the one that started the gateway (stdio)\"},"
            AU_SCHEMA_FIXED "}}}}");
// clang-format on
