/* SPDX-License-Identifier: Apache-2.0
 * Plugin routing-least-request: draws a few endpoints and takes the one with the fewest open calls for its
 * weight (M. Mitzenmacher, "The power of two choices in randomized load balancing", IEEE TPDS 12(10), 2001).
 */
#include "options.h"
#include "weigh.h"

#define MOST_CHOICES 16

JF_MANIFEST(
    "{\"id\":\"routing-least-request\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
    "\"summary\":\"Draws two endpoints at random and takes the one with fewer open calls for its weight.\","
    "\"facets\":[\"jf.routing/1\"],\"requires\":[\"jf.config/1\",\"jf.clock/1\"],"
    "\"optional\":[\"jf.memory/1\"],\"provides\":[],\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"routing\":{\"strategy\":\"least-request\",\"honours\":[\"ready\"],\"config\":{\"type\":\"object\","
    "\"properties\":{"
    "\"choices\":{\"type\":\"integer\",\"minimum\":2,\"maximum\":16,\"default\":2,"
    "\"description\":\"How many endpoints are drawn for each call\"}," RT_SCHEMA_SEED
    "},\"additionalProperties\":false}}}");

typedef struct least {
    rt_server server;
    uint32_t choices;
} least;

static void open_server(rt_server *server, rt_options *options) {
    least *it = (least *)server;
    it->choices = (uint32_t)rt_option_integer(options, options->json, "/choices", 2, MOST_CHOICES, 2);
    rt_option_seed(options);
}

/* The one with the least load, where everybody is compared; the drawn `best` where it is equal. */
static uint64_t least_of_all(const rt_pool *pool, const rt_set *set, uint64_t best) {
    for (uint64_t i = 0; i < set->count; i++) {
        if (rt_share(set->eligible[i], set->extended, pool->rank) != 0 && rt_less_loaded(pool, set, i, best))
            best = i;
    }
    return best;
}

static int32_t pick(rt_server *server, const rt_set *set, uint32_t *chosen, jf_fault *why) {
    (void)why;
    const least *it = (const least *)server;
    uint64_t quick;
    rt_pool pool;
    if (it->choices == 2 &&
        rt_quick_two(server, set, (rt_field){NULL, set->count}, rt_everyone, NULL, &quick)) {
        *chosen = (uint32_t)quick;
        return JF_OK;
    }
    rt_gather(&pool, set, rt_everyone, NULL);
    uint64_t best = rt_draw_two(&pool, set, rt_everyone, NULL, &server->random);
    if (it->choices > 2 && it->choices >= pool.members) {
        best = least_of_all(&pool, set, best);
    } else {
        for (uint32_t n = 2; n < it->choices; n++) {
            /* one that stands against the best so far; that it may have lost before does no harm */
            uint64_t other = rt_draw(&pool, set, rt_everyone, NULL, &server->random, best);
            if (rt_less_loaded(&pool, set, other, best)) best = other;
        }
    }
    *chosen = (uint32_t)best;
    return JF_OK;
}

const rt_strategy rt_this = {.plugin = "routing-least-request",
                             .name = "least-request",
                             .record = sizeof(least),
                             .open = open_server,
                             .pick = pick};
