/* SPDX-License-Identifier: Apache-2.0
 * The regular look at a server's processes: limits that no kernel keeps, recycling, sleep, spares, what they
 * use.
 */
#include "port.h"
#include "watch.h"

/** Pause between records of what a server uses, at debug. */
#define REPORT_NS (30000 * MS_NS)

channel *spare_take(port *self, channel_role role) {
    port *owner = self;
    channel *taken = self->spare, **at;
    for (uint32_t place = 0; taken == NULL && place < self->self->port_count; place++) {
        owner = self->self->ports[place];
        if (owner != NULL && owner->kind == self->kind && !owner->closing) taken = owner->spare;
    }
    if (taken == NULL || taken->state != CHANNEL_UP || taken->closing) return NULL;
    owner->spare = NULL;
    for (at = &owner->lives; *at != taken;)
        at = &(*at)->sibling;
    *at = taken->sibling;
    taken->sibling = self->lives;
    self->lives = taken;
    taken->port = self;
    taken->name = taken->err.server = self->name;
    taken->settings = &self->settings;
    taken->role = role;
    if (role == ROLE_CURRENT) self->current = taken;
    return taken;
}

static bool must_measure(const port *self, const channel *life) {
    const limits *wanted = &self->settings.limits;
    return (wanted->memory != 0 && !life->group.memory) || (wanted->processes != 0 && !life->group.pids) ||
           (self->settings.recycle.memory != 0 && life->role == ROLE_CURRENT);
}

static void check_limits(port *self, channel *life) {
    const limits *wanted = &self->settings.limits;
    if (wanted->memory != 0 && !life->group.memory && life->usage.memory > wanted->memory)
        channel_condemn(life, "its processes use %llu MiB, over its limits.memory of %llu MiB",
                        (unsigned long long)(life->usage.memory >> 20),
                        (unsigned long long)(wanted->memory >> 20));
    else if (wanted->processes != 0 && !life->group.pids && life->usage.processes > wanted->processes)
        channel_condemn(life, "it has %u processes, over its limits.processes of %u", life->usage.processes,
                        wanted->processes);
}

static void report(port *self, uint64_t now) {
    if (now < self->report_ns || self->self->log.enabled(self->self->log.context, JF_LOG_DEBUG) == 0) return;
    self->report_ns = now + REPORT_NS;
    for (channel *life = self->lives; life != NULL; life = life->sibling) {
        if (life->state != CHANNEL_UP) continue;
        tree_usage(&life->tree, &life->usage);
        say(self->self, JF_LOG_DEBUG, self->name, life->child.pid,
            "server %s uses %llu KiB and %u processes; CPU so far %llu ms; calls answered %llu, open %u, "
            "waiting %u",
            self->name, (unsigned long long)(life->usage.memory >> 10), life->usage.processes,
            (unsigned long long)(life->usage.cpu_ns / MS_NS), (unsigned long long)life->calls, life->open,
            self->ledger.waiting_count);
    }
}

/** An idle server ends; the next request starts it again. */
static void fall_asleep(port *self) {
    channel *life = self->current;
    say(self->self, JF_LOG_INFO, self->name, life->child.pid,
        "server %s had no call for recycle.idle_ms: its process ends, the next call starts another",
        self->name);
    self->current = NULL;
    self->account.replaced++;
    self->asleep = true;
    life->role = ROLE_LEAVING;
    channel_close(life, 0);
}

static void check_age(port *self, uint64_t now) {
    const recycle *when = &self->settings.recycle;
    channel *life = self->current;
    bool greeted = self->greeting.greeted || self->greeting.discovered;
    if (life == NULL || life->state != CHANNEL_UP || life->closing) return;
    if (life->age_ns != 0 && now - life->started_ns >= life->age_ns)
        (void)handover_begin(self, "the old one has reached recycle.age_ms");
    else if (when->memory != 0 && life->usage.memory > when->memory &&
             now - life->started_ns >= self->settings.healthy_ms * MS_NS)
        (void)handover_begin(self, "the old one uses more than recycle.memory");
    else if (when->idle_ms != 0 && greeted && life->open == 0 && self->next == NULL &&
             self->ledger.waiting_count == 0 && now - self->active_ns >= when->idle_ms * MS_NS &&
             !port_listens(self))
        fall_asleep(self);
}

/** One spare child for all ports of a kind. */
static bool has_spare(const port *self) {
    for (uint32_t place = 0; place < self->self->port_count; place++) {
        const port *each = self->self->ports[place];
        if (each != NULL && each->kind == self->kind && each->spare != NULL) return true;
    }
    return false;
}

static void check_spare(port *self, uint64_t now) {
    if (self->settings.prewarm == 0 || now < self->spare_ns || has_spare(self)) return;
    if (self->current == NULL || self->current->state != CHANNEL_UP || self->next != NULL) return;
    self->spare = channel_create(self, ROLE_SPARE);
}

static void on_tick(void *user) {
    port *self = user;
    uint64_t now = monotonic_ns(self->self);
    self->tick = 0;
    for (channel *life = self->lives, *next; life != NULL; life = next) {
        next = life->sibling;
        if (life->state != CHANNEL_UP) continue;
        if (must_measure(self, life)) {
            tree_usage(&life->tree, &life->usage);
            check_limits(self, life);
        }
        if (life->role == ROLE_LEAVING && !life->closing && now >= life->drain_ns) {
            leaving_end(life, "the process that had it was replaced, and recycle.drain_ms is over");
            /* The host may have closed the channel from inside. */
            if (self->closing) return;
        }
    }
    check_age(self, now);
    check_spare(self, now);
    report(self, now);
    upkeep_schedule(self);
}

void upkeep_schedule(port *self) {
    const settings *plan = &self->settings;
    jf_loop_1 *loop = &self->self->loop;
    if (self->tick != 0 || self->closing) return;
    if (!self->tracking && plan->limits.memory == 0 && plan->limits.processes == 0 && plan->prewarm == 0 &&
        self->self->log.enabled(self->self->log.context, JF_LOG_DEBUG) == 0)
        return;
    if (loop->timer(loop->context, plan->sample_ms * MS_NS, on_tick, self, &self->tick) < JF_OK)
        self->tick = 0;
}
