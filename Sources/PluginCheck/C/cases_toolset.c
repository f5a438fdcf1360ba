/* SPDX-License-Identifier: Apache-2.0
 * Cases: the facet jf.toolset/1, with the shapes of MCP 2026-07-28. */
#include "check.h"

static bool judge(check_host *h, const char *what, const char *text, const char *subject) {
    char why[400] = "";
    const check_setup *setup = h->c->setup;
    if (setup->judge == NULL) return true;
    int verdict = setup->judge(setup->user, what, text, strlen(text), why, sizeof why);
    if (verdict == CHECK_BAD)
        check_fail(h->c, "Compare it with the schema of MCP 2026-07-28.", "%s: %s", subject, why);
    if (verdict == CHECK_QUESTIONABLE)
        check_warn(h->c, "Compare it with the schema of MCP 2026-07-28.", "%s: %s", subject, why);
    return verdict != CHECK_BAD;
}

/* A host with a set and its tools; NULL: ended already. */
static check_host *up(check *c, jf_ref *handle, char **tools) {
    check_host *h = check_up(c);
    if (h == NULL) return NULL;
    if (check_open_set(h, "check", handle)) {
        *tools = check_list(h, *handle, JF_TOOLS);
        if (*tools != NULL && judge(h, "tools", *tools, "tools/list")) return h;
        free(*tools);
        if (*tools == NULL) check_skip(c, "it lists no tools");
        check_close_set(h, *handle);
    }
    check_host_free(h);
    return NULL;
}

static void down(check_host *h, jf_ref handle, char *tools) {
    free(tools);
    check_close_set(h, handle);
    check_host_free(h);
}

static void lists(check *c) {
    static const char *const kinds[] = {"tools", "resources", "templates", "prompts"};
    static const char *const methods[] = {"tools/list", "resources/list", "resources/templates/list",
                                          "prompts/list"};
    check_host *h = check_up(c);
    jf_ref handle;
    if (h == NULL) return;
    if (check_open_set(h, "check", &handle)) {
        for (uint32_t kind = JF_TOOLS; kind <= JF_PROMPTS; kind++) {
            char *items = check_list(h, handle, kind);
            if (items != NULL) judge(h, kinds[kind], items, methods[kind]);
            free(items);
        }
        check_close_set(h, handle);
    }
    check_host_free(h);
}

static void stable(check *c) {
    check_host *h = check_up(c);
    jf_ref first, second;
    if (h == NULL) return;
    if (check_open_set(h, "check", &first)) {
        for (uint32_t kind = JF_TOOLS; kind <= JF_PROMPTS && !check_failed(c); kind++) {
            char *one = check_list(h, first, kind);
            jf_mock_settle(h->mock);
            for (int i = 0; i < 3; i++) {
                uint32_t mark = jf_mock_mark(h->mock);
                char *two = check_list(h, first, kind);
                bool is_same = (one == NULL) == (two == NULL) && (one == NULL || strcmp(one, two) == 0);
                bool is_told = jf_mock_count(h->mock, mark, JF_MOCK_SET_CHANGED, 0, 0) > 0;
                if (!is_same && !is_told)
                    check_fail(c, "Answer the same bytes until jf.toolsets/1 `changed` was called.",
                               "two lists of kind %u in a row differ, and it told no change", kind);
                free(two);
            }
            free(one);
        }
        if (check_open_set(h, "another", &second)) {
            char *one = check_list(h, first, JF_TOOLS), *two = check_list(h, second, JF_TOOLS);
            if ((one == NULL) != (two == NULL) || (one != NULL && strcmp(one, two) != 0))
                check_warn(c, "A set's tools follow from its configuration.",
                           "two sets with the same configuration list different tools");
            free(one);
            free(two);
            check_close_set(h, second);
        }
        check_close_set(h, first);
    }
    check_host_free(h);
}

/* ---- Calls ---- */

typedef struct calling {
    jf_ref handle;
    uint64_t variants;
} calling;

