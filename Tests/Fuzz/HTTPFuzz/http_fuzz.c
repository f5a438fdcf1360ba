/* SPDX-License-Identifier: Apache-2.0
 * libFuzzer target for the HTTP input of transport-http, both sides. Each input runs twice, whole and in
 * pieces: what the host sees and what goes out must not depend on how the bytes arrive. */
#include "connector_side.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool redirects(jf_view bytes) {
    for (uint64_t i = 0; i + 8 <= bytes.len; i++)
        if (same_nocase(bytes.ptr + i, 8, "location", 8)) return true;
    return false;
}

/** Whether the order of things depends on the pieces: no comparison then. */
static bool compares(const script *s, bool asks) {
    if (starved_from(s) != 0) return false;
    // Limits on a head are checked as it comes: near the limit it depends on what came along.
    if (!asks) return !has(s, 'h') && !has(s, 'q') && !has(s, 'k') && !has(s, 'g');
    // What follows an answer unasked is thrown away, or taken for the next one when that is already awaited.
    for (uint64_t i = 0; i < s->acts.len; i++)
        if (s->acts.ptr[i] != 0 && strchr("PCXQNEH", s->acts.ptr[i]) != NULL) return false;
    return !redirects(s->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    script cut = script_of(data, size), whole = cut;
    // 'L' and 'C' in the seeds.
    bool asks = (data[0] & 1) != 0;
    record first = {0}, second = {0};
    whole.whole = true;
    void (*run)(script *, record *) = asks ? run_connector : run_listener;
    run(&cut, &first);
    if (compares(&cut, asks) && cut.cuts.len != 0) {
        run(&whole, &second);
        if (first.length != second.length ||
            (first.length != 0 && memcmp(first.text, second.text, first.length) != 0)) {
            fprintf(stderr, "---- in pieces:\n%.*s\n---- whole:\n%.*s\n", (int)first.length, first.text,
                    (int)second.length, second.text);
            MUST(false, "the pieces make a difference");
        }
    }
    free(first.text);
    free(second.text);
    return 0;
}
