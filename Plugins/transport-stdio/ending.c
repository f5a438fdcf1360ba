/* SPDX-License-Identifier: Apache-2.0
 * Ends a child and everything it started: close stdin, SIGTERM, SIGKILL, reap (MCP 2026-07-28, stdio
 * shutdown). */
#define _GNU_SOURCE
#include "port.h"

#include <signal.h>
#include <time.h>

/** How long an exit status may lag behind the end of the output. */
#define GRACE_NS (100 * MS_NS)
/** How long killed processes may take to disappear before they are reported and left. */
#define KILL_NS (5000 * MS_NS)
/** How often an otherwise empty tree is looked at again because of processes that may be in the middle of
 * exec. */
#define UNCLEAR_LOOKS 5
/** Pauses between looks at a tree: doubled from the first to the last. */
#define FIRST_POLL_NS (1 * MS_NS)
#define LAST_POLL_NS (50 * MS_NS)

static void on_step(void *user) {
    channel *self = user;
    self->timer = 0;
    ending_step(self);
}

static void enter_phase(channel *self, ending_phase phase, uint64_t now) {
    self->phase = phase;
    self->poll_ns = FIRST_POLL_NS;
    switch (phase) {
    case ENDING_GRACE:
        self->phase_ns = now + GRACE_NS;
        writer_close(&self->in);
        close_fd(&self->child.in);
        break;
    case ENDING_STDIN:
        /* Who is there now is noted first: children that outlive the server come to us without their
         * ancestry. */
        tree_collect(&self->tree);
        self->phase_ns = now + self->close_stdin_ns;
        writer_finish(&self->in);
        break;
    case ENDING_TERM:
        self->phase_ns = now + self->terminate_ns;
        writer_close(&self->in);
        close_fd(&self->child.in);
        tree_collect(&self->tree);
        tree_signal(&self->tree, SIGTERM);
        tree_signal(&self->tree, SIGCONT); /* a stopped process takes SIGTERM only when it goes on */
        break;
    case ENDING_KILL:
        self->phase_ns = now + KILL_NS;
        tree_collect(&self->tree);
        tree_signal(&self->tree, SIGKILL);
        break;
    }
}

/** Lets go of everything that belonged to the child. */
static void release_child(channel *self) {
    jf_self *instance = self->self;
    end_watch(instance, &self->out_watch);
    end_watch(instance, &self->pid_watch);
    cancel_timer(instance, &self->timer);
    defer_cancel(&self->more);
    writer_close(&self->in);
    errlog_close(&self->err);
    lines_reset(&self->out);
    child_release(&self->child);
    account_close(self);
    tree_release(&self->tree);
    channel_ungroup(self);
    sweep_hurry(instance);
}

static void arm(channel *self, uint64_t now) {
    jf_loop_1 *loop = &self->self->loop;
    uint64_t delay = self->phase_ns > now ? self->phase_ns - now : 0;
    if (self->exited || self->phase == ENDING_KILL) {
        if (delay > self->poll_ns) delay = self->poll_ns;
        self->poll_ns = self->poll_ns * 2 < LAST_POLL_NS ? self->poll_ns * 2 : LAST_POLL_NS;
    }
    cancel_timer(self->self, &self->timer);
    if (loop->timer(loop->context, delay, on_step, self, &self->timer) < JF_OK) {
        self->timer = 0;
        defer(self->self, &self->task);
    }
}

void ending_begin(channel *self, ending_phase phase, const char *cause) {
    uint64_t now = monotonic_ns(self->self);
    if (self->state != CHANNEL_UP) return;
    self->state = CHANNEL_ENDING;
    self->cause = cause;
    self->looks = 0;
    if (!self->closing) {
        self->close_stdin_ns = self->settings->close_stdin_ms * MS_NS;
        self->terminate_ns = self->settings->terminate_ms * MS_NS;
    }
    enter_phase(self, phase, now);
    /* Never further than this from here: it may be a call from inside a delivery. */
    arm(self, now);
    if (self->phase_ns <= now) defer(self->self, &self->task);
}

