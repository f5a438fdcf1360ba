/* SPDX-License-Identifier: Apache-2.0
 * Who may connect: the Host check against DNS rebinding and the Origin check, with the rules of
 * transport-http. A browser lets every page open a WebSocket to everywhere: this check is all there is. */
#include "server.h"

/** Host of "host[:port]" equals `pattern`; a pattern with a port wants the same port. */
static bool host_matches(jf_view authority, const char *pattern) {
    jf_view wanted = view_make(pattern, strlen(pattern)), host, wanted_host;
    uint16_t port = 0, wanted_port = 0;
    if (!authority_split(authority, &host, &port) || !authority_split(wanted, &wanted_host, &wanted_port))
        return view_equal_nocase(authority, wanted);
    return view_equal_nocase(host, wanted_host) && (wanted_port == 0 || wanted_port == port);
}

static bool host_allowed(const struct listener *l, jf_view authority) {
    if (!l->check_host) return true;
    for (uint32_t i = 0; i < l->hosts.count; i++)
        if (host_matches(authority, l->hosts.items[i])) return true;
    if (l->hosts.count != 0) return false;
    jf_view host;
    uint16_t port = 0;
    return authority_split(authority, &host, &port) && host_is_loopback(host);
}

/** "https://a.example" as configured; ":*" at the end allows every port. */
static bool origin_matches(jf_view origin, const char *pattern) {
    jf_view wanted = view_make(pattern, strlen(pattern));
    if (wanted.len > 2 && memcmp(wanted.ptr + wanted.len - 2, ":*", 2) == 0) {
        wanted.len -= 2;
        if (origin.len < wanted.len || !view_equal_nocase(view_make(origin.ptr, wanted.len), wanted))
            return false;
        return origin.len == wanted.len || origin.ptr[wanted.len] == ':';
    }
    return view_equal_nocase(origin, wanted);
}

static bool origin_allowed(const struct listener *l, jf_view origin, jf_view host) {
    struct url url;
    if (l->any_origin) return true;
    for (uint32_t i = 0; i < l->origins.count; i++)
        if (origin_matches(origin, l->origins.items[i])) return true;
    if (!url_parse(origin, &url)) return false;
    // Pages that a proxy serves under the listener's own name, once the Host is known to be ours.
    if (l->check_host && view_equal_nocase(url.authority, host)) return true;
    return l->loopback_origins && host_is_loopback(url.host);
}

uint16_t access_check(struct conn *c, const char **text) {
    const struct listener *l = c->listener;
    const struct incoming *in = &c->in;
    jf_view host = incoming_field(in, FIELD_HOST), origin = incoming_field(in, FIELD_ORIGIN);
    if (incoming_repeated(in, FIELD_HOST) || host.ptr == NULL) {
        *text = "Bad request: exactly one Host header is needed";
        return 400;
    }
    if (!host_allowed(l, host)) {
        *text = "Forbidden: this server does not answer to that Host; see allowed_hosts";
        return 403;
    }
    if (origin.ptr == NULL) return 0;
    if (incoming_repeated(in, FIELD_ORIGIN) || origin.len > 256 || !origin_allowed(l, origin, host)) {
        *text = "Forbidden: connections from that Origin are not allowed; see allowed_origins";
        return 403;
    }
    return 0;
}
