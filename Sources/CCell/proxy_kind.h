/* SPDX-License-Identifier: Apache-2.0
 * Between the descriptions of cells and their instances. */
#ifndef CELL_PROXY_KIND_H
#define CELL_PROXY_KIND_H

#include "proxy.h"

/** All slots but `create`. */
extern const jf_plugin proxy_plugin_table;
int32_t proxy_create(proxy_kind *kind, const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why);
void proxy_count_instance(proxy_kind *kind, bool more);

#endif
