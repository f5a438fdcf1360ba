/* SPDX-License-Identifier: Apache-2.0
 * Tables of objects that are named by handles. */
#include "slots.h"

static bool grow(struct slots *table, const jf_memory_1 *memory) {
    void **chunks = memory->allocate(memory->context, (table->chunk_count + 1) * sizeof(void *));
    uint8_t *chunk = memory->allocate(memory->context, (uint64_t)SLOTS_PER_CHUNK * table->object_size);
    if (chunks == NULL || chunk == NULL) {
        memory->release(memory->context, chunks);
        memory->release(memory->context, chunk);
        return false;
    }
    if (table->chunk_count != 0) memcpy(chunks, table->chunks, table->chunk_count * sizeof(void *));
    memory->release(memory->context, table->chunks);
    table->chunks = chunks;
    table->chunks[table->chunk_count++] = chunk;
    for (uint32_t i = SLOTS_PER_CHUNK; i-- > 0;) {
        struct slot *slot = (struct slot *)(void *)(chunk + (size_t)i * table->object_size);
        slot->index = table->made + i;
        slot->next_free = table->free;
        table->free = slot;
    }
    table->made += SLOTS_PER_CHUNK;
    return true;
}

void *slots_take(struct slots *table, const jf_memory_1 *memory) {
    if (table->free == NULL && !grow(table, memory)) return NULL;
    struct slot *slot = table->free;
    table->free = slot->next_free;
    slot->next_free = NULL;
    memset(slot + 1, 0, table->object_size - sizeof(struct slot));
    slot->generation++;
    slot->ref = (jf_ref)slot->generation << 32 | (slot->index + 1);
    table->live++;
    return slot;
}

void slots_give(struct slots *table, void *object) {
    struct slot *slot = object;
    slot->ref = 0;
    slot->next_free = table->free;
    table->free = slot;
    table->live--;
}

void slots_end(struct slots *table, const jf_memory_1 *memory) {
    for (uint32_t i = 0; i < table->chunk_count; i++)
        memory->release(memory->context, table->chunks[i]);
    memory->release(memory->context, table->chunks);
    table->chunks = NULL;
    table->chunk_count = table->made = table->live = 0;
    table->free = NULL;
}
