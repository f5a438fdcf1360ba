/* SPDX-License-Identifier: Apache-2.0
 * The arithmetic of limits, in whole numbers throughout: the same in every store, also where it is written in
 * Lua or PL/pgSQL. */
#ifndef STORE_COMMON_LIMIT_H
#define STORE_COMMON_LIMIT_H

#include <jackfield/store.h>
#include <stdbool.h>

/** A limit within bounds. `unit_rate` and `unit_period` are `rate` and `period_ms` without common divisors.
 */
typedef struct sc_limit {
    jf_view key;
    uint32_t kind;
    int64_t burst, rate, period_ms, cost, unit_rate, unit_period;
} sc_limit;

/** What is kept of a limit.
 * Bucket: `a` is its level in thousandths times `c`; `b` the time of that level; `c` the unit_period. A unit
 * of level flows in every millisecond, `unit_rate` of them, so nothing is ever rounded.
 * Windows: `a` is the window's number, `b` what was taken in it, `c` what was taken in the one before. */
typedef struct sc_state {
    int64_t a, b, c;
} sc_state;

/** Checks and copies the limits of a `take`. JF_E_INVALID says which one is wrong. */
int32_t sc_limits_check(const char *plugin, const jf_store_limit *limits, uint64_t count,
                        sc_limit out[JF_STORE_TAKE_MOST], jf_fault *why);
/** What a limit is that nobody took from. */
void sc_limit_fresh(const sc_limit *limit, int64_t now_ms, sc_state *state);
/** Brings a state to the time `now_ms`; a clock that went back stands still. */
void sc_limit_advance(const sc_limit *limit, int64_t now_ms, sc_state *state);
/** What an advanced state says of `cost`, before it is taken. */
void sc_limit_judge(const sc_limit *limit, int64_t now_ms, const sc_state *state, jf_store_verdict *verdict);
/** Takes `cost` from an advanced state that has enough, and sets `verdict->left` anew. */
void sc_limit_take(const sc_limit *limit, int64_t now_ms, sc_state *state, jf_store_verdict *verdict);
/** When an advanced state says nothing any more. */
int64_t sc_limit_end(const sc_limit *limit, const sc_state *state);

#endif
