// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the facet jf.connector/1: opens channels to MCP servers and moves messages.
#ifndef JACKFIELD_CONNECTOR_HPP
#define JACKFIELD_CONNECTOR_HPP

#include <jackfield/connector.h>
#include <jackfield/json.hpp>
#include <jackfield/loop.hpp>
#include <jackfield/message.hpp>
#include <jackfield/slots.hpp>

#include <algorithm>
#include <cstring>

namespace jackfield {

/** What a channel is made with: one server. Borrowed. */
struct ChannelInfo {
    std::string_view name;
    json::Value config;
    /** The host's handle. */
    Ref channel;
};

/** jf.channels/1. A member of the plugin's class. */
class Channels {
  public:
    explicit Channels(Host &host, Need need = Need::required)
        : life_(host.life()), table_(host.service<jf_channels_1>(JF_CHANNELS_1, need)) {}

  private:
    friend class Channel;
    std::shared_ptr<detail::Life> life_;
    jf_channels_1 table_;
};

/** The base of a connector's channel class: one open channel. Its methods are [lane]; after `closed` they do
 * nothing. The class itself has `send(const Message &)` (answers with an Error, or nothing), `cancel(Ref
 * exchange)` and `close(uint64_t deadline_ns)`, which must lead to `closed()`. Where it runs processes it
 * also has `usage(jf_usage &)`, which fills the members in and answers JF_OK, or JF_ABSENT while nothing is
 * known. */
class Channel {
  public:
    Channel(Channels &channels, const ChannelInfo &info) : channels_(channels), ref_(info.channel) {}
    Channel(const Channel &) = delete;
    Channel &operator=(const Channel &) = delete;

    /** The channel can carry messages; `flags` are JF_CHANNEL_*. */
    void ready(uint32_t flags) {
        if (open() && table().ready != nullptr) table().ready(table().context, ref_, flags);
    }
    /** One message of the server. Any status but JF_OK: the host knows the channel no more. */
    int32_t deliver(Outgoing message) {
        if (!open() || table().deliver == nullptr) return JF_E_STALE;
        return table().deliver(table().context, ref_, message.pointer());
    }
    int32_t deliver(Ref exchange, std::string_view body, uint32_t flags = JF_MSG_FINAL) {
        return deliver(Outgoing(exchange, body, flags));
    }
    /** An exchange ended without its answer; 0: the whole channel went down with all of them. */
    void failed(Ref exchange, const Error &why) {
        jf_fault fault = detail::fault_of(why);
        if (open() && table().failed != nullptr) table().failed(table().context, ref_, exchange, &fault);
    }
    /** It accepts more after `send` had answered busy. */
    void writable() {
        if (open() && table().writable != nullptr) table().writable(table().context, ref_);
    }
    /** It is closed for good. The object is destroyed when nothing of it can run any more: with the next
     * channel that opens, or with the instance. */
    void closed() {
        if (!open()) return;
        Ref ref = std::exchange(ref_, 0);
        if (table().closed != nullptr) table().closed(table().context, ref);
    }
    /** For a class that has none of its own: there are no processes. */
    int32_t usage(jf_usage &) const { return JF_E_UNSUPPORTED; }
    bool open() const { return ref_ != 0 && !channels_.life_->closed(); }
    /** For the SDK: `closed` was called. */
    bool over() const noexcept { return ref_ == 0; }

  private:
    const jf_channels_1 &table() const noexcept { return channels_.table_; }
    Channels &channels_;
    Ref ref_;
};

namespace detail {

/** The table of a connector whose channels are of the class Link. */
template <class P, class Link> struct ConnectorSlots {
    static_assert(std::is_base_of_v<Channel, Link>, "a connector's class has jackfield::Channel as its base");

    /** Destroys the channels that are over: from a slot's entry, where none of their methods runs. */
    static void sweep(Instance<P> &it) {
        for (size_t i = 0; i < it.links.size();) {
            Link *link = it.channels.find(it.links[i]);
            if (link != nullptr && !link->over()) {
                i++;
                continue;
            }
            it.channels.remove(it.links[i]);
            it.links.erase(it.links.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
    /** The channel of a handle, unless it is over. */
    static Link *live(Instance<P> &it, Ref handle) {
        Link *link = it.channels.find(handle);
        return link != nullptr && !link->over() ? link : nullptr;
    }

    static int32_t open(jf_self *self, jf_ref channel, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            Instance<P> &it = instance<P>(self);
            sweep(it);
            ChannelInfo info{text(name), json::Value::trusted(text(config)), channel};
            Error error;
            std::unique_ptr<Link> made = make_one<Link>(*it.plugin, info, error);
            if (made == nullptr) return explain(why, error);
            it.links.reserve(it.links.size() + 1);
            *handle = it.channels.add(std::move(made));
            it.links.push_back(*handle);
            return JF_OK;
        });
    }
    static int32_t send(jf_self *self, jf_ref handle, const jf_message *message, jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            Link *link = live(instance<P>(self), handle);
            if (link == nullptr) return explain(why, JF_E_STALE, "this channel is closed");
            return status_of(why, [&] { return link->send(Message(message)); });
        });
    }
    static void cancel(jf_self *self, jf_ref handle, jf_ref exchange) noexcept {
        guard_quietly([&] {
            if (Link *link = live(instance<P>(self), handle)) link->cancel(exchange);
        });
    }
    static void close(jf_self *self, jf_ref handle, uint64_t deadline_ns) noexcept {
        guard_quietly([&] {
            if (Link *link = live(instance<P>(self), handle)) link->close(deadline_ns);
        });
    }
    static int32_t usage(jf_self *self, jf_ref handle, jf_usage *out) noexcept {
        int32_t status = JF_E_FAULT;
        guard_quietly([&] {
            Link *link = live(instance<P>(self), handle);
            if (link == nullptr) {
                status = JF_E_STALE;
                return;
            }
            jf_usage whole{};
            whole.size = sizeof whole;
            status = link->usage(whole);
            /* A host may know less of it than we do. */
            whole.size = std::min(out->size, whole.size);
            if (status == JF_OK) std::memcpy(out, &whole, whole.size);
        });
        return status;
    }

    static constexpr jf_connector_1 table() noexcept {
        jf_connector_1 it{};
        it.size = sizeof it;
        it.open = open;
        it.send = send;
        it.cancel = cancel;
        it.close = close;
        it.usage = usage;
        return it;
    }
};

} // namespace detail
} // namespace jackfield

#endif
