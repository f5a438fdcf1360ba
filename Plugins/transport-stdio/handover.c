/* SPDX-License-Identifier: Apache-2.0
 * A fresh child takes the place of the current one without a call lost: it is said the first words of the
 * session that the host said to the old one (MCP 2025-11-25, lifecycle; 2026-07-28, discovery), and once it
 * has answered, new requests go to it. The old one answers what it has.
 */
#include "port.h"

#include <stdio.h>
#include <string.h>

/** Ids of requests that the host knows nothing of. */
static const char first_words[] = "\"jf-first-words\"";
static const char again[] = "\"jf-again\"";

static jf_view view(const char *text) {
    return (jf_view){(const uint8_t *)text, strlen(text)};
}

/* ---- what is kept ---- */

static void forget(port *self, kept *what) {
    release(self->self, what->bytes);
    *what = (kept){0};
}

static void keep(port *self, kept *what, const uint8_t *text, uint64_t length, jf_view id) {
    forget(self, what);
    if ((what->bytes = allocate(self->self, length)) == NULL) return;
    memcpy(what->bytes, text, length);
    what->length = length;
    what->id_at = id.ptr != NULL ? (uint64_t)(id.ptr - text) : 0;
    what->id_length = id.len;
}

static void drop_subscription(port *self, subscription **at) {
    subscription *gone = *at;
    *at = gone->next;
    forget(self, &gone->request);
    release(self->self, gone);
}

void greeting_forget(port *self) {
    greeting *own = &self->greeting;
    forget(self, &own->initialize);
    forget(self, &own->initialized);
    forget(self, &own->discover);
    forget(self, &own->level);
    while (own->subscriptions != NULL)
        drop_subscription(self, &own->subscriptions);
    *own = (greeting){0};
}

static void note_subscription(port *self, const uint8_t *text, uint64_t length, bool wanted) {
    rpc parsed;
    jf_view uri;
    subscription *made;
    rpc_scan(text, length, RPC_PARAMS, &parsed);
    uri = rpc_member(parsed.params, "uri");
    for (subscription **at = &self->greeting.subscriptions; *at != NULL;) {
        jf_view known = {(*at)->request.bytes + (*at)->uri_at, (*at)->uri_length};
        if (same_view(known, uri))
            drop_subscription(self, at);
        else
            at = &(*at)->next;
    }
    if (!wanted || uri.ptr == NULL || (made = allocate(self->self, sizeof *made)) == NULL) return;
    keep(self, &made->request, text, length, parsed.id);
    if (made->request.bytes == NULL) {
        release(self->self, made);
        return;
    }
    made->uri_at = (uint64_t)(uri.ptr - text);
    made->uri_length = uri.len;
    made->next = self->greeting.subscriptions;
    self->greeting.subscriptions = made;
}

void greeting_note(port *self, const uint8_t *text, uint64_t length, const rpc *parsed) {
    greeting *own = &self->greeting;
    if (rpc_is(parsed->method, "initialize")) {
        greeting_forget(self);
        keep(self, &own->initialize, text, length, parsed->id);
    } else if (rpc_is(parsed->method, "server/discover")) {
        own->discovered = false;
        keep(self, &own->discover, text, length, parsed->id);
    } else if (rpc_is(parsed->method, "notifications/initialized")) {
        keep(self, &own->initialized, text, length, (jf_view){0});
    } else if (rpc_is(parsed->method, "logging/setLevel")) {
        keep(self, &own->level, text, length, parsed->id);
    } else if (rpc_is(parsed->method, "resources/subscribe")) {
        note_subscription(self, text, length, true);
    } else if (rpc_is(parsed->method, "resources/unsubscribe")) {
        note_subscription(self, text, length, false);
    }
}

static bool answers(const kept *what, jf_view id) {
    return what->bytes != NULL && same_view(id, (jf_view){what->bytes + what->id_at, what->id_length});
}

static uint64_t hash_result(const uint8_t *line, uint64_t length) {
    jf_view result = rpc_member((jf_view){line, length}, "result");
    uint64_t hash = 14695981039346656037ull;
    for (uint64_t at = 0; at < result.len; at++)
        hash = (hash ^ result.ptr[at]) * 1099511628211ull;
    return hash;
}

void greeting_answered(port *self, const uint8_t *line, uint64_t length, const rpc *parsed) {
    greeting *own = &self->greeting;
    if (parsed->result.ptr == NULL) return;
    if (answers(&own->initialize, parsed->id))
        own->greeted = true;
    else if (answers(&own->discover, parsed->id))
        own->discovered = true;
    else
        return;
    own->answer = hash_result(line, length);
}

