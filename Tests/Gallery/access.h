/* SPDX-License-Identifier: Apache-2.0
 * A good provider, credential source, policy, filter and store in one; every other answer of the first four
 * comes from the loop. The store keeps up to 64 entries and counters, and one count for each limit. */
#ifndef GALLERY_ACCESS_H
#define GALLERY_ACCESS_H

#include "base.h"

#define MOST 64
#define KEYS_MOST 64

/** An answer that is to come. */
typedef struct later {
    jf_self *self;
    jf_ref op;
    jf_blob answer;
} later;

/** An entry of the store, or the count of a limit. */
typedef struct kept {
    bool used, is_counter, is_limit;
    uint32_t kind;
    uint64_t revision, period_ms, taken;
    uint8_t key[1100], *value;
    uint64_t key_len, value_len;
} kept;

struct jf_self {
    const jf_ops_1 *ops;
    const jf_loop_1 *loop;
    const jf_watches_1 *watches;
    bool attached[MOST];
    later later[256];
    uint32_t asked;
    kept kept[KEYS_MOST];
    uint64_t revision;
    jf_ref watch;
};

GOOD int32_t good_attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)name, (void)config;
    for (uint32_t i = 0; i < MOST; i++) {
        if (self->attached[i]) continue;
        self->attached[i] = true;
        *handle = i + 1;
        return JF_OK;
    }
    return good_refuse(why, JF_E_BUSY, "too many of them");
}

GOOD void good_detach(jf_self *self, jf_ref handle) {
    self->attached[handle - 1] = false;
}

GOOD bool good_handle(const jf_self *self, jf_ref handle) {
    return handle > 0 && handle <= MOST && self->attached[handle - 1];
}

GOOD void good_finish(void *user) {
    later *it = user;
    if (it->op == 0) return;
    jf_ref op = it->op;
    it->op = 0;
    it->self->ops->finish(it->self->ops->context, op, JF_OK, &it->answer, NULL);
}

/** The answer at once, or, every other time, from the loop. */
GOOD int32_t good_answer(jf_self *self, jf_ref op, jf_blob *out, jf_blob answer) {
    *out = answer;
    bool comes_later = self->asked++ % 2 == 1 && JF_HAS(self->loop, post) && JF_HAS(self->ops, finish);
    for (uint32_t i = 0; comes_later && i < 256; i++) {
        later *it = &self->later[i];
        if (it->op != 0) continue;
        *it = (later){self, op, answer};
        if (self->loop->post(self->loop->context, good_finish, it) != JF_OK) {
            it->op = 0;
            return JF_OK;
        }
        *out = (jf_blob){0};
        return JF_PENDING;
    }
    return JF_OK;
}

GOOD jf_blob good_text(const char *text) {
    return (jf_blob){(const uint8_t *)text, strlen(text), NULL, NULL};
}

/** What is open ends here. */
GOOD void good_stop(jf_self *self) {
    jf_fault why = {.size = sizeof why, .code = JF_E_GONE};
    good_refuse(&why, JF_E_GONE, "it stops");
    for (uint32_t i = 0; i < 256; i++) {
        jf_blob nothing = {0};
        jf_ref op = self->later[i].op;
        self->later[i].op = 0;
        if (op != 0) self->ops->finish(self->ops->context, op, JF_E_GONE, &nothing, &why);
        if (op != 0 && self->later[i].answer.drop != NULL)
            self->later[i].answer.drop(self->later[i].answer.owner);
    }
}

/* ---- auth, credentials, policy ---- */

GOOD int32_t good_identify(jf_self *self, jf_ref op, jf_ref handle, const jf_credentials *it,
                           jf_blob *principal, jf_fault *why) {
    if (!good_handle(self, handle)) return good_refuse(why, JF_E_STALE, "no such provider");
    if (it->field_count == 0) return JF_ABSENT;
    if (it->fields[0].value.len > 100) return good_refuse(why, JF_E_DENIED, "this is no key");
    return good_answer(self, op, principal, good_text("{\"subject\":\"alice\"}"));
}

