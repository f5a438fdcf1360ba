/* SPDX-License-Identifier: Apache-2.0
 * Tests of credentials-oauth through the mock host: which requests follow from what servers say, and which
 * never do. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "jf_check.h"
#include "jf_mock.h"
#include <jackfield/credentials.h>
#include <jackfield/http.h>
#include <jackfield/message.h>
#include <jackfield/seal.h>
#include <jackfield/state.h>
#include <time.h>

#define SERVER "https://tools.example/a/mcp"
#define PRM "https://tools.example/.well-known/oauth-protected-resource/a/mcp"
#define ISSUER "https://id.example"
#define METADATA ISSUER "/.well-known/oauth-authorization-server"
#define CLIENT "\"grant\":\"client_credentials\",\"client_id\":\"gw\",\"client_secret\":\"s\""
#define OWN                                                                                                  \
    "{\"resource\":\"" SERVER "\",\"authorization_servers\":[\"" ISSUER                                      \
    "\"],\"scopes_supported\":[\"a\",\"b\"]}"
#define THEIRS "{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"" ISSUER "/token\"}"
#define TOKEN "{\"access_token\":\"t1\",\"token_type\":\"Bearer\",\"expires_in\":3600}"

static jf_mock *mock, *sealing;
static const jf_credentials_1 *table;
static jf_ref handle;

static void settle(void);

/* ---- A jf.http/1 whose requests wait until they are answered ---- */

static struct asked {
    bool open;
    uint32_t flags;
    char url[3000], body[4096], headers[1024];
    jf_http_done_fn done;
    void *user;
} asked[64];
static uint32_t asked_count;
static jf_http_serve_fn page;
static void *page_user;
static char shown[16384], shown_cookie[200];
static int32_t shown_status;

static void copy(char *to, size_t room, jf_view from) {
    snprintf(to, room, "%.*s", (int)from.len, from.len != 0 ? (const char *)from.ptr : "");
}

static int32_t request(void *context, const jf_http_request *r, jf_http_done_fn done, void *user, jf_ref *out,
                       jf_fault *why) {
    (void)context;
    (void)why;
    struct asked *it = &asked[asked_count++];
    memset(it, 0, sizeof *it);
    it->open = true;
    it->flags = r->flags;
    it->done = done;
    it->user = user;
    copy(it->url, sizeof it->url, r->url);
    copy(it->body, sizeof it->body, r->body);
    for (uint64_t i = 0; i < r->header_count; i++) {
        size_t at = strlen(it->headers);
        snprintf(it->headers + at, sizeof it->headers - at, "%.*s: %.*s\n", (int)r->headers[i].name.len,
                 (const char *)r->headers[i].name.ptr, (int)r->headers[i].value.len,
                 (const char *)r->headers[i].value.ptr);
    }
    *out = asked_count;
    return JF_OK;
}

static void abandon(void *context, jf_ref ref) {
    (void)context;
    asked[ref - 1].open = false;
}

static int32_t mount(void *context, jf_view path, jf_http_serve_fn serve, void *user, jf_ref *out) {
    (void)context;
    (void)path;
    page = serve;
    page_user = user;
    *out = 1;
    return JF_OK;
}

static void unmount(void *context, jf_ref ref) {
    (void)context;
    (void)ref;
    page = NULL;
}

static int32_t respond(void *context, jf_ref exchange, const jf_http_response *response) {
    (void)context;
    (void)exchange;
    shown_status = response->status;
    shown_cookie[0] = 0;
    copy(shown, sizeof shown, response->body);
    for (uint64_t i = 0; i < response->header_count; i++)
        if (response->headers[i].name.len == 10 &&
            memcmp(response->headers[i].name.ptr, "set-cookie", 10) == 0)
            copy(shown_cookie, sizeof shown_cookie, response->headers[i].value);
    return JF_OK;
}

static const jf_http_1 http = {.size = sizeof http,
                               .mount = mount,
                               .unmount = unmount,
                               .respond = respond,
                               .request = request,
                               .abandon = abandon};

/** Answers the one request that waits, which must go to this URL. */
static void answer(const char *url, int32_t status, const char *body) {
    for (uint32_t i = 0; i < asked_count; i++) {
        if (!asked[i].open) continue;
        CHECK(strcmp(asked[i].url, url) == 0, "the request goes to %s and not to %s", asked[i].url, url);
        asked[i].open = false;
        jf_http_response response = {.size = sizeof response, .status = status, .body = jf_mock_view(body)};
        asked[i].done(asked[i].user, i + 1, &response);
        settle();
        return;
    }
    CHECK(false, "no request for %s", url);
}

