/* SPDX-License-Identifier: Apache-2.0
 * Provider, credential source, policy, filter and store for the cell's tests: they show what reached them,
 * and misbehave on demand. Built as cell-access.so. */
#define _GNU_SOURCE
#include <jackfield/jackfield.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

JF_MANIFEST("{\"id\":\"cell-access\",\"version\":\"1.0.0\",\"abi\":\"1.1\",\"facets\":[\"jf.auth/1\","
            "\"jf.credentials/1\",\"jf.policy/1\",\"jf.filter/1\",\"jf.store/1\"],"
            "\"requires\":[\"jf.ops/1\",\"jf.loop/1\"],\"threads\":\"serial\","
            "\"auth\":{\"provider\":\"test\",\"fields\":[\"authorization\"]},"
            "\"credentials\":{\"source\":\"test\"},\"policy\":{\"policy\":\"test\"},"
            "\"filter\":{\"filter\":\"test\"},\"store\":{\"kind\":\"test\"}}");

struct jf_self {
    const jf_ops_1 *ops;
    const jf_loop_1 *loop;
    const jf_log_1 *log;
    const jf_identity_1 *identity;
    const jf_connected_1 *connected;
    const jf_policies_1 *policies;
    const jf_watches_1 *watches;
    const jf_state_1 *state;
    const jf_inbound_1 *inbound;
    jf_ref client;
    jf_ref timer, op, watch, state_watch, handle;
    const jf_passage *passage;
    char *answer;
    uint32_t described;
};

static bool is(jf_view view, const char *text) {
    return view.len == strlen(text) && memcmp(view.ptr, text, view.len) == 0;
}

static jf_view text(const char *given) {
    return (jf_view){(const uint8_t *)given, strlen(given)};
}

__attribute__((format(printf, 2, 3))) static int32_t say(jf_blob *out, const char *format, ...) {
    char *bytes = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&bytes, format, arguments);
    va_end(arguments);
    if (length < 0) return JF_E_BUSY;
    *out = (jf_blob){(uint8_t *)bytes, (uint64_t)length, bytes, free};
    return JF_OK;
}

__attribute__((format(printf, 2, 3))) static void note(jf_self *self, const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    self->log->write(self->log->context, JF_LOG_INFO, text(line), NULL, 0);
}

static int32_t deny(jf_fault *why, const char *what) {
    why->code = JF_E_DENIED;
    why->flags = JF_FAULT_PUBLIC;
    why->text_len = (uint32_t)strlen(what);
    memcpy(why->text, what, why->text_len);
    return JF_E_DENIED;
}

static void misbehave(jf_view how) {
    volatile bool forever = true;
    if (is(how, "crash")) abort();
    while (is(how, "hang") && forever) {
    }
    if (is(how, "garbage")) {
        uint8_t bytes[256];
        memset(bytes, 0xff, sizeof bytes);
        send(3, bytes, sizeof bytes, 0);
    }
}

static void answer_later(void *user) {
    jf_self *self = user;
    jf_blob bytes = {(uint8_t *)self->answer, strlen(self->answer), self->answer, free};
    self->timer = 0;
    self->ops->finish(self->ops->context, self->op, JF_OK, &bytes, NULL);
}

static int32_t later(jf_self *self, jf_ref op, const char *answer) {
    self->op = op;
    self->answer = strdup(answer);
    return self->loop->timer(self->loop->context, 5000000, answer_later, self, &self->timer) == JF_OK
               ? JF_PENDING
               : JF_E_FAULT;
}

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)name;
    if (memmem(config.ptr, config.len, "refuse", 6) != NULL) return deny(why, "not this configuration");
    *handle = self->handle = 77;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    note(self, "detached %" PRIu64, handle);
}

static void cancel(jf_self *self, jf_ref op) {
    jf_blob nothing = {0};
    jf_fault why = {.size = sizeof why, .code = JF_E_GONE};
    self->ops->finish(self->ops->context, op, JF_E_GONE, &nothing, &why);
}

/* ---- jf.auth/1 ---- */

