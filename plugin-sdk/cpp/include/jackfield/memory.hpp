// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the services jf.memory/1, jf.seal/1, and the secrets of jf.config/1.
#ifndef JACKFIELD_MEMORY_HPP
#define JACKFIELD_MEMORY_HPP

#include <jackfield/config.h>
#include <jackfield/host.hpp>
#include <jackfield/memory.h>
#include <jackfield/seal.h>

#include <optional>

namespace jackfield {

/** A buffer of the loop's pool; given back when destroyed, at the latest before the plugin's object is.
 * [lane] */
class Buffer {
  public:
    Buffer() noexcept = default;
    Buffer(const jf_memory_1 &table, uint64_t size) noexcept
        : context_(table.context), give_back_(table.give_back) {
        if (table.borrow != nullptr && give_back_ != nullptr)
            data_ = table.borrow(context_, size, &capacity_);
    }
    Buffer(Buffer &&other) noexcept { *this = std::move(other); }
    Buffer &operator=(Buffer &&other) noexcept {
        if (this != &other) {
            reset();
            data_ = std::exchange(other.data_, nullptr);
            capacity_ = std::exchange(other.capacity_, 0);
            context_ = other.context_;
            give_back_ = other.give_back_;
        }
        return *this;
    }
    ~Buffer() { reset(); }

    /** nullptr: the instance's limit is reached. Not zeroed; 64 readable bytes follow. */
    uint8_t *data() const noexcept { return data_; }
    uint64_t capacity() const noexcept { return capacity_; }
    explicit operator bool() const noexcept { return data_ != nullptr; }
    void reset() noexcept {
        if (uint8_t *data = std::exchange(data_, nullptr)) give_back_(context_, data);
        capacity_ = 0;
    }

  private:
    uint8_t *data_ = nullptr;
    uint64_t capacity_ = 0;
    void *context_ = nullptr;
    void (*give_back_)(void *, uint8_t *) = nullptr;
};

/** jf.memory/1. */
class Memory {
  public:
    explicit Memory(Host &host, Need need = Need::required)
        : table_(host.service<jf_memory_1>(JF_MEMORY_1, need)) {}

    struct Release {
        void operator()(void *memory) const noexcept { release(context, memory); }
        void *context;
        void (*release)(void *, void *);
    };
    using Block = std::unique_ptr<void, Release>;
    /** Zeroed memory, 16-byte aligned, accounted to the instance; empty when its limit is reached. [any] */
    Block allocate(uint64_t size) const {
        void *memory = table_.allocate != nullptr && table_.release != nullptr
                           ? table_.allocate(table_.context, size)
                           : nullptr;
        return Block(memory, Release{table_.context, table_.release});
    }
    /** Borrows a buffer of at least `size` bytes. [lane] */
    Buffer borrow(uint64_t size) const { return Buffer(table_, size); }

  private:
    jf_memory_1 table_;
};

/** The secrets of jf.config/1. (Its JSON reader is not needed: see json::Value.) [any] */
class Secrets {
  public:
    explicit Secrets(Host &host, Need need = Need::required)
        : table_(host.service<jf_config_1>(JF_CONFIG_1, need)) {}

    /** Resolves what a configuration names "secret:NAME"; nothing when it is unknown. Wiped when destroyed:
     * use it in place, do not copy it. */
    std::optional<Blob> get(std::string_view name) const {
        jf_blob raw{};
        if (table_.secret == nullptr || table_.secret(table_.context, view(name), &raw) != JF_OK)
            return std::nullopt;
        return Blob(raw);
    }

  private:
    jf_config_1 table_;
};

/** jf.seal/1: text that a client keeps for us, which only this installation can read or make. [any] */
class Seal {
  public:
    explicit Seal(Host &host, Need need = Need::required)
        : table_(host.service<jf_seal_1>(JF_SEAL_1, need)) {}

    /** `bound` must be the same again to open it: the principal. `sealed` receives base64url text. */
    Error seal(std::string_view plain, std::string_view bound, std::string &sealed) const {
        Blob blob;
        Error error = run(table_.seal, plain, bound, blob, "the text cannot be sealed");
        if (!error) sealed = std::string(blob.text());
        return error;
    }
    /** An error that clients may read when the text was not sealed here, or for something else. `plain` is
     * wiped when destroyed. */
    Error open(std::string_view sealed, std::string_view bound, Blob &plain) const {
        return run(table_.open, sealed, bound, plain, "the text cannot be opened");
    }
    bool present() const noexcept { return table_.seal != nullptr; }

  private:
    using Slot = int32_t (*)(void *, jf_view, jf_view, jf_blob *, jf_fault *);
    Error run(Slot slot, std::string_view text, std::string_view bound, Blob &out,
              const char *otherwise) const {
        if (slot == nullptr) return Error::unsupported("the host has no jf.seal/1");
        jf_blob raw{};
        jf_fault why{};
        why.size = sizeof why;
        int32_t status = slot(table_.context, view(text), view(bound), &raw, &why);
        if (status == JF_OK) out = Blob(raw);
        return Error::from(status, why, otherwise);
    }
    jf_seal_1 table_;
};

} // namespace jackfield

#endif
