/* SPDX-License-Identifier: Apache-2.0
 * Votes: who wins, when it is decided, what the report says. */

/** Votes in this order; "-" is a failure, NULL the end. Answers the call. */
static jf_ref vote(const char *more, const char *const *values) {
    char body[300];
    int count = 0;
    while (values[count] != NULL)
        count++;
    begin();
    open_simple("vote", count, more);
    jf_ref op = ask("{}");
    for (int i = 0; i < count && is_pending(op); i++) {
        snprintf(body, sizeof body, STRUCTURED("%s"), values[i]);
        answer(i, *values[i] == '-' ? TOOL_ERROR("x") : body);
    }
    return op;
}
#define VOTES(...)                                                                                           \
    (const char *const[]) {                                                                                  \
        __VA_ARGS__, NULL                                                                                    \
    }

TEST(majority_ends_early_and_says_who_said_what) {
    jf_ref op = vote("", VOTES("{\"a\":1}", "{\"a\":2}", "{\"a\":1e0}", "{ \"\\u0061\" : 1.0 }", "4"));
    gives(op, "/isError", NULL);
    gives(op, "/structuredContent/winner", "{\"a\":1}");
    gives(op, "/structuredContent/outcome", "3 of 5 targets agree");
    gives(op, "/structuredContent/votes",
          "[{\"value\":{\"a\":1},\"weight\":3,\"targets\":[\"s0\",\"s2\",\"s3\"]},"
          "{\"value\":{\"a\":2},\"weight\":1,\"targets\":[\"s1\"]}]");
    gives(op, "/structuredContent/answers/4/status", "cancelled");
    CHECK(is_over(4), "s4 was not cancelled");
    holds(op, "/content/0/text", "c: 3 of 5 targets agree");
    gives(op, "/content/1/text", "said");
    end();
}

TEST(votes_are_decided_by_their_rules) {
    static const struct {
        const char *more, *values[6], *winner, *outcome;
    } cases[] = {
        /* An absolute majority of all targets, not of the answers. */
        {"", {"1", "1", "2", "-", NULL}, NULL, "no answer has a majority"},
        {"", {"1", "1", "1", "-", NULL}, "1", "3 of 4 targets agree"},
        {"", {"1", "2", "2", NULL}, "2", "2 of 3 targets agree"},
        {"", {"1", "2", NULL}, NULL, "no answer has a majority"},
        {"", {"-", "-", "1", NULL}, NULL, "no answer has a majority"},
        {",\"quorum\":3", {"1", "1", "-", NULL}, NULL, "2 of 3 targets have a vote, 3 are needed"},
        /* The most votes. */
        {",\"otherwise\":\"plurality\"", {"1", "2", "1", "-", "3", NULL}, "1", "2 of 5 targets agree"},
        {",\"otherwise\":\"plurality\"", {"1", "2", NULL}, NULL, "the most votes are tied"},
        {",\"otherwise\":\"plurality\",\"tie\":\"first\"",
         {"-", "2", "1", "1", "2", NULL},
         "2",
         "2 of 5 targets agree"},
        {",\"vote\":\"unanimous\"", {"1", "1", "1", NULL}, "1", "3 of 3 targets agree"},
        {",\"vote\":\"unanimous\"", {"1", "2", NULL}, NULL, "the targets do not agree"},
        {",\"vote\":\"unanimous\"", {"1", "-", "1", NULL}, NULL, "1 of 3 targets have a vote"},
        {",\"vote\":\"unanimous\",\"quorum\":2", {"1", "-", "1", NULL}, "1", "2 of 3 targets agree"},
        {",\"compare\":\"/a\"",
         {"{\"a\":1,\"t\":5}", "{\"a\":1,\"t\":6}", "{}", NULL},
         "1",
         "2 of 3 targets agree"},
        {",\"compare\":\"/a\"", {"{}", "{\"b\":1}", "{}", NULL}, NULL, "no answer has a majority"},
        /* Values that look alike and are not the same, and the reverse. */
        {"", {"\"1\"", "1", NULL}, NULL, "no answer has a majority"},
        {"", {"9007199254740993", "9007199254740992", NULL}, NULL, "no answer has a majority"},
        {"", {"[-0]", "[0.0]", NULL}, "[0]", "2 of 2 targets agree"},
        {"", {"\"\\u00e9/\"", "\"é\\/\"", NULL}, "é/", "2 of 2 targets agree"},
        {"", {"null", "null", NULL}, "null", "2 of 2 targets agree"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jf_ref op = vote(cases[i].more, cases[i].values);
        CHECK(!is_pending(op), "case %zu is not decided", i);
        holds(op, "/structuredContent/outcome", cases[i].outcome);
        gives(op, "/isError", cases[i].winner == NULL ? "true" : NULL);
        gives(op, "/structuredContent/winner", cases[i].winner == NULL ? "null" : cases[i].winner);
        end();
    }
}

TEST(weights_count) {
    begin();
    open_config(
        "{\"composites\":{\"c\":{\"mode\":\"vote\",\"vote\":\"weighted\",\"targets\":["
        "{\"server\":\"s0\",\"tool\":\"t\",\"weight\":1},{\"server\":\"s1\",\"tool\":\"t\",\"weight\":2.5},"
        "{\"server\":\"s2\",\"tool\":\"t\",\"weight\":1}]}}}");
    jf_ref op = ask("{}");
    answer(0, STRUCTURED("1"));
    CHECK(is_pending(op), "1 of 4.5 is no majority");
    answer(1, STRUCTURED("2"));
    gives(op, "/structuredContent/winner", "2");
    gives(op, "/structuredContent/outcome", "1 of 3 targets agree, with 2.5 of 4.5 votes");
    gives(op, "/structuredContent/answers/1/weight", "2.5");
    CHECK(is_over(2), "s2 was not cancelled");
    end();
}

TEST(texts_can_be_voted_on) {
    begin();
    open_simple("vote", 3, "");
    jf_ref op = ask("{}");
    answer(2, TEXT("yes"));
    answer(0, TEXT("no"));
    answer(1, TEXT("yes"));
    gives(op, "/structuredContent/winner", "[\"yes\"]");
    gives(op, "/content/1/text", "yes");
    end();
    begin();
    open_simple("vote", 1, "");
    op = ask("{}");
    answer(0, "{\"content\":[{\"type\":\"image\",\"data\":\"\",\"mimeType\":\"x/y\"}]}");
    gives(op, "/isError", "true");
    gives(op, "/structuredContent/answers/0/status", "no_value");
    end();
}

TEST(a_vote_that_cannot_be_won_ends_early) {
    jf_ref op = vote("", VOTES("1", "2", "3", "-", "1", "1"));
    gives(op, "/isError", "true");
    gives(op, "/structuredContent/answers/5/status", "cancelled");
    end();
}

TEST(a_late_deadline_decides_the_vote) {
    begin();
    open_simple("vote", 3, ",\"timeout_ms\":1000,\"otherwise\":\"plurality\"");
    jf_ref op = ask("{}");
    answer(2, STRUCTURED("7"));
    CHECK(is_pending(op), "too early");
    jf_mock_advance(mock, 1100000000);
    CHECK(jf_mock_wait_op(mock, op, 5000), "not decided");
    gives(op, "/structuredContent/winner", "7");
    gives(op, "/structuredContent/answers/0/status", "timeout");
    end();
}
