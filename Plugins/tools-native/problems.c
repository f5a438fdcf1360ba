/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with a declaration. */
#include "problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LONGEST 48u

bool problem(problems *list, place at, const char *format, ...) {
    if (list->count++ >= PROBLEMS_KEPT) return false;
    char *text = list->text[list->count - 1];
    int length = at.line == 0 ? snprintf(text, PROBLEM_SIZE, "%s: ", list->file)
                              : snprintf(text, PROBLEM_SIZE, "%s:%u:%u: ", list->file, at.line, at.column);
    if (length < 0 || length >= PROBLEM_SIZE) return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + length, (size_t)(PROBLEM_SIZE - length), format, arguments);
    va_end(arguments);
    return false;
}

static uint32_t least(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t low = a < b ? a : b;
    return low < c ? low : c;
}

/** Edit distance where two neighbours that changed places are one edit. */
static uint32_t distance(const char *a, size_t m, const char *b, size_t n) {
    uint32_t rows[3][LONGEST + 1];
    uint32_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= n; j++)
        last[j] = (uint32_t)j;
    for (size_t i = 1; i <= m; i++) {
        now[0] = (uint32_t)i;
        for (size_t j = 1; j <= n; j++) {
            now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 1 < now[j]) now[j] = before[j - 2] + 1;
        }
        uint32_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[n];
}

const char *nearest(char *room, uint64_t size, const char *word, const char *const *candidates) {
    size_t length = strlen(word);
    const char *best = NULL;
    uint32_t lowest = (uint32_t)(length / 3 + 1);
    room[0] = 0;
    if (length > LONGEST || candidates == NULL) return room;
    for (; *candidates != NULL; candidates++) {
        size_t other = strlen(*candidates);
        if (other > LONGEST) continue;
        uint32_t edits = distance(word, length, *candidates, other);
        if (edits < lowest || (edits == lowest && best == NULL)) {
            lowest = edits;
            best = *candidates;
        }
    }
    if (best != NULL) snprintf(room, size, "; did you mean '%s'?", best);
    return room;
}
