// SPDX-License-Identifier: Apache-2.0
// Tests of the C++ SDK's connector, listener and jf.http/1, in a plugin that is linked into the program. It
// compiles without exceptions and RTTI too, and then shows how errors travel.
#include "jf_check.h"

#include <jackfield/mock.hpp>
#include <jackfield/plugin.hpp>

using jackfield::testing::Mock;
using namespace jackfield;

class Echo;
class Doors;

struct TransportPlugin : Plugin {
    using Connector = Echo;
    using Listener = Doors;
    using Plugin::Plugin;

    /* Instead of a constructor: errors without exceptions. */
    static std::unique_ptr<TransportPlugin> make(Host &host, const json::Value &config, Error &why) {
        auto it = std::make_unique<TransportPlugin>(host);
        std::string path = "/echo";
        why = Fields(config, "setting").read_if("path", path);
        if (!why && it->http.present())
            why = it->http.mount(path, [plugin = it.get()](const HttpMessage &request) {
#if JACKFIELD_EXCEPTIONS
                if (request.method == "THROW") throw Error::fault("told to throw");
#endif
                std::string reply = std::string(request.method) + " " + std::string(request.header("x-a"));
                plugin->http.respond(request.exchange, 200, reply, {{"content-type", "text/plain"}});
            });
        return it;
    }
    const void *offer(std::string_view id) {
        return id == "com.example.echo/1" ? this : nullptr;
    }
    void drain(uint64_t) {
        drained = true;
    }

    Channels channels{host};
    Inbound inbound{host};
    Loop loop{host};
    Http http{host, Need::optional};
    bool drained = false;
};

/** Sends every message back to where it came from. */
class Echo : public Channel {
  public:
    Echo(TransportPlugin &plugin, const ChannelInfo &info) : Channel(plugin.channels, info), plugin_(plugin) {
        open_now++;
    }
    ~Echo() { open_now--; }
    static std::unique_ptr<Echo> make(TransportPlugin &plugin, const ChannelInfo &info, Error &why) {
        int64_t limit = 0;
        why = Fields(info.config, "setting").read("limit", limit, int64_t(1), int64_t(100));
        auto it = std::make_unique<Echo>(plugin, info);
        it->limit_ = limit;
        it->start_ = plugin.loop.after(std::chrono::nanoseconds(0),
                                       [one = it.get()] { one->ready(JF_CHANNEL_EXCHANGES); });
        return it;
    }
    Error send(const Message &message) {
        if (++sent_ > limit_) return Error::busy("the echo is tired", 100).not_started();
        if (message.exchange() == 0) return {};
        exchange_ = message.exchange();
        answer_ = message.body();
        later_ = plugin_.loop.after(std::chrono::nanoseconds(0), [this] { deliver(exchange_, answer_); });
        return {};
    }
    void cancel(Ref exchange) {
        later_.cancel();
        failed(exchange, Error::gone("given up"));
    }
    void close(uint64_t) {
        later_ = plugin_.loop.after(std::chrono::nanoseconds(0),
                                    [this] { closed(); }); /* from inside a timer of it */
    }

    int32_t usage(jf_usage &told) const {
        told.processes = 3;
        told.waiting = static_cast<uint32_t>(sent_);
        return sent_ == 0 ? JF_ABSENT : JF_OK;
    }

    static int open_now;

  private:
    TransportPlugin &plugin_;
    int64_t limit_ = 0, sent_ = 0;
    Ref exchange_ = 0;
    std::string answer_;
    Timer start_, later_;
};
int Echo::open_now = 0;

