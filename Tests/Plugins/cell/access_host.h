/* SPDX-License-Identifier: Apache-2.0
 * Cell tests: the host's side of auth, credentials, policy, filter, store and state. Not the mock's, since
 * results may be any bytes. */
#ifndef CELL_ACCESS_HOST_H
#define CELL_ACCESS_HOST_H

#include "fixture.h"

#define ACCESS "jf.auth/1 jf.credentials/1 jf.policy/1 jf.filter/1 jf.store/1"

/* What the host heard. One test runs at a time. */
static struct {
    int32_t status[64]; /* of operation n; JF_PENDING: open */
    uint32_t finished[64];
    char bytes[64][1024];
    uint64_t length[64];
    jf_fault fault[64];
    char heard[512]; /* what the plugin told by its services, one after the other */
    jf_state_done_fn done;
    jf_state_changed_fn changed;
    void *user, *watcher;
    char asked[256]; /* of jf.state/1 */
    uint32_t abandoned, unwatched, wants;
    char client[256], message[256]; /* of jf.inbound/1: what is known of it, and what came last */
} host;

static int32_t host_finish(void *context, jf_ref op, int32_t status, jf_blob *result, const jf_fault *why) {
    (void)context;
    if (op >= 64) return JF_E_STALE;
    host.status[op] = status;
    host.finished[op]++;
    host.length[op] = result->ptr != NULL ? result->len : 0;
    uint64_t kept = host.length[op] < sizeof host.bytes[op] - 1 ? host.length[op] : sizeof host.bytes[op] - 1;
    if (kept > 0) memcpy(host.bytes[op], result->ptr, kept);
    host.bytes[op][kept] = 0;
    if (why != NULL) host.fault[op] = *why;
    if (result->drop != NULL) result->drop(result->owner);
    return JF_OK;
}

static int32_t host_op_state(void *context, jf_ref op) {
    (void)context;
    return op < 64 && host.status[op] == JF_PENDING ? JF_E_GONE : JF_E_STALE;
}

static const jf_ops_1 host_ops = {.size = sizeof host_ops, .finish = host_finish, .state = host_op_state};

__attribute__((format(printf, 1, 2))) static void hear(const char *format, ...) {
    size_t used = strlen(host.heard);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(host.heard + used, sizeof host.heard - used, format, arguments);
    va_end(arguments);
}

static void host_forget(void *context, jf_view what) {
    hear("%s %.*s;", (const char *)context, (int)what.len, (const char *)what.ptr);
}
static void host_connected(void *context, jf_view id, int32_t status) {
    (void)context;
    hear("connected %.*s %d;", (int)id.len, (const char *)id.ptr, (int)status);
}
static void host_policy_changed(void *context, jf_ref handle) {
    (void)context;
    hear("policy %llu;", (unsigned long long)handle & 0xffffffff);
}
static void host_watch_changed(void *context, jf_ref watch, jf_view key, uint64_t revision) {
    (void)context;
    hear("watch %llu %.*s %llu;", (unsigned long long)watch, (int)key.len,
         key.ptr != NULL ? (const char *)key.ptr : "", (unsigned long long)revision);
}

static char credential[] = "identity", connection[] = "connection";
static const jf_identity_1 host_identity = {
    .size = sizeof host_identity, .context = credential, .forget = host_forget};
static const jf_connected_1 host_connections = {.size = sizeof host_connections,
                                                .context = connection,
                                                .connected = host_connected,
                                                .forget = host_forget};
static const jf_policies_1 host_policies = {.size = sizeof host_policies, .changed = host_policy_changed};
static const jf_watches_1 host_watches = {.size = sizeof host_watches, .changed = host_watch_changed};

