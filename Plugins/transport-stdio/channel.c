/* SPDX-License-Identifier: Apache-2.0
 * The life of a channel: start, messages, failure, back-off, start again. Its end is in ending.c. */
#include "channel.h"

#include <string.h>

/** Reads per loop turn, so that one server does not hold up the others. */
#define READS_PER_TURN 16

static void on_task(void *user);
static void on_more(void *user);

/** A message above this, in either direction, makes the pipes wide: it is the usual capacity (pipe(7)). */
#define LARGE_MESSAGE (64ull * 1024)

/* ---- messages ---- */

/** Most servers never need more than the usual pipes, and the memory of all pipes of a user is limited: so
 * they grow with the first large message. Measured with 100 KB each way: a quarter less CPU, less than half
 * the wake-ups. */
static void see_size(channel *self, uint64_t length) {
    if (length <= LARGE_MESSAGE || self->wide) return;
    self->wide = true;
    if (self->settings.pipe_size > LARGE_MESSAGE) child_widen(&self->child, self->settings.pipe_size);
}

static bool on_line(void *user, const uint8_t *line, uint64_t length) {
    channel *self = user;
    jf_view body = {line, length};
    jf_message message = {.size = sizeof message, .flags = JF_MSG_PADDED, .body = &body, .body_count = 1};
    see_size(self, length);
    (void)self->self->channels.deliver(self->self->channels.context, self->host, &message);
    return !self->closing;
}

static void on_long_line(void *user, uint64_t length) {
    channel *self = user;
    say(self->self, JF_LOG_WARNING, self->name, self->child.pid,
        "server %s: a message of %llu bytes was left out: max_message is %llu", self->name,
        (unsigned long long)length, (unsigned long long)self->settings.max_message);
}

bool channel_read(channel *self, int turns) {
    while (turns-- > 0 && self->child.out >= 0) {
        int32_t state = lines_read(&self->out, self->child.out);
        if (self->closing)
            lines_reset(&self->out);
        else if (state <= LINES_DRY)
            (void)lines_deliver(&self->out);
        if (state == LINES_MORE) continue;
        if (state == LINES_DRY) {
            if (!self->hangup) return false;
            self->hangup = false;
            continue;
        }
        end_watch(self->self, &self->out_watch);
        close_fd(&self->child.out);
        if (lines_waiting(&self->out) > 0 && !self->closing)
            say(self->self, JF_LOG_WARNING, self->name, self->child.pid,
                "server %s: its output ended inside a message, after %llu bytes of it", self->name,
                (unsigned long long)lines_waiting(&self->out));
        lines_reset(&self->out);
        ending_begin(self, ENDING_GRACE,
                     state == LINES_END ? "closed its standard output"
                                        : "has no memory left for its messages");
        return false;
    }
    return self->child.out >= 0;
}

static void on_more(void *user) {
    channel *self = user;
    if (channel_read(self, READS_PER_TURN)) defer(self->self, &self->more);
}

static void on_out(void *user, uint32_t events) {
    channel *self = user;
    if ((events & (JF_HANGUP | JF_BROKEN)) != 0) self->hangup = true;
    if (channel_read(self, READS_PER_TURN)) defer(self->self, &self->more);
}

static void on_pid(void *user, uint32_t events) {
    channel *self = user;
    (void)events;
    if (self->state == CHANNEL_UP) {
        /* What the child wrote before it ended comes first. */
        for (int rounds = 0; rounds < 8 && self->state == CHANNEL_UP; rounds++)
            if (!channel_read(self, READS_PER_TURN)) break;
    }
    if (self->state == CHANNEL_UP) ending_begin(self, ENDING_GRACE, NULL);
    if (self->state == CHANNEL_ENDING) ending_step(self);
}

int32_t channel_send(channel *self, const jf_message *message, jf_fault *why) {
    uint64_t total = 1, queued = writer_queued(&self->in);
    int32_t status;
    if (message->body == NULL || message->body_count == 0)
        return fault(why, JF_E_UNSUPPORTED, 0, "server %s: stdio carries messages with a body only",
                     self->name);
    if (self->state != CHANNEL_UP || self->closing) {
        uint64_t now = monotonic_ns(self->self);
        fault(why, JF_E_GONE, JF_FAULT_NOT_STARTED, "server %s is not running", self->name);
        if (why != NULL && !self->closing && self->state != CHANNEL_GAVE_UP && self->restart_ns > now)
            why->retry_ms = (uint32_t)((self->restart_ns - now) / MS_NS) + 1;
        return JF_E_GONE;
    }
    for (uint32_t at = 0; at < message->body_count; at++)
        total += message->body[at].len;
    see_size(self, total);
    if (queued > 0 && queued + total > self->settings.queue)
        status = JF_E_BUSY;
    else
        status = writer_put(&self->in, message->body, message->body_count);
    if (status == JF_E_BUSY) {
        writer_mark_full(&self->in);
        return fault(why, JF_E_BUSY, JF_FAULT_NOT_STARTED,
                     "server %s does not read its input: %llu bytes wait (its \"queue\" is %llu)", self->name,
                     (unsigned long long)queued, (unsigned long long)self->settings.queue);
    }
    if (status != JF_OK)
        return fault(why, status, JF_FAULT_NOT_STARTED, "server %s has closed its standard input",
                     self->name);
    return JF_OK;
}

