/* SPDX-License-Identifier: Apache-2.0
 * A small hash table of open requests by id, and the queue of those that wait for a place.
 */
#include "ledger.h"

#include <string.h>

/** FNV-1a over the id. */
static ledger_entry **bucket(ledger *self, jf_view token) {
    uint32_t hash = 2166136261u;
    for (uint64_t at = 0; at < token.len; at++)
        hash = (hash ^ token.ptr[at]) * 16777619u;
    return &self->buckets[(hash ^ hash >> 16) % LEDGER_BUCKETS];
}

ledger_entry *ledger_add(ledger *self, uint32_t kind, jf_view token, channel *holder) {
    ledger_entry *entry = self->spare, **head;
    if (token.len == 0 || token.len > LEDGER_TOKEN) return NULL;
    if (entry != NULL)
        self->spare = entry->next;
    else if ((entry = allocate(self->self, sizeof *entry)) == NULL)
        return NULL;
    head = bucket(self, token);
    entry->kind = kind;
    entry->holder = holder;
    entry->length = (uint32_t)token.len;
    memcpy(entry->token, token.ptr, token.len);
    entry->body = NULL;
    entry->body_length = entry->own_length = 0;
    entry->next = *head;
    *head = entry;
    return entry;
}

ledger_entry *ledger_find(ledger *self, uint32_t kind, jf_view token) {
    if (token.len == 0 || token.len > LEDGER_TOKEN) return NULL;
    for (ledger_entry *entry = *bucket(self, token); entry != NULL; entry = entry->next)
        if ((entry->kind == ENTRY_ASKED) == (kind == ENTRY_ASKED) && entry->length == token.len &&
            memcmp(entry->token, token.ptr, token.len) == 0)
            return entry;
    return NULL;
}

void ledger_remove(ledger *self, ledger_entry *entry) {
    ledger_entry **at = bucket(self, (jf_view){entry->token, entry->length});
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    release(self->self, entry->body);
    entry->body = NULL;
    entry->next = self->spare;
    self->spare = entry;
}

void ledger_each(ledger *self, const channel *holder, void (*take)(void *user, ledger_entry *entry),
                 void *user) {
    for (uint32_t at = 0; at < LEDGER_BUCKETS; at++)
        for (ledger_entry *entry = self->buckets[at], *next; entry != NULL; entry = next) {
            next = entry->next;
            if (holder == NULL || entry->holder == holder) take(user, entry);
        }
}

bool ledger_hold(ledger *self, jf_view token, jf_view body) {
    waiting *made;
    if (token.len > LEDGER_TOKEN) return false;
    if ((made = allocate(self->self, sizeof *made + body.len)) == NULL) return false;
    made->token_length = (uint32_t)token.len;
    memcpy(made->token, token.ptr, token.len);
    made->length = body.len;
    memcpy(made->body, body.ptr, body.len);
    if (self->first == NULL) self->last = &self->first;
    *self->last = made;
    self->last = &made->next;
    self->waiting_count++;
    self->waiting_bytes += body.len;
    return true;
}

static waiting *unlink_waiting(ledger *self, waiting **at) {
    waiting *found = *at;
    *at = found->next;
    if (self->last == &found->next) self->last = at;
    self->waiting_count--;
    self->waiting_bytes -= found->length;
    return found;
}

waiting *ledger_next(ledger *self) {
    return self->first != NULL ? unlink_waiting(self, &self->first) : NULL;
}

bool ledger_drop(ledger *self, jf_view token) {
    for (waiting **at = &self->first; *at != NULL; at = &(*at)->next)
        if (same_view(token, (jf_view){(*at)->token, (*at)->token_length})) {
            release(self->self, unlink_waiting(self, at));
            return true;
        }
    return false;
}

static void remove_entry(void *user, ledger_entry *entry) {
    ledger_remove(user, entry);
}

void ledger_clear(ledger *self) {
    for (waiting *gone; (gone = ledger_next(self)) != NULL;)
        release(self->self, gone);
    ledger_each(self, NULL, remove_entry, self);
}

void ledger_release(ledger *self) {
    ledger_clear(self);
    for (ledger_entry *entry; (entry = self->spare) != NULL;) {
        self->spare = entry->next;
        release(self->self, entry);
    }
}
