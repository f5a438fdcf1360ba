/* SPDX-License-Identifier: Apache-2.0
 * Keys of TLS session tickets (RFC 5077 section 4, RFC 8446 section 4.6.1). A key makes tickets for an hour
 * and is good for two more, which is how long a session may be resumed; then nothing of it is left. */
#include "tls_tickets.h"

#include <pthread.h>
#include <sys/random.h>
#include <time.h>

enum { TICKET_KEYS = 3, TICKET_LIFE = 3600, TICKET_NAME = 16, TICKET_IV = 16 };

struct ticket_key {
    uint8_t name[TICKET_NAME];
    uint8_t cipher[32];
    uint8_t mac[32];
    uint64_t born; /* seconds; 0: none */
};

/* The newest first. */
static struct {
    pthread_mutex_t lock;
    struct openssl api;
    struct ticket_key keys[TICKET_KEYS];
} tickets = {.lock = PTHREAD_MUTEX_INITIALIZER};

/** Not the time of day: it may be set back. Never 0. */
static uint64_t ticket_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return (uint64_t)time.tv_sec + 1;
}

/** Drops what is too old, and makes a new key where the newest has had its time. False: no random bytes. */
static bool tickets_turn(void) {
    uint64_t now = ticket_seconds();
    for (uint32_t i = 0; i < TICKET_KEYS; i++)
        if (tickets.keys[i].born != 0 && now - tickets.keys[i].born >= TICKET_KEYS * TICKET_LIFE)
            explicit_bzero(&tickets.keys[i], sizeof(tickets.keys[i]));
    if (tickets.keys[0].born != 0 && now - tickets.keys[0].born < TICKET_LIFE) return true;
    struct ticket_key fresh = {.born = now};
    uint8_t bytes[TICKET_NAME + 64];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) return false;
    memcpy(fresh.name, bytes, TICKET_NAME);
    memcpy(fresh.cipher, bytes + TICKET_NAME, 32);
    memcpy(fresh.mac, bytes + TICKET_NAME + 32, 32);
    memmove(&tickets.keys[1], &tickets.keys[0], (TICKET_KEYS - 1) * sizeof(tickets.keys[0]));
    tickets.keys[0] = fresh;
    explicit_bzero(bytes, sizeof(bytes));
    explicit_bzero(&fresh, sizeof(fresh));
    return true;
}

/** The key to make a ticket with, or the one of that name. False: there is none. */
static bool tickets_find(bool making, const uint8_t *name, struct ticket_key *key, bool *newest) {
    bool found = false;
    pthread_mutex_lock(&tickets.lock);
    bool fresh = tickets_turn();
    for (uint32_t i = 0; i < TICKET_KEYS && !found; i++) {
        if (tickets.keys[i].born == 0 || (making && (i != 0 || !fresh))) continue;
        if (!making && memcmp(tickets.keys[i].name, name, TICKET_NAME) != 0) continue;
        *key = tickets.keys[i];
        *newest = i == 0;
        found = true;
    }
    pthread_mutex_unlock(&tickets.lock);
    return found;
}

/** What OpenSSL asks for each ticket. -1: failed; 0: no such key, shake hands in full; 1: as it is; 2: good,
 * but the client gets another. */
static int tickets_answer(void *ssl, uint8_t *name, uint8_t *iv, void *cipher, void *mac, int making) {
    struct ticket_key key;
    bool newest = false;
    (void)ssl;
    if (!tickets_find(making != 0, name, &key, &newest)) return making != 0 ? -1 : 0;
    const struct openssl *api = &tickets.api;
    char digest[] = "SHA256";
    struct openssl_param params[] = {{"key", PARAM_OCTETS, key.mac, sizeof(key.mac), 0},
                                     {"digest", PARAM_TEXT, digest, sizeof(digest) - 1, 0},
                                     {NULL, 0, NULL, 0, 0}};
    int result = newest || making != 0 ? 1 : 2;
    if (making != 0) {
        memcpy(name, key.name, TICKET_NAME);
        if (getrandom(iv, TICKET_IV, 0) != TICKET_IV ||
            api->EVP_EncryptInit_ex(cipher, api->EVP_aes_256_cbc(), NULL, key.cipher, iv) != 1)
            result = -1;
    } else if (api->EVP_DecryptInit_ex(cipher, api->EVP_aes_256_cbc(), NULL, key.cipher, iv) != 1) {
        result = -1;
    }
    if (result > 0 && api->EVP_MAC_CTX_set_params(mac, params) != 1) result = -1;
    explicit_bzero(&key, sizeof(key));
    return result;
}

bool tls_tickets_use(const struct openssl *api, void *context) {
    pthread_mutex_lock(&tickets.lock);
    // The same library for all of them.
    tickets.api = *api;
    pthread_mutex_unlock(&tickets.lock);
    return api->SSL_CTX_set_tlsext_ticket_key_evp_cb(context, tickets_answer) == 1;
}
