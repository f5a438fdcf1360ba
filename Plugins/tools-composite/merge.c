/* SPDX-License-Identifier: Apache-2.0
 * merge: the items of all good answers as one list, in the order of the targets, equal ones once. */
#include "run.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>

/** An item that is in the list, by what makes it unique. */
typedef struct known {
    uint64_t hash;
    size_t at, length; /**< its canonical form in `texts` */
    bool used;
} known;

typedef struct merger {
    const composite *it;
    text *out;
    text texts;
    known *table; /**< open addressing, a power of two, at most half full */
    size_t size, count;
    uint64_t items, dropped;
} merger;

static void place(known *table, size_t size, known item) {
    size_t slot = item.hash & (size - 1);
    while (table[slot].used)
        slot = (slot + 1) & (size - 1);
    table[slot] = item;
}

static bool grow(merger *by) {
    size_t size = by->size == 0 ? 64 : by->size * 2;
    known *table = calloc(size, sizeof *table);
    if (table == NULL) return false;
    for (size_t i = 0; i < by->size; i++)
        if (by->table[i].used) place(table, size, by->table[i]);
    free(by->table);
    by->table = table;
    by->size = size;
    return true;
}

/** Whether an equal item is there already; else it is from now on. */
static bool is_known(merger *by, const json_value *item) {
    json_value value = *item;
    if (by->it->unique_by != NULL && !value_find(item, by->it->unique_by, &value)) return false;
    size_t at = by->texts.length;
    if ((by->count * 2 >= by->size && !grow(by)) || !value_canonical(&by->texts, &value) ||
        by->texts.failed) {
        by->out->failed = true;
        return false;
    }
    size_t length = by->texts.length - at;
    const uint8_t *bytes = by->texts.bytes;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ bytes[at + i]) * 1099511628211u;
    for (size_t slot = hash & (by->size - 1); by->table[slot].used; slot = (slot + 1) & (by->size - 1)) {
        const known *other = &by->table[slot];
        if (other->hash != hash || other->length != length ||
            memcmp(bytes + other->at, bytes + at, length) != 0)
            continue;
        by->texts.length = at;
        return true;
    }
    place(by->table, by->size, (known){hash, at, length, true});
    by->count++;
    return false;
}

static void add(merger *by, const json_value *item) {
    if (by->it->unique && is_known(by, item)) {
        by->dropped++;
        return;
    }
    if (by->items++ > 0) text_put(by->out, ",");
    value_put(by->out, item);
}

void merge_write(const run *of, text *out) {
    merger by = {.it = of->it, .out = out};
    json_value list, item;
    text_put(out, ",\"items\":[");
    for (uint32_t i = 0; i < of->it->count; i++) {
        const leg *at = &of->legs[i];
        if (at->state != LEG_GOOD || at->structured.len == 0) continue;
        if (answer_items(of->it->items, &at->structured, &list)) {
            json_members walk = json_walk(&list);
            while (json_item(&walk, &item) == 1)
                add(&by, &item);
        } else if (of->it->items == NULL) {
            /* No list: the answer is the item. */
            add(&by, &at->structured);
        }
    }
    text_put(out, "],\"count\":");
    text_unsigned(out, by.items);
    if (of->it->unique) {
        text_put(out, ",\"duplicates\":");
        text_unsigned(out, by.dropped);
    }
    text_free(&by.texts);
    free(by.table);
}
