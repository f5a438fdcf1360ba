/* SPDX-License-Identifier: Apache-2.0
 * Reads settings. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool find(sc_settings *it, const char *key, jf_view *value, uint32_t *kind) {
    char pointer[64];
    const jf_config_1 *config = &it->host->config;
    int length = snprintf(pointer, sizeof pointer, "/%s", key);
    jf_view path = {(const uint8_t *)pointer, (uint64_t)length};
    *kind = 0;
    return it->status == JF_OK && config->find(config->context, it->json, path, value, kind) == JF_OK &&
           *kind != JF_JSON_NULL;
}

static void refuse(sc_settings *it, const char *key, const char *rule) {
    it->status = sc_fault(it->why, JF_E_INVALID, 0, "%s: %s must be %s", it->host->plugin, key, rule);
}

uint64_t sc_integer(sc_settings *it, const char *key, uint64_t low, uint64_t high, uint64_t fallback) {
    jf_view value;
    uint32_t kind;
    int64_t number = 0;
    char rule[80];
    const jf_config_1 *config = &it->host->config;
    if (!find(it, key, &value, &kind)) return fallback;
    if (kind == JF_JSON_NUMBER && config->integer(config->context, value, &number) == JF_OK && number >= 0 &&
        (uint64_t)number >= low && (uint64_t)number <= high)
        return (uint64_t)number;
    snprintf(rule, sizeof rule, "an integer from %llu to %llu", (unsigned long long)low,
             (unsigned long long)high);
    refuse(it, key, rule);
    return fallback;
}

bool sc_flag(sc_settings *it, const char *key, bool fallback) {
    jf_view value;
    uint32_t kind;
    if (!find(it, key, &value, &kind)) return fallback;
    if (kind != JF_JSON_BOOL) refuse(it, key, "true or false");
    return value.len > 0 && value.ptr[0] == 't';
}

char *sc_text(sc_settings *it, const char *key, const char *fallback) {
    jf_view value;
    uint32_t kind;
    jf_blob text = {0};
    char *copy = NULL;
    const jf_config_1 *config = &it->host->config;
    if (find(it, key, &value, &kind)) {
        if (kind != JF_JSON_STRING || config->text(config->context, value, &text) != JF_OK ||
            (text.len > 0 && memchr(text.ptr, 0, (size_t)text.len) != NULL))
            refuse(it, key, "text without NUL characters");
        else if (text.len > 0)
            copy = strndup((const char *)text.ptr, (size_t)text.len);
        if (text.drop != NULL) text.drop(text.owner);
    }
    if (copy == NULL && fallback != NULL) copy = strdup(fallback);
    return copy;
}

uint32_t sc_choice(sc_settings *it, const char *key, const char *const *names) {
    char *text = sc_text(it, key, names[0]);
    uint32_t index = 0;
    while (text != NULL && names[index] != NULL && strcmp(names[index], text) != 0)
        index++;
    free(text);
    if (names[index] != NULL) return index;
    refuse(it, key, "one of the names that the schema lists");
    return 0;
}

void sc_wipe(char *secret) {
    if (secret == NULL) return;
    explicit_bzero(secret, strlen(secret));
    free(secret);
}
