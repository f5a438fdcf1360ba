/* SPDX-License-Identifier: Apache-2.0
 * The grant authorization_code, on the side of calls: the user's connection in the store, refreshing it where
 * no other gateway does, and sending the user to the page where it begins.
 *
 * Refresh tokens that are replaced may be used once: whoever uses one first puts a marker into the record, by
 * comparing its revision. Each step begins anew at code_go, so that whatever changed meanwhile counts. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pages.h"
#include "text.h"
#include "url.h"

#include <stdlib.h>

static const uint64_t second = 1000000000u, day_ms = 86400000u;

static jf_view server_of(const struct oauth *it) {
    return view_of(it->source.au.name);
}

static void again(void *user) {
    struct entry *entry = user;
    entry->timer = 0;
    entry_go(entry);
}

/** entry_go follows after so long, or when the connection changes in this process. */
static void go_later(struct entry *entry, uint64_t ns) {
    const jf_loop_1 *loop = entry->of->source.au.host->loop;
    if (entry->timer != 0) loop->cancel(loop->context, entry->timer);
    entry->timer = 0;
    held_wait(entry);
    if (loop->timer(loop->context, ns, again, entry, &entry->timer) == JF_OK) return;
    entry->timer = 0;
    entry_fail(entry, JF_E_FAULT, false, "no timer");
}

static void store_failed(struct entry *entry, const struct vault_answer *answer) {
    entry_fail(entry, JF_E_GONE, false, "the store cannot be asked for connections of users: %.100s",
               answer->why);
}

/* ---- Sending the user to a page ---- */

static void keep_metadata(struct au_arena *keep, struct metadata *to, const struct metadata *from) {
    *to = *from;
    to->resource = au_take_text(keep, from->resource);
    to->issuer = au_take_text(keep, from->issuer);
    to->authorization = au_take_text(keep, from->authorization);
    to->token = au_take_text(keep, from->token);
    to->revocation = au_take_text(keep, from->revocation);
    to->registration = to->scopes = (jf_view){0};
}

static struct connecting *connecting_of(struct entry *entry, const struct client *client,
                                        const struct place *login, jf_view scopes) {
    struct oauth *it = entry->of;
    struct connecting *c = calloc(1, sizeof(*c));
    if (c == NULL) return NULL;
    c->server = au_take_text(&c->keep, server_of(it));
    c->key = au_take_text(&c->keep, entry->key);
    c->subject = au_take_text(&c->keep, entry->subject);
    c->issuer = au_take_text(&c->keep, entry->issuer);
    c->scopes = au_take_text(&c->keep, scopes);
    c->client = *client;
    c->client.id = au_take_text(&c->keep, client->id);
    c->client.secret = au_take_text(&c->keep, client->secret);
    keep_metadata(&c->keep, &c->at, &entry->place->metadata);
    if (it->resource.len != 0) c->at.resource = au_take_text(&c->keep, it->resource);
    if (login != NULL) keep_metadata(&c->keep, &c->login, &login->metadata);
    if (!c->keep.failed && connecting_begin(c, wall_ms(it))) return c;
    connecting_free(c);
    return NULL;
}

static void answer_connect(struct entry *entry) {
    const struct oauth *it = entry->of;
    struct au_text json = {0}, url = {0}, message = {0};
    au_put(&url, it->base);
    au_puts(&url, "?id=");
    au_put(&url, view_of(entry->link));
    au_puts(&message, "Connect ");
    au_put(&message, server_of(it));
    au_puts(&message, ": open the page, check what it asks for, and sign in.");
    au_puts(&json, "{\"connect\":{\"url\":");
    au_put_quoted(&json, VIEW(url));
    au_puts(&json, ",\"message\":");
    au_put_quoted(&json, VIEW(message));
    au_puts(&json, ",\"id\":");
    au_put_quoted(&json, view_of(entry->link));
    au_puts(&json, "}}");
    held_forget(entry);
    entry_answer(entry, JF_OK, &json, NULL);
    au_text_end(&json);
    au_text_end(&url);
    au_text_end(&message);
}

