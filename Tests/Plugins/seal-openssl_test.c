/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin seal-openssl: what it seals opens, everything else does not; keys that come and go. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "jf_check.h"
#include "jf_mock.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#define MINUTE 60000000000ull
#define HOUR (60 * MINUTE)

/* Two keys; tokens made with the first and with the second by another implementation of the format. */
#define KEY_A "AwoRGB8mLTQ7QklQV15lbHN6gYiPlp2kq7K5wMfO1dw="
#define KEY_B "KzI5QEdOVVxjanF4f4aNlJuiqbC3vsXM09rh6O/2/QQ="
#define TOKEN_A "AV-63J0AAQIDBAUGBwgJCgsMDQ4PZGVmZ2hpamtsbW5vUuCsmQkWv_Prlos4Lfq2WX_yQ9RP1e7-R_xT"
#define TOKEN_B "AT2VC1wyMzQ1Njc4OTo7PD0-P0BByMnKy8zNzs_Q0dLTQJbrQhoXQRI1xxaV2YVzbQ"
/* Two keys with the same id. */
#define TWIN_1 "axrEJh+W7ooD+DwjR/6KVG8IKZc4nJ7cy8fCZEBp1+I="
#define TWIN_2 "IGhVuIio5FUoDQrE1qGWqcz4YNqITufAALt/Qo2UHrQ="

typedef struct sealer {
    jf_mock *mock;
    const jf_seal_1 *service;
} sealer;

static jf_view text(const char *it) {
    return jf_mock_view(it);
}

static jf_view bytes(jf_blob blob) {
    return (jf_view){blob.ptr, blob.len};
}

static void drop(jf_blob *blob) {
    if (blob->drop != NULL) blob->drop(blob->owner);
    *blob = (jf_blob){0};
}

static sealer begin(const char *config) {
    sealer s = {jf_mock_new(), NULL};
    CHECK(jf_mock_up(s.mock, jf_check_plugin, config), "the plugin does not start");
    s.service = jf_mock_facet(s.mock, JF_SEAL_1);
    CHECK(JF_HAS(s.service, open), "no jf.seal/1");
    return s;
}

static void end(sealer *s) {
    CHECK(jf_mock_free(s->mock) == 0, "the plugin broke a rule");
    *s = (sealer){0};
}

static jf_blob seal(const sealer *s, jf_view plain, const char *bound) {
    jf_blob sealed = {0};
    int32_t status =
        s->service->seal(s->service->context, plain, text(bound), &sealed, jf_mock_fault(s->mock));
    CHECK(status == JF_OK, "seal: %d, %s", (int)status, jf_mock_why(s->mock));
    return sealed;
}

static int32_t open_status(const sealer *s, jf_view sealed, jf_view bound) {
    jf_blob plain = {0};
    int32_t status = s->service->open(s->service->context, sealed, bound, &plain, jf_mock_fault(s->mock));
    CHECK((status == JF_OK) == (plain.ptr != NULL), "status %d and the blob do not fit", (int)status);
    drop(&plain);
    return status;
}

/* Whether it opens and holds `plain`. */
static bool holds(const sealer *s, jf_view sealed, const char *bound, jf_view expected) {
    jf_blob plain = {0};
    int32_t status =
        s->service->open(s->service->context, sealed, text(bound), &plain, jf_mock_fault(s->mock));
    bool same = status == JF_OK && plain.ptr != NULL && plain.len == expected.len &&
                (expected.len == 0 || memcmp(plain.ptr, expected.ptr, expected.len) == 0);
    drop(&plain);
    return same;
}

static bool refused(const sealer *s, jf_view sealed, const char *bound) {
    return open_status(s, sealed, text(bound)) == JF_E_INVALID;
}

TEST(opens_what_it_sealed) {
    sealer s = begin(NULL);
    static uint8_t plain[JF_SEAL_MOST];
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * 31 + i / 256);
    static const uint64_t sizes[] = {0, 1, 2, 3, 15, 16, 17, 100, 4096, 65535, 65536};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        jf_view it = {plain, sizes[i]};
        jf_blob sealed = seal(&s, it, "alice");
        CHECK(holds(&s, bytes(sealed), "alice", it), "%llu bytes", (unsigned long long)sizes[i]);
        CHECK(sealed.len <= it.len * 4 / 3 + 128, "%llu characters for %llu bytes",
              (unsigned long long)sealed.len, (unsigned long long)it.len);
        for (uint64_t k = 0; k < sealed.len; k++) {
            if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", sealed.ptr[k]) ==
                    NULL ||
                sealed.ptr[k] == 0) {
                CHECK(false, "character %u at %llu", sealed.ptr[k], (unsigned long long)k);
                break;
            }
        }
        drop(&sealed);
    }
    end(&s);
}

