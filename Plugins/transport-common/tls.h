/* SPDX-License-Identifier: Apache-2.0
 * TLS towards https servers. Nothing of it is touched, and libssl is not even mapped, without an https URL.
 */
#ifndef TRANSPORT_COMMON_TLS_H
#define TRANSPORT_COMMON_TLS_H

#include "text.h"
#include <sys/types.h>
#include <sys/uio.h>

struct tls_context;
struct tls;

/** What the connections to one server share. `ca_file` may be NULL: the system's certificates. */
struct tls_context *tls_context_open(jf_self *self, bool verify, const char *ca_file, const char *name,
                                     jf_fault *why);
void tls_context_close(jf_self *self, struct tls_context *context);

/** Begins TLS as a client on a connected socket; `host` is verified and sent as SNI. NULL: out of memory. */
struct tls *tls_open(struct tls_context *context, const char *host, int fd);
/** 1: done; 0: wait for the socket; -1: failed, see tls_error. */
int tls_handshake(struct tls *tls);
/** Copies what went wrong, for a person. */
void tls_error(const struct tls *tls, char *out, size_t room);
/** As recv and writev do: -1 with errno EAGAIN when the socket has to be waited for. */
ssize_t tls_read(struct tls *tls, void *to, size_t size);
ssize_t tls_write(struct tls *tls, const struct iovec *parts, uint32_t count);
/** The socket takes bytes again: sends what is left of earlier writes. -1: broken. */
int tls_flush(struct tls *tls);
/** Ends it; the socket stays open. */
void tls_close(struct tls *tls);

#endif
