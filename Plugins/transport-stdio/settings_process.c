/* SPDX-License-Identifier: Apache-2.0
 * The part of a server's entry that says what is done to its processes.
 */
#include "settings.h"

/** A day, and a hundred of them. */
#define DAY_MS 86400000ull
#define LONG_MS (100 * DAY_MS)

static void read_limits(const jf_self *self, jf_view config, limits *out) {
    out->memory = setting_integer(self, config, "/limits/memory", 0, 0, INT64_MAX);
    out->processes = (uint32_t)setting_integer(self, config, "/limits/processes", 0, 0, 1000000);
    out->cpu = setting_real(self, config, "/limits/cpu", 0, 0, 1024);
    out->open_files = (uint32_t)setting_integer(self, config, "/limits/open_files", 0, 0, 1048576);
    out->file_size = setting_integer(self, config, "/limits/file_size", 0, 0, INT64_MAX);
    out->cgroup = setting_is(self, config, "/limits/cgroup", "require") ? CGROUP_REQUIRE
                  : setting_is(self, config, "/limits/cgroup", "off")   ? CGROUP_OFF
                                                                        : CGROUP_AUTO;
}

static void read_recycle(const jf_self *self, jf_view config, recycle *out) {
    out->age_ms = setting_integer(self, config, "/recycle/age_ms", 0, 0, LONG_MS);
    out->idle_ms = setting_integer(self, config, "/recycle/idle_ms", 0, 0, LONG_MS);
    out->calls = setting_integer(self, config, "/recycle/calls", 0, 0, INT64_MAX);
    out->memory = setting_integer(self, config, "/recycle/memory", 0, 0, INT64_MAX);
    out->drain_ms = (uint32_t)setting_integer(self, config, "/recycle/drain_ms", 300000, 0, DAY_MS);
}

void process_settings_read(const jf_self *self, jf_view config, settings *out) {
    read_limits(self, config, &out->limits);
    read_recycle(self, config, &out->recycle);
    out->concurrency = (uint32_t)setting_integer(self, config, "/concurrency", 0, 0, 100000);
    out->waiting = (uint32_t)setting_integer(self, config, "/waiting", 1000, 0, 1000000);
    out->prewarm = (uint32_t)setting_integer(self, config, "/prewarm", 0, 0, 1);
    out->start_ms = (uint32_t)setting_integer(self, config, "/start_ms", 60000, 10, DAY_MS);
    out->sample_ms = (uint32_t)setting_integer(self, config, "/sample_ms", 1000, 10, DAY_MS);
}
