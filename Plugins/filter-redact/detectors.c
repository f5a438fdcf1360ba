/* SPDX-License-Identifier: Apache-2.0
 * The detectors that have names. */
#include "redact.h"

static bool digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}
static bool letter(uint8_t byte) {
    return (byte | 32) >= 'a' && (byte | 32) <= 'z';
}

/* Whether the digits of text[start, end) are a card's: Luhn (ISO/IEC 7812-1, annex B). */
static bool luhn(const uint8_t *digits, uint32_t count) {
    uint32_t sum = 0;
    bool same = true;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t value = digits[count - 1 - i] - 0u - '0';
        if (i % 2 == 1) value = value > 4 ? value * 2 - 9 : value * 2;
        sum += value;
        same = same && digits[i] == digits[0];
    }
    return sum % 10 == 0 && !same;
}

/* A card number begins and ends where a group of digits does; between groups stands one blank or hyphen. */
static bool find_card(jf_view text, uint64_t from, uint64_t *start, uint64_t *end) {
    const uint8_t *t = text.ptr;
    for (uint64_t at = from; at < text.len; at++) {
        if (!digit(t[at])) continue;
        if (at > 0 && (digit(t[at - 1]) || letter(t[at - 1]))) continue;
        uint8_t digits[19];
        uint32_t count = 0;
        uint64_t best = 0;
        for (uint64_t i = at; i < text.len && count < 19; i++) {
            if (digit(t[i])) {
                digits[count++] = t[i];
                bool last = i + 1 == text.len || (!digit(t[i + 1]) && !letter(t[i + 1]));
                if (last && count >= 13 && luhn(digits, count)) best = i + 1;
            } else if (!((t[i] == ' ' || t[i] == '-') && i + 1 < text.len && digit(t[i + 1]))) {
                break;
            }
        }
        if (best == 0) continue;
        *start = at;
        *end = best;
        return true;
    }
    return false;
}

/* ISO 13616: the first four characters go to the end, letters count 10 to 35, the rest by 97 is 1. */
static bool iban(const uint8_t *text, uint64_t len) {
    uint8_t plain[34];
    uint32_t count = 0, rest = 0;
    for (uint64_t i = 0; i < len; i++) {
        if (text[i] == ' ') continue;
        if (count == 34) return false;
        plain[count++] = text[i];
    }
    if (count < 15) return false;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t byte = plain[(i + 4) % count];
        rest =
            digit(byte) ? (rest * 10 + (byte - 0u - '0')) % 97 : (rest * 100 + (byte - 0u - 'A') + 10) % 97;
    }
    return rest == 1;
}

/* The expression may have taken words behind it: those are given back one by one. */
static bool check_iban(jf_view text, uint64_t start, uint64_t *end) {
    for (uint64_t stop = *end; stop > start + 14; stop--) {
        if (stop < *end && text.ptr[stop] != ' ') continue;
        if (!iban(text.ptr + start, stop - start)) continue;
        *end = stop;
        return true;
    }
    return false;
}

/* Numbers that the Social Security Administration gives to nobody. */
static bool check_ssn(jf_view text, uint64_t start, uint64_t *end) {
    const uint8_t *at = text.ptr + start;
    (void)end;
    return memcmp(at, "000", 3) != 0 && memcmp(at, "666", 3) != 0 && at[0] != '9' &&
           memcmp(at + 4, "00", 2) != 0 && memcmp(at + 7, "0000", 4) != 0;
}

static const struct {
    const char *name, *expression;
    bool (*find)(jf_view, uint64_t, uint64_t *, uint64_t *);
    bool (*check)(jf_view, uint64_t, uint64_t *);
} known[] = {
    {"private-key",
     "-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)"
     "(?:-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----|\\z)",
     NULL, NULL},
    {"jwt", "\\beyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]*", NULL, NULL},
    {"aws-key", "\\b(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{16}\\b", NULL, NULL},
    {"github-token", "\\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})", NULL, NULL},
    {"slack-token", "\\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,250}", NULL, NULL},
    {"google-key", "\\bAIza[0-9A-Za-z_-]{35}", NULL, NULL},
    {"openai-key", "\\bsk-[A-Za-z0-9_-]{20,250}", NULL, NULL},
    {"bearer", "(?i)\\bbearer\\s+([A-Za-z0-9._~+/=-]{16,})", NULL, NULL},
    {"email", "[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\\.){1,8}[A-Za-z]{2,24}", NULL,
     NULL},
    {"iban", "\\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}", NULL, check_iban},
    {"us-ssn", "\\b[0-9]{3}-[0-9]{2}-[0-9]{4}\\b", NULL, check_ssn},
    {"credit-card", NULL, find_card, NULL},
};
#define KNOWN (sizeof known / sizeof *known)

const char *const rd_names[] = {"private-key", "jwt",         "aws-key", "github-token", "slack-token",
                                "google-key",  "openai-key",  "bearer",  "email",        "iban",
                                "us-ssn",      "credit-card", NULL};

bool rd_known(const char *name, rd_detector *out, jf_fault *why) {
    char reason[160];
    for (size_t i = 0; i < KNOWN; i++) {
        if (strcmp(known[i].name, name) != 0) continue;
        *out = (rd_detector){known[i].name, NULL, known[i].find, known[i].check};
        if (known[i].expression == NULL) return true;
        jf_view text = {(const uint8_t *)known[i].expression, strlen(known[i].expression)};
        out->pattern = fl_pattern_new(text, reason, sizeof reason);
        if (out->pattern != NULL) return true;
        fl_refuse(why, JF_E_FAULT, "detector %s: %s", name, reason);
        return false;
    }
    fl_refuse(why, JF_E_INVALID, "there is no detector %s", name);
    return false;
}
