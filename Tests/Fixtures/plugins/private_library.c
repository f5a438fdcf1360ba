/* SPDX-License-Identifier: Apache-2.0
 * A library that a plugin brings along. */
__attribute__((visibility("default"))) int acme_answer(void);

int acme_answer(void) {
    return ANSWER;
}
