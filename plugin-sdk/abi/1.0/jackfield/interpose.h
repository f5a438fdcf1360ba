/* SPDX-License-Identifier: Apache-2.0
 * Service jf.interpose/1, offered by abi-libffi to the host: tables that stand in front of others whose slots
 * are known at run time only, so that a third party's service is metered, traced and made to fail too. */
#ifndef JACKFIELD_INTERPOSE_H
#define JACKFIELD_INTERPOSE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most slots that one table can have watched. */
#define JF_INTERPOSE_SLOTS 64u

/** Words that `before` may leave for the `after` of the same call. */
#define JF_INTERPOSE_NOTE 4u

/** A watched call begins. `arguments[i]` points at argument i in its own width, argument 0 being the table's
 * `context`; borrowed until `after` returns. `note` points at JF_INTERPOSE_NOTE words, zero, that `after`
 * gets again. JF_OK: the call goes on. Below 0: it does not reach the other side; the slot answers this
 * status where its result is i32, else zero. On the thread of the call; several at once. */
typedef int32_t (*jf_interpose_before_fn)(void *user, uint32_t slot, void *const *arguments, uint64_t *note);
/** It ended, or `before` refused it. `result` points at the result in its own width; NULL where the slot has
 * none. */
typedef void (*jf_interpose_after_fn)(void *user, uint32_t slot, void *const *arguments, const void *result,
                                      const uint64_t *note);

/** What to watch. Growable: set `size`. Borrowed, but `user`. */
typedef struct jf_interpose_plan {
    uint32_t size;
    uint32_t flags; /**< 0 */
    /** The shapes (callback.h) of the slots that follow `size, flags, context`, in order; parameter 0 is the
     * context, a pointer. An absent shape: that slot is left as it is. */
    const jf_view *shapes;
    uint64_t count; /**< at most JF_INTERPOSE_SLOTS */
    jf_interpose_before_fn before;
    jf_interpose_after_fn after;
    void *user; /**< lives until `unwrap` */
} jf_interpose_plan;
JF_PIN_SIZE(jf_interpose_plan, 48);
JF_PIN(jf_interpose_plan, before, 24);

/** The table made here is as large as the one behind it and begins with the same `size, flags, context`.
 * Slots beyond the plan, slots that are NULL and whatever else stands there pass through untouched, so that a
 * table may have grown since it was described (base.h, Growth). A slot that is longer than the table is not
 * there. A watched call costs about 0.1 us. Since 1.0. */
typedef struct jf_interpose_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** Makes `*wrapped` in front of `table`, which must outlive it. Both are tables of a service. [control]
     * JF_E_INVALID: a table or shape that is none; `why` says which. JF_E_BUSY: too many are wrapped.
     * JF_E_UNSUPPORTED: this process may not make code. JF_E_FAULT: memory. */
    int32_t (*wrap)(void *context, const jf_interpose_plan *plan, const void *table, const void **wrapped,
                    jf_ref *handle, jf_fault *why);
    /** Gives a table back; nobody may call its slots any more. JF_OK: it is gone. JF_PENDING: a call is still
     * in it, so that the table, and `user`, must stay for good. JF_E_STALE: no such table. [control] */
    int32_t (*unwrap)(void *context, jf_ref handle);
} jf_interpose_1;
JF_PIN_SIZE(jf_interpose_1, 32);
#define JF_INTERPOSE_1 "jf.interpose/1"

#ifdef __cplusplus
}
#endif
#endif
