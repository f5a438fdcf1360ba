/* SPDX-License-Identifier: Apache-2.0
 * Users' connections and registrations in the store: shared, sealed, refreshed once, given back. */
#ifndef CONNECTION_CASES_H
#define CONNECTION_CASES_H

#define FULL                                                                                                 \
    "{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"" ISSUER                                                \
    "/token\",\"authorization_endpoint\":\"" ISSUER "/authorize\",\"registration_endpoint\":\"" ISSUER       \
    "/register\",\"revocation_endpoint\":\"" ISSUER                                                          \
    "/revoke\",\"code_challenge_methods_supported\":[\"S256\"]}"
#define TOKENS(access, refresh)                                                                              \
    "{\"access_token\":\"" access "\",\"refresh_token\":\"" refresh                                          \
    "\",\"token_type\":\"Bearer\",\"expires_in\":100}"
#define HERE                                                                                                 \
    "{\"grant\":\"authorization_code\",\"client_id\":\"gw\",\"client_secret\":\"s\",\"public_url\":"         \
    "\"http://127.0.0.1:8080\",\"login\":\"none\"}"

static jf_principal user_of(const char *name) {
    return (jf_principal){.size = sizeof(jf_principal),
                          .id = 1,
                          .key = jf_mock_view(name),
                          .subject = jf_mock_view(name),
                          .issuer = jf_mock_view("https://login.example")};
}

/** Asks for a user's credentials; the metadata are answered where they are asked for. */
static jf_ref want(const char *name) {
    jf_principal who = user_of(name);
    jf_ref op;
    uint32_t before = asked_count;
    CHECK(demand_for(&who, 0, NULL, &op) == JF_PENDING, "%s", jf_mock_why(mock));
    if (asked_count > before && strcmp(asked[before].url, PRM) == 0) {
        answer(PRM, 200, OWN);
        answer(METADATA, 200, FULL);
    }
    return op;
}

/** From the page at one gateway to the callback's request at another. */
static void agree(int from, int to, jf_ref op) {
    char url[200], cookie[100], form[300], back[300];
    turn(from);
    snprintf(url, sizeof url, "/connect/up/?id=%s", behind(jf_mock_op_at(mock, op).result, "?id=", '"'));
    visit("GET", url, NULL, NULL);
    snprintf(cookie, sizeof cookie, "%s", shown_cookie);
    *strchr(cookie, ';') = 0;
    snprintf(form, sizeof form, "id=%s&token=%s", url + 16, behind(shown, "name=\"token\" value=\"", '"'));
    turn(to);
    visit("POST", "/connect/up/begin", form, cookie);
    snprintf(back, sizeof back, "/connect/up/callback?code=c&state=%s",
             behind(behind(shown, "0;url=", '"'), "state=", '&'));
    visit("GET", back, NULL, cookie);
}

static void connect_user(int number, const char *name, const char *tokens) {
    turn(number);
    agree(number, number, want(name));
    answer(ISSUER "/token", 200, tokens);
    CHECK(shown_status == 200 && strstr(shown, "Connected") != NULL, "%s", shown);
}

static bool store_shows(const char *text) {
    for (int i = 0; i < KEPT_MOST; i++)
        if (kept[i].value != NULL &&
            (strstr(kept[i].key, text) != NULL || strstr(kept[i].value, text) != NULL))
            return true;
    return false;
}

TEST(a_connection_is_every_gateways) {
    gateways_begin();
    gateway(0, USERS);
    gateway(1, USERS);
    turn(0);
    jf_ref op = want("alice");
    CHECK(!store_shows(behind(jf_mock_op_at(mock, op).result, "?id=", '"')), "the id is readable");
    // Every step at another gateway.
    agree(0, 1, op);
    CHECK(strstr(asked[asked_count - 1].body, "code_verifier=") != NULL, "%s", asked[asked_count - 1].body);
    answer(ISSUER "/token", 200, TOKENS("first-access", "first-refresh"));
    CHECK(strstr(shown, "Connected") != NULL, "%s", shown);
    gateway_end(1);
    turn(0);
    op = want("alice");
    CHECK(ended(op, JF_OK, "Bearer first-access") && ended(op, JF_OK, "\"keep_ms\":60000"), "it is there");
    gateway_end(0);
    gateway(2, USERS);
    CHECK(ended(want("alice"), JF_OK, "Bearer first-access"), "after all have gone");
    CHECK(ended(want("bob"), JF_OK, "{\"connect\""), "bob has none");
    for (int i = 0; i < 4; i++)
        CHECK(!store_shows((const char *[]){"alice", "first", "up/", "example"}[i]), "%d is readable", i);
    gateways_end();
}

