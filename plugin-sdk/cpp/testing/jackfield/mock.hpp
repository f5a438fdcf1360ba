// SPDX-License-Identifier: Apache-2.0
// C++ SDK, tests: the mock host of testing/c as objects that clean up after themselves.
//
//     TEST(greets) {
//         jackfield::testing::Mock mock;
//         REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
//         auto done = mock.open_set("greeter").call("greet", R"({"name": "Ann"})");
//         CHECK(done["structuredContent"]["greeting"].text() == "Hello, Ann!", "%s", done.text().c_str());
//         CHECK(mock.end() == 0, "the plugin broke a rule");
//     }
#ifndef JACKFIELD_MOCK_HPP
#define JACKFIELD_MOCK_HPP

#include "jf_mock.h"

#include <jackfield/json.hpp>
#include <jackfield/message.hpp>

#include <cstdlib>
#include <vector>

namespace jackfield {
namespace testing {

/** How an operation ended. */
class Done {
  public:
    explicit Done(const jf_mock_op &op)
        : status(op.status), in_slot(op.inline_result), progress(op.progress),
          why(op.why != nullptr ? op.why : ""), shown((op.fault.flags & JF_FAULT_PUBLIC) != 0),
          document_(op.result != nullptr ? op.result : "") {}

    /** JF_OK, JF_PENDING, or the error's code. */
    int32_t status;
    /** The slot itself answered, not jf.ops/1. */
    bool in_slot;
    /** How many progress reports there were. */
    uint32_t progress;
    /** The error's text, and whether clients may read it. */
    std::string why;
    bool shown;

    bool ok() const noexcept { return status == JF_OK; }
    const std::string &text() const noexcept { return document_.text(); }
    json::Value result() const noexcept { return document_.root(); }
    json::Value operator[](std::string_view key) const { return result()[key]; }
    /** The first content's text; empty when there is none. */
    std::string words() const { return result()["content"][size_t(0)]["text"].text().value_or(""); }

  private:
    json::Document document_;
};

/** One open set. */
class Set {
  public:
    Set(jf_mock *mock, Ref ref) : mock_(mock), ref_(ref) {}
    /** False: `open` refused it, Mock::why says why. */
    explicit operator bool() const noexcept { return ref_ != 0; }
    Ref ref() const noexcept { return ref_; }

    /** Begins a request and gives its operation's handle. */
    Ref begin(const char *name, const char *arguments = "{}", uint32_t slot = JF_MOCK_CALL) {
        return jf_mock_request(mock_, ref_, slot, name, arguments);
    }
    /** Runs the loop until it is over, at most `timeout_ms`. */
    Done wait(Ref op, uint32_t timeout_ms = 5000) {
        jf_mock_wait_op(mock_, op, timeout_ms);
        return Done(jf_mock_op_at(mock_, op));
    }
    Done call(const char *tool, const char *arguments = "{}") { return wait(begin(tool, arguments)); }
    Done read(const char *uri) { return wait(begin(uri, "{}", JF_MOCK_READ)); }
    Done prompt(const char *name, const char *arguments = "{}") {
        return wait(begin(name, arguments, JF_MOCK_PROMPT));
    }
    Done complete(const char *params) { return wait(begin("", params, JF_MOCK_COMPLETE)); }
    /** What is listed; empty when there is nothing of the kind. */
    json::Document list(uint32_t kind = JF_TOOLS) {
        char *text = jf_mock_list(mock_, ref_, kind, nullptr);
        json::Document document(text != nullptr ? text : "");
        std::free(text);
        return document;
    }
    void close() { jf_mock_close_set(mock_, ref_); }

  private:
    jf_mock *mock_;
    Ref ref_;
};

/** One server attached to a routing strategy; detached when this is destroyed. */
class Route {
  public:
    Route(jf_mock *mock, const char *name, const char *config) : mock_(mock) {
        const jf_routing_1 *table = jf_mock_routing(mock);
        if (table != nullptr) {
            table_ = *table;
            status = table_.attach(self(), jf_mock_view(name), jf_mock_view(config), &handle_,
                                   jf_mock_fault(mock));
        }
    }
    Route(const Route &) = delete;
    Route &operator=(const Route &) = delete;
    ~Route() {
        if (status == JF_OK && jf_mock_self(mock_) != nullptr) table_.detach(self(), handle_);
    }

    /** What `attach` answered; the same for `pick` and the others after each call. */
    int32_t status = JF_E_UNSUPPORTED;

