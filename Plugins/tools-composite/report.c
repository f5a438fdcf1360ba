/* SPDX-License-Identifier: Apache-2.0
 * The result of a composite tool: for programs in structuredContent, for readers in content. */
#include "run.h"
#include "values.h"

#include <string.h>

static const char *const modes[] = {"all", "merge", "first", "vote", "race", "hedge"};

static void put_string(text *out, const char *key, const char *value) {
    text_put(out, key);
    text_quoted(out, value, strlen(value));
}

/** One target in the report. */
static void put_leg(const run *of, const leg *at, bool with_answer, text *out) {
    const target *to = &of->it->targets[at - of->legs];
    put_string(out, "{\"target\":", to->label);
    put_string(out, ",\"server\":", to->server);
    put_string(out, ",\"tool\":", to->tool);
    put_string(out, ",\"status\":", answer_state(at->state));
    if (at->began != 0) {
        text_put(out, ",\"ms\":");
        text_unsigned(out, at->took / 1000000);
    }
    if (of->it->mode == MODE_VOTE && of->it->rule == VOTE_WEIGHTED) {
        text_put(out, ",\"weight\":");
        text_real(out, to->weight, false);
    }
    if (at->state != LEG_GOOD) put_string(out, ",\"error\":", at->why);
    if (with_answer && at->state == LEG_GOOD) {
        if (at->structured.len != 0) {
            text_put(out, ",\"structuredContent\":");
            value_put(out, &at->structured);
        } else if (at->content.len != 0) {
            text_put(out, ",\"content\":");
            value_put(out, &at->content);
        }
    }
    text_put(out, "}");
}

static void put_legs(const run *of, bool with_answers, text *out) {
    text_put(out, "[");
    for (uint32_t i = 0; i < of->it->count; i++) {
        if (i > 0) text_put(out, ",");
        put_leg(of, &of->legs[i], with_answers, out);
    }
    text_put(out, "]");
}

/** Who said what: the values by weight, the heaviest first; of equal ones that of the first target. */
static void put_votes(const run *of, text *out) {
    bool told[MOST_TARGETS] = {false};
    uint32_t voters;
    text_put(out, ",\"votes\":[");
    for (bool any = false;; any = true) {
        double most = 0;
        uint32_t best = MOST_TARGETS;
        for (uint32_t i = 0; i < of->it->count; i++) {
            if (of->legs[i].canonical == NULL || of->legs[i].group != i || told[i]) continue;
            double votes = vote_weight(of, i, &voters);
            if (votes > most) {
                most = votes;
                best = i;
            }
        }
        if (best == MOST_TARGETS) break;
        told[best] = true;
        text_put(out, any ? ",{\"value\":" : "{\"value\":");
        text_bytes(out, of->legs[best].canonical, of->legs[best].canonical_length);
        text_put(out, ",\"weight\":");
        text_real(out, vote_weight(of, best, &voters), false);
        text_put(out, ",\"targets\":[");
        bool first = true;
        for (uint32_t i = 0; i < of->it->count; i++) {
            if (of->legs[i].canonical == NULL || of->legs[i].group != best) continue;
            put_string(out, first ? "" : ",", of->it->targets[i].label);
            first = false;
        }
        text_put(out, "]}");
    }
    text_put(out, "]");
}

/** `"mode":…` up to the counts; the object stays open. */
static void put_head(const run *of, text *out) {
    put_string(out, "{\"mode\":", modes[of->it->mode]);
    put_string(out, ",\"outcome\":", of->why);
    text_put(out, ",\"asked\":");
    text_unsigned(out, of->started);
    text_put(out, ",\"good\":");
    text_unsigned(out, of->good);
    text_put(out, ",\"targets\":");
    text_unsigned(out, of->it->count);
}

static void put_structured(const run *of, decision how, text *out) {
    static const char *const rules[] = {"majority", "weighted", "unanimous"};
    put_head(of, out);
    if (of->it->mode == MODE_VOTE) {
        put_string(out, ",\"rule\":", rules[of->it->rule]);
        text_put(out, ",\"winner\":");
        if (how == DECIDED_GOOD)
            text_bytes(out, of->winner->canonical, of->winner->canonical_length);
        else
            text_put(out, "null");
        put_votes(of, out);
    }
    if (of->it->mode == MODE_MERGE) merge_write(of, out);
    text_put(out, ",\"answers\":");
    put_legs(of, of->it->mode == MODE_ALL, out);
    text_put(out, "}");
}

