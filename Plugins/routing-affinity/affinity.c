/* SPDX-License-Identifier: Apache-2.0
 * Plugin routing-affinity: calls with the same key go to the same endpoint, unless that one has more than its
 * part of the load.
 *
 * Consistent hashing by rendezvous (D. Thaler, C. Ravishankar, "Using name-based mappings to increase hit
 * rates", IEEE/ACM ToN 6(1), 1998): the endpoint with the highest hash of key and name has the key; with
 * weights (C. Schindelhauer, G. Schomaker, "Weighted distributed hash tables", SPAA 2005) the one with the
 * least -ln(u) / weight. Bounded load: V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent hashing with
 * bounded loads", 2016: nobody takes more than `bound` times its part of the open calls; what is above goes
 * to the key's next endpoint. */
#include "key.h"
#include "memo.h"
#include "weigh.h"
#include <math.h>

#define KEYS RT_SCHEMA_KEYS("[\"principal\",\"session\"]", "What a call belongs to")

JF_MANIFEST(
    "{\"id\":\"routing-affinity\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
    "\"summary\":\"Calls with the same key go to the same endpoint, as long as that one is not overloaded.\","
    "\"facets\":[\"jf.routing/1\"],\"requires\":[\"jf.config/1\",\"jf.clock/1\"],"
    "\"optional\":[\"jf.memory/1\"],\"provides\":[],\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"routing\":{\"strategy\":\"affinity\",\"config\":{\"type\":\"object\",\"properties\":{"
    "\"key\":" KEYS ","
    "\"bound_percent\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":100000,"
    "\"default\":125,"
    "\"description\":\"An endpoint takes at most so many percent of its part "
    "of the open calls, 101 or more; "
    "0: no bound\"},"
    "\"free_calls\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000,"
    "\"default\":4,"
    "\"description\":\"So many open calls an endpoint may have in any case\"},"
    "\"hash_seed\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":"
    "9007199254740991,\"default\":0,"
    "\"description\":\"Another number is another assignment of keys; gateways "
    "that share servers need the same\"}"
    "," RT_SCHEMA_ENDPOINTS "," RT_SCHEMA_SEED "},\"additionalProperties\":false}}}");

typedef struct affinity {
    rt_server server;
    rt_memo memo; /**< first: the hash of the endpoint's name */
    rt_keys keys;
    uint64_t hash_seed;
    uint64_t bound; /**< percent; 0: none */
    uint64_t free_calls;
} affinity;

static void open_server(rt_server *server, rt_options *options) {
    affinity *it = (affinity *)server;
    rt_option_keys(options, "/key", "principal session", &it->keys);
    it->bound = (uint64_t)rt_option_integer(options, options->json, "/bound_percent", 0, 100000, 125);
    if (it->bound > 0 && it->bound <= 100)
        rt_option_wrong(options,
                        "bound_percent must be 0 or at least 101: with less some calls have no place");
    it->free_calls = (uint64_t)rt_option_integer(options, options->json, "/free_calls", 0, 1000000, 4);
    it->hash_seed =
        rt_mix((uint64_t)rt_option_integer(options, options->json, "/hash_seed", 0, INT64_MAX, 0));
    rt_option_memo(options, &it->memo);
    rt_option_seed(options);
}

static void derive(const rt_server *server, const jf_endpoint *endpoint, bool extended, rt_note *note) {
    (void)extended;
    note->first = rt_hash(endpoint->name, ((const affinity *)server)->hash_seed);
    /* replicas without a name of their own are told apart by their ids */
    if (endpoint->name.len == 0) note->first = rt_mix(note->first + endpoint->id);
    note->first |= 1;
}

/** The best endpoint so far. */
typedef struct leader {
    uint64_t index;
    uint64_t hash, share;
    double value; /**< -ln(u) / share; negative: not needed yet */
} leader;

