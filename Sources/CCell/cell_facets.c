/* SPDX-License-Identifier: Apache-2.0
 * Cell: frames of the gateway for the life of the instance and the facets toolset, routing and seal. */
#include "cell.h"

#include <stdlib.h>
#include <string.h>

/* The gateway is trusted, but not to be of the same build: what does not fit ends the cell. */
void cell_expect(cell_frame *frame) {
    if (!cell_frame_done(frame)) cell_die(frame->bad);
}

/* ---- What is open ---- */

cell_object *cell_object_of(uint64_t id, uint16_t type) {
    uint64_t value;
    if (!cell_map_get(&cell_here.objects, id, &value)) return NULL;
    cell_object *object = (cell_object *)(uintptr_t)value;
    return object->type == type ? object : NULL;
}

bool cell_object_add(uint64_t id, uint16_t type, jf_ref handle) {
    cell_object *object = calloc(1, sizeof *object);
    if (object == NULL) return false;
    *object = (cell_object){.id = id, .type = type, .handle = handle};
    if (cell_map_put(&cell_here.objects, id, (uint64_t)(uintptr_t)object)) return true;
    free(object);
    return false;
}

void cell_object_remove(cell_object *object) {
    cell_map_remove(&cell_here.objects, object->id, NULL);
    while (object->held != NULL) {
        cell_held *it = object->held;
        object->held = it->next;
        cell_packet_free(it->packet);
        free(it);
    }
    free(object);
}

/* ---- Life ---- */

static void on_start(cell_frame *frame) {
    jf_fault why = {.size = sizeof why};
    cell_expect(frame);
    int32_t status = JF_HAS(&cell_here.plugin, start) ? cell_here.plugin.start(cell_here.self, &why) : JF_OK;
    if (frame->head.flags & CELL_AGAIN) { /* the payload of all repeated opens */
        cell_writer *out = cell_answer(frame, status);
        cell_put_fault(out, &why);
        cell_put_view(out, (jf_view){NULL, 0});
        cell_send(out);
        return;
    }
    cell_answer_plainly(frame, status, &why, false);
}

static void on_destroy(cell_frame *frame) {
    cell_expect(frame);
    /* A worker may still be inside the plugin: leaving it is safer than pulling the instance away. */
    if (cell_here.settings.threads != JF_CELL_CONCURRENT || cell_here.operations.count == 0)
        cell_here.plugin.destroy(cell_here.self);
    cell_answer_plainly(frame, JF_OK, NULL, false);
    cell_here.is_ended = true;
}

static void on_ping(cell_frame *frame) {
    cell_here.log_levels = (uint32_t)cell_get_number(frame);
    cell_expect(frame);
    cell_writer *out = cell_out(CELL_PONG, 0, frame->head.number, 0);
    if (out == NULL) return;
    cell_put_number(out, cell_here.memory);
    cell_put_number(out, cell_here.lost_records);
    cell_here.lost_records = 0;
    cell_send(out);
}

/* ---- Opening ---- */

static void on_open(cell_frame *frame) {
    jf_view name = cell_get_view(frame), config = cell_get_view(frame), address = cell_get_view(frame);
    jf_fault why = {.size = sizeof why};
    uint64_t id = frame->head.ref;
    uint16_t type = frame->head.type;
    jf_ref handle = 0;
    jf_blob bound = {0};
    int32_t status = JF_E_UNSUPPORTED;
    cell_expect(frame);
    /* `listen` may hand clients over before it returns, and `open` a channel that is ready: the object must
     * be known by then. */
    if (!cell_object_add(id, type, 0)) cell_die("jackfield-cell: out of memory");
    if (type == CELL_SET_OPEN && JF_HAS(&cell_here.toolset, open))
        status = cell_here.toolset.open(cell_here.self, id, name, config, &handle, &why);
    if (type == CELL_ATTACH && JF_HAS(&cell_here.routing, attach))
        status = cell_here.routing.attach(cell_here.self, name, config, &handle, &why);
    if (type == CELL_CHANNEL_OPEN && JF_HAS(&cell_here.connector, open))
        status = cell_here.connector.open(cell_here.self, id, name, config, &handle, &why);
    if (type == CELL_LISTEN && JF_HAS(&cell_here.listener, listen))
        status = cell_here.listener.listen(cell_here.self, id, address, config, &bound, &why);
    if (type >= CELL_AUTH_ATTACH && type <= CELL_STORE_WATCH)
        status = cell_open_facet(type, id, name, config, &handle, &bound, &why);
    cell_object *object = cell_object_of(id, type);
    if (object != NULL && status == JF_OK) object->handle = handle;
    if (object != NULL && status != JF_OK) cell_object_remove(object);
    if (status > JF_OK) status = cell_fault(&why, JF_E_FAULT, 0, 0, "the slot answered %d", (int)status);
    cell_writer *out = cell_answer(frame, status);
    if (out != NULL) {
        cell_put_fault(out, &why);
        cell_put_view(out, (jf_view){bound.ptr, bound.len});
        cell_send(out);
    }
    if (bound.drop != NULL) bound.drop(bound.owner);
}

