/* SPDX-License-Identifier: Apache-2.0
 * The life of a channel: start, messages, failure, back-off, start again. Its end is in ending.c. */
#include "port.h"
#include "watch.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
    if (self->settings->pipe_size > LARGE_MESSAGE) child_widen(&self->child, self->settings->pipe_size);
}

static bool on_line(void *user, const uint8_t *line, uint64_t length) {
    channel *self = user;
    see_size(self, length);
    if (!self->noted) {
        /* A wrapper's processes are there by now. Should they lose it, they are known. */
        self->noted = true;
        if (self->tree.group == NULL) tree_collect(&self->tree);
    }
    return port_line(self, line, length);
}

static void on_long_line(void *user, uint64_t length) {
    channel *self = user;
    say(self->self, JF_LOG_WARNING, self->name, self->child.pid,
        "server %s: a message of %llu bytes was left out: max_message is %llu", self->name,
        (unsigned long long)length, (unsigned long long)self->settings->max_message);
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
    if (queued > 0 && queued + total > self->settings->queue)
        status = JF_E_BUSY;
    else
        status = writer_put(&self->in, message->body, message->body_count);
    if (status == JF_E_BUSY) {
        writer_mark_full(&self->in);
        return fault(why, JF_E_BUSY, JF_FAULT_NOT_STARTED,
                     "server %s does not read its input: %llu bytes wait (its \"queue\" is %llu)", self->name,
                     (unsigned long long)queued, (unsigned long long)self->settings->queue);
    }
    if (status != JF_OK)
        return fault(why, status, JF_FAULT_NOT_STARTED, "server %s has closed its standard input",
                     self->name);
    return JF_OK;
}

bool channel_say(channel *self, const uint8_t *text, uint64_t length) {
    jf_view body = {text, length};
    if (self->state != CHANNEL_UP) return false;
    see_size(self, length);
    return writer_put(&self->in, &body, 1) == JF_OK;
}