TEST(never_seals_the_same_text_twice) {
    sealer s = begin(NULL);
    jf_blob one = seal(&s, text("same"), "alice"), two = seal(&s, text("same"), "alice");
    CHECK(one.len == two.len && memcmp(one.ptr, two.ptr, one.len) != 0, "equal texts");
    /* Version and key are the same, then come salt and nonce. */
    CHECK(memcmp(one.ptr, two.ptr, 6) == 0, "another key");
    CHECK(memcmp(one.ptr + 8, two.ptr + 8, 20) != 0 && memcmp(one.ptr + 29, two.ptr + 29, 14) != 0,
          "salt or nonce is not random");
    drop(&one);
    drop(&two);
    end(&s);
}

TEST(keeps_the_format) {
    sealer s = begin("{\"keys\":[\"" KEY_A "\",\"" KEY_B "\"]}");
    CHECK(holds(&s, text(TOKEN_A), "alice", text("{\"round\":1}")), "%s", jf_mock_why(s.mock));
    CHECK(holds(&s, text(TOKEN_B), "", text("")), "%s", jf_mock_why(s.mock));
    CHECK(open_status(&s, text(TOKEN_B), (jf_view){0}) == JF_OK, "absent is not the same as empty");
    CHECK(refused(&s, text(TOKEN_A), ""), "without its bound data");
    end(&s);
}

