/* SPDX-License-Identifier: Apache-2.0
 * The entries: a skip list by keys and a heap by ends. */
#include "entries.h"

#include "answer.h"
#include <stdlib.h>
#include <string.h>

/* What the allocator takes besides. */
#define OVERHEAD 16u

/* Links in front of `key` at each level. */
static void links_before(const entries *all, jf_view key, entry **links[LEVELS_MOST]) {
    entry *const *at = all->first;
    for (int level = LEVELS_MOST - 1; level >= 0; level--) {
        while (at[level] != NULL && sc_key_order(entry_key(at[level]), key) < 0)
            at = at[level]->next;
        links[level] = (entry **)(uintptr_t)&at[level];
    }
}

entry *entries_find(const entries *all, jf_view key) {
    entry *it = entries_from(all, key, false);
    return it != NULL && sc_key_order(entry_key(it), key) == 0 ? it : NULL;
}

entry *entries_from(const entries *all, jf_view key, bool behind) {
    entry *const *at = all->first;
    for (int level = LEVELS_MOST - 1; level >= 0; level--) {
        while (at[level] != NULL && sc_key_order(entry_key(at[level]), key) < (behind ? 1 : 0))
            at = at[level]->next;
    }
    return at[0];
}

static uint8_t draw_levels(entries *all) {
    all->random ^= all->random << 13;
    all->random ^= all->random >> 7;
    all->random ^= all->random << 17;
    uint8_t levels = 1;
    for (uint64_t bits = all->random; levels < LEVELS_MOST && (bits & 3) == 0; bits >>= 2)
        levels++;
    return levels;
}

static uint64_t bytes_of(const entry *it) {
    return sizeof *it + it->levels * sizeof it->next[0] + it->key_len + it->value_len + 2 * OVERHEAD;
}

entry *entries_add(entries *all, jf_view key) {
    entry **links[LEVELS_MOST];
    if (all->random == 0) all->random = 0x9e3779b97f4a7c15u ^ (uintptr_t)all;
    uint8_t levels = draw_levels(all);
    entry *it = calloc(1, sizeof *it + levels * sizeof it->next[0] + (size_t)key.len);
    if (it == NULL) return NULL;
    it->levels = levels;
    it->key_len = (uint32_t)key.len;
    it->heap_at = NOT_IN_HEAP;
    memcpy(&it->next[levels], key.ptr, (size_t)key.len);
    links_before(all, key, links);
    for (uint8_t level = 0; level < levels; level++) {
        it->next[level] = *links[level];
        *links[level] = it;
    }
    all->count++;
    all->bytes += bytes_of(it);
    return it;
}

bool entries_set(entries *all, entry *it, jf_view value) {
    uint8_t *own = it->value;
    if (own == NULL || it->value_len != value.len) {
        own = malloc((size_t)value.len + 1);
        if (own == NULL) return false;
        free(it->value);
        all->bytes += value.len;
        all->bytes -= it->value_len;
        it->value = own;
        it->value_len = (uint32_t)value.len;
    }
    if (value.len > 0) memcpy(own, value.ptr, (size_t)value.len);
    return true;
}

/* ---- The heap ---- */

static void place(entries *all, size_t at, entry *it) {
    all->heap[at] = it;
    it->heap_at = at;
}

static void sift_up(entries *all, size_t at, entry *it) {
    while (at > 0 && all->heap[(at - 1) / 2]->expires_ms > it->expires_ms) {
        place(all, at, all->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(all, at, it);
}

static void sift_down(entries *all, size_t at, entry *it) {
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= all->heap_used) break;
        if (child + 1 < all->heap_used && all->heap[child + 1]->expires_ms < all->heap[child]->expires_ms)
            child++;
        if (all->heap[child]->expires_ms >= it->expires_ms) break;
        place(all, at, all->heap[child]);
        at = child;
    }
    place(all, at, it);
}

static void settle(entries *all, entry *it) {
    size_t at = it->heap_at;
    sift_up(all, at, it);
    if (it->heap_at == at) sift_down(all, at, it);
}

static void leave_heap(entries *all, entry *it) {
    if (it->heap_at == NOT_IN_HEAP) return;
    size_t at = it->heap_at;
    entry *last = all->heap[--all->heap_used];
    it->heap_at = NOT_IN_HEAP;
    if (last == it) return;
    place(all, at, last);
    settle(all, last);
}

bool entries_expire(entries *all, entry *it, int64_t expires_ms) {
    if (expires_ms != 0 && it->heap_at == NOT_IN_HEAP && all->heap_used == all->heap_room) {
        size_t room = all->heap_room == 0 ? 64 : all->heap_room * 2;
        entry **heap = realloc(all->heap, room * sizeof(entry *));
        if (heap == NULL) return false;
        all->heap = heap;
        all->bytes += (room - all->heap_room) * sizeof(entry *);
        all->heap_room = room;
    }
    it->expires_ms = expires_ms;
    if (expires_ms == 0) {
        leave_heap(all, it);
        return true;
    }
    if (it->heap_at == NOT_IN_HEAP) place(all, all->heap_used++, it);
    settle(all, it);
    return true;
}

entry *entries_next_end(const entries *all) {
    return all->heap_used > 0 ? all->heap[0] : NULL;
}

void entries_remove(entries *all, entry *it) {
    entry **links[LEVELS_MOST];
    links_before(all, entry_key(it), links);
    for (uint8_t level = 0; level < it->levels; level++)
        *links[level] = it->next[level];
    leave_heap(all, it);
    all->count--;
    all->bytes -= bytes_of(it);
    free(it->value);
    free(it);
}

void entries_clear(entries *all) {
    for (entry *it = all->first[0], *next; it != NULL; it = next) {
        next = it->next[0];
        free(it->value);
        free(it);
    }
    free(all->heap);
    *all = (entries){0};
}
