/* SPDX-License-Identifier: Apache-2.0
 * Reads one server's entry of the configuration. The host has checked it against the manifest's schema; what
 * is checked here is what a schema cannot say. */
#include "settings.h"

#include <string.h>

static jf_view view(const char *text) {
    return (jf_view){(const uint8_t *)text, strlen(text)};
}

bool setting_find(const jf_self *self, jf_view config, const char *pointer, jf_view *value, uint32_t *kind) {
    *kind = 0;
    return self->config.find(self->config.context, config, view(pointer), value, kind) == JF_OK &&
           *kind != JF_JSON_NULL;
}

uint64_t setting_integer(const jf_self *self, jf_view config, const char *pointer, uint64_t fallback,
                         uint64_t low, uint64_t high) {
    jf_view value;
    uint32_t kind;
    int64_t number = 0;
    if (!setting_find(self, config, pointer, &value, &kind)) return fallback;
    if (self->config.integer(self->config.context, value, &number) != JF_OK) return fallback;
    if (number < 0 || (uint64_t)number < low) return low;
    return (uint64_t)number > high ? high : (uint64_t)number;
}

double setting_real(const jf_self *self, jf_view config, const char *pointer, double fallback, double low,
                    double high) {
    jf_view value;
    uint32_t kind;
    double number = 0;
    if (!setting_find(self, config, pointer, &value, &kind)) return fallback;
    if (self->config.real(self->config.context, value, &number) != JF_OK) return fallback;
    return number < low ? low : number > high ? high : number;
}

bool setting_flag(const jf_self *self, jf_view config, const char *pointer, bool fallback) {
    jf_view value;
    uint32_t kind;
    if (!setting_find(self, config, pointer, &value, &kind) || value.len == 0) return fallback;
    return value.ptr[0] == 't' || (value.ptr[0] != 'f' && fallback);
}

bool setting_is(const jf_self *self, jf_view config, const char *pointer, const char *text) {
    jf_view value;
    uint32_t kind;
    size_t length = strlen(text);
    return setting_find(self, config, pointer, &value, &kind) && kind == JF_JSON_STRING &&
           value.len == length + 2 && memcmp(value.ptr + 1, text, length) == 0;
}

static uint32_t read_ms(const jf_self *self, jf_view config, const char *pointer, uint32_t fallback) {
    return (uint32_t)setting_integer(self, config, pointer, fallback, 0, 86400000);
}

int32_t setting_text(const jf_self *self, arena *texts, jf_view value, char **out) {
    jf_blob text = {0};
    int32_t status = self->config.text(self->config.context, value, &text);
    if (status != JF_OK) return JF_E_INVALID;
    if (text.len > 0 && memchr(text.ptr, 0, text.len) != NULL)
        status = JF_E_INVALID;
    else if ((*out = arena_text(texts, text.ptr, text.len)) == NULL)
        status = JF_E_BUSY;
    if (text.drop != NULL) text.drop(text.owner);
    return status;
}

/** Tells which member was of no use. */
static int32_t refuse(const char *name, const char *member, int32_t status, jf_fault *why) {
    if (status == JF_E_BUSY) return fault(why, status, 0, "server %s: no memory for its configuration", name);
    return fault(why, JF_E_INVALID, 0, "server %s: \"%s\" must be text without NUL characters", name, member);
}

/** The text at `pointer`; *out stays NULL where there is none. */
static int32_t read_text(jf_self *self, const char *name, jf_view config, const char *pointer, settings *to,
                         char **out, jf_fault *why) {
    jf_view value;
    uint32_t kind;
    int32_t status;
    if (!setting_find(self, config, pointer, &value, &kind)) return JF_OK;
    status = kind == JF_JSON_STRING ? setting_text(self, &to->texts, value, out) : JF_E_INVALID;
    return status == JF_OK ? JF_OK : refuse(name, pointer + 1, status, why);
}

static int32_t read_arguments(jf_self *self, const char *name, jf_view config, char *command, settings *out,
                              jf_fault *why) {
    jf_view list, value, key;
    uint32_t kind;
    uint64_t cursor = 0, count = 0, used = 0;
    char **arguments, **shell;
    bool some = setting_find(self, config, "/args", &list, &kind);
    if (some && kind != JF_JSON_ARRAY)
        return fault(why, JF_E_INVALID, 0, "server %s: \"args\" must be a list of texts", name);
    while (some && self->config.next(self->config.context, list, &cursor, &key, &value, &kind) == JF_OK)
        count++;
    arguments = arena_allocate(&out->texts, (count + 2) * sizeof *arguments);
    shell = arena_allocate(&out->texts, (count + 3) * sizeof *shell);
    if (arguments == NULL || shell == NULL) return refuse(name, "args", JF_E_BUSY, why);
    arguments[used++] = command;
    cursor = 0;
    while (used <= count &&
           self->config.next(self->config.context, list, &cursor, &key, &value, &kind) == JF_OK) {
        int32_t status =
            kind == JF_JSON_STRING ? setting_text(self, &out->texts, value, &arguments[used]) : JF_E_INVALID;
        if (status != JF_OK) return refuse(name, "args", status, why);
        shell[used + 1] = arguments[used];
        used++;
    }
    shell[0] = arena_text(&out->texts, "/bin/sh", 7);
    shell[1] = command;
    out->arguments = arguments;
    out->shell_arguments = shell;
    return shell[0] != NULL ? JF_OK : refuse(name, "args", JF_E_BUSY, why);
}

