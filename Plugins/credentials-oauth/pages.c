/* SPDX-License-Identifier: Apache-2.0
 * The way of a user's browser: the page that says what is asked for, the login that shows who sits there, the
 * authorization server, and back (RFC 6749 section 4.1, RFC 7636, RFC 9207, MCP's URL elicitation). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pages.h"
#include "library.h"
#include "strict.h"
#include "text.h"

#include <stdlib.h>

enum { VALUE_MOST = 4096 };

/** A browser that waits for a token endpoint. */
struct visit {
    struct visit *next;
    struct oauth *of;
    struct connecting *who;
    jf_ref exchange, request;
    bool login;
};

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
    if (connected != NULL) connected->connected(connected->context, view_of(who->id), status);
}

/** It came to nothing; `who` may be NULL, and is gone afterwards. */
static void refuse(struct oauth *it, jf_ref exchange, struct connecting *who, const char *text) {
    oauth_log(it, JF_LOG_WARNING, "a user could not be connected: %s", text);
    if (who != NULL) tell(it, who, JF_E_DENIED);
    connecting_free(who);
    say(it, exchange, 400, "Not connected", text);
}

static const char stale[] =
    "This page is too old, or was used before. Ask your assistant once more for a new one.";

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

static void first(struct oauth *it, const jf_http_request *request, jf_view query) {
    char id[64], fresh[44], token[44];
    jf_view value, cookie = cookie_of(it, request);
    uint64_t now = au_now(it->source.au.host);
    struct connecting *who = NULL;
    if (query_value(query, "id", id, sizeof(id), &value) == JF_OK)
        who = connecting_take(BY_ID, value, view_of(it->source.au.name), now);
    if (who == NULL) {
        say(it, request->exchange, 404, "Nothing to do here", stale);
        return;
    }
    struct page page = {.status = 200, .title = "Connect an account"};
    if (cookie.len == 0 && random_text(32, fresh)) page.cookie = cookie = view_of(fresh);
    token_of(cookie, value, token);
    au_puts(&page.body, "<p>Your assistant wants to use a server that needs an account of yours.</p><dl>");
    put_row(&page.body, "Server", who->server);
    put_row(&page.body, "Its address", who->at.resource);
    if (it->logs_in) put_row(&page.body, "First you sign in at", host_of(who->login.authorization));
    put_row(&page.body, "You agree at", host_of(who->at.authorization));
    put_scopes(&page.body, who->scopes);
    au_puts(&page.body, "</dl><form method=\"post\" action=\"");
    put_html(&page.body, it->path);
    au_puts(&page.body, "begin\"><input type=\"hidden\" name=\"id\" value=\"");
    put_html(&page.body, value);
    au_puts(&page.body, "\"><input type=\"hidden\" name=\"token\" value=\"");
    au_put(&page.body, view_of(token));
    au_puts(&page.body,
            "\"><button type=\"submit\">Continue</button></form><p class=\"note\">Only go on if you "
            "asked for this yourself a moment ago. If somebody sent you this link, close the "
            "page.</p>");
    connecting_add(who);
    page_send(it, request->exchange, &page);
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

/** Sends the browser to an authorization server; the list owns `who` again. */
static void go_to(struct oauth *it, jf_ref exchange, struct connecting *who, bool login) {
    struct page page = {.status = 200, .title = "One moment"};
    struct au_text url = {0};
    char challenge[44];
    digest_text(view_of(login ? who->login_verifier : who->verifier), challenge);
    au_put(&url, login ? who->login.authorization : who->at.authorization);
    put_parameter(&url, "response_type", AU_LITERAL("code"));
    put_parameter(&url, "client_id", login ? it->login.id : who->client.id);
    struct au_text redirect = {0};
    au_put(&redirect, it->base);
    if (login)
        au_puts(&redirect, "login");
    else
        au_puts(&redirect, "callback");
    put_parameter(&url, "redirect_uri", VIEW(redirect));
    au_text_end(&redirect);
    put_parameter(&url, "state", view_of(login ? who->login_state : who->state));
    put_parameter(&url, "code_challenge", view_of(challenge));
    put_parameter(&url, "code_challenge_method", AU_LITERAL("S256"));
    if (login) {
        put_parameter(&url, "scope", AU_LITERAL("openid"));
        put_parameter(&url, "nonce", view_of(who->nonce));
    } else {
        if (who->scopes.len != 0) put_parameter(&url, "scope", who->scopes);
        put_parameter(&url, "resource", who->at.resource);
    }
    if (url.failed) {
        au_text_end(&url);
        refuse(it, exchange, who, "out of memory");
        return;
    }
    page.onward = VIEW(url);
    au_puts(&page.body, "<p>You are sent to ");
    put_html(&page.body, host_of(page.onward));
    au_puts(&page.body, ".</p>");
    connecting_add(who);
    page_send(it, exchange, &page);
    au_text_end(&url);
}

static void begin(struct oauth *it, const jf_http_request *request) {
    char id[64], token[64], wanted[44];
    jf_view value, given, cookie = cookie_of(it, request), site = field(request, "sec-fetch-site");
    bool own = site.len == 0 || au_same(site, AU_LITERAL("same-origin"));
    if (query_value(request->body, "id", id, sizeof(id), &value) != JF_OK ||
        query_value(request->body, "token", token, sizeof(token), &given) != JF_OK || cookie.len == 0 ||
        !own) {
        say(it, request->exchange, 403, "Not connected",
            "This did not come from our own page, or your browser takes no cookies.");
        return;
    }
    token_of(cookie, value, wanted);
    if (given.len != 43 || !au_equal(given.ptr, (const uint8_t *)wanted, 43)) {
        say(it, request->exchange, 403, "Not connected", "This did not come from our own page.");
        return;
    }
    struct connecting *who =
        connecting_take(BY_ID, value, view_of(it->source.au.name), au_now(it->source.au.host));
    if (who == NULL) {
        say(it, request->exchange, 404, "Nothing to do here", stale);
        return;
    }
    if (who->cookie[0] != 0 && !is_bound(who, cookie)) {
        refuse(it, request->exchange, who, "Another browser went on with this page.");
        return;
    }
    digest_text(cookie, who->cookie);
    go_to(it, request->exchange, who, it->logs_in);
}

/* ---- Back ---- */

/** Whether the ID token is of the user whose client asked; NULL, or what is wrong. It came from the token
 * endpoint itself, whose name TLS has proven (OpenID Connect Core 1.0 section 3.1.3.7). */
static const char *login_wrong(struct oauth *it, const struct connecting *who, jf_view token) {
    jf_view rest = {0}, claims;
    struct au_text text = {0};
    struct au_arena memory = {0};
    jf_json_value root, value, key, element;
    int64_t until = 0;
    bool aimed = false;
    const char *wrong = "The login's answer has no ID token of use.";
    view_until(token, '.', &rest);
    claims = view_until(rest, '.', &rest);
    if (rest.len != 0 && get_base64url(claims, &text) && jf_json_read(VIEW(text), &root) &&
        root.kind == JF_JSON_OBJECT && au_json_strict(&root)) {
        jf_view issuer = member_text(&memory, &root, "iss"), nonce = member_text(&memory, &root, "nonce"),
                subject = member_text(&memory, &root, "sub");
        if (au_member(&root, "aud", &value) && value.kind == JF_JSON_STRING)
            aimed = jf_json_is(&value, it->login.id);
        if (au_member(&root, "aud", &value) && value.kind == JF_JSON_ARRAY) {
            jf_json_walk walk = jf_json_walk_of(&value);
            while (jf_json_next(&walk, &key, &element) == 1)
                aimed |= element.kind == JF_JSON_STRING && jf_json_is(&element, it->login.id);
        }
        bool lives = au_member(&root, "exp", &value) && jf_json_int64(&value, &until) && until > 0 &&
                     (uint64_t)until * 1000u + 60000u > wall_ms(it);
        if (!au_same(issuer, it->login_issuer) || !aimed || !lives || !au_same(nonce, view_of(who->nonce)))
            wrong = "The login's answer is not for this page.";
        else if (!au_same(subject, who->subject) || !au_same(issuer, who->issuer))
            wrong =
                "You signed in as another user than the one whose assistant asked. Nothing was connected.";
        else
            wrong = NULL;
    }
    au_text_end(&text);
    au_arena_end(&memory);
    return wrong;
}

static void visit_end(struct visit *visit) {
    struct visit **at = &visit->of->visits;
    while (*at != visit)
        at = &(*at)->next;
    *at = visit->next;
    free(visit);
}

static void answered(void *user, jf_ref request, const jf_http_response *response) {
    struct visit *visit = user;
    struct oauth *it = visit->of;
    struct connecting *who = visit->who;
    struct tokens tokens = {0};
    jf_ref exchange = visit->exchange;
    bool login = visit->login, gone = false;
    char room[160];
    jf_http_response known = {0};
    (void)request;
    memcpy(&known, response, response->size < sizeof(known) ? response->size : sizeof(known));
    visit_end(visit);
    const char *wrong = tokens_read(&known, false, wall_ms(it), &tokens, room, sizeof(room), &gone);
    if (wrong != NULL) {
        oauth_log(it, JF_LOG_WARNING, "%s", wrong);
        refuse(it, exchange, who, "The authorization server did not give a token.");
    } else if (login) {
        wrong = login_wrong(it, who, VIEW(tokens.id));
        who->logged_in = wrong == NULL;
        if (wrong != NULL)
            refuse(it, exchange, who, wrong);
        else
            go_to(it, exchange, who, false);
    } else if (!held_put(who->server, who->key, &who->at, &tokens)) {
        refuse(it, exchange, who, "The gateway has no room for one more account.");
    } else {
        oauth_log(it, JF_LOG_INFO, "a user is connected");
        tell(it, who, JF_OK);
        connecting_free(who);
        say(it, exchange, 200, "Connected",
            "That is all. You can close this page and go back to your assistant.");
    }
    tokens_end(&tokens);
}

static void ask(struct oauth *it, jf_ref exchange, struct connecting *who, bool login, jf_view code) {
    struct au_text form = {0}, authorization = {0}, redirect = {0};
    struct visit *visit = calloc(1, sizeof(*visit));
    const struct metadata *at = login ? &who->login : &who->at;
    au_put(&redirect, it->base);
    if (login)
        au_puts(&redirect, "login");
    else
        au_puts(&redirect, "callback");
    au_puts(&form, "grant_type=authorization_code");
    put_pair(&form, "code", code);
    put_pair(&form, "redirect_uri", VIEW(redirect));
    put_pair(&form, "code_verifier", view_of(login ? who->login_verifier : who->verifier));
    if (!login) put_pair(&form, "resource", who->at.resource);
    const char *wrong = visit == NULL ? "out of memory"
                                      : client_show(login ? &it->login : &who->client, at, wall_ms(it), &form,
                                                    &authorization);
    if (wrong == NULL) {
        *visit =
            (struct visit){.next = it->visits, .of = it, .who = who, .exchange = exchange, .login = login};
        it->visits = visit;
        if (fetch(it, AU_LITERAL("POST"), at->token, &authorization, &form, false, answered, visit,
                  &visit->request) != JF_OK) {
            visit_end(visit);
            visit = NULL;
            wrong = "The authorization server cannot be asked.";
        }
    }
    au_text_end(&form);
    au_text_end(&authorization);
    au_text_end(&redirect);
    if (wrong == NULL) return;
    free(visit);
    refuse(it, exchange, who, wrong);
}

static void back(struct oauth *it, const jf_http_request *request, jf_view query, bool login) {
    char state_room[64], iss_room[URL_MOST], code_room[VALUE_MOST], error_room[128];
    jf_view state, iss, code, error;
    struct connecting *who = NULL;
    int32_t has_state = query_value(query, "state", state_room, sizeof(state_room), &state);
    int32_t has_iss = query_value(query, "iss", iss_room, sizeof(iss_room), &iss);
    int32_t has_code = query_value(query, "code", code_room, sizeof(code_room), &code);
    int32_t has_error = query_value(query, "error", error_room, sizeof(error_room), &error);
    // Taken out: a state is good once.
    if (has_state == JF_OK)
        who = connecting_take(login ? BY_LOGIN_STATE : BY_STATE, state, view_of(it->source.au.name),
                              au_now(it->source.au.host));
    if (who == NULL) {
        say(it, request->exchange, 400, "Nothing to do here", stale);
        return;
    }
    const struct metadata *at = login ? &who->login : &who->at;
    const char *wrong = NULL;
    if (!is_bound(who, cookie_of(it, request)))
        wrong = "This is not the browser in which the page was opened.";
    else if (login ? who->logged_in : it->logs_in && !who->logged_in)
        wrong = "The steps came in another order than they should.";
    // RFC 9207: also where the answer is an error, whose text is not shown.
    else if (has_iss == JF_E_INVALID || (has_iss == JF_OK && !au_same(iss, at->issuer)) ||
             (has_iss == JF_ABSENT && at->iss_parameter))
        wrong = "The answer came from another authorization server than the one that was asked.";
    else if (has_error != JF_ABSENT)
        wrong = "Access was not granted.";
    else if (has_code != JF_OK || !is_visible(code))
        wrong = "The authorization server's answer has no code.";
    if (wrong != NULL)
        refuse(it, request->exchange, who, wrong);
    else
        ask(it, request->exchange, who, login, code);
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
        back(it, request, query, true);
    else if (get && au_same(path, AU_LITERAL("callback")))
        back(it, request, query, false);
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
        it->visits = visit->next;
        if (visit->request != 0) host->http->abandon(host->http->context, visit->request);
        refuse(it, visit->exchange, visit->who, "The gateway stops. Try again in a moment.");
        free(visit);
    }
}
