// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the facet jf.routing/1: picks one of a server's eligible endpoints.
#ifndef JACKFIELD_ROUTING_HPP
#define JACKFIELD_ROUTING_HPP

#include <jackfield/fields.hpp>
#include <jackfield/pairs.hpp>
#include <jackfield/routing.h>
#include <jackfield/slots.hpp>

#include <optional>

namespace jackfield {

/** What a strategy is made with: one server. Borrowed. */
struct RouteInfo {
    std::string_view name;
    json::Value config;
};

/** One endpoint as it stands, a copy; what the methods give is borrowed and read when asked for. Those are of
 * ABI 1.1: nothing from a host of 1.0. */
struct Endpoint {
    Ref id;
    uint32_t weight, in_flight;
    uint64_t latency_ns;
    std::string_view name;
    /** JF_ENDPOINT_*; 0 from a host of 1.0. */
    uint32_t flags = 0;
    /** The host's, as long as its `size` says. */
    const jf_endpoint *raw = nullptr;

    /** Share of its weight that it can bear now, permille: below 1000 while it starts. */
    std::optional<uint32_t> ready() const noexcept { return told(&jf_endpoint::ready); }
    /** Configured tier: 0 is used first. */
    std::optional<uint32_t> priority() const noexcept { return told(&jf_endpoint::priority); }
    /** Ended in the last 10 s, all loops together. */
    std::optional<uint32_t> recent_calls() const noexcept { return told(&jf_endpoint::recent_calls); }
    /** Of those, failed. */
    std::optional<uint32_t> recent_failures() const noexcept { return told(&jf_endpoint::recent_failures); }
    /** Configured cost of one call, in millionths of the operator's unit. */
    std::optional<uint64_t> cost() const noexcept { return told(&jf_endpoint::cost); }
    /** Another one whenever name, version, zone, region or labels became others. */
    std::optional<uint64_t> revision() const noexcept { return told(&jf_endpoint::revision); }
    /** data() is nullptr when unknown. */
    std::string_view version() const noexcept { return words(&jf_endpoint::version); }
    std::string_view zone() const noexcept { return words(&jf_endpoint::zone); }
    std::string_view region() const noexcept { return words(&jf_endpoint::region); }
    /** Configured `labels` and `tags` (a tag has an empty value). */
    Pairs labels() const noexcept { return newer() ? Pairs(raw->labels, raw->label_count) : Pairs(); }

  private:
    bool newer() const noexcept {
        return raw != nullptr && raw->size >= offsetof(jf_endpoint, revision) + sizeof raw->revision;
    }
    template <class Member> std::optional<Member> told(Member jf_endpoint::*member) const noexcept {
        return newer() ? std::optional<Member>(raw->*member) : std::nullopt;
    }
    std::string_view words(jf_view jf_endpoint::*member) const noexcept {
        return newer() ? text(raw->*member) : std::string_view();
    }
};

/** Endpoints in configured order: those that may take the call, at least one, or all of a server. Borrowed.
 */
class Endpoints {
  public:
    Endpoints(const jf_endpoint *const *all, uint64_t count) noexcept : all_(all), count_(count) {}
    uint64_t size() const noexcept { return count_; }
    /** The handle alone: what most strategies need. */
    Ref id(uint64_t index) const noexcept { return all_[index]->id; }
    Endpoint operator[](uint64_t index) const noexcept {
        const jf_endpoint *it = all_[index];
        return {it->id, it->weight, it->in_flight, it->latency_ns, text(it->name), it->flags, it};
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

    /* Since 1.1: nothing from a host of 1.0. */
    /** JF_PICK_*: what the tool's annotations say, and whether this is a second try beside an open one. */
    std::optional<uint32_t> traits = {};
    /** Endpoints of the server, eligible or not. */
    std::optional<uint32_t> total = {};
    /** The raw `params.arguments` object, the client's implementation name, the tenant. data() is nullptr
     * when absent. */
    std::string_view arguments = {}, client = {}, tenant = {};
    /** Of the client's request, lower-case names, as far as its listener delivers them. */
    Pairs headers = {};
    /** The `total` endpoints; of those that are not eligible only what was configured is up to date. */
    std::optional<Endpoints> all = {};
    /** The monotonic time; nothing: not told. */
    std::optional<uint64_t> now_ns = {};
};

/** How a picked call ended: JF_OK or what ended it. */
struct Outcome {
    Ref endpoint;
    int32_t status;
    uint64_t latency_ns;

    /* Since 1.1: nothing from a host of 1.0. */
    /** JF_OUTCOME_* */
    std::optional<uint32_t> flags = {};
    /** As in its Pick. */
    std::optional<uint32_t> attempt = {};
    /** The monotonic time when it ended; nothing: not told. */
    std::optional<uint64_t> now_ns = {};
};

/** An index into the endpoints, or nothing: refuse them all. */
using Choice = std::optional<uint32_t>;

namespace detail {

inline Pick pick_of(const jf_pick *call) noexcept {
    const jf_pick known = sized(call);
    Pick place{known.attempt,      known.deadline_ns,     text(known.method), text(known.name),
               text(known.params), text(known.principal), text(known.session)};
    if (known.size < offsetof(jf_pick, now_ns) + sizeof known.now_ns) return place;
    place.traits = known.traits;
    place.total = known.total;
    place.arguments = text(known.arguments);
    place.client = text(known.client);
    place.tenant = text(known.tenant);
    place.headers = Pairs(known.headers, known.header_count);
    if (known.all != nullptr) place.all = Endpoints(known.all, known.total);
    if (known.now_ns != 0) place.now_ns = known.now_ns;
    return place;
}

inline Outcome outcome_of(const jf_outcome *raw) noexcept {
    const jf_outcome known = sized(raw);
    Outcome ended{known.endpoint, known.status, known.latency_ns};
    if (known.size < offsetof(jf_outcome, now_ns) + sizeof known.now_ns) return ended;
    ended.flags = known.flags;
    ended.attempt = known.attempt;
    if (known.now_ns != 0) ended.now_ns = known.now_ns;
    return ended;
}

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
            Choice choice = strategy->pick(pick_of(call), Endpoints(eligible, count));
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
            if constexpr (can_observe<Strategy>)
                if (strategy != nullptr) strategy->observe(outcome_of(raw));
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
