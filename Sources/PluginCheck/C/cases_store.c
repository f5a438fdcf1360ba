/* SPDX-License-Identifier: Apache-2.0
 * Cases: the facet jf.store/1. Keys begin with text of this run, so that others' are left alone. */
#include "check.h"
#include <unistd.h>

#define PATIENCE_MS 4000u

/* A store in use. */
typedef struct shop {
    check *c;
    check_host *h;
    const jf_store_1 *store;
    char prefix[64];
} shop;

static bool open_shop(check *c, shop *it) {
    *it = (shop){.c = c, .h = check_up(c)};
    if (it->h == NULL) return false;
    it->store = jf_mock_facet(it->h->mock, JF_STORE_1);
    snprintf(it->prefix, sizeof it->prefix, "check/%d/%llx/", (int)getpid(),
             (unsigned long long)check_random(c));
    return true;
}

static void close_shop(shop *it) {
    check_host_free(it->h);
}

static jf_view key_of(shop *it, const char *name) {
    char key[128];
    snprintf(key, sizeof key, "%s%s", it->prefix, name);
    return check_lend_text(it->c, "a key", key);
}

static check_op *begin(shop *it) {
    return check_begin(it->h, JF_HAS(it->store, cancel) ? it->store->cancel : NULL);
}

/* Ends a use of a slot: waits, and reports a store that cannot be used at all. */
static int32_t over(shop *it, check_op *op, const char *slot, int32_t status, jf_blob *answer,
                    const jf_fault *why) {
    check_leave(it->h);
    check_return(it->c);
    bool may_be_absent = true;
    check_answered(it->h, op, slot, may_be_absent, status, answer, why);
    if (!check_ended(it->h, op)) return JF_E_TIMEOUT;
    if (op->status == JF_OK && op->length % 8 != 0)
        check_fail(it->c, "Fill entries up to a multiple of 8.", "an answer of %s has %llu bytes", slot,
                   (unsigned long long)op->length);
    return op->status;
}

#define USE(name)                                                                                            \
    check_op *op = begin(it);                                                                                \
    jf_blob answer = {0};                                                                                    \
    jf_fault why = {.size = sizeof why};                                                                     \
    check_enter(it->h, name)

static int32_t get(shop *it, jf_view key, check_op **out) {
    USE("get");
    int32_t status = it->store->get(it->h->mock->self, op->ref, key, &answer, &why);
    *out = op;
    return over(it, op, "get", status, &answer, &why);
}

static int32_t put(shop *it, const jf_store_put *given, check_op **out) {
    jf_view place = check_lend(it->c, "the put", given, sizeof *given);
    USE("put");
    int32_t status = it->store->put(it->h->mock->self, op->ref, (const jf_store_put *)(const void *)place.ptr,
                                    &answer, &why);
    *out = op;
    return over(it, op, "put", status, &answer, &why);
}

static int32_t remove_key(shop *it, jf_view key, uint64_t revision) {
    USE("remove");
    int32_t status = it->store->remove(it->h->mock->self, op->ref, key, revision, &answer, &why);
    return over(it, op, "remove", status, &answer, &why);
}

static int32_t list(shop *it, const jf_store_list *given, check_op **out) {
    jf_view place = check_lend(it->c, "the list", given, sizeof *given);
    USE("list");
    int32_t status = it->store->list(it->h->mock->self, op->ref,
                                     (const jf_store_list *)(const void *)place.ptr, &answer, &why);
    *out = op;
    return over(it, op, "list", status, &answer, &why);
}

static int32_t add(shop *it, const jf_store_add *given, check_op **out) {
    jf_view place = check_lend(it->c, "the add", given, sizeof *given);
    USE("add");
    int32_t status = it->store->add(it->h->mock->self, op->ref, (const jf_store_add *)(const void *)place.ptr,
                                    &answer, &why);
    *out = op;
    return over(it, op, "add", status, &answer, &why);
}

static int32_t take(shop *it, const jf_store_limit *limits, uint64_t count, check_op **out) {
    jf_view place = check_lend(it->c, "the limits", limits, count * sizeof *limits);
    USE("take");
    int32_t status = it->store->take(it->h->mock->self, op->ref,
                                     (const jf_store_limit *)(const void *)place.ptr, count, &answer, &why);
    *out = op;
    return over(it, op, "take", status, &answer, &why);
}

