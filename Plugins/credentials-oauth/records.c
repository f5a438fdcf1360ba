/* SPDX-License-Identifier: Apache-2.0
 * Records as bytes: a version and a kind, then texts and numbers. They are authenticated, so what cannot be
 * read is of another version, not hostile; it is bounded all the same. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "records.h"

#include <stdlib.h>

enum { CONNECTION = 0x101, CONNECTING = 0x102, REGISTRATION = 0x103 };
static const uint64_t lifetime_ms = 600000;

/* ---- Connections ---- */

static uint64_t flags_of(bool a, bool b, bool c) {
    return (a ? 1u : 0u) | (b ? 2u : 0u) | (c ? 4u : 0u);
}

void connection_write(struct au_text *out, const struct connection *from) {
    pack_number(out, CONNECTION);
    pack_text(out, from->access);
    pack_text(out, from->refresh);
    pack_text(out, from->scopes);
    pack_text(out, from->issuer);
    pack_text(out, from->resource);
    pack_text(out, from->principal);
    pack_text(out, from->client_id);
    pack_text(out, from->revocation);
    pack_text(out, from->marker);
    pack_number(out, from->expires_ms);
    pack_number(out, from->refresh_until_ms);
    pack_number(out, from->saved_ms);
    pack_number(out, flags_of(from->has_auth, from->basic, from->post));
}

bool connection_read(jf_view plain, struct connection *out) {
    jf_view in = plain;
    *out = (struct connection){0};
    if (unpack_number(&in) != CONNECTION) return false;
    out->access = unpack_text(&in);
    out->refresh = unpack_text(&in);
    out->scopes = unpack_text(&in);
    out->issuer = unpack_text(&in);
    out->resource = unpack_text(&in);
    out->principal = unpack_text(&in);
    out->client_id = unpack_text(&in);
    out->revocation = unpack_text(&in);
    out->marker = unpack_text(&in);
    out->expires_ms = unpack_number(&in);
    out->refresh_until_ms = unpack_number(&in);
    out->saved_ms = unpack_number(&in);
    uint64_t flags = unpack_number(&in);
    out->has_auth = (flags & 1) != 0;
    out->basic = (flags & 2) != 0;
    out->post = (flags & 4) != 0;
    return in.ptr != NULL && in.len == 0;
}

void connection_take(struct connection *to, const struct tokens *tokens, uint64_t now_ms) {
    to->access = VIEW(tokens->access);
    to->expires_ms = tokens->expires_ms;
    // Where no new one came, the old one stays good (RFC 6749 section 6).
    if (tokens->refresh.len != 0) {
        to->refresh = VIEW(tokens->refresh);
        to->refresh_until_ms = tokens->refresh_until_ms;
    }
    if (tokens->scope.len != 0) to->scopes = VIEW(tokens->scope);
    to->marker = (jf_view){0};
    to->saved_ms = now_ms;
}

uint64_t connection_ttl(const struct oauth *it, const struct connection *c, uint64_t now_ms) {
    uint64_t end = c->refresh.len != 0 ? c->refresh_until_ms : c->expires_ms;
    if (end == 0) return it->keep_ms;
    uint64_t left = end > now_ms ? end - now_ms : 0;
    return left < 1000 ? 1000 : left < it->keep_ms ? left : it->keep_ms;
}

/* ---- Browsers ---- */

bool connecting_begin(struct connecting *it, uint64_t now_ms) {
    it->until_ms = now_ms + lifetime_ms;
    if (!random_text(32, it->id) || !random_text(32, it->state) || !random_text(32, it->verifier) ||
        !random_text(32, it->login_state) || !random_text(32, it->login_verifier) ||
        !random_text(32, it->nonce))
        return false;
    memcpy(it->state, it->id, LOOKUP);
    memcpy(it->login_state, it->id, LOOKUP);
    return true;
}

void connecting_free(struct connecting *it) {
    if (it == NULL) return;
    au_arena_end(&it->keep);
    explicit_bzero(it, sizeof(*it));
    free(it);
}

static void write_metadata(struct au_text *out, const struct metadata *from) {
    pack_text(out, from->resource);
    pack_text(out, from->issuer);
    pack_text(out, from->authorization);
    pack_text(out, from->token);
    pack_text(out, from->revocation);
    pack_number(out, flags_of(from->has_auth, from->basic, from->post));
    pack_number(out, from->iss_parameter);
}

