/* SPDX-License-Identifier: Apache-2.0
 * Random numbers and hashes: quick, good enough for spreading calls, nothing for secrets. Little-endian only,
 * as the ABI is, so that every gateway gets the same hash of the same bytes. */
#ifndef JF_ROUTING_RANDOM_H
#define JF_ROUTING_RANDOM_H

#include <jackfield/base.h>
#include <string.h>

/** A bijection in which each bit of the result hangs on each bit of `x`: the finisher of SplitMix64 (Steele,
 * Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014; constants of Stafford's variant
 * 13). */
static inline uint64_t rt_mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/** The next number of a SplitMix64 sequence. */
static inline uint64_t rt_random(uint64_t *state) {
    *state += 0x9e3779b97f4a7c15u;
    return rt_mix(*state);
}

/** A number below `limit` (at least 1) by the multiplication of Lemire, "Fast random integer generation in an
 * interval", 2019; its bias is below limit / 2^64. */
static inline uint64_t rt_below(uint64_t *state, uint64_t limit) {
    return (uint64_t)(((unsigned __int128)rt_random(state) * limit) >> 64);
}

/** A hash of two hashes, of which `b` is odd: both halves of their product. */
static inline uint64_t rt_fold(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/** A hash of bytes, eight at a time. */
static inline uint64_t rt_hash(jf_view bytes, uint64_t seed) {
    uint64_t hash = rt_mix(seed ^ (bytes.len * 0x9e3779b97f4a7c15u)), word;
    uint64_t at = 0;
    for (; at + 8 <= bytes.len; at += 8) {
        memcpy(&word, bytes.ptr + at, 8);
        hash = rt_mix(hash ^ word) + word;
    }
    if (at < bytes.len) {
        word = 0;
        memcpy(&word, bytes.ptr + at, bytes.len - at);
        hash = rt_mix(hash ^ word);
    }
    return rt_mix(hash);
}

#endif
