/* SPDX-License-Identifier: Apache-2.0
 * Proxy: what happens when a cell ends, restarts with growing pauses, the breaker, heartbeats. */
#define _GNU_SOURCE
#include "proxy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000ull

void proxy_log(jf_self *self, uint32_t level, const char *format, ...) {
    char text[512];
    if (!JF_HAS(&self->log, write)) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    jf_pair field = {cell_text("cell"), cell_text(self->kind->spawn.name)};
    self->log.write(self->log.context, level, cell_text(text), &field, 1);
}

static uint32_t pause_left(jf_self *self) {
    uint64_t now = cell_clock();
    return self->restart_at_ns > now ? (uint32_t)((self->restart_at_ns - now) / MS) + 1 : 1;
}

int32_t proxy_refuse(jf_self *self, jf_fault *why) {
    const char *name = self->kind->spawn.name;
    const uint32_t flags = JF_FAULT_PUBLIC | JF_FAULT_NOT_STARTED;
    pthread_mutex_lock(&self->lock);
    uint32_t state = self->state, left = pause_left(self);
    pthread_mutex_unlock(&self->lock);
    if (state == JF_CELL_QUARANTINED)
        return cell_fault(
            why, JF_E_GONE, flags, 0,
            "plugin %s is in quarantine because it ended %u times within %u s; the operator can lift "
            "that with 'jackfield plugin restart %s'",
            name, self->kind->spawn.limits.crashes, self->kind->spawn.limits.crash_window_s, name);
    if (state == JF_CELL_STOPPED) return cell_fault(why, JF_E_GONE, flags, 0, "plugin %s is stopped", name);
    return cell_fault(why, JF_E_GONE, flags, left,
                      "plugin %s ended unexpectedly and is being started again: try again in %u ms", name,
                      left);
}

int32_t proxy_unanswered(jf_self *self, int32_t status, const char *what, jf_fault *why) {
    if (status == JF_E_TIMEOUT)
        return cell_fault(why, JF_E_TIMEOUT, 0, 0, "plugin %s did not answer '%s' in its cell in time",
                          self->kind->spawn.name, what);
    if (status == JF_E_GONE && self->state != JF_CELL_UP) return proxy_refuse(self, why);
    return cell_fault(why, status, 0, 0, "plugin %s: '%s' could not be sent to its cell",
                      self->kind->spawn.name, what);
}

/* ---- The end of a process ---- */

void proxy_end_all(jf_self *self, const char *text, uint32_t retry_ms) {
    cell_map operations, clients;
    cell_map_entry entry;
    jf_fault fault = {.size = sizeof fault};
    uint32_t at = 0;
    pthread_mutex_lock(&self->lock);
    operations = self->operations;
    self->operations = (cell_map){0};
    clients = self->clients;
    self->clients = (cell_map){0};
    cell_map_clear(&self->cell_clients);
    cell_map_clear(&self->exchanges);
    cell_map_clear(&self->answering);
    cell_map_clear(&self->slow);
    cell_map_clear(&self->call_map);
    self->owes_writable = false;
    free(self->full);
    self->full = NULL;
    self->full_count = 0;
    pthread_mutex_unlock(&self->lock);

    cell_fault(&fault, JF_E_GONE, JF_FAULT_PUBLIC, retry_ms, "plugin %s ended during this: %s",
               self->kind->spawn.name, text);
    while (JF_HAS(&self->ops, finish) && cell_map_next(&operations, &at, &entry)) {
        jf_blob nothing = {0};
        self->ops.finish(self->ops.context, entry.key, JF_E_GONE, &nothing, &fault);
    }
    cell_map_clear(&operations);
    proxy_end_states(self);
    for (proxy_call *call = self->call_list; call != NULL; call = call->next)
        if (call->epoch != self->epoch && call->host != 0 && JF_HAS(&self->calls, cancel))
            self->calls.cancel(self->calls.context, call->host);
    at = 0;
    while (JF_HAS(&self->inbound, closed) && cell_map_next(&clients, &at, &entry))
        self->inbound.closed(self->inbound.context, entry.value);
    cell_map_clear(&clients);
    /* A callee may close channels, so each step begins anew. */
    for (proxy_object *object = self->objects; object != NULL; object = object->next) {
        object->owes_writable = object->is_slow = object->asks_usage = object->asks_description = false;
        object->used = JF_ABSENT;
    }
    for (;;) {
        proxy_object *object = self->objects;
        while (object != NULL && !(object->kind == PROXY_CHANNEL && (object->is_open || object->is_closing)))
            object = object->next;
        if (object == NULL || !JF_HAS(&self->channels, failed)) break;
        jf_ref host = object->host;
        object->is_open = false;
        if (object->is_closing) {
            proxy_object_free(self, object);
            self->channels.closed(self->channels.context, host);
        } else {
            self->channels.failed(self->channels.context, host, 0, &fault);
        }
    }
    for (proxy_object *object = self->objects, *next; object != NULL; object = next) {
        next = object->next;
        object->is_open = false;
        if (object->kind == PROXY_LISTENER && object->is_closing) proxy_object_free(self, object);
    }
}

