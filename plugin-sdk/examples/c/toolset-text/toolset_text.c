/* SPDX-License-Identifier: Apache-2.0
 * A first plugin: an MCP server in process with one tool that answers at once and one that answers later. */
#include <jackfield/config.h>
#include <jackfield/loop.h>
#include <jackfield/ops.h>
#include <jackfield/toolset.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLICE 65536 /* bytes that count_words looks at before it lets the event loop go on */

/* What the host knows of the plugin before it loads it. */
JF_MANIFEST(
    "{\"id\":\"toolset-text\",\"version\":\"1.0.0\",\"abi\":\"1.0\",\"summary\":\"Small text tools.\","
    "\"facets\":[\"jf.toolset/1\"],\"requires\":[\"jf.config/1\",\"jf.loop/1\",\"jf.ops/1\"],"
    "\"threads\":\"serial\",\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"toolset\":{\"config\":{\"type\":\"object\",\"additionalProperties\":false}}}");

/* What an MCP client sees in tools/list. */
static const char tools[] =
    "[{\"name\":\"slugify\",\"description\":\"Turns a title into a part of a URL.\",\"inputSchema\":"
    "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"},\"max_length\":{\"type\":"
    "\"integer\",\"minimum\":1,\"maximum\":200,\"default\":80}},\"required\":[\"text\"]},\"outputSchema\":"
    "{\"type\":\"object\",\"properties\":{\"slug\":{\"type\":\"string\"}},\"required\":[\"slug\"]}},"
    "{\"name\":\"count_words\",\"description\":\"Counts the words of a text.\",\"inputSchema\":"
    "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}},\"required\":[\"text\"]},"
    "\"outputSchema\":{\"type\":\"object\",\"properties\":{\"words\":{\"type\":\"integer\"}},"
    "\"required\":[\"words\"]}}]";

/** A count_words that is still counting. */
typedef struct job {
    struct job *next;
    jf_self *self;
    jf_ref op, timer;
    jf_blob text;
    uint64_t at, words;
    bool inside;
} job;

/** One instance: all that the plugin remembers is in here, nothing is global. */
struct jf_self {
    const jf_config_1 *json;
    const jf_loop_1 *loop;
    const jf_ops_1 *ops;
    job *jobs;
};

/** An error: public text reaches the MCP client, any other only the log. */
static int32_t refuse(jf_fault *why, int32_t code, uint32_t flags, const char *text) {
    why->code = code;
    why->flags = flags;
    why->text_len = (uint32_t)snprintf(why->text, sizeof why->text, "%s", text);
    return code;
}

/** A result as an owned copy: the host calls free(copy) once it is sent. */
static int32_t give(jf_blob *result, const char *json, jf_fault *why) {
    size_t length = strlen(json);
    uint8_t *copy = malloc(length);
    if (copy == NULL) return refuse(why, JF_E_BUSY, 0, "toolset-text: out of memory");
    *result = (jf_blob){memcpy(copy, json, length), length, copy, free};
    return JF_OK;
}

static int32_t slugify(jf_blob text, int64_t most, jf_blob *result, jf_fault *why) {
    char slug[201], json[600];
    int64_t length = 0;
    for (uint64_t i = 0; i < text.len && length < most; i++) {
        uint8_t c = text.ptr[i];
        if (c >= 'A' && c <= 'Z') c = (uint8_t)(c + 'a' - 'A');
        bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (keep || (length > 0 && slug[length - 1] != '-')) slug[length++] = keep ? (char)c : '-';
    }
    if (length > 0 && slug[length - 1] == '-') length--;
    slug[length] = 0;
    if (length == 0) /* the tool failed: a result for the model to read, not an error of the protocol */
        return give(result,
                    "{\"resultType\":\"complete\",\"isError\":true,\"content\":[{\"type\":\"text\","
                    "\"text\":\"The text has no ASCII letter or digit.\"}]}",
                    why);
    snprintf(json, sizeof json,
             "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}],"
             "\"structuredContent\":{\"slug\":\"%s\"}}",
             slug, slug);
    return give(result, json, why);
}

/** Ends a job: it is taken off the list, and the one `finish` that JF_PENDING promised is made. */
static void end(job *it, int32_t status) {
    jf_self *self = it->self;
    jf_fault why = {.size = sizeof why};
    jf_blob result = {0};
    char json[200];
    job **link = &self->jobs;
    while (*link != it)
        link = &(*link)->next;
    *link = it->next;
    if (it->text.drop != NULL) it->text.drop(it->text.owner);
    snprintf(json, sizeof json,
             "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"%llu words\"}],"
             "\"structuredContent\":{\"words\":%llu}}",
             (unsigned long long)it->words, (unsigned long long)it->words);
    if (status == JF_OK)
        status = give(&result, json, &why);
    else
        refuse(&why, status, 0, "count_words was stopped");
    self->ops->finish(self->ops->context, it->op, status, &result, &why);
    free(it);
}

