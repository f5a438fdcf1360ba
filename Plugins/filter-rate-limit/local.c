/* SPDX-License-Identifier: Apache-2.0
 * What is counted in this gateway. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "local.h"

#include <pthread.h>
#include <string.h>

enum { SWEPT_CHAINS = 2048, UNDER_WAY = 100 };

/* Global, against the custom of state per instance: what one loop counts, another must know. */
static struct {
    pthread_mutex_t lock;
    limit_table table;
    uint32_t members;
    uint64_t max_keys;
    int64_t now_ms;                     /* the latest time seen: it never goes back */
    uint64_t anchor_ns, anchor_wall_ms; /* monotonic and Unix time when the first instance came */
    uint64_t swept_ns, to_sweep;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The batch's time: it costs no system call. */
static uint64_t monotonic(const sc_host *host) {
    return host->loop.now(host->loop.context);
}

static uint64_t wall_ms(const sc_host *host) {
    return host->clock.wall_ns(host->clock.context) / 1000000u;
}

/* Unix time in milliseconds: follows the system's clock forwards, and stands on its own where that is set
 * back. */
static int64_t now_of(const sc_host *host) {
    uint64_t now = monotonic(host), wall = wall_ms(host);
    uint64_t passed = now > state.anchor_ns ? now - state.anchor_ns : 0;
    uint64_t anchored = state.anchor_wall_ms + passed / 1000000u;
    if (wall > anchored + 1000) {
        state.anchor_wall_ms += wall - anchored;
        anchored = wall;
    }
    if ((int64_t)anchored > state.now_ms) state.now_ms = (int64_t)anchored;
    return state.now_ms;
}

void rl_local_join(const sc_host *host, uint64_t max_keys) {
    pthread_mutex_lock(&state.lock);
    state.max_keys = max_keys;
    if (state.members++ == 0) {
        state.anchor_ns = host->clock.monotonic_ns(host->clock.context);
        state.anchor_wall_ms = wall_ms(host);
        state.now_ms = 0;
        state.swept_ns = state.to_sweep = 0;
    }
    pthread_mutex_unlock(&state.lock);
}

void rl_local_leave(void) {
    pthread_mutex_lock(&state.lock);
    if (--state.members == 0) limits_clear(&state.table);
    pthread_mutex_unlock(&state.lock);
}

/* ---- Taking ---- */

/* The name of the calls under way of a key. */
static sc_limit counter(const rl_item *it) {
    sc_limit name = it->limit;
    name.kind = UNDER_WAY;
    name.period_ms = 0;
    return name;
}

static bool refuse(rl_refusal *refusal, const rl_limit *of, bool is_quota, bool is_concurrency,
                   uint32_t retry_ms) {
    if (refusal->of == NULL || retry_ms > refusal->retry_ms)
        *refusal = (rl_refusal){of, is_quota, is_concurrency, retry_ms};
    return false;
}

/* Judges everything; nothing changes. */
static bool judge(int64_t now, const rl_item *items, uint32_t count, const rl_item *under_way, uint32_t holds,
                  record **found, rl_refusal *refusal) {
    bool fits = true;
    for (uint32_t i = 0; i < holds; i++) {
        sc_limit name = counter(&under_way[i]);
        const record *it = limits_find(&state.table, &name);
        if (it != NULL && it->state.a >= under_way[i].of->concurrency)
            fits = refuse(refusal, under_way[i].of, false, true, 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        jf_store_verdict verdict;
        sc_state fresh;
        found[i] = limits_find(&state.table, &items[i].limit);
        if (found[i] != NULL)
            fresh = found[i]->state;
        else
            sc_limit_fresh(&items[i].limit, now, &fresh);
        sc_limit_advance(&items[i].limit, now, &fresh);
        sc_limit_judge(&items[i].limit, now, &fresh, &verdict);
        if (!verdict.fits) fits = refuse(refusal, items[i].of, items[i].is_quota, false, verdict.retry_ms);
    }
    return fits;
}

/* A new record, which the next sweep takes if nothing comes of it. */
static record *add(const sc_limit *name, int64_t now) {
    if (state.table.count >= state.max_keys) return NULL;
    record *it = limits_add(&state.table, name);
    if (it == NULL) return NULL;
    it->end_ms = now;
    it->state = (sc_state){0};
    if (name->kind != UNDER_WAY) sc_limit_fresh(name, now, &it->state);
    return it;
}

static bool take(int64_t now, const rl_item *items, uint32_t count, const rl_item *under_way, uint32_t holds,
                 rl_hold *hold, rl_refusal *refusal) {
    record *found[RL_LIMITS];
    if (!judge(now, items, count, under_way, holds, found, refusal)) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (found[i] == NULL && (found[i] = add(&items[i].limit, now)) == NULL) return false;
    }
    for (uint32_t i = 0; i < holds; i++) {
        sc_limit name = counter(&under_way[i]);
        hold->records[i] = limits_find(&state.table, &name);
        if (hold->records[i] == NULL && (hold->records[i] = add(&name, now)) == NULL) return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        jf_store_verdict verdict;
        sc_limit_advance(&items[i].limit, now, &found[i]->state);
        sc_limit_take(&items[i].limit, now, &found[i]->state, &verdict);
        found[i]->end_ms = sc_limit_end(&items[i].limit, &found[i]->state);
    }
    for (uint32_t i = 0; i < holds; i++) {
        hold->records[i]->state.a++;
        hold->records[i]->end_ms = INT64_MAX;
    }
    if (hold != NULL) hold->count = holds;
    return true;
}

bool rl_local_take(const sc_host *host, const rl_item *items, uint32_t count, const rl_item *under_way,
                   uint32_t holds, rl_hold *hold, rl_refusal *refusal) {
    *refusal = (rl_refusal){0};
    pthread_mutex_lock(&state.lock);
    bool taken = take(now_of(host), items, count, under_way, holds, hold, refusal);
    pthread_mutex_unlock(&state.lock);
    return taken;
}

void rl_local_refund(const sc_host *host, const rl_item *items, uint32_t count) {
    pthread_mutex_lock(&state.lock);
    int64_t now = now_of(host);
    for (uint32_t i = 0; i < count; i++) {
        const sc_limit *limit = &items[i].limit;
        record *it = limits_find(&state.table, limit);
        if (it == NULL) continue;
        sc_limit_advance(limit, now, &it->state);
        if (limit->kind == JF_LIMIT_BUCKET) {
            it->state.a += limit->cost * limit->unit_period;
            sc_limit_advance(limit, now, &it->state); /* not beyond the brim */
        } else {
            it->state.b = it->state.b > limit->cost ? it->state.b - limit->cost : 0;
        }
        it->end_ms = sc_limit_end(limit, &it->state);
    }
    pthread_mutex_unlock(&state.lock);
}

void rl_local_release(rl_hold *hold) {
    pthread_mutex_lock(&state.lock);
    for (uint32_t i = 0; i < hold->count; i++) {
        if (--hold->records[i]->state.a == 0) limits_remove(&state.table, hold->records[i]);
    }
    hold->count = 0;
    pthread_mutex_unlock(&state.lock);
}

/* ---- Forgetting ---- */

bool rl_local_sweep(const sc_host *host, uint64_t interval_ms) {
    pthread_mutex_lock(&state.lock);
    uint64_t now = monotonic(host);
    if (state.to_sweep == 0 && now >= state.swept_ns + interval_ms * 1000000u) {
        state.swept_ns = now;
        state.to_sweep = state.table.size;
    }
    uint64_t chains = state.to_sweep < SWEPT_CHAINS ? state.to_sweep : SWEPT_CHAINS;
    if (chains > 0) limits_sweep(&state.table, now_of(host), (size_t)chains);
    state.to_sweep -= chains;
    bool more = state.to_sweep > 0;
    pthread_mutex_unlock(&state.lock);
    return more;
}

void rl_local_size(uint64_t *count, uint64_t *bytes) {
    pthread_mutex_lock(&state.lock);
    *count = state.table.count;
    *bytes = state.table.bytes;
    pthread_mutex_unlock(&state.lock);
}
