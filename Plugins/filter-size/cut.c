/* SPDX-License-Identifier: Apache-2.0
 * Cutting a list of content: whole elements as long as they fit, then a text between two characters. */
#include "size.h"

/** The least of a text that is worth an element of its own. */
#define LEAST_TEXT 64

/* The text in an element of content, of contents or of messages. */
static bool text_of(const jf_json_value *element, jf_json_value *text) {
    jf_json_value inner;
    if (fl_member(element, "text", text)) return text->kind == JF_JSON_STRING;
    if (fl_member(element, "content", &inner) || fl_member(element, "resource", &inner))
        return fl_member(&inner, "text", text) && text->kind == JF_JSON_STRING;
    return false;
}

/* How much of a string, as it is written, fits into `room` without cutting a character or an escape. */
static uint64_t fits(const jf_json_value *string, uint64_t room) {
    const uint8_t *at = string->ptr, *end = at + string->len;
    uint8_t character[4];
    while (at < end) {
        const uint8_t *next = at;
        if (*at == '\\') {
            jf_json_character(&next, end, character);
        } else {
            next += *at < 0x80 ? 1 : jf_json_utf8(at, end);
        }
        if ((uint64_t)(next - string->ptr) > room) break;
        at = next;
    }
    return (uint64_t)(at - string->ptr);
}

static void element(fl_bytes *out, jf_view bytes) {
    if (out->len > 0) fl_add(out, ",", 1);
    fl_add(out, bytes.ptr, bytes.len);
}

/* An element with a part of its text. */
static uint64_t part(fl_bytes *out, jf_view whole, const jf_json_value *text, jf_view some) {
    uint64_t start = (uint64_t)(text->ptr - whole.ptr);
    if (out->len > 0) fl_add(out, ",", 1);
    fl_add(out, whole.ptr, start);
    fl_add(out, some.ptr, some.len);
    uint64_t end = out->len;
    fl_add(out, text->ptr + text->len, whole.len - start - text->len);
    return end;
}

void sz_cut_list(const jf_json_value *array, uint64_t budget, uint64_t most, sz_cut *out) {
    jf_json_walk walk = jf_json_walk_of(array);
    jf_json_value key, value, text;
    bool full = false;
    while (jf_json_next(&walk, &key, &value) == 1) {
        jf_view raw = jf_json_raw(&value);
        full = full || (most != 0 && out->kept_count == most);
        if (!full && out->kept.len + raw.len + 1 <= budget) {
            element(&out->kept, raw);
            out->kept_count++;
            continue;
        }
        bool has_text = text_of(&value, &text);
        if (!has_text && raw.len + 1 > budget) {
            out->omitted++;
            continue;
        }
        if (full || !has_text) {
            full = true;
            element(&out->rest, raw);
            continue;
        }
        full = true;
        uint64_t around = raw.len - text.len + 1,
                 left = budget - (out->kept.len < budget ? out->kept.len : budget);
        uint64_t head = left > around ? fits(&text, left - around) : 0;
        /* the first element is cut in any case, or nothing would ever come of it */
        if (head < LEAST_TEXT && out->kept_count > 0) {
            element(&out->rest, raw);
            continue;
        }
        if (head == 0) head = fits(&text, LEAST_TEXT);
        out->text_end = part(&out->kept, raw, &text, (jf_view){text.ptr, head});
        out->kept_count++;
        if (head < text.len) part(&out->rest, raw, &text, (jf_view){text.ptr + head, text.len - head});
    }
}

void sz_cut_free(sz_cut *cut) {
    fl_free(&cut->kept);
    fl_free(&cut->rest);
}
