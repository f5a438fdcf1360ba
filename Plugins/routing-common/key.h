/* SPDX-License-Identifier: Apache-2.0
 * What a call belongs to: its principal, session, client, tenant or tool, a header, or an argument. */
#ifndef JF_ROUTING_KEY_H
#define JF_ROUTING_KEY_H

#include "options.h"

enum { RT_KEY_SOURCES = 8, RT_KEY_TOKENS = 16 };

/** Arguments are looked for in so many bytes. */
#define RT_KEY_REACH 65536u

typedef struct rt_source {
    uint32_t kind;
    uint32_t token_count;
    jf_view text;    /**< the header's name */
    jf_view *tokens; /**< "arguments", then the JSON Pointer's reference tokens, decoded */
} rt_source;

/** Sources in the order in which they are tried: the first that a call has is its key. */
typedef struct rt_keys {
    uint32_t count;
    rt_source sources[RT_KEY_SOURCES];
} rt_keys;

#define RT_KEY_PATTERN "^(principal|session|client|tenant|tool|header:[!-~]+|argument:/.*)$"

/** Schema of a list of sources, `PRESET` in JSON. */
#define RT_SCHEMA_KEYS(PRESET, TEXT)                                                                         \
    "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":\"" RT_KEY_PATTERN                       \
    "\"},\"minItems\":1,\"maxItems\":8,\"default\":" PRESET ",\"description\":\"" TEXT                       \
    ", the first that the call has: principal, session, client, tenant, tool, header:NAME or "               \
    "argument:/JSON/POINTER\"}"

/** Reads the list at `pointer`; without one it is the words of `preset` (separated by spaces). */
void rt_option_keys(rt_options *options, const char *pointer, const char *preset, rt_keys *out);
/** Reads one source. */
void rt_option_source(rt_options *options, jf_view text, rt_source *out);

/** The raw text of a source in a call: a JSON string with its quotes for an argument that is one. Absent: the
 * call does not have it, or it is empty. */
jf_view rt_source_text(const rt_source *source, const rt_set *set);
/** A hash of the first key that the call has. False: it has none. */
bool rt_key(const rt_keys *keys, const rt_set *set, uint64_t seed, uint64_t *hash);

/** Finds a value in a JSON text without checking it: what is no JSON has no value. (json_path.c) */
bool rt_json_find(jf_view json, const jf_view *tokens, uint32_t count, jf_view *value);

#endif
