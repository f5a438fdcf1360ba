/* SPDX-License-Identifier: Apache-2.0
 * Jackfield plugin ABI, version 1: the types and the entry point that every header builds on.
 *
 * Rules that hold in every header of this folder
 *   Types     fixed-width integers only; 64-bit little-endian Linux; UTF-8 text with a length, no NUL
 * promised; times are monotonic nanoseconds unless a name says otherwise. Growth    a table begins with
 * `size` and `flags` and only ever grows at its end. A reader copies min(its own size, the declared size)
 * into a zeroed local table, so either side may be the newer. A changed meaning is a new id (`/2`). Flags
 * 0-15 may be ignored when unknown, 16-31 must be refused. Memory    a jf_view is borrowed until the call it
 * was passed to returns; a jf_blob is owned and carries its own `drop`. Nobody frees what the other side
 * allocated. Host objects are jf_ref handles. Errors    a slot answers with a status; text goes into the
 * caller's jf_fault. Nothing may unwind across. Lanes     every slot names its lane: [lane] the instance's
 * own event loop, must not block, budget 1 ms; [worker] a pool thread, may block; [any] every thread;
 * [control] the instance's lane, rarely.
 */
#ifndef JACKFIELD_BASE_H
#define JACKFIELD_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define JF_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define JF_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/** ABI major (also part of the entry symbol's name) and the newest minor that these headers describe. */
#define JF_ABI_MAJOR 1
#define JF_ABI_MINOR 1

/** Marks the one exported symbol; build everything else with -fvisibility=hidden. */
#define JF_PUBLIC __attribute__((visibility("default"), used))

/** Pins a field to its offset, a type to its size: the plugin's own compiler re-checks the layout. */
#define JF_PIN(type, field, offset)                                                                          \
    JF_STATIC_ASSERT(offsetof(type, field) == (offset), #type "." #field " moved")
#define JF_PIN_SIZE(type, bytes) JF_STATIC_ASSERT(sizeof(type) == (bytes), #type " changed size")

/** True when `table` is large enough to have `slot` and the peer filled it in. */
#define JF_HAS(table, slot)                                                                                  \
    ((table) != NULL && (table)->size >= offsetof(__typeof__(*(table)), slot) + sizeof((table)->slot) &&     \
     (table)->slot != NULL)

/** Borrowed bytes. `ptr == NULL`: absent; `ptr != NULL && len == 0`: present and empty. */
typedef struct jf_view {
    const uint8_t *ptr;
    uint64_t len;
} jf_view;
JF_PIN_SIZE(jf_view, 16);

/** Owned bytes: whoever holds it calls `drop(owner)` exactly once, on any thread. `drop` may be NULL (static
 * bytes). */
typedef struct jf_blob {
    const uint8_t *ptr;
    uint64_t len;
    void *owner;
    void (*drop)(void *owner);
} jf_blob;
JF_PIN_SIZE(jf_blob, 32);

/** A name and a value, both borrowed. Frozen: it stands in arrays. */
typedef struct jf_pair {
    jf_view name;
    jf_view value;
} jf_pair;
JF_PIN_SIZE(jf_pair, 32);

/** A handle (slot and generation). 0 is never valid. A stale one is answered with JF_E_STALE, never with a
 * crash. */
typedef uint64_t jf_ref;

/** Statuses. Frozen: new ones are only appended. Zero and above: accepted; below: refused or failed. */
enum {
    JF_OK = 0,             /**< done; the result is in the out-parameters */
    JF_PENDING = 1,        /**< exactly one jf_ops_1.finish will follow */
    JF_ABSENT = 2,         /**< nothing there, and that is a normal answer */
    JF_E_INVALID = -1,     /**< bad input; public text may explain it to the client */
    JF_E_UNSUPPORTED = -2, /**< no such capability, id or kind */
    JF_E_STALE = -3,       /**< the handle's object is gone */
    JF_E_BUSY = -4,        /**< a limit was reached; retry_ms says when to try again */
    JF_E_DENIED = -5,      /**< not allowed */
    JF_E_TIMEOUT = -6,     /**< the deadline passed */
    JF_E_GONE = -7,        /**< the peer, process or instance went away */
    JF_E_FAULT = -8        /**< a defect or an unexpected failure */
};

/** jf_fault.flags: the text may be shown to the MCP client. Without it, text goes to the log only. */
#define JF_FAULT_PUBLIC 1u
/** jf_fault.flags: the peer provably did not start the work, so that a retry is safe. */
#define JF_FAULT_NOT_STARTED 2u

/** What went wrong, in the caller's memory: no allocation, no "last error". Set `size` before passing it in.
 */
typedef struct jf_fault {
    uint32_t size;
    uint32_t flags;
    int32_t code;      /**< one of JF_E_* */
    uint32_t retry_ms; /**< 0: unknown */
    uint32_t text_len;
    char text[236]; /**< UTF-8, one sentence: what happened, where, what to do */
} jf_fault;
JF_PIN_SIZE(jf_fault, 256);
JF_PIN(jf_fault, text, 20);

/** Opaque: the host's side of one instance. */
typedef struct jf_host jf_host;
/** Opaque: the plugin's side of one instance. The plugin defines `struct jf_self`. */
typedef struct jf_self jf_self;

/** What the host offers. Lives as long as the instance (or, at entry, as long as the call). */
typedef struct jf_offer {
    uint32_t size;
    uint16_t major;
    uint16_t minor; /**< the newest minor that the host speaks; the effective minor is min(both) */
    const jf_host *host;
    /** Looks a service up by id ("jf.loop/1"). Returns its table, or NULL when absent. [control]
     *  Every service table begins `size, flags, context`; each slot's first argument is that `context`.
     *  Tables stay valid until `destroy` returns. At entry no service is offered. */
    const void *(*service)(const jf_host *host, const char *id);
} jf_offer;
JF_PIN_SIZE(jf_offer, 24);

/** The plugin: one static table, returned by the entry function. All slots [control]. Since 1.0. */
typedef struct jf_plugin {
    uint32_t size;
    uint32_t minor; /**< the newest minor that the plugin was built for */
    /** Makes one instance (one per event loop where the manifest says `threads: per-loop`). `config` is JSON,
     * already valid against the manifest's schema, defaults filled in; borrowed. On error nothing may be left
     * behind. */
    int32_t (*create)(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why);
    /** Ends the instance. Called once, after `stop`, when no operation of it is open. */
    void (*destroy)(jf_self *self);
    /** Returns the table of a facet or of an offered service, or NULL. The table lives until `destroy`
     * returns. */
    const void *(*facet)(jf_self *self, const char *id);
    /** Begins work. Optional. An error makes the host call `destroy`. */
    int32_t (*start)(jf_self *self, jf_fault *why);
    /** Asks for no new work and a quiet end by `deadline_ns`. Optional. */
    void (*drain)(jf_self *self, uint64_t deadline_ns);
    /** Ends all work now: after it returns the plugin makes no call to the host but from `destroy`. Optional.
     */
    void (*stop)(jf_self *self);
} jf_plugin;
JF_PIN_SIZE(jf_plugin, 56);
JF_PIN(jf_plugin, create, 8);

/** The only exported symbol. Pure and fast: no thread, no I/O, callable twice. NULL: refuse, `why` says what
 * is missing. A plugin that needs a newer minor than offer->minor may refuse here. [control] */
typedef const jf_plugin *(*jf_entry_fn)(const jf_offer *offer, jf_fault *why);
JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why);

