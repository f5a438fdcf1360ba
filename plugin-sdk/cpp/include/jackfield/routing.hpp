// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the facet jf.routing/1: picks one of a server's eligible endpoints.
#ifndef JACKFIELD_ROUTING_HPP
#define JACKFIELD_ROUTING_HPP

#include <jackfield/fields.hpp>
#include <jackfield/routing.h>
#include <jackfield/slots.hpp>

namespace jackfield {

/** What a strategy is made with: one server. Borrowed. */
struct RouteInfo {
    std::string_view name;
    json::Value config;
};

/** One endpoint as it stands, a copy; `name` is borrowed. */
struct Endpoint {
    Ref id;
    uint32_t weight, in_flight;
    uint64_t latency_ns;
    std::string_view name;
};

/** The endpoints that may take the call, in configured order, at least one. Borrowed. */
class Endpoints {
  public:
    Endpoints(const jf_endpoint *const *all, uint64_t count) noexcept : all_(all), count_(count) {}
    uint64_t size() const noexcept { return count_; }
    /** The handle alone: what most strategies need. */
    Ref id(uint64_t index) const noexcept { return all_[index]->id; }
    Endpoint operator[](uint64_t index) const noexcept {
        const jf_endpoint it = detail::sized(all_[index]);
        return {it.id, it.weight, it.in_flight, it.latency_ns, text(it.name)};
    }

  private:
    const jf_endpoint *const *all_;
    uint64_t count_;
};

/** The call to place. Borrowed. */
struct Pick {
    uint32_t attempt;
    uint64_t deadline_ns;
    /** `params` is the raw object. */
    std::string_view method, name, params;
    /** data() is nullptr when absent. */
    std::string_view principal, session;
};

/** How a picked call ended: JF_OK or what ended it. */
struct Outcome {
    Ref endpoint;
    int32_t status;
    uint64_t latency_ns;
};

/** An index into the endpoints, or nothing: refuse them all. */
using Choice = std::optional<uint32_t>;

namespace detail {

JACKFIELD_CAN(observe, std::declval<T &>().observe(std::declval<const Outcome &>()));
JACKFIELD_CAN(export_state, std::string(std::declval<T &>().export_state()));
JACKFIELD_CAN(import_state, std::declval<T &>().import_state(std::string_view()));

/** The table of a routing plugin whose strategies are of the class Strategy. */
template <class P, class Strategy> struct RoutingSlots {
    static_assert(can_export_state<Strategy> == can_import_state<Strategy>,
                  "export_state and import_state: both or neither");

    static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle,
                          jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            Instance<P> &it = instance<P>(self);
            RouteInfo info{text(name), json::Value::trusted(text(config))};
            Error error;
            std::unique_ptr<Strategy> made = make_one<Strategy>(*it.plugin, info, error);
            if (made == nullptr) return explain(why, error);
            *handle = it.routes.add(std::move(made));
            return JF_OK;
        });
    }
    static void detach(jf_self *self, jf_ref handle) noexcept {
        guard_quietly([&] { instance<P>(self).routes.remove(handle); });
    }
    static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                        uint64_t count, uint32_t *chosen, jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            Strategy *strategy = instance<P>(self).routes.find(handle);
            if (strategy == nullptr) return explain(why, JF_E_STALE, "this server is not attached");
            if (count == 0) return JF_ABSENT;
            const jf_pick known = sized(call);
            const Pick place{known.attempt,      known.deadline_ns,     text(known.method), text(known.name),
                             text(known.params), text(known.principal), text(known.session)};
            Choice choice = strategy->pick(place, Endpoints(eligible, count));
            if (!choice) return JF_ABSENT;
            if (*choice >= count)
                return explain(why, JF_E_FAULT, "the strategy chose an endpoint that was not offered");
            *chosen = *choice;
            return JF_OK;
        });
    }
    static void observe(jf_self *self, jf_ref handle, const jf_outcome *raw) noexcept {
        guard_quietly([&] {
            Strategy *strategy = instance<P>(self).routes.find(handle);
            const jf_outcome known = sized(raw);
            if constexpr (can_observe<Strategy>)
                if (strategy != nullptr)
                    strategy->observe(Outcome{known.endpoint, known.status, known.latency_ns});
        });
    }
    static int32_t export_state(jf_self *self, jf_ref handle, jf_blob *out, jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            auto *strategy = instance<P>(self).routes.find(handle);
            if (strategy == nullptr) return explain(why, JF_E_STALE, "this server is not attached");
            if constexpr (can_export_state<Strategy>)
                *out = Blob(std::string(strategy->export_state())).release();
            return JF_OK;
        });
    }
    static int32_t import_state(jf_self *self, jf_ref handle, jf_view state, jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            auto *strategy = instance<P>(self).routes.find(handle);
            if (strategy == nullptr) return explain(why, JF_E_STALE, "this server is not attached");
            if constexpr (can_import_state<Strategy>)
                return status_of(why, [&] { return strategy->import_state(text(state)); });
            return JF_OK;
        });
    }

    static constexpr jf_routing_1 table() noexcept {
        jf_routing_1 it{};
        it.size = sizeof it;
        it.attach = attach;
        it.detach = detach;
        it.pick = pick;
        if constexpr (can_observe<Strategy>) it.observe = observe;
        if constexpr (can_export_state<Strategy>) {
            it.export_state = export_state;
            it.import_state = import_state;
        }
        return it;
    }
};

} // namespace detail
} // namespace jackfield

#endif
