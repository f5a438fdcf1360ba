// SPDX-License-Identifier: Apache-2.0
// C++ SDK: Pairs, names and values: labels, header fields.
#ifndef JACKFIELD_PAIRS_HPP
#define JACKFIELD_PAIRS_HPP

#include <jackfield/core.hpp>

namespace jackfield {

/** Names and values of the ABI. Borrowed. */
class Pairs {
  public:
    Pairs() noexcept = default;
    Pairs(const jf_pair *first, uint64_t count) noexcept
        : first_(first), count_(first != nullptr ? count : 0) {}
    uint64_t size() const noexcept { return count_; }
    std::pair<std::string_view, std::string_view> operator[](uint64_t index) const noexcept {
        return {text(first_[index].name), text(first_[index].value)};
    }
    /** The first value of that name; data() is nullptr when there is none. */
    std::string_view find(std::string_view name) const noexcept {
        for (uint64_t i = 0; i < count_; i++)
            if (text(first_[i].name) == name) return text(first_[i].value);
        return {};
    }

  private:
    const jf_pair *first_ = nullptr;
    uint64_t count_ = 0;
};

} // namespace jackfield

#endif
