/* SPDX-License-Identifier: Apache-2.0
 * What is kept of a call of a composite tool: its arguments, who asks, how deep we are, and the trace. */
#include "asking.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>

/** So much before the caller's own deadline the report must be on its way. */
#define MARGIN 50000000u

/** What of `_meta` matters: how deep we are, and the trace. */
static bool read_meta(asking *out, const set *in, const composite *it, const json_value *params,
                      jf_fault *why) {
    static const char *const names[] = {"traceparent", "tracestate", "baggage"};
    json_value meta, value;
    uint64_t depth = 0;
    if (!value_member(params, "_meta", &meta)) meta = (json_value){0};
    if (value_member(&meta, DEPTH_KEY, &value) && !value_count(&value, 1000, &depth)) depth = 1000;
    if (depth >= in->max_depth) {
        refuse(why, JF_E_INVALID, JF_FAULT_PUBLIC,
               "composite tools call each other %u deep, the limit: '%.60s' probably leads back to itself",
               in->max_depth, it->name);
        return false;
    }
    out->depth = (uint32_t)depth + 1;
    for (int i = 0; i < 3; i++)
        if (value_member(&meta, names[i], &value)) out->trace[i] = value;
    return true;
}

bool asking_allowed(const set *in, jf_fault *why) {
    if (in->open_calls < in->max_calls) return true;
    why->retry_ms = 100;
    refuse(why, JF_E_BUSY, JF_FAULT_PUBLIC | JF_FAULT_NOT_STARTED,
           "%u composite calls are under way, the limit", in->max_calls);
    return false;
}

int32_t asking_read(asking *out, const set *in, const composite *it, const jf_request *request,
                    jf_fault *why) {
    size_t length = request->params.len, more = request->arguments.len;
    out->bytes = malloc(length + more + 2);
    out->principal = request->principal.ptr == NULL ? NULL : malloc(request->principal.len + 1);
    if (out->bytes == NULL || (request->principal.ptr != NULL && out->principal == NULL))
        return refuse(why, JF_E_BUSY, 0, "tools-composite: out of memory");
    if (out->principal != NULL) memcpy(out->principal, request->principal.ptr, request->principal.len);
    out->principal_length = out->principal == NULL ? 0 : request->principal.len;
    json_value params = {0};
    if (more > 0) memcpy(out->bytes, request->arguments.ptr, more);
    if (length > 0) memcpy(out->bytes + more, request->params.ptr, length);
    if (more == 0) memcpy(out->bytes, "{}", more = 2);
    if (!json_parse(out->bytes, more, &out->arguments) || out->arguments.kind != JSON_OBJECT)
        return refuse(why, JF_E_INVALID, JF_FAULT_PUBLIC,
                      "the arguments are no JSON object, or nested too deep");
    if (length > 0 && request->arguments.len > 0) (void)json_parse(out->bytes + more, length, &params);
    return read_meta(out, in, it, &params, why) ? JF_OK : JF_E_INVALID;
}

void asking_free(asking *it) {
    free(it->bytes);
    free(it->principal);
}

uint64_t asking_deadline(const composite *it, const jf_request *request, uint64_t now) {
    uint64_t own = now + it->timeout_ns, theirs = request->deadline_ns;
    return theirs > MARGIN && theirs - MARGIN < own ? theirs - MARGIN : own;
}
