// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the facet jf.auth/1: turns what a request brought with it into an identity.
#ifndef JACKFIELD_AUTH_HPP
#define JACKFIELD_AUTH_HPP

#include <jackfield/auth.h>
#include <jackfield/guard.hpp>

namespace jackfield {

/** Whether two secrets are the same, in a time that depends on their lengths only. */
inline bool same_secret(std::string_view one, std::string_view other) noexcept {
    volatile unsigned char differs = one.size() != other.size();
    for (size_t i = 0; i < one.size(); i++)
        differs = static_cast<unsigned char>(
            differs | (other.empty() ? 0xff : static_cast<unsigned char>(one[i] ^ other[i % other.size()])));
    return differs == 0;
}

/** What a request brought with it: the question that a provider answers with an Identity, with
 * Answer::absent() where there is nothing of its kind (the next provider is asked), with Error::denied where
 * it is not good (401; `.shown()`: the client reads why), with any other Error where it cannot be known now
 * (503). Borrowed. */
class Credentials : public Question {
  public:
    Credentials(const jf_credentials *credentials, Ref op, std::shared_ptr<detail::OpTable> ops) noexcept
        : Question(op, std::move(ops)), raw(detail::sized(credentials)) {}

    /** The client is on this machine. */
    bool local() const noexcept { return (raw.flags & JF_CREDENTIALS_LOCAL) != 0; }
    /** The client is the one for which the gateway was started (stdio). */
    bool sole() const noexcept { return (raw.flags & JF_CREDENTIALS_SOLE) != 0; }
    /** The endpoint asked for. */
    std::string_view target() const noexcept { return text(raw.target); }
    /** Its canonical URI, for which a token must have been made (RFC 8707). */
    std::string_view resource() const noexcept { return text(raw.resource); }
    /** The client's address. */
    std::string_view address() const noexcept { return text(raw.address); }
    /** Its verified certificate (X.509, DER); data() is nullptr: none. */
    std::string_view certificate() const noexcept { return text(raw.certificate); }
    /** The header fields that manifest.auth.fields names, names in lower case. */
    Pairs fields() const noexcept { return {raw.fields, raw.field_count}; }
    /** Milliseconds of Unix time. */
    uint64_t now_ms() const noexcept { return raw.now_ms; }

    /** What stands behind "Bearer " in the field authorization (RFC 6750 section 2.1); data() is nullptr
     * where nothing of that kind is there. An Error, which the client reads, where it is empty or there
     * twice. */
    Error bearer(std::string_view &token) const {
        static constexpr std::string_view scheme = "bearer ";
        token = {};
        std::string_view value;
        uint64_t count = 0;
        for (uint64_t i = 0; i < fields().size(); i++)
            if (fields()[i].first == "authorization") count++, value = fields()[i].second;
        if (count > 1) return Error::denied("there are two fields authorization").shown();
        if (value.size() < scheme.size()) return {};
        for (size_t i = 0; i < scheme.size(); i++)
            if ((value[i] | 0x20) != scheme[i]) return {};
        value.remove_prefix(scheme.size());
        while (!value.empty() && value.front() == ' ')
            value.remove_prefix(1);
        while (!value.empty() && (value.back() == ' ' || value.back() == '\t'))
            value.remove_suffix(1);
        if (value.empty()) return Error::denied("the bearer token is empty").shown();
        token = value;
        return {};
    }
#if JACKFIELD_EXCEPTIONS
    /** The same, throwing. */
    std::string_view bearer() const {
        std::string_view token;
        if (Error error = bearer(token)) throw error;
        return token;
    }
#endif

    const jf_credentials raw;
};

/** Who somebody is, as a provider says it. All but the subject may be left out. */
struct Identity {
    explicit Identity(std::string who) : subject(std::move(who)) {}

    std::string subject;
    /** Whom it belongs to; empty: no tenants. */
    std::string tenant;
    /** Who vouches for it; empty: the gateway's own configuration. */
    std::string issuer;
    /** What policies may take it for, and what was granted to its credentials. */
    std::vector<std::string> roles, scopes;
    /** What else is known: an object; absent by default. */
    std::optional<json::Node> attributes;
    /** Names what it showed, without being it: a key's id. */
    std::string credential;
    /** When the credentials end, milliseconds of Unix time; 0: not known to end. */
    uint64_t expires_ms = 0;
    /** For how long the host may answer the same credentials itself; nothing: the usual; 0: not at all. */
    std::optional<uint64_t> keep_ms;

    std::string encode() const {
        json::Writer writer;
        writer.begin_object().member("subject", subject);
        if (!tenant.empty()) writer.member("tenant", tenant);
        if (!issuer.empty()) writer.member("issuer", issuer);
        if (!roles.empty()) writer.member("roles", json::list(roles));
        if (!scopes.empty()) writer.member("scopes", json::list(scopes));
        if (attributes) writer.member("attributes", *attributes);
        if (!credential.empty()) writer.member("credential", credential);
        if (expires_ms != 0) writer.member("expires_ms", expires_ms);
        if (keep_ms) writer.member("keep_ms", *keep_ms);
        return writer.end_object().take();
    }
    operator Answer() const { return Answer::raw(encode()); }
};

/** jf.identity/1: tells the host that what was accepted before may not hold any more. [any] */
class Identities {
  public:
    explicit Identities(Host &host, Need need = Need::optional)
        : life_(host.life()), table_(host.service<jf_identity_1>(JF_IDENTITY_1, need)) {}

    /** All of this plugin's principals are asked for anew, or, with a `credential`, those that showed it. */
    void forget(std::string_view credential = {}) const {
        if (table_.forget == nullptr || !life_->enter()) return;
        table_.forget(table_.context, view(credential));
        life_->leave();
    }

  private:
    std::shared_ptr<detail::Life> life_;
    jf_identity_1 table_;
};

namespace detail {

JACKFIELD_CAN(describe, json::Node(std::declval<T &>().describe()));

/** The table of a plugin whose providers are of the class Provider. */
template <class P, class Provider, class Part> struct AuthSlots : GuardSlots<P, Provider, Part> {
    using Common = GuardSlots<P, Provider, Part>;

    static int32_t identify(jf_self *self, jf_ref op, jf_ref handle, const jf_credentials *raw,
                            jf_blob *principal, jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            Provider *provider = Common::find(self, handle, why);
            if (provider == nullptr) return JF_E_STALE;
            std::shared_ptr<OpTable> &ops = instance<P>(self).host.operations;
            Credentials question(raw, op, ops);
            return answer(question, op, ops.get(), principal, why,
                          [&]() -> Answer { return provider->identify(question); });
        });
    }
    static int32_t describe(jf_self *self, jf_ref handle, jf_blob *description, jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            auto *provider = Common::find(self, handle, why);
            if (provider == nullptr) return JF_E_STALE;
            if constexpr (can_describe<Provider>) {
                json::Node node = provider->describe();
                if (node.text() == "null") return JF_ABSENT;
                *description = Blob(std::move(node).text()).release();
            }
            return JF_OK;
        });
    }

    static constexpr jf_auth_1 table() noexcept {
        jf_auth_1 it{};
        it.size = sizeof it;
        it.attach = Common::attach;
        it.detach = Common::detach;
        it.identify = identify;
        if constexpr (can_describe<Provider>) it.describe = describe;
        it.cancel = cancel_question<P>;
        return it;
    }
};

} // namespace detail
} // namespace jackfield

#endif
