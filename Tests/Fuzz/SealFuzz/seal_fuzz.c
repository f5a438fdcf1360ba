/* SPDX-License-Identifier: Apache-2.0
 * libFuzzer target for the tokens of seal-openssl: what the plugin did not seal itself never opens, and what
 * it did opens only unchanged. */
#include "base64.h"
#include "jf_mock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition, ...)                                                                                 \
    do {                                                                                                     \
        if (condition) break;                                                                                \
        fprintf(stderr, __VA_ARGS__);                                                                        \
        fputc('\n', stderr);                                                                                 \
        abort();                                                                                             \
    } while (0)

/* The key of the seeds, and what all of them hold that open. */
#define CONFIG "{\"keys\":[\"AwoRGB8mLTQ7QklQV15lbHN6gYiPlp2kq7K5wMfO1dw=\"]}"
#define SEED "a seed of the corpus"

static jf_mock *mock;
static const jf_seal_1 *service;

/** The instance is made once: it keeps nothing from one token to the next. */
static void set_up(void) {
    if (service != NULL) return;
    mock = jf_mock_new();
    MUST(jf_mock_attach(mock, jf_entry_1) == JF_OK && jf_mock_create(mock, CONFIG) == JF_OK,
         "no instance: %s", jf_mock_why(mock));
    service = jf_mock_facet(mock, JF_SEAL_1);
    MUST(JF_HAS(service, open), "no jf.seal/1");
}

/** Opens, and drops what came out. */
static int32_t opens(jf_view sealed, jf_view bound, jf_view expected) {
    jf_blob plain = {0};
    int32_t status = service->open(service->context, sealed, bound, &plain, jf_mock_fault(mock));
    MUST(status == JF_OK || status == JF_E_INVALID, "status %d: %s", (int)status, jf_mock_why(mock));
    MUST((status == JF_OK) == (plain.ptr != NULL), "status %d with such a blob", (int)status);
    if (status != JF_OK) return status;
    MUST(plain.len == expected.len && (plain.len == 0 || memcmp(plain.ptr, expected.ptr, plain.len) == 0),
         "a forged token opened");
    plain.drop(plain.owner);
    return status;
}

/** The text opens as it stands, and again from memory that ends with it. */
static void open_text(jf_view sealed, jf_view bound) {
    uint8_t *exact = malloc(sealed.len + 1);
    MUST(exact != NULL, "no memory");
    memcpy(exact, sealed.ptr, sealed.len);
    int32_t first = opens(sealed, bound, jf_mock_view(SEED));
    MUST(opens((jf_view){exact, sealed.len}, bound, jf_mock_view(SEED)) == first, "opens only sometimes");
    free(exact);
    // One text for each token: what opens is the encoding of its own bytes.
    if (first != JF_OK) return;
    uint8_t *raw = malloc(base64_size(sealed.len)), *again = malloc(sealed.len);
    MUST(raw != NULL && again != NULL && base64_decode(sealed.ptr, sealed.len, raw), "opens undecoded");
    base64_encode(raw, base64_size(sealed.len), again);
    MUST(memcmp(again, sealed.ptr, sealed.len) == 0, "another spelling opens");
    free(raw);
    free(again);
}

/** The bytes are what the text spells, so that all of them reach the part behind the decoder. */
static void open_bytes(jf_view raw, jf_view bound) {
    jf_view text = {NULL, base64_length(raw.len)};
    uint8_t *spelt = malloc(text.len + 1);
    MUST(spelt != NULL, "no memory");
    text.ptr = spelt;
    base64_encode(raw.ptr, raw.len, spelt);
    open_text(text, bound);
    free(spelt);
}

/** Seals, opens, and opens again with one character changed, with a cut and for other bound data. The first
 * three bytes say where. */
static void change(jf_view rest, jf_view bound) {
    if (rest.len < 3) return;
    const uint8_t *how = rest.ptr;
    jf_view plain = {rest.ptr + 3, rest.len - 3};
    jf_blob sealed = {0};
    int32_t status = service->seal(service->context, plain, bound, &sealed, jf_mock_fault(mock));
    MUST(status == (plain.len > JF_SEAL_MOST ? JF_E_INVALID : JF_OK), "seal: %s", jf_mock_why(mock));
    if (status != JF_OK) return;
    MUST(sealed.len <= plain.len * 4 / 3 + 128, "%llu characters", (unsigned long long)sealed.len);
    jf_view whole = {sealed.ptr, sealed.len};
    MUST(opens(whole, bound, plain) == JF_OK, "its own token: %s", jf_mock_why(mock));

    uint8_t *copy = malloc(sealed.len);
    MUST(copy != NULL, "no memory");
    memcpy(copy, sealed.ptr, sealed.len);
    uint64_t at = (how[0] + 256u * how[1]) % sealed.len;
    copy[at] ^= how[2] == 0 ? 1 : how[2];
    MUST(opens((jf_view){copy, sealed.len}, bound, plain) != JF_OK, "opens with character %llu changed",
         (unsigned long long)at);
    MUST(opens((jf_view){sealed.ptr, at}, bound, plain) != JF_OK, "opens cut at %llu",
         (unsigned long long)at);
    if (bound.len != 0)
        MUST(opens(whole, (jf_view){bound.ptr, bound.len - 1}, plain) != JF_OK, "opens for other bound data");
    free(copy);
    sealed.drop(sealed.owner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || (size_t)data[1] + 2 > size) return 0;
    set_up();
    jf_view bound = {data + 2, data[1]}, rest = {data + 2 + bound.len, size - 2 - bound.len};
    if (data[0] == 'T') open_text(rest, bound);
    if (data[0] == 'B') open_bytes(rest, bound);
    if (data[0] == 'C') change(rest, bound);
    return 0;
}
