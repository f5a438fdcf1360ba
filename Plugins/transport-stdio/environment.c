/* SPDX-License-Identifier: Apache-2.0
 * The environment of a child: a safe part of ours, then what the configuration says. */
#include "settings.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/** What a child receives when the configuration does not say: enough to run programs, no secrets. */
static const char *const safe_names[] = {"PATH",  "HOME",        "LOGNAME", "USER",   "SHELL",
                                         "TERM",  "LANG",        "LC_ALL",  "TMPDIR", "TZ",
                                         "XDG_*", "VIRTUAL_ENV", NULL};

/** True when `entry` ("NAME=value") has a name that `pattern` allows; a final '*' stands for any rest. */
static bool allowed_by(const char *pattern, const char *entry) {
    size_t length = strlen(pattern), name = strcspn(entry, "=");
    if (length > 0 && pattern[length - 1] == '*') return strncmp(pattern, entry, length - 1) == 0;
    return length == name && memcmp(pattern, entry, length) == 0;
}

static bool inherited(const char *const *patterns, const char *entry) {
    /* A gateway that is the child of another one hands its own marker to nobody. */
    if (allowed_by(MARKER_NAME, entry)) return false;
    for (; *patterns != NULL; patterns++)
        if (allowed_by(*patterns, entry)) return true;
    return false;
}

static uint64_t count_items(const jf_self *self, jf_view container) {
    jf_view key, value;
    uint32_t kind;
    uint64_t cursor = 0, count = 0;
    while (self->config.next(self->config.context, container, &cursor, &key, &value, &kind) == JF_OK)
        count++;
    return count;
}

static int32_t no_memory(const char *name, jf_fault *why) {
    return fault(why, JF_E_BUSY, 0, "server %s: no memory for its environment", name);
}

/** The list `inherit_env`, or the safe names. */
static int32_t read_patterns(jf_self *self, const char *name, jf_view config, settings *out,
                             const char *const **patterns, jf_fault *why) {
    jf_view list, key, value;
    uint32_t kind;
    uint64_t cursor = 0, count, used = 0;
    char **names;
    *patterns = safe_names;
    if (!setting_find(self, config, "/inherit_env", &list, &kind)) return JF_OK;
    count = kind == JF_JSON_ARRAY ? count_items(self, list) : 0;
    names = arena_allocate(&out->texts, (count + 1) * sizeof *names);
    if (names == NULL) return no_memory(name, why);
    while (used < count &&
           self->config.next(self->config.context, list, &cursor, &key, &value, &kind) == JF_OK) {
        int32_t status = setting_text(self, &out->texts, value, &names[used++]);
        if (status == JF_E_BUSY) return no_memory(name, why);
        if (status != JF_OK)
            return fault(why, JF_E_INVALID, 0, "server %s: \"inherit_env\" must be a list of names", name);
    }
    *patterns = (const char *const *)names;
    return JF_OK;
}

/** Turns one member of `env` into "NAME=value"; `key` is raw JSON without its quotes. */
static int32_t read_variable(jf_self *self, const char *name, jf_view key, jf_view value, settings *out,
                             char **entry, jf_fault *why) {
    char *quoted = arena_allocate(&out->texts, key.len + 2), *variable = NULL, *text = NULL;
    int32_t status;
    size_t name_length, text_length;
    if (quoted == NULL) return no_memory(name, why);
    quoted[0] = quoted[key.len + 1] = '"';
    memcpy(quoted + 1, key.ptr, key.len);
    status = setting_text(self, &out->texts, (jf_view){(const uint8_t *)quoted, key.len + 2}, &variable);
    if (status == JF_OK && (variable[0] == 0 || strchr(variable, '=') != NULL)) status = JF_E_INVALID;
    if (status == JF_OK) status = setting_text(self, &out->texts, value, &text);
    if (status == JF_E_BUSY) return no_memory(name, why);
    if (status != JF_OK)
        return fault(why, JF_E_INVALID, 0,
                     "server %s: \"env\" needs names without '=' and values that are texts without NUL (at "
                     "\"%.40s\")",
                     name, variable != NULL ? variable : "?");
    name_length = strlen(variable);
    text_length = strlen(text);
    *entry = arena_allocate(&out->texts, name_length + text_length + 2);
    if (*entry == NULL) return no_memory(name, why);
    memcpy(*entry, variable, name_length);
    (*entry)[name_length] = '=';
    memcpy(*entry + name_length + 1, text, text_length);
    return JF_OK;
}

/** Puts `entry` into the list, in the place of one with the same name. */
static void put_variable(char **list, uint64_t *used, char *entry) {
    size_t length = strcspn(entry, "=") + 1;
    for (uint64_t at = 1; at < *used; at++)
        if (strncmp(list[at], entry, length) == 0) {
            list[at] = entry;
            return;
        }
    list[(*used)++] = entry;
}

int32_t environment_read(jf_self *self, const char *name, jf_view config, settings *out, jf_fault *why) {
    const char *const *patterns;
    char **list, *entry = NULL;
    jf_view object, key, value;
    uint32_t kind;
    uint64_t cursor = 0, ours = 0, theirs = 0, used = 0;
    int32_t status = read_patterns(self, name, config, out, &patterns, why);
    if (status != JF_OK) return status;
    while (environ != NULL && environ[ours] != NULL)
        ours++;
    if (setting_find(self, config, "/env", &object, &kind) && kind == JF_JSON_OBJECT)
        theirs = count_items(self, object);
    list = arena_allocate(&out->texts, (ours + theirs + 2) * sizeof *list);
    out->marker = arena_allocate(&out->texts, MARKER_SIZE);
    if (list == NULL || out->marker == NULL) return no_memory(name, why);
    list[used++] = out->marker;
    for (uint64_t at = 0; at < ours; at++) {
        if (!inherited(patterns, environ[at])) continue;
        entry = arena_text(&out->texts, environ[at], strlen(environ[at]));
        if (entry == NULL) return no_memory(name, why);
        list[used++] = entry;
    }
    while (theirs-- > 0 &&
           self->config.next(self->config.context, object, &cursor, &key, &value, &kind) == JF_OK) {
        status = read_variable(self, name, key, value, out, &entry, why);
        if (status != JF_OK) return status;
        put_variable(list, &used, entry);
    }
    out->environment = list;
    return JF_OK;
}

const char *environment_find(const settings *self, const char *variable) {
    size_t length = strlen(variable);
    for (uint64_t at = 0; self->environment[at] != NULL; at++)
        if (strncmp(self->environment[at], variable, length) == 0 && self->environment[at][length] == '=')
            return self->environment[at] + length + 1;
    return NULL;
}