/** Counts one slice. Runs on the lane, so that it may not take long: a timer brings the next slice. */
static void count(void *user) {
    job *it = user;
    jf_self *self = it->self;
    int32_t wanted = self->ops->state(self->ops->context, it->op);
    if (wanted != JF_OK) { /* the caller left, or its time is up */
        end(it, wanted);
        return;
    }
    for (uint64_t stop = it->at + SLICE; it->at < stop && it->at < it->text.len; it->at++) {
        uint8_t c = it->text.ptr[it->at];
        bool letter = c != ' ' && c != '\t' && c != '\r' && c != '\n';
        if (letter && !it->inside) it->words++;
        it->inside = letter;
    }
    if (it->at == it->text.len)
        end(it, JF_OK);
    else if (self->loop->timer(self->loop->context, 0, count, it, &it->timer) != JF_OK)
        end(it, JF_E_BUSY);
}

/** Finds an argument by JSON Pointer. */
static int32_t argument(jf_self *self, const jf_request *request, const char *path, jf_view *raw,
                        uint32_t *kind) {
    jf_view pointer = {(const uint8_t *)path, strlen(path)};
    return self->json->find(self->json->context, request->arguments, pointer, raw, kind);
}

/** tools/call. `request` is borrowed: what is needed later must be copied, as json->text does. */
static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    bool slug = request->name.len == 7 && memcmp(request->name.ptr, "slugify", 7) == 0;
    bool words = request->name.len == 11 && memcmp(request->name.ptr, "count_words", 11) == 0;
    jf_view raw;
    uint32_t kind;
    int64_t most = 80;
    jf_blob text;
    if (!slug && !words) return refuse(why, JF_E_INVALID, JF_FAULT_PUBLIC, "no such tool");
    int32_t given = slug ? argument(self, request, "/max_length", &raw, &kind) : JF_ABSENT;
    if (given == JF_OK) given = self->json->integer(self->json->context, raw, &most);
    if (given < 0 || most < 1 || most > 200)
        return refuse(why, JF_E_INVALID, JF_FAULT_PUBLIC, "max_length must be an integer from 1 to 200");
    if (argument(self, request, "/text", &raw, &kind) != JF_OK || kind != JF_JSON_STRING ||
        self->json->text(self->json->context, raw, &text) != JF_OK)
        return refuse(why, JF_E_INVALID, JF_FAULT_PUBLIC, "text must be a string");
    if (slug) {
        int32_t status = slugify(text, most, result, why);
        if (text.drop != NULL) text.drop(text.owner);
        return status;
    }
    job *it = calloc(1, sizeof *it);
    if (it == NULL || self->loop->timer(self->loop->context, 0, count, it, &it->timer) != JF_OK) {
        free(it);
        if (text.drop != NULL) text.drop(text.owner);
        return refuse(why, JF_E_BUSY, 0, "toolset-text: out of memory or timers");
    }
    *it = (job){self->jobs, self, op, it->timer, text, 0, 0, false};
    self->jobs = it;
    return JF_PENDING; /* exactly one finish(op) is owed now */
}

static int32_t open_set(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    (void)self, (void)set, (void)name, (void)config, (void)why;
    *handle = 1; /* every configured server of this plugin is alike */
    return JF_OK;
}

static void close_set(jf_self *self, jf_ref handle) {
    (void)self, (void)handle;
}

static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    (void)self, (void)handle, (void)why;
    if (kind != JF_TOOLS) return JF_ABSENT;
    *items = (jf_blob){(const uint8_t *)tools, sizeof tools - 1, NULL, NULL}; /* static: nothing to drop */
    return JF_OK;
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_toolset_1 toolset = {
        .size = sizeof toolset, .open = open_set, .close = close_set, .list = list, .call = call};
    (void)self;
    return strcmp(id, JF_TOOLSET_1) == 0 ? &toolset : NULL;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return refuse(why, JF_E_BUSY, 0, "toolset-text: out of memory");
    self->json = offer->service(offer->host, JF_CONFIG_1);
    self->loop = offer->service(offer->host, JF_LOOP_1);
    self->ops = offer->service(offer->host, JF_OPS_1);
    if (!JF_HAS(self->json, integer) || !JF_HAS(self->loop, cancel) || !JF_HAS(self->ops, state)) {
        free(self);
        return refuse(why, JF_E_UNSUPPORTED, 0, "toolset-text needs jf.config/1, jf.loop/1 and jf.ops/1");
    }
    *out = self;
    return JF_OK;
}

static void stop(jf_self *self) {
    while (self->jobs != NULL) {
        self->loop->cancel(self->loop->context, self->jobs->timer);
        end(self->jobs, JF_E_GONE);
    }
}

static void destroy(jf_self *self) {
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {.size = sizeof plugin,
                                     .minor = JF_ABI_MINOR,
                                     .create = create,
                                     .destroy = destroy,
                                     .facet = facet,
                                     .stop = stop};
    (void)offer, (void)why;
    return &plugin;
}
