// SPDX-License-Identifier: Apache-2.0
// C++ SDK: what the facets share: finding out what a class can do, making one, and handles for them.
#ifndef JACKFIELD_SLOTS_HPP
#define JACKFIELD_SLOTS_HPP

#include <jackfield/host.hpp>
#include <jackfield/json.hpp>

#include <vector>

namespace jackfield {
namespace detail {

/** `JACKFIELD_CAN(name, expression)` defines can_name<T>: whether the expression compiles for `T &it`. */
#define JACKFIELD_CAN(name, ...)                                                                             \
    template <class T, class = void> struct can_##name##_t : std::false_type {};                             \
    template <class T> struct can_##name##_t<T, std::void_t<decltype(__VA_ARGS__)>> : std::true_type {};     \
    template <class T> inline constexpr bool can_##name = can_##name##_t<T>::value

template <class T, class Parent, class Info, class = void> struct has_make : std::false_type {};
template <class T, class Parent, class Info>
struct has_make<T, Parent, Info,
                std::void_t<decltype(T::make(std::declval<Parent &>(), std::declval<const Info &>(),
                                             std::declval<Error &>()))>> : std::true_type {};

/** Makes a T: with its static `make(parent, info, error)` where it has one, which tells of failure without
 * exceptions; else with its constructor. */
template <class T, class Parent, class Info>
std::unique_ptr<T> make_one(Parent &parent, const Info &info, Error &error) {
    if constexpr (has_make<T, Parent, Info>::value) {
        std::unique_ptr<T> made = T::make(parent, info, error);
        if (made == nullptr && !error) error = Error::fault("the plugin made nothing and did not say why");
        if (error) made.reset();
        return made;
    } else {
        return std::make_unique<T>(parent, info);
    }
}

/** Objects by handle: a slot number and a generation, so that a stale handle finds nothing. Looking up may
 * happen on worker threads while the lane adds or removes others. */
template <class T> class SlotMap {
  public:
    Ref add(std::unique_ptr<T> object) {
        Ref handle = reserve();
        fill(handle, std::move(object));
        return handle;
    }
    /** A handle for an object that is still being made; `fill` follows. */
    Ref reserve() {
        std::lock_guard<std::mutex> hold(lock_);
        size_t index = 0;
        while (index < slots_.size() && (slots_[index].object != nullptr || slots_[index].is_reserved))
            index++;
        if (index == slots_.size()) slots_.emplace_back();
        slots_[index].is_reserved = true;
        return static_cast<Ref>(slots_[index].generation) << 32 | (index + 1);
    }
    /** The object of a reserved handle; nullptr: none came of it. */
    void fill(Ref handle, std::unique_ptr<T> object) {
        std::lock_guard<std::mutex> hold(lock_);
        Slot &slot = slots_[static_cast<size_t>((handle & 0xFFFFFFFFu) - 1)];
        slot.is_reserved = false;
        slot.object = std::move(object);
    }
    T *find(Ref handle) {
        std::lock_guard<std::mutex> hold(lock_);
        Slot *slot = slot_of(handle);
        return slot != nullptr ? slot->object.get() : nullptr;
    }
    std::unique_ptr<T> remove(Ref handle) {
        std::lock_guard<std::mutex> hold(lock_);
        Slot *slot = slot_of(handle);
        if (slot == nullptr) return nullptr;
        slot->generation++;
        return std::move(slot->object);
    }

  private:
    struct Slot {
        uint32_t generation = 1;
        bool is_reserved = false;
        std::unique_ptr<T> object;
    };
    Slot *slot_of(Ref handle) {
        uint64_t index = handle & 0xFFFFFFFFu;
        if (index == 0 || index > slots_.size()) return nullptr;
        Slot &slot = slots_[static_cast<size_t>(index - 1)];
        return slot.generation == handle >> 32 && slot.object != nullptr ? &slot : nullptr;
    }
    std::mutex lock_;
    std::vector<Slot> slots_;
};

/** One instance: the host's side, the plugin's object, and what each facet keeps. */
template <class P> struct Instance;

template <class P> Instance<P> &instance(jf_self *self) noexcept {
    return *reinterpret_cast<Instance<P> *>(self);
}

} // namespace detail
} // namespace jackfield

#endif
