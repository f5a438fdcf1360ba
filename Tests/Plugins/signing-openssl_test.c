/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin signing-openssl: the vectors of RFC 8032, and everything that must not pass. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "jf_check.h"
#include "jf_mock.h"

#include <jackfield/signing.h>

typedef struct signer {
    jf_mock *mock;
    const jf_signing_1 *service;
} signer;

static signer begin(void) {
    signer s = {jf_mock_new(), NULL};
    CHECK(jf_mock_up(s.mock, jf_check_plugin, NULL), "the plugin does not start");
    s.service = jf_mock_facet(s.mock, JF_SIGNING_1);
    CHECK(JF_HAS(s.service, verify), "no jf.signing/1");
    return s;
}

static void end(signer *s) {
    CHECK(jf_mock_free(s->mock) == 0, "the plugin broke a rule");
}

static uint64_t from_hex(const char *text, uint8_t *out) {
    uint64_t count = strlen(text) / 2;
    for (uint64_t i = 0; i < count; i++) {
        unsigned byte = 0;
        CHECK(sscanf(text + 2 * i, "%2x", &byte) == 1, "hex");
        out[i] = (uint8_t)byte;
    }
    return count;
}

/* RFC 8032 section 7.1, tests 1 to 3. */
static const struct {
    const char *secret, *key, *message, *signature;
} vectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f"
     "0595b"
     "be24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2ea"
     "eb430"
     "2aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e"
     "9716e"
     "d28dc027beceea1ec40a"},
};

TEST(signs_as_the_standard_does) {
    signer s = begin();
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t secret[32], key[32], message[8], expected[64], made[64] = {0};
        from_hex(vectors[i].secret, secret);
        from_hex(vectors[i].key, key);
        uint64_t length = from_hex(vectors[i].message, message);
        from_hex(vectors[i].signature, expected);
        jf_view text = {message, length};
        CHECK(s.service->public_key(s.service->context, (jf_view){secret, 32}, made, jf_mock_fault(s.mock)) ==
                      JF_OK &&
                  memcmp(made, key, 32) == 0,
              "public key %zu", i);
        CHECK(s.service->sign(s.service->context, (jf_view){secret, 32}, text, made, jf_mock_fault(s.mock)) ==
                      JF_OK &&
                  memcmp(made, expected, 64) == 0,
              "signature %zu: %s", i, jf_mock_why(s.mock));
        CHECK(s.service->verify(s.service->context, (jf_view){key, 32}, text, (jf_view){made, 64},
                                jf_mock_fault(s.mock)) == JF_OK,
              "check %zu", i);
    }
    end(&s);
}

TEST(takes_no_other) {
    signer s = begin();
    uint8_t secret[32], key[32], message[2], signature[64];
    from_hex(vectors[2].secret, secret);
    from_hex(vectors[2].key, key);
    from_hex(vectors[2].message, message);
    from_hex(vectors[2].signature, signature);
    jf_view text = {message, 2};
    for (unsigned i = 0; i < 64 * 8; i++) {
        signature[i / 8] ^= (uint8_t)(1u << i % 8);
        CHECK(s.service->verify(s.service->context, (jf_view){key, 32}, text, (jf_view){signature, 64},
                                jf_mock_fault(s.mock)) < 0,
              "bit %u of the signature", i);
        signature[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    message[1] ^= 1;
    CHECK(s.service->verify(s.service->context, (jf_view){key, 32}, text, (jf_view){signature, 64},
                            jf_mock_fault(s.mock)) == JF_E_DENIED,
          "another message");
    message[1] ^= 1;
    for (uint64_t size = 0; size <= 65; size++) {
        if (size != 64)
            CHECK(s.service->verify(s.service->context, (jf_view){key, 32}, text,
                                    (jf_view){signature, size < 64 ? size : 64},
                                    jf_mock_fault(s.mock)) == (size < 64 ? JF_E_INVALID : JF_OK),
                  "%llu bytes of signature", (unsigned long long)size);
        if (size < 32) {
            uint8_t made[64];
            CHECK(s.service->sign(s.service->context, (jf_view){secret, size}, text, made,
                                  jf_mock_fault(s.mock)) == JF_E_INVALID,
                  "%llu bytes of secret", (unsigned long long)size);
            CHECK(s.service->public_key(s.service->context, (jf_view){secret, size}, made,
                                        jf_mock_fault(s.mock)) == JF_E_INVALID,
                  "%llu bytes of secret", (unsigned long long)size);
            CHECK(s.service->verify(s.service->context, (jf_view){key, size}, text, (jf_view){signature, 64},
                                    jf_mock_fault(s.mock)) == JF_E_INVALID,
                  "%llu bytes of key", (unsigned long long)size);
        }
    }
    end(&s);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
