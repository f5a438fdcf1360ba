/* SPDX-License-Identifier: Apache-2.0
 * What cases of auth, credentials, policy and filter share: all are attached, asked, and answer once. */
#include "check.h"

#define PATIENCE_MS 4000u

/* The beginning of their tables, which is the same for all four. */
typedef struct attachable {
    uint32_t size, flags;
    int32_t (*attach)(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why);
    void (*detach)(jf_self *self, jf_ref handle);
} attachable;

bool check_attach_to(check_host *h, const check_driver *driver, jf_ref *handle) {
    const attachable *table = jf_mock_facet(h->mock, driver->facet);
    const char *options = driver->config(h->c->setup);
    if (table == NULL || table->attach == NULL || table->detach == NULL) {
        check_fail(h->c, "Fill in attach and detach.", "its table for %s lacks required slots",
                   driver->facet);
        return false;
    }
    if (options == NULL) {
        check_skip(h->c, "no options could be made from the manifest's schema: give some with --%s",
                   driver->option);
        return false;
    }
    jf_fault *why = jf_mock_fault(h->mock);
    jf_view name = check_lend_text(h->c, "`name` of attach", "check");
    jf_view config = check_lend_text(h->c, "`config` of attach", options);
    check_enter(h, "attach");
    int32_t status = table->attach(h->mock->self, name, config, handle, why);
    check_leave(h);
    check_return(h->c);
    if (status == JF_OK) return true;
    check_why(h, "attach", status, why);
    check_skip(h->c, "it refuses to be attached: %s", check_text(why));
    return false;
}

void check_detach_from(check_host *h, const check_driver *driver, jf_ref handle) {
    const attachable *table = jf_mock_facet(h->mock, driver->facet);
    check_enter(h, "detach");
    table->detach(h->mock->self, handle);
    check_leave(h);
}

const jf_principal *check_lend_principal(check_host *h, bool is_nobody, uint64_t roles) {
    check *c = h->c;
    jf_view *names = mock_allocate((roles + 1) * sizeof *names);
    for (uint64_t i = 0; i < roles; i++) {
        char text[32];
        snprintf(text, sizeof text, "role-%llu", (unsigned long long)i);
        names[i] = check_lend_text(c, "a role", text);
    }
    jf_view lent = check_lend(c, "the roles", names, roles * sizeof *names);
    free(names);
    jf_principal who = {.size = sizeof who,
                        .attributes = check_lend_text(c, "`attributes`", "{}"),
                        .roles = roles > 0 ? (const jf_view *)(const void *)lent.ptr : NULL,
                        .role_count = roles};
    if (!is_nobody) {
        who.id = 7;
        who.key = check_lend_text(c, "`key` of a principal", "check\nalice");
        who.subject = check_lend_text(c, "`subject`", "alice");
        who.issuer = check_lend_text(c, "`issuer`", "https://issuer.example");
        who.provider = check_lend_text(c, "`provider`", "check");
        who.attributes = check_lend_text(c, "`attributes`", "{\"sub\":\"alice\",\"groups\":[1,null]}");
        who.expires_ms = 4102444800000u;
    }
    return (const jf_principal *)(const void *)check_lend(c, "the principal", &who, sizeof who).ptr;
}

bool check_ended(check_host *h, check_op *op) {
    if (check_wait(h, op, PATIENCE_MS)) return true;
    check_fail(h->c, "Finish every operation that a slot left pending; answer on errors, too.",
               "an operation that was left pending was not finished after %u s", PATIENCE_MS / 1000);
    check_cancel(h, op, JF_E_TIMEOUT);
    check_wait(h, op, PATIENCE_MS);
    return false;
}

/* ---- The cases ---- */

static check_host *up(check *c, const check_driver *driver, jf_ref *handle) {
    check_host *h = check_up(c);
    if (h == NULL) return NULL;
    if (check_attach_to(h, driver, handle)) return h;
    check_host_free(h);
    return NULL;
}

void check_drive(check *c, const check_driver *driver) {
    jf_ref handle = 0;
    c->guarded = true;
    check_host *h = up(c, driver, &handle);
    if (h == NULL) return;
    for (uint32_t i = 0; i < driver->variants && !check_failed(c); i++) {
        check_op *op = driver->begin(h, handle, i);
        if (op == NULL) break;
        if (check_ended(h, op)) driver->judge(h, op, i);
    }
    /* Second answers come late. */
    for (int i = 0; i < 10 && !check_failed(c); i++) {
        jf_mock_advance(h->mock, 1000000000u);
        jf_mock_run_once(h->mock, 1);
    }
    check_detach_from(h, driver, handle);
    check_host_free(h);
}

void check_drive_canceled(check *c, const check_driver *driver) {
    jf_ref handle = 0;
    check_host *h = up(c, driver, &handle);
    if (h == NULL) return;
    check_op *ops[32] = {NULL};
    uint32_t count = 0, pending = 0;
    while (count < 32 && (ops[count] = driver->begin(h, handle, count % driver->variants)) != NULL)
        count++;
    for (uint32_t i = 0; i < count; i++) {
        if (ops[i]->open) pending++;
        check_cancel(h, ops[i], i % 2 == 0 ? JF_E_GONE : JF_E_TIMEOUT);
    }
    for (uint32_t i = 0; i < count && !check_failed(c); i++)
        check_ended(h, ops[i]);
    if (pending == 0) check_skip(c, "it answers everything at once");
    check_detach_from(h, driver, handle);
    check_host_free(h);
}

void check_drive_handles(check *c, const check_driver *driver) {
    check_host *h = check_up(c);
    jf_ref handles[20];
    uint32_t count = 0;
    if (h == NULL) return;
    while (count < 20 && check_attach_to(h, driver, &handles[count]))
        count++;
    for (uint32_t i = 0; i < count; i += 3)
        check_detach_from(h, driver, handles[i]);
    for (uint32_t i = 0; i < count && !check_failed(c); i++) {
        if (i % 3 == 0) continue;
        check_op *op = driver->begin(h, handles[i], i % driver->variants);
        if (op != NULL && check_ended(h, op)) driver->judge(h, op, i % driver->variants);
    }
    for (uint32_t i = 0; i < count; i++)
        if (i % 3 != 0) check_detach_from(h, driver, handles[i]);
    check_host_free(h);
}

/* `stop` with operations under way: the host looks whether each one is finished. */
void check_drive_stopped(check *c, const check_driver *driver) {
    jf_ref handle = 0;
    check_host *h = up(c, driver, &handle);
    if (h == NULL) return;
    for (uint32_t i = 0; i < 16 && driver->begin(h, handle, i % driver->variants) != NULL; i++) {
    }
    check_host_free(h);
}
