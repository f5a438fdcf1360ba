/* SPDX-License-Identifier: Apache-2.0
 * What the tests of providers of identities share: one configured provider, requests that show credentials,
 * and what came of them. */
#ifndef JF_AUTH_CHECK_H
#define JF_AUTH_CHECK_H

#include "jf_check.h"
#include "jf_mock.h"
#include <jackfield/auth.h>

#define RESOURCE "https://mcp.example/mcp"

static jf_mock *mock;
static const jf_auth_1 *auth;
static jf_ref handle;
static jf_credentials request;
static jf_pair shown[8];
static uint64_t now_ms = 1800000000000u; /**< 2027-01-15 */
static uint32_t forgotten;               /**< calls of jf.identity/1 forget */

/** What came of the last request. */
static char principal[32768], said[256];
static uint32_t said_flags, said_retry;

static void forget(void *context, jf_view credential) {
    (void)context;
    (void)credential;
    forgotten++;
}
static const jf_identity_1 identity = {.size = sizeof identity, .forget = forget};

/** Attaches a provider. */
static bool attach(const char *config) {
    if (handle != 0) auth->detach(jf_mock_self(mock), handle);
    handle = 0;
    jf_fault *why = jf_mock_fault(mock);
    return auth->attach(jf_mock_self(mock), jf_mock_view("who"), jf_mock_view(config), &handle, why) == JF_OK;
}

/** An instance without a provider. */
static void begin(void) {
    mock = jf_mock_new();
    handle = 0;
    forgotten = 0;
    jf_mock_offer(mock, JF_IDENTITY_1, &identity);
}

static void up(void) {
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start: %s", jf_mock_why(mock));
    auth = jf_mock_facet(mock, JF_AUTH_1);
    CHECK(JF_HAS(auth, identify), "no jf.auth/1");
}

static void begin_with(const char *config) {
    begin();
    up();
    CHECK(attach(config), "does not attach: %s", jf_mock_why(mock));
}

static void end(void) {
    if (handle != 0) auth->detach(jf_mock_self(mock), handle);
    handle = 0;
    CHECK(jf_mock_destroy(mock) == 0, "the plugin broke a rule or leaked");
    jf_mock_free(mock);
}

/** A request that shows nothing yet. */
static void blank(void) {
    request = (jf_credentials){.size = sizeof request,
                               .target = jf_mock_view("/mcp"),
                               .resource = jf_mock_view(RESOURCE),
                               .address = jf_mock_view("192.0.2.1:51234"),
                               .fields = shown,
                               .now_ms = now_ms};
}

static void show(const char *name, const char *value) {
    shown[request.field_count++] = (jf_pair){jf_mock_view(name), jf_mock_view(value)};
}

static void keep_fault(const jf_fault *why) {
    snprintf(said, sizeof said, "%.*s", (int)why->text_len, why->text);
    said_flags = why->flags;
    said_retry = why->retry_ms;
}

/** Asks; `*op` receives the operation. JF_PENDING: see `outcome`. */
static int32_t ask_op(jf_ref *op) {
    jf_blob blob = {0};
    jf_fault *why = jf_mock_fault(mock);
    principal[0] = said[0] = 0;
    *op = jf_mock_begin(mock);
    int32_t status = auth->identify(jf_mock_self(mock), *op, handle, &request, &blob, why);
    keep_fault(why);
    CHECK((status == JF_OK) == (blob.ptr != NULL), "status %d with such a blob", (int)status);
    if (blob.ptr != NULL) {
        char *text = jf_mock_take(&blob);
        snprintf(principal, sizeof principal, "%s", text);
        free(text);
    }
    if (status == JF_E_DENIED)
        CHECK(said[0] != 0 && (said_flags & JF_FAULT_PUBLIC) != 0, "a refusal without a public reason");
    return status;
}

static int32_t ask(void) {
    jf_ref op;
    int32_t status = ask_op(&op);
    CHECK(status != JF_PENDING, "it waits");
    return status;
}

/** How a pending operation ended; JF_PENDING: it has not. */
static int32_t outcome(jf_ref op) {
    jf_mock_op it = jf_mock_op_at(mock, op);
    principal[0] = said[0] = 0;
    if (it.status == JF_PENDING) return JF_PENDING;
    if (it.result != NULL) snprintf(principal, sizeof principal, "%s", it.result);
    keep_fault(&it.fault);
    CHECK((it.status == JF_OK) == (it.result != NULL), "status %d with such a result", (int)it.status);
    return it.status;
}

/** Shows one Authorization header. */
static int32_t bearer(const char *token) {
    static char value[300000];
    snprintf(value, sizeof value, "Bearer %s", token);
    blank();
    show("authorization", value);
    return ask();
}

/** Whether the principal's value at a JSON Pointer reads so; NULL: it is not there. */
static bool is(const char *pointer, const char *value) {
    char *found = jf_mock_json_get(mock, principal, pointer);
    bool same = found == NULL ? value == NULL : value != NULL && strcmp(found, value) == 0;
    if (!same)
        printf("  %s is %s and not %s in %s\n", pointer, found != NULL ? found : "absent",
               value != NULL ? value : "absent", principal);
    free(found);
    return same;
}

/** The description, to be compared. */
static const char *description(void) {
    static char text[4096];
    jf_blob blob = {0};
    text[0] = 0;
    if (!JF_HAS(auth, describe) ||
        auth->describe(jf_mock_self(mock), handle, &blob, jf_mock_fault(mock)) != JF_OK)
        return text;
    char *taken = jf_mock_take(&blob);
    snprintf(text, sizeof text, "%s", taken);
    free(taken);
    return text;
}

/** What holds for every provider: stale handles, garbage for options, a host of 1.0, a small jf_credentials.
 */
static void check_ordinary(const char *config) {
    begin_with(config);
    jf_ref first = handle, second = 0;
    jf_blob blob = {0};
    jf_fault *why = jf_mock_fault(mock);
    REQUIRE(auth->attach(jf_mock_self(mock), jf_mock_view("other"), jf_mock_view(config), &second, why) ==
                JF_OK,
            "%s", jf_mock_why(mock));
    CHECK(second != first, "two providers with one handle");
    auth->detach(jf_mock_self(mock), first);
    handle = second;
    blank();
    CHECK(auth->identify(jf_mock_self(mock), jf_mock_begin(mock), first, &request, &blob, why) == JF_E_STALE,
          "a handle that is gone");
    CHECK(ask() == JF_ABSENT, "nothing was shown: %s", said);
    // A host whose jf_credentials ends behind the address.
    request.size = 56;
    memset((char *)&request + 56, 0xa5, sizeof request - 56);
    CHECK(ask() == JF_ABSENT, "nothing was shown by an older host: %s", said);
    static const char *const garbage[] = {"", "[]", "{", "null", "{\"a\":1}x", "\"\"", "{\"\\ud800\":1}"};
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        jf_ref third = 0;
        int32_t status =
            auth->attach(jf_mock_self(mock), jf_mock_view("x"), jf_mock_view(garbage[i]), &third, why);
        if (status == JF_OK) auth->detach(jf_mock_self(mock), third);
        CHECK(status == JF_OK || (status < 0 && jf_mock_why(mock)[0] != 0), "%s", garbage[i]);
    }
    end();
    jf_mock *old = jf_mock_new();
    jf_mock_set_abi(old, 1, 0);
    CHECK(jf_mock_load(old, jf_check_plugin) != JF_OK && strstr(jf_mock_why(old), "newer host") != NULL,
          "an older host: %s", jf_mock_why(old));
    jf_mock_free(old);
}

#endif
