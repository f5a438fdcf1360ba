/* SPDX-License-Identifier: Apache-2.0
 * filter-rate-limit: lets calls pass while their limits have room for them. What is local is counted at once,
 * what is shared in one operation of the store. */
#include "key.h"
#include "local.h"

#include <jackfield/host.h>
#include <jackfield/state.h>
#include <stdlib.h>
#include <string.h>

enum { SWEEP_MS = 1000, RETRY_MS = 1000, SPARE_CALLS = 64, LONGEST_ITEM = 1024 };

/* A call that is being counted. */
typedef struct rl_call {
    struct rl_call *next, *previous; /* pending ones, or spare ones */
    jf_self *self;
    rl_filter *filter;
    jf_ref op, operation;
    rl_hold *hold; /* NULL: nothing counts calls under way */
    uint32_t local_count, shared_count, under_way_count;
    rl_item local[RL_LIMITS], shared[RL_LIMITS], under_way[RL_LIMITS];
    uint8_t keys[RL_LIMITS][RL_KEY_MOST];
} rl_call;

struct jf_self {
    sc_host host;
    jf_state_1 state; /* all zero where there is no store */
    jf_filter_1 table;
    rl_filter *filters;
    rl_call *pending, *spare;
    uint32_t spare_count;
    rl_hold *holds;
    jf_ref timer;
    bool runs;
};

/* ---- Calls and holds ---- */

static rl_call *call_new(jf_self *self) {
    rl_call *call = self->spare;
    if (call == NULL) return malloc(sizeof *call);
    self->spare = call->next;
    self->spare_count--;
    return call;
}

static void call_free(rl_call *call) {
    jf_self *self = call->self;
    if (self->spare_count >= SPARE_CALLS) {
        free(call);
        return;
    }
    call->next = self->spare;
    self->spare = call;
    self->spare_count++;
}

static void call_wait(rl_call *call) {
    jf_self *self = call->self;
    call->previous = NULL;
    call->next = self->pending;
    if (call->next != NULL) call->next->previous = call;
    self->pending = call;
}

static void call_unlink(rl_call *call) {
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        call->self->pending = call->next;
    if (call->next != NULL) call->next->previous = call->previous;
}

static rl_hold *hold_new(jf_self *self) {
    rl_hold *hold = calloc(1, sizeof *hold);
    if (hold == NULL) return NULL;
    hold->verdict = (jf_verdict){.decision = JF_PASS, .memory = (uint64_t)(uintptr_t)hold};
    hold->next = self->holds;
    if (hold->next != NULL) hold->next->previous = hold;
    self->holds = hold;
    return hold;
}

static void hold_free(jf_self *self, rl_hold *hold) {
    if (hold == NULL) return;
    rl_local_release(hold);
    if (hold->previous != NULL)
        hold->previous->next = hold->next;
    else
        self->holds = hold->next;
    if (hold->next != NULL) hold->next->previous = hold->previous;
    free(hold);
}

/* ---- What clients are told ---- */

/* The name of the limit and when to try again; never what others used. */
static int32_t say(const rl_refusal *refusal, jf_fault *why) {
    uint32_t flags = JF_FAULT_PUBLIC | JF_FAULT_NOT_STARTED, retry = refusal->retry_ms;
    if (refusal->of == NULL) {
        sc_fault(why, JF_E_BUSY, flags, "too many callers are being counted; try again later");
        retry = RETRY_MS;
    } else if (refusal->is_concurrency) {
        sc_fault(why, JF_E_BUSY, flags,
                 "limit \"%s\": as many calls as it allows are under way; try again when one of them is over",
                 refusal->of->name);
        retry = RETRY_MS;
    } else if (retry == UINT32_MAX) {
        sc_fault(why, JF_E_BUSY, flags, "limit \"%s\": this call costs more than it ever allows",
                 refusal->of->name);
        retry = 0;
    } else {
        sc_fault(why, JF_E_BUSY, flags, "%s \"%s\" is %s; try again in %u s",
                 refusal->is_quota ? "quota" : "limit", refusal->of->name,
                 refusal->is_quota ? "used up" : "reached", retry / 1000 + (retry % 1000 != 0));
    }
    if (why != NULL) why->retry_ms = retry;
    return JF_E_BUSY;
}

