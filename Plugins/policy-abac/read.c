/* SPDX-License-Identifier: Apache-2.0
 * From text to conditions. */
#include "node.h"
#include <arpa/inet.h>

typedef struct reader {
    pc_policy *policy;
    const char *text, *at, *end;
    const char *where;
    jf_fault *why;
    uint32_t depth, nodes, uses;
    int32_t status;
} reader;

static const ex_node *wrong(reader *in, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static const ex_node *wrong(reader *in, const char *at, const char *format, ...) {
    if (in->status != JF_OK) return NULL;
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    in->status = pc_wrong(in->why, "%s, character %ld: %s", in->where, (long)(at - in->text) + 1, text);
    return NULL;
}

static ex_node *node(reader *in, ex_kind kind) {
    if (++in->nodes > EX_MOST_NODES) {
        wrong(in, in->at, "the condition has more than %d parts", EX_MOST_NODES);
        return NULL;
    }
    ex_node *made = pc_keep(in->policy, sizeof *made);
    if (made == NULL && in->status == JF_OK) in->status = pc_no_memory(in->why);
    if (made != NULL) made->kind = kind;
    return made;
}

static void skip(reader *in) {
    while (in->at < in->end && strchr(" \t\r\n", *in->at) != NULL && *in->at != 0)
        in->at++;
}

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* The word that comes next; empty: none. */
static jf_view peek(reader *in) {
    skip(in);
    const char *at = in->at;
    while (at < in->end && is_name(*at))
        at++;
    return (jf_view){(const uint8_t *)in->at, (uint64_t)(at - in->at)};
}

static bool take_word(reader *in, const char *word) {
    if (!pc_same(peek(in), pc_view(word))) return false;
    in->at += strlen(word);
    return true;
}

static bool take(reader *in, const char *mark) {
    skip(in);
    size_t length = strlen(mark);
    if ((size_t)(in->end - in->at) < length || memcmp(in->at, mark, length) != 0) return false;
    in->at += length;
    return true;
}

static const ex_node *read_or(reader *in);
static const ex_node *read_value(reader *in);

static const ex_node *read_text(reader *in, ex_node *out) {
    char quote = *in->at;
    const char *start = in->at++;
    char *copy = pc_keep(in->policy, (uint64_t)(in->end - start) + 1);
    uint64_t length = 0;
    if (copy == NULL) {
        in->status = pc_no_memory(in->why);
        return NULL;
    }
    while (in->at < in->end && *in->at != quote) {
        if (*in->at == '\\' && in->end - in->at > 1 && (in->at[1] == quote || in->at[1] == '\\')) in->at++;
        copy[length++] = *in->at++;
    }
    if (in->at == in->end) return wrong(in, start, "this text does not end");
    in->at++;
    out->text = (jf_view){(uint8_t *)copy, length};
    return out;
}

/* ---- Paths ---- */

typedef struct place {
    const char *name;
    ex_root root;
    uint32_t uses;
    bool open; /**< more names follow */
} place;

static const place places[] = {{"principal.subject", EX_SUBJECT, EX_PRINCIPAL, false},
                               {"principal.tenant", EX_TENANT, EX_PRINCIPAL, false},
                               {"principal.issuer", EX_ISSUER, EX_PRINCIPAL, false},
                               {"principal.provider", EX_PROVIDER, EX_PRINCIPAL, false},
                               {"principal.credential", EX_CREDENTIAL, EX_PRINCIPAL, false},
                               {"principal.roles", EX_ROLES, EX_GRANTS, false},
                               {"principal.scopes", EX_SCOPES, EX_GRANTS, false},
                               {"principal.known", EX_KNOWN, EX_GRANTS, false},
                               {"principal.attributes", EX_ATTRIBUTE, EX_ATTRIBUTES, true},
                               {"tool.name", EX_NAME, EX_ITEM, false},
                               {"tool.shown", EX_SHOWN, EX_ITEM, false},
                               {"tool.read_only", EX_READ_ONLY, EX_ITEM, false},
                               {"tool.idempotent", EX_IDEMPOTENT, EX_ITEM, false},
                               {"tool.destructive", EX_DESTRUCTIVE, EX_ITEM, false},
                               {"tool.open_world", EX_OPEN_WORLD, EX_ITEM, false},
                               {"tool.annotations", EX_DEFINITION, EX_ITEM, true},
                               {"tool.definition", EX_DEFINITION, EX_ITEM, true},
                               {"item.name", EX_NAME, EX_ITEM, false},
                               {"item.shown", EX_SHOWN, EX_ITEM, false},
                               {"item.kind", EX_KIND, EX_ITEM, false},
                               {"item.definition", EX_DEFINITION, EX_ITEM, true},
                               {"arguments", EX_ARGUMENT, EX_ARGUMENTS, true},
                               {"action", EX_ACTION, EX_ITEM, false},
                               {"listing", EX_LISTING, EX_ITEM, false},
                               {"server.name", EX_SERVER, EX_ITEM, false},
                               {"server.labels", EX_LABEL, EX_ITEM, true},
                               {"target", EX_TARGET, EX_ITEM, false},
                               {"region", EX_REGION, EX_ITEM, false},
                               {"address", EX_CLIENT_ADDRESS, EX_ADDRESS, false},
                               {"time.weekday", EX_WEEKDAY, EX_TIME, false},
                               {"time.hour", EX_HOUR, EX_TIME, false},
                               {"time.minute", EX_MINUTE, EX_TIME, false}};

enum { MOST_TOKENS = 16 };

static const ex_node *read_path(reader *in, ex_node *out) {
    const char *start = in->at;
    jf_view names[MOST_TOKENS + 2];
    uint32_t count = 0;
    do {
        if (count == MOST_TOKENS + 2) return wrong(in, start, "the path has more than %d parts", MOST_TOKENS);
        skip(in);
        if (in->at < in->end && (*in->at == '"' || *in->at == '\'') && count > 0) {
            ex_node quoted = {0};
            if (read_text(in, &quoted) == NULL) return NULL;
            names[count++] = quoted.text;
            continue;
        }
        jf_view name = peek(in);
        if (name.len == 0) return wrong(in, in->at, "a name is missing");
        in->at += name.len;
        names[count++] = name;
    } while (in->at < in->end && *in->at == '.' && in->at++ != NULL);
    char head[64];
    for (uint32_t i = 0; i < sizeof places / sizeof *places; i++) {
        const place *it = &places[i];
        uint32_t words = strchr(it->name, '.') != NULL ? 2 : 1;
        if (count < words) continue;
        int length = words == 1 ? snprintf(head, sizeof head, "%.*s", (int)names[0].len, names[0].ptr)
                                : snprintf(head, sizeof head, "%.*s.%.*s", (int)names[0].len, names[0].ptr,
                                           (int)names[1].len, names[1].ptr);
        if (length < 0 || strcmp(head, it->name) != 0) continue;
        if (it->open != (count > words))
            return wrong(in, start, it->open ? "%s needs the name of a member" : "%s has no members",
                         it->name);
        if (it->root == EX_LABEL && count != words + 1)
            return wrong(in, start, "a label has no members; write server.labels.\"a.b\"");
        /* Annotations are a member of the definition. */
        bool annotations = strcmp(it->name, "tool.annotations") == 0;
        uint32_t from = annotations ? words - 1 : words;
        jf_view *tokens = pc_keep(in->policy, (count - from + 1) * sizeof *tokens);
        if (tokens == NULL) {
            in->status = pc_no_memory(in->why);
            return NULL;
        }
        for (uint32_t k = from; k < count; k++)
            tokens[k - from] = pc_keep_text(in->policy, names[k]);
        out->root = it->root;
        out->tokens = tokens;
        out->token_count = count - from;
        in->uses |= it->uses;
        return out;
    }
    return wrong(in, start, "there is no '%.*s'", (int)(in->at - start < 60 ? in->at - start : 60), start);
}

/* ---- Values ---- */

static const ex_node *read_list(reader *in, ex_node *out) {
    const ex_node **next = &out->left;
    if (take(in, "]")) return out;
    do {
        ex_node *item = node(in, EX_LIST);
        if (item == NULL || (item->left = read_value(in)) == NULL) return NULL;
        if (item->left->kind == EX_LIST || item->left->kind == EX_PATH)
            return wrong(in, in->at, "a list holds texts, numbers, true, false and null");
        *next = item;
        next = &item->right;
    } while (take(in, ","));
    return take(in, "]") ? out : wrong(in, in->at, "']' is missing");
}

static const ex_node *read_value(reader *in) {
    skip(in);
    ex_node *out = node(in, EX_TEXT);
    if (out == NULL) return NULL;
    if (in->at == in->end) return wrong(in, in->at, "a value is missing");
    char c = *in->at;
    if (c == '"' || c == '\'') return read_text(in, out);
    if (take(in, "[")) {
        out->kind = EX_LIST;
        return read_list(in, out);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        const uint8_t *end = jf_json_number_end((const uint8_t *)in->at, (const uint8_t *)in->end);
        jf_json_value number;
        if (end == NULL ||
            !jf_json_read((jf_view){(const uint8_t *)in->at, (uint64_t)((const char *)end - in->at)},
                          &number) ||
            !jf_json_real(&number, &out->number))
            return wrong(in, in->at, "this is no number");
        in->at = (const char *)end;
        out->kind = EX_NUMBER;
        return out;
    }
    jf_view word = peek(in);
    bool yes = pc_same(word, pc_view("true"));
    if (yes || pc_same(word, pc_view("false")) || pc_same(word, pc_view("null"))) {
        out->kind = word.len == 4 && word.ptr[0] == 'n' ? EX_NULL : EX_BOOL;
        out->number = yes;
        in->at += word.len;
        return out;
    }
    static const char *const words[] = {"and", "or", "not", "in", "matches", "exists"};
    for (uint32_t i = 0; i < 6; i++)
        if (pc_same(word, pc_view(words[i])))
            return wrong(in, in->at, "a value is missing before '%s'", words[i]);
    if (word.len == 0) return wrong(in, in->at, "'%c' is out of place", c);
    out->kind = EX_PATH;
    return read_path(in, out);
}

bool ex_read_network(jf_view text, bool port, ex_network *out) {
    char copy[64];
    if (text.len == 0 || text.len >= sizeof copy) return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    char *from = copy, *slash = port ? NULL : strchr(copy, '/');
    if (port && copy[0] == '[') {
        char *close = strchr(copy, ']');
        if (close == NULL) return false;
        *close = 0;
        from++;
    } else if (port && strchr(copy, ':') != NULL && strchr(copy, ':') == strrchr(copy, ':')) {
        *strchr(copy, ':') = 0;
    }
    if (slash != NULL) *slash = 0;
    uint32_t most = 128;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, from, out->bytes + 12) == 1) {
        out->bytes[10] = out->bytes[11] = 0xff;
        most = 32;
        out->four = true;
    } else if (inet_pton(AF_INET6, from, out->bytes) != 1) {
        return false;
    }
    uint32_t bits = most;
    if (slash != NULL) {
        if (slash[1] == 0 || strlen(slash + 1) > 3 || strspn(slash + 1, "0123456789") != strlen(slash + 1))
            return false;
        bits = (uint32_t)atoi(slash + 1);
        if (bits > most) return false;
    }
    out->bits = bits + (128 - most);
    return true;
}

