/* SPDX-License-Identifier: Apache-2.0
 * Tests of routing-by-name against the golden cases that the examples in all languages share. */
#include "jf_check.h"
#include "jf_mock.h"

#define MOST 16 /* endpoints of a case */

/** One case under way. */
typedef struct run {
    jf_mock *mock;
    const jf_config_1 *json;
    const jf_routing_1 *routing;
    jf_ref handle;
    jf_ref endpoints[MOST];
    uint64_t count;
    const char *name;
} run;

static char *golden(void) {
    FILE *file = fopen(GOLDEN, "rb");
    char *text = calloc(1, 1 << 20);
    if (text == NULL || file == NULL) return text;
    text[fread(text, 1, (1 << 20) - 1, file)] = 0;
    fclose(file);
    return text;
}

/* A member of a step: false when there is none. */
static bool member(run *it, jf_view step, const char *pointer, jf_view *value) {
    uint32_t kind;
    return it->json->find(it->json->context, step, jf_mock_view(pointer), value, &kind) == JF_OK;
}

static int64_t integer(run *it, jf_view step, const char *pointer, int64_t otherwise) {
    jf_view value;
    int64_t number = otherwise;
    if (member(it, step, pointer, &value)) it->json->integer(it->json->context, value, &number);
    return number;
}

static jf_blob text_of(run *it, jf_view value) {
    jf_blob text = {0};
    it->json->text(it->json->context, value, &text);
    return text;
}

static void drop(jf_blob *blob) {
    if (blob->drop != NULL) blob->drop(blob->owner);
}

static void pick(run *it, jf_view name, int64_t expected, unsigned step) {
    jf_endpoint all[MOST];
    const jf_endpoint *eligible[MOST];
    for (uint64_t i = 0; i < it->count; i++) {
        all[i] = (jf_endpoint){.size = sizeof all[i], .id = it->endpoints[i], .weight = 1};
        eligible[i] = &all[i];
    }
    jf_blob text = text_of(it, name);
    jf_pick call = {.size = sizeof call, .method = jf_mock_view("tools/call"), .name = {text.ptr, text.len}};
    uint32_t chosen = UINT32_MAX;
    int32_t status = it->routing->pick(jf_mock_self(it->mock), it->handle, &call, eligible, it->count,
                                       &chosen, jf_mock_fault(it->mock));
    CHECK(status == JF_OK && chosen == expected, "%s, step %u: got %u, not %d", it->name, step, chosen,
          (int)expected);
    drop(&text);
}

static void export_state(run *it, jf_view expected, unsigned step) {
    jf_blob text = text_of(it, expected), state = {0};
    int32_t status =
        it->routing->export_state(jf_mock_self(it->mock), it->handle, &state, jf_mock_fault(it->mock));
    CHECK(status == JF_OK && state.len == text.len && memcmp(state.ptr, text.ptr, text.len) == 0,
          "%s, step %u: %.*s", it->name, step, (int)state.len, (const char *)state.ptr);
    drop(&text);
    drop(&state);
}

static void import_state(run *it, jf_view given, int64_t expected, unsigned step) {
    jf_blob text = text_of(it, given);
    int32_t status = it->routing->import_state(jf_mock_self(it->mock), it->handle,
                                               (jf_view){text.ptr, text.len}, jf_mock_fault(it->mock));
    CHECK(status == expected, "%s, step %u: answered %d", it->name, step, (int)status);
    drop(&text);
}

static void go_through(run *it, jf_view steps) {
    uint64_t cursor = 0;
    jf_view key, step, value;
    uint32_t kind;
    unsigned number = 0;
    while (it->json->next(it->json->context, steps, &cursor, &key, &step, &kind) == JF_OK) {
        number++;
        if (member(it, step, "/pick", &value)) {
            pick(it, value, integer(it, step, "/expect", -1), number);
        } else if (member(it, step, "/observe", &value)) {
            jf_outcome outcome = {.size = sizeof outcome,
                                  .status = (int32_t)integer(it, step, "/status", 99),
                                  .endpoint = (jf_ref)integer(it, step, "/observe", 0)};
            it->routing->observe(jf_mock_self(it->mock), it->handle, &outcome);
        } else if (member(it, step, "/export", &value)) {
            export_state(it, value, number);
        } else if (member(it, step, "/import", &value)) {
            import_state(it, value, integer(it, step, "/status", JF_OK), number);
        } else {
            CHECK(false, "%s, step %u is of no known kind", it->name, number);
        }
    }
    CHECK(number > 0, "%s has no steps", it->name);
}

