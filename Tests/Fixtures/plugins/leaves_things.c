/* SPDX-License-Identifier: Apache-2.0
 * Leaves a descriptor open and a thread running. */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

FIXTURE_MANIFEST("leaves-things");

static void *run(void *unused) {
    for (;;)
        pause();
    return unused;
}

__attribute__((constructor)) static void on_load(void) {
    pthread_t thread;
    if (open("/dev/zero", O_RDONLY) < 0 || pthread_create(&thread, NULL, run, NULL) != 0) abort();
}
FIXTURE_ENTRY
