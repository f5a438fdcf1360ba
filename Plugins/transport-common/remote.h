/* SPDX-License-Identifier: Apache-2.0
 * A server to connect to: its host, the addresses of that, TLS. */
#ifndef TRANSPORT_COMMON_REMOTE_H
#define TRANSPORT_COMMON_REMOTE_H

#include "instance.h"
#include "uri.h"

struct lookup;
struct tls_context;

enum { ADDRESSES_MAX = 8 };

struct remote {
    jf_self *self;
    char *name; /**< for messages: the server's name, or host:port */
    char *host;
    char *authority; /**< for the Host header */
    uint16_t port;
    bool secure;
    bool literal; /**< the addresses need no look-up */
    bool open;    /**< special addresses (RFC 6890) do not count */
    uint8_t address_count;
    uint8_t good; /**< index of the address that worked last */
    struct endpoint addresses[ADDRESSES_MAX];
    uint64_t resolved_until;
    struct lookup *lookup;
    struct tls_context *tls;
    uint64_t connect_timeout, max_message;
};

/** Fills in the addresses of a literal host or localhost. */
void remote_find_literal(struct remote *r);
/** Starts a look-up in a thread; `remote_resolved` follows on the lane. False: no thread. */
bool resolve_start(struct remote *r);
void resolve_forget(struct remote *r);
/** All look-ups of the instance are forgotten. */
void resolve_end(jf_self *self);
/** The plugin's own: a look-up is over. `error` NULL: the addresses are there, for half a minute. */
void remote_resolved(struct remote *r, const char *error);
/** Whether the addresses are known at the moment. */
bool remote_is_resolved(const struct remote *r);

#endif
