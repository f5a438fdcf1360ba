/* SPDX-License-Identifier: Apache-2.0
 * The watches of one instance: who is told of a change. All functions [any]. */
#ifndef STORE_COMMON_WATCH_H
#define STORE_COMMON_WATCH_H

#include "host.h"
#include <pthread.h>

#define SC_WATCHES_MOST 1024u

typedef struct sc_watch {
    jf_ref ref;
    jf_view prefix; /**< own memory */
} sc_watch;

typedef struct sc_watches {
    pthread_mutex_t lock; /**< recursive: `changed` of the host may come back to end a watch */
    const sc_host *host;
    sc_watch *items;
    uint32_t count, room, telling;
} sc_watches;

void sc_watches_open(sc_watches *it, const sc_host *host);
void sc_watches_close(sc_watches *it);
int32_t sc_watch_add(sc_watches *it, jf_ref watch, jf_view prefix, jf_fault *why);
/** False: there is no such watch. After it returns nothing is told of it. */
bool sc_watch_remove(sc_watches *it, jf_ref watch);
uint32_t sc_watch_count(sc_watches *it);
/** Tells those whose prefix `key` begins with; an absent key: all of them. */
void sc_watch_tell(sc_watches *it, jf_view key, uint64_t revision);

#endif
