/* SPDX-License-Identifier: Apache-2.0
 * A good connector: whatever is sent comes back as the answer, a moment later. */
#ifndef GALLERY_CONNECTOR_H
#define GALLERY_CONNECTOR_H

#include "base.h"

#define FACET_ID JF_CONNECTOR_1
#define MOST 64

typedef struct channel channel;

/** An answer on its way. */
typedef struct echo {
    struct echo *next;
    channel *of;
    jf_ref exchange, timer;
    char *text;
} echo;

struct channel {
    jf_self *self;
    jf_ref host, timer;
    bool used, closing;
    echo *echoes;
};

struct jf_self {
    const jf_loop_1 *loop;
    const jf_channels_1 *host;
    channel channels[MOST];
    /* for faults */
    jf_view view;
    bool has_view;
};

GOOD channel *good_channel(jf_self *self, jf_ref handle) {
    return handle > 0 && handle <= MOST && self->channels[handle - 1].used ? &self->channels[handle - 1]
                                                                           : NULL;
}

GOOD void good_free(echo *it) {
    echo **link = &it->of->echoes;
    while (*link != it)
        link = &(*link)->next;
    *link = it->next;
    free(it->text);
    free(it);
}

GOOD void good_answer(void *user) {
    echo *it = user;
    jf_view body = good_view(it->text);
    jf_message message = {.size = sizeof message,
                          .flags = JF_MSG_FINAL,
                          .exchange = it->exchange,
                          .body = &body,
                          .body_count = 1};
    it->of->self->host->deliver(it->of->self->host->context, it->of->host, &message);
    good_free(it);
}

GOOD void good_ready(void *user) {
    channel *it = user;
    it->timer = 0;
    it->self->host->ready(it->self->host->context, it->host, JF_CHANNEL_EXCHANGES);
}

GOOD void good_gone(void *user) {
    channel *it = user;
    it->used = false;
    it->self->host->closed(it->self->host->context, it->host);
}

GOOD int32_t good_open(jf_self *self, jf_ref host, jf_view name, jf_view config, jf_ref *handle,
                       jf_fault *why) {
    (void)name, (void)config;
    for (uint32_t i = 0; i < MOST; i++) {
        channel *it = &self->channels[i];
        if (it->used) continue;
        *it = (channel){.self = self, .host = host, .used = true};
        *handle = i + 1;
        return self->loop->timer(self->loop->context, 0, good_ready, it, &it->timer);
    }
    return good_refuse(why, JF_E_BUSY, "too many channels");
}

GOOD int32_t good_send(jf_self *self, jf_ref handle, const jf_message *message, jf_fault *why) {
    channel *of = good_channel(self, handle);
    if (of == NULL) return good_refuse(why, JF_E_STALE, "no such channel");
    if (message->exchange == 0 || message->body_count == 0) return JF_OK;
    echo *it = calloc(1, sizeof *it);
    *it = (echo){of->echoes, of, message->exchange, 0, NULL};
    it->text = strndup((const char *)message->body[0].ptr, message->body[0].len);
    of->echoes = it;
    return self->loop->timer(self->loop->context, 3000000, good_answer, it, &it->timer);
}

GOOD void good_cancel(jf_self *self, jf_ref handle, jf_ref exchange) {
    channel *of = good_channel(self, handle);
    for (echo *it = of != NULL ? of->echoes : NULL; it != NULL; it = it->next) {
        if (it->exchange != exchange) continue;
        self->loop->cancel(self->loop->context, it->timer);
        good_free(it);
        return;
    }
}

GOOD void good_forget(channel *of) {
    const jf_loop_1 *loop = of->self->loop;
    if (of->timer != 0) loop->cancel(loop->context, of->timer);
    while (of->echoes != NULL) {
        loop->cancel(loop->context, of->echoes->timer);
        good_free(of->echoes);
    }
}

GOOD void good_close(jf_self *self, jf_ref handle, uint64_t deadline) {
    channel *it = good_channel(self, handle);
    (void)deadline;
    if (it == NULL) return;
    good_forget(it);
    self->loop->timer(self->loop->context, 0, good_gone, it, &it->timer);
}

GOOD void good_stop(jf_self *self) {
    for (uint32_t i = 0; i < MOST; i++) {
        if (self->channels[i].used) good_forget(&self->channels[i]);
    }
}

GOOD int32_t good_create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return good_refuse(why, JF_E_BUSY, "out of memory");
    self->loop = good_service(offer, JF_LOOP_1);
    self->host = good_service(offer, JF_CHANNELS_1);
    if (!JF_HAS(self->loop, post) || !JF_HAS(self->host, closed)) {
        free(self);
        return good_refuse(why, JF_E_UNSUPPORTED, "it needs jf.loop/1 and jf.channels/1");
    }
    *out = self;
    return JF_OK;
}

GOOD void good_destroy(jf_self *self) {
    good_stop(self);
    free(self);
}

#ifndef CONNECTOR
#define CONNECTOR                                                                                            \
    "{\"keys\":[\"echo\"],\"config\":{\"type\":\"object\",\"additionalProperties\":false,"                   \
    "\"required\":[\"echo\"],\"properties\":{\"echo\":{\"type\":\"string\"}}}}"
#endif
#define MANIFEST                                                                                             \
    "{\"id\":\"gallery\",\"version\":\"1.0.0\",\"abi\":\"1.0\",\"facets\":[\"jf.connector/1\"],"             \
    "\"requires\":[\"jf.loop/1\",\"jf.channels/1\"],\"threads\":\"per-loop\",\"config\":" CLOSED             \
    ",\"connector\":" CONNECTOR "}"

#define FACET_TABLE                                                                                          \
    static const jf_connector_1 gallery_table = {                                                            \
        .size = FACET_SIZE, .open = OPEN, .send = SEND, .cancel = GIVE_UP, .close = CLOSE, .usage = USAGE}
#define FACET_TYPE jf_connector_1

#endif
