/* SPDX-License-Identifier: Apache-2.0
 * What is used of OpenSSL's libcrypto, loaded when the first token is sealed or opened. */
#ifndef SEAL_OPENSSL_CRYPTO_H
#define SEAL_OPENSSL_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEY_SIZE = 32, NONCE_SIZE = 12, TAG_SIZE = 16 };

/** The functions used, with OpenSSL's objects as opaque pointers: its headers are not needed to build. */
struct crypto {
    int (*OPENSSL_init_crypto)(uint64_t, const void *);
    int (*RAND_bytes)(uint8_t *, int);
    int (*RAND_priv_bytes)(uint8_t *, int);
    void *(*EVP_CIPHER_fetch)(void *, const char *, const char *);
    void *(*EVP_MD_fetch)(void *, const char *, const char *);
    void *(*EVP_CIPHER_CTX_new)(void);
    void (*EVP_CIPHER_CTX_free)(void *);
    int (*EVP_CIPHER_CTX_ctrl)(void *, int, int, void *);
    int (*EVP_CipherInit_ex)(void *, const void *, void *, const uint8_t *, const uint8_t *, int);
    int (*EVP_CipherUpdate)(void *, uint8_t *, int *, const uint8_t *, int);
    int (*EVP_CipherFinal_ex)(void *, uint8_t *, int *);
    uint8_t *(*HMAC)(const void *, const void *, int, const uint8_t *, size_t, uint8_t *, unsigned *);
    void (*ERR_clear_error)(void);
    const void *cipher; /**< AES-256-GCM */
    const void *digest; /**< SHA-256 */
};

/** The library, loaded on first use and for good; any thread. NULL: it cannot be loaded, `*missing` says what
 * there is not; the next call tries again. */
const struct crypto *crypto_load(const char **missing);

/** HKDF-Expand with SHA-256 (RFC 5869 section 2.3) to 32 bytes: from `key`, used as the pseudorandom key, and
 * `info` of at most 63 bytes. */
bool crypto_expand(const struct crypto *c, const uint8_t key[KEY_SIZE], const void *info, size_t size,
                   uint8_t out[KEY_SIZE]);

/** One piece of what is authenticated but not encrypted. */
struct associated {
    const uint8_t *bytes;
    size_t size;
};

/** AES-256-GCM (NIST SP 800-38D) over `size` bytes: encrypts and writes
 * `tag`... */
bool crypto_encrypt(const struct crypto *c, const uint8_t key[KEY_SIZE], const uint8_t nonce[NONCE_SIZE],
                    const struct associated with[2], const uint8_t *from, size_t size, uint8_t *to,
                    uint8_t tag[TAG_SIZE]);
/** ... or decrypts. False: `tag` does not fit; then `to` holds nothing of use and is to be wiped. */
bool crypto_decrypt(const struct crypto *c, const uint8_t key[KEY_SIZE], const uint8_t nonce[NONCE_SIZE],
                    const struct associated with[2], const uint8_t *from, size_t size, uint8_t *to,
                    const uint8_t tag[TAG_SIZE]);

#endif
