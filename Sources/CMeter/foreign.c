/* SPDX-License-Identifier: Apache-2.0
 * Tables of third parties: counted, timed, traced and made to fail by what their manifest says of them. Not
 * generated stubs but whoever stands in front of the table (jf.interpose/1) tells of each call. */
#include "shim.h"

#include <stdlib.h>
#include <string.h>

JF_STATIC_ASSERT(JF_BORDER_SLOTS <= JF_SLOT_COUNT, "a shim has room for a foreign table's slots");

enum shown {
    SHOWN_POINTER,
    SHOWN_VIEW,
    SHOWN_SECRET,
    SHOWN_TEXT,
    SHOWN_REF,
    SHOWN_BLOB,
    SHOWN_FAULT,
    SHOWN_I8,
    SHOWN_U8,
    SHOWN_I16,
    SHOWN_U16,
    SHOWN_I32,
    SHOWN_U32,
    SHOWN_I64,
    SHOWN_U64,
    SHOWN_F32,
    SHOWN_F64
};
static const char *const shown_names[] = {"pointer", "view", "secret", "text", "ref", "blob",
                                          "fault",   "i8",   "u8",     "i16",  "u16", "i32",
                                          "u32",     "i64",  "u64",    "f32",  "f64"};

struct parameter {
    char *name;
    enum shown shown;
    bool is_out;
};

struct described {
    struct parameter parameters[JF_BORDER_PARAMETERS];
    uint32_t count;
    uint32_t fault; /**< which parameter is the jf_fault; 0: none */
};

struct jf_border {
    jf_shim shim; /**< first, for the counters; its own tables are not used */
    char *id;
    uint32_t count;
    struct slot_info infos[JF_BORDER_SLOTS];
    struct described slots[JF_BORDER_SLOTS];
};

static enum shown shown_as(const char *type) {
    for (size_t i = 0; i < sizeof shown_names / sizeof shown_names[0]; i++)
        if (strcmp(shown_names[i], type) == 0) return (enum shown)i;
    return SHOWN_POINTER;
}

/* False without memory. */
static bool describe(jf_border *border, uint32_t at, const jf_border_slot *slot) {
    struct described *it = &border->slots[at];
    struct slot_info *info = &border->infos[at];
    bool good = true;
    for (; it->count < slot->count; it->count++) {
        const jf_border_parameter *given = &slot->parameters[it->count];
        struct parameter *own = &it->parameters[it->count];
        own->name = strdup(given->name);
        own->shown = shown_as(given->type);
        own->is_out = given->is_out != 0;
        good = good && own->name != NULL;
        if (own->shown == SHOWN_FAULT) it->fault = it->count;
    }
    info->name = (jf_slot_name){border->id, border->id, strdup(slot->name)};
    info->kind = strcmp(slot->lane, "lane") == 0      ? SLOT_LANE
                 : strcmp(slot->lane, "control") == 0 ? SLOT_CONTROL
                                                      : SLOT_ANY;
    info->answer = slot->gives_status ? ANSWER_STATUS : ANSWER_NONE;
    info->service = 1;
    return good && info->name.slot != NULL;
}

static uint64_t usual_mask(const jf_border *border, uint32_t slot) {
    if (border->shim.options.traces || border->shim.cold[slot].faults != NULL) return 0;
    return border->infos[slot].kind == SLOT_CONTROL ? 0 : JF_METER_SAMPLE - 1;
}

static void set_mask(jf_border *border, uint32_t slot) {
    uint64_t mask = usual_mask(border, slot);
    border->shim.cold[slot].mask = mask;
    atomic_store_explicit(&border->shim.hot[slot].mask, mask, memory_order_relaxed);
}

