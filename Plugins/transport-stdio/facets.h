/* SPDX-License-Identifier: Apache-2.0
 * The two facet tables. */
#ifndef STDIO_FACETS_H
#define STDIO_FACETS_H

#include "plugin.h"

extern const jf_connector_1 connector_facet;
extern const jf_listener_1 listener_facet;

/** Ends all channels now, within a second. [control] */
void connector_stop(jf_self *self);
/** Ends the client now, with its answers written as far as they go without waiting. [control] */
void listener_stop(jf_self *self);

#endif
