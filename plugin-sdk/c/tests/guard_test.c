/* SPDX-License-Identifier: Apache-2.0
 * Tests of jackfield/text.h, jackfield/principals.h and jackfield/splice.h. */
#include "jf_check.h"

#include <jackfield/principals.h>
#include <jackfield/splice.h>

static bool is(const jf_blob *blob, const char *text) {
    return blob->len == strlen(text) && memcmp(blob->ptr, text, blob->len) == 0;
}

TEST(writes_text) {
    jf_text it = {0};
    jf_blob blob;
    jf_text_put(&it, "{");
    jf_text_member(&it, "a", jf_view_of("x\"\n"));
    jf_text_member(&it, "none", (jf_view){NULL, 0});
    jf_text_key(&it, "n");
    jf_text_number(&it, -12);
    jf_view two[] = {jf_view_of("1"), jf_view_of("2")};
    jf_text_members(&it, "l", two, 2);
    jf_text_members(&it, "e", two, 0);
    jf_text_put(&it, "}");
    REQUIRE(jf_text_give(&it, &blob) == JF_OK, "memory");
    CHECK(is(&blob, "{\"a\":\"x\\\"\\n\",\"n\":-12,\"l\":[\"1\",\"2\"]}"), "%.*s", (int)blob.len, blob.ptr);
    blob.drop(blob.owner);
    CHECK(it.bytes == NULL && it.len == 0, "given away");
    CHECK(jf_text_room(&it, UINT64_MAX / 2) == NULL && it.failed, "more than there can be");
    jf_text_put(&it, "later");
    CHECK(jf_text_give(&it, &blob) == JF_E_BUSY, "said at the end");
}

TEST(asks_principals) {
    const jf_view roles[] = {jf_view_of("reader"), jf_view_of("admin")}, scopes[] = {jf_view_of("mcp")};
    jf_principal who = {.size = sizeof who,
                        .id = 1,
                        .subject = jf_view_of("s"),
                        .attributes = jf_view_of("{\"mail\":{\"work\":\"a@b\"}}"),
                        .roles = roles,
                        .role_count = 2,
                        .scopes = scopes,
                        .scope_count = 1};
    jf_json_value mail;
    CHECK(jf_has_role(&who, "admin") && !jf_has_role(&who, "adm") && !jf_has_role(NULL, "admin"), "roles");
    CHECK(jf_has_scope(&who, "mcp") && !jf_has_scope(&who, ""), "scopes");
    CHECK(jf_is_known(&who) && !jf_is_known(NULL), "known");
    CHECK(jf_attribute(&who, "/mail/work", &mail) && jf_json_is(&mail, jf_view_of("a@b")), "an attribute");
    CHECK(!jf_attribute(&who, "/phone", &mail), "none");
    jf_blob out;
    who.expires_ms = 17;
    REQUIRE(jf_principal_write(&who, 0, &out) == JF_OK, "memory");
    CHECK(is(&out, "{\"subject\":\"s\",\"roles\":[\"reader\",\"admin\"],\"scopes\":[\"mcp\"],"
                   "\"attributes\":{\"mail\":{\"work\":\"a@b\"}},\"expires_ms\":17,\"keep_ms\":0}"),
          "%.*s", (int)out.len, out.ptr);
    out.drop(out.owner);
}

