/* SPDX-License-Identifier: Apache-2.0
 * The source `static`: values, and the header fields that are made of them. */
#ifndef CREDENTIALS_STATIC_STATIC_H
#define CREDENTIALS_STATIC_STATIC_H

#include "file.h"
#include "source.h"

enum { VALUE_MOST = 16 << 10, ANSWER_MOST = 256 << 10 };

/** One value. */
struct value {
    struct au_file file; /**< no path: it comes from elsewhere */
    struct fixed *of;
    jf_view name, path, field; /**< `path`: in the vault; absent: it comes from elsewhere */
    struct au_text text;
    bool known;
    jf_ref request, timer;
    uint32_t failures;
    char why[160]; /**< of the last failure */
};

struct waiting {
    struct waiting *next;
    jf_ref op;
};

/** One server's source. */
struct fixed {
    struct cs_source source;
    struct value *values;
    uint32_t value_count;
    jf_pair *headers; /**< with templates as values */
    uint32_t header_count;
    jf_view address, name_space;
    struct au_file token_file;
    struct au_text token;
    uint64_t renew_ns, timeout_ns;
    struct waiting *waiting;
    bool halted;
};

/** Takes a value; what was supplied before does not hold any more where it is another one. False: it cannot
 * stand in a header field. */
bool value_take(struct value *value, jf_view text);
/** Asks the vault, if nobody is asking. */
void vault_ask(struct value *value);
void vault_halt(struct value *value);
/** A value came, or did not: ends what waits for it. */
void fixed_go(struct fixed *it);

#endif
