/* SPDX-License-Identifier: Apache-2.0
 * What the server runs: one script for each change, so that each is atomic. */
#ifndef STORE_REDIS_SCRIPTS_H
#define STORE_REDIS_SCRIPTS_H

/** How the store looks in Redis, all keys behind the prefix:
 *   r           the latest revision (INCR)
 *   k           sorted set of all keys with score 0: their order, for lists
 *   x           sorted set of the keys that end, by when, for the sweep
 *   e:KEY       kind 'v' or 'c', revision, end (8 bytes each, big endian), then the value; with an expiry of
 * Redis n:KEY       the number of a counter in decimal, since Lua's numbers are doubles l:KIND:PERIOD:KEY   a
 * limit: three doubles (limit.h) */
enum { SCRIPT_PUT, SCRIPT_REMOVE, SCRIPT_LIST, SCRIPT_ADD, SCRIPT_TAKE, SCRIPT_SWEEP, SCRIPT_COUNT };
enum { SHA_LENGTH = 40, HEAD_LENGTH = 17 };

extern const char *const scripts[SCRIPT_COUNT];

#endif
