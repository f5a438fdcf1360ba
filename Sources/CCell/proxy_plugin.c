/* SPDX-License-Identifier: Apache-2.0
 * Proxy: the life of an instance as the host drives it, and its state for people. */
#include "proxy_kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000ull
/* How long a cell that was asked to end may take before it is killed. */
#define EXIT_MS 500

/* Whether its slots begin operations, all of which finish later in a cell. */
static bool operates(const char *facets) {
    static const char *const ids[] = {JF_TOOLSET_1, JF_AUTH_1,   JF_CREDENTIALS_1,
                                      JF_POLICY_1,  JF_FILTER_1, JF_STORE_1};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        if (cell_lists(facets, ids[i])) return true;
    return false;
}

static void find_services(jf_self *self, const jf_offer *offer) {
    const char *wanted = self->kind->spawn.services;
    /* The first two are the proxy's own needs; the others only what the plugin may use too. */
    const struct {
        const char *id;
        void *table;
        uint32_t size;
        bool always;
    } services[] = {
        {JF_LOOP_1, &self->loop, sizeof self->loop, true},
        {JF_LOG_1, &self->log, sizeof self->log, true},
        {JF_OPS_1, &self->ops, sizeof self->ops, operates(self->kind->spawn.facets)},
        {JF_CHANNELS_1, &self->channels, sizeof self->channels,
         cell_lists(self->kind->spawn.facets, JF_CONNECTOR_1)},
        {JF_INBOUND_1, &self->inbound, sizeof self->inbound,
         cell_lists(self->kind->spawn.facets, JF_LISTENER_1)},
        {JF_TOOLSETS_1, &self->toolsets, sizeof self->toolsets,
         cell_lists(self->kind->spawn.facets, JF_TOOLSET_1)},
        {JF_CONFIG_1, &self->config_service, sizeof self->config_service, false},
        {JF_CALLS_1, &self->calls, sizeof self->calls, false},
        {JF_SEAL_1, &self->seal, sizeof self->seal, false},
        {JF_IDENTITY_1, &self->identity, sizeof self->identity, false},
        {JF_CONNECTED_1, &self->connected, sizeof self->connected, false},
        {JF_POLICIES_1, &self->policies, sizeof self->policies,
         cell_lists(self->kind->spawn.facets, JF_POLICY_1)},
        {JF_WATCHES_1, &self->watches, sizeof self->watches,
         cell_lists(self->kind->spawn.facets, JF_STORE_1)},
        {JF_STATE_1, &self->state_service, sizeof self->state_service, false},
    };
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        if (!services[i].always && !cell_lists(wanted, services[i].id)) continue;
        const void *table = offer->service(offer->host, services[i].id);
        if (table != NULL) cell_attach(services[i].table, services[i].size, table);
    }
}

static void make_facets(jf_self *self) {
    const char *facets = self->kind->spawn.facets;
    uint64_t slots = self->slots;
    if (!cell_lists(facets, JF_TOOLSET_1)) slots &= ~(uint64_t)CELL_HAS_TOOLSET;
    if (!cell_lists(facets, JF_ROUTING_1)) slots &= ~(uint64_t)CELL_HAS_ROUTING;
    if (!cell_lists(facets, JF_CONNECTOR_1)) slots &= ~(uint64_t)CELL_HAS_CONNECTOR;
    if (!cell_lists(facets, JF_LISTENER_1)) slots &= ~(uint64_t)CELL_HAS_LISTENER;
    if (!cell_lists(facets, JF_SEAL_1)) slots &= ~(uint64_t)CELL_HAS_SEAL;
    if (slots & CELL_HAS_TOOLSET) {
        self->toolset = proxy_toolset_table;
        if ((slots & CELL_HAS_READ) == 0) self->toolset.read = NULL;
        if ((slots & CELL_HAS_PROMPT) == 0) self->toolset.prompt = NULL;
        if ((slots & CELL_HAS_COMPLETE) == 0) self->toolset.complete = NULL;
    }
    if (slots & CELL_HAS_ROUTING) {
        self->routing = proxy_routing_table;
        if ((slots & CELL_HAS_OBSERVE) == 0) self->routing.observe = NULL;
        if ((slots & CELL_HAS_STATE) == 0) self->routing.export_state = NULL;
        if ((slots & CELL_HAS_STATE) == 0) self->routing.import_state = NULL;
    }
    if (slots & CELL_HAS_CONNECTOR) {
        self->connector = proxy_connector_table;
        if ((slots & CELL_HAS_USAGE) == 0) self->connector.usage = NULL;
    }
    if (slots & CELL_HAS_LISTENER) self->listener = proxy_listener_table;
    if (slots & CELL_HAS_SEAL) proxy_seal_table(self, &self->offered_seal);
    proxy_make_access(self, slots);
}

