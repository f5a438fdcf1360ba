/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin policy-abac: conditions, what is unknown in lists, hostile requests, classes. */
#include "policies/policy_check.h"
#include <jackfield/toolset.h>

static char config[1 << 16];

/* One rule that allows. */
static int32_t rule(const char *when) {
    char text[1 << 14];
    size_t length = 0;
    for (const char *at = when; *at != 0 && length < sizeof text - 3; at++) {
        if (*at == '"' || *at == '\\') text[length++] = '\\';
        text[length++] = *at;
    }
    text[length] = 0;
    snprintf(config, sizeof config, "{\"rules\":[{\"name\":\"r\",\"when\":\"%s\",\"then\":\"allow\"}]}",
             text);
    return attach(config);
}

static bool holds(const char *when) {
    int32_t status = rule(when);
    CHECK(status == JF_OK, "%s: %s", when, jf_mock_why(mock));
    return status == JF_OK && decided() == JF_ALLOW;
}

static void scene(void) {
    begin(NULL);
    is("alice", "dev", "ops");
    who.tenant = view("acme");
    scopes[0] = view("read");
    who.scope_count = 1;
    who.attributes =
        view("{\"team\":\"pay\\u0061\",\"age\":41,\"tags\":[\"x\",3,true,null],\"a.b\":{\"c\":1}}");
    item(JF_TOOLS, "bank", "refund");
    labels[0] = (jf_pair){view("tier"), view("gold")};
    access_.label_count = 1;
    access_.traits = JF_PICK_DESTRUCTIVE;
    access_.definition =
        view("{\"name\":\"refund\",\"annotations\":{\"title\":\"Refund\",\"destructiveHint\":true}}");
    access_.arguments = view(
        "{\"amount\":1e2,\"to\":\"bob\",\"note\":null,\"deep\":{\"list\":[1,{\"k\":\"v\"}]},\"ok\":true}");
    access_.address = view("10.1.2.3:5000");
    access_.region = view("eu-1");
    /* 2026-11-22 is a Sunday; 23:30 UTC. */
    access_.now_ms = 1795390200000;
}

TEST(what_holds) {
    static const char *const yes[] = {"principal.subject == 'alice'",
                                      "principal.tenant == \"acme\" and principal.known",
                                      "'dev' in principal.roles and \"read\" in principal.scopes",
                                      "not ('qa' in principal.roles)",
                                      "'qa' not in principal.roles",
                                      "principal.attributes.team == 'paya'",
                                      "principal.attributes.age > 40",
                                      "3 in principal.attributes.tags",
                                      "principal.attributes.\"a.b\".c == 1",
                                      "tool.destructive",
                                      "tool.annotations.title matches 'Re*'",
                                      "tool.annotations.destructiveHint == true",
                                      "item.kind == 'tool' and item.name in ['pay', 'refund']",
                                      "server.name == 'bank'",
                                      "server.labels.tier == 'gold'",
                                      "arguments.amount == 100",
                                      "arguments.amount >= 100 and arguments.amount < 100.5",
                                      "arguments.to != 'alice'",
                                      "arguments.note == null",
                                      "exists arguments.note",
                                      "not exists arguments.none",
                                      "arguments.deep.list.1.k == 'v'",
                                      "arguments.ok",
                                      "arguments.ok == true",
                                      "address in '10.0.0.0/8'",
                                      "address in ['192.168.0.0/16', '10.1.2.3']",
                                      "address == '10.1.2.3'",
                                      "address != '10.1.2.4'",
                                      "region == 'eu-1'",
                                      "time.weekday == 'sun'",
                                      "time.hour == 23 and time.minute == 30",
                                      "time.hour > 22 or time.hour < 6",
                                      "action == 'tools/call' and target == '/mcp'",
                                      "not listing",
                                      "false or (true and not false)",
                                      "principal.subject < 'bob'"};
    scene();
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        CHECK(holds(yes[i]), "%s", yes[i]);
    end();
}

