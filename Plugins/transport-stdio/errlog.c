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

static bool on_line(void *user, const uint8_t *line, uint64_t length) {
    errlog *self = user;
    char text[1024];
    uint64_t kept = length < sizeof text ? length : sizeof text;
    uint64_t brief = length < LAST_LINE ? length : LAST_LINE;
    copy_utf8(self->last, line, brief);
    self->last[brief] = 0;
    if (!may_write(self)) {
        drop_line(self);
        return true;
    }
    copy_utf8(text, line, kept);
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

void errlog_init(errlog *self, jf_self *instance, const char *server, uint32_t rate, uint32_t line_limit) {
    *self = (errlog){.self = instance, .server = server, .rate = rate, .fd = -1, .tokens = SECOND_NS};
    self->lines = (lines){.self = instance, .line = on_line, .user = self, .limit = line_limit};
    self->again = (deferred){.run = on_again, .user = self};
    self->filled = instance->loop.now(instance->loop.context);
}

bool errlog_open(errlog *self, int fd, int32_t pid) {
    self->fd = fd;
    self->pid = pid;
    self->last[0] = 0;
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
