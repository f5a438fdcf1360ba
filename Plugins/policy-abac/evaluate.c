/* SPDX-License-Identifier: Apache-2.0
 * Whether a condition holds. Time is bounded: each look into JSON is paid for from one budget. */
#include "node.h"

/** Bytes of JSON that all conditions of one decision look at together. */
#define BUDGET (32u << 20)

typedef enum value_kind { ABSENT, MAYBE, TEXT, NUMBER, BOOL, NOTHING, ARRAY, NAMES, OTHER } value_kind;

typedef struct value {
    value_kind kind;
    jf_view text;
    double number;
    jf_json_value json;
    const jf_view *names;
    uint64_t count;
} value;

static const value absent = {.kind = ABSENT};

void ex_end(ex_world *world) {
    for (void **it = world->kept; it != NULL;) {
        void **next = *it;
        free(it);
        it = next;
    }
    world->kept = NULL;
}

static value of_text(jf_view text) {
    return text.ptr == NULL || text.len == 0 ? absent : (value){.kind = TEXT, .text = text};
}

static value of_bool(bool is) {
    return (value){.kind = BOOL, .number = is};
}
static value of_number(double number) {
    return (value){.kind = NUMBER, .number = number};
}

static void spoil(ex_world *world, const char *problem) {
    if (world->problem == NULL) world->problem = problem;
}

static value of_json(ex_world *world, const jf_json_value *json) {
    value out = {.kind = OTHER, .json = *json};
    switch (json->kind) {
    case JF_JSON_STRING:
        out.kind = TEXT;
        out.text = (jf_view){json->ptr, json->len};
        if (json->escaped) {
            void **block = malloc(sizeof *block + json->len + 1);
            if (block == NULL) {
                spoil(world, "out of memory");
                return absent;
            }
            *block = world->kept;
            world->kept = block;
            out.text.ptr = (uint8_t *)(block + 1);
            out.text.len = jf_json_decode(json, (uint8_t *)(block + 1));
            if (out.text.len == UINT64_MAX) {
                spoil(world, "a text in the request is no UTF-8");
                return absent;
            }
        }
        break;
    case JF_JSON_NUMBER:
        if (jf_json_real(json, &out.number)) out.kind = NUMBER;
        break;
    case JF_JSON_BOOL:
        return of_bool(jf_json_raw(json).ptr[0] == 't');
    case JF_JSON_NULL:
        out.kind = NOTHING;
        break;
    case JF_JSON_ARRAY:
        out.kind = ARRAY;
        break;
    default:
        break;
    }
    return out;
}

/* One member or element. A member that stands there twice is read by servers as they please: no answer then.
 */
static bool enter(ex_world *world, const jf_json_value *in, jf_view token, jf_json_value *out) {
    jf_json_value key, item;
    uint64_t found = 0, index = 0, at = 0;
    bool is_array = in->kind == JF_JSON_ARRAY;
    if (!is_array && in->kind != JF_JSON_OBJECT) return false;
    if (is_array) {
        if (token.len == 0 || token.len > 6) return false;
        for (uint64_t i = 0; i < token.len; i++) {
            if (token.ptr[i] < '0' || token.ptr[i] > '9') return false;
            index = index * 10 + (token.ptr[i] - '0');
        }
    }
    world->spent += in->len;
    if (world->spent > BUDGET) {
        spoil(world, "the request is too large for these conditions");
        return false;
    }
    jf_json_walk walk = jf_json_walk_of(in);
    while (jf_json_next(&walk, &key, &item) == 1) {
        if (is_array ? at++ != index : !jf_json_is(&key, token)) continue;
        *out = item;
        if (found++ > 0) spoil(world, "a member of an object in the request is repeated");
        if (is_array) break;
    }
    return found > 0;
}

static value look(ex_world *world, jf_view document, const ex_node *path) {
    jf_json_value at;
    if (document.ptr == NULL || document.len == 0) return absent;
    if (document.len > EX_REACH) {
        spoil(world, "the request is too large for these conditions");
        return absent;
    }
    world->spent += document.len;
    if (world->spent > BUDGET) {
        spoil(world, "the request is too large for these conditions");
        return absent;
    }
    if (!jf_json_read(document, &at)) {
        spoil(world, "the request holds what is no JSON");
        return absent;
    }
    for (uint32_t i = 0; i < path->token_count; i++) {
        jf_json_value next;
        if (!enter(world, &at, path->tokens[i], &next)) return absent;
        at = next;
    }
    return of_json(world, &at);
}