void connecting_write(struct au_text *out, const struct oauth *it, const struct connecting *from) {
    // Secrets of the configuration stay there.
    bool own = it->client.id.len != 0;
    pack_number(out, CONNECTING);
    pack_text(out, view_of(from->id));
    pack_text(out, view_of(from->state));
    pack_text(out, view_of(from->verifier));
    pack_text(out, view_of(from->login_state));
    pack_text(out, view_of(from->login_verifier));
    pack_text(out, view_of(from->nonce));
    pack_text(out, view_of(from->cookie));
    pack_number(out, flags_of(from->logged_in, from->leaves, own));
    pack_number(out, from->until_ms);
    pack_text(out, from->server);
    pack_text(out, from->key);
    pack_text(out, from->subject);
    pack_text(out, from->issuer);
    pack_text(out, from->scopes);
    write_metadata(out, &from->at);
    write_metadata(out, &from->login);
    pack_text(out, own ? (jf_view){0} : from->client.id);
    pack_text(out, own ? (jf_view){0} : from->client.secret);
    pack_number(out, own ? 0 : (uint64_t)from->client.auth);
}

static void read_word(jf_view *in, char out[44]) {
    jf_view text = unpack_text(in);
    if (text.len == 43)
        memcpy(out, text.ptr, 43);
    else if (text.len != 0)
        *in = (jf_view){0};
}

static void read_metadata(jf_view *in, struct au_arena *keep, struct metadata *to) {
    to->resource = au_take_text(keep, unpack_text(in));
    to->issuer = au_take_text(keep, unpack_text(in));
    to->authorization = au_take_text(keep, unpack_text(in));
    to->token = au_take_text(keep, unpack_text(in));
    to->revocation = au_take_text(keep, unpack_text(in));
    uint64_t flags = unpack_number(in);
    to->has_auth = (flags & 1) != 0;
    to->basic = (flags & 2) != 0;
    to->post = (flags & 4) != 0;
    to->iss_parameter = unpack_number(in) != 0;
}

struct connecting *connecting_read(const struct oauth *it, jf_view plain) {
    jf_view in = plain;
    if (unpack_number(&in) != CONNECTING) return NULL;
    struct connecting *to = calloc(1, sizeof(*to));
    if (to == NULL) return NULL;
    read_word(&in, to->id);
    read_word(&in, to->state);
    read_word(&in, to->verifier);
    read_word(&in, to->login_state);
    read_word(&in, to->login_verifier);
    read_word(&in, to->nonce);
    read_word(&in, to->cookie);
    uint64_t flags = unpack_number(&in);
    to->logged_in = (flags & 1) != 0;
    to->leaves = (flags & 2) != 0;
    to->until_ms = unpack_number(&in);
    to->server = au_take_text(&to->keep, unpack_text(&in));
    to->key = au_take_text(&to->keep, unpack_text(&in));
    to->subject = au_take_text(&to->keep, unpack_text(&in));
    to->issuer = au_take_text(&to->keep, unpack_text(&in));
    to->scopes = au_take_text(&to->keep, unpack_text(&in));
    read_metadata(&in, &to->keep, &to->at);
    read_metadata(&in, &to->keep, &to->login);
    to->client.id = au_take_text(&to->keep, unpack_text(&in));
    to->client.secret = au_take_text(&to->keep, unpack_text(&in));
    uint64_t way = unpack_number(&in);
    to->client.auth = way <= AUTH_NONE ? (enum client_auth)way : AUTH_NONE;
    bool own = (flags & 4) != 0;
    if (own) to->client = it->client;
    if (in.ptr != NULL && in.len == 0 && !to->keep.failed && own == (it->client.id.len != 0)) return to;
    connecting_free(to);
    return NULL;
}

/* ---- Clients ---- */

void registration_write(struct au_text *out, const struct registration *from) {
    pack_number(out, REGISTRATION);
    pack_text(out, from->id);
    pack_text(out, from->secret);
    pack_text(out, from->uri);
    pack_text(out, from->token);
    pack_number(out, from->secret_until_ms);
    pack_number(out, from->made_ms);
    pack_text(out, from->marker);
}

bool registration_read(jf_view plain, struct registration *out) {
    jf_view in = plain;
    *out = (struct registration){0};
    if (unpack_number(&in) != REGISTRATION) return false;
    out->id = unpack_text(&in);
    out->secret = unpack_text(&in);
    out->uri = unpack_text(&in);
    out->token = unpack_text(&in);
    out->secret_until_ms = unpack_number(&in);
    out->made_ms = unpack_number(&in);
    out->marker = unpack_text(&in);
    return in.ptr != NULL && in.len == 0;
}
