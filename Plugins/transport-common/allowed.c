/* SPDX-License-Identifier: Apache-2.0
 * Who may come in from a browser: the Host check against DNS rebinding, the Origin check. */
#include "allowed.h"

static bool has_star(const struct text_list *list) {
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], "*") == 0) return true;
    return false;
}

bool allowed_read(struct allowed *it, jf_self *self, jf_view config) {
    if (!setting_list(self, config, "/allowed_hosts", &it->hosts) ||
        !setting_list(self, config, "/allowed_origins", &it->origins))
        return false;
    it->any_host = has_star(&it->hosts);
    it->any_origin = has_star(&it->origins);
    return true;
}

void allowed_settle(struct allowed *it, const struct endpoint *bound) {
    bool loopback = endpoint_is_loopback(bound);
    it->check_host = it->hosts.count != 0 ? !it->any_host : loopback;
    it->loopback_origins = loopback && it->origins.count == 0;
}

void allowed_end(struct allowed *it, jf_self *self) {
    text_list_end(self, &it->hosts);
    text_list_end(self, &it->origins);
}

/** Host of "host[:port]" equals `pattern`; a pattern with a port wants the same port. */
static bool host_matches(jf_view authority, const char *pattern) {
    jf_view wanted = view_make(pattern, strlen(pattern)), host, wanted_host;
    uint16_t port = 0, wanted_port = 0;
    if (!authority_split(authority, &host, &port) || !authority_split(wanted, &wanted_host, &wanted_port))
        return view_equal_nocase(authority, wanted);
    return view_equal_nocase(host, wanted_host) && (wanted_port == 0 || wanted_port == port);
}

bool allowed_host(const struct allowed *it, jf_view authority) {
    if (!it->check_host) return true;
    for (uint32_t i = 0; i < it->hosts.count; i++)
        if (host_matches(authority, it->hosts.items[i])) return true;
    if (it->hosts.count != 0) return false;
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

bool allowed_origin(const struct allowed *it, jf_view origin, jf_view host) {
    struct url url;
    if (it->any_origin) return true;
    for (uint32_t i = 0; i < it->origins.count; i++)
        if (origin_matches(origin, it->origins.items[i])) return true;
    if (!url_parse(origin, &url)) return false;
    // Pages under the listener's own name, once the Host is known to be ours.
    if (it->check_host && view_equal_nocase(url.authority, host)) return true;
    return it->loopback_origins && host_is_loopback(url.host);
}
