/* SPDX-License-Identifier: Apache-2.0
 * TLS of a listener: what its connections share (option `tls`), certificates that are read again when their
 * files change, and one connection between its socket and its queue. */
#ifndef TRANSPORT_COMMON_TLS_SERVER_H
#define TRANSPORT_COMMON_TLS_SERVER_H

#include "buffer.h"
#include "openssl.h"
#include "uri.h"
#include <jackfield/listener.h>
#include <sys/stat.h>

enum tls_file { TLS_CERTIFICATE = 0, TLS_KEY, TLS_CLIENT_CA, TLS_FILES };

/** Lives as long as its listener, whichever certificate it has; its connections need it to the end. */
struct tls_server {
    struct openssl api;
    jf_self *self;
    void *context; /**< SSL_CTX; connections keep the one that they began with */
    char *paths[TLS_FILES];
    struct stat seen[TLS_FILES]; /**< the files when they were last read, well or badly */
    uint64_t checked;            /**< when they were last looked at */
    int least;                   /**< protocol version */
    int verify;                  /**< how client certificates are treated: VERIFY_* */
    bool renew;                  /**< the files are looked at again */
    uint64_t told;               /**< when a failed handshake was last logged */
    uint32_t untold;             /**< how many failed since */
};

/** Reads the option `tls` of a listener. JF_OK with NULL in *out: it has none. */
int32_t tls_server_open(jf_self *self, jf_view config, struct tls_server **out, jf_fault *why);
/** NULL is nothing. */
void tls_server_close(struct tls_server *s);
/** Reads the files again when they have changed; looks at most every two seconds. Files that cannot be used
 * change nothing and are logged. */
void tls_server_renew(struct tls_server *s);

enum tls_step {
    TLS_WAIT = 0, /**< for the socket */
    TLS_DONE,
    TLS_MORE,   /**< had its share of this turn, and the socket has more */
    TLS_PLAIN,  /**< the client speaks HTTP without TLS */
    TLS_FAILED, /**< the alert that says why is on its way */
    TLS_GONE    /**< the client left */
};

/** One connection. Ciphertext that a socket does not take waits in the connection's queue, so that everything
 * else about that is as without TLS. */
struct tls_link {
    struct tls_server *server;
    void *ssl;
    void *in;  /**< what came from the socket; owned by `ssl` */
    void *out; /**< what goes to it; owned by `ssl` */
    int fd;
    uint32_t unasked; /**< bytes that wait though nothing of ours was said: answers to key updates */
    bool begun;       /**< the client has said something */
    bool secured;     /**< the handshake is over */
    bool over;        /**< nothing more is said */
};

/** Begins TLS on an accepted socket. NULL: out of memory. */
struct tls_link *tls_link_open(struct tls_server *s, int fd);
/** Goes on with the handshake. */
enum tls_step tls_link_handshake(struct tls_link *link, struct outq *out, const struct endpoint *peer);
/** As recv does: 0 at the end, -1 with EAGAIN when the socket has to be waited for, with EINTR when others
 * should have their turn first. */
ssize_t tls_link_read(struct tls_link *link, struct outq *out, void *to, size_t room);
/** Writes, or queues what the socket does not take. False: broken, or out of memory. */
bool tls_link_write(struct tls_link *link, struct outq *out, const struct iovec *parts, uint32_t count);
/** Says that nothing more follows (RFC 8446 section 6.1), once. */
void tls_link_goodbye(struct tls_link *link, struct outq *out);
/** Ends it; the socket stays open. */
void tls_link_close(struct tls_link *link);
/** Fills in what a handshake tells of the client. Returns memory that `info` points to, for self_release once
 * the host has been told; NULL: it showed no certificate. */
uint8_t *tls_link_describe(const struct tls_link *link, jf_client_info *info);

#endif