TEST(binds_to_its_data) {
    sealer s = begin(NULL);
    jf_blob sealed = seal(&s, text("state"), "alice"), free_one = seal(&s, text("state"), "");
    static const char *const others[] = {"", "alic", "alice ", "Alice", "bob", "alicealice"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        CHECK(refused(&s, bytes(sealed), others[i]), "opens for '%s'", others[i]);
    CHECK(open_status(&s, bytes(sealed), (jf_view){0}) == JF_E_INVALID, "opens for nobody");
    CHECK(refused(&s, bytes(free_one), "alice"), "what is bound to nobody opens for somebody");
    CHECK(strstr(jf_mock_why(s.mock), "not valid") != NULL, "'%s'", jf_mock_why(s.mock));
    drop(&sealed);
    drop(&free_one);
    end(&s);
}

TEST(tells_no_cause_and_says_so_in_public) {
    sealer s = begin(NULL);
    jf_blob sealed = seal(&s, text("state"), "alice"), plain = {0};
    char causes[3][256];
    jf_view inputs[3] = {bytes(sealed), text("!"), {sealed.ptr, sealed.len - 4}};
    for (int i = 0; i < 3; i++) {
        jf_fault *why = jf_mock_fault(s.mock);
        CHECK(s.service->open(s.service->context, inputs[i], text("bob"), &plain, why) == JF_E_INVALID &&
                  why->code == JF_E_INVALID && why->flags == JF_FAULT_PUBLIC,
              "case %d: code %d, flags %u", i, why->code, why->flags);
        snprintf(causes[i], sizeof causes[i], "%s", jf_mock_why(s.mock));
    }
    CHECK(causes[0][0] != 0 && strcmp(causes[0], causes[1]) == 0 && strcmp(causes[0], causes[2]) == 0,
          "'%s', '%s', '%s'", causes[0], causes[1], causes[2]);
    CHECK(s.service->open(s.service->context, text("!"), text(""), &plain, NULL) == JF_E_INVALID,
          "a caller that does not ask why");
    drop(&sealed);
    end(&s);
}

TEST(refuses_every_changed_character) {
    sealer s = begin(NULL);
    jf_blob sealed = seal(&s, text("some state of a call"), "alice");
    char copy[256];
    REQUIRE(sealed.len < sizeof copy, "%llu", (unsigned long long)sealed.len);
    uint32_t opened = 0;
    for (uint64_t i = 0; i < sealed.len; i++) {
        memcpy(copy, sealed.ptr, sealed.len);
        for (unsigned c = 0; c < 256; c++) {
            if (c == sealed.ptr[i]) continue;
            copy[i] = (char)c;
            if (!refused(&s, (jf_view){(uint8_t *)copy, sealed.len}, "alice")) opened++;
        }
    }
    CHECK(opened == 0, "%u changed texts open", opened);
    CHECK(holds(&s, bytes(sealed), "alice", text("some state of a call")), "not even itself");
    drop(&sealed);
    end(&s);
}

TEST(refuses_every_length_but_its_own) {
    sealer s = begin(NULL);
    jf_blob sealed = seal(&s, text("some state of a call"), "alice");
    char copy[256];
    REQUIRE(sealed.len + 8 < sizeof copy, "%llu", (unsigned long long)sealed.len);
    memset(copy, 'A', sizeof copy);
    memcpy(copy, sealed.ptr, sealed.len);
    for (uint64_t length = 0; length < sealed.len + 8; length++) {
        /* In memory of exactly this size, so that a sanitizer sees what reads on. */
        uint8_t *exact = malloc(length + 1);
        memcpy(exact, copy, length);
        CHECK(refused(&s, (jf_view){exact, length}, "alice") == (length != sealed.len), "at length %llu",
              (unsigned long long)length);
        free(exact);
    }
    CHECK(open_status(&s, (jf_view){0}, (jf_view){0}) == JF_E_INVALID, "absent");
    drop(&sealed);
    end(&s);
}

TEST(refuses_another_spelling) {
    sealer s = begin(NULL);
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t spellings = 0;
    for (uint64_t size = 0; size < 3; size++) {
        jf_blob sealed = seal(&s, (jf_view){(const uint8_t *)"xyz", size}, "alice");
        uint8_t copy[256];
        REQUIRE(sealed.len + 2 < sizeof copy, "%llu", (unsigned long long)sealed.len);
        memcpy(copy, sealed.ptr, sealed.len);
        /* The bits of the last character that stand for nothing. */
        unsigned spare = sealed.len % 4 == 2 ? 4 : sealed.len % 4 == 3 ? 2 : 0;
        unsigned value = (unsigned)(strchr(digits, copy[sealed.len - 1]) - digits);
        for (unsigned bits = 1; bits < 1u << spare; bits++, spellings++) {
            copy[sealed.len - 1] = (uint8_t)digits[value | bits];
            CHECK(refused(&s, (jf_view){copy, sealed.len}, "alice"), "%llu bytes, bits %u",
                  (unsigned long long)size, bits);
        }
        copy[sealed.len - 1] = sealed.ptr[sealed.len - 1];
        memcpy(copy + sealed.len, "==", 2);
        CHECK(refused(&s, (jf_view){copy, sealed.len + 1}, "alice"), "with padding");
        CHECK(refused(&s, (jf_view){copy, sealed.len + 2}, "alice"), "with more padding");
        copy[sealed.len] = '\n';
        CHECK(refused(&s, (jf_view){copy, sealed.len + 1}, "alice"), "with a line end");
        drop(&sealed);
    }
    CHECK(spellings == 15 + 3, "%u spellings tried", spellings);
    /* TOKEN_A has both characters in which the alphabets differ. */
    sealer known = begin("{\"keys\":[\"" KEY_A "\"]}");
    char standard[] = TOKEN_A;
    for (char *at = standard; *at != 0; at++)
        *at = *at == '-' ? '+' : *at == '_' ? '/' : *at;
    CHECK(strcmp(standard, TOKEN_A) != 0 && refused(&known, text(standard), "alice"), "%s", standard);
    end(&known);
    end(&s);
}

TEST(refuses_what_is_too_long) {
    sealer s = begin(NULL);
    uint8_t *large = calloc(1, 2 * JF_SEAL_MOST);
    jf_view most = {large, JF_SEAL_MOST}, more = {large, JF_SEAL_MOST + 1};
    jf_blob sealed = {0};
    void *context = s.service->context;
    CHECK(s.service->seal(context, more, text(""), &sealed, jf_mock_fault(s.mock)) == JF_E_INVALID, "plain");
    CHECK(strstr(jf_mock_why(s.mock), "plain data of 65537 bytes") != NULL, "%s", jf_mock_why(s.mock));
    CHECK(s.service->seal(context, text(""), more, &sealed, jf_mock_fault(s.mock)) == JF_E_INVALID, "bound");
    CHECK(strstr(jf_mock_why(s.mock), "bound data of 65537 bytes") != NULL, "%s", jf_mock_why(s.mock));
    CHECK(sealed.ptr == NULL, "a blob in spite of the error");
    CHECK(s.service->seal(context, most, most, &sealed, jf_mock_fault(s.mock)) == JF_OK, "%s",
          jf_mock_why(s.mock));
    CHECK(open_status(&s, bytes(sealed), most) == JF_OK, "the largest does not open");
    CHECK(open_status(&s, bytes(sealed), more) == JF_E_INVALID, "bound data that nobody can have used");
    memset(large, 'A', 2 * JF_SEAL_MOST);
    CHECK(open_status(&s, (jf_view){large, 2 * JF_SEAL_MOST}, text("")) == JF_E_INVALID, "a huge token");
    CHECK(open_status(&s, (jf_view){large, UINT64_MAX}, text("")) == JF_E_INVALID, "an absurd token");
    drop(&sealed);
    free(large);
    end(&s);
}

TEST(renews_its_key_in_time) {
    sealer s = begin(NULL);
    jf_blob first = seal(&s, text("1"), "a");
    jf_mock_advance(s.mock, HOUR - MINUTE);
    jf_blob same = seal(&s, text("2"), "a");
    jf_mock_advance(s.mock, 2 * MINUTE);
    jf_blob second = seal(&s, text("3"), "a");
    /* Behind the version stand the 32 bits of the key's id. */
    CHECK(memcmp(first.ptr, same.ptr, 6) == 0, "another key within the hour");
    CHECK(memcmp(first.ptr, second.ptr, 6) != 0, "the same key after an hour");
    /* The first key ends 49 hours after it began, the second an hour and a minute later. */
    jf_mock_advance(s.mock, 47 * HOUR + 58 * MINUTE);
    CHECK(holds(&s, bytes(first), "a", text("1")), "gone too early");
    CHECK(holds(&s, bytes(same), "a", text("2")), "gone too early");
    jf_mock_advance(s.mock, 2 * MINUTE);
    CHECK(refused(&s, bytes(first), "a") && refused(&s, bytes(same), "a"), "its key is not dropped");
    CHECK(holds(&s, bytes(second), "a", text("3")), "the second went with the first");
    jf_mock_advance(s.mock, 2 * HOUR);
    CHECK(refused(&s, bytes(second), "a"), "the second key is not dropped");
    drop(&first);
    drop(&same);
    drop(&second);
    end(&s);
}

TEST(drops_keys_as_configured_however_quiet_it_is) {
    sealer s = begin("{\"rotate_ms\":60000,\"keep_ms\":120000}");
    jf_blob sealed = seal(&s, text("x"), "a");
    jf_mock_advance(s.mock, 3 * MINUTE - MINUTE / 2);
    CHECK(holds(&s, bytes(sealed), "a", text("x")), "gone too early");
    /* Nothing was sealed meanwhile that would have retired the key. */
    jf_mock_advance(s.mock, MINUTE);
    CHECK(refused(&s, bytes(sealed), "a"), "still there");
    drop(&sealed);
    jf_blob several[6];
    for (int i = 0; i < 6; i++) {
        several[i] = seal(&s, text("x"), "a");
        jf_mock_advance(s.mock, MINUTE);
    }
    for (int i = 0; i < 6; i++) {
        CHECK(refused(&s, bytes(several[i]), "a") == (i < 4), "token %d", i);
        drop(&several[i]);
    }
    end(&s);
}

TEST(shares_keys_between_instances) {
    sealer one = begin(NULL), two = begin(NULL);
    jf_blob sealed = seal(&one, text("from the first loop"), "alice");
    CHECK(holds(&two, bytes(sealed), "alice", text("from the first loop")), "%s", jf_mock_why(two.mock));
    end(&one);
    CHECK(holds(&two, bytes(sealed), "alice", text("from the first loop")), "the ring went too early");
    end(&two);
    sealer three = begin(NULL);
    CHECK(refused(&three, bytes(sealed), "alice"), "a random key outlived the last instance");
    end(&three);
    drop(&sealed);
}

TEST(shares_configured_keys_with_others) {
    sealer old = begin("{\"keys\":[\"" KEY_A "\"]}"), random = begin(NULL);
    jf_blob sealed = seal(&old, text("x"), "alice"), other = seal(&random, text("x"), "alice");
    CHECK(refused(&random, bytes(sealed), "alice") && refused(&old, bytes(other), "alice"),
          "rings of different configurations are one");
    jf_mock_advance(old.mock, 1000 * HOUR);
    CHECK(holds(&old, bytes(sealed), "alice", text("x")), "configured keys do not age");
    end(&old);
    drop(&other);

    /* A new key in front: it seals, the old one still opens. */
    sealer both = begin("{\"keys\":[\"" KEY_B "\",\"" KEY_A "\"]}");
    CHECK(holds(&both, bytes(sealed), "alice", text("x")), "after a restart: %s", jf_mock_why(both.mock));
    jf_blob newer = seal(&both, text("y"), "alice");
    CHECK(memcmp(newer.ptr, TOKEN_B, 6) == 0, "the first key does not seal: %.6s", (const char *)newer.ptr);
    sealer behind = begin("{\"keys\":[\"" KEY_A "\"]}");
    CHECK(refused(&behind, bytes(newer), "alice"), "opens without the key");
    end(&behind);

    /* The old key is gone. */
    sealer alone = begin("{\"keys\":[\"" KEY_B "\"]}");
    CHECK(refused(&alone, bytes(sealed), "alice"), "opens with a key that is gone");
    CHECK(holds(&alone, bytes(newer), "alice", text("y")), "%s", jf_mock_why(alone.mock));
    end(&alone);
    end(&both);
    end(&random);
    drop(&sealed);
    drop(&newer);
}

TEST(tells_keys_with_equal_ids_apart) {
    sealer one = begin("{\"keys\":[\"" TWIN_1 "\"]}"), two = begin("{\"keys\":[\"" TWIN_2 "\"]}");
    jf_blob a = seal(&one, text("a"), ""), b = seal(&two, text("b"), "");
    CHECK(memcmp(a.ptr, b.ptr, 6) == 0, "the ids are not equal");
    CHECK(refused(&one, bytes(b), "") && refused(&two, bytes(a), ""), "one key opens for both");
    sealer both = begin("{\"keys\":[\"" TWIN_1 "\",\"" TWIN_2 "\"]}");
    CHECK(holds(&both, bytes(a), "", text("a")) && holds(&both, bytes(b), "", text("b")),
          "the second of two is not tried");
    end(&both);
    end(&one);
    end(&two);
    drop(&a);
    drop(&b);
}

TEST(takes_keys_in_every_usual_spelling) {
    static const char *const spellings[] = {
        "{\"keys\":[\"KzI5QEdOVVxjanF4f4aNlJuiqbC3vsXM09rh6O/2/QQ=\"]}",
        "{\"keys\":[\"KzI5QEdOVVxjanF4f4aNlJuiqbC3vsXM09rh6O/2/QQ\"]}",
        "{\"keys\":[\"KzI5QEdOVVxjanF4f4aNlJuiqbC3vsXM09rh6O_2_QQ\"]}",
        "{\"keys\":[\"KzI5QEdOVVxjanF4f4aNlJuiqbC3vsXM09rh6O\\/2\\/QQ=\"]}",
        "{\"rotate_ms\":60000,\"keep_ms\":60000,\"keys\":[\"KzI5QEdOVVxjanF4f4aNlJuiqbC3vsXM09rh6O/2/QQ=\"]}",
    };
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        sealer s = begin(spellings[i]);
        CHECK(holds(&s, text(TOKEN_B), "", text("")), "%s", spellings[i]);
        end(&s);
    }
}

