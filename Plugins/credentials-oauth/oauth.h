/* SPDX-License-Identifier: Apache-2.0
 * The source `oauth`: one server's options, the authorization servers behind it, and those who need tokens.
 */
#ifndef CREDENTIALS_OAUTH_OAUTH_H
#define CREDENTIALS_OAUTH_OAUTH_H

#include "parse.h"

#include <jackfield/message.h>

/* Two tokens and the rest of a record fit into what can be sealed at once. */
enum { ANSWER_MOST = 256 << 10, TOKEN_MOST = 24 << 10, ENTRIES_MOST = 10000, PLACES_MOST = 64 };

enum grant { GRANT_CLIENT, GRANT_EXCHANGE, GRANT_ID_JAG, GRANT_CODE, GRANT_NONE };

/** How a client shows who it is (OpenID Connect Core 1.0 section 9). */
enum client_auth { AUTH_AUTO, AUTH_BASIC, AUTH_POST, AUTH_KEY, AUTH_NONE };

/** Who we are at an authorization server. */
struct client {
    jf_view id, secret, key_id;
    const char *key_file; /**< a private key, PEM; NULL: none */
    enum client_auth auth;
};

/** What an authorization server says of itself, and for what. */
struct metadata {
    jf_view resource; /**< what tokens are asked for; absent: nothing */
    jf_view issuer, authorization, token, registration, revocation;
    jf_view scopes; /**< of the resource, with blanks between them */
    bool has_auth, basic, post, iss_parameter, s256, by_document, offline;
};

enum place_state { PLACE_NEW, PLACE_ASKING, PLACE_READY, PLACE_FAILED };

/** One authorization server that is to be found, from a server's endpoint or from an issuer. */
struct place {
    struct place *next;
    struct oauth *of;
    struct au_arena base;  /**< what it begins with */
    struct au_arena found; /**< what it found */
    jf_view endpoint;      /**< the server's URL; absent: only an issuer is known */
    jf_view issuer;        /**< configured; absent: the server names it */
    struct au_text hint;   /**< where the server says that its metadata are */
    struct au_text bound;  /**< the issuer that saw the configured client first */
    jf_view location;      /**< the document that is fetched */
    jf_view wanted;        /**< the issuer whose metadata are fetched */
    struct metadata metadata;
    enum place_state state;
    uint32_t step;
    bool of_resource; /**< the resource's own metadata are fetched */
    bool doubted;     /**< a token was refused since */
    bool absent;      /**< the server has none: it may need no tokens */
    uint32_t failures;
    uint64_t until; /**< monotonic: READY holds, FAILED is not tried again */
    jf_ref request;
    char why[200];
};

/** Operations that wait. */
struct waiting {
    struct waiting *next;
    jf_ref op;
    bool canceled;
};

enum task { TASK_NONE, TASK_TOKEN, TASK_ASSERTION, TASK_REFRESH, TASK_REGISTER, TASK_STORE };

/** Most bytes of a key in the store and its NUL. */
enum { VAULT_KEY = 160 };
struct vault_key {
    char text[VAULT_KEY];
};

/** Somebody who needs a token at one endpoint. */
struct entry {
    struct entry *next;
    struct oauth *of;
    struct place *place;
    jf_view key, subject, issuer; /**< the principal's, behind the entry */
    enum grant grant;
    bool shared, busy, opens; /**< `opens`: the client can be sent to a URL */
    struct au_text access;    /**< the token; empty: none */
    uint64_t expires_ms;      /**< Unix time, when it is to be replaced; 0: not known */
    struct au_text scopes;    /**< that were asked for because the server wanted them */
    struct au_text subject_token, assertion;
    uint32_t failures;
    uint64_t next_try; /**< monotonic */
    uint64_t renewed[8];
    uint32_t renewals;
    enum task task;
    jf_ref request, timer;
    struct waiting *first, **last;
    struct vault_waiter *vault;
    bool refused;  /**< by the server, at least once */
    bool may_wait; /**< the user was sent to a URL before: wait for it */
    /* Of GRANT_CODE. */
    struct vault_key at;        /**< where its connection is in the store */
    struct au_text plain;       /**< the connection as it was read */
    uint64_t revision;          /**< of the record */
    struct au_text bad;         /**< the access token that the server refused */
    bool bad_any, needs_more;   /**< whichever there is; it has too few scopes */
    char nonce[44];             /**< of our marker in the record; "": none of ours */
    uint64_t wait_until;        /**< monotonic: for the user, 0: not begun */
    uint64_t patience;          /**< monotonic: for somebody else who refreshes, 0: not begun */
    char link[44];              /**< the id of the page that the user was sent to; "": none */
    struct au_text link_scopes; /**< that it asks for */
    struct au_text link_issuer; /**< where it leads */
    uint64_t link_until_ms;
};

