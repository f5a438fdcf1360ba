/* SPDX-License-Identifier: Apache-2.0
 * Claims of a token or of an introspection: when and for whom they hold, and the principal that they make. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "claims.h"

#include <stdlib.h>

/* The end of the year 9999: what is later is no time, and its milliseconds might overflow. */
static const double latest = 253402300799.0;

static struct au_paths paths(struct au_options *options, const char *name, uint32_t most,
                             struct au_paths preset) {
    jf_json_value unused;
    struct au_paths out = {0};
    if (!au_member(&options->root, name, &unused)) return preset;
    out.of = au_option_texts(options, &options->root, name, most, &out.count);
    return out;
}

void au_mapping_read(struct au_options *options, struct au_paths subject, struct au_mapping *out) {
    static const jf_view roles[] = {{(const uint8_t *)"roles", 5}};
    static const jf_view scopes[] = {{(const uint8_t *)"scope", 5}, {(const uint8_t *)"scp", 3}};
    jf_json_value unused;
    out->subject = paths(options, "subject", 16, subject);
    out->tenant = paths(options, "tenant", 16, (struct au_paths){0});
    out->roles = paths(options, "roles", 16, (struct au_paths){roles, 1});
    out->scopes = paths(options, "scopes", 16, (struct au_paths){scopes, 2});
    out->attributes = paths(options, "attributes", 64, (struct au_paths){0});
    out->audiences = paths(options, "audiences", 32, (struct au_paths){0});
    out->all_attributes = !au_member(&options->root, "attributes", &unused);
    out->skew_ms = (uint64_t)au_option_integer(options, &options->root, "skew_ms", 0, 600000, 60000);
    if (out->subject.count == 0) au_option_wrong(options, "subject names no claim");
}

/** The member of an object with this name, which is no C string. */
static bool member(const jf_json_value *object, jf_view name, jf_json_value *out) {
    jf_json_value key;
    if (object->kind != JF_JSON_OBJECT) return false;
    jf_json_walk walk = jf_json_walk_of(object);
    while (jf_json_next(&walk, &key, out) == 1)
        if (jf_json_is(&key, name)) return true;
    return false;
}

/** The claim that a path names; null counts as none. */
static bool claim(const jf_json_value *claims, jf_view path, jf_json_value *out) {
    if (path.len != 0 && path.ptr[0] == '/')
        return jf_json_find(claims, path, out) == JF_OK && out->kind != JF_JSON_NULL;
    if (member(claims, path, out)) return out->kind != JF_JSON_NULL;
    jf_json_value within = *claims;
    while (path.len != 0) {
        const uint8_t *dot = memchr(path.ptr, '.', path.len);
        uint64_t length = dot != NULL ? (uint64_t)(dot - path.ptr) : path.len;
        if (!member(&within, (jf_view){path.ptr, length}, out)) return false;
        if (dot == NULL) return out->kind != JF_JSON_NULL;
        within = *out;
        path = (jf_view){path.ptr + length + 1, path.len - length - 1};
    }
    return false;
}

/** Reads a NumericDate (RFC 7519 section 2) as milliseconds. JF_ABSENT: there is none. */
static int32_t date(const jf_json_value *claims, const char *name, double *ms, jf_fault *why) {
    jf_json_value value;
    double seconds;
    if (!au_member(claims, name, &value)) return JF_ABSENT;
    if (!jf_json_real(&value, &seconds) || seconds > latest || seconds < -latest)
        return au_deny(why, "a time in the token is not a time");
    *ms = seconds * 1000;
    return JF_OK;
}

int32_t au_claims_time(const struct au_mapping *mapping, const jf_json_value *claims, bool must_end,
                       uint64_t now_ms, uint64_t *expires_ms, jf_fault *why) {
    double now = (double)now_ms, skew = (double)mapping->skew_ms, ms = 0;
    *expires_ms = 0;
    int32_t status = date(claims, "exp", &ms, why);
    if (status < 0) return status;
    if (status == JF_ABSENT && must_end) return au_deny(why, "the token does not say when it expires");
    if (status == JF_OK) {
        if (ms + skew <= now) return au_deny(why, "the token expired");
        // In its last moments, which only a clock that is slow gives it, it ends when those are over.
        *expires_ms = (uint64_t)(ms > now ? ms : ms + skew);
    }
    if ((status = date(claims, "nbf", &ms, why)) < 0) return status;
    if (status == JF_OK && ms - skew > now) return au_deny(why, "the token is not valid yet");
    if ((status = date(claims, "iat", &ms, why)) < 0) return status;
    if (status == JF_OK && ms - skew > now) return au_deny(why, "the token was issued in the future");
    return JF_OK;
}