static uint32_t waiting(void) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < asked_count; i++)
        count += asked[i].open;
    return count;
}

/* ---- One source ---- */

static bool attach(const char *config) {
    return table->attach(jf_mock_self(mock), jf_mock_view("up"), jf_mock_view(config), &handle,
                         jf_mock_fault(mock)) == JF_OK;
}

#include "credentials-oauth/sealing.h"

static void begin(void) {
    mock = jf_mock_new();
    asked_count = 0;
    handle = 0;
    jf_mock_offer(mock, JF_SEAL_1, seal_begin());
    jf_mock_offer(mock, JF_HTTP_1, &http);
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "it does not start: %s", jf_mock_why(mock));
    table = jf_mock_facet(mock, JF_CREDENTIALS_1);
    CHECK(JF_HAS(table, supply), "no jf.credentials/1");
}

static void begin_with(const char *config) {
    begin();
    CHECK(attach(config), "%s", jf_mock_why(mock));
}

static void end(void) {
    if (handle != 0) table->detach(jf_mock_self(mock), handle);
    CHECK(jf_mock_destroy(mock) == 0, "it broke a rule or leaked");
    jf_mock_free(mock);
    seal_end();
}

#include "credentials-oauth/gateways.h"

/** This gateway, and all that are there. */
static void settle(void) {
    bool alone = true;
    for (int i = 0; i < GATEWAYS_MOST; i++)
        alone &= gateways[i].mock == NULL;
    if (alone)
        jf_mock_settle(mock);
    else
        settle_all();
}

static jf_principal nobody = {.size = sizeof(jf_principal)}, alice = {.size = sizeof(jf_principal), .id = 1};

static int32_t demand_for(const jf_principal *who, int32_t refused, const char *challenge, jf_ref *op) {
    jf_demand demand = {.size = sizeof demand,
                        .principal = who,
                        .endpoint = jf_mock_view(SERVER),
                        .method = jf_mock_view("tools/call"),
                        .refused = refused,
                        .attempt = refused != 0,
                        .challenge = jf_mock_view(challenge)};
    jf_blob blob = {0};
    *op = jf_mock_begin(mock);
    int32_t status = table->supply(jf_mock_self(mock), *op, handle, &demand, &blob, jf_mock_fault(mock));
    if (blob.ptr != NULL) free(jf_mock_take(&blob));
    settle();
    return status;
}

static jf_ref ask(int32_t refused, const char *challenge) {
    jf_ref op;
    CHECK(demand_for(&nobody, refused, challenge, &op) == JF_PENDING, "%s", jf_mock_why(mock));
    return op;
}

static bool ended(jf_ref op, int32_t status, const char *text) {
    jf_mock_op it = jf_mock_op_at(mock, op);
    const char *said = it.result != NULL ? it.result : it.fault.text;
    bool good = it.status == status && strstr(said, text) != NULL;
    if (!good) printf("  status %d: %s\n", (int)it.status, said);
    return good;
}

/* ---- Tests ---- */

TEST(from_nothing_to_a_token) {
    begin_with("{" CLIENT "}");
    jf_ref op = ask(0, NULL);
    answer(PRM, 200, OWN);
    answer(METADATA, 404, "");
    answer(ISSUER "/.well-known/openid-configuration", 200, THEIRS);
    CHECK(strstr(asked[3].headers, "authorization: Basic Z3c6cw==\n") != NULL, "%s", asked[3].headers);
    CHECK(strcmp(asked[3].body,
                 "grant_type=client_credentials&scope=a%20b&resource=https%3A%2F%2Ftools.example%2Fa"
                 "%2Fmcp") == 0,
          "%s", asked[3].body);
    answer(ISSUER "/token", 200, TOKEN);
    CHECK(ended(op, JF_OK, "{\"headers\":{\"Authorization\":\"Bearer t1\"},\"expires_ms\":"), "no token");
    CHECK(ended(op, JF_OK, "\"shared\":true}"), "it is everybody's");
    end();
}

