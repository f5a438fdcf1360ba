/* SPDX-License-Identifier: Apache-2.0
 * Plugin routing-canary: divides calls among arms (versions, groups of replicas) by shares; who was assigned
 * to an arm stays there. Assignment by a hash of the unit and the experiment's salt: R. Kohavi et al.,
 * "Controlled experiments on the web: survey and practical guide", Data Mining and Knowledge Discovery 18,
 * 2009, section 4.1.2. */
#include "key.h"
#include "roster.h"
#include "selector.h"

#define MOST_ARMS 8u
#define WHOLE ((uint64_t)1 << 32)

#define KEYS RT_SCHEMA_KEYS("[\"principal\",\"session\"]", "What is assigned to an arm and stays there")

JF_MANIFEST(
    "{\"id\":\"routing-canary\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
    "\"summary\":\"Divides calls among versions by shares, and keeps each caller with its version.\","
    "\"facets\":[\"jf.routing/1\"],\"requires\":[\"jf.config/1\",\"jf.clock/1\"],"
    "\"optional\":[\"jf.memory/1\"],\"provides\":[],\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"routing\":{\"strategy\":\"canary\",\"honours\":[\"ready\"],\"config\":{\"type\":\"object\","
    "\"properties\":{"
    "\"arms\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":8,\"description\":\"The groups of endpoints; "
    "an "
    "endpoint belongs to the first that means it\",\"items\":{\"type\":\"object\",\"properties\":{"
    "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64},"
    "\"percent\":{\"type\":\"number\",\"minimum\":0,\"maximum\":100,"
    "\"description\":\"Its share; arms without one divide the rest evenly\"}," RT_SCHEMA_SELECTOR
    "},\"required\":[\"name\"],\"additionalProperties\":false}},"
    "\"by\":" KEYS ","
    "\"salt\":{\"type\":\"string\",\"default\":\"\","
    "\"maxLength\":256,"
    "\"description\":\"Names the experiment: another salt "
    "is another, independent assignment\"},"
    "\"force\":{\"type\":\"string\",\"pattern\":"
    "\"" RT_KEY_PATTERN "\","
    "\"description\":\"Where a call may name its arm, such "
    "as header:x-arm\"},"
    "\"strict\":{\"type\":\"boolean\",\"default\":false,"
    "\"description\":\"Refuse a call whose arm has no "
    "endpoint, instead of taking another arm\"}"
    "," RT_SCHEMA_ENDPOINTS "," RT_SCHEMA_SEED "},\"required\":[\"arms\"],\"additionalProperties\":"
    "false}}}");

typedef struct arm {
    jf_view name;
    uint64_t until; /**< its share ends here, of WHOLE */
    rt_selector means;
} arm;

typedef struct canary {
    rt_server server;
    rt_roster roster; /**< first: the endpoint's arm, or MOST_ARMS */
    arm arms[MOST_ARMS];
    uint32_t arm_count;
    bool forces, strict;
    rt_keys by;
    rt_source force;
    uint64_t salt;
} canary;

static void divide(canary *it, rt_options *options, const double percent[MOST_ARMS]) {
    double given = 0, at = 0;
    uint32_t open = 0;
    for (uint32_t i = 0; i < it->arm_count; i++) {
        given += percent[i] >= 0 ? percent[i] : 0;
        open += percent[i] < 0;
    }
    if (given > 100.0000001) rt_option_wrong(options, "arms: the percentages are more than 100 together");
    double rest = given < 100 && open > 0 ? (100 - given) / open : 0;
    for (uint32_t i = 0; i < it->arm_count; i++) {
        at += percent[i] >= 0 ? percent[i] : rest;
        it->arms[i].until = (uint64_t)(at / 100 * (double)WHOLE + 0.5);
    }
    it->arms[it->arm_count - 1].until = WHOLE; /* what nobody claims is the last one's */
}

static void read_arms(canary *it, rt_options *options) {
    double percent[MOST_ARMS];
    uint32_t kind;
    uint64_t cursor = 0;
    jf_view list = rt_option(options, options->json, "/arms", &kind), value;
    uint32_t count = kind == JF_JSON_ARRAY ? rt_option_count(options, list) : 0;
    if (count == 0 || count > MOST_ARMS) {
        rt_option_wrong(options, "arms must be a list of one to %u", MOST_ARMS);
        return;
    }
    while (it->arm_count < count && rt_option_next(options, list, &cursor, NULL, &value, &kind)) {
        arm *next = &it->arms[it->arm_count];
        next->name = rt_option_text(options, value, "/name");
        if (next->name.len == 0) rt_option_wrong(options, "arms: each needs a name");
        percent[it->arm_count++] = rt_option_real(options, value, "/percent", 0, 100, -1);
        rt_option_selector(options, value, &next->means);
        for (uint32_t i = 0; i + 1 < it->arm_count; i++) {
            if (rt_same(it->arms[i].name, next->name))
                rt_option_wrong(options, "arms: a name is there twice");
        }
    }
    if (options->status == JF_OK) divide(it, options, percent);
}

