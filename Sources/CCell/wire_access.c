/* SPDX-License-Identifier: Apache-2.0
 * Frames' payloads of auth, credentials, policy, filter and store: who asks, for what, and what is kept. */
#include "wire.h"

#include <string.h>

/* ---- Arrays ---- */

static void put_names(cell_writer *out, const jf_view *names, uint64_t count) {
    if (names == NULL) count = 0;
    if (count > CELL_NAMES_MOST) out->failed = true;
    cell_put_number(out, count);
    for (uint64_t i = 0; i < count && !out->failed; i++)
        cell_put_view(out, names[i]);
}

static uint64_t get_names(cell_frame *frame, const jf_view **names, cell_room *room) {
    uint64_t count = cell_get_number(frame);
    if (count > room->names_most - room->name_count) {
        cell_reject(frame, "too many roles or scopes");
        return 0;
    }
    if (count == 0) return 0;
    jf_view *at = room->names + room->name_count;
    for (uint64_t i = 0; i < count; i++)
        at[i] = cell_get_view(frame);
    room->name_count += (uint32_t)count;
    *names = at;
    return count;
}

/* All of them or none: cell_put_pairs alone would leave the last ones out. */
static void put_all_pairs(cell_writer *out, const jf_pair *pairs, uint64_t count) {
    if (pairs != NULL && count > CELL_PAIRS_MOST) out->failed = true;
    cell_put_pairs(out, pairs, count);
}

static uint64_t get_pairs(cell_frame *frame, const jf_pair **pairs, cell_room *room) {
    jf_pair *at = room->pairs + room->pair_count;
    uint32_t count = cell_get_pairs(frame, at, room->pairs_most - room->pair_count);
    if (count > 0) *pairs = at;
    room->pair_count += count;
    return count;
}

/* Bytes that are a part of others travel as their place in them. */
static void put_part(cell_writer *out, jf_view whole, jf_view part) {
    bool inside = part.ptr != NULL && whole.ptr != NULL && part.ptr >= whole.ptr && part.len <= whole.len &&
                  (uint64_t)(part.ptr - whole.ptr) <= whole.len - part.len;
    cell_put_number(out, inside ? (uint64_t)(part.ptr - whole.ptr) : UINT64_MAX);
    cell_put_view(out, inside ? (jf_view){NULL, 0} : part);
    cell_put_number(out, inside ? part.len : 0);
}

static jf_view get_part(cell_frame *frame, jf_view whole) {
    uint64_t from = cell_get_number(frame);
    jf_view apart = cell_get_view(frame);
    uint64_t length = cell_get_number(frame);
    if (from == UINT64_MAX) return apart;
    if (whole.ptr == NULL || from > whole.len || length > whole.len - from) {
        cell_reject(frame, "a part that lies outside of its whole");
        return (jf_view){NULL, 0};
    }
    return (jf_view){whole.ptr + from, length};
}

static uint64_t pair_of(uint32_t low, uint32_t high) {
    return (uint64_t)high << 32 | low;
}

/* ---- Who ---- */

void cell_put_principal(cell_writer *out, const jf_principal *given) {
    jf_principal it;
    cell_attach(&it, sizeof it, given);
    out->is_secret = true;
    if (it.roles != NULL && it.scopes != NULL && it.role_count + it.scope_count > CELL_NAMES_MOST)
        out->failed = true;
    cell_put_number(out, it.flags);
    cell_put_number(out, it.id);
    cell_put_view(out, it.key);
    cell_put_view(out, it.subject);
    cell_put_view(out, it.tenant);
    cell_put_view(out, it.issuer);
    cell_put_view(out, it.provider);
    cell_put_view(out, it.credential);
    cell_put_view(out, it.attributes);
    put_names(out, it.roles, it.role_count);
    put_names(out, it.scopes, it.scope_count);
    cell_put_number(out, it.expires_ms);
}

void cell_get_principal(cell_frame *frame, jf_principal *it, cell_room *room) {
    *it = (jf_principal){.size = sizeof *it, .flags = (uint32_t)cell_get_number(frame)};
    it->id = cell_get_number(frame);
    it->key = cell_get_view(frame);
    it->subject = cell_get_view(frame);
    it->tenant = cell_get_view(frame);
    it->issuer = cell_get_view(frame);
    it->provider = cell_get_view(frame);
    it->credential = cell_get_view(frame);
    it->attributes = cell_get_view(frame);
    it->role_count = get_names(frame, &it->roles, room);
    it->scope_count = get_names(frame, &it->scopes, room);
    it->expires_ms = cell_get_number(frame);
    frame->packet->is_secret = true;
}

