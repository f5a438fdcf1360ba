/* SPDX-License-Identifier: Apache-2.0
 * Counting, timing and faults: what happens to a call on the slow path. */
#include "shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* After an overrun: so many calls of that slot are timed one by one. */
enum { ALERT_CALLS = 256 };

/* clock_gettime rather than the processor's counter: by samples it is 1.5 ns a call dearer, needs no
 * calibration, and is right on machines whose counter is not. */
static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void add(_Atomic uint64_t *counter, uint64_t amount) {
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

static uint64_t load(const _Atomic uint64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

COLD void jf_count_error(jf_shim *shim, uint32_t slot) {
    add(&shim->cold[slot].errors, 1);
}

/* ---- faults -------------------------------------------------------------------------------------------- */

static void wait_ns(uint64_t duration) {
    struct timespec left = {.tv_sec = (time_t)(duration / 1000000000u),
                            .tv_nsec = (long)(duration % 1000000000u)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

/* Whether only the lane's thread calls it, so that the time of the host's part can be kept in the shim. */
static bool is_on_lane(const jf_shim *shim, const struct slot_info *info) {
    return info->kind == SLOT_LANE || info->kind == SLOT_CONTROL ||
           (info->kind == SLOT_REQUEST && !shim->options.concurrent);
}

void probe_begin(struct probe *probe, jf_shim *shim, uint32_t slot, bool is_provided) {
    probe->shim = shim;
    probe->slot = slot;
    probe->injected = 0;
    probe->is_provided = is_provided;
    probe->was_injected = false;
    probe->traces = shim->options.traces != 0;
    probe->len = 0;
    probe->is_out = shim->slots[slot].service && !is_provided;
    probe->is_on_lane = is_on_lane(shim, &shim->slots[slot]);
    if (probe->is_on_lane && !shim->is_foreign) {
        probe->outer_host_ns = shim->host_ns;
        probe->outer_is_timing = shim->is_timing;
        shim->host_ns = 0;
        /* What the host does is timed as a whole. */
        shim->is_timing = !probe->is_out;
    }
    probe->start = now_ns();
    for (struct fault *fault = shim->cold[slot].faults; fault != NULL; fault = fault->next) {
        uint64_t seen = atomic_fetch_add_explicit(&fault->seen, 1, memory_order_relaxed) + 1;
        if (seen % fault->every != 0) continue;
        probe->was_injected = true;
        if (fault->delay_ns > 0) wait_ns(fault->delay_ns);
        if (fault->status < 0) probe->injected = fault->status;
    }
}

void probe_refuse(const struct probe *probe, jf_fault *why) {
    static const char text[] = "a fault that the configuration injects for a test";
    if (why == NULL || why->size < sizeof *why) return;
    why->code = probe->injected;
    why->text_len = sizeof text - 1;
    memcpy(why->text, text, sizeof text - 1);
}

/* ---- accounting ---------------------------------------------------------------------------------------- */

static uint32_t bucket_of(uint64_t duration) {
    uint32_t bucket = duration < 2 ? 0 : 63u - (uint32_t)__builtin_clzll(duration);
    return bucket < JF_METER_BUCKETS ? bucket : JF_METER_BUCKETS - 1;
}

static bool has_budget(const struct probe *probe) {
    return probe->is_on_lane && probe->shim->slots[probe->slot].kind != SLOT_CONTROL;
}

/* Times the slot's next calls one by one, and reports it, but not too often. */
static COLD void overran(struct probe *probe, uint64_t duration) {
    jf_shim *shim = probe->shim;
    struct slot_cold *cold = &shim->cold[probe->slot];
    add(&cold->overruns, 1);
    atomic_store_explicit(&cold->alert, ALERT_CALLS, memory_order_relaxed);
    atomic_store_explicit(&shim->hot[probe->slot].mask, 0, memory_order_relaxed);
    if (shim->options.overrun != NULL) shim->options.overrun(shim->options.context, probe->slot);
    uint64_t last = load(&cold->reported_ns);
    bool is_due = last == 0 || probe->end - last >= shim->options.quiet_ns;
    if (shim->options.slow == NULL) return;
    if (!is_due || !atomic_compare_exchange_strong(&cold->reported_ns, &last, probe->end)) {
        add(&cold->unreported, 1);
        return;
    }
    const jf_slot_name *name = &shim->slots[probe->slot].name;
    shim->options.slow(shim->options.context, name->table, name->slot, duration,
                       atomic_exchange(&cold->unreported, 0));
}

/* One more call within the budget: after enough of them, sampling is enough again. */
static void calm(jf_shim *shim, uint32_t slot) {
    struct slot_cold *cold = &shim->cold[slot];
    uint32_t alert = atomic_load_explicit(&cold->alert, memory_order_relaxed);
    if (LIKELY(alert == 0)) return;
    atomic_store_explicit(&cold->alert, alert - 1, memory_order_relaxed);
    if (alert == 1) atomic_store_explicit(&shim->hot[slot].mask, cold->mask, memory_order_relaxed);
}

void probe_end(struct probe *probe, int32_t status) {
    probe->end = now_ns();
    jf_shim *shim = probe->shim;
    struct slot_cold *cold = &shim->cold[probe->slot];
    if (status < 0) jf_count_error(shim, probe->slot);
    uint64_t duration = probe->end - probe->start;
    if (probe->is_on_lane && !shim->is_foreign) {
        uint64_t host = shim->host_ns;
        shim->host_ns = probe->outer_host_ns + (probe->is_out ? duration : 0);
        shim->is_timing = probe->outer_is_timing;
        if (!probe->is_out) duration -= host < duration ? host : duration;
    }
    probe->duration = duration;
    if (probe->is_out) return;
    add(&cold->timed, 1);
    add(&cold->total_ns, duration);
    atomic_fetch_add_explicit(&cold->buckets[bucket_of(duration)], 1, memory_order_relaxed);
    uint64_t longest = load(&cold->longest_ns);
    while (duration > longest && !atomic_compare_exchange_weak(&cold->longest_ns, &longest, duration)) {
    }
    if (!has_budget(probe)) return;
    if (duration > shim->options.budget_ns)
        overran(probe, duration);
    else
        calm(shim, probe->slot);
}

void probe_print(const struct probe *probe, int32_t status) {
    const struct slot_info *info = &probe->shim->slots[probe->slot];
    jf_trace_line line = {
        .table = info->name.table,
        .slot = info->name.slot,
        .arguments = probe->text,
        .arguments_len = probe->len,
        .duration_ns = probe->duration,
        .status = status,
        .has_status = info->answer == ANSWER_STATUS,
        .from_plugin = info->service && !probe->is_provided,
        .injected = probe->was_injected,
    };
    probe->shim->options.trace(probe->shim->options.context, &line);
}

void set_masks(jf_shim *shim, const char *id, bool is_provided) {
    for (uint32_t slot = 0; slot < JF_SLOT_COUNT; slot++) {
        const struct slot_info *info = &jf_slots[slot];
        if (strcmp(info->name.id, id) != 0) continue;
        struct slot_cold *cold = &shim->cold[slot];
        if (shim->options.traces || cold->faults != NULL)
            cold->mask = 0;
        else if (info->service)
            /* No call but the first has a number without any bit. */
            cold->mask = is_provided ? JF_METER_SAMPLE - 1 : UINT64_MAX;
        else
            cold->mask = info->kind == SLOT_CONTROL ? 0 : JF_METER_SAMPLE - 1;
        atomic_store_explicit(&shim->hot[slot].mask, cold->mask, memory_order_relaxed);
    }
}

/* ---- reading ------------------------------------------------------------------------------------------- */

uint32_t jf_slot_count(void) {
    return JF_SLOT_COUNT;
}

const jf_slot_name *jf_slot_named(uint32_t slot) {
    return &jf_slots[slot].name;
}

int32_t jf_slot_is_request(uint32_t slot) {
    return jf_slots[slot].kind == SLOT_REQUEST;
}

int32_t jf_shim_read(const jf_shim *shim, uint32_t slot, jf_slot_counts *counts) {
    const struct slot_cold *cold = &shim->cold[slot];
    counts->calls = load(&shim->hot[slot].calls);
    if (counts->calls == 0) return 0;
    counts->errors = load(&cold->errors);
    counts->overruns = load(&cold->overruns);
    counts->timed = load(&cold->timed);
    counts->total_ns = load(&cold->total_ns);
    counts->longest_ns = load(&cold->longest_ns);
    for (uint32_t at = 0; at < JF_METER_BUCKETS; at++)
        counts->buckets[at] = atomic_load_explicit(&cold->buckets[at], memory_order_relaxed);
    return 1;
}
