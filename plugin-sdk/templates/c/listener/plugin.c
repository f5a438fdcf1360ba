/* SPDX-License-Identifier: Apache-2.0
 * A listener: takes MCP clients on a TCP port of the loopback interface, one JSON text on each line. */
#define _GNU_SOURCE
#include "client.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "manifest.h"
JF_MANIFEST(MANIFEST);

/** An open port. */
typedef struct door {
    struct door *next;
    jf_self *self;
    jf_ref ref, watch;
    int fd;
    uint64_t most;
} door;

/** One instance: the gateway makes one for each event loop, so that nothing needs a lock. */
struct jf_self {
    front front;
    const jf_config_1 *json;
    door *doors;
};

static int32_t refuse(jf_fault *why, int32_t code, const char *format, const char *detail) {
    why->code = code;
    why->text_len = (uint32_t)snprintf(why->text, sizeof why->text, format, detail);
    if (why->text_len >= sizeof why->text) why->text_len = sizeof why->text - 1;
    return code;
}

/* ---- Ports ---- */

static void accept_all(void *user, uint32_t events) {
    door *it = user;
    (void)events;
    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        char text[INET_ADDRSTRLEN] = "?", address[40];
        int fd = accept4(it->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd < 0) return;
        inet_ntop(AF_INET, &from.sin_addr, text, sizeof text);
        snprintf(address, sizeof address, "%s:%u", text, ntohs(from.sin_port));
        if (!client_open(&it->self->front, fd, it->ref, address, it->most)) close(fd);
    }
}

static void close_door(door *it) {
    door **link = &it->self->doors;
    while (*link != it)
        link = &(*link)->next;
    *link = it->next;
    accept_all(it, 0); /* who waits already is let in */
    it->self->front.loop->unwatch(it->self->front.loop->context, it->watch);
    close(it->fd);
    free(it);
}

/** Reads "127.0.0.1:8810". */
static bool read_address(const char *text, struct sockaddr_in *at) {
    char host[INET_ADDRSTRLEN];
    unsigned port;
    int end = 0;
    *at = (struct sockaddr_in){.sin_family = AF_INET};
    if (sscanf(text, "%15[0-9.]:%5u%n", host, &port, &end) != 2 || text[end] != 0 || port > 65535)
        return false;
    at->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &at->sin_addr) == 1;
}

/** A listening socket; -1: see errno. */
static int listen_at(struct sockaddr_in *at) {
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof *at;
    /* SO_REUSEPORT: the instances of all event loops share the port, and a new build of the plugin with them.
     */
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)at, size) == 0 && listen(fd, 128) == 0 &&
        getsockname(fd, (struct sockaddr *)at, &size) == 0)
        return fd;
    int error = errno;
    if (fd >= 0) close(fd);
    errno = error;
    return -1;
}

/* ---- The facet ---- */

/** Finds a setting by JSON Pointer. */
static bool setting(jf_self *self, jf_view config, const char *pointer, jf_view *raw) {
    uint32_t kind;
    jf_view at = {(const uint8_t *)pointer, strlen(pointer)};
    return self->json->find(self->json->context, config, at, raw, &kind) == JF_OK;
}

static int32_t listen_(jf_self *self, jf_ref listener, jf_view address, jf_view config, jf_blob *bound,
                       jf_fault *why) {
    struct sockaddr_in at;
    char text[64] = "127.0.0.1:8810";
    jf_view raw;
    jf_blob written = {0};
    int64_t most = 4194304;
    if (setting(self, config, "/max_message", &raw)) self->json->integer(self->json->context, raw, &most);
    if (address.ptr == NULL && setting(self, config, "/address", &raw) &&
        self->json->text(self->json->context, raw, &written) == JF_OK)
        address = (jf_view){written.ptr, written.len};
    if (address.ptr != NULL)
        snprintf(text, sizeof text, "%.*s", (int)(address.len < 60 ? address.len : 60),
                 (const char *)address.ptr);
    if (written.drop != NULL) written.drop(written.owner);
    if (!read_address(text, &at))
        return refuse(why, JF_E_INVALID, "address %s is not like 127.0.0.1:8810", text);
    if (ntohl(at.sin_addr.s_addr) >> 24 != 127)
        return refuse(why, JF_E_DENIED,
                      "address %s is not of the loopback interface: clients need no password", text);
    door *it = calloc(1, sizeof *it);
    char *copy = malloc(64);
    int fd = it != NULL && copy != NULL ? listen_at(&at) : -1;
    const jf_loop_1 *loop = self->front.loop;
    if (fd < 0 || loop->watch(loop->context, fd, JF_READABLE, accept_all, it, &it->watch) != JF_OK) {
        const char *reason = fd < 0 ? strerror(errno) : "the event loop takes no more";
        if (fd >= 0) close(fd);
        free(it);
        free(copy);
        return refuse(why, JF_E_FAULT, "cannot listen: %s", reason);
    }
    *it = (door){self->doors, self, listener, it->watch, fd, (uint64_t)most};
    self->doors = it;
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &at.sin_addr, host, sizeof host);
    int length = snprintf(copy, 64, "tcp://%s:%u", host, ntohs(at.sin_port));
    *bound = (jf_blob){(uint8_t *)copy, (uint64_t)length, copy, free};
    return JF_OK;
}

static void unlisten(jf_self *self, jf_ref listener) {
    door *it = self->doors;
    while (it != NULL && it->ref != listener)
        it = it->next;
    if (it != NULL) close_door(it);
}

static int32_t reply(jf_self *self, jf_ref ref, const jf_message *message) {
    client *it = client_of(&self->front, ref);
    return it != NULL ? client_reply(it, message) : JF_E_STALE;
}

static void close_client(jf_self *self, jf_ref ref) {
    client *it = client_of(&self->front, ref);
    if (it != NULL) client_finish(it);
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_listener_1 listener = {.size = sizeof listener,
                                           .listen = listen_,
                                           .unlisten = unlisten,
                                           .reply = reply,
                                           .close = close_client};
    (void)self;
    return strcmp(id, JF_LISTENER_1) == 0 ? &listener : NULL;
}

/* ---- The life of an instance ---- */

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return refuse(why, JF_E_BUSY, "%s", "out of memory");
    self->json = offer->service(offer->host, JF_CONFIG_1);
    self->front.loop = offer->service(offer->host, JF_LOOP_1);
    self->front.host = offer->service(offer->host, JF_INBOUND_1);
    if (!JF_HAS(self->json, integer) || !JF_HAS(self->front.loop, unwatch) ||
        !JF_HAS(self->front.host, closed)) {
        free(self);
        return refuse(why, JF_E_UNSUPPORTED, "%s", "PLUGIN_ID needs jf.config/1, jf.loop/1 and jf.inbound/1");
    }
    *out = self;
    return JF_OK;
}

static void stop(jf_self *self) {
    while (self->doors != NULL)
        close_door(self->doors);
    while (self->front.clients != NULL)
        client_end(self->front.clients, true);
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
    refuse(why, JF_E_UNSUPPORTED, "%s", "PLUGIN_ID was built for ABI 1");
    return NULL;
}