void cell_put_credentials(cell_writer *out, const jf_credentials *given) {
    jf_credentials it;
    cell_attach(&it, sizeof it, given);
    out->is_secret = true;
    cell_put_number(out, it.flags);
    cell_put_view(out, it.target);
    cell_put_view(out, it.resource);
    cell_put_view(out, it.address);
    cell_put_view(out, it.certificate);
    put_all_pairs(out, it.fields, it.field_count);
    cell_put_number(out, it.now_ms);
}

void cell_get_credentials(cell_frame *frame, jf_credentials *it, cell_room *room) {
    *it = (jf_credentials){.size = sizeof *it, .flags = (uint32_t)cell_get_number(frame)};
    it->target = cell_get_view(frame);
    it->resource = cell_get_view(frame);
    it->address = cell_get_view(frame);
    it->certificate = cell_get_view(frame);
    it->field_count = get_pairs(frame, &it->fields, room);
    it->now_ms = cell_get_number(frame);
    frame->packet->is_secret = true;
}

void cell_put_demand(cell_writer *out, const jf_demand *given) {
    jf_demand it;
    cell_attach(&it, sizeof it, given);
    cell_put_principal(out, it.principal);
    cell_put_number(out, pair_of(it.flags, (uint32_t)it.refused));
    cell_put_number(out, it.attempt);
    cell_put_view(out, it.endpoint);
    cell_put_view(out, it.method);
    cell_put_view(out, it.name);
    cell_put_view(out, it.presented);
    cell_put_view(out, it.challenge);
    cell_put_number(out, it.now_ms);
}

void cell_get_demand(cell_frame *frame, jf_demand *it, jf_principal *principal, cell_room *room) {
    cell_get_principal(frame, principal, room);
    uint64_t word = cell_get_number(frame);
    *it = (jf_demand){.size = sizeof *it,
                      .flags = (uint32_t)word,
                      .refused = (int32_t)(uint32_t)(word >> 32),
                      .principal = principal};
    it->attempt = (uint32_t)cell_get_number(frame);
    it->endpoint = cell_get_view(frame);
    it->method = cell_get_view(frame);
    it->name = cell_get_view(frame);
    it->presented = cell_get_view(frame);
    it->challenge = cell_get_view(frame);
    it->now_ms = cell_get_number(frame);
}

/* ---- What for ---- */

void cell_put_access(cell_writer *out, const jf_access *given) {
    jf_access it;
    cell_attach(&it, sizeof it, given);
    cell_put_number(out, pair_of(it.flags, it.kind));
    cell_put_number(out, it.traits);
    cell_put_view(out, it.action);
    cell_put_view(out, it.server);
    cell_put_view(out, it.name);
    cell_put_view(out, it.shown);
    cell_put_view(out, it.target);
    cell_put_view(out, it.definition);
    cell_put_view(out, it.arguments);
    cell_put_view(out, it.address);
    cell_put_view(out, it.region);
    put_all_pairs(out, it.labels, it.label_count);
    cell_put_number(out, it.now_ms);
}

void cell_get_access(cell_frame *frame, jf_access *it, cell_room *room) {
    uint64_t word = cell_get_number(frame);
    *it = (jf_access){.size = sizeof *it, .flags = (uint32_t)word, .kind = (uint32_t)(word >> 32)};
    it->traits = (uint32_t)cell_get_number(frame);
    it->action = cell_get_view(frame);
    it->server = cell_get_view(frame);
    it->name = cell_get_view(frame);
    it->shown = cell_get_view(frame);
    it->target = cell_get_view(frame);
    it->definition = cell_get_view(frame);
    it->arguments = cell_get_view(frame);
    it->address = cell_get_view(frame);
    it->region = cell_get_view(frame);
    it->label_count = get_pairs(frame, &it->labels, room);
    it->now_ms = cell_get_number(frame);
}

void cell_put_passage(cell_writer *out, const jf_passage *given) {
    jf_passage it;
    cell_attach(&it, sizeof it, given);
    cell_put_principal(out, it.principal);
    cell_put_number(out, pair_of(it.flags, it.kind));
    cell_put_number(out, it.traits);
    cell_put_number(out, it.call);
    cell_put_number(out, it.memory);
    cell_put_number(out, it.deadline_ns);
    cell_put_number(out, it.now_ms);
    cell_put_view(out, it.method);
    cell_put_view(out, it.server);
    cell_put_view(out, it.name);
    cell_put_view(out, it.shown);
    cell_put_view(out, it.target);
    cell_put_view(out, it.definition);
    cell_put_view(out, it.address);
    cell_put_view(out, it.body);
    put_part(out, it.body, it.arguments);
}

