/* SPDX-License-Identifier: Apache-2.0
 * The life of a batch: it collects callers, is sent when its window ends or it is full, and ends with the
 * answer or with its last caller. */
#include "batch.h"
#include "values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t now(const batch *of) {
    return of->self->loop->now(of->self->loop->context);
}

static uint64_t hash_of(const text *of) {
    uint64_t value = 14695981039346656037u; /* FNV-1a: only to compare less */
    for (size_t i = 0; i < of->length; i++)
        value = (value ^ of->bytes[i]) * 1099511628211u;
    return value;
}

static bool equal(const text *a, const text *b) {
    return a->length == b->length && (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

static void entry_free(entry *it) {
    asking_free(&it->from);
    text_free(&it->same);
    text_free(&it->key);
    free(it);
}

/** It collects no more. */
static void close_window(batch *of) {
    if (of->sent) return;
    of->sent = true;
    if (of->window != 0) of->self->loop->cancel(of->self->loop->context, of->window);
    of->window = 0;
    if (of->open_previous != NULL)
        of->open_previous->open_next = of->open_next;
    else
        of->it->batch.open = of->open_next;
    if (of->open_next != NULL) of->open_next->open_previous = of->open_previous;
}

/** Frees a batch that is over, once nothing refers to it. */
static void settle(batch *of) {
    if (!of->over || of->outstanding || of->held > 0) return;
    for (uint32_t i = 0; i < of->count; i++)
        entry_free(of->entries[i]);
    if (of->previous != NULL)
        of->previous->next = of->next;
    else if (of->self != NULL)
        of->self->batches = of->next;
    if (of->next != NULL) of->next->previous = of->previous;
    set_release(of->set);
    free(of->entries);
    free(of->principal);
    text_free(&of->rest);
    free(of);
}

/** Takes a caller out. */
static void leave(waiter *it) {
    batch *of = it->in;
    if (it->timer != 0) of->self->loop->cancel(of->self->loop->context, it->timer);
    if (it->previous != NULL)
        it->previous->next = it->next;
    else
        it->of->waiters = it->next;
    if (it->next != NULL) it->next->previous = it->previous;
    of->waiting--;
    of->set->open_calls--;
    free(it);
}

/** Nobody waits any more. */
static void give_up(batch *of) {
    if (of->waiting > 0 || of->over) return;
    close_window(of);
    of->over = true;
    if (of->outstanding) of->self->calls->cancel(of->self->calls->context, of->call);
    settle(of);
}

/** Ends one caller's call, and the batch with its last one. `status` JF_OK: with `result`. */
static void end_waiter(waiter *it, int32_t status, shared_result *result, const char *words) {
    batch *of = it->in;
    const jf_ops_1 *ops = of->self->ops;
    jf_fault why = {.size = sizeof why};
    jf_blob blob = {0};
    jf_ref op = it->op;
    of->held++;
    leave(it);
    if (status == JF_OK && result == NULL) {
        status = JF_E_BUSY;
        words = "out of memory";
    }
    if (status == JF_OK)
        blob = shared_blob(result);
    else
        refuse(&why, status, 0, "tools-composite: %s", words);
    ops->finish(ops->context, op, status, &blob, status == JF_OK ? NULL : &why);
    of->held--;
}

void batch_finish(batch *of, entry *to, shared_result *result) {
    of->held++;
    while (to->waiters != NULL)
        end_waiter(to->waiters, JF_OK, result, NULL);
    if (result != NULL) shared_release(result);
    of->held--;
}

void batch_fail(batch *of, const char *status, const char *why) {
    text words = {0};
    batch_write_failure(of, status, why, &words);
    shared_result *result = shared_take(&words);
    of->held++;
    for (uint32_t i = 0; i < of->count; i++)
        while (of->entries[i]->waiters != NULL)
            end_waiter(of->entries[i]->waiters, JF_OK, result, NULL);
    if (result != NULL) shared_release(result);
    of->held--;
}

/* ---- Sending ---- */

static void answered(void *user, jf_ref call, const jf_call_result *result) {
    batch *of = user;
    (void)call;
    of->outstanding = false;
    if (!of->over) {
        of->over = true;
        of->held++;
        batch_share(of, result);
        of->held--;
    }
    settle(of);
}

/** Forgets items of which all callers have left. */
static void compact(batch *of) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < of->count; i++) {
        if (of->entries[i]->waiters != NULL)
            of->entries[kept++] = of->entries[i];
        else
            entry_free(of->entries[i]);
    }
    of->count = kept;
}

