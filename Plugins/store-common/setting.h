/* SPDX-License-Identifier: Apache-2.0
 * Reads settings. The host has checked them against the schema and filled in defaults; a host that does not
 * gets the same defaults, and a sentence for what is out of bounds. */
#ifndef STORE_COMMON_SETTING_H
#define STORE_COMMON_SETTING_H

#include "host.h"

/** The settings that are being read; the first error stays, and ends reading. */
typedef struct sc_settings {
    const sc_host *host;
    jf_view json;
    jf_fault *why;
    int32_t status;
} sc_settings;

/** An integer of `low` to `high`; `fallback` where the key is absent. Keys are those of the top level. */
uint64_t sc_integer(sc_settings *it, const char *key, uint64_t low, uint64_t high, uint64_t fallback);
bool sc_flag(sc_settings *it, const char *key, bool fallback);
/** A text without NUL, to be freed; a copy of `fallback` (NULL: NULL) where the key is absent or empty. Its
 * value is in no fault: it may be a secret. */
char *sc_text(sc_settings *it, const char *key, const char *fallback);
/** The index of the text among `names` (NULL ends them); 0 where the key is absent. */
uint32_t sc_choice(sc_settings *it, const char *key, const char *const *names);
/** Wipes and frees a secret; NULL is ignored. */
void sc_wipe(char *secret);

#endif
