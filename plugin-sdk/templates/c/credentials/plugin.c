/* SPDX-License-Identifier: Apache-2.0
 * A source of jf.credentials/1: one header field, whose value comes from an environment variable. */
#include <jackfield/credentials.h>
#include <jackfield/host.h>
#include <jackfield/splice.h>

#include "manifest.h"
JF_MANIFEST(MANIFEST);

/** One server: the answer that it always gets. */
struct server {
    jf_text answer;
};

struct jf_self {
    uint32_t unused;
};

/** A text of the options, NUL-terminated; the usual one where it is left out. */
static const char *option(jf_view config, const char *name, const char *usual, char room[104]) {
    jf_json_value value;
    if (!jf_member(config, name, &value) || value.kind != JF_JSON_STRING || value.len > 100) return usual;
    uint64_t length = jf_json_decode(&value, (uint8_t *)room);
    if (length == UINT64_MAX) return usual;
    room[length] = 0;
    return room;
}

static void detach(jf_self *self, jf_ref handle) {
    struct server *it = (struct server *)(uintptr_t)handle;
    volatile uint8_t *bytes = it->answer.bytes; /* a secret: wiped, and the compiler may not drop that */
    (void)self;
    for (uint64_t i = 0; i < it->answer.len; i++)
        bytes[i] = 0;
    jf_text_drop(&it->answer);
    free(it);
}

static int32_t attach(jf_self *self, jf_view server, jf_view config, jf_ref *handle, jf_fault *why) {
    char variable[104], header[104], prefix[104];
    const char *name = option(config, "variable", "", variable), *value = getenv(name);
    (void)self, (void)server;
    if (value == NULL || value[0] == 0)
        return jf_fault_set(why, JF_E_INVALID, 0, "the environment variable %s is not set, or empty", name);
    for (const char *at = value; *at != 0; at++) /* RFC 9110 section 5.5 */
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return jf_fault_set(why, JF_E_INVALID, 0, "%s has a character that no header may have", name);
    struct server *it = calloc(1, sizeof *it);
    if (it == NULL) return jf_fault_set(why, JF_E_BUSY, 0, "out of memory");
    jf_text joined = {0};
    jf_text_put(&joined, option(config, "prefix", "Bearer ", prefix));
    jf_text_put(&joined, value);
    jf_text_put(&it->answer, "{\"headers\":{");
    jf_text_key(&it->answer, option(config, "header", "authorization", header));
    jf_text_quote(&it->answer, (jf_view){joined.bytes, joined.len});
    jf_text_put(&it->answer, "}}");
    it->answer.failed |= joined.failed;
    jf_text_drop(&joined);
    *handle = (jf_ref)(uintptr_t)it;
    return JF_OK;
}

/** The same for everybody and every endpoint of the server: nothing is asked, the host may keep it. */
static int32_t supply(jf_self *self, jf_ref op, jf_ref handle, const jf_demand *demand, jf_blob *supply,
                      jf_fault *why) {
    const struct server *it = (const struct server *)(uintptr_t)handle;
    jf_text answer = {0};
    (void)self, (void)op;
    if (demand->refused != 0)
        return jf_fault_set(why, JF_E_DENIED, 0,
                            "the server refuses the credentials: is the variable right?");
    jf_text_add(&answer, (jf_view){it->answer.bytes, it->answer.len});
    answer.failed |= it->answer.failed;
    int32_t status = jf_text_give(&answer, supply);
    return status == JF_OK ? JF_OK : jf_fault_set(why, status, 0, "out of memory");
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_credentials_1 credentials = {
        .size = sizeof credentials, .attach = attach, .detach = detach, .supply = supply};
    (void)self;
    return strcmp(id, JF_CREDENTIALS_1) == 0 ? &credentials : NULL;
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
    jf_fault_set(why, JF_E_UNSUPPORTED, 0, "PLUGIN_ID needs plugin ABI 1.1");
    return NULL;
}
