/* SPDX-License-Identifier: Apache-2.0
 * What Open Policy Agent answers: a boolean, or an object with more to say. */
#include "opa.h"

static bool is_true(const jf_json_value *value) {
    return value->kind == JF_JSON_BOOL && jf_json_raw(value).ptr[0] == 't';
}

/* JF_ALLOW, JF_DENY or JF_HIDE; UINT32_MAX: neither a boolean nor an object that says it. */
static uint32_t decision(const jf_json_value *result) {
    jf_json_value value;
    if (result->kind == JF_JSON_BOOL) return is_true(result) ? JF_ALLOW : JF_DENY;
    if (result->kind != JF_JSON_OBJECT) return UINT32_MAX;
    if (pc_is(result, "decision", "allow")) return JF_ALLOW;
    if (pc_is(result, "decision", "deny")) return JF_DENY;
    if (pc_is(result, "decision", "hide")) return JF_HIDE;
    if (pc_member(result, "decision", &value)) return UINT32_MAX;
    if (!pc_member(result, "allow", &value) || value.kind != JF_JSON_BOOL) return UINT32_MAX;
    if (is_true(&value)) return JF_ALLOW;
    return pc_member(result, "hide", &value) && is_true(&value) ? JF_HIDE : JF_DENY;
}

static int32_t result_of(jf_view body, jf_json_value *result, bool *defined, jf_fault *why) {
    jf_json_value root;
    if (!jf_json_read(body, &root) || root.kind != JF_JSON_OBJECT)
        return pc_wrong(why, "its answer is no JSON object");
    *defined = pc_member(&root, "result", result);
    return JF_OK;
}

int32_t opa_read(jf_view body, pc_text *out, jf_fault *why) {
    static const char *const words[] = {"allow", "deny", "hide"};
    jf_json_value result, value;
    bool defined;
    int32_t status = result_of(body, &result, &defined, why);
    if (status != JF_OK) return status;
    if (!defined) {
        /* As OPA has it, what is undefined is not allowed. */
        pc_puts(out, "{\"decision\":\"deny\",\"rule\":\"undefined\"}");
        return out->failed ? pc_no_memory(why) : JF_OK;
    }
    uint32_t found = decision(&result);
    if (found > JF_HIDE)
        return pc_wrong(why, "its result is neither a boolean nor an object with \"allow\" or \"decision\"");
    pc_puts(out, "{\"decision\":\"");
    pc_puts(out, words[found]);
    pc_puts(out, "\"");
    static const char *const texts[] = {"rule", "text"};
    for (uint32_t i = 0; i < 2; i++) {
        if (!pc_member(&result, texts[i], &value) || value.kind != JF_JSON_STRING) continue;
        jf_view raw = jf_json_raw(&value);
        pc_puts(out, ",\"");
        pc_puts(out, texts[i]);
        pc_puts(out, "\":");
        pc_put(out, raw.ptr, raw.len);
    }
    if (pc_member(&result, "scopes", &value) && value.kind == JF_JSON_ARRAY) {
        jf_view raw = jf_json_raw(&value);
        pc_puts(out, ",\"scopes\":");
        pc_put(out, raw.ptr, raw.len);
    }
    if (pc_flag(&result, "dry", 0)) pc_puts(out, ",\"dry\":true");
    pc_puts(out, "}");
    return out->failed ? pc_no_memory(why) : JF_OK;
}

int32_t opa_read_many(jf_view body, uint64_t count, uint8_t *out, jf_fault *why) {
    jf_json_value result, key, value;
    bool defined;
    int32_t status = result_of(body, &result, &defined, why);
    if (status != JF_OK) return status;
    if (!defined || result.kind != JF_JSON_ARRAY)
        return pc_wrong(why, "the result of review_path is no array");
    uint64_t at = 0;
    jf_json_walk walk = jf_json_walk_of(&result);
    while (jf_json_next(&walk, &key, &value) == 1) {
        uint32_t found = decision(&value);
        if (at == count || found > JF_HIDE)
            return pc_wrong(why, "the result of review_path is not one decision for each item");
        out[at++] = (uint8_t)(found != JF_ALLOW && pc_flag(&value, "dry", 0) ? JF_ALLOW : found);
    }
    return at == count ? JF_OK
                       : pc_wrong(why, "the result of review_path has %llu decisions for %llu items",
                                  (unsigned long long)at, (unsigned long long)count);
}
