/* SPDX-License-Identifier: Apache-2.0
 * Writes messages to a pipe as lines; the order of puts is the order of lines. */
#include "writer.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/** A message up to this size is copied to the queue and leaves with the others of its loop turn. */
#define COALESCE_MESSAGE (16ull * 1024)
/** That much queued is written at once: it is a pipe's usual capacity. */
#define COALESCE_QUEUE (64ull * 1024)
/** Segments written in place; messages of more pieces are copied first. */
#define MAX_PIECES 30

static void on_flush(void *user);

void writer_init(writer *self, jf_self *instance, const writer_events *events, void *user, uint64_t limit) {
    *self = (writer){.self = instance, .events = events, .user = user, .limit = limit, .fd = -1};
    self->flush = (deferred){.run = on_flush, .user = self};
}

void writer_open(writer *self, int fd) {
    self->fd = fd;
    self->error = 0;
}

static void drop_queue(writer *self) {
    if (self->queue != NULL) self->self->memory.give_back(self->self->memory.context, self->queue);
    self->queue = NULL;
    self->capacity = self->start = self->end = 0;
}

void writer_close(writer *self) {
    end_watch(self->self, &self->watch);
    defer_cancel(&self->flush);
    drop_queue(self);
    self->fd = -1;
    self->blocked = self->full = self->finishing = self->polled = false;
}

/** Makes room for `more` bytes at the end of the queue. */
static bool reserve(writer *self, uint64_t more) {
    jf_memory_1 *memory = &self->self->memory;
    uint64_t waiting = writer_queued(self), capacity = 0, size;
    uint8_t *queue;
    if (self->capacity - self->end >= more) return true;
    if (self->capacity - waiting >= more && self->start >= waiting) {
        memcpy(self->queue, self->queue + self->start, waiting);
    } else {
        size = waiting + more > self->capacity * 2 ? waiting + more : self->capacity * 2;
        queue = memory->borrow(memory->context, size, &capacity);
        if (queue == NULL) return false;
        if (waiting > 0) memcpy(queue, self->queue + self->start, waiting);
        if (self->queue != NULL) memory->give_back(memory->context, self->queue);
        self->queue = queue;
        self->capacity = capacity;
    }
    self->start = 0;
    self->end = waiting;
    return true;
}

static void replace_all(uint8_t *text, uint64_t length, uint8_t byte) {
    uint8_t *found;
    for (uint8_t *at = text; (found = memchr(at, byte, (size_t)(text + length - at))) != NULL; at = found + 1)
        *found = ' ';
}

/** Appends the message from its byte `skip` on, and its newline, all of it reserved already. */
static void append(writer *self, const jf_view *segments, uint32_t count, uint64_t skip) {
    for (uint32_t at = 0; at < count; at++) {
        uint8_t *place = self->queue + self->end;
        uint64_t left = segments[at].len;
        if (skip >= left) {
            skip -= left;
            continue;
        }
        left -= skip;
        memcpy(place, segments[at].ptr + skip, left);
        replace_all(place, left, '\n');
        replace_all(place, left, '\r');
        self->end += left;
        skip = 0;
    }
    self->queue[self->end++] = '\n';
}

static void on_ready(void *user, uint32_t events) {
    writer *self = user;
    (void)events;
    self->blocked = false;
    if (writer_queued(self) > 0 || self->finishing) on_flush(self);
}

/** The descriptor is full: its watch will tell. */
static void wait_writable(writer *self) {
    self->blocked = true;
    if (self->watch != 0) return;
    if (self->self->loop.watch(self->self->loop.context, self->fd, JF_WRITABLE, on_ready, self,
                               &self->watch) < JF_OK) {
        self->watch = 0;
        self->error = EIO;
    }
}

/** One writev. Answers how many bytes went out; sets `blocked` or `error`. A short write does not count as
 * blocked: not every kind of descriptor promises an edge before EAGAIN was seen. */
static uint64_t write_pieces(writer *self, struct iovec *pieces, int count) {
    ssize_t wrote;
    do
        wrote = writev(self->fd, pieces, count);
    while (wrote < 0 && errno == EINTR);
    if (wrote < 0) {
        if (errno == EAGAIN)
            wait_writable(self);
        else
            self->error = errno;
        return 0;
    }
    return (uint64_t)wrote;
}

