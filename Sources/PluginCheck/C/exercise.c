/* SPDX-License-Identifier: Apache-2.0
 * Ordinary use of a plugin's facets, for the cases that are about something else. */
#include "check.h"

/* ---- jf.routing/1 ---- */

check_endpoints check_lend_endpoints(check_host *h, jf_ref first, uint64_t count) {
    struct {
        jf_endpoint known;
        uint8_t newer[64];
    } one;
    const jf_endpoint **list = mock_allocate((count + 1) * sizeof *list);
    uint64_t size = h->grows_structs ? sizeof one : sizeof one.known;
    for (uint64_t i = 0; i < count; i++) {
        char name[40];
        snprintf(name, sizeof name, "http://10.0.0.%llu:9000/mcp", (unsigned long long)(i + 1));
        memset(&one, 0xa5, sizeof one);
        one.known = (jf_endpoint){.size = (uint32_t)size,
                                  .id = first + i,
                                  .weight = 1 + (uint32_t)(i % 3),
                                  .in_flight = (uint32_t)i % 5,
                                  .latency_ns = i * 1000000u,
                                  .ready = 1000,
                                  .name = check_lend_text(h->c, "an endpoint's `name`", name)};
        list[i] = (const jf_endpoint *)(const void *)check_lend(h->c, "an endpoint", &one, size).ptr;
    }
    jf_view lent = check_lend(h->c, "the list of endpoints", list, count * sizeof *list);
    free(list);
    return (check_endpoints){count, (const jf_endpoint *const *)(const void *)lent.ptr};
}

bool check_attach(check_host *h, jf_ref *handle) {
    const jf_routing_1 *routing = jf_mock_routing(h->mock);
    if (h->c->setup->routing == NULL) {
        check_skip(h->c, "no options could be made from manifest.routing.config: give some with --routing");
        return false;
    }
    if (routing == NULL || routing->attach == NULL || routing->detach == NULL || routing->pick == NULL) {
        check_fail(h->c, "Fill in attach, detach and pick.",
                   "its table for jf.routing/1 lacks required slots");
        return false;
    }
    jf_fault *why = jf_mock_fault(h->mock);
    jf_view name = check_lend_text(h->c, "`name` of attach", "check");
    jf_view config = check_lend_text(h->c, "`config` of attach", h->c->setup->routing);
    check_enter(h, "attach");
    int32_t status = routing->attach(h->mock->self, name, config, handle, why);
    check_leave(h);
    check_return(h->c);
    if (status == JF_OK) return true;
    check_why(h, "attach", status, why);
    check_skip(h->c, "it refuses to attach a server: %s", check_text(why));
    return false;
}

int32_t check_pick(check_host *h, jf_ref handle, jf_ref first, uint64_t count, const char *name,
                   uint32_t *chosen) {
    const jf_routing_1 *routing = jf_mock_routing(h->mock);
    struct {
        jf_pick known;
        uint8_t newer[64];
    } call;
    uint64_t size = h->grows_structs ? sizeof call : sizeof call.known;
    memset(&call, 0xa5, sizeof call);
    call.known =
        (jf_pick){.size = (uint32_t)size,
                  .deadline_ns = jf_mock_now(h->mock) + 60000000000u,
                  .method = check_lend_text(h->c, "`method` of a pick", "tools/call"),
                  .name = check_lend_text(h->c, "`name` of a pick", name),
                  .params = check_lend_text(h->c, "`params` of a pick", "{\"name\":\"x\",\"arguments\":{}}"),
                  .session = check_lend_text(h->c, "`session` of a pick", "check-session")};
    check_endpoints endpoints = check_lend_endpoints(h, first, count);
    jf_view lent = check_lend(h->c, "the pick", &call, size);
    jf_fault *why = jf_mock_fault(h->mock);
    *chosen = 0x7fffffffu;
    check_enter(h, "pick");
    int32_t status = routing->pick(h->mock->self, handle, (const jf_pick *)(const void *)lent.ptr,
                                   endpoints.list, count, chosen, why);
    check_leave(h);
    check_return(h->c);
    if (status == JF_OK && *chosen >= count) {
        check_fail(h->c, "Write an index below `count` to *chosen.",
                   "pick chose number %u of %llu endpoints (counted from 0)", *chosen,
                   (unsigned long long)count);
        return JF_E_FAULT;
    }
    if (status == JF_PENDING)
        check_fail(h->c, "Pick at once: JF_OK, JF_ABSENT or an error.", "pick answered JF_PENDING");
    if (status < 0) check_why(h, "pick", status, why);
    return status;
}