static void on_writable(void *user) {
    channel *self = user;
    if (!self->closing) self->self->channels.writable(self->self->channels.context, self->host);
}

static void on_broken(void *user, int error) {
    channel *self = user;
    (void)error;
    ending_begin(self, ENDING_GRACE, "closed its standard input");
}

static void on_finished(void *user) {
    channel *self = user;
    writer_close(&self->in);
    close_fd(&self->child.in);
}

static const writer_events input_events = {
    .writable = on_writable, .broken = on_broken, .finished = on_finished};

/* ---- start ---- */

static bool watch_child(channel *self) {
    jf_loop_1 *loop = &self->self->loop;
    if (loop->watch(loop->context, self->child.out, JF_READABLE, on_out, self, &self->out_watch) < JF_OK) {
        self->out_watch = 0;
        return false;
    }
    if (loop->watch(loop->context, self->child.pidfd, JF_READABLE, on_pid, self, &self->pid_watch) < JF_OK) {
        self->pid_watch = 0;
        return false;
    }
    return self->child.err < 0 || errlog_open(&self->err, self->child.err, self->child.pid);
}

static void start(channel *self) {
    jf_fault why = {.size = sizeof why};
    self->told = self->exited = self->hangup = self->wide = false;
    self->end = (child_end){0};
    self->cause = NULL;
    self->started_ns = monotonic_ns(self->self);
    if (child_start(&self->settings, self->name, &self->child, &why) != JF_OK) {
        channel_tell_down(self, &why);
        channel_rest(self);
        return;
    }
    self->tree.root = self->child.pid;
    self->state = CHANNEL_UP;
    writer_open(&self->in, self->child.in);
    say(self->self, JF_LOG_INFO, self->name, self->child.pid, "server %s: started %s", self->name,
        self->settings.command);
    if (!watch_child(self)) {
        ending_begin(self, ENDING_GRACE, "cannot be watched by the event loop");
        return;
    }
    self->self->channels.ready(self->self->channels.context, self->host,
                               JF_CHANNEL_SHARED | JF_CHANNEL_LOCAL);
}

static void on_timer(void *user) {
    channel *self = user;
    self->timer = 0;
    start(self);
}

/** A task means: go on with what the state asks for. */
static void on_task(void *user) {
    channel *self = user;
    if (self->state == CHANNEL_ENDING)
        ending_step(self);
    else if (self->closing)
        channel_finish(self);
    else if (self->state == CHANNEL_WAITING) {
        /* A start waits for exec: one a turn, so that many servers do not hold up the loop's other work. */
        uint64_t turn = self->self->loop.now(self->self->loop.context);
        if (turn == self->self->start_turn) {
            defer(self->self, &self->task);
            return;
        }
        self->self->start_turn = turn;
        start(self);
    }
}

/* ---- failure and back-off ---- */

/** xorshift32: spreads restarts, nothing depends on its quality. */
static uint32_t next_random(channel *self) {
    self->random ^= self->random << 13;
    self->random ^= self->random >> 17;
    self->random ^= self->random << 5;
    return self->random;
}

/** Milliseconds until the next attempt, at least 1; 0: no more attempts. */
static uint32_t next_delay(channel *self) {
    const settings *plan = &self->settings;
    double delay = plan->initial_ms, most = plan->max_ms;
    if (monotonic_ns(self->self) - self->started_ns >= plan->healthy_ms * MS_NS) self->failures = 0;
    self->failures++;
    if (plan->give_up_after != 0 && self->failures >= plan->give_up_after) return 0;
    for (uint32_t at = 1; at < self->failures && delay < most; at++)
        delay *= plan->factor;
    if (delay > most) delay = most;
    delay *= 1 - plan->jitter * ((double)next_random(self) / 4294967296.0);
    return delay < 1 ? 1 : (uint32_t)delay;
}

static void describe_end(const channel *self, jf_fault *why) {
    char end[80];
    uint64_t lived = (monotonic_ns(self->self) - self->started_ns) / MS_NS;
    const char *last = self->err.last;
    child_end_text(&self->end, end, sizeof end);
    fault(why, JF_E_GONE, 0, "server %s %s after %llu.%03llu s%s%s%s", self->name,
          self->exited ? end : self->cause, (unsigned long long)(lived / 1000),
          (unsigned long long)(lived % 1000), last[0] != 0 ? "; last on its standard error: \"" : "", last,
          last[0] != 0 ? "\"" : "");
}

