/* SPDX-License-Identifier: Apache-2.0
 * Reading this plugin's configuration through jf.config/1. */
#include "settings.h"

static bool find(jf_self *self, jf_view document, const char *pointer, jf_view *value, uint32_t kind) {
    uint32_t found = 0;
    if (document.len == 0) return false;
    int32_t status =
        self->config.find(self->config.context, document, view_make(pointer, strlen(pointer)), value, &found);
    return status == JF_OK && found == kind;
}

static char *decode(jf_self *self, jf_view raw) {
    jf_blob blob = {0};
    if (self->config.text(self->config.context, raw, &blob) != JF_OK) return NULL;
    char *copy = self_copy(self, view_make(blob.ptr, blob.len));
    if (blob.drop != NULL) blob.drop(blob.owner);
    return copy;
}

char *setting_text(jf_self *self, jf_view document, const char *pointer) {
    jf_view value;
    return find(self, document, pointer, &value, JF_JSON_STRING) ? decode(self, value) : NULL;
}

uint64_t setting_number(jf_self *self, jf_view document, const char *pointer, uint64_t fallback) {
    jf_view value;
    int64_t number = 0;
    if (!find(self, document, pointer, &value, JF_JSON_NUMBER)) return fallback;
    if (self->config.integer(self->config.context, value, &number) != JF_OK || number < 0) return fallback;
    return (uint64_t)number;
}

uint64_t setting_duration(jf_self *self, jf_view document, const char *pointer, uint64_t fallback_ms) {
    return setting_number(self, document, pointer, fallback_ms) * 1000000u;
}

bool setting_flag(jf_self *self, jf_view document, const char *pointer, bool fallback) {
    jf_view value;
    if (!find(self, document, pointer, &value, JF_JSON_BOOL)) return fallback;
    return value.len == 4;
}

bool setting_list(jf_self *self, jf_view document, const char *pointer, struct text_list *out) {
    jf_view array, key, value;
    uint32_t kind = 0, count = 0;
    uint64_t cursor = 0;
    *out = (struct text_list){0};
    if (!find(self, document, pointer, &array, JF_JSON_ARRAY)) return true;
    while (self->config.next(self->config.context, array, &cursor, &key, &value, &kind) == JF_OK)
        count++;
    if (count == 0) return true;
    out->items = self_allocate(self, count * sizeof(char *));
    if (out->items == NULL) return false;
    cursor = 0;
    while (out->count < count &&
           self->config.next(self->config.context, array, &cursor, &key, &value, &kind) == JF_OK) {
        char *text = kind == JF_JSON_STRING ? decode(self, value) : NULL;
        if (text == NULL) {
            text_list_end(self, out);
            return false;
        }
        out->items[out->count++] = text;
    }
    return true;
}

void text_list_end(jf_self *self, struct text_list *list) {
    for (uint32_t i = 0; i < list->count; i++)
        self_release(self, list->items[i]);
    self_release(self, list->items);
    *list = (struct text_list){0};
}

bool setting_members(jf_self *self, jf_view document, const char *pointer,
                     bool (*each)(void *user, jf_view name, jf_view value), void *user) {
    jf_view object, key, value;
    uint32_t kind = 0;
    uint64_t cursor = 0;
    if (!find(self, document, pointer, &object, JF_JSON_OBJECT)) return true;
    while (self->config.next(self->config.context, object, &cursor, &key, &value, &kind) == JF_OK) {
        char *text = kind == JF_JSON_STRING ? decode(self, value) : NULL;
        if (text == NULL) return false;
        bool go_on = each(user, key, view_make(text, strlen(text)));
        self_release(self, text);
        if (!go_on) return false;
    }
    return true;
}
