/* SPDX-License-Identifier: Apache-2.0
 * Operations as prepared statements with binary parameters, and results as answers. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "operation.h"

#include "answer.h"
#include <stdlib.h>
#include <string.h>

/* Types by their fixed numbers (pg_type.dat). */
enum { TYPE_BYTEA = 17, TYPE_BIGINT = 20 };
#define ARRAY_HEAD 20u

static struct op *make(uint32_t kind, size_t size) {
    struct op *op = calloc(1, sizeof *op + size);
    if (op == NULL) return NULL;
    op->kind = kind;
    op->why.size = sizeof op->why;
    op->link.bytes = sizeof *op + size;
    return op;
}

static uint8_t *put_big_endian(uint8_t *to, uint64_t number, int bytes) {
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    return to + bytes;
}

static uint64_t big_endian(const void *from, int bytes) {
    const uint8_t *at = from;
    uint64_t number = 0;
    for (int i = 0; i < bytes; i++)
        number = number << 8 | at[i];
    return number;
}

static uint8_t *finish(struct op *op, const uint8_t *from, uint8_t *to) {
    op->values[op->count] = (const char *)from;
    op->lengths[op->count++] = (int)(to - from);
    return to;
}

static uint8_t *add_bytes(struct op *op, uint8_t *to, jf_view view) {
    if (view.len > 0) memcpy(to, view.ptr, (size_t)view.len);
    return finish(op, to, to + view.len);
}

static uint8_t *add_number(struct op *op, uint8_t *to, uint64_t number, int bytes) {
    return finish(op, to, put_big_endian(to, number, bytes));
}

/* The key is the first parameter; the answer needs it too. */
static uint8_t *add_key(struct op *op, jf_view key) {
    op->key = op->bytes;
    op->key_len = (uint32_t)key.len;
    return add_bytes(op, op->bytes, key);
}

struct op *op_get(jf_view key) {
    struct op *op = make(OP_GET, (size_t)key.len);
    if (op != NULL) add_key(op, key);
    return op;
}

struct op *op_put(const jf_store_put *put) {
    struct op *op = make(OP_PUT, (size_t)(put->key.len + put->value.len) + 20);
    if (op == NULL) return NULL;
    uint8_t *to = add_bytes(op, add_key(op, put->key), put->value);
    to = add_number(op, to, (put->flags & JF_STORE_CREATE) ? 1 : (put->flags & JF_STORE_MATCH) ? 2 : 0, 4);
    to = add_number(op, to, put->revision, 8);
    add_number(op, to, put->ttl_ms, 8);
    return op;
}

struct op *op_remove(jf_view key, uint64_t revision) {
    struct op *op = make(OP_REMOVE, (size_t)key.len + 8);
    if (op != NULL) add_number(op, add_key(op, key), revision, 8);
    return op;
}

struct op *op_list(const jf_store_list *list) {
    /* One byte longer than any key: behind all of them, or right behind `after`. */
    enum { BOUND = JF_STORE_KEY_MOST + 1 };
    struct op *op = make(OP_LIST, 2 * BOUND + 20);
    if (op == NULL) return NULL;
    uint8_t *to = op->bytes;
    if (list->after.len > 0 && sc_key_order(list->after, list->prefix) >= 0) {
        memcpy(to, list->after.ptr, (size_t)list->after.len);
        to[list->after.len] = 0;
        to = finish(op, to, to + list->after.len + 1);
    } else {
        to = add_bytes(op, to, list->prefix);
    }
    uint64_t end = sc_prefix_end(list->prefix, to);
    if (end == 0) memset(to, 0xff, end = BOUND);
    to = finish(op, to, to + end);
    to = add_number(op, to, list->most, 8);
    to = add_number(op, to, (list->flags & JF_STORE_KEYS) ? 1 : 0, 4);
    add_number(op, to, JF_STORE_LIST_BYTES, 8);
    return op;
}

struct op *op_add(const jf_store_add *add) {
    struct op *op = make(OP_ADD, (size_t)add->key.len + 16);
    if (op == NULL) return NULL;
    uint8_t *to = add_number(op, add_key(op, add->key), (uint64_t)add->delta, 8);
    add_number(op, to, add->ttl_ms, 8);
    return op;
}

/* The binary form of a one-dimensional array: dimensions, no NULLs, type, length, first index. */
static uint8_t *array_head(uint8_t *to, uint32_t type, uint64_t count) {
    to = put_big_endian(to, 1, 4);
    to = put_big_endian(to, 0, 4);
    to = put_big_endian(to, type, 4);
    to = put_big_endian(to, count, 4);
    return put_big_endian(to, 1, 4);
}

