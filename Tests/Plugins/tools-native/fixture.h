/* SPDX-License-Identifier: Apache-2.0
 * What the tests of tools-native share: the library that they build, a mock with an open set, one-line
 * checks. */
#ifndef TOOLS_NATIVE_FIXTURE_H
#define TOOLS_NATIVE_FIXTURE_H

#include "jf_check.h"
#include "jf_mock.h"

#include <dlfcn.h>
#include <jackfield/callback.h>
#include <sys/stat.h>

/** The folder of this run, and the built library in it. */
static char folder[] = "/tmp/tools-native-XXXXXX";
static char library_path[64];

__attribute__((unused)) static void write_file(const char *name, const char *bytes) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(bytes, file) < 0 || fclose(file) != 0) abort();
}

/** Builds library.c with whatever compiler is there; copies the declaration beside it. */
static bool build_library(void) {
    static const char *const compilers[] = {"clang -fuse-ld=lld", "cc", "gcc"};
    char source[400], command[1200];
    if (mkdtemp(folder) == NULL) return false;
    const char *slash = strrchr(__FILE__, '/');
    snprintf(source, sizeof source, "%.*s", slash == NULL ? 1 : (int)(slash - __FILE__),
             slash == NULL ? "." : __FILE__);
    snprintf(library_path, sizeof library_path, "%s/library.so", folder);
    for (size_t i = 0; i < 3; i++) {
        snprintf(command, sizeof command,
                 "%s -std=gnu11 -O1 -g -fPIC -shared -o %s %s/library.c -pthread 2>/dev/null && cp "
                 "%s/library.toml "
                 "%s/ && chmod 644 %s",
                 compilers[i], library_path, source, source, folder, library_path);
        if (system(command) == 0) return true;
    }
    return false;
}

__attribute__((unused)) static void remove_library(void) {
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0) abort();
}

/** A function of the library, which the plugin has loaded from the same file. */
__attribute__((unused)) static void *native(const char *name) {
    void *image = dlopen(library_path, RTLD_NOW);
    void *symbol = image == NULL ? NULL : dlsym(image, name);
    if (symbol == NULL) abort();
    return symbol;
}

/** Another instance of another plugin: abi-libffi, from the folder of the plugin under test. */
static jf_mock *provider;

/** A mock that offers jf.callback/1, as a host with abi-libffi does. */
static jf_mock *new_mock(void) {
    if (provider == NULL) {
        char path[1000];
        const char *slash = strrchr(jf_check_plugin, '/');
        snprintf(path, sizeof path, "%.*s/abi-libffi.so", slash == NULL ? 1 : (int)(slash - jf_check_plugin),
                 slash == NULL ? "." : jf_check_plugin);
        provider = jf_mock_new();
        if (!jf_mock_up(provider, path, "{}")) abort();
    }
    jf_mock *mock = jf_mock_new();
    jf_mock_offer(mock, JF_CALLBACK_1, jf_mock_facet(provider, JF_CALLBACK_1));
    return mock;
}

/** Opens a set on a declaration of the folder; `more` is further configuration, beginning with a comma. */
static jf_ref open_file(jf_mock *mock, const char *name, const char *more) {
    char config[400];
    snprintf(config, sizeof config, "{\"declarations\":\"%s/%s\"%s}", folder, name, more);
    return jf_mock_open_set(mock, "native", config);
}

/** A mock with an instance and the set of library.toml. */
static jf_mock *started(jf_ref *set) {
    jf_mock *mock = new_mock();
    if (!jf_mock_up(mock, jf_check_plugin, "{}")) abort();
    *set = open_file(mock, "library.toml", "");
    CHECK(*set != 0, "%s", jf_mock_why(mock));
    return mock;
}

/** Calls a tool; the answer, NULL where it is an error of the protocol. */
static const char *call_tool(jf_mock *mock, jf_ref set, const char *tool, const char *arguments) {
    jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, tool, arguments);
    if (!jf_mock_wait_op(mock, op, 5000)) return NULL;
    return jf_mock_op_at(mock, op).result;
}

static bool is_error(const char *answer) {
    return answer != NULL && strstr(answer, "\"isError\":true") != NULL;
}

/** The tool answers without an error, and the value at `pointer` of its structured result is `expected`. */
__attribute__((unused)) static void gives(jf_mock *mock, jf_ref set, const char *tool, const char *arguments,
                                          const char *pointer, const char *expected) {
    const char *answer = call_tool(mock, set, tool, arguments);
    char path[200], *value;
    CHECK(answer != NULL && !is_error(answer), "%s %s: %s", tool, arguments,
          answer == NULL ? "nothing" : answer);
    if (answer == NULL) return;
    snprintf(path, sizeof path, "/structuredContent%s", pointer);
    value = jf_mock_json_get(mock, answer, path);
    CHECK(value != NULL && strcmp(value, expected) == 0, "%s %s: %s is %s, not %s", tool, arguments, pointer,
          value == NULL ? "absent" : value, expected);
    free(value);
    /* Clients that know no structured results get the same as text. */
    char *text = jf_mock_json_get(mock, answer, "/content/0/text");
    value = text == NULL ? NULL : jf_mock_json_get(mock, text, pointer);
    CHECK(value != NULL && strcmp(value, expected) == 0, "%s: the text says %s", tool,
          text == NULL ? "?" : text);
    free(text);
    free(value);
}

/** The tool answers with an error that the model can read, which holds `part`. */
__attribute__((unused)) static void refuses(jf_mock *mock, jf_ref set, const char *tool,
                                            const char *arguments, const char *part) {
    const char *answer = call_tool(mock, set, tool, arguments);
    char *text = answer == NULL ? NULL : jf_mock_json_get(mock, answer, "/content/0/text");
    CHECK(is_error(answer) && text != NULL && strstr(text, part) != NULL, "%s %s: '%s' is not in %s", tool,
          arguments, part, answer == NULL ? "nothing" : answer);
    free(text);
}

#endif