struct oauth {
    struct cs_source source;
    enum grant grant, gateway_grant;
    struct client client, idp, login;
    jf_view issuer, authorization_endpoint, token_endpoint, resource, audience, scopes, subject_token_type;
    jf_view idp_issuer, idp_token_endpoint;
    jf_view public_url, login_issuer, client_name;
    bool private, logs_in;
    uint64_t timeout_ns, wait_ns;
    uint64_t keep_ms; /**< how long a connection is kept that nobody uses */
    struct place *places;
    struct entry *entries;
    uint32_t entry_count;
    uint32_t answering; /**< entries stay as long as others are told */
    jf_view redirect;   /**< PUBLIC/connect/SERVER/callback */
    jf_view base;       /**< PUBLIC/connect/SERVER/ */
    jf_view path;       /**< /connect/SERVER/ */
    jf_view document;   /**< PUBLIC/connect/SERVER/client.json */
    bool secure;        /**< browsers come by https */
    jf_ref mount, mount_timer, save_timer;
    struct visit *visits;          /**< browsers that wait for an answer */
    struct vault_op *stored;       /**< what the store is asked */
    uint64_t unreadable_ns;        /**< monotonic: when the log said so last */
    struct saving *savings;        /**< what is written late */
    struct enrolment *enrolment;   /**< a registration that is under way; NULL: none */
    struct registered *registered; /**< clients that were registered */
    bool halted, closed;           /**< `closed`: the store is not asked any more */
};

