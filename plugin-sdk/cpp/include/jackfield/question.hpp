// SPDX-License-Identifier: Apache-2.0
// C++ SDK: Question, what all that is answered at once or later has in common.
#ifndef JACKFIELD_QUESTION_HPP
#define JACKFIELD_QUESTION_HPP

#include <jackfield/ops.hpp>

namespace jackfield {

/** Something that the host asks. It is borrowed until the method returns. */
class Question {
  public:
    Question(Ref op, std::shared_ptr<detail::OpTable> ops) noexcept : ops_(std::move(ops)), op_(op) {}

    /** Takes the duty to answer, and the method returns Answer::later(). Once per question: a second one is
     * empty. `ops` is the plugin's own, which the host has. */
    Pending later(const Ops &ops) const {
        if (ops.table() != ops_ || ops_ == nullptr || taken_) return {};
        ops_->open(op_);
        taken_ = true;
        return Pending(ops_, op_);
    }

    /** For the SDK: whether `later` was called. */
    bool taken() const noexcept { return taken_; }

  private:
    std::shared_ptr<detail::OpTable> ops_;
    Ref op_;
    mutable bool taken_ = false;
};

namespace detail {

/** Runs a question's method and answers in one of the ways that the ABI has, exactly once. `fill` takes what
 * is answered at once, an Answer or what is like it, and gives the status. */
template <class Given, class Body, class Fill>
int32_t answer_with(const Question &question, Ref op, OpTable *ops, jf_fault *why, Body &&body, Fill &&fill) {
    Given given = Given::later();
    jf_fault thrown{};
    thrown.size = sizeof thrown;
    int32_t status = guard(&thrown, [&]() -> int32_t {
        given = body();
        return JF_OK;
    });
    bool later = status == JF_OK && given.is_later();
    if (question.taken() && (later ? ops->leave_slot(op) : !ops->claim(op))) return JF_PENDING;
    if (later)
        return explain(why, JF_E_FAULT, "the plugin answered 'later' but keeps no Pending to answer from");
    if (status != JF_OK)
        return explain(why, status, {thrown.text, thrown.text_len}, thrown.flags, thrown.retry_ms);
    if (given.is_error()) return explain(why, given.error());
    return fill(given);
}

/** The same for answers that are bytes. */
template <class Body>
int32_t answer(const Question &question, Ref op, OpTable *ops, jf_blob *result, jf_fault *why, Body &&body) {
    return answer_with<Answer>(question, op, ops, why, std::forward<Body>(body), [&](Answer &given) {
        *result = given.take().release();
        return given.status();
    });
}

} // namespace detail
} // namespace jackfield

#endif
