/* SPDX-License-Identifier: Apache-2.0
 * A child's standard error as log records. A flood costs one read per 64 KiB and no record beyond the rate.
 */
#include "errlog.h"

#include <string.h>

#define SECOND_NS 1000000000ull
/** Reads per loop turn, so that a flood does not hold the loop up. */
#define READS_PER_TURN 4
/** Reads at the end of a child: a pipe's whole content, even when something else still writes. */
#define READS_AT_END 20

static void say_dropped(errlog *self) {
    if (self->dropped == 0) return;
    say(self->self, JF_LOG_WARNING, self->server, self->pid,
        "server %s: %llu lines on its standard error were left out (stderr_rate is %u per second)",
        self->server, (unsigned long long)self->dropped, self->rate);
    self->dropped = 0;
}

static void on_report(void *user) {
    errlog *self = user;
    self->report = 0;
    say_dropped(self);
}

static void drop_line(errlog *self) {
    self->dropped++;
    if (self->report != 0) return;
    if (self->self->loop.timer(self->self->loop.context, SECOND_NS, on_report, self, &self->report) < JF_OK)
        self->report = 0;
}

/** Token bucket: one second's worth of records at once, then as many per second. */
static bool may_write(errlog *self) {
    uint64_t now = self->self->loop.now(self->self->loop.context), cost = SECOND_NS / self->rate;
    self->tokens += now - self->filled;
    if (self->tokens > SECOND_NS) self->tokens = SECOND_NS;
    self->filled = now;
    if (self->tokens < cost) return false;
    self->tokens -= cost;
    return true;
}

/** Puts a line and its end into the ring. */
static void keep(errlog *self, const char *text, uint64_t length) {
    if (self->tail == NULL) return;
    if (length >= self->kept) {
        text += length - (self->kept - 1);
        length = self->kept - 1;
    }
    for (uint64_t at = 0; at <= length;) {
        uint64_t place = self->written % self->kept, room = self->kept - place, part = length - at;
        if (at == length) {
            self->tail[place] = '\n';
            self->written++;
            break;
        }
        if (part > room) part = room;
        memcpy(self->tail + place, text + at, part);
        self->written += part;
        at += part;
    }
}

static bool on_line(void *user, const uint8_t *line, uint64_t length) {
    errlog *self = user;
    char text[1024];
    uint64_t kept = length < sizeof text ? length : sizeof text;
    uint64_t brief = length < LAST_WORDS ? length : LAST_WORDS;
    copy_utf8(self->last, line, brief);
    self->last[brief] = 0;
    copy_utf8(text, line, kept);
    keep(self, text, kept);
    if (!may_write(self)) {
        self->unlogged++;
        drop_line(self);
        return true;
    }
    say(self->self, JF_LOG_INFO, self->server, self->pid, "%.*s", (int)kept, text);
    return true;
}

/** Reads at most `turns` times. True: there may be more. */
static bool read_some(errlog *self, int turns) {
    while (turns-- > 0) {
        int32_t state = lines_read(&self->lines, self->fd);
        if (state <= LINES_DRY) (void)lines_deliver(&self->lines);
        if (state == LINES_MORE) continue;
        if (state != LINES_DRY) end_watch(self->self, &self->watch);
        return false;
    }
    return true;
}

static void on_again(void *user) {
    errlog *self = user;
    if (self->fd >= 0 && read_some(self, READS_PER_TURN)) defer(self->self, &self->again);
}

static void on_ready(void *user, uint32_t events) {
    errlog *self = user;
    if (!read_some(self, READS_PER_TURN)) {
        /* A short read before the writer went away: only another read sees the end. */
        if ((events & JF_HANGUP) != 0 && self->watch != 0) defer(self->self, &self->again);
        return;
    }
    defer(self->self, &self->again);
}

void errlog_init(errlog *self, jf_self *instance, const char *server, uint32_t rate, uint32_t line_limit,
                 uint32_t kept) {
    *self = (errlog){.self = instance, .server = server, .rate = rate, .fd = -1, .tokens = SECOND_NS};
    self->lines = (lines){.self = instance, .line = on_line, .user = self, .limit = line_limit};
    self->again = (deferred){.run = on_again, .user = self};
    self->kept = kept;
    self->filled = instance->loop.now(instance->loop.context);
}

bool errlog_open(errlog *self, int fd, int32_t pid) {
    self->fd = fd;
    self->pid = pid;
    self->last[0] = 0;
    self->written = self->unlogged = 0;
    if (self->tail == NULL && self->kept > 0) self->tail = allocate(self->self, self->kept);
    if (self->self->loop.watch(self->self->loop.context, fd, JF_READABLE, on_ready, self, &self->watch) >=
        JF_OK)
        return true;
    self->watch = 0;
    self->fd = -1;
    return false;
}

void errlog_close(errlog *self) {
    if (self->fd >= 0) {
        (void)read_some(self, READS_AT_END);
        if (lines_waiting(&self->lines) > 0 && !self->lines.skipping && self->lines.buffer != NULL)
            (void)on_line(self, self->lines.buffer + self->lines.start, lines_waiting(&self->lines));
    }
    end_watch(self->self, &self->watch);
    cancel_timer(self->self, &self->report);
    defer_cancel(&self->again);
    say_dropped(self);
    lines_reset(&self->lines);
    self->fd = -1;
}

void errlog_tell(errlog *self) {
    uint64_t now = self->self->loop.now(self->self->loop.context), from, end = self->written;
    if (self->tail == NULL || self->unlogged == 0 || end == 0) return;
    if (self->told != 0 && now - self->told < TAIL_EVERY_NS) return;
    self->told = now;
    from = end > self->kept ? end - self->kept : 0;
    say(self->self, JF_LOG_WARNING, self->server, self->pid,
        "server %s: the end of its standard error, of which lines were left out above:", self->server);
    while (from < end) {
        char line[1024];
        uint64_t length = 0;
        bool first = from > 0 && from == end - self->kept;
        while (from < end && self->tail[from % self->kept] != '\n') {
            if (length < sizeof line) line[length++] = self->tail[from % self->kept];
            from++;
        }
        from++;
        /* The ring may begin inside a line, and that inside a character. */
        while (first && length > 0 && ((uint8_t)line[0] & 0xC0) == 0x80)
            memmove(line, line + 1, --length);
        if (length > 0) say(self->self, JF_LOG_WARNING, self->server, self->pid, "| %.*s", (int)length, line);
    }
    self->unlogged = 0;
}

void errlog_release(errlog *self) {
    release(self->self, self->tail);
    self->tail = NULL;
}
