/* SPDX-License-Identifier: Apache-2.0
 * A connection to a remote store. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "link.h"

#include <stdlib.h>
#include <string.h>

#define MS 1000000u
/* A connection that breaks sooner counts as a failed try. */
#define STEADY_NS 1000000000u

static void dial(sc_link *link);

/* ---- Operations ---- */

static void push(sc_ops *ops, sc_op *op) {
    op->next = NULL;
    *ops->end = op;
    ops->end = &op->next;
    ops->count++;
}

static sc_op *shift(sc_ops *ops) {
    sc_op *op = ops->first;
    if (op == NULL) return NULL;
    ops->first = op->next;
    if (ops->first == NULL) ops->end = &ops->first;
    ops->count--;
    return op;
}

static void finish(sc_link *link, sc_op *op, int32_t status, jf_blob *answer, const jf_fault *why) {
    jf_ref ref = op->ref;
    link->bytes -= op->bytes;
    link->driver->discard(op);
    if (ref != 0)
        sc_finish(link->host, ref, status, answer, why);
    else if (answer != NULL && answer->drop != NULL)
        answer->drop(answer->owner);
}

/* Ends those that were not sent: they may be repeated without harm. */
static void refuse_waiting(sc_link *link, int32_t code, const char *text, bool overdue_only) {
    uint64_t now = link->host->clock.monotonic_ns(link->host->clock.context);
    jf_fault why = {.size = sizeof why};
    while (link->waiting.first != NULL && (!overdue_only || link->waiting.first->deadline_ns <= now)) {
        sc_fault(&why, code, JF_FAULT_NOT_STARTED, "%s: %s: %s", link->host->plugin, link->name, text);
        finish(link, shift(&link->waiting), code, NULL, &why);
    }
}

static void fail_sent(sc_link *link, int32_t code, const char *text) {
    uint64_t now = link->host->clock.monotonic_ns(link->host->clock.context);
    jf_fault why = {.size = sizeof why};
    while (link->sent.first != NULL) {
        int32_t own = link->sent.first->deadline_ns <= now ? JF_E_TIMEOUT
                      : code == JF_E_TIMEOUT               ? JF_E_GONE
                                                           : code;
        sc_fault(&why, own, 0, "%s: %s: %s; whether the operation was carried out is not known",
                 link->host->plugin, link->name, text);
        finish(link, shift(&link->sent), own, NULL, &why);
    }
}

/* ---- Overdue answers ---- */

static void watch_overdue(sc_link *link);

static void overdue(void *user) {
    sc_link *link = user;
    uint64_t now = link->host->clock.monotonic_ns(link->host->clock.context);
    link->overdue = 0;
    if (link->is_broken) {
        sc_link_lost(link, JF_E_GONE, "the connection broke");
        return;
    }
    if (link->sent.first != NULL && link->sent.first->deadline_ns <= now) {
        sc_link_lost(link, JF_E_TIMEOUT, "no answer in time");
        return;
    }
    refuse_waiting(link, JF_E_GONE, "no connection in time", true);
    watch_overdue(link);
}

static void watch_overdue(sc_link *link) {
    const sc_op *first = link->sent.first != NULL ? link->sent.first : link->waiting.first;
    if (link->overdue != 0 || first == NULL) return;
    uint64_t now = link->host->clock.monotonic_ns(link->host->clock.context);
    uint64_t delay = first->deadline_ns > now && !link->is_broken ? first->deadline_ns - now : 0;
    const jf_loop_1 *loop = &link->host->loop;
    if (loop->timer(loop->context, delay, overdue, link, &link->overdue) != JF_OK) link->overdue = 0;
}

/* ---- Sending ---- */

/* A posted task cannot be taken back, so it outlives the link, and asks whether that is still there. */
struct sc_flush {
    sc_link *link;
};

static void flush(void *user) {
    struct sc_flush *task = user;
    sc_link *link = task->link;
    free(task);
    if (link == NULL) return;
    link->flush_task = NULL;
    if (link->state == SC_UP && !link->driver->flush(link->user))
        sc_link_lost(link, JF_E_GONE, "the connection broke");
}

