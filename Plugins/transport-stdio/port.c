/* SPDX-License-Identifier: Apache-2.0
 * The host's channel: finds the child that a message is for, bounds what each has, and keeps the accounts.
 */
#include "port.h"

#include <stdio.h>
#include <string.h>

/* A handle holds the place in the table, from 1, in its low half and a generation in its high half. */

port *port_find(const jf_self *self, jf_ref handle) {
    uint32_t place = (uint32_t)handle;
    if (place == 0 || place > self->port_count) return NULL;
    return self->ports[place - 1] != NULL && self->ports[place - 1]->handle == handle ? self->ports[place - 1]
                                                                                      : NULL;
}

static bool enter(jf_self *self, port *entered) {
    uint32_t place = 0;
    while (place < self->port_count && self->ports[place] != NULL)
        place++;
    if (place == self->port_count) {
        uint32_t count = self->port_count == 0 ? 8 : self->port_count * 2;
        port **ports = allocate(self, count * sizeof *ports);
        if (ports == NULL) return false;
        if (self->port_count > 0) memcpy(ports, self->ports, self->port_count * sizeof *ports);
        release(self, self->ports);
        self->ports = ports;
        self->port_count = count;
    }
    self->ports[place] = entered;
    entered->handle = (jf_ref)++self->generation << 32 | (place + 1);
    return true;
}

static void on_task(void *user) {
    port_life_gone(user);
}

/** FNV-1a, 64 bits. */
static uint64_t hash(uint64_t seed, jf_view text) {
    for (uint64_t at = 0; at < text.len; at++)
        seed = (seed ^ text.ptr[at]) * 1099511628211ull;
    return seed;
}

int32_t port_create(jf_self *self, jf_ref host, jf_view name, jf_view config, port **out, jf_fault *why) {
    port *made = allocate(self, sizeof *made);
    int32_t status;
    if (made == NULL || (made->name = allocate(self, name.len + 1)) == NULL) {
        release(self, made);
        return fault(why, JF_E_BUSY, 0, "no memory for another server");
    }
    made->self = self;
    made->host = host;
    made->ledger.self = self;
    made->task = (deferred){.run = on_task, .user = made};
    made->kind = hash(hash(14695981039346656037ull, name), config);
    copy_utf8(made->name, name.ptr, name.len);
    status = settings_read(self, made->name, config, &made->settings, why);
    if (status != JF_OK) {
        release(self, made->name);
        release(self, made);
        return status;
    }
    made->tracking = made->settings.concurrency != 0 || made->settings.recycle.age_ms != 0 ||
                     made->settings.recycle.idle_ms != 0 || made->settings.recycle.calls != 0 ||
                     made->settings.recycle.memory != 0;
    if (!enter(self, made) || (made->current = channel_create(made, ROLE_CURRENT)) == NULL) {
        if (made->handle != 0) self->ports[(uint32_t)made->handle - 1] = NULL;
        port_destroy(made);
        return fault(why, JF_E_BUSY, 0, "no memory for another server");
    }
    *out = made;
    return JF_OK;
}

void port_destroy(port *self) {
    jf_self *instance = self->self;
    defer_cancel(&self->task);
    cancel_timer(instance, &self->tick);
    cancel_timer(instance, &self->patience);
    ledger_release(&self->ledger);
    greeting_forget(self);
    settings_release(&self->settings);
    release(instance, self->scratch);
    release(instance, self->name);
    release(instance, self);
}

void port_close(port *self, uint64_t deadline_ns) {
    self->closing = true;
    cancel_timer(self->self, &self->tick);
    cancel_timer(self->self, &self->patience);
    for (channel *life = self->lives; life != NULL; life = life->sibling)
        channel_close(life, deadline_ns);
    if (self->lives == NULL) defer(self->self, &self->task);
}

static void drop_entry(void *user, ledger_entry *entry) {
    ledger *from = user;
    /* What stays open for as long as the host likes waits for the next child. */
    if (entry->kind == ENTRY_LISTEN)
        entry->holder = NULL;
    else
        ledger_remove(from, entry);
}

void channel_finish(channel *self) {
    port *owner = self->port;
    channel **at = &owner->lives;
    while (*at != self)
        at = &(*at)->sibling;
    *at = self->sibling;
    if (owner->current == self) owner->current = NULL;
    if (owner->next == self) owner->next = NULL;
    if (owner->spare == self) owner->spare = NULL;
    ledger_each(&owner->ledger, self, drop_entry, &owner->ledger);
    channel_leave(self);
    channel_destroy(self);
    sweep_schedule(owner->self);
    port_life_gone(owner);
}

