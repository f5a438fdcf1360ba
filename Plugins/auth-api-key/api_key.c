/* SPDX-License-Identifier: Apache-2.0
 * auth-api-key: long random keys, of which the gateway knows the hashes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "file.h"
#include "keys.h"

enum { KEY_MOST = 512 };

/** Where a key may stand. */
static const char *const headers[] = {"authorization", "x-api-key", "api-key", "x-auth-token", NULL};
enum { HEADERS = 4 };

struct api_key {
    struct au_provider provider;
    struct keys configured, listed; /**< in the configuration, in the file */
    struct au_file file;
    bool reads[HEADERS];
    jf_view prefix;
};

/** Whether a key is gone, or means something else now. */
static bool changed(const struct key *old, const struct keys *now) {
    const struct key *key = keys_find(now, old->hash);
    return key == NULL || !au_same(key->principal, old->principal) || key->from_ms != old->from_ms ||
           key->until_ms != old->until_ms;
}

/** Has the host ask anew for those whose key changed; nobody else notices. */
static void forget_changed(struct au_provider *provider, const struct keys *before, const struct keys *now) {
    jf_view ids[AU_FORGET_MOST];
    uint32_t count = 0;
    for (uint32_t i = 0; before->places != NULL && i <= before->mask; i++) {
        if (before->places[i] == NULL || !changed(before->places[i], now)) continue;
        if (count < AU_FORGET_MOST) ids[count] = before->places[i]->id;
        count++;
    }
    au_forget_all(provider, ids, count);
}

/** Takes another list for the one that was. */
static int32_t take_file(struct au_file *file, jf_view text, jf_fault *why) {
    struct api_key *it = (struct api_key *)file->provider;
    struct keys keys = {0};
    jf_json_value root, list;
    struct au_options options = {.keep = &keys.memory, .where = "", .why = why};
    if (!jf_json_read(text, &root) || !au_json_strict(&root) ||
        !(root.kind == JF_JSON_ARRAY || (au_member(&root, "keys", &list) && list.kind == JF_JSON_ARRAY)))
        return au_refuse(why, JF_E_INVALID, "%s is not JSON of the form {\"keys\": [...]}", it->file.path);
    keys_read(&keys, &it->configured, &options, root.kind == JF_JSON_ARRAY ? &root : &list);
    if (options.status != JF_OK) {
        char said[200];
        snprintf(said, sizeof(said), "%.*s", why != NULL ? (int)why->text_len : 0,
                 why != NULL ? why->text : "");
        au_arena_end(&keys.memory);
        const char *rest = strstr(said, ": ");
        return au_refuse(why, options.status, "%s: %s", it->file.path, rest != NULL ? rest + 2 : said);
    }
    struct keys before = it->listed;
    it->listed = keys;
    forget_changed(file->provider, &before, &it->listed);
    au_arena_end(&before.memory);
    return JF_OK;
}

static void open_headers(struct api_key *it, struct au_options *options) {
    uint32_t count;
    jf_view *names = au_option_texts(options, &options->root, "headers", HEADERS, &count);
    it->reads[0] = it->reads[1] = names == NULL;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = 0;
        while (at < HEADERS &&
               !au_same(names[i], (jf_view){(const uint8_t *)headers[at], strlen(headers[at])}))
            at++;
        if (at == HEADERS)
            au_option_wrong(options, "headers may be authorization, x-api-key, api-key and x-auth-token");
        else
            it->reads[at] = true;
    }
}

static void open(struct au_provider *provider, struct au_options *options) {
    struct api_key *it = (struct api_key *)provider;
    const char *missing = NULL;
    jf_json_value list;
    it->file.provider = provider;
    it->file.take = take_file;
    it->prefix = au_option_text(options, &options->root, "prefix");
    if (it->prefix.ptr == NULL) it->prefix = AU_LITERAL("jf_");
    open_headers(it, options);
    if (!au_crypto_load(&missing))
        au_option_wrong(options, "needs OpenSSL 3 (%s not found): install the package libssl3", missing);
    bool keys = au_member(&options->root, "keys", &list) && list.kind == JF_JSON_ARRAY;
    if (keys && options->status == JF_OK) keys_read(&it->configured, &it->listed, options, &list);
    it->file.path = (const char *)au_option_text(options, &options->root, "file").ptr;
    if (it->file.path != NULL) au_file_open(&it->file, options);
    if (!keys && it->file.path == NULL)
        au_option_wrong(options, "neither keys nor file: nobody could come in");
}

/** The key that the request shows. JF_ABSENT: none of ours. */
static int32_t shown(const struct api_key *it, const jf_credentials *credentials, jf_view *key,
                     jf_fault *why) {
    bool found = false;
    for (uint32_t i = 0; i < HEADERS; i++) {
        jf_view value = {0}, name = {(const uint8_t *)headers[i], strlen(headers[i])};
        if (!it->reads[i]) continue;
        int32_t status =
            i == 0 ? au_bearer(credentials, &value, why) : au_field(credentials, name, &value, why);
        if (status < 0) return status;
        if (status == JF_ABSENT) continue;
        // Other bearer tokens are for other providers.
        if (i == 0 && (value.len < it->prefix.len || memcmp(value.ptr, it->prefix.ptr, it->prefix.len) != 0))
            continue;
        if (found) return au_deny(why, "the request shows two keys");
        found = true;
        *key = value;
    }
    return found ? JF_OK : JF_ABSENT;
}

static int32_t identify(struct au_provider *provider, jf_ref op, const jf_credentials *credentials,
                        jf_blob *principal, jf_fault *why) {
    struct api_key *it = (struct api_key *)provider;
    struct au_text text = {0};
    uint8_t hash[AU_DIGEST];
    jf_view shows = {0};
    (void)op;
    int32_t status = shown(it, credentials, &shows, why);
    if (status != JF_OK) return status;
    if (shows.len == 0 || shows.len > KEY_MOST || au_crypto.SHA256(shows.ptr, shows.len, hash) == NULL)
        return au_deny(why, "the key is not known");
    const struct key *key = keys_find(&it->configured, hash);
    if (key == NULL) key = keys_find(&it->listed, hash);
    if (key == NULL) return au_deny(why, "the key is not known");
    if (key->from_ms > credentials->now_ms) return au_deny(why, "the key is not valid yet");
    if (key->until_ms != 0 && key->until_ms <= credentials->now_ms) return au_deny(why, "the key expired");
    au_put(&text, key->principal);
    // A host that cannot be told of changes asks again soon.
    bool may_change = it->file.path != NULL && provider->host->identity == NULL;
    return au_principal_end(&text, may_change ? 1000 : UINT64_MAX, principal, why) ? JF_OK : JF_E_FAULT;
}

static void describe(struct au_provider *provider, struct au_text *out) {
    struct api_key *it = (struct api_key *)provider;
    if (it->reads[0]) au_puts(out, "\"bearer_methods_supported\":[\"header\"]");
}

static void halt(struct au_provider *provider) {
    au_file_close(&((struct api_key *)provider)->file);
}

static void close(struct au_provider *provider) {
    struct api_key *it = (struct api_key *)provider;
    au_arena_end(&it->listed.memory);
}

const struct au_kind au_this = {.plugin = "auth-api-key",
                                .record = sizeof(struct api_key),
                                .open = open,
                                .identify = identify,
                                .describe = describe,
                                .halt = halt,
                                .close = close};