static int64_t number_of(const sc_limit *limit, int which) {
    const int64_t all[] = {limit->kind, limit->burst,     limit->rate,       limit->period_ms,
                           limit->cost, limit->unit_rate, limit->unit_period};
    return all[which];
}

struct op *op_take(const sc_limit *limits, uint64_t count) {
    size_t size = 8 * ARRAY_HEAD + (size_t)count * (4 + 7 * 12);
    for (uint64_t i = 0; i < count; i++)
        size += (size_t)limits[i].key.len;
    struct op *op = make(OP_TAKE, size);
    if (op == NULL) return NULL;
    uint8_t *from = op->bytes, *to = array_head(from, TYPE_BYTEA, count);
    for (uint64_t i = 0; i < count; i++) {
        to = put_big_endian(to, limits[i].key.len, 4);
        memcpy(to, limits[i].key.ptr, (size_t)limits[i].key.len);
        to += limits[i].key.len;
    }
    finish(op, from, to);
    for (int which = 0; which < 7; which++) {
        from = to;
        to = array_head(from, TYPE_BIGINT, count);
        for (uint64_t i = 0; i < count; i++)
            to = put_big_endian(put_big_endian(to, 8, 4), (uint64_t)number_of(&limits[i], which), 8);
        finish(op, from, to);
    }
    return op;
}

struct op *op_sweep(bool limits_too) {
    struct op *op = make(OP_SWEEP, 4);
    if (op != NULL) add_number(op, op->bytes, limits_too ? 1 : 0, 4);
    return op;
}

struct op *op_watch(jf_view prefix, uint64_t ms) {
    struct op *op = make(OP_WATCH, (size_t)prefix.len + 8);
    if (op != NULL) add_number(op, add_bytes(op, op->bytes, prefix), ms, 8);
    return op;
}

struct op *op_listen(void) {
    return make(OP_LISTEN, 0);
}

void op_discard(sc_op *link) {
    struct op *op = (struct op *)link;
    if (op->answer.drop != NULL) op->answer.drop(op->answer.owner);
    free(op);
}

bool op_send(struct op *op, PGconn *connection, const char *schema) {
    static const char *const names[] = {"jf_get", "jf_put",  "jf_remove", "jf_list",
                                        "jf_add", "jf_take", "jf_sweep",  "jf_watch"};
    static const int binary[PARAMETERS_MOST] = {1, 1, 1, 1, 1, 1, 1, 1};
    int sent;
    if (op->kind == OP_LISTEN) {
        char sql[80] = "LISTEN ";
        strncat(sql, schema, 64);
        sent = PQsendQueryParams(connection, sql, 0, NULL, NULL, NULL, NULL, 1);
    } else {
        sent =
            PQsendQueryPrepared(connection, names[op->kind], op->count, op->values, op->lengths, binary, 1);
    }
    /* A transaction of its own for each: one that fails takes no other with it. */
    return sent == 1 && PQpipelineSync(connection) == 1;
}

/* ---- Results ---- */

static uint64_t number_at(const PGresult *result, int row, int column) {
    return PQgetisnull(result, row, column)
               ? 0
               : big_endian(PQgetvalue(result, row, column), PQgetlength(result, row, column));
}

static jf_view view_at(const PGresult *result, int row, int column) {
    return (jf_view){(const uint8_t *)PQgetvalue(result, row, column),
                     (uint64_t)PQgetlength(result, row, column)};
}

static int32_t no_memory(struct op *op, const char *plugin) {
    return sc_fault(&op->why, JF_E_BUSY, 0, "%s: no memory for an answer", plugin);
}

/* Columns from `first`: revision, end, is_counter, number, value. */
static bool add_row(sc_answer *answer, const PGresult *result, int row, int first, jf_view key,
                    bool keys_only) {
    int64_t sum = (int64_t)number_at(result, row, first + 3);
    jf_view value = view_at(result, row, first + 4);
    if (PQgetvalue(result, row, first + 2)[0] != 0) value = (jf_view){(const uint8_t *)&sum, sizeof sum};
    if (keys_only) value = (jf_view){0};
    return sc_answer_entry(answer, number_at(result, row, first), number_at(result, row, first + 1), key,
                           value);
}

