/* SPDX-License-Identifier: Apache-2.0
 * Memory that is given back all at once: for a declaration, and for the buffers of one call. */
#ifndef TOOLS_NATIVE_ARENA_H
#define TOOLS_NATIVE_ARENA_H

#include <stddef.h>
#include <stdint.h>

typedef struct arena_block arena_block;

/** Starts all zero, or with memory of the owner's (arena_begin). */
typedef struct arena {
    arena_block *blocks;
    uint8_t *at, *end;
} arena;

/** Uses `first` before anything is allocated; it stays the owner's. */
void arena_begin(arena *it, void *first, size_t size);
/** Zeroed memory, aligned to 16 bytes; NULL when there is none. */
void *arena_take(arena *it, size_t size);
/** The same, but not zeroed. */
void *arena_room(arena *it, size_t size);
/** A NUL-terminated copy; NULL when there is no memory. */
char *arena_text(arena *it, const char *text, size_t length);
/** Frees everything that was taken. */
void arena_end(arena *it);

#endif
