/* SPDX-License-Identifier: Apache-2.0
 * Who the gateway is at an authorization server where no operator registered it: one registration (RFC 7591)
 * for all gateways that share the store, made anew when its secret ends or the server does not know it any
 * more. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "records.h"
#include "url.h"

#include <stdlib.h>

/** One that this loop knows. */
struct registered {
    struct registered *next;
    struct au_text issuer, plain;
    uint64_t revision;
};

/** The one that is under way. */
struct enrolment {
    struct oauth *of;
    struct au_arena keep;
    struct metadata at;
    struct vault_key key;
    char nonce[44];
    struct au_text old;  /**< the record that is replaced */
    struct au_text made; /**< the new one */
    uint64_t revision;   /**< of our marker */
    uint64_t patience;   /**< monotonic: for somebody else who registers */
    jf_ref request, timer;
};

static const uint64_t millisecond = 1000000u;
enum { MARGIN_MS = 60000, FRESH_MS = 60000, SLACK_MS = 15000 };

static void look(struct enrolment *e);

/* ---- What is known ---- */

static struct registered **known_at(struct oauth *it, jf_view issuer) {
    struct registered **at = &it->registered;
    while (*at != NULL && !au_same(VIEW((*at)->issuer), issuer))
        at = &(*at)->next;
    return at;
}

static void forget(struct registered **at) {
    struct registered *known = *at;
    if (known == NULL) return;
    *at = known->next;
    au_text_end(&known->issuer);
    au_text_end(&known->plain);
    free(known);
}

static bool is_good(const struct registration *r, uint64_t now_ms) {
    return r->marker.len == 0 && is_visible(r->id) &&
           (r->secret_until_ms == 0 || now_ms + MARGIN_MS < r->secret_until_ms);
}

static void remember(struct oauth *it, jf_view issuer, jf_view plain, uint64_t revision) {
    forget(known_at(it, issuer));
    struct registered *known = calloc(1, sizeof(*known));
    if (known == NULL) return;
    text_set(&known->issuer, issuer);
    text_set(&known->plain, plain);
    known->revision = revision;
    known->next = it->registered;
    it->registered = known;
}

/* ---- Ends ---- */

static void enrolment_free(struct enrolment *e) {
    const struct au_host *host = e->of->source.au.host;
    if (e->request != 0) host->http->abandon(host->http->context, e->request);
    if (e->timer != 0) host->loop->cancel(host->loop->context, e->timer);
    if (e->of->enrolment == e) e->of->enrolment = NULL;
    au_text_end(&e->old);
    au_text_end(&e->made);
    au_arena_end(&e->keep);
    free(e);
}

/** `why` NULL: those who wait go on; else they fail. */
static void finish(struct enrolment *e, const char *why) {
    struct oauth *it = e->of;
    it->enrolment = NULL;
    for (struct entry *entry = it->entries; entry != NULL; entry = entry->next) {
        if (entry->task != TASK_REGISTER) continue;
        entry->task = TASK_NONE;
        if (why != NULL && au_same(entry->place->metadata.issuer, e->at.issuer))
            entry_fail(entry, JF_E_GONE, false, "%s", why);
        else
            entry_go(entry);
    }
    enrolment_free(e);
}

static void away(struct enrolment *e, const struct vault_answer *answer) {
    char text[200];
    snprintf(text, sizeof(text), "the store cannot be asked for our registration: %.120s", answer->why);
    finish(e, text);
}

/** The marker goes, so that others may try. */
static void give_up(struct enrolment *e, int32_t status) {
    char text[200];
    snprintf(text, sizeof(text),
             "the authorization server does not register us (%d): register the gateway there, and configure "
             "client_id",
             (int)status);
    vault_remove(e->of, &e->key, e->revision, vault_ignored, NULL);
    finish(e, text);
}

/* ---- Registering ---- */

static void saved(void *user, int32_t status, const struct vault_answer *answer) {
    struct enrolment *e = user;
    if (status == JF_E_STALE || status == JF_ABSENT) {
        look(e);
        return;
    }
    if (status != JF_OK)
        oauth_log(e->of, JF_LOG_WARNING, "a registration could not be written to the store: %s", answer->why);
    remember(e->of, e->at.issuer, VIEW(e->made), status == JF_OK ? answer->revision : 0);
    finish(e, NULL);
}

