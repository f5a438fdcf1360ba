/* SPDX-License-Identifier: Apache-2.0
 * Plugin policy-abac: rules in order, each with a condition on who asks, for what, with which arguments,
 * where and when. The first whose condition holds decides. */
#include "expression.h"
#include "node.h"

#define NAME "\"type\":\"string\",\"minLength\":1,\"maxLength\":128"

JF_MANIFEST(
    "{\"id\":\"policy-abac\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
    "\"summary\":\"Rules on who asks, for what, with which arguments, where and when.\","
    "\"facets\":[\"jf.policy/1\"],\"requires\":[],\"optional\":[],\"provides\":[],"
    "\"threads\":\"per-loop\",\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"policy\":{\"policy\":\"abac\",\"config\":{\"type\":\"object\",\"required\":[\"rules\"],"
    "\"properties\":{"
    "\"rules\":{\"type\":\"array\",\"maxItems\":1000,\"items\":{\"type\":\"object\","
    "\"required\":[\"when\",\"then\"],\"properties\":{"
    "\"name\":{" NAME ",\"description\":\"What decisions call it\"},"
    "\"when\":{\"type\":\"string\",\"maxLength\":8192,\"description\":\"The condition\"},"
    "\"then\":{\"enum\":[\"allow\",\"deny\",\"hide\"]},"
    "\"text\":{\"type\":\"string\",\"maxLength\":500,\"description\":\"What a refused client is told\"},"
    "\"scopes\":{\"type\":\"string\",\"maxLength\":500,\"description\":"
    "\"Scopes that would lift the denial, joined by spaces\"}"
    "},\"additionalProperties\":false},\"description\":\"The first whose condition holds decides\"},"
    "\"default\":{\"enum\":[\"allow\",\"deny\",\"hide\"],\"default\":\"deny\",\"description\":"
    "\"What no rule decides\"},"
    "\"mode\":{\"enum\":[\"enforce\",\"dry-run\"],\"default\":\"enforce\",\"description\":"
    "\"dry-run: refusals are only logged\"},"
    "\"text\":{\"type\":\"string\",\"maxLength\":500,\"default\":\"this is not allowed\","
    "\"description\":\"What a refused client is told whose rule has no text\"},"
    "\"timezone\":{\"type\":\"string\",\"pattern\":\"^[+-](0[0-9]|1[0-4]):[0-5][0-9]$\","
    "\"default\":\"+00:00\",\"description\":\"Of time.weekday, time.hour and time.minute\"}"
    "},\"additionalProperties\":false}}}");

typedef struct rule {
    ex_condition when;
    uint32_t decision;
    jf_view name, text, scopes;
} rule;

typedef struct abac {
    pc_policy policy;
    rule *rules;
    uint32_t count, preset, uses;
    bool dry;
    int32_t offset;
    jf_view text;
} abac;

static uint32_t decision_of(const jf_json_value *options, const char *name, uint32_t preset) {
    return pc_is(options, name, "allow")  ? (uint32_t)JF_ALLOW
           : pc_is(options, name, "deny") ? (uint32_t)JF_DENY
           : pc_is(options, name, "hide") ? (uint32_t)JF_HIDE
                                          : preset;
}

static int32_t read_rule(abac *it, uint32_t at, const jf_json_value *options, jf_fault *why) {
    rule *out = &it->rules[at];
    jf_json_value value;
    char where[96];
    out->name = pc_member(options, "name", &value) ? pc_keep_string(&it->policy, &value)
                                                   : pc_keep_format(&it->policy, "rules[%u]", at);
    if (out->name.ptr == NULL) return pc_no_memory(why);
    snprintf(where, sizeof where, "rules[%u].when", at);
    out->decision = decision_of(options, "then", JF_DENY);
    if (pc_member(options, "text", &value)) out->text = pc_keep_string(&it->policy, &value);
    if (pc_member(options, "scopes", &value)) out->scopes = pc_keep_string(&it->policy, &value);
    if (!pc_member(options, "when", &value) || value.kind != JF_JSON_STRING)
        return pc_wrong(why, "rules[%u] has no condition", at);
    jf_view text = pc_keep_string(&it->policy, &value);
    if (text.ptr == NULL) return pc_no_memory(why);
    int32_t status = ex_read(&it->policy, text, where, &out->when, why);
    it->uses |= out->when.uses;
    return status;
}

