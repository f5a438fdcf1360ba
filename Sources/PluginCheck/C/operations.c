/* SPDX-License-Identifier: Apache-2.0
 * jf.ops/1 as the cases offer it, and driving a toolset through it. */
#include "check.h"

static check_op *op_of(check_host *h, jf_ref ref) {
    for (uint32_t i = h->operations.count; i > 0; i--) {
        check_op *op = h->operations.items[i - 1];
        if (op->ref == ref) return op;
    }
    return NULL;
}

static void drop(jf_blob *blob) {
    if (blob != NULL && blob->drop != NULL) blob->drop(blob->owner);
}

/* Takes a result: the text is copied, the blob dropped or kept. Locked. */
static void take(check_host *h, check_op *op, int32_t status, jf_blob *result, const jf_fault *why) {
    op->status = status;
    op->open = false;
    if (why != NULL) op->why = *why;
    if (result == NULL) return;
    if (result->ptr != NULL) {
        op->result = mock_allocate(result->len + 1);
        memcpy(op->result, result->ptr, result->len);
        op->length = result->len;
    } else if (result->len > 0) {
        check_fail(h->c, "Set `ptr` and `len` together.", "a result has %llu bytes but no address",
                   (unsigned long long)result->len);
    }
    if (h->keeps_results)
        op->kept = *result;
    else
        drop(result);
}

static int32_t finish(void *context, jf_ref ref, int32_t status, jf_blob *result, const jf_fault *why) {
    check_host *h = context;
    int phase = atomic_load(&h->phase);
    if (phase == CHECK_ENDED || phase == CHECK_STOPPED) {
        check_fail(h->c, "Finish what is open with JF_E_GONE in `stop`, and join the threads that would.",
                   "it calls jf.ops/1 finish after `%s` returned", phase == CHECK_ENDED ? "destroy" : "stop");
        atomic_fetch_add(&h->late, 1);
        drop(result);
        return JF_E_STALE;
    }
    mock_lock(h->mock);
    check_op *op = op_of(h, ref);
    if (op != NULL) op->finishes++;
    if (op == NULL || !op->open) {
        check_fail(h->c, "Forget an operation when it was answered: one answer each.",
                   op == NULL         ? "it finished an operation that never was"
                   : op->finishes > 1 ? "it finished an operation twice"
                                      : "it finished an operation that its slot had answered");
        mock_unlock(h->mock);
        drop(result);
        return JF_E_STALE;
    }
    if (status == JF_PENDING || status > JF_ABSENT || status < JF_E_FAULT)
        check_fail(h->c, "Finish with JF_OK, JF_ABSENT or one of JF_E_*.",
                   "it finished an operation with %d, which is no end", (int)status);
    if (status < 0 && why == NULL)
        check_fail(h->c, "Give a fault whenever the status is not JF_OK.",
                   "it finished an operation with %d and no fault", (int)status);
    take(h, op, status, result, why);
    int32_t answer = h->ops_answer;
    mock_unlock(h->mock);
    jf_mock_wake(h->mock);
    return answer;
}

static int32_t state(void *context, jf_ref ref) {
    check_host *h = context;
    mock_lock(h->mock);
    check_op *op = op_of(h, ref);
    int32_t answer = op != NULL && op->open ? op->state : JF_E_STALE;
    mock_unlock(h->mock);
    return answer;
}

static int32_t progress(void *context, jf_ref ref, double done, double total, jf_view text) {
    check_host *h = context;
    volatile uint8_t sum = 0;
    (void)done, (void)total;
    for (uint64_t i = 0; text.ptr != NULL && i < text.len; i++)
        sum ^= text.ptr[i];
    return state(context, ref) == JF_E_STALE ? JF_E_STALE : h->ops_answer;
}

check_op *check_begin(check_host *h, void (*cancel)(jf_self *self, jf_ref op)) {
    check_op *op = mock_allocate(sizeof *op);
    mock_lock(h->mock);
    op->ref = (uint64_t)0x4a << 32 | ++h->next_operation;
    op->open = true;
    op->status = JF_PENDING;
    op->cancel = cancel;
    mock_push(&h->operations, op);
    mock_unlock(h->mock);
    return op;
}

