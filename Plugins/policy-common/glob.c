/* SPDX-License-Identifier: Apache-2.0
 * Patterns over names. */
#include "policy.h"

bool pc_glob(jf_view pattern, jf_view text) {
    uint64_t p = 0, t = 0, star = UINT64_MAX, resume = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.ptr[p] == '?') {
            p++;
            t++;
            /* A whole character of UTF-8. */
            while (t < text.len && (text.ptr[t] & 0xc0) == 0x80)
                t++;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != UINT64_MAX) {
            /* The last star takes one byte more. */
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}