/* The entry at `*at` of an answer. False at its end, or where it is malformed, which is reported. */
static bool next(shop *it, const check_op *op, uint64_t *at, jf_store_entry *entry, jf_view *key,
                 jf_view *value) {
    if (*at >= op->length) return false;
    uint64_t left = op->length - *at;
    if (left >= sizeof *entry) memcpy(entry, op->result + *at, sizeof *entry);
    uint64_t size =
        left < sizeof *entry ? UINT64_MAX : sizeof *entry + entry->key_len + (uint64_t)entry->value_len;
    if (size > left || entry->revision == 0) {
        check_fail(it->c, "Write whole entries, with a revision.",
                   "the entry at byte %llu of an answer is malformed", (unsigned long long)*at);
        return false;
    }
    const uint8_t *text = (const uint8_t *)op->result + *at + sizeof *entry;
    *key = (jf_view){text, entry->key_len};
    *value = (jf_view){text + entry->key_len, entry->value_len};
    *at += (size + 7) / 8 * 8;
    return true;
}

/* The revision of the one entry that is answered; 0: reported. */
static uint64_t entry_of(shop *it, const check_op *op, const char *value) {
    jf_store_entry entry;
    jf_view key, bytes;
    uint64_t at = 0;
    if (!next(it, op, &at, &entry, &key, &bytes)) {
        check_fail(it->c, "Answer the entry.", "an answer has no entry");
        return 0;
    }
    if (value != NULL && (bytes.len != strlen(value) || memcmp(bytes.ptr, value, bytes.len) != 0))
        check_fail(it->c, "Keep the value as it is.", "a value came back changed");
    return entry.revision;
}

/* Whether the store works at all; else the case is skipped: its service may not be there. */
static bool works(shop *it) {
    check_op *op;
    int32_t status = get(it, key_of(it, "none"), &op);
    if (status == JF_ABSENT || check_failed(it->c)) return !check_failed(it->c);
    if (status == JF_OK)
        check_fail(it->c, "Answer JF_ABSENT for keys that nobody put.", "it has a key that nobody put");
    else
        check_skip(it->c, "it cannot be used: %d %s", (int)status, check_text(&op->why));
    return false;
}

#define EXPECT(wanted, what, ...)                                                                            \
    do {                                                                                                     \
        int32_t got = (__VA_ARGS__);                                                                         \
        if (got != (wanted) && !check_failed(c))                                                             \
            check_fail(c, "See jackfield/store.h.", "%s is answered %d instead of %d", what, (int)got,       \
                       (int)(wanted));                                                                       \
    } while (0)

static jf_store_put a_put(shop *it, const char *key, const char *value, uint32_t flags, uint64_t revision) {
    return (jf_store_put){.size = sizeof(jf_store_put),
                          .flags = flags,
                          .revision = revision,
                          .ttl_ms = 60000,
                          .key = key_of(it, key),
                          .value = check_lend_text(it->c, "a value", value)};
}

static int32_t put_text(shop *it, const char *key, const char *value, uint32_t flags, uint64_t revision,
                        uint64_t *made) {
    check_op *op;
    jf_store_put given = a_put(it, key, value, flags, revision);
    int32_t status = put(it, &given, &op);
    if (status == JF_OK) *made = entry_of(it, op, NULL);
    return status;
}

