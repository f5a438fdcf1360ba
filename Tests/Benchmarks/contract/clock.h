/* SPDX-License-Identifier: Apache-2.0
 * Time for the benchmarks of the plugin contract. */
#ifndef JACKFIELD_BENCH_CLOCK_H
#define JACKFIELD_BENCH_CLOCK_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/** Rounds of one figure; the least counts: whatever else the machine does only ever adds. */
#define BENCH_ROUNDS 9

static inline uint64_t bench_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/** Nanoseconds of one of `count` calls that began at `since`; `best` where that is less. */
static inline double bench_least(double best, uint64_t since, uint64_t count) {
    double each = (double)(bench_clock() - since) / (double)count;
    return each < best ? each : best;
}

#endif
