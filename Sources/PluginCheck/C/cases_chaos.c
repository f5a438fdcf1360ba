/* SPDX-License-Identifier: Apache-2.0
 * Cases: services that are missing, memory that runs out, a host that is busy. */
#include "check.h"

/* A life in which anything may be refused, but nothing may break. False: something did. */
static bool live(check *c, check_host *h) {
    bool lives = check_create(h, c->setup->config) == JF_OK && check_start(h) == JF_OK;
    if (lives) check_exercise(h, 1);
    check_host_free(h);
    if (c->result->outcome == CHECK_SKIP) c->result->outcome = CHECK_PASS;
    return !check_failed(c);
}

static bool is_ready(check *c) {
    if (c->setup->config == NULL)
        check_skip(c, "no configuration could be made from its schema: give one with --config");
    return c->setup->config != NULL && check_entry(c) != NULL;
}

static void nothing(check *c) {
    if (!is_ready(c)) return;
    check_host *h = check_host_new(c, true);
    if (h == NULL) return;
    jf_mock_hide(h->mock, NULL);
    live(c, h);
}

static void required(check *c) {
    if (!is_ready(c)) return;
    for (const char *const *id = c->setup->required; id != NULL && *id != NULL; id++) {
        check_host *h = check_host_new(c, true);
        if (h == NULL) return;
        jf_mock_hide(h->mock, *id);
        if (!live(c, h)) return;
    }
}

static void optional(check *c) {
    if (!is_ready(c)) return;
    for (const char *const *id = c->setup->optional; id != NULL && *id != NULL; id++) {
        check_host *h = check_host_new(c, true);
        if (h == NULL) return;
        jf_mock_hide(h->mock, *id);
        jf_fault *why = &h->mock->fault;
        if (check_create(h, c->setup->config) != JF_OK) {
            char text[300];
            snprintf(text, sizeof text, "%s", check_text(why));
            check_host_free(h);
            /* Without any host at hand it may refuse for another reason: compare with one that has it all. */
            check_host *all = check_up(c);
            if (all == NULL) return;
            check_host_free(all);
            check_fail(c, "Work without it, or list it in `requires`.",
                       "its manifest lists %s as optional, but without it create refuses: %s", *id, text);
            return;
        }
        if (check_start(h) == JF_OK) check_exercise(h, 1);
        check_host_free(h);
        if (c->result->outcome == CHECK_SKIP) c->result->outcome = CHECK_PASS;
        if (check_failed(c)) return;
    }
}

static void memory(check *c) {
    if (!is_ready(c)) return;
    for (uint64_t from = 0; from < 40; from++) {
        check_host *h = check_host_new(c, true);
        if (h == NULL) return;
        jf_mock_fail_allocations(h->mock, from);
        uint64_t fails_at = h->mock->fail_from;
        bool lives = check_create(h, c->setup->config) == JF_OK && check_start(h) == JF_OK;
        if (lives) check_exercise(h, 1);
        bool was_reached = atomic_load(&h->mock->allocations) > fails_at;
        check_host_free(h);
        if (c->result->outcome == CHECK_SKIP) c->result->outcome = CHECK_PASS;
        if (check_failed(c) || !was_reached) return;
    }
}

static void busy(check *c) {
    if (!is_ready(c)) return;
    for (uint64_t from = 0; from < 40; from++) {
        check_host *h = check_host_new(c, true);
        if (h == NULL) return;
        h->refuse_from = from;
        h->patience_ms = 60; /* what waits for a timer that was refused ends with the instance */
        bool lives = check_create(h, c->setup->config) == JF_OK && check_start(h) == JF_OK;
        if (lives) check_exercise(h, 1);
        bool was_reached = atomic_load(&h->loop_calls) > from;
        h->refuse_from = UINT64_MAX; /* the end shall be an ordinary one */
        check_host_free(h);
        if (c->result->outcome == CHECK_SKIP) c->result->outcome = CHECK_PASS;
        if (check_failed(c) || !was_reached) return;
    }
}

static void gone(check *c) {
    if (!is_ready(c)) return;
    static const int32_t answers[] = {JF_E_STALE, JF_E_GONE, JF_E_BUSY};
    for (int i = 0; i < 3; i++) {
        check_host *h = check_host_new(c, true);
        if (h == NULL) return;
        h->ops_answer = answers[i];
        if (!live(c, h)) return;
    }
}

CHECK_GROUP(chaos,
            {"chaos.nothing", "without any service it refuses and does not crash", NULL, nothing, false},
            {"chaos.required", "without a required service it refuses or works, and does not crash", NULL,
             required, false},
            {"chaos.optional", "without an optional service it works", NULL, optional, false},
            {"chaos.memory", "it survives each allocation of jf.memory/1 that fails", NULL, memory, false},
            {"chaos.busy", "it survives watches, timers and posts that are refused", NULL, busy, false},
            {"chaos.gone", "it survives a host that does not want its answers", JF_TOOLSET_1, gone, false}, );