static void look_for_resources(void *user, ledger_entry *entry) {
    jf_view body = {entry->body, entry->body_length}, list;
    bool *listens = user;
    if (entry->kind != ENTRY_LISTEN || entry->body == NULL) return;
    list = rpc_member(rpc_member(rpc_member(body, "params"), "notifications"), "resourceSubscriptions");
    *listens = *listens || (list.len > 2 && list.ptr[0] == '[');
}

bool port_listens(port *self) {
    bool listens = self->greeting.subscriptions != NULL;
    ledger_each(&self->ledger, NULL, look_for_resources, &listens);
    return listens;
}

/* ---- saying it again ---- */

static bool say_kept(port *self, channel *life, const kept *what, const char *id) {
    uint64_t length;
    uint8_t *made;
    bool said;
    if (what->bytes == NULL) return true;
    if (what->id_length == 0) return channel_say(life, what->bytes, what->length);
    made = rpc_replace(self->self, what->bytes, what->length,
                       (jf_view){what->bytes + what->id_at, what->id_length}, view(id), &length);
    said = made != NULL && channel_say(life, made, length);
    release(self->self, made);
    return said;
}

static void move_listen(void *user, ledger_entry *entry) {
    channel *to = user;
    if (entry->kind != ENTRY_LISTEN || entry->holder == to || entry->body == NULL) return;
    entry->holder = to;
    (void)channel_say(to, entry->body, entry->body_length);
}

/* ---- taking over ---- */

static void tell_lists_changed(port *self) {
    static const char *const kinds[] = {"tools", "resources", "prompts"};
    say(self->self, JF_LOG_WARNING, self->name, self->current->child.pid,
        "server %s: its new process introduces itself differently; its lists are read again", self->name);
    for (size_t at = 0; at < sizeof kinds / sizeof *kinds && !self->closing; at++) {
        uint8_t text[160] = {0};
        int size = snprintf((char *)text, 96,
                            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/%s/list_changed\"}", kinds[at]);
        jf_view body = {text, (uint64_t)size};
        jf_message message = {.size = sizeof message, .flags = JF_MSG_PADDED, .body = &body, .body_count = 1};
        (void)self->self->channels.deliver(self->self->channels.context, self->host, &message);
    }
}

static void take_over(port *self, bool is_other) {
    channel *old = self->current, *new = self->next;
    cancel_timer(self->self, &self->patience);
    self->next = NULL;
    self->current = new;
    self->asleep = false;
    self->refused = 0;
    new->role = ROLE_CURRENT;
    if (old != NULL) {
        self->account.replaced++;
        old->role = ROLE_LEAVING;
        old->drain_ns = monotonic_ns(self->self) + self->settings.recycle.drain_ms * MS_NS;
        say(self->self, JF_LOG_INFO, self->name, new->child.pid,
            "server %s: process %d takes over from %d, which has %u calls left", self->name,
            (int)new->child.pid, (int)old->child.pid, old->open);
    }
    ledger_each(&self->ledger, NULL, move_listen, new);
    port_pump(self);
    upkeep_schedule(self);
    if (old != NULL) leaving_check(old);
    if (is_other) tell_lists_changed(self);
}

/** The next child did not do. Without a current one the host hears of it, as of any child that fails. */
static void refuse(port *self, const char *why) {
    channel *life = self->next;
    if (self->current == NULL) {
        channel_condemn(life, "%s", why);
        return;
    }
    say(self->self, JF_LOG_WARNING, self->name, life->child.pid, "server %s: its new process is given up: %s",
        self->name, why);
    self->next = NULL;
    life->role = ROLE_LEAVING;
    channel_close(life, 0);
    cancel_timer(self->self, &self->patience);
    if (self->refused < 6) self->refused++;
    self->retry_ns = monotonic_ns(self->self) +
                     ((uint64_t)self->settings.initial_ms << self->refused) * MS_NS +
                     self->settings.sample_ms * MS_NS;
}

static void on_patience(void *user) {
    port *self = user;
    self->patience = 0;
    if (self->next != NULL) refuse(self, "it did not answer the first words within start_ms");
}

