/* SPDX-License-Identifier: Apache-2.0
 * Plugin routing-affinity: calls with the same key go to the same endpoint, unless that one has more than its
 * part of the load.
 *
 * Keys fall into 65536 slots, and a table remembers the endpoint of each slot as long as endpoints and their
 * weights are the same; it is filled as slots are used. Whose a slot is, is decided by
 * consistent hashing by rendezvous (D. Thaler, C. Ravishankar, "Using name-based mappings to increase hit
 * rates", IEEE/ACM ToN 6(1), 1998): the endpoint with the highest hash of slot and name has the slot; with
 * weights (C. Schindelhauer, G. Schomaker, "Weighted distributed hash tables", SPAA 2005) the one with the
 * least -ln(u) / weight. Bounded load: V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent hashing with
 * bounded loads", 2016: nobody takes more than `bound` times its part of the open calls; what is above goes
 * to the slot's next endpoint. */
#include "key.h"
#include "roster.h"
#include <math.h>

#define KEYS RT_SCHEMA_KEYS("[\"principal\",\"session\"]", "What a call belongs to")

JF_MANIFEST(
    "{\"id\":\"routing-affinity\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
    "\"summary\":\"Calls with the same key go to the same endpoint, as long as that one is not overloaded.\","
    "\"facets\":[\"jf.routing/1\"],\"requires\":[\"jf.config/1\",\"jf.clock/1\"],"
    "\"optional\":[\"jf.memory/1\"],\"provides\":[],\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"routing\":{\"strategy\":\"affinity\",\"honours\":[\"ready\"],\"config\":{\"type\":\"object\","
    "\"properties\":{"
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

/** A power of two: with 100 endpoints each has its part of them within 4 % (standard deviation). */
#define SLOTS 65536u
/** So many further slots are asked when an endpoint is full. */
#define MOST_STEPS 16u

typedef struct affinity {
    rt_server server;
    rt_roster roster;    /**< first: the hash of the endpoint's name; more: its share and flags */
    uint32_t *table;     /**< of each slot: the round in which it was decided, and its endpoint's place */
    uint32_t generation; /**< the roster's that the table is of */
    uint32_t round;      /**< counts generations, in the upper half; 0: none */
    bool plain;          /**< nobody in the roster was tried or is without weight */
    uint64_t shares;     /**< of all in the roster */
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
    rt_option_roster(options, &it->roster);
    it->table = rt_keep(server, SLOTS * sizeof *it->table);
    if (it->table == NULL && options->status == JF_OK)
        options->status = rt_refuse(server->host, options->why, JF_E_BUSY, "out of memory");
    rt_option_seed(options);
}

static void derive(const rt_server *server, const jf_endpoint *endpoint, bool extended, rt_seen *seen) {
    (void)extended;
    seen->first = rt_hash(endpoint->name, ((const affinity *)server)->hash_seed);
    /* replicas without a name of their own are told apart by their ids */
    if (endpoint->name.len == 0) seen->first = rt_mix(seen->first + endpoint->id);
    seen->first |= 1;
}

/** What decides over slots besides the name. */
RT_INLINE uint64_t bearing(const jf_endpoint *endpoint, bool extended) {
    uint64_t it = endpoint->weight;
    if (!extended) return it;
    if (RT_TOLD(extended, endpoint, ready)) it |= (uint64_t)(endpoint->ready & 0xffffff) << 32;
    return it | (uint64_t)(endpoint->flags & (JF_ENDPOINT_TRIED | JF_ENDPOINT_DEGRADED)) << 56;
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

/* The endpoint that the slot prefers; `within`: of those that have room. `kept`: the roster is up to date. */
static uint64_t prefer(affinity *it, const rt_set *set, uint64_t slot, sums *all, bool within, bool kept) {
    leader best = {UINT64_MAX, 0, 0, -1};
    if (!within) *all = (sums){0, 0, 4};
    for (uint64_t i = 0; i < set->count; i++) {
        const jf_endpoint *endpoint = set->eligible[i];
        rt_seen now = {0};
        if (!kept) derive(&it->server, endpoint, set->extended, &now);
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
        uint64_t hash = rt_fold(slot, kept ? it->roster.seen[i].first : now.first);
        if (preferred(&best, hash, share)) best = (leader){i, hash, share, -1};
    }
    return best.index;
}

/* Forgets the slots: endpoints or their weights are others. */
__attribute__((noinline)) static void begin_table(affinity *it, const rt_set *set) {
    it->round += 1u << 16;
    if (it->round == 0) {
        memset(it->table, 0, SLOTS * sizeof *it->table);
        it->round = 1u << 16;
    }
    it->generation = it->roster.generation;
    it->plain = set->count <= SLOTS;
    it->shares = 0;
    for (uint64_t i = 0; i < set->count; i++) {
        uint64_t weight = rt_weight(set->eligible[i], set->extended);
        it->plain = it->plain && weight > 0 && !rt_tried(set->eligible[i], set->extended);
        it->shares += weight;
    }
}

/* What rendezvous hashes of a slot. */
static uint64_t slot_hash(const affinity *it, uint64_t number) {
    return rt_mix(number + it->hash_seed);
}

/* The slot's endpoint by the table, which must be one of the roster and plain. */
RT_INLINE uint64_t look_up(affinity *it, const rt_set *set, uint64_t number) {
    sums all;
    uint32_t *place = &it->table[number];
    if (__builtin_expect(*place >> 16 != it->round >> 16, 0))
        *place = it->round | (uint32_t)prefer(it, set, slot_hash(it, number), &all, false, true);
    return *place & 0xffff;
}

static void add_up(const affinity *it, const rt_set *set, sums *all) {
    *all = (sums){0, it->shares, 0};
    for (uint64_t i = 0; i < set->count; i++)
        all->calls += set->eligible[i]->in_flight;
}

/* Where a slot's calls go while its endpoint is full: to the endpoints of further slots, always the same
 * ones, until one has room. UINT64_MAX: none of those has. */
static uint64_t overflow(affinity *it, const rt_set *set, uint64_t number, const sums *all) {
    for (uint64_t step = 1; step <= MOST_STEPS; step++) {
        uint64_t index = look_up(it, set, slot_hash(it, number + step * SLOTS) % SLOTS);
        const jf_endpoint *endpoint = set->eligible[index];
        if (has_room(it, all, endpoint, rt_weight(endpoint, set->extended))) return index;
    }
    return UINT64_MAX;
}

static int32_t pick(rt_server *server, const rt_set *set, uint32_t *chosen, jf_fault *why) {
    (void)why;
    affinity *it = (affinity *)server;
    uint64_t key;
    if (!rt_key(&it->keys, set, it->hash_seed, &key)) {
        *chosen = (uint32_t)rt_two_of_all(server, set);
        return JF_OK;
    }
    uint64_t number = key % SLOTS, slot = slot_hash(it, number);
    /* A retry sees other flags than everybody else: the table is kept for them. */
    bool kept = set->call->attempt == 0 && rt_roster_refresh(&it->roster, server, set, true, bearing, derive);
    if (kept && it->generation != it->roster.generation) begin_table(it, set);
    bool by_table = kept && it->plain;
    sums all;
    uint64_t index = by_table ? look_up(it, set, number) : prefer(it, set, slot, &all, false, kept);
    const jf_endpoint *endpoint = set->eligible[index];
    *chosen = (uint32_t)index;
    if (it->bound == 0 || endpoint->in_flight < it->free_calls) return JF_OK;
    if (by_table) add_up(it, set, &all);
    uint64_t weight = rt_weight(endpoint, set->extended);
    if (has_room(it, &all, endpoint, weight == 0 ? 1 : weight)) return JF_OK;
    /* someone has room: all capacities together are more than the calls */
    uint64_t other = by_table ? overflow(it, set, number, &all) : UINT64_MAX;
    if (other == UINT64_MAX) other = prefer(it, set, slot, &all, true, kept);
    if (other != UINT64_MAX) *chosen = (uint32_t)other;
    return JF_OK;
}

const rt_strategy rt_this = {.plugin = "routing-affinity",
                             .name = "affinity",
                             .record = sizeof(affinity),
                             .open = open_server,
                             .pick = pick};
