/* SPDX-License-Identifier: Apache-2.0
 * Reading a server's options through jf.config/1. */
#include "options.h"
#include "random.h"
#include <stdarg.h>
#include <stdio.h>

void rt_option_wrong(rt_options *options, const char *format, ...) {
    if (options->status != JF_OK) return;
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    options->status = rt_refuse(options->server->host, options->why, JF_E_INVALID, "%s", text);
}

static void no_memory(rt_options *options) {
    if (options->status == JF_OK)
        options->status = rt_refuse(options->server->host, options->why, JF_E_BUSY, "out of memory");
}

jf_view rt_option(rt_options *options, jf_view in, const char *pointer, uint32_t *kind) {
    const jf_config_1 *json = options->server->host->json;
    jf_view value = {0}, path = {(const uint8_t *)pointer, strlen(pointer)};
    *kind = 0;
    if (in.len == 0) return (jf_view){0};
    int32_t status = json->find(json->context, in, path, &value, kind);
    if (status == JF_OK) return value;
    if (status != JF_ABSENT) rt_option_wrong(options, "the options are not JSON");
    *kind = 0;
    return (jf_view){0};
}

int64_t rt_option_integer(rt_options *options, jf_view in, const char *pointer, int64_t least, int64_t most,
                          int64_t preset) {
    const jf_config_1 *json = options->server->host->json;
    uint32_t kind;
    int64_t number = 0;
    jf_view value = rt_option(options, in, pointer, &kind);
    if (kind == 0) return preset;
    if (kind == JF_JSON_NUMBER && json->integer(json->context, value, &number) == JF_OK && number >= least &&
        number <= most)
        return number;
    rt_option_wrong(options, "%s must be an integer from %lld to %lld", pointer + 1, (long long)least,
                    (long long)most);
    return preset;
}

double rt_option_real(rt_options *options, jf_view in, const char *pointer, double least, double most,
                      double preset) {
    const jf_config_1 *json = options->server->host->json;
    uint32_t kind;
    double number = 0;
    jf_view value = rt_option(options, in, pointer, &kind);
    if (kind == 0) return preset;
    if (kind == JF_JSON_NUMBER && json->real(json->context, value, &number) == JF_OK && number >= least &&
        number <= most)
        return number;
    rt_option_wrong(options, "%s must be a number from %g to %g", pointer + 1, least, most);
    return preset;
}

int rt_option_flag(rt_options *options, jf_view in, const char *pointer, int preset) {
    uint32_t kind;
    jf_view value = rt_option(options, in, pointer, &kind);
    if (kind == 0) return preset;
    if (kind == JF_JSON_BOOL) return value.ptr[0] == 't';
    rt_option_wrong(options, "%s must be true or false", pointer + 1);
    return preset;
}

jf_view rt_option_decode(rt_options *options, jf_view value, const char *what) {
    const jf_config_1 *json = options->server->host->json;
    jf_blob blob = {0};
    if (json->text(json->context, value, &blob) != JF_OK) {
        rt_option_wrong(options, "%s must be a string", what);
        return (jf_view){0};
    }
    jf_view kept = rt_keep_text(options->server, (jf_view){blob.ptr, blob.len});
    if (blob.drop != NULL) blob.drop(blob.owner);
    if (kept.ptr == NULL) no_memory(options);
    return kept;
}

jf_view rt_option_text(rt_options *options, jf_view in, const char *pointer) {
    uint32_t kind;
    jf_view value = rt_option(options, in, pointer, &kind);
    if (kind == 0) return (jf_view){0};
    if (kind == JF_JSON_STRING) return rt_option_decode(options, value, pointer + 1);
    rt_option_wrong(options, "%s must be a string", pointer + 1);
    return (jf_view){0};
}

uint32_t rt_option_word(rt_options *options, jf_view in, const char *pointer, const char *const *words,
                        uint32_t preset) {
    jf_view text = rt_option_text(options, in, pointer);
    if (text.ptr == NULL) return preset;
    for (uint32_t i = 0; words[i] != NULL; i++) {
        if (strlen(words[i]) == text.len && memcmp(words[i], text.ptr, text.len) == 0) return i;
    }
    rt_option_wrong(options, "%s: no such word '%.*s'; write for instance '%s'", pointer + 1,
                    (int)(text.len < 40 ? text.len : 40), (const char *)text.ptr, words[preset]);
    return preset;
}

bool rt_option_next(rt_options *options, jf_view list, uint64_t *cursor, jf_view *key, jf_view *value,
                    uint32_t *kind) {
    const jf_config_1 *json = options->server->host->json;
    jf_view unused;
    if (list.len == 0 || options->status != JF_OK) return false;
    int32_t status = json->next(json->context, list, cursor, key != NULL ? key : &unused, value, kind);
    if (status < 0) rt_option_wrong(options, "the options are not JSON");
    return status == JF_OK;
}

uint32_t rt_option_count(rt_options *options, jf_view list) {
    uint32_t count = 0, kind;
    uint64_t cursor = 0;
    jf_view value;
    while (rt_option_next(options, list, &cursor, NULL, &value, &kind))
        count++;
    return count;
}

void rt_option_seed(rt_options *options) {
    int64_t seed = rt_option_integer(options, options->json, "/seed", 0, INT64_MAX, 0);
    if (seed != 0) options->server->random = rt_mix((uint64_t)seed);
}

void rt_option_map(rt_options *options, rt_map *map, uint32_t size) {
    int64_t limit = rt_option_integer(options, options->json, "/max_endpoints", 1, 65536, 256);
    if (!rt_map_init(map, options->server, size, (uint32_t)limit)) no_memory(options);
}
