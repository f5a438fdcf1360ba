/* SPDX-License-Identifier: Apache-2.0
 * Read buffers borrowed only while a message is incomplete, and the queue of what a socket refused. */
#ifndef TRANSPORT_COMMON_BUFFER_H
#define TRANSPORT_COMMON_BUFFER_H

#include "text.h"
#include <sys/uio.h>

/** The first read takes at most this much, so that a large body's buffer is chosen by its Content-Length. */
enum { FIRST_READ = 16384, SMALL_BUFFER = 65536, READ_PADDING = 64 };

/** A borrowed buffer; `ptr` is NULL while none is held. At least READ_PADDING readable bytes follow `cap`. */
struct buffer {
    uint8_t *ptr;
    uint32_t cap;
    uint32_t len; /**< bytes read */
    uint32_t pos; /**< bytes parsed */
};

/** Borrows a buffer of at least `size` bytes (the instance's spare one where it fits). False: out of memory.
 */
bool buffer_take(jf_self *self, struct buffer *b, uint32_t size);
/** Makes room for `size` bytes in all, keeping bytes [from, len) and moving them to the front. */
bool buffer_grow(jf_self *self, struct buffer *b, uint32_t size, uint32_t from);
void buffer_release(jf_self *self, struct buffer *b);

/** Writes once, as writev does, without SIGPIPE and without waiting. -1: see errno. */
ssize_t socket_write(int fd, const struct iovec *parts, uint32_t count);

/** Which of the parts written may be kept by reference instead of being copied (jf_message, retained
 * segments).
 */
struct keeper {
    void *owner;
    int32_t (*retain)(void *owner);
    void (*release)(void *owner);
    uint64_t parts; /**< bit i: parts[i] */
};

struct block;
/** Bytes that wait for a socket: copies, and references to bytes of somebody else. */
struct outq {
    struct block *head;
    struct block *tail;
    uint64_t bytes;
};

/** Appends the bytes of `parts` behind the first `skip`: references where `keeper` (may be NULL) allows it
 * and they are many, else copies. False: out of memory, queue unchanged or cut. */
bool outq_append(jf_self *self, struct outq *q, const struct iovec *parts, uint32_t count, uint64_t skip,
                 const struct keeper *keeper);
/** Writes as much as the socket takes. 1: empty now; 0: the rest waits for writability; -1: broken (errno).
 */
int outq_flush(jf_self *self, struct outq *q, int fd);
void outq_clear(jf_self *self, struct outq *q);

#endif
