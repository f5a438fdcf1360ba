/* SPDX-License-Identifier: Apache-2.0
 * Takes over this process's own standard input or output for the protocol, and gives it back. */
#ifndef STDIO_ENDPOINT_H
#define STDIO_ENDPOINT_H

#include <stdbool.h>

/** One standard stream that the protocol uses. While it is taken, descriptor 0 is /dev/null or descriptor 1
 * is a copy of standard error, so that nothing else in the process can read from or print into the protocol.
 */
typedef struct endpoint {
    int number; /**< 0 or 1 */
    int fd;     /**< to read or write; does not block (regular files always answer at once); -1: not taken */
    int kept;   /**< the stream as it was */
    int flags;  /**< file status flags to restore on `kept`; -1: they were not changed */
    bool file;  /**< a regular file or a device: it may be that it cannot be watched, and then it never blocks
                 */
} endpoint;

/** Takes the stream. 0 or an errno; then nothing has changed. */
int endpoint_take(endpoint *self, int number);
/** Puts everything back as it was. */
void endpoint_restore(endpoint *self);

#endif
