/* SPDX-License-Identifier: Apache-2.0
 * The grant authorization_code, on the side of calls: tokens that are there, refreshing them, and sending the
 * user to the page where it begins. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "held.h"
#include "pages.h"
#include "text.h"
#include "url.h"

#include <stdatomic.h>
#include <stdlib.h>

static _Atomic bool told;
static const uint64_t lifetime = 600 * 1000000000ull;

/* ---- Who the gateway is ---- */

static void registered(void *user, jf_ref request, const jf_http_response *response) {
    struct oauth *it = user;
    jf_http_response known = {0};
    jf_json_value root;
    struct au_arena memory = {0};
    (void)request;
    it->registration = 0;
    it->registering = false;
    memcpy(&known, response, response->size < sizeof(known) ? response->size : sizeof(known));
    bool object = read_object(&known, &root);
    jf_view id = object ? member_text(&memory, &root, "client_id") : (jf_view){0};
    jf_view secret = object ? member_text(&memory, &root, "client_secret") : (jf_view){0};
    // Whoever began is the first entry of its place that waits.
    struct entry *entry = it->entries;
    while (entry != NULL && !(entry->busy && entry->task == TASK_REGISTER))
        entry = entry->next;
    if (entry != NULL) {
        bool good = (known.status == 200 || known.status == 201) && is_visible(id) && id.len <= 2048 &&
                    registered_put(entry->place->metadata.issuer, it->redirect, id, secret);
        entry->task = TASK_NONE;
        if (!good)
            entry_fail(entry, JF_E_GONE, false,
                       "the authorization server does not register us (%d): "
                       "register the gateway there, and configure client_id",
                       (int)known.status);
    }
    au_arena_end(&memory);
    entries_go(it);
}

static void register_client(struct entry *entry) {
    struct oauth *it = entry->of;
    const struct metadata *at = &entry->place->metadata;
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
                                 : fetch(it, AU_LITERAL("POST"), at->registration, NULL, &body, true,
                                         registered, it, &it->registration);
    au_text_end(&body);
    if (status != JF_OK) {
        entry_fail(entry, JF_E_GONE, false, "the registration endpoint cannot be asked");
        return;
    }
    it->registering = true;
    entry->task = TASK_REGISTER;
}

/** Who the gateway is at the entry's authorization server. False: not known yet, or never; the entry is
 * waiting, or failed. */
static bool client_of(struct entry *entry, struct client *out) {
    struct oauth *it = entry->of;
    const struct metadata *at = &entry->place->metadata;
    if (it->client.id.len != 0) {
        *out = it->client;
        return true;
    }
    if (at->by_document && it->secure) {
        *out = (struct client){.id = it->document, .auth = AUTH_NONE};
        return true;
    }
    if (registered_find(at->issuer, it->redirect, out)) return true;
    if (it->registering) return false;
    if (at->registration.len != 0)
        register_client(entry);
    else
        entry_fail(entry, JF_E_GONE, false,
                   "client_id is missing, and the authorization server does not "
                   "register clients: register the gateway there");
    return false;
}

/* ---- Users ---- */

static void keep_metadata(struct au_arena *keep, struct metadata *to, const struct metadata *from) {
    *to = *from;
    to->resource = au_take_text(keep, from->resource);
    to->issuer = au_take_text(keep, from->issuer);
    to->authorization = au_take_text(keep, from->authorization);
    to->token = au_take_text(keep, from->token);
    to->registration = to->scopes = (jf_view){0};
}

static struct connecting *connecting_of(struct entry *entry, const struct client *client,
                                        const struct place *login, jf_view scopes) {
    struct oauth *it = entry->of;
    struct connecting *c = calloc(1, sizeof(*c));
    if (c == NULL) return NULL;
    c->until = au_now(it->source.au.host) + lifetime;
    c->server = au_take_text(&c->keep, view_of(it->source.au.name));
    c->key = au_take_text(&c->keep, entry->key);
    c->subject = au_take_text(&c->keep, entry->subject);
    c->issuer = au_take_text(&c->keep, entry->issuer);
    c->scopes = au_take_text(&c->keep, scopes);
    c->client = *client;
    c->client.id = au_take_text(&c->keep, client->id);
    c->client.secret = au_take_text(&c->keep, client->secret);
    c->client.key_id = au_take_text(&c->keep, client->key_id);
    if (client->key_file != NULL)
        c->client.key_file = (const char *)au_take_text(&c->keep, view_of(client->key_file)).ptr;
    keep_metadata(&c->keep, &c->at, &entry->place->metadata);
    if (it->resource.len != 0) c->at.resource = au_take_text(&c->keep, it->resource);
    if (login != NULL) keep_metadata(&c->keep, &c->login, &login->metadata);
    if (!c->keep.failed && random_text(32, c->id) && random_text(32, c->state) &&
        random_text(32, c->verifier) && random_text(32, c->login_state) &&
        random_text(32, c->login_verifier) && random_text(32, c->nonce))
        return c;
    connecting_free(c);
    return NULL;
}

