/* SPDX-License-Identifier: Apache-2.0
 * Read buffers and the output queue. */
#include "buffer.h"
#include "instance.h"

#include <errno.h>
#include <sys/socket.h>

bool buffer_take(jf_self *self, struct buffer *b, uint32_t size) {
    b->len = b->pos = 0;
    if (self->spare != NULL && size <= self->spare_cap) {
        b->ptr = self->spare;
        b->cap = self->spare_cap;
        self->spare = NULL;
        return true;
    }
    uint64_t capacity = 0;
    b->ptr = self->memory.borrow(self->memory.context, size < SMALL_BUFFER ? SMALL_BUFFER : size, &capacity);
    b->cap = capacity > 0xffff0000u ? 0xffff0000u : (uint32_t)capacity;
    return b->ptr != NULL;
}

bool buffer_grow(jf_self *self, struct buffer *b, uint32_t size, uint32_t from) {
    uint32_t kept = b->len - from;
    if (size <= b->cap) {
        if (from != 0) memmove(b->ptr, b->ptr + from, kept);
    } else {
        struct buffer larger = {0};
        if (!buffer_take(self, &larger, size)) return false;
        memcpy(larger.ptr, b->ptr + from, kept);
        uint32_t pos = b->pos;
        buffer_release(self, b);
        *b = larger;
        b->pos = pos;
    }
    b->len = kept;
    b->pos -= from;
    return true;
}

void buffer_release(jf_self *self, struct buffer *b) {
    if (b->ptr == NULL) return;
    if (self->spare == NULL && b->cap <= 2 * SMALL_BUFFER) {
        self->spare = b->ptr;
        self->spare_cap = b->cap;
    } else {
        self->memory.give_back(self->memory.context, b->ptr);
    }
    b->ptr = NULL;
    b->cap = b->len = b->pos = 0;
}

/** Up to here, joining the parts costs less than the kernel's work on an array of them (measured: 2 to 3 % of
 * a proxied call). */
enum { JOINED_MAX = 2048 };

ssize_t socket_write(int fd, const struct iovec *parts, uint32_t count) {
    uint8_t joined[JOINED_MAX];
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += parts[i].iov_len;
    struct writer w = {joined, joined + sizeof(joined), false};
    const void *bytes = count == 1 ? parts[0].iov_base : joined;
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = count};
    bool one = count == 1 || total <= sizeof(joined);
    for (uint32_t i = 0; one && count > 1 && i < count; i++)
        if (parts[i].iov_len != 0) put_bytes(&w, parts[i].iov_base, parts[i].iov_len);
    ssize_t done;
    do
        done = one ? send(fd, bytes, total, MSG_NOSIGNAL | MSG_DONTWAIT)
                   : sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (done < 0 && errno == EINTR);
    return done;
}

struct block {
    struct block *next;
    uint32_t start, end, cap;
    uint8_t bytes[];
};

static struct block *block_take(jf_self *self, uint64_t size) {
    uint64_t capacity = 0;
    uint8_t *memory = self->memory.borrow(self->memory.context, size + sizeof(struct block), &capacity);
    struct block *block = (struct block *)(void *)memory;
    if (block == NULL) return NULL;
    capacity -= sizeof(struct block);
    *block = (struct block){.cap = capacity > UINT32_MAX ? UINT32_MAX : (uint32_t)capacity};
    return block;
}

bool outq_append(jf_self *self, struct outq *q, const struct iovec *parts, uint32_t count, uint64_t skip) {
    uint64_t left = 0;
    for (uint32_t i = 0; i < count; i++)
        left += parts[i].iov_len;
    if (left <= skip) return true;
    left -= skip;
    for (uint32_t i = 0; i < count; i++) {
        if (skip >= parts[i].iov_len) {
            skip -= parts[i].iov_len;
            continue;
        }
        const uint8_t *from = (const uint8_t *)parts[i].iov_base + skip;
        uint64_t size = parts[i].iov_len - skip;
        skip = 0;
        while (size != 0) {
            if (q->tail == NULL || q->tail->end == q->tail->cap) {
                uint64_t wanted = left > (1u << 20) ? (1u << 20) - sizeof(struct block) : left;
                struct block *block = block_take(self, wanted);
                if (block == NULL) return false;
                if (q->tail != NULL)
                    q->tail->next = block;
                else
                    q->head = block;
                q->tail = block;
            }
            uint64_t room = q->tail->cap - q->tail->end;
            uint64_t part = size < room ? size : room;
            memcpy(q->tail->bytes + q->tail->end, from, part);
            q->tail->end += (uint32_t)part;
            q->bytes += part;
            from += part;
            size -= part;
            left -= part;
        }
    }
    return true;
}

int outq_flush(jf_self *self, struct outq *q, int fd) {
    while (q->head != NULL) {
        struct iovec parts[16];
        uint32_t count = 0;
        uint64_t offered = 0;
        for (struct block *b = q->head; b != NULL && count < 16; b = b->next) {
            parts[count++] = (struct iovec){b->bytes + b->start, b->end - b->start};
            offered += b->end - b->start;
        }
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR) continue;
            return errno == EAGAIN ? 0 : -1;
        }
        uint64_t done = (uint64_t)sent;
        q->bytes -= done;
        while (done != 0) {
            uint64_t size = q->head->end - q->head->start;
            if (done < size) {
                q->head->start += (uint32_t)done;
                break;
            }
            done -= size;
            struct block *empty = q->head;
            q->head = empty->next;
            if (q->head == NULL) q->tail = NULL;
            self->memory.give_back(self->memory.context, (uint8_t *)empty);
        }
        if ((uint64_t)sent < offered) return 0;
    }
    return 1;
}

void outq_clear(jf_self *self, struct outq *q) {
    while (q->head != NULL) {
        struct block *next = q->head->next;
        self->memory.give_back(self->memory.context, (uint8_t *)q->head);
        q->head = next;
    }
    *q = (struct outq){0};
}
