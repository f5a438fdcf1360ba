// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the service jf.ops/1: Pending, the duty to answer a request exactly once.
#ifndef JACKFIELD_OPS_HPP
#define JACKFIELD_OPS_HPP

#include <jackfield/loop.hpp>
#include <jackfield/ops.h>
#include <jackfield/results.hpp>

#include <unordered_map>

namespace jackfield {
namespace detail {

/** What an instance still owes. Shared with every Pending, and outlives the instance with them. [any] */
class OpTable {
  public:
    OpTable(std::shared_ptr<Life> its, const jf_ops_1 &table) : life(std::move(its)), table_(table) {}

    void open(jf_ref op) {
        std::lock_guard<std::mutex> hold(lock_);
        open_.emplace(op, Entry());
    }
    /** Takes the right to answer. False: somebody had it before. */
    bool claim(jf_ref op) {
        Entry entry; /* its closure ends outside the lock */
        std::lock_guard<std::mutex> hold(lock_);
        auto found = open_.find(op);
        if (found == open_.end()) return false;
        entry = std::move(found->second);
        open_.erase(found);
        return true;
    }
    /** A Pending was destroyed unanswered. True: not so bad, the slot that it was taken in still runs and may
     * answer. */
    bool dropped_in_slot(jf_ref op) {
        std::lock_guard<std::mutex> hold(lock_);
        auto found = open_.find(op);
        return found != open_.end() && found->second.in_slot && (found->second.dropped = true);
    }
    /** The slot ends with "later". False: the Pending is gone already, so that the slot has to answer after
     * all. */
    bool leave_slot(jf_ref op) {
        std::unique_lock<std::mutex> hold(lock_);
        auto found = open_.find(op);
        if (found == open_.end()) return true;
        found->second.in_slot = false;
        bool dropped = found->second.dropped;
        hold.unlock();
        return !dropped || !claim(op);
    }
    int32_t finish(jf_ref op, int32_t status, Blob result, const jf_fault *why) {
        if (!life->enter()) return JF_E_STALE;
        int32_t answer = JF_E_STALE;
        if (claim(op)) {
            jf_blob raw = result.release();
            answer = table_.finish(table_.context, op, status, &raw, why);
        }
        life->leave();
        return answer;
    }
    int32_t state(jf_ref op) {
        if (table_.state == nullptr || !life->enter()) return JF_E_GONE;
        int32_t answer = table_.state(table_.context, op);
        life->leave();
        return answer;
    }
    int32_t progress(jf_ref op, double done, double total, std::string_view words) {
        if (table_.progress == nullptr || !life->enter()) return JF_E_GONE;
        int32_t answer = table_.progress(table_.context, op, done, total, view(words));
        life->leave();
        return answer;
    }

    /** Keeps what shall run on the lane when the caller leaves; at once when it has left already. */
    void on_cancel(jf_ref op, Lane lane, std::unique_ptr<TaskNode> task) {
        {
            std::lock_guard<std::mutex> hold(lock_);
            auto found = open_.find(op);
            if (found == open_.end()) return;
            std::swap(found->second.canceled, task);
            found->second.lane = std::make_unique<Lane>(std::move(lane));
        }
        if (state(op) != JF_OK) canceled(op);
    }
    void canceled(jf_ref op) {
        Entry entry;
        {
            std::lock_guard<std::mutex> hold(lock_);
            auto found = open_.find(op);
            if (found == open_.end()) return;
            entry.canceled = std::move(found->second.canceled);
            entry.lane = std::move(found->second.lane);
        }
        if (entry.canceled != nullptr) entry.lane->give(std::move(entry.canceled));
    }

    /** Answers everything that is still owed with JF_E_GONE. */
    void end_all() {
        std::unordered_map<jf_ref, Entry> rest;
        {
            std::lock_guard<std::mutex> hold(lock_);
            rest.swap(open_);
        }
        if (rest.empty()) return;
        jf_fault why{};
        why.size = sizeof why;
        explain(&why, JF_E_GONE, "the plugin was stopped before it answered");
        for (auto &entry : rest) {
            jf_blob none{};
            table_.finish(table_.context, entry.first, JF_E_GONE, &none, &why);
        }
    }

