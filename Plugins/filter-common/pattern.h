/* SPDX-License-Identifier: Apache-2.0
 * Regular expressions in linear time (RE2), for C. */
#ifndef JF_FILTER_PATTERN_H
#define JF_FILTER_PATTERN_H

#include <jackfield/base.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fl_pattern fl_pattern;

/** Compiles an expression over UTF-8. NULL: it is none, and `why` (of `size` bytes) says why. */
fl_pattern *fl_pattern_new(jf_view expression, char *why, uint64_t size);
void fl_pattern_free(fl_pattern *pattern);
/** Looks from byte `from` on. Of an expression with a group the group is what was found. */
bool fl_pattern_find(const fl_pattern *pattern, jf_view text, uint64_t from, uint64_t *start, uint64_t *end);
/** Whether it is found anywhere. */
bool fl_pattern_matches(const fl_pattern *pattern, jf_view text);

#ifdef __cplusplus
}
#endif
#endif