/** Lists the paths that execvp(3) would try, with the child's own PATH. */
static int32_t read_candidates(const char *name, char *command, settings *out, jf_fault *why) {
    const char *path, *at;
    uint64_t count = 1, used = 0, length = strlen(command);
    char **candidates;
    bool direct = strchr(command, '/') != NULL;
    path = direct ? NULL : environment_find(out, "PATH");
    if (!direct && path == NULL) path = "/usr/local/bin:/usr/bin:/bin";
    for (at = path; at != NULL && *at != 0; at++)
        count += *at == ':';
    candidates = arena_allocate(&out->texts, (count + 1) * sizeof *candidates);
    if (candidates == NULL) return refuse(name, "command", JF_E_BUSY, why);
    out->candidates = candidates;
    out->search_path = path;
    if (direct) {
        candidates[0] = command;
        return JF_OK;
    }
    for (at = path; used < count; used++) {
        const char *end = strchr(at, ':');
        uint64_t part = end != NULL ? (uint64_t)(end - at) : strlen(at);
        char *place = arena_allocate(&out->texts, part + 1 + length + 1);
        if (place == NULL) return refuse(name, "command", JF_E_BUSY, why);
        candidates[used] = place;
        /* An empty part of PATH means the working directory. */
        memcpy(place, at, part);
        if (part > 0) place[part++] = '/';
        memcpy(place + part, command, length);
        at = end != NULL ? end + 1 : at + strlen(at);
    }
    return JF_OK;
}

static uint32_t read_stderr_mode(const jf_self *self, jf_view config) {
    if (setting_is(self, config, "/stderr", "inherit")) return STDERR_INHERIT;
    return setting_is(self, config, "/stderr", "discard") ? STDERR_DISCARD : STDERR_LOG;
}

static void read_numbers(const jf_self *self, jf_view config, settings *out) {
    out->max_message = setting_integer(self, config, "/max_message", 4194304, 1024, 1ull << 30);
    out->queue = setting_integer(self, config, "/queue", 8388608, 4096, 1ull << 32);
    out->pipe_size = (uint32_t)setting_integer(self, config, "/pipe_size", 262144, 0, 1048576);
    out->stderr_mode = read_stderr_mode(self, config);
    out->stderr_rate = (uint32_t)setting_integer(self, config, "/stderr_rate", 100, 1, 1000000);
    out->stderr_line = (uint32_t)setting_integer(self, config, "/stderr_line", 1024, 16, 1024);
    out->initial_ms = read_ms(self, config, "/restart/initial_ms", 200);
    out->max_ms = read_ms(self, config, "/restart/max_ms", 30000);
    out->healthy_ms = read_ms(self, config, "/restart/healthy_ms", 10000);
    out->factor = setting_real(self, config, "/restart/factor", 2, 1, 100);
    out->jitter = setting_real(self, config, "/restart/jitter", 0.1, 0, 1);
    out->give_up_after = (uint32_t)setting_integer(self, config, "/restart/give_up_after", 0, 0, UINT32_MAX);
    out->close_stdin_ms = read_ms(self, config, "/shutdown/close_stdin_ms", 2000);
    out->terminate_ms = read_ms(self, config, "/shutdown/terminate_ms", 2000);
    out->stderr_tail = (uint32_t)setting_integer(self, config, "/stderr_tail", 4096, 0, 65536);
    process_settings_read(self, config, out);
}

int32_t settings_read(jf_self *self, const char *name, jf_view config, settings *out, jf_fault *why) {
    char *command = NULL, *directory = NULL;
    int32_t status;
    *out = (settings){.texts = {.self = self}};
    status = read_text(self, name, config, "/command", out, &command, why);
    if (status == JF_OK && (command == NULL || command[0] == 0))
        status = fault(why, JF_E_INVALID, 0, "server %s: \"command\" is missing or empty", name);
    if (status == JF_OK) status = read_text(self, name, config, "/cwd", out, &directory, why);
    if (status == JF_OK) status = read_arguments(self, name, config, command, out, why);
    if (status == JF_OK) status = environment_read(self, name, config, out, why);
    if (status == JF_OK) status = read_candidates(name, command, out, why);
    out->command = command;
    out->directory = directory;
    if (status == JF_OK) status = sandbox_read(self, name, config, out, why);
    if (status != JF_OK) {
        arena_release(&out->texts);
        return status;
    }
    read_numbers(self, config, out);
    return JF_OK;
}

void settings_release(settings *self) {
    arena_release(&self->texts);
}
