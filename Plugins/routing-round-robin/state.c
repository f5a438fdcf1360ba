/* SPDX-License-Identifier: Apache-2.0
 * Export and import of round-robin state. Layout, little-endian: "JFRR", u16 version 1, u16 zero, u32 entry
 * count, u32 zero, then per entry u64 endpoint id and i64 credit, then u64 FNV-1a over all that stands before
 * it. */
#include "smooth.h"
#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define HEAD 16
#define ENTRY 16
#define TAIL 8
/** No honest credit comes near: it is about the sum of all weights at most. */
#define MOST_CREDIT ((int64_t)1 << 44)

static uint64_t checksum(const uint8_t *bytes, uint64_t size) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

int32_t rr_export(const rr_state *state, jf_blob *out) {
    uint64_t size = HEAD + (uint64_t)state->count * ENTRY + TAIL;
    uint8_t *bytes = calloc(1, size); /* may be dropped after this instance and its services ended */
    if (bytes == NULL) return JF_E_BUSY;
    const uint16_t version = VERSION;
    memcpy(bytes, "JFRR", 4);
    memcpy(bytes + 4, &version, sizeof version);
    memcpy(bytes + 8, &state->count, sizeof state->count);
    for (uint32_t i = 0; i < state->count; i++) {
        memcpy(bytes + HEAD + i * ENTRY, &state->entries[i].id, 8);
        memcpy(bytes + HEAD + i * ENTRY + 8, &state->entries[i].credit, 8);
    }
    uint64_t sum = checksum(bytes, size - TAIL);
    memcpy(bytes + size - TAIL, &sum, sizeof sum);
    *out = (jf_blob){bytes, size, bytes, free};
    return JF_OK;
}

int32_t rr_import(rr_state *state, jf_view view) {
    uint16_t version;
    uint32_t count;
    uint64_t sum;
    if (view.len < HEAD + TAIL || memcmp(view.ptr, "JFRR", 4) != 0) return JF_E_INVALID;
    memcpy(&version, view.ptr + 4, sizeof version);
    if (version != VERSION) return JF_E_UNSUPPORTED;
    memcpy(&count, view.ptr + 8, sizeof count);
    memcpy(&sum, view.ptr + view.len - TAIL, sizeof sum);
    if (view.len != HEAD + (uint64_t)count * ENTRY + TAIL || sum != checksum(view.ptr, view.len - TAIL))
        return JF_E_INVALID;
    rr_state next;
    rr_init(&next, state->memory, state->limit);
    int32_t status = JF_OK;
    for (uint32_t i = 0; i < count && i < state->limit && status == JF_OK; i++) {
        jf_ref id;
        int64_t credit;
        memcpy(&id, view.ptr + HEAD + (uint64_t)i * ENTRY, sizeof id);
        memcpy(&credit, view.ptr + HEAD + (uint64_t)i * ENTRY + 8, sizeof credit);
        if (id == 0 || credit > MOST_CREDIT || credit < -MOST_CREDIT || rr_find(&next, id) != UINT32_MAX)
            status = JF_E_INVALID;
        else if (!rr_add(&next, id, credit))
            status = JF_E_BUSY;
    }
    if (status != JF_OK) {
        rr_clear(&next);
        return status;
    }
    rr_clear(state);
    *state = next;
    return JF_OK;
}