GOOD int32_t good_describe(jf_self *self, jf_ref handle, jf_blob *description, jf_fault *why) {
    (void)self, (void)handle, (void)why;
    return good_give(description, "{\"scopes_supported\":[\"mcp\"]}");
}

GOOD int32_t good_supply(jf_self *self, jf_ref op, jf_ref handle, const jf_demand *it, jf_blob *supply,
                         jf_fault *why) {
    if (!good_handle(self, handle)) return good_refuse(why, JF_E_STALE, "no such server");
    if (it->refused == JF_STATUS_FORBIDDEN) return good_refuse(why, JF_E_DENIED, "it was refused");
    return good_answer(self, op, supply, good_text("{\"headers\":{\"X-Key\":\"k\"}}"));
}

GOOD int32_t good_decide(jf_self *self, jf_ref op, jf_ref handle, const jf_access *it, jf_ruling *ruling,
                         jf_fault *why) {
    if (!good_handle(self, handle)) return good_refuse(why, JF_E_STALE, "no such policy");
    jf_blob answer;
    ruling->decision = it->principal->id == 0 ? JF_DENY : JF_ALLOW;
    ruling->rule = good_view("rules[0]");
    return good_answer(
        self, op, &answer,
        good_text(it->principal->id == 0 ? "{\"decision\":\"deny\"}" : "{\"decision\":\"allow\"}"));
}

GOOD int32_t good_review(jf_self *self, jf_ref op, jf_ref handle, const jf_access *const *accesses,
                         uint64_t count, jf_blob *decisions, jf_fault *why) {
    (void)handle, (void)why;
    uint8_t *bytes = malloc(count + 1);
    if (bytes == NULL) return JF_E_BUSY;
    for (uint64_t i = 0; i < count; i++)
        bytes[i] = accesses[i]->principal->id == 0 ? JF_HIDE : JF_ALLOW;
    return good_answer(self, op, decisions, (jf_blob){bytes, count, bytes, free});
}

GOOD int32_t good_classify(jf_self *self, jf_ref handle, const jf_principal *principal, jf_blob *name,
                           jf_fault *why) {
    (void)self, (void)handle, (void)why;
    return good_give(name, principal->id == 0 ? "nobody" : "somebody");
}

/* ---- filter: leaves the number of each call, and cuts the first byte of a body and puts it back ---- */

GOOD int32_t good_request(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *it, jf_blob *verdict,
                          jf_fault *why) {
    if (!good_handle(self, handle)) return good_refuse(why, JF_E_STALE, "no such filter");
    struct {
        jf_verdict head;
        jf_splice splice;
        uint8_t text[8];
    } *made = calloc(1, sizeof *made);
    if (made == NULL) return JF_E_BUSY;
    made->head = (jf_verdict){JF_SPLICE, 1, it->call};
    made->splice = (jf_splice){0, 1, 1};
    made->text[0] = it->body.ptr[0];
    return good_answer(self, op, verdict, (jf_blob){(uint8_t *)made, sizeof *made, made, free});
}

GOOD int32_t good_result(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *it, jf_blob *verdict,
                         jf_fault *why) {
    if (!good_handle(self, handle)) return good_refuse(why, JF_E_STALE, "no such filter");
    if (it->memory != 0 && it->memory != it->call) return good_refuse(why, JF_E_FAULT, "not what was left");
    return good_answer(self, op, verdict, (jf_blob){0});
}

GOOD void good_ended(jf_self *self, jf_ref handle, const jf_passed *it) {
    (void)self, (void)handle;
    if (it->memory != it->call) abort();
}

/* ---- store ---- */

GOOD bool good_key(jf_view key) {
    return key.len > 0 && key.len <= JF_STORE_KEY_MOST;
}

GOOD kept *good_find(jf_self *self, jf_view key, bool makes) {
    kept *room = NULL;
    for (uint32_t i = 0; i < KEYS_MOST; i++) {
        kept *it = &self->kept[i];
        if (!it->used) room = it;
        if (it->used && !it->is_limit && it->key_len == key.len && memcmp(it->key, key.ptr, key.len) == 0)
            return it;
    }
    if (!makes || room == NULL) return NULL;
    *room = (kept){.used = true, .key_len = key.len};
    memcpy(room->key, key.ptr, key.len);
    return room;
}

