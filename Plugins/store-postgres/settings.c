/* SPDX-License-Identifier: Apache-2.0
 * This plugin's configuration. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "settings.h"

#include "setting.h"
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_name(const char *text) {
    size_t length = strlen(text);
    return length >= 1 && length <= 48 && strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789") == length &&
           !(text[0] >= '0' && text[0] <= '9');
}

/* Parses the connection string for its errors, and for a name without secrets. libpq's own message could
 * quote a password, so it is not shown. */
static bool understand(struct settings *it) {
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(it->connection, &message);
    if (message != NULL) PQfreemem(message);
    if (options == NULL) return false;
    const char *host = "the default server", *database = "the default database";
    for (PQconninfoOption *at = options; at->keyword != NULL; at++) {
        if (at->val == NULL || at->val[0] == 0) continue;
        if (strcmp(at->keyword, "host") == 0) host = at->val;
        if (strcmp(at->keyword, "dbname") == 0) database = at->val;
    }
    bool ok = asprintf(&it->name, "%.80s at %.120s", database, host) >= 0;
    if (!ok) it->name = NULL;
    PQconninfoFree(options);
    return ok;
}

struct settings *settings_read(const sc_host *host, jf_view config, jf_fault *why) {
    static const char *const commits[] = {"on", "off", "local", "remote_write", "remote_apply", NULL};
    struct settings *it = calloc(1, sizeof *it);
    if (it == NULL) {
        sc_fault(why, JF_E_FAULT, 0, "%s: no memory for its settings", host->plugin);
        return NULL;
    }
    sc_settings read = {host, config, why, JF_OK};
    atomic_init(&it->users, 1);
    it->connection = sc_text(&read, "connection", "");
    it->password = sc_text(&read, "password", NULL);
    it->schema = sc_text(&read, "schema", "jackfield");
    it->creates = sc_flag(&read, "create", true);
    it->synchronous_commit = commits[sc_choice(&read, "synchronous_commit", commits)];
    it->connect_timeout_ms = sc_integer(&read, "connect_timeout_ms", 100, 60000, 5000);
    it->sweep_ms = sc_integer(&read, "sweep_ms", 10, 600000, 1000);
    it->bounds = (sc_bounds){
        .timeout_ms = sc_integer(&read, "timeout_ms", 10, 60000, 2000),
        .backoff_ms = sc_integer(&read, "backoff_ms", 1, 60000, 100),
        .backoff_most_ms = sc_integer(&read, "backoff_most_ms", 1, 600000, 5000),
        .bytes = sc_integer(&read, "max_in_flight_bytes", 65536, 1073741824, 33554432),
        .in_flight = (uint32_t)sc_integer(&read, "max_in_flight", 1, 100000, 1024),
    };
    int32_t status = read.status;
    if (status == JF_OK && (it->connection == NULL || !understand(it)))
        status = sc_fault(why, JF_E_INVALID, 0,
                          "%s: connection is no connection string of libpq: write host=… dbname=… user=…, or "
                          "postgresql://user@host/dbname",
                          host->plugin);
    if (status == JF_OK && (it->schema == NULL || !is_name(it->schema)))
        status = sc_fault(why, JF_E_INVALID, 0,
                          "%s: schema must be a name of a-z, 0-9 and _, not longer than 48", host->plugin);
    if (status == JF_OK) return it;
    settings_release(it);
    return NULL;
}

struct settings *settings_hold(struct settings *it) {
    atomic_fetch_add(&it->users, 1);
    return it;
}

void settings_release(struct settings *it) {
    if (atomic_fetch_sub(&it->users, 1) != 1) return;
    sc_wipe(it->connection);
    sc_wipe(it->password);
    free(it->schema);
    free(it->name);
    free(it);
}
