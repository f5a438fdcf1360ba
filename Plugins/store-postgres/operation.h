/* SPDX-License-Identifier: Apache-2.0
 * Operations as prepared statements, and results as answers. */
#ifndef STORE_POSTGRES_OPERATION_H
#define STORE_POSTGRES_OPERATION_H

#include "connect.h"
#include "limit.h"

enum { OP_GET, OP_PUT, OP_REMOVE, OP_LIST, OP_ADD, OP_TAKE, OP_SWEEP, OP_WATCH, OP_LISTEN };
enum { PARAMETERS_MOST = 8 };

struct op {
    sc_op link; /**< first */
    uint32_t kind;
    int count; /**< of parameters, all of them binary */
    const char *values[PARAMETERS_MOST];
    int lengths[PARAMETERS_MOST];
    uint32_t key_len;
    const uint8_t *key; /**< for the answer */
    bool has_result;    /**< it came; the end of its transaction is still to come */
    bool tells;         /**< a watch is registered: what changed before was missed */
    int32_t status;
    jf_blob answer;
    jf_fault why;
    uint8_t bytes[];
};

struct op *op_get(jf_view key);
struct op *op_put(const jf_store_put *put);
struct op *op_remove(jf_view key, uint64_t revision);
struct op *op_list(const jf_store_list *list);
struct op *op_add(const jf_store_add *add);
struct op *op_take(const sc_limit *limits, uint64_t count);
struct op *op_sweep(bool limits_too);
struct op *op_watch(jf_view prefix, uint64_t ms);
struct op *op_listen(void);
void op_discard(sc_op *op);

/** Queues it with its own transaction; false: the connection broke. */
bool op_send(struct op *op, PGconn *connection, const char *schema);
/** Takes the result into `op`. */
void op_result(struct op *op, const PGresult *result, const char *plugin);

#endif
