/* SPDX-License-Identifier: Apache-2.0
 * Mock host: reads a plugin's manifest from its ELF note, and checks what the plugin does against it. */
#include "mock_internal.h"
#include <elf.h>

/* The whole file; *size receives its length. NULL: cannot be read. */
static uint8_t *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    uint8_t *bytes = NULL;
    size_t used = 0, got;
    do {
        uint8_t *more = realloc(bytes, used + 65536);
        if (more == NULL) abort();
        bytes = more;
        got = fread(bytes + used, 1, 65536, file);
        used += got;
    } while (got > 0);
    fclose(file);
    *size = used;
    return bytes;
}

/* The text of the Jackfield note in one note section; NULL: another one's. */
static char *text_of_note(const uint8_t *bytes, uint64_t size) {
    while (size >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr head;
        memcpy(&head, bytes, sizeof head);
        uint64_t name = (head.n_namesz + 3ull) & ~3ull, desc = (head.n_descsz + 3ull) & ~3ull;
        if (sizeof head + name + head.n_descsz > size) return NULL;
        const uint8_t *owner = bytes + sizeof head;
        if (head.n_type == JF_NOTE_TYPE && head.n_namesz == sizeof JF_NOTE_OWNER &&
            memcmp(owner, JF_NOTE_OWNER, sizeof JF_NOTE_OWNER) == 0) {
            char *text = mock_allocate(head.n_descsz + 1ull);
            memcpy(text, owner + name, head.n_descsz);
            return text;
        }
        if (sizeof head + name + desc >= size) return NULL;
        bytes += sizeof head + name + desc;
        size -= sizeof head + name + desc;
    }
    return NULL;
}

char *jf_mock_manifest(const char *path) {
    size_t size = 0;
    uint8_t *bytes = read_file(path, &size);
    char *text = NULL;
    Elf64_Ehdr file;
    if (bytes != NULL && size >= sizeof file && memcmp(bytes, ELFMAG, SELFMAG) == 0) {
        memcpy(&file, bytes, sizeof file);
        for (uint64_t i = 0; i < file.e_shnum && text == NULL; i++) {
            Elf64_Shdr section;
            uint64_t at = file.e_shoff + i * sizeof section;
            if (at > size || size - at < sizeof section) break;
            memcpy(&section, bytes + at, sizeof section);
            if (section.sh_type != SHT_NOTE || section.sh_offset > size ||
                size - section.sh_offset < section.sh_size)
                continue;
            text = text_of_note(bytes + section.sh_offset, section.sh_size);
        }
    }
    free(bytes);
    return text;
}

/* Calls `each` with every string of an array in the manifest. */
static void each_id(jf_mock *mock, const char *member,
                    bool (*each)(jf_mock *mock, const char *id, const char *wanted), const char *wanted,
                    bool *found) {
    for (unsigned i = 0; !*found; i++) {
        char pointer[64];
        snprintf(pointer, sizeof pointer, "/%s/%u", member, i);
        char *id = jf_mock_json_get(mock, mock->manifest, pointer);
        if (id == NULL) return;
        *found = each(mock, id, wanted);
        free(id);
    }
}

static bool equal(jf_mock *mock, const char *id, const char *wanted) {
    (void)mock;
    return strcmp(id, wanted) == 0;
}

static bool offers(jf_mock *mock, const char *id, const char *member) {
    if (mock->plugin.facet(mock->self, id) == NULL)
        mock_problem(mock, "the manifest lists %s in %s, but the plugin has no such table", id, member);
    return false;
}

void mock_manifest_load(jf_mock *mock, const char *path) {
    char *text = jf_mock_manifest(path);
    if (text == NULL) {
        mock_problem(mock, "%s has no manifest: add JF_MANIFEST", path);
        return;
    }
    mock->manifest = mock_keep(mock, jf_mock_view(text));
    free(text);
    static const char *const members[] = {"id", "version", "abi", "facets", "threads"};
    if (!mock_json_valid(jf_mock_view(mock->manifest))) {
        mock_problem(mock, "the manifest is no JSON: %s", mock->manifest);
        mock->manifest = NULL;
        return;
    }
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char pointer[16];
        snprintf(pointer, sizeof pointer, "/%s", members[i]);
        char *value = jf_mock_json_get(mock, mock->manifest, pointer);
        if (value == NULL) mock_problem(mock, "the manifest has no member %s", members[i]);
        free(value);
    }
}

void mock_manifest_service(jf_mock *mock, const char *id) {
    bool found = mock->manifest == NULL;
    each_id(mock, "requires", equal, id, &found);
    each_id(mock, "optional", equal, id, &found);
    if (!found)
        mock_problem(
            mock, "the plugin asks for %s, which its manifest lists neither as required nor as optional", id);
}

void mock_manifest_facets(jf_mock *mock) {
    bool found = mock->manifest == NULL;
    each_id(mock, "facets", offers, "facets", &found);
    each_id(mock, "provides", offers, "provides", &found);
}
