// SPDX-License-Identifier: Apache-2.0
// Where sealed texts are kept: one vault in the process, of which every instance has a share.
#ifndef VAULT_HPP
#define VAULT_HPP

#include <jackfield/core.hpp>

#include <charconv>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <string.h>
#include <sys/random.h>

/** Text that is wiped when it goes. */
class Secret {
  public:
    explicit Secret(std::string_view text) : text_(text) {}
    Secret(const Secret &) = delete;
    Secret &operator=(const Secret &) = delete;
    ~Secret() { explicit_bzero(text_.data(), text_.size()); }
    std::string_view text() const noexcept { return text_; }

    /** Gives it to the host, which drops it. */
    static jf_blob release(std::unique_ptr<Secret> it) {
        jf_view bytes = jackfield::view(it->text());
        return {bytes.ptr, bytes.len, it.release(), [](void *owner) { delete static_cast<Secret *>(owner); }};
    }

  private:
    std::string text_;
};

class Vault {
  public:
    explicit Vault(size_t most) : places_(most) {}

    /** The one of this process; `most` texts are kept, as the first instance says. Global, since a ticket
     * comes back to whichever event loop its client is on. */
    static std::shared_ptr<Vault> shared(size_t most) {
        static std::mutex lock;
        static std::weak_ptr<Vault> known;
        std::lock_guard<std::mutex> hold(lock);
        std::shared_ptr<Vault> vault = known.lock();
        if (vault == nullptr) known = vault = std::make_shared<Vault>(most);
        return vault;
    }

    /** Keeps a text and gives its ticket: 32 hexadecimal digits that nobody can guess, and the place. */
    std::string put(std::string_view plain, std::string_view bound) {
        unsigned char random[16];
        if (getrandom(random, sizeof random, 0) != sizeof random)
            throw jackfield::Error::fault("the system gives no random bytes");
        auto kept = std::make_unique<Secret>(plain), with = std::make_unique<Secret>(bound);
        std::string ticket;
        for (unsigned char byte : random)
            ticket += hex(byte, 2);
        std::lock_guard<std::mutex> hold(lock_);
        ticket += hex(next_, 8);
        places_[next_] = Place{ticket, std::move(kept), std::move(with)};
        next_ = (next_ + 1) % places_.size();
        return ticket;
    }

    /** A copy of the text; null: there is none for this ticket. */
    std::unique_ptr<Secret> get(std::string_view ticket, std::string_view bound) {
        size_t number = 0;
        if (ticket.size() != 40) return nullptr;
        auto [end, error] = std::from_chars(ticket.data() + 32, ticket.data() + 40, number, 16);
        std::lock_guard<std::mutex> hold(lock_);
        if (error != std::errc() || end != ticket.data() + 40 || number >= places_.size()) return nullptr;
        const Place &place = places_[number];
        if (place.plain == nullptr || !equal(place.ticket, ticket) || place.bound->text() != bound)
            return nullptr;
        return std::make_unique<Secret>(place.plain->text());
    }

  private:
    struct Place {
        std::string ticket;
        std::unique_ptr<Secret> plain, bound;
    };

    static std::string hex(size_t number, size_t digits) {
        std::string text(digits, '0');
        for (; digits > 0; number >>= 4)
            text[--digits] = "0123456789abcdef"[number & 15];
        return text;
    }
    /** Takes the same time wherever the difference is. */
    static bool equal(std::string_view left, std::string_view right) {
        unsigned char difference = left.size() != right.size();
        for (size_t i = 0; i < left.size() && i < right.size(); i++)
            difference = static_cast<unsigned char>(difference | (left[i] ^ right[i]));
        return difference == 0;
    }

    std::mutex lock_;
    std::vector<Place> places_;
    size_t next_ = 0;
};

#endif