void check_observe(check_host *h, jf_ref handle, jf_ref endpoint, int32_t status) {
    const jf_routing_1 *routing = jf_mock_routing(h->mock);
    if (routing->observe == NULL) return;
    struct {
        jf_outcome known;
        uint8_t newer[64];
    } outcome;
    uint64_t size = h->grows_structs ? sizeof outcome : sizeof outcome.known;
    memset(&outcome, 0xa5, sizeof outcome);
    outcome.known =
        (jf_outcome){.size = (uint32_t)size, .status = status, .endpoint = endpoint, .latency_ns = 2000000u};
    jf_view lent = check_lend(h->c, "the outcome", &outcome, size);
    check_enter(h, "observe");
    routing->observe(h->mock->self, handle, (const jf_outcome *)(const void *)lent.ptr);
    check_leave(h);
    check_return(h->c);
}

static void route(check_host *h, uint32_t rounds) {
    jf_ref handle = 0;
    if (!check_attach(h, &handle)) return;
    for (uint32_t i = 0; i < rounds * 8; i++) {
        char name[32];
        uint32_t chosen;
        snprintf(name, sizeof name, "tool_%u", i % 5);
        if (check_pick(h, handle, 1 + i % 3, 1 + i % 4, name, &chosen) == JF_OK)
            check_observe(h, handle, 1 + i % 3 + chosen, i % 7 == 0 ? JF_E_GONE : JF_OK);
    }
    check_enter(h, "detach");
    jf_mock_routing(h->mock)->detach(h->mock->self, handle);
    check_leave(h);
}

/* ---- jf.toolset/1 ---- */

typedef struct use {
    jf_ref handle;
    uint64_t number;
} use;

static bool call_once(check_host *h, const char *name, void *user) {
    use *it = user;
    char what[300];
    snprintf(what, sizeof what, "arguments %s", name);
    const check_setup *setup = h->c->setup;
    char *arguments = setup->make != NULL ? setup->make(setup->user, what, it->number) : NULL;
    if (arguments == NULL && setup->make != NULL) arguments = setup->make(setup->user, what, 0);
    check_op *op = check_request(h, it->handle, JF_MOCK_CALL, name, arguments != NULL ? arguments : "{}");
    free(arguments);
    if (op->open && !check_wait(h, op, h->patience_ms)) {
        check_cancel(h, op, JF_E_TIMEOUT);
        check_wait(h, op, h->patience_ms);
    }
    return !check_failed(h->c);
}

static void serve(check_host *h, uint32_t rounds) {
    use it = {0, 0};
    if (!check_open_set(h, "check", &it.handle)) return;
    for (uint32_t kind = JF_RESOURCES; kind <= JF_PROMPTS; kind++)
        free(check_list(h, it.handle, kind));
    for (uint32_t i = 0; i < rounds; i++, it.number++) {
        char *tools = check_list(h, it.handle, JF_TOOLS);
        char why[200] = "";
        if (tools == NULL) break;
        /* The judge keeps the list: it makes the arguments from it. */
        if (h->c->setup->judge != NULL && i == 0)
            h->c->setup->judge(h->c->setup->user, "tools", tools, strlen(tools), why, sizeof why);
        check_each_tool(h, tools, call_once, &it);
        free(tools);
        if (check_failed(h->c)) break;
    }
    check_close_set(h, it.handle);
}

/* ---- jf.auth/1, jf.credentials/1, jf.policy/1 ---- */

static void drive(check_host *h, const check_driver *driver, uint32_t rounds) {
    jf_ref handle = 0;
    if (!check_attach_to(h, driver, &handle)) return;
    for (uint32_t i = 0; i < rounds * 4 && !check_failed(h->c); i++) {
        check_op *op = driver->begin(h, handle, i % driver->variants);
        if (op->open && !check_wait(h, op, h->patience_ms)) {
            check_cancel(h, op, JF_E_TIMEOUT);
            check_wait(h, op, h->patience_ms);
        }
    }
    check_detach_from(h, driver, handle);
}

void check_exercise(check_host *h, uint32_t rounds) {
    if (check_has_facet(h->c, JF_TOOLSET_1)) serve(h, rounds);
    if (check_has_facet(h->c, JF_ROUTING_1)) route(h, rounds);
    const check_driver *const drivers[] = {&check_auth_driver, &check_source_driver, &check_policy_driver};
    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++)
        if (check_has_facet(h->c, drivers[i]->facet)) drive(h, drivers[i], rounds);
    jf_mock_settle(h->mock);
}
