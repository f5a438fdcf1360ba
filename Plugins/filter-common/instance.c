/* SPDX-License-Identifier: Apache-2.0
 * The ABI side of every filter: entry, instances, attached filters and their handles. */
#include "filter.h"
#include <jackfield/log.h>
#include <stdarg.h>
#include <stdio.h>

/** One attached filter. Its handle is the slot's number + 1 and the generation in the upper half. */
typedef struct slot {
    void *filter; /**< NULL: free */
    uint32_t generation;
} slot;

struct jf_self {
    jf_filter_1 table;
    slot *slots;
    uint32_t count;
    const jf_log_1 *log; /**< NULL: there is none */
};

/** Of the instance whose slot this thread is in. */
static _Thread_local const jf_log_1 *current_log;

void fl_warn(const char *text, const jf_passage *passage, jf_view why) {
    const jf_pair fields[] = {{{(const uint8_t *)"server", 6}, passage->server},
                              {{(const uint8_t *)"item", 4}, passage->name},
                              {{(const uint8_t *)"why", 3}, why}};
    if (JF_HAS(current_log, write))
        current_log->write(current_log->context, JF_LOG_WARNING,
                           (jf_view){(const uint8_t *)text, strlen(text)}, fields, 3);
}

static int32_t say(jf_fault *why, int32_t code, uint32_t flags, const char *format, va_list arguments) {
    if (why == NULL) return code;
    int head = 0;
    if ((flags & JF_FAULT_PUBLIC) == 0)
        head = snprintf(why->text, sizeof why->text, "filter %s: ", fl_this.name);
    if (head < 0 || (size_t)head >= sizeof why->text) head = 0;
    int rest = vsnprintf(why->text + head, sizeof why->text - (size_t)head, format, arguments);
    size_t length = (size_t)head + (rest > 0 ? (size_t)rest : 0);
    if (length >= sizeof why->text) length = sizeof why->text - 1;
    while (length > 0 && ((uint8_t)why->text[length] & 0xc0) == 0x80)
        length--;
    why->text_len = (uint32_t)length;
    why->code = code;
    why->flags |= flags;
    return code;
}

int32_t fl_refuse(jf_fault *why, int32_t code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say(why, code, 0, format, arguments);
    va_end(arguments);
    return code;
}

int32_t fl_tell(jf_fault *why, int32_t code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say(why, code, JF_FAULT_PUBLIC, format, arguments);
    va_end(arguments);
    return code;
}

static void *filter_of(jf_self *self, jf_ref handle) {
    uint32_t number = (uint32_t)handle;
    if (number == 0 || number > self->count) return NULL;
    slot *it = &self->slots[number - 1];
    return it->generation == (uint32_t)(handle >> 32) ? it->filter : NULL;
}

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    jf_json_value options;
    void *filter = NULL;
    (void)name;
    if (!jf_json_read(config, &options) || options.kind != JF_JSON_OBJECT)
        return fl_refuse(why, JF_E_INVALID, "its options are no JSON object");
    uint32_t number = 0;
    while (number < self->count && self->slots[number].filter != NULL)
        number++;
    if (number == self->count) {
        slot *slots = realloc(self->slots, (self->count + 1) * sizeof *slots);
        if (slots == NULL) return fl_refuse(why, JF_E_BUSY, "out of memory");
        self->slots = slots;
        self->slots[self->count++] = (slot){.generation = 1};
    }
    int32_t status = fl_this.open(&options, &filter, why);
    if (status != JF_OK) return status;
    self->slots[number].filter = filter;
    *handle = (jf_ref)self->slots[number].generation << 32 | (number + 1);
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    void *filter = filter_of(self, handle);
    if (filter == NULL) return;
    slot *it = &self->slots[(uint32_t)handle - 1];
    it->filter = NULL;
    it->generation++;
    fl_this.close(filter);
}

static int32_t request(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage, jf_blob *verdict,
                       jf_fault *why) {
    void *filter = filter_of(self, handle);
    (void)op;
    if (filter == NULL) return fl_refuse(why, JF_E_STALE, "it is not attached");
    current_log = self->log;
    return fl_this.request(filter, passage, verdict, why);
}

static int32_t result(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage, jf_blob *verdict,
                      jf_fault *why) {
    void *filter = filter_of(self, handle);
    (void)op;
    if (filter == NULL) return fl_refuse(why, JF_E_STALE, "it is not attached");
    current_log = self->log;
    return fl_this.result(filter, passage, verdict, why);
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return fl_refuse(why, JF_E_BUSY, "out of memory");
    self->log = offer->service(offer->host, JF_LOG_1);
    self->table = (jf_filter_1){.size = sizeof self->table,
                                .flags = JF_FILTER_INLINE,
                                .attach = attach,
                                .detach = detach,
                                .request = fl_this.request != NULL ? request : NULL,
                                .result = fl_this.result != NULL ? result : NULL};
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    for (uint32_t i = 0; i < self->count; i++)
        if (self->slots[i].filter != NULL) fl_this.close(self->slots[i].filter);
    free(self->slots);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_FILTER_1) == 0 ? &self->table : NULL;
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    if (offer->minor >= 1) return &plugin;
    fl_refuse(why, JF_E_UNSUPPORTED, "it needs a host with ABI 1.1");
    return NULL;
}
