/* SPDX-License-Identifier: Apache-2.0
 * One instance of a transport: services, texts, the log. */
#include "instance.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#define ATTACH(id, member) jf_attach(offer, id, &(member), sizeof(member))

jf_self *instance_make(const jf_offer *offer, uint64_t size, const char *plugin, jf_fault *why) {
    jf_memory_1 memory = {0};
    if (!ATTACH(JF_MEMORY_1, memory)) {
        jf_fault_set(why, JF_E_UNSUPPORTED, 0, "%s needs the host service jf.memory/1", plugin);
        return NULL;
    }
    jf_self *self = memory.allocate(memory.context, size);
    if (self == NULL) {
        jf_fault_set(why, JF_E_FAULT, 0, "out of memory for %s", plugin);
        return NULL;
    }
    self->memory = memory;
    if (!ATTACH(JF_LOOP_1, self->loop) || !ATTACH(JF_CONFIG_1, self->config) ||
        !ATTACH(JF_LOG_1, self->log) || !ATTACH(JF_CLOCK_1, self->clock)) {
        jf_fault_set(why, JF_E_UNSUPPORTED, 0,
                     "%s needs the host services jf.loop/1, jf.config/1, jf.log/1 and jf.clock/1", plugin);
        memory.release(memory.context, self);
        return NULL;
    }
    static const uint32_t nothing;
    ATTACH(JF_INBOUND_1, self->inbound);
    // An older host's table ends before it.
    if (self->inbound.wants == NULL) self->inbound.wants = &nothing;
    ATTACH(JF_CHANNELS_1, self->channels);
    return self;
}

void instance_free(jf_self *self) {
    jf_memory_1 memory = self->memory;
    slots_end(&self->conns, &memory);
    slots_end(&self->channel_table, &memory);
    while (self->free_heads != NULL) {
        struct head *head = self->free_heads;
        self->free_heads = head->next_free;
        memory.release(memory.context, head);
    }
    if (self->spare != NULL) memory.give_back(memory.context, self->spare);
    memory.release(memory.context, self);
}

char *self_copy(jf_self *self, jf_view text) {
    char *copy = self_allocate(self, text.len + 1);
    if (copy != NULL && text.len != 0) memcpy(copy, text.ptr, text.len);
    return copy;
}

void socket_prepare(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void self_log(jf_self *self, uint32_t level, const char *format, ...) {
    char text[512];
    if (self->log.enabled(self->log.context, level) == 0) return;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0) return;
    if ((size_t)length >= sizeof(text)) length = (int)sizeof(text) - 1;
    self->log.write(self->log.context, level, view_make(text, (uint64_t)length), NULL, 0);
}
