/* SPDX-License-Identifier: Apache-2.0
 * Assertions and a test runner in one header: include it in the one source file of a test program.
 *
 *     TEST(counts_words) { CHECK(words("a b") == 2, "got %d", words("a b")); }
 *     int main(int argc, char **argv) { return jf_check_main(argc, argv); }
 *
 * Usage of the program: PROGRAM [plugin.so [part of a test's name]]. It ends with "N passed, N failed", exit
 * status 1 when a test failed or none ran. A test that hangs ends the program after JF_CHECK_TIMEOUT seconds
 * (default 60).
 */
#ifndef JF_CHECK_H
#define JF_CHECK_H

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** argv[1]: the plugin under test. */
static const char *jf_check_plugin;

typedef struct jf_check_test {
    const char *name;
    void (*body)(void);
    struct jf_check_test *next;
} jf_check_test;

static jf_check_test *jf_check_first;
static jf_check_test **jf_check_end = &jf_check_first;
static const char *volatile jf_check_running;
static unsigned jf_check_failures;
static unsigned jf_check_checks;

/** Defines and registers a test; they run in the order of the file. */
#define TEST(test)                                                                                           \
    static void test(void);                                                                                  \
    __attribute__((constructor)) static void jf_check_add_##test(void) {                                     \
        static jf_check_test entry = {#test, test, NULL};                                                    \
        *jf_check_end = &entry;                                                                              \
        jf_check_end = &entry.next;                                                                          \
    }                                                                                                        \
    static void test(void)

/** Fails the test when the condition is false, with a printf-style explanation, and goes on. */
#define CHECK(condition, ...) ((void)jf_check((condition), #condition, __FILE__, __LINE__, __VA_ARGS__))
/** The same, but leaves the test function (or any function that returns nothing). */
#define REQUIRE(condition, ...)                                                                              \
    do {                                                                                                     \
        if (!jf_check((condition), #condition, __FILE__, __LINE__, __VA_ARGS__)) return;                     \
    } while (0)

__attribute__((format(printf, 5, 6), unused)) static bool
jf_check(bool condition, const char *expression, const char *file, int line, const char *format, ...) {
    __atomic_fetch_add(&jf_check_checks, 1u, __ATOMIC_RELAXED); /* a test may have threads */
    if (condition) return true;
    __atomic_fetch_add(&jf_check_failures, 1u, __ATOMIC_RELAXED); /* a test may have threads */
    va_list arguments;
    va_start(arguments, format);
    printf("  %s:%d: %s: ", file, line, expression);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    return false;
}

static void jf_check_hung(int signal_number) {
    (void)signal_number;
    const char *parts[] = {"FAIL ", jf_check_running,
                           " hangs\n1 or more tests not run: 0 passed, 1 failed\n"};
    for (size_t i = 0; i < 3; i++) {
        if (write(STDOUT_FILENO, parts[i], strlen(parts[i])) < 0) break;
    }
    _exit(1);
}

/** Runs the registered tests. */
static int jf_check_main(int argc, char **argv) {
    jf_check_plugin = argc > 1 ? argv[1] : NULL;
    const char *only = argc > 2 ? argv[2] : "";
    const char *limit = getenv("JF_CHECK_TIMEOUT");
    unsigned seconds = limit != NULL ? (unsigned)strtoul(limit, NULL, 10) : 60, passed = 0, failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGALRM, jf_check_hung);
    for (jf_check_test *test = jf_check_first; test != NULL; test = test->next) {
        if (strstr(test->name, only) == NULL) continue;
        jf_check_failures = jf_check_checks = 0;
        jf_check_running = test->name;
        alarm(seconds);
        test->body();
        alarm(0);
        if (jf_check_checks == 0) {
            printf("  %s checks nothing\n", test->name);
            jf_check_failures = 1;
        }
        printf("%s %s\n", jf_check_failures == 0 ? "ok  " : "FAIL", test->name);
        if (jf_check_failures == 0)
            passed++;
        else
            failed++;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}

#endif
