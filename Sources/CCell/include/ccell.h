/* SPDX-License-Identifier: Apache-2.0
 * Cells: a plugin's shared object in a child process, behind an ordinary jf_plugin table.
 *
 * jf_cell_plugin turns a description into a table whose instances forward everything to `jackfield-cell --run
 * FD`, one process for each instance. The table uses nothing but the public services of its jf_offer, so that
 * a host treats it as any plugin; each function below names the thread that may call it.
 *
 * When the gateway's lane waits. Only in slots whose answer the ABI wants at once, in a bounded round trip
 * (spin for `spin_us`, then poll):
 *
 * - create, start, stop, destroy: `control_ms`; a process is started, a library loaded.
 *
 * - toolset open and list, routing attach and its state, connector open, listener listen and unlisten, attach
 * of auth, credentials, policy and filter, a store's watch, and jf.seal/1 where the plugin offers it:
 * `control_ms`, then JF_E_TIMEOUT.
 *
 * - routing pick: `pick_us`. Afterwards the first eligible endpoint is taken, and at once for as long as the
 * cell has not caught up or is down.
 *
 * Measured (Tests/Plugins/cell/bench.c; x86-64 VM with 2 CPUs): a pick 18 us and a call of 1 KiB 54 us, where
 * a bare socket pair takes 50 us there and back; all on one CPU 9, 10 and 7 us.
 *
 * All the rest is sent and answered later: calls and all operations of auth, credentials, policy, filter and
 * store are JF_PENDING, also where the plugin answers at once; `describe` answers what the cell told last and
 * asks anew; `classify` is JF_E_UNSUPPORTED, so that reviews behind it are not kept; `send` and `reply`
 * answer JF_OK once queued, JF_E_BUSY when the queue is full (`writable` follows). A `send` that the plugin
 * refuses later fails its exchange; on a shared channel it is only logged.
 *
 * When the cell's lane waits. In jf.config/1 `secret`, jf.state/1 `watch` and jf.seal/1, which ask the host,
 * for at most `control_ms`. jf.config/1 reads JSON by itself; jf.loop/1, jf.memory/1 and jf.clock/1 are the
 * cell's own; jf.calls/1 `start` answers at once and a refusal comes as `done`; jf.inbound/1 `opened` answers
 * at once, and a client that the host refuses is closed. What offers jf.callback/1 runs in the same cell. Not
 * offered there: jf.http/1, as user or as provider, jf.interpose/1, third parties' services.
 *
 * When the cell ends: open operations finish with JF_E_GONE, channels fail, clients are closed; it is started
 * again after 100 ms, then 200, ... at most 10 s, with everything open opened again under the same handles.
 * `crashes` ends within `crash_window_s` seconds put it into quarantine until jf_cell_lift or a new instance.
 */
#ifndef CCELL_H
#define CCELL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct jf_plugin;
struct jf_self;

/** jf_cell_spawn.threads: the manifest's `threads`. */
enum {
    JF_CELL_LANE = 0,      /**< per-loop and serial: slots run on the cell's own lane */
    JF_CELL_CONCURRENT = 1 /**< toolset requests run on `workers` threads of the cell */
};

/** jf_cell_spawn.flags: what the cell may do beyond its defaults. Unknown ones are refused. */
#define JF_CELL_PROCESSES 1u   /**< start programs (transport-stdio); without it no fork, no exec */
#define JF_CELL_NETWORK 2u     /**< internet sockets; without it only AF_UNIX */
#define JF_CELL_ALL_FILES 4u   /**< no Landlock: every file that the user may open */
#define JF_CELL_JIT 8u         /**< writable memory may become executable (no PR_SET_MDWE) */
#define JF_CELL_NO_SECCOMP 16u /**< no system call filter, for debugging a plugin */

/** Limits; 0 stands for the default named. */
typedef struct jf_cell_limits {
    uint64_t memory;          /**< bytes of writable memory (RLIMIT_DATA) and of jf.memory/1: 1 GiB */
    uint64_t address_space;   /**< bytes (RLIMIT_AS): 16 GiB; UINT64_MAX: none (sanitizers) */
    uint64_t files;           /**< open descriptors (RLIMIT_NOFILE): 1024 */
    uint64_t queue;           /**< bytes waiting for the cell before JF_E_BUSY: 8 MiB */
    uint32_t operations;      /**< operations open at once before JF_E_BUSY: 1024 */
    uint32_t workers;         /**< threads of a concurrent toolset: 8 */
    uint32_t control_ms;      /**< see above: 5000 */
    uint32_t pick_us;         /**< 5000 */
    uint32_t spin_us;         /**< before the thread sleeps in a pick: 25; UINT32_MAX: none */
    uint32_t heartbeat_ms;    /**< how often the cell's lane is asked for a sign of life: 1000 */
    uint32_t hang_ms;         /**< without one for so long it is killed: 10000 */
    uint32_t backoff_ms;      /**< before the first restart: 100; doubles */
    uint32_t backoff_most_ms; /**< 10000 */
    uint32_t crashes;         /**< so many ends ...: 5 */
    uint32_t crash_window_s;  /**< ... in so many seconds are a quarantine: 300 */
    uint32_t flood_frames;    /**< frames a second that are read from the cell: 100000 */
    uint64_t flood_bytes;     /**< bytes a second: 512 MiB */
    uint32_t flood_kill_ms;   /**< throttled without a pause for so long it is killed: 3000 */
    uint32_t stderr_lines;    /**< lines of standard error logged a second: 100 */
} jf_cell_limits;

