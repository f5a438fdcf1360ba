/* SPDX-License-Identifier: Apache-2.0
 * Claims of a token (RFC 7519) or of an introspection (RFC 7662): when and for whom they hold, and the
 * principal that they make. */
#ifndef AUTH_COMMON_CLAIMS_H
#define AUTH_COMMON_CLAIMS_H

#include "principal.h"

enum { AU_TEXTS = 512 };

/** Claims by name. A name is a JSON Pointer when it begins with '/'; else a claim at the top, and, if there
 * is none, names with dots between them. */
struct au_paths {
    const jf_view *of;
    uint32_t count;
};

/** Which claims mean what. */
struct au_mapping {
    struct au_paths subject, tenant, roles, scopes, attributes, audiences;
    bool all_attributes; /**< all claims but those that have a meaning of their own */
    uint64_t skew_ms;
};

// clang-format off
#define AU_SCHEMA_PATHS(name, preset, text) \
    "\"" name "\":{\"type\":\"array\",\"maxItems\":16,\"items\":{\"type\":\"string\",\"minLength\":1}," \
    "\"default\":" preset ",\"description\":\"" text "\"}"
/** The mapping's options, for a manifest's schema. */
#define AU_SCHEMA_MAPPING(subjects) \
    AU_SCHEMA_PATHS("subject", subjects, "Claims that name the subject; the first that is there counts") "," \
    AU_SCHEMA_PATHS("tenant", "[]", "Claims that name the tenant; the first that is there counts. Where claims are " \
                    "named here, one of them must be there") "," \
    AU_SCHEMA_PATHS("roles", "[\"roles\"]", "Claims with roles, one text or a list of them: realm_access.roles, or a " \
                    "JSON Pointer such as /https:~1~1app.example~1roles") "," \
    AU_SCHEMA_PATHS("scopes", "[\"scope\",\"scp\"]", "Claims with scopes: a text with blanks between them, or a list") "," \
    "\"attributes\":{\"type\":\"array\",\"maxItems\":64,\"items\":{\"type\":\"string\",\"minLength\":1}," \
    "\"description\":\"Claims that become attributes; left out: all that have no meaning of their own\"}," \
    "\"audiences\":{\"type\":\"array\",\"maxItems\":32,\"items\":{\"type\":\"string\",\"minLength\":1}," \
    "\"default\":[],\"description\":\"Audiences of which a token must name one; empty: the URI of the " \
    "endpoint that was asked for (RFC 8707)\"}," \
    "\"skew_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":600000,\"default\":60000," \
    "\"description\":\"How far clocks may be apart\"}"
// clang-format on

/** Reads those options. `subject` is what counts when it is left out. */
void au_mapping_read(struct au_options *options, struct au_paths subject, struct au_mapping *out);

/** Checks exp, nbf and iat. `*expires_ms` receives when it ends, 0 where it does not. */
int32_t au_claims_time(const struct au_mapping *mapping, const jf_json_value *claims, bool must_end,
                       uint64_t now_ms, uint64_t *expires_ms, jf_fault *why);
/** Checks aud. JF_ABSENT: there is none. */
int32_t au_claims_audience(const struct au_mapping *mapping, const jf_json_value *claims, jf_view resource,
                           jf_fault *why);
/** Writes the principal, without its end, see au_principal_put. The claims are strict (strict.h). */
int32_t au_claims_principal(const struct au_mapping *mapping, const jf_json_value *claims, jf_view issuer,
                            uint64_t expires_ms, struct au_text *out, jf_fault *why);

#endif
