/* SPDX-License-Identifier: Apache-2.0
 * The form of a token: a JWS in compact serialization (RFC 7515 section 7.1) that holds claims (RFC 7519). */
#ifndef AUTH_JWT_TOKEN_H
#define AUTH_JWT_TOKEN_H

#include "strict.h"
#include <jackfield/base.h>

/** A token taken apart. Everything is borrowed from the text and from `memory`. */
struct token {
    jf_view text;
    jf_view signing_input; /**< header and payload as they were signed */
    jf_view signature;
    jf_json_value header, claims;
    jf_view algorithm, key_id, type, issuer; /**< decoded; absent: not there */
    uint8_t *memory;
};

/** Takes it apart. JF_ABSENT: it is no JWS at all. JF_E_DENIED: it is one, and `*wrong` (for the client) says
 * what is wrong with it. JF_E_FAULT: no memory. Nothing of it is verified. Ends with token_end in any case.
 */
int32_t token_read(jf_view text, struct token *out, const char **wrong);
void token_end(struct token *token);

#endif
