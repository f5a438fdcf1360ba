/* SPDX-License-Identifier: Apache-2.0
 * Plugin routing-locality: near endpoints of the first tier take the calls as long as enough of them are
 * healthy; what they cannot bear spills over to the next level. Definition: Envoy's priority levels with
 * their overprovisioning factor ("Priority levels" and "Overprovisioning factor" of its documentation,
 * PriorityLoad of load_balancer_impl.cc): the health of a level is the percentage of its hosts that are
 * healthy times the factor, at most 100; levels take the calls in order, each as many percent as its health,
 * scaled up where all together have less than 100. */
#include "roster.h"

#define MOST_TIERS 16u
#define LEVELS (MOST_TIERS * 3u)

JF_MANIFEST(
    "{\"id\":\"routing-locality\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
    "\"summary\":\"Keeps calls in the first tier and near, and lets them spill over as endpoints fail.\","
    "\"facets\":[\"jf.routing/1\"],\"requires\":[\"jf.config/1\",\"jf.clock/1\"],"
    "\"optional\":[\"jf.memory/1\"],\"provides\":[],\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"routing\":{\"strategy\":\"locality\",\"honours\":[\"ready\"],\"config\":{\"type\":\"object\","
    "\"properties\":{"
    "\"overprovisioning_percent\":{\"type\":\"integer\",\"minimum\":100,\"maximum\":10000,\"default\":140,"
    "\"description\":\"What the healthy endpoints of a level can bear, in percent of their normal part\"},"
    "\"near\":{\"type\":\"string\",\"enum\":[\"zone\",\"region\",\"anywhere\"],\"default\":\"zone\","
    "\"description\":\"zone: own zone, then own region, then elsewhere; region: own region, then elsewhere; "
    "anywhere: only tiers count\"}," RT_SCHEMA_SEED "},\"additionalProperties\":false}}}");

/** So many endpoints each loop keeps in mind. */
#define MOST_KEPT 1024u
/** After so many picks the endpoints that are not eligible are counted again. */
#define COUNTS_AGE 64u

typedef struct locality {
    rt_server server;
    rt_roster roster; /**< first: the level */
    uint32_t factor;  /**< percent */
    uint32_t near;
    /* What follows from the roster and from how many there are. */
    uint32_t generation, age, total;
    uint32_t first, last; /**< the levels of eligible endpoints */
    bool divided;         /**< calls are divided by `load`; else all go to the first level */
    uint32_t load[LEVELS];
} locality;

enum { ZONE, REGION, ANYWHERE };

static void open_server(rt_server *server, rt_options *options) {
    static const char *const near[] = {"zone", "region", "anywhere", NULL};
    locality *it = (locality *)server;
    it->factor =
        (uint32_t)rt_option_integer(options, options->json, "/overprovisioning_percent", 100, 10000, 140);
    it->near = rt_option_word(options, options->json, "/near", near, ZONE);
    rt_roster_init(options, &it->roster, MOST_KEPT);
    rt_option_seed(options);
}

/* Tier first, then distance: 0 the own zone, 1 the own region, 2 elsewhere. */
RT_INLINE uint32_t level_of(const locality *it, const jf_endpoint *endpoint, bool extended) {
    if (!RT_TOLD(extended, endpoint, priority)) return 0;
    uint32_t tier = endpoint->priority < MOST_TIERS ? endpoint->priority : MOST_TIERS - 1;
    bool zone = (endpoint->flags & JF_ENDPOINT_SAME_ZONE) != 0;
    bool region = zone || (endpoint->flags & JF_ENDPOINT_SAME_REGION) != 0;
    uint32_t distance = zone && it->near == ZONE ? 0 : region && it->near != ANYWHERE ? 1 : 2;
    return tier * 3 + (it->near == ANYWHERE ? 0 : distance);
}

/** Hosts per level, those of weight 0 not counted: all in the upper half, the healthy ones in tenths in the
 * lower. */
typedef struct counts {
    uint64_t hosts[LEVELS];
    uint32_t first, last; /**< the levels of eligible endpoints */
} counts;

#define ONE_HOST ((uint64_t)1 << 32)

static void count_eligible(const locality *it, const rt_set *set, counts *out) {
    *out = (counts){.first = LEVELS};
    for (uint64_t i = 0; i < set->count; i++) {
        const jf_endpoint *endpoint = set->eligible[i];
        uint32_t level = level_of(it, endpoint, set->extended);
        if (level < out->first) out->first = level;
        if (level > out->last) out->last = level;
        uint64_t host = ONE_HOST + 10;
        if (set->extended && (endpoint->flags & (JF_ENDPOINT_TRIED | JF_ENDPOINT_DEGRADED)) != 0)
            host = ONE_HOST + ((endpoint->flags & JF_ENDPOINT_TRIED) != 0 ? 0 : 1);
        out->hosts[level] += endpoint->weight > 0 ? host : 0;
    }
}

