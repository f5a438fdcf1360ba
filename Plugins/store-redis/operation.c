/* SPDX-License-Identifier: Apache-2.0
 * Operations as commands (RESP2 arrays of bulk strings), and replies as answers. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "operation.h"

#include "answer.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- Commands ---- */

typedef struct part {
    const char *head; /**< before `bytes`, with `head_len` of it */
    const uint8_t *bytes;
    size_t head_len, length;
} part;

enum { PARTS_MOST = 8 * JF_STORE_TAKE_MOST + 8 };

/* The arguments of a command in the making; numbers live in `digits`. */
typedef struct command {
    part parts[PARTS_MOST];
    char digits[PARTS_MOST][24];
    uint32_t count;
} command;

static void put_text(command *it, const char *text) {
    it->parts[it->count++] = (part){.bytes = (const uint8_t *)text, .length = strlen(text)};
}

static void put_bytes(command *it, const void *bytes, size_t length) {
    it->parts[it->count++] = (part){.bytes = bytes, .length = length};
}

static void put_view(command *it, jf_view view) {
    put_bytes(it, view.ptr, (size_t)view.len);
}

static void put_number(command *it, int64_t number) {
    char *digits = it->digits[it->count];
    snprintf(digits, sizeof it->digits[0], "%lld", (long long)number);
    put_text(it, digits);
}

/* One argument of two pieces: a short head and a key. */
static void put_joined(command *it, const char *head, size_t head_len, jf_view key) {
    it->parts[it->count++] = (part){head, key.ptr, head_len, (size_t)key.len};
}

static size_t decimal(char *to, size_t room, char sign, size_t number) {
    return (size_t)snprintf(to, room, "%c%zu\r\n", sign, number);
}

static struct op *make(command *it, uint32_t kind, uint32_t script, jf_view key) {
    size_t size = 32 + (size_t)key.len;
    for (uint32_t i = 0; i < it->count; i++)
        size += it->parts[i].head_len + it->parts[i].length + 32;
    struct op *op = malloc(sizeof *op + size);
    if (op == NULL) return NULL;
    *op = (struct op){.kind = kind, .script = script, .key_len = (uint32_t)key.len};
    uint8_t *to = op->bytes;
    to += decimal((char *)to, 32, '*', it->count);
    for (uint32_t i = 0; i < it->count; i++) {
        const part *from = &it->parts[i];
        to += decimal((char *)to, 32, '$', from->head_len + from->length);
        /* EVALSHA's first argument is filled in when it is sent. */
        if (i == 1 && script != SCRIPT_COUNT) op->sha_at = (size_t)(to - op->bytes);
        if (from->head_len > 0) memcpy(to, from->head, from->head_len);
        to += from->head_len;
        if (from->length > 0) memcpy(to, from->bytes, from->length);
        to += from->length;
        *to++ = '\r';
        *to++ = '\n';
    }
    op->length = (size_t)(to - op->bytes);
    if (key.len > 0) memcpy(to, key.ptr, (size_t)key.len);
    op->link.bytes = sizeof *op + size;
    return op;
}

static const char no_sha[] = "0000000000000000000000000000000000000000";

/* Names of keys: the prefix and what stands between it and the store's key. */
struct names {
    char text[5][264];
    size_t length[5];
};

static void name(struct names *names, int index, const char *prefix, const char *rest) {
    int length = snprintf(names->text[index], sizeof names->text[0], "%s%s", prefix, rest);
    names->length[index] = (size_t)length;
}

static void name_all(struct names *names, const struct settings *settings) {
    static const char *const rest[] = {"r", "k", "x", "e:", "n:"};
    for (int i = 0; i < 5; i++)
        name(names, i, settings->prefix, rest[i]);
}

/* EVALSHA with the keys r k x e n. */
static void begin_script(command *it, const struct names *names, jf_view key) {
    put_text(it, "EVALSHA");
    put_text(it, no_sha);
    put_text(it, "5");
    for (int i = 0; i < 3; i++)
        put_bytes(it, names->text[i], names->length[i]);
    for (int i = 3; i < 5; i++)
        put_joined(it, names->text[i], names->length[i], key);
    put_view(it, key);
}

static void big_endian(uint8_t to[8], uint64_t number) {
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(number >> (56 - 8 * i));
}

static uint64_t from_big_endian(const uint8_t from[8]) {
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | from[i];
    return number;
}