static void entries(check *c) {
    shop it;
    check_op *op;
    uint64_t first = 0, second = 0;
    if (!open_shop(c, &it)) return;
    if (works(&it)) {
        EXPECT(JF_OK, "a first put with JF_STORE_CREATE",
               put_text(&it, "a", "one", JF_STORE_CREATE, 0, &first));
        EXPECT(JF_E_STALE, "a second put with JF_STORE_CREATE",
               put_text(&it, "a", "two", JF_STORE_CREATE, 0, &second));
        EXPECT(JF_OK, "a get of what was put", get(&it, key_of(&it, "a"), &op));
        if (!check_failed(c) && entry_of(&it, op, "one") != first)
            check_fail(c, "A revision stays until the next change.", "get tells another revision than put");
        EXPECT(JF_E_STALE, "a put with JF_STORE_MATCH of another revision",
               put_text(&it, "a", "two", JF_STORE_MATCH, first + 1, &second));
        EXPECT(JF_OK, "a put with JF_STORE_MATCH of its revision",
               put_text(&it, "a", "two", JF_STORE_MATCH, first, &second));
        if (!check_failed(c) && second <= first)
            check_fail(c, "Each change gives a greater revision.", "a change gave no greater revision");
        EXPECT(JF_OK, "a put without a condition", put_text(&it, "b", "", 0, 0, &first));
        jf_store_list which = {.size = sizeof which, .most = 10, .prefix = key_of(&it, "")};
        EXPECT(JF_OK, "a list of what was put", list(&it, &which, &op));
        jf_store_entry entry;
        jf_view key, value;
        uint64_t at = 0, count = 0;
        while (!check_failed(c) && next(&it, op, &at, &entry, &key, &value))
            count++;
        if (count != 2 && !check_failed(c))
            check_fail(c, "List each key that begins so, once.", "a list of two keys has %llu",
                       (unsigned long long)count);
        EXPECT(JF_E_STALE, "a remove of another revision", remove_key(&it, key_of(&it, "a"), second + 7));
        EXPECT(JF_OK, "a remove of its revision", remove_key(&it, key_of(&it, "a"), second));
        EXPECT(JF_ABSENT, "a remove of what is gone", remove_key(&it, key_of(&it, "a"), 0));
        EXPECT(JF_ABSENT, "a get of what is gone", get(&it, key_of(&it, "a"), &op));
        EXPECT(JF_OK, "a remove without a condition", remove_key(&it, key_of(&it, "b"), 0));
        which.prefix = key_of(&it, "");
        EXPECT(JF_ABSENT, "a list of nothing", list(&it, &which, &op));
    }
    close_shop(&it);
}

static int32_t count_by(shop *it, int64_t delta, int64_t *sum) {
    check_op *op;
    jf_store_add what = {.size = sizeof what, .delta = delta, .ttl_ms = 60000, .key = key_of(it, "counter")};
    int32_t status = add(it, &what, &op);
    jf_store_entry entry;
    jf_view key, value;
    uint64_t at = 0;
    if (status == JF_OK && next(it, op, &at, &entry, &key, &value) && value.len == sizeof *sum)
        memcpy(sum, value.ptr, sizeof *sum);
    return status;
}

static void counts(check *c) {
    shop it;
    int64_t sum = 0;
    if (!open_shop(c, &it)) return;
    if (works(&it)) {
        EXPECT(JF_ABSENT, "an add of 0 to a counter that is not there", count_by(&it, 0, &sum));
        EXPECT(JF_OK, "a first add", count_by(&it, 5, &sum));
        EXPECT(JF_OK, "an add below 0", count_by(&it, -8, &sum));
        if (sum != -3 && !check_failed(c))
            check_fail(c, "Answer the sum, an int64_t.", "5 and -8 make %lld", (long long)sum);
        EXPECT(JF_OK, "an add down to the least int64_t", count_by(&it, INT64_MIN + 3, &sum));
        EXPECT(JF_E_INVALID, "an add that overflows", count_by(&it, -1, &sum));
        EXPECT(JF_OK, "a remove of a counter", remove_key(&it, key_of(&it, "counter"), 0));
    }
    close_shop(&it);
}

static void limits(check *c) {
    shop it;
    check_op *op;
    jf_store_verdict said[2];
    if (!open_shop(c, &it)) return;
    if (works(&it)) {
        for (int i = 0; i < 3 && !check_failed(c); i++) {
            jf_store_limit both[2] = {{.key = key_of(&it, "bucket"),
                                       .kind = JF_LIMIT_BUCKET,
                                       .burst = 2000,
                                       .rate = 1000,
                                       .period_ms = 86400000,
                                       .cost = 1000},
                                      {.key = key_of(&it, "window"),
                                       .kind = JF_LIMIT_FIXED,
                                       .rate = 9000,
                                       .period_ms = 31536000000u,
                                       .cost = 1000}};
            EXPECT(JF_OK, "a take from two limits", take(&it, both, 2, &op));
            if (check_failed(c)) break;
            if (op->length != sizeof said) {
                check_fail(c, "Answer one jf_store_verdict for each limit.",
                           "a take of two limits has %llu bytes", (unsigned long long)op->length);
                break;
            }
            memcpy(said, op->result, sizeof said);
            if (said[0].fits != (i < 2) || said[1].fits != 1)
                check_fail(c, "Count each limit by itself.",
                           "take %d of a bucket of two fits %u, beside it %u", i + 1, said[0].fits,
                           said[1].fits);
            else if (i == 2 && (said[0].retry_ms == 0 || said[1].left != 7000))
                check_fail(c, "Take from all limits or from none.",
                           "after a take that does not fit: retry in %u ms, %llu left beside it",
                           said[0].retry_ms, (unsigned long long)said[1].left);
        }
    }
    close_shop(&it);
}

