/* SPDX-License-Identifier: Apache-2.0
 * Cases: the facet jf.routing/1, and the state that it hands over. */
#include "check.h"

/** Bytes of state per endpoint that was seen, and in any case. */
#define STATE_EACH 4096u
#define STATE_BASE (1u << 20)

static check_host *up(check *c, jf_ref *handle) {
    check_host *h = check_up(c);
    if (h == NULL) return NULL;
    if (check_attach(h, handle)) return h;
    check_host_free(h);
    return NULL;
}

static void down(check_host *h, jf_ref handle) {
    check_enter(h, "detach");
    jf_mock_routing(h->mock)->detach(h->mock->self, handle);
    check_leave(h);
    check_host_free(h);
}

static void picks(check *c) {
    jf_ref handle;
    uint32_t chosen;
    check_host *h = up(c, &handle);
    if (h == NULL) return;
    static const uint64_t counts[] = {1, 2, 3, 7, 64, 1, 300, 2};
    for (int round = 0; round < 400 && !check_failed(c); round++) {
        char name[40];
        snprintf(name, sizeof name, "tool_%llu", (unsigned long long)check_below(c, 50));
        uint64_t count = counts[check_below(c, 8)];
        jf_ref first = 1 + check_below(c, 100);
        int32_t status = check_pick(h, handle, first, count, name, &chosen);
        if (status == JF_OK)
            check_observe(h, handle, first + chosen, check_below(c, 4) == 0 ? JF_E_GONE : JF_OK);
        if (status < 0)
            check_fail(c, "Choose one, or answer JF_ABSENT to refuse them all.",
                       "pick among %llu endpoints answered %d: %s", (unsigned long long)count, (int)status,
                       check_text(&h->mock->fault));
    }
    down(h, handle);
}

static void outcomes(check *c) {
    jf_ref handle;
    uint32_t chosen;
    check_host *h = up(c, &handle);
    if (h == NULL) return;
    static const int32_t statuses[] = {JF_OK, JF_E_INVALID, JF_E_BUSY, JF_E_TIMEOUT, JF_E_GONE, JF_E_FAULT};
    for (int i = 0; i < 2000; i++) /* of endpoints that it never saw, too */
        check_observe(h, handle, check_random(c), statuses[check_below(c, 6)]);
    check_pick(h, handle, 1, 3, "after", &chosen);
    down(h, handle);
}

static void servers(check *c) {
    check_host *h = check_up(c);
    jf_ref handles[30];
    uint32_t count = 0, chosen;
    if (h == NULL) return;
    while (count < 30 && check_attach(h, &handles[count]))
        count++;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (handles[i] == handles[k] && c->setup->routing != NULL)
                check_warn(c, "Give each attached server a handle of its own.",
                           "two attached servers have the same handle");
        }
    }
    for (uint32_t i = 0; i < count; i += 3)
        jf_mock_routing(h->mock)->detach(h->mock->self, handles[i]);
    for (uint32_t i = 0; i < count && !check_failed(c); i++) {
        if (i % 3 != 0) check_pick(h, handles[i], 1 + i, 4, "x", &chosen);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (i % 3 != 0) jf_mock_routing(h->mock)->detach(h->mock->self, handles[i]);
    }
    check_host_free(h);
}

static void quick(check *c) {
    jf_ref handle;
    uint32_t chosen;
    check_host *h = up(c, &handle);
    if (h == NULL) return;
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 200 && !check_failed(c); i++) {
        h->worst_cpu_ns = 0;
        check_pick(h, handle, 1, 8, "quick", &chosen);
        if (h->worst_cpu_ns < best) best = h->worst_cpu_ns;
    }
    if (best != UINT64_MAX && best > 100000u)
        check_warn(c, "Prepare in attach and observe what pick needs.",
                   "its fastest pick among 8 endpoints took %llu us; it should stay under one",
                   (unsigned long long)(best / 1000));
    down(h, handle);
}