static bool call_all(check_host *h, const char *name, void *user) {
    calling *it = user;
    const check_setup *setup = h->c->setup;
    char what[300], subject[340];
    for (uint64_t n = 0; n < it->variants && !check_failed(h->c); n++) {
        snprintf(what, sizeof what, "arguments %s", name);
        char *arguments = setup->make != NULL ? setup->make(setup->user, what, n) : strdup("{}");
        if (arguments == NULL) break;
        check_op *op = check_request(h, it->handle, JF_MOCK_CALL, name, arguments);
        if (!check_wait(h, op, 4000)) {
            check_fail(h->c, "Finish every operation that a slot left pending.",
                       "tool %s with %.120s was not finished after 4 s", name, arguments);
        } else if (op->status == JF_OK) {
            snprintf(what, sizeof what, "call %s", name);
            snprintf(subject, sizeof subject, "the result of tool %s", name);
            if (op->result == NULL)
                check_fail(h->c, "Answer a CallToolResult object.", "tool %s answered JF_OK without a result",
                           name);
            else
                judge(h, what, op->result, subject);
        } else if (op->status == JF_E_INVALID && n < 2) {
            check_fail(h->c, "Let inputSchema say what is accepted.",
                       "tool %s refuses arguments that its inputSchema allows, %.120s: %s", name, arguments,
                       check_text(&op->why));
        }
        free(arguments);
    }
    return !check_failed(h->c);
}

static void calls(check *c) {
    calling it = {0, 12};
    char *tools = NULL;
    check_host *h = up(c, &it.handle, &tools);
    if (h == NULL) return;
    check_each_tool(h, tools, call_all, &it);
    down(h, it.handle, tools);
}

static bool has_error(check_host *h, const check_op *op) {
    if (op->status != JF_OK) return true;
    char *flag = op->result != NULL ? jf_mock_json_get(h->mock, op->result, "/isError") : NULL;
    bool is = flag != NULL && strcmp(flag, "true") == 0;
    free(flag);
    return is;
}

static void unknown_tool(check *c) {
    static const char *const names[] = {"", "no_such_tool_here", "../../etc/passwd", "\xc3\xa9\xc3\xa9",
                                        NULL};
    jf_ref handle;
    char *tools = NULL;
    check_host *h = up(c, &handle, &tools);
    if (h == NULL) return;
    for (const char *const *name = names; *name != NULL && !check_failed(c); name++) {
        check_op *op = check_request(h, handle, JF_MOCK_CALL, *name, "{}");
        if (!check_wait(h, op, 4000))
            check_fail(c, "Refuse unknown tools at once.",
                       "a call of the unknown tool \"%s\" was not finished", *name);
        else if (!has_error(h, op))
            check_fail(c, "Answer JF_E_INVALID with public text.",
                       "a call of the unknown tool \"%s\" succeeded", *name);
    }
    down(h, handle, tools);
}

static bool call_wrongly(check_host *h, const char *name, void *user) {
    jf_ref handle = *(jf_ref *)user;
    const check_setup *setup = h->c->setup;
    char what[300];
    snprintf(what, sizeof what, "wrong %s", name);
    for (uint64_t n = 0; n < 64 && setup->make != NULL && !check_failed(h->c); n++) {
        char *arguments = setup->make(setup->user, what, n);
        if (arguments == NULL) break;
        check_op *op = check_request(h, handle, JF_MOCK_CALL, name, arguments);
        if (!check_wait(h, op, 4000))
            check_fail(h->c, "Refuse wrong arguments at once.",
                       "tool %s with %.120s was not finished after 4 s", name, arguments);
        else if (!has_error(h, op))
            check_fail(h->c,
                       "Check arguments: answer JF_E_INVALID with public text, or a result with isError.",
                       "tool %s succeeds with %.160s, which its inputSchema forbids", name, arguments);
        free(arguments);
    }
    return !check_failed(h->c);
}

static void wrong_arguments(check *c) {
    jf_ref handle;
    char *tools = NULL;
    check_host *h = up(c, &handle, &tools);
    if (h == NULL) return;
    check_each_tool(h, tools, call_wrongly, &handle);
    down(h, handle, tools);
}

/* ---- Arguments that nobody means ---- */

