/* SPDX-License-Identifier: Apache-2.0
 * Mock host: driving jf.auth/1, jf.policy/1, jf.filter/1 and jf.credentials/1, and their services. */
#include "mock_internal.h"

#include "jackfield/json.h"

/* ---- Services ---- */

static void tell(jf_mock *mock, uint32_t type, jf_ref peer, jf_view text, int32_t status) {
    jf_mock_event *event = mock_event(mock, type, peer, 0);
    event->status = status;
    mock_event_text(mock, event, text);
    mock_event_show(mock, event);
}

static void forget_identity(void *context, jf_view credential) {
    tell(context, JF_MOCK_IDENTITY_FORGOTTEN, 0, credential, JF_OK);
}
static void policy_changed(void *context, jf_ref handle) {
    tell(context, JF_MOCK_POLICY_CHANGED, handle, (jf_view){NULL, 0}, JF_OK);
}
static void connected(void *context, jf_view id, int32_t status) {
    if (id.ptr == NULL || status > JF_OK)
        mock_problem(context, "jf.connected/1 connected: no id, or a status that is no end");
    tell(context, JF_MOCK_CONNECTED, 0, id, status);
}
static void forget_supply(void *context, jf_view key) {
    tell(context, JF_MOCK_SUPPLY_FORGOTTEN, 0, key, JF_OK);
}

/* ---- Tables ---- */

#define TABLE(function, type, member, id)                                                                    \
    const type *function(jf_mock *mock) {                                                                    \
        const void *table = jf_mock_facet(mock, id);                                                         \
        mock_copy_table(&mock->member, sizeof mock->member, table, id, mock);                                \
        return table != NULL ? &mock->member : NULL;                                                         \
    }
TABLE(jf_mock_auth, jf_auth_1, auth, JF_AUTH_1)
TABLE(jf_mock_credentials, jf_credentials_1, credentials, JF_CREDENTIALS_1)
TABLE(jf_mock_policy, jf_policy_1, policy, JF_POLICY_1)
TABLE(jf_mock_filter, jf_filter_1, filter, JF_FILTER_1)

typedef int32_t (*attach_fn)(jf_self *, jf_view, jf_view, jf_ref *, jf_fault *);

static jf_ref attach(jf_mock *mock, attach_fn function, const char *name, const char *config) {
    jf_ref handle = 0;
    jf_fault *fault = jf_mock_fault(mock);
    if (function == NULL) {
        mock_problem(mock, "the plugin has no such facet, or the facet no `attach`");
        return 0;
    }
    mock_list lent = {0};
    jf_view own = mock_lend(&lent, jf_mock_view(name)),
            options = mock_lend(&lent, jf_mock_view(config != NULL ? config : "{}"));
    int32_t status = function(mock->self, own, options, &handle, fault);
    mock_lent_free(&lent);
    if (status == JF_OK && handle == 0) mock_problem(mock, "attach answered JF_OK with the handle 0");
    return status == JF_OK ? handle : 0;
}

#define ATTACHING(facet, type)                                                                               \
    jf_ref jf_mock_##facet##_attach(jf_mock *mock, const char *name, const char *config) {                   \
        const type *table = jf_mock_##facet(mock);                                                           \
        return attach(mock, table != NULL ? table->attach : NULL, name, config);                             \
    }                                                                                                        \
    void jf_mock_##facet##_detach(jf_mock *mock, jf_ref handle) {                                            \
        const type *table = jf_mock_##facet(mock);                                                           \
        if (table != NULL && table->detach != NULL) table->detach(mock->self, handle);                       \
    }
ATTACHING(auth, jf_auth_1)
ATTACHING(credentials, jf_credentials_1)
ATTACHING(policy, jf_policy_1)
ATTACHING(filter, jf_filter_1)

/* ---- Operations ---- */

typedef struct driven {
    mock_object *object;
    jf_blob answer;
    jf_fault why;
} driven;

static driven begin(jf_mock *mock, uint32_t form, void (*cancel)(jf_self *, jf_ref)) {
    return (driven){.object = mock_op_begin(mock, form, cancel), .why = {.size = sizeof(jf_fault)}};
}

