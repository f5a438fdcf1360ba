// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the service jf.state/1: the configured store, with keys of the plugin's own. See jackfield/store.h
// for what each operation promises.
#ifndef JACKFIELD_STATE_HPP
#define JACKFIELD_STATE_HPP

#include <jackfield/host.hpp>
#include <jackfield/state.h>

#include <optional>

namespace jackfield {

/** A value to be kept. Borrowed until `put` returns. */
struct StateValue {
    std::string_view key, value;
    /** Only where the key is absent. */
    bool create = false;
    /** Only where the key has this revision; 0: any. */
    uint64_t match = 0;
    /** It is gone after so long; 0: it stays. */
    uint64_t ttl_ms = 0;
};

/** How an operation ended. Borrowed. */
struct StateAnswer {
    /** JF_OK; JF_ABSENT: there is no such key; JF_E_STALE: the condition does not hold; another error. */
    int32_t status = JF_OK;
    /** No error but where the status is one. */
    Error error;
    /** What is kept: any bytes; `value` is empty after a `put`, all of it after a `remove`. */
    std::string_view key, value;
    /** What `match` and `remove` take. */
    uint64_t revision = 0;
    /** When it is gone, Unix time; 0: never. */
    uint64_t expires_ms = 0;

    bool ok() const noexcept { return status == JF_OK; }
    bool absent() const noexcept { return status == JF_ABSENT; }
    bool stale() const noexcept { return status == JF_E_STALE; }
    /** A counter's sum; 0 where there is none. */
    int64_t sum() const noexcept {
        int64_t sum = 0;
        if (value.size() == sizeof sum) std::memcpy(&sum, value.data(), sizeof sum);
        return sum;
    }
};

/** Keys being watched; no callback follows its end. [lane] */
class StateWatch {
  public:
    StateWatch() noexcept = default;
    StateWatch(StateWatch &&other) noexcept { *this = std::move(other); }
    StateWatch &operator=(StateWatch &&other) noexcept {
        if (this == &other) return *this;
        end();
        node_ = std::exchange(other.node_, nullptr);
        if (node_ != nullptr) node_->owner = this;
        return *this;
    }
    ~StateWatch() { end(); }

    bool active() const noexcept { return node_ != nullptr; }
    void end() noexcept {
        if (Node *node = std::exchange(node_, nullptr)) node->end();
    }

  private:
    friend class State;
    struct Node : detail::Closable {
        Node(Host &its, const jf_state_1 &all) : host(its), table(all) {}
        virtual ~Node() = default;
        virtual void run(std::string_view key, uint64_t revision) = 0;
        void end() noexcept {
            host.closer.remove(this);
            table.unwatch(table.context, ref);
            if (running)
                ended = true; /* the callback ended its own watch: it is still inside its closure */
            else
                detail::guard_quietly([this] { delete this; });
        }
        void close() noexcept override {
            if (owner != nullptr) owner->node_ = nullptr;
            end();
        }
        static void changed(void *user, jf_ref, jf_view key, uint64_t revision) {
            Node *it = static_cast<Node *>(user);
            std::shared_ptr<detail::Life> life = it->host.life();
            it->running = true;
            life->run("state watch", [&] { it->run(text(key), revision); });
            it->running = false;
            if (it->ended) detail::guard_quietly([&] { delete it; });
        }
        Host &host;
        const jf_state_1 table;
        StateWatch *owner = nullptr;
        Ref ref = 0;
        bool running = false;
        bool ended = false;
    };
    template <class Body> struct NodeOf final : Node {
        NodeOf(Host &its, const jf_state_1 &all, Body what) : Node(its, all), body(std::move(what)) {}
        void run(std::string_view key, uint64_t revision) override { body(key, revision); }
        Body body;
    };
    Node *node_ = nullptr;
};

/** jf.state/1. The function of each operation runs as `done(const StateAnswer &)`, once, on the lane, never
 * from inside the method that began it; not at all where that returns an Error, or when the instance stops
 * before: what the operation changes may be changed then. [lane] */
class State {
  public:
    explicit State(Host &host, Need need = Need::required)
        : host_(host), table_(host.service<jf_state_1>(JF_STATE_1, need)) {}

    bool present() const noexcept { return table_.get != nullptr; }

