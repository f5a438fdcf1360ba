/* SPDX-License-Identifier: Apache-2.0
 * Plugin routing-cost: the cheapest endpoints that keep within a bound of latency and of failures. */
#include "options.h"
#include "weigh.h"
#include <math.h>

JF_MANIFEST(
    "{\"id\":\"routing-cost\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
    "\"summary\":\"Takes the cheapest endpoints that are quick and reliable enough.\","
    "\"facets\":[\"jf.routing/1\"],\"requires\":[\"jf.config/1\",\"jf.clock/1\"],"
    "\"optional\":[\"jf.memory/1\"],\"provides\":[],\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"routing\":{\"strategy\":\"cost\",\"honours\":[\"ready\"],\"config\":{\"type\":\"object\","
    "\"properties\":{"
    "\"max_latency_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":86400000,\"default\":0,"
    "\"description\":\"An endpoint whose calls take longer on average is passed over; 0: no bound\"},"
    "\"max_failure_percent\":{\"type\":\"number\",\"minimum\":0,\"maximum\":100,\"default\":10,"
    "\"description\":\"An endpoint of whose calls more fail is passed over; 100: no bound\"},"
    "\"window_ms\":{\"type\":\"integer\",\"minimum\":100,\"maximum\":86400000,\"default\":30000,"
    "\"description\":\"Half-life of what was observed, in milliseconds\"},"
    "\"min_calls\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100000,\"default\":5,"
    "\"description\":\"With fewer observed calls an endpoint is taken to be within the bounds\"},"
    "\"slack_percent\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":10000,\"default\":0,"
    "\"description\":\"Endpoints that cost up to so much more than the cheapest count as equally cheap\"}"
    "," RT_SCHEMA_ENDPOINTS "," RT_SCHEMA_SEED "},\"additionalProperties\":false}}}");

/** What was observed of one endpoint; each count halves once per window. */
typedef struct entry {
    rt_entry head;   /**< stamp: the last observation */
    double calls;    /**< as of then */
    double failures; /**< of those */
    double latency;  /**< sum over the answered ones, nanoseconds */
    uint64_t until;  /**< out of bounds until then; later too little is known; 0: within them */
} entry;

typedef struct cost {
    rt_server server;
    rt_map map;
    double window, most_latency, most_failing, least_calls;
    uint64_t slack;
    uint64_t any_until; /**< the latest `until` of all: without bad ones nothing is looked up */
} cost;

static void open_server(rt_server *server, rt_options *options) {
    cost *it = (cost *)server;
    jf_view in = options->json;
    it->most_latency = (double)rt_option_ms(options, "/max_latency_ms", 0, 86400000, 0);
    it->most_failing = rt_option_real(options, in, "/max_failure_percent", 0, 100, 10) / 100;
    it->window = (double)rt_option_ms(options, "/window_ms", 100, 86400000, 30000);
    it->least_calls = (double)rt_option_integer(options, in, "/min_calls", 1, 100000, 5);
    it->slack = (uint64_t)rt_option_integer(options, in, "/slack_percent", 0, 10000, 0);
    rt_option_map(options, &it->map, sizeof(entry));
    rt_option_seed(options);
}

/* How far beyond its bounds: above 1 is out. */
static double excess(const cost *it, const entry *known) {
    double answered = known->calls - known->failures, worst = 0;
    double failing = known->calls > 0 ? known->failures / known->calls : 0;
    if (it->most_failing < 1 && failing > it->most_failing)
        worst = it->most_failing > 0 ? failing / it->most_failing : 1e6 * failing;
    if (it->most_latency > 0 && answered > 0.5 && known->latency / answered > it->most_latency) {
        double latency = known->latency / answered / it->most_latency;
        if (latency > worst) worst = latency;
    }
    return worst;
}

static void observe(rt_server *server, const jf_outcome *outcome, uint64_t now) {
    cost *it = (cost *)server;
    entry *known = rt_map_put(&it->map, outcome->endpoint, now);
    if (known == NULL) return;
    double age = now > known->head.stamp ? (double)(now - known->head.stamp) : 0,
           kept = exp2(-age / it->window);
    double latency = outcome->latency_ns < (uint64_t)1 << 54 ? (double)outcome->latency_ns : 0x1p54;
    known->calls = known->calls * kept + 1;
    known->failures = known->failures * kept + (outcome->status == JF_OK ? 0 : 1);
    known->latency = known->latency * kept + (outcome->status == JF_OK ? latency : 0);
    if (now > known->head.stamp) known->head.stamp = now;
    known->until = 0;
    if (known->calls < it->least_calls || excess(it, known) <= 1) return;
    /* Without further calls the counts halve per window: then it is tried again. */
    known->until = known->head.stamp + (uint64_t)(it->window * log2(known->calls / it->least_calls)) + 1;
    if (known->until > it->any_until) it->any_until = known->until;
}

