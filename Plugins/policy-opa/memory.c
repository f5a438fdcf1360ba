/* SPDX-License-Identifier: Apache-2.0
 * Decisions that are remembered for a while, by the whole input: no two inputs are taken for one. */
#include "opa.h"

typedef struct opa_kept {
    uint64_t hash, until_ms;
    uint8_t *bytes; /**< the input, then the decision */
    uint64_t input, decision;
} opa_kept;

/** Inputs that are longer are not remembered. */
#define LONGEST (64u << 10)

bool opa_memory_begin(opa_memory *it, uint32_t room, uint64_t ttl_ms) {
    it->ttl_ms = ttl_ms;
    if (ttl_ms == 0 || room == 0) return true;
    it->list = calloc(room, sizeof *it->list);
    it->room = it->list != NULL ? room : 0;
    return it->list != NULL;
}

void opa_memory_end(opa_memory *it) {
    for (uint32_t i = 0; i < it->room; i++)
        free(it->list[i].bytes);
    free(it->list);
}

static uint64_t hash_of(jf_view input) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < input.len; i++)
        hash = (hash ^ input.ptr[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

/* An input has eight places, one after the other. */
static opa_kept *place(const opa_memory *it, uint64_t hash, uint32_t step) {
    return &it->list[(hash + step) % it->room];
}

jf_view opa_recall(const opa_memory *it, jf_view input, uint64_t now_ms) {
    if (it->room == 0) return (jf_view){0};
    uint64_t hash = hash_of(input);
    for (uint32_t step = 0; step < 8; step++) {
        const opa_kept *at = place(it, hash, step);
        if (at->bytes != NULL && at->hash == hash && at->until_ms > now_ms && at->input == input.len &&
            memcmp(at->bytes, input.ptr, input.len) == 0)
            return (jf_view){at->bytes + at->input, at->decision};
    }
    return (jf_view){0};
}

void opa_remember(opa_memory *it, jf_view input, jf_view decision, uint64_t now_ms) {
    if (it->room == 0 || input.len > LONGEST || decision.len > LONGEST) return;
    uint64_t hash = hash_of(input);
    opa_kept *oldest = place(it, hash, 0);
    for (uint32_t step = 0; step < 8; step++) {
        opa_kept *at = place(it, hash, step);
        bool same = at->bytes != NULL && at->hash == hash && at->input == input.len &&
                    memcmp(at->bytes, input.ptr, input.len) == 0;
        if (same || at->until_ms < oldest->until_ms) oldest = at;
        if (same) break;
    }
    uint8_t *bytes = malloc(input.len + decision.len + 1);
    if (bytes == NULL) return;
    memcpy(bytes, input.ptr, input.len);
    memcpy(bytes + input.len, decision.ptr, decision.len);
    free(oldest->bytes);
    *oldest = (opa_kept){hash, now_ms + it->ttl_ms, bytes, input.len, decision.len};
}
