/* SPDX-License-Identifier: Apache-2.0
 * What a source of credentials is to what all of them share: the ABI side is in instance.c. It begins as a
 * provider of identities does, so that options, files, texts and URLs of auth-common serve it, too. */
#ifndef CREDENTIALS_COMMON_SOURCE_H
#define CREDENTIALS_COMMON_SOURCE_H

#include "options.h"

#include <jackfield/credentials.h>
#include <jackfield/seal.h>
#include <jackfield/state.h>

/** The host as one instance sees it. */
struct cs_host {
    struct au_host au;
    const jf_connected_1 *connected; /**< NULL: nobody waits for users */
    const jf_state_1 *state;         /**< NULL: there is no store, or it is not asked for */
    const jf_seal_1 *seal;           /**< NULL: nobody seals, or it is not asked for */
    jf_self *self;
};

/** One server's source, on one loop; its name is the server's. Sources begin their own record with it. */
struct cs_source {
    struct au_provider au;
};

static inline struct cs_host *cs_host_of(const struct cs_source *source) {
    return (struct cs_host *)source->au.host;
}

/** The kind of source that a plugin has, a static table named cs_this. */
struct cs_kind {
    uint32_t record; /**< bytes of a source's record */
    bool keeps;      /**< it keeps things in the store, sealed */
    /** Reads the options into the zeroed record. What fails is in options->status; `close` follows then. */
    void (*open)(struct cs_source *source, struct au_options *options);
    /** As jf_credentials_1.supply, with all members of jf_demand that are known here. */
    int32_t (*supply)(struct cs_source *source, jf_ref op, const jf_demand *demand, jf_blob *supply,
                      jf_fault *why);
    /** Ends timers and requests, and finishes what waits. Called at least once; calls nobody twice. */
    void (*halt)(struct cs_source *source);
    /** Frees what is not in `keep`. Optional. */
    void (*close)(struct cs_source *source);
};
extern const struct cs_kind cs_this;

/** The source that this loop has for a server; NULL: none. */
struct cs_source *cs_find(struct cs_host *host, jf_view server);

/** Ends an operation; `blob` may be NULL. */
static inline void cs_finish(const struct cs_source *source, jf_ref op, int32_t status, jf_blob *blob,
                             const jf_fault *why) {
    jf_blob none = {0};
    const jf_ops_1 *ops = source->au.host->ops;
    ops->finish(ops->context, op, status, blob != NULL ? blob : &none, why);
}

#endif
