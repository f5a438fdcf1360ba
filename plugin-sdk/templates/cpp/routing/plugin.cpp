// SPDX-License-Identifier: Apache-2.0
// A routing strategy: the first replica that works gets the calls; one that fails is passed over for a while.
#include <jackfield/plugin.hpp>

#include <unordered_map>

/* What the gateway knows of the plugin before it loads it. */
JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.0",
  "summary": "Sends calls to the first replica that works.",
  "facets": ["jf.routing/1"],
  "requires": [],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "routing": {
    "strategy": "PLUGIN_NAME",
    "config": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "skip": {
          "type": "integer", "minimum": 1, "maximum": 1000000, "default": 20,
          "description": "How many calls pass a replica over after it failed"
        }
      }
    }
  }
})json");

using namespace jackfield;

class Failover;

/** One instance: every event loop has its own, so that nothing needs a lock. */
struct FailoverPlugin : Plugin {
    using Routing = Failover;
    using Plugin::Plugin;
};

/** One server that uses the strategy. */
class Failover {
  public:
    Failover(FailoverPlugin &, const RouteInfo &info)
        : skip_(Fields(info.config, "setting").get_or<uint32_t>("skip", 20, 1, 1000000)) {}

    /** On the path of every call: without failures, the usual case, there is nothing to look up. */
    Choice pick(const Pick &, const Endpoints &endpoints) {
        for (uint64_t index = 0; index < endpoints.size(); index++) {
            auto found = pauses_.empty() ? pauses_.end() : pauses_.find(endpoints.id(index));
            if (found == pauses_.end()) return static_cast<uint32_t>(index);
            if (--found->second == 0) pauses_.erase(found); /* the next call tries it again */
        }
        return 0; /* all of them pause: no reason to prefer another */
    }

    void observe(const Outcome &outcome) {
        if (outcome.status == JF_OK)
            pauses_.erase(outcome.endpoint);
        else
            pauses_[outcome.endpoint] = skip_;
    }

  private:
    uint32_t skip_;
    std::unordered_map<Ref, uint32_t> pauses_; /* calls that still pass a replica over */
};

JACKFIELD_PLUGIN(FailoverPlugin)
