/* SPDX-License-Identifier: Apache-2.0
 * Tests of cells: plugins out of process through the mock host. Argument: the library of cell/bad_plugin.c,
 * beside which cell-access.so is that of cell/access_plugin.c. */
#include "cell/fixture.h"

#define TOOLS "jf.toolset/1 jf.routing/1"

#include "cell/access_cases.h"
#include "cell/containment_cases.h"
#include "cell/routing_cases.h"
#include "cell/toolset_cases.h"
#include "cell/transport_cases.h"

int main(int argc, char **argv) {
    return fixture_main(argc, argv);
}
