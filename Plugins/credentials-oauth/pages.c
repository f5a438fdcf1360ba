/* SPDX-License-Identifier: Apache-2.0
 * The way of a user's browser: the page that says what is asked for, the login that shows who sits there, the
 * authorization server, and back (RFC 6749 section 4.1, RFC 7636, RFC 9207, MCP's URL elicitation). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pages.h"
#include "library.h"
#include "text.h"

#include <stdlib.h>

enum { VALUE_MOST = 4096 };

/* ---- Ends ---- */

static void say(struct oauth *it, jf_ref exchange, int32_t status, const char *title, const char *text) {
    struct page page = {.status = status, .title = title};
    au_puts(&page.body, "<p>");
    put_html(&page.body, view_of(text));
    au_puts(&page.body, "</p>");
    page_send(it, exchange, &page);
}

static void tell(struct oauth *it, const struct connecting *who, int32_t status) {
    const jf_connected_1 *connected = cs_host_of(&it->source)->connected;
    if (connected != NULL && !who->leaves) connected->connected(connected->context, view_of(who->id), status);
}

static const char stale[] =
    "This page is too old, or was used before. Ask your assistant once more for a new one.";
static const char unstored[] = "The gateway cannot reach its store. Try again in a moment.";

static void visit_end(struct visit *visit) {
    struct visit **at = &visit->of->visits;
    while (*at != visit)
        at = &(*at)->next;
    *at = visit->next;
    connecting_free(visit->who);
    au_text_end(&visit->iss);
    au_text_end(&visit->code);
    au_text_end(&visit->onward);
    au_text_end(&visit->plain);
    explicit_bzero(visit, sizeof(*visit));
    free(visit);
}

void visit_say(struct visit *visit, int32_t status, const char *title, const char *text) {
    struct oauth *it = visit->of;
    jf_ref exchange = visit->exchange;
    visit_end(visit);
    say(it, exchange, status, title, text);
}

void visit_refuse(struct visit *visit, const char *text) {
    bool leaves = visit->step == STEP_LEAVE || (visit->who != NULL && visit->who->leaves);
    oauth_log(visit->of, JF_LOG_WARNING, "a user could not be %s: %s", leaves ? "disconnected" : "connected",
              text);
    if (visit->who != NULL) tell(visit->of, visit->who, JF_E_DENIED);
    visit_say(visit, 400, leaves ? "Not disconnected" : "Not connected", text);
}

static void store_failed(struct visit *visit, const struct vault_answer *answer) {
    oauth_log(visit->of, JF_LOG_WARNING, "the store cannot be asked for a user's browser: %s", answer->why);
    visit_say(visit, 503, "Try again", unstored);
}

/* ---- Requests ---- */

static jf_view field(const jf_http_request *request, const char *name) {
    for (uint64_t i = 0; i < request->header_count; i++)
        if (au_same(request->headers[i].name, view_of(name))) return request->headers[i].value;
    return (jf_view){0};
}

/** The cookie that we gave to this browser; absent: none. */
static jf_view cookie_of(const struct oauth *it, const jf_http_request *request) {
    jf_view rest = field(request, "cookie"),
            name = it->secure ? AU_LITERAL("__Host-jf-connect") : AU_LITERAL("jf-connect");
    while (rest.len != 0) {
        jf_view after = {0}, value = {0};
        jf_view pair = view_trim(view_until(rest, ';', &after));
        rest = after;
        if (au_same(view_until(pair, '=', &value), name)) return value.len == 43 ? value : (jf_view){0};
    }
    return (jf_view){0};
}

/** What a form must have: only who has the cookie can make it. */
static void token_of(jf_view cookie, jf_view id, char out[44]) {
    struct au_text text = {0};
    au_put(&text, cookie);
    au_puts(&text, ".");
    au_put(&text, id);
    digest_text(VIEW(text), out);
    au_text_end(&text);
}

static bool is_bound(const struct connecting *who, jf_view cookie) {
    char digest[44];
    if (cookie.len == 0 || who->cookie[0] == 0) return false;
    digest_text(cookie, digest);
    return au_equal((const uint8_t *)digest, (const uint8_t *)who->cookie, 43);
}

