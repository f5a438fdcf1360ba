/* SPDX-License-Identifier: Apache-2.0
 * The state of the process, which all instances share. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "state.h"

#include "answer.h"
#include "entries.h"
#include "limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { SWEPT_ENTRIES = 64, SWEPT_CHAINS = 2048 };

/* Global, against the custom of state per instance: what one loop keeps, another must find. */
static struct {
    pthread_mutex_t lock;
    entries entries;
    limit_table limits;
    struct bounds bounds;
    uint64_t revision;
    int64_t now_ms;                     /**< the latest time seen: it never goes back */
    uint64_t anchor_ns, anchor_wall_ms; /**< monotonic and Unix time when the first member came */
    uint64_t swept_ns;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Apart from the state's lock, since the host is called under it; recursive, since it may call back. */
static pthread_mutex_t members_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct member *members;
static _Atomic uint32_t member_count;

/* Tells every instance's watches. Without the state's lock. */
static void tell(jf_view key, uint64_t revision) {
    pthread_mutex_lock(&members_lock);
    for (struct member *it = members; it != NULL; it = it->next)
        sc_watch_tell(&it->watches, key, revision);
    pthread_mutex_unlock(&members_lock);
}

/* ---- Time ---- */

static uint64_t monotonic(const struct member *it) {
    return it->host.clock.monotonic_ns(it->host.clock.context);
}

static uint64_t wall_ms(const struct member *it) {
    return it->host.clock.wall_ns(it->host.clock.context) / 1000000u;
}

/* Unix time in milliseconds: follows the system's clock forwards, and stands on its own where that is set
 * back. */
static int64_t now_of(const struct member *it) {
    uint64_t passed = monotonic(it) - state.anchor_ns, wall = wall_ms(it);
    uint64_t anchored = state.anchor_wall_ms + passed / 1000000u;
    if (wall > anchored + 1000) {
        state.anchor_wall_ms += wall - anchored;
        anchored = wall;
    }
    if ((int64_t)anchored > state.now_ms) state.now_ms = (int64_t)anchored;
    return state.now_ms;
}

/* ---- Members ---- */

void state_join(struct member *it, const struct bounds *bounds) {
    pthread_mutex_lock(&members_lock);
    it->next = members;
    members = it;
    pthread_mutex_lock(&state.lock);
    state.bounds = *bounds;
    if (atomic_fetch_add(&member_count, 1) == 0) {
        state.anchor_ns = monotonic(it);
        state.anchor_wall_ms = wall_ms(it);
        /* Greater than those of an earlier process, so that fencing tokens stay in order. */
        uint64_t begin = state.anchor_wall_ms * 1000u;
        if (state.revision < begin) state.revision = begin;
    }
    pthread_mutex_unlock(&state.lock);
    pthread_mutex_unlock(&members_lock);
}

void state_leave(struct member *it) {
    pthread_mutex_lock(&members_lock);
    struct member **link = &members;
    while (*link != it)
        link = &(*link)->next;
    *link = it->next;
    pthread_mutex_lock(&state.lock);
    if (atomic_fetch_sub(&member_count, 1) == 1) {
        entries_clear(&state.entries);
        limits_clear(&state.limits);
        state.now_ms = 0;
    }
    pthread_mutex_unlock(&state.lock);
    pthread_mutex_unlock(&members_lock);
}

/* ---- Room ---- */

static uint64_t bytes_used(void) {
    return state.entries.bytes + state.limits.bytes;
}

static int32_t no_room(const char *what, jf_fault *why) {
    int32_t status = sc_fault(why, JF_E_BUSY, JF_FAULT_NOT_STARTED,
                              "store-memory is full (%s): raise that, or use another store", what);
    if (why != NULL) why->retry_ms = 1000;
    return status;
}

static int32_t check_room(uint64_t more, bool entry_too, jf_fault *why) {
    if (bytes_used() + more > state.bounds.bytes) return no_room("max_bytes", why);
    if (entry_too && state.entries.count >= state.bounds.entries) return no_room("max_entries", why);
    return JF_OK;
}

static int32_t no_memory(jf_fault *why) {
    return sc_fault(why, JF_E_BUSY, JF_FAULT_NOT_STARTED, "store-memory: the system has no memory left");
}

/* ---- Entries ---- */

/* The entry, unless it has expired. */
static entry *find(jf_view key, int64_t now) {
    entry *it = entries_find(&state.entries, key);
    return it != NULL && (it->expires_ms == 0 || it->expires_ms > now) ? it : NULL;
}

/* The entry that is to be overwritten: an expired one is as good as a new one. */
static entry *find_or_add(jf_view key, uint64_t more, jf_fault *why) {
    entry *it = entries_find(&state.entries, key);
    if (check_room(more, it == NULL, why) != JF_OK) return NULL;
    if (it == NULL && (it = entries_add(&state.entries, key)) == NULL) no_memory(why);
    return it;
}

/* Fills an entry in; a new one that cannot be filled vanishes again. */
static bool fill(entry *it, jf_view value, int64_t expires, bool is_counter) {
    bool is_new = it->value == NULL;
    if (!entries_expire(&state.entries, it, expires) || !entries_set(&state.entries, it, value)) {
        if (is_new) entries_remove(&state.entries, it);
        return false;
    }
    it->is_counter = is_counter;
    it->revision = ++state.revision;
    return true;
}

static int32_t give(const entry *it, bool with_value, jf_blob *out, jf_fault *why) {
    jf_view value = with_value ? entry_value(it) : (jf_view){0};
    int32_t status = sc_one_entry(it->revision, (uint64_t)it->expires_ms, entry_key(it), value, out);
    return status == JF_OK ? status : no_memory(why);
}

int32_t state_get(const struct member *me, jf_view key, jf_blob *out, jf_fault *why) {
    pthread_mutex_lock(&state.lock);
    entry *it = find(key, now_of(me));
    int32_t status = it != NULL ? give(it, true, out, why) : JF_ABSENT;
    pthread_mutex_unlock(&state.lock);
    return status;
}

static int32_t put(const struct member *me, const jf_store_put *put, jf_blob *out, uint64_t *revision,
                   jf_fault *why) {
    int64_t now = now_of(me);
    entry *it = find(put->key, now);
    bool holds = (put->flags & JF_STORE_CREATE)  ? it == NULL
                 : (put->flags & JF_STORE_MATCH) ? it != NULL && it->revision == put->revision
                                                 : true;
    if (!holds)
        return sc_fault(why, JF_E_STALE, JF_FAULT_NOT_STARTED,
                        "store-memory: the key has another revision, or is there already");
    uint64_t more = put->value.len + (it == NULL ? sizeof *it + put->key.len + 64 : 0);
    if (it != NULL) more = put->value.len > it->value_len ? put->value.len - it->value_len : 0;
    if ((it = find_or_add(put->key, more, why)) == NULL) return JF_E_BUSY;
    if (!fill(it, put->value, put->ttl_ms != 0 ? now + (int64_t)put->ttl_ms : 0, false))
        return no_memory(why);
    *revision = it->revision;
    return give(it, false, out, why);
}

int32_t state_put(const struct member *me, const jf_store_put *it, jf_blob *out, jf_fault *why) {
    uint64_t revision = 0;
    pthread_mutex_lock(&state.lock);
    int32_t status = put(me, it, out, &revision, why);
    pthread_mutex_unlock(&state.lock);
    if (revision != 0) tell(it->key, revision);
    return status;
}

int32_t state_remove(const struct member *me, jf_view key, uint64_t revision, jf_fault *why) {
    int32_t status = JF_OK;
    pthread_mutex_lock(&state.lock);
    entry *it = find(key, now_of(me));
    if (it == NULL)
        status = JF_ABSENT;
    else if (revision != 0 && it->revision != revision)
        status =
            sc_fault(why, JF_E_STALE, JF_FAULT_NOT_STARTED, "store-memory: the key has another revision");
    else
        entries_remove(&state.entries, it);
    pthread_mutex_unlock(&state.lock);
    if (status == JF_OK) tell(key, 0);
    return status;
}

int32_t state_list(const struct member *me, const jf_store_list *list, jf_blob *out, jf_fault *why) {
    sc_answer answer = {0};
    uint64_t count = 0, bytes = 0;
    bool behind = list->after.len > 0 && sc_key_order(list->after, list->prefix) >= 0, full = false,
         ok = true;
    pthread_mutex_lock(&state.lock);
    int64_t now = now_of(me);
    entry *it = entries_from(&state.entries, behind ? list->after : list->prefix, behind);
    for (; it != NULL && ok && !full && count < list->most && sc_begins(entry_key(it), list->prefix);
         it = it->next[0]) {
        if (it->expires_ms != 0 && it->expires_ms <= now) continue;
        jf_view value = (list->flags & JF_STORE_KEYS) ? (jf_view){0} : entry_value(it);
        bytes += sc_entry_size(it->key_len, value.len);
        full = count > 0 && bytes > JF_STORE_LIST_BYTES;
        if (full) break;
        ok = sc_answer_entry(&answer, it->revision, (uint64_t)it->expires_ms, entry_key(it), value);
        count++;
    }
    pthread_mutex_unlock(&state.lock);
    if (!ok) return no_memory(why);
    if (count == 0) return JF_ABSENT;
    sc_answer_give(&answer, out);
    return JF_OK;
}

static int32_t add(const struct member *me, const jf_store_add *add, jf_blob *out, jf_fault *why) {
    int64_t now = now_of(me), sum = 0;
    entry *it = find(add->key, now);
    if (it != NULL && !it->is_counter)
        return sc_fault(why, JF_E_INVALID, JF_FAULT_NOT_STARTED, "store-memory: the key holds no counter");
    if (it != NULL) memcpy(&sum, it->value, sizeof sum);
    if (add->delta == 0) return it != NULL ? give(it, true, out, why) : JF_ABSENT;
    if (__builtin_add_overflow(sum, add->delta, &sum))
        return sc_fault(why, JF_E_INVALID, JF_FAULT_NOT_STARTED,
                        "store-memory: the sum of a counter is too large");
    int64_t expires = it != NULL ? it->expires_ms : add->ttl_ms != 0 ? now + (int64_t)add->ttl_ms : 0;
    uint64_t more = it != NULL ? 0 : sizeof *it + add->key.len + 64 + sizeof sum;
    if ((it = find_or_add(add->key, more, why)) == NULL) return JF_E_BUSY;
    jf_view value = {(const uint8_t *)&sum, sizeof sum};
    if (!fill(it, value, expires, true)) return no_memory(why);
    return give(it, true, out, why);
}

int32_t state_add(const struct member *me, const jf_store_add *it, jf_blob *out, jf_fault *why) {
    pthread_mutex_lock(&state.lock);
    int32_t status = add(me, it, out, why);
    pthread_mutex_unlock(&state.lock);
    return status;
}

/* ---- Limits ---- */

struct asked {
    record *record; /**< NULL: nobody took from it */
    sc_state state;
};

static int32_t keep(const sc_limit *limit, struct asked *it, jf_fault *why) {
    if (it->record == NULL) {
        if (state.limits.count >= state.bounds.limits) return no_room("max_limits", why);
        if (check_room(sizeof(record) + limit->key.len, false, why) != JF_OK) return JF_E_BUSY;
        if ((it->record = limits_add(&state.limits, limit)) == NULL) return no_memory(why);
        it->record->end_ms = 0; /* if the take ends here, the sweep has it */
        sc_limit_fresh(limit, state.now_ms, &it->record->state);
    }
    return JF_OK;
}

static int32_t take(const struct member *me, const sc_limit *limits, uint64_t count,
                    jf_store_verdict *verdicts, jf_fault *why) {
    struct asked asked[JF_STORE_TAKE_MOST];
    int64_t now = now_of(me);
    bool fits = true;
    int32_t status = JF_OK;
    for (uint64_t i = 0; i < count; i++) {
        struct asked *it = &asked[i];
        it->record = limits_find(&state.limits, &limits[i]);
        if (it->record != NULL)
            it->state = it->record->state;
        else
            sc_limit_fresh(&limits[i], now, &it->state);
        sc_limit_advance(&limits[i], now, &it->state);
        sc_limit_judge(&limits[i], now, &it->state, &verdicts[i]);
        fits = fits && verdicts[i].fits;
    }
    if (!fits) return JF_OK;
    /* Room for all of them before anything is taken. */
    for (uint64_t i = 0; i < count && status == JF_OK; i++)
        if (limits[i].cost > 0) status = keep(&limits[i], &asked[i], why);
    for (uint64_t i = 0; i < count && status == JF_OK; i++) {
        if (limits[i].cost == 0) continue;
        sc_limit_take(&limits[i], now, &asked[i].state, &verdicts[i]);
        asked[i].record->state = asked[i].state;
        asked[i].record->end_ms = sc_limit_end(&limits[i], &asked[i].state);
    }
    return status;
}

int32_t state_take(const struct member *me, const sc_limit *limits, uint64_t count, jf_blob *out,
                   jf_fault *why) {
    jf_store_verdict verdicts[JF_STORE_TAKE_MOST];
    pthread_mutex_lock(&state.lock);
    int32_t status = take(me, limits, count, verdicts, why);
    pthread_mutex_unlock(&state.lock);
    if (status != JF_OK) return status;
    return sc_verdicts(verdicts, count, out) == JF_OK ? JF_OK : no_memory(why);
}

/* ---- Sweeping ---- */

/* Takes the next expired entry out; its key goes to `key`. False: none has expired. */
static bool sweep_one(int64_t now, uint8_t key[JF_STORE_KEY_MOST], uint64_t *length) {
    entry *it = entries_next_end(&state.entries);
    if (it == NULL || it->expires_ms > now) return false;
    jf_view name = entry_key(it);
    memcpy(key, name.ptr, (size_t)name.len);
    *length = name.len;
    entries_remove(&state.entries, it);
    return true;
}

bool state_sweep(const struct member *me, uint64_t interval_ms) {
    uint8_t key[JF_STORE_KEY_MOST];
    uint64_t length = 0, now_ns = monotonic(me);
    pthread_mutex_lock(&state.lock);
    bool due = now_ns >= state.swept_ns + interval_ms * 900000u || now_ns < state.swept_ns;
    if (due) state.swept_ns = now_ns;
    int64_t now = now_of(me);
    if (due) limits_sweep(&state.limits, now, SWEPT_CHAINS);
    pthread_mutex_unlock(&state.lock);
    for (int i = 0; due && i < SWEPT_ENTRIES; i++) {
        pthread_mutex_lock(&state.lock);
        bool found = sweep_one(now, key, &length);
        pthread_mutex_unlock(&state.lock);
        if (!found) return false;
        tell((jf_view){key, length}, 0);
    }
    return due;
}
