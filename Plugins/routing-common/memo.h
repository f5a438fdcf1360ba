/* SPDX-License-Identifier: Apache-2.0
 * What was derived from an endpoint's name, labels or version, kept in the order of the configuration: while
 * the eligible endpoints stay what they were, each lookup is one comparison. */
#ifndef JF_ROUTING_MEMO_H
#define JF_ROUTING_MEMO_H

#include "options.h"

/** So many notes are looked through when endpoints are missing. */
#define RT_MEMO_AHEAD 8

typedef struct rt_note {
    jf_ref id;
    uint64_t revision;
    uint64_t first, second; /**< the strategy's */
} rt_note;

typedef struct rt_memo {
    rt_note *notes; /**< limit + 1 of them: the last is for endpoints beyond the limit */
    uint32_t limit, count;
} rt_memo;

/** Derives a note's words. */
typedef void (*rt_derive)(const rt_server *server, const jf_endpoint *endpoint, bool extended, rt_note *note);

static inline void rt_option_memo(rt_options *options, rt_memo *memo) {
    int64_t limit = rt_option_integer(options, options->json, "/max_endpoints", 1, 65536, 256);
    *memo = (rt_memo){rt_keep(options->server, ((uint64_t)limit + 1) * sizeof(rt_note)), (uint32_t)limit, 0};
    if (memo->notes == NULL && options->status == JF_OK)
        options->status = rt_refuse(options->server->host, options->why, JF_E_BUSY, "out of memory");
}

/** Not the place that was expected: endpoints came or went. */
__attribute__((noinline, unused)) static rt_note *rt_memo_search(rt_memo *memo, const rt_server *server,
                                                                 const jf_endpoint *endpoint, bool extended,
                                                                 uint64_t revision, uint32_t next,
                                                                 rt_derive derive) {
    for (uint32_t at = next; at < memo->count && at < next + RT_MEMO_AHEAD; at++) {
        if (memo->notes[at].id == endpoint->id && memo->notes[at].revision == revision)
            return &memo->notes[at];
    }
    uint32_t place = next < memo->limit ? next : memo->limit;
    if (place == memo->count && place < memo->limit) memo->count++;
    memo->notes[place] = (rt_note){endpoint->id, revision, 0, 0};
    derive(server, endpoint, extended, &memo->notes[place]);
    return &memo->notes[place];
}

/** The note of an endpoint. `*next` begins at 0 and goes along through the eligible endpoints. */
static inline __attribute__((always_inline)) rt_note *rt_memo_of(rt_memo *memo, const rt_server *server,
                                                                 const jf_endpoint *endpoint, bool extended,
                                                                 uint32_t *next, rt_derive derive) {
    uint64_t revision = RT_TOLD(extended, endpoint, revision) ? endpoint->revision : 0;
    rt_note *note = &memo->notes[*next];
    if (__builtin_expect(*next >= memo->count || note->id != endpoint->id || note->revision != revision, 0)) {
        note = rt_memo_search(memo, server, endpoint, extended, revision, *next, derive);
        *next = (uint32_t)(note - memo->notes);
        if (*next == memo->limit) return note;
    }
    (*next)++;
    return note;
}

#endif
