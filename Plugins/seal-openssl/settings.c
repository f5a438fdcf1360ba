/* SPDX-License-Identifier: Apache-2.0
 * Reads this plugin's configuration. The host has checked it against the schema; here is what that cannot
 * say, and what keeps a host without schemas safe. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "settings.h"

#include "base64.h"

#include <jackfield/host.h>
#include <string.h>

enum { KEY_TEXT = 43, KEYS_ALIVE_MOST = 1000, DISTINCT_LEAST = 8 };
static const int64_t ms_least = 60000, ms_most = 2592000000;

static int32_t read_ms(const jf_config_1 *config, jf_view document, const char *pointer, uint64_t *ns,
                       jf_fault *why) {
    jf_view value, path = {(const uint8_t *)pointer, strlen(pointer)};
    uint32_t kind = 0;
    int64_t ms = 0;
    if (config->find(config->context, document, path, &value, &kind) != JF_OK) return JF_OK;
    if (kind != JF_JSON_NUMBER || config->integer(config->context, value, &ms) != JF_OK || ms < ms_least ||
        ms > ms_most)
        return jf_fault_set(
            why, JF_E_INVALID, 0,
            "seal-openssl: %s must be a number of milliseconds from 60000 (1 min) to 2592000000 "
            "(30 days)",
            pointer + 1);
    *ns = (uint64_t)ms * 1000000u;
    return JF_OK;
}

/** A text with few different bytes is a placeholder ("AAAA..."), no key. 32 random ones are never that poor.
 */
static bool looks_random(const uint8_t key[KEY_SIZE]) {
    bool seen[256] = {false};
    int distinct = 0;
    for (int i = 0; i < KEY_SIZE; i++) {
        distinct += !seen[key[i]];
        seen[key[i]] = true;
    }
    return distinct >= DISTINCT_LEAST;
}

/** Standard or URL-safe alphabet, with or without padding. */
static bool decode_key(const uint8_t *text, uint64_t length, uint8_t key[KEY_SIZE]) {
    uint8_t plain[KEY_TEXT];
    if (length == KEY_TEXT + 1 && text[KEY_TEXT] == '=') length--;
    if (length != KEY_TEXT) return false;
    for (int i = 0; i < KEY_TEXT; i++)
        plain[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    bool ok = base64_decode(plain, KEY_TEXT, key);
    explicit_bzero(plain, sizeof(plain));
    return ok;
}

static int32_t read_key(const jf_config_1 *config, jf_view value, uint32_t kind, struct settings *out,
                        jf_fault *why) {
    uint32_t index = out->key_count;
    uint8_t *key = out->keys[index];
    jf_blob text = {0};
    bool ok = kind == JF_JSON_STRING && config->text(config->context, value, &text) == JF_OK &&
              decode_key(text.ptr, text.len, key);
    if (text.drop != NULL) text.drop(text.owner);
    if (!ok)
        return jf_fault_set(why, JF_E_INVALID, 0,
                            "seal-openssl: keys[%u] is not the base64 of 32 bytes; make one with: "
                            "openssl rand -base64 32",
                            index);
    if (!looks_random(key))
        return jf_fault_set(
            why, JF_E_INVALID, 0,
            "seal-openssl: keys[%u] repeats a few bytes, so anyone can guess it; make one with: "
            "openssl rand -base64 32",
            index);
    for (uint32_t i = 0; i < index; i++) {
        if (memcmp(out->keys[i], key, KEY_SIZE) == 0)
            return jf_fault_set(why, JF_E_INVALID, 0,
                                "seal-openssl: keys[%u] is the same as keys[%u]; remove one of them", index,
                                i);
    }
    out->key_count++;
    return JF_OK;
}

static int32_t read_keys(const jf_config_1 *config, jf_view document, struct settings *out, jf_fault *why) {
    jf_view list, name, value, path = {(const uint8_t *)"/keys", 5};
    uint32_t kind = 0;
    uint64_t cursor = 0;
    if (config->find(config->context, document, path, &list, &kind) != JF_OK) return JF_OK;
    if (kind != JF_JSON_ARRAY)
        return jf_fault_set(why, JF_E_INVALID, 0, "seal-openssl: keys must be a list of texts");
    while (config->next(config->context, list, &cursor, &name, &value, &kind) == JF_OK) {
        if (out->key_count == KEYS_MOST)
            return jf_fault_set(why, JF_E_INVALID, 0,
                                "seal-openssl: keys has more than %d entries; remove the oldest", KEYS_MOST);
        int32_t status = read_key(config, value, kind, out, why);
        if (status != JF_OK) return status;
    }
    return JF_OK;
}

int32_t settings_read(const jf_config_1 *config, jf_view document, struct settings *out, jf_fault *why) {
    *out = (struct settings){.rotate_ns = 3600000000000u, .keep_ns = 172800000000000u};
    int32_t status = read_keys(config, document, out, why);
    if (status == JF_OK) status = read_ms(config, document, "/rotate_ms", &out->rotate_ns, why);
    if (status == JF_OK) status = read_ms(config, document, "/keep_ms", &out->keep_ns, why);
    if (status == JF_OK && out->keep_ns / out->rotate_ns > KEYS_ALIVE_MOST)
        status = jf_fault_set(why, JF_E_INVALID, 0,
                              "seal-openssl: keep_ms may be at most %d times rotate_ms; rotate less often",
                              KEYS_ALIVE_MOST);
    return status;
}
