/* SPDX-License-Identifier: Apache-2.0
 * transport-stdio against real processes, and its listener on pipes, sockets and files. */
#define _GNU_SOURCE
#include "transport-stdio/fixture.h"

/* The order of the tests. */
#include "transport-stdio/messages.h"

#include "transport-stdio/restarts.h"

#include "transport-stdio/trees.h"

#include "transport-stdio/bounds.h"

#include "transport-stdio/usage.h"

#include "transport-stdio/handover.h"

#include "transport-stdio/listener.h"

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