static int32_t identify(jf_self *self, jf_ref op, jf_ref handle, const jf_credentials *it, jf_blob *principal,
                        jf_fault *why) {
    if (handle != 77 || it->field_count == 0) return JF_ABSENT;
    jf_view value = it->fields[0].value;
    if (is(value, "later")) return later(self, op, "{\"subject\":\"late\"}");
    if (is(value, "never")) return JF_PENDING;
    if (is(value, "bad")) return deny(why, "this key was revoked");
    if (is(value, "forget")) self->identity->forget(self->identity->context, text("k1"));
    misbehave(value);
    return say(principal, "%.*s %.*s %.*s %.*s %" PRIu64 " %" PRIu64 " %u %" PRIu64, (int)value.len,
               (const char *)value.ptr, (int)it->target.len, (const char *)it->target.ptr,
               (int)it->resource.len, (const char *)it->resource.ptr, (int)it->address.len,
               (const char *)it->address.ptr, it->certificate.len, it->field_count, it->flags, it->now_ms);
}

static int32_t describe(jf_self *self, jf_ref handle, jf_blob *description, jf_fault *why) {
    (void)handle;
    (void)why;
    return say(description, "{\"scopes_supported\":[\"s%u\"]}", ++self->described);
}

static const jf_auth_1 auth = {.size = sizeof auth,
                               .attach = attach,
                               .detach = detach,
                               .identify = identify,
                               .describe = describe,
                               .cancel = cancel};

/* ---- jf.credentials/1 ---- */

static int32_t supply(jf_self *self, jf_ref op, jf_ref handle, const jf_demand *it, jf_blob *out,
                      jf_fault *why) {
    const jf_principal *who = it->principal;
    (void)op;
    (void)handle;
    (void)why;
    if (is(it->name, "connect")) {
        self->connected->connected(self->connected->context, text("id-1"), JF_E_DENIED);
        self->connected->forget(self->connected->context, who->key);
    }
    misbehave(it->name);
    if (it->challenge.ptr == NULL && it->refused == 0) return JF_ABSENT;
    return say(out, "%.*s %.*s %.*s %d %u %" PRIu64 " %.*s %" PRIu64, (int)it->presented.len,
               (const char *)it->presented.ptr, (int)it->challenge.len, (const char *)it->challenge.ptr,
               (int)it->endpoint.len, (const char *)it->endpoint.ptr, (int)it->refused, it->attempt,
               who->role_count, (int)(who->scope_count > 0 ? who->scopes[0].len : 0),
               (const char *)(who->scope_count > 0 ? who->scopes[0].ptr : NULL), who->expires_ms);
}

static const jf_credentials_1 source = {
    .size = sizeof source, .attach = attach, .detach = detach, .supply = supply, .cancel = cancel};

/* ---- jf.policy/1 ---- */

static char ruled[512];

static int32_t decide(jf_self *self, jf_ref op, jf_ref handle, const jf_access *it, jf_ruling *ruling,
                      jf_fault *why) {
    const jf_principal *who = it->principal;
    (void)why;
    snprintf(ruled, sizeof ruled, "%.*s %.*s %.*s %" PRIu64 " %.*s", (int)who->subject.len,
             (const char *)who->subject.ptr, (int)(who->role_count > 0 ? who->roles[0].len : 0),
             (const char *)(who->role_count > 0 ? who->roles[0].ptr : NULL), (int)it->server.len,
             (const char *)it->server.ptr, it->label_count, (int)it->arguments.len,
             (const char *)it->arguments.ptr);
    ruling->rule = text(ruled);
    if (is(it->name, "deny")) {
        ruling->decision = JF_DENY;
        ruling->text = text("not \"you\"\n");
        ruling->scopes = text(" a  b");
    }
    if (is(it->name, "hide")) ruling->decision = JF_HIDE;
    if (is(it->name, "dry")) {
        ruling->decision = JF_DENY;
        ruling->flags = JF_RULING_DRY;
        ruling->scopes = text("");
    }
    if (is(it->name, "nonsense")) ruling->decision = 7;
    if (is(it->name, "later")) return later(self, op, "{\"decision\":\"deny\"}");
    if (is(it->name, "changed")) self->policies->changed(self->policies->context, handle);
    misbehave(it->name);
    return JF_OK;
}

/* Denies names that begin with d, and whatever is not as the test makes it. */
static int32_t review(jf_self *self, jf_ref op, jf_ref handle, const jf_access *const *accesses,
                      uint64_t count, jf_blob *decisions, jf_fault *why) {
    uint8_t *bytes = malloc(count);
    (void)self;
    (void)op;
    (void)handle;
    (void)why;
    if (bytes == NULL) return JF_E_BUSY;
    for (uint64_t i = 0; i < count; i++) {
        const jf_access *it = accesses[i];
        bool whole = it->principal->role_count == 2 && is(it->principal->roles[1], "second") &&
                     it->label_count == 1 && is(it->labels[0].name, "env") && it->definition.len == 300;
        bytes[i] = !whole ? JF_HIDE : it->name.ptr[0] == 'd' ? JF_DENY : JF_ALLOW;
    }
    *decisions = (jf_blob){bytes, count, bytes, free};
    return JF_OK;
}

