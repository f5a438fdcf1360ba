/* SPDX-License-Identifier: Apache-2.0
 * One server's entry of the configuration, read and checked. */
#ifndef STDIO_SETTINGS_H
#define STDIO_SETTINGS_H

#include "arena.h"

/** What becomes of a child's standard error. */
enum { STDERR_LOG = 0, STDERR_INHERIT = 1, STDERR_DISCARD = 2 };

/** Name of the variable that marks a child and all that it starts; its value is unique to the channel. */
#define MARKER_NAME "JACKFIELD_CHILD"

/** All text lives in `texts`. Read-only after settings_read(). */
typedef struct settings {
    arena texts;
    const char *command;
    char *const *arguments;   /**< argv, with the command first, NULL-terminated */
    char **shell_arguments;   /**< argv of /bin/sh, for a script without "#!", which becomes its [1] */
    char *const *environment; /**< envp; the marker is its first entry */
    char *const *candidates;  /**< paths to try in order, NULL-terminated */
    const char *search_path;  /**< PATH as searched; NULL: the command holds a slash */
    const char *directory;    /**< working directory, or NULL */
    const char *marker;       /**< "JACKFIELD_CHILD=…" */
    uint64_t max_message, queue;
    uint32_t stderr_mode, stderr_rate, stderr_line;
    uint32_t initial_ms, max_ms, healthy_ms, give_up_after;
    double factor, jitter;
    uint32_t pipe_size; /**< of a child's pipes once it sees large messages; 0: the system's */
    uint32_t close_stdin_ms, terminate_ms;
} settings;

/** Reads `config` for the server `name`. The environment of this process is read now, once. On error `out`
 * needs no release. [control] */
int32_t settings_read(jf_self *self, const char *name, jf_view config, settings *out, jf_fault *why);
void settings_release(settings *self);

/** Finds the member at `pointer` (RFC 6901). False: absent or null. */
bool setting_find(const jf_self *self, jf_view config, const char *pointer, jf_view *value, uint32_t *kind);
/** The integer at `pointer`, or `fallback`; values outside [low, high] are moved to the nearer end. */
uint64_t setting_integer(const jf_self *self, jf_view config, const char *pointer, uint64_t fallback,
                         uint64_t low, uint64_t high);

/** Builds out->environment and out->marker from the members `env` and `inherit_env`. */
int32_t environment_read(jf_self *self, const char *name, jf_view config, settings *out, jf_fault *why);
/** The value of a variable in out->environment, or NULL. */
const char *environment_find(const settings *self, const char *variable);

/** Decodes a JSON string into `texts`. JF_E_INVALID: not a string, or it holds a NUL. JF_E_BUSY: no memory.
 */
int32_t setting_text(const jf_self *self, arena *texts, jf_view value, char **out);

#endif