/* Texts that are compared with `address` are networks. */
static bool make_networks(reader *in, const ex_node *value, const char *at) {
    if (value->kind == EX_LIST) {
        for (const ex_node *item = value->left; item != NULL; item = item->right)
            if (!make_networks(in, item->left, at)) return false;
        return true;
    }
    /* Made here, changed nowhere else. */
    ex_node *own = (ex_node *)(uintptr_t)value;
    if (value->kind == EX_TEXT && ex_read_network(value->text, false, &own->network)) {
        own->kind = EX_NETWORK;
        return true;
    }
    wrong(in, at, "an address is compared with networks such as \"10.0.0.0/8\" or \"::1\"");
    return false;
}

/* ---- Conditions ---- */

static const ex_node *read_compared(reader *in, const ex_node *left) {
    static const struct {
        const char *mark;
        ex_kind kind;
    } marks[] = {{"==", EX_EQ}, {"!=", EX_NE}, {"<=", EX_LE}, {">=", EX_GE}, {"<", EX_LT}, {">", EX_GT}};
    ex_kind kind = EX_VALUE;
    bool negated = false;
    skip(in);
    const char *at = in->at;
    for (uint32_t i = 0; kind == EX_VALUE && i < 6; i++)
        if (take(in, marks[i].mark)) kind = marks[i].kind;
    if (kind == EX_VALUE) {
        if (take_word(in, "in"))
            kind = EX_IN;
        else if (take_word(in, "matches"))
            kind = EX_MATCHES;
        else if (take_word(in, "not")) {
            if (!take_word(in, "in")) return wrong(in, in->at, "'in' is missing after 'not'");
            kind = EX_IN;
            negated = true;
        }
    }
    if (kind == EX_VALUE && left->kind != EX_PATH && left->kind != EX_BOOL)
        return wrong(in, at, "a comparison is missing");
    ex_node *out = node(in, kind);
    if (out == NULL) return NULL;
    out->left = left;
    if (kind == EX_VALUE) return out;
    skip(in);
    at = in->at;
    out->right = read_value(in);
    if (out->right == NULL) return NULL;
    if (kind == EX_IN && out->right->kind != EX_LIST && out->right->kind != EX_PATH &&
        !(left->kind == EX_PATH && left->root == EX_CLIENT_ADDRESS))
        return wrong(in, at, "behind 'in' stands a list");
    if (kind == EX_MATCHES && out->right->kind != EX_TEXT)
        return wrong(in, at, "behind 'matches' stands a pattern in quotes");
    if (left->kind == EX_PATH && left->root == EX_CLIENT_ADDRESS &&
        (kind == EX_EQ || kind == EX_NE || kind == EX_IN) && !make_networks(in, out->right, at))
        return NULL;
    if (!negated) return out;
    ex_node *no = node(in, EX_NOT);
    if (no != NULL) no->left = out;
    return no;
}