GOOD void good_drop(kept *it) {
    free(it->value);
    *it = (kept){0};
}

/** Appends an entry to an answer. */
GOOD void good_entry(jf_blob *out, const kept *it, bool whole) {
    jf_store_entry head = {it->revision, 0, (uint32_t)it->key_len, whole ? (uint32_t)it->value_len : 0};
    uint64_t size = (sizeof head + head.key_len + head.value_len + 7) / 8 * 8;
    uint8_t *bytes = realloc(out->owner, out->len + size);
    if (bytes == NULL) abort();
    memset(bytes + out->len, 0, size);
    memcpy(bytes + out->len, &head, sizeof head);
    memcpy(bytes + out->len + sizeof head, it->key, head.key_len);
    if (head.value_len > 0) memcpy(bytes + out->len + sizeof head + head.key_len, it->value, head.value_len);
    *out = (jf_blob){bytes, out->len + size, bytes, free};
}

GOOD int32_t good_get(jf_self *self, jf_ref op, jf_view key, jf_blob *entry, jf_fault *why) {
    (void)op;
    if (!good_key(key)) return good_refuse(why, JF_E_INVALID, "a key has 1 to 1024 bytes");
    kept *it = good_find(self, key, false);
    if (it == NULL) return JF_ABSENT;
    good_entry(entry, it, true);
    return JF_OK;
}

GOOD void good_told(jf_self *self, const kept *it) {
    if (self->watch != 0 && JF_HAS(self->watches, changed))
        self->watches->changed(self->watches->context, self->watch, (jf_view){it->key, it->key_len},
                               it->revision);
}

GOOD int32_t good_put(jf_self *self, jf_ref op, const jf_store_put *put, jf_blob *entry, jf_fault *why) {
    (void)op;
    if (!good_key(put->key) || put->value.len > JF_STORE_VALUE_MOST || put->flags > JF_STORE_MATCH ||
        put->ttl_ms > JF_STORE_TTL_MOST)
        return good_refuse(why, JF_E_INVALID, "the put is outside of its bounds");
    kept *it = good_find(self, put->key, false);
    if ((put->flags & JF_STORE_CREATE) != 0 && it != NULL) return good_refuse(why, JF_E_STALE, "it is there");
    if ((put->flags & JF_STORE_MATCH) != 0 && (it == NULL || it->revision != put->revision))
        return good_refuse(why, JF_E_STALE, "it has another revision");
    if (it == NULL) it = good_find(self, put->key, true);
    if (it == NULL) return good_refuse(why, JF_E_BUSY, "it is full");
    free(it->value);
    it->value = malloc(put->value.len + 1);
    if (it->value == NULL) abort();
    if (put->value.len > 0) memcpy(it->value, put->value.ptr, put->value.len);
    it->value_len = put->value.len;
    it->is_counter = false;
    it->revision = ++self->revision;
    good_entry(entry, it, false);
    good_told(self, it);
    return JF_OK;
}

GOOD int32_t good_remove(jf_self *self, jf_ref op, jf_view key, uint64_t revision, jf_blob *entry,
                         jf_fault *why) {
    (void)op, (void)entry;
    if (!good_key(key)) return good_refuse(why, JF_E_INVALID, "a key has 1 to 1024 bytes");
    kept *it = good_find(self, key, false);
    if (it == NULL) return JF_ABSENT;
    if (revision != 0 && revision != it->revision) return good_refuse(why, JF_E_STALE, "another revision");
    good_told(self, it);
    good_drop(it);
    return JF_OK;
}

GOOD int32_t good_entries(jf_self *self, jf_ref op, const jf_store_list *list, jf_blob *entries,
                          jf_fault *why) {
    (void)op;
    if (list->most == 0 || list->most > JF_STORE_LIST_MOST)
        return good_refuse(why, JF_E_INVALID, "a list has 1 to 1000 entries");
    for (uint32_t i = 0; i < KEYS_MOST; i++) { /* in any order: no case looks at it */
        const kept *it = &self->kept[i];
        if (it->used && !it->is_limit && it->key_len >= list->prefix.len &&
            memcmp(it->key, list->prefix.ptr, list->prefix.len) == 0)
            good_entry(entries, it, true);
    }
    return entries->len > 0 ? JF_OK : JF_ABSENT;
}

