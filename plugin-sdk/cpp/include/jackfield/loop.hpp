// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the service jf.loop/1: timers, descriptors and tasks on the instance's own event loop.
#ifndef JACKFIELD_LOOP_HPP
#define JACKFIELD_LOOP_HPP

#include <jackfield/host.hpp>
#include <jackfield/loop.h>

#include <chrono>

namespace jackfield {

class Loop;

namespace detail {

struct TaskNode {
    explicit TaskNode(std::shared_ptr<Life> its) : life(std::move(its)) {}
    virtual ~TaskNode() = default;
    virtual void run() = 0;
    std::shared_ptr<Life> life;

    static void fire(void *user) {
        std::unique_ptr<TaskNode> it(static_cast<TaskNode *>(user));
        if (!it->life->closed()) it->life->run("post", [&] { it->run(); });
        guard_quietly([&] { it.reset(); });
    }
};

template <class Body> struct TaskOf final : TaskNode {
    TaskOf(std::shared_ptr<Life> its, Body what) : TaskNode(std::move(its)), body(std::move(what)) {}
    void run() override { body(); }
    Body body;
};

} // namespace detail

/** The way back to the lane from any thread. Copies may outlive the instance. */
class Lane {
  public:
    Lane(std::shared_ptr<detail::Life> life, const jf_loop_1 &table)
        : life_(std::move(life)), table_(table) {}

    /** Runs `task` on the lane soon, never from inside this call. False: the instance has stopped, the task
     * is gone. [any] */
    template <class Task> bool post(Task task) const {
        return give(std::make_unique<detail::TaskOf<Task>>(life_, std::move(task)));
    }

    /** For the SDK: a task that was made before. */
    bool give(std::unique_ptr<detail::TaskNode> node) const {
        if (table_.post == nullptr || !life_->enter()) return false;
        int32_t status = table_.post(table_.context, detail::TaskNode::fire, node.get());
        if (status == JF_OK) (void)node.release();
        life_->leave();
        return status == JF_OK;
    }
    const std::shared_ptr<detail::Life> &life() const noexcept { return life_; }

  private:
    std::shared_ptr<detail::Life> life_;
    jf_loop_1 table_;
};

/** A timer that was set; cancelled when this is destroyed. [lane] */
class Timer {
  public:
    Timer() noexcept = default;
    Timer(Timer &&other) noexcept { *this = std::move(other); }
    Timer &operator=(Timer &&other) noexcept {
        if (this == &other) return *this;
        cancel();
        node_ = std::exchange(other.node_, nullptr);
        if (node_ != nullptr) node_->owner = this;
        return *this;
    }
    ~Timer() { cancel(); }

    /** Not fired, not cancelled. */
    bool pending() const noexcept { return node_ != nullptr; }
    void cancel() noexcept {
        if (Node *node = std::exchange(node_, nullptr)) node->end();
    }
    /** Leaves it to itself: it fires unless the instance stops before. */
    void detach() noexcept {
        if (Node *node = std::exchange(node_, nullptr)) node->owner = nullptr;
    }

  private:
    friend class Loop;
    struct Node : detail::Closable {
        explicit Node(Host &its) : host(its) {}
        virtual ~Node() = default;
        virtual void run() = 0;
        /** Cancels and frees it. */
        void end() noexcept {
            host.closer.remove(this);
            if (cancel != nullptr) cancel(context, ref);
            delete this;
        }
        void close() noexcept override {
            if (owner != nullptr) owner->node_ = nullptr;
            end();
        }
        static void fire(void *user) {
            std::unique_ptr<Node> it(static_cast<Node *>(user));
            it->host.closer.remove(it.get());
            if (it->owner != nullptr) it->owner->node_ = nullptr; /* so that the callback may set it anew */
            std::shared_ptr<detail::Life> life = it->host.life();
            life->run("timer", [&] { it->run(); });
            detail::guard_quietly([&] { it.reset(); });
        }
        Host &host;
        Timer *owner = nullptr;
        void (*cancel)(void *context, jf_ref timer) = nullptr;
        void *context = nullptr;
        Ref ref = 0;
    };
    template <class Body> struct NodeOf final : Node {
        NodeOf(Host &its, Body what) : Node(its), body(std::move(what)) {}
        void run() override { body(); }
        Body body;
    };
    Node *node_ = nullptr;
};

/** A descriptor being watched; no callback follows its end. Destroy it before close(fd). [lane] */
class Watch {
  public:
    Watch() noexcept = default;
    Watch(Watch &&other) noexcept { *this = std::move(other); }
    Watch &operator=(Watch &&other) noexcept {
        if (this == &other) return *this;
        end();
        node_ = std::exchange(other.node_, nullptr);
        if (node_ != nullptr) node_->owner = this;
        return *this;
    }
    ~Watch() { end(); }

