/* SPDX-License-Identifier: Apache-2.0
 * Framing of stdio messages: lines are found and handed out in the buffer that they were read into. */
#include "lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/** The host's pool keeps buffers of these two sizes. */
#define SMALL_BUFFER (64ull * 1024)
#define LARGE_BUFFER (1024ull * 1024)
/** Buffers that are borrowed large after a long line. */
#define GENEROUS_TURNS 32

/** Moves the waiting bytes into a buffer of at least `size`. */
static bool move_to(lines *self, uint64_t size) {
    jf_memory_1 *memory = &self->self->memory;
    uint64_t capacity = 0, waiting = self->end - self->start;
    uint8_t *buffer = memory->borrow(memory->context, size, &capacity);
    if (buffer == NULL) return false;
    if (waiting > 0) memcpy(buffer, self->buffer + self->start, waiting);
    if (self->buffer != NULL) memory->give_back(memory->context, self->buffer);
    self->buffer = buffer;
    self->capacity = capacity;
    self->scanned -= self->start;
    self->end = waiting;
    self->start = 0;
    return true;
}

static bool make_room(lines *self) {
    uint64_t most = self->limit + 2, size;
    if (self->buffer == NULL) {
        size = self->generous > 0 && self->limit > SMALL_BUFFER ? LARGE_BUFFER : SMALL_BUFFER;
        if (self->generous > 0) self->generous--;
        self->start = self->scanned = self->end = 0;
        return move_to(self, size);
    }
    if (self->end < self->capacity) return true;
    if (self->start > 0) {
        memmove(self->buffer, self->buffer + self->start, self->end - self->start);
        self->end -= self->start;
        self->scanned -= self->start;
        self->start = 0;
        return true;
    }
    /* A full buffer without a line ending is below the limit here: lines_deliver() saw to that. */
    size = self->capacity < LARGE_BUFFER ? LARGE_BUFFER : self->capacity * 2;
    if (size > most) size = most > self->capacity ? most : self->capacity + 1;
    self->generous = GENEROUS_TURNS;
    return move_to(self, size);
}

int32_t lines_read(lines *self, int fd) {
    uint64_t room;
    ssize_t got;
    if (!make_room(self)) {
        if (self->buffer == NULL) return LINES_MEMORY;
        /* The message cannot grow: it is left out like one that is too long, and the rest goes on. */
        self->skipping = true;
        self->skipped = self->end - self->start;
        self->start = self->scanned = self->end = 0;
    }
    room = self->capacity - self->end;
    do
        got = read(fd, self->buffer + self->end, room);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        self->end += (uint64_t)got;
        return (uint64_t)got == room ? LINES_MORE : LINES_DRY;
    }
    if (got < 0 && errno == EAGAIN) return LINES_DRY;
    return LINES_END;
}

/** The line [start, at) with its ending at `at` is complete. */
static bool take(lines *self, uint64_t at) {
    const uint8_t *line = self->buffer + self->start;
    uint64_t length = at - self->start;
    bool skipping = self->skipping;
    self->start = self->scanned = at + 1;
    if (skipping) {
        uint64_t all = self->skipped + length;
        self->skipping = false;
        self->skipped = 0;
        if (self->too_long != NULL) self->too_long(self->user, all);
        return true;
    }
    if (length > 0 && line[length - 1] == '\r') length--;
    if (length > self->limit) {
        if (self->too_long != NULL) {
            self->too_long(self->user, length);
            return true;
        }
        length = self->limit;
    }
    return length == 0 || self->line(self->user, line, length);
}

/** Starts to leave out a line that has grown past the limit without an ending. */
static bool begin_skipping(lines *self) {
    const uint8_t *line = self->buffer + self->start;
    bool more = true;
    self->skipping = true;
    if (self->too_long == NULL) more = self->line(self->user, line, self->limit);
    return more;
}

bool lines_deliver(lines *self) {
    bool more = true;
    while (more && self->scanned < self->end) {
        const uint8_t *found = memchr(self->buffer + self->scanned, '\n', self->end - self->scanned);
        if (found == NULL) {
            self->scanned = self->end;
            break;
        }
        more = take(self, (uint64_t)(found - self->buffer));
    }
    if (more && !self->skipping && self->end - self->start > self->limit + 1) more = begin_skipping(self);
    if (self->skipping) {
        self->skipped += self->scanned - self->start;
        self->start = self->scanned;
    }
    if (self->buffer != NULL && self->start == self->end) {
        self->self->memory.give_back(self->self->memory.context, self->buffer);
        self->buffer = NULL;
        self->start = self->scanned = self->end = 0;
    } else if (self->capacity > LARGE_BUFFER && self->end - self->start < SMALL_BUFFER) {
        (void)move_to(self, SMALL_BUFFER);
    }
    return more;
}

uint64_t lines_waiting(const lines *self) {
    return self->end - self->start + self->skipped;
}

void lines_reset(lines *self) {
    if (self->buffer != NULL) self->self->memory.give_back(self->self->memory.context, self->buffer);
    self->buffer = NULL;
    self->capacity = self->start = self->scanned = self->end = self->skipped = 0;
    self->skipping = false;
}
