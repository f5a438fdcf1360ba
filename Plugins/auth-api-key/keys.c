/* SPDX-License-Identifier: Apache-2.0
 * The keys that are known, by their hashes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "keys.h"

static uint32_t home(const struct keys *keys, const uint8_t hash[AU_DIGEST]) {
    // SHA-256 spreads by itself. Nobody can aim at a place without knowing a key that hashes there, so that
    // the time a search takes tells nothing that helps.
    uint32_t place;
    memcpy(&place, hash, sizeof(place));
    return place & keys->mask;
}

const struct key *keys_find(const struct keys *keys, const uint8_t hash[AU_DIGEST]) {
    if (keys->places == NULL) return NULL;
    for (uint32_t place = home(keys, hash); keys->places[place] != NULL; place = (place + 1) & keys->mask)
        if (au_equal(keys->places[place]->hash, hash, AU_DIGEST)) return keys->places[place];
    return NULL;
}

static uint32_t id_home(const struct keys *keys, jf_view id) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < id.len; i++)
        hash = (hash ^ id.ptr[i]) * 0x100000001b3u;
    return (uint32_t)(hash >> 32 ^ hash) & keys->mask;
}

static bool id_known(const struct keys *keys, jf_view id) {
    if (keys->places == NULL) return false;
    for (uint32_t place = id_home(keys, id); keys->by_id[place] != NULL; place = (place + 1) & keys->mask)
        if (au_same(keys->by_id[place]->id, id)) return true;
    return false;
}

static void insert(struct keys *keys, struct key *key) {
    uint32_t place = home(keys, key->hash), id_place = id_home(keys, key->id);
    while (keys->places[place] != NULL)
        place = (place + 1) & keys->mask;
    while (keys->by_id[id_place] != NULL)
        id_place = (id_place + 1) & keys->mask;
    keys->places[place] = keys->by_id[id_place] = key;
    keys->count++;
}

static int digit(uint8_t c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/** "sha256:" and 64 hexadecimal digits. */
static bool read_hash(jf_view text, uint8_t hash[AU_DIGEST]) {
    if (text.len != 7 + 2 * AU_DIGEST || memcmp(text.ptr, "sha256:", 7) != 0) return false;
    for (uint32_t i = 0; i < AU_DIGEST; i++) {
        int high = digit(text.ptr[7 + 2 * i]), low = digit(text.ptr[8 + 2 * i]);
        if (high < 0 || low < 0) return false;
        hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/** A misspelt "expires" would make a key that never does. */
static void check_names(struct au_options *options, const jf_json_value *entry) {
    static const char *const known[] = {"id",     "hash",       "subject",    "tenant", "roles",
                                        "scopes", "attributes", "not_before", "expires"};
    jf_json_value name, value;
    jf_json_walk walk = jf_json_walk_of(entry);
    while (jf_json_next(&walk, &name, &value) == 1) {
        bool found = false;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && !found; i++)
            found = jf_json_is(&name, (jf_view){(const uint8_t *)known[i], strlen(known[i])});
        if (!found)
            au_option_wrong(options, "\"%.*s\" is unknown here", name.len < 40 ? (int)name.len : 40,
                            (const char *)name.ptr);
    }
}

static void read_key(struct keys *keys, const struct keys *other, struct au_options *options,
                     const jf_json_value *entry) {
    struct au_principal principal = {0};
    struct au_text text = {0};
    if (entry->kind != JF_JSON_OBJECT) {
        au_option_wrong(options, "a key is a mapping with id, hash and subject");
        return;
    }
    check_names(options, entry);
    struct key *key = au_take(options->keep, sizeof(*key));
    if (key == NULL) {
        au_option_wrong(options, "no memory for it");
        return;
    }
    key->id = au_option_text(options, entry, "id");
    if (key->id.len > 128 || !au_presentable(key->id))
        au_option_wrong(options, "id must be text of at most 128 bytes: it names the key in logs");
    if (!read_hash(au_option_text(options, entry, "hash"), key->hash))
        au_option_wrong(options, "hash must be sha256: and the 64 hexadecimal digits of the key's SHA-256");
    au_subject_read(options, entry, (jf_view){0}, &principal);
    au_principal_read(options, entry, &principal);
    key->from_ms = au_option_time(options, entry, "not_before", 0);
    key->until_ms = principal.expires_ms = au_option_time(options, entry, "expires", 0);
    if (key->until_ms != 0 && key->until_ms <= key->from_ms)
        au_option_wrong(options, "it expires before it is valid");
    if (options->status != JF_OK) return;
    if (keys_find(keys, key->hash) != NULL || keys_find(other, key->hash) != NULL)
        au_option_wrong(options, "the same key is there twice");
    if (id_known(keys, key->id) || id_known(other, key->id))
        au_option_wrong(options, "another key has this id");
    principal.credential = key->id;
    au_principal_put(&text, &principal);
    key->principal = text.failed ? (jf_view){0} : au_take_text(options->keep, (jf_view){text.ptr, text.len});
    au_text_end(&text);
    if (key->principal.ptr == NULL) au_option_wrong(options, "no memory for it");
    if (options->status == JF_OK) insert(keys, key);
}

void keys_read(struct keys *keys, const struct keys *other, struct au_options *options,
               const jf_json_value *list) {
    jf_json_value name, entry;
    char where[32];
    uint32_t count = au_count(list), number = 0, size = 4;
    if (count > KEYS_MOST) au_option_wrong(options, "more than %d keys", KEYS_MOST);
    if (!au_json_strict(list)) au_option_wrong(options, "the list of keys repeats a member of a key");
    while (size < count * 2)
        size *= 2;
    keys->by_id = au_take(options->keep, 2 * size * sizeof(*keys->by_id));
    if (keys->by_id == NULL) au_option_wrong(options, "no memory for %u keys", count);
    keys->places = keys->by_id != NULL ? keys->by_id + size : NULL;
    keys->mask = size - 1;
    jf_json_walk walk = jf_json_walk_of(list);
    while (options->status == JF_OK && jf_json_next(&walk, &name, &entry) == 1) {
        snprintf(where, sizeof(where), "keys[%u]: ", number++);
        options->where = where;
        read_key(keys, other, options, &entry);
    }
    options->where = "";
}