    bool active() const noexcept { return node_ != nullptr; }
    void end() noexcept {
        if (Node *node = std::exchange(node_, nullptr)) node->end();
    }

  private:
    friend class Loop;
    struct Node : detail::Closable {
        explicit Node(Host &its) : host(its) {}
        virtual ~Node() = default;
        virtual void run(uint32_t events) = 0;
        void end() noexcept {
            host.closer.remove(this);
            unwatch(context, ref);
            if (running)
                ended = true; /* the callback ended its own watch: it is still inside its closure */
            else
                delete this;
        }
        void close() noexcept override {
            if (owner != nullptr) owner->node_ = nullptr;
            end();
        }
        static void ready(void *user, uint32_t events) {
            Node *it = static_cast<Node *>(user);
            std::shared_ptr<detail::Life> life = it->host.life();
            it->running = true;
            life->run("watch", [&] { it->run(events); });
            it->running = false;
            if (it->ended) detail::guard_quietly([&] { delete it; });
        }
        Host &host;
        Watch *owner = nullptr;
        void (*unwatch)(void *context, jf_ref watch) = nullptr;
        void *context = nullptr;
        Ref ref = 0;
        bool running = false;
        bool ended = false;
    };
    template <class Body> struct NodeOf final : Node {
        NodeOf(Host &its, Body what) : Node(its), body(std::move(what)) {}
        void run(uint32_t events) override { body(events); }
        Body body;
    };
    Node *node_ = nullptr;
};

/** jf.loop/1. What still waits when the instance stops is cancelled, its closures are destroyed. */
class Loop {
  public:
    explicit Loop(Host &host, Need need = Need::required)
        : host_(host), table_(host.service<jf_loop_1>(JF_LOOP_1, need)) {}

    /** Calls `fire` once after `delay` (resolution 1 ms, never early). Keep the timer, or detach() it. The
     * timer is not pending() when the host has none left. [lane] */
    template <class Fire> [[nodiscard]] Timer after(std::chrono::nanoseconds delay, Fire fire) {
        Timer timer;
        if (table_.timer == nullptr || host_.life()->closed()) return timer;
        auto node = std::make_unique<Timer::NodeOf<Fire>>(host_, std::move(fire));
        uint64_t wait = delay.count() > 0 ? static_cast<uint64_t>(delay.count()) : 0;
        if (table_.timer(table_.context, wait, Timer::Node::fire, static_cast<Timer::Node *>(node.get()),
                         &node->ref) != JF_OK)
            return timer;
        node->cancel = table_.cancel;
        node->context = table_.context;
        node->owner = &timer;
        timer.node_ = node.release();
        host_.closer.add(timer.node_);
        return timer;
    }

    /** Calls `ready(events)` when `fd` can be read or written (JF_READABLE | JF_WRITABLE; JF_HANGUP and
     * JF_BROKEN always come). Edge-triggered. The fd stays the plugin's. [lane] */
    template <class Ready> Error watch(int32_t fd, uint32_t events, Ready ready, Watch &out) {
        if (table_.watch == nullptr || table_.unwatch == nullptr || host_.life()->closed())
            return Error::unsupported("jf.loop/1 cannot watch descriptors now");
        auto node = std::make_unique<Watch::NodeOf<Ready>>(host_, std::move(ready));
        int32_t status = table_.watch(table_.context, fd, events, Watch::Node::ready,
                                      static_cast<Watch::Node *>(node.get()), &node->ref);
        if (status != JF_OK)
            return Error(status < 0 ? status : JF_E_FAULT, "the descriptor cannot be watched");
        node->unwatch = table_.unwatch;
        node->context = table_.context;
        out.end();
        node->owner = &out;
        out.node_ = node.release();
        host_.closer.add(out.node_);
        return {};
    }

    /** Runs `task` on the lane soon, never from inside this call. From other threads: use lane(). */
    template <class Task> bool post(Task task) const { return lane().post(std::move(task)); }
    /** What other threads keep to get back here. */
    Lane lane() const { return Lane(host_.life(), table_); }

    /** The monotonic time at which the current batch of events began. [lane] */
    uint64_t now_ns() const { return table_.now != nullptr ? table_.now(table_.context) : 0; }
    /** This loop's number from 0; `count` receives how many there are. [any] */
    uint32_t index(uint32_t *count = nullptr) const {
        uint32_t all = 1, own = table_.index != nullptr ? table_.index(table_.context, &all) : 0;
        if (count != nullptr) *count = all;
        return own;
    }

  private:
    Host &host_;
    jf_loop_1 table_;
};

} // namespace jackfield

#endif