static jf_ref answered(jf_mock *mock, driven *it, int32_t status) {
    mock->fault = it->why;
    if (status != JF_PENDING || it->object->form < MOCK_FORM_REQUEST || it->object->form > MOCK_FORM_RESULT)
        mock_lent_free(&it->object->lent);
    mock_op_answered(mock, it->object, status, &it->answer, &it->why);
    return it->object->ref;
}

/* ---- jf.auth/1 ---- */

jf_credentials jf_mock_request_credentials(jf_mock *mock) {
    return (jf_credentials){.size = sizeof(jf_credentials),
                            .flags = JF_CREDENTIALS_LOCAL,
                            .target = jf_mock_view("/mcp"),
                            .resource = jf_mock_view("https://mcp.example/mcp"),
                            .address = jf_mock_view("127.0.0.1:51234"),
                            .now_ms = jf_mock_unix_ms(mock)};
}

jf_ref jf_mock_identify(jf_mock *mock, jf_ref handle, const jf_credentials *credentials) {
    const jf_auth_1 *auth = jf_mock_auth(mock);
    driven it = begin(mock, MOCK_FORM_PRINCIPAL, auth != NULL ? auth->cancel : NULL);
    if (auth == NULL || auth->identify == NULL) return answered(mock, &it, JF_E_UNSUPPORTED);
    mock_list *lent = &it.object->lent;
    jf_credentials *own = mock_lend_bytes(lent, sizeof *own);
    *own = *credentials;
    own->target = mock_lend(lent, own->target);
    own->resource = mock_lend(lent, own->resource);
    own->address = mock_lend(lent, own->address);
    own->certificate = mock_lend(lent, own->certificate);
    own->fields = mock_lend_pairs(lent, own->fields, own->field_count);
    return answered(mock, &it, auth->identify(mock->self, it.object->ref, handle, own, &it.answer, &it.why));
}

jf_ref jf_mock_identify_field(jf_mock *mock, jf_ref handle, const char *field, const char *value) {
    jf_credentials credentials = jf_mock_request_credentials(mock);
    jf_pair pair = {jf_mock_view(field), jf_mock_view(value)};
    credentials.fields = &pair;
    credentials.field_count = value != NULL;
    return jf_mock_identify(mock, handle, &credentials);
}

char *jf_mock_describe(jf_mock *mock, jf_ref handle, int32_t *status) {
    const jf_auth_1 *auth = jf_mock_auth(mock);
    jf_blob text = {0};
    int32_t answer = JF_HAS(auth, describe) ? auth->describe(mock->self, handle, &text, jf_mock_fault(mock))
                                            : JF_E_UNSUPPORTED;
    if (status != NULL) *status = answer;
    if (answer != JF_OK) return NULL;
    if (!mock_json_valid((jf_view){text.ptr, text.len}))
        mock_problem(mock, "the answer of describe is no JSON");
    return jf_mock_take(&text);
}

/* ---- jf.policy/1 ---- */

jf_access jf_mock_access(jf_mock *mock, const jf_principal *who, const char *tool, const char *arguments) {
    return (jf_access){.size = sizeof(jf_access),
                       .principal = who != NULL ? who : jf_mock_principal(mock, NULL),
                       .kind = JF_TOOLS,
                       .action = jf_mock_view("tools/call"),
                       .server = jf_mock_view("server"),
                       .name = jf_mock_view(tool),
                       .shown = jf_mock_view(tool),
                       .target = jf_mock_view("/mcp"),
                       .arguments = jf_mock_view(arguments != NULL ? arguments : "{}"),
                       .address = jf_mock_view("127.0.0.1:51234"),
                       .now_ms = jf_mock_unix_ms(mock)};
}

static char *add(char *to, const char *name, jf_view text) {
    if (text.ptr == NULL) return to;
    to += sprintf(to, ",\"%s\":", name);
    return to + jf_json_quote(text, (uint8_t *)to);
}

