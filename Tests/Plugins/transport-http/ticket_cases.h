/* SPDX-License-Identifier: Apache-2.0
 * Keys of session tickets as they grow old, by a clock of the test's own and an OpenSSL that only notes. */

#include <time.h>

static uint64_t ticket_clock = 1000;

static int ticket_time(clockid_t which, struct timespec *time) {
    (void)which;
    *time = (struct timespec){.tv_sec = (time_t)ticket_clock};
    return 0;
}

#define clock_gettime ticket_time
#include "../../../Plugins/transport-common/tls_tickets.c"
#undef clock_gettime

static uint8_t noted_key[32], noted_mac[32];
static int (*noted_answer)(void *, uint8_t *, uint8_t *, void *, void *, int);

static const void *note_cipher(void) {
    return NULL;
}

static int note_key(void *context, const void *cipher, void *engine, const uint8_t *key, const uint8_t *iv) {
    (void)context, (void)cipher, (void)engine, (void)iv;
    memcpy(noted_key, key, sizeof(noted_key));
    return 1;
}

static int note_mac(void *context, const struct openssl_param *params) {
    (void)context;
    CHECK(strcmp(params[0].key, "key") == 0 && params[0].size == sizeof(noted_mac), "a MAC's key");
    CHECK(strcmp(params[1].key, "digest") == 0 && strcmp(params[1].data, "SHA256") == 0, "its digest");
    CHECK(params[2].key == NULL, "and nothing else");
    memcpy(noted_mac, params[0].data, sizeof(noted_mac));
    return 1;
}

static int note_answer(void *context, int (*answer)(void *, uint8_t *, uint8_t *, void *, void *, int)) {
    (void)context;
    noted_answer = answer;
    return 1;
}

TEST(ticket_keys_grow_old) {
    struct openssl api = {.EVP_aes_256_cbc = note_cipher,
                          .EVP_EncryptInit_ex = note_key,
                          .EVP_DecryptInit_ex = note_key,
                          .EVP_MAC_CTX_set_params = note_mac,
                          .SSL_CTX_set_tlsext_ticket_key_evp_cb = note_answer};
    uint8_t names[4][16], keys[4][32], macs[4][32], iv[16] = {0}, other[16], second[16];
    REQUIRE(tls_tickets_use(&api, NULL) && noted_answer != NULL, "no keys");
    for (int hour = 0; hour < 4; hour++) {
        CHECK(noted_answer(NULL, names[hour], iv, NULL, NULL, 1) == 1, "hour %d: no ticket", hour);
        memcpy(keys[hour], noted_key, 32);
        memcpy(macs[hour], noted_mac, 32);
        ticket_clock += 3599;
        // Until its hour is over each ticket has the same key.
        CHECK(noted_answer(NULL, other, second, NULL, NULL, 1) == 1 && memcmp(other, names[hour], 16) == 0,
              "hour %d: another key within it", hour);
        CHECK(memcmp(iv, second, 16) != 0, "the same vector twice");
        for (int old = 0; old <= hour; old++) {
            int said = noted_answer(NULL, names[old], iv, NULL, NULL, 0);
            // 1: good; 2: good, and renewed; 0: not known any more.
            int expected = old == hour ? 1 : hour - old < 3 ? 2 : 0;
            CHECK(said == expected, "hour %d: the key of hour %d: %d, not %d", hour, old, said, expected);
            CHECK(said == 0 ||
                      (memcmp(noted_key, keys[old], 32) == 0 && memcmp(noted_mac, macs[old], 32) == 0),
                  "hour %d: another key for the name of hour %d", hour, old);
        }
        memcpy(iv, second, 16);
        ticket_clock += 1;
    }
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < a; b++)
            CHECK(memcmp(names[a], names[b], 16) != 0 && memcmp(keys[a], keys[b], 32) != 0 &&
                      memcmp(macs[a], macs[b], 32) != 0,
                  "the keys of hours %d and %d are one", a, b);
    memset(other, 7, sizeof(other));
    CHECK(noted_answer(NULL, other, iv, NULL, NULL, 0) == 0, "a name that nobody gave");
    // Nobody came for long: nothing of the old ones is good, or left.
    ticket_clock += 100 * 3600;
    CHECK(noted_answer(NULL, names[3], iv, NULL, NULL, 0) == 0, "a key of days ago");
    for (int at = 1; at < TICKET_KEYS; at++)
        CHECK(tickets.keys[at].born == 0 && tickets.keys[at].cipher[0] == 0 && tickets.keys[at].mac[31] == 0,
              "key %d is still there", at);
}