void port_life_gone(port *self) {
    jf_self *instance = self->self;
    jf_ref host = self->host;
    if (!self->closing || self->lives != NULL) return;
    instance->ports[(uint32_t)self->handle - 1] = NULL;
    port_destroy(self);
    instance->channels.closed(instance->channels.context, host);
}

/* ---- from the host ---- */

/** The whole message in one piece; NULL: no memory. */
static const uint8_t *join(port *self, const jf_message *message, uint64_t *length) {
    uint64_t total = 0, at = 0;
    if (message->body_count == 1) {
        *length = message->body[0].len;
        return message->body[0].ptr;
    }
    for (uint32_t part = 0; part < message->body_count; part++)
        total += message->body[part].len;
    if (total > self->scratch_size) {
        release(self->self, self->scratch);
        self->scratch_size = total + total / 2 + 256;
        if ((self->scratch = allocate(self->self, self->scratch_size)) == NULL) {
            self->scratch_size = 0;
            return NULL;
        }
    }
    for (uint32_t part = 0; part < message->body_count; part++) {
        if (message->body[part].len > 0)
            memcpy(self->scratch + at, message->body[part].ptr, message->body[part].len);
        at += message->body[part].len;
    }
    *length = total;
    return self->scratch;
}

void port_account(port *self, channel *life, const uint8_t *text, uint64_t length, const rpc *parsed) {
    bool listens = rpc_is(parsed->method, "subscriptions/listen");
    ledger_entry *entry = ledger_add(&self->ledger, listens ? ENTRY_LISTEN : ENTRY_CALL, parsed->id, life);
    if (entry == NULL) return;
    if (listens) {
        if ((entry->body = allocate(self->self, length)) == NULL) return;
        memcpy(entry->body, text, length);
        entry->body_length = length;
        return;
    }
    entry->own_length = !(rpc_is(parsed->method, "initialize") || rpc_is(parsed->method, "server/discover") ||
                          rpc_is(parsed->method, "ping"));
    life->open++;
    life->busy += entry->own_length;
    if (entry->own_length) self->active_ns = monotonic_ns(self->self);
}

/** Takes a call off its child's account. */
static void settle(port *self, ledger_entry *entry) {
    channel *life = entry->holder;
    if (entry->kind == ENTRY_CALL && life != NULL) {
        life->open--;
        life->busy -= entry->own_length;
        if (entry->own_length) self->active_ns = monotonic_ns(self->self);
    }
    ledger_remove(&self->ledger, entry);
}

static int32_t hold(port *self, const uint8_t *text, uint64_t length, const rpc *parsed, jf_fault *why) {
    if (self->ledger.waiting_count < self->settings.waiting &&
        (self->ledger.waiting_count == 0 || self->ledger.waiting_bytes + length <= self->settings.queue) &&
        ledger_hold(&self->ledger, parsed->id, (jf_view){text, length}))
        return JF_OK;
    self->full = true;
    return fault(why, JF_E_BUSY, JF_FAULT_NOT_STARTED,
                 "server %s is busy: it has %u requests at a time (\"concurrency\"), and %u wait "
                 "(\"waiting\", \"queue\")",
                 self->name, self->current != NULL ? self->current->busy : 0, self->ledger.waiting_count);
}

static int32_t send_request(port *self, const jf_message *message, const uint8_t *text, uint64_t length,
                            const rpc *parsed, jf_fault *why) {
    channel *life = self->current;
    bool is_word = rpc_is(parsed->method, "initialize") || rpc_is(parsed->method, "server/discover") ||
                   rpc_is(parsed->method, "ping") || rpc_is(parsed->method, "subscriptions/listen");
    int32_t status;
    if (self->asleep) {
        if ((status = hold(self, text, length, parsed, why)) == JF_OK && self->next == NULL)
            (void)handover_begin(self, NULL);
        return status;
    }
    if (!is_word && self->settings.concurrency != 0 && life->state == CHANNEL_UP && !life->closing &&
        (life->busy >= self->settings.concurrency || self->ledger.waiting_count > 0))
        return hold(self, text, length, parsed, why);
    if ((status = channel_send(life, message, why)) != JF_OK) return status;
    greeting_note(self, text, length, parsed);
    port_account(self, life, text, length, parsed);
    return JF_OK;
}