static int32_t ask_state(jf_state_done_fn done, void *user, jf_ref *operation) {
    host.done = done;
    host.user = user;
    *operation = 9;
    return strstr(host.asked, "slow") != NULL || host.abandoned < 9 ? JF_OK : JF_E_BUSY;
}
static int32_t state_get(void *context, jf_view key, jf_state_done_fn done, void *user, jf_ref *operation) {
    (void)context;
    snprintf(host.asked, sizeof host.asked, "get %.*s", (int)key.len, (const char *)key.ptr);
    return ask_state(done, user, operation);
}
static int32_t state_put(void *context, const jf_store_put *put, jf_state_done_fn done, void *user,
                         jf_ref *operation) {
    (void)context;
    snprintf(host.asked, sizeof host.asked, "put %u %llu %.*s %.*s", put->flags,
             (unsigned long long)put->ttl_ms, (int)put->key.len, (const char *)put->key.ptr,
             (int)put->value.len, (const char *)put->value.ptr);
    return ask_state(done, user, operation);
}
static int32_t state_remove(void *context, jf_view key, uint64_t revision, jf_state_done_fn done, void *user,
                            jf_ref *operation) {
    (void)context;
    snprintf(host.asked, sizeof host.asked, "remove %.*s %llu", (int)key.len, (const char *)key.ptr,
             (unsigned long long)revision);
    return ask_state(done, user, operation);
}
static int32_t state_list(void *context, const jf_store_list *list, jf_state_done_fn done, void *user,
                          jf_ref *operation) {
    (void)context;
    snprintf(host.asked, sizeof host.asked, "list %llu %.*s", (unsigned long long)list->most,
             (int)list->prefix.len, (const char *)list->prefix.ptr);
    return ask_state(done, user, operation);
}
static int32_t state_add(void *context, const jf_store_add *add, jf_state_done_fn done, void *user,
                         jf_ref *operation) {
    (void)context;
    snprintf(host.asked, sizeof host.asked, "add %lld", (long long)add->delta);
    return ask_state(done, user, operation);
}
static int32_t state_take(void *context, const jf_store_limit *limits, uint64_t count, jf_state_done_fn done,
                          void *user, jf_ref *operation) {
    (void)context;
    snprintf(host.asked, sizeof host.asked, "take %llu %.*s %u %llu %llu %llu", (unsigned long long)count,
             (int)limits[1].key.len, (const char *)limits[1].key.ptr, limits[1].kind,
             (unsigned long long)limits[1].rate, (unsigned long long)limits[1].period_ms,
             (unsigned long long)limits[1].cost);
    return ask_state(done, user, operation);
}
static int32_t state_watch(void *context, jf_view prefix, jf_state_changed_fn changed, void *user,
                           jf_ref *watch) {
    (void)context;
    hear("watches %.*s;", (int)prefix.len, (const char *)prefix.ptr);
    host.changed = changed;
    host.watcher = user;
    *watch = 8;
    return JF_OK;
}
static void state_unwatch(void *context, jf_ref watch) {
    (void)context;
    host.unwatched += watch == 8;
}
static void state_abandon(void *context, jf_ref operation) {
    (void)context;
    host.abandoned += operation == 9;
}
static const jf_state_1 host_state = {.size = sizeof host_state,
                                      .get = state_get,
                                      .put = state_put,
                                      .remove = state_remove,
                                      .list = state_list,
                                      .add = state_add,
                                      .take = state_take,
                                      .watch = state_watch,
                                      .unwatch = state_unwatch,
                                      .abandon = state_abandon};

static int32_t client_opened(void *context, const jf_client_info *info, jf_ref *client) {
    (void)context;
    snprintf(host.client, sizeof host.client, "%u %.*s %.*s %.*s", info->flags, (int)info->address.len,
             (const char *)info->address.ptr, (int)info->certificate.len, (const char *)info->certificate.ptr,
             (int)info->server_name.len, (const char *)info->server_name.ptr);
    *client = 31;
    return JF_OK;
}
static int32_t client_deliver(void *context, jf_ref client, const jf_message *message) {
    (void)context;
    size_t used =
        (size_t)snprintf(host.message, sizeof host.message, "%llu %llu %.*s %llu", (unsigned long long)client,
                         (unsigned long long)message->exchange, (int)message->body[0].len,
                         (const char *)message->body[0].ptr, (unsigned long long)message->header_count);
    for (uint64_t i = 0; i < message->field_count; i++)
        used +=
            (size_t)snprintf(host.message + used, sizeof host.message - used, " %.*s=%.*s",
                             (int)message->fields[i].name.len, (const char *)message->fields[i].name.ptr,
                             (int)message->fields[i].value.len, (const char *)message->fields[i].value.ptr);
    return JF_OK;
}
static void client_gone(void *context, jf_ref client, jf_ref exchange) {
    (void)context, (void)client, (void)exchange;
}
static void client_closed(void *context, jf_ref client) {
    (void)context;
    hear("closed %llu;", (unsigned long long)client);
}
static const jf_inbound_1 host_inbound = {.size = sizeof host_inbound,
                                          .opened = client_opened,
                                          .deliver = client_deliver,
                                          .gone = client_gone,
                                          .writable = client_gone,
                                          .closed = client_closed,
                                          .wants = &host.wants};

