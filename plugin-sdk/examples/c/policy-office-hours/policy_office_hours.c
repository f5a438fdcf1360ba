/* SPDX-License-Identifier: Apache-2.0
 * A policy of jf.policy/1: tools are called in office hours only, but by those who are on call. */
#include <jackfield/host.h>
#include <jackfield/policy.h>
#include <jackfield/principals.h>

JF_MANIFEST("{\"id\":\"policy-office-hours\",\"version\":\"0.1.0\",\"abi\":\"1.1\","
            "\"summary\":\"Lets calls pass in office hours only\",\"facets\":[\"jf.policy/1\"],"
            "\"threads\":\"per-loop\",\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
            "\"policy\":{\"policy\":\"office-hours\",\"config\":{"
            "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
            "\"from\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":23,\"default\":8,"
            "\"description\":\"The hour when calls begin to pass\"},"
            "\"to\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":24,\"default\":18,"
            "\"description\":\"The hour when they end\"},"
            "\"zone_minutes\":{\"type\":\"integer\",\"minimum\":-840,\"maximum\":840,\"default\":0,"
            "\"description\":\"Minutes that the office's clock is ahead of UTC\"},"
            "\"on_call\":{\"type\":\"string\",\"minLength\":1,\"default\":\"on-call\","
            "\"description\":\"The role that may call at any time\"}}}}}");

/** One configured policy. */
typedef struct hours {
    int64_t from, to, zone_minutes;
    char on_call[128];
    char text[160]; /**< what a client is told */
} hours;

struct jf_self {
    uint32_t unused;
};

static int64_t number(const jf_json_value *root, const char *pointer, int64_t usual) {
    jf_json_value value;
    int64_t out;
    return jf_json_find(root, jf_view_of(pointer), &value) == JF_OK && jf_json_int64(&value, &out) ? out
                                                                                                   : usual;
}

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    jf_json_value root, role;
    (void)self, (void)name;
    if (!jf_json_read(config, &root)) return jf_fault_set(why, JF_E_INVALID, 0, "the options are no JSON");
    hours *it = calloc(1, sizeof *it);
    if (it == NULL) return jf_fault_set(why, JF_E_BUSY, 0, "out of memory");
    it->from = number(&root, "/from", 8);
    it->to = number(&root, "/to", 18);
    it->zone_minutes = number(&root, "/zone_minutes", 0);
    strcpy(it->on_call, "on-call");
    if (jf_json_find(&root, jf_view_of("/on_call"), &role) == JF_OK && role.len < sizeof it->on_call) {
        uint64_t length = jf_json_decode(&role, (uint8_t *)it->on_call);
        it->on_call[length < sizeof it->on_call ? length : 0] = 0;
    }
    if (it->from >= it->to) { /* what the schema cannot say */
        int32_t status = jf_fault_set(why, JF_E_INVALID, 0, "from (%lld) must be before to (%lld)",
                                      (long long)it->from, (long long)it->to);
        free(it);
        return status;
    }
    snprintf(it->text, sizeof it->text, "Calls pass on weekdays from %lld to %lld h; try again then.",
             (long long)it->from, (long long)it->to);
    *handle = (jf_ref)(uintptr_t)it;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    (void)self;
    free((void *)(uintptr_t)handle);
}

/** Whether the office is open. 1970-01-01 was a Thursday: day 0 of Unix time is day 3 from Monday. */
static bool is_open(const hours *it, uint64_t now_ms) {
    int64_t minutes = (int64_t)(now_ms / 60000) + it->zone_minutes, hour = minutes / 60 % 24;
    return (minutes / 1440 + 3) % 7 < 5 && hour >= it->from && hour < it->to;
}

static int32_t decide(jf_self *self, jf_ref op, jf_ref handle, const jf_access *access, jf_ruling *ruling,
                      jf_fault *why) {
    const hours *it = (const hours *)(uintptr_t)handle;
    (void)self, (void)op, (void)why;
    ruling->decision = JF_ALLOW;
    if (access->flags & JF_ACCESS_LISTING) return JF_OK; /* lists are the same at any hour */
    if (jf_has_role(access->principal, it->on_call)) {
        ruling->rule = jf_view_of("on_call");
        return JF_OK;
    }
    bool open = is_open(it, access->now_ms);
    ruling->rule = jf_view_of(open ? "open" : "closed");
    if (!open) {
        ruling->decision = JF_DENY;
        ruling->text = jf_view_of(it->text); /* ours, and stays: no copy is needed */
    }
    return JF_OK;
}

/** Lists hide nothing from anybody: all principals are of one class. */
static int32_t classify(jf_self *self, jf_ref handle, const jf_principal *principal, jf_blob *name,
                        jf_fault *why) {
    (void)self, (void)handle, (void)principal, (void)why;
    *name = (jf_blob){(const uint8_t *)"all", 3, NULL, NULL};
    return JF_OK;
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_policy_1 policy = {
        .size = sizeof policy, .attach = attach, .detach = detach, .decide = decide, .classify = classify};
    (void)self;
    return strcmp(id, JF_POLICY_1) == 0 ? &policy : NULL;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)offer, (void)config;
    *out = calloc(1, sizeof **out);
    return *out != NULL ? JF_OK : jf_fault_set(why, JF_E_BUSY, 0, "out of memory");
}

static void destroy(jf_self *self) {
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    if (offer->major == JF_ABI_MAJOR && offer->minor >= 1) return &plugin; /* the facet is of 1.1 */
    jf_fault_set(why, JF_E_UNSUPPORTED, 0, "policy-office-hours needs plugin ABI 1.1");
    return NULL;
}
