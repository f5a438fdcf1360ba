/* SPDX-License-Identifier: Apache-2.0
 * What the host offers to providers, credential sources, policies, stores and whoever keeps state. */
#include "check.h"

static void read_view(jf_view view) {
    volatile uint8_t sum = 0;
    for (uint64_t i = 0; view.ptr != NULL && i < view.len; i++)
        sum ^= view.ptr[i];
}

/* ---- jf.identity/1, jf.connected/1, jf.policies/1, jf.watches/1 ---- */

static void forget(void *context, jf_view what) {
    (void)context;
    read_view(what);
}

static void connected(void *context, jf_view id, int32_t status) {
    check_host *h = context;
    read_view(id);
    if (status > JF_OK || status < JF_E_FAULT)
        check_fail(h->c, "Tell JF_OK or why it came to nothing.",
                   "it calls jf.connected/1 connected with the status %d", (int)status);
}

static void policy_changed(void *context, jf_ref handle) {
    (void)context;
    (void)handle;
}

static void watch_changed(void *context, jf_ref watch, jf_view key, uint64_t revision) {
    check_host *h = context;
    (void)revision;
    read_view(key);
    mock_lock(h->mock);
    bool known = watch != 0 && watch == h->watch;
    mock_unlock(h->mock);
    if (!known)
        check_fail(h->c, "Tell of a watch between `watch` and `unwatch` only.",
                   "it calls jf.watches/1 changed for a watch that is not open");
    atomic_fetch_add(&h->told, 1);
    jf_mock_wake(h->mock);
}

/* ---- jf.state/1: a store that keeps nothing, whose answers come from the loop ---- */

typedef struct kept_state {
    check_host *h;
    jf_ref ref;
    jf_state_done_fn done;
    void *user;
    int32_t status;
    bool is_over, is_watch;
    uint64_t length;
    uint8_t answer[JF_STORE_TAKE_MOST * sizeof(jf_store_verdict)];
} kept_state;

static void answer_state(void *user) {
    kept_state *it = user;
    if (it->is_over || atomic_load(&it->h->phase) != CHECK_RUNNING) return;
    it->is_over = true;
    check_step("jf_state_done_fn");
    it->done(it->user, it->ref, it->status, (jf_view){it->length > 0 ? it->answer : NULL, it->length}, NULL);
}

static kept_state *new_state(check_host *h, jf_ref *ref) {
    kept_state *it = mock_allocate(sizeof *it);
    mock_push(&h->states, it);
    it->h = h;
    it->ref = (uint64_t)0x57 << 32 | h->states.count;
    if (ref != NULL) *ref = it->ref;
    return it;
}

static int32_t begin(void *context, jf_view key, int32_t status, const void *answer, uint64_t length,
                     jf_state_done_fn done, void *user, jf_ref *operation) {
    check_host *h = context;
    read_view(key);
    if (done == NULL) return JF_E_INVALID;
    if (atomic_load(&h->phase) != CHECK_RUNNING) return JF_E_BUSY;
    kept_state *it = new_state(h, operation);
    it->done = done;
    it->user = user;
    it->status = status;
    it->length = length;
    if (length > 0) memcpy(it->answer, answer, length);
    return h->mock->loop_table.post(h->mock, answer_state, it);
}

static int32_t state_get(void *context, jf_view key, jf_state_done_fn done, void *user, jf_ref *operation) {
    return begin(context, key, JF_ABSENT, NULL, 0, done, user, operation);
}

/* An entry of the key "k", so that none is longer than the room for it. */
static int32_t entry(void *context, jf_view key, const int64_t *value, jf_state_done_fn done, void *user,
                     jf_ref *operation) {
    struct {
        jf_store_entry head;
        uint8_t rest[16];
    } made = {.head = {.revision = 1, .key_len = 1}, .rest = "k"};
    if (value != NULL) {
        made.head.value_len = sizeof *value;
        memcpy(made.rest + 1, value, sizeof *value);
    }
    return begin(context, key, JF_OK, &made, sizeof made.head + (value != NULL ? 16 : 8), done, user,
                 operation);
}

