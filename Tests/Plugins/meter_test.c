/* SPDX-License-Identifier: Apache-2.0
 * Tests of the meter at the border: what a trace shows of auth, credentials, policy, filter and store, and
 * what it never shows. Argument: the library of cell/access_plugin.c, as meter.so. */
#include "cmeter.h"
#include "jf_check.h"
#include "jf_mock.h"

#include <dlfcn.h>
#include <limits.h>

/* Whatever must never be traced has this in it. */
#define HIDDEN "hush"

static char traced[65536];
static jf_shim *shim;

static void trace(void *context, const jf_trace_line *line) {
    size_t used = strlen(traced);
    (void)context;
    snprintf(traced + used, sizeof traced - used, "%s.%s %.*s\n", line->table, line->slot,
             (int)line->arguments_len, line->arguments);
}

/* ---- A host of the least ---- */

static int32_t finish(void *context, jf_ref op, int32_t status, jf_blob *result, const jf_fault *why) {
    (void)context, (void)op, (void)status, (void)why;
    if (result->drop != NULL) result->drop(result->owner);
    return JF_OK;
}
static void write_log(void *context, uint32_t level, jf_view text, const jf_pair *fields, uint64_t count) {
    (void)context, (void)level, (void)text, (void)fields, (void)count;
}
static void forget(void *context, jf_view what) {
    (void)context, (void)what;
}
static void connected(void *context, jf_view id, int32_t status) {
    (void)context, (void)id, (void)status;
}
static void changed(void *context, jf_ref watch, jf_view key, uint64_t revision) {
    (void)context, (void)watch, (void)key, (void)revision;
}
static int32_t put(void *context, const jf_store_put *what, jf_state_done_fn done, void *user, jf_ref *out) {
    (void)context, (void)what, (void)done, (void)user;
    *out = 1;
    return JF_OK;
}

static const jf_ops_1 ops = {.size = sizeof ops, .finish = finish};
static const jf_log_1 records = {.size = sizeof records, .write = write_log};
static const jf_identity_1 identity = {.size = sizeof identity, .forget = forget};
static const jf_connected_1 connections = {
    .size = sizeof connections, .connected = connected, .forget = forget};
static const jf_watches_1 watches = {.size = sizeof watches, .changed = changed};
static const jf_state_1 state = {.size = sizeof state, .put = put};

static const void *service(const jf_host *host, const char *id) {
    const struct {
        const char *id;
        const void *table;
    } services[] = {{JF_OPS_1, &ops},           {JF_LOG_1, &records},
                    {JF_IDENTITY_1, &identity}, {JF_CONNECTED_1, &connections},
                    {JF_WATCHES_1, &watches},   {JF_STATE_1, &state}};
    (void)host;
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (strcmp(services[i].id, id) == 0) return services[i].table;
    return NULL;
}

static bool up(void) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", jf_check_plugin);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library != NULL ? dlsym(library, "jf_entry_1") : NULL;
    if (symbol == NULL) return false;
    jf_entry_fn entry;
    memcpy(&entry, &symbol, sizeof entry);
    jf_offer offer = {sizeof offer, JF_ABI_MAJOR, JF_ABI_MINOR, NULL, service};
    jf_fault why = {.size = sizeof why};
    jf_shim_options options = {.budget_ns = 1000000000, .traces = 1, .trace = trace};
    const jf_plugin *table = entry(&offer, &why);
    traced[0] = 0;
    shim = table != NULL ? jf_shim_new(&options, table) : NULL;
    return shim != NULL && jf_shim_create(shim, &offer, (const uint8_t *)"{}", 2, &why) == JF_OK;
}

static const void *facet(const char *id) {
    return ((const jf_plugin *)jf_shim_plugin(shim))->facet(jf_shim_self(shim), id);
}

static void down(const char *const *shown) {
    for (; *shown != NULL; shown++)
        CHECK(strstr(traced, *shown) != NULL, "no `%s` in:\n%s", *shown, traced);
    CHECK(strstr(traced, HIDDEN) == NULL, "a secret is traced:\n%s", traced);
    ((const jf_plugin *)jf_shim_plugin(shim))->destroy(jf_shim_self(shim));
    jf_shim_free(shim);
}

static void drop(jf_blob *blob) {
    if (blob->drop != NULL) blob->drop(blob->owner);
    *blob = (jf_blob){0};
}

static jf_principal person(void) {
    return (jf_principal){.size = sizeof(jf_principal),
                          .id = 0x5e,
                          .key = jf_mock_view(HIDDEN "-key"),
                          .subject = jf_mock_view(HIDDEN "-subject"),
                          .tenant = jf_mock_view(HIDDEN "-tenant"),
                          .attributes = jf_mock_view("{\"a\":\"" HIDDEN "\"}")};
}

