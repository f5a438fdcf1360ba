/* SPDX-License-Identifier: Apache-2.0
 * A toolset whose one tool does what it is told with jf.state/1. -DID="keeper" -DVERSION="1.0.0". */
#include <inttypes.h>
#include <jackfield/config.h>
#include <jackfield/ops.h>
#include <jackfield/state.h>
#include <jackfield/toolset.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ID
#define ID "keeper"
#endif
#ifndef VERSION
#define VERSION "1.0.0"
#endif

JF_MANIFEST("{\"id\":\"" ID "\",\"version\":\"" VERSION "\",\"abi\":\"1.1\",\"summary\":\"Keeps things.\","
            "\"facets\":[\"jf.toolset/1\"],\"requires\":[\"jf.config/1\",\"jf.ops/1\",\"jf.state/1\"],"
            "\"threads\":\"per-loop\",\"toolset\":{}}");

static const char tools[] = "[{\"name\":\"state\",\"inputSchema\":{\"type\":\"object\"}}]";

struct jf_self {
    const jf_config_1 *config;
    const jf_ops_1 *ops;
    const jf_state_1 *state;
    bool inside; /* a slot of the host is running */
};

typedef struct job {
    jf_self *self;
    jf_ref op, operation;
    bool verdicts;
} job;

static void finish(job *it, const char *text) {
    char *json = malloc(200 + 2 * strlen(text));
    sprintf(json, "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}", text);
    jf_blob result = {(const uint8_t *)json, strlen(json), json, free};
    it->self->ops->finish(it->self->ops->context, it->op, JF_OK, &result, NULL);
    free(it);
}

/* What came, as one line that can stand in a JSON string. */
static void done(void *user, jf_ref operation, int32_t status, jf_view answer, const jf_fault *why) {
    static _Thread_local char text[65536];
    job *it = user;
    int at = sprintf(text, "%d%s%s", (int)status, it->self->inside ? " INSIDE" : "",
                     operation == it->operation ? "" : " ANOTHER");
    if ((why != NULL) != (status < 0 && status != JF_E_STALE)) at += sprintf(text + at, " WHY");
    if (why != NULL) text[at++] = ' ';
    if (why != NULL)
        for (uint32_t i = 0; i < why->text_len && i < 300; i++)
            text[at++] =
                why->text[i] == '"' || why->text[i] == '\\' || why->text[i] < ' ' ? '.' : why->text[i];
    text[at] = 0;
    for (uint64_t from = 0; from < answer.len && at < 60000;) {
        if (it->verdicts) {
            jf_store_verdict verdict;
            memcpy(&verdict, answer.ptr + from, sizeof verdict);
            at += sprintf(text + at, " %s:%" PRIu64, verdict.fits ? "fits" : "full", verdict.left);
            from += sizeof verdict;
            continue;
        }
        jf_store_entry entry;
        memcpy(&entry, answer.ptr + from, sizeof entry);
        const char *key = (const char *)answer.ptr + from + sizeof entry, *value = key + entry.key_len;
        int64_t number = 0;
        at += sprintf(text + at, " %.*s@%" PRIu64, (int)entry.key_len, key, entry.revision);
        if (entry.value_len == sizeof number && (memcpy(&number, value, sizeof number), number < 1 << 20))
            at += sprintf(text + at, "=%" PRId64, number);
        else
            at += sprintf(text + at, "=%.*s", (int)entry.value_len, value);
        from += (sizeof entry + entry.key_len + (uint64_t)entry.value_len + 7) / 8 * 8;
    }
    finish(it, text);
}

static void changed(void *user, jf_ref watch, jf_view key, uint64_t revision) {
    char text[200];
    job *it = user;
    (void)revision;
    /* Where a connection is made first, an absent key says from when on changes are told: the test goes on.
     */
    if (key.ptr == NULL) return;
    snprintf(text, sizeof text, "changed %.*s", (int)(key.len < 100 ? key.len : 100), (const char *)key.ptr);
    it->self->state->unwatch(it->self->state->context, watch);
    finish(it, text);
}

static jf_view text(jf_self *self, jf_view arguments, const char *pointer, char *room) {
    jf_view value;
    jf_blob copy = {0};
    uint32_t kind;
    room[0] = 0;
    if (self->config->find(self->config->context, arguments,
                           (jf_view){(const uint8_t *)pointer, strlen(pointer)}, &value, &kind) != JF_OK)
        return (jf_view){0};
    self->config->text(self->config->context, value, &copy);
    uint64_t length = copy.len < 4000 ? copy.len : 4000;
    if (length > 0) memcpy(room, copy.ptr, length);
    room[length] = 0;
    if (copy.drop != NULL) copy.drop(copy.owner);
    return (jf_view){(const uint8_t *)room, length};
}

