/* SPDX-License-Identifier: Apache-2.0
 * Memory, growing text, and reading options. */
#include "policy.h"

void *pc_keep(pc_policy *policy, uint64_t size) {
    /* 16 bytes ahead keep what follows aligned; the first of them lead to the block before. */
    void **it = calloc(1, 16 + size);
    if (it == NULL) return NULL;
    *it = policy->kept;
    policy->kept = it;
    return (char *)it + 16;
}

jf_view pc_keep_text(pc_policy *policy, jf_view text) {
    uint8_t *copy = pc_keep(policy, text.len + 1);
    if (copy == NULL) return (jf_view){0};
    if (text.len > 0) memcpy(copy, text.ptr, text.len);
    return (jf_view){copy, text.len};
}

jf_view pc_keep_string(pc_policy *policy, const jf_json_value *string) {
    uint8_t *copy = pc_keep(policy, string->len + 1);
    if (copy == NULL) return (jf_view){0};
    uint64_t length = jf_json_decode(string, copy);
    if (length == UINT64_MAX) return (jf_view){0};
    copy[length] = 0;
    return (jf_view){copy, length};
}

jf_view pc_keep_format(pc_policy *policy, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0) return (jf_view){0};
    uint64_t most = sizeof text - 1;
    return pc_keep_text(policy,
                        (jf_view){(uint8_t *)text, (uint64_t)length < most ? (uint64_t)length : most});
}

void pc_give(jf_blob *out, void *bytes, uint64_t length) {
    *out = (jf_blob){.ptr = bytes, .len = length, .owner = bytes, .drop = free};
}

void pc_put(pc_text *text, const void *bytes, uint64_t length) {
    if (text->failed) return;
    if (text->room - text->length < length) {
        uint64_t room = text->room * 2 + length + 256;
        char *more = realloc(text->bytes, room);
        if (more == NULL) {
            text->failed = true;
            return;
        }
        text->bytes = more;
        text->room = room;
    }
    if (length > 0) memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

void pc_puts(pc_text *text, const char *words) {
    pc_put(text, words, strlen(words));
}

void pc_put_quoted(pc_text *text, jf_view words) {
    pc_put(text, "", 0);
    uint8_t small[1024], *quoted = small;
    uint64_t room = words.len * 6 + 2;
    if (room > sizeof small) quoted = malloc(room);
    if (quoted == NULL) {
        text->failed = true;
        return;
    }
    pc_put(text, quoted, jf_json_quote(words, quoted));
    if (quoted != small) free(quoted);
}

bool pc_member(const jf_json_value *object, const char *name, jf_json_value *out) {
    if (object->kind != JF_JSON_OBJECT) return false;
    jf_json_walk it = jf_json_walk_of(object);
    jf_json_value key, value;
    while (jf_json_next(&it, &key, &value) == 1) {
        if (!jf_json_is(&key, pc_view(name))) continue;
        *out = value;
        return true;
    }
    return false;
}

uint32_t pc_count(const jf_json_value *container) {
    if (container->kind != JF_JSON_OBJECT && container->kind != JF_JSON_ARRAY) return 0;
    jf_json_walk it = jf_json_walk_of(container);
    jf_json_value key, value;
    uint32_t count = 0;
    while (jf_json_next(&it, &key, &value) == 1)
        count++;
    return count;
}

int pc_flag(const jf_json_value *options, const char *name, int preset) {
    jf_json_value value;
    if (!pc_member(options, name, &value) || value.kind != JF_JSON_BOOL) return preset;
    return jf_json_raw(&value).ptr[0] == 't';
}

int64_t pc_integer(const jf_json_value *options, const char *name, int64_t preset) {
    jf_json_value value;
    int64_t number;
    return pc_member(options, name, &value) && jf_json_int64(&value, &number) ? number : preset;
}

bool pc_is(const jf_json_value *options, const char *name, const char *word) {
    jf_json_value value;
    return pc_member(options, name, &value) && value.kind == JF_JSON_STRING &&
           jf_json_is(&value, pc_view(word));
}

int32_t pc_wrong(jf_fault *why, const char *format, ...) {
    char text[236];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return jf_fault_set(why, JF_E_INVALID, 0, "%s", text);
}

int32_t pc_no_memory(jf_fault *why) {
    return jf_fault_set(why, JF_E_BUSY, 0, "%s: out of memory", pc_this.name);
}
