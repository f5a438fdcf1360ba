/* SPDX-License-Identifier: Apache-2.0
 * Framing of stdio messages: one JSON text per line (MCP 2026-07-28, basic/transports, "stdio"). */
#ifndef STDIO_LINES_H
#define STDIO_LINES_H

#include "plugin.h"

/** Takes one line, without its ending, never empty. At least 64 bytes are readable behind it. The bytes stay
 * where they are until it returns. False: no more lines now. */
typedef bool (*line_fn)(void *user, const uint8_t *line, uint64_t length);

/** Hears of a line that was longer than the limit: `length` bytes were left out. */
typedef void (*long_line_fn)(void *user, uint64_t length);

/** How a read went. */
enum {
    LINES_MORE = 1,  /**< the buffer was filled: read again */
    LINES_DRY = 2,   /**< nothing more for now */
    LINES_END = 3,   /**< end of file, or an error that means the same */
    LINES_MEMORY = 4 /**< no buffer to be had */
};

/** A reader of lines. It owns a pooled buffer only while bytes wait in it. All [lane]. */
typedef struct lines {
    jf_self *self;
    line_fn line;
    long_line_fn too_long; /**< NULL: a long line is cut at the limit, and its rest left out */
    void *user;
    uint64_t limit; /**< longest line, in bytes */

    uint8_t *buffer;
    uint64_t capacity;
    uint64_t start;   /**< first byte that is not delivered */
    uint64_t scanned; /**< no line ending between start and here */
    uint64_t end;
    uint64_t skipped;  /**< bytes left out of the long line that is passing by */
    uint32_t generous; /**< so many more buffers are borrowed large, since long lines came lately */
    bool skipping;     /**< up to the next line ending nothing is kept */
} lines;

/** Reads once from `fd`, which does not block (or is a regular file). */
int32_t lines_read(lines *self, int fd);
/** Delivers every complete line. False: the taker wanted no more. `line` may not call back into this reader.
 */
bool lines_deliver(lines *self);
/** Bytes of an incomplete line that wait for the rest. */
uint64_t lines_waiting(const lines *self);
/** Forgets everything and gives the buffer back. */
void lines_reset(lines *self);

#endif
