/* SPDX-License-Identifier: Apache-2.0
 * filter-transform: declared changes of arguments, results and _meta. */
#include "filter/drive.h"

TEST(arguments) {
    filter it = up("{\"arguments\":{\"rename\":{\"old\":\"new\"},\"remove\":[\"x\"],\"set\":{\"k\":[1]},"
                   "\"defaults\":{\"d\":null,\"k\":2}}}");
    SAYS(request_of(&it, "{\"name\":\"t\",\"arguments\":{\"old\":1,\"x\":2,\"k\":3,\"y\":{\"x\":1}}}"),
         "{\"name\":\"t\",\"arguments\":{\"new\":1,\"y\":{\"x\":1},\"k\":[1],\"d\":null}}");
    SAYS(request_of(&it, "{\"arguments\":{\"\\u006fld\":1,\"new\":2,\"d\":3}}"),
         "{\"arguments\":{\"new\":2,\"d\":3,\"k\":[1]}}");
    SAYS(request_of(&it, "{\"name\":\"t\"}"), "{\"name\":\"t\",\"arguments\":{\"k\":[1],\"d\":null}}");
    SAYS(request_of(&it, "{ }"), "{ \"arguments\":{\"k\":[1],\"d\":null}}");
    CHECK(request_of(&it, "{\"arguments\":[]}").status == JF_E_INVALID, "a list passed");
    down(&it);
}

TEST(what_needs_no_change_stays) {
    filter it = up("{\"arguments\":{\"rename\":{\"a\":\"b\"},\"remove\":[\"x\"]}}");
    outcome got = request_of(&it, "{\"name\":\"t\",\"arguments\":{\"y\":1}}");
    CHECK(got.decision == JF_PASS, "%s", got.text);
    SAYS(request_of(&it, "{\"name\":\"t\"}"), "{\"name\":\"t\"}");
    down(&it);
}

TEST(meta) {
    filter it = up("{\"arguments\":{\"set\":{\"k\":1}},\"meta\":{\"subject\":true,\"tenant\":true,"
                   "\"gateway\":\"g \\\"1\\\"\"}}");
    jf_principal who = {.size = sizeof who, .id = 7, .subject = view("ann\n"), .tenant = view("acme")};
    jf_passage shown = passage("{\"_meta\":{\"jackfield/subject\":\"forged\",\"other\":1},\"arguments\":{}}");
    shown.principal = &who;
    SAYS(show(&it, &shown, false),
         "{\"_meta\":{\"other\":1,\"jackfield/subject\":\"ann\\n\",\"jackfield/tenant\":\"acme\","
         "\"jackfield/gateway\":\"g \\\"1\\\"\"},\"arguments\":{\"k\":1}}");
    shown.body = view("{}");
    SAYS(show(&it, &shown, false),
         "{\"arguments\":{\"k\":1},\"_meta\":{\"jackfield/subject\":\"ann\\n\",\"jackfield/tenant\":\"acme\","
         "\"jackfield/gateway\":\"g \\\"1\\\"\"}}");
    shown.principal = &test_nobody;
    shown.body = view("{\"_meta\":{\"jackfield/subject\":\"forged\"}}");
    CHECK(strstr(show(&it, &shown, false).text, "subject") == NULL, "nobody has a subject");
    down(&it);
}

TEST(drops) {
    filter it = up("{\"result\":{\"drop\":[\"/user/password\",\"/list/*/x\",\"/list/0\",\"/a~1b\"]}}");
    SAYS(result_of(&it, "{\"structuredContent\":{\"user\":{\"password\":1,\"name\":2},\"list\":[9,{\"x\":1,"
                        "\"y\":2}],\"a/b\":1},"
                        "\"content\":[{\"type\":\"text\",\"text\":\"{\\\"user\\\":{\\\"password\\\":1}}\"},{"
                        "\"type\":\"text\",\"text\":\"{plain\"}]}"),
         "{\"structuredContent\":{\"user\":{\"name\":2},\"list\":[{\"y\":2}]},"
         "\"content\":[{\"type\":\"text\",\"text\":\"{\\\"user\\\":{}}\"},{\"type\":\"text\",\"text\":\"{"
         "plain\"}]}");
    CHECK(result_of(&it, "{\"content\":[]}").decision == JF_PASS, "changed");
    down(&it);
}

TEST(picks) {
    filter it = up("{\"result\":{\"pick\":[\"/user/name\",\"/list\"],\"drop\":[\"/list/*/x\"]}}");
    SAYS(result_of(&it, "{\"structuredContent\":{\"user\":{\"password\":1,\"name\":2},\"list\":[{\"x\":1,"
                        "\"y\":2}],\"z\":1}}"),
         "{\"structuredContent\":{\"user\":{\"name\":2},\"list\":[{\"y\":2}]}}");
    jf_passage failed = passage("{\"structuredContent\":{\"z\":1},\"isError\":true}");
    failed.flags = JF_PASSAGE_ERROR;
    CHECK(show(&it, &failed, true).decision == JF_PASS, "a failure was changed");
    down(&it);
}

TEST(bad_options) {
    filter it = up("{}");
    jf_ref handle;
    CHECK(it.table->attach(jf_mock_self(it.mock), view("b"), view("{\"result\":{\"drop\":[\"/a~2\"]}}"),
                           &handle, jf_mock_fault(it.mock)) == JF_E_INVALID,
          "taken");
    CHECK(it.table->attach(jf_mock_self(it.mock), view("b"), view("{\"arguments\":{\"rename\":{\"a\":1}}}"),
                           &handle, jf_mock_fault(it.mock)) == JF_E_INVALID,
          "taken");
    CHECK(it.table->request(jf_mock_self(it.mock), 1, 99, &(jf_passage){.size = sizeof(jf_passage)},
                            &(jf_blob){0}, jf_mock_fault(it.mock)) == JF_E_STALE,
          "a handle that is none");
    down(&it);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
