/* SPDX-License-Identifier: Apache-2.0
 * Reading a provider's options. The host has checked them against the schema; here is what that cannot say,
 * and what keeps files and hosts without schemas safe. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "options.h"

#include <time.h>

void au_option_wrong(struct au_options *options, const char *format, ...) {
    if (options->status != JF_OK) return;
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    options->status = au_refuse(options->why, JF_E_INVALID, "%s%s", options->where, text);
}

bool au_member(const jf_json_value *object, const char *name, jf_json_value *out) {
    jf_json_value key;
    if (object->kind != JF_JSON_OBJECT) return false;
    jf_json_walk walk = jf_json_walk_of(object);
    while (jf_json_next(&walk, &key, out) == 1)
        if (jf_json_is(&key, (jf_view){(const uint8_t *)name, strlen(name)})) return true;
    return false;
}

static bool find(struct au_options *options, const jf_json_value *in, const char *name, uint32_t kind,
                 const char *is, jf_json_value *out) {
    if (!au_member(in, name, out)) return false;
    if (out->kind == kind) return true;
    au_option_wrong(options, "%s must be %s", name, is);
    return false;
}

uint32_t au_count(const jf_json_value *array) {
    uint32_t count = 0;
    jf_json_value key, value;
    jf_json_walk walk = jf_json_walk_of(array);
    while (jf_json_next(&walk, &key, &value) == 1)
        count++;
    return count;
}

jf_view au_option_decode(struct au_options *options, const jf_json_value *value, const char *name) {
    if (value->kind != JF_JSON_STRING) {
        au_option_wrong(options, "%s must be a text", name);
        return (jf_view){0};
    }
    uint8_t *copy = au_take(options->keep, value->len + 1);
    if (copy == NULL) {
        au_option_wrong(options, "no memory for %s", name);
        return (jf_view){0};
    }
    uint64_t length = jf_json_decode(value, copy);
    if (length == UINT64_MAX) {
        au_option_wrong(options, "%s has half a surrogate pair in it", name);
        return (jf_view){0};
    }
    copy[length] = 0;
    return (jf_view){copy, length};
}

jf_view au_option_text(struct au_options *options, const jf_json_value *in, const char *name) {
    jf_json_value value;
    if (!find(options, in, name, JF_JSON_STRING, "a text", &value)) return (jf_view){0};
    return au_option_decode(options, &value, name);
}

int64_t au_option_integer(struct au_options *options, const jf_json_value *in, const char *name,
                          int64_t least, int64_t most, int64_t preset) {
    jf_json_value value;
    int64_t number = 0;
    if (!au_member(in, name, &value)) return preset;
    if (jf_json_int64(&value, &number) && number >= least && number <= most) return number;
    au_option_wrong(options, "%s must be an integer from %lld to %lld", name, (long long)least,
                    (long long)most);
    return preset;
}

bool au_option_flag(struct au_options *options, const jf_json_value *in, const char *name, bool preset) {
    jf_json_value value;
    if (!find(options, in, name, JF_JSON_BOOL, "true or false", &value)) return preset;
    return value.ptr[0] == 't';
}

jf_view *au_option_texts(struct au_options *options, const jf_json_value *in, const char *name, uint32_t most,
                         uint32_t *count) {
    jf_json_value list, key, value;
    *count = 0;
    if (!find(options, in, name, JF_JSON_ARRAY, "a list of texts", &list)) return NULL;
    uint32_t length = au_count(&list);
    if (length > most) {
        au_option_wrong(options, "%s has more than %u entries", name, most);
        return NULL;
    }
    jf_view *texts = au_take(options->keep, (length + 1) * sizeof(*texts));
    if (texts == NULL) {
        au_option_wrong(options, "no memory for %s", name);
        return NULL;
    }
    jf_json_walk walk = jf_json_walk_of(&list);
    while (options->status == JF_OK && jf_json_next(&walk, &key, &value) == 1)
        texts[(*count)++] = au_option_decode(options, &value, name);
    return texts;
}

uint32_t au_option_word(struct au_options *options, const jf_json_value *in, const char *name,
                        const char *const *words, uint32_t preset) {
    jf_json_value value;
    if (!find(options, in, name, JF_JSON_STRING, "a text", &value)) return preset;
    for (uint32_t i = 0; words[i] != NULL; i++)
        if (jf_json_is(&value, (jf_view){(const uint8_t *)words[i], strlen(words[i])})) return i;
    au_option_wrong(options, "%s must be one of those in the reference, such as %s", name, words[0]);
    return preset;
}

jf_view au_option_raw(struct au_options *options, const jf_json_value *in, const char *name, uint32_t kind) {
    jf_json_value value;
    if (!find(options, in, name, kind, kind == JF_JSON_OBJECT ? "a mapping" : "a list", &value))
        return (jf_view){0};
    jf_view copy = au_take_text(options->keep, jf_json_raw(&value));
    if (copy.ptr == NULL) au_option_wrong(options, "no memory for %s", name);
    return copy;
}

/** Reads `count` digits. */
static bool digits(const char **at, int count, int *out) {
    *out = 0;
    for (; count > 0; count--, (*at)++) {
        if (**at < '0' || **at > '9') return false;
        *out = *out * 10 + (**at - '0');
    }
    return true;
}

