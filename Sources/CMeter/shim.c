/* SPDX-License-Identifier: Apache-2.0
 * The life of a shim: its faults, its offer to the plugin, the instance behind it, its services' tables. */
#include "shim.h"

#include <stdlib.h>
#include <string.h>

jf_shim *jf_shim_new(const jf_shim_options *options, const void *plugin) {
    jf_shim *shim = calloc(1, sizeof *shim);
    struct slot_cold *cold = calloc(JF_SLOT_COUNT, sizeof *cold);
    if (shim == NULL || cold == NULL) {
        free(shim);
        free(cold);
        return NULL;
    }
    shim->options = *options;
    shim->slots = jf_slots;
    if (options->trace == NULL) shim->options.traces = 0;
    shim->cold = cold;
    memcpy(&shim->real.plugin, plugin, sizeof shim->real.plugin);
    wrap_plugin(&shim->own.plugin, &shim->real.plugin);
    return shim;
}

void jf_shim_set_context(jf_shim *shim, void *context) {
    shim->options.context = context;
}

void jf_shim_leave_lane(jf_shim *shim) {
    shim->options.concurrent = 1;
}

void jf_shim_free(jf_shim *shim) {
    if (shim == NULL) return;
    for (struct service *service = shim->services, *next; service != NULL; service = next) {
        next = service->next;
        free(service);
    }
    for (uint32_t slot = 0; slot < JF_SLOT_COUNT; slot++) {
        for (struct fault *fault = shim->cold[slot].faults, *next; fault != NULL; fault = next) {
            next = fault->next;
            free(fault);
        }
    }
    for (uint32_t at = 0; at < shim->hidden_count; at++)
        free(shim->hidden[at]);
    free(shim->cold);
    free(shim);
}

/* ---- faults -------------------------------------------------------------------------------------------- */

/* `pick` and `routing.pick`; services are always named with their table. */
static bool is_meant(const struct slot_info *info, const char *name) {
    size_t table = strlen(info->name.table);
    if (strncmp(name, info->name.table, table) == 0 && name[table] == '.')
        return strcmp(name + table + 1, info->name.slot) == 0;
    return !info->service && strcmp(name, info->name.slot) == 0;
}

int32_t jf_fault_check(const char *name, int32_t status) {
    bool found = false;
    for (uint32_t slot = 0; slot < JF_SLOT_COUNT; slot++) {
        const struct slot_info *info = &jf_slots[slot];
        if (!is_meant(info, name)) continue;
        if (status < 0 && info->answer != ANSWER_STATUS && info->answer != ANSWER_POINTER)
            return JF_E_UNSUPPORTED;
        found = true;
    }
    return found ? JF_OK : JF_ABSENT;
}

int32_t jf_shim_inject(jf_shim *shim, const char *name, uint64_t delay_ns, int32_t status, uint32_t every) {
    int32_t problem = jf_fault_check(name, status);
    if (problem != JF_OK) return problem;
    for (uint32_t slot = 0; slot < JF_SLOT_COUNT; slot++) {
        if (!is_meant(&jf_slots[slot], name)) continue;
        struct fault *fault = calloc(1, sizeof *fault);
        if (fault == NULL) return JF_E_FAULT;
        fault->delay_ns = delay_ns;
        fault->status = status < 0 ? status : 0;
        fault->every = every > 0 ? every : 1;
        fault->next = shim->cold[slot].faults;
        shim->cold[slot].faults = fault;
    }
    return JF_OK;
}

int32_t jf_shim_hide(jf_shim *shim, const char *id) {
    if (shim->hidden_count == HIDDEN_MOST) return JF_E_BUSY;
    char *copy = strdup(id);
    if (copy == NULL) return JF_E_BUSY;
    shim->hidden[shim->hidden_count++] = copy;
    return JF_OK;
}

/* ---- services ------------------------------------------------------------------------------------------ */

static bool is_hidden(const jf_shim *shim, const char *id) {
    for (uint32_t at = 0; at < shim->hidden_count; at++)
        if (strcmp(shim->hidden[at], id) == 0) return true;
    return false;
}

/* The metered table of a service, the same one each time; `table` itself where its id is not known. [control]
 */
static const void *service_table(jf_shim *shim, const char *id, const void *table, bool is_provided) {
    for (struct service *known = shim->services; known != NULL; known = known->next)
        if (known->is_provided == is_provided && strcmp(known->id, id) == 0) return &known->own;
    struct service *service = calloc(1, sizeof *service);
    if (service == NULL) return NULL;
    service->shim = shim;
    service->is_provided = is_provided;
    if (!wrap_service(service, id, table)) {
        free(service);
        return table;
    }
    set_masks(shim, service->id, is_provided);
    service->next = shim->services;
    shim->services = service;
    return &service->own;
}