/** The manifest: one JSON object in an ELF note (owner "Jackfield", type 1), readable without loading the
 * library. Members: id (reverse-DNS or a plain first-party name), version (semver), abi ("1.0"), summary,
 * facets [ids], requires [service ids], optional [service ids], provides [service ids], signatures (for a
 * third party's service, {ID: [SLOT, ...]}, each as "[lane] status rank(view query, out u32 chosen, fault
 * why)": the grammar is in the README of the plugin abi-libffi), threads ("per-loop" | "serial" |
 * "concurrent"), config (JSON Schema of the plugin's configuration), and per facet: listener
 * {"transport": NAME, "config": schema}, connector {"keys": [server keys], "schemes": [URL schemes],
 * "config": schema}, toolset {"config": schema}, routing {"strategy": NAME, "config": schema}, auth
 * {"provider": NAME, "fields": [header names in lower case], "config": schema}, policy {"policy": NAME,
 * "config": schema}, filter {"filter": NAME, "methods": [MCP methods; left out: all that filters see],
 * "phases": ["request", "result"; left out: both], "links": {OPTION: WORD, ...: it may decide JF_SPILL where
 * its options say so; left out: never}, "config": schema}, store {"kind": NAME, "config": schema},
 * credentials {"source": NAME, "exchange": BOOLEAN, "config": schema}. Optional: placement ("cell": runs in a
 * cell unless a configuration says otherwise). A text of a schema with "format": "path" is a file: hosts make
 * it absolute, and cells may read it. The argument is a C string literal of at most 64 KiB. */
#define JF_NOTE_OWNER "Jackfield"
#define JF_NOTE_TYPE 1u
#define JF_MANIFEST(json)                                                                                    \
    __attribute__((section(".note.jackfield"), used, aligned(4))) static const struct {                      \
        uint32_t name_size, desc_size, type;                                                                 \
        char name[12];                                                                                       \
        char desc[sizeof(json)];                                                                             \
    } jf_manifest_note = {sizeof(JF_NOTE_OWNER), sizeof(json), JF_NOTE_TYPE, JF_NOTE_OWNER, json}

#ifdef __cplusplus
}
#endif
#endif
