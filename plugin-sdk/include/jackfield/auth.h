/* SPDX-License-Identifier: Apache-2.0
 * Facet jf.auth/1: turns what a request brought with it into a principal. Threads: per-loop. */
#ifndef JACKFIELD_AUTH_H
#define JACKFIELD_AUTH_H

#include "principal.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a request brought with it. Growable; borrowed. Since 1.1. */
typedef struct jf_credentials {
    uint32_t size;
    uint32_t flags;        /**< JF_CREDENTIALS_* */
    jf_view target;        /**< the endpoint asked for ("/mcp/servers/time") */
    jf_view resource;      /**< its canonical URI, for which a token must have been made (RFC 8707) */
    jf_view address;       /**< the client's address: "127.0.0.1:51234", "stdio" */
    jf_view certificate;   /**< its verified certificate (X.509, DER); absent: none */
    const jf_pair *fields; /**< the header fields that manifest.auth.fields names, in order of arrival, names
                              in lower case */
    uint64_t field_count;
    uint64_t now_ms; /**< milliseconds of Unix time */
} jf_credentials;
JF_PIN_SIZE(jf_credentials, 96);
/** jf_credentials.flags: the client is on this machine (a loopback address, a Unix socket, stdio). */
#define JF_CREDENTIALS_LOCAL 1u
/** jf_credentials.flags: the client is the one for which the gateway was started (stdio). */
#define JF_CREDENTIALS_SOLE 2u

/** Host service jf.identity/1, for providers. [any]. Since 1.1. */
typedef struct jf_identity_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** What was accepted before may not hold any more: principals of this plugin are asked for anew with
     * their next requests, and open streams are checked. `credential` absent: all of them; else those of that
     * jf_principal.credential. */
    void (*forget)(void *context, jf_view credential);
} jf_identity_1;
JF_PIN_SIZE(jf_identity_1, 24);
#define JF_IDENTITY_1 "jf.identity/1"

/** Facet table. A configuration names providers in an order; the first that does not answer JF_ABSENT
 * decides.
 *
 * A principal is a JSON object: "subject" (required), "tenant", "issuer", "roles" [texts], "scopes" [texts],
 * "attributes" {}, "credential", "expires_ms" (Unix time), and "keep_ms": for how long the host may answer
 * the same credentials for the same endpoint itself (left out: until it expires, at most an hour; 0: it asks
 * each time). Since 1.1. */
typedef struct jf_auth_1 {
    uint32_t size;
    uint32_t flags;
    /** Begins to serve one configured provider. `name` is its name in the configuration, `config` its
     * options, JSON, valid against manifest.auth.config. `*handle` receives the plugin's handle. [control] */
    int32_t (*attach)(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why);
    /** Ends what `attach` began; no operation of it is open. [control] */
    void (*detach)(jf_self *self, jf_ref handle);
    /** Says who it is. JF_OK: `*principal` is JSON, see above. JF_PENDING: finish(op) brings the same.
     * JF_ABSENT: the request has no credentials of this provider's kind. JF_E_DENIED: it has, and they are
     * not good: the client gets 401 with `error="invalid_token"` and, where `why` is public, its text; nobody
     * else is asked. Any other error: it cannot be known now; the client gets 503 with `retry_ms`, and is
     * never let in. [lane] */
    int32_t (*identify)(jf_self *self, jf_ref op, jf_ref handle, const jf_credentials *credentials,
                        jf_blob *principal, jf_fault *why);
    /** What a client that has no credentials yet must know (RFC 9728): a JSON object with any of
     * "authorization_servers" [URLs], "scopes_supported" [texts], "bearer_methods_supported" [texts] and
     * further members of that RFC, and "challenges" [texts]: values of WWW-Authenticate beside the host's own
     * Bearer one
     * (`Basic realm="…"`). Members of several providers are joined. Optional. [control] */
    int32_t (*describe)(jf_self *self, jf_ref handle, jf_blob *description, jf_fault *why);
    /** Nobody waits for a pending operation any more; finish is still owed. Optional. [any] */
    void (*cancel)(jf_self *self, jf_ref op);
} jf_auth_1;
JF_PIN_SIZE(jf_auth_1, 48);
#define JF_AUTH_1 "jf.auth/1"

#ifdef __cplusplus
}
#endif
#endif
