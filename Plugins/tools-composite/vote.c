/* SPDX-License-Identifier: Apache-2.0
 * Votes: answers are the same when their canonical values are; who wins, and when nobody can any more. */
#include "run.h"
#include "values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** What is compared of an answer; false: it has nothing there. */
static bool write_value(const run *of, const leg *answer, text *out) {
    json_value value, block, words;
    if (of->it->compare != NULL) {
        if (answer->structured.len == 0 || !value_find(&answer->structured, of->it->compare, &value))
            return false;
        return value_canonical(out, &value);
    }
    if (answer->structured.len != 0) return value_canonical(out, &answer->structured);
    if (answer->content.kind != JSON_ARRAY) return false;
    bool any = false;
    json_members walk = json_walk(&answer->content);
    text_put(out, "[");
    while (json_item(&walk, &block) == 1) {
        if (!value_member(&block, "text", &words) || words.kind != JSON_STRING) continue;
        if (any) text_put(out, ",");
        (void)value_canonical(out, &words);
        any = true;
    }
    text_put(out, "]");
    return any && !out->failed;
}

/** FNV-1a, 64 bits: only to compare less. */
static uint64_t hash(const uint8_t *bytes, size_t length) {
    uint64_t value = 14695981039346656037u;
    for (size_t i = 0; i < length; i++)
        value = (value ^ bytes[i]) * 1099511628211u;
    return value;
}

void vote_count(run *of, leg *answer) {
    text value = {0};
    if (!write_value(of, answer, &value) || value.failed) {
        text_free(&value);
        answer->state = LEG_NO_VALUE;
        snprintf(answer->why, sizeof answer->why, "its answer has nothing %s",
                 of->it->compare != NULL ? "at the place that is compared" : "that can be compared");
        return;
    }
    answer->canonical = value.bytes;
    answer->canonical_length = value.length;
    answer->hash = hash(value.bytes, value.length);
    /* The group is named by its first target in the declaration, which may answer last. */
    uint32_t place = (uint32_t)(answer - of->legs), group = place;
    for (uint32_t i = 0; i < of->it->count; i++) {
        const leg *other = &of->legs[i];
        if (other != answer && other->canonical != NULL && other->hash == answer->hash &&
            other->canonical_length == answer->canonical_length &&
            memcmp(other->canonical, answer->canonical, answer->canonical_length) == 0) {
            group = other->group;
            break;
        }
    }
    uint32_t least = group < place ? group : place;
    for (uint32_t i = 0; i < of->it->count; i++)
        if (of->legs[i].canonical != NULL && of->legs[i].group == group && i != place)
            of->legs[i].group = least;
    answer->group = least;
}

static double weight(const run *of, uint32_t index) {
    return of->it->rule == VOTE_WEIGHTED ? of->it->targets[index].weight : 1;
}

double vote_weight(const run *of, uint32_t group, uint32_t *voters) {
    double sum = 0;
    *voters = 0;
    for (uint32_t i = 0; i < of->it->count; i++) {
        if (of->legs[i].canonical == NULL || of->legs[i].group != group) continue;
        sum += weight(of, i);
        ++*voters;
    }
    return sum;
}

/** How the votes stand. */
typedef struct tally {
    double all, open, first,
        second; /**< weights: of everybody, of those who may still answer, the two best */
    uint32_t leader, groups, pending;
} tally;

static tally stand(const run *of) {
    tally is = {0};
    uint32_t voters;
    for (uint32_t i = 0; i < of->it->count; i++) {
        const leg *at = &of->legs[i];
        is.all += weight(of, i);
        if (!of->expired && (at->state == LEG_WAITING || at->state == LEG_ASKED)) {
            is.open += weight(of, i);
            is.pending++;
        }
        if (at->canonical == NULL || at->group != i) continue;
        double votes = vote_weight(of, i, &voters);
        is.groups++;
        if (votes > is.first) {
            is.second = is.first;
            is.first = votes;
            is.leader = i;
        } else if (votes > is.second) {
            is.second = votes;
        }
    }
    return is;
}

static decision won(run *of, const tally *is) {
    uint32_t voters;
    (void)vote_weight(of, is->leader, &voters);
    of->winner = &of->legs[is->leader];
    if (of->it->rule == VOTE_WEIGHTED)
        snprintf(of->why, sizeof of->why, "%u of %u targets agree, with %.4g of %.4g votes", voters,
                 of->it->count, is->first, is->all);
    else
        snprintf(of->why, sizeof of->why, "%u of %u targets agree", voters, of->it->count);
    return DECIDED_GOOD;
}

static decision lost(run *of, const char *words) {
    snprintf(of->why, sizeof of->why, "%s", words);
    return DECIDED_FAILED;
}

static decision unanimous(run *of, const tally *is) {
    if (is->groups > 1) return lost(of, "the targets do not agree");
    return is->pending > 0 ? UNDECIDED : won(of, is);
}

decision vote_decide(run *of) {
    const composite *it = of->it;
    tally is = stand(of);
    char words[WHY_SIZE];
    if (of->good + is.pending < it->quorum) {
        snprintf(words, sizeof words, "%u of %u targets have a vote, %u are needed", of->good, it->count,
                 it->quorum);
        return lost(of, words);
    }
    if (it->rule == VOTE_UNANIMOUS) return unanimous(of, &is);
    bool quorate = of->good >= it->quorum;
    if (2 * is.first > is.all) return quorate ? won(of, &is) : UNDECIDED;
    if (!it->plurality) {
        /* Nobody can get there any more, neither the leader nor a value that nobody has named yet. */
        if (2 * (is.first + is.open) <= is.all || is.pending == 0)
            return lost(of, "no answer has a majority");
        return UNDECIDED;
    }
    if (quorate && is.first > is.second + is.open) return won(of, &is);
    if (is.pending > 0) return UNDECIDED;
    if (is.first > is.second || it->tie_first) return won(of, &is);
    return lost(of, "the most votes are tied");
}
