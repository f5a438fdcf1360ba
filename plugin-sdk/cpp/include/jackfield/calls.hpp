// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the service jf.calls/1: calls of MCP methods through the router, as any client would make them.
#ifndef JACKFIELD_CALLS_HPP
#define JACKFIELD_CALLS_HPP

#include <jackfield/calls.h>
#include <jackfield/host.hpp>
#include <jackfield/json.hpp>

#include <optional>

namespace jackfield {

/** What to call. Borrowed until `start` returns. */
struct Call {
    std::string_view method;
    /** A JSON object in the shape of MCP 2026-07-28. */
    std::string_view params = "{}";
    /** "/mcp", "/mcp/servers/NAME", "/mcp/bundles/NAME" */
    std::string_view target = "/mcp";
    /** On whose behalf; absent: the plugin itself. */
    std::string_view principal = {};
    /** 0: the target server's own. */
    uint64_t timeout_ns = 0;
};

/** How a call ended. Borrowed. */
struct CallResult {
    int32_t status;
    /** The result object, or the JSON-RPC error object when the status is an error. */
    json::Value body;
};

/** jf.calls/1. Calls under way when the instance stops are cancelled, their functions are not called. [lane]
 */
class Calls {
  public:
    explicit Calls(Host &host, Need need = Need::required)
        : host_(host), table_(host.service<jf_calls_1>(JF_CALLS_1, need)) {}

    /** Starts a call. `done(const CallResult &)` runs once, on the lane, never from inside this. An error: it
     * will not. `handle` (may be nullptr) receives what `cancel` takes. */
    template <class Done> Error start(const Call &call, Done done, Ref *handle = nullptr) {
        if (table_.start == nullptr || host_.life()->closed())
            return Error::unsupported("no calls can be made now");
        auto node = std::make_unique<NodeOf<Done>>(*this, std::move(done));
        jf_call raw{};
        raw.size = sizeof raw;
        raw.timeout_ns = call.timeout_ns;
        raw.target = view(call.target);
        raw.method = view(call.method);
        raw.params = view(call.params);
        raw.principal = view(call.principal);
        jf_fault why{};
        why.size = sizeof why;
        Node *its = node.get();
        int32_t status = table_.start(table_.context, &raw, Node::ended, its, &its->ref, &why);
        if (status != JF_OK)
            return Error::from(status < 0 ? status : JF_E_FAULT, why, "the call was refused");
        if (handle != nullptr) *handle = its->ref;
        host_.closer.add(node.release());
        return {};
    }
    /** Cancels; `done` still comes, with JF_E_GONE. A stale handle is ignored. */
    void cancel(Ref handle) {
        if (table_.cancel != nullptr && !host_.life()->closed()) table_.cancel(table_.context, handle);
    }

  private:
    /* `done` comes for every call, so that a node lives until then, without its function once the instance
     * stopped. */
    struct Node : detail::Closable {
        explicit Node(Calls &its) : host(&its.host_), life(its.host_.life()), table(its.table_) {}
        virtual ~Node() = default;
        virtual void run(const CallResult &result) = 0;
        virtual void forget() noexcept = 0;
        void close() noexcept override {
            host = nullptr;
            detail::guard_quietly([this] { forget(); });
            if (table.cancel != nullptr) table.cancel(table.context, ref);
        }
        static void ended(void *user, jf_ref, const jf_call_result *raw) {
            std::unique_ptr<Node> it(static_cast<Node *>(user));
            if (it->host != nullptr) {
                it->host->closer.remove(it.get());
                const jf_call_result known = detail::sized(raw);
                CallResult result{known.status, json::Value::trusted(text(known.body))};
                it->life->run("call", [&] { it->run(result); });
            }
            detail::guard_quietly([&] { it.reset(); });
        }
        Host *host;
        std::shared_ptr<detail::Life> life;
        jf_calls_1 table;
        Ref ref = 0;
    };
    template <class Done> struct NodeOf final : Node {
        NodeOf(Calls &its, Done what) : Node(its), done(std::move(what)) {}
        void run(const CallResult &result) override { (*done)(result); }
        void forget() noexcept override { done.reset(); }
        std::optional<Done> done;
    };
    Host &host_;
    jf_calls_1 table_;
};

} // namespace jackfield

#endif
