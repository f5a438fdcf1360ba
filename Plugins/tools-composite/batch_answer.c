/* SPDX-License-Identifier: Apache-2.0
 * The answer of a batch tool: which part belongs to whom, and what each caller is told. */
#include "batch.h"
#include "values.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shared_result {
    atomic_uint references;
    text words;
};

shared_result *shared_take(text *words) {
    shared_result *it = words->failed ? NULL : malloc(sizeof *it);
    if (it == NULL) {
        text_free(words);
        return NULL;
    }
    atomic_init(&it->references, 1);
    it->words = *words;
    return it;
}

static void drop(void *owner) {
    shared_release(owner);
}

jf_blob shared_blob(shared_result *it) {
    atomic_fetch_add_explicit(&it->references, 1, memory_order_relaxed);
    return (jf_blob){it->words.bytes, it->words.length, it, drop};
}

void shared_release(shared_result *it) {
    if (atomic_fetch_sub_explicit(&it->references, 1, memory_order_acq_rel) != 1) return;
    text_free(&it->words);
    free(it);
}

/* ---- What callers are told ---- */

/** The report's members; the object stays open. */
static void put_report(const batch *of, text *out) {
    text_put(out, "{\"mode\":\"batch\",\"items\":");
    text_unsigned(out, of->count);
    if (of->began == 0 || of->self == NULL) return;
    const jf_loop_1 *loop = of->self->loop;
    text_put(out, ",\"ms\":");
    text_unsigned(out, (loop->now(loop->context) - of->began) / 1000000);
}