static int32_t classify(jf_self *self, jf_ref handle, const jf_principal *principal, jf_blob *name,
                        jf_fault *why) {
    (void)self, (void)handle, (void)principal, (void)name, (void)why;
    return JF_ABSENT;
}

static const jf_policy_1 policy = {.size = sizeof policy,
                                   .attach = attach,
                                   .detach = detach,
                                   .decide = decide,
                                   .review = review,
                                   .classify = classify,
                                   .cancel = cancel};

/* ---- jf.filter/1, and jf.state/1 ---- */

static int32_t verdict(jf_blob *out, uint32_t decision, uint64_t memory, jf_view rest) {
    uint8_t *bytes = malloc(sizeof(jf_verdict) + rest.len);
    jf_verdict head = {.decision = decision, .memory = memory};
    if (bytes == NULL) return JF_E_BUSY;
    memcpy(bytes, &head, sizeof head);
    if (rest.len > 0) memcpy(bytes + sizeof head, rest.ptr, rest.len);
    *out = (jf_blob){bytes, sizeof head + rest.len, bytes, free};
    return JF_OK;
}

/* Long after the slot returned: what the passage holds is still there. */
static void pass_later(void *user) {
    jf_self *self = user;
    const jf_passage *it = self->passage;
    jf_blob bytes = {0};
    self->timer = 0;
    bool whole = is(it->principal->subject, "alice") && it->principal->role_count == 2 &&
                 is(it->principal->roles[1], "second");
    verdict(&bytes, JF_ANSWER, 4711, whole ? it->arguments : text("broken"));
    self->ops->finish(self->ops->context, self->op, JF_OK, &bytes, NULL);
}

static void state_done(void *user, jf_ref operation, int32_t status, jf_view answer, const jf_fault *why) {
    jf_self *self = user;
    jf_blob bytes = {0};
    char line[512];
    (void)operation;
    snprintf(line, sizeof line, "%d %.*s %d", (int)status, (int)answer.len, (const char *)answer.ptr,
             why != NULL ? (int)why->code : 0);
    verdict(&bytes, JF_ANSWER, 0, text(line));
    self->ops->finish(self->ops->context, self->op, JF_OK, &bytes, NULL);
}

static void state_changed(void *user, jf_ref watch, jf_view key, uint64_t revision) {
    jf_self *self = user;
    note(self, "state %s %.*s %" PRIu64, watch == self->state_watch ? "mine" : "foreign", (int)key.len,
         (const char *)key.ptr, revision);
}

static int32_t use_state(jf_self *self, const jf_passage *it) {
    const jf_state_1 *state = self->state;
    jf_ref operation = 0;
    if (is(it->name, "state-get"))
        return state->get(state->context, text("key"), state_done, self, &operation);
    if (is(it->name, "state-put")) {
        jf_store_put put = {
            .size = sizeof put, .flags = 1, .ttl_ms = 5, .key = text("key"), .value = it->arguments};
        return state->put(state->context, &put, state_done, self, &operation);
    }
    if (is(it->name, "state-take")) {
        jf_store_limit limits[2] = {{.key = text("a"), .rate = 1, .period_ms = 2, .cost = 3},
                                    {.key = text("b"), .kind = 1, .rate = 4, .period_ms = 5, .cost = 6}};
        return state->take(state->context, limits, 2, state_done, self, &operation);
    }
    if (is(it->name, "state-abandon")) {
        if (state->get(state->context, text("slow"), state_done, self, &operation) != JF_OK)
            return JF_E_FAULT;
        state->abandon(state->context, operation);
        return state->remove(state->context, text("key"), 9, state_done, self, &operation);
    }
    if (is(it->name, "state-watch")) {
        int32_t status = state->watch(state->context, text("pre"), state_changed, self, &self->state_watch);
        note(self, "watch %d", (int)status);
        return state->list(state->context,
                           &(jf_store_list){.size = sizeof(jf_store_list), .most = 3, .prefix = text("p")},
                           state_done, self, &operation);
    }
    if (is(it->name, "state-unwatch")) {
        state->unwatch(state->context, self->state_watch);
        return state->add(state->context,
                          &(jf_store_add){.size = sizeof(jf_store_add), .delta = -3, .key = text("n")},
                          state_done, self, &operation);
    }
    return JF_E_UNSUPPORTED;
}

