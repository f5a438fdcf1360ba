// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the facet jf.store/1: where state lives that outlasts a call, a loop or a gateway. See
// jackfield/store.h for what each operation promises. Bounds are checked before a method is called.
#ifndef JACKFIELD_STORE_HPP
#define JACKFIELD_STORE_HPP

#include <jackfield/question.hpp>
#include <jackfield/slots.hpp>
#include <jackfield/store.h>

namespace jackfield {

/** The entry of a key is asked for: StoreEntries with one entry, or Answer::absent(). Borrowed, as are the
 * texts of all that follow, which are any bytes. */
struct StoreGet : Question {
    using Question::Question;
    std::string_view key;
};
/** A value is to be kept: its new entry without value, or `stale()` where the condition does not hold. */
struct StorePut : Question {
    using Question::Question;
    std::string_view key, value;
    /** Only where the key is absent. */
    bool create = false;
    /** Only where the key has this revision; 0: any. */
    uint64_t match = 0;
    /** It is gone after so long; 0: it stays. */
    uint64_t ttl_ms = 0;
    static Error stale() { return Error::stale("the condition does not hold").not_started(); }
};
/** A key is to be forgotten: Answer::done(), Answer::absent(), or `stale()`. */
struct StoreRemove : Question {
    using Question::Question;
    std::string_view key;
    /** 0: whatever it has. */
    uint64_t revision = 0;
    static Error stale() { return Error::stale("the key has another revision").not_started(); }
};
/** Entries are asked for in the order of their keys' bytes; Answer::absent(): none are left. */
struct StoreList : Question {
    using Question::Question;
    /** Keys that begin with it; empty: all. */
    std::string_view prefix;
    /** Only keys behind this one; empty: from the first. */
    std::string_view after;
    uint64_t most = 0;
    /** Values are left out. */
    bool keys_only = false;
};
/** A counter changes: StoreEntries::counter, or Answer::absent() where there is none and `delta` is 0. */
struct StoreAdd : Question {
    using Question::Question;
    std::string_view key;
    int64_t delta = 0;
    /** How long the counter lives from its first change on; 0: for ever. */
    uint64_t ttl_ms = 0;
};
/** All of the limits are to be taken from, or none: StoreVerdicts, one for each. */
struct StoreTake : Question {
    using Question::Question;
    const jf_store_limit *limits = nullptr;
    uint64_t count = 0;
    const jf_store_limit *begin() const noexcept { return limits; }
    const jf_store_limit *end() const noexcept { return limits + count; }
};

/** Entries as an answer, in order. */
class StoreEntries {
  public:
    StoreEntries() = default;
    /** One entry; `expires_ms` is Unix time, 0: never. */
    StoreEntries(std::string_view key, std::string_view value, uint64_t revision, uint64_t expires_ms = 0) {
        add(key, value, revision, expires_ms);
    }
    /** A counter's entry. */
    static StoreEntries counter(std::string_view key, int64_t sum, uint64_t revision,
                                uint64_t expires_ms = 0) {
        return {key, std::string_view(reinterpret_cast<const char *>(&sum), sizeof sum), revision,
                expires_ms};
    }
    /** Another one. False: it does not fit into one answer, and was not added. */
    bool add(std::string_view key, std::string_view value, uint64_t revision, uint64_t expires_ms = 0) {
        const jf_store_entry head{revision, expires_ms, static_cast<uint32_t>(key.size()),
                                  static_cast<uint32_t>(value.size())};
        size_t size = (sizeof head + key.size() + value.size() + 7) / 8 * 8, at = bytes_.size();
        if (at > 0 && at + size > JF_STORE_LIST_BYTES) return false;
        bytes_.resize(at + size);
        std::memcpy(&bytes_[at], &head, sizeof head);
        if (!key.empty()) std::memcpy(&bytes_[at + sizeof head], key.data(), key.size());
        if (!value.empty()) std::memcpy(&bytes_[at + sizeof head + key.size()], value.data(), value.size());
        return true;
    }
    bool empty() const noexcept { return bytes_.empty(); }
    /** Without entries: absent. */
    operator Answer() const & { return empty() ? Answer::absent() : Answer::raw(bytes_); }
    operator Answer() && { return empty() ? Answer::absent() : Answer::raw(std::move(bytes_)); }