static double value_of(uint64_t hash, uint64_t share) {
    double u = ((double)(hash >> 11) + 0.5) * 0x1p-53;
    return -log(u) / (double)share;
}

/* Whether the key prefers this endpoint to the leader; of those with equal shares the higher hash is enough.
 */
RT_INLINE bool preferred(leader *best, uint64_t hash, uint64_t share) {
    if (best->index == UINT64_MAX) return true;
    if (share == best->share) return hash > best->hash;
    if (best->value < 0) best->value = value_of(best->hash, best->share);
    /* -ln(u) is never below 1 - u: most are out without a logarithm */
    double least = 1 - ((double)(hash >> 11) + 0.5) * 0x1p-53;
    return least < best->value * (double)share && value_of(hash, share) < best->value;
}

/** Sums over those that may be taken. */
typedef struct sums {
    uint64_t calls, shares;
    uint32_t rank;
} sums;

/* Whether one call more keeps within ceil(bound * calls * share / shares): without a division, as n < ceil(a
 * / b) is the same as n * b < a. */
RT_INLINE bool has_room(const affinity *it, const sums *all, const jf_endpoint *endpoint, uint64_t share) {
    if (endpoint->in_flight < it->free_calls) return true;
    return (unsigned __int128)endpoint->in_flight * 100 * all->shares <
           (unsigned __int128)it->bound * (all->calls + 1) * share;
}

/* The endpoint that the key prefers; `within`: of those that have room. */
RT_INLINE uint64_t prefer(affinity *it, const rt_set *set, uint64_t key, sums *all, bool within) {
    leader best = {UINT64_MAX, 0, 0, -1};
    uint32_t next = 0;
    if (!within) *all = (sums){0, 0, 4};
    for (uint64_t i = 0; i < set->count; i++) {
        const jf_endpoint *endpoint = set->eligible[i];
        const rt_note *note = rt_memo_of(&it->memo, &it->server, endpoint, set->extended, &next, derive);
        uint64_t weight = rt_weight(endpoint, set->extended);
        uint32_t rank = (rt_tried(endpoint, set->extended) ? 2u : 0u) + (weight == 0 ? 1u : 0u);
        uint64_t share = weight == 0 ? 1 : weight;
        if (__builtin_expect(rank != all->rank, 0)) {
            if (rank > all->rank || within) continue;
            *all = (sums){0, 0, rank};
            best = (leader){UINT64_MAX, 0, 0, -1};
        }
        if (within) {
            if (!has_room(it, all, endpoint, share)) continue;
        } else {
            all->calls += endpoint->in_flight;
            all->shares += share;
        }
        uint64_t hash = rt_fold(key, note->first);
        if (preferred(&best, hash, share)) best = (leader){i, hash, share, -1};
    }
    return best.index;
}

static int32_t pick(rt_server *server, const rt_set *set, uint32_t *chosen, jf_fault *why) {
    (void)why;
    affinity *it = (affinity *)server;
    uint64_t key;
    if (!rt_key(&it->keys, set, it->hash_seed, &key)) {
        rt_pool pool;
        rt_gather(&pool, set, rt_everyone, NULL);
        *chosen = (uint32_t)rt_draw_two(&pool, set, rt_everyone, NULL, &server->random);
        return JF_OK;
    }
    sums all;
    uint64_t index = prefer(it, set, key, &all, false);
    const jf_endpoint *endpoint = set->eligible[index];
    uint64_t weight = rt_weight(endpoint, set->extended);
    if (it->bound > 0 && !has_room(it, &all, endpoint, weight == 0 ? 1 : weight)) {
        /* someone has room: all capacities together are more than the calls */
        uint64_t other = prefer(it, set, key, &all, true);
        if (other != UINT64_MAX) index = other;
    }
    *chosen = (uint32_t)index;
    return JF_OK;
}

const rt_strategy rt_this = {.plugin = "routing-affinity",
                             .name = "affinity",
                             .record = sizeof(affinity),
                             .open = open_server,
                             .pick = pick};