TEST(reads_bearer_tokens) {
    static const struct {
        const char *name, *value;
        int32_t status;
    } cases[] = {{"authorization", "Bearer abc", JF_OK},    {"authorization", "bEARER  abc \t", JF_OK},
                 {"authorization", "Bearer", JF_ABSENT},    {"authorization", "Bearer  ", JF_E_INVALID},
                 {"authorization", "Bearerabc", JF_ABSENT}, {"authorization", "Basic abc", JF_ABSENT},
                 {"authorization", "", JF_ABSENT},          {"x-authorization", "Bearer abc", JF_ABSENT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jf_pair pairs[2] = {{jf_view_of("host"), jf_view_of("h")},
                            {jf_view_of(cases[i].name), jf_view_of(cases[i].value)}};
        jf_view token = {0};
        CHECK(jf_bearer(pairs, 2, &token) == cases[i].status, "case %zu", i);
        CHECK(cases[i].status != JF_OK || jf_view_is(token, "abc"), "case %zu", i);
    }
    jf_pair both[2] = {{jf_view_of("authorization"), jf_view_of("Bearer a")},
                       {jf_view_of("authorization"), jf_view_of("Bearer a")}};
    jf_view token;
    CHECK(jf_bearer(both, 2, &token) == JF_E_INVALID && jf_bearer(NULL, 0, &token) == JF_ABSENT, "two, none");
    CHECK(jf_same_secret(jf_view_of("ab"), jf_view_of("ab")) &&
              !jf_same_secret(jf_view_of("ab"), jf_view_of("a")) &&
              !jf_same_secret(jf_view_of("abab"), jf_view_of("ab")) &&
              !jf_same_secret(jf_view_of("ab"), jf_view_of("")),
          "secrets");
}

/** The body with the verdict's splices applied, as a host does it. */
static const char *applied(const char *body, const jf_blob *verdict) {
    static char out[256];
    jf_verdict head;
    uint64_t at = sizeof head, done = 0, size = 0;
    memcpy(&head, verdict->ptr, sizeof head);
    for (uint32_t i = 0; i < head.count; i++) {
        jf_splice it;
        memcpy(&it, verdict->ptr + at, sizeof it);
        at += sizeof it;
        memcpy(out + size, body + done, it.start - done);
        size += it.start - done;
        memcpy(out + size, verdict->ptr + at, it.len);
        size += it.len;
        at += (it.len + 7) / 8 * 8;
        done = it.end;
    }
    strcpy(out + size, body + done);
    return at == verdict->len ? out : "the verdict has another length";
}

TEST(splices) {
    static const char body[] = "{\"name\":\"t\",\"arguments\":{ \"a\" : 1, \"b\":\"x\",\"c\":{}}}";
    jf_json_value root, arguments, a, b, c;
    jf_blob verdict = {0};
    REQUIRE(jf_json_read(jf_view_of(body), &root) && jf_member(jf_view_of(body), "arguments", &arguments),
            "JSON");
    jf_view raw = jf_json_raw(&arguments);
    REQUIRE(jf_member(raw, "a", &a) && jf_member(raw, "b", &b) && jf_member(raw, "c", &c), "members");
    CHECK(!jf_member(raw, "d", &c) && !jf_member((jf_view){NULL, 0}, "a", &c), "none");
    REQUIRE(jf_member(raw, "c", &c), "members");
    jf_changes it = {.body = jf_view_of(body)};
    it.body.ptr = root.ptr;
    jf_change_add(&it, &c, "deep", jf_view_of("true")); /* in any order */
    jf_change_text(&it, &b, jf_view_of("y\"z"));
    jf_change(&it, jf_json_raw(&a), jf_view_of("[2]"));
    jf_change_add(&it, &arguments, "d", jf_view_of("4"));
    jf_change_add(&it, &arguments, "e", jf_view_of("5"));
    jf_change_add(&it, &c, "more", jf_view_of("null"));
    REQUIRE(jf_changes_give(&it, 5, &verdict) == JF_OK, "memory");
    CHECK(strcmp(applied(body, &verdict), "{\"name\":\"t\",\"arguments\":{ \"a\" : [2], \"b\":\"y\\\"z\","
                                          "\"c\":{\"deep\":true,\"more\":null},\"d\":4,\"e\":5}}") == 0,
          "%s", applied(body, &verdict));
    verdict.drop(verdict.owner);
}

TEST(says_nothing_where_nothing_changes) {
    jf_blob verdict = {0};
    jf_changes it = {.body = jf_view_of("{}")};
    CHECK(jf_changes_give(&it, 0, &verdict) == JF_OK && verdict.ptr == NULL, "absent");
    CHECK(jf_changes_give(&it, 3, &verdict) == JF_OK && verdict.len == sizeof(jf_verdict), "a memory");
    verdict.drop(verdict.owner);
    CHECK(jf_answer_give(jf_view_of("{}"), 0, &verdict) == JF_OK && verdict.len == sizeof(jf_verdict) + 2,
          "an answer");
    verdict.drop(verdict.owner);
}

TEST(keeps_a_result_with_changes_or_without) {
    static const char body[] = "{\"a\":1}";
    jf_json_value a;
    jf_blob verdict = {0};
    jf_changes it = {.body = jf_view_of(body)};
    REQUIRE(jf_member(jf_view_of(body), "a", &a), "a member");
    jf_change(&it, jf_json_raw(&a), jf_view_of("22"));
    REQUIRE(jf_spill_give(&it, 5, 6, jf_view_of("{\"content\":[]}"), &verdict) == JF_OK, "memory");
    const size_t spill = sizeof(jf_verdict) + sizeof(jf_spill) + 16;
    CHECK(verdict.len == spill + sizeof(jf_splice) + 8 &&
              ((const jf_verdict *)(const void *)verdict.ptr)->count == 1,
          "%llu bytes", (unsigned long long)verdict.len);
    CHECK(memcmp(verdict.ptr + sizeof(jf_verdict) + sizeof(jf_spill), "{\"content\":[]}\0\0", 16) == 0 &&
              memcmp(verdict.ptr + spill + sizeof(jf_splice), "22", 2) == 0,
          "what is in it");
    verdict.drop(verdict.owner);
    CHECK(jf_spill_give(&it, 5, 6, jf_view_of("{}"), &verdict) == JF_OK &&
              verdict.len == sizeof(jf_verdict) + sizeof(jf_spill) + 8,
          "nothing changed");
    verdict.drop(verdict.owner);
}

TEST(refuses_changes_that_overlap) {
    static const char body[] = "{\"a\":{\"b\":1}}";
    jf_json_value a, b;
    jf_blob verdict = {0};
    REQUIRE(jf_member(jf_view_of(body), "a", &a) && jf_member(jf_json_raw(&a), "b", &b), "members");
    jf_changes it = {.body = jf_view_of(body)};
    jf_change(&it, jf_json_raw(&a), jf_view_of("1"));
    jf_change(&it, jf_json_raw(&b), jf_view_of("2"));
    CHECK(jf_changes_give(&it, 0, &verdict) == JF_E_FAULT && verdict.ptr == NULL, "one within the other");
    it = (jf_changes){.body = jf_view_of(body)};
    jf_change(&it, jf_view_of("elsewhere"), jf_view_of("2"));
    CHECK(jf_changes_give(&it, 0, &verdict) == JF_E_FAULT, "not in the body");
    it = (jf_changes){.body = jf_view_of(body)};
    for (int i = 0; i <= JF_CHANGES_MOST; i++)
        jf_change_add(&it, &a, "x", jf_view_of("1"));
    CHECK(jf_changes_give(&it, 0, &verdict) == JF_E_FAULT, "too many");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
