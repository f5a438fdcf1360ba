/* SPDX-License-Identifier: Apache-2.0
 * Header fields that pass through a transport. */
#include "fields.h"

uint32_t fields_list(const struct incoming *in, jf_pair *pairs) {
    const uint32_t members = 1u << FIELD_PROTOCOL | 1u << FIELD_METHOD | 1u << FIELD_NAME |
                             1u << FIELD_SESSION | 1u << FIELD_RESUME | 1u << FIELD_PARAM;
    const uint8_t *base = incoming_base(in);
    uint32_t count = 0;
    for (uint32_t i = 0; i < in->head->count; i++) {
        const struct field *field = &in->head->fields[i];
        if ((members >> field->id & 1u) != 0) continue;
        pairs[count++] = (jf_pair){view_make(base + field->name, field->name_len),
                                   view_trim(view_make(base + field->value, field->value_len))};
    }
    return count;
}

uint64_t fields_size(const jf_pair *pairs, uint64_t count) {
    uint64_t size = sizeof(struct fields) + count * sizeof(*pairs);
    for (uint64_t i = 0; i < count; i++)
        size += pairs[i].name.len + pairs[i].value.len;
    return size;
}

static jf_view keep(uint8_t **at, jf_view text) {
    jf_view kept = view_make(*at, text.len);
    if (text.len != 0) memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return kept;
}

struct fields *fields_copy(void *to, const jf_pair *pairs, uint64_t count) {
    struct fields *copy = to;
    uint8_t *at = (uint8_t *)(copy->pairs + count);
    copy->count = count;
    for (uint64_t i = 0; i < count; i++) {
        copy->pairs[i].name = keep(&at, pairs[i].name);
        copy->pairs[i].value = keep(&at, pairs[i].value);
    }
    copy->size = (uint64_t)(at - (uint8_t *)to);
    return copy;
}

void fields_wipe(struct fields *fields) {
    if (fields != NULL) explicit_bzero(fields->pairs, fields->size - sizeof(*fields));
}

/** Names that a transport writes itself: a second one would frame or route the message otherwise. */
static bool reserved(jf_view name) {
    static const char *const own[] = {
        "host",    "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer",
        "upgrade", "expect",         "content-type",      "date",       "accept",
    };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (same_nocase(name.ptr, name.len, own[i], strlen(own[i]))) return true;
    return name.len >= 4 && same_nocase(name.ptr, 4, "mcp-", 4);
}

bool fields_clean(const jf_message *m) {
    uint64_t count = fields_count(m), size = 0;
    for (uint64_t i = 0; i < count; i++) {
        const jf_pair *pair = &m->fields[i];
        if (pair->name.len > FIELDS_ROOM || pair->value.len > FIELDS_ROOM) return false;
        if (!header_name_clean(pair->name) || reserved(pair->name) || !header_value_clean(pair->value))
            return false;
        size += pair->name.len + pair->value.len + 4;
        if (size > FIELDS_ROOM) return false;
    }
    return true;
}

void fields_put(struct writer *w, const jf_message *m) {
    uint64_t count = fields_count(m);
    for (uint64_t i = 0; i < count; i++) {
        put_view(w, m->fields[i].name);
        put_literal(w, ": ");
        put_view(w, m->fields[i].value);
        put_literal(w, "\r\n");
    }
}