static void linked(void *user, int32_t status, const struct vault_answer *answer) {
    struct entry *entry = user;
    entry->task = TASK_NONE;
    if (status == JF_OK) {
        answer_connect(entry);
        return;
    }
    // Somebody went on with it: there must be another one.
    entry->link[0] = 0;
    if (is_away(status))
        store_failed(entry, answer);
    else
        entry_go(entry);
}

/** A page for these scopes, which the user may have been sent to before. */
static void send_to_page(struct entry *entry, const struct client *client, const struct place *login,
                         jf_view scopes) {
    struct oauth *it = entry->of;
    uint64_t now = wall_ms(it);
    entry->task = TASK_STORE;
    if (entry->link[0] != 0 && au_same(VIEW(entry->link_scopes), scopes) &&
        au_same(VIEW(entry->link_issuer), entry->place->metadata.issuer) &&
        now + 60000 < entry->link_until_ms) {
        struct vault_key key = key_of_pending(server_of(it), (jf_view){(uint8_t *)entry->link, LOOKUP});
        vault_get(it, &key, linked, entry);
        return;
    }
    struct au_text plain = {0};
    struct connecting *c = connecting_of(entry, client, login, scopes);
    if (c != NULL) {
        memcpy(entry->link, c->id, sizeof(entry->link));
        text_set(&entry->link_scopes, scopes);
        text_set(&entry->link_issuer, entry->place->metadata.issuer);
        entry->link_until_ms = c->until_ms;
        connecting_write(&plain, it, c);
    }
    if (c == NULL || plain.failed) {
        entry->task = TASK_NONE;
        entry->link[0] = 0;
        entry_fail(entry, JF_E_FAULT, false, "out of memory or randomness");
    } else {
        struct vault_key key = key_of_pending(server_of(it), (jf_view){(uint8_t *)entry->link, LOOKUP});
        vault_put(it, &key, VIEW(plain), JF_STORE_CREATE, 0, c->until_ms - now, linked, entry);
    }
    connecting_free(c);
    au_text_end(&plain);
}

/** There is no token: the user has to be asked. */
static void connect(struct entry *entry) {
    struct oauth *it = entry->of;
    const struct metadata *at = &entry->place->metadata;
    uint64_t now = au_now(it->source.au.host);
    // What comes of it is another one than what was refused.
    entry->bad_any = false;
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
        if (!entry->busy || entry->task != TASK_NONE || (login != NULL && login->state == PLACE_ASKING))
            return;
        if (login == NULL || login->state != PLACE_READY || login->metadata.authorization.len == 0) {
            entry_fail(entry, JF_E_GONE, false, "login: %s",
                       login != NULL && login->why[0] != 0 ? login->why : "no authorization_endpoint");
            return;
        }
    }
    struct client client;
    if (!client_of(entry, &client)) return;
    if (entry->may_wait && it->wait_ns != 0) {
        if (entry->wait_until == 0) entry->wait_until = now + it->wait_ns;
        // The browser may come back to another gateway, which wakes nobody here.
        if (now < entry->wait_until) {
            go_later(entry, entry->wait_until - now < second ? entry->wait_until - now : second);
            return;
        }
        entry->may_wait = false;
    }
    struct au_text scopes = {0};
    entry_scopes(entry, &scopes);
    send_to_page(entry, &client, login, VIEW(scopes));
    au_text_end(&scopes);
}

/* ---- Writing ---- */

/** Hands the token over. */
static void use(struct entry *entry, const struct connection *c) {
    text_set(&entry->access, c->access);
    entry->expires_ms = c->expires_ms;
    entry->bad_any = entry->needs_more = false;
    entry->patience = entry->wait_until = 0;
    held_forget(entry);
    entry_done(entry);
}

struct saving {
    struct saving *next;
    struct oauth *of;
    struct vault_key key;
    struct au_text plain;
};