/* ---- A host with that plugin in a cell ---- */

static bool access_up(fixture *it) {
    const char *why = NULL;
    memset(&host, 0, sizeof host);
    it->spawn.services = ALL_SERVICES " jf.identity/1 jf.connected/1 jf.policies/1 jf.watches/1 jf.state/1";
    it->mock = jf_mock_new();
    jf_mock_offer(it->mock, JF_OPS_1, &host_ops);
    jf_mock_offer(it->mock, JF_IDENTITY_1, &host_identity);
    jf_mock_offer(it->mock, JF_CONNECTED_1, &host_connections);
    jf_mock_offer(it->mock, JF_POLICIES_1, &host_policies);
    jf_mock_offer(it->mock, JF_WATCHES_1, &host_watches);
    jf_mock_offer(it->mock, JF_STATE_1, &host_state);
    jf_mock_offer(it->mock, JF_INBOUND_1, &host_inbound);
    it->plugin = jf_cell_plugin(&it->spawn, &why);
    fixture_table = it->plugin;
    return it->plugin != NULL && jf_mock_attach(it->mock, fixture_entry) == JF_OK &&
           jf_mock_create(it->mock, "{}") == JF_OK && jf_mock_start(it->mock) == JF_OK;
}

#define ACCESS_UP(it)                                                                                        \
    fixture_describe(&(it), fixture_plugin("cell-access"), ACCESS);                                          \
    REQUIRE(access_up(&(it)), "no cell: %s", jf_mock_why((it).mock))

static bool is_finished(void *user) {
    return host.finished[*(jf_ref *)user] > 0;
}

static bool is_heard(void *user) {
    return strstr(host.heard, user) != NULL;
}

static bool is_asked(void *user) {
    return strcmp(host.asked, user) == 0;
}

/* An operation that is not waited for. */
enum { STAYS_OPEN = 63 };

/* The status of operation `op` once it is over. A slot in a cell never answers by itself. */
static int32_t ends(const fixture *it, jf_ref op, int32_t answered) {
    if (answered == JF_PENDING && op != STAYS_OPEN) jf_mock_run_until(it->mock, is_finished, &op, 10000);
    if (answered != JF_PENDING) return answered;
    return host.finished[op] == 1 ? host.status[op] : JF_PENDING;
}

static const jf_view person_roles[] = {{(const uint8_t *)"reader", 6}, {(const uint8_t *)"second", 6}};
static const jf_view person_scopes[] = {{(const uint8_t *)"mcp", 3}};

static jf_principal person(void) {
    return (jf_principal){.size = sizeof(jf_principal),
                          .id = 5,
                          .key = jf_mock_view("key of alice"),
                          .subject = jf_mock_view("alice"),
                          .attributes = jf_mock_view("{}"),
                          .roles = person_roles,
                          .role_count = 2,
                          .scopes = person_scopes,
                          .scope_count = 1,
                          .expires_ms = 99};
}

static jf_ref attach_to(const fixture *it, const char *id) {
    /* Every facet begins alike: size, flags, attach. */
    const jf_auth_1 *table = jf_mock_facet(it->mock, id);
    jf_ref handle = 0;
    CHECK(table != NULL, "no %s", id);
    if (table != NULL)
        CHECK(table->attach(jf_mock_self(it->mock), jf_mock_view("name"), jf_mock_view("{}"), &handle,
                            jf_mock_fault(it->mock)) == JF_OK,
              "%s: not attached: %s", id, jf_mock_why(it->mock));
    return handle;
}

#endif
