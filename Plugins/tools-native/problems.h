/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with a declaration: all of it at once, each with its place. */
#ifndef TOOLS_NATIVE_PROBLEMS_H
#define TOOLS_NATIVE_PROBLEMS_H

#include <stdbool.h>
#include <stdint.h>

/** A place in a declaration file. Both count from 1, columns in characters; line 0: the file as a whole. */
typedef struct place {
    uint32_t line, column;
} place;

#define PROBLEMS_KEPT 20
#define PROBLEM_SIZE 400

/** The problems of one file. Starts all zero but for `file`. */
typedef struct problems {
    const char *file; /**< as messages call it; borrowed */
    uint32_t count;   /**< of all; the first PROBLEMS_KEPT are kept */
    char text[PROBLEMS_KEPT][PROBLEM_SIZE];
} problems;

/** Adds "file:line:column: ...". Always false, so that a check can end with it. */
bool problem(problems *list, place at, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** "; did you mean 'x'?" for the candidate nearest to `word`, or "" when none is near. `candidates` ends with
 * NULL; NULL: there are none. The text is in `room`. */
const char *nearest(char *room, uint64_t size, const char *word, const char *const *candidates);

#endif
