/* SPDX-License-Identifier: Apache-2.0
 * Asking the authorization server about a token (RFC 7662), and what its answer means. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "introspection.h"
#include "strict.h"

#include <stdlib.h>

enum { ANSWER_MOST = 256 << 10 };

/* ---- Who asks ---- */

static void put_base64(struct au_text *out, jf_view bytes) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (uint64_t i = 0; i < bytes.len; i += 3) {
        uint64_t left = bytes.len - i;
        uint32_t group = (uint32_t)bytes.ptr[i] << 16 | (left > 1 ? (uint32_t)bytes.ptr[i + 1] << 8 : 0) |
                         (left > 2 ? bytes.ptr[i + 2] : 0u);
        uint8_t text[4];
        for (uint32_t k = 0; k < 4; k++)
            text[k] = k > left ? (uint8_t)'=' : (uint8_t)alphabet[group >> (18 - 6 * k) & 63];
        au_put(out, (jf_view){text, 4});
    }
}

void client_open(struct introspection *it, struct au_options *options) {
    static const char *const ways[] = {"basic", "post", NULL};
    struct au_text plain = {0}, header = {0}, body = {0};
    jf_view id = au_option_text(options, &options->root, "client_id");
    jf_view secret = au_option_text(options, &options->root, "client_secret");
    bool post = au_option_word(options, &options->root, "client_auth", ways, 0) == 1;
    if (id.len == 0) au_option_wrong(options, "client_id is missing: the server must know who asks");
    if (secret.len == 0)
        au_option_wrong(options, "client_secret is missing: ${env:NAME} or ${file:PATH} keep it apart");
    au_puts(&body, "&token_type_hint=access_token");
    if (post) {
        au_puts(&body, "&client_id=");
        au_put_encoded(&body, id);
        au_puts(&body, "&client_secret=");
        au_put_encoded(&body, secret);
    } else {
        // RFC 6749 section 2.3.1: both are encoded as in a form first.
        au_put_encoded(&plain, id);
        au_puts(&plain, ":");
        au_put_encoded(&plain, secret);
        au_puts(&header, "Basic ");
        put_base64(&header, (jf_view){plain.ptr, plain.len});
        it->authorization = au_take_text(options->keep, (jf_view){header.ptr, header.len});
    }
    it->body = au_take_text(options->keep, (jf_view){body.ptr, body.len});
    if (plain.failed || header.failed || body.failed) options->keep->failed = true;
    au_text_end(&plain);
    au_text_end(&header);
    au_text_end(&body);
}

/* ---- Those who wait ---- */

int32_t entry_answer(const struct entry *entry, jf_blob *principal, jf_fault *why) {
    const struct au_host *host = entry->of->provider.host;
    struct au_text text = {0};
    if (entry->state == ENTRY_REFUSED) return au_deny(why, entry->why);
    uint64_t now = au_now(host), left = entry->until > now ? (entry->until - now) / 1000000u : 0;
    au_put(&text, (jf_view){entry->principal.ptr, entry->principal.len});
    if (entry->principal.len == 0) text.failed = true;
    return au_principal_end(&text, left, principal, why) ? JF_OK : JF_E_FAULT;
}

void entry_finish(struct entry *entry, int32_t status, const jf_fault *why) {
    struct introspection *it = entry->of;
    const jf_ops_1 *ops = it->provider.host->ops;
    // Whoever is answered may ask again at once, and the entry give way to another.
    struct entry copy = *entry;
    struct waiting *waiting = entry->first;
    entry->first = NULL;
    entry->last = &entry->first;
    copy.principal = (struct au_text){0};
    au_put(&copy.principal, (jf_view){entry->principal.ptr, entry->principal.len});
    while (waiting != NULL) {
        struct waiting *next = waiting->next;
        jf_blob principal = {0};
        jf_fault own = {.size = sizeof(own)};
        if (why != NULL) own = *why;
        int32_t result = status == JF_OK ? entry_answer(&copy, &principal, &own) : status;
        it->waiting--;
        ops->finish(ops->context, waiting->op, result, &principal, &own);
        free(waiting);
        waiting = next;
    }
    au_text_end(&copy.principal);
}

/* ---- Answers ---- */

