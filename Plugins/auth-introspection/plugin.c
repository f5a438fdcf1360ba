/* SPDX-License-Identifier: Apache-2.0
 * auth-introspection: the authorization server says of each token whether it is good (RFC 7662). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "introspection.h"
#include "url.h"

#include <stdlib.h>

static uint64_t ms(struct au_options *options, const char *name, int64_t least, int64_t most,
                   int64_t preset) {
    return (uint64_t)au_option_integer(options, &options->root, name, least, most, preset) * 1000000u;
}

static uint32_t number(struct au_options *options, const char *name, int64_t least, int64_t most,
                       int64_t preset) {
    return (uint32_t)au_option_integer(options, &options->root, name, least, most, preset);
}

static void open(struct au_provider *provider, struct au_options *options) {
    static const jf_view subject[] = {
        {(const uint8_t *)"sub", 3}, {(const uint8_t *)"username", 8}, {(const uint8_t *)"client_id", 9}};
    struct introspection *it = (struct introspection *)provider;
    const char *missing = NULL;
    if (!au_crypto_load(&missing))
        au_option_wrong(options, "needs OpenSSL 3 (%s not found): install the package libssl3", missing);
    if (provider->host->http == NULL)
        au_option_wrong(options,
                        "nobody can be asked: no plugin offers " JF_HTTP_1 "; enable transport-http");
    bool plain = au_option_flag(options, &options->root, "allow_http", false);
    it->endpoint = au_option_text(options, &options->root, "endpoint");
    if (it->endpoint.ptr == NULL) au_option_wrong(options, "endpoint is missing: who is to be asked?");
    au_option_url(options, "endpoint", it->endpoint, plain);
    it->issuer = au_option_text(options, &options->root, "issuer");
    if (it->issuer.ptr != NULL && !au_presentable(it->issuer))
        au_option_wrong(options, "issuer is no text of use");
    client_open(it, options);
    au_mapping_read(options, (struct au_paths){subject, 3}, &it->mapping);
    it->must_have_audience = au_option_flag(options, &options->root, "require_audience", false);
    it->scopes = au_option_texts(options, &options->root, "scopes_supported", 256, &it->scope_count);
    it->token_most = number(options, "max_token", 256, 65536, 16384);
    it->asking_most = number(options, "max_asking", 1, 4096, 256);
    it->waiting_most = number(options, "max_waiting", 1, 65536, 1024);
    it->keep_ns = ms(options, "keep_ms", 0, 3600000, 30000);
    it->keep_refused_ns = ms(options, "keep_refused_ms", 0, 600000, 5000);
    it->timeout_ns = ms(options, "timeout_ms", 100, 60000, 5000);
    if (!cache_open(&it->cache, options->keep, number(options, "max_entries", 16, 1048576, 4096)))
        au_option_wrong(options, "max_entries: no memory");
}

/** Lets an operation wait for the entry's answer. */
static int32_t wait_for(struct introspection *it, struct entry *entry, jf_ref op, jf_fault *why) {
    if (it->waiting == it->waiting_most) {
        au_unknown(why, 1000, "more than %u requests wait for the introspection endpoint", it->waiting_most);
        return JF_E_BUSY;
    }
    struct waiting *waiting = malloc(sizeof(*waiting));
    if (waiting == NULL) return au_refuse(why, JF_E_FAULT, "out of memory for a request");
    *waiting = (struct waiting){NULL, op};
    *entry->last = waiting;
    entry->last = &waiting->next;
    it->waiting++;
    return JF_PENDING;
}

/** Whether the server can be asked now. */
static int32_t may_ask(const struct introspection *it, jf_fault *why) {
    uint64_t now = au_now(it->provider.host);
    if (it->provider.host->stopped) return au_unknown(why, 1000, "the provider ends");
    if (now < it->next)
        return au_unknown(why, (it->next - now) / 1000000u + 1,
                          "the introspection endpoint failed a moment ago");
    if (it->asking < it->asking_most) return JF_OK;
    au_unknown(why, 1000, "more than %u tokens are being asked about", it->asking_most);
    return JF_E_BUSY;
}

static int32_t identify(struct au_provider *provider, jf_ref op, const jf_credentials *credentials,
                        jf_blob *principal, jf_fault *why) {
    struct introspection *it = (struct introspection *)provider;
    uint8_t hash[AU_DIGEST];
    jf_view token;
    int32_t status = au_bearer(credentials, &token, why);
    if (status != JF_OK) return status;
    if (token.len > it->token_most) return au_deny(why, "the token is too long");
    if (au_crypto.SHA256(token.ptr, token.len, hash) == NULL) return au_refuse(why, JF_E_FAULT, "no SHA-256");
    struct entry *entry = cache_find(&it->cache, hash, credentials->resource);
    if (entry != NULL && entry->state == ENTRY_ASKED) return wait_for(it, entry, op, why);
    if (entry != NULL && au_now(provider->host) < entry->until) return entry_answer(entry, principal, why);
    if (entry != NULL) cache_remove(&it->cache, entry);
    if ((status = may_ask(it, why)) != JF_OK) return status;
    entry = cache_add(&it->cache, hash, credentials->resource);
    if (entry == NULL) {
        au_unknown(why, 1000, "no room for another token");
        return JF_E_BUSY;
    }
    entry->of = it;
    entry->now_ms = credentials->now_ms;
    entry->since = au_now(provider->host);
    if ((status = wait_for(it, entry, op, why)) != JF_PENDING) {
        cache_remove(&it->cache, entry);
        return status;
    }
    // What does not begin is answered by this call, not by finish.
    struct waiting *waiting = entry->first;
    if ((status = ask(it, entry, token, why)) == JF_PENDING) return status;
    it->waiting--;
    free(waiting);
    return status;
}

static void describe(struct au_provider *provider, struct au_text *out) {
    struct introspection *it = (struct introspection *)provider;
    au_puts(out, "\"bearer_methods_supported\":[\"header\"]");
    if (it->issuer.ptr != NULL && au_url_wrong(it->issuer, true, true) == NULL) {
        au_puts(out, ",\"authorization_servers\":[");
        au_put_quoted(out, it->issuer);
        au_puts(out, "]");
    }
    for (uint32_t i = 0; i < it->scope_count; i++) {
        au_put(out, i == 0 ? AU_LITERAL(",\"scopes_supported\":[") : AU_LITERAL(","));
        au_put_quoted(out, it->scopes[i]);
    }
    if (it->scope_count != 0) au_puts(out, "]");
}

static void halt(struct au_provider *provider) {
    struct introspection *it = (struct introspection *)provider;
    const jf_http_1 *http = provider->host->http;
    jf_fault why = {.size = sizeof(why)};
    au_unknown(&why, 1000, "the provider ends");
    while (it->cache.newest != NULL) {
        struct entry *entry = it->cache.newest;
        if (entry->request != 0) http->abandon(http->context, entry->request);
        cache_take(&it->cache, entry);
        entry_finish(entry, JF_E_GONE, &why);
        entry_free(entry);
    }
    it->asking = 0;
}

const struct au_kind au_this = {.plugin = "auth-introspection",
                                .record = sizeof(struct introspection),
                                .http = true,
                                .open = open,
                                .identify = identify,
                                .describe = describe,
                                .halt = halt};
