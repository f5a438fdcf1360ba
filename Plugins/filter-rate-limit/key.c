/* SPDX-License-Identifier: Apache-2.0
 * Under which key a call is counted. */
#include "key.h"

#include <string.h>

enum { VALUES = 6, LONGEST_VALUE = 120 };

/* ---- SHA-256, for values that are too long to stand in a key ---- */

static const uint32_t rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t x, int bits) {
    return x >> bits | x << (32 - bits);
}

static void block(uint32_t state[8], const uint8_t *bytes) {
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 |
               (uint32_t)bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) +
               (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(v, state, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t one = v[7] + (turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25)) +
                       ((v[4] & v[5]) ^ (~v[4] & v[6])) + rounds[i] + w[i];
        uint32_t two = (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)) +
                       ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += one;
        v[0] = one + two;
    }
    for (int i = 0; i < 8; i++)
        state[i] += v[i];
}

void rl_digest(const uint8_t *bytes, uint64_t count, uint8_t out[32]) {
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint8_t last[128] = {0};
    uint64_t at = 0;
    for (; count - at >= 64; at += 64)
        block(state, bytes + at);
    uint64_t rest = count - at, size = rest < 56 ? 64 : 128;
    if (rest > 0) memcpy(last, bytes + at, (size_t)rest);
    last[rest] = 0x80;
    for (int i = 0; i < 8; i++)
        last[size - 1 - (uint64_t)i] = (uint8_t)(count * 8 >> (8 * i));
    block(state, last);
    if (size == 128) block(state, last + 64);
    for (int i = 0; i < 32; i++)
        out[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

/* ---- Keys ---- */

/* An address without its port: the next connection of a client has another. */
static jf_view host_of(jf_view address) {
    if (address.len > 2 && address.ptr[0] == '[') {
        const uint8_t *end = memchr(address.ptr, ']', (size_t)address.len);
        return end != NULL ? (jf_view){address.ptr + 1, (uint64_t)(end - address.ptr) - 1} : address;
    }
    const uint8_t *colon = address.len > 0 ? memchr(address.ptr, ':', (size_t)address.len) : NULL;
    /* More than one without brackets: IPv6 alone. */
    if (colon == NULL || memchr(colon + 1, ':', (size_t)(address.ptr + address.len - colon - 1)) != NULL)
        return address;
    return (jf_view){address.ptr, (uint64_t)(colon - address.ptr)};
}

static uint32_t text(const char *from, uint8_t *out) {
    size_t length = strlen(from);
    memcpy(out, from, length);
    out[length] = '/';
    return (uint32_t)length + 1;
}

uint32_t rl_key_write(const rl_filter *filter, const rl_limit *limit, const jf_passage *passage,
                      uint8_t *out) {
    jf_view values[VALUES];
    uint8_t kind = (uint8_t)('0' + (passage->kind < 10 ? passage->kind : 9));
    uint32_t count = 0, at = text(filter->name, out);
    uint64_t sum = 0;
    if (limit->per & RL_PRINCIPAL) values[count++] = passage->principal->key;
    if (limit->per & RL_TENANT) values[count++] = passage->principal->tenant;
    if (limit->per & (RL_TOOL | RL_SERVER)) values[count++] = passage->server;
    if (limit->per & RL_TOOL) values[count++] = (jf_view){&kind, 1};
    if (limit->per & RL_TOOL) values[count++] = passage->name;
    if (limit->per & RL_ADDRESS) values[count++] = host_of(passage->address);
    at += text(limit->name, out + at);
    for (uint32_t i = 0; i < count; i++) {
        if (values[i].ptr == NULL) values[i].len = 0;
        sum += values[i].len;
    }
    for (uint32_t i = 0; i < count; i++) {
        /* A digest has a length that no value in a key has. */
        bool is_long = sum > LONGEST_VALUE && values[i].len > 32;
        out[at++] = is_long ? 255 : (uint8_t)values[i].len;
        if (is_long)
            rl_digest(values[i].ptr, values[i].len, out + at);
        else if (values[i].len > 0)
            memcpy(out + at, values[i].ptr, (size_t)values[i].len);
        at += is_long ? 32 : (uint32_t)values[i].len;
    }
    return at;
}
