/* SPDX-License-Identifier: Apache-2.0
 * libFuzzer target for declarations of tools-native: whatever a file says, it is refused with a place or read
 * into something coherent. */
#include "declare.h"
#include "denied.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition, ...)                                                                                 \
    do {                                                                                                     \
        if (condition) break;                                                                                \
        fprintf(stderr, __VA_ARGS__);                                                                        \
        fputc('\n', stderr);                                                                                 \
        abort();                                                                                             \
    } while (0)

static uint32_t lines_of(const uint8_t *data, size_t size) {
    uint32_t lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    return lines;
}

static void check_param(const tool_decl *tool, const param_decl *it) {
    MUST(it->name != NULL || (!it->in && !it->out), "a parameter without a name");
    if (it->role == P_LENGTH) MUST(it->target < tool->count, "a length of nothing");
    if (it->capacity_of != NONE)
        MUST(it->capacity_of < tool->count && tool->params[it->capacity_of].role == P_SCALAR, "no capacity");
    if (it->role == P_OUT_BYTES || it->role == P_OUT_TEXT)
        MUST(it->capacity != 0 || it->capacity_of != NONE, "no room for a result");
    if (it->role == P_OUT_BYTES && it->length == LENGTH_PARAM) MUST(it->length_of < tool->count, "no length");
    if (it->role == P_ENUM) MUST(it->enumeration != NULL && it->enumeration->count > 0, "no enum");
    if (it->role >= P_RECORD && it->role <= P_RECORD_INOUT)
        MUST(it->record != NULL && it->record->size > 0 && it->record->size <= MOST_RECORD, "no struct");
    if (it->role == P_HANDLE || it->role == P_OUT_HANDLE) MUST(it->handle != NULL, "no handle");
    if (it->role == P_CALLBACK) MUST(it->callback != NULL && it->callback->count > 0, "no callback");
}

static void check(const declaration *it) {
    MUST(it->tool_count > 0 && it->library != NULL, "nothing in it");
    for (uint32_t i = 0; i < it->tool_count; i++) {
        const tool_decl *tool = &it->tools[i];
        MUST(tool->symbol != NULL && !symbol_denied(tool->symbol) && tool->summary != NULL, "no symbol");
        MUST(tool->count <= MOST_PARAMS && (tool->fixed == NONE || tool->fixed <= tool->count), "too many");
        for (uint32_t j = 0; j < tool->count; j++)
            check_param(tool, &tool->params[j]);
    }
}

static void read_declaration(const uint8_t *data, size_t size) {
    static problems list, again;
    declaration it, second;
    memset(&list, 0, sizeof list);
    memset(&again, 0, sizeof again);
    list.file = again.file = "f.toml";
    bool good = declaration_read(&it, (const char *)data, size, &list);
    MUST(good == (list.count == 0), "%u problems", list.count);
    for (uint32_t i = 0; i < list.count && i < PROBLEMS_KEPT; i++) {
        unsigned line = 0, column = 0;
        MUST(strncmp(list.text[i], "f.toml:", 7) == 0, "%s", list.text[i]);
        if (sscanf(list.text[i], "f.toml:%u:%u:", &line, &column) == 2)
            MUST(line <= lines_of(data, size) && column > 0, "no such place: %s", list.text[i]);
    }
    if (good) check(&it);
    MUST(declaration_read(&second, (const char *)data, size, &again) == good, "read differently again");
    MUST(memcmp(list.text, again.text, sizeof list.text) == 0, "other problems: %s", again.text[0]);
    if (good) {
        declaration_free(&it);
        declaration_free(&second);
    }
}

/** Arguments: what is read as a string is written and read again. */
static void read_json(const uint8_t *data, size_t size) {
    json_value root, key, value;
    if (!json_parse(data, size, &root)) return;
    if (root.kind == JSON_OBJECT) {
        json_members walk = json_walk(&root);
        int more;
        while ((more = json_next(&walk, &key, &value)) == 1)
            (void)json_is(&key, "data");
        MUST(more == 0, "parsed, but cannot be walked");
    }
    if (root.kind != JSON_STRING) return;
    char *plain = malloc(root.len + 1);
    uint8_t *bytes = malloc(root.len + 8), *others = malloc(root.len + 8);
    size_t length = json_decode(&root, plain), count = root.escaped ? SIZE_MAX : base64_decode(&root, bytes);
    text out = {0};
    if (length != SIZE_MAX) {
        text_quoted(&out, plain, length);
        MUST(json_parse(out.bytes, out.length, &value) && value.kind == JSON_STRING, "unreadable");
        MUST(value.len <= 6 * length + 3 * length, "grew");
    }
    if (count != SIZE_MAX) {
        out.length = 0;
        text_base64(&out, bytes, count);
        MUST(json_parse(out.bytes, out.length, &value), "unreadable base64");
        MUST(base64_decode(&value, others) == count && memcmp(bytes, others, count) == 0, "other bytes");
    }
    text_free(&out);
    free(plain), free(bytes), free(others);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* From memory that ends with the input. */
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    MUST(exact != NULL, "no memory");
    if (size > 0) memcpy(exact, data, size);
    if (size > 0 && data[0] == 'J')
        read_json(exact + 1, size - 1);
    else
        read_declaration(exact, size);
    free(exact);
    return 0;
}
