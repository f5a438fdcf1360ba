/* SPDX-License-Identifier: Apache-2.0
 * What a server's processes use and have used, for the host: jf_connector_1.usage.
 */
#include "port.h"

#include <string.h>

/** A look at the processes is good for so long. */
#define FRESH_NS (1000 * MS_NS)

static void look(port *self, uint64_t now) {
    account *known = &self->account;
    uint64_t cpu_ns = known->ended_ns;
    known->measured_ns = now;
    known->memory = 0;
    known->processes = known->threads = known->descriptors = 0;
    for (channel *life = self->lives; life != NULL; life = life->sibling) {
        if (life->child.pid == 0) continue;
        /* Who left a tree is found by the sweep. */
        tree_glance(&life->tree, &life->usage);
        cpu_ns += life->usage.cpu_ns;
        known->memory += life->usage.memory;
        known->processes += life->usage.processes;
        known->threads += life->usage.threads;
        known->descriptors += life->usage.descriptors;
    }
    if (cpu_ns > known->cpu_ns) known->cpu_ns = cpu_ns;
}

void account_read(port *self, jf_usage *out) {
    account *known = &self->account;
    const channel *current = self->current;
    uint64_t now = monotonic_ns(self->self);
    if (known->measured_ns == 0 || now - known->measured_ns >= FRESH_NS) look(self, now);
    jf_usage told = {.size = out->size < sizeof told ? out->size : (uint32_t)sizeof told,
                     .measured_ns = known->measured_ns,
                     .memory = known->memory,
                     .cpu_ns = known->cpu_ns,
                     .since_ns = current != NULL && current->state == CHANNEL_UP ? current->started_ns : 0,
                     .processes = known->processes,
                     .threads = known->threads,
                     .descriptors = known->descriptors,
                     .spares = self->spare != NULL && self->spare->state == CHANNEL_UP,
                     .started = known->started,
                     .failures = known->failures,
                     .replaced = known->replaced,
                     .waiting = self->ledger.waiting_count};
    memcpy(out, &told, told.size);
}

void account_close(channel *life) {
    usage last = {.cpu_ns = life->child.cpu_ns + life->tree.cpu_ns};
    if (life->group.cpu) (void)cgroup_usage(&life->group, &last);
    /* Where somebody else had reaped it, what was seen last is all there is. */
    if (last.cpu_ns < life->usage.cpu_ns) last.cpu_ns = life->usage.cpu_ns;
    life->port->account.ended_ns += last.cpu_ns;
    life->usage = (usage){0};
}
