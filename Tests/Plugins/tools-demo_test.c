/* SPDX-License-Identifier: Apache-2.0
 * tools-demo, and with it the Swift SDK, against the mock host: lists, every tool, errors, answers that come
 * later, resources, the prompt, completion, several instances. */
#define _GNU_SOURCE
#include "jf_check.h"
#include "jf_mock.h"
#include <malloc.h>
#include <pthread.h>

static jf_mock *mock;
static jf_ref set;

static void begin_with(const char *entry) {
    mock = jf_mock_new();
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    set = jf_mock_open_set(mock, "demo", entry);
    CHECK(set != 0, "no set: %s", jf_mock_why(mock));
}

static void begin(void) {
    begin_with("{}");
}

static void end(void) {
    jf_mock_close_set(mock, set);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

/* A value in a JSON text equals `wanted`; NULL: there is none. */
static void expect_json(const char *json, const char *pointer, const char *wanted) {
    char *got = json != NULL ? jf_mock_json_get(mock, json, pointer) : NULL;
    if (wanted == NULL)
        CHECK(got == NULL, "%s is %s, wanted nothing", pointer, got);
    else
        CHECK(got != NULL && strcmp(got, wanted) == 0, "%s is %s, wanted %s", pointer,
              got != NULL ? got : "absent", wanted);
    free(got);
}

static jf_mock_op request(uint32_t slot, const char *name, const char *arguments) {
    jf_ref op = jf_mock_request(mock, set, slot, name, arguments);
    CHECK(jf_mock_wait_op(mock, op, 5000), "%s does not answer", name);
    return jf_mock_op_at(mock, op);
}

/* Calls a tool that succeeds, and checks one value in its result. */
static void expect(const char *tool, const char *arguments, const char *pointer, const char *wanted) {
    jf_mock_op op = request(JF_MOCK_CALL, tool, arguments);
    CHECK(op.status == JF_OK, "%s %s: %d (%s)", tool, arguments, (int)op.status, op.why);
    expect_json(op.result, pointer, wanted);
}

/* Makes a request that is refused as invalid, with a text for the client that contains `part`. */
static void refused(uint32_t slot, const char *name, const char *arguments, const char *part) {
    jf_mock_op op = request(slot, name, arguments);
    CHECK(op.status == JF_E_INVALID && op.fault.code == JF_E_INVALID, "%s %s: %d", name, arguments,
          (int)op.status);
    CHECK((op.fault.flags & JF_FAULT_PUBLIC) != 0 && strstr(op.why, part) != NULL, "%s %s: '%s' lacks '%s'",
          name, arguments, op.why, part);
    CHECK(op.result == NULL, "%s %s: a result with the error", name, arguments);
}

/* ---- Lists ---- */

static const char *const tool_names[] = {"echo", "add", "now", "uuid", "random", "wait", "fail"};
#define TOOLS (sizeof tool_names / sizeof tool_names[0])

TEST(lists_tools_with_titles_schemas_and_annotations) {
    begin();
    int32_t status;
    char *tools = jf_mock_list(mock, set, JF_TOOLS, &status), pointer[80];
    REQUIRE(tools != NULL, "list: %d", (int)status);
    for (size_t i = 0; i < TOOLS; i++) {
        snprintf(pointer, sizeof pointer, "/%zu/name", i);
        expect_json(tools, pointer, tool_names[i]);
        static const char *const fixed[][2] = {{"inputSchema/type", "object"},
                                               {"inputSchema/additionalProperties", "false"},
                                               {"annotations/readOnlyHint", "true"},
                                               {"annotations/destructiveHint", "false"},
                                               {"annotations/openWorldHint", "false"}};
        for (size_t k = 0; k < sizeof fixed / sizeof fixed[0]; k++) {
            snprintf(pointer, sizeof pointer, "/%zu/%s", i, fixed[k][0]);
            expect_json(tools, pointer, fixed[k][1]);
        }
        static const char *const texts[] = {"title", "description"};
        for (size_t k = 0; k < 2; k++) {
            snprintf(pointer, sizeof pointer, "/%zu/%s", i, texts[k]);
            char *text = jf_mock_json_get(mock, tools, pointer);
            CHECK(text != NULL && text[0] != 0, "%s has no %s", tool_names[i], texts[k]);
            free(text);
        }
    }
    expect_json(tools, "/7", NULL);
    expect_json(tools, "/0/inputSchema/required", "[\"text\"]");
    expect_json(tools, "/0/annotations/idempotentHint", "true");
    expect_json(tools, "/1/inputSchema/required", "[\"a\",\"b\"]");
    expect_json(tools, "/1/outputSchema/properties/sum/type", "number");
    expect_json(tools, "/2/inputSchema/required", NULL);
    expect_json(tools, "/2/annotations/idempotentHint", "false");
    expect_json(tools, "/3/inputSchema/properties/version/enum", "[4,7]");
    expect_json(tools, "/5/inputSchema/properties/milliseconds/maximum", "10000");
    free(tools);
    end();
}

TEST(lists_resources_templates_and_prompts) {
    begin();
    int32_t status;
    char *resources = jf_mock_list(mock, set, JF_RESOURCES, &status);
    expect_json(resources, "/0/uri", "demo://welcome");
    expect_json(resources, "/0/mimeType", "text/markdown");
    expect_json(resources, "/1", NULL);
    char *templates = jf_mock_list(mock, set, JF_TEMPLATES, &status);
    expect_json(templates, "/0/uriTemplate", "demo://greeting/{name}");
    expect_json(templates, "/1", NULL);
    char *prompts = jf_mock_list(mock, set, JF_PROMPTS, &status);
    expect_json(prompts, "/0/name", "summarize");
    expect_json(prompts, "/0/arguments/0/name", "text");
    expect_json(prompts, "/0/arguments/0/required", "true");
    expect_json(prompts, "/0/arguments/1/name", "style");
    expect_json(prompts, "/0/arguments/1/required", "false");
    expect_json(prompts, "/1", NULL);
    free(resources);
    free(templates);
    free(prompts);
    CHECK(jf_mock_list(mock, set, 4, &status) == NULL && status == JF_ABSENT, "kind 4: %d", (int)status);
    end();
}

TEST(serves_only_the_configured_tools) {
    begin_with("{\"only\":[\"uuid\",\"echo\"]}");
    int32_t status;
    char *tools = jf_mock_list(mock, set, JF_TOOLS, &status);
    expect_json(tools, "/0/name", "echo");
    expect_json(tools, "/1/name", "uuid");
    expect_json(tools, "/2", NULL);
    free(tools);
    expect("echo", "{\"text\":\"a\"}", "/content/0/text", "a");
    refused(JF_MOCK_CALL, "add", "{\"a\":1,\"b\":2}", "'add'");
    end();
}

/* ---- Tools ---- */

TEST(echoes_any_text) {
    begin();
    expect("echo", "{\"text\":\"Hello\"}", "/content/0/text", "Hello");
    expect("echo", "{\"text\":\"Hello\"}", "/content/0/type", "text");
    expect("echo", "{\"text\":\"Hello\"}", "/resultType", "complete");
    expect("echo", "{\"text\":\"Hello\"}", "/isError", NULL);
    expect("echo", "{\"text\":\"\"}", "/content/0/text", "");
    expect("echo", "{\"text\":\"\xc3\x9c \xf0\x9f\x90\xa6 \\ud83d\\udc26\"}", "/content/0/text",
           "\xc3\x9c \xf0\x9f\x90\xa6 \xf0\x9f\x90\xa6");
    expect("echo", "{\"text\":\"q\\\" b\\\\ n\\n t\\t c\\u0001 \\u007f /\"}", "/content/0/text",
           "q\" b\\ n\n t\t c\x01 \x7f /");
    expect("echo", "{\"x/~\":{\"text\":\"b\"},\"text\":\"a\"}", "/content/0/text", "a");
    static const size_t length = 1u << 20;
    char *arguments = malloc(length + 32), *text = malloc(length + 1);
    memset(text, 'x', length);
    text[length] = 0;
    sprintf(arguments, "{\"text\":\"%s\"}", text);
    expect("echo", arguments, "/content/0/text", text);
    free(arguments);
    free(text);
    end();
}

TEST(adds_and_answers_in_both_forms) {
    begin();
    const char *sum = "/structuredContent/sum";
    expect("add", "{\"a\":2,\"b\":3}", sum, "5");
    expect("add", "{\"a\":2,\"b\":3}", "/content/0/text", "{\"sum\":5}");
    expect("add", "{\"a\":-0.5,\"b\":0.25}", sum, "-0.25");
    expect("add", "{\"a\":1e300,\"b\":1}", sum, "1e+300");
    expect("add", "{\"a\":9007199254740991,\"b\":-1}", sum, "9007199254740990");
    expect("add", "{\"a\":1.5e308,\"b\":1.5e308}", "/isError", "true");
    expect("add", "{\"a\":1.5e308,\"b\":1.5e308}", "/structuredContent", NULL);
    end();
}

TEST(tells_the_time_at_an_offset) {
    begin();
    static const char *const offsets[][2] = {{"Z", "Z"},           {"+02:00", "+02:00"}, {"-0530", "-05:30"},
                                             {"+9", "+09:00"},     {"-00:00", "Z"},      {"+18:00", "+18:00"},
                                             {"-18:00", "-18:00"}, {"+05:45", "+05:45"}};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        char arguments[64], shown[64];
        snprintf(arguments, sizeof arguments, "{\"offset\":\"%s\"}", offsets[i][0]);
        jf_mock_op op = request(JF_MOCK_CALL, "now", arguments);
        char *time = jf_mock_json_get(mock, op.result, "/structuredContent/time");
        char *unix_ms = jf_mock_json_get(mock, op.result, "/structuredContent/unix_ms");
        REQUIRE(time != NULL && unix_ms != NULL, "%s: %s", arguments, op.why);
        expect_json(op.result, "/structuredContent/offset", offsets[i][1]);
        expect_json(op.result, "/content/0/text", time);
        /* What the C library makes of the same instant. */
        long long ms = strtoll(unix_ms, NULL, 10);
        int hours = 0, minutes = 0;
        if (offsets[i][1][0] != 'Z') sscanf(offsets[i][1] + 1, "%d:%d", &hours, &minutes);
        int shift = (hours * 60 + minutes) * 60 * (offsets[i][1][0] == '-' ? -1 : 1);
        time_t local = (time_t)(ms / 1000 + shift);
        struct tm parts;
        gmtime_r(&local, &parts);
        size_t at = strftime(shown, sizeof shown, "%Y-%m-%dT%H:%M:%S", &parts);
        snprintf(shown + at, sizeof shown - at, ".%03d%s", (int)(ms % 1000), offsets[i][1]);
        CHECK(strcmp(time, shown) == 0, "%s, wanted %s", time, shown);
        free(time);
        free(unix_ms);
    }
    static const char *const wrong[] = {"",      "2",      "+",      "+1:00",  "+123",   "+18:01",
                                        "+2:0",  "+02:60", "+02:0x", "+02:",   "++2",    "+\xd9\xa2",
                                        "+0:00", "+0200Z", "UTC",    "+1:2:3", "+02: 00"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char arguments[64];
        snprintf(arguments, sizeof arguments, "{\"offset\":\"%s\"}", wrong[i]);
        refused(JF_MOCK_CALL, "now", arguments, "offset");
    }
    end();
}

