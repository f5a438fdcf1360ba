/* SPDX-License-Identifier: Apache-2.0
 * What filter-rate-limit has around it, played by its test: the store that counts, the host of filters. */
#ifndef RATE_LIMIT_HOST_H
#define RATE_LIMIT_HOST_H

#include "jf_check.h"
#include "jf_mock.h"

/* ---- The store that counts, played by the test ---- */

static struct {
    int32_t refuses;  /* what `take` answers at once, if not 0 */
    int32_t status;   /* how it ends */
    uint64_t allowed; /* takes that fit */
    bool holds;       /* answers nothing until `answer_all` */
    uint32_t waiting, takes, count, abandoned;
    struct {
        jf_state_done_fn done;
        void *user;
        uint64_t count;
    } calls[100];
    char keys[16][400];
    jf_store_limit limits[16];
} shared;

static void answer_one(uint32_t at) {
    jf_store_verdict verdicts[16];
    jf_fault why = {.size = sizeof why, .text_len = 8, .text = "the test"};
    bool fits = shared.allowed > 0;
    if (fits) shared.allowed--;
    for (uint32_t i = 0; i < shared.calls[at].count; i++)
        verdicts[i] =
            (jf_store_verdict){.fits = fits || i > 0, .retry_ms = fits || i > 0 ? 0 : 2500, .left = 77};
    jf_view answer = {(const uint8_t *)verdicts, shared.calls[at].count * sizeof *verdicts};
    if (shared.status != JF_OK) answer = (jf_view){0};
    shared.calls[at].done(shared.calls[at].user, at + 1, shared.status, answer,
                          shared.status != JF_OK ? &why : NULL);
}

static void answer_all(void *unused) {
    (void)unused;
    for (uint32_t i = 0; i < shared.waiting; i++)
        if (shared.calls[i].done != NULL) answer_one(i);
    shared.waiting = 0;
}

static int32_t state_take(void *context, const jf_store_limit *limits, uint64_t count, jf_state_done_fn done,
                          void *user, jf_ref *operation) {
    shared.takes++;
    shared.count = (uint32_t)count;
    for (uint64_t i = 0; i < count; i++) {
        shared.limits[i] = limits[i];
        memcpy(shared.keys[i], limits[i].key.ptr, (size_t)limits[i].key.len);
        shared.keys[i][limits[i].key.len] = 0;
    }
    if (shared.refuses != 0) return shared.refuses;
    shared.calls[shared.waiting].done = done;
    shared.calls[shared.waiting].user = user;
    shared.calls[shared.waiting++].count = count;
    *operation = shared.waiting;
    (void)context;
    return JF_OK;
}

static void state_abandon(void *context, jf_ref operation) {
    (void)context;
    shared.abandoned++;
    if (operation > 0 && operation <= 100) shared.calls[operation - 1].done = NULL;
}

static const jf_state_1 state_table = {
    .size = sizeof(jf_state_1), .take = state_take, .abandon = state_abandon};

/* ---- The host of filters, played by the test: also its operations, since verdicts are no JSON ---- */

/* The one operation of this thread's loop. */
static _Thread_local struct {
    jf_ref op;
    int32_t state, status; /* JF_PENDING until it is over */
    uint8_t answer[64];
    uint64_t length;
    jf_fault why;
} operation;

static int32_t ops_finish(void *context, jf_ref op, int32_t status, jf_blob *answer, const jf_fault *why) {
    (void)context;
    CHECK(op == operation.op && operation.status == JF_PENDING, "an operation is finished that is not open");
    CHECK(answer->len <= sizeof operation.answer && (status == JF_OK || why != NULL), "how it is finished");
    operation.status = status;
    operation.length = answer->len;
    if (answer->len > 0) memcpy(operation.answer, answer->ptr, (size_t)answer->len);
    if (answer->drop != NULL) answer->drop(answer->owner);
    operation.why = why != NULL ? *why : (jf_fault){0};
    return JF_OK;
}

static int32_t ops_state(void *context, jf_ref op) {
    (void)context;
    return op == operation.op ? operation.state : JF_E_STALE;
}

static int32_t ops_progress(void *context, jf_ref op, double done, double total, jf_view words) {
    (void)context, (void)op, (void)done, (void)total, (void)words;
    return JF_OK;
}

static const jf_ops_1 ops_table = {
    .size = sizeof(jf_ops_1), .finish = ops_finish, .state = ops_state, .progress = ops_progress};

static jf_ref begin_operation(void) {
    operation.op++;
    operation.state = JF_OK;
    operation.status = JF_PENDING;
    operation.length = 0;
    return operation.op;
}