static void answer_connect(struct entry *entry, const char *id) {
    const struct oauth *it = entry->of;
    struct au_text json = {0}, url = {0}, message = {0};
    au_put(&url, it->base);
    au_puts(&url, "?id=");
    au_put(&url, view_of(id));
    au_puts(&message, "Connect ");
    au_put(&message, view_of(it->source.au.name));
    au_puts(&message, ": open the page, check what it asks for, and sign in.");
    au_puts(&json, "{\"connect\":{\"url\":");
    au_put_quoted(&json, VIEW(url));
    au_puts(&json, ",\"message\":");
    au_put_quoted(&json, VIEW(message));
    au_puts(&json, ",\"id\":");
    au_put_quoted(&json, view_of(id));
    au_puts(&json, "}}");
    held_forget(entry);
    entry_answer(entry, JF_OK, &json, NULL);
    au_text_end(&json);
    au_text_end(&url);
    au_text_end(&message);
}

static void waited(void *user) {
    struct entry *entry = user;
    entry->timer = 0;
    entry->may_wait = false;
    entry_go(entry);
}

/** There is no token: the user has to be asked. */
static void connect(struct entry *entry) {
    struct oauth *it = entry->of;
    const struct metadata *at = &entry->place->metadata;
    const jf_loop_1 *loop = it->source.au.host->loop;
    const char *lacks = at->authorization.len == 0 ? "names no authorization_endpoint"
                        : !at->s256                ? "does not say that it knows PKCE with S256"
                                                   : NULL;
    if (lacks != NULL) {
        entry_fail(entry, JF_E_GONE, false, "the authorization server %s", lacks);
        return;
    }
    struct place *login = NULL;
    if (it->logs_in) {
        login = place_of(it, (jf_view){0}, it->login_issuer, (jf_view){0});
        if (login != NULL) place_need(login);
        if (!entry->busy || entry->timer != 0 || (login != NULL && login->state == PLACE_ASKING)) return;
        if (login == NULL || login->state != PLACE_READY || login->metadata.authorization.len == 0) {
            entry_fail(entry, JF_E_GONE, false, "login: %s",
                       login != NULL && login->why[0] != 0 ? login->why : "no authorization_endpoint");
            return;
        }
    }
    struct client client;
    if (!client_of(entry, &client)) return;
    struct au_text scopes = {0};
    char id[44];
    entry_scopes(entry, &scopes);
    bool again = connecting_again(entry, VIEW(scopes), au_now(it->source.au.host), id);
    if (entry->may_wait && it->wait_ns != 0 && entry->timer == 0) {
        au_text_end(&scopes);
        held_wait(entry);
        if (loop->timer(loop->context, it->wait_ns, waited, entry, &entry->timer) == JF_OK) return;
        entry->timer = 0;
        entry_fail(entry, JF_E_FAULT, false, "no timer");
        return;
    }
    if (!again) {
        struct connecting *c = connecting_of(entry, &client, login, VIEW(scopes));
        if (c != NULL) {
            memcpy(id, c->id, sizeof(id));
            connecting_add(c);
        }
        again = c != NULL;
    }
    au_text_end(&scopes);
    if (again)
        answer_connect(entry, id);
    else
        entry_fail(entry, JF_E_FAULT, false, "out of memory or randomness");
}

