/* SPDX-License-Identifier: Apache-2.0
 * credentials-static: header fields from the configuration, from files and from a vault. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "static.h"
#include "text.h"
#include "url.h"

#include <stdlib.h>

const struct au_kind au_this = {.plugin = "credentials-static"};

static jf_view text_of(const struct au_text *text) {
    return (jf_view){text->ptr, text->len};
}

bool value_take(struct value *value, jf_view text) {
    const struct cs_host *host = cs_host_of(&value->of->source);
    while (text.len != 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    if (text.len == 0 || text.len > VALUE_MOST || !header_value_clean(text)) return false;
    if (value->known && au_same(text_of(&value->text), text)) return true;
    bool replaces = value->known;
    au_text_end(&value->text);
    au_put(&value->text, text);
    value->known = !value->text.failed;
    if (replaces && host->connected != NULL) host->connected->forget(host->connected->context, (jf_view){0});
    return value->known;
}

static int32_t take_file(struct au_file *file, jf_view text, jf_fault *why) {
    struct value *value = (struct value *)((char *)file - offsetof(struct value, file));
    if (value_take(value, text)) return JF_OK;
    return au_refuse(why, JF_E_INVALID, "%s holds no line that can stand in a header field", file->path);
}

static int32_t take_token(struct au_file *file, jf_view text, jf_fault *why) {
    struct fixed *it = (struct fixed *)((char *)file - offsetof(struct fixed, token_file));
    text = view_trim(text);
    while (text.len != 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    if (text.len == 0 || text.len > VALUE_MOST || !header_value_clean(text))
        return au_refuse(why, JF_E_INVALID, "%s holds no token", file->path);
    au_text_end(&it->token);
    au_put(&it->token, text);
    for (uint32_t i = 0; i < it->value_count; i++)
        if (it->values[i].failures != 0) vault_ask(&it->values[i]);
    return JF_OK;
}

/* ---- Options ---- */

static void open_vault(struct fixed *it, struct au_options *options) {
    jf_json_value in;
    if (it->address.ptr != NULL) return;
    if (!au_member(&options->root, "vault", &in) || in.kind != JF_JSON_OBJECT) {
        au_option_wrong(options, "vault is missing: where are the values?");
        return;
    }
    options->where = "vault.";
    it->address = au_option_text(options, &in, "address");
    if (it->address.len == 0) au_option_wrong(options, "address is missing");
    au_option_url(options, "address", it->address, false);
    while (it->address.len != 0 && it->address.ptr[it->address.len - 1] == '/')
        it->address.len--;
    it->name_space = au_option_text(options, &in, "namespace");
    it->renew_ns = (uint64_t)au_option_integer(options, &in, "renew_ms", 1000, 86400000, 300000) * 1000000u;
    it->timeout_ns = (uint64_t)au_option_integer(options, &in, "timeout_ms", 100, 30000, 5000) * 1000000u;
    it->token_file.path = (const char *)au_option_text(options, &in, "token_file").ptr;
    it->token_file.provider = &it->source.au;
    it->token_file.take = take_token;
    if (it->token_file.path == NULL) au_option_wrong(options, "token_file is missing");
    if (it->source.au.host->http == NULL)
        au_option_wrong(options, "it cannot be asked: no plugin offers " JF_HTTP_1 "; enable transport-http");
    if (options->status == JF_OK) au_file_open(&it->token_file, options);
    options->where = "";
}

static void open_value(struct fixed *it, struct value *value, struct au_options *options,
                       const jf_json_value *in) {
    jf_json_value vault;
    jf_view text = au_option_text(options, in, "text");
    value->file.path = (const char *)au_option_text(options, in, "file").ptr;
    bool vaulted = au_member(in, "vault", &vault);
    if ((text.ptr != NULL) + (value->file.path != NULL) + vaulted != 1) {
        au_option_wrong(options, "values.%.*s must come from one place: text, file or vault",
                        (int)value->name.len, (const char *)value->name.ptr);
    } else if (text.ptr != NULL) {
        if (!value_take(value, text))
            au_option_wrong(options, "values.%.*s cannot stand in a header field", (int)value->name.len,
                            (const char *)value->name.ptr);
    } else if (vaulted) {
        value->path = au_option_text(options, &vault, "path");
        value->field = au_option_text(options, &vault, "field");
        while (value->path.len != 0 && value->path.ptr[0] == '/')
            value->path = (jf_view){value->path.ptr + 1, value->path.len - 1};
        if (value->path.len == 0 || value->field.len == 0)
            au_option_wrong(options, "a value of a vault needs path and field");
        open_vault(it, options);
    } else {
        value->file.provider = &it->source.au;
        value->file.take = take_file;
        au_file_open(&value->file, options);
    }
}

static const struct value *value_named(const struct fixed *it, jf_view name) {
    for (uint32_t i = 0; i < it->value_count; i++)
        if (au_same(it->values[i].name, name)) return &it->values[i];
    return NULL;
}

/** Fills in a template; false: it names a value that there is not. `out` may be NULL. */
static bool fill(const struct fixed *it, jf_view template, struct au_text *out) {
    for (uint64_t i = 0; i < template.len; i++) {
        jf_view one = {template.ptr + i, 1}, rest = {0};
        if (one.ptr[0] == '{' && i + 1 < template.len && template.ptr[i + 1] == '{') {
            i++;
        } else if (one.ptr[0] == '{') {
            jf_view name = view_until(view_make(one.ptr + 1, template.len - i - 1), '}', &rest);
            const struct value *value = value_named(it, name);
            if (value == NULL || rest.ptr == NULL) return false;
            one = text_of(&value->text);
            i += name.len + 1;
        }
        if (out != NULL) au_put(out, one);
    }
    return true;
}

