/* SPDX-License-Identifier: Apache-2.0
 * What is used of OpenSSL's libcrypto, loaded when something is signed or checked for the first time. */
#ifndef SIGNING_OPENSSL_CRYPTO_H
#define SIGNING_OPENSSL_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

/** The functions used, with OpenSSL's objects as opaque pointers: its headers are not needed to build. */
struct crypto {
    int (*OPENSSL_init_crypto)(uint64_t, const void *);
    void *(*EVP_PKEY_new_raw_private_key)(int, void *, const uint8_t *, size_t);
    void *(*EVP_PKEY_new_raw_public_key)(int, void *, const uint8_t *, size_t);
    int (*EVP_PKEY_get_raw_public_key)(const void *, uint8_t *, size_t *);
    void (*EVP_PKEY_free)(void *);
    void *(*EVP_MD_CTX_new)(void);
    void (*EVP_MD_CTX_free)(void *);
    int (*EVP_DigestSignInit)(void *, void **, const void *, void *, void *);
    int (*EVP_DigestSign)(void *, uint8_t *, size_t *, const uint8_t *, size_t);
    int (*EVP_DigestVerifyInit)(void *, void **, const void *, void *, void *);
    int (*EVP_DigestVerify)(void *, const uint8_t *, size_t, const uint8_t *, size_t);
    void (*ERR_clear_error)(void);
};

/** OpenSSL's number for Ed25519 (obj_mac.h), stable. */
enum { KEY_ED25519 = 1087 };

/** The library, loaded on first use and for good; any thread. NULL: it cannot be loaded, `*missing` says what
 * there is not; the next call tries again. */
const struct crypto *crypto_load(const char **missing);

#endif
