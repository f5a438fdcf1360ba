// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the facet jf.policy/1: says who may do what.
#ifndef JACKFIELD_POLICY_HPP
#define JACKFIELD_POLICY_HPP

#include <jackfield/guard.hpp>
#include <jackfield/policy.h>

namespace jackfield {

/** What a policy decides: a ruling, an Error (no decision: whether the call goes on is the operator's
 * `on_error`), or "later". */
class Ruling {
  public:
    /** It may. `rule` says which rule decided, for audit and `jackfield explain`. */
    static Ruling allow(std::string rule = {}) { return Ruling(JF_ALLOW, std::move(rule), {}); }
    /** It may not: 403, with one sentence for the client. */
    static Ruling deny(std::string rule = {}, std::string text = {}) {
        return Ruling(JF_DENY, std::move(rule), std::move(text));
    }
    /** It may not, as if there were no such item. */
    static Ruling hide(std::string rule = {}) { return Ruling(JF_HIDE, std::move(rule), {}); }
    /** It may not unless it has all these scopes: the client can step up. */
    static Ruling needs(const std::vector<std::string> &scopes, std::string rule = {},
                        std::string text = {}) {
        Ruling ruling = deny(std::move(rule), std::move(text));
        for (const std::string &scope : scopes)
            ruling.scopes_ += (ruling.scopes_.empty() ? "" : " ") + scope;
        return ruling;
    }
    Ruling(Error error) : error_(std::move(error)) {
        if (!error_) error_ = Error::fault("the policy answered with an error that is none");
    }
    /** A Pending was taken from the access and will answer: `pending.finish(Ruling::allow())`. */
    static Ruling later() {
        Ruling ruling(JF_DENY, {}, {});
        ruling.later_ = true;
        return ruling;
    }

    /** The same as a dry run: it is only recorded, the call goes on. */
    Ruling dry() && {
        dry_ = true;
        return std::move(*this);
    }

    bool is_later() const noexcept { return later_; }
    bool is_error() const noexcept { return static_cast<bool>(error_); }
    const Error &error() const noexcept { return error_; }

    /** As it goes to the host at once: texts are this object's. */
    void fill(jf_ruling &out) const noexcept {
        out.flags = dry_ ? JF_RULING_DRY : 0;
        out.decision = decision_;
        out.reserved = 0;
        out.rule = rule_.empty() ? jf_view{} : view(rule_);
        out.text = text_.empty() ? jf_view{} : view(text_);
        out.scopes = scopes_.empty() ? jf_view{} : view(scopes_);
    }
    /** As it goes to the host later. */
    operator Answer() const {
        if (later_) return Answer::later();
        if (error_) return error_;
        json::Writer writer;
        writer.begin_object().member("decision", decision_ == JF_ALLOW  ? "allow"
                                                 : decision_ == JF_DENY ? "deny"
                                                                        : "hide");
        if (!rule_.empty()) writer.member("rule", rule_);
        if (!text_.empty()) writer.member("text", text_);
        if (!scopes_.empty()) {
            writer.key("scopes").begin_array();
            for (size_t from = 0, to; from <= scopes_.size(); from = to + 1) {
                to = std::min(scopes_.find(' ', from), scopes_.size());
                writer.value(std::string_view(scopes_).substr(from, to - from));
            }
            writer.end_array();
        }
        if (dry_) writer.member("dry", true);
        return Answer::raw(writer.end_object().take());
    }

  private:
    Ruling(uint32_t decision, std::string rule, std::string text)
        : decision_(decision), rule_(std::move(rule)), text_(std::move(text)) {}
    uint32_t decision_ = JF_DENY;
    std::string rule_, text_, scopes_;
    Error error_;
    bool later_ = false, dry_ = false;
};

/** One thing that somebody wants to do with one item: the question that a policy answers with a Ruling.
 * Borrowed. */
class Access : public Question {
  public:
    Access(const jf_access *access, Ref op, std::shared_ptr<detail::OpTable> ops) noexcept
        : Question(op, std::move(ops)), raw(detail::sized(access)) {}