TEST(one_request_for_all_who_wait) {
    begin_with("{" CLIENT ",\"token_endpoint\":\"" ISSUER "/token\"}");
    jf_ref first = ask(0, NULL), second = ask(0, NULL);
    CHECK(waiting() == 1, "%u requests", waiting());
    answer(ISSUER "/token", 200, TOKEN);
    CHECK(ended(first, JF_OK, "t1") && ended(second, JF_OK, "t1"), "both");
    jf_ref third;
    CHECK(demand_for(&nobody, 0, NULL, &third) == JF_OK, "it is there");
    end();
}

/** Where a challenge leads; NULL: nowhere. */
static const struct {
    const char *challenge, *url, *why;
} challenges[] = {
    {"Bearer resource_metadata=\"https://tools.example/m\"", "https://tools.example/m", NULL},
    {"bearer realm=x , Resource_Metadata = https://tools.example/m", "https://tools.example/m", NULL},
    {"Basic realm=\"a, Bearer resource_metadata=b\", Bearer resource_metadata=\"https://other.example/\\m\"",
     "https://other.example/m", NULL},
    {"Basic resource_metadata=\"https://other.example/m\"", PRM, NULL},
    {"Bearer error=\"invalid_token\"", PRM, NULL},
    {"Negotiate abc==, Bearer resource_metadata=\"https://tools.example/n\"", "https://tools.example/n",
     NULL},
    {"Bearer resource_metadata=\"https://tools.example/open", PRM, NULL},
    {"", PRM, NULL},
    {"Bearer resource_metadata=\"http://other.example/m\"", NULL, "is not https"},
    {"Bearer resource_metadata=\"http://127.0.0.1:8500/v1/kv\"", NULL, "is on this machine"},
    {"Bearer resource_metadata=\"https://localhost/m\"", NULL, "is on this machine"},
    {"Bearer resource_metadata=\"https://[::1]/m\"", NULL, "is on this machine"},
    {"Bearer resource_metadata=\"https://10.1.2.3/m\"", NULL, "is in a private network"},
    {"Bearer resource_metadata=\"https://172.31.255.255/m\"", NULL, "is in a private network"},
    {"Bearer resource_metadata=\"https://192.168.1.1/m\"", NULL, "is in a private network"},
    {"Bearer resource_metadata=\"https://169.254.169.254/latest\"", NULL, "is in a private network"},
    {"Bearer resource_metadata=\"https://100.64.0.1/m\"", NULL, "is in a private network"},
    {"Bearer resource_metadata=\"https://0.0.0.0/m\"", NULL, "is in a private network"},
    {"Bearer resource_metadata=\"https://[fd00::1]/m\"", NULL, "is in a private network"},
    {"Bearer resource_metadata=\"https://[fe80::1]/m\"", NULL, "is in a private network"},
    {"Bearer resource_metadata=\"https://[::ffff:10.0.0.1]/m\"", NULL, "is in a private network"},
    {"Bearer resource_metadata=\"https://[64:ff9b::a00:1]/m\"", NULL, "is in a private network"},
    {"Bearer resource_metadata=\"https://2130706433/m\"", NULL, "has a name of a private network"},
    {"Bearer resource_metadata=\"https://0x7f.1/m\"", NULL, "has a name of a private network"},
    {"Bearer resource_metadata=\"https://127.1/m\"", NULL, "has a name of a private network"},
    {"Bearer resource_metadata=\"https://vault/m\"", NULL, "has a name of a private network"},
    {"Bearer resource_metadata=\"https://db.internal/m\"", NULL, "has a name of a private network"},
    {"Bearer resource_metadata=\"https://db.internal./m\"", NULL, "has a name of a private network"},
    {"Bearer resource_metadata=\"https://a@tools.example/m\"", NULL, "is no http or https URL"},
    {"Bearer resource_metadata=\"file:///etc/passwd\"", NULL, "is no http or https URL"},
    {"Bearer resource_metadata=\"javascript:alert(1)\"", NULL, "is no http or https URL"},
    {"Bearer resource_metadata=\"https://tools.example/m#x\"", NULL, "has a fragment"},
    {"Bearer resource_metadata=\"https://%31%30.0.0.1/m\"", NULL, "has a strange host"},
};

