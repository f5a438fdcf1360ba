// SPDX-License-Identifier: Apache-2.0
// C++ SDK: Principal, on whose behalf something happens, as policies, filters and credential sources see it.
#ifndef JACKFIELD_PRINCIPAL_HPP
#define JACKFIELD_PRINCIPAL_HPP

#include <jackfield/json.hpp>
#include <jackfield/principal.h>

namespace jackfield {

/** Some texts of the ABI. Borrowed. */
class Names {
  public:
    Names() noexcept = default;
    Names(const jf_view *first, uint64_t count) noexcept
        : first_(first), count_(first != nullptr ? count : 0) {}
    uint64_t size() const noexcept { return count_; }
    std::string_view operator[](uint64_t index) const noexcept { return text(first_[index]); }
    /** Whether one of them says this. */
    bool has(std::string_view name) const noexcept {
        for (uint64_t i = 0; i < count_; i++)
            if (text(first_[i]) == name) return true;
        return false;
    }

  private:
    const jf_view *first_ = nullptr;
    uint64_t count_ = 0;
};

/** Who asks. Borrowed until the method returns; equal principals have equal `id`s for as long as the gateway
 * knows them. `raw` has every member of jf_principal. */
class Principal {
  public:
    explicit Principal(const jf_principal *principal) noexcept : raw(detail::sized(principal)) {}

    /** Whether anybody is known. */
    bool known() const noexcept { return raw.id != 0; }
    /** Stands for tenant, issuer and subject in this process; 0: nobody is known. */
    uint64_t id() const noexcept { return raw.id; }
    /** Tenant, issuer and subject in one text that no others have; empty: nobody. */
    std::string_view key() const noexcept { return text(raw.key); }
    /** Who it is, as the provider names it; empty: nobody. */
    std::string_view subject() const noexcept { return text(raw.subject); }
    /** Whom it belongs to; empty: no tenants, or none of them. */
    std::string_view tenant() const noexcept { return text(raw.tenant); }
    /** Who vouches for it; empty: the gateway's own configuration. */
    std::string_view issuer() const noexcept { return text(raw.issuer); }
    /** The provider's name in the configuration. */
    std::string_view provider() const noexcept { return text(raw.provider); }
    /** Names what it showed, without being it; may be empty. */
    std::string_view credential() const noexcept { return text(raw.credential); }
    /** What else is known: an object. */
    json::Value attributes() const noexcept { return json::Value::trusted(text(raw.attributes)); }
    Names roles() const noexcept { return {raw.roles, raw.role_count}; }
    /** What was granted to its credentials. */
    Names scopes() const noexcept { return {raw.scopes, raw.scope_count}; }
    bool has_role(std::string_view role) const noexcept { return roles().has(role); }
    bool has_scope(std::string_view scope) const noexcept { return scopes().has(scope); }
    /** When its credentials end, milliseconds of Unix time; 0: not known to end. */
    uint64_t expires_ms() const noexcept { return raw.expires_ms; }

    const jf_principal raw;
};

} // namespace jackfield

#endif