static bool is_uuid(const char *text, char version) {
    if (strlen(text) != 36 || text[14] != version || strchr("89ab", text[19]) == NULL) return false;
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL) return false;
    }
    return true;
}

TEST(makes_uuids) {
    begin();
    char last[40] = "";
    static const char *const arguments[] = {"{\"count\":100}", "{\"version\":7,\"count\":100}"};
    for (int kind = 0; kind < 2; kind++) {
        jf_mock_op op = request(JF_MOCK_CALL, "uuid", arguments[kind]);
        for (int i = 0; i < 100; i++) {
            char pointer[64];
            snprintf(pointer, sizeof pointer, "/structuredContent/uuids/%d", i);
            char *uuid = jf_mock_json_get(mock, op.result, pointer);
            CHECK(uuid != NULL && is_uuid(uuid, kind == 0 ? '4' : '7'), "%s", uuid);
            CHECK(uuid != NULL && strcmp(uuid, last) != 0, "the same twice");
            if (kind == 1 && i > 0 && uuid != NULL) /* the leading 48 bits are the time */
                CHECK(strncmp(last, uuid, 13) <= 0, "%s after %s", uuid, last);
            snprintf(last, sizeof last, "%s", uuid != NULL ? uuid : "");
            free(uuid);
        }
        expect_json(op.result, "/structuredContent/uuids/100", NULL);
    }
    expect("uuid", "{\"version\":4}", "/structuredContent/uuids/1", NULL);
    refused(JF_MOCK_CALL, "uuid", "{\"version\":5}", "version");
    refused(JF_MOCK_CALL, "uuid", "{\"count\":0}", "from 1 to 100");
    refused(JF_MOCK_CALL, "uuid", "{\"count\":101}", "from 1 to 100");
    end();
}