/* The ruling as the JSON that a pending answer brings. */
static jf_blob ruling_json(jf_mock *mock, const jf_ruling *it) {
    static const char *const names[] = {"allow", "deny", "hide"};
    if (it->decision > JF_HIDE) mock_problem(mock, "decide: %u is no decision", it->decision);
    if (it->flags >> 16 != 0) mock_problem(mock, "decide: the ruling has flags that no host knows");
    char *text = mock_allocate(128 + 6 * (it->rule.len + it->text.len) + 9 * it->scopes.len), *to = text;
    to += sprintf(to, "{\"decision\":\"%s\"", names[it->decision % 3]);
    to = add(to, "rule", it->rule);
    to = add(to, "text", it->text);
    if (it->scopes.ptr != NULL) {
        const char *between = ",\"scopes\":[";
        for (uint64_t at = 0; at < it->scopes.len;) {
            uint64_t end = at;
            while (end < it->scopes.len && it->scopes.ptr[end] != ' ')
                end++;
            to += sprintf(to, "%s", between);
            to += jf_json_quote((jf_view){it->scopes.ptr + at, end - at}, (uint8_t *)to);
            at = end + 1;
            between = ",";
        }
        if (between[1] == 0) *to++ = ']';
    }
    to += sprintf(to, "%s}", it->flags & JF_RULING_DRY ? ",\"dry\":true" : "");
    return (jf_blob){(const uint8_t *)text, (uint64_t)(to - text), text, free};
}

jf_ref jf_mock_decide(jf_mock *mock, jf_ref handle, const jf_access *access) {
    const jf_policy_1 *policy = jf_mock_policy(mock);
    driven it = begin(mock, MOCK_FORM_RULING, policy != NULL ? policy->cancel : NULL);
    if (policy == NULL || policy->decide == NULL) return answered(mock, &it, JF_E_UNSUPPORTED);
    jf_ruling ruling = {.size = sizeof ruling};
    int32_t status = policy->decide(mock->self, it.object->ref, handle,
                                    mock_lend_access(&it.object->lent, access), &ruling, &it.why);
    if (status == JF_OK) it.answer = ruling_json(mock, &ruling);
    return answered(mock, &it, status);
}

jf_ref jf_mock_review(jf_mock *mock, jf_ref handle, const jf_access *const *accesses, uint64_t count) {
    const jf_policy_1 *policy = jf_mock_policy(mock);
    driven it = begin(mock, MOCK_FORM_REVIEW, policy != NULL ? policy->cancel : NULL);
    it.object->items = count;
    if (policy == NULL || policy->decide == NULL) return answered(mock, &it, JF_E_UNSUPPORTED);
    mock_list *lent = &it.object->lent;
    const jf_access **own = mock_lend_bytes(lent, count * sizeof *own);
    for (uint64_t i = 0; i < count; i++)
        own[i] = mock_lend_access(lent, accesses[i]);
    if (JF_HAS(policy, review))
        return answered(mock, &it,
                        policy->review(mock->self, it.object->ref, handle, own, count, &it.answer, &it.why));
    uint8_t *decisions = mock_allocate(count);
    int32_t status = JF_OK;
    for (uint64_t i = 0; i < count && status == JF_OK; i++) {
        jf_ruling ruling = {.size = sizeof ruling};
        status = policy->decide(mock->self, it.object->ref, handle, own[i], &ruling, &it.why);
        decisions[i] = ruling.flags & JF_RULING_DRY ? JF_ALLOW : (uint8_t)ruling.decision;
    }
    if (status == JF_OK)
        it.answer = (jf_blob){decisions, count, decisions, free};
    else
        free(decisions);
    return answered(mock, &it, status);
}

char *jf_mock_classify(jf_mock *mock, jf_ref handle, const jf_principal *who, int32_t *status) {
    const jf_policy_1 *policy = jf_mock_policy(mock);
    jf_blob name = {0};
    int32_t answer = JF_ABSENT;
    if (JF_HAS(policy, classify)) {
        mock_list lent = {0};
        answer =
            policy->classify(mock->self, handle, mock_lend_principal(&lent, who), &name, jf_mock_fault(mock));
        mock_lent_free(&lent);
    }
    if (status != NULL) *status = answer;
    return answer == JF_OK ? jf_mock_take(&name) : NULL;
}

