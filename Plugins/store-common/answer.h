/* SPDX-License-Identifier: Apache-2.0
 * Answers of stores: entries and verdicts as bytes. */
#ifndef STORE_COMMON_ANSWER_H
#define STORE_COMMON_ANSWER_H

#include <jackfield/store.h>
#include <stdbool.h>

/** An answer in the making. */
typedef struct sc_answer {
    uint8_t *bytes;
    size_t used, room;
} sc_answer;

/** Bytes of an entry in an answer. */
static inline uint64_t sc_entry_size(uint64_t key_len, uint64_t value_len) {
    return (sizeof(jf_store_entry) + key_len + value_len + 7) / 8 * 8;
}

/** Appends an entry; false: no memory, and what there was is gone. */
bool sc_answer_entry(sc_answer *answer, uint64_t revision, uint64_t expires_ms, jf_view key, jf_view value);
/** Hands the bytes over. `answer` is empty afterwards. */
void sc_answer_give(sc_answer *answer, jf_blob *out);
void sc_answer_drop(sc_answer *answer);

/** One entry as an answer; JF_OK, or JF_E_BUSY without memory. */
int32_t sc_one_entry(uint64_t revision, uint64_t expires_ms, jf_view key, jf_view value, jf_blob *out);
/** Copies verdicts; JF_OK, or JF_E_BUSY without memory. */
int32_t sc_verdicts(const jf_store_verdict *verdicts, uint64_t count, jf_blob *out);

/** The order of keys: by their bytes, the shorter first. */
int sc_key_order(jf_view a, jf_view b);
bool sc_begins(jf_view key, jf_view prefix);
/** Writes the first key behind all that begin with `prefix` to `end` (room for prefix.len bytes). Its length;
 * 0: there is none, the prefix is empty or all 0xFF. */
uint64_t sc_prefix_end(jf_view prefix, uint8_t *end);

#endif