static void restart(void *user);

/* Notes an end; true where it was one too many. */
static bool breaks(jf_self *self) {
    const jf_cell_limits *limits = &self->kind->spawn.limits;
    const uint32_t places = sizeof self->ends_ns / sizeof self->ends_ns[0];
    uint64_t now = cell_clock(), window = limits->crash_window_s * 1000ull * MS;
    uint32_t most = limits->crashes < places ? limits->crashes : places;
    self->ends_ns[self->ends % places] = now;
    self->ends++;
    return self->ends - self->forgiven >= most && now - self->ends_ns[(self->ends - most) % places] <= window;
}

static void set_state(jf_self *self, uint32_t state) {
    pthread_mutex_lock(&self->lock);
    self->state = state;
    pthread_mutex_unlock(&self->lock);
}

/* After the process was reaped: tells everybody, plans the restart. */
static void bury(jf_self *self, const char *how) {
    const jf_cell_limits *limits = &self->kind->spawn.limits;
    char text[256];
    proxy_end_errors(self);
    snprintf(text, sizeof text, "%.200s", self->cause[0] != 0 ? self->cause : how);
    proxy_unwatch(self);
    proxy_close(self);
    proxy_forget_packets(self);
    bool is_broken = breaks(self);
    pthread_mutex_lock(&self->lock);
    if (self->last_words[0] != 0 && self->cause[0] == 0)
        snprintf(self->reason, sizeof self->reason, "%.120s; its last words: %.110s", text, self->last_words);
    else
        snprintf(self->reason, sizeof self->reason, "%s", text);
    uint32_t wait = self->backoff_ms;
    self->restart_at_ns = cell_clock() + wait * MS;
    self->state = is_broken ? JF_CELL_QUARANTINED : JF_CELL_WAITING;
    pthread_mutex_unlock(&self->lock);
    if (is_broken) {
        proxy_log(self, JF_LOG_ERROR,
                  "cell ended: %s; %u ends within %u s: it is in quarantine until a reload or "
                  "'jackfield plugin restart %s'",
                  self->reason, limits->crashes, limits->crash_window_s, self->kind->spawn.name);
    } else {
        proxy_log(self, JF_LOG_ERROR, "cell ended: %s; it starts again in %u ms", self->reason, wait);
        self->backoff_ms = wait >= limits->backoff_most_ms / 2 ? limits->backoff_most_ms : wait * 2;
    }
    self->is_burying = true;
    proxy_end_all(self, text, is_broken ? 0 : wait);
    self->is_burying = false;
    if (is_broken || self->is_stopping || self->state != JF_CELL_WAITING) return;
    if (self->loop.timer(self->loop.context, wait * MS, restart, self, &self->restart_timer) != JF_OK) {
        proxy_log(self, JF_LOG_ERROR, "cell cannot be started again: the loop has no timer");
        set_state(self, JF_CELL_QUARANTINED);
    }
}

void proxy_pid_ready(void *user, uint32_t events) {
    jf_self *self = user;
    char how[128];
    (void)events;
    if (self->state <= JF_CELL_UP) {
        /* What it still said counts, such as a finish right before the end. */
        self->is_paused = false;
        proxy_pump(self);
        if (self->state <= JF_CELL_UP) proxy_lost(self, "%s", "");
    }
    /* While it is stopped, `destroy` sees to the rest. */
    if (!self->is_stopping && self->pid > 0 && proxy_reap(self, 0, how, sizeof how)) bury(self, how);
}

