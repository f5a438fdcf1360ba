/* SPDX-License-Identifier: Apache-2.0
 * A provider of jf.auth/1: a list of people, each with a secret that the client shows as a bearer token. */
#include <jackfield/auth.h>
#include <jackfield/host.h>
#include <jackfield/principals.h>

JF_MANIFEST("{\"id\":\"auth-bearer-list\",\"version\":\"0.1.0\",\"abi\":\"1.1\","
            "\"summary\":\"Knows people by bearer tokens from a list\",\"facets\":[\"jf.auth/1\"],"
            "\"requires\":[\"jf.config/1\"],\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
            "\"auth\":{\"provider\":\"bearer-list\",\"fields\":[\"authorization\"],\"config\":{"
            "\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"people\"],\"properties\":{"
            "\"people\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":1000,\"items\":{"
            "\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"subject\",\"secret\"],"
            "\"properties\":{"
            "\"subject\":{\"type\":\"string\",\"minLength\":1,\"description\":\"Who it is\"},"
            "\"secret\":{\"type\":\"string\",\"minLength\":1,\"description\":\"The name of the secret that "
            "is the token\"},"
            "\"roles\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"default\":[],"
            "\"description\":\"What it may be taken for by policies\"}}}}}}}}");

/** Somebody of the list: the secret, and the answer that it brings. */
typedef struct person {
    jf_blob secret;
    jf_blob principal;
} person;

/** One configured provider. */
typedef struct list {
    person *people;
    uint64_t count;
} list;

struct jf_self {
    jf_config_1 config;
};

static void drop(jf_blob *blob) {
    if (blob->drop != NULL) blob->drop(blob->owner);
}

static void detach(jf_self *self, jf_ref handle) {
    list *it = (list *)(uintptr_t)handle;
    (void)self;
    for (uint64_t i = 0; i < it->count; i++) {
        drop(&it->people[i].secret); /* the host wipes it */
        drop(&it->people[i].principal);
    }
    free(it->people);
    free(it);
}

/** Makes the answer for one of the list: a JSON principal with a copy of its texts. */
static int32_t describe_person(jf_self *self, const jf_json_value *entry, person *out, jf_fault *why) {
    jf_json_value subject, secret, roles;
    jf_view entry_text = jf_json_raw(entry);
    jf_text answer = {0};
    jf_blob name = {0};
    if (jf_json_find(entry, jf_view_of("/subject"), &subject) != JF_OK ||
        jf_json_find(entry, jf_view_of("/secret"), &secret) != JF_OK)
        return jf_fault_set(why, JF_E_INVALID, 0, "an entry of people has no subject or no secret: %.*s",
                            (int)entry_text.len, (const char *)entry_text.ptr);
    int32_t status = self->config.text(self->config.context, jf_json_raw(&secret), &name);
    if (status == JF_OK)
        status = self->config.secret(self->config.context, (jf_view){name.ptr, name.len}, &out->secret);
    drop(&name);
    if (status != JF_OK || out->secret.len == 0)
        return jf_fault_set(why, JF_E_INVALID, 0, "there is no secret %.*s, or it is empty", (int)secret.len,
                            (const char *)secret.ptr);
    jf_text_put(&answer, "{\"subject\":");
    jf_text_add(&answer, jf_json_raw(&subject));
    if (jf_json_find(entry, jf_view_of("/roles"), &roles) == JF_OK) {
        jf_text_key(&answer, "roles");
        jf_text_add(&answer, jf_json_raw(&roles));
    }
    jf_text_put(&answer, "}");
    return jf_text_give(&answer, &out->principal);
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
        status = describe_person(self, &entry, &more[it->count++], why);
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
        jf_blob secret = it->people[i].secret;
        if (jf_same_secret(token, (jf_view){secret.ptr, secret.len})) found = &it->people[i];
    }
    if (found == NULL) return jf_fault_set(why, JF_E_DENIED, JF_FAULT_PUBLIC, "nobody has this token");
    jf_text answer = {0}; /* a copy: the host may keep it longer than this provider lives */
    jf_text_add(&answer, (jf_view){found->principal.ptr, found->principal.len});
    return jf_text_give(&answer, principal);
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_auth_1 auth = {
        .size = sizeof auth, .attach = attach, .detach = detach, .identify = identify};
    (void)self;
    return strcmp(id, JF_AUTH_1) == 0 ? &auth : NULL;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL || !jf_attach(offer, JF_CONFIG_1, &self->config, sizeof self->config)) {
        free(self);
        return jf_fault_set(why, JF_E_UNSUPPORTED, 0, "auth-bearer-list needs memory and jf.config/1");
    }
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    if (offer->major == JF_ABI_MAJOR) return &plugin;
    jf_fault_set(why, JF_E_UNSUPPORTED, 0, "auth-bearer-list speaks plugin ABI 1");
    return NULL;
}
