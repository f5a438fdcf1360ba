/* SPDX-License-Identifier: Apache-2.0
 * tools-composite against servers that answer by script. */
#define _GNU_SOURCE
#include "tools-composite/fixture.h"

/* The order of the tests. */
#include "tools-composite/fan_out.h"

#include "tools-composite/votes.h"

#include "tools-composite/hedges.h"

#include "tools-composite/batches.h"

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
