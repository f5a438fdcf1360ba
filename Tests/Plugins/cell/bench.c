/* SPDX-License-Identifier: Apache-2.0
 * What a cell costs: a tool call of 1 KiB and a pick, beside the bare round trip of a socket pair.
 * Usage: PROGRAM bad_plugin.so; it is its own jackfield-cell. */
#include "fixture.h"

#define ROUNDS 20000u
#define PAYLOAD 1024u

static uint64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static uint64_t spans[ROUNDS];

/* Median and 99th percentile. */
static double report(const char *what, double base) {
    qsort(spans, ROUNDS, sizeof spans[0], by_size);
    double median = (double)spans[ROUNDS / 2] / 1000, high = (double)spans[ROUNDS / 100 * 99] / 1000;
    printf("%-40s median %7.1f us   p99 %7.1f us", what, median, high);
    if (base > 0) printf("   %.2fx", median / base);
    printf("\n");
    return median;
}

static double bare(void) {
    int ends[2];
    uint8_t bytes[PAYLOAD] = {0};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) return 0;
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        ssize_t count;
        while ((count = recv(ends[1], bytes, sizeof bytes, 0)) > 0)
            if (send(ends[1], bytes, (size_t)count, 0) < 0) break;
        _exit(0);
    }
    close(ends[1]);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t since = clock_ns();
        if (send(ends[0], bytes, sizeof bytes, 0) < 0 || recv(ends[0], bytes, sizeof bytes, 0) < 0) break;
        spans[i] = clock_ns() - since;
    }
    close(ends[0]);
    waitpid(child, NULL, 0);
    return report("socket pair, 1 KiB there and back", 0);
}

static bool finished;

static int32_t finish(void *context, jf_ref op, int32_t status, jf_blob *result, const jf_fault *why) {
    (void)context;
    (void)op;
    (void)why;
    finished = status == JF_OK;
    if (result->drop != NULL) result->drop(result->owner);
    return JF_OK;
}

static int32_t state(void *context, jf_ref op) {
    (void)context;
    (void)op;
    return JF_OK;
}

static void calls(fixture *it, double base) {
    char *json = malloc(PAYLOAD + 1);
    jf_ref handle = 0;
    const jf_toolset_1 *toolset = jf_mock_toolset(it->mock);
    if (json == NULL || toolset->open(jf_mock_self(it->mock), 1, jf_mock_view("set"), jf_mock_view("{}"),
                                      &handle, jf_mock_fault(it->mock)) != JF_OK)
        return;
    memset(json, 'x', PAYLOAD);
    json[0] = json[PAYLOAD - 1] = '"';
    json[PAYLOAD] = 0;
    jf_request request = {
        .size = sizeof request, .set = handle, .name = jf_mock_view("echo"), .arguments = jf_mock_view(json)};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        jf_blob result = {0};
        finished = false;
        uint64_t since = clock_ns();
        toolset->call(jf_mock_self(it->mock), i + 1, &request, &result, jf_mock_fault(it->mock));
        while (!finished)
            jf_mock_run_once(it->mock, 1000);
        spans[i] = clock_ns() - since;
    }
    report("tools/call in a cell, 1 KiB each way", base);
    free(json);
}

static void picks(fixture *it, double base) {
    jf_ref handle = 0;
    uint32_t chosen;
    const jf_routing_1 *routing = jf_mock_routing(it->mock);
    routing->attach(jf_mock_self(it->mock), jf_mock_view("server"), jf_mock_view("{}"), &handle,
                    jf_mock_fault(it->mock));
    jf_endpoint one = {.size = sizeof one, .id = 1, .weight = 1},
                two = {.size = sizeof two, .id = 2, .weight = 1};
    const jf_endpoint *eligible[] = {&one, &two};
    jf_pick call = {.size = sizeof call, .method = jf_mock_view("tools/call"), .name = jf_mock_view("tool")};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t since = clock_ns();
        routing->pick(jf_mock_self(it->mock), handle, &call, eligible, 2, &chosen, jf_mock_fault(it->mock));
        spans[i] = clock_ns() - since;
        jf_mock_run_once(it->mock, 0); /* a late answer, after which picks are asked again */
    }
    report("pick in a cell", base);
}

int main(int argc, char **argv) {
    if (argc == 3 || argc < 2) return fixture_main(argc, argv);
    const jf_ops_1 ops = {.size = sizeof ops, .finish = finish, .state = state};
    fixture it;
    double base = bare();
    jf_check_plugin = argv[1];
    if (readlink("/proc/self/exe", fixture_self, sizeof fixture_self - 1) < 0) return 1;
    fixture_describe(&it, argv[1], "jf.toolset/1 jf.routing/1");
    it.mock = jf_mock_new();
    jf_mock_offer(it.mock, JF_OPS_1, &ops);
    it.plugin = fixture_table = jf_cell_plugin(&it.spawn, NULL);
    if (it.plugin == NULL || jf_mock_attach(it.mock, fixture_entry) != JF_OK ||
        jf_mock_create(it.mock, "{}") != JF_OK || jf_mock_start(it.mock) != JF_OK)
        return 1;
    calls(&it, base);
    picks(&it, base);
    return fixture_down(&it) == 0 ? 0 : 1;
}
