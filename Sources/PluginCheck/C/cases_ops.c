/* SPDX-License-Identifier: Apache-2.0
 * Cases: operations of a toolset: one answer each, whatever happens. */
#include "check.h"

#define PATIENCE_MS 4000u

/* What a run over all tools needs. */
typedef struct run {
    jf_ref handle;
    check_op *ops[200];
    uint32_t count;
} run;

static bool begin(check_host *h, const char *name, void *user) {
    run *it = user;
    char what[300];
    snprintf(what, sizeof what, "arguments %s", name);
    const check_setup *setup = h->c->setup;
    char *arguments = setup->make != NULL ? setup->make(setup->user, what, 0) : NULL;
    it->ops[it->count++] =
        check_request(h, it->handle, JF_MOCK_CALL, name, arguments != NULL ? arguments : "{}");
    free(arguments);
    return it->count < 200;
}

/* Calls every tool, up to 200. False: there is nothing to call. */
static bool begin_all(check_host *h, run *it) {
    char why[200] = "";
    *it = (run){0};
    if (!check_open_set(h, "check", &it->handle)) return false;
    char *tools = check_list(h, it->handle, JF_TOOLS);
    if (tools == NULL) {
        check_skip(h->c, "it lists no tools");
        return false;
    }
    const check_setup *setup = h->c->setup;
    if (setup->judge != NULL) setup->judge(setup->user, "tools", tools, strlen(tools), why, sizeof why);
    check_each_tool(h, tools, begin, it);
    free(tools);
    return true;
}

static void answers(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    run all;
    if (begin_all(h, &all)) {
        for (uint32_t i = 0; i < all.count; i++) {
            if (check_wait(h, all.ops[i], PATIENCE_MS)) continue;
            check_fail(c, "Finish every operation that a slot left pending.",
                       "an operation that was left pending was not finished after %u s", PATIENCE_MS / 1000);
            break;
        }
        /* Second answers come late. */
        for (int i = 0; i < 10 && !check_failed(c); i++) {
            jf_mock_advance(h->mock, 1000000000u);
            jf_mock_run_once(h->mock, 3);
        }
        check_close_set(h, all.handle);
    }
    check_host_free(h);
}

static void cancel_with(check *c, int32_t why) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    run all;
    if (begin_all(h, &all)) {
        uint32_t pending = 0;
        for (uint32_t i = 0; i < all.count; i++) {
            if (all.ops[i]->open) pending++;
            check_cancel(h, all.ops[i], why);
        }
        for (uint32_t i = 0; i < all.count; i++) {
            if (check_wait(h, all.ops[i], PATIENCE_MS)) continue;
            check_fail(c, "`cancel` asks to stop; the finish is owed all the same.",
                       "an operation whose caller left was not finished after %u s", PATIENCE_MS / 1000);
            break;
        }
        for (uint32_t i = 0; i < all.count; i++)
            check_cancel(h, all.ops[i], why); /* over by now: no effect */
        const jf_toolset_1 *toolset = jf_mock_toolset(h->mock);
        if (toolset->cancel != NULL) {
            check_step("cancel of an operation that never was");
            toolset->cancel(h->mock->self, 0x4a000000ffu);
        }
        if (pending == 0 && !check_failed(c)) check_skip(c, "none of its tools leaves a call pending");
        check_close_set(h, all.handle);
    }
    check_host_free(h);
}

static void cancel(check *c) {
    cancel_with(c, JF_E_GONE);
}
static void deadline(check *c) {
    cancel_with(c, JF_E_TIMEOUT);
}

/* The instance ends while calls are open: each is finished in stop or destroy. */
static void stop(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    run all;
    if (begin_all(h, &all)) {
        uint32_t pending = 0;
        for (uint32_t i = 0; i < all.count; i++)
            pending += all.ops[i]->open;
        check_destroy(h);
        check_pause(20);
        if (pending == 0) check_skip(c, "none of its tools leaves a call pending");
    }
    check_host_free(h);
}

static void many(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    run all;
    if (begin_all(h, &all)) {
        const check_setup *setup = c->setup;
        check_op *ops[256];
        char *tools = check_list(h, all.handle, JF_TOOLS);
        uint32_t count = 0;
        for (uint32_t round = 0; tools != NULL && round < 256 && count < 256; round++) {
            char pointer[32], what[300];
            snprintf(pointer, sizeof pointer, "/%u/name", round % (all.count > 0 ? all.count : 1));
            char *name = jf_mock_json_get(h->mock, tools, pointer);
            if (name == NULL) break;
            snprintf(what, sizeof what, "arguments %s", name);
            char *arguments = setup->make != NULL ? setup->make(setup->user, what, 0) : NULL;
            ops[count++] =
                check_request(h, all.handle, JF_MOCK_CALL, name, arguments != NULL ? arguments : "{}");
            free(arguments);
            free(name);
        }
        free(tools);
        for (uint32_t i = 0; i < count; i++) {
            if (i % 3 == 0) check_cancel(h, ops[i], JF_E_GONE);
        }
        for (uint32_t i = 0; i < count; i++) {
            if (check_wait(h, ops[i], PATIENCE_MS)) continue;
            check_fail(c, "Keep the state of each operation apart.",
                       "of %u operations at once number %u was not finished", count, i);
            break;
        }
        check_close_set(h, all.handle);
    }
    check_host_free(h);
}

CHECK_GROUP(ops, {"ops.answers", "each call has one answer, now or later", JF_TOOLSET_1, answers, false},
            {"ops.cancel", "a call whose caller left is finished all the same", JF_TOOLSET_1, cancel, false},
            {"ops.deadline", "a call that is out of time is finished all the same", JF_TOOLSET_1, deadline,
             false},
            {"ops.stop", "calls that are open at the end are finished by stop or destroy", JF_TOOLSET_1, stop,
             false},
            {"ops.many", "256 calls at once, a third of them canceled, are all finished", JF_TOOLSET_1, many,
             false}, );