static int32_t state_put(void *context, const jf_store_put *put, jf_state_done_fn done, void *user,
                         jf_ref *operation) {
    read_view(put->value);
    return entry(context, put->key, NULL, done, user, operation);
}

static int32_t state_remove(void *context, jf_view key, uint64_t revision, jf_state_done_fn done, void *user,
                            jf_ref *operation) {
    (void)revision;
    return begin(context, key, JF_ABSENT, NULL, 0, done, user, operation);
}

static int32_t state_list(void *context, const jf_store_list *list, jf_state_done_fn done, void *user,
                          jf_ref *operation) {
    return begin(context, list->prefix, JF_ABSENT, NULL, 0, done, user, operation);
}

static int32_t state_add(void *context, const jf_store_add *add, jf_state_done_fn done, void *user,
                         jf_ref *operation) {
    return entry(context, add->key, &add->delta, done, user, operation);
}

static int32_t state_take(void *context, const jf_store_limit *limits, uint64_t count, jf_state_done_fn done,
                          void *user, jf_ref *operation) {
    jf_store_verdict verdicts[JF_STORE_TAKE_MOST] = {0};
    if (count == 0 || count > JF_STORE_TAKE_MOST) return JF_E_INVALID;
    for (uint64_t i = 0; i < count; i++)
        verdicts[i] = (jf_store_verdict){.fits = 1, .left = limits[i].rate};
    return begin(context, limits[0].key, JF_OK, verdicts, count * sizeof verdicts[0], done, user, operation);
}

static int32_t state_watch(void *context, jf_view prefix, jf_state_changed_fn changed, void *user,
                           jf_ref *watch) {
    (void)user;
    read_view(prefix);
    if (changed == NULL || watch == NULL) return JF_E_INVALID;
    new_state(context, watch)->is_watch = true;
    return JF_OK;
}

static void state_end(void *context, jf_ref ref) {
    check_host *h = context;
    uint64_t index = ref & 0xffffffffu;
    if (ref >> 32 != 0x57 || index == 0 || index > h->states.count) return;
    ((kept_state *)h->states.items[index - 1])->is_over = true;
}

/* ---- All of them ---- */

void check_services_open(check_host *h) {
    h->identity = (jf_identity_1){.size = sizeof h->identity, .context = h, .forget = forget};
    h->connected =
        (jf_connected_1){.size = sizeof h->connected, .context = h, .connected = connected, .forget = forget};
    h->policies = (jf_policies_1){.size = sizeof h->policies, .context = h, .changed = policy_changed};
    h->watches = (jf_watches_1){.size = sizeof h->watches, .context = h, .changed = watch_changed};
    h->state = (jf_state_1){.size = sizeof h->state,
                            .context = h,
                            .get = state_get,
                            .put = state_put,
                            .remove = state_remove,
                            .list = state_list,
                            .add = state_add,
                            .take = state_take,
                            .watch = state_watch,
                            .unwatch = state_end,
                            .abandon = state_end};
    jf_mock_offer(h->mock, JF_IDENTITY_1, &h->identity);
    jf_mock_offer(h->mock, JF_CONNECTED_1, &h->connected);
    jf_mock_offer(h->mock, JF_POLICIES_1, &h->policies);
    jf_mock_offer(h->mock, JF_WATCHES_1, &h->watches);
    jf_mock_offer(h->mock, JF_STATE_1, &h->state);
}

/* The posts that name them have run: the mock runs what was posted before `stop` returned. */
void check_services_end(check_host *h) {
    for (uint32_t i = 0; i < h->states.count; i++)
        free(h->states.items[i]);
    free(h->states.items);
    h->states = (mock_list){0};
}
