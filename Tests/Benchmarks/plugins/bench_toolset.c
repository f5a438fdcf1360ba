/* SPDX-License-Identifier: Apache-2.0
 * bench-toolset: an in-process MCP server with one tool, echo, to measure a call that leaves no process. */
#include <jackfield/jackfield.h>

#include <stdlib.h>
#include <string.h>

JF_MANIFEST("{\"id\":\"bench-toolset\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
            "\"summary\":\"An in-process echo tool for benchmarks\",\"facets\":[\"jf.toolset/1\"],"
            "\"requires\":[],\"optional\":[],\"provides\":[],\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
            "\"toolset\":{\"config\":{\"type\":\"object\"}}}");

struct jf_self {
    uint64_t sets; /* handles given out */
};

static const char tools[] =
    "[{\"name\":\"echo\",\"description\":\"Returns its text\",\"inputSchema\":{\"type\":\"object\","
    "\"properties\":{\"text\":{\"type\":\"string\"}},\"required\":[\"text\"]}}]";

static int32_t set_open(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    (void)set, (void)name, (void)config, (void)why;
    *handle = ++self->sets;
    return JF_OK;
}

static void set_close(jf_self *self, jf_ref handle) {
    (void)self, (void)handle;
}

static int32_t set_list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    (void)self, (void)handle, (void)why;
    if (kind != JF_TOOLS) return JF_ABSENT;
    *items = (jf_blob){(const uint8_t *)tools, sizeof tools - 1, NULL, NULL};
    return JF_OK;
}

/** The raw JSON string of the member `text`; the only string member in these arguments. */
static jf_view text_of(jf_view arguments) {
    static const char key[] = "\"text\":";
    const char *at = (const char *)arguments.ptr, *end = at + arguments.len;
    for (; at + sizeof key <= end; at++) {
        if (memcmp(at, key, sizeof key - 1) != 0) continue;
        const char *from = at + sizeof key - 1, *to = from;
        if (*to++ != '"') return (jf_view){NULL, 0};
        while (to < end && *to != '"')
            to += *to == '\\' ? 2 : 1;
        if (to < end) return (jf_view){(const uint8_t *)from, (uint64_t)(to + 1 - from)};
        break;
    }
    return (jf_view){NULL, 0};
}

static int32_t set_call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    static const char before[] = "{\"content\":[{\"type\":\"text\",\"text\":",
                      after[] = "}],\"isError\":false}";
    (void)self, (void)op;
    jf_view text = text_of(request->arguments);
    if (!text.ptr) {
        why->code = JF_E_INVALID;
        return JF_E_INVALID;
    }
    uint64_t size = sizeof before - 1 + text.len + sizeof after - 1;
    uint8_t *json = malloc(size);
    if (!json) return JF_E_FAULT;
    memcpy(json, before, sizeof before - 1);
    memcpy(json + sizeof before - 1, text.ptr, text.len);
    memcpy(json + sizeof before - 1 + text.len, after, sizeof after - 1);
    *result = (jf_blob){json, size, json, free};
    return JF_OK;
}

static const jf_toolset_1 toolset = {
    .size = sizeof toolset, .open = set_open, .close = set_close, .list = set_list, .call = set_call};

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)offer, (void)config, (void)why;
    *out = calloc(1, sizeof **out);
    return *out ? JF_OK : JF_E_FAULT;
}

static void destroy(jf_self *self) {
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    (void)self;
    return strcmp(id, JF_TOOLSET_1) == 0 ? &toolset : NULL;
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    (void)offer, (void)why;
    return &plugin;
}
