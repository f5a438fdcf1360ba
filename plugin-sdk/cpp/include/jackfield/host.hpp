// SPDX-License-Identifier: Apache-2.0
// C++ SDK: Host, through which an instance finds services, and the life that ends what they began.
#ifndef JACKFIELD_HOST_HPP
#define JACKFIELD_HOST_HPP

#include <jackfield/core.hpp>
#include <jackfield/log.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace jackfield {
namespace detail {

/** Whether the host may still be called. Shared with what other threads hold (Lane, Pending), so that it
 * outlives the instance; `close` returns when no other thread is inside the host any more. */
class Life {
  public:
    /** True: the host may be called until `leave`. */
    bool enter() {
        std::lock_guard<std::mutex> hold(lock_);
        if (closed_) return false;
        if (std::this_thread::get_id() != lane_) inside_++;
        return true;
    }
    void leave() {
        if (std::this_thread::get_id() == lane_)
            return; /* `close` runs on the lane: never at the same time */
        std::lock_guard<std::mutex> hold(lock_);
        if (--inside_ == 0) left_.notify_all();
    }
    void close() {
        std::unique_lock<std::mutex> hold(lock_);
        closed_ = true;
        left_.wait(hold, [this] { return inside_ == 0; });
    }
    bool closed() {
        std::lock_guard<std::mutex> hold(lock_);
        return closed_;
    }

    /** jf.log/1 where the plugin uses it: tells of callbacks that threw. */
    jf_log_1 log{};

    /** Runs a callback of the plugin; what it throws is logged. False: it threw. */
    template <class Body> bool run(const char *where, Body &&body) noexcept {
        jf_fault why{};
        why.size = sizeof why;
        int32_t status = guard(&why, [&]() -> int32_t {
            body();
            return JF_OK;
        });
        if (status == JF_OK) return true;
        if (log.write == nullptr || closed()) return false;
        jf_pair fields[] = {{view("where"), view(where)}, {view("what"), view({why.text, why.text_len})}};
        log.write(log.context, JF_LOG_ERROR, view("a callback of the plugin threw an exception"), fields, 2);
        return false;
    }

  private:
    std::mutex lock_;
    std::condition_variable left_;
    const std::thread::id lane_ = std::this_thread::get_id();
    uint32_t inside_ = 0;
    bool closed_ = false;
};

/** Something that ends with `stop` at the latest. [lane] */
class Closable {
  public:
    virtual void close() noexcept = 0;
    Closable(const Closable &) = delete;
    Closable &operator=(const Closable &) = delete;

  protected:
    Closable() = default;
    ~Closable() = default;

  private:
    friend class Closer;
    Closable *next_ = nullptr;
    Closable *previous_ = nullptr;
};

/** A list of them. */
class Closer {
  public:
    void add(Closable *it) noexcept {
        it->previous_ = nullptr;
        it->next_ = first_;
        if (first_ != nullptr) first_->previous_ = it;
        first_ = it;
    }
    void remove(Closable *it) noexcept {
        if (it->previous_ == nullptr && first_ != it) return;
        (it->previous_ != nullptr ? it->previous_->next_ : first_) = it->next_;
        if (it->next_ != nullptr) it->next_->previous_ = it->previous_;
        it->next_ = it->previous_ = nullptr;
    }
    /** Takes each out and closes it; what is added meanwhile too. */
    void close_all() noexcept {
        while (first_ != nullptr) {
            Closable *it = first_;
            remove(it);
            it->close();
        }
    }

  private:
    Closable *first_ = nullptr;
};

class OpTable;

} // namespace detail

/** The host's side of one instance. Service objects (Log, Loop, Ops, ...) are members of the plugin's class
 * and are made from it; each looks its table up once. */
class Host {
  public:
    explicit Host(const jf_offer &offer) : offer_(offer), life_(std::make_shared<detail::Life>()) {}
    Host(const Host &) = delete;
    Host &operator=(const Host &) = delete;
    ~Host() { close(); }

    /** A service's table, cut or zero-extended to what this SDK knows; empty when absent. [control] */
    template <class Table> Table service(const char *id, Need need) {
        const void *found = offer_.service != nullptr ? offer_.service(offer_.host, id) : nullptr;
        if (found == nullptr && need == Need::required && missing_ == nullptr) missing_ = id;
        return detail::sized(static_cast<const Table *>(found));
    }

    /** The first required service that was not there; create fails with its name. nullptr: none. */
    const char *missing() const noexcept { return missing_; }
    /** For required services that turn out to lack a slot. */
    void lacks(const char *id) noexcept {
        if (missing_ == nullptr) missing_ = id;
    }

    /** The newest minor that both sides know. */
    uint16_t minor() const noexcept { return std::min<uint16_t>(offer_.minor, JF_ABI_MINOR); }

    /** Ends timers, watches, operations, mounts; from now on no service of this instance calls the host. */
    void close() noexcept {
        if (answers != nullptr) answers->close(); /* before the closures that hold what is owed */
        closer.close_all();
        life_->close();
    }

    /** For the SDK's own services. */
    const std::shared_ptr<detail::Life> &life() const noexcept { return life_; }
    detail::Closer closer;
    detail::Closable *answers = nullptr;
    std::shared_ptr<detail::OpTable> operations;

  private:
    jf_offer offer_;
    std::shared_ptr<detail::Life> life_;
    const char *missing_ = nullptr;
};

/** What an instance's class may begin with; any class that can be made from a Host will do. */
struct Plugin {
    explicit Plugin(Host &its) : host(its) {}
    Host &host;
};

} // namespace jackfield

#endif
