/* SPDX-License-Identifier: Apache-2.0
 * Mock host: jf.state/1 on a store in memory. */
#include "mock_internal.h"

/* One operation under way, or one watch. */
typedef struct begun {
    jf_mock *mock;
    mock_object *object;
    jf_state_done_fn done;
    jf_state_changed_fn changed;
    void *user;
    int32_t status;
    jf_view answer;
    jf_view prefix; /**< of a watch */
} begun;

static void end(void *user) {
    begun *it = user;
    /* Given up, or the instance has stopped, which ends what is under way. */
    if (it->object->open && !it->mock->stopped) {
        static const char down[] = "the store of the mock fails, as the test asks for",
                          bad[] = "a key, value or number is outside its bounds";
        jf_fault why = {.size = sizeof why, .code = it->status, .flags = JF_FAULT_NOT_STARTED};
        const char *text = it->status == JF_E_INVALID ? bad : down;
        why.text_len = (uint32_t)strlen(text);
        memcpy(why.text, text, why.text_len);
        it->object->open = false;
        bool fails = it->status < 0 && it->status != JF_E_STALE;
        it->done(it->user, it->object->ref, it->status, it->answer, fails ? &why : NULL);
    }
    free((void *)(uintptr_t)it->answer.ptr);
    free(it);
}

/* Watches are told in a later batch, as a store would. */
typedef struct told {
    jf_mock *mock;
    begun *watch;
    uint64_t revision;
    uint64_t key_len;
    uint8_t key[];
} told;

static void tell(void *user) {
    told *it = user;
    if (it->watch->object->open && !it->mock->stopped)
        it->watch->changed(it->watch->user, it->watch->object->ref, (jf_view){it->key, it->key_len},
                           it->revision);
    free(it);
}

static void spread(jf_mock *mock, jf_view key, uint64_t revision) {
    for (uint32_t i = 0; i < mock->objects.count; i++) {
        mock_object *object = mock->objects.items[i];
        if (object->kind != MOCK_STATE_WATCH || !object->open) continue;
        begun *watch = object->user;
        if (watch->prefix.len > key.len ||
            (watch->prefix.len > 0 && memcmp(watch->prefix.ptr, key.ptr, watch->prefix.len) != 0))
            continue;
        told *it = mock_allocate(sizeof *it + key.len);
        *it = (told){mock, watch, revision == UINT64_MAX ? 0 : revision, key.len};
        memcpy(it->key, key.ptr, key.len);
        mock->loop_table.post(mock, tell, it);
    }
}

/* What an operation is begun with, before it is done. */
static begun *begin(jf_mock *mock, const char *slot, jf_state_done_fn done, void *user, jf_ref *operation) {
    mock_on_lane(mock, slot);
    if (done == NULL) mock_problem(mock, "%s: it has no `done`", slot);
    begun *it = mock_allocate(sizeof *it);
    it->mock = mock;
    it->object = mock_new_object(mock, MOCK_STATE_OP);
    it->done = done;
    it->user = user;
    if (operation != NULL) *operation = it->object->ref;
    return it;
}

static int32_t finish(begun *it) {
    return it->mock->loop_table.post(it->mock, end, it);
}

static int32_t get(void *context, jf_view key, jf_state_done_fn done, void *user, jf_ref *operation) {
    jf_mock *mock = context;
    begun *it = begin(mock, "jf.state/1 get", done, user, operation);
    it->status = mock->state_failure != JF_OK
                     ? mock->state_failure
                     : mock_store_get(mock->kept_state, jf_mock_unix_ms(mock), key, &it->answer);
    return finish(it);
}

static int32_t put(void *context, const jf_store_put *put, jf_state_done_fn done, void *user,
                   jf_ref *operation) {
    jf_mock *mock = context;
    uint64_t changed = 0;
    begun *it = begin(mock, "jf.state/1 put", done, user, operation);
    it->status = mock->state_failure != JF_OK
                     ? mock->state_failure
                     : mock_store_put(mock->kept_state, jf_mock_unix_ms(mock), put, &it->answer, &changed);
    if (changed != 0) spread(mock, put->key, changed);
    return finish(it);
}

static int32_t remove_key(void *context, jf_view key, uint64_t revision, jf_state_done_fn done, void *user,
                          jf_ref *operation) {
    jf_mock *mock = context;
    uint64_t changed = 0;
    begun *it = begin(mock, "jf.state/1 remove", done, user, operation);
    it->status = mock->state_failure != JF_OK
                     ? mock->state_failure
                     : mock_store_remove(mock->kept_state, jf_mock_unix_ms(mock), key, revision, &changed);
    if (changed != 0) spread(mock, key, changed);
    return finish(it);
}

static int32_t list(void *context, const jf_store_list *list, jf_state_done_fn done, void *user,
                    jf_ref *operation) {
    jf_mock *mock = context;
    begun *it = begin(mock, "jf.state/1 list", done, user, operation);
    it->status = mock->state_failure != JF_OK
                     ? mock->state_failure
                     : mock_store_list(mock->kept_state, jf_mock_unix_ms(mock), list, &it->answer);
    return finish(it);
}

