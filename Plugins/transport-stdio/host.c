/* SPDX-License-Identifier: Apache-2.0
 * Attaches the host's service tables; deferred work; log records and faults. */
#include "plugin.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/** Copies min(both sizes), so that host and plugin may each be the newer. */
static bool attach(void *table, uint32_t size, const jf_offer *offer, const char *id) {
    const void *offered = offer->service(offer->host, id);
    uint32_t theirs = 0;
    if (offered == NULL) return false;
    memcpy(&theirs, offered, sizeof theirs);
    memset(table, 0, size);
    memcpy(table, offered, theirs < size ? theirs : size);
    return true;
}

#define ATTACH(field, id) attach(&self->field, sizeof self->field, offer, id)

bool host_attach(jf_self *self, const jf_offer *offer, jf_fault *why) {
    const char *missing = NULL;
    self->work.next = self->work.previous = &self->work;
    if (!ATTACH(loop, JF_LOOP_1) || !JF_HAS(&self->loop, now)) missing = JF_LOOP_1;
    if (!ATTACH(config, JF_CONFIG_1) || !JF_HAS(&self->config, real)) missing = JF_CONFIG_1;
    if (!ATTACH(log, JF_LOG_1) || !JF_HAS(&self->log, enabled)) missing = JF_LOG_1;
    if (!ATTACH(clock, JF_CLOCK_1) || !JF_HAS(&self->clock, monotonic_ns)) missing = JF_CLOCK_1;
    if (!ATTACH(memory, JF_MEMORY_1) || !JF_HAS(&self->memory, give_back)) missing = JF_MEMORY_1;
    (void)ATTACH(channels, JF_CHANNELS_1);
    (void)ATTACH(inbound, JF_INBOUND_1);
    if (missing != NULL) {
        fault(why, JF_E_UNSUPPORTED, 0, "transport-stdio needs the host service %s", missing);
        return false;
    }
    return true;
}

static void run_work(void *user) {
    jf_self *self = user;
    deferred turn;
    self->posted = false;
    if (self->stopped || self->work.next == &self->work) return;

    /* The ring as it is now moves over: work that is queued while this runs waits for the next turn. */
    turn = self->work;
    turn.next->previous = turn.previous->next = &turn;
    self->work.next = self->work.previous = &self->work;
    while (turn.next != &turn) {
        deferred *first = turn.next;
        defer_cancel(first);
        first->run(first->user);
    }
}

void defer(jf_self *self, deferred *work) {
    if (work->next != NULL || self->stopped) return;
    work->previous = self->work.previous;
    work->next = &self->work;
    work->previous->next = self->work.previous = work;
    if (self->posted) return;
    self->posted = self->loop.post(self->loop.context, run_work, self) >= JF_OK;
    if (!self->posted) say(self, JF_LOG_ERROR, NULL, 0, "the event loop refused a task; work may be late");
}

void defer_cancel(deferred *work) {
    if (work->next == NULL) return;
    work->previous->next = work->next;
    work->next->previous = work->previous;
    work->next = work->previous = NULL;
}

int32_t fault(jf_fault *why, int32_t code, uint32_t flags, const char *format, ...) {
    va_list arguments;
    char text[512];
    int written;
    size_t length;
    if (why == NULL || why->size < sizeof *why) return code;
    va_start(arguments, format);
    written = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    length = written < 0 ? 0 : (size_t)written < sizeof text ? (size_t)written : sizeof text - 1;
    if (length > sizeof why->text) {
        length = sizeof why->text;
        while (length > 0 && ((uint8_t)text[length] & 0xC0) == 0x80)
            length--;
    }
    memcpy(why->text, text, length);
    why->text_len = (uint32_t)length;
    why->code = code;
    why->flags = flags;
    why->retry_ms = 0;
    return code;
}

static jf_view view(const char *text, size_t length) {
    return (jf_view){(const uint8_t *)text, length};
}

void say(const jf_self *self, uint32_t level, const char *server, int32_t pid, const char *format, ...) {
    va_list arguments;
    char text[2048], number[16];
    jf_pair fields[2];
    uint64_t count = 0;
    int written;
    if (self->log.enabled(self->log.context, level) == 0) return;
    va_start(arguments, format);
    written = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (written < 0) return;
    if (server != NULL) fields[count++] = (jf_pair){view("server", 6), view(server, strlen(server))};
    if (pid != 0) {
        int digits = snprintf(number, sizeof number, "%d", pid);
        fields[count++] = (jf_pair){view("pid", 3), view(number, (size_t)digits)};
    }
    self->log.write(self->log.context, level,
                    view(text, (size_t)written < sizeof text ? (size_t)written : sizeof text - 1), fields,
                    count);
}

/** Length of the well-formed UTF-8 sequence at `bytes` (RFC 3629), 0 when there is none. */
static uint64_t utf8_sequence(const uint8_t *bytes, uint64_t available) {
    uint8_t first = bytes[0], low = 0x80, high = 0xBF;
    uint64_t length = first == 0     ? 0
                      : first < 0x80 ? 1
                      : first < 0xC2 ? 0
                      : first < 0xE0 ? 2
                      : first < 0xF0 ? 3
                                     : 4;
    if (length == 0 || first > 0xF4 || length > available) return 0;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
    for (uint64_t at = 1; at < length; at++, low = 0x80, high = 0xBF)
        if (bytes[at] < low || bytes[at] > high) return 0;
    return length;
}

void copy_utf8(char *out, const uint8_t *bytes, uint64_t length) {
    for (uint64_t at = 0; at < length;) {
        uint64_t sequence = utf8_sequence(bytes + at, length - at);
        if (sequence == 0) {
            out[at++] = '?';
            continue;
        }
        memcpy(out + at, bytes + at, sequence);
        at += sequence;
    }
}