/** Reads what a registration endpoint answered into e->made. */
static bool take(struct enrolment *e, const jf_http_response *response, const struct registration *before) {
    jf_json_value root, value;
    struct au_arena memory = {0};
    int64_t until = 0;
    uint64_t now = wall_ms(e->of);
    if ((response->status != 200 && response->status != 201) || !read_object(response, &root)) return false;
    struct registration r = {.id = member_text(&memory, &root, "client_id"),
                             .secret = member_text(&memory, &root, "client_secret"),
                             .uri = member_text(&memory, &root, "registration_client_uri"),
                             .token = member_text(&memory, &root, "registration_access_token"),
                             .made_ms = now};
    if (au_member(&root, "client_secret_expires_at", &value) && jf_json_int64(&value, &until) && until > 0)
        r.secret_until_ms = (uint64_t)until < UINT64_MAX / 1000u ? (uint64_t)until * 1000u : 0;
    if (r.uri.len == 0 || r.token.len == 0) r.uri = r.token = (jf_view){0};
    if (r.token.len != 0 && (!is_visible(r.token) || r.token.len > 4096 ||
                             learned_wrong(r.uri, e->at.issuer, e->of->private) != NULL))
        r.uri = r.token = (jf_view){0};
    if (before != NULL && r.token.len == 0) {
        r.uri = before->uri;
        r.token = before->token;
    }
    bool good = is_good(&r, now) && r.id.len <= 2048 && r.secret.len <= 4096 &&
                (before == NULL || au_same(before->id, r.id));
    au_text_end(&e->made);
    if (good) registration_write(&e->made, &r);
    au_arena_end(&memory);
    return good && !e->made.failed;
}

static void save(struct enrolment *e) {
    vault_put(e->of, &e->key, VIEW(e->made), JF_STORE_MATCH, e->revision, 0, saved, e);
}

static void registered(void *user, jf_ref request, const jf_http_response *response) {
    struct enrolment *e = user;
    jf_http_response known = {0};
    (void)request;
    e->request = 0;
    memcpy(&known, response, response->size < sizeof(known) ? response->size : sizeof(known));
    if (take(e, &known, NULL))
        save(e);
    else
        give_up(e, known.status);
}

static void register_client(struct enrolment *e) {
    struct oauth *it = e->of;
    const struct metadata *at = &e->at;
    struct au_text body = {0};
    au_puts(&body, "{\"client_name\":");
    au_put_quoted(&body, it->client_name.len != 0 ? it->client_name : AU_LITERAL("Jackfield"));
    au_puts(&body, ",\"redirect_uris\":[");
    au_put_quoted(&body, it->redirect);
    au_puts(&body,
            "],\"grant_types\":[\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"],"
            "\"application_type\":");
    au_put_quoted(&body, au_url_is_local(it->public_url) ? AU_LITERAL("native") : AU_LITERAL("web"));
    au_puts(&body, ",\"token_endpoint_auth_method\":");
    au_put_quoted(&body, !at->has_auth || at->basic ? AU_LITERAL("client_secret_basic")
                         : at->post                 ? AU_LITERAL("client_secret_post")
                                                    : AU_LITERAL("none"));
    au_puts(&body, "}");
    int32_t status = body.failed ? JF_E_FAULT
                                 : fetch(it, near_of(it, at->resource), AU_LITERAL("POST"), at->registration,
                                         NULL, &body, true, registered, e, &e->request);
    au_text_end(&body);
    if (status != JF_OK) give_up(e, status);
}

/** What the authorization server says of the client now (RFC 7592 section 2.1): perhaps a new secret. */
static void managed(void *user, jf_ref request, const jf_http_response *response) {
    struct enrolment *e = user;
    struct registration before;
    jf_http_response known = {0};
    (void)request;
    e->request = 0;
    memcpy(&known, response, response->size < sizeof(known) ? response->size : sizeof(known));
    if (registration_read(VIEW(e->old), &before) && take(e, &known, &before))
        save(e);
    else
        register_client(e);
}

static void claimed(void *user, int32_t status, const struct vault_answer *answer) {
    struct enrolment *e = user;
    struct registration before;
    struct au_text authorization = {0};
    if (status == JF_E_STALE || status == JF_ABSENT) {
        look(e);
        return;
    }
    if (status != JF_OK) {
        away(e, answer);
        return;
    }
    e->revision = answer->revision;
    if (e->old.len != 0 && registration_read(VIEW(e->old), &before) && before.token.len != 0) {
        au_puts(&authorization, "Bearer ");
        au_put(&authorization, before.token);
        int32_t begun = fetch(e->of, near_of(e->of, e->at.resource), AU_LITERAL("GET"), before.uri,
                              &authorization, NULL, false, managed, e, &e->request);
        au_text_end(&authorization);
        if (begun == JF_OK) return;
    }
    register_client(e);
}

static void again(void *user) {
    struct enrolment *e = user;
    e->timer = 0;
    look(e);
}

