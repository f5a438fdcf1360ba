/* SPDX-License-Identifier: Apache-2.0
 * Cell: frames of the gateway for auth, credentials and policy. Their slots may answer at once, which becomes
 * a finish: towards the gateway every answer comes later. All on the lane. */
#include "cell.h"

#include <jackfield/json.h>

#include <stdlib.h>
#include <string.h>

/* ---- Opening ---- */

static uint64_t find(const char *id, void *table, uint32_t size) {
    const void *given = cell_here.plugin.facet(cell_here.self, id);
    if (given != NULL) cell_attach(table, size, given);
    return given != NULL;
}

uint64_t cell_find_access(void) {
    uint64_t slots = 0;
    if (find(JF_AUTH_1, &cell_here.auth, sizeof cell_here.auth)) {
        const jf_auth_1 *it = &cell_here.auth;
        if (it->attach != NULL && it->detach != NULL && it->identify != NULL) slots |= CELL_HAS_AUTH;
        if (it->describe != NULL) slots |= CELL_HAS_DESCRIBE;
    }
    if (find(JF_CREDENTIALS_1, &cell_here.source, sizeof cell_here.source)) {
        const jf_credentials_1 *it = &cell_here.source;
        if (it->attach != NULL && it->detach != NULL && it->supply != NULL) slots |= CELL_HAS_CREDENTIALS;
    }
    if (find(JF_POLICY_1, &cell_here.policy, sizeof cell_here.policy)) {
        const jf_policy_1 *it = &cell_here.policy;
        if (it->attach != NULL && it->detach != NULL && it->decide != NULL) slots |= CELL_HAS_POLICY;
        if (it->review != NULL) slots |= CELL_HAS_REVIEW;
        if (it->classify != NULL) slots |= CELL_HAS_CLASSIFY;
    }
    if (find(JF_FILTER_1, &cell_here.filter, sizeof cell_here.filter)) {
        const jf_filter_1 *it = &cell_here.filter;
        if (it->attach != NULL && it->detach != NULL) slots |= CELL_HAS_FILTER;
        if (it->request != NULL) slots |= CELL_HAS_FILTER_REQUEST;
        if (it->result != NULL) slots |= CELL_HAS_FILTER_RESULT;
        if (it->ended != NULL) slots |= CELL_HAS_FILTER_ENDED;
    }
    if (find(JF_STORE_1, &cell_here.store, sizeof cell_here.store)) {
        const jf_store_1 *it = &cell_here.store;
        if (it->get != NULL && it->put != NULL && it->remove != NULL && it->list != NULL && it->add != NULL &&
            it->take != NULL)
            slots |= CELL_HAS_STORE;
        if (it->watch != NULL && it->unwatch != NULL) slots |= CELL_HAS_WATCH;
    }
    cell_here.is_private = slots != 0;
    return slots;
}

/* What a description is worth telling: JF_OK with bytes. */
static int32_t describe(jf_ref handle, jf_blob *description) {
    jf_fault why = {.size = sizeof why};
    if (!JF_HAS(&cell_here.auth, describe)) return JF_ABSENT;
    int32_t status = cell_here.auth.describe(cell_here.self, handle, description, &why);
    if (status != JF_OK) *description = (jf_blob){0};
    return status;
}

int32_t cell_open_facet(uint16_t type, uint64_t id, jf_view name, jf_view config, jf_ref *handle,
                        jf_blob *bound, jf_fault *why) {
    int32_t status = JF_E_UNSUPPORTED;
    if (type == CELL_AUTH_ATTACH && JF_HAS(&cell_here.auth, attach)) {
        status = cell_here.auth.attach(cell_here.self, name, config, handle, why);
        if (status == JF_OK) describe(*handle, bound);
    }
    if (type == CELL_SOURCE_ATTACH && JF_HAS(&cell_here.source, attach))
        status = cell_here.source.attach(cell_here.self, name, config, handle, why);
    if (type == CELL_POLICY_ATTACH && JF_HAS(&cell_here.policy, attach))
        status = cell_here.policy.attach(cell_here.self, name, config, handle, why);
    if (type == CELL_FILTER_ATTACH && JF_HAS(&cell_here.filter, attach))
        status = cell_here.filter.attach(cell_here.self, name, config, handle, why);
    if (type == CELL_STORE_WATCH && JF_HAS(&cell_here.store, watch))
        status = cell_here.store.watch(cell_here.self, id, name, why);
    return status;
}