/* jf_offer.service of the shim's own offer. */
static const void *offered(const jf_host *host, const char *id) {
    jf_shim *shim = (jf_shim *)(uintptr_t)host;
    if (id == NULL) return NULL;
    bool hides = is_hidden(shim, id);
    const void *table = hides ? NULL : shim->offer.service(shim->offer.host, id);
    const void *metered = table == NULL ? NULL : service_table(shim, id, table, false);
    if (shim->options.traces) {
        struct probe probe = {.shim = shim, .slot = JF_SLOT_PLUGIN_FACET, .was_injected = hides};
        note_text(&probe, "id", id);
        note_text(&probe, "answer", metered == NULL ? "absent" : "present");
        jf_trace_line line = {.table = "offer",
                              .slot = "service",
                              .arguments = probe.text,
                              .arguments_len = probe.len,
                              .from_plugin = 1,
                              .injected = hides};
        shim->options.trace(shim->options.context, &line);
    }
    return metered;
}

const void *wrap_offered(jf_shim *shim, const char *id, const void *table) {
    if (table == NULL || id == NULL) return NULL;
    const void *metered = wrap_facet(shim, id, table);
    if (metered != NULL) {
        set_masks(shim, id, false);
        return metered;
    }
    return service_table(shim, id, table, true);
}

/* ---- the instance -------------------------------------------------------------------------------------- */

int32_t jf_shim_create(jf_shim *shim, const void *offer, const uint8_t *config, uint64_t config_len,
                       void *why) {
    memcpy(&shim->offer, offer, sizeof shim->offer);
    shim->own_offer = shim->offer;
    shim->own_offer.host = (const jf_host *)(uintptr_t)shim;
    shim->own_offer.service = offered;
    set_masks(shim, jf_slots[JF_SLOT_PLUGIN_CREATE].name.id, false);
    set_masks(shim, jf_slots[JF_SLOT_CALLBACK_READY].name.id, false);
    jf_view view = {.ptr = config, .len = config_len};
    struct probe probe;
    pass_lane(&shim->hot[JF_SLOT_PLUGIN_CREATE]);
    probe_begin(&probe, shim, JF_SLOT_PLUGIN_CREATE, false);
    if (probe.traces) note_size(&probe, "config", view);
    int32_t status = probe.injected;
    if (status == 0)
        status = shim->real.plugin.create(&shim->own_offer, view, &shim->self, why);
    else
        probe_refuse(&probe, why);
    if (status == JF_OK && shim->self == NULL) status = JF_E_FAULT;
    probe_end(&probe, status);
    if (probe.traces) {
        if (status < 0) note_jf_fault(&probe, "why", why);
        probe_print(&probe, status);
    }
    return status;
}

void *jf_shim_self(jf_shim *shim) {
    return shim;
}

void *jf_shim_inner(const jf_shim *shim) {
    return shim->self;
}

const void *jf_shim_plugin(const jf_shim *shim) {
    return &shim->own.plugin;
}

/* ---- callbacks ----------------------------------------------------------------------------------------- */

static COLD void ready_slow(jf_shim *shim, jf_ready_fn ready, void *user, uint32_t events) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_CALLBACK_READY, false);
    if (probe.traces) note_number(&probe, "events", events);
    ready(user, events);
    probe_end(&probe, 0);
    if (probe.traces) probe_print(&probe, 0);
}

void jf_shim_ready(jf_shim *shim, jf_ready_fn ready, void *user, uint32_t events) {
    if (pass_lane(&shim->hot[JF_SLOT_CALLBACK_READY]))
        ready(user, events);
    else
        ready_slow(shim, ready, user, events);
}

static COLD void task_slow(jf_shim *shim, uint32_t slot, jf_task_fn task, void *user) {
    struct probe probe;
    probe_begin(&probe, shim, slot, false);
    task(user);
    probe_end(&probe, 0);
    if (probe.traces) probe_print(&probe, 0);
}

void jf_shim_fire(jf_shim *shim, jf_task_fn fire, void *user) {
    if (pass_lane(&shim->hot[JF_SLOT_CALLBACK_TIMER]))
        fire(user);
    else
        task_slow(shim, JF_SLOT_CALLBACK_TIMER, fire, user);
}

void jf_shim_run(jf_shim *shim, jf_task_fn task, void *user) {
    if (pass_lane(&shim->hot[JF_SLOT_CALLBACK_TASK]))
        task(user);
    else
        task_slow(shim, JF_SLOT_CALLBACK_TASK, task, user);
}
