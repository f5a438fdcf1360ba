/* SPDX-License-Identifier: Apache-2.0
 * The parts of the benchmark's MCP server: its options, its answers, its HTTP front. */
#ifndef BENCH_BACKEND_H
#define BENCH_BACKEND_H

#include "bytes.h"

enum { BACKEND_SERVERS = 256 }; /* most servers (ports) in one process */
enum { ERA_LEGACY = 1, ERA_MODERN = 2 };
enum { SESSION_NONE, SESSION_ISSUE, SESSION_REQUIRE };

/** What the command line said. Written once before serving. */
typedef struct backend_options {
    int servers;    /**< how many ports, each a server of its own */
    int first_port; /**< 0: the system chooses each port */
    int tools;      /**< tools a server lists: echo, blob, sleep, then tool_003, ... which answer like echo */
    int eras;       /**< ERA_* bits */
    int session;    /**< SESSION_*: what initialize hands out and later requests must carry */
    int core;       /**< processor to run on, -1: wherever it was started */
    bool events;    /**< answer as an event stream */
    bool strict;    /**< modern era: refuse headers that are absent or differ from the body */
    bool stdio;     /**< one server on stdin and stdout */
    long ttl_ms;    /**< ttlMs of cacheable results */
    long slow_ms;   /**< the last server answers calls so late */
} backend_options;
extern backend_options options;

/** What the HTTP headers of a request said; NULL over stdio. */
typedef struct request_meta {
    span version, method, name, session;
} request_meta;

/** One answer. The caller keeps it between requests, so that its buffer is reused. */
typedef struct reply {
    int status;       /**< HTTP status; 0: nothing to say (a notification or an answer) */
    bytes body;       /**< the JSON-RPC message */
    long delay_ms;    /**< hold the answer back so long */
    bool new_session; /**< hand out a session id */
} reply;

/** Counts of requests by kind since the start, all servers together. */
typedef struct backend_counts {
    unsigned long calls, lists, others, refused;
} backend_counts;
extern backend_counts counts;

/** Prepares the tool lists and the session secret. Call once. */
void backend_prepare(void);
/** Answers one JSON-RPC message of server `index`. */
void backend_answer(int index, span message, const request_meta *meta, reply *out);
/** Writes a fresh session id (at most 40 characters). */
void backend_new_session(bytes *to);
/** Milliseconds of the monotonic clock. */
long backend_now_ms(void);

/** Serves HTTP for ever; prints `ports P P ...` on stdout when all ports listen. Returns on failure only. */
int backend_serve_http(void);
/** Serves newline-delimited JSON until stdin ends. */
int backend_serve_stdio(void);

#endif
