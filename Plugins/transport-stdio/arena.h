/* SPDX-License-Identifier: Apache-2.0
 * Memory that is freed all at once: the texts of one channel's settings. */
#ifndef STDIO_ARENA_H
#define STDIO_ARENA_H

#include "plugin.h"

typedef struct arena_block arena_block;

/** Blocks of the instance's memory. */
typedef struct arena {
    jf_self *self;
    arena_block *newest;
} arena;

/** Zeroed, 16-byte aligned; NULL when the instance's memory limit is reached. */
void *arena_allocate(arena *self, uint64_t size);
/** A copy with a NUL behind it, or NULL. */
char *arena_text(arena *self, const void *bytes, uint64_t length);
/** Frees everything. */
void arena_release(arena *self);

#endif
