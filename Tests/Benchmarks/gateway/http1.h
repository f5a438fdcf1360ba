/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1.1 framing as far as the benchmark needs it; requests and responses. */
#ifndef BENCH_HTTP1_H
#define BENCH_HTTP1_H

#include "bytes.h"

/** The head of one message. Spans point into the parsed bytes. */
typedef struct http_head {
    size_t size;       /**< bytes of the head, its blank line included */
    int status;        /**< of a response, else 0 */
    span verb, target; /**< of a request */
    long length;       /**< Content-Length, -1: absent */
    bool chunked, keep, expects, event_stream;
    span session, version, method, name; /**< Mcp-Session-Id, MCP-Protocol-Version, Mcp-Method, Mcp-Name */
} http_head;

/** 1: parsed; 0: more bytes are needed; -1: not HTTP or a head of over 64 KiB. `*scanned` (0 at first)
 * remembers how far the search for the blank line came. */
int http_head_parse(const char *data, size_t len, size_t *scanned, http_head *head);

/** Joins the chunks that begin at `at` into `joined`. 1: whole, `*end` is behind the last chunk; 0: more
 * needed. */
int http_chunks_join(const char *data, size_t len, size_t at, bytes *joined, size_t *end);

#endif