static void on_set_close(cell_frame *frame) {
    cell_expect(frame);
    cell_object *object = cell_object_of(frame->head.ref, CELL_SET_OPEN);
    if (object == NULL) return;
    jf_ref handle = object->handle;
    cell_object_remove(object);
    if (JF_HAS(&cell_here.toolset, close)) cell_here.toolset.close(cell_here.self, handle);
}

static void on_detach(cell_frame *frame) {
    cell_expect(frame);
    cell_object *object = cell_object_of(frame->head.ref, CELL_ATTACH);
    if (object == NULL) return;
    jf_ref handle = object->handle;
    cell_object_remove(object);
    cell_here.routing.detach(cell_here.self, handle);
}

/* ---- Slots that give bytes ---- */

static void answer_bytes(const cell_frame *frame, int32_t status, jf_blob *bytes, const jf_fault *why) {
    cell_writer *out = cell_answer(frame, status);
    if (out != NULL) {
        cell_put_fault(out, why);
        cell_put_view(out, status == JF_OK ? (jf_view){bytes->ptr, bytes->len} : (jf_view){NULL, 0});
        if (!cell_send(out)) {
            jf_fault fault = {.size = sizeof fault};
            cell_fault(&fault, JF_E_FAULT, 0, 0, "the answer of %llu bytes is too large to leave the cell",
                       (unsigned long long)bytes->len);
            if ((out = cell_answer(frame, JF_E_FAULT)) != NULL) {
                cell_put_fault(out, &fault);
                cell_put_view(out, (jf_view){NULL, 0});
                cell_send(out);
            }
        }
    }
    if (status == JF_OK && bytes->drop != NULL) bytes->drop(bytes->owner);
}

static void on_list(cell_frame *frame) {
    jf_fault why = {.size = sizeof why};
    jf_blob items = {0};
    cell_expect(frame);
    cell_object *object = cell_object_of(frame->head.ref, CELL_SET_OPEN);
    int32_t status = JF_E_STALE;
    if (object != NULL)
        status = cell_here.toolset.list(cell_here.self, object->handle, (uint32_t)frame->head.number, &items,
                                        &why);
    answer_bytes(frame, status, &items, &why);
}

static void on_export(cell_frame *frame) {
    jf_fault why = {.size = sizeof why};
    jf_blob state = {0};
    cell_expect(frame);
    cell_object *object = cell_object_of(frame->head.ref, CELL_ATTACH);
    int32_t status = JF_E_STALE;
    if (object != NULL && JF_HAS(&cell_here.routing, export_state))
        status = cell_here.routing.export_state(cell_here.self, object->handle, &state, &why);
    if (status == JF_OK && state.ptr == NULL) state.ptr = cell_text("").ptr;
    answer_bytes(frame, status, &state, &why);
}

static void on_import(cell_frame *frame) {
    jf_fault why = {.size = sizeof why};
    jf_view state = cell_get_view(frame);
    cell_expect(frame);
    cell_object *object = cell_object_of(frame->head.ref, CELL_ATTACH);
    int32_t status = JF_E_STALE;
    if (object != NULL && JF_HAS(&cell_here.routing, import_state))
        status = cell_here.routing.import_state(cell_here.self, object->handle, state, &why);
    cell_answer_plainly(frame, status, &why, true);
}

static void on_seal(cell_frame *frame) {
    jf_fault why = {.size = sizeof why};
    jf_blob result = {0};
    jf_view text = cell_get_view(frame), bound = cell_get_view(frame);
    int32_t status = JF_E_UNSUPPORTED;
    cell_expect(frame);
    const jf_seal_1 *seal = &cell_here.seal;
    if (frame->head.number == 0 && JF_HAS(seal, seal))
        status = seal->seal(seal->context, text, bound, &result, &why);
    if (frame->head.number == 1 && JF_HAS(seal, open))
        status = seal->open(seal->context, text, bound, &result, &why);
    answer_bytes(frame, status, &result, &why);
}

/* ---- Requests ---- */

