/* SPDX-License-Identifier: Apache-2.0
 * abi-libffi: functions that are leased, and those that wait to be.
 *
 * Each has one word that says everything about its use: how many calls are inside, and whether it is LIVE (a
 * call goes to the lease's function), ENDING (released, but calls are inside) or neither (at rest: idle).
 * Whoever takes the word from "ENDING, no call inside" to "at rest" ends the lease: that is the quiescent
 * point, and it happens once. A function that may be freed has no callers any more by its user's word, so
 * nobody touches it after that. */
#include "pool.h"

#include "shape.h"

#include <jackfield/host.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CALLS 0xFFFFFFFFull
#define LIVE (1ull << 32)
#define ENDING (1ull << 33)

typedef struct function {
    _Atomic uint64_t word;
    jf_callback_fn call;
    jf_callback_ended_fn ended;
    void *user;
    _Atomic uint64_t idle;
    pool *owner;
    shape shape;
    ffi_cif cif;
    ffi_closure *closure;
    void *code;
    uint32_t place;        /**< in the pool's table */
    bool forgotten;        /**< written before ENDING, read after it */
    struct function *next; /**< among the free ones, the one that was freed first in front */
} function;

/** A place in the table; its generation makes old leases stale. */
typedef struct place {
    function *it;
    uint32_t generation;
    bool is_leased;
} place;

struct pool {
    pthread_mutex_t lock;
    place *places;
    uint32_t most, kept, used; /**< `used`: places taken up to now, from the front */
    uint32_t count, free_count;
    function *free_first, **free_last;
    bool is_over;
    struct pool *next; /**< among those left behind */
};

/** Pools with functions that somebody may still call: kept in sight, so that nobody takes them for leaks. */
static pthread_mutex_t left_lock = PTHREAD_MUTEX_INITIALIZER;
static pool *left_behind;

pool *pool_new(uint32_t most, uint32_t kept) {
    pool *it = calloc(1, sizeof *it);
    place *places = calloc(most, sizeof *places);
    if (it == NULL || places == NULL || pthread_mutex_init(&it->lock, NULL) != 0) {
        free(it);
        free(places);
        return NULL;
    }
    it->places = places;
    it->most = most;
    it->kept = kept;
    it->free_last = &it->free_first;
    return it;
}

/* Frees the function that has been free for longest. Locked. */
static void free_one(pool *it) {
    function *oldest = it->free_first;
    it->free_first = oldest->next;
    if (it->free_first == NULL) it->free_last = &it->free_first;
    it->free_count--;
    it->count--;
    it->places[oldest->place].it = NULL;
    ffi_closure_free(oldest->closure);
    free(oldest);
}

/* The quiescent point of a lease: called once for each. */
static void settle(function *it) {
    pool *owner = it->owner;
    jf_callback_ended_fn ended = it->ended;
    void *user = it->user;
    bool forgotten = it->forgotten;
    if (forgotten) {
        pthread_mutex_lock(&owner->lock);
        it->next = NULL;
        *owner->free_last = it;
        owner->free_last = &it->next;
        owner->free_count++;
        if (owner->free_count > owner->kept && !owner->is_over) free_one(owner);
        pthread_mutex_unlock(&owner->lock);
    }
    if (ended != NULL) ended(user);
}

/* True for the one who ends the lease. */
static bool comes_to_rest(function *it) {
    uint64_t expected = ENDING;
    return atomic_compare_exchange_strong(&it->word, &expected, 0);
}

/* What the library calls. */
static void entered(ffi_cif *cif, void *result, void **arguments, void *data) {
    function *it = data;
    uint64_t answer = 0;
    (void)cif;
    if (atomic_fetch_add(&it->word, 1) & LIVE)
        it->call(it->user, arguments, &answer);
    else
        answer = atomic_load(&it->idle);
    shape_answer(&it->shape, answer, result);
    if (atomic_fetch_sub(&it->word, 1) - 1 == ENDING && comes_to_rest(it)) settle(it);
}

/* A new function at a place that is not taken. Locked. */
static function *make(pool *owner, const shape *wanted, int32_t *status, jf_fault *why) {
    uint32_t at = 0;
    while (at < owner->used && owner->places[at].it != NULL)
        at++;
    function *it = calloc(1, sizeof *it);
    *status = JF_E_FAULT;
    if (it == NULL) {
        jf_fault_set(why, JF_E_FAULT, 0, "there is no memory for a function made at run time");
        return NULL;
    }
    it->shape = *wanted;
    it->owner = owner;
    it->place = at;
    it->closure = shape_closure(&it->code, why);
    if (it->closure == NULL) {
        *status = JF_E_UNSUPPORTED;
        free(it);
        return NULL;
    }
    if (!shape_prepare(&it->shape, &it->cif) ||
        ffi_prep_closure_loc(it->closure, &it->cif, entered, it, it->code) != FFI_OK) {
        *status = jf_fault_set(why, JF_E_INVALID, 0, "libffi cannot make a function of this shape");
        ffi_closure_free(it->closure); /* never handed out */
        free(it);
        return NULL;
    }
    if (at == owner->used) owner->used++;
    owner->places[at].it = it;
    owner->count++;
    return it;
}

