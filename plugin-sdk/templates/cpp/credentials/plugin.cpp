// SPDX-License-Identifier: Apache-2.0
// A source of credentials: one header field, whose value comes from an environment variable.
#include <jackfield/plugin.hpp>

#include <cstdlib>

/* What the gateway knows of the plugin before it loads it. */
JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.1",
  "summary": "Shows servers a header from an environment variable",
  "facets": ["jf.credentials/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "credentials": {
    "source": "PLUGIN_NAME",
    "exchange": false,
    "config": {
      "type": "object",
      "additionalProperties": false,
      "required": ["variable"],
      "properties": {
        "variable": {
          "type": "string",
          "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
          "maxLength": 100,
          "description": "The environment variable"
        },
        "header": {
          "type": "string",
          "pattern": "^[A-Za-z0-9-]+$",
          "maxLength": 100,
          "default": "authorization",
          "description": "The header field"
        },
        "prefix": {
          "type": "string",
          "maxLength": 100,
          "default": "Bearer ",
          "description": "What stands before the value"
        }
      }
    }
  }
})json");

using namespace jackfield;

class HeaderSource;

/** One instance: every event loop has its own, so that nothing needs a lock. */
struct HeaderPlugin : Plugin {
    using CredentialSource = HeaderSource;
    using Plugin::Plugin;
};

/** One server. */
class HeaderSource {
  public:
    HeaderSource(HeaderPlugin &, const GuardInfo &info)
        : header_(info.options().get_or<std::string>("header", "authorization")),
          value_(info.options().get_or<std::string>("prefix", "Bearer ")) {
        std::string variable = info.options().get<std::string>("variable");
        const char *found = std::getenv(variable.c_str());
        if (found == nullptr || *found == 0)
            throw Error::invalid("the environment variable " + variable + " is not set, or empty");
        value_ += found;
        for (unsigned char c : value_) /* RFC 9110 section 5.5 */
            if (c < 0x20 || c == 0x7f)
                throw Error::invalid(variable + " has a character that no header may have");
    }
    ~HeaderSource() { wipe(value_.data(), value_.size()); }

    /** The same for everybody and every endpoint of the server: nothing is asked, the host may keep it. */
    Answer supply(const Demand &asked) {
        if (asked.refused() != 0)
            return Error::denied("the server refuses the credentials: is the variable right?");
        return Supply::of(header_, value_);
    }

  private:
    std::string header_, value_;
};

JACKFIELD_PLUGIN(HeaderPlugin)
