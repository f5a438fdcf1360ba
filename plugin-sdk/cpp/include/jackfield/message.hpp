// SPDX-License-Identifier: Apache-2.0
// C++ SDK: Message, one JSON-RPC message on its way, as listeners and connectors carry it.
#ifndef JACKFIELD_MESSAGE_HPP
#define JACKFIELD_MESSAGE_HPP

#include <jackfield/host.hpp>
#include <jackfield/message.h>

namespace jackfield {

/** A piece of a message's body that the host keeps in place until this is destroyed. [lane] */
class Retained {
  public:
    Retained() noexcept = default;
    Retained(void *owner, void (*release)(void *)) noexcept : owner_(owner), release_(release) {}
    Retained(Retained &&other) noexcept
        : owner_(other.owner_), release_(std::exchange(other.release_, nullptr)) {}
    Retained &operator=(Retained &&other) noexcept {
        if (this != &other) {
            reset();
            owner_ = other.owner_;
            release_ = std::exchange(other.release_, nullptr);
        }
        return *this;
    }
    ~Retained() { reset(); }
    /** False: the host did not retain it, copy the bytes. */
    explicit operator bool() const noexcept { return release_ != nullptr; }
    void reset() noexcept {
        if (auto release = std::exchange(release_, nullptr)) release(owner_);
    }

  private:
    void *owner_ = nullptr;
    void (*release_)(void *) = nullptr;
};

/** A message that the host hands over, borrowed until the method returns. `raw` has every member of
 * jf_message. */
class Message {
  public:
    explicit Message(const jf_message *message) noexcept : raw(detail::sized(message)) {}

    bool final() const noexcept { return (raw.flags & JF_MSG_FINAL) != 0; }
    Ref exchange() const noexcept { return raw.exchange; }
    uint32_t kind() const noexcept { return raw.kind; }
    int32_t status() const noexcept { return raw.status; }

    /** The body's segments: joined, they are one JSON text. */
    uint32_t segments() const noexcept { return raw.body != nullptr ? raw.body_count : 0; }
    std::string_view segment(uint32_t index) const noexcept { return text(raw.body[index]); }
    bool has_body() const noexcept { return segments() > 0; }
    /** The whole body, copied. */
    std::string body() const {
        std::string all;
        for (uint32_t i = 0; i < segments(); i++)
            all.append(segment(i));
        return all;
    }
    /** Keeps a segment where it is, where the host offers that. One Retained for each segment kept. */
    Retained retain(uint32_t index) const {
        bool may = index < 64 && (raw.retainable >> index & 1) != 0 && raw.retain != nullptr &&
                   raw.release != nullptr;
        return may && raw.retain(raw.owner) == JF_OK ? Retained(raw.owner, raw.release) : Retained();
    }

    const jf_message raw;
};

/** A message to hand to the host. What the views point to must live until the call returns. */
class Outgoing {
  public:
    explicit Outgoing(Ref exchange = 0, std::string_view body = {}, uint32_t flags = JF_MSG_FINAL) noexcept {
        raw.size = sizeof raw;
        raw.exchange = exchange;
        raw.flags = flags;
        body_ = view(body);
    }
    /** Further members: target, session, headers, ... */
    jf_message raw{};

    /** For the SDK. */
    const jf_message *pointer() noexcept {
        raw.body = body_.ptr != nullptr ? &body_ : nullptr;
        raw.body_count = body_.ptr != nullptr ? 1 : 0;
        return &raw;
    }

  private:
    jf_view body_{};
};

} // namespace jackfield

#endif