jf_border *jf_border_new(const jf_shim_options *options, const char *id, const jf_border_slot *slots,
                         uint32_t count) {
    if (count > JF_BORDER_SLOTS) return NULL;
    for (uint32_t at = 0; at < count; at++)
        if (slots[at].count > JF_BORDER_PARAMETERS) return NULL;
    jf_border *border = calloc(1, sizeof *border);
    struct slot_cold *cold = calloc(count > 0 ? count : 1, sizeof *cold);
    char *copy = strdup(id);
    if (border == NULL || cold == NULL || copy == NULL) {
        free(border);
        free(cold);
        free(copy);
        return NULL;
    }
    border->id = copy;
    border->count = count;
    border->shim.options = *options;
    if (options->trace == NULL) border->shim.options.traces = 0;
    border->shim.cold = cold;
    border->shim.slots = border->infos;
    border->shim.is_foreign = true;
    bool good = true;
    for (uint32_t at = 0; at < count; at++) {
        good = describe(border, at, &slots[at]) && good;
        set_mask(border, at);
    }
    if (good) return border;
    jf_border_free(border);
    return NULL;
}

void jf_border_free(jf_border *border) {
    if (border == NULL) return;
    for (uint32_t at = 0; at < border->count; at++) {
        for (uint32_t i = 0; i < border->slots[at].count; i++)
            free(border->slots[at].parameters[i].name);
        free((void *)(uintptr_t)border->infos[at].name.slot);
        for (struct fault *fault = border->shim.cold[at].faults, *next; fault != NULL; fault = next) {
            next = fault->next;
            free(fault);
        }
    }
    free(border->shim.cold);
    free(border->id);
    free(border);
}

int32_t jf_border_inject(jf_border *border, const char *name, uint64_t delay_ns, int32_t status,
                         uint32_t every) {
    size_t id = strlen(border->id);
    if (strncmp(name, border->id, id) == 0 && name[id] == '.') name += id + 1;
    for (uint32_t at = 0; at < border->count; at++) {
        if (strcmp(name, border->infos[at].name.slot) != 0) continue;
        if (status < 0 && border->infos[at].answer != ANSWER_STATUS) return JF_E_UNSUPPORTED;
        struct fault *fault = calloc(1, sizeof *fault);
        if (fault == NULL) return JF_E_FAULT;
        fault->delay_ns = delay_ns;
        fault->status = status < 0 ? status : 0;
        fault->every = every > 0 ? every : 1;
        fault->next = border->shim.cold[at].faults;
        border->shim.cold[at].faults = fault;
        set_mask(border, at);
        return JF_OK;
    }
    return JF_ABSENT;
}

int32_t jf_border_read(const jf_border *border, uint32_t slot, jf_slot_counts *counts) {
    return slot < border->count ? jf_shim_read(&border->shim, slot, counts) : 0;
}

/* ---- a call -------------------------------------------------------------------------------------------- */

static int64_t number_at(enum shown shown, const void *at) {
    union {
        int8_t i8;
        uint8_t u8;
        int16_t i16;
        uint16_t u16;
        int32_t i32;
        uint32_t u32;
        int64_t i64;
    } value = {.i64 = 0};
    switch (shown) {
    case SHOWN_I8:
        memcpy(&value, at, 1);
        return value.i8;
    case SHOWN_U8:
        memcpy(&value, at, 1);
        return value.u8;
    case SHOWN_I16:
        memcpy(&value, at, 2);
        return value.i16;
    case SHOWN_U16:
        memcpy(&value, at, 2);
        return value.u16;
    case SHOWN_I32:
        memcpy(&value, at, 4);
        return value.i32;
    case SHOWN_U32:
        memcpy(&value, at, 4);
        return value.u32;
    default:
        memcpy(&value, at, 8);
        return value.i64;
    }
}

