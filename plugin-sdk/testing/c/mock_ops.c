/* SPDX-License-Identifier: Apache-2.0
 * Mock host: operations (jf.ops/1), driving a toolset (jf.toolset/1, jf.toolsets/1), and calls (jf.calls/1).
 */
#include "mock_internal.h"

char *jf_mock_take(jf_blob *blob) {
    if (blob->ptr == NULL) {
        if (blob->drop != NULL) blob->drop(blob->owner);
        return NULL;
    }
    char *copy = mock_allocate(blob->len + 1);
    memcpy(copy, blob->ptr, blob->len);
    if (blob->drop != NULL) blob->drop(blob->owner);
    *blob = (jf_blob){0};
    return copy;
}

static char *fault_text(jf_mock *mock, const jf_fault *fault) {
    uint32_t length = fault->text_len < sizeof fault->text ? fault->text_len : (uint32_t)sizeof fault->text;
    return mock_keep(mock, (jf_view){(const uint8_t *)fault->text, length});
}

void mock_op_settle(jf_mock *mock, mock_object *object, int32_t status, jf_blob *result,
                    const jf_fault *why) {
    jf_fault none = {.size = sizeof none};
    jf_view bytes = {result != NULL ? result->ptr : NULL, result != NULL ? result->len : 0};
    object->open = false;
    object->op.status = status;
    object->op.length = bytes.ptr != NULL ? bytes.len : 0;
    object->op.result =
        status == JF_OK ? mock_answer_text(mock, object, bytes, &object->op.length) : mock_keep(mock, bytes);
    mock_lent_free(&object->lent);
    mock_copy_table(&object->op.fault, sizeof object->op.fault, why != NULL ? why : &none, "jf_fault", mock);
    object->op.why = fault_text(mock, &object->op.fault);
    if (result != NULL && result->drop != NULL) result->drop(result->owner);
}

void mock_op_answered(jf_mock *mock, mock_object *object, int32_t status, jf_blob *result,
                      const jf_fault *why) {
    mock_lock(mock);
    if (status == JF_PENDING) {
        object->owed = true;
    } else if (object->open) {
        object->op.inline_result = true;
        mock_op_settle(mock, object, status, result, why);
    } else {
        mock_problem(mock, "a slot answered %d for an operation that it had finished: answer JF_PENDING",
                     (int)status);
        if (result->drop != NULL) result->drop(result->owner);
    }
    mock_unlock(mock);
}

/* ---- jf.ops/1 ---- */

static int32_t finish(void *context, jf_ref op, int32_t status, jf_blob *result, const jf_fault *why) {
    jf_mock *mock = context;
    mock_lock(mock);
    mock_object *object = mock_object_of(mock, op, MOCK_OP);
    if (object == NULL || !object->open) {
        if (object != NULL) object->op.strikes++;
        mock_unlock(mock);
        mock_problem(mock, "jf.ops/1 finish: operation %llx is %s", (unsigned long long)op,
                     object != NULL ? "over already" : "unknown");
        if (result != NULL && result->drop != NULL) result->drop(result->owner);
        return JF_E_STALE;
    }
    if (status == JF_PENDING || status > JF_ABSENT || (status != JF_OK && why == NULL))
        mock_problem(mock, "jf.ops/1 finish: status %d %s", (int)status,
                     status < 0 ? "needs a fault that says why" : "is no end");
    mock_op_settle(mock, object, status, result, why);
    jf_mock_event *event = mock_event(mock, JF_MOCK_OP_FINISHED, op, 0);
    event->status = status;
    event->fault = object->op.fault;
    event->text = object->op.result;
    event->length = object->op.length;
    mock_unlock(mock);
    mock_event_show(mock, event);
    return JF_OK;
}

static int32_t state(void *context, jf_ref op) {
    jf_mock *mock = context;
    mock_lock(mock);
    mock_object *object = mock_object_of(mock, op, MOCK_OP);
    int32_t answer = object != NULL && object->open ? object->state : JF_E_STALE;
    mock_unlock(mock);
    return answer;
}

static int32_t progress(void *context, jf_ref op, double done, double total, jf_view text) {
    jf_mock *mock = context;
    mock_lock(mock);
    mock_object *object = mock_object_of(mock, op, MOCK_OP);
    bool open = object != NULL && object->open;
    if (open) object->op.progress++;
    mock_unlock(mock);
    if (!open) return JF_E_STALE;
    jf_mock_event *event = mock_event(mock, JF_MOCK_OP_PROGRESS, op, 0);
    event->done = done;
    event->total = total;
    mock_event_text(mock, event, text);
    mock_event_show(mock, event);
    return JF_OK;
}

