/* SPDX-License-Identifier: Apache-2.0
 * Header fields that pass through a transport (jf_message, "Header fields"): those of a request for the host,
 * those of the host for a head. */
#ifndef TRANSPORT_COMMON_FIELDS_H
#define TRANSPORT_COMMON_FIELDS_H

#include "incoming.h"
#include <jackfield/message.h>

/** Bytes of the host's fields in one head, line ends included. */
enum { FIELDS_ROOM = 8192 };

/** Lists the fields of a request that have no member in jf_message, as views into the buffer. `pairs` has
 * room for FIELDS_MAX. Returns how many there are. */
uint32_t fields_list(const struct incoming *in, jf_pair *pairs);

/** A copy of fields, and all its text, in one piece of memory. */
struct fields {
    uint64_t size; /**< of all of it */
    uint64_t count;
    jf_pair pairs[];
};
/** Bytes that a copy of `count` fields takes. */
uint64_t fields_size(const jf_pair *pairs, uint64_t count);
/** Copies them to `to`, which has that many bytes. */
struct fields *fields_copy(void *to, const jf_pair *pairs, uint64_t count);
/** Overwrites the text: there are credentials in it. `fields` may be NULL. */
void fields_wipe(struct fields *fields);

/** How many fields a message of the host has; an older host's ends before them. */
static inline uint64_t fields_count(const jf_message *m) {
    if (m->size < offsetof(jf_message, field_count) + sizeof(m->field_count)) return 0;
    return m->fields == NULL ? 0 : m->field_count;
}
/** Whether the host's fields can stand in a head: tokens, clean values, nothing that frames or routes a
 * message, FIELDS_ROOM bytes at most. */
bool fields_clean(const jf_message *m);
/** Writes them as lines. */
void fields_put(struct writer *w, const jf_message *m);

#endif
