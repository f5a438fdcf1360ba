/* SPDX-License-Identifier: Apache-2.0
 * An issuer's keys: from its metadata (RFC 8414, OpenID Connect Discovery 1.0), from a file, from the
 * configuration. Fetched keys are fetched again before they are too old, and when a token names one that is
 * not there; they stay in use for a while when that fails. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "jwt.h"
#include "uri.h"
#include "url.h"

#include <stdlib.h>

enum { STEP_KEYS = 3, SECRET_LEAST = 32, METADATA_MOST = 256 << 10 };
static const uint64_t second = 1000000000u, refresh_least = 60 * 1000000000ull,
                      refresh_most = 24 * 3600 * 1000000000ull, pause_most = 60 * 1000000000ull;

static void begin(struct issuer *issuer);

static int name_length(const struct issuer *issuer) {
    return issuer->name.len < 200 ? (int)issuer->name.len : 200;
}
#define NAME(issuer) name_length(issuer), (const char *)(issuer)->name.ptr

/* ---- Keys that came ---- */

/** Takes another set for the one that was. What had been accepted with a key that is gone is asked for anew.
 */
static void take(struct issuer *issuer, struct jwks *keys) {
    bool lost = false;
    for (uint32_t i = 0; i < issuer->keys.count && !lost; i++) {
        bool kept = false;
        for (uint32_t k = 0; k < keys->count && !kept; k++)
            kept = au_equal(issuer->keys.of[i].print, keys->of[k].print, AU_DIGEST);
        lost = !kept;
    }
    if (keys->skipped != 0)
        au_log(&issuer->jwt->provider, JF_LOG_DEBUG, "%u keys of %.*s are of no use here: %s", keys->skipped,
               NAME(issuer), keys->why);
    jwks_end(&issuer->keys);
    issuer->keys = *keys;
    if (lost) au_forget(&issuer->jwt->provider, (jf_view){0});
}

static int32_t take_file(struct au_file *file, jf_view text, jf_fault *why) {
    struct issuer *issuer = (struct issuer *)((char *)file - offsetof(struct issuer, file));
    struct jwks keys;
    if (!jwks_read(text, &keys)) {
        int32_t status = au_refuse(why, JF_E_INVALID, "%s has no key of use: %s", file->path, keys.why);
        jwks_end(&keys);
        return status;
    }
    take(issuer, &keys);
    return JF_OK;
}

/* ---- Tokens that wait ---- */

int32_t issuer_wait(struct issuer *issuer, jf_ref op, jf_view token, jf_view resource, uint64_t now_ms,
                    jf_fault *why) {
    struct jwt *jwt = issuer->jwt;
    if (jwt->waiting == jwt->waiting_most) {
        au_unknown(why, 1000, "more than %u requests wait for keys", jwt->waiting_most);
        return JF_E_BUSY;
    }
    struct waiting *it = malloc(sizeof(*it) + token.len + resource.len);
    if (it == NULL) return au_refuse(why, JF_E_FAULT, "out of memory for a token");
    uint8_t *copy = (uint8_t *)(it + 1);
    *it = (struct waiting){.op = op, .now_ms = now_ms, .since = au_now(jwt->provider.host)};
    memcpy(copy, token.ptr, token.len);
    if (resource.len != 0) memcpy(copy + token.len, resource.ptr, resource.len);
    it->token = (jf_view){copy, token.len};
    it->resource = (jf_view){copy + token.len, resource.len};
    *issuer->last = it;
    issuer->last = &it->next;
    jwt->waiting++;
    return JF_PENDING;
}

/** Finishes all that wait: by looking again, or because there is no more to wait for. */
static void release(struct issuer *issuer, bool look) {
    struct jwt *jwt = issuer->jwt;
    const struct au_host *host = jwt->provider.host;
    struct waiting *it = issuer->first;
    issuer->first = NULL;
    issuer->last = &issuer->first;
    while (it != NULL) {
        struct waiting *next = it->next;
        jf_blob principal = {0};
        jf_fault why = {.size = sizeof(why)};
        int32_t status = JF_E_GONE;
        if (look)
            status = jwt_check(jwt, 0, it->token, it->resource,
                               it->now_ms + (au_now(host) - it->since) / 1000000u, &principal, &why);
        else
            au_unknown(&why, 1000, "the provider ends");
        jwt->waiting--;
        host->ops->finish(host->ops->context, it->op, status, &principal, &why);
        explicit_bzero(it + 1, it->token.len);
        free(it);
        it = next;
    }
}

/* ---- Fetching ---- */

static void timer_fired(void *user) {
    struct issuer *issuer = user;
    issuer->timer = 0;
    issuer->next = 0;
    issuer_fetch(issuer);
}

static void timer_set(struct issuer *issuer, uint64_t delay) {
    const jf_loop_1 *loop = issuer->jwt->provider.host->loop;
    if (issuer->timer != 0) loop->cancel(loop->context, issuer->timer);
    issuer->timer = 0;
    if (loop->timer(loop->context, delay, timer_fired, issuer, &issuer->timer) != JF_OK) issuer->timer = 0;
}