/** A cancellation goes where its request went; one that waits has gone nowhere. */
static int32_t send_cancellation(port *self, const jf_message *message, jf_view params, jf_fault *why) {
    jf_view id = rpc_member(params, "requestId");
    ledger_entry *entry = ledger_find(&self->ledger, ENTRY_CALL, id);
    channel *life = entry != NULL ? entry->holder : self->current;
    int32_t status = JF_OK;
    if (ledger_drop(&self->ledger, id)) return JF_OK;
    if (life != NULL) status = channel_send(life, message, why);
    if (entry != NULL) {
        settle(self, entry);
        if (life != NULL) leaving_check(life);
        port_pump(self);
    }
    return status;
}

/** An answer of the host goes to the child that asked. */
static int32_t send_answer(port *self, const jf_message *message, const uint8_t *text, uint64_t length,
                           jf_view id, jf_fault *why) {
    ledger_entry *entry = ledger_find(&self->ledger, ENTRY_ASKED, id);
    channel *life = entry != NULL ? entry->holder : self->current;
    jf_view own = {0};
    int32_t status = JF_OK;
    if (entry != NULL) own = (jf_view){entry->own, entry->own_length};
    if (life == NULL) return JF_OK;
    if (entry == NULL || same_view(own, id)) {
        status = channel_send(life, message, why);
    } else {
        uint64_t made_length;
        uint8_t *made = rpc_replace(self->self, text, length, id, own, &made_length);
        if (made != NULL) (void)channel_say(life, made, made_length);
        release(self->self, made);
    }
    if (entry != NULL && status != JF_E_BUSY) ledger_remove(&self->ledger, entry);
    return status;
}

int32_t port_send(port *self, const jf_message *message, jf_fault *why) {
    const uint8_t *text;
    uint64_t length = 0;
    rpc parsed;
    if (!self->tracking || self->closing || message->body == NULL || message->body_count == 0) {
        if (self->current != NULL) return channel_send(self->current, message, why);
        return fault(why, JF_E_GONE, JF_FAULT_NOT_STARTED, "server %s is not running", self->name);
    }
    if ((text = join(self, message, &length)) == NULL)
        return fault(why, JF_E_BUSY, JF_FAULT_NOT_STARTED, "server %s: no memory for a message", self->name);
    rpc_scan(text, length, RPC_HEAD, &parsed);
    if (parsed.method.ptr != NULL && parsed.id.ptr != NULL)
        return send_request(self, message, text, length, &parsed, why);
    if (parsed.method.ptr == NULL && parsed.id.ptr != NULL)
        return send_answer(self, message, text, length, parsed.id, why);
    if (rpc_is(parsed.method, "notifications/cancelled")) {
        rpc_scan(text, length, RPC_PARAMS, &parsed);
        return send_cancellation(self, message, parsed.params, why);
    }
    /* A server that sleeps has nothing that a notification could be about. */
    if (self->current == NULL) return JF_OK;
    greeting_note(self, text, length, &parsed);
    return channel_send(self->current, message, why);
}

void port_pump(port *self) {
    channel *life = self->current;
    while (life != NULL && life->state == CHANNEL_UP && !life->closing && self->ledger.waiting_count > 0 &&
           (self->settings.concurrency == 0 || life->busy < self->settings.concurrency)) {
        waiting *first = ledger_next(&self->ledger);
        rpc parsed;
        rpc_scan(first->body, first->length, RPC_HEAD, &parsed);
        if (channel_say(life, first->body, first->length)) {
            greeting_note(self, first->body, first->length, &parsed);
            port_account(self, life, first->body, first->length, &parsed);
        }
        release(self->self, first);
    }
    if (self->full && self->ledger.waiting_count <= self->settings.waiting / 2) {
        self->full = false;
        self->self->channels.writable(self->self->channels.context, self->host);
    }
}

/* ---- from its lives ---- */

static void deliver(port *self, const uint8_t *text, uint64_t length) {
    jf_view body = {text, length};
    jf_message message = {.size = sizeof message, .flags = JF_MSG_PADDED, .body = &body, .body_count = 1};
    (void)self->self->channels.deliver(self->self->channels.context, self->host, &message);
}

