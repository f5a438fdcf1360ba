// SPDX-License-Identifier: Apache-2.0
// A routing strategy in C++: the tool's name picks the endpoint, one that keeps failing is passed over.
#include <jackfield/plugin.hpp>

#include <map>

/* What the host knows of the plugin before it loads it. */
JF_MANIFEST(R"json({
  "id": "example-routing-by-name-cpp", "version": "1.0.0", "abi": "1.0",
  "summary": "Sends each tool's calls to one endpoint, chosen by the tool's name.",
  "facets": ["jf.routing/1"], "requires": [], "threads": "per-loop",
  "config": {"type": "object", "additionalProperties": false},
  "routing": {"strategy": "by-name", "config": {"type": "object", "additionalProperties": false,
    "properties": {"seed": {"type": "integer", "minimum": 0, "maximum": 4294967295, "default": 0,
                            "description": "Another seed gives every name another place"}}}}
})json");

using namespace jackfield;

class ByName;

/** One instance: every event loop has its own, so that nothing needs a lock. */
struct ByNamePlugin : Plugin {
    using Routing = ByName;
    using Plugin::Plugin;
};

/** One server whose calls are placed by name. */
class ByName {
  public:
    ByName(ByNamePlugin &, const RouteInfo &info)
        : seed_(Fields(info.config, "setting").get_or<uint32_t>("seed", 0)) {}

    Choice pick(const Pick &call, const Endpoints &endpoints) const {
        uint64_t hash = 14695981039346656037u ^ seed_; /* FNV-1a, 64 bits */
        for (char c : call.name)
            hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
        uint64_t first = hash % endpoints.size();
        for (uint64_t step = 0; step < endpoints.size(); step++) {
            uint64_t index = (first + step) % endpoints.size();
            auto found = failures_.find(endpoints.id(index));
            if (found == failures_.end() || found->second < most_failures)
                return static_cast<uint32_t>(index);
        }
        return static_cast<uint32_t>(first); /* all of them fail: no reason to prefer another */
    }

    void observe(const Outcome &outcome) {
        if (outcome.status == JF_OK) {
            failures_.erase(outcome.endpoint);
            return;
        }
        uint32_t &count = failures_[outcome.endpoint];
        if (count < UINT32_MAX) count++;
    }

    /** What a newer generation of the plugin goes on with: "1", then a line "ENDPOINT COUNT" for each that
     * fails. */
    std::string export_state() const {
        std::string lines = "1\n";
        for (const auto &[endpoint, count] : failures_)
            lines += std::to_string(endpoint) + " " + std::to_string(count) + "\n";
        return lines;
    }

    /** All or nothing: text that is damaged changes nothing. */
    Error import_state(std::string_view lines) {
        std::map<Ref, uint32_t> failures;
        bool good = take(lines, "1\n");
        while (good && !lines.empty()) {
            uint64_t endpoint = 0, count = 0;
            good = number(lines, endpoint, UINT64_MAX) && take(lines, " ") &&
                   number(lines, count, UINT32_MAX) && take(lines, "\n") &&
                   (failures.empty() || endpoint > failures.rbegin()->first);
            if (good) failures.emplace(endpoint, static_cast<uint32_t>(count));
        }
        if (!good) return Error(JF_E_INVALID, "by-name: the handed-over state is damaged; begin without it");
        failures_ = std::move(failures);
        return {};
    }

  private:
    static bool take(std::string_view &text, std::string_view expected) {
        if (text.substr(0, expected.size()) != expected) return false;
        text.remove_prefix(expected.size());
        return true;
    }
    /** A decimal number from 1 to `most`, as std::to_string spells it. */
    static bool number(std::string_view &text, uint64_t &out, uint64_t most) {
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
        if (error != std::errc() || text[0] == '0' || out > most) return false;
        text.remove_prefix(static_cast<size_t>(end - text.data()));
        return true;
    }

    static constexpr uint32_t most_failures = 3; /* so many in a row, and the endpoint is passed over */
    uint32_t seed_;
    std::map<Ref, uint32_t> failures_; /* since the last success; ascending, as the state is written */
};

JACKFIELD_PLUGIN(ByNamePlugin)
