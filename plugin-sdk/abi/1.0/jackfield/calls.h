/* SPDX-License-Identifier: Apache-2.0
 * Host service jf.calls/1: call MCP methods through the router, as any client would (workflows, bridges). */
#ifndef JACKFIELD_CALLS_H
#define JACKFIELD_CALLS_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How a call ended. Growable; borrowed. */
typedef struct jf_call_result {
    uint32_t size;
    int32_t status; /**< JF_OK: `body` is the result object; JF_E_INVALID..: `body` is the JSON-RPC error
                       object, if any */
    jf_view body;
} jf_call_result;
JF_PIN_SIZE(jf_call_result, 24);

/** Called on the lane, once for each accepted call, never from inside `start`. */
typedef void (*jf_call_done_fn)(void *user, jf_ref call, const jf_call_result *result);

/** What to call. Growable; borrowed until `start` returns. Since 1.0. */
typedef struct jf_call {
    uint32_t size;
    uint32_t flags;
    uint64_t timeout_ns; /**< 0: the target server's own */
    jf_view target;      /**< "/mcp" (the default when absent), "/mcp/servers/NAME", "/mcp/bundles/NAME" */
    jf_view method;      /**< "tools/call", "tools/list", "resources/read", ... */
    jf_view params;      /**< JSON object in the shape of MCP 2026-07-28, `_meta` optional */
    jf_view principal;   /**< on whose behalf; absent: the plugin itself */
} jf_call;
JF_PIN_SIZE(jf_call, 80);

/** All slots [lane]. Since 1.0. */
typedef struct jf_calls_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** Starts a call. JF_OK: `done` will come once. An error: it will not. */
    int32_t (*start)(void *context, const jf_call *call, jf_call_done_fn done, void *user, jf_ref *out,
                     jf_fault *why);
    /** Cancels; `done` still comes, with JF_E_GONE. A stale handle is ignored. */
    void (*cancel)(void *context, jf_ref call);
} jf_calls_1;
JF_PIN_SIZE(jf_calls_1, 32);
#define JF_CALLS_1 "jf.calls/1"

#ifdef __cplusplus
}
#endif
#endif
