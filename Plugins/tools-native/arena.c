/* SPDX-License-Identifier: Apache-2.0
 * Memory that is given back all at once. */
#include "arena.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 16u
#define BLOCK 16384u

struct arena_block {
    arena_block *next;
    size_t size;
};

void arena_begin(arena *it, void *first, size_t size) {
    uintptr_t start = ((uintptr_t)first + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1);
    it->blocks = NULL;
    it->at = (uint8_t *)start;
    it->end = (uint8_t *)first + size;
}

void *arena_room(arena *it, size_t size) {
    if (size > SIZE_MAX / 2) return NULL;
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (size == 0) size = ALIGNMENT;
    if ((size_t)(it->end - it->at) < size || it->at == NULL) {
        size_t room = size > BLOCK / 4 ? size : BLOCK;
        arena_block *block = malloc(ALIGNMENT + room);
        if (block == NULL) return NULL;
        block->next = it->blocks;
        block->size = room;
        it->blocks = block;
        uint8_t *start = (uint8_t *)block + ALIGNMENT;
        /* A block of its own for something large: what is left of the current one stays in use. */
        if (room == size) return start;
        it->at = start;
        it->end = start + room;
    }
    void *memory = it->at;
    it->at += size;
    return memory;
}

void *arena_take(arena *it, size_t size) {
    void *memory = arena_room(it, size);
    return memory == NULL ? NULL : memset(memory, 0, size);
}

char *arena_text(arena *it, const char *text, size_t length) {
    char *copy = arena_room(it, length + 1);
    if (copy == NULL) return NULL;
    if (length != 0) memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

void arena_end(arena *it) {
    while (it->blocks != NULL) {
        arena_block *next = it->blocks->next;
        free(it->blocks);
        it->blocks = next;
    }
    it->at = it->end = NULL;
}