static void on_detach(cell_frame *frame) {
    uint64_t value;
    cell_expect(frame);
    if (!cell_map_get(&cell_here.objects, frame->head.ref, &value)) return;
    cell_object *object = (cell_object *)(uintptr_t)value;
    uint16_t type = object->type;
    jf_ref handle = object->handle;
    if (type < CELL_AUTH_ATTACH || type > CELL_STORE_WATCH) return;
    cell_object_remove(object);
    if (type == CELL_AUTH_ATTACH) cell_here.auth.detach(cell_here.self, handle);
    if (type == CELL_SOURCE_ATTACH) cell_here.source.detach(cell_here.self, handle);
    if (type == CELL_POLICY_ATTACH) cell_here.policy.detach(cell_here.self, handle);
    if (type == CELL_FILTER_ATTACH) cell_here.filter.detach(cell_here.self, handle);
    if (type == CELL_STORE_WATCH && JF_HAS(&cell_here.store, unwatch))
        cell_here.store.unwatch(cell_here.self, frame->head.ref);
}

static void on_describe(cell_frame *frame) {
    jf_blob description = {0};
    cell_expect(frame);
    cell_object *object = cell_object_of(frame->head.ref, CELL_AUTH_ATTACH);
    if (object == NULL) return;
    int32_t status = describe(object->handle, &description);
    cell_writer *out = cell_out(CELL_DESCRIBED, frame->head.ref, 0, status);
    if (out != NULL) {
        cell_put_view(out, (jf_view){description.ptr, description.len});
        cell_send(out);
    }
    if (description.drop != NULL) description.drop(description.owner);
}

/* ---- Operations ---- */

void cell_operation(jf_ref op, uint64_t deadline_ns) {
    pthread_mutex_lock(&cell_here.lock);
    bool kept = cell_map_put(&cell_here.operations, op, deadline_ns);
    pthread_mutex_unlock(&cell_here.lock);
    if (!kept) cell_die("jackfield-cell: out of memory");
}

cell_object *cell_operation_on(jf_ref op, uint64_t object, uint16_t type, uint64_t deadline_ns) {
    cell_object *found = cell_object_of(object, type);
    cell_operation(op, deadline_ns);
    if (found != NULL) return found;
    jf_fault why = {.size = sizeof why};
    cell_fault(&why, JF_E_GONE, JF_FAULT_NOT_STARTED, 0, "plugin %s: this is not attached in its cell",
               cell_here.settings.name);
    cell_finish(op, JF_E_GONE, NULL, &why);
    return NULL;
}

void cell_operation_answered(jf_ref op, int32_t status, jf_blob *result, const jf_fault *why) {
    if (status == JF_PENDING) return;
    cell_finish(op, status, status == JF_OK ? result : NULL, why);
}

static void on_identify(cell_frame *frame) {
    jf_pair pairs[CELL_PAIRS_MOST];
    cell_room room = {.pairs = pairs, .pairs_most = CELL_PAIRS_MOST};
    jf_credentials credentials;
    jf_fault why = {.size = sizeof why};
    jf_blob principal = {0};
    jf_ref op = frame->head.ref;
    uint64_t id = cell_get_number(frame);
    cell_get_credentials(frame, &credentials, &room);
    cell_expect(frame);
    cell_object *object = cell_operation_on(op, id, CELL_AUTH_ATTACH, 0);
    if (object == NULL) return;
    int32_t status =
        cell_here.auth.identify(cell_here.self, op, object->handle, &credentials, &principal, &why);
    cell_operation_answered(op, status, &principal, &why);
}

