/* SPDX-License-Identifier: Apache-2.0
 * What tools-native adds to a C function: `PROGRAM tools-native.so FOLDER`, where FOLDER has library.toml and
 * bench_library.so. Prints one line of JSON with nanoseconds a call: of the function itself through a
 * pointer, and of the tool from its arguments as JSON to its result as JSON, both given back. */
#include "clock.h"
#include "jf_mock.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define CALLS 4000000u
#define TOOL_CALLS 100000u

typedef int32_t (*add_fn)(int32_t a, int32_t b);

static double direct(const char *folder) {
    char path[4096];
    snprintf(path, sizeof path, "%s/bench_library.so", folder);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library != NULL ? dlsym(library, "bench_add") : NULL;
    add_fn add;
    double best = 1e9;
    int32_t sum = 0;
    if (symbol == NULL) return -1;
    memcpy(&add, &symbol, sizeof add);
    add_fn volatile called = add;
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        uint64_t since = bench_clock();
        for (uint32_t i = 0; i < CALLS; i++)
            sum = called(sum, 1);
        best = bench_least(best, since, CALLS);
    }
    return sum == (int32_t)(CALLS * BENCH_ROUNDS) ? best : -1;
}

static double tool(jf_mock *mock, jf_ref set) {
    static const char answer[] = "\"structuredContent\":{\"sum\":42}";
    const jf_toolset_1 *toolset = jf_mock_toolset(mock);
    jf_self *self = jf_mock_self(mock);
    const jf_request request = {.size = sizeof request,
                                .set = set,
                                .name = jf_mock_view("bench_add"),
                                .arguments = jf_mock_view("{\"a\":40,\"b\":2}")};
    jf_fault why = {.size = sizeof why};
    double best = 1e9;
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        uint64_t since = bench_clock();
        for (uint32_t i = 0; i < TOOL_CALLS; i++) {
            jf_blob result = {0};
            if (toolset->call(self, i + 1, &request, &result, &why) != JF_OK) return -1;
            if (i == 0 && memmem(result.ptr, result.len, answer, sizeof answer - 1) == NULL) {
                fprintf(stderr, "the tool answers %.*s\n", (int)result.len, (const char *)result.ptr);
                return -1;
            }
            if (result.drop != NULL) result.drop(result.owner);
        }
        best = bench_least(best, since, TOOL_CALLS);
    }
    return best;
}

int main(int argc, char **argv) {
    char config[4200];
    if (argc != 3) {
        fprintf(stderr, "usage: %s tools-native.so FOLDER\n", argv[0]);
        return 2;
    }
    jf_mock *mock = jf_mock_new();
    snprintf(config, sizeof config, "{\"declarations\":\"%s/library.toml\"}", argv[2]);
    jf_ref set = 0;
    if (!jf_mock_up(mock, argv[1], "{}") ||
        jf_mock_toolset(mock)->open(jf_mock_self(mock), 1, jf_mock_view("bench"), jf_mock_view(config), &set,
                                    jf_mock_fault(mock)) != JF_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], jf_mock_why(mock));
        return 1;
    }
    double function = direct(argv[2]), called = tool(mock, set);
    if (function < 0 || called < 0) return 1;
    jf_mock_toolset(mock)->close(jf_mock_self(mock), set);
    printf("{\"function_ns\":%.2f,\"tool_ns\":%.1f}\n", function, called);
    return jf_mock_free(mock) == 0 ? 0 : 1;
}