static size_t put_random(check *c, char *to, size_t size, unsigned depth) {
    static const char *const scalars[] = {"null",
                                          "true",
                                          "false",
                                          "0",
                                          "-1",
                                          "1e308",
                                          "-1e-308",
                                          "1e999",
                                          "\"\"",
                                          "\"x\"",
                                          "\"\\u0000\"",
                                          "\"\\ud800\"",
                                          "9223372036854775808",
                                          "-9223372036854775809",
                                          "18446744073709551616",
                                          "0.1",
                                          "[]",
                                          "{}",
                                          "\"\\\"\\\\\\n\"",
                                          "\"\xf0\x9f\x98\x80\""};
    uint64_t kind = check_below(c, depth > 5 ? 1 : 4);
    size_t at = 0;
    if (kind <= 1 || size < 200)
        return (size_t)snprintf(to, size, "%s", scalars[check_below(c, sizeof scalars / sizeof scalars[0])]);
    uint64_t count = check_below(c, 5);
    to[at++] = kind == 2 ? '[' : '{';
    for (uint64_t i = 0; i < count && at + 240 < size; i++) {
        if (i > 0) to[at++] = ',';
        if (kind == 3)
            at += (size_t)snprintf(to + at, size - at, "\"k%llu\":", (unsigned long long)check_below(c, 9));
        at += put_random(c, to + at, size - at - 2, depth + 1);
    }
    to[at++] = kind == 2 ? ']' : '}';
    to[at] = 0;
    return at;
}

static bool call_randomly(check_host *h, const char *name, void *user) {
    jf_ref handle = *(jf_ref *)user;
    check *c = h->c;
    const check_setup *setup = c->setup;
    char what[300], value[2048];
    snprintf(what, sizeof what, "keys %s", name);
    for (int i = 0; i < 40 && !check_failed(c); i++) {
        /* An object whose keys are the tool's own. */
        char *keys = setup->make != NULL ? setup->make(setup->user, what, check_random(c)) : NULL;
        put_random(c, value, sizeof value, 0);
        char *arguments = NULL;
        if (asprintf(&arguments, "{\"%s\":%s,\"other\":%s}", keys != NULL ? keys : "text", value, value) < 0)
            abort();
        check_op *op = check_request(h, handle, JF_MOCK_CALL, name, arguments);
        if (!check_wait(h, op, 3000)) {
            check_cancel(h, op, JF_E_TIMEOUT);
            if (!check_wait(h, op, 3000))
                check_fail(c, "Finish every operation.", "tool %s with %.120s was not finished", name,
                           arguments);
        } else if (op->status == JF_OK && op->result != NULL) {
            char subject[400];
            snprintf(subject, sizeof subject, "the result of tool %s for %.100s", name, arguments);
            judge(h, "result", op->result, subject);
        }
        free(arguments);
        free(keys);
    }
    return !check_failed(c);
}

static void random_arguments(check *c) {
    jf_ref handle;
    char *tools = NULL;
    check_host *h = up(c, &handle, &tools);
    if (h == NULL) return;
    check_each_tool(h, tools, call_randomly, &handle);
    down(h, handle, tools);
}

/* ---- Resources and prompts ---- */

static void each_item(check_host *h, jf_ref handle, uint32_t kind, uint32_t slot, const char *key,
                      const char *what) {
    char *items = check_list(h, handle, kind);
    for (uint32_t i = 0; items != NULL && i < 50 && !check_failed(h->c); i++) {
        char pointer[48], make[300];
        snprintf(pointer, sizeof pointer, "/%u/%s", i, key);
        char *name = jf_mock_json_get(h->mock, items, pointer);
        if (name == NULL) break;
        snprintf(make, sizeof make, "prompt-arguments %u", i);
        char *arguments = slot == JF_MOCK_PROMPT && h->c->setup->make != NULL
                              ? h->c->setup->make(h->c->setup->user, make, 0)
                              : NULL;
        check_op *op = check_request(h, handle, slot, name, arguments != NULL ? arguments : "{}");
        if (!check_wait(h, op, 4000))
            check_fail(h->c, "Finish every operation.", "%s %s was not finished after 4 s", what, name);
        else if (op->status != JF_OK && (slot != JF_MOCK_PROMPT || op->status != JF_E_INVALID))
            check_fail(h->c, "List only what can be had.", "%s %s is listed but answers %d: %s", what, name,
                       (int)op->status, check_text(&op->why));
        else if (op->status == JF_OK && op->result == NULL)
            check_fail(h->c, "Answer the result object.", "%s %s answered JF_OK without a result", what,
                       name);
        else if (op->status == JF_OK)
            judge(h, what, op->result, name);
        free(arguments);
        free(name);
    }
    free(items);
}