static void write_call(const batch *of, const target *to, bool alone, text *params) {
    const batching *by = &of->it->batch;
    asking *from = &of->entries[0]->from;
    text items = {0};
    from->depth = of->depth;
    if (alone) {
        (void)params_write(from, to, NULL, params);
        return;
    }
    for (uint32_t i = 0; i < of->count; i++) {
        if (i > 0) text_put(&items, ",");
        value_put(&items, &of->entries[i]->item);
    }
    const list_argument list = {by->argument, by->item, &items};
    if (!params_write(from, to, &list, params) || items.failed) params->failed = true;
    text_free(&items);
}

static void send(batch *of) {
    const jf_calls_1 *calls = of->self->calls;
    jf_fault why = {.size = sizeof why};
    text params = {0};
    of->held++;
    close_window(of);
    compact(of);
    bool alone = of->count == 1 && of->it->count > 1;
    const target *to = &of->it->targets[alone ? 1 : 0];
    write_call(of, to, alone, &params);
    jf_call call = {.size = sizeof call,
                    .timeout_ns = to->timeout_ns,
                    .target = view_of(to->path),
                    .method = view_of("tools/call"),
                    .params = {params.bytes, params.length},
                    .principal = {of->principal, of->principal_length}};
    of->began = now(of);
    int32_t status = params.failed ? refuse(&why, JF_E_BUSY, 0, "out of memory")
                                   : calls->start(calls->context, &call, answered, of, &of->call, &why);
    text_free(&params);
    if (status == JF_OK) {
        of->outstanding = true;
    } else {
        char words[WHY_SIZE];
        size_t length = why.text_len < sizeof why.text ? why.text_len : sizeof why.text;
        length = value_cut(why.text, length, sizeof words - 1);
        if (length > 0)
            snprintf(words, sizeof words, "%.*s", (int)length, why.text);
        else
            snprintf(words, sizeof words, "the gateway refused the call (%d)", status);
        of->over = true;
        batch_fail(of, "not_started", words);
    }
    of->held--;
    settle(of);
}

static void window_over(void *user) {
    batch *of = user;
    of->window = 0;
    send(of);
}

/** Sets the end of the window, earlier for somebody who has less time. */
static bool arm(batch *of, uint64_t closes) {
    const jf_loop_1 *loop = of->self->loop;
    if (of->window != 0 && closes >= of->closes) return true;
    if (of->window != 0) loop->cancel(loop->context, of->window);
    of->closes = closes;
    uint64_t time = now(of), left = closes > time ? closes - time : 1;
    if (loop->timer(loop->context, left, window_over, of, &of->window) == JF_OK) return true;
    of->window = 0;
    return false;
}

static void waiter_due(void *user) {
    waiter *it = user;
    batch *of = it->in;
    text words = {0};
    it->timer = 0;
    batch_write_failure(of, "timeout", "there was no answer in time", &words);
    shared_result *result = shared_take(&words);
    of->held++;
    end_waiter(it, JF_OK, result, NULL);
    if (result != NULL) shared_release(result);
    of->held--;
    give_up(of);
}

/* ---- Collecting ---- */