TEST(draws_integers) {
    begin();
    jf_mock_op op = request(JF_MOCK_CALL, "random", "{\"min\":-2,\"max\":2,\"count\":1000}");
    unsigned seen[5] = {0};
    for (int i = 0; i < 1000; i++) {
        char pointer[64];
        snprintf(pointer, sizeof pointer, "/structuredContent/values/%d", i);
        char *value = jf_mock_json_get(mock, op.result, pointer);
        int number = value != NULL ? atoi(value) : -100;
        REQUIRE(number >= -2 && number <= 2, "%s", value);
        seen[number + 2]++;
        free(value);
    }
    for (int i = 0; i < 5; i++)
        CHECK(seen[i] > 100, "%d came %u times in 1000", i - 2, seen[i]);
    expect("random", "{\"min\":7,\"max\":7}", "/structuredContent/values", "[7]");
    expect("random", "{\"min\":-9223372036854775808,\"max\":9223372036854775807}",
           "/structuredContent/values/1", NULL);
    refused(JF_MOCK_CALL, "random", "{\"min\":2,\"max\":1}", "min");
    refused(JF_MOCK_CALL, "random", "{\"min\":1.5}", "an integer");
    refused(JF_MOCK_CALL, "random", "{\"max\":9223372036854775808}", "an integer");
    end();
}