void proxy_lost(jf_self *self, const char *format, ...) {
    if (self->state > JF_CELL_UP) return;
    pthread_mutex_lock(&self->lock);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->cause, sizeof self->cause, format, arguments);
    va_end(arguments);
    self->state = self->is_stopping ? JF_CELL_STOPPED : JF_CELL_WAITING;
    self->restart_at_ns = cell_clock() + self->backoff_ms * MS;
    self->epoch++;
    pthread_mutex_unlock(&self->lock);
    if (self->link_watch != 0) self->loop.unwatch(self->loop.context, self->link_watch);
    self->link_watch = 0;
    if (self->heartbeat != 0) self->loop.cancel(self->loop.context, self->heartbeat);
    self->heartbeat = 0;
    /* Where it is ending by itself already, this does not change how it is seen to end. */
    proxy_kill(self);
}

/* ---- Starts ---- */

int32_t proxy_setup(jf_self *self, bool again, jf_fault *why) {
    const jf_cell_spawn *spawn = &self->kind->spawn;
    const jf_cell_limits *limits = &spawn->limits;
    proxy_ask ask;
    uint32_t lanes = 1, lane = 0;
    if (JF_HAS(&self->loop, index)) lane = self->loop.index(self->loop.context, &lanes);
    uint64_t services = 0;
    const struct {
        uint32_t size;
        uint64_t bit;
    } offered[] = {{self->ops.size, CELL_SERVICE_OPS},
                   {self->toolsets.size, CELL_SERVICE_TOOLSETS},
                   {self->channels.size, CELL_SERVICE_CHANNELS},
                   {self->inbound.size, CELL_SERVICE_INBOUND},
                   {self->calls.size, CELL_SERVICE_CALLS},
                   {self->seal.size, CELL_SERVICE_SEAL},
                   {self->config_service.size, CELL_SERVICE_SECRETS},
                   {self->identity.size, CELL_SERVICE_IDENTITY},
                   {self->connected.size, CELL_SERVICE_CONNECTED},
                   {self->policies.size, CELL_SERVICE_POLICIES},
                   {self->watches.size, CELL_SERVICE_WATCHES},
                   {self->state_service.size, CELL_SERVICE_STATE}};
    for (size_t i = 0; i < sizeof offered / sizeof offered[0]; i++)
        if (offered[i].size != 0) services |= offered[i].bit;
    self->log_levels = 0;
    for (uint32_t level = JF_LOG_TRACE; level <= JF_LOG_ERROR; level++)
        if (!JF_HAS(&self->log, enabled) || self->log.enabled(self->log.context, level) != 0)
            self->log_levels |= 1u << level;
    if (!proxy_ask_begin(self, &ask, CELL_SETUP, 0, CELL_PROTOCOL)) return proxy_refuse(self, why);
    cell_writer *out = ask.out;
    if (again) cell_put_flags(out, CELL_AGAIN);
    self->wants = proxy_wants(self);
    const uint64_t numbers[] = {
        spawn->flags,     spawn->threads, limits->memory, limits->address_space, limits->files,
        limits->workers,  lane,           lanes,          limits->control_ms,    services,
        self->log_levels, limits->queue,  self->wants};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        cell_put_number(out, numbers[i]);
    cell_put_view(out, cell_text(spawn->library));
    cell_put_view(out, cell_text(spawn->name));
    cell_put_view(out, cell_text(spawn->services));
    cell_put_view(out, cell_text(spawn->state_dir));
    const char *const *const lists[] = {spawn->readable, spawn->writable, spawn->beside};
    for (size_t list = 0; list < sizeof lists / sizeof lists[0]; list++) {
        const char *const *paths = lists[list];
        uint64_t count = 0;
        while (paths != NULL && paths[count] != NULL)
            count++;
        cell_put_number(out, count);
        for (uint64_t i = 0; i < count; i++)
            cell_put_view(out, cell_text(paths[i]));
    }
    cell_put_view(out, (jf_view){(const uint8_t *)self->config, self->config_size});
    if (again) {
        /* Nobody waits: the answer comes with CELL_AGAIN. */
        for (size_t i = 0; i < sizeof self->waiting / sizeof self->waiting[0]; i++)
            if (self->waiting[i] == &ask.waiting) self->waiting[i] = NULL;
        return proxy_send(self, out);
    }
    int32_t status = proxy_ask_end(self, &ask, limits->control_ms * MS, 0);
    if (!ask.waiting.is_answered) {
        proxy_ask_free(&ask);
        if (status == JF_E_TIMEOUT)
            cell_fault(why, status, 0, 0, "plugin %s was not ready in its cell within %u ms", spawn->name,
                       limits->control_ms);
        else
            cell_fault(why, status, 0, 0, "plugin %s ended while its cell started", spawn->name);
        return status;
    }
    cell_frame *frame = &ask.waiting.frame;
    jf_fault fault;
    cell_get_fault(frame, &fault);
    uint64_t slots = cell_get_number(frame);
    if (status == JF_OK) {
        self->slots = slots;
    } else {
        cell_fault(why, status, fault.flags, fault.retry_ms, "%.*s", (int)fault.text_len, fault.text);
    }
    if (!cell_frame_done(frame) || status > JF_OK)
        status = cell_fault(why, JF_E_FAULT, 0, 0, "plugin %s: its cell answered nonsense", spawn->name);
    proxy_ask_free(&ask);
    return status;
}

