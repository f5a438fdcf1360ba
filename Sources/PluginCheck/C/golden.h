/* SPDX-License-Identifier: Apache-2.0
 * The golden MCP conversation of the transport cases, and the peers that speak it. */
#ifndef JACKFIELD_CHECK_GOLDEN_H
#define JACKFIELD_CHECK_GOLDEN_H

#include "check.h"

/** A message of a client and the server's answer to it; NULL: a notification. */
typedef struct golden_step {
    const char *request, *answer, *method;
} golden_step;

/** The conversation in order: a handshake, lists, calls, an error, a large answer. */
const golden_step *golden_steps(size_t *count);
/** The answer to a request, NULL where it expects none. */
const char *golden_answer(const char *request, size_t length);

/** An HTTP server that answers POST with the golden answers; returns its port, 0: it cannot listen. It runs
 * on threads of its own until the process ends. */
uint16_t golden_http(void);
/** What that server got so far. */
uint32_t golden_http_requests(void);

/** Connects to 127.0.0.1 or [::1] as "scheme://host:port..." says; -1: refused or not such an address. */
int golden_dial(const char *bound);

#endif
