/* SPDX-License-Identifier: Apache-2.0
 * libFuzzer target for what a cell may send: any bytes, with any memfds, as one packet after the other. The
 * proxy must either take them or call them malformed, and hand the host nothing that is not its own. */
#define _GNU_SOURCE
#include "proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition, ...)                                                                                 \
    do {                                                                                                     \
        if (condition) break;                                                                                \
        fprintf(stderr, __VA_ARGS__);                                                                        \
        fputc('\n', stderr);                                                                                 \
        abort();                                                                                             \
    } while (0)

/* What the host has: one of each, by these handles; clients count up. */
enum {
    SET = 101,
    CHANNEL = 102,
    LISTENER = 103,
    OPERATION = 104,
    EXCHANGE = 105,
    WATCH = 106,
    CLIENTS = 1000
};

static uint64_t next_client, sum;

static void read_all(jf_view view) {
    for (uint64_t i = 0; view.ptr != NULL && i < view.len; i++)
        sum += view.ptr[i];
}

static int32_t watch(void *context, int32_t fd, uint32_t events, jf_ready_fn ready, void *user, jf_ref *out) {
    (void)context, (void)fd, (void)events, (void)ready, (void)user;
    *out = 1;
    return JF_OK;
}
static void unwatch(void *context, jf_ref handle) {
    (void)context, (void)handle;
}
static int32_t timer(void *context, uint64_t delay, jf_task_fn fire, void *user, jf_ref *out) {
    (void)context, (void)delay, (void)fire, (void)user;
    *out = 1;
    return JF_OK;
}
static int32_t post(void *context, jf_task_fn task, void *user) {
    (void)context, (void)task, (void)user;
    return JF_OK;
}
static void log_write(void *context, uint32_t level, jf_view text, const jf_pair *fields, uint64_t count) {
    (void)context;
    MUST(level <= JF_LOG_ERROR && count <= 16, "log level %u, %llu fields", level, (unsigned long long)count);
    read_all(text);
    for (uint64_t i = 0; i < count; i++) {
        read_all(fields[i].name);
        read_all(fields[i].value);
    }
}
static int32_t finish(void *context, jf_ref op, int32_t status, jf_blob *result, const jf_fault *why) {
    (void)context;
    MUST(op == OPERATION && status != JF_PENDING && status <= JF_ABSENT, "finish %llu",
         (unsigned long long)op);
    MUST(why != NULL && why->text_len <= sizeof why->text, "a fault too long");
    read_all((jf_view){result->ptr, result->len});
    if (result->drop != NULL) result->drop(result->owner);
    return JF_OK;
}
static int32_t progress(void *context, jf_ref op, double done, double total, jf_view text) {
    (void)context, (void)done, (void)total;
    MUST(op == OPERATION, "progress of %llu", (unsigned long long)op);
    read_all(text);
    return JF_OK;
}
static void changed(void *context, jf_ref set, uint32_t kind) {
    (void)context;
    MUST(set == SET && kind <= JF_PROMPTS, "a change of %llu", (unsigned long long)set);
}
static int32_t secret(void *context, jf_view name, jf_blob *out) {
    (void)context;
    read_all(name);
    *out = (jf_blob){(const uint8_t *)"hush", 4, NULL, NULL};
    return JF_OK;
}
static void ready(void *context, jf_ref channel, uint32_t flags) {
    (void)context, (void)flags;
    MUST(channel == CHANNEL, "ready of %llu", (unsigned long long)channel);
}
static void read_message(const jf_message *message) {
    if (message->body_count > 0) {
        read_all(message->body[0]);
        for (int i = 0; i < 64; i++) /* JF_MSG_PADDED */
            sum += message->body[0].ptr[message->body[0].len + (uint64_t)i];
    }
    const jf_view views[] = {message->target, message->protocol, message->method,
                             message->name,   message->session,  message->resume};
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        read_all(views[i]);
    for (uint64_t i = 0; i < message->header_count; i++) {
        read_all(message->headers[i].name);
        read_all(message->headers[i].value);
    }
    for (uint64_t i = 0; i < message->field_count; i++) {
        read_all(message->fields[i].name);
        read_all(message->fields[i].value);
    }
    MUST(message->retainable == 0 && message->retain == NULL, "a cell lends segments");
}
static int32_t deliver(void *context, jf_ref channel, const jf_message *message) {
    (void)context;
    MUST(channel == CHANNEL && (message->exchange == 0 || message->exchange == EXCHANGE),
         "a foreign exchange");
    read_message(message);
    return JF_OK;
}
static void failed(void *context, jf_ref channel, jf_ref exchange, const jf_fault *why) {
    (void)context;
    MUST(channel == CHANNEL && (exchange == 0 || exchange == EXCHANGE) && why->code < 0, "a foreign failure");
}
static void channel_event(void *context, jf_ref channel) {
    (void)context;
    MUST(channel == CHANNEL, "a foreign channel");
}
static int32_t opened(void *context, const jf_client_info *info, jf_ref *client) {
    (void)context;
    MUST(info->listener == LISTENER, "a foreign listener");
    read_all(info->address);
    read_all(info->certificate);
    read_all(info->server_name);
    if (next_client % 4 == 3) {
        next_client++;
        return JF_E_BUSY;
    }
    *client = CLIENTS + next_client++;
    return JF_OK;
}
static int32_t client_deliver(void *context, jf_ref client, const jf_message *message) {
    (void)context;
    MUST(client >= CLIENTS && client < CLIENTS + next_client, "a foreign client");
    read_message(message);
    return client % 3 == 0 ? JF_E_STALE : JF_OK;
}
static void client_event(void *context, jf_ref client, jf_ref exchange) {
    (void)context, (void)exchange;
    MUST(client >= CLIENTS && client < CLIENTS + next_client, "a foreign client");
}
static void client_closed(void *context, jf_ref client) {
    client_event(context, client, 0);
}
static int32_t start(void *context, const jf_call *call, jf_call_done_fn done, void *user, jf_ref *out,
                     jf_fault *why) {
    (void)context, (void)done, (void)user, (void)out, (void)why;
    read_all(call->method);
    read_all(call->params);
    return JF_E_BUSY;
}