typedef struct caller {
    const char *key, *tenant, *server, *tool, *address;
    uint32_t kind;
} caller;

static const caller alice = {"jwt|alice", "acme", "files", "read", "10.0.0.1:5000", JF_TOOLS};
static const caller bob = {"jwt|bob", "acme", "files", "read", "10.0.0.1:6000", JF_TOOLS};

typedef struct outcome {
    int32_t status;
    uint64_t memory;
    uint32_t retry_ms, flags;
    char why[512];
} outcome;

static const jf_filter_1 *filter_of(jf_mock *mock) {
    return jf_mock_facet(mock, JF_FILTER_1);
}

static jf_view text(const char *it) {
    return it != NULL ? (jf_view){(const uint8_t *)it, strlen(it)} : (jf_view){0};
}

static void take_verdict(const void *bytes, uint64_t length, outcome *it) {
    jf_verdict head;
    if (bytes == NULL || length == 0) return;
    CHECK(length == sizeof head, "a verdict of %llu bytes", (unsigned long long)length);
    memcpy(&head, bytes, sizeof head);
    CHECK(head.decision == JF_PASS && head.count == 0, "it decides %u", head.decision);
    it->memory = head.memory;
}

/* Begins a request; JF_PENDING where the store is asked. */
static outcome request(jf_mock *mock, jf_ref handle, const caller *who) {
    jf_principal principal = {
        .size = sizeof principal, .id = 1, .key = text(who->key), .tenant = text(who->tenant)};
    jf_passage passage = {.size = sizeof passage,
                          .principal = &principal,
                          .kind = who->kind,
                          .method = text("tools/call"),
                          .server = text(who->server),
                          .name = text(who->tool),
                          .address = text(who->address)};
    jf_blob verdict = {0};
    jf_fault why = {.size = sizeof why};
    outcome it = {0};
    it.status =
        filter_of(mock)->request(jf_mock_self(mock), begin_operation(), handle, &passage, &verdict, &why);
    if (it.status == JF_PENDING) return it;
    take_verdict(verdict.ptr, verdict.len, &it);
    it.retry_ms = why.retry_ms;
    it.flags = why.flags;
    if (it.status != JF_OK) snprintf(it.why, sizeof it.why, "%.*s", (int)why.text_len, why.text);
    return it;
}

static outcome call(jf_mock *mock, jf_ref handle, const caller *who) {
    outcome it = request(mock, handle, who);
    if (it.status != JF_PENDING) return it;
    answer_all(NULL);
    CHECK(operation.status != JF_PENDING, "a request does not end");
    it.status = operation.status;
    take_verdict(operation.answer, operation.length, &it);
    it.retry_ms = operation.why.retry_ms;
    it.flags = operation.why.flags;
    snprintf(it.why, sizeof it.why, "%.*s", (int)operation.why.text_len, operation.why.text);
    return it;
}

static void ended(jf_mock *mock, jf_ref handle, outcome it) {
    jf_passed passed = {.size = sizeof passed, .status = JF_OK, .memory = it.memory};
    if (it.memory != 0) filter_of(mock)->ended(jf_mock_self(mock), handle, &passed);
}

static int32_t try_attach(jf_mock *mock, const char *name, const char *options, jf_ref *handle) {
    return filter_of(mock)->attach(jf_mock_self(mock), text(name), text(options), handle,
                                   jf_mock_fault(mock));
}

static jf_mock *begin_with(const char *config) {
    memset(&shared, 0, sizeof shared);
    jf_mock *mock = jf_mock_new();
    jf_mock_offer(mock, JF_STATE_1, &state_table);
    jf_mock_offer(mock, JF_OPS_1, &ops_table);
    CHECK(jf_mock_up(mock, jf_check_plugin, config), "the plugin does not start");
    return mock;
}

static jf_mock *begin(const char *options, jf_ref *handle) {
    jf_mock *mock = begin_with("{}");
    CHECK(try_attach(mock, "rate-limit", options, handle) == JF_OK, "%s: %s", options, jf_mock_why(mock));
    return mock;
}

static void end(jf_mock *mock, jf_ref handle) {
    if (handle != 0) filter_of(mock)->detach(jf_mock_self(mock), handle);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

static uint32_t passes(jf_mock *mock, jf_ref handle, const caller *who, uint32_t most) {
    uint32_t count = 0;
    while (count < most && call(mock, handle, who).status == JF_OK)
        count++;
    return count;
}

#endif
