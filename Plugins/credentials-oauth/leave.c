/* SPDX-License-Identifier: Apache-2.0
 * The way out: a user signs in and is disconnected from a server. What the store has goes first; then the
 * authorization server is told (RFC 7009), which may fail without harm to that. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pages.h"
#include "url.h"

#include <stdlib.h>

enum { ROUNDS = 1000 };

static void next(struct visit *visit);

/** Without a login nobody knows who is in the browser: only on this machine that does not matter. */
static bool is_open(const struct oauth *it) {
    return it->logs_in || au_url_is_local(it->public_url);
}

void leave_page(struct oauth *it, const jf_http_request *request) {
    char fresh[44], token[44];
    struct page page = {.status = 200, .title = "Disconnect an account"};
    if (!is_open(it)) {
        page.status = 404;
        page.title = "Nothing to do here";
        au_puts(&page.body,
                "<p>This gateway has no login, so it cannot know who you are. Take your consent back at "
                "the server's authorization server.</p>");
        page_send(it, request->exchange, &page);
        return;
    }
    form_token(it, request, AU_LITERAL("disconnect"), &page, fresh, token);
    // Without a login all users are one, as far as this page can tell.
    au_puts(&page.body, it->logs_in ? "<p>Your assistant will not use your account at <b>"
                                    : "<p>Nobody's assistant will use an account at <b>");
    put_html(&page.body, view_of(it->source.au.name));
    au_puts(&page.body, it->logs_in
                            ? "</b> any more, until you connect it again.</p>"
                            : "</b> any more, until it is connected again: this gateway has no login, "
                              "so the accounts of all users go.</p>");
    au_puts(&page.body, "<form method=\"post\" action=\"");
    put_html(&page.body, it->path);
    au_puts(&page.body, "disconnect\"><input type=\"hidden\" name=\"token\" value=\"");
    au_put(&page.body, view_of(token));
    au_puts(&page.body, "\"><button type=\"submit\">Disconnect</button></form>");
    page_send(it, request->exchange, &page);
}

/* ---- Signing in ---- */

/** The login's metadata are there, or not. */
static void sign_in(struct visit *visit) {
    struct oauth *it = visit->of;
    const struct place *login = place_of(it, (jf_view){0}, it->login_issuer, (jf_view){0});
    struct connecting *who = calloc(1, sizeof(*who));
    visit->who = who;
    if (who == NULL || login == NULL || login->state != PLACE_READY ||
        login->metadata.authorization.len == 0) {
        visit_refuse(visit, "The login cannot be reached. Try again in a moment.");
        return;
    }
    who->leaves = true;
    who->server = au_take_text(&who->keep, view_of(it->source.au.name));
    who->login = login->metadata;
    who->login.resource = who->login.registration = who->login.revocation = who->login.scopes = (jf_view){0};
    who->login.issuer = au_take_text(&who->keep, login->metadata.issuer);
    who->login.authorization = au_take_text(&who->keep, login->metadata.authorization);
    who->login.token = au_take_text(&who->keep, login->metadata.token);
    if (who->keep.failed || !connecting_begin(who, wall_ms(it))) {
        visit_refuse(visit, "out of memory or randomness");
        return;
    }
    digest_text(view_of(visit->cookie), who->cookie);
    visit->key = key_of_pending(who->server, (jf_view){(uint8_t *)who->id, LOOKUP});
    visit_onward(visit, true);
}

void leave_go(struct oauth *it) {
    const struct place *login =
        it->logs_in ? place_of(it, (jf_view){0}, it->login_issuer, (jf_view){0}) : NULL;
    if (login != NULL && login->state == PLACE_ASKING) return;
    for (struct visit *visit = it->visits; visit != NULL;) {
        if (!visit->waits) {
            visit = visit->next;
            continue;
        }
        visit->waits = false;
        sign_in(visit);
        visit = it->visits; // Others may have come and gone.
    }
}

void leave_begin(struct oauth *it, const jf_http_request *request) {
    if (!is_open(it)) {
        leave_page(it, request);
        return;
    }
    if (!form_is_ours(it, request, AU_LITERAL("disconnect"))) return;
    struct visit *visit = visit_new(it, request, STEP_LEAVE);
    if (visit == NULL) return;
    if (!it->logs_in) {
        leave_go_on(visit);
        return;
    }
    struct place *login = place_of(it, (jf_view){0}, it->login_issuer, (jf_view){0});
    visit->waits = true;
    if (login != NULL) place_need(login);
    leave_go(it);
}

/* ---- Removing ---- */

static void done(struct visit *visit) {
    char text[300];
    if (visit->count == 0) {
        visit_say(visit, 200, "Not connected", "There is no connection of yours.");
        return;
    }
    oauth_log(visit->of, JF_LOG_INFO, "a user is disconnected (%u connections, %u revoked)", visit->count,
              visit->told);
    snprintf(text, sizeof(text), "That is all. %s",
             visit->told == visit->count
                 ? "The authorization server was told, too."
                 : "The authorization server could not be told: you may take your consent back there.");
    visit_say(visit, 200, "Disconnected", text);
}

