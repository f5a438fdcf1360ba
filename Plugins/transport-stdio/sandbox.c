/* SPDX-License-Identifier: Apache-2.0
 * The optional sandbox: bubblewrap (bwrap(1)) in front of the command, with namespaces and binds as declared.
 */
#include "settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** A list of arguments that grows in the arena's memory. */
typedef struct words {
    arena *texts;
    char **list;
    uint64_t count, capacity;
    bool failed;
} words;

static void add(words *self, const char *word) {
    if (self->count + 1 >= self->capacity) {
        uint64_t capacity = self->capacity == 0 ? 32 : self->capacity * 2;
        char **list = arena_allocate(self->texts, capacity * sizeof *list);
        if (list == NULL) {
            self->failed = true;
            return;
        }
        if (self->count > 0) memcpy(list, self->list, self->count * sizeof *list);
        self->list = list;
        self->capacity = capacity;
    }
    self->list[self->count++] = (char *)(uintptr_t)word;
}

static void add_all(words *self, const char *const *list) {
    for (; *list != NULL; list++)
        add(self, *list);
}

/** Adds `option path path` for each path of the list at `pointer`. */
static int32_t add_binds(jf_self *self, const char *name, jf_view config, const char *pointer,
                         const char *option, words *to, jf_fault *why) {
    jf_view list, key, value;
    uint32_t kind;
    uint64_t cursor = 0;
    if (!setting_find(self, config, pointer, &list, &kind)) return JF_OK;
    if (kind != JF_JSON_ARRAY)
        return fault(why, JF_E_INVALID, 0, "server %s: \"%s\" must be a list", name, pointer + 1);
    while (self->config.next(self->config.context, list, &cursor, &key, &value, &kind) == JF_OK) {
        char *path = NULL;
        int32_t status = kind == JF_JSON_STRING ? setting_text(self, to->texts, value, &path) : JF_E_INVALID;
        if (status == JF_E_BUSY) return fault(why, status, 0, "server %s: no memory for its sandbox", name);
        if (status != JF_OK || path[0] != '/')
            return fault(why, JF_E_INVALID, 0, "server %s: \"%s\" needs absolute paths", name, pointer + 1);
        if (access(path, F_OK) != 0)
            return fault(why, JF_E_INVALID, 0, "server %s: its sandbox binds '%.120s', which does not exist",
                         name, path);
        add(to, option);
        add(to, path);
        add(to, path);
    }
    return JF_OK;
}

/** Finds the program in the gateway's own PATH; NULL: it is not there. */
static char *find_program(arena *texts, const char *program) {
    const char *path = getenv("PATH");
    size_t length = strlen(program);
    if (strchr(program, '/') != NULL)
        return access(program, X_OK) == 0 ? arena_text(texts, program, length) : NULL;
    if (path == NULL) path = "/usr/local/bin:/usr/bin:/bin";
    while (*path != 0) {
        size_t part = strcspn(path, ":");
        char *place = part > 0 ? arena_allocate(texts, part + length + 2) : NULL;
        if (place != NULL) {
            memcpy(place, path, part);
            place[part] = '/';
            memcpy(place + part + 1, program, length);
            if (access(place, X_OK) == 0) return place;
        }
        path += part + (path[part] == ':');
    }
    return NULL;
}

/** Namespaces always new: a process of the sandbox sees and signals only its own kind, has no capability
 * outside, and ends with the gateway. */
static const char *const always[] = {"--die-with-parent", "--new-session", "--unshare-user",
                                     "--unshare-pid",     "--unshare-ipc", "--unshare-uts",
                                     "--cap-drop",        "ALL",           NULL};
static const char *const read_only_root[] = {"--ro-bind", "/", "/", NULL};
static const char *const devices[] = {"--dev", "/dev", "--proc", "/proc", NULL};
static const char *const private_tmp[] = {"--tmpfs", "/tmp", "--tmpfs", "/var/tmp", NULL};
static const char *const only_tmp[] = {"--tmpfs", "/tmp", NULL};

int32_t sandbox_read(jf_self *self, const char *name, jf_view config, settings *out, jf_fault *why) {
    words list = {.texts = &out->texts};
    jf_view value;
    uint32_t kind;
    char *wanted = NULL, *program, **candidates;
    bool bare;
    int32_t status;
    if (!setting_find(self, config, "/sandbox", &value, &kind)) return JF_OK;
    if (kind != JF_JSON_OBJECT)
        return fault(why, JF_E_INVALID, 0, "server %s: \"sandbox\" must be an object", name);
    if (setting_find(self, config, "/sandbox/program", &value, &kind) &&
        (kind != JF_JSON_STRING || setting_text(self, &out->texts, value, &wanted) != JF_OK))
        return fault(why, JF_E_INVALID, 0, "server %s: \"sandbox.program\" must be a path", name);
    program = find_program(&out->texts, wanted != NULL ? wanted : "bwrap");
    if (program == NULL)
        return fault(why, JF_E_UNSUPPORTED, JF_FAULT_NOT_STARTED,
                     "server %s: its sandbox needs bubblewrap, and '%.80s' is not %s; install the package "
                     "bubblewrap, or take \"sandbox\" out",
                     name, wanted != NULL ? wanted : "bwrap",
                     wanted != NULL ? "there" : "in the gateway's PATH");

    add(&list, program);
    add_all(&list, always);
    if (!setting_flag(self, config, "/sandbox/network", false)) add(&list, "--unshare-net");
    bare = setting_is(self, config, "/sandbox/root", "none");
    if (!bare) add_all(&list, read_only_root);
    add_all(&list, devices);
    if (setting_flag(self, config, "/sandbox/tmp", true))
        add_all(&list, bare || access("/var/tmp", F_OK) != 0 ? only_tmp : private_tmp);
    status = add_binds(self, name, config, "/sandbox/bind_read_only", "--ro-bind", &list, why);
    if (status == JF_OK) status = add_binds(self, name, config, "/sandbox/bind", "--bind", &list, why);
    if (status != JF_OK) return status;
    if (out->directory != NULL && out->directory[0] == '/') {
        add(&list, "--chdir");
        add(&list, out->directory);
    }
    add(&list, "--");
    for (uint64_t at = 0; out->arguments[at] != NULL; at++)
        add(&list, out->arguments[at]);
    candidates = arena_allocate(&out->texts, 2 * sizeof *candidates);
    if (list.failed || candidates == NULL)
        return fault(why, JF_E_BUSY, 0, "server %s: no memory for its sandbox", name);
    candidates[0] = program;
    out->candidates = candidates;
    out->search_path = NULL;
    out->arguments = list.list;
    out->sandboxed = true;
    return JF_OK;
}
