/* SPDX-License-Identifier: Apache-2.0
 * Which process of a server has which request, which requests wait for a place, and who asked what.
 */
#ifndef STDIO_LEDGER_H
#define STDIO_LEDGER_H

#include "rpc.h"

/** Longest id that is followed, as it is written. */
#define LEDGER_TOKEN 64

/** What an entry stands for. */
enum {
    ENTRY_CALL = 0, /**< a request of the host: occupies a place */
    ENTRY_LISTEN =
        1,          /**< a request that stays open for as long as the host likes: moves to the next process */
    ENTRY_ASKED = 2 /**< a request of the server, to be answered by the host */
};

typedef struct ledger_entry {
    struct ledger_entry *next;
    channel *holder;
    uint32_t kind, length;
    uint8_t token[LEDGER_TOKEN]; /**< the id, as the host knows it */
    uint8_t own[LEDGER_TOKEN];   /**< ENTRY_ASKED: the id as the server wrote it */
    uint32_t own_length;
    uint8_t *body; /**< ENTRY_LISTEN: the request, to be said again */
    uint64_t body_length;
} ledger_entry;

/** A request that has no place yet. */
typedef struct waiting {
    struct waiting *next;
    uint32_t token_length;
    uint8_t token[LEDGER_TOKEN];
    uint64_t length;
    uint8_t body[];
} waiting;

#define LEDGER_BUCKETS 64u

/** All [lane]. Zeroed is empty, once `self` is set. */
typedef struct ledger {
    jf_self *self;
    ledger_entry *buckets[LEDGER_BUCKETS];
    ledger_entry *spare; /**< entries to use again */
    waiting *first, **last;
    uint32_t waiting_count;
    uint64_t waiting_bytes;
} ledger;

/** Enters a request; NULL: no memory, or an id that is not followed. */
ledger_entry *ledger_add(ledger *self, uint32_t kind, jf_view token, channel *holder);
ledger_entry *ledger_find(ledger *self, uint32_t kind, jf_view token);
/** Takes one entry out and ends it. */
void ledger_remove(ledger *self, ledger_entry *entry);
/** Calls `take` for each entry of `holder` (NULL: of all); it may remove the one that it was given. */
void ledger_each(ledger *self, const channel *holder, void (*take)(void *user, ledger_entry *entry),
                 void *user);
/** Lets a request wait. False: no memory. */
bool ledger_hold(ledger *self, jf_view token, jf_view body);
/** Takes the request that waits longest, to be freed with release(); NULL: none waits. */
waiting *ledger_next(ledger *self);
/** Forgets one that waits. False: it does not. */
bool ledger_drop(ledger *self, jf_view token);
/** Forgets everything. */
void ledger_clear(ledger *self);
/** Frees everything. */
void ledger_release(ledger *self);

#endif
