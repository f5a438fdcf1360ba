/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.http/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t http_mount_slow(struct service *service, jf_view path, jf_http_serve_fn serve,
    void *user, jf_ref *mount) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_HTTP_MOUNT, service->is_provided);
    if (probe.traces) {
        note_view(&probe, "path", path);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.http.mount(service->context, path, serve, user, mount);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (mount != NULL) note_ref(&probe, "mount", *mount);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t http_mount(void *context, jf_view path, jf_http_serve_fn serve, void *user, jf_ref *mount) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_HTTP_MOUNT];
    if (!pass_service(service->shim, hot)) return http_mount_slow(service, path, serve, user, mount);
    return passed(service->shim, JF_SLOT_HTTP_MOUNT, service->real.http.mount(service->context, path, serve,
        user, mount));
}

static COLD void http_unmount_slow(struct service *service, jf_ref mount) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_HTTP_UNMOUNT, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "mount", mount);
    }
    service->real.http.unmount(service->context, mount);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void http_unmount(void *context, jf_ref mount) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_HTTP_UNMOUNT];
    if (!pass_service(service->shim, hot)) {
        http_unmount_slow(service, mount);
        return;
    }
    service->real.http.unmount(service->context, mount);
}

static COLD int32_t http_respond_slow(struct service *service, jf_ref exchange,
    const jf_http_response *response) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_HTTP_RESPOND, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "exchange", exchange);
        note_jf_http_response(&probe, "response", response);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.http.respond(service->context, exchange, response);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t http_respond(void *context, jf_ref exchange, const jf_http_response *response) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_HTTP_RESPOND];
    if (!pass_service(service->shim, hot)) return http_respond_slow(service, exchange, response);
    return passed(service->shim, JF_SLOT_HTTP_RESPOND, service->real.http.respond(service->context,
        exchange, response));
}

static COLD int32_t http_request_slow(struct service *service, const jf_http_request *request,
    jf_http_done_fn done, void *user, jf_ref *out, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_HTTP_REQUEST, service->is_provided);
    if (probe.traces) {
        note_jf_http_request(&probe, "request", request);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.http.request(service->context, request, done, user, out, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (out != NULL) note_ref(&probe, "out", *out);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t http_request(void *context, const jf_http_request *request, jf_http_done_fn done, void *user,
    jf_ref *out, jf_fault *why) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_HTTP_REQUEST];
    if (!pass_service(service->shim, hot)) return http_request_slow(service, request, done, user, out, why);
    return passed(service->shim, JF_SLOT_HTTP_REQUEST, service->real.http.request(service->context, request,
        done, user, out, why));
}

static COLD void http_abandon_slow(struct service *service, jf_ref request) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_HTTP_ABANDON, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "request", request);
    }
    service->real.http.abandon(service->context, request);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void http_abandon(void *context, jf_ref request) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_HTTP_ABANDON];
    if (!pass_service(service->shim, hot)) {
        http_abandon_slow(service, request);
        return;
    }
    service->real.http.abandon(service->context, request);
}

void wrap_http(jf_http_1 *own, const jf_http_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->mount != NULL) own->mount = http_mount;
    if (real->unmount != NULL) own->unmount = http_unmount;
    if (real->respond != NULL) own->respond = http_respond;
    if (real->request != NULL) own->request = http_request;
    if (real->abandon != NULL) own->abandon = http_abandon;
}
