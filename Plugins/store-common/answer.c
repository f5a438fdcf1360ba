/* SPDX-License-Identifier: Apache-2.0
 * Answers of stores: entries and verdicts as bytes. */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

bool sc_answer_entry(sc_answer *answer, uint64_t revision, uint64_t expires_ms, jf_view key, jf_view value) {
    jf_store_entry head = {revision, expires_ms, (uint32_t)key.len, (uint32_t)value.len};
    size_t size = (size_t)sc_entry_size(key.len, value.len);
    if (answer->room - answer->used < size) {
        size_t room = answer->room * 2 > answer->used + size ? answer->room * 2 : answer->used + size;
        uint8_t *bytes = realloc(answer->bytes, room);
        if (bytes == NULL) {
            sc_answer_drop(answer);
            return false;
        }
        answer->bytes = bytes;
        answer->room = room;
    }
    uint8_t *to = answer->bytes + answer->used;
    memset(to + size - 8, 0, 8); /* the padding; what is not padding is written below */
    memcpy(to, &head, sizeof head);
    if (key.len > 0) memcpy(to + sizeof head, key.ptr, key.len);
    if (value.len > 0) memcpy(to + sizeof head + key.len, value.ptr, value.len);
    answer->used += size;
    return true;
}

void sc_answer_give(sc_answer *answer, jf_blob *out) {
    *out = (jf_blob){answer->bytes, answer->used, answer->bytes, free};
    *answer = (sc_answer){0};
}

void sc_answer_drop(sc_answer *answer) {
    free(answer->bytes);
    *answer = (sc_answer){0};
}

int32_t sc_one_entry(uint64_t revision, uint64_t expires_ms, jf_view key, jf_view value, jf_blob *out) {
    sc_answer answer = {0};
    if (!sc_answer_entry(&answer, revision, expires_ms, key, value)) return JF_E_BUSY;
    sc_answer_give(&answer, out);
    return JF_OK;
}

int32_t sc_verdicts(const jf_store_verdict *verdicts, uint64_t count, jf_blob *out) {
    size_t size = (size_t)count * sizeof *verdicts;
    uint8_t *bytes = malloc(size);
    if (bytes == NULL) return JF_E_BUSY;
    memcpy(bytes, verdicts, size);
    *out = (jf_blob){bytes, size, bytes, free};
    return JF_OK;
}

int sc_key_order(jf_view a, jf_view b) {
    uint64_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.ptr, b.ptr, (size_t)common) : 0;
    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

bool sc_begins(jf_view key, jf_view prefix) {
    return prefix.len <= key.len && (prefix.len == 0 || memcmp(key.ptr, prefix.ptr, (size_t)prefix.len) == 0);
}

uint64_t sc_prefix_end(jf_view prefix, uint8_t *end) {
    uint64_t length = prefix.len;
    while (length > 0 && prefix.ptr[length - 1] == 0xff)
        length--;
    if (length == 0) return 0;
    memcpy(end, prefix.ptr, (size_t)length);
    end[length - 1]++;
    return length;
}
