/* SPDX-License-Identifier: Apache-2.0
 * Connecting to PostgreSQL, on a thread: login, schema, prepared statements. */
#ifndef STORE_POSTGRES_CONNECT_H
#define STORE_POSTGRES_CONNECT_H

#include "settings.h"

#include <libpq-fe.h>

struct job {
    struct settings *settings;
    PGconn *connection; /**< NULL: it failed. Else non-blocking and in pipeline mode */
    jf_fault why;
};

void *job_make(struct settings *settings);
void job_work(void *job);
void job_drop(void *job);

/** What an error of the server means: one of JF_E_*, and in *not_started whether nothing was changed for
 * sure. */
int32_t error_code(const PGresult *result, bool *not_started);
/** The first line of a message of libpq, without its end, cut to 140 bytes. */
void error_text(const char *message, char out[144]);

#endif