/* A configuration that `create` refuses, saying `part`, and never the key. */
static void refuses(const char *config, const char *part) {
    jf_mock *mock = jf_mock_new();
    REQUIRE(jf_mock_load(mock, jf_check_plugin) == JF_OK, "%s", jf_mock_why(mock));
    int32_t status = jf_mock_create(mock, config);
    CHECK(status == JF_E_INVALID && strstr(jf_mock_why(mock), part) != NULL, "%s: %d, '%s'", config,
          (int)status, jf_mock_why(mock));
    for (size_t i = 0; config[i] != 0 && strlen(config + i) >= 12; i++) {
        char secret[13] = {0};
        memcpy(secret, config + i, 12);
        if (strspn(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") != 12)
            continue;
        CHECK(strstr(jf_mock_why(mock), secret) == NULL, "tells the key: %s", jf_mock_why(mock));
    }
    CHECK(jf_mock_free(mock) == 0, "%s: something is left behind", config);
}

TEST(refuses_bad_keys) {
    refuses("{\"keys\":[\"\"]}", "keys[0] is not the base64 of 32 bytes");
    refuses("{\"keys\":[\"" KEY_A "\",\"c2hvcnQ=\"]}", "keys[1] is not the base64");
    refuses("{\"keys\":[\"" KEY_A "=\"]}", "keys[0] is not the base64");
    refuses("{\"keys\":[\"" KEY_A "\",\"" KEY_B "\",\"AwoRGB8mLTQ7QklQV15lbHN6gYiPlp2kq7K5wMfO1dx=\"]}",
            "keys[2] is not the base64");
    refuses("{\"keys\":[\"AwoRGB8mLTQ7QklQV15lbHN6gYiPlp2kq7K5wMfO1d !\"]}", "keys[0] is not the base64");
    refuses("{\"keys\":[\"AwoRGB8mLTQ7QklQV15lbHN6gYiPlp2kq7K5wMfO1dxAwoRGB8mLTQ7QklQV15l\"]}",
            "keys[0] is not the base64");
    refuses("{\"keys\":[\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]}", "keys[0] repeats a few bytes");
    refuses("{\"keys\":[\"" KEY_A "\",\"" KEY_B "\",\"" KEY_A "\"]}", "keys[2] is the same as keys[0]");
    refuses("{\"keys\":[17]}", "keys[0] is not the base64");
    refuses("{\"keys\":17}", "keys must be a list");
}

TEST(refuses_bad_durations) {
    refuses("{\"rotate_ms\":59999}", "rotate_ms must be");
    refuses("{\"rotate_ms\":0}", "rotate_ms must be");
    refuses("{\"keep_ms\":-1}", "keep_ms must be");
    refuses("{\"keep_ms\":2592000001}", "keep_ms must be");
    refuses("{\"keep_ms\":1e30}", "keep_ms must be");
    refuses("{\"rotate_ms\":\"1h\"}", "rotate_ms must be");
    refuses("{\"rotate_ms\":60000,\"keep_ms\":172800000}", "at most 1000 times rotate_ms");
}

TEST(has_a_limit_of_keys) {
    char config[2048] = "{\"keys\":[";
    for (int i = 0; i < 17; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s\"%c%s\"", i == 0 ? "" : ",", 'A' + i, &KEY_B[1]);
        strcat(config, key);
        if (i == 15) {
            char sixteen[2048];
            snprintf(sixteen, sizeof sixteen, "%s]}", config);
            sealer s = begin(sixteen);
            jf_blob sealed = seal(&s, text("x"), "");
            CHECK(holds(&s, bytes(sealed), "", text("x")), "%s", jf_mock_why(s.mock));
            drop(&sealed);
            end(&s);
        }
    }
    strcat(config, "]}");
    refuses(config, "keys has more than 16 entries");
}

TEST(needs_config_and_clock) {
    static const char *const services[] = {JF_CONFIG_1, JF_CLOCK_1};
    for (int i = 0; i < 2; i++) {
        jf_mock *mock = jf_mock_new();
        jf_mock_hide(mock, services[i]);
        REQUIRE(jf_mock_load(mock, jf_check_plugin) == JF_OK, "%s", jf_mock_why(mock));
        CHECK(jf_mock_create(mock, "{}") == JF_E_UNSUPPORTED, "without %s", services[i]);
        CHECK(jf_mock_free(mock) == 0, "something is left behind");
    }
}

enum { ROUNDS = 3000 };

typedef struct worker {
    const sealer *sealer;
    const sealer *other;
    uint32_t good;
} worker;

/* Seals on one instance and opens on the other. The mock's faults belong to the lane, so none is asked for.
 */
static void *seal_and_open(void *user) {
    worker *w = user;
    const jf_seal_1 *mine = w->sealer->service, *theirs = w->other->service;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        jf_blob sealed = {0}, plain = {0};
        jf_view it = {(const uint8_t *)&i, sizeof i};
        if (mine->seal(mine->context, it, text("alice"), &sealed, NULL) == JF_OK &&
            theirs->open(theirs->context, bytes(sealed), text("alice"), &plain, NULL) == JF_OK &&
            plain.len == sizeof i && memcmp(plain.ptr, &i, sizeof i) == 0)
            w->good++;
        drop(&sealed);
        drop(&plain);
    }
    return NULL;
}

