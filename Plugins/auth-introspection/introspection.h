/* SPDX-License-Identifier: Apache-2.0
 * The provider `introspection`. */
#ifndef AUTH_INTROSPECTION_INTROSPECTION_H
#define AUTH_INTROSPECTION_INTROSPECTION_H

#include "cache.h"
#include "claims.h"

struct introspection {
    struct au_provider provider;
    struct au_mapping mapping;
    struct cache cache;
    jf_view endpoint, issuer; /**< the issuer may be absent */
    jf_view authorization;    /**< a header's value; absent: the client says who it is in the body */
    jf_view body;             /**< what follows the token in it */
    jf_view *scopes;
    uint32_t scope_count;
    uint64_t token_most, keep_ns, keep_refused_ns, timeout_ns;
    uint32_t asking, asking_most, waiting, waiting_most;
    bool must_have_audience;
    uint64_t next;     /**< monotonic; the server failed: nothing is asked before */
    uint32_t failures; /**< in a row */
};

/** Reads how the gateway shows who it is: client_id, client_secret, client_auth (RFC 7662 section 2.1). */
void client_open(struct introspection *it, struct au_options *options);
/** Asks about the entry's token. JF_PENDING, or an error; then the entry is gone. */
int32_t ask(struct introspection *it, struct entry *entry, jf_view token, jf_fault *why);
/** Answers an operation with what an entry has. */
int32_t entry_answer(const struct entry *entry, jf_blob *principal, jf_fault *why);
/** Finishes all that wait for the entry. */
void entry_finish(struct entry *entry, int32_t status, const jf_fault *why);

#endif