/* What a caller should never send, and what it may. */
static void hostile(check *c) {
    shop it;
    check_op *op;
    c->guarded = true;
    if (!open_shop(c, &it)) return;
    if (works(&it)) {
        uint8_t *large = mock_allocate(JF_STORE_VALUE_MOST + 1);
        uint64_t revision;
        memset(large, 0xff, JF_STORE_VALUE_MOST + 1);
        memcpy(large, it.prefix, strlen(it.prefix));
        jf_view longest = check_lend(c, "a key", large, JF_STORE_KEY_MOST + 1), none = {NULL, 0};
        EXPECT(JF_E_INVALID, "a get of a key of 1025 bytes", get(&it, longest, &op));
        EXPECT(JF_E_INVALID, "a get of an empty key", get(&it, check_lend_text(c, "a key", ""), &op));
        EXPECT(JF_E_INVALID, "a get of an absent key", get(&it, none, &op));
        EXPECT(JF_E_INVALID, "a remove of an absent key", remove_key(&it, none, 0));
        jf_store_put given = a_put(&it, "v", "", 0, 0);
        given.value = check_lend(c, "a value", large, JF_STORE_VALUE_MOST + 1);
        EXPECT(JF_E_INVALID, "a put of 1 MiB and a byte", put(&it, &given, &op));
        given = a_put(&it, "v", "x", JF_STORE_CREATE | JF_STORE_MATCH, 1);
        EXPECT(JF_E_INVALID, "a put with both conditions", put(&it, &given, &op));
        given = a_put(&it, "v", "x", 0, 0);
        given.ttl_ms = JF_STORE_TTL_MOST + 1;
        EXPECT(JF_E_INVALID, "a put for more than ten years", put(&it, &given, &op));
        jf_store_list which = {.size = sizeof which, .most = 0, .prefix = key_of(&it, "")};
        EXPECT(JF_E_INVALID, "a list of at most 0 entries", list(&it, &which, &op));
        which.prefix = key_of(&it, "");
        which.most = JF_STORE_LIST_MOST + 1;
        EXPECT(JF_E_INVALID, "a list of at most 1001 entries", list(&it, &which, &op));
        jf_store_limit limit = {.key = key_of(&it, "l"), .kind = 99, .rate = 1, .period_ms = 1};
        EXPECT(JF_E_INVALID, "a take of a kind that is none", take(&it, &limit, 1, &op));
        limit = (jf_store_limit){.key = key_of(&it, "l"), .kind = JF_LIMIT_FIXED, .rate = 1, .period_ms = 0};
        EXPECT(JF_E_INVALID, "a take with a period of 0", take(&it, &limit, 1, &op));
        EXPECT(JF_E_INVALID, "a take from no limits", take(&it, &limit, 0, &op));
        /* Any bytes are a key, and any are a value. */
        given = a_put(&it, "v", "", 0, 0);
        memcpy(large + strlen(it.prefix), "\0\xff\xfe\n", 4);
        given.key = check_lend(c, "a key", large, strlen(it.prefix) + 4);
        given.value = check_lend(c, "a value", large, 70000);
        EXPECT(JF_OK, "a put of a key and a value of any bytes", put(&it, &given, &op));
        EXPECT(JF_OK, "a get of a key of any bytes",
               get(&it, check_lend(c, "a key", large, strlen(it.prefix) + 4), &op));
        jf_store_entry entry;
        jf_view key, value;
        uint64_t at = 0;
        if (!check_failed(c) && next(&it, op, &at, &entry, &key, &value) &&
            (value.len != 70000 || memcmp(value.ptr, large, 70000) != 0))
            check_fail(c, "Keep the value as it is.", "a value of 70000 bytes came back changed");
        EXPECT(JF_OK, "a remove of a key of any bytes",
               remove_key(&it, check_lend(c, "a key", large, strlen(it.prefix) + 4), 0));
        EXPECT(JF_OK, "a put of an empty value", put_text(&it, "v", "", 0, 0, &revision));
        EXPECT(JF_OK, "a remove of it", remove_key(&it, key_of(&it, "v"), 0));
        free(large);
    }
    close_shop(&it);
}

