/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.connector/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t connector_open_slow(jf_shim *shim, jf_ref channel, jf_view name, jf_view config,
    jf_ref *handle, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_CONNECTOR_OPEN, false);
    if (probe.traces) {
        note_ref(&probe, "channel", channel);
        note_view(&probe, "name", name);
        note_size(&probe, "config", config);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.connector.open(shim->self, channel, name, config, handle, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (handle != NULL) note_ref(&probe, "handle", *handle);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t connector_open(jf_self *self, jf_ref channel, jf_view name, jf_view config, jf_ref *handle,
    jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_CONNECTOR_OPEN];
    if (!pass_lane(hot)) return connector_open_slow(shim, channel, name, config, handle, why);
    return passed(shim, JF_SLOT_CONNECTOR_OPEN, shim->real.connector.open(shim->self, channel, name, config,
        handle, why));
}

static COLD int32_t connector_send_slow(jf_shim *shim, jf_ref handle, const jf_message *message,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_CONNECTOR_SEND, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
        note_jf_message(&probe, "message", message);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.connector.send(shim->self, handle, message, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t connector_send(jf_self *self, jf_ref handle, const jf_message *message, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_CONNECTOR_SEND];
    if (!pass_lane(hot)) return connector_send_slow(shim, handle, message, why);
    return passed(shim, JF_SLOT_CONNECTOR_SEND, shim->real.connector.send(shim->self, handle, message, why));
}

static COLD void connector_cancel_slow(jf_shim *shim, jf_ref handle, jf_ref exchange) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_CONNECTOR_CANCEL, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
        note_ref(&probe, "exchange", exchange);
    }
    shim->real.connector.cancel(shim->self, handle, exchange);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void connector_cancel(jf_self *self, jf_ref handle, jf_ref exchange) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_CONNECTOR_CANCEL];
    if (!pass_lane(hot)) {
        connector_cancel_slow(shim, handle, exchange);
        return;
    }
    shim->real.connector.cancel(shim->self, handle, exchange);
}

static COLD void connector_close_slow(jf_shim *shim, jf_ref handle, uint64_t deadline_ns) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_CONNECTOR_CLOSE, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
        note_number(&probe, "deadline_ns", (int64_t)deadline_ns);
    }
    shim->real.connector.close(shim->self, handle, deadline_ns);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void connector_close(jf_self *self, jf_ref handle, uint64_t deadline_ns) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_CONNECTOR_CLOSE];
    if (!pass_lane(hot)) {
        connector_close_slow(shim, handle, deadline_ns);
        return;
    }
    shim->real.connector.close(shim->self, handle, deadline_ns);
}

static COLD int32_t connector_usage_slow(jf_shim *shim, jf_ref handle, jf_usage *usage) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_CONNECTOR_USAGE, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.connector.usage(shim->self, handle, usage);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t connector_usage(jf_self *self, jf_ref handle, jf_usage *usage) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_CONNECTOR_USAGE];
    if (!pass_lane(hot)) return connector_usage_slow(shim, handle, usage);
    return passed(shim, JF_SLOT_CONNECTOR_USAGE, shim->real.connector.usage(shim->self, handle, usage));
}

void wrap_connector(jf_connector_1 *own, const jf_connector_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->open != NULL) own->open = connector_open;
    if (real->send != NULL) own->send = connector_send;
    if (real->cancel != NULL) own->cancel = connector_cancel;
    if (real->close != NULL) own->close = connector_close;
    if (real->usage != NULL) own->usage = connector_usage;
}
