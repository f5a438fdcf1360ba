/* SPDX-License-Identifier: Apache-2.0
 * The life of one call of a composite tool: targets are asked, answers counted, what is not needed cancelled.
 */
#include "run.h"
#include "values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void pump(run *of);
static void judge(run *of);

static uint64_t now(const run *of) {
    return of->self->loop->now(of->self->loop->context);
}

static void unlink_run(run *of) {
    if (of->previous != NULL)
        of->previous->next = of->next;
    else if (of->self != NULL)
        of->self->runs = of->next;
    if (of->next != NULL) of->next->previous = of->previous;
}

/** Frees a run that is over, once nothing refers to it. */
static void settle(run *of) {
    if (!of->over || of->outstanding > 0 || of->held > 0) return;
    for (uint32_t i = 0; i < of->it->count; i++) {
        free(of->legs[i].body);
        free(of->legs[i].canonical);
    }
    unlink_run(of);
    set_release(of->set);
    asking_free(&of->from);
    free(of);
}

static void drop_timers(run *of) {
    const jf_loop_1 *loop = of->self->loop;
    if (of->timer != 0) loop->cancel(loop->context, of->timer);
    if (of->hedge != 0) loop->cancel(loop->context, of->hedge);
    of->timer = of->hedge = 0;
}

/** Ends every call that is still under way; what was not asked stays so. */
static void end_legs(run *of) {
    const jf_calls_1 *calls = of->self->calls;
    for (uint32_t i = 0; i < of->it->count; i++) {
        leg *at = &of->legs[i];
        if (at->state != LEG_ASKED && at->state != LEG_WAITING) continue;
        bool asked = at->state == LEG_ASKED;
        at->state = of->expired && asked ? LEG_TIMEOUT : LEG_CANCELLED;
        at->took = asked ? now(of) - at->began : 0;
        snprintf(at->why, sizeof at->why, "%s",
                 !asked         ? "it was not asked any more"
                 : !of->expired ? "decided without it"
                                : "it gave no answer before the deadline of the whole");
        if (at->open) calls->cancel(calls->context, at->call);
    }
}

/** How long answers take: also those that were not waited for, of which this is the least. */
static void learn(run *of) {
    if (of->it->percentile == 0 || of->legs[0].state == LEG_NOT_STARTED || of->legs[0].took == 0) return;
    of->it->latencies[of->it->latency_count++ % LATENCIES] = of->legs[0].took;
    /* Counts on at the ring's length, so that it never wraps to "not enough". */
    if (of->it->latency_count == 2 * LATENCIES) of->it->latency_count = LATENCIES;
}

static void conclude(run *of, decision how) {
    of->held++;
    of->over = true;
    drop_timers(of);
    end_legs(of);
    learn(of);
    text out = {0};
    jf_fault why = {.size = sizeof why};
    report_write(of, how, &out);
    if (out.failed) {
        text_free(&out);
        jf_blob none = {0};
        int32_t status = refuse(&why, JF_E_BUSY, 0, "tools-composite: out of memory");
        of->self->ops->finish(of->self->ops->context, of->op, status, &none, &why);
    } else {
        jf_blob blob = {out.bytes, out.length, out.bytes, free};
        of->self->ops->finish(of->self->ops->context, of->op, JF_OK, &blob, NULL);
    }
    of->set->open_calls--;
    of->held--;
    settle(of);
}

/** Ends without a report: nobody waits for one. */
static void abandon(run *of, int32_t status) {
    jf_fault why = {.size = sizeof why};
    jf_blob none = {0};
    of->held++;
    of->over = true;
    drop_timers(of);
    end_legs(of);
    refuse(&why, status, 0, "tools-composite: the call was cancelled");
    of->self->ops->finish(of->self->ops->context, of->op, status, &none, &why);
    of->set->open_calls--;
    of->held--;
    settle(of);
}

/* ---- Targets ---- */

static void progress(const run *of, const leg *at) {
    char words[120];
    int length =
        snprintf(words, sizeof words, "%.60s: %s (%u of %u answered)", of->it->targets[at - of->legs].label,
                 answer_state(at->state), of->ended, of->it->count);
    of->self->ops->progress(
        of->self->ops->context, of->op, of->ended, of->it->count,
        (jf_view){(const uint8_t *)words, value_cut(words, (size_t)length, sizeof words - 1)});
}