/** What a fresh gateway makes of the records as they are. */
static bool is_asked(const char *name) {
    gateway(3, USERS);
    bool asks = ended(want(name), JF_OK, "{\"connect\"");
    bool tells = jf_mock_logged(mock, JF_LOG_WARNING, "does not open and counts as absent");
    uint32_t lines = 0;
    for (uint32_t i = 0; i < jf_mock_log_count(mock); i++)
        lines += strstr(jf_mock_log_at(mock, i, NULL), "does not open") != NULL;
    gateway_end(3);
    return asks && tells && lines == 1;
}

TEST(records_that_were_changed) {
    static char huge[70000];
    memset(huge, 'A', sizeof huge - 1);
    for (int how = 0; how < 7; how++) {
        gateways_begin();
        gateway(0, USERS);
        connect_user(0, "alice", TOKENS("a", "b"));
        gateway_end(0);
        struct kept *it = kept_of("t/");
        REQUIRE(it != NULL, "no record");
        char *text = strdup(it->value);
        size_t length = it->length;
        if (how == 0) text[length / 2] = text[length / 2] == 'A' ? 'B' : 'A';
        if (how == 1) length -= 1;
        if (how == 2) length = 20;
        if (how == 3) length = 0;
        if (how == 4) text[0] = '\0';
        if (how == 5) {
            free(text);
            text = strdup(huge);
            length = sizeof huge - 1;
        }
        if (how == 6) {
            free(text);
            text = strdup("{\"access_token\":\"mine\"}");
            length = strlen(text);
        }
        kept_set(it, text, length);
        free(text);
        CHECK(is_asked("alice"), "%d", how);
        gateways_end();
    }
}

TEST(records_of_others) {
    gateways_begin();
    gateway(0, USERS);
    connect_user(0, "alice", TOKENS("hers", "b"));
    struct kept hers = *kept_of("t/"), *his = NULL;
    connect_user(0, "mallory", TOKENS("his", "b"));
    gateway_end(0);
    for (int i = 0; i < KEPT_MOST; i++)
        if (kept[i].value != NULL && kept[i].key[0] == 't' && strcmp(kept[i].key, hers.key) != 0)
            his = &kept[i];
    REQUIRE(his != NULL, "no record");
    kept_set(his, hers.value, hers.length);
    CHECK(is_asked("mallory"), "another user's");
    // The same user, for another resource.
    static const char other[] =
        "{\"grant\":\"authorization_code\",\"client_id\":\"gw\",\"client_secret\":\"s\",\"public_url\":"
        "\"https://mcp.example\",\"login\":\"none\",\"issuer\":\"" ISSUER
        "\",\"resource\":\"https://tools.example/a\"}";
    gateway(2, other);
    jf_principal who = user_of("alice");
    jf_ref op;
    CHECK(demand_for(&who, 0, NULL, &op) == JF_PENDING, "%s", jf_mock_why(mock));
    answer(METADATA, 200, FULL);
    CHECK(ended(op, JF_OK, "{\"connect\""), "for another resource there is none");
    gateway_end(2);
    // A tenant is part of a principal's key.
    gateway(2, USERS);
    who.key = jf_mock_view("tenant-2/alice");
    CHECK(demand_for(&who, 0, NULL, &op) == JF_PENDING, "%s", jf_mock_why(mock));
    answer(PRM, 200, OWN);
    answer(METADATA, 200, FULL);
    CHECK(ended(op, JF_OK, "{\"connect\""), "in another tenant there is none");
    gateways_end();
}

TEST(keys_that_rotate) {
    static const char *const rings[] = {"\"" KEY_B "\",\"" KEY_A "\"", "\"" KEY_B "\""};
    gateways_begin();
    gateway(0, USERS);
    connect_user(0, "alice", TOKENS("a", "b"));
    gateway_end(0);
    seal_end();
    // The new key seals, the old one opens; what is in use is sealed anew once a day.
    keys = rings[0];
    seal_begin();
    gateway(1, USERS);
    CHECK(ended(want("alice"), JF_OK, "Bearer a"), "the old key opens");
    connect_user(1, "bob", "{\"access_token\":\"for-ever\",\"token_type\":\"Bearer\"}");
    gateway_end(1);
    seal_end();
    keys = rings[1];
    seal_begin();
    CHECK(is_asked("alice"), "the old key is gone");
    gateway(2, USERS);
    CHECK(ended(want("bob"), JF_OK, "Bearer for-ever"), "the new one opens");
    // In use, it is sealed anew and lives longer; once a day.
    uint64_t before = revisions;
    want("bob");
    CHECK(revisions == before, "written too often");
    pass(90000);
    CHECK(ended(want("bob"), JF_OK, "Bearer for-ever") && revisions == before + 1, "not written");
    gateways_end();
    keys = "\"" KEY_A "\"";
}

