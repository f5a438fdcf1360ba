/* SPDX-License-Identifier: Apache-2.0
 * Tokens: their form, sealing and opening.
 *
 *     version 1 | key id 4 | salt 16 | nonce 12 | ciphertext | tag 16, all of it in base64url
 *
 * Each token has a key of its own, HKDF-Expand(master key, label | salt), for AES-256-GCM with a random
 * nonce; the 33 bytes before the ciphertext and the bound data are associated data. GCM fails badly when a
 * key meets the same nonce twice, which is why NIST SP 800-38D section 8.3 allows only 2^32 messages with
 * random nonces per key. Here that limit counts the tokens that have both master key and salt in common. With
 * 128 random bits of salt, 2^48 tokens of one master key contain such a pair with probability 2^-33, and the
 * pair still has 96 other random bits between it and harm; so a master key need not be renewed for its amount
 * of use. It costs one HMAC per token. Only HKDF's second half is used (RFC 5869 section 3.3): master keys
 * are 32 random bytes already. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "token.h"

#include "base64.h"

#include <jackfield/host.h>
#include <stdlib.h>
#include <string.h>

enum {
    VERSION = 1,
    SALT_SIZE = 16,
    AT_ID = 1,
    AT_SALT = AT_ID + KEY_ID_SIZE,
    AT_NONCE = AT_SALT + SALT_SIZE,
    HEAD_SIZE = AT_NONCE + NONCE_SIZE,
    FRAME_SIZE = HEAD_SIZE + TAG_SIZE
};

static int32_t not_valid(jf_fault *why) {
    return jf_fault_set(why, JF_E_INVALID, JF_FAULT_PUBLIC,
                        "the token is not valid: it was changed, was given to someone else, or is too old");
}

static int32_t no_memory(jf_fault *why) {
    return jf_fault_set(why, JF_E_FAULT, 0, "seal-openssl: out of memory for a token");
}

static const struct crypto *library(jf_fault *why) {
    const char *missing = NULL;
    const struct crypto *c = crypto_load(&missing);
    if (c == NULL)
        jf_fault_set(why, JF_E_FAULT, 0,
                     "seal-openssl needs OpenSSL 3 (%s not found): install the package libssl3", missing);
    return c;
}

/** The token's own key. */
static bool derive(const struct crypto *c, const struct key *master, const uint8_t *salt,
                   uint8_t out[KEY_SIZE]) {
    static const char label[] = "jackfield seal 1 token";
    uint8_t info[sizeof(label) - 1 + SALT_SIZE];
    memcpy(info, label, sizeof(label) - 1);
    memcpy(info + sizeof(label) - 1, salt, SALT_SIZE);
    return crypto_expand(c, master->secret, info, sizeof(info), out);
}

/** Writes the whole token to `raw`; the key that seals is in `master`. */
static bool write_token(const struct crypto *c, const struct key *master, jf_view plain, jf_view bound,
                        uint8_t *raw) {
    uint8_t own[KEY_SIZE];
    raw[0] = VERSION;
    memcpy(raw + AT_ID, master->id, KEY_ID_SIZE);
    if (c->RAND_bytes(raw + AT_SALT, SALT_SIZE + NONCE_SIZE) != 1) {
        c->ERR_clear_error();
        return false;
    }
    const struct associated with[2] = {{raw, HEAD_SIZE}, {bound.ptr, bound.len}};
    bool ok = derive(c, master, raw + AT_SALT, own) &&
              crypto_encrypt(c, own, raw + AT_NONCE, with, plain.ptr, plain.len, raw + HEAD_SIZE,
                             raw + HEAD_SIZE + plain.len);
    explicit_bzero(own, sizeof(own));
    return ok;
}

int32_t token_seal(struct keyring *ring, uint64_t now_ns, jf_view plain, jf_view bound, jf_blob *sealed,
                   jf_fault *why) {
    if (plain.len > JF_SEAL_MOST || bound.len > JF_SEAL_MOST)
        return jf_fault_set(why, JF_E_INVALID, 0, "seal-openssl: %s of %llu bytes, more than %u",
                            plain.len > JF_SEAL_MOST ? "plain data" : "bound data",
                            (unsigned long long)(plain.len > JF_SEAL_MOST ? plain.len : bound.len),
                            JF_SEAL_MOST);
    const struct crypto *c = library(why);
    if (c == NULL) return JF_E_FAULT;
    size_t size = FRAME_SIZE + plain.len, length = base64_length(size);
    // The text, and behind it the bytes that it spells.
    uint8_t *text = malloc(length + size);
    if (text == NULL) return no_memory(why);
    struct key master;
    bool ok =
        keyring_sealing(ring, c, now_ns, &master) && write_token(c, &master, plain, bound, text + length);
    explicit_bzero(&master, sizeof(master));
    if (!ok) {
        free(text);
        return jf_fault_set(why, JF_E_FAULT, 0, "seal-openssl: OpenSSL could not seal a token");
    }
    base64_encode(text + length, size, text);
    *sealed = (jf_blob){text, length, text, free};
    return JF_OK;
}

/** A token as bytes, and behind it what it holds. Wiped when dropped. */
struct opened {
    size_t size; /**< of the token */
    uint8_t raw[];
};

static size_t plain_size(const struct opened *it) {
    return it->size - FRAME_SIZE;
}

static void opened_drop(void *owner) {
    struct opened *it = owner;
    explicit_bzero(it->raw, it->size + plain_size(it));
    free(it);
}

/** Decrypts with one key. Not in place: where two keys have one id, the other one is tried on the same bytes.
 */
static bool read_token(const struct crypto *c, const struct key *master, jf_view bound, struct opened *it) {
    uint8_t own[KEY_SIZE];
    const struct associated with[2] = {{it->raw, HEAD_SIZE}, {bound.ptr, bound.len}};
    const uint8_t *from = it->raw + HEAD_SIZE;
    bool ok = derive(c, master, it->raw + AT_SALT, own) &&
              crypto_decrypt(c, own, it->raw + AT_NONCE, with, from, plain_size(it), it->raw + it->size,
                             from + plain_size(it));
    explicit_bzero(own, sizeof(own));
    return ok;
}

int32_t token_open(struct keyring *ring, uint64_t now_ns, jf_view sealed, jf_view bound, jf_blob *plain,
                   jf_fault *why) {
    if (sealed.len < base64_length(FRAME_SIZE) || sealed.len > base64_length(FRAME_SIZE + JF_SEAL_MOST) ||
        bound.len > JF_SEAL_MOST)
        return not_valid(why);
    const struct crypto *c = library(why);
    if (c == NULL) return JF_E_FAULT;
    size_t size = base64_size(sealed.len);
    struct opened *it = malloc(sizeof(*it) + size + (size - FRAME_SIZE));
    if (it == NULL) return no_memory(why);
    it->size = size;
    bool more = base64_decode(sealed.ptr, sealed.len, it->raw) && it->raw[0] == VERSION, done = false;
    struct key master;
    for (uint32_t nth = 0; more && !done; nth++) {
        more = keyring_find(ring, c, now_ns, it->raw + AT_ID, nth, &master);
        done = more && read_token(c, &master, bound, it);
    }
    explicit_bzero(&master, sizeof(master));
    if (!done) {
        opened_drop(it);
        return not_valid(why);
    }
    *plain = (jf_blob){it->raw + size, plain_size(it), it, opened_drop};
    return JF_OK;
}