static void on_writable(void *user) {
    channel *self = user;
    if (!self->closing) port_writable(self);
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

/** xorshift32: spreads restarts, nothing depends on its quality. */
static uint32_t next_random(channel *self) {
    self->random ^= self->random << 13;
    self->random ^= self->random >> 17;
    self->random ^= self->random << 5;
    return self->random;
}

void channel_ungroup(channel *self) {
    self->tree.group = NULL;
    if (!cgroup_remove(&self->group))
        say(self->self, JF_LOG_DEBUG, self->name, self->child.pid, "server %s: its control group %s stays",
            self->name, self->group.path);
    self->group.path[0] = 0;
}

/** Makes the child's group, or says that it has to do without. */
static bool make_group(channel *self, jf_fault *why) {
    const limits *wanted = &self->settings->limits;
    char reason[CGROUP_PATH + 128] = "";
    bool made = cgroup_make(self->self, wanted, &self->group, reason, sizeof reason);
    bool enough = (wanted->memory == 0 || self->group.memory) &&
                  (wanted->processes == 0 || self->group.pids) && (wanted->cpu <= 0 || self->group.cpu);
    if (wanted->cgroup == CGROUP_REQUIRE && (!made || !enough)) {
        fault(why, JF_E_GONE, JF_FAULT_NOT_STARTED, "server %s: limits.cgroup is \"require\", but %s",
              self->name, made ? "its control group has not the controllers for its limits" : reason);
        channel_ungroup(self);
        return false;
    }
    if (!enough && !self->port->limits_said) {
        self->port->limits_said = true;
        say(self->self, JF_LOG_INFO, self->name, 0,
            "server %s: no control group keeps all of its limits (%s): resource limits and a look every %u "
            "ms do%s",
            self->name,
            made             ? "controllers are missing"
            : reason[0] != 0 ? reason
                             : "limits.cgroup is \"off\"",
            self->settings->sample_ms,
            wanted->cpu > 0 && !self->group.cpu ? "; limits.cpu has no effect" : "");
    }
    return true;
}

static int32_t launch_child(channel *self, jf_fault *why) {
    child_bounds bounds;
    int32_t status;
    if (!make_group(self, why)) return JF_E_GONE;
    child_bounds_read(&self->settings->limits, self->group.path[0] != 0 ? &self->group : NULL, &bounds);
    bounds.group = cgroup_directory(&self->group);
    /* A marker for each child: what it starts is told from what another child of the server started. */
    snprintf(self->marker, sizeof self->marker, "%s%x", self->self->marker, ++self->self->marked);
    memcpy(self->settings->marker, self->marker, sizeof self->marker);
    status = child_start(self->settings, &bounds, self->name, &self->child, why);
    if (status != JF_OK && bounds.group >= 0 && self->settings->limits.cgroup != CGROUP_REQUIRE) {
        /* Where processes may not enter the group, a group is of no use; any other failure comes again. */
        channel_ungroup(self);
        close_fd(&bounds.group);
        child_bounds_read(&self->settings->limits, NULL, &bounds);
        status = child_start(self->settings, &bounds, self->name, &self->child, why);
    }
    close_fd(&bounds.group);
    if (status != JF_OK) channel_ungroup(self);
    return status;
}

static void start(channel *self) {
    jf_fault why = {.size = sizeof why};
    channel *spare = self->role == ROLE_CURRENT ? spare_take(self->port, ROLE_CURRENT) : NULL;
    if (spare != NULL) {
        /* What a spare has lived so far is no proof of health. */
        spare->failures = self->failures;
        spare->random = self->random;
        spare->started_ns = monotonic_ns(self->self);
        self->role = ROLE_LEAVING;
        self->closing = true;
        defer(self->self, &self->task);
        port_up(spare);
        return;
    }
    self->told = self->exited = self->hangup = self->wide = self->noted = false;
    self->end = (child_end){0};
    self->cause = NULL;
    self->blame[0] = 0;
    self->calls = 0;
    self->usage = (usage){0};
    self->started_ns = monotonic_ns(self->self);
    (void)watcher_start(self->self);
    if (launch_child(self, &why) != JF_OK) {
        channel_tell_down(self, &why);
        channel_rest(self);
        return;
    }
    self->port->account.started++;
    self->tree.root = self->child.pid;
    self->tree.group = self->group.path[0] != 0 ? &self->group : NULL;
    watcher_note(self->self);
    if (self->settings->recycle.age_ms != 0)
        self->age_ns = (uint64_t)((double)self->settings->recycle.age_ms *
                                  (1 - 0.1 * next_random(self) / 4294967296.0) * (double)MS_NS);
    self->state = CHANNEL_UP;
    writer_open(&self->in, self->child.in);
    say(self->self, self->role == ROLE_SPARE ? JF_LOG_DEBUG : JF_LOG_INFO, self->name, self->child.pid,
        "server %s: started %s", self->name, self->settings->command);
    if (!watch_child(self)) {
        ending_begin(self, ENDING_GRACE, "cannot be watched by the event loop");
        return;
    }
    port_up(self);
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

/** Milliseconds until the next attempt, at least 1; 0: no more attempts. */
static uint32_t next_delay(channel *self) {
    const settings *plan = self->settings;
    double delay = plan->initial_ms, most = plan->max_ms;
    if (monotonic_ns(self->self) - self->started_ns >= plan->healthy_ms * MS_NS) self->failures = 0;
    self->failures++;
    if (plan->give_up_after != 0 && self->failures >= plan->give_up_after) return 0;
    for (uint32_t at = 1; at < self->failures && delay < most; at++)
        delay *= plan->factor;
    if (delay > most) delay = most;
    /* A child that stands by takes over at once, unless the one before did not live either. */
    if (self->port->spare != NULL && self->failures == 1) delay = 0;
    delay *= 1 - plan->jitter * ((double)next_random(self) / 4294967296.0);
    return delay < 1 ? 1 : (uint32_t)delay;
}

static void describe_end(const channel *self, jf_fault *why) {
    char end[80];
    uint64_t lived = (monotonic_ns(self->self) - self->started_ns) / MS_NS;
    const char *last = self->err.last;
    if (self->blame[0] != 0) {
        fault(why, JF_E_GONE, 0, "server %s was ended: %s", self->name, self->blame);
        return;
    }
    child_end_text(&self->end, end, sizeof end);
    if (cgroup_out_of_memory(&self->group)) {
        fault(why, JF_E_GONE, 0,
              "server %s was ended by the kernel: it used more than its limits.memory of %llu bytes",
              self->name, (unsigned long long)self->settings->limits.memory);
        return;
    }
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
    self->port->account.failures++;
    if (why != NULL)
        text = *why;
    else
        describe_end(self, &text);
    if (self->role != ROLE_CURRENT && !port_promote(self)) {
        self->closing = true;
        port_other_down(self, &text);
        return;
    }
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
    errlog_tell(&self->err);
    port_current_down(self->port);
    self->self->channels.failed(self->self->channels.context, self->port->host, 0, &text);
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

channel *channel_create(port *owner, channel_role role) {
    jf_self *self = owner->self;
    const settings *plan = &owner->settings;
    channel *made = allocate(self, sizeof *made);
    if (made == NULL) return NULL;
    made->self = self;
    made->port = owner;
    made->role = role;
    made->name = owner->name;
    made->settings = plan;
    made->child = (child){.pidfd = -1, .in = -1, .out = -1, .err = -1};
    made->random = (uint32_t)(monotonic_ns(self) + ++self->marked * 2654435761u) | 1;
    if (!channel_enter(self, made)) {
        release(self, made);
        return NULL;
    }
    made->tree = (tree){.self = self, .marker = made->marker};
    made->out = (lines){.self = self, .line = on_line, .too_long = on_long_line, .user = made};
    made->out.limit = plan->max_message;
    errlog_init(&made->err, self, made->name, plan->stderr_rate, plan->stderr_line, plan->stderr_tail);
    writer_init(&made->in, self, &input_events, made, plan->queue);
    made->task = (deferred){.run = on_task, .user = made};
    made->more = (deferred){.run = on_more, .user = made};
    made->sibling = owner->lives;
    owner->lives = made;
    defer(self, &made->task);
    sweep_schedule(self);
    return made;
}

void channel_condemn(channel *self, const char *format, ...) {
    va_list arguments;
    if (self->state != CHANNEL_UP || self->blame[0] != 0) return;
    va_start(arguments, format);
    vsnprintf(self->blame, sizeof self->blame, format, arguments);
    va_end(arguments);
    ending_begin(self, ENDING_KILL, self->blame);
}

void channel_close(channel *self, uint64_t deadline_ns) {
    if (self->closing && self->state != CHANNEL_ENDING) return;
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
    errlog_release(&self->err);
    lines_reset(&self->out);
    tree_release(&self->tree);
    channel_ungroup(self);
    release(instance, self);
}
