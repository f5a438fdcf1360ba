/* SPDX-License-Identifier: Apache-2.0
 * The arithmetic of limits. */
#include "limit.h"

#include "host.h"
#include <string.h>

/* What is counted in a bucket at most: exact in the doubles of Lua. */
#define EXACT (1ll << 53)
/* Steps into which the share of a sliding window's last window is cut at most: the product of two numbers
 * below this is exact in a double. */
#define STEPS (1ll << 26)

static int64_t divisor(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int64_t quotient_up(int64_t a, int64_t b) {
    return a / b + (a % b != 0);
}

static bool same_name(const sc_limit *a, const sc_limit *b) {
    return a->kind == b->kind && a->period_ms == b->period_ms && a->key.len == b->key.len &&
           memcmp(a->key.ptr, b->key.ptr, (size_t)a->key.len) == 0;
}

static const char *wrong(const jf_store_limit *from, sc_limit *to) {
    if (from->key.ptr == NULL || from->key.len < 1 || from->key.len > JF_STORE_KEY_MOST)
        return "a key must have 1 to 1024 bytes";
    if (from->kind > JF_LIMIT_FIXED) return "it is of an unknown kind";
    if (from->reserved != 0) return "`reserved` must be 0";
    if (from->period_ms < 1 || from->period_ms > JF_STORE_PERIOD_MOST)
        return "its period must be 1 to 31622400000 ms";
    if (from->burst > JF_STORE_AMOUNT_MOST || from->rate > JF_STORE_AMOUNT_MOST ||
        from->cost > JF_STORE_AMOUNT_MOST)
        return "burst, rate and cost may be 2^40 at most";
    *to = (sc_limit){from->key,
                     from->kind,
                     (int64_t)from->burst,
                     (int64_t)from->rate,
                     (int64_t)from->period_ms,
                     (int64_t)from->cost,
                     (int64_t)from->rate,
                     (int64_t)from->period_ms};
    if (from->kind != JF_LIMIT_BUCKET) return from->burst != 0 ? "a window has no burst" : NULL;
    if (from->rate < 1) return "a bucket's rate must be at least 1";
    int64_t common = divisor(to->rate, to->period_ms);
    to->unit_rate = to->rate / common;
    to->unit_period = to->period_ms / common;
    if (to->burst > EXACT / to->unit_period)
        return "burst times period cannot be counted exactly: give rate and period a common divisor";
    return NULL;
}

int32_t sc_limits_check(const char *plugin, const jf_store_limit *limits, uint64_t count,
                        sc_limit out[JF_STORE_TAKE_MOST], jf_fault *why) {
    if (count < 1 || count > JF_STORE_TAKE_MOST)
        return sc_fault(why, JF_E_INVALID, JF_FAULT_NOT_STARTED, "%s: %llu limits at once, not 1 to %u",
                        plugin, (unsigned long long)count, JF_STORE_TAKE_MOST);
    for (uint64_t i = 0; i < count; i++) {
        const char *text = wrong(&limits[i], &out[i]);
        for (uint64_t j = 0; j < i && text == NULL; j++) {
            if (same_name(&out[i], &out[j])) text = "it is there twice";
        }
        if (text != NULL)
            return sc_fault(why, JF_E_INVALID, JF_FAULT_NOT_STARTED, "%s: limit %llu of a take: %s", plugin,
                            (unsigned long long)i, text);
    }
    return JF_OK;
}

/* ---- Buckets ---- */

static int64_t brim(const sc_limit *it) {
    return it->burst * it->unit_period;
}

static void bucket_advance(const sc_limit *it, int64_t now_ms, sc_state *state) {
    int64_t full = brim(it);
    if (state->c != it->unit_period) {
        state->a = (int64_t)((__int128)state->a * it->unit_period / state->c);
        state->c = it->unit_period;
    }
    if (now_ms > state->b) {
        int64_t lacks = full - state->a;
        if (lacks > 0 && now_ms - state->b < quotient_up(lacks, it->unit_rate))
            state->a += (now_ms - state->b) * it->unit_rate;
        else
            state->a = full;
        state->b = now_ms;
    }
    if (state->a > full) state->a = full;
}

/* ---- Windows ---- */

static int64_t step_ms(const sc_limit *it) {
    return quotient_up(it->period_ms, STEPS);
}

/* Milliseconds into the window of `state`; within it also where the clock went back. */
static int64_t offset(const sc_limit *it, int64_t now_ms, const sc_state *state) {
    int64_t into = now_ms - state->a * it->period_ms;
    return into < 0 ? 0 : into;
}

/* What still counts of `amount` taken in the window before. */
static int64_t share(const sc_limit *it, int64_t amount, int64_t into) {
    int64_t steps = quotient_up(it->period_ms, step_ms(it));
    int64_t reach = quotient_up(it->period_ms - into, step_ms(it));
    return amount / steps * reach + quotient_up(amount % steps * reach, steps);
}

/* The offset in a window from which on no more than `room` of `amount` counts; `period_ms`: not in it. */
static int64_t offset_for(const sc_limit *it, int64_t amount, int64_t room) {
    if (room < 0) return it->period_ms;
    if (amount <= room) return 0;
    int64_t steps = quotient_up(it->period_ms, step_ms(it));
    int64_t reach = (int64_t)((__int128)room * steps / amount);
    int64_t into = it->period_ms - reach * step_ms(it);
    return into < 0 ? 0 : into;
}

static int64_t taken(const sc_limit *it, int64_t now_ms, const sc_state *state) {
    if (it->kind == JF_LIMIT_FIXED) return state->b;
    return state->b + share(it, state->c, offset(it, now_ms, state));
}

/* How long until `cost` fits into a window that has too little room now. */
static int64_t window_wait(const sc_limit *it, int64_t now_ms, const sc_state *state) {
    int64_t into = offset(it, now_ms, state), rest = it->period_ms - into;
    if (it->kind == JF_LIMIT_FIXED) return rest;
    int64_t then = offset_for(it, state->c, it->rate - it->cost - state->b);
    if (then < it->period_ms) return then > into ? then - into : 1;
    return rest + offset_for(it, state->b, it->rate - it->cost);
}

/* ---- All kinds ---- */

void sc_limit_fresh(const sc_limit *limit, int64_t now_ms, sc_state *state) {
    if (limit->kind == JF_LIMIT_BUCKET)
        *state = (sc_state){brim(limit), now_ms, limit->unit_period};
    else
        *state = (sc_state){now_ms / limit->period_ms, 0, 0};
}

void sc_limit_advance(const sc_limit *limit, int64_t now_ms, sc_state *state) {
    if (limit->kind == JF_LIMIT_BUCKET) {
        bucket_advance(limit, now_ms, state);
        return;
    }
    int64_t window = now_ms / limit->period_ms;
    if (window <= state->a) return;
    state->c = window == state->a + 1 ? state->b : 0;
    state->b = 0;
    state->a = window;
}

static uint64_t left(const sc_limit *limit, int64_t now_ms, const sc_state *state) {
    int64_t amount = limit->kind == JF_LIMIT_BUCKET ? state->a / limit->unit_period
                                                    : limit->rate - taken(limit, now_ms, state);
    return amount > 0 ? (uint64_t)amount : 0;
}

void sc_limit_judge(const sc_limit *limit, int64_t now_ms, const sc_state *state, jf_store_verdict *verdict) {
    int64_t most = limit->kind == JF_LIMIT_BUCKET ? limit->burst : limit->rate, wait = 0;
    *verdict = (jf_store_verdict){.left = left(limit, now_ms, state)};
    if (limit->cost > most) {
        verdict->retry_ms = UINT32_MAX;
        return;
    }
    verdict->fits = (uint64_t)limit->cost <= verdict->left || limit->cost == 0;
    if (verdict->fits) return;
    if (limit->kind == JF_LIMIT_BUCKET)
        wait = quotient_up(limit->cost * limit->unit_period - state->a, limit->unit_rate);
    else
        wait = window_wait(limit, now_ms, state);
    verdict->retry_ms = wait < 1 ? 1 : wait < UINT32_MAX ? (uint32_t)wait : UINT32_MAX - 1;
}

void sc_limit_take(const sc_limit *limit, int64_t now_ms, sc_state *state, jf_store_verdict *verdict) {
    if (limit->kind == JF_LIMIT_BUCKET)
        state->a -= limit->cost * limit->unit_period;
    else
        state->b += limit->cost;
    verdict->left = left(limit, now_ms, state);
}

int64_t sc_limit_end(const sc_limit *limit, const sc_state *state) {
    if (limit->kind == JF_LIMIT_BUCKET)
        return state->b + quotient_up(brim(limit) - state->a, limit->unit_rate);
    return (state->a + (limit->kind == JF_LIMIT_SLIDING ? 2 : 1)) * limit->period_ms;
}