/* Some are not eligible: counts all there are. */
static void count_all(const locality *it, const jf_pick *call, bool extended, counts *out) {
    for (uint32_t level = 0; level < LEVELS; level++)
        out->hosts[level] &= ONE_HOST - 1;
    for (uint64_t i = 0; i < call->total; i++) {
        const jf_endpoint *endpoint = call->all[i];
        if (endpoint != NULL && endpoint->weight > 0)
            out->hosts[level_of(it, endpoint, extended)] += ONE_HOST;
    }
}

/* Envoy's priority load: percent of the calls for each level. False: nothing is healthy. */
static bool loads(const locality *it, const counts *hosts, uint32_t load[LEVELS]) {
    uint32_t total = 0, left = 100, first = LEVELS;
    for (uint32_t level = hosts->first; level <= hosts->last; level++) {
        uint64_t all = hosts->hosts[level] >> 32, healthy = hosts->hosts[level] & (ONE_HOST - 1), health = 0;
        if (all > 0) health = it->factor * healthy / (10 * all);
        load[level] = health < 100 ? (uint32_t)health : 100;
        total += load[level];
        if (load[level] > 0 && first == LEVELS) first = level;
    }
    if (total == 0) return false;
    for (uint32_t level = hosts->first; level <= hosts->last; level++) {
        uint32_t part = total < 100 ? load[level] * 100 / total : load[level];
        load[level] = part < left ? part : left;
        left -= load[level];
    }
    load[first] += left; /* what rounding left over */
    return true;
}

/** What decides over levels and loads. */
RT_INLINE uint64_t bearing(const jf_endpoint *endpoint, bool extended) {
    const uint32_t flags =
        JF_ENDPOINT_SAME_ZONE | JF_ENDPOINT_SAME_REGION | JF_ENDPOINT_TRIED | JF_ENDPOINT_DEGRADED;
    uint64_t it = (uint64_t)(endpoint->weight > 0) << 8;
    if (extended) it |= endpoint->flags & flags;
    return RT_TOLD(extended, endpoint, priority) ? it | (uint64_t)endpoint->priority << 32 : it;
}

static void derive(const rt_server *server, const jf_endpoint *endpoint, bool extended, rt_seen *seen) {
    seen->first = level_of((const locality *)server, endpoint, extended);
}

__attribute__((noinline)) static void divide(locality *it, const rt_set *set) {
    counts hosts;
    const jf_pick *call = set->call;
    count_eligible(it, set, &hosts);
    it->first = hosts.first;
    it->last = hosts.last;
    it->divided = false;
    if (hosts.first == hosts.last) return;
    if (RT_TOLD(set->extended, call, all) && call->all != NULL && call->total > set->count)
        count_all(it, call, set->extended, &hosts);
    it->divided = loads(it, &hosts, it->load);
}

/* The level for a call. `kept`: the roster is up to date. */
RT_INLINE uint32_t level_for(locality *it, const rt_set *set, bool kept) {
    uint32_t total = RT_TOLD(set->extended, set->call, all) && set->call->all != NULL ? set->call->total : 0;
    if (!kept || it->generation != it->roster.generation || it->total != total ||
        (total > set->count && ++it->age >= COUNTS_AGE)) {
        divide(it, set);
        it->generation = kept ? it->roster.generation : 0;
        it->total = total;
        it->age = 0;
    }
    if (!it->divided) return it->first;
    uint32_t place = (uint32_t)rt_below(&it->server.random, 100), level = it->first;
    while (level < it->last && place >= it->load[level])
        place -= it->load[level++];
    return level;
}

typedef struct level_filter {
    const locality *it;
    uint32_t level;
    bool extended;
} level_filter;

RT_INLINE bool on_level(const void *context, const jf_endpoint *endpoint, uint64_t index) {
    (void)index;
    const level_filter *filter = context;
    return level_of(filter->it, endpoint, filter->extended) == filter->level;
}

static bool is_level(const rt_seen *seen, uint64_t level) {
    return seen->first == level;
}

static int32_t pick(rt_server *server, const rt_set *set, uint32_t *chosen, jf_fault *why) {
    (void)why;
    locality *it = (locality *)server;
    /* A retry sees other flags than everybody else: the roster is kept for them. */
    bool kept =
        set->call->attempt == 0 && rt_roster_refresh(&it->roster, server, set, false, bearing, derive);
    level_filter filter = {it, level_for(it, set, kept), set->extended};
    uint64_t quick;
    if (kept) {
        const rt_list *list = rt_roster_list(&it->roster, filter.level, is_level);
        if (rt_quick_two(server, set, (rt_field){list->places, list->count}, on_level, &filter, &quick)) {
            *chosen = (uint32_t)quick;
            return JF_OK;
        }
    }
    rt_pool pool;
    rt_gather(&pool, set, on_level, &filter);
    /* Everything of the level was tried before: rather one of another level. */
    if (pool.total == 0 || pool.rank >= 2) {
        *chosen = (uint32_t)rt_two_of_all(server, set);
        return JF_OK;
    }
    *chosen = (uint32_t)rt_draw_two(&pool, set, on_level, &filter, &server->random);
    return JF_OK;
}

const rt_strategy rt_this = {.plugin = "routing-locality",
                             .name = "locality",
                             .record = sizeof(locality),
                             .open = open_server,
                             .pick = pick};