/* ---- jf.filter/1 ---- */

/* A passage whose texts live until jf_mock_free: `result` and `ended` are told of the same call. */
static jf_passage keep_passage(jf_mock *mock, const jf_passage *passage) {
    jf_passage own = *passage;
    jf_view *views[] = {&own.method, &own.server,     &own.name,    &own.shown,
                        &own.target, &own.definition, &own.address, &own.body};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        *views[i] = (jf_view){(const uint8_t *)mock_keep(mock, *views[i]), views[i]->len};
    if (own.arguments.ptr != NULL) {
        uint64_t at = (uint64_t)(own.arguments.ptr - passage->body.ptr);
        if (passage->body.ptr == NULL || at > own.body.len || own.arguments.len > own.body.len - at)
            mock_problem(mock, "a passage's arguments are a part of its body");
        else
            own.arguments.ptr = own.body.ptr + at;
    }
    return own;
}

static jf_passage *lend_passage(mock_list *lent, const jf_passage *passage) {
    jf_passage *own = mock_lend_bytes(lent, sizeof *own);
    *own = *passage;
    jf_view *views[] = {&own->method, &own->server,     &own->name,    &own->shown,
                        &own->target, &own->definition, &own->address, &own->body};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        *views[i] = mock_lend(lent, *views[i]);
    if (own->arguments.ptr != NULL)
        own->arguments.ptr = own->body.ptr + (own->arguments.ptr - passage->body.ptr);
    own->principal = mock_lend_principal(lent, own->principal);
    return own;
}

static jf_ref pass(jf_mock *mock, jf_ref handle, const jf_passage *passage, bool is_result) {
    const jf_filter_1 *filter = jf_mock_filter(mock);
    driven it = begin(mock, is_result ? MOCK_FORM_RESULT : MOCK_FORM_REQUEST,
                      JF_HAS(filter, cancel) ? filter->cancel : NULL);
    it.object->handle = handle;
    it.object->passage = keep_passage(mock, passage);
    if (it.object->passage.call == 0) it.object->passage.call = it.object->ref;
    jf_passage *own = lend_passage(&it.object->lent, &it.object->passage);
    if (filter == NULL || (is_result ? filter->result == NULL : filter->request == NULL))
        return answered(mock, &it, filter == NULL ? JF_E_UNSUPPORTED : JF_OK); /* not asked: it passes */
    int32_t (*slot)(jf_self *, jf_ref, jf_ref, const jf_passage *, jf_blob *, jf_fault *) =
        is_result ? filter->result : filter->request;
    return answered(mock, &it, slot(mock->self, it.object->ref, handle, own, &it.answer, &it.why));
}

jf_ref jf_mock_filter_pass(jf_mock *mock, jf_ref handle, const jf_passage *passage, bool is_result) {
    return pass(mock, handle, passage, is_result);
}

jf_ref jf_mock_filter_request(jf_mock *mock, jf_ref handle, const jf_principal *who, const char *tool,
                              const char *arguments) {
    const jf_config_1 *json = &mock->config_table;
    jf_blob quoted = {0};
    json->quote(json->context, jf_mock_view(tool), &quoted);
    char *name = jf_mock_take(&quoted), *body = NULL;
    int length = asprintf(&body, "{\"name\":%s%s%s}", name, arguments != NULL ? ",\"arguments\":" : "",
                          arguments != NULL ? arguments : "");
    if (length < 0) abort();
    jf_passage passage = {.size = sizeof passage,
                          .principal = who != NULL ? who : jf_mock_principal(mock, NULL),
                          .deadline_ns = jf_mock_now(mock) + 60000000000u,
                          .now_ms = jf_mock_unix_ms(mock),
                          .kind = JF_TOOLS,
                          .method = jf_mock_view("tools/call"),
                          .server = jf_mock_view("server"),
                          .name = jf_mock_view(tool),
                          .shown = jf_mock_view(tool),
                          .target = jf_mock_view("/mcp"),
                          .address = jf_mock_view("127.0.0.1:51234"),
                          .body = jf_mock_view(body)};
    if (arguments != NULL) {
        uint64_t size = strlen(arguments);
        passage.arguments = (jf_view){passage.body.ptr + passage.body.len - 1 - size, size};
    }
    jf_ref op = pass(mock, handle, &passage, false);
    free(name);
    free(body);
    return op;
}