static void open_headers(struct fixed *it, struct au_options *options) {
    jf_json_value headers, key, value;
    if (!au_member(&options->root, "headers", &headers) || headers.kind != JF_JSON_OBJECT) {
        au_option_wrong(options, "headers is missing: what is to be shown?");
        return;
    }
    it->headers = au_take(options->keep, (au_count(&headers) + 1) * sizeof(*it->headers));
    jf_json_walk walk = jf_json_walk_of(&headers);
    while (it->headers != NULL && options->status == JF_OK && jf_json_next(&walk, &key, &value) == 1) {
        jf_pair *header = &it->headers[it->header_count++];
        header->name = au_option_decode(options, &key, "headers");
        header->value = au_option_decode(options, &value, "headers");
        if (options->status != JF_OK) return;
        if (!header_name_clean(header->name) || !header_value_clean(header->value))
            au_option_wrong(options, "headers has a field that cannot be one");
        else if (!fill(it, header->value, NULL))
            au_option_wrong(options, "headers.%.*s names a value that is not among values",
                            (int)header->name.len, (const char *)header->name.ptr);
    }
}

static void open(struct cs_source *source, struct au_options *options) {
    struct fixed *it = (struct fixed *)source;
    jf_json_value values, key, value;
    if (au_member(&options->root, "values", &values) && values.kind == JF_JSON_OBJECT) {
        it->values = au_take(options->keep, (au_count(&values) + 1) * sizeof(*it->values));
        jf_json_walk walk = jf_json_walk_of(&values);
        while (it->values != NULL && options->status == JF_OK && jf_json_next(&walk, &key, &value) == 1) {
            struct value *one = &it->values[it->value_count++];
            one->of = it;
            one->name = au_option_decode(options, &key, "values");
            if (options->status == JF_OK) open_value(it, one, options, &value);
        }
    }
    open_headers(it, options);
    for (uint32_t i = 0; i < it->value_count && options->status == JF_OK; i++)
        vault_ask(&it->values[i]);
}

/* ---- Supplies ---- */

static bool is_known(const struct fixed *it) {
    for (uint32_t i = 0; i < it->value_count; i++)
        if (!it->values[i].known) return false;
    return true;
}

static int32_t give(const struct fixed *it, jf_blob *blob, jf_fault *why) {
    struct au_text json = {0};
    au_puts(&json, "{\"headers\":{");
    for (uint32_t i = 0; i < it->header_count; i++) {
        struct au_text text = {0};
        fill(it, it->headers[i].value, &text);
        if (i != 0) au_puts(&json, ",");
        au_put_quoted(&json, it->headers[i].name);
        au_puts(&json, ":");
        au_put_quoted(&json, text_of(&text));
        if (text.failed) json.failed = true;
        au_text_end(&text);
    }
    au_puts(&json, "},\"shared\":true}");
    return au_text_blob(&json, blob) ? JF_OK : au_refuse(why, JF_E_FAULT, "out of memory");
}

static int32_t not_known(const struct fixed *it, jf_fault *why) {
    for (uint32_t i = 0; i < it->value_count; i++)
        if (!it->values[i].known && it->values[i].failures != 0)
            return au_unknown(why, 1000, "the vault's %.*s: %s", (int)it->values[i].path.len,
                              (const char *)it->values[i].path.ptr, it->values[i].why);
    return JF_PENDING;
}

void fixed_go(struct fixed *it) {
    jf_fault why = {.size = sizeof(why)};
    int32_t status = it->halted ? au_unknown(&why, 1000, "the gateway stops") : JF_OK;
    if (status == JF_OK && !is_known(it)) status = not_known(it, &why);
    if (status == JF_PENDING) return;
    struct waiting *next = it->waiting;
    it->waiting = NULL;
    while (next != NULL) {
        struct waiting *one = next;
        jf_blob blob = {0};
        jf_fault own = why;
        next = one->next;
        cs_finish(&it->source, one->op, status == JF_OK ? give(it, &blob, &own) : status, &blob, &own);
        free(one);
    }
}

static int32_t supply(struct cs_source *source, jf_ref op, const jf_demand *demand, jf_blob *blob,
                      jf_fault *why) {
    struct fixed *it = (struct fixed *)source;
    // Perhaps it was replaced there, and we have not heard.
    if (demand->refused != 0 && demand->attempt <= 1)
        for (uint32_t i = 0; i < it->value_count; i++)
            if (it->values[i].failures == 0) vault_ask(&it->values[i]);
    bool asking = false;
    for (uint32_t i = 0; i < it->value_count && demand->refused != 0; i++)
        asking |= it->values[i].request != 0;
    if (!asking && is_known(it)) return give(it, blob, why);
    int32_t status = asking ? JF_PENDING : not_known(it, why);
    if (status != JF_PENDING) return status;
    struct waiting *one = calloc(1, sizeof(*one));
    if (one == NULL) return au_refuse(why, JF_E_FAULT, "out of memory");
    one->op = op;
    one->next = it->waiting;
    it->waiting = one;
    return JF_PENDING;
}

static void halt(struct cs_source *source) {
    struct fixed *it = (struct fixed *)source;
    if (it->halted) return;
    it->halted = true;
    au_file_close(&it->token_file);
    for (uint32_t i = 0; i < it->value_count; i++) {
        au_file_close(&it->values[i].file);
        vault_halt(&it->values[i]);
    }
    fixed_go(it);
}

static void close(struct cs_source *source) {
    struct fixed *it = (struct fixed *)source;
    au_text_end(&it->token);
    for (uint32_t i = 0; i < it->value_count; i++)
        au_text_end(&it->values[i].text);
}

const struct cs_kind cs_this = {
    .record = sizeof(struct fixed), .open = open, .supply = supply, .halt = halt, .close = close};
