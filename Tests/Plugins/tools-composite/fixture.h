/* SPDX-License-Identifier: Apache-2.0
 * What the tests of tools-composite share: servers that answer by script, a mock with an open set, one-line
 * checks. */
#ifndef TOOLS_COMPOSITE_FIXTURE_H
#define TOOLS_COMPOSITE_FIXTURE_H

#include "jf_check.h"
#include "jf_mock.h"

#define SERVERS 64
#define CALLS 4096

/** What server `sN` does. */
typedef struct server {
    const char *answer; /**< NULL: the call stays open until the test answers it */
    int32_t status;     /**< with which it answers */
    int32_t refuses;    /**< not JF_OK: `start` fails with this */
    const char *tool;   /**< further members of its tool `t` in the list; NULL: it lists nothing */
} server;

/** A tools/call as it came. */
typedef struct asked {
    jf_ref id;
    int server;
    uint64_t timeout_ns;
    char params[600];
} asked;

static server servers[SERVERS];
static asked calls[CALLS];
static int call_count, list_count;
static jf_mock *mock;
static jf_ref set, direct;

static int32_t on_call(void *user, jf_mock *on, jf_ref id, const jf_call *call) {
    (void)user;
    char path[100], body[800];
    snprintf(path, sizeof path, "%.*s", (int)call->target.len, (const char *)call->target.ptr);
    int index = strncmp(path, "/mcp/servers/s", 14) == 0 ? atoi(path + 14) : 0;
    const server *it = &servers[index];
    if (call->method.len == 10 && memcmp(call->method.ptr, "tools/list", 10) == 0) {
        list_count++;
        if (it->tool == NULL)
            snprintf(body, sizeof body, "{\"resultType\":\"complete\",\"tools\":[]}");
        else
            snprintf(body, sizeof body,
                     "{\"resultType\":\"complete\",\"tools\":[{\"name\":\"other\",\"inputSchema\":{\"type\":"
                     "\"object\"}},{\"name\":\"t\"%s}]}",
                     it->tool);
        return jf_mock_answer(on, id, JF_OK, body);
    }
    if (it->refuses != JF_OK) return it->refuses;
    if (call_count == CALLS) return JF_E_BUSY;
    asked *next = &calls[call_count++];
    *next = (asked){.id = id, .server = index, .timeout_ns = call->timeout_ns};
    snprintf(next->params, sizeof next->params, "%.*s", (int)call->params.len,
             (const char *)call->params.ptr);
    return it->answer == NULL ? JF_OK : jf_mock_answer(on, id, it->status, it->answer);
}

#define READ_ONLY ",\"annotations\":{\"readOnlyHint\":true}"
#define STRUCTURED(json)                                                                                     \
    "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"said\"}],"                      \
    "\"structuredContent\":" json "}"
#define TEXT(words) "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"" words "\"}]}"
#define TOOL_ERROR(words)                                                                                    \
    "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"" words "\"}],\"isError\":"     \
    "true}"

/** A mock with an instance; every server holds its calls and lists a read-only tool `t`. */
static void begin(void) {
    memset(servers, 0, sizeof servers);
    for (int i = 0; i < SERVERS; i++)
        servers[i].tool = READ_ONLY;
    call_count = list_count = 0;
    mock = jf_mock_new();
    jf_mock_on_call(mock, on_call, NULL);
    if (!jf_mock_up(mock, jf_check_plugin, "{}")) abort();
}

/** Opens a set with one composite `c` of `count` servers s0, s1, …; `more` begins with a comma. */
static void open_simple(const char *mode, int count, const char *more) {
    char config[8000];
    size_t at = (size_t)snprintf(config, sizeof config,
                                 "{\"composites\":{\"c\":{\"mode\":\"%s\",\"targets\":[", mode);
    for (int i = 0; i < count; i++)
        at += (size_t)snprintf(config + at, sizeof config - at, "%s{\"server\":\"s%d\",\"tool\":\"t\"}",
                               i > 0 ? "," : "", i);
    snprintf(config + at, sizeof config - at, "]%s}}}", more);
    set = jf_mock_open_set(mock, "composite", config);
    CHECK(set != 0, "%s: %s", more, jf_mock_why(mock));
    jf_mock_settle(mock);
}

static void open_config(const char *config) {
    set = jf_mock_open_set(mock, "composite", config);
    CHECK(set != 0, "%s", jf_mock_why(mock));
    jf_mock_settle(mock);
}

static void end(void) {
    jf_mock_close_set(mock, set);
    jf_mock_settle(mock);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

static jf_ref ask(const char *arguments) {
    jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, "c", arguments);
    jf_mock_settle(mock);
    return op;
}

/** Answers the newest call to a server that is still open. */
static int32_t answer(int index, const char *body) {
    for (int i = call_count - 1; i >= 0; i--) {
        if (calls[i].server != index) continue;
        int32_t status = jf_mock_answer(mock, calls[i].id, JF_OK, body);
        jf_mock_settle(mock);
        return status;
    }
    return JF_ABSENT;
}

/** Whether the newest call to a server was cancelled (or is over otherwise). */
static bool is_over(int index) {
    return answer(index, TEXT("late")) == JF_E_STALE;
}

static bool is_pending(jf_ref op) {
    return jf_mock_op_at(mock, op).status == JF_PENDING;
}

/** The call has ended, and the value at `pointer` of its result is `expected` (NULL: absent). */
static void gives(jf_ref op, const char *pointer, const char *expected) {
    jf_mock_op state = jf_mock_op_at(mock, op);
    CHECK(state.status == JF_OK && state.result != NULL, "%s: %d (%s)", pointer, (int)state.status,
          state.why);
    if (state.result == NULL) return;
    char *value = jf_mock_json_get(mock, state.result, pointer);
    bool good = expected == NULL ? value == NULL : value != NULL && strcmp(value, expected) == 0;
    CHECK(good, "%s is %s, not %s, in %s", pointer, value == NULL ? "absent" : value,
          expected == NULL ? "absent" : expected, state.result);
    free(value);
}

/** The text at `pointer` holds `part`. */
static void holds(jf_ref op, const char *pointer, const char *part) {
    jf_mock_op state = jf_mock_op_at(mock, op);
    char *value = state.result == NULL ? NULL : jf_mock_json_get(mock, state.result, pointer);
    CHECK(value != NULL && strstr(value, part) != NULL, "'%s' is not in %s", part,
          value == NULL ? state.why : value);
    free(value);
}

#endif
