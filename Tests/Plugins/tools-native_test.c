/* SPDX-License-Identifier: Apache-2.0
 * tools-native against a C library that is built for the occasion. */
#define _GNU_SOURCE
#include "tools-native/fixture.h"

/* The order of the tests. */
#include "tools-native/values.h"

#include "tools-native/conventions.h"

#include "tools-native/blocking.h"

#include "tools-native/refusals.h"

int main(int argc, char **argv) {
    if (!build_library()) {
        printf("cannot build Tests/Plugins/tools-native/library.c: is there a C compiler?\n0 passed, 1 "
               "failed\n");
        return 1;
    }
    int status = jf_check_main(argc, argv);
    if (provider != NULL && jf_mock_free(provider) != 0) status = 1;
    remove_library();
    return status;
}