TEST(seals_on_two_threads_at_once) {
    /* A clock that runs: the key is renewed twenty times meanwhile. */
    sealer one = begin("{\"rotate_ms\":60000,\"keep_ms\":60000000}");
    sealer two = begin("{\"rotate_ms\":60000,\"keep_ms\":60000000}");
    worker workers[2] = {{&one, &two, 0}, {&two, &one, 0}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        REQUIRE(pthread_create(&threads[i], NULL, seal_and_open, &workers[i]) == 0, "no thread");
    for (int i = 0; i < 200; i++) {
        jf_mock_advance(one.mock, MINUTE / 10);
        jf_mock_advance(two.mock, MINUTE / 10);
        jf_blob sealed = seal(&one, text("lane"), "");
        CHECK(holds(&two, bytes(sealed), "", text("lane")), "%s", jf_mock_why(two.mock));
        drop(&sealed);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        CHECK(workers[i].good == ROUNDS, "thread %d: %u of %d", i, workers[i].good, ROUNDS);
    }
    end(&one);
    end(&two);
}

/* In a process of its own, which finds a libcrypto that is none. */
static void without_libcrypto(void) {
    sealer s = begin("{\"keys\":[\"" KEY_A "\"]}");
    jf_blob blob = {0};
    void *context = s.service->context;
    for (int i = 0; i < 2; i++) {
        CHECK(s.service->seal(context, text("x"), text(""), &blob, jf_mock_fault(s.mock)) == JF_E_FAULT &&
                  strstr(jf_mock_why(s.mock), "libcrypto.so.3 not found") != NULL,
              "seal: '%s'", jf_mock_why(s.mock));
        CHECK(s.service->open(context, text(TOKEN_A), text("alice"), &blob, jf_mock_fault(s.mock)) ==
                      JF_E_FAULT &&
                  strstr(jf_mock_why(s.mock), "libssl3") != NULL,
              "open: '%s'", jf_mock_why(s.mock));
    }
    end(&s);
}

TEST(says_so_without_libcrypto) {
    if (getenv("SEAL_TEST_WITHOUT") != NULL) {
        without_libcrypto();
        return;
    }
    char folder[] = "/tmp/seal-test-XXXXXX", file[64];
    REQUIRE(mkdtemp(folder) != NULL, "no folder");
    snprintf(file, sizeof file, "%s/libcrypto.so.3", folder);
    int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600), status = -1;
    CHECK(fd >= 0, "no file");
    close(fd);
    pid_t child = fork();
    if (child == 0) {
        setenv("LD_LIBRARY_PATH", folder, 1);
        setenv("SEAL_TEST_WITHOUT", "1", 1);
        execl("/proc/self/exe", "seal-test", jf_check_plugin, __func__, (char *)NULL);
        _exit(127);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0, "the child ended with %d", status);
    unlink(file);
    rmdir(folder);
}

/* Whether libcrypto is mapped into this process. */
static bool is_mapped(void) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    bool found = false;
    while (maps != NULL && !found && fgets(line, sizeof line, maps) != NULL)
        found = strstr(line, "libcrypto") != NULL;
    if (maps != NULL) fclose(maps);
    return found;
}

TEST(loads_libcrypto_with_the_first_token) {
    if (getenv("SEAL_TEST_IDLE") == NULL) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            setenv("SEAL_TEST_IDLE", "1", 1);
            execl("/proc/self/exe", "seal-test", jf_check_plugin, __func__, (char *)NULL);
            _exit(127);
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0, "the child ended with %d",
              status);
        return;
    }
    sealer s = begin("{\"keys\":[\"" KEY_A "\"]}");
    CHECK(refused(&s, text("too short to be a token"), "") && !is_mapped(), "an idle gateway pays for it");
    jf_blob sealed = seal(&s, text("x"), "");
    CHECK(is_mapped(), "not loaded, and yet it seals?");
    drop(&sealed);
    end(&s);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