static void on_supply(cell_frame *frame) {
    jf_view names[CELL_NAMES_MOST];
    cell_room room = {.names = names, .names_most = CELL_NAMES_MOST};
    jf_demand demand;
    jf_principal principal;
    jf_fault why = {.size = sizeof why};
    jf_blob supply = {0};
    jf_ref op = frame->head.ref;
    uint64_t id = cell_get_number(frame);
    cell_get_demand(frame, &demand, &principal, &room);
    cell_expect(frame);
    cell_object *object = cell_operation_on(op, id, CELL_SOURCE_ATTACH, 0);
    if (object == NULL) return;
    int32_t status = cell_here.source.supply(cell_here.self, op, object->handle, &demand, &supply, &why);
    cell_operation_answered(op, status, &supply, &why);
}

/* ---- Policies ---- */

static uint8_t *add(uint8_t *to, const char *text) {
    size_t length = strlen(text);
    memcpy(to, text, length);
    return to + length;
}

static uint8_t *add_quoted(uint8_t *to, jf_view text) {
    return to + jf_json_quote(text, to);
}

/* A ruling as the JSON object that `finish` brings; freed with free. False without memory. */
static bool ruling_text(const jf_ruling *it, jf_blob *out) {
    static const char *const decisions[] = {"allow", "deny", "hide"};
    /* A byte needs six at most; a scope of one byte, quotes and a comma for itself and the space. */
    uint64_t most = 128 + 6 * (it->rule.len + it->text.len + it->scopes.len);
    uint8_t *text = malloc(most), *to = text;
    if (text == NULL) return false;
    to = add(add(add(to, "{\"decision\":\""), decisions[it->decision]), "\"");
    if (it->flags & JF_RULING_DRY) to = add(to, ",\"dry\":true");
    if (it->rule.ptr != NULL) to = add_quoted(add(to, ",\"rule\":"), it->rule);
    if (it->text.ptr != NULL) to = add_quoted(add(to, ",\"text\":"), it->text);
    if (it->scopes.ptr != NULL) {
        const char *before = ",\"scopes\":[";
        for (uint64_t at = 0; at < it->scopes.len; at++) {
            uint64_t from = at;
            while (at < it->scopes.len && it->scopes.ptr[at] != ' ')
                at++;
            if (at == from) continue;
            to = add_quoted(add(to, before), (jf_view){it->scopes.ptr + from, at - from});
            before = ",";
        }
        to = add(to, before[1] != 0 ? ",\"scopes\":[]" : "]");
    }
    to = add(to, "}");
    *out = (jf_blob){text, (uint64_t)(to - text), text, free};
    return true;
}

static void on_decide(cell_frame *frame) {
    jf_view names[CELL_NAMES_MOST];
    jf_pair pairs[CELL_PAIRS_MOST];
    cell_room room = {
        .names = names, .names_most = CELL_NAMES_MOST, .pairs = pairs, .pairs_most = CELL_PAIRS_MOST};
    jf_principal principal;
    jf_access access;
    jf_fault why = {.size = sizeof why};
    jf_blob text = {0};
    jf_ref op = frame->head.ref;
    uint64_t id = cell_get_number(frame);
    cell_get_principal(frame, &principal, &room);
    cell_get_access(frame, &access, &room);
    cell_expect(frame);
    access.principal = &principal;
    cell_object *object = cell_operation_on(op, id, CELL_POLICY_ATTACH, 0);
    if (object == NULL) return;
    jf_ruling given = {.size = sizeof given}, ruling;
    int32_t status = cell_here.policy.decide(cell_here.self, op, object->handle, &access, &given, &why);
    if (status == JF_OK) {
        cell_attach(&ruling, sizeof ruling, &given);
        if (ruling.decision > JF_HIDE || !ruling_text(&ruling, &text))
            status = cell_fault(&why, JF_E_FAULT, 0, 0, "plugin %s decided %u, which is no decision",
                                cell_here.settings.name, ruling.decision);
    }
    cell_operation_answered(op, status, &text, &why);
}

/* What a review needs room for. */
typedef struct review {
    jf_access *accesses;
    const jf_access **pointers;
    jf_principal *principals;
    cell_room room;
} review;

static void free_review(review *it) {
    free(it->accesses);
    free(it->pointers);
    free(it->principals);
    free(it->room.names);
    free(it->room.pairs);
}