/* The store did not count: the call goes on only if all its shared limits say so. */
static int32_t say_uncounted(rl_call *call, int32_t status, const jf_fault *cause, jf_fault *why) {
    rl_filter *filter = call->filter;
    const sc_host *host = &call->self->host;
    if (!filter->warned) {
        uint32_t length = cause != NULL ? cause->text_len : 0;
        filter->warned = true;
        sc_log(host, JF_LOG_WARNING, "filter %s: the store does not count (status %d): %.*s", filter->name,
               (int)status, (int)length, cause != NULL ? cause->text : "");
    }
    for (uint32_t i = 0; i < call->shared_count; i++) {
        if (call->shared[i].of->allows) continue;
        sc_fault(why, JF_E_BUSY, JF_FAULT_PUBLIC | JF_FAULT_NOT_STARTED,
                 "limit \"%s\" cannot be counted at the moment; try again later", call->shared[i].of->name);
        if (why != NULL) why->retry_ms = RETRY_MS;
        return JF_E_BUSY;
    }
    return JF_OK;
}

/* ---- The store ---- */

/* Whether everything fits by the store's verdicts. */
static bool agrees(const rl_call *call, const jf_store_verdict *verdicts, rl_refusal *refusal) {
    bool fits = true;
    *refusal = (rl_refusal){0};
    for (uint32_t i = 0; i < call->shared_count; i++) {
        if (verdicts[i].fits) continue;
        if (fits || verdicts[i].retry_ms > refusal->retry_ms)
            *refusal =
                (rl_refusal){call->shared[i].of, call->shared[i].is_quota, false, verdicts[i].retry_ms};
        fits = false;
    }
    return fits;
}

static void give_back(rl_call *call) {
    if (call->local_count > 0) rl_local_refund(&call->self->host, call->local, call->local_count);
    hold_free(call->self, call->hold);
    call->hold = NULL;
}

/* Ends a pending request. */
static void conclude(rl_call *call, int32_t status, const jf_fault *why) {
    jf_self *self = call->self;
    jf_blob answer = {0};
    if (status != JF_OK) give_back(call);
    if (status == JF_OK && call->hold != NULL)
        answer = (jf_blob){.ptr = (uint8_t *)&call->hold->verdict, .len = sizeof call->hold->verdict};
    jf_ref op = call->op;
    call_unlink(call);
    call_free(call);
    sc_finish(&self->host, op, status, &answer, why);
}

static void counted(void *user, jf_ref operation, int32_t status, jf_view answer, const jf_fault *cause) {
    rl_call *call = user;
    const sc_host *host = &call->self->host;
    jf_fault why = {.size = sizeof why};
    jf_store_verdict verdicts[RL_LIMITS];
    rl_refusal refusal;
    (void)operation;
    if (host->ops.state(host->ops.context, call->op) != JF_OK) {
        /* Its client left: `ended` will not come for what it was to remember. */
        sc_fault(&why, JF_E_GONE, JF_FAULT_NOT_STARTED, "nobody waits for it any more");
        conclude(call, JF_E_GONE, &why);
        return;
    }
    if (status != JF_OK || answer.len != call->shared_count * sizeof *verdicts) {
        status = say_uncounted(call, status, cause, &why);
    } else {
        memcpy(verdicts, answer.ptr, (size_t)answer.len);
        if (call->filter->warned)
            sc_log(host, JF_LOG_INFO, "filter %s: the store counts again", call->filter->name);
        call->filter->warned = false;
        if (!agrees(call, verdicts, &refusal)) status = say(&refusal, &why);
    }
    conclude(call, status, &why);
}

static int32_t ask_store(rl_call *call) {
    jf_self *self = call->self;
    jf_store_limit limits[RL_LIMITS];
    for (uint32_t i = 0; i < call->shared_count; i++) {
        const sc_limit *it = &call->shared[i].limit;
        limits[i] = (jf_store_limit){.key = it->key,
                                     .kind = it->kind,
                                     .burst = (uint64_t)it->burst,
                                     .rate = (uint64_t)it->rate,
                                     .period_ms = (uint64_t)it->period_ms,
                                     .cost = (uint64_t)it->cost};
    }
    if (!JF_HAS(&self->state, take)) return JF_E_GONE;
    return self->state.take(self->state.context, limits, call->shared_count, counted, call, &call->operation);
}

/* ---- A request ---- */

/* Whether a limit has costs of its own: only then "server/item" is put together. */
static bool has_costs(const rl_filter *filter) {
    for (uint32_t i = 0; i < filter->count; i++)
        if (filter->limits[i].cost_count > 0) return true;
    return false;
}

