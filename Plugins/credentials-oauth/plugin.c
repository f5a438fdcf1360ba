/* SPDX-License-Identifier: Apache-2.0
 * credentials-oauth: one server's options, and its end. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "url.h"
#include "vault.h"

#include <stdlib.h>

const struct au_kind au_this = {.plugin = "credentials-oauth"};

void oauth_log(const struct oauth *it, uint32_t level, const char *format, ...) {
    const struct au_host *host = it->source.au.host;
    char text[400];
    if (host->log == NULL || host->stopped) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    jf_pair field = {AU_LITERAL("server"), view_of(it->source.au.name)};
    host->log->write(host->log->context, level, view_of(text), &field, 1);
}

static jf_view url_option(struct au_options *options, const jf_json_value *in, const char *name) {
    jf_view url = au_option_text(options, in, name);
    au_option_url(options, name, url, false);
    return url;
}

static void scopes_open(struct oauth *it, struct au_options *options) {
    uint32_t count = 0;
    struct au_text text = {0};
    jf_view *scopes = au_option_texts(options, &options->root, "scopes", 64, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_visible(scopes[i])) au_option_wrong(options, "scopes: \"%.60s\" is no scope", scopes[i].ptr);
        if (i != 0) au_puts(&text, " ");
        au_put(&text, scopes[i]);
    }
    it->scopes = au_take_text(options->keep, VIEW(text));
    au_text_end(&text);
}

static void idp_open(struct oauth *it, struct au_options *options) {
    jf_json_value idp;
    if (!au_member(&options->root, "idp", &idp) || idp.kind != JF_JSON_OBJECT) {
        au_option_wrong(options, "idp is missing: which identity provider gives the assertion?");
        return;
    }
    options->where = "idp.";
    it->idp_issuer = url_option(options, &idp, "issuer");
    it->idp_token_endpoint = url_option(options, &idp, "token_endpoint");
    if (it->idp_issuer.len == 0 && it->idp_token_endpoint.len == 0)
        au_option_wrong(options, "issuer or token_endpoint is missing");
    client_open(&it->idp, options, &idp, true);
    options->where = "";
}

static void open(struct cs_source *source, struct au_options *options) {
    static const char *const grants[] = {"client_credentials", "token_exchange", "id_jag",
                                         "authorization_code", NULL};
    static const char *const gateways[] = {"client_credentials", "none", NULL};
    struct oauth *it = (struct oauth *)source;
    const jf_json_value *root = &options->root;
    const char *missing = NULL;
    if (!crypto_load(&missing))
        au_option_wrong(options, "needs OpenSSL 3 (%s not found): install the package libssl3", missing);
    if (source->au.host->http == NULL)
        au_option_wrong(options,
                        "nobody can be asked: no plugin offers " JF_HTTP_1 "; enable transport-http");
    it->grant = (enum grant)au_option_word(options, root, "grant", grants, GRANT_CLIENT);
    it->gateway_grant =
        au_option_word(options, root, "gateway_grant", gateways, 1) == 0 ? GRANT_CLIENT : GRANT_NONE;
    it->issuer = url_option(options, root, "issuer");
    it->token_endpoint = url_option(options, root, "token_endpoint");
    it->authorization_endpoint = url_option(options, root, "authorization_endpoint");
    it->resource = url_option(options, root, "resource");
    it->audience = au_option_text(options, root, "audience");
    it->subject_token_type = au_option_text(options, root, "subject_token_type");
    if (it->subject_token_type.len == 0)
        it->subject_token_type = it->grant == GRANT_ID_JAG
                                     ? AU_LITERAL("urn:ietf:params:oauth:token-type:id_token")
                                     : AU_LITERAL("urn:ietf:params:oauth:token-type:access_token");
    it->private = au_option_flag(options, root, "allow_private", false);
    it->timeout_ns = (uint64_t)au_option_integer(options, root, "timeout_ms", 100, 30000, 10000) * 1000000u;
    it->wait_ns = (uint64_t)au_option_integer(options, root, "wait_ms", 0, 29000, 25000) * 1000000u;
    scopes_open(it, options);
    client_open(&it->client, options, root, it->grant != GRANT_CODE || it->gateway_grant == GRANT_CLIENT);
    if (it->grant == GRANT_EXCHANGE && it->issuer.len == 0 && it->token_endpoint.len == 0)
        au_option_wrong(options, "issuer or token_endpoint is missing: users' tokens are sent there, and a "
                                 "server must not choose where that is");
    if (it->grant == GRANT_ID_JAG) idp_open(it, options);
    if (it->grant == GRANT_CODE) code_open(it, options);
}

static int32_t supply(struct cs_source *source, jf_ref op, const jf_demand *demand, jf_blob *blob,
                      jf_fault *why) {
    return entry_supply((struct oauth *)source, op, demand, blob, why);
}

static void halt(struct cs_source *source) {
    struct oauth *it = (struct oauth *)source;
    if (it->halted) return;
    it->halted = true;
    code_halt(it);
    for (struct place *place = it->places; place != NULL; place = place->next)
        place_halt(place);
    for (struct entry *entry = it->entries; entry != NULL; entry = entry->next)
        entry_halt(entry);
    vault_halt(it);
}

static void close(struct cs_source *source) {
    struct oauth *it = (struct oauth *)source;
    while (it->entries != NULL) {
        struct entry *entry = it->entries;
        it->entries = entry->next;
        entry_free(entry);
    }
    while (it->places != NULL) {
        struct place *place = it->places;
        it->places = place->next;
        place_free(place);
    }
    code_close(it);
    clients_close(it);
}

const struct cs_kind cs_this = {.record = sizeof(struct oauth),
                                .keeps = true,
                                .open = open,
                                .supply = supply,
                                .halt = halt,
                                .close = close};
