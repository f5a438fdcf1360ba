/* SPDX-License-Identifier: Apache-2.0
 * A good listener: accepts clients on a port of this machine, and hears nothing of what they say. */
#ifndef GALLERY_LISTENER_H
#define GALLERY_LISTENER_H

#include "base.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define FACET_ID JF_LISTENER_1
#define MOST 64

typedef struct client {
    jf_ref host;
    int fd;
    bool used;
} client;

struct jf_self {
    const jf_loop_1 *loop;
    const jf_inbound_1 *host;
    jf_ref listener, watch;
    int fd;
    client clients[MOST];
};

GOOD void good_accept(void *user, uint32_t events) {
    jf_self *self = user;
    int fd;
    (void)events;
    while ((fd = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        jf_client_info info = {
            .size = sizeof info, .listener = self->listener, .address = good_view("somebody")};
        client *it = self->clients;
        while (it < self->clients + MOST && it->used)
            it++;
        if (it == self->clients + MOST ||
            self->host->opened(self->host->context, &info, &it->host) != JF_OK) {
            close(fd);
            continue;
        }
        it->fd = fd;
        it->used = true;
    }
}

GOOD int32_t good_listen(jf_self *self, jf_ref listener, jf_view address, jf_view config, jf_blob *bound,
                         jf_fault *why) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    char text[64];
    (void)address, (void)config;
    self->listener = listener;
    self->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->fd < 0 || bind(self->fd, (struct sockaddr *)&at, size) != 0 || listen(self->fd, 16) != 0 ||
        getsockname(self->fd, (struct sockaddr *)&at, &size) != 0 ||
        self->loop->watch(self->loop->context, self->fd, JF_READABLE, good_accept, self, &self->watch) !=
            JF_OK) {
        if (self->fd >= 0) close(self->fd);
        self->fd = -1;
        return good_refuse(why, JF_E_FAULT, "cannot listen");
    }
    snprintf(text, sizeof text, "tcp://127.0.0.1:%u", ntohs(at.sin_port));
    return good_give(bound, text);
}

GOOD void good_unlisten(jf_self *self, jf_ref listener) {
    if (self->fd < 0 || listener != self->listener) return;
    self->loop->unwatch(self->loop->context, self->watch);
    close(self->fd);
    self->fd = -1;
}

GOOD client *good_client(jf_self *self, jf_ref host) {
    for (client *it = self->clients; it < self->clients + MOST; it++) {
        if (it->used && it->host == host) return it;
    }
    return NULL;
}

GOOD int32_t good_reply(jf_self *self, jf_ref host, const jf_message *message) {
    (void)message;
    return good_client(self, host) != NULL ? JF_OK : JF_E_STALE;
}

GOOD void good_close(jf_self *self, jf_ref host) {
    client *it = good_client(self, host);
    if (it == NULL) return;
    close(it->fd);
    it->used = false;
    self->host->closed(self->host->context, host);
}

GOOD void good_stop(jf_self *self) {
    good_unlisten(self, self->listener);
    for (client *it = self->clients; it < self->clients + MOST; it++) {
        if (it->used) good_close(self, it->host);
    }
}

GOOD int32_t good_create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return good_refuse(why, JF_E_BUSY, "out of memory");
    self->loop = good_service(offer, JF_LOOP_1);
    self->host = good_service(offer, JF_INBOUND_1);
    self->fd = -1;
    if (!JF_HAS(self->loop, post) || !JF_HAS(self->host, closed)) {
        free(self);
        return good_refuse(why, JF_E_UNSUPPORTED, "it needs jf.loop/1 and jf.inbound/1");
    }
    *out = self;
    return JF_OK;
}

GOOD void good_destroy(jf_self *self) {
    good_stop(self);
    free(self);
}

#define MANIFEST                                                                                             \
    "{\"id\":\"gallery\",\"version\":\"1.0.0\",\"abi\":\"1.0\",\"facets\":[\"jf.listener/1\"],"              \
    "\"requires\":[\"jf.loop/1\",\"jf.inbound/1\"],\"threads\":\"per-loop\",\"config\":" CLOSED              \
    ",\"listener\":{\"transport\":\"gallery\",\"config\":" CLOSED "}}"

#define FACET_TABLE                                                                                          \
    static const jf_listener_1 gallery_table = {                                                             \
        .size = FACET_SIZE, .listen = LISTEN, .unlisten = UNLISTEN, .reply = REPLY, .close = CLOSE}
#define FACET_TYPE jf_listener_1

#endif
