/* SPDX-License-Identifier: Apache-2.0
 * filter-size: cuts between characters, pages that add up, bounds of what is kept. */
#include "filter/drive.h"

static char *big(const char *unit, int times) {
    static char body[8000];
    strcpy(body, "{\"content\":[{\"type\":\"text\",\"text\":\"");
    for (int i = 0; i < times; i++)
        strcat(body, unit);
    strcat(body, "\"}]}");
    return body;
}

TEST(small_results_stay) {
    filter it = up("{\"max_bytes\":1000}");
    CHECK(result_of(&it, big("x", 900)).decision == JF_PASS, "cut");
    down(&it);
}

TEST(texts_are_cut_between_characters) {
    static const char *const units[] = {
        "x", "\xc3\xa9", "\xf0\x9f\x98\x80", "\\n", "\\u00e9", "\\ud83d\\ude00", "\\\""};
    filter it = up("{\"max_bytes\":1000}");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        outcome got = result_of(&it, big(units[i], 400));
        if (strlen(units[i]) < 3) got = result_of(&it, big(units[i], 1500));
        CHECK(strlen(got.text) <= 1000 && strlen(got.text) > 600, "%zu", strlen(got.text));
        CHECK(strstr(got.text, "[truncated: ") != NULL, "no note: %s", got.text);
        /* whole units only */
        const char *text = strstr(got.text, "\"text\":\"") + 8;
        while (strncmp(text, units[i], strlen(units[i])) == 0)
            text += strlen(units[i]);
        CHECK(*text == '"', "cut within %s", units[i]);
    }
    down(&it);
}

TEST(elements) {
    filter it = up("{\"max_items\":2}");
    outcome got = result_of(&it, "{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\","
                                 "\"text\":\"b\"},{\"type\":\"text\",\"text\":\"c\"}]}");
    CHECK(strstr(got.text, "\"b\"") != NULL && strstr(got.text, "\"c\"") == NULL &&
              strstr(got.text, "truncated") != NULL,
          "%s", got.text);
    down(&it);
}

TEST(what_cannot_be_cut) {
    filter it = up("{\"max_bytes\":600}");
    char body[4000] = "{\"content\":[{\"type\":\"image\",\"data\":\"";
    memset(body + strlen(body), 'A', 900);
    strcat(body, "\"},{\"type\":\"text\",\"text\":\"t\"}],\"structuredContent\":{\"a\":\"");
    memset(body + strlen(body), 'b', 700);
    strcat(body, "\"},\"isError\":false}");
    outcome got = result_of(&it, body);
    CHECK(strstr(got.text, "AAAA") == NULL && strstr(got.text, "bbbb") == NULL &&
              strstr(got.text, "\"isError\":true") != NULL &&
              strstr(got.text, "1 elements were left out") != NULL && strstr(got.text, "\"t\"") != NULL,
          "%s", got.text);
    strcpy(body, "{\"content\":[],\"_meta\":\"");
    memset(body + strlen(body), 'c', 900);
    body[920] = 0;
    strcat(body, "\"}");
    CHECK(result_of(&it, body).status == JF_E_DENIED, "passed");
    down(&it);
}

TEST(resources_say_so_in_their_text) {
    filter it = up("{\"max_bytes\":600}");
    char body[2000] = "{\"contents\":[{\"uri\":\"u\",\"text\":\"";
    memset(body + strlen(body), 'r', 900);
    strcat(body, "\"}]}");
    jf_passage shown = passage(body);
    shown.kind = JF_RESOURCES;
    outcome got = show(&it, &shown, true);
    CHECK(strlen(got.text) <= 600 && strstr(got.text, "r\\n[truncated: ") != NULL, "%s", got.text);
    down(&it);
}

/* The text of the first element, and the token behind it; false: it was the last page. */
static bool page_of(const char *text, char *all, char token[33]) {
    const char *at = strstr(text, "\"text\":\"") + 8, *end = strchr(at, '"'), *more = strstr(text, "_page");
    strncat(all, at, (size_t)(end - at));
    if (more == NULL) return false;
    snprintf(token, 33, "%s", strstr(more, ": \\\"") + 4);
    return true;
}

TEST(pages_add_up) {
    filter it = up("{\"max_bytes\":700,\"action\":\"page\"}");
    char all[4000] = "", token[33] = "", request[100];
    int pages = 1;
    outcome got = result_of(&it, big("abcdefg", 400));
    while (page_of(got.text, all, token)) {
        snprintf(request, sizeof request, "{\"arguments\":{\"_page\":\"%s\"}}", token);
        got = request_of(&it, request);
        CHECK(got.decision == JF_ANSWER && strlen(got.text) <= 700, "page %d: %s", pages, got.text);
        pages++;
    }
    CHECK(strlen(all) == 2800 && pages > 5, "%zu characters on %d pages", strlen(all), pages);
    /* as often as asked for, but by nobody else and not for ever */
    CHECK(strstr(request_of(&it, request).text, "not kept") == NULL, "only once");
    jf_principal other = {.size = sizeof other, .id = 9, .key = view("other")};
    jf_passage shown = passage(request);
    shown.arguments = (jf_view){shown.body.ptr + 13, shown.body.len - 14};
    shown.principal = &other;
    CHECK(strstr(show(&it, &shown, false).text, "not kept") != NULL, "somebody else's page");
    shown.principal = &test_nobody;
    CHECK(strstr(show(&it, &shown, false).text, "not kept") == NULL, "its own page");
    shown.now_ms += 600000;
    CHECK(strstr(show(&it, &shown, false).text, "not kept") != NULL, "kept for ever");
    down(&it);
}

