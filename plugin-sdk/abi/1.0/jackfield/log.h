/* SPDX-License-Identifier: Apache-2.0
 * Host service jf.log/1: levelled records with fields. The host adds time, plugin id and loop. */
#ifndef JACKFIELD_LOG_H
#define JACKFIELD_LOG_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { JF_LOG_TRACE = 0, JF_LOG_DEBUG = 1, JF_LOG_INFO = 2, JF_LOG_WARNING = 3, JF_LOG_ERROR = 4 };

/** All slots [any]. Since 1.0. */
typedef struct jf_log_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** Writes one record; never blocks; loss is counted. `text`: one sentence; control characters are
     * escaped. */
    void (*write)(void *context, uint32_t level, jf_view text, const jf_pair *fields, uint64_t field_count);
    /** 1 when `level` is written at all: ask before building an expensive record. */
    uint32_t (*enabled)(void *context, uint32_t level);
} jf_log_1;
JF_PIN_SIZE(jf_log_1, 32);
#define JF_LOG_1 "jf.log/1"

#ifdef __cplusplus
}
#endif
#endif
