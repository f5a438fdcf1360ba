/* SPDX-License-Identifier: Apache-2.0
 * What policies, filters and providers do with a jf_principal: ask what it may, write it as JSON. A
 * convenience of the SDK and no part of the ABI. */
#ifndef JACKFIELD_PRINCIPALS_H
#define JACKFIELD_PRINCIPALS_H

#include <jackfield/principal.h>
#include <jackfield/text.h>

/** Whether one of the texts says this. */
static inline bool jf_names(const jf_view *texts, uint64_t count, const char *name) {
    for (uint64_t i = 0; i < count; i++)
        if (jf_view_is(texts[i], name)) return true;
    return false;
}

/** Whether somebody is known at all. */
static inline bool jf_is_known(const jf_principal *who) {
    return who != NULL && who->id != 0;
}
/** Whether it has this role. */
static inline bool jf_has_role(const jf_principal *who, const char *role) {
    return who != NULL && jf_names(who->roles, who->role_count, role);
}
/** Whether this scope was granted to its credentials. */
static inline bool jf_has_scope(const jf_principal *who, const char *scope) {
    return who != NULL && jf_names(who->scopes, who->scope_count, scope);
}

/** Something of its attributes by JSON Pointer ("/email"). False: there is none. */
static inline bool jf_attribute(const jf_principal *who, const char *pointer, jf_json_value *out) {
    jf_json_value root;
    return who != NULL && jf_json_read(who->attributes, &root) &&
           jf_json_find(&root, jf_view_of(pointer), out) == JF_OK;
}

/** Leaves `keep_ms` out of an answer: until the principal expires, at most an hour. */
#define JF_KEEP_USUAL (-1)

/** What `identify` answers: fill in subject, tenant, issuer, credential, roles, scopes, attributes and
 * expires_ms of a jf_principal, as far as they are known (the host makes the rest). `keep_ms`: for how long
 * the host may answer the same credentials itself, or JF_KEEP_USUAL. JF_OK, or JF_E_BUSY: no memory. */
static inline int32_t jf_principal_write(const jf_principal *who, int64_t keep_ms, jf_blob *out) {
    jf_text it = {0};
    jf_text_put(&it, "{");
    jf_text_member(&it, "subject", who->subject);
    jf_text_member(&it, "tenant", who->tenant);
    jf_text_member(&it, "issuer", who->issuer);
    jf_text_member(&it, "credential", who->credential);
    jf_text_members(&it, "roles", who->roles, who->role_count);
    jf_text_members(&it, "scopes", who->scopes, who->scope_count);
    if (who->attributes.len > 0) {
        jf_text_key(&it, "attributes");
        jf_text_add(&it, who->attributes);
    }
    if (who->expires_ms > 0) {
        jf_text_key(&it, "expires_ms");
        jf_text_number(&it, (int64_t)(who->expires_ms < INT64_MAX ? who->expires_ms : INT64_MAX));
    }
    if (keep_ms >= 0) {
        jf_text_key(&it, "keep_ms");
        jf_text_number(&it, keep_ms);
    }
    jf_text_put(&it, "}");
    return jf_text_give(&it, out);
}

/** The credentials behind "Bearer " in the header field authorization (RFC 6750 section 2.1); the scheme in
 * any case (RFC 9110 section 11.1). JF_OK; JF_ABSENT: there are none; JF_E_INVALID: the field is there twice,
 * or there is nothing behind the scheme. `fields` are those of jf_credentials. */
static inline int32_t jf_bearer(const jf_pair *fields, uint64_t count, jf_view *token) {
    static const char scheme[] = "bearer ";
    const jf_pair *found = NULL;
    for (uint64_t i = 0; i < count; i++) {
        if (!jf_view_is(fields[i].name, "authorization")) continue;
        if (found != NULL) return JF_E_INVALID;
        found = &fields[i];
    }
    if (found == NULL || found->value.len < sizeof scheme - 1) return JF_ABSENT;
    for (uint64_t i = 0; i < sizeof scheme - 1; i++)
        if ((found->value.ptr[i] | 0x20) != scheme[i]) return JF_ABSENT;
    const uint8_t *at = found->value.ptr + sizeof scheme - 1, *end = found->value.ptr + found->value.len;
    while (at < end && *at == ' ')
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *token = (jf_view){at, (uint64_t)(end - at)};
    return at < end ? JF_OK : JF_E_INVALID;
}

/** Whether two secrets are the same, in a time that depends on their lengths only. */
static inline bool jf_same_secret(jf_view one, jf_view other) {
    volatile uint8_t differs = one.len != other.len;
    for (uint64_t i = 0; i < one.len; i++)
        differs |= (uint8_t)(one.ptr[i] ^ (other.len > 0 ? other.ptr[i % other.len] : 0xff));
    return differs == 0;
}

#endif
