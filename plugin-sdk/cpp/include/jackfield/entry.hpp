// SPDX-License-Identifier: Apache-2.0
// C++ SDK: JACKFIELD_PLUGIN makes the ABI's one entry function from a class.
#ifndef JACKFIELD_ENTRY_HPP
#define JACKFIELD_ENTRY_HPP

#include <jackfield/auth.hpp>
#include <jackfield/connector.hpp>
#include <jackfield/credentials.hpp>
#include <jackfield/filter.hpp>
#include <jackfield/listener.hpp>
#include <jackfield/policy.hpp>
#include <jackfield/routing.hpp>
#include <jackfield/store.hpp>
#include <jackfield/toolset.hpp>

/** Defines jf_entry_1 for a plugin's class, at file scope, once. The class
 *   is made from (Host &, json::Value config) or (Host &), or by `static std::unique_ptr<P> make(Host &,
 *     const json::Value &config, Error &why)`, once for each instance;
 *   names its facets: `using Toolset = ...; using Routing = ...; using Connector = ...; using Listener =
 * ...; using Auth = ...; using Policy = ...; using Filter = ...; using CredentialSource = ...; using Store =
 * ...;` classes that are made from (P &, const SetInfo | RouteInfo | ChannelInfo | GuardInfo &), or by their
 * own `make`; the Listener and the Store from (P &); may have `start()` (answers with an Error, or nothing),
 * `drain(uint64_t deadline_ns)`, `stop()`, and `const void *offer(std::string_view id)` for services that its
 * manifest provides. */
#define JACKFIELD_PLUGIN(P)                                                                                  \
    extern "C" JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {                 \
        return ::jackfield::detail::Slots<P>::entry(offer, why);                                             \
    }