/* Several operations of one batch of the loop leave in one write. */
static bool flush_soon(sc_link *link) {
    if (link->sent.count <= 1) return link->driver->flush(link->user);
    if (link->flush_task != NULL) return true;
    struct sc_flush *task = malloc(sizeof *task);
    const jf_loop_1 *loop = &link->host->loop;
    if (task == NULL) return link->driver->flush(link->user);
    task->link = link;
    if (loop->post(loop->context, flush, task) != JF_OK) {
        free(task);
        return link->driver->flush(link->user);
    }
    link->flush_task = task;
    return true;
}

static bool send(sc_link *link, sc_op *op) {
    push(&link->sent, op);
    return link->driver->send(link->user, op);
}

int32_t sc_link_room(sc_link *link, uint64_t bytes, jf_fault *why) {
    if (link->waiting.count + link->sent.count < link->bounds.in_flight &&
        (link->bytes == 0 || link->bytes + bytes <= link->bounds.bytes))
        return JF_OK;
    int32_t status = sc_fault(why, JF_E_BUSY, JF_FAULT_NOT_STARTED,
                              "%s: %s: too many operations are open (max_in_flight, max_in_flight_bytes)",
                              link->host->plugin, link->name);
    if (why != NULL) why->retry_ms = 20;
    return status;
}

int32_t sc_link_submit(sc_link *link, sc_op *op, jf_fault *why) {
    uint64_t now = link->host->clock.monotonic_ns(link->host->clock.context);
    if (link->state == SC_IDLE || link->state == SC_WAITING ||
        (link->state == SC_DIALING && link->failures > 0)) {
        link->driver->discard(op);
        int32_t code =
            link->last.code == JF_E_DENIED || link->last.code == JF_E_FAULT ? link->last.code : JF_E_GONE;
        sc_fault(why, code, JF_FAULT_NOT_STARTED, "%s: %s: %.*s", link->host->plugin, link->name,
                 (int)link->last.text_len, link->last.text);
        if (why != NULL && link->retry_ns > now) why->retry_ms = (uint32_t)((link->retry_ns - now) / MS + 1);
        return code;
    }
    op->deadline_ns = now + link->bounds.timeout_ms * MS;
    link->bytes += op->bytes;
    if (link->state == SC_DIALING) {
        push(&link->waiting, op);
    } else if (!send(link, op) || !flush_soon(link)) {
        /* Not now, since the caller still holds the operation open: a timer comes in the next batch. */
        link->is_broken = true;
        if (link->overdue != 0) link->host->loop.cancel(link->host->loop.context, link->overdue);
        link->overdue = 0;
    }
    watch_overdue(link);
    return JF_PENDING;
}

sc_op *sc_link_next(sc_link *link) {
    return link->sent.first;
}

void sc_link_answer(sc_link *link, int32_t status, jf_blob *answer, const jf_fault *why) {
    link->failures = 0;
    link->has_answered = true;
    finish(link, shift(&link->sent), status, answer, why);
}

void sc_link_repeat(sc_link *link) {
    send(link, shift(&link->sent));
    flush_soon(link);
}

/* ---- Connecting ---- */

static uint64_t draw(sc_link *link, uint64_t below) {
    link->random ^= link->random << 13;
    link->random ^= link->random >> 7;
    link->random ^= link->random << 17;
    return below == 0 ? 0 : link->random % below;
}

static void dial_again(void *user) {
    sc_link *link = user;
    link->redial = 0;
    dial(link);
}

/* Waits for a random time that grows with the failures, so that not all gateways come back at once. */
static void back_off(sc_link *link) {
    const jf_loop_1 *loop = &link->host->loop;
    uint32_t doublings = link->failures < 16 ? link->failures - 1 : 15;
    uint64_t most = link->bounds.backoff_ms << doublings;
    if (most > link->bounds.backoff_most_ms) most = link->bounds.backoff_most_ms;
    uint64_t delay = most / 2 + draw(link, most / 2 + 1);
    link->state = SC_WAITING;
    link->retry_ns = link->host->clock.monotonic_ns(link->host->clock.context) + delay * MS;
    if (loop->timer(loop->context, delay * MS, dial_again, link, &link->redial) != JF_OK) link->redial = 0;
}

static void failed(sc_link *link) {
    if (link->failures++ == 0)
        sc_log(link->host, JF_LOG_WARNING, "%s: cannot be reached, tries go on: %.*s", link->name,
               (int)link->last.text_len, link->last.text);
    char text[sizeof link->last.text + 1];
    memcpy(text, link->last.text, link->last.text_len);
    text[link->last.text_len] = 0;
    refuse_waiting(
        link, link->last.code == JF_E_DENIED || link->last.code == JF_E_FAULT ? link->last.code : JF_E_GONE,
        text, false);
    back_off(link);
    if (link->driver->changed != NULL) link->driver->changed(link->user, false);
}

