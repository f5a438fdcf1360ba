/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin policy-rbac: patterns, inheritance, who has which roles, classes. */
#include "policies/policy_check.h"
#include <jackfield/toolset.h>

#define COMPANY                                                                                              \
    "{\"roles\":{\"reader\":{\"allow\":[\"tools:time/*\",\"resources:docs/*\"]},"                            \
    "\"writer\":{\"inherits\":[\"reader\"],\"allow\":[\"*:*/*\"],\"deny\":[\"tools:files/delete_*\"]},"      \
    "\"odd\":{\"allow\":[\"templates:docs/a?b\",\"tools:x*y/*z*\"],\"inherits\":[\"even\"]},"                \
    "\"even\":{\"inherits\":[\"odd\"]}},"                                                                    \
    "\"assignments\":{\"subjects\":{\"alice\":[\"writer\"],\"a\\u00e9\":[\"reader\"]},"                      \
    "\"groups\":{\"staff\":[\"reader\"]},\"everyone\":[],\"anonymous\":[\"even\"]}}"

TEST(patterns_and_denials) {
    begin(COMPANY);
    item(JF_TOOLS, "time", "now");
    CHECK(decided() == JF_ALLOW && rule_is("role reader allows tools:time/*"), "%.*s", (int)ruling.rule.len,
          (const char *)ruling.rule.ptr);
    item(JF_TOOLS, "files", "delete_all");
    CHECK(decided() == JF_DENY && rule_is("role writer denies tools:files/delete_*"), "a denial wins");
    item(JF_PROMPTS, "files", "delete_all");
    CHECK(decided() == JF_ALLOW, "the denial is of tools");
    is("bob", "reader", "unheard-of");
    CHECK(decided() == JF_DENY && rule_is("no role allows it"), "default");
    item(JF_RESOURCES, "docs", "file:///a/b");
    CHECK(decided() == JF_ALLOW, "URIs have slashes");
    item(JF_TEMPLATES, "docs", "file:///{x}");
    CHECK(decided() == JF_ALLOW, "templates are resources");
    item(JF_TOOLS, "timer", "now");
    CHECK(decided() == JF_DENY, "a server's name is whole");
    item(9, "time", "now");
    CHECK(decided() == JF_DENY, "an unknown kind");
    end();
}

TEST(circles_wildcards_and_nobody) {
    begin(COMPANY);
    is(NULL, NULL, NULL);
    item(JF_TOOLS, "x--y", "..z..");
    CHECK(decided() == JF_ALLOW && strcmp(class_of(), "even,odd,") == 0, "%s", class_of());
    item(JF_TEMPLATES, "docs",
         "a\xc3\xa9"
         "b");
    CHECK(decided() == JF_ALLOW, "? is a character");
    item(JF_TEMPLATES, "docs", "ab");
    CHECK(decided() == JF_DENY, "? is one");
    item(JF_RESOURCES, "docs", "axb");
    CHECK(decided() == JF_DENY, "templates only");
    /* Whoever claims a role without being known has none. */
    is(NULL, "writer", NULL);
    item(JF_TOOLS, "time", "now");
    CHECK(decided() == JF_DENY, "a role of nobody");
    end();
}

TEST(who_has_which_roles) {
    begin(COMPANY);
    item(JF_TOOLS, "time", "now");
    is("a\xc3\xa9", NULL, NULL);
    CHECK(decided() == JF_ALLOW && strcmp(class_of(), "reader,") == 0, "%s", class_of());
    is("eve", NULL, NULL);
    CHECK(decided() == JF_DENY && class_of()[0] == 0, "no role");
    static const char *const not [] = {"{\"groups\":\"staff\"}",
                                       "{\"groups\":[1,null,\"staf\"]}",
                                       "{\"group\":[\"staff\"]}",
                                       "[\"staff\"]",
                                       "nonsense",
                                       ""};
    for (int i = 0; i < 6; i++) {
        who.attributes = view(not [i]);
        CHECK(decided() == JF_DENY, "%s", not [i]);
    }
    who.attributes = view("{\"x\":{},\"groups\":[\"other\",\"st\\u0061ff\"]}");
    CHECK(decided() == JF_ALLOW && reviewed() == JF_ALLOW, "by group");
    is("alice", "reader", "reader");
    CHECK(strcmp(class_of(), "reader,writer,") == 0, "%s", class_of());
    CHECK(attach("{\"roles\":{\"reader\":{\"allow\":[\"*:*/*\"]}},\"trust_roles\":false,\"refusal\":\"hide\","
                 "\"text\":\"no\"}") == JF_OK,
          "%s", jf_mock_why(mock));
    CHECK(decided() == JF_HIDE && reviewed() == JF_HIDE && ruling.text.len == 2, "claims do not count");
    end();
}

TEST(refuses_wrong_options) {
    static const char *const wrong[][2] = {
        {"{\"roles\":{\"r\":{\"allow\":[\"tools:x\"]}}}", "roles.r: 'tools:x' is no pattern"},
        {"{\"roles\":{\"r\":{\"deny\":[\"toys:x/y\"]}}}", "is no pattern"},
        {"{\"roles\":{\"r\":{\"inherits\":[\"s\"]}}}", "there is no role 's'"},
        {"{\"roles\":{\"r\":{}},\"assignments\":{\"groups\":{\"g\":[\"q\"]}}}", "assignments.groups.g"},
        {"{\"roles\":{\"r\":{},\"r\":{}}}", "twice"},
        {"{\"roles\":{\"r\":{}},\"assignments\":{\"subjects\":{\"a\":[],\"a\":[]}}}", "twice"},
        {"[]", "no JSON object"},
        {"{", "no JSON object"}};
    begin(NULL);
    for (int i = 0; i < 8; i++) {
        CHECK(attach(wrong[i][0]) == JF_E_INVALID, "%s", wrong[i][0]);
        CHECK(strstr(jf_mock_why(mock), wrong[i][1]) != NULL, "%s", jf_mock_why(mock));
    }
    end();
}

TEST(stale_handles) {
    begin(COMPANY);
    jf_ref old = handle;
    CHECK(attach(COMPANY) == JF_OK && handle != old, "the same handle");
    CHECK(policy->decide(jf_mock_self(mock), 1, old, &access_, &ruling, jf_mock_fault(mock)) == JF_E_STALE,
          "an old handle decides");
    end();
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
