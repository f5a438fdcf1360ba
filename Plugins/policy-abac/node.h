/* SPDX-License-Identifier: Apache-2.0
 * The tree of a condition, shared by what reads it and what evaluates it. */
#ifndef JF_POLICY_NODE_H
#define JF_POLICY_NODE_H

#include "expression.h"

typedef enum ex_kind {
    EX_OR,
    EX_AND,
    EX_NOT,
    EX_EXISTS,
    EX_EQ,
    EX_NE,
    EX_LT,
    EX_LE,
    EX_GT,
    EX_GE,
    EX_IN,
    EX_MATCHES,
    EX_VALUE, /**< a value as a condition: true when it is `true` */
    /* values */
    EX_TEXT,
    EX_NUMBER,
    EX_BOOL,
    EX_NULL,
    EX_LIST,
    EX_NETWORK, /**< a text that is one, in a comparison with `address` */
    EX_PATH
} ex_kind;

/** Where a path leads. */
typedef enum ex_root {
    EX_SUBJECT,
    EX_TENANT,
    EX_ISSUER,
    EX_PROVIDER,
    EX_CREDENTIAL,
    EX_ROLES,
    EX_SCOPES,
    EX_KNOWN, /**< principal.known */
    EX_ATTRIBUTE,
    EX_NAME,
    EX_SHOWN,
    EX_KIND,
    EX_ACTION,
    EX_SERVER,
    EX_LABEL,
    EX_TARGET,
    EX_REGION,
    EX_CLIENT_ADDRESS,
    EX_LISTING,
    EX_DEFINITION, /**< tool.annotations.*, tool.definition.* */
    EX_READ_ONLY,
    EX_IDEMPOTENT,
    EX_DESTRUCTIVE,
    EX_OPEN_WORLD,
    EX_ARGUMENT,
    EX_WEEKDAY,
    EX_HOUR,
    EX_MINUTE
} ex_root;

typedef struct ex_network {
    uint8_t bytes[16]; /**< IPv4 as ::ffff:a.b.c.d */
    uint32_t bits;
    bool four; /**< IPv4: no network of IPv6 holds it */
} ex_network;

struct ex_node {
    ex_kind kind;
    ex_root root;
    const ex_node *left, *right; /**< right: also the next of a list */
    jf_view text;
    double number;
    ex_network network;
    const jf_view *tokens; /**< behind the root */
    uint32_t token_count;
};

/** Reads ADDRESS or ADDRESS/BITS. `port`: one may follow, as in 10.0.0.1:80 or [::1]:80. */
bool ex_read_network(jf_view text, bool port, ex_network *out);

#endif
