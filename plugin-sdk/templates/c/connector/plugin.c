/* SPDX-License-Identifier: Apache-2.0
 * A connector: channels to MCP servers. This one's server is a few lines of its own, which echo: put the
 * reading and writing of your wire in their place. */
#include <jackfield/config.h>
#include <jackfield/connector.h>
#include <jackfield/loop.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"
JF_MANIFEST(MANIFEST);

typedef struct channel channel;

/** An answer on its way: it arrives with the next turn of the event loop. */
typedef struct answer {
    struct answer *next;
    channel *of;
    jf_ref exchange, timer;
    jf_blob text;
} answer;

/** An open channel to one configured server. */
struct channel {
    channel *next;
    jf_self *self;
    jf_ref handle; /**< ours: what the host calls it */
    jf_ref host;   /**< the host's: what we call it */
    jf_ref timer;
    char *prefix; /**< a part of a JSON string */
    answer *answers;
};

/** One instance: the gateway makes one for each event loop, so that nothing needs a lock. */
struct jf_self {
    const jf_config_1 *json;
    const jf_loop_1 *loop;
    const jf_channels_1 *host;
    channel *channels;
    jf_ref last_handle;
};

static int32_t refuse(jf_fault *why, int32_t code, const char *text) {
    why->code = code;
    why->text_len = (uint32_t)snprintf(why->text, sizeof why->text, "%s", text);
    return code;
}

/** Finds a member of a JSON text by JSON Pointer; its raw text, or an absent one. */
static jf_view member(jf_self *self, jf_view json, const char *pointer) {
    jf_view raw = {NULL, 0}, at = {(const uint8_t *)pointer, strlen(pointer)};
    uint32_t kind;
    if (self->json->find(self->json->context, json, at, &raw, &kind) != JF_OK) raw.ptr = NULL;
    return raw;
}

static bool is(jf_view raw, const char *text) {
    return raw.ptr != NULL && raw.len == strlen(text) && memcmp(raw.ptr, text, raw.len) == 0;
}

/* ---- The server ---- */

#define COMPLETE "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":{\"resultType\":\"complete\","

/** The answer to one request, to be freed; NULL: out of memory. */
static char *serve(channel *it, jf_view request) {
    static const char *const discovered =
        COMPLETE "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}},\"ttlMs\":60000,"
                 "\"cacheScope\":\"public\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":"
                 "{\"name\":\"PLUGIN_NAME\",\"version\":\"0.1.0\"}}}}";
    static const char *const listed =
        COMPLETE "\"tools\":[{\"name\":\"echo\",\"description\":\"Says the same.\",\"inputSchema\":"
                 "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\",\"description\":\"What "
                 "to say.\"}},\"required\":[\"text\"]}}],\"ttlMs\":60000,\"cacheScope\":\"public\"}}";
    static const char *const echoed = COMPLETE "\"content\":[{\"type\":\"text\",\"text\":\"%s%.*s\"}]}}";
    static const char *const wrong =
        "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"error\":{\"code\":%d,\"message\":\"%s\"}}";
    jf_view id = member(it->self, request, "/id"), method = member(it->self, request, "/method");
    const char *const number = (const char *)id.ptr;
    const int digits = (int)id.len;
    size_t room = 600 + id.len + request.len + strlen(it->prefix);
    char *text = malloc(room);
    if (text == NULL) return NULL;
    if (is(method, "\"server/discover\"")) {
        snprintf(text, room, discovered, digits, number);
    } else if (is(method, "\"tools/list\"")) {
        snprintf(text, room, listed, digits, number);
    } else if (!is(method, "\"tools/call\"")) {
        snprintf(text, room, wrong, digits, number, -32601, "there is no such method");
    } else if (!is(member(it->self, request, "/params/name"), "\"echo\"")) {
        snprintf(text, room, wrong, digits, number, -32602, "there is no such tool");
    } else {
        jf_view said = member(it->self, request, "/params/arguments/text");
        if (said.ptr != NULL &&
            said.ptr[0] == '"') /* between the quotes it can stand in our string as it is */
            snprintf(text, room, echoed, digits, number, it->prefix, (int)said.len - 2,
                     (const char *)said.ptr + 1);
        else
            snprintf(text, room, wrong, digits, number, -32602, "text must be a string");
    }
    return text;
}

/* ---- Channels ---- */

static channel *channel_of(jf_self *self, jf_ref handle) {
    channel *it = self->channels;
    while (it != NULL && it->handle != handle)
        it = it->next;
    return it;
}

static void drop_answer(answer *it) {
    answer **link = &it->of->answers;
    while (*link != it)
        link = &(*link)->next;
    *link = it->next;
    free(it->text.owner);
    free(it);
}

/** Takes back all that a channel has under way. */
static void quiet(channel *it) {
    const jf_loop_1 *loop = it->self->loop;
    loop->cancel(loop->context, it->timer);
    while (it->answers != NULL) {
        loop->cancel(loop->context, it->answers->timer);
        drop_answer(it->answers);
    }
}

static void drop_channel(channel *it) {
    channel **link = &it->self->channels;
    while (*link != it)
        link = &(*link)->next;
    *link = it->next;
    free(it->prefix);
    free(it);
}

static void ready(void *user) {
    channel *it = user;
    it->self->host->ready(it->self->host->context, it->host, JF_CHANNEL_EXCHANGES);
}

