/* SPDX-License-Identifier: Apache-2.0
 * The C half of `jackfield plugin check`: cases that drive a plugin through the mock host, one a process. */
#ifndef JACKFIELD_CPLUGINCHECK_H
#define JACKFIELD_CPLUGINCHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How a case ended. */
enum { CHECK_PASS = 0, CHECK_WARN = 1, CHECK_SKIP = 2, CHECK_FAIL = 3, CHECK_CRASH = 4 };

/** The `threads` of the manifest. */
enum { CHECK_PER_LOOP = 0, CHECK_SERIAL = 1, CHECK_CONCURRENT = 2 };

/** Answers of `check_setup.judge`. */
enum { CHECK_GOOD = 0, CHECK_QUESTIONABLE = 1, CHECK_BAD = 2 };

/** Everything that a case knows of the plugin before it loads it. Text is NUL-terminated, lists end with
 * NULL; all of it lives as long as the process. */
typedef struct check_setup {
    const char *path; /**< the shared object, absolute */
    uint64_t seed;
    int threads; /**< CHECK_PER_LOOP and so on */
    const char *const *facets;
    const char *const *required; /**< service ids of `requires` */
    const char *const *optional;
    const char *const *provides;
    /* Configurations, each JSON that is valid against its schema, defaults filled in. NULL: none could be
     * made; the lists are variations of it, and what its schema forbids. */
    const char *config;
    const char *const *good_configs;
    const char *const *bad_configs;
    const char *toolset;                         /**< an entry of `servers` for jf.toolset/1 */
    const char *connector;                       /**< an entry of `servers` for jf.connector/1; see `peer` */
    const char *listener;                        /**< an entry of `listeners` */
    const char *routing;                         /**< the `routing` of a server */
    const char *transport;                       /**< the listener's, NULL: none */
    const char *auth, *source, *policy, *filter; /**< an entry's options for these facets, as above */
    const char *const *fields;                   /**< header fields that a provider looks at */
    /** What answers behind the connector: "stdio" (check_golden_stdio), "http" (a server of the case:
     * "@PORT@" in `connector` stands for its port), "" (whoever, or nobody). */
    const char *peer;
    const char *cell; /**< the executable jackfield-cell, absolute; NULL: there is none */
    /** Asks whether a JSON text is what `what` names ("tools", "call NAME", ...). CHECK_GOOD and so on; `why`
     * then holds a clause. Called on the thread that runs the case. */
    int (*judge)(void *user, const char *what, const char *text, size_t length, char *why, size_t size);
    /** Makes JSON: "arguments NAME" number 0, 1, ... (valid), "wrong NAME" number 0, 1, ... (forbidden by its
     * schema). To be freed; NULL: there are no more. Same thread. */
    char *(*make)(void *user, const char *what, uint64_t number);
    void *user;
} check_setup;

/** One case, for lists. */
typedef struct check_case_info {
    const char *name;    /**< "lifecycle.thousand" */
    const char *summary; /**< what it makes sure of */
    const char *facet;   /**< only for plugins with this facet; NULL: for all */
    bool is_gate;        /**< when it fails, nothing behind it can be judged */
} check_case_info;

/** How one case ended, with text of its own. */
typedef struct check_result {
    int outcome;
    char reason[640];
    char advice[320];
} check_result;

/** The cases in the order in which they run; `index` from 0, false at the end. */
bool check_case_at(size_t index, check_case_info *info);

/** Runs a case in this process: what it loads stays, and a bad plugin may take the process with it. With
 * `report` >= 0, a crash, an exit or SIGQUIT (the runner's "time is up") write the result there as one line
 * of JSON. False: there is no such case. */
bool check_run(const char *name, const check_setup *setup, int report, check_result *result);

/** The same for cases that are not in the list above: what ends this process from now on is reported as the
 * end of `name`. `check_disarm` ends it. */
void check_arm(const char *name, int report);
void check_disarm(void);
/** Names what this process is doing, for the report of a crash. `step` must stay. */
void check_step(const char *step);

/** Plays an MCP server for connectors: answers the lines of standard input with golden ones until its end. */
int check_golden_stdio(void);

/** The end of a child process. */
typedef struct check_end {
    int status;     /**< exit status */
    int signal;     /**< the signal that ended it, 0: it exited */
    bool timed_out; /**< it was told to report (SIGQUIT) and then killed */
    int failure;    /**< errno where it could not be run at all */
    char *output;   /**< NUL-terminated, to be freed; at most 64 KiB */
    char *errors;   /**< the end of standard error, likewise */
    uint64_t time_ns;
} check_end;

/** Runs a program to its end, with an empty standard input, default signals and a process group of its own.
 * Blocks. */
void check_spawn(const char *program, char *const *arguments, uint64_t timeout_ns, check_end *end);

#endif
