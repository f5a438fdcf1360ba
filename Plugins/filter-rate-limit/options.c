/* SPDX-License-Identifier: Apache-2.0
 * Reads a filter's options. The host has checked their shape against the schema; here is what a schema cannot
 * say. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is being read. */
typedef struct reader {
    const sc_host *host;
    jf_fault *why;
    uint32_t at; /* the limit's number */
} reader;

static const struct {
    const char *word;
    uint32_t bit;
} dimensions[] = {{"principal", RL_PRINCIPAL}, {"tool", RL_TOOL},       {"server", RL_SERVER},
                  {"tenant", RL_TENANT},       {"gateway", RL_GATEWAY}, {"address", RL_ADDRESS}};
enum { DIMENSIONS = sizeof dimensions / sizeof dimensions[0] };

static const struct {
    const char *word;
    int64_t ms;
} units[] = {{"ms", 1},         {"s", 1000},       {"sec", 1000},      {"second", 1000},  {"m", 60000},
             {"min", 60000},    {"minute", 60000}, {"h", 3600000},     {"hour", 3600000}, {"d", 86400000},
             {"day", 86400000}, {"w", 604800000},  {"week", 604800000}};

static bool find(const reader *in, jf_view object, const char *pointer, jf_view *value, uint32_t *kind) {
    const jf_config_1 *config = &in->host->config;
    jf_view path = {(const uint8_t *)pointer, strlen(pointer)};
    return config->find(config->context, object, path, value, kind) == JF_OK && *kind != JF_JSON_NULL;
}

/* A text without NUL of less than `room` bytes, at `out`. */
static bool text_of(const reader *in, jf_view value, uint32_t kind, char *out, size_t room) {
    const jf_config_1 *config = &in->host->config;
    jf_blob text = {0};
    if (kind != JF_JSON_STRING || config->text(config->context, value, &text) != JF_OK) return false;
    bool fits = text.len < room && (text.len == 0 || memchr(text.ptr, 0, (size_t)text.len) == NULL);
    if (fits) {
        if (text.len > 0) memcpy(out, text.ptr, (size_t)text.len);
        out[text.len] = 0;
    }
    if (text.drop != NULL) text.drop(text.owner);
    return fits;
}

static int32_t refuse(const reader *in, const char *key, const char *rule) {
    return sc_fault(in->why, JF_E_INVALID, 0, "limits[%u].%s: %s", in->at, key, rule);
}

/* A number of at most three decimals as thousandths; -1: it is none. */
static int64_t thousandths(const reader *in, jf_view value, uint32_t kind, double least, double most) {
    const jf_config_1 *config = &in->host->config;
    double number = 0;
    if (kind != JF_JSON_NUMBER || config->real(config->context, value, &number) != JF_OK ||
        !(number >= least && number <= most))
        return -1;
    double scaled = number * 1000;
    int64_t whole = (int64_t)(scaled + 0.5);
    double off = scaled - (double)whole;
    return off < 0.001 && off > -0.001 ? whole : -1;
}

/* "100/min", "0.5/s", "20/30s": the amount in thousandths, and the period. */
static bool per_time(const char *text, int64_t *amount, int64_t *period) {
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '/' || !(number >= 0.001 && number <= 1e9)) return false;
    *amount = (int64_t)(number * 1000 + 0.5);
    const char *rest = end + 1;
    int64_t times = 1;
    if (*rest >= '0' && *rest <= '9') {
        times = strtol(rest, &end, 10);
        rest = end;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(units[i].word, rest) != 0) continue;
        if (times < 1 || times > (int64_t)JF_STORE_PERIOD_MOST / units[i].ms) return false;
        *period = times * units[i].ms;
        return true;
    }
    return false;
}

/* ---- Parts of a limit ---- */