  private:
    std::vector<char> bytes_;
};

/** What limits say, as an answer, in their order. */
class StoreVerdicts {
  public:
    /** `retry_ms` where it does not fit; UINT32_MAX: never. `left` is in thousandths. */
    StoreVerdicts &add(bool fits, uint32_t retry_ms, uint64_t left) {
        const jf_store_verdict one{fits ? 1u : 0u, fits ? 0 : retry_ms, left};
        const char *first = reinterpret_cast<const char *>(&one);
        bytes_.insert(bytes_.end(), first, first + sizeof one);
        return *this;
    }
    operator Answer() const { return Answer::raw(bytes_); }

  private:
    std::vector<char> bytes_;
};

/** jf.watches/1: tells the host of changes that it watches. [any] */
class Watches {
  public:
    explicit Watches(Host &host, Need need = Need::optional)
        : life_(host.life()), table_(host.service<jf_watches_1>(JF_WATCHES_1, need)) {}

    /** A key changed, or is gone (`revision` 0). An absent key: whatever the watch covers may have changed.
     */
    void changed(Ref watch, std::string_view key = {}, uint64_t revision = 0) const {
        if (table_.changed == nullptr || !life_->enter()) return;
        table_.changed(table_.context, watch, view(key), revision);
        life_->leave();
    }

