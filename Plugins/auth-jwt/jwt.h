/* SPDX-License-Identifier: Apache-2.0
 * The provider `jwt`: its issuers, their keys, and tokens that wait for them. */
#ifndef AUTH_JWT_JWT_H
#define AUTH_JWT_JWT_H

#include "claims.h"
#include "file.h"
#include "jwks.h"

enum { ISSUERS_MOST = 16, TYPES_MOST = 16, URL_MOST = 2048 };

/** A token that waits for keys. */
struct waiting {
    struct waiting *next;
    jf_ref op;
    uint64_t now_ms, since;  /**< the time of the request, and the monotonic time then */
    jf_view token, resource; /**< behind it */
};

/** Whoever makes tokens. */
struct issuer {
    struct jwt *jwt;
    jf_view name;        /**< "iss" */
    jf_view jwks_uri;    /**< configured; absent: it is found out */
    jf_view metadata;    /**< configured; absent: where RFC 8414 and OpenID Connect Discovery say */
    bool fetched;        /**< its keys come over the network */
    bool secret;         /**< it has a shared secret instead of keys */
    struct au_file file; /**< where its keys come from; no path: from elsewhere */
    struct jwks keys;
    uint64_t until;        /**< monotonic; the keys are of no use any more, however often fetching failed */
    uint64_t next;         /**< monotonic; no fetch begins before */
    uint32_t failures;     /**< in a row */
    jf_ref request, timer; /**< 0: none */
    uint32_t step;         /**< the place of metadata that is tried; STEP_KEYS: the keys themselves */
    char found[URL_MOST + 1]; /**< jwks_uri as the metadata have it; "": not known */
    struct waiting *first, **last;
};

struct jwt {
    struct au_provider provider;
    struct au_mapping mapping;
    struct issuer *issuers;
    uint32_t issuer_count;
    bool allowed[ALGORITHMS];
    jf_view *types;
    uint32_t type_count;
    jf_view *scopes;
    uint32_t scope_count;
    bool must_have_type, strict, plain;
    uint64_t token_most, refresh_ns, refetch_ns, stale_ns, timeout_ns;
    uint32_t waiting, waiting_most;
};

/** Reads one issuer's options. */
void issuer_open(struct issuer *issuer, struct jwt *jwt, struct au_options *options, const jf_json_value *in);
/** Fetches the keys, if that is due. True: a fetch is under way, and issuer_wait may follow. */
bool issuer_fetch(struct issuer *issuer);
/** Drops keys that are too old. */
void issuer_tick(struct issuer *issuer);
/** Lets a token wait for the end of the fetch. JF_PENDING, or an error. */
int32_t issuer_wait(struct issuer *issuer, jf_ref op, jf_view token, jf_view resource, uint64_t now_ms,
                    jf_fault *why);
/** Ends timers and requests, finishes what waits. */
void issuer_halt(struct issuer *issuer);
void issuer_close(struct issuer *issuer);

/** Says whose token it is. `op` 0: it has waited already. */
int32_t jwt_check(struct jwt *it, jf_ref op, jf_view token, jf_view resource, uint64_t now_ms,
                  jf_blob *principal, jf_fault *why);

#endif
