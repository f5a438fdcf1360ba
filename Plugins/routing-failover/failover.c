/* SPDX-License-Identifier: Apache-2.0
 * Plugin routing-failover: all calls go to the first link of a chain; when it fails they go to the next, and
 * come back only when the better one has been well for a while. The hold time is the preemption delay of
 * redundancy protocols (VRRP: RFC 5798 section 6.1, Preempt_Mode, with the delay that its implementations
 * add); that it doubles for a link that fails again and again is flap damping after RFC 2439. */
#include "options.h"
#include "weigh.h"

JF_MANIFEST(
    "{\"id\":\"routing-failover\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
    "\"summary\":\"Uses the first endpoint of a chain that works, and goes back with a delay.\","
    "\"facets\":[\"jf.routing/1\"],\"requires\":[\"jf.config/1\",\"jf.clock/1\"],"
    "\"optional\":[\"jf.memory/1\"],\"provides\":[],\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"routing\":{\"strategy\":\"failover\",\"honours\":[\"ready\"],\"config\":{\"type\":\"object\","
    "\"properties\":{"
    "\"order\":{\"type\":\"string\",\"enum\":[\"configured\",\"priority\"],\"default\":\"configured\","
    "\"description\":\"The links of the chain: each replica as they are listed, or all of a priority "
    "together\"},"
    "\"failures\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,\"default\":3,"
    "\"description\":\"So many failed calls in a row, and an endpoint is left\"},"
    "\"hold_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":86400000,\"default\":30000,"
    "\"description\":\"How long a better endpoint that failed or was away is not gone back to, in "
    "milliseconds\"},"
    "\"hold_most_ms\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":86400000,\"default\":600000,"
    "\"description\":\"The hold time doubles up to this while an endpoint fails again soon after\"}"
    "," RT_SCHEMA_ENDPOINTS "," RT_SCHEMA_SEED "},\"additionalProperties\":false}}}");

/** What is known of a link's endpoint. */
typedef struct entry {
    rt_entry head;     /**< stamp: when it was last looked at */
    uint64_t failures; /**< in a row */
    uint64_t until;    /**< held until then */
    uint64_t hold;     /**< the hold time that it got last */
} entry;

typedef struct failover {
    rt_server server;
    rt_map map;
    uint64_t failures, hold, most;
    uint64_t last;        /**< time of the last pick, 0: none yet */
    jf_ref active;        /**< whom it chose */
    uint32_t active_link; /**< and of which link that is */
    uint64_t held_until;  /**< the latest `until` of all: later nothing is held */
    bool by_priority;
} failover;

static void open_server(rt_server *server, rt_options *options) {
    static const char *const orders[] = {"configured", "priority", NULL};
    failover *it = (failover *)server;
    it->by_priority = rt_option_word(options, options->json, "/order", orders, 0) == 1;
    it->failures = (uint64_t)rt_option_integer(options, options->json, "/failures", 1, 1000, 3);
    it->hold = rt_option_ms(options, "/hold_ms", 0, 86400000, 30000);
    it->most = rt_option_ms(options, "/hold_most_ms", 0, 86400000, 600000);
    if (it->most < it->hold) it->most = it->hold;
    rt_option_map(options, &it->map, sizeof(entry));
    rt_option_seed(options);
}

/* It failed or was away: not before the hold time is over, twice as long if the last one ended only lately.
 */
static void hold(failover *it, entry *known, uint64_t now) {
    bool again = known->hold != 0 && now < known->until + known->hold;
    uint64_t next = again ? known->hold * 2 : it->hold;
    known->hold = next < it->most ? next : it->most;
    known->until = now + known->hold;
    if (known->until > it->held_until) it->held_until = known->until;
    known->failures = 0;
}

/* Whether the endpoint may be used now; notes that it was seen. One that is better than the active one and
 * was not there at the pick before has just come: it is held. */
static bool well(failover *it, const jf_endpoint *endpoint, bool better, uint64_t now) {
    entry *known = rt_map_find(&it->map, endpoint->id);
    bool came = better && (known == NULL || known->head.stamp < it->last);
    if (known == NULL) known = rt_map_put(&it->map, endpoint->id, now);
    if (known == NULL) return true;
    if (came && known->until <= now) hold(it, known, now);
    known->head.stamp = now;
    return known->until <= now;
}

static uint32_t link_of(const failover *it, const rt_set *set, uint64_t index) {
    if (!it->by_priority) return (uint32_t)index;
    const jf_endpoint *endpoint = set->eligible[index];
    return RT_TOLD(set->extended, endpoint, priority) ? endpoint->priority : 0;
}

/* Where the links begin that are not better than the active one. */
static uint32_t active_link(const failover *it, const rt_set *set) {
    if (it->active == 0) return 0;
    if (it->by_priority) return it->active_link;
    for (uint64_t i = 0; i < set->count; i++) {
        if (set->eligible[i]->id == it->active) return (uint32_t)i;
    }
    return 0; /* it is gone: nobody is better, the next one takes over at once */
}