/* ---- The first page ---- */

static void put_row(struct au_text *out, const char *name, jf_view text) {
    au_puts(out, "<div><dt>");
    au_put(out, view_of(name));
    au_puts(out, "</dt><dd>");
    put_html(out, text);
    au_puts(out, "</dd></div>");
}

static void put_scopes(struct au_text *out, jf_view scopes) {
    if (scopes.len == 0) return;
    au_puts(out, "<div><dt>What the gateway may do there for you</dt><dd>");
    while (scopes.len != 0) {
        jf_view rest = {0};
        au_puts(out, "<code>");
        put_html(out, view_until(scopes, ' ', &rest));
        au_puts(out, "</code>");
        scopes = rest;
    }
    au_puts(out, "</dd></div>");
}

static jf_view host_of(jf_view url) {
    jf_view rest = {0};
    uint64_t at = url.len > 5 && url.ptr[4] == 's' ? 8 : 7;
    if (url.len < at) return url;
    return view_until(view_make(url.ptr + at, url.len - at), '/', &rest);
}

struct visit *visit_new(struct oauth *it, const jf_http_request *request, enum step step) {
    jf_view cookie = cookie_of(it, request);
    struct visit *visit = calloc(1, sizeof(*visit));
    if (visit == NULL) {
        say(it, request->exchange, 503, "Try again", "The gateway has no memory left.");
        return NULL;
    }
    visit->next = it->visits;
    visit->of = it;
    visit->exchange = request->exchange;
    visit->step = step;
    if (cookie.len == 43) memcpy(visit->cookie, cookie.ptr, 43);
    it->visits = visit;
    return visit;
}

bool form_is_ours(struct oauth *it, const jf_http_request *request, jf_view id) {
    char token[64], wanted[44];
    jf_view given, cookie = cookie_of(it, request), site = field(request, "sec-fetch-site");
    bool own = site.len == 0 || au_same(site, AU_LITERAL("same-origin"));
    if (cookie.len == 0 || !own ||
        query_value(request->body, "token", token, sizeof(token), &given) != JF_OK) {
        say(it, request->exchange, 403, "Not done",
            "This did not come from our own page, or your browser takes no cookies.");
        return false;
    }
    token_of(cookie, id, wanted);
    if (given.len == 43 && au_equal(given.ptr, (const uint8_t *)wanted, 43)) return true;
    say(it, request->exchange, 403, "Not done", "This did not come from our own page.");
    return false;
}

void form_token(struct oauth *it, const jf_http_request *request, jf_view id, struct page *page,
                char fresh[44], char token[44]) {
    jf_view cookie = cookie_of(it, request);
    if (cookie.len == 0 && random_text(32, fresh)) page->cookie = cookie = view_of(fresh);
    token_of(cookie, id, token);
}

/* ---- The record behind a visit ---- */

static void show(struct visit *visit);
static void begun(struct visit *visit);
static void back(struct visit *visit);

static void taken(void *user, int32_t status, const struct vault_answer *answer) {
    struct visit *visit = user;
    if (is_away(status))
        store_failed(visit, answer);
    else if (status != JF_OK)
        visit_say(visit, 400, "Nothing to do here", stale); // Somebody else had it first.
    else if (visit->step == STEP_BEGIN)
        begun(visit);
    else
        back(visit);
}

static void found(void *user, int32_t status, const struct vault_answer *answer) {
    struct visit *visit = user;
    struct oauth *it = visit->of;
    if (is_away(status)) {
        store_failed(visit, answer);
        return;
    }
    if (status == JF_OK) visit->who = connecting_read(it, answer->plain);
    const struct connecting *who = visit->who;
    const char *wanted = who == NULL                    ? NULL
                         : visit->step == STEP_CALLBACK ? who->state
                         : visit->step == STEP_LOGIN    ? who->login_state
                                                        : who->id;
    // Who leaves has no page of his own, and agrees to nothing.
    bool fits = who != NULL && (!who->leaves || visit->step == STEP_LOGIN) && wall_ms(it) < who->until_ms &&
                au_equal((const uint8_t *)wanted, (const uint8_t *)visit->text, 43);
    if (!fits) {
        connecting_free(visit->who);
        visit->who = NULL;
        visit_say(visit, visit->step < STEP_LOGIN ? 404 : 400, "Nothing to do here", stale);
    } else if (visit->step == STEP_PAGE) {
        show(visit);
    } else {
        // Taken out: a state is good once.
        vault_remove(it, &visit->key, answer->revision, taken, visit);
    }
}