TEST(fails_as_a_result) {
    begin();
    expect("fail", "{\"message\":\"No such city.\"}", "/isError", "true");
    expect("fail", "{\"message\":\"No such city.\"}", "/content/0/text", "No such city.");
    expect("fail", "{}", "/content/0/text", "This tool always fails.");
    end();
}

TEST(refuses_wrong_arguments_in_public) {
    begin();
    static const char *const cases[][3] = {{"echo", "{}", "'text' is missing"},
                                           {"echo", "{\"text\":null}", "'text' is missing"},
                                           {"echo", "{\"text\":7}", "'text' must be a string"},
                                           {"echo", "{\"text\":[\"a\"]}", "'text' must be a string"},
                                           {"echo", "{\"text\":\"\\ud800\"}", "'text' must be a string"},
                                           {"echo", "[\"text\"]", "must be an object"},
                                           {"echo", "\"text\"", "must be an object"},
                                           {"add", "{\"a\":1}", "'b' is missing"},
                                           {"add", "{\"a\":\"1\",\"b\":2}", "'a' must be a number"},
                                           {"wait", "{}", "'milliseconds' is missing"},
                                           {"wait", "{\"milliseconds\":-1}", "from 0 to 10000"},
                                           {"wait", "{\"milliseconds\":10001}", "from 0 to 10000"},
                                           {"wait", "{\"milliseconds\":true}", "an integer"},
                                           {"fail", "{\"message\":{}}", "'message' must be a string"},
                                           {"ech", "{\"text\":\"a\"}", "no tool 'ech'"},
                                           {"", "{}", "no tool ''"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refused(JF_MOCK_CALL, cases[i][0], cases[i][1], cases[i][2]);
    end();
}

/* ---- Answers that come later ---- */

TEST(waits_with_progress) {
    begin();
    uint64_t before = jf_mock_now(mock);
    jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, "wait", "{\"milliseconds\":60}");
    CHECK(jf_mock_op_at(mock, op).status == JF_PENDING, "answered at once");
    REQUIRE(jf_mock_wait_op(mock, op, 5000), "no answer");
    uint64_t took = (jf_mock_now(mock) - before) / 1000000;
    jf_mock_op state = jf_mock_op_at(mock, op);
    CHECK(state.status == JF_OK && !state.inline_result, "%d", (int)state.status);
    char *waited = jf_mock_json_get(mock, state.result, "/structuredContent/waited_ms");
    CHECK(waited != NULL && atoi(waited) >= 60 && (uint64_t)atoi(waited) <= took, "%s of %d ms", waited,
          (int)took);
    free(waited);
    CHECK(state.progress == 9, "%u reports", state.progress);
    uint32_t mark = 0;
    for (int step = 1; step <= 9; step++) {
        const jf_mock_event *report = jf_mock_find(mock, mark, JF_MOCK_OP_PROGRESS, op, 0);
        REQUIRE(report != NULL, "report %d is missing", step);
        CHECK(report->done == 6 * step && report->total == 60 && report->text != NULL, "%f of %f",
              report->done, report->total);
        mark = report->index + 1;
    }
    expect("wait", "{\"milliseconds\":0}", "/resultType", "complete");
    end();
}

TEST(waits_long_without_drifting) {
    begin();
    jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, "wait", "{\"milliseconds\":10000}");
    jf_mock_advance(mock, 10000000000u); /* all ten steps are due now */
    REQUIRE(jf_mock_wait_op(mock, op, 2000), "a late step delays the next");
    CHECK(jf_mock_op_at(mock, op).status == JF_OK, "%d", (int)jf_mock_op_at(mock, op).status);
    end();
}

