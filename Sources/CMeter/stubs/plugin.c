/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf_plugin: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD void plugin_destroy_slow(jf_shim *shim) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_PLUGIN_DESTROY, false);
    shim->real.plugin.destroy(shim->self);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void plugin_destroy(jf_self *self) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_PLUGIN_DESTROY];
    if (!pass_lane(hot)) {
        plugin_destroy_slow(shim);
        return;
    }
    shim->real.plugin.destroy(shim->self);
}

static COLD const void *plugin_facet_slow(jf_shim *shim, const char *id) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_PLUGIN_FACET, false);
    if (probe.traces) {
        note_text(&probe, "id", id);
    }
    const void *answer = NULL;
    if (probe.injected == 0) {
        answer = shim->real.plugin.facet(shim->self, id);
    }
    answer = wrap_offered(shim, id, answer);
    probe_end(&probe, 0);
    if (probe.traces) {
        note_text(&probe, "answer", answer == NULL ? NULL : "present");
        probe_print(&probe, 0);
    }
    return answer;
}

static const void *plugin_facet(jf_self *self, const char *id) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_PLUGIN_FACET];
    (void)pass_lane(hot);
    return plugin_facet_slow(shim, id);
}

static COLD int32_t plugin_start_slow(jf_shim *shim, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_PLUGIN_START, false);
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.plugin.start(shim->self, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t plugin_start(jf_self *self, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_PLUGIN_START];
    if (!pass_lane(hot)) return plugin_start_slow(shim, why);
    return passed(shim, JF_SLOT_PLUGIN_START, shim->real.plugin.start(shim->self, why));
}

static COLD void plugin_drain_slow(jf_shim *shim, uint64_t deadline_ns) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_PLUGIN_DRAIN, false);
    if (probe.traces) {
        note_number(&probe, "deadline_ns", (int64_t)deadline_ns);
    }
    shim->real.plugin.drain(shim->self, deadline_ns);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void plugin_drain(jf_self *self, uint64_t deadline_ns) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_PLUGIN_DRAIN];
    if (!pass_lane(hot)) {
        plugin_drain_slow(shim, deadline_ns);
        return;
    }
    shim->real.plugin.drain(shim->self, deadline_ns);
}

static COLD void plugin_stop_slow(jf_shim *shim) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_PLUGIN_STOP, false);
    shim->real.plugin.stop(shim->self);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void plugin_stop(jf_self *self) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_PLUGIN_STOP];
    if (!pass_lane(hot)) {
        plugin_stop_slow(shim);
        return;
    }
    shim->real.plugin.stop(shim->self);
}

void wrap_plugin(jf_plugin *own, const jf_plugin *real) {
    own->size = sizeof *own;
    own->minor = real->minor;
    if (real->destroy != NULL) own->destroy = plugin_destroy;
    if (real->facet != NULL) own->facet = plugin_facet;
    if (real->start != NULL) own->start = plugin_start;
    if (real->drain != NULL) own->drain = plugin_drain;
    if (real->stop != NULL) own->stop = plugin_stop;
}