/* ---- State ---- */

static bool has_state(check_host *h) {
    const jf_routing_1 *routing = jf_mock_routing(h->mock);
    if (routing->export_state != NULL && routing->import_state != NULL) return true;
    check_skip(h->c, "it hands over no state");
    return false;
}

static bool export_state(check_host *h, jf_ref handle, jf_blob *out) {
    jf_fault *why = jf_mock_fault(h->mock);
    *out = (jf_blob){0};
    check_enter(h, "export_state");
    int32_t status = jf_mock_routing(h->mock)->export_state(h->mock->self, handle, out, why);
    check_leave(h);
    if (status == JF_OK) return true;
    if (status < 0) check_why(h, "export_state", status, why);
    if (status != JF_ABSENT)
        check_fail(h->c, "Answer JF_OK, or JF_ABSENT where nothing was learnt.",
                   "export_state answered %d: %s", (int)status, check_text(why));
    return false;
}

static int32_t import_state(check_host *h, jf_ref handle, const void *bytes, uint64_t length) {
    jf_fault *why = jf_mock_fault(h->mock);
    jf_view state = check_lend(h->c, "`state` of import_state", bytes, length);
    check_enter(h, "import_state");
    int32_t status = jf_mock_routing(h->mock)->import_state(h->mock->self, handle, state, why);
    check_leave(h);
    check_return(h->c);
    if (status < 0) check_why(h, "import_state", status, why);
    return status;
}

static void drop(jf_blob *blob) {
    if (blob->drop != NULL) blob->drop(blob->owner);
    *blob = (jf_blob){0};
}

static void learn(check_host *h, jf_ref handle, uint64_t endpoints) {
    uint32_t chosen;
    for (uint64_t i = 0; i < endpoints && !check_failed(h->c); i++) {
        check_pick(h, handle, 1 + i % 50, 4, "learn", &chosen);
        check_observe(h, handle, 1 + i % 50, i % 3 == 0 ? JF_E_GONE : JF_OK);
    }
}

static void round_trip(check *c) {
    jf_ref handle;
    check_host *h = up(c, &handle);
    if (h == NULL) return;
    jf_blob state = {0}, again = {0};
    if (has_state(h)) {
        learn(h, handle, 200);
        if (!check_failed(c) && export_state(h, handle, &state)) {
            check_host *fresh = check_up(c);
            jf_ref other;
            if (fresh != NULL && check_attach(fresh, &other)) {
                int32_t status = import_state(fresh, other, state.ptr, state.len);
                if (status != JF_OK)
                    check_fail(c, "A plugin takes back what it exported itself.",
                               "import_state refuses what export_state gave (%llu bytes): %d %s",
                               (unsigned long long)state.len, (int)status, check_text(&fresh->mock->fault));
                else if (export_state(fresh, other, &again) &&
                         (again.len != state.len || memcmp(again.ptr, state.ptr, state.len) != 0))
                    check_warn(c, "Write everything that is read back, in a fixed order.",
                               "what is exported after an import differs from what was imported");
                drop(&again);
                uint32_t chosen;
                if (!check_failed(c)) check_pick(fresh, other, 1, 4, "after", &chosen);
                jf_mock_routing(fresh->mock)->detach(fresh->mock->self, other);
            }
            if (fresh != NULL) check_host_free(fresh);
        }
    }
    drop(&state);
    down(h, handle);
}

/* Whether what was just imported is a state of its own, and not part of one: it comes out as it went in. */
static bool is_whole(check_host *h, jf_ref handle, const uint8_t *bytes, uint64_t length) {
    jf_blob now = {0};
    bool is_same = export_state(h, handle, &now) && now.len == length && memcmp(now.ptr, bytes, length) == 0;
    drop(&now);
    return is_same;
}

