/* SPDX-License-Identifier: Apache-2.0
 * A store as the suite sees it: one instance, whose slots are called and waited for. */
#ifndef STORE_CLIENT_H
#define STORE_CLIENT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "jf_check.h"
#include "jf_mock.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

/** How long an operation may take until the test gives up. */
enum { PATIENCE_MS = 15000 };

/** What a plugin needs around it; each test program defines one. */
typedef struct rig {
    void (*begin)(void);            /**< starts the backend with nothing in it; also after `end` */
    void (*end)(void);              /**< ends it and removes what it left */
    const char *(*config)(void);    /**< of an instance */
    const char *(*impatient)(void); /**< of one that waits half a second for an answer; with `stall` */
    void (*crash)(void);            /**< kill -9 of the backend; NULL: there is none */
    void (*restart)(void);          /**< and up again, with what it kept */
    void (*cut)(void);              /**< breaks every connection; NULL: there are none */
    void (*stall)(bool stalled);    /**< the backend accepts and says nothing; NULL: cannot be had */
    bool is_shared;                 /**< several processes see one store */
    bool is_remote;                 /**< it can be down */
} rig;

static const rig *the_rig;

typedef struct answer {
    int32_t status;
    jf_store_entry entry; /**< the first one */
    jf_view key, value;
    const char *bytes; /**< all of it */
    uint64_t length;
    const char *why;
    uint32_t flags; /**< of the fault */
    jf_store_verdict verdicts[JF_STORE_TAKE_MOST];
    uint32_t count; /**< entries or verdicts */
} answer;

static jf_view view(const char *text) {
    return jf_mock_view(text);
}
static jf_view bytes_of(const void *bytes, size_t length) {
    return (jf_view){bytes, length};
}
static bool same(jf_view a, jf_view b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, (size_t)a.len) == 0);
}

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static jf_mock *begin_with(const char *config) {
    jf_mock *mock = jf_mock_new();
    CHECK(jf_mock_up(mock, jf_check_plugin, config), "the plugin does not start");
    return mock;
}
static jf_mock *begin(void) {
    return begin_with(the_rig->config());
}
static void end(jf_mock *mock) {
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

static answer result_of(jf_mock *mock, jf_ref op, bool verdicts) {
    answer it = {0};
    bool over = jf_mock_wait_op(mock, op, PATIENCE_MS);
    CHECK(over, "an operation does not end");
    jf_mock_op state = jf_mock_op_at(mock, op);
    it.status = state.status;
    it.why = state.why;
    it.flags = state.fault.flags;
    it.bytes = state.result;
    it.length = state.length;
    if (state.status < 0) CHECK(state.why != NULL && strlen(state.why) > 10, "no sentence");
    if (state.status != JF_OK || it.bytes == NULL) return it;
    if (verdicts) {
        it.count = (uint32_t)(it.length / sizeof it.verdicts[0]);
        memcpy(it.verdicts, it.bytes, (size_t)it.length);
        return it;
    }
    uint64_t offset = 0;
    jf_store_entry entry;
    jf_view key, value;
    while (jf_mock_store_next(it.bytes, it.length, &offset, &entry, &key, &value)) {
        CHECK(entry.revision != 0, "an entry without revision");
        if (it.count++ > 0) continue;
        it.entry = entry;
        it.key = key;
        it.value = value;
    }
    CHECK(offset == it.length, "bytes behind the last entry");
    return it;
}

static answer get(jf_mock *mock, jf_view key) {
    return result_of(mock, jf_mock_store_get(mock, key), false);
}

static answer put_with(jf_mock *mock, jf_view key, jf_view value, uint32_t flags, uint64_t revision,
                       uint64_t ttl_ms) {
    jf_store_put it = {sizeof it, flags, revision, ttl_ms, key, value};
    answer got = result_of(mock, jf_mock_store_put(mock, &it), false);
    if (got.status == JF_OK) {
        CHECK(got.count == 1 && got.value.len == 0 && same(got.key, key), "put answers no entry of its key");
        CHECK((got.entry.expires_ms == 0) == (ttl_ms == 0), "the end of a put is wrong");
    }
    return got;
}
static answer put(jf_mock *mock, const char *key, const char *value) {
    return put_with(mock, view(key), view(value), 0, 0, 0);
}

static answer remove_at(jf_mock *mock, jf_view key, uint64_t revision) {
    answer got = result_of(mock, jf_mock_store_remove(mock, key, revision), false);
    CHECK(got.bytes == NULL, "remove answers an entry");
    return got;
}

static answer list_from(jf_mock *mock, jf_view prefix, jf_view after, uint64_t most, uint32_t flags) {
    jf_store_list it = {sizeof it, flags, most, prefix, after};
    return result_of(mock, jf_mock_store_list(mock, &it), false);
}

static answer add_for(jf_mock *mock, const char *key, int64_t delta, uint64_t ttl_ms) {
    jf_store_add it = {sizeof it, 0, delta, ttl_ms, view(key)};
    return result_of(mock, jf_mock_store_add(mock, &it), false);
}
static answer add(jf_mock *mock, const char *key, int64_t delta) {
    return add_for(mock, key, delta, 0);
}
static int64_t number(answer it) {
    int64_t sum = INT64_MIN + 1;
    CHECK(it.value.len == 8, "a counter of %u bytes", (unsigned)it.value.len);
    if (it.value.len == 8) memcpy(&sum, it.value.ptr, 8);
    return sum;
}

static answer take(jf_mock *mock, const jf_store_limit *limits, uint64_t count) {
    answer got = result_of(mock, jf_mock_store_take(mock, limits, count), true);
    if (got.status == JF_OK)
        CHECK(got.count == count, "%u verdicts for %u limits", got.count, (unsigned)count);
    return got;
}

static jf_store_limit limit(const char *key, uint32_t kind, uint64_t burst, uint64_t rate, uint64_t period_ms,
                            uint64_t cost) {
    return (jf_store_limit){view(key), kind, 0, burst, rate, period_ms, cost};
}

/** Calls `done` until it is true, with the loop running in between; false after `timeout_ms`. */
static bool until(jf_mock *mock, bool (*done)(jf_mock *mock, void *user), void *user, uint64_t timeout_ms) {
    uint64_t last = now_ms() + timeout_ms;
    while (!done(mock, user)) {
        if (now_ms() > last) return false;
        jf_mock_run_until(mock, NULL, NULL, 5);
    }
    return true;
}

#endif
