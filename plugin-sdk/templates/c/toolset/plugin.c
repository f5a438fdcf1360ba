/* SPDX-License-Identifier: Apache-2.0
 * A toolset: an MCP server in process. Its one tool, `slugify`, turns a title into a part of a URL. */
#include <jackfield/config.h>
#include <jackfield/toolset.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"
JF_MANIFEST(MANIFEST);

#define MOST 200 /* characters of a slug */

/* What an MCP client sees in tools/list. */
static const char tools[] =
    "[{\"name\":\"slugify\",\"description\":\"Turns a title into a part of a URL.\","
    "\"annotations\":{\"readOnlyHint\":true,\"openWorldHint\":false},"
    "\"inputSchema\":{\"type\":\"object\",\"properties\":{"
    "\"text\":{\"type\":\"string\",\"description\":\"The title.\"},"
    "\"max_length\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":200,\"default\":80,"
    "\"description\":\"How many characters at most.\"}},\"required\":[\"text\"]},"
    "\"outputSchema\":{\"type\":\"object\",\"properties\":{\"slug\":{\"type\":\"string\"}},"
    "\"required\":[\"slug\"]}}]";

/** One instance: the gateway makes one for each event loop, so that nothing needs a lock. */
struct jf_self {
    const jf_config_1 *json;
};

static jf_view view(const char *text) {
    return (jf_view){(const uint8_t *)text, strlen(text)};
}

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
    if (copy == NULL) return refuse(why, JF_E_BUSY, 0, "out of memory");
    *result = (jf_blob){memcpy(copy, json, length), length, copy, free};
    return JF_OK;
}

/* ---- The tool ---- */

/** Writes at most `most` characters and a NUL. */
static void slug_of(jf_blob text, char separator, int64_t most, char *slug) {
    int64_t length = 0;
    for (uint64_t i = 0; i < text.len && length < most; i++) {
        uint8_t c = text.ptr[i];
        if (c >= 'A' && c <= 'Z') c = (uint8_t)(c + 'a' - 'A');
        bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (keep || (length > 0 && slug[length - 1] != separator))
            slug[length++] = keep ? (char)c : separator;
    }
    if (length > 0 && slug[length - 1] == separator) length--;
    slug[length] = 0;
}

/** Finds a member of a JSON text by JSON Pointer. */
static int32_t member(jf_self *self, jf_view json, const char *pointer, jf_view *raw, uint32_t *kind) {
    return self->json->find(self->json->context, json, view(pointer), raw, kind);
}

/** tools/call. Everything in `request` is borrowed: what is needed later must be copied. */
static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    jf_view raw;
    uint32_t kind;
    int64_t most = 80;
    jf_blob text;
    char slug[MOST + 1], json[2 * MOST + 200];
    (void)op;
    if (request->name.len != 7 || memcmp(request->name.ptr, "slugify", 7) != 0)
        return refuse(why, JF_E_INVALID, JF_FAULT_PUBLIC, "there is no such tool");
    int32_t given = member(self, request->arguments, "/max_length", &raw, &kind);
    if (given == JF_OK) given = self->json->integer(self->json->context, raw, &most);
    if (given < 0 || most < 1 || most > MOST)
        return refuse(why, JF_E_INVALID, JF_FAULT_PUBLIC, "max_length must be an integer from 1 to 200");
    if (member(self, request->arguments, "/text", &raw, &kind) != JF_OK || kind != JF_JSON_STRING ||
        self->json->text(self->json->context, raw, &text) != JF_OK)
        return refuse(why, JF_E_INVALID, JF_FAULT_PUBLIC, "text must be a string");
    slug_of(text, request->set == 1 ? '-' : '_', most, slug);
    if (text.drop != NULL) text.drop(text.owner);
    if (slug[0] == 0) /* the tool failed: a result for the model to read, not an error of the protocol */
        return give(result,
                    "{\"resultType\":\"complete\",\"isError\":true,\"content\":[{\"type\":\"text\","
                    "\"text\":\"The title has no ASCII letter or digit.\"}]}",
                    why);
    snprintf(json, sizeof json,
             "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}],"
             "\"structuredContent\":{\"slug\":\"%s\"}}",
             slug, slug);
    return give(result, json, why);
}

/* ---- The facet ---- */

/** One configured server. All that it has is its separator, so that the handle says everything. */
static int32_t open_set(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    jf_view raw;
    uint32_t kind;
    (void)set, (void)name, (void)why;
    bool is_line =
        member(self, config, "/separator", &raw, &kind) == JF_OK && raw.len == 3 && raw.ptr[1] == '_';
    *handle = is_line ? 2 : 1;
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

/* ---- The life of an instance ---- */

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    const jf_config_1 *json = offer->service(offer->host, JF_CONFIG_1);
    if (!JF_HAS(json, integer)) return refuse(why, JF_E_UNSUPPORTED, 0, "PLUGIN_ID needs jf.config/1");
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return refuse(why, JF_E_BUSY, 0, "out of memory");
    self->json = json;
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    if (offer->major == JF_ABI_MAJOR) return &plugin;
    refuse(why, JF_E_UNSUPPORTED, 0, "PLUGIN_ID was built for ABI 1");
    return NULL;
}