static int32_t request(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *it, jf_blob *out,
                       jf_fault *why) {
    (void)handle;
    (void)why;
    if (is(it->name, "pass")) return JF_OK;
    if (is(it->name, "remember")) return verdict(out, JF_PASS, (uint64_t)(uintptr_t)self, (jf_view){NULL, 0});
    if (is(it->name, "later")) {
        self->op = op;
        self->passage = it;
        return self->loop->timer(self->loop->context, 5000000, pass_later, self, &self->timer) == JF_OK
                   ? JF_PENDING
                   : JF_E_FAULT;
    }
    if (it->name.len > 6 && memcmp(it->name.ptr, "state-", 6) == 0) {
        self->op = op;
        int32_t status = use_state(self, it);
        return status == JF_OK ? JF_PENDING : status;
    }
    misbehave(it->name);
    return verdict(out, JF_ANSWER, 0, it->body);
}

static int32_t result(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *it, jf_blob *out,
                      jf_fault *why) {
    (void)op;
    (void)handle;
    (void)why;
    const char *whose = it->memory == (uint64_t)(uintptr_t)self ? "mine"
                        : it->memory == 4711                    ? "later's"
                        : it->memory == 0                       ? "none"
                                                                : "foreign";
    return verdict(out, JF_ANSWER, 0, text(whose));
}

static void ended(jf_self *self, jf_ref handle, const jf_passed *it) {
    note(self, "ended %s %d %" PRIu64 " %" PRIu64 " %" PRIu64 " of %" PRIu64,
         it->memory == (uint64_t)(uintptr_t)self ? "mine" : "foreign", (int)it->status, it->call,
         it->latency_ns, it->bytes, handle);
}

static const jf_filter_1 filter = {.size = sizeof filter,
                                   .attach = attach,
                                   .detach = detach,
                                   .request = request,
                                   .result = result,
                                   .ended = ended,
                                   .cancel = cancel};

/* ---- jf.store/1 ---- */

static int32_t get(jf_self *self, jf_ref op, jf_view key, jf_blob *entry, jf_fault *why) {
    (void)self;
    (void)op;
    (void)why;
    if (is(key, "absent")) return JF_ABSENT;
    misbehave(key);
    return say(entry, "get %.*s", (int)key.len, (const char *)key.ptr);
}

static int32_t put(jf_self *self, jf_ref op, const jf_store_put *it, jf_blob *entry, jf_fault *why) {
    (void)op;
    (void)why;
    if (self->watch != 0) self->watches->changed(self->watches->context, self->watch, it->key, 42);
    return say(entry, "put %u %" PRIu64 " %" PRIu64 " %.*s %" PRIu64, it->flags, it->revision, it->ttl_ms,
               (int)it->key.len, (const char *)it->key.ptr, it->value.len);
}

static int32_t remove_key(jf_self *self, jf_ref op, jf_view key, uint64_t revision, jf_blob *entry,
                          jf_fault *why) {
    (void)self, (void)op, (void)key, (void)entry, (void)why;
    return revision == 5 ? JF_E_STALE : JF_OK;
}

static int32_t list(jf_self *self, jf_ref op, const jf_store_list *it, jf_blob *entries, jf_fault *why) {
    (void)self, (void)op, (void)why;
    return say(entries, "list %u %" PRIu64 " %.*s %s", it->flags, it->most, (int)it->prefix.len,
               (const char *)it->prefix.ptr, it->after.ptr != NULL ? "after" : "first");
}

static int32_t add(jf_self *self, jf_ref op, const jf_store_add *it, jf_blob *entry, jf_fault *why) {
    (void)self, (void)op, (void)why;
    return say(entry, "add %" PRId64 " %" PRIu64, it->delta, it->ttl_ms);
}

static int32_t take(jf_self *self, jf_ref op, const jf_store_limit *limits, uint64_t count, jf_blob *verdicts,
                    jf_fault *why) {
    (void)self, (void)op, (void)why;
    return say(verdicts, "take %" PRIu64 " %u %" PRIu64 " %" PRIu64, count, limits[count - 1].kind,
               limits[count - 1].rate, limits[count - 1].cost);
}

static int32_t watch(jf_self *self, jf_ref given, jf_view prefix, jf_fault *why) {
    if (is(prefix, "never")) {
        why->code = JF_E_UNSUPPORTED;
        return JF_E_UNSUPPORTED;
    }
    self->watch = given;
    return JF_OK;
}