/** Goes on with the record of an id or state. */
static void look_up(struct visit *visit, jf_view text) {
    if (text.len != 43) {
        visit_say(visit, visit->step < STEP_LOGIN ? 404 : 400, "Nothing to do here", stale);
        return;
    }
    memcpy(visit->text, text.ptr, 43);
    visit->key = key_of_pending(view_of(visit->of->source.au.name), (jf_view){text.ptr, LOOKUP});
    vault_get(visit->of, &visit->key, found, visit);
}

/* ---- The first page ---- */

static void first(struct oauth *it, const jf_http_request *request, jf_view query) {
    char id[64];
    jf_view value = {0};
    struct visit *visit = visit_new(it, request, STEP_PAGE);
    if (visit == NULL) return;
    if (query_value(query, "id", id, sizeof(id), &value) != JF_OK) value.len = 0;
    look_up(visit, value);
}

static void show(struct visit *visit) {
    struct oauth *it = visit->of;
    const struct connecting *who = visit->who;
    char fresh[44], token[44];
    struct page page = {.status = 200, .title = "Connect an account"};
    jf_view cookie = view_of(visit->cookie);
    if (cookie.len == 0 && random_text(32, fresh)) page.cookie = cookie = view_of(fresh);
    token_of(cookie, view_of(who->id), token);
    au_puts(&page.body, "<p>Your assistant wants to use a server that needs an account of yours.</p><dl>");
    put_row(&page.body, "Server", who->server);
    put_row(&page.body, "Its address", who->at.resource);
    if (it->logs_in) put_row(&page.body, "First you sign in at", host_of(who->login.authorization));
    put_row(&page.body, "You agree at", host_of(who->at.authorization));
    put_scopes(&page.body, who->scopes);
    au_puts(&page.body, "</dl><form method=\"post\" action=\"");
    put_html(&page.body, it->path);
    au_puts(&page.body, "begin\"><input type=\"hidden\" name=\"id\" value=\"");
    put_html(&page.body, view_of(who->id));
    au_puts(&page.body, "\"><input type=\"hidden\" name=\"token\" value=\"");
    au_put(&page.body, view_of(token));
    au_puts(&page.body,
            "\"><button type=\"submit\">Continue</button></form><p class=\"note\">Only go on if you "
            "asked for this yourself a moment ago. If somebody sent you this link, close the "
            "page.</p>");
    jf_ref exchange = visit->exchange;
    visit_end(visit);
    page_send(it, exchange, &page);
}

/* ---- Onward ---- */

static void put_parameter(struct au_text *url, const char *name, jf_view value) {
    if (memchr(url->ptr, '?', url->len) == NULL)
        au_puts(url, "?");
    else
        au_puts(url, "&");
    au_put(url, view_of(name));
    au_puts(url, "=");
    au_put_encoded(url, value);
}

static void kept(void *user, int32_t status, const struct vault_answer *answer) {
    struct visit *visit = user;
    struct oauth *it = visit->of;
    if (status != JF_OK) {
        store_failed(visit, answer);
        return;
    }
    struct page page = {.status = 200, .title = "One moment"};
    struct au_text url = visit->onward;
    visit->onward = (struct au_text){0};
    page.onward = VIEW(url);
    au_puts(&page.body, "<p>You are sent to ");
    put_html(&page.body, host_of(page.onward));
    au_puts(&page.body, ".</p>");
    jf_ref exchange = visit->exchange;
    visit_end(visit);
    page_send(it, exchange, &page);
    au_text_end(&url);
}