static int64_t number(jf_self *self, jf_view arguments, const char *pointer, int64_t fallback) {
    jf_view value;
    uint32_t kind;
    if (self->config->find(self->config->context, arguments,
                           (jf_view){(const uint8_t *)pointer, strlen(pointer)}, &value, &kind) == JF_OK)
        self->config->integer(self->config->context, value, &fallback);
    return fallback;
}

static int32_t begin(jf_self *self, job *it, jf_view with) {
    static _Thread_local char what[4001], key_room[4001], value_room[4001];
    const jf_state_1 *state = self->state;
    text(self, with, "/do", what);
    jf_view key = text(self, with, "/key", key_room), value = text(self, with, "/value", value_room);
    uint64_t revision = (uint64_t)number(self, with, "/revision", 0);
    uint64_t ttl = (uint64_t)number(self, with, "/ttl", 0);
    if (strcmp(what, "get") == 0) return state->get(state->context, key, done, it, &it->operation);
    if (strcmp(what, "put") == 0) {
        uint32_t flags = revision != 0                      ? JF_STORE_MATCH
                         : number(self, with, "/create", 0) ? JF_STORE_CREATE
                                                            : 0;
        jf_store_put put = {sizeof put, flags, revision, ttl, key, value};
        return state->put(state->context, &put, done, it, &it->operation);
    }
    if (strcmp(what, "remove") == 0)
        return state->remove(state->context, key, revision, done, it, &it->operation);
    if (strcmp(what, "list") == 0) {
        jf_store_list list = {sizeof list, 0, (uint64_t)number(self, with, "/most", 100), key, value};
        return state->list(state->context, &list, done, it, &it->operation);
    }
    if (strcmp(what, "add") == 0) {
        jf_store_add add = {sizeof add, 0, number(self, with, "/n", 1), ttl, key};
        return state->add(state->context, &add, done, it, &it->operation);
    }
    if (strcmp(what, "take") == 0) {
        jf_store_limit limits[2] = {{key, JF_LIMIT_FIXED, 0, 0, 0, 3600000, 1000},
                                    {value, JF_LIMIT_BUCKET, 0, 5000, 1, 31622400000u, 1000}};
        limits[0].rate = (uint64_t)number(self, with, "/n", 10) * 1000;
        it->verdicts = true;
        return state->take(state->context, limits, value.ptr != NULL ? 2 : 1, done, it, &it->operation);
    }
    if (strcmp(what, "watch") == 0) return state->watch(state->context, key, changed, it, &it->operation);
    if (strcmp(what, "abandon") == 0) {
        int32_t status = state->get(state->context, key, done, it, &it->operation);
        state->abandon(state->context, it->operation);
        state->abandon(state->context, it->operation);
        if (status == JF_OK) finish(it, "abandoned");
        return status;
    }
    return JF_E_UNSUPPORTED;
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    char answer[100];
    job *it = calloc(1, sizeof *it);
    (void)result, (void)why;
    *it = (job){.self = self, .op = op};
    self->inside = true;
    int32_t status = begin(self, it, request->arguments);
    self->inside = false;
    if (status != JF_OK) {
        snprintf(answer, sizeof answer, "refused %d", (int)status);
        finish(it, answer);
    }
    return JF_PENDING;
}

static int32_t open_set(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    (void)self, (void)set, (void)name, (void)config, (void)why;
    *handle = 1;
    return JF_OK;
}

static void close_set(jf_self *self, jf_ref handle) {
    (void)self, (void)handle;
}

static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    (void)self, (void)handle, (void)why;
    if (kind != JF_TOOLS) return JF_ABSENT;
    *items = (jf_blob){(const uint8_t *)tools, sizeof tools - 1, NULL, NULL};
    return JF_OK;
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_toolset_1 toolset = {
        .size = sizeof toolset, .open = open_set, .close = close_set, .list = list, .call = call};
    (void)self;
    return strcmp(id, JF_TOOLSET_1) == 0 ? &toolset : NULL;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config, (void)why;
    jf_self *self = calloc(1, sizeof *self);
    self->config = offer->service(offer->host, JF_CONFIG_1);
    self->ops = offer->service(offer->host, JF_OPS_1);
    self->state = offer->service(offer->host, JF_STATE_1);
    *out = self;
    return self->state != NULL ? JF_OK : JF_E_UNSUPPORTED;
}

static void destroy(jf_self *self) {
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    (void)offer, (void)why;
    return &plugin;
}
