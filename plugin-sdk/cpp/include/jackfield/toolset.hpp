// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the facet jf.toolset/1: an MCP server in process.
#ifndef JACKFIELD_TOOLSET_HPP
#define JACKFIELD_TOOLSET_HPP

#include <jackfield/fields.hpp>
#include <jackfield/question.hpp>
#include <jackfield/slots.hpp>
#include <jackfield/tools.hpp>
#include <jackfield/toolset.h>

namespace jackfield {

/** What a set is made with: one configured server. Borrowed. */
struct SetInfo {
    std::string_view name;
    json::Value config;
    /** The host's handle, for Toolsets::changed. */
    Ref set;
};

/** One request. Everything in it is borrowed until the method returns: copy what is needed later. */
class Request : public Question {
  public:
    Request(const jf_request &raw, Ref op, std::shared_ptr<detail::OpTable> ops)
        : Question(op, std::move(ops)), name(text(raw.name)), params(json::Value::trusted(text(raw.params))),
          principal(text(raw.principal)), deadline_ns(raw.deadline_ns),
          arguments_(json::Value::trusted(text(raw.arguments))) {}

    /** The tool or prompt as the toolset spells it, the resource's URI, or the completion's reference. */
    const std::string_view name;
    /** The whole `params` object as the client sent it. */
    const json::Value params;
    /** Who asks; data() is nullptr when not authenticated. */
    const std::string_view principal;
    /** When the host answers the client by itself, see Clock. */
    const uint64_t deadline_ns;

    /** The arguments, to be read with checks. */
    Fields arguments() const { return Fields(arguments_); }

    /** The usual answer to a name that there is not. */
    Error unknown() const { return Error::invalid("there is no '" + std::string(name) + "'"); }

  private:
    json::Value arguments_;
};

/** jf.toolsets/1: tells the host that a list has changed. [any] */
class Toolsets {
  public:
    explicit Toolsets(Host &host, Need need = Need::optional)
        : life_(host.life()), table_(host.service<jf_toolsets_1>(JF_TOOLSETS_1, need)) {}

    /** `kind` is JF_TOOLS, JF_RESOURCES, JF_TEMPLATES or JF_PROMPTS; `set` is SetInfo::set. */
    void changed(Ref set, uint32_t kind = JF_TOOLS) const {
        if (table_.changed == nullptr || !life_->enter()) return;
        table_.changed(table_.context, set, kind);
        life_->leave();
    }

