/* SPDX-License-Identifier: Apache-2.0
 * abi-libffi: tables that stand in front of others. A watched slot is a closure: it tells the host, makes the
 * call with the very arguments that it got, and tells the host how it ended. */
#include "stand.h"

#include "shape.h"

#include <jackfield/host.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/** `size, flags, context`: what every service's table begins with. */
#define HEAD 16u
/** More than any table has: a size beyond it is no size. */
#define TABLE_MOST 65536u

typedef struct stand stand;

/** A slot that is watched. */
typedef struct slot {
    stand *owner;
    uint32_t number;
    void (*real)(void);
    shape shape;
    ffi_cif cif;
    ffi_closure *closure;
    bool gives_status;
} slot;

struct stand {
    _Atomic uint32_t calls; /**< inside */
    jf_interpose_before_fn before;
    jf_interpose_after_fn after;
    void *user;
    uint8_t *table;
    uint32_t count;
    slot slots[];
};

typedef struct place {
    stand *it;
    uint32_t generation;
} place;

struct stands {
    uint32_t most;
    place places[];
};

/** Stands that a call never left: kept in sight, so that nobody takes them for leaks. */
static struct stand_left {
    struct stand_left *next;
    stand *it;
} * _Atomic left_behind;

/* The result as `after` reads it: in its own width, from the lowest byte. */
static void passes(ffi_cif *cif, void *result, void **arguments, void *data) {
    slot *it = data;
    stand *owner = it->owner;
    uint64_t note[JF_INTERPOSE_NOTE] = {0};
    union {
        ffi_arg whole;
        uint64_t word;
        double real;
        void *pointer;
    } answer = {.word = 0};
    atomic_fetch_add_explicit(&owner->calls, 1, memory_order_relaxed);
    int32_t status = owner->before(owner->user, it->number, arguments, note);
    if (status >= 0)
        ffi_call(cif, it->real, &answer, arguments);
    else if (it->gives_status)
        answer.word = (uint32_t)status;
    owner->after(owner->user, it->number, arguments, it->shape.result == &ffi_type_void ? NULL : &answer,
                 note);
    shape_answer(&it->shape, answer.word, result);
    atomic_fetch_sub_explicit(&owner->calls, 1, memory_order_release);
}

static void free_stand(stand *it) {
    for (uint32_t i = 0; i < it->count; i++)
        if (it->slots[i].closure != NULL) ffi_closure_free(it->slots[i].closure);
    free(it->table);
    free(it);
}

/* Puts a closure in the place of one slot. */
static int32_t watch(stand *owner, uint32_t number, jf_view text, jf_fault *why) {
    slot *it = &owner->slots[number];
    uint8_t *at = owner->table + HEAD + (size_t)number * sizeof it->real;
    int32_t status = shape_read(&it->shape, text, why);
    if (status != JF_OK) return status;
    if (it->shape.count == 0 || it->shape.types[0] != &ffi_type_pointer)
        return jf_fault_set(why, JF_E_INVALID, 0, "slot %u: its first parameter is the context, a pointer",
                            number);
    memcpy(&it->real, at, sizeof it->real);
    if (it->real == NULL) return JF_OK;
    void *code;
    it->closure = shape_closure(&code, why);
    if (it->closure == NULL) return JF_E_UNSUPPORTED;
    it->owner = owner;
    it->number = number;
    it->gives_status = it->shape.result == &ffi_type_sint32;
    if (!shape_prepare(&it->shape, &it->cif) ||
        ffi_prep_closure_loc(it->closure, &it->cif, passes, it, code) != FFI_OK)
        return jf_fault_set(why, JF_E_INVALID, 0, "slot %u: libffi cannot call a function of its shape",
                            number);
    memcpy(at, &code, sizeof code);
    return JF_OK;
}

int32_t stands_wrap(stands *it, const jf_interpose_plan *given, const void *table, const void **wrapped,
                    jf_ref *handle, jf_fault *why) {
    jf_interpose_plan plan = {0};
    uint32_t size, at = 0;
    if (given == NULL || table == NULL)
        return jf_fault_set(why, JF_E_INVALID, 0, "there is no plan or no table");
    memcpy(&plan, given, given->size < sizeof plan ? given->size : sizeof plan);
    memcpy(&size, table, sizeof size);
    if (size < HEAD || size > TABLE_MOST)
        return jf_fault_set(why, JF_E_INVALID, 0,
                            "the table says that it has %u bytes: no service's table does", size);
    if (plan.before == NULL || plan.after == NULL || plan.flags != 0 || plan.count > JF_INTERPOSE_SLOTS)
        return jf_fault_set(why, JF_E_INVALID, 0,
                            "the plan has too many slots, unknown flags or nobody to tell");
    while (at < it->most && it->places[at].it != NULL)
        at++;
    if (at == it->most)
        return jf_fault_set(why, JF_E_BUSY, 0,
                            "%u tables are wrapped, which is the limit ('tables' of abi-libffi)", it->most);
    uint32_t fits = (size - HEAD) / (uint32_t)sizeof(void (*)(void));
    uint32_t count = plan.count < fits ? (uint32_t)plan.count : fits;
    stand *made = calloc(1, sizeof *made + count * sizeof made->slots[0]);
    uint8_t *copy = malloc(size);
    if (made == NULL || copy == NULL) {
        free(made);
        free(copy);
        return jf_fault_set(why, JF_E_FAULT, 0, "out of memory for a table");
    }
    memcpy(copy, table, size);
    made->table = copy;
    made->count = count;
    made->before = plan.before;
    made->after = plan.after;
    made->user = plan.user;
    int32_t status = JF_OK;
    for (uint32_t i = 0; i < count && status == JF_OK; i++)
        if (plan.shapes[i].ptr != NULL) status = watch(made, i, plan.shapes[i], why);
    if (status != JF_OK) {
        free_stand(made);
        return status;
    }
    it->places[at].it = made;
    if (++it->places[at].generation == 0) it->places[at].generation = 1;
    *handle = (jf_ref)it->places[at].generation << 32 | at;
    *wrapped = copy;
    return JF_OK;
}

/* False: a call is inside. */
static bool give_back(stand *it) {
    if (atomic_load_explicit(&it->calls, memory_order_acquire) == 0) {
        free_stand(it);
        return true;
    }
    struct stand_left *left = malloc(sizeof *left);
    if (left == NULL) return false;
    left->it = it;
    left->next = atomic_load(&left_behind);
    while (!atomic_compare_exchange_weak(&left_behind, &left->next, left)) {
    }
    return false;
}

int32_t stands_unwrap(stands *it, jf_ref handle) {
    uint32_t at = (uint32_t)handle;
    if (at >= it->most || it->places[at].it == NULL || it->places[at].generation != handle >> 32)
        return JF_E_STALE;
    stand *found = it->places[at].it;
    it->places[at].it = NULL;
    return give_back(found) ? JF_OK : JF_PENDING;
}

stands *stands_new(uint32_t most) {
    stands *it = calloc(1, sizeof *it + most * sizeof it->places[0]);
    if (it != NULL) it->most = most;
    return it;
}

void stands_end(stands *it) {
    for (uint32_t at = 0; at < it->most; at++)
        if (it->places[at].it != NULL) (void)give_back(it->places[at].it);
    free(it);
}