jf_ref jf_mock_filter_result(jf_mock *mock, jf_ref request, const char *result) {
    mock_object *object = mock_object_of(mock, request, MOCK_OP);
    if (object == NULL || object->form != MOCK_FORM_REQUEST || object->op.status == JF_PENDING) {
        mock_problem(mock, "jf_mock_filter_result: its request is unknown, or not over");
        return 0;
    }
    jf_passage passage = object->passage;
    jf_json_value root, error;
    passage.body = jf_mock_view(result);
    passage.arguments = (jf_view){NULL, 0};
    passage.memory = object->filtered.memory;
    passage.now_ms = jf_mock_unix_ms(mock);
    if (jf_json_read(passage.body, &root) && jf_json_find(&root, jf_mock_view("/isError"), &error) == JF_OK &&
        error.ptr[0] == 't')
        passage.flags |= JF_PASSAGE_ERROR;
    return pass(mock, object->handle, &passage, true);
}

void jf_mock_filter_ended(jf_mock *mock, jf_ref request, int32_t status) {
    mock_object *object = mock_object_of(mock, request, MOCK_OP);
    const jf_filter_1 *filter = jf_mock_filter(mock);
    if (object == NULL || object->filtered.memory == 0 || !JF_HAS(filter, ended)) return;
    jf_passed passed = {.size = sizeof passed,
                        .status = status,
                        .call = object->passage.call,
                        .memory = object->filtered.memory,
                        .latency_ns = 1000000};
    object->filtered.memory = 0; /* once for each */
    filter->ended(mock->self, object->handle, &passed);
}

/* ---- jf.credentials/1 ---- */

jf_demand jf_mock_demand(jf_mock *mock, const jf_principal *who) {
    return (jf_demand){.size = sizeof(jf_demand),
                       .principal = who != NULL ? who : jf_mock_principal(mock, NULL),
                       .endpoint = jf_mock_view("https://server.example/mcp"),
                       .method = jf_mock_view("tools/call"),
                       .name = jf_mock_view("search"),
                       .now_ms = jf_mock_unix_ms(mock)};
}

jf_ref jf_mock_supply(jf_mock *mock, jf_ref handle, const jf_demand *demand) {
    const jf_credentials_1 *credentials = jf_mock_credentials(mock);
    driven it = begin(mock, MOCK_FORM_SUPPLY, credentials != NULL ? credentials->cancel : NULL);
    if (credentials == NULL || credentials->supply == NULL) return answered(mock, &it, JF_E_UNSUPPORTED);
    mock_list *lent = &it.object->lent;
    jf_demand *own = mock_lend_bytes(lent, sizeof *own);
    *own = *demand;
    own->principal = mock_lend_principal(lent, own->principal);
    jf_view *views[] = {&own->endpoint, &own->method, &own->name, &own->presented, &own->challenge};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        *views[i] = mock_lend(lent, *views[i]);
    return answered(mock, &it,
                    credentials->supply(mock->self, it.object->ref, handle, own, &it.answer, &it.why));
}

void mock_guard_open(jf_mock *mock) {
    mock->identity_table =
        (jf_identity_1){.size = sizeof(jf_identity_1), .context = mock, .forget = forget_identity};
    mock->policies_table =
        (jf_policies_1){.size = sizeof(jf_policies_1), .context = mock, .changed = policy_changed};
    mock->connected_table = (jf_connected_1){
        .size = sizeof(jf_connected_1), .context = mock, .connected = connected, .forget = forget_supply};
}
