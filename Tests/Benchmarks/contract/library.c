/* SPDX-License-Identifier: Apache-2.0
 * The C library whose function the benchmark calls through tools-native. */
#include <stdint.h>

__attribute__((visibility("default"))) int32_t bench_add(int32_t a, int32_t b);

int32_t bench_add(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}
