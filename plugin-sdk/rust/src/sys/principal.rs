// SPDX-License-Identifier: Apache-2.0
//! jf_principal: on whose behalf something happens, as policies, filters and credential sources see
//! it.

use super::jf_view;

abi! {
    /// Who asks. Made by the host of what a provider of jf.auth/1 answered; the same object serves
    /// all requests with the same credentials. Growable; borrowed until the slot returns, but equal
    /// principals have equal `id`s for as long as the gateway knows them. Since 1.1.
    pub struct jf_principal: 168 {
        /// Bytes of this structure as its maker knows it.
        0 => size: u32,
        /// None yet.
        4 => flags: u32,
        /// Stands for tenant, issuer and subject in this process; 0: nobody is known.
        8 => id: u64,
        /// tenant, issuer and subject in one text that no others have; empty: nobody.
        16 => key: jf_view,
        /// Who it is, as the provider names it ("sub" of a token); empty: nobody.
        32 => subject: jf_view,
        /// Whom it belongs to; empty: no tenants, or none of them.
        48 => tenant: jf_view,
        /// Who vouches for it: an issuer's URL; empty: the gateway's own configuration.
        64 => issuer: jf_view,
        /// The provider's name in the configuration.
        80 => provider: jf_view,
        /// Names what it showed, without being it: a key's id, a token's "jti"; may be empty.
        96 => credential: jf_view,
        /// What else is known: a JSON object (a token's claims), `{}` at least.
        112 => attributes: jf_view,
        /// Roles.
        128 => roles: *const jf_view,
        /// Role count.
        136 => role_count: u64,
        /// What was granted to the credentials (RFC 6749 section 3.3).
        144 => scopes: *const jf_view,
        /// Scope count.
        152 => scope_count: u64,
        /// When the credentials end, milliseconds of Unix time; 0: not known to end.
        160 => expires_ms: u64,
    }
}