TEST(what_is_kept_is_bounded) {
    filter it = up("{\"max_bytes\":700,\"action\":\"page\",\"keep_bytes\":65536}");
    char first[33] = "", last[33] = "", all[4000] = "", request[100];
    for (int i = 0; i < 60; i++) {
        page_of(result_of(&it, big("abcdefg", 400)).text, all, i == 0 ? first : last);
        all[0] = 0;
    }
    snprintf(request, sizeof request, "{\"arguments\":{\"_page\":\"%s\"}}", first);
    CHECK(strstr(request_of(&it, request).text, "not kept") != NULL, "the oldest is still there");
    snprintf(request, sizeof request, "{\"arguments\":{\"_page\":\"%s\"}}", last);
    CHECK(strstr(request_of(&it, request).text, "not kept") == NULL, "the newest is gone");
    CHECK(strstr(request_of(&it, "{\"arguments\":{\"_page\":7}}").text, "not kept") != NULL, "a number");
    down(&it);
}

/* Shown where links are possible. */
static outcome linked(filter *it, const char *body, const char *definition) {
    jf_passage shown = passage(body);
    shown.flags = JF_PASSAGE_LINKS;
    if (definition != NULL) shown.definition = view(definition);
    return show(it, &shown, true);
}

TEST(large_results_are_kept) {
    filter it = up("{\"max_bytes\":1000,\"action\":\"spill\",\"preview_bytes\":100,\"keep_minutes\":3,"
                   "\"keep_bytes\":70000}");
    CHECK(linked(&it, big("x", 900), NULL).decision == JF_PASS, "kept a small one");
    outcome got = linked(&it, big("\xc3\xa9", 1000), NULL);
    CHECK(got.decision == JF_SPILL && got.spill.ttl_ms == 180000 && got.spill.most == 70000, "%u %llu",
          got.decision, (unsigned long long)got.spill.ttl_ms);
    CHECK(strlen(got.preview) < 300 && strstr(got.preview, "[a part of 2") != NULL &&
              strstr(got.preview, "\xc3\xa9\"") != NULL,
          "%s", got.preview);
    /* where it cannot be kept after all: as much as fits */
    CHECK(strlen(got.text) <= 1000 && strlen(got.text) > 600 && strstr(got.text, "[truncated: ") != NULL,
          "%s", got.text);
    /* a client without links, and what no link can stand for */
    got = result_of(&it, big("x", 1500));
    CHECK(got.decision == JF_SPLICE && strstr(got.text, "[truncated: ") != NULL, "%s", got.text);
    char body[2000] = "{\"contents\":[{\"uri\":\"u\",\"text\":\"";
    memset(body + strlen(body), 'r', 1200);
    strcat(body, "\"}]}");
    jf_passage shown = passage(body);
    shown.kind = JF_RESOURCES;
    shown.flags = JF_PASSAGE_LINKS;
    CHECK(show(&it, &shown, true).decision == JF_SPLICE, "kept a resource");
    down(&it);
}

TEST(structure_goes_with_it) {
    filter it = up("{\"max_bytes\":600,\"action\":\"spill\",\"preview_bytes\":64}");
    char body[2000] =
        "{\"content\":[{\"type\":\"text\",\"text\":\"all of it\"}],\"structuredContent\":{\"a\":\"";
    memset(body + strlen(body), 'b', 900);
    strcat(body, "\"}}");
    outcome got = linked(&it, body, "{\"name\":\"t\"}");
    CHECK(got.decision == JF_SPILL && strstr(got.preview, "bbb") == NULL &&
              strstr(got.preview, "all of it") != NULL && strstr(got.preview, "isError") == NULL,
          "%s", got.preview);
    got = linked(&it, body, "{\"name\":\"t\",\"outputSchema\":{\"type\":\"object\"}}");
    CHECK(strstr(got.preview, "\"isError\":true") != NULL, "%s", got.preview);
    /* nothing but structure */
    char *alone = strstr(body, "\"structuredContent\"");
    *--alone = '{';
    got = linked(&it, alone, NULL);
    CHECK(got.decision == JF_SPILL && strstr(got.preview, "\"content\":[{") != NULL, "%s", got.preview);
    down(&it);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
