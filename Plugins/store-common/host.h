/* SPDX-License-Identifier: Apache-2.0
 * What every store has of its host: services, faults, log records. */
#ifndef STORE_COMMON_HOST_H
#define STORE_COMMON_HOST_H

#include <jackfield/clock.h>
#include <jackfield/config.h>
#include <jackfield/log.h>
#include <jackfield/loop.h>
#include <jackfield/ops.h>
#include <jackfield/store.h>
#include <stdbool.h>

typedef struct sc_host {
    const char *plugin; /**< its id, for faults and log records */
    jf_config_1 config;
    jf_clock_1 clock;
    jf_log_1 log;   /**< all zero where the host has none */
    jf_loop_1 loop; /**< likewise */
    jf_ops_1 ops;
    jf_watches_1 watches;
} sc_host;

/** Which services a store cannot do without, besides jf.config/1 and jf.clock/1. */
enum { SC_NEEDS_LOOP = 1, SC_NEEDS_OPS = 2 };

/** Looks the services up. JF_E_UNSUPPORTED names the one that is missing. */
int32_t sc_host_attach(sc_host *host, const char *plugin, const jf_offer *offer, uint32_t needs,
                       jf_fault *why);

/** Fills in `why` (NULL: nobody asks) and answers `code`. The text is cut to its room. */
int32_t sc_fault(jf_fault *why, int32_t code, uint32_t flags, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** Writes one log record "plugin: text". [any] */
void sc_log(const sc_host *host, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Ends a pending operation. `why` may be NULL where status is JF_OK or JF_ABSENT. [any] */
void sc_finish(const sc_host *host, jf_ref op, int32_t status, jf_blob *answer, const jf_fault *why);

#endif
