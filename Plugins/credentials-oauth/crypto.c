/* SPDX-License-Identifier: Apache-2.0
 * Randomness, digests and signed assertions, with OpenSSL's libcrypto, which is loaded when it is needed. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "base64.h"
#include "library.h"
#include "oauth.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* OpenSSL's stable numbers (evp.h). */
enum { PKEY_RSA = 6, PKEY_EC = 408, KEY_FILE_MOST = 64 << 10 };

static struct {
    int (*RAND_bytes)(uint8_t *, int);
    void *(*BIO_new_mem_buf)(const void *, int);
    int (*BIO_free)(void *);
    void *(*PEM_read_bio_PrivateKey)(void *, void **, int (*)(char *, int, int, void *), void *);
    void (*EVP_PKEY_free)(void *);
    int (*EVP_PKEY_get_base_id)(const void *);
    int (*EVP_PKEY_get_bits)(const void *);
    void *(*EVP_MD_CTX_new)(void);
    void (*EVP_MD_CTX_free)(void *);
    int (*EVP_DigestSignInit_ex)(void *, void **, const char *, void *, const char *, void *, void *);
    int (*EVP_DigestSign)(void *, uint8_t *, size_t *, const uint8_t *, size_t);
} lib;

bool crypto_load(const char **missing) {
#define SYMBOL(name)                                                                                         \
    { #name, &lib.name }
    static const struct au_symbol symbols[] = {SYMBOL(RAND_bytes),        SYMBOL(BIO_new_mem_buf),
                                               SYMBOL(BIO_free),          SYMBOL(PEM_read_bio_PrivateKey),
                                               SYMBOL(EVP_PKEY_free),     SYMBOL(EVP_PKEY_get_base_id),
                                               SYMBOL(EVP_PKEY_get_bits), SYMBOL(EVP_MD_CTX_new),
                                               SYMBOL(EVP_MD_CTX_free),   SYMBOL(EVP_DigestSignInit_ex),
                                               SYMBOL(EVP_DigestSign),    {NULL, NULL}};
#undef SYMBOL
    static struct au_library library = {.file = "libcrypto.so.3", .symbols = symbols};
    return au_crypto_load(missing) && au_library_load(&library, missing);
}

bool random_text(size_t bytes, char *out) {
    uint8_t raw[64];
    if (bytes > sizeof(raw) || lib.RAND_bytes(raw, (int)bytes) != 1) return false;
    base64_encode(raw, bytes, (uint8_t *)out);
    out[base64_length(bytes)] = 0;
    explicit_bzero(raw, sizeof(raw));
    return true;
}

void digest_text(jf_view text, char out[44]) {
    uint8_t digest[AU_DIGEST];
    au_crypto.SHA256(text.len != 0 ? text.ptr : (const uint8_t *)"", text.len, digest);
    base64_encode(digest, sizeof(digest), (uint8_t *)out);
    out[43] = 0;
}

void put_base64url(struct au_text *out, jf_view bytes) {
    for (uint64_t at = 0; at < bytes.len; at += 48) {
        uint8_t text[64];
        uint64_t size = bytes.len - at < 48 ? bytes.len - at : 48;
        base64_encode(bytes.ptr + at, size, text);
        au_put(out, (jf_view){text, base64_length(size)});
    }
}

void put_base64(struct au_text *out, jf_view bytes) {
    uint64_t start = out->len;
    put_base64url(out, bytes);
    for (uint64_t i = start; i < out->len && !out->failed; i++)
        out->ptr[i] = out->ptr[i] == '-' ? '+' : out->ptr[i] == '_' ? '/' : out->ptr[i];
    if (bytes.len % 3 != 0) au_put(out, (jf_view){(const uint8_t *)"==", 3 - bytes.len % 3});
}

bool get_base64url(jf_view text, struct au_text *out) {
    uint8_t *bytes = text.len < TOKEN_MOST ? malloc(text.len + 1) : NULL;
    bool ok = bytes != NULL && base64_decode(text.ptr, text.len, bytes);
    if (ok) au_put(out, (jf_view){bytes, base64_size(text.len)});
    free(bytes);
    return ok && !out->failed;
}

/* ---- Assertions ---- */

/** Nobody is asked for a passphrase. */
static int no_passphrase(char *to, int room, int writes, void *user) {
    (void)to, (void)room, (void)writes, (void)user;
    return 0;
}

static void *key_read(const char *file, const char **wrong) {
    struct stat about;
    void *key = NULL;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *wrong = "the key's file cannot be read";
    if (fd < 0) return NULL;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size <= KEY_FILE_MOST) {
        char *text = malloc((size_t)about.st_size + 1);
        ssize_t length = text != NULL ? read(fd, text, (size_t)about.st_size) : -1;
        void *bio = length > 0 ? lib.BIO_new_mem_buf(text, (int)length) : NULL;
        *wrong = "the key's file holds no private key in PEM without a passphrase";
        if (bio != NULL) {
            key = lib.PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
            lib.BIO_free(bio);
        }
        if (text != NULL) explicit_bzero(text, (size_t)about.st_size);
        free(text);
    }
    close(fd);
    au_crypto.ERR_clear_error();
    if (key == NULL) return NULL;
    int id = lib.EVP_PKEY_get_base_id(key), bits = lib.EVP_PKEY_get_bits(key);
    if ((id == PKEY_RSA && bits >= 2048) || (id == PKEY_EC && bits == 256)) return key;
    *wrong = "the key is neither RSA of 2048 bits or more nor EC on P-256";
    lib.EVP_PKEY_free(key);
    return NULL;
}