static void revoked(void *user, jf_ref request, const jf_http_response *response) {
    struct visit *visit = user;
    (void)request;
    visit->request = 0;
    if (response->status == 200)
        visit->told++;
    else
        oauth_log(visit->of, JF_LOG_WARNING, "the revocation endpoint answered %d", (int)response->status);
    next(visit);
}

/** Tells the authorization server, as the client to whom the tokens were given. */
static void revoke(struct visit *visit, const struct client *client) {
    struct oauth *it = visit->of;
    struct au_text form = {0}, authorization = {0};
    struct connection c;
    if (!connection_read(VIEW(visit->plain), &c)) {
        next(visit);
        return;
    }
    struct metadata at = {.issuer = c.issuer, .token = c.revocation, .has_auth = c.has_auth};
    at.basic = c.basic;
    at.post = c.post;
    // With a refresh token its access tokens go (RFC 7009 section 2.1).
    au_puts(&form, "token_type_hint=");
    if (c.refresh.len != 0)
        au_puts(&form, "refresh_token");
    else
        au_puts(&form, "access_token");
    put_pair(&form, "token", c.refresh.len != 0 ? c.refresh : c.access);
    const char *wrong = client_show(client, &at, wall_ms(it), &form, &authorization);
    if (wrong == NULL && fetch(it, near_of(it, c.resource), AU_LITERAL("POST"), c.revocation, &authorization,
                               &form, false, revoked, visit, &visit->request) != JF_OK)
        wrong = "it cannot be asked";
    au_text_end(&form);
    au_text_end(&authorization);
    if (wrong == NULL) return;
    oauth_log(it, JF_LOG_WARNING, "the revocation endpoint: %s", wrong);
    next(visit);
}

static void found_client(void *user, int32_t status, const struct vault_answer *answer) {
    struct visit *visit = user;
    struct registration r;
    struct connection c;
    if (status != JF_OK || !registration_read(answer->plain, &r) ||
        !connection_read(VIEW(visit->plain), &c) || !au_same(r.id, c.client_id)) {
        next(visit);
        return;
    }
    struct client client = {.id = r.id, .secret = r.secret};
    client.auth = r.secret.len != 0 ? AUTH_AUTO : AUTH_NONE;
    revoke(visit, &client);
}

static void removed(void *user, int32_t status, const struct vault_answer *answer) {
    struct visit *visit = user;
    struct oauth *it = visit->of;
    const jf_connected_1 *connected = cs_host_of(&it->source)->connected;
    struct connection c;
    if (is_away(status)) {
        oauth_log(it, JF_LOG_WARNING, "the store cannot be asked: %s", answer->why);
        visit_refuse(visit, "The gateway cannot reach its store. Try again in a moment.");
        return;
    }
    // JF_E_STALE: it was refreshed a moment ago; the next round has the new one.
    if (status == JF_OK) {
        visit->count++;
        held_drop(&visit->gone);
    }
    if (status != JF_OK || !connection_read(VIEW(visit->plain), &c)) {
        next(visit);
        return;
    }
    if (connected != NULL) connected->forget(connected->context, c.principal);
    if (c.revocation.len == 0) {
        next(visit);
    } else if (au_same(c.client_id, it->client.id)) {
        revoke(visit, &it->client);
    } else if (au_same(c.client_id, it->document)) {
        struct client client = {.id = it->document, .auth = AUTH_NONE};
        revoke(visit, &client);
    } else {
        struct vault_key key = key_of_client(c.issuer, it->redirect);
        vault_get(it, &key, found_client, visit);
    }
}

static void found(void *user, int32_t status, const struct vault_answer *answer) {
    struct visit *visit = user;
    if (status == JF_ABSENT) {
        done(visit);
        return;
    }
    if (is_away(status) || answer->key.len >= VAULT_KEY) {
        oauth_log(visit->of, JF_LOG_WARNING, "the store cannot be asked: %s", answer->why);
        visit_refuse(visit, "The gateway cannot reach its store. Try again in a moment.");
        return;
    }
    memset(&visit->gone, 0, sizeof(visit->gone));
    memcpy(visit->gone.text, answer->key.ptr, answer->key.len);
    text_set(&visit->plain, status == JF_OK ? answer->plain : (jf_view){0});
    vault_remove(visit->of, &visit->gone, answer->revision, removed, visit);
}

static void next(struct visit *visit) {
    au_text_end(&visit->plain);
    if (visit->count < ROUNDS)
        vault_first(visit->of, &visit->prefix, found, visit);
    else
        done(visit);
}

void leave_go_on(struct visit *visit) {
    struct oauth *it = visit->of;
    jf_view server = view_of(it->source.au.name);
    visit->step = STEP_LEAVE;
    visit->prefix =
        it->logs_in ? key_of_user(server, visit->who->issuer, visit->who->subject) : key_of_server(server);
    next(visit);
}
