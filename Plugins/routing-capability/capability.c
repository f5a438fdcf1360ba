/* SPDX-License-Identifier: Apache-2.0
 * Plugin routing-capability: rules say what an endpoint needs for which calls; among those that have it, the
 * one of two with fewer open calls. */
#include "key.h"
#include "marks.h"
#include "memo.h"
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
    "\"routing\":{\"strategy\":\"capability\",\"config\":{\"type\":\"object\",\"properties\":{"
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
    rt_memo memo; /**< first: the rules that the endpoint fits, one bit each; second: its version */
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
    rt_option_memo(options, &it->memo);
    rt_option_seed(options);
}

static void derive(const rt_server *server, const jf_endpoint *endpoint, bool extended, rt_note *note) {
    const capability *it = (const capability *)server;
    for (uint32_t i = 0; i < it->rule_count; i++)
        note->first |= (uint64_t)rt_selects(&it->rules[i].needs, endpoint, extended) << i;
    if (RT_TOLD(extended, endpoint, version)) note->second = rt_version_read(endpoint->version);
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

/** What a call needs, while the pool is gathered. */
typedef struct sieve {
    capability *it;
    uint64_t needed;
    const rt_range *range; /**< NULL: the call names none */
    uint32_t *next;        /**< goes along through the memo */
    bool extended;
} sieve;

RT_INLINE bool can(const void *context, const jf_endpoint *endpoint, uint64_t index) {
    const sieve *by = context;
    if (index == 0) *by->next = 0;
    const rt_note *note =
        rt_memo_of(&by->it->memo, &by->it->server, endpoint, by->extended, by->next, derive);
    return (by->needed & ~note->first) == 0 && (by->range == NULL || rt_range_has(by->range, note->second));
}

static int32_t pick(rt_server *server, const rt_set *whole, uint32_t *chosen, jf_fault *why) {
    const rt_set cut = rt_markable(whole), *set = &cut;
    capability *it = (capability *)server;
    uint64_t needed = 0;
    for (uint32_t i = 0; i < it->rule_count; i++)
        needed |= (uint64_t)applies(&it->rules[i], set) << i;
    rt_range range;
    bool asks = asked(it, set, &range);
    rt_pool pool;
    if (needed != 0 || asks) {
        rt_marks marks;
        uint32_t next = 0;
        sieve by = {it, needed, asks ? &range : NULL, &next, set->extended};
        rt_gather_marks(&pool, set, can, &by, marks.words);
        if (pool.total > 0) {
            *chosen = (uint32_t)rt_draw_two(&pool, set, rt_marked, &marks, &server->random);
            return JF_OK;
        }
        if (it->refuses)
            return rt_refuse(server->host, why, JF_ABSENT, "none of %llu endpoints has what this call needs",
                             (unsigned long long)set->count);
    }
    rt_gather(&pool, set, rt_everyone, NULL);
    *chosen = (uint32_t)rt_draw_two(&pool, set, rt_everyone, NULL, &server->random);
    return JF_OK;
}

const rt_strategy rt_this = {.plugin = "routing-capability",
                             .name = "capability",
                             .record = sizeof(capability),
                             .open = open_server,
                             .pick = pick};
