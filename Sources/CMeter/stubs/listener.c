/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.listener/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t listener_listen_slow(jf_shim *shim, jf_ref listener, jf_view address, jf_view config,
    jf_blob *bound, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_LISTENER_LISTEN, false);
    if (probe.traces) {
        note_ref(&probe, "listener", listener);
        note_view(&probe, "address", address);
        note_size(&probe, "config", config);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.listener.listen(shim->self, listener, address, config, bound, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob(&probe, "bound", bound);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t listener_listen(jf_self *self, jf_ref listener, jf_view address, jf_view config,
    jf_blob *bound, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_LISTENER_LISTEN];
    if (!pass_lane(hot)) return listener_listen_slow(shim, listener, address, config, bound, why);
    return passed(shim, JF_SLOT_LISTENER_LISTEN, shim->real.listener.listen(shim->self, listener, address,
        config, bound, why));
}

static COLD void listener_unlisten_slow(jf_shim *shim, jf_ref listener) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_LISTENER_UNLISTEN, false);
    if (probe.traces) {
        note_ref(&probe, "listener", listener);
    }
    shim->real.listener.unlisten(shim->self, listener);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void listener_unlisten(jf_self *self, jf_ref listener) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_LISTENER_UNLISTEN];
    if (!pass_lane(hot)) {
        listener_unlisten_slow(shim, listener);
        return;
    }
    shim->real.listener.unlisten(shim->self, listener);
}

static COLD int32_t listener_reply_slow(jf_shim *shim, jf_ref client, const jf_message *message) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_LISTENER_REPLY, false);
    if (probe.traces) {
        note_ref(&probe, "client", client);
        note_jf_message(&probe, "message", message);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.listener.reply(shim->self, client, message);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t listener_reply(jf_self *self, jf_ref client, const jf_message *message) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_LISTENER_REPLY];
    if (!pass_lane(hot)) return listener_reply_slow(shim, client, message);
    return passed(shim, JF_SLOT_LISTENER_REPLY, shim->real.listener.reply(shim->self, client, message));
}

static COLD void listener_close_slow(jf_shim *shim, jf_ref client) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_LISTENER_CLOSE, false);
    if (probe.traces) {
        note_ref(&probe, "client", client);
    }
    shim->real.listener.close(shim->self, client);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void listener_close(jf_self *self, jf_ref client) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_LISTENER_CLOSE];
    if (!pass_lane(hot)) {
        listener_close_slow(shim, client);
        return;
    }
    shim->real.listener.close(shim->self, client);
}

void wrap_listener(jf_listener_1 *own, const jf_listener_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->listen != NULL) own->listen = listener_listen;
    if (real->unlisten != NULL) own->unlisten = listener_unlisten;
    if (real->reply != NULL) own->reply = listener_reply;
    if (real->close != NULL) own->close = listener_close;
}
