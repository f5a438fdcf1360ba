/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.facets: its table sets a flag that hosts must refuse. */
#include "toolset.h"

#define FACET flagged
static const void *flagged(jf_self *self, const char *id) {
    static const jf_toolset_1 table = {.size = sizeof table,
                                       .flags = 1u << 20,
                                       .open = good_open,
                                       .close = good_close,
                                       .list = good_list,
                                       .call = good_call};
    (void)self;
    return strcmp(id, JF_TOOLSET_1) == 0 ? &table : NULL;
}

#include "plugin.h"
