/* SPDX-License-Identifier: Apache-2.0
 * transport-stdio: the entry function and the life of an instance. The manifest is in manifest.c. */
#include "plugin.h"

#include "cgroup.h"
#include "facets.h"
#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    /* The memory service comes with the offer, so the instance itself cannot come from it. */
    jf_self *self = calloc(1, sizeof *self);
    (void)config;
    if (self == NULL || (self->groups = calloc(1, sizeof *self->groups)) == NULL) {
        free(self);
        return fault(why, JF_E_BUSY, 0, "transport-stdio: no memory for an instance");
    }
    if (!host_attach(self, offer, why)) {
        free(self->groups);
        free(self);
        return JF_E_UNSUPPORTED;
    }
    snprintf(self->marker, sizeof self->marker, "%s=%d-%llx-", MARKER_NAME, (int)getpid(),
             (unsigned long long)monotonic_ns(self));
    *out = self;
    return JF_OK;
}

static int32_t start(jf_self *self, jf_fault *why) {
    (void)why;
    /* Orphans of a server come to this process, where they are found and ended, and not to init. */
    if (self->channels.size != 0 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        say(self, JF_LOG_WARNING, NULL, 0,
            "cannot become a subreaper (%s): processes that leave a server's tree may "
            "outlive it",
            strerror(errno));
    return JF_OK;
}

static void stop(jf_self *self) {
    if (self->stopped) return;
    listener_stop(self);
    connector_stop(self);
    self->stopped = true;
}

static void destroy(jf_self *self) {
    stop(self);
    free(self->groups);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    if (strcmp(id, JF_CONNECTOR_1) == 0 && JF_HAS(&self->channels, closed)) return &connector_facet;
    if (strcmp(id, JF_LISTENER_1) == 0 && JF_HAS(&self->inbound, closed)) return &listener_facet;
    return NULL;
}

static const jf_plugin plugin = {.size = sizeof plugin,
                                 .minor = JF_ABI_MINOR,
                                 .create = create,
                                 .destroy = destroy,
                                 .facet = facet,
                                 .start = start,
                                 .stop = stop};

JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    if (offer == NULL || offer->major != JF_ABI_MAJOR) {
        fault(why, JF_E_UNSUPPORTED, 0, "transport-stdio was built for ABI %d", JF_ABI_MAJOR);
        return NULL;
    }
    return &plugin;
}
