/* SPDX-License-Identifier: Apache-2.0
 * Key sets (RFC 7517), and signatures that are verified with them. */
#ifndef AUTH_JWT_JWKS_H
#define AUTH_JWT_JWKS_H

#include "library.h"
#include "provider.h"
#include "token.h"

enum { KEYS_MOST = 64, ALGORITHMS = 14 };

/** What a key can be. An algorithm has exactly one of them, so that a public key is never taken for a secret,
 * nor a curve for another. */
enum key_kind { KEY_RSA = 1, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519, KEY_SECRET };

struct algorithm {
    const char *name;
    enum key_kind kind;
    uint32_t signature; /**< bytes of a signature; 0: as many as the key's modulus has */
};
/** All that are known; the last three need a secret. */
extern const struct algorithm algorithms[ALGORITHMS];
/** Its number; ALGORITHMS: it is not known. */
uint32_t algorithm_find(jf_view name);

struct jwk {
    enum key_kind kind;
    uint32_t size;            /**< bytes of an RSA modulus */
    uint32_t algorithm;       /**< the only one that it is for; ALGORITHMS: all of its kind */
    jf_view id;               /**< absent: it has none */
    void *jose, *raw;         /**< libcjose's key, or libcrypto's */
    uint8_t print[AU_DIGEST]; /**< of its numbers: the same key, whatever it is called */
};

struct jwks {
    struct au_arena memory;
    struct jwk *of;
    uint32_t count;
    uint32_t skipped; /**< keys of the document that are of no use: not for signatures, weak, malformed */
    const char *why;  /**< of the last one */
};

/** Loads libcjose and libcrypto. */
bool jwks_load(const char **missing);
/** Reads a key set. False: it is none, or has no key of use. Ends with jwks_end in any case. */
bool jwks_read(jf_view json, struct jwks *out);
/** Makes a set of one shared secret. */
bool jwks_of_secret(jf_view secret, struct jwks *out);
void jwks_end(struct jwks *keys);

/** Whether this key may have signed the token. */
bool jwk_fits(const struct jwk *key, const struct token *token, uint32_t algorithm);
/** Whether it has. */
bool jwk_verify(const struct jwk *key, const struct token *token, uint32_t algorithm);

#endif