static void target_done(void *user, jf_ref call, const jf_call_result *result) {
    leg *at = user;
    run *of = at->run;
    (void)call;
    at->open = false;
    of->outstanding--;
    if (of->over) {
        settle(of);
        return;
    }
    at->took = now(of) - at->began;
    if (at->took == 0) at->took = 1;
    answer_read(at, of->set, &of->bytes, result);
    if (of->it->mode == MODE_VOTE && at->state == LEG_GOOD) vote_count(of, at);
    of->ended++;
    if (at->state == LEG_GOOD)
        of->good++;
    else
        of->released++;
    of->held++;
    progress(of, at);
    judge(of);
    pump(of);
    judge(of);
    of->held--;
    settle(of);
}

static void not_started(run *of, leg *at, leg_state state, const char *why, size_t length) {
    at->state = state;
    snprintf(at->why, sizeof at->why, "%.*s", (int)value_cut(why, length, WHY_SIZE - 1), why);
    of->ended++;
    of->released++;
}

static void start_leg(run *of, leg *at) {
    static const char unsafe[] =
        "its server does not call it read-only or idempotent; allow_unsafe would call it",
                      absent[] = "its server does not list it now";
    const target *to = &of->it->targets[at - of->legs];
    const jf_calls_1 *calls = of->self->calls;
    jf_fault why = {.size = sizeof why};
    text params = {0};
    uint64_t time = now(of);
    of->started++;
    if ((of->it->mode == MODE_RACE || of->it->mode == MODE_HEDGE) && !of->it->allow_unsafe &&
        to->safety != SAFETY_SAFE) {
        to->safety == SAFETY_UNSAFE ? not_started(of, at, LEG_UNSAFE, unsafe, sizeof unsafe - 1)
                                    : not_started(of, at, LEG_UNSAFE, absent, sizeof absent - 1);
        return;
    }
    if (!params_write(&of->from, to, NULL, &params)) {
        text_free(&params);
        {
            not_started(of, at, LEG_NOT_STARTED, "out of memory", 13);
            return;
        }
    }
    jf_call call = {.size = sizeof call,
                    .timeout_ns = to->timeout_ns,
                    .target = view_of(to->path),
                    .method = view_of("tools/call"),
                    .params = {params.bytes, params.length},
                    .principal = {of->from.principal, of->from.principal_length}};
    at->began = time;
    at->state = LEG_ASKED;
    at->open = true;
    int32_t status = calls->start(calls->context, &call, target_done, at, &at->call, &why);
    text_free(&params);
    if (status == JF_OK) {
        of->outstanding++;
        return;
    }
    at->open = false;
    size_t length = why.text_len < sizeof why.text ? why.text_len : sizeof why.text;
    if (length == 0)
        length = (size_t)snprintf(why.text, sizeof why.text, "the gateway refused the call (%d)", status);
    not_started(of, at, LEG_NOT_STARTED, why.text, length);
}

/* ---- Hedging ---- */

static int by_size(const void *a, const void *b) {
    const uint64_t *one = a, *two = b;
    return *one < *two ? -1 : *one > *two;
}

static uint64_t hedge_delay(const composite *it) {
    uint64_t sorted[LATENCIES];
    uint32_t count = it->latency_count < LATENCIES ? it->latency_count : LATENCIES;
    if (it->percentile == 0 || count < LATENCIES_NEEDED) return it->delay_ns;
    memcpy(sorted, it->latencies, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_size);
    /* Nearest rank. */
    uint64_t delay = sorted[(count * it->percentile + 99) / 100 - 1];
    return delay < 1000000 ? 1000000 : delay;
}

static void hedge_due(void *user) {
    run *of = user;
    of->hedge = 0;
    of->released++;
    of->held++;
    pump(of);
    judge(of);
    of->held--;
    settle(of);
}

/** Asks as many targets as may be asked now. */
static void pump(run *of) {
    const jf_loop_1 *loop = of->self->loop;
    uint32_t before = of->started;
    bool hedges = of->it->mode == MODE_HEDGE;
    while (!of->over && of->started < of->it->count && of->outstanding < of->it->concurrency &&
           (!hedges || of->started < of->released))
        start_leg(of, &of->legs[of->started]);
    if (!hedges || of->over || of->started == before) return;
    /* The next one's time counts from the latest start. */
    if (of->hedge != 0) loop->cancel(loop->context, of->hedge);
    of->hedge = 0;
    if (of->started < of->it->count &&
        loop->timer(loop->context, hedge_delay(of->it), hedge_due, of, &of->hedge) != JF_OK)
        of->hedge = 0;
}

/* ---- Decisions ---- */