void check_answered(check_host *h, check_op *op, const char *slot, bool may_be_absent, int32_t status,
                    jf_blob *result, const jf_fault *why) {
    mock_lock(h->mock);
    if (status == JF_PENDING) {
        op->owed = true;
    } else if (op->open) {
        op->is_inline = true;
        bool is_absent = status == JF_ABSENT && may_be_absent;
        if (!is_absent && (status > JF_OK || status < JF_E_FAULT))
            check_fail(h->c, "Answer JF_OK, JF_PENDING or one of JF_E_*.", "%s answered %d", slot,
                       (int)status);
        if (status < 0) check_why(h, slot, status, why);
        take(h, op, status, result, why);
    } else {
        check_fail(h->c, "A slot that finishes its operation answers JF_PENDING.",
                   "%s answered %d for an operation that it had finished already", slot, (int)status);
        drop(result);
    }
    mock_unlock(h->mock);
}

void check_ops_open(check_host *h) {
    h->ops = (jf_ops_1){
        .size = sizeof h->ops, .context = h, .finish = finish, .state = state, .progress = progress};
}

void check_ops_end(check_host *h) {
    for (uint32_t i = 0; i < h->operations.count; i++) {
        check_op *op = h->operations.items[i];
        if (op->open && op->owed)
            check_fail(h->c, "Finish every operation that a slot left pending, at the latest in `stop`.",
                       "it left an operation pending and never finished it");
        drop(&op->kept);
        free(op->result);
        free(op);
    }
    free(h->operations.items);
    h->operations = (mock_list){0};
}

void check_forget_operations(check_host *h) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < h->operations.count; i++) {
        check_op *op = h->operations.items[i];
        if (op->open) {
            h->operations.items[kept++] = op;
            continue;
        }
        drop(&op->kept);
        free(op->result);
        free(op);
    }
    h->operations.count = kept;
}

/* ---- Sets ---- */

bool check_open_set(check_host *h, const char *name, jf_ref *handle) {
    const jf_toolset_1 *toolset = jf_mock_toolset(h->mock);
    if (h->c->setup->toolset == NULL) {
        check_skip(h->c, "no entry could be made from manifest.toolset.config: give one with --server");
        return false;
    }
    if (toolset == NULL || toolset->open == NULL || toolset->list == NULL || toolset->call == NULL) {
        check_fail(h->c, "Fill in open, close, list and call.",
                   "its table for jf.toolset/1 lacks required slots");
        return false;
    }
    mock_object *set = mock_new_object(h->mock, MOCK_SET);
    jf_fault *why = jf_mock_fault(h->mock);
    jf_view own = check_lend_text(h->c, "`name` of open", name);
    jf_view config = check_lend_text(h->c, "`config` of open", h->c->setup->toolset);
    check_enter(h, "open");
    int32_t status = toolset->open(h->mock->self, set->ref, own, config, handle, why);
    check_leave(h);
    check_return(h->c);
    set->handle = *handle;
    set->open = status == JF_OK;
    if (status == JF_OK) return true;
    check_why(h, "open", status, why);
    check_skip(h->c, "it refuses to open a set: %s", check_text(why));
    return false;
}

void check_close_set(check_host *h, jf_ref handle) {
    const jf_toolset_1 *toolset = jf_mock_toolset(h->mock);
    if (toolset->close == NULL) return;
    check_enter(h, "close");
    toolset->close(h->mock->self, handle);
    check_leave(h);
}

char *check_list(check_host *h, jf_ref handle, uint32_t kind) {
    static const char *const kinds[] = {"list (tools)", "list (resources)", "list (templates)",
                                        "list (prompts)"};
    const jf_toolset_1 *toolset = jf_mock_toolset(h->mock);
    jf_blob items = {0};
    jf_fault *why = jf_mock_fault(h->mock);
    check_enter(h, kinds[kind & 3]);
    int32_t status = toolset->list(h->mock->self, handle, kind, &items, why);
    check_leave(h);
    if (status == JF_OK && items.ptr != NULL) return jf_mock_take(&items);
    if (status == JF_OK)
        check_fail(h->c, "Answer JF_ABSENT where there is nothing, else a JSON array.",
                   "%s answered JF_OK without a list", kinds[kind & 3]);
    else if (status != JF_ABSENT)
        check_why(h, kinds[kind & 3], status, why);
    if (status < 0)
        check_fail(h->c, "Answer JF_ABSENT where there is nothing, else a JSON array.", "%s answered %d: %s",
                   kinds[kind & 3], (int)status, check_text(why));
    return NULL;
}

