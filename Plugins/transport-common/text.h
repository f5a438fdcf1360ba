/* SPDX-License-Identifier: Apache-2.0
 * Views, bounded text building, comparisons and Base64: pure functions, no allocation. */
#ifndef TRANSPORT_COMMON_TEXT_H
#define TRANSPORT_COMMON_TEXT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <jackfield/host.h>
#include <stdint.h>

/** A view of a string literal. */
#define LITERAL(text) ((jf_view){(const uint8_t *)(text), sizeof(text) - 1})

static inline jf_view view_make(const void *bytes, uint64_t length) {
    return (jf_view){(const uint8_t *)bytes, length};
}

/** Builds text in a caller's array. Once something does not fit, `full` is set and nothing more is written.
 */
struct writer {
    uint8_t *at;
    uint8_t *end;
    bool full;
};

static inline void put_bytes(struct writer *w, const void *bytes, uint64_t length) {
    if ((uint64_t)(w->end - w->at) < length) {
        w->full = true;
        w->end = w->at;
        return;
    }
    memcpy(w->at, bytes, length);
    w->at += length;
}
#define put_literal(w, text) put_bytes((w), (text), sizeof(text) - 1)
static inline void put_view(struct writer *w, jf_view v) {
    if (v.len != 0) put_bytes(w, v.ptr, v.len);
}

void put_decimal(struct writer *w, uint64_t number);
void put_hex(struct writer *w, uint64_t number);

/** Equal without regard to ASCII case; `lower` must be in lower case. */
bool same_nocase(const uint8_t *bytes, uint64_t length, const char *lower, uint64_t lower_length);
#define view_is_nocase(v, text) same_nocase((v).ptr, (v).len, (text), sizeof(text) - 1)
bool view_equal(jf_view a, jf_view b);
bool view_equal_nocase(jf_view a, jf_view b);
/** Without spaces and tabs at both ends. */
jf_view view_trim(jf_view v);
/** The part before the first `mark`; `*rest` receives what follows it (absent when there is no mark). */
jf_view view_until(jf_view v, uint8_t mark, jf_view *rest);
/** True when `v` may stand as a header value: no control characters but tab. */
bool header_value_clean(jf_view v);
/** True when `v` is a non-empty RFC 9110 token. */
bool header_name_clean(jf_view v);

/** True when a mirrored value must travel as `=?base64?...?=` (MCP 2026-07-28, Streamable HTTP, headers). */
bool mirrored_needs_sentinel(jf_view v);
/** Writes a mirrored value, in sentinel form where needed. */
void put_mirrored(struct writer *w, jf_view v);
/** Decodes the sentinel form in place; a plain value stays as it is. False: undecodable. */
bool mirrored_decode(uint8_t *bytes, uint64_t *length);

#endif