/** The item of a call, and what its result is known by. */
static int32_t read_entry(entry *out, const batching *by, jf_fault *why) {
    json_value named;
    if (by->item == NULL)
        out->item = out->from.arguments;
    else if (!value_member(&out->from.arguments, by->item, &out->item))
        return refuse(why, JF_E_INVALID, JF_FAULT_PUBLIC, "the argument '%.80s' is missing", by->item);
    bool good = value_canonical(&out->same, &out->item);
    if (by->key != NULL) {
        named = out->item;
        if (out->item.kind == JSON_OBJECT && !value_find(&out->item, by->key, &named))
            return refuse(why, JF_E_INVALID, JF_FAULT_PUBLIC,
                          "the arguments have nothing at '%.80s', by which results are known", by->key);
        good = good && value_canonical(&out->key, &named);
    }
    if (!good) return refuse(why, JF_E_BUSY, 0, "tools-composite: out of memory");
    out->hash = hash_of(&out->same);
    out->room = out->item.len + 3;
    return JF_OK;
}

/** The other arguments as the batch tool gets them. */
static bool read_rest(const entry *of, const composite *it, text *out) {
    static const text none = {0};
    text arguments = {0};
    json_value parsed;
    const list_argument list = {it->batch.argument, it->batch.item, &none};
    if (it->batch.item == NULL) return true;
    params_arguments(&of->from, &it->targets[0], &list, &arguments);
    bool good = !arguments.failed && json_parse(arguments.bytes, arguments.length, &parsed) &&
                value_canonical(out, &parsed);
    text_free(&arguments);
    return good;
}

static bool same_caller(const batch *of, const asking *from) {
    return (of->principal == NULL) == (from->principal == NULL) &&
           of->principal_length == from->principal_length &&
           (from->principal_length == 0 ||
            memcmp(of->principal, from->principal, from->principal_length) == 0);
}

static batch *open_batch(jf_self *self, set *in, composite *it, const asking *from, text *rest) {
    batch *of = calloc(1, sizeof *of);
    entry **entries = calloc(it->batch.most, sizeof *entries);
    uint8_t *principal = from->principal != NULL ? malloc(from->principal_length + 1) : NULL;
    if (of == NULL || entries == NULL || (from->principal != NULL && principal == NULL)) {
        free(of);
        free(entries);
        free(principal);
        return NULL;
    }
    *of = (batch){.self = self,
                  .set = in,
                  .it = it,
                  .principal = principal,
                  .principal_length = from->principal_length,
                  .rest = *rest,
                  .entries = entries,
                  .next = self->batches,
                  .open_next = it->batch.open};
    *rest = (text){0};
    if (principal != NULL) memcpy(principal, from->principal, from->principal_length);
    if (of->next != NULL) of->next->previous = of;
    if (of->open_next != NULL) of->open_next->open_previous = of;
    self->batches = it->batch.open = of;
    in->references++;
    return of;
}

/** The equal item in a batch. `fits`: whether this one may go along. */
static entry *find_entry(const batch *of, const entry *like, bool *fits) {
    *fits = of->count < of->it->batch.most && of->room + like->room <= of->set->max_total_bytes;
    for (uint32_t i = 0; i < of->count; i++) {
        entry *it = of->entries[i];
        if (it->hash == like->hash && equal(&it->same, &like->same)) return it;
        /* One name in the answer for two different items: each gets an answer of its own. */
        if (like->key.length > 0 && equal(&it->key, &like->key)) *fits = false;
    }
    return NULL;
}

/** The batch and the entry that a call joins; takes `like` and `rest` over. NULL: out of memory. */
static entry *join(jf_self *self, set *in, composite *it, entry *like, text *rest, batch **to) {
    batch *of = it->batch.open;
    bool fits = true;
    while (of != NULL && !(same_caller(of, &like->from) && equal(&of->rest, rest)))
        of = of->open_next;
    entry *known = of != NULL ? find_entry(of, like, &fits) : NULL;
    if (known != NULL) {
        if (like->from.depth > of->depth) of->depth = like->from.depth;
        entry_free(like);
        text_free(rest);
        *to = of;
        return known;
    }
    if (of != NULL && !fits) {
        send(of);
        of = NULL;
    }
    if (of == NULL) of = open_batch(self, in, it, &like->from, rest);
    text_free(rest);
    if (of == NULL) {
        entry_free(like);
        return NULL;
    }
    if (like->from.depth > of->depth) of->depth = like->from.depth;
    of->entries[of->count++] = like;
    of->room += like->room;
    *to = of;
    return like;
}

