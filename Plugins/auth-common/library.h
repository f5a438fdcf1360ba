/* SPDX-License-Identifier: Apache-2.0
 * Libraries that are loaded when the first provider is configured that needs them: their headers are not
 * needed to build, and who does not use them does not pay for them. */
#ifndef AUTH_COMMON_LIBRARY_H
#define AUTH_COMMON_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A function and where its address goes. */
struct au_symbol {
    const char *name;
    void *to;
};

struct au_library {
    const char *file;
    const struct au_symbol *symbols; /**< the last one has no name */
    bool loaded;
};

/** Loads it once and for good. False: `*missing` says what there is not; the next call tries again. [any] */
bool au_library_load(struct au_library *library, const char **missing);

/** What every provider needs of OpenSSL's libcrypto. */
struct au_crypto {
    int (*OPENSSL_init_crypto)(uint64_t, const void *);
    uint8_t *(*SHA256)(const uint8_t *, size_t, uint8_t *);
    void (*ERR_clear_error)(void);
};
extern struct au_crypto au_crypto;
/** Loads those. */
bool au_crypto_load(const char **missing);

enum { AU_DIGEST = 32 };

/** Compares in a time that does not depend on where the difference is. */
static inline bool au_equal(const uint8_t *a, const uint8_t *b, size_t size) {
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < size; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

#endif
