/* SPDX-License-Identifier: Apache-2.0
 * What stands in the records of the store: users' connections, browsers on their way, registered clients. */
#ifndef CREDENTIALS_OAUTH_RECORDS_H
#define CREDENTIALS_OAUTH_RECORDS_H

#include "held.h"

/** Why the store could not be asked; only JF_ABSENT, JF_E_INVALID and JF_E_STALE say something of a record.
 */
static inline bool is_away(int32_t status) {
    return status < 0 && status != JF_E_INVALID && status != JF_E_STALE;
}

/** A user's connection to a server. Texts are borrowed from the record that it was read from. */
struct connection {
    jf_view access, refresh, scopes;
    jf_view issuer, resource;   /**< who gave them, and what for */
    jf_view principal;          /**< the key of whose they are */
    jf_view client_id;          /**< to whom they were given */
    jf_view revocation;         /**< where they can be taken back (RFC 7009); absent: nowhere */
    jf_view marker;             /**< who uses the refresh token right now; absent: nobody */
    uint64_t expires_ms;        /**< of `access`, Unix time; 0: not known */
    uint64_t refresh_until_ms;  /**< of `refresh`; 0: not known */
    uint64_t saved_ms;          /**< when it was written with new contents */
    bool has_auth, basic, post; /**< of the authorization server */
};
void connection_write(struct au_text *out, const struct connection *from);
/** False: it is no connection. */
bool connection_read(jf_view plain, struct connection *out);
/** Puts what a token endpoint answered into a connection. */
void connection_take(struct connection *to, const struct tokens *tokens, uint64_t now_ms);
/** For how long it is worth keeping. */
uint64_t connection_ttl(const struct oauth *it, const struct connection *connection, uint64_t now_ms);

enum { LOOKUP = 22 };

/** A user who is about to agree, or to leave. */
struct connecting {
    struct au_arena keep;
    /** In the URL that the client opens. Its first LOOKUP characters are those of the states too: by them the
     * record is found; the rest must be right. */
    char id[44];
    char state[44], verifier[44]; /**< of the request to the server's authorization server */
    char login_state[44], login_verifier[44], nonce[44];
    char cookie[44]; /**< the digest of the browser's; "": nobody pressed the button yet */
    bool logged_in;
    bool leaves;                          /**< wants to be disconnected */
    uint64_t until_ms;                    /**< Unix time */
    jf_view server, key, subject, issuer; /**< for whom */
    jf_view scopes;
    struct metadata at, login;
    struct client client;
};
/** Random texts and the time; false: there is no randomness. */
bool connecting_begin(struct connecting *it, uint64_t now_ms);
void connecting_write(struct au_text *out, const struct oauth *it, const struct connecting *from);
/** NULL: it is none, or there is no memory. */
struct connecting *connecting_read(const struct oauth *it, jf_view plain);
void connecting_free(struct connecting *it);

/** A client that was registered (RFC 7591 section 3.2.1). Texts are borrowed. */
struct registration {
    jf_view id, secret;
    jf_view uri, token;       /**< where and how it is managed (RFC 7592); absent: it is not */
    uint64_t secret_until_ms; /**< Unix time; 0: for ever */
    uint64_t made_ms;
    jf_view marker; /**< who registers right now; absent: it is done */
};
void registration_write(struct au_text *out, const struct registration *from);
bool registration_read(jf_view plain, struct registration *out);

#endif
