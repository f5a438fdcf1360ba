/* SPDX-License-Identifier: Apache-2.0
 * What a client's certificate says (RFC 5280), read by OpenSSL's libcrypto. */
#ifndef AUTH_MTLS_CERTIFICATE_H
#define AUTH_MTLS_CERTIFICATE_H

#include "provider.h"

enum { NAMES_MOST = 32 };

/** Names of one kind. */
struct san {
    jf_view of[NAMES_MOST];
    uint32_t count;
};

struct certificate {
    struct san uri, dns, email; /**< subject alternative names; dns in lower case */
    jf_view subject, issuer;    /**< distinguished names (RFC 4514); the subject may be empty */
    jf_view serial;             /**< hexadecimal, upper case, without leading zeros */
    uint64_t from_ms, until_ms;
};

/** Loads what is needed of libcrypto. */
bool certificate_load(const char **missing);
/** Reads a certificate in DER. False: it cannot be read, or has a name that may mislead (control characters,
 * NUL) or too many of them. What it says lives in `memory`. */
bool certificate_read(jf_view der, struct au_arena *memory, struct certificate *out);

/** Whether text is a SPIFFE id (the SPIFFE standard, section 2), and of which trust domain. */
bool spiffe_read(jf_view text, jf_view *trust_domain);
/** Hexadecimal digits as certificate.serial has them; colons between them are allowed. Absent: they are none.
 */
jf_view serial_read(jf_view text, struct au_arena *memory);

#endif
