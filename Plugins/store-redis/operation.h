/* SPDX-License-Identifier: Apache-2.0
 * Operations as commands, and replies as answers. */
#ifndef STORE_REDIS_OPERATION_H
#define STORE_REDIS_OPERATION_H

#include "connect.h"
#include "limit.h"

enum { OP_GET, OP_PUT, OP_REMOVE, OP_LIST, OP_ADD, OP_TAKE, OP_SWEEP, OP_LOAD };

struct op {
    sc_op link; /**< first */
    uint32_t kind;
    uint32_t script; /**< SCRIPT_*, where sha_at is not 0 */
    size_t sha_at;   /**< where the script's digest goes, which the connection knows */
    size_t length;
    uint32_t key_len; /**< the key for the answer stands behind the command */
    bool was_repeated;
    bool keys_only;
    uint8_t bytes[];
};

/** Each makes the command; NULL: no memory. */
struct op *op_get(const struct settings *settings, jf_view key);
struct op *op_put(const struct settings *settings, const jf_store_put *put);
struct op *op_remove(const struct settings *settings, jf_view key, uint64_t revision);
struct op *op_list(const struct settings *settings, const jf_store_list *list);
struct op *op_add(const struct settings *settings, const jf_store_add *add);
struct op *op_take(const struct settings *settings, const sc_limit *limits, uint64_t count);
struct op *op_sweep(const struct settings *settings);
struct op *op_load(uint32_t script);
void op_discard(sc_op *op);

/** What a reply says. The answer is the caller's. */
int32_t op_answer(const struct op *op, const redisReply *reply, const char *plugin, jf_blob *answer,
                  jf_fault *why);

#endif