TEST(gives_up_when_the_caller_leaves) {
    begin();
    static const int32_t reasons[] = {JF_E_GONE, JF_E_TIMEOUT};
    for (int i = 0; i < 2; i++) {
        jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, "wait", "{\"milliseconds\":10000}");
        jf_ref other = jf_mock_request(mock, set, JF_MOCK_CALL, "wait", "{\"milliseconds\":20}");
        jf_mock_cancel_op(mock, op, reasons[i]);
        CHECK(jf_mock_op_at(mock, op).status == JF_PENDING,
              "ended inside cancel, which may come on any thread");
        REQUIRE(jf_mock_wait_op(mock, op, 2000), "goes on");
        CHECK(jf_mock_op_at(mock, op).status == reasons[i], "%d", (int)jf_mock_op_at(mock, op).status);
        CHECK(jf_mock_op_at(mock, op).result == NULL, "a result that nobody waits for");
        CHECK(jf_mock_wait_op(mock, other, 2000) && jf_mock_op_at(mock, other).status == JF_OK,
              "the other call is affected");
        jf_mock_cancel_op(mock, op, reasons[i]); /* over: nothing happens */
        jf_mock_settle(mock);
    }
    end();
}

static void *cancel_elsewhere(void *user) {
    jf_mock_cancel_op(mock, *(jf_ref *)user, JF_E_GONE);
    jf_mock_wake(mock);
    return NULL;
}

TEST(cancel_may_come_from_another_thread) {
    begin();
    for (int round = 0; round < 50; round++) {
        jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, "wait",
                                    round % 2 == 0 ? "{\"milliseconds\":10000}" : "{\"milliseconds\":0}");
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, cancel_elsewhere, &op) == 0, "no thread");
        CHECK(jf_mock_wait_op(mock, op, 5000), "goes on");
        pthread_join(thread, NULL);
        int32_t status = jf_mock_op_at(mock, op).status;
        CHECK(status == JF_E_GONE || (round % 2 == 1 && status == JF_OK), "%d", (int)status);
        jf_mock_settle(mock);
    }
    end();
}