/* ---- Requests ---- */

static char *params_of(check_host *h, uint32_t slot, const char *name, const char *arguments) {
    if (slot == JF_MOCK_COMPLETE) return strdup(arguments);
    jf_blob quoted = {0};
    h->mock->config_table.quote(h->mock, jf_mock_view(name), &quoted);
    char *text = jf_mock_take(&quoted), *params = NULL;
    int length = slot == JF_MOCK_READ ? asprintf(&params, "{\"uri\":%s}", text)
                                      : asprintf(&params, "{\"name\":%s,\"arguments\":%s}", text, arguments);
    free(text);
    if (length < 0) abort();
    return params;
}

check_op *check_request(check_host *h, jf_ref handle, uint32_t slot, const char *name,
                        const char *arguments) {
    typedef int32_t (*slot_fn)(jf_self *, jf_ref, const jf_request *, jf_blob *, jf_fault *);
    static const char *const names[] = {"call", "read", "prompt", "complete"};
    const jf_toolset_1 *toolset = jf_mock_toolset(h->mock);
    const slot_fn slots[] = {toolset->call, toolset->read, toolset->prompt, toolset->complete};
    check_op *op = check_begin(h, NULL);
    char *params = params_of(h, slot, name, arguments);
    jf_request request = {.size = sizeof request,
                          .deadline_ns = jf_mock_now(h->mock) + 60000000000u,
                          .set = handle,
                          .name = check_lend_text(h->c, "`name` of a request", name),
                          .arguments = check_lend_text(h->c, "`arguments` of a request", arguments),
                          .params = check_lend_text(h->c, "`params` of a request", params)};
    free(params);
    struct {
        jf_request known;
        uint8_t newer[64];
    } grown;
    memset(&grown, 0xa5, sizeof grown);
    uint64_t size = h->grows_structs ? sizeof grown : sizeof request;
    request.size = (uint32_t)size;
    grown.known = request;
    jf_view place = check_lend(h->c, "the request", &grown, size);
    const jf_request *lent = (const jf_request *)(const void *)place.ptr;
    jf_blob result = {0};
    jf_fault why = {.size = sizeof why};
    check_enter(h, names[slot & 3]);
    int32_t status = slots[slot & 3](h->mock->self, op->ref, lent, &result, &why);
    check_leave(h);
    check_return(h->c);
    check_answered(h, op, names[slot & 3], slot != JF_MOCK_CALL, status, &result, &why);
    return op;
}

bool check_wait(check_host *h, check_op *op, uint32_t timeout_ms) {
    uint64_t end = check_clock() + (uint64_t)timeout_ms * 1000000u, step = 20000000u;
    for (uint32_t idle = 0;;) {
        mock_lock(h->mock);
        bool is_over = !op->open;
        mock_unlock(h->mock);
        if (is_over) return true;
        if (check_clock() >= end) return false;
        check_step("the event loop, while an operation is pending");
        /* Threads get real time; timers that are not due after that need not be waited for. */
        if (jf_mock_run_once(h->mock, idle < 4 ? 1 : 2) > 0) continue;
        if (++idle < 4) continue;
        jf_mock_advance(h->mock, step);
        if (step < 10000000000u) step *= 2;
    }
}

void check_cancel(check_host *h, check_op *op, int32_t why) {
    const jf_toolset_1 *toolset = jf_mock_toolset(h->mock);
    mock_lock(h->mock);
    bool open = op->open;
    if (open) op->state = why;
    mock_unlock(h->mock);
    void (*cancel)(jf_self *, jf_ref) = op->cancel;
    if (cancel == NULL && toolset != NULL) cancel = toolset->cancel;
    if (!open || cancel == NULL) return;
    check_enter(h, "cancel");
    cancel(h->mock->self, op->ref);
    check_leave(h);
}

uint32_t check_each_tool(check_host *h, const char *tools,
                         bool (*each)(check_host *h, const char *name, void *user), void *user) {
    uint32_t count = 0;
    for (bool goes_on = true; goes_on && count < 200; count++) {
        char pointer[32];
        snprintf(pointer, sizeof pointer, "/%u/name", count);
        char *name = jf_mock_json_get(h->mock, tools, pointer);
        if (name == NULL) return count;
        goes_on = each(h, name, user);
        free(name);
    }
    return count;
}
