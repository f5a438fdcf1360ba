/* SPDX-License-Identifier: Apache-2.0
 * Plugin routing-capability: rules say what an endpoint needs for which calls; among those that have it, the
 * one of two with fewer open calls. */
#include "key.h"
#include "roster.h"
#include "selector.h"

#define MOST_RULES 32
#define MOST_TOOLS 64

#define FLAG(NAME, HINT)                                                                                     \
    "\"" NAME "\":{\"type\":\"boolean\",\"description\":\"Only for tools of which " HINT " says so\"},"
#define READ_ONLY FLAG("read_only", "readOnlyHint")
#define IDEMPOTENT FLAG("idempotent", "idempotentHint or readOnlyHint")
#define DESTRUCTIVE FLAG("destructive", "destructiveHint")
#define OPEN_WORLD FLAG("open_world", "openWorldHint")
#define TOOLS                                                                                                \
    "\"tools\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"maxItems\":64,"                         \
    "\"description\":\"Only for tools with such names, * stands for any text\"},"

JF_MANIFEST(
    "{\"id\":\"routing-capability\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
    "\"summary\":\"Sends calls to endpoints that can do them: by version, labels, tags and annotations.\","
    "\"facets\":[\"jf.routing/1\"],\"requires\":[\"jf.config/1\",\"jf.clock/1\"],"
    "\"optional\":[\"jf.memory/1\"],\"provides\":[],\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"routing\":{\"strategy\":\"capability\",\"honours\":[\"ready\"],\"config\":{\"type\":\"object\","
    "\"properties\":{"
    "\"rules\":{\"type\":\"array\",\"maxItems\":32,\"description\":\"What calls need; all that apply must "
    "hold\",\"items\":{\"type\":\"object\",\"properties\":{" TOOLS READ_ONLY IDEMPOTENT DESTRUCTIVE OPEN_WORLD
        RT_SCHEMA_SELECTOR "},\"additionalProperties\":false}},"
    "\"version_from\":{\"type\":\"string\",\"pattern\":\"" RT_KEY_PATTERN "\","
    "\"description\":\"Where a call may name the range of versions that it needs, such as "
    "header:x-tool-version or argument:/version\"},"
    "\"otherwise\":{\"type\":\"string\",\"enum\":[\"refuse\",\"any\"],\"default\":\"refuse\","
    "\"description\":\"What becomes of a call for which no endpoint has what it needs\"}"
    "," RT_SCHEMA_ENDPOINTS "," RT_SCHEMA_SEED "},\"additionalProperties\":false}}}");

/** What some calls need. */
typedef struct rule {
    jf_view *tools; /**< patterns; none: all calls */
    uint32_t tool_count;
    uint32_t cares, wanted; /**< JF_PICK_* bits that the tool's annotations are asked for, and their values */
    rt_selector needs;
} rule;

typedef struct capability {
    rt_server server;
    rt_roster roster; /**< first: the rules that the endpoint fits, one bit each; second: its version */
    rule *rules;
    uint32_t rule_count;
    bool asks, refuses;
    rt_source version_from;
} capability;

static void read_flag(rt_options *options, jf_view in, const char *pointer, uint32_t bit, rule *out) {
    int flag = rt_option_flag(options, in, pointer, -1);
    if (flag < 0) return;
    out->cares |= bit;
    if (flag > 0) out->wanted |= bit;
}

static void read_rules(capability *it, rt_options *options) {
    uint32_t kind;
    uint64_t cursor = 0;
    jf_view list = rt_option(options, options->json, "/rules", &kind), value;
    if (kind == 0) return;
    uint32_t count = kind == JF_JSON_ARRAY ? rt_option_count(options, list) : UINT32_MAX;
    if (count > MOST_RULES) {
        rt_option_wrong(options, "rules must be a list of at most %d", MOST_RULES);
        return;
    }
    it->rules = rt_keep(options->server, MOST_RULES * sizeof *it->rules);
    if (it->rules == NULL) {
        options->status = rt_refuse(options->server->host, options->why, JF_E_BUSY, "out of memory");
        return;
    }
    while (it->rule_count < count && rt_option_next(options, list, &cursor, NULL, &value, &kind)) {
        rule *next = &it->rules[it->rule_count++];
        if (kind != JF_JSON_OBJECT) {
            rt_option_wrong(options, "rules: each must be a mapping");
            return;
        }
        next->tools = rt_option_texts(options, value, "/tools", MOST_TOOLS, &next->tool_count);
        read_flag(options, value, "/read_only", JF_PICK_READ_ONLY, next);
        read_flag(options, value, "/idempotent", JF_PICK_IDEMPOTENT, next);
        read_flag(options, value, "/destructive", JF_PICK_DESTRUCTIVE, next);
        read_flag(options, value, "/open_world", JF_PICK_OPEN_WORLD, next);
        rt_option_selector(options, value, &next->needs);
    }
}