TEST(stop_ends_what_still_waits) {
    begin();
    jf_ref ops[20];
    for (int i = 0; i < 20; i++)
        ops[i] = jf_mock_request(mock, set, JF_MOCK_CALL, "wait", "{\"milliseconds\":10000}");
    jf_mock_cancel_op(mock, ops[3], JF_E_GONE); /* on its way to the lane when the instance stops */
    jf_mock_stop(mock);
    for (int i = 0; i < 20; i++) {
        jf_mock_op op = jf_mock_op_at(mock, ops[i]);
        CHECK(op.status == JF_E_GONE && op.strikes == 0, "%d: %d", i, (int)op.status);
        CHECK(strstr(op.why, "stopped") != NULL, "%s", op.why);
    }
    CHECK(jf_mock_destroy(mock) == 0, "the plugin broke a rule");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

/* ---- Resources, prompt, completion ---- */

TEST(reads_resources) {
    begin();
    jf_mock_op op = request(JF_MOCK_READ, "demo://welcome", NULL);
    CHECK(op.status == JF_OK, "%d", (int)op.status);
    expect_json(op.result, "/contents/0/uri", "demo://welcome");
    expect_json(op.result, "/contents/0/mimeType", "text/markdown");
    expect_json(op.result, "/resultType", "complete");
    expect_json(op.result, "/cacheScope", "public");
    expect_json(op.result, "/ttlMs", "3600000");
    /* The size in the list is that of the text. */
    int32_t status;
    char *list = jf_mock_list(mock, set, JF_RESOURCES, &status), length[24];
    char *text = jf_mock_json_get(mock, op.result, "/contents/0/text");
    REQUIRE(list != NULL && text != NULL, "no text");
    snprintf(length, sizeof length, "%zu", strlen(text));
    expect_json(list, "/0/size", length);
    free(list);
    free(text);
    static const char *const greetings[][2] = {{"demo://greeting/Ada", "Hello, Ada!\n"},
                                               {"demo://greeting/Ada%20Lovelace", "Hello, Ada Lovelace!\n"},
                                               {"demo://greeting/%C3%9c%2f", "Hello, \xc3\x9c/!\n"}};
    for (size_t i = 0; i < 3; i++) {
        op = request(JF_MOCK_READ, greetings[i][0], NULL);
        expect_json(op.result, "/contents/0/text", greetings[i][1]);
        expect_json(op.result, "/contents/0/uri", greetings[i][0]);
    }
    static const char *const unknown[] = {
        "demo://", "demo://welcome/", "demo://greeting/", "demo://greeting/a/b", "file:///etc/passwd", ""};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        op = request(JF_MOCK_READ, unknown[i], NULL);
        CHECK(op.status == JF_ABSENT && op.result == NULL && op.why[0] != 0, "%s: %d", unknown[i],
              (int)op.status);
    }
    static const char *const broken[] = {"demo://greeting/%", "demo://greeting/%4", "demo://greeting/%zz",
                                         "demo://greeting/%ff"};
    for (size_t i = 0; i < 4; i++)
        refused(JF_MOCK_READ, broken[i], NULL, "%");
    end();
}

TEST(gets_the_prompt) {
    begin();
    jf_mock_op op =
        request(JF_MOCK_PROMPT, "summarize", "{\"text\":\"A \\\"text\\\".\",\"style\":\"bullets\"}");
    CHECK(op.status == JF_OK, "%d (%s)", (int)op.status, op.why);
    expect_json(op.result, "/resultType", "complete");
    expect_json(op.result, "/messages/0/role", "user");
    expect_json(op.result, "/messages/0/content/type", "text");
    char *text = jf_mock_json_get(mock, op.result, "/messages/0/content/text");
    CHECK(text != NULL && strstr(text, "bullet points") != NULL && strstr(text, "A \"text\".") != NULL, "%s",
          text);
    free(text);
    op = request(JF_MOCK_PROMPT, "summarize", "{\"text\":\"x\"}");
    expect_json(op.result, "/description", "A brief summary");
    refused(JF_MOCK_PROMPT, "summarize", "{\"style\":\"brief\"}", "'text' is missing");
    refused(JF_MOCK_PROMPT, "summarize", "{\"text\":\"x\",\"style\":\"loud\"}", "one of brief, bullets");
    refused(JF_MOCK_PROMPT, "summarise", "{\"text\":\"x\"}", "'summarise'");
    end();
}

