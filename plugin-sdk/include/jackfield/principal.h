/* SPDX-License-Identifier: Apache-2.0
 * jf_principal: on whose behalf something happens, as policies, filters and credential sources see it. */
#ifndef JACKFIELD_PRINCIPAL_H
#define JACKFIELD_PRINCIPAL_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Who asks. Made by the host of what a provider of jf.auth/1 answered; the same object serves all requests
 * with the same credentials. Growable; borrowed until the slot returns, but equal principals have equal `id`s
 * for as long as the gateway knows them. Since 1.1. */
typedef struct jf_principal {
    uint32_t size;
    uint32_t flags;  /**< none yet */
    uint64_t id;     /**< stands for tenant, issuer and subject in this process; 0: nobody is known */
    jf_view key;     /**< tenant, issuer and subject in one text that no others have; empty: nobody. Nobody in
                      * particular of a tenant has a key, and neither an id nor a subject */
    jf_view subject; /**< who it is, as the provider names it ("sub" of a token); empty: nobody */
    jf_view tenant;  /**< whom it belongs to; empty: no tenants, or none of them */
    jf_view issuer;  /**< who vouches for it: an issuer's URL; empty: the gateway's own configuration */
    jf_view provider; /**< the provider's name in the configuration */
    jf_view
        credential; /**< names what it showed, without being it: a key's id, a token's "jti"; may be empty */
    jf_view attributes; /**< what else is known: a JSON object (a token's claims), `{}` at least */
    const jf_view *roles;
    uint64_t role_count;
    const jf_view *scopes; /**< what was granted to the credentials (RFC 6749 section 3.3) */
    uint64_t scope_count;
    uint64_t expires_ms; /**< when the credentials end, milliseconds of Unix time; 0: not known to end */
} jf_principal;
JF_PIN(jf_principal, key, 16);
JF_PIN(jf_principal, attributes, 112);
JF_PIN(jf_principal, expires_ms, 160);
JF_PIN_SIZE(jf_principal, 168);

#ifdef __cplusplus
}
#endif
#endif
