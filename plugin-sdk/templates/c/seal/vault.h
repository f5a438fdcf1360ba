/* SPDX-License-Identifier: Apache-2.0
 * Where sealed texts are kept: one vault in the process, of which every instance has a share. */
#ifndef VAULT_H
#define VAULT_H

#include <jackfield/seal.h>
#include <stdbool.h>

/** Characters of a ticket. */
#define TICKET 40

/** Takes a share; `most` texts are kept, as the first one says. False: out of memory. */
bool vault_take(uint32_t most);
/** Gives it back; with the last one all texts are wiped. */
void vault_give(void);

/** Keeps a text and writes its ticket. JF_E_FAULT: no memory, no randomness. [any] */
int32_t vault_put(jf_view plain, jf_view bound, char ticket[TICKET]);
/** Finds the text of a ticket and gives a copy, which is wiped when it is dropped. JF_ABSENT: there is none.
 * [any] */
int32_t vault_get(jf_view ticket, jf_view bound, jf_blob *plain);

#endif
