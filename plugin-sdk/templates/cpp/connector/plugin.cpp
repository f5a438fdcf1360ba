// SPDX-License-Identifier: Apache-2.0
// A connector: channels to MCP servers. This one's server is a few lines of its own, which echo: put the
// reading and writing of your wire in their place.
#include <jackfield/plugin.hpp>

#include <map>

/* What the gateway knows of the plugin before it loads it. */
JF_MANIFEST(R"json({
  "id": "PLUGIN_ID",
  "version": "0.1.0",
  "abi": "1.0",
  "summary": "A server that echoes, inside of the gateway.",
  "facets": ["jf.connector/1"],
  "requires": ["jf.channels/1", "jf.loop/1"],
  "threads": "per-loop",
  "config": { "type": "object", "additionalProperties": false },
  "connector": {
    "schemes": ["PLUGIN_NAME"],
    "config": {
      "type": "object",
      "additionalProperties": false,
      "required": ["url"],
      "properties": {
        "url": { "type": "string", "description": "PLUGIN_NAME://HOST; this server needs no host" },
        "says": {
          "type": "string", "maxLength": 1000, "default": "You said: ",
          "description": "What stands before each echo"
        }
      }
    }
  }
})json");

using namespace jackfield;

class Echo;

/** One instance: the gateway makes one for each event loop, so that nothing needs a lock. */
struct EchoPlugin : Plugin {
    using Connector = Echo;
    using Plugin::Plugin;

    Channels channels{host};
    Loop loop{host};
};

/** The server. */
class EchoServer {
  public:
    explicit EchoServer(std::string prefix) : prefix_(std::move(prefix)) {}

    /** The answer to one request. */
    std::string serve(const std::string &request) const {
        const json::Document document(request);
        const json::Value it = document.root(), params = it["params"];
        const std::string method = it["method"].text().value_or("");
        if (method == "server/discover")
            return result(it,
                          R"("supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":60000,)"
                          R"("cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":)"
                          R"({"name":"PLUGIN_NAME","version":"0.1.0"}})");
        if (method == "tools/list")
            return result(it,
                          R"("tools":[{"name":"echo","description":"Says the same.","inputSchema":)"
                          R"({"type":"object","properties":{"text":{"type":"string","description":)"
                          R"("What to say."}},"required":["text"]}}],"ttlMs":60000,"cacheScope":"public")");
        if (method != "tools/call") return error(it, -32601, "there is no such method");
        if (params["name"].text() != "echo") return error(it, -32602, "there is no such tool");
        auto said = params["arguments"]["text"].text();
        if (!said) return error(it, -32602, "text must be a string");
        return result(it, R"("content":[{"type":"text","text":)" + json::quoted(prefix_ + *said) + "}]");
    }

  private:
    static std::string head(const json::Value &request) {
        return R"({"jsonrpc":"2.0","id":)" + std::string(request["id"].raw());
    }
    static std::string result(const json::Value &request, const std::string &members) {
        return head(request) + R"(,"result":{"resultType":"complete",)" + members + "}}";
    }
    static std::string error(const json::Value &request, int code, std::string_view text) {
        return head(request) + R"(,"error":{"code":)" + std::to_string(code) + R"(,"message":)" +
               json::quoted(text) + "}}";
    }

    std::string prefix_;
};

/** One open channel to one configured server. */
class Echo : public Channel {
  public:
    Echo(EchoPlugin &plugin, const ChannelInfo &info)
        : Channel(plugin.channels, info), loop_(plugin.loop),
          server_(Fields(info.config, "setting").get_or<std::string>("says", "You said: ")) {
        turn_ = loop_.after(std::chrono::nanoseconds(0), [this] { ready(JF_CHANNEL_EXCHANGES); });
    }

    /** Messages without an exchange expect no answer. */
    Error send(const Message &message) {
        const Ref exchange = message.exchange();
        if (exchange == 0 || !message.has_body()) return {};
        std::string answer = server_.serve(message.body());
        Timer timer = loop_.after(std::chrono::nanoseconds(0), [this, exchange, answer = std::move(answer)] {
            answers_.erase(exchange); /* first: the host may call us back from inside of deliver */
            deliver(exchange, answer);
        });
        if (!timer.pending()) return Error::busy("there are no timers left");
        answers_[exchange] = std::move(timer);
        return {};
    }

    void cancel(Ref exchange) { answers_.erase(exchange); }

    void close(uint64_t) {
        answers_.clear();
        turn_ = loop_.after(std::chrono::nanoseconds(0), [this] { closed(); });
    }

  private:
    Loop &loop_;
    EchoServer server_;
    Timer turn_;
    std::map<Ref, Timer> answers_; /* they arrive with the next turn of the event loop */
};

JACKFIELD_PLUGIN(EchoPlugin)
