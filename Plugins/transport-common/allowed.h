/* SPDX-License-Identifier: Apache-2.0
 * Who may come in from a browser: the Host check against DNS rebinding, the Origin check. */
#ifndef TRANSPORT_COMMON_ALLOWED_H
#define TRANSPORT_COMMON_ALLOWED_H

#include "settings.h"
#include "uri.h"

struct allowed {
    struct text_list hosts, origins;
    bool any_host, any_origin, check_host;
    bool loopback_origins; /**< nothing configured, bound to loopback: pages of this machine may call */
};

/** Reads `allowed_hosts` and `allowed_origins`. False: they are no lists of texts, or out of memory. */
bool allowed_read(struct allowed *it, jf_self *self, jf_view config);
/** What holds where nothing is configured, by the address that is listened at. */
void allowed_settle(struct allowed *it, const struct endpoint *bound);
void allowed_end(struct allowed *it, jf_self *self);
bool allowed_host(const struct allowed *it, jf_view authority);
/** `host` is the request's Host, which was found allowed. */
bool allowed_origin(const struct allowed *it, jf_view origin, jf_view host);

#endif