static int32_t read_per(const reader *in, jf_view object, rl_limit *limit) {
    const jf_config_1 *config = &in->host->config;
    jf_view list, value, key;
    uint32_t kind;
    uint64_t cursor = 0;
    if (!find(in, object, "/per", &list, &kind)) {
        limit->per = RL_PRINCIPAL;
        return JF_OK;
    }
    if (kind != JF_JSON_ARRAY) return refuse(in, "per", "must be a list such as [principal, tool]");
    while (config->next(config->context, list, &cursor, &key, &value, &kind) == JF_OK) {
        char word[16];
        uint32_t at = 0;
        if (!text_of(in, value, kind, word, sizeof word)) word[0] = 0;
        while (at < DIMENSIONS && strcmp(dimensions[at].word, word) != 0)
            at++;
        if (at == DIMENSIONS)
            return refuse(in, "per", "knows principal, tool, server, tenant, gateway and address");
        limit->per |= dimensions[at].bit;
    }
    return JF_OK;
}

/* Bounds that the stores have as well; fills in what a take needs. */
static int32_t settle(const reader *in, const char *key, const jf_store_limit *asked, sc_limit *out) {
    sc_limit checked[JF_STORE_TAKE_MOST];
    jf_fault fault = {.size = sizeof fault};
    int32_t status = sc_limits_check("it", asked, 1, checked, &fault);
    if (status != JF_OK) {
        fault.text[fault.text_len < sizeof fault.text ? fault.text_len : sizeof fault.text - 1] = 0;
        return refuse(in, key, fault.text);
    }
    *out = checked[0];
    return JF_OK;
}

static int32_t read_rate(const reader *in, jf_view object, rl_limit *limit) {
    static const char *const words[] = {"token-bucket", "sliding-window", "fixed"};
    char text[64];
    jf_view value;
    uint32_t kind;
    int64_t amount, period, burst = 0;
    jf_store_limit asked = {.key = {(const uint8_t *)"k", 1}};
    if (find(in, object, "/algorithm", &value, &kind)) {
        if (!text_of(in, value, kind, text, sizeof text)) text[0] = 0;
        while (asked.kind < 3 && strcmp(words[asked.kind], text) != 0)
            asked.kind++;
        if (asked.kind == 3) return refuse(in, "algorithm", "must be token-bucket, sliding-window or fixed");
    }
    bool has_burst = find(in, object, "/burst", &value, &kind);
    if (has_burst && (burst = thousandths(in, value, kind, 1, 1e9)) < 0)
        return refuse(in, "burst", "must be a number from 1 with at most three decimals");
    if (!find(in, object, "/rate", &value, &kind))
        return has_burst ? refuse(in, "burst", "is of no use without a rate") : JF_OK;
    if (!text_of(in, value, kind, text, sizeof text) || !per_time(text, &amount, &period))
        return refuse(in, "rate",
                      "must be a number and a time such as 100/min, 5/s or 20/30s, a year at most");
    if (has_burst && asked.kind != JF_LIMIT_BUCKET)
        return refuse(in, "burst", "belongs to algorithm token-bucket");
    asked.rate = (uint64_t)amount;
    asked.period_ms = (uint64_t)period;
    if (asked.kind == JF_LIMIT_BUCKET)
        asked.burst = (uint64_t)(has_burst ? burst : amount < 1000 ? 1000 : amount);
    limit->has_rate = true;
    return settle(in, "rate", &asked, &limit->rate);
}

static int32_t read_quota(const reader *in, jf_view object, rl_limit *limit) {
    char text[64];
    jf_view value;
    uint32_t kind;
    int64_t amount, period;
    if (!find(in, object, "/quota", &value, &kind)) return JF_OK;
    if (!text_of(in, value, kind, text, sizeof text) || !per_time(text, &amount, &period))
        return refuse(in, "quota", "must be a number and a time such as 10000/day, a year at most");
    jf_store_limit asked = {.key = {(const uint8_t *)"k", 1},
                            .kind = JF_LIMIT_FIXED,
                            .rate = (uint64_t)amount,
                            .period_ms = (uint64_t)period};
    limit->has_quota = true;
    /* One name in the store: kind, period and key. */
    if (limit->has_rate && limit->rate.kind == JF_LIMIT_FIXED && limit->rate.period_ms == period)
        return refuse(in, "quota", "has the period of the fixed rate: one of them is enough");
    return settle(in, "quota", &asked, &limit->quota);
}

