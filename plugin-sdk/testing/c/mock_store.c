/* SPDX-License-Identifier: Apache-2.0
 * Mock host: jf.watches/1, and driving a store (jf.store/1). */
#include "mock_internal.h"

/* ---- jf.watches/1 ---- */

static void changed(void *context, jf_ref watch, jf_view key, uint64_t revision) {
    jf_mock *mock = context;
    mock_lock(mock);
    mock_object *object = mock_object_of(mock, watch, MOCK_WATCH);
    bool open = object != NULL && object->open;
    mock_unlock(mock);
    if (!open)
        mock_problem(mock, "jf.watches/1 changed: watch %llx is %s", (unsigned long long)watch,
                     object != NULL ? "over already" : "unknown");
    jf_mock_event *event = mock_event(mock, JF_MOCK_STORE_CHANGED, watch, 0);
    event->revision = revision;
    mock_event_text(mock, event, key);
    mock_event_show(mock, event);
}

jf_ref jf_mock_store_watch(jf_mock *mock, jf_view prefix) {
    const jf_store_1 *store = jf_mock_store(mock);
    if (!JF_HAS(store, watch)) return 0;
    mock_object *object = mock_new_object(mock, MOCK_WATCH);
    int32_t status = store->watch(mock->self, object->ref, prefix, jf_mock_fault(mock));
    if (status == JF_OK) return object->ref;
    object->open = false;
    return 0;
}

void jf_mock_store_unwatch(jf_mock *mock, jf_ref watch) {
    const jf_store_1 *store = jf_mock_store(mock);
    if (JF_HAS(store, unwatch)) store->unwatch(mock->self, watch);
    mock_lock(mock);
    mock_object *object = mock_object_of(mock, watch, MOCK_WATCH);
    if (object != NULL) object->open = false;
    mock_unlock(mock);
}

/* ---- Slots ---- */

typedef struct store_call {
    jf_mock *mock;
    const jf_store_1 *store;
    mock_object *object;
    jf_blob answer;
    jf_fault why;
} store_call;

static store_call begin(jf_mock *mock) {
    store_call it = {.mock = mock, .store = jf_mock_store(mock), .why = {.size = sizeof it.why}};
    it.object = mock_op_begin(mock, MOCK_FORM_STORE, JF_HAS(it.store, cancel) ? it.store->cancel : NULL);
    return it;
}

static jf_ref answered(store_call *it, int32_t status) {
    it->mock->fault = it->why;
    if (status == JF_OK && it->answer.ptr != NULL && it->answer.len % 8 != 0)
        mock_problem(it->mock, "an answer of a store is %llu bytes long: no multiple of 8",
                     (unsigned long long)it->answer.len);
    mock_op_answered(it->mock, it->object, status, &it->answer, &it->why);
    return it->object->ref;
}

/* A copy that is freed after the call, so that AddressSanitizer sees a view kept beyond it. */
static jf_view lend(jf_view view, uint8_t **own) {
    *own = view.ptr != NULL ? mock_allocate(view.len) : NULL;
    if (view.len > 0) memcpy(*own, view.ptr, view.len);
    return (jf_view){*own, view.len};
}

jf_ref jf_mock_store_get(jf_mock *mock, jf_view key) {
    store_call it = begin(mock);
    if (!JF_HAS(it.store, get)) return answered(&it, JF_E_UNSUPPORTED);
    uint8_t *own;
    jf_view lent = lend(key, &own);
    int32_t status = it.store->get(mock->self, it.object->ref, lent, &it.answer, &it.why);
    free(own);
    return answered(&it, status);
}

jf_ref jf_mock_store_put(jf_mock *mock, const jf_store_put *put) {
    store_call it = begin(mock);
    if (!JF_HAS(it.store, put)) return answered(&it, JF_E_UNSUPPORTED);
    uint8_t *key, *value;
    jf_store_put *own = mock_allocate(sizeof *own);
    *own = *put;
    own->key = lend(put->key, &key);
    own->value = lend(put->value, &value);
    int32_t status = it.store->put(mock->self, it.object->ref, own, &it.answer, &it.why);
    free(key);
    free(value);
    free(own);
    return answered(&it, status);
}

jf_ref jf_mock_store_remove(jf_mock *mock, jf_view key, uint64_t revision) {
    store_call it = begin(mock);
    if (!JF_HAS(it.store, remove)) return answered(&it, JF_E_UNSUPPORTED);
    uint8_t *own;
    jf_view lent = lend(key, &own);
    int32_t status = it.store->remove(mock->self, it.object->ref, lent, revision, &it.answer, &it.why);
    free(own);
    return answered(&it, status);
}

jf_ref jf_mock_store_list(jf_mock *mock, const jf_store_list *list) {
    store_call it = begin(mock);
    if (!JF_HAS(it.store, list)) return answered(&it, JF_E_UNSUPPORTED);
    uint8_t *prefix, *after;
    jf_store_list *own = mock_allocate(sizeof *own);
    *own = *list;
    own->prefix = lend(list->prefix, &prefix);
    own->after = lend(list->after, &after);
    int32_t status = it.store->list(mock->self, it.object->ref, own, &it.answer, &it.why);
    free(prefix);
    free(after);
    free(own);
    return answered(&it, status);
}

jf_ref jf_mock_store_add(jf_mock *mock, const jf_store_add *add) {
    store_call it = begin(mock);
    if (!JF_HAS(it.store, add)) return answered(&it, JF_E_UNSUPPORTED);
    uint8_t *key;
    jf_store_add *own = mock_allocate(sizeof *own);
    *own = *add;
    own->key = lend(add->key, &key);
    int32_t status = it.store->add(mock->self, it.object->ref, own, &it.answer, &it.why);
    free(key);
    free(own);
    return answered(&it, status);
}

jf_ref jf_mock_store_take(jf_mock *mock, const jf_store_limit *limits, uint64_t count) {
    store_call it = begin(mock);
    if (!JF_HAS(it.store, take)) return answered(&it, JF_E_UNSUPPORTED);
    jf_store_limit *own = mock_allocate((count + 1) * sizeof *own);
    uint8_t **keys = mock_allocate((count + 1) * sizeof *keys);
    for (uint64_t i = 0; i < count; i++) {
        own[i] = limits[i];
        own[i].key = lend(limits[i].key, &keys[i]);
    }
    int32_t status = it.store->take(mock->self, it.object->ref, own, count, &it.answer, &it.why);
    for (uint64_t i = 0; i < count; i++)
        free(keys[i]);
    free(keys);
    free(own);
    return answered(&it, status);
}

bool jf_mock_store_next(const char *bytes, uint64_t length, uint64_t *offset, jf_store_entry *entry,
                        jf_view *key, jf_view *value) {
    if (bytes == NULL || *offset > length || length - *offset < sizeof *entry) return false;
    memcpy(entry, bytes + *offset, sizeof *entry);
    uint64_t size = (sizeof *entry + entry->key_len + (uint64_t)entry->value_len + 7) / 8 * 8;
    if (length - *offset < size) return false;
    const uint8_t *text = (const uint8_t *)bytes + *offset + sizeof *entry;
    if (key != NULL) *key = (jf_view){text, entry->key_len};
    if (value != NULL) *value = (jf_view){text + entry->key_len, entry->value_len};
    *offset += size;
    return true;
}

void mock_store_open(jf_mock *mock) {
    mock->watches_table = (jf_watches_1){.size = sizeof(jf_watches_1), .context = mock, .changed = changed};
}
