// SPDX-License-Identifier: Apache-2.0
// A store: entries, counters and limits in the memory of one instance. The SDK has checked bounds by the time
// a method is called.
#include <jackfield/plugin.hpp>

#include <map>
#include <tuple>

/* What the gateway knows of the plugin before it loads it. */
JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.1",
  "summary": "A store in one file",
  "facets": ["jf.store/1"],
  "requires": ["jf.clock/1"],
  "threads": "per-loop",
  "store": { "kind": "PLUGIN_NAME" },
  "config": { "type": "object", "additionalProperties": false }
})json");

using namespace jackfield;

class Shelf;

/** One instance: every event loop has its own, so that nothing needs a lock. */
struct ShelfPlugin : Plugin {
    using Store = Shelf;
    using Plugin::Plugin;
    Clock clock{host, Need::required};
};

class Shelf {
  public:
    explicit Shelf(ShelfPlugin &plugin)
        : plugin_(plugin), revision_(now() * 1000) {} /* greater than those of an earlier run */

    Answer get(const StoreGet &asked) {
        Entries::iterator it = find(asked.key);
        return it != entries_.end() ? answer(it, true) : Answer::absent();
    }

    Answer put(const StorePut &asked) {
        Entries::iterator old = find(asked.key);
        bool is_there = old != entries_.end();
        if (asked.create && is_there) return asked.stale();
        if (asked.match != 0 && (!is_there || old->second.revision != asked.match)) return asked.stale();
        return answer(keep(asked.key, asked.value, asked.ttl_ms != 0 ? now() + asked.ttl_ms : 0, false),
                      false);
    }

    Answer remove(const StoreRemove &asked) {
        Entries::iterator it = find(asked.key);
        if (it == entries_.end()) return Answer::absent();
        if (asked.revision != 0 && it->second.revision != asked.revision) return asked.stale();
        entries_.erase(it);
        return Answer::done();
    }

    Answer list(const StoreList &asked) {
        StoreEntries found;
        uint64_t count = 0;
        Entries::iterator it = asked.after < asked.prefix ? entries_.lower_bound(asked.prefix)
                                                          : entries_.lower_bound(asked.after);
        while (it != entries_.end() && count < asked.most) {
            if (it->first.compare(0, asked.prefix.size(), asked.prefix) != 0) break;
            Entries::iterator next = std::next(it);
            if (it->second.expires_ms != 0 && it->second.expires_ms <= now()) {
                entries_.erase(it);
            } else if (asked.after.empty() || it->first != asked.after) {
                std::string_view value = asked.keys_only ? std::string_view() : it->second.value;
                if (!found.add(it->first, value, it->second.revision, it->second.expires_ms)) break;
                count++;
            }
            it = next;
        }
        return found;
    }

    Answer add(const StoreAdd &asked) {
        Entries::iterator it = find(asked.key);
        int64_t sum = 0;
        if (it != entries_.end()) {
            if (!it->second.is_counter) return Error::invalid("the key holds no counter").not_started();
            std::memcpy(&sum, it->second.value.data(), sizeof sum);
        }
        if (asked.delta == 0) return it != entries_.end() ? answer(it, true) : Answer::absent();
        if (__builtin_add_overflow(sum, asked.delta, &sum))
            return Error::invalid("the sum is too large").not_started();
        uint64_t expires_ms = it != entries_.end() ? it->second.expires_ms
                              : asked.ttl_ms != 0  ? now() + asked.ttl_ms
                                                   : 0;
        std::string_view value(reinterpret_cast<const char *>(&sum), sizeof sum);
        return answer(keep(asked.key, value, expires_ms, true), true);
    }