static int32_t open_abac(pc_policy *policy, const jf_json_value *options, jf_fault *why) {
    abac *it = (abac *)policy;
    jf_json_value list, key, value;
    if (!pc_member(options, "rules", &list)) return pc_wrong(why, "there are no rules");
    it->rules = pc_keep(policy, (pc_count(&list) + 1) * sizeof *it->rules);
    if (it->rules == NULL) return pc_no_memory(why);
    jf_json_walk walk = jf_json_walk_of(&list);
    while (jf_json_next(&walk, &key, &value) == 1) {
        int32_t status = read_rule(it, it->count, &value, why);
        if (status != JF_OK) return status;
        it->count++;
    }
    it->preset = decision_of(options, "default", JF_DENY);
    it->dry = pc_is(options, "mode", "dry-run");
    it->text =
        pc_member(options, "text", &value) ? pc_keep_string(policy, &value) : pc_view("this is not allowed");
    if (it->text.ptr == NULL) return pc_no_memory(why);
    if (pc_member(options, "timezone", &value) && value.kind == JF_JSON_STRING && value.len == 6) {
        const uint8_t *z = value.ptr;
        int32_t minutes = ((z[1] - '0') * 10 + z[2] - '0') * 60 + (z[4] - '0') * 10 + z[5] - '0';
        it->offset = (z[0] == '-' ? -minutes : minutes) * 60;
    }
    return JF_OK;
}

/** What the rules say. NULL: no rule decided. */
static const rule *first(const abac *it, ex_world *world) {
    for (uint32_t i = 0; i < it->count && world->problem == NULL; i++) {
        ex_truth holds = ex_evaluate(&it->rules[i].when, world);
        /* What hangs on arguments is shown if it may be allowed, and not refused before it is known. */
        if (holds == EX_TRUE || (holds == EX_MAYBE && it->rules[i].decision == JF_ALLOW))
            return &it->rules[i];
    }
    return NULL;
}

static int32_t decide(pc_policy *policy, jf_ref op, const jf_access *access, jf_ruling *ruling,
                      jf_fault *why) {
    (void)op;
    const abac *it = (const abac *)policy;
    ex_world world = {.access = access, .offset = it->offset};
    const rule *found = first(it, &world);
    ex_end(&world);
    if (world.problem != NULL) return pc_wrong(why, "%s", world.problem);
    ruling->decision = found != NULL ? found->decision : it->preset;
    ruling->rule = found != NULL ? found->name : pc_view("default");
    if (ruling->decision == JF_ALLOW) return JF_OK;
    ruling->text = found != NULL && found->text.ptr != NULL ? found->text : it->text;
    if (found != NULL) ruling->scopes = found->scopes;
    if (it->dry) ruling->flags |= JF_RULING_DRY;
    return JF_OK;
}

static int32_t review(pc_policy *policy, jf_ref op, const jf_access *const *accesses, uint64_t count,
                      jf_blob *decisions, jf_fault *why) {
    (void)op;
    const abac *it = (const abac *)policy;
    uint8_t *bytes = malloc(count + 1);
    if (bytes == NULL) return pc_no_memory(why);
    for (uint64_t i = 0; i < count; i++) {
        ex_world world = {.access = accesses[i], .offset = it->offset};
        const rule *found = it->dry ? NULL : first(it, &world);
        ex_end(&world);
        if (world.problem != NULL) {
            free(bytes);
            return pc_wrong(why, "%s", world.problem);
        }
        bytes[i] = (uint8_t)(it->dry ? (uint32_t)JF_ALLOW : found != NULL ? found->decision : it->preset);
    }
    pc_give(decisions, bytes, count);
    return JF_OK;
}

static void put_name(pc_text *text, jf_view name) {
    uint32_t length = (uint32_t)name.len;
    pc_put(text, &length, sizeof length);
    pc_put(text, name.ptr, name.len);
}

/* What conditions look at of the principal is its class. */
static int32_t classify(pc_policy *policy, const jf_principal *principal, jf_blob *name, jf_fault *why) {
    const abac *it = (const abac *)policy;
    if (it->dry) it = NULL;
    if (it != NULL && (it->uses & (EX_TIME | EX_ADDRESS)) != 0) return JF_E_UNSUPPORTED;
    pc_text text = {0};
    pc_put(&text, "", 0);
    uint32_t uses = it != NULL ? it->uses : 0;
    if ((uses & EX_PRINCIPAL) != 0) {
        const jf_view views[] = {principal->subject, principal->tenant, principal->issuer,
                                 principal->provider, principal->credential};
        for (uint32_t i = 0; i < 5; i++)
            put_name(&text, views[i]);
    }
    if ((uses & EX_GRANTS) != 0) {
        pc_puts(&text, principal->id != 0 ? "+" : "-");
        for (uint64_t i = 0; i < principal->role_count; i++)
            put_name(&text, principal->roles[i]);
        put_name(&text, (jf_view){0});
        for (uint64_t i = 0; i < principal->scope_count; i++)
            put_name(&text, principal->scopes[i]);
        put_name(&text, (jf_view){0});
    }
    if ((uses & EX_ATTRIBUTES) != 0) put_name(&text, principal->attributes);
    if (text.failed) {
        free(text.bytes);
        return pc_no_memory(why);
    }
    pc_give(name, text.bytes, text.length);
    return JF_OK;
}

const pc_kind pc_this = {.plugin = "policy-abac",
                         .name = "abac",
                         .record = sizeof(abac),
                         .open = open_abac,
                         .decide = decide,
                         .review = review,
                         .classify = classify};
