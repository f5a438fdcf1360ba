// SPDX-License-Identifier: Apache-2.0
// Tests of the C++ SDK's stores: one that is linked into the program, whose answers are the smallest there
// are.
#include "jf_check.h"

#include <jackfield/mock.hpp>
#include <jackfield/plugin.hpp>

#include <map>

using jackfield::testing::Done;
using jackfield::testing::Mock;
using namespace jackfield;

static Pending held;
static Ref watched;
static std::string watched_prefix;

struct StorePlugin;

class Shelf {
  public:
    explicit Shelf(StorePlugin &its) : plugin(its) {}

    Answer get(const StoreGet &asked);
    Answer put(const StorePut &asked);
    Answer remove(const StoreRemove &asked) {
        auto found = all.find(std::string(asked.key));
        if (found == all.end()) return Answer::absent();
        if (asked.revision != 0 && asked.revision != found->second.second) return asked.stale();
        all.erase(found);
        return Answer::done();
    }
    Answer list(const StoreList &asked) {
        StoreEntries entries;
        uint64_t count = 0;
        for (const auto &it : all) {
            if (it.first.compare(0, asked.prefix.size(), asked.prefix) != 0 || it.first <= asked.after)
                continue;
            if (count++ == asked.most) break;
            entries.add(it.first, asked.keys_only ? "" : it.second.first, it.second.second);
        }
        return entries;
    }
    Answer add(const StoreAdd &asked) {
        if (asked.delta == 0) return Answer::absent();
        return StoreEntries::counter(asked.key, asked.delta, 1, asked.ttl_ms);
    }
    Answer take(const StoreTake &asked) {
        StoreVerdicts verdicts;
        for (const jf_store_limit &limit : asked)
            verdicts.add(limit.cost <= limit.rate, UINT32_MAX, limit.rate);
        return verdicts;
    }
    Error watch(Ref watch, std::string_view prefix) {
        if (prefix == "no") return Error::unsupported("it cannot");
        watched = watch;
        watched_prefix = prefix;
        return {};
    }
    void unwatch(Ref) { watched = 0; }

  private:
    StorePlugin &plugin;
    std::map<std::string, std::pair<std::string, uint64_t>> all;
    uint64_t revision = 0;
};

struct StorePlugin : Plugin {
    using Store = Shelf;
    using Plugin::Plugin;
    Loop loop{host};
    Ops ops{host};
    Watches watches{host};
};

Answer Shelf::get(const StoreGet &asked) {
    if (asked.key == "later") {
        held = asked.later(plugin.ops);
        return Answer::later();
    }
    auto found = all.find(std::string(asked.key));
    if (found == all.end()) return Answer::absent();
    return StoreEntries(found->first, found->second.first, found->second.second, 4000000000000);
}

Answer Shelf::put(const StorePut &asked) {
    auto &kept = all[std::string(asked.key)];
    if ((asked.create && kept.second != 0) || (asked.match != 0 && kept.second != asked.match))
        return asked.stale();
    kept = {std::string(asked.value), ++revision};
    if (watched != 0) plugin.watches.changed(watched, asked.key, revision);
    return StoreEntries(asked.key, {}, revision);
}

JF_MANIFEST(R"json({
  "id": "test-store", "version": "1.0.0", "abi": "1.1", "summary": "A store.", "facets": ["jf.store/1"],
  "requires": ["jf.loop/1", "jf.ops/1"], "optional": ["jf.watches/1"], "threads": "per-loop",
  "store": {"kind": "shelf"}})json");
JACKFIELD_PLUGIN(StorePlugin)

/** Entries as "key=value@revision", one after the other. */
static std::string shown(Mock &mock, Ref op) {
    jf_mock_op it = jf_mock_op_at(mock, op);
    if (it.status != JF_OK) return std::to_string(it.status);
    std::string out;
    uint64_t offset = 0;
    jf_store_entry entry;
    jf_view key, value;
    while (jf_mock_store_next(it.result, it.length, &offset, &entry, &key, &value))
        out += std::string(text(key)) + "=" + std::string(text(value)) + "@" +
               std::to_string(entry.revision) + " ";
    return out;
}

static Ref put(Mock &mock, std::string_view key, std::string_view value, uint32_t flags = 0,
               uint64_t revision = 0, uint64_t ttl_ms = 0) {
    jf_store_put it{};
    it.size = sizeof it;
    it.flags = flags;
    it.revision = revision;
    it.ttl_ms = ttl_ms;
    it.key = view(key);
    it.value = view(value);
    return jf_mock_store_put(mock, &it);
}