static void saving_free(struct saving *it) {
    struct saving **at = &it->of->savings;
    while (*at != it)
        at = &(*at)->next;
    *at = it->next;
    au_text_end(&it->plain);
    free(it);
}

void code_close(struct oauth *it) {
    while (it->savings != NULL)
        saving_free(it->savings);
}

static void saved_late(void *user, int32_t status, const struct vault_answer *answer) {
    struct saving *it = user;
    if (status == JF_OK) {
        oauth_log(it->of, JF_LOG_INFO, "a user's new tokens are in the store");
        held_keep(&it->key, server_of(it->of), VIEW(it->plain), answer->revision, false);
    } else if (!is_away(status)) {
        held_drop(&it->key);
    }
    saving_free(it);
}

static void save_rest(void *user) {
    struct oauth *it = user;
    struct vault_key key = {{0}};
    struct au_text plain = {0};
    uint64_t revision = 0;
    bool any = false;
    it->save_timer = 0;
    for (int i = 0; i < 64 && held_unsaved(server_of(it), &key, &plain, &revision); i++) {
        struct connection c;
        struct saving *saving = calloc(1, sizeof(*saving));
        any = true;
        if (saving == NULL || !connection_read(VIEW(plain), &c)) {
            free(saving);
            continue;
        }
        *saving = (struct saving){.next = it->savings, .of = it, .key = key};
        it->savings = saving;
        text_set(&saving->plain, VIEW(plain));
        vault_put(it, &key, VIEW(plain), JF_STORE_MATCH, revision, connection_ttl(it, &c, wall_ms(it)),
                  saved_late, saving);
    }
    au_text_end(&plain);
    if (any) code_save_later(it);
}

void code_save_later(struct oauth *it) {
    const jf_loop_1 *loop = it->source.au.host->loop;
    if (it->save_timer != 0 || it->halted) return;
    if (loop->timer(loop->context, second, save_rest, it, &it->save_timer) != JF_OK) it->save_timer = 0;
}

static void saved(void *user, int32_t status, const struct vault_answer *answer) {
    struct entry *entry = user;
    struct oauth *it = entry->of;
    struct connection c;
    entry->task = TASK_NONE;
    if (!is_away(status) && status != JF_OK) {
        // Disconnected meanwhile, or somebody thought that we were gone: what the store has counts.
        held_drop(&entry->at);
        entry_go(entry);
        return;
    }
    if (status == JF_OK) {
        held_keep(&entry->at, server_of(it), VIEW(entry->plain), answer->revision, false);
    } else {
        oauth_log(it, JF_LOG_WARNING,
                  "a user's new tokens could not be written to the store, it is tried again: %s",
                  answer->why);
        code_save_later(it);
    }
    held_wake(server_of(it), entry->key);
    if (connection_read(VIEW(entry->plain), &c))
        use(entry, &c);
    else
        entry_fail(entry, JF_E_FAULT, false, "out of memory");
}

static void put_connection(struct entry *entry, const struct connection *c, vault_done_fn done, void *user) {
    struct oauth *it = entry->of;
    vault_put(it, &entry->at, VIEW(entry->plain), JF_STORE_MATCH, entry->revision,
              connection_ttl(it, c, wall_ms(it)), done, user);
}

static bool rewrite(struct entry *entry, const struct connection *c) {
    struct au_text plain = {0};
    connection_write(&plain, c);
    bool good = !plain.failed;
    if (good) text_set(&entry->plain, VIEW(plain));
    au_text_end(&plain);
    return good && !entry->plain.failed;
}

/* ---- Refreshing ---- */

static void send_refresh(struct entry *entry, const struct client *client) {
    struct au_text form = {0};
    struct connection c;
    if (!connection_read(VIEW(entry->plain), &c)) {
        entry_fail(entry, JF_E_FAULT, false, "out of memory");
        return;
    }
    entry->nonce[0] = 0;
    au_puts(&form, "grant_type=refresh_token");
    put_pair(&form, "refresh_token", c.refresh);
    put_pair(&form, "resource", resource_of(entry));
    entry_send(entry, entry->place, client, &form, TASK_REFRESH);
}