TEST(what_does_not_hold) {
    static const char *const no[] = {"principal.subject == 'Alice'",
                                     "principal.issuer == ''",
                                     "principal.issuer != 'x'",
                                     "arguments.none == null",
                                     "arguments.amount == '100'",
                                     "arguments.amount != '100'",
                                     "arguments.to > 5",
                                     "arguments.deep == 1",
                                     "arguments.deep",
                                     "arguments.to",
                                     "arguments.to.more == 1",
                                     "arguments.deep.list.2 == 1",
                                     "arguments.deep.list.x == 1",
                                     "server.labels.none == ''",
                                     "address in '11.0.0.0/8'",
                                     "address in '::/1'",
                                     "address in []",
                                     "'qa' in principal.roles",
                                     "'x' in arguments.to",
                                     "time.weekday in ['mon', 'sat']",
                                     "arguments.note >= null",
                                     "principal.attributes.none.more == 1",
                                     "tool.read_only",
                                     "listing",
                                     "true and false",
                                     "not true"};
    scene();
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        CHECK(!holds(no[i]), "%s", no[i]);
    access_.address = view("[2001:db8::7]:80");
    CHECK(holds("address in ['10.0.0.0/8', '2001:db8::/32']"), "IPv6");
    access_.address = view("unix");
    CHECK(!holds("address in '0.0.0.0/0'") && !holds("address != '10.0.0.1'"), "no address");
    end();
}

TEST(lists_show_what_arguments_may_allow) {
    scene();
    access_.flags = JF_ACCESS_LISTING;
    access_.arguments = (jf_view){0};
    CHECK(holds("arguments.amount < 10"), "perhaps");
    CHECK(holds("not (arguments.amount < 10)"), "perhaps not");
    CHECK(holds("arguments.amount < 10 or false") && !holds("arguments.amount < 10 and false"),
          "three values");
    CHECK(holds("exists arguments.x") && reviewed() == JF_ALLOW, "exists");
    CHECK(attach("{\"rules\":[{\"when\":\"arguments.x == 1\",\"then\":\"deny\"}],\"default\":\"allow\"}") ==
                  JF_OK &&
              decided() == JF_ALLOW,
          "a denial waits for the arguments");
    end();
}

TEST(order_defaults_and_dry_runs) {
    scene();
    const char *rules =
        "\"rules\":[{\"when\":\"region == 'x'\",\"then\":\"deny\"},{\"name\":\"two\",\"when\":"
        "\"tool.destructive\",\"then\":\"hide\",\"text\":\"no\"},{\"when\":\"true\",\"then\":\"allow\"}]";
    snprintf(config, sizeof config, "{%s}", rules);
    CHECK(attach(config) == JF_OK && decided() == JF_HIDE && rule_is("two") && ruling.text.len == 2,
          "the first");
    CHECK(ruling.flags == 0 && reviewed() == JF_HIDE, "enforced");
    access_.traits = 0;
    CHECK(decided() == JF_ALLOW && rule_is("rules[2]"), "the last");
    access_.traits = JF_PICK_DESTRUCTIVE;
    snprintf(config, sizeof config, "{%s,\"mode\":\"dry-run\"}", rules);
    CHECK(attach(config) == JF_OK && decided() == JF_HIDE && ruling.flags == JF_RULING_DRY, "dry");
    CHECK(reviewed() == JF_ALLOW && class_of()[0] == 0, "a dry run shows all");
    CHECK(attach("{\"rules\":[]}") == JF_OK && decided() == JF_DENY && rule_is("default"), "default");
    CHECK(attach("{\"rules\":[{\"when\":\"time.hour == 5\",\"then\":\"allow\"}],\"timezone\":\"+05:30\"}") ==
                  JF_OK &&
              decided() == JF_ALLOW,
          "a zone");
    end();
}

