/* SPDX-License-Identifier: Apache-2.0
 * Tests of auth-jwt through the mock host: tokens, the principals that they make, and keys that are fetched.
 */
#define _GNU_SOURCE
#include "auth-jwt/token_cases.h"
// In this order: each builds on the one before.
#include "auth-jwt/issuer_cases.h"
#include "auth-jwt/mapping_cases.h"

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