static bool was_told(void *user) {
    check_host *h = user;
    return atomic_load(&h->told) > 0;
}

static void watches(check *c) {
    shop it;
    uint64_t revision;
    if (!open_shop(c, &it)) return;
    check_host *h = it.h;
    if (!JF_HAS(it.store, watch) || !JF_HAS(it.store, unwatch)) {
        check_skip(c, "it tells of no changes");
    } else if (works(&it)) {
        jf_fault *why = jf_mock_fault(h->mock);
        h->watch = (uint64_t)0x77 << 32 | 1;
        check_enter(h, "watch");
        int32_t status = it.store->watch(h->mock->self, h->watch, key_of(&it, ""), why);
        check_leave(h);
        check_return(c);
        if (status == JF_E_UNSUPPORTED) {
            check_skip(c, "it tells of no changes");
        } else if (status != JF_OK) {
            check_why(h, "watch", status, why);
            check_fail(c, "Answer JF_OK, JF_E_UNSUPPORTED or JF_E_BUSY.", "watch answered %d: %s",
                       (int)status, check_text(why));
        } else {
            EXPECT(JF_OK, "a put of a watched key", put_text(&it, "w", "x", 0, 0, &revision));
            if (!check_failed(c) && !jf_mock_run_until(h->mock, was_told, h, PATIENCE_MS))
                check_fail(c, "Tell of each change that a watch covers.",
                           "a change of a watched key is not told within %u s", PATIENCE_MS / 1000);
            check_enter(h, "unwatch");
            it.store->unwatch(h->mock->self, h->watch);
            check_leave(h);
            mock_lock(h->mock);
            h->watch = 0; /* from here on it is a failure */
            mock_unlock(h->mock);
            EXPECT(JF_OK, "a put after unwatch", put_text(&it, "w", "y", 0, 0, &revision));
            EXPECT(JF_OK, "a remove after unwatch", remove_key(&it, key_of(&it, "w"), 0));
            jf_mock_settle(h->mock);
        }
    }
    close_shop(&it);
}

/* Many at once; callers leave, and the instance ends, with some of them open. */
static void busy(check *c, bool cancels) {
    shop shop_, *it = &shop_;
    check_op *ops[64];
    uint32_t pending = 0;
    if (!open_shop(c, it)) return;
    if (works(it)) {
        for (uint32_t i = 0; i < 64; i++) {
            char name[16];
            snprintf(name, sizeof name, "%u", i);
            jf_view key = key_of(it, name);
            USE("get");
            int32_t status = it->store->get(it->h->mock->self, op->ref, key, &answer, &why);
            check_leave(it->h);
            check_return(c);
            check_answered(it->h, op, "get", true, status, &answer, &why);
            ops[i] = op;
            if (op->open) pending++;
        }
        for (uint32_t i = 0; cancels && i < 64; i++)
            if (i % 2 == 0) check_cancel(it->h, ops[i], JF_E_GONE);
        for (uint32_t i = 0; cancels && i < 64 && !check_failed(c); i++)
            check_ended(it->h, ops[i]);
        if (pending == 0) check_skip(c, "it answers everything at once");
    }
    close_shop(it);
}

static void cancel(check *c) {
    busy(c, true);
}
static void stop(check *c) {
    busy(c, false);
}

CHECK_GROUP(store, {"store.entries", "what is put is found, and only then", JF_STORE_1, entries, false},
            {"store.counts", "counters count, and do not overflow", JF_STORE_1, counts, false},
            {"store.limits", "limits let through what fits, all or nothing", JF_STORE_1, limits, false},
            {"store.hostile", "what is outside of its bounds is refused; any bytes are keys and values",
             JF_STORE_1, hostile, false},
            {"store.watches", "changes are told, until unwatch", JF_STORE_1, watches, false},
            {"store.cancel", "operations that nobody waits for are finished", JF_STORE_1, cancel, false},
            {"store.stop", "what is open at the end is finished", JF_STORE_1, stop, false}, );