mock_object *mock_op_begin(jf_mock *mock, uint32_t form, void (*cancel)(jf_self *self, jf_ref op)) {
    mock_object *object = mock_new_object(mock, MOCK_OP);
    object->op.status = JF_PENDING;
    object->op.why = "";
    object->form = form;
    object->cancel = cancel;
    return object;
}

jf_ref jf_mock_begin(jf_mock *mock) {
    const jf_toolset_1 *toolset = mock->self != NULL ? jf_mock_toolset(mock) : NULL;
    return mock_op_begin(mock, MOCK_FORM_JSON, toolset != NULL ? toolset->cancel : NULL)->ref;
}

jf_mock_op jf_mock_op_at(jf_mock *mock, jf_ref op) {
    jf_mock_op copy = {.status = JF_E_STALE, .why = ""};
    mock_lock(mock);
    mock_object *object = mock_object_of(mock, op, MOCK_OP);
    if (object != NULL) copy = object->op;
    mock_unlock(mock);
    return copy;
}

typedef struct waited {
    jf_mock *mock;
    jf_ref op;
} waited;

static bool over(void *user) {
    const waited *it = user;
    return jf_mock_op_at(it->mock, it->op).status != JF_PENDING;
}

bool jf_mock_wait_op(jf_mock *mock, jf_ref op, uint32_t timeout_ms) {
    waited it = {mock, op};
    return jf_mock_run_until(mock, over, &it, timeout_ms);
}

void jf_mock_cancel_op(jf_mock *mock, jf_ref op, int32_t why) {
    mock_lock(mock);
    mock_object *object = mock_object_of(mock, op, MOCK_OP);
    bool open = object != NULL && object->open;
    if (open) object->state = why;
    mock_unlock(mock);
    if (open && object->cancel != NULL) object->cancel(mock->self, op);
}

/* ---- Toolsets ---- */

static void changed(void *context, jf_ref set, uint32_t kind) {
    jf_mock *mock = context;
    if (mock_object_of(mock, set, MOCK_SET) == NULL || kind > JF_PROMPTS)
        mock_problem(mock, "jf.toolsets/1 changed: set %llx, kind %u", (unsigned long long)set, kind);
    jf_mock_event *event = mock_event(mock, JF_MOCK_SET_CHANGED, set, 0);
    event->flags = kind;
    mock_event_show(mock, event);
}

jf_ref jf_mock_open_set(jf_mock *mock, const char *name, const char *config) {
    const jf_toolset_1 *toolset = jf_mock_toolset(mock);
    if (toolset == NULL || toolset->open == NULL) return 0;
    mock_object *object = mock_new_object(mock, MOCK_SET);
    jf_ref handle = 0;
    int32_t status =
        toolset->open(mock->self, object->ref, jf_mock_view(name),
                      jf_mock_view(config != NULL ? config : "{}"), &handle, jf_mock_fault(mock));
    object->handle = handle;
    object->open = status == JF_OK;
    return status == JF_OK ? object->ref : 0;
}

void jf_mock_close_set(jf_mock *mock, jf_ref set) {
    mock_object *object = mock_object_of(mock, set, MOCK_SET);
    const jf_toolset_1 *toolset = jf_mock_toolset(mock);
    if (object == NULL || !object->open || toolset == NULL) return;
    object->open = false;
    if (toolset->close != NULL) toolset->close(mock->self, object->handle);
}

char *jf_mock_list(jf_mock *mock, jf_ref set, uint32_t kind, int32_t *status) {
    mock_object *object = mock_object_of(mock, set, MOCK_SET);
    const jf_toolset_1 *toolset = jf_mock_toolset(mock);
    jf_blob items = {0};
    int32_t answer = JF_E_UNSUPPORTED;
    if (object != NULL && toolset != NULL && toolset->list != NULL)
        answer = toolset->list(mock->self, object->handle, kind, &items, jf_mock_fault(mock));
    if (status != NULL) *status = answer;
    if (answer != JF_OK) return NULL;
    if (!mock_json_valid((jf_view){items.ptr, items.len}))
        mock_problem(mock, "the answer of list is no JSON");
    return jf_mock_take(&items);
}

/* The params object as a client would have sent it; freed by the caller. */
static char *params_of(jf_mock *mock, uint32_t slot, const char *name, const char *arguments) {
    if (slot == JF_MOCK_COMPLETE) return strdup(arguments);
    const jf_config_1 *json = &mock->config_table;
    jf_blob quoted = {0};
    json->quote(json->context, jf_mock_view(name), &quoted);
    char *text = jf_mock_take(&quoted), *params = NULL;
    int length = slot == JF_MOCK_READ ? asprintf(&params, "{\"uri\":%s}", text)
                                      : asprintf(&params, "{\"name\":%s,\"arguments\":%s}", text, arguments);
    free(text);
    if (length < 0) abort();
    return params;
}