/* The free function of this shape that has been free for longest. Locked. */
static function *reuse(pool *owner, const shape *wanted) {
    function **at = &owner->free_first;
    while (*at != NULL && !shape_equals(&(*at)->shape, wanted))
        at = &(*at)->next;
    function *it = *at;
    if (it == NULL) return NULL;
    *at = it->next;
    if (owner->free_last == &it->next) owner->free_last = at;
    owner->free_count--;
    return it;
}

int32_t pool_lease(pool *owner, const jf_callback_request *given, jf_code_fn *code, jf_ref *lease,
                   jf_fault *why) {
    jf_callback_request request = {0};
    if (given == NULL) return jf_fault_set(why, JF_E_INVALID, 0, "there is no request");
    memcpy(&request, given, given->size < sizeof request ? given->size : sizeof request);
    shape wanted;
    if (request.call == NULL)
        return jf_fault_set(why, JF_E_INVALID, 0, "the request has no function to call");
    if (request.flags != 0)
        return jf_fault_set(why, JF_E_INVALID, 0, "the request has flags that are not known");
    int32_t status = shape_read(&wanted, request.shape, why);
    if (status != JF_OK) return status;
    pthread_mutex_lock(&owner->lock);
    function *it = reuse(owner, &wanted);
    if (it == NULL && owner->count == owner->most && owner->free_count > 0) free_one(owner);
    if (it == NULL && owner->count == owner->most)
        status = jf_fault_set(why, JF_E_BUSY, 0,
                              "%u functions are leased or still held by libraries, which is the limit "
                              "('callbacks' of abi-libffi)",
                              owner->most);
    else if (it == NULL)
        it = make(owner, &wanted, &status, why);
    if (it != NULL) {
        place *at = &owner->places[it->place];
        it->call = request.call;
        it->ended = request.ended;
        it->user = request.user;
        it->forgotten = false;
        atomic_store(&it->idle, request.idle);
        at->is_leased = true;
        if (++at->generation == 0) at->generation = 1;
        *lease = (jf_ref)at->generation << 32 | it->place;
        /* A pointer to an object is one to a function here: POSIX, dlsym. */
        memcpy(code, &it->code, sizeof *code);
        atomic_fetch_or(&it->word, LIVE);
        status = JF_OK;
    }
    pthread_mutex_unlock(&owner->lock);
    return status;
}

/* From LIVE to ENDING, and on to rest where no call is inside. */
static int32_t end(function *it) {
    uint64_t word = atomic_load(&it->word);
    while (!atomic_compare_exchange_weak(&it->word, &word, (word & CALLS) | ENDING)) {
    }
    if ((word & CALLS) != 0 || !comes_to_rest(it)) return JF_PENDING;
    settle(it);
    return JF_OK;
}

int32_t pool_release(pool *owner, jf_ref lease, uint32_t flags) {
    uint32_t at = (uint32_t)lease;
    function *it = NULL;
    pthread_mutex_lock(&owner->lock);
    if (at < owner->used && owner->places[at].is_leased && owner->places[at].generation == lease >> 32)
        it = owner->places[at].it;
    if (it != NULL) {
        owner->places[at].is_leased = false;
        it->forgotten = (flags & JF_CALLBACK_FORGOTTEN) != 0;
    }
    pthread_mutex_unlock(&owner->lock);
    return it == NULL ? JF_E_STALE : end(it);
}

uint32_t pool_end(pool *it) {
    uint32_t left = 0;
    pthread_mutex_lock(&it->lock);
    it->is_over = true;
    pthread_mutex_unlock(&it->lock);
    for (uint32_t at = 0; at < it->used; at++) {
        if (!it->places[at].is_leased) continue;
        left++;
        pool_release(it, (jf_ref)it->places[at].generation << 32 | at, 0);
    }
    pthread_mutex_lock(&it->lock);
    while (it->free_count > 0)
        free_one(it);
    bool is_empty = it->count == 0;
    pthread_mutex_unlock(&it->lock);
    if (!is_empty) {
        pthread_mutex_lock(&left_lock);
        it->next = left_behind;
        left_behind = it;
        pthread_mutex_unlock(&left_lock);
        return left;
    }
    pthread_mutex_destroy(&it->lock);
    free(it->places);
    free(it);
    return left;
}
