/* SPDX-License-Identifier: Apache-2.0
 * Cell: frames of the gateway for the facet jf.routing/1. */
#include "cell.h"

#include <stdlib.h>

#define ENDPOINTS_MOST 65536u
/* So many endpoints, with their labels, find room on the stack. */
#define FEW 32u

/* What a pick needs room for: records, their labels, pointers to all of them and to those that are eligible.
 */
typedef struct room {
    jf_endpoint *records;
    jf_pair *labels;
    const jf_endpoint **all, **eligible;
} room;

static void read_endpoint(cell_frame *frame, jf_endpoint *it, jf_pair *labels) {
    *it = (jf_endpoint){.size = sizeof *it, .id = cell_get_number(frame)};
    uint64_t word = cell_get_number(frame);
    it->weight = (uint32_t)word;
    it->in_flight = (uint32_t)(word >> 32);
    it->latency_ns = cell_get_number(frame);
    it->name = cell_get_view(frame);
    word = cell_get_number(frame);
    it->flags = (uint32_t)word;
    it->ready = (uint32_t)(word >> 32);
    word = cell_get_number(frame);
    it->priority = (uint32_t)word;
    word = cell_get_number(frame);
    it->recent_calls = (uint32_t)word;
    it->recent_failures = (uint32_t)(word >> 32);
    it->cost = cell_get_number(frame);
    it->revision = cell_get_number(frame);
    it->version = cell_get_view(frame);
    it->zone = cell_get_view(frame);
    it->region = cell_get_view(frame);
    it->label_count = cell_get_pairs(frame, labels, CELL_LABELS_MOST);
    if (it->label_count > 0) it->labels = labels;
}

/* Reads the endpoints and picks. `listed`: how many records there are, 0: just the eligible ones. */
static void pick(cell_frame *frame, jf_pick *call, uint64_t listed, uint64_t count, const room *given) {
    uint64_t records = listed > 0 ? listed : count;
    for (uint64_t i = 0; i < records; i++) {
        read_endpoint(frame, &given->records[i], &given->labels[i * CELL_LABELS_MOST]);
        given->all[i] = &given->records[i];
    }
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = listed > 0 ? cell_get_number(frame) : i;
        if (at >= records) cell_die("jackfield-cell: a pick of an endpoint that is not listed");
        given->eligible[i] = &given->records[at];
    }
    cell_expect(frame);
    if (listed > 0) call->all = given->all;
    jf_fault why = {.size = sizeof why};
    uint32_t chosen = 0;
    cell_object *object = cell_object_of(frame->head.ref, CELL_ATTACH);
    int32_t status = JF_E_STALE;
    if (object != NULL)
        status = cell_here.routing.pick(cell_here.self, object->handle, call, given->eligible, count, &chosen,
                                        &why);
    cell_writer *out = cell_answer(frame, status);
    if (out == NULL) return;
    cell_put_number(out, chosen);
    cell_send(out);
}

void cell_pick(cell_frame *frame) {
    jf_pair headers[CELL_PAIRS_MOST];
    jf_pick call = {.size = sizeof call, .attempt = (uint32_t)cell_get_number(frame)};
    call.deadline_ns = cell_get_number(frame);
    call.method = cell_get_view(frame);
    call.name = cell_get_view(frame);
    call.params = cell_get_view(frame);
    call.principal = cell_get_view(frame);
    call.session = cell_get_view(frame);
    uint64_t word = cell_get_number(frame);
    call.traits = (uint32_t)word;
    call.total = (uint32_t)(word >> 32);
    /* The arguments are a part of the parameters, which came once. */
    uint64_t from = cell_get_number(frame), length = cell_get_number(frame);
    if (length > 0 && call.params.ptr != NULL && from <= call.params.len && length <= call.params.len - from)
        call.arguments = (jf_view){call.params.ptr + from, length};
    call.client = cell_get_view(frame);
    call.tenant = cell_get_view(frame);
    call.now_ns = cell_get_number(frame);
    call.header_count = cell_get_pairs(frame, headers, CELL_PAIRS_MOST);
    if (call.header_count > 0) call.headers = headers;
    uint64_t listed = cell_get_number(frame), count = cell_get_number(frame);
    if (count == 0 || count > ENDPOINTS_MOST || listed > ENDPOINTS_MOST || (listed > 0 && count > listed))
        cell_die("jackfield-cell: a pick among too many endpoints");
    uint64_t records = listed > 0 ? listed : count;
    if (records <= FEW) {
        jf_endpoint few[FEW];
        jf_pair labels[FEW * CELL_LABELS_MOST];
        const jf_endpoint *all[FEW], *eligible[FEW];
        pick(frame, &call, listed, count, &(room){few, labels, all, eligible});
        return;
    }
    room many = {malloc(records * sizeof(jf_endpoint)), malloc(records * CELL_LABELS_MOST * sizeof(jf_pair)),
                 malloc(records * sizeof(void *)), malloc(count * sizeof(void *))};
    if (many.records == NULL || many.labels == NULL || many.all == NULL || many.eligible == NULL)
        cell_die("jackfield-cell: out of memory");
    pick(frame, &call, listed, count, &many);
    free(many.records);
    free(many.labels);
    free(many.all);
    free(many.eligible);
}

void cell_observe(cell_frame *frame) {
    jf_outcome outcome = {.size = sizeof outcome,
                          .status = frame->head.status,
                          .endpoint = frame->head.number,
                          .latency_ns = cell_get_number(frame)};
    uint64_t word = cell_get_number(frame);
    outcome.flags = (uint32_t)word;
    outcome.attempt = (uint32_t)(word >> 32);
    outcome.now_ns = cell_get_number(frame);
    cell_expect(frame);
    cell_object *object = cell_object_of(frame->head.ref, CELL_ATTACH);
    if (object != NULL && JF_HAS(&cell_here.routing, observe))
        cell_here.routing.observe(cell_here.self, object->handle, &outcome);
}