static decision decide(run *of) {
    uint32_t pending = of->it->count - of->ended;
    if (of->expired) pending = 0;
    switch (of->it->mode) {
    case MODE_FIRST:
    case MODE_RACE:
    case MODE_HEDGE:
        for (uint32_t i = 0; of->good > 0 && i < of->it->count; i++)
            if (of->legs[i].state == LEG_GOOD) of->winner = &of->legs[i];
        if (of->good > 0) {
            snprintf(of->why, sizeof of->why, "%.60s answered first",
                     of->it->targets[of->winner - of->legs].label);
            return DECIDED_GOOD;
        }
        if (pending > 0) return UNDECIDED;
        snprintf(of->why, sizeof of->why, "none of %u targets gave a good answer", of->it->count);
        return DECIDED_FAILED;
    case MODE_ALL:
    case MODE_MERGE:
        if (of->good + pending < of->it->quorum) {
            snprintf(of->why, sizeof of->why, "%u of %u targets gave a good answer, %u are needed", of->good,
                     of->it->count, of->it->quorum);
            return DECIDED_FAILED;
        }
        if (pending > 0 && !(of->it->stop_at_quorum && of->good >= of->it->quorum)) return UNDECIDED;
        snprintf(of->why, sizeof of->why, "%u of %u targets gave a good answer", of->good, of->it->count);
        return DECIDED_GOOD;
    default:
        return vote_decide(of);
    }
}

static void judge(run *of) {
    if (of->over) return;
    decision how = decide(of);
    if (how != UNDECIDED) conclude(of, how);
}

static void run_due(void *user) {
    run *of = user;
    of->timer = 0;
    of->expired = true;
    judge(of);
}

/* ---- Beginning ---- */

/** Races and hedges need to know what their targets promise. */
static bool must_wait(const run *of) {
    if ((of->it->mode != MODE_RACE && of->it->mode != MODE_HEDGE) || of->it->allow_unsafe) return false;
    for (uint32_t i = 0; i < of->it->count; i++)
        if (of->it->targets[i].safety == SAFETY_UNKNOWN || of->it->targets[i].safety == SAFETY_ABSENT)
            return true;
    return false;
}

static void begin(run *of) {
    of->waiting = false;
    of->released++;
    of->held++;
    pump(of);
    judge(of);
    of->held--;
    settle(of);
}

void runs_listed(set *it) {
    for (run *of = it->self->runs, *next; of != NULL; of = next) {
        next = of->next;
        if (of->set == it && of->waiting && !of->over) begin(of);
    }
}

int32_t run_call(jf_self *self, set *in, composite *it, jf_ref op, const jf_request *request, jf_fault *why) {
    if (!asking_allowed(in, why)) return JF_E_BUSY;
    run *of = calloc(1, sizeof *of + it->count * sizeof of->legs[0]);
    if (of == NULL) return refuse(why, JF_E_BUSY, 0, "tools-composite: out of memory");
    of->self = self;
    of->set = in;
    of->it = it;
    of->op = op;
    int32_t status = asking_read(&of->from, in, it, request, why);
    uint64_t time = now(of);
    of->began = time;
    of->deadline = asking_deadline(it, request, time);
    uint64_t left = of->deadline > time ? of->deadline - time : 1;
    if (status == JF_OK && self->loop->timer(self->loop->context, left, run_due, of, &of->timer) != JF_OK)
        status = refuse(why, JF_E_BUSY, 0, "tools-composite: no timer");
    if (status != JF_OK) {
        asking_free(&of->from);
        free(of);
        return status;
    }
    for (uint32_t i = 0; i < it->count; i++)
        of->legs[i].run = of;
    in->references++;
    in->open_calls++;
    of->next = self->runs;
    if (self->runs != NULL) self->runs->previous = of;
    self->runs = of;
    of->waiting = must_wait(of);
    if (!of->waiting)
        begin(of);
    else
        discover_begin(in);
    return JF_PENDING;
}

void run_cancel(jf_self *self, jf_ref op, int32_t why) {
    for (run *of = self->runs; of != NULL; of = of->next)
        if (of->op == op && !of->over) {
            abandon(of, why);
            return;
        }
}

void run_orphan_all(jf_self *self) {
    for (run *of = self->runs, *next; of != NULL; of = next) {
        next = of->next;
        of->self = NULL;
        of->previous = of->next = NULL;
    }
    self->runs = NULL;
}

void run_stop_all(jf_self *self) {
    run *of = self->runs;
    while (of != NULL) {
        if (of->over) {
            of = of->next;
            continue;
        }
        abandon(of, JF_E_GONE);
        of = self->runs; /* the list has changed */
    }
}