TEST(traces_no_credentials) {
    REQUIRE(up(), "no plugin");
    const jf_auth_1 *auth = facet(JF_AUTH_1);
    const jf_credentials_1 *source = facet(JF_CREDENTIALS_1);
    jf_ref handle = 0;
    jf_fault why = {.size = sizeof why};
    jf_blob out = {0};
    jf_pair field = {jf_mock_view("authorization"), jf_mock_view("Bearer " HIDDEN)};
    jf_credentials credentials = {.size = sizeof credentials,
                                  .target = jf_mock_view("/mcp"),
                                  .address = jf_mock_view("127.0.0.1:9"),
                                  .certificate = jf_mock_view(HIDDEN),
                                  .fields = &field,
                                  .field_count = 1};
    CHECK(auth->attach((jf_self *)jf_shim_self(shim), jf_mock_view("jwt"), jf_mock_view("\"" HIDDEN "\""),
                       &handle, &why) == JF_OK,
          "not attached");
    CHECK(auth->identify((jf_self *)jf_shim_self(shim), 1, handle, &credentials, &out, &why) == JF_OK,
          "nobody");
    drop(&out);
    jf_principal who = person();
    jf_demand demand = {.size = sizeof demand,
                        .principal = &who,
                        .endpoint = jf_mock_view("https://" HIDDEN "@server/"),
                        .name = jf_mock_view("connect"),
                        .presented = jf_mock_view(HIDDEN),
                        .challenge = jf_mock_view("Bearer " HIDDEN),
                        .refused = JF_STATUS_UNAUTHORIZED};
    CHECK(source->supply((jf_self *)jf_shim_self(shim), 2, handle, &demand, &out, &why) == JF_OK,
          "no supply");
    drop(&out);
    const char *const shown[] = {
        "auth.attach name=3 \"jwt\" config=6 bytes",
        "target=4 \"/mcp\" address=11 \"127.0.0.1:9\" certificate=4 bytes credentials=1",
        "principal=0x5e",
        "presented=4 bytes challenge=11 bytes refused=3",
        "connected.connected",
        "connected.forget key=8 bytes",
        NULL};
    down(shown);
}

TEST(traces_no_arguments_of_policies_and_filters) {
    REQUIRE(up(), "no plugin");
    const jf_policy_1 *policy = facet(JF_POLICY_1);
    const jf_filter_1 *filter = facet(JF_FILTER_1);
    jf_principal who = person();
    jf_fault why = {.size = sizeof why};
    jf_blob out = {0};
    jf_access access = {.size = sizeof access,
                        .principal = &who,
                        .action = jf_mock_view("tools/call"),
                        .server = jf_mock_view("git"),
                        .name = jf_mock_view("later-never"),
                        .definition = jf_mock_view(HIDDEN),
                        .arguments = jf_mock_view("{\"a\":\"" HIDDEN "\"}")};
    const jf_access *accesses[1] = {&access};
    CHECK(policy->review((jf_self *)jf_shim_self(shim), 1, 77, accesses, 1, &out, &why) == JF_OK,
          "no review");
    drop(&out);
    jf_passage passage = {.size = sizeof passage,
                          .principal = &who,
                          .call = 9,
                          .method = jf_mock_view("tools/call"),
                          .name = jf_mock_view("echo"),
                          .body = jf_mock_view("{\"" HIDDEN "\":1}"),
                          .arguments = jf_mock_view("{}")};
    CHECK(filter->request((jf_self *)jf_shim_self(shim), 2, 77, &passage, &out, &why) == JF_OK, "no verdict");
    drop(&out);
    const char *const shown[] = {"policy.review op=0x1 handle=0x4d count=1 decisions=1 bytes",
                                 "filter.request op=0x2 handle=0x4d flags=0x0 principal=0x5e call=9",
                                 "name=4 \"echo\" passage=10 bytes verdict=26 bytes", NULL};
    down(shown);
}

TEST(traces_no_entries) {
    REQUIRE(up(), "no plugin");
    const jf_store_1 *store = facet(JF_STORE_1);
    const jf_filter_1 *filter = facet(JF_FILTER_1);
    jf_fault why = {.size = sizeof why};
    jf_blob out = {0};
    jf_store_put what = {
        .size = sizeof what, .ttl_ms = 5, .key = jf_mock_view(HIDDEN), .value = jf_mock_view(HIDDEN)};
    CHECK(store->put((jf_self *)jf_shim_self(shim), 1, &what, &out, &why) == JF_OK, "no put");
    drop(&out);
    CHECK(store->get((jf_self *)jf_shim_self(shim), 2, jf_mock_view(HIDDEN), &out, &why) == JF_OK, "no get");
    drop(&out);
    jf_principal who = person();
    jf_passage passage = {.size = sizeof passage,
                          .principal = &who,
                          .name = jf_mock_view("state-put"),
                          .body = jf_mock_view("{}"),
                          .arguments = jf_mock_view(HIDDEN)};
    CHECK(filter->request((jf_self *)jf_shim_self(shim), 3, 77, &passage, &out, &why) == JF_PENDING,
          "no state");
    const char *const shown[] = {"store.put op=0x1 flags=0 revision=0 ttl_ms=5 key=4 bytes put=4 bytes",
                                 "store.get op=0x2 key=4 bytes entry=8 bytes", "state.put", NULL};
    down(shown);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