static const ex_node *read_test(reader *in) {
    skip(in);
    if (take(in, "(")) {
        const ex_node *inner = read_or(in);
        if (inner == NULL) return NULL;
        return take(in, ")") ? inner : wrong(in, in->at, "')' is missing");
    }
    if (take_word(in, "exists")) {
        ex_node *out = node(in, EX_EXISTS), *path = node(in, EX_PATH);
        if (out == NULL || path == NULL) return NULL;
        skip(in);
        out->left = read_path(in, path);
        return out->left != NULL ? out : NULL;
    }
    const ex_node *left = read_value(in);
    return left != NULL ? read_compared(in, left) : NULL;
}

static const ex_node *read_not(reader *in) {
    if (++in->depth > EX_DEEPEST) return wrong(in, in->at, "the condition is deeper than %d", EX_DEEPEST);
    const ex_node *found;
    if (take_word(in, "not")) {
        ex_node *out = node(in, EX_NOT);
        if (out == NULL) return NULL;
        out->left = read_not(in);
        found = out->left != NULL ? out : NULL;
    } else {
        found = read_test(in);
    }
    in->depth--;
    return found;
}

static const ex_node *read_chain(reader *in, const char *word, ex_kind kind,
                                 const ex_node *(*part)(reader *)) {
    const ex_node *first = part(in);
    if (first == NULL) return NULL;
    ex_node *chain = NULL, *last = NULL;
    while (take_word(in, word)) {
        if (chain == NULL) {
            chain = last = node(in, kind);
            if (chain == NULL) return NULL;
            chain->left = first;
        }
        /* A chain, not a tree: its length does not count as depth. */
        ex_node *next = node(in, kind);
        if (next == NULL || (next->left = part(in)) == NULL) return NULL;
        last->right = next;
        last = next;
    }
    return chain != NULL ? chain : first;
}

static const ex_node *read_and(reader *in) {
    return read_chain(in, "and", EX_AND, read_not);
}
static const ex_node *read_or(reader *in) {
    return read_chain(in, "or", EX_OR, read_and);
}

int32_t ex_read(pc_policy *policy, jf_view text, const char *where, ex_condition *out, jf_fault *why) {
    reader in = {.policy = policy,
                 .text = (const char *)text.ptr,
                 .at = (const char *)text.ptr,
                 .end = (const char *)text.ptr + text.len,
                 .where = where,
                 .why = why,
                 .status = JF_OK};
    out->root = read_or(&in);
    skip(&in);
    if (out->root != NULL && in.at != in.end) wrong(&in, in.at, "'and' or 'or' is missing");
    out->uses = in.uses;
    out->nodes = in.nodes;
    return in.status;
}