static void resources(check *c) {
    check_host *h = check_up(c);
    jf_ref handle;
    if (h == NULL) return;
    if (check_open_set(h, "check", &handle)) {
        const jf_toolset_1 *toolset = jf_mock_toolset(h->mock);
        char *items = check_list(h, handle, JF_RESOURCES), *templates = check_list(h, handle, JF_TEMPLATES);
        if (items == NULL && templates == NULL)
            check_skip(c, "it lists no resources");
        else if (toolset->read == NULL)
            check_fail(c, "Fill in `read`, or answer JF_ABSENT for resources.",
                       "it lists resources but has no `read`");
        else
            each_item(h, handle, JF_RESOURCES, JF_MOCK_READ, "uri", "read");
        if (toolset->read != NULL && !check_failed(c)) {
            check_op *op = check_request(h, handle, JF_MOCK_READ, "check:no-such-resource", "{}");
            if (!check_wait(h, op, 4000) || op->status == JF_OK)
                check_fail(c, "Answer JF_ABSENT's error, JF_E_INVALID, for what is not there.",
                           "reading a resource that does not exist %s",
                           op->open ? "was not finished" : "succeeded");
        }
        free(items);
        free(templates);
        check_close_set(h, handle);
    }
    check_host_free(h);
}

static void prompts(check *c) {
    check_host *h = check_up(c);
    jf_ref handle;
    if (h == NULL) return;
    if (check_open_set(h, "check", &handle)) {
        char *items = check_list(h, handle, JF_PROMPTS);
        char why[200];
        if (items == NULL)
            check_skip(c, "it lists no prompts");
        else if (jf_mock_toolset(h->mock)->prompt == NULL)
            check_fail(c, "Fill in `prompt`, or answer JF_ABSENT for prompts.",
                       "it lists prompts but has no `prompt`");
        else {
            if (c->setup->judge != NULL)
                c->setup->judge(c->setup->user, "prompts", items, strlen(items), why, sizeof why);
            each_item(h, handle, JF_PROMPTS, JF_MOCK_PROMPT, "name", "prompt");
        }
        free(items);
        check_close_set(h, handle);
    }
    check_host_free(h);
}

static void sets(check *c) {
    check_host *h = check_up(c);
    jf_ref handles[20];
    uint32_t count = 0;
    if (h == NULL) return;
    for (; count < 20; count++) {
        char name[20];
        snprintf(name, sizeof name, "set-%u", count);
        if (!check_open_set(h, name, &handles[count])) break;
    }
    for (uint32_t i = 0; i < count; i += 2)
        check_close_set(h, handles[i]);
    for (uint32_t i = 1; i < count && !check_failed(c); i += 2) {
        char *tools = check_list(h, handles[i], JF_TOOLS);
        calling it = {handles[i], 1};
        if (tools != NULL && judge(h, "tools", tools, "tools/list")) check_each_tool(h, tools, call_all, &it);
        free(tools);
    }
    for (uint32_t i = 1; i < count; i += 2)
        check_close_set(h, handles[i]);
    check_host_free(h);
}

CHECK_GROUP(toolset, {"toolset.lists", "its lists have the shapes of MCP", JF_TOOLSET_1, lists, false},
            {"toolset.stable", "its lists do not change unless it says so", JF_TOOLSET_1, stable, false},
            {"toolset.sets", "many sets are open at once, and closed in any order", JF_TOOLSET_1, sets,
             false},
            {"toolset.calls", "each tool answers arguments that its schema allows, with a proper result",
             JF_TOOLSET_1, calls, false},
            {"toolset.unknown-tool", "unknown tools are refused", JF_TOOLSET_1, unknown_tool, false},
            {"toolset.wrong-arguments", "arguments that a schema forbids are refused", JF_TOOLSET_1,
             wrong_arguments, false},
            {"toolset.random-arguments", "random arguments do not break it", JF_TOOLSET_1, random_arguments,
             false},
            {"toolset.resources", "each listed resource can be read", JF_TOOLSET_1, resources, false},
            {"toolset.prompts", "each listed prompt can be had", JF_TOOLSET_1, prompts, false}, );