struct op *op_get(const struct settings *settings, jf_view key) {
    command it = {.count = 0};
    struct names names;
    name_all(&names, settings);
    put_text(&it, "MGET");
    put_joined(&it, names.text[3], names.length[3], key);
    put_joined(&it, names.text[4], names.length[4], key);
    return make(&it, OP_GET, SCRIPT_COUNT, key);
}

struct op *op_put(const struct settings *settings, const jf_store_put *put) {
    command it = {.count = 0};
    struct names names;
    uint8_t revision[8];
    name_all(&names, settings);
    big_endian(revision, put->revision);
    begin_script(&it, &names, put->key);
    put_text(&it, settings->channel);
    put_text(&it, (put->flags & JF_STORE_CREATE) ? "1" : (put->flags & JF_STORE_MATCH) ? "2" : "0");
    put_bytes(&it, revision, sizeof revision);
    put_number(&it, (int64_t)put->ttl_ms);
    put_view(&it, put->value);
    return make(&it, OP_PUT, SCRIPT_PUT, put->key);
}

struct op *op_remove(const struct settings *settings, jf_view key, uint64_t revision) {
    command it = {.count = 0};
    struct names names;
    uint8_t wanted[8];
    name_all(&names, settings);
    big_endian(wanted, revision);
    begin_script(&it, &names, key);
    put_text(&it, settings->channel);
    put_bytes(&it, wanted, revision != 0 ? sizeof wanted : 0);
    return make(&it, OP_REMOVE, SCRIPT_REMOVE, key);
}

struct op *op_list(const struct settings *settings, const jf_store_list *list) {
    command it = {.count = 0};
    struct names names;
    uint8_t end[JF_STORE_KEY_MOST];
    bool is_behind = list->after.len > 0 && sc_key_order(list->after, list->prefix) >= 0;
    uint64_t end_len = sc_prefix_end(list->prefix, end);
    name_all(&names, settings);
    put_text(&it, "EVALSHA");
    put_text(&it, no_sha);
    put_text(&it, "1");
    put_bytes(&it, names.text[1], names.length[1]);
    put_bytes(&it, names.text[3], names.length[3]);
    put_bytes(&it, names.text[4], names.length[4]);
    if (is_behind)
        put_joined(&it, "(", 1, list->after);
    else if (list->prefix.len > 0)
        put_joined(&it, "[", 1, list->prefix);
    else
        put_text(&it, "-");
    if (end_len > 0)
        put_joined(&it, "(", 1, (jf_view){end, end_len});
    else
        put_text(&it, "+");
    put_number(&it, (int64_t)list->most);
    put_text(&it, (list->flags & JF_STORE_KEYS) ? "1" : "0");
    put_number(&it, JF_STORE_LIST_BYTES);
    struct op *op = make(&it, OP_LIST, SCRIPT_LIST, (jf_view){0});
    if (op != NULL) op->keys_only = (list->flags & JF_STORE_KEYS) != 0;
    return op;
}

struct op *op_add(const struct settings *settings, const jf_store_add *add) {
    command it = {.count = 0};
    struct names names;
    name_all(&names, settings);
    begin_script(&it, &names, add->key);
    put_number(&it, add->delta);
    put_number(&it, (int64_t)add->ttl_ms);
    return make(&it, OP_ADD, SCRIPT_ADD, add->key);
}

struct op *op_take(const struct settings *settings, const sc_limit *limits, uint64_t count) {
    command it = {.count = 0};
    char heads[JF_STORE_TAKE_MOST][300];
    put_text(&it, "EVALSHA");
    put_text(&it, no_sha);
    put_number(&it, (int64_t)count);
    for (uint64_t i = 0; i < count; i++) {
        int length = snprintf(heads[i], sizeof heads[i], "%sl:%u:%lld:", settings->prefix, limits[i].kind,
                              (long long)limits[i].period_ms);
        put_joined(&it, heads[i], (size_t)length, limits[i].key);
    }
    for (uint64_t i = 0; i < count; i++) {
        put_number(&it, limits[i].kind);
        put_number(&it, limits[i].burst);
        put_number(&it, limits[i].rate);
        put_number(&it, limits[i].period_ms);
        put_number(&it, limits[i].cost);
        put_number(&it, limits[i].unit_rate);
        put_number(&it, limits[i].unit_period);
    }
    struct op *op = make(&it, OP_TAKE, SCRIPT_TAKE, (jf_view){0});
    return op;
}

