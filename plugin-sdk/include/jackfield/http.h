/* SPDX-License-Identifier: Apache-2.0
 * Service jf.http/1, offered by transport-http to host and plugins on the same loop: mount a path on the HTTP
 * listeners, and make HTTP requests. Admin pages, metrics, bridges and token fetching need no second HTTP
 * stack. */
#ifndef JACKFIELD_HTTP_H
#define JACKFIELD_HTTP_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A request to a mounted path, or one to make. Growable; borrowed. Header names are lower case. Since 1.0.
 */
typedef struct jf_http_request {
    uint32_t size;
    uint32_t flags;
    jf_ref exchange;     /**< mounted: names the request in `respond` */
    uint64_t timeout_ns; /**< outgoing: 0 means 30 s */
    jf_view method;      /**< "GET" */
    jf_view url;         /**< outgoing: absolute; mounted: path and query as received */
    jf_view peer;        /**< mounted: the client's address */
    jf_view body;
    const jf_pair *headers;
    uint64_t header_count;
} jf_http_request;
JF_PIN_SIZE(jf_http_request, 104);
/** jf_http_request.flags, outgoing: only to public addresses. A host that is, or resolves to nothing but,
 * loopback, private, link-local or otherwise special addresses (RFC 6890) is refused before anything is sent:
 * for URLs that strangers name. A transport-http before 1.1 does not know it. Since 1.1. */
#define JF_HTTP_PUBLIC 1u

/** A response. Growable; borrowed. Since 1.0. */
typedef struct jf_http_response {
    uint32_t size;
    uint32_t flags; /**< JF_HTTP_* */
    int32_t status; /**< 200; outgoing requests that failed: one of JF_E_* */
    uint32_t reserved;
    jf_view body;
    const jf_pair *headers;
    uint64_t header_count;
} jf_http_response;
JF_PIN_SIZE(jf_http_response, 48);
/** jf_http_response.flags: more body follows with further `respond` calls (chunked; Server-Sent Events). */
#define JF_HTTP_MORE 1u

/** A request arrived on a mounted path. Answer with `respond`, now or later, on the lane. */
typedef void (*jf_http_serve_fn)(void *user, const jf_http_request *request);
/** An outgoing request ended. Called once, on the lane, never from inside `request`. */
typedef void (*jf_http_done_fn)(void *user, jf_ref request, const jf_http_response *response);

/** All slots [lane]. Since 1.0. */
typedef struct jf_http_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** Serves `path` (exact, or a prefix when it ends with '/') on every HTTP listener of this loop. The
     * longest match wins; MCP endpoints cannot be shadowed. JF_E_BUSY: the path is taken. */
    int32_t (*mount)(void *context, jf_view path, jf_http_serve_fn serve, void *user, jf_ref *mount);
    void (*unmount)(void *context, jf_ref mount);
    /** Answers a mounted request. JF_E_STALE: the client left. */
    int32_t (*respond)(void *context, jf_ref exchange, const jf_http_response *response);
    /** Makes a request, pooled and bounded (response at most 4 MiB). */
    int32_t (*request)(void *context, const jf_http_request *request, jf_http_done_fn done, void *user,
                       jf_ref *out, jf_fault *why);
    /** Gives a request up; `done` is not called. A stale handle is ignored. */
    void (*abandon)(void *context, jf_ref request);
} jf_http_1;
JF_PIN_SIZE(jf_http_1, 56);
#define JF_HTTP_1 "jf.http/1"

#ifdef __cplusplus
}
#endif
#endif