static void dialed(void *user, void *job) {
    sc_link *link = user;
    link->dial = NULL;
    link->last = (jf_fault){.size = sizeof link->last};
    if (link->driver->adopt(link->user, job, &link->last) != JF_OK) {
        failed(link);
        return;
    }
    link->state = SC_UP;
    link->is_broken = link->has_answered = false;
    link->up_since_ns = link->host->clock.monotonic_ns(link->host->clock.context);
    if (link->failures > 0) sc_log(link->host, JF_LOG_INFO, "%s: connected again", link->name);
    while (link->waiting.first != NULL) {
        if (!send(link, shift(&link->waiting))) break;
    }
    if (link->driver->changed != NULL) link->driver->changed(link->user, true);
    if (link->state == SC_UP && link->driver->flush != NULL && !link->driver->flush(link->user))
        sc_link_lost(link, JF_E_GONE, "the connection broke");
}

static void dial(sc_link *link) {
    sc_work work = {link->driver->work, dialed, link->driver->drop, link->driver->prepare(link->user), link};
    link->state = SC_DIALING;
    link->dial = work.job != NULL ? sc_dial_start(&link->host->loop, &work) : NULL;
    if (link->dial != NULL) return;
    if (work.job != NULL) work.drop(work.job);
    link->last = (jf_fault){.size = sizeof link->last};
    sc_fault(&link->last, JF_E_GONE, 0, "no memory or thread to connect with");
    failed(link);
}

void sc_link_lost(sc_link *link, int32_t code, const char *text) {
    uint64_t now = link->host->clock.monotonic_ns(link->host->clock.context);
    if (link->state != SC_UP) return;
    link->driver->close(link->user);
    bool was_steady = link->has_answered || now - link->up_since_ns >= STEADY_NS;
    link->last = (jf_fault){.size = sizeof link->last};
    sc_fault(&link->last, JF_E_GONE, 0, "the connection was lost (%s)", text);
    sc_log(link->host, JF_LOG_WARNING, "%s: the connection was lost (%s)", link->name, text);
    link->state = SC_IDLE;
    link->is_broken = false;
    if (link->driver->changed != NULL) link->driver->changed(link->user, false);
    /* First the new state, then the answers: whoever is told of them may call again. */
    if (was_steady) {
        link->failures = 0;
        dial(link);
    } else {
        link->failures++;
        back_off(link);
    }
    fail_sent(link, code, text);
    if (link->overdue != 0) link->host->loop.cancel(link->host->loop.context, link->overdue);
    link->overdue = 0;
    watch_overdue(link);
}

/* ---- Life ---- */

void sc_link_open(sc_link *link, const sc_host *host, const sc_driver *driver, void *user, const char *name,
                  const sc_bounds *bounds) {
    *link = (sc_link){.host = host, .driver = driver, .user = user, .name = name, .bounds = *bounds};
    link->waiting.end = &link->waiting.first;
    link->sent.end = &link->sent.first;
    link->last.size = sizeof link->last;
    sc_fault(&link->last, JF_E_GONE, 0, "it is not started");
    link->random = (host->clock.wall_ns(host->clock.context) ^ (uintptr_t)link) | 1;
}

void sc_link_start(sc_link *link) {
    if (link->state == SC_IDLE) dial(link);
}

void sc_link_stop(sc_link *link) {
    const jf_loop_1 *loop = &link->host->loop;
    if (link->dial != NULL) sc_dial_abandon(link->dial);
    if (link->redial != 0) loop->cancel(loop->context, link->redial);
    if (link->overdue != 0) loop->cancel(loop->context, link->overdue);
    if (link->flush_task != NULL) link->flush_task->link = NULL;
    if (link->state == SC_UP) link->driver->close(link->user);
    link->dial = NULL;
    link->flush_task = NULL;
    link->redial = link->overdue = 0;
    link->state = SC_IDLE;
    link->failures = 0;
    sc_fault(&link->last, JF_E_GONE, 0, "it was stopped");
    fail_sent(link, JF_E_GONE, "the store is stopped");
    refuse_waiting(link, JF_E_GONE, "the store is stopped", false);
}