static void forget(void *context, jf_view what) {
    (void)context;
    read_all(what);
}
static void connected(void *context, jf_view id, int32_t status) {
    (void)context;
    MUST(status <= JF_OK, "connected with %d", (int)status);
    read_all(id);
}
static uint64_t policy_id;
static void policy_changed(void *context, jf_ref handle) {
    (void)context;
    MUST(handle == policy_id, "a foreign policy");
}
static void watch_changed(void *context, jf_ref given, jf_view key, uint64_t revision) {
    (void)context, (void)revision;
    MUST(given == WATCH, "a foreign watch");
    read_all(key);
}

/* jf.state/1: every other operation stays open. */
static uint64_t open_states;
static int32_t begin_state(jf_ref *operation) {
    *operation = ++open_states;
    return open_states % 2 == 0 ? JF_OK : JF_E_BUSY;
}
static int32_t state_get(void *context, jf_view key, jf_state_done_fn done, void *user, jf_ref *operation) {
    (void)context, (void)done, (void)user;
    read_all(key);
    return begin_state(operation);
}
static int32_t state_put(void *context, const jf_store_put *put, jf_state_done_fn done, void *user,
                         jf_ref *operation) {
    read_all(put->value);
    return state_get(context, put->key, done, user, operation);
}
static int32_t state_remove(void *context, jf_view key, uint64_t revision, jf_state_done_fn done, void *user,
                            jf_ref *operation) {
    (void)revision;
    return state_get(context, key, done, user, operation);
}
static int32_t state_list(void *context, const jf_store_list *list, jf_state_done_fn done, void *user,
                          jf_ref *operation) {
    read_all(list->after);
    return state_get(context, list->prefix, done, user, operation);
}
static int32_t state_add(void *context, const jf_store_add *add, jf_state_done_fn done, void *user,
                         jf_ref *operation) {
    return state_get(context, add->key, done, user, operation);
}
static int32_t state_take(void *context, const jf_store_limit *limits, uint64_t count, jf_state_done_fn done,
                          void *user, jf_ref *operation) {
    (void)context, (void)done, (void)user;
    MUST(count <= JF_STORE_TAKE_MOST, "%llu limits", (unsigned long long)count);
    for (uint64_t i = 0; i < count; i++)
        read_all(limits[i].key);
    return begin_state(operation);
}
static int32_t state_watch(void *context, jf_view prefix, jf_state_changed_fn change, void *user,
                           jf_ref *out) {
    (void)context, (void)change, (void)user;
    read_all(prefix);
    return begin_state(out);
}
static void state_end(void *context, jf_ref operation) {
    (void)context;
    MUST(operation <= open_states, "a foreign operation");
}

static proxy_kind kind = {
    .spawn = {.name = "fuzzed", .limits = {.queue = 1 << 16, .flood_frames = 1000, .control_ms = 1}}};