TEST(completes_the_style) {
    begin();
#define ASK(type, shown, argument, value)                                                                    \
    "{\"ref\":{\"type\":\"" type "\",\"name\":\"" shown "\"},\"argument\":{\"name\":\"" argument             \
    "\",\"value\":\"" value "\"}}"
    static const struct {
        const char *name, *params, *values;
    } cases[] = {{"summarize", ASK("ref/prompt", "summarize", "style", ""),
                  "[\"brief\",\"bullets\",\"headline\",\"plain\",\"technical\"]"},
                 {"summarize", ASK("ref/prompt", "demo__summarize", "style", "B"), "[\"brief\",\"bullets\"]"},
                 {"summarize", ASK("ref/prompt", "summarize", "style", "bu"), "[\"bullets\"]"},
                 {"summarize", ASK("ref/prompt", "summarize", "style", "x"), "[]"},
                 {"summarize", ASK("ref/prompt", "summarize", "text", ""), "[]"},
                 {"other", ASK("ref/prompt", "other", "style", ""), "[]"},
                 {"summarize", ASK("ref/resource", "", "style", ""), "[]"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jf_mock_op op = request(JF_MOCK_COMPLETE, cases[i].name, cases[i].params);
        CHECK(op.status == JF_OK, "%s: %d (%s)", cases[i].params, (int)op.status, op.why);
        expect_json(op.result, "/completion/values", cases[i].values);
        expect_json(op.result, "/completion/hasMore", "false");
        expect_json(op.result, "/resultType", "complete");
    }
    jf_mock_op op = request(JF_MOCK_COMPLETE, "summarize", cases[1].params);
    expect_json(op.result, "/completion/total", "2");
    refused(JF_MOCK_COMPLETE, "summarize", "{}", "'ref'");
    refused(JF_MOCK_COMPLETE, "summarize", "{\"ref\":{\"type\":\"ref/prompt\"}}", "'argument'");
    end();
}

/* ---- Instances and sets ---- */

TEST(two_instances_and_two_sets_stand_apart) {
    jf_mock *mocks[2];
    jf_ref sets[2][2], ops[2];
    for (int i = 0; i < 2; i++) {
        mock = mocks[i] = jf_mock_new();
        jf_mock_set_loop(mock, (uint32_t)i, 2);
        REQUIRE(jf_mock_up(mock, jf_check_plugin, "{}"), "does not start");
        sets[i][0] = jf_mock_open_set(mock, "all", "{}");
        sets[i][1] = jf_mock_open_set(mock, "one", "{\"only\":[\"echo\"]}");
        CHECK(jf_mock_logged(mock, JF_LOG_DEBUG, "server=one tools=1"), "the log has no record of it");
    }
    for (int i = 0; i < 2; i++) {
        mock = mocks[i];
        set = sets[i][1];
        expect("echo", "{\"text\":\"a\"}", "/content/0/text", "a");
        refused(JF_MOCK_CALL, "wait", "{\"milliseconds\":0}", "'wait'");
        ops[i] = jf_mock_request(mock, sets[i][0], JF_MOCK_CALL, "wait", "{\"milliseconds\":30}");
    }
    CHECK(jf_mock_free(mocks[0]) == 0, "the first instance broke a rule");
    mock = mocks[1];
    CHECK(jf_mock_wait_op(mock, ops[1], 5000) && jf_mock_op_at(mock, ops[1]).status == JF_OK,
          "the end of one instance disturbs the other");
    jf_mock_close_set(mock, sets[1][0]);
    set = sets[1][1];
    expect("echo", "{\"text\":\"b\"}", "/content/0/text", "b");
    CHECK(jf_mock_free(mocks[1]) == 0, "the second instance broke a rule");
}

TEST(answers_a_closed_set_as_stale) {
    begin();
    const jf_toolset_1 *toolset = jf_mock_toolset(mock);
    REQUIRE(toolset != NULL, "no toolset");
    jf_request asked = {.size = sizeof asked,
                        .set = 99,
                        .name = jf_mock_view("echo"),
                        .arguments = jf_mock_view("{\"text\":\"a\"}"),
                        .params = jf_mock_view("{}")};
    jf_blob result = {0};
    int32_t status = toolset->call(jf_mock_self(mock), 12345, &asked, &result, jf_mock_fault(mock));
    CHECK(status == JF_E_STALE && result.ptr == NULL, "%d", (int)status);
    asked.flags = 1u << 16;
    status = toolset->call(jf_mock_self(mock), 12345, &asked, &result, jf_mock_fault(mock));
    CHECK(status == JF_E_UNSUPPORTED, "a flag that may not be ignored: %d", (int)status);
    end();
}

TEST(says_which_service_is_missing) {
    static const char *const ids[] = {JF_CONFIG_1, JF_LOOP_1, JF_OPS_1, JF_CLOCK_1};
    for (int i = 0; i < 4; i++) {
        mock = jf_mock_new();
        jf_mock_hide(mock, ids[i]);
        CHECK(jf_mock_load(mock, jf_check_plugin) == JF_OK, "%s", jf_mock_why(mock));
        CHECK(jf_mock_create(mock, "{}") == JF_E_UNSUPPORTED, "created without %s", ids[i]);
        CHECK(strstr(jf_mock_why(mock), ids[i]) != NULL, "%s", jf_mock_why(mock));
        CHECK(jf_mock_free(mock) == 0, "problems");
    }
    mock = jf_mock_new(); /* and does without those that are optional */
    jf_mock_hide(mock, JF_LOG_1);
    jf_mock_hide(mock, JF_TOOLSETS_1);
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "needs an optional service");
    set = jf_mock_open_set(mock, "demo", "{}");
    expect("echo", "{\"text\":\"a\"}", "/content/0/text", "a");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(refuses_another_abi) {
    mock = jf_mock_new();
    jf_mock_set_abi(mock, 2, 0);
    CHECK(jf_mock_load(mock, jf_check_plugin) != JF_OK, "loaded by ABI 2");
    CHECK(strstr(jf_mock_why(mock), "ABI") != NULL, "%s", jf_mock_why(mock));
    CHECK(jf_mock_free(mock) == 0, "problems");
}

/* Bytes that malloc has given out: what Swift's objects live in. A sanitizer's allocator says 0 and finds
 * leaks by itself. */
static size_t in_use(void) {
    return mallinfo2().uordblks;
}

static void live_once(void) {
    CHECK(jf_mock_create(mock, "{}") == JF_OK && jf_mock_start(mock) == JF_OK, "%s", jf_mock_why(mock));
    set = jf_mock_open_set(mock, "demo", "{}");
    jf_mock_request(mock, set, JF_MOCK_CALL, "wait", "{\"milliseconds\":10000}");
    CHECK(jf_mock_destroy(mock) == 0, "problems");
}

TEST(lives_many_lives_without_growing) {
    size_t first = 0;
    for (int round = 0; round < 25; round++) {
        mock = jf_mock_new();
        REQUIRE(jf_mock_load(mock, jf_check_plugin) == JF_OK, "%s", jf_mock_why(mock));
        for (int i = 0; i < 100; i++)
            live_once();
        CHECK(jf_mock_free(mock) == 0, "problems");
        if (round == 4) first = in_use(); /* what is made once is made by now */
    }
    /* Two thousand lives: a leak of one small object in each is 64 KiB; malloc's caches hold a few. */
    CHECK(in_use() < first + 32768, "grew by %zu bytes", in_use() - first);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
