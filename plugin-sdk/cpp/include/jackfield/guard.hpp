// SPDX-License-Identifier: Apache-2.0
// C++ SDK: what providers, policies, filters and sources of credentials share: how they are attached.
#ifndef JACKFIELD_GUARD_HPP
#define JACKFIELD_GUARD_HPP

#include <jackfield/fields.hpp>
#include <jackfield/pairs.hpp>
#include <jackfield/principal.hpp>
#include <jackfield/question.hpp>
#include <jackfield/slots.hpp>

namespace jackfield {

/** What a provider, policy, filter or source is made with: one entry of the configuration. Borrowed. */
struct GuardInfo {
    /** As the configuration calls it; for a source, the server. */
    std::string_view name;
    /** Its options, valid against the manifest's schema. */
    json::Value config;
    /** Its own handle, for Policies::changed. */
    Ref handle;

    /** The options, to be read with checks. */
    Fields options() const { return Fields(config, "option"); }
};

namespace detail {

/** Slots that are alike: `Part::map(instance)` are the objects of the class One. */
template <class P, class One, class Part> struct GuardSlots {
    static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle,
                          jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            Instance<P> &it = instance<P>(self);
            SlotMap<One> &all = Part::map(it);
            /* Given back whatever happens: what is made may throw. */
            struct Place {
                SlotMap<One> &all;
                Ref handle;
                std::unique_ptr<One> made;
                ~Place() { all.fill(handle, std::move(made)); }
            } place{all, all.reserve(), nullptr};
            GuardInfo info{text(name), json::Value::trusted(text(config)), place.handle};
            Error error;
            place.made = make_one<One>(*it.plugin, info, error);
            if (place.made == nullptr) return explain(why, error);
            *handle = place.handle;
            return JF_OK;
        });
    }
    static void detach(jf_self *self, jf_ref handle) noexcept {
        guard_quietly([&] { Part::map(instance<P>(self)).remove(handle); });
    }
    static One *find(jf_self *self, jf_ref handle, jf_fault *why) {
        One *found = Part::map(instance<P>(self)).find(handle);
        if (found == nullptr) explain(why, JF_E_STALE, "this entry of the configuration is not attached");
        return found;
    }
};

/** [any] */
template <class P> void cancel_question(jf_self *self, jf_ref op) noexcept {
    guard_quietly([&] {
        std::shared_ptr<OpTable> ops = instance<P>(self).host.operations;
        if (ops != nullptr) ops->canceled(op);
    });
}

} // namespace detail
} // namespace jackfield

#endif
