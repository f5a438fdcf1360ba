// SPDX-License-Identifier: Apache-2.0
// A filter: the end of one argument of a call stays, the rest becomes stars.
#include <jackfield/plugin.hpp>

/* What the gateway knows of the plugin before it loads it. */
JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.1",
  "summary": "Masks an argument of calls",
  "facets": ["jf.filter/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "filter": {
    "filter": "PLUGIN_NAME",
    "methods": ["tools/call"],
    "phases": ["request"],
    "config": {
      "type": "object",
      "additionalProperties": false,
      "required": ["argument"],
      "properties": {
        "argument": {
          "type": "string",
          "minLength": 1,
          "maxLength": 64,
          "description": "The argument that is masked where it is a text"
        },
        "keep": {
          "type": "integer",
          "minimum": 0,
          "maximum": 100,
          "default": 4,
          "description": "How many characters at its end stay"
        }
      }
    }
  }
})json");

using namespace jackfield;

class Mask;

/** One instance: every event loop has its own, so that nothing needs a lock. */
struct MaskPlugin : Plugin {
    using Filter = Mask;
    using Plugin::Plugin;
};

/** One configured filter. */
class Mask {
  public:
    /** It never answers later: the gateway need not copy what it shows. */
    static constexpr bool answers_at_once = true;

    Mask(MaskPlugin &, const GuardInfo &info)
        : argument_(info.options().get<std::string>("argument")),
          keep_(info.options().get_or<int64_t>("keep", 4)) {}

    Answer request(const Passage &passage) {
        Verdict verdict(passage);
        /* Of repeated members servers take the first or the last: all of them are masked. */
        for (const json::Member &member : passage.arguments().members()) {
            if (!member.is(argument_)) continue;
            if (std::optional<std::string> text = member.value.text())
                verdict.replace(member.value, covered(*text));
        }
        return verdict; /* without a change it goes on as it is */
    }

  private:
    /** Stars for all but the last characters of a text, which is valid UTF-8. */
    std::string covered(const std::string &text) const {
        auto begins = [&](size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80; };
        size_t tail = text.size();
        for (int64_t left = keep_; tail > 0 && left > 0;)
            if (begins(--tail)) left--;
        std::string out;
        for (size_t at = 0; at < tail; at++)
            if (begins(at)) out += '*';
        return out + text.substr(tail);
    }

    std::string argument_;
    int64_t keep_;
};

JACKFIELD_PLUGIN(MaskPlugin)
