/* SPDX-License-Identifier: Apache-2.0
 * Reading this plugin's configuration through jf.config/1. */
#ifndef TRANSPORT_COMMON_SETTINGS_H
#define TRANSPORT_COMMON_SETTINGS_H

#include "instance.h"

/** A value's text at a JSON Pointer as an allocated string; NULL when absent. */
char *setting_text(jf_self *self, jf_view document, const char *pointer);
/** An integer of at least 0; `fallback` when absent. */
uint64_t setting_number(jf_self *self, jf_view document, const char *pointer, uint64_t fallback);
/** A duration in nanoseconds, configured in milliseconds. */
uint64_t setting_duration(jf_self *self, jf_view document, const char *pointer, uint64_t fallback_ms);
bool setting_flag(jf_self *self, jf_view document, const char *pointer, bool fallback);

/** A list of strings. */
struct text_list {
    char **items;
    uint32_t count;
};
/** False: out of memory or not strings. */
bool setting_list(jf_self *self, jf_view document, const char *pointer, struct text_list *out);
void text_list_end(jf_self *self, struct text_list *list);

/** Calls `each` for every member of an object of strings; stops and answers false when `each` does. */
bool setting_members(jf_self *self, jf_view document, const char *pointer,
                     bool (*each)(void *user, jf_view name, jf_view value), void *user);

#endif
