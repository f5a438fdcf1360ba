/* SPDX-License-Identifier: Apache-2.0
 * What is asked of Open Policy Agent, what it answers, and what is remembered of that. */
#ifndef JF_POLICY_OPA_H
#define JF_POLICY_OPA_H

#include "policy.h"

/** Decisions that are remembered by their whole input. */
typedef struct opa_memory {
    struct opa_kept *list;
    uint32_t room, next;
    uint64_t ttl_ms;
} opa_memory;

/* ---- input.c ---- */

/** Writes {"input": …} for one access. */
void opa_write(pc_text *out, const jf_access *access);
/** Writes {"input": {"items": [ … ]}} for many. */
void opa_write_many(pc_text *out, const jf_access *const *accesses, uint64_t count);

/* ---- answer.c ---- */

/** Reads {"result": …} into a decision as `finish` takes it: a JSON object in `out`. JF_E_INVALID: no such
 * answer. */
int32_t opa_read(jf_view body, pc_text *out, jf_fault *why);
/** Reads {"result": [ … ]} into one byte for each item. */
int32_t opa_read_many(jf_view body, uint64_t count, uint8_t *out, jf_fault *why);

/* ---- memory.c ---- */

bool opa_memory_begin(opa_memory *it, uint32_t room, uint64_t ttl_ms);
void opa_memory_end(opa_memory *it);
/** The decision for an input; absent: none, or too old. */
jf_view opa_recall(const opa_memory *it, jf_view input, uint64_t now_ms);
void opa_remember(opa_memory *it, jf_view input, jf_view decision, uint64_t now_ms);

#endif
