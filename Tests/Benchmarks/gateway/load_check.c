/* SPDX-License-Identifier: Apache-2.0
 * The load driver's judgement of answers: status, id, result, and the mark that the call carried. */
#define _GNU_SOURCE
#include "json_span.h"
#include "load.h"

load_errors errors;

void note_error(const char *what, const char *data, size_t len) {
    if (errors.sample[0]) return;
    snprintf(errors.sample, sizeof errors.sample, "%s: %.*s", what, (int)(len > 220 ? 220 : len), data);
    for (char *c = errors.sample; *c; c++) {
        if ((unsigned char)*c < 32 || (unsigned char)*c > 126 || *c == '"' || *c == '\\') *c = ' ';
    }
}

/** The fields of one JSON-RPC message. */
typedef struct answer {
    span id, result, error;
} answer;

static bool read_answer(span message, answer *a) {
    json_walk walk = json_members(message);
    span key, value;
    int more;
    *a = (answer){0};
    while ((more = json_next(&walk, &key, &value)) == 1) {
        if (span_is(key, "id"))
            a->id = value;
        else if (span_is(key, "result"))
            a->result = value;
        else if (span_is(key, "error"))
            a->error = value;
    }
    return more == 0 && (a->result.len || a->error.len);
}

/** The answer in a JSON body, or the first one in an event stream. */
static bool find_answer(const http_head *head, span body, answer *a) {
    if (!head->event_stream) return read_answer(body, a);
    const char *end = body.ptr + body.len;
    for (const char *line = body.ptr; line < end;) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        if (!line_end) line_end = end;
        if (line_end - line > 5 && memcmp(line, "data:", 5) == 0) {
            if (read_answer((span){line + 5, (size_t)(line_end - line) - 5}, a)) return true;
        }
        line = line_end + 1;
    }
    return false;
}

void check_call(const connection *c, const http_head *head, span body) {
    answer a;
    char expected[24];
    if (head->status < 200 || head->status > 299) {
        errors.http++;
        snprintf(expected, sizeof expected, "HTTP %d", head->status);
        note_error(expected, body.ptr, body.len);
        return;
    }
    if (!find_answer(head, body, &a)) {
        errors.rpc++;
        note_error("no JSON-RPC answer", body.ptr, body.len);
        return;
    }
    snprintf(expected, sizeof expected, "%ld", c->id);
    if (!span_is(a.id, expected)) {
        errors.id++;
        note_error("wrong id", body.ptr, body.len);
        return;
    }
    span flag;
    if (!a.result.len || (json_find(a.result, "isError", &flag) && span_is(flag, "true"))) {
        errors.rpc++;
        note_error("error", a.error.len ? a.error.ptr : a.result.ptr,
                   a.error.len ? a.error.len : a.result.len);
        return;
    }
    if (strcmp(options.method, "tools/call")) return;
    long least = options.blob >= 0 ? options.blob : options.size;
    snprintf(expected, sizeof expected, "m%0*ld ", MARK_DIGITS, c->id);
    // The mark stands at the start of the text, so the search is short even in a large answer.
    if ((long)a.result.len >= least && memmem(a.result.ptr, a.result.len, expected, strlen(expected))) return;
    errors.echo++;
    note_error("no mark, or too short", a.result.ptr, a.result.len);
}

bool check_handshake(const connection *c, const http_head *head, span body) {
    answer a;
    if (head->status < 200 || head->status > 299) return false;
    return c->phase == PHASE_NOTIFY || (find_answer(head, body, &a) && a.result.len);
}