TEST(one_gateway_refreshes) {
    gateways_begin();
    gateway(0, USERS);
    gateway(1, USERS);
    connect_user(0, "alice", TOKENS("a1", "r1"));
    turn(1);
    CHECK(ended(want("alice"), JF_OK, "Bearer a1"), "both have it");
    pass(200);
    turn(0);
    jf_ref first = want("alice");
    turn(1);
    jf_ref second = want("alice");
    CHECK(waiting() == 1 && strstr(asked[asked_count - 1].body, "refresh_token=r1&") != NULL, "%u requests",
          waiting());
    pass(1);
    CHECK(waiting() == 1, "%u requests", waiting());
    answer(ISSUER "/token", 200, TOKENS("a2", "r2"));
    turn(0);
    CHECK(ended(first, JF_OK, "Bearer a2"), "who asked");
    pass(1);
    turn(1);
    CHECK(waiting() == 0 && ended(second, JF_OK, "Bearer a2"), "who waited");
    gateways_end();
}

TEST(a_gateway_dies_while_it_refreshes) {
    gateways_begin();
    gateway(0, USERS);
    gateway(1, USERS);
    connect_user(0, "alice", TOKENS("a1", "r1"));
    turn(1);
    want("alice");
    pass(200);
    turn(0);
    want("alice");
    struct asked *lost = &asked[asked_count - 1];
    CHECK(lost->open, "it asks");
    writes_fail = true; // It cannot take its marker back.
    lost->open = false;
    gateway_end(0);
    writes_fail = false;
    turn(1);
    jf_ref op = want("alice");
    pass(5);
    CHECK(waiting() == 0 && jf_mock_op_at(mock, op).status == JF_PENDING, "it waits");
    pass(8);
    CHECK(ended(op, JF_E_GONE, "another gateway is getting a new token"), "not for ever");
    pass(20);
    op = want("alice");
    CHECK(waiting() == 1 && jf_mock_logged(mock, JF_LOG_WARNING, "its refresh token is tried again"),
          "then it tries");
    // It had been used: the user is asked.
    answer(ISSUER "/token", 400, "{\"error\":\"invalid_grant\"}");
    CHECK(ended(op, JF_OK, "{\"connect\"") && kept_of("t/") == NULL, "the user is asked");
    gateways_end();
}

TEST(the_store_dies_before_new_tokens_are_in_it) {
    gateways_begin();
    gateway(0, USERS);
    gateway(1, USERS);
    connect_user(0, "alice", TOKENS("a1", "r1"));
    pass(200);
    turn(0);
    jf_ref op = want("alice");
    is_down = true;
    answer(ISSUER "/token", 200, TOKENS("a2", "r2"));
    CHECK(ended(op, JF_OK, "Bearer a2") && jf_mock_logged(mock, JF_LOG_WARNING, "could not be written"),
          "who asked has it");
    CHECK(ended(want("alice"), JF_OK, "Bearer a2"), "from memory");
    turn(1);
    CHECK(ended(want("alice"), JF_E_GONE, "the store cannot be asked"), "others say what is wrong");
    pass(3);
    is_down = false;
    pass(2);
    turn(1);
    op = want("alice");
    pass(1);
    CHECK(waiting() == 0 && ended(op, JF_OK, "Bearer a2"), "it was written as soon as it could be");
    // Once more, and it ends while it tries.
    pass(200);
    turn(0);
    op = want("alice");
    is_down = true;
    answer(ISSUER "/token", 200, TOKENS("a3", "r3"));
    jf_mock_advance(mock, 1500000000u);
    jf_mock_settle(mock);
    gateway_end(0);
    gateways_end();
}

