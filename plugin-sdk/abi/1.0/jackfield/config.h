/* SPDX-License-Identifier: Apache-2.0
 * Host service jf.config/1: read JSON (configurations, tool arguments) without a JSON library, and secrets.
 */
#ifndef JACKFIELD_CONFIG_H
#define JACKFIELD_CONFIG_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a JSON value is. */
enum {
    JF_JSON_NULL = 1,
    JF_JSON_BOOL = 2,
    JF_JSON_NUMBER = 3,
    JF_JSON_STRING = 4,
    JF_JSON_ARRAY = 5,
    JF_JSON_OBJECT = 6
};

/** All slots [any]. Since 1.0. */
typedef struct jf_config_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** Finds a value by JSON Pointer (RFC 6901; "" is the whole document). *value is its raw text inside
     * `document`, *kind one of JF_JSON_*. JF_ABSENT: no such value; JF_E_INVALID: not JSON. */
    int32_t (*find)(void *context, jf_view document, jf_view pointer, jf_view *value, uint32_t *kind);
    /** Walks an object or array: start with *cursor = 0. `key` (raw, without quotes, escapes kept) is absent
     * in arrays. JF_ABSENT: the end. */
    int32_t (*next)(void *context, jf_view container, uint64_t *cursor, jf_view *key, jf_view *value,
                    uint32_t *kind);
    /** Decodes a JSON string's raw text (with its quotes) into UTF-8. */
    int32_t (*text)(void *context, jf_view value, jf_blob *out);
    /** A number as an integer (JF_E_INVALID: not one, or out of range) and as a double. */
    int32_t (*integer)(void *context, jf_view value, int64_t *out);
    int32_t (*real)(void *context, jf_view value, double *out);
    /** Encodes UTF-8 text as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD. */
    int32_t (*quote)(void *context, jf_view text, jf_blob *out);
    /** Resolves a secret that the configuration names ("secret:NAME"). JF_ABSENT: unknown. The bytes are
     * wiped on drop. */
    int32_t (*secret)(void *context, jf_view name, jf_blob *out);
} jf_config_1;
JF_PIN_SIZE(jf_config_1, 72);
#define JF_CONFIG_1 "jf.config/1"

#ifdef __cplusplus
}
#endif
#endif
