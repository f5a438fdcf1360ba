/* SPDX-License-Identifier: Apache-2.0
 * Handshake pieces: header lists, keys, SHA-1. */
#include "shake.h"

static bool named(const struct incoming *in, const struct field *field, const char *name) {
    return same_nocase(incoming_base(in) + field->name, field->name_len, name, strlen(name));
}

static jf_view value_of(const struct incoming *in, const struct field *field) {
    return view_trim(view_make(incoming_base(in) + field->value, field->value_len));
}

uint32_t head_field(const struct incoming *in, const char *name, jf_view *first) {
    uint32_t count = 0;
    *first = (jf_view){NULL, 0};
    for (uint32_t i = 0; i < in->head->count; i++) {
        const struct field *field = &in->head->fields[i];
        if (!named(in, field, name)) continue;
        if (count++ == 0) *first = value_of(in, field);
    }
    return count;
}

bool head_lists(const struct incoming *in, const char *name, const char *token, bool *any) {
    bool found = false, seen = false;
    for (uint32_t i = 0; i < in->head->count; i++) {
        const struct field *field = &in->head->fields[i];
        if (!named(in, field, name)) continue;
        seen = true;
        jf_view rest = value_of(in, field);
        while (rest.ptr != NULL) {
            jf_view item = view_trim(view_until(rest, ',', &rest));
            if (same_nocase(item.ptr, item.len, token, strlen(token))) found = true;
        }
    }
    if (any != NULL) *any = seen;
    return found;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void base64(const uint8_t *bytes, uint32_t length, char *out) {
    for (uint32_t i = 0; i < length; i += 3) {
        uint32_t left = length - i, bits = (uint32_t)bytes[i] << 16;
        if (left > 1) bits |= (uint32_t)bytes[i + 1] << 8;
        if (left > 2) bits |= bytes[i + 2];
        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[(bits >> 12) & 63];
        *out++ = left > 1 ? alphabet[(bits >> 6) & 63] : '=';
        *out++ = left > 2 ? alphabet[bits & 63] : '=';
    }
    *out = 0;
}

void key_make(const uint8_t random[16], char out[KEY_LENGTH + 1]) {
    base64(random, 16, out);
}

bool key_is_valid(jf_view key) {
    if (key.len != KEY_LENGTH || memcmp(key.ptr + KEY_LENGTH - 2, "==", 2) != 0) return false;
    for (uint32_t i = 0; i < KEY_LENGTH - 2; i++)
        if (memchr(alphabet, key.ptr[i], sizeof(alphabet) - 1) == NULL) return false;
    return true;
}

void key_answer(jf_view key, char out[ACCEPT_LENGTH + 1]) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[KEY_LENGTH + sizeof(guid) - 1], digest[20];
    memcpy(text, key.ptr, KEY_LENGTH);
    memcpy(text + KEY_LENGTH, guid, sizeof(guid) - 1);
    sha1(text, sizeof(text), digest);
    base64(digest, sizeof(digest), out);
}

static uint32_t rotate(uint32_t word, uint32_t by) {
    return word << by | word >> (32 - by);
}

static void sha1_block(const uint8_t *block, uint32_t state[5]) {
    static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t w[80];
    for (uint32_t i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (uint32_t i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (uint32_t i = 0; i < 80; i++) {
        uint32_t mixed = i < 20              ? (b & c) | (~b & d)
                         : i >= 40 && i < 60 ? (b & c) | (b & d) | (c & d)
                                             : b ^ c ^ d;
        uint32_t next = rotate(a, 5) + mixed + e + constants[i / 20] + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    const uint32_t sums[5] = {a, b, c, d, e};
    for (uint32_t i = 0; i < 5; i++)
        state[i] += sums[i];
}

void sha1(const uint8_t *bytes, uint32_t length, uint8_t digest[20]) {
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint8_t blocks[128] = {0};
    uint32_t size = length < 56 ? 64 : 128;
    memcpy(blocks, bytes, length);
    blocks[length] = 0x80;
    blocks[size - 2] = (uint8_t)(length * 8 >> 8);
    blocks[size - 1] = (uint8_t)(length * 8);
    for (uint32_t at = 0; at < size; at += 64)
        sha1_block(blocks + at, state);
    for (uint32_t i = 0; i < 20; i++)
        digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}
