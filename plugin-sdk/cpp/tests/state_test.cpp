// SPDX-License-Identifier: Apache-2.0
// Tests of the C++ SDK's jf.state/1, on the mock host's store.
#include "jf_check.h"

#include <jackfield/mock.hpp>
#include <jackfield/plugin.hpp>

using jackfield::testing::Mock;
using namespace jackfield;

struct Keeper : Plugin {
    using Plugin::Plugin;
    struct Set {
        Set(Keeper &, const SetInfo &) {}
        Answer call(const Request &request) { return request.unknown(); }
    };
    using Toolset = Set;
    static Keeper *one;
    Error start() {
        one = this;
        return {};
    }
    Loop loop{host};
    State state{host};
    StateWatch watch;
};
Keeper *Keeper::one = nullptr;

JF_MANIFEST(R"json({
  "id": "test-state", "version": "1.0.0", "abi": "1.1", "summary": "Keeps.", "facets": ["jf.toolset/1"],
  "requires": ["jf.loop/1", "jf.state/1"], "threads": "per-loop"})json");
JACKFIELD_PLUGIN(Keeper)

static std::string said;
static uint64_t revision;

/** What an operation came to, as text: "key=value", "absent", or the error's text. */
static void note(const StateAnswer &it) {
    revision = it.revision;
    said = it.absent() ? "absent" : !it.ok() ? it.error.text() : std::string(it.key) + "=";
    if (it.ok()) said += std::string(it.value);
}

/** Runs the loop until everything was told. */
static std::string told(Mock &mock, const Error &begun) {
    if (begun) return "refused: " + begun.text();
    CHECK(said.empty(), "it was told from inside");
    jf_mock_settle(mock);
    return std::exchange(said, {});
}

static StateValue value(std::string_view key, std::string_view text) {
    StateValue it;
    it.key = key;
    it.value = text;
    return it;
}

TEST(values_are_kept) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    State &state = Keeper::one->state;
    CHECK(state.present(), "it is there");
    CHECK(told(mock, state.get("a", note)) == "absent", "there is none");
    CHECK(told(mock, state.put(value("a", "one"), note)) == "a=" && revision != 0, "put");
    uint64_t first = revision;
    CHECK(told(mock, state.get("a", note)) == "a=one" && revision == first, "get");

    StateValue once = value("a", "two");
    once.create = true;
    CHECK(told(mock, state.put(once, note)) == "the condition does not hold", "it is there");
    StateValue next = value("a", std::string_view("\0\xff", 2));
    next.match = first + 1;
    CHECK(told(mock, state.put(next, note)) == "the condition does not hold", "another revision");
    next.match = first;
    CHECK(told(mock, state.put(next, note)) == "a=" && revision > first, "the right one");
    CHECK(told(mock, state.get("a", note)) == std::string("a=\0\xff", 4), "any bytes");

    CHECK(told(mock, state.remove("a", note, first)) == "the condition does not hold", "another revision");
    CHECK(told(mock, state.remove("a", note)) == "=", "gone");
    CHECK(told(mock, state.remove("a", note)) == "absent", "there is none");

    StateValue brief = value("b", {});
    brief.ttl_ms = 1000;
    uint64_t expires = 0;
    CHECK(!state.put(brief, [&](const StateAnswer &it) { expires = it.expires_ms; }), "begun");
    jf_mock_settle(mock);
    CHECK(expires == jf_mock_unix_ms(mock) + 1000, "when it ends");
    jf_mock_advance(mock, 1001000000);
    CHECK(told(mock, state.get("b", note)) == "absent", "it has ended");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(counters_count) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    State &state = Keeper::one->state;
    int64_t sum = -1;
    uint64_t expires = 0;
    auto read = [&](const StateAnswer &it) {
        sum = it.sum();
        expires = it.expires_ms;
        note(it);
    };
    CHECK(told(mock, state.add("n", 0, read)) == "absent" && sum == 0, "there is none");
    told(mock, state.add("n", 5, read, 1000));
    uint64_t ends = expires;
    CHECK(sum == 5 && ends == jf_mock_unix_ms(mock) + 1000, "%lld", (long long)sum);
    jf_mock_advance(mock, 500000000);
    told(mock, state.add("n", -7, read, 1000));
    CHECK(sum == -2 && expires == ends, "it ends when it was to end");
    told(mock, state.put(value("text", "x"), note));
    CHECK(told(mock, state.add("text", 1, read)) == "a key, value or number is outside its bounds", "a text");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(watches_tell) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    Keeper &keeper = *Keeper::one;
    std::string seen;
    auto see = [&](std::string_view key, uint64_t at) {
        seen += std::string(key) + (at != 0 ? "+ " : "- ");
        if (key == "a/end") keeper.watch.end();
    };
    CHECK(!keeper.state.watch("a/", see, keeper.watch) && keeper.watch.active(), "it watches");
    jf_mock_state_set(mock, "a/1", "x");
    jf_mock_state_set(mock, "b", "x");
    jf_mock_state_set(mock, "a/1", nullptr);
    jf_mock_settle(mock);
    CHECK(seen == "a/1+ a/1- ", "%s", seen.c_str());
    StateWatch moved = std::move(keeper.watch);
    CHECK(moved.active() && !keeper.watch.active(), "moved");
    keeper.watch = std::move(moved);
    jf_mock_state_set(mock, "a/end", "x");
    jf_mock_state_set(mock, "a/2", "x");
    jf_mock_settle(mock);
    CHECK(seen == "a/1+ a/1- a/end+ " && !keeper.watch.active(), "%s", seen.c_str());
    CHECK(!keeper.state.watch("", see, keeper.watch), "once more; it ends with the instance");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(stores_that_are_down) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    State &state = Keeper::one->state;
    jf_mock_state_fail(mock, JF_E_GONE);
    int32_t status = 0;
    bool was_not_started = false;
    CHECK(!state.get("a",
                     [&](const StateAnswer &it) {
                         status = it.error.code();
                         was_not_started = (it.error.flags() & JF_FAULT_NOT_STARTED) != 0;
                     }),
          "begun");
    jf_mock_settle(mock);
    CHECK(status == JF_E_GONE && was_not_started, "%d", status);
    jf_mock_state_fail(mock, JF_OK);
    CHECK(told(mock, state.get("", note)) == "a key, value or number is outside its bounds", "no key");

    /* What is under way when the instance stops is not told, its function is destroyed. */
    auto alive = std::make_shared<int>(0);
    CHECK(!state.get("a", [alive](const StateAnswer &) { *alive = 1; }), "begun");
    CHECK(alive.use_count() == 2, "it is kept");
    jf_mock_stop(mock);
    CHECK(alive.use_count() == 1 && *alive == 0, "it is forgotten");
    CHECK(bool(state.get("a", note)), "stopped");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(it_may_be_missing) {
    Mock mock;
    jf_mock_hide(mock, JF_STATE_1);
    CHECK(!mock.up(jf_entry_1) && std::string(mock.why()).find("jf.state/1") != std::string::npos, "%s",
          mock.why());
    mock.end();
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