/** Most plugins beside the one that a cell is for. */
#define JF_CELL_BESIDE 8u

/** How to make a cell. All texts are copied. */
typedef struct jf_cell_spawn {
    uint32_t size;
    uint32_t flags;      /**< JF_CELL_* */
    const char *cell;    /**< path of the executable `jackfield-cell` */
    const char *library; /**< absolute path of the staged library */
    const char *name;    /**< the plugin's id, for logs and fault texts */
    /** The manifest's facet ids, and the service ids it provides, joined by spaces. Only these are forwarded.
     */
    const char *facets;
    /** The manifest's required and optional service ids, joined by spaces: others are absent in the cell. */
    const char *services;
    const char *state_dir; /**< a directory that it may write to; NULL: none */
    /** Further files or directories, NULL-terminated lists; NULL: none. Executable ones are readable too. */
    const char *const *readable;
    const char *const *writable;
    /** "NAME=VALUE" texts, NULL-terminated. NULL: PATH, HOME, USER, LOGNAME, SHELL, LANG, LC_*, TZ and TMPDIR
     * of the gateway. */
    const char *const *environment;
    uint32_t threads;  /**< JF_CELL_LANE or JF_CELL_CONCURRENT */
    uint32_t reserved; /**< 0 */
    jf_cell_limits limits;
    /** Libraries of plugins that run in the same cell and offer services that cannot leave a process
     * (jf.callback/1): path, configuration as JSON, path, ...; a NULL-terminated list; NULL: none. They get
     * jf.log/1, jf.clock/1, jf.memory/1 and jf.config/1, and end with the process. At most JF_CELL_BESIDE. */
    const char *const *beside;
} jf_cell_spawn;

/** Makes the plugin table of a description. It lives until jf_cell_forget; there are at most 256 at a time.
 * NULL: *why (may be NULL) receives a static text that says what is wrong. Any thread.
 * `create` starts the process: call it on a thread that lives as long as the instance, as lanes do, because
 * the kernel ends the cell with the thread that started it (PR_SET_PDEATHSIG). */
const struct jf_plugin *jf_cell_plugin(const jf_cell_spawn *spawn, const char **why);
/** Gives the table's place free, after the last of its instances was destroyed. Any thread. */
void jf_cell_forget(const struct jf_plugin *plugin);

/** jf_cell_state.state */
enum {
    JF_CELL_STARTING = 0, /**< started (again), not ready yet */
    JF_CELL_UP = 1,
    JF_CELL_WAITING = 2, /**< ended; restarts in `restart_ms` */
    JF_CELL_QUARANTINED = 3,
    JF_CELL_STOPPED = 4
};

/** How an instance is. Growable: set `size`. */
typedef struct jf_cell_state {
    uint32_t size;
    uint32_t state;
    int32_t pid; /**< 0: no process */
    uint32_t restarts;
    uint32_t ends;       /**< how often the process ended without being asked */
    uint32_t restart_ms; /**< WAITING: until the next try */
    uint32_t operations; /**< open now */
    uint32_t reserved;
    uint64_t frames_out, frames_in, bytes_out, bytes_in;
    uint64_t throttled;    /**< pauses because of floods */
    uint64_t late_picks;   /**< picks that fell back to the first endpoint */
    uint64_t memory;       /**< bytes of jf.memory/1 in use, at the last sign of life */
    uint64_t heartbeat_ns; /**< round trip of the last one */
    char reason[256];      /**< why it ended last, NUL-terminated; "" when it never did */
} jf_cell_state;

/** Copies the state of an instance that a table of jf_cell_plugin created. Any thread, until `destroy`. */
void jf_cell_state_of(const struct jf_self *self, jf_cell_state *state);
/** Starts a cell in quarantine, or one that waits, at once, and counts its ends anew. JF_OK, or JF_ABSENT
 * where it runs or is stopped. Lane. */
int32_t jf_cell_lift(struct jf_self *self);

/** The cell's side: serves the instance on the socket until it ends; the whole of `jackfield-cell --run FD`.
 * Returns the exit status. No other thread may run yet. */
int jf_cell_run(int fd);

#ifdef __cplusplus
}
#endif
#endif