static int32_t add(void *context, const jf_store_add *add, jf_state_done_fn done, void *user,
                   jf_ref *operation) {
    jf_mock *mock = context;
    begun *it = begin(mock, "jf.state/1 add", done, user, operation);
    it->status = mock->state_failure != JF_OK
                     ? mock->state_failure
                     : mock_store_add(mock->kept_state, jf_mock_unix_ms(mock), add, &it->answer);
    return finish(it);
}

static int32_t take(void *context, const jf_store_limit *limits, uint64_t count, jf_state_done_fn done,
                    void *user, jf_ref *operation) {
    jf_mock *mock = context;
    begun *it = begin(mock, "jf.state/1 take", done, user, operation);
    it->status = mock->state_failure != JF_OK
                     ? mock->state_failure
                     : mock_store_take(mock->kept_state, jf_mock_unix_ms(mock), limits, count, &it->answer);
    return finish(it);
}

static int32_t watch(void *context, jf_view prefix, jf_state_changed_fn changed, void *user, jf_ref *watch) {
    jf_mock *mock = context;
    mock_on_lane(mock, "jf.state/1 watch");
    mock_object *object = mock_new_object(mock, MOCK_STATE_WATCH);
    begun *it = mock_keep_bytes(mock, sizeof *it);
    *it = (begun){.mock = mock, .object = object, .changed = changed, .user = user};
    it->prefix = (jf_view){(const uint8_t *)mock_keep(mock, prefix), prefix.len};
    object->user = it;
    if (watch != NULL) *watch = object->ref;
    return JF_OK;
}

static void unwatch(void *context, jf_ref watch) {
    jf_mock *mock = context;
    mock_on_lane(mock, "jf.state/1 unwatch");
    mock_object *object = mock_object_of(mock, watch, MOCK_STATE_WATCH);
    if (object != NULL) object->open = false;
}

static void abandon(void *context, jf_ref operation) {
    jf_mock *mock = context;
    mock_on_lane(mock, "jf.state/1 abandon");
    mock_object *object = mock_object_of(mock, operation, MOCK_STATE_OP);
    if (object != NULL) object->open = false;
}

/* ---- For tests ---- */

void jf_mock_state_fail(jf_mock *mock, int32_t status) {
    mock->state_failure = status;
}

char *jf_mock_state_get(jf_mock *mock, const char *key) {
    jf_view answer = {NULL, 0}, name, value;
    jf_store_entry entry;
    uint64_t at = 0;
    char *text = NULL;
    int64_t sum = 0;
    jf_store_add read = {.size = sizeof read, .key = jf_mock_view(key)};
    if (mock_store_get(mock->kept_state, jf_mock_unix_ms(mock), jf_mock_view(key), &answer) == JF_OK &&
        jf_mock_store_next((const char *)answer.ptr, answer.len, &at, &entry, &name, &value)) {
        text = mock_allocate(value.len + 24);
        memcpy(text, value.ptr, value.len);
        jf_view counter = {NULL, 0};
        if (mock_store_add(mock->kept_state, jf_mock_unix_ms(mock), &read, &counter) == JF_OK) {
            memcpy(&sum, value.ptr, sizeof sum);
            sprintf(text, "%lld", (long long)sum);
        }
        free((void *)(uintptr_t)counter.ptr);
    }
    free((void *)(uintptr_t)answer.ptr);
    return text;
}

void jf_mock_state_set(jf_mock *mock, const char *key, const char *value) {
    uint64_t changed = 0, now = jf_mock_unix_ms(mock);
    jf_view answer = {NULL, 0};
    jf_store_put put = {.size = sizeof put, .key = jf_mock_view(key), .value = jf_mock_view(value)};
    if (value != NULL)
        mock_store_put(mock->kept_state, now, &put, &answer, &changed);
    else
        mock_store_remove(mock->kept_state, now, put.key, 0, &changed);
    free((void *)(uintptr_t)answer.ptr);
    if (changed != 0) spread(mock, put.key, changed);
}

uint32_t jf_mock_state_entries(jf_mock *mock) {
    return mock_store_count(mock->kept_state, false);
}
uint32_t jf_mock_state_limits(jf_mock *mock) {
    return mock_store_count(mock->kept_state, true);
}

void mock_state_open(jf_mock *mock) {
    mock->kept_state = mock_store_new();
    mock->state_table = (jf_state_1){.size = sizeof(jf_state_1),
                                     .context = mock,
                                     .get = get,
                                     .put = put,
                                     .remove = remove_key,
                                     .list = list,
                                     .add = add,
                                     .take = take,
                                     .watch = watch,
                                     .unwatch = unwatch,
                                     .abandon = abandon};
}

void mock_state_close(jf_mock *mock) {
    mock_store_free(mock->kept_state);
}