/** Whether an audience is this one. "https://mcp.example" and "https://mcp.example/" are one resource. */
static bool is_audience(const jf_json_value *value, jf_view audience) {
    if (value->kind != JF_JSON_STRING) return false;
    if (jf_json_is(value, audience)) return true;
    if (audience.len != 0 && audience.ptr[audience.len - 1] == '/')
        return jf_json_is(value, (jf_view){audience.ptr, audience.len - 1});
    return value->len == audience.len + 1 && !value->escaped && value->ptr[audience.len] == '/' &&
           memcmp(value->ptr, audience.ptr, audience.len) == 0;
}

static bool for_us(const struct au_mapping *mapping, const jf_json_value *value, jf_view resource) {
    if (mapping->audiences.count == 0) return resource.len != 0 && is_audience(value, resource);
    for (uint32_t i = 0; i < mapping->audiences.count; i++)
        if (value->kind == JF_JSON_STRING && jf_json_is(value, mapping->audiences.of[i])) return true;
    return false;
}

int32_t au_claims_audience(const struct au_mapping *mapping, const jf_json_value *claims, jf_view resource,
                           jf_fault *why) {
    jf_json_value aud, key, value;
    bool found = false;
    if (!au_member(claims, "aud", &aud)) return JF_ABSENT;
    if (aud.kind == JF_JSON_ARRAY) {
        jf_json_walk walk = jf_json_walk_of(&aud);
        while (!found && jf_json_next(&walk, &key, &value) == 1)
            found = for_us(mapping, &value, resource);
    } else {
        found = for_us(mapping, &aud, resource);
    }
    return found ? JF_OK : au_deny(why, "the token is for another audience");
}

/** Room for decoded strings and for lists of them. */
struct collected {
    uint8_t *free, *end;
    jf_view texts[AU_TEXTS];
    uint32_t count;
};

static bool decode(struct collected *it, const jf_json_value *value, jf_view *out) {
    if (value->kind != JF_JSON_STRING || (uint64_t)(it->end - it->free) < value->len) return false;
    uint64_t length = jf_json_decode(value, it->free);
    if (length == UINT64_MAX) return false;
    *out = (jf_view){it->free, length};
    it->free += length;
    return true;
}

/** Adds a text to the list, once. */
static bool add(struct collected *it, uint32_t first, jf_view text) {
    if (!au_presentable(text)) return false;
    for (uint32_t i = first; i < it->count; i++)
        if (au_same(it->texts[i], text)) return true;
    if (it->count == AU_TEXTS) return false;
    it->texts[it->count++] = text;
    return true;
}

/** Adds what a claim says: a text, its words (`words`), or a list of texts. */
static bool add_all(struct collected *it, uint32_t first, const jf_json_value *value, bool words) {
    jf_json_value key, element;
    jf_view text;
    if (value->kind == JF_JSON_ARRAY) {
        jf_json_walk walk = jf_json_walk_of(value);
        while (jf_json_next(&walk, &key, &element) == 1)
            if (!decode(it, &element, &text) || !add(it, first, text)) return false;
        return true;
    }
    if (!decode(it, value, &text)) return false;
    if (!words) return add(it, first, text);
    for (uint64_t at = 0; at < text.len;) {
        const uint8_t *space = memchr(text.ptr + at, ' ', text.len - at);
        uint64_t end = space != NULL ? (uint64_t)(space - text.ptr) : text.len;
        if (end > at && !add(it, first, (jf_view){text.ptr + at, end - at})) return false;
        at = end + 1;
    }
    return true;
}

static bool names(const struct au_paths *list, jf_view name) {
    for (uint32_t i = 0; i < list->count; i++)
        if (au_same(list->of[i], name)) return true;
    return false;
}