TEST(challenges_lead_somewhere_or_nowhere) {
    for (size_t i = 0; i < sizeof challenges / sizeof challenges[0]; i++) {
        begin_with("{" CLIENT "}");
        jf_ref op = ask(JF_STATUS_UNAUTHORIZED, challenges[i].challenge);
        if (challenges[i].url != NULL)
            CHECK(asked_count == 1 && strcmp(asked[0].url, challenges[i].url) == 0, "%s: %s",
                  challenges[i].challenge, asked_count != 0 ? asked[0].url : "nothing");
        else
            CHECK(asked_count == 0 && ended(op, JF_E_GONE, challenges[i].why), "%s", challenges[i].challenge);
        end();
    }
}

static const struct {
    const char *own, *theirs, *why;
} lies[] = {
    {"{\"resource\":\"https://bank.example/mcp\",\"authorization_servers\":[\"" ISSUER "\"]}", NULL,
     "are of another resource"},
    {"{\"resource\":\"https://tools.example/a/m\",\"authorization_servers\":[\"" ISSUER "\"]}", NULL,
     "are of another resource"},
    {"{\"resource\":\"https://tools.example/a/mcp/b\",\"authorization_servers\":[\"" ISSUER "\"]}", NULL,
     "are of another resource"},
    {"{\"resource\":\"" SERVER "\",\"authorization_servers\":[]}", NULL, "name no authorization server"},
    {"{\"resource\":\"" SERVER "\",\"resource\":\"" SERVER "\"}", NULL, "no JSON object of use"},
    {"{\"resource\":\"" SERVER "\",\"authorization_servers\":[\"https://10.0.0.1\"]}", NULL,
     "private network"},
    {"{\"resource\":\"" SERVER "\",\"authorization_servers\":[\"http://id.example\"]}", NULL, "is not https"},
    {"[]", NULL, "no JSON object of use"},
    {OWN, "{\"issuer\":\"" ISSUER "/\",\"token_endpoint\":\"" ISSUER "/token\"}", "of another issuer"},
    {OWN, "{\"issuer\":\"https://evil.example\",\"token_endpoint\":\"" ISSUER "/token\"}",
     "of another issuer"},
    {OWN, "{\"token_endpoint\":\"" ISSUER "/token\"}", "of another issuer"},
    {OWN, "{\"issuer\":\"" ISSUER "\"}", "names no token_endpoint"},
    {OWN, "{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"https://192.168.0.1/t\"}", "private network"},
    {OWN,
     "{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"" ISSUER
     "/token\",\"authorization_endpoint\":\"javascript:alert(1)\"}",
     "is no http or https URL"},
};

TEST(metadata_that_lie) {
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        begin_with("{" CLIENT "}");
        jf_ref op = ask(0, NULL);
        answer(PRM, 200, lies[i].own);
        if (lies[i].theirs != NULL) answer(METADATA, 200, lies[i].theirs);
        CHECK(waiting() == 0 && ended(op, JF_E_GONE, lies[i].why), "%zu", i);
        end();
    }
}

TEST(redirects_size_and_silence) {
    static char huge[300000];
    memset(huge, ' ', sizeof huge - 1);
    memcpy(huge, OWN, sizeof OWN - 1);
    static const struct {
        int32_t status;
        const char *body, *why;
    } table_of[] = {{200, huge, "no JSON object of use"},
                    {JF_E_TIMEOUT, NULL, "no answer of use"},
                    {500, OWN, "no answer of use"}};
    for (size_t i = 0; i < 3; i++) {
        begin_with("{" CLIENT "}");
        jf_ref op = ask(0, NULL);
        answer(PRM, table_of[i].status, table_of[i].body);
        CHECK(ended(op, JF_E_GONE, table_of[i].why), "%zu", i);
        end();
    }
    // A redirection is no answer: the next place is tried, and without any the server may need no tokens.
    begin_with("{" CLIENT "}");
    jf_ref op = ask(0, NULL);
    answer(PRM, 302, OWN);
    answer("https://tools.example/.well-known/oauth-protected-resource", 307, OWN);
    answer("https://tools.example/.well-known/oauth-authorization-server", 404, NULL);
    answer("https://tools.example/.well-known/openid-configuration", 404, NULL);
    CHECK(jf_mock_op_at(mock, op).status == JF_ABSENT, "nothing is needed");
    end();
}