    /** The chosen index, or -1. */
    int64_t pick(std::string_view name, const std::vector<Ref> &endpoints) {
        std::vector<jf_endpoint> all(endpoints.size());
        std::vector<const jf_endpoint *> pointers;
        for (size_t i = 0; i < all.size(); i++) {
            all[i].size = sizeof all[i];
            all[i].id = endpoints[i];
            all[i].weight = 1;
            all[i].ready = 1000;
            pointers.push_back(&all[i]);
        }
        jf_pick call{};
        call.size = sizeof call;
        call.method = view("tools/call");
        call.name = view(name);
        call.total = static_cast<uint32_t>(all.size());
        call.all = pointers.data();
        uint32_t chosen = UINT32_MAX;
        status = table_.pick(self(), handle_, &call, pointers.data(), pointers.size(), &chosen,
                             jf_mock_fault(mock_));
        return status == JF_OK ? static_cast<int64_t>(chosen) : -1;
    }
    void observe(Ref endpoint, int32_t ended, uint64_t latency_ns = 1000000) {
        jf_outcome outcome{};
        outcome.size = sizeof outcome;
        outcome.status = ended;
        outcome.endpoint = endpoint;
        outcome.latency_ns = latency_ns;
        if (table_.observe != nullptr) table_.observe(self(), handle_, &outcome);
    }
    std::string export_state() {
        jf_blob raw{};
        status = table_.export_state != nullptr
                     ? table_.export_state(self(), handle_, &raw, jf_mock_fault(mock_))
                     : JF_E_UNSUPPORTED;
        return std::string(Blob(raw).text());
    }
    int32_t import_state(std::string_view state) {
        std::vector<uint8_t> copy(state.begin(),
                                  state.end()); /* its own memory: a view kept too long shows */
        static const uint8_t nothing[1] = {0};
        jf_view bytes = {copy.empty() ? nothing : copy.data(), copy.size()};
        status = table_.import_state != nullptr
                     ? table_.import_state(self(), handle_, bytes, jf_mock_fault(mock_))
                     : JF_E_UNSUPPORTED;
        return status;
    }

  private:
    jf_self *self() const { return jf_mock_self(mock_); }
    jf_mock *mock_;
    jf_routing_1 table_{};
    Ref handle_ = 0;
};

/** A provider, policy, filter or source while it is attached; the functions of jf_mock_guard.h take it as the
 * handle: `jf_mock_identify_field(mock, list, "authorization", "Bearer x")`. */
class Attached {
  public:
    using Attach = jf_ref (*)(jf_mock *, const char *, const char *);
    using Detach = void (*)(jf_mock *, jf_ref);
    Attached(jf_mock *mock, Attach attach, Detach end, const char *name, const char *config)
        : mock_(mock), detach_(end), ref_(attach(mock, name, config)) {}
    Attached(Attached &&other) noexcept
        : mock_(other.mock_), detach_(other.detach_), ref_(std::exchange(other.ref_, 0)) {}
    ~Attached() { detach(); }
    /** False: `attach` refused it, Mock::why says why. */
    explicit operator bool() const noexcept { return ref_ != 0; }
    operator Ref() const noexcept { return ref_; }
    void detach() {
        Ref ref = std::exchange(ref_, 0);
        if (ref != 0 && jf_mock_self(mock_) != nullptr) detach_(mock_, ref);
    }

  private:
    jf_mock *mock_;
    Detach detach_;
    Ref ref_;
};

/** A mock host with at most one instance. get() is the mock of jf_mock.h, whose functions all work beside
 * these. */
class Mock {
  public:
    Mock() : mock_(jf_mock_new()) {}
    Mock(const Mock &) = delete;
    Mock &operator=(const Mock &) = delete;
    ~Mock() { end(); }

    /** Loads, creates and starts a plugin. */
    bool up(const char *path, const char *config = "{}") { return jf_mock_up(mock_, path, config); }
    /** The same for a plugin that is linked into the test program. */
    bool up(jf_entry_fn entry, const char *config = "{}") {
        return jf_mock_attach(mock_, entry) == JF_OK && jf_mock_create(mock_, config) == JF_OK &&
               jf_mock_start(mock_) == JF_OK;
    }
    Set open_set(const char *name, const char *config = "{}") {
        return Set(mock_, jf_mock_open_set(mock_, name, config));
    }
    Route attach(const char *name, const char *config = "{}") { return Route(mock_, name, config); }

    Attached provider(const char *name, const char *config = "{}") {
        return {mock_, jf_mock_auth_attach, jf_mock_auth_detach, name, config};
    }
    Attached policy(const char *name, const char *config = "{}") {
        return {mock_, jf_mock_policy_attach, jf_mock_policy_detach, name, config};
    }
    Attached filter(const char *name, const char *config = "{}") {
        return {mock_, jf_mock_filter_attach, jf_mock_filter_detach, name, config};
    }
    Attached source(const char *server, const char *config = "{}") {
        return {mock_, jf_mock_credentials_attach, jf_mock_credentials_detach, server, config};
    }
    /** How an operation stands; `wait` runs the loop until it is over. */
    Done done(Ref op) { return Done(jf_mock_op_at(mock_, op)); }
    Done wait(Ref op, uint32_t timeout_ms = 5000) {
        jf_mock_wait_op(mock_, op, timeout_ms);
        return done(op);
    }

    /** The text of the last error. */
    const char *why() { return jf_mock_why(mock_); }
    /** Destroys the instance and the mock; how many rules were broken, leaks included. 0 when called again.
     */
    uint32_t end() {
        jf_mock *mock = std::exchange(mock_, nullptr);
        return mock != nullptr ? jf_mock_free(mock) : 0;
    }
    /** Forgets the broken rules so far. */
    void forgive() { jf_mock_forgive(mock_); }

    jf_mock *get() noexcept { return mock_; }
    operator jf_mock *() noexcept { return mock_; }

  private:
    jf_mock *mock_;
};

} // namespace testing
} // namespace jackfield

#endif
