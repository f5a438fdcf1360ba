/* SPDX-License-Identifier: Apache-2.0
 * signing-openssl: Ed25519 (RFC 8032) of OpenSSL as the service jf.signing/1. Instances keep nothing. */
#include "crypto.h"

#include <jackfield/host.h>
#include <jackfield/signing.h>

#include <stdbool.h>

#include <stdlib.h>
#include <string.h>

struct jf_self {
    jf_signing_1 signing; /**< what this plugin offers */
};

static const struct crypto *library(jf_fault *why) {
    const char *missing = NULL;
    const struct crypto *c = crypto_load(&missing);
    if (c == NULL)
        jf_fault_set(why, JF_E_FAULT, 0,
                     "signing-openssl needs OpenSSL 3 (%s not found): install the package libssl3", missing);
    return c;
}

static int32_t failed(const struct crypto *c, jf_fault *why, const char *what) {
    c->ERR_clear_error();
    return jf_fault_set(why, JF_E_FAULT, 0, "signing-openssl: OpenSSL could not %s", what);
}

static int32_t wrong_length(jf_fault *why, const char *what, uint64_t length, unsigned expected) {
    return jf_fault_set(why, JF_E_INVALID, 0, "signing-openssl: %s has %llu bytes, not %u", what,
                        (unsigned long long)length, expected);
}

/** The secret as OpenSSL's object; the caller frees it. NULL: `why` says it. */
static void *secret_key(const struct crypto *c, jf_view secret, jf_fault *why) {
    void *key = c->EVP_PKEY_new_raw_private_key(KEY_ED25519, NULL, secret.ptr, secret.len);
    if (key == NULL) failed(c, why, "take a secret key");
    return key;
}

static int32_t public_key(void *context, jf_view secret, uint8_t *key, jf_fault *why) {
    (void)context;
    if (secret.len != JF_SIGNING_KEY) return wrong_length(why, "a secret key", secret.len, JF_SIGNING_KEY);
    const struct crypto *c = library(why);
    if (c == NULL) return JF_E_FAULT;
    void *own = secret_key(c, secret, why);
    if (own == NULL) return JF_E_FAULT;
    size_t size = JF_SIGNING_KEY;
    bool ok = c->EVP_PKEY_get_raw_public_key(own, key, &size) == 1 && size == JF_SIGNING_KEY;
    c->EVP_PKEY_free(own);
    return ok ? JF_OK : failed(c, why, "make a public key");
}

static int32_t sign(void *context, jf_view secret, jf_view message, uint8_t *signature, jf_fault *why) {
    (void)context;
    if (secret.len != JF_SIGNING_KEY) return wrong_length(why, "a secret key", secret.len, JF_SIGNING_KEY);
    const struct crypto *c = library(why);
    if (c == NULL) return JF_E_FAULT;
    void *own = secret_key(c, secret, why);
    if (own == NULL) return JF_E_FAULT;
    void *digest = c->EVP_MD_CTX_new();
    size_t size = JF_SIGNING_SIGNATURE;
    bool ok = digest != NULL && c->EVP_DigestSignInit(digest, NULL, NULL, NULL, own) == 1 &&
              c->EVP_DigestSign(digest, signature, &size, message.ptr, message.len) == 1 &&
              size == JF_SIGNING_SIGNATURE;
    c->EVP_MD_CTX_free(digest);
    // Wipes its copy of the secret, too.
    c->EVP_PKEY_free(own);
    return ok ? JF_OK : failed(c, why, "sign");
}

static int32_t verify(void *context, jf_view key, jf_view message, jf_view signature, jf_fault *why) {
    (void)context;
    if (key.len != JF_SIGNING_KEY) return wrong_length(why, "a public key", key.len, JF_SIGNING_KEY);
    if (signature.len != JF_SIGNING_SIGNATURE)
        return wrong_length(why, "a signature", signature.len, JF_SIGNING_SIGNATURE);
    const struct crypto *c = library(why);
    if (c == NULL) return JF_E_FAULT;
    void *known = c->EVP_PKEY_new_raw_public_key(KEY_ED25519, NULL, key.ptr, key.len);
    if (known == NULL) return failed(c, why, "take a public key");
    void *digest = c->EVP_MD_CTX_new();
    bool ready = digest != NULL && c->EVP_DigestVerifyInit(digest, NULL, NULL, NULL, known) == 1;
    bool good =
        ready && c->EVP_DigestVerify(digest, signature.ptr, signature.len, message.ptr, message.len) == 1;
    c->EVP_MD_CTX_free(digest);
    c->EVP_PKEY_free(known);
    if (!ready) return failed(c, why, "check a signature");
    c->ERR_clear_error();
    return good ? JF_OK : jf_fault_set(why, JF_E_DENIED, JF_FAULT_PUBLIC, "the signature does not fit");
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)offer;
    (void)config;
    jf_self *self = calloc(1, sizeof(*self));
    if (self == NULL)
        return jf_fault_set(why, JF_E_FAULT, 0, "signing-openssl: out of memory for an instance");
    self->signing = (jf_signing_1){.size = sizeof(jf_signing_1),
                                   .context = self,
                                   .public_key = public_key,
                                   .sign = sign,
                                   .verify = verify};
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_SIGNING_1) == 0 ? &self->signing : NULL;
}

static const jf_plugin plugin = {
    .size = sizeof(jf_plugin),
    .minor = JF_ABI_MINOR,
    .create = create,
    .destroy = destroy,
    .facet = facet,
};

JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    if (offer->major == JF_ABI_MAJOR) return &plugin;
    jf_fault_set(why, JF_E_UNSUPPORTED, 0, "signing-openssl speaks plugin ABI %d only", JF_ABI_MAJOR);
    return NULL;
}
