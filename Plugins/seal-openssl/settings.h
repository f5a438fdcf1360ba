/* SPDX-License-Identifier: Apache-2.0
 * This plugin's configuration. */
#ifndef SEAL_OPENSSL_SETTINGS_H
#define SEAL_OPENSSL_SETTINGS_H

#include "crypto.h"
#include <jackfield/base.h>
#include <jackfield/config.h>

enum { KEYS_MOST = 16 };

struct settings {
    uint32_t key_count; /**< 0: random keys */
    uint8_t keys[KEYS_MOST][KEY_SIZE];
    uint64_t rotate_ns;
    uint64_t keep_ns;
};

/** Reads the configuration. JF_E_INVALID: `why` names the setting, and of a key its index only. Wipe `out`
 * when done with it, also after an error. */
int32_t settings_read(const jf_config_1 *config, jf_view document, struct settings *out, jf_fault *why);

#endif
