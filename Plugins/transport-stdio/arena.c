/* SPDX-License-Identifier: Apache-2.0
 * Memory that is freed all at once. */
#include "arena.h"

#include <string.h>

struct arena_block {
    arena_block *older;
    uint64_t used, size; /**< of the bytes behind this head */
};

/** Usual size of a block, head included. */
#define BLOCK 4096ull

void *arena_allocate(arena *self, uint64_t size) {
    arena_block *block = self->newest;
    uint64_t head = (sizeof *block + 15) & ~15ull;
    uint8_t *place;
    size = (size + 15) & ~15ull;
    if (block == NULL || block->size - block->used < size) {
        uint64_t room = size > BLOCK - head ? size : BLOCK - head;
        block = allocate(self->self, head + room);
        if (block == NULL) return NULL;
        *block = (arena_block){.older = self->newest, .size = room};
        self->newest = block;
    }
    place = (uint8_t *)block + head + block->used;
    block->used += size;
    return place;
}

char *arena_text(arena *self, const void *bytes, uint64_t length) {
    char *text = arena_allocate(self, length + 1);
    if (text != NULL && length > 0) memcpy(text, bytes, length);
    return text;
}

void arena_release(arena *self) {
    while (self->newest != NULL) {
        arena_block *block = self->newest;
        self->newest = block->older;
        release(self->self, block);
    }
}
