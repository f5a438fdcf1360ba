/* SPDX-License-Identifier: Apache-2.0
 * What waits to be written to a server: one buffer, because masked bytes are copies anyway. */
#include "uplink.h"

#include <errno.h>

void uplink_write(void *owner, struct iovec *parts, uint32_t count, const struct keeper *keeper) {
    struct uplink *u = owner;
    struct buffer *out = &u->out;
    uint64_t size = 0;
    (void)keeper;
    for (uint32_t i = 0; i < count; i++)
        size += parts[i].iov_len;
    if (u->broken || u->fd < 0) return;
    uint64_t wanted = out->len - out->pos + size;
    bool fits = out->ptr != NULL && out->cap - out->len >= size;
    // At least doubled, so that a large message is not moved for each of its pieces.
    if (!fits && out->ptr != NULL && wanted > out->cap / 2)
        wanted = wanted < out->cap ? 2ull * out->cap : 2 * wanted;
    if (wanted > 0xf0000000u ||
        (!fits && !(out->ptr == NULL ? buffer_take(u->remote.self, out, (uint32_t)wanted)
                                     : buffer_grow(u->remote.self, out, (uint32_t)wanted, out->pos)))) {
        self_log(u->remote.self, JF_LOG_WARNING, "out of memory for messages to server \"%s\"",
                 u->remote.name);
        u->broken = true;
        uplink_later(u);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (parts[i].iov_len != 0) memcpy(out->ptr + out->len, parts[i].iov_base, parts[i].iov_len);
        out->len += (uint32_t)parts[i].iov_len;
    }
}

void uplink_flush(struct uplink *u) {
    struct buffer *out = &u->out;
    jf_self *self = u->remote.self;
    if (u->broken || u->fd < 0) return;
    if (u->tls != NULL && out->ptr == NULL && tls_flush(u->tls) < 0) u->broken = true;
    while (out->pos < out->len && !u->broken) {
        struct iovec part = {out->ptr + out->pos, out->len - out->pos};
        ssize_t done = u->tls != NULL ? tls_write(u->tls, &part, 1) : socket_write(u->fd, &part, 1);
        if (done < 0 && errno == EAGAIN) break;
        if (done < 0) {
            u->broken = true;
            break;
        }
        out->pos += (uint32_t)done;
        // A slow reader is not a dead one.
        u->framer.heard = self->now;
    }
    if (u->broken) uplink_later(u);
    if (out->pos == out->len) buffer_release(self, out);
    if (!u->blocked || u->broken || out->len - out->pos > u->queue / 2) return;
    u->blocked = false;
    u->caught_up = true;
    uplink_later(u);
}