void batch_write_failure(const batch *of, const char *status, const char *why, text *out) {
    char words[WHY_SIZE + 160];
    const target *to = &of->it->targets[of->sent && of->count == 1 && of->it->count > 1 ? 1 : 0];
    int length = snprintf(words, sizeof words, "%.64s: %.40s of %.40s: %s (%s)", of->it->name, to->tool,
                          to->server, status, why);
    size_t cut = value_cut(words, (size_t)length, sizeof words - 1);
    text_put(out, "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":");
    text_quoted(out, words, cut);
    text_put(out, "}],\"structuredContent\":");
    put_report(of, out);
    text_put(out, ",\"status\":");
    text_quoted(out, status, strlen(status));
    text_put(out, ",\"outcome\":");
    text_quoted(out, why, strlen(why));
    text_put(out, "},\"isError\":true}");
}

/** One text block: a string as it is, anything else as JSON. */
static void put_block(const json_value *part, text *out) {
    text_put(out, "{\"type\":\"text\",\"text\":");
    if (part->kind == JSON_STRING)
        value_put(out, part);
    else
        text_quoted(out, part->ptr, part->len);
    text_put(out, "}");
}

/** The result for an item; `part` NULL: the answer has none. */
static void write_part(const batch *of, const json_value *part, text *out) {
    const batching *by = &of->it->batch;
    json_value error;
    if (part == NULL && !by->missing_empty) {
        batch_write_failure(of, "missing", "the answer has no result for this item", out);
        return;
    }
    text_put(out, "{\"resultType\":\"complete\",\"content\":[");
    if (part != NULL && by->error != NULL && value_find(part, by->error, &error) && error.kind != JSON_NULL &&
        !(error.kind == JSON_BOOL && *error.ptr == 'f')) {
        put_block(&error, out);
        text_put(out, "],\"isError\":true");
    } else {
        if (part != NULL) put_block(part, out);
        text_put(out, "]");
    }
    if (part != NULL && part->kind == JSON_OBJECT) {
        text_put(out, ",\"structuredContent\":");
        value_put(out, part);
    }
    text_put(out, ",\"_meta\":{\"jackfield/composite\":");
    put_report(of, out);
    text_put(out, "}}}");
}

/* ---- Which part is whose ---- */

static int by_key(const void *a, const void *b) {
    const text *one = &(*(const entry *const *)a)->key, *two = &(*(const entry *const *)b)->key;
    if (one->length != two->length) return one->length < two->length ? -1 : 1;
    return one->length == 0 ? 0 : memcmp(one->bytes, two->bytes, one->length);
}

/** Of several results with one key the first counts; what nobody asked for is left out. */
static void share_by_key(batch *of, const json_value *list) {
    json_value result, name;
    json_members walk = json_walk(list);
    entry like = {0}, *wanted = &like;
    qsort(of->entries, of->count, sizeof(entry *), by_key);
    while (of->waiting > 0 && json_item(&walk, &result) == 1) {
        if (!value_find(&result, of->it->batch.key, &name)) continue;
        like.key.length = 0;
        if (!value_canonical(&like.key, &name)) break;
        entry **found = bsearch(&wanted, of->entries, of->count, sizeof(entry *), by_key);
        if (found == NULL || (*found)->waiters == NULL) continue;
        text words = {0};
        write_part(of, &result, &words);
        batch_finish(of, *found, shared_take(&words));
    }
    text_free(&like.key);
    for (uint32_t i = 0; i < of->count; i++) {
        text words = {0};
        if (of->entries[i]->waiters == NULL) continue;
        write_part(of, NULL, &words);
        batch_finish(of, of->entries[i], shared_take(&words));
    }
}

static void share_in_order(batch *of, const json_value *list) {
    char why[WHY_SIZE];
    json_value result;
    uint64_t count = 0;
    json_members walk = json_walk(list);
    while (json_item(&walk, &result) == 1)
        count++;
    if (count != of->count) {
        snprintf(why, sizeof why, "the answer has %llu results for %u items: which is whose cannot be known",
                 (unsigned long long)count, of->count);
        batch_fail(of, "mismatch", why);
        return;
    }
    walk = json_walk(list);
    for (uint32_t i = 0; i < of->count && json_item(&walk, &result) == 1; i++) {
        text words = {0};
        write_part(of, result.kind == JSON_NULL ? NULL : &result, &words);
        batch_finish(of, of->entries[i], shared_take(&words));
    }
}

/** What an answer says: its structuredContent, or the JSON in its one text block, decoded into `room`. */
static bool read_said(const leg *answer, uint8_t **room, json_value *out) {
    json_value block, words, another;
    *out = answer->structured;
    if (answer->structured.len != 0) return true;
    if (answer->content.kind != JSON_ARRAY) return false;
    json_members walk = json_walk(&answer->content);
    if (json_item(&walk, &block) != 1 || json_item(&walk, &another) == 1 ||
        !value_member(&block, "text", &words) || words.kind != JSON_STRING)
        return false;
    *room = malloc(words.len + 1);
    size_t length = *room == NULL ? SIZE_MAX : json_decode(&words, (char *)*room);
    return length != SIZE_MAX && json_parse(*room, length, out);
}

/** The answer of the tool for single calls goes to its callers as it is. */
static bool share_alone(batch *of, const leg *answer, const jf_call_result *result) {
    if (of->count != 1 || of->it->count < 2) return false;
    if (answer->state != LEG_GOOD && answer->state != LEG_ERROR) return false;
    text words = {0};
    text_bytes(&words, result->body.ptr, result->body.len);
    batch_finish(of, of->entries[0], shared_take(&words));
    return true;
}

void batch_share(batch *of, const jf_call_result *result) {
    leg answer = {0};
    size_t bytes = 0;
    uint8_t *room = NULL;
    json_value said, list;
    answer_read(&answer, of->set, &bytes, result);
    if (share_alone(of, &answer, result)) {
        free(answer.body);
        return;
    }
    if (answer.state != LEG_GOOD)
        batch_fail(of, answer_state(answer.state), answer.why);
    else if (!read_said(&answer, &room, &said) || !answer_items(of->it->batch.results, &said, &list))
        batch_fail(of, "mismatch", "the answer has no list where the results should be");
    else if (of->it->batch.key != NULL)
        share_by_key(of, &list);
    else
        share_in_order(of, &list);
    free(room);
    free(answer.body);
}
