/* SPDX-License-Identifier: Apache-2.0
 * What providers have in common beside the ABI: faults, the log, header fields, names. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "provider.h"

#include <strings.h>

int32_t au_refuse(jf_fault *why, int32_t code, const char *format, ...) {
    char text[220];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return jf_fault_set(why, code, 0, "%s: %s", au_this.plugin, text);
}

int32_t au_deny(jf_fault *why, const char *text) {
    return jf_fault_set(why, JF_E_DENIED, JF_FAULT_PUBLIC, "%s", text);
}

int32_t au_unknown(jf_fault *why, uint64_t retry_ms, const char *format, ...) {
    char text[220];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    jf_fault_set(why, JF_E_GONE, 0, "%s: %s", au_this.plugin, text);
    if (why != NULL) why->retry_ms = retry_ms < UINT32_MAX ? (uint32_t)retry_ms : UINT32_MAX;
    return JF_E_GONE;
}

void au_log(const struct au_provider *provider, uint32_t level, const char *format, ...) {
    const jf_log_1 *log = provider->host->log;
    char text[512];
    if (log == NULL || provider->host->stopped) return;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0) return;
    jf_pair field = {AU_LITERAL("provider"), {(const uint8_t *)provider->name, strlen(provider->name)}};
    uint64_t most = sizeof(text) - 1;
    log->write(log->context, level,
               (jf_view){(const uint8_t *)text, (uint64_t)length < most ? (uint64_t)length : most}, &field,
               1);
}

void au_forget(const struct au_provider *provider, jf_view credential) {
    const jf_identity_1 *identity = provider->host->identity;
    if (identity != NULL && !provider->host->stopped) identity->forget(identity->context, credential);
}

void au_forget_all(const struct au_provider *provider, const jf_view *credentials, uint32_t count) {
    if (count > AU_FORGET_MOST) au_forget(provider, (jf_view){0});
    for (uint32_t i = 0; i < count && count <= AU_FORGET_MOST; i++)
        au_forget(provider, credentials[i]);
}

int32_t au_field(const jf_credentials *credentials, jf_view name, jf_view *value, jf_fault *why) {
    bool found = false;
    for (uint64_t i = 0; i < credentials->field_count; i++) {
        const jf_pair *field = &credentials->fields[i];
        if (!au_same(field->name, name)) continue;
        // Whoever else reads the request might take the other one.
        if (found) return au_deny(why, "the request has the same credential header twice");
        found = true;
        *value = field->value;
    }
    return found ? JF_OK : JF_ABSENT;
}

/** RFC 6750 section 2.1: b64token. */
static bool is_token(jf_view text) {
    uint64_t i = 0;
    for (; i < text.len && text.ptr[i] != '='; i++) {
        uint8_t c = text.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '.' || c == '_' || c == '~' || c == '+' || c == '/'))
            return false;
    }
    if (i == 0) return false;
    while (i < text.len && text.ptr[i] == '=')
        i++;
    return i == text.len;
}

int32_t au_bearer(const jf_credentials *credentials, jf_view *token, jf_fault *why) {
    static const char scheme[] = "bearer";
    jf_view value;
    int32_t status = au_field(credentials, AU_LITERAL("authorization"), &value, why);
    if (status != JF_OK) return status;
    if (value.len < 6 || strncasecmp((const char *)value.ptr, scheme, 6) != 0) return JF_ABSENT;
    if (value.len > 6 && value.ptr[6] != ' ' && value.ptr[6] != '\t') return JF_ABSENT;
    uint64_t at = 6, end = value.len;
    while (at < end && value.ptr[at] == ' ')
        at++;
    while (end > at && (value.ptr[end - 1] == ' ' || value.ptr[end - 1] == '\t'))
        end--;
    *token = (jf_view){value.ptr + at, end - at};
    return is_token(*token) ? JF_OK : au_deny(why, "the Authorization header holds no bearer token");
}

bool au_glob(jf_view pattern, jf_view text) {
    uint64_t p = 0, t = 0, star = UINT64_MAX, mark = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != UINT64_MAX) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

bool au_presentable(jf_view text) {
    for (uint64_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i], next = i + 1 < text.len ? text.ptr[i + 1] : 0,
                last = i + 2 < text.len ? text.ptr[i + 2] : 0;
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0)) return false;
        // U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069
        if (c == 0xe2 && next == 0x80 && (last == 0x8e || last == 0x8f || (last >= 0xa8 && last <= 0xae)))
            return false;
        if (c == 0xe2 && next == 0x81 && last >= 0xa6 && last <= 0xa9) return false;
    }
    return text.len != 0;
}