void ending_hurry(channel *self, uint64_t deadline_ns) {
    uint64_t now = monotonic_ns(self->self), left, wanted;
    self->close_stdin_ns = self->settings->close_stdin_ms * MS_NS;
    self->terminate_ns = self->settings->terminate_ms * MS_NS;
    if (deadline_ns == 0) return;
    left = deadline_ns > now ? deadline_ns - now : 0;
    wanted = self->close_stdin_ns + self->terminate_ns;
    if (left < wanted) {
        self->close_stdin_ns = (uint64_t)((double)left * (double)self->close_stdin_ns / (double)wanted);
        self->terminate_ns = left - self->close_stdin_ns;
    }
    if (self->state == CHANNEL_ENDING && self->phase != ENDING_KILL && self->phase_ns > deadline_ns)
        self->phase_ns = deadline_ns;
}

/** True when nothing is left below a child that has ended. Whoever has no environment for long has none at
 * all, and is no descendant that could be told from a stranger. */
static bool gone(channel *self) {
    return tree_gone(&self->tree) || (self->tree.count == 0 && self->looks++ >= UNCLEAR_LOOKS);
}

/** True when it is all over: nobody is left, or whoever is left cannot be killed. */
static bool over(channel *self, uint64_t now) {
    if (!self->exited)
        tree_reap(&self->tree);
    else if (gone(self))
        return true;
    if (self->phase != ENDING_KILL || now < self->phase_ns) return false;
    say(self->self, JF_LOG_ERROR, self->name, self->child.pid,
        "server %s: %u of its processes did not end %llu s after SIGKILL; they are left alone", self->name,
        self->tree.count + !self->exited, KILL_NS / (1000 * MS_NS));
    return true;
}

void ending_step(channel *self) {
    uint64_t now = monotonic_ns(self->self);
    cancel_timer(self->self, &self->timer);
    if (!self->exited && (self->exited = child_ended(&self->child, &self->end))) errlog_close(&self->err);
    if (self->exited || (self->phase == ENDING_GRACE && now >= self->phase_ns)) channel_tell_down(self, NULL);
    if (over(self, now)) {
        release_child(self);
        channel_rest(self);
        return;
    }
    if (self->phase < ENDING_TERM && self->exited)
        enter_phase(self, ENDING_TERM, now);
    else if (now >= self->phase_ns)
        enter_phase(self, self->phase < ENDING_TERM ? ENDING_TERM : ENDING_KILL, now);
    else if (self->phase == ENDING_KILL) {
        tree_collect(&self->tree);
        tree_signal(&self->tree, SIGKILL);
    }
    arm(self, now);
}

/** One round over all channels: kills and looks. True: all trees are gone. */
static bool kill_round(jf_self *self) {
    bool all = true;
    for (uint32_t at = 0; at < self->slot_count; at++) {
        channel *each = self->slots[at];
        if (each == NULL || each->child.pid == 0) continue;
        if (!each->exited) each->exited = child_ended(&each->child, &each->end);
        tree_collect(&each->tree);
        tree_signal(&each->tree, SIGKILL);
        all = each->exited && gone(each) && all;
    }
    return all;
}

void ending_all(jf_self *self, uint64_t limit_ns) {
    uint64_t until = monotonic_ns(self) + limit_ns;
    struct timespec nap = {.tv_nsec = 1000000};
    while (!kill_round(self) && monotonic_ns(self) < until) {
        /* The host asked for a synchronous end: nothing else runs on this lane any more. */
        nanosleep(&nap, NULL);
        if (nap.tv_nsec < 16000000) nap.tv_nsec *= 2;
    }
    for (uint32_t at = 0; at < self->slot_count; at++)
        if (self->slots[at] != NULL) release_child(self->slots[at]);
}
