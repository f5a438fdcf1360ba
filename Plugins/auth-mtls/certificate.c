/* SPDX-License-Identifier: Apache-2.0
 * What a client's certificate says, read by OpenSSL's libcrypto. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "certificate.h"

#include "library.h"

#include <jackfield/json.h>
#include <time.h>

/* OpenSSL's stable numbers (obj_mac.h, x509v3.h, x509.h, bio.h). RFC2253 without the escaping of UTF-8. */
enum { NID_SAN = 85, GEN_EMAIL = 1, GEN_DNS = 2, GEN_URI = 6, RFC2253_UTF8 = 0x1110313, BIO_INFO = 3 };

static struct {
    void *(*d2i_X509)(void *, const uint8_t **, long);
    void (*X509_free)(void *);
    void *(*X509_get_ext_d2i)(const void *, int, int *, int *);
    int (*OPENSSL_sk_num)(const void *);
    void *(*OPENSSL_sk_value)(const void *, int);
    void *(*GENERAL_NAME_get0_value)(const void *, int *);
    void (*GENERAL_NAMES_free)(void *);
    const uint8_t *(*ASN1_STRING_get0_data)(const void *);
    int (*ASN1_STRING_length)(const void *);
    void *(*X509_get_subject_name)(const void *);
    void *(*X509_get_issuer_name)(const void *);
    int (*X509_NAME_print_ex)(void *, const void *, int, unsigned long);
    const void *(*X509_get0_notBefore)(const void *);
    const void *(*X509_get0_notAfter)(const void *);
    int (*ASN1_TIME_to_tm)(const void *, struct tm *);
    const void *(*X509_get0_serialNumber)(const void *);
    const void *(*BIO_s_mem)(void);
    void *(*BIO_new)(const void *);
    long (*BIO_ctrl)(void *, int, long, void *);
    int (*BIO_free)(void *);
} x;

