/* SPDX-License-Identifier: Apache-2.0
 * What every store has of its host: services, faults, log records. */
#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool attach(const jf_offer *offer, const char *id, void *table, size_t size) {
    const void *theirs = offer->service(offer->host, id);
    uint32_t length;
    memset(table, 0, size);
    if (theirs == NULL) return false;
    memcpy(&length, theirs, sizeof length);
    memcpy(table, theirs, length < size ? length : size);
    return length >= size;
}

int32_t sc_host_attach(sc_host *host, const char *plugin, const jf_offer *offer, uint32_t needs,
                       jf_fault *why) {
    const char *missing = NULL;
    host->plugin = plugin;
    if (!attach(offer, JF_CONFIG_1, &host->config, sizeof host->config)) missing = JF_CONFIG_1;
    if (!attach(offer, JF_CLOCK_1, &host->clock, sizeof host->clock)) missing = JF_CLOCK_1;
    if (needs & SC_NEEDS_LOOP && !attach(offer, JF_LOOP_1, &host->loop, sizeof host->loop))
        missing = JF_LOOP_1;
    if (needs & SC_NEEDS_OPS && !attach(offer, JF_OPS_1, &host->ops, sizeof host->ops)) missing = JF_OPS_1;
    attach(offer, JF_LOG_1, &host->log, sizeof host->log);
    attach(offer, JF_WATCHES_1, &host->watches, sizeof host->watches);
    if (missing == NULL) return JF_OK;
    return sc_fault(why, JF_E_UNSUPPORTED, 0, "%s needs the host service %s", plugin, missing);
}

int32_t sc_fault(jf_fault *why, int32_t code, uint32_t flags, const char *format, ...) {
    if (why == NULL) return code;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(why->text, sizeof why->text, format, arguments);
    va_end(arguments);
    if (length < 0) length = 0;
    if ((size_t)length >= sizeof why->text) length = (int)sizeof why->text - 1;
    why->text_len = (uint32_t)length;
    why->flags = flags;
    why->code = code;
    why->retry_ms = 0;
    return code;
}

void sc_log(const sc_host *host, uint32_t level, const char *format, ...) {
    char text[512];
    if (host->log.write == NULL) return;
    int head = snprintf(text, sizeof text, "%s: ", host->plugin);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text + head, sizeof text - (size_t)head, format, arguments);
    va_end(arguments);
    if (length < 0) return;
    size_t all = (size_t)head + (size_t)length;
    if (all >= sizeof text) all = sizeof text - 1;
    host->log.write(host->log.context, level, (jf_view){(const uint8_t *)text, all}, NULL, 0);
}

void sc_finish(const sc_host *host, jf_ref op, int32_t status, jf_blob *answer, const jf_fault *why) {
    jf_fault none = {.size = sizeof none};
    jf_blob nothing = {0};
    host->ops.finish(host->ops.context, op, status, answer != NULL ? answer : &nothing,
                     why != NULL ? why : &none);
}