static value label(const jf_access *access, jf_view name) {
    for (uint64_t i = 0; i < access->label_count; i++)
        if (pc_same(access->labels[i].name, name))
            return (value){.kind = TEXT, .text = access->labels[i].value};
    return absent;
}

/* Days since 1970-01-01, which was a Thursday. */
static value of_time(const ex_world *world, ex_root root) {
    static const char *const days[] = {"thu", "fri", "sat", "sun", "mon", "tue", "wed"};
    int64_t seconds = (int64_t)(world->access->now_ms / 1000) + world->offset;
    if (seconds < 0) seconds = 0;
    if (root == EX_WEEKDAY) return of_text(pc_view(days[seconds / 86400 % 7]));
    return of_number(root == EX_HOUR ? (double)(seconds / 3600 % 24) : (double)(seconds / 60 % 60));
}

static value of_path(ex_world *world, const ex_node *path) {
    static const char *const kinds[] = {"tool", "resource", "template", "prompt"};
    const jf_access *it = world->access;
    const jf_principal *who = it->principal;
    switch (path->root) {
    case EX_SUBJECT:
        return of_text(who->subject);
    case EX_TENANT:
        return of_text(who->tenant);
    case EX_ISSUER:
        return of_text(who->issuer);
    case EX_PROVIDER:
        return of_text(who->provider);
    case EX_CREDENTIAL:
        return of_text(who->credential);
    case EX_ROLES:
        return (value){.kind = NAMES, .names = who->roles, .count = who->role_count};
    case EX_SCOPES:
        return (value){.kind = NAMES, .names = who->scopes, .count = who->scope_count};
    case EX_KNOWN:
        return of_bool(who->id != 0);
    case EX_ATTRIBUTE:
        return look(world, who->attributes, path);
    case EX_NAME:
        return of_text(it->name);
    case EX_SHOWN:
        return of_text(it->shown);
    case EX_KIND:
        return it->kind <= JF_PROMPTS ? of_text(pc_view(kinds[it->kind])) : absent;
    case EX_ACTION:
        return of_text(it->action);
    case EX_SERVER:
        return of_text(it->server);
    case EX_LABEL:
        return label(it, path->tokens[0]);
    case EX_TARGET:
        return of_text(it->target);
    case EX_REGION:
        return of_text(it->region);
    case EX_CLIENT_ADDRESS:
        return of_text(it->address);
    case EX_LISTING:
        return of_bool((it->flags & JF_ACCESS_LISTING) != 0);
    case EX_DEFINITION:
        return look(world, it->definition, path);
    case EX_READ_ONLY:
        return of_bool((it->traits & JF_PICK_READ_ONLY) != 0);
    case EX_IDEMPOTENT:
        return of_bool((it->traits & JF_PICK_IDEMPOTENT) != 0);
    case EX_DESTRUCTIVE:
        return of_bool((it->traits & JF_PICK_DESTRUCTIVE) != 0);
    case EX_OPEN_WORLD:
        return of_bool((it->traits & JF_PICK_OPEN_WORLD) != 0);
    case EX_ARGUMENT:
        /* Nobody has said yet what they will be. */
        if ((it->flags & JF_ACCESS_LISTING) != 0) return (value){.kind = MAYBE};
        return look(world, it->arguments, path);
    case EX_WEEKDAY:
    case EX_HOUR:
    case EX_MINUTE:
        return of_time(world, path->root);
    }
    return absent;
}

static value evaluate_value(ex_world *world, const ex_node *node) {
    switch (node->kind) {
    case EX_TEXT:
    case EX_NETWORK:
        return (value){.kind = TEXT, .text = node->text};
    case EX_NUMBER:
        return of_number(node->number);
    case EX_BOOL:
        return of_bool(node->number != 0);
    case EX_NULL:
        return (value){.kind = NOTHING};
    case EX_PATH:
        return of_path(world, node);
    default:
        return (value){.kind = OTHER};
    }
}

/* 0: equal; below and above: in order; 2: they cannot be compared. */
static int compare(const value *a, const value *b) {
    if (a->kind != b->kind) return 2;
    switch (a->kind) {
    case TEXT: {
        uint64_t least = a->text.len < b->text.len ? a->text.len : b->text.len;
        int found = least > 0 ? memcmp(a->text.ptr, b->text.ptr, least) : 0;
        if (found != 0) return found < 0 ? -1 : 1;
        return a->text.len < b->text.len ? -1 : a->text.len > b->text.len;
    }
    case NUMBER:
        return a->number < b->number ? -1 : a->number > b->number;
    case BOOL:
        return a->number == b->number ? 0 : 2;
    case NOTHING:
        return 0;
    default:
        return 2;
    }
}