/** Whether a claim says something only here: not by its registered name, nor by this configuration. */
static bool of_its_own(const struct au_mapping *mapping, const jf_json_value *key) {
    // client_id and azp are attributes: which program asks is of interest to policies.
    static const char *const registered[] = {"iss", "sub", "aud",        "exp",   "nbf",
                                             "iat", "jti", "token_type", "active"};
    uint8_t room[256];
    for (size_t i = 0; i < sizeof(registered) / sizeof(registered[0]); i++)
        if (jf_json_is(key, (jf_view){(const uint8_t *)registered[i], strlen(registered[i])})) return false;
    if (key->len > sizeof(room)) return true;
    jf_view name = {room, jf_json_decode(key, room)};
    return !names(&mapping->roles, name) && !names(&mapping->scopes, name) && !names(&mapping->tenant, name);
}

static void put_attributes(const struct au_mapping *mapping, const jf_json_value *claims,
                           struct au_text *out) {
    jf_json_value key, value;
    bool first = true;
    if (!mapping->all_attributes) {
        for (uint32_t i = 0; i < mapping->attributes.count; i++) {
            if (!claim(claims, mapping->attributes.of[i], &value)) continue;
            if (!first) au_puts(out, ",");
            first = false;
            au_put_quoted(out, mapping->attributes.of[i]);
            au_puts(out, ":");
            au_put(out, jf_json_raw(&value));
        }
        return;
    }
    jf_json_walk walk = jf_json_walk_of(claims);
    while (jf_json_next(&walk, &key, &value) == 1) {
        if (!of_its_own(mapping, &key)) continue;
        if (!first) au_puts(out, ",");
        first = false;
        au_put(out, jf_json_raw(&key));
        au_puts(out, ":");
        au_put(out, jf_json_raw(&value));
    }
}

/** The first claim that is there, as a text that may name somebody. JF_ABSENT: none is there. */
static int32_t first_of(struct collected *it, const struct au_paths *list, const jf_json_value *claims,
                        jf_view *out) {
    jf_json_value value;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!claim(claims, list->of[i], &value)) continue;
        return decode(it, &value, out) && au_presentable(*out) ? JF_OK : JF_E_DENIED;
    }
    return JF_ABSENT;
}

static int32_t compose(struct collected *it, const struct au_mapping *mapping, const jf_json_value *claims,
                       jf_view issuer, uint64_t expires_ms, struct au_text *out, jf_fault *why) {
    jf_json_value value;
    struct au_principal principal = {.issuer = issuer, .expires_ms = expires_ms};
    if (first_of(it, &mapping->subject, claims, &principal.subject) != JF_OK)
        return au_deny(why, "the token does not say whose it is");
    int32_t tenant = first_of(it, &mapping->tenant, claims, &principal.tenant);
    if (tenant < 0 || (tenant == JF_ABSENT && mapping->tenant.count != 0))
        return au_deny(why, "the token does not say to which tenant it belongs");
    if (au_member(claims, "jti", &value) && value.kind != JF_JSON_NULL &&
        (!decode(it, &value, &principal.credential) || !au_presentable(principal.credential)))
        return au_deny(why, "the id of the token is not a text");
    bool fits = true;
    for (uint32_t i = 0; i < mapping->roles.count && fits; i++)
        if (claim(claims, mapping->roles.of[i], &value)) fits = add_all(it, 0, &value, false);
    principal.roles = it->texts;
    uint32_t first = principal.role_count = it->count;
    for (uint32_t i = 0; i < mapping->scopes.count && fits; i++)
        if (claim(claims, mapping->scopes.of[i], &value)) fits = add_all(it, first, &value, true);
    principal.scopes = it->texts + first;
    principal.scope_count = it->count - first;
    if (!fits) return au_deny(why, "roles or scopes of the token are not texts, or too many");
    au_principal_put(out, &principal);
    au_puts(out, ",\"attributes\":{");
    put_attributes(mapping, claims, out);
    au_puts(out, "}");
    return JF_OK;
}

int32_t au_claims_principal(const struct au_mapping *mapping, const jf_json_value *claims, jf_view issuer,
                            uint64_t expires_ms, struct au_text *out, jf_fault *why) {
    // A claim may be named more than once.
    uint64_t room = claims->len * 4;
    struct collected *it = malloc(sizeof(*it) + room);
    if (it == NULL) return au_refuse(why, JF_E_FAULT, "out of memory for a principal");
    it->free = (uint8_t *)(it + 1);
    it->end = it->free + room;
    it->count = 0;
    int32_t status = compose(it, mapping, claims, issuer, expires_ms, out, why);
    free(it);
    return status;
}