static void put_block(text *out, const text *words) {
    text_put(out, "{\"type\":\"text\",\"text\":");
    text_quoted(out, words->bytes, words->length);
    text_put(out, "}");
}

/** The blocks of an answer, each behind a comma. */
static void put_blocks(const leg *at, text *out) {
    json_value block;
    if (at->content.kind != JSON_ARRAY) return;
    json_members walk = json_walk(&at->content);
    while (json_item(&walk, &block) == 1) {
        if (block.kind != JSON_OBJECT) continue;
        text_put(out, ",");
        value_put(out, &block);
    }
}

static void say_leg(const run *of, const leg *at, text *words) {
    text_put(words, of->it->targets[at - of->legs].label);
    text_put(words, ": ");
    text_put(words, answer_state(at->state));
    if (at->state == LEG_GOOD) return;
    text_put(words, " (");
    text_put(words, at->why);
    text_put(words, ")");
}

/** The sentence at the top, and a line for each target whose answer does not follow. */
static void put_summary(const run *of, text *out) {
    text words = {0};
    text_put(&words, of->it->name);
    text_put(&words, ": ");
    text_put(&words, of->why);
    for (uint32_t i = 0; i < of->it->count; i++) {
        if (of->it->mode == MODE_ALL && of->legs[i].state == LEG_GOOD) continue;
        text_put(&words, "\n");
        say_leg(of, &of->legs[i], &words);
    }
    if (words.failed) out->failed = true;
    put_block(out, &words);
    text_free(&words);
}

static void put_content(const run *of, decision how, text *out) {
    put_summary(of, out);
    for (uint32_t i = 0; i < of->it->count; i++) {
        const leg *at = &of->legs[i];
        bool shown = at->state == LEG_GOOD && (of->it->mode == MODE_ALL || of->it->mode == MODE_MERGE ||
                                               (how == DECIDED_GOOD && at == of->winner));
        if (!shown) continue;
        if (of->it->mode == MODE_ALL) {
            text words = {0};
            say_leg(of, at, &words);
            if (words.failed) out->failed = true;
            text_put(out, ",");
            put_block(out, &words);
            text_free(&words);
        }
        put_blocks(at, out);
    }
}

/** first, race, hedge: the target's own result; the report goes into `_meta`. */
static void put_winner(const run *of, text *out) {
    json_value key, value, inner;
    bool any = false;
    json_members walk = json_walk(&of->winner->result), members;
    json_value meta = {0};
    text_put(out, "{");
    while (json_next(&walk, &key, &value) == 1) {
        if (json_is(&key, "_meta")) {
            meta = value;
            continue;
        }
        if (any) text_put(out, ",");
        value_put(out, &key);
        text_put(out, ":");
        value_put(out, &value);
        any = true;
    }
    text_put(out, any ? ",\"_meta\":{\"jackfield/composite\":" : "\"_meta\":{\"jackfield/composite\":");
    put_head(of, out);
    put_string(out, ",\"winner\":", of->it->targets[of->winner - of->legs].label);
    text_put(out, ",\"answers\":");
    put_legs(of, false, out);
    text_put(out, "}");
    if (meta.kind == JSON_OBJECT) {
        members = json_walk(&meta);
        while (json_next(&members, &key, &inner) == 1) {
            if (json_is(&key, "jackfield/composite")) continue;
            text_put(out, ",");
            value_put(out, &key);
            text_put(out, ":");
            value_put(out, &inner);
        }
    }
    text_put(out, "}}");
}

void report_write(run *of, decision how, text *out) {
    bool single = of->it->mode == MODE_FIRST || of->it->mode == MODE_RACE || of->it->mode == MODE_HEDGE;
    if (single && how == DECIDED_GOOD) {
        put_winner(of, out);
        return;
    }
    text_put(out, "{\"resultType\":\"complete\",\"content\":[");
    put_content(of, how, out);
    text_put(out, "],\"structuredContent\":");
    put_structured(of, how, out);
    text_put(out, how == DECIDED_GOOD ? "}" : ",\"isError\":true}");
}