int32_t batch_call(jf_self *self, set *in, composite *it, jf_ref op, const jf_request *request,
                   jf_fault *why) {
    const jf_loop_1 *loop = self->loop;
    text rest = {0};
    batch *of;
    if (!asking_allowed(in, why)) return JF_E_BUSY;
    entry *item = calloc(1, sizeof *item);
    waiter *who = calloc(1, sizeof *who);
    int32_t status = item == NULL || who == NULL ? refuse(why, JF_E_BUSY, 0, "tools-composite: out of memory")
                                                 : asking_read(&item->from, in, it, request, why);
    if (status == JF_OK) status = read_entry(item, &it->batch, why);
    if (status == JF_OK && !read_rest(item, it, &rest))
        status = refuse(why, JF_E_BUSY, 0, "tools-composite: out of memory");
    uint64_t time = loop->now(loop->context), due = asking_deadline(it, request, time);
    if (due <= time) due = time + 1;
    if (status == JF_OK && loop->timer(loop->context, due - time, waiter_due, who, &who->timer) != JF_OK)
        status = refuse(why, JF_E_BUSY, 0, "tools-composite: no timer");
    if (status != JF_OK) {
        if (item != NULL) entry_free(item);
        text_free(&rest);
        free(who);
        return status;
    }
    item = join(self, in, it, item, &rest, &of);
    if (item == NULL) {
        loop->cancel(loop->context, who->timer);
        free(who);
        return refuse(why, JF_E_BUSY, 0, "tools-composite: out of memory");
    }
    who->in = of;
    who->of = item;
    who->op = op;
    who->next = item->waiters;
    if (who->next != NULL) who->next->previous = who;
    item->waiters = who;
    of->waiting++;
    in->open_calls++;
    /* Half of a caller's time is the tool's. */
    uint64_t window = (due - time) / 2 < it->batch.window_ns ? (due - time) / 2 : it->batch.window_ns;
    if (of->count == it->batch.most || of->room >= in->max_total_bytes || !arm(of, time + window)) send(of);
    return JF_PENDING;
}

/* ---- Ending ---- */

static void abandon(waiter *it, int32_t status) {
    batch *of = it->in;
    of->held++;
    end_waiter(it, status, NULL, "the call was cancelled");
    of->held--;
    give_up(of);
}

void batch_cancel(jf_self *self, jf_ref op, int32_t why) {
    for (batch *of = self->batches; of != NULL; of = of->next)
        for (uint32_t i = 0; i < of->count; i++)
            for (waiter *it = of->entries[i]->waiters; it != NULL; it = it->next)
                if (it->op == op) {
                    abandon(it, why);
                    return;
                }
}

static waiter *any_waiter(const batch *of) {
    for (uint32_t i = 0; i < of->count; i++)
        if (of->entries[i]->waiters != NULL) return of->entries[i]->waiters;
    return NULL;
}

void batch_stop_all(jf_self *self) {
    batch *of = self->batches;
    while (of != NULL) {
        waiter *it = any_waiter(of);
        if (it == NULL) {
            of = of->next;
            continue;
        }
        abandon(it, JF_E_GONE);
        of = self->batches; /* the list has changed */
    }
}

void batch_orphan_all(jf_self *self) {
    for (batch *of = self->batches, *next; of != NULL; of = next) {
        next = of->next;
        of->self = NULL;
        of->previous = of->next = NULL;
    }
    self->batches = NULL;
}
