/* SPDX-License-Identifier: Apache-2.0
 * What an endpoint can bear, and random draws in proportion to it.
 *
 * Quick draws take anybody and keep him with the probability of his share to the largest one (rejection, J.
 * von Neumann 1951): exact shares, and most often one or two endpoints are looked at. Where that fails (most
 * are tried, without weight or do not fit), one pass adds the weights up in blocks; a draw then looks at one
 * block only.
 *
 * Ranks: endpoints that an earlier attempt of the call has tried are used only when nothing else is left;
 * those of weight 0 only when nothing with a weight is. Suspected ones (JF_ENDPOINT_DEGRADED) count a tenth
 * of their weight, starting ones as much as `ready` says. */
#ifndef JF_ROUTING_WEIGH_H
#define JF_ROUTING_WEIGH_H

#include "random.h"
#include "strategy.h"

/** Larger weights count as this one, so that no sum can overflow. */
#define RT_MOST_WEIGHT (1u << 20)
/** Weights are counted in these: `ready` is permille, a suspected endpoint counts a tenth. */
#define RT_WEIGHT_ONE 10000u
#define RT_BLOCKS 16
#define RT_INLINE static inline __attribute__((always_inline))

/** Whether an endpoint may be drawn; `context` is the strategy's. */
typedef bool (*rt_fits)(const void *context, const jf_endpoint *endpoint, uint64_t index);

RT_INLINE bool rt_everyone(const void *context, const jf_endpoint *endpoint, uint64_t index) {
    (void)context;
    (void)endpoint;
    (void)index;
    return true;
}

RT_INLINE uint64_t rt_weight(const jf_endpoint *endpoint, bool extended) {
    uint64_t weight = endpoint->weight < RT_MOST_WEIGHT ? endpoint->weight : RT_MOST_WEIGHT;
    if (!RT_TOLD(extended, endpoint, ready)) return weight * RT_WEIGHT_ONE;
    bool suspected = (endpoint->flags & JF_ENDPOINT_DEGRADED) != 0;
    if (__builtin_expect(endpoint->ready >= 1000 && !suspected, 1)) return weight * RT_WEIGHT_ONE;
    uint32_t ready = endpoint->ready < 1000 ? endpoint->ready : 1000;
    return weight * ready * (suspected ? 1 : 10);
}

RT_INLINE bool rt_tried(const jf_endpoint *endpoint, bool extended) {
    return extended && (endpoint->flags & JF_ENDPOINT_TRIED) != 0;
}

/** 0: not tried; 1: not tried, weight 0; 2: tried; 3: tried, weight 0. */
RT_INLINE uint32_t rt_rank(const jf_endpoint *endpoint, bool extended) {
    return (rt_tried(endpoint, extended) ? 2u : 0u) + (rt_weight(endpoint, extended) == 0 ? 1u : 0u);
}

/** Those who may be drawn: the ones that fit and have this rank. */
typedef struct rt_pool {
    uint64_t total;   /**< of their shares; 0: nobody fits */
    uint64_t members; /**< how many there are */
    uint32_t rank;
    uint32_t width; /**< endpoints in a block */
    uint64_t block[RT_BLOCKS];
} rt_pool;

/** The share of an endpoint in draws of a rank: its weight, or 1 where nobody has one; 0: not in it. */
RT_INLINE uint64_t rt_share(const jf_endpoint *endpoint, bool extended, uint32_t rank) {
    if (rt_tried(endpoint, extended) != (rank >= 2)) return 0;
    uint64_t weight = rt_weight(endpoint, extended);
    return (rank & 1) == 0 ? weight : weight == 0;
}

RT_INLINE void rt_gather_rank(rt_pool *pool, const rt_set *set, rt_fits fits, const void *context,
                              uint32_t rank) {
    uint64_t total = 0, members = 0, at = 0;
    pool->rank = rank;
    for (uint32_t b = 0; at < set->count; b++) {
        uint64_t end = at + pool->width < set->count ? at + pool->width : set->count, before = total;
        for (; at < end; at++) {
            const jf_endpoint *endpoint = set->eligible[at];
            uint64_t share = rt_share(endpoint, set->extended, rank);
            if (!fits(context, endpoint, at)) share = 0;
            members += share != 0;
            total += share;
        }
        pool->block[b] = total - before;
    }
    pool->total = total;
    pool->members = members;
}

/** Gathers who fits, of the best rank that there is. */
RT_INLINE void rt_gather(rt_pool *pool, const rt_set *set, rt_fits fits, const void *context) {
    pool->width = (uint32_t)((set->count + RT_BLOCKS - 1) / RT_BLOCKS);
    rt_gather_rank(pool, set, fits, context, 0);
    for (uint32_t rank = 1; rank < 4 && __builtin_expect(pool->total == 0, 0); rank++)
        rt_gather_rank(pool, set, fits, context, rank);
}