bool handover_begin(port *self, const char *reason) {
    const greeting *known = &self->greeting;
    jf_loop_1 *loop = &self->self->loop;
    bool greeted = known->greeted || known->discovered;
    if (self->next != NULL || self->closing) return false;
    if ((known->initialize.bytes != NULL || known->discover.bytes != NULL) && !greeted) return false;
    if (self->current != NULL && (self->current->state != CHANNEL_UP || self->current->closing ||
                                  monotonic_ns(self->self) < self->retry_ns))
        return false;
    self->next = spare_take(self, ROLE_NEXT);
    if (self->next != NULL)
        self->next->started_ns = monotonic_ns(self->self);
    else if ((self->next = channel_create(self, ROLE_NEXT)) == NULL)
        return false;
    if (reason != NULL)
        say(self->self, JF_LOG_INFO, self->name, self->current != NULL ? self->current->child.pid : 0,
            "server %s: a new process is started: %s", self->name, reason);
    self->greeting_next = false;
    if (loop->timer(loop->context, self->settings.start_ms * MS_NS, on_patience, self, &self->patience) <
        JF_OK)
        self->patience = 0;
    if (self->next->state == CHANNEL_UP) handover_greet(self);
    return true;
}

void handover_greet(port *self) {
    const greeting *known = &self->greeting;
    self->greeting_next = true;
    if (known->greeted)
        (void)say_kept(self, self->next, &known->initialize, first_words);
    else if (known->discovered)
        (void)say_kept(self, self->next, &known->discover, first_words);
    else
        take_over(self, false);
}

void handover_answered(port *self, const uint8_t *line, uint64_t length, const rpc *parsed) {
    const greeting *known = &self->greeting;
    uint64_t answer;
    if (!self->greeting_next || !same_view(parsed->id, view(first_words))) return;
    self->greeting_next = false;
    if (parsed->result.ptr == NULL) {
        refuse(self, "it answered the first words with an error");
        return;
    }
    if (known->greeted) {
        (void)say_kept(self, self->next, &known->initialized, again);
        (void)say_kept(self, self->next, &known->level, again);
        for (const subscription *each = known->subscriptions; each != NULL; each = each->next)
            (void)say_kept(self, self->next, &each->request, again);
    }
    answer = hash_result(line, length);
    if (answer == known->answer) {
        take_over(self, false);
        return;
    }
    self->greeting.answer = answer;
    take_over(self, true);
}

/* ---- leaving ---- */

typedef struct parting {
    port *self;
    const char *why;
} parting;

static void answer_lost(void *user, ledger_entry *entry) {
    const parting *what = user;
    port *self = what->self;
    uint8_t text[512] = {0};
    jf_view body = {text, 0};
    jf_message message = {.size = sizeof message, .flags = JF_MSG_PADDED, .body = &body, .body_count = 1};
    int size;
    if (entry->kind != ENTRY_CALL) return;
    size = snprintf(
        (char *)text, sizeof text - 64,
        "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"error\":{\"code\":-32603,\"message\":\"the call was lost: %s\"}}",
        (int)entry->length, (const char *)entry->token, what->why);
    body.len = (uint64_t)size;
    ledger_remove(&self->ledger, entry);
    if (!self->closing)
        (void)self->self->channels.deliver(self->self->channels.context, self->host, &message);
}

void leaving_end(channel *life, const char *why) {
    parting what = {life->port, why};
    life->open = life->busy = 0;
    ledger_each(&life->port->ledger, life, answer_lost, &what);
    channel_close(life, 0);
}

void leaving_check(channel *life) {
    if (life->role == ROLE_LEAVING && life->open == 0 && !life->closing) channel_close(life, 0);
}

void port_other_down(channel *life, const jf_fault *why) {
    port *self = life->port;
    say(self->self, JF_LOG_WARNING, self->name, life->child.pid, "%.*s (%s)", (int)why->text_len, why->text,
        life->role == ROLE_SPARE  ? "it stood by"
        : life->role == ROLE_NEXT ? "it was to take over"
                                  : "it was being replaced");
    errlog_tell(&life->err);
    if (life == self->spare) {
        self->spare = NULL;
        self->spare_ns = monotonic_ns(self->self) + self->settings.max_ms * MS_NS;
    } else if (life == self->next) {
        self->next = NULL;
        cancel_timer(self->self, &self->patience);
        if (self->refused < 6) self->refused++;
        self->retry_ns =
            monotonic_ns(self->self) + ((uint64_t)self->settings.initial_ms << self->refused) * MS_NS;
    } else {
        leaving_end(life, "the process that had it ended while it was being replaced");
    }
}
