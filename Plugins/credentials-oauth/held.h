/* SPDX-License-Identifier: Apache-2.0
 * What the loops of a process share: tokens of users, users who are about to agree, registered clients. A
 * browser comes to whichever loop it comes to, so this is global, against the custom of state per instance.
 */
#ifndef CREDENTIALS_OAUTH_HELD_H
#define CREDENTIALS_OAUTH_HELD_H

#include "oauth.h"

enum { HELD_MOST = 10000, CONNECTING_MOST = 10000, REGISTERED_MOST = 256 };

enum held { HELD_NONE, HELD_TOKEN, HELD_REFRESH, HELD_WAIT };

/** What there is for an entry. HELD_TOKEN: `access` and `expires_ms`. HELD_REFRESH: `refresh`, and it is this
 * entry's task to use it, once. HELD_WAIT: another loop does, entry_go will follow. */
enum held held_find(struct entry *entry, struct au_text *access, uint64_t *expires_ms,
                    struct au_text *refresh);
/** Keeps tokens, and wakes who waits for them. A new refresh token takes the place of the old one; where none
 * came, the old one stays. Where there are too many, those that were refreshed longest ago give way. */
bool held_put(jf_view server, jf_view key, const struct metadata *at, const struct tokens *tokens);
/** The refresh is over without tokens; `gone`: what is held is of no use. */
void held_release(const struct entry *entry, bool gone);
/** The server refused `access`; `more`: none of what is held will do. */
void held_refuse(const struct entry *entry, jf_view access, bool more);
/** entry_go follows when tokens come, or will not come. */
void held_wait(struct entry *entry);
void held_forget(struct entry *entry);

/** A user who is about to agree. Whoever takes it out of the list owns it. */
struct connecting {
    struct connecting *next;
    struct au_arena keep;
    char id[44];                  /**< in the URL that the client opens */
    char state[44], verifier[44]; /**< of the request to the server's authorization server */
    char login_state[44], login_verifier[44], nonce[44];
    char cookie[44]; /**< the digest of the browser's; "": nobody pressed the button yet */
    bool logged_in;
    uint64_t until;                       /**< monotonic */
    jf_view server, key, subject, issuer; /**< for whom */
    jf_view scopes;
    struct metadata at, login;
    struct client client;
};

enum by { BY_ID, BY_STATE, BY_LOGIN_STATE };

/** The one that waits for an entry, if it asks for the same scopes: its id, copied. False: there is none. */
bool connecting_again(const struct entry *entry, jf_view scopes, uint64_t now, char id[44]);
/** Puts it into the list, which owns it from now on; others of the same user and server are dropped. */
void connecting_add(struct connecting *it);
/** Takes it out. NULL: there is none, or it is too old. */
struct connecting *connecting_take(enum by by, jf_view text, jf_view server, uint64_t now);
void connecting_free(struct connecting *it);

/** The client that was registered at an issuer with a redirection URI; false: none. What it points to stays.
 */
bool registered_find(jf_view issuer, jf_view redirect, struct client *out);
/** Keeps one; the first one counts. False: no memory, or too many. */
bool registered_put(jf_view issuer, jf_view redirect, jf_view id, jf_view secret);

#endif
