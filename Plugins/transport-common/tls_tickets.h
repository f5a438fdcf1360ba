/* SPDX-License-Identifier: Apache-2.0
 * Keys of TLS session tickets: one set for all loops of a process, renewed while it runs. */
#ifndef TRANSPORT_COMMON_TLS_TICKETS_H
#define TRANSPORT_COMMON_TLS_TICKETS_H

#include "openssl.h"

/** For how long a session may be resumed. */
enum { TICKET_SECONDS = 7200 };

/** Lets a context give and take tickets with the process's keys, so that a client may resume on any loop.
 * False: the library cannot do it. [control] */
bool tls_tickets_use(const struct openssl *api, void *context);

#endif
