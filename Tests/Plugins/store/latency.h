/* SPDX-License-Identifier: Apache-2.0
 * How long a get, a put and a take take, with 1 and with 32 in flight: JF_STORE_BENCH=SECONDS runs it. */
#ifndef STORE_LATENCY_H
#define STORE_LATENCY_H

#include "cases_limits.h"

enum { IN_FLIGHT_MOST = 32, SAMPLES_MOST = 1 << 20 };

/* jf.ops/1 of its own: the mock's keeps every operation for ever. */
struct load {
    jf_ops_1 ops;
    jf_mock *mock;
    const jf_store_1 *store;
    uint64_t began[IN_FLIGHT_MOST + 1];
    bool busy[IN_FLIGHT_MOST + 1];
    uint32_t open, kind, count, failed;
    uint32_t *samples;
    uint64_t number;
};

static uint64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void ended(struct load *it, jf_ref op, int32_t status, jf_blob *result) {
    uint64_t spent = nanoseconds() - it->began[op];
    if (result != NULL && result->drop != NULL) result->drop(result->owner);
    if (status < 0) it->failed++;
    if (it->count < SAMPLES_MOST)
        it->samples[it->count++] = spent < UINT32_MAX ? (uint32_t)spent : UINT32_MAX;
    it->busy[op] = false;
    it->open--;
}

static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;

static int32_t finish_load(void *context, jf_ref op, int32_t status, jf_blob *result, const jf_fault *why) {
    struct load *it = context;
    (void)why;
    pthread_mutex_lock(&load_lock);
    ended(it, op, status, result);
    pthread_mutex_unlock(&load_lock);
    jf_mock_wake(it->mock);
    return JF_OK;
}

static int32_t state_of_load(void *context, jf_ref op) {
    (void)context;
    (void)op;
    return JF_OK;
}

static void issue(struct load *it, jf_ref op) {
    char key[32];
    static const uint8_t value[200];
    jf_self *self = jf_mock_self(it->mock);
    jf_blob answer = {0};
    jf_fault why = {.size = sizeof why};
    int32_t status;
    snprintf(key, sizeof key, "bench/%llu", (unsigned long long)(it->number++ % 1000));
    pthread_mutex_lock(&load_lock);
    it->busy[op] = true;
    it->open++;
    pthread_mutex_unlock(&load_lock);
    it->began[op] = nanoseconds();
    if (it->kind == 0) {
        status = it->store->get(self, op, view(key), &answer, &why);
    } else if (it->kind == 1) {
        jf_store_put put = {sizeof put, 0, 0, 3600000, view(key), bytes_of(value, sizeof value)};
        status = it->store->put(self, op, &put, &answer, &why);
    } else {
        jf_store_limit limits[] = {limit(key, BUCKET, 1000000, 1000000, 1000, 1000),
                                   limit(key, FIXED, 0, JF_STORE_AMOUNT_MOST, 86400000, 1000)};
        status = it->store->take(self, op, limits, 2, &answer, &why);
    }
    if (status == JF_PENDING) return;
    pthread_mutex_lock(&load_lock);
    ended(it, op, status, &answer);
    pthread_mutex_unlock(&load_lock);
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void run_load(struct load *it, uint32_t in_flight, double seconds) {
    static const char *const names[] = {"get", "put", "take"};
    it->count = it->failed = 0;
    uint64_t began = nanoseconds(), last = began + (uint64_t)(seconds * 1e9);
    struct timespec cpu, cpu_after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    while (nanoseconds() < last && it->count < SAMPLES_MOST) {
        for (jf_ref op = 1; op <= in_flight; op++)
            if (!it->busy[op]) issue(it, op);
        if (it->open > 0) jf_mock_run_once(it->mock, 1000);
    }
    while (it->open > 0)
        jf_mock_run_once(it->mock, 1000);
    double spent = (double)(nanoseconds() - began) / 1e9;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_after);
    double used =
        (double)(cpu_after.tv_sec - cpu.tv_sec) * 1e6 + (double)(cpu_after.tv_nsec - cpu.tv_nsec) / 1e3;
    qsort(it->samples, it->count, sizeof it->samples[0], by_size);
    printf("  %-4s %2u in flight: %8.0f/s  p50 %8.1f us  p99 %8.1f us  cpu %6.1f us  (%u failed)\n",
           names[it->kind], in_flight, it->count / spent, it->samples[it->count / 2] / 1e3,
           it->samples[it->count * 99 / 100] / 1e3, used / it->count, it->failed);
}

TEST(latency) {
    const char *seconds = getenv("JF_STORE_BENCH");
    static struct load it;
    CHECK(true, "only where it is asked for");
    if (seconds == NULL) return;
    alarm(600);
    it = (struct load){
        .ops = {.size = sizeof it.ops, .context = &it, .finish = finish_load, .state = state_of_load},
        .mock = jf_mock_new(),
        .samples = calloc(SAMPLES_MOST, sizeof(uint32_t))};
    jf_mock_offer(it.mock, JF_OPS_1, &it.ops);
    REQUIRE(jf_mock_up(it.mock, jf_check_plugin, the_rig->config()), "the plugin does not start");
    it.store = jf_mock_store(it.mock);
    for (it.kind = 1; it.kind < 3; it.kind++)
        run_load(&it, 1, 0.3); /* something to get, and warm */
    for (it.kind = 0; it.kind < 3; it.kind++) {
        run_load(&it, 1, atof(seconds));
        run_load(&it, 32, atof(seconds));
    }
    jf_mock_destroy(it.mock);
    jf_mock_free(it.mock);
    free(it.samples);
}

#endif
