/* SPDX-License-Identifier: Apache-2.0
 * Endpoints, picks and outcomes for tests of routing strategies, as a host of ABI 1.1 fills them in. */
#ifndef JF_MOCK_ROUTING_H
#define JF_MOCK_ROUTING_H

#include "jf_mock.h"

/** An endpoint of weight 1 that bears all of it. `name` (may be NULL) must outlive it. */
static inline jf_endpoint jf_mock_endpoint(jf_ref id, const char *name) {
    jf_endpoint it = {.size = sizeof it, .id = id, .weight = 1, .ready = 1000};
    it.name = jf_mock_view(name);
    return it;
}

/** A first attempt to call a tool. The strings may be NULL and must outlive it. */
static inline jf_pick jf_mock_pick(const char *tool, const char *principal, const char *session) {
    jf_pick it = {.size = sizeof it};
    it.method = jf_mock_view("tools/call");
    it.name = jf_mock_view(tool);
    it.principal = jf_mock_view(principal);
    it.session = jf_mock_view(session);
    return it;
}

/** How a call ended. */
static inline jf_outcome jf_mock_outcome(jf_ref endpoint, int32_t status, uint64_t latency_ns) {
    jf_outcome it = {.size = sizeof it, .status = status, .endpoint = endpoint, .latency_ns = latency_ns};
    return it;
}

/** `size` of the same structs from a host of 1.0. */
enum {
    JF_MOCK_ENDPOINT_1_0 = offsetof(jf_endpoint, ready),
    JF_MOCK_PICK_1_0 = offsetof(jf_pick, traits),
    JF_MOCK_OUTCOME_1_0 = offsetof(jf_outcome, flags)
};

#endif