void visit_onward(struct visit *visit, bool login) {
    struct oauth *it = visit->of;
    struct connecting *who = visit->who;
    struct au_text *url = &visit->onward, plain = {0}, redirect = {0};
    char challenge[44];
    digest_text(view_of(login ? who->login_verifier : who->verifier), challenge);
    au_put(url, login ? who->login.authorization : who->at.authorization);
    put_parameter(url, "response_type", AU_LITERAL("code"));
    put_parameter(url, "client_id", login ? it->login.id : who->client.id);
    au_put(&redirect, it->base);
    if (login)
        au_puts(&redirect, "login");
    else
        au_puts(&redirect, "callback");
    put_parameter(url, "redirect_uri", VIEW(redirect));
    au_text_end(&redirect);
    put_parameter(url, "state", view_of(login ? who->login_state : who->state));
    put_parameter(url, "code_challenge", view_of(challenge));
    put_parameter(url, "code_challenge_method", AU_LITERAL("S256"));
    if (login) {
        put_parameter(url, "scope", AU_LITERAL("openid"));
        put_parameter(url, "nonce", view_of(who->nonce));
    } else {
        if (who->scopes.len != 0) put_parameter(url, "scope", who->scopes);
        put_parameter(url, "resource", who->at.resource);
    }
    uint64_t now = wall_ms(it);
    connecting_write(&plain, it, who);
    if (url->failed || plain.failed)
        visit_refuse(visit, "out of memory");
    else
        vault_put(it, &visit->key, VIEW(plain), JF_STORE_CREATE, 0,
                  who->until_ms > now ? who->until_ms - now : 1, kept, visit);
    au_text_end(&plain);
}

static void begin(struct oauth *it, const jf_http_request *request) {
    char id[64];
    jf_view value = {0};
    if (query_value(request->body, "id", id, sizeof(id), &value) != JF_OK) value.len = 0;
    if (!form_is_ours(it, request, value)) return;
    struct visit *visit = visit_new(it, request, STEP_BEGIN);
    if (visit != NULL) look_up(visit, value);
}

static void begun(struct visit *visit) {
    if (visit->who->cookie[0] != 0 && !is_bound(visit->who, view_of(visit->cookie))) {
        visit_refuse(visit, "Another browser went on with this page.");
        return;
    }
    digest_text(view_of(visit->cookie), visit->who->cookie);
    visit_onward(visit, visit->of->logs_in);
}

/* ---- Back ---- */

static void connected(void *user, int32_t status, const struct vault_answer *answer) {
    struct visit *visit = user;
    struct connecting *who = visit->who;
    struct vault_key key =
        key_of_connection(who->server, who->issuer, who->subject, who->key, who->at.issuer, who->at.resource);
    if (status != JF_OK) {
        oauth_log(visit->of, JF_LOG_WARNING, "a user's tokens could not be written to the store: %s",
                  answer->why);
        visit_refuse(visit, unstored);
        return;
    }
    held_keep(&key, who->server, VIEW(visit->plain), answer->revision, false);
    oauth_log(visit->of, JF_LOG_INFO, "a user is connected");
    tell(visit->of, who, JF_OK);
    held_wake(who->server, who->key);
    visit_say(visit, 200, "Connected", "That is all. You can close this page and go back to your assistant.");
}

static void save(struct visit *visit, const struct tokens *tokens) {
    struct oauth *it = visit->of;
    const struct connecting *who = visit->who;
    struct connection c = {.scopes = who->scopes,
                           .issuer = who->at.issuer,
                           .resource = who->at.resource,
                           .principal = who->key,
                           .client_id = who->client.id,
                           .revocation = who->at.revocation,
                           .has_auth = who->at.has_auth,
                           .basic = who->at.basic,
                           .post = who->at.post};
    struct vault_key key =
        key_of_connection(who->server, who->issuer, who->subject, who->key, c.issuer, c.resource);
    uint64_t now = wall_ms(it);
    connection_take(&c, tokens, now);
    connection_write(&visit->plain, &c);
    if (visit->plain.failed)
        visit_refuse(visit, "out of memory");
    else
        vault_put(it, &key, VIEW(visit->plain), 0, 0, connection_ttl(it, &c, now), connected, visit);
}

