/* SPDX-License-Identifier: Apache-2.0
 * What is kept of a call of a composite tool, and what its targets are asked. */
#ifndef TOOLS_COMPOSITE_ASKING_H
#define TOOLS_COMPOSITE_ASKING_H

#include "model.h"

typedef struct asking {
    uint8_t *bytes; /**< arguments and params, which the values point into */
    json_value arguments, trace[3];
    uint8_t *principal; /**< NULL: nobody in particular */
    size_t principal_length;
    uint32_t depth;
} asking;

/** Whether one call more may begin; else `why` says JF_E_BUSY. */
bool asking_allowed(const set *in, jf_fault *why);
/** Copies a request. An error: `why` is filled in; asking_free is owed all the same. */
int32_t asking_read(asking *out, const set *in, const composite *it, const jf_request *request,
                    jf_fault *why);
void asking_free(asking *it);
/** When the answer must be on its way: the composite's time is over, or soon the caller's own. */
uint64_t asking_deadline(const composite *it, const jf_request *request, uint64_t now);

/** batch: the argument that holds the items. */
typedef struct list_argument {
    const char *name;
    const char *without; /**< the caller's argument that is in it; NULL: none of them goes along */
    const text *items;
} list_argument;

/** The params of a target's call; `list` may be NULL. False: out of memory. */
bool params_write(const asking *from, const target *to, const list_argument *list, text *out);
/** Their arguments alone. */
void params_arguments(const asking *from, const target *to, const list_argument *list, text *out);

#endif
