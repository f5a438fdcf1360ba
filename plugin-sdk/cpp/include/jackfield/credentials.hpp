// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the facet jf.credentials/1: what servers are shown to let the gateway in.
#ifndef JACKFIELD_CREDENTIALS_HPP
#define JACKFIELD_CREDENTIALS_HPP

#include <jackfield/credentials.h>
#include <jackfield/guard.hpp>

namespace jackfield {

/** What a request to a server needs: the question that a source answers with a Supply, with Answer::absent()
 * where nothing is needed, with Error::denied where this principal gets none (the call is refused), with any
 * other Error where they cannot be had now. Borrowed. */
class Demand : public Question {
  public:
    Demand(const jf_demand *demand, Ref op, std::shared_ptr<detail::OpTable> ops) noexcept
        : Question(op, std::move(ops)), raw(detail::sized(demand)) {}

    /** For whom; the gateway itself where nobody is known. */
    Principal principal() const noexcept { return Principal(raw.principal); }
    /** The URL that the request goes to. */
    std::string_view endpoint() const noexcept { return text(raw.endpoint); }
    /** "tools/call" */
    std::string_view method() const noexcept { return text(raw.method); }
    /** Tool, prompt or URI as the server spells it; may be absent. */
    std::string_view name() const noexcept { return text(raw.name); }
    /** What the principal itself showed, to be exchanged and never for the server. data() is nullptr unless
     * manifest.credentials.exchange is true. */
    std::string_view presented() const noexcept { return text(raw.presented); }
    /** After a refusal: the server's WWW-Authenticate. */
    std::string_view challenge() const noexcept { return text(raw.challenge); }
    /** The status with which the server refused what it was shown; 0: this is the first try. */
    int32_t refused() const noexcept { return raw.refused; }
    /** How often it did for this very request. */
    uint32_t attempt() const noexcept { return raw.attempt; }
    /** The client can be sent to a URL. */
    bool may_connect() const noexcept { return (raw.flags & JF_DEMAND_URL) != 0; }
    /** Milliseconds of Unix time. */
    uint64_t now_ms() const noexcept { return raw.now_ms; }

    const jf_demand raw;
};

/** What a source answers: header fields for the server, or where the user must agree first. The bytes that
 * the host gets are wiped in the end. */
class Supply {
  public:
    /** One field; further ones with `header`. */
    static Supply of(std::string_view name, std::string_view value) { return Supply().header(name, value); }
    /** The user must agree at this URL first; Connected::connected(id) says when that was done. */
    static Supply connect(std::string_view url, std::string_view message, std::string_view id) {
        Supply supply;
        supply.connect_ = json::object({{"url", url}, {"message", message}, {"id", id}});
        return supply;
    }
    Supply &&header(std::string_view name, std::string_view value) && {
        headers_.emplace_back(name, value);
        return std::move(*this);
    }
    Supply &header(std::string_view name, std::string_view value) & {
        headers_.emplace_back(name, value);
        return *this;
    }
    /** When the fields end, milliseconds of Unix time. */
    Supply &&expires(uint64_t unix_ms) && {
        expires_ms_ = unix_ms;
        return std::move(*this);
    }
    /** For how long the host may use them again for the same principal and endpoint; 0: it asks each time. */
    Supply &&keep(uint64_t milliseconds) && {
        keep_ms_ = milliseconds;
        return std::move(*this);
    }

    std::string encode() const {
        json::Writer writer;
        writer.begin_object();
        if (connect_) {
            writer.member("connect", *connect_);
        } else {
            writer.key("headers").begin_object();
            for (const auto &header : headers_)
                writer.member(header.first, header.second);
            writer.end_object();
        }
        if (expires_ms_) writer.member("expires_ms", *expires_ms_);
        if (keep_ms_) writer.member("keep_ms", *keep_ms_);
        return writer.end_object().take();
    }
    operator Answer() const {
        std::string text = encode();
        Answer answer = Answer::raw(std::vector<char>(text.begin(), text.end()), true);
        wipe(text.data(), text.size());
        return answer;
    }

  private:
    std::vector<std::pair<std::string, std::string>> headers_;
    std::optional<json::Node> connect_;
    std::optional<uint64_t> expires_ms_, keep_ms_;
};

/** jf.connected/1: tells the host what became of a Supply. [any] */
class Connected {
  public:
    explicit Connected(Host &host, Need need = Need::optional)
        : life_(host.life()), table_(host.service<jf_connected_1>(JF_CONNECTED_1, need)) {}

    /** The user did what Supply::connect asked for, or `status` says why it came to nothing. */
    void connected(std::string_view id, int32_t status = JF_OK) const {
        if (table_.connected == nullptr || !life_->enter()) return;
        table_.connected(table_.context, view(id), status);
        life_->leave();
    }
    /** What was supplied before is not good any more: all of it, or that of one Principal::key. */
    void forget(std::string_view key = {}) const {
        if (table_.forget == nullptr || !life_->enter()) return;
        table_.forget(table_.context, view(key));
        life_->leave();
    }

  private:
    std::shared_ptr<detail::Life> life_;
    jf_connected_1 table_;
};

namespace detail {

/** The table of a plugin whose sources are of the class Source. */
template <class P, class Source, class Part> struct CredentialsSlots : GuardSlots<P, Source, Part> {
    using Common = GuardSlots<P, Source, Part>;

    static int32_t supply(jf_self *self, jf_ref op, jf_ref handle, const jf_demand *raw, jf_blob *out,
                          jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            Source *source = Common::find(self, handle, why);
            if (source == nullptr) return JF_E_STALE;
            std::shared_ptr<OpTable> &ops = instance<P>(self).host.operations;
            Demand question(raw, op, ops);
            return answer(question, op, ops.get(), out, why,
                          [&]() -> Answer { return source->supply(question); });
        });
    }

    static constexpr jf_credentials_1 table() noexcept {
        jf_credentials_1 it{};
        it.size = sizeof it;
        it.attach = Common::attach;
        it.detach = Common::detach;
        it.supply = supply;
        it.cancel = cancel_question<P>;
        return it;
    }
};

} // namespace detail
} // namespace jackfield

#endif