TEST(entries_are_kept) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    CHECK(shown(mock, put(mock, "a", "one")) == "a=@1 ", "put");
    CHECK(shown(mock, put(mock, "b", std::string("\0\xff", 2))) == "b=@2 ", "any bytes");
    CHECK(shown(mock, jf_mock_store_get(mock, view("a"))) == "a=one@1 ", "get");
    CHECK(shown(mock, jf_mock_store_get(mock, view("c"))) == std::to_string(JF_ABSENT), "there is none");
    CHECK(shown(mock, put(mock, "a", "x", JF_STORE_CREATE)) == std::to_string(JF_E_STALE), "it is there");
    CHECK(shown(mock, put(mock, "a", "x", JF_STORE_MATCH, 9)) == std::to_string(JF_E_STALE),
          "another revision");
    CHECK(shown(mock, put(mock, "a", "", JF_STORE_MATCH, 1)) == "a=@3 ", "the right one");
    jf_store_list list{};
    list.size = sizeof list;
    list.most = 10;
    list.prefix = view("");
    CHECK(shown(mock, jf_mock_store_list(mock, &list)) == "a=@3 b=" + std::string("\0\xff", 2) + "@2 ",
          "list");
    list.after = view("a");
    list.flags = JF_STORE_KEYS;
    CHECK(shown(mock, jf_mock_store_list(mock, &list)) == "b=@2 ", "behind");
    list.after = view("b");
    CHECK(shown(mock, jf_mock_store_list(mock, &list)) == std::to_string(JF_ABSENT), "none are left");
    CHECK(shown(mock, jf_mock_store_remove(mock, view("a"), 1)) == std::to_string(JF_E_STALE),
          "another revision");
    CHECK(jf_mock_op_at(mock, jf_mock_store_remove(mock, view("a"), 3)).status == JF_OK, "remove");
    CHECK(shown(mock, jf_mock_store_remove(mock, view("a"), 0)) == std::to_string(JF_ABSENT), "gone");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(counters_and_limits) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    jf_store_add add{};
    add.size = sizeof add;
    add.key = view("n");
    add.delta = -7;
    const int64_t sum = -7;
    CHECK(shown(mock, jf_mock_store_add(mock, &add)) ==
              "n=" + std::string(reinterpret_cast<const char *>(&sum), sizeof sum) + "@1 ",
          "the sum");
    add.delta = 0;
    CHECK(shown(mock, jf_mock_store_add(mock, &add)) == std::to_string(JF_ABSENT), "there is none");
    jf_store_limit limits[2] = {};
    for (auto &limit : limits) {
        limit.key = view("k");
        limit.kind = JF_LIMIT_FIXED;
        limit.rate = 2000;
        limit.period_ms = 1000;
    }
    limits[1].kind = JF_LIMIT_SLIDING;
    limits[1].cost = 3000;
    jf_mock_op it = jf_mock_op_at(mock, jf_mock_store_take(mock, limits, 2));
    REQUIRE(it.status == JF_OK && it.length == 2 * sizeof(jf_store_verdict), "%s", it.why);
    jf_store_verdict verdicts[2];
    std::memcpy(verdicts, it.result, sizeof verdicts);
    CHECK(verdicts[0].fits == 1 && verdicts[0].retry_ms == 0 && verdicts[0].left == 2000, "it fits");
    CHECK(verdicts[1].fits == 0 && verdicts[1].retry_ms == UINT32_MAX, "it does not");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(bounds_are_the_sdks) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    auto refused = [&](Ref op) {
        Done done = mock.done(op);
        return done.status == JF_E_INVALID && done.why == "a key, value or number is outside its bounds";
    };
    std::string long_key(JF_STORE_KEY_MOST + 1, 'k'), long_value(JF_STORE_VALUE_MOST + 1, 'v');
    CHECK(refused(jf_mock_store_get(mock, view(""))) && refused(jf_mock_store_get(mock, view(long_key))),
          "keys");
    CHECK(refused(put(mock, "a", long_value)) && refused(put(mock, "a", "b", JF_STORE_MATCH)), "puts");
    CHECK(refused(put(mock, "a", "b", JF_STORE_CREATE | JF_STORE_MATCH, 1)), "both conditions");
    CHECK(refused(put(mock, "a", "b", 1u << 16)) && refused(put(mock, "a", "b", 0, 0, JF_STORE_TTL_MOST + 1)),
          "puts");
    jf_store_list list{};
    list.size = sizeof list;
    list.prefix = view("");
    CHECK(refused(jf_mock_store_list(mock, &list)), "most 0");
    jf_store_limit limit{};
    limit.key = view("k");
    limit.period_ms = 1000;
    CHECK(refused(jf_mock_store_take(mock, &limit, 1)), "a bucket without a rate");
    limit.rate = 1;
    CHECK(!refused(jf_mock_store_take(mock, &limit, 1)), "a bucket");
    limit.kind = JF_LIMIT_SLIDING;
    limit.burst = 1;
    CHECK(refused(jf_mock_store_take(mock, &limit, 1)), "a window with a burst");
    limit.kind = 3;
    CHECK(refused(jf_mock_store_take(mock, &limit, 1)), "no kind");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(answers_later_and_watches) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    Ref op = jf_mock_store_get(mock, view("later"));
    CHECK(mock.done(op).status == JF_PENDING && held.finish(StoreEntries("later", "v", 4)), "later");
    CHECK(shown(mock, op) == "later=v@4 ", "%s", shown(mock, op).c_str());
    op = jf_mock_store_get(mock, view("later"));
    held = Pending();
    CHECK(mock.done(op).status == JF_E_FAULT, "dropped");
    CHECK(jf_mock_store_watch(mock, view("no")) == 0, "it cannot");
    Ref watch = jf_mock_store_watch(mock, view("a"));
    CHECK(watch != 0 && watched == watch && watched_prefix == "a", "%s", mock.why());
    uint32_t mark = jf_mock_mark(mock);
    put(mock, "ab", "1");
    const jf_mock_event *event = jf_mock_find(mock, mark, JF_MOCK_STORE_CHANGED, watch, 0);
    CHECK(event != nullptr && std::string(event->text) == "ab" && event->revision == 1, "it was not told");
    jf_mock_store_unwatch(mock, watch);
    CHECK(watched == 0, "unwatch");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