#define VIEW(text) ((jf_view){(text).ptr, (text).len})
static inline jf_view view_of(const char *text) {
    return (jf_view){(const uint8_t *)text, strlen(text)};
}
static inline uint64_t wall_ms(const struct oauth *it) {
    const jf_clock_1 *clock = it->source.au.host->clock;
    return clock->wall_ns(clock->context) / 1000000u;
}
/** Makes a copy that is wiped with `to`; what was there is wiped. */
void text_set(struct au_text *to, jf_view from);
/** One record of the log with the server's name. */
void oauth_log(const struct oauth *it, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- crypto.c ---- */

/** Loads libcrypto; false: `*missing` is not there. */
bool crypto_load(const char **missing);
/** Random base64url text of `bytes` bytes, with a NUL behind it; false: there is no randomness. */
bool random_text(size_t bytes, char *out);
/** SHA-256 as base64url text: 43 characters and a NUL. */
void digest_text(jf_view text, char out[44]);
void put_base64url(struct au_text *out, jf_view bytes);
void put_base64(struct au_text *out, jf_view bytes);
/** Decodes base64url; false: it is none. */
bool get_base64url(jf_view text, struct au_text *out);
/** A signed assertion of a client (RFC 7523 section 2.2): ES256 or RS256. NULL, or what is wrong. */
const char *put_assertion(struct au_text *out, const struct client *client, jf_view audience,
                          uint64_t now_ms);
/** Whether a key can sign; NULL, or what is wrong. */
const char *key_wrong(const char *file);

/* ---- place.c ---- */

/** The place for an endpoint, or for an issuer; NULL: no memory, or too many. */
struct place *place_of(struct oauth *it, jf_view endpoint, jf_view issuer, jf_view token_endpoint);
/** Finds out, if that is due. */
void place_need(struct place *place);
/** What a refusal said: other metadata than those that are known. */
void place_hint(struct place *place, jf_view url);
/** A token was refused: the server may have moved to another authorization server. */
void place_refused(struct place *place);
void place_halt(struct place *place);
void place_free(struct place *place);
/** Makes a request; JF_OK: `done` comes. `near`: the server's URL, if it may have named `url`, which must
 * then lead to a public address unless it has the same origin; absent: the operator named it, or who named
 * it. */
int32_t fetch(struct oauth *it, jf_view near, jf_view method, jf_view url,
              const struct au_text *authorization, const struct au_text *body, bool json,
              jf_http_done_fn done, void *user, jf_ref *request);
/** Reads an answer's JSON object; false: it is none. */
bool read_object(const jf_http_response *response, jf_json_value *root);
/** Text of a stranger's object in `keep`; absent: none of use. */
jf_view member_text(struct au_arena *keep, const jf_json_value *object, const char *name);

/* ---- client.c ---- */

void client_open(struct client *client, struct au_options *options, const jf_json_value *in, bool required);
/** Appends what shows who we are to a form, or fills the Authorization header. NULL, or what is wrong. */
const char *client_show(const struct client *client, const struct metadata *at, uint64_t now_ms,
                        struct au_text *form, struct au_text *authorization);

/* ---- tokens.c ---- */

/** What a token endpoint answered. */
struct tokens {
    struct au_text access, refresh, id, scope;
    uint64_t expires_ms;
    uint64_t refresh_until_ms; /**< Unix time; 0: not known */
};
/** Whom it does not take any more: the grant (asking again will not help), or the client. */
enum refusal { REFUSED_OTHER, REFUSED_GRANT, REFUSED_CLIENT };
/** Reads it. NULL, or what is wrong, for the log. */
const char *tokens_read(const jf_http_response *response, bool id_jag, uint64_t now_ms, struct tokens *out,
                        char *room, size_t size, enum refusal *refusal);
void tokens_end(struct tokens *tokens);

/* ---- entry.c ---- */

int32_t entry_supply(struct oauth *it, jf_ref op, const jf_demand *demand, jf_blob *supply, jf_fault *why);
/** Goes on with whatever comes next. */
void entry_go(struct entry *entry);
/** A place was found, or not. */
void entries_go(struct oauth *it);
void entry_fail(struct entry *entry, int32_t status, bool public, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void entry_done(struct entry *entry);
/** The scopes to be asked for; false: no memory. */
bool entry_scopes(const struct entry *entry, struct au_text *out);
void entry_free(struct entry *entry);
void entry_halt(struct entry *entry);

/** Ends all that wait with this answer. */
void entry_answer(struct entry *entry, int32_t status, const struct au_text *json, const jf_fault *why);
/** Sends a form to a token endpoint; `form` begins with grant_type. */
void entry_send(struct entry *entry, struct place *at, const struct client *client, struct au_text *form,
                enum task task);
void put_pair(struct au_text *form, const char *name, jf_view value);

/** `url`, if the server may name its authorization server; absent: the operator did. */
jf_view near_of(const struct oauth *it, jf_view url);

/** What the entry's tokens are for. */
jf_view resource_of(const struct entry *entry);

/* ---- register.c ---- */

/** Who the gateway is at the entry's authorization server. False: the entry waits, or failed. */
bool client_of(struct entry *entry, struct client *out);
/** An authorization server does not know a client any more. True: it was registered, and will be again. */
bool client_refused(struct oauth *it, jf_view issuer, jf_view id);
void clients_halt(struct oauth *it);
void clients_close(struct oauth *it);

/* ---- code.c ---- */

/** Goes on with an entry of GRANT_CODE. */
void code_go(struct entry *entry);
/** A refresh came to its end. */
void code_refreshed(struct entry *entry, struct tokens *tokens, bool grant_gone);
/** Tries again, in a while, what could not be written. */
void code_save_later(struct oauth *it);
/** The server refused the token, or wants more scopes than it has. */
void code_refused(struct entry *entry, bool wants_more);
void code_forget(struct entry *entry);
/** Serves the pages; what fails is in options->status. */
void code_open(struct oauth *it, struct au_options *options);
void code_halt(struct oauth *it);
void code_close(struct oauth *it);

/* ---- leave.c ---- */

/** A place was found, or not: browsers that wait for it go on. */
void leave_go(struct oauth *it);

#endif