GOOD int32_t good_add(jf_self *self, jf_ref op, const jf_store_add *add, jf_blob *entry, jf_fault *why) {
    (void)op;
    int64_t sum = 0;
    if (!good_key(add->key)) return good_refuse(why, JF_E_INVALID, "a key has 1 to 1024 bytes");
    kept *it = good_find(self, add->key, false);
    if (it == NULL && add->delta == 0) return JF_ABSENT;
    if (it != NULL && !it->is_counter) return good_refuse(why, JF_E_INVALID, "it is no counter");
    if (it != NULL) memcpy(&sum, it->value, sizeof sum);
    if (__builtin_add_overflow(sum, add->delta, &sum))
        return good_refuse(why, JF_E_INVALID, "the sum does not fit");
    if (it == NULL) it = good_find(self, add->key, true);
    if (it == NULL) return good_refuse(why, JF_E_BUSY, "it is full");
    it->is_counter = true;
    if (it->value == NULL) it->value = malloc(sizeof sum);
    if (it->value == NULL) abort();
    memcpy(it->value, &sum, sizeof sum);
    it->value_len = sizeof sum;
    it->revision = ++self->revision;
    good_entry(entry, it, true);
    return JF_OK;
}

GOOD kept *good_limit(jf_self *self, const jf_store_limit *limit) {
    kept *room = NULL;
    for (uint32_t i = 0; i < KEYS_MOST; i++) {
        kept *it = &self->kept[i];
        if (!it->used) room = it;
        if (it->used && it->is_limit && it->kind == limit->kind && it->period_ms == limit->period_ms &&
            it->key_len == limit->key.len && memcmp(it->key, limit->key.ptr, it->key_len) == 0)
            return it;
    }
    if (room == NULL) abort();
    *room = (kept){.used = true,
                   .is_limit = true,
                   .kind = limit->kind,
                   .period_ms = limit->period_ms,
                   .key_len = limit->key.len};
    memcpy(room->key, limit->key.ptr, limit->key.len);
    return room;
}

/** Periods that never end: no case waits for one. */
GOOD int32_t good_take(jf_self *self, jf_ref op, const jf_store_limit *limits, uint64_t count,
                       jf_blob *verdicts, jf_fault *why) {
    (void)op;
    bool fits = true;
    if (count == 0 || count > JF_STORE_TAKE_MOST) return good_refuse(why, JF_E_INVALID, "1 to 16 limits");
    for (uint64_t i = 0; i < count; i++)
        if (!good_key(limits[i].key) || limits[i].kind > JF_LIMIT_FIXED || limits[i].period_ms == 0)
            return good_refuse(why, JF_E_INVALID, "a limit is outside of its bounds");
    jf_store_verdict *said = calloc(count, sizeof *said);
    if (said == NULL) return JF_E_BUSY;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t most = limits[i].kind == JF_LIMIT_BUCKET ? limits[i].burst : limits[i].rate;
        said[i].fits = good_limit(self, &limits[i])->taken + limits[i].cost <= most;
        said[i].retry_ms = said[i].fits ? 0 : 1000;
        fits = fits && said[i].fits;
    }
    for (uint64_t i = 0; i < count; i++) {
        kept *it = good_limit(self, &limits[i]);
        if (fits) it->taken += limits[i].cost;
        said[i].left = (limits[i].kind == JF_LIMIT_BUCKET ? limits[i].burst : limits[i].rate) - it->taken;
    }
    *verdicts = (jf_blob){(uint8_t *)said, count * sizeof *said, said, free};
    return JF_OK;
}

GOOD int32_t good_watch(jf_self *self, jf_ref watch, jf_view prefix, jf_fault *why) {
    (void)prefix;
    if (self->watch != 0) return good_refuse(why, JF_E_BUSY, "one watch is open");
    self->watch = watch;
    return JF_OK;
}

