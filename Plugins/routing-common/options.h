/* SPDX-License-Identifier: Apache-2.0
 * Reading a server's options. Each function answers a usable value in any case; what is wrong is told in
 * options->why and options->status, the first mistake only. */
#ifndef JF_ROUTING_OPTIONS_H
#define JF_ROUTING_OPTIONS_H

#include "strategy.h"

/** Options that a strategy shares with others, as parts of its manifest's schema. */
#define RT_SCHEMA_SEED                                                                                       \
    "\"seed\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":9007199254740991,\"default\":0,"               \
    "\"description\":\"Where random numbers begin; 0: elsewhere on each loop and each time\"}"
#define RT_SCHEMA_ENDPOINTS                                                                                  \
    "\"max_endpoints\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":65536,\"default\":256,"               \
    "\"description\":\"How many endpoints of the server each loop keeps in mind\"}"

/** A value by JSON pointer, raw; absent when there is none. */
jf_view rt_option(rt_options *options, jf_view in, const char *pointer, uint32_t *kind);
int64_t rt_option_integer(rt_options *options, jf_view in, const char *pointer, int64_t least, int64_t most,
                          int64_t preset);
double rt_option_real(rt_options *options, jf_view in, const char *pointer, double least, double most,
                      double preset);
/** 1, 0, or `preset` when it is not there. */
int rt_option_flag(rt_options *options, jf_view in, const char *pointer, int preset);
/** A copy of decoded text, kept with the server; absent when it is not there. */
jf_view rt_option_text(rt_options *options, jf_view in, const char *pointer);
/** Decodes the raw JSON string `value` the same way. `what` is for the message. */
jf_view rt_option_decode(rt_options *options, jf_view value, const char *what);
/** The number of the word among `words` (NULL-terminated); `preset` when it is not there. */
uint32_t rt_option_word(rt_options *options, jf_view in, const char *pointer, const char *const *words,
                        uint32_t preset);
/** Walks the array or object at `pointer`: one step. False at its end. `key` may be NULL. */
bool rt_option_next(rt_options *options, jf_view list, uint64_t *cursor, jf_view *key, jf_view *value,
                    uint32_t *kind);
/** How many elements the array or object has; 0 when it is absent. */
uint32_t rt_option_count(rt_options *options, jf_view list);
/** Says what is wrong, unless something was before. */
void rt_option_wrong(rt_options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Seconds or milliseconds as nanoseconds. */
static inline uint64_t rt_option_ms(rt_options *options, const char *pointer, int64_t least, int64_t most,
                                    int64_t preset) {
    return (uint64_t)rt_option_integer(options, options->json, pointer, least, most, preset) * 1000000u;
}
/** Reads "/seed" into server->random. */
void rt_option_seed(rt_options *options);
/** Reads "/max_endpoints" and makes a map. */
void rt_option_map(rt_options *options, rt_map *map, uint32_t size);

#endif
