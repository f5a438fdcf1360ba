/* SPDX-License-Identifier: Apache-2.0
 * http(s) URLs, host:port texts and socket addresses. */
#include "uri.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool authority_split(jf_view text, jf_view *host, uint16_t *port) {
    jf_view rest;
    if (text.len != 0 && text.ptr[0] == '[') {
        *host = view_until(view_make(text.ptr + 1, text.len - 1), ']', &rest);
        if (rest.ptr == NULL) return false;
        if (rest.len == 0) return host->len != 0;
        if (rest.ptr[0] != ':') return false;
        rest = view_make(rest.ptr + 1, rest.len - 1);
    } else {
        *host = view_until(text, ':', &rest);
        if (rest.ptr == NULL) return host->len != 0;
    }
    uint32_t number = 0;
    if (rest.len == 0 || rest.len > 5 || host->len == 0) return false;
    for (uint64_t i = 0; i < rest.len; i++) {
        if (rest.ptr[i] < '0' || rest.ptr[i] > '9') return false;
        number = number * 10 + (uint32_t)(rest.ptr[i] - '0');
    }
    *port = (uint16_t)number;
    return number <= 65535;
}

bool url_parse(jf_view text, struct url *out) {
    uint64_t scheme = 0;
    if (text.len > 7 && same_nocase(text.ptr, 7, "http://", 7))
        scheme = 7;
    else if (text.len > 8 && same_nocase(text.ptr, 8, "https://", 8))
        scheme = 8;
    else
        return false;
    for (uint64_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f) return false;
    out->secure = scheme == 8;
    out->port = out->secure ? 443 : 80;
    uint64_t end = scheme;
    while (end < text.len && memchr("/?#", text.ptr[end], 3) == NULL)
        end++;
    out->authority = view_make(text.ptr + scheme, end - scheme);
    if (memchr(out->authority.ptr, '@', out->authority.len) != NULL) return false;
    jf_view fragment;
    out->path = view_until(view_make(text.ptr + end, text.len - end), '#', &fragment);
    return authority_split(out->authority, &out->host, &out->port) && out->port != 0;
}

bool host_is_loopback(jf_view host) {
    if (view_is_nocase(host, "localhost") || view_is_nocase(host, "::1") || view_is_nocase(host, "[::1]"))
        return true;
    struct endpoint endpoint;
    return endpoint_literal(host, 1, &endpoint) && endpoint_is_loopback(&endpoint);
}

bool endpoint_literal(jf_view host, uint16_t port, struct endpoint *out) {
    char text[INET6_ADDRSTRLEN + 1];
    if (view_is_nocase(host, "localhost")) host = LITERAL("127.0.0.1");
    if (view_is_nocase(host, "*")) host = LITERAL("0.0.0.0");
    if (host.len >= sizeof(text)) return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = 0;
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, text, &out->address.v4.sin_addr) == 1) {
        out->address.v4.sin_family = AF_INET;
        out->address.v4.sin_port = htons(port);
        out->length = sizeof(out->address.v4);
        return true;
    }
    if (inet_pton(AF_INET6, text, &out->address.v6.sin6_addr) == 1) {
        out->address.v6.sin6_family = AF_INET6;
        out->address.v6.sin6_port = htons(port);
        out->length = sizeof(out->address.v6);
        return true;
    }
    return false;
}

bool endpoint_is_loopback(const struct endpoint *endpoint) {
    if (endpoint->address.any.sa_family == AF_INET)
        return ntohl(endpoint->address.v4.sin_addr.s_addr) >> 24 == 127;
    const struct in6_addr *v6 = &endpoint->address.v6.sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

uint16_t endpoint_port(const struct endpoint *endpoint) {
    return ntohs(endpoint->address.any.sa_family == AF_INET ? endpoint->address.v4.sin_port
                                                            : endpoint->address.v6.sin6_port);
}

uint32_t endpoint_text(const struct endpoint *endpoint, char *out, uint32_t room) {
    char host[INET6_ADDRSTRLEN] = "?";
    bool v4 = endpoint->address.any.sa_family == AF_INET;
    const void *address =
        v4 ? (const void *)&endpoint->address.v4.sin_addr : (const void *)&endpoint->address.v6.sin6_addr;
    inet_ntop(endpoint->address.any.sa_family, address, host, sizeof(host));
    int length = snprintf(out, room, v4 ? "%s:%u" : "[%s]:%u", host, endpoint_port(endpoint));
    return length < 0 ? 0 : (uint32_t)length;
}

bool endpoint_is_special(const struct endpoint *e) {
    const struct in6_addr *v6 = &e->address.v6.sin6_addr;
    uint32_t v4 = 0;
    if (e->address.any.sa_family == AF_INET) {
        v4 = ntohl(e->address.v4.sin_addr.s_addr);
    } else {
        static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
        bool mapped = IN6_IS_ADDR_V4MAPPED(v6) || memcmp(v6->s6_addr, nat64, 12) == 0;
        if (v6->s6_addr[0] == 0x20 && v6->s6_addr[1] == 0x02)
            v4 = (uint32_t)v6->s6_addr[2] << 24 | (uint32_t)v6->s6_addr[3] << 16 |
                 (uint32_t)v6->s6_addr[4] << 8 | v6->s6_addr[5];
        else if (mapped)
            v4 = (uint32_t)v6->s6_addr[12] << 24 | (uint32_t)v6->s6_addr[13] << 16 |
                 (uint32_t)v6->s6_addr[14] << 8 | v6->s6_addr[15];
        else // Global unicast is 2000::/3, without the documentation's 2001:db8::/32.
            return (v6->s6_addr[0] & 0xe0) != 0x20 || (v6->s6_addr[0] == 0x20 && v6->s6_addr[1] == 0x01 &&
                                                       v6->s6_addr[2] == 0x0d && v6->s6_addr[3] == 0xb8);
    }
    static const struct {
        uint32_t net, bits;
    } nets[] = {{0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
                {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0a80000, 16}, {0xc6120000, 15},
                {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 3}};
    for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
        if ((v4 ^ nets[i].net) >> (32 - nets[i].bits) == 0) return true;
    return false;
}
