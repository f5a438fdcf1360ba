/* SPDX-License-Identifier: Apache-2.0
 * Reads of a JSON-RPC message what a middleman needs: id and method, found without parsing the rest.
 */
#ifndef STDIO_RPC_H
#define STDIO_RPC_H

#include "plugin.h"

/** Where the top-level members of a message stand; `ptr` NULL where one is absent. Strings keep their quotes.
 */
typedef struct rpc {
    jf_view id;     /**< as it is written: 7 or "a" */
    jf_view method; /**< as it is written, quotes included */
    jf_view result; /**< its first byte; the length is not known */
    jf_view error;  /**< the same */
    jf_view params; /**< the whole value; only where it was asked for */
} rpc;

/** What to look for. */
enum { RPC_HEAD = 0, RPC_PARAMS = 1 };

/** Scans one JSON object. With RPC_HEAD it stops as soon as id and kind are known, so the cost of a large
 * message is that of its head where the peer writes `id` first. Text that is no object leaves all absent;
 * nothing is checked beyond what is needed to find the members (RFC 8259 syntax is assumed). */
void rpc_scan(const uint8_t *text, uint64_t length, int what, rpc *out);
/** The value of a member of the object at `object`, as it is written; absent where there is none. */
jf_view rpc_member(jf_view object, const char *name);
/** True when a method (with quotes) is `name` (without). */
bool rpc_is(jf_view method, const char *name);
/** Writes `text` with the bytes at `span` (inside of text) replaced by `value` into new memory of the
 * instance; NULL: none left. */
uint8_t *rpc_replace(const jf_self *self, const uint8_t *text, uint64_t length, jf_view span, jf_view value,
                     uint64_t *new_length);

static inline bool same_view(jf_view a, jf_view b) {
    return a.len == b.len && (a.len == 0 || __builtin_memcmp(a.ptr, b.ptr, a.len) == 0);
}

#endif
