/* SPDX-License-Identifier: Apache-2.0
 * Cases of every store: values, conditions, ends, lists, counters. */
#ifndef STORE_CASES_ENTRIES_H
#define STORE_CASES_ENTRIES_H

#include "client.h"

TEST(keeps_and_forgets) {
    jf_mock *mock = begin();
    CHECK(get(mock, view("k/1")).status == JF_ABSENT, "there is something in an empty store");
    answer made = put(mock, "k/1", "one");
    CHECK(made.status == JF_OK, "put: %s", made.why);
    answer got = get(mock, view("k/1"));
    CHECK(got.status == JF_OK && same(got.key, view("k/1")) && same(got.value, view("one")), "another value");
    CHECK(got.entry.revision == made.entry.revision && got.entry.expires_ms == 0, "another entry");
    CHECK(put(mock, "k/1", "").status == JF_OK, "an empty value");
    got = get(mock, view("k/1"));
    CHECK(got.status == JF_OK && got.value.len == 0 && got.entry.revision > made.entry.revision, "not empty");
    CHECK(remove_at(mock, view("k/1"), 0).status == JF_OK, "not removed");
    CHECK(remove_at(mock, view("k/1"), 0).status == JF_ABSENT, "removed twice");
    CHECK(get(mock, view("k/1")).status == JF_ABSENT, "still there");
    end(mock);
}

TEST(keys_and_values_of_any_bytes) {
    jf_mock *mock = begin();
    static uint8_t longest[JF_STORE_KEY_MOST], all[512], big[JF_STORE_VALUE_MOST];
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * i >> 8);
    const jf_view keys[] = {
        bytes_of("\0", 1),         bytes_of("\0\0", 2),       bytes_of("\xff", 1),
        bytes_of("\xff\xff\0", 3), bytes_of("a\0b", 3),       bytes_of("'; drop -- %s $1 \\", 18),
        bytes_of("*[?]", 4),       bytes_of("\r\n$5\r\n", 6), bytes_of(longest, sizeof longest)};
    enum { COUNT = sizeof keys / sizeof keys[0] };
    for (size_t i = 0; i < COUNT; i++) {
        answer made = put_with(mock, keys[i], i % 2 ? bytes_of(all, sizeof all) : keys[i], 0, 0, 0);
        CHECK(made.status == JF_OK, "key %zu: %s", i, made.why);
    }
    for (size_t i = 0; i < COUNT; i++) {
        answer got = get(mock, keys[i]);
        CHECK(got.status == JF_OK && same(got.value, i % 2 ? bytes_of(all, sizeof all) : keys[i]), "key %zu",
              i);
    }
    answer made = put_with(mock, view("big"), bytes_of(big, sizeof big), 0, 0, 0);
    CHECK(made.status == JF_OK, "1 MiB: %s", made.why);
    answer got = get(mock, view("big"));
    CHECK(got.status == JF_OK && same(got.value, bytes_of(big, sizeof big)), "1 MiB came back otherwise");
    for (size_t i = 0; i < COUNT; i++)
        CHECK(remove_at(mock, keys[i], 0).status == JF_OK, "key %zu is not removed", i);
    CHECK(remove_at(mock, view("big"), 0).status == JF_OK, "1 MiB is not removed");
    end(mock);
}

#define REFUSED(expression)                                                                                  \
    do {                                                                                                     \
        answer it = (expression);                                                                            \
        CHECK(it.status == JF_E_INVALID, "%d", (int)it.status);                                              \
        CHECK((it.flags & JF_FAULT_NOT_STARTED) != 0, "it may have been started");                           \
    } while (0)

TEST(refuses_what_is_out_of_bounds) {
    jf_mock *mock = begin();
    static uint8_t bytes[JF_STORE_VALUE_MOST + 1];
    jf_view huge = bytes_of(bytes, JF_STORE_KEY_MOST + 1), none = {NULL, 0}, empty = {bytes, 0};
    jf_view k = view("k"), v = view("v");
    REFUSED(get(mock, none));
    REFUSED(get(mock, empty));
    REFUSED(get(mock, huge));
    REFUSED(put_with(mock, empty, v, 0, 0, 0));
    REFUSED(put_with(mock, huge, v, 0, 0, 0));
    REFUSED(put_with(mock, k, none, 0, 0, 0));
    REFUSED(put_with(mock, k, bytes_of(bytes, sizeof bytes), 0, 0, 0));
    REFUSED(put_with(mock, k, v, 0, 0, JF_STORE_TTL_MOST + 1));
    REFUSED(put_with(mock, k, v, 0, 0, UINT64_MAX));
    REFUSED(put_with(mock, k, v, JF_STORE_CREATE | JF_STORE_MATCH, 1, 0));
    REFUSED(put_with(mock, k, v, JF_STORE_MATCH, 0, 0));
    REFUSED(put_with(mock, k, v, 1u << 16, 0, 0));
    REFUSED(remove_at(mock, empty, 0));
    REFUSED(remove_at(mock, huge, 1));
    REFUSED(list_from(mock, none, none, 0, 0));
    REFUSED(list_from(mock, none, none, JF_STORE_LIST_MOST + 1, 0));
    REFUSED(list_from(mock, huge, none, 1, 0));
    REFUSED(list_from(mock, none, huge, 1, 0));
    REFUSED(list_from(mock, none, none, 1, 1u << 31));
    REFUSED(add(mock, "", 1));
    REFUSED(add_for(mock, "k", 1, JF_STORE_TTL_MOST + 1));
    CHECK(get(mock, k).status == JF_ABSENT, "something was kept");
    end(mock);
}