static void damaged(check *c) {
    jf_ref handle;
    uint32_t chosen;
    c->guarded = true;
    check_host *h = up(c, &handle);
    if (h == NULL) return;
    jf_blob state = {0};
    if (has_state(h)) {
        learn(h, handle, 50);
        if (!check_failed(c) && export_state(h, handle, &state)) {
            for (uint64_t length = 0; length < state.len && length < 600 && !check_failed(c); length++) {
                if (import_state(h, handle, state.ptr, length) == JF_OK && length * 2 < state.len &&
                    length > 0 && c->result->outcome < CHECK_WARN && !is_whole(h, handle, state.ptr, length))
                    check_warn(c, "Write the length or a checksum, and check it.",
                               "import_state accepts the first %llu of %llu bytes",
                               (unsigned long long)length, (unsigned long long)state.len);
            }
            for (int i = 0; i < 600 && state.len > 0 && !check_failed(c); i++) {
                uint8_t *copy = mock_allocate(state.len);
                memcpy(copy, state.ptr, state.len);
                for (uint64_t n = 1 + check_below(c, 4); n > 0; n--)
                    copy[check_below(c, state.len)] = (uint8_t)check_random(c);
                import_state(h, handle, copy, state.len);
                free(copy);
                check_pick(h, handle, 1, 4, "after", &chosen);
            }
        }
    }
    drop(&state);
    down(h, handle);
}

static void random_state(check *c) {
    jf_ref handle;
    uint32_t chosen;
    c->guarded = true;
    check_host *h = up(c, &handle);
    if (h == NULL) return;
    if (has_state(h)) {
        uint8_t bytes[4096];
        for (int i = 0; i < 600 && !check_failed(c); i++) {
            uint64_t length = check_below(c, i % 2 == 0 ? 64 : sizeof bytes);
            for (uint64_t n = 0; n < length; n++)
                bytes[n] = (uint8_t)check_random(c);
            import_state(h, handle, bytes, length);
            check_pick(h, handle, 1, 4, "after", &chosen);
        }
    }
    down(h, handle);
}

static void bounded(check *c) {
    jf_ref handle;
    uint32_t chosen;
    check_host *h = up(c, &handle);
    if (h == NULL) return;
    jf_blob state = {0};
    const uint64_t servers_seen = 20000;
    if (has_state(h)) {
        for (uint64_t i = 0; i < servers_seen && !check_failed(c); i++) {
            char name[40];
            snprintf(name, sizeof name, "tool_%llu", (unsigned long long)i);
            check_pick(h, handle, 1 + i % 8, 2, name, &chosen);
            check_observe(h, handle, 1 + i % 8, i % 2 == 0 ? JF_E_GONE : JF_OK);
        }
        if (!check_failed(c) && export_state(h, handle, &state) && state.len > STATE_BASE / 4)
            check_fail(c, "Keep what is learnt per endpoint, bounded, and not per call.",
                       "after %llu calls of 9 endpoints its state has %llu bytes",
                       (unsigned long long)servers_seen, (unsigned long long)state.len);
        drop(&state);
    }
    down(h, handle);
}

CHECK_GROUP(routing, {"routing.picks", "it picks an endpoint that there is", JF_ROUTING_1, picks, false},
            {"routing.outcomes", "it takes outcomes of all kinds, also of endpoints that it never saw",
             JF_ROUTING_1, outcomes, false},
            {"routing.servers", "many servers are attached at once", JF_ROUTING_1, servers, false},
            {"routing.quick", "a pick is quick", JF_ROUTING_1, quick, false},
            {"state.round-trip", "what it exports it imports", JF_ROUTING_1, round_trip, false},
            {"state.damaged", "cut and changed state does not break it", JF_ROUTING_1, damaged, false},
            {"state.random", "random state does not break it", JF_ROUTING_1, random_state, false},
            {"state.bounded", "its state does not grow with the number of calls", JF_ROUTING_1, bounded,
             false}, );