namespace jackfield {
namespace detail {

JACKFIELD_CAN(start, std::declval<T &>().start());
JACKFIELD_CAN(drain, std::declval<T &>().drain(uint64_t()));
JACKFIELD_CAN(stop, std::declval<T &>().stop());
JACKFIELD_CAN(offer, std::declval<T &>().offer(std::string_view()));

/* What each facet keeps in the instance: nothing where the plugin's class does not name it. */

template <class P, class = void> struct ToolsetPart {
    static const void *toolset(std::string_view) noexcept { return nullptr; }
};
template <class P> struct ToolsetPart<P, std::void_t<typename P::Toolset>> {
    static const void *toolset(std::string_view id) noexcept {
        static constexpr jf_toolset_1 table = ToolsetSlots<P, typename P::Toolset>::table();
        return id == JF_TOOLSET_1 ? &table : nullptr;
    }
    SlotMap<typename P::Toolset> sets;
};

template <class P, class = void> struct RoutingPart {
    static const void *routing(std::string_view) noexcept { return nullptr; }
};
template <class P> struct RoutingPart<P, std::void_t<typename P::Routing>> {
    static const void *routing(std::string_view id) noexcept {
        static constexpr jf_routing_1 table = RoutingSlots<P, typename P::Routing>::table();
        return id == JF_ROUTING_1 ? &table : nullptr;
    }
    SlotMap<typename P::Routing> routes;
};

template <class P, class = void> struct ConnectorPart {
    static const void *connector(std::string_view) noexcept { return nullptr; }
};
template <class P> struct ConnectorPart<P, std::void_t<typename P::Connector>> {
    static const void *connector(std::string_view id) noexcept {
        static constexpr jf_connector_1 table = ConnectorSlots<P, typename P::Connector>::table();
        return id == JF_CONNECTOR_1 ? &table : nullptr;
    }
    SlotMap<typename P::Connector> channels;
    std::vector<Ref> links;
};

template <class P, class = void> struct ListenerPart {
    static const void *listener(std::string_view) noexcept { return nullptr; }
    void open_doors(P &) {}
};
template <class P> struct ListenerPart<P, std::void_t<typename P::Listener>> {
    static const void *listener(std::string_view id) noexcept {
        static constexpr jf_listener_1 table = ListenerSlots<P, typename P::Listener>::table();
        return id == JF_LISTENER_1 ? &table : nullptr;
    }
    void open_doors(P &plugin) { doors = std::make_unique<typename P::Listener>(plugin); }
    std::unique_ptr<typename P::Listener> doors;
};

template <class P, class = void> struct AuthPart {
    static const void *auth(std::string_view) noexcept { return nullptr; }
};
template <class P> struct AuthPart<P, std::void_t<typename P::Auth>> {
    static SlotMap<typename P::Auth> &map(AuthPart &it) noexcept { return it.providers; }
    static const void *auth(std::string_view id) noexcept {
        static constexpr jf_auth_1 table = AuthSlots<P, typename P::Auth, AuthPart>::table();
        return id == JF_AUTH_1 ? &table : nullptr;
    }
    SlotMap<typename P::Auth> providers;
};

template <class P, class = void> struct PolicyPart {
    static const void *policy(std::string_view) noexcept { return nullptr; }
};
template <class P> struct PolicyPart<P, std::void_t<typename P::Policy>> {
    static SlotMap<typename P::Policy> &map(PolicyPart &it) noexcept { return it.policies; }
    static Ruling &ruling(PolicyPart &it) noexcept { return it.last; }
    static const void *policy(std::string_view id) noexcept {
        static constexpr jf_policy_1 table = PolicySlots<P, typename P::Policy, PolicyPart>::table();
        return id == JF_POLICY_1 ? &table : nullptr;
    }
    SlotMap<typename P::Policy> policies;
    Ruling last = Ruling::deny();
};

template <class P, class = void> struct FilterPart {
    static const void *filter(std::string_view) noexcept { return nullptr; }
};
template <class P> struct FilterPart<P, std::void_t<typename P::Filter>> {
    static SlotMap<typename P::Filter> &map(FilterPart &it) noexcept { return it.filters; }
    static const void *filter(std::string_view id) noexcept {
        static constexpr jf_filter_1 table = FilterSlots<P, typename P::Filter, FilterPart>::table();
        return id == JF_FILTER_1 ? &table : nullptr;
    }
    SlotMap<typename P::Filter> filters;
};

template <class P, class = void> struct CredentialsPart {
    static const void *credentials(std::string_view) noexcept { return nullptr; }
};
template <class P> struct CredentialsPart<P, std::void_t<typename P::CredentialSource>> {
    using Source = typename P::CredentialSource;
    static SlotMap<Source> &map(CredentialsPart &it) noexcept { return it.sources; }
    static const void *credentials(std::string_view id) noexcept {
        static constexpr jf_credentials_1 table = CredentialsSlots<P, Source, CredentialsPart>::table();
        return id == JF_CREDENTIALS_1 ? &table : nullptr;
    }
    SlotMap<Source> sources;
};

template <class P, class = void> struct StorePart {
    static const void *store(std::string_view) noexcept { return nullptr; }
    void open_store(P &) {}
};
template <class P> struct StorePart<P, std::void_t<typename P::Store>> {
    static typename P::Store &keeper(StorePart &it) noexcept { return *it.kept; }
    static const void *store(std::string_view id) noexcept {
        static constexpr jf_store_1 table = StoreSlots<P, typename P::Store, StorePart>::table();
        return id == JF_STORE_1 ? &table : nullptr;
    }
    void open_store(P &plugin) { kept = std::make_unique<typename P::Store>(plugin); }
    std::unique_ptr<typename P::Store> kept;
};

template <class P> struct InstanceCore {
    explicit InstanceCore(const jf_offer &offer) : host(offer) {}
    Host host;
    std::unique_ptr<P> plugin;
};

/** Bases end in the reverse of this order: what the facets keep before the plugin's object, the host's side
 * last. */
template <class P>
struct Instance : InstanceCore<P>,
                  ToolsetPart<P>,
                  RoutingPart<P>,
                  ConnectorPart<P>,
                  ListenerPart<P>,
                  AuthPart<P>,
                  PolicyPart<P>,
                  FilterPart<P>,
                  CredentialsPart<P>,
                  StorePart<P> {
    using InstanceCore<P>::InstanceCore;
};

/** The plugin's own table. */
template <class P> struct Slots {
    static std::unique_ptr<P> make(Host &host, const json::Value &config, Error &error) {
        if constexpr (has_make<P, Host, json::Value>::value ||
                      std::is_constructible_v<P, Host &, const json::Value &>)
            return make_one<P>(host, config, error);
        else
            return (void)config, (void)error, std::make_unique<P>(host);
    }

    static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            auto it = std::make_unique<Instance<P>>(sized(offer));
            Error error;
            it->plugin = make(it->host, json::Value::trusted(text(config)), error);
            if (it->plugin != nullptr) {
                it->open_doors(*it->plugin);
                it->open_store(*it->plugin);
            }
            if (const char *id = it->host.missing())
                return explain(why, JF_E_UNSUPPORTED, std::string("the plugin needs the host service ") + id);
            if (it->plugin == nullptr) return explain(why, error);
            *out = reinterpret_cast<jf_self *>(it.release());
            return JF_OK;
        });
    }
    static void destroy(jf_self *self) noexcept {
        guard_quietly([&] {
            std::unique_ptr<Instance<P>> it(&instance<P>(self));
            it->host.close();
        });
    }
    static const void *facet(jf_self *self, const char *id) noexcept {
        using I = Instance<P>;
        if (id == nullptr) return nullptr;
        for (const void *table :
             {I::toolset(id), I::routing(id), I::connector(id), I::listener(id), I::auth(id), I::policy(id),
              I::filter(id), I::credentials(id), I::store(id)})
            if (table != nullptr) return table;
        const void *offered = nullptr;
        if constexpr (can_offer<P>) guard_quietly([&] { offered = instance<P>(self).plugin->offer(id); });
        return (void)self, offered;
    }
    static int32_t start(jf_self *self, jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            auto *plugin = instance<P>(self).plugin.get();
            return status_of(why, [&] { return plugin->start(); });
        });
    }
    static void drain(jf_self *self, uint64_t deadline_ns) noexcept {
        auto *plugin = instance<P>(self).plugin.get();
        guard_quietly([&] { plugin->drain(deadline_ns); });
    }
    static void stop(jf_self *self) noexcept {
        auto *it = &instance<P>(self);
        if constexpr (can_stop<P>) guard_quietly([&] { it->plugin->stop(); });
        guard_quietly([&] { it->host.close(); });
    }

    static constexpr jf_plugin table() noexcept {
        jf_plugin it{};
        it.size = sizeof it;
        it.minor = JF_ABI_MINOR;
        it.create = create;
        it.destroy = destroy;
        it.facet = facet;
        if constexpr (can_start<P>) it.start = start;
        if constexpr (can_drain<P>) it.drain = drain;
        it.stop = stop;
        return it;
    }
    static const jf_plugin *entry(const jf_offer *offer, jf_fault *why) noexcept {
        static constexpr jf_plugin it = table();
        if (offer != nullptr && offer->major == JF_ABI_MAJOR) return &it;
        explain(why, JF_E_UNSUPPORTED, "the plugin was built for ABI 1, which this host does not speak");
        return nullptr;
    }
};

} // namespace detail
} // namespace jackfield

#endif
