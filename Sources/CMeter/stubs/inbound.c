/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.inbound/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t inbound_opened_slow(struct service *service, const jf_client_info *info, jf_ref *client) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_INBOUND_OPENED, service->is_provided);
    if (probe.traces) {
        note_jf_client_info(&probe, "info", info);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.inbound.opened(service->context, info, client);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (client != NULL) note_ref(&probe, "client", *client);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t inbound_opened(void *context, const jf_client_info *info, jf_ref *client) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_INBOUND_OPENED];
    if (!pass_service(service->shim, hot)) return inbound_opened_slow(service, info, client);
    return passed(service->shim, JF_SLOT_INBOUND_OPENED, service->real.inbound.opened(service->context,
        info, client));
}

static COLD int32_t inbound_deliver_slow(struct service *service, jf_ref client, const jf_message *message) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_INBOUND_DELIVER, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "client", client);
        note_jf_message(&probe, "message", message);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.inbound.deliver(service->context, client, message);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t inbound_deliver(void *context, jf_ref client, const jf_message *message) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_INBOUND_DELIVER];
    if (!pass_service(service->shim, hot)) return inbound_deliver_slow(service, client, message);
    return passed(service->shim, JF_SLOT_INBOUND_DELIVER, service->real.inbound.deliver(service->context,
        client, message));
}

static COLD void inbound_gone_slow(struct service *service, jf_ref client, jf_ref exchange) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_INBOUND_GONE, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "client", client);
        note_ref(&probe, "exchange", exchange);
    }
    service->real.inbound.gone(service->context, client, exchange);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void inbound_gone(void *context, jf_ref client, jf_ref exchange) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_INBOUND_GONE];
    if (!pass_service(service->shim, hot)) {
        inbound_gone_slow(service, client, exchange);
        return;
    }
    service->real.inbound.gone(service->context, client, exchange);
}

static COLD void inbound_writable_slow(struct service *service, jf_ref client, jf_ref exchange) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_INBOUND_WRITABLE, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "client", client);
        note_ref(&probe, "exchange", exchange);
    }
    service->real.inbound.writable(service->context, client, exchange);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void inbound_writable(void *context, jf_ref client, jf_ref exchange) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_INBOUND_WRITABLE];
    if (!pass_service(service->shim, hot)) {
        inbound_writable_slow(service, client, exchange);
        return;
    }
    service->real.inbound.writable(service->context, client, exchange);
}

static COLD void inbound_closed_slow(struct service *service, jf_ref client) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_INBOUND_CLOSED, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "client", client);
    }
    service->real.inbound.closed(service->context, client);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void inbound_closed(void *context, jf_ref client) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_INBOUND_CLOSED];
    if (!pass_service(service->shim, hot)) {
        inbound_closed_slow(service, client);
        return;
    }
    service->real.inbound.closed(service->context, client);
}

void wrap_inbound(jf_inbound_1 *own, const jf_inbound_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->opened != NULL) own->opened = inbound_opened;
    if (real->deliver != NULL) own->deliver = inbound_deliver;
    if (real->gone != NULL) own->gone = inbound_gone;
    if (real->writable != NULL) own->writable = inbound_writable;
    if (real->closed != NULL) own->closed = inbound_closed;
    own->wants = real->wants;
}