typedef struct link_filter {
    const failover *it;
    const rt_set *set;
    uint64_t now;
    uint32_t link;
} link_filter;

/* Of the link, and not held. */
RT_INLINE bool on_link(const void *context, const jf_endpoint *endpoint, uint64_t index) {
    const link_filter *filter = context;
    if (link_of(filter->it, filter->set, index) != filter->link) return false;
    if (filter->now >= filter->it->held_until) return true;
    const entry *known = rt_map_find(&filter->it->map, endpoint->id);
    return known == NULL || known->until <= filter->now;
}

/** The best so far: of the links that are well, and of the endpoints that are not. */
typedef struct found {
    uint64_t index, fallback; /**< UINT64_MAX: none */
    uint32_t link;
    bool tried, fallback_tried;
    uint64_t soonest;
} found;

/* The first link that is well; with everything held, what is held shortest. Nothing twice for one call, if
 * possible. */
static found search(failover *it, const rt_set *set, uint64_t now) {
    found best = {UINT64_MAX, UINT64_MAX, UINT32_MAX, true, true, UINT64_MAX};
    uint32_t active = active_link(it, set);
    for (uint64_t i = 0; i < set->count; i++) {
        const jf_endpoint *endpoint = set->eligible[i];
        uint32_t link = link_of(it, set, i);
        if (best.index != UINT64_MAX && !best.tried && link >= best.link) {
            if (!it->by_priority) break; /* worse links do not matter as long as a better one is in use */
            continue;
        }
        bool tried = rt_tried(endpoint, set->extended);
        if (well(it, endpoint, link < active, now)) {
            if (best.index == UINT64_MAX || (best.tried && !tried) ||
                (best.tried == tried && link < best.link)) {
                best.index = i;
                best.link = link;
                best.tried = tried;
            }
            continue;
        }
        const entry *known = rt_map_find(&it->map, endpoint->id);
        uint64_t until = known != NULL ? known->until : 0;
        if (best.fallback == UINT64_MAX || (best.fallback_tried && !tried) ||
            (best.fallback_tried == tried && until < best.soonest)) {
            best.fallback = i;
            best.fallback_tried = tried;
            best.soonest = until;
        }
    }
    return best;
}

static int32_t pick(rt_server *server, const rt_set *set, uint32_t *chosen, jf_fault *why) {
    (void)why;
    failover *it = (failover *)server;
    uint64_t now = rt_pick_time(server, set);
    if (now <= it->last) now = it->last + 1; /* each pick has a time of its own */
    found best = search(it, set, now);
    it->last = now;
    uint64_t index = best.index;
    if (index == UINT64_MAX || (best.tried && !best.fallback_tried)) {
        index = best.fallback;
    } else if (it->by_priority) {
        link_filter filter = {it, set, now, best.link};
        rt_pool pool;
        if (!rt_quick_two(server, set, (rt_field){NULL, set->count}, on_link, &filter, &index)) {
            rt_gather(&pool, set, on_link, &filter);
            index = rt_draw_two(&pool, set, on_link, &filter, &server->random);
        }
    }
    /* Of those that were picked outcomes are remembered. */
    entry *taken = rt_map_put(&it->map, set->eligible[index]->id, now);
    if (taken != NULL) taken->head.stamp = now;
    /* A retry elsewhere is no change of the chain. */
    bool retry = set->call->attempt > 0;
    if (!retry || it->active == 0) {
        it->active = set->eligible[index]->id;
        it->active_link = link_of(it, set, index);
    }
    *chosen = (uint32_t)index;
    return JF_OK;
}

static void observe(rt_server *server, const jf_outcome *outcome, uint64_t now) {
    failover *it = (failover *)server;
    entry *known = rt_map_find(&it->map, outcome->endpoint);
    if (known == NULL) return;
    if (outcome->status == JF_OK) {
        known->failures = 0;
        return;
    }
    /* Calls that were open when it was left do not lengthen the hold. */
    if (known->until > now) return;
    if (++known->failures >= it->failures) hold(it, known, now);
}

static bool sound(rt_server *server, const void *bytes) {
    const uint64_t most = (uint64_t)86400000 * 1000000;
    entry known;
    memcpy(&known, bytes, sizeof known);
    uint64_t now = rt_now(server);
    return known.failures < 1000 && known.hold <= most && known.until <= now + most &&
           known.head.stamp <= now + most;
}

static void imported(rt_server *server) {
    failover *it = (failover *)server;
    it->held_until = 0;
    for (uint32_t place = 0; place <= it->map.mask; place++) {
        const entry *known = rt_map_place(&it->map, place);
        if (known->head.id != 0 && known->until > it->held_until) it->held_until = known->until;
    }
}

static const rt_learnt learnt = {{'J', 'F', 'F', 'O'},    1,     sizeof(entry),
                                 offsetof(failover, map), sound, imported};

const rt_strategy rt_this = {.plugin = "routing-failover",
                             .name = "failover",
                             .record = sizeof(failover),
                             .open = open_server,
                             .pick = pick,
                             .observe = observe,
                             .learnt = &learnt};
