/* SPDX-License-Identifier: Apache-2.0
 * Mock host: copies that a plugin may read for as long as the ABI lends them, and principals. */
#include "mock_internal.h"

#include "jackfield/json.h"

/* ---- Copies ---- */

void *mock_lend_bytes(mock_list *lent, size_t size) {
    void *memory = mock_allocate(size);
    mock_push(lent, memory);
    return memory;
}

jf_view mock_lend(mock_list *lent, jf_view view) {
    if (view.ptr == NULL) return view;
    uint8_t *own = mock_lend_bytes(lent, view.len);
    if (view.len > 0) memcpy(own, view.ptr, view.len);
    return (jf_view){own, view.len};
}

jf_pair *mock_lend_pairs(mock_list *lent, const jf_pair *pairs, uint64_t count) {
    jf_pair *own = mock_lend_bytes(lent, count * sizeof *own);
    for (uint64_t i = 0; i < count; i++)
        own[i] = (jf_pair){mock_lend(lent, pairs[i].name), mock_lend(lent, pairs[i].value)};
    return own;
}

static const jf_view *lend_views(mock_list *lent, const jf_view *views, uint64_t count) {
    jf_view *own = mock_lend_bytes(lent, count * sizeof *own);
    for (uint64_t i = 0; i < count; i++)
        own[i] = mock_lend(lent, views[i]);
    return own;
}

const jf_principal *mock_lend_principal(mock_list *lent, const jf_principal *principal) {
    jf_principal *own = mock_lend_bytes(lent, sizeof *own);
    *own = *principal;
    jf_view *views[] = {&own->key,      &own->subject,    &own->tenant,    &own->issuer,
                        &own->provider, &own->credential, &own->attributes};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        *views[i] = mock_lend(lent, *views[i]);
    own->roles = lend_views(lent, own->roles, own->role_count);
    own->scopes = lend_views(lent, own->scopes, own->scope_count);
    return own;
}

jf_access *mock_lend_access(mock_list *lent, const jf_access *access) {
    jf_access *own = mock_lend_bytes(lent, sizeof *own);
    *own = *access;
    jf_view *views[] = {&own->action,     &own->server,    &own->name,    &own->shown, &own->target,
                        &own->definition, &own->arguments, &own->address, &own->region};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        *views[i] = mock_lend(lent, *views[i]);
    own->principal = mock_lend_principal(lent, own->principal);
    own->labels = mock_lend_pairs(lent, own->labels, own->label_count);
    return own;
}

void mock_lent_free(mock_list *lent) {
    for (uint32_t i = 0; i < lent->count; i++)
        free(lent->items[i]);
    free(lent->items);
    *lent = (mock_list){0};
}

/* ---- Principals ---- */

/* What may stand in a principal; a kind of JF_JSON_ARRAY is one of texts. */
static const struct {
    const char *name;
    uint32_t kind;
} members[] = {{"subject", JF_JSON_STRING},    {"tenant", JF_JSON_STRING},     {"issuer", JF_JSON_STRING},
               {"roles", JF_JSON_ARRAY},       {"scopes", JF_JSON_ARRAY},      {"attributes", JF_JSON_OBJECT},
               {"credential", JF_JSON_STRING}, {"expires_ms", JF_JSON_NUMBER}, {"keep_ms", JF_JSON_NUMBER}};

static bool are_texts(const jf_json_value *array) {
    jf_json_value key, value;
    jf_json_walk walk = jf_json_walk_of(array);
    while (jf_json_next(&walk, &key, &value) == 1)
        if (value.kind != JF_JSON_STRING) return false;
    return true;
}

static bool is_of(const jf_json_value *value, uint32_t kind) {
    int64_t number = 0;
    if (value->kind != kind) return false;
    if (kind == JF_JSON_NUMBER) return jf_json_int64(value, &number) && number >= 0;
    return kind != JF_JSON_ARRAY || are_texts(value);
}

