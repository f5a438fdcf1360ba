/* SPDX-License-Identifier: Apache-2.0
 * Tests of jackfield/host.h. */
#include "jf_check.h"

#include <jackfield/host.h>

typedef struct table {
    uint32_t size, flags;
    void *context;
    uint64_t old, added;
} table;

static table offered;

static const void *service(const jf_host *host, const char *id) {
    (void)host;
    return strcmp(id, "a/1") == 0 ? &offered : NULL;
}

TEST(takes_tables_of_either_age) {
    const jf_offer offer = {.size = sizeof offer, .service = service};
    table mine = {0};
    CHECK(!jf_attach(&offer, "b/1", &mine, sizeof mine) && mine.size == 0, "a service that is not there");
    offered = (table){.size = sizeof offered, .old = 1, .added = 2};
    CHECK(jf_attach(&offer, "a/1", &mine, sizeof mine) && mine.old == 1 && mine.added == 2, "the same age");
    mine = (table){.added = 9};
    CHECK(jf_attach(&offer, "a/1", &mine, offsetof(table, added)) && mine.old == 1 && mine.added == 9,
          "a newer host: no byte more than there is room for");
    offered.size = offsetof(table, added);
    mine = (table){.added = 9};
    CHECK(!jf_attach(&offer, "a/1", &mine, sizeof mine) && mine.old == 1 && mine.added == 9,
          "an older host: what it has, and that it is not all");
}

TEST(says_why) {
    char much[400];
    jf_fault why = {.size = sizeof why, .retry_ms = 7};
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = 0;
    CHECK(jf_fault_set(&why, JF_E_BUSY, JF_FAULT_PUBLIC, "%u of %u", 3u, 4u) == JF_E_BUSY, "the code");
    CHECK(why.code == JF_E_BUSY && why.flags == JF_FAULT_PUBLIC && why.retry_ms == 0, "its members");
    CHECK(why.text_len == 6 && memcmp(why.text, "3 of 4", 6) == 0, "%s", why.text);
    jf_fault_set(&why, JF_E_FAULT, 0, "%s", much);
    CHECK(why.text_len == sizeof why.text - 1 && why.text[why.text_len] == 0, "%u bytes", why.text_len);
    CHECK(jf_fault_set(NULL, JF_E_GONE, 0, "nobody") == JF_E_GONE, "nobody asks");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
