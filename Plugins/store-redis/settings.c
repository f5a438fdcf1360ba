/* SPDX-License-Identifier: Apache-2.0
 * This plugin's configuration. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "settings.h"

#include "setting.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Splits HOST:PORT, [IPV6]:PORT or unix:PATH. */
static bool split(struct settings *it) {
    const char *text = it->address;
    if (strncmp(text, "unix:", 5) == 0) {
        it->path = strdup(text + 5);
        return it->path != NULL && it->path[0] == '/' && strlen(it->path) < 108;
    }
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || colon[1] == 0) return false;
    char *end = NULL;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end != 0 || port < 1 || port > 65535) return false;
    size_t length = (size_t)(colon - text);
    bool is_bracketed = text[0] == '[' && length > 2 && text[length - 1] == ']';
    if (!is_bracketed && memchr(text, ':', length) != NULL) return false;
    it->host = is_bracketed ? strndup(text + 1, length - 2) : strndup(text, length);
    it->port = (uint32_t)port;
    return it->host != NULL;
}

struct settings *settings_read(const sc_host *host, jf_view config, jf_fault *why) {
    struct settings *it = calloc(1, sizeof *it);
    if (it == NULL) {
        sc_fault(why, JF_E_FAULT, 0, "%s: no memory for its settings", host->plugin);
        return NULL;
    }
    sc_settings read = {host, config, why, JF_OK};
    atomic_init(&it->users, 1);
    it->address = sc_text(&read, "address", "127.0.0.1:6379");
    it->username = sc_text(&read, "username", NULL);
    it->password = sc_text(&read, "password", NULL);
    it->prefix = sc_text(&read, "prefix", "jackfield:");
    it->database = (uint32_t)sc_integer(&read, "database", 0, 65535, 0);
    it->connect_timeout_ms = sc_integer(&read, "connect_timeout_ms", 10, 60000, 2000);
    it->sweep_ms = sc_integer(&read, "sweep_ms", 10, 600000, 1000);
    it->bounds = (sc_bounds){
        .timeout_ms = sc_integer(&read, "timeout_ms", 10, 60000, 1000),
        .backoff_ms = sc_integer(&read, "backoff_ms", 1, 60000, 50),
        .backoff_most_ms = sc_integer(&read, "backoff_most_ms", 1, 600000, 3000),
        .bytes = sc_integer(&read, "max_in_flight_bytes", 65536, 1073741824, 33554432),
        .in_flight = (uint32_t)sc_integer(&read, "max_in_flight", 1, 1000000, 4096),
    };
    int32_t status = read.status;
    if (status == JF_OK && (it->address == NULL || !split(it)))
        status = sc_fault(why, JF_E_INVALID, 0,
                          "%s: address must be HOST:PORT, [IPV6]:PORT or unix:/path/of/socket", host->plugin);
    if (status == JF_OK && it->username != NULL && it->password == NULL)
        status = sc_fault(why, JF_E_INVALID, 0, "%s: username without password", host->plugin);
    if (status == JF_OK && (it->prefix == NULL || strlen(it->prefix) > 256 ||
                            asprintf(&it->channel, "%schanges:%u", it->prefix, it->database) < 0)) {
        it->channel = NULL;
        status = sc_fault(why, JF_E_INVALID, 0, "%s: prefix has at most 256 bytes", host->plugin);
    }
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
    free(it->address);
    free(it->host);
    free(it->path);
    free(it->username);
    sc_wipe(it->password);
    free(it->prefix);
    free(it->channel);
    free(it);
}
