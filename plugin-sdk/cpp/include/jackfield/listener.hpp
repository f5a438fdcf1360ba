// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the facet jf.listener/1: accepts MCP clients and carries their messages.
#ifndef JACKFIELD_LISTENER_HPP
#define JACKFIELD_LISTENER_HPP

#include <jackfield/json.hpp>
#include <jackfield/listener.h>
#include <jackfield/message.hpp>
#include <jackfield/slots.hpp>

namespace jackfield {

/** jf.inbound/1. A member of the plugin's class. All methods [lane]. */
class Inbound {
  public:
    explicit Inbound(Host &host, Need need = Need::required)
        : life_(host.life()), table_(host.service<jf_inbound_1>(JF_INBOUND_1, need)) {}

    /** A client connected; `client` receives the host's handle. An error: refuse the connection. `flags` are
     * JF_CLIENT_*. */
    Error opened(Ref listener, std::string_view address, uint32_t flags, Ref &client) const {
        jf_client_info info{};
        info.size = sizeof info;
        info.flags = flags;
        info.listener = listener;
        info.address = view(address);
        int32_t status =
            usable(table_.opened != nullptr) ? table_.opened(table_.context, &info, &client) : JF_E_GONE;
        return status == JF_OK ? Error()
                               : Error(status < 0 ? status : JF_E_FAULT, "the host refuses the client");
    }
    /** One message of the client; its exchange is the listener's own number. Any status but JF_OK: the
     * client's handle is stale, close the connection. */
    int32_t deliver(Ref client, Outgoing message) const {
        return usable(table_.deliver != nullptr) ? table_.deliver(table_.context, client, message.pointer())
                                                 : JF_E_GONE;
    }
    int32_t deliver(Ref client, Ref exchange, std::string_view body, uint32_t flags = JF_MSG_FINAL) const {
        return deliver(client, Outgoing(exchange, body, flags));
    }
    /** The client stopped waiting for this exchange. */
    void gone(Ref client, Ref exchange) const {
        if (usable(table_.gone != nullptr)) table_.gone(table_.context, client, exchange);
    }
    /** The exchange's reader caught up after `reply` had answered JF_E_BUSY. */
    void writable(Ref client, Ref exchange) const {
        if (usable(table_.writable != nullptr)) table_.writable(table_.context, client, exchange);
    }
    /** The client is gone altogether; its handle is stale. */
    void closed(Ref client) const {
        if (usable(table_.closed != nullptr)) table_.closed(table_.context, client);
    }

  private:
    bool usable(bool has) const { return has && !life_->closed(); }
    std::shared_ptr<detail::Life> life_;
    jf_inbound_1 table_;
};

namespace detail {

/** The table of a listener. The class is made once for each instance, with the plugin's object, and has
 *   Error listen(Ref listener, std::string_view address, json::Value config, std::string &bound)
 *   void unlisten(Ref listener)
 *   int32_t reply(Ref client, const Message &message)      JF_OK, JF_E_BUSY (taken, but slow), JF_E_STALE,
 * ... void close(Ref client) */
template <class P, class Doors> struct ListenerSlots {
    static int32_t listen(jf_self *self, jf_ref listener, jf_view address, jf_view config, jf_blob *bound,
                          jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            std::string where;
            Error error = instance<P>(self).doors->listen(listener, text(address),
                                                          json::Value::trusted(text(config)), where);
            if (error) return explain(why, error);
            *bound = Blob(std::move(where)).release();
            return JF_OK;
        });
    }
    static void unlisten(jf_self *self, jf_ref listener) noexcept {
        guard_quietly([&] { instance<P>(self).doors->unlisten(listener); });
    }
    static int32_t reply(jf_self *self, jf_ref client, const jf_message *message) noexcept {
        return guard(nullptr,
                     [&]() -> int32_t { return instance<P>(self).doors->reply(client, Message(message)); });
    }
    static void close(jf_self *self, jf_ref client) noexcept {
        guard_quietly([&] { instance<P>(self).doors->close(client); });
    }

    static constexpr jf_listener_1 table() noexcept {
        jf_listener_1 it{};
        it.size = sizeof it;
        it.listen = listen;
        it.unlisten = unlisten;
        it.reply = reply;
        it.close = close;
        return it;
    }
};

} // namespace detail
} // namespace jackfield

#endif
