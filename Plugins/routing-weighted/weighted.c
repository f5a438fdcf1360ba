/* SPDX-License-Identifier: Apache-2.0
 * Plugin routing-weighted: each call goes to an endpoint drawn at random, in proportion to the weights. */
#include "options.h"
#include "weigh.h"

JF_MANIFEST("{\"id\":\"routing-weighted\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
            "\"summary\":\"Draws an endpoint at random, in proportion to the weights.\","
            "\"facets\":[\"jf.routing/1\"],\"requires\":[\"jf.config/1\",\"jf.clock/1\"],"
            "\"optional\":[\"jf.memory/1\"],\"provides\":[],\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
            "\"routing\":{\"strategy\":\"weighted\",\"honours\":[\"ready\"],\"config\":{\"type\":\"object\","
            "\"properties\":{" RT_SCHEMA_SEED "},\"additionalProperties\":false}}}");

static void open_server(rt_server *server, rt_options *options) {
    (void)server;
    rt_option_seed(options);
}

static int32_t pick(rt_server *server, const rt_set *set, uint32_t *chosen, jf_fault *why) {
    (void)why;
    rt_pool pool;
    uint64_t quick = rt_quick(server, set, (rt_field){NULL, set->count}, rt_everyone, NULL, UINT64_MAX);
    if (quick != UINT64_MAX) {
        *chosen = (uint32_t)quick;
        return JF_OK;
    }
    rt_gather(&pool, set, rt_everyone, NULL);
    *chosen = (uint32_t)rt_draw(&pool, set, rt_everyone, NULL, &server->random, UINT64_MAX);
    return JF_OK;
}

const rt_strategy rt_this = {.plugin = "routing-weighted",
                             .name = "weighted",
                             .record = sizeof(rt_server),
                             .open = open_server,
                             .pick = pick};