TEST(a_store_that_is_down) {
    gateways_begin();
    gateway(0, USERS);
    connect_user(0, "alice", TOKENS("a1", "r1"));
    is_down = true;
    CHECK(ended(want("alice"), JF_OK, "Bearer a1"), "what is in memory is good");
    CHECK(ended(want("bob"), JF_E_GONE, "the store cannot be asked for connections of users: it died"), "");
    pass(200);
    CHECK(ended(want("alice"), JF_E_GONE, "the store cannot be asked") && waiting() == 0,
          "nothing is refreshed");
    visit("GET", "/connect/up/?id=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL, NULL);
    CHECK(shown_status == 503 && strstr(shown, "store") != NULL, "%s", shown);
    gateways_end();
}

#define SECRET(id, until)                                                                                    \
    "{\"client_id\":\"" id "\",\"client_secret\":\"x-secret\",\"client_secret_expires_at\":" until           \
    ",\"registration_client_uri\":\"" ISSUER "/register/1\",\"registration_access_token\":\"m\"}"

TEST(one_registration_for_all) {
    gateways_begin();
    gateway(0, UNKNOWN);
    gateway(1, UNKNOWN);
    turn(0);
    jf_ref first = want("alice");
    CHECK(strcmp(asked[asked_count - 1].url, ISSUER "/register") == 0, "%s", asked[asked_count - 1].url);
    asked[asked_count - 1].open = false;
    struct asked *held = &asked[asked_count - 1];
    turn(1);
    jf_ref second = want("bob");
    CHECK(waiting() == 0, "it registers, too");
    held->open = true;
    char until[64], body[400];
    snprintf(until, sizeof until, "%llu", (unsigned long long)(time(NULL) + 500));
    snprintf(body, sizeof body, SECRET("dyn", "%s"), until);
    answer(ISSUER "/register", 201, body);
    turn(0);
    CHECK(ended(first, JF_OK, "{\"connect\""), "who asked");
    pass(1);
    turn(1);
    CHECK(ended(second, JF_OK, "{\"connect\"") && waiting() == 0, "who waited");
    CHECK(strcmp(client_in_page(second), "dyn") == 0 && !store_shows("x-secret") && !store_shows("dyn"), "%s",
          shown);
    // The secret ends: the authorization server has a new one for the same client.
    pass(600);
    turn(0);
    first = want("carol");
    CHECK(strstr(asked[asked_count - 1].headers, "authorization: Bearer m\n") != NULL, "%s",
          asked[asked_count - 1].headers);
    answer(ISSUER "/register/1", 200, SECRET("dyn", "0"));
    CHECK(ended(first, JF_OK, "{\"connect\""), "");
    pass(600);
    agree(0, 0, want("carol"));
    answer(ISSUER "/token", 401, "{\"error\":\"invalid_client\"}");
    CHECK(shown_status == 400 && kept_of("r/") == NULL, "it does not know us any more");
    first = want("carol");
    answer(ISSUER "/register", 201, "{\"client_id\":\"new\"}");
    CHECK(strcmp(client_in_page(first), "new") == 0, "%s", shown);
    gateways_end();
}

TEST(leaving) {
    gateways_begin();
    gateway(0, USERS);
    visit("GET", "/connect/up/disconnect", NULL, NULL);
    CHECK(shown_status == 404, "nobody knows who that is");
    gateway_end(0);
    gateway(1, HERE);
    connect_user(1, "alice", TOKENS("a1", "r1"));
    visit("GET", "/connect/up/disconnect", NULL, NULL);
    CHECK(shown_status == 200 && strstr(shown, "Disconnect") != NULL, "%s", shown);
    char cookie[100], form[100];
    snprintf(cookie, sizeof cookie, "%s", shown_cookie);
    *strchr(cookie, ';') = 0;
    snprintf(form, sizeof form, "token=%s", behind(shown, "name=\"token\" value=\"", '"'));
    visit("POST", "/connect/up/disconnect", form, NULL);
    CHECK(shown_status == 403 && kept_of("t/") != NULL, "a form without the cookie");
    visit("POST", "/connect/up/disconnect", form, cookie);
    CHECK(kept_of("t/") == NULL, "it is gone before anybody is told");
    CHECK(strstr(asked[asked_count - 1].body, "token_type_hint=refresh_token&token=r1") != NULL, "%s",
          asked[asked_count - 1].body);
    answer(ISSUER "/revoke", 200, "");
    CHECK(shown_status == 200 && strstr(shown, "was told, too") != NULL, "%s", shown);
    CHECK(jf_mock_find(mock, 0, JF_MOCK_SUPPLY_FORGOTTEN, 0, 0) != NULL, "the host forgets it, too");
    CHECK(ended(want("alice"), JF_OK, "{\"connect\""), "the user is asked");
    gateways_end();
}

#endif