TEST(hostile_requests_give_no_decision) {
    scene();
    CHECK(holds("arguments.amount == 100"), "a good one");
    static const char *const bad[] = {"{\"amount\":100,\"amount\":1}", "{\"amount\":1,\"am\\u006funt\":100}",
                                      "{\"amount\":", "\xff"};
    for (int i = 0; i < 4; i++) {
        access_.arguments = view(bad[i]);
        CHECK(decide() == JF_E_INVALID, "%s", bad[i]);
    }
    /* What it does not look at may be anything. */
    access_.arguments = view("{\"amount\":100,\"x\":{\"y\":1,\"y\":2}}");
    CHECK(decided() == JF_ALLOW, "elsewhere");
    size_t size = (1 << 20) + 100;
    char *large = malloc(size + 1);
    memset(large, ' ', size);
    memcpy(large, "{\"amount\":100", 13);
    large[size - 1] = '}';
    large[size] = 0;
    access_.arguments = view(large);
    CHECK(decide() == JF_E_INVALID && strstr(jf_mock_why(mock), "too large") != NULL, "%s",
          jf_mock_why(mock));
    /* Many conditions on a large request: a bound, not a stall. */
    large[size / 2 - 1] = '}';
    large[size / 2] = 0;
    access_.arguments = view(large);
    char many[8000] = "arguments.amount == 1";
    for (int i = 0; i < 100; i++)
        strcat(many, " or arguments.amount == 1");
    CHECK(rule(many) == JF_OK && decide() == JF_E_INVALID, "%s", jf_mock_why(mock));
    free(large);
    end();
}

TEST(classes) {
    scene();
    CHECK(rule("item.name == 'x'") == JF_OK && class_of()[0] == 0, "everybody is alike");
    CHECK(rule("time.hour == 1") == JF_OK && strcmp(class_of(), "?") == 0, "time");
    CHECK(rule("address in '::1'") == JF_OK && strcmp(class_of(), "?") == 0, "place");
    end();
}

TEST(refuses_wrong_conditions) {
    static const char *const wrong[][2] = {
        {"", "character 1: a value is missing"},
        {"principal", "there is no 'principal'"},
        {"principal.subject.x == 1", "has no members"},
        {"arguments == 1", "needs the name of a member"},
        {"'a'", "a comparison is missing"},
        {"(true", "')' is missing"},
        {"true true", "'and' or 'or' is missing"},
        {"region matches region", "a pattern in quotes"},
        {"1 in 2", "behind 'in' stands a list"},
        {"region in ['a'", "']' is missing"},
        {"region in [['a']]", "a list holds"},
        {"address == 'x'", "networks"},
        {"address in '1.2.3.4/33'", "networks"},
        {"region == -", "no number"},
        {"region not 1", "'in' is missing"},
        {"region == and", "missing before 'and'"},
        {"%", "'%' is out of place"},
        {"server.labels.a.b == 1", "no members"},
        {"region == 'x", "does not end"},
        {"arguments.1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9 == 1", "more than 16"}};
    begin(NULL);
    for (int i = 0; i < 20; i++) {
        CHECK(rule(wrong[i][0]) == JF_E_INVALID, "%s", wrong[i][0]);
        CHECK(strstr(jf_mock_why(mock), wrong[i][1]) != NULL &&
                  strstr(jf_mock_why(mock), "rules[0].when") != NULL,
              "%s: %s", wrong[i][0], jf_mock_why(mock));
    }
    char deep[200] = "";
    for (int i = 0; i < 33; i++)
        strcat(deep, "(");
    CHECK(rule(deep) == JF_E_INVALID && strstr(jf_mock_why(mock), "deeper") != NULL, "%s", jf_mock_why(mock));
    char wide[8000] = "true";
    for (int i = 0; i < 600; i++)
        strcat(wide, " or true");
    CHECK(rule(wide) == JF_E_INVALID && strstr(jf_mock_why(mock), "more than 512") != NULL, "%s",
          jf_mock_why(mock));
    end();
}

/* Random texts of what conditions are made of: refused or read, and then evaluated. */
TEST(random_conditions) {
    static const char *const parts[] = {
        "(",  ")", "not ", " and ",           " or ",        " == ",    " in ",    "'a'",       "[",
        "]",  ",", "1",    "principal.roles", "arguments.x", "address", "exists ", " matches ", "'",
        "\"", "."};
    scene();
    uint64_t random = 7;
    for (int round = 0; round < 20000; round++) {
        char text[256] = "";
        for (int i = 0; i < 12; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            strcat(text, parts[(random >> 33) % 20]);
        }
        if (rule(text) == JF_OK) decide();
    }
    end();
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