static void unwatch(jf_self *self, jf_ref given) {
    if (self->watch == given) self->watch = 0;
}

static const jf_store_1 store = {.size = sizeof store,
                                 .get = get,
                                 .put = put,
                                 .remove = remove_key,
                                 .list = list,
                                 .add = add,
                                 .take = take,
                                 .watch = watch,
                                 .unwatch = unwatch,
                                 .cancel = cancel};

/* ---- jf.listener/1: one client, which answers each reply with its next message ---- */

static void deliver(jf_self *self, jf_ref exchange) {
    const jf_inbound_1 *inbound = self->inbound;
    char body[32];
    snprintf(body, sizeof body, "\"wants %u\"", *inbound->wants);
    jf_view segment = text(body);
    jf_pair fields[2] = {{text("Authorization"), text("Bearer x")}, {text("X-Two"), text("")}};
    jf_pair header = {text("Mcp-Param-A"), text("a")};
    jf_message message = {.size = sizeof message,
                          .flags = JF_MSG_FINAL,
                          .exchange = exchange,
                          .body = &segment,
                          .body_count = 1,
                          .headers = &header,
                          .header_count = 1,
                          .fields = fields,
                          .field_count = 2};
    inbound->deliver(inbound->context, self->client, &message);
}

static int32_t listen_on(jf_self *self, jf_ref listener, jf_view address, jf_view config, jf_blob *bound,
                         jf_fault *why) {
    const jf_inbound_1 *inbound = self->inbound;
    (void)address, (void)config, (void)why;
    jf_client_info info = {.size = sizeof info,
                           .flags = JF_CLIENT_SECURE,
                           .listener = listener,
                           .address = text("there"),
                           .certificate = text("DER"),
                           .server_name = text("mcp.example")};
    if (inbound->opened(inbound->context, &info, &self->client) != JF_OK) return JF_E_BUSY;
    deliver(self, 1);
    return say(bound, "here");
}

static void unlisten(jf_self *self, jf_ref listener) {
    (void)self;
    (void)listener;
}

static int32_t reply(jf_self *self, jf_ref client, const jf_message *message) {
    (void)client;
    for (uint64_t i = 0; i < message->field_count; i++)
        note(self, "field %.*s=%.*s", (int)message->fields[i].name.len,
             (const char *)message->fields[i].name.ptr, (int)message->fields[i].value.len,
             (const char *)message->fields[i].value.ptr);
    deliver(self, message->exchange + 1);
    return JF_OK;
}

static void close_client(jf_self *self, jf_ref client) {
    const jf_inbound_1 *inbound = self->inbound;
    inbound->closed(inbound->context, client);
}

static const jf_listener_1 listener = {.size = sizeof listener,
                                       .listen = listen_on,
                                       .unlisten = unlisten,
                                       .reply = reply,
                                       .close = close_client};

/* ---- The plugin ---- */

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    jf_self *self = calloc(1, sizeof *self);
    (void)config;
    (void)why;
    if (self == NULL) return JF_E_BUSY;
    self->ops = offer->service(offer->host, JF_OPS_1);
    self->loop = offer->service(offer->host, JF_LOOP_1);
    self->log = offer->service(offer->host, JF_LOG_1);
    self->identity = offer->service(offer->host, JF_IDENTITY_1);
    self->connected = offer->service(offer->host, JF_CONNECTED_1);
    self->policies = offer->service(offer->host, JF_POLICIES_1);
    self->watches = offer->service(offer->host, JF_WATCHES_1);
    self->state = offer->service(offer->host, JF_STATE_1);
    self->inbound = offer->service(offer->host, JF_INBOUND_1);
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    if (self->timer != 0) self->loop->cancel(self->loop->context, self->timer);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    const struct {
        const char *id;
        const void *table;
    } facets[] = {{JF_AUTH_1, &auth},     {JF_CREDENTIALS_1, &source}, {JF_POLICY_1, &policy},
                  {JF_FILTER_1, &filter}, {JF_STORE_1, &store},        {JF_LISTENER_1, &listener}};
    (void)self;
    for (size_t i = 0; i < sizeof facets / sizeof facets[0]; i++)
        if (strcmp(facets[i].id, id) == 0) return facets[i].table;
    return NULL;
}

static const jf_plugin plugin = {
    .size = sizeof plugin, .minor = 1, .create = create, .destroy = destroy, .facet = facet};

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    (void)offer;
    (void)why;
    return &plugin;
}
