/* SPDX-License-Identifier: Apache-2.0
 * Plugin filter-schema: JSON Schema 2020-12, compiled once and checked with bounded work. The README lists
 * the keywords. */
#ifndef FILTER_SCHEMA_H
#define FILTER_SCHEMA_H

#include "filter.h"
#include "pattern.h"

#define SC_MOST_NODES 8192
#define SC_MOST_STEPS 1000000
#define SC_MOST_DEPTH 256
#define SC_MOST_TOLD 8

typedef struct sc_node sc_node;

/** Members and what holds for them. */
typedef struct sc_property {
    jf_view name; /**< decoded, kept; of a pattern absent */
    fl_pattern *pattern;
    sc_node *node;
} sc_property;

/** Schemas of one keyword. */
typedef struct sc_nodes {
    sc_node **all;
    uint32_t count;
} sc_nodes;

/** One schema. */
struct sc_node {
    const uint8_t *source; /**< where it stands in the definition */
    bool never;            /**< `false` */
    bool unique;
    uint32_t types;  /**< bits of JF_JSON_*, and SC_INTEGER; 0: any */
    jf_view choices; /**< `enum`, raw; absent: none */
    jf_view value;   /**< `const`, raw; absent: none */
    sc_property *properties;
    uint32_t property_count;
    fl_list required;
    sc_property *dependents; /**< dependentSchemas */
    uint32_t dependent_count;
    sc_node *additional, *names, *items, *contains, *not, *condition, *then, *otherwise, *reference;
    sc_nodes prefix, all_of, any_of, one_of;
    fl_pattern *pattern;
    uint64_t min_length, max_length, min_items, max_items, min_members, max_members, min_contains,
        max_contains;
    double minimum, maximum, above, below, multiple;
    uint32_t bounds; /**< bits of SC_* below: which of the doubles count */
};
#define SC_INTEGER (1u << 31)
enum { SC_MINIMUM = 1, SC_MAXIMUM = 2, SC_ABOVE = 4, SC_BELOW = 8, SC_MULTIPLE = 16 };

/** A compiled definition. */
typedef struct sc_schema {
    sc_node **nodes; /**< all of them */
    uint32_t count;
    jf_json_value root; /**< what `#` is */
    sc_node *top;
} sc_schema;

/** Compiles a schema, which must live as long. False: it cannot be used, `why` says why. */
bool sc_compile(jf_json_value source, sc_schema *out, char *why, uint64_t size);
void sc_free(sc_schema *schema);

/** Checks a value. 1: it fits; 0: it does not, and `told` says where, for people and models; -1: too much
 * work. */
int sc_check(const sc_schema *schema, jf_view value, fl_bytes *told);

/** Whether two values are the same (section 4.2.2). `steps` counts down. */
bool sc_equal(const jf_json_value *a, const jf_json_value *b, uint64_t *steps);

#endif
