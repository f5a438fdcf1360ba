// SPDX-License-Identifier: Apache-2.0
// C++ SDK: what every header builds on: text, Error, Blob, and the border that nothing unwinds across.
#ifndef JACKFIELD_CORE_HPP
#define JACKFIELD_CORE_HPP

#include <jackfield/base.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/** 1 where the compiler has exceptions switched on. Everything works with 0 too: return an Error instead of
 * throwing it, and use the accessors that give one back. Running out of memory ends the process then. */
#if defined(__cpp_exceptions)
#define JACKFIELD_EXCEPTIONS 1
#else
#define JACKFIELD_EXCEPTIONS 0
#endif

namespace jackfield {

/** A handle of the ABI; 0 is never valid. */
using Ref = jf_ref;

/** Borrowed text as the ABI passes it. A default-constructed string_view is an absent one. */
inline jf_view view(std::string_view text) noexcept {
    return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

/** The same the other way round; data() is nullptr where the view is absent. Valid until the slot returns. */
inline std::string_view text(const jf_view &view) noexcept {
    return view.ptr == nullptr ? std::string_view()
                               : std::string_view(reinterpret_cast<const char *>(view.ptr), view.len);
}

/** An error, to be returned or thrown: a status of the ABI and one sentence that says what happened, where,
 * and what to do. A default-constructed one is success. */
class Error : public std::exception {
  public:
    Error() noexcept = default;
    Error(int32_t code, std::string text, uint32_t flags = 0, uint32_t retry_ms = 0)
        : code_(code), flags_(flags), retry_ms_(retry_ms), text_(std::move(text)) {}

    /** Bad input. The client reads the text. */
    static Error invalid(std::string text) { return {JF_E_INVALID, std::move(text), JF_FAULT_PUBLIC}; }
    static Error unsupported(std::string text) { return {JF_E_UNSUPPORTED, std::move(text)}; }
    static Error stale(std::string text) { return {JF_E_STALE, std::move(text)}; }
    /** A limit was reached; `retry_ms` says when to try again, 0: unknown. */
    static Error busy(std::string text, uint32_t retry_ms = 0) {
        return {JF_E_BUSY, std::move(text), 0, retry_ms};
    }
    static Error denied(std::string text) { return {JF_E_DENIED, std::move(text)}; }
    static Error timeout(std::string text) { return {JF_E_TIMEOUT, std::move(text)}; }
    static Error gone(std::string text) { return {JF_E_GONE, std::move(text)}; }
    /** A defect or an unexpected failure. The text goes to the log only. */
    static Error fault(std::string text) { return {JF_E_FAULT, std::move(text)}; }
    /** What a service answered. JF_OK and above are no error. */
    static Error from(int32_t status, const jf_fault &why, const char *otherwise) {
        if (status >= 0) return {};
        uint32_t length = std::min<uint32_t>(why.text_len, sizeof why.text);
        return {status, length > 0 ? std::string(why.text, length) : std::string(otherwise), why.flags,
                why.retry_ms};
    }

    /** The same with a text that the MCP client may read. */
    Error shown() && {
        flags_ |= JF_FAULT_PUBLIC;
        return std::move(*this);
    }
    /** The same with the assurance that the work was not started, so that a retry is safe. */
    Error not_started() && {
        flags_ |= JF_FAULT_NOT_STARTED;
        return std::move(*this);
    }

    /** True for a failure: `if (Error bad = read(x)) return bad;` */
    explicit operator bool() const noexcept { return code_ < 0; }
    int32_t code() const noexcept { return code_; }
    uint32_t flags() const noexcept { return flags_; }
    uint32_t retry_ms() const noexcept { return retry_ms_; }
    const std::string &text() const noexcept { return text_; }
    const char *what() const noexcept override { return text_.c_str(); }

  private:
    int32_t code_ = JF_OK;
    uint32_t flags_ = 0;
    uint32_t retry_ms_ = 0;
    std::string text_;
};

/** Whether a plugin can do without a service. Its manifest lists it under `requires` or `optional`
 * accordingly. */
enum class Need { required, optional };

/** Overwrites a secret, which the compiler may not leave out. */
inline void wipe(char *bytes, size_t size) noexcept {
    volatile char *at = bytes;
    for (size_t i = 0; i < size; i++)
        at[i] = 0;
}

/** Owned bytes: drops them once, on whatever thread the last owner is. */
class Blob {
  public:
    Blob() noexcept = default;
    /** Takes over what a service or slot gave. */
    explicit Blob(const jf_blob &raw) noexcept : raw_(raw) {}
    /** Takes over a text. */
    explicit Blob(std::string text) {
        auto *owner = new std::string(std::move(text));
        raw_ = {reinterpret_cast<const uint8_t *>(owner->data()), owner->size(), owner,
                [](void *it) { delete static_cast<std::string *>(it); }};
    }
    /** Takes over bytes, aligned as any structure. `secret`: they are wiped in the end. */
    explicit Blob(std::vector<char> bytes, bool secret = false) {
        auto *owner = new std::vector<char>(std::move(bytes));
        raw_ = {reinterpret_cast<const uint8_t *>(owner->data()), owner->size(), owner,
                secret ? drop_secret : drop_bytes};
    }
    /** Bytes that live as long as the library: literals. */
    static Blob constant(std::string_view literal) noexcept {
        jf_view bytes = jackfield::view(literal);
        return Blob(jf_blob{bytes.ptr, bytes.len, nullptr, nullptr});
    }
    Blob(Blob &&other) noexcept : raw_(other.release()) {}
    Blob &operator=(Blob &&other) noexcept {
        if (this != &other) {
            reset();
            raw_ = other.release();
        }
        return *this;
    }
    ~Blob() { reset(); }

    std::string_view text() const noexcept { return jackfield::text({raw_.ptr, raw_.len}); }
    bool present() const noexcept { return raw_.ptr != nullptr; }
    /** Hands the bytes over to the ABI; this one is empty afterwards. */
    jf_blob release() noexcept { return std::exchange(raw_, jf_blob{}); }
    void reset() noexcept {
        jf_blob old = release();
        if (old.drop != nullptr) old.drop(old.owner);
    }

  private:
    static void drop_bytes(void *owner) { delete static_cast<std::vector<char> *>(owner); }
    static void drop_secret(void *owner) {
        auto *bytes = static_cast<std::vector<char> *>(owner);
        wipe(bytes->data(), bytes->size());
        delete bytes;
    }
    jf_blob raw_{};
};

namespace detail {

/** A growable struct of the other side: as much of it as both know, zero beyond. `from` may be NULL. */
template <class T> T sized(const T *from) noexcept {
    static_assert(std::is_trivially_copyable_v<T>, "only structs of the ABI");
    T own{};
    if (from != nullptr) {
        uint32_t declared;
        std::memcpy(&declared, from, sizeof declared);
        std::memcpy(&own, from, std::min<size_t>(declared, sizeof own));
    }
    return own;
}

/** Writes an error into the caller's fault (which may be NULL, or shorter than ours), cut between characters.
 */
inline int32_t explain(jf_fault *why, int32_t code, std::string_view text, uint32_t flags = 0,
                       uint32_t retry_ms = 0) noexcept {
    constexpr size_t head = offsetof(jf_fault, text);
    if (why == nullptr || why->size < head) return code;
    size_t room = std::min<size_t>(why->size - head, sizeof why->text), length = std::min(text.size(), room);
    while (length > 0 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80)
        length--;
    why->code = code;
    why->flags = flags;
    why->retry_ms = retry_ms;
    why->text_len = static_cast<uint32_t>(length);
    if (length > 0) std::memcpy(why->text, text.data(), length);
    return code;
}

inline int32_t explain(jf_fault *why, const Error &error) noexcept {
    return error ? explain(why, error.code(), error.text(), error.flags(), error.retry_ms()) : JF_OK;
}

inline jf_fault fault_of(const Error &error) noexcept {
    jf_fault why{};
    why.size = sizeof why;
    explain(&why, error);
    return why;
}

/** The border: runs `body`, which answers with a status, and turns whatever it throws into a status and a
 * sentence. */
template <class Body> int32_t guard(jf_fault *why, Body &&body) noexcept {
#if JACKFIELD_EXCEPTIONS
    try {
        return body();
    } catch (const Error &error) {
        return error ? explain(why, error) : explain(why, JF_E_FAULT, "the plugin threw a success");
    } catch (const std::bad_alloc &) {
        return explain(why, JF_E_BUSY, "the plugin ran out of memory");
    } catch (const std::exception &error) {
        return explain(why, JF_E_FAULT, error.what());
    } catch (...) {
        return explain(why, JF_E_FAULT, "the plugin threw something that is no std::exception");
    }
#else
    (void)why;
    return body();
#endif
}

/** For slots without an answer. */
template <class Body> void guard_quietly(Body &&body) noexcept {
    guard(nullptr, [&]() -> int32_t {
        body();
        return JF_OK;
    });
}

/** Calls something that answers with an Error, or with nothing when it cannot fail. */
template <class Body> int32_t status_of(jf_fault *why, Body &&body) {
    if constexpr (std::is_void_v<decltype(body())>) {
        body();
        return JF_OK;
    } else {
        return explain(why, body());
    }
}

} // namespace detail
} // namespace jackfield

#endif