/* On the lane or a worker; the frame's views stay readable until it returns. */
static void serve(cell_frame *frame) {
    typedef int32_t (*slot_fn)(jf_self *, jf_ref, const jf_request *, jf_blob *, jf_fault *);
    const jf_toolset_1 *toolset = &cell_here.toolset;
    const slot_fn slots[] = {toolset->call, toolset->read, toolset->prompt, toolset->complete};
    jf_request request = {.size = sizeof request, .set = cell_get_number(frame)};
    jf_fault why = {.size = sizeof why};
    jf_blob result = {0};
    request.deadline_ns = cell_get_number(frame);
    request.name = cell_get_view(frame);
    request.arguments = cell_get_view(frame);
    request.params = cell_get_view(frame);
    request.principal = cell_get_view(frame);
    cell_expect(frame);
    int32_t status = JF_E_UNSUPPORTED;
    if (frame->head.number < sizeof slots / sizeof slots[0] && slots[frame->head.number] != NULL)
        status = slots[frame->head.number](cell_here.self, frame->head.ref, &request, &result, &why);
    if (status == JF_PENDING) return;
    cell_finish(frame->head.ref, status, status == JF_OK ? &result : NULL, &why);
}

static void on_request(cell_frame *frame) {
    cell_frame peek = *frame;
    uint64_t id = cell_get_number(&peek), deadline = cell_get_number(&peek);
    cell_object *object = cell_object_of(id, CELL_SET_OPEN);
    pthread_mutex_lock(&cell_here.lock);
    bool kept = cell_map_put(&cell_here.operations, frame->head.ref, deadline);
    pthread_mutex_unlock(&cell_here.lock);
    if (!kept) cell_die("jackfield-cell: out of memory");
    if (object == NULL) {
        jf_fault why = {.size = sizeof why};
        cell_fault(&why, JF_E_GONE, JF_FAULT_NOT_STARTED, 0, "plugin %s: the set is not open in its cell",
                   cell_here.settings.name);
        cell_finish(frame->head.ref, JF_E_GONE, NULL, &why);
        return;
    }
    /* In the packet the set is named by the gateway's number; the plugin gets its own. */
    memcpy((uint8_t *)(uintptr_t)frame->at, &object->handle, sizeof object->handle);
    if (cell_here.settings.threads != JF_CELL_CONCURRENT) {
        serve(frame);
    } else if (!cell_work(frame, serve)) {
        jf_fault why = {.size = sizeof why};
        cell_fault(&why, JF_E_BUSY, JF_FAULT_NOT_STARTED, 100, "plugin %s: its cell has no thread for this",
                   cell_here.settings.name);
        cell_finish(frame->head.ref, JF_E_BUSY, NULL, &why);
    }
}

static void on_request_cancel(cell_frame *frame) {
    cell_expect(frame);
    pthread_mutex_lock(&cell_here.lock);
    bool known = cell_map_get(&cell_here.operations, frame->head.ref, NULL) &&
                 cell_map_put(&cell_here.canceled, frame->head.ref, (uint64_t)(int64_t)frame->head.status);
    pthread_mutex_unlock(&cell_here.lock);
    if (known) cell_cancel_operation(frame->head.ref, frame->head.number);
}

void cell_handle(cell_frame *frame) {
    switch (frame->head.type) {
    case CELL_START:
        on_start(frame);
        return;
    case CELL_DRAIN:
        cell_expect(frame);
        if (JF_HAS(&cell_here.plugin, drain)) cell_here.plugin.drain(cell_here.self, frame->head.number);
        return;
    case CELL_STOP:
        cell_expect(frame);
        if (JF_HAS(&cell_here.plugin, stop)) cell_here.plugin.stop(cell_here.self);
        cell_answer_plainly(frame, JF_OK, NULL, false);
        return;
    case CELL_DESTROY:
        on_destroy(frame);
        return;
    case CELL_PING:
        on_ping(frame);
        return;
    case CELL_SET_OPEN:
    case CELL_ATTACH:
    case CELL_CHANNEL_OPEN:
    case CELL_LISTEN:
    case CELL_AUTH_ATTACH:
    case CELL_SOURCE_ATTACH:
    case CELL_POLICY_ATTACH:
    case CELL_FILTER_ATTACH:
    case CELL_STORE_WATCH:
        on_open(frame);
        return;
    case CELL_SET_CLOSE:
        on_set_close(frame);
        return;
    case CELL_SET_LIST:
        on_list(frame);
        return;
    case CELL_REQUEST:
        on_request(frame);
        return;
    case CELL_REQUEST_CANCEL:
        on_request_cancel(frame);
        return;
    case CELL_DETACH:
        on_detach(frame);
        return;
    case CELL_PICK:
        cell_pick(frame);
        return;
    case CELL_OBSERVE:
        cell_observe(frame);
        return;
    case CELL_EXPORT:
        on_export(frame);
        return;
    case CELL_IMPORT:
        on_import(frame);
        return;
    case CELL_SEAL:
        on_seal(frame);
        return;
    case CELL_CALL_DONE:
        cell_call_done(frame);
        return;
    default:
        if (!cell_handle_transport(frame) && !cell_handle_access(frame) && !cell_handle_filter(frame) &&
            !cell_handle_state(frame))
            cell_die("jackfield-cell: a frame of unknown type");
    }
}
