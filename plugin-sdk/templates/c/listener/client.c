/* SPDX-License-Identifier: Apache-2.0
 * One connected client: lines in, lines out. */
#include "client.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOW 65536u        /* bytes that wait for a slow reader before the host hears of it */
#define MOST_OUT 16777216u /* and before the connection is given up */

/** Bytes that wait. */
typedef struct buffer {
    uint8_t *bytes;
    size_t used, room;
} buffer;

struct client {
    client *next;
    front *of;
    jf_ref ref, watch;
    int fd;
    uint64_t most;
    buffer in, out;
    uint32_t depth;  /**< how many of our functions are at work on it */
    bool is_over;    /**< freed when `depth` is 0 */
    bool is_slow;    /**< the host waits for `writable` */
    bool is_closing; /**< ends when `out` is empty */
};

static bool append(buffer *it, const uint8_t *bytes, size_t count) {
    if (it->used + count > it->room) {
        size_t room = (it->used + count) * 2;
        uint8_t *larger = realloc(it->bytes, room);
        if (larger == NULL) return false;
        it->bytes = larger;
        it->room = room;
    }
    memcpy(it->bytes + it->used, bytes, count);
    it->used += count;
    return true;
}

static void take(buffer *it, size_t count) {
    it->used -= count;
    if (it->used > 0) memmove(it->bytes, it->bytes + count, it->used);
}

client *client_of(front *of, jf_ref ref) {
    client *it = of->clients;
    while (it != NULL && it->ref != ref)
        it = it->next;
    return it;
}

void client_end(client *it, bool tells) {
    front *of = it->of;
    jf_ref ref = it->ref;
    client **link = &of->clients;
    if (it->is_over) return;
    while (*link != it)
        link = &(*link)->next;
    *link = it->next;
    it->is_over = true;
    of->loop->unwatch(of->loop->context, it->watch);
    close(it->fd);
    if (it->depth == 0) {
        free(it->in.bytes);
        free(it->out.bytes);
        free(it);
    }
    if (tells) of->host->closed(of->host->context, ref);
}

/** Between these a client may end, but stays in memory. */
static void enter(client *it) {
    it->depth++;
}

static void leave(client *it) {
    if (--it->depth > 0 || !it->is_over) return;
    free(it->in.bytes);
    free(it->out.bytes);
    free(it);
}

/** Writes what the socket takes. */
static void flush(client *it) {
    size_t done = 0;
    while (done < it->out.used) {
        ssize_t count = send(it->fd, it->out.bytes + done, it->out.used - done, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno != EAGAIN) {
            client_end(it, true);
            return;
        }
        if (count < 0) break;
        done += (size_t)count;
    }
    take(&it->out, done);
    if (it->out.used > 0) return;
    if (it->is_closing) {
        client_end(it, true);
    } else if (it->is_slow) {
        it->is_slow = false;
        it->of->host->writable(it->of->host->context, it->ref, 0);
    }
}

/** Hands every whole line to the host. */
static void deliver(client *it) {
    size_t from = 0;
    uint8_t *end;
    while (!it->is_over && (end = memchr(it->in.bytes + from, '\n', it->in.used - from)) != NULL) {
        size_t length = (size_t)(end - (it->in.bytes + from));
        jf_view line = {it->in.bytes + from, length};
        jf_message message = {.size = sizeof message, .body = &line, .body_count = 1};
        from += length + 1;
        if (length > 0 && line.ptr[length - 1] == '\r') line.len--;
        if (line.len == 0) continue;
        /* The host may answer, or end the client, before this returns. */
        if (it->of->host->deliver(it->of->host->context, it->ref, &message) != JF_OK) client_end(it, false);
    }
    take(&it->in, from);
    if (!it->is_over && it->in.used > it->most) client_end(it, true);
}

static void turn(void *user, uint32_t events) {
    client *it = user;
    uint8_t bytes[16384];
    enter(it);
    if (events & JF_WRITABLE) flush(it);
    while (!it->is_over) {
        ssize_t count = recv(it->fd, bytes, sizeof bytes, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) break;
        if (count <= 0 || !append(&it->in, bytes, (size_t)count))
            client_end(it, true);
        else
            deliver(it);
    }
    leave(it);
}

bool client_open(front *of, int fd, jf_ref listener, const char *address, uint64_t most) {
    jf_client_info info = {.size = sizeof info,
                           .flags = JF_CLIENT_SHARED,
                           .listener = listener,
                           .address = {(const uint8_t *)address, strlen(address)}};
    client *it = calloc(1, sizeof *it);
    if (it == NULL || of->host->opened(of->host->context, &info, &it->ref) != JF_OK) {
        free(it);
        return false;
    }
    *it = (client){.next = of->clients, .of = of, .ref = it->ref, .fd = fd, .most = most};
    if (of->loop->watch(of->loop->context, fd, JF_READABLE | JF_WRITABLE, turn, it, &it->watch) != JF_OK) {
        of->host->closed(of->host->context, it->ref);
        free(it);
        return false;
    }
    of->clients = it;
    return true;
}

int32_t client_reply(client *it, const jf_message *message) {
    size_t from = it->out.used;
    bool fits = true;
    if (it->is_closing) return JF_E_STALE;
    if (message->body_count == 0) return JF_OK; /* an acknowledgement: there is no line for it */
    for (uint32_t i = 0; i < message->body_count && fits; i++)
        fits = it->out.used + message->body[i].len < MOST_OUT &&
               append(&it->out, message->body[i].ptr, message->body[i].len);
    /* A JSON text may have line feeds only between its tokens: there a space does as well. */
    for (size_t i = from; i < it->out.used; i++) {
        if (it->out.bytes[i] == '\n' || it->out.bytes[i] == '\r') it->out.bytes[i] = ' ';
    }
    if (!fits || !append(&it->out, (const uint8_t *)"\n", 1)) {
        client_end(it, true);
        return JF_E_STALE;
    }
    enter(it);
    flush(it);
    int32_t status = it->is_over ? JF_E_STALE : it->out.used > SLOW ? JF_E_BUSY : JF_OK;
    if (status == JF_E_BUSY) it->is_slow = true;
    leave(it);
    return status;
}

void client_finish(client *it) {
    it->is_closing = true;
    if (it->out.used == 0) client_end(it, true);
}
