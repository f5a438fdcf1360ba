/* SPDX-License-Identifier: Apache-2.0
 * What a call belongs to: reading the sources, and a call's key. */
#include "key.h"
#include "random.h"

enum { PRINCIPAL, SESSION, CLIENT, TENANT, TOOL, HEADER, ARGUMENT };
static const char *const words[] = {"principal", "session", "client",    "tenant",
                                    "tool",      "header:", "argument:", NULL};

static uint32_t count_tokens(jf_view pointer) {
    uint32_t count = 0;
    for (uint64_t i = 0; i < pointer.len; i++)
        count += pointer.ptr[i] == '/';
    return count;
}

/* Splits a JSON Pointer (RFC 6901) in place. */
static void split(rt_options *options, rt_source *out, jf_view pointer) {
    uint32_t count = count_tokens(pointer);
    if (pointer.len == 0 || pointer.ptr[0] != '/' || count > RT_KEY_TOKENS) {
        rt_option_wrong(options, "argument:%.*s must begin with / and have at most %d parts",
                        (int)(pointer.len < 40 ? pointer.len : 40), (const char *)pointer.ptr, RT_KEY_TOKENS);
        return;
    }
    out->tokens = rt_keep(options->server, (count + 1) * sizeof *out->tokens);
    uint8_t *copy = rt_keep(options->server, pointer.len + 1);
    if (out->tokens == NULL || copy == NULL) {
        options->status = rt_refuse(options->server->host, options->why, JF_E_BUSY, "out of memory");
        return;
    }
    uint64_t used = 0;
    out->tokens[out->token_count++] = (jf_view){(const uint8_t *)"arguments", 9};
    for (uint64_t i = 0; i < pointer.len; i++) {
        uint8_t byte = pointer.ptr[i];
        if (byte == '/') {
            out->tokens[out->token_count++] = (jf_view){copy + used, 0};
            continue;
        }
        if (byte == '~' && i + 1 < pointer.len && (pointer.ptr[i + 1] == '0' || pointer.ptr[i + 1] == '1'))
            byte = pointer.ptr[++i] == '0' ? '~' : '/';
        copy[used++] = byte;
        out->tokens[out->token_count - 1].len++;
    }
}

void rt_option_source(rt_options *options, jf_view text, rt_source *out) {
    *out = (rt_source){0};
    for (uint32_t kind = 0; words[kind] != NULL; kind++) {
        uint64_t length = strlen(words[kind]);
        bool prefix = words[kind][length - 1] == ':';
        if (text.len < length || (!prefix && text.len != length) ||
            memcmp(text.ptr, words[kind], length) != 0)
            continue;
        out->kind = kind;
        out->text = (jf_view){text.ptr + length, text.len - length};
        if (prefix && out->text.len == 0) break;
        if (kind == ARGUMENT) split(options, out, out->text);
        return;
    }
    rt_option_wrong(options,
                    "'%.*s' is no key; write principal, session, client, tenant, tool, header:NAME or "
                    "argument:/POINTER",
                    (int)(text.len < 40 ? text.len : 40), (const char *)text.ptr);
}

void rt_option_keys(rt_options *options, const char *pointer, const char *preset, rt_keys *out) {
    uint32_t kind;
    uint64_t cursor = 0;
    *out = (rt_keys){0};
    jf_view list = rt_option(options, options->json, pointer, &kind), value;
    if (kind == 0) {
        while (*preset != 0 && out->count < RT_KEY_SOURCES) {
            uint64_t length = strcspn(preset, " ");
            rt_option_source(options, (jf_view){(const uint8_t *)preset, length},
                             &out->sources[out->count++]);
            preset += length + (preset[length] == ' ');
        }
        return;
    }
    if (kind != JF_JSON_ARRAY || rt_option_count(options, list) > RT_KEY_SOURCES ||
        rt_option_count(options, list) == 0) {
        rt_option_wrong(options, "%s must be a list of one to %d keys", pointer + 1, RT_KEY_SOURCES);
        return;
    }
    while (rt_option_next(options, list, &cursor, NULL, &value, &kind)) {
        jf_view text = rt_option_decode(options, value, pointer + 1);
        if (text.ptr != NULL) rt_option_source(options, text, &out->sources[out->count++]);
    }
}

/* ---- A call's ---- */

static uint8_t lower(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
}

static jf_view header_of(const jf_pick *call, jf_view name) {
    for (uint64_t i = 0; i < call->header_count; i++) {
        const jf_pair *header = &call->headers[i];
        if (header->name.len != name.len) continue;
        uint64_t at = 0;
        while (at < name.len && lower(name.ptr[at]) == header->name.ptr[at])
            at++;
        if (at == name.len) return header->value;
    }
    return (jf_view){0};
}

static jf_view argument_of(const rt_source *source, const rt_set *set) {
    jf_view json = set->call->params, value;
    /* without `arguments` of its own (1.0), the path begins at `params` */
    uint32_t skipped = RT_TOLD(set->extended, set->call, arguments) ? 1 : 0;
    if (skipped == 1) json = set->call->arguments;
    if (json.len > RT_KEY_REACH) json.len = RT_KEY_REACH;
    if (!rt_json_find(json, source->tokens + skipped, source->token_count - skipped, &value))
        return (jf_view){0};
    return value.len == 4 && memcmp(value.ptr, "null", 4) == 0 ? (jf_view){0} : value;
}

jf_view rt_source_text(const rt_source *source, const rt_set *set) {
    const jf_pick *call = set->call;
    jf_view it = {0};
    switch (source->kind) {
    case PRINCIPAL:
        it = call->principal;
        break;
    case SESSION:
        it = call->session;
        break;
    case CLIENT:
        if (RT_TOLD(set->extended, call, client)) it = call->client;
        break;
    case TENANT:
        if (RT_TOLD(set->extended, call, tenant)) it = call->tenant;
        break;
    case TOOL:
        it = call->name;
        break;
    case HEADER:
        if (RT_TOLD(set->extended, call, header_count)) it = header_of(call, source->text);
        break;
    default:
        it = argument_of(source, set);
    }
    return it.len > 0 ? it : (jf_view){0};
}

bool rt_key(const rt_keys *keys, const rt_set *set, uint64_t seed, uint64_t *hash) {
    for (uint32_t i = 0; i < keys->count; i++) {
        jf_view text = rt_source_text(&keys->sources[i], set);
        if (text.ptr == NULL) continue;
        /* the same text from two sources is two keys */
        *hash = rt_hash(text, seed + (keys->sources[i].kind + 1) * 0x9e3779b97f4a7c15u);
        return true;
    }
    return false;
}