static void restart(void *user) {
    jf_self *self = user;
    jf_fault why = {.size = sizeof why};
    self->restart_timer = 0;
    self->restarts++;
    if (proxy_spawn(self, &why) != JF_OK) {
        proxy_log(self, JF_LOG_ERROR, "%.*s", (int)why.text_len, why.text);
        uint32_t wait = self->backoff_ms, most = self->kind->spawn.limits.backoff_most_ms;
        self->backoff_ms = wait >= most / 2 ? most : wait * 2;
        if (self->loop.timer(self->loop.context, wait * MS, restart, self, &self->restart_timer) != JF_OK)
            set_state(self, JF_CELL_QUARANTINED);
        return;
    }
    if (proxy_watch(self) != JF_OK || proxy_arm_heartbeat(self) != JF_OK)
        proxy_lost(self, "its descriptors cannot be watched");
    else if (proxy_setup(self, true, &why) != JF_OK)
        proxy_lost(self, "its setup could not be sent");
    /* Its end is seen by the watch on it; without one, here. */
    char how[128];
    if (self->pid_watch == 0 && self->state > JF_CELL_UP && proxy_reap(self, 1000, how, sizeof how))
        bury(self, how);
}

/* Everything that was open is opened again, in order, before anything else is sent. */
static void open_again(jf_self *self) {
    cell_writer *out;
    if (self->is_started && (out = proxy_begin(self, CELL_START, 0, 0, 0)) != NULL) {
        cell_put_flags(out, CELL_AGAIN);
        proxy_send(self, out);
    }
    proxy_object *object = self->objects;
    for (; object != NULL; object = object->next) {
        if ((out = proxy_begin(self, proxy_open_type(object->kind), object->id, 0, 0)) == NULL) return;
        cell_put_flags(out, CELL_AGAIN);
        proxy_put_object(out, object);
        if (proxy_send(self, out) != JF_OK) proxy_lost(self, "what was open could not be opened again");
        object->is_open = true;
    }
}