static void failed(struct issuer *issuer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void failed(struct issuer *issuer, const char *format, ...) {
    struct jwt *jwt = issuer->jwt;
    uint64_t pause = second << (issuer->failures < 6 ? issuer->failures : 6);
    if (pause > pause_most) pause = pause_most;
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    issuer->failures++;
    issuer->next = au_now(jwt->provider.host) + pause;
    // It may have moved: the next try begins with the metadata.
    issuer->found[0] = 0;
    au_log(&jwt->provider, issuer->failures == 1 ? JF_LOG_ERROR : JF_LOG_DEBUG, "no keys of %.*s: %s; %s",
           NAME(issuer), text,
           issuer->keys.count != 0 ? "those from before stay in use" : "its tokens are answered 503");
    if (issuer->keys.count != 0) timer_set(issuer, pause);
    release(issuer, true);
}

static void keys_came(struct issuer *issuer, const jf_http_response *response) {
    struct jwt *jwt = issuer->jwt;
    struct jwks keys;
    if (response->status != 200) {
        failed(issuer, "the request for them was answered %d", (int)response->status);
        return;
    }
    if (!jwks_read(response->body, &keys)) {
        failed(issuer, "what was answered has no key of use: %s", keys.why);
        jwks_end(&keys);
        return;
    }
    uint64_t now = au_now(jwt->provider.host), age = au_max_age(response, jwt->refresh_ns / second);
    uint64_t fresh = age < refresh_most / second ? age * second : refresh_most;
    if (fresh < refresh_least) fresh = refresh_least;
    if (issuer->failures != 0)
        au_log(&jwt->provider, JF_LOG_INFO, "the keys of %.*s are there again", NAME(issuer));
    issuer->failures = 0;
    issuer->next = now + jwt->refetch_ns;
    issuer->until = now + fresh + jwt->stale_ns;
    take(issuer, &keys);
    timer_set(issuer, fresh);
    release(issuer, true);
}

static void metadata_came(struct issuer *issuer, const jf_http_response *response) {
    jf_json_value root, name, uri;
    if (response->status < 100) {
        failed(issuer, "the request for its metadata failed (%d)", (int)response->status);
        return;
    }
    if (response->status != 200) {
        // Another place may have them.
        if (issuer->metadata.ptr == NULL && ++issuer->step < STEP_KEYS)
            begin(issuer);
        else
            failed(issuer, "the request for its metadata was answered %d", (int)response->status);
        return;
    }
    if (response->body.len > METADATA_MOST || !jf_json_read(response->body, &root) ||
        root.kind != JF_JSON_OBJECT || !au_json_strict(&root)) {
        failed(issuer, "its metadata are not a JSON object");
        return;
    }
    // RFC 8414 section 3.3: or a server could speak for another.
    if (!au_member(&root, "issuer", &name) || name.kind != JF_JSON_STRING ||
        !jf_json_is(&name, issuer->name)) {
        failed(issuer, "its metadata are those of another issuer");
        return;
    }
    if (!au_member(&root, "jwks_uri", &uri) || uri.kind != JF_JSON_STRING || uri.len > URL_MOST) {
        failed(issuer, "its metadata have no jwks_uri");
        return;
    }
    uint64_t length = jf_json_decode(&uri, (uint8_t *)issuer->found);
    const char *wrong = length == UINT64_MAX
                            ? "is no text"
                            : au_url_wrong((jf_view){(const uint8_t *)issuer->found, length},
                                           au_url_is_local(issuer->name), issuer->jwt->plain);
    if (wrong != NULL) {
        failed(issuer, "the jwks_uri of its metadata %s", wrong);
        return;
    }
    issuer->found[length] = 0;
    begin(issuer);
}

static void answered(void *user, jf_ref request, const jf_http_response *response) {
    struct issuer *issuer = user;
    jf_http_response known = {0};
    (void)request;
    issuer->request = 0;
    memcpy(&known, response, response->size < sizeof(known) ? response->size : sizeof(known));
    if (issuer->step == STEP_KEYS)
        keys_came(issuer, &known);
    else
        metadata_came(issuer, &known);
}

/** Where metadata may be: RFC 8414 section 3.1, and both readings of OpenID Connect Discovery section 4.1. */
static void put_place(struct au_text *out, jf_view issuer, uint32_t step) {
    struct url parts;
    if (!url_parse(issuer, &parts)) return;
    jf_view path = parts.path, origin = {issuer.ptr, issuer.len - path.len};
    if (path.len != 0 && path.ptr[path.len - 1] == '/') path.len--;
    au_put(out, origin);
    if (step == 2) au_put(out, path);
    au_put(out, step == 0 ? AU_LITERAL("/.well-known/oauth-authorization-server")
                          : AU_LITERAL("/.well-known/openid-configuration"));
    if (step != 2) au_put(out, path);
}

/** Makes the request of the step that is due. */
static void begin(struct issuer *issuer) {
    const struct au_host *host = issuer->jwt->provider.host;
    struct au_text place = {0};
    jf_fault why = {.size = sizeof(why)};
    jf_pair accept = {AU_LITERAL("accept"), AU_LITERAL("application/json")};
    jf_view url = issuer->jwks_uri;
    if (url.ptr == NULL && issuer->found[0] != 0)
        url = (jf_view){(const uint8_t *)issuer->found, strlen(issuer->found)};
    if (url.ptr != NULL) {
        issuer->step = STEP_KEYS;
    } else if (issuer->metadata.ptr != NULL) {
        url = issuer->metadata;
    } else {
        put_place(&place, issuer->name, issuer->step);
        url = (jf_view){place.ptr, place.len};
    }
    jf_http_request request = {.size = sizeof(request),
                               .timeout_ns = issuer->jwt->timeout_ns,
                               .method = AU_LITERAL("GET"),
                               .url = url,
                               .headers = &accept,
                               .header_count = 1};
    int32_t status =
        host->http->request(host->http->context, &request, answered, issuer, &issuer->request, &why);
    au_text_end(&place);
    if (status == JF_OK) return;
    issuer->request = 0;
    failed(issuer, "%.*s", (int)why.text_len, why.text);
}

bool issuer_fetch(struct issuer *issuer) {
    if (!issuer->fetched || issuer->jwt->provider.host->stopped) return false;
    if (issuer->request != 0) return true;
    if (au_now(issuer->jwt->provider.host) < issuer->next) return false;
    issuer->step = 0;
    begin(issuer);
    return issuer->request != 0;
}

void issuer_tick(struct issuer *issuer) {
    if (!issuer->fetched || issuer->keys.count == 0 || au_now(issuer->jwt->provider.host) < issuer->until)
        return;
    jwks_end(&issuer->keys);
    au_forget(&issuer->jwt->provider, (jf_view){0});
}

/* ---- Configuration and end ---- */

static void open_keys(struct issuer *issuer, struct au_options *options, const jf_json_value *in) {
    struct jwt *jwt = issuer->jwt;
    jf_view keys = au_option_raw(options, in, "jwks", JF_JSON_OBJECT);
    jf_view secret = au_option_text(options, in, "secret");
    issuer->file.provider = &jwt->provider;
    issuer->file.take = take_file;
    issuer->file.path = (const char *)au_option_text(options, in, "jwks_file").ptr;
    if ((keys.ptr != NULL) + (secret.ptr != NULL) + (issuer->file.path != NULL) +
            (issuer->jwks_uri.ptr != NULL) >
        1)
        au_option_wrong(options,
                        "only one of jwks, jwks_file, jwks_uri and secret can say what the keys are");
    if (options->status != JF_OK) return;
    if (keys.ptr != NULL) {
        if (!jwks_read(keys, &issuer->keys))
            au_option_wrong(options, "jwks has no key of use: %s", issuer->keys.why);
    } else if (secret.ptr != NULL) {
        issuer->secret = true;
        if (secret.len < SECRET_LEAST)
            au_option_wrong(options, "secret has less than %d bytes, so it can be guessed", SECRET_LEAST);
        else if (!jwks_of_secret(secret, &issuer->keys))
            au_option_wrong(options, "secret: no memory");
    } else if (issuer->file.path != NULL) {
        au_file_open(&issuer->file, options);
    } else {
        issuer->fetched = true;
        if (jwt->provider.host->http == NULL)
            au_option_wrong(options,
                            "keys cannot be fetched: no plugin offers " JF_HTTP_1 "; use jwks_file or "
                            "enable transport-http");
    }
}

void issuer_open(struct issuer *issuer, struct jwt *jwt, struct au_options *options,
                 const jf_json_value *in) {
    issuer->jwt = jwt;
    issuer->last = &issuer->first;
    issuer->name = au_option_text(options, in, "issuer");
    if (!au_presentable(issuer->name)) au_option_wrong(options, "issuer is missing, or no text of use");
    issuer->jwks_uri = au_option_text(options, in, "jwks_uri");
    issuer->metadata = au_option_text(options, in, "metadata");
    au_option_url(options, "jwks_uri", issuer->jwks_uri, jwt->plain);
    au_option_url(options, "metadata", issuer->metadata, jwt->plain);
    open_keys(issuer, options, in);
    if (issuer->fetched && issuer->jwks_uri.ptr == NULL && issuer->metadata.ptr == NULL) {
        au_option_url(options, "issuer", issuer->name, jwt->plain);
        if (issuer->name.ptr != NULL && memchr(issuer->name.ptr, '?', issuer->name.len) != NULL)
            au_option_wrong(options, "issuer has a query, so its metadata cannot be found: write jwks_uri");
    }
}

void issuer_halt(struct issuer *issuer) {
    const struct au_host *host = issuer->jwt->provider.host;
    au_file_close(&issuer->file);
    if (issuer->timer != 0) host->loop->cancel(host->loop->context, issuer->timer);
    if (issuer->request != 0) host->http->abandon(host->http->context, issuer->request);
    issuer->timer = issuer->request = 0;
    release(issuer, false);
}

void issuer_close(struct issuer *issuer) {
    jwks_end(&issuer->keys);
}
