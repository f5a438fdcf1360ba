/* SPDX-License-Identifier: Apache-2.0
 * auth-jwt: JSON Web Tokens (RFC 7519) as access tokens (RFC 9068). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "jwt.h"
#include "url.h"

#include <strings.h>

/* ---- Configuration ---- */

static void open_algorithms(struct jwt *it, struct au_options *options) {
    uint32_t count;
    jf_view *names = au_option_texts(options, &options->root, "algorithms", ALGORITHMS, &count);
    // Those with secrets are of no effect where there is none: keys of documents are never secrets.
    for (uint32_t i = 0; names == NULL && i < ALGORITHMS; i++)
        it->allowed[i] = true;
    for (uint32_t i = 0; i < count && options->status == JF_OK; i++) {
        uint32_t at = algorithm_find(names[i]);
        if (at == ALGORITHMS)
            au_option_wrong(options, "algorithms[%u] is not known here", i);
        else
            it->allowed[at] = true;
    }
    if (names != NULL && count == 0) au_option_wrong(options, "algorithms is empty: no token could come in");
}

static void open_issuers(struct jwt *it, struct au_options *options) {
    jf_json_value list = {0}, key, entry;
    char where[32];
    bool one = au_member(&options->root, "issuer", &entry);
    bool more = au_member(&options->root, "issuers", &list) && list.kind == JF_JSON_ARRAY;
    uint32_t count = (one ? 1 : 0) + (more ? au_count(&list) : 0);
    if (count == 0) au_option_wrong(options, "issuer is missing: whose tokens are to be accepted?");
    if (count > ISSUERS_MOST) au_option_wrong(options, "more than %d issuers", ISSUERS_MOST);
    if (options->status != JF_OK) return;
    it->issuers = au_take(options->keep, count * sizeof(*it->issuers));
    if (it->issuers == NULL) return;
    if (one) issuer_open(&it->issuers[it->issuer_count++], it, options, &options->root);
    jf_json_walk walk = more ? jf_json_walk_of(&list) : (jf_json_walk){0};
    for (uint32_t i = 0; more && options->status == JF_OK && jf_json_next(&walk, &key, &entry) == 1; i++) {
        snprintf(where, sizeof(where), "issuers[%u]: ", i);
        options->where = where;
        issuer_open(&it->issuers[it->issuer_count++], it, options, &entry);
    }
    options->where = "";
    for (uint32_t i = 0; i < it->issuer_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (au_same(it->issuers[i].name, it->issuers[k].name))
                au_option_wrong(options, "the same issuer is there twice");
}

static uint64_t ms(struct au_options *options, const char *name, int64_t least, int64_t most,
                   int64_t preset) {
    return (uint64_t)au_option_integer(options, &options->root, name, least, most, preset) * 1000000u;
}

static void open(struct au_provider *provider, struct au_options *options) {
    static const jf_view subject[] = {{(const uint8_t *)"sub", 3}};
    static jf_view types[] = {{(const uint8_t *)"at+jwt", 6}, {(const uint8_t *)"JWT", 3}};
    struct jwt *it = (struct jwt *)provider;
    const char *missing = NULL;
    if (!jwks_load(&missing))
        au_option_wrong(options, "needs libcjose and OpenSSL 3 (%s not found): install libcjose0 and libssl3",
                        missing);
    au_mapping_read(options, (struct au_paths){subject, 1}, &it->mapping);
    it->types = au_option_texts(options, &options->root, "types", TYPES_MOST, &it->type_count);
    if (it->types == NULL) {
        it->types = types;
        it->type_count = 2;
    }
    it->scopes = au_option_texts(options, &options->root, "scopes_supported", 256, &it->scope_count);
    it->must_have_type = au_option_flag(options, &options->root, "require_type", false);
    it->strict = au_option_flag(options, &options->root, "strict", false);
    it->plain = au_option_flag(options, &options->root, "allow_http", false);
    it->token_most = (uint64_t)au_option_integer(options, &options->root, "max_token", 256, 65536, 16384);
    it->waiting_most = (uint32_t)au_option_integer(options, &options->root, "max_waiting", 1, 65536, 1024);
    it->refresh_ns = ms(options, "refresh_ms", 60000, 86400000, 3600000);
    it->refetch_ns = ms(options, "refetch_ms", 1000, 3600000, 30000);
    it->stale_ns = ms(options, "stale_ms", 0, 604800000, 86400000);
    it->timeout_ns = ms(options, "timeout_ms", 100, 60000, 10000);
    open_algorithms(it, options);
    open_issuers(it, options);
}

/* ---- A token ---- */

static struct issuer *issuer_of(struct jwt *it, jf_view name) {
    for (uint32_t i = 0; i < it->issuer_count; i++)
        if (au_same(it->issuers[i].name, name)) return &it->issuers[i];
    return NULL;
}

/** RFC 7515 section 4.1.9: media types, without case, "application/" may be left out. */
static bool type_fits(const struct jwt *it, jf_view type) {
    if (type.ptr == NULL) return !it->must_have_type;
    if (type.len > 12 && strncasecmp((const char *)type.ptr, "application/", 12) == 0)
        type = (jf_view){type.ptr + 12, type.len - 12};
    for (uint32_t i = 0; i < it->type_count; i++)
        if (it->types[i].len == type.len &&
            strncasecmp((const char *)it->types[i].ptr, (const char *)type.ptr, type.len) == 0)
            return true;
    return false;
}

/** What needs no key: cheap, and a token that fails here makes nobody fetch anything. */
static int32_t check_claims(const struct jwt *it, const struct token *token, uint32_t algorithm,
                            jf_view resource, uint64_t now_ms, uint64_t *expires_ms, jf_fault *why) {
    if (algorithm == ALGORITHMS || !it->allowed[algorithm])
        return au_deny(why, "the algorithm of the token is not allowed");
    if (!type_fits(it, token->type)) return au_deny(why, "the token is of another type");
    int32_t status = au_claims_time(&it->mapping, &token->claims, true, now_ms, expires_ms, why);
    if (status != JF_OK) return status;
    status = au_claims_audience(&it->mapping, &token->claims, resource, why);
    return status == JF_ABSENT ? au_deny(why, "the token names no audience") : status;
}

/** Tries the keys that may have signed it. JF_ABSENT: there is none. */
static int32_t check_signature(const struct issuer *issuer, const struct token *token, uint32_t algorithm,
                               jf_fault *why) {
    uint32_t tried = 0;
    // A token that names no key is tried with a few, not with as many as there can be.
    for (uint32_t i = 0; i < issuer->keys.count && tried < 4; i++) {
        if (!jwk_fits(&issuer->keys.of[i], token, algorithm)) continue;
        tried++;
        if (jwk_verify(&issuer->keys.of[i], token, algorithm)) return JF_OK;
    }
    return tried == 0 ? JF_ABSENT : au_deny(why, "the signature of the token is not valid");
}

/** There is no key for it. */
static int32_t without_key(struct issuer *issuer, jf_ref op, jf_view token, jf_view resource, uint64_t now_ms,
                           uint32_t algorithm, jf_fault *why) {
    uint64_t now = au_now(issuer->jwt->provider.host);
    // Secrets are not fetched, and no document has them.
    bool fetchable = issuer->fetched && algorithms[algorithm].kind != KEY_SECRET;
    if (fetchable && op != 0 && issuer_fetch(issuer))
        return issuer_wait(issuer, op, token, resource, now_ms, why);
    if (fetchable && (issuer->failures != 0 || issuer->keys.count == 0))
        return au_unknown(why, issuer->next > now ? (issuer->next - now) / 1000000u + 1 : 1000,
                          "the keys of %.*s cannot be had",
                          issuer->name.len < 120 ? (int)issuer->name.len : 120,
                          (const char *)issuer->name.ptr);
    return au_deny(why, "the token is signed with a key that is not known");
}

static int32_t check(struct jwt *it, const struct token *token, jf_ref op, jf_view resource, uint64_t now_ms,
                     jf_blob *principal, jf_fault *why) {
    uint64_t expires_ms = 0;
    struct issuer *issuer = issuer_of(it, token->issuer);
    if (issuer == NULL)
        return it->strict ? au_deny(why, "the issuer of the token is not known here") : JF_ABSENT;
    uint32_t algorithm = algorithm_find(token->algorithm);
    int32_t status = check_claims(it, token, algorithm, resource, now_ms, &expires_ms, why);
    if (status != JF_OK) return status;
    issuer_tick(issuer);
    status = check_signature(issuer, token, algorithm, why);
    if (status == JF_ABSENT) return without_key(issuer, op, token->text, resource, now_ms, algorithm, why);
    if (status != JF_OK) return status;
    struct au_text text = {0};
    status = au_claims_principal(&it->mapping, &token->claims, issuer->name, expires_ms, &text, why);
    if (status == JF_OK) return au_principal_end(&text, UINT64_MAX, principal, why) ? JF_OK : JF_E_FAULT;
    au_text_end(&text);
    return status;
}

int32_t jwt_check(struct jwt *it, jf_ref op, jf_view text, jf_view resource, uint64_t now_ms,
                  jf_blob *principal, jf_fault *why) {
    struct token token;
    const char *wrong = NULL;
    int32_t status = token_read(text, &token, &wrong);
    if (status == JF_OK)
        status = check(it, &token, op, resource, now_ms, principal, why);
    else if (status == JF_E_DENIED)
        status = au_deny(why, wrong);
    else if (status == JF_E_FAULT)
        status = au_refuse(why, status, "out of memory for a token");
    token_end(&token);
    return status;
}

static int32_t identify(struct au_provider *provider, jf_ref op, const jf_credentials *credentials,
                        jf_blob *principal, jf_fault *why) {
    struct jwt *it = (struct jwt *)provider;
    jf_view token;
    int32_t status = au_bearer(credentials, &token, why);
    if (status != JF_OK) return status;
    if (token.len > it->token_most) return au_deny(why, "the token is too long");
    return jwt_check(it, op, token, credentials->resource, credentials->now_ms, principal, why);
}

static void describe(struct au_provider *provider, struct au_text *out) {
    struct jwt *it = (struct jwt *)provider;
    bool first = true;
    au_puts(out, "\"bearer_methods_supported\":[\"header\"]");
    for (uint32_t i = 0; i < it->issuer_count; i++) {
        // A client finds an authorization server by its URL.
        if (it->issuers[i].secret || au_url_wrong(it->issuers[i].name, true, true) != NULL) continue;
        au_put(out, first ? AU_LITERAL(",\"authorization_servers\":[") : AU_LITERAL(","));
        au_put_quoted(out, it->issuers[i].name);
        first = false;
    }
    if (!first) au_puts(out, "]");
    for (uint32_t i = 0; i < it->scope_count; i++) {
        au_put(out, i == 0 ? AU_LITERAL(",\"scopes_supported\":[") : AU_LITERAL(","));
        au_put_quoted(out, it->scopes[i]);
    }
    if (it->scope_count != 0) au_puts(out, "]");
}

static void halt(struct au_provider *provider) {
    struct jwt *it = (struct jwt *)provider;
    for (uint32_t i = 0; i < it->issuer_count; i++)
        issuer_halt(&it->issuers[i]);
}

static void close(struct au_provider *provider) {
    struct jwt *it = (struct jwt *)provider;
    for (uint32_t i = 0; i < it->issuer_count; i++)
        issuer_close(&it->issuers[i]);
}

const struct au_kind au_this = {.plugin = "auth-jwt",
                                .record = sizeof(struct jwt),
                                .http = true,
                                .open = open,
                                .identify = identify,
                                .describe = describe,
                                .halt = halt,
                                .close = close};