static void failed(struct entry *entry, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void failed(struct entry *entry, const char *format, ...) {
    struct introspection *it = entry->of;
    jf_fault why = {.size = sizeof(why)};
    uint64_t pause = 250000000ull << (it->failures < 6 ? it->failures : 6);
    char text[180];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (it->failures++ == 0) au_log(&it->provider, JF_LOG_ERROR, "%s; its tokens are answered 503", text);
    it->next = au_now(it->provider.host) + pause;
    au_unknown(&why, pause / 1000000u, "%s", text);
    cache_take(&it->cache, entry);
    entry_finish(entry, JF_E_GONE, &why);
    entry_free(entry);
}

static void refuse(struct entry *entry, const char *why) {
    entry->state = ENTRY_REFUSED;
    snprintf(entry->why, sizeof(entry->why), "%s", why);
    entry->until = au_now(entry->of->provider.host) + entry->of->keep_refused_ns;
    entry_finish(entry, JF_OK, NULL);
}

/** The server says that the token is good: is it good here, and whose? */
static int32_t judge(struct entry *entry, const jf_json_value *claims, uint64_t *expires_ms, jf_fault *why) {
    struct introspection *it = entry->of;
    jf_json_value value;
    uint64_t passed = (au_now(it->provider.host) - entry->since) / 1000000u;
    jf_view issuer = it->issuer.ptr != NULL ? it->issuer : it->endpoint;
    if (au_member(claims, "iss", &value) &&
        (value.kind != JF_JSON_STRING || (it->issuer.ptr != NULL && !jf_json_is(&value, it->issuer))))
        return au_deny(why, "the token is of another issuer");
    int32_t status = au_claims_time(&it->mapping, claims, false, entry->now_ms + passed, expires_ms, why);
    if (status != JF_OK) return status;
    status = au_claims_audience(&it->mapping, claims, entry->resource, why);
    if (status == JF_ABSENT && it->must_have_audience) return au_deny(why, "the token names no audience");
    if (status < 0) return status;
    return au_claims_principal(&it->mapping, claims, issuer, *expires_ms, &entry->principal, why);
}

static void accept(struct entry *entry, const jf_json_value *claims) {
    struct introspection *it = entry->of;
    jf_fault why = {.size = sizeof(why)};
    uint64_t expires_ms = 0, now = au_now(it->provider.host), keep = it->keep_ns;
    uint64_t now_ms = entry->now_ms + (now - entry->since) / 1000000u;
    int32_t status = judge(entry, claims, &expires_ms, &why);
    if (status == JF_E_DENIED) {
        au_text_end(&entry->principal);
        refuse(entry, why.text);
        return;
    }
    if (status != JF_OK || entry->principal.failed) {
        failed(entry, "out of memory for an answer");
        return;
    }
    if (expires_ms != 0 && (expires_ms - now_ms) < keep / 1000000u) keep = (expires_ms - now_ms) * 1000000u;
    entry->state = ENTRY_ACTIVE;
    entry->until = now + keep;
    entry_finish(entry, JF_OK, NULL);
}

static void answered(void *user, jf_ref request, const jf_http_response *response) {
    struct entry *entry = user;
    struct introspection *it = entry->of;
    jf_http_response known = {0};
    jf_json_value root, active;
    (void)request;
    entry->request = 0;
    it->asking--;
    memcpy(&known, response, response->size < sizeof(known) ? response->size : sizeof(known));
    if (known.status == 401 || known.status == 403) {
        failed(entry,
               "the introspection endpoint refused us (%d): look at client_id, client_secret and "
               "client_auth",
               (int)known.status);
    } else if (known.status != 200) {
        failed(entry, "the introspection endpoint answered %d", (int)known.status);
    } else if (known.body.len > ANSWER_MOST || !jf_json_read(known.body, &root) ||
               root.kind != JF_JSON_OBJECT || !au_json_strict(&root) ||
               !au_member(&root, "active", &active) || active.kind != JF_JSON_BOOL) {
        failed(entry, "the introspection endpoint answered something that is no introspection (RFC 7662)");
    } else {
        if (it->failures != 0) au_log(&it->provider, JF_LOG_INFO, "the introspection endpoint answers again");
        it->failures = 0;
        it->next = 0;
        if (active.ptr[0] == 't')
            accept(entry, &root);
        else
            refuse(entry, "the token is not active");
    }
}

int32_t ask(struct introspection *it, struct entry *entry, jf_view token, jf_fault *why) {
    const jf_http_1 *http = it->provider.host->http;
    struct au_text body = {0};
    jf_pair headers[] = {{AU_LITERAL("content-type"), AU_LITERAL("application/x-www-form-urlencoded")},
                         {AU_LITERAL("accept"), AU_LITERAL("application/json")},
                         {AU_LITERAL("authorization"), it->authorization}};
    au_puts(&body, "token=");
    au_put_encoded(&body, token);
    au_put(&body, it->body);
    jf_http_request request = {.size = sizeof(request),
                               .timeout_ns = it->timeout_ns,
                               .method = AU_LITERAL("POST"),
                               .url = it->endpoint,
                               .body = {body.ptr, body.len},
                               .headers = headers,
                               .header_count = it->authorization.ptr != NULL ? 3 : 2};
    jf_fault said = {.size = sizeof(said)};
    int32_t status = body.failed
                         ? JF_E_FAULT
                         : http->request(http->context, &request, answered, entry, &entry->request, &said);
    au_text_end(&body);
    if (status != JF_OK) {
        cache_remove(&it->cache, entry);
        return au_unknown(why, 1000, "the introspection endpoint cannot be asked: %.*s", (int)said.text_len,
                          said.text);
    }
    it->asking++;
    return JF_PENDING;
}
