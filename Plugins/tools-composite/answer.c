/* SPDX-License-Identifier: Apache-2.0
 * What a target's answer is: good, or which kind of failure. */
#include "run.h"
#include "values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *answer_state(leg_state state) {
    static const char *const words[] = {"waiting",  "asked",  "good",        "error",     "refused",
                                        "timeout",  "gone",   "question",    "too_large", "unreadable",
                                        "no_value", "unsafe", "not_started", "cancelled"};
    return words[state];
}

/** The beginning of a text into `why`. */
static void quote_into(leg *to, const json_value *string) {
    char *room = string->kind == JSON_STRING ? malloc(string->len + 1) : NULL;
    size_t length = room == NULL ? SIZE_MAX : json_decode(string, room);
    if (length != SIZE_MAX) {
        bool cut = length > WHY_SIZE - 8;
        length = value_cut(room, length, WHY_SIZE - 8);
        snprintf(to->why, sizeof to->why, "%.*s%s", (int)length, room, cut ? "…" : "");
    }
    free(room);
}

/** The first text block. */
static bool first_text(const json_value *content, json_value *out) {
    json_value block;
    if (content->kind != JSON_ARRAY) return false;
    json_members walk = json_walk(content);
    while (json_item(&walk, &block) == 1)
        if (value_member(&block, "text", out) && out->kind == JSON_STRING) return true;
    return false;
}

static void failed(leg *to, leg_state state, const char *why) {
    to->state = state;
    if (to->why[0] == 0) snprintf(to->why, sizeof to->why, "%s", why);
}

bool answer_items(const char *pointer, const json_value *from, json_value *out) {
    json_value key, value;
    if (pointer != NULL) return value_find(from, pointer, out) && out->kind == JSON_ARRAY;
    *out = *from;
    if (from->kind == JSON_ARRAY) return true;
    uint32_t arrays = 0;
    if (from->kind != JSON_OBJECT) return false;
    json_members walk = json_walk(from);
    while (json_next(&walk, &key, &value) == 1) {
        if (value.kind != JSON_ARRAY) continue;
        arrays++;
        *out = value;
    }
    return arrays == 1;
}

/** An error of the protocol or of the gateway: its message is the reason. */
static void read_error(leg *to, const jf_call_result *result) {
    json_value root, message;
    if (result->body.ptr != NULL && json_parse(result->body.ptr, result->body.len, &root) &&
        value_member(&root, "message", &message))
        quote_into(to, &message);
    switch (result->status) {
    case JF_E_TIMEOUT:
        failed(to, LEG_TIMEOUT, "it gave no answer in time");
        break;
    case JF_E_INVALID:
    case JF_E_DENIED:
    case JF_E_BUSY:
    case JF_E_UNSUPPORTED:
        failed(to, LEG_REFUSED, "it refused the call");
        break;
    default:
        failed(to, LEG_GONE, "its server is not there");
        break;
    }
}

static bool is_true(const json_value *value) {
    return value->kind == JSON_BOOL && *value->ptr == 't';
}

static void read_result(leg *to) {
    json_value key, value, type = {0}, wrong = {0}, said;
    if (!json_parse(to->body, to->length, &to->result) || to->result.kind != JSON_OBJECT) {
        failed(to, LEG_UNREADABLE, "its result is no JSON object, or nested deeper than 64 levels");
        return;
    }
    json_members walk = json_walk(&to->result);
    while (json_next(&walk, &key, &value) == 1) {
        if (json_is(&key, "resultType")) type = value;
        if (json_is(&key, "isError")) wrong = value;
        if (json_is(&key, "content")) to->content = value;
        if (json_is(&key, "structuredContent")) to->structured = value;
    }
    if (type.kind == JSON_STRING && json_is(&type, "input_required")) {
        failed(to, LEG_QUESTION, "it wants to ask the client, which composite calls do not pass on");
        return;
    }
    if (type.kind == JSON_STRING && !json_is(&type, "complete")) {
        failed(to, LEG_UNREADABLE, "its result is not complete");
        return;
    }
    if (is_true(&wrong)) {
        if (first_text(&to->content, &said)) quote_into(to, &said);
        failed(to, LEG_ERROR, "its tool failed");
        return;
    }
    to->state = LEG_GOOD;
}

void answer_read(leg *to, const set *in, size_t *bytes, const jf_call_result *result) {
    if (result->status != JF_OK) {
        read_error(to, result);
        return;
    }
    if (result->body.len > in->max_answer_bytes) {
        failed(to, LEG_TOO_LARGE, "its answer is larger than max_answer_bytes");
        return;
    }
    if (*bytes + result->body.len > in->max_total_bytes) {
        failed(to, LEG_TOO_LARGE, "the answers together are larger than max_total_bytes");
        return;
    }
    to->body = malloc(result->body.len + 1);
    if (to->body == NULL) {
        failed(to, LEG_TOO_LARGE, "out of memory");
        return;
    }
    memcpy(to->body, result->body.ptr, result->body.len);
    to->length = result->body.len;
    read_result(to);
    if (to->state == LEG_GOOD) {
        *bytes += to->length;
        return;
    }
    free(to->body);
    to->body = NULL;
    to->content = to->structured = to->result = (json_value){0};
}