TEST(conditions) {
    jf_mock *mock = begin();
    jf_view k = view("cond");
    CHECK(put_with(mock, k, view("x"), JF_STORE_MATCH, 7, 0).status == JF_E_STALE, "matches nothing");
    answer first = put_with(mock, k, view("1"), JF_STORE_CREATE, 0, 0);
    CHECK(first.status == JF_OK, "create: %s", first.why);
    answer again = put_with(mock, k, view("2"), JF_STORE_CREATE, 0, 0);
    CHECK(again.status == JF_E_STALE && again.bytes == NULL, "created twice");
    CHECK(same(get(mock, k).value, view("1")), "a refused put changed the value");
    answer second = put_with(mock, k, view("2"), JF_STORE_MATCH, first.entry.revision, 0);
    CHECK(second.status == JF_OK && second.entry.revision > first.entry.revision, "match: %s", second.why);
    CHECK(put_with(mock, k, view("3"), JF_STORE_MATCH, first.entry.revision, 0).status == JF_E_STALE,
          "matched an old revision");
    CHECK(put_with(mock, k, view("3"), JF_STORE_MATCH, second.entry.revision + 1, 0).status == JF_E_STALE,
          "matched a future revision");
    CHECK(put_with(mock, k, view("3"), JF_STORE_MATCH, UINT64_MAX, 0).status == JF_E_STALE,
          "matched the last");
    CHECK(remove_at(mock, k, first.entry.revision).status == JF_E_STALE, "removed by an old revision");
    CHECK(same(get(mock, k).value, view("2")), "a refused remove changed the value");
    CHECK(remove_at(mock, k, second.entry.revision).status == JF_OK, "not removed by its revision");
    CHECK(remove_at(mock, k, second.entry.revision).status == JF_ABSENT, "removed twice");
    end(mock);
}

static bool gone(jf_mock *mock, void *user) {
    return get(mock, *(jf_view *)user).status == JF_ABSENT;
}

TEST(revisions_only_rise) {
    jf_mock *mock = begin();
    jf_view k = view("rise");
    uint64_t last = 0;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 3; i++) {
            answer made = put_with(mock, k, view("v"), 0, 0, i == 2 && round % 2 ? 20 : 0);
            CHECK(made.status == JF_OK && made.entry.revision > last, "%" PRIu64 " after %" PRIu64,
                  made.entry.revision, last);
            last = made.entry.revision;
        }
        if (round % 2)
            CHECK(until(mock, gone, &k, PATIENCE_MS), "does not expire");
        else
            CHECK(remove_at(mock, k, 0).status == JF_OK, "is not removed");
    }
    answer counter = add(mock, "rise", 1);
    CHECK(counter.status == JF_OK && counter.entry.revision > last, "a counter begins behind");
    last = counter.entry.revision;
    counter = add(mock, "rise", 1);
    CHECK(counter.entry.revision > last, "a counter stands");
    remove_at(mock, k, 0);
    end(mock);
}

TEST(ends) {
    jf_mock *mock = begin();
    jf_view k = view("ttl/a"), stays = view("ttl/b");
    answer made = put_with(mock, k, view("v"), 0, 0, 150);
    CHECK(made.status == JF_OK, "put: %s", made.why);
    put_with(mock, stays, view("v"), 0, 0, 40);
    answer cleared = put(mock, "ttl/b", "w");
    CHECK(cleared.entry.expires_ms == 0, "the end stays with a put without one");
    answer far = put_with(mock, view("ttl/c"), view("v"), 0, 0, JF_STORE_TTL_MOST);
    CHECK(far.status == JF_OK && far.entry.expires_ms > made.entry.expires_ms + JF_STORE_TTL_MOST / 2, "%s",
          far.why);
    CHECK(get(mock, view("ttl/c")).entry.expires_ms == far.entry.expires_ms, "another end");
    CHECK(until(mock, gone, &k, PATIENCE_MS), "does not expire");
    CHECK(get(mock, stays).status == JF_OK, "expired though its end was taken back");
    answer listed = list_from(mock, view("ttl/"), (jf_view){NULL, 0}, 10, 0);
    CHECK(listed.count == 2 && same(listed.key, stays), "%u listed", listed.count);
    CHECK(remove_at(mock, k, made.entry.revision).status == JF_ABSENT, "an expired entry was removed");
    CHECK(put_with(mock, k, view("x"), JF_STORE_MATCH, made.entry.revision, 0).status == JF_E_STALE,
          "an expired entry was matched");
    answer next = put_with(mock, k, view("x"), JF_STORE_CREATE, 0, 0);
    CHECK(next.status == JF_OK && next.entry.revision > made.entry.revision, "not created after its end");
    CHECK(get(mock, k).entry.expires_ms == 0, "it has an end again");
    remove_at(mock, k, 0), remove_at(mock, stays, 0), remove_at(mock, view("ttl/c"), 0);
    end(mock);
}

