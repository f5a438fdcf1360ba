/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.memory/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD void *memory_allocate_slow(struct service *service, uint64_t size) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_MEMORY_ALLOCATE, service->is_provided);
    if (probe.traces) {
        note_number(&probe, "size", (int64_t)size);
    }
    void *answer = NULL;
    if (probe.injected == 0) {
        answer = service->real.memory.allocate(service->context, size);
    }
    probe_end(&probe, 0);
    if (probe.traces) {
        note_text(&probe, "answer", answer == NULL ? NULL : "present");
        probe_print(&probe, 0);
    }
    return answer;
}

static void *memory_allocate(void *context, uint64_t size) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_MEMORY_ALLOCATE];
    if (!pass_any(hot)) return memory_allocate_slow(service, size);
    return service->real.memory.allocate(service->context, size);
}

static COLD void memory_release_slow(struct service *service, void *memory) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_MEMORY_RELEASE, service->is_provided);
    service->real.memory.release(service->context, memory);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void memory_release(void *context, void *memory) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_MEMORY_RELEASE];
    if (!pass_any(hot)) {
        memory_release_slow(service, memory);
        return;
    }
    service->real.memory.release(service->context, memory);
}

static COLD uint8_t *memory_borrow_slow(struct service *service, uint64_t size, uint64_t *capacity) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_MEMORY_BORROW, service->is_provided);
    if (probe.traces) {
        note_number(&probe, "size", (int64_t)size);
    }
    uint8_t *answer = NULL;
    if (probe.injected == 0) {
        answer = service->real.memory.borrow(service->context, size, capacity);
    }
    probe_end(&probe, 0);
    if (probe.traces) {
        if (capacity != NULL) note_number(&probe, "capacity", (int64_t)*capacity);
        note_text(&probe, "answer", answer == NULL ? NULL : "present");
        probe_print(&probe, 0);
    }
    return answer;
}

static uint8_t *memory_borrow(void *context, uint64_t size, uint64_t *capacity) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_MEMORY_BORROW];
    if (!pass_service(service->shim, hot)) return memory_borrow_slow(service, size, capacity);
    return service->real.memory.borrow(service->context, size, capacity);
}

static COLD void memory_give_back_slow(struct service *service, uint8_t *buffer) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_MEMORY_GIVE_BACK, service->is_provided);
    service->real.memory.give_back(service->context, buffer);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void memory_give_back(void *context, uint8_t *buffer) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_MEMORY_GIVE_BACK];
    if (!pass_service(service->shim, hot)) {
        memory_give_back_slow(service, buffer);
        return;
    }
    service->real.memory.give_back(service->context, buffer);
}

void wrap_memory(jf_memory_1 *own, const jf_memory_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->allocate != NULL) own->allocate = memory_allocate;
    if (real->release != NULL) own->release = memory_release;
    if (real->borrow != NULL) own->borrow = memory_borrow;
    if (real->give_back != NULL) own->give_back = memory_give_back;
}