void cell_get_passage(cell_frame *frame, jf_passage *it, jf_principal *principal, cell_room *room) {
    cell_get_principal(frame, principal, room);
    uint64_t word = cell_get_number(frame);
    *it = (jf_passage){
        .size = sizeof *it, .flags = (uint32_t)word, .kind = (uint32_t)(word >> 32), .principal = principal};
    it->traits = (uint32_t)cell_get_number(frame);
    it->call = cell_get_number(frame);
    it->memory = cell_get_number(frame);
    it->deadline_ns = cell_get_number(frame);
    it->now_ms = cell_get_number(frame);
    it->method = cell_get_view(frame);
    it->server = cell_get_view(frame);
    it->name = cell_get_view(frame);
    it->shown = cell_get_view(frame);
    it->target = cell_get_view(frame);
    it->definition = cell_get_view(frame);
    it->address = cell_get_view(frame);
    it->body = cell_get_view(frame);
    it->arguments = get_part(frame, it->body);
}

/* ---- What is kept ---- */

void cell_put_store(cell_writer *out, const cell_store_ask *ask) {
    out->is_secret = true;
    switch (ask->slot) {
    case CELL_STORE_GET:
        cell_put_view(out, ask->key);
        break;
    case CELL_STORE_PUT:
        cell_put_number(out, ask->put.flags);
        cell_put_number(out, ask->put.revision);
        cell_put_number(out, ask->put.ttl_ms);
        cell_put_view(out, ask->put.key);
        cell_put_view(out, ask->put.value);
        break;
    case CELL_STORE_REMOVE:
        cell_put_view(out, ask->key);
        cell_put_number(out, ask->revision);
        break;
    case CELL_STORE_LIST:
        cell_put_number(out, ask->list.flags);
        cell_put_number(out, ask->list.most);
        cell_put_view(out, ask->list.prefix);
        cell_put_view(out, ask->list.after);
        break;
    case CELL_STORE_ADD:
        cell_put_number(out, ask->add.flags);
        cell_put_number(out, (uint64_t)ask->add.delta);
        cell_put_number(out, ask->add.ttl_ms);
        cell_put_view(out, ask->add.key);
        break;
    default:
        cell_put_number(out, ask->count);
        for (uint64_t i = 0; i < ask->count; i++) {
            const jf_store_limit *it = &ask->limits[i];
            cell_put_view(out, it->key);
            cell_put_number(out, pair_of(it->kind, it->reserved));
            cell_put_number(out, it->burst);
            cell_put_number(out, it->rate);
            cell_put_number(out, it->period_ms);
            cell_put_number(out, it->cost);
        }
    }
}

static void get_limits(cell_frame *frame, cell_store_ask *ask) {
    ask->count = cell_get_number(frame);
    if (ask->count > JF_STORE_TAKE_MOST) {
        cell_reject(frame, "too many limits");
        ask->count = 0;
    }
    for (uint64_t i = 0; i < ask->count; i++) {
        jf_store_limit *it = &ask->limits[i];
        it->key = cell_get_view(frame);
        uint64_t word = cell_get_number(frame);
        it->kind = (uint32_t)word;
        it->reserved = (uint32_t)(word >> 32);
        it->burst = cell_get_number(frame);
        it->rate = cell_get_number(frame);
        it->period_ms = cell_get_number(frame);
        it->cost = cell_get_number(frame);
    }
}

void cell_get_store(cell_frame *frame, uint64_t slot, cell_store_ask *ask) {
    memset(ask, 0, sizeof *ask);
    ask->slot = slot;
    frame->packet->is_secret = true;
    switch (slot) {
    case CELL_STORE_GET:
        ask->key = cell_get_view(frame);
        break;
    case CELL_STORE_PUT:
        ask->put = (jf_store_put){.size = sizeof ask->put, .flags = (uint32_t)cell_get_number(frame)};
        ask->put.revision = cell_get_number(frame);
        ask->put.ttl_ms = cell_get_number(frame);
        ask->put.key = cell_get_view(frame);
        ask->put.value = cell_get_view(frame);
        break;
    case CELL_STORE_REMOVE:
        ask->key = cell_get_view(frame);
        ask->revision = cell_get_number(frame);
        break;
    case CELL_STORE_LIST:
        ask->list = (jf_store_list){.size = sizeof ask->list, .flags = (uint32_t)cell_get_number(frame)};
        ask->list.most = cell_get_number(frame);
        ask->list.prefix = cell_get_view(frame);
        ask->list.after = cell_get_view(frame);
        break;
    case CELL_STORE_ADD:
        ask->add = (jf_store_add){.size = sizeof ask->add, .flags = (uint32_t)cell_get_number(frame)};
        ask->add.delta = (int64_t)cell_get_number(frame);
        ask->add.ttl_ms = cell_get_number(frame);
        ask->add.key = cell_get_view(frame);
        break;
    case CELL_STORE_TAKE:
        get_limits(frame, ask);
        break;
    default:
        cell_reject(frame, "an operation of a store that is none");
    }
}