static void add_item(rl_call *call, const rl_limit *limit, const sc_limit *rule, jf_view key, int64_t cost,
                     bool is_quota) {
    rl_item *it = limit->shared ? &call->shared[call->shared_count++] : &call->local[call->local_count++];
    it->limit = *rule;
    it->limit.key = key;
    it->limit.cost = cost;
    it->of = limit;
    it->is_quota = is_quota;
}

static void collect(rl_call *call, const jf_passage *passage, jf_view item) {
    for (uint32_t i = 0; i < call->filter->count; i++) {
        const rl_limit *limit = &call->filter->limits[i];
        jf_view key = {call->keys[i], rl_key_write(call->filter, limit, passage, call->keys[i])};
        int64_t cost = limit->cost_count > 0 ? rl_cost_of(limit, item) : 1000;
        if (limit->has_rate && cost > 0) add_item(call, limit, &limit->rate, key, cost, false);
        if (limit->has_quota && cost > 0) add_item(call, limit, &limit->quota, key, cost, true);
        if (limit->concurrency == 0) continue;
        rl_item *it = &call->under_way[call->under_way_count++];
        *it = (rl_item){.limit = {.key = key}, .of = limit};
    }
}

static int32_t count_call(rl_call *call, jf_blob *verdict, jf_fault *why) {
    jf_self *self = call->self;
    rl_refusal refusal;
    if (call->under_way_count > 0 && (call->hold = hold_new(self)) == NULL)
        return sc_fault(why, JF_E_FAULT, JF_FAULT_NOT_STARTED, "no memory to count a call");
    if (call->local_count + call->under_way_count > 0 &&
        !rl_local_take(&self->host, call->local, call->local_count, call->under_way, call->under_way_count,
                       call->hold, &refusal)) {
        hold_free(self, call->hold);
        return say(&refusal, why);
    }
    if (call->shared_count > 0) {
        call_wait(call);
        int32_t status = ask_store(call);
        if (status == JF_OK) return JF_PENDING;
        call_unlink(call);
        if ((status = say_uncounted(call, status, NULL, why)) != JF_OK) {
            give_back(call);
            return status;
        }
    }
    if (call->hold != NULL)
        *verdict = (jf_blob){.ptr = (uint8_t *)&call->hold->verdict, .len = sizeof call->hold->verdict};
    return JF_OK;
}

static int32_t request(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage, jf_blob *verdict,
                       jf_fault *why) {
    rl_filter *filter = (rl_filter *)(uintptr_t)handle;
    rl_call *call = call_new(self);
    uint8_t room[LONGEST_ITEM], *text = room;
    jf_view item = {0};
    if (call == NULL) return sc_fault(why, JF_E_FAULT, JF_FAULT_NOT_STARTED, "no memory to count a call");
    call->self = self;
    call->filter = filter;
    call->op = op;
    call->hold = NULL;
    call->local_count = call->shared_count = call->under_way_count = 0;
    if (has_costs(filter)) {
        uint64_t size = passage->server.len + 1 + passage->name.len;
        if (size > sizeof room && (text = malloc((size_t)size)) == NULL) {
            call_free(call);
            return sc_fault(why, JF_E_FAULT, JF_FAULT_NOT_STARTED, "no memory to count a call");
        }
        if (passage->server.len > 0) memcpy(text, passage->server.ptr, (size_t)passage->server.len);
        text[passage->server.len] = '/';
        if (passage->name.len > 0)
            memcpy(text + passage->server.len + 1, passage->name.ptr, (size_t)passage->name.len);
        item = (jf_view){text, size};
    }
    collect(call, passage, item);
    if (text != room) free(text);
    int32_t status = count_call(call, verdict, why);
    if (status != JF_PENDING) call_free(call);
    return status;
}

static void ended(jf_self *self, jf_ref handle, const jf_passed *passed) {
    (void)handle;
    hold_free(self, (rl_hold *)(uintptr_t)passed->memory);
}

/* ---- Attaching ---- */

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    rl_filter *filter = NULL;
    int32_t status = rl_filter_read(&self->host, name, config, &filter, why);
    if (status != JF_OK) return status;
    if (filter->any_shared && !JF_HAS(&self->state, take)) {
        rl_filter_free(filter);
        return sc_fault(why, JF_E_UNSUPPORTED, 0,
                        "a limit is shared, but no store is loaded (jf.state/1): install store-memory or "
                        "configure a store");
    }
    filter->next = self->filters;
    self->filters = filter;
    *handle = (jf_ref)(uintptr_t)filter;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    rl_filter **link = &self->filters;
    while (*link != NULL && *link != (rl_filter *)(uintptr_t)handle)
        link = &(*link)->next;
    if (*link == NULL) return;
    rl_filter *filter = *link;
    *link = filter->next;
    rl_filter_free(filter);
}