struct op *op_sweep(const struct settings *settings) {
    command it = {.count = 0};
    struct names names;
    name_all(&names, settings);
    put_text(&it, "EVALSHA");
    put_text(&it, no_sha);
    put_text(&it, "2");
    put_bytes(&it, names.text[1], names.length[1]);
    put_bytes(&it, names.text[2], names.length[2]);
    put_bytes(&it, names.text[3], names.length[3]);
    put_text(&it, settings->channel);
    return make(&it, OP_SWEEP, SCRIPT_SWEEP, (jf_view){0});
}

struct op *op_load(uint32_t script) {
    command it = {.count = 0};
    put_text(&it, "SCRIPT");
    put_text(&it, "LOAD");
    put_text(&it, scripts[script]);
    return make(&it, OP_LOAD, SCRIPT_COUNT, (jf_view){0});
}

void op_discard(sc_op *op) {
    free(op);
}

/* ---- Replies ---- */

static int32_t strange(const char *plugin, jf_fault *why) {
    return sc_fault(
        why, JF_E_FAULT, 0,
        "%s: Redis answered in a form that is not the store's: does another program use its keys?", plugin);
}

static int32_t no_memory(const char *plugin, jf_fault *why) {
    return sc_fault(why, JF_E_BUSY, 0, "%s: no memory for an answer", plugin);
}

/* What an error says, by its first word. */
static int32_t refused(const redisReply *reply, const char *plugin, jf_fault *why) {
    static const struct {
        const char *word;
        int32_t code;
        const char *text;
    } known[] = {
        {"OOM", JF_E_BUSY, "Redis has no memory left (maxmemory)"},
        {"NOPERM", JF_E_DENIED, "Redis does not allow this user what the store needs"},
        {"NOAUTH", JF_E_DENIED, "Redis wants a password"},
        {"LOADING", JF_E_GONE, "Redis is loading its data"},
        {"BUSY", JF_E_GONE, "Redis is busy with another program's script"},
        {"READONLY", JF_E_GONE, "Redis has become a replica"},
        {"MASTERDOWN", JF_E_GONE, "Redis has lost its primary"},
        {"CLUSTERDOWN", JF_E_GONE, "the cluster is down"},
        {"NOREPLICAS", JF_E_GONE, "Redis has too few replicas (min-replicas-to-write)"},
        {"MISCONF", JF_E_GONE, "Redis cannot write its data to disk"},
    };
    /* Redis 7 puts "ERR " or nothing in front of what a script met; the word counts. */
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t length = strlen(known[i].word);
        const char *text = strncmp(reply->str, "ERR ", 4) == 0 ? reply->str + 4 : reply->str;
        if (text[0] == '-') text++;
        if (strncmp(text, known[i].word, length) == 0 && (text[length] == ' ' || text[length] == 0))
            return sc_fault(why, known[i].code, JF_FAULT_NOT_STARTED, "%s: %s", plugin, known[i].text);
    }
    return sc_fault(why, JF_E_FAULT, 0, "%s: Redis refused: %.150s", plugin, reply->str);
}

/* Takes an entry's body apart. A counter's number stands behind it in decimal, or in `number`. */
static bool add_entry(sc_answer *answer, jf_view key, const redisReply *body, const redisReply *number,
                      bool keys_only) {
    const uint8_t *bytes = (const uint8_t *)body->str;
    size_t length = (size_t)body->len;
    int64_t sum = 0;
    jf_view value = {bytes + HEAD_LENGTH, length - HEAD_LENGTH};
    if (bytes[0] == 'c') {
        const char *digits = number != NULL ? number->str : (const char *)bytes + HEAD_LENGTH;
        if (digits != NULL) sum = strtoll(digits, NULL, 10);
        value = (jf_view){(const uint8_t *)&sum, sizeof sum};
    }
    if (keys_only) value = (jf_view){0};
    return sc_answer_entry(answer, from_big_endian(bytes + 1), from_big_endian(bytes + 9), key, value);
}

static bool is_body(const redisReply *reply) {
    return reply->type == REDIS_REPLY_STRING && reply->len >= HEAD_LENGTH &&
           (reply->str[0] == 'v' || reply->str[0] == 'c');
}

