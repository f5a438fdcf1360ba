/* SPDX-License-Identifier: Apache-2.0
 * csimdjson: a strict JSON validator and index builder on simdjson's structural scan, behind plain C. */
#ifndef CSIMDJSON_H
#define CSIMDJSON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define CSIMDJSON_NOEXCEPT noexcept
#else
#define CSIMDJSON_NOEXCEPT
#endif

/** Bytes that must be readable (any content) behind the end of a text. */
#define CSIMDJSON_PADDING 64

/** What a parse found. */
enum {
    CSIMDJSON_OK = 0,
    CSIMDJSON_EMPTY = 1,     /**< nothing but white space */
    CSIMDJSON_SYNTAX = 2,    /**< a character that the grammar does not allow here */
    CSIMDJSON_UTF8 = 3,      /**< not well-formed UTF-8 */
    CSIMDJSON_DEPTH = 4,     /**< arrays and objects nested deeper than the limit */
    CSIMDJSON_TOO_LARGE = 5, /**< more bytes than the limit */
    CSIMDJSON_TRAILING = 6,  /**< something follows the value */
    CSIMDJSON_STRING = 7,    /**< a string without an end, or with a raw control character */
    CSIMDJSON_NUMBER = 8,    /**< not the number grammar of RFC 8259 section 6 */
    CSIMDJSON_LITERAL = 9,   /**< begins like true, false or null and is none of them */
    CSIMDJSON_ESCAPE = 10,   /**< an escape sequence that RFC 8259 section 7 does not know */
    CSIMDJSON_MEMORY = 11,   /**< no memory for the index */
    CSIMDJSON_TRUNCATED = 12 /**< the text ends inside an array or object */
};

/** csimdjson_node.kind */
enum {
    CSIMDJSON_NULL = 0,
    CSIMDJSON_BOOL = 1,
    CSIMDJSON_NUM = 2,
    CSIMDJSON_STR = 3,
    CSIMDJSON_ARRAY = 4,
    CSIMDJSON_OBJECT = 5
};

/** csimdjson_node.flags */
#define CSIMDJSON_ESCAPED 1u     /**< string: holds at least one escape sequence */
#define CSIMDJSON_KEY_ESCAPED 2u /**< member: its key holds at least one escape sequence */
#define CSIMDJSON_UNRECORDED 4u  /**< array, object: what is inside was validated but has no nodes */
#define CSIMDJSON_TRUE 8u        /**< bool: the literal true */
#define CSIMDJSON_INTEGER 16u    /**< number: has neither fraction nor exponent */

/** One recorded value. Nodes stand in document order: the first child of a container is the node behind it,
 * its next sibling is `next`. All positions are byte offsets in the text. */
typedef struct csimdjson_node {
    uint32_t start;   /**< first byte of the value (strings: the opening quote) */
    uint32_t end;     /**< one past its last byte */
    uint32_t next;    /**< index of the node behind this value and all that is inside it */
    uint32_t count;   /**< members or elements, recorded or not; 0 for scalars */
    uint32_t key;     /**< member: first byte of the raw key, behind its quote; otherwise 0 */
    uint32_t key_end; /**< member: the key's closing quote */
    uint8_t kind;     /**< CSIMDJSON_NULL … CSIMDJSON_OBJECT */
    uint8_t flags;    /**< CSIMDJSON_ESCAPED … */
    uint16_t depth;   /**< 0 for the root */
} csimdjson_node;

/** Out-parameters of csimdjson_parser_parse. */
typedef struct csimdjson_result {
    const csimdjson_node *nodes; /**< owned by the parser, valid until its next parse */
    uint32_t count;              /**< nodes recorded */
    uint32_t offset;             /**< on failure: where, at most the length of the text */
} csimdjson_result;

/** Owns the index memory. One thread at a time. */
typedef struct csimdjson_parser csimdjson_parser;

/** Makes a parser for texts of at most `max_bytes` (below 4 GiB) with at most `max_depth` nested arrays and
 * objects (at most 1024). NULL: no memory. */
csimdjson_parser *csimdjson_parser_create(size_t max_bytes, uint32_t max_depth) CSIMDJSON_NOEXCEPT;
void csimdjson_parser_destroy(csimdjson_parser *parser) CSIMDJSON_NOEXCEPT;

/** Validates all of `text` against RFC 8259 and records values down to `record_depth`.
 * `text` needs CSIMDJSON_PADDING readable bytes behind `length`. Returns CSIMDJSON_OK or what is wrong. */
int32_t csimdjson_parser_parse(csimdjson_parser *parser, const uint8_t *text, size_t length,
                               uint32_t record_depth, csimdjson_result *result) CSIMDJSON_NOEXCEPT;

/** Decodes the raw content of a JSON string into `out`, which has room for `length` bytes (decoding never
 * grows a text). A lone surrogate becomes U+FFFD. Returns the bytes written, or -1 when `raw` holds a
 * malformed escape sequence. Reads nothing behind `length`. */
ptrdiff_t csimdjson_unescape(const uint8_t *raw, size_t length, uint8_t *out) CSIMDJSON_NOEXCEPT;

/** How many bytes at the front of `text` may stand in a JSON string as they are (no quote, backslash or
 * control character). Reads nothing behind `length`. */
size_t csimdjson_plain_prefix(const uint8_t *text, size_t length) CSIMDJSON_NOEXCEPT;

/** 1 when `text` is well-formed UTF-8. */
int32_t csimdjson_is_utf8(const uint8_t *text, size_t length) CSIMDJSON_NOEXCEPT;

/** The double nearest to a JSON number, independent of the locale. Returns 0 when the number is no finite
 * double. Underflow gives a signed zero. */
int32_t csimdjson_double(const uint8_t *text, size_t length, double *value) CSIMDJSON_NOEXCEPT;

/** The name of simdjson's kernel for this processor ("haswell", "icelake", "arm64", …). */
const char *csimdjson_kernel(void) CSIMDJSON_NOEXCEPT;

#undef CSIMDJSON_NOEXCEPT
#ifdef __cplusplus
}
#endif
#endif
