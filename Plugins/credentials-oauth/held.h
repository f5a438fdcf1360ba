/* SPDX-License-Identifier: Apache-2.0
 * What the loops of a process share: copies of users' connections, and who waits for one. A browser comes to
 * whichever loop it comes to, so this is global, against the custom of state per instance. */
#ifndef CREDENTIALS_OAUTH_HELD_H
#define CREDENTIALS_OAUTH_HELD_H

#include "vault.h"

enum { HELD_MOST = 10000 };

/* ---- Copies of records, by their key in the store ---- */

/** Keeps a copy. `unsaved`: the store has not got it, but `revision`, whose place it takes. Where there are
 * too many, one that is saved gives way. */
void held_keep(const struct vault_key *key, jf_view server, jf_view plain, uint64_t revision, bool unsaved);
/** A copy of what was kept under this revision (0: whichever). False: there is none. */
bool held_copy(const struct vault_key *key, uint64_t revision, struct au_text *plain);
/** For how long, in nanoseconds, this process has known the revision as the newest one. */
uint64_t held_age(const struct vault_key *key, uint64_t revision, uint64_t now);
void held_drop(const struct vault_key *key);
/** One that is not saved yet; `key` is the one before, empty at first. False: no more. */
bool held_unsaved(jf_view server, struct vault_key *key, struct au_text *plain, uint64_t *revision);

/* ---- Who waits ---- */

/** entry_go follows when the user's connection changes in this process. */
void held_wait(struct entry *entry);
void held_forget(struct entry *entry);
/** Wakes those who wait for a user's connection. */
void held_wake(jf_view server, jf_view principal);

#endif
