/* SPDX-License-Identifier: Apache-2.0
 * This plugin's configuration, shared with threads that connect. */
#ifndef STORE_REDIS_SETTINGS_H
#define STORE_REDIS_SETTINGS_H

#include "link.h"
#include <stdatomic.h>

struct settings {
    atomic_uint users;
    char *address; /**< as configured, for people */
    char *host;    /**< NULL: a Unix socket */
    char *path;    /**< NULL: TCP */
    uint32_t port;
    char *username; /**< NULL: none */
    char *password; /**< NULL: none */
    char *prefix;
    char *
        channel; /**< of changes: the prefix and the database, since channels are those of the whole server */
    uint32_t database;
    uint64_t connect_timeout_ms, sweep_ms;
    sc_bounds bounds;
};

/** Reads the configuration; NULL: `why` names the setting. */
struct settings *settings_read(const sc_host *host, jf_view config, jf_fault *why);
struct settings *settings_hold(struct settings *it);
void settings_release(struct settings *it);

#endif
