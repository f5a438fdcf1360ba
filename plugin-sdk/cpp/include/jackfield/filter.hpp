// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the facet jf.filter/1: sees requests on their way to a server and results on their way back.
#ifndef JACKFIELD_FILTER_HPP
#define JACKFIELD_FILTER_HPP

#include <jackfield/filter.h>
#include <jackfield/guard.hpp>

namespace jackfield {

/** One request or one result on its way: the question that a filter answers with a Verdict. Errors refuse the
 * call: Error::denied (403), Error::invalid, Error::busy (429), each with its text where it is shown; any
 * other is the filter's own failure. Borrowed until the method returns, or until its Pending is finished. */
class Passage : public Question {
  public:
    Passage(const jf_passage *passage, Ref op, std::shared_ptr<detail::OpTable> ops) noexcept
        : Question(op, std::move(ops)), raw(detail::sized(passage)) {}

    /** Who asks; may be nobody that is known. */
    Principal principal() const noexcept { return Principal(raw.principal); }
    /** The result says `isError`. */
    bool is_error() const noexcept { return (raw.flags & JF_PASSAGE_ERROR) != 0; }
    /** A result may be replaced by a link: the client can read what the gateway keeps for it, see
     * Verdict::keep. */
    bool may_link() const noexcept { return (raw.flags & JF_PASSAGE_LINKS) != 0; }
    /** The same for a call's request, result and end, on this lane. */
    uint64_t call() const noexcept { return raw.call; }
    /** What the request's verdict left for this call; 0: nothing. */
    uint64_t memory() const noexcept { return raw.memory; }
    /** When nobody waits for the answer any more, see Clock. */
    uint64_t deadline_ns() const noexcept { return raw.deadline_ns; }
    /** Milliseconds of Unix time. */
    uint64_t now_ms() const noexcept { return raw.now_ms; }
    /** JF_TOOLS, JF_RESOURCES, JF_PROMPTS; of a tool: JF_PICK_* */
    uint32_t kind() const noexcept { return raw.kind; }
    uint32_t traits() const noexcept { return raw.traits; }
    /** "tools/call", "resources/read", "prompts/get", "completion/complete" */
    std::string_view method() const noexcept { return text(raw.method); }
    /** The server's name in the configuration. */
    std::string_view server() const noexcept { return text(raw.server); }
    /** The item as its server spells it, and as this endpoint's clients know it. */
    std::string_view name() const noexcept { return text(raw.name); }
    std::string_view shown() const noexcept { return text(raw.shown); }
    /** The endpoint; data() is nullptr for calls of plugins. */
    std::string_view target() const noexcept { return text(raw.target); }
    /** What the server listed of it: an object; absent: it is in no list. */
    json::Value definition() const noexcept { return json::Value::trusted(text(raw.definition)); }
    /** The client's address; data() is nullptr where none is known. */
    std::string_view address() const noexcept { return text(raw.address); }
    /** A request: its `params`; a result: the result object. Parts of it may be replaced, see Verdict. */
    json::Value body() const noexcept { return json::Value::trusted(text(raw.body)); }
    /** A request's arguments, a part of the body; absent: it has none. */
    json::Value arguments() const noexcept { return json::Value::trusted(text(raw.arguments)); }

    const jf_passage raw;
};

/** What is to become of a passage: it goes on as it is, unless changes follow.
 *
 *     Verdict verdict(passage);
 *     verdict.replace(passage.arguments()["iban"], "****");
 *     return verdict; */
class Verdict {
  public:
    explicit Verdict(const Passage &passage) noexcept : body_(text(passage.raw.body)) {}
    /** It goes on as it is; costs nothing. */
    static Answer pass() { return Answer::done(); }
    /** A result object takes its place: of a request, the server is not asked. */
    static Answer instead(const json::Node &result, uint64_t memory = 0) {
        std::vector<char> bytes;
        append(bytes, jf_verdict{JF_ANSWER, 0, memory});
        bytes.insert(bytes.end(), result.text().begin(), result.text().end());
        return Answer::raw(std::move(bytes));
    }

    /** Replaces a part of the body: a value of Passage::body or Passage::arguments. Changes may come in any
     * order, but none within another. */
    Verdict &replace(const json::Value &part, const json::Node &by) {
        return change(part.raw().data(), part.raw().size(), by.text());
    }
    /** Adds a member to an object of the body, which has none of that name. */
    Verdict &add(const json::Value &object, std::string_view name, const json::Node &value) {
        if (!object.is_object()) {
            failed_ = true;
            return *this;
        }
        const char *end = object.raw().data() + object.raw().size() - 1;
        bool is_first = object.size() == 0;
        for (const Change &it : changes_)
            if (body_.data() + it.start == end) is_first = false;
        return change(end, 0, (is_first ? "" : ",") + json::quoted(name) + ":" + value.text());
    }
    /** Of a tool's result: the gateway keeps it whole for `ttl_ms`, and a link to it takes its place, at the
     * end of the `content` of `preview`, a result object. What else the verdict changes holds where it cannot
     * be kept, or where `most` bytes of kept results are held already. The manifest's `filter.links` must say
     * so. */
    Verdict &keep(const json::Node &preview, uint64_t ttl_ms, uint64_t most) {
        kept_ = Kept{ttl_ms, most, preview.text()};
        return *this;
    }
    /** Kept for this call's Passage::memory and `ended`; 0: nothing is. */
    Verdict &remember(uint64_t memory) noexcept {
        memory_ = memory;
        return *this;
    }

