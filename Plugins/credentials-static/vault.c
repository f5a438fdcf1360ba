/* SPDX-License-Identifier: Apache-2.0
 * Values from a vault: GET /v1/PATH with a token (HashiCorp Vault's HTTP API, KV versions 1 and 2 and leased
 * secrets), again before the lease ends. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "static.h"
#include "strict.h"

#include <stdlib.h>

static const uint64_t second = 1000000000u;

static void again(void *user) {
    struct value *value = user;
    value->timer = 0;
    vault_ask(value);
}

static void later(struct value *value, uint64_t delay) {
    const jf_loop_1 *loop = value->of->source.au.host->loop;
    if (value->timer != 0) loop->cancel(loop->context, value->timer);
    if (loop->timer(loop->context, delay, again, value, &value->timer) != JF_OK) value->timer = 0;
}

static void failed(struct value *value, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void failed(struct value *value, const char *format, ...) {
    uint32_t power = value->failures < 6 ? value->failures : 6;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value->why, sizeof(value->why), format, arguments);
    va_end(arguments);
    if (value->failures++ == 0)
        au_log(&value->of->source.au, JF_LOG_ERROR, "the vault's %.*s: %s; %s", (int)value->path.len,
               (const char *)value->path.ptr, value->why,
               value->known ? "what it said before stays in use" : "the server cannot be asked without it");
    later(value, second << power);
    fixed_go(value->of);
}

/** data.data.FIELD, or data.FIELD. */
static bool find(const struct value *value, const jf_json_value *root, jf_json_value *found) {
    jf_json_value data, inner;
    const char *field = (const char *)value->field.ptr;
    if (!au_member(root, "data", &data) || data.kind != JF_JSON_OBJECT) return false;
    if (au_member(&data, "data", &inner) && inner.kind == JF_JSON_OBJECT &&
        au_member(&data, "metadata", found))
        return au_member(&inner, field, found) && found->kind == JF_JSON_STRING;
    return au_member(&data, field, found) && found->kind == JF_JSON_STRING;
}

static void take(struct value *value, const jf_json_value *root) {
    struct fixed *it = value->of;
    jf_json_value found, lease;
    int64_t seconds = 0;
    uint64_t delay = it->renew_ns;
    uint8_t *text = NULL;
    uint64_t length = UINT64_MAX;
    if (find(value, root, &found) && found.len <= VALUE_MOST) text = malloc(found.len + 1);
    if (text != NULL) length = jf_json_decode(&found, text);
    bool good = length != UINT64_MAX && value_take(value, (jf_view){text, length});
    if (text != NULL) explicit_bzero(text, found.len);
    free(text);
    if (!good) {
        failed(value, "it has no text of use in the field %.*s", (int)value->field.len,
               (const char *)value->field.ptr);
        return;
    }
    if (au_member(root, "lease_duration", &lease) && jf_json_int64(&lease, &seconds) && seconds > 0 &&
        (uint64_t)seconds < delay / second * 3 / 2)
        delay = (uint64_t)seconds * second * 2 / 3;
    value->failures = 0;
    later(value, delay > second ? delay : second);
    fixed_go(it);
}

static void answered(void *user, jf_ref request, const jf_http_response *response) {
    struct value *value = user;
    jf_http_response known = {0};
    jf_json_value root;
    (void)request;
    value->request = 0;
    memcpy(&known, response, response->size < sizeof(known) ? response->size : sizeof(known));
    if (known.status == 403)
        failed(value, "it refuses us (403): look at the token and its policies");
    else if (known.status != 200)
        failed(value, "it answered %d", (int)known.status);
    else if (known.body.len > ANSWER_MOST || !jf_json_read(known.body, &root) ||
             root.kind != JF_JSON_OBJECT || !au_json_strict(&root))
        failed(value, "it answered no JSON object of use");
    else
        take(value, &root);
}

void vault_ask(struct value *value) {
    struct fixed *it = value->of;
    const struct au_host *host = it->source.au.host;
    struct au_text url = {0};
    jf_fault why = {.size = sizeof(why)};
    jf_pair headers[] = {{AU_LITERAL("x-vault-request"), AU_LITERAL("true")},
                         {AU_LITERAL("x-vault-token"), {it->token.ptr, it->token.len}},
                         {AU_LITERAL("x-vault-namespace"), it->name_space}};
    if (value->path.len == 0 || value->request != 0 || it->halted) return;
    au_put(&url, it->address);
    au_puts(&url, "/v1/");
    au_put(&url, value->path);
    jf_http_request request = {.size = sizeof(request),
                               .timeout_ns = it->timeout_ns,
                               .method = AU_LITERAL("GET"),
                               .url = {url.ptr, url.len},
                               .headers = headers,
                               .header_count = it->name_space.len != 0 ? 3 : 2};
    int32_t status = JF_E_FAULT;
    if (!url.failed)
        status = host->http->request(host->http->context, &request, answered, value, &value->request, &why);
    au_text_end(&url);
    if (status == JF_OK) return;
    value->request = 0;
    failed(value, "it cannot be asked");
}

void vault_halt(struct value *value) {
    const struct au_host *host = value->of->source.au.host;
    if (value->request != 0) host->http->abandon(host->http->context, value->request);
    if (value->timer != 0) host->loop->cancel(host->loop->context, value->timer);
    value->request = value->timer = 0;
}
