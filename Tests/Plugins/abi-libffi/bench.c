/* SPDX-License-Identifier: Apache-2.0
 * What a function made at run time costs: a leased callback, a watched slot with and without the host's
 * meter. (Read @ as an asterisk.)
 *
 *     clang -O2 -D_GNU_SOURCE -Iplugin-sdk/include -Iplugin-sdk/testing/c -ISources/CMeter/include \
 *         Tests/Plugins/abi-libffi/bench.c plugin-sdk/testing/c/@.c Sources/CMeter/@.c \
 *         Sources/CMeter/stubs/@.c -lm -lpthread -ldl -o bench
 *     ./bench dist/lib/jackfield/plugins/abi-libffi.so
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "cmeter.h"
#include "jf_mock.h"

#include <jackfield/callback.h>
#include <jackfield/interpose.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CALLS 200000
#define ROUNDS 15

typedef struct ranker {
    uint32_t size;
    uint32_t flags;
    void *context;
    int32_t (*rank)(void *context, jf_view query, uint32_t count, uint32_t *chosen, jf_fault *why);
} ranker;

__attribute__((noinline)) static int32_t rank(void *context, jf_view query, uint32_t count, uint32_t *chosen,
                                              jf_fault *why) {
    (void)context, (void)why;
    *chosen = (uint32_t)query.len % count;
    return JF_OK;
}

static int32_t let_pass(void *user, uint32_t slot, void *const *arguments, uint64_t *note) {
    (void)user, (void)slot, (void)arguments, (void)note;
    return JF_OK;
}
static void say_nothing(void *user, uint32_t slot, void *const *arguments, const void *result,
                        const uint64_t *note) {
    (void)user, (void)slot, (void)arguments, (void)result, (void)note;
}

static void add(void *user, void *const *arguments, void *result) {
    uint64_t sum = *(uint64_t *)user + *(uint64_t *)arguments[0];
    *(uint64_t *)result = sum;
}

static double now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of the rounds, a call. */
static double median(void (*round)(void *user), void *user) {
    double times[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double start = now_ns();
        round(user);
        times[i] = (now_ns() - start) / CALLS;
    }
    qsort(times, ROUNDS, sizeof times[0], by_size);
    return times[ROUNDS / 2];
}

static void call_table(void *user) {
    const ranker *volatile *table = user;
    uint32_t chosen = 0;
    for (int i = 0; i < CALLS; i++) {
        const ranker *it = *table;
        it->rank(it->context, (jf_view){(const uint8_t *)"query", (uint64_t)i}, 7, &chosen, NULL);
    }
}

static void call_function(void *user) {
    uint64_t (*volatile * code)(uint64_t) = user;
    uint64_t sum = 0;
    for (int i = 0; i < CALLS; i++)
        sum = (*code)(sum);
}

static const ranker *wrap(jf_mock *mock, const ranker *real, jf_interpose_before_fn before,
                          jf_interpose_after_fn after, void *user) {
    const jf_interpose_1 *service = jf_mock_facet(mock, JF_INTERPOSE_1);
    jf_view shape = jf_mock_view("i32(pointer,view,u32,pointer,pointer)");
    jf_interpose_plan plan = {
        .size = sizeof plan, .shapes = &shape, .count = 1, .before = before, .after = after, .user = user};
    const void *out = NULL;
    jf_ref handle;
    if (service->wrap(service->context, &plan, real, &out, &handle, jf_mock_fault(mock)) != JF_OK) abort();
    return out;
}

int main(int argc, char **argv) {
    jf_mock *mock = jf_mock_new();
    if (argc != 2 || !jf_mock_up(mock, argv[1], "{}")) return 2;
    ranker real = {.size = sizeof real, .rank = rank};
    const ranker *table = &real;
    printf("%-44s %6.1f ns\n", "a slot, called through its table", median(call_table, &table));
    table = wrap(mock, &real, let_pass, say_nothing, NULL);
    printf("%-44s %6.1f ns\n", "the same behind a closure and ffi_call", median(call_table, &table));
    const jf_border_parameter parameters[] = {{.name = "context", .type = "pointer"},
                                              {.name = "query", .type = "view"},
                                              {.name = "count", .type = "u32"},
                                              {.name = "chosen", .type = "u32", .is_out = 1},
                                              {.name = "why", .type = "fault"}};
    jf_border_slot slot = {
        .name = "rank", .lane = "lane", .parameters = parameters, .count = 5, .gives_status = 1};
    jf_shim_options options = {.budget_ns = 1000000, .quiet_ns = 10000000000ull};
    jf_border *border = jf_border_new(&options, "com.acme.ranker/1", &slot, 1);
    table = wrap(mock, &real, jf_border_before, jf_border_after, border);
    printf("%-44s %6.1f ns\n", "and metered", median(call_table, &table));

    const jf_callback_1 *callbacks = jf_mock_facet(mock, JF_CALLBACK_1);
    uint64_t one = 1;
    jf_callback_request request = {
        .size = sizeof request, .shape = jf_mock_view("u64(u64)"), .call = add, .user = &one};
    jf_code_fn code;
    jf_ref lease;
    if (callbacks->lease(callbacks->context, &request, &code, &lease, jf_mock_fault(mock)) != JF_OK) abort();
    uint64_t (*function)(uint64_t) = (uint64_t(*)(uint64_t))code;
    printf("%-44s %6.1f ns\n", "a leased function", median(call_function, &function));
    callbacks->release(callbacks->context, lease, JF_CALLBACK_FORGOTTEN);
    double start = now_ns();
    for (int i = 0; i < CALLS; i++) {
        if (callbacks->lease(callbacks->context, &request, &code, &lease, jf_mock_fault(mock)) != JF_OK)
            abort();
        callbacks->release(callbacks->context, lease, JF_CALLBACK_FORGOTTEN);
    }
    printf("%-44s %6.1f ns\n", "a lease and its release", (now_ns() - start) / CALLS);
    jf_mock_free(mock);
    jf_border_free(border);
    return 0;
}
