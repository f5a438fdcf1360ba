// SPDX-License-Identifier: Apache-2.0
// A first plugin in C++: an MCP server in process with tools that answer at once, later, and with an
// exception.
#include <jackfield/plugin.hpp>

#include <map>

/* What the host knows of the plugin before it loads it. */
JF_MANIFEST(R"json({
  "id": "toolset-words", "version": "1.0.0", "abi": "1.0", "summary": "Small tools for words.",
  "facets": ["jf.toolset/1"],
  "requires": ["jf.loop/1", "jf.ops/1"], "optional": ["jf.log/1"],
  "threads": "serial",
  "config": {"type": "object", "additionalProperties": false},
  "toolset": {"config": {"type": "object", "additionalProperties": false, "properties": {
    "most": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10,
             "description": "How many words a result lists at most"}}}}
})json");

using namespace jackfield;

class Words;

/** One instance. The services that it uses are members, as its manifest lists them. */
struct WordsPlugin : Plugin {
    using Toolset = Words;
    using Plugin::Plugin;

    Log log{host};
    Loop loop{host};
    Ops ops{host};
};

/** A `frequent` that is still counting. */
struct Count {
    static constexpr size_t slice = 16384; /* bytes between two turns of the event loop */

    Pending pending;
    std::string text;
    size_t most;
    Timer turn = {};
    size_t at = 0;
    std::string word = {};
    std::map<std::string, uint64_t> counts = {};

    /** Counts one slice; true when that was the last. */
    bool step() {
        for (size_t stop = std::min(at + slice, text.size()); at < stop; at++) {
            if (text[at] != ' ' && text[at] != '\n' && text[at] != '\t' && text[at] != '\r') {
                word.push_back(text[at]);
            } else if (!word.empty()) {
                counts[std::exchange(word, {})]++;
            }
        }
        if (at == text.size() && !word.empty()) counts[std::exchange(word, {})]++;
        return at == text.size();
    }

    ToolResult result() const {
        std::vector<std::pair<uint64_t, std::string>> order;
        for (const auto &[one, count] : counts)
            order.emplace_back(count, one);
        std::sort(order.begin(), order.end(), [](auto &a, auto &b) {
            return a.first != b.first ? a.first > b.first : a.second < b.second;
        });
        if (order.size() > most) order.resize(most);
        std::vector<json::Node> rows;
        std::string shown;
        for (const auto &[count, one] : order) {
            rows.push_back(json::object({{"word", one}, {"count", count}}));
            shown += std::to_string(count) + " " + one + "\n";
        }
        return ToolResult::structured(
            json::object({{"words", json::list(rows)}, {"distinct", counts.size()}}), shown);
    }
};

/** One configured server. */
class Words {
  public:
    Words(WordsPlugin &plugin, const SetInfo &info) : plugin_(plugin) {
        most_ = Fields(info.config, "setting").get_or<size_t>("most", 10, 1, 100);
    }

    /** The answer to tools/list. */
    std::vector<Tool> tools() const {
        auto text = Schema().text("text", "Any text.");
        return {
            Tool("reverse", "Turns the order of a text's words round.")
                .input(Schema()
                           .text("text", "Any text.")
                           .text("separator", "What words are joined with.")
                           .otherwise(" "))
                .output(Schema().text("text"))
                .read_only(),
            Tool("frequent", "Counts words and lists the most frequent ones.")
                .input(text)
                .output(Schema()
                            .list("words", Schema().text("word").integer("count").node())
                            .integer("distinct", "How many different words there are."))
                .read_only(),
            Tool("nth", "Gives one word of a text; shows what an exception becomes.")
                .input(Schema().text("text").integer("n", "Counts from 1."))
                .read_only(),
        };
    }

    /** tools/call. What is thrown here becomes an answer: Error as it says, any other exception an internal
     * error. */
    Answer call(const Request &request) {
        Fields arguments = request.arguments();
        if (request.name == "reverse") return reverse(arguments);
        if (request.name == "frequent") return frequent(request);
        if (request.name == "nth") {
            auto words = split(arguments.get<std::string>("text"));
            auto n = arguments.get<size_t>("n");
            return ToolResult::text(words.at(n - 1)); /* at: std::out_of_range, caught at the border */
        }
        return request.unknown();
    }

  private:
    static std::vector<std::string> split(const std::string &text) {
        std::vector<std::string> words;
        for (size_t at = 0; (at = text.find_first_not_of(" \t\r\n", at)) != std::string::npos;) {
            size_t end = std::min(text.find_first_of(" \t\r\n", at), text.size());
            words.push_back(text.substr(at, end - at));
            at = end;
        }
        return words;
    }

    Answer reverse(const Fields &arguments) {
        auto words = split(arguments.get<std::string>("text"));
        auto separator = arguments.get_or<std::string>("separator", " ");
        if (words.empty()) return ToolResult::failure("The text has no words.");
        std::string joined;
        for (auto word = words.rbegin(); word != words.rend(); ++word)
            joined += (joined.empty() ? "" : separator) + *word;
        return ToolResult::structured(json::object({{"text", joined}}), joined);
    }

    /** May get megabytes, and the event loop must never wait longer than about a millisecond: works through
     * one slice at a time, each from a timer. */
    Answer frequent(const Request &request) {
        auto text = request.arguments().get<std::string>("text");
        auto job = std::make_shared<Count>(Count{request.later(plugin_.ops), std::move(text), most_});
        job->pending.on_cancel(plugin_.loop, [weak = std::weak_ptr<Count>(job), &log = plugin_.log] {
            if (auto it = weak.lock()) {
                it->turn.cancel();
                it->pending.give_up();
                log.debug("nobody waits for the count any more");
            }
        });
        turn(std::move(job));
        return Answer::later();
    }

    void turn(std::shared_ptr<Count> job) {
        Count &it = *job;
        it.turn = plugin_.loop.after(std::chrono::nanoseconds(0), [this, job] {
            if (job->step())
                job->pending.finish(job->result());
            else
                turn(job);
        });
    }

    WordsPlugin &plugin_;
    size_t most_;
};

JACKFIELD_PLUGIN(WordsPlugin)
