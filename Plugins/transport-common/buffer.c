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

/** A reference costs a block of its own: shorter parts are copied. A copy up to SMALL_BLOCK bytes that begins
 * the queue or follows a reference (the end of a message) needs no pooled buffer of 64 KiB. */
enum { REFERENCE_MIN = 4096, SMALL_BLOCK = 1024, LARGE_BLOCK = 1 << 20 };

enum block_kind { BLOCK_REFERENCE = 0, BLOCK_SMALL, BLOCK_BORROWED };

struct block {
    struct block *next;
    const uint8_t *at; /**< the next byte to write */
    uint64_t left;     /**< bytes to write */
    uint64_t room;     /**< free bytes behind them */
    void *owner;       /**< references: with what to let go of them */
    void (*release)(void *owner);
    uint8_t kind;
    uint8_t bytes[];
};

static void push(struct outq *q, struct block *block) {
    if (q->tail != NULL)
        q->tail->next = block;
    else
        q->head = block;
    q->tail = block;
}

static void pop(jf_self *self, struct outq *q) {
    struct block *block = q->head;
    q->head = block->next;
    if (q->head == NULL) q->tail = NULL;
    if (block->kind == BLOCK_REFERENCE) block->release(block->owner);
    if (block->kind == BLOCK_BORROWED)
        self->memory.give_back(self->memory.context, (uint8_t *)block);
    else
        self_release(self, block);
}

/** Appends an empty block for copies of `size` bytes or less. */
static bool push_room(jf_self *self, struct outq *q, uint64_t size) {
    bool small = size <= SMALL_BLOCK && (q->tail == NULL || q->tail->kind == BLOCK_REFERENCE);
    uint64_t capacity = sizeof(struct block) + (small ? SMALL_BLOCK : size);
    if (!small && capacity > LARGE_BLOCK) capacity = LARGE_BLOCK;
    void *memory = small ? self_allocate(self, capacity)
                         : self->memory.borrow(self->memory.context, capacity, &capacity);
    struct block *block = memory;
    if (block == NULL) return false;
    *block = (struct block){.at = block->bytes, .room = capacity - sizeof(struct block)};
    block->kind = small ? BLOCK_SMALL : BLOCK_BORROWED;
    push(q, block);
    return true;
}

static bool push_reference(jf_self *self, struct outq *q, const uint8_t *bytes, uint64_t size,
                           const struct keeper *keeper) {
    struct block *block = self_allocate(self, sizeof(struct block));
    if (block == NULL) return false;
    if (keeper->retain(keeper->owner) != JF_OK) {
        self_release(self, block);
        return false;
    }
    *block = (struct block){.at = bytes, .left = size, .owner = keeper->owner, .release = keeper->release};
    push(q, block);
    q->bytes += size;
    return true;
}

bool outq_append(jf_self *self, struct outq *q, const struct iovec *parts, uint32_t count, uint64_t skip,
                 const struct keeper *keeper) {
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
        bool keep = keeper != NULL && size >= REFERENCE_MIN && i < 64 && (keeper->parts >> i & 1) != 0;
        if (keep && push_reference(self, q, from, size, keeper)) {
            left -= size;
            continue;
        }
        while (size != 0) {
            if ((q->tail == NULL || q->tail->room == 0) && !push_room(self, q, left)) return false;
            struct block *to = q->tail;
            uint64_t part = size < to->room ? size : to->room;
            memcpy((uint8_t *)(uintptr_t)to->at + to->left, from, part);
            to->left += part;
            to->room -= part;
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
            parts[count++] = (struct iovec){(void *)(uintptr_t)b->at, b->left};
            offered += b->left;
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
            struct block *first = q->head;
            if (done < first->left) {
                first->at += done;
                first->left -= done;
                break;
            }
            done -= first->left;
            pop(self, q);
        }
        if ((uint64_t)sent < offered) return 0;
    }
    return 1;
}

void outq_clear(jf_self *self, struct outq *q) {
    while (q->head != NULL)
        pop(self, q);
    *q = (struct outq){0};
}
