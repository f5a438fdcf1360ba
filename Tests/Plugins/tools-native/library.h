/* SPDX-License-Identifier: Apache-2.0
 * The header of the C library that the tests of tools-native declare. */
#ifndef TOOLS_NATIVE_TEST_LIBRARY_H
#define TOOLS_NATIVE_TEST_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

/* clang-format off: one function a line */
int8_t same_i8(int8_t v);
uint8_t same_u8(uint8_t v);
int16_t same_i16(int16_t v);
uint16_t same_u16(uint16_t v);
int32_t same_i32(int32_t v);
uint32_t same_u32(uint32_t v);
int64_t same_i64(int64_t v);
uint64_t same_u64(uint64_t v);
bool negate(bool v);
float half(float v);
double twice(double v);
double not_a_number(void);
/* More arguments than registers, of every width. */
void show_all(char *out, uint64_t size, int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e, uint32_t f,
              int64_t g, uint64_t h, float i, double j, bool k);
int show_more(char *out, uint64_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* In one register, in two of different kinds, in memory. */
struct pair {
    int32_t a, b;
};
struct mixed {
    double x;
    int32_t n;
};
struct large {
    int64_t a, b, c;
};
struct named {
    uint16_t id;
    char name[12];
    uint8_t raw[3];
    int8_t level;
};
struct pair swap(struct pair v);
struct mixed shift(struct mixed v, int32_t by);
struct large grow(struct large v);
struct named rename_it(struct named v);
double norm(const struct mixed *v);
void fill(struct named *v);
void bump(struct mixed *v);
const struct pair *the_pair(int32_t which);

uint32_t sum(uint32_t seed, const uint8_t *bytes, uint32_t length);
uint64_t length_of(const char *text);
int64_t twice_bytes(uint8_t *out, uint64_t room, const uint8_t *in, uint64_t length);
int32_t copy_out(uint8_t *out, uint32_t *length, const uint8_t *in, uint32_t given);
void claim(uint8_t *out, uint32_t *length);
void overrun(uint8_t *out, uint32_t length);
void no_end(char *out, uint32_t room);
void digest(uint8_t *out);
void divide(int32_t a, int32_t b, int32_t *quotient, int32_t *rest);
void step(int64_t *value);
enum color { RED = 1, GREEN, BLUE };
enum color next_color(enum color it);
const char *word(int32_t which);
char *made(const char *text);
void release(void *it);
int release_count(void);
const uint8_t *window(uint32_t *length);
void complain(int32_t code, char **message);

int fails_errno(int32_t e);
double sets_errno(int32_t e);
int gives(int32_t v);
uint64_t gives_u64(uint64_t v);
const char *explain(int32_t code);
int fails_loud(int32_t code, char **message);

struct box;
struct box *box_new(int32_t value);
int box_open(struct box **out, int32_t value);
int32_t box_get(const struct box *it);
int box_free(struct box *it);
int box_count(void);

typedef int (*row_fn)(void *user, int columns, char **values, char **names);
typedef int8_t (*point_fn)(uint8_t a, int64_t b, float c, double d, bool e, const char *f, const uint8_t *g,
                           uint32_t h);
int each(row_fn row, void *user, int32_t count);
int late(void);
int points(point_fn point, int32_t count);

/* Blocks until another thread opens the gate for it. */
int gate_wait(int32_t id);
void gate_open(int count);
void gate_await(int count);

extern int some_data;
/* clang-format on */
#endif