/** Draws one of the pool, and never `but` (UINT64_MAX: whoever). The pool must have another one. */
RT_INLINE uint64_t rt_draw(const rt_pool *pool, const rt_set *set, rt_fits fits, const void *context,
                           uint64_t *random, uint64_t but) {
    uint64_t spared = but == UINT64_MAX ? 0 : rt_share(set->eligible[but], set->extended, pool->rank);
    uint64_t place = rt_below(random, pool->total - spared), at = 0;
    for (uint32_t b = 0;; b++) {
        uint64_t here = pool->block[b];
        if (but - at < pool->width) here -= spared; /* false for every block but its own */
        if (place < here) break;
        place -= here;
        at += pool->width;
    }
    for (;; at++) {
        const jf_endpoint *endpoint = set->eligible[at];
        if (at == but || !fits(context, endpoint, at)) continue;
        uint64_t share = rt_share(endpoint, set->extended, pool->rank);
        if (place < share) return at;
        place -= share;
    }
}

/** Whether `a` has fewer calls for its share than `b`. */
RT_INLINE bool rt_less_loaded(const rt_pool *pool, const rt_set *set, uint64_t a, uint64_t b) {
    const jf_endpoint *left = set->eligible[a], *right = set->eligible[b];
    return left->in_flight * (unsigned __int128)rt_share(right, set->extended, pool->rank) <
           right->in_flight * (unsigned __int128)rt_share(left, set->extended, pool->rank);
}

/** The power of two choices: draws two and takes the one with less load, the first where it is equal. The
 * pool must not be empty. */
RT_INLINE uint64_t rt_draw_two(const rt_pool *pool, const rt_set *set, rt_fits fits, const void *context,
                               uint64_t *random) {
    uint64_t first = rt_draw(pool, set, fits, context, random, UINT64_MAX);
    if (pool->members < 2) return first;
    uint64_t second = rt_draw(pool, set, fits, context, random, first);
    return rt_less_loaded(pool, set, second, first) ? second : first;
}

/* ---- Quick draws ---- */

/** So often a quick draw tries. */
#define RT_TRIES 24u
/** After so many quick draws the largest share is looked for again: it may have become smaller. */
#define RT_CEILING_AGE 256u

/** The largest share of the best rank. */
__attribute__((noinline, unused)) static void rt_ceiling(rt_server *server, const rt_set *set) {
    server->ceiling = 1;
    for (uint64_t i = 0; i < set->count; i++) {
        uint64_t share = rt_share(set->eligible[i], set->extended, 0);
        if (share > server->ceiling) server->ceiling = share;
    }
}

/** Who is drawn from: all of the set, or the `count` at these places of it. */
typedef struct rt_field {
    const uint16_t *places; /**< NULL: all */
    uint64_t count;
} rt_field;

/** Draws among the best rank, never `but`. UINT64_MAX: nobody came up who fits. */
RT_INLINE uint64_t rt_quick(rt_server *server, const rt_set *set, rt_field from, rt_fits fits,
                            const void *context, uint64_t but) {
    if (__builtin_expect(server->quick++ % RT_CEILING_AGE == 0, 0)) rt_ceiling(server, set);
    for (uint32_t tries = 0; tries < RT_TRIES; tries++) {
        uint64_t at = rt_below(&server->random, from.count);
        if (from.places != NULL) at = from.places[at];
        if (at == but) continue;
        const jf_endpoint *endpoint = set->eligible[at];
        uint64_t share = rt_share(endpoint, set->extended, 0);
        if (share == 0 || !fits(context, endpoint, at)) continue;
        if (share >= server->ceiling) {
            server->ceiling = share;
            return at;
        }
        if (rt_below(&server->random, server->ceiling) < share) return at;
    }
    return UINT64_MAX;
}

/** Two different ones of the best rank; *second UINT64_MAX: there is no other one. False: none came up;
 * gather.
 */
RT_INLINE bool rt_quick_pair(rt_server *server, const rt_set *set, rt_field from, rt_fits fits,
                             const void *context, uint64_t *first, uint64_t *second) {
    if (set->count < 4 || from.count == 0) return false;
    *first = rt_quick(server, set, from, fits, context, UINT64_MAX);
    *second = UINT64_MAX;
    if (*first == UINT64_MAX) return false;
    if (from.count == 1) return true;
    *second = rt_quick(server, set, from, fits, context, *first);
    if (__builtin_expect(*second != UINT64_MAX, 1)) return true;
    /* The first one stays: drawn anew it would less often be the one beside whom others are rare. */
    rt_pool pool;
    rt_gather(&pool, set, fits, context);
    if (pool.members > 1) *second = rt_draw(&pool, set, fits, context, &server->random, *first);
    return true;
}

/** The power of two choices by quick draws. False: gather, and use rt_draw_two. */
RT_INLINE bool rt_quick_two(rt_server *server, const rt_set *set, rt_field from, rt_fits fits,
                            const void *context, uint64_t *chosen) {
    static const rt_pool best = {.rank = 0};
    uint64_t first, second;
    if (!rt_quick_pair(server, set, from, fits, context, &first, &second)) return false;
    *chosen = second != UINT64_MAX && rt_less_loaded(&best, set, second, first) ? second : first;
    return true;
}

/** The power of two choices among all. */
RT_INLINE uint64_t rt_two_of_all(rt_server *server, const rt_set *set) {
    uint64_t chosen;
    rt_pool pool;
    if (rt_quick_two(server, set, (rt_field){NULL, set->count}, rt_everyone, NULL, &chosen)) return chosen;
    rt_gather(&pool, set, rt_everyone, NULL);
    return rt_draw_two(&pool, set, rt_everyone, NULL, &server->random);
}

#endif