static void dispose(jf_self *self) {
    if (self->heartbeat != 0) self->loop.cancel(self->loop.context, self->heartbeat);
    if (self->restart_timer != 0) self->loop.cancel(self->loop.context, self->restart_timer);
    self->heartbeat = self->restart_timer = 0;
    if (self->pidfd >= 0) {
        char how[128];
        if (!proxy_reap(self, EXIT_MS, how, sizeof how)) {
            proxy_kill(self);
            while (!proxy_reap(self, 1000, how, sizeof how))
                proxy_kill(self);
        }
        proxy_end_errors(self);
    }
    proxy_end_states(self);
    proxy_unwatch(self);
    proxy_close(self);
    proxy_forget_packets(self);
    cell_packet_free(self->spare);
    while (self->objects != NULL)
        proxy_object_free(self, self->objects);
    for (proxy_call *call = self->call_list, *next; call != NULL; call = next) {
        next = call->next;
        call->proxy = NULL; /* its `done` frees it */
    }
    cell_map *maps[] = {&self->by_id,   &self->operations,   &self->exchanges,
                        &self->clients, &self->cell_clients, &self->answering,
                        &self->slow,    &self->call_map,     &self->states};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
        cell_map_clear(maps[i]);
    free(self->full);
    pthread_mutex_destroy(&self->lock);
    proxy_count_instance(self->kind, false);
    free(self->config);
    free(self);
}

/* The loop's own thread, which may begin after instances are made, says that it is the lane. */
static void adopt(void *user) {
    proxy_adopt_lane(user);
}

int32_t proxy_create(proxy_kind *kind, const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return cell_fault(why, JF_E_BUSY, 0, 0, "out of memory");
    self->kind = kind;
    self->host = offer->host;
    self->link.fd = self->pidfd = self->errors = -1;
    self->link.last = &self->link.first;
    self->deferred_last = &self->deferred;
    proxy_adopt_lane(self);
    self->backoff_ms = kind->spawn.limits.backoff_ms;
    self->state = JF_CELL_STOPPED;
    pthread_mutex_init(&self->lock, NULL);
    proxy_count_instance(kind, true);
    find_services(self, offer);
    self->config_size = config.len;
    self->config = malloc(config.len + 1);
    int32_t status = JF_OK;
    if (self->config == NULL)
        status = cell_fault(why, JF_E_BUSY, 0, 0, "out of memory");
    else if (!JF_HAS(&self->loop, now))
        status = cell_fault(why, JF_E_UNSUPPORTED, 0, 0, "plugin %s: a cell needs the service %s",
                            kind->spawn.name, JF_LOOP_1);
    if (status == JF_OK) {
        if (config.len > 0) memcpy(self->config, config.ptr, config.len);
        status = proxy_spawn(self, why);
    }
    if (status == JF_OK) status = proxy_setup(self, false, why);
    if (status == JF_OK && (self->loop.post(self->loop.context, adopt, self) != JF_OK ||
                            proxy_watch(self) != JF_OK || proxy_arm_heartbeat(self) != JF_OK))
        status = cell_fault(why, JF_E_BUSY, 0, 0, "plugin %s: its cell cannot be watched", kind->spawn.name);
    if (status != JF_OK) {
        bool has_ended = status == JF_E_GONE && self->pidfd >= 0;
        char how[128] = "";
        self->is_stopping = true;
        if (has_ended && proxy_reap(self, EXIT_MS, how, sizeof how)) {
            proxy_end_errors(self);
            cell_fault(why, JF_E_GONE, 0, 0, "plugin %s ended while its cell started: %s%s%s",
                       kind->spawn.name, self->cause[0] != 0 ? self->cause : how,
                       self->last_words[0] != 0 ? "; last words: " : "", self->last_words);
        }
        proxy_kill(self);
        dispose(self);
        return status;
    }
    pthread_mutex_lock(&self->lock);
    self->state = JF_CELL_UP;
    pthread_mutex_unlock(&self->lock);
    make_facets(self);
    *out = self;
    return JF_OK;
}

/* start, stop and destroy of the instance in the cell. JF_E_GONE where there is none. */
static int32_t ask_plainly(jf_self *self, uint16_t type, const char *what, jf_fault *why) {
    proxy_ask ask;
    jf_fault fault;
    if (!proxy_ask_begin(self, &ask, type, 0, 0)) return JF_E_GONE;
    int32_t status = proxy_ask_end(self, &ask, self->kind->spawn.limits.control_ms * MS, 0);
    if (!ask.waiting.is_answered) {
        proxy_ask_free(&ask);
        return proxy_unanswered(self, status, what, why);
    }
    cell_get_fault(&ask.waiting.frame, &fault);
    proxy_ask_free(&ask);
    if (status != JF_OK)
        cell_fault(why, status < 0 ? status : JF_E_FAULT, fault.flags, fault.retry_ms, "%.*s",
                   (int)fault.text_len, fault.text);
    return status <= 0 ? status : JF_E_FAULT;
}

static int32_t start(jf_self *self, jf_fault *why) {
    proxy_adopt_lane(self);
    int32_t status = ask_plainly(self, CELL_START, "start", why);
    if (status == JF_E_GONE && self->state != JF_CELL_UP) {
        /* It ended here. Its first start is the host's business, so there is no restart. */
        self->is_stopping = true;
        return cell_fault(why, JF_E_GONE, 0, 0, "plugin %s ended while it started", self->kind->spawn.name);
    }
    self->is_started = status == JF_OK;
    return status;
}

