/* SPDX-License-Identifier: Apache-2.0
 * How long a pick takes: `timing [--json] PLUGIN_DIR [ENDPOINTS]` prints nanoseconds per pick of each routing
 * strategy, the best of several runs. Nothing is asserted. */
#define _POSIX_C_SOURCE 200809L
#include "jf_mock_routing.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST 4096
#define PICKS 2000
#define RUNS 200

static const struct {
    const char *name, *what, *options;
} cases[] = {
    {"round-robin", "", "{}"},
    {"weighted", "", "{}"},
    {"least-request", "", "{}"},
    {"peak-ewma", "", "{\"max_endpoints\":4096}"},
    {"affinity", "by principal", "{\"max_endpoints\":4096}"},
    {"affinity", "by an argument", "{\"max_endpoints\":4096,\"key\":[\"argument:/doc/id\"]}"},
    {"capability", "all can",
     "{\"max_endpoints\":4096,\"rules\":[{\"tools\":[\"find*\"],\"version\":\">=1.2 "
     "<3\",\"tags\":[\"gpu\"]}]}"},
    {"capability", "a tenth can",
     "{\"max_endpoints\":4096,\"rules\":[{\"tools\":[\"find*\"],\"version\":\">=2\",\"tags\":[\"gpu\"]}]}"},
    {"locality", "two tiers, zones", "{}"},
    {"canary", "5 percent",
     "{\"max_endpoints\":4096,\"arms\":[{\"name\":\"canary\",\"percent\":5,\"version\":\">=2\"},{\"name\":"
     "\"stable\"}]}"},
    {"failover", "", "{}"},
    {"failover", "two tiers", "{\"order\":\"priority\",\"max_endpoints\":4096}"},
    {"cost", "three prices", "{\"max_endpoints\":4096}"},
};

static jf_endpoint endpoints[MOST];
static const jf_endpoint *eligible[MOST];
static char names[MOST][40];
static jf_pair tag;

static uint64_t now(void) {
    struct timespec it;
    clock_gettime(CLOCK_MONOTONIC, &it);
    return (uint64_t)it.tv_sec * 1000000000u + (uint64_t)it.tv_nsec;
}

static void set_up(uint32_t count, bool uneven) {
    tag = (jf_pair){jf_mock_view("gpu"), jf_mock_view("")};
    for (uint32_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "http://10.0.%u.%u:9000/mcp", i / 256, i % 256);
        jf_endpoint *it = &endpoints[i];
        *it = jf_mock_endpoint(0x700000001u + i, names[i]);
        it->weight = uneven ? 1 + i % 5 : 1;
        it->in_flight = i * 7 % 5;
        it->latency_ns = 1000000 + i * 1000;
        it->priority = i % 4 == 3;
        it->flags = i % 4 == 0 ? JF_ENDPOINT_SAME_ZONE : i % 4 == 1 ? JF_ENDPOINT_SAME_REGION : 0;
        it->cost = 100 + i % 3;
        it->version = jf_mock_view(i % 10 == 0 ? "2.0.1" : "1.4.0");
        it->labels = &tag;
        it->label_count = 1;
        eligible[i] = it;
    }
}

static double measure(const char *folder, const char *name, const char *options, uint32_t count) {
    char path[512];
    snprintf(path, sizeof path, "%s/routing-%s.so", folder, name);
    jf_mock *mock = jf_mock_new();
    jf_ref handle = 0;
    jf_mock_set_abi(mock, 1, 1);
    if (!jf_mock_up(mock, path, "{}")) exit(1);
    const jf_routing_1 *routing = jf_mock_routing(mock);
    if (routing->attach(jf_mock_self(mock), jf_mock_view("x"), jf_mock_view(options), &handle,
                        jf_mock_fault(mock)) != JF_OK) {
        fprintf(stderr, "%s\n", jf_mock_why(mock));
        exit(1);
    }
    static char principals[64][16];
    jf_pick call = jf_mock_pick("find_it", NULL, NULL);
    call.arguments =
        jf_mock_view("{\"query\":\"what stands where\",\"doc\":{\"lang\":\"en\",\"id\":\"4711\"}}");
    call.all = eligible;
    call.total = count;
    for (uint32_t i = 0; i < 64; i++)
        snprintf(principals[i], sizeof principals[i], "user-%u", i);
    uint64_t best = UINT64_MAX;
    uint32_t chosen = 0;
    for (int run = 0; run < RUNS; run++) {
        uint64_t start = now();
        for (uint32_t i = 0; i < PICKS; i++) {
            call.principal = (jf_view){(const uint8_t *)principals[i % 64], i % 64 < 10 ? 6 : 7};
            call.now_ns = start + i * 1000;
            routing->pick(jf_mock_self(mock), handle, &call, eligible, count, &chosen, NULL);
        }
        uint64_t took = now() - start;
        if (took < best) best = took;
        for (uint32_t i = 0; i < count && routing->observe != NULL; i++) {
            jf_outcome outcome = jf_mock_outcome(endpoints[i].id, JF_OK, 1000000);
            outcome.now_ns = call.now_ns;
            routing->observe(jf_mock_self(mock), handle, &outcome);
        }
    }
    routing->detach(jf_mock_self(mock), handle);
    jf_mock_free(mock);
    return (double)best / PICKS;
}

int main(int argc, char **argv) {
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    if (json) argv++, argc--;
    uint32_t count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100;
    if (argc < 2 || count == 0 || count > MOST) {
        fprintf(stderr, "usage: timing [--json] PLUGIN_DIR [ENDPOINTS, at most %d]\n", MOST);
        return 2;
    }
    if (!json) printf("ns per pick among %u endpoints     equal weights   weights 1 to 5\n", count);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_up(count, false);
        double even = measure(argv[1], cases[i].name, cases[i].options, count);
        set_up(count, true);
        double uneven = measure(argv[1], cases[i].name, cases[i].options, count);
        if (json)
            printf("%s{\"strategy\":\"%s\",\"case\":\"%s\",\"equal_ns\":%.1f,\"weighted_ns\":%.1f}\n",
                   i == 0 ? "[" : ",", cases[i].name, cases[i].what, even, uneven);
        else
            printf("%-14s %-16s %16.0f %16.0f\n", cases[i].name, cases[i].what, even, uneven);
    }
    if (json) puts("]");
    return 0;
}
