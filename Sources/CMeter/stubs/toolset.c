/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.toolset/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t toolset_open_slow(jf_shim *shim, jf_ref set, jf_view name, jf_view config,
    jf_ref *handle, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_TOOLSET_OPEN, false);
    if (probe.traces) {
        note_ref(&probe, "set", set);
        note_view(&probe, "name", name);
        note_size(&probe, "config", config);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.toolset.open(shim->self, set, name, config, handle, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (handle != NULL) note_ref(&probe, "handle", *handle);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t toolset_open(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
    jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_TOOLSET_OPEN];
    if (!pass_lane(hot)) return toolset_open_slow(shim, set, name, config, handle, why);
    return passed(shim, JF_SLOT_TOOLSET_OPEN, shim->real.toolset.open(shim->self, set, name, config, handle,
        why));
}

static COLD void toolset_close_slow(jf_shim *shim, jf_ref handle) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_TOOLSET_CLOSE, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
    }
    shim->real.toolset.close(shim->self, handle);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void toolset_close(jf_self *self, jf_ref handle) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_TOOLSET_CLOSE];
    if (!pass_lane(hot)) {
        toolset_close_slow(shim, handle);
        return;
    }
    shim->real.toolset.close(shim->self, handle);
}

static COLD int32_t toolset_list_slow(jf_shim *shim, jf_ref handle, uint32_t kind, jf_blob *items,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_TOOLSET_LIST, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
        note_number(&probe, "kind", (int64_t)kind);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.toolset.list(shim->self, handle, kind, items, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob(&probe, "items", items);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t toolset_list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_TOOLSET_LIST];
    if (!pass_lane(hot)) return toolset_list_slow(shim, handle, kind, items, why);
    return passed(shim, JF_SLOT_TOOLSET_LIST, shim->real.toolset.list(shim->self, handle, kind, items, why));
}

static COLD int32_t toolset_call_slow(jf_shim *shim, jf_ref op, const jf_request *request, jf_blob *result,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_TOOLSET_CALL, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_jf_request(&probe, "request", request);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.toolset.call(shim->self, op, request, result, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob(&probe, "result", result);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t toolset_call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result,
    jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_TOOLSET_CALL];
    if (!pass_request(shim, hot)) return toolset_call_slow(shim, op, request, result, why);
    return passed(shim, JF_SLOT_TOOLSET_CALL, shim->real.toolset.call(shim->self, op, request, result, why));
}

static COLD int32_t toolset_read_slow(jf_shim *shim, jf_ref op, const jf_request *request, jf_blob *result,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_TOOLSET_READ, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_jf_request(&probe, "request", request);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.toolset.read(shim->self, op, request, result, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob(&probe, "result", result);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t toolset_read(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result,
    jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_TOOLSET_READ];
    if (!pass_request(shim, hot)) return toolset_read_slow(shim, op, request, result, why);
    return passed(shim, JF_SLOT_TOOLSET_READ, shim->real.toolset.read(shim->self, op, request, result, why));
}

static COLD int32_t toolset_prompt_slow(jf_shim *shim, jf_ref op, const jf_request *request,
    jf_blob *result, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_TOOLSET_PROMPT, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_jf_request(&probe, "request", request);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.toolset.prompt(shim->self, op, request, result, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob(&probe, "result", result);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t toolset_prompt(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result,
    jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_TOOLSET_PROMPT];
    if (!pass_request(shim, hot)) return toolset_prompt_slow(shim, op, request, result, why);
    return passed(shim, JF_SLOT_TOOLSET_PROMPT, shim->real.toolset.prompt(shim->self, op, request, result,
        why));
}

static COLD int32_t toolset_complete_slow(jf_shim *shim, jf_ref op, const jf_request *request,
    jf_blob *result, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_TOOLSET_COMPLETE, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_jf_request(&probe, "request", request);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.toolset.complete(shim->self, op, request, result, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob(&probe, "result", result);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t toolset_complete(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result,
    jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_TOOLSET_COMPLETE];
    if (!pass_request(shim, hot)) return toolset_complete_slow(shim, op, request, result, why);
    return passed(shim, JF_SLOT_TOOLSET_COMPLETE, shim->real.toolset.complete(shim->self, op, request,
        result, why));
}

static COLD void toolset_cancel_slow(jf_shim *shim, jf_ref op) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_TOOLSET_CANCEL, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
    }
    shim->real.toolset.cancel(shim->self, op);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void toolset_cancel(jf_self *self, jf_ref op) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_TOOLSET_CANCEL];
    if (!pass_any(hot)) {
        toolset_cancel_slow(shim, op);
        return;
    }
    shim->real.toolset.cancel(shim->self, op);
}

void wrap_toolset(jf_toolset_1 *own, const jf_toolset_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->open != NULL) own->open = toolset_open;
    if (real->close != NULL) own->close = toolset_close;
    if (real->list != NULL) own->list = toolset_list;
    if (real->call != NULL) own->call = toolset_call;
    if (real->read != NULL) own->read = toolset_read;
    if (real->prompt != NULL) own->prompt = toolset_prompt;
    if (real->complete != NULL) own->complete = toolset_complete;
    if (real->cancel != NULL) own->cancel = toolset_cancel;
}
