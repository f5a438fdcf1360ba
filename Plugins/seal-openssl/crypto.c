/* SPDX-License-Identifier: Apache-2.0
 * libcrypto of OpenSSL 3, loaded with dlopen: a gateway that seals nothing does not pay for it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "crypto.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* OpenSSL's stable numbers (crypto.h, evp.h). */
enum { INIT_NO_ATEXIT = 0x80000, CTRL_GET_TAG = 0x10, CTRL_SET_TAG = 0x11, INFO_MOST = 63 };

static struct crypto functions;
static _Atomic(const struct crypto *) loaded;
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static const char *find_all(void *library, struct crypto *c) {
#define FIND(name)                                                                                           \
    do {                                                                                                     \
        void *symbol = dlsym(library, #name);                                                                \
        if (symbol == NULL) return #name;                                                                    \
        memcpy(&c->name, &symbol, sizeof(symbol));                                                           \
    } while (0)
    FIND(OPENSSL_init_crypto);
    FIND(RAND_bytes);
    FIND(RAND_priv_bytes);
    FIND(EVP_CIPHER_fetch);
    FIND(EVP_MD_fetch);
    FIND(EVP_CIPHER_CTX_new);
    FIND(EVP_CIPHER_CTX_free);
    FIND(EVP_CIPHER_CTX_ctrl);
    FIND(EVP_CipherInit_ex);
    FIND(EVP_CipherUpdate);
    FIND(EVP_CipherFinal_ex);
    FIND(HMAC);
    FIND(ERR_clear_error);
#undef FIND
    // No exit handler: the host may end while other threads still run.
    if (c->OPENSSL_init_crypto(INIT_NO_ATEXIT, NULL) != 1) return "its initialisation";
    c->cipher = c->EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    c->digest = c->EVP_MD_fetch(NULL, "SHA2-256", NULL);
    c->ERR_clear_error();
    return c->cipher == NULL ? "AES-256-GCM" : c->digest == NULL ? "SHA2-256" : NULL;
}

const struct crypto *crypto_load(const char **missing) {
    const struct crypto *known = atomic_load_explicit(&loaded, memory_order_acquire);
    if (known != NULL) return known;
    pthread_mutex_lock(&loading);
    known = atomic_load_explicit(&loaded, memory_order_relaxed);
    if (known == NULL) {
        void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
        *missing = library == NULL ? "libcrypto.so.3" : find_all(library, &functions);
        if (*missing == NULL) {
            known = &functions;
            atomic_store_explicit(&loaded, known, memory_order_release);
        }
    }
    pthread_mutex_unlock(&loading);
    return known;
}

bool crypto_expand(const struct crypto *c, const uint8_t key[KEY_SIZE], const void *info, size_t size,
                   uint8_t out[KEY_SIZE]) {
    // T(1) = HMAC(PRK, info | 0x01): the first block is all of the output.
    uint8_t block[INFO_MOST + 1];
    unsigned written = 0;
    if (size > INFO_MOST) return false;
    memcpy(block, info, size);
    block[size] = 1;
    if (c->HMAC(c->digest, key, KEY_SIZE, block, size + 1, out, &written) != NULL && written == KEY_SIZE)
        return true;
    c->ERR_clear_error();
    return false;
}

static bool run(const struct crypto *c, void *context, int encrypts, const uint8_t *key, const uint8_t *nonce,
                const struct associated with[2], const uint8_t *from, size_t size, uint8_t *to,
                uint8_t *tag) {
    int done = 0;
    if (c->EVP_CipherInit_ex(context, c->cipher, NULL, key, nonce, encrypts) != 1) return false;
    if (!encrypts && c->EVP_CIPHER_CTX_ctrl(context, CTRL_SET_TAG, TAG_SIZE, tag) != 1) return false;
    for (int i = 0; i < 2; i++) {
        if (with[i].size != 0 &&
            c->EVP_CipherUpdate(context, NULL, &done, with[i].bytes, (int)with[i].size) != 1)
            return false;
    }
    if (size != 0 && c->EVP_CipherUpdate(context, to, &done, from, (int)size) != 1) return false;
    // GCM is a stream: nothing is left to write.
    uint8_t rest[16];
    if (c->EVP_CipherFinal_ex(context, rest, &done) != 1) return false;
    return !encrypts || c->EVP_CIPHER_CTX_ctrl(context, CTRL_GET_TAG, TAG_SIZE, tag) == 1;
}

static bool cipher(const struct crypto *c, int encrypts, const uint8_t *key, const uint8_t *nonce,
                   const struct associated with[2], const uint8_t *from, size_t size, uint8_t *to,
                   uint8_t *tag) {
    void *context = c->EVP_CIPHER_CTX_new();
    bool ok = context != NULL && run(c, context, encrypts, key, nonce, with, from, size, to, tag);
    // Wipes the expanded key, too.
    c->EVP_CIPHER_CTX_free(context);
    if (!ok) c->ERR_clear_error();
    return ok;
}

bool crypto_encrypt(const struct crypto *c, const uint8_t key[KEY_SIZE], const uint8_t nonce[NONCE_SIZE],
                    const struct associated with[2], const uint8_t *from, size_t size, uint8_t *to,
                    uint8_t tag[TAG_SIZE]) {
    return cipher(c, 1, key, nonce, with, from, size, to, tag);
}

bool crypto_decrypt(const struct crypto *c, const uint8_t key[KEY_SIZE], const uint8_t nonce[NONCE_SIZE],
                    const struct associated with[2], const uint8_t *from, size_t size, uint8_t *to,
                    const uint8_t tag[TAG_SIZE]) {
    uint8_t copy[TAG_SIZE];
    memcpy(copy, tag, TAG_SIZE);
    return cipher(c, 0, key, nonce, with, from, size, to, copy);
}