GOOD void good_unwatch(jf_self *self, jf_ref watch) {
    if (self->watch == watch) self->watch = 0;
}

/* ---- life ---- */

GOOD int32_t good_create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return good_refuse(why, JF_E_BUSY, "out of memory");
    self->ops = good_service(offer, JF_OPS_1);
    self->loop = good_service(offer, JF_LOOP_1);
    self->watches = good_service(offer, JF_WATCHES_1);
    if (self->ops == NULL || self->loop == NULL || self->watches == NULL) {
        free(self);
        return good_refuse(why, JF_E_UNSUPPORTED, "it needs jf.ops/1, jf.loop/1 and jf.watches/1");
    }
    *out = self;
    return JF_OK;
}

GOOD void good_destroy(jf_self *self) {
    for (uint32_t i = 0; i < KEYS_MOST; i++)
        free(self->kept[i].value);
    free(self);
}

#define MANIFEST                                                                                             \
    "{\"id\":\"gallery\",\"version\":\"1.0.0\",\"abi\":\"1.1\",\"facets\":[\"jf.auth/1\","                   \
    "\"jf.credentials/1\",\"jf.policy/1\",\"jf.filter/1\",\"jf.store/1\"],\"requires\":[\"jf.ops/1\","       \
    "\"jf.loop/1\",\"jf.watches/1\"],\"threads\":\"per-loop\",\"config\":" CLOSED                            \
    ",\"auth\":{\"provider\":\"gallery\",\"fields\":[\"authorization\"],\"config\":" CLOSED                  \
    "},\"credentials\":{\"source\":\"gallery\",\"config\":" CLOSED                                           \
    "},\"policy\":{\"policy\":\"gallery\",\"config\":" CLOSED                                                \
    "},\"filter\":{\"filter\":\"gallery\",\"config\":" CLOSED "},\"store\":{\"kind\":\"gallery\"}}"

/* A macro, so that it is made behind what replaces a slot. */
#define ACCESS_TABLES                                                                                        \
    static const jf_auth_1 auth_table = {.size = sizeof auth_table,                                          \
                                         .attach = good_attach,                                              \
                                         .detach = good_detach,                                              \
                                         .identify = IDENTIFY,                                               \
                                         .describe = DESCRIBE};                                              \
    static const jf_credentials_1 credentials_table = {                                                      \
        .size = sizeof credentials_table, .attach = good_attach, .detach = good_detach, .supply = SUPPLY};   \
    static const jf_policy_1 policy_table = {.size = sizeof policy_table,                                    \
                                             .attach = good_attach,                                          \
                                             .detach = good_detach,                                          \
                                             .decide = DECIDE,                                               \
                                             .review = REVIEW,                                               \
                                             .classify = CLASSIFY};                                          \
    static const jf_filter_1 filter_table = {.size = sizeof filter_table,                                    \
                                             .attach = good_attach,                                          \
                                             .detach = good_detach,                                          \
                                             .request = REQUEST,                                             \
                                             .result = RESULT,                                               \
                                             .ended = ENDED};                                                \
    static const jf_store_1 store_table = {.size = sizeof store_table,                                       \
                                           .get = good_get,                                                  \
                                           .put = PUT,                                                       \
                                           .remove = good_remove,                                            \
                                           .list = good_entries,                                             \
                                           .add = good_add,                                                  \
                                           .take = TAKE,                                                     \
                                           .watch = good_watch,                                              \
                                           .unwatch = UNWATCH}

#define ACCESS_FACET                                                                                         \
    static const void *access_facet(jf_self *self, const char *id) {                                         \
        ACCESS_TABLES;                                                                                       \
        (void)self;                                                                                          \
        if (strcmp(id, JF_AUTH_1) == 0) return &auth_table;                                                  \
        if (strcmp(id, JF_CREDENTIALS_1) == 0) return &credentials_table;                                    \
        if (strcmp(id, JF_POLICY_1) == 0) return &policy_table;                                              \
        if (strcmp(id, JF_FILTER_1) == 0) return &filter_table;                                              \
        return strcmp(id, JF_STORE_1) == 0 ? &store_table : NULL;                                            \
    }
#define FACET access_facet

#endif