jf_ref jf_mock_request(jf_mock *mock, jf_ref set, uint32_t slot, const char *name, const char *arguments) {
    typedef int32_t (*slot_fn)(jf_self *, jf_ref, const jf_request *, jf_blob *, jf_fault *);
    jf_ref op = jf_mock_begin(mock);
    mock_object *object = mock_object_of(mock, op, MOCK_OP), *of_set = mock_object_of(mock, set, MOCK_SET);
    const jf_toolset_1 *toolset = jf_mock_toolset(mock);
    slot_fn function = NULL;
    if (toolset != NULL && of_set != NULL && of_set->open) {
        const slot_fn slots[] = {toolset->call, toolset->read, toolset->prompt, toolset->complete};
        function = slot <= JF_MOCK_COMPLETE ? slots[slot] : NULL;
    }
    if (function == NULL) {
        mock_op_settle(mock, object, of_set != NULL ? JF_E_UNSUPPORTED : JF_E_STALE, NULL, NULL);
        return op;
    }
    /* Copies that are freed at once: AddressSanitizer sees a view kept beyond the call. */
    char *own_name = strdup(name), *own_arguments = strdup(arguments != NULL ? arguments : "{}");
    char *params = params_of(mock, slot, name, own_arguments);
    jf_request request = {.size = sizeof request,
                          .deadline_ns = jf_mock_now(mock) + 60000000000u,
                          .set = of_set->handle,
                          .name = jf_mock_view(own_name),
                          .arguments = jf_mock_view(own_arguments),
                          .params = jf_mock_view(params)};
    jf_blob result = {0};
    jf_fault why = {.size = sizeof why};
    int32_t status = function(mock->self, op, &request, &result, &why);
    free(own_name);
    free(own_arguments);
    free(params);
    mock->fault = why;
    mock_op_answered(mock, object, status, &result, &why);
    return op;
}

/* ---- jf.calls/1 ---- */

static void deliver_answer(void *user) {
    mock_object *object = user;
    jf_call_result result = {
        .size = sizeof result, .status = object->status, .body = jf_mock_view(object->text)};
    object->done(object->user, object->ref, &result);
}

static int32_t end_call(jf_mock *mock, jf_ref call, int32_t status, const char *body) {
    mock_object *object = mock_object_of(mock, call, MOCK_CALL);
    if (object == NULL || !object->open) return JF_E_STALE;
    object->open = false;
    object->status = status;
    object->text = body != NULL ? strdup(body) : NULL;
    return mock->loop_table.post(mock, deliver_answer, object);
}

static int32_t start_call(void *context, const jf_call *call, jf_call_done_fn done, void *user, jf_ref *out,
                          jf_fault *why) {
    jf_mock *mock = context;
    (void)why;
    mock_on_lane(mock, "jf.calls/1 start");
    if (mock->on_call == NULL) return JF_E_UNSUPPORTED;
    if (done == NULL || call->method.len == 0 ||
        (call->params.ptr != NULL && !mock_json_valid(call->params))) {
        mock_problem(mock, "jf.calls/1 start: no method, no function or params that are no JSON");
        return JF_E_INVALID;
    }
    mock_object *object = mock_new_object(mock, MOCK_CALL);
    object->done = done;
    object->user = user;
    if (out != NULL) *out = object->ref;
    int32_t status = mock->on_call(mock->on_call_user, mock, object->ref, call);
    if (status != JF_OK) object->open = false;
    return status;
}

static void cancel_call(void *context, jf_ref call) {
    mock_on_lane(context, "jf.calls/1 cancel");
    end_call(context, call, JF_E_GONE, NULL);
}

void jf_mock_on_call(jf_mock *mock, jf_mock_call_fn handler, void *user) {
    mock->on_call = handler;
    mock->on_call_user = user;
}

int32_t jf_mock_answer(jf_mock *mock, jf_ref call, int32_t status, const char *body) {
    return end_call(mock, call, status, body);
}

void mock_ops_open(jf_mock *mock) {
    mock->ops_table = (jf_ops_1){
        .size = sizeof(jf_ops_1), .context = mock, .finish = finish, .state = state, .progress = progress};
    mock->toolsets_table =
        (jf_toolsets_1){.size = sizeof(jf_toolsets_1), .context = mock, .changed = changed};
    mock->calls_table =
        (jf_calls_1){.size = sizeof(jf_calls_1), .context = mock, .start = start_call, .cancel = cancel_call};
}
