/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.pure: its entry starts a thread. */
#include "toolset.h"

#include <unistd.h>
#define ENTRY busy
static const jf_plugin gallery_plugin;
static void *idle(void *user) {
    for (;;)
        pause();
    return user;
}
const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    pthread_t thread;
    (void)offer, (void)why;
    pthread_create(&thread, NULL, idle, NULL);
    return &gallery_plugin;
}

#include "plugin.h"
