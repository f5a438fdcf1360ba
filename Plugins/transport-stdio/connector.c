/* SPDX-License-Identifier: Apache-2.0
 * Facet jf.connector/1: the table of channels, and the sweep for orphans of running children. */
#include "facets.h"
#include "port.h"
#include "watch.h"

#include <string.h>

/** How often orphans of running children are looked for and reaped. */
#define SWEEP_NS (5000 * MS_NS)
/** The same where some were found that nobody knows, or a server has just ended. */
#define SOON_NS (1000 * MS_NS)
/** How long stop() may wait for killed processes. */
#define STOP_NS (1000 * MS_NS)

bool channel_enter(jf_self *self, channel *entered) {
    uint32_t place = 0;
    while (place < self->slot_count && self->slots[place] != NULL)
        place++;
    if (place == self->slot_count) {
        uint32_t count = self->slot_count == 0 ? 8 : self->slot_count * 2;
        channel **slots = allocate(self, count * sizeof *slots);
        if (slots == NULL) return false;
        if (self->slot_count > 0) memcpy(slots, self->slots, self->slot_count * sizeof *slots);
        release(self, self->slots);
        self->slots = slots;
        self->slot_count = count;
    }
    self->slots[place] = entered;
    return true;
}

void channel_leave(channel *self) {
    jf_self *instance = self->self;
    for (uint32_t at = 0; at < instance->slot_count; at++)
        if (instance->slots[at] == self) instance->slots[at] = NULL;
}

bool tree_foreign_root(const jf_self *self, int32_t pid) {
    for (uint32_t at = 0; at < self->slot_count; at++)
        if (self->slots[at] != NULL && self->slots[at]->child.pid == pid) return true;
    return false;
}

static void sweep_child(void *user, int32_t pid) {
    jf_self *self = user;
    orphan found;
    if (tree_foreign_root(self, pid) || !orphan_read(self, pid, &found)) return;
    for (uint32_t at = 0; at < self->slot_count; at++)
        if (self->slots[at] != NULL && self->slots[at]->child.pid != 0 &&
            tree_adopt(&self->slots[at]->tree, &found))
            return;
}

static void on_sweep(void *user) {
    jf_self *self = user;
    self->sweep = 0;
    own_children(sweep_child, self);
    for (uint32_t at = 0; at < self->slot_count; at++) {
        channel *each = self->slots[at];
        if (each == NULL) continue;
        if (each->tree.root != 0 && each->tree.group == NULL) tree_descend(&each->tree);
        tree_reap(&each->tree);
    }
    watcher_note(self);
    self->sweep_soon = strays_reap(self);
    sweep_schedule(self);
}

void sweep_schedule(jf_self *self) {
    bool some = false;
    for (uint32_t at = 0; at < self->slot_count; at++)
        some = some || self->slots[at] != NULL;
    if (!some) cancel_timer(self, &self->sweep);
    if (!some || self->sweep != 0) return;
    if (self->loop.timer(self->loop.context, self->sweep_soon ? SOON_NS : SWEEP_NS, on_sweep, self,
                         &self->sweep) < JF_OK)
        self->sweep = 0;
}

void sweep_hurry(jf_self *self) {
    if (self->sweep_soon) return;
    self->sweep_soon = true;
    cancel_timer(self, &self->sweep);
    sweep_schedule(self);
}

static int32_t connector_open(jf_self *self, jf_ref channel_handle, jf_view name, jf_view config,
                              jf_ref *handle, jf_fault *why) {
    port *opened;
    int32_t status;
    if (self->stopped) return fault(why, JF_E_GONE, 0, "transport-stdio is stopped");
    /* Here, where there is time for it, and not before a child starts. */
    (void)cgroups_find(self);
    (void)watcher_start(self);
    status = port_create(self, channel_handle, name, config, &opened, why);
    if (status != JF_OK) return status;
    *handle = opened->handle;
    return JF_OK;
}

static int32_t connector_send(jf_self *self, jf_ref handle, const jf_message *message, jf_fault *why) {
    port *found = port_find(self, handle);
    if (found == NULL) return fault(why, JF_E_STALE, JF_FAULT_NOT_STARTED, "the channel is closed");
    return port_send(found, message, why);
}

/** Answers on a shared channel are matched by the host: there is no exchange to give up here. */
static void connector_cancel(jf_self *self, jf_ref handle, jf_ref exchange) {
    (void)self;
    (void)handle;
    (void)exchange;
}

static void connector_close(jf_self *self, jf_ref handle, uint64_t deadline_ns) {
    port *found = port_find(self, handle);
    if (found != NULL) port_close(found, deadline_ns);
}

static int32_t connector_usage(jf_self *self, jf_ref handle, jf_usage *usage) {
    port *found = port_find(self, handle);
    if (found == NULL) return JF_E_STALE;
    account_read(found, usage);
    return JF_OK;
}

void connector_stop(jf_self *self) {
    ending_all(self, STOP_NS);
    for (uint32_t at = 0; at < self->slot_count; at++)
        if (self->slots[at] != NULL) channel_destroy(self->slots[at]);
    for (uint32_t at = 0; at < self->port_count; at++)
        if (self->ports[at] != NULL) port_destroy(self->ports[at]);
    release(self, self->slots);
    release(self, self->ports);
    self->slots = NULL;
    self->ports = NULL;
    self->slot_count = self->port_count = 0;
    cancel_timer(self, &self->sweep);
    strays_forget(self);
    watcher_stop(self);
    cgroups_release(self);
}

const jf_connector_1 connector_facet = {.size = sizeof connector_facet,
                                        .open = connector_open,
                                        .send = connector_send,
                                        .cancel = connector_cancel,
                                        .close = connector_close,
                                        .usage = connector_usage};
