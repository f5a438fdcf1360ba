/* SPDX-License-Identifier: Apache-2.0
 * One connected client: lines in, lines out. */
#ifndef CLIENT_H
#define CLIENT_H

#include <jackfield/config.h>
#include <jackfield/listener.h>
#include <jackfield/loop.h>
#include <stdbool.h>

typedef struct client client;

/** What all clients of an instance share. */
typedef struct front {
    const jf_loop_1 *loop;
    const jf_inbound_1 *host;
    client *clients;
} front;

/** Takes a connection, with lines of at most `most` bytes. False: the host refuses it, the caller closes it.
 */
bool client_open(front *of, int fd, jf_ref listener, const char *address, uint64_t most);
/** The client of a host's handle; NULL: it is gone. */
client *client_of(front *of, jf_ref ref);
/** Writes a message, as jf_listener_1.reply says. */
int32_t client_reply(client *it, const jf_message *message);
/** Closes the connection once all is written. */
void client_finish(client *it);
/** Closes it at once; `tells`: the host does not know yet. */
void client_end(client *it, bool tells);

#endif
