/* SPDX-License-Identifier: Apache-2.0
 * One server's entry of the configuration, read and checked. */
#ifndef STDIO_SETTINGS_H
#define STDIO_SETTINGS_H

#include "arena.h"

/** What becomes of a child's standard error. */
enum { STDERR_LOG = 0, STDERR_INHERIT = 1, STDERR_DISCARD = 2 };

/** Name of the variable that marks a child and all that it starts; its value is unique to the channel. */
#define MARKER_NAME "JACKFIELD_CHILD"
#define MARKER_SIZE 96

/** Whether children get control groups of their own (cgroup v2). */
enum { CGROUP_AUTO = 0, CGROUP_REQUIRE = 1, CGROUP_OFF = 2 };

/** What a child and its tree may use; 0: no limit. */
typedef struct limits {
    uint64_t memory;     /**< bytes of the whole tree */
    uint32_t processes;  /**< of the whole tree, threads included where the kernel counts */
    double cpu;          /**< processors */
    uint32_t open_files; /**< of each process */
    uint64_t file_size;  /**< bytes of each file written */
    uint32_t cgroup;     /**< CGROUP_* */
} limits;

/** When a child makes room for a fresh one; 0: never for that reason. */
typedef struct recycle {
    uint64_t age_ms, idle_ms, calls, memory;
    uint32_t drain_ms; /**< how long the old child may take over the calls that it has */
} recycle;

/** All text lives in `texts`. Read-only after settings_read(), but for the marker. */
typedef struct settings {
    arena texts;
    const char *command;
    char *const *arguments;   /**< argv, with the command first, NULL-terminated */
    char **shell_arguments;   /**< argv of /bin/sh, for a script without "#!", which becomes its [1] */
    char *const *environment; /**< envp; the marker is its first entry */
    char *const *candidates;  /**< paths to try in order, NULL-terminated */
    const char *search_path;  /**< PATH as searched; NULL: the command holds a slash */
    const char *directory;    /**< working directory, or NULL */
    char *marker;             /**< "JACKFIELD_CHILD=…": MARKER_SIZE bytes, written anew for each child */
    uint64_t max_message, queue;
    uint32_t stderr_mode, stderr_rate, stderr_line;
    uint32_t initial_ms, max_ms, healthy_ms, give_up_after;
    double factor, jitter;
    uint32_t pipe_size; /**< of a child's pipes once it sees large messages; 0: the system's */
    uint32_t close_stdin_ms, terminate_ms;
    uint32_t stderr_tail; /**< bytes kept of the end of a child's standard error */
    limits limits;
    recycle recycle;
    uint32_t concurrency; /**< requests that a child has at a time; 0: any number */
    uint32_t waiting;     /**< requests that may wait for a place */
    uint32_t prewarm;     /**< 1: a started child that has heard nothing stands by */
    uint32_t start_ms;    /**< how long the first words with a replacement may take */
    uint32_t sample_ms;   /**< pause between looks at age, idleness, memory and processes */
    bool sandboxed;
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

/** The number at `pointer`, moved into [low, high] likewise. */
double setting_real(const jf_self *self, jf_view config, const char *pointer, double fallback, double low,
                    double high);
/** True or false at `pointer`. */
bool setting_flag(const jf_self *self, jf_view config, const char *pointer, bool fallback);
/** True when the text at `pointer` is `text` (plain ASCII). */
bool setting_is(const jf_self *self, jf_view config, const char *pointer, const char *text);
/** Reads limits, recycling, concurrency and the like: what is done to processes. */
void process_settings_read(const jf_self *self, jf_view config, settings *out);
/** Puts bubblewrap in front of the command where the member `sandbox` is there. Refuses what cannot be had.
 */
int32_t sandbox_read(jf_self *self, const char *name, jf_view config, settings *out, jf_fault *why);

/** Builds out->environment and out->marker from the members `env` and `inherit_env`. */
int32_t environment_read(jf_self *self, const char *name, jf_view config, settings *out, jf_fault *why);
/** The value of a variable in out->environment, or NULL. */
const char *environment_find(const settings *self, const char *variable);

/** Decodes a JSON string into `texts`. JF_E_INVALID: not a string, or it holds a NUL. JF_E_BUSY: no memory.
 */
int32_t setting_text(const jf_self *self, arena *texts, jf_view value, char **out);

#endif