static void open_server(rt_server *server, rt_options *options) {
    static const char *const otherwise[] = {"refuse", "any", NULL};
    capability *it = (capability *)server;
    read_rules(it, options);
    jf_view from = rt_option_text(options, options->json, "/version_from");
    if (from.ptr != NULL) {
        rt_option_source(options, from, &it->version_from);
        it->asks = true;
    }
    it->refuses = rt_option_word(options, options->json, "/otherwise", otherwise, 0) == 0;
    rt_option_roster(options, &it->roster);
    rt_option_seed(options);
}

static void derive(const rt_server *server, const jf_endpoint *endpoint, bool extended, rt_seen *seen) {
    const capability *it = (const capability *)server;
    for (uint32_t i = 0; i < it->rule_count; i++)
        seen->first |= (uint64_t)rt_selects(&it->rules[i].needs, endpoint, extended) << i;
    if (RT_TOLD(extended, endpoint, version)) seen->second = rt_version_read(endpoint->version);
}

static bool applies(const rule *it, const rt_set *set) {
    uint32_t traits = RT_TOLD(set->extended, set->call, traits) ? set->call->traits : 0;
    if ((traits & it->cares) != it->wanted) return false;
    bool named = it->tool_count == 0;
    for (uint32_t i = 0; i < it->tool_count && !named; i++)
        named = rt_glob(it->tools[i], set->call->name);
    return named;
}

/* The range that the call itself names. False: it names none. */
static bool asked(const capability *it, const rt_set *set, rt_range *range) {
    if (!it->asks) return false;
    jf_view text = rt_source_text(&it->version_from, set);
    if (text.len >= 2 && text.ptr[0] == '"') text = (jf_view){text.ptr + 1, text.len - 2};
    if (text.len == 0) return false;
    /* what is no range fits nothing, rather than everything */
    if (text.len > 200 || !rt_range_read(text, range)) *range = (rt_range){0};
    return true;
}

/** What a call needs. */
typedef struct sieve {
    const capability *it;
    const rt_seen *seen; /**< NULL: too many endpoints to keep */
    uint64_t needed;
    const rt_range *range; /**< NULL: the call names none */
    bool extended;
} sieve;

RT_INLINE bool can(const void *context, const jf_endpoint *endpoint, uint64_t index) {
    const sieve *by = context;
    rt_seen now = {0};
    const rt_seen *seen = by->seen != NULL ? &by->seen[index] : &now;
    if (by->seen == NULL) derive(&by->it->server, endpoint, by->extended, &now);
    return (by->needed & ~seen->first) == 0 && (by->range == NULL || rt_range_has(by->range, seen->second));
}

static bool fits_all(const rt_seen *seen, uint64_t needed) {
    return (needed & ~seen->first) == 0;
}

/* Everybody is looked at: most have not what is needed, were tried or have no weight. False: nobody has it.
 */
__attribute__((noinline)) static bool search(rt_server *server, const rt_set *set, const sieve *by,
                                             uint32_t *chosen) {
    rt_pool pool;
    rt_gather(&pool, set, can, by);
    if (pool.total == 0) return false;
    *chosen = (uint32_t)rt_draw_two(&pool, set, can, by, &server->random);
    return true;
}

static int32_t pick(rt_server *server, const rt_set *set, uint32_t *chosen, jf_fault *why) {
    capability *it = (capability *)server;
    uint64_t needed = 0, quick;
    for (uint32_t i = 0; i < it->rule_count; i++)
        needed |= (uint64_t)applies(&it->rules[i], set) << i;
    rt_range range;
    bool asks = asked(it, set, &range);
    if (needed != 0 || asks) {
        bool kept = rt_roster_refresh(&it->roster, server, set, true, NULL, derive);
        sieve by = {it, kept ? it->roster.seen : NULL, needed, asks ? &range : NULL, set->extended};
        const rt_list *list = kept ? rt_roster_list(&it->roster, needed, fits_all) : NULL;
        if (list != NULL &&
            rt_quick_two(server, set, (rt_field){list->places, list->count}, can, &by, &quick)) {
            *chosen = (uint32_t)quick;
            return JF_OK;
        }
        if ((list == NULL || list->count > 0) && search(server, set, &by, chosen)) return JF_OK;
        if (it->refuses)
            return rt_refuse(server->host, why, JF_ABSENT, "none of %llu endpoints has what this call needs",
                             (unsigned long long)set->count);
    }
    *chosen = (uint32_t)rt_two_of_all(server, set);
    return JF_OK;
}

const rt_strategy rt_this = {.plugin = "routing-capability",
                             .name = "capability",
                             .record = sizeof(capability),
                             .open = open_server,
                             .pick = pick};
