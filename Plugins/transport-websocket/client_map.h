/* SPDX-License-Identifier: Apache-2.0
 * From the host's client handles to connections: a small hash table. */
#ifndef TRANSPORT_WEBSOCKET_CLIENT_MAP_H
#define TRANSPORT_WEBSOCKET_CLIENT_MAP_H

#include <jackfield/jackfield.h>
#include <stdbool.h>

struct conn;

struct client_map {
    struct client_entry *entries; /**< a power of two of them */
    uint32_t room, used;
};

/** False: out of memory. */
bool client_map_add(struct client_map *table, const jf_memory_1 *memory, jf_ref client, struct conn *conn);
/** NULL: no such client. */
struct conn *client_map_find(const struct client_map *table, jf_ref client);
void client_map_remove(struct client_map *table, jf_ref client);
void client_map_end(struct client_map *table, const jf_memory_1 *memory);

#endif