bool writer_push(writer *self) {
    while (writer_queued(self) > 0 && !self->blocked && self->error == 0 && self->fd >= 0) {
        struct iovec piece = {self->queue + self->start, writer_queued(self)};
        self->start += write_pieces(self, &piece, 1);
    }
    if (self->error != 0 || writer_queued(self) == 0) drop_queue(self);
    return writer_queued(self) == 0;
}

/** Pushes, then tells what is owed. The owner may close the writer in any of the events. */
static void on_flush(void *user) {
    writer *self = user;
    (void)writer_push(self);
    if (self->error != 0) {
        int error = self->error;
        if (self->fd < 0) return;
        self->fd = -1;
        end_watch(self->self, &self->watch);
        self->events->broken(self->user, error);
        return;
    }
    if (self->full && writer_queued(self) <= self->limit / 2) {
        self->full = false;
        self->events->writable(self->user);
    }
    if (self->finishing && self->fd >= 0 && writer_queued(self) == 0) {
        self->finishing = false;
        self->events->finished(self->user);
    }
}

/** Writes queue and message in place with one system call; what is left of the message is queued. */
static int32_t write_in_place(writer *self, const jf_view *segments, uint32_t count, uint64_t total) {
    static const uint8_t newline = '\n';
    struct iovec pieces[MAX_PIECES + 2];
    uint64_t queued = writer_queued(self), wrote;
    int used = 0;
    if (queued > 0) pieces[used++] = (struct iovec){self->queue + self->start, queued};
    for (uint32_t at = 0; at < count; at++)
        if (segments[at].len > 0)
            pieces[used++] = (struct iovec){(void *)(uintptr_t)segments[at].ptr, segments[at].len};
    pieces[used++] = (struct iovec){(void *)(uintptr_t)&newline, 1};
    wrote = write_pieces(self, pieces, used);
    if (self->error != 0) {
        defer(self->self, &self->flush);
        return JF_E_GONE;
    }
    if (wrote < queued) {
        self->start += wrote;
        wrote = 0;
    } else {
        wrote -= queued;
        drop_queue(self);
    }
    if (wrote == total) return JF_OK;
    if (!reserve(self, total - wrote)) {
        if (wrote == 0) return JF_E_BUSY;
        /* Half a message is out and the rest cannot be kept: the stream is of no use any more. */
        self->error = ENOMEM;
        defer(self->self, &self->flush);
        return JF_E_GONE;
    }
    if (wrote == total - 1)
        self->queue[self->end++] = '\n';
    else
        append(self, segments, count, wrote);
    if (!self->blocked) defer(self->self, &self->flush);
    return JF_OK;
}

/** True when a segment holds a raw CR or LF, so that it cannot be written from where it lies. */
static bool needs_copy(const jf_view *segments, uint32_t count) {
    if (count > MAX_PIECES) return true;
    for (uint32_t at = 0; at < count; at++) {
        if (segments[at].len == 0) continue;
        if (memchr(segments[at].ptr, '\n', segments[at].len) != NULL) return true;
        if (memchr(segments[at].ptr, '\r', segments[at].len) != NULL) return true;
    }
    return false;
}

int32_t writer_put(writer *self, const jf_view *segments, uint32_t count) {
    uint64_t total = 1;
    if (self->fd < 0 || self->error != 0 || self->finishing) return JF_E_GONE;
    for (uint32_t at = 0; at < count; at++)
        total += segments[at].len;

    if (total > COALESCE_MESSAGE && !self->blocked && !needs_copy(segments, count))
        return write_in_place(self, segments, count, total);
    if (!reserve(self, total)) return JF_E_BUSY;
    append(self, segments, count, 0);
    if (self->blocked) return JF_OK;
    if (writer_queued(self) >= COALESCE_QUEUE) (void)writer_push(self);
    if (writer_queued(self) > 0 || self->error != 0) defer(self->self, &self->flush);
    return JF_OK;
}

void writer_mark_full(writer *self) {
    self->full = true;
    /* Nothing may be waiting for the descriptor: then only the flush task can tell. */
    if (!self->blocked) defer(self->self, &self->flush);
}

void writer_finish(writer *self) {
    if (self->fd < 0) return;
    self->finishing = true;
    if (!self->blocked) defer(self->self, &self->flush);
}