static bool expect(const char **at, char c) {
    if (**at != c) return false;
    (*at)++;
    return true;
}

/** RFC 3339 section 5.6; fractions of a second are dropped. The text ends with a NUL. */
static bool read_time(const char *at, uint64_t *out) {
    struct tm t = {0};
    int hours = 0, minutes = 0, sign = 0;
    if (!digits(&at, 4, &t.tm_year) || !expect(&at, '-') || !digits(&at, 2, &t.tm_mon) || !expect(&at, '-') ||
        !digits(&at, 2, &t.tm_mday))
        return false;
    if (*at != 0) {
        if ((*at != 'T' && *at != 't' && *at != ' ') || !(at++, digits(&at, 2, &t.tm_hour)) ||
            !expect(&at, ':') || !digits(&at, 2, &t.tm_min) || !expect(&at, ':') ||
            !digits(&at, 2, &t.tm_sec))
            return false;
        if (*at == '.')
            for (at++; *at >= '0' && *at <= '9';)
                at++;
        if (*at == 'Z' || *at == 'z') {
            at++;
        } else {
            sign = *at == '+' ? 1 : *at == '-' ? -1 : 0;
            if (sign == 0 || !(at++, digits(&at, 2, &hours)) || !expect(&at, ':') ||
                !digits(&at, 2, &minutes))
                return false;
        }
    }
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = t.tm_year % 4 == 0 && (t.tm_year % 100 != 0 || t.tm_year % 400 == 0);
    if (*at != 0 || t.tm_year < 1970 || t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 ||
        t.tm_mday > lengths[t.tm_mon - 1] || (t.tm_mon == 2 && t.tm_mday == 29 && !leap) || t.tm_hour > 23 ||
        t.tm_min > 59 || t.tm_sec > 60 || hours > 23 || minutes > 59)
        return false;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    int64_t seconds = (int64_t)timegm(&t) - sign * (hours * 3600 + minutes * 60);
    *out = seconds > 0 ? (uint64_t)seconds * 1000 : 0;
    return true;
}

uint64_t au_option_time(struct au_options *options, const jf_json_value *in, const char *name,
                        uint64_t preset) {
    uint64_t ms = preset;
    jf_view text = au_option_text(options, in, name);
    if (text.ptr == NULL) return preset;
    if (strlen((const char *)text.ptr) == text.len && read_time((const char *)text.ptr, &ms)) return ms;
    au_option_wrong(options, "%s is no time such as 2027-01-31 or 2027-01-31T12:00:00Z", name);
    return preset;
}