/* Walks all keys with a prefix; checks their order. Returns how many there are; the answers in *pages. */
static uint32_t walk(jf_mock *mock, jf_view prefix, uint64_t most, uint32_t flags, uint32_t *pages) {
    uint8_t last[JF_STORE_KEY_MOST];
    jf_view after = {NULL, 0};
    uint32_t count = 0;
    *pages = 0;
    for (;;) {
        answer page = list_from(mock, prefix, after, most, flags);
        CHECK(page.status == JF_OK || page.status == JF_ABSENT, "list: %s", page.why);
        if (page.status != JF_OK || page.count == 0) return count;
        CHECK(page.count <= most, "%u entries instead of %u", page.count, (unsigned)most);
        CHECK(page.length <= JF_STORE_LIST_BYTES || page.count == 1, "%u bytes", (unsigned)page.length);
        (*pages)++;
        uint64_t offset = 0;
        jf_store_entry entry;
        jf_view key, value;
        while (jf_mock_store_next(page.bytes, page.length, &offset, &entry, &key, &value)) {
            uint64_t common = key.len < after.len ? key.len : after.len;
            int order = after.ptr == NULL ? 1 : memcmp(key.ptr, after.ptr, (size_t)common);
            CHECK(order > 0 || (order == 0 && key.len > after.len), "keys out of order");
            CHECK(key.len >= prefix.len &&
                      (prefix.len == 0 || memcmp(key.ptr, prefix.ptr, (size_t)prefix.len) == 0),
                  "a key without the prefix");
            if (flags & JF_STORE_KEYS) CHECK(value.len == 0, "a value");
            memcpy(last, key.ptr, (size_t)key.len);
            after = (jf_view){last, key.len};
            count++;
        }
    }
}

TEST(lists_in_order) {
    jf_mock *mock = begin();
    const jf_view keys[] = {
        bytes_of("p\0", 2),   bytes_of("p\0\0", 3),     bytes_of("p\x01", 2),         bytes_of("p", 1),
        bytes_of("p\xff", 2), bytes_of("p\xff\xff", 3), bytes_of("p\xff\xff\x01", 4), bytes_of("q", 1),
        bytes_of("\xff", 1),  bytes_of("\xff\xff", 2),  bytes_of("\xff\xff\xff", 3),  bytes_of("o\xff", 2),
        bytes_of("P", 1),     bytes_of("pp", 2),        bytes_of("\xc3\xa9", 2)};
    enum { COUNT = sizeof keys / sizeof keys[0] };
    for (size_t i = 0; i < COUNT; i++)
        put_with(mock, keys[(i * 7) % COUNT], view("value"), 0, 0, 0);
    jf_view none = {NULL, 0};
    uint32_t pages;
    CHECK(walk(mock, none, 1000, 0, &pages) == COUNT && pages == 1, "not all keys");
    CHECK(walk(mock, none, 1, 0, &pages) == COUNT && pages == COUNT, "not all keys one by one");
    CHECK(walk(mock, none, 4, JF_STORE_KEYS, &pages) == COUNT, "not all keys by four");
    CHECK(walk(mock, view("p"), 2, 0, &pages) == 8, "keys with p");
    CHECK(walk(mock, bytes_of("p\0", 2), 9, 0, &pages) == 2, "keys with p 00");
    CHECK(walk(mock, bytes_of("p\xff", 2), 9, 0, &pages) == 3, "keys with p ff");
    CHECK(walk(mock, bytes_of("p\xff\xff", 3), 9, 0, &pages) == 2, "keys with p ff ff");
    CHECK(walk(mock, bytes_of("\xff", 1), 2, 0, &pages) == 3, "keys with ff");
    CHECK(walk(mock, bytes_of("\xff\xff\xff\xff", 4), 9, 0, &pages) == 0, "keys with ff ff ff ff");
    answer page = list_from(mock, view("p"), view("a"), 1, 0);
    CHECK(same(page.key, view("p")) && same(page.value, view("value")), "`after` in front of the prefix");
    CHECK(list_from(mock, view("p"), view("q"), 1, 0).status == JF_ABSENT, "`after` behind the prefix");
    CHECK(same(list_from(mock, none, bytes_of("\xff", 1), 1, JF_STORE_KEYS).key, bytes_of("\xff\xff", 2)),
          "after ff");
    for (size_t i = 0; i < COUNT; i++)
        remove_at(mock, keys[i], 0);
    CHECK(list_from(mock, none, none, 1, 0).status == JF_ABSENT, "an empty store lists something");
    end(mock);
}

