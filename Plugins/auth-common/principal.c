/* SPDX-License-Identifier: Apache-2.0
 * The JSON of a principal, as jackfield/auth.h has it. */
#include "principal.h"
#include "strict.h"

static void member(struct au_text *out, jf_view name, jf_view value) {
    if (value.ptr == NULL) return;
    if (out->len > 1) au_puts(out, ",");
    au_put_quoted(out, name);
    au_puts(out, ":");
    au_put_quoted(out, value);
}

static void list(struct au_text *out, jf_view name, const jf_view *texts, uint32_t count) {
    if (count == 0) return;
    au_puts(out, ",");
    au_put_quoted(out, name);
    au_puts(out, ":[");
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) au_puts(out, ",");
        au_put_quoted(out, texts[i]);
    }
    au_puts(out, "]");
}

void au_principal_put(struct au_text *out, const struct au_principal *principal) {
    au_puts(out, "{");
    member(out, AU_LITERAL("subject"), principal->subject);
    member(out, AU_LITERAL("tenant"), principal->tenant);
    member(out, AU_LITERAL("issuer"), principal->issuer);
    member(out, AU_LITERAL("credential"), principal->credential);
    list(out, AU_LITERAL("roles"), principal->roles, principal->role_count);
    list(out, AU_LITERAL("scopes"), principal->scopes, principal->scope_count);
    if (principal->attributes.ptr != NULL) {
        au_puts(out, ",\"attributes\":");
        au_put(out, principal->attributes);
    }
    if (principal->expires_ms != 0) {
        au_puts(out, ",\"expires_ms\":");
        au_put_number(out, principal->expires_ms);
    }
}

bool au_principal_end(struct au_text *out, uint64_t keep_ms, jf_blob *principal, jf_fault *why) {
    if (keep_ms != UINT64_MAX) {
        au_puts(out, ",\"keep_ms\":");
        au_put_number(out, keep_ms);
    }
    au_puts(out, "}");
    if (au_text_blob(out, principal)) return true;
    au_refuse(why, JF_E_FAULT, "out of memory for a principal");
    return false;
}

static void presentable(struct au_options *options, jf_view text, const char *name) {
    if (text.ptr != NULL && !au_presentable(text))
        au_option_wrong(options, "%s must be text without control characters, and not empty", name);
}

void au_principal_read(struct au_options *options, const jf_json_value *in, struct au_principal *out) {
    jf_json_value attributes;
    out->tenant = au_option_text(options, in, "tenant");
    presentable(options, out->tenant, "tenant");
    out->roles = au_option_texts(options, in, "roles", 256, &out->role_count);
    for (uint32_t i = 0; i < out->role_count; i++)
        presentable(options, out->roles[i], "roles");
    out->scopes = au_option_texts(options, in, "scopes", 256, &out->scope_count);
    for (uint32_t i = 0; i < out->scope_count; i++)
        presentable(options, out->scopes[i], "scopes");
    out->attributes = au_option_raw(options, in, "attributes", JF_JSON_OBJECT);
    if (out->attributes.ptr != NULL && jf_json_read(out->attributes, &attributes) &&
        !au_json_strict(&attributes))
        au_option_wrong(options, "attributes repeats a member, or is nested too deeply");
}

void au_subject_read(struct au_options *options, const jf_json_value *in, jf_view preset,
                     struct au_principal *out) {
    out->subject = au_option_text(options, in, "subject");
    if (out->subject.ptr == NULL) out->subject = preset;
    if (out->subject.ptr == NULL) au_option_wrong(options, "subject is missing: who is it?");
    presentable(options, out->subject, "subject");
}
