/* SPDX-License-Identifier: Apache-2.0
 * Mock host: jf.config/1, JSON and secrets. */
#include "mock_internal.h"

#include "jackfield/json.h"

bool mock_json_valid(jf_view document) {
    jf_json_value value;
    return jf_json_read(document, &value);
}

typedef struct blob {
    mock_counters *counters;
    uint64_t size;
    bool secret;
    uint8_t bytes[];
} blob;

static void drop_blob(void *owner) {
    blob *it = owner;
    if (it->secret) explicit_bzero(it->bytes, it->size);
    atomic_fetch_sub(&it->counters->blobs, 1);
    free(it);
}

static blob *new_blob(jf_mock *mock, uint64_t capacity) {
    blob *it = mock_allocate(sizeof *it + capacity + 1);
    it->counters = mock->counters;
    return it;
}

static int32_t give_blob(blob *it, uint64_t size, jf_blob *out) {
    it->size = size;
    atomic_fetch_add(&it->counters->blobs, 1);
    *out = (jf_blob){it->bytes, size, it, drop_blob};
    return JF_OK;
}

uint32_t jf_mock_blobs(jf_mock *mock) {
    return atomic_load(&mock->counters->blobs);
}

static int32_t text(void *context, jf_view value, jf_blob *out) {
    jf_json_value string;
    if (!jf_json_read(value, &string) || string.kind != JF_JSON_STRING) return JF_E_INVALID;
    blob *it = new_blob(context, string.len);
    uint64_t length = jf_json_decode(&string, it->bytes);
    if (length != UINT64_MAX) return give_blob(it, length, out);
    free(it);
    return JF_E_INVALID;
}

static int32_t quote(void *context, jf_view value, jf_blob *out) {
    blob *it = new_blob(context, value.len * 6 + 2);
    return give_blob(it, jf_json_quote(value, it->bytes), out);
}

static int32_t secret(void *context, jf_view name, jf_blob *out) {
    jf_mock *mock = context;
    for (uint32_t i = 0; i + 1 < mock->secrets.count; i += 2) {
        jf_view known = jf_mock_view(mock->secrets.items[i]),
                value = jf_mock_view(mock->secrets.items[i + 1]);
        if (known.len != name.len || memcmp(known.ptr, name.ptr, name.len) != 0) continue;
        blob *it = new_blob(mock, value.len);
        memcpy(it->bytes, value.ptr, value.len);
        it->secret = true;
        return give_blob(it, value.len, out);
    }
    return JF_ABSENT;
}

void jf_mock_set_secret(jf_mock *mock, const char *name, const char *value) {
    mock_push(&mock->secrets, mock_keep(mock, jf_mock_view(name)));
    mock_push(&mock->secrets, mock_keep(mock, jf_mock_view(value)));
}

const jf_config_1 *jf_mock_json(jf_mock *mock) {
    return &mock->config_table;
}

char *jf_mock_json_get(jf_mock *mock, const char *json, const char *pointer) {
    (void)mock;
    jf_json_value root, found;
    if (!jf_json_read(jf_mock_view(json), &root)) return NULL;
    if (jf_json_find(&root, jf_mock_view(pointer), &found) != JF_OK) return NULL;
    char *copy = mock_allocate(found.len + 1);
    if (found.kind != JF_JSON_STRING) {
        memcpy(copy, found.ptr, found.len);
    } else if (jf_json_decode(&found, (uint8_t *)copy) == UINT64_MAX) {
        free(copy);
        return NULL;
    }
    return copy;
}

void mock_json_open(jf_mock *mock) {
    mock->counters = mock_allocate(sizeof *mock->counters);
    mock->config_table = (jf_config_1){.size = sizeof(jf_config_1),
                                       .context = mock,
                                       .find = jf_json_config_find,
                                       .next = jf_json_config_next,
                                       .text = text,
                                       .integer = jf_json_config_integer,
                                       .real = jf_json_config_real,
                                       .quote = quote,
                                       .secret = secret};
}