    /** The entry of a key, or absent. */
    template <class Done> Error get(std::string_view key, Done done) {
        return begin(table_.get, std::move(done), view(key));
    }
    /** Keeps a value: its new entry without the value, or stale. */
    template <class Done> Error put(const StateValue &value, Done done) {
        jf_store_put raw{};
        raw.size = sizeof raw;
        raw.flags = (value.create ? JF_STORE_CREATE : 0) | (value.match != 0 ? JF_STORE_MATCH : 0);
        raw.revision = value.match;
        raw.ttl_ms = value.ttl_ms;
        raw.key = view(value.key);
        raw.value = value.value.data() != nullptr ? view(value.value) : view("");
        return begin(table_.put, std::move(done), &raw);
    }
    /** Forgets a key, whatever it has or (`revision`) what is expected: absent where there is none, or stale.
     */
    template <class Done> Error remove(std::string_view key, Done done, uint64_t revision = 0) {
        return begin(table_.remove, std::move(done), view(key), revision);
    }
    /** Adds to a counter, which begins at 0 and lives for `ttl_ms` (0: for ever) from its first change on:
     * StateAnswer::sum. `delta` 0 reads it. */
    template <class Done> Error add(std::string_view key, int64_t delta, Done done, uint64_t ttl_ms = 0) {
        jf_store_add raw{};
        raw.size = sizeof raw;
        raw.delta = delta;
        raw.ttl_ms = ttl_ms;
        raw.key = view(key);
        return begin(table_.add, std::move(done), &raw);
    }
    /** Calls `changed(std::string_view key, uint64_t revision)` for keys that begin with `prefix`: `revision`
     * 0 is gone, or not known; a key whose data() is nullptr: any of them may have changed. JF_E_UNSUPPORTED:
     * this store cannot. */
    template <class Changed> Error watch(std::string_view prefix, Changed changed, StateWatch &out) {
        if (table_.watch == nullptr || table_.unwatch == nullptr || host_.life()->closed())
            return Error::unsupported("no keys can be watched now");
        auto node = std::make_unique<StateWatch::NodeOf<Changed>>(host_, table_, std::move(changed));
        int32_t status = table_.watch(table_.context, view(prefix), StateWatch::Node::changed,
                                      static_cast<StateWatch::Node *>(node.get()), &node->ref);
        if (status != JF_OK)
            return Error(status < 0 ? status : JF_E_FAULT, "the store does not watch these keys");
        out.end();
        node->owner = &out;
        out.node_ = node.release();
        host_.closer.add(out.node_);
        return {};
    }

  private:
    struct Node : detail::Closable {
        Node(Host &its, const jf_state_1 &all) : host(its), table(all) {}
        virtual ~Node() = default;
        virtual void run(const StateAnswer &answer) = 0;
        void close() noexcept override {
            table.abandon(table.context, ref);
            detail::guard_quietly([this] { delete this; });
        }
        static void ended(void *user, jf_ref, int32_t status, jf_view bytes, const jf_fault *why) {
            std::unique_ptr<Node> it(static_cast<Node *>(user));
            it->host.closer.remove(it.get());
            std::shared_ptr<detail::Life> life = it->host.life();
            life->run("state", [&] { it->run(read(status, text(bytes), why)); });
            detail::guard_quietly([&] { it.reset(); });
        }
        Host &host;
        const jf_state_1 table;
        Ref ref = 0;
    };
    template <class Done> struct NodeOf final : Node {
        NodeOf(Host &its, const jf_state_1 &all, Done what) : Node(its, all), done(std::move(what)) {}
        void run(const StateAnswer &answer) override { done(answer); }
        Done done;
    };

    static StateAnswer read(int32_t status, std::string_view bytes, const jf_fault *why) {
        StateAnswer answer;
        answer.status = status;
        if (status == JF_E_STALE)
            answer.error = Error::stale("the condition does not hold").not_started();
        else
            answer.error = Error::from(status, detail::sized(why), "the store could not do it");
        jf_store_entry head{};
        if (status != JF_OK || bytes.size() < sizeof head) return answer;
        std::memcpy(&head, bytes.data(), sizeof head);
        bytes.remove_prefix(sizeof head);
        if (head.key_len > bytes.size() || head.value_len > bytes.size() - head.key_len) return answer;
        answer.key = bytes.substr(0, head.key_len);
        answer.value = bytes.substr(head.key_len, head.value_len);
        answer.revision = head.revision;
        answer.expires_ms = head.expires_ms;
        return answer;
    }
    template <class Slot, class Done, class... Arguments>
    Error begin(Slot slot, Done done, Arguments... arguments) {
        if (slot == nullptr || table_.abandon == nullptr || host_.life()->closed())
            return Error::unsupported("the store cannot be asked now");
        auto node = std::make_unique<NodeOf<Done>>(host_, table_, std::move(done));
        Node *its = node.get();
        int32_t status = slot(table_.context, arguments..., Node::ended, static_cast<void *>(its), &its->ref);
        if (status != JF_OK) return Error(status < 0 ? status : JF_E_FAULT, "the store takes no operation");
        host_.closer.add(node.release());
        return {};
    }

    Host &host_;
    jf_state_1 table_;
};

} // namespace jackfield

#endif