static bool within(const ex_network *network, const ex_network *own) {
    uint32_t whole = network->bits / 8, rest = network->bits % 8;
    if (network->four != own->four || memcmp(network->bytes, own->bytes, whole) != 0) return false;
    return rest == 0 || ((network->bytes[whole] ^ own->bytes[whole]) >> (8 - rest)) == 0;
}

/* An address that is none is in no network, and outside of none. */
static bool is_address(const value *address, ex_network *out) {
    return address->kind == TEXT && ex_read_network(address->text, true, out);
}

static ex_truth truth(bool is) {
    return is ? EX_TRUE : EX_FALSE;
}

static ex_truth is_in(ex_world *world, const value *left, const ex_node *list) {
    jf_json_value key, item;
    ex_network own;
    bool placed = is_address(left, &own);
    if (list->kind == EX_NETWORK) return truth(placed && within(&list->network, &own));
    if (list->kind == EX_LIST) {
        for (const ex_node *it = list->left; it != NULL; it = it->right) {
            value each = evaluate_value(world, it->left);
            if (it->left->kind == EX_NETWORK ? placed && within(&it->left->network, &own)
                                             : compare(left, &each) == 0)
                return EX_TRUE;
        }
        return EX_FALSE;
    }
    value all = of_path(world, list);
    if (all.kind == MAYBE) return EX_MAYBE;
    if (all.kind == NAMES && left->kind == TEXT)
        for (uint64_t i = 0; i < all.count; i++)
            if (pc_same(all.names[i], left->text)) return EX_TRUE;
    if (all.kind != ARRAY) return EX_FALSE;
    jf_json_walk walk = jf_json_walk_of(&all.json);
    while (jf_json_next(&walk, &key, &item) == 1) {
        value each = of_json(world, &item);
        if (compare(left, &each) == 0) return EX_TRUE;
    }
    return EX_FALSE;
}

static ex_truth compared(ex_world *world, const ex_node *node) {
    value left = evaluate_value(world, node->left);
    if (left.kind == MAYBE) return EX_MAYBE;
    if (node->kind == EX_VALUE) return truth(left.kind == BOOL && left.number != 0);
    if (left.kind == ABSENT) return EX_FALSE;
    if (node->kind == EX_IN) return is_in(world, &left, node->right);
    if (node->kind == EX_MATCHES) return truth(left.kind == TEXT && pc_glob(node->right->text, left.text));
    if (node->right->kind == EX_NETWORK) {
        ex_network own;
        return truth(is_address(&left, &own) && within(&node->right->network, &own) == (node->kind == EX_EQ));
    }
    value right = evaluate_value(world, node->right);
    if (right.kind == MAYBE) return EX_MAYBE;
    int order = compare(&left, &right);
    bool differs = order == 2 && left.kind == BOOL && right.kind == BOOL;
    switch (node->kind) {
    case EX_EQ:
        return truth(order == 0);
    case EX_NE:
        return truth(order == 1 || order == -1 || differs);
    case EX_LT:
        return truth(order == -1);
    case EX_LE:
        return truth(order == -1 || (order == 0 && left.kind != BOOL && left.kind != NOTHING));
    case EX_GT:
        return truth(order == 1);
    case EX_GE:
        return truth(order == 1 || (order == 0 && left.kind != BOOL && left.kind != NOTHING));
    default:
        return EX_FALSE;
    }
}

static ex_truth evaluate(ex_world *world, const ex_node *node) {
    ex_truth found;
    switch (node->kind) {
    case EX_OR:
    case EX_AND: {
        ex_truth decisive = node->kind == EX_OR ? EX_TRUE : EX_FALSE;
        found = node->kind == EX_OR ? EX_FALSE : EX_TRUE;
        for (const ex_node *it = node; it != NULL; it = it->right) {
            ex_truth part = evaluate(world, it->left);
            if (part == decisive) return decisive;
            if (part == EX_MAYBE) found = EX_MAYBE;
        }
        return found;
    }
    case EX_NOT:
        found = evaluate(world, node->left);
        return found == EX_MAYBE ? EX_MAYBE : truth(found == EX_FALSE);
    case EX_EXISTS: {
        value there = of_path(world, node->left);
        return there.kind == MAYBE ? EX_MAYBE : truth(there.kind != ABSENT);
    }
    default:
        return compared(world, node);
    }
}

ex_truth ex_evaluate(const ex_condition *condition, ex_world *world) {
    return evaluate(world, condition->root);
}