static void answered(void *user, jf_ref request, const jf_http_response *response) {
    struct visit *visit = user;
    struct oauth *it = visit->of;
    struct connecting *who = visit->who;
    struct tokens tokens = {0};
    enum refusal refusal;
    char room[160];
    jf_http_response known = {0};
    (void)request;
    visit->request = 0;
    memcpy(&known, response, response->size < sizeof(known) ? response->size : sizeof(known));
    const char *wrong = tokens_read(&known, false, wall_ms(it), &tokens, room, sizeof(room), &refusal);
    if (wrong != NULL) {
        oauth_log(it, JF_LOG_WARNING, "%s", wrong);
        if (refusal == REFUSED_CLIENT && visit->step == STEP_CALLBACK)
            client_refused(it, who->at.issuer, who->client.id);
        visit_refuse(visit, "The authorization server did not give a token.");
    } else if (visit->step == STEP_LOGIN) {
        wrong = login_wrong(it, who, VIEW(tokens.id));
        who->logged_in = wrong == NULL;
        if (wrong != NULL)
            visit_refuse(visit, wrong);
        else if (who->leaves)
            leave_go_on(visit);
        else
            visit_onward(visit, false);
    } else {
        save(visit, &tokens);
    }
    tokens_end(&tokens);
}

static void ask(struct visit *visit) {
    struct oauth *it = visit->of;
    struct connecting *who = visit->who;
    bool login = visit->step == STEP_LOGIN;
    struct au_text form = {0}, authorization = {0}, redirect = {0};
    const struct metadata *at = login ? &who->login : &who->at;
    au_put(&redirect, it->base);
    if (login)
        au_puts(&redirect, "login");
    else
        au_puts(&redirect, "callback");
    au_puts(&form, "grant_type=authorization_code");
    put_pair(&form, "code", VIEW(visit->code));
    put_pair(&form, "redirect_uri", VIEW(redirect));
    put_pair(&form, "code_verifier", view_of(login ? who->login_verifier : who->verifier));
    if (!login) put_pair(&form, "resource", who->at.resource);
    const char *wrong =
        client_show(login ? &it->login : &who->client, at, wall_ms(it), &form, &authorization);
    if (wrong == NULL &&
        fetch(it, login ? (jf_view){0} : near_of(it, at->resource), AU_LITERAL("POST"), at->token,
              &authorization, &form, false, answered, visit, &visit->request) != JF_OK)
        wrong = "The authorization server cannot be asked.";
    au_text_end(&form);
    au_text_end(&authorization);
    au_text_end(&redirect);
    if (wrong != NULL) visit_refuse(visit, wrong);
}

static void returned(struct oauth *it, const jf_http_request *request, jf_view query, enum step step) {
    char state_room[64], iss_room[URL_MOST], code_room[VALUE_MOST], error_room[128];
    jf_view state = {0}, iss, code, error;
    struct visit *visit = visit_new(it, request, step);
    if (visit == NULL) return;
    if (query_value(query, "state", state_room, sizeof(state_room), &state) != JF_OK) state.len = 0;
    visit->has_iss = query_value(query, "iss", iss_room, sizeof(iss_room), &iss);
    visit->has_code = query_value(query, "code", code_room, sizeof(code_room), &code);
    visit->has_error = query_value(query, "error", error_room, sizeof(error_room), &error);
    if (visit->has_iss == JF_OK) au_put(&visit->iss, iss);
    if (visit->has_code == JF_OK) au_put(&visit->code, code);
    explicit_bzero(code_room, sizeof(code_room));
    look_up(visit, state);
}

static void back(struct visit *visit) {
    const struct oauth *it = visit->of;
    const struct connecting *who = visit->who;
    bool login = visit->step == STEP_LOGIN;
    const struct metadata *at = login ? &who->login : &who->at;
    const char *wrong = NULL;
    if (!is_bound(who, view_of(visit->cookie)))
        wrong = "This is not the browser in which the page was opened.";
    else if (login ? who->logged_in : it->logs_in && !who->logged_in)
        wrong = "The steps came in another order than they should.";
    // RFC 9207: also where the answer is an error, whose text is not shown.
    else if (visit->has_iss == JF_E_INVALID ||
             (visit->has_iss == JF_OK && !au_same(VIEW(visit->iss), at->issuer)) ||
             (visit->has_iss == JF_ABSENT && at->iss_parameter))
        wrong = "The answer came from another authorization server than the one that was asked.";
    else if (visit->has_error != JF_ABSENT)
        wrong = "Access was not granted.";
    else if (visit->has_code != JF_OK || !is_visible(VIEW(visit->code)))
        wrong = "The authorization server's answer has no code.";
    if (wrong != NULL)
        visit_refuse(visit, wrong);
    else
        ask(visit);
}