TEST(answers_of_token_endpoints) {
    static const struct {
        int32_t status;
        const char *body, *why;
    } answers[] = {
        {200, "{\"access_token\":\"a\\nb\",\"token_type\":\"Bearer\"}", "no access token of use"},
        {200, "{\"access_token\":\"\",\"token_type\":\"Bearer\"}", "no access token of use"},
        {200, "{\"token_type\":\"Bearer\"}", "no access token of use"},
        {200, "{\"access_token\":1}", "wrong kind"},
        {200, "{\"access_token\":\"t\",\"token_type\":\"DPoP\"}", "no bearer token"},
        {200, "{\"access_token\":\"t\",\"access_token\":\"u\"}", "no JSON object of use"},
        {401, "{\"error\":\"invalid_client\"}", "401 invalid_client"},
        {400, "{\"error\":\"<script>\"}", "answered 400"},
        {302, TOKEN, "answered 302"},
        {JF_E_GONE, NULL, "could not be asked"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        begin_with("{" CLIENT ",\"token_endpoint\":\"" ISSUER "/token\"}");
        jf_ref op = ask(0, NULL), again;
        answer(ISSUER "/token", answers[i].status, answers[i].body);
        CHECK(ended(op, JF_E_GONE, answers[i].why), "%zu", i);
        CHECK(strstr(jf_mock_op_at(mock, op).fault.text, "<script>") == NULL, "a stranger's text");
        CHECK(demand_for(&nobody, 0, NULL, &again) == JF_E_GONE && waiting() == 0,
              "no pause after a failure");
        end();
    }
}

TEST(a_server_that_refuses_everything_is_given_up) {
    begin_with("{" CLIENT ",\"token_endpoint\":\"" ISSUER "/token\"}");
    uint32_t renewals = 0;
    for (int i = 0; i < 20; i++) {
        jf_ref op;
        if (demand_for(&nobody, JF_STATUS_UNAUTHORIZED, "Bearer error=invalid_token", &op) != JF_PENDING)
            continue;
        answer(ISSUER "/token", 200, TOKEN);
        renewals++;
    }
    CHECK(renewals == 8, "%u tokens", renewals);
    end();
}

TEST(more_scopes_once) {
    begin_with("{" CLIENT ",\"scopes\":[\"a\"],\"token_endpoint\":\"" ISSUER "/token\"}");
    ask(0, NULL);
    answer(ISSUER "/token", 200, TOKEN);
    static const char more[] = "Bearer error=\"insufficient_scope\", scope=\"b a c\"";
    ask(JF_STATUS_FORBIDDEN, more);
    CHECK(strstr(asked[1].body, "&scope=a%20b%20c&") != NULL, "%s", asked[1].body);
    answer(ISSUER "/token", 200, TOKEN);
    jf_ref op;
    CHECK(demand_for(&nobody, JF_STATUS_FORBIDDEN, more, &op) == JF_E_DENIED, "%s", jf_mock_why(mock));
    end();
}

/* ---- Pages ---- */

static void visit(const char *method, const char *url, const char *body, const char *cookie) {
    jf_pair header = {jf_mock_view("cookie"), jf_mock_view(cookie)};
    jf_http_request it = {.size = sizeof it,
                          .exchange = 1,
                          .method = jf_mock_view(method),
                          .url = jf_mock_view(url),
                          .body = jf_mock_view(body),
                          .headers = &header,
                          .header_count = cookie != NULL ? 1 : 0};
    shown_status = 0;
    page(page_user, &it);
    settle();
}

/** What stands behind `head` up to `mark`; static. */
static const char *behind(const char *text, const char *head, char mark) {
    static char out[4][2048];
    static int turn;
    char *to = out[turn++ % 4];
    const char *at = strstr(text, head);
    size_t length = 0;
    if (at != NULL)
        for (at += strlen(head); at[length] != 0 && at[length] != mark && length < 2000; length++)
            to[length] = at[length];
    to[length] = 0;
    return to;
}

#define USERS                                                                                                \
    "{\"grant\":\"authorization_code\",\"client_id\":\"gw\",\"client_secret\":\"s\",\"public_url\":"         \
    "\"https://mcp.example\",\"login\":\"none\"}"
#define CODES                                                                                                \
    "{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"" ISSUER                                                \
    "/token\",\"authorization_endpoint\":\"" ISSUER                                                          \
    "/authorize?tenant=1\",\"code_challenge_methods_supported\":[\"S256\"]}"

TEST(the_page_is_bound_to_its_browser) {
    alice.key = jf_mock_view("k-alice");
    alice.subject = jf_mock_view("alice");
    begin_with(USERS);
    jf_ref op;
    CHECK(demand_for(&alice, 0, NULL, &op) == JF_PENDING, "%s", jf_mock_why(mock));
    answer(PRM, 200, OWN);
    answer(METADATA, 200, CODES);
    CHECK(ended(op, JF_OK, "{\"connect\":{\"url\":\"https://mcp.example/connect/up/?id="), "no page");
    char url[200], cookie[100], form[300], back[300];
    snprintf(url, sizeof url, "/connect/up/?id=%s", behind(jf_mock_op_at(mock, op).result, "?id=", '"'));
    visit("GET", "/connect/up/?id=no", NULL, NULL);
    CHECK(shown_status == 404, "an id that nobody gave");
    visit("GET", url, NULL, NULL);
    CHECK(shown_status == 200 && strstr(shown, "id.example") != NULL && strstr(shown, "<script") == NULL,
          "%s", shown);
    CHECK(strncmp(shown_cookie, "__Host-jf-connect=", 18) == 0 && strstr(shown_cookie, "; Secure") != NULL &&
              strstr(shown_cookie, "HttpOnly") != NULL && strstr(shown_cookie, "Domain") == NULL,
          "%s", shown_cookie);
    snprintf(cookie, sizeof cookie, "a=b; __Host-jf-connect=%s", behind(shown_cookie, "=", ';'));
    snprintf(form, sizeof form, "id=%s&token=%s", url + 16, behind(shown, "name=\"token\" value=\"", '"'));
    visit("POST", "/connect/up/begin", form, NULL);
    CHECK(shown_status == 403, "a form without the cookie");
    visit("POST", "/connect/up/begin", form, "__Host-jf-connect=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    CHECK(shown_status == 403, "a form of another browser");
    visit("POST", "/connect/up/begin", form, cookie);
    const char *onward = behind(shown, "0;url=", '"');
    CHECK(strncmp(onward, ISSUER "/authorize?tenant=1&amp;response_type=code&amp;client_id=gw&amp;", 70) ==
                  0 &&
              strstr(onward, "code_challenge_method=S256") != NULL &&
              strstr(onward, "resource=https%3A%2F%2Ftools.example%2Fa%2Fmcp") != NULL,
          "%s", onward);
    CHECK(strlen(behind(onward, "code_challenge=", '&')) == 43, "no challenge");
    snprintf(back, sizeof back, "/connect/up/callback?code=c&state=%s", behind(onward, "state=", '&'));
    visit("GET", "/connect/up/callback?code=c&state=x", NULL, cookie);
    CHECK(shown_status == 400, "a state that nobody gave");
    visit("GET", back, NULL, cookie);
    CHECK(strstr(asked[asked_count - 1].body, "grant_type=authorization_code&code=c&") != NULL &&
              strlen(behind(asked[asked_count - 1].body, "code_verifier=", '&')) == 43,
          "%s", asked[asked_count - 1].body);
    visit("GET", back, NULL, cookie);
    CHECK(shown_status == 400, "a state is good once");
    answer(ISSUER "/token", 200, TOKEN);
    CHECK(shown_status == 200 && strstr(shown, "Connected") != NULL, "%s", shown);
    CHECK(demand_for(&alice, 0, NULL, &op) == JF_PENDING && ended(op, JF_OK, "Bearer t1"), "alice's token");
    CHECK(strstr(jf_mock_op_at(mock, op).result, "shared") == NULL, "it is hers alone");
    jf_principal bob = alice;
    bob.id = 2;
    bob.key = jf_mock_view("k-bob");
    CHECK(demand_for(&bob, 0, NULL, &op) == JF_PENDING && ended(op, JF_OK, "{\"connect\""), "bob has none");
    end();
}

/** Who the gateway says it is where the browser goes on. */
static const char *client_in_page(jf_ref op) {
    char url[200], cookie[100], form[300];
    snprintf(url, sizeof url, "/connect/up/?id=%s", behind(jf_mock_op_at(mock, op).result, "?id=", '"'));
    visit("GET", url, NULL, NULL);
    snprintf(cookie, sizeof cookie, "__Host-jf-connect=%s", behind(shown_cookie, "=", ';'));
    snprintf(form, sizeof form, "id=%s&token=%s", url + 16, behind(shown, "name=\"token\" value=\"", '"'));
    visit("POST", "/connect/up/begin", form, cookie);
    return behind(shown, "client_id=", '&');
}

#define UNKNOWN "{\"grant\":\"authorization_code\",\"public_url\":\"https://mcp.example\",\"login\":\"none\"}"

TEST(a_client_that_registers_itself_or_shows_a_document) {
    jf_principal carol = {.size = sizeof carol, .id = 3, .key = jf_mock_view("k-carol")};
    static char metadata[600];
    jf_ref op;
    begin_with(UNKNOWN);
    snprintf(metadata, sizeof metadata, "%.*s,\"registration_endpoint\":\"" ISSUER "/register\"}",
             (int)strlen(CODES) - 1, CODES);
    CHECK(demand_for(&carol, 0, NULL, &op) == JF_PENDING, "%s", jf_mock_why(mock));
    answer(PRM, 200, OWN);
    answer(METADATA, 200, metadata);
    CHECK(strstr(asked[2].body, "\"application_type\":\"web\"") != NULL &&
              strstr(asked[2].body, "[\"https://mcp.example/connect/up/callback\"]") != NULL,
          "%s", asked[2].body);
    answer(ISSUER "/register", 201, "{\"client_id\":\"dyn\",\"client_secret\":\"x\"}");
    CHECK(strcmp(client_in_page(op), "dyn") == 0, "%s", shown);
    end();
    begin_with(UNKNOWN);
    snprintf(metadata, sizeof metadata, "%.*s,\"client_id_metadata_document_supported\":true}",
             (int)strlen(CODES) - 1, CODES);
    carol.key = jf_mock_view("k-dave");
    CHECK(demand_for(&carol, 0, NULL, &op) == JF_PENDING, "%s", jf_mock_why(mock));
    answer(PRM, 200, OWN);
    answer(METADATA, 200, metadata);
    CHECK(strcmp(client_in_page(op), "https%3A%2F%2Fmcp.example%2Fconnect%2Fup%2Fclient.json") == 0, "%s",
          shown);
    visit("GET", "/connect/up/client.json", NULL, NULL);
    CHECK(strstr(shown, "\"client_id\":\"https://mcp.example/connect/up/client.json\"") != NULL, "%s", shown);
    end();
    // Neither: the operator has to.
    begin_with(UNKNOWN);
    carol.key = jf_mock_view("k-erin");
    CHECK(demand_for(&carol, 0, NULL, &op) == JF_PENDING, "%s", jf_mock_why(mock));
    answer(PRM, 200, OWN);
    answer(METADATA, 200,
           "{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"" ISSUER "/token\","
           "\"authorization_endpoint\":\"" ISSUER "/a\"}");
    CHECK(ended(op, JF_E_GONE, "PKCE"), "no PKCE");
    end();
}

#include "credentials-oauth/connection_cases.h"
#include "credentials-oauth/public_cases.h"

TEST(options_that_cannot_be) {
    static const struct {
        const char *config, *why;
    } bad[] = {
        {"{\"grant\":\"client_credentials\"}", "client_id is missing"},
        {"{\"grant\":\"client_credentials\",\"client_id\":\"a\"}", "client_secret or key_file is missing"},
        {"{\"grant\":\"client_credentials\",\"client_id\":\"a\",\"key_file\":\"/nowhere\"}",
         "cannot be read"},
        {"{" CLIENT ",\"issuer\":\"http://id.example\"}", "is not https"},
        {"{\"grant\":\"id_jag\",\"client_id\":\"a\",\"client_secret\":\"b\"}", "idp is missing"},
        {"{\"grant\":\"token_exchange\",\"client_id\":\"a\",\"client_secret\":\"b\"}",
         "issuer or token_endpoint is missing"},
        {"{\"grant\":\"authorization_code\",\"client_id\":\"a\"}", "public_url is missing"},
        {"{\"grant\":\"authorization_code\",\"client_id\":\"a\",\"public_url\":\"https://a.example\"}",
         "login is missing"},
        {"{\"grant\":\"magic\"}", "grant"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        begin();
        CHECK(!attach(bad[i].config) && strstr(jf_mock_why(mock), bad[i].why) != NULL, "%s: %s",
              bad[i].config, jf_mock_why(mock));
        end();
    }
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
