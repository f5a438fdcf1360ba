/* SPDX-License-Identifier: Apache-2.0
 * Who may ask: the Host check against DNS rebinding, the Origin check, and CORS answers (Fetch standard). */
#include "listener.h"

uint16_t access_check(struct conn *c, const char **text) {
    const struct allowed *rules = &c->listener->port.allowed;
    struct incoming *in = &c->in;
    jf_view host = incoming_field(in, FIELD_HOST);
    if (incoming_repeated(in, FIELD_HOST) || (host.ptr == NULL && !c->http10)) {
        *text = "Bad request: exactly one Host header is needed";
        return 400;
    }
    if (host.ptr != NULL ? !allowed_host(rules, host) : rules->check_host && !c->http10) {
        *text = "Forbidden: this server does not answer to that Host; see allowed_hosts";
        return 403;
    }
    jf_view origin = incoming_field(in, FIELD_ORIGIN);
    if (origin.ptr == NULL) return 0;
    if (incoming_repeated(in, FIELD_ORIGIN) || origin.len > 256 || !allowed_origin(rules, origin, host)) {
        *text = "Forbidden: requests from that Origin are not allowed; see allowed_origins";
        return 403;
    }
    c->origin = self_copy(in->self, origin);
    return 0;
}

void put_cors(struct writer *w, struct conn *c) {
    put_literal(w, "Access-Control-Allow-Origin: ");
    put_bytes(w, c->origin, strlen(c->origin));
    put_literal(w, "\r\nVary: Origin\r\n"
                   "Access-Control-Expose-Headers: Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, "
                   "Retry-After\r\n");
}