    /** Who it is; may be nobody that is known. */
    Principal principal() const noexcept { return Principal(raw.principal); }
    /** It is only asked whether a list shows the item. */
    bool listing() const noexcept { return (raw.flags & JF_ACCESS_LISTING) != 0; }
    /** Nothing happens, somebody wants to know. Not to be counted. */
    bool explaining() const noexcept { return (raw.flags & JF_ACCESS_EXPLAIN) != 0; }
    /** JF_TOOLS, JF_RESOURCES, JF_TEMPLATES, JF_PROMPTS */
    uint32_t kind() const noexcept { return raw.kind; }
    /** Of a tool: JF_PICK_* */
    uint32_t traits() const noexcept { return raw.traits; }
    /** The MCP method: "tools/call". */
    std::string_view action() const noexcept { return text(raw.action); }
    /** The server's name in the configuration. */
    std::string_view server() const noexcept { return text(raw.server); }
    /** The item as its server spells it: a tool's name, a URI. */
    std::string_view name() const noexcept { return text(raw.name); }
    /** The item as this endpoint's clients know it. */
    std::string_view shown() const noexcept { return text(raw.shown); }
    /** The endpoint ("/mcp"). */
    std::string_view target() const noexcept { return text(raw.target); }
    /** What the server listed of it: an object; absent: it is in no list. */
    json::Value definition() const noexcept { return json::Value::trusted(text(raw.definition)); }
    /** A call's arguments; absent where the item is only listed. */
    json::Value arguments() const noexcept { return json::Value::trusted(text(raw.arguments)); }
    /** The client's address; data() is nullptr where none is known. */
    std::string_view address() const noexcept { return text(raw.address); }
    /** The gateway's own region; data() is nullptr: not configured. */
    std::string_view region() const noexcept { return text(raw.region); }
    /** Of the server: configured labels, and tags with an empty value. */
    Pairs labels() const noexcept { return {raw.labels, raw.label_count}; }
    /** Milliseconds of Unix time. */
    uint64_t now_ms() const noexcept { return raw.now_ms; }

    const jf_access raw;
};

/** Whose lists are alike, what `classify` answers. */
class PrincipalClass {
  public:
    /** Those of this name, until Policies::changed. */
    static PrincipalClass named(std::string name) { return {JF_OK, std::move(name)}; }
    /** This principal's own, as it is without `classify`. */
    static PrincipalClass own() { return {JF_ABSENT, {}}; }
    /** Nobody's: decisions depend on more than the principal, such as the time. */
    static PrincipalClass none() { return {JF_E_UNSUPPORTED, {}}; }

    int32_t status() const noexcept { return status_; }
    std::string take() noexcept { return std::move(name_); }

  private:
    PrincipalClass(int32_t status, std::string name) : status_(status), name_(std::move(name)) {}
    int32_t status_;
    std::string name_;
};

/** jf.policies/1: tells the host that decisions may be others from now on. [any] */
class Policies {
  public:
    explicit Policies(Host &host, Need need = Need::optional)
        : life_(host.life()), table_(host.service<jf_policies_1>(JF_POLICIES_1, need)) {}

    /** `policy` is GuardInfo::handle. */
    void changed(Ref policy) const {
        if (table_.changed == nullptr || !life_->enter()) return;
        table_.changed(table_.context, policy);
        life_->leave();
    }

  private:
    std::shared_ptr<detail::Life> life_;
    jf_policies_1 table_;
};

namespace detail {

JACKFIELD_CAN(classify, PrincipalClass(std::declval<T &>().classify(std::declval<const Principal &>())));

/** The table of a plugin whose policies are of the class Rules. `Part::ruling(instance)` keeps the texts of
 * the last decision until the next one. */
template <class P, class Rules, class Part> struct PolicySlots : GuardSlots<P, Rules, Part> {
    using Common = GuardSlots<P, Rules, Part>;

    static int32_t decide(jf_self *self, jf_ref op, jf_ref handle, const jf_access *raw, jf_ruling *ruling,
                          jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            Rules *rules = Common::find(self, handle, why);
            if (rules == nullptr) return JF_E_STALE;
            Instance<P> &it = instance<P>(self);
            Access question(raw, op, it.host.operations);
            return answer_with<Ruling>(
                question, op, it.host.operations.get(), why,
                [&]() -> Ruling { return rules->decide(question); },
                [&](Ruling &given) {
                    Ruling &kept = Part::ruling(it);
                    kept = std::move(given);
                    kept.fill(*ruling);
                    return JF_OK;
                });
        });
    }
    static int32_t classify(jf_self *self, jf_ref handle, const jf_principal *raw, jf_blob *name,
                            jf_fault *why) noexcept {
        return guard(why, [&]() -> int32_t {
            auto *rules = Common::find(self, handle, why);
            if (rules == nullptr) return JF_E_STALE;
            if constexpr (can_classify<Rules>) {
                PrincipalClass given = rules->classify(Principal(raw));
                if (given.status() < 0)
                    return explain(why, given.status(), "decisions depend on more than the principal");
                if (given.status() == JF_OK) *name = Blob(given.take()).release();
                return given.status();
            }
            return JF_ABSENT;
        });
    }

    static constexpr jf_policy_1 table() noexcept {
        jf_policy_1 it{};
        it.size = sizeof it;
        it.attach = Common::attach;
        it.detach = Common::detach;
        it.decide = decide;
        if constexpr (can_classify<Rules>) it.classify = classify;
        it.cancel = cancel_question<P>;
        return it;
    }
};

} // namespace detail
} // namespace jackfield

#endif