void code_go(struct entry *entry) {
    struct au_text refresh = {0}, form = {0};
    struct client client;
    switch (held_find(entry, &entry->access, &entry->expires_ms, &refresh)) {
    case HELD_TOKEN:
        held_forget(entry);
        entry_done(entry);
        break;
    case HELD_WAIT:
        break;
    case HELD_REFRESH:
        if (!client_of(entry, &client)) {
            held_release(entry, false);
            break;
        }
        au_puts(&form, "grant_type=refresh_token");
        put_pair(&form, "refresh_token", VIEW(refresh));
        put_pair(&form, "resource", resource_of(entry));
        entry_send(entry, entry->place, &client, &form, TASK_REFRESH);
        break;
    default:
        connect(entry);
    }
    au_text_end(&refresh);
}

void code_refreshed(struct entry *entry, struct tokens *tokens, bool grant_gone) {
    if (entry->grant != GRANT_CODE) return;
    if (tokens == NULL || grant_gone) {
        held_release(entry, grant_gone);
        if (grant_gone) entry_go(entry);
        return;
    }
    struct metadata at = {.issuer = entry->place->metadata.issuer, .resource = resource_of(entry)};
    if (!held_put(view_of(entry->of->source.au.name), entry->key, &at, tokens)) {
        held_release(entry, true);
        entry_fail(entry, JF_E_FAULT, false, "no memory for a token");
        return;
    }
    text_set(&entry->access, VIEW(tokens->access));
    entry->expires_ms = tokens->expires_ms;
    entry_done(entry);
}

void code_refused(struct entry *entry, bool wants_more) {
    held_refuse(entry, VIEW(entry->access), wants_more);
}

void code_forget(struct entry *entry) {
    held_forget(entry);
}

/* ---- Options ---- */

static void put_segment(struct au_text *out, const char *name) {
    au_puts(out, "/connect/");
    au_put_encoded(out, view_of(name));
    au_puts(out, "/");
}

static jf_view made(struct oauth *it, const char *more) {
    struct au_text text = {0};
    au_put(&text, it->public_url);
    au_put(&text, it->path);
    au_put(&text, view_of(more));
    jf_view kept = au_take_text(&it->source.au.keep, VIEW(text));
    au_text_end(&text);
    return kept;
}

void code_open(struct oauth *it, struct au_options *options) {
    jf_json_value login;
    struct au_text path = {0};
    it->public_url = au_option_text(options, &options->root, "public_url");
    it->client_name = au_option_text(options, &options->root, "client_name");
    if (it->public_url.len == 0)
        au_option_wrong(options, "public_url is missing: where do browsers reach the gateway?");
    au_option_url(options, "public_url", it->public_url, false);
    while (it->public_url.len != 0 && it->public_url.ptr[it->public_url.len - 1] == '/')
        it->public_url.len--;
    it->secure = it->public_url.len > 8 && it->public_url.ptr[4] == 's';
    put_segment(&path, it->source.au.name);
    it->path = au_take_text(options->keep, VIEW(path));
    au_text_end(&path);
    it->base = made(it, "");
    it->redirect = made(it, "callback");
    it->document = made(it, "client.json");
    if (!au_member(&options->root, "login", &login)) {
        au_option_wrong(options,
                        "login is missing: without it nobody knows whether the user in the browser is "
                        "the client's user; login: none says that this does not matter here");
    } else if (login.kind == JF_JSON_OBJECT) {
        options->where = "login.";
        it->logs_in = true;
        it->login_issuer = au_option_text(options, &login, "issuer");
        if (it->login_issuer.len == 0) au_option_wrong(options, "issuer is missing");
        au_option_url(options, "issuer", it->login_issuer, false);
        client_open(&it->login, options, &login, false);
        if (it->login.id.len == 0) au_option_wrong(options, "client_id is missing");
        options->where = "";
    } else if (login.kind != JF_JSON_STRING || !jf_json_is(&login, AU_LITERAL("none"))) {
        au_option_wrong(options, "login must be a mapping, or none");
    } else if (!au_url_is_local(it->public_url)) {
        oauth_log(
            it, JF_LOG_WARNING,
            "login: none, and the gateway is not only on this machine: whoever opens a connect page can "
            "give another user's client an account of his own, or be led to give away hers");
    }
    if (options->status != JF_OK) return;
    if (!atomic_exchange(&told, true))
        oauth_log(it, JF_LOG_WARNING,
                  "tokens of users are kept in memory: after a restart users connect again");
    pages_open(it);
}

void code_halt(struct oauth *it) {
    const struct au_host *host = it->source.au.host;
    if (it->registration != 0) host->http->abandon(host->http->context, it->registration);
    it->registration = 0;
    pages_halt(it);
}
