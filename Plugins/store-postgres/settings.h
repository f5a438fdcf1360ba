/* SPDX-License-Identifier: Apache-2.0
 * This plugin's configuration, shared with threads that connect. */
#ifndef STORE_POSTGRES_SETTINGS_H
#define STORE_POSTGRES_SETTINGS_H

#include "link.h"
#include <stdatomic.h>

struct settings {
    atomic_uint users;
    char *connection; /**< of libpq; may hold a password, so it is for nobody's eyes */
    char *password;   /**< NULL: none */
    char *schema;
    char *name; /**< what people call it */
    const char *synchronous_commit;
    uint64_t connect_timeout_ms, sweep_ms;
    bool creates;
    sc_bounds bounds;
};

/** Reads the configuration; NULL: `why` names the setting. */
struct settings *settings_read(const sc_host *host, jf_view config, jf_fault *why);
struct settings *settings_hold(struct settings *it);
void settings_release(struct settings *it);

#endif