/* Whether it is known to be out of its bounds: from this loop's own calls, or from what the host counted. */
RT_INLINE bool out(const cost *it, const jf_endpoint *endpoint, bool extended, bool look, uint64_t now) {
    if (RT_TOLD(extended, endpoint, recent_failures) && endpoint->recent_failures > 0 &&
        endpoint->recent_calls >= it->least_calls &&
        endpoint->recent_failures > it->most_failing * endpoint->recent_calls)
        return true;
    if (!look) return false;
    const entry *known = rt_map_find(&it->map, endpoint->id);
    return known != NULL && known->until > now;
}

RT_INLINE uint64_t price(const jf_endpoint *endpoint, bool extended) {
    return RT_TOLD(extended, endpoint, cost) ? endpoint->cost : 0;
}

/** Endpoints within the bounds that cost at most so much. */
typedef struct filter {
    const cost *it;
    uint64_t most, now;
    bool extended, look;
} filter;

RT_INLINE bool cheap(const void *context, const jf_endpoint *endpoint, uint64_t index) {
    (void)index;
    const filter *by = context;
    return price(endpoint, by->extended) <= by->most &&
           !out(by->it, endpoint, by->extended, by->look, by->now);
}

/* With nothing within the bounds: what is least beyond them, and of that the cheapest. */
static uint64_t least_bad(const cost *it, const rt_set *set) {
    uint64_t best = 0;
    double least = INFINITY;
    uint32_t least_rank = UINT32_MAX;
    for (uint64_t i = 0; i < set->count; i++) {
        const jf_endpoint *endpoint = set->eligible[i];
        const entry *known = rt_map_find(&it->map, endpoint->id);
        double beyond = known != NULL ? excess(it, known) : 0;
        if (RT_TOLD(set->extended, endpoint, recent_failures) && endpoint->recent_calls > 0) {
            double failing = (double)endpoint->recent_failures / endpoint->recent_calls;
            double seen = it->most_failing > 0 ? failing / it->most_failing : 1e6 * failing;
            if (seen > beyond) beyond = seen;
        }
        uint32_t rank = rt_rank(endpoint, set->extended);
        if (rank < least_rank ||
            (rank == least_rank &&
             (beyond < least || (beyond == least && price(endpoint, set->extended) <
                                                        price(set->eligible[best], set->extended))))) {
            best = i;
            least = beyond;
            least_rank = rank;
        }
    }
    return best;
}

static int32_t pick(rt_server *server, const rt_set *set, uint32_t *chosen, jf_fault *why) {
    (void)why;
    cost *it = (cost *)server;
    uint64_t now = it->any_until != 0 ? rt_pick_time(server, set) : 0, lowest = UINT64_MAX;
    bool look = now < it->any_until;
    if (!look) it->any_until = 0;
    uint32_t rank = UINT32_MAX;
    for (uint64_t i = 0; i < set->count; i++) {
        const jf_endpoint *endpoint = set->eligible[i];
        uint64_t asks = price(endpoint, set->extended);
        if (rank == 0 && asks >= lowest) continue;
        uint32_t own = rt_rank(endpoint, set->extended);
        if (own > rank || (own == rank && asks >= lowest)) continue;
        if (out(it, endpoint, set->extended, look, now)) continue;
        rank = own;
        lowest = asks;
    }
    if (rank == UINT32_MAX) {
        *chosen = (uint32_t)least_bad(it, set);
        return JF_OK;
    }
    unsigned __int128 most = lowest + (unsigned __int128)lowest * it->slack / 100;
    filter by = {it, most < UINT64_MAX ? (uint64_t)most : UINT64_MAX, now, set->extended, look};
    rt_pool pool;
    uint64_t quick;
    if (rank == 0 && rt_quick_two(server, set, (rt_field){NULL, set->count}, cheap, &by, &quick)) {
        *chosen = (uint32_t)quick;
        return JF_OK;
    }
    rt_gather(&pool, set, cheap, &by);
    *chosen = (uint32_t)rt_draw_two(&pool, set, cheap, &by, &server->random);
    return JF_OK;
}

static bool sound(rt_server *server, const void *bytes) {
    const uint64_t most = (uint64_t)86400000 * 1000000 * 64;
    entry known;
    (void)server;
    memcpy(&known, bytes, sizeof known);
    return known.calls >= 0 && known.calls <= 0x1p53 && known.failures >= 0 &&
           known.failures <= known.calls && known.latency >= 0 && known.latency <= 0x1p110 &&
           (known.until == 0 || (known.until > known.head.stamp && known.until - known.head.stamp <= most));
}

static void imported(rt_server *server) {
    cost *it = (cost *)server;
    it->any_until = 0;
    for (uint32_t place = 0; place <= it->map.mask; place++) {
        const entry *known = rt_map_place(&it->map, place);
        if (known->head.id != 0 && known->until > it->any_until) it->any_until = known->until;
    }
}

static const rt_learnt learnt = {{'J', 'F', 'C', 'O'}, 1,     sizeof(entry),
                                 offsetof(cost, map),  sound, imported};

const rt_strategy rt_this = {.plugin = "routing-cost",
                             .name = "cost",
                             .record = sizeof(cost),
                             .open = open_server,
                             .pick = pick,
                             .observe = observe,
                             .learnt = &learnt};