static int32_t take_rows(struct op *op, const PGresult *result, const char *plugin) {
    sc_answer answer = {0};
    int rows = PQntuples(result);
    if (rows == 0) return JF_ABSENT;
    bool keys_only = op->kind == OP_LIST && op->values[3][3] == 1;
    for (int row = 0; row < rows; row++) {
        bool ok = op->kind == OP_GET
                      ? add_row(&answer, result, row, 0, (jf_view){op->key, op->key_len}, false)
                      : add_row(&answer, result, row, 1, view_at(result, row, 0), keys_only);
        if (!ok) return no_memory(op, plugin);
    }
    sc_answer_give(&answer, &op->answer);
    return JF_OK;
}

/* put and add: status, revision, end[, sum]; remove: status. */
static int32_t take_change(struct op *op, const PGresult *result, const char *plugin) {
    int32_t status = PQntuples(result) == 1 ? (int32_t)number_at(result, 0, 0) : JF_E_FAULT;
    if (status == JF_E_STALE)
        return sc_fault(&op->why, status, JF_FAULT_NOT_STARTED,
                        "%s: the key has another revision, or is there already", plugin);
    if (status == JF_E_INVALID)
        return sc_fault(&op->why, status, JF_FAULT_NOT_STARTED, "%s: the key holds no counter", plugin);
    if (status != JF_OK || op->kind == OP_REMOVE) return status;
    int64_t sum = 0;
    jf_view value = {0};
    if (op->kind == OP_ADD) {
        sum = (int64_t)number_at(result, 0, 3);
        value = (jf_view){(const uint8_t *)&sum, sizeof sum};
    }
    if (sc_one_entry(number_at(result, 0, 1), number_at(result, 0, 2), (jf_view){op->key, op->key_len}, value,
                     &op->answer) != JF_OK)
        return no_memory(op, plugin);
    return JF_OK;
}

static int32_t take_verdicts(struct op *op, const PGresult *result, const char *plugin) {
    jf_store_verdict verdicts[JF_STORE_TAKE_MOST];
    jf_view array = PQntuples(result) == 1 ? view_at(result, 0, 0) : (jf_view){0};
    uint64_t count = array.len >= ARRAY_HEAD ? (array.len - ARRAY_HEAD) / 12 : 0;
    if (count < 3 || count % 3 != 0 || count > 3 * JF_STORE_TAKE_MOST)
        return sc_fault(&op->why, JF_E_FAULT, 0,
                        "%s: a take was answered strangely: are the functions the store's own?", plugin);
    for (uint64_t i = 0; i < count / 3; i++) {
        const uint8_t *at = array.ptr + ARRAY_HEAD + i * 36 + 4;
        verdicts[i] = (jf_store_verdict){(uint32_t)big_endian(at, 8), (uint32_t)big_endian(at + 12, 8),
                                         big_endian(at + 24, 8)};
    }
    return sc_verdicts(verdicts, count / 3, &op->answer) == JF_OK ? JF_OK : no_memory(op, plugin);
}

/* How many columns each statement answers with. */
enum { COLUMN_KINDS = OP_SWEEP + 1 };
static const int columns[COLUMN_KINDS] = {
    [OP_GET] = 5, [OP_PUT] = 3, [OP_REMOVE] = 1, [OP_LIST] = 6, [OP_ADD] = 4, [OP_TAKE] = 1, [OP_SWEEP] = 1};

void op_result(struct op *op, const PGresult *result, const char *plugin) {
    ExecStatusType status = PQresultStatus(result);
    op->has_result = true;
    op->status = JF_OK;
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        char text[144];
        bool not_started;
        int32_t code = error_code(result, &not_started);
        error_text(PQresultErrorMessage(result), text);
        op->status = sc_fault(&op->why, code, not_started ? JF_FAULT_NOT_STARTED : 0,
                              "%s: PostgreSQL refused: %s", plugin, text);
    } else if (op->kind < COLUMN_KINDS && PQnfields(result) != columns[op->kind]) {
        op->status = sc_fault(
            &op->why, JF_E_FAULT, 0,
            "%s: PostgreSQL answered with other columns: are the functions the store's own?", plugin);
    } else if (op->kind == OP_GET || op->kind == OP_LIST) {
        op->status = take_rows(op, result, plugin);
    } else if (op->kind == OP_TAKE) {
        op->status = take_verdicts(op, result, plugin);
    } else if (op->kind < OP_TAKE) {
        op->status = take_change(op, result, plugin);
    } else if (op->kind == OP_SWEEP && PQntuples(result) == 1) {
        op->status = (int32_t)number_at(result, 0, 0); /* how many were found */
    }
}