/* ---- The life of an instance ---- */

static void sweep(void *user) {
    jf_self *self = user;
    const jf_loop_1 *loop = &self->host.loop;
    self->timer = 0;
    if (!self->runs) return;
    bool more = rl_local_sweep(&self->host, SWEEP_MS);
    loop->timer(loop->context, (more ? 1 : SWEEP_MS) * 1000000ull, sweep, self, &self->timer);
}

static int32_t take_services(jf_self *self, const jf_offer *offer, jf_fault *why) {
    sc_host *host = &self->host;
    const char *missing = NULL;
    host->plugin = "filter-rate-limit";
    if (!jf_attach(offer, JF_CONFIG_1, &host->config, sizeof host->config)) missing = JF_CONFIG_1;
    if (!jf_attach(offer, JF_CLOCK_1, &host->clock, sizeof host->clock)) missing = JF_CLOCK_1;
    if (!jf_attach(offer, JF_LOOP_1, &host->loop, sizeof host->loop)) missing = JF_LOOP_1;
    if (!jf_attach(offer, JF_OPS_1, &host->ops, sizeof host->ops)) missing = JF_OPS_1;
    jf_attach(offer, JF_LOG_1, &host->log, sizeof host->log);
    jf_attach(offer, JF_STATE_1, &self->state, sizeof self->state);
    if (missing == NULL) return JF_OK;
    return sc_fault(why, JF_E_UNSUPPORTED, 0, "filter-rate-limit needs the host service %s", missing);
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    jf_view value, path = {(const uint8_t *)"/max_keys", 9};
    uint32_t kind = 0;
    int64_t max_keys = 2000000;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return sc_fault(why, JF_E_FAULT, 0, "filter-rate-limit: no memory for an instance");
    int32_t status = take_services(self, offer, why);
    const jf_config_1 *json = &self->host.config;
    if (status == JF_OK && json->find(json->context, config, path, &value, &kind) == JF_OK &&
        (kind != JF_JSON_NUMBER || json->integer(json->context, value, &max_keys) != JF_OK || max_keys < 1 ||
         max_keys > 100000000))
        status = sc_fault(why, JF_E_INVALID, 0,
                          "filter-rate-limit: max_keys must be an integer from 1 to 100000000");
    if (status != JF_OK) {
        free(self);
        return status;
    }
    self->table = (jf_filter_1){
        .size = sizeof(jf_filter_1), .attach = attach, .detach = detach, .request = request, .ended = ended};
    rl_local_join(&self->host, (uint64_t)max_keys);
    *out = self;
    return JF_OK;
}

static int32_t start(jf_self *self, jf_fault *why) {
    const jf_loop_1 *loop = &self->host.loop;
    (void)why;
    self->runs = true;
    loop->timer(loop->context, SWEEP_MS * 1000000ull, sweep, self, &self->timer);
    return JF_OK;
}

static void stop(jf_self *self) {
    const jf_loop_1 *loop = &self->host.loop;
    self->runs = false;
    if (self->timer != 0) loop->cancel(loop->context, self->timer);
    self->timer = 0;
    while (self->pending != NULL) {
        jf_fault why = {.size = sizeof why};
        sc_fault(&why, JF_E_GONE, JF_FAULT_NOT_STARTED, "the plugin stops");
        self->state.abandon(self->state.context, self->pending->operation);
        conclude(self->pending, JF_E_GONE, &why);
    }
}

static void destroy(jf_self *self) {
    while (self->holds != NULL)
        hold_free(self, self->holds);
    while (self->filters != NULL)
        detach(self, (jf_ref)(uintptr_t)self->filters);
    for (rl_call *call = self->spare, *next; call != NULL; call = next) {
        next = call->next;
        free(call);
    }
    rl_local_leave();
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_FILTER_1) == 0 ? &self->table : NULL;
}

static const jf_plugin plugin = {
    .size = sizeof(jf_plugin),
    .minor = JF_ABI_MINOR,
    .create = create,
    .destroy = destroy,
    .facet = facet,
    .start = start,
    .stop = stop,
};

JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    if (offer->major == JF_ABI_MAJOR) return &plugin;
    sc_fault(why, JF_E_UNSUPPORTED, 0, "filter-rate-limit speaks plugin ABI %d only", JF_ABI_MAJOR);
    return NULL;
}