const char *proxy_answered_again(jf_self *self, cell_frame *frame) {
    jf_fault fault;
    int32_t status = frame->head.status;
    if (frame->head.number == CELL_SETUP) {
        cell_get_fault(frame, &fault);
        uint64_t slots = cell_get_number(frame);
        if (!cell_frame_done(frame) || self->state != JF_CELL_STARTING) return "a wrong answer to its setup";
        if (status != JF_OK || slots != self->slots) {
            proxy_lost(self, "it could not be created again: %.*s", (int)fault.text_len, fault.text);
            return NULL;
        }
        set_state(self, JF_CELL_UP);
        open_again(self);
        proxy_log(self, JF_LOG_INFO, "cell runs again");
        return NULL;
    }
    cell_get_fault(frame, &fault);
    jf_blob bound; /* a provider's description; a listener's address, which is the one it had */
    bool enough = cell_take_blob(frame, &bound);
    proxy_object *object = cell_frame_done(frame) ? proxy_object_of(self, frame->head.ref, 0) : NULL;
    if (object != NULL && object->kind == PROXY_AUTH && status == JF_OK && enough && bound.ptr != NULL)
        proxy_described(object, bound);
    else if (bound.drop != NULL)
        bound.drop(bound.owner);
    if (frame->bad != NULL) return frame->bad;
    if (frame->head.number == CELL_START) {
        if (status != JF_OK) proxy_lost(self, "it could not start: %.*s", (int)fault.text_len, fault.text);
        return NULL;
    }
    if (object == NULL) return NULL; /* closed meanwhile */
    if (status != JF_OK) {
        object->is_open = false;
        proxy_log(self, JF_LOG_ERROR, "what was open cannot be opened again: %.*s", (int)fault.text_len,
                  fault.text);
        if (object->kind == PROXY_LISTENER)
            proxy_lost(self, "it cannot listen again: %.*s", (int)fault.text_len, fault.text);
        if (object->kind == PROXY_CHANNEL && JF_HAS(&self->channels, failed))
            self->channels.failed(self->channels.context, object->host, 0, &fault);
        return NULL;
    }
    for (uint32_t kind = JF_TOOLS; object->kind == PROXY_SET && kind <= JF_PROMPTS; kind++)
        if ((object->listed >> kind & 1) != 0 && JF_HAS(&self->toolsets, changed))
            self->toolsets.changed(self->toolsets.context, object->host, kind);
    if (object->kind == PROXY_POLICY && JF_HAS(&self->policies, changed))
        self->policies.changed(self->policies.context, object->id);
    if (object->kind == PROXY_WATCH && JF_HAS(&self->watches, changed))
        self->watches.changed(self->watches.context, object->host, (jf_view){NULL, 0}, 0);
    return NULL;
}

int32_t jf_cell_lift(jf_self *self) {
    /* One whose end is not seen yet is WAITING without a timer; that end starts it again. */
    bool waits = self->state == JF_CELL_WAITING && self->restart_timer != 0;
    if (self->is_stopping || (!waits && self->state != JF_CELL_QUARANTINED)) return JF_ABSENT;
    if (self->restart_timer != 0) self->loop.cancel(self->loop.context, self->restart_timer);
    self->forgiven = self->ends;
    self->backoff_ms = self->kind->spawn.limits.backoff_ms;
    set_state(self, JF_CELL_WAITING);
    restart(self);
    return JF_OK;
}

/* ---- Heartbeats ---- */

static void beat(void *user) {
    jf_self *self = user;
    const jf_cell_limits *limits = &self->kind->spawn.limits;
    uint64_t now = cell_clock();
    self->heartbeat = 0;
    if (self->state > JF_CELL_UP) return;
    if (self->state == JF_CELL_STARTING) {
        if (now - self->started_ns > limits->control_ms * MS) {
            proxy_lost(self, "it was not ready within %u ms", limits->control_ms);
            return;
        }
    } else if (self->ping_ns != 0) {
        if (now - self->ping_ns > limits->hang_ms * MS) {
            proxy_lost(self, "it hangs: its lane gave no sign of life for %u ms", limits->hang_ms);
            return;
        }
    } else {
        self->log_levels = 0;
        for (uint32_t level = JF_LOG_TRACE; level <= JF_LOG_ERROR; level++)
            if (!JF_HAS(&self->log, enabled) || self->log.enabled(self->log.context, level) != 0)
                self->log_levels |= 1u << level;
        proxy_tell_wants(self);
        cell_writer *out = proxy_begin(self, CELL_PING, 0, now, 0);
        if (out != NULL) {
            self->ping_ns = now;
            cell_put_number(out, self->log_levels);
            proxy_send(self, out);
        }
        /* A long quiet time earns short pauses again. */
        if (now - self->started_ns > 60000 * MS) self->backoff_ms = limits->backoff_ms;
    }
    if (proxy_arm_heartbeat(self) != JF_OK) proxy_lost(self, "its heartbeat cannot be timed");
}

int32_t proxy_arm_heartbeat(jf_self *self) {
    const jf_cell_limits *limits = &self->kind->spawn.limits;
    uint32_t every = limits->heartbeat_ms;
    if (self->ping_ns != 0 && every > limits->hang_ms / 4 + 1) every = limits->hang_ms / 4 + 1;
    return self->loop.timer(self->loop.context, every * MS, beat, self, &self->heartbeat);
}