bool certificate_load(const char **missing) {
#define SYMBOL(name)                                                                                         \
    { #name, &x.name }
    static const struct au_symbol symbols[] = {
        SYMBOL(d2i_X509),
        SYMBOL(X509_free),
        SYMBOL(X509_get_ext_d2i),
        SYMBOL(OPENSSL_sk_num),
        SYMBOL(OPENSSL_sk_value),
        SYMBOL(GENERAL_NAME_get0_value),
        SYMBOL(GENERAL_NAMES_free),
        SYMBOL(ASN1_STRING_get0_data),
        SYMBOL(ASN1_STRING_length),
        SYMBOL(X509_get_subject_name),
        SYMBOL(X509_get_issuer_name),
        SYMBOL(X509_NAME_print_ex),
        SYMBOL(X509_get0_notBefore),
        SYMBOL(X509_get0_notAfter),
        SYMBOL(ASN1_TIME_to_tm),
        SYMBOL(X509_get0_serialNumber),
        SYMBOL(BIO_s_mem),
        SYMBOL(BIO_new),
        SYMBOL(BIO_ctrl),
        SYMBOL(BIO_free),
        {NULL, NULL},
    };
#undef SYMBOL
    static struct au_library library = {.file = "libcrypto.so.3", .symbols = symbols};
    return au_crypto_load(missing) && au_library_load(&library, missing);
}

static jf_view string(const void *asn1) {
    return (jf_view){x.ASN1_STRING_get0_data(asn1), (uint64_t)x.ASN1_STRING_length(asn1)};
}

/** Adds a name: IA5, that is ASCII, and nothing in it that could end it early or hide. */
static bool add(struct san *list, jf_view name, bool lower, struct au_arena *memory) {
    for (uint64_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f) return false;
    if (name.len == 0 || list->count == NAMES_MOST) return false;
    jf_view copy = au_take_text(memory, name);
    if (copy.ptr == NULL) return false;
    uint8_t *text = (uint8_t *)(uintptr_t)copy.ptr;
    for (uint64_t i = 0; lower && i < copy.len; i++)
        if (text[i] >= 'A' && text[i] <= 'Z') text[i] = (uint8_t)(text[i] + 32);
    list->of[list->count++] = copy;
    return true;
}

static bool read_names(const void *certificate, struct au_arena *memory, struct certificate *out) {
    int critical = -1, kind = 0;
    bool ok = true;
    void *names = x.X509_get_ext_d2i(certificate, NID_SAN, &critical, NULL);
    // -1: there is none; else it is there twice, or cannot be read.
    if (names == NULL) return critical == -1;
    for (int i = 0; i < x.OPENSSL_sk_num(names) && ok; i++) {
        const void *value = x.GENERAL_NAME_get0_value(x.OPENSSL_sk_value(names, i), &kind);
        if (kind == GEN_URI) ok = add(&out->uri, string(value), false, memory);
        if (kind == GEN_DNS) ok = add(&out->dns, string(value), true, memory);
        if (kind == GEN_EMAIL) ok = add(&out->email, string(value), false, memory);
    }
    x.GENERAL_NAMES_free(names);
    return ok;
}

static bool is_utf8(jf_view text) {
    for (uint64_t i = 0; i < text.len;) {
        uint32_t length = jf_json_utf8(text.ptr + i, text.ptr + text.len);
        if (length == 0) return false;
        i += length;
    }
    return true;
}

/** A distinguished name; control characters come out escaped. */
static bool read_dn(const void *name, struct au_arena *memory, jf_view *out) {
    uint8_t *text = NULL;
    void *bio = x.BIO_new(x.BIO_s_mem());
    bool ok = bio != NULL && x.X509_NAME_print_ex(bio, name, 0, RFC2253_UTF8) >= 0;
    if (ok) {
        long length = x.BIO_ctrl(bio, BIO_INFO, 0, &text);
        *out = au_take_text(memory, (jf_view){text, length > 0 ? (uint64_t)length : 0});
        ok = out->ptr != NULL && is_utf8(*out) && (out->len == 0 || au_presentable(*out));
    }
    if (bio != NULL) x.BIO_free(bio);
    return ok;
}

static bool read_time(const void *time, uint64_t *ms) {
    struct tm t = {0};
    if (time == NULL || x.ASN1_TIME_to_tm(time, &t) != 1) return false;
    int64_t seconds = (int64_t)timegm(&t);
    *ms = seconds > 0 ? (uint64_t)seconds * 1000 : 0;
    return true;
}

static bool read_serial(const void *number, struct au_arena *memory, jf_view *out) {
    static const char hex[] = "0123456789ABCDEF";
    jf_view bytes = string(number);
    char text[128];
    if (bytes.len > sizeof(text) / 2) return false;
    for (uint64_t i = 0; i < bytes.len; i++) {
        text[2 * i] = hex[bytes.ptr[i] >> 4];
        text[2 * i + 1] = hex[bytes.ptr[i] & 15];
    }
    *out = serial_read((jf_view){(const uint8_t *)text, bytes.len * 2}, memory);
    return out->ptr != NULL;
}

bool certificate_read(jf_view der, struct au_arena *memory, struct certificate *out) {
    const uint8_t *at = der.ptr;
    *out = (struct certificate){0};
    if (der.len == 0 || der.len > 65536) return false;
    void *it = x.d2i_X509(NULL, &at, (long)der.len);
    bool ok = it != NULL && at == der.ptr + der.len && read_names(it, memory, out) &&
              read_dn(x.X509_get_subject_name(it), memory, &out->subject) &&
              read_dn(x.X509_get_issuer_name(it), memory, &out->issuer) &&
              read_time(x.X509_get0_notBefore(it), &out->from_ms) &&
              read_time(x.X509_get0_notAfter(it), &out->until_ms) &&
              read_serial(x.X509_get0_serialNumber(it), memory, &out->serial);
    if (it != NULL) x.X509_free(it);
    if (!ok) au_crypto.ERR_clear_error();
    return ok;
}

jf_view serial_read(jf_view text, struct au_arena *memory) {
    uint8_t *out = au_take(memory, text.len + 1);
    uint64_t length = 0;
    if (out == NULL || text.len == 0) return (jf_view){0};
    for (uint64_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i] >= 'a' && text.ptr[i] <= 'f' ? (uint8_t)(text.ptr[i] - 32) : text.ptr[i];
        if (c == ':' && i != 0 && i + 1 != text.len) continue;
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'))) return (jf_view){0};
        if (length != 0 || c != '0') out[length++] = c;
    }
    if (length == 0) out[length++] = '0';
    return (jf_view){out, length};
}

bool spiffe_read(jf_view text, jf_view *trust_domain) {
    static const char scheme[] = "spiffe://";
    uint64_t at = sizeof(scheme) - 1, start = at;
    if (text.len <= at || text.len > 2048 || memcmp(text.ptr, scheme, at) != 0) return false;
    for (; at < text.len && text.ptr[at] != '/'; at++) {
        uint8_t c = text.ptr[at];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'))
            return false;
    }
    *trust_domain = (jf_view){text.ptr + start, at - start};
    if (at == start || at - start > 255) return false;
    while (at < text.len) {
        uint64_t segment = ++at;
        for (; at < text.len && text.ptr[at] != '/'; at++) {
            uint8_t c = text.ptr[at];
            if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                  c == '-' || c == '_'))
                return false;
        }
        uint64_t length = at - segment;
        if (length == 0 || (length == 1 && text.ptr[segment] == '.') ||
            (length == 2 && memcmp(text.ptr + segment, "..", 2) == 0))
            return false;
    }
    return true;
}
