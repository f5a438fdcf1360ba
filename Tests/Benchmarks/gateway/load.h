/* SPDX-License-Identifier: Apache-2.0
 * The parts of the load driver: options, connections, requests, checks, latencies, processor time. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "bytes.h"
#include "http1.h"

#include <stdint.h>

enum { PIDS = 16, MARK_DIGITS = 10, FIRST_ID = 1000000000 };

/** What the command line said. Written once before the run. */
typedef struct load_options {
    char host[64], path[256];
    int port, connections;
    bool modern, sessions;
    const char *method, *tool, *capabilities;
    long size;     /**< bytes of the text that echo gets */
    long blob;     /**< bytes of the text that blob is asked for, -1: call echo */
    long requests; /**< send so many in all and stop, 0: run for `seconds` */
    long fixed_id; /**< every request carries this id, 0: ids are unique over the run */
    double seconds, warmup, timeout;
    bytes headers;
    int gateways[PIDS], gateway_count, others[PIDS], other_count;
} load_options;
extern load_options options;

typedef enum phase {
    PHASE_WAITING,
    PHASE_INITIALIZE,
    PHASE_NOTIFY,
    PHASE_CALL,
    PHASE_DELETE,
    PHASE_DONE
} phase;

/** One connection with at most one request outstanding. */
typedef struct connection {
    int fd;
    phase phase;
    bytes request, in;
    size_t sent, scanned;
    size_t digits[2]; /**< where the id and the mark stand in `request` */
    int digit_count;
    long id;
    char session[256];
    double began;
    bool want_write;
} connection;

/** What went wrong, by kind; calls of the measured window only. */
typedef struct load_errors {
    long http, rpc, id, echo, connection, timeout, lost;
    char sample[300]; /**< the first one, without quotes and control characters */
} load_errors;
extern load_errors errors;

/** Builds the next kind of request into `c->request`: the handshake's, the measured one, or the session's
 * end. */
void request_initialize(connection *c);
void request_initialized(connection *c);
void request_call(connection *c);
void request_delete(connection *c);
/** Writes the id into the places that the request left for it. */
void request_stamp(connection *c, long id);

/** Checks one response against the call that it answers; counts what is wrong. */
void check_call(const connection *c, const http_head *head, span body);
/** True when the body of a handshake response holds a result. */
bool check_handshake(const connection *c, const http_head *head, span body);
/** Keeps the first error for the report. */
void note_error(const char *what, const char *data, size_t len);

/** Latencies in a log-linear histogram: 64 steps for each power of two, so within 1.6 %. */
typedef struct histogram {
    uint64_t count[64 * 40];
    uint64_t total;
    double sum, max; /**< microseconds */
} histogram;
void histogram_add(histogram *h, double microseconds);
double histogram_quantile(const histogram *h, double quantile);

/** Processor time and memory of process trees; servers named bench-backend below a root are kept apart. */
typedef struct usage {
    double cpu, child_cpu; /**< seconds */
    double rss, peak;      /**< KiB, of the roots and what they started, without those servers */
} usage;
usage usage_of(const int *roots, int count, bool memory);
/** Seconds that all processors of the machine were busy since its start. */
double usage_machine(void);

/** The calls of the measured window. */
typedef struct load_progress {
    long issued; /**< requests sent since the start, the warm-up's included */
    long answered, bytes;
    histogram latency;
} load_progress;
extern load_progress progress;

/** What is read at both ends of the window; times in seconds. */
typedef struct reading {
    double time, machine, self;
    usage gateway, other;
} reading;
reading reading_take(bool memory);
/** Prints the line of JSON. */
void reading_report(const reading *from, const reading *to);

#endif
