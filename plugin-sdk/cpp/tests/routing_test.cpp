// SPDX-License-Identifier: Apache-2.0
// Tests of the C++ SDK's routing: what a strategy is told by hosts of ABI 1.0 and of 1.1, in a plugin that is
// linked into the program.
#include "jf_check.h"

#include <jackfield/mock.hpp>
#include <jackfield/plugin.hpp>

using jackfield::testing::Mock;
using namespace jackfield;

static std::string seen;

/** Text as it is, "-" where it is absent, numbers in decimal, "?" where they are not told. */
static void note(std::string_view text) {
    seen += text.data() == nullptr ? "-" : std::string(text);
    seen += ' ';
}
template <class Number> static void note(const std::optional<Number> &number) {
    note(std::string_view(number ? std::to_string(*number) : "?"));
}

/** Writes down all that it is told, and picks the last one. */
class Witness {
  public:
    template <class Plugin> Witness(Plugin &, const RouteInfo &) {}

    Choice pick(const Pick &call, const Endpoints &endpoints) {
        note(call.name);
        note(call.traits);
        note(call.total);
        note(call.arguments);
        note(call.client);
        note(call.tenant);
        note(call.headers.find("x-tier"));
        note(call.headers.find("x-none"));
        note(call.now_ns);
        seen += call.all ? "all " + std::to_string(call.all->size()) : "none";
        for (uint64_t i = 0; i < endpoints.size(); i++) {
            const Endpoint it = endpoints[i];
            seen += " | " + std::to_string(it.id) + " " + std::to_string(it.flags) + " ";
            note(it.name);
            note(it.ready());
            note(it.priority());
            note(it.recent_calls());
            note(it.recent_failures());
            note(it.cost());
            note(it.revision());
            note(it.version());
            note(it.zone());
            note(it.region());
            seen += std::to_string(it.labels().size());
            for (uint64_t label = 0; label < it.labels().size(); label++)
                seen += " " + std::string(it.labels()[label].first) + "=" +
                        std::string(it.labels()[label].second);
        }
        return static_cast<uint32_t>(endpoints.size() - 1);
    }
    void observe(const Outcome &outcome) {
        seen = std::to_string(outcome.endpoint) + " ";
        note(outcome.flags);
        note(outcome.attempt);
        note(outcome.now_ns);
    }
};

struct RoutingPlugin : Plugin {
    using Routing = Witness;
    using Plugin::Plugin;
};

JF_MANIFEST(R"json({
  "id": "test-routing", "version": "1.0.0", "abi": "1.0", "summary": "Shows what the SDK says.",
  "facets": ["jf.routing/1"], "requires": [], "threads": "per-loop",
  "routing": {"strategy": "witness"}})json");
JACKFIELD_PLUGIN(RoutingPlugin)

/** A copy that ends where a host of 1.0 ends it: reading on is a read beyond the allocation. */
template <class T> static std::unique_ptr<T, void (*)(void *)> cut(const T &whole, uint32_t size) {
    void *memory = std::malloc(size);
    std::memcpy(memory, &whole, size);
    std::memcpy(memory, &size, sizeof size);
    return {static_cast<T *>(memory), std::free};
}

struct Stage {
    Stage() {
        up = mock.up(jf_entry_1);
        if (!up) return;
        table = *jf_mock_routing(mock);
        up = table.attach(jf_mock_self(mock), jf_mock_view("s"), jf_mock_view("{}"), &handle,
                          jf_mock_fault(mock)) == JF_OK;
        endpoint.size = sizeof endpoint;
        endpoint.flags = JF_ENDPOINT_SAME_ZONE | JF_ENDPOINT_DEGRADED;
        endpoint.id = 7;
        endpoint.weight = 1;
        endpoint.name = view("a");
        endpoint.ready = 250;
        endpoint.priority = 1;
        endpoint.recent_calls = 40;
        endpoint.recent_failures = 4;
        endpoint.cost = 9;
        endpoint.version = view("2.1");
        endpoint.zone = view("z1");
        endpoint.labels = labels;
        endpoint.label_count = 2;
        endpoint.revision = 5;
        call.size = sizeof call;
        call.name = view("add");
        call.traits = JF_PICK_READ_ONLY | JF_PICK_IDEMPOTENT;
        call.total = 2;
        call.arguments = view("{}");
        call.client = view("cli");
        call.headers = &header;
        call.header_count = 1;
        call.all = all;
        call.now_ns = 12;
    }
    /** What the strategy wrote down. */
    std::string pick(const jf_pick *place, const jf_endpoint *one) {
        seen.clear();
        uint32_t chosen = 9;
        int32_t status = table.pick(jf_mock_self(mock), handle, place, &one, 1, &chosen, jf_mock_fault(mock));
        CHECK(status == JF_OK && chosen == 0, "%s", mock.why());
        return seen;
    }
    void end() {
        table.detach(jf_mock_self(mock), handle);
        CHECK(mock.end() == 0, "the plugin broke a rule");
    }

    Mock mock;
    bool up = false;
    jf_routing_1 table{};
    Ref handle = 0;
    jf_pair labels[2] = {{view("model"), view("large")}, {view("gpu"), view("")}};
    jf_pair header = {view("x-tier"), view("gold")};
    jf_endpoint endpoint{};
    const jf_endpoint *all[2] = {&endpoint, &endpoint};
    jf_pick call{};
};

TEST(a_host_of_1_1_tells_all) {
    Stage stage;
    REQUIRE(stage.up, "%s", stage.mock.why());
    std::string told = stage.pick(&stage.call, &stage.endpoint);
    CHECK(told == "add 3 2 {} cli - gold - 12 all 2 | 7 9 a 250 1 40 4 9 5 2.1 z1 - 2 model=large gpu=", "%s",
          told.c_str());
    jf_outcome outcome{};
    outcome.size = sizeof outcome;
    outcome.endpoint = 7;
    outcome.flags = JF_OUTCOME_TOOL_ERROR;
    outcome.attempt = 2;
    outcome.now_ns = 8;
    stage.table.observe(jf_mock_self(stage.mock), stage.handle, &outcome);
    CHECK(seen == "7 1 2 8 ", "%s", seen.c_str());
    stage.end();
}

TEST(a_host_of_1_0_is_not_read_beyond_its_size) {
    Stage stage;
    REQUIRE(stage.up, "%s", stage.mock.why());
    auto call = cut(stage.call, offsetof(jf_pick, traits));
    auto endpoint = cut(stage.endpoint, offsetof(jf_endpoint, ready));
    std::string told = stage.pick(call.get(), endpoint.get());
    CHECK(told == "add ? ? - - - - - ? none | 7 9 a ? ? ? ? ? ? - - - 0", "%s", told.c_str());
    jf_outcome whole{};
    whole.endpoint = 7;
    auto outcome = cut(whole, offsetof(jf_outcome, flags));
    stage.table.observe(jf_mock_self(stage.mock), stage.handle, outcome.get());
    CHECK(seen == "7 ? ? ? ", "%s", seen.c_str());
    stage.end();
}

TEST(the_mock_is_a_host_of_1_1) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    {
        auto route = mock.attach("s");
        seen.clear();
        CHECK(route.pick("add", {4, 5}) == 1, "%s", mock.why());
        CHECK(seen == "add 0 2 - - - - - ? all 2 | 4 0 - 1000 0 0 0 0 0 - - - 0"
                      " | 5 0 - 1000 0 0 0 0 0 - - - 0",
              "%s", seen.c_str());
        route.observe(5, JF_E_GONE);
        CHECK(seen == "5 0 0 ? ", "%s", seen.c_str());
    }
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
