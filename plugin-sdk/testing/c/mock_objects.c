/* SPDX-License-Identifier: Apache-2.0
 * Mock host: host objects by handle, and the list of events. */
#include "mock_internal.h"

mock_object *mock_new_object(jf_mock *mock, uint32_t kind) {
    mock_object *object = mock_allocate(sizeof *object);
    mock_lock(mock);
    object->kind = kind;
    object->open = true;
    /* The upper half looks like a generation, so that nobody relies on small numbers. */
    object->ref = (uint64_t)(kind + 16) << 32 | mock->next_ref++;
    mock_push(&mock->objects, object);
    mock_unlock(mock);
    return object;
}

mock_object *mock_object_of(jf_mock *mock, jf_ref ref, uint32_t kind) {
    mock_object *found = NULL;
    mock_lock(mock);
    for (uint32_t i = mock->objects.count; i > 0 && found == NULL; i--) {
        mock_object *object = mock->objects.items[i - 1];
        if (object->ref == ref && object->kind == kind) found = object;
    }
    mock_unlock(mock);
    return found;
}

jf_ref jf_mock_exchange(jf_mock *mock) {
    mock_lock(mock);
    jf_ref ref = (uint64_t)8 << 32 | mock->next_ref++;
    mock_unlock(mock);
    return ref;
}

/* What the instance left open at its end. Channels, sets and clients end with it; operations are owed a
 * finish. */
void mock_objects_check(jf_mock *mock) {
    mock_lock(mock);
    for (uint32_t i = 0; i < mock->objects.count; i++) {
        mock_object *object = mock->objects.items[i];
        if (object->open && object->owed)
            mock_problem(mock, "operation %llx was never finished", (unsigned long long)object->ref);
        object->open = false;
    }
    mock_unlock(mock);
}

/* ---- Events ---- */

jf_mock_event *mock_event(jf_mock *mock, uint32_t type, jf_ref peer, jf_ref exchange) {
    jf_mock_event *event = mock_allocate(sizeof *event);
    event->type = type;
    event->peer = peer;
    event->exchange = exchange;
    event->time_ns = jf_mock_now(mock);
    return event;
}

void mock_event_text(jf_mock *mock, jf_mock_event *event, jf_view text) {
    event->text = mock_keep(mock, text);
    event->length = text.ptr != NULL ? text.len : 0;
}

void mock_event_show(jf_mock *mock, jf_mock_event *event) {
    static const char *const names[] = {"?",
                                        "client opened",
                                        "client message",
                                        "client gone",
                                        "client writable",
                                        "client closed",
                                        "channel ready",
                                        "channel message",
                                        "channel failed",
                                        "channel writable",
                                        "channel closed",
                                        "set changed",
                                        "op finished",
                                        "op progress",
                                        "store changed",
                                        "identity forgotten",
                                        "policy changed",
                                        "connected",
                                        "supply forgotten"};
    mock_lock(mock);
    event->index = mock->events.count;
    mock_push(&mock->events, event);
    mock_unlock(mock);
    if (mock->verbose)
        fprintf(stderr, "jf_mock: %s peer=%llx exchange=%llx status=%d flags=%u%s%s%s%.*s\n",
                names[event->type], (unsigned long long)event->peer, (unsigned long long)event->exchange,
                (int)event->status, event->flags, event->text != NULL ? " " : "",
                event->text != NULL ? event->text : "", event->fault.text_len > 0 ? " why=" : "",
                (int)event->fault.text_len, event->fault.text);
    jf_mock_wake(mock);
}

uint32_t jf_mock_mark(jf_mock *mock) {
    mock_lock(mock);
    uint32_t count = mock->events.count;
    mock_unlock(mock);
    return count;
}

const jf_mock_event *jf_mock_event_at(jf_mock *mock, uint32_t index) {
    mock_lock(mock);
    const jf_mock_event *event = index < mock->events.count ? mock->events.items[index] : NULL;
    mock_unlock(mock);
    return event;
}

static const jf_mock_event *search(jf_mock *mock, uint32_t mark, uint32_t type, jf_ref peer, jf_ref exchange,
                                   uint32_t *count) {
    const jf_mock_event *first = NULL;
    *count = 0;
    mock_lock(mock);
    for (uint32_t i = mark; i < mock->events.count; i++) {
        const jf_mock_event *event = mock->events.items[i];
        if (type != 0 && event->type != type) continue;
        if (peer != 0 && event->peer != peer) continue;
        if (exchange != 0 && event->exchange != exchange) continue;
        if (first == NULL) first = event;
        (*count)++;
    }
    mock_unlock(mock);
    return first;
}

const jf_mock_event *jf_mock_find(jf_mock *mock, uint32_t mark, uint32_t type, jf_ref peer, jf_ref exchange) {
    uint32_t count;
    return search(mock, mark, type, peer, exchange, &count);
}

uint32_t jf_mock_count(jf_mock *mock, uint32_t mark, uint32_t type, jf_ref peer, jf_ref exchange) {
    uint32_t count;
    search(mock, mark, type, peer, exchange, &count);
    return count;
}

typedef struct wanted {
    jf_mock *mock;
    uint32_t count, mark, type;
    jf_ref peer, exchange;
} wanted;

static bool arrived(void *user) {
    const wanted *it = user;
    return jf_mock_count(it->mock, it->mark, it->type, it->peer, it->exchange) >= it->count;
}

bool jf_mock_wait_count(jf_mock *mock, uint32_t count, uint32_t mark, uint32_t type, jf_ref peer,
                        jf_ref exchange, uint32_t timeout_ms) {
    wanted it = {mock, count, mark, type, peer, exchange};
    return jf_mock_run_until(mock, arrived, &it, timeout_ms);
}

const jf_mock_event *jf_mock_wait(jf_mock *mock, uint32_t mark, uint32_t type, jf_ref peer, jf_ref exchange,
                                  uint32_t timeout_ms) {
    jf_mock_wait_count(mock, 1, mark, type, peer, exchange, timeout_ms);
    return jf_mock_find(mock, mark, type, peer, exchange);
}
