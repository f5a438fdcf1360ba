/* SPDX-License-Identifier: Apache-2.0
 * Host service jf.state/1: the configured store, for plugins that keep state beyond a call: limits, sessions,
 * tokens. */
#ifndef JACKFIELD_STATE_H
#define JACKFIELD_STATE_H

#include "store.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An operation ended. `answer` is what the slot of jf.store/1 answers (entries, verdicts), borrowed; `why`
 * is NULL with JF_OK, JF_ABSENT and JF_E_STALE. Called once, on the lane, never from inside the slot that
 * began it. */
typedef void (*jf_state_done_fn)(void *user, jf_ref operation, int32_t status, jf_view answer,
                                 const jf_fault *why);
/** A watched key changed, see jf_watches_1.changed; on the lane. */
typedef void (*jf_state_changed_fn)(void *user, jf_ref watch, jf_view key, uint64_t revision);

/** All slots [lane]. Each begins an operation of jf.store/1 on the configured store. Keys and limits are the
 * plugin's own: the host keeps plugins apart by putting the id in front. Without a configured store, it is
 * one in memory of this gateway, shared by its loops. JF_OK: `done` will come once, with the errors of
 * jf.store/1 as well; an error: it will not. JF_E_BUSY: too many are under way. Since 1.1. */
typedef struct jf_state_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    int32_t (*get)(void *context, jf_view key, jf_state_done_fn done, void *user, jf_ref *operation);
    int32_t (*put)(void *context, const jf_store_put *put, jf_state_done_fn done, void *user,
                   jf_ref *operation);
    int32_t (*remove)(void *context, jf_view key, uint64_t revision, jf_state_done_fn done, void *user,
                      jf_ref *operation);
    int32_t (*list)(void *context, const jf_store_list *list, jf_state_done_fn done, void *user,
                    jf_ref *operation);
    int32_t (*add)(void *context, const jf_store_add *add, jf_state_done_fn done, void *user,
                   jf_ref *operation);
    int32_t (*take)(void *context, const jf_store_limit *limits, uint64_t count, jf_state_done_fn done,
                    void *user, jf_ref *operation);
    /** Tells of changes of keys that begin with `prefix` until `unwatch`. JF_E_UNSUPPORTED: this store
     * cannot. */
    int32_t (*watch)(void *context, jf_view prefix, jf_state_changed_fn changed, void *user, jf_ref *watch);
    void (*unwatch)(void *context, jf_ref watch);
    /** Gives an operation up; `done` is not called. What it changes may be changed. A stale handle is
     * ignored. */
    void (*abandon)(void *context, jf_ref operation);
} jf_state_1;
JF_PIN_SIZE(jf_state_1, 88);
#define JF_STATE_1 "jf.state/1"

#ifdef __cplusplus
}
#endif
#endif
