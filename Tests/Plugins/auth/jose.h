/* SPDX-License-Identifier: Apache-2.0
 * Keys and tokens for tests, made with OpenSSL's libcrypto, which is loaded so that its headers are not
 * needed. */
#ifndef JF_TEST_JOSE_H
#define JF_TEST_JOSE_H

#include "jf_check.h"
#include <dlfcn.h>
#include <stdint.h>

static struct {
    void *(*EVP_PKEY_Q_keygen)(void *, const char *, const char *, ...);
    int (*EVP_PKEY_get_bn_param)(const void *, const char *, void **);
    int (*EVP_PKEY_get_raw_public_key)(const void *, uint8_t *, size_t *);
    int (*BN_bn2binpad)(const void *, uint8_t *, int);
    int (*BN_num_bits)(const void *);
    void (*BN_free)(void *);
    void *(*EVP_MD_CTX_new)(void);
    void (*EVP_MD_CTX_free)(void *);
    int (*EVP_DigestSignInit_ex)(void *, void **, const char *, void *, const char *, void *, void *);
    int (*EVP_DigestSign)(void *, uint8_t *, size_t *, const uint8_t *, size_t);
    int (*EVP_PKEY_CTX_set_rsa_padding)(void *, int);
    int (*EVP_PKEY_CTX_set_rsa_pss_saltlen)(void *, int);
    const void *(*EVP_get_digestbyname)(const char *);
    uint8_t *(*HMAC)(const void *, const void *, int, const uint8_t *, size_t, uint8_t *, unsigned *);
    uint8_t *(*SHA256)(const uint8_t *, size_t, uint8_t *);
} lib;

static void jose_load(void) {
    void *library = dlopen("libcrypto.so.3", RTLD_NOW);
#define FIND(name) *(void **)&lib.name = dlsym(library, #name)
    FIND(EVP_PKEY_Q_keygen);
    FIND(EVP_PKEY_get_bn_param);
    FIND(EVP_PKEY_get_raw_public_key);
    FIND(BN_bn2binpad);
    FIND(BN_num_bits);
    FIND(BN_free);
    FIND(EVP_MD_CTX_new);
    FIND(EVP_MD_CTX_free);
    FIND(EVP_DigestSignInit_ex);
    FIND(EVP_DigestSign);
    FIND(EVP_PKEY_CTX_set_rsa_padding);
    FIND(EVP_PKEY_CTX_set_rsa_pss_saltlen);
    FIND(EVP_get_digestbyname);
    FIND(HMAC);
    FIND(SHA256);
#undef FIND
}

/** Base64url without padding, with a NUL behind it. */
static size_t put64(const uint8_t *bytes, size_t size, char *to) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0, count = 0;
    size_t at = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 6; count -= 6)
            to[at++] = alphabet[bits >> (count - 6) & 63];
    }
    if (count != 0) to[at++] = alphabet[bits << (6 - count) & 63];
    to[at] = 0;
    return at;
}

struct test_key {
    void *pkey;
    char type;      /**< R, E, D; S: a secret */
    int size;       /**< bytes of a number */
    char jwk[3000]; /**< the public half, without its braces */
    const char *secret;
};

static void put_number(const void *pkey, const char *name, int size, char *to) {
    void *bn = NULL;
    uint8_t bytes[1100];
    lib.EVP_PKEY_get_bn_param(pkey, name, &bn);
    if (size == 0) size = (lib.BN_num_bits(bn) + 7) / 8;
    lib.BN_bn2binpad(bn, bytes, size);
    lib.BN_free(bn);
    put64(bytes, (size_t)size, to);
}

static struct test_key rsa_key(size_t bits) {
    struct test_key key = {.type = 'R', .size = (int)bits / 8};
    char n[1500], e[20];
    key.pkey = lib.EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
    put_number(key.pkey, "n", 0, n);
    put_number(key.pkey, "e", 0, e);
    snprintf(key.jwk, sizeof key.jwk, "\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"", n, e);
    return key;
}

static struct test_key ec_key(const char *curve, int size) {
    struct test_key key = {.type = 'E', .size = size};
    char x[100], y[100];
    key.pkey = lib.EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
    put_number(key.pkey, "qx", size, x);
    put_number(key.pkey, "qy", size, y);
    snprintf(key.jwk, sizeof key.jwk, "\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"", curve, x, y);
    return key;
}

static struct test_key ed_key(void) {
    struct test_key key = {.type = 'D'};
    uint8_t bytes[32];
    size_t size = sizeof bytes;
    char x[60];
    key.pkey = lib.EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    lib.EVP_PKEY_get_raw_public_key(key.pkey, bytes, &size);
    put64(bytes, size, x);
    snprintf(key.jwk, sizeof key.jwk, "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"", x);
    return key;
}

/** ECDSA signatures of OpenSSL are DER; tokens have the two numbers side by side. */
static size_t flatten(const uint8_t *der, int size, uint8_t *to) {
    const uint8_t *at = der + (der[1] & 0x80 ? 3 : 2);
    memset(to, 0, (size_t)size * 2);
    for (int i = 0; i < 2; i++) {
        int length = at[1];
        at += 2;
        const uint8_t *number = at;
        at += length;
        while (length > 0 && *number == 0)
            number++, length--;
        memcpy(to + size * (i + 1) - length, number, (size_t)length);
    }
    return (size_t)size * 2;
}

/** Signs with an algorithm's padding and digest, whether they suit the key's use or not. */
static size_t sign(const struct test_key *key, const char *algorithm, const char *input, uint8_t *to) {
    char digest[8];
    uint8_t raw[1100];
    size_t size = sizeof raw;
    unsigned length = 0;
    snprintf(digest, sizeof digest, "SHA%.3s", strlen(algorithm) == 5 ? algorithm + 2 : "256");
    if (key->type == 'S') {
        lib.HMAC(lib.EVP_get_digestbyname(digest), key->secret, (int)strlen(key->secret),
                 (const uint8_t *)input, strlen(input), to, &length);
        return length;
    }
    void *context = lib.EVP_MD_CTX_new(), *parameters = NULL;
    lib.EVP_DigestSignInit_ex(context, &parameters, key->type == 'D' ? NULL : digest, NULL, NULL, key->pkey,
                              NULL);
    if (algorithm[0] == 'P') {
        lib.EVP_PKEY_CTX_set_rsa_padding(parameters, 6);
        lib.EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, -1);
    }
    if (lib.EVP_DigestSign(context, raw, &size, (const uint8_t *)input, strlen(input)) != 1) size = 0;
    lib.EVP_MD_CTX_free(context);
    if (key->type == 'E') return flatten(raw, key->size, to);
    memcpy(to, raw, size);
    return size;
}

/** A token of a header and claims as they are written; static. NULL as key: it is not signed. */
static char *token_of(const struct test_key *key, const char *algorithm, const char *header,
                      const char *claims) {
    static char token[300000];
    uint8_t signature[1100];
    size_t at = put64((const uint8_t *)header, strlen(header), token);
    token[at++] = '.';
    at += put64((const uint8_t *)claims, strlen(claims), token + at);
    size_t size = key != NULL ? sign(key, algorithm, token, signature) : 0;
    token[at++] = '.';
    put64(signature, size, token + at);
    return token;
}

#endif
