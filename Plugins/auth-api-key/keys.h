/* SPDX-License-Identifier: Apache-2.0
 * The keys that are known, by their hashes. */
#ifndef AUTH_API_KEY_KEYS_H
#define AUTH_API_KEY_KEYS_H

#include "library.h"
#include "principal.h"
#include "strict.h"

enum { KEYS_MOST = 65536 };

/** One key: what is known of it is only its hash. */
struct key {
    uint8_t hash[AU_DIGEST];
    uint64_t from_ms, until_ms; /**< Unix time; 0: no such bound */
    jf_view id;
    jf_view principal; /**< its JSON without the end (au_principal_put) */
};

/** Keys of one list. */
struct keys {
    struct au_arena memory; /**< a file's; the configuration's keys live with the configuration */
    struct key **places;    /**< by hash, open addressing; at most half of them in use; NULL: no keys */
    struct key **by_id;     /**< as many, by id */
    uint32_t mask, count;
};

/** Reads a list of keys. What is wrong is in options->status; `options->keep` is the list's own memory. No
 * two keys of it, and of `other`, may have the same hash or id. */
void keys_read(struct keys *keys, const struct keys *other, struct au_options *options,
               const jf_json_value *list);
/** The key with this hash, or NULL. */
const struct key *keys_find(const struct keys *keys, const uint8_t hash[AU_DIGEST]);

#endif