  private:
    std::shared_ptr<detail::Life> life_;
    jf_watches_1 table_;
};

namespace detail {

JACKFIELD_CAN(watch, std::declval<T &>().watch(Ref(), std::string_view()));
JACKFIELD_CAN(unwatch, std::declval<T &>().unwatch(Ref()));

/** The table of a plugin whose store is of the class Keeper; `Part::keeper(instance)` is it. */
template <class P, class Keeper, class Part> struct StoreSlots {
    static_assert(can_watch<Keeper> == can_unwatch<Keeper>, "watch and unwatch: both or neither");

    static bool is_key(jf_view key) noexcept {
        return key.ptr != nullptr && key.len >= 1 && key.len <= JF_STORE_KEY_MOST;
    }
    static int32_t out_of_bounds(jf_fault *why) noexcept {
        return explain(why, JF_E_INVALID, "a key, value or number is outside its bounds",
                       JF_FAULT_NOT_STARTED);
    }
    /** Asks: `fill` completes the question, `method` answers it. */
    template <class Asked, class Fill, class Method>
    static int32_t ask(jf_self *self, jf_ref op, jf_blob *result, jf_fault *why, Fill fill,
                       Method method) noexcept {
        return guard(why, [&]() -> int32_t {
            Instance<P> &it = instance<P>(self);
            Asked question(op, it.host.operations);
            fill(question);
            return answer(question, op, it.host.operations.get(), result, why,
                          [&]() -> Answer { return method(Part::keeper(it), question); });
        });
    }

    static int32_t get(jf_self *self, jf_ref op, jf_view key, jf_blob *entry, jf_fault *why) noexcept {
        if (!is_key(key)) return out_of_bounds(why);
        return ask<StoreGet>(
            self, op, entry, why, [&](StoreGet &it) { it.key = text(key); },
            [](Keeper &keeper, const StoreGet &it) -> Answer { return keeper.get(it); });
    }
    static int32_t put(jf_self *self, jf_ref op, const jf_store_put *raw, jf_blob *entry,
                       jf_fault *why) noexcept {
        const jf_store_put known = sized(raw);
        uint32_t flags = known.flags;
        bool is_right =
            flags == 0 || flags == JF_STORE_CREATE || (flags == JF_STORE_MATCH && known.revision != 0);
        if (!is_right || !is_key(known.key) || known.value.ptr == nullptr ||
            known.value.len > JF_STORE_VALUE_MOST || known.ttl_ms > JF_STORE_TTL_MOST)
            return out_of_bounds(why);
        return ask<StorePut>(
            self, op, entry, why,
            [&](StorePut &it) {
                it.key = text(known.key);
                it.value = text(known.value);
                it.create = flags == JF_STORE_CREATE;
                it.match = flags == JF_STORE_MATCH ? known.revision : 0;
                it.ttl_ms = known.ttl_ms;
            },
            [](Keeper &keeper, const StorePut &it) -> Answer { return keeper.put(it); });
    }
    static int32_t remove(jf_self *self, jf_ref op, jf_view key, uint64_t revision, jf_blob *entry,
                          jf_fault *why) noexcept {
        if (!is_key(key)) return out_of_bounds(why);
        return ask<StoreRemove>(
            self, op, entry, why,
            [&](StoreRemove &it) {
                it.key = text(key);
                it.revision = revision;
            },
            [](Keeper &keeper, const StoreRemove &it) -> Answer { return keeper.remove(it); });
    }
    static int32_t list(jf_self *self, jf_ref op, const jf_store_list *raw, jf_blob *entries,
                        jf_fault *why) noexcept {
        const jf_store_list known = sized(raw);
        if (known.flags >> 16 != 0 || known.most < 1 || known.most > JF_STORE_LIST_MOST ||
            known.prefix.len > JF_STORE_KEY_MOST || known.after.len > JF_STORE_KEY_MOST)
            return out_of_bounds(why);
        return ask<StoreList>(
            self, op, entries, why,
            [&](StoreList &it) {
                it.prefix = text(known.prefix);
                it.after = text(known.after);
                it.most = known.most;
                it.keys_only = (known.flags & JF_STORE_KEYS) != 0;
            },
            [](Keeper &keeper, const StoreList &it) -> Answer { return keeper.list(it); });
    }
    static int32_t add(jf_self *self, jf_ref op, const jf_store_add *raw, jf_blob *entry,
                       jf_fault *why) noexcept {
        const jf_store_add known = sized(raw);
        if (!is_key(known.key) || known.flags >> 16 != 0 || known.ttl_ms > JF_STORE_TTL_MOST)
            return out_of_bounds(why);
        return ask<StoreAdd>(
            self, op, entry, why,
            [&](StoreAdd &it) {
                it.key = text(known.key);
                it.delta = known.delta;
                it.ttl_ms = known.ttl_ms;
            },
            [](Keeper &keeper, const StoreAdd &it) -> Answer { return keeper.add(it); });
    }
    static bool is_limit(const jf_store_limit &it) noexcept {
        return is_key(it.key) && it.kind <= JF_LIMIT_FIXED && it.period_ms >= 1 &&
               it.period_ms <= JF_STORE_PERIOD_MOST && it.rate <= JF_STORE_AMOUNT_MOST &&
               it.burst <= JF_STORE_AMOUNT_MOST && it.cost <= JF_STORE_AMOUNT_MOST &&
               (it.kind == JF_LIMIT_BUCKET ? it.rate >= 1 : it.burst == 0);
    }
    static int32_t take(jf_self *self, jf_ref op, const jf_store_limit *limits, uint64_t count,
                        jf_blob *verdicts, jf_fault *why) noexcept {
        if (limits == nullptr || count < 1 || count > JF_STORE_TAKE_MOST ||
            !std::all_of(limits, limits + count, is_limit))
            return out_of_bounds(why);
        return ask<StoreTake>(
            self, op, verdicts, why,
            [&](StoreTake &it) {
                it.limits = limits;
                it.count = count;
            },
            [](Keeper &keeper, const StoreTake &it) -> Answer { return keeper.take(it); });
    }
    static int32_t watch(jf_self *self, jf_ref handle, jf_view prefix, jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            auto &keeper = Part::keeper(instance<P>(self));
            return status_of(why, [&] { return keeper.watch(handle, text(prefix)); });
        });
    }
    static void unwatch(jf_self *self, jf_ref handle) noexcept {
        auto &keeper = Part::keeper(instance<P>(self));
        guard_quietly([&] { keeper.unwatch(handle); });
    }
    static void cancel(jf_self *self, jf_ref op) noexcept {
        guard_quietly([&] {
            std::shared_ptr<OpTable> ops = instance<P>(self).host.operations;
            if (ops != nullptr) ops->canceled(op);
        });
    }

    static constexpr jf_store_1 table() noexcept {
        jf_store_1 it{};
        it.size = sizeof it;
        it.get = get;
        it.put = put;
        it.remove = remove;
        it.list = list;
        it.add = add;
        it.take = take;
        if constexpr (can_watch<Keeper>) {
            it.watch = watch;
            it.unwatch = unwatch;
        }
        it.cancel = cancel;
        return it;
    }
};

} // namespace detail
} // namespace jackfield

#endif