void channel_tell_down(channel *self, const jf_fault *why) {
    jf_fault text = {.size = sizeof text};
    uint32_t delay;
    if (self->told) return;
    self->told = true;
    if (self->closing) return;
    if (why != NULL)
        text = *why;
    else
        describe_end(self, &text);
    delay = next_delay(self);
    text.retry_ms = delay;
    self->restart_ns = delay != 0 ? monotonic_ns(self->self) + delay * MS_NS : 0;
    if (delay != 0)
        say(self->self, JF_LOG_WARNING, self->name, self->child.pid, "%.*s; next start in %u ms",
            (int)text.text_len, text.text, delay);
    else
        say(self->self, JF_LOG_ERROR, self->name, self->child.pid,
            "%.*s; given up after %u failures in a row (restart.give_up_after)", (int)text.text_len,
            text.text, self->failures);
    self->self->channels.failed(self->self->channels.context, self->host, 0, &text);
}

void channel_rest(channel *self) {
    uint64_t now = monotonic_ns(self->self);
    jf_loop_1 *loop = &self->self->loop;
    self->state = self->restart_ns != 0 ? CHANNEL_WAITING : CHANNEL_GAVE_UP;
    cancel_timer(self->self, &self->timer);
    if (self->closing) {
        self->state = CHANNEL_WAITING;
        defer(self->self, &self->task);
    } else if (self->state == CHANNEL_WAITING) {
        uint64_t delay = self->restart_ns > now ? self->restart_ns - now : 0;
        if (loop->timer(loop->context, delay, on_timer, self, &self->timer) < JF_OK) {
            self->timer = 0;
            self->state = CHANNEL_GAVE_UP;
            say(self->self, JF_LOG_ERROR, self->name, 0, "server %s: no timer for its restart", self->name);
        }
    }
}

/* ---- making and unmaking ---- */

int32_t channel_create(jf_self *self, jf_ref host, jf_view name, jf_view config, channel **out,
                       jf_fault *why) {
    channel *made = allocate(self, sizeof *made);
    int32_t status = JF_E_BUSY;
    if (made == NULL || (made->name = allocate(self, name.len + 1)) == NULL) {
        release(self, made);
        return fault(why, JF_E_BUSY, 0, "no memory for another server");
    }
    made->self = self;
    made->host = host;
    copy_utf8(made->name, name.ptr, name.len);
    made->child = (child){.pidfd = -1, .in = -1, .out = -1, .err = -1};
    made->random = (uint32_t)monotonic_ns(self) | 1;
    status = settings_read(self, made->name, config, &made->settings, why);
    if (status != JF_OK || !channel_enter(self, made)) {
        if (status == JF_OK) {
            settings_release(&made->settings);
            status = fault(why, JF_E_BUSY, 0, "no memory for another server");
        }
        release(self, made->name);
        release(self, made);
        return status;
    }
    made->tree = (tree){.self = self, .marker = made->settings.marker};
    made->out = (lines){.self = self, .line = on_line, .too_long = on_long_line, .user = made};
    made->out.limit = made->settings.max_message;
    errlog_init(&made->err, self, made->name, made->settings.stderr_rate, made->settings.stderr_line);
    writer_init(&made->in, self, &input_events, made, made->settings.queue);
    made->task = (deferred){.run = on_task, .user = made};
    made->more = (deferred){.run = on_more, .user = made};
    defer(self, &made->task);
    *out = made;
    return JF_OK;
}

void channel_close(channel *self, uint64_t deadline_ns) {
    if (self->closing) return;
    self->closing = true;
    self->told = true;
    switch (self->state) {
    case CHANNEL_UP:
        ending_hurry(self, deadline_ns);
        ending_begin(self, ENDING_STDIN, NULL);
        break;
    case CHANNEL_ENDING:
        /* Maybe called from inside `failed`, in the middle of a step: the next one is a task. */
        ending_hurry(self, deadline_ns);
        defer(self->self, &self->task);
        break;
    case CHANNEL_WAITING:
    case CHANNEL_GAVE_UP:
        cancel_timer(self->self, &self->timer);
        defer(self->self, &self->task);
        break;
    }
}

void channel_destroy(channel *self) {
    jf_self *instance = self->self;
    defer_cancel(&self->task);
    defer_cancel(&self->more);
    cancel_timer(instance, &self->timer);
    end_watch(instance, &self->out_watch);
    end_watch(instance, &self->pid_watch);
    writer_close(&self->in);
    errlog_close(&self->err);
    lines_reset(&self->out);
    tree_release(&self->tree);
    settings_release(&self->settings);
    release(instance, self->name);
    release(instance, self);
}
