/* SPDX-License-Identifier: Apache-2.0
 * Cell: frames of the gateway for filters, whose passages stay readable for as long as they are under way,
 * and for stores. */
#include "cell.h"

#include <stdlib.h>
#include <string.h>

/* ---- What requests leave for later ---- */

/* `memory` is often a pointer. Outside of the process it is a number that no process before this one gave,
 * so that a plugin which was started again is never handed what another one left. */
static uint64_t remember(uint64_t memory) {
    pthread_mutex_lock(&cell_here.lock);
    if (cell_here.next_memory == 0) cell_here.next_memory = cell_clock();
    uint64_t number = cell_here.next_memory++;
    bool kept = cell_map_put(&cell_here.memories, number, memory);
    pthread_mutex_unlock(&cell_here.lock);
    if (!kept) cell_die("jackfield-cell: out of memory");
    return number;
}

/* 0: it was not left here. */
static uint64_t recall(uint64_t number, bool forget) {
    uint64_t memory = 0;
    pthread_mutex_lock(&cell_here.lock);
    bool known = number != 0 && (forget ? cell_map_remove(&cell_here.memories, number, &memory)
                                        : cell_map_get(&cell_here.memories, number, &memory));
    pthread_mutex_unlock(&cell_here.lock);
    return known ? memory : 0;
}

void cell_verdict_out(const cell_passage *passage, jf_verdict *head) {
    head->memory = passage->is_request && head->memory != 0 ? remember(head->memory) : 0;
}

/* ---- Passages ---- */

void cell_passage_free(cell_passage *it) {
    if (it == NULL || --it->refs > 0) return;
    cell_packet_free(it->packet);
    free(it);
}

/* Two references: the slot's, and the operation's. */
static cell_passage *keep(cell_frame *frame, const jf_passage *passage, const jf_principal *principal,
                          const cell_room *room) {
    cell_passage *it = malloc(sizeof *it + room->name_count * sizeof(jf_view));
    if (it == NULL) cell_die("jackfield-cell: out of memory");
    it->refs = 2;
    it->is_request = frame->head.number == 0;
    it->packet = frame->packet;
    it->passage = *passage;
    it->principal = *principal;
    it->passage.principal = &it->principal;
    if (room->name_count > 0) memcpy(it->names, room->names, room->name_count * sizeof(jf_view));
    if (principal->roles != NULL) it->principal.roles = it->names + (principal->roles - room->names);
    if (principal->scopes != NULL) it->principal.scopes = it->names + (principal->scopes - room->names);
    frame->packet->refs++;
    return it;
}

static void on_passage(cell_frame *frame) {
    typedef int32_t (*slot_fn)(jf_self *, jf_ref, jf_ref, const jf_passage *, jf_blob *, jf_fault *);
    const slot_fn slots[] = {cell_here.filter.request, cell_here.filter.result};
    jf_view names[CELL_NAMES_MOST];
    cell_room room = {.names = names, .names_most = CELL_NAMES_MOST};
    jf_passage passage;
    jf_principal principal;
    jf_fault why = {.size = sizeof why};
    jf_blob verdict = {0};
    jf_ref op = frame->head.ref;
    uint64_t id = cell_get_number(frame);
    cell_get_passage(frame, &passage, &principal, &room);
    cell_expect(frame);
    if (frame->head.number > 1) cell_die("jackfield-cell: a passage that is none");
    passage.memory = recall(passage.memory, false);
    cell_object *object = cell_operation_on(op, id, CELL_FILTER_ATTACH, passage.deadline_ns);
    if (object == NULL) return;
    cell_passage *it = keep(frame, &passage, &principal, &room);
    pthread_mutex_lock(&cell_here.lock);
    bool kept = cell_map_put(&cell_here.passages, op, (uint64_t)(uintptr_t)it);
    pthread_mutex_unlock(&cell_here.lock);
    if (!kept) cell_die("jackfield-cell: out of memory");
    int32_t status = JF_E_UNSUPPORTED;
    slot_fn slot = slots[frame->head.number];
    if (slot != NULL) status = slot(cell_here.self, op, object->handle, &it->passage, &verdict, &why);
    cell_operation_answered(op, status, &verdict, &why);
    cell_passage_free(it);
}

static void on_passed(cell_frame *frame) {
    jf_passed passed = {.size = sizeof passed, .status = frame->head.status, .call = frame->head.number};
    passed.memory = recall(cell_get_number(frame), true);
    passed.latency_ns = cell_get_number(frame);
    passed.bytes = cell_get_number(frame);
    cell_expect(frame);
    cell_object *object = cell_object_of(frame->head.ref, CELL_FILTER_ATTACH);
    if (object != NULL && passed.memory != 0 && JF_HAS(&cell_here.filter, ended))
        cell_here.filter.ended(cell_here.self, object->handle, &passed);
}

/* ---- jf.store/1 ---- */

/* On the lane or a worker. */
static void serve(cell_frame *frame) {
    const jf_store_1 *it = &cell_here.store;
    cell_store_ask ask;
    jf_fault why = {.size = sizeof why};
    jf_blob answer = {0};
    jf_ref op = frame->head.ref;
    int32_t status;
    cell_get_store(frame, frame->head.number, &ask);
    cell_expect(frame);
    switch (ask.slot) {
    case CELL_STORE_GET:
        status = it->get(cell_here.self, op, ask.key, &answer, &why);
        break;
    case CELL_STORE_PUT:
        status = it->put(cell_here.self, op, &ask.put, &answer, &why);
        break;
    case CELL_STORE_REMOVE:
        status = it->remove(cell_here.self, op, ask.key, ask.revision, &answer, &why);
        break;
    case CELL_STORE_LIST:
        status = it->list(cell_here.self, op, &ask.list, &answer, &why);
        break;
    case CELL_STORE_ADD:
        status = it->add(cell_here.self, op, &ask.add, &answer, &why);
        break;
    default:
        status = it->take(cell_here.self, op, ask.limits, ask.count, &answer, &why);
    }
    cell_operation_answered(op, status, &answer, &why);
}

static void on_store(cell_frame *frame) {
    cell_operation(frame->head.ref, 0);
    if (cell_here.settings.threads != JF_CELL_CONCURRENT) {
        serve(frame);
    } else if (!cell_work(frame, serve)) {
        jf_fault why = {.size = sizeof why};
        cell_fault(&why, JF_E_BUSY, JF_FAULT_NOT_STARTED, 100, "plugin %s: its cell has no thread for this",
                   cell_here.settings.name);
        cell_finish(frame->head.ref, JF_E_BUSY, NULL, &why);
    }
}

bool cell_handle_filter(cell_frame *frame) {
    const uint16_t type = frame->head.type;
    if (type == CELL_PASSAGE && JF_HAS(&cell_here.filter, attach))
        on_passage(frame);
    else if (type == CELL_PASSED && JF_HAS(&cell_here.filter, attach))
        on_passed(frame);
    else if (type == CELL_STORE && JF_HAS(&cell_here.store, take))
        on_store(frame);
    else
        return false;
    return true;
}
