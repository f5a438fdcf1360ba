/* SPDX-License-Identifier: Apache-2.0
 * The golden cases of the strategy `by-name` with its plugins in all languages, in this process and in a
 * cell: every answer must be the expected one, and what is written down of a run must be the same each time.
 * Usage: GOLDEN=routing-by-name.json PROGRAM PLUGIN.so... */
#include "fixture.h"

#define MOST 16 /* endpoints of a case */

/** One plugin in one placement, and what it answered so far. */
typedef struct stage {
    const char *library;
    fixture it;
    bool is_isolated;
    FILE *record;
    unsigned steps, wrong;
    /* the case under way */
    const jf_config_1 *json;
    const jf_routing_1 *routing;
    jf_ref handle;
    jf_ref endpoints[MOST];
    uint64_t count;
} stage;

static bool member(stage *it, jf_view object, const char *pointer, jf_view *value) {
    uint32_t kind;
    return it->json->find(it->json->context, object, jf_mock_view(pointer), value, &kind) == JF_OK;
}

static int64_t integer(stage *it, jf_view object, const char *pointer, int64_t otherwise) {
    jf_view value;
    int64_t number = otherwise;
    if (member(it, object, pointer, &value)) it->json->integer(it->json->context, value, &number);
    return number;
}

static jf_blob text_of(stage *it, jf_view value) {
    jf_blob text = {0};
    it->json->text(it->json->context, value, &text);
    return text;
}

static void drop(jf_blob *blob) {
    if (blob->drop != NULL) blob->drop(blob->owner);
}

/* Notes an answer, and whether it is the expected one. */
static void note(stage *it, bool good, const char *what, long long number, jf_view bytes) {
    fprintf(it->record, "%u %s %lld %.*s\n", it->steps, what, number, (int)bytes.len,
            (const char *)bytes.ptr);
    if (good) return;
    it->wrong++;
    printf("  %s, %s, step %u: %s answered %lld %.*s\n", it->library, it->is_isolated ? "cell" : "inproc",
           it->steps, what, number, (int)bytes.len, (const char *)bytes.ptr);
}

static void pick(stage *it, jf_view name, int64_t expected) {
    jf_endpoint all[MOST];
    const jf_endpoint *eligible[MOST];
    for (uint64_t i = 0; i < it->count; i++) {
        all[i] = (jf_endpoint){.size = sizeof all[i], .id = it->endpoints[i], .weight = 1};
        eligible[i] = &all[i];
    }
    jf_blob text = text_of(it, name);
    jf_pick call = {.size = sizeof call, .method = jf_mock_view("tools/call"), .name = {text.ptr, text.len}};
    uint32_t chosen = UINT32_MAX;
    int32_t status = it->routing->pick(jf_mock_self(it->it.mock), it->handle, &call, eligible, it->count,
                                       &chosen, jf_mock_fault(it->it.mock));
    note(it, status == JF_OK && chosen == expected, "pick", status == JF_OK ? (long long)chosen : status,
         call.name);
    drop(&text);
}

static void state(stage *it, jf_view expected) {
    jf_blob text = text_of(it, expected), bytes = {0};
    int32_t status =
        it->routing->export_state(jf_mock_self(it->it.mock), it->handle, &bytes, jf_mock_fault(it->it.mock));
    bool same = bytes.len == text.len && (text.len == 0 || memcmp(bytes.ptr, text.ptr, text.len) == 0);
    note(it, status == JF_OK && same, "export", status, (jf_view){bytes.ptr, bytes.len});
    drop(&text);
    drop(&bytes);
}

static void step(stage *it, jf_view one) {
    jf_view value;
    it->steps++;
    if (member(it, one, "/pick", &value)) {
        pick(it, value, integer(it, one, "/expect", -1));
    } else if (member(it, one, "/observe", &value)) {
        jf_outcome outcome = {.size = sizeof outcome,
                              .status = (int32_t)integer(it, one, "/status", 99),
                              .endpoint = (jf_ref)integer(it, one, "/observe", 0)};
        it->routing->observe(jf_mock_self(it->it.mock), it->handle, &outcome);
    } else if (member(it, one, "/export", &value)) {
        state(it, value);
    } else if (member(it, one, "/import", &value)) {
        jf_blob text = text_of(it, value);
        int32_t status = it->routing->import_state(jf_mock_self(it->it.mock), it->handle,
                                                   (jf_view){text.ptr, text.len}, jf_mock_fault(it->it.mock));
        note(it, status == integer(it, one, "/status", JF_OK), "import", status, (jf_view){NULL, 0});
        drop(&text);
    } else {
        note(it, false, "step of no known kind", 0, one);
    }
}