static void closed(void *user) {
    channel *it = user;
    const jf_channels_1 *host = it->self->host;
    jf_ref ref = it->host;
    drop_channel(it);
    host->closed(host->context, ref);
}

static void arrive(void *user) {
    answer *it = user;
    channel *of = it->of;
    jf_view body = {it->text.ptr, it->text.len};
    jf_message message = {.size = sizeof message,
                          .flags = JF_MSG_FINAL,
                          .exchange = it->exchange,
                          .body = &body,
                          .body_count = 1};
    jf_blob text = it->text;
    it->text.owner = NULL;
    drop_answer(it); /* first: the host may call us back from inside of deliver */
    of->self->host->deliver(of->self->host->context, of->host, &message);
    free(text.owner);
}

/* ---- The facet ---- */

static int32_t open_channel(jf_self *self, jf_ref host, jf_view name, jf_view config, jf_ref *handle,
                            jf_fault *why) {
    jf_view prefix = member(self, config, "/says");
    (void)name;
    if (prefix.ptr == NULL || prefix.ptr[0] != '"') return refuse(why, JF_E_INVALID, "says must be a string");
    channel *it = calloc(1, sizeof *it);
    char *copy = strndup((const char *)prefix.ptr + 1, prefix.len - 2);
    if (it == NULL || copy == NULL ||
        self->loop->timer(self->loop->context, 0, ready, it, &it->timer) != JF_OK) {
        free(copy);
        free(it);
        return refuse(why, JF_E_BUSY, "out of memory or timers");
    }
    *it = (channel){self->channels, self, ++self->last_handle, host, it->timer, copy, NULL};
    self->channels = it;
    *handle = it->handle;
    return JF_OK;
}

static int32_t send_message(jf_self *self, jf_ref handle, const jf_message *message, jf_fault *why) {
    channel *of = channel_of(self, handle);
    size_t length = 0, at = 0;
    if (of == NULL) return refuse(why, JF_E_STALE, "this channel is closed");
    if (message->exchange == 0 || message->body_count == 0) return JF_OK; /* it expects no answer */
    for (uint32_t i = 0; i < message->body_count; i++)
        length += message->body[i].len;
    uint8_t *request = malloc(length);
    answer *it = calloc(1, sizeof *it);
    if (request != NULL && it != NULL) {
        for (uint32_t i = 0; i < message->body_count; at += message->body[i++].len)
            memcpy(request + at, message->body[i].ptr, message->body[i].len);
        char *text = serve(of, (jf_view){request, length});
        if (text != NULL) it->text = (jf_blob){(const uint8_t *)text, strlen(text), text, free};
    }
    free(request);
    if (it == NULL || it->text.ptr == NULL ||
        self->loop->timer(self->loop->context, 0, arrive, it, &it->timer) != JF_OK) {
        if (it != NULL) free(it->text.owner);
        free(it);
        return refuse(why, JF_E_BUSY, "out of memory or timers");
    }
    it->next = of->answers;
    it->of = of;
    it->exchange = message->exchange;
    of->answers = it;
    return JF_OK;
}

static void cancel(jf_self *self, jf_ref handle, jf_ref exchange) {
    channel *of = channel_of(self, handle);
    answer *it = of != NULL ? of->answers : NULL;
    while (it != NULL && it->exchange != exchange)
        it = it->next;
    if (it == NULL) return;
    self->loop->cancel(self->loop->context, it->timer);
    drop_answer(it);
}

static void close_channel(jf_self *self, jf_ref handle, uint64_t deadline_ns) {
    channel *it = channel_of(self, handle);
    (void)deadline_ns;
    if (it == NULL) return;
    quiet(it);
    it->handle = 0; /* the host is done with it */
    if (self->loop->timer(self->loop->context, 0, closed, it, &it->timer) != JF_OK) closed(it);
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_connector_1 connector = {.size = sizeof connector,
                                             .open = open_channel,
                                             .send = send_message,
                                             .cancel = cancel,
                                             .close = close_channel};
    (void)self;
    return strcmp(id, JF_CONNECTOR_1) == 0 ? &connector : NULL;
}

/* ---- The life of an instance ---- */

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return refuse(why, JF_E_BUSY, "out of memory");
    self->json = offer->service(offer->host, JF_CONFIG_1);
    self->loop = offer->service(offer->host, JF_LOOP_1);
    self->host = offer->service(offer->host, JF_CHANNELS_1);
    if (!JF_HAS(self->json, find) || !JF_HAS(self->loop, cancel) || !JF_HAS(self->host, closed)) {
        free(self);
        return refuse(why, JF_E_UNSUPPORTED, "PLUGIN_ID needs jf.config/1, jf.loop/1 and jf.channels/1");
    }
    *out = self;
    return JF_OK;
}

/** What is still open just ends: nobody waits for it any more. */
static void stop(jf_self *self) {
    while (self->channels != NULL) {
        quiet(self->channels);
        drop_channel(self->channels);
    }
}

static void destroy(jf_self *self) {
    stop(self); /* where start failed nobody called it */
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {.size = sizeof plugin,
                                     .minor = JF_ABI_MINOR,
                                     .create = create,
                                     .destroy = destroy,
                                     .facet = facet,
                                     .stop = stop};
    if (offer->major == JF_ABI_MAJOR) return &plugin;
    refuse(why, JF_E_UNSUPPORTED, "PLUGIN_ID was built for ABI 1");
    return NULL;
}
