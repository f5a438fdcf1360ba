/* SPDX-License-Identifier: Apache-2.0
 * The JSON of a principal, as jackfield/auth.h has it. */
#ifndef AUTH_COMMON_PRINCIPAL_H
#define AUTH_COMMON_PRINCIPAL_H

#include "options.h"

/** What a principal is made of; what is absent is left out. */
struct au_principal {
    jf_view subject, tenant, issuer, credential;
    const jf_view *roles, *scopes;
    uint32_t role_count, scope_count;
    jf_view attributes;  /**< a JSON object */
    uint64_t expires_ms; /**< 0: not known to end */
};

/** Appends it, without its closing brace, so that members may follow. */
void au_principal_put(struct au_text *out, const struct au_principal *principal);
/** Closes what au_principal_put began; `keep_ms` UINT64_MAX: left out. False: no memory, `why` says so. */
bool au_principal_end(struct au_text *out, uint64_t keep_ms, jf_blob *principal, jf_fault *why);

/** Members that several providers let an operator write down, as parts of a manifest's schema. */
// clang-format off
#define AU_SCHEMA_FIXED \
    "\"tenant\":{\"type\":\"string\",\"minLength\":1,\"description\":\"Whom it belongs to\"}," \
    "\"roles\":{\"type\":\"array\",\"maxItems\":256,\"items\":{\"type\":\"string\",\"minLength\":1}," \
    "\"description\":\"What policies know it as\"}," \
    "\"scopes\":{\"type\":\"array\",\"maxItems\":256,\"items\":{\"type\":\"string\",\"minLength\":1}," \
    "\"description\":\"What it was granted\"}," \
    "\"attributes\":{\"type\":\"object\",\"description\":\"What else policies may look at\"}"
// clang-format on

/** Reads tenant, roles, scopes and attributes of the object `in`. */
void au_principal_read(struct au_options *options, const jf_json_value *in, struct au_principal *out);
/** Reads `subject`, or takes `preset` (absent: it is required). */
void au_subject_read(struct au_options *options, const jf_json_value *in, jf_view preset,
                     struct au_principal *out);

#endif