static void drain(jf_self *self, uint64_t deadline_ns) {
    proxy_adopt_lane(self);
    cell_writer *out = proxy_begin(self, CELL_DRAIN, 0, deadline_ns, 0);
    if (out != NULL) proxy_send(self, out);
}

static void stop(jf_self *self) {
    proxy_adopt_lane(self);
    if (self->is_stopping) return;
    self->is_stopping = true;
    /* One that is just starting again has nothing open and nothing to say. */
    if (self->state == JF_CELL_STARTING) proxy_lost(self, "it was stopped");
    /* From here on, what was put aside and what comes is handled at once: afterwards the host is not called.
     */
    while (self->deferred != NULL && self->state == JF_CELL_UP && !self->is_paused) {
        uint64_t epoch = self->epoch;
        proxy_pump(self);
        if (self->epoch != epoch) break;
    }
    if (self->state <= JF_CELL_UP) ask_plainly(self, CELL_STOP, "stop", NULL);
    if (self->heartbeat != 0) self->loop.cancel(self->loop.context, self->heartbeat);
    if (self->restart_timer != 0) self->loop.cancel(self->loop.context, self->restart_timer);
    self->heartbeat = self->restart_timer = 0;
}

static void destroy(jf_self *self) {
    jf_fault fault = {.size = sizeof fault};
    cell_map_entry entry;
    uint32_t at = 0;
    proxy_adopt_lane(self);
    self->is_stopping = true;
    if (self->state == JF_CELL_STARTING) proxy_lost(self, "it was stopped");
    /* No frame of it reaches the host any more, but for what `destroy` itself may say. */
    if (self->state <= JF_CELL_UP && ask_plainly(self, CELL_DESTROY, "destroy", NULL) == JF_E_TIMEOUT)
        proxy_kill(self);
    cell_fault(&fault, JF_E_GONE, JF_FAULT_PUBLIC, 0, "plugin %s was stopped", self->kind->spawn.name);
    while (JF_HAS(&self->ops, finish) && cell_map_next(&self->operations, &at, &entry)) {
        jf_blob nothing = {0};
        self->ops.finish(self->ops.context, entry.key, JF_E_GONE, &nothing, &fault);
    }
    pthread_mutex_lock(&self->lock);
    self->state = JF_CELL_STOPPED;
    self->epoch++;
    pthread_mutex_unlock(&self->lock);
    dispose(self);
}

static const void *facet(jf_self *self, const char *id) {
    const struct {
        const char *id;
        const void *table;
        uint32_t size;
    } facets[] = {{JF_TOOLSET_1, &self->toolset, self->toolset.size},
                  {JF_ROUTING_1, &self->routing, self->routing.size},
                  {JF_CONNECTOR_1, &self->connector, self->connector.size},
                  {JF_LISTENER_1, &self->listener, self->listener.size},
                  {JF_SEAL_1, &self->offered_seal, self->offered_seal.size},
                  {JF_AUTH_1, &self->auth, self->auth.size},
                  {JF_CREDENTIALS_1, &self->source, self->source.size},
                  {JF_POLICY_1, &self->policy, self->policy.size},
                  {JF_FILTER_1, &self->filter, self->filter.size},
                  {JF_STORE_1, &self->store, self->store.size}};
    for (size_t i = 0; i < sizeof facets / sizeof facets[0]; i++)
        if (facets[i].size != 0 && strcmp(facets[i].id, id) == 0) return facets[i].table;
    return NULL;
}

const jf_plugin proxy_plugin_table = {.size = sizeof(jf_plugin),
                                      .minor = JF_ABI_MINOR,
                                      .destroy = destroy,
                                      .facet = facet,
                                      .start = start,
                                      .drain = drain,
                                      .stop = stop};

void jf_cell_state_of(const jf_self *given, jf_cell_state *state) {
    jf_self *self = (jf_self *)(uintptr_t)given; /* for its lock */
    jf_cell_state own = {.size = sizeof own};
    pthread_mutex_lock(&self->lock);
    own.state = self->state;
    own.pid = self->pid > 0 ? self->pid : 0;
    own.restarts = self->restarts;
    own.ends = self->ends;
    uint64_t now = cell_clock();
    if (self->state == JF_CELL_WAITING && self->restart_at_ns > now)
        own.restart_ms = (uint32_t)((self->restart_at_ns - now) / MS) + 1;
    own.operations = self->operations.count;
    own.frames_out = self->link.frames_out;
    own.bytes_out = self->link.bytes_out;
    own.frames_in = self->frames_in;
    own.bytes_in = self->bytes_in;
    own.throttled = self->throttled;
    own.late_picks = self->late_picks;
    own.memory = self->memory;
    own.heartbeat_ns = self->heartbeat_ns;
    memcpy(own.reason, self->reason, sizeof own.reason);
    pthread_mutex_unlock(&self->lock);
    uint32_t declared = state->size;
    memcpy(state, &own, declared < sizeof own ? declared : sizeof own);
    state->size = declared;
}
