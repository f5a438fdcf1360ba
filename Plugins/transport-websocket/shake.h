/* SPDX-License-Identifier: Apache-2.0
 * What both sides of the opening handshake need (RFC 6455 section 4): header lists, keys and their answers.
 */
#ifndef TRANSPORT_WEBSOCKET_SHAKE_H
#define TRANSPORT_WEBSOCKET_SHAKE_H

#include "incoming.h"

/** Base64 of 16 and of 20 bytes, and a NUL. */
enum { KEY_LENGTH = 24, ACCEPT_LENGTH = 28 };

/** How many fields of this name (in lower case) the head has; `*first` receives the first one's value,
 * trimmed, absent when there is none. */
uint32_t head_field(const struct incoming *in, const char *name, jf_view *first);
/** True when a comma-separated list, maybe in several fields, has `token` (in lower case). `*any` (may be
 * NULL) receives whether there is such a field at all. */
bool head_lists(const struct incoming *in, const char *name, const char *token, bool *any);

/** A fresh Sec-WebSocket-Key of 16 random bytes. */
void key_make(const uint8_t random[16], char out[KEY_LENGTH + 1]);
/** True when `key` is the Base64 of 16 bytes. */
bool key_is_valid(jf_view key);
/** The Sec-WebSocket-Accept that answers a key. */
void key_answer(jf_view key, char out[ACCEPT_LENGTH + 1]);

/** SHA-1 (FIPS 180-4) of at most 119 bytes. RFC 6455 uses it to tell protocols apart, not for security. */
void sha1(const uint8_t *bytes, uint32_t length, uint8_t digest[20]);

#endif