static void claimed(void *user, int32_t status, const struct vault_answer *answer) {
    struct entry *entry = user;
    struct client client;
    entry->task = TASK_NONE;
    if (is_away(status)) {
        // Perhaps it was written: then the marker is found to be our own.
        store_failed(entry, answer);
    } else if (status != JF_OK) {
        entry->nonce[0] = 0;
        entry_go(entry);
    } else {
        entry->revision = answer->revision;
        if (entry->place->state != PLACE_READY)
            entry_go(entry); // Its metadata are fetched again; the marker will be found to be our own.
        else if (client_of(entry, &client))
            send_refresh(entry, &client);
    }
}

static void refresh(struct entry *entry, struct connection *c) {
    struct oauth *it = entry->of;
    struct client client;
    uint64_t now = au_now(it->source.au.host);
    bool ours = c->marker.len != 0 && au_same(c->marker, view_of(entry->nonce));
    if (c->marker.len != 0 && !ours) {
        // It is at it, or was killed. A request and its writing take less than this, by whichever clock.
        if (held_age(&entry->at, entry->revision, now) < it->timeout_ns + 15 * second) {
            if (entry->patience == 0) entry->patience = now + it->timeout_ns + 2 * second;
            if (now < entry->patience)
                go_later(entry, second / 10);
            else
                entry_fail(entry, JF_E_GONE, false, "another gateway is getting a new token for this user");
            return;
        }
        oauth_log(
            it, JF_LOG_WARNING,
            "a gateway that was getting a new token for a user is gone: its refresh token is tried again");
    }
    if (!client_of(entry, &client)) return;
    if (!au_same(client.id, c->client_id)) {
        // It was given to a client that we are not any more.
        connect(entry);
        return;
    }
    if (ours) {
        send_refresh(entry, &client);
        return;
    }
    if (!random_text(32, entry->nonce)) {
        entry_fail(entry, JF_E_FAULT, false, "no randomness");
        return;
    }
    c->marker = view_of(entry->nonce);
    if (!rewrite(entry, c) || !connection_read(VIEW(entry->plain), c)) {
        entry_fail(entry, JF_E_FAULT, false, "out of memory");
        return;
    }
    entry->task = TASK_STORE;
    put_connection(entry, c, claimed, entry);
}

static void removed(void *user, int32_t status, const struct vault_answer *answer) {
    struct entry *entry = user;
    entry->task = TASK_NONE;
    if (is_away(status)) {
        store_failed(entry, answer);
        return;
    }
    if (status != JF_E_STALE) held_drop(&entry->at);
    entry_go(entry);
}

void code_refreshed(struct entry *entry, struct tokens *tokens, bool grant_gone) {
    struct oauth *it = entry->of;
    struct connection c;
    if (entry->grant != GRANT_CODE) return;
    bool whole = connection_read(VIEW(entry->plain), &c);
    if (grant_gone || !whole) {
        entry->task = TASK_STORE;
        vault_remove(it, &entry->at, entry->revision, removed, entry);
        return;
    }
    if (tokens == NULL) {
        c.marker = (jf_view){0};
        if (rewrite(entry, &c) && connection_read(VIEW(entry->plain), &c))
            put_connection(entry, &c, vault_ignored, NULL);
        return;
    }
    connection_take(&c, tokens, wall_ms(it));
    if (!rewrite(entry, &c) || !connection_read(VIEW(entry->plain), &c)) {
        entry_fail(entry, JF_E_FAULT, false, "no memory for a token");
        return;
    }
    held_keep(&entry->at, server_of(it), VIEW(entry->plain), entry->revision, true);
    entry->task = TASK_STORE;
    put_connection(entry, &c, saved, entry);
}

/* ---- Looking ---- */