static void looked(void *user, int32_t status, const struct vault_answer *answer) {
    struct enrolment *e = user;
    struct oauth *it = e->of;
    struct registration r = {0}, marker = {.marker = view_of(e->nonce)};
    struct au_text plain = {0};
    const jf_loop_1 *loop = it->source.au.host->loop;
    uint64_t now = au_now(it->source.au.host);
    if (is_away(status)) {
        away(e, answer);
        return;
    }
    bool there = status == JF_OK && registration_read(answer->plain, &r);
    if (there && is_good(&r, wall_ms(it))) {
        remember(it, e->at.issuer, answer->plain, answer->revision);
        finish(e, NULL);
        return;
    }
    if (there && r.marker.len != 0 && !au_same(r.marker, view_of(e->nonce))) {
        // Its marker ends with the store's clock, if nobody takes it away.
        if (now > e->patience)
            finish(e, "another gateway registers at the authorization server");
        else if (loop->timer(loop->context, 200 * millisecond, again, e, &e->timer) != JF_OK)
            finish(e, "no timer");
        return;
    }
    if (there && r.marker.len == 0) text_set(&e->old, answer->plain);
    registration_write(&plain, &marker);
    vault_put(it, &e->key, VIEW(plain), status == JF_ABSENT ? JF_STORE_CREATE : JF_STORE_MATCH,
              answer->revision, it->timeout_ns / millisecond * 2 + SLACK_MS, claimed, e);
    au_text_end(&plain);
}

static void look(struct enrolment *e) {
    vault_get(e->of, &e->key, looked, e);
}

static struct enrolment *enrolment_of(struct oauth *it, jf_view issuer) {
    struct enrolment *e = calloc(1, sizeof(*e));
    if (e == NULL) return NULL;
    e->of = it;
    e->key = key_of_client(issuer, it->redirect);
    e->at.issuer = au_take_text(&e->keep, issuer);
    e->patience = au_now(it->source.au.host) + it->timeout_ns * 2 + SLACK_MS * millisecond;
    if (random_text(32, e->nonce) && !e->keep.failed) return it->enrolment = e;
    au_arena_end(&e->keep);
    free(e);
    return NULL;
}

/* ---- For others ---- */

bool client_of(struct entry *entry, struct client *out) {
    struct oauth *it = entry->of;
    const struct metadata *at = &entry->place->metadata;
    struct registration r;
    if (it->client.id.len != 0) {
        *out = it->client;
        return true;
    }
    if (at->by_document && it->secure) {
        *out = (struct client){.id = it->document, .auth = AUTH_NONE};
        return true;
    }
    const struct registered *known = *known_at(it, at->issuer);
    if (known != NULL && registration_read(VIEW(known->plain), &r) && is_good(&r, wall_ms(it))) {
        *out = (struct client){.id = r.id, .secret = r.secret};
        out->auth = r.secret.len != 0 ? AUTH_AUTO : AUTH_NONE;
        return true;
    }
    if (at->registration.len == 0) {
        entry_fail(
            entry, JF_E_GONE, false,
            "client_id is missing, and the authorization server does not register clients: register the "
            "gateway there");
        return false;
    }
    entry->task = TASK_REGISTER;
    if (it->enrolment != NULL) return false;
    struct enrolment *e = enrolment_of(it, at->issuer);
    if (e != NULL) {
        e->at.resource = au_take_text(&e->keep, at->resource);
        e->at.registration = au_take_text(&e->keep, at->registration);
        e->at.has_auth = at->has_auth;
        e->at.basic = at->basic;
        e->at.post = at->post;
        look(e);
        return false;
    }
    entry->task = TASK_NONE;
    entry_fail(entry, JF_E_FAULT, false, "out of memory or randomness");
    return false;
}

static void dropped(void *user, int32_t status, const struct vault_answer *answer) {
    (void)status;
    (void)answer;
    finish(user, NULL);
}

bool client_refused(struct oauth *it, jf_view issuer, jf_view id) {
    struct registered **at = known_at(it, issuer);
    struct registration r;
    uint64_t now = wall_ms(it);
    // A server that refuses whom it registered a moment ago would be asked without end.
    if (it->client.id.len != 0 || *at == NULL || it->enrolment != NULL ||
        !registration_read(VIEW((*at)->plain), &r) || (id.len != 0 && !au_same(id, r.id)) ||
        now < r.made_ms + FRESH_MS)
        return false;
    uint64_t revision = (*at)->revision;
    oauth_log(it, JF_LOG_WARNING, "the authorization server does not know us any more: we register again");
    struct enrolment *e = enrolment_of(it, issuer);
    forget(at);
    // Whoever asks meanwhile waits until the old one is gone.
    if (e != NULL) vault_remove(it, &e->key, revision, dropped, e);
    return true;
}

void clients_halt(struct oauth *it) {
    if (it->enrolment != NULL) enrolment_free(it->enrolment);
}

void clients_close(struct oauth *it) {
    while (it->registered != NULL)
        forget(&it->registered);
}
