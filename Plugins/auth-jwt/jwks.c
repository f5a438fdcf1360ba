/* SPDX-License-Identifier: Apache-2.0
 * Key sets, and signatures that are verified with them: by libcjose for RSA, NIST curves and secrets, by
 * libcrypto for Ed25519, which libcjose does not know. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "jwks.h"

#include "base64.h"
#include "library.h"
#include "options.h"

#include <stdlib.h>

enum { RSA_LEAST = 2048, RSA_MOST = 8192, DOCUMENT_MOST = 1 << 20, ED25519_SIZE = 32, NID_ED25519 = 1087 };

const struct algorithm algorithms[ALGORITHMS] = {
    {"RS256", KEY_RSA, 0},      {"RS384", KEY_RSA, 0},        {"RS512", KEY_RSA, 0},
    {"PS256", KEY_RSA, 0},      {"PS384", KEY_RSA, 0},        {"PS512", KEY_RSA, 0},
    {"ES256", KEY_P256, 64},    {"ES384", KEY_P384, 96},      {"ES512", KEY_P521, 132},
    {"EdDSA", KEY_ED25519, 64}, {"Ed25519", KEY_ED25519, 64}, {"HS256", KEY_SECRET, 32},
    {"HS384", KEY_SECRET, 48},  {"HS512", KEY_SECRET, 64},
};

uint32_t algorithm_find(jf_view name) {
    uint32_t at = 0;
    while (at < ALGORITHMS &&
           !au_same(name, (jf_view){(const uint8_t *)algorithms[at].name, strlen(algorithms[at].name)}))
        at++;
    return at;
}

/* ---- The libraries ---- */

static struct {
    void *(*cjose_jwk_import)(const char *, size_t, void *);
    void *(*cjose_jwk_create_oct_spec)(const uint8_t *, size_t, void *);
    bool (*cjose_jwk_release)(void *);
    void *(*cjose_jws_import)(const char *, size_t, void *);
    bool (*cjose_jws_verify)(void *, const void *, void *);
    void (*cjose_jws_release)(void *);
    void *(*EVP_PKEY_new_raw_public_key)(int, void *, const uint8_t *, size_t);
    void (*EVP_PKEY_free)(void *);
    void *(*EVP_MD_CTX_new)(void);
    void (*EVP_MD_CTX_free)(void *);
    int (*EVP_DigestVerifyInit)(void *, void **, const void *, void *, void *);
    int (*EVP_DigestVerify)(void *, const uint8_t *, size_t, const uint8_t *, size_t);
} x;

