/* SPDX-License-Identifier: Apache-2.0
 * Plugin routing-peak-ewma: draws two endpoints and takes the one with the lower expected latency, after
 * Finagle's com.twitter.finagle.loadbalancer.PeakEwma: an exponentially weighted moving average that jumps to
 * each peak and comes down slowly, times the open calls. */
#include "options.h"
#include "weigh.h"
#include <math.h>

JF_MANIFEST("{\"id\":\"routing-peak-ewma\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
            "\"summary\":\"Draws two endpoints at random and takes the one whose latency promises more.\","
            "\"facets\":[\"jf.routing/1\"],\"requires\":[\"jf.config/1\",\"jf.clock/1\"],"
            "\"optional\":[\"jf.memory/1\"],\"provides\":[],\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
            "\"routing\":{\"strategy\":\"peak-ewma\",\"honours\":[\"ready\"],\"config\":{\"type\":\"object\","
            "\"properties\":{"
            "\"decay_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":86400000,\"default\":10000,"
            "\"description\":\"Mean lifetime of what was observed, in milliseconds\"},"
            "\"failure_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":86400000,\"default\":1000,"
            "\"description\":\"A failed call counts as one that took at least so many milliseconds\"}"
            "," RT_SCHEMA_ENDPOINTS "," RT_SCHEMA_SEED "},\"additionalProperties\":false}}}");

/** What was observed of one endpoint. */
typedef struct entry {
    rt_entry head; /**< stamp: the last observation */
    double cost;   /**< nanoseconds, as of then */
} entry;

typedef struct peak {
    rt_server server;
    rt_map map;
    double decay;     /**< nanoseconds */
    uint64_t failure; /**< nanoseconds */
} peak;

/** Finagle's penalty for endpoints of which nothing is known while a first call is open. */
static const double penalty = (double)(INT64_MAX >> 16);
/** Longer latencies count as this one: a year. */
#define MOST_COST 31536000e9

static void open_server(rt_server *server, rt_options *options) {
    peak *it = (peak *)server;
    it->decay = (double)rt_option_ms(options, "/decay_ms", 1, 86400000, 10000);
    it->failure = rt_option_ms(options, "/failure_ms", 0, 86400000, 1000);
    rt_option_map(options, &it->map, sizeof(entry));
    rt_option_seed(options);
}

static double faded(const peak *it, const entry *known, uint64_t now) {
    double age = now > known->head.stamp ? (double)(now - known->head.stamp) : 0;
    return known->cost * exp(-age / it->decay);
}

/* Finagle's Metric.get, for a share of the traffic. */
static double load(const peak *it, const rt_pool *pool, const rt_set *set, uint64_t index, uint64_t now) {
    const jf_endpoint *endpoint = set->eligible[index];
    const entry *known = rt_map_find(&it->map, endpoint->id);
    /* A loop that never used it takes what the others know. */
    double cost = known != NULL ? faded(it, known, now) : (double)endpoint->latency_ns;
    double share = (double)rt_share(endpoint, set->extended, pool->rank);
    if (cost == 0) return endpoint->in_flight == 0 ? 0 : penalty + endpoint->in_flight / share;
    return cost * ((double)endpoint->in_flight + 1) / share;
}

static int32_t pick(rt_server *server, const rt_set *set, uint32_t *chosen, jf_fault *why) {
    (void)why;
    const peak *it = (const peak *)server;
    rt_pool pool = {.rank = 0};
    uint64_t first, second;
    if (rt_quick_pair(server, set, (rt_field){NULL, set->count}, rt_everyone, NULL, &first, &second)) {
        uint64_t now = second != UINT64_MAX ? rt_pick_time(server, set) : 0;
        if (second != UINT64_MAX && load(it, &pool, set, second, now) < load(it, &pool, set, first, now))
            first = second;
        *chosen = (uint32_t)first;
        return JF_OK;
    }
    rt_gather(&pool, set, rt_everyone, NULL);
    uint64_t best = rt_draw(&pool, set, rt_everyone, NULL, &server->random, UINT64_MAX);
    if (pool.members > 1) {
        uint64_t now = rt_pick_time(server, set);
        uint64_t other = rt_draw(&pool, set, rt_everyone, NULL, &server->random, best);
        if (load(it, &pool, set, other, now) < load(it, &pool, set, best, now)) best = other;
    }
    *chosen = (uint32_t)best;
    return JF_OK;
}

/* Finagle's Metric.observe. */
static void observe(rt_server *server, const jf_outcome *outcome, uint64_t now) {
    peak *it = (peak *)server;
    uint64_t latency = outcome->latency_ns;
    if (outcome->status != JF_OK && latency < it->failure) latency = it->failure;
    double cost = (double)latency < MOST_COST ? (double)latency : MOST_COST;
    bool is_new = rt_map_find(&it->map, outcome->endpoint) == NULL;
    entry *known = rt_map_put(&it->map, outcome->endpoint, now);
    if (known == NULL) return;
    if (is_new || cost > known->cost) {
        known->cost = cost;
    } else {
        double age = now > known->head.stamp ? (double)(now - known->head.stamp) : 0,
               kept = exp(-age / it->decay);
        known->cost = known->cost * kept + cost * (1 - kept);
    }
    if (now > known->head.stamp) known->head.stamp = now;
}

static bool sound(rt_server *server, const void *bytes) {
    entry it;
    memcpy(&it, bytes, sizeof it);
    (void)server;
    return it.cost >= 0 && it.cost <= MOST_COST;
}

static const rt_learnt learnt = {{'J', 'F', 'P', 'E'}, 1, sizeof(entry), offsetof(peak, map), sound, NULL};

const rt_strategy rt_this = {.plugin = "routing-peak-ewma",
                             .name = "peak-ewma",
                             .record = sizeof(peak),
                             .open = open_server,
                             .pick = pick,
                             .observe = observe,
                             .learnt = &learnt};