/* The plugin's runtime, where it is not beside the plugin's staged copy. */
static const char *const *environment(void) {
    static char path[PATH_MAX];
    static const char *all[] = {path, "PATH=/usr/bin:/bin", NULL};
    const char *runtime = getenv("LD_LIBRARY_PATH");
    snprintf(path, sizeof path, "LD_LIBRARY_PATH=%s", runtime != NULL ? runtime : "");
    return all;
}

static bool up(stage *it) {
    static const char *readable[2];
    if (!it->is_isolated) {
        it->it.mock = jf_mock_new();
        return jf_mock_up(it->it.mock, it->library, NULL);
    }
    readable[0] = getenv("LD_LIBRARY_PATH");
    fixture_describe(&it->it, it->library, "jf.routing/1");
    it->it.spawn.readable = readable;
    it->it.spawn.environment = environment();
    it->it.spawn.limits.pick_us = 20000000; /* the answer counts here, not how soon it comes */
    return fixture_up(&it->it, "{}");
}

static void run_case(stage *it, jf_view one) {
    jf_view value, key, entry;
    uint64_t cursor = 0;
    uint32_t kind;
    char config[64];
    it->count = 0;
    bool is_up = up(it);
    it->json = jf_mock_json(it->it.mock);
    it->routing = is_up ? jf_mock_routing(it->it.mock) : NULL;
    snprintf(config, sizeof config, "{\"seed\":%lld}", (long long)integer(it, one, "/seed", -1));
    if (member(it, one, "/endpoints", &value))
        while (it->count < MOST &&
               it->json->next(it->json->context, value, &cursor, &key, &entry, &kind) == JF_OK)
            it->endpoints[it->count++] = (jf_ref)integer(it, entry, "", 0);
    cursor = 0;
    if (it->routing != NULL && member(it, one, "/steps", &value) &&
        it->routing->attach(jf_mock_self(it->it.mock), jf_mock_view("search"), jf_mock_view(config),
                            &it->handle, jf_mock_fault(it->it.mock)) == JF_OK) {
        while (it->json->next(it->json->context, value, &cursor, &key, &entry, &kind) == JF_OK)
            step(it, entry);
        it->routing->detach(jf_mock_self(it->it.mock), it->handle);
    } else {
        note(it, false, "start", 0, jf_mock_view(jf_mock_why(it->it.mock)));
    }
    if (is_up && it->is_isolated && fixture_state(&it->it).late_picks != 0)
        note(it, false, "a pick that did not wait", 0, (jf_view){NULL, 0});
    uint32_t problems = it->is_isolated ? fixture_down(&it->it) : jf_mock_free(it->it.mock);
    if (problems != 0) note(it, false, "broken rules", problems, (jf_view){NULL, 0});
}

/* All cases; what was answered, to be freed. */
static char *run_all(stage *it, const char *text) {
    char *record = NULL;
    size_t size;
    jf_mock *reader = jf_mock_new();
    const jf_config_1 *json = jf_mock_json(reader);
    jf_view key, one;
    uint64_t cursor = 0;
    uint32_t kind;
    it->record = open_memstream(&record, &size);
    while (json->next(json->context, jf_mock_view(text), &cursor, &key, &one, &kind) == JF_OK)
        run_case(it, one);
    fclose(it->record);
    jf_mock_free(reader);
    return record;
}

static char *golden(void) {
    const char *path = getenv("GOLDEN");
    FILE *file = fopen(path != NULL ? path : "plugin-sdk/examples/routing-by-name.json", "rb");
    char *text = calloc(1, 1 << 20);
    if (file == NULL || text == NULL) {
        printf("the golden cases cannot be read; say GOLDEN=FILE\n");
        exit(1);
    }
    text[fread(text, 1, (1 << 20) - 1, file)] = 0;
    fclose(file);
    return text;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--run") == 0) return jf_cell_run(atoi(argv[2]));
    ssize_t length = readlink("/proc/self/exe", fixture_self, sizeof fixture_self - 1);
    const char *other = getenv("JF_CELL");
    unsigned passed = 0, failed = 0;
    char *text = golden(), *first = NULL;
    if (length < 0) return 1;
    if (other != NULL) snprintf(fixture_self, sizeof fixture_self, "%s", other);
    for (int i = 1; i < argc; i++) {
        for (int isolated = 0; isolated < 2; isolated++) {
            stage it = {.library = argv[i], .is_isolated = isolated != 0};
            char *record = run_all(&it, text);
            bool same = first == NULL || strcmp(first, record) == 0;
            if (!same) printf("  %s: its answers differ from those of %s\n", argv[i], argv[1]);
            bool good = it.wrong == 0 && same && it.steps >= 100;
            printf("%s %-7s %u steps %s\n", good ? "ok  " : "FAIL", isolated ? "cell" : "inproc", it.steps,
                   argv[i]);
            if (good)
                passed++;
            else
                failed++;
            if (first == NULL)
                first = record;
            else
                free(record);
        }
    }
    free(first);
    free(text);
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
