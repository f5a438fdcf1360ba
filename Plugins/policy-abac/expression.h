/* SPDX-License-Identifier: Apache-2.0
 * The conditions of rules: read once, into a tree of bounded depth and size; evaluated without loops over
 * anything but what lies in the request.
 *
 *     condition = and *( "or" and )
 *     and       = not *( "and" not )
 *     not       = "not" not / test
 *     test      = "(" condition ")" / "exists" PATH / value [ compare value ] / value [ "not" ] "in" value
 *     compare   = "==" / "!=" / "<" / "<=" / ">" / ">=" / "matches"
 *     value     = PATH / TEXT / NUMBER / "true" / "false" / "null" / "[" [ value *( "," value ) ] "]"
 *     PATH      = NAME *( "." ( NAME / TEXT ) )
 *     TEXT      = in "double" or 'single' quotes; \ before a quote or a \ takes it as it is
 *
 * What is not there, and what cannot be compared, makes a comparison false. */
#ifndef JF_POLICY_EXPRESSION_H
#define JF_POLICY_EXPRESSION_H

#include "policy.h"

/** Bounds of one condition. */
enum { EX_DEEPEST = 32, EX_MOST_NODES = 512 };
/** Arguments, attributes and definitions that are looked into are this long at most, in bytes. */
#define EX_REACH (1u << 20)

/** What a path begins with. Bits: a condition's `uses` says which ones it has. */
enum {
    EX_PRINCIPAL = 1,
    EX_ATTRIBUTES = 2,
    EX_ARGUMENTS = 4,
    EX_TIME = 8,
    EX_ADDRESS = 16,
    EX_ITEM = 32,
    EX_GRANTS = 64 /**< roles, scopes, and whether it is known */
};

typedef struct ex_node ex_node;

/** A condition that was read. */
typedef struct ex_condition {
    const ex_node *root;
    uint32_t uses;
    uint32_t nodes;
} ex_condition;

/** Of a condition while only lists are shown: `EX_MAYBE` where it hangs on arguments. */
typedef enum ex_truth { EX_FALSE = 0, EX_TRUE = 1, EX_MAYBE = 2 } ex_truth;

/** What conditions are about. */
typedef struct ex_world {
    const jf_access *access;
    int32_t offset;      /**< of the policy's time zone, in seconds */
    const char *problem; /**< why there is no answer: the input is not as it should be; NULL: there is one */
    uint64_t spent;      /**< bytes of JSON that were looked at */
    void *kept;          /**< decoded texts, until ex_end */
} ex_world;

/** Reads a condition. JF_E_INVALID: `why` says what is wrong, and at which character of `where`. */
int32_t ex_read(pc_policy *policy, jf_view text, const char *where, ex_condition *out, jf_fault *why);
ex_truth ex_evaluate(const ex_condition *condition, ex_world *world);
/** All conditions of a decision are evaluated. */
void ex_end(ex_world *world);

#endif