    const std::shared_ptr<Life> life;

  private:
    struct Entry {
        std::unique_ptr<TaskNode> canceled;
        std::unique_ptr<Lane> lane;
        bool in_slot = true;
        bool dropped = false;
    };
    jf_ops_1 table_;
    std::mutex lock_;
    std::unordered_map<jf_ref, Entry> open_;
};

} // namespace detail

/** The duty to answer one request, later and from whatever thread. Exactly one answer goes out: a second one
 * is ignored, and one that is destroyed unanswered fails its request. It may outlive the instance. [any] */
class Pending {
  public:
    Pending() noexcept = default;
    Pending(std::shared_ptr<detail::OpTable> table, Ref op) : table_(std::move(table)), op_(op) {}
    Pending(Pending &&other) noexcept : table_(std::move(other.table_)), op_(std::exchange(other.op_, 0)) {}
    Pending &operator=(Pending &&other) noexcept {
        if (this != &other) {
            lose();
            table_ = std::move(other.table_);
            op_ = std::exchange(other.op_, 0);
        }
        return *this;
    }
    ~Pending() { lose(); }

    /** Answers: a result, or an Error. False: it was answered or given up before. */
    bool finish(Answer answer) {
        if (table_ == nullptr) return false;
        std::shared_ptr<detail::OpTable> table = std::move(table_);
        if (answer.is_later()) answer = Error::fault("a pending request was answered with 'later'");
        if (answer.is_error()) {
            jf_fault why = detail::fault_of(answer.error());
            return table->finish(op_, answer.error().code(), Blob(), &why) == JF_OK;
        }
        jf_fault none{};
        none.size = sizeof none;
        return table->finish(op_, answer.status(), answer.take(), &none) == JF_OK;
    }
    /** Ends it after on_cancel: nobody reads the answer. */
    void give_up() { finish(Error::gone("the caller left")); }

    /** False: the caller left or ran out of time, or it is answered. Work may stop; the answer is still owed.
     */
    bool wanted() const { return table_ != nullptr && table_->state(op_) == JF_OK; }
    /** Tells a caller that asked for it how far the work is; `total` 0: unknown. */
    void progress(double done, double total = 0, std::string_view words = {}) const {
        if (table_ != nullptr) table_->progress(op_, done, total, words);
    }
    /** Runs `task` on the lane, at most once, when the caller leaves or runs out of time. */
    template <class Task> void on_cancel(const Loop &loop, Task task) {
        if (table_ == nullptr) return;
        Lane lane = loop.lane();
        auto node = std::make_unique<detail::TaskOf<Task>>(lane.life(), std::move(task));
        table_->on_cancel(op_, std::move(lane), std::move(node));
    }

    explicit operator bool() const noexcept { return table_ != nullptr; }

  private:
    void lose() noexcept {
        if (table_ == nullptr) return;
        detail::guard_quietly([this] {
            if (!table_->dropped_in_slot(op_))
                finish(Error::fault("the plugin dropped a request without an answer"));
            table_.reset();
        });
    }

    std::shared_ptr<detail::OpTable> table_;
    Ref op_ = 0;
};

/** jf.ops/1. What is still owed when the instance stops is answered with JF_E_GONE. */
class Ops : detail::Closable {
  public:
    explicit Ops(Host &host, Need need = Need::required) : host_(host) {
        jf_ops_1 table = host.service<jf_ops_1>(JF_OPS_1, need);
        if (table.finish == nullptr) {
            if (need == Need::required) host.lacks(JF_OPS_1);
            return;
        }
        host.operations = std::make_shared<detail::OpTable>(host.life(), table);
        host.answers = this;
    }
    ~Ops() {
        if (host_.answers == this) host_.answers = nullptr;
    }
    bool present() const noexcept { return host_.operations != nullptr; }
    const std::shared_ptr<detail::OpTable> &table() const noexcept { return host_.operations; }

  private:
    void close() noexcept override {
        if (host_.operations != nullptr) detail::guard_quietly([this] { host_.operations->end_all(); });
    }
    Host &host_;
};

} // namespace jackfield

#endif