/** A listener without sockets: one client that says hello. */
class Doors {
  public:
    explicit Doors(TransportPlugin &plugin) : plugin_(plugin) {}
    Error listen(Ref listener, std::string_view address, json::Value, std::string &bound) {
        if (address == "taken") return Error::busy("the address is taken");
        bound = "mock://" + std::string(address);
        plugin_.loop.post([this, listener] {
            if (Error refused = plugin_.inbound.opened(listener, "peer:1", 0, client)) return;
            plugin_.inbound.deliver(client, 77, R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
        });
        return {};
    }
    void unlisten(Ref) {}
    int32_t reply(Ref to, const Message &message) {
        if (to != client || message.exchange() != 77) return JF_E_STALE;
        replies.push_back(message.body());
        kept = message.retain(1);
        return JF_OK;
    }
    void close(Ref of) { plugin_.inbound.closed(of); }

    static Ref client;
    static std::vector<std::string> replies;
    static Retained kept;

  private:
    TransportPlugin &plugin_;
};
Ref Doors::client = 0;
std::vector<std::string> Doors::replies;
Retained Doors::kept;

JACKFIELD_PLUGIN(TransportPlugin)

/* A service jf.http/1 of the test's own. */
struct FakeHttp {
    static int32_t mount(void *, jf_view path, jf_http_serve_fn serve, void *user, jf_ref *out) {
        it.path = std::string(text(path));
        it.serve = serve;
        it.user = user;
        return *out = 5, JF_OK;
    }
    static void unmount(void *, jf_ref) { it.serve = nullptr; }
    static int32_t respond(void *, jf_ref exchange, const jf_http_response *response) {
        it.answer = std::to_string(exchange) + " " + std::to_string(response->status);
        if (response->header_count > 0)
            it.answer +=
                " " + std::string(text(response->body)) + " " + std::string(text(response->headers[0].value));
        return JF_OK;
    }
    std::string path, answer;
    jf_http_serve_fn serve = nullptr;
    void *user = nullptr;
    static FakeHttp it;
};
FakeHttp FakeHttp::it;

TEST(a_connector_echoes) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    Ref channel = jf_mock_open(mock, "one", R"({"limit": 3})");
    REQUIRE(channel != 0, "%s", mock.why());
    const jf_mock_event *ready = jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_READY, channel, 0, 1000);
    CHECK(ready != nullptr && ready->flags == JF_CHANNEL_EXCHANGES, "not ready");
    Ref exchange = jf_mock_exchange(mock);
    CHECK(jf_mock_send(mock, channel, exchange, R"({"a":1})") == JF_OK, "%s", mock.why());
    const jf_mock_event *answer = jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_MESSAGE, channel, exchange, 1000);
    CHECK(answer != nullptr && std::string(answer->text) == R"({"a":1})", "no echo");
    exchange = jf_mock_exchange(mock);
    jf_mock_send(mock, channel, exchange, "{}");
    jf_mock_cancel(mock, channel, exchange);
    CHECK(jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_FAILED, channel, exchange, 1000) != nullptr, "not given up");
    CHECK(jf_mock_send(mock, channel, 0, "{}") == JF_OK, "a message without an answer");
    CHECK(jf_mock_send(mock, channel, 0, "{}") == JF_E_BUSY, "the fourth");
    CHECK(std::string(mock.why()) == "the echo is tired", "%s", mock.why());
    CHECK(jf_mock_close(mock, channel, 1000), "not closed");
    CHECK(jf_mock_open(mock, "two", R"({"limit": 0})") == 0, "a limit of 0");
    CHECK(std::string(mock.why()) == "setting 'limit' must be an integer from 1 to 100", "%s", mock.why());
    CHECK(Echo::open_now == 0, "%d channels are still there", Echo::open_now);
    jf_mock_drain(mock, 10);
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(a_connector_tells_what_its_processes_use) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    Ref channel = jf_mock_open(mock, "one", R"({"limit": 3})");
    jf_usage usage;
    CHECK(jf_mock_usage(mock, channel, &usage) == JF_ABSENT && usage.processes == 0, "too early");
    CHECK(jf_mock_send(mock, channel, 0, "{}") == JF_OK, "send");
    CHECK(jf_mock_usage(mock, channel, &usage) == JF_OK && usage.processes == 3 && usage.waiting == 1,
          "usage");
    jf_usage cut;
    std::memset(&cut, 0x5a, sizeof cut);
    cut.size = offsetof(jf_usage, processes);
    const jf_connector_1 *table = jf_mock_connector(mock);
    Ref handle = jf_mock_handle(mock, channel);
    CHECK(table->usage(jf_mock_self(mock), handle, &cut) == JF_OK && cut.memory == 0, "cut");
    CHECK(cut.size == offsetof(jf_usage, processes) && cut.processes == 0x5a5a5a5a, "more than asked for");
    CHECK(jf_mock_close(mock, channel, 1000), "close");
    CHECK(table->usage(jf_mock_self(mock), handle, &usage) == JF_E_STALE, "closed");
}