  private:
    std::shared_ptr<detail::Life> life_;
    jf_toolsets_1 table_;
};

namespace detail {

JACKFIELD_CAN(list_tools, std::declval<T &>().tools());
JACKFIELD_CAN(list_resources, std::declval<T &>().resources());
JACKFIELD_CAN(list_templates, std::declval<T &>().templates());
JACKFIELD_CAN(list_prompts, std::declval<T &>().prompts());
JACKFIELD_CAN(call, std::declval<T &>().call(std::declval<const Request &>()));
JACKFIELD_CAN(read, std::declval<T &>().read(std::declval<const Request &>()));
JACKFIELD_CAN(prompt, std::declval<T &>().prompt(std::declval<const Request &>()));
JACKFIELD_CAN(complete, std::declval<T &>().complete(std::declval<const Request &>()));

/** A list as JSON: a JSON text of one's own, or a vector of Tool, Resource, ... */
inline Blob listed(std::string_view json) {
    return Blob(std::string(json));
}
template <class One> Blob listed(const std::vector<One> &items) {
    std::vector<json::Node> nodes;
    for (const One &item : items)
        nodes.push_back(item.node());
    return Blob(json::list(nodes).text());
}

/** The table of a toolset whose sets are of the class Set. */
template <class P, class Set> struct ToolsetSlots {
    static int32_t open(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            Instance<P> &it = instance<P>(self);
            SetInfo info{text(name), json::Value::trusted(text(config)), set};
            Error error;
            std::unique_ptr<Set> made = make_one<Set>(*it.plugin, info, error);
            if (made == nullptr) return explain(why, error);
            *handle = it.sets.add(std::move(made));
            return JF_OK;
        });
    }
    static void close(jf_self *self, jf_ref handle) noexcept {
        guard_quietly([&] { instance<P>(self).sets.remove(handle); });
    }
    static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            Set *set = instance<P>(self).sets.find(handle);
            if (set == nullptr) return explain(why, JF_E_STALE, "this set is closed");
            Blob blob;
            if constexpr (can_list_tools<Set>)
                if (kind == JF_TOOLS) blob = listed(set->tools());
            if constexpr (can_list_resources<Set>)
                if (kind == JF_RESOURCES) blob = listed(set->resources());
            if constexpr (can_list_templates<Set>)
                if (kind == JF_TEMPLATES) blob = listed(set->templates());
            if constexpr (can_list_prompts<Set>)
                if (kind == JF_PROMPTS) blob = listed(set->prompts());
            if (!blob.present()) return JF_ABSENT;
            *items = blob.release();
            return JF_OK;
        });
    }
    template <class Method>
    static int32_t request(jf_self *self, jf_ref op, const jf_request *raw, jf_blob *result, jf_fault *why,
                           Method method) noexcept {
        return guard(why, [&]() -> int32_t {
            Instance<P> &it = instance<P>(self);
            const jf_request known = sized(raw);
            Set *set = it.sets.find(known.set);
            if (set == nullptr) return explain(why, JF_E_STALE, "this set is closed");
            Request request(known, op, it.host.operations);
            return answer(request, op, it.host.operations.get(), result, why, [&]() -> Answer {
#if JACKFIELD_EXCEPTIONS
                try {
                    return method(*set, request);
                } catch (const ToolFailure &failure) {
                    return ToolResult::failure(failure.what());
                }
#else
                return method(*set, request);
#endif
            });
        });
    }
    static int32_t call(jf_self *self, jf_ref op, const jf_request *raw, jf_blob *result,
                        jf_fault *why) noexcept {
        return request(self, op, raw, result, why, [](Set &set, const Request &it) -> Answer {
            if constexpr (can_call<Set>)
                return set.call(it);
            else
                return (void)set, it.unknown();
        });
    }
    static int32_t read(jf_self *self, jf_ref op, const jf_request *raw, jf_blob *result,
                        jf_fault *why) noexcept {
        return request(self, op, raw, result, why,
                       [](auto &set, const Request &it) -> Answer { return set.read(it); });
    }
    static int32_t prompt(jf_self *self, jf_ref op, const jf_request *raw, jf_blob *result,
                          jf_fault *why) noexcept {
        return request(self, op, raw, result, why,
                       [](auto &set, const Request &it) -> Answer { return set.prompt(it); });
    }
    static int32_t complete(jf_self *self, jf_ref op, const jf_request *raw, jf_blob *result,
                            jf_fault *why) noexcept {
        return request(self, op, raw, result, why,
                       [](auto &set, const Request &it) -> Answer { return set.complete(it); });
    }
    static void cancel(jf_self *self, jf_ref op) noexcept {
        guard_quietly([&] {
            std::shared_ptr<OpTable> ops = instance<P>(self).host.operations;
            if (ops != nullptr) ops->canceled(op);
        });
    }

    static constexpr jf_toolset_1 table() noexcept {
        jf_toolset_1 it{};
        it.size = sizeof it;
        it.open = open;
        it.close = close;
        it.list = list;
        it.call = call;
        if constexpr (can_read<Set>) it.read = read;
        if constexpr (can_prompt<Set>) it.prompt = prompt;
        if constexpr (can_complete<Set>) it.complete = complete;
        it.cancel = cancel;
        return it;
    }
};

} // namespace detail
} // namespace jackfield

#endif