bool mock_principal_valid(jf_mock *mock, jf_view json, const char *where) {
    static const char *const kinds[] = {
        "",         "null", "a boolean", "a whole number of milliseconds", "a string", "an array of strings",
        "an object"};
    jf_json_value root, key, value, subject;
    if (!jf_json_read(json, &root) || root.kind != JF_JSON_OBJECT) {
        mock_problem(mock, "%s: a principal is one JSON object", where);
        return false;
    }
    if (jf_json_find(&root, jf_mock_view("/subject"), &subject) != JF_OK || subject.len == 0) {
        mock_problem(mock, "%s: a principal needs a subject", where);
        return false;
    }
    jf_json_walk walk = jf_json_walk_of(&root);
    while (jf_json_next(&walk, &key, &value) == 1) {
        size_t i = 0, count = sizeof members / sizeof members[0];
        while (i < count && !jf_json_is(&key, jf_mock_view(members[i].name)))
            i++;
        if (i == count) {
            mock_problem(mock, "%s: a principal has no member \"%.*s\"; put it into attributes", where,
                         (int)key.len, (const char *)key.ptr);
            return false;
        }
        if (!is_of(&value, members[i].kind)) {
            mock_problem(mock, "%s: \"%s\" of a principal must be %s", where, members[i].name,
                         kinds[members[i].kind]);
            return false;
        }
    }
    return true;
}

static jf_view text_of(jf_mock *mock, const char *json, const char *pointer) {
    char *text = jf_mock_json_get(mock, json, pointer);
    jf_view kept = jf_mock_view(mock_keep(mock, jf_mock_view(text != NULL ? text : "")));
    free(text);
    return kept;
}

static const jf_view *texts_of(jf_mock *mock, const char *json, const char *member, uint64_t *count) {
    jf_view *views = NULL;
    for (*count = 0;; ++*count) {
        char pointer[48];
        snprintf(pointer, sizeof pointer, "/%s/%llu", member, (unsigned long long)*count);
        char *text = jf_mock_json_get(mock, json, pointer);
        if (text == NULL) return views;
        jf_view *more = mock_keep_bytes(mock, (*count + 1) * sizeof *more);
        if (*count > 0) memcpy(more, views, *count * sizeof *more);
        more[*count] = jf_mock_view(mock_keep(mock, jf_mock_view(text)));
        views = more;
        free(text);
    }
}

const jf_principal *jf_mock_principal(jf_mock *mock, const char *json) {
    static const char nobody[] = "", empty[] = "{}";
    jf_view none = jf_mock_view(nobody);
    jf_principal *it = mock_keep_bytes(mock, sizeof *it);
    *it = (jf_principal){.size = sizeof *it,
                         .key = none,
                         .subject = none,
                         .tenant = none,
                         .issuer = none,
                         .provider = none,
                         .credential = none,
                         .attributes = jf_mock_view(empty)};
    if (json == NULL || !mock_principal_valid(mock, jf_mock_view(json), "jf_mock_principal")) return it;
    it->subject = text_of(mock, json, "/subject");
    it->tenant = text_of(mock, json, "/tenant");
    it->issuer = text_of(mock, json, "/issuer");
    it->credential = text_of(mock, json, "/credential");
    it->provider = jf_mock_view("mock");
    it->roles = texts_of(mock, json, "roles", &it->role_count);
    it->scopes = texts_of(mock, json, "scopes", &it->scope_count);
    jf_view attributes = text_of(mock, json, "/attributes");
    if (attributes.len > 0) it->attributes = attributes;
    jf_view expires = text_of(mock, json, "/expires_ms");
    it->expires_ms = strtoull((const char *)expires.ptr, NULL, 10);
    char *key = mock_keep_bytes(mock, it->tenant.len + it->issuer.len + it->subject.len + 3);
    int length = sprintf(key, "%s\n%s\n%s", (const char *)it->tenant.ptr, (const char *)it->issuer.ptr,
                         (const char *)it->subject.ptr);
    it->key = (jf_view){(const uint8_t *)key, (uint64_t)length};
    it->id = 0xcbf29ce484222325u; /* FNV-1a: the same key, the same id */
    for (int i = 0; i < length; i++)
        it->id = (it->id ^ (uint8_t)key[i]) * 0x100000001b3u;
    it->id |= 1;
    return it;
}
