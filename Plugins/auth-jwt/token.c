/* SPDX-License-Identifier: Apache-2.0
 * The form of a token. What two readers could understand differently is refused here: base64 with left-over
 * bits, repeated members, halves of surrogate pairs. Of the header only alg, kid, typ and crit are looked at:
 * jwk, jku, x5u and x5c come from whoever made the token and say nothing about its key. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "token.h"

#include "base64.h"

#include <stdlib.h>

enum { HEADER_MOST = 8192 };

/** Decodes a part behind what is there, and moves on. */
static bool part(const uint8_t *text, uint64_t length, uint8_t **free, jf_view *out) {
    if (!base64_decode(text, length, *free)) return false;
    *out = (jf_view){*free, base64_size(length)};
    *free += out->len;
    return true;
}

/** A member that is a text. False: it is something else, or has NULs in it. */
static bool text_member(const jf_json_value *object, const char *name, uint8_t **free, jf_view *out) {
    jf_json_value key, value;
    jf_json_walk walk = jf_json_walk_of(object);
    while (jf_json_next(&walk, &key, &value) == 1) {
        if (!jf_json_is(&key, (jf_view){(const uint8_t *)name, strlen(name)})) continue;
        if (value.kind != JF_JSON_STRING) return false;
        uint64_t length = jf_json_decode(&value, *free);
        if (length == UINT64_MAX || memchr(*free, 0, length) != NULL) return false;
        *out = (jf_view){*free, length};
        *free += length;
        return true;
    }
    return true;
}

static bool has(const jf_json_value *object, const char *name) {
    jf_json_value key, value;
    jf_json_walk walk = jf_json_walk_of(object);
    while (jf_json_next(&walk, &key, &value) == 1)
        if (jf_json_is(&key, (jf_view){(const uint8_t *)name, strlen(name)})) return true;
    return false;
}

static bool object(jf_view text, jf_json_value *out) {
    return jf_json_read(text, out) && out->kind == JF_JSON_OBJECT && au_json_strict(out);
}

int32_t token_read(jf_view text, struct token *out, const char **wrong) {
    const uint8_t *end = text.ptr + text.len;
    *out = (struct token){.text = text};
    const uint8_t *first = memchr(text.ptr, '.', text.len);
    const uint8_t *second = first != NULL ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    // Four dots: a JWE, which only those can read for whom it was encrypted.
    if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL) return JF_ABSENT;
    *wrong = "the token is malformed";
    if (first - text.ptr > HEADER_MOST) return JF_E_DENIED;
    // What is decoded is shorter than the text; members are decoded once more behind it.
    out->memory = malloc(2 * text.len + 8);
    if (out->memory == NULL) return JF_E_FAULT;
    uint8_t *free = out->memory;
    jf_view header, claims;
    if (!part(text.ptr, (uint64_t)(first - text.ptr), &free, &header) ||
        !part(first + 1, (uint64_t)(second - first - 1), &free, &claims) ||
        !part(second + 1, (uint64_t)(end - second - 1), &free, &out->signature) ||
        !object(header, &out->header) || !object(claims, &out->claims))
        return JF_E_DENIED;
    out->signing_input = (jf_view){text.ptr, (uint64_t)(second - text.ptr)};
    if (!text_member(&out->header, "alg", &free, &out->algorithm) ||
        !text_member(&out->header, "kid", &free, &out->key_id) ||
        !text_member(&out->header, "typ", &free, &out->type) ||
        !text_member(&out->claims, "iss", &free, &out->issuer))
        return JF_E_DENIED;
    *wrong = "the token has extensions that are not understood";
    return has(&out->header, "crit") ? JF_E_DENIED : JF_OK;
}

void token_end(struct token *token) {
    if (token->memory != NULL) explicit_bzero(token->memory, 2 * token->text.len + 8);
    free(token->memory);
    token->memory = NULL;
}