    operator Answer() const {
        if (failed_) return Error::fault("a filter's change is of no part of the body");
        if (changes_.empty() && memory_ == 0 && !kept_) return pass();
        std::vector<const Change *> order;
        for (const Change &it : changes_)
            order.push_back(&it);
        /* Insertions at one place stay in the order in which they were added. */
        std::sort(order.begin(), order.end(), [](const Change *a, const Change *b) {
            return a->start != b->start ? a->start < b->start : a < b;
        });
        std::vector<char> bytes;
        append(bytes, jf_verdict{uint32_t(kept_              ? JF_SPILL
                                          : changes_.empty() ? JF_PASS
                                                             : JF_SPLICE),
                                 static_cast<uint32_t>(changes_.size()), memory_});
        if (kept_) {
            append(bytes, jf_spill{kept_->ttl_ms, kept_->most, kept_->preview.size()});
            append(bytes, kept_->preview);
        }
        uint64_t done = 0;
        for (const Change *it : order) {
            if (it->start < done) return Error::fault("a filter's changes lie within each other");
            done = it->end;
            append(bytes, jf_splice{it->start, it->end, it->json.size()});
            append(bytes, it->json);
        }
        return Answer::raw(std::move(bytes));
    }

  private:
    struct Change {
        uint64_t start, end;
        std::string json;
    };
    struct Kept {
        uint64_t ttl_ms, most;
        std::string preview;
    };
    template <class Head> static void append(std::vector<char> &bytes, const Head &head) {
        const char *first = reinterpret_cast<const char *>(&head);
        bytes.insert(bytes.end(), first, first + sizeof head);
    }
    /** JSON behind its head, then zeros up to a multiple of 8. */
    static void append(std::vector<char> &bytes, const std::string &json) {
        bytes.insert(bytes.end(), json.begin(), json.end());
        bytes.resize((bytes.size() + 7) / 8 * 8);
    }
    Verdict &change(const char *from, size_t length, std::string json) {
        /* As numbers: the part may be of another text. */
        uint64_t start = reinterpret_cast<uintptr_t>(from) - reinterpret_cast<uintptr_t>(body_.data());
        if (from == nullptr || start > body_.size() || length > body_.size() - start)
            failed_ = true;
        else
            changes_.push_back({start, start + length, std::move(json)});
        return *this;
    }

    std::string_view body_;
    std::vector<Change> changes_;
    std::optional<Kept> kept_;
    uint64_t memory_ = 0;
    bool failed_ = false;
};

/** How a call ended whose request left a memory. */
struct Passed {
    /** JF_OK: answered; JF_E_DENIED: another filter refused it; else why there was no answer. */
    int32_t status;
    /** As in its Passage, and as its Verdict said. */
    uint64_t call, memory;
    /** Since the request; the result's size, 0 without. */
    uint64_t latency_ns, bytes;
};

namespace detail {

JACKFIELD_CAN(filter_request, Answer(std::declval<T &>().request(std::declval<const Passage &>())));
JACKFIELD_CAN(filter_result, Answer(std::declval<T &>().result(std::declval<const Passage &>())));
JACKFIELD_CAN(ended, std::declval<T &>().ended(std::declval<const Passed &>()));

template <class T, class = void> struct is_inline_filter : std::false_type {};
template <class T>
struct is_inline_filter<T, std::void_t<decltype(T::answers_at_once)>>
    : std::bool_constant<T::answers_at_once> {};

/** The table of a plugin whose filters are of the class Sieve. */
template <class P, class Sieve, class Part> struct FilterSlots : GuardSlots<P, Sieve, Part> {
    static_assert(
        can_filter_request<Sieve> || can_filter_result<Sieve>,
        "a filter has `Answer request(const Passage &)`, `Answer result(const Passage &)`, or both");
    using Common = GuardSlots<P, Sieve, Part>;

    template <class Method>
    static int32_t pass(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *raw, jf_blob *verdict,
                        jf_fault *why, Method method) noexcept {
        return guard(why, [&]() -> int32_t {
            Sieve *sieve = Common::find(self, handle, why);
            if (sieve == nullptr) return JF_E_STALE;
            std::shared_ptr<OpTable> &ops = instance<P>(self).host.operations;
            /* One that promised to answer at once is not let break it. */
            Passage question(raw, op, is_inline_filter<Sieve>::value ? nullptr : ops);
            return answer(question, op, ops.get(), verdict, why,
                          [&]() -> Answer { return method(*sieve, question); });
        });
    }
    static int32_t request(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *raw, jf_blob *verdict,
                           jf_fault *why) noexcept {
        return pass(self, op, handle, raw, verdict, why,
                    [](auto &sieve, const Passage &it) -> Answer { return sieve.request(it); });
    }
    static int32_t result(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *raw, jf_blob *verdict,
                          jf_fault *why) noexcept {
        return pass(self, op, handle, raw, verdict, why,
                    [](auto &sieve, const Passage &it) -> Answer { return sieve.result(it); });
    }
    static void ended(jf_self *self, jf_ref handle, const jf_passed *raw) noexcept {
        guard_quietly([&] {
            auto *sieve = Common::find(self, handle, nullptr);
            const jf_passed it = sized(raw);
            if constexpr (can_ended<Sieve>)
                if (sieve != nullptr)
                    sieve->ended(Passed{it.status, it.call, it.memory, it.latency_ns, it.bytes});
        });
    }

    static constexpr jf_filter_1 table() noexcept {
        jf_filter_1 it{};
        it.size = sizeof it;
        it.flags = is_inline_filter<Sieve>::value ? JF_FILTER_INLINE : 0;
        it.attach = Common::attach;
        it.detach = Common::detach;
        if constexpr (can_filter_request<Sieve>) it.request = request;
        if constexpr (can_filter_result<Sieve>) it.result = result;
        if constexpr (can_ended<Sieve>) it.ended = ended;
        it.cancel = cancel_question<P>;
        return it;
    }
};

} // namespace detail
} // namespace jackfield

#endif