/* ---- Serving ---- */

/** The document that a client id of ours leads to (OAuth Client ID Metadata Document). */
static void document(struct oauth *it, jf_ref exchange) {
    const jf_http_1 *http = it->source.au.host->http;
    struct au_text json = {0};
    au_puts(&json, "{\"client_id\":");
    au_put_quoted(&json, it->document);
    au_puts(&json, ",\"client_name\":");
    au_put_quoted(&json, it->client_name.len != 0 ? it->client_name : AU_LITERAL("Jackfield"));
    au_puts(&json, ",\"client_uri\":");
    au_put_quoted(&json, it->public_url);
    au_puts(&json, ",\"redirect_uris\":[");
    au_put_quoted(&json, it->redirect);
    au_puts(&json,
            "],\"grant_types\":[\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"],"
            "\"token_endpoint_auth_method\":\"none\",\"application_type\":\"web\"}");
    jf_pair headers[] = {{AU_LITERAL("content-type"), AU_LITERAL("application/json")},
                         {AU_LITERAL("cache-control"), AU_LITERAL("max-age=3600")}};
    jf_http_response response = {.size = sizeof(response),
                                 .status = json.failed ? 500 : 200,
                                 .body = VIEW(json),
                                 .headers = headers,
                                 .header_count = 2};
    http->respond(http->context, exchange, &response);
    au_text_end(&json);
}

static void serve(void *user, const jf_http_request *request) {
    struct oauth *it = user;
    jf_view query = {0}, path = view_until(request->url, '?', &query);
    bool get = au_same(request->method, AU_LITERAL("GET")),
         post = au_same(request->method, AU_LITERAL("POST"));
    path = path.len >= it->path.len ? (jf_view){path.ptr + it->path.len, path.len - it->path.len} : path;
    if (get && path.len == 0)
        first(it, request, query);
    else if (post && au_same(path, AU_LITERAL("begin")) && request->body.len <= 1024)
        begin(it, request);
    else if (get && au_same(path, AU_LITERAL("login")) && it->logs_in)
        returned(it, request, query, STEP_LOGIN);
    else if (get && au_same(path, AU_LITERAL("callback")))
        returned(it, request, query, STEP_CALLBACK);
    else if (get && au_same(path, AU_LITERAL("disconnect")))
        leave_page(it, request);
    else if (post && au_same(path, AU_LITERAL("disconnect")) && request->body.len <= 1024)
        leave_begin(it, request);
    else if (get && au_same(path, AU_LITERAL("client.json")))
        document(it, request->exchange);
    else
        say(it, request->exchange, 404, "Nothing to do here", stale);
}

static void mount_again(void *user) {
    struct oauth *it = user;
    it->mount_timer = 0;
    pages_open(it);
}

void pages_open(struct oauth *it) {
    const struct au_host *host = it->source.au.host;
    int32_t status = host->http->mount(host->http->context, it->path, serve, it, &it->mount);
    if (status == JF_OK) return;
    it->mount = 0;
    // After a reload the old configuration's source may still be there for a while.
    if (host->loop->timer(host->loop->context, 500000000, mount_again, it, &it->mount_timer) != JF_OK)
        it->mount_timer = 0;
}

void pages_halt(struct oauth *it) {
    const struct au_host *host = it->source.au.host;
    if (it->mount_timer != 0) host->loop->cancel(host->loop->context, it->mount_timer);
    if (it->mount != 0) host->http->unmount(host->http->context, it->mount);
    it->mount = it->mount_timer = 0;
    while (it->visits != NULL) {
        struct visit *visit = it->visits;
        if (visit->request != 0) host->http->abandon(host->http->context, visit->request);
        visit_refuse(visit, "The gateway stops. Try again in a moment.");
    }
}
