/* SPDX-License-Identifier: Apache-2.0
 * A discrete-event simulation: calls arrive as a Poisson process, replicas with a number of workers and
 * exponential service times answer them first come, first served. Deterministic for a seed. */
#ifndef JF_ROUTING_SIMULATION_H
#define JF_ROUTING_SIMULATION_H

#include "routing_check.h"

#define SIM_CALLS 60000
#define SIM_REPLICAS 8

typedef struct sim_replica {
    double mean; /* of a service time, ms */
    uint32_t workers;
    double busy_until[8]; /* by worker */
} sim_replica;

typedef struct sim_result {
    double median, p99;
    uint32_t calls[SIM_REPLICAS], failed;
} sim_result;

typedef struct sim_open {
    double end, start;
    uint32_t replica;
} sim_open;

static double sim_exponential(double mean) {
    return -mean * log((double)((any() >> 11) + 1) / 9007199254740993.0);
}

static int sim_order(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* Plugs another strategy of the same folder in place of the one under test; NULL: the one under test. */
static void sim_begin(const char *strategy, const char *options, uint32_t replicas) {
    const char *kept = jf_check_plugin;
    char path[512];
    if (strategy != NULL) {
        const char *slash = strrchr(kept, '/');
        int folder = slash != NULL ? (int)(slash - kept) : 1;
        snprintf(path, sizeof path, "%.*s/routing-%s.so", folder, slash != NULL ? kept : ".", strategy);
        jf_check_plugin = path;
    }
    begin(options, replicas);
    jf_check_plugin = kept;
}

/* Runs SIM_CALLS calls, `every` ms apart on average. A replica with mean 0 fails each call within 1 ms. */
static sim_result sim_run(sim_replica *replicas, uint32_t count, double every, uint64_t seed) {
    static double times[SIM_CALLS];
    static sim_open open[SIM_CALLS];
    sim_result result = {0};
    uint32_t opened = 0, answered = 0;
    double now = 0;
    noise = seed;
    for (uint32_t i = 0; i < count; i++) {
        memset(replicas[i].busy_until, 0, sizeof replicas[i].busy_until);
        endpoints[i].in_flight = 0;
    }
    for (uint32_t n = 0; n < SIM_CALLS || opened > 0;) {
        uint32_t first = UINT32_MAX;
        for (uint32_t i = 0; i < opened; i++) {
            if (first == UINT32_MAX || open[i].end < open[first].end) first = i;
        }
        static double arrival;
        if (n == 0 && opened == 0) arrival = 0;
        if (first != UINT32_MAX && (n >= SIM_CALLS || open[first].end <= arrival)) {
            sim_open over = open[first];
            open[first] = open[--opened];
            now = over.end;
            now_ns = 1000000000u + (uint64_t)(now * 1e6);
            endpoints[over.replica].in_flight--;
            bool fails = replicas[over.replica].mean == 0;
            observe(over.replica, fails ? JF_E_GONE : JF_OK, (uint64_t)((over.end - over.start) * 1e6));
            if (fails) result.failed++;
            /* the first tenth is for warming up */
            if (!fails && over.start > 0.1 * SIM_CALLS * every) times[answered++] = over.end - over.start;
            continue;
        }
        now = arrival;
        now_ns = 1000000000u + (uint64_t)(now * 1e6);
        uint32_t taken = pick(), worker = 0;
        sim_replica *replica = &replicas[taken];
        for (uint32_t i = 1; i < replica->workers; i++) {
            if (replica->busy_until[i] < replica->busy_until[worker]) worker = i;
        }
        double begins = replica->busy_until[worker] > now ? replica->busy_until[worker] : now;
        double end_time = replica->mean == 0 ? now + 1 : begins + sim_exponential(replica->mean);
        if (replica->mean != 0) replica->busy_until[worker] = end_time;
        open[opened++] = (sim_open){end_time, now, taken};
        endpoints[taken].in_flight++;
        result.calls[taken]++;
        arrival += sim_exponential(every);
        n++;
    }
    qsort(times, answered, sizeof times[0], sim_order);
    result.median = times[answered / 2];
    result.p99 = times[answered * 99 / 100];
    return result;
}

#endif
