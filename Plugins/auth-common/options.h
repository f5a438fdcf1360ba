/* SPDX-License-Identifier: Apache-2.0
 * Reading a provider's options. Each function answers a usable value in any case; what is wrong is told in
 * options->why and options->status, the first mistake only. */
#ifndef AUTH_COMMON_OPTIONS_H
#define AUTH_COMMON_OPTIONS_H

#include "provider.h"
#include <jackfield/json.h>

struct au_options {
    struct au_arena *keep; /**< what is read lives here */
    const char *where;     /**< heads messages: "keys[3]."; "" at the top */
    jf_json_value root;    /**< borrowed until `open` returns */
    jf_fault *why;
    int32_t status; /**< JF_OK as long as all is well */
};

/** The member of an object; false: there is none. */
bool au_member(const jf_json_value *object, const char *name, jf_json_value *out);

/** Decoded text; absent when it is not there. */
jf_view au_option_text(struct au_options *options, const jf_json_value *in, const char *name);
int64_t au_option_integer(struct au_options *options, const jf_json_value *in, const char *name,
                          int64_t least, int64_t most, int64_t preset);
bool au_option_flag(struct au_options *options, const jf_json_value *in, const char *name, bool preset);
/** A list of texts, at most `most`. */
jf_view *au_option_texts(struct au_options *options, const jf_json_value *in, const char *name, uint32_t most,
                         uint32_t *count);
/** The number of the word among `words` (NULL-terminated); `preset` when it is not there. */
uint32_t au_option_word(struct au_options *options, const jf_json_value *in, const char *name,
                        const char *const *words, uint32_t preset);
/** An object's or array's text, raw, that can be read again; absent when it is not there. */
jf_view au_option_raw(struct au_options *options, const jf_json_value *in, const char *name, uint32_t kind);
/** A time in RFC 3339, or a date (its first moment, UTC), as milliseconds of Unix time; `preset` when it is
 * not there. */
uint64_t au_option_time(struct au_options *options, const jf_json_value *in, const char *name,
                        uint64_t preset);
/** A copy of a string value, decoded. */
jf_view au_option_decode(struct au_options *options, const jf_json_value *value, const char *name);

/** Says what is wrong, unless something was before. */
void au_option_wrong(struct au_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** How many elements an array has. */
uint32_t au_count(const jf_json_value *array);

#endif
