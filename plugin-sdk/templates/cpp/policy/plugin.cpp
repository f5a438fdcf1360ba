// SPDX-License-Identifier: Apache-2.0
// A policy: tools are called in office hours only, but by those who are on call.
#include <jackfield/plugin.hpp>

/* What the gateway knows of the plugin before it loads it. */
JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.1",
  "summary": "Lets calls pass in office hours only",
  "facets": ["jf.policy/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "policy": {
    "policy": "PLUGIN_NAME",
    "config": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "from": {
          "type": "integer",
          "minimum": 0,
          "maximum": 23,
          "default": 8,
          "description": "The hour when calls begin to pass"
        },
        "to": {
          "type": "integer",
          "minimum": 1,
          "maximum": 24,
          "default": 18,
          "description": "The hour when they end"
        },
        "zone_minutes": {
          "type": "integer",
          "minimum": -840,
          "maximum": 840,
          "default": 0,
          "description": "Minutes that the office's clock is ahead of UTC"
        },
        "on_call": {
          "type": "string",
          "minLength": 1,
          "default": "on-call",
          "description": "The role that may call at any time"
        }
      }
    }
  }
})json");

using namespace jackfield;

class OfficeHours;

/** One instance: every event loop has its own, so that nothing needs a lock. */
struct OfficeHoursPlugin : Plugin {
    using Policy = OfficeHours;
    using Plugin::Plugin;
};

/** One configured policy. */
class OfficeHours {
  public:
    OfficeHours(OfficeHoursPlugin &, const GuardInfo &info)
        : from_(info.options().get_or<int64_t>("from", 8)), to_(info.options().get_or<int64_t>("to", 18)),
          zone_minutes_(info.options().get_or<int64_t>("zone_minutes", 0)),
          on_call_(info.options().get_or<std::string>("on_call", "on-call")) {
        std::string hours = std::to_string(from_) + " to " + std::to_string(to_);
        if (from_ >= to_) /* what the schema cannot say */
            throw Error::invalid("from (" + std::to_string(from_) + ") must be before to (" +
                                 std::to_string(to_) + ")");
        text_ = "Calls pass on weekdays from " + hours + " h; try again then.";
    }

    Ruling decide(const Access &asked) {
        if (asked.listing()) return Ruling::allow(); /* lists are the same at any hour */
        if (asked.principal().has_role(on_call_)) return Ruling::allow("on_call");
        return is_open(asked.now_ms()) ? Ruling::allow("open") : Ruling::deny("closed", text_);
    }

    /** Lists hide nothing from anybody: all principals are of one class. */
    PrincipalClass classify(const Principal &) { return PrincipalClass::named("all"); }

  private:
    /** Whether the office is open. 1970-01-01 was a Thursday: day 0 of Unix time is day 3 from Monday. */
    bool is_open(uint64_t now_ms) const {
        int64_t minutes = static_cast<int64_t>(now_ms / 60000) + zone_minutes_, hour = minutes / 60 % 24;
        return (minutes / 1440 + 3) % 7 < 5 && hour >= from_ && hour < to_;
    }

    int64_t from_, to_, zone_minutes_;
    std::string on_call_, text_;
};

JACKFIELD_PLUGIN(OfficeHoursPlugin)
