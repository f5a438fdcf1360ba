/* SPDX-License-Identifier: Apache-2.0
 * The entries, in the order of their keys and in that of their ends. Not locked: the caller does it. */
#ifndef STORE_MEMORY_ENTRIES_H
#define STORE_MEMORY_ENTRIES_H

#include <jackfield/store.h>
#include <stdbool.h>
#include <stddef.h>

enum { LEVELS_MOST = 20 };
#define NOT_IN_HEAP SIZE_MAX

typedef struct entry {
    uint64_t revision;
    int64_t expires_ms; /**< 0: never */
    size_t heap_at;     /**< its place among those that expire, or NOT_IN_HEAP */
    uint8_t *value;
    uint32_t key_len, value_len;
    bool is_counter;
    uint8_t levels;
    struct entry *next[]; /**< `levels` of them; the key follows */
} entry;

/** A skip list (W. Pugh, "Skip lists: a probabilistic alternative to balanced trees", CACM 33(6), 1990), and
 * a heap of those that expire. */
typedef struct entries {
    entry *first[LEVELS_MOST];
    entry **heap;
    size_t heap_used, heap_room;
    uint64_t count, bytes, random;
} entries;

static inline jf_view entry_key(const entry *it) {
    return (jf_view){(const uint8_t *)&it->next[it->levels], it->key_len};
}
static inline jf_view entry_value(const entry *it) {
    return (jf_view){it->value, it->value_len};
}

entry *entries_find(const entries *all, jf_view key);
/** The first entry behind `key`, or at it. */
entry *entries_from(const entries *all, jf_view key, bool behind);
/** A new entry without value; NULL: no memory. The key must not be there. */
entry *entries_add(entries *all, jf_view key);
/** Gives an entry a copy of a value; false: no memory, nothing changed. */
bool entries_set(entries *all, entry *it, jf_view value);
/** Sets when an entry ends; false: no memory, nothing changed. */
bool entries_expire(entries *all, entry *it, int64_t expires_ms);
/** The one that ends first; NULL: none ends. */
entry *entries_next_end(const entries *all);
void entries_remove(entries *all, entry *it);
void entries_clear(entries *all);

#endif
