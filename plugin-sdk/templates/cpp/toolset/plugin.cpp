// SPDX-License-Identifier: Apache-2.0
// A toolset: an MCP server in process. Its one tool, `slugify`, turns a title into a part of a URL.
#include <jackfield/plugin.hpp>

/* What the gateway knows of the plugin before it loads it. */
JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.0",
  "summary": "Turns titles into parts of URLs.",
  "facets": ["jf.toolset/1"],
  "requires": [],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "toolset": {
    "config": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "separator": {
          "enum": ["-", "_"], "default": "-",
          "description": "What stands between the words"
        }
      }
    }
  }
})json");

using namespace jackfield;

class Titles;

/** One instance: the gateway makes one for each event loop, so that nothing needs a lock. */
struct TitlesPlugin : Plugin {
    using Toolset = Titles;
    using Plugin::Plugin;
};

/** One configured server. */
class Titles {
  public:
    Titles(TitlesPlugin &, const SetInfo &info)
        : separator_(Fields(info.config, "setting").get_or<std::string>("separator", "-")) {}

    /** The answer to tools/list. */
    std::vector<Tool> tools() const {
        return {
            Tool("slugify", "Turns a title into a part of a URL.")
                .input(Schema()
                           .text("text", "The title.")
                           .integer("max_length", "How many characters at most.")
                           .range(1, 200)
                           .otherwise(80))
                .output(Schema().text("slug"))
                .read_only(),
        };
    }

    /** tools/call. Reading an argument checks it: what is thrown becomes an error that the client can read.
     */
    Answer call(const Request &request) const {
        if (request.name != "slugify") return request.unknown();
        Fields arguments = request.arguments();
        auto text = arguments.get<std::string>("text");
        auto most = arguments.get_or<size_t>("max_length", 80, 1, 200);
        std::string slug = slug_of(text, most);
        if (slug.empty()) return ToolResult::failure("The title has no ASCII letter or digit.");
        return ToolResult::structured(json::object({{"slug", slug}}), slug);
    }

  private:
    std::string slug_of(const std::string &text, size_t most) const {
        std::string slug;
        bool is_between = false;
        for (char c : text) {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
            if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) {
                is_between = !slug.empty();
                continue;
            }
            if (slug.size() + (is_between ? 2 : 1) > most) break;
            if (is_between) slug += separator_;
            slug += c;
            is_between = false;
        }
        return slug;
    }

    std::string separator_;
};

JACKFIELD_PLUGIN(TitlesPlugin)
