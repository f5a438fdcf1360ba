/* SPDX-License-Identifier: Apache-2.0
 * The algorithm: smooth weighted round-robin as nginx introduced it in 2012 (ngx_http_upstream_round_robin.c,
 * change "smooth weighted round-robin balancing"). Each pick gives every eligible endpoint its weight as
 * credit, chooses the one with the most, and takes the sum of all weights from it. Over every cycle of
 * sum(weights) picks each endpoint gets exactly its weight, spread as evenly as can be: weights 5, 1, 1 give
 * a a b a c a a.
 *
 * When the set changes between picks, endpoints that are not eligible keep their credit, so that one that
 * comes back neither catches up in a burst nor has to wait. A new one begins at 0: only the highest credit is
 * ever lowered and only by the sum of the weights, so all stay within about that sum, and a newcomer is one
 * cycle away at most. */
#include "smooth.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 16
/** Larger weights count as this one, so that no sum can overflow. */
#define MOST_WEIGHT (1u << 20)

static void *allocate(const rr_state *state, uint64_t size) {
    return state->memory != NULL ? state->memory->allocate(state->memory->context, size) : calloc(1, size);
}

static void release(const rr_state *state, void *memory) {
    if (state->memory != NULL)
        state->memory->release(state->memory->context, memory);
    else
        free(memory);
}

void rr_init(rr_state *state, const jf_memory_1 *memory, uint32_t limit) {
    *state = (rr_state){.memory = memory, .limit = limit};
}

void rr_clear(rr_state *state) {
    release(state, state->entries);
    release(state, state->index);
    release(state, state->found);
    rr_init(state, state->memory, state->limit);
}

/* ---- The table of entries ---- */

static uint32_t place_of(const rr_state *state, jf_ref id) {
    uint64_t hash = id * 0x9e3779b97f4a7c15u; /* Fibonacci hashing: refs differ in their low and high bits */
    return (uint32_t)(hash >> 32) & (2 * state->capacity - 1);
}

uint32_t rr_find(const rr_state *state, jf_ref id) {
    if (state->capacity == 0) return UINT32_MAX;
    for (uint32_t place = place_of(state, id); state->index[place] != 0;) {
        uint32_t number = state->index[place] - 1;
        if (state->entries[number].id == id) return number;
        place = (place + 1) & (2 * state->capacity - 1);
    }
    return UINT32_MAX;
}

static void index_entry(rr_state *state, uint32_t number) {
    uint32_t place = place_of(state, state->entries[number].id);
    while (state->index[place] != 0)
        place = (place + 1) & (2 * state->capacity - 1);
    state->index[place] = number + 1;
}

static void index_all(rr_state *state) {
    memset(state->index, 0, 2 * (size_t)state->capacity * sizeof *state->index);
    for (uint32_t i = 0; i < state->count; i++)
        index_entry(state, i);
}

static bool grow(rr_state *state) {
    if (state->capacity > UINT32_MAX / 4) return false;
    uint32_t capacity = state->capacity == 0 ? FIRST_CAPACITY : state->capacity * 2;
    rr_entry *entries = allocate(state, capacity * sizeof *entries);
    uint32_t *index = allocate(state, 2 * (uint64_t)capacity * sizeof *index);
    if (entries == NULL || index == NULL) {
        release(state, entries);
        release(state, index);
        return false;
    }
    if (state->count > 0) memcpy(entries, state->entries, state->count * sizeof *entries);
    release(state, state->entries);
    release(state, state->index);
    state->entries = entries;
    state->index = index;
    state->capacity = capacity;
    index_all(state);
    return true;
}

bool rr_add(rr_state *state, jf_ref id, int64_t credit) {
    if (state->count == state->capacity && !grow(state)) return false;
    state->entries[state->count] = (rr_entry){id, credit, state->picks};
    index_entry(state, state->count++);
    return true;
}

/* ---- New endpoints, rarely ---- */

/* Forgets the endpoints that were not eligible for the longest time until `wanted` more fit below the limit;
 * those of this pick stay. */
