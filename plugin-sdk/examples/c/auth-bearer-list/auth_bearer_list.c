/* SPDX-License-Identifier: Apache-2.0
 * A provider of jf.auth/1: a list of people, each with a secret that the client shows as a bearer token. */
#include <jackfield/auth.h>
#include <jackfield/host.h>
#include <jackfield/principals.h>

JF_MANIFEST("{\"id\":\"auth-bearer-list\",\"version\":\"0.1.0\",\"abi\":\"1.1\","
            "\"summary\":\"Knows people by bearer tokens from a list\",\"facets\":[\"jf.auth/1\"],"
            "\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
            "\"auth\":{\"provider\":\"bearer-list\",\"fields\":[\"authorization\"],\"config\":{"
            "\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"people\"],\"properties\":{"
            "\"people\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":1000,\"items\":{"
            "\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"subject\",\"token\"],"
            "\"properties\":{"
            "\"subject\":{\"type\":\"string\",\"minLength\":1,\"description\":\"Who it is\"},"
            "\"token\":{\"type\":\"string\",\"minLength\":16,\"maxLength\":1000,\"description\":"
            "\"What it shows: write ${env:NAME} or ${file:PATH}, not the token itself\"},"
            "\"roles\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"default\":[],"
            "\"description\":\"What it may be taken for by policies\"}}}}}}}}");

/** Somebody of the list: the token, and the answer that it brings. */
typedef struct person {
    jf_text token;
    jf_text principal;
} person;

/** One configured provider. */
typedef struct list {
    person *people;
    uint64_t count;
} list;

struct jf_self {
    uint32_t unused;
};

static void detach(jf_self *self, jf_ref handle) {
    list *it = (list *)(uintptr_t)handle;
    (void)self;
    for (uint64_t i = 0; i < it->count; i++) {
        volatile uint8_t *bytes = it->people[i].token.bytes; /* wiped, and the compiler may not drop that */
        for (uint64_t j = 0; j < it->people[i].token.len; j++)
            bytes[j] = 0;
        jf_text_drop(&it->people[i].token);
        jf_text_drop(&it->people[i].principal);
    }
    free(it->people);
    free(it);
}

/** Makes the answer for one of the list: a JSON principal with a copy of its texts. */
static int32_t read_person(const jf_json_value *entry, person *out, jf_fault *why) {
    jf_json_value subject, token, roles;
    if (jf_json_find(entry, jf_view_of("/subject"), &subject) != JF_OK || subject.kind != JF_JSON_STRING)
        return jf_fault_set(why, JF_E_INVALID, 0, "somebody in people has no subject");
    jf_view name = jf_json_raw(&subject);
    if (jf_json_find(entry, jf_view_of("/token"), &token) == JF_OK && token.kind == JF_JSON_STRING) {
        uint8_t *room = jf_text_room(&out->token, token.len + 1);
        uint64_t length = room != NULL ? jf_json_decode(&token, room) : 0;
        if (length != UINT64_MAX) out->token.len = length;
    }
    if (out->token.len < 16)
        return jf_fault_set(why, JF_E_INVALID, 0, "the token of %.*s is missing, or shorter than 16 bytes",
                            (int)name.len, (const char *)name.ptr);
    jf_text_put(&out->principal, "{\"subject\":");
    jf_text_add(&out->principal, name);
    if (jf_json_find(entry, jf_view_of("/roles"), &roles) == JF_OK) {
        jf_text_key(&out->principal, "roles");
        jf_text_add(&out->principal, jf_json_raw(&roles));
    }
    jf_text_put(&out->principal, "}");
    return out->principal.failed ? jf_fault_set(why, JF_E_BUSY, 0, "out of memory") : JF_OK;
}

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    jf_json_value root, people, key, entry;
    (void)name;
    if (!jf_json_read(config, &root) || jf_json_find(&root, jf_view_of("/people"), &people) != JF_OK)
        return jf_fault_set(why, JF_E_INVALID, 0, "people is missing");
    list *it = calloc(1, sizeof *it);
    int32_t status = it != NULL ? JF_OK : JF_E_BUSY;
    jf_json_walk walk = jf_json_walk_of(&people);
    while (status == JF_OK && jf_json_next(&walk, &key, &entry) == 1) {
        person *more = realloc(it->people, (it->count + 1) * sizeof *more);
        if (more == NULL) {
            status = JF_E_BUSY;
            break;
        }
        it->people = more;
        more[it->count] = (person){{0}, {0}};
        status = read_person(&entry, &more[it->count++], why);
    }
    if (status != JF_OK) {
        if (it != NULL) detach(self, (jf_ref)(uintptr_t)it);
        return status;
    }
    *handle = (jf_ref)(uintptr_t)it;
    return JF_OK;
}

static int32_t identify(jf_self *self, jf_ref op, jf_ref handle, const jf_credentials *credentials,
                        jf_blob *principal, jf_fault *why) {
    const list *it = (const list *)(uintptr_t)handle;
    jf_view token;
    (void)self, (void)op;
    int32_t status = jf_bearer(credentials->fields, credentials->field_count, &token);
    if (status == JF_ABSENT) return JF_ABSENT; /* the next provider is asked */
    if (status != JF_OK)
        return jf_fault_set(why, JF_E_DENIED, JF_FAULT_PUBLIC, "the bearer token is empty, or there are two");
    const person *found = NULL;
    for (uint64_t i = 0; i < it->count; i++) { /* all of them: the time says nothing about who is in it */
        const jf_text *known = &it->people[i].token;
        if (jf_same_secret(token, (jf_view){known->bytes, known->len})) found = &it->people[i];
    }
    if (found == NULL) return jf_fault_set(why, JF_E_DENIED, JF_FAULT_PUBLIC, "nobody has this token");
    jf_text answer = {0}; /* a copy: the host may keep it longer than this provider lives */
    jf_text_add(&answer, (jf_view){found->principal.bytes, found->principal.len});
    return jf_text_give(&answer, principal);
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_auth_1 auth = {
        .size = sizeof auth, .attach = attach, .detach = detach, .identify = identify};
    (void)self;
    return strcmp(id, JF_AUTH_1) == 0 ? &auth : NULL;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)offer, (void)config;
    *out = calloc(1, sizeof **out);
    return *out != NULL ? JF_OK : jf_fault_set(why, JF_E_BUSY, 0, "out of memory");
}

static void destroy(jf_self *self) {
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    if (offer->major == JF_ABI_MAJOR && offer->minor >= 1) return &plugin; /* the facet is of 1.1 */
    jf_fault_set(why, JF_E_UNSUPPORTED, 0, "auth-bearer-list needs plugin ABI 1.1");
    return NULL;
}