static int32_t read_costs(const reader *in, jf_view object, rl_limit *limit) {
    const jf_config_1 *config = &in->host->config;
    jf_view costs, key, value;
    uint32_t kind;
    uint64_t cursor = 0;
    if (!find(in, object, "/cost", &costs, &kind)) return JF_OK;
    if (kind != JF_JSON_OBJECT) return refuse(in, "cost", "must be a mapping such as { \"server/tool\": 5 }");
    while (config->next(config->context, costs, &cursor, &key, &value, &kind) == JF_OK) {
        int64_t amount = thousandths(in, value, kind, 0, 1e6);
        if (amount < 0) return refuse(in, "cost", "is a number from 0 with at most three decimals");
        if (limit->cost_count == RL_COSTS) return refuse(in, "cost", "has more than 256 entries");
        /* The raw key: within its quotes again it is a JSON string. */
        char quoted[520], pattern[512];
        if (key.len + 2 > sizeof quoted) return refuse(in, "cost", "has a name of more than 500 bytes");
        quoted[0] = '"';
        memcpy(quoted + 1, key.ptr, (size_t)key.len);
        quoted[key.len + 1] = '"';
        if (!text_of(in, (jf_view){(const uint8_t *)quoted, key.len + 2}, JF_JSON_STRING, pattern,
                     sizeof pattern))
            return refuse(in, "cost", "has a name that is no text");
        if (strchr(pattern, '/') == NULL)
            return refuse(in, "cost", "names items as SERVER/TOOL, with * and ? for any");
        rl_cost *more = realloc(limit->costs, (limit->cost_count + 1) * sizeof *more);
        if (more == NULL) return refuse(in, "cost", "no memory");
        limit->costs = more;
        more[limit->cost_count] = (rl_cost){strdup(pattern), amount};
        if (more[limit->cost_count++].pattern == NULL) return refuse(in, "cost", "no memory");
    }
    return JF_OK;
}

static bool is_choice(const reader *in, jf_view object, const char *pointer, const char *word) {
    char text[32];
    jf_view value;
    uint32_t kind;
    return find(in, object, pointer, &value, &kind) && text_of(in, value, kind, text, sizeof text) &&
           strcmp(text, word) == 0;
}

/* What it is called: as configured, or after what it is per; with a number where another is called so. */
static int32_t name(const reader *in, jf_view object, rl_filter *filter, rl_limit *limit) {
    jf_view value;
    uint32_t kind;
    char text[RL_NAME + 1] = "";
    bool given = find(in, object, "/name", &value, &kind);
    if (given && !text_of(in, value, kind, text, sizeof text))
        return refuse(in, "name", "must be 1 to 64 letters, digits, \"_\", \".\", \"+\" and \"-\"");
    for (uint32_t i = 0; i < DIMENSIONS && !given; i++) {
        if (!(limit->per & dimensions[i].bit)) continue;
        if (text[0] != 0) strcat(text, "+");
        strcat(text, dimensions[i].word);
    }
    if (text[0] == 0) strcpy(text, "gateway");
    uint32_t same = 1;
    for (rl_limit *other = filter->limits; other < limit; other++)
        same += strncmp(other->name, text, strlen(text)) == 0 &&
                (other->name[strlen(text)] == 0 || other->name[strlen(text)] == '#');
    if (same > 1 && given) return refuse(in, "name", "is that of another limit already");
    if (same > 1)
        snprintf(limit->name, sizeof limit->name, "%s#%u", text, same);
    else
        strcpy(limit->name, text);
    return JF_OK;
}

