/* SPDX-License-Identifier: Apache-2.0
 * One end of the socket between proxy and cell: a bounded queue of packets out, packets in, and tables. */
#ifndef CELL_LINK_H
#define CELL_LINK_H

#include "wire.h"

/** A packet that waits for room in the socket. */
typedef struct cell_outgoing {
    struct cell_outgoing *next;
    cell_writer packet;
} cell_outgoing;

/** One end. The owner guards it: nothing in here locks. */
typedef struct cell_link {
    int fd;
    bool is_blocked; /**< the socket took no more; flush again when it is writable */
    bool is_broken;  /**< the other end is gone */
    cell_writer batch;
    cell_outgoing *first, **last;
    uint64_t queued; /**< bytes waiting, those of memfds included */
    uint64_t frames_out, bytes_out;
} cell_link;

enum { CELL_RECEIVED = 1, CELL_NOTHING = 0, CELL_END = -1, CELL_BAD = -2 };

void cell_link_open(cell_link *link, int fd);
/** Closes the socket, drops the queue. */
void cell_link_close(cell_link *link);
/** A writer for one frame: the batch, or a new one where that is full (NULL without memory). Follow with
 * cell_begin ... and cell_link_end. */
cell_writer *cell_link_writer(cell_link *link);
/** Ends the frame; false: it is not sent (see cell_end). The packet leaves with cell_link_flush. */
bool cell_link_end(cell_link *link, cell_writer *writer);
/** Sends what it can without waiting. False: the other end is gone. */
bool cell_link_flush(cell_link *link);
/** Receives one packet without waiting. CELL_BAD: *bad says why. */
int cell_link_receive(cell_link *link, cell_packet *packet, const char **bad);
/** Waits until the socket is readable (or writable too where `out`), at most until `until_ns`. Spins for
 * `spin_ns` first. */
bool cell_link_wait(cell_link *link, bool out, uint64_t until_ns, uint64_t spin_ns);

/** Nanoseconds of CLOCK_MONOTONIC. */
uint64_t cell_clock(void);

/* ---- A map from handles to numbers or pointers ---- */

typedef struct cell_map_entry {
    uint64_t key, value;
} cell_map_entry;

/** Open addressing; key 0 is never stored. Zeroed to begin with. */
typedef struct cell_map {
    cell_map_entry *entries;
    uint32_t count, capacity;
} cell_map;

/** False without memory. An equal key is replaced. */
bool cell_map_put(cell_map *map, uint64_t key, uint64_t value);
bool cell_map_get(const cell_map *map, uint64_t key, uint64_t *value);
bool cell_map_remove(cell_map *map, uint64_t key, uint64_t *value);
/** The entry at or after *at, which moves behind it; false: no more. */
bool cell_map_next(const cell_map *map, uint32_t *at, cell_map_entry *entry);
void cell_map_clear(cell_map *map);

#endif
