/* SPDX-License-Identifier: Apache-2.0
 * A set of eligible endpoints by their places, for one pick: on the stack. */
#ifndef JF_ROUTING_MARKS_H
#define JF_ROUTING_MARKS_H

#include "weigh.h"

/** Endpoints beyond so many are never marked: strategies cut the set. */
#define RT_MOST_MARKS 65536u

typedef struct rt_marks {
    uint64_t words[RT_MOST_MARKS / 64];
} rt_marks;

/** The set, cut to what can be marked. */
RT_INLINE rt_set rt_markable(const rt_set *set) {
    rt_set cut = *set;
    if (cut.count > RT_MOST_MARKS) cut.count = RT_MOST_MARKS;
    return cut;
}

/** An rt_fits; `context` is the rt_marks. */
RT_INLINE bool rt_marked(const void *context, const jf_endpoint *endpoint, uint64_t index) {
    (void)endpoint;
    return (((const rt_marks *)context)->words[index / 64] >> (index % 64) & 1) != 0;
}

#endif