static bool is_usable(struct entry *entry, const struct connection *c) {
    if (c->access.len == 0) return false;
    if (entry->bad_any) {
        text_set(&entry->bad, c->access);
        entry->bad_any = false;
    }
    if (entry->bad.len != 0 && au_same(VIEW(entry->bad), c->access)) return false;
    return c->expires_ms == 0 || wall_ms(entry->of) < c->expires_ms;
}

/** Once a day what is in use is written anew: it lives longer, and is sealed with the newest key. */
static void touch(struct entry *entry, struct connection *c) {
    uint64_t now = wall_ms(entry->of);
    if (c->marker.len != 0 || now < c->saved_ms + day_ms) return;
    c->saved_ms = now;
    if (rewrite(entry, c) && connection_read(VIEW(entry->plain), c))
        put_connection(entry, c, vault_ignored, NULL);
}

static void looked(void *user, int32_t status, const struct vault_answer *answer) {
    struct entry *entry = user;
    struct oauth *it = entry->of;
    struct connection c;
    entry->task = TASK_NONE;
    entry->revision = answer->revision;
    au_text_end(&entry->plain);
    if (entry->place->state != PLACE_READY) {
        entry_go(entry);
        return;
    }
    if (is_away(status)) {
        // What is in memory is good as long as it lasts; nothing new is begun.
        if (held_copy(&entry->at, 0, &entry->plain) && connection_read(VIEW(entry->plain), &c) &&
            is_usable(entry, &c))
            use(entry, &c);
        else
            store_failed(entry, answer);
        return;
    }
    // The same as in memory, also where it cannot be read; or newer in memory, and not written yet.
    if ((status == JF_OK || status == JF_E_INVALID) &&
        !held_copy(&entry->at, answer->revision, &entry->plain)) {
        text_set(&entry->plain, answer->plain);
        if (status == JF_OK)
            held_keep(&entry->at, server_of(it), answer->plain, answer->revision, false);
        else
            held_drop(&entry->at);
    }
    if (status == JF_ABSENT) held_drop(&entry->at);
    if (entry->plain.len == 0 || !connection_read(VIEW(entry->plain), &c)) {
        connect(entry);
        return;
    }
    uint64_t now = wall_ms(it);
    if (is_usable(entry, &c)) {
        touch(entry, &c);
        use(entry, &c);
    } else if (entry->needs_more || c.refresh.len == 0 ||
               (c.refresh_until_ms != 0 && now >= c.refresh_until_ms)) {
        connect(entry);
    } else {
        refresh(entry, &c);
    }
}

void code_go(struct entry *entry) {
    struct oauth *it = entry->of;
    entry->at = key_of_connection(server_of(it), entry->issuer, entry->subject, entry->key,
                                  entry->place->metadata.issuer, resource_of(entry));
    entry->task = TASK_STORE;
    vault_get(it, &entry->at, looked, entry);
}

void code_refused(struct entry *entry, bool wants_more) {
    text_set(&entry->bad, VIEW(entry->access));
    entry->bad_any = entry->access.len == 0;
    entry->needs_more = wants_more;
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
    it->keep_ms = (uint64_t)au_option_integer(options, &options->root, "keep_days", 1, 3650, 90) * day_ms;
    if (cs_host_of(&it->source)->state == NULL)
        au_option_wrong(options, "connections of users are kept in the store, and there is none: install "
                                 "store-memory, or configure store");
    if (cs_host_of(&it->source)->seal == NULL)
        au_option_wrong(options, "connections of users are sealed, and no plugin offers " JF_SEAL_1
                                 ": enable seal-openssl");
    if (options->status != JF_OK) return;
    struct vault_key key = {{0}};
    struct au_text plain = {0};
    uint64_t revision = 0;
    // Of the configuration before this one.
    if (held_unsaved(server_of(it), &key, &plain, &revision)) code_save_later(it);
    au_text_end(&plain);
    pages_open(it);
}

void code_halt(struct oauth *it) {
    const struct au_host *host = it->source.au.host;
    if (it->save_timer != 0) host->loop->cancel(host->loop->context, it->save_timer);
    it->save_timer = 0;
    clients_halt(it);
    pages_halt(it);
}
