/* SPDX-License-Identifier: Apache-2.0
 * A hash table with linear probing; at most half full, and entries move back when one is removed. */
#include "client_map.h"

enum { LEAST_ROOM = 64 };

struct client_entry {
    jf_ref client; /**< 0: free */
    struct conn *conn;
};

static uint32_t place_of(const struct client_map *table, jf_ref client) {
    // Fibonacci hashing: handles differ in few bits.
    return (uint32_t)((client * 0x9e3779b97f4a7c15u) >> 32) & (table->room - 1);
}

static struct client_entry *seek(const struct client_map *table, jf_ref client) {
    uint32_t at = place_of(table, client);
    while (table->entries[at].client != 0 && table->entries[at].client != client)
        at = (at + 1) & (table->room - 1);
    return &table->entries[at];
}

static bool grow(struct client_map *table, const jf_memory_1 *memory) {
    struct client_map larger = {.room = table->room == 0 ? LEAST_ROOM : 2 * table->room, .used = table->used};
    larger.entries = memory->allocate(memory->context, (uint64_t)larger.room * sizeof(*larger.entries));
    if (larger.entries == NULL) return false;
    for (uint32_t i = 0; i < table->room; i++)
        if (table->entries[i].client != 0) *seek(&larger, table->entries[i].client) = table->entries[i];
    memory->release(memory->context, table->entries);
    *table = larger;
    return true;
}

bool client_map_add(struct client_map *table, const jf_memory_1 *memory, jf_ref client, struct conn *conn) {
    if (2 * (table->used + 1) > table->room && !grow(table, memory)) return false;
    struct client_entry *entry = seek(table, client);
    if (entry->client == 0) table->used++;
    *entry = (struct client_entry){client, conn};
    return true;
}

struct conn *client_map_find(const struct client_map *table, jf_ref client) {
    return table->room == 0 || client == 0 ? NULL : seek(table, client)->conn;
}

void client_map_remove(struct client_map *table, jf_ref client) {
    if (table->room == 0 || client == 0) return;
    struct client_entry *hole = seek(table, client);
    if (hole->client == 0) return;
    table->used--;
    uint32_t mask = table->room - 1, gap = (uint32_t)(hole - table->entries), at = gap;
    for (;;) {
        at = (at + 1) & mask;
        if (table->entries[at].client == 0) break;
        uint32_t home = place_of(table, table->entries[at].client);
        // It may fill the gap when its own place is not between the gap and where it lies.
        if (((at - home) & mask) < ((at - gap) & mask)) continue;
        table->entries[gap] = table->entries[at];
        gap = at;
    }
    table->entries[gap] = (struct client_entry){0, NULL};
}

void client_map_end(struct client_map *table, const jf_memory_1 *memory) {
    memory->release(memory->context, table->entries);
    *table = (struct client_map){0};
}