static void make_room(rr_state *state, uint64_t wanted) {
    bool changed = false;
    while (state->count > 0 && state->count + wanted > state->limit) {
        uint32_t oldest = 0;
        for (uint32_t i = 1; i < state->count; i++) {
            if (state->entries[i].seen < state->entries[oldest].seen) oldest = i;
        }
        if (state->entries[oldest].seen == state->picks) break;
        state->entries[oldest] = state->entries[--state->count];
        changed = true;
    }
    if (changed) index_all(state);
}

/* Makes every eligible endpoint known. */
static int32_t admit(rr_state *state, const jf_endpoint *const *eligible, uint64_t count) {
    uint64_t missing = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t number = rr_find(state, eligible[i]->id);
        if (eligible[i]->id == 0) return JF_E_INVALID;
        if (number == UINT32_MAX)
            missing++;
        else
            state->entries[number].seen = state->picks;
    }
    make_room(state, missing);
    for (uint64_t i = 0; i < count; i++) {
        if (rr_find(state, eligible[i]->id) == UINT32_MAX && !rr_add(state, eligible[i]->id, 0))
            return JF_E_BUSY;
    }
    if (state->found_capacity < count) {
        uint64_t capacity = count > state->capacity ? count : state->capacity;
        uint32_t *found = allocate(state, capacity * sizeof *found);
        if (found == NULL) return JF_E_BUSY;
        release(state, state->found);
        state->found = found;
        state->found_capacity = capacity;
    }
    return JF_OK;
}

/* ---- Picking ---- */

static uint32_t weight_of(const jf_endpoint *endpoint) {
    return endpoint->weight < MOST_WEIGHT ? endpoint->weight : MOST_WEIGHT;
}

/* The usual case, in one pass: exactly those that are known, in the order in which they became so. False:
 * nothing has changed. */
static bool pick_known(rr_state *state, const jf_endpoint *const *eligible, uint64_t count,
                       uint32_t *chosen) {
    rr_entry *entries = state->entries;
    uint64_t best = 0, total = 0, at = 0;
    int64_t most = INT64_MIN;
    if (count != state->count) return false;
    for (; at < count && entries[at].id == eligible[at]->id; at++) {
        uint32_t weight = weight_of(eligible[at]);
        int64_t credit = entries[at].credit + weight;
        entries[at].credit = credit;
        entries[at].seen = state->picks;
        total += weight;
        if (credit > most && weight > 0) {
            most = credit;
            best = at;
        }
    }
    if (at == count && total > 0) {
        entries[best].credit -= (int64_t)total;
        *chosen = (uint32_t)best;
        return true;
    }
    while (at-- > 0)
        entries[at].credit -= weight_of(eligible[at]);
    return false;
}

int32_t rr_pick(rr_state *state, const jf_endpoint *const *eligible, uint64_t count, uint32_t *chosen) {
    state->picks++;
    if (pick_known(state, eligible, count, chosen)) return JF_OK;
    uint64_t known = 0, total = 0;
    for (int round = 0; round < 2 && known < count; round++) {
        if (round == 1 || state->found_capacity < count) {
            int32_t status = admit(state, eligible, count);
            if (status != JF_OK) return status;
        }
        uint32_t next = 0; /* the usual case: the same endpoints in the same order as they became known */
        total = 0;
        for (known = 0; known < count; known++, next++) {
            const jf_endpoint *endpoint = eligible[known];
            if (next >= state->count || state->entries[next].id != endpoint->id) {
                next = rr_find(state, endpoint->id);
                if (next == UINT32_MAX) break;
            }
            state->found[known] = next;
            total += weight_of(endpoint);
        }
    }
    /* Weight 0 means last in line: such endpoints share evenly when there is nothing else. */
    bool even = total == 0;
    if (even) total = count;
    uint64_t best = UINT64_MAX;
    int64_t most = 0;
    for (uint64_t i = 0; i < count; i++) {
        rr_entry *entry = &state->entries[state->found[i]];
        uint32_t weight = even ? 1 : weight_of(eligible[i]);
        entry->seen = state->picks;
        entry->credit += weight;
        if (weight > 0 && (best == UINT64_MAX || entry->credit > most)) {
            best = i;
            most = entry->credit;
        }
    }
    state->entries[state->found[best]].credit -= (int64_t)total;
    *chosen = (uint32_t)best;
    return JF_OK;
}