bool jwks_load(const char **missing) {
#define SYMBOL(name)                                                                                         \
    { #name, &x.name }
    static const struct au_symbol jose[] = {SYMBOL(cjose_jwk_import),
                                            SYMBOL(cjose_jwk_create_oct_spec),
                                            SYMBOL(cjose_jwk_release),
                                            SYMBOL(cjose_jws_import),
                                            SYMBOL(cjose_jws_verify),
                                            SYMBOL(cjose_jws_release),
                                            {NULL, NULL}};
    static const struct au_symbol raw[] = {SYMBOL(EVP_PKEY_new_raw_public_key),
                                           SYMBOL(EVP_PKEY_free),
                                           SYMBOL(EVP_MD_CTX_new),
                                           SYMBOL(EVP_MD_CTX_free),
                                           SYMBOL(EVP_DigestVerifyInit),
                                           SYMBOL(EVP_DigestVerify),
                                           {NULL, NULL}};
#undef SYMBOL
    static struct au_library libcrypto = {.file = "libcrypto.so.3", .symbols = raw},
                             libcjose = {.file = "libcjose.so.0", .symbols = jose};
    // libcrypto first: it is to be initialised as au_crypto_load does it.
    return au_crypto_load(missing) && au_library_load(&libcrypto, missing) &&
           au_library_load(&libcjose, missing);
}

/* ---- Reading ---- */

/** A member in base64url, as it is written; its bytes go to `to`, at most `most`. False: it is none. */
static bool number(const jf_json_value *jwk, const char *name, uint8_t *to, uint64_t most, jf_view *text,
                   uint64_t *size) {
    jf_json_value value;
    if (!au_member(jwk, name, &value) || value.kind != JF_JSON_STRING || value.escaped) return false;
    *text = (jf_view){value.ptr, value.len};
    *size = base64_size(value.len);
    return *size != 0 && *size <= most && base64_decode(value.ptr, value.len, to);
}

static const char *import(struct jwk *key, const char *json, int length) {
    au_crypto.SHA256((const uint8_t *)json, (size_t)length, key->print);
    key->jose = x.cjose_jwk_import(json, (size_t)length, NULL);
    if (key->jose != NULL) return NULL;
    au_crypto.ERR_clear_error();
    return "the key is not one, such as a point that is not on its curve";
}

static const char *read_rsa(const jf_json_value *jwk, struct jwk *key) {
    uint8_t n[RSA_MOST / 8 + 1], e[8];
    uint64_t n_size, e_size, lead = 0;
    jf_view n_text, e_text;
    if (!number(jwk, "n", n, sizeof(n), &n_text, &n_size) ||
        !number(jwk, "e", e, sizeof(e), &e_text, &e_size))
        return "n or e is not base64url of a number of at most 8192 bits";
    while (lead < n_size && n[lead] == 0)
        lead++;
    uint64_t bits = (n_size - lead) * 8;
    for (uint8_t top = lead < n_size ? n[lead] : 0x80; (top & 0x80) == 0; top = (uint8_t)(top << 1))
        bits--;
    if (bits < RSA_LEAST) return "an RSA key of less than 2048 bits is weak";
    if (bits > RSA_MOST) return "an RSA key of more than 8192 bits takes too long";
    uint64_t exponent = 0;
    for (uint64_t i = 0; i < e_size; i++)
        exponent = exponent << 8 | e[i];
    if (exponent < 3 || exponent > UINT32_MAX || (exponent & 1) == 0 || (n[n_size - 1] & 1) == 0)
        return "its modulus or exponent is not one";
    key->kind = KEY_RSA;
    key->size = (uint32_t)((bits + 7) / 8);
    char json[RSA_MOST / 6 + 256];
    int length =
        snprintf(json, sizeof(json), "{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%.*s\"}", (int)n_text.len,
                 (const char *)n_text.ptr, (int)e_text.len, (const char *)e_text.ptr);
    return import(key, json, length);
}

static const char *read_ec(const jf_json_value *jwk, struct jwk *key) {
    static const struct {
        const char *name;
        enum key_kind kind;
        uint64_t size;
    } curves[] = {{"P-256", KEY_P256, 32}, {"P-384", KEY_P384, 48}, {"P-521", KEY_P521, 66}};
    jf_json_value crv;
    uint8_t x_bytes[66], y_bytes[66];
    uint64_t x_size, y_size, at = 0;
    jf_view x_text, y_text;
    if (!au_member(jwk, "crv", &crv) || crv.kind != JF_JSON_STRING) return "it has no curve";
    while (at < 3 && !jf_json_is(&crv, (jf_view){(const uint8_t *)curves[at].name, 5}))
        at++;
    if (at == 3) return "its curve is not P-256, P-384 or P-521";
    if (!number(jwk, "x", x_bytes, 66, &x_text, &x_size) ||
        !number(jwk, "y", y_bytes, 66, &y_text, &y_size) || x_size != curves[at].size ||
        y_size != curves[at].size)
        return "x or y is not base64url of a number of the curve's size";
    key->kind = curves[at].kind;
    char json[512];
    int length = snprintf(json, sizeof(json), "{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%.*s\",\"y\":\"%.*s\"}",
                          curves[at].name, (int)x_text.len, (const char *)x_text.ptr, (int)y_text.len,
                          (const char *)y_text.ptr);
    return import(key, json, length);
}

static const char *read_okp(const jf_json_value *jwk, struct jwk *key) {
    jf_json_value crv;
    uint8_t bytes[ED25519_SIZE];
    uint64_t size;
    jf_view text;
    if (!au_member(jwk, "crv", &crv) || !jf_json_is(&crv, AU_LITERAL("Ed25519")))
        return "its curve is not Ed25519";
    if (!number(jwk, "x", bytes, sizeof(bytes), &text, &size) || size != ED25519_SIZE)
        return "x is not base64url of 32 bytes";
    key->kind = KEY_ED25519;
    au_crypto.SHA256(bytes, size, key->print);
    key->raw = x.EVP_PKEY_new_raw_public_key(NID_ED25519, NULL, bytes, size);
    if (key->raw != NULL) return NULL;
    au_crypto.ERR_clear_error();
    return "the key is not one";
}

/** Whether the set means it for signatures of other people's (RFC 7517 section 4.2 and 4.3). */
static bool verifies(const jf_json_value *jwk) {
    jf_json_value value, key, op;
    if (au_member(jwk, "use", &value) &&
        !(value.kind == JF_JSON_STRING && jf_json_is(&value, AU_LITERAL("sig"))))
        return false;
    if (!au_member(jwk, "key_ops", &value)) return true;
    if (value.kind != JF_JSON_ARRAY) return false;
    jf_json_walk walk = jf_json_walk_of(&value);
    while (jf_json_next(&walk, &key, &op) == 1)
        if (op.kind == JF_JSON_STRING && jf_json_is(&op, AU_LITERAL("verify"))) return true;
    return false;
}

/** NULL: the key is read. Else why it is of no use. */
static const char *read_key(const jf_json_value *jwk, struct jwks *keys, struct jwk *key) {
    jf_json_value kty, value;
    if (jwk->kind != JF_JSON_OBJECT || !au_member(jwk, "kty", &kty) || kty.kind != JF_JSON_STRING)
        return "it has no key type";
    if (!verifies(jwk)) return "it is not for signatures";
    key->algorithm = ALGORITHMS;
    struct au_options texts = {.keep = &keys->memory, .where = ""};
    if (au_member(jwk, "kid", &value)) key->id = au_option_decode(&texts, &value, "kid");
    if (au_member(jwk, "alg", &value)) {
        key->algorithm = algorithm_find(au_option_decode(&texts, &value, "alg"));
        if (key->algorithm == ALGORITHMS) return "its algorithm is not known";
    }
    if (texts.status != JF_OK) return "kid or alg is not a text";
    // Symmetric keys have no place in a document that others can read.
    const char *wrong = jf_json_is(&kty, AU_LITERAL("RSA"))   ? read_rsa(jwk, key)
                        : jf_json_is(&kty, AU_LITERAL("EC"))  ? read_ec(jwk, key)
                        : jf_json_is(&kty, AU_LITERAL("OKP")) ? read_okp(jwk, key)
                                                              : "its key type is not RSA, EC or OKP";
    if (wrong == NULL && key->algorithm != ALGORITHMS && algorithms[key->algorithm].kind != key->kind)
        return "its algorithm is for keys of another type";
    return wrong;
}

static void release(struct jwk *key) {
    if (key->jose != NULL) x.cjose_jwk_release(key->jose);
    if (key->raw != NULL) x.EVP_PKEY_free(key->raw);
    *key = (struct jwk){0};
}

bool jwks_read(jf_view json, struct jwks *out) {
    jf_json_value root, list, name, element;
    *out = (struct jwks){.why = "it is not JSON of the form {\"keys\": [...]}"};
    if (json.len > DOCUMENT_MOST || !jf_json_read(json, &root) || !au_json_strict(&root) ||
        !au_member(&root, "keys", &list) || list.kind != JF_JSON_ARRAY)
        return false;
    out->of = au_take(&out->memory, KEYS_MOST * sizeof(*out->of));
    if (out->of == NULL) return false;
    out->why = "it is empty";
    jf_json_walk walk = jf_json_walk_of(&list);
    while (out->count < KEYS_MOST && jf_json_next(&walk, &name, &element) == 1) {
        const char *wrong = read_key(&element, out, &out->of[out->count]);
        if (wrong == NULL) {
            out->count++;
            continue;
        }
        release(&out->of[out->count]);
        out->skipped++;
        out->why = wrong;
    }
    return out->count != 0;
}

bool jwks_of_secret(jf_view secret, struct jwks *out) {
    *out = (struct jwks){.why = "no memory"};
    out->of = au_take(&out->memory, sizeof(*out->of));
    if (out->of == NULL) return false;
    *out->of = (struct jwk){.kind = KEY_SECRET, .algorithm = ALGORITHMS};
    out->of->jose = x.cjose_jwk_create_oct_spec(secret.ptr, secret.len, NULL);
    out->count = out->of->jose != NULL;
    return out->count != 0;
}

void jwks_end(struct jwks *keys) {
    for (uint32_t i = 0; i < keys->count; i++)
        release(&keys->of[i]);
    au_arena_end(&keys->memory);
    *keys = (struct jwks){0};
}

/* ---- Verifying ---- */

bool jwk_fits(const struct jwk *key, const struct token *token, uint32_t algorithm) {
    if (algorithms[algorithm].kind != key->kind) return false;
    if (key->algorithm != ALGORITHMS && key->algorithm != algorithm) return false;
    // A secret has no id, and the only key needs none.
    return key->kind == KEY_SECRET || token->key_id.ptr == NULL || au_same(key->id, token->key_id);
}

static bool verify_raw(const struct jwk *key, const struct token *token) {
    void *context = x.EVP_MD_CTX_new();
    bool ok = context != NULL && x.EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->raw) == 1 &&
              x.EVP_DigestVerify(context, token->signature.ptr, token->signature.len,
                                 token->signing_input.ptr, token->signing_input.len) == 1;
    if (context != NULL) x.EVP_MD_CTX_free(context);
    return ok;
}

bool jwk_verify(const struct jwk *key, const struct token *token, uint32_t algorithm) {
    uint32_t size = algorithms[algorithm].signature != 0 ? algorithms[algorithm].signature : key->size;
    if (token->signature.len != size) return false;
    bool ok = false;
    if (key->raw != NULL) {
        ok = verify_raw(key, token);
    } else {
        // It reads algorithm and signature from the same text, which token.c found to have one meaning.
        void *jws = x.cjose_jws_import((const char *)token->text.ptr, token->text.len, NULL);
        ok = jws != NULL && x.cjose_jws_verify(jws, key->jose, NULL);
        if (jws != NULL) x.cjose_jws_release(jws);
    }
    if (!ok) au_crypto.ERR_clear_error();
    return ok;
}
