/* SPDX-License-Identifier: Apache-2.0
 * Facet jf.connector/1: the table of channels, and the sweep for orphans of running children. */
#include "channel.h"
#include "facets.h"

#include <string.h>

/** How often orphans of running children are looked for and reaped. */
#define SWEEP_NS (5000 * MS_NS)
/** How long stop() may wait for killed processes. */
#define STOP_NS (1000 * MS_NS)

/* A handle holds the place in the table, from 1, in its low half and a generation in its high half. */

channel *channel_find(const jf_self *self, jf_ref handle) {
    uint32_t place = (uint32_t)handle;
    if (place == 0 || place > self->slot_count) return NULL;
    return self->slots[place - 1] != NULL && self->slots[place - 1]->handle == handle ? self->slots[place - 1]
                                                                                      : NULL;
}

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
    entered->handle = (jf_ref)++self->generation << 32 | (place + 1);
    return true;
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
    for (uint32_t at = 0; at < self->slot_count; at++)
        if (self->slots[at] != NULL) tree_reap(&self->slots[at]->tree);
    sweep_schedule(self);
}

void sweep_schedule(jf_self *self) {
    bool some = false;
    for (uint32_t at = 0; at < self->slot_count; at++)
        some = some || self->slots[at] != NULL;
    if (!some) cancel_timer(self, &self->sweep);
    if (!some || self->sweep != 0) return;
    if (self->loop.timer(self->loop.context, SWEEP_NS, on_sweep, self, &self->sweep) < JF_OK) self->sweep = 0;
}

void channel_finish(channel *self) {
    jf_self *instance = self->self;
    jf_ref host = self->host;
    instance->slots[(uint32_t)self->handle - 1] = NULL;
    channel_destroy(self);
    sweep_schedule(instance);
    instance->channels.closed(instance->channels.context, host);
}

static int32_t connector_open(jf_self *self, jf_ref channel_handle, jf_view name, jf_view config,
                              jf_ref *handle, jf_fault *why) {
    channel *opened;
    int32_t status;
    if (self->stopped) return fault(why, JF_E_GONE, 0, "transport-stdio is stopped");
    status = channel_create(self, channel_handle, name, config, &opened, why);
    if (status != JF_OK) return status;
    *handle = opened->handle;
    sweep_schedule(self);
    return JF_OK;
}

static int32_t connector_send(jf_self *self, jf_ref handle, const jf_message *message, jf_fault *why) {
    channel *found = channel_find(self, handle);
    if (found == NULL) return fault(why, JF_E_STALE, JF_FAULT_NOT_STARTED, "the channel is closed");
    return channel_send(found, message, why);
}

/** Answers on a shared channel are matched by the host: there is no exchange to give up here. */
static void connector_cancel(jf_self *self, jf_ref handle, jf_ref exchange) {
    (void)self;
    (void)handle;
    (void)exchange;
}

static void connector_close(jf_self *self, jf_ref handle, uint64_t deadline_ns) {
    channel *found = channel_find(self, handle);
    if (found != NULL) channel_close(found, deadline_ns);
}

void connector_stop(jf_self *self) {
    ending_all(self, STOP_NS);
    for (uint32_t at = 0; at < self->slot_count; at++)
        if (self->slots[at] != NULL) channel_destroy(self->slots[at]);
    release(self, self->slots);
    self->slots = NULL;
    self->slot_count = 0;
    cancel_timer(self, &self->sweep);
}

const jf_connector_1 connector_facet = {.size = sizeof connector_facet,
                                        .open = connector_open,
                                        .send = connector_send,
                                        .cancel = connector_cancel,
                                        .close = connector_close};
