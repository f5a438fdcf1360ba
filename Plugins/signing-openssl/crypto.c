/* SPDX-License-Identifier: Apache-2.0
 * libcrypto of OpenSSL 3, loaded with dlopen: a gateway that signs nothing does not pay for it. */
#include "crypto.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* OpenSSL's stable number (crypto.h). */
enum { INIT_NO_ATEXIT = 0x80000 };

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
    FIND(EVP_PKEY_new_raw_private_key);
    FIND(EVP_PKEY_new_raw_public_key);
    FIND(EVP_PKEY_get_raw_public_key);
    FIND(EVP_PKEY_free);
    FIND(EVP_MD_CTX_new);
    FIND(EVP_MD_CTX_free);
    FIND(EVP_DigestSignInit);
    FIND(EVP_DigestSign);
    FIND(EVP_DigestVerifyInit);
    FIND(EVP_DigestVerify);
    FIND(ERR_clear_error);
#undef FIND
    // No exit handler: the host may end while other threads still run.
    return c->OPENSSL_init_crypto(INIT_NO_ATEXIT, NULL) == 1 ? NULL : "its initialisation";
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
