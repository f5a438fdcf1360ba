/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.channels/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD void channels_ready_slow(struct service *service, jf_ref channel, uint32_t flags) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CHANNELS_READY, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "channel", channel);
        note_number(&probe, "flags", (int64_t)flags);
    }
    service->real.channels.ready(service->context, channel, flags);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void channels_ready(void *context, jf_ref channel, uint32_t flags) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CHANNELS_READY];
    if (!pass_service(service->shim, hot)) {
        channels_ready_slow(service, channel, flags);
        return;
    }
    service->real.channels.ready(service->context, channel, flags);
}

static COLD int32_t channels_deliver_slow(struct service *service, jf_ref channel,
    const jf_message *message) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CHANNELS_DELIVER, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "channel", channel);
        note_jf_message(&probe, "message", message);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.channels.deliver(service->context, channel, message);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t channels_deliver(void *context, jf_ref channel, const jf_message *message) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CHANNELS_DELIVER];
    if (!pass_service(service->shim, hot)) return channels_deliver_slow(service, channel, message);
    return passed(service->shim, JF_SLOT_CHANNELS_DELIVER, service->real.channels.deliver(service->context,
        channel, message));
}

static COLD void channels_failed_slow(struct service *service, jf_ref channel, jf_ref exchange,
    const jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CHANNELS_FAILED, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "channel", channel);
        note_ref(&probe, "exchange", exchange);
        note_jf_fault(&probe, "why", why);
    }
    service->real.channels.failed(service->context, channel, exchange, why);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void channels_failed(void *context, jf_ref channel, jf_ref exchange, const jf_fault *why) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CHANNELS_FAILED];
    if (!pass_service(service->shim, hot)) {
        channels_failed_slow(service, channel, exchange, why);
        return;
    }
    service->real.channels.failed(service->context, channel, exchange, why);
}

static COLD void channels_writable_slow(struct service *service, jf_ref channel) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CHANNELS_WRITABLE, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "channel", channel);
    }
    service->real.channels.writable(service->context, channel);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void channels_writable(void *context, jf_ref channel) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CHANNELS_WRITABLE];
    if (!pass_service(service->shim, hot)) {
        channels_writable_slow(service, channel);
        return;
    }
    service->real.channels.writable(service->context, channel);
}

static COLD void channels_closed_slow(struct service *service, jf_ref channel) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CHANNELS_CLOSED, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "channel", channel);
    }
    service->real.channels.closed(service->context, channel);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void channels_closed(void *context, jf_ref channel) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CHANNELS_CLOSED];
    if (!pass_service(service->shim, hot)) {
        channels_closed_slow(service, channel);
        return;
    }
    service->real.channels.closed(service->context, channel);
}

void wrap_channels(jf_channels_1 *own, const jf_channels_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->ready != NULL) own->ready = channels_ready;
    if (real->deliver != NULL) own->deliver = channels_deliver;
    if (real->failed != NULL) own->failed = channels_failed;
    if (real->writable != NULL) own->writable = channels_writable;
    if (real->closed != NULL) own->closed = channels_closed;
}