    Answer take(const StoreTake &asked) {
        struct Asked {
            Taken state;
            double room;
            bool fits;
        };
        std::vector<Asked> all;
        bool all_fit = true;
        for (const jf_store_limit &it : asked) {
            Taken state = limits_.count(name(it)) != 0 ? limits_[name(it)] : Taken();
            double most = static_cast<double>(it.kind == JF_LIMIT_BUCKET ? it.burst : it.rate);
            double room = most - used(it, state);
            all.push_back({state, room, it.cost == 0 || static_cast<double>(it.cost) <= room});
            all_fit = all_fit && all.back().fits;
        }
        StoreVerdicts verdicts;
        for (uint64_t i = 0; i < asked.count; i++) {
            const jf_store_limit &it = asked.limits[i];
            double cost = static_cast<double>(it.cost), left = all[i].room;
            if (all_fit) {
                all[i].state.amount += cost;
                limits_[name(it)] = all[i].state;
                left -= cost;
            }
            verdicts.add(all[i].fits, wait_for(it, cost - all[i].room),
                         left > 0 ? static_cast<uint64_t>(left) : 0);
        }
        return verdicts;
    }

  private:
    struct Entry {
        std::string value;
        uint64_t revision, expires_ms;
        bool is_counter;
    };
    using Entries = std::map<std::string, Entry, std::less<>>;
    /** What names a limit. */
    using Name = std::tuple<std::string, uint32_t, uint64_t>;
    /** What was taken, in thousandths: of a bucket, flowing back; else of the window of that number. */
    struct Taken {
        double amount = 0, before = 0;
        uint64_t at = 0;
    };

    uint64_t now() const { return plugin_.clock.wall_ns() / 1000000; }

    /** The entry of a key, unless it has ended; then it goes. */
    Entries::iterator find(std::string_view key) {
        Entries::iterator it = entries_.find(key);
        if (it == entries_.end() || it->second.expires_ms == 0 || it->second.expires_ms > now()) return it;
        entries_.erase(it);
        return entries_.end();
    }
    Entries::iterator keep(std::string_view key, std::string_view value, uint64_t expires_ms,
                           bool is_counter) {
        Entry entry{std::string(value), ++revision_, expires_ms, is_counter};
        return entries_.insert_or_assign(std::string(key), std::move(entry)).first;
    }
    static Answer answer(Entries::iterator it, bool with_value) {
        std::string_view value = with_value ? std::string_view(it->second.value) : std::string_view();
        return StoreEntries(it->first, value, it->second.revision, it->second.expires_ms);
    }

    static Name name(const jf_store_limit &it) { return {std::string(text(it.key)), it.kind, it.period_ms}; }
    /** Brings what was taken up to now, and says how much that is. */
    double used(const jf_store_limit &it, Taken &state) const {
        double period = static_cast<double>(it.period_ms);
        if (it.kind == JF_LIMIT_BUCKET) {
            state.amount -= static_cast<double>(now() - state.at) * static_cast<double>(it.rate) / period;
            state.amount = std::max(state.amount, 0.0);
            state.at = now();
            return state.amount;
        }
        uint64_t window = now() / it.period_ms;
        if (window != state.at) state = {0, window == state.at + 1 ? state.amount : 0, window};
        double rest = static_cast<double>(it.period_ms - now() % it.period_ms);
        return state.amount + (it.kind == JF_LIMIT_SLIDING ? state.before * rest / period : 0);
    }
    /** When what it lacks is there, not too early. */
    uint32_t wait_for(const jf_store_limit &it, double lacks) const {
        if (it.cost > (it.kind == JF_LIMIT_BUCKET ? it.burst : it.rate)) return UINT32_MAX;
        double period = static_cast<double>(it.period_ms);
        double rest = static_cast<double>(it.period_ms - now() % it.period_ms);
        double wait = it.kind == JF_LIMIT_BUCKET  ? lacks * period / static_cast<double>(it.rate) + 1
                      : it.kind == JF_LIMIT_FIXED ? rest
                                                  : rest + period;
        return static_cast<uint32_t>(std::min(std::max(wait, 0.0), static_cast<double>(UINT32_MAX - 1)));
    }

    ShelfPlugin &plugin_;
    uint64_t revision_;
    Entries entries_;
    std::map<Name, Taken> limits_;
};

JACKFIELD_PLUGIN(ShelfPlugin)