static void note_value(struct probe *probe, const struct parameter *it, const void *at) {
    jf_view view;
    jf_ref ref;
    float narrow;
    double real;
    void *pointer;
    switch (it->shown) {
    case SHOWN_VIEW:
    case SHOWN_SECRET:
        memcpy(&view, at, sizeof view);
        if (it->shown == SHOWN_VIEW)
            note_view(probe, it->name, view);
        else
            note_size(probe, it->name, view);
        break;
    case SHOWN_REF:
        memcpy(&ref, at, sizeof ref);
        note_ref(probe, it->name, ref);
        break;
    case SHOWN_F32:
        memcpy(&narrow, at, sizeof narrow);
        note_real(probe, it->name, (double)narrow);
        break;
    case SHOWN_F64:
        memcpy(&real, at, sizeof real);
        note_real(probe, it->name, real);
        break;
    case SHOWN_POINTER:
    case SHOWN_TEXT:
    case SHOWN_BLOB:
    case SHOWN_FAULT:
        memcpy(&pointer, at, sizeof pointer);
        if (it->shown == SHOWN_TEXT)
            note_text(probe, it->name, pointer);
        else if (it->shown == SHOWN_BLOB)
            note_blob(probe, it->name, pointer);
        else if (it->shown == SHOWN_FAULT)
            note_jf_fault(probe, it->name, pointer);
        else
            note_text(probe, it->name, pointer == NULL ? NULL : "present");
        break;
    default:
        note_number(probe, it->name, number_at(it->shown, at));
    }
}

/* Arguments first, then what came back; a fault is shown where the call failed. */
static void note_call(struct probe *probe, const struct described *it, void *const *arguments,
                      int32_t status) {
    for (uint32_t i = 1; i < it->count; i++) {
        const struct parameter *parameter = &it->parameters[i];
        bool is_later =
            parameter->is_out || parameter->shown == SHOWN_BLOB || parameter->shown == SHOWN_FAULT;
        if (!is_later) note_value(probe, parameter, arguments[i]);
    }
    for (uint32_t i = 1; i < it->count; i++) {
        const struct parameter *parameter = &it->parameters[i];
        void *pointer = NULL;
        bool is_shown = parameter->shown == SHOWN_FAULT ? status < 0 : status >= 0;
        if (!is_shown) continue;
        if (parameter->shown == SHOWN_FAULT || parameter->shown == SHOWN_BLOB) {
            note_value(probe, parameter, arguments[i]);
        } else if (parameter->is_out) {
            memcpy(&pointer, arguments[i], sizeof pointer);
            if (pointer != NULL) note_value(probe, parameter, pointer);
        }
    }
}

static COLD int32_t before_slow(jf_border *border, uint32_t slot, void *const *arguments, uint64_t *note) {
    struct probe probe;
    probe_begin(&probe, &border->shim, slot, true);
    note[0] = probe.start;
    note[1] = (uint64_t)probe.was_injected << 32 | (uint32_t)probe.injected;
    uint32_t fault = border->slots[slot].fault;
    if (probe.injected < 0 && fault != 0) {
        jf_fault *why;
        memcpy(&why, arguments[fault], sizeof why);
        probe_refuse(&probe, why);
    }
    return probe.injected;
}

int32_t jf_border_before(void *given, uint32_t slot, void *const *arguments, uint64_t *note) {
    jf_border *border = given;
    if (pass_any(&border->shim.hot[slot])) return JF_OK;
    return before_slow(border, slot, arguments, note);
}

static COLD void after_slow(jf_border *border, uint32_t slot, void *const *arguments, int32_t status,
                            const uint64_t *note) {
    const struct slot_info *info = &border->infos[slot];
    struct probe probe;
    probe.shim = &border->shim;
    probe.slot = slot;
    probe.start = note[0];
    probe.injected = (int32_t)(uint32_t)note[1];
    probe.was_injected = note[1] >> 32 != 0;
    probe.is_provided = true;
    probe.is_out = false;
    probe.is_on_lane = info->kind == SLOT_LANE;
    probe.traces = border->shim.options.traces != 0;
    probe.len = 0;
    probe_end(&probe, status);
    if (!probe.traces) return;
    note_call(&probe, &border->slots[slot], arguments, status);
    probe_print(&probe, status);
}

void jf_border_after(void *given, uint32_t slot, void *const *arguments, const void *result,
                     const uint64_t *note) {
    jf_border *border = given;
    int32_t status = 0;
    if (border->infos[slot].answer == ANSWER_STATUS) memcpy(&status, result, sizeof status);
    if (LIKELY(note[0] == 0))
        (void)passed(&border->shim, slot, status);
    else
        after_slow(border, slot, arguments, status, note);
}
