/* SPDX-License-Identifier: Apache-2.0
 * The C library that the tests of tools-native declare: every type, every convention, and what goes wrong. */
#include "library.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int8_t same_i8(int8_t v) {
    return v;
}
uint8_t same_u8(uint8_t v) {
    return v;
}
int16_t same_i16(int16_t v) {
    return v;
}
uint16_t same_u16(uint16_t v) {
    return v;
}
int32_t same_i32(int32_t v) {
    return v;
}
uint32_t same_u32(uint32_t v) {
    return v;
}
int64_t same_i64(int64_t v) {
    return v;
}
uint64_t same_u64(uint64_t v) {
    return v;
}
bool negate(bool v) {
    return !v;
}
float half(float v) {
    return v / 2;
}
double twice(double v) {
    return v * 2;
}
double not_a_number(void) {
    return NAN;
}

void show_all(char *out, uint64_t size, int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e, uint32_t f,
              int64_t g, uint64_t h, float i, double j, bool k) {
    snprintf(out, size, "%d %u %d %u %d %u %lld %llu %g %g %d", a, b, c, d, e, f, (long long)g,
             (unsigned long long)h, (double)i, j, k);
}

int show_more(char *out, uint64_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(out, size, format, arguments);
    va_end(arguments);
    return length;
}

struct pair swap(struct pair v) {
    return (struct pair){v.b, v.a};
}
struct mixed shift(struct mixed v, int32_t by) {
    return (struct mixed){v.x + by, v.n - by};
}
struct large grow(struct large v) {
    return (struct large){v.a + 1, v.b + 1, v.c + 1};
}
struct named rename_it(struct named v) {
    struct named out = {.id = v.id + 1};
    snprintf(out.name, sizeof out.name, "<%.8s>", v.name);
    memcpy(out.raw, v.raw, sizeof out.raw);
    out.level = v.level;
    return out;
}
double norm(const struct mixed *v) {
    return v->x * v->n;
}
void fill(struct named *v) {
    *v = (struct named){7, "seven", {1, 2, 3}, -1};
}
void bump(struct mixed *v) {
    v->x *= 2, v->n++;
}
const struct pair *the_pair(int32_t which) {
    static const struct pair pair = {3, 4};
    return which == 0 ? NULL : &pair;
}

uint32_t sum(uint32_t seed, const uint8_t *bytes, uint32_t length) {
    for (uint32_t i = 0; i < length; i++)
        seed += bytes[i];
    return seed;
}
uint64_t length_of(const char *text) {
    return text == NULL ? 999 : strlen(text);
}
int64_t twice_bytes(uint8_t *out, uint64_t room, const uint8_t *in, uint64_t length) {
    if (room < 2 * length) return -ENOSPC;
    memcpy(out, in, length);
    memcpy(out + length, in, length);
    return (int64_t)(2 * length);
}
int32_t copy_out(uint8_t *out, uint32_t *length, const uint8_t *in, uint32_t given) {
    if (*length < given) return 5;
    memcpy(out, in, given);
    *length = given;
    return 0;
}
void claim(uint8_t *out, uint32_t *length) {
    (void)out;
    *length += 1;
}
void overrun(uint8_t *out, uint32_t length) {
    memset(out, 'x', length + 4);
}
void no_end(char *out, uint32_t room) {
    memset(out, 'x', room);
}
void digest(uint8_t *out) {
    memcpy(out, "0123456789abcdef", 16);
}
void divide(int32_t a, int32_t b, int32_t *quotient, int32_t *rest) {
    *quotient = a / b, *rest = a % b;
}
void step(int64_t *value) {
    *value += 1;
}
enum color next_color(enum color it) {
    return (enum color)(it + 1);
}
const char *word(int32_t which) {
    return which == 0 ? NULL : which == 1 ? "one" : "caf\xC3\xA9 \xFF";
}
char *made(const char *text) {
    return strdup(text);
}
static int releases;
void release(void *it) {
    releases++;
    free(it);
}
int release_count(void) {
    return releases;
}
const uint8_t *window(uint32_t *length) {
    *length = 3;
    return (const uint8_t *)"abcdef";
}
void complain(int32_t code, char **message) {
    *message = code == 0 ? NULL : strdup("too bad");
}

int fails_errno(int32_t e) {
    errno = e;
    return e == 0 ? 0 : -1;
}
double sets_errno(int32_t e) {
    errno = e;
    return 1;
}
int gives(int32_t v) {
    return v;
}
uint64_t gives_u64(uint64_t v) {
    return v;
}
const char *explain(int32_t code) {
    return code == 3 ? "third kind" : "other kind";
}
int fails_loud(int32_t code, char **message) {
    complain(code, message);
    return code;
}

struct box {
    int32_t value;
};
static int boxes;
struct box *box_new(int32_t value) {
    if (value < 0) return NULL;
    struct box *it = malloc(sizeof *it);
    it->value = value;
    boxes++;
    return it;
}
int box_open(struct box **out, int32_t value) {
    *out = box_new(value < 0 ? -value : value);
    return value < 0 ? 1 : 0;
}
int32_t box_get(const struct box *it) {
    return it == NULL ? -1 : it->value;
}
int box_free(struct box *it) {
    if (it->value == 13) {
        it->value = 14;
        return 1;
    }
    boxes--;
    free(it);
    return 0;
}
int box_count(void) {
    return boxes;
}

static row_fn kept;
static void *kept_user;
int each(row_fn row, void *user, int32_t count) {
    kept = row;
    kept_user = user;
    for (int32_t i = 0; i < count; i++) {
        char a[16], *values[] = {a, i % 2 == 0 ? NULL : a}, *names[] = {(char *)"a", (char *)"a"};
        snprintf(a, sizeof a, "%d", i);
        int answer = row(user, 2, values, names);
        if (answer != 0) return answer;
    }
    return 0;
}
int late(void) {
    return kept == NULL ? -1 : kept(kept_user, 0, NULL, NULL);
}
int points(point_fn point, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        int8_t answer =
            point((uint8_t)(250 + i), -i, i / 2.0f, i * 1.5, i % 2 == 0, "p", (const uint8_t *)"xyz", 3);
        if (answer != 1) return answer;
    }
    return 0;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static int waiting, passes;
int gate_wait(int32_t id) {
    pthread_mutex_lock(&lock);
    waiting++;
    pthread_cond_broadcast(&moved);
    while (passes == 0)
        pthread_cond_wait(&moved, &lock);
    passes--;
    waiting--;
    pthread_mutex_unlock(&lock);
    return id;
}
void gate_open(int count) {
    pthread_mutex_lock(&lock);
    passes += count;
    pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&lock);
}
void gate_await(int count) {
    pthread_mutex_lock(&lock);
    while (waiting < count)
        pthread_cond_wait(&moved, &lock);
    pthread_mutex_unlock(&lock);
}

int some_data = 42;