static void open_server(rt_server *server, rt_options *options) {
    canary *it = (canary *)server;
    read_arms(it, options);
    rt_option_keys(options, "/by", "principal session", &it->by);
    it->salt = rt_hash(rt_option_text(options, options->json, "/salt"), 0x6a666361);
    jf_view force = rt_option_text(options, options->json, "/force");
    if (force.ptr != NULL) {
        rt_option_source(options, force, &it->force);
        it->forces = true;
    }
    it->strict = rt_option_flag(options, options->json, "/strict", 0) != 0;
    rt_option_roster(options, &it->roster);
    rt_option_seed(options);
}

static void derive(const rt_server *server, const jf_endpoint *endpoint, bool extended, rt_seen *seen) {
    const canary *it = (const canary *)server;
    while (seen->first < it->arm_count && !rt_selects(&it->arms[seen->first].means, endpoint, extended))
        seen->first++;
}

static uint32_t arm_of(canary *it, const rt_set *set) {
    uint64_t hash;
    if (it->forces) {
        jf_view name = rt_source_text(&it->force, set);
        if (name.len >= 2 && name.ptr[0] == '"') name = (jf_view){name.ptr + 1, name.len - 2};
        for (uint32_t i = 0; i < it->arm_count && name.len > 0; i++) {
            if (rt_same(it->arms[i].name, name)) return i;
        }
    }
    if (!rt_key(&it->by, set, it->salt, &hash)) hash = rt_random(&it->server.random);
    uint32_t arm = 0;
    while (arm + 1 < it->arm_count && hash >> 32 >= it->arms[arm].until)
        arm++;
    return arm;
}

/** Those of an arm. */
typedef struct sieve {
    const canary *it;
    const rt_seen *seen; /**< NULL: too many endpoints to keep */
    uint32_t arm;
    bool extended;
} sieve;

RT_INLINE bool in_arm(const void *context, const jf_endpoint *endpoint, uint64_t index) {
    const sieve *by = context;
    if (by->seen != NULL) return by->seen[index].first == by->arm;
    rt_seen now = {0};
    derive(&by->it->server, endpoint, by->extended, &now);
    return now.first == by->arm;
}

static bool is_arm(const rt_seen *seen, uint64_t arm) {
    return seen->first == arm;
}

/* Everybody is looked at: most are of other arms, were tried or have no weight. False: none may take the
 * call.
 */
__attribute__((noinline)) static bool search(canary *it, const rt_set *set, const sieve *by,
                                             uint32_t *chosen) {
    rt_pool pool;
    rt_gather(&pool, set, in_arm, by);
    /* all of the arm were tried: another one may take a retry, where that is allowed */
    if (pool.total == 0 || (pool.rank >= 2 && !it->strict)) return false;
    *chosen = (uint32_t)rt_draw_two(&pool, set, in_arm, by, &it->server.random);
    return true;
}

static int32_t pick(rt_server *server, const rt_set *set, uint32_t *chosen, jf_fault *why) {
    canary *it = (canary *)server;
    uint32_t arm = arm_of(it, set);
    uint64_t quick;
    bool kept = rt_roster_refresh(&it->roster, server, set, true, NULL, derive);
    sieve by = {it, kept ? it->roster.seen : NULL, arm, set->extended};
    const rt_list *list = kept ? rt_roster_list(&it->roster, arm, is_arm) : NULL;
    if (list != NULL &&
        rt_quick_two(server, set, (rt_field){list->places, list->count}, in_arm, &by, &quick)) {
        *chosen = (uint32_t)quick;
        return JF_OK;
    }
    if ((list == NULL || list->count > 0) && search(it, set, &by, chosen)) return JF_OK;
    if (it->strict)
        return rt_refuse(server->host, why, JF_ABSENT, "the arm %.*s of this call has no endpoint",
                         (int)it->arms[arm].name.len, (const char *)it->arms[arm].name.ptr);
    *chosen = (uint32_t)rt_two_of_all(server, set);
    return JF_OK;
}

const rt_strategy rt_this = {.plugin = "routing-canary",
                             .name = "canary",
                             .record = sizeof(canary),
                             .open = open_server,
                             .pick = pick};
