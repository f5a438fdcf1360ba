/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.facets: the manifest lists a facet that it does not have. */
#include "toolset.h"

#define FACET none
static const void *none(jf_self *self, const char *id) {
    (void)self, (void)id;
    return NULL;
}

#include "plugin.h"