/** A question of a server; two children may use the same id. */
static void deliver_question(channel *life, const uint8_t *line, uint64_t length, jf_view id) {
    port *self = life->port;
    char alias[40];
    jf_view shown = id;
    ledger_entry *entry;
    uint8_t *made = NULL;
    uint64_t made_length = length;
    if (ledger_find(&self->ledger, ENTRY_ASKED, id) != NULL) {
        int size = snprintf(alias, sizeof alias, "\"jf-asked-%u\"", ++self->self->marked);
        shown = (jf_view){(const uint8_t *)alias, (uint64_t)size};
        if ((made = rpc_replace(self->self, line, length, id, shown, &made_length)) == NULL) return;
    }
    if (id.len <= LEDGER_TOKEN && (entry = ledger_add(&self->ledger, ENTRY_ASKED, shown, life)) != NULL) {
        memcpy(entry->own, id.ptr, id.len);
        entry->own_length = (uint32_t)id.len;
    }
    deliver(self, made != NULL ? made : line, made_length);
    release(self->self, made);
}

/** An answer: true when the host should have it. */
static bool take_answer(channel *life, const uint8_t *line, uint64_t length, const rpc *parsed) {
    port *self = life->port;
    ledger_entry *entry = ledger_find(&self->ledger, ENTRY_CALL, parsed->id);
    bool counted;
    if (entry == NULL) return true;
    /* The old child ends a subscription that the new one goes on with. */
    if (entry->holder != life) return false;
    greeting_answered(self, line, length, parsed);
    counted = entry->kind == ENTRY_CALL && entry->own_length != 0;
    settle(self, entry);
    if (counted) life->calls++;
    return true;
}

bool port_line(channel *life, const uint8_t *line, uint64_t length) {
    port *self = life->port;
    rpc parsed;
    if (!self->tracking) {
        /* What a spare says before it was said anything is for nobody. */
        if (life->role == ROLE_CURRENT) deliver(self, line, length);
        return !life->closing;
    }
    rpc_scan(line, length, RPC_HEAD, &parsed);
    if (life->role == ROLE_SPARE || life->role == ROLE_NEXT) {
        if (life->role == ROLE_NEXT && parsed.id.ptr != NULL && parsed.method.ptr == NULL)
            handover_answered(self, line, length, &parsed);
        return !life->closing;
    }
    if (parsed.id.ptr == NULL) {
        deliver(self, line, length);
    } else if (parsed.method.ptr != NULL) {
        deliver_question(life, line, length, parsed.id);
    } else if (parsed.id.len > 3 && memcmp(parsed.id.ptr, "\"jf-", 4) == 0) {
        return !life->closing; /* to something that we said again */
    } else if (take_answer(life, line, length, &parsed)) {
        deliver(self, line, length);
        if (self->closing) return false;
        leaving_check(life);
        port_pump(self);
        if (life == self->current && self->settings.recycle.calls != 0 &&
            life->calls >= self->settings.recycle.calls)
            (void)handover_begin(self, "it has answered as many calls as recycle.calls says");
    }
    return !life->closing;
}

void port_up(channel *life) {
    port *self = life->port;
    if (life->role == ROLE_NEXT) handover_greet(self);
    if (life->role != ROLE_CURRENT || self->closing) return;
    self->active_ns = monotonic_ns(self->self);
    upkeep_schedule(self);
    self->self->channels.ready(self->self->channels.context, self->host,
                               JF_CHANNEL_SHARED | JF_CHANNEL_LOCAL);
}

void port_writable(channel *life) {
    port *self = life->port;
    if (life->role == ROLE_CURRENT) self->self->channels.writable(self->self->channels.context, self->host);
}

bool port_promote(channel *life) {
    port *self = life->port;
    if (life != self->next || self->current != NULL || self->closing) return false;
    cancel_timer(self->self, &self->patience);
    self->next = NULL;
    self->current = life;
    self->asleep = false;
    life->role = ROLE_CURRENT;
    return true;
}

static void unlist(void *user, ledger_entry *entry) {
    (void)user;
    if (entry->holder != NULL && entry->kind == ENTRY_CALL) entry->holder->open = entry->holder->busy = 0;
}

void port_current_down(port *self) {
    /* The host ends every call of the channel, and begins with a handshake. */
    ledger_each(&self->ledger, NULL, unlist, NULL);
    ledger_clear(&self->ledger);
    greeting_forget(self);
    self->full = false;
    if (self->next != NULL) channel_close(self->next, 0);
    for (channel *life = self->lives; life != NULL; life = life->sibling)
        if (life->role == ROLE_LEAVING) channel_close(life, 0);
}
