/* SPDX-License-Identifier: Apache-2.0
 * Facet jf.toolset/1: an MCP server in process. Threads: any.
 * Shapes are those of MCP 2026-07-28 (see the schema's ListToolsResult, CallToolResult, ...). */
#ifndef JACKFIELD_TOOLSET_H
#define JACKFIELD_TOOLSET_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a toolset serves; also the `kind` of jf_toolset_1.list. */
enum {
    JF_TOOLS = 0,     /**< an array of Tool objects */
    JF_RESOURCES = 1, /**< an array of Resource objects */
    JF_TEMPLATES = 2, /**< an array of ResourceTemplate objects */
    JF_PROMPTS = 3    /**< an array of Prompt objects */
};

/** One request to a toolset. Growable. Views borrowed until the slot returns. Since 1.0. */
typedef struct jf_request {
    uint32_t size;
    uint32_t flags;       /**< none yet */
    uint64_t deadline_ns; /**< the host answers the client then; work may stop */
    jf_ref set;           /**< which set (see `open`); the plugin's handle */
    jf_view name; /**< tool or prompt name as the toolset spells it, resource URI, completion reference */
    jf_view arguments; /**< JSON object: tool or prompt arguments; `{}` when the client sent none */
    jf_view params;    /**< the whole `params` object as the client sent it */
    jf_view principal; /**< who asks; absent when not authenticated */
} jf_request;
JF_PIN_SIZE(jf_request, 88);

/** Host service jf.toolsets/1, for toolsets. [any]. Since 1.0. */
typedef struct jf_toolsets_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** What `list` answers for `kind` has changed; the host lists again. */
    void (*changed)(void *context, jf_ref set, uint32_t kind);
} jf_toolsets_1;
JF_PIN_SIZE(jf_toolsets_1, 24);
#define JF_TOOLSETS_1 "jf.toolsets/1"

/** Facet table. Results are blobs: the host drops them. Slots that answer JF_PENDING finish through jf.ops/1
 * with the same JSON. A tool's own failure is JF_OK with `"isError": true`; JF_E_INVALID with public text is
 * invalid params; any other error is an internal error, its text shown only if public. Since 1.0. */
typedef struct jf_toolset_1 {
    uint32_t size;
    uint32_t flags;
    /** Opens one set: a configured server `name` with its entry as JSON (valid against
     * manifest.toolset.config). `set` is the host's handle (for jf.toolsets/1), `*handle` receives the
     * plugin's. [control] */
    int32_t (*open)(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle, jf_fault *why);
    /** Closes a set; no request of it is open. [control] */
    void (*close)(jf_self *self, jf_ref handle);
    /** The JSON array of everything of `kind`; JF_ABSENT: this set has none. [control] */
    int32_t (*list)(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why);
    /** tools/call: a CallToolResult object. [lane], or [worker] where the manifest says `threads:
     * concurrent`. A slow one that says `threads: serial`, and has no other facet and no service that is
     * bound to a lane, may be moved to workers; then too, one slot of it runs at a time. */
    int32_t (*call)(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why);
    /** resources/read: a ReadResourceResult object. Optional. Same lane as `call`. */
    int32_t (*read)(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why);
    /** prompts/get: a GetPromptResult object. Optional. Same lane as `call`. */
    int32_t (*prompt)(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why);
    /** completion/complete: a CompleteResult object; `params` holds ref, argument, context. Optional. */
    int32_t (*complete)(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why);
    /** The caller of a pending operation is gone or out of time: stop when convenient, finish is still owed.
     * [any] Optional. */
    void (*cancel)(jf_self *self, jf_ref op);
} jf_toolset_1;
JF_PIN_SIZE(jf_toolset_1, 72);
#define JF_TOOLSET_1 "jf.toolset/1"

#ifdef __cplusplus
}
#endif
#endif
