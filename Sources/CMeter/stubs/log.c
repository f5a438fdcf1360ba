/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.log/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD void log_write_slow(struct service *service, uint32_t level, jf_view text,
    const jf_pair *fields, uint64_t field_count) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_LOG_WRITE, service->is_provided);
    if (probe.traces) {
        note_number(&probe, "level", (int64_t)level);
        note_view(&probe, "text", text);
        note_number(&probe, "field_count", (int64_t)field_count);
    }
    service->real.log.write(service->context, level, text, fields, field_count);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void log_write(void *context, uint32_t level, jf_view text, const jf_pair *fields,
    uint64_t field_count) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_LOG_WRITE];
    if (!pass_any(hot)) {
        log_write_slow(service, level, text, fields, field_count);
        return;
    }
    service->real.log.write(service->context, level, text, fields, field_count);
}

static COLD uint32_t log_enabled_slow(struct service *service, uint32_t level) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_LOG_ENABLED, service->is_provided);
    if (probe.traces) {
        note_number(&probe, "level", (int64_t)level);
    }
    uint32_t answer = service->real.log.enabled(service->context, level);
    probe_end(&probe, 0);
    if (probe.traces) {
        note_number(&probe, "answer", (int64_t)answer);
        probe_print(&probe, 0);
    }
    return answer;
}

static uint32_t log_enabled(void *context, uint32_t level) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_LOG_ENABLED];
    if (!pass_any(hot)) return log_enabled_slow(service, level);
    return service->real.log.enabled(service->context, level);
}

void wrap_log(jf_log_1 *own, const jf_log_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->write != NULL) own->write = log_write;
    if (real->enabled != NULL) own->enabled = log_enabled;
}