TEST(an_open_channel_ends_with_its_instance) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    Ref channel = jf_mock_open(mock, "one", R"({"limit": 3})");
    jf_mock_send(mock, channel, jf_mock_exchange(mock), "{}");
    CHECK(Echo::open_now == 1, "open");
    jf_mock_destroy(mock);
    CHECK(Echo::open_now == 0, "left behind");
    mock.forgive();
    mock.end();
}

TEST(a_listener_delivers) {
    Mock mock;
    REQUIRE(mock.up(jf_entry_1), "%s", mock.why());
    char bound[64];
    CHECK(jf_mock_listen(mock, "taken", "{}", bound, sizeof bound) == 0, "listens");
    REQUIRE(jf_mock_listen(mock, "here", "{}", bound, sizeof bound) != 0, "%s", mock.why());
    CHECK(std::string(bound) == "mock://here", "%s", bound);
    const jf_mock_event *asked = jf_mock_wait(mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 77, 1000);
    REQUIRE(asked != nullptr, "nothing was delivered");
    jf_view parts[] = {jf_mock_view("{\"jsonrpc\":\"2.0\",\"id\":1,"), jf_mock_view("\"result\":{}}")};
    CHECK(jf_mock_reply_retainable(mock, asked->peer, 77, JF_MSG_FINAL, parts, 2, 2) == JF_OK, "replied");
    CHECK(Doors::replies.back() == R"({"jsonrpc":"2.0","id":1,"result":{}})", "%s",
          Doors::replies.back().c_str());
    CHECK(Doors::kept && jf_mock_retained(mock) == 1, "%u retained", jf_mock_retained(mock));
    Doors::kept.reset();
    CHECK(jf_mock_retained(mock) == 0, "not released");
    CHECK(jf_mock_reply(mock, asked->peer, 78, JF_MSG_FINAL, 0, "{}") == JF_E_STALE, "an unknown exchange");
    jf_mock_listener(mock)->close(jf_mock_self(mock), asked->peer);
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(mounts_a_path) {
    jf_http_1 table{};
    table.size = sizeof table;
    table.mount = FakeHttp::mount;
    table.unmount = FakeHttp::unmount;
    table.respond = FakeHttp::respond;
    Mock mock;
    jf_mock_offer(mock, JF_HTTP_1, &table);
    REQUIRE(mock.up(jf_entry_1, R"({"path":"/other"})"), "%s", mock.why());
    REQUIRE(FakeHttp::it.serve != nullptr && FakeHttp::it.path == "/other", "%s", FakeHttp::it.path.c_str());
    jf_pair headers[] = {{view("x-a"), view("yes")}};
    jf_http_request request{};
    request.size = sizeof request;
    request.exchange = 9;
    request.method = view("GET");
    request.headers = headers;
    request.header_count = 1;
    FakeHttp::it.serve(FakeHttp::it.user, &request);
    CHECK(FakeHttp::it.answer == "9 200 GET yes text/plain", "%s", FakeHttp::it.answer.c_str());
#if JACKFIELD_EXCEPTIONS
    request.method = view("THROW");
    FakeHttp::it.serve(FakeHttp::it.user, &request);
    CHECK(FakeHttp::it.answer == "9 500", "%s", FakeHttp::it.answer.c_str());
#endif
    CHECK(jf_mock_facet(mock, "com.example.echo/1") != nullptr, "a service of its own");
    CHECK(jf_mock_facet(mock, "com.example.other/1") == nullptr, "another's");
    CHECK(mock.end() == 0 && FakeHttp::it.serve == nullptr, "still mounted");
}

TEST(errors_without_exceptions) {
    Mock mock;
    REQUIRE(jf_mock_attach(mock, jf_entry_1) == JF_OK, "%s", mock.why());
    CHECK(jf_mock_create(mock, R"({"path": 1})") == JF_E_INVALID, "created");
    CHECK(std::string(mock.why()) == "setting 'path' must be a string", "%s", mock.why());
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
