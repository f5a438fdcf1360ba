/* SPDX-License-Identifier: Apache-2.0
 * The keys, shared by all instances of the process whose configuration names the same ones. */
#ifndef SEAL_OPENSSL_KEYRING_H
#define SEAL_OPENSSL_KEYRING_H

#include "settings.h"

enum { KEY_ID_SIZE = 4 };

/** A copy of one key: wipe it after use. */
struct key {
    uint8_t id[KEY_ID_SIZE]; /**< derived from the secret, equal wherever the key is */
    uint8_t secret[KEY_SIZE];
};

struct keyring;

/** Finds or makes the ring for these settings, and counts the user. Instances with the same keys have one
 * ring, so that a token may come back on another event loop; the durations of the latest one hold for all.
 * NULL: no memory. */
struct keyring *keyring_take(const struct settings *settings);
/** The last one gone, the keys are wiped. */
void keyring_give(struct keyring *ring);

/** Copies the key that seals, a new one where it is time. False: no randomness or no memory. [any] */
bool keyring_sealing(struct keyring *ring, const struct crypto *c, uint64_t now_ns, struct key *out);
/** Copies the `nth` key (from 0) with this id: 32 bits may be equal by chance. False: there is none. [any] */
bool keyring_find(struct keyring *ring, const struct crypto *c, uint64_t now_ns,
                  const uint8_t id[KEY_ID_SIZE], uint32_t nth, struct key *out);

#endif
