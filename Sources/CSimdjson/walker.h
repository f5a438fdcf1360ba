/* SPDX-License-Identifier: Apache-2.0
 * The walker: one pass over stage 1's structural indexes that checks the grammar and records nodes. */
#ifndef CSIMDJSON_WALKER_H
#define CSIMDJSON_WALKER_H

#include "csimdjson.h"

namespace csimdjson {

/** An open array or object. */
struct frame {
    uint32_t node;  /**< its node, or `no_node` below the recorded depth */
    uint32_t count; /**< the parent's count while this one is open */
    bool object;
};
inline constexpr uint32_t no_node = UINT32_MAX;

/** `index[count]` must be `length`; nodes has room for count + 1, stack for max_depth + 1. */
struct input {
    const uint8_t *text;
    uint32_t length;
    const uint32_t *index;
    uint32_t count;
    uint32_t record_depth;
    uint32_t max_depth;
    csimdjson_node *nodes;
    frame *stack;
};

/** Returns a CSIMDJSON_ status; fills `count` or `offset` of the result. */
int32_t walk(const input &in, csimdjson_result &result) noexcept;

} // namespace csimdjson
#endif