static void on_review(cell_frame *frame) {
    jf_fault why = {.size = sizeof why};
    jf_blob decisions = {0};
    jf_ref op = frame->head.ref;
    uint64_t id = cell_get_number(frame), count = cell_get_number(frame);
    uint64_t principals = cell_get_number(frame), names = cell_get_number(frame);
    uint64_t pairs = cell_get_number(frame), met = 0;
    cell_frame inside = cell_unpack(frame, cell_get_view(frame));
    cell_expect(frame);
    if (count > CELL_ACCESSES_MOST || principals > count || names > principals * CELL_NAMES_MOST ||
        pairs > count * CELL_PAIRS_MOST)
        cell_die("jackfield-cell: a review of too much");
    review it = {.accesses = calloc(count + 1, sizeof *it.accesses),
                 .pointers = calloc(count + 1, sizeof *it.pointers),
                 .principals = calloc(principals + 1, sizeof *it.principals),
                 .room = {.names = calloc(names + 1, sizeof *it.room.names),
                          .names_most = (uint32_t)names,
                          .pairs = calloc(pairs + 1, sizeof *it.room.pairs),
                          .pairs_most = (uint32_t)pairs}};
    if (it.accesses == NULL || it.pointers == NULL || it.principals == NULL || it.room.names == NULL ||
        it.room.pairs == NULL)
        cell_die("jackfield-cell: out of memory");
    for (uint64_t i = 0; i < count; i++) {
        uint64_t of = cell_get_number(&inside);
        if (of > met || of >= principals) cell_die("jackfield-cell: a review for nobody");
        if (of == met) cell_get_principal(&inside, &it.principals[met++], &it.room);
        cell_get_access(&inside, &it.accesses[i], &it.room);
        it.accesses[i].principal = &it.principals[of];
        it.pointers[i] = &it.accesses[i];
    }
    cell_expect(&inside);
    cell_object *object = cell_operation_on(op, id, CELL_POLICY_ATTACH, 0);
    if (object != NULL) {
        int32_t status = JF_E_UNSUPPORTED;
        if (JF_HAS(&cell_here.policy, review))
            status = cell_here.policy.review(cell_here.self, op, object->handle, it.pointers, count,
                                             &decisions, &why);
        cell_operation_answered(op, status, &decisions, &why);
    }
    free_review(&it);
}

/* ---- Which ---- */

/* Nobody waits for it any more; whose it is comes as the frame's number. */
void cell_cancel_operation(jf_ref op, uint64_t facet) {
    if (facet == CELL_OF_TOOLSET && JF_HAS(&cell_here.toolset, cancel))
        cell_here.toolset.cancel(cell_here.self, op);
    if (facet == CELL_OF_AUTH && JF_HAS(&cell_here.auth, cancel)) cell_here.auth.cancel(cell_here.self, op);
    if (facet == CELL_OF_SOURCE && JF_HAS(&cell_here.source, cancel))
        cell_here.source.cancel(cell_here.self, op);
    if (facet == CELL_OF_POLICY && JF_HAS(&cell_here.policy, cancel))
        cell_here.policy.cancel(cell_here.self, op);
    if (facet == CELL_OF_FILTER && JF_HAS(&cell_here.filter, cancel))
        cell_here.filter.cancel(cell_here.self, op);
    if (facet == CELL_OF_STORE && JF_HAS(&cell_here.store, cancel))
        cell_here.store.cancel(cell_here.self, op);
}

bool cell_handle_access(cell_frame *frame) {
    const uint16_t type = frame->head.type;
    if (type == CELL_FACET_DETACH)
        on_detach(frame);
    else if (type == CELL_IDENTIFY && JF_HAS(&cell_here.auth, identify))
        on_identify(frame);
    else if (type == CELL_DESCRIBE && JF_HAS(&cell_here.auth, describe))
        on_describe(frame);
    else if (type == CELL_SUPPLY && JF_HAS(&cell_here.source, supply))
        on_supply(frame);
    else if (type == CELL_DECIDE && JF_HAS(&cell_here.policy, decide))
        on_decide(frame);
    else if (type == CELL_REVIEW && JF_HAS(&cell_here.policy, review))
        on_review(frame);
    else
        return false;
    return true;
}
