/* SPDX-License-Identifier: Apache-2.0
 * Facet jf.credentials/1: what the gateway shows to a server so that it is let in: as itself, or for a
 * principal. Threads: per-loop. */
#ifndef JACKFIELD_CREDENTIALS_H
#define JACKFIELD_CREDENTIALS_H

#include "principal.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a request to a server needs. Growable; borrowed. Since 1.1. */
typedef struct jf_demand {
    uint32_t size;
    uint32_t flags;                /**< JF_DEMAND_* */
    const jf_principal *principal; /**< for whom; its `id` 0: the gateway itself (listings, health checks) */
    jf_view endpoint;              /**< the URL that the request goes to */
    jf_view method;                /**< "tools/call"; what the gateway asks for itself as well */
    jf_view name;                  /**< tool, prompt or URI as the server spells it; may be absent */
    /** What the principal itself showed (a bearer token without its scheme), to be exchanged at an
     * authorization server (RFC 8693), and never for the server. Absent unless manifest.credentials.exchange
     * is true. */
    jf_view presented;
    /** After a refusal: the server's WWW-Authenticate, and the status (JF_STATUS_UNAUTHORIZED or FORBIDDEN).
     */
    jf_view challenge;
    int32_t refused;  /**< 0: this is the first try */
    uint32_t attempt; /**< refusals of this very request before */
    uint64_t now_ms;  /**< milliseconds of Unix time */
} jf_demand;
JF_PIN_SIZE(jf_demand, 112);
/** jf_demand.flags: the client can be sent to a URL (MCP elicitation in URL mode). */
#define JF_DEMAND_URL 1u

/** Facet table. What it answers is a JSON object: "headers" {NAME: TEXT}, which go to the server as they are
 * and are wiped afterwards; "expires_ms" (Unix time), "keep_ms": for how long the host may use them again for
 * the same principal and endpoint (left out: until they expire, at most an hour; 0: it asks each time); or,
 * where the user must agree first, "connect" {"url": TEXT, "message": TEXT, "id": TEXT}: the host sends the
 * client there (MCP, URL elicitation) and asks again once `jf_connected_1.connected` named the id. Since 1.1.
 */
typedef struct jf_credentials_1 {
    uint32_t size;
    uint32_t flags;
    /** Begins to serve one server. `server` is its name, `config` its `credentials` options, JSON, valid
     * against manifest.credentials.config. [control] */
    int32_t (*attach)(jf_self *self, jf_view server, jf_view config, jf_ref *handle, jf_fault *why);
    /** Ends what `attach` began; no operation of it is open. [control] */
    void (*detach)(jf_self *self, jf_ref handle);
    /** JF_OK: `*supply` is JSON, see above. JF_PENDING: finish(op) brings the same. JF_ABSENT: nothing is
     * needed. JF_E_DENIED: this principal gets none, the call is refused; `why`, if public, tells the client.
     * Other errors: they cannot be had now. [lane] */
    int32_t (*supply)(jf_self *self, jf_ref op, jf_ref handle, const jf_demand *demand, jf_blob *supply,
                      jf_fault *why);
    /** Nobody waits for a pending operation any more; finish is still owed. Optional. [any] */
    void (*cancel)(jf_self *self, jf_ref op);
} jf_credentials_1;
JF_PIN_SIZE(jf_credentials_1, 40);
#define JF_CREDENTIALS_1 "jf.credentials/1"

/** Host service jf.connected/1, for credential sources. [any]. Since 1.1. */
typedef struct jf_connected_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** The user did what "connect" asked for under this id: calls that wait for it go on, and the client
     * hears that the elicitation is complete. `status` JF_OK, or why it came to nothing. */
    void (*connected)(void *context, jf_view id, int32_t status);
    /** What was supplied before is not good any more: all of this plugin's, or those of one principal's key.
     */
    void (*forget)(void *context, jf_view key);
} jf_connected_1;
JF_PIN_SIZE(jf_connected_1, 32);
#define JF_CONNECTED_1 "jf.connected/1"

#ifdef __cplusplus
}
#endif
#endif