static int32_t read_limit(const reader *in, jf_view object, rl_filter *filter, rl_limit *limit) {
    jf_view value;
    uint32_t kind;
    int64_t number = 0;
    int32_t status = read_per(in, object, limit);
    if (status == JF_OK) status = name(in, object, filter, limit);
    if (status == JF_OK) status = read_rate(in, object, limit);
    if (status == JF_OK) status = read_quota(in, object, limit);
    if (status == JF_OK) status = read_costs(in, object, limit);
    if (status != JF_OK) return status;
    if (find(in, object, "/concurrency", &value, &kind)) {
        if (kind != JF_JSON_NUMBER ||
            in->host->config.integer(in->host->config.context, value, &number) != JF_OK || number < 1 ||
            number > 1000000)
            return refuse(in, "concurrency", "must be an integer from 1 to 1000000");
        limit->concurrency = (uint32_t)number;
    }
    if (!limit->has_rate && !limit->has_quota && limit->concurrency == 0)
        return sc_fault(in->why, JF_E_INVALID, 0,
                        "limits[%u] limits nothing: give rate, quota or concurrency", in->at);
    limit->shared = is_choice(in, object, "/store", "shared");
    limit->allows = is_choice(in, object, "/on_store_error", "allow");
    return JF_OK;
}

/* ---- The whole ---- */

int32_t rl_filter_read(const sc_host *host, jf_view title, jf_view options, rl_filter **out, jf_fault *why) {
    reader in = {host, why, 0};
    jf_view list, key, value;
    uint32_t kind, items = 0;
    uint64_t cursor = 0;
    rl_filter *filter = calloc(1, sizeof *filter);
    if (filter == NULL) return sc_fault(why, JF_E_FAULT, 0, "no memory for a filter");
    int32_t status = JF_OK;
    if (title.len > RL_NAME)
        status = sc_fault(why, JF_E_INVALID, 0, "its name has more than 64 bytes");
    else if (title.len > 0)
        memcpy(filter->name, title.ptr, (size_t)title.len);
    if (status == JF_OK && (!find(&in, options, "/limits", &list, &kind) || kind != JF_JSON_ARRAY))
        status = sc_fault(why, JF_E_INVALID, 0, "limits: a list is missing");
    while (status == JF_OK &&
           host->config.next(host->config.context, list, &cursor, &key, &value, &kind) == JF_OK) {
        if (filter->count == RL_LIMITS) {
            status = sc_fault(why, JF_E_INVALID, 0, "limits: more than %d", RL_LIMITS);
            break;
        }
        in.at = filter->count;
        rl_limit *limit = &filter->limits[filter->count++];
        status = kind == JF_JSON_OBJECT
                     ? read_limit(&in, value, filter, limit)
                     : sc_fault(why, JF_E_INVALID, 0, "limits[%u] must be a mapping", in.at);
        items += (uint32_t)limit->has_rate + (uint32_t)limit->has_quota;
        filter->any_shared = filter->any_shared || limit->shared;
    }
    if (status == JF_OK && filter->count == 0)
        status = sc_fault(why, JF_E_INVALID, 0, "limits: the list is empty");
    if (status == JF_OK && items > JF_STORE_TAKE_MOST)
        status = sc_fault(
            why, JF_E_INVALID, 0,
            "limits: %u rates and quotas, but %u at most can be taken at once; write a second filter", items,
            JF_STORE_TAKE_MOST);
    if (status != JF_OK) {
        rl_filter_free(filter);
        return status;
    }
    *out = filter;
    return JF_OK;
}

void rl_filter_free(rl_filter *filter) {
    for (uint32_t i = 0; filter != NULL && i < filter->count; i++) {
        for (uint32_t j = 0; j < filter->limits[i].cost_count; j++)
            free(filter->limits[i].costs[j].pattern);
        free(filter->limits[i].costs);
    }
    free(filter);
}

/* ---- Costs ---- */

/* Whether all of the text fits a pattern with * (any bytes) and ? (one byte). */
static bool fits(const char *pattern, jf_view text) {
    const char *star = NULL;
    uint64_t at = 0, from = 0;
    while (at < text.len) {
        if (*pattern == '*') {
            star = ++pattern;
            from = at;
        } else if (*pattern != 0 && (*pattern == '?' || (uint8_t)*pattern == text.ptr[at])) {
            pattern++;
            at++;
        } else if (star != NULL) {
            pattern = star;
            at = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == 0;
}

int64_t rl_cost_of(const rl_limit *limit, jf_view item) {
    for (uint32_t i = 0; i < limit->cost_count; i++)
        if (fits(limit->costs[i].pattern, item)) return limit->costs[i].amount;
    return 1000;
}
