/* SPDX-License-Identifier: Apache-2.0
 * Who may connect: the Host check against DNS rebinding and the Origin check, with the rules of
 * transport-http. A browser lets every page open a WebSocket to everywhere: this check is all there is. */
#include "server.h"

uint16_t access_check(struct conn *c, const char **text) {
    const struct allowed *rules = &c->listener->port.allowed;
    const struct incoming *in = &c->in;
    jf_view host = incoming_field(in, FIELD_HOST), origin = incoming_field(in, FIELD_ORIGIN);
    if (incoming_repeated(in, FIELD_HOST) || host.ptr == NULL) {
        *text = "Bad request: exactly one Host header is needed";
        return 400;
    }
    if (!allowed_host(rules, host)) {
        *text = "Forbidden: this server does not answer to that Host; see allowed_hosts";
        return 403;
    }
    if (origin.ptr == NULL) return 0;
    if (incoming_repeated(in, FIELD_ORIGIN) || origin.len > 256 || !allowed_origin(rules, origin, host)) {
        *text = "Forbidden: connections from that Origin are not allowed; see allowed_origins";
        return 403;
    }
    return 0;
}
