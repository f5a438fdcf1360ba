/* SPDX-License-Identifier: Apache-2.0
 * Records in the configured store, sealed: what one gateway keeps, all that have the same store and key can
 * take up.
 */
#ifndef CREDENTIALS_OAUTH_VAULT_H
#define CREDENTIALS_OAUTH_VAULT_H

#include "oauth.h"

#include <jackfield/state.h>

/* A key is a kind, then digests, so that who reads the store's keys learns no name. */

/** Connections of users: "t/SERVER/USER/FOR". `of_server`: the prefix of all; `of_user`: of one user's. */
struct vault_key key_of_server(jf_view server);
struct vault_key key_of_user(jf_view server, jf_view issuer, jf_view subject);
/** `principal`: the principal's key; `issuer` and `resource`: the authorization server, and what its tokens
 * are for. */
struct vault_key key_of_connection(jf_view server, jf_view user_issuer, jf_view subject, jf_view principal,
                                   jf_view issuer, jf_view resource);
/** A client that was registered; a browser that is on its way. */
struct vault_key key_of_client(jf_view issuer, jf_view redirect);
struct vault_key key_of_pending(jf_view server, jf_view id);

/** What the store answered; borrowed. */
struct vault_answer {
    jf_view key;
    jf_view plain;     /**< vault_get and vault_first */
    uint64_t revision; /**< of the entry, also if it cannot be read */
    const char *why;   /**< the store's words where it cannot be asked; never NULL */
};
/** `status`: JF_OK; JF_ABSENT; JF_E_STALE; JF_E_INVALID: it is there and cannot be opened, which counts as
 * absent and is logged; else the store cannot be asked. Called once, on the lane, from inside the beginning
 * as well; not after vault_halt. */
typedef void (*vault_done_fn)(void *user, int32_t status, const struct vault_answer *answer);

void vault_get(struct oauth *it, const struct vault_key *key, vault_done_fn done, void *user);
/** `how`: JF_STORE_CREATE, JF_STORE_MATCH with `revision`, or 0. It is sealed for its key: under another one
 * it does not open. */
void vault_put(struct oauth *it, const struct vault_key *key, jf_view plain, uint32_t how, uint64_t revision,
               uint64_t ttl_ms, vault_done_fn done, void *user);
void vault_remove(struct oauth *it, const struct vault_key *key, uint64_t revision, vault_done_fn done,
                  void *user);
/** The first one whose key begins so. */
void vault_first(struct oauth *it, const struct vault_key *prefix, vault_done_fn done, void *user);
/** For what nobody waits for. */
void vault_ignored(void *user, int32_t status, const struct vault_answer *answer);
/** Gives up what is under way. */
void vault_halt(struct oauth *it);

/* ---- Plain records: texts and numbers, one behind the other ---- */

void pack_text(struct au_text *out, jf_view text);
void pack_number(struct au_text *out, uint64_t number);
/** Reads on; where there is too little left, `in->ptr` becomes NULL, and everything behind is absent. */
jf_view unpack_text(jf_view *in);
uint64_t unpack_number(jf_view *in);

#endif
