/* SPDX-License-Identifier: Apache-2.0
 * HTTP+SSE of MCP 2024-11-05, serving: a GET opens the stream of a client, which POSTs its messages to a URI
 * of its own. Those may come on any connection, and so on any loop. */
#ifndef TRANSPORT_HTTP_LEGACY_SSE_H
#define TRANSPORT_HTTP_LEGACY_SSE_H

#include "text.h"
#include <jackfield/base.h>

struct conn;
struct legacy_session;
struct legacy_post;

/** What an instance has of it. */
struct legacy_side {
    void *clients; /**< its sessions by the host's handle of the client: tsearch [lane] */
    struct legacy_post *first,
        *last;   /**< messages that other loops received; under the guard of all sessions */
    bool posted; /**< a task for them is on its way; under the same guard */
};

/** "/sse", "/sse/servers/NAME", "/sse/bundles/NAME" or "/messages" as an enum conn_route; else ROUTE_NONE. */
uint8_t legacy_route(jf_view path);
/** Opens the stream that a GET for `path` asked for and announces where to POST. */
void legacy_open(struct conn *c, jf_view path);
/** Takes a POST: delivers it, or hands it to the loop that has its session. `query` is its URL's. */
void legacy_take(struct conn *c, jf_view query);
/** The open stream of a client, or NULL. */
struct conn *legacy_conn(jf_self *self, jf_ref client);
/** The connection closes: its session is over, if it has one. */
void legacy_close(struct conn *c);
/** Throws away what was never taken (instance end). */
void legacy_end(jf_self *self);

#endif