static void make(jf_self *self, int fd) {
    memset(self, 0, sizeof *self);
    self->kind = &kind;
    self->loop = (jf_loop_1){.size = sizeof self->loop,
                             .watch = watch,
                             .unwatch = unwatch,
                             .timer = timer,
                             .cancel = unwatch,
                             .post = post};
    self->log = (jf_log_1){.size = sizeof self->log, .write = log_write};
    self->ops = (jf_ops_1){.size = sizeof self->ops, .finish = finish, .progress = progress};
    self->config_service = (jf_config_1){.size = sizeof self->config_service, .secret = secret};
    self->toolsets = (jf_toolsets_1){.size = sizeof self->toolsets, .changed = changed};
    self->channels = (jf_channels_1){.size = sizeof self->channels,
                                     .ready = ready,
                                     .deliver = deliver,
                                     .failed = failed,
                                     .writable = channel_event,
                                     .closed = channel_event};
    self->inbound = (jf_inbound_1){.size = sizeof self->inbound,
                                   .opened = opened,
                                   .deliver = client_deliver,
                                   .gone = client_event,
                                   .writable = client_event,
                                   .closed = client_closed};
    self->calls = (jf_calls_1){.size = sizeof self->calls, .start = start};
    self->identity = (jf_identity_1){.size = sizeof self->identity, .forget = forget};
    self->connected =
        (jf_connected_1){.size = sizeof self->connected, .connected = connected, .forget = forget};
    self->policies = (jf_policies_1){.size = sizeof self->policies, .changed = policy_changed};
    self->watches = (jf_watches_1){.size = sizeof self->watches, .changed = watch_changed};
    self->state_service = (jf_state_1){.size = sizeof self->state_service,
                                       .get = state_get,
                                       .put = state_put,
                                       .remove = state_remove,
                                       .list = state_list,
                                       .add = state_add,
                                       .take = state_take,
                                       .watch = state_watch,
                                       .unwatch = state_end,
                                       .abandon = state_end};
    self->slots = CELL_HAS_TOOLSET | CELL_HAS_ROUTING | CELL_HAS_CONNECTOR | CELL_HAS_LISTENER |
                  CELL_HAS_AUTH | CELL_HAS_POLICY | CELL_HAS_STORE;
    self->lane = pthread_self();
    self->deferred_last = &self->deferred;
    self->pidfd = self->errors = -1;
    self->ping_ns = 77;
    pthread_mutex_init(&self->lock, NULL);
    cell_link_open(&self->link, fd);
    self->state = JF_CELL_UP;
    const jf_view none = {NULL, 0};
    /* Ids 1<<48|1, 3<<48|2 and 4<<48|3: the seeds know them. */
    proxy_object *set = proxy_object_new(self, PROXY_SET, SET, none, none);
    proxy_object *channel = proxy_object_new(self, PROXY_CHANNEL, CHANNEL, none, none);
    proxy_object *listener = proxy_object_new(self, PROXY_LISTENER, LISTENER, none, none);
    MUST(set != NULL && channel != NULL && listener != NULL, "no memory");
    proxy_object *provider = proxy_object_new(self, PROXY_AUTH, 0, none, none);
    proxy_object *policy = proxy_object_new(self, PROXY_POLICY, 0, none, none);
    proxy_object *keys = proxy_object_new(self, PROXY_WATCH, WATCH, none, none);
    MUST(provider != NULL && policy != NULL && keys != NULL, "no memory");
    policy_id = policy->id;
    set->is_open = channel->is_open = listener->is_open = true;
    cell_map_put(&self->operations, OPERATION, 1);
    cell_map_put(&self->exchanges, EXCHANGE, channel->id);
}

static void unmake(jf_self *self) {
    cell_map *maps[] = {&self->by_id,   &self->operations,   &self->exchanges,
                        &self->clients, &self->cell_clients, &self->answering,
                        &self->slow,    &self->call_map,     &self->states};
    proxy_end_states(self);
    while (self->objects != NULL)
        proxy_object_free(self, self->objects);
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
        cell_map_clear(maps[i]);
    cell_link_close(&self->link);
    cell_packet_free(self->spare);
    proxy_forget_packets(self);
    pthread_mutex_destroy(&self->lock);
}

/* The first byte says how many memfds come with the packet (0 to 3, of 100 bytes each and the padding). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int ends[2];
    jf_self self;
    cell_frame frame;
    const char *bad = NULL;
    if (size < 1 || size - 1 > CELL_PACKET_MOST || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
        return 0;
    make(&self, ends[0]);
    next_client = 0;
    cell_packet *packet = cell_packet_new();
    MUST(packet != NULL, "no memory");
    /* Memory that ends with what may be read, so that the sanitizer sees a byte too many. */
    free(packet->bytes);
    packet->bytes = malloc(size - 1 + CELL_PADDING);
    MUST(packet->bytes != NULL, "no memory");
    memcpy(packet->bytes, data + 1, size - 1);
    memset(packet->bytes + size - 1, 0, CELL_PADDING);
    packet->used = (uint32_t)size - 1;
    for (uint32_t i = 0; i < data[0] % 4u; i++) {
        uint8_t *base = mmap(NULL, 100 + CELL_PADDING, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        MUST(base != MAP_FAILED, "no memory");
        packet->bodies[packet->body_count++] = (cell_body){base, 100 + CELL_PADDING};
    }
    while (self.state == JF_CELL_UP && bad == NULL && cell_next_frame(packet, &frame, &bad))
        bad = proxy_handle(&self, &frame);
    cell_packet_free(packet);
    unmake(&self);
    close(ends[1]);
    return 0;
}