const char *key_wrong(const char *file) {
    const char *wrong = NULL;
    void *key = key_read(file, &wrong);
    if (key == NULL) return wrong;
    lib.EVP_PKEY_free(key);
    return NULL;
}

/** ECDSA signatures of OpenSSL are DER; tokens have the two numbers side by side (RFC 7518 section 3.4). */
static bool flatten(const uint8_t *der, size_t size, uint8_t to[64]) {
    size_t at = 2;
    memset(to, 0, 64);
    if (size < 8 || der[0] != 0x30 || der[1] != size - 2) return false;
    for (size_t i = 0; i < 2; i++) {
        if (size - at < 2 || der[at] != 2 || der[at + 1] > size - at - 2) return false;
        size_t length = der[at + 1];
        const uint8_t *number = der + at + 2;
        at += 2 + length;
        while (length > 0 && *number == 0)
            number++, length--;
        if (length > 32) return false;
        memcpy(to + 32 * (i + 1) - length, number, length);
    }
    return at == size;
}

static bool sign(void *key, bool ec, jf_view input, struct au_text *out) {
    uint8_t raw[2048], flat[64];
    size_t size = sizeof(raw);
    void *context = lib.EVP_MD_CTX_new();
    bool ok = context != NULL &&
              lib.EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
              lib.EVP_DigestSign(context, raw, &size, input.ptr, input.len) == 1;
    if (context != NULL) lib.EVP_MD_CTX_free(context);
    au_crypto.ERR_clear_error();
    if (ok && ec) ok = flatten(raw, size, flat);
    if (ok) put_base64url(out, ec ? (jf_view){flat, 64} : (jf_view){raw, size});
    return ok;
}

const char *put_assertion(struct au_text *out, const struct client *client, jf_view audience,
                          uint64_t now_ms) {
    const char *wrong = NULL;
    char id[44];
    struct au_text part = {0}, input = {0};
    void *key = key_read(client->key_file, &wrong);
    if (key == NULL) return wrong;
    bool ec = lib.EVP_PKEY_get_base_id(key) == PKEY_EC;
    if (ec)
        au_puts(&part, "{\"alg\":\"ES256\",\"typ\":\"JWT\"");
    else
        au_puts(&part, "{\"alg\":\"RS256\",\"typ\":\"JWT\"");
    if (client->key_id.len != 0) {
        au_puts(&part, ",\"kid\":");
        au_put_quoted(&part, client->key_id);
    }
    au_puts(&part, "}");
    put_base64url(&input, VIEW(part));
    au_puts(&input, ".");
    part.len = 0;
    bool ok = random_text(32, id);
    au_puts(&part, "{\"iss\":");
    au_put_quoted(&part, client->id);
    au_puts(&part, ",\"sub\":");
    au_put_quoted(&part, client->id);
    au_puts(&part, ",\"aud\":");
    au_put_quoted(&part, audience);
    au_puts(&part, ",\"jti\":\"");
    au_put(&part, view_of(ok ? id : ""));
    au_puts(&part, "\",\"iat\":");
    au_put_number(&part, now_ms / 1000u);
    au_puts(&part, ",\"exp\":");
    au_put_number(&part, now_ms / 1000u + 120);
    au_puts(&part, "}");
    put_base64url(&input, VIEW(part));
    ok = ok && !part.failed && !input.failed;
    if (ok) {
        au_put(out, VIEW(input));
        au_puts(out, ".");
        ok = sign(key, ec, VIEW(input), out) && !out->failed;
    }
    lib.EVP_PKEY_free(key);
    au_text_end(&part);
    au_text_end(&input);
    return ok ? NULL : "no assertion could be signed";
}