static bool run_case(jf_view one) {
    run it = {.mock = jf_mock_new()};
    it.json = jf_mock_json(it.mock);
    char config[64];
    jf_view value, key, endpoint;
    uint64_t cursor = 0;
    uint32_t kind;
    bool up = jf_mock_up(it.mock, jf_check_plugin, NULL);
    it.routing = up ? jf_mock_routing(it.mock) : NULL;
    if (it.routing == NULL || !member(&it, one, "/endpoints", &value)) return false;
    while (it.count < MOST &&
           it.json->next(it.json->context, value, &cursor, &key, &endpoint, &kind) == JF_OK)
        it.endpoints[it.count++] = (jf_ref)integer(&it, endpoint, "", 0);
    jf_blob name = {0};
    if (member(&it, one, "/name", &value)) name = text_of(&it, value);
    char *shown = jf_mock_take(&name);
    it.name = shown;
    snprintf(config, sizeof config, "{\"seed\":%lld}", (long long)integer(&it, one, "/seed", -1));
    bool attached = it.routing->attach(jf_mock_self(it.mock), jf_mock_view("search"), jf_mock_view(config),
                                       &it.handle, jf_mock_fault(it.mock)) == JF_OK &&
                    member(&it, one, "/steps", &value);
    if (attached) {
        go_through(&it, value);
        it.routing->detach(jf_mock_self(it.mock), it.handle);
    }
    CHECK(jf_mock_free(it.mock) == 0, "%s: the plugin broke a rule", shown);
    free(shown);
    return attached;
}

TEST(golden_cases) {
    jf_mock *reader = jf_mock_new();
    const jf_config_1 *json = jf_mock_json(reader);
    char *text = golden();
    jf_view key, one;
    uint64_t cursor = 0;
    uint32_t kind, cases = 0;
    while (json->next(json->context, jf_mock_view(text), &cursor, &key, &one, &kind) == JF_OK) {
        cases++;
        CHECK(run_case(one), "case %u cannot be run", cases);
    }
    CHECK(cases >= 12, "%s holds %u cases", GOLDEN, cases);
    jf_mock_free(reader);
    free(text);
}

TEST(refuses_a_wrong_seed) {
    static const char *const configs[] = {"{\"seed\":-1}", "{\"seed\":4294967296}", "{\"seed\":\"1\"}",
                                          "{\"seed\":0.5}"};
    jf_mock *mock = jf_mock_new();
    REQUIRE(jf_mock_up(mock, jf_check_plugin, NULL), "the plugin does not start");
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        jf_ref handle = 0;
        int32_t status = jf_mock_routing(mock)->attach(
            jf_mock_self(mock), jf_mock_view("one"), jf_mock_view(configs[i]), &handle, jf_mock_fault(mock));
        CHECK(status == JF_E_INVALID, "%s: %d", configs[i], (int)status);
    }
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(stale_handles_find_nothing) {
    jf_mock *mock = jf_mock_new();
    REQUIRE(jf_mock_up(mock, jf_check_plugin, NULL), "the plugin does not start");
    const jf_routing_1 *routing = jf_mock_routing(mock);
    jf_ref handle = 0;
    jf_blob state = {0};
    routing->attach(jf_mock_self(mock), jf_mock_view("one"), jf_mock_view("{}"), &handle,
                    jf_mock_fault(mock));
    routing->detach(jf_mock_self(mock), handle);
    CHECK(routing->export_state(jf_mock_self(mock), handle, &state, jf_mock_fault(mock)) == JF_E_STALE, "%s",
          jf_mock_why(mock));
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
