/* SPDX-License-Identifier: Apache-2.0
 * Mock host: what operations are answered with, checked, and as the text that tests see. */
#include "mock_internal.h"

#include "jackfield/json.h"

static char *keep_text(jf_mock *mock, jf_view bytes, uint64_t *length) {
    *length = bytes.ptr != NULL ? bytes.len : 0;
    return mock_keep(mock, bytes);
}

static bool find(const jf_json_value *root, const char *pointer, jf_json_value *out) {
    return jf_json_find(root, jf_mock_view(pointer), out) == JF_OK;
}

static bool is_text(const jf_json_value *root, const char *pointer) {
    jf_json_value value;
    return find(root, pointer, &value) && value.kind == JF_JSON_STRING;
}

/* ---- jf.credentials/1 ---- */

static void check_supply(jf_mock *mock, jf_view bytes) {
    jf_json_value root, headers, key, value;
    if (!jf_json_read(bytes, &root) || root.kind != JF_JSON_OBJECT) {
        mock_problem(mock, "supply: the answer is one JSON object");
        return;
    }
    bool connects = find(&root, "/connect", &value);
    if (connects && (!is_text(&root, "/connect/url") || !is_text(&root, "/connect/id") ||
                     !is_text(&root, "/connect/message")))
        mock_problem(mock, "supply: \"connect\" has the texts \"url\", \"message\" and \"id\"");
    if (!find(&root, "/headers", &headers)) {
        if (!connects) mock_problem(mock, "supply: it has neither \"headers\" nor \"connect\"");
        return;
    }
    if (headers.kind != JF_JSON_OBJECT) {
        mock_problem(mock, "supply: \"headers\" is an object of texts");
        return;
    }
    jf_json_walk walk = jf_json_walk_of(&headers);
    while (jf_json_next(&walk, &key, &value) == 1) {
        char name[256] = {0}, *text = mock_allocate(value.len + 1);
        bool good = key.len > 0 && key.len < sizeof name && value.kind == JF_JSON_STRING;
        if (good) {
            jf_json_decode(&key, (uint8_t *)name);
            uint64_t length = jf_json_decode(&value, (uint8_t *)text);
            /* RFC 9110 sections 5.1 and 5.5 */
            good = name[strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == 0;
            for (uint64_t i = 0; good && length != UINT64_MAX && i < length; i++)
                good = (uint8_t)text[i] >= 0x20 || text[i] == '\t';
        }
        if (!good)
            mock_problem(mock, "supply: \"%.*s\" is no header field, or its value is none", (int)key.len,
                         (const char *)key.ptr);
        free(text);
    }
}

/* ---- jf.policy/1 ---- */

static void check_ruling(jf_mock *mock, jf_view bytes) {
    jf_json_value root, decision;
    bool good =
        jf_json_read(bytes, &root) && find(&root, "/decision", &decision) && decision.kind == JF_JSON_STRING;
    if (!good ||
        (!jf_json_is(&decision, jf_mock_view("allow")) && !jf_json_is(&decision, jf_mock_view("deny")) &&
         !jf_json_is(&decision, jf_mock_view("hide"))))
        mock_problem(mock, "decide: an answer is an object whose \"decision\" is allow, deny or hide");
}

static char *review_text(jf_mock *mock, const mock_object *object, jf_view bytes, uint64_t *length) {
    if (bytes.ptr == NULL || bytes.len != object->items)
        mock_problem(mock, "review: %llu decisions for %llu accesses: one byte for each",
                     (unsigned long long)(bytes.ptr != NULL ? bytes.len : 0),
                     (unsigned long long)object->items);
    char *text = keep_text(mock, bytes, length);
    for (uint64_t i = 0; i < *length; i++) {
        if (text[i] > JF_HIDE) mock_problem(mock, "review: %d is no decision", text[i]);
        text[i] = "adh?"[(uint8_t)text[i] & 3];
    }
    return text;
}

jf_mock_ruling jf_mock_ruling_of(jf_mock *mock, jf_ref op) {
    jf_mock_op it = jf_mock_op_at(mock, op);
    jf_mock_ruling ruling = {.status = it.status, .decision = UINT32_MAX};
    if (it.status != JF_OK || it.result == NULL) return ruling;
    static const char *const names[] = {"allow", "deny", "hide"};
    char *decision = jf_mock_json_get(mock, it.result, "/decision");
    for (uint32_t i = 0; decision != NULL && i < 3; i++)
        if (strcmp(decision, names[i]) == 0) ruling.decision = i;
    free(decision);
    char *dry = jf_mock_json_get(mock, it.result, "/dry");
    ruling.dry = dry != NULL && strcmp(dry, "true") == 0;
    free(dry);
    const char **texts[] = {&ruling.rule, &ruling.text};
    static const char *const pointers[] = {"/rule", "/text"};
    for (int i = 0; i < 2; i++) {
        char *text = jf_mock_json_get(mock, it.result, pointers[i]);
        *texts[i] = mock_keep(mock, jf_mock_view(text));
        free(text);
    }
    char joined[1024] = "";
    for (unsigned i = 0;; i++) {
        char pointer[24];
        snprintf(pointer, sizeof pointer, "/scopes/%u", i);
        char *scope = jf_mock_json_get(mock, it.result, pointer);
        if (scope == NULL) break;
        size_t at = strlen(joined);
        snprintf(joined + at, sizeof joined - at, "%s%s", i > 0 ? " " : "", scope);
        free(scope);
        ruling.scopes = joined;
    }
    if (ruling.scopes != NULL) ruling.scopes = mock_keep(mock, jf_mock_view(joined));
    return ruling;
}

/* ---- jf.filter/1 ---- */

static uint32_t kind_of(jf_view json) {
    jf_json_value value;
    return json.ptr != NULL && jf_json_read(json, &value) ? value.kind : 0;
}

/* What is to be kept; *at: where it begins, then where it ends. False and a problem: it is wrong. */
static bool spill(jf_mock *mock, const mock_object *object, jf_view verdict, uint64_t *at) {
    jf_spill head;
    if (object->form == MOCK_FORM_REQUEST) mock_problem(mock, "verdict: JF_SPILL is of results");
    if (verdict.len - *at < sizeof head) {
        mock_problem(mock, "verdict: it ends within its jf_spill");
        return false;
    }
    memcpy(&head, verdict.ptr + *at, sizeof head);
    *at += sizeof head;
    uint64_t padded = head.len <= UINT64_MAX - 7 ? (head.len + 7) / 8 * 8 : UINT64_MAX;
    if (padded > verdict.len - *at) {
        mock_problem(mock, "verdict: its preview says it has %llu bytes, and has not",
                     (unsigned long long)head.len);
        return false;
    }
    if (head.ttl_ms == 0 || head.ttl_ms > JF_STORE_TTL_MOST)
        mock_problem(mock, "verdict: a result cannot be kept for %llu ms", (unsigned long long)head.ttl_ms);
    jf_json_value root, content;
    if (!jf_json_read((jf_view){verdict.ptr + *at, head.len}, &root) ||
        jf_json_find(&root, jf_mock_view("/content"), &content) != JF_OK || content.kind != JF_JSON_ARRAY)
        mock_problem(mock, "verdict: its preview is no result object with a content: %.*s",
                     (int)(head.len < 200 ? head.len : 200), (const char *)verdict.ptr + *at);
    *at += padded;
    return true;
}

/* What the splices from `at` on make of the body; NULL and a problem where they are wrong. */
static char *splice(jf_mock *mock, jf_view body, jf_view verdict, uint64_t at, uint32_t count,
                    uint64_t *length) {
    uint64_t done = 0, size = 0;
    char *out = mock_keep_bytes(mock, body.len + verdict.len + 1);
    for (uint32_t i = 0; i < count; i++) {
        jf_splice head;
        if (verdict.len - at < sizeof head) {
            mock_problem(mock, "verdict: it announces %u splices and ends in number %u", count, i);
            return NULL;
        }
        memcpy(&head, verdict.ptr + at, sizeof head);
        at += sizeof head;
        uint64_t padded = head.len <= UINT64_MAX - 7 ? (head.len + 7) / 8 * 8 : UINT64_MAX;
        if (padded > verdict.len - at) {
            mock_problem(mock, "verdict: splice %u says it has %llu bytes, and has not", i,
                         (unsigned long long)head.len);
            return NULL;
        }
        if (head.start < done || head.end < head.start || head.end > body.len) {
            mock_problem(
                mock,
                "verdict: splice %u replaces [%llu, %llu): they ascend, none overlap, all lie in the "
                "body of %llu bytes",
                i, (unsigned long long)head.start, (unsigned long long)head.end,
                (unsigned long long)body.len);
            return NULL;
        }
        memcpy(out + size, body.ptr + done, head.start - done);
        size += head.start - done;
        memcpy(out + size, verdict.ptr + at, head.len);
        size += head.len;
        for (uint64_t j = head.len; j < padded; j++)
            if (verdict.ptr[at + j] != 0)
                mock_problem(mock, "verdict: splice %u is not padded with zeros", i);
        at += padded;
        done = head.end;
    }
    if (at != verdict.len)
        mock_problem(mock, "verdict: %llu bytes follow the last splice",
                     (unsigned long long)(verdict.len - at));
    memcpy(out + size, body.ptr + done, body.len - done);
    *length = size + body.len - done;
    return out;
}

static char *verdict_text(jf_mock *mock, mock_object *object, jf_view bytes, uint64_t *length) {
    jf_view body = object->passage.body;
    jf_verdict head = {0};
    if (bytes.ptr != NULL && bytes.len < sizeof head) {
        mock_problem(mock, "verdict: %llu bytes are less than its head", (unsigned long long)bytes.len);
        bytes.ptr = NULL;
    }
    if (bytes.ptr != NULL) memcpy(&head, bytes.ptr, sizeof head);
    object->filtered.decision = head.decision;
    object->filtered.splices = head.decision == JF_SPLICE || head.decision == JF_SPILL ? head.count : 0;
    object->filtered.memory = object->form == MOCK_FORM_REQUEST ? head.memory : object->passage.memory;
    if (object->form == MOCK_FORM_REQUEST && head.memory != 0 && !JF_HAS(&mock->filter, ended))
        mock_problem(mock, "verdict: it leaves a memory, but the filter has no `ended` to forget it");
    if (bytes.ptr == NULL || head.decision == JF_PASS) return keep_text(mock, body, length);
    char *text = NULL;
    if (head.decision == JF_ANSWER) {
        text = keep_text(mock, (jf_view){bytes.ptr + sizeof head, bytes.len - sizeof head}, length);
        if (kind_of((jf_view){(const uint8_t *)text, *length}) != JF_JSON_OBJECT)
            mock_problem(mock, "verdict: an answer is a result object, not: %.200s", text);
    } else if (head.decision == JF_SPLICE || head.decision == JF_SPILL) {
        uint64_t at = sizeof head;
        if (head.decision == JF_SPILL && !spill(mock, object, bytes, &at)) return NULL;
        text = splice(mock, body, bytes, at, head.count, length);
        if (text != NULL && kind_of((jf_view){(const uint8_t *)text, *length}) != kind_of(body))
            mock_problem(mock, "verdict: what the splices make is no JSON any more, or another kind: %.200s",
                         text);
    } else {
        mock_problem(mock, "verdict: %u is no decision", head.decision);
    }
    return text;
}

jf_mock_filtered jf_mock_filtered_of(jf_mock *mock, jf_ref op) {
    jf_mock_filtered it = {.status = JF_E_STALE};
    mock_lock(mock);
    const mock_object *object = mock_object_of(mock, op, MOCK_OP);
    if (object != NULL) {
        it = object->filtered;
        it.status = object->op.status;
        it.body = object->op.result;
    }
    mock_unlock(mock);
    return it;
}

/* ---- All of them ---- */

char *mock_answer_text(jf_mock *mock, mock_object *object, jf_view bytes, uint64_t *length) {
    switch (object->form) {
    case MOCK_FORM_STORE:
        break;
    case MOCK_FORM_PRINCIPAL:
        mock_principal_valid(mock, bytes, "identify");
        break;
    case MOCK_FORM_SUPPLY:
        check_supply(mock, bytes);
        break;
    case MOCK_FORM_RULING:
        check_ruling(mock, bytes);
        break;
    case MOCK_FORM_REVIEW:
        return review_text(mock, object, bytes, length);
    case MOCK_FORM_REQUEST:
    case MOCK_FORM_RESULT:
        return verdict_text(mock, object, bytes, length);
    default:
        if (bytes.ptr != NULL && !mock_json_valid(bytes))
            mock_problem(mock, "the result of an operation is not one JSON text: %.*s",
                         (int)(bytes.len < 200 ? bytes.len : 200), (const char *)bytes.ptr);
    }
    return keep_text(mock, bytes, length);
}
