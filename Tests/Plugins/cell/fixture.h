/* SPDX-License-Identifier: Apache-2.0
 * What the cell's tests share: a mock host with a cell in it. The test program is its own jackfield-cell. */
#ifndef CELL_FIXTURE_H
#define CELL_FIXTURE_H

#define _GNU_SOURCE
#include "ccell.h"
#include "jf_check.h"
#include "jf_mock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define ALL_SERVICES                                                                                         \
    "jf.ops/1 jf.loop/1 jf.log/1 jf.clock/1 jf.memory/1 jf.config/1 jf.calls/1 jf.toolsets/1 "               \
    "jf.channels/1 jf.inbound/1 jf.seal/1"

/** One mock host with one instance in a cell. */
typedef struct fixture {
    jf_mock *mock;
    const jf_plugin *plugin;
    jf_cell_spawn spawn;
} fixture;

static const jf_plugin *fixture_table;
static char fixture_self[PATH_MAX];

static const jf_plugin *fixture_entry(const jf_offer *offer, jf_fault *why) {
    (void)offer;
    (void)why;
    return fixture_table;
}

/** A built plugin's path: those of the product, else beside the plugin under test. */
static const char *fixture_plugin(const char *name) {
    static char path[PATH_MAX], absolute[PATH_MAX];
    const char *folder = getenv("JF_PLUGIN_DIR");
    snprintf(path, sizeof path, "%s/%s.so", folder != NULL ? folder : "dist/lib/jackfield/plugins", name);
    if (access(path, R_OK) != 0) {
        snprintf(path, sizeof path, "%s", jf_check_plugin);
        char *slash = strrchr(path, '/');
        snprintf(slash != NULL ? slash + 1 : path,
                 sizeof path - (size_t)(slash != NULL ? slash + 1 - path : 0), "%s.so", name);
    }
    return realpath(path, absolute) != NULL ? absolute : path;
}

/** A description with short times, to be changed before fixture_up. */
static void fixture_describe(fixture *it, const char *library, const char *facets) {
    static char absolute[PATH_MAX];
    *it = (fixture){0};
    if (realpath(library, absolute) == NULL) snprintf(absolute, sizeof absolute, "/missing");
    it->spawn = (jf_cell_spawn){.size = sizeof it->spawn,
                                .cell = fixture_self,
                                .library = absolute,
                                .name = "under-test",
                                .facets = facets,
                                .services = ALL_SERVICES};
    it->spawn.limits.backoff_ms = 10;
    /* A sanitizer's shadow needs terabytes. */
    it->spawn.limits.address_space = UINT64_MAX;
}

static bool fixture_up(fixture *it, const char *config) {
    const char *why = NULL;
    it->mock = jf_mock_new();
    it->plugin = jf_cell_plugin(&it->spawn, &why);
    if (it->plugin == NULL) {
        printf("  jf_cell_plugin: %s\n", why);
        return false;
    }
    fixture_table = it->plugin;
    if (jf_mock_attach(it->mock, fixture_entry) == JF_OK && jf_mock_create(it->mock, config) == JF_OK &&
        jf_mock_start(it->mock) == JF_OK)
        return true;
    return false;
}

/** Ends it; how many rules were broken. */
static uint32_t fixture_down(fixture *it) {
    uint32_t problems = jf_mock_free(it->mock);
    jf_cell_forget(it->plugin);
    return problems;
}

static jf_cell_state fixture_state(const fixture *it) {
    jf_cell_state state = {.size = sizeof state};
    jf_cell_state_of(jf_mock_self(it->mock), &state);
    return state;
}

typedef struct fixture_wish {
    const fixture *of;
    uint32_t state, ends;
} fixture_wish;

static bool fixture_reached(void *user) {
    const fixture_wish *wish = user;
    jf_cell_state state = fixture_state(wish->of);
    return state.state == wish->state && state.ends >= wish->ends;
}

/** Runs the loop until the cell is in that state after so many ends. */
static bool fixture_wait(const fixture *it, uint32_t state, uint32_t ends) {
    fixture_wish wish = {it, state, ends};
    return jf_mock_run_until(it->mock, fixture_reached, &wish, 20000);
}

/** One call of a tool; the operation when it is over. */
static jf_mock_op fixture_call(const fixture *it, jf_ref set, const char *tool, const char *arguments) {
    jf_ref op = jf_mock_request(it->mock, set, JF_MOCK_CALL, tool, arguments);
    CHECK(jf_mock_wait_op(it->mock, op, 20000), "%s is not answered", tool);
    return jf_mock_op_at(it->mock, op);
}

/** Whether a tool says that text. */
static bool fixture_says(const fixture *it, jf_ref set, const char *tool, const char *text) {
    jf_mock_op op = fixture_call(it, set, tool, "{}");
    char wanted[256];
    snprintf(wanted, sizeof wanted, "\"text\":\"%s\"", text);
    bool same = op.status == JF_OK && op.result != NULL && strstr(op.result, wanted) != NULL;
    if (!same)
        printf("  %s: wanted %s, status %d, result %s, %s\n", tool, text, (int)op.status,
               op.result != NULL ? op.result : "(none)", op.why);
    return same;
}

/** The program's start: the cell's side, or the tests. */
static int fixture_main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--run") == 0) return jf_cell_run(atoi(argv[2]));
    ssize_t length = readlink("/proc/self/exe", fixture_self, sizeof fixture_self - 1);
    const char *other = getenv("JF_CELL"); /* the product's executable instead of this program */
    if (length < 0) return 1;
    if (other != NULL) snprintf(fixture_self, sizeof fixture_self, "%s", other);
    return jf_check_main(argc, argv);
}

#endif
