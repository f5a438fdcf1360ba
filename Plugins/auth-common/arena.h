/* SPDX-License-Identifier: Apache-2.0
 * Memory that is taken piece by piece and given back at once; and growing text. */
#ifndef AUTH_COMMON_ARENA_H
#define AUTH_COMMON_ARENA_H

#include <jackfield/base.h>
#include <stdbool.h>
#include <stdint.h>

struct au_arena {
    void *blocks;
    bool failed; /**< memory was missing at least once */
};

/** Zeroed memory, 16-byte aligned, that lives until au_arena_end; NULL when there is none. */
void *au_take(struct au_arena *arena, uint64_t size);
/** A copy with a NUL behind it; absent when there is no memory. */
jf_view au_take_text(struct au_arena *arena, jf_view text);
void au_arena_end(struct au_arena *arena);

/** Text that grows. Once memory is missing, `failed` is set and nothing more is written. */
struct au_text {
    uint8_t *ptr;
    uint64_t len, room;
    bool failed;
};

void au_put(struct au_text *text, jf_view bytes);
#define au_puts(text, literal) au_put((text), (jf_view){(const uint8_t *)(literal), sizeof(literal) - 1})
/** A JSON string, with its quotes. */
void au_put_quoted(struct au_text *text, jf_view value);
void au_put_number(struct au_text *text, uint64_t number);
/** As application/x-www-form-urlencoded has it. */
void au_put_encoded(struct au_text *text, jf_view value);
/** Hands the text over as a blob. False: memory was missing, and nothing is left. */
bool au_text_blob(struct au_text *text, jf_blob *blob);
/** Wipes and frees it. */
void au_text_end(struct au_text *text);

#endif
