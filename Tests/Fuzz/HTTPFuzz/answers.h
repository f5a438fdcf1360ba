/* SPDX-License-Identifier: Apache-2.0
 * A reference reader of HTTP answers: whatever a client sends, what comes back must be well-formed (RFC
 * 9112). */
#ifndef HTTP_FUZZ_ANSWERS_H
#define HTTP_FUZZ_ANSWERS_H

#include "script.h"

typedef struct framing {
    unsigned status;
    bool chunked, sized;
    uint64_t length;
} framing;

static void check_line(jf_view line, framing *f) {
    jf_view value, name = view_until(line, ':', &value);
    MUST(value.ptr != NULL && header_name_clean(name), "not a header line: %.*s", (int)line.len, line.ptr);
    MUST(header_value_clean(value), "control characters in %.*s", (int)line.len, line.ptr);
    value = view_trim(value);
    if (view_is_nocase(name, "transfer-encoding")) {
        MUST(!f->chunked && view_is_nocase(value, "chunked"), "transfer coding");
        f->chunked = true;
    }
    if (view_is_nocase(name, "content-length")) {
        MUST(!f->sized && value.len != 0 && value.len < 10, "content length");
        f->sized = true;
        for (uint64_t i = 0; i < value.len; i++)
            f->length = f->length * 10 + (uint64_t)(value.ptr[i] - '0');
    }
}

/** Reads status line and header lines; 0: they are not all there. */
static size_t read_head(jf_view bytes, framing *f) {
    const uint8_t *end = memmem(bytes.ptr, bytes.len, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    jf_view head = view_make(bytes.ptr, (uint64_t)(end - bytes.ptr) + 2);
    MUST(head.len > 15 && memcmp(head.ptr, "HTTP/1.1 ", 9) == 0 && head.ptr[12] == ' ', "status line: %.*s",
         (int)head.len, head.ptr);
    for (int i = 9; i < 12; i++)
        f->status = f->status * 10 + (unsigned)(head.ptr[i] - '0');
    MUST(f->status >= 100 && f->status < 600, "status %u", f->status);
    for (bool first = true; head.len != 0; first = false) {
        const uint8_t *stop = memmem(head.ptr, head.len, "\r\n", 2);
        jf_view line = view_make(head.ptr, (uint64_t)(stop - head.ptr));
        if (!first) check_line(line, f);
        head = view_make(stop + 2, head.len - line.len - 2);
    }
    MUST(!f->chunked || !f->sized, "both framings");
    return (size_t)(end - bytes.ptr) + 4;
}

/** Length of a chunked body with its end; the whole rest where it is not over. */
static uint64_t read_chunks(jf_view rest) {
    uint64_t at = 0;
    for (;;) {
        jf_view behind, line = view_until(view_make(rest.ptr + at, rest.len - at), '\n', &behind);
        if (behind.ptr == NULL) return rest.len;
        char text[20] = "";
        MUST(line.len > 1 && line.len < sizeof(text) && line.ptr[line.len - 1] == '\r', "chunk size");
        memcpy(text, line.ptr, line.len - 1);
        char *stop;
        uint64_t size = strtoull(text, &stop, 16);
        MUST(*stop == 0, "chunk size %s", text);
        at += line.len + 1;
        if (rest.len - at < size + 2) return rest.len;
        MUST(memcmp(rest.ptr + at + size, "\r\n", 2) == 0, "no line break behind a chunk");
        at += size + 2;
        if (size == 0) return at;
    }
}

/** Reads everything that a client heard. `cut`: the connection may have ended anywhere. */
static void check_answers(jf_view bytes, bool cut) {
    while (bytes.len != 0) {
        framing f = {0};
        size_t head = read_head(bytes, &f);
        MUST(head != 0 || cut, "a head is not whole: %.*s", (int)bytes.len, bytes.ptr);
        if (head == 0) return;
        jf_view rest = view_make(bytes.ptr + head, bytes.len - head);
        uint64_t body = 0;
        // An answer to HEAD has a length and no body: then the next answer follows, or nothing.
        bool none = f.status < 200 || f.status == 204 || f.status == 304 || rest.len == 0 ||
                    ((f.sized || f.chunked) && rest.len > 9 && memcmp(rest.ptr, "HTTP/1.1 ", 9) == 0);
        if (!none && f.chunked)
            body = read_chunks(rest);
        else if (!none && f.sized)
            body = f.length;
        else if (!none)
            body = rest.len;
        MUST(body <= rest.len || cut, "%llu of %llu bytes of a body", (unsigned long long)rest.len,
             (unsigned long long)body);
        if (body > rest.len) return;
        bytes = view_make(rest.ptr + body, rest.len - body);
    }
}

/** Blanks the dates, which are the only part that may differ between two runs. */
static void blank_dates(record *r) {
    for (char *at = r->text; at != NULL && r->length != 0;) {
        at = memmem(at, r->length - (size_t)(at - r->text), "\r\nDate: ", 8);
        if (at == NULL || r->length - (size_t)(at - r->text) < 8 + 29) return;
        memset(at + 8, '-', 29);
        at += 8 + 29;
    }
}

#endif