TEST(lists_many_and_large) {
    jf_mock *mock = begin();
    static uint8_t big[700000];
    char key[32];
    uint32_t pages;
    enum { MANY = 2300, LARGE = 9 };
    jf_ref last = 0;
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "many/%05d", (i * 1009) % MANY);
        jf_store_put it = {sizeof it, 0, 0, 0, view(key), view("x")};
        last = jf_mock_store_put(mock, &it);
        if (i % 64 == 63) jf_mock_wait_op(mock, last, PATIENCE_MS);
    }
    jf_mock_wait_op(mock, last, PATIENCE_MS);
    CHECK(walk(mock, view("many/"), 1000, 0, &pages) == MANY && pages == 3, "not all of many");
    for (int i = 0; i < LARGE; i++) {
        snprintf(key, sizeof key, "large/%d", i);
        CHECK(put_with(mock, view(key), bytes_of(big, sizeof big), 0, 0, 0).status == JF_OK, "large");
    }
    CHECK(walk(mock, view("large/"), 1000, 0, &pages) == LARGE && pages == 2, "large ones: %u pages", pages);
    CHECK(walk(mock, view("large/"), 1000, JF_STORE_KEYS, &pages) == LARGE && pages == 1, "large keys");
    for (int i = 0; i < LARGE; i++) {
        snprintf(key, sizeof key, "large/%d", i);
        remove_at(mock, view(key), 0);
    }
    end(mock);
}

TEST(counters) {
    jf_mock *mock = begin();
    CHECK(add(mock, "n", 0).status == JF_ABSENT, "reading made a counter");
    answer it = add(mock, "n", 5);
    CHECK(it.status == JF_OK && number(it) == 5, "%s", it.why);
    CHECK(number(add(mock, "n", -12)) == -7, "not -7");
    answer read = add(mock, "n", 0), same_one = add(mock, "n", 0);
    CHECK(number(read) == -7 && read.entry.revision == same_one.entry.revision, "reading changed it");
    answer got = get(mock, view("n"));
    CHECK(number(got) == -7 && got.entry.revision == read.entry.revision, "get knows it otherwise");
    CHECK(number(list_from(mock, view("n"), (jf_view){NULL, 0}, 5, 0)) == -7, "list knows it otherwise");
    CHECK(number(add(mock, "top", INT64_MAX)) == INT64_MAX, "not the greatest");
    CHECK(add(mock, "top", 1).status == JF_E_INVALID, "too large a sum");
    CHECK(number(add(mock, "top", 0)) == INT64_MAX, "a refused sum changed it");
    CHECK(number(add(mock, "top", -1)) == INT64_MAX - 1, "not exact");
    CHECK(number(add(mock, "low", INT64_MIN)) == INT64_MIN, "not the least");
    CHECK(add(mock, "low", -1).status == JF_E_INVALID, "too small a sum");
    put(mock, "text", "12345678");
    CHECK(add(mock, "text", 1).status == JF_E_INVALID, "a value was counted");
    CHECK(same(get(mock, view("text")).value, view("12345678")), "a refused sum changed a value");
    put(mock, "n", "now a value");
    CHECK(same(get(mock, view("n")).value, view("now a value")), "put does not replace a counter");
    CHECK(add(mock, "n", 1).status == JF_E_INVALID, "it is still a counter");
    remove_at(mock, view("n"), 0);
    CHECK(number(add(mock, "n", 1)) == 1, "it does not begin at 0 again");
    answer lives = add_for(mock, "short", 1, 200), later = add_for(mock, "short", 1, 100000);
    CHECK(lives.entry.expires_ms != 0 && later.entry.expires_ms == lives.entry.expires_ms, "its end moved");
    jf_view k = view("short");
    CHECK(until(mock, gone, &k, PATIENCE_MS), "a counter does not expire");
    CHECK(number(add(mock, "short", 1)) == 1, "it does not begin at 0 after its end");
    const char *all[] = {"n", "top", "low", "text", "short"};
    for (int i = 0; i < 5; i++)
        CHECK(remove_at(mock, view(all[i]), 0).status == JF_OK, "%s is not removed", all[i]);
    end(mock);
}

#endif