static int32_t answer_get(const struct op *op, const redisReply *reply, const char *plugin, jf_blob *out,
                          jf_fault *why) {
    sc_answer answer = {0};
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) return strange(plugin, why);
    if (reply->element[0]->type == REDIS_REPLY_NIL) return JF_ABSENT;
    if (!is_body(reply->element[0])) return strange(plugin, why);
    if (!add_entry(&answer, (jf_view){op->bytes + op->length, op->key_len}, reply->element[0],
                   reply->element[1], false))
        return no_memory(plugin, why);
    sc_answer_give(&answer, out);
    return JF_OK;
}

static int32_t answer_list(const struct op *op, const redisReply *reply, const char *plugin, jf_blob *out,
                           jf_fault *why) {
    sc_answer answer = {0};
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2 != 0) return strange(plugin, why);
    for (size_t i = 0; i < reply->elements; i += 2) {
        const redisReply *key = reply->element[i], *body = reply->element[i + 1];
        if (key->type != REDIS_REPLY_STRING || !is_body(body)) {
            sc_answer_drop(&answer);
            return strange(plugin, why);
        }
        if (!add_entry(&answer, (jf_view){(const uint8_t *)key->str, (uint64_t)key->len}, body, NULL,
                       op->keys_only))
            return no_memory(plugin, why);
    }
    if (reply->elements == 0) return JF_ABSENT;
    sc_answer_give(&answer, out);
    return JF_OK;
}

static int32_t answer_take(const redisReply *reply, const char *plugin, jf_blob *out, jf_fault *why) {
    jf_store_verdict verdicts[JF_STORE_TAKE_MOST];
    size_t count = reply->elements / 3;
    if (reply->type != REDIS_REPLY_ARRAY || count < 1 || count > JF_STORE_TAKE_MOST ||
        reply->elements % 3 != 0)
        return strange(plugin, why);
    for (size_t i = 0; i < count; i++)
        verdicts[i] = (jf_store_verdict){(uint32_t)reply->element[3 * i]->integer,
                                         (uint32_t)reply->element[3 * i + 1]->integer,
                                         (uint64_t)reply->element[3 * i + 2]->integer};
    return sc_verdicts(verdicts, count, out) == JF_OK ? JF_OK : no_memory(plugin, why);
}

/* put and add answer {revision, end[, number]}, or a number that says why not. */
static int32_t answer_change(const struct op *op, const redisReply *reply, const char *plugin, jf_blob *out,
                             jf_fault *why) {
    if (reply->type == REDIS_REPLY_INTEGER) {
        switch (reply->integer) {
        case 1:
            return JF_OK;
        case 0:
            return sc_fault(why, JF_E_STALE, JF_FAULT_NOT_STARTED,
                            "%s: the key has another revision, or is there already", plugin);
        case -1:
            return JF_ABSENT;
        case -2:
            return sc_fault(why, JF_E_INVALID, JF_FAULT_NOT_STARTED, "%s: the key holds no counter", plugin);
        case -3:
            return sc_fault(why, JF_E_INVALID, JF_FAULT_NOT_STARTED, "%s: the sum of a counter is too large",
                            plugin);
        default:
            return strange(plugin, why);
        }
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2) return strange(plugin, why);
    int64_t sum = 0;
    jf_view value = {0};
    if (op->kind == OP_ADD && reply->elements == 3 && reply->element[2]->str != NULL) {
        sum = strtoll(reply->element[2]->str, NULL, 10);
        value = (jf_view){(const uint8_t *)&sum, sizeof sum};
    }
    if (sc_one_entry((uint64_t)reply->element[0]->integer, (uint64_t)reply->element[1]->integer,
                     (jf_view){op->bytes + op->length, op->key_len}, value, out) != JF_OK)
        return no_memory(plugin, why);
    return JF_OK;
}

int32_t op_answer(const struct op *op, const redisReply *reply, const char *plugin, jf_blob *answer,
                  jf_fault *why) {
    if (reply->type == REDIS_REPLY_ERROR) return refused(reply, plugin, why);
    switch (op->kind) {
    case OP_GET:
        return answer_get(op, reply, plugin, answer, why);
    case OP_LIST:
        return answer_list(op, reply, plugin, answer, why);
    case OP_TAKE:
        return answer_take(reply, plugin, answer, why);
    case OP_SWEEP:
    case OP_LOAD:
        return JF_OK;
    default:
        return answer_change(op, reply, plugin, answer, why);
    }
}
